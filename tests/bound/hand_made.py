"""Certificates of rule farkas written by hand: steps that hold, and beside them steps that say a little too much. What each checker has to answer is known without either."""
import hashlib
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, getcontext
from fractions import Fraction

from claims import seal
from smooth import reference_of

NET = """weightproof-net 1
reals 1 1
mask none
eps %s
tensor W 1 1
0x1p0
tensor c 1
0x1p0
node x input
node one constant c
node y linear x W
%snode logits %s
output logits
end
"""
CERTIFICATE = """weightproof-certificate 1
statement
| weightproof-statement 1
| model N %s
| semantics real
| %s
verdict %s
rule farkas
%send
"""
LEAF = "leaf g0:1"
HALF = Fraction(1, 2)
# The node, the power of x that the unit's argument is, and the middle (for 1/2 and 1: the least) of the x where |f''| is nearly as large as the bound that the rule has for it.
UNITS = {"square": ("mul y y", 1, 0), "reciprocal": ("div one y", 1, 1), "reciprocal_root": ("rmsnorm y", 2, HALF), "exp": ("exp y", 1, 0), "sqrt": ("sqrt y", 1, 1), "erf": ("erf y", 1, Fraction(11, 16)),
         "tanh": ("tanh y", 1, Fraction(5, 8)), "sigmoid": ("sigmoid y", 1, Fraction(21, 16)), "gelu": ("gelu y", 1, 0), "gelu_new": ("gelu_new y", 1, 0), "silu": ("silu y", 1, 0)}


class Case:
    """`statement` and `verdict`, with what follows them, unless the claim is that the output is as in `predicate` on all of the box, proved with its middle as the witness."""

    def __init__(self, accepted, node, steps, box=(1, 2), predicate="<= 10", before="", eps="0", statement=None, verdict=None):
        lo, hi = map(Fraction, box)
        self.accepted, self.node, self.steps, self.before, self.eps = accepted, node, steps, before, eps
        self.statement = statement or "forall x in box({%s}, {%s})\n| prove output(N, x)[0] %s" % (lo, hi, predicate)
        self.verdict = verdict or "proved\nwitness x=%s," % ((lo + hi) / 2)

    def texts(self):
        """The network and the certificate."""
        net = NET % (self.eps, self.before, self.node)
        body = CERTIFICATE % (hashlib.sha256(net.encode()).hexdigest(), self.statement, self.verdict, "".join("step %s\n" % s for s in self.steps))
        return net, seal(body)


def both(node, good, bad, **more):
    yield Case(True, node, good, **more)
    yield Case(False, node, bad, **more)


def lines_of(f, ends, lo, hi):
    """Lines that cross f on lo..hi by a part of what it bends, and lines that stay off it by as much; x in `ends` gives these arguments."""
    y, node, unit, h = reference_of(f), UNITS[f][0], 1 if f == "reciprocal_root" else 0, float(hi - lo)
    at = float(lo + hi) / 2
    slope = Fraction(round((y(at + h / 4) - y(at - h / 4)) / (h / 2) * 1024), 1024)
    grid = [float(lo) + h * i / 512 for i in range(513)]
    gaps = [y(z) - float(slope) * z for z in grid]
    off = max(abs(y(z - h / 4) - 2 * y(z) + y(z + h / 4)) for z in (at, at + h / 4, at - h / 4)) * 16 / 40    # |f''| h^2 / 40
    for word, limit, side in (("below", min(gaps), -1), ("above", max(gaps), 1)):
        good, bad = (Fraction(round((limit + k * side * off) * 2 ** 30), 2 ** 30) for k in (1, -1))
        yield from both(node, ["%s %d %s %s" % (word, unit, slope, good), LEAF], ["%s %d %s %s" % (word, unit, slope, bad), LEAF], box=ends)


