"""Tiny networks for tests: written as .net text, and run in plain double arithmetic, independently of both checkers."""
import hashlib
import math
import random
from fractions import Fraction


def number(x):
    """The canonical text of a dyadic rational."""
    x = Fraction(x)
    if x == 0:
        return "0"
    sign, m = ("-", -x.numerator) if x < 0 else ("", x.numerator)
    e = m.bit_length() - 1 - (x.denominator.bit_length() - 1)
    digits = bin(m)[3:]
    digits += "0" * (-len(digits) % 4)
    text = ("%0*x" % (len(digits) // 4, int(digits, 2)) if digits else "").rstrip("0")
    return "%s0x1%sp%d" % (sign, "." + text if text else "", e)


class Tiny:
    """tensors {name: (shape, flat list of Fractions)}, nodes [(name, op, [argument])]. reals: the width of real inputs, d_vocab None."""

    def __init__(self, d_vocab, n_ctx, causal, eps=0, reals=None, pad=None):
        self.d_vocab, self.n_ctx, self.causal, self.eps, self.reals, self.pad = d_vocab, n_ctx, causal, Fraction(eps), reals, pad
        self.tensors, self.nodes, self.memo = {}, [], {}

    def tensor(self, name, shape, rng, scale=16, spread=24):
        size = math.prod(shape)
        self.tensors[name] = (list(shape), [Fraction(rng.randint(-spread, spread), scale) for _ in range(size)])

    def node(self, name, op, *args):
        self.nodes.append((name, op, [a for a in args if a is not None]))
        return name

    def text(self):
        head = "tokens %d %d" % (self.d_vocab, self.n_ctx) if self.reals is None else "reals %d %d" % (self.reals, self.n_ctx)
        mask = "mask " + ("causal" if self.causal else "none") + ("" if self.pad is None else " pad %d" % self.pad)
        out = ["weightproof-net 1", head, mask, "eps " + number(self.eps)]
        for name in sorted(self.tensors):
            shape, flat = self.tensors[name]
            out.append("tensor %s %s" % (name, " ".join(map(str, shape))))
            out += [" ".join(number(x) for x in flat[i:i + shape[-1]]) for i in range(0, len(flat), shape[-1])]
        out += [" ".join(["node", name, op] + args) for name, op, args in self.nodes]
        return "\n".join(out + ["output logits", "end"]) + "\n"

    def sha256(self):
        return hashlib.sha256(self.text().encode()).hexdigest()

    # doubles

    def part(self, name):
        base, _, index = name.partition("[")
        shape, flat = self.tensors[base]
        flat = [float(x) for x in flat]
        if index:
            h, size = int(index[:-1]), len(flat) // shape[0]
            shape, flat = shape[1:], flat[h * size:(h + 1) * size]
        if len(shape) == 1:
            return flat
        return [flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]

    def run(self, t, patches=()):
        """{node: rows} on the sequence t (of rows, with real inputs); patches: ((node, position, row), ...)."""
        key = tuple(t), tuple((a, b, tuple(c)) for a, b, c in patches)
        if key in self.memo:
            return self.memo[key]
        values, n = {}, len(t)
        for name, op, args in self.nodes:
            x = [values[a] if a in values else self.part(a) if not a.isdigit() else int(a) for a in args]
            rows = getattr(self, "op_" + op)(t, n, args, x)
            for node, i, row in patches:
                if node == name:
                    rows = [list(row) if j == i else r for j, r in enumerate(rows)]
            values[name] = rows
        self.memo[key] = values
        return values

    def op_embed(self, t, n, args, x):
        return [x[0][a] for a in t]

    def op_position(self, t, n, args, x):
        return [x[0][i] for i in range(n)]

    def op_add(self, t, n, args, x):
        return [[sum(c) for c in zip(*[rows[i] for rows in x])] for i in range(n)]

    def op_linear(self, t, n, args, x):
        bias = x[2] if len(x) > 2 else [0.0] * len(x[1][0])
        return [[math.fsum(a * w for a, w in zip(row, column)) + b for column, b in zip(zip(*x[1]), bias)] for row in x[0]]

    def op_layernorm(self, t, n, args, x):
        out = []
        for row in x[0]:
            mean = sum(row) / len(row)
            sigma = math.sqrt(sum((a - mean) ** 2 for a in row) / len(row) + float(self.eps))
            row = [(a - mean) / sigma for a in row]
            out.append([a * w + b for a, w, b in zip(row, x[1], x[2])] if len(x) > 1 else row)
        return out

    def allowed(self, i, t):
        return [j for j in range(i + 1 if self.causal else len(t)) if self.pad is None or t[j] != self.pad]

    def op_score(self, t, n, args, x):
        return [[math.fsum(a * b for a, b in zip(x[0][i], x[1][j])) / math.sqrt(x[2]) for j in self.allowed(i, t)] for i in range(n)]

    def spread_out(self, t, rows):
        """Entries of allowed sources at their positions, 0 at the others."""
        found = [dict(zip(self.allowed(i, t), row)) for i, row in enumerate(rows)]
        return [[row.get(j, 0.0) for j in range(len(t))] for row in found]

    def op_softmax(self, t, n, args, x):
        return self.spread_out(t, [shares(row) for row in x[0]])

    def op_bilinear(self, t, n, args, x):
        return self.spread_out(t, [[a * b for a, b in zip(*rows)] for rows in zip(*x)])

    def op_mix(self, t, n, args, x):
        return [[math.fsum(p * v for p, v in zip(row, column)) for column in zip(*x[1])] for row in x[0]]

    def op_heads(self, t, n, args, x):
        bias = x.pop() if args[-1] not in {name for name, _, _ in self.nodes} else [0.0] * len(x[0][0])
        return [[sum(c) + b for c, b in zip(zip(*[rows[i] for rows in x]), bias)] for i in range(n)]

    def pointwise(self, f, x):
        return [[f(a) for a in row] for row in x[0]]

    def op_relu(self, t, n, args, x):
        return self.pointwise(lambda a: max(0.0, a), x)

    def op_gelu(self, t, n, args, x):
        return self.pointwise(lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2, x)

    def op_gelu_new(self, t, n, args, x):
        return self.pointwise(lambda a: a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a ** 3))) / 2, x)

    def op_silu(self, t, n, args, x):
        return self.pointwise(lambda a: a / (1 + math.exp(-a)), x)

    def op_exp(self, t, n, args, x):
        return self.pointwise(math.exp, x)

    def op_sqrt(self, t, n, args, x):
        return self.pointwise(math.sqrt, x)

    def op_erf(self, t, n, args, x):
        return self.pointwise(math.erf, x)

    def op_tanh(self, t, n, args, x):
        return self.pointwise(math.tanh, x)

    def op_sigmoid(self, t, n, args, x):
        return self.pointwise(lambda a: 1 / (1 + math.exp(-a)), x)

    def pairwise(self, f, x):
        return [[f(a, b) for a, b in zip(*rows)] for rows in zip(*x)]

    def op_sub(self, t, n, args, x):
        return self.pairwise(lambda a, b: a - b, x)

    def op_mul(self, t, n, args, x):
        return self.pairwise(lambda a, b: a * b, x)

    def op_div(self, t, n, args, x):
        return self.pairwise(lambda a, b: a / b, x)

    def op_max(self, t, n, args, x):
        return self.pairwise(max, x)

    def op_min(self, t, n, args, x):
        return self.pairwise(min, x)

    def op_input(self, t, n, args, x):
        return [[float(a) for a in row] for row in t]

    def op_row(self, t, n, args, x):
        return [x[0][x[1]]] * n

    def op_select(self, t, n, args, x):
        return [[row[int(e)] for e in x[1]] for row in x[0]]

    def op_concat(self, t, n, args, x):
        return [sum(rows, []) for rows in zip(*x)]

    def op_constant(self, t, n, args, x):
        return [list(x[0])] * n

    def op_jumprelu(self, t, n, args, x):
        return [[a if a > b else 0.0 for a, b in zip(row, x[1])] for row in x[0]]

    def op_topk(self, t, n, args, x):
        out = []
        for row in x[0]:
            kept = sorted(range(len(row)), key=lambda e: (-row[e], e))[:x[1]]
            out.append([a if e in kept else 0.0 for e, a in enumerate(row)])
        return out

    def op_rowsoftmax(self, t, n, args, x):
        return [sum((shares(row[e:e + x[1]]) for e in range(0, len(row), x[1])), []) for row in x[0]]

    def op_maxpool(self, t, n, args, x):
        return [[max(row[int(e)] for e in chosen) for chosen in x[1]] for row in x[0]]

    def op_matmul(self, t, n, args, x):
        count, a, k, c = x[2:]
        return [[math.fsum(left[(b * a + r) * k + m] * right[(b * k + m) * c + j] for m in range(k)) for b in range(count) for r in range(a) for j in range(c)]
                for left, right in zip(x[0], x[1])]

    def op_rmsnorm(self, t, n, args, x):
        out = []
        for row in x[0]:
            s = math.sqrt(sum(a * a for a in row) / len(row) + float(self.eps))
            out.append([a / s * w for a, w in zip(row, x[1] if len(x) > 1 else [1.0] * len(row))])
        return out


