"""Random networks of smooth functions on real inputs, claims about all points of a box, and what plain doubles say of them at sampled points; and the functions themselves."""
import math
import random
import sys
from fractions import Fraction

from boxes import number
from op_nets import Maker

ENTRYWISE = ["exp", "sqrt", "erf", "tanh", "sigmoid", "gelu", "gelu_new", "silu"]
OTHERS = ["mul", "square", "div", "rowsoftmax", "layernorm", "rmsnorm"]


def network(seed, kind, inputs=2, hidden=4, outputs=3, mixed=False):
    """One layer of that kind; mixed: relus before it."""
    rng = random.Random(seed)
    net = Maker(seed, d_vocab=None, n_ctx=1, causal=False, reals=inputs, **({"eps": Fraction(1, 128)} if kind.endswith("norm") else {}))

    def linear(name, x, a, b, spread=20):
        return net.node(name, "linear", x, net.weight("W" + name, a, b, spread=spread, scale=16), net.weight("b" + name, b, spread=spread, scale=16))

    x, width = net.node("x", "input"), inputs
    if mixed:
        x, width = net.node("h", "relu", linear("g", x, inputs, 3)), 3
    a = linear("a", x, width, hidden)
    if kind in ("mul", "div"):
        b = linear("b", x, width, hidden)
        y = net.node("y", kind, a, net.node("e", "exp", b) if kind == "div" else b)
    elif kind == "square":
        y = net.node("y", "mul", a, a)
    elif kind == "rowsoftmax":
        y = net.node("y", kind, a, str(hidden))
    elif kind.endswith("norm"):
        parts = [net.weight("n%d" % i, hidden) for i in range(rng.randrange(3 if kind == "layernorm" else 2) if kind == "rmsnorm" else rng.choice([0, 2]))]
        y = net.node("y", kind, a, *parts)
    else:
        y = net.node("y", kind, net.node("e", "exp", a) if kind == "sqrt" else a)
    linear("logits", y, hidden, outputs)
    return net


class Claims:
    """Claims, each with its meaning in Python at a point: o the outputs, x the inputs."""

    def __init__(self, seed, net, inputs=2, outputs=3):
        self.rng, self.net, self.inputs, self.outputs = random.Random(seed), net, inputs, outputs

    def outputs_at(self, x):
        return self.net.run([tuple(map(float, x))])["logits"][0]

    def value(self):
        i, j, k = (self.rng.randrange(self.outputs) for _ in range(3))
        s = number(self.rng)
        return self.rng.choice([("output(N, x)[%d]" % i, "o[%d]" % i), ("(output(N, x)[%d] - output(N, x)[%d])" % (i, (i + 1) % 3), "(o[%d] - o[%d])" % (i, (i + 1) % 3)),
                                ("(%s * output(N, x)[%d] + x[0])" % (s, j), "((%s) * o[%d] + x[0])" % (s, j)), ("max(output(N, x))", "max(o)"),
                                ("abs(output(N, x)[%d])" % k, "abs(o[%d])" % k), ("min(output(N, x)[%d], x[1])" % k, "min(o[%d], x[1])" % k)])

    def atom(self, middle):
        claim, python = self.value()
        at = eval(python, {"o": middle[0], "x": middle[1], "max": max, "min": min, "abs": abs})
        limit = Fraction(round(at * 8) + self.rng.choice([-24, -8, -4, 4, 8, 24]), 8)
        word = self.rng.choice(["<", "<=", ">", ">="])
        return "%s %s %s" % (claim, word, limit), "%s %s %s" % (python, word, float(limit))

    def predicate(self, middle, depth=1):
        if depth and self.rng.random() < 0.5:
            a, b = self.predicate(middle, 0), self.predicate(middle, 0)
            word = self.rng.choice(["and", "or", "=>"])
            return "(%s %s %s)" % (a[0], word, b[0]), ("((not (%s)) or (%s))" if word == "=>" else "((%%s) %s (%%s))" % word) % (a[1], b[1])
        return self.atom(middle)

    def claim(self):
        """(kind, claim, complaints about a result)."""
        rng = self.rng
        lo = [Fraction(rng.randint(-16, 8), 8) for _ in range(self.inputs)]
        hi = [a + Fraction(rng.choice([0, 4, 8, 12]), 8) for a in lo]
        box = "x in box(%s)" % ", ".join("{%s}" % ", ".join(map(str, v)) for v in (lo, hi))
        points = [lo, hi] + [[a + (b - a) * rng.random() for a, b in zip(lo, hi)] for _ in range(200)]
        at = [(self.outputs_at(x), [float(a) for a in x]) for x in points]
        kind = rng.choice(["forall", "forall", "exists", "minimize", "maximize"])
        names = {"max": max, "min": min, "abs": abs}
        if kind in ("forall", "exists"):
            claim, python = self.predicate(at[2])
            truths = [bool(eval(python, {"o": o, "x": x, **names})) for o, x in at]

            def complaints(result):
                always, never = ("proved", "refuted") if kind == "forall" else ("refuted", "proved")
                if result["verdict"] == always and not all(t == (kind == "forall") for t in truths):
                    yield "%s, but a sampled point says otherwise" % always
                at_point = result.get("counterexample") or result.get("witness")
                if result["verdict"] == never and at_point is None:
                    yield "no point"
            return kind, ("forall %s prove %s" if kind == "forall" else "prove exists %s : %s") % (box, claim), complaints
        claim, python = self.value()
        values = [eval(python, {"o": o, "x": x, **names}) for o, x in at]

        def complaints(result):
            if result["verdict"] != "bounded":
                return
            lo, hi = result["lo"], result["hi"]
            if kind == "minimize" and min(values) < lo - 1e-9 or kind == "maximize" and max(values) > hi + 1e-9:
                yield "a sampled value is outside of %g..%g: %g..%g" % (lo, hi, min(values), max(values))
        return kind, "%s %s : %s  within 1/50" % (kind, box, claim), complaints


