"""Rule count on random small networks: the tables of both checkers against brute force, on claims of many kinds, with few and many bins.

    python3 tests/reference/counts.py [--checker build/weightproof-check] [--nets N]

Truth is brute force in doubles with clear margins. Ends with a line `N passed, N failed`.
"""
import argparse
import itertools
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
from certificate import Rejected, read_certificate  # noqa: E402
from claims import seal                              # noqa: E402
from counting import Counting                        # noqa: E402
from net import read_net                             # noqa: E402
from nets import transformer                         # noqa: E402
from rules import Judge                              # noqa: E402
from tally import check, finish, run                 # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--checker", default="build/weightproof-check")
parser.add_argument("--nets", type=int, default=100)
OPTIONS = parser.parse_args()
CHECKER = os.path.abspath(OPTIONS.checker)
THIN, THIN_FLOAT32 = 1e-7, 1e-2


def lead(v, i):
    return v[i] - max(x for j, x in enumerate(v) if j != i) if 0 <= i < len(v) else -1.0


# (claim, its margin from the logits of the last row and the tokens: positive where the claim is true)
def answer(text, f):
    return "argmax(logits(M, t)[last]) == %s" % text, lambda v, t: lead(v, f(t))


CLAIMS = [
    answer("max(t)", max), answer("min(t)", min), answer("t[0]", lambda t: t[0]), answer("sum(t) % 3", lambda t: sum(t) % 3),
    answer("argmax(t)", lambda t: t.index(max(t))), answer("(if contains(t, 1) then 0 else max(t))", lambda t: 0 if 1 in t else max(t)),
    answer("count{t[i] == 2 : i in 0..2}", lambda t: t[:3].count(2)), answer("max{t[i] : i in 0..1}", lambda t: max(t[:2])),
    ("argmax(logits(M, t)[last]) != t[1]", lambda v, t: -lead(v, t[1])),
    ("not all{logits(M, t)[last, 0] > logits(M, t)[last, j] - 1/4 : j in 1..3}", lambda v, t: max(v[1:]) - 0.25 - v[0]),
    ("logits(M, t)[last, 0] + 2 * logits(M, t)[last, 1] >= 1/8 and logits(M, t)[last, 2] < 1", lambda v, t: min(v[0] + 2 * v[1] - 0.125, 1 - v[2])),
    ("t[0] < t[1] => logits(M, t)[last, 3] > logits(M, t)[last, t[0]]", lambda v, t: v[3] - v[t[0]] if t[0] < t[1] else 1.0),
]
CONDITIONS = [(None, lambda t: True), ("t[0] != t[1]", lambda t: t[0] != t[1]), ("any{t[i] > 2 : i in 0..1}", lambda t: max(t[:2]) > 2)]


def random_net(k, n_ctx=None):
    rng = random.Random(700 + k)
    return transformer(k, d_vocab=4, n_ctx=n_ctx or rng.choice([3, 4]), d_model=rng.choice([2, 4, 6]), d_head=rng.choice([1, 3]), causal=rng.random() < 0.5,
                       biases=rng.random() < 0.5, positions=rng.random() < 0.8, spread=rng.choice([6, 12]), norm=("ln1",) if rng.random() < 0.3 else ())


