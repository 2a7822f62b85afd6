"""distance, flip, changes: random bilinear networks against moments and numpy; false claims that both checkers must reject.

    python tests/quadratic/lines.py BUILD
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
from bilinear import Net, random_net  # noqa: E402
from certificates import about, all_accepted, changed, literal, read, rejected, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402


def mean_square(f, n, sphere):
    """E f(x)^2 by a formula of its own: for a polynomial of degree four in Gaussian x the mean is that over the points of a tensor rule with nodes
    0 and +- sqrt 3 (weights 2/3, 1/6), exact for every coordinate's degree up to five; in numbers a + b sqrt 3. On the sphere: parts of one degree."""
    def value(x):                                   # f at x + y sqrt 3 for exact pairs, squared and averaged: use that f is of degree two
        return f(x)
    total, parts = Fraction(0), {0: Fraction(0), 2: Fraction(0), 4: Fraction(0)}
    for k in range(3 ** n):
        digits = [(k // 3 ** i) % 3 - 1 for i in range(n)]
        weight = Fraction(1)
        for d in digits:
            weight *= Fraction(2, 3) if d == 0 else Fraction(1, 6)
        # f(t d) = c + t g + t^2 q with t = sqrt 3
        c, p, m = value([0] * n), value(digits), value([-d for d in digits])
        q, g = (p + m) / 2 - c, (p - m) / 2
        parts[0] += weight * c * c
        parts[2] += weight * (3 * g * g + 6 * c * q)
        parts[4] += weight * 9 * q * q
        total += weight * (c * c + 3 * g * g + 9 * q * q + 6 * c * q)
    return parts[0] + parts[2] / n + parts[4] / (n * (n + 2)) if sphere else total


def along(net, x, v):
    """Coefficients of the outputs on x + s v, in doubles."""
    def f(s):
        return np.array([float(y) for y in net.value([a + s * b for a, b in zip(x, v)])])
    c, p, m = f(Fraction(0)), f(Fraction(1)), f(Fraction(-1))
    return c, (p - m) / 2, (p + m) / 2 - c


def flip(net, x, v):
    c, g, q = along(net, x, v)
    a, best = int(np.argmax(c)), np.inf
    for k in range(net.k):
        if k != a:
            if c[a] == c[k]:
                return 0.0
            r = np.roots([q[a] - q[k], g[a] - g[k], c[a] - c[k]])
            best = min([best] + [z.real for z in r if abs(z.imag) < 1e-9 and z.real >= 0])
    return best


def changes(net, x, y):
    c, g, q = along(net, x, [b - a for a, b in zip(x, y)])
    s = np.linspace(0, 1, 20001)[1:-1]
    tops = np.argmax(c[:, None] + g[:, None] * s + q[:, None] * s * s, axis=0)
    return int(np.sum(tops[1:] != tops[:-1]))


def random_networks(folder):
    rng, claims, names = random.Random(31), [], {}
    for i in range(16):
        n = 1 + i % 4
        a, b = random_net(rng, n), random_net(rng, n)
        while b.k != a.k:
            b = random_net(rng, n)
        for name, net in (("A%d" % i, a), ("B%d" % i, b)):
            write(folder, name, net)
            names[name] = name
            claims.append('model %s = "%s.net"' % (name, name))
        for word in ("gaussian", "sphere"):
            want = [mean_square(lambda x, k=k: a.value(x)[k] - b.value(x)[k], n, word == "sphere") for k in range(a.k)]
            claims.append('claim d_%s%d { prove %s and sum(distance(A%d, B%d, "%s")) == %s expect proved }' % (
                word, i, " and ".join('distance(A%d, B%d, "%s")[%d] == %s' % (i, i, word, k, x) for k, x in enumerate(want)), i, i, word, sum(want)))
        for j in range(4):
            x, y = [[Fraction(rng.randint(-24, 24), 8) for _ in range(n)] for _ in range(2)]
            t = flip(a, x, y)
            if t == np.inf:
                claims.append("claim f%d_%d { prove flip(A%d, %s, %s) == 2^64 expect proved }" % (i, j, i, literal(x), literal(y)))
            else:
                t, e = Fraction(float(t)).limit_denominator(10 ** 9), Fraction(1, 10 ** 6) * max(1, int(t))
                claims.append("claim f%d_%d { prove %s <= flip(A%d, %s, %s) <= %s expect proved }" % (i, j, t - e, i, literal(x), literal(y), t + e))
                claims.append("claim g%d_%d { prove flip(A%d, %s, %s) > %s expect refuted }" % (i, j, i, literal(x), literal(y), t + e))
            claims.append("claim c%d_%d { prove changes(A%d, %s, %s) == %d expect proved }" % (i, j, i, literal(x), literal(y), changes(a, x, y)))
    # outputs x^2, 2, 3 x: ties at 1, root 2, 2, 3; 2 is the largest up to 2/3, 3 x up to 3
    write(folder, "T", Net([[1]], [[1]], [[1, 0, 0]], b=[0, 2, 0], S=[[0, 0, 3]]))
    names["T"] = "T"
    claims += ['model T = "T.net"']
    for name, y, count in (("none", "1/2", 0), ("at_the_end", "2/3", 0), ("one", "1", 1), ("still_one", "3", 1), ("two", "4", 2), ("from_there", "-4", 1)):
        claims.append("claim %s { prove changes(T, {0}, {%s}) == %d expect proved }" % (name, y, count))
    claims += ["claim touch { prove changes(T, {0}, {0}) == 0 and flip(T, {0}, {0}) == 2^64 and flip(T, {0}, {1}) < 2/3 + 1e-12 and flip(T, {0}, {-1})^2 > 2 - 1e-12 expect proved }",
               "claim root { prove flip(T, {0}, {-1})^2 >= 2 + 1e-12 expect refuted }",
               "claim tie { prove flip(T, {2/3}, {-1}) == 0 expect proved }",
               "claim self { prove sum(distance(T, T, \"gaussian\")) == 0 expect proved }"]
    status, output = verify(folder, "random", claims, "--expect")
    check(status == 0, "random networks:\n" + "\n".join(x for x in output.splitlines() if "-- expected" in x or "error" in x)[-3000:])
    return about(folder, "random", names)


def false_certificates(folder):
    def text_of(name):
        return read(folder, "random", name)
    some = {}
    for i in range(8):
        for word in ("gaussian", "sphere"):
            text = text_of("d_%s%d" % (word, i))
            some["%s %d, a hair more" % (word, i)] = changed(text, r"\[0\] == (\S+)", lambda m: "[0] == %s" % (Fraction(m[1]) + Fraction(1, 2 ** 80)))
            some["%s %d, the other mean" % (word, i)] = text.replace('"%s"' % word, '"%s"' % {"gaussian": "sphere", "sphere": "gaussian"}[word])
        for j in range(4):
            text = text_of("c%d_%d" % (i, j))
            some["changes %d %d" % (i, j)] = changed(text, r"== (\d+)$", lambda m: "== %d" % (int(m[1]) + 1))
    for name, by in (("one", "4"), ("two", "3"), ("none", "7/10")):
        some["another segment: " + name] = changed(text_of(name), r"\{0\}, \{[^}]*\}", "{0}, {%s}" % by)
    some["tie moved"] = changed(text_of("tie"), r"2/3", "5/7")
    some["above the root"] = changed(text_of("touch"), r"> 2 - ", "> 2 + ")
    for name in list(some):
        some[name] = changed(some[name], r"^sha256 .*$", "sha256 0")
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder)
    all_accepted(folder, certificates, 100)
    false_certificates(folder)
finish()
