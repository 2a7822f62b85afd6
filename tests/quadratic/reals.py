"""Claims about all real vectors, cones, intervals: random bilinear networks against values at many points; statements known to be true or false by how the
networks are made; false certificates that both checkers must reject.

    python tests/quadratic/reals.py BUILD
"""
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from bilinear import Net, draw, parse_vector, random_net  # noqa: E402
from certificates import about, accepted, all_accepted, changed, literal, of, read, rejected, verify, write  # noqa: E402
from tally import check, finish  # noqa: E402


def verdicts_of(folder, part, claims, *options):
    """{claim: verdict}"""
    _, output = verify(folder, part, claims, "--timeout", "20", *options)
    found = dict((name, verdict) for verdict, name in re.findall(r"^(proved|refuted|undecided|vacuous|error) +(\w+)[:\s]", output, re.M))
    check("not as expected" not in output and "did not accept" not in output, part + ":\n" + output[-3000:])
    return found


# statements whose truth is computed here at points: (text, function of the values of the variables)

def plus(x, y, s=1):
    return [a + s * b for a, b in zip(x, y)]


def top(y):
    return y.index(max(y)) if sorted(y)[-1] > sorted(y)[-2] else None


def statements(rng, net, name):
    """(binders, predicate, truth at a point, how to draw a point)"""
    n, k = net.n, net.k
    v, w = [Fraction(rng.randint(-4, 4), 2) for _ in range(n)], [Fraction(rng.randint(-4, 4), 2) for _ in range(n)]
    c, j = rng.randrange(k), rng.randrange(k)
    level = Fraction(rng.randint(-12, 12), 4)

    def real():
        return [Fraction(rng.randint(-40, 40), rng.choice((1, 4, 16))) for _ in range(n)]

    def positive():
        return [abs(a) for a in real()]

    def unit():
        return Fraction(rng.randint(0, 16), 16)
    yield "x in reals(%d)" % n, "argmax(output(%s, x)) != %d" % (name, c), lambda x: top(net.value(x)) != c, lambda: [real()]
    yield "x in reals(%d)" % n, "not %d in argmaxes(output(%s, x))" % (c, name), lambda x: net.value(x)[c] < max(net.value(x)), lambda: [real()]
    yield "x in reals(%d)" % n, "output(%s, -x) == output(%s, x)" % (name, name), lambda x: net.value([-a for a in x]) == net.value(x), lambda: [real()]
    yield "x in reals(%d)" % n, "output(%s, x)[%d] <= %s + dot(x, x) * %d" % (name, c, level, 2), lambda x: net.value(x)[c] <= level + 2 * sum(a * a for a in x), lambda: [real()]
    yield "x in reals(%d), s in reals(1)" % n, "output(%s, x + s[0] * %s) == output(%s, x)" % (name, literal(v), name), \
        lambda x, s: net.value(plus(x, v, s[0])) == net.value(x), lambda: [real(), [Fraction(rng.randint(-9, 9))]]
    yield "s in interval(0, 1)", "argmax(output(%s, (1 - s) * %s + s * %s)) == %d" % (name, literal(v), literal(w), c), \
        lambda s: top(net.value(plus([(1 - s) * a for a in v], w, s))) == c, lambda: [unit()]
    yield "s in interval(-1/2, 2)", "output(%s, s * %s)[%d] >= %s or output(%s, s * %s)[%d] > output(%s, s * %s)[%d]" % (name, literal(v), c, level, name, literal(v), c, name, literal(v), j), \
        lambda s: net.value([s * a for a in v])[c] >= level or net.value([s * a for a in v])[c] > net.value([s * a for a in v])[j], lambda: [Fraction(rng.randint(-8, 32), 16)]
    yield "x in orthant(%d), s in interval(0, 1)" % n, "output(%s, x + s * %s)[%d] >= output(%s, x)[%d]" % (name, literal(positive()), c, name, c), None, None
    yield "x in cone(%s, %s)" % (literal(v), literal(w)), "output(%s, x)[%d] >= %s" % (name, c, level - 3), \
        lambda x: net.value(x)[c] >= level - 3, lambda: [plus([abs(a) * abs(t) for a in [0] * n], [t * a + u * b for a, b in zip(v, w)]) for t, u in [(abs(real()[0]), abs(real()[0]))]]
    yield "x in reals(%d), s in interval(0, 2)" % n, "output(%s, x)[%d] >= %s => output(%s, x)[%d] + s >= %s" % (name, c, level, name, c, level), lambda x, s: True, lambda: [real(), unit()]


