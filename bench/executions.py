"""How far apart binary32 executions of a network really are, beside the certified width (needs PyTorch for the derivatives).

    python bench/executions.py NET --tokens 27,27,28 --output 25 [--rival 3] [--row 2] [--orders 200] [--runs 200]

NET is a .net file, as `weightproof verify --certificates DIR` writes it. The number is logit OUTPUT less logit RIVAL (the largest other one) of that row. *Random*: executions as NETWORK.md §5 allows them, every sum in a
random order, products fused or not, library functions up to 4 ulp off. *Directed*: every entry of every node takes that one of so many orders which moves the number up (then down), by the sign of its
derivative. All are executions, so the true span is at least as wide as what is found; a certified interval that is not much wider than the directed span has little left to gain.
"""
import argparse
import math
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "proofs", "reference"))
import net as nets                                        # noqa: E402

F = np.float32


def array(part):
    return np.array([float(x) for x in (np.array(part.ints, dtype=object) / (1 << part.shift))], dtype=np.float64).reshape(part.shape)


def inputs_of(net, name):
    return [i if isinstance(i, str) else i.name for i in net.nodes[name].inputs]


def allowed(net, i, n):
    return range(i + 1) if net.causal else range(n)


# ---- real numbers, for the derivatives ----

def exact(net, tokens):
    """Rows of every node in doubles, with derivatives kept."""
    rows, n = {}, len(tokens)
    for name, x in net.nodes.items():
        a = [rows[i] for i in inputs_of(net, name) if i in rows]
        p = [torch.tensor(array(w)) for w in x.parts]
        if x.op == "embed":
            y = p[0][list(tokens)]
        elif x.op == "position":
            y = p[0][:n].clone()
        elif x.op == "constant":
            y = p[0].repeat(n, 1)
        elif x.op == "add" or x.op == "heads":
            y = sum(a) + (p[0] if p else 0)
        elif x.op == "linear":
            y = a[0] @ p[0] + (p[1] if len(p) > 1 else 0)
        elif x.op == "layernorm":
            c = a[0] - a[0].mean(1, keepdim=True)
            y = c / torch.sqrt((c * c).mean(1, keepdim=True) + float(net.eps))
            y = y * p[0] + p[1] if p else y
        elif x.op == "score":
            y = a[0] @ a[1].T / math.sqrt(x.d)
        elif x.op == "softmax":
            hidden = torch.ones(n, n, dtype=torch.bool).triu(1) if net.causal else torch.zeros(n, n, dtype=torch.bool)
            y = torch.softmax(a[0].masked_fill(hidden, -math.inf), 1)
        elif x.op == "mix":
            y = a[0] @ a[1]
        elif x.op == "relu":
            y = torch.relu(a[0])
        else:
            sys.exit("operation '%s' is not executed here" % x.op)
        y = y.detach().requires_grad_() if not y.requires_grad else y
        y.retain_grad()
        rows[name] = y
    return rows


# ---- one execution ----