def lines():
    for f, (_, power, begin) in UNITS.items():
        for sign in (1, -1) if f in ("reciprocal", "erf", "tanh", "sigmoid") else (1,):
            for width in (Fraction(1, 16), 2):
                ends = sorted((sign * begin, sign * (begin + width / power))) if begin in (HALF, 1) else sorted((sign * begin - width / 2, sign * begin + width / 2))
                yield from lines_of(f, ends, ends[0] ** power, ends[1] ** power)
    for sign in (1, -1):      # through two points near one end
        yield from both("mul y y", ["below 0 %d/5 -83/100" % (sign * 9), LEAF], ["below 0 %d/5 -4/5" % (sign * 9), LEAF], box=sorted((0, sign)))


def grid_around(x, bits):
    """x as a decimal, the multiples of 2^-bits below and above it."""
    scaled = x * 2 ** bits
    return [Fraction(int(scaled.to_integral_value(way)), 2 ** bits) for way in (ROUND_FLOOR, ROUND_CEILING)]


def roundings():
    """One point: lines at the values of 64 bits beside that of f, claims at those of 32 bits."""
    getcontext().prec = 60
    third = Decimal(1) / 3
    tanh = (Decimal(2).exp() - 1) / (Decimal(2).exp() + 1)
    for node, unit, point, value in (("mul y y", 0, Fraction(1, 3), third * third), ("div one y", 0, 3, third), ("rmsnorm y", 1, 3, third), ("sqrt y", 0, 2, Decimal(2).sqrt()), ("exp y", 0, 1, Decimal(1).exp()),
                                     ("tanh y", 0, 1, tanh), ("sigmoid y", 0, 1, 1 / (1 + Decimal(-1).exp())), ("silu y", 0, 1, 1 / (1 + Decimal(-1).exp()))):
        low, high = grid_around(value, 64)
        for word, good, bad in (("below", low, high), ("above", high, low)):
            yield from both(node, ["%s %d 0 %s" % (word, unit, good), LEAF], ["%s %d 0 %s" % (word, unit, bad), LEAF], box=(point, point))
        if node in ("div one y", "rmsnorm y"):
            continue                                                       # their outputs are products of the unit
        low, high = grid_around(value, 32)
        for word, good, bad in (("<=", high, low), (">=", low, high)):
            for accepted, end in ((True, good), (False, bad)):
                yield Case(accepted, node, [LEAF], box=(point, point), predicate="%s %s" % (word, end))


def least_values():
    """gelu, gelu_new and silu between where they fall and where they rise: their least values are -0.169971, -0.170041 and -0.278465."""
    for f, least, more in (("gelu", "-17/100", "-1699/10000"), ("gelu_new", "-171/1000", "-17/100"), ("silu", "-279/1000", "-139/500")):
        for accepted, end in ((True, least), (False, more)):
            yield Case(accepted, f + " y", [LEAF], box=(-2, 0), predicate=">= " + end)
    for accepted, end in ((True, "0"), (False, "1/16")):
        yield Case(accepted, "mul y y", [LEAF], box=(-1, 1), predicate=">= " + end)


def sides():
    """What is said in one side of a cut or split is neither true nor known in the other."""
    for cut in ("cut 0 3/2", "split 0 3/2"):
        low, high = "above 0 0 5/2", "below 0 0 2"
        yield from both("mul y y", [cut, low, LEAF, LEAF], [cut, LEAF, low, LEAF])
        yield from both("mul y y", [cut, LEAF, high, LEAF], [cut, high, LEAF, LEAF])
        yield from both("mul y y", [cut, low, LEAF + " l0:1", LEAF], [cut, low, LEAF, LEAF + " l0:1"])
        yield from both("mul y y", [cut, low, LEAF, high, LEAF + " l0:1"], [cut, low, LEAF, high, LEAF + " l1:1"])
        yield from both("mul y y", ["above 0 0 5", cut, LEAF + " l0:1", LEAF + " l0:1"], [cut, LEAF, LEAF, LEAF])
        yield from both("mul y y", [cut, LEAF, LEAF], [cut, LEAF])
    yield from both("mul y y", ["cut 0 2", LEAF, LEAF], ["cut 0 3", LEAF, LEAF])
    yield from both("mul y y", ["split 0 1", LEAF, LEAF], ["split 0 0", LEAF, LEAF])
    yield from both("relu y", ["split 0", LEAF, LEAF], ["split 0 1/2", LEAF, LEAF], box=(-1, 1))
    yield Case(False, "relu y", ["split 0", LEAF, LEAF])


