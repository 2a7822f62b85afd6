"""truncate, eigenvector: random bilinear networks against numpy; ties; false claims that both checkers must reject.

    python tests/quadratic/spectra.py BUILD
"""
import glob
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
from bilinear import draw, random_net  # noqa: E402
from certificates import accepted, rejected  # noqa: E402
from claims import seal  # noqa: E402
from tally import check, finish, run  # noqa: E402

NEAR = Fraction(1, 10 ** 9)


def forms(net):
    """For each output: constant, linear part, symmetric matrix, in doubles, from values of the network (polarisation)."""
    n = net.n
    unit = [[Fraction(i == j) for j in range(n)] for i in range(n)]
    base = net.value([Fraction(0)] * n)
    plus, minus = [net.value(x) for x in unit], [net.value([-a for a in x]) for x in unit]
    out = []
    for k in range(net.k):
        c = base[k]
        linear = [(p[k] - m[k]) / 2 for p, m in zip(plus, minus)]
        matrix = [[Fraction(0)] * n for _ in range(n)]
        for i in range(n):
            for j in range(i + 1):
                both = net.value([a + b for a, b in zip(unit[i], unit[j])])[k]
                x = (plus[i][k] + minus[i][k]) / 2 - c if i == j else (both - plus[i][k] - plus[j][k] + c) / 2
                matrix[i][j] = matrix[j][i] = x
        out.append((float(c), np.array(linear, float), np.array(matrix, float)))
    return out


def cut(matrix, k):
    values, vectors = np.linalg.eigh(matrix)
    at = np.argsort(-abs(values), kind="stable")[:k]
    return (vectors[:, at] * values[at]) @ vectors[:, at].T


def exact(x):
    return Fraction(float(x)).limit_denominator(10 ** 12)


def literal(x):
    return "{%s}" % ", ".join(literal(a) if isinstance(a, (list, tuple)) else str(a) for a in x)


def upright(v):
    """With the sign of the convention: its first entry of modulus above 1 / (2 sqrt n) is positive."""
    first = next(x for x in v if abs(x) > 0.5 / np.sqrt(len(v)))
    return v if first > 0 else -v


def random_networks(folder):
    """The certificates; and the claims of k = 0 whose value is another one with the form."""
    rng = random.Random(11)
    claims, differ = ["claims 1"], []
    for i in range(10):
        net = random_net(rng, 1 + i % 5)
        with open("%s/n%d.net" % (folder, i), "w") as f:
            f.write(net.text())
        claims.append('model M%d = "n%d.net"' % (i, i))
        x = draw(rng, 1, net.n)[0]
        point = np.array(x, float)
        for j, (c, linear, matrix) in enumerate(forms(net)):
            values, vectors = np.linalg.eigh(matrix)
            moduli = sorted(abs(values), reverse=True)
            for k in range(net.n + 2):
                if 0 < k < net.n and moduli[k - 1] - moduli[k] < 1e-6:
                    continue
                want = exact(c + linear @ point + point @ cut(matrix, k) @ point)
                name = "%d_%d_%d" % (i, j, k)
                if k == 0 and abs(point @ matrix @ point) > 1e-6:
                    differ.append("t" + name)
                value = "output(truncate(M%d, %d), %s)[%d]" % (i, k, literal(x), j)
                claims.append("claim t%s { prove abs(%s - %s) < %s expect proved }" % (name, value, want, NEAR))
                claims.append("claim u%s { prove %s > %s expect refuted }" % (name, value, want + NEAR))
            for k in range(net.n):
                if any(abs(values[k] - values[m]) < 1e-6 for m in range(net.n) if m != k):
                    continue
                v = upright(vectors[:, k])
                got = "eigenvector(form(M%d, %d), %d)" % (i, j, k)
                claims.append("claim v%d_%d_%d { prove %s expect proved }" % (i, j, k, " and ".join("abs(%s[%d] - %s) < %s" % (got, m, exact(a), NEAR) for m, a in enumerate(v))))
                claims.append("claim w%d_%d_%d { prove dist(inf, %s, %s) > 1/1000 expect refuted }" % (i, j, k, got, literal([exact(a) for a in v])))
    return verify(folder, "random", claims), differ


