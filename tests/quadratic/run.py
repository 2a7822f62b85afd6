"""Rule quadratic: random bilinear networks on l2 balls against points of the ball, ties and degenerate cases, and certificates that both checkers must reject.

    python tests/quadratic/run.py BUILD
"""
import glob
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, parse_vector, random_net, sampled_radius  # noqa: E402
from certificates import about, accepted, all_accepted, changed, of, read, rejected, verdict, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402


def random_networks(folder):
    rng = random.Random(7)
    claims, cases = [], []
    for i in range(24):
        net = random_net(rng, 1 + i % 8)
        write(folder, "n%d" % i, net)
        x0 = [Fraction(rng.randint(-16, 16), rng.choice((8, 12))) for _ in range(net.n)]
        y = net.value(x0)
        answer = y.index(max(y))
        if sorted(y)[-1] == sorted(y)[-2]:
            continue
        radius = sampled_radius(rng, net, x0, answer)
        claims.append('model M%d = "n%d.net"' % (i, i))
        for k, factor in enumerate((0.3, 0.7, 0.99, 0.999, 1.001, 1.5, 4)):
            r = Fraction(min(radius, 50.0) * factor).limit_denominator(10 ** 6)
            point = "{%s} + d" % ", ".join(map(str, x0))
            claims.append("claim c%d_%d { forall d in ball(0, %s, l2) prove argmax(output(M%d, %s)) == %d }" % (i, k, r, i, point, answer))
            cases.append(("c%d_%d" % (i, k), net, x0, answer, r, radius))
    status, output = verify(folder, "random", claims)
    check(" errors" not in output and "undecided" not in output, "random networks:\n" + output)
    proved = 0
    for name, net, x0, answer, r, radius in cases:
        text = read(folder, "random", name)
        proved += verdict(text) == "proved"
        if verdict(text) == "proved":
            check(r < radius, "%s: proved at %s, but an input at distance %g is answered otherwise" % (name, r, radius))
        else:
            d = parse_vector(re.search(r"^counterexample d=(.*)$", text, re.M).group(1))
            y = net.value([a + b for a, b in zip(x0, d)])
            check(sum(a * a for a in d) <= r * r and any(y[answer] <= y[j] for j in range(net.k) if j != answer), name + ": no counterexample")
            check(net.n > 2 or r > radius * 0.998, "%s: refuted at %s, though no direction fails before %g" % (name, r, radius))
    check(20 < proved < len(cases) - 20, "%d of %d proved" % (proved, len(cases)))
    return of(folder, "random")


SPECIAL = [
    # one input: 1 - d^2, strict: proved inside, refuted by the tie on the boundary; not strict: nothing is shown there
    ("bowl", Net([[1]], [[-1]], [[1]], b=[1]), "output(M, d)[0] > 0", [("9/10", "proved"), ("1", "refuted"), ("11/10", "refuted"), ("0", "proved")]),
    ("bowl_weak", Net([[1]], [[-1]], [[1]], b=[1]), "output(M, d)[0] >= 0", [("99/100", "proved"), ("1", "undecided"), ("101/100", "refuted")]),
    ("bowl_argmax", Net([[1]], [[-1]], [[1, 0]], b=[1, 0]), "argmax(output(M, d)) == 0", [("999999/1000000", "proved"), ("1", "refuted")]),
    # no quadratic part; no part at all
    ("linear", Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[3, 0], [4, 0]], b=[5, 0]), "argmax(output(M, d)) == 0", [("999/1000", "proved"), ("1001/1000", "refuted")]),
    ("linear_tie", Net([[0], [0]], [[0], [0]], [[0, 0]], S=[[0, 0], [4, 0]], b=[6, 0]), "argmax(output(M, d)) == 0", [("1499999/1000000", "proved"), ("3/2", "refuted")]),
    ("constant", Net([[0], [0]], [[0], [0]], [[0, 0]], b=[1, 0]), "argmax(output(M, d)) == 0", [("1000000", "proved")]),
    ("tied", Net([[0], [0]], [[0], [0]], [[0, 0]], b=[1, 1]), "argmax(output(M, d)) == 0", [("1", "refuted"), ("0", "refuted")]),
    ("tied_weak", Net([[0], [0]], [[0], [0]], [[0, 0]], b=[1, 1]), "0 in argmaxes(output(M, d))", [("1", "undecided")]),
    # the hard case: the gradient is orthogonal to the eigenvector of the smallest eigenvalue: 2 - x^2 + y^2 / 2 + y
    ("hard", Net([[1, 0], [0, 1]], [[1, 0], [0, 1]], [[-1], [Fraction(1, 2)]], S=[[0], [1]], b=[2]), "output(M, d)[0] > 0",
     [("1", "proved"), ("13/10", "proved"), ("129099/100000", "proved"), ("14/10", "refuted"), ("3", "refuted")]),
    # convex: the smallest value inside the ball, 1/16
    ("convex", Net([[1], [0]], [[1], [0]], [[1]], S=[[1], [0]], b=[Fraction(5, 16)]), "output(M, d)[0] > 0", [("1/4", "proved"), ("10", "proved")]),
    ("well", Net([[1]], [[1]], [[1]], b=[1]), "output(M, d)[0] > 1/2", [("1", "proved")]),
    ("saddle", Net([[1], [0]], [[0], [1]], [[1]], b=[1]), "-3 < -3 * output(M, d)[last] / 2 < 0 and 1 > 0 + output(M, d)[0] - 1", [("1", "proved"), ("2", "refuted")]),
]


