"""Rule quadratic on boxes, on balls of norm linf and on balls cut by linear conditions: random bilinear networks against points of the region, ties and
degenerate regions, and certificates that both checkers must reject.

    python tests/quadratic/boxes.py BUILD
"""
import itertools
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, parse_vector, random_net  # noqa: E402
from certificates import all_accepted, changed, expected, literal, of, read, rejected, verdict, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402


class Region:
    """lo <= d <= hi, |d| <= r when r is given, sum a_i d_i >= b for pairs of joint."""

    def __init__(self, lo, hi, r=None, joint=()):
        self.lo, self.hi, self.r, self.joint = lo, hi, r, joint

    def text(self):
        """The set and the condition; a ball is cut by bounds of its coordinates."""
        n = len(self.lo)
        where = ["d[%d] %s %s" % (i, op, x) for i in range(n if self.r is not None else 0) for op, x in ((">=", self.lo[i]), ("<=", self.hi[i]))]
        where += ["%s >= %s" % (" + ".join("%s * d[%d]" % (x, i) for i, x in enumerate(a)), b) for a, b in self.joint]
        some = "ball(0, %s, l2)" % self.r if self.r is not None else "box(%s, %s)" % (literal(self.lo), literal(self.hi))
        return some, " where " + " and ".join(where) if where else ""

    def has(self, d):
        return (all(a <= x <= b for a, x, b in zip(self.lo, d, self.hi)) and (self.r is None or sum(x * x for x in d) <= self.r ** 2)
                and all(sum(x * y for x, y in zip(a, d)) >= b for a, b in self.joint))

    def points(self, rng):
        """Corners, a grid in few dimensions, random points; in the region."""
        n = len(self.lo)
        some = list(itertools.product(*zip(self.lo, self.hi)))
        if n < 3:
            some += itertools.product(*[[a + (b - a) * Fraction(k, 24) for k in range(25)] for a, b in zip(self.lo, self.hi)])
        for _ in range(150):
            d = [a + (b - a) * Fraction(rng.randint(0, 64), 64) for a, b in zip(self.lo, self.hi)]
            some.append(d)
            some += [[x * k / 4 for x in d] for k in (1, 2, 3)]
        return [d for d in some if self.has(d)]


def random_region(rng, n, kind):
    lo = [Fraction(-rng.randint(0, 12), 16) for _ in range(n)]
    hi = [Fraction(rng.randint(0, 12), 16) for _ in range(n)]
    if kind == 0:
        return Region(lo, hi)
    joint = [([Fraction(rng.randint(-4, 4)) for _ in range(n)], Fraction(-rng.randint(1, 8), 16)) for _ in range(rng.randint(1, 2))]
    return Region(lo, hi, None if kind == 2 else Fraction(rng.randint(2, 16), 16), joint if kind > 1 else ())


def random_networks(folder):
    rng = random.Random(11)
    claims, cases = [], []
    for i in range(12):
        net = random_net(rng, 1 + i % 8)
        write(folder, "n%d" % i, net)
        claims.append('model M%d = "n%d.net"' % (i, i))
        x0 = [Fraction(rng.randint(-16, 16), rng.choice((8, 12))) for _ in range(net.n)]
        y = net.value(x0)
        answer = y.index(max(y))
        for kind in range(4):
            region = random_region(rng, net.n, kind)
            for k, scale in enumerate((Fraction(1, 4), 1, 3)):
                g = Region([a * scale for a in region.lo], [a * scale for a in region.hi], None if region.r is None else region.r * scale, [(a, b * scale) for a, b in region.joint])
                name = "c%d_%d_%d" % (i, kind, k)
                some, where = g.text()
                claims.append("claim %s { forall d in %s%s prove argmax(output(M%d, %s + d)) == %d }" % (name, some, where, i, literal(x0), answer))
                cases.append((name, net, x0, answer, g))
    status, output = verify(folder, "random", claims)
    check(" errors" not in output and "undecided" not in output, "random networks:\n" + output)
    proved = 0
    for name, net, x0, answer, g in cases:
        text = read(folder, "random", name)

        def fails(d):
            y = net.value([a + b for a, b in zip(x0, d)])
            return any(y[answer] <= y[j] for j in range(net.k) if j != answer)
        proved += verdict(text) == "proved"
        if verdict(text) == "proved":
            check(not any(fails(d) for d in g.points(rng)), name + ": proved, but a point of the region is answered otherwise")
        else:
            d = parse_vector(re.search(r"^counterexample d=(.*)$", text, re.M).group(1))
            check(g.has(d) and fails(d), name + ": no counterexample")
    check(30 < proved < len(cases) - 30, "%d of %d proved" % (proved, len(cases)))
    return of(folder, "random")


