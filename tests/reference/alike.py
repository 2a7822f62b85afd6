"""Positions that are alike (FORMAT.md section 3, Symmetric positions): python tests/reference/alike.py BUILD [--nets N]

Random networks whose positions have equal rows, with and without a causal mask: counts, optima, means and truths with the symmetry, without it, and by a plain evaluation here agree; both checkers
accept the certificates. Certificates of claims, networks and domains that tell positions apart, with the numbers that the orbits would give, are rejected by both. Ends with `N passed, N failed`.
"""
import copy
import itertools
import math
import os
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
import tally                                          # noqa: E402
from attacks import certificate                       # noqa: E402
from claims import seal                               # noqa: E402
from nets import transformer                          # noqa: E402
from orbits import Cases, answer_of, decide, plain    # noqa: E402
from tally import check                               # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
NETS = int(sys.argv[3]) if len(sys.argv) > 3 else 7
V, N = 3, 4
ALL = list(itertools.product(range(V), repeat=N))


def make(seed, causal, alike=None, **more):
    """A network of N positions; alike: those with the rows of the first of them (None: there are no positions)."""
    net = transformer(seed, d_vocab=V, n_ctx=N, d_out=V, causal=causal, positions=alike is not None, **more)
    if alike:
        rows(net, alike)
    return net


def rows(net, alike):
    shape, flat = net.tensors["pos_embed.W_pos"]
    m = shape[1]
    for i in alike:
        flat[i * m:(i + 1) * m] = flat[alike[0] * m:(alike[0] + 1) * m]


def kinds(seed):
    """(network, row that is read, positions that are alike for it)"""
    k = seed % 7
    if k == 0:
        return make(seed, False, layers=2, heads=2, mlp="relu"), 0, [1, 2, 3]
    if k == 1:
        return make(seed, True), 3, [0, 1, 2]
    if k == 2:
        return make(seed, False, [0, 1, 3], mlp="gelu", norm=("ln1", "final")), 2, [0, 1, 3]
    if k == 3:
        return make(seed, True, [0, 1], heads=2, mlp="relu"), 2, [0, 1]
    if k == 4:
        net = make(seed, False, layers=2)
        net.pad = 0
        return net, 1, [0, 2, 3]
    if k == 5:
        return make(seed, True, [1, 2], heads=3, norm=("ln1",)), 3, [1, 2]
    return make(seed, False, [0, 1, 2, 3], layers=3, heads=1), 3, [0, 1, 2]


def largest(row):
    best = max(row)
    return row.index(best) if sum(x == best for x in row) == 1 else -1


def numbers(net, r, alike):
    """(name, kind, body, function of t, the condition and its function): real numbers, or truths."""
    def logits(t, i=r):
        return net.run(t)["logits"][i]

    def pattern(t):
        return net.run(t)["blocks.0.attn.hook_pattern.0"][r]
    first, last = alike[0], alike[-1]
    inside = "%d..%d" % (first, last) if alike == list(range(first, last + 1)) else "{%s}" % ", ".join(map(str, alike))
    lead = "logits(M, t)[%d, 0] - logits(M, t)[%d][1]" % (r, r)

    def leads(t):
        return logits(t)[0] - logits(t)[1]
    found = [
        ("low", "minimize", lead, leads, None, None),
        ("high", "maximize", lead, leads, "t[%d] != 0" % r, lambda t: t[r] != 0),
        ("mean", "average", lead, leads, "sum(t) != 3", lambda t: sum(t) != 3),
        ("max", "count", "argmax(logits(M, t)[%d]) == max(t)" % r, lambda t: largest(logits(t)) == max(t), None, None),
        ("sum", "count", "argmax(logits(M, t)[%d]) != sum(t) %% 3" % r, lambda t: largest(logits(t)) != sum(t) % 3, "contains(t, 1)", lambda t: 1 in t),
        ("two", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "count{t[i] == 1 : i in %s} >= 1" % inside, lambda t: any(t[i] == 1 for i in alike)),
        ("all", "count", "%s > 0" % lead, lambda t: leads(t) > 0, "all{t[i] <= t[%d] or t[i] == 2 : i in 0..3}" % r, lambda t: all(x <= t[r] or x == 2 for x in t)),
        ("attended", "average", "sum{t[i] * attn(M, 0, 0, t)[%d, i] : i in %s}" % (r, inside), lambda t: sum(t[i] * pattern(t)[i] for i in alike), None, None),
        ("sorted", "count", "logits(M, t)[%d, sort(t)[last]] > logits(M, t)[%d, min(t)] + 1/64" % (r, r), lambda t: logits(t)[max(t)] > logits(t)[min(t)] + 1 / 64,
         "not distinct(t) and not (exists i in 0..3 : t[i] == 2 and t[i] == min(t))", lambda t: min(t) != 2),
    ]
    if not net.causal:
        found.append(("rows", "average", "sum{logits(M, t)[i, 0] * t[i] : i in 0..3}", lambda t: sum(logits(t, i)[0] * t[i] for i in range(N)), None, None))
    return found


