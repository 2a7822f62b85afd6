"""Rule quadratic of proofs/FORMAT.md, section 3: predicates on a ball or a box of real inputs of a network that is a polynomial of degree two."""
from fractions import Fraction
from math import isqrt, lcm
from operator import mul

from certificate import Rejected, rational
import deep
from models import Model
from region import Region, around, cell_matrix, cells
from statement import E
from values import Array, exact, integer

FACTOR_BITS = 96                                      # of the rounded factor, before the exact elimination is asked


def need(condition, message):
    if not condition:
        raise Rejected("rule quadratic: " + message)


# polynomials: {(): constant, (i,): linear, (i, j) with i <= j: quadratic}, integers times 2^-shift

class Row:
    """pairs: the entries are products of these pairs of polynomials, multiplied only when they are asked for."""

    def __init__(self, entries, shift, pairs=None, product=None):
        self.written, self.shift, self.pairs, self.product = entries, shift, pairs, product

    @property
    def entries(self):
        if self.written is None:
            self.written = [self.product(p, q) for p, q in self.pairs]
        return self.written

    def degree(self):
        if self.pairs is not None:
            return max([0] + [len(m) for p, _ in self.pairs for m in p]) + max([0] + [len(m) for _, q in self.pairs for m in q])
        return max([0] + [len(m) for p in self.entries for m in p])

    def at(self, shift):
        """The entries over a larger power of two."""
        up = shift - self.shift
        return [{m: c << up for m, c in p.items()} for p in self.entries]


def add_to(p, q, factor=1):
    for m, c in q.items():
        p[m] = p.get(m, 0) + c * factor


def product(p, q):
    out = {}
    for m, a in p.items():
        for n, b in q.items():
            key = tuple(sorted(m + n))
            out[key] = out.get(key, 0) + a * b
    return out


def ordered_product(p, q):
    """The same with (i, j) for an x_i of p and an x_j of q."""
    out = {}
    for m, a in p.items():
        for n, b in q.items():
            out[m + n] = out.get(m + n, 0) + a * b
    return out


class Polynomials:
    """The output row of a network of one vector of real inputs."""
    product = staticmethod(product)

    def __init__(self, net, leaf=None, output=None):
        """leaf: the node whose entries are the variables, None for the input; output: the node that is wanted, None for the network's."""
        need(net.real_width is not None and net.n_ctx == 1, "not a network of one row of real inputs")
        self.net, self.rows, self.output = net, {}, output or net.output
        self.leaf = leaf or next(name for name, node in net.nodes.items() if node.op == "input")
        self.n = net.real_width if net.nodes[self.leaf].op == "input" else net.nodes[self.leaf].width
        for name in self.needed():
            node = net.nodes[name]
            if name == self.leaf:
                self.rows[name] = Row([{(i,): 1} for i in range(self.n)], 0)
                continue
            method = getattr(self, "op_" + node.op, None)
            need(method, "%s is not addition, multiplication or choice of entries" % node.op)
            self.rows[name] = method(node, [self.rows[x] for x in node.inputs])
            need(self.rows[name].degree() <= 2, "the degree of %s is more than two" % name)

    def needed(self):
        found = {self.output}
        for name in reversed(list(self.net.nodes)):
            if name in found and name != self.leaf:
                found.update(self.net.nodes[name].inputs)
        return [name for name in self.net.nodes if name in found]

    def op_constant(self, node, rows):
        return Row([{(): x} for x in node.parts[0].ints], node.parts[0].shift)

    def op_position(self, node, rows):
        return Row([{(): x} for x in node.parts[0].rows[0]], node.parts[0].shift)

    def op_add(self, node, rows, signs=None):
        shift = max(r.shift for r in rows)
        out = [{} for _ in rows[0].entries]
        for k, r in enumerate(rows):
            for p, q in zip(out, r.at(shift)):
                add_to(p, q, signs[k] if signs else 1)
        return Row(out, shift)

    def op_sub(self, node, rows):
        return self.op_add(node, rows, (1, -1))

    def op_linear(self, node, rows):
        matrix, bias = node.parts[0], node.parts[1] if len(node.parts) > 1 else None
        out = []
        for column in matrix.columns:
            out.append({})
            for p, w in zip(rows[0].pairs or rows[0].entries, column):
                if w:
                    add_to(out[-1], self.product(*p) if rows[0].pairs else p, w)
        result = Row(out, rows[0].shift + matrix.shift)
        return result if bias is None else self.op_add(node, [result, Row([{(): x} for x in bias.ints], bias.shift)])

    def op_mul(self, node, rows):
        self.low(rows)
        return Row(None, rows[0].shift + rows[1].shift, list(zip(rows[0].entries, rows[1].entries)), self.product)

    def op_matmul(self, node, rows):
        self.low(rows)
        b, a, k, c = node.d
        out = []
        for g in range(b):
            for i in range(a):
                for j in range(c):
                    out.append({})
                    for m in range(k):
                        add_to(out[-1], self.product(rows[0].entries[(g * a + i) * k + m], rows[1].entries[(g * k + m) * c + j]))
        return Row(out, rows[0].shift + rows[1].shift)

    def low(self, rows):
        need(rows[0].degree() + rows[1].degree() <= 2, "a product of degree more than two")

    def op_select(self, node, rows):
        return Row([rows[0].entries[i] for i in node.d], rows[0].shift)

    def op_row(self, node, rows):
        need(node.d == 0, "a row that the input has not")
        return rows[0]

    def op_concat(self, node, rows):
        shift = max(r.shift for r in rows)
        return Row([p for r in rows for p in r.at(shift)], shift)


