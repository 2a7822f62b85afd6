"""How soon false claims on domains too large to enumerate are refuted: python bench/refute.py BUILD [--nets N] [--only FAMILY] [--timeout S]

Random transformers of one to three layers, one to four heads, with and without LayerNorm and MLP, 32 tokens, 6 to 10 positions (1e9 to 1e15 sequences), and claims that fail on few of them:

  bound      a difference of two logits stays below a bound, a fiftieth of the way down from the best that a climb here finds to the middle of random inputs
  exists     the same difference lies above such a bound somewhere
  near_tie   a copy of the model, one part in 500 of another one, answers the same everywhere
  trigger    two, three, four or five copies of one token in ten push a logit up by a unit of the MLP that is silent everywhere else (backdoor; shares 2e-2, 1e-3, 7e-5, 2e-6)
  rare       answers agree with a copy whose embedding of one token differs, wherever that token stands at two, or three, given positions (1e-3, 3e-5)

The prover's choice of engines answers; every counterexample is replayed by the checker. A table of elapsed seconds, proving and checking together. Ends with status 1 when more than a
quarter stay open (some of near_tie may be true).
"""
import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "tests", "reference")]
from nets import transformer  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=8)
a.add_argument("--only", default="")
a.add_argument("--timeout", default="60")
a = a.parse_args()
V, OUT = 32, 6


def shape_of(seed):
    r = random.Random(seed)
    return dict(layers=r.choice((1, 2, 3)), heads=r.choice((1, 2, 4)), mlp=r.choice((None, "relu", "gelu")), norm=r.choice(((), ("ln1", "ln2", "final"))), causal=r.choice((True, False))), r.choice((6, 8, 10))


def random_net(seed):
    shape, n = shape_of(seed)
    return transformer(40000 + seed, d_vocab=V, n_ctx=n, d_out=OUT, d_model=8, d_head=4, **shape), n, "%d layers, %d heads%s%s, n = %d" % (
        shape["layers"], shape["heads"], ", LayerNorm" if shape["norm"] else "", ", MLP" if shape["mlp"] else "", n)


def tensors(net):
    return {name: np.array(flat, dtype=float).reshape(shape) for name, (shape, flat) in net.tensors.items()}


def logits(net, t):
    """Of the last position; net: a network of nets.py, with the nodes that transformer() makes. [sequences, OUT]"""
    T, rows, n = tensors(net), {}, t.shape[1]

    def part(x):
        if "[" in x:
            name, i = x[:-1].split("[")
            return T[name][int(i)]
        return T[x]
    for name, op, args in net.nodes:
        x = [rows.get(b) for b in args]
        w = [part(b) for b in args if b.split("[")[0] in T and b not in rows]
        if op == "embed":
            y = w[0][t]
        elif op == "position":
            y = np.broadcast_to(w[0][:n], (len(t), n, w[0].shape[1]))
        elif op in ("add", "heads"):
            y = sum(v for v in x if v is not None) + (w[0] if w else 0)
        elif op == "linear":
            y = x[0] @ w[0] + (w[1] if len(w) > 1 else 0)
        elif op == "layernorm":
            y = x[0] - x[0].mean(-1, keepdims=True)
            y = y / np.sqrt((y ** 2).mean(-1, keepdims=True) + float(net.eps))
            y = y * w[0] + w[1] if w else y
        elif op == "score":
            y = x[0] @ x[1].transpose(0, 2, 1) / math.sqrt(int(args[2]))
            if net.causal:
                y = np.where(np.tril(np.ones((n, n), bool)), y, -np.inf)
        elif op == "softmax":
            y = np.exp(x[0] - x[0].max(-1, keepdims=True))
            y = y / y.sum(-1, keepdims=True)
        elif op == "mix":
            y = x[0] @ x[1]
        elif op == "relu":
            y = np.maximum(x[0], 0)
        elif op == "gelu":
            y = x[0] * 0.5 * (1 + np.vectorize(math.erf)(x[0] / math.sqrt(2)))
        else:
            raise SystemExit("no rule for " + op)
        rows[name] = y
    return rows["logits"][:, -1]


def climbed(f, n, rng, starts=6):
    """(the middle of random inputs, the best that coordinate ascent finds)"""
    t = rng.integers(0, V, (4000, n))
    y = f(t)
    best = -np.inf
    for i in np.argsort(-y)[:starts]:
        x, v, moved = t[i].copy(), y[i], True
        while moved:
            moved = False
            for k in range(n):
                trial = np.repeat(x[None], V, 0)
                trial[:, k] = np.arange(V)
                z = f(trial)
                if z.max() > v + 1e-9:
                    x, v, moved = trial[z.argmax()], z.max(), True
        best = max(best, v)
    return float(np.median(y)), float(best)


def family_bound(seed, word="bound"):
    net, n, what = random_net(seed)
    one, two = random.Random(seed).sample(range(OUT), 2)
    middle, best = climbed(lambda t: logits(net, t)[:, one] - logits(net, t)[:, two], n, np.random.default_rng(seed))
    at = best - (best - middle) / 50
    lead = "logits(M, t)[last, %d] - logits(M, t)[last, %d]" % (one, two)
    binds = "t in tokens[%d] of 0..%d" % (n, V - 1)
    text = {"bound": "forall %s prove %s < %r" % (binds, lead, at), "exists": "prove exists %s : %s > %r" % (binds, lead, at)}[word]
    return {"M": net}, text, what


def family_exists(seed):
    return family_bound(100 + seed, "exists")


