"""Interventions on random transformers, held against PyTorch in double precision: python tests/peers/interventions.py BUILD [N]

The forward pass here keeps the residual stream as a list of outputs of components, and every reader adds up what it reads for itself: a changed
edge is another entry of one reader's sum. Nothing is shared with the graphs of weightproof. Each claim says that the changed logits are those
of PyTorch to within 1e-9; the second checker, in Python, reads the certificates too.
"""
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ACTS = {"relu": torch.relu, "gelu": torch.nn.functional.gelu}


def random_model(r, seed):
    """A configuration and TransformerLens parameters."""
    heads, d_head, layers = r.choice((1, 2)), r.choice((2, 3)), r.choice((1, 2))
    c = {"d_vocab": r.randint(3, 5), "n_ctx": r.randint(2, 4), "d_model": r.choice((3, 4)), "n_heads": heads, "d_head": d_head, "n_layers": layers,
         "d_mlp": r.choice((0, 3, 4)), "act_fn": r.choice(tuple(ACTS)), "attention_dir": r.choice(("causal", "bidirectional")),
         "normalization_type": r.choice((None, "LN")), "eps": 2.0 ** -10, "d_vocab_out": r.randint(2, 4)}
    c["attn_only"] = c["d_mlp"] == 0
    g = torch.Generator().manual_seed(seed)
    P, d = {}, c["d_model"]

    def put(name, *shape, one=False):
        P[name] = (torch.randn(*shape, generator=g) * 0.5 + one).float().double()
    put("embed.W_E", c["d_vocab"], d)
    put("pos_embed.W_pos", c["n_ctx"], d)
    for l in range(layers):
        b = "blocks.%d." % l
        for x in "QKV":
            put(b + "attn.W_" + x, heads, d, d_head)
            put(b + "attn.b_" + x, heads, d_head)
        put(b + "attn.W_O", heads, d_head, d)
        put(b + "attn.b_O", d)
        if c["d_mlp"]:
            put(b + "mlp.W_in", d, c["d_mlp"])
            put(b + "mlp.b_in", c["d_mlp"])
            put(b + "mlp.W_out", c["d_mlp"], d)
            put(b + "mlp.b_out", d)
        for n in ("ln1", "ln2") if c["normalization_type"] and c["d_mlp"] else ("ln1",) if c["normalization_type"] else ():
            put(b + n + ".w", d, one=True)
            put(b + n + ".b", d)
    if c["normalization_type"]:
        put("ln_final.w", d, one=True)
        put("ln_final.b", d)
    put("unembed.W_U", d, c["d_vocab_out"])
    put("unembed.b_U", c["d_vocab_out"])
    return c, P


def forward(c, P, t, change=lambda what, i, value: value, kept=None):
    """(logits, {component: rows}). kept: takes the deviations of every norm, or gives those that are used (ln = frozen). change(what, position, value) gives what stands for the value: what is (component,), (component, reader) or
    ("neuron", layer, k)."""
    n, d = len(t), c["d_model"]
    stream, clean = [], {}
    given = bool(kept)

    def write(name, rows):
        clean[name] = rows
        rows = torch.stack([change((name,), i, rows[i]) for i in range(n)])
        stream.append((name, rows))

    def read(reader, norm):
        x = sum(torch.stack([change((name, reader), i, rows[i]) for i in range(n)]) for name, rows in stream)
        if not c["normalization_type"]:
            return x
        x = x - x.mean(-1, keepdim=True)
        sigma = torch.sqrt((x ** 2).mean(-1, keepdim=True) + c["eps"])
        if kept is not None and not given:
            kept[norm] = sigma
        return x / (kept[norm] if given else sigma) * P[norm + ".w"] + P[norm + ".b"]

    def attention(l, h):
        b = "blocks.%d." % l
        q, k, v = [read("head(%d, %d).%s" % (l, h, x.lower()), b + "ln1") @ P[b + "attn.W_" + x][h] + P[b + "attn.b_" + x][h] for x in "QKV"]
        s = q @ k.T / c["d_head"] ** 0.5
        if c["attention_dir"] == "causal":
            s = s.masked_fill(torch.triu(torch.ones(n, n, dtype=torch.bool), 1), float("-inf"))
        return torch.softmax(s, -1) @ v @ P[b + "attn.W_O"][h]
    write("embed", P["embed.W_E"][list(t)])
    write("pos_embed", P["pos_embed.W_pos"][:n])
    for l in range(c["n_layers"]):
        b = "blocks.%d." % l
        for h, rows in enumerate([attention(l, h) for h in range(c["n_heads"])]):
            write("head(%d, %d)" % (l, h), rows)
        write("bias(%d)" % l, P[b + "attn.b_O"].repeat(n, 1))
        if c["d_mlp"]:
            post = ACTS[c["act_fn"]](read("mlp(%d)" % l, b + "ln2") @ P[b + "mlp.W_in"] + P[b + "mlp.b_in"])
            for k in range(c["d_mlp"]):
                clean["neuron", l, k] = post[:, k:k + 1].clone()
                post[:, k] = torch.stack([change(("neuron", l, k), i, post[i, k]) for i in range(n)])
            write("mlp(%d)" % l, post @ P[b + "mlp.W_out"] + P[b + "mlp.b_out"])
    return read("unembed", "ln_final") @ P["unembed.W_U"] + P["unembed.b_U"], clean


