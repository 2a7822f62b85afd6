"""Random binary32 executions of tiny networks: any order, fused or not, reciprocals or divisions, library functions
off by a few units. Every value must lie in the reference's float32 enclosure."""
import math
import random
import struct

from nets import transformer

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
        x = f32(x)
        if x == 0:
            return x
        unit = 2.0 ** (max(math.frexp(x)[1], -125) - 24)
        return f32(x + self.rng.randint(-ULPS, ULPS) * unit)

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
        values, n = {}, len(t)
        for name, op, args in self.net.nodes:
            x = [values[a] if a in values else self.net.part(a) if not a.isdigit() else int(a) for a in args]
            values[name] = getattr(self, op)(t, n, args, x, values)
        return values

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
        return [[self.divide(self.sum(zip(x[0][i], x[1][j])), root) for j in self.net.allowed(i, n)] for i in range(n)]

    def softmax(self, t, n, args, x, values):
        out = []
        for row in x[0]:
            e = [self.library(math.exp(f32(s - max(row)))) for s in row]
            total = self.sum(e)
            out.append([self.divide(a, total) for a in e])
        return out

    def mix(self, t, n, args, x, values):
        return [[self.sum(zip(row, column)) for column in list(zip(*x[1][:len(row)]))] for row in x[0]]

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


SHAPES = [dict(), dict(causal=False, biases=False, norm=("ln1",)), dict(layers=2, heads=2, norm=("ln1", "ln2", "final"), mlp="gelu"),
          dict(mlp="gelu_new", heads=2, positions=False), dict(mlp="silu", d_model=4), dict(mlp="relu", heads=3, norm=("final",), biases=False)]


def failures(read_net, network, runs=4):
    """(number of values looked at, descriptions of those outside)."""
    seen, outside, p = 0, [], 128
    for k, shape in enumerate(SHAPES):
        for seed in range(3):
            net = transformer(100 + seed, spread=12, **shape)
            enclosed = network.Evaluator(read_net(net.text().encode()), p, True)
            for t in ((0,), (2, 1), (1, 0, 2)):
                run = network.Run(enclosed, t)
                rows = {name: [run.row(name, i) for i in range(len(t))] for name in enclosed.net.nodes}
                for choice in range(runs):
                    for name, values in Execution(net, choice).run(t).items():
                        for (mid, rad), row in zip(rows[name], values):
                            for m, r, x in zip(mid, rad, row):
                                num, den = x.as_integer_ratio()
                                seen += 1
                                if not (m - r) * den <= num << p <= (m + r) * den:
                                    outside.append("shape %d seed %d tokens %s node %s" % (k, seed, t, name))
    return seen, outside
