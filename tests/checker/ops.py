"""The C checker on every operation of NETWORK.md §3 that transformer() does not use, on real inputs and on padded networks: values beside plain
doubles, float32 enclosures beside random binary32 executions, what has no value, and .net files with one defect each.

    python3 tests/checker/ops.py [--checker build/weightproof-check] [--inputs N]

Ends with a line `N passed, N failed`.
"""
import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))
from claims import seal                # noqa: E402
from executions import Execution       # noqa: E402
from op_nets import Maker, networks    # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--checker", default="build/weightproof-check")
parser.add_argument("--inputs", type=int, default=5, help="inputs of each network")
OPTIONS = parser.parse_args()
CHECKER = os.path.abspath(OPTIONS.checker)
BATCH = 40
PATTERNS = "score", "softmax", "bilinear"          # nets.Tiny gives these rows without the entries of sources that are not allowed, or with 0 there


def text_of(x):
    x = Fraction(x)
    return "%d" % x if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)


def text_of_input(net, t):
    """A sequence, or rows of numbers; one row of a network with one position is a vector."""
    if net.reals is None:
        return "seq(%s)" % ", ".join(map(str, t))
    rows = ["{%s}" % ", ".join(map(text_of, row)) for row in t]
    return rows[0] if net.n_ctx == 1 else "{%s}" % ", ".join(rows)


class Asked:
    """Certificates of closed claims that hold at the one binding there is, checked in batches."""

    def __init__(self, folder):
        self.folder, self.waiting, self.count, self.passed, self.failed = folder, [], 0, 0, 0

    def network(self, text):
        digest = hashlib.sha256(text.encode()).hexdigest()
        with open(os.path.join(self.folder, digest[:16] + ".net"), "w") as f:
            f.write(text)
        return digest

    def ask(self, name, digest, body, accepted, semantics="real", says=""):
        self.certificate(name, digest, "prove " + body, ["verdict proved", "witness -"], accepted, semantics, says)

    def certificate(self, name, digest, body, evidence, accepted, semantics="real", says=""):
        lines = ["weightproof-statement 1", "model M " + digest, "semantics " + semantics, body]
        path = os.path.join(self.folder, "%05d.cert" % self.count)
        self.count += 1
        with open(path, "w") as f:
            f.write(seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in lines] + evidence + ["rule enumerate", "end"]) + "\n"))
        self.waiting.append((name, path, accepted, says))
        if len(self.waiting) == BATCH:
            self.run()

    def run(self):
        if not self.waiting:
            return
        done = subprocess.run([CHECKER, "--quiet"] + [path for _, path, _, _ in self.waiting], capture_output=True, text=True, timeout=300)
        out = [x for x in done.stdout.splitlines() if x.startswith(("accepted", "rejected"))]
        clean = "runtime error" not in done.stderr and "Sanitizer" not in done.stderr and len(out) == len(self.waiting)
        if not clean:
            out = [done.stderr[-300:]] * len(self.waiting)
        for (name, path, accepted, says), line in zip(self.waiting, out):
            good = line.startswith("accepted" if accepted else "rejected") and says in line
            self.passed += good
            self.failed += not good
            if not good:
                print("FAIL %s: %s" % (name, line[:300]))
            os.remove(path)
        self.waiting = []


def entries(net, t, values, op_of):
    """((node, row, column), value) of everything that was computed."""
    for node, rows in values.items():
        for i, row in enumerate(rows):
            columns = net.allowed(i, t) if op_of[node] in PATTERNS and len(row) < len(t) else range(len(row))
            for j, x in zip(columns, row):
                if op_of[node] != "score" or j in net.allowed(i, t):
                    yield (node, i, j), x


def place(net, inner, at):
    node, i, j = at
    return 'node(M, "%s", %s)[%s]' % (node, inner, "%d" % j if net.reals is not None and net.n_ctx == 1 else "%d, %d" % (i, j))