def verify(folder, name, claims):
    with open("%s/%s.claims" % (folder, name), "w") as f:
        f.write("\n".join(claims) + "\n")
    _, output = run(BUILD + "/weightproof", "verify", "%s/%s.claims" % (folder, name), "--expect", "--certificates", "%s/%s" % (folder, name))
    check("not as expected" not in output and "-- expected" not in output, "%s:\n%s" % (name, output[-3000:]))
    return sorted(glob.glob("%s/%s/*.cert" % (folder, name)))


# output 0: 2 x0 x1 (eigenvalues 1 and -1); output 1: x0^2 + x1^2 + 3 x2^2 + x0; output 2: 2 x2^2 - x1
TIED = """weightproof-net 1
reals 3 1
mask none
eps 0
tensor D 4 3
0x1p1 0 0
0 0x1p0 0
0 0x1p0 0
0 0x1.8p1 0x1p1
tensor L 3 4
0x1p0 0x1p0 0 0
0 0 0x1p0 0
0 0 0 0x1p0
tensor R 3 4
0 0x1p0 0 0
0x1p0 0 0x1p0 0
0 0 0 0x1p0
tensor S 3 3
0 0x1p0 0
0 0 -0x1p0
0 0 0
node x input
node u linear x L
node v linear x R
node m mul u v
node p linear m D
node s linear x S
node out add p s
output out
end
"""

EMBED = """weightproof-net 1
reals 2 1
mask none
eps 0
tensor D 2 1
0x1p0
-0x1p0
tensor E 2 2
0x1p0 0x1p0
0 0x1p1
tensor L 2 2
0x1p1 0
0 0x1p0
tensor R 2 2
0x1p0 0
0 0x1p0
node x input
node embed linear x E
node u linear embed L
node v linear embed R
node m mul u v
node out linear m D
output out
end
"""


def special(folder):
    for name, text in (("tied", TIED), ("embed", EMBED)):
        with open("%s/%s.net" % (folder, name), "w") as f:
            f.write(text)
    claims = ["claims 1", 'model T = "tied.net"', 'model E = "embed.net"'] + [line for line in """
claim none { prove output(truncate(T, 0), {1, 2, 3})[1] == 1 and output(truncate(T, 0), {1, 2, 3})[2] == -2 expect proved }
claim none_near { prove abs(output(truncate(T, 0), {1, 2, 3})[1] - 1) < 1e-12 and abs(output(truncate(T, 0), {1, 2, 3})[2] + 2) < 1e-12 expect proved }
claim apart { prove abs(output(truncate(T, 1), {1, 2, 3})[1] - 28) < 1e-9 expect proved }
claim zeros { prove abs(output(truncate(T, 1), {1, 2, 3})[2] - 16) < 1e-9 and abs(output(truncate(T, 2), {1, 2, 3})[2] - 16) < 1e-9 expect proved }
claim tied_signs { prove output(truncate(T, 1), {1, 2, 3})[0] > 0 expect undecided }
claim tied_same { prove abs(output(truncate(T, 2), {1, 2, 3})[1] - 29) < 4 expect undecided }
claim tied_bound { prove output(truncate(T, 2), {1, 2, 3})[1] > 27 and output(truncate(T, 2), {1, 2, 3})[1] < 34 expect proved }
claim tied_away { prove abs(output(truncate(T, 1), {0, 0, 5})[0]) < 1e-9 expect proved }
claim tied_argmax { prove argmax(output(truncate(T, 1), {1, 2, 3})) == 1 expect proved }
claim whole { prove dist(inf, output(truncate(T, 3), {1, 2, 3}), output(T, {1, 2, 3})) < 1e-12 and dist(inf, output(truncate(T, 9), {1, 2, 3}), output(T, {1, 2, 3})) < 1e-12 expect proved }
claim positive_sign { prove eigenvector(form(T, 0), 2)[0] > 7/10 and eigenvector(form(T, 0), 2)[1] > 7/10 and eigenvector(form(T, 0), 0)[0] > 7/10 and eigenvector(form(T, 0), 0)[1] < -7/10 expect proved }
claim isolated { prove abs(eigenvector(form(T, 1), 2)[2] - 1) < 1e-9 expect proved }
claim not_isolated { prove abs(eigenvector(form(T, 1), 0)[2]) < 1/2 expect undecided }
claim not_isolated_unit { prove norm(inf, eigenvector(form(T, 1), 0)) <= 9/8 expect proved }
claim angle { prove abs(dot(eigenvector({{2, 1}, {1, 3}}, 1), {1, 1})) > 13/10 expect proved }
claim embedded { prove abs(output(truncate(E, 1, "embed"), {1, 1})[0] - 2) < 1e-12 expect proved }
claim pixels { prove abs(output(truncate(E, 1, "embed"), {1, 1})[0] - output(truncate(E, 1), {1, 1})[0]) > 1 expect proved }
claim error { let A = form(E, 0) prove abs(output(truncate(E, 1), {1, 1})[0] - output(E, {1, 1})[0]) <= 2 * min{ abs(eigenvalues(A)[i]) : i in 0..1 } expect proved }
claim no_vector { prove all{ eigenvector(form(T, 0), i)[0] > -2 : i in 0..3 } expect error }
claim not_symmetric { prove eigenvector({{1, 2}, {3, 4}}, 0)[0] == 1 expect error }
claim exists_k { prove exists k in 0..3 : dist(inf, output(truncate(T, k), {0, 0, 1}), output(T, {0, 0, 1})) < 1/1000 expect proved }
""".splitlines() if line]
    return verify(folder, "special", claims)


