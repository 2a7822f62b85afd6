"""Random networks over the whole operation table, and claims about every node of them: prover, both checkers, plain doubles, random binary32 executions.

    python tests/reference/random_nets.py BUILD [--count N] [--seed S] [--seconds T] [--keep DIR]

A claim whose truth doubles tell with a clear margin must get that verdict, and its certificate must be accepted by both checkers, its opposite by none. Under
float32 what an execution breaks must not be proved. Closes with `N passed, N failed`.
"""
import argparse
import copy
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "proofs", "reference")]
from agree import foreign, reference                   # noqa: E402
from claims import seal                               # noqa: E402
from executions import Execution                      # noqa: E402
from golden import text_of                            # noqa: E402
from nets import number                               # noqa: E402
from op_nets import Maker, sequences                  # noqa: E402

LARGEST, CLEAR, CLEAR32 = 300.0, 1e-5, 1e-2


class Random(Maker):
    """Grown node by node; a node without a value, or with a large one, on some input is taken back."""

    def __init__(self, seed):
        r = random.Random(seed)
        reals = r.randint(1, 4) if r.random() < 0.3 else None
        vocab = None if reals else r.randint(2, 3)
        Maker.__init__(self, seed, vocab, r.randint(1, 3), r.random() < 0.6, eps=Fraction(1, 2 ** 10), reals=reals, pad=r.randrange(vocab) if vocab and r.random() < 0.25 else None)
        self.r, self.widths, self.scores, self.patterns = r, {}, [], []
        self.inputs = self.real_inputs() if reals else sequences(self, [self.n_ctx])
        self.grow("input" if reals else "embed", *([] if reals else [self.weight("E", vocab, self.pick(3, 4, 6))]))
        self.attempts(r.randint(6, 14))
        x = self.node_of()
        self.linear("logits", x, self.widths[x], 3)
        for name in [name for name in self.tensors if name not in {a.partition("[")[0] for _, _, args in self.nodes for a in args}]:
            del self.tensors[name]
        if not any(op in ("layernorm", "rmsnorm") for _, op, _ in self.nodes):
            self.eps = Fraction(0)
        self.memo = {}

    def pick(self, *options):
        return self.r.choice(options)

    def node_of(self, width=None):
        return self.pick(*[x for x, w in self.widths.items() if width is None or w == width])

    def real_inputs(self):
        return [tuple(tuple(Fraction(self.r.randint(-48, 48), 32) for _ in range(self.reals)) for _ in range(self.n_ctx)) for _ in range(5)]

    def tensor_of(self, *shape):
        return self.weight("T%d" % len(self.tensors), *shape)

    def indices(self, shape, k):
        return self.given("I%d" % len(self.tensors), shape, [self.r.randrange(k) for _ in range(math.prod(shape))])

    def attempts(self, count):
        plans = [getattr(self, name) for name in dir(Random) if name.startswith("plan_")] + [self.plan_unary] * 3 + [self.plan_binary] * 2 + [self.plan_choice]
        for _ in range(count):
            self.pick(*plans)()

    def grow(self, op, *args):
        """The node, or None."""
        name = self.node("n%d" % len(self.nodes), op, *args)
        self.memo = {}
        try:
            rows = [self.run(t)[name] for t in self.inputs]
            good = all(math.isfinite(x) and abs(x) < LARGEST for y in rows for row in y for x in row)
            good = good and (op != "sqrt" or all(x > 1e-3 for y in rows for row in y for x in row))    # an enclosure of 0 has no root
        except (ArithmeticError, ValueError, IndexError):
            good = False
        if not good:
            self.nodes.pop()
            return None
        if op == "score":
            self.scores.append(name)
        elif op in ("softmax", "bilinear"):
            self.patterns.append(name)
        else:
            self.widths[name] = len(rows[0][0])
        return name

    def plan_unary(self):
        self.grow(self.pick("relu", "gelu", "gelu_new", "silu", "exp", "sqrt", "erf", "tanh", "sigmoid"), self.node_of())

    def plan_binary(self):
        x = self.node_of()
        self.grow(self.pick("add", "sub", "mul", "div", "max", "min", "max", "min"), x, self.node_of(self.widths[x]))

    def plan_root_and_quotient(self):
        x = self.node_of()
        square = self.grow("mul", x, x)
        one = square and self.grow("constant", self.given("T%d" % len(self.tensors), (self.widths[x],), [Fraction(self.r.randint(1, 9), 8) for _ in range(self.widths[x])]))
        above = one and self.grow("add", square, one)
        if above:
            self.grow("sqrt", above)
            self.grow("div", x, above)

    def plan_linear(self):
        x, m = self.node_of(), self.pick(1, 2, 4)
        self.grow("linear", x, self.tensor_of(self.widths[x], m), self.tensor_of(m) if self.r.random() < 0.5 else None)

    def plan_norm(self):
        x = self.node_of()
        k, op = self.widths[x], self.pick("layernorm", "rmsnorm")
        self.grow(op, x, *[self.tensor_of(k) for _ in range({"layernorm": 2, "rmsnorm": 1}[op] * self.r.randint(0, 1))])

    def plan_move(self):
        x, kind = self.node_of(), self.r.randrange(5)
        k = self.widths[x]
        if kind == 0:
            self.grow("row", x, str(self.r.randrange(self.n_ctx)))
        elif kind == 1:
            self.grow("select", x, self.indices((self.r.randint(1, 6),), k))
        elif kind == 2:
            self.grow("concat", x, *[self.node_of() for _ in range(self.r.randint(1, 2))])
        elif kind == 3:
            self.grow("position", self.tensor_of(self.n_ctx, k))
        else:
            self.grow("constant", self.tensor_of(self.pick(k, 3)))

    def plan_choice(self):
        x, kind = self.node_of(), self.r.randrange(4)
        k = self.widths[x]
        if kind == 0:
            self.grow("jumprelu", x, self.tensor_of(k))
        elif kind == 1:
            self.grow("topk", x, str(self.r.randint(1, k)))
        elif kind == 2:
            self.grow("rowsoftmax", x, str(self.pick(*[g for g in range(1, k + 1) if k % g == 0])))
        else:
            self.grow("maxpool", x, self.indices((self.r.randint(1, 3), self.r.randint(1, 3)), k))

    def plan_matmul(self):
        b, a, k, c = self.r.randint(1, 2), self.r.randint(1, 2), self.r.randint(1, 3), self.r.randint(1, 2)
        left, right = (self.grow("select", x, self.indices((n,), self.widths[x])) for x, n in ((self.node_of(), b * a * k), (self.node_of(), b * k * c)))
        self.grow("matmul", left, right, str(b), str(a), str(k), str(c))

    def plan_attention(self):
        x, y = self.node_of(), self.node_of()
        m = self.pick(1, 2)
        q, k = (self.grow("linear", z, self.tensor_of(self.widths[z], m)) for z in (x, y))
        s = q and k and self.grow("score", q, k, str(self.pick(1, 2, 3, 4)))
        p = s and (self.grow("softmax", s) if self.r.random() < 0.6 else self.grow("bilinear", s, self.pick(*self.scores)))
        z = p and self.grow("mix", p, self.node_of())
        if z:
            h = [self.grow("linear", z, self.tensor_of(self.widths[z], 3)) for _ in range(self.r.randint(1, 2))]
            if all(h):
                self.grow("heads", *h, self.tensor_of(3) if self.r.random() < 0.5 else None)

    def shaken(self):
        """The same with every number moved a little: where it answers otherwise, doubles do not tell."""
        other, r = copy.deepcopy(self), random.Random(1)
        other.memo = {}
        for name, (shape, flat) in other.tensors.items():
            if not name.startswith("I"):
                other.tensors[name] = (shape, [x + Fraction(r.randint(-9, 9), 2 ** 34) for x in flat])
        return other

    def written(self, t):
        """An input as a claim has it."""
        return "{%s}" % ", ".join(map(str, t)) if self.reals is None else "X[%d..%d]" % (self.inputs.index(t) * self.n_ctx, self.inputs.index(t) * self.n_ctx + self.n_ctx - 1)


