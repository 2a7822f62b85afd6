"""Small bilinear networks with exact numbers, and the distance to other answers by rays. tests/reference must be on the path."""
import math
from fractions import Fraction

import numpy as np

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


class Deep:
    """second(first(x)), two of Net; past: the output reads the input too, so that there is no node between."""

    def __init__(self, first, second, past=False):
        self.first, self.second, self.n, self.k, self.past = first, second, first.n, second.k, past

    def value(self, x):
        return self.second.value(self.first.value(x))

    def text(self):
        tensors, nodes, into = {}, ["x input"], "x"
        for tag, net in (("a", self.first), ("b", self.second)):
            tensors.update({tag + "L": net.L, tag + "P": net.P, tag + "R": net.R, tag + "b": [net.b], tag + "l": [net.l], tag + "r": [net.r]})
            nodes += ["%su linear %s %sL %sl" % (tag, into, tag, tag), "%sv linear %s %sR %sr" % (tag, into, tag, tag), "%sm mul %su %sv" % (tag, tag, tag), "%sp linear %sm %sP %sb" % (tag, tag, tag, tag)]
            if net.S:
                tensors[tag + "S"] = net.S
                nodes += ["%ss linear %s %sS" % (tag, into, tag), "%so add %sp %ss" % (tag, tag, tag)]
            into = nodes[-1].split()[0]
        if self.past:
            tensors["w"] = [[1] * self.k for _ in range(self.n)]
            nodes += ["past linear x w", "sum add %s past" % into]
        out = ["weightproof-net 1", "reals %d 1" % self.n, "mask none", "eps 0"]
        for name in sorted(tensors):
            rows = tensors[name]
            out.append("tensor %s %s%d" % (name, "" if name[1:] in "blr" and name != "w" else "%d " % len(rows), len(rows[0])))
            out += [" ".join(number(float(x)) for x in row) for row in rows]
        return "\n".join(out + ["node " + x for x in nodes] + ["output " + nodes[-1].split()[0], "end", ""])


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


def ray_lengths(net, x, answer, d):
    """For every row of d the distance from x along it, forwards or backwards, at which another output is as large: the smaller root of a parabola."""
    def array(m):
        return np.array(m, float)

    def value(v):
        out = ((v @ array(net.L) + array(net.l)) * (v @ array(net.R) + array(net.r))) @ array(net.P) + array(net.b)
        out = out + v @ array(net.S) if net.S else out
        return out[:, [answer]] - np.delete(out, answer, 1)
    at, ahead, behind = value(x[None]), value(x + d), value(x - d)
    q, g = (ahead + behind) / 2 - at, (ahead - behind) / 2
    inner = g * g - 4 * q * at
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inner >= 0, 2 * at / (abs(g) + np.sqrt(np.maximum(inner, 0))), np.inf).min(1)


def sampled_radius(rng, net, x0, answer):
    """The smallest distance along many directions, and then along others ever nearer to the best of them (an upper bound of the true one, almost always tight)."""
    x, more = np.array(x0, float), np.random.default_rng(rng.getrandbits(32))
    best = np.array(directions(rng, net.n, 2000 if net.n < 3 else 300))
    lengths = ray_lengths(net, x, answer, best)
    for step in range(40):
        order = np.argsort(lengths)[:8]
        best, lengths = best[order], lengths[order]
        near = (best[:, None] + 0.5 * 0.7 ** step * more.normal(size=(len(best), 60, net.n))).reshape(-1, net.n)
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        best, lengths = np.concatenate([best, near]), np.concatenate([lengths, ray_lengths(net, x, answer, near)])
    return float(lengths.min())


def parse_vector(text):
    return [Fraction(x) for x in text.rstrip(",").split(",")]
