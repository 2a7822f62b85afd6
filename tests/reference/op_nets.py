"""Tiny networks over the operations that transformer() of nets.py does not use: every one, alone or as models use it.

networks() gives (name, net, inputs): inputs are sequences of tokens, or of rows of Fractions for a network of real inputs.
"""
import itertools
import random
import struct
from fractions import Fraction

from nets import Tiny


class Maker(Tiny):
    """A Tiny that is written node by node: tensors get random entries, or those that are given."""

    def __init__(self, seed, d_vocab=3, n_ctx=3, causal=True, **more):
        Tiny.__init__(self, d_vocab, n_ctx, causal, **more)
        self.rng = random.Random(seed)

    def weight(self, name, *shape, **how):
        self.tensor(name, shape, self.rng, **dict({"spread": 20}, **how))
        return name

    def given(self, name, shape, numbers):
        self.tensors[name] = (list(shape), [Fraction(x) for x in numbers])
        return name

    def embedded(self, d=4, positions=True):
        self.node("hook_embed", "embed", self.weight("embed.W_E", self.d_vocab, d))
        if not positions:
            return "hook_embed"
        self.node("hook_pos_embed", "position", self.weight("pos_embed.W_pos", self.n_ctx, d))
        return self.node("blocks.0.hook_resid_pre", "add", "hook_embed", "hook_pos_embed")

    def linear(self, name, x, d_in, d_out, bias=False):
        return self.node(name, "linear", x, self.weight(name + ".W", d_in, d_out), self.weight(name + ".b", d_out) if bias else None)

    def logits(self, x, d, d_out=None):
        self.linear("logits", x, d, d_out or self.d_vocab or 3, bias=True)
        return self

    def attention(self, q, k, v, d, h=0, op="softmax", scores=None):
        a = "blocks.0.attn."
        s = [self.node("%shook_attn_scores.%d" % (a, h), "score", q, k, str(d))] if scores is None else scores
        p = self.node("%shook_pattern.%d" % (a, h), op, *s)
        return self.node("%shook_z.%d" % (a, h), "mix", p, v)


def gated(seed, act="silu", causal=True):
    net = Maker(seed, causal=causal)
    x = net.embedded()
    gate = net.node("gate", act, net.linear("pre", x, 4, 5))
    post = net.node("post", "mul", gate, net.linear("up", x, 4, 5))
    return net.logits(net.node("mid", "add", x, net.linear("down", post, 5, 4)), 4)


def bilinear_mlp(seed):
    net = Maker(seed, n_ctx=2)
    x = net.embedded(3)
    post = net.node("post", "mul", net.linear("left", x, 3, 4), net.linear("right", x, 3, 4))
    return net.logits(post, 4)


def rotary(seed, causal=True):
    """Rotation by tables of quarter turns and of dyadic numbers, one head, a key and value that two heads share."""
    net = Maker(seed, causal=causal)
    x = net.embedded(positions=False)
    net.given("cos", (3, 2), [1, 1, Fraction(5, 8), Fraction(5, 8), 0, 0])
    net.given("sin", (3, 2), [0, 0, Fraction(-3, 4), Fraction(3, 4), -1, 1])
    net.given("swap", (2,), [1, 0])
    for name in ("cos", "sin"):
        net.node(name + "_rows", "position", name)

    def turned(y):
        straight = net.node(y + ".straight", "mul", y, "cos_rows")
        swapped = net.node(y + ".swapped", "mul", net.node(y + ".select", "select", y, "swap"), "sin_rows")
        return net.node(y + ".rot", "add", straight, swapped)
    k, v = turned(net.linear("k", x, 4, 2)), net.linear("v", x, 4, 2)
    heads = []
    for h in range(2):
        z = net.attention(turned(net.linear("q%d" % h, x, 4, 2)), k, v, 2, h)
        heads.append(net.linear("blocks.0.attn.hook_result.%d" % h, z, 2, 4))
    return net.logits(net.node("resid", "add", x, net.node("out", "heads", *heads)), 4)