def components(c):
    out = ["embed", "pos_embed"]
    for l in range(c["n_layers"]):
        out += ["head(%d, %d)" % (l, h) for h in range(c["n_heads"])] + ["bias(%d)" % l] + (["mlp(%d)" % l] if c["d_mlp"] else [])
    return out


def edges(c):
    """(component, reader), the reader later than the component."""
    depth = {"embed": -1, "pos_embed": -1}
    depth.update({x: 2 * int(x.split("(")[1].split(",")[0].rstrip(")")) + x.startswith("mlp") for x in components(c)[2:]})
    readers = [("unembed", 1000)]
    for l in range(c["n_layers"]):
        readers += [("head(%d, %d).%s" % (l, h, x), 2 * l) for h in range(c["n_heads"]) for x in "qkv"] + ([("mlp(%d)" % l, 2 * l + 1)] if c["d_mlp"] else [])
    return [(x, y) for x in depth for y, at in readers if depth[x] < at]


def random_parts(r, c):
    """[(text, key)]: some components, edges and neurons."""
    out = []
    for _ in range(r.choice((1, 1, 2, 3))):
        kind = r.choice(("whole", "edge", "edge", "neuron") if c["d_mlp"] else ("whole", "edge", "edge"))
        if kind == "whole":
            x = r.choice(components(c))
            out.append((x, (x,)))
        elif kind == "edge":
            x = r.choice(edges(c))
            out.append(("edge(%s, %s)" % x, x))
        else:
            key = "neuron", r.randrange(c["n_layers"]), r.randrange(c["d_mlp"])
            out.append(("neuron(%d, %d)" % key[1:], key))
    return sorted(dict((key, text) for text, key in out).items(), key=str)


def source(key):
    """The component whose rows a part has."""
    return key if key[0] == "neuron" else key[0]


def run(c, P, t, table):
    """Logits with the rows of table {(key, position): vector, or a function of what stands there}. A whole component stands for its edges too."""
    def change(what, i, value):
        return now(table, (what, i), value)
    if not c.get("frozen"):
        return forward(c, P, t, change)
    kept = {}
    forward(c, P, t, kept=kept)
    return forward(c, P, t, change, kept)


def now(table, key, value):
    new = table.get(key, value)
    return new(value) if callable(new) else new


def steer(c, table, key, at, v):
    """Adds v to the rows of a part, on top of what the table says of them, and, of a whole component, of its edges."""
    keys = [key] + [(key[0], y) for x, y in edges(c) if len(key) == 1 and x == key[0]]
    for k in keys:
        for i in at:
            old = table.get((k, i))
            if k == key or old is not None:
                table[k, i] = (lambda f: lambda value: (f(value) if callable(f) else value if f is None else f) + v)(old)


