"""Rule count, steps 7 and 8: cells whose parts are named by lines `part`, and forms counted two at a time. Models whose attention is soft, so that no token settles which outputs are above the answer;
the number comes from numpy on all sequences. The lines are drawn at random: whatever they say, what either checker finds contains the number.

    python3 tests/checker/pairs.py [BUILD]

Ends with a line `N passed, N failed`.
"""
import itertools
import os
import random
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "..", "proofs", "reference")]
import named                                 # noqa: E402
from certificate import Rejected, read_certificate  # noqa: E402
from claims import seal                      # noqa: E402
from counting import Counting                # noqa: E402
from net import read_net                     # noqa: E402
from nets import transformer                 # noqa: E402
from rules import Judge                      # noqa: E402
from soft import logits                      # noqa: E402
from tally import check, finish, run         # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
PROVER, CHECKER = os.path.join(BUILD, "weightproof"), os.path.join(BUILD, "weightproof-check")
SHAPES = [(5, 5, 6), (6, 4, 5), (3, 7, 4), (7, 4, 6)]       # d_vocab, n_ctx, d_model
CLAIMS = [("max(t)", lambda t: t.max(1)), ("2", lambda t: np.full(len(t), 2)), ("t[0]", lambda t: t[:, 0]), ("min(t)", lambda t: t.min(1))]


class Grown(named.Lines):
    """Lines that are drawn as the walk asks for them."""

    def __init__(self, tokens):
        super().__init__([])
        self.tokens = tokens

    def take(self):
        self.lines.append("open")
        self.at += 1
        return self.at - 1

    def skip(self, line):
        pass


def words(rng, forms):
    """Tables, then pairs: a first form, and others beside some of those before them."""
    out = ["%d:%d%s" % (k, rng.choice((1, 4, 16, 64)), rng.choice(("", "", "-"))) for k in sorted(rng.sample(range(forms), rng.randint(0, forms))) for _ in range(rng.choice((1, 1, 2)))]
    if rng.random() < 0.8 and forms > 1:
        placed = rng.sample(range(forms), rng.randint(2, forms))
        for at in range(1, len(placed)):
            out += ["%d/%d:%d" % (placed[at], c, rng.choice((128, 512))) for c in rng.sample(placed[:at], rng.randint(1, at))]
    return out


def drawn_line(rng, cell, allowed):
    if rng.random() < 0.1:
        return "open"
    out, wide = words(rng, len(cell.forms)), [i for i in range(cell.reads) if len(allowed[i]) > 1]
    if rng.random() < 0.5 and wide:
        i = rng.choice(wide)
        side = rng.sample(sorted(allowed[i]), rng.randint(1, len(allowed[i]) - 1))
        out.append("cut %d %s" % (i, ",".join(str(cell.tokens[i][t]) for t in side)))
    return " ".join(out) or "open"


def rare_line(rng, cell, allowed):
    """All forms are set aside: what is known of both sides of the cut is what their tables say."""
    i = rng.choice([i for i in range(cell.reads) if len(allowed[i]) > 1])
    return " ".join(["%d:64-" % k for k in range(len(cell.forms))] + ["cut %d %d" % (i, cell.tokens[i][min(allowed[i])])])


def grow(rng, judge, bins, enter, draw=drawn_line):
    """Numbers, and lines `part` for some of the cells; for all of them unless they are drawn."""
    grown, plain = [], named.part

    def lines_of(self, sets, row, q, states, moves, finals):
        if draw is drawn_line and rng.random() < 0.3:
            return None
        grown.append(Grown(states[-1][rng.choice(finals)][1]))
        return grown[-1]

    def part(cell, line, allowed, *rest):
        if isinstance(cell.lines, Grown):
            cell.lines.lines[line], line = draw(rng, cell, allowed), line
            line = cell.lines.lines[line]
        plain(cell, line, allowed, *rest)
    found = Counting.lines_of
    named.part, Counting.lines_of = part, lines_of
    try:
        number = Counting(judge.interpreter, judge.s, bins, enter).count()[0]
    finally:
        named.part, Counting.lines_of = plain, found
    return number, [x for g in grown for x in ["of " + ",".join(map(str, g.tokens))] + g.lines]


