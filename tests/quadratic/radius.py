"""radius(M, x): random bilinear networks against numpy, rays and exact values; ties, no rival, the hard case; certificates that both checkers must reject.

    python tests/quadratic/radius.py BUILD
"""
import math
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

import numpy as np

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, parse_vector, random_net, sampled_radius  # noqa: E402
from certificates import about, all_accepted, changed, literal, of, read, rejected, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402

CAP = 2 ** 64
NETWORKS = 60


def quadratic(net, a, k):
    """Q, g, c of output a - output k, as arrays."""
    L, R, P = [np.array(m, float).reshape(len(m), -1) for m in (net.L, net.R, net.P)]
    l, r, b = [np.array(v, float) for v in (net.l, net.r, net.b)]
    w = P[:, a] - P[:, k]
    Q = (L * w) @ R.T
    g = (L * w) @ r + (R * w) @ l
    if net.S:
        S = np.array(net.S, float)
        g = g + S[:, a] - S[:, k]
    return (Q + Q.T) / 2, g, (l * w) @ r + b[a] - b[k]


def distance(net, x, a, k):
    """The least |u| with output k at least output a at x + u: the root of the secular equation in its multiplier mu, u = -(1 + mu Q)^-1 mu g / 2."""
    Q, g, c = quadratic(net, a, k)
    x = np.array(x, float)
    q, V = np.linalg.eigh(Q)
    gamma, m = V.T @ (g + 2 * Q @ x), x @ Q @ x + g @ x + c
    q[abs(q) < 1e-12] = 0
    gamma[abs(gamma) < 1e-12] = 0

    def at(mu):
        y = -mu * gamma / 2 / (1 + mu * q)
        return m + gamma @ y + q @ (y * y), np.linalg.norm(y)
    top = -1 / q[0] if q[0] < 0 else math.inf
    lo, hi = 0.0, top * (1 - 1e-13) if top < math.inf else 1e15
    if at(hi)[0] > 0:
        if top == math.inf:
            return math.inf
        y = np.array([0 if z == 0 else -top * z / 2 / (1 + top * w) if abs(w - q[0]) > 1e-12 else 0 for z, w in zip(gamma, q)])
        return math.sqrt(y @ y + (m + gamma @ y + q @ (y * y)) / -q[0])
    for _ in range(300):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if at(mid)[0] > 0 else (lo, mid)
    return at(hi)[1]


def line_of(folder, part, name):
    """(target, x, lo, hi, u or None) of the one line `radius` of a certificate."""
    found = re.findall(r"^radius (.*)$", read(folder, part, name), re.M)
    assert len(found) == 1, (name, found)
    model, target, x, lo, hi, u = found[0].split(" ")[:6]
    return target, parse_vector(x), Fraction(lo), Fraction(hi), None if u == "-" else parse_vector(u)


def random_networks(folder):
    rng = random.Random(11)
    claims, cases = [], []
    for i in range(NETWORKS):
        net = random_net(rng, 1 + i % 8)
        write(folder, "n%d" % i, net)
        x = [Fraction(rng.randint(-16, 16), rng.choice((8, 12))) for _ in range(net.n)]
        y = net.value(x)
        a = y.index(max(y))
        claims.append('model M%d = "n%d.net"' % (i, i))
        claims.append("claim all%d { prove radius(M%d, %s) >= -1 }" % (i, i, literal(x)))
        cases.append(("all%d" % i, net, x, a, [k for k in range(net.k) if k != a]))
        k = (a + 1 + rng.randint(0, net.k - 2)) % net.k
        claims.append("claim one%d { prove radius(M%d, %s, %d) >= -1 }" % (i, i, literal(x), k))
        cases.append(("one%d" % i, net, x, a, [k]))
    status, output = verify(folder, "random", claims)
    check(" errors" not in output and "undecided" not in output, "random networks:\n" + output)
    kinds = {"finite": 0, "none": 0, "on a ray": 0}
    for name, net, x, a, rivals in cases:
        target, at, lo, hi, u = line_of(folder, "random", name)
        check(at == x and target == ("*" if name[0] == "a" else str(rivals[0])), name + ": another value")
        if u is not None:
            y = net.value([p + q for p, q in zip(x, u)])
            check(sum(q * q for q in u) <= hi * hi and any(y[k] >= y[a] for k in rivals), name + ": no other answer at the point")
        value = net.value(x)
        expected = 0.0 if any(value[k] == value[a] for k in rivals) else min(distance(net, x, a, k) for k in rivals)
        kinds["none" if expected == math.inf else "finite"] += 1
        if expected == math.inf:
            check(hi == CAP and lo > 1000, "%s: [%g, %g], and numpy finds none" % (name, lo, hi))
            continue
        check(lo <= expected * (1 + 1e-7) and hi >= expected * (1 - 1e-7), "%s: [%g, %g], numpy has %g" % (name, lo, hi, expected))
        check(hi - lo <= hi * Fraction(1, 10 ** 6), "%s: [%g, %g] is wide" % (name, lo, hi))
        if name[0] == "a" and hi > 0:
            rays = sampled_radius(random.Random(net.n), net, x, a)
            check(lo <= rays * (1 + 1e-9), "%s: a ray ends at %g, below %g" % (name, rays, lo))
            kinds["on a ray"] += rays <= hi * 1.0001
            check(net.n > 2 or rays <= hi * 1.0001, "%s: no ray ends before %g, above %g" % (name, rays, hi))
    check(min(kinds.values()) > 1 and kinds["on a ray"] > 0.45 * kinds["finite"], "kinds %s" % kinds)        # one of two claims is about all rivals
    return of(folder, "random")


