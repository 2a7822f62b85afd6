"""Averages without enumeration, on random small networks of one attention layer: what `separable` and `count` say against brute force, their certificates and changed ones before both checkers.

    python3 tests/reference/averages.py BUILD [--nets N]

Truth is brute force in doubles, which are right to 1e-11 on such networks. Ends with a line `N passed, N failed`.
"""
import argparse
import itertools
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
from averaging import Averaging                     # noqa: E402
from certificate import Rejected, read_certificate  # noqa: E402
from claims import resealed, value_of, valued       # noqa: E402
from decided import decide, in_c, write             # noqa: E402
from evaluate import ClaimError                     # noqa: E402
from least import Least                             # noqa: E402
from net import read_net                            # noqa: E402
from nets import transformer                        # noqa: E402
from rules import Judge                             # noqa: E402
from scans import Untabled                          # noqa: E402
from tally import check, finish                     # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--nets", type=int, default=60)
OPTIONS = parser.parse_args()
NEAR, OFF = Fraction(1, 10 ** 9), Fraction(1, 10 ** 6)


def lead(v, i):
    return v[i] - max(x for j, x in enumerate(v) if j != i)


# (value, it from the logits and the attention at a row and the tokens); R is the row
VALUES = [
    ("logits(M, t)[R, max(t)]", lambda v, p, t: v[max(t)]),
    ("logits(M, t)[R, max(t)] - logits(M, t)[R, min(t)]", lambda v, p, t: v[max(t)] - v[min(t)]),
    ("attn(M, 0, 0, t)[R, 0]", lambda v, p, t: p[0]),
    ("attn(M, 0, 0, t)[R, argmax(t)]", lambda v, p, t: p[t.index(max(t))]),
    ("sum{ attn(M, 0, 0, t)[R, i] : i in 0..2 where t[i] == max(t) }", lambda v, p, t: sum(p[i] for i in range(3) if t[i] == max(t))),
    ("2 * logits(M, t)[R, 1] / 3 - 5/4 + t[0]", lambda v, p, t: 2 * v[1] / 3 - 1.25 + t[0]),
    ("if contains(t, 1) then logits(M, t)[R, 0] else -attn(M, 0, 0, t)[R, 1]", lambda v, p, t: v[0] if 1 in t else -p[1]),
    ("logits(M, t)[R, sum(t) % 3] - sum{ {1, 0, -2, 3}[t[i]] * attn(M, 0, 0, t)[R, i] : i in 0..2 }", lambda v, p, t: v[sum(t) % 3] - sum((1, 0, -2, 3)[t[i]] * p[i] for i in range(3))),
    ("sum{ logits(M, t)[R, j] : j in 0..3 where j != t[0] } / 3 + attn(M, 0, 0, t)[R, 1]", lambda v, p, t: (sum(v) - v[t[0]]) / 3 + p[1]),
    ("if argmax(logits(M, t)[R]) == max(t) then 1 else 0", lambda v, p, t: float(lead(v, max(t)) > 0)),
    ("if logits(M, t)[R, 0] > logits(M, t)[R, t[1]] + 1/8 then -2 else 3/7", lambda v, p, t: -2 if v[0] > v[t[1]] + 0.125 else 3 / 7),
]
# what is no sum over positions: the smallest or largest of forms, which rule count encloses
MINIMA = [
    ("logits(M, t)[R, max(t)] - max{ logits(M, t)[R, j] : j in 0..3 where j != max(t) }", lambda v, p, t: lead(v, max(t))),
    ("max(logits(M, t)[R])", lambda v, p, t: max(v)),
    ("if contains(t, 1) then min(logits(M, t)[R, 0], logits(M, t)[R, 1]) else max(logits(M, t)[R, 0], logits(M, t)[R, 1])", lambda v, p, t: (min if 1 in t else max)(v[0], v[1])),
    ("min(logits(M, t)[R, 0] / 2, logits(M, t)[R, t[0]] / 3 + 1/7, t[1])", lambda v, p, t: min(v[0] / 2, v[t[0]] / 3 + 1 / 7, t[1])),
    ("abs(logits(M, t)[R, 2] - 1/4)", lambda v, p, t: abs(v[2] - 0.25)),
    ("3 * max(attn(M, 0, 0, t)[R, 0], attn(M, 0, 0, t)[R, 1], logits(M, t)[R, 3])", lambda v, p, t: 3 * max(p[0], p[1], v[3])),
    ("if t[0] == 2 then logits(M, t)[R, 0] else -max{ logits(M, t)[R, j] : j in 1..3 }", lambda v, p, t: v[0] if t[0] == 2 else -max(v[1:])),
]
HALVED = ("if contains(t, 1) then logits(M, t)[R, 0] else logits(M, t)[R, 0] / 2", lambda v, p, t: v[0] if 1 in t else v[0] / 2)
CONDITIONS = [("", lambda t: True), (" where t[0] != t[1]", lambda t: t[0] != t[1]), (" where any{ t[i] > 2 : i in 0..1 }", lambda t: max(t[:2]) > 2),
              (" where sum(t) % 2 == 0", lambda t: sum(t) % 2 == 0)]


