"""The meaning of expressions (proofs/STATEMENT.md, sections 3 and 4), three-valued, at growing precision."""
from fractions import Fraction
from itertools import product
from math import lcm, prod

from ablate import AblateFunctions
from form import FormFunctions
from functions import ArrayFunctions
from interval import NoEnclosure
from line import LineFunctions
from models import Model, ModelFunctions
from printer import show
from spectral import SpectralFunctions
from statement import COMPONENTS, E
from values import (Array, ClaimError, Real, Unsettled, add, compare, conjunction, disjunction, exact, hull, integer,
                    integers, is_integers, largest, matrix, negate, number, numbers, power, quotient, real, times, vector, whole_row)

PRECISIONS = (64, 128, 256, 512)


def names_in(part):
    """Every name in an expression, set, list or pair."""
    if isinstance(part, E):
        if part.kind == "name":
            yield part.parts[0]
        part = part.parts
    if isinstance(part, (list, tuple)):
        for x in part:
            yield from names_in(x)


def over_one(numbers):
    """Exact numbers as integers over one denominator."""
    below = 1
    for x in numbers:
        below = lcm(below, x.denominator)
    return [x.numerator * (below // x.denominator) for x in numbers], below


class Interpreter(ArrayFunctions, ModelFunctions, AblateFunctions, FormFunctions, SpectralFunctions, LineFunctions):
    """nets: {model name: Net}, data: {name: Array}. settle() and enclose() are the ways in; all else happens at precision self.p."""

    def __init__(self, nets, float32, data=None):
        self.float32, self.p, self.missing, self.data = float32, PRECISIONS[0], False, data or {}
        self.models = {name: Model(net, (), net.sha256) for name, net in nets.items()}
        self.evaluators, self.runs, self.closed, self.twins, self.means, self.attention_means, self.radii = {}, {}, {}, {}, {}, {}, {}
        self.polynomials, self.spectra, self.bases = {}, {}, {}
        self.edits, self.replaced = {}, {}

    # growing precision

    def settle(self, e, env):
        """The truth of e, None when it is unsettled at the highest precision."""
        return self.growing(lambda: self.truth(e, env))

    def growing(self, compute):
        """compute() at growing precision until it is not None and every number that it looked at has a value."""
        before = self.missing
        try:
            for self.p in PRECISIONS:
                self.missing = False
                answer = compute()
                if answer is not None and not self.missing:
                    return answer
            return None
        finally:
            self.missing = before

    def enclose(self, e, env, enough):
        """enough(value) at growing precision until it is not None."""
        return self.growing(lambda: self.atom(lambda: enough(number(self.value(e, env)))))

    def condition(self, where, env):
        """The truth of a `where` of the claim."""
        return self.settle(where, env)

    def hopeless(self, why):
        """What cannot be enclosed may be had at the next precision; at the highest it has no value."""
        if isinstance(why, NoEnclosure):
            self.missing = True
            if self.p == PRECISIONS[-1]:
                raise ClaimError(str(why))

    # truth

    def truth(self, e, env):
        method = getattr(self, "truth_" + e.kind, None)
        if method is None:
            raise ClaimError("a truth value is asked for")
        return method(env, *e.parts)

    def atom(self, compute):
        """An atom whose numbers cannot be had at this precision is unsettled."""
        try:
            return compute()
        except (Unsettled, NoEnclosure) as why:
            self.hopeless(why)
            return None

    def truth_binary(self, env, op, left, right):
        if op == "and":
            return conjunction(self.truth(x, env) for x in (left, right))
        if op == "or":
            return disjunction(self.truth(x, env) for x in (left, right))
        if op == "=>":
            return disjunction(negate(self.truth(x, env)) if x is left else self.truth(x, env) for x in (left, right))
        if op == "<=>":
            a, b = self.truth(left, env), self.truth(right, env)
            return None if a is None or b is None else a == b
        raise ClaimError("a truth value is asked for")

    def truth_not(self, env, a):
        return negate(self.truth(a, env))

    def truth_if(self, env, condition, yes, no):
        c = self.truth(condition, env)
        if c is not None:
            return self.truth(yes if c else no, env)
        a, b = self.truth(yes, env), self.truth(no, env)
        return a if a == b else None

    def truth_exists(self, env, body, binds, where):
        return disjunction(self.members(env, body, binds, where, "and"))

    def members(self, env, body, binds, where, join):
        """Truth of `where => body` or `where and body` at every binding; body is not looked at where `where` is false."""
        for inner in self.bindings(binds, env):
            c = True if where is None else self.truth(where, inner)
            if c is False:
                continue
            answer = self.truth(body, inner)
            yield answer if c else conjunction([c, answer]) if join == "and" else disjunction([None, answer])

    def truth_quantifier(self, env, name, body, binds, where):
        if name == "all":
            return conjunction(self.members(env, body, binds, where, "=>"))
        if name == "any":
            return disjunction(self.members(env, body, binds, where, "and"))
        raise ClaimError("a truth value is asked for")

    def truth_call(self, env, name, arguments):
        if name == "distinct":
            entries = list(numbers(self.value(arguments[0], env)))
            return self.atom(lambda: conjunction(
                compare("!=", entries[i], entries[j]) for j in range(len(entries)) for i in range(j)))
        if name == "contains":
            array, x = [self.value(a, env) for a in arguments]
            return self.atom(lambda: disjunction(compare("==", y, x) for y in numbers(array)))
        raise ClaimError("a truth value is asked for")

    def truth_compare(self, env, operators, operands):
        def links():
            left = self.operand(operands[0], env)
            for op, operand in zip(operators, operands[1:]):
                right = self.operand(operand, env)
                yield self.link(op, left, right)
                left = right
        return self.atom(lambda: conjunction(links()))

    def operand(self, e, env):
        """The value of a side of a comparison; ("argmax", v) for an argmax of numbers that are no integers."""
        if e.kind == "call" and e.parts[0] == "argmax":
            v = self.value(e.parts[1][0], env)
            if not is_integers(v):
                if not isinstance(v, Array) or len(v.shape) != 1:
                    raise ClaimError("argmax of something that is no vector")
                return "argmax", v
        return self.value(e, env)

    def link(self, op, a, b):
        if isinstance(b, tuple):
            a, b = b, a
        if not isinstance(a, tuple):
            return compare(op, a, b)
        if op not in ("==", "!="):
            raise ClaimError("argmax stands only beside == and !=")
        if isinstance(b, tuple):
            width = min(a[1].shape[0], b[1].shape[0])
            answer = disjunction(conjunction([self.leads(a[1], i), self.leads(b[1], i)]) for i in range(width))
        else:
            answer = self.leads(a[1], integer(b))
        return negate(answer) if op == "!=" else answer

    def leads(self, v, i, op=">"):
        """v[i] op every other entry; false where v has no entry i"""
        if not 0 <= i < v.shape[0]:
            return False
        return conjunction(compare(op, v[i], v[j]) for j in range(v.shape[0]) if j != i)

    def truth_member(self, env, left, s):
        def compute():
            x = integer(self.value(left, env))
            if s.kind != "argmaxes":
                return self.contains(s, x, env)
            v = self.value(s.parts[0], env)
            if not isinstance(v, Array) or len(v.shape) != 1:
                raise ClaimError("argmaxes of something that is no vector")
            return self.leads(v, x, ">=")
        return self.atom(compute)

    # sets and bindings

    def elements(self, s, env):
        """The values of a set in order."""
        if s.kind == "range":
            a, b = [integer(self.value(x, env)) for x in s.parts]
            yield from range(a, b + 1)
        elif s.kind == "rows":
            yield from range(self.data[s.parts[0]].shape[0])
        elif s.kind == "braces":
            values = [self.value(x, env) for x in s.parts[0]]
            if not all(isinstance(x, int) for x in values) or len(set(values)) != len(values):
                raise ClaimError("a set lists distinct integers")
            yield from values
        elif s.kind == "power":
            one = list(self.elements(s.parts[1], env))
            yield from (vector(x) for x in product(one, repeat=s.parts[0]))
        elif s.kind == "product":
            yield from (vector(x) for x in product(*[list(self.elements(x, env)) for x in s.parts[0]]))
        elif s.kind == "image":
            body, binds, where = s.parts
            for inner in self.bindings(binds, env):
                c = True if where is None else self.truth(where, inner)
                if c is None:
                    c = self.settle_inside(where, inner)
                if c:
                    x = self.value(body, inner)
                    yield vector(integers(x)) if isinstance(x, Array) else integer(x)
        else:
            raise ClaimError("not a finite set")

    def least_size(self, s):
        """How many values a set of sequences has, or one of integers between literals; 1 where that rests on other binders or takes a look at each."""
        if s.kind in ("power", "product"):
            sets = [s.parts[1]] * s.parts[0] if s.kind == "power" else s.parts[0]
            return prod(self.least_size(x) for x in sets)
        if s.kind == "range" and all(x.kind == "num" for x in s.parts):
            return max(0, int(s.parts[1].parts[0] - s.parts[0].parts[0]) + 1)
        return len(s.parts[0]) if s.kind == "braces" else 1

    def settle_inside(self, where, env):
        p = self.p
        answer = self.settle(where, env)
        self.p = p
        if answer is None:
            raise ClaimError("an unsettled condition inside a set")
        return answer

    def bindings(self, binds, env):
        """Environments, in order."""
        if not binds:
            yield env
            return
        name, s = binds[0]
        for x in self.elements(s, env):
            inner = dict(env)
            inner[name] = x
            yield from self.bindings(binds[1:], inner)

    def contains(self, s, x, env):
        """Whether x (an integer or a tuple of integers) is in the set."""
        if s.kind in ("power", "product"):
            sets = [s.parts[1]] * s.parts[0] if s.kind == "power" else s.parts[0]
            return isinstance(x, tuple) and len(x) == len(sets) and all(self.contains(a, b, env) for a, b in zip(sets, x))
        if s.kind == "range":
            a, b = [integer(self.value(part, env)) for part in s.parts]
            return isinstance(x, int) and a <= x <= b
        if s.kind == "rows":
            return isinstance(x, int) and 0 <= x < self.data[s.parts[0]].shape[0]
        found = False
        for y in self.elements(s, env):
            found = found or (integers(y) if isinstance(y, Array) else y) == x
        return found

    # values

    def value(self, e, env):
        if e.kind in ("num", "string"):
            return e.parts[0]
        if e.kind == "name":
            if e.parts[0] in env:
                return env[e.parts[0]]
            if e.parts[0] in self.data:
                return self.data[e.parts[0]]
            raise ClaimError("'%s' is no value" % e.parts[0])
        if e.kind in ("binary", "call", "index") and self.is_closed(e):
            key = e.text, self.p
            if key not in self.closed:
                self.closed[key] = self.compute(e, {})
            return self.closed[key]
        return self.compute(e, env)

    def is_closed(self, e):
        """Whether e names nothing but models and components: then it is evaluated once."""
        if not hasattr(e, "closed"):
            e.closed = all(name in self.models or name in self.data or name in COMPONENTS for name in names_in(e))
            e.text = show(e)
        return e.closed

    def compute(self, e, env):
        method = getattr(self, "value_" + e.kind, None)
        if method is None:
            raise ClaimError("a number or array is asked for")
        return method(env, *e.parts)

    def value_list(self, env, items):
        values = [self.value(x, env) for x in items]
        if any(isinstance(x, Array) for x in values):
            if not all(isinstance(x, Array) and x.shape == values[0].shape for x in values):
                raise ClaimError("a list of different things")
            return Array((len(values),) + values[0].shape, values.__getitem__)
        for x in values:
            number(x)
        return vector(values)

    def value_neg(self, env, a):
        return times(self.value(a, env), -1)

    def value_if(self, env, condition, yes, no):
        c = self.truth(condition, env)
        if c is not None:
            return self.value(yes if c else no, env)
        return hull(self.value(yes, env), self.value(no, env))

    def value_binary(self, env, op, left, right):
        if op in ("<=>", "=>", "or", "and"):
            raise ClaimError("a number is asked for")
        a, b = self.value(left, env), self.value(right, env)
        if op == "+":
            return add(a, b)
        if op == "-":
            return add(a, b, -1)
        if op == "*":
            return times(a, b)
        if op == "/":
            return quotient(a, b)
        if op == "^":
            return power(a, b)
        if op == "@":
            return self.matmul(a, b)
        a, b = integer(a), integer(b)
        if b <= 0:
            raise ClaimError("remainder by a number that is not positive")
        return a % b

    def matmul(self, a, b):
        if not (isinstance(a, Array) and isinstance(b, Array)) or max(len(a.shape), len(b.shape)) > 2 or a.shape[-1] != b.shape[0]:
            raise ClaimError("the arrays of @ do not fit")
        columns = [list(b)] if len(b.shape) == 1 else [list(c) for c in zip(*[list(r) for r in b])]
        rows = [list(a)] if len(a.shape) == 1 else [list(r) for r in a]
        out = [[self.dot(r, c) for c in columns] for r in rows]
        if len(b.shape) == 1:
            column = [r[0] for r in out]
            return column[0] if len(a.shape) == 1 else vector(column)
        return vector(out[0]) if len(a.shape) == 1 else matrix(out)

    def dot(self, a, b):
        if all(exact(x) for x in a) and all(exact(x) for x in b):
            whole = all(isinstance(x, int) for x in a) and all(isinstance(x, int) for x in b)
            (a, below), (b, under) = over_one(a), over_one(b)
            total = sum(x * y for x, y in zip(a, b))
            return total if whole else Fraction(total, below * under)
        total = 0
        for x, y in zip(a, b):
            total = add(total, times(x, y))
        return total

    def value_quantifier(self, env, name, body, binds, where):
        if name == "count":
            low = high = 0
            for answer in self.members(env, body, binds, where, "and"):
                low, high = low + (answer is True), high + (answer is not False)
            return low if low == high else real(Fraction(low), Fraction(high))
        if name in ("all", "any"):
            raise ClaimError("a number is asked for")
        values = []
        for inner in self.bindings(binds, env):
            c = True if where is None else self.truth(where, inner)
            if c is None:
                if name != "sum":
                    raise Unsettled()
                values.append(hull(0, self.value(body, inner)))
            elif c:
                values.append(self.value(body, inner))
        return self.reduce(name, values)

    def reduce(self, name, values):
        if name == "sum":
            if whole_row(values):
                return 1
            total = 0
            for x in values:
                total = x if isinstance(total, int) and total == 0 and isinstance(x, Array) else add(total, x)
            return total
        if not values:
            raise ClaimError("%s of nothing" % name)
        if name == "mean":
            return quotient(self.reduce("sum", values), len(values))
        result = number(values[0])
        for x in values[1:]:
            result = largest(result, number(x), 1 if name == "max" else -1)
        return result

    def value_index(self, env, base, indices):
        array = self.value(base, env)
        if not isinstance(array, Array) or len(indices) > len(array.shape):
            raise ClaimError("too many indices")
        return self.pick(array, indices, env)

    def pick(self, array, indices, env):
        if not indices:
            return array
        lo, hi = self.positions(indices[0], array.shape[0], env)
        rest = indices[1:]
        if hi is None:
            return self.pick(array[lo], rest, env)
        if not rest:
            return Array((max(0, hi - lo + 1),) + array.shape[1:], lambda i: array[lo + i])
        rows = [self.pick(array[i], rest, env) for i in range(lo, hi + 1)]
        if rows and isinstance(rows[0], Array):
            return Array((len(rows),) + rows[0].shape, rows.__getitem__)
        return vector(rows)

    def positions(self, e, length, env):
        """(position, None) for an index, (first, last) for a slice."""
        inner = dict(env)
        inner["last"] = length - 1
        if e.kind != "slice":
            i = integer(self.value(e, inner))
            if not 0 <= i < length:
                raise ClaimError("index out of range")
            return i, None
        lo = 0 if e.parts[0] is None else integer(self.value(e.parts[0], inner))
        hi = length - 1 if e.parts[1] is None else integer(self.value(e.parts[1], inner))
        if hi >= lo and not (0 <= lo and hi < length):
            raise ClaimError("index out of range")
        return lo, hi

    def value_call(self, env, name, arguments):
        method = getattr(self, "call_" + name, None)
        if method is None:
            raise ClaimError("no rule for '%s' here" % name)
        return method(env, *arguments)
