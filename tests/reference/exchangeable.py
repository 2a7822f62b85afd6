"""Tokens that are exchangeable (FORMAT.md section 3, Exchangeable tokens): python tests/reference/exchangeable.py BUILD [--nets N]

Random networks some of whose tokens have equal rows: counts, optima, means and truths by least tokens, by all tokens, and by a plain evaluation here agree; both checkers accept the certificates.
Certificates of claims, networks and domains that tell such tokens apart, with the numbers that the least tokens would give, are rejected by both. Ends with `N passed, N failed`.
"""
import copy
import itertools
import os
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
import decided                                        # noqa: E402
import tally                                          # noqa: E402
from attacks import certificate                       # noqa: E402
from claims import seal                               # noqa: E402
from nets import transformer                          # noqa: E402
from orbits import Cases, answer_of, class_lines, decide, plain, stand_for    # noqa: E402
from tally import check                               # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
NETS = int(sys.argv[3]) if len(sys.argv) > 3 else 6
V, N = 6, 3
ALL = list(itertools.product(range(V), repeat=N))
LARGE, SMALL = (1, 4, 5), (0, 2)                       # tokens with equal rows; 3 is by itself


def equal_rows(net, *classes):
    shape, flat = net.tensors["embed.W_E"]
    m = shape[1]
    for tokens in classes:
        for v in tokens:
            flat[v * m:(v + 1) * m] = flat[tokens[0] * m:(tokens[0] + 1) * m]
    net.memo = {}
    return net


def make(seed, causal=True, **more):
    return equal_rows(transformer(seed, d_vocab=V, n_ctx=N, d_out=V, causal=causal, **more), LARGE, SMALL)


def kinds(seed):
    """(network, row that is read)"""
    k = seed % 6
    if k == 0:
        return make(seed, layers=2, heads=2, mlp="relu"), 2
    if k == 1:
        return make(seed, False, positions=False), 0
    if k == 2:
        return make(seed, mlp="gelu", norm=("ln1", "final")), 2
    if k == 3:
        return make(seed), 1
    if k == 4:
        net = make(seed, False, layers=2)
        net.pad = 3
        return net, 0
    net = make(seed, norm=("ln1",), heads=3)
    net.pad = 4                                        # so 1 and 5 are left
    return net, 2


def largest(row):
    best = max(row)
    return row.index(best) if sum(x == best for x in row) == 1 else -1


def numbers(net, r):
    """(name, kind, body, function of t, condition and its function): real numbers, or truths."""
    def logits(t, i=r):
        return net.run(t)["logits"][i]

    def pattern(t):
        return net.run(t)["blocks.0.attn.hook_pattern.0"][r]
    lead = "logits(M, t)[%d, 0] - logits(M, t)[%d][1]" % (r, r)
    table, twice = [5, 7, 5, 1, 7, 7], [[0, 1, 0, 2, 1, 1], [1, 2, 1, 0, 2, 2], [2, 2, 2, 1, 2, 2]]

    def leads(t):
        return logits(t)[0] - logits(t)[1]

    def folded(t):
        s = 0
        for v in t:
            s = twice[s][v]
        return s
    return [
        ("low", "minimize", lead, leads, None, None),
        ("high", "maximize", lead, leads, "t[0] != 0", lambda t: t[0] != 0),
        ("mean", "average", lead, leads, "t[1] in {1, 4, 5, 3}", lambda t: t[1] in (1, 4, 5, 3)),
        ("here", "count", "argmax(logits(M, t)[%d]) == t[last]" % r, lambda t: largest(logits(t)) == t[-1], None, None),
        ("largest", "count", "%s > 0 or max(t) < 3" % lead, lambda t: leads(t) > 0 or max(t) < 3, None, None),
        ("smallest", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "min(t[0..1]) <= 3", lambda t: min(t[:2]) <= 3),
        ("has", "count", "%s > 0 and contains(t, 3)" % lead, lambda t: leads(t) > 0 and 3 in t, None, None),
        ("counted", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "count{t[i] == 3 or t[i] % 2 == 7 : i in 0..2} <= 1", lambda t: t.count(3) <= 1),
        ("table", "average", "sum{{5, 7, 5, 1, 7, 7}[t[i]] * attn(M, 0, 0, t)[%d, i] : i in 0..2}" % r, lambda t: sum(table[t[i]] * pattern(t)[i] for i in range(N)), None, None),
        ("state", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "fold({{0, 1, 0, 2, 1, 1}, {1, 2, 1, 0, 2, 2}, {2, 2, 2, 1, 2, 2}}, 0, t) == 1", lambda t: folded(t) == 1),
        ("twins", "count", "t[0] == t[1] or %s > 0" % lead, lambda t: t[0] == t[1] or leads(t) > 0, None, None),
        ("copied", "minimize", "logits(M, seq(t[1], t[1], 3))[1, 0] + logits(M, t[1..last])[0, 1] + logits(M, {t[0], 5})[0, 0]",
         lambda t: net.run((t[1], t[1], 3))["logits"][1][0] + net.run(t[1:])["logits"][0][1] + net.run((t[0], 5))["logits"][0][0], "t[2] > 2", lambda t: t[2] > 2),
        ("rows", "average", "sum{logits(M, t)[i, 0] * i : i in 0..2}", lambda t: sum(logits(t, i)[0] * i for i in range(N)), "exists i in 0..2, v in 3..3 : t[i] == v", lambda t: 3 in t),
        ("variable", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "all{not contains(t[0..1], v) or t[i] == 3 : i in 2..2, v in {3}}", lambda t: 3 not in t[:2] or t[2] == 3),
    ]