def shares(row):
    """softmax"""
    e = [math.exp(s - max(row)) for s in row]
    return [a / sum(e) for a in e]


def transformer(seed, d_vocab=3, n_ctx=3, layers=1, heads=1, d_model=3, d_head=2, d_out=None, causal=True, biases=True, positions=True,
                norm=(), mlp=None, spread=24):
    """A random network with the names of NETWORK.md. norm: any of "ln1", "ln2", "final"; mlp: an activation."""
    rng = random.Random(seed)
    net = Tiny(d_vocab, n_ctx, causal, Fraction(1, 65536) if norm else 0)
    d_out = d_out or d_vocab

    def tensor(name, *shape):
        net.tensor(name, shape, rng, spread=spread)
        return name

    def bias(name, *shape):
        return tensor(name, *shape) if biases else None

    def normed(name, x):
        if biases:
            return net.node(name + ".hook_normalized", "layernorm", x, tensor(name + ".w", d_model), tensor(name + ".b", d_model))
        return net.node(name + ".hook_normalized", "layernorm", x)

    x = net.node("hook_embed", "embed", tensor("embed.W_E", d_vocab, d_model))
    if positions:
        net.node("hook_pos_embed", "position", tensor("pos_embed.W_pos", n_ctx, d_model))
        x = net.node("blocks.0.hook_resid_pre", "add", "hook_embed", "hook_pos_embed")
    for l in range(layers):
        b, a = "blocks.%d." % l, "blocks.%d.attn." % l
        inside = normed(b + "ln1", x) if "ln1" in norm else x
        for w, shape in (("Q", (d_model, d_head)), ("K", (d_model, d_head)), ("V", (d_model, d_head)), ("O", (d_head, d_model))):
            tensor(a + "W_" + w, heads, *shape)
            if w != "O":
                bias(a + "b_" + w, heads, d_head)
        for h in range(heads):
            for w in "qkv":
                net.node("%shook_%s.%d" % (a, w, h), "linear", inside, "%sW_%s[%d]" % (a, w.upper(), h),
                         "%sb_%s[%d]" % (a, w.upper(), h) if biases else None)
            net.node("%shook_attn_scores.%d" % (a, h), "score", "%shook_q.%d" % (a, h), "%shook_k.%d" % (a, h), str(d_head))
            net.node("%shook_pattern.%d" % (a, h), "softmax", "%shook_attn_scores.%d" % (a, h))
            net.node("%shook_z.%d" % (a, h), "mix", "%shook_pattern.%d" % (a, h), "%shook_v.%d" % (a, h))
            net.node("%shook_result.%d" % (a, h), "linear", "%shook_z.%d" % (a, h), "%sW_O[%d]" % (a, h))
        net.node(b + "hook_attn_out", "heads", *["%shook_result.%d" % (a, h) for h in range(heads)], bias(a + "b_O", d_model))
        if mlp:
            x = net.node(b + "hook_resid_mid", "add", x, b + "hook_attn_out")
            inside = normed(b + "ln2", x) if "ln2" in norm else x
            net.node(b + "mlp.hook_pre", "linear", inside, tensor(b + "mlp.W_in", d_model, 4), bias(b + "mlp.b_in", 4))
            net.node(b + "mlp.hook_post", mlp, b + "mlp.hook_pre")
            net.node(b + "hook_mlp_out", "linear", b + "mlp.hook_post", tensor(b + "mlp.W_out", 4, d_model), bias(b + "mlp.b_out", d_model))
            x = net.node(b + "hook_resid_post", "add", x, b + "hook_mlp_out")
        else:
            x = net.node(b + "hook_resid_post", "add", x, b + "hook_attn_out")
    if "final" in norm:
        x = normed("ln_final", x)
    net.node("logits", "linear", x, tensor("unembed.W_U", d_model, d_out), bias("unembed.b_U", d_out))
    return net


def with_twins(net, a, b):
    """The same network with output column b equal to column a."""
    shape, flat = net.tensors["unembed.W_U"]
    for i in range(shape[0]):
        flat[i * shape[1] + b] = flat[i * shape[1] + a]
    if "unembed.b_U" in net.tensors:
        bias = net.tensors["unembed.b_U"][1]
        bias[b] = bias[a]
    return net