class OrderedPolynomials(Polynomials):
    """Quadratic terms by the factor of each product from which their variables are: (i, j) from the first and the second."""
    product = staticmethod(ordered_product)


# matrices, lists of rows of integers

def positive_definite(a):
    """Whether the symmetric matrix is, exactly."""
    return all(a[i][i] > 0 for i in range(len(a))) and (by_factor(a) or by_elimination(a))


def by_factor(z):
    """By a rounded triangular factor of the scaled matrix: what is left must be diagonally dominant."""
    n, p = len(z), FACTOR_BITS
    half = [(z[i][i].bit_length() - 1) // 2 for i in range(n)]
    a = [[shifted(z[i][j], 2 * p - half[i] - half[j]) for j in range(i + 1)] for i in range(n)]
    g = []
    for i in range(n):
        row = []
        for j in range(i):
            row.append((a[i][j] - sum(map(mul, row, g[j]))) // g[j][j])
        rest = a[i][i] - sum(map(mul, row, row)) - ((n + 2) << (p + 3))
        if rest <= 0:
            return False
        row.append(isqrt(rest))
        g.append(row)
    off = [0] * n
    for i in range(n):
        for j in range(i):
            r = abs(a[i][j] - sum(map(mul, g[i], g[j]))) + 1          # a was rounded down by less than 1
            off[i], off[j] = off[i] + r, off[j] + r
    return all(a[i][i] - sum(map(mul, g[i], g[i])) > off[i] for i in range(n))


def shifted(x, up):
    return x << up if up >= 0 else x >> -up


def by_elimination(z):
    """All leading minors are positive, by fraction-free elimination."""
    a, before = [row[:] for row in z], 1
    for k in range(len(a)):
        if a[k][k] <= 0:
            return False
        for i in range(k + 1, len(a)):
            a[i] = a[i][:k + 1] + [(a[i][j] * a[k][k] - a[i][k] * a[k][j]) // before for j in range(k + 1, len(a))]
        before = a[k][k]
    return True


def ball_matrix(p, unit, x0, radius2, multiplier):
    """A positive multiple of [[Q + multiplier, g / 2], [g / 2, m - multiplier r^2]] of the form p / unit around x0, its last row and column scaled: integers."""
    n = len(x0)
    z, q, gradient, value = around(p, x0)
    up, down = multiplier.numerator, multiplier.denominator
    above, below = radius2.numerator, radius2.denominator
    a = [[entry * down for entry in row] for row in q]
    for i in range(n):
        a[i][i] += 2 * up * unit
        a[i].append(gradient[i] * down * below)
    last = 2 * below * (value * down * below - up * unit * above * z * z)
    return a + [[row[n] for row in a] + [last]]


def names(e):
    """Names that stand in an expression or set."""
    if isinstance(e, E):
        if e.kind == "name":
            yield e.parts[0]
        elif e.kind == "rows":
            yield e.parts[0]
        e = e.parts
    if isinstance(e, (list, tuple)):
        for x in e:
            yield from names(x)


def calls(e, found):
    if isinstance(e, E):
        if e.kind == "call":
            found.append(e)
        e = e.parts
    if isinstance(e, (list, tuple)):
        for x in e:
            calls(x, found)
    return found


NETWORK = {"logits", "output", "attn", "score", "head_out", "resid_pre", "resid_mid", "resid_post", "mlp_pre", "mlp_post", "node", "radius"}


EMPTY = "empty"             # no vector satisfies the condition of a forall


class BallClaim:
    """outer: binders before that of the vector; where: the condition or None; cut: the condition whose parts may read the vector."""

    def __init__(self, s, interpreter):
        need(not s.float32, "real semantics only")
        self.interpreter = interpreter
        body, universal = s.body, s.kind == "prove" and s.forall is not None
        self.universal = universal
        if universal:
            binds, self.where, self.predicate = s.binds, s.where, body
        else:
            need(body.kind == "quantifier" and body.parts[0] == "all", "not an all{} over a ball")
            _, self.predicate, binds, self.where = body.parts
        if s.kind == "count":
            need(len(binds) == 1, "a count is of an all{} over one ball")
            self.outer, self.cut, self.where = s.binds, self.where, s.where
        else:
            self.outer, self.cut = binds[:-1], self.where
        self.whole = s.kind == "count"
        self.vector, self.ball = binds[-1]
        need(self.ball.kind in ("ball", "cube", "box"), "the last variable is not in a ball or a box")
        readers = [e for e in calls(self.predicate, []) if e.parts[0] == "output" and self.vector in names(e.parts[1])]
        need(readers and readers[0].parts[1][0].kind == "name", "no output of a network that reads the vector")
        self.model = readers[0].parts[1][0].parts[0]
        model = interpreter.models.get(self.model)
        need(isinstance(model, Model), "no network")
        self.n, self.width = model.net.real_width, model.net.nodes[model.net.output].width
        row = self.layers(model.net)
        self.shift, self.outputs = row.shift, row.entries

    def layers(self, net):
        """The row of the outputs. self.inner: None, or with two layers the parts of the entries of the node between them."""
        self.inner = None
        try:
            return Polynomials(net).rows[net.output]
        except Rejected:
            found = deep.find(net, Polynomials, Rejected)
            if found is None:
                raise
        outer, inner = found
        row = inner.rows[inner.output]
        self.inner = [deep.parts(p, 1 << row.shift, self.n) for p in row.entries]
        return outer.rows[net.output]

    # values that do not rest on the vector

    def plain(self, e):
        return self.vector not in names(e) and not any(x.parts[0] in NETWORK for x in calls(e, []))

    def number(self, e, env):
        need(self.plain(e), "an exact number was expected")
        x = self.interpreter.value(e, env)
        need(exact(x), "a number is not exact")
        return Fraction(x)

    def exact_vector(self, e, env, number_allowed):
        need(self.plain(e), "an exact vector was expected")
        x = self.interpreter.value(e, env)
        if number_allowed and exact(x):
            return [Fraction(x)] * self.n
        need(isinstance(x, Array) and x.shape == (self.n,) and all(exact(y) for y in x), "an exact vector of the network's inputs was expected")
        return [Fraction(y) for y in x]

    # conditions and the region

    def condition(self, env, where="the whole condition"):
        """The truth of the parts of the condition that do not read the vector."""
        where = self.where if where == "the whole condition" else where
        if where is None:
            return True
        if self.vector not in names(where):
            return self.interpreter.condition(where, env)
        if not (where.kind == "binary" and where.parts[0] == "and"):
            return True
        left = self.condition(env, where.parts[1])
        right = left if left is False else self.condition(env, where.parts[2])
        return False if right is False else True if left is True and right is True else None

    def limits(self, e, env, inside):
        """(coefficients and constant, strict) of the conditions on the vector; inside: a part all of which must be such conditions."""
        if e is None or not (inside or self.vector in names(e)):
            return
        if e.kind == "binary" and e.parts[0] == "and":
            for part in e.parts[1:]:
                yield from self.limits(part, env, inside)
        elif e.kind == "compare":
            for op, a, b in zip(e.parts[0], e.parts[1], e.parts[1][1:]):
                need(op != "!=", "a condition that is not convex")
                for sign in {"<": (-1,), "<=": (-1,), ">": (1,), ">=": (1,), "==": (1, -1)}[op]:
                    v = [Fraction(0)] * (self.n + 1)
                    self.linear(a, env, Fraction(sign), v, self.entry_of_vector)
                    self.linear(b, env, Fraction(-sign), v, self.entry_of_vector)
                    yield v, op in ("<", ">")
        elif e.kind == "quantifier" and e.parts[0] == "all":
            _, body, binds, where = e.parts
            need(where is None or self.vector not in names(where), "the condition of an all{} reads the vector")
            for inner in self.interpreter.bindings(binds, env):
                c = True if where is None else self.interpreter.settle(where, inner)
                need(c is not None, "the condition of an all{} is unsettled")
                if c:
                    yield from self.limits(body, inner, True)
        else:
            need(False, "a condition on the vector is no comparison, `and` or all{}")

    def entry_of_vector(self, e, env, factor, v):
        """v += factor d[i], (E + d)[i] or (d + E)[i]"""
        base, i, added = e.parts[0], self.place(e.parts[1][0], env, self.n), None
        if base.kind == "binary" and base.parts[0] == "+":
            base, added = (base.parts[2], base.parts[1]) if self.is_vector(base.parts[2]) else (base.parts[1], base.parts[2])
        need(self.is_vector(base), "a condition is not linear in entries of the vector")
        if added is not None:
            v[-1] += factor * self.exact_vector(added, env, False)[i]
        v[i] += factor

    def region(self, env):
        limits = list(self.limits(self.cut, env, self.whole))
        if self.ball.kind == "box":
            lo, hi = (self.exact_vector(e, env, True) for e in self.ball.parts)
            need(all(a <= b for a, b in zip(lo, hi)), "the box is empty")
            return Region(lo, hi, None, limits)
        centre, radius = self.exact_vector(self.ball.parts[0], env, True), self.number(self.ball.parts[1], env)
        need(radius >= 0, "the radius is negative")
        return Region([c - radius for c in centre], [c + radius for c in centre], (centre, radius * radius) if self.ball.kind == "ball" else None, limits)

    # forms: ([coefficient of each output], constant, strict)

    def forms(self, env):
        """The forms of the predicate, and what is added to the vector before the network reads it."""
        self.added = None
        forms = list(self.of_predicate(self.predicate, env))
        return forms, self.added or [Fraction(0)] * self.n

    def is_vector(self, e):
        return e.kind == "name" and e.parts[0] == self.vector

    def output_call(self, e, env):
        need(e.kind == "call" and e.parts[0] == "output", "an output of the network was expected")
        model, x = e.parts[1]
        need(model.kind == "name" and model.parts[0] == self.model, "more than one network")
        added = [Fraction(0)] * self.n
        if x.kind == "binary" and x.parts[0] == "+":
            left, right = x.parts[1:]
            x, rest = (right, left) if self.is_vector(right) else (left, right)
            need(self.is_vector(x), "the network reads something else than the vector plus an exact one")
            added = self.exact_vector(rest, env, False)
        need(self.is_vector(x), "the network reads something else than the vector plus an exact one")
        need(self.added is None or self.added == added, "the network reads two inputs")
        self.added = added

    def index(self, e, env):
        return self.place(e, env, self.width)

    def place(self, e, env, size):
        if e.kind == "name" and e.parts[0] == "last":
            return size - 1
        need(self.plain(e), "an index rests on the network")
        i = integer(self.interpreter.value(e, env))
        need(0 <= i < size, "index out of range")
        return i

    def of_predicate(self, e, env):
        if e.kind == "binary" and e.parts[0] == "and":
            yield from self.of_predicate(e.parts[1], env)
            yield from self.of_predicate(e.parts[2], env)
        elif e.kind == "compare":
            operators, operands = e.parts
            largest = [k for k in (0, 1) if operands[k].kind == "call" and operands[k].parts[0] == "argmax"]
            if operators == ["=="] and largest:
                yield from self.largest(operands[largest[0]].parts[1][0], operands[1 - largest[0]], env, True)
            else:
                for op, a, b in zip(operators, operands, operands[1:]):
                    need(op in ("<", "<=", ">", ">="), "an equation of reals")
                    form = [Fraction(0)] * (self.width + 1)
                    sign = Fraction(1 if op in (">", ">=") else -1)
                    self.linear(a, env, sign, form)
                    self.linear(b, env, -sign, form)
                    yield form, op in ("<", ">")
        elif e.kind == "member" and e.parts[1].kind == "argmaxes":
            yield from self.largest(e.parts[1].parts[0], e.parts[0], env, False)
        elif e.kind == "quantifier" and e.parts[0] == "all":
            _, body, binds, where = e.parts
            for inner in self.interpreter.bindings(binds, env):
                c = True if where is None else self.interpreter.settle(where, inner)
                need(c is not None, "the condition of an all{} is unsettled")
                if c:
                    yield from self.of_predicate(body, inner)
        else:
            need(False, "a predicate of another kind")

    def largest(self, outputs, which, env, strict):
        self.output_call(outputs, env)
        i = self.index(which, env)
        for j in range(self.width):
            if j != i:
                form = [Fraction(0)] * (self.width + 1)
                form[i], form[j] = Fraction(1), Fraction(-1)
                yield form, strict

    def linear(self, e, env, factor, form, entry=None):
        """form += factor e; entry: what an index of something that reads the vector adds"""
        if self.plain(e):
            form[-1] += factor * self.number(e, env)
        elif e.kind == "neg":
            self.linear(e.parts[0], env, -factor, form, entry)
        elif e.kind == "binary" and e.parts[0] in ("+", "-"):
            self.linear(e.parts[1], env, factor, form, entry)
            self.linear(e.parts[2], env, factor if e.parts[0] == "+" else -factor, form, entry)
        elif e.kind == "binary" and e.parts[0] in ("*", "/"):
            op, a, b = e.parts
            if op == "*" and not self.plain(b):
                a, b = b, a
            x = self.number(b, env)
            need(op == "*" or x != 0, "division by 0")
            self.linear(a, env, factor * x if op == "*" else factor / x, form, entry)
        elif e.kind == "index" and len(e.parts[1]) == 1:
            (entry or self.entry_of_output)(e, env, factor, form)
        else:
            need(False, "not linear in outputs of the network or entries of the vector")

    def entry_of_output(self, e, env, factor, form):
        self.output_call(e.parts[0], env)
        form[self.index(e.parts[1][0], env)] += factor

    # decisions

    def polynomial(self, form):
        """The form times a positive integer, and that integer."""
        below = lcm(*[c.denominator for c in form])
        out = {(): (form[-1].numerator * (below // form[-1].denominator)) << self.shift}
        for c, p in zip(form, self.outputs):
            if c:
                add_to(out, p, c.numerator * (below // c.denominator))
        return out, below << self.shift

    def matrix(self, form, x0, radius2, multiplier):
        """ball_matrix of the form around x0"""
        p, unit = self.polynomial(form)
        return ball_matrix(p, unit, x0, radius2, multiplier)

    def case(self, lines, env):
        """The truth of the predicate on the region, as the first of the lines and those that belong to it show it; they are taken from the list."""
        line = lines.pop(0)
        word, _, rest = line.partition(" ")
        if line == "open":
            return None
        need(word in ("hold", "fail", "empty"), "'hold', 'fail', 'empty' or 'open' expected")
        if word == "empty":
            region, weights = self.region(env), [rational(x) for x in rest.split(" ")]
            need(None not in weights and len(weights) == len(region.limits) and min(weights) >= 0, "not one weight for each condition")
            need(region.excluded(weights), "the weights do not show the region empty")
            self.forms(env)
            return EMPTY if self.universal else True
        if word == "fail":
            need(self.fails(env, self.read_vector(rest)), "the predicate does not fail at the vector")
            return False
        forms, added = self.forms(env)
        region = self.region(env)
        if region.is_point():
            need(line == "hold", "a region of one point has no multipliers")
            need(not region.has(region.lo) or not self.fails(env, region.lo), "a form fails at the point")
            return True
        if region.is_ball() and self.inner is None:
            self.by_multipliers(line, rest, forms, [a + b for a, b in zip(region.ball[0], added)], region.ball[1])
            return True
        need(line == "hold", "multipliers of a region other than a ball stand in its leaves")
        for form, _ in forms if region.possible() else []:
            p, unit = self.polynomial(form)
            parts = self.inner and deep.parts(p, unit, len(self.inner))

            def shown(lo, hi, m):
                matrix = deep.matrix(parts, self.inner, added, region, lo, hi, m) if self.inner else cell_matrix(p, unit, added, region, lo, hi, m)
                need(positive_definite(matrix), "the multipliers do not show the form positive")
            cells(lines, region, rational, shown, need, len(self.inner or []))
        return True

    def by_multipliers(self, line, rest, forms, x0, radius2):
        """One multiplier a form, on a whole l2 ball."""
        multipliers = [rational(x) for x in rest.split(" ")] if rest else []
        need(line == "hold" or rest, "one space too many")
        need(None not in multipliers and len(multipliers) == len(forms), "not one multiplier for each form")
        for (form, _), multiplier in zip(forms, multipliers):
            need(multiplier >= 0, "a multiplier is negative")
            need(positive_definite(self.matrix(form, x0, radius2, multiplier)), "a multiplier does not show its form positive")

    def read_vector(self, text):
        entries = text.split(",")
        if len(entries) == 2 and entries[1] == "" and self.n == 1:
            entries = entries[:1]
        elif self.n == 1:
            entries = []
        vector = [rational(x) for x in entries]
        need(len(vector) == self.n and None not in vector, "not a vector of the network's inputs")
        return vector

    def point(self, given, environment):
        """(environment of the outer binders, the vector) of a BINDING."""
        need(given and given[-1][0] == self.vector and isinstance(given[-1][1], tuple) and len(given[-1][1]) == self.n, "not a binding of the vector")
        return environment(given[:-1], self.outer), [Fraction(x) for x in given[-1][1]]

    def inside(self, env, d):
        need(self.region(env).has(d), "the vector is not in the region")

    def fails(self, env, d):
        """Whether the predicate is false at the vector, which must be in the region."""
        self.inside(env, d)
        forms, added = self.forms(env)
        x = [a + b for a, b in zip(d, added)]
        if self.inner:
            x = deep.row_at(self.inner, x)
        for form, strict in forms:
            value = Fraction(0)
            for m, c in self.polynomial(form)[0].items():
                for i in m:
                    c = c * x[i]
                value += c
            if value < 0 or (strict and value == 0):
                return True
        return False
