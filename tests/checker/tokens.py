"""Random expressions of the tokens, with errors among them, against their value in Python: certificates by rule separable and by rule enumerate on tiny networks.

    python3 tests/checker/tokens.py BUILD [--claims N] [--seed S]

The number that is true is accepted by enumeration, and by separable where the rule takes the claim; one more and one less by neither; where some sequence makes the claim an error, no interval is, and nothing is counted.
Ends with `N passed, N failed`.
"""
import argparse
import itertools
import os
import random
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import canonical, seal                     # noqa: E402
from decided import in_c, verify, write, write_claims  # noqa: E402
from nets import transformer                           # noqa: E402
from tally import check, finish                        # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--claims", type=int, default=40)
a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
N, V, OUT = 4, 3, 3


class Wrong(Exception):
    """The claim is an error there."""


def pick(values, i):
    if not 0 <= i < len(values):
        raise Wrong
    return values[i]


def over(kind, values):
    if not values and kind in (max, min):
        raise Wrong
    return kind(values)


class Draw:
    """(text, value of t and of the inner variables): `number` and `truth`; inner variables are i, j of comprehensions."""

    def __init__(self, rng):
        self.rng, self.inner = rng, []

    def place(self, depth):
        """An index, mostly inside."""
        r = self.rng.random()
        if r < 0.45 or depth <= 0:
            return self.variable() or self.literal(0, N - 1)
        x, f = self.number(depth - 1)
        if r < 0.9:
            return "(%s) %% %d" % (x, N), lambda t, e: f(t, e) % N
        return x, f

    def variable(self):
        if not self.inner or self.rng.random() < 0.3:
            return None
        name = self.rng.choice(self.inner)
        return name, lambda t, e: e[name]

    def literal(self, lo, hi):
        k = self.rng.randint(lo, hi)
        return str(k), lambda t, e: k

    def over(self, depth, kind, text, inner, empty=True):
        """kind{inner : i in a..b where P}"""
        rng, name = self.rng, "ij"[len(self.inner)]
        lo, hi = sorted((rng.randrange(N), rng.randrange(N)))
        self.inner.append(name)
        x, f = inner(depth - 1)
        c, g = self.truth(depth - 1) if rng.random() < 0.6 else ("", lambda t, e: True)
        self.inner.pop()

        def value(t, e):
            return kind(f(t, dict(e, **{name: i})) for i in range(lo, hi + 1) if g(t, dict(e, **{name: i})))
        return "%s{%s : %s in %d..%d%s}" % (text, x, name, lo, hi, " where " + c if c else ""), value

    def number(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.2:
            return rng.choice([self.entry, self.entry, lambda d: self.literal(-1, 3), lambda d: self.variable() or self.entry(d)])(0)
        kinds = [self.entry, self.entry, self.whole, self.sums, self.choice, self.table, self.choose]
        if len(self.inner) < 2:
            kinds += [self.quantified, self.quantified]
        return rng.choice(kinds)(depth)

    def entry(self, depth):
        x, f = self.place(depth)
        if self.rng.random() < 0.2:
            k = self.rng.randrange(N)
            return "sort(t)[%d]" % k, lambda t, e: sorted(t)[k]
        return "t[%s]" % x, lambda t, e: pick(t, f(t, e))

    def whole(self, depth):
        name, f = self.rng.choice([("sum(t)", sum), ("max(t)", max), ("min(t)", min), ("len(t)", len), ("argmax(t)", lambda t: t.index(max(t))), ("argmin(t)", lambda t: t.index(min(t)))])
        if self.rng.random() < 0.25:
            table = [[self.rng.randrange(2) for _ in range(V)] for _ in range(2)]

            def fold(t):
                s = 0
                for x in t:
                    s = table[s][x]
                return s
            return "fold({{%s}, {%s}}, 0, t)" % tuple(", ".join(map(str, row)) for row in table), lambda t, e: fold(t)
        return name, lambda t, e: f(t)

    def sums(self, depth):
        (x, f), (y, g), r = self.number(depth - 1), self.number(depth - 1), self.rng.random()
        if r < 0.4:
            return "(%s) + (%s)" % (x, y), lambda t, e: f(t, e) + g(t, e)
        if r < 0.7:
            return "(%s) - (%s)" % (x, y), lambda t, e: f(t, e) - g(t, e)
        if r < 0.85:
            return "(%s) * (%s)" % (x, y), lambda t, e: f(t, e) * g(t, e)
        k = self.rng.randint(1, 4)
        return "(%s) %% %d" % (x, k), lambda t, e: f(t, e) % k

    def choice(self, depth):
        (c, h), (x, f), (y, g) = self.truth(depth - 1), self.number(depth - 1), self.number(depth - 1)
        return "(if %s then %s else %s)" % (c, x, y), lambda t, e: f(t, e) if h(t, e) else g(t, e)

    def table(self, depth):
        k = self.rng.randint(2, 5)
        values = [self.rng.randint(-2, 4) for _ in range(k)]
        x, f = self.number(depth - 1)
        if self.rng.random() < 0.8:
            x, f = "(%s) %% %d" % (x, k), lambda t, e, f=f: f(t, e) % k
        return "{%s}[%s]" % (", ".join(map(str, values)), x), lambda t, e: pick(values, f(t, e))

    def choose(self, depth):
        (x, f), (y, g), kind = self.number(depth - 1), self.number(depth - 1), self.rng.choice([max, min])
        return "%s(%s, %s)" % (kind.__name__, x, y), lambda t, e: kind(f(t, e), g(t, e))

    def quantified(self, depth):
        r = self.rng.random()
        if r < 0.3:
            return self.over(depth, lambda v: sum(bool(x) for x in v), "count", self.truth)
        kind = self.rng.choice([sum, max, min])
        return self.over(depth, lambda v: over(kind, list(v)), kind.__name__, self.number)

    def truth(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.3:
            return self.compared(0)
        kinds = [self.compared, self.compared, self.member, self.joined, self.joined, self.differ]
        if len(self.inner) < 2:
            kinds += [lambda d: self.over(d, all, "all", self.truth), lambda d: self.over(d, any, "any", self.truth)]
        return rng.choice(kinds)(depth)

    def compared(self, depth):
        op, (x, f), (y, g) = self.rng.choice(["<", "<=", ">", ">=", "==", "!="]), self.number(depth - 1), self.number(depth - 1)
        h = {"<": lambda p, q: p < q, "<=": lambda p, q: p <= q, ">": lambda p, q: p > q, ">=": lambda p, q: p >= q, "==": lambda p, q: p == q, "!=": lambda p, q: p != q}[op]
        return "(%s) %s (%s)" % (x, op, y), lambda t, e: h(f(t, e), g(t, e))

    def member(self, depth):
        x, f = self.number(depth - 1)
        r = self.rng.random()
        if r < 0.3:
            return "contains(t, %s)" % x, lambda t, e: f(t, e) in t
        if r < 0.6:
            lo, hi = sorted((self.rng.randint(-1, 3), self.rng.randint(-1, 3)))
            return "(%s) in %d..%d" % (x, lo, hi), lambda t, e: lo <= f(t, e) <= hi
        some = self.rng.sample(range(-1, 4), 2)
        return "(%s) in {%s}" % (x, ", ".join(map(str, some))), lambda t, e: f(t, e) in some

    def joined(self, depth):
        (x, f), (y, g), r = self.truth(depth - 1), self.truth(depth - 1), self.rng.random()
        if r < 0.3:
            return "(%s) and (%s)" % (x, y), lambda t, e: f(t, e) and g(t, e)
        if r < 0.6:
            return "(%s) or (%s)" % (x, y), lambda t, e: f(t, e) or g(t, e)
        if r < 0.8:
            return "((%s) => (%s))" % (x, y), lambda t, e: not f(t, e) or g(t, e)
        return "not (%s)" % x, lambda t, e: not f(t, e)

    def differ(self, depth):
        lo, hi = sorted((self.rng.randrange(N), self.rng.randrange(N)))
        return "distinct(t[%d..%d])" % (lo, hi), lambda t, e: len(set(t[lo:hi + 1])) == hi - lo + 1


def two(i):
    return pick([0, 1], i)


def first(*some):
    """The last of these, once the others have no error."""
    return some[-1]


# Where what is not looked at may be an error, and where it is looked at after all.
EDGES = [("max({0, 1}[t[0]], 2)", lambda t: max(two(t[0]), 2)), ("min(0, {0, 1}[t[0]])", lambda t: min(0, two(t[0]))), ("max{t[i] : i in 0..2 where t[i] > 1}", lambda t: over(max, [x for x in t[:3] if x > 1])),
         ("max(max{t[i] : i in 0..1 where t[i] > 1}, 2)", lambda t: max(over(max, [x for x in t[:2] if x > 1]), 2)), ("max{t[i] : i in 0..2 where t[i] >= 0}", lambda t: max(t[:3])),
         ("max{(if t[i] > 1 then 2 else 0) : i in 0..3 where t[i] > 0 or i == 3}", lambda t: max(2 if x > 1 else 0 for i, x in enumerate(t) if x > 0 or i == 3)),
         ("(if {0, 1}[t[0]] == {5, 6}[t[1]] then 1 else 0)", lambda t: int(two(t[0]) == two(t[1]) + 5)), ("(if {0, 1}[t[0]] < 7 then 1 else 0)", lambda t: first(two(t[0]), 1)),
         ("0 * {0, 1}[t[0]]", lambda t: 0 * two(t[0])), ("{0, 1}[t[0]] % 5", lambda t: two(t[0]) % 5), ("t[0] % 2", lambda t: t[0] % 2), ("(t[0] + t[1]) % 4 % 3", lambda t: (t[0] + t[1]) % 4 % 3),
         ("(if {0, 1}[t[0]] == 0 then 1 else 1)", lambda t: first(two(t[0]), 1)), ("{1, 1, 1}[t[0] + t[1]]", lambda t: pick([1, 1, 1], t[0] + t[1])), ("{t[1], t[1]}[t[0]]", lambda t: pick([t[1], t[1]], t[0])),
         ("(if t[0] in {5, {0, 1}[t[1]]} then 1 else 0)", lambda t: int(t[0] in (5, two(t[1])))), ("(if t[1] in 0..{0, 1}[t[0]] then 1 else 0)", lambda t: int(0 <= t[1] <= two(t[0]))),
         ("(if t[1] == 0 and {0, 1}[t[0]] == 0 then 1 else 0)", lambda t: int(t[1] == 0 and two(t[0]) == 0)), ("(if t[0] < 2 and {0, 1}[t[0]] == 0 then 1 else 0)", lambda t: int(t[0] == 0)),
         ("(if {0, 1}[t[0]] == 0 and t[0] < 2 then 1 else 0)", lambda t: int(two(t[0]) == 0)), ("(if t[0] == 2 or {0, 1}[t[0]] == 1 then 1 else 0)", lambda t: int(t[0] > 0)), ("(if {0, 1}[t[0]] == 1 or t[0] == 2 then 1 else 0)", lambda t: int(two(t[0]) == 1)),
         ("count{{0, 1}[t[i]] == 0 : i in 0..3 where t[i] < 2}", lambda t: t.count(0)), ("(if all{{0, 1}[t[i]] == 0 : i in 0..3} then 1 else 0)", lambda t: int(all(two(x) == 0 for x in t))),
         ("(if any{{0, 1}[t[i]] == 1 : i in 0..3} then 1 else 0)", lambda t: int(any(two(x) == 1 for x in t))), ("fold({{0, 1}, {1, 0}}, 0, t)", lambda t: sum(first(two(x), x) for x in t) % 2),
         ("{t[0], 2, {0, 1}[t[1]]}[0]", lambda t: first(two(t[1]), t[0])), ("sort({t[0], t[1], 1})[1]", lambda t: sorted([t[0], t[1], 1])[1]), ("sort({t[0], t[1], t[2], 1, 1})[3]", lambda t: sorted(t[:3] + [1, 1])[3]),
         ("argmax(t) % 3", lambda t: t.index(max(t)) % 3), ("argmin(t) % 3", lambda t: t.index(min(t)) % 3), ("t[t[0] + t[1]]", lambda t: pick(t, t[0] + t[1])), ("abs(t[0] - t[1])", lambda t: abs(t[0] - t[1])), ("2 - t[3 - t[0]]", lambda t: 2 - t[3 - t[0]])]
# What no scan has: what is left of the expression is followed.
EDGES += [("sort(seq(t, 1))[2]", lambda t: sorted(t + [1])[2]), ("sort(t[1..3])[1]", lambda t: sorted(t[1:])[1]), ("sort(seq(t, 1, 1))[4]", lambda t: sorted(t + [1, 1])[4]), ("sort(seq(0, t, 2))[1]", lambda t: sorted(t + [0, 2])[1]),
          ("argmax(seq(t[1..3], 1)) % 3", lambda t: (t[1:] + [1]).index(max(t[1:] + [1])) % 3), ("argmin(seq(1, t)) % 3", lambda t: ([1] + t).index(min([1] + t)) % 3), ("{2, 1, 0, 1}[count{t[i] == t[0] : i in 1..3}]", lambda t: [2, 1, 0, 1][t[1:].count(t[0])]),
          ("max{(if t[i] == t[i - 1] then 0 else t[i]) : i in 1..3}", lambda t: max(0 if t[i] == t[i - 1] else t[i] for i in (1, 2, 3))), ("max{t[i] : i in 0..3 where i == 3 or t[i] == t[i + 1]}", lambda t: max(t[i] for i in range(4) if i == 3 or t[i] == t[i + 1])),
          ("min{t[i] + t[0] : i in 0..3 where t[i] >= t[3]}", lambda t: min(x + t[0] for x in t if x >= t[3])), ("count{t[i] == t[j] : i in 0..3, j in 0..3 where i < j} % 3", lambda t: sum(t[i] == t[j] for i in range(4) for j in range(i + 1, 4)) % 3),
          ("t[t[3]]", lambda t: t[t[3]]), ("(t[t[3]] + 2 * t[t[0]]) % 3", lambda t: (t[t[3]] + 2 * t[t[0]]) % 3), ("(if t[t[3]] == t[t[0]] then t[1] else 2)", lambda t: t[1] if t[t[3]] == t[t[0]] else 2),
          ("max{t[i] : i in 0..3 where t[i] < t[0]}", lambda t: over(max, [x for x in t if x < t[0]])), ("t[max{i : i in 0..2 where t[i] == t[i + 1]}]", lambda t: t[over(max, [i for i in range(3) if t[i] == t[i + 1]])])]


def beside(f):
    return lambda t: f(t) + t[3]


# And the same inside what no scan has, so that what is left of it is followed there as well.
EDGES += [("sum{%s + t[3] : i in 0..0}" % text.replace("t[0]", "t[i]"), beside(f)) for text, f in EDGES if "t[0]" in text and "t[i]" not in text and "t[t[" not in text]
EDGES += [("(if max{(if i == 1 then t[1] else 2) : i in 0..1 where i == 1 or t[0] == t[3]} < 2 then 1 else 0)", lambda t: int(t[0] != t[3] and t[1] < 2)), ("count{{0, 2, 0}[(if t[i] == t[3] then 0 else 2)] < 1 : i in 0..1}", lambda t: 2),
          ("sum{(if {0, 1}[t[i]] == t[0] and t[1] > 5 then 1 else 0) + t[0] : i in 3..3}", lambda t: first(two(t[3]), t[0])), ("sum{(if t[i] in {{0, 1}[t[3]], t[i]} then 1 else 0) + t[1] : i in 0..0}", lambda t: first(two(t[3]), 1 + t[1])),
          ("sum{(if t[1] in 5..{0, 1}[t[i]] then 1 else 0) + t[1] : i in 0..0}", lambda t: first(two(t[0]), t[1])), ("count{t[i] == argmax(t) : i in 0..1}", lambda t: t[:2].count(t.index(max(t)))), ("count{t[i] == argmin(t) : i in 0..1}", lambda t: t[:2].count(t.index(min(t)))),
          ("sum{sum(seq({0, 1}[t[i]], t[1])) * 0 + t[1] : i in 0..0}", lambda t: first(two(t[0]), t[1])), ("sum{seq({0, 1}[t[i]], t[1])[1] : i in 0..0}", lambda t: first(two(t[0]), t[1])),
          ("max{(if i == 2 then max{t[j] : j in 0..1 where t[j] > t[3]} else 1) : i in 2..3}", lambda t: max(1, over(max, [x for x in t[:2] if x > t[3]]))), ("max(max{t[i] : i in 0..1 where t[i] > t[3]}, 2)", lambda t: max(over(max, [x for x in t[:2] if x > t[3]]), 2)), ("(if all{{0, 1}[t[i]] == t[3] : i in 0..2} then 1 else 0)", lambda t: int(all(two(x) == t[3] for x in t[:3]))),
          ("(if any{{0, 1}[t[i]] == t[3] : i in 0..2} then 1 else 0)", lambda t: int(any(two(x) == t[3] for x in t[:3]))), ("fold({{0, 1}, {1, 0}}, 0, seq(t[0], t[1]))", lambda t: sum(first(two(x), x) for x in t[:2]) % 2), ("sum{fold({{0, 1}, {1, 0}}, 0, seq(t[i], t[1])) : i in 0..0}", lambda t: sum(first(two(x), x) for x in t[:2]) % 2)]


def domain(rng, plain):
    """Its text, and the sequences: a product, or, unless it has to be plain, an image of one."""
    r = 0 if plain else rng.random()
    three = [list(t) for t in itertools.product(range(V), repeat=N - 1)]
    if r < 0.6:
        return "tokens[%d] of 0..%d" % (N, V - 1), [(list, t) for t in itertools.product(range(V), repeat=N)]
    text, f = rng.choice([("seq(s, s[1])", lambda s: s + [s[1]]), ("seq(max(s), s)", lambda s: [max(s)] + s), ("seq(s[2], s)", lambda s: [s[2]] + s), ("seq(s, sum(s) % 3)", lambda s: s + [sum(s) % 3]), ("seq(s[0], 1, s[1..2])", lambda s: [s[0], 1] + s[1:]),
                          ("seq(s[0], s[1], s[0], 1)", lambda s: s[:2] + [s[0], 1]), ("seq(s, {0, 1}[s[0]])", lambda s: s + [two(s[0])])])
    where, g = rng.choice([("", lambda s: True), (" where distinct(s)", lambda s: len(set(s)) == 3), (" where s[0] <= s[2]", lambda s: s[0] <= s[2]), (" where contains(s, 0)", lambda s: 0 in s)])
    return "{%s : s in tokens[%d] of 0..%d%s}" % (text, N - 1, V - 1, where), [(f, s) for s in three if g(s)]


def one(folder, k, edge=None):
    rng = random.Random(a.seed * 100003 + k)
    net = transformer(300 + k % 7, d_vocab=V, n_ctx=N, d_model=3, d_out=OUT, causal=k % 3 != 0)
    draw, (text, sequences) = Draw(rng), domain(rng, edge is not None)
    x, f = (edge[0], lambda t, e: edge[1](t)) if edge else draw.number(3)
    c, g = draw.truth(2) if rng.random() < 0.5 and not edge else ("", lambda t, e: True)
    total, values, wrong = 0, [], False
    for made, t in sequences:
        try:
            t = made(t)
            if not g(t, {}):
                continue
            total += 1
            values.append(net.run(t)["logits"][-1][f(t, {}) % OUT])
        except Wrong:
            wrong = True
    values.sort()
    gaps = [i for i in range(len(values) // 3, len(values) - 1) if values[i + 1] - values[i] > 1e-6]
    if not gaps:
        return
    number, bound = len(values) - 1 - gaps[0], Fraction(values[gaps[0]] + values[gaps[0] + 1]) / 2
    write(folder + "/m.net", net.text())
    claim = "count t in %s%s : logits(M, t)[last, (%s) %% %d] > %s" % (text, " where " + c if c else "", x, OUT, canonical(bound))
    found = verify(a.build, write_claims(folder, [claim]), "--engine", "search", "--timeout", "0.01")[2]
    if not found:      # an error that the types see
        return
    lines = found["c0"]["statement"]
    for rule in ("enumerate", "separable"):
        for low, high in [(0, len(sequences))] if wrong else [(k, k) for k in (number, number + 1, number - 1)]:
            write(folder + "/c.cert", seal("weightproof-certificate 1\nstatement\n" + "".join("| %s\n" % y for y in lines.strip().splitlines()) +
                                           "verdict bounded\nnumber %d %d\ntotal %d %d\nrule %s\nend\n" % (low, high, total, high if wrong else total, rule)))
            status, output = in_c(a.build, folder + "/c.cert")
            counted = "not in this interval" in output or "not exact" in output
            refused = rule == "separable" and not counted
            good = status == 1 and not counted if wrong else status == 1 if low != number else status == 0 or refused
            check(good, "%d, %s: %d of %d (claimed %d to %d, %s) %s\n%s" % (k, rule, number, total, low, high, "an error" if wrong else "no error", output.strip(), lines))


with tempfile.TemporaryDirectory() as folder:
    for k, edge in enumerate(EDGES):
        one(folder, -1 - k, edge)
    for k in range(a.claims):
        one(folder, k)
finish()
