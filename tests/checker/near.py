"""Certificates of claims that hold, or fail, by less than the sums of rules separable and count tell: python3 tests/checker/near.py BUILD [--nets N]

A difference of outputs is known to 150 digits; bounds beside it by 2^-42 and far less must be decided rightly by both checkers, as single comparisons, conjunctions, disjunctions and counts.
Under float32 scores that are large and equal, but are rounded differently, move the shares by far more than everything behind them: some execution breaks a claim that the outputs' own roundings would
allow. Ends with `N passed, N failed`.
"""
import argparse
import decimal
import itertools
import math
import os
import random
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "long")]
from claims import canonical, seal      # noqa: E402
from decided import checkers            # noqa: E402
from executions import Execution        # noqa: E402
from nets import transformer            # noqa: E402
from tally import check, finish, run    # noqa: E402
from worlds import Exact, Model, World  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=2)
a = a.parse_args()
CHECKERS = checkers(a.build)
C_ONLY = CHECKERS[:1]
LN2 = Fraction(19510358650516747527753647918, 10 ** 14)    # ln 2 at 2^-48
OFFSETS = [Fraction(1, 2 ** 42), Fraction(1, 2 ** 45), Fraction(1, 2 ** 70), Fraction(1, 10 ** 60), Fraction(1, 10 ** 100)]


class Digits(Exact):
    """Rationals, with exp to 150 digits. d_head is a square."""

    def op_score(self, t, n, args, x):
        return [[s / math.isqrt(x[2]) for s in row] for row in Exact.op_score(self, t, n, args, x)]

    def op_softmax(self, t, n, args, x):
        with decimal.localcontext() as c:
            c.prec = 150
            rows = [[Fraction((decimal.Decimal(s.numerator) / s.denominator).exp()) for s in row] for row in x[0]]
        return self.spread_out(t, [[e / sum(row) for e in row] for row in rows])


class Digital(World):
    def net_of(self, model):
        net = Digits.__new__(Digits)
        net.__dict__.update(model.net.__dict__)
        return net


class Files:
    def __init__(self, folder, net):
        self.folder, self.net = folder, net
        with open(folder + "/m.net", "w") as f:
            f.write(net.text())

    def said(self, statement, evidence, what, expected, semantics="real", checkers=CHECKERS):
        lines = ["weightproof-statement 1", "model M " + self.net.sha256(), "semantics " + semantics] + statement
        with open(self.folder + "/c.crt", "w") as f:
            f.write(seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in lines] + evidence + ["end"]) + "\n"))
        for checker in checkers:
            status, output = run(*checker, "--quiet", self.folder + "/c.crt")
            check(status == (0 if expected else 1), "%s: %s ends with %d: %s\n  %s" % (what, checker[-1], status, output, statement))


