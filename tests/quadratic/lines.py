"""distance, flip, changes: random bilinear networks against moments and numpy; false claims that both checkers must reject.

    python tests/quadratic/lines.py BUILD
"""
import json
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
from bilinear import Net, random_net  # noqa: E402
from certificates import about, all_accepted, changed, literal, of, read, rejected, verify, write  # noqa: E402
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
               "claim exact { prove flip(T, {0}, {1}) == 2/3 and sum({flip(T, {0}, {4}), 5/6}) == 1 and flip(T, {2}, {1}) <= 1 expect proved }",
               "claim inexact { prove flip(T, {0}, {1}) != 2/3 expect refuted }",
               "claim self { prove sum(distance(T, T, \"gaussian\")) == 0 expect proved }"]
    # against 0: (x - 1)^2 only touches; x^2 - 2 (m + 1) x + 2 m is 0 at m + 1 - sqrt(m^2 + 1), a hair before 1: less than the last bit of any enclosure of 128
    write(folder, "U", Net([[1]], [[1]], [[1, 0]], b=[1, 0], S=[[-2, 0]]))
    m = 2 ** 138
    write(folder, "V", Net([[1, 1]], [[1, 0]], [[1, 0], [-2, 0]], b=[2 * m, 0], r=[0, 1], S=[[-2 * m, 0]]))
    names.update(U="U", V="V")
    claims += ['model U = "U.net"', 'model V = "V.net"',
               "claim touched { prove flip(U, {0}, {1}) == 1 and changes(U, {0}, {3}) == 0 expect proved }",
               "claim before { prove 9/10 <= flip(V, {0}, {1}) < 11/10 expect proved }"]
    status, output = verify(folder, "random", claims, "--expect")
    check(status == 0, "random networks:\n" + "\n".join(x for x in output.splitlines() if "-- expected" in x or "error" in x)[-3000:])
    return about(folder, "random", names)


def intervals(folder):
    """Where the answers change, in the line of the verdict and in the JSON, against the roots that numpy finds; the networks of the folder are there."""
    rng, claims, nets = random.Random(37), [], {}
    for i in range(12):
        net = random_net(rng, 1 + i % 4)
        write(folder, "I%d" % i, net)
        x, y = [[Fraction(rng.randint(-24, 24), 8) for _ in range(net.n)] for _ in range(2)]
        nets["s%d" % i] = net, x, y
        claims += ['model I%d = "I%d.net"' % (i, i), "claim s%d { maximize r in 3..3 : changes(I%d, %s, %s) }" % (i, i, literal(x), literal(y))]
    claims += ['model T = "T.net"', "claim closed { prove changes(T, {0}, {4}) == 2 and changes(T, {0}, {1/2}) == 0 }",
               "claim some { list y in 0..4 : changes(T, {0}, {y}) > 0 }", "claim wrong { forall y in 1..4 prove changes(T, {0}, {y}) <= 1 }",
               "claim many { count y in -9..9 : changes(T, {0}, {y}) <= 1 }"]
    status, output = verify(folder, "intervals", claims, "--json", folder + "/intervals.json")
    check(status in (0, 1), output)
    found = {c["name"]: c.get("changes", []) for c in json.load(open(folder + "/intervals.json"))["claims"]}
    several = 0
    for name, (net, x, y) in nets.items():
        one, = found[name]
        check([[Fraction(a) for a in one[w]] for w in ("from", "to")] == [x, y], "%s: the ends are %s" % (name, one))
        c, g, q = along(net, x, [b - a for a, b in zip(x, y)])
        ends = [[Fraction(a) for a in pair] for pair in one["at"]]
        check(len(ends) == changes(net, x, y) and len(one["answers"]) == len(ends) + 1, "%s: %s, sampled %d" % (name, one, changes(net, x, y)))
        several += len(ends) > 1
        for k, s in enumerate([(a[1] + b[0]) / 2 for a, b in zip([[0, 0]] + ends, ends + [[1, 1]])]):
            value = [float(v) for v in net.value([a + s * (b - a) for a, b in zip(x, y)])]
            check(one["answers"][k] == [j for j in range(net.k) if value[j] > max(value) - 1e-9], "%s: between %s and the next are %s" % (name, ends, one["answers"]))
        for (lo, hi), before, after in zip(ends, one["answers"], one["answers"][1:]):
            check(0 <= lo <= hi <= 1 and hi - lo <= Fraction(1, 2 ** 30), "%s: %s is no interval" % (name, (lo, hi)))
            i, j = before[0], next(k for k in after if k not in before)
            near = min([abs(r - float(lo)) for r in np.roots([q[i] - q[j], g[i] - g[j], c[i] - c[j]])] or [1])
            check(near < 1e-6, "%s: no tie of %d and %d near %g" % (name, i, j, float(lo)))
    check(several > 0, "no segment has more than one change")
    check([len(found[n]) for n in ("closed", "some", "wrong", "many")] == [2, 1, 1, 0], "calls that are shown: %s" % {n: len(found[n]) for n in found})
    check("answers 1 -> 2 at s in [0.166666666, 0.166666667], 2 -> 0 at s in [0.75, 0.75]; answers 1 all the way" in output, output[-1500:])


