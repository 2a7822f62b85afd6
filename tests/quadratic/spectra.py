"""truncate, eigenvector, antisymmetric, gram, hosvd, singular_values, effective_rank: random bilinear networks against numpy; ties; false claims that both checkers must reject.

    python tests/quadratic/spectra.py BUILD
"""
import os
import random
import sys
import tempfile
from fractions import Fraction

import numpy as np

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, draw, random_net  # noqa: E402
from certificates import all_accepted, falsifier, literal, of, rejected, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402

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


def upright(v):
    """With the sign of the convention: its first entry of modulus above 1 / (2 sqrt n) is positive."""
    first = next(x for x in v if abs(x) > 0.5 / np.sqrt(len(v)))
    return v if first > 0 else -v


def random_networks(folder):
    """The certificates; and the claims of k = 0 whose value is another one with the form."""
    rng = random.Random(11)
    claims, differ = [], []
    for i in range(10):
        net = random_net(rng, 1 + i % 5)
        write(folder, "n%d" % i, net)
        claims.append('model M%d = "n%d.net"' % (i, i))
        x = draw(rng, 1, net.n)[0]
        point = np.array(x, float)
        for j, (c, linear, matrix) in enumerate(forms(net)):
            values, vectors = np.linalg.eigh(matrix)
            moduli = sorted(abs(values), reverse=True)
            true, false = [], []                        # one claim of all ranks: `and` of what is so, `or` of what is not, which is refuted when each is
            for k in range(net.n + 2):
                if 0 < k < net.n and moduli[k - 1] - moduli[k] < 1e-6:
                    continue
                want = exact(c + linear @ point + point @ cut(matrix, k) @ point)
                if k == 0 and abs(point @ matrix @ point) > 1e-6:
                    differ.append("t%d_%d" % (i, j))
                value = "output(truncate(M%d, %d), %s)[%d]" % (i, k, literal(x), j)
                true.append("abs(%s - %s) < %s" % (value, want, NEAR))
                false.append("%s > %s" % (value, want + NEAR))
            claims.append("claim t%d_%d { prove %s expect proved }" % (i, j, " and ".join(true)))
            claims.append("claim u%d_%d { prove %s expect refuted }" % (i, j, " or ".join(false)))
            true, false = [], []
            for k in range(net.n):
                if any(abs(values[k] - values[m]) < 1e-6 for m in range(net.n) if m != k):
                    continue
                v = upright(vectors[:, k])
                got = "eigenvector(form(M%d, %d), %d)" % (i, j, k)
                true += ["abs(%s[%d] - %s) < %s" % (got, m, exact(a), NEAR) for m, a in enumerate(v)]
                false.append("dist(inf, %s, %s) > 1/1000" % (got, literal([exact(a) for a in v])))
            if true:
                claims.append("claim v%d_%d { prove %s expect proved }" % (i, j, " and ".join(true)))
                claims.append("claim w%d_%d { prove %s expect refuted }" % (i, j, " or ".join(false)))
    return as_expected(folder, "random", claims), differ


def tensor(net, k):
    """T_ij of output k: x_i from the first factors, x_j from the second, exactly."""
    return [[sum((net.L[i][m] * net.R[j][m] * net.P[m][k] for m in range(net.h)), Fraction(0)) for j in range(net.n)] for i in range(net.n)]


def parts(net, k):
    t = tensor(net, k)
    n = range(net.n)
    return [[(t[i][j] + t[j][i]) / 2 for j in n] for i in n], [[(t[i][j] - t[j][i]) / 2 for j in n] for i in n]


def near(value, want):
    return "abs(%s - %s) < %s" % (value, exact(want), NEAR * max(1, int(abs(want)) + 1))