def random_networks(folder):
    rng, claims, truths, nets = random.Random(17), [], {}, {}
    for i in range(14):
        net = random_net(rng, 1 + i % 4)
        if i % 3 == 0:
            net.l, net.r, net.b, net.S = [0] * net.h, [0] * net.h, [0] * net.k, None
        name = "M%d" % i
        write(folder, name, net)
        nets[name] = net
        claims.append('model %s = "%s.net"' % (name, name))
        for k, (binders, predicate, truth, point) in enumerate(statements(rng, net, name)):
            claims.append("claim c%d_%d { forall %s prove %s }" % (i, k, binders, predicate))
            truths["c%d_%d" % (i, k)] = (truth, point, binders)
    found = verdicts_of(folder, "random", claims)
    decided = [name for name in truths if found.get(name) in ("proved", "refuted")]
    check(len(decided) > 0.85 * len(truths), "only %d of %d decided: %s" % (len(decided), len(truths), [x for x in truths if x not in decided]))
    check(len([x for x in decided if found[x] == "proved"]) > 30 < len([x for x in decided if found[x] == "refuted"]), "one-sided: %s" % found)
    for name in decided:
        truth, point, binders = truths[name]
        if truth is None:
            continue
        if found[name] == "proved":
            check(all(truth(*point()) for _ in range(60)), "%s is proved, and false at a point" % name)
            continue
        given = re.search(r"^counterexample (.*)$", read(folder, "random", name), re.M)[1]
        values = []
        for part, scalar in zip(given.split(" "), [" in interval" in b for b in re.findall(r"\w+ in \w+", binders)]):
            x = parse_vector(part.split("=")[1])
            values.append(x[0] if scalar else x)
        check(not truth(*values), "%s is refuted, and true at %s" % (name, given))
    return about(folder, "random", {name: name for name in nets})


