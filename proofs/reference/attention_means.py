"""Means of rows over a product of sets of tokens where attention to single tokens is what looks at several of them, without going through the sequences
(proofs/FORMAT.md, section 3, "Means of attention").

A row of a mix is the sum over its sources j of w_j v_j / Z. With h = log(2)/3 and s_k = 2^(k/3), h sum over all integers k of s_k Z exp(-s_k Z) is 1 within 2^-56 for every Z > 0; for one k and
one query token the mean of s_k w_ja exp(-s_k Z), where t_j = a, is y x with y = s_k w_ja, x = exp(-y), times the means of the x of the other positions. These shares are positive and add up to 1.

Integers at 2^-P. w is within 2^-101 of itself, rounded down, which moves exp(-y) and y exp(-y) by less than 2^-94 up to y = 64; x is its series below 2^-29 (the term after the last is below 2^-215), else the square of the x three nodes before, at most 37 in a row, which double an error and add a
unit: within 2^-158 of exp(-y), and from y = 64 on 0. So a term is within 2^-90 (1 + n). Nodes before the first (s Z <= 2^-30) are 1 / (2^(1/3) - 1) times the first within (s Z)^2, those from s Z = 64 on are less
than 2^-80. In all a row is within 2^-55 + n (64 + n) 2^-67 of the largest |v|."""
from fractions import Fraction

import interval
from network import OWN, Evaluator, Run
from rows import ends, from_ends, multiply
from values import ClaimError, Real, vector

P = 200                                              # of shares
ROWS = 320                                           # of rows, scores and weights
LEFT, RIGHT, LIGHT = 30, 6, 1500
MANY = 4096                                          # combinations of tokens that are gone through all the same
LINEAR = ("add", "linear", "heads", "sub", "select", "concat")


def is_quick(net, reach, name):
    """Is a row of the node linear in rows of single tokens and in such attention to them?"""
    node = net.nodes[name]
    if node.op in LINEAR:
        return all(is_quick(net, reach, x) for x in node.inputs)
    return reach[name] == OWN and node.width is not None or is_mix(net, reach, node)


def is_mix(net, reach, node):
    if node.op != "mix" or net.pad is not None or net.nodes[node.inputs[0]].op != "softmax":
        return False
    score = net.nodes[net.nodes[node.inputs[0]].inputs[0]]
    return reach[node.inputs[1]] == reach[score.inputs[0]] == reach[score.inputs[1]] == OWN


