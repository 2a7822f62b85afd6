"""Regions of rule quadratic (proofs/FORMAT.md, section 3): a ball or a box of real vectors, cut by linear conditions, and the cells that show a form positive on one."""
from fractions import Fraction
from math import lcm


class Region:
    """lo, hi: bounds of the coordinates; ball: (centre, squared radius) of an l2 ball or None; limits: (coefficients and the constant, strict)."""

    def __init__(self, lo, hi, ball, limits):
        self.lo, self.hi, self.ball, self.limits, self.joint = list(lo), list(hi), ball, limits, []
        self.set = list(lo), list(hi)                      # without the conditions
        for v, _ in limits:
            some = [i for i, c in enumerate(v[:-1]) if c]
            if len(some) != 1:
                self.joint.append(v)
                continue
            i, bound = some[0], -v[-1] / v[some[0]]
            if v[i] > 0:
                self.lo[i] = max(self.lo[i], bound)
            else:
                self.hi[i] = min(self.hi[i], bound)

    def is_ball(self):
        return self.ball is not None and not self.limits

    def possible(self):
        return all(a <= b for a, b in zip(self.lo, self.hi))

    def has(self, d):
        inside = all(a <= x <= b for a, x, b in zip(self.lo, d, self.hi))
        if self.ball:
            inside = inside and sum((x - c) ** 2 for x, c in zip(d, self.ball[0])) <= self.ball[1]
        for v, strict in self.limits:
            value = sum(c * x for c, x in zip(v, d)) + v[-1]
            inside = inside and (value > 0 or (value == 0 and not strict))
        return inside

    def is_point(self):
        return self.lo == self.hi

    def excluded(self, weights):
        """Whether the weighted sum of the limits is negative on the set, or not positive with a weight on a strict one."""
        v = [sum(w * limit[i] for w, (limit, _) in zip(weights, self.limits)) for i in range(len(self.lo) + 1)]
        strict = any(w and s for w, (_, s) in zip(weights, self.limits))
        if self.ball:
            (centre, radius2), top = self.ball, v[-1]
            top += sum(a * b for a, b in zip(v, centre))
            far = radius2 * sum(a * a for a in v[:-1])
            return top <= 0 and (far < top * top or (strict and far == top * top))
        top = v[-1] + sum(max(a * lo, a * hi) for a, lo, hi in zip(v, *self.set))
        return top < 0 or (strict and top == 0)

    def multipliers(self):
        """How many a leaf has."""
        return (self.ball is not None) + len(self.lo) + len(self.joint)


def around(p, x0):
    """(below, q, g, value): p at x0 + u is u'qu / 2 + g'u / below + value / below^2, all of integers when p is."""
    n, below = len(x0), lcm(*[x.denominator for x in x0])
    x = [a.numerator * (below // a.denominator) for a in x0]
    q, g, value = [[0] * n for _ in range(n)], [0] * n, p.get((), 0) * below * below
    for m, c in p.items():
        if len(m) == 2:
            i, j = m
            q[i][j] += c
            q[j][i] += c
            g[i] += c * x[j]
            g[j] += c * x[i]
            value += c * x[i] * x[j]
        elif len(m) == 1:
            g[m[0]] += c * below
            value += c * x[m[0]] * below
    return below, q, g, value


def cell_matrix(p, unit, added, region, lo, hi, multipliers):
    """A congruent integer matrix of the form p / unit less the multiplied conditions of the cell lo <= d <= hi, in (d, 1); the network reads added + d."""
    n = len(lo)
    z = [(a + b) / 2 for a, b in zip(lo, hi)]            # the middle of the cell
    below, q, g, value = around(p, [a + b for a, b in zip(added, z)])
    left = [2 * unit * m for m in multipliers]           # everything is taken twice
    square, half, rest = [Fraction(0)] * n, [Fraction(a, below) for a in g], Fraction(2 * value, below * below)
    if region.ball:
        (centre, radius2), m = region.ball, left.pop(0)
        rest += m * (sum((a - b) ** 2 for a, b in zip(z, centre)) - radius2)
        for i in range(n):
            square[i] += m
            half[i] += m * (z[i] - centre[i])
    for i in range(n):
        square[i] += left[i]
        rest -= left[i] * ((hi[i] - lo[i]) / 2) ** 2
    for v, m in zip(region.joint, left[n:]):
        rest -= m * (sum(c * y for c, y in zip(v, z)) + v[-1])
        for i in range(n):
            half[i] -= m * v[i] / 2
    return cleared(q, square, half, rest)


def cleared(q, square, half, rest):
    """The matrix [[q + square, half], [half', rest]] in integers: the last row and column multiplied by one positive number, and the whole by another."""
    den = lcm(*[x.denominator for x in square])
    s = lcm(*[(x * den).denominator for x in half])
    s *= (rest * den * s * s).denominator
    a = [[x * den for x in row] for row in q]
    last = [int(x * den * s) for x in half]
    for i, row in enumerate(a):
        row[i] += int(square[i] * den)
        row.append(last[i])
    return a + [last + [int(rest * den * s * s)]]


def cells(lines, region, number, show, need, entries=0):
    """Whether the lines, which are taken from the front of the list, are a tree of cells that covers the region; show(lo, hi, multipliers) tests a leaf.
    entries: of the node between two layers, which have multipliers too."""
    lo, hi = list(region.lo), list(region.hi)
    stack = []                                           # (coordinate, place, the other bound, in the second half)
    while True:
        need(lines, "a line 'case split' or 'case leaf' is missing")
        words = lines.pop(0).split(" ")
        values = [number(w) for w in words[1:]]
        need(words[0] in ("split", "leaf") and None not in values, "'split' or 'leaf' and numbers expected")
        if words[0] == "split":
            need(len(values) == 2 and values[0].denominator == 1 and 0 <= values[0] < len(lo), "a split is of a coordinate at a number")
            i, v = int(values[0]), values[1]
            need(lo[i] <= v <= hi[i], "a split lies outside its cell")
            stack.append((i, v, hi[i], False))
            hi[i] = v
            continue
        need(len(values) == region.multipliers() + entries and all(v >= 0 for v in values), "a leaf has a multiplier >= 0 for the ball, each coordinate, each joint condition")
        show(lo, hi, values)
        while stack and stack[-1][3]:
            i, _, kept, _ = stack.pop()
            lo[i] = kept
        if not stack:
            return
        i, v, kept, _ = stack.pop()
        stack.append((i, v, lo[i], True))
        hi[i], lo[i] = kept, v