# name, network, input, rival or None, the squared radius (None: none within 2^64)
SPECIAL = [
    ("bowl", Net([[1]], [[-1]], [[1, 0]], b=[1, 0]), [0], None, 1),
    ("bowl_off", Net([[1]], [[-1]], [[1, 0]], b=[1, 0]), [Fraction(1, 3)], 1, Fraction(4, 9)),
    ("outside", Net([[1]], [[-1]], [[1, 0]], b=[1, 0]), [-3], 0, 4),
    ("linear", Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[3, 0], [4, 0]], b=[5, 0]), [0, 0], None, 1),
    ("constant", Net([[0], [0]], [[0], [0]], [[0, 0]], b=[1, 0]), [0, 0], None, None),
    ("tied", Net([[0], [0]], [[0], [0]], [[0, 0]], b=[1, 1]), [0, 5], None, 0),
    ("tied_origin", Net([[1], [0]], [[0], [1]], [[1, 0]]), [0, 0], 1, 0),
    ("hard", Net([[1, 0], [0, 1]], [[1, 0], [0, 1]], [[-1, 0], [Fraction(1, 2), 0]], S=[[0, 0], [1, 0]], b=[2, 0]), [0, 0], None, Fraction(11, 6)),
    ("convex", Net([[1], [0]], [[1], [0]], [[1, 0]], S=[[1, 0], [0, 0]], b=[Fraction(5, 16), 0]), [0, 0], None, None),
    ("touching", Net([[1], [0]], [[1], [0]], [[1, 0]], S=[[1, 0], [0, 0]], b=[Fraction(1, 4), 0]), [0, 0], None, Fraction(1, 4)),
    ("sphere", Net([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[-1, 0]] * 3, b=[4, 0]), [0, 0, 0], 1, 4),
    ("tiny", Net([[1]], [[-1]], [[1, 0]], b=[Fraction(1, 2 ** 60), 0]), [0], None, Fraction(1, 2 ** 60)),
    ("large", Net([[1]], [[-1]], [[1, 0]], b=[2 ** 60, 0]), [0], None, 2 ** 60),
    ("beyond", Net([[1]], [[-1]], [[1, 0]], b=[2 ** 200, 0]), [0], None, None),
]


def special(folder):
    claims = []
    for name, net, x, rival, square in SPECIAL:
        write(folder, name, net)
        claims.append('model M_%s = "%s.net"' % (name, name))
        claims.append("claim %s { prove radius(M_%s, %s%s) >= -1 expect proved }" % (name, name, literal(x), "" if rival is None else ", %d" % rival))
    claims += ["claim least { minimize k in 0..4 : radius(M_bowl, {k/8}) within 1e-6 expect bounded }",
               "claim most { maximize k in 0..4 : radius(M_bowl, {k/8}) within 1e-6 prove value < 1.001 expect proved }",
               "claim mean { average k in 0..4 : radius(M_bowl, {k/8}) within 1e-5 expect bounded }",
               "claim some { list k in -9..9 : radius(M_bowl, {k/8}) < 1/3 expect bounded }",
               "claim number { count k in -20..20 : radius(M_bowl, {k/8}) > 0.51 prove number == 23 expect proved }",
               "claim forall { forall k in -7..7 where k != 0 prove radius(M_bowl, {k/8}) < 1 expect proved }",
               "claim refuted { forall k in -9..9 prove radius(M_bowl, {k/8}) > 1/10 expect refuted }",
               "claim witness { prove exists k in 0..9 : radius(M_bowl, {k/8}, 1) < 1/2 and k < 7 expect proved }",
               "claim on_edge { prove radius(M_bowl, {0}) >= 1 expect undecided }",
               "claim itself { prove radius(M_bowl, {0}, 0) >= 1 expect error }",
               "claim no_such { prove radius(M_bowl, {0}, 2) >= 1 expect error }",
               "claim rounded { prove radius(M_bowl, {0}) >= 1/2 under float32 expect undecided }"]
    status, output = verify(folder, "special", claims, "--expect", "--report", folder + "/report.html")
    with open(folder + "/report.html") as f:
        report = f.read()
    check("distances to the nearest other answer: 5 values" in report and "output 0: eigenvalues of its form" in report, "the report lacks pictures")
    check("not as expected" not in output and "least: value in [0.49999" in output, "special cases end with %d\n%s" % (status, output))
    for name, net, x, rival, square in SPECIAL:
        target, at, lo, hi, u = line_of(folder, "special", name)
        if square is None:
            check(lo == hi == CAP, "%s: [%g, %g]" % (name, lo, hi))
        else:
            check(lo * lo <= square <= hi * hi, "%s: [%.17g, %.17g], not the root of %s" % (name, lo, hi, square))
            check(hi - lo <= hi * Fraction(1, 10 ** 6), "%s: [%g, %g] is wide" % (name, lo, hi))
    return about(folder, "special", {"M_" + m[0]: m[0] for m in SPECIAL})