BOWL = Net([[1]], [[-1]], [[1]], b=[1])                                     # 1 - x^2
SADDLE = Net([[1], [0]], [[0], [1]], [[1]], b=[1])                           # 1 + x y
LINE = Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[3, 0], [4, 0]], b=[5, 0])   # 5 + 3 x + 4 y against 0
CROSS = Net([[1, 1, 0], [-1, 0, 1], [0, -1, -1]], [[1, 1, 0], [-1, 0, 1], [0, -1, -1]], [[1], [1], [1]], b=[Fraction(-1, 4)])     # (x - y)^2 + (x - z)^2 + (y - z)^2 - 1/4
CUT = Net([[1, 0], [0, 1]], [[1, 0], [0, 1]], [[-1], [-1]], b=[8])           # 8 - x^2 - y^2: the cut of 5 variables below has no one set of multipliers
MODELS = {"bowl": BOWL, "saddle": SADDLE, "line": LINE, "cross": CROSS, "cut": CUT}
SPECIAL = [
    # (claim, verdict)
    ("forall d in ball(0, 9/10, linf) prove output(bowl, d)[0] > 0", "proved"),
    ("forall d in ball(0, 1, linf) prove output(bowl, d)[0] > 0", "refuted"),
    ("forall d in ball(0, 1, linf) prove output(bowl, d)[0] >= 0", "undecided"),
    ("forall d in ball(1/2, 1/2, linf) where d[0] < 1 prove output(bowl, d)[0] > 0", "undecided"),      # the limit 1 is not in the region
    ("forall d in box({-1/2}, {99/100}) prove output(bowl, d)[0] > 0", "proved"),
    ("forall d in box(-1/2, 101/100) prove output(bowl, d)[0] > 0", "refuted"),
    ("forall d in box(1/2, 1/2) prove output(bowl, d)[0] > 74/100", "proved"),
    ("forall d in box(1/2, 1/2) prove output(bowl, d)[0] > 3/4", "refuted"),
    ("forall d in ball(1/2, 0, linf) prove output(bowl, d)[last] < 76/100", "proved"),
    ("forall d in ball(0, 99/100, linf) prove output(saddle, d)[0] > 0", "proved"),
    ("forall d in ball(0, 1, linf) prove output(saddle, d)[0] > 0", "refuted"),
    ("forall d in box({-1, 0}, {1, 1}) where d[0] + d[1] >= 1/4 prove output(saddle, d)[0] > 1/5", "proved"),
    ("forall d in box({-1, 0}, {1, 1}) where d[0] + d[1] >= 1/4 prove output(saddle, d)[0] > 3/10", "refuted"),
    ("forall d in box({-1, 0}, {1, 1/2}) where d[1] <= 1/4 and 0 <= 1 + 2 * d[0] prove output(saddle, d)[0] > 86/100", "proved"),
    ("forall d in ball(0, 2, l2) where d[0] >= 0 and d[1] >= 0 prove output(saddle, d)[0] > 9/10", "proved"),
    ("forall d in ball(0, 2, l2) where d[0] >= 0 prove output(saddle, d)[0] > 0", "refuted"),
    ("forall d in ball(0, 14/10, l2) where d[0] == d[1] prove output(saddle, d)[0] > 1/2", "proved"),
    ("forall d in ball(0, 14/10, l2) where d[0] == 1 and d[1] == 1/2 prove output(saddle, d)[0] > 14/10", "proved"),
    ("forall d in box({-1, -1}, {1, 0}) prove argmax(output(line, d)) == 0", "refuted"),
    ("forall d in box({-1, -1/4}, {1, 0}) prove argmax(output(line, d)) == 0", "proved"),
    ("forall d in ball(0, 5/4, l2) where d[0] >= 0 prove argmax(output(line, d)) == 0 ", "refuted"),
    ("forall d in ball(0, 5/4, l2) where d[0] >= 0 and d[1] > -6/5 prove argmax(output(line, d)) == 0", "proved"),
    # a maximum cut: no single set of multipliers shows it, cells do
    ("forall d in ball(0, 1, linf) prove output(cross, d)[0] < 81/10 - 1/4", "proved"),
    ("forall d in ball(0, 1, linf) prove output(cross, d)[0] < 8 - 1/4", "refuted"),
    ("forall d in box(1, 2) where d[0] <= 1 and d[1] >= 2 prove output(cut, d)[0] > 29/10 - 1 / 2 and output(cut, d)[0] < 31/10", "proved"),
    # more than one region, closed claims, counts, conditions of both kinds
    ("prove all{ argmax(output(line, d)) == 0 : k in 0..3, d in ball(0, k/5, linf) }", "proved"),
    ("prove all{ argmax(output(line, d)) == 0 : k in 0..8, d in ball(0, k/5, linf) where k != 4 }", "refuted"),
    ("prove all{ argmax(output(line, d)) == 0 : k in 0..8, d in ball(0, k/5, linf) where k <= 5 and d[0] + d[1] >= -1 }", "proved"),
    ("count k in 0..8 where k != 3 : all{ argmax(output(line, {-1/2, -8/7} + d)) == 0 : d in ball({0, 1}, k/5, linf) }", "bounded"),
    ("count k in 0..8 : all{ argmax(output(line, d)) == 0 : d in ball(0, k/4, l2) where all{ ({1/8, 0} + d)[i] >= -k/16 : i in 0..1 where i < 2 } }", "bounded"),
    ("count k in 0..8 : all{ argmax(output(line, d)) == 0 : d in box(0, 1) where d[0] <= 3 - k } prove number == 9", "proved"),      # empty regions count
    ("forall k in 0..8, d in ball(0, 1, linf) where k > 8 prove output(line, d)[0] > 9", "vacuous"),
    ("forall d in box(0, 1) where d[0] > 2 prove output(line, d)[0] > 9", "vacuous"),
    ("forall d in box(0, 1) where d[0] != 0 prove output(line, d)[0] > 4", "undecided"),
    ("forall d in box(0, 1) where d[0] * d[0] <= 1 prove output(line, d)[0] > 4", "undecided"),
    ("forall d in box(0, 1) where d[0] > 0 or d[1] > 0 prove output(saddle, d)[0] > 1/2", "undecided"),
    ("forall d in ball(0, 1, l1) prove output(saddle, d)[0] > 1/2", "undecided"),
    ("forall d in box({0, 1}, {1, 0}) prove output(saddle, d)[0] > 1/2", "error"),
    ("forall d in ball(0, -1, linf) prove output(saddle, d)[0] > 1/2", "error"),
    ("forall d in ball(0, 2^600, linf) prove output(saddle, d)[0] > 0", "undecided"),
]