def network(seed):
    net, r, alike = kinds(seed)
    float32 = seed % 7 in (1, 3)      # deeper, executions differ by more than some gaps
    claims = numbers(net, r, alike)
    low = plain(ALL, "minimize", claims[0][3], None)
    under, small = (" under float32", " within 1/100") if float32 else ("", " within 1e-8")
    lead = claims[0][2]
    lines = ["claim %s { %s t in tokens[4] of 0..2%s : %s%s%s }" % (name, kind, " where " + where if where else "", body, "" if kind == "count" else small, under)
             for name, kind, body, f, where, c in claims]
    lines += ["claim up { forall t in tokens(0..2, {2, 0, 1}, 0..2, 0..2) prove %s > %s%s }" % (lead, Fraction(low - 1 / 16).limit_denominator(64), under),
              "claim none { prove exists t in tokens[4] of 0..2 where max(t) > 0 : %s < %s%s }" % (lead, Fraction(low - 1 / 16).limit_denominator(64), under),
              "claim zero { count t in tokens[4] of 0..2 : logits(ablate(M, drop = {head(0, 0)}, to = zero%s), t)[%d, 0] > 0 }" % (", ln = live" if net.eps else "", r),
              "claim patched { count t in tokens[4] of 0..2 : logits(patch(M, head(0, 0)[%d] = {1, 1/2, 0}%s), t)[%d, 0] > 0%s }" % (r, ", ln = live" if net.eps else "", r, under),
              "claim kept { count t in tokens[4] of 0..2 : logits(ablate(M, drop = {head(0, 0)}, to = value 1/2%s), t)[%d, 0] > 0%s }" % (", ln = frozen" if net.eps else "", r, under),
              "claim beside { count t in tokens[4] of 0..2, a in 0..1 : logits(steer(M, embed, {1, a, -1}, 1/2%s), t)[%d, a] > 0 }" % (", ln = live" if net.eps else "", r)]
    if not float32:
        lines += ["claim averaged { average t in tokens[4] of 0..2 : logits(ablate(M, drop = {head(0, 0)[%d], embed[%d..%d]}, to = mean over tokens(0..2, 0..1, 1..2, 0..2)%s), t)[%d, 0] within 1e-8 }"
                  % (r, r, r, ", ln = live" if net.eps else "", r)]
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/m.net", "w") as f:
            f.write(net.text())
        with open(folder + "/a.claims", "w") as f:
            f.write('claims 1\nmodel M = "m.net"\n' + "\n".join(lines) + "\n")
        every, found = decide(BUILD, folder, "--no-symmetry"), decide(BUILD, folder)
        for name in found:
            words = "net %d, %s: %r, without symmetry %r" % (seed, name, answer_of(found[name]), answer_of(every[name]))
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
        for x in sorted(found)[seed % 2::2]:          # the C checker has accepted all of them
            cases.add(open(folder + "/c/%s.cert" % x, newline="").read(), True, "net %d, %s" % (seed, x))
        changed(cases, open(folder + "/c/max.cert", newline="").read(), r, alike, seed)
        for name in ("mean", "attended"):
            shifted(cases, open(folder + "/c/%s.cert" % name, newline="").read(), "net %d, %s" % (seed, name))
        cases.ask()


