"""Lines `counts` of rule cells: python tests/cells/counted.py BUILD [--nets N] [--seed S]

Small random networks: in a certificate for a count every line becomes one of tables, with ratios that hold for any such network. The interval that the checker then finds (by bisection of what it accepts) holds the number that `enumerate` finds, whatever the bins.
Larger ones: the interval of `cells` that is asked for with `within` holds the exact number, is no wider than asked for, and rests on lines `counts`; changed certificates are rejected. Ends with `N passed, N failed`.
"""
import argparse
import collections
import itertools
import math
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import resealed                # noqa: E402
from decided import decide, in_c, write    # noqa: E402
from nets import transformer               # noqa: E402
from tally import check, finish            # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=12)
a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
seen = collections.Counter()


def decided(folder, claims, engine, net=None):
    return decide(a.build, folder, claims, "--engine", engine, "--certificates", folder + "/" + engine, "--timeout", "20", net=net)


def answer(folder, text):
    write(folder + "/cells/t.crt", resealed(text))
    return in_c(a.build, folder + "/cells/t.crt")


def with_number(text, lo, hi):
    return re.sub(r"^number .*$", "number %d %d" % (lo, hi), text, flags=re.M)


def found(folder, text, total):
    """The interval of the checker: the largest LO and the smallest HI that it accepts."""
    ends = []
    for accepted in (lambda v: answer(folder, with_number(text, v, total))[0] == 0, lambda v: answer(folder, with_number(text, 0, total - v))[0] == 0):
        lo, hi = 0, total + 1
        while hi - lo > 1:
            middle = (lo + hi) // 2
            lo, hi = (middle, hi) if accepted(middle) else (lo, middle)
        ends.append(lo)
    return ends[0], total - ends[1]