def tensors(folder):
    """antisymmetric, gram, hosvd, singular_values, effective_rank."""
    rng = random.Random(23)
    claims = []
    for i in range(8):
        net = random_net(rng, 1 + i % 5)
        write(folder, "m%d" % i, net)
        claims.append('model N%d = "m%d.net"' % (i, i))
        forms_of = [parts(net, k) for k in range(net.k)]
        k = rng.randrange(net.k)
        u = [Fraction(rng.randint(-8, 8), rng.choice((1, 2, 3))) for _ in range(net.k)]
        mixed = [[sum(c * a[p][q] for c, (_, a) in zip(u, forms_of)) for q in range(net.n)] for p in range(net.n)]
        for tag, given, want in (("k", str(k), forms_of[k][1]), ("u", literal(u), mixed)):
            claims.append("claim a%s%d { prove %s expect proved }" % (tag, i, " and ".join("antisymmetric(N%d, %s)[%d, %d] == %s" % (i, given, p, q, x) for p, row in enumerate(want) for q, x in enumerate(row))))
        gram = [[sum(x * y for r, s in zip(a, b) for x, y in zip(r, s)) for b, _ in forms_of] for a, _ in forms_of]
        claims.append("claim g%d { prove %s expect proved }" % (i, " and ".join("gram(N%d)[%d, %d] == %s" % (i, p, q, x) for p, row in enumerate(gram) for q, x in enumerate(row))))
        flat = np.array([[float(x) for r in a for x in r] for a, _ in forms_of])
        want = np.linalg.svd(flat, compute_uv=False)
        want = [*want, *[0.0] * (net.k - len(want))]
        claims.append("claim h%d { prove %s expect proved }" % (i, " and ".join(near("hosvd(N%d)[%d]" % (i, j), x) for j, x in enumerate(want))))
        values = np.linalg.svd(np.array(forms_of[k][0], float), compute_uv=False)
        claims.append("claim s%d { prove %s expect proved }" % (i, " and ".join(near("singular_values(form(N%d, %d))[%d]" % (i, k, j), x) for j, x in enumerate(values))))
        if max(values) > 1e-6:
            claims.append("claim e%d { prove %s expect proved }" % (i, near("effective_rank(form(N%d, %d))" % (i, k), sum(values) ** 2 / sum(values ** 2))))
        # the wrong ones
        claims.append("claim fg%d { prove gram(N%d)[0, 0] > %s expect refuted }" % (i, i, gram[0][0]))
        claims.append("claim fh%d { prove hosvd(N%d)[0] > %s expect refuted }" % (i, i, exact(want[0]) + NEAR))
        claims.append("claim fs%d { prove singular_values(form(N%d, %d))[0] > %s expect refuted }" % (i, i, k, exact(values[0]) + NEAR))
    for i, shape in enumerate(((2, 3), (4, 2), (1, 3), (3, 3))):
        m = draw(rng, *shape)
        values = np.linalg.svd(np.array(m, float), compute_uv=False)
        claims.append("claim sr%d { prove %s expect proved }" % (i, " and ".join(near("singular_values(%s)[%d]" % (literal(m), j), x) for j, x in enumerate(values))))
        claims.append("claim er%d { prove %s expect proved }" % (i, near("effective_rank(%s)" % literal(m), sum(values) ** 2 / sum(values ** 2))))
        claims.append("claim fe%d { prove effective_rank(%s) > %d.001 expect refuted }" % (i, literal(m), min(shape)))
    write(folder, "basis", EMBED)
    claims += ['model E = "basis.net"', 'claim node { prove gram(E, "embed")[0, 0] == 5 and abs(hosvd(E, "embed")[0] - sqrt(5)) < 1e-9 and abs(hosvd(E)[0] - 5) < 1e-9 expect proved }',
               'claim ranks { prove abs(effective_rank(form(E, 0, "embed")) - 9/5) < 1e-9 and effective_rank(form(E, 0)) < 9/5 expect proved }',
               'claim no_part { prove all{ antisymmetric(E, 0, "embed")[i, j] == 0 : i in 0..1, j in 0..1 } expect proved }',
               "claim zeros { prove effective_rank({{0, 0}, {0, 0}}) > 0 expect error }"]
    return as_expected(folder, "tensors", claims)


