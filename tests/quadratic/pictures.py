"""The pictures of a report about bilinear networks, against numpy: explanations of an input, curves over the rank, spectra, with inputs that are squares, oblongs and no pictures.

    python tests/quadratic/pictures.py BUILD
"""
import random
import re
import sys
import tempfile
from fractions import Fraction

sys.path[:0] = ["tests", "tests/reference"]
import numpy as np

from bilinear import Net, draw
from certificates import literal, verify, write
from tally import check, finish

rng = random.Random(20261127)


def form(net, u):
    """Matrix of the quadratic part of the direction u of a net without biases and residual, in doubles."""
    n = net.n
    A = np.zeros((n, n))
    for k in range(net.h):
        w = float(sum(net.P[k][j] * u[j] for j in range(net.k)))
        a, b = np.array([float(r[k]) for r in net.L]), np.array([float(r[k]) for r in net.R])
        A += w * (np.outer(a, b) + np.outer(b, a)) / 2
    return A


def page_of(folder, part, net, claims, *options):
    write(folder, "N", net)
    status, output = verify(folder, part, ['model N = "N.net"'] + claims, "--report", "%s/%s.html" % (folder, part), *options)
    if status not in (0, 1):
        return status, output
    with open("%s/%s.html" % (folder, part)) as f:
        page = f.read()
    check(not re.search(r"<script|https?://|<link", page), part + ": the page needs something from outside")
    check(page.count("<figure") == page.count("</figure>") and page.count("<svg") == page.count("</svg>"), part + ": a figure is not closed")
    return page, output