def family_near_tie(seed):
    net, n, what = random_net(300 + seed)
    other = transformer(40300 + 7 * seed + 5000, d_vocab=V, n_ctx=n, d_out=OUT, d_model=8, d_head=4, **shape_of(300 + seed)[0])
    return {"M": net, "R": other}, "forall t in tokens[%d] of 0..%d prove argmax(logits(blend(M, R, 1/500), t)[last]) == argmax(logits(M, t)[last])" % (n, V - 1), what


def family_trigger(seed):
    """Attention is even; entry 7 of the stream counts copies of one token; a unit of the MLP fires from k copies on."""
    n, k, rng = 10, 2 + seed % 4, random.Random(seed)
    net = transformer(41000 + seed, d_vocab=V, n_ctx=n, d_out=OUT, d_model=8, d_head=4, heads=2, mlp="relu", causal=False)
    token = rng.randrange(V)

    def change(name, f):
        T = np.array(net.tensors[name][1], dtype=object).reshape(net.tensors[name][0])
        f(T)
        net.tensors[name] = (net.tensors[name][0], list(T.reshape(-1)))

    def own(T):
        T[:, 7] = 0

    def mark(T):
        T[:, 7] = 0
        T[token, 7] = 1
    change("embed.W_E", mark)
    change("pos_embed.W_pos", own)

    def even(T):
        T[0] = 0
    change("blocks.0.attn.W_Q", even)
    change("blocks.0.attn.b_Q", even)

    def values(T):          # of head 0: entry 0 of its value is the mark
        T[0] = 0
        T[0, 7, 0] = 16
    change("blocks.0.attn.W_V", values)
    change("blocks.0.attn.b_V", lambda T: T.__setitem__(0, 0))

    def out(T):
        T[0] = 0
        T[0, 0, 7] = 1
        T[1, :, 7] = 0
    change("blocks.0.attn.W_O", out)
    change("blocks.0.attn.b_O", lambda T: T.__setitem__(7, 0))

    def first(T):
        T[:, 0] = 0
        T[7, 0] = 1
    change("blocks.0.mlp.W_in", first)
    change("blocks.0.mlp.b_in", lambda T: T.__setitem__(0, type(T[1])(-(16 * k * 16 // n - 8)) / 16 - 1))
    change("blocks.0.mlp.W_out", lambda T: T.__setitem__(0, 0) or T[0].__setitem__(6, 64))
    change("unembed.W_U", lambda T: T.__setitem__((slice(None), 0), T[:, 0] * 0) or T[6].__setitem__(0, 8))
    rows = np.random.default_rng(seed).integers(0, V, (20000, n))
    rows = rows[(rows == token).sum(1) < 2]
    z = logits(net, rows)[:, 0]
    return {"M": net}, "forall t in tokens[%d] of 0..%d prove logits(M, t)[last, 0] < %r" % (n, V - 1, float(z.max() + 0.5 * (z.max() - z.min()))), "from %d copies on" % k


def family_rare(seed):
    net, n, what = random_net(500 + seed)
    k, rng = 2 + seed % 2, random.Random(seed)
    token, places = rng.randrange(V), rng.sample(range(n), k)
    body = "argmax(logits(M, t)[last]) == argmax(logits(replace(M, \"embed.W_E\" = W(M, \"embed.W_E\") + 2 * transpose({onehot(%d, %d)}) @ {onehot(3, 8)}%s), t)[last])" % (token, V, ", ln = live" if shape_of(500 + seed)[0]["norm"] else "")
    return {"M": net}, "forall t in tokens[%d] of 0..%d where %s prove %s" % (n, V - 1, " and ".join("t[%d] == %d" % (p, token) for p in places), body), what


def verify(models, text):
    with tempfile.TemporaryDirectory() as folder:
        for name, net in models.items():
            with open("%s/%s.net" % (folder, name), "w") as f:
                f.write(net.text())
        with open(folder + "/a.claims", "w") as f:
            f.write("claims 1\n" + "".join('model %s = "%s.net"\n' % (m, m) for m in models) + "claim c { %s }\n" % text)
        p = subprocess.run([a.build + "/weightproof", "verify", folder + "/a.claims", "--json", folder + "/a.json", "--quiet", "--timeout", a.timeout], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not os.path.exists(folder + "/a.json"):
            sys.exit("no verdict (exit %d):\n%s\n%s" % (p.returncode, text, p.stdout.decode()[-2000:]))
        return json.load(open(folder + "/a.json"))["claims"][0]


def main():
    print("%-10s %-12s %9s %9s   undecided" % ("claims", "settled", "median", "longest"))
    missed = asked = 0
    for name, family in list(globals().items()):
        if not name.startswith("family_") or a.only not in name:
            continue
        seconds, left = [], []
        for seed in range(a.nets):
            models, text, what = family(seed)
            c = verify(models, text)
            wanted = "proved" if name == "family_exists" else "refuted"
            if c["verdict"] not in (wanted, "undecided"):
                sys.exit("%s: %s is %s" % (name, text, c["verdict"]))
            if c["verdict"] == wanted:
                seconds.append(c["seconds"])
            else:
                left.append("%s (%.0f s)" % (what, c["seconds"]))
        missed, asked = missed + len(left), asked + a.nets
        print("%-10s %3d of %-5d %8.2f s %8.2f s   %s" % (name[7:], len(seconds), a.nets, statistics.median(seconds or [0]), max(seconds or [0]), "; ".join(left)), flush=True)
    sys.exit(4 * missed > asked)


if __name__ == "__main__":
    main()
