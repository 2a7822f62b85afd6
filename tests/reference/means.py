"""`mean over` and `any over` a product of sets of tokens, of which only the tokens that a row looks at run through their sets: python tests/reference/means.py BUILD [NETS]

Each claim is answered three ways: by the product, by the same sequences as an image set (which are all gone through), and by a plain evaluation of the network here. Both
checkers accept the certificates, and reject copies with another count. Ends with a line `N passed, N failed`.
"""
import itertools
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
from claims import recounted                 # noqa: E402
from decided import decide, statuses, write  # noqa: E402
from nets import transformer                 # noqa: E402
from tally import check, finish              # noqa: E402

BUILD = sys.argv[1]
NETS = int(sys.argv[2]) if len(sys.argv) > 2 else 8


def random_net(seed):
    rng = random.Random(seed)
    layers = rng.choice((1, 2))
    net = transformer(7000 + seed, d_vocab=4, n_ctx=3, d_out=3, layers=layers, heads=rng.choice((1, 2)), causal=seed % 2 == 0, mlp=rng.choice((None, "relu", "gelu")) if layers == 1 else "relu",
                      norm=rng.choice(((), ("ln1", "ln2", "final"))))
    if seed % 4 == 3:
        net.pad = 0
    return net, layers, any(op == "relu" or op == "gelu" for _, op, _ in net.nodes), any(op == "layernorm" for _, op, _ in net.nodes)


def components(rng, layers, mlp):
    """(component, node or None, positions)"""
    n, last = 3, layers - 1
    found = [("embed", "hook_embed", range(n)), ("head(0, 0)[1]", "blocks.0.attn.hook_result.0", [1]), ("pos_embed[0]", "hook_pos_embed", [0]),
             ("head(%d, 0)" % last, "blocks.%d.attn.hook_result.0" % last, range(n)), ("embed[1..2]", "hook_embed", [1, 2]),
             ("edge(embed, unembed)", None, None), ("edge(embed, head(%d, 0).v)[1]" % last, None, None)]
    if mlp:
        found += [("mlp(0)", "blocks.0.hook_mlp_out", range(n)), ("neuron(0, 1)", None, None)]
    return rng.sample(found, 4)


def naive(net, sets, node, positions, t, memo={}):
    """logits of the last position with the node's rows at their means over the product."""
    key = id(net), tuple(map(tuple, sets)), node
    if key not in memo:
        runs = [net.run(s)[node] for s in itertools.product(*sets)]
        memo[key] = [[sum(r[i][j] for r in runs) / len(runs) for j in range(len(runs[0][i]))] for i in range(len(sets))]
    return net.run(t, [(node, i, memo[key][i]) for i in positions])["logits"][-1]


def many():
    """A set of 262,144 sequences that are gone through one by one, against the same mean without them."""
    net = transformer(3, d_vocab=4, n_ctx=9, d_model=2, d_head=1, causal=True, biases=False, positions=True, spread=12, norm=())
    t = "seq(0, 1, 2, 3, 0, 1, 2, 3, a)"
    sides = ["logits(ablate(M, drop = {head(0, 0)}, to = mean over %s), %s)[last, 0]" % (over, t) for over in ("{s : s in tokens[9] of 0..3}", "tokens[9] of 0..3")]
    with tempfile.TemporaryDirectory() as folder:
        found = decide(BUILD, folder, ["forall a in 0..3 prove abs(%s - %s) < 1e-6 engine enumerate" % tuple(sides)], net=net).get("c0", {})
        check((found.get("verdict"), found.get("evidence")) == ("proved", "checked"), "a mean over 262,144 sequences: %s" % found)


def main():
    for seed in range(NETS):
        rng = random.Random(100 + seed)
        net, layers, mlp, normed = random_net(seed)
        sets = [sorted(rng.sample(range(4), rng.choice((1, 2, 3)))) for _ in range(3)]
        text = "tokens(%s)" % ", ".join("{%s}" % ", ".join(map(str, s)) for s in sets)
        image = "{ s : s in %s }" % text
        ln, semantics = ", ln = live" if normed else "", "float32" if seed % 3 == 2 and not normed else "real"      # behind a norm executions differ by more than some gaps
        claims, checks = [], []
        for k, (what, node, positions) in enumerate(components(rng, layers, mlp)):
            word = "any" if k == 3 else "mean"
            model = "ablate(M, drop = {%s}, to = %s over %%s%s)" % (what, word, ln)
            entry = "logits(%s, t)[last, 0]" % model
            values = sorted(naive(net, sets, node, positions, t)[0] for t in itertools.product(range(4), repeat=3)) if node and word == "mean" else None
            bound = "0"
            if values:
                gap, i = max((b - a, i) for i, (a, b) in enumerate(zip(values, values[1:])))
                bound = repr((values[i] + values[i + 1]) / 2) if gap > 1e-5 else "64"
            for name, s in (("p", text), ("i", image)):
                claims.append(("%s%d" % (name, k), "count t in tokens[3] of 0..3 : %s > %s %s under %s" % (entry % s, bound, "within 1" if word == "any" else "", semantics)))
            checks.append((k, what, word, sum(v > float(bound) for v in values) if values else None))
        with tempfile.TemporaryDirectory() as folder:
            found = decide(BUILD, folder, claims, "--certificates", folder + "/c", net=net)
            if not found:
                continue
            good_ones = []
            for k, what, word, number in checks:
                a, b = ([found[name + str(k)].get(x) for x in ("number_lo", "number_hi", "evidence")] for name in "pi")
                words = "net %d, %s over %s of %s: %r, as an image set %r, here %r" % (seed, word, text, what, a, b, number)
                check(a == b and a[0] is not None and (a[2] == "checked" or word == "any"), words)      # a box may leave all open
                if a[2] != "checked":
                    continue
                if number is not None:
                    check(int(a[0]) <= number <= int(a[1]) and (semantics == "float32" or a[0] == a[1]), words)
                path = folder + "/c/p%d.cert" % k
                good_ones.append(path)
                if a[0] == a[1] and k == seed % 3:
                    with open(path) as file:
                        write(folder + "/c/lie.cert", recounted(file.read(), 1))
                    check(statuses(BUILD, folder + "/c/lie.cert") == (1, 1), words + ": a checker accepts one more")
            check(statuses(BUILD, *good_ones) == (0, 0), "net %d: a checker rejects a certificate" % seed)
    many()
    finish()


if __name__ == "__main__":
    main()
