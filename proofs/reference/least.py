"""Rule count on averages (proofs/FORMAT.md, section 3): of the smallest of several forms, or of the largest, without enumeration.

Over a part of n sequences the smallest form is that of a base, L_b, less a number in [0, u], u at least the largest L_b - L_k (for the largest form, L_b and [0, u] more,
u at least the largest L_k - L_b), whose mean is at most the sum over k of the means of (L_b - L_k)^+. Parts with n u above ENTER are cut in two. Where the certificate has
tables, the sequences of a part are gone through one by one instead, if they are few enough."""
from fractions import Fraction
from itertools import product
from math import isqrt

from averaging import Averaging
from counting import P, classes
from linear import Form, NotSeparable
from rows import multiply
from scans import need
from values import exact


FEW = 4096


class Least(Averaging):
    def one(self, env, sets):
        groups = {}
        row, states, moves, finals = self.ends(env, sets, attention="attn(" in self.s.text)
        for query, state, _, inner in finals:
            kind, terms = self.forms(inner)
            key = query, kind, tuple((c, tuple(sorted(factors.items()))) for c, factors in terms)
            groups.setdefault(key, []).append(state)
        for (q, kind, terms), finals in groups.items():
            self.sets, self.row, self.q, self.kind = sets, row, q, kind
            self.terms = [(c, dict(factors)) for c, factors in terms]
            self.cell_of(classes(sets, states, moves, finals))

    def form(self, env):
        return self.forms(env)[1][0]

    def forms(self, env):
        value = self.x.value(self.s.body, env)
        need(exact(value) or isinstance(value, Form), "a value that is no form")
        if self.x.final and not exact(value):
            raise NotSeparable("an average behind a final LayerNorm")
        return ("one", [(Fraction(value), {})]) if exact(value) else (value.kind if len(value.terms) > 1 else "one", value.terms)

    # one cell

    def cell_of(self, levels):
        if not levels[0][1:]:
            return
        self.n_src = self.x.sources(self.row, self.n)
        self.whole, self.above_of = levels, {}
        self.little = self.enter / Fraction(4 if self.bins > 1 else 1)
        allowed = [set(range(len(tokens))) for tokens in self.sets]
        levels, counts, forward = self.part(allowed)
        every = list(range(len(self.terms)))
        base = self.typical(levels, counts, forward, every)
        self.add(levels, base, 1)
        if len(every) > 1:
            self.settle(allowed, every, base)

    def add(self, levels, k, sign):
        self.sum_cell(self.sets, self.row, self.q, self.terms[k], levels, sign)

    def part(self, allowed):
        """The classes, those without a sequence of the part empty; numbers of completions of a class, and of ways to it."""
        levels, counts = [], [[0, 1]]
        for i in range(len(self.sets) - 1, -1, -1):
            after, level, numbers = counts[0], [self.whole[i][0]], [0]
            for c in self.whole[i][1:]:
                ways = tuple(to if to and t in allowed[i] and after[to] else 0 for t, to in enumerate(c))
                level.append(ways)
                numbers.append(sum(after[to] for to in ways if to))
            levels.insert(0, level)
            counts.insert(0, numbers)
        forward = [[0, 1] + [0] * (len(levels[0]) - 2)]
        for i, level in enumerate(levels):
            now = [0] * (len(levels[i + 1]) if i + 1 < len(levels) else 2)
            for c, ways in enumerate(level):
                if c and not forward[i][c]:
                    level[c] = ways = (0,) * len(ways)
                for to in ways if c else ():
                    now[to] += forward[i][c] if to else 0
            forward.append(now)
        return levels, counts, forward

    def edges(self, levels, i):
        for c in range(1, len(levels[i])):
            for t, to in enumerate(levels[i][c]):
                if to:
                    yield c, t, to

    def weights(self, i, t):
        return self.weight(self.row, self.q, i, self.sets[i][t]) if i < self.n_src else (0, 0)

    def product(self, i, t, k):
        """w G of form k."""
        if i >= self.n_src:
            return 0, 0
        return self.known((self.row, self.q, i, t, self.sets[i][t], str(self.terms[k]), "product"),
                          lambda: multiply(self.G(self.row, self.q, i, self.sets[i][t], self.terms[k]), self.weights(i, t), P))

    def above(self, i, t, base, k):
        """How far below the base form k may be here, times the weight."""
        b, x = self.product(i, t, base), self.product(i, t, k)
        return 0 if k == base else x[1] - b[0] if self.kind == "max" else b[1] - x[0]

    def typical(self, levels, counts, forward, forms):
        """The form whose sum of w G over the sequences is smallest (largest)."""
        mean = dict.fromkeys(forms, 0)
        for i in range(self.n_src):
            for c, t, to in self.edges(levels, i):
                for k in forms:
                    mean[k] += forward[i][c] * counts[i + 1][to] * sum(self.product(i, t, k))
        return (max if self.kind == "max" else min)(forms, key=lambda k: mean[k])

    def extreme(self, levels, term, pick):
        values = {1: 0}
        for i in range(len(levels) - 1, -1, -1):
            now = {}
            for c, t, to in self.edges(levels, i):
                v = term(i, t) + values[to]
                now[c] = v if c not in now else pick(now[c], v)
            values = now
        return values[1]

    def lead(self, levels, counts, base, forms):
        """How far below the base the forms are on average, times the least sum of weights, at most; the form that is so most; and how far each is anywhere."""
        Z = lambda i, t: self.weights(i, t)[0]          # noqa: E731
        least, of_Z = self.extreme(levels, Z, min), self.square(levels, counts, Z)
        leads = {k: self.extreme(levels, lambda i, t: self.above(i, t, base, k), max) for k in forms if k != base}
        means = {k: self.mean_above(levels, counts, lambda i, t: self.above(i, t, base, k), x, least, of_Z) for k, x in leads.items() if x > 0}
        k = max(means, key=means.get, default=base)
        return min(sum(means.values()), max([0, *leads.values()]), self.widest(levels, base, forms, least)), k, leads

    def widest(self, levels, base, forms, least):
        """The largest L_b - L_k at one token, which an average of it is not above, times the least sum of weights."""
        G = lambda k, i, t: self.G(self.row, self.q, i, self.sets[i][t], self.terms[k])          # noqa: E731
        d = [G(base, i, t)[1] - G(k, i, t)[0] if self.kind != "max" else G(k, i, t)[1] - G(base, i, t)[0]
             for i in range(self.n_src) for t in {t for _, t, _ in self.edges(levels, i)} for k in forms if k != base]
        return Fraction(max([0, *d]) * least, 1 << P)

    def mean_above(self, levels, counts, X, most, least, of_Z):
        """X^+ / Z <= (X + a Z)^2 / (4 a Z^2) for every a > 0; the mean of that, times the least Z."""
        if not least or not of_Z:
            return most
        a = isqrt((self.square(levels, counts, X) << 48) // of_Z) + 1        # at 2^-24
        y = self.square(levels, counts, lambda i, t: (X(i, t) << 24) + a * self.weights(i, t)[0])
        return min(most, Fraction(y, counts[0][1] * (a << 26) * least))

    def square(self, levels, counts, term):
        """The sum of the squares of the sums, over the sequences."""
        now = {1: (0, 0)}
        for i in range(len(levels) - 1, -1, -1):
            after, now = now, {}
            for c, t, to in self.edges(levels, i):
                x, n = term(i, t), counts[i + 1][to]
                one, two = now.get(c, (0, 0))
                now[c] = one + x * n + after[to][0], two + x * x * n + 2 * x * after[to][0] + after[to][1]
        return now[1][1]

    def settle(self, allowed, forms, base):
        levels, counts, forward = self.part(allowed)
        n = counts[0][1]
        if not n:
            return
        allowed = [{t for _, t, _ in self.edges(levels, i)} for i in range(len(levels))]
        Z = self.extreme(levels, lambda i, t: self.weights(i, t)[0], min)
        need(Z > 0, "a weight that is too small")
        little = lambda m: n * m <= self.little * Z          # noqa: E731
        most, k, leads = self.lead(levels, counts, base, forms)
        forms = [f for f in forms if f == base or leads[f] > 0]
        if not little(most):
            other = self.typical(levels, counts, forward, forms)
            if other != base:
                next_most, next_k, next_leads = self.lead(levels, counts, other, forms)
                if 2 * next_most < most or little(next_most):
                    self.add(levels, other, 1)
                    self.add(levels, base, -1)
                    base, most, k = other, next_most, next_k
                    forms = [f for f in forms if f == base or next_leads[f] > 0]
        reads = range(self.n_src)
        if little(most) or all(len(allowed[i]) == 1 for i in reads):
            gap = Fraction(n * most, Z)
            self.low, self.high = (self.low, self.high + gap) if self.kind == "max" else (self.low - gap, self.high)
            return
        if self.bins > 1 and n <= FEW:
            return self.go_through(levels, allowed, forms, base)
        self.cut(allowed, forms, base, k)

    def go_through(self, levels, allowed, forms, base):
        """Adds what the smallest form is below the base (the largest above it), sequence by sequence."""
        sign = -1 if self.kind == "max" else 1
        for tokens in product(*map(sorted, allowed)):
            c = 1
            for i, t in enumerate(tokens):
                c = levels[i][c][t] if c else 0
            if not c:
                continue
            Z = [sum(self.weights(i, t)[end] for i, t in enumerate(tokens)) for end in (0, 1)]
            least = [0, 0]
            for k in forms:
                X = [sum(self.product(i, t, k)[end] - self.product(i, t, base)[1 - end] for i, t in enumerate(tokens)) for end in (0, 1)] if k != base else [0, 0]
                X = X if sign > 0 else [-X[1], -X[0]]
                least = [min(a, b) for a, b in zip(least, X)]
            ends = [Fraction(x, z) for x in least for z in Z]
            low, high = sorted((sign * min(ends), sign * max(ends)))
            self.low, self.high = self.low + low, self.high + high

    def cut(self, allowed, forms, base, k):
        def spread(i):
            terms = [self.above(i, t, base, k) for t in allowed[i]]
            return max(terms) - min(terms)
        i = max((i for i in range(self.n_src) if len(allowed[i]) > 1), key=spread)
        terms = {t: self.above(i, t, base, k) for t in allowed[i]}
        low, high = min(terms.values()), max(terms.values())
        side = {t for t, x in terms.items() if 2 * x <= low + high}
        if side == allowed[i]:
            side = {min(side)}
        for half in (side, allowed[i] - side):
            self.settle(allowed[:i] + [half] + allowed[i + 1:], forms, base)