def random_case(r, c, P):
    """(model expression, its logits on t, t, sampled logits of `any`, the replaced rows, which are those of every sequence as long as t)"""
    n, V = r.randint(1, c["n_ctx"]), c["d_vocab"]
    c["frozen"] = bool(c["normalization_type"]) and r.random() < 0.4
    norms = ", ln = frozen" if c["frozen"] else ", ln = live" if c["normalization_type"] else ""
    sequence = lambda: tuple(r.randrange(V) for _ in range(n))  # noqa: E731
    t, s = sequence(), sequence()
    base, text = {}, "M"
    for level in range(r.choice((1, 1, 1, 2, 3))):
        parts = random_parts(r, c)
        table, texts = {}, []
        positions = {}
        for key, name in parts:
            one = r.random() < 0.3
            positions[key] = [r.randrange(n)] if one else range(n)
            texts.append(name + ("[%d]" % positions[key][0] if one else ""))
        target = r.choice(("zero", "value", "from", "mean", "any", "steer")) if level == 0 else r.choice(("zero", "value", "from", "steer", "steer"))
        if target == "steer":
            (key, name), at = parts[0], list(positions[parts[0][0]])
            v = torch.tensor([r.randint(-8, 8) / 8 for _ in range(1 if key[0] == "neuron" else c["d_model"])], dtype=torch.float64)
            alpha = r.choice((-2, 1, 3))
            base = dict(base)
            steer(c, base, key, at, alpha * (v if key[0] != "neuron" else v[0]))
            text = "steer(%s, %s, {%s}, %d%s)" % (text, texts[0], ", ".join(map(literal, v.tolist())), alpha, norms)
            continue
        which = "{%s}" % ", ".join(texts)
        inner = dict(base)
        before = lambda x: run(c, P, x, inner)[1] if not inner else seen(c, P, x, inner)  # noqa: E731
        choices = [None]
        if target == "zero":
            word, rows = "zero", lambda key, i, _: torch.zeros_like(before(t)[source(key)][i])
        elif target == "value":
            v = r.randint(-8, 8)
            word, rows = "value %s/8" % v, lambda key, i, _: torch.full_like(before(t)[source(key)][i], v / 8)
        elif target == "from":
            word, rows = "from {%s}" % ", ".join(map(str, s)), lambda key, i, _: before(s)[source(key)][i]
        else:
            sets = [sorted({x, y}) for x, y in zip(sequence(), sequence())]
            word = target + " over tokens(%s)" % ", ".join("{%s}" % ", ".join(map(str, x)) for x in sets)
            every = [()]
            for x in sets:
                every = [e + (a,) for e in every for a in x]
            if target == "mean":
                rows = lambda key, i, _: sum(before(x)[source(key)][i] for x in every) / len(every)  # noqa: E731
            else:
                choices = [{(key, i): r.choice(every) for key in positions for i in range(n)} for _ in range(8)]
                rows = lambda key, i, pick: before(pick[key, i])[source(key)][i]  # noqa: E731
        results = []
        for pick in choices:
            table = dict(base)
            for key, at in positions.items():
                for i in at:
                    value = rows(key, i, pick)
                    table[key, i] = value if key[0] != "neuron" else value[0]
            spread(c, table, positions)
            results.append(table)
        base = results[0]
        text = "ablate(%s, drop = %s, to = %s%s)" % (text, which, word, norms)
        if target == "any":
            return text, None, t, [run(c, P, t, x)[0][-1].tolist() for x in results], None
    return text, run(c, P, t, base)[0][-1].tolist(), t, None, base


def count_zero(c, P, n, table):
    """On how many sequences of n tokens entry 0 of the last logits leads, and the closest that two of them come there."""
    number, least = 0, float("inf")
    for t in itertools.product(range(c["d_vocab"]), repeat=n):
        z = run(c, P, t, table)[0][-1]
        lead = (z[0] - z[1:].max()).item()
        number, least = number + (lead > 0), min(least, abs(lead))
    return number, least


def spread(c, table, positions):
    """A whole component that is replaced is so on its edges and, for an MLP, nowhere else; an edge replaced beside it becomes the same."""
    for key, at in positions.items():
        if len(key) == 1:
            for x, y in edges(c):
                if x == key[0]:
                    for i in at:
                        table[(x, y), i] = table[key, i]


