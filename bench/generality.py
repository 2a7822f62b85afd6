"""What a row of the table costs when model or specification are changed: python bench/generality.py BUILD [--model FILE]

The plain row is the exact count of examples/max4_s123 (one attention head, 64 tokens, 64^4 sequences). Every other row is the same work for a network that is the same function of relabelled tokens, scaled
or permuted weights, for a network without positions, without mask, with biases, with more heads (each a copy, so that their mean is the head), for other read-outs, outputs and specifications.
Seconds of processor time to prove and check, those of checking once more, and the first over the plain row's. A row marked * asks `cells` for an interval instead of a number.
"""
import argparse
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--model", default=os.path.join(HERE, "..", "examples", "max4_s123.safetensors"))
a.add_argument("--only", default="")
a = a.parse_args()


def load(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + size])
    config = json.loads(head.pop("__metadata__")["config"])
    return config, {k: numpy.frombuffer(raw[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], "<f4").reshape(v["shape"]).copy() for k, v in head.items()}


def store(path, config, tensors):
    tensors = {k: numpy.ascontiguousarray(v, "<f4") for k, v in tensors.items()}
    head, at = {"__metadata__": {"config": json.dumps(config)}}, 0
    for k, v in sorted(tensors.items()):
        head[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [at, at + v.nbytes]}
        at += v.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(v.tobytes() for _, v in sorted(tensors.items())))


CONFIG, T = load(a.model)
V, N = CONFIG["d_vocab"], CONFIG["n_ctx"]
A, RNG = "blocks.0.attn.", random.Random(7)
DOMAIN, BEST = "t in tokens[%d] of 0..%d" % (N, V - 1), "argmax(logits(M, t)[last])"


def braces(x):
    return "{%s}" % ", ".join(map(str, x))


def relabel(perm):
    """Token a of the new network is token perm[a] of the old one."""
    return dict(T, **{"embed.W_E": T["embed.W_E"][perm], "unembed.W_U": T["unembed.W_U"][:, perm]})


def permuted(order):
    out = {k: v.copy() for k, v in T.items()}
    for k in ("W_Q", "W_K", "W_V"):
        out[A + k] = out[A + k][:, order]
    out[A + "W_O"] = out[A + "W_O"][:, :, order]
    return dict(out, **{"embed.W_E": T["embed.W_E"][:, order], "pos_embed.W_pos": T["pos_embed.W_pos"][:, order], "unembed.W_U": T["unembed.W_U"][order]})


def heads(h):
    out = dict(T)
    for k in ("W_Q", "W_K", "W_V", "W_O"):
        out[A + k] = numpy.repeat(T[A + k], h, 0) / (h if k == "W_O" else 1)
    return dict(CONFIG, n_heads=h), out