def look(net, v, n, heads):
    """Words for the ratios of the heads' sums at the last row, over all sequences, and a predicate of two forms of which either is false on a third of them."""
    both, leads = [[math.inf, 0] for _ in range(heads)], ([], [])
    for t in itertools.product(range(v), repeat=n):
        x = net.run(t)
        sums = [sum(math.exp(e) for e in x["blocks.0.attn.hook_attn_scores.%d" % h][-1]) for h in range(heads)]
        for h in range(1, heads):
            both[h] = [min(both[h][0], sums[0] / sums[h]), max(both[h][1], sums[0] / sums[h])]
        for j in range(2):
            leads[j].append(x["logits"][-1][0] - x["logits"][-1][1 + j])
    bounds = [Fraction(int(sorted(x)[len(x) // 3] * 1024), 1024) for x in leads]
    return (["%s:%s" % (Fraction(int(lo * 2 ** 20) - 1, 2 ** 20), Fraction(int(hi * 2 ** 20) + 2, 2 ** 20)) for lo, hi in both[1:]],
            " and ".join("logits(M, t)[last, 0] - logits(M, t)[last, %d] > %s" % (1 + j, bounds[j]) for j in range(2)))


def behind_norm(k):
    """One head, and a final LayerNorm with biases: multiples of sigma of one sign or of both, words that are rows."""
    rng = random.Random(a.seed * 1000 + k)
    v, n = 3, 3
    net = transformer(a.seed * 7001 + k, d_vocab=v, n_ctx=n, d_out=3, causal=rng.random() < 0.6, norm=("final",), spread=12)
    predicate = look(net, v, n, 1)[1]
    with tempfile.TemporaryDirectory() as folder:
        claim = "count t in tokens[%d] of 0..%d : %s within 1" % (n, v - 1, "not (%s)" % predicate if k % 5 == 4 else predicate)
        theirs, mine = (decided(folder, [("c", claim)], x, net)["c"] for x in ("enumerate", "cells"))
        if mine["verdict"] == "undecided" or not os.path.exists(folder + "/cells/c.cert"):
            return
        with open(folder + "/cells/c.cert") as f:
            lines = f.read().split("\n")
        if "rule cells" not in lines or not any(x.startswith("cell ") for x in lines) or any(x.startswith("cell split") for x in lines):
            return
        exact, total = int(theirs["number_lo"]), v ** n
        rows = ["@" + ",".join(str(rng.randrange(v)) for _ in range(n)) for _ in range(1 + k % 2)]
        line = "cell counts %s tables 0:4096 1:4096" % " ".join(rows)
        lo, hi = found(folder, "\n".join(line if x.startswith("cell ") else x for x in lines), total)
        check(lo <= exact <= hi, "LayerNorm, net %d: %d is not in %d..%d" % (k, exact, lo, hi))
        seen["behind a LayerNorm"] += 1
        seen["narrow behind it"] += hi - lo < total / 2


def small(k):
    rng = random.Random(a.seed * 1000 + k)
    heads, v, n = 2 + k % 3, 3, 4 if k % 2 else 3
    net = transformer(a.seed * 8009 + k, d_vocab=v, n_ctx=n, d_out=3, heads=heads, causal=rng.random() < 0.6, biases=rng.random() < 0.7, mlp="relu" if k % 4 == 3 else None, spread=12)
    for name in ("blocks.0.attn.W_Q", "blocks.0.attn.b_Q"):     # heads whose sums are nearly in proportion
        if name in net.tensors:
            net.tensors[name] = (net.tensors[name][0], [x / 8 for x in net.tensors[name][1]])
    tight, predicate = look(net, v, n, heads)
    claim = "count t in tokens[%d] of 0..%d : %s within 1" % (n, v - 1, "not (%s)" % predicate if k % 5 == 4 else predicate)
    with tempfile.TemporaryDirectory() as folder:
        theirs, mine = (decided(folder, [("c", claim)], x, net)["c"] for x in ("enumerate", "cells"))
        if mine["verdict"] == "undecided" or not os.path.exists(folder + "/cells/c.cert"):
            return
        with open(folder + "/cells/c.cert") as f:
            text = f.read()
        exact, total = int(theirs["number_lo"]), v ** n
        lines = text.split("\n")
        if "rule cells" not in lines or "\ncell " not in text or "\ncell split" in text:
            return
        for bins in ((1, 4096) if k % 2 else (7, 65536)):
            words = " ".join(tight + (["-64:64"] * 4 if k % 4 == 3 else []) + (["@" + ",".join(str(rng.randrange(v)) for _ in range(n))] if rng.random() < 0.7 else []))
            line = "cell counts %s tables %s" % (words, " ".join("%d:%d" % (form, bins) for form in range(2)))
            mutant = "\n".join(line if x.startswith("cell ") else x for x in lines)
            status, output = answer(folder, with_number(mutant, 0, total))
            check(status == 0, "net %d: %s" % (k, output[:300]))
            if status != 0:
                continue
            lo, hi = found(folder, mutant, total)
            check(lo <= exact <= hi, "net %d, %d bins: %d is not in %d..%d" % (k, bins, exact, lo, hi))
            lines_of = "cell split 0 0%s\n%s\n%s" % (" " + words if k % 5 != 4 else "", line, line)      # words may show what has a table below
            lo, hi = found(folder, mutant.replace(line, lines_of), total)
            check(lo <= exact <= hi and answer(folder, with_number(mutant.replace(line, lines_of), 0, total))[0] == 0, "net %d, %d bins: %d is not in %d..%d, of two parts" % (k, bins, exact, lo, hi))
            seen["narrow"] += hi - lo < total / 2
            seen["ends"] += (lo == exact) + (hi == exact)
            for word, other in () if bins > 1000 else (("a form twice", line + " 0:5"), ("no such form", line.replace(" 1:", " 9:")), ("no form", line[:line.index(" tables") + 7]), ("no bins", line[:line.rindex(":")] + ":0"),
                                ("too many bins", line[:line.rindex(":")] + ":262145"), ("a zero", line[:line.rindex(":")] + ":07"), ("a ratio", line.replace(tight[-1], "63:64", 1)), ("no tables", "cell counts " + words), ("a word", line + " x")):
                check(answer(folder, with_number(mutant.replace(line, other, 1), 0, total))[0] == 1, "net %d: accepted with %s" % (k, word))


def larger(k):
    heads, v, n = 2 + k % 3, 12, 6
    net = transformer(a.seed * 9011 + k, d_vocab=v, n_ctx=n, d_out=v, heads=heads, causal=True, spread=10, d_model=6)
    count = "count t in tokens[%d] of 0..%d : logits(M, t)[last, 1] - logits(M, t)[last, 2] > %s and logits(M, t)[last, 3] - logits(M, t)[last, 2] > %s"
    with tempfile.TemporaryDirectory() as folder:
        claim = count % (n, v - 1, "-1/8", "-1/16")
        exact = decided(folder, [("c", claim + " within 1e-9")], "cells", net)["c"]
        results = decided(folder, [("c", claim + " within 1/20"), ("d", claim + " within 1/1000")], "cells")
        for name, within in (("c", Fraction(1, 20)), ("d", Fraction(1, 1000))):
            x = results[name]
            seen["larger, " + x["verdict"]] += 1
            if exact["verdict"] == "undecided" or x["verdict"] == "undecided":
                continue
            lo, hi = int(x["number_lo"]), int(x["number_hi"])
            check(lo <= int(exact["number_hi"]) and int(exact["number_lo"]) <= hi, "net %d: %s..%s, exactly %s" % (k, lo, hi, exact["number_lo"]))
            check(hi - lo <= within * v ** n, "net %d: too wide" % k)
            with open(folder + "/cells/%s.cert" % name) as f:
                text = f.read()
            if "\ncell counts " not in text:
                continue
            seen["with tables"] += 1
            number = int(exact["number_lo"])
            check(answer(folder, with_number(text, number, number))[0] == 1, "net %d: tables that count exactly" % k)
            check(answer(folder, re.sub(r"^(cell counts .* tables .*:)\d+$", r"\g<1>1", text, flags=re.M))[0] in (0, 1), "net %d: few bins" % k)


for k in range(a.nets):
    small(k)
    behind_norm(k)
for k in range(max(6, a.nets // 2)):
    larger(k)
check(seen["narrow"] > a.nets / 2 and seen["with tables"] > 0, "few intervals: %s" % dict(seen))
print(dict(seen))
finish()