def changed(cases, good, r, alike, seed):
    """The certificate with another line `symmetric`, or another number."""
    good = good[:good.rindex("sha256 ")]
    line = "symmetric %s\n" % ",".join(map(str, alike))
    check(good.count(line) == 1, "net %d: no line %s" % (seed, line))
    for text in (",".join(map(str, sorted(alike + [r]))), ",".join(map(str, reversed(alike))), str(alike[0]), "0,0," + str(alike[-1]), ",".join(map(str, alike + [N])), "0,1,", "-1,0,1", "01,2", "0 1"):
        cases.add(seal(good.replace(line, "symmetric %s\n" % text)), False, "net %d: symmetric %s for %s" % (seed, text, line))
    cases.add(seal(re.sub(r"^number (\d+) (\d+)$", lambda m: "number %d %d" % (int(m.group(1)) + 1, int(m.group(2)) + 1), good, flags=re.M)), False, "net %d: one more" % seed)
    if len(alike) > 2:
        cases.add(seal(good.replace(line, "symmetric %s\n" % ",".join(map(str, alike[1:])))), True, "net %d: fewer positions are symmetric as well" % seed)


def shifted(cases, good, what):
    """An average's interval beside itself."""
    good = good[:good.rindex("sha256 ")]
    lo, hi = [Fraction(x) for x in re.search(r"^value (\S+) (\S+)$", good, re.M).groups()]
    for by in (hi - lo, lo - hi):
        cases.add(seal(re.sub(r"^value .*$", "value %s %s" % (lo + by, hi + by), good, flags=re.M)), False, "%s: the interval moved by %g" % (what, by))


# Claims that tell positions apart, each with whether one of the networks below makes it so, too. The numbers are those of the orbits.

def orbits(positions, domain):
    for t in domain:
        tokens = [t[i] for i in positions]
        if tokens == sorted(tokens):
            yield t, math.factorial(len(tokens)) // math.prod(math.factorial(tokens.count(a)) for a in set(tokens))


