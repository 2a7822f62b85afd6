"""radius(M, x, lo, hi): random bilinear networks against rays inside the box and against the distance without it; ties, inputs outside the box, boxes without
another answer; certificates that both checkers must reject.

    python tests/quadratic/radius_box.py BUILD
"""
import math
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, directions, parse_vector, random_net  # noqa: E402
from certificates import about, all_accepted, changed, literal, of, read, rejected, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402

CAP = 2 ** 64


def line_of(folder, part, name):
    """(x, lo, hi, u or None) of the last line `radius` with a box, and (lo, hi) of the one without."""
    lines = [line.split(" ") for line in re.findall(r"^radius (.*)$", read(folder, part, name), re.M)]
    free = [(Fraction(w[3]), Fraction(w[4])) for w in lines if w[3] != "in"]
    w = [w for w in lines if w[3] == "in"][-1]
    return parse_vector(w[2]), Fraction(w[6]), Fraction(w[7]), None if w[8] == "-" else parse_vector(w[8]), free[0] if free else None


def along_rays(rng, net, x, answer, lo, hi):
    """The smallest distance along many directions, in the box, at which another output is as large: an upper bound, tight in one and two dimensions."""
    x, lo, hi = [[float(a) for a in v] for v in (x, lo, hi)]
    plain = Net(*[[[float(a) for a in row] for row in m] for m in (net.L, net.R, net.P)], *[[float(a) for a in v] for v in (net.l, net.r)],
                net.S and [[float(a) for a in row] for row in net.S], [float(a) for a in net.b])
    best = math.inf
    corners = [[(a if rng.random() < 0.5 else b) - c for a, b, c in zip(lo, hi, x)] for _ in range(40)]
    for d in directions(rng, net.n, 3000 if net.n < 3 else 400) + [[a / (math.hypot(*c) or 1) for a in c] for c in corners]:
        room = min([(b - c) / s if s > 0 else (a - c) / s for a, b, c, s in zip(lo, hi, x, d) if abs(s) > 1e-12] or [0])
        if room <= 0:
            continue
        zero, plus, minus = [plain.value([a + t * b for a, b in zip(x, d)]) for t in (0.0, room, -room)]
        for j in range(net.k):
            if j == answer:
                continue
            c, p, m = [v[answer] - v[j] for v in (zero, plus, minus)]
            q, g = (p + m) / 2 - c, (p - m) / 2
            if abs(q) < 1e-14:
                roots = [-c / g] if g else []
            else:
                roots = [] if g * g < 4 * q * c else [(-g + s * math.sqrt(g * g - 4 * q * c)) / (2 * q) for s in (-1, 1)]
            best = min([best] + [t * room for t in roots if 0 <= t <= 1])
    return best


