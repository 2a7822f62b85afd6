"""Eigenvectors of exact symmetric matrices and forms cut to their largest ones (STATEMENT.md, section 3, "Eigenvectors").

V, approximate eigenvectors, need not be right in any way: B = V'AV and S = V'V are exact. f >= |S - 1|, f <= 1/2; eta >= |B - D| + 3 f |B|, D diagonal.
Norms are bounded by the largest sum of absolute values in a row. All bounds are Fractions, rounded upward where they grow long.
"""
from fractions import Fraction

from form import approximate, symmetric_products
from quadratic import Polynomials
from values import Array, ClaimError, add, ends, exact, integer, real, times, vector

ROOM = 40


def upward(x, bits):
    """A short number, not below x."""
    return Fraction(-((-x.numerator << bits) // x.denominator), 1 << bits)


class Basis:
    def __init__(self, rows, below, p):
        """rows / below: the matrix."""
        n, bits = len(rows), p + ROOM
        v, w = approximate(rows, below, p)
        b, s = symmetric_products(rows, v)
        one, unit = 1 << (2 * w), below << (2 * w)
        f = upward(Fraction(max(sum(abs(x - (one if i == j else 0)) for j, x in enumerate(r)) for i, r in enumerate(s)), one), bits)
        if f > Fraction(1, 2):
            raise ClaimError("eigenvectors that are not enclosed")
        d = [Fraction((b[i][i] << bits) // unit, 1 << bits) for i in range(n)]
        off = max(sum(abs(Fraction(x, unit) - (d[i] if i == j else 0)) for j, x in enumerate(r)) for i, r in enumerate(b))
        size = max(sum(abs(x) for x in r) for r in b)
        top = max([upward(Fraction(size, unit), bits)] + [abs(x) for x in d])
        order = sorted(range(n), key=d.__getitem__)
        self.n, self.bits = n, bits
        self.d = [d[i] for i in order]
        self.v = [[Fraction(x, 1 << w) for x in v[i]] for i in order]
        self.f, self.top, self.eta = f, top, upward(off + 3 * f * top, bits)

    def sine(self, gap):
        """Bound of the angle between spaces whose diagonal entries in D are `gap` away from the others; None: too near."""
        return upward(self.eta / (gap - self.eta), self.bits) if gap > 2 * self.eta else None

    def vector(self, i):
        """The i-th unit eigenvector as a list of Reals."""
        n, d = self.n, self.d
        gaps = [d[k] - d[k - 1] for k in (i, i + 1) if 0 < k < n]
        sine = self.sine(min(gaps)) if gaps else Fraction(0)
        if sine is None:
            return [real(Fraction(-1), Fraction(1))] * n
        error = Fraction(3, 2) * sine + self.f
        pairs = [(max(x - error, Fraction(-1)), min(x + error, Fraction(1))) for x in self.v[i]]
        sign = 0
        for lo, hi in pairs:
            if 4 * n * max(lo * lo, hi * hi) <= 1:
                continue                              # not above 1 / (2 sqrt n)
            if lo > 0 and 4 * n * lo * lo > 1:
                sign = 1
            elif hi < 0 and 4 * n * hi * hi > 1:
                sign = -1
            break
        if sign == 0:
            pairs = [(min(lo, -hi), max(hi, -lo)) for lo, hi in pairs]
        return [real(-hi, -lo) if sign < 0 else real(lo, hi) for lo, hi in pairs]

    def cut(self, k, x):
        """(lo, hi) of x'A_k x, x a list of (lo, hi): A cut to k eigenvectors of largest modulus."""
        n, k = self.n, min(k, self.n)
        at = sorted(range(n), key=lambda i: -abs(self.d[i]))

        def sine(m):
            if m in (0, n):
                return Fraction(0)
            gap = abs(self.d[at[m - 1]]) - abs(self.d[at[m]])
            return self.sine(gap) if gap > 4 * self.eta and gap * gap > 4 * self.eta * self.top else None

        def square(i):
            lo = sum(v * (a if v > 0 else b) for v, (a, b) in zip(self.v[i], x))
            hi = sum(v * (b if v > 0 else a) for v, (a, b) in zip(self.v[i], x))
            return (Fraction(0) if lo < 0 < hi else min(lo * lo, hi * hi)), max(lo * lo, hi * hi)

        first = next(m for m in range(k, -1, -1) if sine(m) is not None)
        last = next(m for m in range(k, n + 1) if sine(m) is not None)
        size = sum(max(a * a, b * b) for a, b in x)
        lo = hi = Fraction(0)
        for i in at[:first]:
            a, b = sorted(self.d[i] * q for q in square(i))
            lo, hi = lo + a, hi + b
        if first:
            error = (self.eta + self.top * (sine(first) + 3 * self.f)) * size
            lo, hi = lo - error, hi + error
        if first < last:                              # whichever of these are kept
            part = (sine(first) + sine(last) + 3 * self.f) * size + sum(square(i)[1] for i in at[first:last])
            lo += min([Fraction(0)] + [self.d[i] - self.eta for i in at[first:last]]) * part
            hi += max([Fraction(0)] + [self.d[i] + self.eta for i in at[first:last]]) * part
        return lo, hi


class SpectralFunctions:
    """Mixed into the Interpreter, which has value(), rows(), models, exact_rows() and the precision p."""

    def call_eigenvector(self, env, a, i):
        rows, below = self.exact_rows(a, env, True)
        i = integer(self.value(i, env))
        if not 0 <= i < len(rows):
            raise ClaimError("no such eigenvalue")
        return vector(self.basis((tuple(map(tuple, rows)), below), rows, below).vector(i))

    def basis(self, key, rows, below):
        if (key, self.p) not in self.bases:
            self.bases[key, self.p] = Basis(rows, below, self.p)
        return self.bases[key, self.p]

    def truncated(self, env, arguments, x):
        """output(truncate(M, k), x): constant and linear terms as they are, every form cut."""
        m, k = arguments[0], integer(self.value(arguments[1], env))
        if self.float32 or m.kind != "name" or m.parts[0] not in self.models:
            raise ClaimError("truncate is of the real function of a network")
        if k < 0:
            raise ClaimError("truncate keeps a number of eigenvectors that is not negative")
        leaf = None if len(arguments) < 3 else self.string(arguments[2])
        net = self.models[m.parts[0]].net
        if leaf is not None and leaf not in net.nodes:
            raise ClaimError("no such node")
        point = self.value(x, env)
        if not isinstance(point, Array) or point.shape != (net.real_width,):
            raise ClaimError("not an input of the network")
        if leaf is not None:
            point = self.rows(env, m, leaf, x)
        if (m.parts[0], leaf) not in self.polynomials:
            self.polynomials[m.parts[0], leaf] = Polynomials(net, leaf)
        p = self.polynomials[m.parts[0], leaf]
        row, pairs = p.rows[net.output], [tuple(map(Fraction, ends(a))) for a in point]
        return vector([self.cut_output(row, j, (m.parts[0], leaf, j), k, point, pairs) for j in range(len(row.entries))])

    def cut_output(self, row, j, key, k, point, pairs):
        n, poly = len(pairs), row.entries[j]
        twice = [[0] * n for _ in range(n)]
        total = 0
        for monomial, c in poly.items():
            if len(monomial) == 2:
                a, b = monomial
                twice[a][b] += c
                twice[b][a] += c
            else:
                c = Fraction(c, 1 << row.shift)
                total = add(total, times(c, point[monomial[0]]) if monomial else c)
        lo, hi = self.basis(key, twice, 2 << row.shift).cut(k, pairs)
        return add(total, real(lo, hi))
