"""Specifications with many states: python tests/scans/relaxed.py BUILD [--nets N]

Sets of tokens seen among 64, first repeats, sorted places and the like, more of them than are followed one by one: the smallest lead of the output that is named must be what all sequences give,
certificates must pass the checker, with a bound that is too high they must not; nor may a claim that is an error on some sequence. Ends with `N passed, N failed`.
"""
import argparse
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import resealed              # noqa: E402
from decided import decide, in_c, write  # noqa: E402
from nets import transformer             # noqa: E402
from tally import check, finish          # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=3)
a = a.parse_args()
V, N = 64, 3
REPEAT = "t[min{ i : i in 1..2 where contains(t[0..i - 1], t[i]) }]"
ANSWERS = [("(if distinct(t) then 0 else %s)" % REPEAT, lambda s, t, u: numpy.where(t == s, t, numpy.where((u == s) | (u == t), u, 0))),
           ("(if contains(t[0..1], t[2]) then t[2] else 7)", lambda s, t, u: numpy.where((u == s) | (u == t), u, 7)),
           ("(if t[0] == t[1] or t[1] == t[2] then t[1] else t[0])", lambda s, t, u: numpy.where((s == t) | (t == u), t, s)),
           ("(if distinct(t[0..1]) then (if t[2] == t[0] then t[1] else 63) else %s)" % REPEAT, lambda s, t, u: numpy.where(s == t, t, numpy.where(u == s, t, 63))),
           ("(if t[0] == t[2] then t[1] else t[2])", lambda s, t, u: numpy.where(s == u, t, u)),
           ("count{ t[i] == t[j] : i in 0..2, j in 0..2 where j < i }", lambda s, t, u: (s == t) + 0 + (s == u) + (t == u))]
# Errors on some sequences.
ERRORS = [REPEAT, "if distinct(t[0..1]) then %s else 0" % REPEAT, "if distinct(t) then %s else 0" % REPEAT, "if t[0] == t[1] then 0 else %s" % REPEAT]
decided = {}


def lead(answer, out):
    return "let a = %s minimize t in tokens[%d] of 0..%d : logits(M, t)[last, a] - max{ logits(M, t)[last, j] : j in 0..%d where j != a } within 1e-6" % (answer, N, V - 1, out - 1)


def all_leads(net, answers):
    """The smallest lead of every answer over all sequences, of doubles."""
    w = {k: numpy.array([float(x) for x in flat]).reshape(shape) for k, (shape, flat) in net.tensors.items()}
    at = "blocks.0.attn."
    bias = lambda name: w[name][0] if name in w and w[name].ndim == 2 else w.get(name, 0)    # noqa: E731
    x = w["embed.W_E"][:, None, :] + (w["pos_embed.W_pos"][None] if "pos_embed.W_pos" in w else numpy.zeros((1, N, 1)))      # by token and position
    q, k, v = (x @ w[at + "W_" + m][0] + bias(at + "b_" + m) for m in "QKV")
    tokens, best = numpy.arange(V), [numpy.inf] * len(answers)
    t, u = (y.ravel() for y in numpy.meshgrid(tokens, tokens, indexing="ij"))
    for s in range(V):
        rows = [numpy.full_like(t, s), t, u]
        score = numpy.stack([(q[u, N - 1] * k[rows[i], i]).sum(-1) for i in range(N)], -1) / numpy.sqrt(q.shape[-1])
        share = numpy.exp(score - score.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        mixed = sum(share[:, i, None] * v[rows[i], i] for i in range(N))
        logits = (x[u, N - 1] + mixed @ w[at + "W_O"][0] + bias(at + "b_O")) @ w["unembed.W_U"] + bias("unembed.b_U")
        for j, answer in enumerate(answers):
            right = answer(*rows)
            lead = logits[numpy.arange(V * V), right]
            others = logits.copy()
            others[numpy.arange(V * V), right] = -numpy.inf
            best[j] = min(best[j], (lead - others.max(-1)).min())
    return best


def refused(path, text, what):
    write(path, resealed(text))
    status, output = in_c(a.build, path)
    check(status == 1 and "canonical" not in output, "%s: the checker ends with %d: %s" % (what, status, output))


def attack(net, cert, rng):
    """The same certificate with the interval around another sequence's value."""
    text = open(cert).read()
    low = Fraction(re.search(r"^value (\S+) ", text, re.M).group(1))
    for _ in range(3):
        t = [rng.randrange(V) for _ in range(N)]
        logits = [Fraction(x) for x in net.run(tuple(t))["logits"][-1]]
        answer = 0 if len(set(t)) == N else t[1] if t[1] == t[0] else t[2]
        value = logits[answer] - max(x for j, x in enumerate(logits) if j != answer)
        if value - low < Fraction(1, 1000):
            continue
        to = "value %s %s\nattains t=%s" % (str(value - Fraction(1, 10000)), str(value + Fraction(1, 10000)), ",".join(map(str, t)))
        forged = re.sub(r"^value .*\nattains .*$", lambda m: to, text, flags=re.M)
        refused(os.path.dirname(cert) + "/forged.crt", forged, "a bound above the smallest value")
        decided["forged"] = decided.get("forged", 0) + 1


def errors(cert):
    """The certificate of the first repeat, for expressions that are an error on some sequence. Bounds are wide, the sequence that attains them is no error."""
    text = re.sub(r"^value .*\nattains .*$", "value -3000 3000\nattains t=1,1,1", open(cert).read(), flags=re.M)
    text = text.replace("| within 1/1000000\n", "| within 10000\n")
    path = os.path.dirname(cert) + "/error.crt"
    old = "if distinct(t) then 0 else " + plain(REPEAT)
    check(text.count(old) == 2, "the statement reads otherwise: %s" % text)
    write(path, resealed(text))
    status, output = in_c(a.build, path)
    check(status == 0, "wide bounds: the checker ends with %d: %s" % (status, output))
    for new in ERRORS:
        body = plain(new)
        changed = text.replace("(%s)" % old, body if new == REPEAT else "(%s)" % body).replace(old, body)
        refused(path, changed, "an error: " + new)


def plain(text):
    return text.replace("{ ", "{").replace(" }", "}")


def main():
    for k in range(a.nets):
        rng = random.Random(k)
        net = transformer(k + 1, d_vocab=V, n_ctx=N, d_out=V, d_model=4, causal=k % 2 == 0, biases=k % 3 != 0, positions=k % 4 != 3, spread=24 if k % 2 else 32)
        with tempfile.TemporaryDirectory() as folder:
            claims = {"c%d" % i: lead(x, V) for i, (x, _) in enumerate(ANSWERS)}
            mine = decide(a.build, folder, list(claims.values()), "--engine", "separable", "--certificates", folder + "/c", "--timeout", "60", net=net)
            for (name, text), value in zip(claims.items(), all_leads(net, [x for _, x in ANSWERS])):
                x = mine[name]
                decided[x["verdict"]] = decided.get(x["verdict"], 0) + 1
                check(x["verdict"] == "bounded" and x["lo"] - 1e-9 <= value <= x["hi"] + 1e-9 and x["hi"] - x["lo"] < 1e-6, "%d: %s %s..%s, it is %s %s\n  %s" % (k, x["verdict"], x.get("lo"), x.get("hi"), value, x.get("reason"), text))
            if mine["c0"]["verdict"] == "bounded":
                attack(net, folder + "/c/c0.cert", rng)
            if k == 0:
                errors(folder + "/c/c0.cert")
    check(decided.get("forged", 0) > a.nets, "few certificates are attacked: %s" % decided)
    print(decided)


main()
finish()