def false_lines(folder, some):
    """Lines `changes` with anything else in them."""
    texts = {name: read(folder, "intervals", name) for name in ["s%d" % i for i in range(12)] + ["closed", "wrong"]}
    order = sorted(texts, key=lambda name: -len(re.search(r"^changes .*$", texts[name], re.M)[0].split(" ")))
    for name in order[:4] + order[-1:]:                 # the most changes, and none
        text = texts[name]
        line = re.search(r"^changes .*$", text, re.M)[0]
        words = line.split(" ")

        def put(what, new):
            some["%s: %s" % (name, what)] = changed(text.replace(line, " ".join(new)), r"^sha256 .*$", "sha256 0")
        put("another first answer", words[:4] + [words[4] + "+7"] + words[5:])
        put("one word more", words + ["0"])
        put("a change more", words + ["1", "1", words[-1]])
        if len(words) > 5:                              # without changes the way back is true too
            put("the ends exchanged", words[:2] + [words[3] + ("," if "," not in words[3] else ""), "9" + words[2]] + words[4:])
        put("an end less", words[:3] + words[4:])
        put("no such model", [words[0], "Q"] + words[2:])
        for k in range(5, len(words), 3):
            lo, hi = Fraction(words[k]), Fraction(words[k + 1])
            put("change %d later" % k, words[:k] + [str(hi + Fraction(1, 2 ** 41)), str(hi + Fraction(1, 2 ** 40))] + words[k + 2:])
            put("change %d earlier" % k, words[:k] + [str(lo - Fraction(1, 2 ** 40)), str(lo - Fraction(1, 2 ** 41))] + words[k + 2:])
            put("interval %d reversed" % k, words[:k] + [str(hi + 1), str(lo)] + words[k + 2:])
            put("change %d left out" % k, words[:k] + words[k + 3:])
            put("answer %d" % k, words[:k + 2] + ["0" if words[k + 2] != "0" else "1"] + words[k + 3:])
        some["%s: twice" % name] = changed(text.replace(line, line + "\n" + line), r"^sha256 .*$", "sha256 0")


def false_certificates(folder):
    def text_of(name):
        return read(folder, "random", name)
    some = {}
    false_lines(folder, some)
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
    some["touched later"] = changed(text_of("touched"), r"== 1 and", "> 1 and")
    some["as late as 1"] = changed(text_of("before"), r"9/10 <=", "1 <=")
    some["tie moved"] = changed(text_of("tie"), r"2/3", "5/7")
    some["above the root"] = changed(text_of("touch"), r"> 2 - ", "> 2 + ")
    for name in list(some):
        some[name] = changed(some[name], r"^sha256 .*$", "sha256 0")
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder)
    all_accepted(folder, certificates, 100)
    intervals(folder)
    all_accepted(folder, of(folder, "intervals"), 15)
    false_certificates(folder)
finish()