def random_net(k):
    rng = random.Random(900 + k)
    return transformer(k, d_vocab=4, n_ctx=rng.choice([3, 4]), d_model=rng.choice([2, 4, 6]), d_head=rng.choice([1, 3]), causal=rng.random() < 0.5, biases=rng.random() < 0.5,
                       positions=rng.random() < 0.8, spread=rng.choice([6, 16, 24]), norm=("ln1",) if rng.random() < 0.3 else ())


class Case:
    def __init__(self, folder, k, given=None):
        self.k, self.net, self.folder, rng = k, random_net(k), folder, random.Random(k)
        (body, value), (where, holds) = given or VALUES[k % len(VALUES)], rng.choice(CONDITIONS)
        n, sets = self.net.n_ctx, rng.choice([None, None, [(0, 1, 2, 3), (1, 3), (0, 2)]])
        row = rng.choice(["last", "last", "2"])
        product = [range(4)] * n if sets is None else sets
        self.counts = body.startswith("if arg") or body.startswith("if logits")
        domain = [list(t) for t in itertools.product(*product) if holds(t)]
        at = -1 if row == "last" else 2
        values = []
        for t in domain:
            found = self.net.run(tuple(t))
            values.append(value(found["logits"][at], found["blocks.0.attn.hook_pattern.0"][at], t))
        # what a checker says that takes forms for the same which differ by a factor
        self.merged = [Fraction(sum(f * self.net.run(tuple(t))["logits"][at][0] for t in domain) / len(domain)) for f in (1, 0.5)] if body.endswith("[R, 0] / 2") else []
        self.mean, self.size = Fraction(sum(values) / len(values)), Fraction(max(1, *map(abs, values)))
        text = self.net.text()
        self.read = read_net(text.encode())
        binder = "tokens[%d] of 0..3" % n if sets is None else "tokens(0..3, {1, 3}, {0, 2})"
        self.claim = "average t in %s%s : %s" % (binder, where, body.replace("R", row))

    def verify(self, semantics, engine, within):
        """(lower, upper) of the program, whose certificate it keeps as x.cert."""
        result = self.decided("%s within %s under %s engine %s" % (self.claim, within, semantics, engine))
        check(result["verdict"] == "bounded", "%d: %s: %s: %s" % (self.k, self.claim, engine, result.get("reason")))
        return value_of(self.certificate) if result["verdict"] == "bounded" else None

    def decided(self, claim):
        """The result, whose certificate is kept."""
        result = decide(OPTIONS.build, self.folder, [("a", claim)], "--certificates", os.path.join(self.folder, "d"), "--threads", "1", net=self.net)["a"]
        if result["verdict"] == "bounded":
            with open(os.path.join(self.folder, "d", "a.cert")) as f:
                self.certificate = f.read()
        return result

    def changed(self, lo, hi):
        """Both checkers about the certificate with another interval."""
        return self.sealed(valued(self.certificate, lo, hi))

    def sealed(self, body, both=True):
        body, path = resealed(body), os.path.join(self.folder, "d", "changed.cert")
        write(path, body)
        status, output = in_c(OPTIONS.build, path)
        check(status in (0, 1), "%d: an answer: %s" % (self.k, output))
        if not both:
            return status == 0, None
        try:
            Judge(read_certificate(body.encode()), {"M": self.read}, {}).judge()
            return status == 0, True
        except (Rejected, ClaimError):
            return status == 0, False

    def accepted(self, lo, hi):
        """The checker in C alone."""
        return self.sealed(valued(self.certificate, lo, hi), False)[0]

    def tables(self):
        """The sums of the reference checker, without its fall back to enumeration."""
        judge = Judge(read_certificate(self.certificate.encode()), {"M": self.read}, {})
        try:
            low, high, total, _ = Averaging(judge.interpreter, judge.s, 0, 0).mean()
        except (Untabled, ClaimError):
            return False
        low, high = low / total, high / total
        check(low <= self.mean + NEAR and self.mean - NEAR <= high and high - low < NEAR * self.size, "%d: %s: tables [%.12f, %.12f], mean %.12f" % (self.k, self.claim, low, high, self.mean))
        return True

    def attack(self, lo, hi):
        name, room = "%d: %s: " % (self.k, self.claim), OFF * self.size
        both = self.changed(lo - room / 8, hi + room / 8)
        check(both == (True, True), name + "wider: %s %s" % both)
        for a, b in ((hi + room, hi + 3 * room), (lo - 3 * room, lo - room), (self.mean + room / 100, self.mean + room), (self.mean - room, self.mean - room / 100)):
            check(self.changed(a, b) == (False, False), name + "false: [%.10f, %.10f], mean %.10f" % (a, b, self.mean))
        for x in self.merged:
            check(self.changed(x - room / 8, x + room / 8) == (False, False), name + "forms that differ by a factor: %.10f, mean %.10f" % (x, self.mean))
        if not self.counts and self.mean:     # the rule knows an average within 3/2 2^-36 of the largest size of G, which is at least the mean's
            narrow = abs(self.mean) * Fraction(5, 4) / 2 ** 36
            check(not self.changed(self.mean - narrow, self.mean + narrow)[0], name + "narrower than the rule's own error, around %.12f" % self.mean)
        check(self.changed(hi, lo) == (False, False) if lo < hi else True, name + "reversed")


    # lists, which walk the sequences that are open

    def listed(self):
        """All sequences of a domain with one token fixed that are answered wrongly, and the first of them."""
        n, k = self.net.n_ctx, self.k % 4
        domain = [t for t in itertools.product(*[range(4)] * (n - 1), [k])]
        margins = [lead(self.net.run(t)["logits"][-1], max(t)) for t in domain]
        if min(map(abs, margins)) < 1e-7:
            return
        wrong = [list(t) for t, m in zip(domain, margins) if m < 0]
        claim, self.claim = self.claim, "list t in tokens(%s, {%d}) : argmax(logits(M, t)[last]) != max(t)" % (", ".join(["0..3"] * (n - 1)), k)
        for most in (None, max(1, len(wrong) // 2), len(wrong) + 1):
            found = self.items(most)
            check(found == (wrong if most is None else wrong[:most]), "%d: %s at most %s: %s, right %s" % (self.k, self.claim, most, found, wrong))
        if wrong:
            complete = [x for x in self.certificate.splitlines() if not x.startswith("item ") or x != "item t=" + ",".join(map(str, wrong[-1]))]
            check(self.sealed("\n".join(complete) + "\n") == (False, False), "%d: %s: an item is missing" % (self.k, self.claim))
        self.claim = claim

    def items(self, most):
        result = self.decided("%s%s engine separable" % (self.claim, "" if most is None else " at most %d" % most))
        check(result["verdict"] == "bounded", "%d: %s: %s" % (self.k, self.claim, result.get("reason")))
        return [[int(x) for x in line.split(",")] for line in re.findall(r"^item t=(\S+)$", self.certificate, re.M)]


def refused(folder):
    """What has no rule is refused at once, with what would work."""
    net = random_net(0)
    for claim, engine, why in (
            ("average t in tokens[3] of 0..3 : max(logits(M, t)[last])", "separable", "average of a minimum or a maximum"),
            ("average t in tokens[3] of 0..3 : logits(M, t)[last, 0] - max{ logits(M, t)[last, j] : j in 1..3 }", "separable", "engine count encloses it"),
            ("average t in tokens[3] of 0..3 : logits(M, t)[last, 0]", "count", "engine separable averages it"),
            ("average t in tokens[3] of 0..3 : max(logits(M, t)[last]) + min(logits(M, t)[last])", "count", "a minimum and a maximum"),
            ("average t in tokens[3] of 0..3 : if argmax(logits(M, t)[last]) == 0 then attn(M, 0, 0, t)[last, 0] else 0", "separable", "a choice depends on a network value"),
            ("average t in tokens[3] of 0..3 where logits(M, t)[last, 0] > 0 : logits(M, t)[last, 1]", "separable", "the condition reads the network"),
            ("minimize a in 0..3 : mean{ logits(M, t)[last, a] : %s }" % ", ".join("%s in tokens[3] of 0..3" % x for x in "tsuv"), "enumerate", "`average t in ... : ...`")):
        result = decide(OPTIONS.build, folder, ["%s engine %s" % (claim, engine)], net=net)["c0"]
        check(result["verdict"] == "undecided" and why in result["reason"], "%s: %s" % (claim, result))


def least(folder, k):
    """A smallest or largest of forms: narrow and wide intervals, both checkers, changed certificates, and float32."""
    case = Case(folder, k, MINIMA[k % len(MINIMA)])
    within = (Fraction(1, 1000), 10 ** 5, Fraction(1, 10 ** 6))[k % 3]     # wide: what parts leave open is in the interval, and false intervals may be wide
    found = case.verify("real", "count", within)
    if found is None:
        return
    name = "%d: %s" % (k, case.claim)
    check(found[0] <= case.mean + NEAR and case.mean - NEAR <= found[1] and found[1] - found[0] <= within, "%s: [%.12f, %.12f], mean %.12f" % (name, found[0], found[1], case.mean))
    bins, enter = re.search(r"^bins (\d+) (\d+)$", case.certificate, re.M).groups()
    check(bins == "256" and case.changed(*found) == (True, True), name + ": as it is")
    if k % 3 == 1:
        left_open(case, name, int(enter), found)
        with_tables(case, name, (2, 7, 64, 1024)[k // 3 % 4])
    if k % 3 == 0:
        found = case.verify("float32", "count", "1")
        check(found is None or found[0] <= case.mean + NEAR and case.mean - NEAR <= found[1], name + ": float32, the mean over the reals")


def left_open(case, name, enter, found):
    """A wide interval: what a certificate with other numbers shows, and that the gaps of the two checkers are the same."""
    beside = [(case.mean + NEAR * 10, case.mean + 10 ** 4), (case.mean - 10 ** 4, case.mean - NEAR * 10)]
    case.certificate = resealed(re.sub(r"^bins \d+ ", "bins 1 ", case.certificate, flags=re.M))
    judge = Judge(read_certificate(case.certificate.encode()), {"M": case.read}, {})
    for a, b in ((found[1] + OFF, found[1] + 1), *beside):
        check(case.changed(a, b) == (False, False), name + ": false: [%.10f, %.10f], mean %.10f" % (a, b, case.mean))
    certificate = case.certificate
    for line in ("bins 1 0", "bins 1 7", "bins 2 %d" % enter, "bins 65535 7"):
        case.certificate = certificate.replace("bins 1 %d" % enter, line)
        check(not any(case.accepted(a, b) for a, b in beside), name + ": false, " + line)
    case.certificate = re.sub(r"^rule count$\n^bins.*$", "rule separable", certificate, flags=re.M)
    check(not case.accepted(*found), name + ": accepted under rule separable")
    case.certificate = certificate
    try:
        low, high, total, _ = Least(judge.interpreter, judge.s, 1, enter).mean()
    except (Untabled, ClaimError):
        return
    low, high = low / total, high / total
    gap = high - low + OFF
    check(low <= case.mean + NEAR and case.mean - NEAR <= high, name + ": sums of the reference checker [%.12f, %.12f]" % (low, high))
    check(case.accepted(low - gap / 64, high + gap / 64), name + ": the reference checker's gap")
    check(not case.accepted(low + gap / 64, high + gap / 64) and not case.accepted(low - gap / 64, high - gap / 64), name + ": less than the reference checker's gap [%.10f, %.10f]" % (low, high))
    summed.append(gap > 100 * OFF)


def with_tables(case, name, bins):
    """Tables: no interval beside the mean is accepted whatever their bins and the price, and with some price they make it narrower than without."""
    certificate, wide, narrower = case.certificate, 10 ** 4, False
    for price in (Fraction(1), Fraction(1, 8), Fraction(1, 64)):
        ends = []
        for b in (1, bins):
            case.certificate = re.sub(r"^bins .*$", "bins %d %d" % (b, price * 4 ** case.net.n_ctx), certificate, flags=re.M)
            check(not case.accepted(case.mean + NEAR * 10, case.mean + wide) and not case.accepted(case.mean - wide, case.mean - NEAR * 10), "%s: false, %d bins, price %s" % (name, b, price))
            check(case.accepted(case.mean - wide, case.mean + wide), "%s: %d bins, price %s" % (name, b, price))
            ends.append([reach(case, wide, side) for side in (1, -1)])
        narrower |= sum(ends[1]) < sum(ends[0]) * Fraction(3, 4)
    case.certificate = certificate
    tables.append(narrower)


def reach(case, wide, side):
    """How far the interval must reach on one side of the mean, within 2^-10 of itself."""
    low, high = Fraction(0), Fraction(wide)
    while high - low > high / 1024 and high > NEAR * 10:
        middle = (low + high) / 2 if low else high / 16
        if case.accepted(*((case.mean - wide, case.mean + middle) if side > 0 else (case.mean - middle, case.mean + wide))):
            high = middle
        else:
            low = middle
    return high


def of_whole(folder, net, claim, value):
    """The case of one network and an average over all its sequences of tokens 0..claim's last one."""
    case = Case.__new__(Case)
    case.k, case.folder, case.net, case.claim = 1000, folder, net, claim
    tokens = range(int(re.search(r"of 0\.\.(\d+)", claim).group(1)) + 1)
    values = [value(net.run(t)["logits"][-1]) for t in itertools.product(tokens, repeat=net.n_ctx)]
    case.mean, case.size = Fraction(sum(values) / len(values)), Fraction(1)
    case.read = read_net(net.text().encode())
    return case


def many_rivals(folder, seed, spread):
    """Eleven rivals on 1024 sequences, several of which are below the base on some: the sum of their means counts, and not the largest. With a large spread weights of sequences differ
    so much that the largest lead at one token counts."""
    net = transformer(seed, d_vocab=12, n_ctx=5, d_model=4, d_head=1, causal=True, biases=False, positions=False, spread=spread, norm=())
    case = of_whole(folder, net, "average t in tokens[5] of 0..3 : min(logits(M, t)[last])", min)
    found, before = case.verify("real", "count", 10 ** 5), len(summed)
    if found is not None:
        left_open(case, "many rivals", int(re.search(r"^bins 256 (\d+)$", case.certificate, re.M).group(1)), found)
        with_tables(case, "many rivals", 64)
    check(summed[before:] == [True], "many rivals: no gap")


def light_parts(folder, seed):
    """Parts whose sequences all have small weights beside the heaviest token: tables need large s (a checker that took e^(-s w) of such weights for 0 accepted any mean above its own)."""
    net = transformer(seed, d_vocab=8, n_ctx=4, d_out=8, d_model=4, causal=True, spread=24)
    case = of_whole(folder, net, "average t in tokens[4] of 0..7 : logits(M, t)[last, 0] - max{ logits(M, t)[last, j] : j in 1..7 }", lambda x: x[0] - max(x[1:]))
    for within, bins in (("1/10", "bins 256 2"), ("1", None)):
        found = case.verify("real", "count", within)
        check(found is not None and found[0] <= case.mean <= found[1], "light parts: mean %.10f, found %s" % (case.mean, found))
        if bins:
            case.certificate = re.sub("^bins .*$", bins, case.certificate, flags=re.M).replace("| within 1/10\n", "| within 1\n")
        for room in (Fraction(1, 1000), Fraction(1, 100)):
            check(not case.accepted(case.mean + room, case.mean + 1) and not case.accepted(case.mean - 1, case.mean - room), "light parts, %s: false by %s" % (bins, room))


def small_values(folder):
    """Values that are small beside the unit of a checker's integers."""
    for power in (8, 12, 30):
        net = transformer(1, d_vocab=5, n_ctx=3, d_out=3, d_model=3, biases=False)
        shape, flat = net.tensors["unembed.W_U"]
        net.tensors["unembed.W_U"] = shape, [Fraction(x) / 2 ** power for x in flat]
        for engine, body, value in (("separable", "logits(M, t)[last, 0]", lambda x: x[0]), ("count", "min(logits(M, t)[last])", min)):
            if power == 30 and engine == "count":
                continue         # the squares of leads that both programs take are at 2^-24 in the checker
            case = of_whole(folder, net, "average t in tokens[3] of 0..4 : " + body, value)
            found = case.verify("real", engine, "1/1000000")
            check(found is not None and found[0] <= case.mean <= found[1], "small values: mean %.15f, found %s" % (case.mean, found))
            if found is not None:
                check(not case.accepted(case.mean + NEAR / 100, case.mean + NEAR), "small values: a mean above the true one")


summed, tables = [], []


def main():
    tabled = 0
    with tempfile.TemporaryDirectory() as folder:
        refused(folder)
        for k in range(OPTIONS.nets):
            case = Case(folder, k)
            found = case.verify("real", "count" if case.counts and k % 2 else "separable", "1/1000")
            if found is None:
                continue
            check(found[0] - NEAR * case.size <= case.mean <= found[1] + NEAR * case.size and found[1] - found[0] < 10 * NEAR * case.size,
                  "%d: %s: [%.12f, %.12f], mean %.12f" % (k, case.claim, found[0], found[1], case.mean))
            if k % 4 == 0:
                case.attack(*found)
                tabled += not case.counts and case.tables()
            if k % 5 == 0:
                case.listed()
            if k % 3 == 0 and not case.counts:
                reals, found = found, case.verify("float32", "separable", "1")
                check(found is None or found[0] <= case.mean + NEAR and case.mean - NEAR <= found[1], "%d: %s: float32, the mean over the reals" % (k, case.claim))
                check(found is None or case.changed(*reals) == (False, False), "%d: %s: float32, the interval of the reals" % (k, case.claim))
        for k in range(4):
            case = Case(folder, k, HALVED)
            found = case.verify("real", "separable", "1/1000")
            if found is not None:
                check(found[0] - NEAR * case.size <= case.mean <= found[1] + NEAR * case.size, "%d: %s: [%.12f, %.12f], mean %.12f" % (k, case.claim, found[0], found[1], case.mean))
                case.attack(*found)
        for k in range(OPTIONS.nets // 3):
            least(folder, 100 + k)
        many_rivals(folder, 4, 9)
        many_rivals(folder, 1, 16)
        light_parts(folder, 3)
        small_values(folder)
    check(sum(summed) > OPTIONS.nets / 32, "%d minima with a gap from sums of the reference checker, %d in all" % (sum(summed), len(summed)))
    check(sum(tables) > len(tables) / 4, "%d of %d intervals narrower with tables" % (sum(tables), len(tables)))
    check(tabled > OPTIONS.nets / 16, "%d averages from tables of the reference checker" % tabled)


main()
finish()
