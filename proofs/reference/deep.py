"""Two layers of products (proofs/FORMAT.md, section 3, rule quadratic 7): outputs of degree two in the row h of one node, which has degree two in the input."""
from fractions import Fraction
from math import lcm

MOST = 128


def find(net, polynomials, refused):
    """(Polynomials of the outputs in the entries of the narrowest such node, the first of several; Polynomials of the node in the input) or None."""
    best = None
    for name, node in net.nodes.items():
        if name == net.output or node.width + net.real_width > MOST or (best and node.width >= best[0].n):
            continue
        try:
            best = polynomials(net, leaf=name), polynomials(net, output=name)
        except refused:
            continue
    return best


def parts(p, unit, n):
    """(constant, linear part, symmetric quadratic part) of p / unit in n variables."""
    c, g, q = Fraction(p.get((), 0), unit), [Fraction(0)] * n, [[Fraction(0)] * n for _ in range(n)]
    for m, x in p.items():
        if len(m) == 1:
            g[m[0]] += Fraction(x, unit)
        elif len(m) == 2:
            q[m[0]][m[1]] += Fraction(x, 2 * unit)
            q[m[1]][m[0]] += Fraction(x, 2 * unit)
    return c, g, q


def times(q, v):
    return [sum((a * b for a, b in zip(row, v) if a), Fraction(0)) for row in q]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b)), Fraction(0))


def row_at(inner, x):
    """The entries of the node; inner: their parts."""
    return [c + dot(g, x) + dot(x, times(q, x)) for c, g, q in inner]


def squared_length(z, r, lo, hi, ball):
    """At least |d - z|^2 on the cell, within the ball."""
    centre, radius2 = ball
    return min(sum(x * x for x in r), radius2 + sum(2 * max((a - c) * (c - m), (b - c) * (c - m)) + (c - m) ** 2 for m, a, b, c in zip(z, lo, hi, centre)))


def matrix(form, inner, added, region, lo, hi, multipliers):
    """Integers: the form less the multiplied conditions, in (u, e - mid, 1), where h = a + Gu + e, e_j = u'Q_j u; form, inner: parts."""
    n, k = len(lo), len(inner)
    z, r = [(a + b) / 2 for a, b in zip(lo, hi)], [(b - a) / 2 for a, b in zip(lo, hi)]
    x = [a + b for a, b in zip(added, z)]
    a = row_at(inner, x)
    G = [[s + 2 * t for s, t in zip(g, times(q, x))] for _, g, q in inner]
    c, g, P = form
    slope = [s + 2 * t for s, t in zip(g, times(P, a))]
    T = [[Fraction(0)] * (n + k + 1) for _ in range(n + k + 1)]
    one = n + k
    T[one][one] = c + dot(g, a) + dot(a, times(P, a))
    ends = []
    for s, (_, _, q) in zip(slope, inner):
        low = high = Fraction(0)
        for u in range(n):
            for v in range(n):
                T[u][v] += s * q[u][v]
                size = q[u][v] * r[u] * r[v]
                low += min(size, 0) if u == v else -abs(size)
                high += max(size, 0) if u == v else abs(size)
        ends.append((low, high))
    mid, squares = [(p + q) / 2 for p, q in ends], [(q - p) ** 2 / 4 for p, q in ends]
    for j, (_, _, q) in enumerate(inner):
        other = sum(x * x for row in q for x in row) * squared_length(z, r, lo, hi, region.ball) ** 2 if region.ball else None
        if other is not None and other < squares[j]:
            mid[j], squares[j] = Fraction(0), other
    columns = [[G[j][u] for j in range(k)] for u in range(n)]
    PG = [times(P, column) for column in columns]
    Pm = times(P, mid)
    for u in range(n):
        for v in range(n):
            T[u][v] += dot(columns[u], PG[v])
        for j in range(k):
            T[u][n + j] = T[n + j][u] = PG[u][j]
        T[u][one] = dot(columns[u], slope) / 2 + dot(columns[u], Pm)
    for i in range(k):
        T[n + i][n:one] = P[i]
        T[n + i][one] = Pm[i]
    T[one][one] += dot(mid, Pm)
    left = list(multipliers)
    if region.ball:
        (centre, radius2), L = region.ball, left.pop(0)
        for i in range(n):
            T[i][i] += L
            T[i][one] += L * (z[i] - centre[i])
        T[one][one] += L * (sum((p - q) ** 2 for p, q in zip(z, centre)) - radius2)
    for i, square in enumerate([x * x for x in r] + squares):
        T[i][i] += left[i]
        T[one][one] -= left[i] * square
    for v, m in zip(region.joint, left[n + k:]):
        T[one][one] -= m * (dot(v[:-1], z) + v[-1])
        for i in range(n):
            T[i][one] -= m * v[i] / 2
    for i in range(one):
        T[one][i] = T[i][one]
    den = lcm(*[y.denominator for row in T for y in row])
    return [[int(y * den) for y in row] for row in T]