REAL_ONLY = {"copied"}


def network(seed):
    net, r = kinds(seed)
    float32 = seed % 6 == 3
    claims = [c for c in numbers(net, r) if not (float32 and c[0] in REAL_ONLY)]
    low = plain(ALL, "minimize", claims[0][3], None)
    under, small = (" under float32", " within 1/100") if float32 else ("", " within 1e-8")
    lead = claims[0][2]
    live = ", ln = live" if net.eps else ""
    lines = ["claim %s { %s t in tokens[3] of 0..5%s : %s%s%s }" % (name, kind, " where " + where if where else "", body, "" if kind == "count" else small, under)
             for name, kind, body, f, where, c in claims]
    less = Fraction(low - 1 / 16).limit_denominator(64)
    lines += ["claim up { forall t in tokens(0..5, {5, 1, 2, 4}, {3, 0, 5, 4}) prove %s > %s%s }" % (lead, less, under),
              "claim none { prove exists t in tokens[3] of 0..5 where t[0] > 0 : %s < %s%s }" % (lead, less, under),
              "claim zero { count t in tokens[3] of 0..5 : logits(ablate(M, drop = {head(0, 0)}, to = zero%s), t)[%d, 0] > 0%s }" % (live, r, under),
              "claim steered { count t in tokens[3] of 0..5, a in 0..1 : logits(steer(M, embed[a], {1, a, -1}, 1/2%s), t)[%d, a] > 0%s }" % (live, r, under),
              "claim kept { count t in tokens[3] of 0..5 : logits(ablate(M, drop = {head(0, 0)}, to = value 1/2%s), t)[%d, 0] > 0%s }" % (", ln = frozen" if net.eps else "", r, under),
              "claim patched { count t in tokens[3] of 0..5, a in 0..1 : logits(patch(M, head(0, 0)[0] = {1, 1/2, 0}%s), t)[%d, a] > 0%s }" % (live, r, under)]
    if not float32:
        lines += ["claim averaged { count t in tokens[3] of 0..5 : logits(ablate(M, drop = {head(0, 0)[%d]}, to = mean over tokens[3] of {1, 3}%s), t)[%d, 0] > 0 }" % (r, live, r),
                  "claim moved { count t in tokens[3] of 0..5 : logits(ablate(M, drop = {head(0, 0)}, to = from {5, 3, 0}%s), t)[%d, 0] > logits(M, {4, 3, 2})[0, 1] }" % (live, r),
                  "claim other { count t in tokens[3] of 0..5 : logits(replace(M, \"unembed.W_U\" = 2 * W(M, \"unembed.W_U\")%s), t)[%d, 0] > 1/2 }" % (live, r)]
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/m.net", "w") as f:
            f.write(net.text())
        with open(folder + "/a.claims", "w") as f:
            f.write('claims 1\nmodel M = "m.net"\n' + "\n".join(lines) + "\n")
        every, found = decide(BUILD, folder, "--no-symmetry"), decide(BUILD, folder)
        for name in found:
            words = "net %d, %s: %r, all tokens %r" % (seed, name, answer_of(found[name]), answer_of(every[name]))
            same = answer_of(found[name])[0] == answer_of(every[name])[0] and found[name]["evidence"] == every[name]["evidence"] == "checked"
            check(same, words + " " + str(found[name]["reason"]))
            check("orbits" in found[name] and "orbits" not in every[name], words + ", orbits " + str(found[name].get("orbits")))
        for name, kind, body, f, where, c in claims:
            value, result = plain(ALL, kind, f, c), found[name]
            if kind == "count":
                good = int(result["number_lo"]) <= value[0] <= int(result["number_hi"]) and (float32 or result["number_lo"] == result["number_hi"]) and int(result["total"]) == value[1]
            else:
                good = result["lo"] - 1e-9 <= value <= result["hi"] + 1e-9
            check(good, "net %d, %s: %r, here %r" % (seed, name, answer_of(result), value))
        cases = Cases(BUILD, folder + "/c")
        for x in sorted(found):
            text = open(folder + "/c/%s.cert" % x, newline="").read()
            check("\nexchangeable " in text, "net %d, %s: no line exchangeable" % (seed, x))
            cases.add(text, True, "net %d, %s" % (seed, x))
        cases.ask()


