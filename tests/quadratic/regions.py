"""Regions of one point, empty regions, conditions that hide what they guard, reversed boxes: bilinear networks under rules quadratic and polynomial, against exact values; changed certificates that both checkers must reject.

    python tests/quadratic/regions.py BUILD
"""
import random
import re
import sys
import tempfile
from fractions import Fraction

sys.path[:0] = ["tests", "tests/reference"]

from bilinear import Net, draw, random_net
from certificates import about, all_accepted, changed, literal, of, read, rejected, verify, write
from tally import check, finish

rng = random.Random(20261128)


def outcome(folder, part, networks, cases):
    """Verdicts of claims s0, s1, ... about the networks; every certificate is about its claim."""
    for name, net in networks.items():
        write(folder, name, net)
    claims = ['model %s = "%s.net"' % (name, name) for name in networks] + ["claim s%d { %s }" % (i, text) for i, text in enumerate(cases)]
    status, output = verify(folder, part, claims, "--timeout", "10")
    about(folder, part, {name: name for name in networks})
    lines = {line.split(":")[0].split()[1]: line.split()[0] for line in output.splitlines() if re.match(r"\w+ +s\d+: ", line)}
    return [lines.get("s%d" % i) for i in range(len(cases))], output


def points(folder):
    """Balls of radius 0, boxes with equal corners and sets cut to one point: a form is decided exactly, however near it is to 0. Gives certificates of what is false there by a tie."""
    networks, cases, want, values = {}, [], [], []
    for i in range(4):
        net = random_net(rng, 1 + i)
        name = "P%d" % i
        networks[name] = net
        x = [Fraction(rng.randint(-50, 50), rng.choice([1, 3, 7, 1000003])) for _ in range(net.n)]
        y, j = net.value(x), rng.randrange(net.k)
        for eps in (Fraction(1), Fraction(1, 10 ** 12), Fraction(1, 10 ** 60), Fraction(0), Fraction(-1, 10 ** 60)):
            for op in (">", ">="):
                form = "output(%s, %%s)[%d] %s %s" % (name, j, op, y[j] - eps)
                at, zero = literal(x), " and ".join("d[%d] == 0" % q for q in range(net.n))
                cases += ["forall d in ball(0, 0, l2) prove " + form % (at + " + d"), "forall d in ball(%s, 0, linf) prove %s" % (at, form % "d"), "forall d in box(%s, %s) prove %s" % (at, at, form % "d"),
                          "forall d in ball(0, 1, l2) where %s prove %s" % (zero, form % (at + " + d")), "count i in 0..2 : all{ %s : d in ball(0, 0, l2) } prove number == 3" % (form % (at + " + d"))]
                values += 5 * [y[j]]
                want += 5 * ["proved" if eps > 0 or (eps == 0 and op == ">=") else "refuted"]
    got, output = outcome(folder, "points", networks, cases)
    wrong = [(c, g, w) for c, g, w in zip(cases, got, want) if g != w]
    check(not wrong, "points: %d of %d: %s" % (len(wrong), len(cases), wrong[:3]))
    all_accepted(folder, of(folder, "points"), 180)
    return {text + ": above the value": changed(read(folder, "points", "s%d" % i), r"^(\| prove .*) >=? \S+$", r"\1 > %s" % y)
            for i, (text, y) in enumerate(zip(cases, values)) if want[i] == "proved" and text.startswith("forall")}


