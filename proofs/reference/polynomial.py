"""Rule polynomial of proofs/FORMAT.md, section 3: claims about all real vectors, cones, intervals and boxes, by weights that exclude a counterexample."""
import re
from fractions import Fraction
from math import lcm

from certificate import Rejected, rational
from disjuncts import Disjuncts, at, combined
from models import Model
from quadratic import NETWORK, Polynomials, calls, names, positive_definite
from values import Array, exact, integer

DEGREE, VARIABLES, ATOMS = 4, 65000, 1 << 20
KINDS = ("reals", "orthant", "cone", "interval", "box")
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
TERM = re.compile(r"(?:a(0|[1-9][0-9]*)|g(0|[1-9][0-9]*)(?:\*(0|[1-9][0-9]*))?):(\S+)\Z")


def need(condition, message):
    if not condition:
        raise Rejected("rule polynomial: " + message)


# polynomials: {monomial: coefficient}; a monomial is the sorted tuple of its variables, with repetition

def times(p, q):
    out = {}
    for m, a in p.items():
        for n, b in q.items():
            key = tuple(sorted(m + n))
            need(len(key) <= DEGREE, "a polynomial of degree more than four")
            out[key] = out.get(key, 0) + a * b
    return {m: c for m, c in out.items() if c}


def semidefinite(p):
    """Whether a polynomial of degree two is a sum of squares of linear ones: its matrix in (1, z) has no negative eigenvalue."""
    need(all(len(m) <= 2 for m in p), "what is left has a degree of more than two")
    rows = {None: 0}
    for m in p:
        for v in m:
            rows.setdefault(v, len(rows))
    below = lcm(*[c.denominator for c in p.values()])
    a = [[0] * len(rows) for _ in rows]
    for m, c in p.items():
        i, j = [rows[v] for v in (None, None) + m][-2:]
        c = int(c * below)
        a[i][j] += c
        a[j][i] += c
    used = [i for i, row in enumerate(a) if any(row)]
    a = [[a[i][j] for j in used] for i in used]
    return not a or positive_definite(a) or no_negative(a)