def lies():
    """(name, network, claim, verdict lines, positions, accepted)"""
    two = make(100, False, layers=2, heads=2, mlp="relu")
    one = make(101, True)
    deep = make(102, True, layers=2)
    equal = make(103, False, [1, 2, 3])
    near = copy.deepcopy(equal)
    near.memo = {}
    near.tensors["pos_embed.W_pos"][1][3 * 3 + 2] += Fraction(1, 2 ** 48)
    normed = make(104, False, norm=("ln1",))
    read = "logits(M, t)[0, 0] > logits(M, t)[0, 1]"

    def count(name, net, body, f, positions, good, where=None, c=None, binds="tokens[4] of 0..2", domain=ALL):
        n = [sum(w for t, w in orbits(positions, domain) if (c is None or c(t)) and f(t)), sum(w for t, w in orbits(positions, domain) if c is None or c(t))]
        claim = "count t in %s%s : %s" % (binds, " where " + where if where else "", body)
        return name, net, claim, "verdict bounded\nnumber %d %d\ntotal %d %d" % (n[0], n[0], n[1], n[1]), positions, good

    def ahead(net, i=0):
        return lambda t: net.run(t[:N])["logits"][i][0] > net.run(t[:N])["logits"][i][1]
    S = [1, 2, 3]
    yield count("as it should be", two, read, ahead(two), S, True)
    yield count("the row that is read is one of the positions", two, read, ahead(two), [0, 1, 2, 3], False)
    yield count("one weight of a position is another in its last bit", near, read, ahead(near), S, False)
    yield count("and equal", equal, read, ahead(equal), S, True)
    yield count("two positions with equal rows of three", near, read, ahead(near), [1, 2], True)
    yield count("a token by its position", two, read + " or t[1] == 0", lambda t: ahead(two)(t) or t[1] == 0, S, False)
    yield count("a token by its position, in the condition", two, read, ahead(two), S, False, "t[last] == 0", lambda t: t[3] == 0)
    yield count("a token by its position that is left out", two, read, ahead(two), [1, 2], True, "t[last] == 0", lambda t: t[3] == 0)
    yield count("a token by its computed position", two, read, ahead(two), S, False, "t[4 - 2] == 0", lambda t: t[2] == 0)
    yield count("a slice with some of them", two, read, ahead(two), S, False, "max(t[1..2]) == 2", lambda t: max(t[1:3]) == 2)
    yield count("a slice with all of them", two, read, ahead(two), S, True, "max(t[1..last]) == 2", lambda t: max(t[1:]) == 2)
    yield count("the place of the largest", two, read, ahead(two), S, False, "argmax(t) == 1", lambda t: t.index(max(t)) == 1)
    yield count("one sequence", two, read, ahead(two), S, False, "t != seq(0, 0, 1, 2)", lambda t: t != (0, 0, 1, 2))
    yield count("a state that the order moves", two, read, ahead(two), S, False, "fold({{0, 1, 1}, {1, 0, 1}}, 0, t) == 1", lambda t: False)
    yield count("an index beside the token", two, read, ahead(two), S, False, "all{t[i] >= i - 1 : i in 0..3}", lambda t: all(x >= i - 1 for i, x in enumerate(t)))
    yield count("a variable for some of them", two, read, ahead(two), S, False, "any{t[i] == 0 : i in 0..2}", lambda t: 0 in t[:3])
    yield count("a variable for none of them", two, read, ahead(two), [2, 3], True, "any{t[i] == 0 : i in 0..1}", lambda t: 0 in t[:2])
    yield count("an order of tokens", two, read, ahead(two), S, False, "all{t[i] <= t[i + 1] : i in 1..2}", lambda t: t[1] <= t[2] <= t[3])
    yield count("two variables", two, read, ahead(two), S, False, "all{t[i] <= t[j] : i in 0..3, j in i..3}", lambda t: all(t[i] <= t[j] for i in range(4) for j in range(i, 4)))
    yield count("two variables of their own", two, read, ahead(two), S, True, "all{t[i] <= t[j] + 1 : i in 0..3, j in 0..3}", lambda t: max(t) <= min(t) + 1)
    yield count("an error that the order hides", two, read, ahead(two), S, False, "any{t[i] == 2 or 1 / (t[i] - 1) > 0 : i in 1..3}", lambda t: True)
    yield count("an error that the nondecreasing order hides", two, read, ahead(two), S, False, "min(t[1..3]) == 0 and any{t[i] == 0 or 1 / (t[i] - 2) > 0 : i in 1..3}", lambda t: min(t[1:]) == 0)
    yield count("all of them, in their order", two, read, ahead(two), S, False, "t[1..3] == {0, 1, 2}", lambda t: t[1:] == (0, 1, 2))
    yield count("attention to one of them", two, "attn(M, 0, 0, t)[0, 1] > 9/32", lambda t: two.run(t)["blocks.0.attn.hook_pattern.0"][0][1] > 9 / 32, S, False)
    yield count("attention to itself", two, "attn(M, 0, 0, t)[0, 0] > 9/32", lambda t: two.run(t)["blocks.0.attn.hook_pattern.0"][0][0] > 9 / 32, S, True)
    yield count("attention to the largest, wherever it stands", two, "argmax(attn(M, 0, 0, t)[0]) == 1", lambda t: largest(two.run(t)["blocks.0.attn.hook_pattern.0"][0]) == 1, S, False)
    yield count("a node of attention by its name", two, 'node(M, "blocks.1.attn.hook_pattern.1", t)[0, 2] > 9/32', lambda t: two.run(t)["blocks.1.attn.hook_pattern.1"][0][2] > 9 / 32, S, False)
    yield count("rows of a moved position", two, "sum{logits(M, t)[i, 0] : i in 0..2} > 0", lambda t: sum(x[0] for x in two.run(t)["logits"][:3]) > 0, S, False)
    yield count("rows of all of them", two, "sum{logits(M, t)[i, 0] : i in 0..3} > 0", lambda t: sum(x[0] for x in two.run(t)["logits"]) > 0, [0, 1, 2, 3], True)
    yield count("a run on another sequence", two, "logits(M, seq(t[0], t[2]))[0, 0] > 0", lambda t: two.run((t[0], t[2]))["logits"][0][0] > 0, S, False)
    yield count("one layer under a causal mask", one, read.replace("[0,", "[3,"), ahead(one, 3), [0, 1, 2], True)
    yield count("a row before the last of them", one, read.replace("[0,", "[1,"), ahead(one, 1), [0, 2], False)
    yield count("all rows under a causal mask", one, "sum{logits(M, t)[i, 0] : i in 0..2} > 0", lambda t: sum(x[0] for x in one.run(t)["logits"][:3]) > 0, [0, 1, 2], False)
    yield count("a variable row before the last of them", one, "sum{logits(M, t)[i, 0] : i in {1}} > 0", lambda t: one.run(t)["logits"][1][0] > 0, [0, 2], False)
    yield count("a row before all of them", one, read, ahead(one), S, True)
    yield count("two layers under a causal mask", deep, read.replace("[0,", "[3,"), ahead(deep, 3), [0, 1, 2], False)
    yield count("a set of one position is another", two, read, ahead(two), S, False, binds="tokens(0..2, 0..2, 0..1, 0..2)", domain=[t for t in ALL if t[2] < 2])
    yield count("a set of one position is smaller", two, read, ahead(two), S, False, binds="tokens(0..2, 0..1, 0..2, 0..2)", domain=[t for t in ALL if t[1] < 2])
    yield count("a position that the sequence has not", two, read, ahead(two), S + [4], False, domain=[t + (2,) for t in ALL])
    yield ("another variable behind the sequence", two, "count t in tokens[4] of 0..2, a in 0..1 : logits(M, t)[0, a] > -1000", "verdict bounded\nnumber 162 162\ntotal 162 162", S, True)
    tie = "logits(M, t)[0, 0] >= logits(M, t)[1, 0]"      # not settled for t[0] == t[1]: 27 sequences, of which 18 are met
    apart = sum(two.run(t)["logits"][0][0] > two.run(t)["logits"][1][0] for t in ALL if t[0] != t[1])
    for more, good in ((27, True), (18, False)):
        yield ("what is not settled, %d" % more, two, "count t in tokens[4] of 0..2 : %s\nwithin 1" % tie, "verdict bounded\nnumber %d %d\ntotal 81 81" % (apart, apart + more), [2, 3], good)
        yield ("a condition that is not settled, %d" % more, two, "count t in tokens[4] of 0..2 where %s : t[0] < 0\nwithin 1" % tie,
               "verdict bounded\nnumber 0 0\ntotal %d %d" % (apart, apart + more), [2, 3], good)
    yield count("equal sets in other words", two, read, ahead(two), S, True, binds="tokens(0..2, {2, 1, 0}, {0, 1, 2}, 0..2)")
    yield count("a set with a condition", two, read, ahead(two), S, False, binds="{s : s in tokens[4] of 0..2 where s[1] <= s[2]}", domain=[t for t in ALL if t[1] <= t[2]])
    yield count("beyond the sequence", two, "logits(M, t)[0, 0] > 0", lambda t: two.run(t)["logits"][0][0] > 0, [1, 2], True, binds="tokens[3] of 0..2", domain=list(itertools.product(range(V), repeat=3)))
    for word, model, good in (("a row of the embedding", "patch(M, embed[1] = {1, 1, 1})", False), ("a position ablated", "ablate(M, drop = {embed[1]}, to = zero)", False),
                              ("ablated to a mean", "ablate(M, drop = {embed}, to = mean over tokens(0..2, 0..1, 0..2, 0..2))", False), ("a component ablated", "ablate(M, drop = {head(0, 0)}, to = zero)", True),
                              ("a steer of a position", "steer(M, embed[2], {1, 0, 0}, 1)", False), ("a steer", "steer(M, embed, {1, 0, 0}, 1)", True),
                              ("any row", "ablate(M, drop = {head(0, 0)}, to = any over tokens[4] of 0..2)", False),
                              ("a row of the embedding elsewhere", "patch(M, embed[0] = {1, 1, 1})", True), ("all rows", "patch(M, embed = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}})", False),
                              ("rows elsewhere and of a position", "patch(M, embed[0..1] = {{1, 1, 1}, {1, 1, 2}})", False), ("a row by a token", "patch(M, embed[0] = {t[1], 1, 1})", False),
                              ("a head elsewhere, a mean", "ablate(M, drop = {head(0, 0)[0]}, to = mean over tokens(0..2, 0..1, 0..2, 0..2))", True), ("a head elsewhere, any row", "ablate(M, drop = {head(0, 0)[0]}, to = any over tokens[4] of 0..2)", True),
                              ("a head elsewhere, of another sequence", "ablate(M, drop = {head(0, 0)[0]}, to = from {1, 2, 0, 1})", True), ("a head elsewhere, of the sequence", "ablate(M, drop = {head(0, 0)[0]}, to = from t)", False),
                              ("a head elsewhere kept", "ablate(M, keep = {head(0, 0)[0]}, to = zero)", True), ("a head of a position kept", "ablate(M, keep = {head(0, 0)[1]}, to = zero)", False),
                              ("a head elsewhere kept, the others a mean", "ablate(M, keep = {head(0, 0)[0]}, to = mean over tokens(0..2, 0..1, 0..2, 0..2))", False),
                              ("all but a head elsewhere, a mean", "ablate(M, drop = all - head(0, 0)[0], to = mean over tokens(0..2, 0..1, 0..2, 0..2))", False),
                              ("a number", "ablate(M, drop = {head(0, 0)}, to = value 1/2)", True), ("heads elsewhere", "ablate(M, drop = {head(0, h)[0] : h in 0..1}, to = from {1, 2, 0, 1})", True),
                              ("heads at some positions", "ablate(M, drop = {head(0, 0)[i] : i in 0..1}, to = from {1, 2, 0, 1})", False), ("a steer elsewhere", "steer(M, embed[0], {1, 0, 0}, 1)", True), ("another table", 'replace(M, "pos_embed.W_pos" = {{0, 0, 0}, {0, 0, 0}, {0, 0, 1}, {0, 0, 0}})', False),
                              ("an equal table", 'replace(M, "pos_embed.W_pos" = {{0, 0, 1}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}})', True)):
        net = equal if "table" in word else two
        yield word, net, "count t in tokens[4] of 0..2 : logits(%s, t)[0, 0] > -1000" % model, "verdict bounded\nnumber 81 81\ntotal 81 81", S, good
    yield ("frozen norms", normed, "count t in tokens[4] of 0..2 : logits(ablate(M, drop = {embed}, to = zero, ln = frozen), t)[0, 0] > -1000", "verdict bounded\nnumber 81 81\ntotal 81 81", S, True)
    placed = make(105, False, [0], norm=("ln1",))
    for word, good in (("live", True), ("frozen", False)):
        yield ("equal rows, norms are %s" % word, placed, 'count t in tokens[4] of 0..2 : logits(replace(M, "pos_embed.W_pos" = {{0, 0, 1}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}%s), t)[0, 0] > -1000' % (", ln = frozen" if word == "frozen" else ""),
               "verdict bounded\nnumber 81 81\ntotal 81 81", S, good)
    for model, good in (("patch(M, embed[0] = {1, 1, 1}, ln = frozen)", True), ("patch(M, embed[1] = {1, 1, 1}, ln = frozen)", False), ("steer(M, embed, {1, 0, 0}, 1, ln = frozen)", True)):
        yield model, normed, "count t in tokens[4] of 0..2 : logits(%s, t)[0, 0] > -1000" % model, "verdict bounded\nnumber 81 81\ntotal 81 81", S, good
    yield ("live norms", normed, "count t in tokens[4] of 0..2 : logits(ablate(M, drop = {embed}, to = zero), t)[0, 0] > -1000", "verdict bounded\nnumber 81 81\ntotal 81 81", S, True)
    for at, positions, good in ((3, [0, 1, 2], True), (1, [0, 2], False), (0, [1, 2], True), (1, [2, 3], True), (3, [1, 3], False)):
        yield ("a row under a causal mask, %d beside %s" % (at, positions), one, "count t in tokens[4] of 0..2 : logits(patch(M, head(0, 0)[%d] = {1, 1, 1}), t)[%d, 0] > -1000" % (at, 3 if 3 not in positions else 0),
               "verdict bounded\nnumber 81 81\ntotal 81 81", positions, good)
    for name, text, good in (("a steer by a variable", "all{logits(steer(M, embed, {1, a, 0}, 1), t)[0, 0] > -1000 : a in 0..3}", True),
                             ("a steer by a variable that is a position as well", "sum{logits(steer(M, embed, {1, a, 0}, 1), t)[0, 0] * t[a] : a in 0..3} > -1000", False),
                             ("rows by a variable elsewhere", "all{logits(steer(M, embed[a], {1, 1, 0}, 1), t)[0, 0] > -1000 : a in 0..0}", True),
                             ("rows by a variable at all positions", "all{logits(steer(M, embed[a], {1, 1, 0}, 1), t)[0, 0] > -1000 : a in 0..3}", False)):
        yield name, two, "count t in tokens[4] of 0..2 : " + text, "verdict bounded\nnumber 81 81\ntotal 81 81", S, good
    yield "a list", two, "list t in tokens[4] of {0} : logits(M, t)[0, 0] > -1000", "verdict bounded\nitem t=0,0,0,0\ncomplete yes", S, False
    yield "without a sequence", two, "count a in 0..2 : logits(M, {a, a})[0, 0] > -1000", "verdict bounded\nnumber 3 3\ntotal 3 3", [0, 1], False
    yield "proved", two, "forall t in tokens[4] of 0..2\nprove logits(M, t)[0, 0] > -1000", "verdict proved\nwitness t=2,0,1,0", S, True
    yield "a claim that names a position, proved", two, "forall t in tokens[4] of 0..2 where t[1] <= t[2]\nprove logits(M, t)[0, 0] > -1000", "verdict proved\nwitness t=2,0,1,0", S, False
    yield "refuted", two, "prove exists t in tokens[4] of 0..2 : logits(M, t)[0, 0] < -1000", "verdict refuted", S, True
    yield "refuted, out of order only", two, "prove exists t in tokens[4] of 0..2 : t[1] > t[2]", "verdict refuted", S, False
    yield "refuted, which is true", two, "prove exists t in tokens[4] of 0..2 : logits(M, t)[0, 0] > -1000", "verdict refuted", S, False
    yield "not exists", two, "prove all{logits(M, t)[0, 0] < -1000 : t in tokens[4] of 0..2}", "verdict refuted", S, False
    yield "vacuous", two, "forall t in tokens[4] of 0..2 where sum(t) > 9\nprove logits(M, t)[0, 0] > -1000", "verdict vacuous", S, True
    yield "vacuous but out of order", two, "forall t in tokens[4] of 0..2 where t[1] > t[2]\nprove logits(M, t)[0, 0] > -1000", "verdict vacuous", S, False