def near(folder, k):
    rng = random.Random(k)
    net = transformer(4100 + k, d_vocab=3, n_ctx=2 + k % 2, d_out=3, d_head=(1, 4)[k % 2], causal=k % 3 > 0, biases=k % 4 > 0, positions=k % 5 > 0)
    files, n = Files(folder, net), net.n_ctx
    world, domain = Digital("exact"), list(itertools.product(range(3), repeat=n))
    leads = []
    for t in domain:
        row = world.run(Model("M", net), t, {})["logits"][-1]
        leads.append(row[0] - row[1])
    binds, lead = "t in tokens[%d] of 0..2" % n, "logits(M, t)[last, 0] - logits(M, t)[last, 1]"
    forms = ["%s > %%s" % lead, "not %s <= %%s" % lead, "%s > %%s or logits(M, t)[last, 0] - logits(M, t)[last, 2] > 1000" % lead, "%s > %%s and logits(M, t)[last, 0] > -1000" % lead]
    for offset in OFFSETS:
        for side in (1, -1):
            c = Fraction(round(min(leads) * 10 ** 120), 10 ** 120) - side * offset
            form = rng.choice(forms) if offset != OFFSETS[0] else forms[2]
            for rule in ("separable", "enumerate") if offset == OFFSETS[2] else ("separable",):
                files.said(["forall " + binds, "prove " + form % canonical(c)], ["verdict proved", "witness t=" + ",".join("0" * n), "rule " + rule], "net %d, %s" % (k, float(offset)), side > 0,
                           checkers=CHECKERS if rng.random() < 0.3 else C_ONLY)
            middle = Fraction(round(sorted(leads)[len(leads) // 2] * 10 ** 120), 10 ** 120) - side * offset
            number = sum(x > middle for x in leads)
            for claimed in (number, number - side):
                files.said(["count %s : %s" % (binds, rng.choice(forms) % canonical(middle))], ["verdict bounded", "number %d %d" % (claimed, claimed), "total %d %d" % (len(leads), len(leads)),
                                                                                              "rule count", "bins 16 0"], "net %d, counted, %s" % (k, float(offset)), claimed == number,
                           checkers=CHECKERS if rng.random() < 0.2 else C_ONLY)


def two_forms(folder):
    """Conjunctions of two forms, of one shape or nearly so, of which the second is false by much, by little or not at all: with one constant, where all sums are looked at as one, and with two."""
    for k in range(3):
        net = transformer(4200 + k, d_vocab=3, n_ctx=2 + k % 2, d_out=3, d_head=(1, 4)[k % 2], causal=k % 3 > 0, biases=k % 4 > 0, positions=k % 5 > 0)
        files, n, i = Files(folder, net), net.n_ctx, (0, -1)[k % 2]
        runs = [Digital("exact").run(Model("M", net), t, {}) for t in itertools.product(range(3), repeat=n)]
        L, A = [x["logits"][i] for x in runs], [x["blocks.0.attn.hook_pattern.0"][i][0] for x in runs]
        names = ["logits(M, t)[%s, %d]" % ("last" if i else "0", j) for j in range(3)]
        forms = [("-%s" % names[j], [-x[j] for x in L]) for j in range(3)] + [(names[j], [x[j] for x in L]) for j in range(3)] + [("%s - %s" % (names[j], names[2]), [x[j] - x[2] for x in L]) for j in range(2)]
        forms += [("%s - %s" % (names[2], names[0]), [x[2] - x[0] for x in L]), ("2 * %s" % names[1], [2 * x[1] for x in L]), ("%s - 2 * %s" % (names[1], names[2]), [x[1] - 2 * x[2] for x in L]),
                  ("%s + attn(M, 0, 0, t)[%s, 0]" % (names[1], "last" if i else "0"), [x[1] + p for x, p in zip(L, A)])]
        for (one, ones), (two, twos) in itertools.permutations(forms, 2):
            least = min(twos)
            for by in (Fraction(1, 64), Fraction(1, 2 ** 25), Fraction(1, 2 ** 70), -Fraction(1, 2 ** 70)):
                bound = Fraction(round((least + by) * 2 ** 90), 2 ** 90)
                for other in {min(min(ones), least) - 1} | ({bound} if min(ones) > bound else set()):
                    first, second = "%s > %s" % (one, canonical(Fraction(round(other * 2 ** 90), 2 ** 90))), "%s > %s" % (two, canonical(bound))
                    files.said(["forall t in tokens[%d] of 0..2" % n, "prove %s and %s" % (first, second)], ["verdict proved", "witness t=" + ",".join("0" * n), "rule separable"], "two forms, net %d, %s" % (k, float(by)), by < 0,
                               checkers=C_ONLY)


def conditions(folder):
    """A count whose condition reads the network is none of C => P; rule separable takes it for no count at all."""
    net = transformer(4100, d_vocab=2, n_ctx=2, d_out=3)
    files = Files(folder, net)
    leads = [(lambda row: row[0] - row[1])(net.run(t)["logits"][-1]) for t in itertools.product(range(2), repeat=2)]
    middle = Fraction(round(sorted(leads)[2] * 64 - 1), 64)
    lead = "logits(M, t)[last, 0] - logits(M, t)[last, 1]"
    true, number = sum(x > middle for x in leads), sum(x > middle + 1 for x in leads)
    for claimed, total in ((number, true), (4 - true + number, 4), (number, 4), (4 - true + number, true)):
        for rule in (["separable"], ["count", "bins 16 0"], ["enumerate"]):
            files.said(["count t in tokens[2] of 0..1 where %s > %s : %s > %s" % (lead, canonical(middle), lead, canonical(middle + 1))],
                       ["verdict bounded", "number %d %d" % (claimed, claimed), "total %d %d" % (total, total), "rule " + rule[0]] + rule[1:], "a condition on the network, " + rule[0],
                       rule[0] == "enumerate" and (claimed, total) == (number, true), checkers=C_ONLY)


def uneven(scores):
    """Two tokens whose values are opposite. With scores: both have the same, 4095.5, that rounds otherwise for either. Without: outputs 0 and 1 of token 1 are equal, one a sum of terms of 2^15."""
    net = transformer(9, d_vocab=2, n_ctx=2, d_model=4, d_head=2, causal=False, biases=False, positions=False)
    s, x = Fraction(4095) + Fraction(1, 2), Fraction(round(2 ** 20 / 3), 2 ** 20)
    given = {"embed.W_E": [1, 0, 8 + x, -7 - x, -1, 0, 1, 0], "blocks.0.attn.W_Q": [0] * 8, "blocks.0.attn.W_K": [0, 0, 0, 0, 1, 0, 0, 1], "blocks.0.attn.W_V": [1, 0, 0, 0, 0, 0, 0, 0],
             "blocks.0.attn.W_O": [0, 1, 0, 0, 0, 0, 0, 0], "unembed.W_U": [0, 0, 1, 0, 0, 0, 0, 0]}
    for name, values in given.items():
        net.tensors[name] = (net.tensors[name][0], [Fraction(v) for v in values])
    if not scores:
        given = {"embed.W_E": [1, 0, 1, 0, -1, 0, 8 + x, -7 - x], "blocks.0.attn.W_Q": [0] * 8, "unembed.W_U": [0, -s, 1, 0, s, 0, s, 0]}
        net.tensors.update({name: (net.tensors[name][0], [Fraction(v) for v in values]) for name, values in given.items()})
        return net
    # q is (s, s) for both tokens: dimensions 2 and 3 of either add up to 1
    net.tensors["blocks.0.attn.W_Q"] = (net.tensors["blocks.0.attn.W_Q"][0], [Fraction(v) for v in [0, 0, 0, 0, s, s, s, s]])
    return net


def pairs(folder):
    """Pairs of sequences, of which each is met again and again: output 0 of (0, 0) errs by much, that of (1, 1) by next to nothing, and their difference is the largest of all."""
    net = transformer(9, d_vocab=2, n_ctx=2, d_model=4, d_head=2, causal=False, biases=False, positions=False)
    third, finer = Fraction(1365, 4096), Fraction(5592405, 2 ** 24)
    given = {"embed.W_E": [4095 * third, -4097 * third, 8191 * third, 0, 0, 0, 0, 1], "blocks.0.attn.W_Q": [0] * 8, "blocks.0.attn.W_V": [0, 0, 0, 0, 0, 0, 1, 0],
             "blocks.0.attn.W_O": [0, 0, 0, Fraction(1, 2), 0, 0, 0, 0], "unembed.W_U": [-finer, 0, -finer, 0, finer / 1024, 0, -1, 0]}
    net.tensors.update({name: (net.tensors[name][0], [Fraction(v) for v in values]) for name, values in given.items()})
    files, worst, real = Files(folder, net), 0, {}
    for t in ((0, 0), (1, 1)):
        real[t] = Digital("exact").run(Model("M", net), t, {})["logits"][-1][0]
    for seed in range(300):
        worst = max(worst, Fraction(Execution(net, seed).run([0, 0])["logits"][-1][0]) - real[0, 0])
    check(worst > Fraction(1, 2 ** 20), "pairs: executions err by %s only" % float(worst))
    for by, good in ((Fraction(1, 2), False), (Fraction(64), True)):
        files.said(["forall t in tokens[2] of 0..1, s in tokens[2] of 0..1", "prove logits(M, s)[last, 0] - logits(M, t)[last, 0] < %s" % canonical(real[0, 0] - real[1, 1] + by * worst)],
                   ["verdict proved", "witness t=0,0 s=0,0", "rule enumerate"], "pairs under float32", good, "float32")
        # one sequence, whose scores are exact: an average misses an execution by what stands behind the shares alone
        averaged(files, "t in tokens({0}, {0}) : logits(M, t)[last, 0]", real[0, 0], by * worst, good)


def averaged(files, what, middle, by, good):
    files.said(["average " + what, "within 1000"], ["verdict bounded", "value %s %s" % (canonical(middle - by), canonical(middle + by)), "rule separable"], "float32, an average of one sequence", good, "float32")


def executions(folder, scores):
    net = uneven(scores)
    files, t = Files(folder, net), (0, 1)
    leads = [Fraction(row[0]) - Fraction(row[1]) for row in (Execution(net, seed).run(list(t))["logits"][1] for seed in range(300))]
    most = -min(leads)                       # over the reals it is 0
    check(most > Fraction(1, 2 ** 12), "executions: %s to %s" % (float(min(leads)), float(max(leads))))
    one, two = "logits(M, t)[last, 0] - logits(M, t)[last, 1]", "logits(M, t)[last, 1] - logits(M, t)[last, 0]"
    for claim in (one + " > -%s", two + " < %s"):
        for by, good in ((Fraction(1, 2), False), (Fraction(1), False), (Fraction(64), True)):
            files.said(["forall t in tokens({0}, {1})", "prove " + claim % canonical(by * most)], ["verdict proved", "witness t=0,1", "rule separable"], "float32", good, "float32")
    both = "all{logits(M, t)[last, j] > -%s : j in 0..1}"     # forms of one kind: a first look takes them all at once
    for by, good in ((Fraction(1, 2), False), (Fraction(1), False), (Fraction(64), True)) if scores else ():
        files.said(["forall t in tokens({0}, {1})", "prove " + both % canonical(by * most)], ["verdict proved", "witness t=0,1", "rule separable"], "float32, forms of one kind", good, "float32")
    for by, good in ((Fraction(1, 2), False), (Fraction(1024), True)) if scores else ():
        averaged(files, "t in tokens({0}, {1}) : " + one, Fraction(0), by * most, good)
    for claim, number in ((one + " > -%s", (1, 2)), (two + " > %s", (0, 1))):
        for rule in (["rule count", "bins 64 0"], ["rule count", "bins 64 1"], ["rule separable"]):
            for span in (number, (number[0],) * 2, (number[1],) * 2):
                files.said(["count t in tokens({0}, {0, 1}) : " + claim % canonical(most / 2), "within 1"], ["verdict bounded", "number %d %d" % span, "total 2 2"] + rule, "float32, counted", span == number, "float32",
                           C_ONLY)
    for by in (1, Fraction(3, 2), 2, 3, 4, 6, 8, 12, 16):     # nearer than the sums tell, all executions are looked at: disjunctions too
        files.said(["forall t in tokens({0}, {1})", "prove %s > %s or %s > 1000" % (one, canonical(by * most), one)], ["verdict proved", "witness t=0,1", "rule separable"], "float32, disjunction", False, "float32", C_ONLY)


def equal_values(folder):
    """A head whose values are the same everywhere gives that value times the sum of its shares, which errs (by 6 units of 2^-24 at most, of two sources) beside the products and their sum (8)."""
    net = transformer(9, d_vocab=2, n_ctx=2, d_model=4, d_head=2, causal=False, biases=False, positions=False)
    third, value = Fraction(1365, 4096), Fraction(4095)
    given = {"embed.W_E": [1, third, 1, 0, 1, -third, 0, 1], "blocks.0.attn.W_Q": [1] + [0] * 7, "blocks.0.attn.W_K": [0, 0, 1, 0, 0, 0, 0, 0], "blocks.0.attn.W_V": [value] + [0] * 7}
    net.tensors.update({name: (net.tensors[name][0], [Fraction(v) for v in values]) for name, values in given.items()})
    files = Files(folder, net)
    for claim, side in (("> %s", -1), ("< %s", 1)):
        for units, good in ((10, False), (16, True)):
            files.said(["forall t in tokens({0}, {1})", 'prove node(M, "blocks.0.attn.hook_z.0", t)[last, 0] ' + claim % canonical(value * (1 + side * Fraction(units, 2 ** 24)))],
                       ["verdict proved", "witness t=0,1", "rule enumerate"], "float32, equal values, %d units" % units, good, "float32", C_ONLY)


def light_tokens(folder):
    """Weights of tokens below 2^-256 of the largest, at positions whose other tokens weigh: all of them are read. Counts are told by values that lie far apart."""
    for seed, causal in ((21, True), (26, False)):
        net = transformer(seed, d_vocab=4, n_ctx=3, d_out=3, causal=causal)
        shape, flat = net.tensors["blocks.0.attn.W_K"]
        net.tensors["blocks.0.attn.W_K"] = (shape, [3000 * x for x in flat])
        files, leads = Files(folder, net), [row[0] - row[1] for row in (net.run(t)["logits"][-1] for t in itertools.product(range(4), repeat=3))]
        values = sorted(set(round(x, 6) for x in leads))
        for one, two in zip(values[::2], values[1::2]):
            limit = Fraction(round((one + two) * 2 ** 20), 2 ** 21)
            number = sum(x > limit for x in leads)
            for by in (-4, -1, 0, 1, 4):
                files.said(["count t in tokens[3] of 0..3 : logits(M, t)[last, 0] - logits(M, t)[last, 1] > %s" % canonical(limit), "within 1"],
                           ["verdict bounded", "number %d %d" % ((number + by,) * 2), "total 64 64", "rule count", "bins 64 0"], "light tokens, %d more" % by, by == 0, "real", C_ONLY)


def multiples_of_log2(folder):
    """Scores that lie k ln 2 apart, rounded down or up at 2^-48: where an exponential in fixed point parts its argument. Bounds beside the share that only the second look or growing precision can tell."""
    net = transformer(2, d_vocab=2, n_ctx=2, d_model=2, d_head=1, causal=False, biases=False, positions=False)
    given = {"embed.W_E": [1, 0, 1, 1], "blocks.0.attn.W_Q": [1, 0], "blocks.0.attn.W_V": [0, 1]}
    net.tensors.update({name: (net.tensors[name][0], [Fraction(v) for v in values]) for name, values in given.items()})
    for k in (1, 2, 3, 7, 20, 41):
        for unit in (0, 1):
            score = Fraction(math.floor(k * LN2) + unit, 2 ** 48)
            net.tensors["blocks.0.attn.W_K"] = (net.tensors["blocks.0.attn.W_K"][0], [Fraction(0), -score])
            with decimal.localcontext() as c:
                c.prec = 60
                share = Fraction(1 / (1 + (decimal.Decimal(score.numerator) / score.denominator).exp()))
            files = Files(folder, net)
            for by, good in ((Fraction(-1, 2 ** 44), True), (Fraction(1, 2 ** 44), False)):
                for sign, claim in ((1, "> %s"), (-1, "< %s")):
                    files.said(["forall t in tokens({0}, {1})", "prove attn(M, 0, 0, t)[last, 1] " + claim % canonical(share + sign * by)], ["verdict proved", "witness t=0,1", "rule enumerate"],
                               "%d ln 2 and %d units" % (k, unit), good, "real", C_ONLY)


with tempfile.TemporaryDirectory() as folder:
    light_tokens(folder)
    multiples_of_log2(folder)
    for k in range(a.nets):
        near(folder, k)
    two_forms(folder)
    conditions(folder)
    executions(folder, True)
    executions(folder, False)
    pairs(folder)
    equal_values(folder)
finish()