NET = Net(draw(rng, 3, 3), draw(rng, 3, 3), draw(rng, 3, 3), b=draw(rng, 1, 3)[0])
EMPTY = [                                  # condition on d, sets that it empties
    ("d[0] > 1", ("box(0, 1)", "ball(0, 1, l2)", "ball(0, 1, linf)")),
    ("d[0] > d[1] and d[1] > d[0]", ("box(0, 1)", "ball(0, 1, l2)", "reals(3)", "orthant(3)")),
    ("d[0] >= d[1] and d[1] > d[0]", ("box(0, 1)", "ball(0, 1, l2)", "reals(3)")),
    ("d[0] + d[1] > 2", ("box(0, 1)", "ball(0, 1, linf)", "ball(0, 1, l2)")),
    ("d[0] >= 1/2 and d[0] < 1/2", ("box(0, 1)", "ball(0, 1, l2)", "reals(3)")),
    ("d[0] == 1/2 and d[1] > d[0] + 1/2", ("box(0, 1)",)),
    ("d[0] >= 1/2 and d[1] >= 9/10", ("ball(0, 1, l2)",)),
    ("d[0] >= 3/5 and d[1] > 4/5", ("ball(0, 1, l2)",)),
    ("d[0] + d[1] + d[2] > 3", ("box(0, 1)",)),
    ("3 * d[0] + 4 * d[1] > 21", ("ball({1, 2, 0}, 2, l2)", "ball({1, 2, 0}, 10/7, linf)")),
    ("all{ d[i] < 0 : i in 0..2 }", ("orthant(3)", "box(0, 1)")),
    ("d[0] - d[1] >= 1 and d[1] - d[2] >= 1 and d[2] - d[0] >= -19/10", ("box(0, 5)", "ball(0, 5, l2)")),
]
SOME = [                                   # the same with room for a point
    ("d[0] >= 1", ("box(0, 1)",)), ("d[0] >= d[1] and d[1] >= d[0]", ("box(0, 1)", "reals(3)")), ("d[0] + d[1] >= 2", ("box(0, 1)",)),
    ("d[0] >= 1/2 and d[0] < 3/5", ("box(0, 1)", "ball(0, 1, l2)")), ("d[0] > 1/2 and d[1] > 4/5", ("ball(0, 1, l2)",)), ("d[0] + d[1] + d[2] > 299/100", ("box(0, 1)",)),
    ("3 * d[0] + 4 * d[1] > 20", ("ball({1, 2, 0}, 2, l2)", "ball({1, 2, 0}, 10/7, linf)")),
    ("d[0] - d[1] >= 1 and d[1] - d[2] >= 1 and d[2] - d[0] >= -2", ("box(0, 5)",)),
]


def empty(folder):
    cases = ["forall d in %s where %s prove output(N, d)[0] > -1000" % (s, c) for c, sets in EMPTY for s in sets]
    cases += ["forall i in 0..2, d in %s where i < 2 and %s prove output(N, d)[i] > -1000" % (s, c) for c, sets in EMPTY[:3] for s in sets]
    vacuous = len(cases)
    cases += ["forall d in %s where %s prove output(N, d)[0] > -1000" % (s, c) for c, sets in SOME for s in sets]
    cases += ["count i in 0..1 : all{ output(N, d)[i] > 1000 : d in box(0, 1) where d[0] > 1 } prove number == 2", "forall i in 0..1, d in box(0, 1) where d[0] > i prove output(N, d)[0] > -1000"]
    got, output = outcome(folder, "empty", {"N": NET}, cases)
    for i, (text, verdict) in enumerate(zip(cases, got)):
        check(verdict == "vacuous" if i < vacuous else verdict in ("proved", "refuted", "undecided"), "%s: %s" % (text, verdict))
    check(got[-2:] == ["proved", "proved"], "an empty region in one case: %s\n%s" % (got[-2:], output[-600:]))
    all_accepted(folder, of(folder, "empty"), vacuous)
    return cases, vacuous