def grid(x, bits):
    return Fraction(int(x * 2 ** bits // 1), 2 ** bits)


def values(asked, name, net, inputs, rng):
    """Real values lie within 2^-30 of doubles, and nowhere else. Every float32 execution is enclosed: a bound that it breaks is not accepted."""
    digest = asked.network(net.text())
    op_of = {node: op for node, op, _ in net.nodes}
    for t in rng.sample(inputs, min(len(inputs), OPTIONS.inputs)):
        inner = text_of_input(net, t)
        found = dict(entries(net, t, net.run(t), op_of))
        some = rng.sample(sorted(found), min(len(found), 60))
        near, beside = [], []
        for at in some:
            size = max(1, abs(found[at]))
            a, b = grid(found[at] - size * 2.0 ** -30, 50), grid(found[at] + size * 2.0 ** -30, 50)
            near.append("%s <= %s <= %s" % (text_of(a), place(net, inner, at), text_of(b)))
            beside.append("%s < %s" % (place(net, inner, at), text_of(a)) if rng.random() < 0.5 else "%s > %s" % (place(net, inner, at), text_of(b)))
        asked.ask("%s %s: values" % (name, inner), digest, " and ".join(near), True)
        asked.ask("%s %s: beside" % (name, inner), digest, " or ".join(beside), False, says="not true")
        seen = {}
        for choice in range(4):
            for at, x in entries(net, t, Execution(net, choice).run(t), op_of):
                seen.setdefault(at, []).append(Fraction(x))
        broken = [place(net, inner, at) + (" > " + text_of(min(seen[at])) if rng.random() < 0.5 else " < " + text_of(max(seen[at]))) for at in some if at in seen]
        asked.ask("%s %s: executions" % (name, inner), digest, " or ".join(broken), False, "float32", says="not true")
        near, radius = [], max(1, max(map(abs, found.values()))) * 2.0 ** -12
        for at in some:
            near.append("%s <= %s <= %s" % (text_of(grid(found[at] - radius, 40)), place(net, inner, at), text_of(grid(found[at] + radius, 40))))
        asked.ask("%s %s: float32 near" % (name, inner), digest, " and ".join(near), True, "float32")


def counts(asked, name, net, inputs):
    """The first look in 64-bit integers, which keeps rows from one sequence to the next: counts over all sequences of full length by brute force."""
    digest, domain = asked.network(net.text()), sorted(t for t in inputs if len(t) == net.n_ctx)
    for i in {0, net.n_ctx - 1}:
        rows = [net.run(t)["logits"][i] for t in domain]
        for j in range(len(rows[0])):
            margins = [row[j] - max(x for k, x in enumerate(row) if k != j) for row in rows]
            if min(map(abs, margins)) < 1e-8:
                continue
            right, body = sum(x > 0 for x in margins), "count t in tokens[%d] of 0..%d : argmax(logits(M, t)[%d]) == %d" % (net.n_ctx, net.d_vocab - 1, i, j)
            for n in (right - 1, right, right + 1):
                if 0 <= n <= len(domain):
                    evidence = ["verdict bounded", "number %d %d" % (n, n), "total %d %d" % (len(domain), len(domain))]
                    asked.certificate("%s %s is %d" % (name, body, n), digest, body, evidence, n == right)


def across(seed):
    """Operations on rows of two positions, so that no row is a function of one token: what the first look computes itself."""
    net = Maker(seed, d_vocab=4, n_ctx=2, eps=Fraction(1, 64))
    x = net.embedded(6, positions=False)
    a, b = net.node("a", "row", x, "0"), net.node("b", "row", x, "1")
    parts = [net.node(op, op, a, b) for op in ("max", "min", "mul", "sub", "add")]
    parts += [net.node("inner", "matmul", a, b, "1", "2", "3", "2"), net.node("batched", "matmul", a, b, "3", "2", "1", "2")]
    both = net.node("both", "concat", a, b)
    parts += [net.node("norm", "rmsnorm", both, net.weight("w", 12)), net.node("bare", "rmsnorm", "sub")]
    parts += [net.node("pool", "maxpool", both, net.given("P", (3, 2), [0, 6, 1, 11, 5, 7])), net.node("choice", "select", both, net.given("J", (3,), [7, 0, 7]))]
    return net.logits(net.node("all", "concat", *parts), 5 * 6 + 4 + 12 + 12 + 6 + 3 + 3, 4), [(i, j) for i in range(4) for j in range(4)]


# ---- exact cases, what has no value ----

REAL = """weightproof-net 1
reals 4 1
mask none
eps 0x1p-4
tensor C 4
0x1p-1 0x1p0 0x1p1 -0x1p0
tensor I 3
0x1.8p1 0 0
tensor J 2 2
0 0x1p0
0x1p1 0x1.8p1
tensor V 4
0x1p0 0x1p0 0x1p0 0x1p0
node x input
node selected select x I
node c constant C
node product mul x c
node square mul x x
node root sqrt x
node quotient div c x
node larger max x c
node smaller min x c
node jump jumprelu x C
node two topk x 2
node pool maxpool x J
node inner matmul x c 2 1 2 1
node outer matmul x c 1 4 1 4
node both concat x inner
node first row both 0
node scaled rmsnorm x V
node power exp x
node shares rowsoftmax x 2
node logits sub first first
output logits
end
"""

EXACT = [
    ("selected", "{1, -1/2, 3, 1/4}", "[0] == 1/4"), ("selected", "{1, -1/2, 3, 1/4}", "[2] == 1"), ("product", "{1, -1/2, 3, 1/4}", "[3] == -1/4"),
    ("square", "{1, -1/2, 3, 1/4}", "[1] == 1/4"), ("root", "{4, 9/4, 0, 1/16}", "[1] == 3/2"), ("root", "{4, 9/4, 0, 1/16}", "[2] == 0"),
    ("quotient", "{1, -1/2, 4, 1/4}", "[1] == -2"), ("quotient", "{1, -1/2, 4, 1/4}", "[2] == 1/2"), ("larger", "{0, 2, 2, -1/2}", "[0] == 1/2"), ("smaller", "{0, 2, 2, -1/2}", "[3] == -1"),
    ("jump", "{1/2, 1, 5/2, -1}", "[0] == 0"), ("jump", "{1/2, 1, 5/2, -1}", "[1] == 0"), ("jump", "{1/2, 1, 5/2, -1}", "[2] == 5/2"), ("jump", "{1/2, 1, 5/2, -1}", "[3] == 0"),
    ("jump", "{3/4, 2, 2, -1/4}", "[0] == 3/4"), ("jump", "{3/4, 2, 2, -1/4}", "[3] == -1/4"), ("two", "{1, 3, 3, 3}", "[1] == 3"), ("two", "{1, 3, 3, 3}", "[2] == 3"),
    ("two", "{1, 3, 3, 3}", "[3] == 0"), ("two", "{1, 1, 0, 3}", "[0] == 1"), ("two", "{1, 1, 0, 3}", "[1] == 0"), ("two", "{-3, -2, -1, -5}", "[1] == -2"), ("two", "{-3, -2, -1, -5}", "[0] == 0"),
    ("pool", "{1, -1/2, -3, -2}", "[0] == 1"), ("pool", "{1, -1/2, -3, -2}", "[1] == -2"), ("inner", "{1, -1/2, 3, 1/4}", "[0] == 0"), ("inner", "{1, -1/2, 3, 1/4}", "[1] == 23/4"),
    ("outer", "{1, -1/2, 3, 1/4}", "[11] == -3"), ("both", "{1, -1/2, 3, 1/4}", "[5] == 23/4"), ("logits", "{1/3, 1/7, 3, 1/4}", "[5] == 0"), ("x", "{{1, 2, 3, 4}}", "[0, 3] == 4"),
    ("power", "{0, 0, 0, 0}", "[0] == 1"), ("shares", "{1, 1, 0, 0}", "[1] == 1/2")]
ROUNDED = {("power", "[0] == 1"), ("shares", "[1] == 1/2"), ("inner", "[0] == 0"), ("inner", "[1] == 23/4"), ("both", "[5] == 23/4")}  # not in every binary32 execution, or not shown


def exact(asked):
    digest = asked.network(REAL)
    for node, x, says in EXACT:
        body = 'node(M, "%s", %s)%s' % (node, x, says)
        for semantics in ("real", "float32"):
            if semantics == "real" or (node, says) not in ROUNDED:
                asked.ask(body + " " + semantics, digest, body, True, semantics)
        asked.ask(body + " denied", digest, body.replace("==", "!="), False)
    # in binary32 1/3 is 11184811/2^25 once it is an input
    third = 'node(M, "x", {1/3, 0, 0, 0})[0]'
    asked.ask("1/3 rounded", digest, third + " == 11184811/33554432", True, "float32")
    asked.ask("1/3 not rounded", digest, third + " == 11184811/33554432", False)
    asked.ask("a rounded sum enters as it is", digest, 'node(M, "x", node(M, "square", {1/3, 0, 0, 0}))[0] == node(M, "x", {1/3, 0, 0, 0})[0]^2', False, "float32")
    asked.ask("an entry of a network enters as it is", digest, 'node(M, "x", node(M, "square", {3, 0, 0, 0}))[0] == 9', True, "float32")
    asked.ask("the same input is one run", digest, 'node(M, "power", {1/3, 0, 0, 0})[0] == node(M, "power", {1/3, 0, 0, 0})[0]', True)
    asked.ask("another input is another run", digest, 'node(M, "power", {1/3, 0, 0, 0})[0] == node(M, "power", {1/5, 0, 0, 0})[0]', False)
    asked.ask("an untagged input", digest, 'node(M, "x", {exp(1), 0, 0, 0})[0] == node(M, "x", {exp(1), 0, 0, 0})[1]', False)
    big = "340282346638528859811704183484516925440"
    asked.ask("the largest binary32 number", digest, 'node(M, "x", {%s, 0, 0, 0})[0] == %s' % (big, big), True, "float32")
    asked.ask("2^128 as an input", digest, 'node(M, "x", {%d, 0, 0, 0})[0] > 0' % 2 ** 128, False, "float32", "overflow")
    asked.ask("a product that overflows", digest, 'node(M, "square", {%d, 0, 0, 0})[0] > 0' % 2 ** 64, False, "float32", "overflow")
    asked.ask("a product that does not", digest, 'node(M, "square", {%d, 0, 0, 0})[0] == %d' % (2 ** 63, 2 ** 126), True, "float32")
    asked.ask("exp that overflows", digest, 'node(M, "power", {89, 0, 0, 0})[0] > 0', False, "float32", "overflow")
    asked.ask("a tie in topk that no enclosure shows", digest, 'node(M, "two", {exp(1), exp(1), exp(1), 0})[2] > 0', False)
    asked.ask("a threshold that no enclosure shows", digest, 'node(M, "jump", {sqrt(2) * sqrt(2) / 4, 0, 0, 0})[0] > 0', False)
    for name, body, says in (("root of a negative number", 'node(M, "root", {1, -1, 1, 1})[1] < 9', "square root"), ("a quotient by 0", 'node(M, "quotient", {1, 0, 1, 1})[1] < 9', "division"),
                             ("a short input", 'node(M, "x", {1, 2, 3})[0] == 1', "wrong width"), ("a long input", 'node(M, "x", {{1, 2, 3, 4}, {1, 2, 3, 4}})[0, 0] == 1', "context"),
                             ("logits of real inputs", "logits(M, {1, 2, 3, 4})[0] == 0", "tokens"), ("a number as input", 'node(M, "x", 3)[0] == 3', "")):
        for semantics in ("real", "float32"):
            asked.ask(name, digest, body, False, semantics, says)


# ---- tokens: pad, rows, patterns ----

TOKENS = """weightproof-net 1
tokens 3 3
mask none pad 2
eps 0
tensor E 3 2
0x1p0 0x1p1
0x1.8p1 0x1p0
0x1.4p2 0x1.cp2
tensor O 2
0x1p0 0x1p0
node e embed E
node second row e 1
node s score e e 4
node p softmax s
node b bilinear s s
node z mix p e
node y mix b e
node ones constant O
node norm rmsnorm e
node logits concat z y second
output logits
end
"""


def padded(asked):
    digest = asked.network(TOKENS)
    yes = ['node(M, "p", seq(2, 2, 2))[0, 1] == 0', 'node(M, "z", seq(2, 2, 2))[1, 0] == 0', 'node(M, "y", seq(2, 2, 2))[1, 1] == 0', 'node(M, "p", seq(2, 0, 2))[0, 1] == 1',
           'node(M, "z", seq(2, 1, 2))[2, 0] == 3', 'node(M, "b", seq(0, 1, 2))[1, 0] == 25/4', 'node(M, "b", seq(0, 1, 2))[1, 2] == 0', 'node(M, "y", seq(0, 1, 2))[0, 0] == 25/4 * 4',
           'node(M, "second", seq(0, 1, 2))[2, 0] == 3', 'node(M, "second", seq(0, 1))[0, 1] == 1', 'node(M, "s", seq(2, 0))[0, 1] == 19/2', 'node(M, "e", seq(0))[0, 1] == 2']
    for body in yes:
        asked.ask(body, digest, body, True)
        asked.ask(body + " denied", digest, body.replace("==", "!="), False)
    for name, body, says in (("a row that the sequence has not", 'node(M, "second", seq(0))[0, 0] == 3', "shorter"), ("the output that needs it", "logits(M, seq(0))[0, 0] < 99", "shorter"),
                             ("a score of a padding token", 'node(M, "s", seq(2, 0))[0, 0] < 99', "mask"), ("rmsnorm of numbers", 'node(M, "norm", seq(0))[0, 0] > 1', "not true")):
        asked.ask(name, digest, body, False, says=says)


# ---- files with one defect ----

def defects(asked):
    probe = {True: 'node(M, "x", {1, 2, 3, 4})[0] == 1', False: "logits(M, seq(0, 1))[0, 0] < 99"}
    for text, real, changes in ((REAL, True, [
            ("reals 4 1", "reals 0 1", "no inputs"), ("reals 4 1", "reals 4 0", "no inputs"), ("reals 4 1", "reals 4", "too early"), ("reals 4 1", "reals 4 1 1", "too long"), ("reals 4 1", "real 4 1", "expected"),
            ("reals 4 1", "tokens 4 1", "input needs reals"), ("reals 4 1", "reals 5 1", ""), ("mask none", "mask none pad 0", "pad needs tokens"), ("mask none", "mask none  pad 0", "a space too many"),
            ("eps 0x1p-4", "eps -0x1p-4", "negative"), ("node x input", "node x input I", "too long"), ("node x input", "node x embed J", "embed needs tokens"),
            ("select x I", "select x J", "wrong rank"), ("select x I", "select x", "too early"), ("0x1.8p1 0 0", "0x1.8p0 0 0", "not an integer in range"), ("0x1.8p1 0 0", "0x1p2 0 0", "not an integer in range"),
            ("0x1.8p1 0 0", "-0x1p0 0 0", "not an integer in range"), ("0x1.8p1 0 0", "0x1p62 0 0", "not an integer in range"), ("0x1p1 0x1.8p1\n", "0x1p1 0x1p2\n", "not an integer in range"), ("0x1p1 0x1.8p1\n", "0x1p1 0x1p-1\n", "not an integer in range"),
            ("constant C", "constant J", "wrong rank"), ("constant C", "constant x", "unknown tensor"), ("constant C", "constant C C", "too long"), ("mul x c", "mul x", "too early"), ("mul x c", "mul x selected", "widths differ"),
            ("mul x c", "mul x c x", "too long"), ("mul x c", "mul x C", "unknown node"), ("div c x", "div c J[0]", "not a name"), ("max x c", "max x selected", "widths differ"), ("sqrt x", "sqrt x x", "too long"),
            ("jumprelu x C", "jumprelu x", "too early"), ("jumprelu x C", "jumprelu x I", "wrong width"), ("topk x 2", "topk x 0", "between"), ("topk x 2", "topk x 5", "between"), ("topk x 2", "topk x 02", "not an integer"),
            ("topk x 2", "topk x", "too early"), ("topk x 2", "topk x -1", "not an integer"), ("rowsoftmax x 2", "rowsoftmax x 3", "multiple"), ("rowsoftmax x 2", "rowsoftmax x 0", "between"), ("rowsoftmax x 2", "rowsoftmax x 8", "between"),
            ("maxpool x J", "maxpool x I", "wrong rank"), ("maxpool x J", "maxpool x J[0]", "wrong rank"), ("matmul x c 2 1 2 1", "matmul x c 2 1 2", "too early"), ("matmul x c 2 1 2 1", "matmul x c 2 1 2 1 1", "too long"),
            ("matmul x c 2 1 2 1", "matmul x c 2 0 2 1", "dimension is 0"), ("matmul x c 2 1 2 1", "matmul x c 1 1 2 1", "widths differ"), ("matmul x c 2 1 2 1", "matmul x c 2 1 2 2", "widths differ"),
            ("matmul x c 2 1 2 1", "matmul x c 2147483647 2147483647 2 1", "widths differ"), ("concat x inner", "concat x", "too few"), ("row both 0", "row both 1", "beyond the context"), ("row both 0", "row both", "too early"),
            ("row both 0", "row both 0 0", "too long"), ("rmsnorm x V", "rmsnorm x I", "wrong width"), ("rmsnorm x V", "rmsnorm x V V", "too long"), ("sub first first", "sub first", "too early"), ("sub first first", "subtract first first", "unknown operation"),
            ("exp x", "exp", "too early"), ("exp x", "exp X", "unknown node"), ("node logits sub", "node logits rmsnorm", "")]),
            (TOKENS, False, [
                ("pad 2", "pad 3", "not in the vocabulary"), ("pad 2", "pad", "too early"), ("pad 2", "pad -1", "not an integer"), ("pad 2", "pad 2 2", "too long"), ("pad 2", "pads 2", "'pad' expected"), ("none pad", "pad", "unknown mask"),
                ("tokens 3 3", "reals 3 3", "needs"), ("embed E", "input", "input needs reals"), ("eps 0\n", "eps 0x1p-4\n", None), ("row e 1", "row e 3", "beyond the context"), ("norm rmsnorm e", "norm row p 0", "no fixed width"), ("norm rmsnorm e", "norm rmsnorm b", "no fixed width"),
                ("bilinear s s", "bilinear s", "too early"), ("bilinear s s", "bilinear s p", "score node"), ("bilinear s s", "bilinear s e", "score node"), ("bilinear s s", "bilinear s s s", "too long"), ("softmax s", "softmax e", "score node"),
                ("mix b e", "mix s e", "softmax or bilinear"), ("mix b e", "mix e e", "softmax or bilinear"), ("mix b e", "mix b p", "no fixed width"), ("concat z y second", "concat z b", "no fixed width"), ("concat z y second", "mul p b", "no fixed width"),
                ("concat z y second", "rowsoftmax p 1", "no fixed width"), ("concat z y second", "topk s 1", "no fixed width"), ("concat z y second", "matmul b e 1 1 1 1", "no fixed width"), ("output logits", "output b", "output"), ("node ones constant O\n", "", "not used"),
                ("node norm rmsnorm e", "node norm exp e", None)])):
        digest = asked.network(text)
        asked.ask("the file without a defect", digest, probe[real], True)
        for old, new, says in changes:
            if old not in text:
                raise SystemExit("the test is wrong: '%s' is not in the file" % old)
            changed = text.replace(old, new, 1)
            asked.ask("%s for %s" % (new, old), asked.network(changed), probe[real], says is None, says=says or "")
    # eps without a norm; rows that double until they are too wide
    asked.ask("eps without a norm", asked.network(TOKENS.replace("eps 0\n", "eps 0x1p-4\n").replace("rmsnorm e", "exp e")), probe[False], False, says="eps without")
    wide = "".join("node w%d concat %s %s\n" % (k, *["w%d" % (k - 1) if k else "e"] * 2) for k in range(31))
    asked.ask("a row of 2^32 entries", asked.network(TOKENS.replace("node logits", wide + "node logits")), probe[False], False, says="2^31")
    outer = "".join("node w%d matmul %s %s 1 %d 1 %d\n" % (k, *["w%d" % (k - 1) if k else "e"] * 2, *[2 ** 2 ** k] * 2) for k in range(5))
    asked.ask("a product of 2^32 entries", asked.network(TOKENS.replace("node logits", outer + "node logits")), probe[False], False, says="2^31")
    rng = random.Random(5)
    for k in range(200):  # one byte changed: refused, or another network; never a crash
        text = rng.choice((REAL, TOKENS))
        at = rng.randrange(len(text))
        changed = text[:at] + rng.choice("0123456789abcdefxp.- \n[]_") + text[at + 1:]
        digest = asked.network(changed)
        asked.ask("byte %d" % at, digest, "1 == 2 and " + probe[text is REAL], False)


def main():
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(folder)
        exact(asked)
        padded(asked)
        defects(asked)
        for name, net, inputs in networks(500):
            values(asked, name, net, inputs, rng)
            if net.reals is None:
                counts(asked, name, net, inputs)
        for k in range(4):
            net, inputs = across(600 + k)
            values(asked, "across %d" % k, net, inputs, rng)
            counts(asked, "across %d" % k, net, inputs)
        asked.run()
    print("%d passed, %d failed" % (asked.passed, asked.failed))
    return 1 if asked.failed or not asked.passed else 0


sys.exit(main())
