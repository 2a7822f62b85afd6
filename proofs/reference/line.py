"""distance, flip and changes of STATEMENT.md, section 3: networks that are polynomials of degree two on average, and along a line, exactly."""
from fractions import Fraction
from functools import cmp_to_key
from math import isqrt

from certificate import Rejected, rational
from quadratic import Polynomials
from statement import E
from values import Array, ClaimError, exact, real, vector

CAP = Fraction(2) ** 64


def sign(x):
    return (x > 0) - (x < 0)


class Root:
    """p + s sqrt(r), s in -1, 0, 1; r > 0 unless s is 0"""

    def __init__(self, p, s=0, r=Fraction(0)):
        self.p, self.s, self.r = Fraction(p), s, r

    def enclosed(self, bits):
        if not self.s:
            return self.p, self.p
        f = isqrt(self.r.numerator * self.r.denominator << (2 * bits))
        ends = sorted(Fraction(self.s * x, self.r.denominator << bits) for x in (f, f + 1))
        return self.p + ends[0], self.p + ends[1]


def sign_sum(e, k, r):
    """The sign of e + k sqrt(r)."""
    a, b = sign(e), sign(k) if r else 0
    if a == b or not b:
        return a
    return b if not a else a * sign(e * e - k * k * r)


def compare(x, y):
    d = x.p - y.p
    left = sign_sum(d, x.s, x.r)
    if left != y.s:
        return sign(left - y.s)
    return left * sign_sum(d * d + x.r - y.r, 2 * x.s * d, x.r)


def roots(q):
    """Of q[0] + q[1] s + q[2] s^2; none of 0."""
    c, b, a = q
    if not a:
        return [Root(-c / b)] if b else []
    p = -b / (2 * a)
    r = p * p - c / a
    if r < 0:
        return []
    n, d = isqrt(r.numerator), isqrt(r.denominator)
    if n * n == r.numerator and d * d == r.denominator:       # rational roots
        return [Root(p + s * Fraction(n, d)) for s in ((-1, 1) if r else (0,))]
    return [Root(p, -1, r), Root(p, 1, r)]


def minus(a, b):
    return [x - y for x, y in zip(a, b)]


class LineFunctions:
    """Mixed into the Interpreter, which has value(), models, polynomials and the precision p."""

    def network_of(self, m):
        """(inputs, [{monomial: coefficient}] of the outputs)"""
        if m.kind != "name" or m.parts[0] not in self.models:
            raise ClaimError("a network of the statement is asked for")
        net, key = self.models[m.parts[0]].net, (m.parts[0], None)
        if key not in self.polynomials:
            self.polynomials[key] = Polynomials(net, None)
        row = self.polynomials[key].rows[net.output]
        return net.real_width, [{n: Fraction(c, 1 << row.shift) for n, c in p.items()} for p in row.entries]

    def call_distance(self, env, m, other, word):
        if word.kind != "string" or word.parts[0] not in ("gaussian", "sphere"):
            raise ClaimError('distance takes "gaussian" or "sphere"')
        (n, a), (k, b) = self.network_of(m), self.network_of(other)
        if n != k or len(a) != len(b):
            raise ClaimError("distance is of networks of one shape")
        out = []
        for p, q in zip(a, b):
            d = {x: p.get(x, 0) - q.get(x, 0) for x in set(p) | set(q)}
            c, trace = d.get((), 0), sum(y for x, y in d.items() if len(x) == 2 and x[0] == x[1])
            squares = sum((2 if x[0] == x[1] else 1) * y * y for x, y in d.items() if len(x) == 2)
            four, two = squares + trace ** 2, sum(y * y for x, y in d.items() if len(x) == 1) + 2 * c * trace
            if word.parts[0] == "sphere":
                four, two = Fraction(four) / (n * (n + 2)), Fraction(two) / n
            out.append(Fraction(four + two + c * c))
        return vector(out)

    def exact_inputs(self, e, env, n):
        x = self.value(e, env)
        if not isinstance(x, Array) or x.shape != (n,) or not all(exact(y) for y in x):
            raise ClaimError("an exact vector of the network's inputs is asked for")
        return [Fraction(y) for y in x]

    def on_line(self, outputs, x, v):
        """Three coefficients of each output at x + s v."""
        out = []
        for p in outputs:
            q = [Fraction(0)] * 3
            for m, c in p.items():
                term = [c]
                for i in m:
                    term = [a + b for a, b in zip([y * x[i] for y in term] + [0], [0] + [y * v[i] for y in term])]
                for k, y in enumerate(term):
                    q[k] += y
            out.append(q)
        return out

    def call_flip(self, env, m, x, v):
        n, outputs = self.network_of(m)
        lines = self.on_line(outputs, self.exact_inputs(x, env, n), self.exact_inputs(v, env, n))
        values = [q[0] for q in lines]
        answer, found = values.index(max(values)), []
        for k, q in enumerate(lines):
            if k != answer:
                d = minus(lines[answer], q)
                found += [Root(0)] if d[0] == 0 else [r for r in roots(d) if compare(r, Root(0)) > 0]
        if not found:
            return CAP
        first = min(found, key=cmp_to_key(compare))
        lo, hi = first.enclosed(self.p + 8)
        if not first.s:
            return min(lo, CAP)
        return real(min(lo, CAP), min(hi, CAP))

    def call_changes(self, env, m, x, y):
        n, outputs = self.network_of(m)
        return len(changes_between(self, outputs, self.exact_inputs(x, env, n), self.exact_inputs(y, env, n))[0])


