"""Small bilinear networks with exact numbers, and the distance to other answers by rays. tests/reference must be on the path."""
import math
from fractions import Fraction

from nets import number


class Net:
    """output = ((x L + l) o (x R + r)) P + x S + b, exact numbers; S is absent when it is None."""

    def __init__(self, L, R, P, l=None, r=None, S=None, b=None):
        self.L, self.R, self.P, self.S = L, R, P, S
        self.h, self.k = len(P), len(P[0])
        self.l, self.r, self.b = l or [0] * self.h, r or [0] * self.h, b or [0] * self.k
        self.n = len(L)

    def text(self):
        tensors = {"L": self.L, "P": self.P, "R": self.R, "b": [self.b], "l": [self.l], "r": [self.r]}
        nodes = ["x input", "u linear x L l", "v linear x R r", "m mul u v", "p linear m P b"]
        if self.S:
            tensors["S"] = self.S
            nodes += ["s linear x S", "out add p s"]
        out = ["weightproof-net 1", "reals %d 1" % self.n, "mask none", "eps 0"]
        for name in sorted(tensors):
            rows = tensors[name]
            out.append("tensor %s %s%d" % (name, "" if name in "blr" else "%d " % len(rows), len(rows[0])))
            out += [" ".join(number(float(x)) for x in row) for row in rows]
        return "\n".join(out + ["node " + x for x in nodes] + ["output " + nodes[-1].split()[0], "end", ""])

    def value(self, x):
        def times(v, m, add):
            return [sum(a * row[j] for a, row in zip(v, m)) + add[j] for j in range(len(add))]
        mid = [a * b for a, b in zip(times(x, self.L, self.l), times(x, self.R, self.r))]
        out = times(mid, self.P, self.b)
        return out if not self.S else [a + b for a, b in zip(out, times(x, self.S, [0] * self.k))]


def draw(rng, n, m, size=24):
    return [[Fraction(rng.randint(-size, size), 16) for _ in range(m)] for _ in range(n)]


def random_net(rng, n):
    h, k = rng.randint(1, n + 2), rng.randint(2, 4)
    net = Net(draw(rng, n, h), draw(rng, n, h), draw(rng, h, k), S=draw(rng, n, k) if rng.random() < 0.5 else None)
    if rng.random() < 0.7:
        net.l, net.r, net.b = draw(rng, 1, h)[0], draw(rng, 1, h)[0], draw(rng, 1, k)[0]
    return net


def directions(rng, n, count):
    if n == 1:
        return [[1.0], [-1.0]]
    if n == 2:
        return [[math.cos(2 * math.pi * i / count), math.sin(2 * math.pi * i / count)] for i in range(count)]
    out = []
    for _ in range(count):
        v = [rng.gauss(0, 1) for _ in range(n)]
        size = math.sqrt(sum(x * x for x in v))
        out.append([x / size for x in v])
    return out


def sampled_radius(rng, net, x0, answer):
    """The smallest distance, along many directions, at which another output is as large (an upper bound of the true one, tight in one and two dimensions)."""
    def along(d, t):
        y = net_float.value([a + t * b for a, b in zip(x, d)])
        return [y[answer] - y[j] for j in range(net.k) if j != answer]
    net_float = Net([[float(a) for a in r] for r in net.L], [[float(a) for a in r] for r in net.R], [[float(a) for a in r] for r in net.P],
                    [float(a) for a in net.l], [float(a) for a in net.r], net.S and [[float(a) for a in r] for r in net.S], [float(a) for a in net.b])
    x, best = [float(a) for a in x0], math.inf
    for d in directions(rng, net.n, 2000 if net.n < 3 else 300):
        at0, at1, at2 = along(d, 0.0), along(d, 1.0), along(d, -1.0)
        for c, p, m in zip(at0, at1, at2):
            q, g = (p + m) / 2 - c, (p - m) / 2
            if abs(q) < 1e-14:
                roots = [-c / g] if g else []
            elif g * g < 4 * q * c:
                roots = []
            else:
                s = math.sqrt(g * g - 4 * q * c)
                roots = [(-g - s) / (2 * q), (-g + s) / (2 * q)]
            best = min([best] + [abs(t) for t in roots])
    return best


def parse_vector(text):
    return [Fraction(x) for x in text.rstrip(",").split(",")]
