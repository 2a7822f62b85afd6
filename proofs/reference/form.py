"""Quadratic forms of networks, and what is known of exact matrices (STATEMENT.md, section 3): rank, inertia, eigenvalues."""
from fractions import Fraction
from math import isqrt, lcm

from quadratic import OrderedPolynomials, Polynomials
from values import Array, ClaimError, absolute, exact, integer, matrix, power, quotient, real, vector

SWEEPS = 60
ROOM = 24                                             # bits beyond those asked for


class FormFunctions:
    """Mixed into the Interpreter, which has value(), models and the precision p."""

    def call_form(self, env, m, u, basis=None):
        if m.kind != "name" or m.parts[0] not in self.models:
            raise ClaimError("form is of a network")
        if basis is not None and basis.kind != "string":
            raise ClaimError("form takes \"affine\" or the name of a node")
        word = None if basis is None else basis.parts[0]
        leaf = None if word == "affine" else word
        net = self.models[m.parts[0]].net
        if leaf is not None and leaf not in net.nodes:
            raise ClaimError("no such node")
        key = m.parts[0], leaf
        if key not in self.polynomials:
            self.polynomials[key] = Polynomials(net, leaf)
        p = self.polynomials[key]
        row = p.rows[net.output]
        u = self.value(u, env)
        if isinstance(u, Array):
            if len(u.shape) != 1 or u.shape[0] != len(row.entries) or not all(exact(x) for x in u):
                raise ClaimError("form takes an output or an exact number for each")
            u = [Fraction(x) for x in u]
        else:
            k = integer(u)
            if not 0 <= k < len(row.entries):
                raise ClaimError("no such output")
            u = [Fraction(j == k) for j in range(len(row.entries))]
        first = 0 if word == "affine" else 1
        side = p.n + 1 - first
        out = [[Fraction(0)] * side for _ in range(side)]
        for x, poly in zip(u, row.entries):
            for monomial, c in poly.items():
                i, j = ([-1, -1] + list(monomial))[-2:]
                i, j = i + 1 - first, j + 1 - first
                if x == 0 or i < 0 or j < 0:
                    continue
                c = x * Fraction(c, 1 << row.shift)
                out[i][j] += c / 2
                out[j][i] += c / 2
        return matrix(out)

    def output_of(self, m, basis, kind=Polynomials):
        """The output row of a network as polynomials in its input, or in the entries of a node, and their number."""
        if m.kind != "name" or m.parts[0] not in self.models:
            raise ClaimError("a network is asked for")
        leaf = None if basis is None else self.string(basis)
        net = self.models[m.parts[0]].net
        if leaf is not None and leaf not in net.nodes:
            raise ClaimError("no such node")
        key = (m.parts[0], leaf) if kind is Polynomials else (m.parts[0], leaf, kind)
        if key not in self.polynomials:
            self.polynomials[key] = kind(net, leaf)
        p = self.polynomials[key]
        return p.rows[net.output], p.n

    def call_antisymmetric(self, env, m, u, basis=None):
        """(T - T') / 2, T_ij the coefficient of x_i from the first and x_j from the second factors of products."""
        row, n = self.output_of(m, basis, OrderedPolynomials)
        u = self.value(u, env)
        if isinstance(u, Array):
            if len(u.shape) != 1 or u.shape[0] != len(row.entries) or not all(exact(x) for x in u):
                raise ClaimError("antisymmetric takes an output or an exact number for each")
            u = list(u)
        else:
            k = integer(u)
            if not 0 <= k < len(row.entries):
                raise ClaimError("no such output")
            u = [int(j == k) for j in range(len(row.entries))]
        out = [[Fraction(0)] * n for _ in range(n)]
        for x, poly in zip(u, row.entries):
            for monomial, c in poly.items():
                if len(monomial) == 2:
                    i, j = monomial
                    c = x * Fraction(c, 2 << row.shift)
                    out[i][j] += c
                    out[j][i] -= c
        return matrix(out)

    def gram(self, m, basis):
        """Rows of the inner products of the forms of the outputs."""
        row, _ = self.output_of(m, basis)
        forms = [{k: c for k, c in p.items() if len(k) == 2} for p in row.entries]
        return [[sum((Fraction(c * b.get(k, 0), (1 if k[0] == k[1] else 2) << (2 * row.shift)) for k, c in a.items()), Fraction(0)) for b in forms] for a in forms]

    def call_gram(self, env, m, basis=None):
        return matrix(self.gram(m, basis))

    def spectrum_of(self, rows):
        """Enclosed eigenvalues of a symmetric matrix of rationals, rising."""
        below = lcm(*[Fraction(x).denominator for row in rows for x in row])
        rows = [[int(Fraction(x) * below) for x in row] for row in rows]
        key = tuple(map(tuple, rows)), below, self.p
        if key not in self.spectra:
            self.spectra[key] = [real(lo, hi) for lo, hi in eigenvalues(rows, below, self.p)]
        return self.spectra[key]

    def roots(self, values):
        """Square roots of numbers that are not negative, falling."""
        return [self.root(real(max(x.lo, Fraction(0)), max(x.hi, Fraction(0)))) for x in reversed(values)]

    def singular(self, a, env):
        rows, below = self.exact_rows(a, env, False)
        rows = [[Fraction(x, below) for x in row] for row in rows]
        n = len(rows)
        if n == len(rows[0]) and all(rows[i][j] == rows[j][i] for i in range(n) for j in range(i)):
            values = [absolute(x) for x in self.spectrum_of(rows)]
            return rows, [real(lo, hi) for lo, hi in zip(*[sorted(ends, reverse=True) for ends in zip(*[(x.lo, x.hi) for x in values])])]
        if n > len(rows[0]):
            rows = [list(c) for c in zip(*rows)]
        return rows, self.roots(self.spectrum_of([[sum(x * y for x, y in zip(r, s)) for s in rows] for r in rows]))

    def call_singular_values(self, env, a):
        return vector(self.singular(a, env)[1])

    def call_hosvd(self, env, m, basis=None):
        return vector(self.roots(self.spectrum_of(self.gram(m, basis))))

    def call_effective_rank(self, env, a):
        rows, values = self.singular(a, env)
        square = sum(x * x for row in rows for x in row)
        if square == 0:
            raise ClaimError("the effective rank of a matrix of zeros")
        return quotient(power(self.reduce("sum", values), 2), square)

    def exact_rows(self, a, env, symmetric):
        """The matrix as rows of integers, and their denominator."""
        a = self.matrix_of(a, env)
        rows = [[x for x in row] for row in a]
        if not rows or not rows[0] or not all(exact(x) for row in rows for x in row):
            raise ClaimError("a matrix of exact numbers is asked for")
        if symmetric and (a.shape[0] != a.shape[1] or any(rows[i][j] != rows[j][i] for i in range(len(rows)) for j in range(i))):
            raise ClaimError("a symmetric matrix is asked for")
        below = lcm(*[Fraction(x).denominator for row in rows for x in row])
        return [[int(Fraction(x) * below) for x in row] for row in rows], below

    def call_rank(self, env, a):
        return rank(self.exact_rows(a, env, False)[0])

    def call_inertia(self, env, a):
        return vector(inertia(self.exact_rows(a, env, True)[0]))

    def call_eigenvalues(self, env, a):
        rows, below = self.exact_rows(a, env, True)
        key = tuple(map(tuple, rows)), below, self.p
        if key not in self.spectra:
            self.spectra[key] = [real(lo, hi) for lo, hi in eigenvalues(rows, below, self.p)]
        return vector(self.spectra[key])