def special(folder):
    claims = []
    for name, net, predicate, radii in SPECIAL:
        write(folder, name, net)
        claims.append('model M_%s = "%s.net"' % (name, name))
        for i, (r, verdict) in enumerate(radii):
            claims.append("claim %s_%d { forall d in ball(0, %s, l2) prove %s expect %s }" % (name, i, r, predicate.replace("M,", "M_%s," % name), verdict))
    claims.append('claim closed { prove all{ argmax(output(M_linear, d)) == 0 : k in 0..3, d in ball(0, k/4, l2) } expect proved }')
    claims.append('claim closed_false { prove all{ argmax(output(M_linear, d)) == 0 : k in 0..8, d in ball(0, k/4, l2) where k != 5 } expect refuted }')
    claims.append('claim counted { count k in 0..8 where k != 3 : all{ argmax(output(M_linear, {-1/2, -8/7} + d)) == 0 : d in ball({0, 1}, k/4, l2) } expect bounded }')
    claims.append('claim weak_count { count k in 1..8 : all{ output(M_bowl_weak, d)[0] >= 0 : d in ball(0, k/4, l2) } within 1/8 prove fraction <= 1/2 expect proved }')
    claims.append('claim empty { forall k in 0..8, d in ball(0, 1, l2) where k > 8 prove output(M_linear, d)[0] > 9 expect vacuous }')
    claims.append('claim every_rival { forall k in 0..1, d in ball(0, 1/2, l2) prove all{ output(M_linear, d)[0] > output(M_linear, d)[j] + k : j in 0..1 where j != 0 } expect proved }')
    claims.append('claim thin { forall d in ball(0, 7/5, l2) prove output(M_saddle, d)[0] > 0 expect proved }')
    claims.append('claim relation { forall d in ball(0, 1/2, l2) prove output(M_linear, d)[0] == 1 expect undecided }')
    claims.append('claim rounded { forall d in ball(0, 1/2, l2) prove output(M_linear, d)[0] > 1 under float32 expect undecided }')
    claims.append('claim other_norm { forall d in ball(0, 1/2, linf) prove output(M_linear, d)[0] > 1 expect proved }')
    claims.append('claim read_twice { forall d in ball(0, 1/2, l2) prove output(M_linear, d)[0] > output(M_linear, {1, 1} + d)[1] expect undecided }')
    with open(folder + "/huge.net", "w") as f:      # numbers beyond doubles are no answer, and no crash
        f.write(Net([[1, 1], [1, -1]], [[1, 1], [1, 1]], [[1, Fraction(1, 2)], [1, -1]]).text().replace("0x1p0", "0x1p1000"))
    claims.append('model M_huge = "huge.net"')
    for i, (centre, r) in enumerate((("{1, 1}", "1/10"), ("{1, 1}", "2^-2000"), ("{1, 1}", "2^2000"), ("{2^3000, 1}", "1"), ("{1, 1}", "0"))):
        claims.append("claim huge_%d { forall d in ball(%s, %s, l2) prove argmax(output(M_huge, d)) == 0 expect %s }" % (i, centre, r, "proved" if r == "0" else "undecided"))
    status, output = verify(folder, "special", claims, "--expect")
    check(status == 0, "special cases end with %d\n%s" % (status, output))
    return about(folder, "special", {"M_huge": "huge", **{"M_" + m[0]: m[0] for m in SPECIAL}})