def bounds():
    """Bounds that are not shown, and signs of multipliers."""
    for word, known, beyond in (("low 0", "1", "1/2"), ("high 0", "2", "5/2"), ("least 0", "1", "1/2"), ("most 0", "2", "5/2")):
        for good in (known, beyond):
            yield from both("tanh y", ["%s %s" % (word, good), LEAF], ["%s 3/2" % word, LEAF])
    more = "above 0 0 1"
    for good, bad in (("a0:1/8", "a0:-1"), ("b0:1/8", "b0:-1"), ("l0:1", "l0:-1"), ("g0:1", "g0:-1/2"), ("a0:1/8", "q0:1"), ("a0:1/8", "t0:1/8"), ("l0:1", "l1:1"), ("a0:1/8", "a1:1/8")):
        yield from both("tanh y", [more, "%s %s" % (LEAF, good)], [more, "%s %s" % (LEAF, bad)])
    yield from both("relu y", [LEAF + " q0:1"], [LEAF + " q0:-1"], box=(-1, 1))
    yield from both("relu y", [LEAF + " q0:-1"], [LEAF + " t0:1/8"])
    yield from both("relu y", [LEAF], [LEAF + " t0:1/8"], box=(-2, -1))
    for predicate, accepted in (("<= 2", True), ("< 2", False), ("<= 3/2", False)):
        yield Case(accepted, "relu y", [LEAF], predicate=predicate)
    for multiplier in ("0", "-1"):
        yield Case(False, "relu y", ["leaf g0:" + multiplier])


# e = y^2 - y + 1 has ends 0 and 4 by interval arithmetic on [1, 2]; units: y^2, 1/e, and two squares
APART = {"node": "div one e", "before": "node s mul y y\nnode d sub s y\nnode e add d one\n"}


def without_values():
    """Units that have no value at the bounds, and cases in which nothing is."""
    yield from both("div one y", ["high 0 0 g0:10", LEAF], ["high 0 0 g0:1/10", LEAF])
    for node, steps in (("div one y", ["low 0 1 g0:10", "high 0 -1 g0:10"]), ("sqrt y", ["high 0 -1 g0:10"]), ("rmsnorm y", ["high 0 -1 g0:10"])):
        yield Case(True, node, steps + [LEAF])
    for node, box in (("div one y", (-1, 2)), ("div one y", (0, 2)), ("sqrt y", (-1, 2)), ("exp y", (1, 65)), ("rmsnorm y", (0, 1))):
        yield Case(False, node, [LEAF], box=box, predicate="<= 0" if node == "exp y" else "<= 10")
    yield from both("rmsnorm y", [LEAF], ["cut 0 0", LEAF], box=(0, 1), eps="0x1p0")
    cut = ["cut 0 3/2", LEAF, LEAF]
    yield from both(APART["node"], cut, [LEAF], before=APART["before"])
    yield Case(False, APART["node"], ["above 2 0 0"] + cut, before=APART["before"])
    yield Case(False, APART["node"], cut, before=APART["before"], predicate="<= 0")
    yield Case(False, APART["node"], ["split 2 0", LEAF] + cut, before=APART["before"])
    for n in (4097, 60000):
        yield Case(False, "tanh y", ["cut 0 1"] * n + [LEAF])


FROM = "forall x in box({1}, {2}) where x[0] %s\n| prove output(N, x)[0] %s"
RISES = ["least 0 3/2 g0:1", "leaf g1:1 q0:1"]