class AttentionMeans:
    """sets: the tokens of every position. row(name, i): its mean, as (middles, radii) at 2^-ROWS."""

    def __init__(self, net, reach, sets):
        self.net, self.reach, self.sets, self.n = net, reach, sets, len(sets)
        self.evaluator = Evaluator(net, ROWS, False)
        self.known = {}

    def at(self, name, i, token):
        return Run(self.evaluator, (token,) * self.n).row(name, i)

    def row(self, name, i):
        """As a Real vector."""
        leaves = {}
        self.leaves(name, i, leaves)
        mid, rad = Run(self.evaluator, (self.sets[0][0],) * self.n, leaves).row(name, i)
        return vector([Real(Fraction(m - r, 1 << ROWS), Fraction(m + r, 1 << ROWS)) for m, r in zip(mid, rad)])

    def leaves(self, name, i, out):
        if name in out:
            return
        node = self.net.nodes[name]
        if node.op in LINEAR and self.reach[name] != OWN:
            for x in node.inputs:
                self.leaves(x, i, out)
        else:
            out[name] = {i: self.token_mean(name, i) if self.reach[name] == OWN else self.mix(name, i)}

    def token_mean(self, name, i):
        rows = [ends(self.at(name, i, a)) for a in self.sets[i]]
        return from_ends([(sum(x[0] for x in column) // len(rows), interval.ceil_div(sum(x[1] for x in column), len(rows))) for column in zip(*rows)])

    def mix(self, name, i):
        if (name, i) not in self.known:
            self.known[name, i] = self.weigh(self.net.nodes[name], i, self.shares(self.net.nodes[name], i))
        return self.known[name, i]

    # shares

    def sources(self, i):
        return range(i + 1 if self.net.causal else self.n)

    def shares(self, node, i):
        """{(j, place): the sum over query tokens of the share over h, at 2^-P}"""
        score, total = self.net.nodes[self.net.nodes[node.inputs[0]].inputs[0]], {}
        keys = {(j, c): ends(self.at(score.inputs[1], j, a)) for j in self.sources(i) for c, a in enumerate(self.sets[j])}
        for own, q in enumerate(self.sets[i]):
            query = ends(self.at(score.inputs[0], i, q))
            cells = [[(j, c) for c in range(len(self.sets[j])) if j != i or c == own] for j in self.sources(i)]
            for cell, x in query_shares(cells, self.weights(cells, keys, query, score.d)).items():
                total[cell] = total.get(cell, 0) + x
        return total

    def weights(self, cells, keys, query, d):
        """exp(score) beside the largest, as (m, e): m 2^(e - ROWS), m of about ROWS bits."""
        inverse, log2, found = interval.sqrt_ratio(1, d, ROWS), interval.ln2(ROWS), {}
        for cell in (x for row in cells for x in row):
            products = [multiply(a, b, ROWS) for a, b in zip(query, keys[cell])]
            found[cell] = multiply((sum(x[0] for x in products), sum(x[1] for x in products)), inverse, ROWS)
        top = max(hi for lo, hi in found.values())
        for cell, (lo, hi) in found.items():
            e = (lo - top) // log2[0]                # not positive
            lo, hi = interval.exp(lo - top - e * log2[0], hi - top - e * log2[1], ROWS)
            if not 0 <= (hi - lo) << 102 < lo:
                raise ClaimError("weights of attention that are not known well enough")
            found[cell] = lo, e
        return found

    def weigh(self, node, i, shares):
        """The row from its shares; the bound is beside the largest entry of a value row."""
        low, high = interval.ln2(ROWS)
        sizes = {j: len(self.sets[i]) * (1 if j == i else len(self.sets[j])) for j in self.sources(i)}
        error = Fraction(1, 1 << 55) + Fraction(self.n * (64 + self.n), 1 << 67)
        h = Fraction(low, 3 << ROWS)                 # 2^-630 less than log(2)/3: as nothing beside the bound
        parts = {cell: h * Fraction(x, sizes[cell[0]] << P) for cell, x in shares.items()}
        if abs(sum(parts.values()) - 1) > error:
            raise ClaimError("shares of attention that do not add up")
        rows = {(j, c): self.at(node.inputs[1], j, self.sets[j][c]) for j, c in parts}
        out = []
        for e in range(node.width):
            middle = sum(x * rows[cell][0][e] for cell, x in parts.items())
            radius = sum(x * rows[cell][1][e] for cell, x in parts.items()) + 1 + error * max(abs(m[e]) + r[e] for m, r in rows.values())
            out.append(((middle - radius).__floor__(), (middle + radius).__ceil__()))
        return from_ends(out)


def query_shares(cells, weights):
    """cells: lists of cells by source. {cell: the share over h, at 2^-P}"""
    one, size = 1 << P, {c: m.bit_length() + e - ROWS for c, (m, e) in weights.items()}       # 2^(size - 1) <= w < 2^size
    most = max(size.values()) + len(cells).bit_length()
    least = max(min(size[c] for c in row) for row in cells) - 1
    if least < -LIGHT:
        raise ClaimError("weights of attention that are too small beside the largest")
    roots = [root3(1 << k) for k in range(3)]
    scaled = {c: [m * r >> P for r in roots] + [e + P - ROWS] for c, (m, e) in weights.items()}
    first, last = -3 * (LEFT + most), 3 * (RIGHT - least)
    total = {c: shift(w[0], first // 3 + w[3]) * (roots[2] + roots[1] + one) >> P for c, w in scaled.items()}
    x = [{}, {}, {}]
    for k in range(first, last):
        now, y = x[k % 3], {}
        for c, w in scaled.items():
            y[c] = v = shift(w[k % 3], min(k // 3 + w[3], P))
            now[c] = series(v) if v >> (P - 29) == 0 else 0 if v >> (P + RIGHT) else now[c] * now[c] >> P
        means = [sum(now[c] for c in row) // len(row) for row in cells]
        for j, row in enumerate(cells):
            others = one
            for i, mean in enumerate(means):
                others = others * mean >> P if i != j else others
            if others:
                for c in row:
                    if now[c]:
                        total[c] += (y[c] * now[c] >> P) * others >> P
    return total


def series(y):
    """exp(-y) for y < 2^-29."""
    x = one = 1 << P
    for k in range(6, 0, -1):
        x = one - (y // k * x >> P)
    return x


def shift(x, by):
    return x << by if by >= 0 else x >> -by


def root3(x):
    """The cube root of x at 2^-P, rounded down."""
    x <<= 3 * P
    low = 1 << (x.bit_length() + 2) // 3
    while True:
        better = (2 * low + x // (low * low)) // 3
        if better >= low:
            return low
        low = better