def circle(folder):
    """log, cos, sin, pi, logsoftmax, fourier against Python's and numpy's; one-hot inputs as tables."""
    rng, tiny = random.Random(31), "1/100000000000"
    claims = ["claim pi { prove 3.14159265358979 < pi() and pi() < 3.1415926535898 expect proved }",
              "claim identity { prove abs(sin(1)^2 + cos(1)^2 - 1) < 1e-18 and cos(0) >= 1 - 1e-18 and cos(0) <= 1 and abs(sin(pi() / 6) - 1/2) < 1e-18 and abs(log(8) - 3 * log(2)) < 1e-17 expect proved }",
              "claim no_log { prove log(0) < 1 expect error }", "claim long { prove abs(sin(10^30) + 0.09011690191213805803) < 1e-18 expect proved }"]
    for i in range(12):
        x = Fraction(rng.randint(-4000, 4000), rng.choice((1, 7, 16, 1000)))
        y = abs(x) + Fraction(1, rng.choice((3, 10 ** 6)))
        v = [Fraction(rng.randint(-60, 60), 4) for _ in range(rng.randint(1, 5))]
        w = np.array(v, float)
        soft = w - w.max() - np.log(np.exp(w - w.max()).sum())
        m = np.array(draw(rng, rng.randint(1, 4), rng.randint(1, 4)))
        one, two = abs(np.fft.fft(w)) ** 2 / len(v), abs(np.fft.fft2(m.astype(float))) ** 2 / m.size
        equal = [("cos(%s)" % x, np.cos(float(x))), ("sin(%s)" % x, np.sin(float(x))), ("log(%s)" % y, np.log(float(y)))]
        equal += [("logsoftmax(%s)[%d]" % (literal(v), j), a) for j, a in enumerate(soft)] + [("fourier(%s)[%d]" % (literal(v), j), a) for j, a in enumerate(one)]
        equal += [("fourier(%s)[%d, %d]" % (literal(m.tolist()), *at), a) for at, a in np.ndenumerate(two)]
        claims.append("claim c%d { prove %s expect proved }" % (i, " and ".join("abs(%s - %s) < 1/1000000000" % (f, Fraction(float(a))) for f, a in equal)))
        f, a = rng.choice(equal)
        claims.append("claim fc%d { prove abs(%s - %s) > 1/1000000000 expect refuted }" % (i, f, Fraction(float(a))))
    # (a + b) % 5 == c by a table: the output c is sum over a of x_a y_(c - a)
    p = 5
    pairs = [(a, b) for a in range(p) for b in range(p)]
    net = Net([[Fraction(i == a) for a, b in pairs] for i in range(2 * p)], [[Fraction(i == p + b) for a, b in pairs] for i in range(2 * p)],
              [[Fraction((a + b) % p == c) for c in range(p)] for a, b in pairs])
    write(folder, "add", net)
    claims += ['model P = "add.net"', "claim adds { forall a in 0..4, b in 0..4 prove argmax(output(P, seq(onehot(a, 5), onehot(b, 5)))) == (a + b) % 5 expect proved }",
               "claim adds_not { forall a in 0..4, b in 0..4 prove argmax(output(P, seq(onehot(a, 5), onehot(b, 5)))) == (a - b) % 5 expect refuted }",
               "claim boolean { forall t in tokens[10] of {0, 1} prove sum(output(P, t)) == sum(t[0..4]) * sum(t[5..9]) expect proved }",
               "claim table { let F = fourier(form(P, 3)[0..4, 5..9]) prove abs(sum(diag(F)) - sum(F)) < %s and abs(F[2, 2] - 1/4) < %s expect proved }" % (tiny, tiny)]
    return as_expected(folder, "circle", claims)


def as_expected(folder, part, claims):
    _, output = verify(folder, part, claims, "--expect")
    check("not as expected" not in output and "-- expected" not in output, "%s:\n%s" % (part, output[-3000:]))
    return of(folder, part)


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
        write(folder, name, text)
    claims = ['model T = "tied.net"', 'model E = "embed.net"'] + [line for line in """
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
    return as_expected(folder, "special", claims)


def false_claims(folder, differ):
    """Accepted certificates whose statement is made false."""
    some = {}
    falsify = falsifier(folder, some)
    turned = ("verdict refuted", "verdict proved\nwitness -")
    falsify("[uw]*_*", r"^%s$" % turned[0], turned[1])
    falsify("t*_*", r"( < )1/1000000000$", r"\g<1>-1/1000000000")
    for name in differ:
        falsify(name, r"truncate\((M\d+), 0\)", r"truncate(\1, 1000)")
    falsify("v*_*", r"(\[0\] - )(-?\d+)(/\d+)?", lambda m: m[1] + str(int(m[2]) + int(m[3][1:] if m[3] else 1)) + (m[3] or ""))
    falsify("fc*", r"^%s$" % turned[0], turned[1])
    falsify("c[0-9]*", r"( < )1/", r"\1-1/")
    falsify("table", r"- 1/4", "- 1/5")
    falsify("adds", r"\+", "-")
    falsify("f[ghse]*", r"^%s$" % turned[0], turned[1])
    falsify("g[0-9]", r"( == )(-?\d+)", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("a[ku]*", r"( == )(-?\d+)", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("[hs]*[0-9]", r"( < )1/", r"\1-1/")
    falsify("node", r"== 5", "== 37")
    falsify("node", r', "embed"', "")
    for name in ("node", "ranks", "no_part"):
        falsify(name, r"^verdict proved\nwitness -$", "verdict refuted")
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
    certificates += special(folder) + tensors(folder) + circle(folder)
    all_accepted(folder, certificates, 200)
    false_claims(folder, differ)
finish()
