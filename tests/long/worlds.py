"""Networks with interventions, run plainly: in doubles, in rationals (attention that is uniform), or as one binary32 execution.

A model is a tiny network and a list of edits; every edit says whose rows it changes, and how. Written from proofs/STATEMENT.md §3, not from either checker.
"""
import copy
from fractions import Fraction

from executions import Execution
from nets import Tiny

THIN = 1e-7                      # doubles nearer to each other than that, relative to their size, are not told apart


class Exact(Tiny):
    """The same in rationals. All scores of a row must be equal."""

    def part(self, name):
        base, _, index = name.partition("[")
        shape, flat = self.tensors[base]
        if index:
            h, size = int(index[:-1]), len(flat) // shape[0]
            shape, flat = shape[1:], flat[h * size:(h + 1) * size]
        return list(flat) if len(shape) == 1 else [flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]

    def op_linear(self, t, n, args, x):
        bias = x[2] if len(x) > 2 else [Fraction(0)] * len(x[1][0])
        return [[sum(a * w for a, w in zip(row, column)) + b for column, b in zip(zip(*x[1]), bias)] for row in x[0]]

    def op_score(self, t, n, args, x):
        return [[sum(a * b for a, b in zip(x[0][i], x[1][j])) for j in self.allowed(i, t)] for i in range(n)]

    def op_softmax(self, t, n, args, x):
        if any(len(set(row)) > 1 for row in x[0]):
            raise ValueError("scores that differ")
        return self.spread_out(t, [[Fraction(1, len(row))] * len(row) for row in x[0]])

    def op_mix(self, t, n, args, x):
        return [[sum(p * v for p, v in zip(row, column)) for column in zip(*x[1])] for row in x[0]]

    def spread_out(self, t, rows):
        return [[dict(zip(self.allowed(i, t), row)).get(j, Fraction(0)) for j in range(len(t))] for i, row in enumerate(rows)]

    def op_heads(self, t, n, args, x):
        return [[sum(c) for c in zip(*[rows[i] for rows in x])] for i in range(n)]     # World.edited adds the bias

    def op_relu(self, t, n, args, x):
        return self.pointwise(lambda a: max(Fraction(0), a), x)


class Edit:
    """node: whose rows; entry: of a neuron; reader: the node that reads an edge; at: a position, or None for all. f(world, env, t, i, row) is the new row."""

    def __init__(self, node, f, at=None, entry=None, reader=None):
        self.node, self.f, self.at, self.entry, self.reader = node, f, at, entry, reader

    def apply(self, world, env, t, rows):
        out = [list(row) for row in rows]
        for i in range(len(t)):
            if self.at is not None and i != (self.at if self.at >= 0 else len(t) + self.at):
                continue
            if self.entry is None:
                out[i] = list(self.f(world, env, t, i, out[i]))
            else:
                out[i][self.entry] = self.f(world, env, t, i, [out[i][self.entry]])[0]
        return out


class Model:
    """text: as a claim names it. reads: variables of the claim that edits rest on. plain: can be an execution in float32."""

    def __init__(self, text, net, edits=(), frozen=False, reads=(), origin=None):
        self.text, self.net, self.edits, self.frozen, self.reads = text, net, list(edits), frozen, set(reads)
        self.origin = origin or net            # without replaced tensors: of frozen norms

    @property
    def plain(self):
        return not self.edits and not self.frozen

    def with_edits(self, text, edits, frozen=False, reads=()):
        return Model(text, self.net, self.edits + edits, self.frozen or frozen, self.reads | set(reads), self.origin)

    def with_net(self, text, net, origin, frozen=False):
        return Model(text, net, self.edits, self.frozen or frozen, self.reads, origin)


class World:
    """mode: double, exact or float32 (with a seed)."""

    def __init__(self, mode, seed=0):
        self.mode, self.seed, self.memo, self.nets = mode, seed, {}, {}

    def run(self, model, t, env):
        key = id(model), t, tuple(env[x] for x in sorted(model.reads))
        if key not in self.memo:
            self.memo[key] = model, self.execution(model, t) if self.mode == "float32" else self.edited(model, t, env)
        return self.memo[key][1]

    def execution(self, model, t):
        assert model.plain
        key = model.net.sha256(), t
        if key not in self.nets:
            values = Execution(model.net, "%s %s %s" % (self.seed, key[0], t)).run(list(t))
            patterns = {name for name, op, _ in model.net.nodes if op == "softmax"}
            self.nets[key] = {name: [[Fraction(a) for a in row] + [Fraction(0)] * (len(t) - len(row) if name in patterns else 0) for row in rows] for name, rows in values.items()}
        return self.nets[key]

    def net_of(self, model):
        if self.mode != "exact":
            return model.net
        if id(model.net) not in self.nets:
            net = Exact.__new__(Exact)
            net.__dict__.update(copy.copy(model.net.__dict__))
            self.nets[id(model.net)] = model.net, net
        return self.nets[id(model.net)][1]

    def edited(self, model, t, env):
        net, values, copies = self.net_of(model), {}, {}
        unchanged = self.edited(Model("", model.origin), t, env) if model.frozen else None
        for name, op, args in net.nodes:
            x = [values[a] if a in values else net.part(a) if not a.isdigit() else int(a) for a in args]
            for (node, reader), rows in copies.items():
                if reader == name:
                    x[0] = [[c + b - d for c, b, d in zip(*three)] for three in zip(x[0], rows, values[node])]
            if op == "heads" and args[-1] not in values:
                bias = "bias " + name
                self.store(model, env, t, bias, [x.pop()] * len(t), values, copies)
                rows = net.op_heads(t, len(t), args[:-1], x)
                rows = [[c + b for c, b in zip(*two)] for two in zip(rows, values[bias])]
            elif op == "layernorm" and unchanged is not None:
                rows = self.frozen(net, x, unchanged[args[0]])
            else:
                rows = getattr(net, "op_" + op)(t, len(t), args, x)
            self.store(model, env, t, name, rows, values, copies)
        return values

    def store(self, model, env, t, name, rows, values, copies):
        mine = [e for e in model.edits if e.node == name]
        for reader in {e.reader for e in mine if e.reader}:
            one = rows
            for e in mine:
                if e.reader in (None, reader):
                    one = e.apply(self, env, t, one)
            copies[name, reader] = one
        for e in mine:
            if e.reader is None:
                rows = e.apply(self, env, t, rows)
        values[name] = rows

    @staticmethod
    def frozen(net, x, rows):
        out = []
        for row, was in zip(x[0], rows):
            mean, k = sum(was) / len(was), len(was)
            sigma = (sum((a - mean) ** 2 for a in was) / k + float(net.eps)) ** 0.5
            mean = sum(row) / k
            row = [(a - mean) / sigma for a in row]
            out.append([a * w + b for a, w, b in zip(row, x[1], x[2])] if len(x) > 1 else row)
        return out

    def sign(self, a, b=0):
        """Of a - b: 1, 0 or -1; None where doubles do not tell."""
        if isinstance(a, (int, Fraction)) and isinstance(b, (int, Fraction)):
            return (a > b) - (a < b)
        if abs(a - b) <= THIN * (1 + abs(a) + abs(b)):
            return None
        return 1 if a > b else -1