def random_networks(folder):
    rng = random.Random(23)
    claims, cases = [], []
    for i in range(40):
        net = random_net(rng, 1 + i % 8)
        write(folder, "n%d" % i, net)
        x = [Fraction(rng.randint(-16, 16), rng.choice((8, 12))) for _ in range(net.n)]
        y = net.value(x)
        a = y.index(max(y))
        size = rng.choice((Fraction(1, 16), Fraction(1, 4), Fraction(2)))
        lo, hi = [c - size * rng.randint(0, 4) / 4 for c in x], [c + size * rng.randint(0, 4) / 4 for c in x]
        claims.append('model M%d = "n%d.net"' % (i, i))
        claims.append("claim c%d { prove radius(M%d, %s, %s, %s) >= -1 and radius(M%d, %s) >= -1 }" % (i, i, literal(x), literal(lo), literal(hi), i, literal(x)))
        cases.append(("c%d" % i, net, x, a, lo, hi))
    status, output = verify(folder, "random", claims)
    check(" errors" not in output and "undecided" not in output, "random networks:\n" + output)
    kinds = {"none": 0, "free": 0, "bound": 0}
    for name, net, x, a, low, high in cases:
        at, lo, hi, u, free = line_of(folder, "random", name)
        check(at == x and lo >= free[0] * (1 - Fraction(1, 10 ** 6)), "%s: [%g, %g], without the box [%g, %g]" % (name, lo, hi, *free))
        rays = along_rays(rng, net, x, a, low, high)
        if u is None:
            kinds["none"] += 1
            check(lo == hi == CAP and rays == math.inf, "%s: [%g, %g], a ray ends at %g" % (name, lo, hi, rays))
            continue
        kinds["bound" if lo > free[1] else "free"] += 1
        there = [p + q for p, q in zip(x, u)]
        y = net.value(there)
        check(sum(q * q for q in u) <= hi * hi and all(p <= q <= r for p, q, r in zip(low, there, high)) and any(y[k] >= y[a] for k in range(net.k) if k != a), name + ": no such point")
        check(hi - lo <= hi * Fraction(11, 10 ** 7), "%s: [%.12g, %.12g] is wide" % (name, lo, hi))
        check(lo <= rays * (1 + 1e-9), "%s: a ray ends at %g, below %g" % (name, rays, lo))
        check(net.n > 2 or hi <= rays * 1.01, "%s: no ray ends before %g, above %g" % (name, rays, hi))
    check(min(kinds.values()) > 2, "kinds %s" % kinds)
    return of(folder, "random")


BOWL = Net([[1]], [[-1]], [[1, 0]], b=[1, 0])                                    # 1 - x^2 against 0
LINE = Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[3, 0], [4, 0]], b=[5, 0])        # 5 + 3 x + 4 y against 0
SADDLE = Net([[1], [0]], [[0], [1]], [[1, 0]], b=[1, 0])                         # 1 + x y against 0
MODELS = {"bowl": BOWL, "line": LINE, "saddle": SADDLE}
SPECIAL = [   # arguments of radius, its square (None: none in the box, or farther than 2^64)
    ("bowl, {0}, -2, 2", 1),
    ("bowl, {0}, -1/2, 2", 1),
    ("bowl, {1/4}, -1, 1/2", Fraction(25, 16)),
    ("bowl, {0}, -1/2, 1/2", None),
    ("bowl, {1}, -1, 1", 0),
    ("bowl, {1}, -1/2, 1/2", None),          # the tie is outside the box
    ("bowl, {1/2}, 0, 1/4", None),
    ("bowl, {3}, 0, 1/4", 121 * Fraction(1, 16)),     # an input outside the box: 0 is the answer there
    ("line, {0, 0}, -10, 10", 1),
    ("line, {0, 0}, 1, {-1/2, -10}, {10, 10}", Fraction(1, 4) + Fraction(49, 64)),
    ("line, {0, 0}, {0, -10}, 10", Fraction(25, 16)),
    ("saddle, {0, 0}, 0, 10", None),
    ("saddle, {0, 0}, {-1/2, -10}, {1/2, 10}", Fraction(17, 4)),
    ("saddle, {0, 0}, {-10, 0}, {10, 1/2}", Fraction(17, 4)),
]


def special(folder):
    claims = []
    for name, net in MODELS.items():
        write(folder, name, net)
        claims.append('model %s = "%s.net"' % (name, name))
    claims += ["claim s%d { prove radius(%s) >= -1 expect proved }" % (i, what) for i, (what, _) in enumerate(SPECIAL)]
    claims += ["claim least { minimize k in 0..4 : radius(bowl, {k/8}, -1, 1) within 1e-6 expect bounded }",
               "claim number { count k in -4..4 : radius(bowl, {k/8}, -1, 3/4) > 0.9 prove number == 5 expect proved }",
               "claim both { forall k in -4..4 prove radius(bowl, {k/8}, -1, 3/4) >= radius(bowl, {k/8}) - 1e-5 expect proved }",
               "claim itself { prove radius(bowl, {0}, 0, -1, 1) >= 1 expect error }",
               "claim rounded { prove radius(bowl, {0}, -1, 1) >= 1/2 under float32 expect undecided }"]
    status, output = verify(folder, "special", claims, "--expect")
    check("not as expected" not in output, "special cases end with %d\n%s" % (status, output))
    for i, (what, square) in enumerate(SPECIAL):
        _, lo, hi, u, _ = line_of(folder, "special", "s%d" % i)
        if square is None:
            check(lo == hi == CAP, "%s: [%g, %g]" % (what, lo, hi))
        else:
            check(lo * lo <= square <= hi * hi and hi - lo <= hi * Fraction(1, 10 ** 6), "%s: [%.17g, %.17g], not the root of %s" % (what, lo, hi, square))
    return about(folder, "special", {name: name for name in MODELS})


