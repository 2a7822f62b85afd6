"""Certificates of the rules quadratic and polynomial and with lines `radius`, every number changed by a unit up and down and in sign, sealed again: both checkers
say the same of each, and what they accept is still so. Numbers of the statement make it another statement, which is not the claim's.

    python tests/quadratic/mutations.py BUILD [--all]

Without --all some 30 of each certificate, with every kind of line among them.
"""
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

BUILD = sys.argv[1]
SOME = None if "--all" in sys.argv else 30
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Deep, Net  # noqa: E402
from certificates import about, accepted, read, verify, write  # noqa: E402
from claims import resealed, seal  # noqa: E402
from tally import check, finish, run  # noqa: E402

CUBE = [[1, 1, 0], [-1, 0, 1], [0, -1, -1]]
MODELS = {
    "bowl": Net([[1]], [[-1]], [[1, 0]], b=[1, 0]),                                                     # 1 - x^2 against 0
    "saddle": Net([[1], [0]], [[0], [1]], [[1]], b=[1]),                                                # 1 + x y
    "line": Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[3, 0], [4, 0]], b=[5, 0]),                        # 5 + 3 x + 4 y against 0
    "cross": Net(CUBE, CUBE, [[-1, 0]] * 3, b=[Fraction(33, 4), 0]),                                    # needs cells on boxes
    "quartic": Deep(Net([[1]], [[1]], [[1]]), Net([[1]], [[1]], [[1]], S=[[-2]], b=[Fraction(9, 8)])),  # x^4 - 2 x^2 + 9/8
    "products": Deep(Net([[1], [0]], [[0], [1]], [[1, 0]], S=[[0, 1], [0, 1]]), Net([[1], [0]], [[1], [0]], [[1]], S=[[0], [-1]], b=[3])),     # (x y)^2 - x - y + 3
    "three": Net([[1, 0], [0, 1]], [[1, 0], [0, 1]], [[4, -4, Fraction(-1, 2)], [-4, 4, Fraction(-1, 2)]], b=[0, 0, Fraction(-1, 8)]),
    "rising": Net([[1, 0], [0, 0], [0, 1]], [[0, 0], [1, 0], [0, 1]], [[1, 0], [-1, 0]], l=[0, 0], r=[1, 0]),       # x y - z^2 + x
}
# claim: the kinds of lines that its certificate must have
CLAIMS = {
    "forall d in ball(0, 9/10, l2) prove argmax(output(bowl, d)) == 0": "case hold,witness",
    "forall d in ball(0, 3, l2) prove output(bowl, d)[0] > -7/3": "counterexample",
    "count k in 0..8 : all{ argmax(output(line, {-1/2, -8/7} + d)) == 0 : d in ball({0, 1}, k/4, l2) }": "case hold,case fail,number,total",
    "prove all{ argmax(output(line, d)) == 0 : k in 0..8, d in ball(0, k/4, l2) where k != 5 }": "case fail",
    "forall d in ball(0, 1, linf) prove output(cross, d)[0] > 1/5": "case split,case leaf",
    "forall d in ball(0, 1, linf) prove output(cross, d)[0] > 9/20": "counterexample",
    "forall d in ball(0, 14/10, l2) where d[0] >= -1/3 and d[0] + d[1] >= 1/5 prove output(saddle, d)[0] > -1/10": "case leaf",
    "count k in 0..8 : all{ argmax(output(line, d)) == 0 : d in ball(0, k/4, l2) where d[0] >= -k/16 }": "case leaf,case fail,number",
    "forall d in box({-3}, {3}) prove output(quartic, d)[0] > 1/9": "case split,case leaf",
    "forall d in ball(0, 1, l2) where d[0] + d[1] <= 1/2 prove output(products, d)[0] > 249/100": "case leaf",
    "prove radius(line, {1/3, 1/2}) >= 1/2": "radius",
    "minimize k in 0..2 : radius(three, {1 + k/3, 1/4}, 1) within 1e-6": "radius,value,attains",
    "count k in 0..4 : radius(bowl, {k/8}) > 0.51 prove number == 4": "radius,number",
    "prove radius(bowl, {0}, -1/2, 1/2) > 7": "radius",
    "maximize k in 0..2 : radius(cross, {k/9, 0, -1/8}, 1, -2, {2, 3/2, 1}) within 1/10": "radius,value",
    "list k in -3..3 : radius(bowl, {k/4}) < 1/3": "radius,item",
    "forall x in reals(2) prove not 2 in argmaxes(output(three, x))": "sum,witness",
    "forall x in orthant(3), d in cone({1, 0, 0}, {1, 2, 0}) prove output(rising, x + d)[0] >= output(rising, x)[0]": "sum,cone",
    "forall x in orthant(3), d in cone({1, 0, 0}, {1, 2, 1/100}) prove output(rising, x + d)[0] >= output(rising, x)[0]": "cone,counterexample",
    "forall k in 1..3, s in interval(0, 1) prove output(bowl, {s})[0] <= k": "sum",
    "forall s in interval(0, 7/5) prove output(bowl, {s})[0] + 2 > s^2 - 1": "sum",
}


def units(x):
    """x with its sign turned, and a unit more and less in numerator and denominator."""
    p, q = x.numerator, x.denominator
    return {Fraction(a, b) for a, b in [(-p, q), (p + 1, q), (p - 1, q)] + ([(p, q + 1), (p, q - 1)] if q > 1 else [])} - {x}