class Case:
    """One claim about one network, and certificates of it."""

    def __init__(self, folder, k, n_ctx=None, row=-1):
        self.k, self.net = k, random_net(k, n_ctx)
        (body, margin), (where, holds) = CLAIMS[k % len(CLAIMS)], CONDITIONS[k % 5 % 3]
        n = self.net.n_ctx
        domain = [t for t in itertools.product(range(4), repeat=n) if holds(t)]
        margins = [margin(self.net.run(t)["logits"][row], list(t)) for t in domain]
        self.thin, self.total, self.right = min(map(abs, margins)), len(domain), sum(m > 0 for m in margins)
        self.path, text = os.path.join(folder, "x.cert"), self.net.text()
        self.read = read_net(text.encode())
        with open(os.path.join(folder, "x.net"), "w") as f:
            f.write(text)
        self.claim = "count t in tokens[%d] of 0..3%s : %s" % (n, " where " + where if where else "", body if row < 0 else body.replace("[last", "[%d" % row))

    def certificate(self, lo, hi, bins, enter, semantics="real"):
        statement = ["weightproof-statement 1", "model M " + self.net.sha256(), "semantics " + semantics, self.claim, "within 1"]
        evidence = ["verdict bounded", "number %d %d" % (lo, hi), "total %d %d" % (self.total, self.total), "rule count", "bins %d %d" % (bins, enter)]
        text = seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in statement] + evidence + ["end"]) + "\n")
        with open(self.path, "w") as f:
            f.write(text)
        return read_certificate(text.encode())

    def judge(self, c):
        return Judge(c, {"M": self.read}, {})

    def in_python(self, *fields):
        try:
            self.judge(self.certificate(*fields)).judge()
            return True
        except Rejected:
            return False

    def in_c(self, *fields):
        self.certificate(*fields)
        status, output = run(CHECKER, "--quiet", self.path)
        check(status in (0, 1), "%d: an answer: %s" % (self.k, output))
        return status == 0

    def real(self, bins, enter):
        name = "%d, bins %d, enter %d: " % (self.k, bins, enter)
        judge = self.judge(self.certificate(0, self.total, bins, enter))
        (lo, hi), total, _ = Counting(judge.interpreter, judge.s, bins, enter).count()
        check(lo <= self.right <= hi and total == [self.total] * 2, name + "contains: %s" % [lo, self.right, hi, total])
        if enter == 0:
            check(lo == hi, name + "exact: %s" % [lo, hi])
        check(self.in_python(lo, hi, bins, enter) and self.in_c(lo, hi, bins, enter), name + "accepted: %s" % [lo, hi])
        for low, high in ((lo + 1, hi), (lo, hi - 1)):
            if low <= high:
                check(not self.in_python(low, high, bins, enter) and not self.in_c(low, high, bins, enter), name + "narrower: %s" % [low, high])
        for low, high in ((self.right + 1, self.total), (0, self.right - 1)):
            if 0 <= low <= high:
                check(not self.in_python(low, high, bins, enter) and not self.in_c(low, high, bins, enter), name + "false: %s" % [low, high])

    def otherwise(self):
        """The same network by another name, the same sequences as an image set: the checker in Python enumerates these."""
        claim = self.claim
        for one, other in (("(M, t)", '(replace(M, "unembed.W_U" = 1 * W(M, "unembed.W_U")), t)'), ("tokens[%d] of 0..3" % self.net.n_ctx, "{u : u in tokens[%d] of 0..3}" % self.net.n_ctx)):
            self.claim = claim.replace(one, other)
            for n, good in ((self.right, True), (self.right + 1, False)):
                check(self.in_c(n, n, 16, 0) == self.in_python(n, n, 16, 0) == good, "%d, %s: %d" % (self.k, self.claim, n))
        self.claim = claim

    def float32(self):
        fields = 64, 0, "float32"
        check(self.in_c(self.right, self.right, *fields), "%d: float32" % self.k)
        for low, high in ((self.right + 1, self.total), (0, self.right - 1)):
            if 0 <= low <= high:
                check(not self.in_c(low, high, *fields) and not self.in_c(low, high, 3, 10, "float32"), "%d: float32, false" % self.k)