def rank(m):
    """By elimination with fractions."""
    m = [[Fraction(x) for x in row] for row in m]
    r = 0
    for c in range(len(m[0])):
        at = next((i for i in range(r, len(m)) if m[i][c] != 0), None)
        if at is None:
            continue
        m[r], m[at] = m[at], m[r]
        for i in range(r + 1, len(m)):
            f = m[i][c] / m[r][c]
            m[i] = [x - f * y for x, y in zip(m[i], m[r])]
        r += 1
    return r


def inertia(m):
    """[positive, zero, negative]: the signs of the pivots of a congruence (Sylvester)."""
    m = [[Fraction(x) for x in row] for row in m]
    counts = [0, 0, 0]
    while m:
        n = len(m)
        at = next((i for i in range(n) if m[i][i] != 0), None)
        if at is None:
            pair = next(((i, j) for i in range(n) for j in range(i) if m[i][j] != 0), None)
            if pair is None:
                counts[1] += n
                break
            at, j = pair
            m[at] = [x + y for x, y in zip(m[at], m[j])]
            for row in m:
                row[at] += row[j]
        pivot, row = m[at][at], m[at]
        counts[0 if pivot > 0 else 2] += 1
        rest = [i for i in range(n) if i != at]
        m = [[m[i][j] - row[i] * row[j] / pivot for j in rest] for i in rest]
    return counts