def changes_between(functions, outputs, x, y):
    """The points of (0, 1) at which the set of the largest outputs changes, and the sets (sorted indices) before, between and after them."""
    lines = functions.on_line(outputs, x, minus(y, x))
    end = Root(1)
    points = [r for i in range(len(lines)) for j in range(i) for r in roots(minus(lines[i], lines[j])) if compare(r, Root(0)) > 0 > compare(r, end)]
    at, sets, last = [], [], Root(0)
    for r in sorted(points, key=cmp_to_key(compare)) + [end]:
        if compare(last, r) == 0:
            continue
        bits = 16
        while last.enclosed(bits)[1] >= r.enclosed(bits)[0]:
            bits *= 2
        s = (last.enclosed(bits)[1] + r.enclosed(bits)[0]) / 2
        values = [q[0] + s * (q[1] + s * q[2]) for q in lines]
        now = [k for k, a in enumerate(values) if a == max(values)]
        if sets and now != sets[-1]:
            at.append(last)
        if not sets or now != sets[-1]:
            sets.append(now)
        last = r
    return at, sets


def check_changes(lines, interpreter):
    """Lines `changes` of proofs/FORMAT.md, section 3."""
    def need(condition, message):
        if not condition:
            raise Rejected("changes: " + message)
    before = None
    for line in lines:
        need(before is None or before.encode() < line.encode(), "lines are not in order, or one stands twice")
        before, words = line, line.split(" ")
        need(len(words) >= 4 and len(words) % 3 == 1, "a field is missing")
        need(words[0] in interpreter.models, "no such model")
        n, outputs = interpreter.network_of(E("name", words[0]))
        ends = []
        for text in words[1:3]:
            entries = text.split(",")
            if n == 1:
                need(len(entries) == 2 and entries.pop() == "", "not a vector of the network's inputs")
            ends.append([rational(x) for x in entries])
            need(len(ends[-1]) == n and None not in ends[-1], "not a vector of the network's inputs")
        at, sets = changes_between(interpreter, outputs, *ends)
        need(words[3::3] == ["+".join(str(k) for k in s) for s in sets], "not the largest outputs of the stretches")
        last = Fraction(-1)
        for r, lo, hi in zip(at, map(rational, words[4::3]), map(rational, words[5::3])):
            need(lo is not None and hi is not None and last < lo <= hi, "the ends are not in order")
            need(compare(Root(lo), r) <= 0 <= compare(Root(hi), r), "an interval does not hold its change")
            last = hi