def rows():
    plain, right = (CONFIG, T), "%s == max(t)" % BEST
    perm = RNG.sample(range(V), V)
    inverse = [perm.index(i) for i in range(V)]
    order = RNG.sample(range(CONFIG["d_model"]), CONFIG["d_model"])
    flat = numpy.broadcast_to(T["pos_embed.W_pos"][-1], T["pos_embed.W_pos"].shape)
    one = {"unembed.b_U": numpy.zeros(V), A + "b_Q": numpy.full((1, 32), 1 / 64), A + "b_K": numpy.full((1, 32), 1 / 32), A + "b_V": numpy.full((1, 32), 1 / 64), A + "b_O": numpy.full(32, 1 / 64)}
    states = [[RNG.randrange(4) for _ in range(V)] for _ in range(4)]
    yield "plain", plain, "count %s : %s" % (DOMAIN, right)
    yield "relabelled tokens, a table", (CONFIG, relabel(perm)), "count %s : %s == %s[max{ %s[t[i]] : i in 0..%d }]" % (DOMAIN, BEST, braces(inverse), braces(perm), N - 1)
    yield "W_Q 2^3, W_K 2^-3, d_model permuted", (CONFIG, dict(permuted(order), **{A + "W_Q": permuted(order)[A + "W_Q"] * 8, A + "W_K": permuted(order)[A + "W_K"] / 8})), "count %s : %s" % (DOMAIN, right)
    yield "min (tokens in reverse order)", (CONFIG, relabel(range(V - 1, -1, -1))), "count %s : %s == min(t)" % (DOMAIN, BEST)
    yield "sorted sequences only", plain, "count %s where all{ t[i] <= t[i + 1] : i in 0..%d } : %s" % (DOMAIN, N - 2, right)
    yield "plain, 16 tokens", plain, "count t in tokens[%d] of 0..15 : %s" % (N, right)
    for name, answer in (("second largest", "sort(t)[%d]" % (N - 2)), ("contains", "(if contains(t, 5) then 5 else max(t))"), ("parity", "(if count{ t[i] > 31 : i in 0..%d } %% 2 == 0 then max(t) else min(t))" % (N - 1)),
                         ("sum mod 7", "sum(t) % 7"), ("first repeat", "(if distinct(t) then max(t) else t[min{ i : i in 1..%d where contains(t[0..i - 1], t[i]) }])" % (N - 1)),
                         ("a random automaton", "fold(%s, 0, t)" % braces(braces(x) for x in states))):
        small = "t in tokens[%d] of 0..15" % N
        yield "target: " + name + ", 16 tokens", plain, "count %s : %s == %s" % (small, BEST, answer)
    yield "plain, at its places", plain, "count %s : %s" % (DOMAIN, right)
    for r in range(N):
        yield "read-out at position %d" % r, plain, "count %s : argmax(logits(M, t)[%d]) == max(t[0..%d])" % (DOMAIN, r, r)
    yield "outputs 0..31 only", plain, "count t in tokens[%d] of 0..31 : all{ logits(M, t)[last, max(t)] > logits(M, t)[last, j] : j in 0..31 where j != max(t) }" % N
    yield "biases everywhere", (CONFIG, dict(T, **one)), "count %s : %s" % (DOMAIN, right)
    yield "no positions that differ", (CONFIG, dict(T, **{"pos_embed.W_pos": flat})), "count %s : %s" % (DOMAIN, right)
    yield "bidirectional", (dict(CONFIG, attention_dir="bidirectional"), T), "count %s : %s" % (DOMAIN, right)
    for h in (2, 4):
        yield "%d heads *" % h, heads(h), "count %s : %s within 1" % (DOMAIN, right)


def measure(folder, network, claim):
    store(folder + "/m.safetensors", *network)
    with open(folder + "/a.claims", "w") as f:
        f.write('claims 1\nmodel M = "m.safetensors"\nclaim c { %s }\n' % claim)
    times = []
    for command in ([a.build + "/weightproof", "verify", folder + "/a.claims", "--json", folder + "/a.json", "--certificates", folder + "/c", "--quiet", "--timeout", "40"],
                    [a.build + "/weightproof-check", "--quiet", folder + "/c/c.cert"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, timeout=280)
        if done.returncode > 2:
            sys.exit(done.stderr.decode())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    claim = json.load(open(folder + "/a.json"))["claims"][0]
    return times[0], times[1], claim


def main():
    base = None
    print("| row | prove and check | check alone | ratio | engine | answer |\n|---|---|---|---|---|---|")
    for name, network, claim in rows():
        if not (a.only in name or name.startswith("plain")):
            continue
        with tempfile.TemporaryDirectory() as folder:
            both, check, c = measure(folder, network, claim)
        base = both if name.startswith("plain") else base
        answer = c["verdict"] if c["verdict"] == "undecided" else "%s..%s of %s" % (c["number_lo"], c["number_hi"], c["total"]) if c["number_lo"] != c["number_hi"] else "%s of %s" % (c["number_lo"], c["total"])
        print("| %s | %.2f | %.2f | %.1f | %s | %s |" % (name, both, check, both / base, c["engine"], answer), flush=True)


main()