class Execution:
    """side: 1 or -1, the direction that every entry is moved to; 0: at random."""

    def __init__(self, net, tokens, slope, side, orders, seed):
        self.net, self.t, self.slope, self.side = net, tokens, slope, side
        self.orders, self.rng = orders if side else 1, np.random.default_rng(seed)
        self.rows = {}

    def pick(self, found, way):
        """found [orders, m]: the entry that lies furthest that way."""
        return found[0] if not self.side else np.where(way * self.side >= 0, found.max(0), found.min(0))

    def one_order(self, x, w, plain):
        terms = [(k, True) for k in range(len(x))] + [(k, False) for k in range(len(plain))]
        order = self.rng.permutation(len(terms))
        kind = self.rng.integers(4)
        if kind == 3 and len(x):                          # columns sorted by size, the small ones first or last
            return self.sorted_order(x, w, plain)
        acc = None
        for i in order:
            k, product = terms[i]
            if not product:
                acc = plain[k] if acc is None else acc + plain[k]
            elif acc is None or kind == 0:
                acc = x[k] * w[k] if acc is None else acc + x[k] * w[k]
            else:
                fused = (acc.astype(np.float64) + x[k].astype(np.float64) * w[k].astype(np.float64)).astype(F)
                acc = fused if kind == 1 else np.where(self.rng.random(len(acc)) < 0.5, fused, acc + x[k] * w[k])
        return acc

    def sorted_order(self, x, w, plain):
        terms = np.concatenate([x[:, None] * w] + ([np.array(plain)] if len(plain) else []))
        by = np.argsort(terms if self.rng.random() < 0.5 else np.abs(terms), axis=0)
        terms = np.take_along_axis(terms, by if self.rng.random() < 0.5 else by[::-1], 0)
        acc = terms[0]
        for t in terms[1:]:
            acc = acc + t
        return acc

    def sum(self, x, w, plain, way):
        """x [k], w [k, m], plain: rows [m]; one execution of every column."""
        plain = [p.astype(F) for p in plain]
        return self.pick(np.array([self.one_order(x, w, plain) for _ in range(self.orders)]), way)

    def library(self, y, way):
        ulps = 4 * np.sign(way) * self.side if self.side else self.rng.integers(-4, 5, len(y))
        return (y.astype(F) + ulps.astype(F) * np.spacing(np.abs(y.astype(F)))).astype(F)

    def quotient(self, a, b, way):
        return self.pick(np.array([a / b, a * (F(1) / b)])[:: 1 if self.side or self.rng.random() < 0.5 else -1], way)

    def softmax(self, s, way):
        top = s.max()
        p = np.exp((s - top).astype(np.float64))
        inner = way - (way * p).sum() / p.sum()
        e = self.library(p, inner)
        total = self.sum(np.zeros(0, F), np.zeros((0, 1), F), [np.array([v]) for v in e], np.array([-(way * p).sum()]))[0]
        return self.quotient(e, total, way)

    def norm(self, x, p, way):
        k = F(len(x))
        mean = self.sum(np.zeros(0, F), np.zeros((0, 1), F), [np.array([v]) for v in x], np.array([-way.sum()]))[0] / k
        c = x - mean
        y = c / np.sqrt((c.astype(np.float64) ** 2).mean())
        q = self.sum(c, c[:, None], [], np.array([-(way * (p[0] if p else 1) * y).sum()]))[0]
        root = np.sqrt(q / k + F(float(self.net.eps)))
        y = self.quotient(c, root, way * (p[0] if p else 1))
        return y * p[0].astype(F) + p[1].astype(F) if p else y

    def row(self, x, name, i):
        n, way = len(self.t), self.slope[name][i]
        a = [self.rows[j] for j in inputs_of(self.net, name)]
        p = [array(w) for w in x.parts]
        if x.op == "embed":
            return p[0][self.t[i]].astype(F)
        if x.op in ("position", "constant"):
            return (p[0][i] if x.op == "position" else p[0]).astype(F)
        if x.op == "add":
            return self.sum(np.zeros(0, F), np.zeros((0, len(way)), F), [r[i] for r in a], way)
        if x.op == "linear":
            return self.sum(a[0][i], p[0].astype(F), p[1:], way)
        if x.op == "heads":
            linear = [self.net.nodes[j] for j in inputs_of(self.net, name)]
            z = np.concatenate([self.rows[inputs_of(self.net, y.name)[0]][i] for y in linear])
            return self.sum(z, np.concatenate([array(y.parts[0]) for y in linear]).astype(F), p, way)
        if x.op == "relu":
            return np.maximum(a[0][i], F(0))
        if x.op == "layernorm":
            return self.norm(a[0][i], p, way)
        out = np.zeros(n, F)
        open_ = list(allowed(self.net, i, n))
        if x.op == "score":
            root = F(math.sqrt(x.d))
            dots = self.sum(a[0][i], np.array([a[1][j] for j in open_]).T, [], way[open_])
            out[open_] = self.quotient(dots, root, way[open_])
        elif x.op == "softmax":
            out[open_] = self.softmax(a[0][i][open_], way[open_])
        else:
            return self.sum(a[0][i][open_], a[1][open_], [], way)
        return out

    def run(self):
        for name, x in self.net.nodes.items():
            self.rows[name] = np.array([self.row(x, name, i) for i in range(len(self.t))])
        return self.rows[self.net.output]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("net")
    a.add_argument("--tokens", required=True)
    a.add_argument("--output", type=int, required=True)
    a.add_argument("--rival", type=int)
    a.add_argument("--row", type=int, default=-1)
    a.add_argument("--orders", type=int, default=200)
    a.add_argument("--runs", type=int, default=200)
    a = a.parse_args()
    net = nets.Reader(open(a.net, "rb").read()).read()
    tokens = [int(v) for v in a.tokens.split(",")]
    rows = exact(net, tokens)
    others = rows[net.output][a.row].detach().clone()
    others[a.output] = -math.inf
    a.rival = int(others.argmax()) if a.rival is None else a.rival
    real = rows[net.output][a.row, a.output] - rows[net.output][a.row, a.rival]
    real.backward()
    slope = {name: np.zeros(r.shape) if r.grad is None else r.grad.numpy() for name, r in rows.items()}

    def number(side, seed):
        y = Execution(net, tokens, slope, side, a.orders, seed).run()[a.row].astype(np.float64)
        return y[a.output] - y[a.rival] - real.item()

    runs = [number(0, seed) for seed in range(a.runs)]
    ends = [number(side, 1) for side in (-1, 1)]
    print("logit %d less logit %d: real value %.9g" % (a.output, a.rival, real.item()))
    print("random executions, %d: from %+.3g to %+.3g of it, %.3g wide" % (a.runs, min(runs), max(runs), max(runs) - min(runs)))
    print("directed, %d orders an entry: from %+.3g to %+.3g, %.3g wide" % (a.orders, *ends, ends[1] - ends[0]))


if __name__ == "__main__":
    main()