def special(folder):
    claims = []

    def model(name, net):
        write(folder, name, net)
        claims.append('model %s = "%s.net"' % (name, name))

    def add(name, binders, predicate, verdict):
        claims.append("claim %s { forall %s prove %s expect %s }" % (name, binders, predicate, verdict))
    # outputs 0 and 1 are opposite, output 2 = -|x|^2 / 2 is never the largest, but at 0 a tie; with 1/8 added near 0 it is
    L = [[1, 0], [0, 1]]
    never = Net(L, L, [[4, -4, Fraction(-1, 2)], [-4, 4, Fraction(-1, 2)]])
    model("N", never)
    model("NB", Net(L, L, never.P, b=[0, 0, Fraction(1, 8)]))
    model("NC", Net(L, L, never.P, b=[0, 0, Fraction(-1, 8)]))
    add("never", "x in reals(2)", "argmax(output(N, x)) != 2", "proved")
    add("ties_at_zero", "x in reals(2)", "not 2 in argmaxes(output(N, x))", "refuted")
    add("biased", "x in reals(2)", "argmax(output(NB, x)) != 2", "refuted")
    add("strictly", "x in reals(2)", "not 2 in argmaxes(output(NC, x))", "proved")
    add("above", "x in reals(2)", "output(NC, x)[0] * 0 + dot(x, x) > -1", "proved")
    add("outside", "x in reals(2)", "argmax(output(NB, x)) == 2 => dot(x, x) < 1/4", "proved")
    add("not_so_near", "x in reals(2)", "argmax(output(NB, x)) == 2 => dot(x, x) < 1/5", "refuted")
    # eight outputs, the last one below a mixture of the others with uneven weights
    rng = random.Random(8)
    A = draw(rng, 5, 7)
    mixture = [Fraction(1 + 3 * i, 77) for i in range(7)]
    P = [[Fraction(int(i == j)) for j in range(7)] + [mixture[i]] for i in range(7)] + [[0] * 7 + [Fraction(-1, 16)]] * 5
    eye = [[int(i == j) for j in range(5)] for i in range(5)]
    model("U", Net([a + e for a, e in zip(A, eye)], [a + e for a, e in zip(draw(rng, 5, 7), eye)], P))
    add("uneven", "x in reals(5)", "argmax(output(U, x)) != 7", "proved")
    # two networks that are one function: exchanged factors, scaled rows, permuted, one unit split; and one with another weight
    a = Net(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 4, 2), l=draw(rng, 1, 4)[0], r=draw(rng, 1, 4)[0], b=[1, 2])
    order, twice = [2, 0, 3, 1], [1, 1, 1, 2]
    b = Net([[row[i] * twice[i] for i in order] for row in a.R], [[row[i] for i in order] for row in a.L], [[x / twice[i] for x in a.P[i]] for i in order],
            l=[a.r[i] * twice[i] for i in order], r=[a.l[i] for i in order], b=a.b)
    model("A", a)
    model("B", b)
    model("C", Net(a.L, a.R, a.P, l=a.l, r=a.r, b=[1, 2 + Fraction(1, 2 ** 20)]))
    add("equal", "x in reals(3)", "output(A, x) == output(B, x)", "proved")
    add("other", "x in reals(3)", "output(A, x) == output(C, x)", "refuted")
    add("shifted", "x in reals(3)", "output(A, x) + {0, 1/1048576} == output(C, x)", "proved")
    add("differ", "x in reals(3)", "output(A, x) != output(C, x)", "proved")
    # without biases: even, and of degree two in the scale
    model("H", Net(a.L, a.R, a.P))
    add("even", "x in reals(3)", "output(H, -x) == output(H, x)", "proved")
    add("not_even", "x in reals(3)", "output(A, -x) == output(A, x)", "refuted")
    add("scaled", "x in reals(3), t in reals(1)", "output(H, t[0] * x) == t[0]^2 * output(H, x)", "proved")
    add("answers", "x in reals(3)", "all{ argmax(output(H, 3 * x)) == c <=> argmax(output(H, x)) == c : c in 0..1 }", "proved")
    add("answers_biased", "x in reals(3)", "all{ argmax(output(A, 3 * x)) == c <=> argmax(output(A, x)) == c : c in 0..1 }", "refuted")
    # rows 0 and 1 of the first maps are opposite: nothing changes along (1, 1, 0)
    model("K", Net([a.L[0], [-x for x in a.L[0]], a.L[2]], [a.R[0], [-x for x in a.R[0]], a.R[2]], a.P))
    add("kernel", "x in reals(3), s in reals(1)", "output(K, x + s[0] * {1, 1, 0}) == output(K, x)", "proved")
    add("no_kernel", "x in reals(3), s in reals(1)", "output(K, x + s[0] * {1, 1, 1/1024}) == output(K, x)", "refuted")
    # x0 x1 - x2^2 + x0
    model("Q", Net([[1, 0], [0, 0], [0, 1]], [[0, 0], [1, 0], [0, 1]], [[1, 0], [-1, 0]], l=[0, 0], r=[1, 0]))
    add("rises", "x in orthant(3), s in interval(0, 1)", "output(Q, x + s * {1, 1, 0})[0] >= output(Q, x)[0]", "proved")
    add("falls", "x in orthant(3), s in interval(0, 1)", "output(Q, x + s * {0, 0, 1})[0] >= output(Q, x)[0]", "refuted")
    add("cone", "x in orthant(3), d in cone({1, 0, 0}, {1, 2, 0})", "output(Q, x + d)[0] >= output(Q, x)[0]", "proved")
    add("wider_cone", "x in orthant(3), d in cone({1, 0, 0}, {1, 2, 1/100})", "output(Q, x + d)[0] >= output(Q, x)[0]", "refuted")
    add("ray", "d in cone({1, 2, 1})", "output(Q, d)[0] >= 0", "proved")
    add("boxed", "x in box({0, 0, 0}, {1, 1, 1}), s in interval(0, 1)", "output(Q, x + s * {1, 0, -1})[0] + 1 >= output(Q, x)[0]", "proved")
    # along a segment: a tie at 1/2, a change at the root of 2, none
    model("T", Net([[1]], [[1]], [[1, 0]], l=[0], r=[0], b=[0, 2]))
    add("to_the_root", "s in interval(0, 7/5)", "argmax(output(T, s * {1})) == 1", "proved")
    add("beyond_it", "s in interval(0, 99/70)", "argmax(output(T, s * {1})) == 1", "refuted")
    add("after_it", "s in interval(3/2, 2)", "argmax(output(T, s * {1})) == 0", "proved")
    add("touches", "s in interval(0, 2)", "(s - 1)^2 + output(T, {s})[1] >= 2", "proved")
    add("finite", "k in 1..3, s in interval(0, 1)", "output(T, {s})[0] <= k", "proved")
    add("finite_fails", "k in -1..3, s in interval(0, 1)", "output(T, {s})[0] <= k", "refuted")
    claims.append("claim where_fails { forall x in reals(1) where x[0] >= 2 prove argmax(output(T, x)) == 0 expect proved }")
    claims.append("claim nowhere { forall x in reals(1) where x[0]^2 < 0 prove argmax(output(T, x)) == 0 expect vacuous }")
    claims.append("claim empty { forall s in interval(1, 0) prove output(T, {s})[0] <= 1 expect error }")
    claims.append("claim quartic { forall x in reals(1) prove output(T, {x[0]^2})[0] >= 0 expect undecided }")
    found = verdicts_of(folder, "special", claims, "--expect")
    check(len(found) == sum(x.startswith("claim") for x in claims), "special: %d verdicts" % len(found))
    return about(folder, "special", {name: name for name in ("N", "NB", "NC", "U", "A", "B", "C", "H", "K", "Q", "T")})