def no_negative(a):
    """By elimination without fractions, a positive diagonal entry at a time; where there is none, nothing may be left."""
    before = 1
    while a:
        n = len(a)
        k = next((i for i in range(n) if a[i][i] > 0), None)
        if k is None:
            return not any(x for row in a for x in row)
        if any(a[i][i] < 0 for i in range(n)):
            return False
        pivot, row, rest = a[k][k], a[k], [i for i in range(n) if i != k]
        a = [[(a[i][j] * pivot - row[i] * row[j]) // before for j in rest] for i in rest]
        before = pivot
    return True


class Variable:
    """value: a polynomial, or a list of them; at the region's variables first .. first + count - 1."""

    def __init__(self, name, kind, first, count, value):
        self.name, self.kind, self.first, self.count, self.value = name, kind, first, count, value


class RealClaim(Disjuncts):
    need, read_by, most = staticmethod(need), "real variables", ATOMS

    def __init__(self, s, interpreter):
        need(not s.float32, "real semantics only")
        need(s.kind == "prove" and s.forall is not None, "not a forall")
        self.s, self.interpreter = s, interpreter
        finite = next((i for i, (_, x) in enumerate(s.binds) if x.kind in KINDS), len(s.binds))
        self.outer, self.binds = s.binds[:finite], s.binds[finite:]
        need(self.binds and all(x.kind in KINDS for _, x in self.binds), "the variables in sets of reals do not come last")
        self.reals = {name for name, _ in self.binds}
        self.outputs, self.read = {}, {}

    def plain(self, e):
        return not self.reals & set(names(e)) and not any(x.parts[0] in NETWORK for x in calls(e, []))

    def exactly(self, e, env):
        """An exact number, or the list of the entries of an exact vector."""
        need(self.plain(e), "an exact value was expected")
        x = self.interpreter.value(e, env)
        if isinstance(x, Array):
            need(len(x.shape) == 1 and all(exact(y) for y in x), "an exact vector was expected")
            return [Fraction(y) for y in x]
        need(exact(x), "a number is not exact")
        return Fraction(x)

    def vector_of(self, e, env):
        x = self.exactly(e, env)
        need(isinstance(x, list) and x, "a vector was expected")
        return x

    # the region

    def region(self, env):
        """self.variables; self.ends: (lower, upper) of each variable of the region, None where there is none."""
        self.variables, self.ends, self.read = {}, [], {}
        for name, s in self.binds:
            first = len(self.ends)
            if s.kind == "cone":
                generators = [self.vector_of(g, env) for g in s.parts[0]]
                need(len({len(g) for g in generators}) == 1, "the generators of a cone are vectors of one length")
                self.ends += [(Fraction(0), None)] * len(generators)
                value = [combined(*[(g[i], {(first + k,): Fraction(1)}) for k, g in enumerate(generators)]) for i in range(len(generators[0]))]
            else:
                ends = self.ends_of(s, env)
                need(all(a is None or b is None or a <= b for a, b in ends), "a set of reals is empty")
                self.ends += ends
                value = [{(first + i,): Fraction(1)} for i in range(len(ends))]
            need(len(self.ends) <= VARIABLES, "too many real variables")
            self.variables[name] = Variable(name, s.kind, first, len(self.ends) - first, value[0] if s.kind == "interval" else value)
        self.bounds = []
        for v, (low, high) in enumerate(self.ends):
            if low is not None:
                self.bounds.append(combined((1, {(v,): Fraction(1)}), (-low, {(): Fraction(1)})))
            if high is not None:
                self.bounds.append(combined((high, {(): Fraction(1)}), (-1, {(v,): Fraction(1)})))

    def ends_of(self, s, env):
        if s.kind in ("reals", "orthant"):
            need(self.plain(s.parts[0]), "a length rests on real variables")
            n = integer(self.interpreter.value(s.parts[0], env))
            need(1 <= n <= VARIABLES, "a space of no such dimension")
            return [(Fraction(0) if s.kind == "orthant" else None, None)] * n
        if s.kind == "interval":
            ends = [self.exactly(x, env) for x in s.parts]
            need(not any(isinstance(x, list) for x in ends), "the ends of an interval are numbers")
            return [tuple(ends)]
        low, high = [self.vector_of(x, env) for x in s.parts]
        need(len(low) == len(high), "the corners of a box are vectors of one length")
        return list(zip(low, high))

    # values: a polynomial, or a list of polynomials

    def value(self, e, env):
        """The value is kept when nothing but real variables and models is named in e."""
        lasting = not (set(names(e)) & set(env))
        if not lasting or id(e) not in self.read:
            x = self.compute(e, env)
            if not lasting:
                return x
            self.read[id(e)] = x
        return self.read[id(e)]

    def compute(self, e, env):
        if self.plain(e):
            x = self.exactly(e, env)
            return [combined((y, {(): Fraction(1)})) for y in x] if isinstance(x, list) else combined((x, {(): Fraction(1)}))
        if e.kind == "name":
            return self.variables[e.parts[0]].value
        if e.kind == "neg":
            return self.scaled(Fraction(-1), self.value(e.parts[0], env))
        if e.kind == "binary":
            return self.binary(e, env)
        if e.kind == "list":
            entries = [self.value(x, env) for x in e.parts[0]]
            need(not any(isinstance(x, list) for x in entries), "a list of vectors")
            return entries
        if e.kind == "index":
            base, indices = e.parts
            row = self.value(base, env)
            need(len(indices) == 1 and isinstance(row, list), "not one index of a vector")
            return row[self.index(indices[0], env, len(row))]
        need(e.kind == "call" and e.parts[0] in ("output", "dot", "sum"), "real variables in an operation that is no polynomial")
        name, arguments = e.parts
        if name == "output":
            return self.output(arguments[0], self.value(arguments[1], env))
        rows = [self.value(x, env) for x in arguments]
        need(all(isinstance(r, list) and len(r) == len(rows[0]) for r in rows), "vectors that do not fit")
        return combined(*[(1, times(*pair)) for pair in zip(*rows)]) if name == "dot" else combined(*[(1, x) for x in rows[0]])

    def scaled(self, factor, x):
        return [combined((factor, y)) for y in x] if isinstance(x, list) else combined((factor, x))

    def binary(self, e, env):
        op, left, right = e.parts
        if op == "/":
            by = self.exactly(right, env)
            need(not isinstance(by, list) and by != 0, "division by 0, or by a vector")
            return self.scaled(1 / by, self.value(left, env))
        a = self.value(left, env)
        if op == "^":
            n = integer(self.interpreter.value(right, env)) if self.plain(right) else 0
            need(1 <= n <= DEGREE and not (isinstance(a, list) and n > 1), "an exponent that is not 1, 2, 3 or 4")
            out = a
            for _ in range(n - 1):
                out = times(out, a)
            return out
        b = self.value(right, env)
        need(op in ("+", "-", "*"), "real variables in an operation that is no polynomial")
        if op == "*":
            need(not (isinstance(a, list) and isinstance(b, list)), "a product of vectors")
            if isinstance(a, list) or isinstance(b, list):
                row, x = (a, b) if isinstance(a, list) else (b, a)
                return [times(y, x) for y in row]
            return times(a, b)
        sign = 1 if op == "+" else -1
        need(isinstance(a, list) == isinstance(b, list), "a vector and a number")
        if not isinstance(a, list):
            return combined((1, a), (sign, b))
        need(len(a) == len(b), "vectors of different lengths")
        return [combined((1, x), (sign, y)) for x, y in zip(a, b)]

    def index(self, e, env, n):
        if e.kind == "name" and e.parts[0] == "last":
            return n - 1
        need(self.plain(e), "an index rests on real variables")
        i = integer(self.interpreter.value(e, env))
        need(0 <= i < n, "index out of range")
        return i

    def output(self, m, y):
        """The outputs at a row of polynomials."""
        need(m.kind == "name" and isinstance(self.interpreter.models.get(m.parts[0]), Model), "not a network of the statement")
        net = self.interpreter.models[m.parts[0]].net
        if m.parts[0] not in self.outputs:
            row = Polynomials(net).rows[net.output]
            self.outputs[m.parts[0]] = [{n: Fraction(c, 1 << row.shift) for n, c in p.items() if c} for p in row.entries]
        need(isinstance(y, list) and len(y) == net.real_width, "a vector has not the length of the network's input")
        products, out = {(): {(): Fraction(1)}}, []
        for p in self.outputs[m.parts[0]]:
            total = {}
            for n, c in p.items():
                if n not in products:
                    products[n] = times(y[n[0]], y[n[1]]) if len(n) == 2 else y[n[0]]
                for key, x in products[n].items():
                    total[key] = total.get(key, 0) + c * x
            out.append({key: x for key, x in total.items() if x})
        return out

    # lists of atoms (polynomial, strict)

    def lists(self, e, positive, env):
        if e is not None and e.kind == "binary" and e.parts[0] == "<=>" and not self.plain(e):
            a, b = e.parts[1:]
            return self.join(positive, [self.implication(a, b, positive, env), self.implication(b, a, positive, env)])
        if e is not None and e.kind == "binary" and e.parts[0] in ("and", "or", "=>") and self.plain(e.parts[1]) and not self.plain(e):
            truth = self.interpreter.settle(e.parts[1], env)
            need(truth is not None, "a condition is unsettled")
            if truth == (e.parts[0] == "or"):              # the right side is not looked at
                return self.lists(e.parts[1], positive != (e.parts[0] == "=>"), env)
        return super().lists(e, positive, env)

    def comparison(self, e, positive, env):
        operators, operands = e.parts
        if operators in (["=="], ["!="]):
            for k in (0, 1):
                if operands[k].kind == "call" and operands[k].parts[0] == "argmax":
                    return self.largest(operands[k].parts[1][0], operands[1 - k], True, positive == (operators == ["=="]), env)
        values = [self.value(x, env) for x in operands]
        return self.join(positive, [self.pair(op, a, b, positive) for op, a, b in zip(operators, values, values[1:])])

    def pair(self, op, a, b, positive):
        if not isinstance(a, list) and not isinstance(b, list):
            return self.relation(op if positive else OPPOSITE[op], a, b)
        need(isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and op in ("==", "!="), "a comparison of values that do not fit")
        return self.join((op == "==") == positive, [self.relation(op if positive else OPPOSITE[op], x, y) for x, y in zip(a, b)])

    def relation(self, op, a, b):
        d, o = combined((1, a), (-1, b)), combined((1, b), (-1, a))
        return {">": [[(d, True)]], ">=": [[(d, False)]], "<": [[(o, True)]], "<=": [[(o, False)]],
                "==": [[(d, False), (o, False)]], "!=": [[(d, True)], [(o, True)]]}[op]

    def largest(self, of, which, strict, positive, env):
        need(self.plain(which), "an argmax beside something that rests on real variables")
        i, row = integer(self.interpreter.value(which, env)), self.value(of, env)
        need(isinstance(row, list), "argmax of a number")
        if not 0 <= i < len(row):
            return [] if positive else [[]]
        return self.join(positive, [self.relation((">" if strict else ">=") if positive else ("<=" if strict else "<"), row[i], row[j])
                                    for j in range(len(row)) if j != i])

    def holds(self, lists, z):
        return any(all(at(p, z) > 0 if strict else at(p, z) >= 0 for p, strict in x) for x in lists)

    # lines

    def excluded(self, atoms, line):
        """The line shows that the atoms do not hold together at any point of the region."""
        first, *words = line.split(" ")
        epsilon = rational(first)
        need(epsilon is not None and epsilon >= 0, "a number that is not negative was expected")
        parts, strict = [(-epsilon, {(): Fraction(1)})], epsilon > 0
        for word in words:
            found = TERM.match(word)
            weight = rational(found.group(4)) if found else None
            need(weight is not None, "a term was expected")
            need(weight > 0, "a weight is not positive")
            k, i, j = [None if x is None else int(x) for x in found.groups()[:3]]
            need(all(x is None or x < len(self.bounds) for x in (i, j)) and (k is None or k < len(atoms)), "no atom or bound of this number")
            if k is not None:
                strict = strict or atoms[k][1]
            p = atoms[k][0] if k is not None else self.bounds[i] if j is None else times(self.bounds[i], self.bounds[j])
            parts.append((-weight, p))
        need(strict, "the sum may be 0")
        need(semidefinite(combined(*parts)), "what is left is not shown to be a sum of squares")

    def against(self, env):
        where = self.lists(self.s.where, True, env)
        return self.both([where, self.lists(self.s.body, False, env)]) if where else []

    # points

    def point(self, given, cones):
        """The environment and the region's variables of a BINDING."""
        need([name for name, _ in given] == [name for name, _ in self.outer + self.binds], "a binding does not name the variables in order")
        env, values = {}, dict(given)
        for name, s in self.outer:
            need(self.interpreter.contains(s, values[name], env), "the value of '%s' is not in its set" % name)
            env[name] = values[name]
        self.region(env)
        z, cones = [None] * len(self.ends), list(cones)
        for v in self.variables.values():
            x = values[v.name]
            need(isinstance(x, tuple) == (v.kind != "interval"), "not a value of '%s'" % v.name)
            x = [Fraction(y) for y in x] if isinstance(x, tuple) else [Fraction(x)]
            if v.kind == "cone":
                need(cones, "a line 'cone' is missing")
                z[v.first:v.first + v.count] = self.multiples(v, cones.pop(0))
                need([at(p, z) for p in v.value] == x, "a vector is not what the line 'cone' says")
                continue
            need(len(x) == v.count, "not a value of '%s'" % v.name)
            for k, y in enumerate(x):
                low, high = self.ends[v.first + k]
                need((low is None or low <= y) and (high is None or y <= high), "a value is not in its set")
                z[v.first + k] = y
        need(not cones, "a line 'cone' too many")
        return env, z

    def multiples(self, v, line):
        name, _, text = line.partition(" ")
        need(name == v.name, "the multiples of another variable's generators were expected")
        words = text.split(",")
        if v.count == 1:
            need(words.pop() == "", "not a number for each generator")
        out = [rational(x) for x in words]
        need(len(out) == v.count and None not in out and min(out) >= 0, "not a number that is not negative for each generator")
        return out

    def judge(self, c):
        if c.verdict == "refuted":
            need(not c.sums, "a line 'sum' is out of place")
            env, z = self.point(c.counterexample, c.cones)
            return need(self.holds(self.against(env), z), "the condition does not hold there, or the predicate does not fail")
        sums, some = list(c.sums), False
        for env in self.interpreter.bindings(self.outer, {}):
            some = True
            self.region(env)
            for atoms in self.lists(self.s.where, True, env) if c.verdict == "vacuous" else self.against(env):
                need(sums, "a line 'sum' is missing")
                self.excluded(atoms, sums.pop(0))
        need(not sums, "a line 'sum' too many")
        if c.verdict == "vacuous":
            return need(not c.cones, "a line 'cone' is out of place")
        need(some, "the domain is empty")
        env, z = self.point(c.witness, c.cones)
        need(self.holds(self.lists(self.s.where, True, env), z), "the condition does not hold at the witness")
        body = self.s.body
        while body.kind == "binary" and body.parts[0] == "=>":
            need(self.holds(self.lists(body.parts[1], True, env), z), "an antecedent does not hold at the witness")
            body = body.parts[2]
