"""How the time of a count grows with the sizes of the network, as fitted exponents.

    python bench/growth.py BUILD [--json OUT]

One layer, one head, maximum of n tokens, random weights (seed 3) with the keys and queries of a model that prefers large tokens; counted within 1/1000, proof and
check together, in processor seconds of the whole process. One size changes at a time; the exponent is the slope of log(time) against log(size) by least squares.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "examples"))
from train import initial, save  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
BASE = {"d_vocab": 16, "n_ctx": 6, "d_model": 16}
SIZES = {"d_vocab": (8, 10, 12, 16, 20, 24), "n_ctx": (4, 5, 6, 7, 8), "d_model": (8, 16, 32, 64)}
CLAIM = 'claims 1\nmodel M = "%s"\nclaim c { count t in tokens[%d] of 0..%d : argmax(logits(M, t)[last]) == max(t) within 1/1000 }\n'


def network(path, d_vocab, n_ctx, d_model):
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
    save(path, T, config)


def cpu():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def measure(sizes, folder):
    path, claims, out = (os.path.join(folder, x) for x in ("m.safetensors", "c.claims", "out.json"))
    network(path, **sizes)
    with open(claims, "w") as f:
        f.write(CLAIM % (path, sizes["n_ctx"], sizes["d_vocab"] - 1))
    before = cpu()
    subprocess.run([BUILD + "/weightproof", "verify", claims, "--engine", "count", "--timeout", "600", "--threads", "1", "--json", out], stdout=subprocess.DEVNULL)
    return cpu() - before, json.load(open(out))["claims"][0]


def slope(xs, ys):
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def main():
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for size, values in SIZES.items():
            times = []
            for value in values:
                seconds, c = measure(dict(BASE, **{size: value}), folder)
                times.append(seconds)
                table.append({"size": size, "value": value, "seconds": seconds, "verdict": c["verdict"], "lo": c["lo"], "hi": c["hi"]})
                print("%-8s %4d  %7.2f s of CPU  %-9s fraction [%.6f, %.6f]" % (size, value, seconds, c["verdict"], c["lo"], c["hi"]), flush=True)
            print("%-8s exponent %.2f" % (size, slope(values, times)), flush=True)
    if "--json" in sys.argv:
        json.dump(table, open(sys.argv[sys.argv.index("--json") + 1], "w"), indent=1)


if __name__ == "__main__":
    main()