def false_certificates(folder):
    def text_of(start):
        return read(folder, "special", "s%d" % next(i for i, (text, _) in enumerate(SPECIAL) if text.startswith(start)))
    bowl, cross, ball, joint = text_of("forall d in ball(0, 9/10"), text_of("forall d in ball(0, 1, linf) prove output(cross, d)[0] < 81"), text_of("forall d in ball(0, 2, l2) where d[0] >= 0 and"), text_of("forall d in box({-1, 0}, {1, 1}) where d[0] + d[1] >= 1/4 prove output(saddle, d)[0] > 1/5")
    refuted, many, count, empty = text_of("forall d in ball(0, 1, linf) prove output(bowl, d)[0] > 0"), text_of("prove all{ argmax(output(line, d)) == 0 : k in 0..8, d in ball(0, k/5, linf) where k != 4"), text_of("count k in 0..8 where k != 3"), text_of("count k in 0..8 : all{ argmax(output(line, d)) == 0 : d in box(0, 1)")
    check(cross.count("case split") > 1, "the maximum cut needs cells")
    some = {
        "negative multiplier": changed(bowl, r"^case leaf .*$", "case leaf -1/2"),
        "multiplier 0": changed(bowl, r"^case leaf .*$", "case leaf 0"),
        "multiplier 1": changed(bowl, r"^case leaf .*$", "case leaf 1"),
        "multiplier too large": changed(bowl, r"^case leaf .*$", "case leaf 100/81"),
        "no multiplier": changed(bowl, r"^case leaf .*$", "case leaf"),
        "no leaf": changed(bowl, r"^case leaf .*\n", ""),
        "two leaves": changed(bowl, r"^(case leaf .*)$", r"\1\n\1"),
        "multiplier on the line of the case": changed(bowl, r"^case hold$", "case hold 2"),
        "two multipliers": changed(bowl, r"^(case leaf .*)$", r"\1 1"),
        "not canonical": changed(bowl, r"^case leaf .*$", "case leaf 22/20"),
        "a larger box": changed(bowl, r"9/10", "1"),
        "a box on one side": changed(bowl, r"ball\(0, 9/10, linf\)", "box(-1/2, 1)"),
        "witness outside": changed(bowl, r"^witness d=.*$", "witness d=91/100,"),
        "an l2 ball's line": changed(bowl, r"^case hold\ncase leaf (.*)$", r"case hold \1"),
        "a ball's region for a box's": changed(bowl, r"linf", "l2"),
        "refuted, point outside": changed(refuted, r"^counterexample d=.*$", "counterexample d=2,"),
        "refuted, point that does not fail": changed(refuted, r"^counterexample d=.*$", "counterexample d=1/2,"),
        "split outside the cell": changed(cross, r"^case split (\d+) .*$", r"case split \1 3/2"),
        "split of no coordinate": changed(cross, r"^case split \d+", "case split 3"),
        "split of half a coordinate": changed(cross, r"^case split \d+", "case split 1/2"),
        "split without a number": changed(cross, r"^case split (\d+) .*$", r"case split \1"),
        "a cell left out": changed(cross, r"(?s)\ncase leaf [^\n]*(?=\n(?!case))", ""),
        "first cell only": changed(cross, r"(?s)case split [^\n]*\n(case leaf [^\n]*)\n.*?(?=source|end)", r"\1\n"),
        "multipliers of the wrong cell": changed(cross, r"(?s)(case leaf [^\n]*\n)(.*)(case leaf [^\n]*\n)", r"case leaf 0 0 0\n\2\3"),
        "a stronger claim on the same cells": changed(cross, r"161/20|81/10 - 1/4|157/20", "31/4"),
        "the ball's multiplier left out": changed(ball, r"^case leaf \S+ ", "case leaf "),
        "the ball's multiplier 0": changed(ball, r"^case leaf .*$", "case leaf 0 0 0"),
        "the condition dropped": changed(ball, r" and d\[1\] >= 0", ""),
        "the condition turned": changed(ball, r"d\[1\] >= 0", "d[1] <= 0"),
        "the joint condition's multiplier left out": changed(joint, r"^(case leaf .*) \S+$", r"\1"),
        "the joint condition's multiplier negative": changed(joint, r"^(case leaf .*) \S+$", r"\1 -1/8"),
        "the joint condition dropped": changed(joint, r" where d\[0\] \+ d\[1\] >= 1/4", ""),
        "the joint condition weaker": changed(joint, r">= 1/4", ">= -2"),
        "witness against the joint condition": changed(joint, r"^witness d=.*$", "witness d=-1,0"),
        "failing case made open": changed(many, r"^case fail .*$", "case open"),
        "failing case at the centre": changed(many, r"^case fail .*$", "case fail 0,0"),
        "one more counted": changed(count, r"^number (\d+) (\d+)$", lambda m: "number %d %d" % (int(m[1]) + 1, int(m[2]) + 1)),
        "counted case made open": changed(count, r"^case hold\n(case leaf .*\n)+", "case open\n"),
        "leaves of a case left out": changed(count, r"^case hold\n(case leaf .*\n)+", "case hold\n"),
        "leaves where the region is empty": changed(empty, r"(?s)(.*\n)case hold\n", r"\1case hold\ncase leaf 0 0\n"),
        "an empty region that is not": changed(empty, r"d\[0\] <= 3 - k", "d[0] <= 13 - k"),
    }
    for k in range(1, 40):      # no multiplier proves a false claim, and none proves a tie
        for r in ("1", "101/100"):
            some["box %s, multiplier %d/8" % (r, k)] = changed(changed(bowl, r"9/10", r), r"^case leaf .*$", "case leaf %s" % Fraction(k, 8))
    # every multiplier of the cells: taken away, it shows nothing or the cell still holds without it
    numbers = len(re.findall(r"^case leaf", cross, re.M))
    for k in range(numbers):
        some["leaf %d without multipliers" % k] = changed(cross, r"(?s)((?:.*?\ncase leaf [^\n]*){%d}.*?\ncase leaf) [^\n]*" % k, r"\1 0 0 0")
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + expected(folder, "special", MODELS, SPECIAL)
    all_accepted(folder, certificates, 150)
    false_certificates(folder)
finish()