def seen(c, P, t, table):
    """Rows of components as claims name them in a changed run: replaced where the whole component is."""
    clean = dict(run(c, P, t, table)[1])
    for (key, i), value in table.items():
        if len(key) == 1 or key[0] == "neuron":
            rows = clean[source(key)].clone()
            rows[i] = value(rows[i]) if callable(value) else value
            clean[source(key)] = rows
    return clean


def literal(x):
    from fractions import Fraction
    f = Fraction(x)
    return "%d/%d" % (f.numerator, f.denominator) if f.denominator != 1 else "%d" % f.numerator


def main():
    program, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
    r, passed, failed, wide = random.Random(7), 0, 0, 0
    for seed in range(count):
        c, P = random_model(r, seed)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            np.savez(folder + "/m.npz", **{k: v.numpy().astype(np.float32) for k, v in P.items()})
            json.dump(c, open(folder + "/m.config.json", "w"))
            lines, expected = ["claims 1", 'model M = "m.npz"'], {}
            for i in range(6):
                text, logits, t, sampled, table = random_case(r, c, P)
                domain = "tokens(%s)" % ", ".join("{%d}" % x for x in t)
                if sampled is None:
                    lines.append("claim c%d { forall t in %s prove dist(inf, logits(%s, t)[last], {%s}) <= 1e-9 }" % (i, domain, text, ", ".join(map(literal, logits))))
                    expected["c%d" % i] = None
                    number, least = count_zero(c, P, len(t), table)
                    if least > 1e-9:
                        lines.append("claim n%d { count t in tokens[%d] of 0..%d : argmax(logits(%s, t)[last]) == 0 }" % (i, len(t), c["d_vocab"] - 1, text))
                        expected["n%d" % i] = number
                else:
                    lines.append("claim c%d { minimize t in %s : logits(%s, t)[last, 0] }" % (i, domain, text))
                    expected["c%d" % i] = min(x[0] for x in sampled)
                    lines.append("claim d%d { maximize t in %s : logits(%s, t)[last, 0] }" % (i, domain, text))
                    expected["d%d" % i] = -max(x[0] for x in sampled)
            open(folder + "/a.claims", "w").write("\n".join(lines) + "\n")
            done = subprocess.run([program + "/weightproof", "verify", folder + "/a.claims", "--json", folder + "/a.json", "--certificates", folder + "/c", "--quiet"],
                                  capture_output=True, text=True)
            found = json.load(open(folder + "/a.json"))["claims"]
            certificates = [folder + "/c/" + x for x in sorted(os.listdir(folder + "/c")) if x.endswith(".cert")]
            second = subprocess.run([sys.executable, os.path.join(ROOT, "proofs/reference/check.py"), "--quiet", "--dir", folder + "/c"] + certificates,
                                    capture_output=True, text=True).stdout.count("accepted ")
            for claim in found:
                want = expected[claim["name"]]
                if claim["name"][0] == "n":
                    good = claim["evidence"] == "checked" and int(claim["number_lo"]) == int(claim["number_hi"]) == want
                elif want is None:
                    good = claim["verdict"] == "proved" and claim["evidence"] == "checked"
                else:   # the certified interval holds for every choice, and so does the value at any
                    low = claim.get("lo", float("inf")) if claim["name"][0] == "c" else -claim.get("hi", float("-inf"))
                    good = claim["verdict"] == "undecided" or low <= want + 1e-9      # hulls may be too wide for a norm
                    wide += claim["verdict"] == "undecided"
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print("FAILED", seed, json.dumps(c), "\n".join(x for x in lines if "claim %s " % claim["name"] in x), claim["verdict"], claim.get("reason"), want, claim.get("lo"), claim.get("hi"))
            good = second == len(certificates) and len(found) == len(expected)
            passed, failed = passed + good, failed + (not good)
            if not good:
                print("FAILED", seed, "%d of %d certificates accepted by the second checker, %d claims" % (second, len(certificates), len(found)), done.stderr[-500:])
    if wide * 4 > passed:
        print("FAILED %d claims with any are undecided" % wide)
        failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
