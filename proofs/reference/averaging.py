"""Averages under rule separable (proofs/FORMAT.md, section 3, separable 7) without enumeration: of N / Z on every query token and every set of final states with the same form.

For every Z > 0, h sum over all integers k of s_k Z exp(-s_k Z) is 1 within 2^-36, s_k = 2^(k/2), h = log(2)/2. So the sum of N / Z over sequences is that of h s_k N exp(-s_k Z) over k and
sequences, within 2^-36 of the largest |G| for each. For one k it goes from position to position: P = sum of exp(-s Z), Q = sum of s N exp(-s Z) over the completions of a class.
All numbers are enclosures, pairs of integers at 2^-128; small and large k are left out, with a bound of what they add: LEFT and RIGHT."""
from fractions import Fraction
from math import isqrt

import interval
from counting import Counting, P, classes
from linear import Form, NotSeparable
from rows import multiply
from scans import need
from values import exact

LEFT, RIGHT = 36, 5
ERROR = Fraction(3, 1 << 36)     # the rule itself 2^-36; s Z <= 2^-36 at the first node: those before it h (1 + sqrt 2) 2^-36; s Z >= 32 beyond the last: 2^-41


class Averaging(Counting):
    """The sum of the value over the sequences of the domain that satisfy the condition, as [low, high] (fractions), how many they are, and how many bindings there are."""

    def mean(self):
        self.low = self.high = Fraction(0)
        _, total, domain = self.count()
        return self.low, self.high, total[0], domain

    def one(self, env, sets):
        groups = {}
        row, states, moves, finals = self.ends(env, sets, attention=True)
        for query, state, _, inner in finals:
            c, factors = self.form(inner)
            groups.setdefault((query, c, tuple(sorted(factors.items()))), []).append(state)
        for (q, c, factors), finals in groups.items():
            self.sum_cell(sets, row, q, (c, dict(factors)), classes(sets, states, moves, finals))

    def form(self, env):
        """The value at one sequence: (constant, factors)."""
        value = self.x.value(self.s.body, env)
        need(exact(value) or (isinstance(value, Form) and value.kind == "one"), "a minimum or a maximum")
        if self.x.final and not exact(value):
            raise NotSeparable("an average behind a final LayerNorm")
        return (Fraction(value), {}) if exact(value) else value.terms[0]

    def row_of(self, env):
        self.x.read.clear()
        self.form(env)
        rows = set(self.x.read.values())
        need(len(rows) == 1, "not one row of a network")
        return rows.pop()

    # one cell

    def sum_cell(self, sets, row, q, term, levels, sign=1):
        """Adds the sum of the form over the sequences of the levels, or takes it away."""
        if not levels[0][1:]:
            return
        sources = self.x.sources(row, self.n)
        live = [[t for t in range(len(tokens)) if any(c[t] for c in levels[i][1:])] for i, tokens in enumerate(sets)]
        cells = [(i, t, sets[i][t]) for i in range(sources) for t in live[i]]
        G = {(i, t): self.G(row, q, i, a, term) for i, t, a in cells}
        w = {(i, t): self.weight(row, q, i, a) for i, t, a in cells}
        need(all(x[0] > 0 for x in w.values()), "a weight that is too small")
        most = sum(max(w[i, t][1] for t in live[i]) for i in range(sources))
        least = sum(min(w[i, t][0] for t in live[i]) for i in range(sources))
        largest = max(max(abs(x[0]), abs(x[1])) for x in G.values())
        begin, end = -2 * (LEFT + most.bit_length() - P), 2 * (RIGHT + P + 1 - least.bit_length())
        total, number = [0, 0], self.completions(levels)
        for k in range(begin, end):
            terms = {}
            for i, t, a in cells:
                x, v = self.known((row, q, i, a, k, "node"), lambda: node(w[i, t], k))
                terms[i, t] = x, multiply(v, G[i, t], P)
            Q = self.node_sum(levels, terms)
            total = [total[0] + Q[0], total[1] + Q[1]]
        low, high = interval.ln2(P)
        h = Fraction(low, 2 << P), Fraction(high, 2 << P)
        products = [Fraction(x, 1 << P) * y for x in total for y in h]
        error = ERROR * number * Fraction(largest, 1 << P)
        low, high = sorted(sign * x for x in (min(products), max(products)))
        self.low, self.high = self.low + low - error, self.high + high + error

    def completions(self, levels):
        counts = [0, 1]
        for level in reversed(levels):
            counts = [0] + [sum(counts[to] for to in c) for c in level[1:]]
        return counts[1]

    def node_sum(self, levels, terms):
        one = (1 << P, 1 << P), (0, 0)
        now = [None, (one[0], (0, 0))]
        for i in range(len(levels) - 1, -1, -1):
            after, now = now, [None]
            for c in levels[i][1:]:
                p, q = [0, 0], [0, 0]
                for t, to in enumerate(c):
                    if to:
                        x, u = terms.get((i, t), one)
                        y = multiply(x, after[to][0], P)
                        z, v = multiply(x, after[to][1], P), multiply(u, after[to][0], P)
                        p = [p[0] + y[0], p[1] + y[1]]
                        q = [q[0] + z[0] + v[0], q[1] + z[1] + v[1]]
                now.append((tuple(p), tuple(q)))
        return now[1][1]

    def G(self, row, q, i, a, term):
        constant, factors = term
        low = high = constant
        for (kind, j), factor in factors.items():
            pair = [factor * Fraction(x, 1 << P) for x in self.logit(row, q, i, a, j)] if kind == "logit" else [factor if j == i else 0] * 2
            low, high = low + min(pair), high + max(pair)
        return (low * (1 << P)).__floor__(), (high * (1 << P)).__ceil__()


def node(w, k):
    """exp(-y) and y exp(-y) for y = 2^(k/2) w."""
    if k % 2:
        root = isqrt(2 << (2 * P))
        w, k = (w[0] * root >> P, (w[1] * (root + 1) >> P) + 1), k - 1
    k //= 2
    y = (w[0] << k, w[1] << k) if k >= 0 else (w[0] >> -k, (w[1] >> -k) + 1)
    if y[0] >> P >= 100:             # both are below 100 exp(-100)
        return (0, 1), (0, 1)
    x = interval.exp(-y[1], -y[0], P)
    return x, multiply(y, x, P)
