"""Rule quadratic on two layers of products: random networks of two bilinear layers on boxes, balls and cut balls, against points of the region; a layer read
past the node between them; certificates that both checkers must reject.

    python tests/quadratic/deep.py BUILD
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
from bilinear import Deep, Net, draw, parse_vector  # noqa: E402
from certificates import all_accepted, changed, expected, literal, of, read, rejected, verdict, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402


def layer(rng, n, h, k, biases=False):
    net = Net(draw(rng, n, h, 16), draw(rng, n, h, 16), draw(rng, h, k, 16), S=draw(rng, n, k, 16) if rng.random() < 0.6 else None)
    if biases or rng.random() < 0.7:       # without them all outputs may be multiples of one square, which ties at points that are no fractions
        net.l, net.r, net.b = draw(rng, 1, h, 16)[0], draw(rng, 1, h, 16)[0], draw(rng, 1, k, 16)[0]
    return net


def random_networks(folder):
    rng = random.Random(31)
    claims, cases = [], []
    for i in range(16):
        n = 1 + i % 8
        k = rng.randint(1, 5)
        net = Deep(layer(rng, n, rng.randint(1, 5), k), layer(rng, k, rng.randint(1, 5), rng.randint(2, 3), biases=True))
        write(folder, "n%d" % i, net)
        claims.append('model M%d = "n%d.net"' % (i, i))
        x0 = [Fraction(rng.randint(-8, 8), 8) for _ in range(n)]
        y = net.value(x0)
        answer = y.index(max(y))
        for j, size in enumerate((Fraction(1, 50), Fraction(1, 8), Fraction(1, 2 if n < 6 else 5))):
            for kind, some in enumerate(("box(%s, %s)" % (literal([-size] * n), literal([size] * n)), "ball(0, %s, l2)" % size, "ball(0, %s, l2) where d[0] >= 0 and %s <= %s" % (size, " + ".join("d[%d]" % u for u in range(n)), size / 2))):
                name = "c%d_%d_%d" % (i, j, kind)
                claims.append("claim %s { forall d in %s prove argmax(output(M%d, %s + d)) == %d timeout 20 s }" % (name, some, i, literal(x0), answer))

                def has(d, kind=kind, size=size):
                    return (max(map(abs, d)) <= size and (kind == 0 or sum(a * a for a in d) <= size * size) and (kind < 2 or (d[0] >= 0 and sum(d) <= size / 2)))
                cases.append((name, net, x0, answer, size, has))
    status, output = verify(folder, "random", claims)
    check(" errors" not in output and "undecided" not in output, "random networks:\n" + output)
    proved = 0
    for name, net, x0, answer, size, has in cases:
        text = read(folder, "random", name)

        def fails(d):
            y = net.value([a + b for a, b in zip(x0, d)])
            return any(y[answer] <= y[j] for j in range(net.k) if j != answer)
        proved += verdict(text) == "proved"
        if verdict(text) == "proved":
            some = list(itertools.product((-size, size), repeat=net.n))[:64] + [[size * Fraction(rng.randint(-32, 32), 32) for _ in range(net.n)] for _ in range(60)]
            if net.n == 1:
                some += [[size * Fraction(t, 64)] for t in range(-64, 65)]
            check(not any(has(d) and fails(d) for d in some), name + ": proved, but a point of the region is answered otherwise")
        else:
            d = parse_vector(re.search(r"^counterexample d=(.*)$", text, re.M).group(1))
            check(has(d) and fails(d), name + ": no counterexample")
    check(25 < proved < len(cases) - 25, "%d of %d proved" % (proved, len(cases)))
    return of(folder, "random")


SQUARE = Net([[1]], [[1]], [[1]])                                  # x^2
QUARTIC = Deep(SQUARE, Net([[1]], [[1]], [[1]], S=[[-2]], b=[Fraction(9, 8)]))      # x^4 - 2 x^2 + 9/8, least at 1 and -1: 1/8
PRODUCTS = Deep(Net([[1], [0]], [[0], [1]], [[1, 0]], S=[[0, 1], [0, 1]]), Net([[1], [0]], [[1], [0]], [[1]], S=[[0], [-1]], b=[3]))     # (x y)^2 - x - y + 3
MODELS = {"quartic": QUARTIC, "products": PRODUCTS, "past": Deep(SQUARE, Net([[1]], [[1]], [[1]]), past=True)}
SPECIAL = [
    ("forall d in box({-3}, {3}) prove output(quartic, d)[0] > 1/9", "proved"),
    ("forall d in box({-3}, {3}) prove output(quartic, d)[0] > 1/8", "refuted"),
    ("forall d in ball(1, 1/2, l2) prove output(quartic, d)[0] > 12/100", "proved"),
    ("forall d in ball(0, 1/2, l2) prove output(quartic, d)[0] > 1/2", "proved"),
    ("forall d in ball(0, 2, linf) where d[0] >= 3/2 prove output(quartic, d)[0] > 16/10", "proved"),
    ("forall d in box(-2, 2) prove output(products, d)[0] > 1", "refuted"),
    ("forall d in box(-2, 1) prove output(products, d)[0] > 1/2", "proved"),
    ("forall d in ball(0, 1, l2) where d[0] + d[1] <= 1/2 prove output(products, d)[0] > 249/100", "proved"),
    ("count k in 0..5 : all{ output(quartic, {k/2} + d)[0] > 1/4 : d in ball(0, 1/4, linf) } prove number == 5", "proved"),
    ("forall d in box(-1, 1) prove output(past, d)[0] > -5", "undecided"),
]


def false_certificates(folder):
    def text_of(i):
        return read(folder, "special", "s%d" % i)
    quartic, refuted, ball, count = text_of(0), text_of(1), text_of(3), text_of(8)
    leaves = len(re.findall("^case leaf", quartic, re.M))
    check(leaves > 2, "the quartic needs cells")
    some = {
        "a stronger claim on the same cells": changed(quartic, r"1/9", "1/8"),
        "a larger box": changed(quartic, r"\{3\}", "{4}"),
        "another form": changed(quartic, r"output\(quartic, d\)\[0\] > 1/9", "2 * output(quartic, d)[0] > 3/10"),
        "no multiplier of the node": changed(quartic, r"^(case leaf \S+) \S+$", r"\1"),
        "one multiplier more": changed(quartic, r"^(case leaf .*)$", r"\1 0"),
        "a negative one of the node": changed(quartic, r"^(case leaf \S+) \S+$", r"\1 -1"),
        "the ball's left out": changed(ball, r"^(case leaf) \S+ ", r"\1 "),
        "multipliers on the line of the case": changed(ball, r"^case hold$", "case hold 1"),
        "a cell left out": changed(quartic, r"^case leaf .*\n", ""),
        "refuted, another point": changed(refuted, r"^counterexample d=.*$", "counterexample d=2,"),
        "refuted, outside": changed(refuted, r"^counterexample d=.*$", "counterexample d=4,"),
        "one more counted": changed(count, r"^number 5 5$", "number 6 6"),
        "counted case made open": changed(count, r"^case hold\n(case (leaf|split) .*\n)*", "case open\n"),
    }
    for i in range(leaves):
        for what in ("0 0", "1/1024 0", "100 100"):
            some["leaf %d: %s" % (i, what)] = changed(changed(quartic, r"1/9", "1/8"), r"(?s)((?:.*?\ncase leaf [^\n]*){%d}.*?\ncase leaf) [^\n]*" % i, r"\1 " + what)
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + expected(folder, "special", MODELS, SPECIAL)
    all_accepted(folder, certificates, 100)
    false_certificates(folder)
finish()