def explanation(folder, n, options, cells):
    """One input of a random network: leads, contributions and the shapes of its pictures."""
    net = Net(draw(rng, n, n), draw(rng, n, n), draw(rng, n, 3))
    x = [Fraction(rng.randint(0, 16), 16) for _ in range(n)]
    page, output = page_of(folder, "explain%d%s" % (n, "".join(options).replace("-", "")), net, ["claim near { minimize i in 0..0 : radius(N, %s) within 1 }" % literal(x)], *options)
    y = net.value(x)
    answer = max(range(3), key=lambda k: y[k])
    found = re.search(r"<b>why</b> N answers (\d+) here: output \d+ leads output (\d+) by ([-\d.e+]+)(?:; the lead is ([-\d.e+]+) at the nearest input with another answer, ([-\d.e+]+) away)?", page)
    check(found is not None, "no explanation of an input of width %d\n%s" % (n, output[-300:]))
    if not found:
        return
    rival = int(found.group(2))
    lead = float(y[answer] - y[rival])
    check(int(found.group(1)) == answer and abs(float(found.group(3)) - lead) <= 1e-5 * abs(lead), "width %d: answer or lead %s, by hand %d %g" % (n, found.groups(), answer, lead))
    if found.group(4):
        value = re.search(r"value in \[?([-\d.e+]+)", output)
        check(abs(float(found.group(4))) <= 1e-6 * (1 + abs(lead)) and abs(float(found.group(5)) - float(value.group(1))) <= 1e-5 * float(found.group(5)), "width %d: the other input %s, value %s" % (n, found.groups(), value and value.group(1)))
    u = [Fraction(k == answer) - (k == rival) for k in range(3)]
    q, V = np.linalg.eigh(form(net, u))
    share = q * (V.T @ np.array([float(a) for a in x])) ** 2
    named = re.findall(r"<b>v(\d+): ([-+][\d.e+-]+)", page)
    check(len(named) == min(n, 6), "width %d: %d eigenvectors are shown" % (n, len(named)))
    for i, value in named:
        check(abs(float(value) - share[int(i)]) <= 1e-3 * abs(share[int(i)]) + 1e-6 * abs(share).max(), "width %d: eigenvector %s contributes %s, by numpy %g" % (n, i, value, share[int(i)]))
    tile = re.search(r"<figure class='tile'><svg role='img' width='(\d+)' height='(\d+)'", page)
    check((tile is not None) == (cells is not None) and (not tile or (int(tile.group(1)) // 12, int(tile.group(2)) // 12) == cells), "width %d: the shape of a picture is %s" % (n, tile and tile.groups()))
    check(page.count("direction certain to ") >= min(n, 6), "width %d: angles are missing" % n)


def curve(folder, n=6, rows=25):
    """Right answers at every rank, exactly as numpy has them where its margins are clear."""
    net = Net(draw(rng, n, n), draw(rng, n, n), draw(rng, n, 3))
    X = [[Fraction(rng.randint(-16, 16), 16) for _ in range(n)] for _ in range(rows)]
    Y = [max(range(3), key=lambda k: net.value(x)[k]) if rng.random() < 0.8 else rng.randrange(3) for x in X]
    np.save(folder + "/X.npy", np.array(X, dtype=float))
    np.save(folder + "/Y.npy", np.array(Y, dtype=np.int64))
    claims = ['data X = "X.npy"', 'data Y = "Y.npy"', "claim cut { foreach k in {1, 3} count r in rows(X) : argmax(output(truncate(N, k), X[r])) == Y[r] }",
              "claim kept { count r in rows(X) where Y[r] != 1 : argmax(output(truncate(N, 2), X[r])) != argmax(output(N, X[r])) }"]
    page, output = page_of(folder, "curve", net, claims)
    curves = re.findall(r"<polyline.*?</svg>", page, re.S)
    check(len(curves) == 2, "%d curves\n%s" % (len(curves), output))
    eigen = [np.linalg.eigh(form(net, [Fraction(k == j) for k in range(3)])) for j in range(3)]

    def answers(k):
        out = []
        for x in X:
            v = np.array([float(a) for a in x])
            y = []
            for q, V in eigen:
                at = np.argsort(-abs(q))[:k]
                y.append(sum(q[i] * (V[:, i] @ v) ** 2 for i in at))
            out.append(int(np.argmax(y)) if k else -1)
        return out
    whole, some = answers(n), [i for i in range(rows) if Y[i] != 1]
    for which, text in enumerate(curves):
        points = re.findall(r"fill='(#\w+)' stroke='#2166ac'><title>(\d+): (\d+)</title>", text)
        check([int(k) for _, k, _ in points] == list(range(n + 1)), "the ranks of a curve are %s" % points)
        for fill, k, value in points:
            found = answers(int(k))
            expect = sum(a == b for a, b in zip(found, Y)) if which == 0 else sum(found[i] == whole[i] for i in some)
            check(int(value) == expect, "curve %d at %s: %s, by numpy %d" % (which, k, value, expect))
            check((fill == "#2166ac") == (int(k) in ((1, 3), (2,))[which]), "curve %d: whether %s was checked" % (which, k))


def spectra(folder):
    """A form with a double eigenvalue is drawn as not isolated, one with different ones is not."""
    one = [[Fraction(i == j) for j in range(4)] for i in range(4)]
    net = Net(one, one, [[Fraction(1), Fraction(2)], [Fraction(1), Fraction(3)], [Fraction(2), Fraction(5)], [Fraction(4), Fraction(8)]])
    page, output = page_of(folder, "spectra", net, ["claim any { prove form(N, 0)[0, 0] == 1 }"])
    check(len(re.findall(r"<b>output 0, eigenvalue 1, not isolated", page)) == 2 and len(re.findall(r"<b>output 0, eigenvalue [24], direction certain", page)) == 2, "multiple eigenvalues\n%s" % re.findall("output 0, eigenvalue[^<]*", page))
    check(len(re.findall(r"<b>output 1, eigenvalue \d, direction certain", page)) == 4, "different eigenvalues\n%s" % re.findall("output 1, eigenvalue[^<]*", page))


def refused(folder):
    net = Net(draw(rng, 6, 2), draw(rng, 6, 2), draw(rng, 2, 2))
    for said, words in (("2y3", "rows and columns as in 8x12 are asked for"), ("0x6", "rows and columns"), ("2x3x", "rows and columns"), ("4x4", "no model of the claim file reads 16 numbers")):
        status, output = page_of(folder, "refused", net, ["claim any { prove form(N, 0)[0, 0] < 100 }"], "--picture", said)
        check(status == 3 and words in output, "--picture %s: %s" % (said, output))


with tempfile.TemporaryDirectory() as folder:
    explanation(folder, 4, [], (2, 2))
    explanation(folder, 9, [], (3, 3))
    explanation(folder, 6, ["--picture", "2x3"], (3, 2))
    explanation(folder, 6, [], None)
    explanation(folder, 5, [], None)
    explanation(folder, 7, ["--picture", "1x7"], (7, 1))
    curve(folder)
    spectra(folder)
    refused(folder)
finish()
