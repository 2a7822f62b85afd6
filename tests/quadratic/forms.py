"""form, rank, inertia, eigenvalues: random bilinear networks against exact values and numpy; statements about every input; false claims that both checkers must reject.

    python tests/quadratic/forms.py BUILD
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


def affine(net, u):
    """The matrix of (1, x), from values of the network at few points (polarisation)."""
    def f(x):
        return sum((a * b for a, b in zip(u, net.value(x))), Fraction(0))
    n = net.n
    unit = [[Fraction(i == j) for j in range(n)] for i in range(n)]
    zero = [Fraction(0)] * n
    c = f(zero)
    out = [[Fraction(0)] * (n + 1) for _ in range(n + 1)]
    out[0][0] = c
    for i in range(n):
        plus, minus = f(unit[i]), f([-a for a in unit[i]])
        out[i + 1][i + 1] = (plus + minus) / 2 - c
        out[0][i + 1] = out[i + 1][0] = (plus - minus) / 4
    for i in range(n):
        for j in range(i):
            both = f([a + b for a, b in zip(unit[i], unit[j])])
            cross = both - c - out[i + 1][i + 1] - out[j + 1][j + 1] - 2 * out[0][i + 1] - 2 * out[0][j + 1]
            out[i + 1][j + 1] = out[j + 1][i + 1] = cross / 2
    return out


def entries(name, want):
    return " and ".join("%s[%d, %d] == %s" % (name, i, j, x) for i, row in enumerate(want) for j, x in enumerate(row))


def counts(values):
    return [sum(v > 1e-9 for v in values), sum(abs(v) <= 1e-9 for v in values), sum(v < -1e-9 for v in values)]


def random_networks(folder):
    rng = random.Random(5)
    claims = []
    for i in range(12):
        net = random_net(rng, 1 + i % 6)
        write(folder, "n%d" % i, net)
        claims.append('model M%d = "n%d.net"' % (i, i))
        k = rng.randrange(net.k)
        u = [Fraction(rng.randint(-8, 8), rng.choice((1, 2, 3))) for _ in range(net.k)]
        for tag, given, vector in (("k", str(k), [Fraction(j == k) for j in range(net.k)]), ("u", literal(u), u)):
            whole = affine(net, vector)
            part = [row[1:] for row in whole[1:]]
            form = "form(M%d, %s)" % (i, given)
            values = np.linalg.eigvalsh(np.array(part, float))
            add = claims.append
            add("claim q%s%d { prove %s expect proved }" % (tag, i, entries(form, part)))
            add('claim a%s%d { prove %s expect proved }' % (tag, i, entries('form(M%d, %s, "affine")' % (i, given), whole)))
            add("claim i%s%d { prove %s expect proved }" % (tag, i, " and ".join("inertia(%s)[%d] == %d" % (form, j, c) for j, c in enumerate(counts(values)))))
            add("claim r%s%d { prove rank(%s) == %d expect proved }" % (tag, i, form, len(values) - counts(values)[1]))
            size = max(1e-3, max(abs(values)))
            for j, v in enumerate(values):
                v = Fraction(float(v)).limit_denominator(10 ** 12)
                e = Fraction(size).limit_denominator(1000) / 10 ** 9
                add("claim e%s%d_%d { prove %s < eigenvalues(%s)[%d] < %s expect proved }" % (tag, i, j, v - e, form, j, v + e))
                add("claim f%s%d_%d { prove eigenvalues(%s)[%d] > %s expect refuted }" % (tag, i, j, form, j, v + e))
    status, output = verify(folder, "random", claims, "--expect")
    check(status == 0, "random networks:\n" + "\n".join(x for x in output.splitlines() if "not as" in x or "expected" in x or "error" in x)[-3000:])
    return of(folder, "random")


EMBED = """weightproof-net 1
reals 3 1
mask none
eps 0
tensor D 2 2
0x1p0 -0x1p-1
0x1p0 0x1p1
tensor E 3 2
0x1p0 0x1p1
0 0x1p0
-0x1p0 0x1p-1
tensor L 2 2
0x1p0 0
0x1p0 0x1p0
tensor R 2 2
0x1p0 0x1p0
-0x1p0 0x1p1
node x input
node embed linear x E
node u linear embed L
node v linear embed R
node m mul u v
node out linear m D
output out
end
"""

MATRICES = [   # a symmetric matrix, its inertia, its eigenvalues when they are short
    ([[0, 1], [1, 0]], (1, 0, 1), [-1, 1]),
    ([[0, 0], [0, 0]], (0, 2, 0), [0, 0]),
    ([[2, 1, 1], [1, 2, 1], [1, 1, 2]], (3, 0, 0), [1, 1, 4]),
    ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], (1, 2, 0), [0, 0, 3]),
    ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], (1, 0, 2), [-1, -1, 2]),
    ([[0, 0, 5], [0, 0, 0], [5, 0, 0]], (1, 1, 1), [-5, 0, 5]),
    ([[-3]], (0, 0, 1), [-3]),
    ([[Fraction(1, 10 ** 30), 0], [0, -10 ** 6]], (1, 0, 1), None),
    ([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 2], [0, 0, 2, 0]], (2, 0, 2), [-2, -1, 1, 2]),
    ([[1, 2, 3], [2, 4, 6], [3, 6, 9]], (1, 2, 0), [0, 0, 14]),
    ([[1, 0, 1], [0, -1, 0], [1, 0, 1]], (1, 1, 1), [-1, 0, 2]),
]


def special(folder):
    claims = ['model E = "embed.net"']
    write(folder, "embed", EMBED)
    for i, (m, signs, values) in enumerate(MATRICES):
        a = literal(m)
        claims.append("claim signs%d { prove %s expect proved }" % (i, " and ".join("inertia(%s)[%d] == %d" % (a, j, c) for j, c in enumerate(signs))))
        claims.append("claim rank%d { prove rank(%s) == %d expect proved }" % (i, a, signs[0] + signs[2]))
        for j, v in enumerate(values or []):
            claims.append("claim value%d_%d { prove abs(eigenvalues(%s)[%d] - %s) < 1e-12 expect proved }" % (i, j, a, j, v))
    claims += [
        "claim wide { prove rank({{1, 2, 3}, {2, 4, 6}}) == 1 and rank({{1, 2}, {2, 4}, {0, 1/3}}) == 2 and rank({{0, 0, 1}}) == 1 expect proved }",
        'claim basis { prove form(E, 0, "embed")[0, 0] == 1 and form(E, 0, "embed")[0, 1] == 1/2 and form(E, 0, "embed")[1, 1] == 1 expect proved }',
        # E A E' is the form of the input
        'claim turned { let A = W(E, "E") @ form(E, {1, -2}, "embed") @ transpose(W(E, "E")) prove all{ A[i, j] == form(E, {1, -2})[i, j] : i in 0..2, j in 0..2 } expect proved }',
        'claim other_paths { prove form(E, 0, "u")[0, 0] == 1 expect undecided }',
        "claim not_symmetric { prove inertia({{1, 2}, {3, 4}})[0] == 1 expect error }",
        "claim no_such { prove all{ form(E, k)[0, 0] > -100 : k in 0..2 } expect error }",
        "claim trace { prove abs(sum(eigenvalues(form(E, 1))) - sum(diag(form(E, 1)))) < 1e-10 expect proved }",
        # without biases
        'claim even { prove all{ form(E, k, "affine")[0, i] == 0 : k in 0..1, i in 0..3 } expect proved }',
        "claim itself { let D = form(E, 0) - form(E, 0) prove 2 * sum(diag(D @ D)) + sum(diag(D))^2 == 0 expect proved }",
    ]
    # output 2 = (output 0 + output 1) / 2 - |x|^2: never the largest, except at 0
    never = Net([[1, 0, 1], [0, 1, 1]], [[1, 0, 1], [0, 1, 1]], [[1, 0, Fraction(-1, 2)], [0, 1, Fraction(-1, 2)], [1, -1, 0]])
    write(folder, "never", never)
    claims += ['model N = "never.net"',
               "claim never { prove inertia(form(N, {1/2, 1/2, -1}))[0] == 2 expect proved }",
               "claim other_weights { prove inertia(form(N, {0, 1, -1}))[0] == 2 expect refuted }"]
    # two networks that are one function: exchanged factors, scaled rows, a permutation of the hidden units, and a split unit
    rng = random.Random(3)
    a = Net(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 4, 2))
    order = [2, 0, 3, 1]
    b = Net([[row[i] * (2 if i == 3 else 1) for i in order] for row in a.R], [[row[i] for i in order] for row in a.L], [[x / (2 if i == 3 else 1) for x in a.P[i]] for i in order])
    b = Net([row + [row[0]] for row in b.L], [row + [row[0]] for row in b.R], [[x / 2 for x in b.P[0]]] + b.P[1:] + [[x / 2 for x in b.P[0]]])
    for name, net in (("A", a), ("B", b)):
        write(folder, name, net)
        claims.append('model %s = "%s.net"' % (name, name))
    claims.append('claim equivalent { prove all{ form(A, k, "affine")[i, j] == form(B, k, "affine")[i, j] : k in 0..1, i in 0..3, j in 0..3 } expect proved }')
    # the mean square of a difference under Gaussian inputs, against its exact value by moments
    write(folder, "C", other_net(random.Random(9)))
    claims.append('model C = "C.net"')
    D = [[x - y for x, y in zip(p[1:], q[1:])] for p, q in zip(affine(a, [1, 0])[1:], affine(other_net(random.Random(9)), [1, 0])[1:])]
    square = gaussian_square(D)
    claims.append("claim distance { let D = form(A, 0) - form(C, 0) prove 2 * sum(diag(D @ D)) + sum(diag(D))^2 == %s expect proved }" % square)
    status, output = verify(folder, "special", claims, "--expect")
    check("not as expected" not in output and "-- expected" not in output and "proved     equivalent" in output, "special cases end with %d\n%s" % (status, output))
    return of(folder, "special")


def other_net(rng):
    return Net(draw(rng, 3, 2), draw(rng, 3, 2), draw(rng, 2, 2))


def gaussian_square(D):
    """E (x'Dx)^2 for independent standard normal x, by the moments 1 and 3 of squares."""
    n, total = len(D), Fraction(0)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                for m in range(n):
                    powers = [[i, j, k, m].count(v) for v in {i, j, k, m}]
                    if all(p % 2 == 0 for p in powers):
                        total += D[i][j] * D[k][m] * (3 if powers == [4] else 1)
    return total


def false_claims(folder):
    """Accepted certificates whose statement is made false."""
    some = {}
    falsify = falsifier(folder, some)
    falsify("signs*", r"(\| prove .*?\[0\] == )(\d+)", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("signs*", r"(\| prove .*\[1\] == )(\d+)", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("rank*", r"(\| prove .* == )(\d+)", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("i[ku]*", r"(\| prove .*\[2\] == )(\d+)$", lambda m: m[1] + str(int(m[2]) + 1))
    falsify("q[ku]*", r"(\| prove form.*?== )(-?\d+)(/\d+)?", lambda m: m[1] + str(int(m[2]) + 1) + (m[3] or ""))
    falsify("a[ku]*", r"(\| prove form.*== )(-?\d+)(/\d+)?$", lambda m: m[1] + str(int(m[2]) + 1 if not m[3] else int(m[2]) + int(m[3][1:])) + (m[3] or ""))
    falsify("f[ku]*", r"^verdict refuted$", "verdict proved\nwitness -")
    for name in ("never", "equivalent", "distance", "trace", "turned", "wide"):
        falsify(name, r"^verdict proved\nwitness -$", "verdict refuted")
    falsify("distance", r"( == )(\d+)", lambda m: m[1] + str(int(m[2]) + 2))
    check(len(some) > 90, "%d false certificates" % len(some))
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + special(folder)
    all_accepted(folder, certificates, 200)
    false_claims(folder)
finish()