def known(net, t, name, i, e, shaken):
    """(value, size) where doubles tell it, else None."""
    try:
        x, y = net.run(t)[name][i][e], shaken.run(t)[name][i][e]
    except (ArithmeticError, ValueError):
        return None
    size = max(1.0, abs(x), max(abs(z) for rows in net.run(t).values() for row in rows for z in row))
    return (x, size) if abs(x - y) < 1e-7 * size else None


def grid(x):
    return Fraction(round(x * 2 ** 30), 2 ** 30)


def claims_of(net, r):
    """(name, text, the verdict that doubles tell or None, verdicts that no execution allows)"""
    shaken, k = net.shaken(), 0
    names = [x for x, op, _ in net.nodes if op != "score"]
    for name in r.sample(names, min(len(names), 5)) + ["logits"]:
        t = r.choice(net.inputs)
        i = r.randrange(len(t))
        rows = net.run(t)[name]
        e = r.randrange(len(rows[i]))
        found = known(net, t, name, i, e, shaken)
        value = 'node(M, "%s", %s)[%d, %d]' % (name, net.written(t), i, e)
        for under in ("real", "float32"):
            clear = CLEAR if under == "real" else CLEAR32
            for op, sign in (("<", 1), (">", -1), ("<", -1), (">=", 1)):
                c = grid(rows[i][e] + sign * 2 * clear * (found[1] if found else 1.0))
                truth = ("proved" if (op == "<") == (sign > 0) else "refuted") if found else None
                k += 1
                yield "c%d" % k, "claim c%d { prove %s %s %s under %s }" % (k, value, op, text_of(c), under), truth, under
        ends = []
        for seed in range(8):
            run = Execution(net, seed).partial(t)
            if name in run and i < len(run[name]) and e < len(run[name][i]):
                ends.append(run[name][i][e])
        if len(ends) == 8 and all(map(math.isfinite, ends)) and dict((x, op) for x, op, _ in net.nodes)[name] not in ("softmax", "bilinear"):
            for op, c in (("<", max(ends)), (">", min(ends))):
                k += 1
                yield "c%d" % k, "claim c%d { prove %s %s %s under float32 }" % (k, value, op, text_of(Fraction(c))), "not proved", "float32"
    if net.reals is None:
        yield from counts_of(net, r, shaken, k)