def false_certificates(folder):
    def text_of(name):
        return read(folder, "special", name)
    one, many, tie, cap, two = text_of("bowl_off"), text_of("least"), text_of("tied"), text_of("constant"), text_of("hard")

    def line(text, **fields):
        """The first line `radius` with fields replaced: model target x lo hi u and the multipliers."""
        words = re.search(r"^radius (.*)$", text, re.M).group(1).split(" ")
        for name, value in fields.items():
            at = ["model", "target", "x", "lo", "hi", "u", "l"].index(name)
            words[at:at + 1 if name != "l" else len(words)] = [value]
        return changed(text, r"^radius .*$", lambda _: "radius " + " ".join(words))
    some = {
        "no line": changed(one, r"^radius .*\n", ""),
        "a line twice": changed(one, r"^(radius .*)$", r"\1\n\1"),
        "another rule": changed(one, r"^rule enumerate$", "rule separable"),
        "lower end above the radius": line(one, lo="67/100", hi="1"),
        "lower end at the radius": line(one, lo="2/3", hi="1"),
        "lower end far above": line(one, lo="5", hi="6"),
        "upper end below the radius": line(one, lo="1/2", hi="3/5", u="3/5,"),
        "upper end below its point": line(one, lo="1/2", hi="66/100"),
        "point of the answer": line(one, u="1/2,"),
        "no point": line(one, u="-"),
        "point of two entries": line(one, u="1/2,1"),
        "point without its comma": line(one, u="1"),
        "input without its comma": line(one, x="1/3"),
        "ends in the wrong order": line(one, lo="1", hi="1/2"),
        "negative lower end": line(one, lo="-1"),
        "not canonical": line(one, lo="2/4"),
        "multiplier 0": line(one, l="0"),
        "multiplier negative": line(one, l="-1"),
        "multiplier negative that would do": line(text_of("outside"), lo="5", hi="5", l="-1/3"),        # 2/3 u^2 - 6 u + 49/3, which has no root
        "multiplier large": line(one, l="100"),
        "no multiplier": line(one, l="-"),
        "two multipliers": line(one, l="1 1"),
        "a multiplier with lower end 0": line(one, lo="0"),
        "another model": line(one, model="M"),
        "another input": line(one, x="1/4,"),
        "rival that is the answer": line(one, target="0"),
        "rival that is not there": line(one, target="2"),
        "rival 01": line(one, target="01"),
        "another rival than asked": line(one, target="*"),
        "a tie with a lower end": line(tie, lo="1/10", hi="1", l="0"),
        "a tie without its point": line(tie, u="-"),
        "more than the cap": line(cap, hi=str(CAP + 1)),
        "less than the cap, no point": line(cap, hi="1000000", lo="1"),
        "out of order": changed(many, r"^(radius .*)\n(radius .*)$", r"\2\n\1"),
        "one missing": changed(many, r"^(radius .*)\n(radius .*)$", r"\1"),
        "a wrong minimum": changed(many, r"^value (\S+) (\S+)$", lambda m: "value %s %s" % (Fraction(m[1]) + Fraction(1, 10 ** 6), Fraction(m[2]) + Fraction(1, 10 ** 6))),
        "hard case, too large": line(two, lo="135401/100000", hi="13"),
        "under float32": changed(one, r"^\| semantics real$", "| semantics float32"),
    }
    for k in range(0, 33):        # no multiplier shows what is false
        some["too large, multiplier %d/8" % k] = line(one, lo="7/10", hi="1", l=str(Fraction(k, 8)))
        some["hard case too large, multiplier %d/16" % k] = line(two, lo="271/200", hi="2", l=str(Fraction(k, 16)))
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + special(folder)
    all_accepted(folder, certificates, 2 * NETWORKS)
    false_certificates(folder)
finish()
