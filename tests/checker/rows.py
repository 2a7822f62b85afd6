"""The rows of the checker's three looks in integers against its enclosures of 320 bits (tests/checker/rows.c), on random networks of one to three layers, of every operation that they take, with weights of
very different sizes and of many digits, and with rows replaced; and every step by itself, from points at the ends of what its rows allow. Rows of folded networks against those of the networks as they stand:

    python3 tests/checker/rows.py BUILD [--nets N] [--seed S]

Ends with `N passed, N failed`.
"""
import argparse
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from nets import transformer           # noqa: E402
from op_nets import Maker, gated, normed, padded, two_tokens  # noqa: E402
from tally import check, finish, run   # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=30)
a.add_argument("--seed", type=int, default=0)
a = a.parse_args()
SIZES = [Fraction(1, 2 ** 60), Fraction(1, 2 ** 30), Fraction(1, 1024), 30, 1000]


def entries(seed):
    """Functions entry by entry that have rows in one of the looks (every other time: of several lanes too), behind attention: what rests on one token alone is made by enclosures."""
    lanes = seed // 8 % 2 == 0
    net = Maker(seed, n_ctx=3, causal=seed % 16 > 7, eps=Fraction(1, 2 ** 17))
    x = net.embedded()
    z = net.attention(net.linear("q", x, 4, 2), net.linear("k", x, 4, 2), net.linear("v", x, 4, 3), 2)
    x = net.node("resid", "add", x, net.linear("o", z, 3, 4))
    y = net.linear("y", x, 4, 4, bias=True)
    parts = [net.node(op, op, y) for op in ("tanh", "sigmoid", "silu", "gelu", "gelu_new", "relu")]
    parts += [net.node(op, op, x, y) for op in ("sub", "mul")]
    parts += [net.node("bare", "rmsnorm", x), net.node("rms", "rmsnorm", y, net.weight("w", 4)), net.node("two", "concat", "mul", "relu"), net.node("two_back", "concat", "silu", "resid")]
    if lanes:
        return net.logits(net.node("all", "concat", *parts), 4 * 10 + 16)
    parts += [net.node(op, op, x, y) for op in ("max", "min")] + [net.node("over", "max", y, "silu")]
    parts += [net.node("pool", "maxpool", x, net.given("I", (2, 3), [0, 1, 2, 3, 2, 2])), net.node("choice", "select", y, net.given("J", (5,), [3, 0, 0, 0, 0]))]
    return net.logits(net.node("all", "concat", *parts), 4 * 13 + 16 + 7)


def large_scores(seed):
    """Scores near a million (every other time: a thousand) that differ by about one: what a query or a key is off moves them by far more than an exponential is off, and no share is 0."""
    size = 1024 if seed // 8 % 2 == 0 else 32
    net, rng = transformer(seed, d_vocab=3, n_ctx=3, d_model=3, d_head=1, d_out=3, causal=seed % 8 > 4, biases=False, positions=False), random.Random(seed)
    digits = [Fraction(rng.randrange(2 ** 42), 2 ** 42) for _ in range(5)]
    net.tensors["embed.W_E"] = ([3, 3], [v for u in digits[:3] for v in (1, u, 2 * u - 1)])
    exact, other = [Fraction(size), 0, 0], [size + digits[3], digits[4] * 2 / size, 0]
    net.tensors["blocks.0.attn.W_Q"] = (net.tensors["blocks.0.attn.W_Q"][0], exact if seed % 2 else other)
    net.tensors["blocks.0.attn.W_K"] = (net.tensors["blocks.0.attn.W_K"][0], other if seed % 2 else exact)
    return net


def random_net(k):
    rng = random.Random(a.seed * 1000 + k)
    if k % 8 in (2, 5):
        return large_scores(k)
    norm = rng.choice([(), ("ln1",), ("ln2",), ("final",), ("ln1", "ln2", "final")])
    if k % 4 == 3:
        net = (entries if k % 8 == 3 else rng.choice([gated, normed, padded, two_tokens]))(k)
    else:
        net = transformer(k, d_vocab=rng.choice([2, 3, 5]), n_ctx=rng.choice([2, 3, 4]), layers=rng.choice([1, 2, 2, 3]), heads=rng.choice([1, 2]), d_model=rng.choice([3, 4, 8, 16]), d_head=rng.choice([1, 2, 3, 4]), d_out=3,
                          causal=rng.random() < .5, biases=rng.random() < .7, positions=rng.random() < .8, norm=norm, mlp=rng.choice([None, "relu", "gelu", "gelu_new", "silu"]), spread=rng.choice([3, 8, 24, 60]))
    digits, sizes = rng.random() < .5, rng.random() < .3
    indices = {args[-1] for _, op, args in net.nodes if op in ("select", "maxpool")}
    for name, (shape, flat) in net.tensors.items():
        if name in indices:
            continue
        by = rng.choice(SIZES) if sizes and rng.random() < .4 else 1
        net.tensors[name] = (shape, [(x + (Fraction(rng.randrange(-2 ** 20, 2 ** 20), 2 ** 40) if digits else 0)) * by for x in flat])
    return net


with tempfile.TemporaryDirectory() as folder:
    same = 0
    worst = {look + what: 0.0 for look in ("narrow", "wide", "lanes") for what in (" rows", " steps")}
    for k in range(a.nets):
        with open(folder + "/n.net", "w") as f:
            f.write(random_net(k).text())
        for how in ([], ["given"]):
            status, output = run(a.build + "/tests/checker/rows", folder + "/n.net", str(a.seed * 1000 + k), *how)
            check(status == 0, "net %d %s: %s" % (k, how, output))
            same += int(re.search(r"(\d+) rows of the folded", output + " 0 rows of the folded")[1])
            for which, most in re.findall(r"(\w+ \w+): .* error ([\d.]+) of", output):
                worst[which] = max(worst[which], float(most))
    check(same > 100, "hardly a network is folded")
    for which, most in worst.items():
        check(1 / 4 < most <= 1, "%s: the largest error is %s of what is allowed: radii that say nothing" % (which, most))
finish()