def false_certificates(folder):
    def text_of(name):
        return read(folder, "special", name)
    inside, outside, many, count, twice = text_of("bowl_0"), text_of("bowl_2"), text_of("closed_false"), text_of("counted"), text_of("saddle_0")
    some = {
        "negative multiplier": changed(inside, r"^case hold .*$", "case hold -1/2"),
        "multiplier 0": changed(inside, r"^case hold .*$", "case hold 0"),
        "multiplier too small": changed(inside, r"^case hold .*$", "case hold 999/1000"),
        "multiplier too large": changed(inside, r"^case hold .*$", "case hold 100/81"),
        "no multiplier": changed(inside, r"^case hold .*$", "case hold"),
        "two multipliers": changed(inside, r"^(case hold .*)$", r"\1 1"),
        "not canonical": changed(inside, r"^case hold .*$", "case hold 10/10"),
        "empty field": changed(inside, r"^(case hold) (.*)$", r"\1  \2"),
        "another word": changed(inside, r"^case hold .*$", "case true 1"),
        "open": changed(inside, r"^case hold .*$", "case open"),
        "no case": changed(inside, r"^case hold .*\n", ""),
        "one case more": changed(inside, r"^(case hold .*)$", r"\1\n\1"),
        "case of another rule": changed(inside, r"^rule quadratic$", "rule enumerate"),
        "larger ball": changed(inside, r"9/10", "1"),
        "much larger ball": changed(inside, r"9/10", "3"),
        "witness outside": changed(inside, r"^witness d=.*$", "witness d=1,"),
        "witness without its comma": changed(inside, r"^witness d=0,$", "witness d=0"),
        "witness of another name": changed(inside, r"^witness d=0,$", "witness e=0,"),
        "no witness": changed(inside, r"^witness d=0,\n", ""),
        "refuted as it stands": changed(inside, r"^verdict proved$", "verdict refuted"),
        "point outside the ball": changed(outside, r"^counterexample d=.*$", "counterexample d=2,"),
        "point that does not fail": changed(outside, r"^counterexample d=.*$", "counterexample d=1/2,"),
        "point of two entries": changed(outside, r"^counterexample d=.*$", "counterexample d=1,0"),
        "counterexample and cases": changed(outside, r"^rule quadratic$", "rule quadratic\ncase open"),
        "counterexample by rule point": changed(outside, r"^rule quadratic$", "rule point"),
        "proved, no multiplier would do": changed(changed(outside, r"^counterexample .*$", "witness d=0,"), r"^verdict refuted$", "verdict proved"),
        "failing case made open": changed(many, r"^case fail .*$", "case open"),
        "failing case at the centre": changed(many, r"^case fail .*$", "case fail 0,0"),
        "failing case outside": changed(many, r"^case fail .*$", "case fail -100,-100"),
        "a case for what the condition leaves out": changed(many, r"^(case fail .*)$", r"\1\ncase open"),
        "closed, counterexample": changed(many, r"^verdict refuted$", "verdict refuted\ncounterexample -"),
        "one more counted": changed(count, r"^number (\d+) (\d+)$", lambda m: "number %d %d" % (int(m[1]) + 1, int(m[2]) + 1)),
        "one fewer counted": changed(count, r"^number (\d+) (\d+)$", lambda m: "number %d %d" % (int(m[1]) - 1, int(m[2]) - 1)),
        "counted case made open": changed(count, r"^case hold .*$", "case open"),
        "failing case counted": changed(count, r"^case fail .*$", "case hold 1"),
        "cases in another order": changed(count, r"^(case hold .*)\n((?:case hold .*\n)*)(case fail .*)$", r"\3\n\2\1"),
        "forms in another order": changed(twice, r"^case hold (\S+) (\S+)", r"case hold 0 0"),
    }
    # x^2 - 1/4 is positive outside a ball, which is what a negative multiplier shows
    for k in range(1, 8):
        some["false inside, multiplier -%d/8" % k] = changed(changed(text_of("well_0"), r"> 1/2", "> 5/4"), r"^case hold .*$", "case hold %s" % Fraction(-k, 8))
    for i in range(4):
        some["case %d of a closed claim made open" % i] = changed(text_of("closed"), r"((?:^case .*\n){%d})case hold .*" % i, r"\1case open")
    for k in range(1, 40):      # no multiplier proves a false claim, and none proves a tie
        some["false, multiplier %d/8" % k] = changed(inside, r"(?s)9/10(.*)case hold [^\n]*", r"101/100\1case hold %s" % Fraction(k, 8))
        some["tie, multiplier %d/8" % k] = changed(inside, r"(?s)9/10(.*)case hold [^\n]*", r"1\1case hold %s" % Fraction(k, 8))
    # 1 + xy on radii p/q a hair below the root of 2: the multipliers are those in (1/2, q^2/p^2), the matrices nearly singular
    thin, p, q, sound = text_of("thin"), 7, 5, []
    for k in range(1, 181):
        p, q = 3 * p + 4 * q, 2 * p + 3 * q
        if k not in (2, 5, 12, 30, 60, 120, 180):
            continue
        def at(multiplier):
            return changed(changed(thin, r"7/5", "%d/%d" % (p, q)), r"^case hold .*$", "case hold %s" % multiplier)
        width = Fraction(q * q, p * p) - Fraction(1, 2)
        sound.append(at(Fraction(1, 2) + width / 2))
        for name, multiplier in (("the lower end", Fraction(1, 2)), ("the upper end", Fraction(q * q, p * p)), ("below", Fraction(1, 2) - width / 2 ** 9), ("above", Fraction(1, 2) + width * 5 / 4)):
            some["thin ball %d, multiplier %s" % (k, name)] = at(multiplier)
    os.mkdir(folder + "/thin")
    for i, text in enumerate(sound):
        with open("%s/thin/%03d.cert" % (folder, i), "w") as f:
            f.write(text)
    for checker, output in accepted(folder, sorted(glob.glob(folder + "/thin/*.cert"))):
        check(output.count("accepted proved") == len(sound) == 7, "%s and thin balls:\n%s" % (checker, output))
    rejected(folder, some)


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + special(folder)
    all_accepted(folder, certificates, 150)
    false_certificates(folder)
finish()
