"""What the prover writes, its own checker accepts: random networks and claims at the edges of the rules separable, cells and enumerate.

    python3 tests/claims/accepted.py BUILD [--nets N]

Sums over positions and comprehensions whose conditions read tokens by their variable, indices behind false antecedents (`--engine separable`), networks whose values are too large for the
integers of rule cells (`--engine cells`), optima under float32 behind LayerNorm. No claim may end because the checker refused a certificate, and what is decided must be what `enumerate`
says; optima must enclose the values of executions. Ends with `N passed, N failed`.
"""
import argparse
import itertools
import os
import random
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from decided import decide        # noqa: E402
from executions import Execution  # noqa: E402
from nets import transformer      # noqa: E402
from tally import check, finish   # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=20)
a = a.parse_args()
REFUSED = "did not accept"


def conditions(rng, n, v, i):
    c = rng.randrange(v)
    return rng.choice(["distinct(t[0..%s])" % i, "t[%s] == max(t[0..%s])" % (i, i), "contains(t[0..%s], %d)" % (i, c), "contains(t, %s)" % i, "sort(t)[%s] == %d" % (i, c), "t[%d - %s] == %d" % (n - 1, i, c),
                       "count{ t[j] == %s : j in 0..%d } > 0" % (i, n - 1), "all{ t[0] == t[j] : j in 0..%s }" % i, "t[%s] == %d" % (i, c), "t[0] != %s" % i, "t[%s] <= t[0]" % i])


def edges(rng, n, v):
    where = conditions(rng, n, v, "i")
    bound = "%d/8" % rng.randrange(-4, 12)
    body = rng.choice(["attn(M, 0, 0, t)[last, i]", "attn(M, 0, 0, t)[last, i] * t[i]"])
    yield "sum{ %s : i in 0..%d where %s } > %s" % (body, n - 1, where, bound)
    yield "%s{ logits(M, t)[last, i] > %s : i in 0..%d where %s }" % (rng.choice(["all", "any"]), bound, min(n, v) - 1, where)
    yield "max{ logits(M, t)[last, i] : i in 0..%d where %s or i == 0 } > %s" % (min(n, v) - 1, where, bound)
    yield "sum{ attn(M, 0, 0, t)[last, i] * t[i] : i in 0..%d where t[i] != t[0] or i > 0 } > %s" % (n - 1, bound)
    yield "t[0] < 1 => logits(M, t)[last, t[0] + %d] > %s" % (rng.randrange(v), bound)
    yield "t[0] < t[1] => logits(M, t)[last, t[0] + 1] > %s" % bound
    yield "all{ logits(M, t)[last, t[i]] > %s : i in 0..%d }" % (bound, n - 1)


def span(c):
    return int(c["number_lo"]), int(c["number_hi"])


def agree(one, other, what):
    check(REFUSED not in str(one.get("reason")), "%s: %s" % (what, one.get("reason")))
    if one["verdict"] == "bounded" and other["verdict"] == "bounded":
        x, y = span(one), span(other)
        check(x[0] <= y[1] and y[0] <= x[1], "%s: %s, but %s" % (what, x, y))


def compare(folder, net, n, v, predicates, engine, what):
    claims = ["count t in tokens[%d] of 0..%d : %s within 1" % (n, v - 1, p) for p in predicates]
    mine, other = (decide(a.build, folder, claims, "--engine", x, net=net) for x in (engine, "enumerate"))
    for k, p in enumerate(predicates):
        agree(mine["c%d" % k], other["c%d" % k], "%s, %s, %s" % (what, engine, p))
    return [mine["c%d" % k]["verdict"] for k in range(len(predicates))]


def large(seed):
    """A network with an MLP or two heads, some of whose weights are up to 2,048 times as large."""
    net = transformer(seed, d_vocab=3, n_ctx=3, heads=1 + seed % 2, mlp="relu" if seed % 3 else None, d_out=3)
    rng = random.Random(seed)
    for name in sorted(net.tensors):
        if rng.random() < 0.25 and "W_Q" not in name and "W_K" not in name:
            scale(net, name, 2 ** rng.randrange(0, 12))
    return net


def scale(net, name, by):
    shape, values = net.tensors[name]
    net.tensors[name] = (shape, [x * by for x in values])


def float32(folder, k):
    """Optima behind LayerNorm: refused or not, the reason says what to ask for; what is bounded encloses executions."""
    rng = random.Random(500 + k)
    net = transformer(700 + k, d_vocab=2, n_ctx=2, layers=1 + k % 2, d_model=2 + k % 2, d_out=2, norm=rng.choice([("final",), ("ln1", "final"), ("ln1", "ln2", "final")]), mlp="relu")
    kinds = [(kind, within) for kind in ("minimize", "maximize") for within in ("1/1000", "1/100", "10")]
    got = decide(a.build, folder, ["%s t in tokens[2] of 0..1 : logits(M, t)[last, 0] - logits(M, t)[last, 1] within %s under float32" % x for x in kinds], net=net)
    values = []
    for i, t in enumerate(itertools.product(range(2), repeat=2)):
        row = Execution(net, 10 * k + i).run(list(t))["logits"][1]
        values.append(Fraction(row[0]) - Fraction(row[1]))
    for i, (kind, within) in enumerate(kinds):
        c = got["c%d" % i]
        if c["verdict"] == "bounded":
            best = min(values) if kind == "minimize" else max(values)
            check(Fraction(c["lo_exact"]) <= best <= Fraction(c["hi_exact"]), "net %d: %s within %s is [%s, %s], an execution has %s" % (k, kind, within, c["lo"], c["hi"], float(best)))
        else:
            check("ask for a wider `within`" in c["reason"] and within != "10", "net %d: %s within %s: %s" % (k, kind, within, c["reason"]))


decided = []
with tempfile.TemporaryDirectory() as folder:
    for k in range(a.nets):
        rng = random.Random(k)
        v, n = rng.randrange(2, 4), 3
        net = transformer(100 + k, d_vocab=v, n_ctx=n, causal=k % 2 == 0)
        decided += compare(folder, net, n, v, list(edges(rng, n, v)), "separable", "net %d" % k)
        decided += compare(folder, large(k), 3, 3, ["argmax(logits(M, t)[last]) == max(t)", "logits(M, t)[last, 0] >= %d" % rng.randrange(-300, 300), "logits(M, t)[last, 1] / 7 > logits(M, t)[last, 2]"], "cells", "large %d" % k)
        float32(folder, k)
        ties = ["%s(logits(M, t)[last]) %s logits(M, t)[last, t[0]]" % x for x in itertools.product(("min", "max"), ("==", "!="))]      # the largest entry is the same number as that entry
        compare(folder, net, n, v, ties, "enumerate", "largest %d" % k)
    check(decided.count("bounded") >= len(decided) / 6, "few claims are decided: %d of %d" % (decided.count("bounded"), len(decided)))
finish()