def reference_of(f):
    """The function in doubles, by other formulas than the checkers'."""
    normal = lambda z: math.erfc(-z / math.sqrt(2)) / 2  # noqa: E731
    return {"square": lambda z: z * z, "reciprocal": lambda z: 1 / z, "reciprocal_root": lambda z: z ** -0.5, "exp": math.exp, "sqrt": math.sqrt, "erf": math.erf, "tanh": math.tanh,
            "sigmoid": lambda z: (1 + math.tanh(z / 2)) / 2, "gelu": lambda z: z * normal(z), "silu": lambda z: z * (1 + math.tanh(z / 2)) / 2,
            "gelu_new": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z ** 3)))}[f]


def functions(seed=1, count=40):
    """Ranges and lines of the second checker against doubles: complaints. Both checkers agree on certificates, so this is said of both."""
    import curves
    rng = random.Random(seed)
    for f in ("square", "reciprocal", "reciprocal_root") + curves.SMOOTH:
        y = reference_of(f)
        positive = f in ("reciprocal", "reciprocal_root", "sqrt")
        for _ in range(count):
            lo = Fraction(rng.randint(1, 160), 32) if positive else Fraction(rng.randint(-320, 200), 32)
            hi = lo + Fraction(rng.choice([0, 1, 7, 64, 200]), 32)
            a, b = curves.span(f, lo, hi)
            grid = [float(lo + (hi - lo) * i / 64) for i in range(65)]
            values = [y(z) for z in grid]
            room = 1e-9 * (1 + max(map(abs, values)))
            if min(values) < a - room or max(values) > b + room or (lo == hi and b - a > Fraction(1, 1 << 30)):
                yield "%s on [%s, %s]: range %s..%s" % (f, lo, hi, float(a), float(b))
            step = 1e-3
            bend = max(abs(y(z - step) - 2 * y(z) + y(z + step)) / step ** 2 for z in grid) if float(lo) > step or not positive else 0
            if bend > float(curves.bend(f, lo, hi)) * 1.02 + 1e-4:
                yield "%s on [%s, %s]: |f''| is %g, the bound %s" % (f, lo, hi, bend, curves.bend(f, lo, hi))
            slope = Fraction(rng.randint(-64, 64), 32)
            least, most = (extreme(v - float(slope) * z for v, z in zip(values, grid)) for extreme in (min, max))
            off = Fraction(1, 64) * (1 + abs(curves.bend(f, lo, hi)) * (hi - lo) ** 2 + abs(slope) * (hi - lo))
            for limit, above, inside in ((Fraction(least), False, -1), (Fraction(most), True, 1)):
                if not curves.line_holds(f, lo, hi, slope, limit + inside * off, above):
                    yield "%s on [%s, %s]: a line with room is not shown, slope %s" % (f, lo, hi, slope)
                if curves.line_holds(f, lo, hi, slope, limit - inside * Fraction(1, 10 ** 6) * (1 + abs(limit)), above):
                    yield "%s on [%s, %s]: a line that is crossed is shown, slope %s" % (f, lo, hi, slope)


if __name__ == "__main__":
    sys.exit("\n".join(functions()) or 0)
