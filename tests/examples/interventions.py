"""examples/interventions.claims, its counts and counterexamples, against numpy in double precision: python tests/examples/interventions.py BUILD

The forward pass keeps what every component writes apart, and each reader adds up what it reads; change(what, rows) gives what stands for rows
[sequences, positions, width]: what is (component,), (component, reader) or ("neurons", layer). Runs on many sequences at once.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0


def load(name):
    """The tensors of a model file and its configuration, as weightproof converts them: exact numbers under canonical names."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "convert", os.path.join(ROOT, "examples", name), "-o", folder + "/m.net"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = open(folder + "/m.net").read().split("\n")
    tensors, at = {}, 0
    while at < len(lines):
        words = lines[at].split(" ")
        at += 1
        if words[0] == "tensor":
            shape = [int(x) for x in words[2:]]
            rows = int(np.prod(shape[:-1])) if len(shape) > 1 else 1
            tensors[words[1]] = np.array([[float.fromhex(x) for x in line.split(" ")] for line in lines[at:at + rows]]).reshape(shape)
            at += rows
    return tensors, "mask causal" in lines, next(float.fromhex(x.split(" ")[1]) for x in lines if x.startswith("eps "))


def forward(net, t, change=lambda what, rows: rows):
    T, causal, eps = net
    t, stream, layer = np.asarray(t), [], 0
    n = t.shape[1]

    def bias(name, *at):
        return T[name][at] if name in T else 0.0

    def write(name, rows):
        stream.append((name, change((name,), rows)))

    def read(reader, norm):
        x = sum(change((name, reader), rows) for name, rows in stream)
        if norm + ".w" not in T:
            return x
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x ** 2).mean(-1, keepdims=True) + eps) * T[norm + ".w"] + T[norm + ".b"]
    write("embed", T["embed.W_E"][t])
    write("pos_embed", np.broadcast_to(T["pos_embed.W_pos"][:n], stream[0][1].shape))
    while "blocks.%d.attn.W_Q" % layer in T:
        b, out = "blocks.%d." % layer, []
        for h in range(len(T[b + "attn.W_Q"])):
            q, k, v = [read("%d.%d.%s" % (layer, h, x), b + "ln1") @ T[b + "attn.W_" + x][h] + bias(b + "attn.b_" + x, h) for x in "QKV"]
            s = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
            if causal:
                s = np.where(np.tril(np.ones((n, n), bool)), s, -np.inf)
            p = np.exp(s - s.max(-1, keepdims=True))
            out.append(p / p.sum(-1, keepdims=True) @ v @ T[b + "attn.W_O"][h])
        for h, rows in enumerate(out):
            write("head %d %d" % (layer, h), rows)
        stream.append(("bias", np.broadcast_to(bias(b + "attn.b_O"), stream[0][1].shape)))
        if b + "mlp.W_in" in T:
            post = np.maximum(read("mlp %d" % layer, b + "ln2") @ T[b + "mlp.W_in"] + bias(b + "mlp.b_in"), 0)
            write("mlp %d" % layer, change(("neurons", layer), post) @ T[b + "mlp.W_out"] + bias(b + "mlp.b_out"))
        layer += 1
    return read("unembed", "ln_final") @ T["unembed.W_U"] + bias("unembed.b_U")


def zero(*whats):
    return lambda what, rows: rows * 0 if what in whats else rows


def values(net, t, name):
    """What component `name` writes in the unchanged run."""
    found = []

    def look(what, rows):
        if what == (name,):
            found.append(rows)
        return rows
    forward(net, t, look)
    return found[0]


def neurons(which):
    return lambda what, rows: np.where(np.isin(np.arange(rows.shape[-1]), which), 0.0, rows) if what[0] == "neurons" else rows


def lead(z, y):
    """How far entry y is above all others."""
    own = np.take_along_axis(z, y[:, None], 1)[:, 0]
    rest = z.copy()
    np.put_along_axis(rest, y[:, None], -np.inf, 1)
    return own - rest.max(1)