def false_certificates(folder):
    def text_of(i):
        return read(folder, "special", "s%d" % i)
    names = ["model", "target", "x", "in", "low", "high", "lo", "hi", "u", "cells"]

    def line(text, **fields):
        words = re.search(r"^radius (.*)$", text, re.M).group(1).split(" ")
        for name, value in fields.items():
            at = names.index(name)
            words[at:at + 1 if name != "cells" else len(words)] = [value]
        return changed(text, r"^radius .*$", lambda _: "radius " + " ".join(words))
    bowl, none, edge, tie = text_of(2), text_of(3), text_of(12), text_of(4)
    some = {
        "lower end above": line(bowl, lo="13/10", hi="14/10"),
        "lower end at the radius": line(bowl, lo="5/4", hi="13/10"),
        "upper end below": line(bowl, lo="1", hi="6/5"),
        "the nearest point without the box": line(bowl, lo="1/2", hi="3/4", u="3/4,"),
        "point outside the box": line(bowl, hi="2", u="-2,"),
        "point of the answer": line(bowl, u="-1/2,"),
        "no point": line(bowl, u="-"),
        "no cells": line(bowl, cells="-"),
        "a cell cut short": line(bowl, cells="leaf 1"),
        "a word that is none": line(bowl, cells="cell 1 1"),
        "cells with lower end 0": line(bowl, lo="0"),
        "multipliers 0": line(bowl, cells="leaf 0 0"),
        "a multiplier negative": line(bowl, cells="leaf -1 2"),
        "a multiplier negative that would do": line(bowl, lo="127/100", hi="2", cells="leaf -1 3"),       # u^2 + 5/2 u + 1.6129, which has no root
        "a half of the ball": line(bowl, cells="split 0 0 leaf 3 3"),
        "a split outside": line(bowl, cells="split 0 9 leaf 3 3 leaf 3 3"),
        "cells twice": changed(bowl, r"^radius (.*?) (leaf .*)$", r"radius \1 \2 \2"),
        "a larger box": line(bowl, high="2,"),
        "a smaller box": line(bowl, low="0,"),
        "box of two entries": line(bowl, low="-1,-1"),
        "box without its comma": line(bowl, low="-1"),
        "no box": line(bowl, low="", high=""),
        "a word for in": line(bowl, **{"in": "of"}),
        "no point in a box that has one": line(bowl, lo=str(CAP), hi=str(CAP), u="-"),
        "none, in a larger box": changed(line(none, low="-2,"), r"bowl, \{0\}, -1/2", "bowl, {0}, -2"),
        "none, without cells": line(none, cells="-"),
        "tie with a lower end": line(tie, lo="1/8", hi="1", cells="leaf 0 0"),
        "a point beyond the edge": line(edge, lo="1", hi="15/10", u="-1,1"),
        "the first cell's multipliers left out": changed(edge, r"^(radius .*?) leaf \S+", r"\1 leaf"),
    }
    for k in range(0, 17):
        for j in range(0, 17):
            some["too large, multipliers %d/4 and %d/4" % (k, j)] = line(bowl, lo="127/100", hi="2", cells="leaf %s %s" % (Fraction(k, 4), Fraction(j, 4)))
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + special(folder)
    all_accepted(folder, certificates, 50)
    false_certificates(folder)
finish()
