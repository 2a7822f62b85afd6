"""What each row of the table costs when the model or the specification is changed.

    python bench/generality.py BUILD [--only PART OF A ROW'S NAME] [--change PART OF A CHANGE'S NAME] [--json OUT]

Rows: counts of max4 and max5, max10 within 1/1000, the smallest margins of max4 and max10, the running sum (engine cells), modular addition, a slice of the induction model's domain, a slice of the palindromes,
interventions. Every row is measured as it stands, and again for networks that are the same function of relabelled tokens (the specification is then a table), with scaled or permuted weights, with biases,
without positions, without or with a mask, with LayerNorm before the attention or before the unembedding, with more heads; for other targets, read-outs and outputs. Changes of the network that change what it computes keep the question:
a count, a smallest margin or a universal claim then has another answer.

Seconds of processor time (one thread) to prove and check, the share of the checker, and the ratio to the plain row of the same question; *** marks ratios above 3.
"""
import argparse
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy

import processor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "examples"), os.path.join(ROOT, "tests")]
from make_net import net_text, read  # noqa: E402
from train import save               # noqa: E402

SHARED = 1 / 1000                     # width of the interval of max10
A = "blocks.0.attn."


def braces(x):
    return "{%s}" % ", ".join(map(str, x))


class Row:
    """One question about one network. answer(token, n): the class or token that is right, as text, token(i) being the text of the token at place i."""

    def __init__(self, name, path, kind, answer, sets=None, binders="", where=None, read_at="last", model="M", engine=None, loud=False):
        self.name, self.kind, self.answer, self.binders, self.where, self.read_at, self.model, self.engine = name, kind, answer, binders, where, read_at, model, engine
        self.tensors, self.config = read(os.path.join(ROOT, path))
        self.V, self.n, self.out = self.config["d_vocab"], self.config["n_ctx"], self.config["d_vocab_out"]
        self.sets = sets or [range(self.V)] * self.n
        self.names = list(range(self.V))              # the old name of every token
        self.renamed = kind != "class" and self.out >= self.V - 1 and self.out > 3     # the outputs are tokens
        self.outputs, self.norms = range(self.out), ()     # norms: parts of the names of the LayerNorms that stay

    def token(self, i):
        return "t[%s]" % i if self.names == list(range(self.V)) else "%s[t[%s]]" % (braces(self.names), i)

    def claim(self):
        answer = self.answer(self.token, self.n)
        if self.renamed and self.names != list(range(self.V)):
            new = [self.names.index(i) for i in range(self.V)]
            answer = "%s[%s]" % (braces(new), answer)
        sets = ["%d..%d" % (s[0], s[-1]) if list(s) == list(range(s[0], s[-1] + 1)) else braces(s) for s in self.sets]
        binds = "%st in tokens(%s)" % (self.binders, ", ".join(x if "." not in x or "{" in x else x for x in ("{%s}" % s if ".." not in s and "{" not in s else s for s in sets)))
        binds += " where " + self.where(self.token) if self.where else ""
        logits = "logits(%s, t)[%s" % (self.model, self.read_at)
        whole = len(self.outputs) == self.out
        right = "let a = %s " % answer
        best = "argmax(%s]) == a" % logits if whole else "all{ %s, a] > %s, j] : j in 0..%d where j != a }" % (logits, logits, len(self.outputs) - 1)
        if self.kind == "margin":
            return "%s minimize %s : %s, a] - max{ %s, j] : j in 0..%d where j != a } within 1e-6" % (right, binds, logits, logits, len(self.outputs) - 1)
        if self.kind == "forall":
            return "forall %s %s prove %s" % (binds, right, best)
        return "%s count %s : %s%s" % (right, binds, best, " within %g" % SHARED if self.kind == "within" else "")


def largest(token, n):
    return "max{ %s : i in 0..%d }" % (token("i"), n - 1)


def sign_of_sum(token, n):
    s = "sum{ %s - 5 : i in 0..%d }" % (token("i"), n - 1)
    return "(if %s < 0 then 0 else if %s == 0 then 1 else 2)" % (s, s)