def rotate(a, v, i, j, w):
    """One step of Jacobi's method in numbers with w fractional bits: entry (i, j) of a becomes about 0."""
    x, y = a[j][j] - a[i][i], 2 * a[i][j]
    h = isqrt((x * x + y * y) << (2 * w))
    c = isqrt((((abs(x) << w) + h) << (2 * w - 1)) // h)
    s = (abs(y) << (3 * w - 1)) // (h * c)
    if (y < 0) != (x < 0):
        s = -s
    a[i], a[j] = [(c * p - s * q) >> w for p, q in zip(a[i], a[j])], [(s * p + c * q) >> w for p, q in zip(a[i], a[j])]
    for row in a:
        row[i], row[j] = (c * row[i] - s * row[j]) >> w, (s * row[i] + c * row[j]) >> w
    for row in v:
        row[i], row[j] = (c * row[i] - s * row[j]) >> w, (s * row[i] + c * row[j]) >> w


def approximate(m, below, p):
    """Approximate eigenvectors of m as rows of integers with w fractional bits, and w; by Jacobi's method."""
    n = len(m)
    size = max(abs(x).bit_length() for row in m for x in row)
    w = p + ROOM + max(0, size - below.bit_length())
    a = [[(x << w) >> size for x in row] for row in m]
    v = [[(i == j) << w for j in range(n)] for i in range(n)]
    for _ in range(SWEEPS):
        some = [(i, j) for i in range(n) for j in range(i + 1, n)]
        turned = False
        for i, j in some:
            if abs(a[i][j]) >= 64:
                rotate(a, v, i, j, w)
                turned = True
        if not turned:
            break
    return [list(c) for c in zip(*v)], w


def symmetric_products(m, v):
    """V m V' and V V' for rows V."""
    images = [[sum(x * y for x, y in zip(row, c)) for row in m] for c in v]
    return [[sum(x * y for x, y in zip(c, image)) for image in images] for c in v], [[sum(x * y for x, y in zip(c, d)) for d in v] for c in v]


def eigenvalues(m, below, p):
    """(lower, upper) for each eigenvalue of m / below, rising. V need not be right: B = V'mV and S = V'V are computed exactly. With f >= |S - 1| < 1 and
    E >= |B - its diagonal| an eigenvalue of m is one of B over a number in [1 - f, 1 + f] (Ostrowski), which is within E of a diagonal entry (Weyl)."""
    n = len(m)
    v, w = approximate(m, below, p)
    b, s = symmetric_products(m, v)
    one = 1 << (2 * w)
    off = max(sum(abs(b[i][j]) for j in range(n) if j != i) for i in range(n))
    f = max(sum(abs(s[i][j] - (one if i == j else 0)) for j in range(n)) for i in range(n))
    if f >= one:
        raise ClaimError("eigenvalues that are not enclosed")

    def over(x, low):
        return Fraction(x, below * (one + f if (x >= 0) == low else one - f))
    return [(over(x - off, True), over(x + off, False)) for x in sorted(b[i][i] for i in range(n))]