def counts_of(net, r, shaken, k):
    name = r.choice([x for x, op, _ in net.nodes if op not in ("score", "softmax", "bilinear")])
    e = r.randrange(len(net.run(net.inputs[0])[name][0]))
    values = [known(net, t, name, net.n_ctx - 1, e, shaken) for t in net.inputs]
    if None in values:
        return
    c = grid(r.choice(values)[0] + 1 / 64)
    for under, clear in (("real", CLEAR), ("float32", CLEAR32)):
        told = all(abs(x - c) > clear * size for x, size in values)
        k += 1
        n = sum(x > c for x, _ in values)
        yield ("c%d" % k, 'claim c%d { count t in tokens[%d] of 0..%d : node(M, "%s", t)[last, %d] > %s prove number == %d under %s }' % (
            k, net.n_ctx, net.d_vocab - 1, name, e, text_of(c), n, under), "proved" if told else None, under)


class Campaign:
    def __init__(self, build):
        self.build, self.passed, self.failed, self.claims, self.told, self.open = build, 0, 0, 0, 0, 0
        self.ops = {}

    def count(self, good, what):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print("FAILED " + what, flush=True)

    def network(self, seed, folder):
        net, r = Random(seed), random.Random(seed)
        for _, op, _ in net.nodes:
            self.ops[op] = self.ops.get(op, 0) + 1
        os.makedirs(folder, exist_ok=True)
        lines = ["claims 1", 'model M = "m.net"']
        with open(os.path.join(folder, "m.net"), "w") as f:
            f.write(net.text())
        if net.reals:
            lines.append('data X = "x.arr"')
            rows = [row for t in net.inputs for row in t]
            with open(os.path.join(folder, "x.arr"), "w") as f:
                f.write("\n".join(["weightproof-array 1", "shape %d %d" % (len(rows), net.reals)] + [" ".join(number(x) for x in row) for row in rows] + ["end"]) + "\n")
        claims = list(claims_of(net, r))
        path, out, answers = (os.path.join(folder, x) for x in ("a.claims", "certificates", "a.json"))
        with open(path, "w") as f:
            f.write("\n".join(lines + [text for _, text, _, _ in claims]) + "\n")
        done = subprocess.run([os.path.join(self.build, "weightproof"), "verify", path, "--certificates", out, "--json", answers, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        if not os.path.exists(answers):
            return self.count(False, "network %d: %s" % (seed, done.stdout.decode()))
        said = {c["name"]: c["verdict"] for c in json.load(open(answers))["claims"]}
        for name, text, truth, under in claims:
            self.one(seed, said.get(name), text, truth, under)
        self.certificates(seed, out, {name: text for name, text, _, _ in claims})

    def one(self, seed, verdict, text, truth, under):
        """Without a clear margin, and under float32, it may be left open."""
        self.claims += 1
        settled = verdict in ("proved", "refuted")
        self.told, self.open = self.told + (truth is not None), self.open + (not settled)
        if truth == "not proved":
            good = verdict != "proved"
        elif truth is None:
            good = verdict is not None
        else:
            good = verdict == truth or under == "float32" and not settled and verdict is not None
        self.count(good, "network %d: %s where doubles say %s: %s" % (seed, verdict, truth, text))

    def certificates(self, seed, out, texts):
        paths = sorted(os.path.join(out, x) for x in os.listdir(out) if x.endswith(".cert")) if os.path.isdir(out) else []
        turned = []
        for path in paths:
            body = open(path).read()
            body = body[:body.rindex("sha256 ")]
            verdict = re.search("\nverdict (.*)\n", body).group(1)
            other = {"proved": "refuted", "refuted": "proved"}.get(verdict)
            if other:
                body = body.replace("\nverdict " + verdict, "\nverdict " + other)
                body = body.replace("\nwitness -\n", "\n") if other == "refuted" else body.replace("\nrule ", "\nwitness -\nrule ")
                turned.append(path + ".turned")
                with open(turned[-1], "w") as f:
                    f.write(seal(body))
        ours = reference(paths + turned)
        theirs = foreign(os.path.join(self.build, "weightproof-check"), paths + turned, ours)
        for path, a, b in zip(paths + turned, ours, theirs):
            good = a[1] == b[1] == path.endswith(".turned") and (a[1] == 1 or a[0] == b[0])
            self.count(good, "network %d: %s: the second checker: %s; the checker: %s: %s" % (seed, os.path.basename(path), a[0], b[0], texts.get(os.path.basename(path).split(".")[0])))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--count", type=int, default=20)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--seconds", type=float, default=math.inf)
    p.add_argument("--keep")
    a = p.parse_args()
    campaign, begin, made = Campaign(a.build), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(a.seed, a.seed + a.count):
            if time.monotonic() - begin > a.seconds:
                break
            made += 1
            campaign.network(seed, os.path.join(a.keep or folder, str(seed)))
    print("%d networks, %d claims, %d with a known answer, %d left open; nodes: %s" % (made, campaign.claims, campaign.told, campaign.open,
          " ".join("%s %d" % x for x in sorted(campaign.ops.items()))))
    print("%d passed, %d failed" % (campaign.passed, campaign.failed))
    return campaign.failed > 0 or not campaign.passed


if __name__ == "__main__":
    sys.exit(main())