def verdicts():
    """max(0, x) on [1, 2]: points that are no witness or no counterexample, verdicts and values that the steps do not show."""
    def case(accepted, statement, verdict, steps=()):
        return Case(accepted, "relu y", steps, statement=statement, verdict=verdict)

    everywhere = "forall x in box({1}, {2})\n| prove output(N, x)[0] "
    for accepted, predicate, x in ((True, "< 2", "2"), (False, "<= 2", "2"), (True, "> 1", "1"), (False, ">= 1", "1"), (False, "< 2", "3"), (False, "> 1", "1/2"), (False, "!= 2", "3/2"), (True, "!= 2", "2")):
        yield case(accepted, everywhere + predicate, "refuted\ncounterexample x=%s," % x)
    for accepted, x in ((True, "3/2"), (False, "5/4")):
        yield case(accepted, FROM % (">= 3/2", ">= 7/4"), "refuted\ncounterexample x=%s," % x)
    for accepted, x in ((True, "2"), (True, "3/2"), (False, "1")):
        yield case(accepted, FROM % (">= 3/2", ">= 3/2"), "proved\nwitness x=%s," % x, RISES)
        yield case(accepted, "forall x in box({1}, {2})\n| prove x[0] >= 3/2 => output(N, x)[0] >= 3/2", "proved\nwitness x=%s," % x, RISES)
        yield case(accepted, "prove exists x in box({1}, {2}) where x[0] >= 5/4 : output(N, x)[0] >= 3/2", "proved\nwitness x=%s," % x)
    yield case(False, "prove exists x in box({1}, {2}) where x[0] >= 7/4 : output(N, x)[0] >= 3/2", "proved\nwitness x=3/2,")
    for accepted, predicate in ((True, "> 2"), (False, ">= 2")):
        yield case(accepted, "prove exists x in box({1}, {2}) : output(N, x)[0] " + predicate, "refuted", [LEAF])
        yield case(accepted, FROM % (predicate, ">= 3/2"), "vacuous", [LEAF])
    yield case(False, everywhere + "<= 10", "vacuous", [LEAF])
    for accepted, predicate, steps in ((True, "<= 2", [LEAF] * 2), (False, "<= 2", [LEAF]), (False, "<= 3/2", [LEAF] * 2), (False, "<= 2", [LEAF] * 3)):
        yield case(accepted, everywhere + ">= 1 and output(N, x)[0] " + predicate, "proved\nwitness x=1,", steps)
    for accepted, predicate, n in ((True, "<= i + 2", 2), (False, "<= i + 2", 1), (False, "<= 2 - i", 2)):
        yield case(accepted, "forall i in 0..1, x in box({1}, {2})\n| prove output(N, x)[0] " + predicate, "proved\nwitness i=0 x=1,", [LEAF] * n)
    for accepted, value, x in ((True, "3/2 3/2", "3/2"), (True, "3/2 2", "7/4"), (False, "3/2 3/2", "2"), (False, "7/4 7/4", "7/4"), (False, "3/2 3/2", "1")):
        yield case(accepted, "minimize x in box({1}, {2}) where x[0] >= 3/2 : output(N, x)[0]\n| within 1", "bounded\nvalue %s\nattains x=%s," % (value, x), RISES)


def rows():
    """Outputs that are tied, and the second group of a softmax: 0.7311 where its entries are 1 and 2."""
    def case(accepted, node, predicate, verdict, steps=(), before="", box=(1, 2)):
        return Case(accepted, node, steps, before=before, verdict=verdict, statement="forall x in box({%d}, {%d})\n| prove %s" % (box + (predicate,)))

    tied, witness, counterexample = "concat y y", "proved\nwitness x=2,", "refuted\ncounterexample x=2,"
    yield case(True, tied, "0 in argmaxes(output(N, x))", witness, [LEAF])
    yield case(False, tied, "argmax(output(N, x)) == 0", witness, [LEAF])
    yield case(True, tied, "argmax(output(N, x)) == 0", counterexample)
    yield case(True, tied, "argmax(output(N, x)) != 0", witness, [LEAF])
    yield case(False, tied, "argmax(output(N, x)) != 0", counterexample)
    yield case(False, tied, "0 in argmaxes(output(N, x))", counterexample)
    for accepted, limit in ((True, "<= 3/4"), (True, ">= 7/10"), (False, ">= 3/4"), (False, "<= 7/10")):
        yield case(accepted, "rowsoftmax v 2", "output(N, x)[3] " + limit, witness, [LEAF], "node v concat y one one y\n", (2, 2))


def cases():
    for some in (lines, roundings, least_values, sides, bounds, without_values, verdicts, rows):
        yield from some()