def tied_net():
    """Uniform attention; only what it reads counts, c from token 0 and -c from token 1: logits 0 and 1 are equal on sequences with as many of both."""
    net = transformer(9, d_vocab=2, n_ctx=4, d_model=4, d_head=2, causal=False, biases=False, positions=False)

    def change(name, f):
        shape, flat = net.tensors[name]
        net.tensors[name] = shape, [f(k, x, flat) for k, x in enumerate(flat)]
    change("embed.W_E", lambda k, x, flat: 0 if k % 4 > 1 else x if k < 4 else -flat[k - 4])
    change("blocks.0.attn.W_Q", lambda k, x, flat: 0)
    change("blocks.0.attn.W_O", lambda k, x, flat: 0 if k % 4 < 2 else x)
    change("unembed.W_U", lambda k, x, flat: 0 if k < len(flat) // 2 else x)
    return net


ONE, TWO = "logits(M, t)[last, 0]", "logits(M, t)[last, 1]"
# On 5 of 16 sequences output 0 is above output 1, on 6 they tie.
TIES = [("A > B", 5), ("A >= B", 11), ("not A > B", 11), ("not A >= B", 5), ("A > B or A > 1000", 5), ("A >= B or A > 1000", 11), ("not (A > B or A > 1000)", 11), ("not (A >= B or A > 1000)", 5),
        ("A > B and A > -1000", 5), ("A >= B and A >= -1000", 11), ("max(A - B, -1000) > 0", 5), ("max(A - B, -1000) >= 0", 11), ("min(A - B, 1000) >= 0", 11), ("argmax(logits(M, t)[last]) == 0", 5),
        ("argmax(logits(M, t)[last]) != 0", 11), ("0 in argmaxes(logits(M, t)[last])", 11), ("not 0 in argmaxes(logits(M, t)[last])", 5), ("A == B", 6), ("A != B", 10), ("t[0] == t[0] <=> A > B", 5),
        ("t[0] != t[0] <=> A >= B", 5), ("abs(A - B) > 0", 10), ("abs(A - B) <= 0", 6), ("-2 * A + 2 * B < 0", 5), ("A - B >= 0 * A", 11),
        ("-1 * max(A - B, -1000) < 0", 5), ("0 - max(A - B, A - B - 1) >= 0", 11), ("A > B or 0 * A >= 0", 16), ("0 * A > 1 or 0 * B > 2", 0), ("not (0 * A > 1 or 0 * B > 2)", 16), ("A >= B and 0 * A >= 0", 11),
        ("max(A - B, 5) > 0", 16), ("max(0 * A - 5, 0 * B - 6) > 0", 0), ("0 * A > 0", 0), ("max(A - B, 0 * A) > 0", 5), ("min(A - B, 0 * A) >= 0", 11), ("min(A - B, 0 * A) > 0", 0)]


class Tied(Case):
    """Exact ties on 6 of 16 sequences."""

    def __init__(self, folder, claim):
        self.k, self.operator, self.net, self.total, self.path = 0, claim, tied_net(), 16, os.path.join(folder, "x.cert")
        self.read = read_net(self.net.text().encode())
        self.claim = "count t in tokens[4] of 0..1 : " + claim.replace("A", ONE).replace("B", TWO)
        with open(os.path.join(folder, "x.net"), "w") as f:
            f.write(self.net.text())

    def by_rule_separable(self, right):
        for n in {0, 5, 6, 10, 11, 16, right}:
            self.certificate(n, n, 1, 0)
            with open(self.path) as f:
                text = f.read()
            with open(self.path, "w") as f:
                f.write(seal(text[:text.rindex("sha256 ")].replace("rule count\nbins 1 0\n", "rule separable\n")))
            check((run(CHECKER, "--quiet", self.path)[0] == 0) == (n == right), "ties, %s: %d" % (self.operator, n))

    def counted(self, right):
        for bins, enter in itertools.product((1, 2, 64), (0, 1)):
            for n in (4, 5, 6, 10, 11, 12):
                accepted = self.in_c(n, n, bins, enter)
                check(accepted == self.in_python(n, n, bins, enter) and (n == right or not accepted), "ties, %s: %d, bins %d, enter %d" % (self.operator, n, bins, enter))
            check(enter > 0 or self.in_c(right, right, bins, enter), "ties, %s: bins %d, accepted" % (self.operator, bins))

    def in_executions(self):
        """Under float32 a tied sequence counts on neither side: 5 sequences are above in every execution, 5 below."""
        for bins, enter in ((16, 0), (64, 0), (16, 6), (64, 1)):
            check(self.in_c(5, 11, bins, enter, "float32") or bins == 16, "ties, %s: bins %d, enter %d, float32: accepted" % (self.operator, bins, enter))
            for low, high in ((5, 5), (5, 10), (6, 11), (11, 11)):
                check(not self.in_c(low, high, bins, enter, "float32"), "ties, %s: bins %d, enter %d, float32: [%d, %d] is accepted" % (self.operator, bins, enter, low, high))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for k in range(OPTIONS.nets):
            case, rng = Case(folder, k), random.Random(k)
            if case.thin < THIN:
                continue
            case.real(rng.choice([1, 2, 7, 64]), 0)
            case.real(rng.choice([1, 2, 7, 64]), rng.choice([1, 3, 20, 10 ** 20]))
            if k % 2 == 0:
                case.real(rng.choice([1, 2, 7]), rng.choice([1, 1, 2]))
            if k % 30 == 1:     # tokens that the row does not read
                case = Case(folder, k, 5, 2)
                case.real(7, 1)
                case.real(16, 2)
            if k % 6 == 0 and "norm" not in case.net.text():
                case.otherwise()
            if case.thin > THIN_FLOAT32:
                case.float32()
        for claim, right in TIES[:2]:
            Tied(folder, claim).counted(right)
            Tied(folder, claim).in_executions()
        for claim, right in TIES:
            Tied(folder, claim).by_rule_separable(right)


main()
finish()
