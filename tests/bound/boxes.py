"""Random piecewise linear networks of real inputs and claims about all points of a box."""
import os
import random
import sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
from op_nets import Maker  # noqa: E402


def network(seed, inputs=3, hidden=(4, 4), outputs=3, spread=20, scale=16):
    """relu layers; some seeds take max, min, sub, concat, select or row on the way."""
    rng, net = random.Random(seed), Maker(seed, d_vocab=None, n_ctx=1, causal=False, reals=inputs)
    x, width = net.node("x", "input"), inputs
    for i, n in enumerate(hidden):
        pre = net.node("pre%d" % i, "linear", x, net.weight("W%d" % i, width, n, spread=spread, scale=scale), net.weight("b%d" % i, n, spread=spread, scale=scale))
        kind = rng.choice(["relu", "relu", "relu", "max", "min", "skip", "choice"])
        if kind == "max" or kind == "min":
            other = net.node("other%d" % i, "linear", x, net.weight("V%d" % i, width, n, spread=spread, scale=scale))
            x = net.node("post%d" % i, kind, pre, other)
        elif kind == "choice":
            kept = net.node("relu%d" % i, "relu", pre)
            some = net.node("some%d" % i, "select", kept, net.given("I%d" % i, [2], [0, n - 1]))
            row = net.node("row%d" % i, "row", some, "0")
            x, n = net.node("post%d" % i, "concat", kept, row), n + 2
        else:
            x = net.node("post%d" % i, "relu", pre)
            if kind == "skip":
                x = net.node("rest%d" % i, "sub", x, net.node("c%d" % i, "constant", net.weight("k%d" % i, n)))
        width = n
    net.node("logits", "linear", x, net.weight("U", width, outputs, spread=spread, scale=scale), net.weight("u", outputs, spread=spread, scale=scale))
    return net


def number(rng, spread=12):
    x = Fraction(rng.randint(-spread, spread), 8)
    return str(x.numerator) if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)


class Claims:
    def __init__(self, seed, inputs=3, outputs=3):
        self.rng, self.inputs, self.outputs = random.Random(seed), inputs, outputs

    def value(self):
        rng = self.rng
        out = "output(N, x)[%d]" % rng.randrange(self.outputs)
        if rng.random() < 0.2:
            return self.folded()
        return rng.choice([out, out, out, "x[%d]" % rng.randrange(self.inputs), "(%s * %s)" % (number(rng), out), "(%s - output(N, x)[last])" % out,
                           "(-%s + x[0] / 2)" % out])

    def folded(self):
        """The largest, the smallest, the sum or the absolute value of something."""
        rng, which = self.rng, self.rng.choice(["max", "min"])
        some = "output(N, x)[%d]" % rng.randrange(self.outputs)
        return rng.choice(["%s(output(N, x))" % which, "%s{output(N, x)[j] - x[0] : j in 0..%d where j != 1}" % (which, self.outputs - 1),
                           "(%s - %s(%s, x[0], %s))" % (some, which, some, number(rng)), "abs(%s - x[0])" % some, "(x[0] - 2 * abs(%s))" % some,
                           "sum{abs(output(N, x)[j]) : j in 0..1}", "sum{output(N, x)[j] : j in 0..%d}" % (self.outputs - 1),
                           "%s({%s, abs(x[0] + %s)})" % (which, some, number(rng))])

    def atom(self):
        rng = self.rng
        kind = rng.randrange(8)
        if kind == 0:
            return "argmax(output(N, x)) %s %d" % (rng.choice(["==", "!="]), rng.randrange(self.outputs))
        if kind == 1:
            return "%d in argmaxes(output(N, x))" % rng.randrange(self.outputs)
        if kind == 2:
            return "%s <= %s < %s" % (number(rng, 40), self.value(), number(rng, 60))
        if kind == 3:
            return "%s{output(N, x)[i] %s %s : i in 0..%d where i != 1}" % (rng.choice(["all", "any"]), rng.choice(["<", ">"]), number(rng, 60), self.outputs - 1)
        return "%s %s %s" % (self.value(), rng.choice(["<", "<=", ">", ">="]), rng.choice([number(rng, 60), number(rng, 100), self.value()]))

    def predicate(self, depth=2):
        rng = self.rng
        kind = rng.randrange(7) if depth else 6
        if kind < 3:
            return "(%s %s %s)" % (self.predicate(depth - 1), ["and", "or", "=>"][kind], self.predicate(depth - 1))
        if kind == 3:
            return "not (%s)" % self.predicate(depth - 1)
        return self.atom()

    def box(self):
        rng = self.rng
        lo = [Fraction(rng.randint(-16, 8), 8) for _ in range(self.inputs)]
        hi = [a + Fraction(rng.choice([0, 1, 4, 8, 16]), 8) for a in lo]
        corner = ["{%s}" % ", ".join("%d/%d" % (a.numerator, a.denominator) if a.denominator > 1 else str(a.numerator) for a in v) for v in (lo, hi)]
        return "x in box(%s)" % ", ".join(corner)

    def where(self):
        rng = self.rng
        if rng.random() < 0.15:                       # a box of fewer dimensions
            return " where " + rng.choice(["x[0] == %s" % number(rng), "2 * x[0] == x[%d] + %s" % (self.inputs - 1, number(rng)), "output(N, x)[0] == x[0]", "x[0] <= 0 and x[0] >= 0"])
        return " where x[0] %s x[1] + %s" % (rng.choice(["<=", ">"]), number(rng)) if rng.random() < 0.3 and self.inputs > 1 else ""

    def claim(self):
        """(kind, claim, what is said of it in other words): documents for a solver, `forall` claims with the answer that each must have."""
        rng, box, where = self.rng, self.box(), self.where()
        kind = rng.choice(["forall", "forall", "exists", "minimize", "maximize"])
        if kind in ("forall", "exists") and rng.random() < 0.2:      # another variable before the vector
            box = "i in 0..%d, %s" % (self.inputs - 1, box)
            where = " where x[i] %s %s" % (rng.choice(["<=", ">=", ">"]), number(rng))
        if kind == "forall":
            claim = "forall %s%s prove %s" % (box, where, self.predicate())
            return kind, claim, lambda result: {claim: result["verdict"] in ("proved", "vacuous")}
        if kind == "exists":
            p = self.predicate()
            return kind, "prove exists %s%s : %s" % (box, where, p), lambda result: {"forall %s%s prove not (%s)" % (box, where, p): result["verdict"] == "refuted"}
        e = rng.choice([self.value, self.folded])()
        beyond, reached = (">=", ">") if kind == "minimize" else ("<=", "<")

        def documents(result):
            if result["verdict"] == "vacuous":
                return {"forall %s%s prove x[0] > 1000" % (box, where): True}
            ends = [result["lo_exact"], result["hi_exact"]][::1 if kind == "minimize" else -1]
            return {"forall %s%s prove %s %s %s" % (box, where, e, beyond, ends[0]): True, "forall %s%s prove %s %s %s" % (box, where, e, reached, ends[1]): False}
        return kind, "%s %s%s : %s within 1/1000" % (kind, box, where, e), documents
