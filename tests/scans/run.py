"""Specifications that a scan over the tokens follows: python tests/scans/run.py BUILD [--nets N] [--seed S] [--certificates N]

Random small networks of one attention layer, random specifications (orders, repeats, sets of tokens seen, last seen, running maxima, depths, tables, random automata and combinations
of them). What `separable`, `count` and `cells` say must be what `enumerate` says; certificates must pass both checkers, and changed ones neither.
Ends with `N passed, N failed`.
"""
import argparse
import itertools
import math
import os
import random
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import recounted, seal                            # noqa: E402
from decided import decide, in_c, in_python, statuses, write  # noqa: E402
from nets import transformer                                  # noqa: E402
from tally import check, finish                               # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=60)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--only", default="", help="claims with this in their name")
a.add_argument("--certificates", type=int, default=12, help="networks whose certificates are attacked")
a = a.parse_args()
seen = {}


def table(rng, n, most):
    return "{%s}" % ", ".join(str(rng.randrange(most)) for _ in range(n))


def automaton(rng, v, states):
    return "fold({%s}, %d, t)" % (", ".join(table(rng, v, states) for _ in range(states)), rng.randrange(states))


def truth(rng, v, n, depth=1):
    """A condition on the tokens t[0..n-1] of 0..v-1."""
    c = rng.randrange(v)
    choices = [
        "distinct(t)", "distinct(t[0..%d])" % rng.randrange(1, n), "all{ t[i] %s t[i + 1] : i in 0..%d }" % (rng.choice(["<", "<=", "!="]), n - 2), "t[0] == t[last]",
        "(exists i in 1..%d : contains(t[0..i - 1], t[i]))" % (n - 1), "contains(t, %d)" % c, "(exists i in 0..%d : t[i] == %d)" % (n - 1, c), "t[%d] in {%d, %d}" % (rng.randrange(n), v, c),
        "all{ t[i] == t[%d - i] : i in 0..%d }" % (n - 1, n // 2 - 1), "all{ sum{ %s[t[j]] - 1 : j in 0..i } >= 0 : i in 0..%d }" % (table(rng, v, 3), n - 1),
        "%s == %d" % (automaton(rng, v, 3), rng.randrange(3)), "t[argmax(t)] > t[last]", "sort(t)[%d] == %d" % (rng.randrange(n), c), "not (%d in 0..t[0])" % c,
        "(contains(t, 0) and t[max{ i : i in 0..%d where t[i] == 0 }] == t[0])" % (n - 1), "sum(t) %% %d == 0" % rng.randrange(2, 4)]
    if depth == 0 or rng.random() < 0.6:
        return rng.choice(choices)
    return "(%s %s %s)" % (truth(rng, v, n, 0), rng.choice(["and", "or", "=>", "<=>"]), truth(rng, v, n, 0))


def integer(rng, v, n):
    """An integer of the tokens; small, or a token."""
    c = rng.randrange(v)
    i = rng.randrange(n)
    choices = [
        "(if distinct(t) then 0 else t[min{ i : i in 1..%d where exists j in 0..i - 1 : t[j] == t[i] }])" % (n - 1), "count{ t[i] == max(t[0..i]) : i in 0..%d }" % (n - 1),
        "(if contains(t, %d) then max{ i : i in 0..%d where t[i] == %d } else 0)" % (c, n - 1, c), "(if exists i in 0..%d : t[i] > %d then t[max{ i : i in 0..%d where t[i] > %d }] else 0)" % (n - 1, c, n - 1, c),
        "count{ t[i] == t[j] : i in 0..%d, j in 0..%d where j < i }" % (n - 1, n - 1), "sort(t)[%d]" % i, automaton(rng, v, 4), "max(t[0], t[last]) - min(t[%d], t[0])" % i, "argmin(t)",
        "sum(t) %% %d" % rng.randrange(2, 5), "%s[t[t[0] %% %d]]" % (table(rng, v, 3), n), "sum{ abs(t[i] - t[i + 1]) : i in 0..%d }" % (n - 2), "max(t)", "t[%d]" % i]
    if rng.random() < 0.2:
        return "(if %s then %s else %s)" % (truth(rng, v, n), rng.choice(choices), rng.choice(choices))
    return rng.choice(choices)


def image(rng, v, n):
    """An image set of sequences of n tokens of 0..v-1: copies, numbers, what is computed of the others, one place of several."""
    p = rng.choice(["", "p in 0..%d, " % (n - 2)])
    k, parts = rng.choice([n, n - 1, n - 1]), ["s"]
    while k + len(parts) - 1 < n:
        more = ["%d" % rng.randrange(v), "max(s)", "min(s)", "sum(s) %% %d" % v, "s[0]", "s[%d]" % (k - 1), "(if s[0] == %d then 0 else s[last])" % rng.randrange(v), "sort(s)[%d]" % rng.randrange(k)]
        parts.insert(rng.randrange(len(parts) + 1), "s[min(p, %d)]" % (k - 1) if p and rng.random() < 0.6 else rng.choice(more))
    whole = "seq(%s)" % ", ".join(parts) if len(parts) > 1 else rng.choice(["s", "s", "seq(s)", "seq(s[1..last], s[0])", "sort(s)"])
    condition = re.sub(r"\bt\b", "s", truth(rng, v, k)) if rng.random() < 0.7 else "s[min(p, %d)] == s[last]" % (k - 1) if p else ""
    return "t in { %s : %ss in tokens[%d] of 0..%d%s }" % (whole, p, k, v - 1, condition and " where " + condition)


def intervened(rng, v, n, d_model, positions, norm):
    """A model whose activations are changed in the same way on all sequences."""
    ln = ", ln = live" if norm else ""
    whole = ["embed", "head(0, 0)"] + ["pos_embed"] * positions
    rows = ["%s[%s]" % (x, rng.choice(["last", "0", "1..last"])) for x in whole]
    edges = ["edge(%s, %s)" % (rng.choice(whole[:1] + whole[2:]), x) for x in ("head(0, 0).q", "head(0, 0).k", "head(0, 0).v", "unembed")] + ["edge(head(0, 0), unembed)"]
    part = rng.choice(rows + edges + [x + "[%d]" % rng.randrange(n) for x in edges] + whole[2:])
    to = rng.choice(["zero", "value 1/2", "value {%s}" % ", ".join("%d/4" % rng.randrange(-3, 4) for _ in range(d_model)), "mean over tokens[%d] of 0..1" % n, "from {%s}" % ", ".join(str(rng.randrange(v)) for _ in range(n))])
    kind = rng.randrange(4)
    if kind == 0:
        return "steer(M, %s, onehot(%d, %d), %s%s)" % (part, rng.randrange(d_model), d_model, rng.choice(["1/2", "-2"]), ln)
    if kind == 1:
        return "patch(M, embed[0] = node(M, embed, {%d, 0})[0]%s)" % (rng.randrange(v), ln)
    inner = "M" if kind == 2 else "steer(M, embed[last], onehot(0, %d), 3/4%s)" % (d_model, ln)
    return "ablate(%s, drop = {%s}, to = %s%s)" % (inner, part, to, ln)


def claims_of(rng, v, n, d_out, one_head, norm, d_model, positions):
    r, where = rng.choice(["last", "0"]), "" if rng.random() < 0.6 else " where " + truth(rng, v, n)
    binds = "t in tokens[%d] of 0..%d%s" % (n, v - 1, where) if rng.random() < 0.6 else image(rng, v, n) + where
    one, two = rng.sample(range(d_out), 2)
    row, lead = "logits(M, t)[%s]" % r, "logits(M, t)[%s, %d] - logits(M, t)[%s, %d]" % (r, one, r, two)
    claims = [("right", "count %s : argmax(%s) == %s%s" % (binds, row, integer(rng, v, n), "" if one_head else " within 1")),
              ("if", "count %s : %s => argmax(%s) != %s%s" % (binds, truth(rng, v, n), row, integer(rng, v, n), "" if one_head else " within 1")),
              ("iff", "count %s : %s <=> argmax(%s) == %s%s" % (binds, truth(rng, v, n), row, integer(rng, v, n), "" if one_head else " within 1")),
              ("least", "minimize %s : if %s then %s else %s" % (binds, truth(rng, v, n), lead, rng.choice(["0", "-(%s)" % lead]))),
              ("all", "forall %s prove %s => %s < %d" % (binds, truth(rng, v, n), lead, rng.randint(1, 6)))]
    w = "blocks.0.attn.W_%s" % rng.choice("QKVO")
    changed = 'replace(M, "%s" = %s * W(M, "%s")%s)' % (w, rng.choice(["0", "1/2", "-1"]), w, ", ln = live" if norm else "")
    if rng.random() < 0.3:
        changed = "blend(M, %s, 1/4)" % changed
    claims.append(("changed", "count %s : argmax(logits(%s, t)[%s]) == %s%s" % (binds, changed, r, integer(rng, v, n), "" if one_head else " within 1")))
    claims.append(("changed_least", "minimize %s : logits(%s, t)[%s, %d] - logits(%s, t)[%s, %d]" % (binds, changed, r, one, changed, r, two)))
    for k in range(1):
        changed = intervened(rng, v, n, d_model, positions, norm)
        claims.append(("change%d" % k, "count %s : argmax(logits(%s, t)[%s]) == %s%s" % (binds, changed, r, integer(rng, v, n), "" if one_head else " within 1")))
        claims.append(("change%d_least" % k, "minimize %s : %slogits(%s, t)[%s, %d] - logits(%s, t)[%s, %d]" % (binds, "attn(%s, 0, 0, t)[%s, 0] + " % (changed, r) if rng.random() < 0.3 else "", changed, r, one, changed, r, two)))
    if one_head:
        claims += [("list", "list %s : %s and argmax(%s) == %s at most 5" % (binds, truth(rng, v, n), row, integer(rng, v, n))),
                   ("attends", "maximize %s : sum{ attn(M, 0, 0, t)[%s, i] : i in 0..%d where t[i] == %d } * %s" % (binds, r, n - 1, rng.randrange(v), "(if %s then 1 else 2)" % truth(rng, v, n)))]
    return claims


def decided(folder, net, claims, engine):
    return decide(a.build, folder, claims, "--engine", engine, "--certificates", folder + "/" + engine, "--timeout", "30", net=net)


def known(x):
    """What must be the same whichever engine decides."""
    if x["kind"] == "count":
        return x.get("number_lo"), x.get("number_hi"), x.get("total")
    return x["items"] if x["kind"] == "list" and x.get("items_complete") and x.get("items") else None


def meet(x, y):
    return not (x.get("lo") is not None and y.get("hi") is not None and (x["lo"] > y["hi"] or y["lo"] > x["hi"]))


def agrees(what, mine, theirs, text):
    kind = mine["verdict"] if mine["verdict"] != "undecided" else "too many cases" if "too many" in mine["reason"] else "undecided"
    seen[kind] = seen.get(kind, 0) + 1
    if theirs["verdict"] in ("error", "undecided"):
        return check(mine["verdict"] in ("error", "undecided"), "%s: %s, enumerate: %s\n  %s" % (what, mine["verdict"], theirs["reason"], text))
    if mine["verdict"] == "undecided":
        return check("did not accept" not in mine["reason"] or "too large" in mine["reason"], "%s: %s\n  %s" % (what, mine["reason"], text))
    good = mine["verdict"] == theirs["verdict"] and (what.startswith("cells") or mine["kind"] == "prove" or None in (known(mine), known(theirs)) or known(mine) == known(theirs)) and (mine["kind"] in ("prove", "list") or meet(mine, theirs))
    check(good, "%s: %s %s, enumerate says %s %s\n  %s" % (what, mine["verdict"], known(mine), theirs["verdict"], known(theirs), text))


def attack(folder, engine):
    for name in sorted(x for x in os.listdir(folder + "/" + engine) if x.endswith(".cert")):
        path = folder + "/" + engine + "/" + name
        text = open(path).read()
        status, output = in_python(path)
        check(status == 0, "the Python checker rejects %s of %s: %s" % (name, engine, output))
        number = re.search(r"^number (\d+) (\d+)$", text, re.M)
        if not number or "\nrule separable\n" not in text:
            continue
        for by in (-1, 1):
            if int(number.group(1)) + by >= 0:
                write(folder + "/" + engine + "/m.crt", recounted(text, by))
                check(statuses(a.build, folder + "/" + engine + "/m.crt") == (1, 1), "%s with the number changed passes a checker" % name)


# An image of sequences with what is true of all of it, and what is not; 2,2,2 is one of each.
IMAGES = [("{seq(s, max(s)) : s in tokens[2] of 0..2}", "t[2] >= t[0]", "t[2] > 0"), ("{seq(s, s[p]) : p in 0..1, s in tokens[2] of 0..2}", "contains(t[0..1], t[2])", "t[2] == t[0]"),
          ("{seq(s, s[p]) : p in 0..1, s in tokens[2] of 0..2}", "t[2] <= max(t[0], t[1])", "t[2] == t[1]"), ("{s : s in tokens[3] of 0..2 where s[0] == s[2]}", "t[2] == t[0]", "t[1] == t[0]"),
          ("{seq(s[0], 2, s[1]) : s in tokens(0..2, {2, 1})}", "t[1] == 2", "t[2] == 2"), ("{seq(s, sum(s) % 2 + 2) : s in tokens[2] of 1..2 where s[1] == 2}", "t[1] == 2", "t[2] == 2"),
          ("{seq(s, 2) : s in tokens[2] of 0..2 where not (s[0] == 1 and s[1] == 0)}", "(t[0] == 1 => t[1] > 0)", "(t[0] == 2 => t[1] == 0)")]


def sealed_proof(net, semantics, tokens, body, witness):
    return seal("weightproof-certificate 1\nstatement\n| weightproof-statement 1\n| model M %s\n| semantics %s\n| forall t in %s\n| prove %s\nverdict proved\nwitness t=%s\nrule separable\nend\n"
                % (net.sha256(), semantics, tokens, body, witness))


def judged(path, good, what, second=True):
    """Both checkers, or the one in C alone, accept or reject it for what it says."""
    for name, (status, output) in [("C", in_c(a.build, path))] + [("Python", in_python(path))] * second:
        check(status == (0 if good else 1) and "canonical" not in output and "missing" not in output, "%s: the checker in %s ends with %d: %s" % (what, name, status, output))


def forged():
    """Certificates that call proved what is false, or an error, on some sequence; and one of a true claim in the same words."""
    net = transformer(5, d_vocab=4, n_ctx=3, d_out=3)
    claims = ["all{ t[i] == 1 => contains({t[i], %s}, 1) : i in 0..0 }", "all{ t[i] == 1 => contains(seq(t[i], %s), 1) : i in 0..0 }", "all{ len({t[i], %s}) == 2 : i in 0..0 }",
              "all{ max({t[i], %s}[0..0]) >= 1 : i in 0..0 }", "all{ t[i] == t[i + 2] => not distinct({t[i], t[i + 2], %s}) : i in 0..0 }", "all{ max(%s, 1) >= 1 : i in 0..0 }",
              "all{ t[i] == 1 => t[i] in {t[i] + 4, t[i], %s} : i in 0..0 }", "all{ 0 * %s == 0 : i in 0..0 }", "all{ t[i] == 2 or %s > 0 : i in 0..0 }"]
    claims = [x % part for x in claims for part in ("t[t[i + 1]]", "{0, 1, 2}[t[i + 1]]", "max{ t[j] : j in i + 1..2 where t[j] == 1 }")]
    claims += ["all{ sort({t[i], t[i + 1], t[i + 2]})[1] %s t[i + 2] : i in 0..0 }" % x for x in ("<=", ">=")]
    claims = [("1..3", x) for x in claims] + [
        ("2..3", "t[if %s] == t[0]" % x.replace("C", str(2 ** 63 - 1)))
        for x in ("t[0] * C < t[1] * C then 1 else 0", "-(t[1] * C) < -C then 1 else 0", "max(t[0] * C, C) == C then 0 else 1", "t[0] * C - 9223372036854775802 < 6 then 0 else 1")]
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/m.net", net.text())
        claims = [(False, ("tokens[3] of " + tokens, body)) for tokens, body in claims]
        claims.append((True, ("tokens[3] of 1..2", "all{ t[i] == 1 => contains({t[i], t[t[i + 1]]}, 1) : i in 0..0 }")))
        for made, body, other in IMAGES:
            claims += [(True, (made, body)), (False, (made, other))]
        for good, (tokens, body) in claims:
            write(folder + "/m.crt", sealed_proof(net, "real", tokens, "logits(M, t)[last, 0] < 1000 and " + body.replace("{ ", "{").replace(" }", "}"), "2,2,2"))
            judged(folder + "/m.crt", good, "forged: " + body)


def changed():
    """Rows of the outputs themselves, which part columns that are equal in the network: what is then false is not proved. Executions of a changed network are not followed by the rule."""
    net = transformer(5, d_vocab=4, n_ctx=3, d_out=3)
    for name in ("unembed.W_U", "unembed.b_U"):
        shape, flat = net.tensors[name]
        net.tensors[name] = (shape, [x if i % 3 != 1 else flat[i - 1] for i, x in enumerate(flat)])
    pair = "logits(%s, t)[last, 0] >= logits(%s, t)[last, 1]"
    rows, fixed = 'patch(M, "logits"[2] = {0, 1, 0})', "ablate(M, drop = {pos_embed}, to = zero)"
    bound = "logits(%s, t)[last, 0] < 1000" % fixed
    z, values = [(name, len(net.run((0, 0, 0))[name][0])) for name, op, _ in net.nodes if op == "mix"][0], {}
    for patches in ((), ((z[0], 2, [8] * z[1]),)):          # what the head gives itself
        values[bool(patches)] = min(net.run(t, patches)["logits"][-1][0] for t in itertools.product(range(4), repeat=3))
    given = "logits(patch(M, \"%s\"[2] = {%s}), t)[last, 0] > %d" % (z[0], ", ".join("8" for _ in range(z[1])), math.floor(min(values.values())) - 1)
    check(values[True] < math.floor(values[False]) - 1, "changed: the head's rows make no difference: %s" % values)
    kept = given[:given.index(">")] + "> %d" % (math.floor(values[False]) - 1)
    moving = ["logits(%s, t)[last, 0] < 1000" % model for model in ("patch(M, embed[0] = node(M, embed, t)[1])", "ablate(M, drop = {embed[0]}, to = any over tokens[3] of 0..3)")]     # changes that are not the same on all sequences
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/m.net", net.text())
        for semantics, body, good, second in (("real", pair % ("M", "M"), True, True), ("real", pair % (fixed, fixed), True, False), ("real", pair % (rows, rows), False, True), ("real", bound, True, True),
                                              ("real", given, True, True), ("real", kept, False, True), ("float32", bound, False, False), ("real", moving[0], False, False), ("real", moving[1], False, False)):
            write(folder + "/m.crt", sealed_proof(net, semantics, "tokens[3] of 0..3", body, "0,0,0"))
            judged(folder + "/m.crt", good, "changed, %s: %s" % (semantics, body), second)


def too_many():
    """What the Python checker would never end with it refuses at once, with the number of bindings."""
    net = transformer(5, d_vocab=4, n_ctx=3, d_out=3)
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/m.net", net.text())
        text = sealed_proof(net, "real", "tokens[3] of 0..3, a in 0..%d" % (2 ** 26), "logits(M, t)[last, 0] < 1000 + a", "2,2,2 a=0")
        write(folder + "/m.crt", text)
        status, output = in_python(folder + "/m.crt", timeout=60)
        check(status == 1 and "would evaluate %d bindings" % (64 * (2 ** 26 + 1)) in output, "too many bindings: %d: %s" % (status, output))


def main():
    forged()
    too_many()
    changed()
    for k in range(a.nets):
        rng = random.Random(a.seed * 1000 + k)
        v, n, d_out = rng.choice([(3, 4), (4, 3), (2, 5), (5, 3), (3, 3)]) + (rng.choice([3, 4]),)
        heads = 1 if k % 4 else 2
        norm = ("ln1",) if rng.random() < 0.3 else ()
        positions = rng.random() < 0.7
        net = transformer(a.seed * 7001 + k, d_vocab=v, n_ctx=n, d_out=d_out, causal=rng.random() < 0.5, biases=rng.random() < 0.7, positions=positions, norm=norm,
                          heads=heads, mlp=None)
        with tempfile.TemporaryDirectory() as folder:
            claims = claims_of(rng, v, n, d_out, heads == 1, norm, 3, positions)
            claims = [x for x in claims if a.only in x[0]]
            theirs = decided(folder, net, claims, "enumerate")
            engine = "separable" if heads == 1 else "cells"
            mine = decided(folder, net, claims, engine)
            for name, text in claims:
                if mine and theirs:
                    agrees("%s %d, %s" % (engine, k, name), mine[name], theirs[name], text)
            if mine and k < a.certificates:
                attack(folder, engine)
    check(seen.get("bounded", 0) > a.nets and seen.get("undecided", 0) < 2 * a.nets, "few claims are followed: %s" % seen)
    print(seen)


main()
finish()