def main():
    global passed, failed
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "verify", os.path.join(ROOT, "examples/interventions.claims"), "--json", folder + "/a.json", "--quiet"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        claims = json.load(open(folder + "/a.json"))["claims"]
    found = {c["name"] + "".join(" %s" % v for v in c["foreach"].values()): c for c in claims}

    def case(good, name, words):
        global passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print("FAILED %s: %s, but %s" % (name, {k: found[name].get(k) for k in ("verdict", "number_lo", "number_hi", "counterexample", "reason")}, words))

    def count(name, change, net):
        m = lead(forward(net, pairs, change)[:, -1], answer)
        case(abs(m).min() > 1e-9 and found[name]["evidence"] == "checked" and int(found[name]["number_lo"]) == int(found[name]["number_hi"]) == (m > 0).sum(),
             name, "numpy counts %d" % (m > 0).sum())

    def changes(name, change, net, domain=None, changed=None):
        """The largest change said is numpy's at that input, and the largest of all where all were looked at."""
        x, = found[name]["interventions"]

        def apart(t):
            return abs(forward(changed or net, t, change) - forward(net, t))
        here = apart([x["at"]["t"]])[0, x["row"], x["entry"]]
        case(x["inputs"] > 0 and 0 < x["change_at_least"] <= here * (1 + 1e-9) and x["change_at_least"] > here * (1 - 1e-6), name, "numpy finds a change of %r, not %r" % (here, x))
        if domain is not None and x["all_inputs"]:
            case(x["inputs"] == len(domain) and abs(apart(domain).max() - x["change_at_least"]) < 1e-6 * here, name, "numpy finds a largest change of %r, not %r" % (apart(domain).max(), x))

    def wrong_at(name, net, change, position, target=None):
        """The counterexample is one in numpy too. target: the right answer, or else that of the unchanged model."""
        t = np.array([found[name]["counterexample"]["t"]])
        y = np.array([target(t[0])]) if target else forward(net, t)[:, position].argmax(-1)
        case(found[name]["evidence"] == "replayed" and lead(forward(net, t, change)[:, position], y)[0] < -1e-9, name, "numpy finds the same answer")
    A, M, P = load("modadd29.safetensors"), load("max4_s123.safetensors"), load("palindrome_v6_n8_s1.pt")
    pairs = np.array([(a, b, 29) for a in range(29) for b in range(29)])
    answer = (pairs[:, 0] + pairs[:, 1]) % 29
    heads = ["head 0 %d" % h for h in range(4)]
    mean = values(A, pairs, "mlp 0").mean(0)
    rows = {h: values(A, [(3, 5, 29)], h) for h in heads}
    for h in range(4):
        count("head_off %d" % h, zero((heads[h],)), A)
        changes("head_off %d" % h, zero((heads[h],)), A, pairs)
    count("mlp_off", zero(("mlp 0",)), A)
    count("mlp_at_its_mean", lambda what, x: np.broadcast_to(mean, x.shape) if what == ("mlp 0",) else x, A)
    count("half_the_neurons", neurons(range(64)), A)
    count("through_the_mlp", zero(*[(h, "unembed") for h in heads]), A)
    count("past_the_mlp", zero(*[(h, "mlp 0") for h in heads]), A)
    count("own_path_idle", zero(("embed", "unembed"), ("embed", "mlp 0")), A)
    count("uniform_keys", zero(*[("embed", "0.%d.K" % h) for h in range(4)]), A)
    quarter = dict(A[0], **{"pos_embed.W_pos": np.broadcast_to(A[0]["pos_embed.W_pos"].sum(0) / 4, A[0]["pos_embed.W_pos"].shape)})
    count("one_position", lambda what, x: x, (quarter,) + A[1:])
    changes("one_position", lambda what, x: x, A, pairs, (quarter,) + A[1:])
    changes("mlp_at_its_mean", lambda what, x: np.broadcast_to(mean, x.shape) if what == ("mlp 0",) else x, A, pairs)
    changes("half_the_neurons", neurons(range(64)), A, pairs)
    changes("past_the_mlp", zero(*[(h, "mlp 0") for h in heads]), A, pairs)
    changes("max_positions_idle", zero(("pos_embed",)), M)
    for h in range(2):
        changes("palindrome_head_idle %d" % h, zero(("head 1 %d" % h,)), P)
    plain = forward(A, pairs)[:, -1].argmax(-1)
    case(found["one_neuron"]["verdict"] == "proved" and lead(forward(A, pairs, neurons([7]))[:, -1], plain).min() > 0, "one_neuron", "numpy finds another answer")
    there = forward(A, pairs, lambda what, x: np.broadcast_to(rows[what[0]], x.shape) if what[0] in rows and len(what) == 1 else x)[:, -1]
    case(found["transplanted"]["verdict"] == "proved" and lead(there, np.full(len(pairs), 8)).min() > 0, "transplanted", "numpy finds another answer")
    wrong_at("max_head_needed", M, lambda what, x: np.concatenate([x[:, :-1], 0 * x[:, -1:]], 1) if what == ("head 0 0",) else x, -1, max)
    wrong_at("max_direct_path_idle", M, zero(("embed", "unembed")), -1, max)
    wrong_at("max_positions_idle", M, zero(("pos_embed",)), -1)
    for h in range(2):
        wrong_at("palindrome_head_idle %d" % h, P, zero(("head 1 %d" % h,)), 0)
    wrong_at("palindrome_first_layer_read_by_values_alone", P, zero(*[("head 0 %d" % h, "1.%d.Q" % k) for h in range(2) for k in range(2)]), 0)
    case(len(found) == 20, next(iter(found)), "there are %d claims" % len(found))
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
