"""Bilinear and gated MLPs behind attention: such transformers are decided on their whole domain by enumeration; numpy computes every sequence besides.

    python tests/quadratic/attention.py BUILD
"""
import itertools
import os
import re
import sys
import tempfile
from fractions import Fraction

import numpy as np

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "models")]
from certificates import all_accepted, of, read, verdict, verify  # noqa: E402
from families import save  # noqa: E402
from tally import check, finish  # noqa: E402

VOCAB, LENGTH, D, HEADS, HIDDEN = 4, 3, 6, 2, 8
ACTIVATIONS = {"none": lambda x: x, "silu": lambda x: x / (1 + np.exp(-x)), "relu": lambda x: np.maximum(x, 0)}


def tensors(rng, layers):
    def draw(*shape):
        return (np.round(rng.normal(0, 24, shape)) / 32).astype(np.float32)
    P = {"embed.W_E": draw(VOCAB, D), "pos_embed.W_pos": draw(LENGTH, D), "unembed.W_U": draw(D, VOCAB)}
    for i in range(layers):
        a = "blocks.%d." % i
        P.update({a + "attn.W_" + x: draw(HEADS, D, D // HEADS) for x in "QKV"})
        P.update({a + "attn.W_O": draw(HEADS, D // HEADS, D), a + "mlp.W_gate": draw(D, HIDDEN), a + "mlp.W_in": draw(D, HIDDEN), a + "mlp.W_out": draw(HIDDEN, D)})
    return P


def logits(P, layers, act, t):
    """At the last position, in doubles."""
    p = {k: v.astype(float) for k, v in P.items()}
    x = p["embed.W_E"][list(t)] + p["pos_embed.W_pos"]
    for i in range(layers):
        a, out = "blocks.%d." % i, 0
        for h in range(HEADS):
            q, k, v = (x @ p[a + "attn.W_" + c][h] for c in "QKV")
            s = np.where(np.tri(len(t)) > 0, q @ k.T / np.sqrt(D // HEADS), -np.inf)
            e = np.exp(s - s.max(1, keepdims=True))
            out = out + e / e.sum(1, keepdims=True) @ v @ p[a + "attn.W_O"][h]
        x = x + out
        x = x + (ACTIVATIONS[act](x @ p[a + "mlp.W_gate"]) * (x @ p[a + "mlp.W_in"])) @ p[a + "mlp.W_out"]
    return (x @ p["unembed.W_U"])[-1]


def decimal(x):
    return str(Fraction(x).limit_denominator(10 ** 6))


def one_model(folder, rng, name, layers, act):
    P = tensors(rng, layers)
    config = dict(n_heads=HEADS, n_ctx=LENGTH, act_fn=act, gated_mlp=True, positional_embedding_type="standard", normalization_type=None, attention_dir="causal")
    save("%s/%s.safetensors" % (folder, name), P, config)
    some = list(itertools.product(range(VOCAB), repeat=LENGTH))
    values = {t: logits(P, layers, act, t) for t in some}
    check(min(np.diff(np.sort(v))[-1] for v in values.values()) > 1e-7, "a tie")
    right = sum(int(np.argmax(v)) == max(t) for t, v in values.items())
    least = min(v[0] - v[1] for v in values.values())
    domain = "t in tokens[%d] of 0..%d" % (LENGTH, VOCAB - 1)
    form = "logits(M, t)[last, 0] - logits(M, t)[last, 1]"
    room = abs(least) / 1000 + 1e-3
    claims = ['model M = "%s.safetensors"' % name,
              "claim right { count %s : argmax(logits(M, t)[last]) == max(t) prove number == %d expect proved }" % (domain, right),
              "claim least { minimize %s : %s within 1e-6 expect bounded }" % (domain, form),
              "claim above { forall %s prove %s > %s expect proved }" % (domain, form, decimal(least - room)),
              "claim not_above { forall %s prove %s > %s expect refuted }" % (domain, form, decimal(least + room))]
    status, output = verify(folder, name, claims, "--expect")
    check(status == 0, "%s: %s" % (name, output))
    lo, hi = map(Fraction, re.search(r"^value (\S+) (\S+)$", read(folder, name, "least"), re.M).groups())
    check(lo - Fraction(1, 10 ** 9) <= Fraction(float(least)) <= hi + Fraction(1, 10 ** 9), "%s: least in [%g, %g], numpy has %g" % (name, lo, hi, least))
    check(verdict(read(folder, name, "right")) == "proved", name)
    t = tuple(map(int, re.search(r"^counterexample t=(\S+)$", read(folder, name, "not_above"), re.M)[1].split(",")))
    check(values[t][0] - values[t][1] <= least + room, "%s: no counterexample: %s" % (name, t))
    return of(folder, name)


with tempfile.TemporaryDirectory() as folder:
    rng = np.random.default_rng(4)
    paths = [p for name, layers, act in (("bilinear", 1, "none"), ("bilinear_deep", 2, "none"), ("gated", 1, "silu"), ("gated_relu", 1, "relu")) for p in one_model(folder, rng, name, layers, act)]
    all_accepted(folder, paths, 15)
finish()