def palindrome(token, n):
    return "(if all{ %s == %s : i in 0..%d } then 1 else 0)" % (token("i"), token("%d - i" % (n - 1)), n // 2 - 1)


def rows():
    sum29 = lambda token, n: "(%s + %s) %% 29" % (token(0), token(1))    # noqa: E731
    modadd, pairs = "examples/modadd29.safetensors", [range(29), range(29), [29]]
    yield Row("count max4", "examples/max4_s123.safetensors", "count", largest)
    yield Row("count max5", "examples/max5_s50.safetensors", "count", largest)
    yield Row("count max10", "tests/data/max10_s50.safetensors", "within", largest)
    yield Row("margin max4", "examples/max4_s123.safetensors", "margin", largest)
    yield Row("margin max10", "tests/data/max10_s50.safetensors", "margin", largest)
    yield Row("running sum", "examples/cumsum12_s1.pt", "forall", sign_of_sum, engine="cells")
    yield Row("running sum margin", "examples/cumsum12_s1.pt", "margin", sign_of_sum, engine="cells")
    yield Row("modular addition", modadd, "count", sum29, pairs)
    yield Row("modular addition margin", modadd, "margin", sum29, pairs)
    yield Row("induction slice", "examples/induction_v16_n8_s1.pt", "count", lambda token, n: token("p + 1"), [[3], [5], [7]] + [range(16)] * 5, "p in 0..5, ",
              lambda token: "distinct(t[0..6]) and t[7] == t[p]")
    yield Row("palindrome slice", "examples/palindrome_v6_n8_s1.pt", "count", palindrome, [[0], [0]] + [range(6)] * 6, read_at="0")
    yield Row("ablated: mlp at its mean", modadd, "count", sum29, pairs, model="ablate(M, drop = {mlp(0)}, to = mean over S)")
    yield Row("ablated: one neuron", modadd, "count", sum29, pairs, model="ablate(M, drop = {neuron(0, 7)}, to = zero)")
    yield Row("patched: no positions", "examples/max4_s123.safetensors", "count", largest, model='replace(M, "pos_embed.W_pos" = mean_rows(W(M, "pos_embed.W_pos")))')
    yield Row("ablated: a head of palindrome", "examples/palindrome_v6_n8_s1.pt", "count", palindrome, [[0], [0]] + [range(6)] * 6, read_at="0", model="ablate(M, drop = {head(1, 0)}, to = zero, ln = live)")


# ---- changes of the network ----

def relabel(r, rng):
    """Token a of the new network is token perm[a] of the old one; a token that has a part of its own (the last one of modular addition) keeps its name."""
    keep = {s[0] for s in r.sets if len(s) == 1} | set(range(r.out, r.V) if r.out >= r.V - 1 else [])
    free = [i for i in range(r.V) if i not in keep]
    shuffled = iter(rng.sample(free, len(free)))
    perm = [i if i in keep else next(shuffled) for i in range(r.V)]
    r.names = perm
    r.tensors["embed.W_E"] = r.tensors["embed.W_E"][perm]
    r.sets = [sorted(perm.index(i) for i in s) for s in r.sets]
    if r.renamed:
        for x in ("unembed.W_U", "unembed.b_U"):
            if x in r.tensors:
                r.tensors[x] = r.tensors[x][..., perm[:r.out]]


IN, OUT = ("W_Q", "W_K", "W_V", "W_in", "W_U"), ("W_E", "W_pos", "W_O", "b_O", "W_out", "b_out")


def rescale(r, rng):
    order = rng.sample(range(r.config["d_model"]), r.config["d_model"])
    for name, x in r.tensors.items():
        word = name.split(".")[-1]
        x = x.take(order, -1) if word in OUT or ".ln" in name or name.startswith("ln") else x.take(order, -2) if word in IN else x
        r.tensors[name] = x * 8 if word in ("W_Q", "b_Q") else x / 8 if word in ("W_K", "b_K") else x


def biased(r, rng):
    draw = numpy.random.default_rng(1)
    H, d, k = r.tensors[A + "W_Q"].shape
    for name, shape in [(A + "b_Q", (H, k)), (A + "b_K", (H, k)), (A + "b_V", (H, k)), (A + "b_O", (d,)), ("unembed.b_U", (r.out,))]:
        r.tensors[name] = r.tensors.get(name, 0) + draw.normal(0, 1 / 64, shape)


def unbiased(r, rng):
    names = [x for x in r.tensors if x.split(".")[-1] in ("b_Q", "b_K", "b_V", "b_O", "b_U", "b_in", "b_out")]
    if not any(r.tensors[x].any() for x in names):
        return "it has none"
    for x in names:
        r.tensors[x] = 0 * r.tensors[x]


def flat(r, rng):
    r.tensors["pos_embed.W_pos"] = numpy.broadcast_to(r.tensors["pos_embed.W_pos"][-1], r.tensors["pos_embed.W_pos"].shape)


def other_mask(r, rng):
    r.config["attention_dir"] = "causal" if r.config["attention_dir"] == "bidirectional" else "bidirectional"
    r.read_at = "last" if r.config["attention_dir"] == "causal" else r.read_at


def normed(r, rng):
    if r.config["normalization_type"]:
        return "it has LayerNorm"
    d = r.config["d_model"]
    r.tensors["blocks.0.ln1.w"], r.tensors["blocks.0.ln1.b"] = numpy.full(d, float(numpy.sqrt(numpy.mean(r.tensors["embed.W_E"].var(-1))))), numpy.zeros(d)
    r.norms = (".ln1",)
    r.model = r.model if r.model == "M" else r.model[:-1] + ", ln = live)"


def normed_after(bias):
    def change(r, rng):
        if r.config["normalization_type"]:
            return "it has LayerNorm"
        if r.model != "M":
            return "its activations are changed"
        d, draw = r.config["d_model"], numpy.random.default_rng(1)
        r.tensors["ln_final.w"], r.tensors["ln_final.b"] = 1 + draw.normal(0, 1 / 16, d), bias * draw.normal(0, 1, d)
        r.norms = ("ln_final",)
        return None if bias else unbiased_after(r)
    return change


def unbiased_after(r):
    if "unembed.b_U" in r.tensors and r.tensors["unembed.b_U"].any():
        r.tensors["unembed.b_U"] = 0 * r.tensors["unembed.b_U"]


def more_heads(h):
    """Every head is one that the model had, with values divided and queries and keys disturbed, so that they differ."""
    def change(r, rng):
        now = r.config["n_heads"]
        if h == now:
            return "it has %d" % h
        if now != 1:
            return "its heads differ: it has %d of them" % now
        draw = numpy.random.default_rng(h)
        for b in ("blocks.%d.attn." % l for l in range(r.config["n_layers"])):
            for k in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"):
                if b + k in r.tensors:
                    x = numpy.repeat(r.tensors[b + k], h, 0) / (h if k == "W_O" else 1)
                    r.tensors[b + k] = x * (1 + 0.01 * draw.normal(size=x.shape)) if k in ("W_Q", "W_K") else x
        r.config["n_heads"] = h
    return change


NETWORKS = [("tokens relabelled, a table", relabel), ("W_Q 2^3, W_K 2^-3, d_model permuted", rescale), ("biases everywhere", biased), ("no biases", unbiased), ("no positions that differ", flat),
            ("the other mask", other_mask), ("LayerNorm before attention", normed), ("LayerNorm before the unembedding", normed_after(0)), ("the same, with biases", normed_after(1 / 16))] + [("%d heads" % h, more_heads(h)) for h in (2, 3, 4)]


# ---- changes of the question ----

def targets(rng, n, V, out):
    """Answers that are not the model's, all of them below `out`."""
    states = [[rng.randrange(min(out, 4)) for _ in range(V)] for _ in range(min(out, 4))]
    fit = lambda x: x if out >= V else "%s %% %d" % (x, out)    # noqa: E731
    low = lambda token, n: "min{ %s : i in 0..%d }" % (token("i"), n - 1)     # noqa: E731
    return [("min", lambda token, n: fit(low(token, n))),
            ("second largest", lambda token, n: fit("sort(t)[%d]" % (n - 2))),
            ("contains", lambda token, n: "(if contains(t, 5) then 1 else 0)"),
            ("parity", lambda token, n: "(if count{ t[i] > %d : i in 0..%d } %% 2 == 0 then 1 else 0)" % (V // 2, n - 1)),
            ("sum mod p", lambda token, n: "sum(t) %% %d" % min(out, 7)),
            ("first repeat", lambda token, n: fit("(if distinct(t) then 0 else t[min{ i : i in 1..%d where contains(t[0..i - 1], t[i]) }])" % (n - 1))),
            ("a random automaton", lambda token, n: "fold(%s, 0, t)" % braces(braces(x) for x in states))]


def questions(row, rng):
    """(change, row, the plain row of the same domain)."""
    plain, small = row, row
    if row.name.startswith("count max"):          # other targets are walked sequence by sequence
        small = copy.copy(row)
        small.sets = [range(16 if row.n < 5 else 8 if row.n < 10 else 6)] * row.n
        small.kind = "count" if row.n < 10 else "within"
    if "ablated" not in row.name and "patched" not in row.name and "induction" not in row.name:
        for name, answer in targets(rng, row.n, row.V, row.out):
            r = copy.copy(small)
            r.answer = answer
            r.kind = "margin" if r.kind == "forall" else r.kind
            yield "target: " + name, r, small
    if row.config["attention_dir"] == "causal" and "induction" not in row.name:
        for p in range(row.n) if row.n < 6 else (0, row.n // 2):
            r = copy.copy(row)
            r.read_at = str(p)
            r.answer = lambda token, n, p=p: row.answer(token, p + 1) if "modular" not in row.name and "ablated" not in row.name else "t[0]"
            yield "read at position %d" % p, r, plain
    if row.renamed and row.out >= row.V:
        r = copy.copy(row)
        r.outputs = range(row.V // 2)
        r.sets = [[x for x in s if x < row.V // 2] for s in row.sets]
        yield "half of the outputs", r, plain


def changed(row):
    rng = random.Random(7)
    for name, change in NETWORKS:
        r = copy.copy(row)
        r.tensors, r.config = dict(row.tensors), dict(row.config)
        reason = change(r, rng)
        yield name, r, row, reason
    for name, r, base in questions(row, rng):
        yield name, r, base, None


def measure(row, build, folder):
    name = "m.net" if row.norms else "m.safetensors"
    if row.norms:
        text = net_text(row.tensors, dict(row.config, normalization_type="LN"))
        for line in [x for x in text.split("\n") if x.startswith("node ") and x.split(" ")[2] == "layernorm" and not any(y in x for y in row.norms)]:
            node, _, read_from = line.split(" ")[1:4]
            text = text.replace(line + "\n", "").replace(node, read_from)
        with open(folder + "/m.net", "w") as f:
            f.write(text)
    else:
        save(folder + "/m.safetensors", row.tensors, row.config)
    with open(folder + "/a.claims", "w") as f:
        f.write('claims 1\nmodel M = "%s"\ndomain S = tokens(0..28, 0..28, {29})\nclaim c { %s }\n' % (name, row.claim()) if "S" in row.model.split() or "over S" in row.model
                else 'claims 1\nmodel M = "%s"\nclaim c { %s }\n' % (name, row.claim()))
    before = processor.seconds()
    command = [build + "/weightproof", "verify", folder + "/a.claims", "--json", folder + "/a.json", "--quiet", "--threads", "1", "--timeout", "60"] + (["--engine", row.engine] if row.engine else [])
    done = subprocess.run(command, capture_output=True)
    both = processor.seconds() - before
    if done.returncode > 2:
        sys.exit("%s\n%s" % (open(folder + "/a.claims").read()[-3000:], done.stderr.decode()))
    c = json.load(open(folder + "/a.json"))["claims"][0]
    return both, both * c["seconds_check"] / max(c["seconds_prove"] + c["seconds_check"], 1e-9), c


def answer_of(c):
    if c["verdict"] == "undecided":
        return "undecided: " + (c.get("reason") or "")[:90]
    if c["kind"] == "count":
        return ("%s..%s" % (c["number_lo"], c["number_hi"]) if c["number_lo"] != c["number_hi"] else c["number_lo"]) + " of " + c["total"]
    return c["verdict"] if c["kind"] == "prove" else "%.6g" % c["lo"]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("build")
    a.add_argument("--only", default="")
    a.add_argument("--change", default="")
    a.add_argument("--json")
    a = a.parse_args()
    table, bases = [], {}

    def one(row, change, base):
        with tempfile.TemporaryDirectory() as folder:
            both, check, c = measure(row, a.build, folder)
        ratio = both / base if base else 1
        table.append({"row": row.name, "change": change, "seconds": both, "check": check, "ratio": ratio, "engine": c["engine"], "answer": answer_of(c)})
        print("| %s | %s | %.2f | %.2f | %.1f%s | %s | %s |" % (row.name, change, both, check, ratio, " ***" if ratio > 3 else "", c["engine"], answer_of(c)), flush=True)
        return both

    print("| row | change | prove and check | check | ratio | engine | answer |\n|---|---|---|---|---|---|---|")
    for row in rows():
        if a.only not in row.name:
            continue
        bases[id(row)] = one(row, "-", None)
        for change, r, base, reason in changed(row):
            if a.change not in change:
                continue
            if reason:
                print("| %s | %s | | | | | left out: %s |" % (row.name, change, reason), flush=True)
                continue
            if id(base) not in bases:
                bases[id(base)] = one(base, "- (tokens %d..%d)" % (base.sets[0][0], base.sets[0][-1]), None)
            one(r, change, bases[id(base)])
    above = [x for x in table if x["ratio"] > 3]
    print("\n%d rows, %d above 3 times the plain one, %d undecided; %.0f s of processor time" %
          (len(table), len(above), sum("undecided" in x["answer"] for x in table), sum(x["seconds"] for x in table)))
    if a.json:
        json.dump(table, open(a.json, "w"), indent=1)


main()
