"""Random binary32 executions of tiny networks: any order, fused or not, reciprocals or divisions, library functions
off by a few units. Every value must lie in the reference's float32 enclosure. And plain doubles,
beside which the reference's enclosures of real values must lie."""
import functools
import math
import random
import struct

from nets import transformer
from op_nets import networks

ULPS = 3                                              # library errors up to this; NETWORK.md allows 4


def f32(x):
    """The binary32 number nearest a double (sums, products, quotients, roots of binary32 numbers round rightly so)."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


class Execution:
    """One run of a Tiny network on tokens, with its own choices."""

    def __init__(self, net, seed):
        self.net, self.rng = net, random.Random(seed)

    def coin(self):
        return self.rng.random() < 0.5

    def library(self, x):
        if 0 < abs(x) < 2.0 ** -126 and self.coin():
            return 0.0
        return self.near(x, ULPS)

    def near(self, x, ulps):
        """The binary32 number nearest x, or one up to `ulps` units in the last place beside it."""
        x = f32(x)
        if x == 0:
            return x
        unit = 2.0 ** (max(math.frexp(x)[1], -125) - 24)
        y = f32(x + self.rng.randint(-ulps, ulps) * unit)
        return y if x < 0 or y > 0 else 0.0                   # exp is never negative

    def sum(self, terms):
        """Terms are numbers or pairs to multiply; any order and grouping, products rounded or fused."""
        terms = list(terms)
        self.rng.shuffle(terms)
        done = []
        while terms:
            t = terms.pop()
            if isinstance(t, tuple):
                if done and self.coin():
                    done[-1] = f32(done[-1] + t[0] * t[1])      # the product of two binary32 numbers is exact in double
                    continue
                t = f32(t[0] * t[1])
            done.append(t)
            if len(done) > 1 and self.coin():
                a, b = done.pop(), done.pop()
                done.append(f32(a + b))
        while len(done) > 1:
            a, b = done.pop(self.rng.randrange(len(done))), done.pop()
            done.append(f32(a + b))
        return done[0]

    def divide(self, a, b):
        return f32(a * f32(1 / b)) if self.coin() else f32(a / b)

    def run(self, t):
        values = {}
        self.fill(values, t)
        return values

    def partial(self, t):
        """The nodes before the first one that has no value."""
        values = {}
        try:
            self.fill(values, t)
        except (OverflowError, ValueError, ZeroDivisionError):
            pass
        return values

    def fill(self, values, t):
        n = len(t)
        for name, op, args in self.net.nodes:
            x = [values[a] if a in values else self.net.part(a) if not a.isdigit() else int(a) for a in args]
            values[name] = getattr(self, op)(t, n, args, x, values)

    def embed(self, t, n, args, x, values):
        return [x[0][a] for a in t]

    def position(self, t, n, args, x, values):
        return [x[0][i] for i in range(n)]

    def add(self, t, n, args, x, values):
        return [[self.sum(c) for c in zip(*[rows[i] for rows in x])] for i in range(n)]

    def linear(self, t, n, args, x, values):
        bias = [[b] for b in x[2]] if len(x) > 2 else [[]] * len(x[1][0])
        return [[self.sum(list(zip(row, column)) + b) for column, b in zip(zip(*x[1]), bias)] for row in x[0]]

    def layernorm(self, t, n, args, x, values):
        out, eps = [], f32(float(self.net.eps))
        for row in x[0]:
            k = len(row)
            mean = f32(self.sum(row) / k)
            c = [f32(a - mean) for a in row]
            s = f32(math.sqrt(f32(f32(self.sum(zip(c, c)) / k) + eps)))
            row = [self.divide(a, s) for a in c]
            out.append([f32(f32(a * w) + b) for a, w, b in zip(row, x[1], x[2])] if len(x) > 1 else row)
        return out

    def score(self, t, n, args, x, values):
        root = f32(math.sqrt(x[2]))
        return [[self.divide(self.sum(zip(x[0][i], x[1][j])), root) for j in self.net.allowed(i, t)] for i in range(n)]

    def softmax(self, t, n, args, x, values):
        return [self.shares(row) for row in x[0]]

    def shares(self, row):
        e = [self.library(math.exp(f32(s - max(row)))) for s in row]
        total = self.sum(e) if e else 0.0
        return [self.divide(a, total) for a in e]

    def bilinear(self, t, n, args, x, values):
        return [[f32(a * b) for a, b in zip(*rows)] for rows in zip(*x)]

    def mix(self, t, n, args, x, values):
        out = []
        for i, row in enumerate(x[0]):
            read = [x[1][j] for j in self.net.allowed(i, t)]
            out.append([self.sum(zip(row, column)) for column in zip(*read)] if read else [0.0] * len(x[1][0]))
        return out

    def heads(self, t, n, args, x, values):
        """One sum over all products z W of the heads."""
        reads = {name: a for name, op, a in self.net.nodes if op == "linear"}
        sources = [a for a in args if a in reads]
        bias = self.net.part(args[-1]) if args[-1] not in reads else None
        out = []
        for i in range(n):
            row = []
            for j in range(len(x[0][i])):
                terms = [] if bias is None else [bias[j]]
                for name in sources:
                    z, w = values[reads[name][0]][i], self.net.part(reads[name][1])
                    terms += [(a, w[k][j]) for k, a in enumerate(z)]
                row.append(self.sum(terms))
            out.append(row)
        return out

    def relu(self, t, n, args, x, values):
        return [[max(0.0, a) for a in row] for row in x[0]]

    def gelu(self, t, n, args, x, values):
        def one(a):
            z = self.divide(a, f32(math.sqrt(2))) if self.coin() else f32(a * f32(math.sqrt(0.5)))
            return f32(f32(a * f32(1 + self.library(math.erf(z)))) / 2)
        return [[one(a) for a in row] for row in x[0]]

    def gelu_new(self, t, n, args, x, values):
        def one(a):
            cube = f32(f32(0.044715) * f32(f32(a * a) * a))
            z = f32(f32(math.sqrt(2 / math.pi)) * f32(a + cube))
            return f32(f32(a / 2) * f32(1 + self.library(math.tanh(z))))
        return [[one(a) for a in row] for row in x[0]]

    def silu(self, t, n, args, x, values):
        return [[self.divide(a, f32(1 + self.library(math.exp(-a)))) for a in row] for row in x[0]]


    # entry by entry

    def pointwise(self, f, x):
        return [[f(a) for a in row] for row in x[0]]

    def pairwise(self, f, x):
        return [[f(a, b) for a, b in zip(*rows)] for rows in zip(*x)]

    def exp(self, t, n, args, x, values):
        return self.pointwise(lambda a: self.library(math.exp(a)), x)

    def erf(self, t, n, args, x, values):
        return self.pointwise(lambda a: self.library(math.erf(a)), x)

    def tanh(self, t, n, args, x, values):
        return self.pointwise(lambda a: self.library(math.tanh(a)), x)

    def sqrt(self, t, n, args, x, values):
        return self.pointwise(lambda a: f32(math.sqrt(a)), x)

    def sigmoid(self, t, n, args, x, values):
        def one(a):
            form = self.rng.randrange(3)
            if form == 0:
                e = math.exp(-a)
                return 0.0 if e > 3e38 else self.divide(1.0, f32(1 + self.library(e)))
            if form == 1 and a < 0:
                e = self.library(math.exp(a))
                return self.divide(e, f32(1 + e))
            exact = (1 / (1 + math.exp(-a))) if a > 0 else math.exp(a) / (1 + math.exp(a))
            return 0.0 if exact < 2.0 ** -125 and self.coin() else f32(exact * (1 + self.rng.choice((-14, 14)) * 2.0 ** -24))
        return self.pointwise(one, x)

    def sub(self, t, n, args, x, values):
        return self.pairwise(lambda a, b: f32(a - b), x)

    def mul(self, t, n, args, x, values):
        return self.pairwise(lambda a, b: f32(a * b), x)

    def div(self, t, n, args, x, values):
        return self.pairwise(lambda a, b: f32(a / b), x)

    def matmul(self, t, n, args, x, values):
        count, a, k, c = x[2:]
        return [[self.sum((left[(b * a + r) * k + m], right[(b * k + m) * c + j]) for m in range(k)) for b in range(count) for r in range(a) for j in range(c)]
                for left, right in zip(x[0], x[1])]

    def rowsoftmax(self, t, n, args, x, values):
        return [sum((self.shares(row[e:e + x[1]]) for e in range(0, len(row), x[1])), []) for row in x[0]]

    def rmsnorm(self, t, n, args, x, values):
        out, eps = [], f32(float(self.net.eps))
        for row in x[0]:
            m = f32(f32(self.sum(zip(row, row)) / len(row)) + eps)
            if self.coin():
                row = [f32(a / f32(math.sqrt(m))) for a in row]
            else:
                r = self.near(1 / math.sqrt(m), 1)
                row = [f32(a * r) for a in row]
            out.append([f32(a * w) for a, w in zip(row, x[1])] if len(x) > 1 else row)
        return out

    def exactly(self, t, n, args, x, values, op=None):
        return getattr(self.net, "op_" + op)(t, n, args, x)


for op in ("max", "min", "input", "row", "select", "concat", "constant", "jumprelu", "topk", "maxpool"):
    setattr(Execution, op, functools.partialmethod(Execution.exactly, op=op))

SHAPES = [dict(), dict(causal=False, biases=False, norm=("ln1",)), dict(layers=2, heads=2, norm=("ln1", "ln2", "final"), mlp="gelu"),
          dict(mlp="gelu_new", heads=2, positions=False), dict(mlp="silu", d_model=4), dict(mlp="relu", heads=3, norm=("final",), biases=False)]


def started(evaluator, network, net, t):
    """The run of a network on tokens, or on rows of real inputs."""
    if net.reals is None:
        return network.Run(evaluator, t)
    return network.Run(evaluator, inputs=[evaluator.input_row([(x, x, True) for x in row]) for row in t])


def subjects():
    """(name, network, inputs)"""
    for k, shape in enumerate(SHAPES):
        for seed in range(3):
            yield "shape %d seed %d" % (k, seed), transformer(100 + seed, spread=12, **shape), ((0,), (2, 1), (1, 0, 2))
    for shift in (0, 1000):
        for name, net, inputs in networks(shift):
            yield "%s %d" % (name, shift), net, random.Random(shift).sample(inputs, min(len(inputs), 5))


def failures(read_net, network, runs=4):
    """(number of values looked at, descriptions of those outside)."""
    seen, outside, p = 0, [], 128
    for name, net, inputs in subjects():
        enclosed = network.Evaluator(read_net(net.text().encode()), p, True)
        for t in inputs:
            run = started(enclosed, network, net, t)
            rows = {node: [run.row(node, i) for i in range(len(t))] for node in enclosed.net.nodes}
            for choice in range(runs):
                for node, values in Execution(net, choice).run(t).items():
                    for (mid, rad), row in zip(rows[node], values):
                        assert len(row) == len(mid)
                        for m, r, x in zip(mid, rad, row):
                            num, den = x.as_integer_ratio()
                            seen += 1
                            if not (m - r) * den <= num << p <= (m + r) * den:
                                outside.append("%s input %s node %s" % (name, t, node))
    return seen, outside


def naive(read_net, network, shift=0):
    """(number of values looked at, descriptions): real enclosures beside plain doubles, which are off by less than 2^-38 here."""
    seen, outside, p = 0, [], 128
    for name, net, inputs in networks(shift):
        evaluator = network.Evaluator(read_net(net.text().encode()), p, False)
        for t in inputs:
            run = started(evaluator, network, net, t)
            for node, values in net.run(t).items():
                scores = evaluator.net.nodes[node].width is None
                for i, row in enumerate(values):
                    mid, rad = run.row(node, i)
                    if scores and len(row) > len(mid):        # Tiny's patterns have entries for sources that are not allowed
                        row = [row[j] for j in net.allowed(i, t)]
                    assert len(row) == len(mid)
                    seen += len(mid)
                    for m, r, x in zip(mid, rad, row):
                        size = max(1.0, abs(x)) * 2.0 ** -38
                        if not abs(m / 2.0 ** p - x) < size or r > 2 ** 40 * size * 2 ** 24:
                            outside.append("%s input %s node %s: %r beside %r" % (name, t, node, m / 2.0 ** p, x))
    return seen, outside