class Case:
    def __init__(self, folder, k):
        V, n, d = SHAPES[k % len(SHAPES)]
        self.net = transformer(900 + k, d_vocab=V, n_ctx=n, d_model=d, d_head=2, causal=True, biases=False, positions=True, spread=2 + k % 2)
        text, answer = CLAIMS[(k + k // 4) % len(CLAIMS)]
        t = np.array(list(itertools.product(range(V), repeat=n)))
        out = logits(self.net, d, t)
        for s in t[:: len(t) // 3]:
            check(np.allclose(self.net.run(list(map(int, s)))["logits"][-1], logits(self.net, d, s[None])[0], atol=1e-9), "%d: the model" % k)
        best = np.sort(out, 1)
        self.thin = (best[:, -1] - best[:, -2]).min()
        self.right, self.total = int((out.argmax(1) == answer(t)).sum()), len(t)
        self.claim = "count t in tokens[%d] of 0..%d : argmax(logits(M, t)[last]) == %s" % (n, V - 1, text)
        self.folder, self.path, self.k = folder, os.path.join(folder, "x.cert"), k
        self.V, self.n, self.read = V, n, read_net(self.net.text().encode())
        with open(os.path.join(folder, "x.net"), "w") as f:
            f.write(self.net.text())

    def judge(self, lo, hi, bins, enter, parts=()):
        return Judge(read_certificate(self.text(lo, hi, bins, enter, parts).encode()), {"M": self.read}, {})

    def in_python(self, *fields):
        try:
            self.judge(*fields).judge()
            return True
        except Rejected:
            return False

    def text(self, lo, hi, bins, enter, parts=()):
        statement = ["weightproof-statement 1", "model M " + self.net.sha256(), "semantics real", self.claim, "within 1"]
        evidence = ["verdict bounded", "number %d %d" % (lo, hi), "total %d %d" % (self.total, self.total), "rule count"] + ["part " + x for x in parts] + ["bins %d %d" % (bins, enter)]
        return seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in statement] + evidence + ["end"]) + "\n")

    def accepted(self, *fields):
        with open(self.path, "w") as f:
            f.write(self.text(*fields))
        status, output = run(CHECKER, "--quiet", self.path)
        check(status in (0, 1), "%d: an answer: %s" % (self.k, output))
        return status == 0

    def ends(self, *rule):
        """The narrowest interval that is accepted."""
        lo, hi, most = 0, 0, self.total
        while hi < most:
            middle = (hi + most) // 2
            hi, most = (hi, middle) if self.accepted(0, middle, *rule) else (middle + 1, most)
        most = self.total
        while lo < most:
            middle = (lo + most + 1) // 2
            lo, most = (middle, most) if self.accepted(middle, self.total, *rule) else (lo, middle - 1)
        return lo, hi

    def judged(self, rng):
        """Drawn lines: what is found contains the number in both checkers, and C finds little more than Python, which counts pairs exactly."""
        bins, enter = rng.choice((4, 32)), rng.choice((1, 20, 200))
        (lo, hi), parts = grow(rng, self.judge(0, self.total, bins, enter), bins, enter)
        name = "%d, bins %d, price %d: " % (self.k, bins, enter)
        check(lo <= self.right <= hi, name + "[%d, %d] does not contain %d: %s" % (lo, hi, self.right, parts))
        check(self.in_python(lo, hi, bins, enter, parts), name + "not accepted again: %s" % parts)
        low, high = self.ends(bins, enter, parts)
        check(low <= self.right <= high, name + "C: [%d, %d] does not contain %d: %s" % (low, high, self.right, parts))
        if not any("/" in x for x in parts):
            check((low, high) == (lo, hi), name + "tables alone: C [%d, %d], Python [%d, %d]" % (low, high, lo, hi))
        return hi - lo, high - low, parts

    def set_aside(self, rng):
        """What is set aside counts as open, by both: the interval is as tables alone say, and no other."""
        (lo, hi), parts = grow(rng, self.judge(0, self.total, 4, 1), 4, 1, rare_line)
        check(lo <= self.right <= hi, "%d, set aside: [%d, %d] does not contain %d" % (self.k, lo, hi, self.right))
        for low, high, good in ((lo, hi, True), (lo + 1, hi, False), (self.right + 1, self.total, False)):
            check(self.accepted(low, high, 4, 1, parts) == self.in_python(low, high, 4, 1, parts) == good, "%d, set aside: [%d, %d]" % (self.k, low, high))
        return lo


def bad_lines(case, parts):
    """Lines that are refused, by both, and odd ones that are not."""
    at = next(k for k, x in enumerate(parts) if not x.startswith("of ") and parts[k - 1].startswith("of "))      # the first part of a cell
    of, rest = parts[at - 1], parts[at + 1:]
    K, many = case.V, " ".join("%d:262144" % (k % 3) for k in range(17))
    for line in ("0:0", "0:300000", "0", "0:", ":4", "%d:4" % K, "0:4 %d:4" % (K + 7), "1/1:128", "1/0:128 0/1:128", "1/0:128 2/3:128", "1/0:128 1/0:128", "1/0:128 2/0:128 1/2:128", "1/0:128 0:4", "1/0", "1/0:", "1/0:7", "1/0:1025", "1/0:0128", "1/0:128:4", "0:4  1:4", "0:4 ", "cut", "cut 0", "cut 0 ", "cut %d 0" % case.n,
                 "cut 0 0,", "cut 0 0 1:4", "cut 00 1", "open 0:4", "open open", "0:4 open", "-", "01:4", "0:+4", "1000000000:4", "1/%d:128" % K, "%d/1:128" % K, many, "0:4--", "0:-", "0-", "1/0-", "1/0:128-", "0:4 -", "0:-4"):
        bad = (0, case.total, 4, 1, [of, line] + rest)
        check(not case.accepted(*bad) and not case.in_python(*bad), "accepted: part " + line)
    for lines in ([of], parts[at:], [of, "open", "open"], [of + ",0", parts[at]] + rest, ["of", "open"], ["of x", "open"], [of + ",", "open"]):
        bad = (0, case.total, 4, 1, lines)
        check(not case.accepted(*bad) and not case.in_python(*bad), "accepted: %s" % lines[:3])
    for lines in ([of, "open"], ["of " + ",".join(["77"] * case.n), "open", "0:4"], [of, "open", of, "0:4 1/0:128"], [of, "0:4- 1:4"], []):
        good = (0, case.total, 4, 1, lines)
        check(case.accepted(*good) and case.in_python(*good), "not accepted: %s" % lines)


def main():
    with tempfile.TemporaryDirectory() as folder:
        python = c = refused = aside = 0
        for k in range(16):
            case, rng = Case(folder, k), random.Random(k)
            if case.thin <= 1e-9 or not 0 < case.right < case.total:
                continue
            exact, grids, parts = case.judged(rng)
            python, c = python + exact, c + grids
            aside += case.set_aside(rng)
            if parts and not refused:
                bad_lines(case, parts)
                refused = 1
        check(0 < python <= c <= 1.5 * python, "left open: %d in C, %d in Python" % (c, python))
        check(refused, "no lines")
        check(aside, "nothing is known where all forms are set aside")


main()
finish()