def false_claims(folder, differ):
    """Accepted certificates whose statement is made false."""
    some = {}

    def falsify(name, pattern, by):
        for path in sorted(glob.glob("%s/*/%s.cert" % (folder, name))):
            with open(path) as f:
                text = f.read()
            new = re.sub(pattern, by, text, count=1, flags=re.M)
            if new != text:
                some["%s %s" % (os.path.basename(path), len(some))] = seal(new[:new.rindex("sha256 ")])
    turned = ("verdict refuted", "verdict proved\nwitness -")
    falsify("[uw]*_*", r"^%s$" % turned[0], turned[1])
    falsify("t*_*", r"( < )1/1000000000$", r"\g<1>-1/1000000000")
    for name in differ:
        falsify(name, r"truncate\((M\d+), 0\)", r"truncate(\1, 1000)")
    falsify("v*_*", r"(\[0\] - )(-?\d+)(/\d+)?", lambda m: m[1] + str(int(m[2]) + int(m[3][1:] if m[3] else 1)) + (m[3] or ""))
    for name in ("apart", "zeros", "tied_bound", "whole", "positive_sign", "isolated", "embedded", "pixels", "angle", "exists_k"):
        falsify(name, r"^verdict proved\nwitness -$", "verdict refuted")
    falsify("apart", r"truncate\(T, 1\)", "truncate(T, 0)")
    falsify("apart", r"truncate\(T, 1\)", 'truncate(T, 1, "m")')
    falsify("apart", r"truncate\(T, 1\)", 'truncate(T, -1)')
    falsify("apart", r"semantics real", "semantics float32")
    falsify("tied_bound", r"> 27", "> 33")
    falsify("isolated", r", 2\)", ", 1)")
    falsify("isolated", r", 2\)", ", 3)")
    falsify("embedded", r', "embed"', "")
    check(len(some) > 90, "%d false certificates" % len(some))
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates, differ = random_networks(folder)
    certificates += special(folder)
    for checker, output in accepted(folder, certificates):
        check(output.count("accepted ") == len(certificates) > 200, "%s: %d of %d\n%s" % (checker, output.count("accepted "), len(certificates), "\n".join(x for x in output.splitlines() if "accepted" not in x)[-2000:]))
    false_claims(folder, differ)
finish()
