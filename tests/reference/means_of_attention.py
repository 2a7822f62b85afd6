"""Means of attention over many sequences, which are made without going through them (FORMAT.md, "Means of attention"): python tests/reference/means_of_attention.py BUILD [NETS]

The same entry of a network with a head's output at its mean, over a product of sets of tokens and over the same sequences as an image set (which are all gone through): both enclosures are narrow
and meet, and hold what a plain evaluation in doubles gives. Both checkers accept the certificates, and reject copies whose interval is moved by twice its width. Ends with `N passed, N failed`.
"""
import itertools
import os
import random
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
from claims import value_of, valued          # noqa: E402
from decided import decide, statuses, write  # noqa: E402
from nets import transformer                 # noqa: E402
from tally import check, finish              # noqa: E402

BUILD = sys.argv[1]
NETS = int(sys.argv[2]) if len(sys.argv) > 2 else 6
WITHIN = Fraction(1, 10 ** 9)

# d_vocab, n_ctx, layers, heads, causal, MLP, norms, sizes of the sets (more than 4,096 sequences), W_Q times this, what is at its mean: component, node, its position or None for all
KINDS = [
    (17, 3, 1, 1, True, None, (), (17, 16, 16), 1, "head(0, 0)[last]", "blocks.0.attn.hook_result.0", 2),
    (9, 4, 1, 2, True, "relu", (), (9, 9, 9, 8), 4, "head(0, 1)[3]", "blocks.0.attn.hook_result.1", 3),
    (18, 3, 2, 1, False, "gelu", ("ln1", "ln2", "final"), (15, 18, 17), 8, "head(0, 0)[1]", "blocks.0.attn.hook_result.0", 1),
    (66, 2, 1, 2, True, "relu", ("ln1",), (66, 65), 2, '"blocks.0.hook_resid_mid"[last]', "blocks.0.hook_resid_mid", 1),
    (17, 3, 2, 2, True, None, (), (17, 17, 16), 8, '"blocks.0.hook_attn_out"[last]', "blocks.0.hook_attn_out", 2),
    (70, 2, 1, 1, False, None, (), (66, 70), 1, "head(0, 0)", "blocks.0.attn.hook_result.0", None),
]


def make_net(seed, kind):
    d_vocab, n_ctx, layers, heads, causal, mlp, norm, _, factor = kind[:9]
    net = transformer(8100 + seed, d_vocab=d_vocab, n_ctx=n_ctx, d_out=3, layers=layers, heads=heads, causal=causal, mlp=mlp, norm=norm)
    shape, flat = net.tensors["blocks.0.attn.W_Q"]
    net.tensors["blocks.0.attn.W_Q"] = shape, [x * factor for x in flat]
    return net


def plain(net, sets, node, position, t):
    """Entry 0 of the last row with the node's rows at their means, in doubles."""
    positions = range(len(sets)) if position is None else [position]
    runs = [net.run(s)[node] for s in itertools.product(*sets)]
    rows = {i: [sum(r[i][j] for r in runs) / len(runs) for j in range(len(runs[0][i]))] for i in positions}
    return net.run(t, [(node, i, row) for i, row in rows.items()])["logits"][-1][0]


def one(seed):
    kind = KINDS[seed % len(KINDS)]
    net, rng = make_net(seed, kind), random.Random(seed)
    sets = [sorted(rng.sample(range(kind[0]), size)) for size in kind[7]]
    text = "tokens(%s)" % ", ".join("{%s}" % ", ".join(map(str, s)) for s in sets)
    ln = ", ln = live" if kind[6] else ""
    t = [s[0] for s in sets]
    domain = "tokens(%s)" % ", ".join("{%d}" % a for a in t)
    entry = "logits(ablate(M, drop = {%s}, to = mean over %%s%s), t)[last, 0]" % (kind[9], ln)
    claims = [(name, "minimize t in %s : %s within 1/1000000000" % (domain, entry % s)) for name, s in (("p", text), ("i", "{ s : s in %s }" % text))]
    with tempfile.TemporaryDirectory() as folder:
        found = decide(BUILD, folder, claims, "--certificates", folder + "/c", net=net)
        if not found:
            return
        words = "net %d, %s: %s" % (seed, kind[9], [(found[x].get("lo"), found[x].get("hi"), found[x].get("reason")) for x in "pi"])
        check(all(found[x]["evidence"] == "checked" for x in "pi"), words)
        texts = [open(folder + "/c/%s.cert" % x).read() for x in "pi"]
        ends = [value_of(text) for text in texts]
        check(ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1], words + ": the enclosures do not meet")
        here = plain(net, sets, kind[10], kind[11], t)
        check(all(lo - WITHIN <= here <= hi + WITHIN for lo, hi in ends), words + ": here %r" % here)
        check(statuses(BUILD, folder + "/c/p.cert") == (0, 0), words + ": a checker rejects")
        by = (-2, 2)[seed % 2] * (ends[0][1] - ends[0][0])
        write(folder + "/c/lie.cert", valued(texts[0], ends[0][0] + by, ends[0][1] + by))
        check(statuses(BUILD, folder + "/c/lie.cert") == (1, 1), words + ": a checker accepts another interval")


if __name__ == "__main__":
    for seed in range(NETS):
        one(seed)
    finish()
