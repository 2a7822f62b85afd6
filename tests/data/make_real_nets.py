"""Writes the networks of real inputs that tests/claims/forms.claims and the unit tests read, with small dyadic weights; the same bytes every time.

    python tests/data/make_real_nets.py
"""
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))
from nets import number  # noqa: E402


def net(name, width, n_ctx, tensors, nodes, output, seed, mask="none"):
    rng = random.Random(seed)
    out = ["weightproof-net 1", "reals %d %d" % (width, n_ctx), "mask " + mask, "eps 0"]
    for t in sorted(tensors):
        shape = tensors[t]
        rows = 1
        for k in shape[:-1]:
            rows *= k
        out.append("tensor %s %s" % (t, " ".join(map(str, shape))))
        out += [" ".join(number(rng.randint(-24, 24) / 16) for _ in range(shape[-1])) for _ in range(rows)]
    out += ["node " + x for x in nodes] + ["output " + output, "end"]
    with open(os.path.join(HERE, "claims", name + ".net"), "w") as f:
        f.write("\n".join(out) + "\n")


net("three", 3, 1, {"L": [3, 4], "R": [3, 4], "P": [4, 3], "b": [3]},
    ["x input", "left linear x L", "right linear x R", "both mul left right", "out linear both P b"], "out", 1)
net("probe", 32, 1, {"W": [32, 4], "V": [4, 3]}, ["x input", "pre linear x W", "post relu pre", "verdict linear post V"], "verdict", 2)
net("auto", 32, 1, {"E": [32, 5], "D": [5, 32], "c": [5]}, ["x input", "code_pre linear x E c", "code relu code_pre", "again linear code D"], "again", 3)
net("rows", 3, 4, {"Q": [1, 3, 2], "K": [1, 3, 2], "V": [1, 3, 2], "O": [1, 2, 3], "U": [3, 2]},
    ["x input", "q linear x Q[0]", "k linear x K[0]", "v linear x V[0]", "s score q k 2", "blocks.0.attn.hook_pattern.0 softmax s",
     "z mix blocks.0.attn.hook_pattern.0 v", "r linear z O[0]", "y add x r", "blocks.0.hook_resid_post relu y", "out linear blocks.0.hook_resid_post U"], "out", 4, "causal")