def float32_lies(net):
    """Runs on equal sequences are one execution, on two orders of a sequence they are two."""
    yield ("two runs that only a sorted sequence makes one", net, "count t in tokens[4] of 0..2 : logits(M, t)[0, 0] == logits(M, seq(t[0], sort(t[1..3])))[0, 0]",
           "verdict bounded\nnumber 81 81\ntotal 81 81", [1, 2, 3], False)
    for name, value, good in (("a row of another sequence", "from {0, 1, 1, 2}", False), ("a row of a mean", "mean over tokens[4] of {0}", False), ("a row of numbers", "value {1, 1/2, 1}", True)):
        yield (name, net, "count t in tokens[4] of 0..2 : logits(ablate(M, drop = {head(0, 0)[0]}, to = %s), t)[0, 0] > -1000" % value, "verdict bounded\nnumber 81 81\ntotal 81 81", [1, 2, 3], good)
    yield "one execution", net, "count t in tokens[4] of 0..2 : logits(M, t)[0, 0] == logits(M, t)[0, 0]", "verdict bounded\nnumber 81 81\ntotal 81 81", [1, 2, 3], True


def attack():
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(BUILD, folder)
        for name, net, claim, lines, positions, good, semantics in [x + ("real",) for x in lies()] + [x + ("float32",) for x in float32_lies(make(100, False, layers=2))]:
            with open(folder + "/" + net.sha256() + ".net", "w") as f:
                f.write(net.text())
            text = certificate(claim, lines, "enumerate\nsymmetric " + ",".join(map(str, positions)), net, semantics)
            cases.add(text, good, name)
            if good and claim.startswith("count") and "within" not in claim:
                cases.add(seal(re.sub(r"number (\d+) (\d+)", lambda m: "number %d %d" % (int(m.group(1)) - 1, int(m.group(2)) - 1), text[:text.rindex("sha256 ")])), False, name + ", one less")
        cases.ask()


for k in range(NETS):
    network(k)
attack()
tally.finish()
