"""Every function of the language, every operation of a network, every intervention and every set: encoded, with the right answer, or refused by name: python tests/smt/forms.py BUILD [--z3 FILE] [--cvc5]

For a number the engines of the language find the largest value first, with a certificate. That no value is above a little more is `unsat` then, that none is above a little less `sat`. The tables at the end
name what is decided by hand, and what is refused and how. Nothing of function.def and op.def is left out: a new row without a case here fails. Ends with `N passed, N failed`.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here] + [os.path.join(here, "..", x) for x in ("reference", "bound", "")]
import boxes                                     # noqa: E402
import op_nets                                   # noqa: E402
import solvers                                   # noqa: E402
from decided import verify, write, write_claims  # noqa: E402
from nets import transformer                     # noqa: E402
from tally import check, finish                  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a.add_argument("--cvc5", action="store_true")
a = a.parse_args()
program = os.path.join(a.build, "weightproof")


def bilinear(seed):
    """A bilinear network of three real inputs and three outputs, without biases."""
    net = op_nets.Maker(seed, None, 1, reals=3)
    x = net.node("x", "input")
    post = net.node("post", "mul", net.linear("left", x, 3, 4), net.linear("right", x, 3, 4))
    net.node("logits", "linear", post, net.weight("U", 4, 3))
    return net


T, X = "t in tokens[2] of 0..2", "r in rows(X)"
# One number for each function: the binders, the expression.
NUMBERS = [
    (T, "logits(M, t)[last, 0]"), (X, "output(B, X[r])[1]"), (T, "attn(M, 0, 0, t)[last, t[1] - t[1]]"), (T, "score(M, 0, 0, t)[last, 0]"), (T, "resid_pre(M, 0, t)[last, 0]"),
    (T, "resid_mid(M, 0, t)[last, 1]"), (T, "resid_post(M, 0, t)[last, 0]"), (T, "mlp_pre(M, 0, t)[last, 1]"), (T, "mlp_post(M, 0, t)[last, 2]"), (T, "head_out(M, 0, 0, t)[last, 0]"),
    (T, 'node(M, "hook_embed", t)[0, 1] + node(M, head(0, 0), t)[0, 0]'), (T, 'W(M, "embed.W_E")[t[0], 1]'), (T, "QK(M, 0, 0)[0, t[0] % 2]"), (T, "OV(M, 0, 0)[t[0] % 2, 1]"),
    (T, "(if argmax(logits(M, t)[last]) == t[0] then 1 else 0) + argmax(t)"), (T, "argmin(t) + t[0]"), (T, "if 0 in argmaxes(logits(M, t)[last]) then 1 else 0"), (T, "max(logits(M, t)[last])"),
    (T, "min(logits(M, t)[last, 0], t[0] - 1)"), (T, "sum(logits(M, t)[last])"), (T, "mean(t) + mean(logits(M, t)[last])"), (T, "abs(logits(M, t)[last, 0])"),
    (T, "dist(1, head_out(M, 0, 0, t)[last], logits(M, t)[0, 0..1])"), (T, "norm(inf, logits(M, t)[last])"), (T, "norm(2, head_out(M, 0, 0, t)[0])"), (T, "rank(QK(M, 0, 0)) + t[0]"), (T, "sort(t)[1] + t[0]"),
    (T, "if distinct(t) then t[0] else 0"), (T, "if contains(t, 2) then 0 else t[1]"), (T, "fold({{0, 1, 2}, {2, 0, 1}, {1, 1, 0}}, 1, t) + t[0]"), (T, "len(t) + t[0]"), (T, "logits(M, seq(t[0], 1))[last, 2]"), (T, "onehot(t[0], 3)[t[1]]"),
    (T, 'transpose(W(M, "embed.W_E"))[0, t[0]]'), (T, "diag(QK(M, 0, 0))[t[0] % 2]"), (T, "dot(logits(M, t)[last], t[0] * {1, 2, 3})"), (T, 'mean_rows(W(M, "embed.W_E"))[0, t[0] % 2]'),
    (T, "exp(logits(M, t)[0, 0])"), (T, "log(t[0] + 1) + log(mlp_post(M, 0, t)[0, 0] + 2)"), (T, "sqrt(t[0] + 2)"), (T, "cos(t[0]) + cos(logits(M, t)[0, 0])"), (T, "sin(resid_post(M, 0, t)[0, 0])"),
    (T, "pi() * t[0]"), ("t in tokens[4] of 0..1, s in 0..1", "fold({{0, 1}, {1, 2}, {2, 0}}, s, t) + s / 2"), (T, "softmax(logits(M, t)[0])[1]"), (T, "logsoftmax(logits(M, t)[0])[1]"), (T, "fourier(logits(M, t)[0])[1]"), (T, 'fourier(W(M, "embed.W_E"))[1, t[0] % 2]'),
    (X, "radius(B, X[r])"), (X, "radius(B, X[r], -2, 2)"), (T, 'distance(B, B2, "gaussian")[t[0]]'), (T, 'distance(B, B2, "sphere")[t[0]]'), (X, "min(flip(B, X[r], {1, -1, 1/2}), 50)"), (X, "changes(B, X[r], {1, -1, 1/2})"),
    (T, "eigenvalues(form(B, 1))[t[0]]"), (T, "form(B, 0)[t[0], t[1]]"), (T, 'form(B, t[0], "affine")[t[1], 0]'), (T, "inertia(form(B, 2))[t[0]]"), (T, "eigenvector(form(B, 0), t[0])[t[1]]"),
    (T, "singular_values(form(B, 0))[t[0]]"), (T, "effective_rank(form(B, t[0]))"), (T, "antisymmetric(B, 0)[t[0], t[1]]"), (T, "gram(B)[t[0], t[1]]"), (T, "hosvd(B)[t[0]]"),
    (X, "output(truncate(B, 1), X[r])[0]"),
]
# Interventions.
NUMBERS += [(T, "logits(%s, t)[last, 0]" % model) for model in (
    "patch(M, head(0, 0)[last] = {1/2, t[0]})", "patch(M, head(0, 0) = node(M, head(0, 0), seq(t[1], t[0])))", "patch(M, neuron(0, 3)[last] = {1/2})", "patch(M, mlp(0) = zero)",
    "patch(M, embed[0] = mean over tokens[2] of 0..2)", "patch(M, embed[0] = from {1, 2})", "ablate(M, drop = {head(0, 0), mlp(0)}, to = zero)", "ablate(M, keep = {embed, pos_embed}, to = zero)",
    "ablate(M, drop = all - {embed}, to = value 1/4)", "ablate(M, drop = {embed[0]}, to = value {1, 2})", "ablate(M, drop = {pos_embed}, to = mean over tokens[2] of 0..2)",
    "ablate(M, drop = {head(0, 0)}, to = from seq(t[1], t[1]))", "ablate(M, drop = {edge(embed, unembed), neuron(0, 1)}, to = zero)", "ablate(M, drop = {edge(head(0, 0), mlp(0))}, to = zero)",
    "ablate(M, drop = {edge(embed, head(0, 0).q), edge(pos_embed, head(0, 0).k), edge(embed, head(0, 0).v)}, to = zero)", "ablate(M, drop = {bias(0)}, to = zero)", "patch(M, bias(0)[last] = {1/2, 3})",
    "ablate(M, drop = {edge(bias(0), mlp(0))}, to = value 2)", 'replace(M, "pos_embed.W_pos" = {{1, 2}, {0, 1/2}, {1, -1}})', "replace(M, head(0, 0)[last] = mean over tokens[2] of 0..2)",
    "steer(M, head(0, 0)[last], {1, -1/2}, 3/2)", "steer(M, embed, {1/3, -1/2}, 2)", "steer(steer(M, neuron(0, 1), {1/2}, 2), edge(embed, mlp(0)), {1, 2}, 1)",
    "ablate(steer(M, embed, {1/3, -1/2}, 2), drop = {embed[0]}, to = zero)", "steer(ablate(M, drop = {embed[0]}, to = zero), embed, {1/3, -1/2}, 2)", "blend(M, M2, 1/3)",
    "ablate(blend(M, M2, 1/2), drop = {head(0, 0)}, to = zero)", "ablate(N, drop = {head(0, 0)}, to = zero, ln = frozen)", "patch(N, head(0, 0)[last] = {1/2, 0, 1}, ln = frozen)",
    "ablate(N, drop = {pos_embed}, to = zero, ln = live)")]
ENCLOSED = ("log(t[0] + 1) +", "cos(t[0]) +", "sin(resid", "fourier(logits", "steer(N", "patch(N", "ablate(N", "softmax(logits", "logsoftmax", "norm(2")   # functions between bounds: a model of the claim's negation may be none

D2 = "t in tokens[2] of 0..2"
V = "logits(M, t)[last, %d]"
# Decided by hand, or by the engine that is named: the claim, what a solver says, the engine whose verdict it is compared with.
CLAIMS = [
    ("forall t in tokens[2] of 0..2, s in tokens[2] of 0..2 prove argmax(logits(M, t)[last]) == argmax(logits(M, s)[last])", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 prove exists i in 0..1 : logits(M, t)[last, i] >= logits(M, t)[last, 2] - 5", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 prove exists s in tokens[2] of 0..2 : logits(M, s)[last, 0] > logits(M, t)[last, 0]", None, "enumerate"),
    ("prove exists t in tokens[2] of 0..2 : all{logits(M, t)[last, 0] >= logits(M, s)[last, 0] : s in tokens[2] of 0..2}", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 prove all{any{logits(M, t)[last, i] >= logits(M, t)[last, j] : i in 0..2 where i != j} : j in 0..1}", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 where logits(M, t)[last, 0] > 0 prove logits(M, t)[last, 1] < 1", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 where argmax(logits(M, t)[last]) == 0 and t[0] != t[1] prove argmax(logits(M, t)[last]) != 1", None, "enumerate"),
    ("count t in tokens[2] of 0..2 where logits(M, t)[last, 0] > 0 : argmax(logits(M, t)[last]) == 0", None, "enumerate"),
    ("count t in tokens[2] of 0..2 : 0 in argmaxes(logits(Ties, t)[last]) and argmax(logits(Ties, t)[last]) != 0", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 prove argmax(logits(Ties, t)[last]) != 0", None, "enumerate"),
    ("forall t in { sort(u) : u in tokens[2] of 0..2 where u[0] != 1 } prove logits(M, t)[last, 0] <= logits(M, seq(t[1], t[0]))[last, 0] + 1", None, "enumerate"),
    ("prove exists t in { seq(u[0], 2 - u[0]) : u in tokens[1] of 0..2 } : logits(M, t)[last, 0] > 3/2", None, "enumerate"),
    ("list t in tokens[2] of 0..2 : argmax(logits(M, t)[last]) == t[0] at most 3", None, "enumerate"),
    ("average t in tokens[2] of 0..2 where t[0] > 2 : logits(M, t)[last, 0]", "unsat", None),
    ("forall t in tokens[2] of 0..2 prove argmin(logits(M, t)[last]) != 0 or logits(M, t)[last, 0] < logits(M, t)[last, 1]", "unsat", None),
    ("forall t in tokens[2] of 0..2 prove t[0] < 2 or {5, 6}[1 - t[0] % 2] > 5 => {7, 8}[if t[0] < 2 then t[0] else 0] >= 7", None, "enumerate"),
    ("forall t in tokens[2] of 0..2 prove if t[0] < 2 then {4, 5}[t[0]] > 3 else t[0] == 2", "unsat", "enumerate"),
    ("forall t in tokens[2] of 0..2 prove t[0] < 2 => {4, 5}[t[0]] > 3", "unsat", "enumerate"),
    ("forall t in tokens[2] of 0..2 where t[0] > 0 prove 1 / t[0] <= 1", "unsat", "enumerate"), ("forall t in tokens[2] of 0..2 where t[0] > 0 prove 1 / t[0] < 1", "sat", "enumerate"),
    ("forall t in tokens[2] of 0..2 prove (if t[0] == 0 then 0 else t[1] / t[0]) <= 2", "unsat", "enumerate"), ("forall t in tokens[2] of 0..2 prove 1 / t[0] <= 1", "sat", None),
    ("forall t in tokens[2] of 0..2 prove all{ t[i + 1] >= 0 : i in 0..1 where i == 0 }", "unsat", "enumerate"),
    ("forall t in tokens[3] of 0..2 prove fold({{0, 1, 2}, {1, 2, 0}, {2, 2, 2}}, 0, t) <= sum(t)", None, "enumerate"),
    ("forall i in 0..1, x in box({-1, -1, -1}, {1, 1, 1}) prove output(P, x)[i] <= 40", "unsat", None),
    ("forall x in box({-1, -1, -1}, {1, 1, 1}) prove output(P, x)[0] <= 1", None, "bound"),
    ("forall x in box(-1, 1) prove output(B, -x)[0] == output(B, x)[0]", "unsat", None),
    ("forall x in reals(3) prove output(B, -x)[0] == output(B, x)[0]", "unsat", None),
    ("forall x in reals(3) prove output(B, x)[0] <= 100", None, "polynomial"),
    ("forall x in reals(3) prove output(B, x)[1] <= 100", None, "polynomial"),
    ("forall x in orthant(3) prove x[0] + x[1] >= 0", "unsat", None),
    ("forall x in orthant(3) prove x[0] >= x[1]", "sat", None),
    ("forall x in cone({1, 2, 3}, {1, 1, 1}) prove x[1] >= x[0]", "unsat", None),
    ("forall x in cone({1, 2, 3}, {1, 1, 1}) prove x[1] >= 2 * x[0]", "sat", None),
    ("forall s in interval(0, 1) prove s * (1 - s) <= 1/4", "unsat", None),
    ("forall s in interval(0, 1) prove s * (1 - s) <= 1/5", "sat", None),
    ("forall x in ball({1, 0}, 1, linf) prove x[0] + x[1] <= 3", "unsat", None),
    ("forall x in ball({1, 0}, 1, l1) prove x[0] + x[1] <= 2", "unsat", None),
    ("forall x in ball({1, 0}, 1, l1) prove x[0] + x[1] <= 19/10", "sat", None),
    ("forall x in ball({1, 0}, 1, l2) prove x[0] + x[1] <= 5/2", "unsat", None),
    ("forall x in ball({1, 0}, 1, l2) prove x[0] + x[1] <= 12/5", "sat", None),
    ("forall d in ball(0, 1/10, l2) prove output(B, X[0] + d)[0] <= output(B, X[0])[0] + 1000", "unsat", None),
    ("forall d in ball(0, 1/10, linf) prove output(B, X[0] + d)[0] <= output(B, X[0])[0]", "sat", None),
]
# Where functions are enclosed: what is said of the document, and with lemmas.
LEMMAS = {
    "forall x in interval(-1, 1) prove exp(x) >= 1105/1000 * (x + 9/10)": ("sat", "unsat"), "forall x in interval(-1, 1) prove exp(x) >= 1106/1000 * (x + 9/10)": ("sat", "sat"),
    "forall x in interval(-1, 1) prove sin(x) <= 41/500 + 199/200 * x": ("sat", "sat"), "forall x in interval(1/2, 2) prove log(x) <= x - 1 + 1/10000": ("sat", "unsat"),
}
REFUSED = [
    ("forall t in tokens[2] of 0..2 prove argmax{ logits(M, t)[last, i] : i in 0..2 } == 0", "argmax{} has no encoding: take argmax of an array"),
    ("forall t in tokens[2] of 0..2 prove log(logits(M, t)[last, 0]) <= 1", "log of what is not known to be positive has no encoding: compare with exp of the other side"),
    ("forall t in tokens[2] of 0..2 prove sqrt(logits(M, t)[last, 0]) <= 1", "a root of what may be negative has no encoding: compare the squares"),
    ("forall t in tokens[2] of 0..2 prove 1 / logits(M, t)[last, 0] <= 1", "a divisor that is not known to be other than 0 has no encoding: multiply both sides by it, for each of its signs"),
    ("forall t in tokens[2] of 0..2 prove logits(M, t)[last, 0] ^ 17 <= 1", "only powers with an exponent in 0..16 have an encoding"),
    ("forall x in ball(0, 1, l2) prove x[0] <= 1", "the length of x is not known: give its set a vector, not one number for all entries"),
    ("forall t in tokens[2] of 0..2 prove score(M, 0, 0, t)[last, 0] <= 9 under float32", "scores under float32 have no encoding: claims about attn have one"),
    ("forall t in tokens[9] of 0..2 prove logits(L, t)[last, 0] <= 9 under float32", "executions in float32 have an encoding for at most 16384 cases of the variables that a network is read on: take shorter sequences or a smaller set of tokens"),
    ("forall x in reals(3) prove output(P, x)[0] <= 1 under float32", "an unbounded input has no encoding under float32: box(a, b) has one"),
    ("forall t in tokens[2] of 0..2 prove exists s in tokens[10] of 0..2 : t[0] >= s[0] and s[9] == t[1]", "a quantifier over more than 20000 elements has no encoding: bind its variable in front, by forall, exists or count, where elements are choices"),
]


def table(path, macro):
    with open(os.path.join(here, "..", "..", path)) as f:
        return re.findall(r'^%s\(\w+, "(\w+)"' % macro, f.read(), re.M)


def operations(folder):
    """A number for every operation: a node of a network that has it, at its last entry."""
    nets = [(n, net) for n, net, _ in op_nets.networks()] + [("norm", transformer(11, norm=("ln1",), mlp="relu"))]
    out, seen = [], set()
    for name, net in nets:
        for node, op, args in net.nodes:
            real = net.reals is not None
            if op in seen or (real and net.n_ctx != 1) or (op == "div" and real):
                continue
            seen.add(op)
            file = "op_%s.net" % op
            with open(os.path.join(folder, file), "w") as f:
                f.write(net.text())
            if real:
                expression = 'node(O_%s, "%s", {%s})[0]' % (op, node, ", ".join("(r + %d) / 4" % (k % 3) for k in range(net.reals)))
            else:
                expression = 'node(O_%s, "%s", t)[last, 0]' % (op, node)
            out.append((op, file, X if real else "t in tokens[2] of 0..2", expression))
    return out, seen


def run(*words, **how):
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, env=dict(os.environ, WEIGHTPROOF_Z3=a.z3), **how)


class File:
    """Claims beside each other, and the bindings that they share."""

    def __init__(self, folder, head):
        self.folder, self.head = folder, head

    def write(self, claims):
        self.path = write_claims(self.folder, claims, self.head)

    def verify(self, claims, *options):
        self.write(claims)
        _, output, found = verify(a.build, self.path, *options)
        if found is None:
            print(output)
            sys.exit(1)
        return list(found.values())

    def answers(self, claims, *options):
        """(words of the solvers, whether functions are enclosed, message of a refusal), claim by claim."""
        self.write(claims)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda i: self.answer(i, *options), range(len(claims))))

    def answer(self, i, *options):
        out = os.path.join(self.folder, "c%d.smt2" % i)
        p = run("smt", self.path, "--only", "c%d" % i, "-o", out, *options)
        if p.returncode:
            return [], False, p.stderr
        words = [solvers.z3(a.z3, out, 30)] + ([solvers.cvc5(out, 20)] if a.cvc5 else [])
        with open(out) as f:
            return words, "perhaps" in f.read(20000), ""


def numbers(file, cases):
    """cases: (binders, expression). The engines find the largest value, the solvers what lies about it."""
    largest, claims, kept = file.verify(["maximize %s : %s within 1e-6" % c for c in cases]), [], []
    for (binders, expression), r in zip(cases, largest):
        check(r["verdict"] == "bounded", "%s: the largest value is %s (%s)" % (expression, r["verdict"], r.get("reason")))
        if r["verdict"] != "bounded":
            continue
        low, high = (Fraction(r[k]) for k in ("lo_exact", "hi_exact"))
        room = max(abs(low), 1) / 1000
        kept.append(expression)
        claims += ["forall %s prove (%s) <= %s" % (binders, expression, x) for x in (high + room, low - room)]
    found = file.answers(claims)
    for i, expression in enumerate(kept):
        for (words, relaxed, message), right in zip(found[2 * i:2 * i + 2], ("unsat", "sat")):
            enclosed = relaxed and expression.startswith(ENCLOSED) or any("(" + x in expression for x in ENCLOSED)
            good = words and all(w == right or w == "unknown" and w != words[0] or (enclosed and w in ("unknown", "sat")) for w in words)
            check(good, "%s: %s where %s is right %s" % (expression, words, right, message[:300]))


with tempfile.TemporaryDirectory() as folder:
    named = {"M": transformer(5, mlp="relu", d_model=2, spread=16), "M2": transformer(6, mlp="relu", d_model=2, spread=16), "N": transformer(7, norm=("ln1", "final"), d_model=3, spread=12),
             "B": bilinear(3), "B2": bilinear(4), "P": boxes.network(3), "L": transformer(9, n_ctx=9)}
    ties = transformer(8)
    for rows in ("unembed.W_U", "unembed.b_U"):
        flat = ties.tensors[rows][1]
        flat[1::3] = flat[0::3]
    named["Ties"] = ties
    ops, seen = operations(folder)
    for name, net in named.items():
        write(os.path.join(folder, name + ".net"), net.text())
    numpy.save(os.path.join(folder, "x.npy"), numpy.array([[1.0, 0.5, -0.25], [0.25, -1.5, 2.0], [-0.5, 0.75, 1.25]]))
    head = "".join('model %s = "%s.net"\n' % (n, n) for n in named) + "".join('model O_%s = "%s"\n' % (o, f) for o, f, _, _ in ops) + 'data X = "x.npy"\n'
    file = File(folder, head)
    numbers(file, NUMBERS + [(binders, expression) for _, _, binders, expression in ops])
    for operation in table("models/op.def", "OP"):
        check(operation in seen, "operation %s has no case" % operation)
    text = "\n".join([e for _, e in NUMBERS] + [c for c, _, _ in CLAIMS] + [c for c, _ in REFUSED])
    for function in table("verify/function.def", "FUNCTION"):
        check(re.search(r"\b%s\(" % function, text + X), "function %s has no case" % function)
    words = {"proved": "unsat", "refuted": "sat", "vacuous": "unsat"}
    by_engine = {e: [c for c, _, x in CLAIMS if x == e] for e in ("enumerate", "bound", "polynomial")}
    verdicts = {c: r for e, claims in by_engine.items() for c, r in zip(claims, file.verify(claims, "--engine", e))}
    for (claim, right, engine), (said, relaxed, message) in zip(CLAIMS, file.answers([c for c, _, _ in CLAIMS])):
        if engine:
            v = verdicts[claim]
            known = words.get(v["verdict"]) or (("sat" if v.get("items") or int(v.get("number_hi") or 0) else "unsat") if v["verdict"] == "bounded" else None)
            known = {"sat": "unsat", "unsat": "sat"}[known] if claim.startswith("prove exists") and known else known
            check(known and right in (None, known), "%s: engine %s says %s (%s)" % (claim, engine, v["verdict"], v.get("reason")))
            right = known
        check(said and said[0] == right and all(w in (right, "unknown") for w in said), "%s: %s where %s is right %s" % (claim, said, right, message[:300]))
    for claim, (before, after) in LEMMAS.items():
        said = [file.answers([claim], *options)[0][0] for options in ((), ("--rounds", "20"))]
        check(all(w == before for w in said[0]) and said[1] and all(w == after for w in said[1]), "%s: %s, %s" % (claim, *said))
    for (claim, message), (said, _, refusal) in zip(REFUSED, file.answers([c for c, _ in REFUSED])):
        check(not said and refusal == "error: %s\n" % message, "%s: %s %s" % (claim, said, refusal))
finish()