# Certificates by hand. The numbers are those that the least tokens give.

EVERYWHERE = [((0, 1, 2), LARGE), ((0, 1, 2), SMALL)]


def lies():
    """(name, network, claim, verdict lines, other lines, accepted)"""
    one, none, deep = make(201), make(202, False, positions=False), make(203, layers=2, heads=2, mlp="relu", norm=("ln1",))
    near = copy.deepcopy(one)
    near.memo = {}
    near.tensors["embed.W_E"][1][4 * 3 + 2] += Fraction(1, 2 ** 48)
    double = copy.deepcopy(one)
    double.memo = {}
    double.tensors["embed.W_E"][1][5 * 3 + 1] *= 2
    padded = make(204)
    padded.pad = 4
    two = equal_rows(make(205), LARGE)                     # a second embedding, in which 5 is another
    two.tensors["other.W_E"] = copy.deepcopy(two.tensors["embed.W_E"])
    two.tensors["other.W_E"][1][5 * 3] += 1
    two.nodes = [(x, op, ["hook_embed", "hook_pos_embed", "other"] if op == "add" and x.endswith("resid_pre") else args) for x, op, args in two.nodes]
    two.nodes.insert(0, ("other", "embed", ["other.W_E"]))
    read = "logits(M, t)[2, 0] > logits(M, t)[2, 1]"

    def ahead(net):
        return lambda t: net.run(t)["logits"][2][0] > net.run(t)["logits"][2][1]

    def count(name, net, body, f, lines, good, where=None, c=None, binds="tokens[3] of 0..5", sets=[range(6)] * 3, alike=()):
        found = list(stand_for(sets, lines, alike))
        n = [sum(w for t, w in found if (c is None or c(t)) and f(t)), sum(w for t, w in found if c is None or c(t))]
        claim = "count t in %s%s : %s" % (binds, " where " + where if where else "", body)
        symmetric = "symmetric %s\n" % ",".join(map(str, alike)) if alike else ""
        return name, net, claim, "verdict bounded\nnumber %d %d\ntotal %d %d" % (n[0], n[0], n[1], n[1]), symmetric + class_lines(lines), good

    def where(name, text, c, good, lines=EVERYWHERE, net=one):
        return count(name, net, read, ahead(net), lines, good, text, c)

    def body(name, text, f, good, lines=EVERYWHERE, net=one):
        return count(name, net, text, f, lines, good)
    yield body("as it should be", read, ahead(one), True)
    yield body("two layers", read, ahead(deep), True, net=deep)
    yield body("fewer tokens", read, ahead(one), True, [((1,), (4, 5)), ((0, 2), (0, 2))])
    yield body("different classes at positions", read, ahead(one), True, [((0,), (1, 4)), ((1,), (4, 5)), ((2,), (1, 4, 5)), ((0, 2), (0, 2))])
    yield body("tokens of different rows", read, ahead(one), False, [((0, 1, 2), (1, 3))])
    yield body("tokens of two rows", read, ahead(one), False, [((0, 1, 2), (0, 1, 2, 4, 5))])
    yield body("one weight of a token is another in its last bit", read, ahead(near), False, net=near)
    yield body("one weight of a token is twice as large", read, ahead(double), False, net=double)
    yield body("without that token", read, ahead(near), True, [((0, 1, 2), (1, 5)), ((0, 1, 2), SMALL)], near)
    yield body("a token of padding", read, ahead(padded), False, net=padded)
    yield body("without the token of padding", read, ahead(padded), True, [((0, 1, 2), (1, 5)), ((0, 1, 2), SMALL)], padded)
    yield body("another embedding", read, ahead(two), False, net=two)
    yield body("without the token that it tells apart", read, ahead(two), True, [((0, 1, 2), (1, 4)), ((0, 1, 2), SMALL)], two)
    yield body("a token twice", read, ahead(one), False, [((0, 1, 2), LARGE), ((2,), (4, 5))])
    yield body("a position that the sequence has not", read, ahead(one), False, [((0, 1, 2, 3), LARGE)])
    yield count("a token that the network has not", one, read, ahead(one), [((0, 1, 2), (1, 4, 5, 6))], False)
    yield body("other positions", read, ahead(one), True, [((0, 1), LARGE)])
    yield body("the token that is read", read + " or t[1] == 4", lambda t: ahead(one)(t) or t[1] == 4, False)
    yield body("the least of a class", read + " or t[1] == 1", lambda t: ahead(one)(t) or t[1] == 1, False)
    yield body("that token has no class there", read + " or t[1] == 4", lambda t: ahead(one)(t) or t[1] == 4, True, [((0, 2), LARGE), ((1,), (1, 5)), ((1,), SMALL)])
    yield body("a token of no class", read + " or t[1] == 3", lambda t: ahead(one)(t) or t[1] == 3, True)
    yield body("an answer by a token", "argmax(logits(M, t)[2]) == t[2]", lambda t: largest(one.run(t)["logits"][2]) == t[2], False)
    yield body("an answer by a token without classes", "argmax(logits(M, t)[2]) == t[2]", lambda t: largest(one.run(t)["logits"][2]) == t[2], True, [((0, 1), LARGE), ((0, 1), SMALL)])
    yield body("an output by a token", "logits(M, t)[2, t[0]] > 0", lambda t: one.run(t)["logits"][2][t[0]] > 0, False)
    yield body("an answer that is the largest", "argmax(logits(M, t)[2]) == max(t)", lambda t: largest(one.run(t)["logits"][2]) == max(t), False)
    yield where("parity", "t[0] % 2 == 1", lambda t: t[0] % 2 == 1, False)
    yield where("parity of a class that has one", "t[0] % 2 == 1", lambda t: t[0] % 2 == 1, True, [((0, 1, 2), (1, 5)), ((0, 1, 2), SMALL)])
    yield where("a table", "{0, 1, 0, 0, 1, 1}[t[0]] == 1", lambda t: t[0] in LARGE, True)
    yield where("a table that tells apart", "{0, 1, 0, 0, 1, 2}[t[0]] == 1", lambda t: t[0] in (1, 4), False)
    yield where("a table that is too short for one", "t[0] == 5 or {0, 1, 0, 0, 1}[t[0]] == 1", lambda t: t[0] in LARGE, True)
    yield where("a set", "t[0] in {1, 4, 5}", lambda t: t[0] in LARGE, True)
    yield where("a set with some", "t[0] in {1, 4}", lambda t: t[0] in (1, 4), False)
    yield where("an order", "t[0] <= 3", lambda t: t[0] <= 3, False)
    yield where("two tokens", "t[0] == t[1]", lambda t: t[0] == t[1], False)
    yield where("two tokens without classes", "t[0] == t[1]", lambda t: t[0] == t[1], True, [((2,), LARGE)])
    yield where("all different", "distinct(t)", lambda t: len(set(t)) == 3, False)
    yield where("some of them different", "distinct(t[0..1])", lambda t: t[0] != t[1], True, [((2,), LARGE), ((2,), SMALL)])
    yield where("a sum", "sum(t) % 2 == 0", lambda t: sum(t) % 2 == 0, False)
    yield where("the largest between two of a class", "max(t) <= 3", lambda t: max(t) <= 3, False)
    yield where("the largest is one of no class, between two of one", "max(t) == 3", lambda t: max(t) == 3, False, [((0, 1, 2), LARGE)])
    yield where("the largest above all of a class", "max(t) <= 5", lambda t: True, True)
    yield where("the largest beside a class", "max(t) == 2 or max(t) == 0 or max(t) == 1", lambda t: max(t) <= 2, False, [((0, 1, 2), LARGE)])
    yield where("the largest of two classes", "max(t) < 3", lambda t: max(t) < 3, True, [((0, 1, 2), SMALL), ((0, 1, 2), (4, 5))])
    yield where("the largest at another position", "max(t[0..1]) < 3", lambda t: max(t[:2]) < 3, True, [((2,), LARGE), ((0, 1), (4, 5))])
    yield where("the smallest", "min(t) < 4", lambda t: min(t) < 4, True, [((0, 1, 2), (4, 5)), ((0, 1, 2), SMALL)])
    yield where("the smallest within a class", "min(t) < 5", lambda t: min(t) < 5, False, [((0, 1, 2), (4, 5))])
    yield where("how far the largest is from the smallest", "max(t) - min(t) == 0", lambda t: max(t) == min(t), False)
    yield where("the largest beside a token", "max(t) == t[0]", lambda t: max(t) == t[0], False)
    yield where("two extrema of other positions", "max(t[0..1]) == max(t[1..2])", lambda t: max(t[:2]) == max(t[1:]), False)
    yield where("contained", "contains(t, 3)", lambda t: 3 in t, True)
    yield where("one of a class contained", "contains(t, 4)", lambda t: 4 in t, False)
    yield where("contained, by a variable", "any{contains(t, v) : v in {3, 4}}", lambda t: 3 in t or 4 in t, False)
    yield where("a class contained, by a variable", "any{contains(t, v) : v in {1, 4, 5}}", lambda t: bool(set(t) & set(LARGE)), False)
    yield where("contained elsewhere", "contains(t[1..last], 4)", lambda t: 4 in t[1:], True, [((0,), LARGE), ((0, 1, 2), SMALL)])
    yield where("counted", "count{t[i] == 4 : i in 0..2} == 1", lambda t: t.count(4) == 1, False)
    yield where("counted as a class", "count{t[i] % 3 == 1 or t[i] == 5 : i in 0..2} == 1", lambda t: sum(x in LARGE for x in t) == 1, True)
    yield where("a token beside its index", "all{t[i] != i + 2 : i in 0..2}", lambda t: all(t[i] != i + 2 for i in range(3)), False)
    yield where("a token beside its index, told apart where it is", "all{t[i] != i + 2 : i in 0..2}", lambda t: all(t[i] != i + 2 for i in range(3)), True, [((0, 1), LARGE), ((1, 2), SMALL), ((2,), (1, 5))])
    yield where("a place in the sequence by a token", "t[t[0] % 3] == 3", lambda t: t[t[0] % 3] == 3, False)
    yield where("an order of tokens", "all{t[i] <= t[i + 1] : i in 0..1}", lambda t: t[0] <= t[1] <= t[2], False)
    yield where("the place of the largest", "argmax(t) == 0", lambda t: t.index(max(t)) == 0, False)
    yield where("a sequence", "t != {1, 1, 3}", lambda t: t != (1, 1, 3), False)
    yield where("in order", "sort(t)[0] == 1", lambda t: min(t) == 1, False)
    twice = "fold({{0, 1, 0, 0, 1, 1}, {1, 0, 1, 0, 0, 0}}, 0, t) == 1"
    yield where("a state", twice, lambda t: sum((x in LARGE) * (1 + 0 * x) for x in t[max([-1] + [i for i in range(3) if t[i] == 3]) + 1:]) % 2 == 1, True)
    yield where("a state that tells apart", twice.replace("0, 1, 1}", "0, 1, 0}"), lambda t: False, False)
    yield where("a state that tells apart at another position", "fold({{0, 1, 0, 0, 1, 0}, {1, 0, 1, 0, 0, 1}}, 0, t[0..1]) == 0", lambda t: [1, 0][sum(x in (1, 4) for x in t[max([-1] + [i for i in range(2) if t[i] == 3]) + 1:2]) % 2] == 1, True, [((2,), LARGE), ((0, 1), (1, 4))])
    yield where("a function that has no value for one", "1 / (t[0] - 5) != 7", lambda t: True, False)
    yield where("an error that is not looked at", "t[0] in {1, 4, 5} or 1 / (t[0] - 5) != 7", lambda t: True, True)
    yield where("values that are no exact numbers", "exp(t[0]) > 3", lambda t: t[0] > 1, False)
    yield where("of a table, no exact numbers", "exp({0, 2, 0, 0, 2, 2}[t[0]]) > 3", lambda t: t[0] in LARGE, True)
    for name, text, good in (("a run on other tokens", "{t[0], t[0], 3}", True), ("a run on some of them", "t[1..2]", True), ("a run on a changed token", "{5 - t[0], 1}", False),
                             ("a run on sorted tokens", "sort(t)", False), ("a run on tokens by a table", "{{2, 1, 2, 0, 1, 1}[t[0]], 3}", True)):
        yield name, one, "count t in tokens[3] of 0..5 : logits(M, %s)[0, 0] > -1000" % text, "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines(EVERYWHERE), good
    for name, model, good in (("a row of the embedding", "patch(M, embed[1] = {1, 1, 1})", True), ("a row by a token", "patch(M, embed[1] = {t[0], 1, 1})", False), ("a mean", "ablate(M, drop = {embed[1]}, to = mean over tokens[3] of {1, 3})", True),
                              ("another embedding of one", 'replace(M, "embed.W_E" = {{0, 0, 0}, {1, 0, 0}, {0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 1}})', False),
                              ("an embedding with equal rows", 'replace(M, "embed.W_E" = {{0, 0, 0}, {1, 0, 0}, {0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0}})', True),
                              ("the other sequence is the sequence", "ablate(M, drop = {head(0, 0)}, to = from t)", False), ("another sequence", "ablate(M, drop = {head(0, 0)}, to = from {4, 5, 1})", True)):
        yield name, one, "count t in tokens[3] of 0..5 : logits(%s, t)[0, 0] > -1000" % model, "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines(EVERYWHERE), good
    table = "{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 1, 0}, {1, 0, 1}, {1, 0, 2}}"
    for word, good in (("live", True), ("frozen", False)):
        yield ("equal rows, norms are %s" % word, deep, 'count t in tokens[3] of 0..5 : logits(replace(M, "embed.W_E" = %s%s), t)[0, 0] > -1000' % (table, ", ln = frozen" if word == "frozen" else ""),
               "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines([((0, 1, 2), (2, 3))]), good)
    yield "frozen norms", deep, "count t in tokens[3] of 0..5 : logits(ablate(M, drop = {mlp(0)}, to = zero, ln = frozen), t)[0, 0] > -1000", "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines(EVERYWHERE), True
    yield body("rows made equal by another embedding", 'logits(replace(M, "embed.W_E" = {{0, 0, 0}, {1, 0, 0}, {0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0}}), t)[2, 0] > logits(M, t)[2, 0] - 1000', lambda t: True, False, [((0, 1, 2), (2, 3))])
    yield count("a set has one of them", one, read, ahead(one), EVERYWHERE, True, binds="tokens(0..5, {5, 3, 4}, 2..4)", sets=[range(6), (3, 4, 5), (2, 3, 4)])
    yield count("members counted that are not in the set", one, read, ahead(one), [((0, 1, 2), LARGE)], False, binds="tokens(0..5, 0..4, 0..5)")
    both = [((0, 1, 2), LARGE), ((1, 2), SMALL)]
    yield count("with positions", none, "logits(M, t)[0, 0] > logits(M, t)[0, 1]", lambda t: none.run(t)["logits"][0][0] > none.run(t)["logits"][0][1], both, True, alike=(1, 2))
    yield count("positions of different classes", none, "logits(M, t)[0, 0] > logits(M, t)[0, 1]", lambda t: none.run(t)["logits"][0][0] > none.run(t)["logits"][0][1], [((0, 1), LARGE)], False, alike=(1, 2))
    yield "a list", one, "list t in tokens[3] of {0} : logits(M, t)[0, 0] > -1000", "verdict bounded\nitem t=0,0,0\ncomplete yes", class_lines(EVERYWHERE), False
    yield "without a sequence", one, "count a in 0..2 : logits(M, {a, a})[0, 0] > -1000", "verdict bounded\nnumber 3 3\ntotal 3 3", class_lines(EVERYWHERE), False
    yield "an image", one, "count t in {s : s in tokens[3] of 0..5} : logits(M, t)[0, 0] > -1000", "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines(EVERYWHERE), False
    yield "proved", one, "forall t in tokens[3] of 0..5\nprove logits(M, t)[0, 0] > -1000", "verdict proved\nwitness t=5,0,1", class_lines(EVERYWHERE), True
    yield "not so for a token that is left out", one, "forall t in tokens[3] of 0..5\nprove t[0] != 5 or logits(M, t)[0, 0] > 1000", "verdict proved\nwitness t=1,0,1", class_lines(EVERYWHERE), False
    yield "refuted", one, "prove exists t in tokens[3] of 0..5 : logits(M, t)[0, 0] < -1000", "verdict refuted", class_lines(EVERYWHERE), True
    yield "refuted, but for a token that is left out", one, "prove exists t in tokens[3] of 0..5 : t[1] == 5 and logits(M, t)[0, 0] > -1000", "verdict refuted", class_lines(EVERYWHERE), False
    yield "not exists", one, "prove all{logits(M, t)[0, 0] < -1000 : t in tokens[3] of 0..5}", "verdict refuted", class_lines(EVERYWHERE), False
    yield "vacuous", one, "forall t in tokens[3] of 0..5 where t[0] == 7\nprove logits(M, t)[0, 0] > -1000", "verdict vacuous", class_lines(EVERYWHERE), True
    yield "vacuous but for a token that is left out", one, "forall t in tokens[3] of 0..5 where t[0] == 4\nprove logits(M, t)[0, 0] > -1000", "verdict vacuous", class_lines(EVERYWHERE), False
    low = min(one.run(t)["logits"][2][0] for t in ALL)
    at = next(t for t in ALL if one.run(t)["logits"][2][0] == low)
    ends = Fraction(low).limit_denominator(10 ** 9) - Fraction(1, 10 ** 8), Fraction(low).limit_denominator(10 ** 9) + Fraction(1, 10 ** 8)
    yield "smallest", one, "minimize t in tokens[3] of 0..5 : logits(M, t)[2, 0]", "verdict bounded\nvalue %s %s\nattains t=%s" % (*ends, ",".join(map(str, at))), class_lines(EVERYWHERE), True
    yield "smallest, by a token", one, "minimize t in tokens[3] of 0..5 : if t[0] == 5 then -1000 else logits(M, t)[2, 0]", "verdict bounded\nvalue %s %s\nattains t=%s" % (*ends, ",".join(map(str, at)).replace("5", "1")), class_lines(EVERYWHERE), False


def malformed():
    """Lines that are none, in place of the right ones."""
    good = class_lines(EVERYWHERE)
    for text in ("exchangeable 0,1,2 1\n", "exchangeable 0,1,2\n", "exchangeable 1,0,2 1,4,5\n", "exchangeable 0,1,2 4,1,5\n", "exchangeable 0,1,2 1,4,4,5\n", "exchangeable 0,1,2 1,4,5,\n", "exchangeable  1,4,5\n", "exchangeable 0,1,2 1,4,5 \n",
                 "exchangeable 0,1,2 1,4,5 0\n", "exchangeable 0,1,2 01,4,5\n", "exchangeable 0,1,2 -1,4,5\n", "exchangeable 0,1,02 1,4,5\n", good + good, good + "symmetric 0,1\n"):
        yield text


def float32_lies(net):
    """Two runs on sequences that are alike are two executions, on one sequence they are one."""
    def all_of(name, body, good):
        return name, net, "count t in tokens[3] of 0..5 : " + body, "verdict bounded\nnumber 216 216\ntotal 216 216", class_lines(EVERYWHERE), good
    yield all_of("one execution", "logits(M, t)[2, 0] == logits(M, t)[2, 0]", True)
    yield all_of("two executions for a token that is left out", "logits(M, t)[2, 0] == logits(M, {{0, 1, 0, 3, 1, 1}[t[0]], t[1], t[2]})[2, 0]", False)
    yield all_of("a sequence of its own", "logits(M, t)[2, 0] > logits(M, {1, 1, 1})[2, 0] - 1000", False)
    yield all_of("a run on another sequence", "logits(ablate(M, drop = {head(0, 0)}, to = from {1, 1, 1}), t)[2, 0] > -1000", False)
    yield all_of("a value", "logits(ablate(M, drop = {head(0, 0)}, to = value 1/2), t)[2, 0] > -1000", True)


def attack():
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(BUILD, folder)
        for name, net, claim, lines, more, good, semantics in [x + ("real",) for x in lies()] + [x + ("float32",) for x in float32_lies(make(206))]:
            with open(folder + "/" + net.sha256() + ".net", "w") as f:
                f.write(net.text())
            text = certificate(claim, lines, "enumerate\n" + more.rstrip("\n"), net, semantics)
            cases.add(text, good, name)
            if good and claim.startswith("count"):
                cases.add(seal(re.sub(r"number (\d+) (\d+)", lambda m: "number %d %d" % (int(m.group(1)) - 1, int(m.group(2)) - 1), text[:text.rindex("sha256 ")])), False, name + ", one less")
            if name == "as it should be":
                for other in malformed():
                    cases.add(seal(text.replace(more, other)[:text.replace(more, other).rindex("sha256 ")]), False, "malformed: " + other)
        cases.ask()


def few_orbits():
    """Fewer than ten orbits of positions, and a condition that tells the tokens apart: no class is left, and none is worth it."""
    net = transformer(7040, d_vocab=2, n_ctx=3, causal=False, positions=False)
    shape, flat = net.tensors["embed.W_E"]
    net.tensors["embed.W_E"] = shape, flat[:shape[1]] * 2
    with tempfile.TemporaryDirectory() as folder:
        decided.write(folder + "/m.net", net.text())
        decided.write_claims(folder, ["count t in tokens[3] of 0..1 where sum(t) >= 1 : logits(M, t)[last, 0] > -1000"])
        found = decide(BUILD, folder)
        check(found and found["c0"]["number_lo"] == "7" and found["c0"]["evidence"] == "checked", "few orbits: %s" % found)


for k in range(NETS):
    network(k)
few_orbits()
attack()
tally.finish()
