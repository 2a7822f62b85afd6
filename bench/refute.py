"""How soon false claims on domains too large to enumerate are refuted: python bench/refute.py BUILD [--nets N] [--layers L]

Random transformers of one or two layers, 32 tokens, 6 positions (1.1e9 sequences). The claim is that a difference of two logits stays below a bound. Of one layer the bound lies a thousandth of the range below the
largest value, which engine separable knows; of two layers nobody knows the largest value, and the bound is the largest that the search still refutes, so that only its time is told. Engine `search` alone answers, by random inputs and coordinate ascent.
Tables of elapsed seconds, proving and checking, and how many were refuted. Ends with status 1 when fewer than four in five are.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "tests", "reference")]
from nets import transformer  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=20)
a = a.parse_args()
V, N, OUT = 32, 6, 6
BINDS = "t in tokens[%d] of 0..%d" % (N, V - 1)


def verify(folder, claims, *options):
    with open(folder + "/a.claims", "w") as f:
        f.write('claims 1\nmodel M = "m.net"\n' + "\n".join("claim %s { %s }" % c for c in claims) + "\n")
    subprocess.run([a.build + "/weightproof", "verify", folder + "/a.claims", "--json", folder + "/a.json", "--quiet", "--timeout", "60", *options], capture_output=True, timeout=300)
    return {c["name"]: c for c in json.load(open(folder + "/a.json"))["claims"]}


def bound_of(folder, lead, layers):
    """A number that few inputs exceed."""
    if layers == 1:
        x = verify(folder, [("high", "maximize %s : %s within 1e-3" % (BINDS, lead)), ("low", "minimize %s : %s within 1e-3" % (BINDS, lead))], "--engine", "separable")
        return x["high"]["lo"] - (x["high"]["lo"] - x["low"]["hi"]) / 1000
    lo, hi = -64.0, 64.0             # the largest of random inputs, by bisection with one random input in 20,000
    for _ in range(12):
        mid = (lo + hi) / 2
        x = verify(folder, [("c", "forall %s prove %s < %s" % (BINDS, lead, repr(mid)))], "--engine", "search")["c"]
        lo, hi = (mid, hi) if x["verdict"] == "refuted" else (lo, mid)
    return lo


def main():
    good = total = 0
    for layers in (1, 2):
        seconds, n = [], 0
        for k in range(a.nets):
            rng = random.Random(1000 * layers + k)
            net = transformer(9000 * layers + k, d_vocab=V, n_ctx=N, d_out=OUT, causal=False, biases=True, positions=True, heads=1, mlp="relu" if layers == 2 else None, **({"layers": 2} if layers == 2 else {}))
            one, two = rng.sample(range(OUT), 2)
            lead = "logits(M, t)[last, %d] - logits(M, t)[last, %d]" % (one, two)
            with tempfile.TemporaryDirectory() as folder:
                with open(folder + "/m.net", "w") as f:
                    f.write(net.text())
                bound = bound_of(folder, lead, layers)
                x = verify(folder, [("c", "forall %s prove %s < %s" % (BINDS, lead, repr(bound)))], "--engine", "search")["c"]
            n += x["verdict"] == "refuted"
            if x["verdict"] == "refuted":
                seconds.append(x["seconds"])
        print("layers %d: %d of %d refuted, median %.2f s, longest %.2f s" % (layers, n, a.nets, statistics.median(seconds or [0]), max(seconds or [0])))
        good, total = good + n, total + a.nets
    sys.exit(good < 0.8 * total)


main()