def numbers(text):
    """The certificate with one number of its lines `sum`, `cone`, `witness`, `counterexample` changed, each in turn."""
    for line in re.finditer(r"^(sum|cone|witness|counterexample) .*$", text, re.M):
        for at in list(re.finditer(r"(?<![\w/])-?\d+(/\d+)?(?![\w/])", line[0]))[:12]:
            x = Fraction(at[0])
            for y in (x + 1, -x, x * Fraction(1023, 1024), Fraction(0)):
                if y != x:
                    yield text[:line.start()] + line[0][:at.start()] + str(y) + line[0][at.end():] + text[line.end():]


def false_certificates(folder):
    def text_of(name):
        return read(folder, "special", name)
    never, strictly, rises, cone, ray, root = [text_of(x) for x in ("never", "strictly", "rises", "cone", "ray", "to_the_root")]
    equal, other, uneven, finite, beyond = [text_of(x) for x in ("equal", "other", "uneven", "finite", "beyond_it")]
    some = {
        "the claim of another output": changed(never, r"!= 2", "!= 1"),
        "ties that are none": changed(never, r"argmax\(output\(N, x\)\) != 2", "not 2 in argmaxes(output(N, x))"),
        "more room than there is": changed(strictly, r"^sum (\S+)", "sum 1/8"),
        "no room and no strict atom": changed(strictly, r"^sum (\S+)", "sum 0"),
        "a negative weight": changed(never, r":(\d\S*)", r":-\1"),
        "the opposite by a negative weight": changed(changed(text_of("above"), r"> -1$", "< -1"), r" a0:(\d\S*)", r" a0:-\1"),
        "no weights": changed(never, r"^sum .*$", "sum 0"),
        "an atom that is not there": changed(never, r" a1:", " a2:"),
        "a bound that is not there": changed(never, r"^(sum .*)$", r"\1 g0:1"),
        "a weight on one output only": changed(never, r"^sum .*$", "sum 0 a0:1"),
        "a line less": changed(rises, r"^sum .*\n", ""),
        "a line more": changed(rises, r"^(sum .*\n)", r"\1\1"),
        "no line of two": changed(equal, r"^sum .*\n", ""),
        "another network": changed(equal, r"output\(B, x\)", "2 * output(B, x)"),
        "a hair": changed(equal, r"output\(B, x\)$", "output(B, x) + {0, 1/1000000000}"),
        "falling": changed(rises, r"\{1, 1, 0\}", "{1, 1, 1}"),
        "all of the space": changed(rises, r"orthant\(3\)", "reals(3)"),
        "an interval below": changed(rises, r"interval\(0, 1\)", "interval(-1, 1)"),
        "a wider cone": changed(cone, r"\{1, 2, 0\}", "{1, 2, 1}"),
        "a ray that falls": changed(ray, r"\{1, 2, 1\}", "{1, 2, 10}"),
        "multiples missing": changed(ray, r"^cone .*\n", ""),
        "multiples of another variable": changed(ray, r"^cone d", "cone e"),
        "multiples that are negative": changed(changed(ray, r"^cone d .*$", "cone d -1,"), r"^witness .*$", "witness d=-1,-2,-1"),
        "multiples of another point": changed(ray, r"^cone d .*$", "cone d 5,"),
        "too long a segment": changed(root, r"7/5", "99/70"),
        "the other answer": changed(root, r"== 1$", "== 0"),
        "a witness outside": changed(root, r"^witness .*$", "witness s=3"),
        "a witness that is a vector": changed(root, r"^witness s=(.*)$", r"witness s=\1,"),
        "a finite value outside": changed(finite, r"^witness k=\d", "witness k=4"),
        "more values": changed(finite, r"1\.\.3", "1..4"),
        "a counterexample outside": changed(beyond, r"^counterexample .*$", "counterexample s=2"),
        "a counterexample that is none": changed(beyond, r"^counterexample .*$", "counterexample s=1"),
        "a counterexample too short": changed(other, r"^counterexample x=(.*),\S+$", r"counterexample x=\1"),
        "proved without weights": changed(changed(other, r"^verdict refuted\ncounterexample", "verdict proved\nwitness"), r"^(rule polynomial)$", r"\1\nsum 0 a0:1\nsum 0 a0:1\nsum 0 a0:1\nsum 0 a0:1"),
        "vacuous": changed(changed(never, r"^verdict proved\nwitness .*$", "verdict vacuous"), r"^sum .*\n", ""),
        "under float32": changed(never, r"semantics real", "semantics float32"),
        "rule quadratic": changed(never, r"^rule polynomial\n(.*\n)", "rule quadratic\n"),
    }
    for k in range(1, 30):
        some["uneven weights, atom %d by far the heaviest: %d" % (k % 6 + 1, k)] = changed(uneven, r" a%d:\S+" % (k % 6 + 1), " a%d:%d" % (k % 6 + 1, 10 + k))
        some["segment, level %d" % k] = changed(root, r"output\(T, s \* \{1\}\)\) == 1", "output(T, s * {1} + {%s})) == 1" % Fraction(k, 16))
    rejected(folder, some)
    # one number changed, sealed again: the two checkers say the same, and what they accept is of the same statement
    os.mkdir(folder + "/numbers")
    for i, text in enumerate(x for c in (never, strictly, rises, cone, ray, root, beyond) for x in numbers(c)):
        with open("%s/numbers/%03d.cert" % (folder, i), "w") as f:
            f.write(changed(text, r"^sha256 .*$", "sha256 0"))
    paths = of(folder, "numbers")
    verdicts = [{path: re.search(r"^(accepted \w+ \w+|rejected).*%s" % re.escape(path), output, re.M) for path in paths} for _, output in accepted(folder, paths)]
    for path in paths:
        c, python = [v[path] and v[path][1] for v in verdicts]
        check(c is not None and c == python, "one number changed: %s, %s: %s" % (c, python, open(path).read()))
    refusals = sum(v[1] == "rejected" for v in verdicts[0].values() if v)
    check(len(paths) > 100 and refusals > len(paths) // 2, "%d of %d refused" % (refusals, len(paths)))


with tempfile.TemporaryDirectory() as folder:
    certificates = random_networks(folder) + special(folder)
    all_accepted(folder, certificates, 150)
    false_certificates(folder)
finish()
