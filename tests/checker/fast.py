"""The C checker's first look (proofs/check/fast*.c, fold.c). Under float32 a bound that some binary32 execution reaches must not be proved for all sequences, one somewhat below all of them must. Over the
reals (--real) the smallest value in plain double arithmetic, a little more and a little less.

    python3 tests/checker/fast.py BUILD [--nets N] [--real]

Networks of one or two layers with several heads, with and without an MLP of relus and biases; wide ones too, where sums are long. Over the reals of two layers, wide enough for linear maps to be
folded, also with LayerNorm and with a head or a position replaced, and of two layers with LayerNorm and every activation. Ends with `N passed, N failed`.
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
from claims import canonical, seal     # noqa: E402
from executions import Execution       # noqa: E402
from nets import transformer           # noqa: E402
from tally import check, finish, run   # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=24)
a.add_argument("--real", action="store_true")
a = a.parse_args()
RUNS = 5


def certificate(net, n, r, one, two, bound, model="M"):
    t = "logits(" + model + ", t)[%d, %d]"
    lines = ["weightproof-statement 1", "model M " + net.sha256(), "semantics " + ("real" if a.real else "float32"), "forall t in tokens[%d] of 0..%d" % (n, net.d_vocab - 1),
             "prove %s - %s > %s" % (t % (r, one), t % (r, two), canonical(bound))]
    return seal("weightproof-certificate 1\nstatement\n" + "".join("| %s\n" % x for x in lines) + "verdict proved\nwitness t=%s\nrule enumerate\nend\n" % ",".join("0" * n))


def verdict(folder, net, *claim):
    with open(folder + "/m.net", "w") as f:
        f.write(net.text())
    with open(folder + "/c.cert", "w") as f:
        f.write(certificate(net, *claim))
    return run(a.build + "/weightproof-check", "--quiet", folder + "/c.cert")


def executions(folder, k):
    rng = random.Random(k)
    wide = k % 4 == 3
    net = transformer(900 + k, d_vocab=2 if wide else 3, n_ctx=3, layers=1 if wide else 1 + (k % 3 == 2), heads=1 + k % 3, d_model=24 if wide else 4, d_head=8 if wide else 3, d_out=3, causal=k % 2 == 0, biases=k % 5 != 0,
                      mlp="relu" if k % 2 else None, spread=8 if wide else 24)
    n, r = 3, rng.randrange(3)
    one, two = rng.sample(range(3), 2)
    leads = []
    for i, t in enumerate(itertools.product(range(net.d_vocab), repeat=n)):
        for run_ in range(RUNS):
            row = Execution(net, 1000 * i + run_).run(list(t))["logits"][r]
            leads.append(Fraction(row[one]) - Fraction(row[two]))
    low, size = min(leads), max(abs(x) for x in leads)
    status, output = verdict(folder, net, n, r, one, two, low)
    check(status == 1, "net %d: a bound that an execution reaches: %d %s" % (k, status, output))
    below = Fraction(int((low - (1 + size) / (512 if k % 3 == 2 else 64 if wide else 16384)) * 2 ** 30), 2 ** 30)
    status, output = verdict(folder, net, n, r, one, two, below)
    check(status == 0, "net %d: a bound below all executions: %d %s" % (k, status, output))


def reals(folder, k):
    rng = random.Random(k)
    width = 20 if k % 2 else 9
    net = transformer(700 + k, d_vocab=3, n_ctx=4, layers=2, heads=1 + k % 2, d_model=width, d_head=8, d_out=3, causal=k % 3 != 0, biases=k % 5 != 0, positions=k % 4 != 0, norm=(("ln1",), (), (), ("ln2", "final"), ())[k % 5],
                      mlp="relu" if k % 4 == 1 else None, spread=5)
    n = 4
    one, two = rng.sample(range(3), 2)
    head, zero, half = "blocks.%d.attn.hook_result.0", [0.0] * width, [0.5] * width
    changes = [("M", ()), ("ablate(M, drop = {head(%d, 0)}, to = zero)" % (k % 2), [(head % (k % 2), i, zero) for i in range(n)]),
               ("patch(M, head(0, 0)[1] = {%s})" % ", ".join(["1/2"] * width), [(head % 0, 1, half)])]
    for model, patches in changes:
        for r in (k % 3, n - 1):
            leads = []
            for t in itertools.product(range(net.d_vocab), repeat=n):
                row = net.run(list(t), patches)["logits"][r]
                leads.append(row[one] - row[two])
            low, by = Fraction(min(leads)), Fraction(max(abs(x) for x in leads) + 1) / 10 ** 8
            for bound, expected in ((low - by, 0), (low + by, 1)):
                status, output = verdict(folder, net, n, r, one, two, bound, model)
                check(status == expected, "net %d, %s, row %d, bound %s the smallest value: %d %s" % (k, model, r, "below" if expected == 0 else "above", status, output))


def deep(folder, k):
    """Two layers with LayerNorm everywhere and an MLP, one of them wide: the second look's rows (fast_wide.c) settle what is left within a billionth of the bound, and what they say must be so."""
    rng = random.Random(k)
    width = 24 if k % 3 == 0 else 8
    net = transformer(800 + k, d_vocab=3, n_ctx=3, layers=2, heads=2, d_model=width, d_head=8, d_out=3, causal=k % 2 == 0, biases=k % 3 != 1, norm=(("ln1", "ln2", "final"), ("ln2",), ("ln1", "final"))[k % 3],
                      mlp=("relu", "gelu", "gelu_new", "silu")[k % 4], spread=(4, 9, 16)[k // 4 % 3])
    n, r = 3, rng.randrange(3)
    one, two = rng.sample(range(3), 2)
    leads = []
    for t in itertools.product(range(net.d_vocab), repeat=n):
        row = net.run(list(t))["logits"][r]
        leads.append(row[one] - row[two])
    low, by = Fraction(min(leads)), Fraction(max(abs(x) for x in leads) + 1) / 10 ** 11
    for bound, expected in ((low - by, 0), (low + by, 1)):
        status, output = verdict(folder, net, n, r, one, two, bound)
        check(status == expected, "deep net %d, row %d, bound %s the smallest value: %d %s" % (k, r, "below" if expected == 0 else "above", status, output))


def choice(row):
    """0 where entry 0 is the largest, else 1."""
    return 0 if row[0] > max(row[1:]) else 1


CHOICE = "if argmax(logits(M, %s)[last]) == 0 then 0 else 1"
# Claims on sequences that `seq`, `sort` and slices make, several in one: most p, the value, the same of L(tokens), the rows of logits, and A(tokens), the last row of the attention
MADE = [(2, "logits(M, seq(s, s[p]))[last, 0] - logits(M, seq(s[p], s))[last, 1]", lambda L, A, p, s: L(s + [s[p]])[-1][0] - L([s[p]] + s)[-1][1]),
        (2, "logits(M, seq(p, sort(s)))[last, 0] - logits(M, seq(sort(seq(s, p))[0..2], p))[1, 1]", lambda L, A, p, s: L([p] + sorted(s))[-1][0] - L(sorted(s + [p])[:3] + [p])[1][1]),
        (1, "logits(M, seq(s[p + 1..2], p, 2))[last, 0] - logits(M, seq(s, p)[1..3])[last, 1]", lambda L, A, p, s: L(s[p + 1:] + [p, 2])[-1][0] - L(s[1:] + [p])[-1][1]),
        (2, "logits(M, seq({p, s[0]}, s[1..last]))[2, 0] - attn(M, 0, 0, seq(s, p))[last, 1]", lambda L, A, p, s: L([p, s[0]] + s[1:])[2][0] - A(s + [p])[1]),
        (2, "logits(M, seq(s, p))[last, %s] - logits(M, seq(p, s))[2, 1]" % (CHOICE % "seq(p, s)"), lambda L, A, p, s: L(s + [p])[-1][choice(L([p] + s)[-1])] - L([p] + s)[2][1]),
        (2, "logits(M, seq(s, p))[%s, 0]" % (CHOICE % "seq(p, p, s[0..1])"), lambda L, A, p, s: L(s + [p])[choice(L([p, p] + s[:2])[-1])][0]),
        (2, "logits(M, seq(s, %s))[last, 0]" % (CHOICE % "seq(p, p)"), lambda L, A, p, s: L(s + [choice(L([p, p])[-1])])[-1][0])]
# A slice beyond the end is an error, whatever stands there.
BEYOND = (2, "logits(M, seq(s, p)[1..4])[last, 0]", lambda L, A, p, s: L(s[1:] + [p, 0])[-1][0])


def made(folder, k, claim, holds=True):
    """How often the value of such a claim is above a number between two of its values; the same count, one more and one less are claimed."""
    most, text, value = claim
    net = transformer(800 + k, d_vocab=3, n_ctx=4, layers=1 + k % 2, heads=1, d_model=6, d_head=4, d_out=3, causal=k % 3 != 0, biases=True, spread=5)
    L, A = lambda t: net.run(t)["logits"], lambda t: net.run(t)["blocks.0.attn.hook_pattern.0"][-1]
    values = sorted(value(L, A, p, list(s)) for p in range(most + 1) for s in itertools.product(range(3), repeat=3))
    at = next(i for i in range(len(values) // 2, len(values)) if values[i + 1] - values[i] > 1e-6)
    bound, number = Fraction(values[at] + values[at + 1]) / 2, len(values) - 1 - at
    lines = ["weightproof-statement 1", "model M " + net.sha256(), "semantics real", "count p in 0..%d, s in tokens[3] of 0..2 : %s > %s" % (most, text, canonical(bound))]
    with open(folder + "/m.net", "w") as f:
        f.write(net.text())
    for claimed in (number, number + 1, number - 1):
        with open(folder + "/c.cert", "w") as f:
            f.write(seal("weightproof-certificate 1\nstatement\n" + "".join("| %s\n" % x for x in lines) + "verdict bounded\nnumber %d %d\ntotal %d %d\nrule enumerate\nend\n" % (2 * (claimed,) + 2 * (len(values),))))
        status, output = run(a.build + "/weightproof-check", "--quiet", folder + "/c.cert")
        check(status == (not holds or claimed != number), "net %d, %s: %d of %d claimed to be %d: %s" % (k, text, number, len(values), claimed, output))


with tempfile.TemporaryDirectory() as folder:
    for k in range(14 if a.real else 0):
        made(folder, k, MADE[k % len(MADE)])
    if a.real:
        made(folder, 14, BEYOND, False)
    for k in range(a.nets):
        (reals if a.real else executions)(folder, k)
    for k in range(2 * a.nets if a.real else 0):
        deep(folder, k)
finish()