def bilinear_attention(seed, causal=True, pad=None, alone=False):
    net = Maker(seed, causal=causal, pad=pad)
    x = net.embedded()
    s = [net.node("s%d" % i, "score", net.linear("q%d" % i, x, 4, 2), net.linear("k%d" % i, x, 4, 2), "3") for i in range(1 if alone else 2)]
    z = net.attention(None, None, net.linear("v", x, 4, 3), 2, op="bilinear", scores=s * (2 if alone else 1))
    return net.logits(net.node("resid", "add", x, net.linear("o", z, 3, 4)), 4)


def padded(seed, causal=True, pad=0):
    net = Maker(seed, causal=causal, pad=pad)
    x = net.embedded()
    z = net.attention(net.linear("q", x, 4, 2), net.linear("k", x, 4, 2), net.linear("v", x, 4, 2), 2)
    return net.logits(net.node("resid", "add", x, net.linear("blocks.0.attn.hook_result.0", z, 2, 4)), 4)


def normed(seed, weights=True):
    net = Maker(seed, n_ctx=2, eps=Fraction(1, 2 ** 17))
    x = net.embedded()
    net.node("norm", "rmsnorm", x, net.weight("w", 4) if weights else None)
    return net.logits("norm", 4)


def two_tokens(seed, join="concat"):
    net = Maker(seed, d_vocab=4, n_ctx=2)
    x = net.embedded(3, positions=False)
    a, b = net.node("left", "row", x, "0"), net.node("right", "row", x, "1")
    y = net.node("both", join, a, b)
    d = 6 if join == "concat" else 3
    return net.logits(net.node("post", "relu", net.linear("pre", y, d, 5, bias=True)), 5, 4)


def functions(seed):
    """Functions and choices entry by entry, concatenated."""
    net = Maker(seed, n_ctx=2)
    x = net.embedded()
    y = net.linear("y", x, 4, 4, bias=True)
    c = net.node("c", "constant", net.given("seven", (4,), [7, Fraction(13, 2), 8, Fraction(15, 2)]))
    square = net.node("square", "mul", y, y)
    above = net.node("above", "add", square, c)
    parts = [net.node(op, op, y) for op in ("exp", "erf", "tanh", "sigmoid")]
    parts += [net.node("sqrt", "sqrt", above), net.node("sub", "sub", x, y), net.node("div", "div", y, above)]
    parts += [net.node("max", "max", x, y), net.node("min", "min", x, y), net.node("jump", "jumprelu", y, net.weight("t", 4, spread=6))]
    parts += [net.node("top", "topk", y, "2"), net.node("groups", "rowsoftmax", y, "2"), net.node("one", "topk", x, "1")]
    pool = net.node("pool", "maxpool", x, net.given("I", (2, 3), [0, 1, 2, 3, 2, 2]))
    choice = net.node("choice", "select", y, net.given("J", (5,), [3, 0, 0, 2, 1]))
    return net.logits(net.node("all", "concat", pool, choice, *parts), 7 + 4 * len(parts))


def products(seed):
    """matmul of batches, with a matrix from constants and one from the row."""
    net = Maker(seed, n_ctx=2)
    x = net.linear("x", net.embedded(), 4, 12)
    c = net.node("c", "constant", net.weight("C", 12))
    net.node("batched", "matmul", x, c, "2", "3", "2", "3")
    net.node("inner", "matmul", x, x, "1", "2", "6", "2")
    net.node("outer", "matmul", "inner", net.node("few", "select", x, net.given("I", (3,), [0, 5, 11])), "1", "4", "1", "3")
    return net.logits(net.node("all", "concat", "batched", "inner", "outer"), 34)