def mutants(text):
    """(kind of the line, certificate) for every number outside the statement that is changed."""
    lines = text.splitlines()
    for at, line in enumerate(lines[:-1]):
        words = line.split(" ")
        kind = " ".join(words[:2]) if words[0] == "case" else words[0]
        for m in re.finditer(r"-?\d+(/\d+)?", line) if words[0] != "|" else ():
            for x in sorted(units(Fraction(m[0]))):
                new = lines[:at] + [line[:m.start()] + str(x) + line[m.end():]] + lines[at + 1:-1]
                yield kind, seal("\n".join(new) + "\n")


def interval(line, skip):
    words = line.split(" ")
    return Fraction(words[skip]), Fraction(words[skip + 1])


def still_so(before, after):
    """Do the intervals of a changed certificate agree with those of the first one, which hold? Counts: the first one's number lies in it; others: they meet."""
    for kind in ("number", "total", "value"):
        ends = [[interval(x, 1) for x in text.splitlines() if x.startswith(kind + " ")] for text in (before, after)]
        if len(ends[0]) != len(ends[1]) or not all(a[0] <= b[1] and b[0] <= a[1] and (kind == "value" or b[0] <= a[0] and a[1] <= b[1]) for a, b in zip(*ends)):
            return False
    found = [{x.split(" ")[3] if " in " not in x else tuple(x.split(" ")[3:7]): interval(x, 7 if " in " in x else 4) for x in text.splitlines() if x.startswith("radius ")} for text in (before, after)]
    return all(x in found[0] and found[0][x][0] <= hi and lo <= found[0][x][1] for x, (lo, hi) in found[1].items())


def statement(text):
    return [x for x in text.splitlines() if x.startswith(("| ", "verdict ", "item "))]


def changed_certificates(folder, rng):
    """[(claim, kind, path, the first certificate, the changed one)]"""
    some = []
    for i, (claim, kinds) in enumerate(CLAIMS.items()):
        text = read(folder, "made", "s%d" % i)
        every = list(dict((t, (kind, t)) for kind, t in mutants(text) if t != text).values())
        check(set(kinds.split(",")) <= {kind for kind, _ in every}, "%s: no line %s to change, %s" % (claim, kinds, {kind for kind, _ in every}))
        if SOME and len(every) > SOME:
            first = [next(x for x in rng.sample(every, len(every)) if x[0] == kind) for kind in sorted({kind for kind, _ in every})]
            every = first + rng.sample(every, SOME)
        some += [(claim, kind, "%s/changed/%d_%d.cert" % (folder, i, k), text, new) for k, (kind, new) in enumerate(every)]
    os.mkdir(folder + "/changed")
    for _, _, path, _, new in some:
        with open(path, "w") as f:
            f.write(new)
    return some


def of_the_certificate(folder, rng):
    some, kept = changed_certificates(folder, rng), 0
    (_, first), (_, second) = accepted(folder, [path for _, _, path, _, _ in some])
    refused = [set(re.findall(r"^rejected (\S+?):", output, re.M)) for output in (first, second)]
    for claim, kind, path, text, new in some:
        check((path in refused[0]) == (path in refused[1]), "the checkers differ on %s, line %s:\n%s" % (claim, kind, new))
        if path not in refused[0]:
            kept += 1
            check(statement(text) == statement(new) and still_so(text, new), "accepted, of %s, line %s:\n%s" % (claim, kind, new))
    check(0 < kept < len(some) / 2, "%d of %d are accepted" % (kept, len(some)))
    print("%d changed certificates, %d of them still show the claim" % (len(some), kept))


def of_the_statement(folder, rng):
    """A number of the statement changed: another claim, or none."""
    options = [x for name in MODELS for x in ("--model", "%s=%s/%s.net" % (name, folder, name))]
    for i, claim in enumerate(CLAIMS):
        text = read(folder, "made", "s%d" % i)
        spans = [line.span() for line in re.finditer(r"^\| (?!model ).*$", text, re.M)]
        places = [m for a, b in spans for m in re.compile(r"(?<![\w.])\d+(?![\w.])").finditer(text, a, b)]
        for m in rng.sample(places, 3 if SOME and len(places) > 3 else len(places)):
            new = text[:m.start()] + str(int(m[0]) + rng.choice((1, 2))) + text[m.end():]
            path = folder + "/other.cert"
            with open(path, "w") as f:
                f.write(resealed(new))
            status, output = run(BUILD + "/weightproof-check", "--quiet", "--dir", folder, "--claims", folder + "/made.claims", "--only", "s%d" % i, *options, path)
            check(status == 1, "%s, another statement:\n%s%s" % (claim, output, new))


with tempfile.TemporaryDirectory() as folder:
    rng = random.Random(5)
    for name, net in MODELS.items():
        write(folder, name, net)
    lines = ['model %s = "%s.net"' % (name, name) for name in MODELS] + ["claim s%d { %s }" % (i, claim) for i, claim in enumerate(CLAIMS)]
    status, output = verify(folder, "made", lines)
    check("undecided" not in output and "error" not in output, output)
    about(folder, "made", {name: name for name in MODELS})
    of_the_certificate(folder, rng)
    of_the_statement(folder, rng)
finish()
