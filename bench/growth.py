"""How the time to prove and to check grows with the sizes of network and specification, as fitted exponents.

    python bench/growth.py BUILD [--json OUT] [--svg docs/growth.svg] [--only SIZE]

One layer, maximum of n tokens, random weights (seed 3) with the keys and queries of a model that prefers large tokens. d_vocab, n_ctx, d_model: a count within 1/1000 (engine count). heads: the smallest
margin of a model whose heads differ, of four tokens out of 32 (engine cells, one head: separable). states: the smallest lead of the output that a random automaton of so many states names, eight tokens (separable).
Processor seconds on one thread, of proving (the whole process less the check) and of checking; one size changes at a time; the exponent is the slope of log(time) against log(size) by least squares.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import processor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "examples"))
from train import initial, save  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build", type=os.path.abspath)
a.add_argument("--json")
a.add_argument("--svg")
a.add_argument("--only", default="")
a = a.parse_args()
COUNT = {"d_vocab": 16, "n_ctx": 6, "d_model": 16, "heads": 1, "states": 0}
SIZES = {"d_vocab": (COUNT, (8, 12, 16, 24, 32, 48)), "n_ctx": (COUNT, (4, 5, 6, 7, 8, 9)), "d_model": (COUNT, (8, 16, 32, 64, 128)),
         "heads": (dict(COUNT, d_vocab=32, n_ctx=4), (1, 2, 3, 4)), "states": (dict(COUNT, d_vocab=32, n_ctx=8), (2, 4, 8, 16, 32))}


def claim(size, d_vocab, n_ctx, states, **_):
    binds = "t in tokens[%d] of 0..%d" % (n_ctx, d_vocab - 1)
    if size in COUNT and size not in ("heads", "states"):
        return "count %s : argmax(logits(M, t)[last]) == max(t) within 1/1000" % binds
    rng = np.random.default_rng(5)
    table = "{%s}" % ", ".join("{%s}" % ", ".join(map(str, rng.integers(0, states, d_vocab))) for _ in range(states))
    right = "fold(%s, 0, t)" % table if states else "max(t)"
    return "let r = %s minimize %s : logits(M, t)[last, r] - max{ logits(M, t)[last, j] : j in 0..%d where j != r } within 1e-6" % (right, binds, d_vocab - 1)


def network(path, d_vocab, n_ctx, d_model, heads, **_):
    """Embeddings: random, and one axis that rises with the token, which keys and queries read; values copy the token."""
    config = {"d_vocab": d_vocab, "n_ctx": n_ctx, "d_model": d_model, "n_heads": 1, "d_head": d_model, "n_layers": 1, "d_mlp": 0, "act_fn": "relu", "attn_only": True,
              "attention_dir": "causal", "normalization_type": None, "d_vocab_out": d_vocab}
    T = initial(config, np.random.default_rng(3), False)
    E = T["embed.W_E"]
    E[:, 0] = np.linspace(0, 1, d_vocab)
    T["pos_embed.W_pos"] *= 0.05
    T["blocks.0.attn.W_Q"][0] = T["blocks.0.attn.W_K"][0] = 0
    T["pos_embed.W_pos"][:, 1] = 1
    T["blocks.0.attn.W_Q"][0, 1, 0] = 4 * d_model ** 0.5
    T["blocks.0.attn.W_K"][0, 0, 0] = 2
    T["blocks.0.attn.W_V"][0] = T["blocks.0.attn.W_O"][0] = np.eye(d_model)
    T["unembed.W_U"] = np.ascontiguousarray(2 * E.T)
    rng = np.random.default_rng(4)
    for k in "QKVO":
        x = np.repeat(T["blocks.0.attn.W_" + k], heads, 0) / (heads if k == "O" else 1)
        T["blocks.0.attn.W_" + k] = x * (1 + 0.02 * (heads > 1) * rng.normal(size=x.shape)).astype(x.dtype)
    save(path, T, dict(config, n_heads=heads))


def measure(size, sizes, folder):
    """Seconds of proving and of checking, and the result."""
    network(folder + "/m.safetensors", **sizes)
    with open(folder + "/c.claims", "w") as f:
        f.write('claims 1\nmodel M = "m.safetensors"\nclaim c { %s }\n' % claim(size, **sizes))
    begin = processor.seconds()
    command = [a.build + "/weightproof", "verify", folder + "/c.claims", "--timeout", "600", "--threads", "1", "--json", folder + "/out.json", "--certificates", folder + "/d", "--quiet"]
    subprocess.run(command + (["--engine", "count"] if size in ("d_vocab", "n_ctx", "d_model") else []), stdout=subprocess.DEVNULL)
    middle = processor.seconds()
    subprocess.run([a.build + "/weightproof-check", "--quiet", folder + "/d/c.cert"], check=True, stdout=subprocess.DEVNULL)
    check = processor.seconds() - middle
    return max(middle - begin - check, 0.005), check, json.load(open(folder + "/out.json"))["claims"][0]


def slope(xs, ys):
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def draw(table, path):
    """Both axes logarithmic: the size over its smallest value, and seconds; full lines prove, dashed ones check."""
    colours = {"d_vocab": "#1f77b4", "n_ctx": "#d62728", "d_model": "#2ca02c", "heads": "#9467bd", "states": "#8c564b"}
    X, Y = lambda v: 60 + 150 * np.log2(v), lambda s: 330 - 75 * (np.log10(s) + 2.3)     # noqa: E731
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="880" height="380" font-family="sans-serif" font-size="11">', '<rect width="880" height="380" fill="white"/>']
    for v in (1, 2, 4, 8, 16):
        out.append('<path d="M%.1f 20V330" stroke="#ddd"/><text x="%.1f" y="345" text-anchor="middle">%d</text>' % (X(v), X(v), v))
    for s in (0.01, 0.1, 1, 10, 100):
        out.append('<path d="M60 %.1fH660" stroke="#ddd"/><text x="55" y="%.1f" text-anchor="end">%g s</text>' % (Y(s), Y(s) + 4, s))
    out.append('<text x="360" y="365" text-anchor="middle">size over its smallest value; full: prove, dashed: check</text>')
    for size, colour in colours.items():
        rows = [r for r in table if r["size"] == size]
        for key in ("prove", "check") if rows else ():
            points = " ".join("%.1f,%.1f" % (X(r["value"] / rows[0]["value"]), Y(r[key])) for r in rows)
            out.append('<polyline points="%s" fill="none" stroke="%s"%s/>' % (points, colour, ' stroke-dasharray="4 3"' if key == "check" else ""))
        if rows:
            xs = [r["value"] for r in rows]
            out.append('<text x="680" y="%d" fill="%s">%s from %d: %.1f, %.1f</text>' % (20 + 14 * list(colours).index(size), colour, size, xs[0], *(slope(xs, [r[k] for r in rows]) for k in ("prove", "check"))))
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>"]) + "\n")


def main():
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for size, (base, values) in SIZES.items():
            for value in values if a.only in size else ():
                prove, check, c = measure(size, dict(base, **{size: value}), folder)
                table.append({"size": size, "value": value, "prove": prove, "check": check, "verdict": c["verdict"], "engine": c["engine"]})
                print("%-8s %4d  prove %7.2f s  check %7.2f s  %-9s %s" % (size, value, prove, check, c["verdict"], c["engine"]), flush=True)
            if a.only in size:
                rows = [r for r in table if r["size"] == size]
                print("%-8s exponents %.2f, %.2f" % (size, *(slope(values, [r[k] for r in rows]) for k in ("prove", "check"))), flush=True)
    if a.svg:
        draw(table, a.svg)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(table, f, indent=1)


if __name__ == "__main__":
    main()