def real_vector(seed):
    """A small classifier of one vector: a convolution by select and matmul, pooling, a softmax."""
    net = Maker(seed, None, 1, reals=6)
    x = net.node("x", "input")
    padded_x = net.node("padded", "concat", x, net.node("zero", "constant", net.given("nil", (1,), [0])))
    window = net.node("window", "select", padded_x, net.given("im2col", (18,), [e if 0 <= e < 6 else 6 for i in range(6) for e in (i - 1, i, i + 1)]))
    conv = net.node("conv", "matmul", window, net.node("kernel", "constant", net.weight("K", 6)), "1", "6", "3", "2")
    pool = net.node("pool", "maxpool", net.node("act", "relu", conv), net.given("P", (6, 2), [e for c in range(2) for i in range(3) for e in (4 * i + c, 4 * i + 2 + c)]))
    net.logits(pool, 6)
    return net


def real_sequence(seed, causal=False):
    net = Maker(seed, None, 3, causal=causal, reals=4)
    x = net.node("x", "input")
    y = net.node("resid", "add", x, net.node("pos", "position", net.weight("P", 3, 4)))
    z = net.attention(net.linear("q", y, 4, 2), net.linear("k", y, 4, 2), net.linear("v", y, 4, 4), 2)
    return net.logits(net.node("mid", "add", y, net.node("first", "row", z, "0")), 4)


def sequences(net, lengths=None):
    lengths = lengths or range(1, net.n_ctx + 1)
    return [t for n in lengths for t in itertools.product(range(net.d_vocab), repeat=n)]


def real_inputs(net, seed, count=6):
    rng = random.Random(seed)
    return [tuple(tuple(Fraction(rng.randint(-64, 64), 32) for _ in range(net.reals)) for _ in range(n)) for n in range(1, net.n_ctx + 1) for _ in range(count)]


def networks(shift=0):
    def on_tokens(name, net, lengths=None):
        return name, net, sequences(net, lengths)
    for k, act in enumerate(("silu", "gelu", "relu", "sigmoid", "tanh", "exp", "gelu_new", "erf")):
        yield on_tokens("gated-" + act, gated(200 + k + shift, act, k % 2 == 0))
    yield on_tokens("bilinear-mlp", bilinear_mlp(210 + shift))
    yield on_tokens("rotary", rotary(211 + shift))
    yield on_tokens("rotary-both-ways", rotary(212 + shift, False))
    yield on_tokens("bilinear-attention", bilinear_attention(213 + shift))
    yield on_tokens("bilinear-attention-padded", bilinear_attention(214 + shift, False, 1))
    yield on_tokens("square-attention", bilinear_attention(215 + shift, alone=True))
    yield on_tokens("padded", padded(216 + shift))
    yield on_tokens("padded-both-ways", padded(217 + shift, False, 2))
    yield on_tokens("rmsnorm", normed(218 + shift))
    yield on_tokens("rmsnorm-bare", normed(219 + shift, False))
    yield on_tokens("concatenated", two_tokens(220 + shift), (2,))
    yield on_tokens("added", two_tokens(221 + shift, "add"), (2,))
    yield on_tokens("functions", functions(222 + shift))
    yield on_tokens("matmul", products(223 + shift))
    for name, net in (("real-vector", real_vector(224 + shift)), ("real-sequence", real_sequence(225 + shift)), ("real-sequence-causal", real_sequence(226 + shift, True))):
        yield name, net, real_inputs(net, shift)


# one operation at the edges of binary32

EDGES = [Fraction(2) ** -149, -Fraction(2) ** -149, 3 * Fraction(2) ** -149, Fraction(2) ** -126, Fraction(2) ** -126 - Fraction(2) ** -149, -Fraction(2) ** -125,
         Fraction(2) ** -75, -Fraction(2) ** -70 * Fraction(2 ** 24 - 1, 2 ** 24), Fraction(2) ** -24, 1 - Fraction(1, 2 ** 24), 1 + Fraction(1, 2 ** 23), -1,
         Fraction(1, 3), Fraction(-7, 5), 5, -5, Fraction(9, 1), -9, 16, -17, Fraction(-8733, 100), Fraction(-8734, 100), Fraction(-867, 10), -88, -104, 88, Fraction(8872, 100),
         -103, 2 ** 24 - 1, -2 ** 24, Fraction(2) ** 62, -Fraction(2) ** 63, Fraction(2) ** 127 - Fraction(2) ** 110, 0, 0]