def false_certificates(folder, cases, vacuous, some):
    for i, text in enumerate(cases):
        try:
            t = read(folder, "empty", "s%d" % i)
        except OSError:
            continue                                     # undecided
        if i < vacuous:
            line = re.search(r"^case empty (.*)$", t, re.M)
            words = line[1].split() if line else []
            for k, w in enumerate(words):
                if w != "0":
                    for what, new in (("no weight", "0"), ("a negative weight", "-" + w)):
                        more = " ".join(words[:k] + [new] + words[k + 1:])
                        some["%s: %s %d" % (text, what, k)] = changed(t, r"^case empty .*$", "case empty " + more)
            if line:
                some[text + ": a weight less"] = changed(t, r"^case empty .*$", ("case empty " + " ".join(words[:-1])).rstrip())
                some[text + ": holds"] = changed(t, r"^verdict vacuous$", "verdict proved\nwitness d=0,0,0")
                some[text + ": open"] = changed(t, r"^case empty .*$", "case open")
                if "box(0, 1) where d[0] > 1" in text or "d[0] + d[1] > 2" in text and "l2" not in text or "] > 3" in text:
                    some[text + ": not strict"] = changed(t, r" > (1|2|3)$", r" >= \1")
            else:
                some[text + ": no sum"] = changed(t, r"^sum .*\n", "")
                some[text + ": nothing weighed"] = changed(t, r"^sum .*$", "sum 1")
        elif i < len(cases) - 2 and "reals" not in text:
            n = text.split(" prove ")[0].count(" and ") + 1
            t = re.sub(r"^(witness|counterexample|case|sum) .*\n", "", t, flags=re.M)
            t = re.sub(r"^verdict \w+$", "verdict vacuous", t, flags=re.M)
            for weights in ("1 " * n, "1 " * (n - 1) + "0 ", "0 " + "1 " * (n - 1), "0 " * n):
                some[text + ": empty by " + weights] = changed(t, r"^(rule quadratic)$", r"\1\ncase empty " + weights.strip())
    rejected(folder, some)


def guarded(folder):
    """What a condition hides is no error, in all connectives, and an index is one where nothing hides it."""
    good = ["forall i in 0..3, z in reals(3) where i < 3 and output(N, z)[i] > 0 prove output(N, z)[i] > -1", "forall i in 0..3, z in reals(3) where not (i >= 3 or output(N, z)[i] <= 0) prove output(N, z)[i] > -1",
            "forall i in 0..3, z in reals(3) prove i < 3 => output(N, z)[i] * 0 > -1", "forall i in 0..3, z in reals(3) prove i == 3 or output(N, z)[i] * 0 > -1", "forall i in 0..3, z in reals(3) where i < 3 prove output(N, z)[i] * 0 > -1",
            "forall i in 0..3, z in reals(3) prove not (i < 3 and output(N, z)[i] * 0 > 1)", "forall i in 0..3, d in ball(0, 1, l2) where i < 3 prove output(N, d)[i] > -1000"]
    bad = ["forall i in 0..3, z in reals(3) where output(N, z)[i] > 0 and i < 3 prove output(N, z)[0] * 0 > -1", "forall i in 0..3, z in reals(3) prove output(N, z)[i] * 0 > -1 or i == 3"]
    got, output = outcome(folder, "guarded", {"N": NET}, good + bad)
    check(got == ["proved"] * len(good) + ["error"] * len(bad), "guarded: %s\n%s" % (got, output[-1500:]))
    all_accepted(folder, of(folder, "guarded"), len(good) - 1)


def reversed_boxes(folder):
    write(folder, "N", NET)
    for call, place in (("radius(N, {0, 0, 0}, 1, -1)", "entry 0"), ("radius(N, {0, 0, 0}, {-1, -1, -1}, {1, 1, -2})", "entry 2"), ("radius(N, {0, 0, 0}, 1, {0, 1/2, 0}, 1/4)", "entry 1")):
        status, output = verify(folder, "reversed", ['model N = "N.net"', "claim c { prove %s > 0 }" % call])
        check("the box of radius is empty: %s of its lower corner is above that of the upper one" % place in output and "reversed.claims:3:" in output, "%s: %s" % (call, output))


with tempfile.TemporaryDirectory() as folder:
    at_points = points(folder)
    false_certificates(folder, *empty(folder), at_points)
    guarded(folder)
    reversed_boxes(folder)
finish()