UNARY = ("exp", "sqrt", "erf", "tanh", "sigmoid", "silu", "gelu", "gelu_new", "relu", "rmsnorm", "layernorm")
BINARY = ("sub", "mul", "div", "max", "min", "add")


def binary32(x):
    """The nearest binary32 number."""
    return Fraction(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def edge_rows(seed, width, count):
    rng = random.Random(seed)
    chosen = [[binary32(rng.choice(EDGES)) for _ in range(width)] for _ in range(count)]
    return chosen + [[x] * width for x in chosen[0]]


def one_operation(op, rows, args=(), eps=0):
    """node a: op of node e, whose rows are given, and of node f, its rows shifted by one, for two arguments."""
    net = Maker(0, len(rows), 2, eps=eps)
    width = len(rows[0])
    net.node("e", "embed", net.given("E", (len(rows), width), [x for row in rows for x in row]))
    net.node("f", "embed", net.given("F", (len(rows), width), [x for row in rows[1:] + rows[:1] for x in row[::-1]]))
    for name, x in (("t", rows[0]), ("one", [Fraction(1)] * width)):
        net.given(name, (width,), x)
    net.node("a", op, "e", *args)
    used = {x for _, _, a in net.nodes for x in a}
    net.tensors = {name: x for name, x in net.tensors.items() if name in used}
    net.node("logits", "max", "a", "a")
    return net


def attention_at_edges(op, rows, pad=None):
    net = Maker(0, len(rows), 2, causal=False, pad=pad)
    net.node("e", "embed", net.given("E", (len(rows), len(rows[0])), [x for row in rows for x in row]))
    s = [net.node("s", "score", "e", "e", "3")]
    p = net.node("p", op, *(s * (2 if op == "bilinear" else 1)))
    net.node("logits", "mix", p, "e")
    return net


def edges(shift=0):
    """(name, net, inputs): values near the ends of binary32; some have none, and are to be refused."""
    for k, op in enumerate(UNARY + BINARY):
        rows = edge_rows(300 + k + shift, 4, 10)
        net = one_operation(op, rows, ("f",) if op in BINARY else (), Fraction(1, 2 ** 40) if op in ("rmsnorm", "layernorm") else 0)
        yield "edge-" + op, net, [(a,) for a in range(len(rows))]
    rows = edge_rows(330 + shift, 4, 10)
    for name, op, args, eps in (("jumprelu", "jumprelu", ("t",), 0), ("topk1", "topk", ("1",), 0), ("topk2", "topk", ("2",), 0), ("rowsoftmax", "rowsoftmax", ("2",), 0),
                                ("matmul", "matmul", ("f", "1", "2", "2", "2"), 0), ("rmsnorm-weights", "rmsnorm", ("t",), 1), ("square", "mul", ("e",), 0),
                                ("rmsnorm-bare", "rmsnorm", (), 0)):
        yield "edge-" + name, one_operation(op, [r for r in rows if eps == 0 or any(r)], args, eps), [(a,) for a in range(len(rows))]
    small = [[x if abs(x) < 2 ** 10 else binary32(Fraction(x, 2 ** 30)) for x in row] for row in rows]
    for op, pad in (("softmax", None), ("bilinear", None), ("softmax", 1), ("bilinear", 1)):
        yield "edge-%s-%s" % (op, pad), attention_at_edges(op, small, pad), [(a, b) for a in range(4) for b in range(4)]
