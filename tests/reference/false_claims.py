"""Sealed certificates of false claims, as a prover with one fault would write them. Both checkers must reject every one.

    python3 tests/reference/false_claims.py [--checker build/weightproof-check] [--keep DIR]

Ends with a line `N passed, N failed`.
"""
import argparse
import contextlib
import copy
import os
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "proofs", "reference")]
from agree import Tally, written                      # noqa: E402
from claims import Fields, Margin, certificate, fields, grid, oracle, power  # noqa: E402
from golden import One, ablations, lead, patches, text_of, ties, two_nets, weights  # noqa: E402
from nets import transformer                    # noqa: E402
import op_nets                                        # noqa: E402
from op_lies import lies_of_executions                # noqa: E402


def permuted(net):
    """The same function in another basis of the residual stream: equal real numbers, other tensors, other rounding."""
    other = copy.deepcopy(net)
    other.memo = {}

    def turn(name, axis):
        shape, flat = other.tensors[name]
        strides = [1]
        for n in reversed(shape[1:]):
            strides.insert(0, strides[0] * n)
        new = []
        for k in range(len(flat)):
            i = k // strides[axis] % shape[axis]
            new.append(flat[k + ((i + 1) % shape[axis] - i) * strides[axis]])
        other.tensors[name] = (shape, new)
    for name in ("embed.W_E", "pos_embed.W_pos"):
        turn(name, 1)
    for w in "QKV":
        turn("blocks.0.attn.W_" + w, 1)
    turn("blocks.0.attn.W_O", 2)
    turn("blocks.0.attn.b_O", 1 - 1)
    turn("unembed.W_U", 0)
    return other


def lies_of_counting(one):
    count = one.right().with_(kind="count")
    f = fields(count)
    n, total = f.number[0], f.total[0]
    yield "count one too many", count, f.with_(number=(n + 1, n + 1))
    yield "count one too few", count, f.with_(number=(n - 1, n - 1))
    yield "interval beside the count", count, f.with_(number=(n + 1, n + 2))
    yield "total one too many", count, f.with_(total=(total + 1, total + 1))
    beyond = count.with_(body="argmax(%s) == max(t) + %d" % (one.row, one.v), fn=lambda t: False)
    yield "no entry called the largest", beyond, fields(beyond).with_(number=(1, 1))
    before = count.with_(body="argmax(%s) != -1 - max(t)" % one.row, fn=lambda t: True)
    yield "no entry called perhaps the largest", before, fields(before).with_(number=(total - 1, total - 1))
    where = count.with_(where=("t[0] != 0", lambda t: t[0] != 0))
    yield "where ignored in a count", where, f
    yield "where ignored in the number only", where, fields(where).with_(number=(n, n))
    larger = count.with_(binders=[("t", "tokens(0..%d, %s)" % (one.v - 2, ", ".join(["0..%d" % (one.v - 1)] * (one.n - 1))),
                                   lambda: [t for t in power(range(one.v), one.n) if t[0] < one.v - 1])])
    yield "another domain enumerated", larger, f
    limit = Fraction(n + 1, total)
    prove = count.with_(prove=("fraction >= %s" % text_of(limit), lambda a, t, x: x[0] >= limit))
    yield "threshold missed by one", prove, f.with_(verdict="proved")
    yield "threshold met by an interval that only touches it", prove, f.with_(verdict="proved", number=(n, n + 1))
    empty = count.with_(where=("t[0] > %d" % one.v, lambda t: False))
    yield "count of nothing called bounded", empty, fields(empty).with_(verdict="bounded")
    yield "count of something called vacuous", count, f.with_(verdict="vacuous")


def lies_of_proving(one):
    right = one.right()
    holding = [b for b, c, x in right.table() if x]
    failing = [b for b, c, x in right.table() if x is False]
    yield "a failing sequence overlooked", right, Fields("proved", "enumerate", witness=holding[0])
    yield "a wrong counterexample", right, Fields("refuted", "point", counterexample=holding[0])
    where = right.with_(where=("t[0] == 1", lambda t: t[0] == 1))
    other = [b for b in failing if b[0][0] != 1]
    yield "a counterexample that the condition excludes", where, Fields("refuted", "point", counterexample=other[0])
    small = right.with_(binders=[("t", "tokens(%s)" % ", ".join(["{%d}" % holding[0][0][0]] + ["0..%d" % (one.v - 1)] * (one.n - 1)),
                                  lambda: [t for t in power(range(one.v), one.n) if t[0] == holding[0][0][0]])])
    outside = [b for b in failing if b[0][0] != holding[0][0][0]]
    yield "a counterexample outside the domain", small, Fields("refuted", "point", counterexample=outside[0])
    empty = right.with_(where=("max(t) > %d" % one.v, lambda t: False))
    yield "a vacuous claim called proved", empty, Fields("proved", "enumerate", witness=holding[0])
    never = right.with_(body="max(t) > %d => %s" % (one.v, right.body), fn=lambda t: True, antecedent=lambda t: False)
    yield "an antecedent that is never true", never, Fields("proved", "enumerate", witness=holding[0])
    yield "a claim with bindings called vacuous", right, Fields("vacuous", "enumerate")
    exists = one.right().with_(closed=True)
    yield "a witness that is none", exists, Fields("proved", "point", witness=failing[0])
    yield "an existing witness denied", exists, Fields("refuted", "enumerate")
    yield "one failing point refutes exists", exists, Fields("refuted", "point", counterexample=failing[0])
    high = max(one.logits(t)[0] for t in power(range(one.v), one.n))
    limit = grid(high, False)
    rounded = one.base.with_(body="logits(M, t)[%s, 0] <= %s" % (one.r, text_of(limit)), fn=lambda t: Margin(float(limit) - one.logits(t)[0]))
    yield "a bound rounded inward", rounded, Fields("proved", "enumerate", witness=min(holding))


def lies_of_optimum(one):
    text, fn = one.gap()
    low = one.base.with_(kind="minimize", body=text, fn=fn)
    f = fields(low)
    width = Fraction(1, 2 ** 24)
    worst = max(low.table(), key=lambda row: row[2])[0]
    yield "minimum rounded inward", low, f.with_(value=(f.value[0] + width, f.value[1] + width))
    yield "a point that does not attain", low, f.with_(attains=worst)
    yield "an interval that is empty", low, f.with_(value=(f.value[1], f.value[0]))
    fewer = low.with_(body="%s[1] - max{logits(M, t)[%s, j] : j in 0..%d where j > 1}" % (one.row, one.r, one.v - 1),
                      fn=lambda t: one.logits(t)[1] - max(one.logits(t)[2:]))
    g = fields(fewer)
    if min(x for _, _, x in fewer.table()) > min(x for _, _, x in low.table()) + 1e-6:
        yield "a rival left out", low, g
    high = one.base.with_(kind="maximize", body="logits(M, t)[%s, 1]" % one.r, fn=lambda t: one.logits(t)[1])
    g = fields(high)
    yield "maximum rounded inward", high, g.with_(value=(g.value[0] - width, g.value[1] - width))
    yield "another optimum", high, f
    if one.n > 1:
        elsewhere = high.with_(fn=lambda t: one.net.run(t)["logits"][one.i - 1][1])
        yield "another row read", high, fields(elsewhere)
    mean = one.base.with_(kind="average", body="logits(M, t)[%s, 0]" % one.r, fn=lambda t: one.logits(t)[0])
    g = fields(mean)
    yield "average beside the mean", mean, g.with_(value=(g.value[0] + width, g.value[1] + width))
    where = mean.with_(where=("t[0] > 0", lambda t: t[0] > 0))
    yield "average over the wrong set", where, g
    limit = g.value[0] + width
    yield "average proves what it only may", mean.with_(within="1/1000", prove=("value >= %s" % text_of(limit), lambda v: v[0] >= limit)), g.with_(
        verdict="proved", value=(g.value[0], g.value[1] + width))


def lies_of_lists(one):
    listed = one.right().with_(kind="list")
    f = fields(listed)
    failing = [b for b, c, x in listed.table() if x is False]
    yield "a list with a false item", listed, f.with_(items=sorted(f.items + failing[:1]))
    yield "an item replaced", listed, f.with_(items=sorted(f.items[1:] + failing[:1]))
    yield "a list with an item missing called complete", listed, f.with_(items=f.items[:-1])
    yield "an item twice", listed, f.with_(items=f.items[:1] + f.items)
    some = listed.with_(at_most=len(f.items) + 1)
    yield "a list called full that is not", some, f.with_(rule="point", complete=False)
    none = listed.with_(where=("max(t) > %d" % one.v, lambda t: False))
    yield "an empty list of nothing called complete", none, f.with_(items=[])


def lies_of_ties():
    found = dict(ties())
    strict, count = found["tie-strict"], found["tie-argmax"]
    first = strict.table()[0][0]
    for rule in ("enumerate", "separable"):
        yield "strict for non-strict at an exact tie", strict, Fields("proved", rule, witness=first)
        yield "a tie counted as a win", count, fields(count, rule).with_(number=(1, 1))
    weak = found["tie"]
    yield "a tie called a counterexample", weak, Fields("refuted", "point", counterexample=first)


def lies_of_unsettled():
    """Two networks that are the same function: their logits tie, and no enclosure tells."""
    net = transformer(1, n_ctx=2)
    other = permuted(net)
    base = One(net).base.with_(models=[("M", net), ("M2", other)], fn=lambda t: False)
    for op in (">", "!="):
        claim = base.with_(body="logits(M, t)[last, 0] %s logits(M2, t)[last, 0]" % op)
        yield "unsettled taken for true", claim, Fields("proved", "enumerate", witness=((0, 0),))
        yield "unsettled counted as settled", claim.with_(kind="count"), Fields("bounded", "enumerate", number=(9, 9), total=(9, 9))
    unsure = base.with_(kind="average", body="logits(M, t)[last, 0] - logits(M2, t)[last, 0]", fn=lambda t: 0.0, within="1/1000")
    tiny = Fraction(1, 10 ** 4)
    yield "a zero difference called positive", unsure, Fields("bounded", "enumerate", value=(tiny, 2 * tiny))
    where = base.with_(kind="average", body="logits(M, t)[last, 0]", fn=lambda t: net.run(t)["logits"][1][0])
    g = fields(where)
    where = where.with_(where=("logits(M, t)[last, 0] > logits(M2, t)[last, 0]", lambda t: False))
    yield "an unsettled condition taken for true", where, g


def lies_of_float32(one):
    """Margins that hold in real numbers and are far below what float32 executions differ by."""
    f32 = One(one.net, one.r, one.base.separable, float32=True)
    low = min(one.logits(t)[0] for t in power(range(one.v), one.n))
    limit = Fraction(int(low * 2 ** 34) - 2, 2 ** 34)
    claim = f32.base.with_(body="logits(M, t)[%s, 0] > %s" % (one.r, text_of(limit)), fn=lambda t: False)
    t = ((0,) * one.n,)
    for rule in ("enumerate", "separable"):
        yield "a float32 claim with the margins of real numbers", claim, Fields("proved", rule, witness=t)
    text, fn = one.gap()
    real = fields(one.base.with_(kind="minimize", body=text, fn=fn))
    narrow = Fraction(1, 2 ** 30)
    tight = real.with_(value=(Fraction(int(min(fn(t) for t in power(range(one.v), one.n)) * 2 ** 32) - 2, 2 ** 32), real.value[1]))
    yield "a float32 optimum as narrow as the real one", f32.base.with_(kind="minimize", body=text, fn=lambda t: 0.0, within=text_of(narrow * 64)), tight


def lies_of_networks():
    one, two = transformer(41, n_ctx=2), transformer(42, n_ctx=2)
    a, b = One(one).right().with_(kind="count"), One(two).right().with_(kind="count")
    if fields(a).number != fields(b).number:
        yield "the count of another network", a, fields(b)
    text, _ = One(one).gap()
    for wrong, name in ((transformer(41, n_ctx=2, causal=False), "the mask ignored"), (transformer(41, n_ctx=2, positions=False), "the positions ignored")):
        claim = One(one, "0").base.with_(kind="minimize", body="logits(M, t)[0, 0]", fn=lambda t: one.run(t)["logits"][0][0])
        g = fields(claim.with_(fn=lambda t: wrong.run(t)["logits"][0][0]))
        yield name, claim, g
    both = [c.with_(kind="list") for _, c in two_nets(one, two)][:1][0]
    all_items = [b for b, c, x in both.table()]
    yield "agreement of two networks everywhere", both, Fields("bounded", "enumerate", items=all_items, complete=True)
    swapped = [c for name, c in two_nets(one, two) if name == "twin-agree"][0]
    yield "a network compared with itself", swapped, Fields("bounded", "enumerate", number=(9, 9), total=(9, 9))
    for name, claim in patches(transformer(31, n_ctx=2)):
        if claim.kind == "minimize":
            plain = claim.with_(fn=lambda t, s: claim.models[0][1].run(t)["logits"][1][0])
            yield "the patch ignored", claim, fields(plain)
        elif name == "patch":
            plain = claim.with_(fn=lambda t, s: Margin(lead(claim.models[0][1].run(t)["logits"][1], max(s))))
            if fields(plain).number != fields(claim).number:
                yield "the patch ignored in a count", claim, fields(plain)


def lies_of_ablations():
    """What a checker accepts that leaves the ablate out, sees the wrong rows, or takes another mean."""
    net = transformer(31, n_ctx=2, heads=2)
    found = dict(ablations(net))
    found.update((name + "-m", claim) for name, claim in ablations(transformer(37, n_ctx=2, mlp="relu")) if "neuron" in name or "edge" in name)
    found.update((name + "-n", claim) for name, claim in ablations(transformer(38, n_ctx=2, norm=("ln1", "final"))) if "kept" in name)
    for name, claim in found.items():
        net = claim.models[0][1]
        if "other-row" in name:
            continue                                         # the same number: only what is read counts
        if name.startswith("ablate-count-"):
            plain = fields(claim.with_(fn=lambda t: Margin(lead(net.run(t)["logits"][1], max(t)))))
            if plain.number != fields(claim).number:
                yield "the ablate ignored: " + name, claim, plain
        elif claim.kind == "minimize":
            plain = fields(claim.with_(fn=lambda t: net.run(t)["logits"][1][0]))
            if abs(plain.value[0] - fields(claim).value[0]) > 1e-3:      # a steer by t[1] is none where that is 0
                yield "the ablate ignored: " + name, claim, plain
    values = {name: fields(claim) for name, claim in found.items() if claim.kind == "minimize" and name != "ablate-nested" and name[-2:] not in ("-m", "-n")}
    for name, f in values.items():
        for other, g in values.items():
            if name != other and abs(f.value[0] - g.value[0]) > 1e-3:
                yield "%s answered for %s" % (other, name), found[name], g


def lies_of_norms():
    """Live norms for frozen ones."""
    net = transformer(38, n_ctx=2, norm=("ln1", "final"))
    found = dict(ablations(net))
    live = fields(found["ablate-zero-heads"])
    kept = found["ablate-kept-zero"]
    if abs(live.value[0] - fields(kept).value[0]) > 1e-3:
        yield "norms of the changed run", kept, live
        yield "norms of the unchanged run", found["ablate-zero-heads"], fields(kept)


def lies_of_classes():
    """The forms of a sequence depend on its last token, which the row that is read does not attend to: terms of one class are none of the next one's."""
    one = One(transformer(1, d_vocab=4, n_ctx=3, d_model=4, biases=False), "1", separable=True)
    high = max(one.logits(t)[0] for t in power(range(one.v), one.n))
    for limit in (high + 1, high + 100):
        for many, few in (("t[2] == 0", "t[2] > 0"), ("t[2] == 3", "t[2] < 3")):
            body = "if %s then all{ logits(M, t)[1, j] > -1000 : j in 0..%d } else logits(M, t)[1, 0] > %s" % (many, one.v - 1, text_of(Fraction(round(limit))))
            claim = one.base.with_(body=body, fn=lambda t: False)
            yield "terms of a class before at positions that are not read, %s" % few, claim, Fields("proved", "enumerate", witness=((0, 0, 0),))
            body = body.replace("-1000", "1000").replace("[1, j] >", "[1, j] <").replace("[1, 0] > ", "[1, 0] < -")
            yield "the same below, %s" % few, one.base.with_(body=body, fn=lambda t: False), Fields("proved", "enumerate", witness=((0, 0, 0),))


def lies_of_rules():
    for net in (transformer(51, n_ctx=2, heads=2), transformer(52, n_ctx=2, mlp="relu"), transformer(53, n_ctx=2, norm=("final",)), transformer(54, n_ctx=2, layers=2)):
        one = One(net)
        f = fields(one.right().with_(kind="count"))
        yield "separable on a network that is not", one.right().with_(kind="count"), f.with_(rule="separable")
        yield "separable on a network that is not, and false", one.right().with_(kind="count"), f.with_(rule="separable", number=(f.number[0] + 1,) * 2)
    one = One(transformer(55, n_ctx=2), separable=False)
    product = one.base.with_(body="logits(M, t)[last, 0] * logits(M, t)[last, 1] < 1000", fn=lambda t: True)
    yield "separable for a product of logits", product, Fields("proved", "separable", witness=((0, 0),))
    rows = one.base.with_(kind="count", body="logits(M, t)[0, 0] < logits(M, t)[1, 0]",
                          fn=lambda t: Margin(one.net.run(t)["logits"][1][0] - one.net.run(t)["logits"][0][0]))
    yield "separable for two rows", rows, fields(rows).with_(rule="separable")
    yield "point for a count", rows, fields(rows).with_(rule="point")


def lies_of_weights():
    found = dict(weights(transformer(1, d_vocab=4, n_ctx=3, d_model=4, biases=False)))
    yield "strict for non-strict at an exact equality of weights", found["ov-strict"], Fields("proved", "enumerate", witness=())
    yield "an equality of weights denied", found["trace"], Fields("refuted", "enumerate")
    count = found["qk-count"]
    f = fields(count)
    yield "a count of weights one too many", count, f.with_(number=(f.number[0] + 1,) * 2)
    low = found["mean-rows"]
    f = fields(low)
    yield "a minimum of weights rounded inward", low, f.with_(value=(f.value[1], f.value[1] + Fraction(1, 2 ** 24)))


def altered(net, node=None, op=None, args=None, **fields_of_net):
    """The network that a checker with one fault would run: one node with another operation or other arguments, or another mask."""
    other = copy.deepcopy(net)
    other.memo = {}
    other.nodes = [(name, op or o, args or a) if name == node else (name, o, a) for name, o, a in other.nodes]
    for field, value in fields_of_net.items():
        setattr(other, field, value)
    return other


def faults():
    """(what is read wrongly, the network, the network as it is read)"""
    net = op_nets.padded(300)
    yield "the padding token ignored", net, altered(net, pad=None)
    yield "another padding token", net, altered(net, pad=1)
    net = op_nets.rotary(301)
    net.node("k.same", "select", "k", net.given("same", (2,), [0, 1]))
    yield "turned the other way", net, altered(net, "q0.rot", "sub")
    yield "select in another order", net, altered(net, "k.select", "select", ["k", "same"])
    net = op_nets.normed(302)
    net.eps = Fraction(1, 16)
    net.node("zeros", "constant", net.given("zero", (4,), [0] * 4))
    yield "the constant of rmsnorm ignored", net, altered(net, eps=0)
    yield "rmsnorm with a mean taken away", net, altered(net, "norm", "layernorm", ["blocks.0.hook_resid_pre", "w", "zero"])
    net = op_nets.two_tokens(303)
    yield "rows the other way round", net, altered(net, "both", "concat", ["right", "left"])
    yield "one row twice", net, altered(net, "right", "row", ["hook_embed", "0"])
    net = op_nets.gated(304)
    yield "a gate added", net, altered(net, "post", "add")
    yield "a gate without its function", net, altered(net, "post", "mul", ["pre", "up"])
    net = op_nets.bilinear_attention(305)
    yield "one score twice", net, altered(net, "blocks.0.attn.hook_pattern.0", "bilinear", ["s0", "s0"])
    yield "shares for a product of scores", net, altered(net, "blocks.0.attn.hook_pattern.0", "softmax", ["s0"])
    net = op_nets.functions(306)
    for name, op, args in (("max", "min", None), ("sub", "sub", ["y", "blocks.0.hook_resid_pre"]), ("div", "div", ["above", "square"]), ("jump", "jumprelu", ["y", "seven"]), ("top", "topk", ["y", "3"]),
                           ("groups", "rowsoftmax", ["y", "4"]), ("one", "topk", ["blocks.0.hook_resid_pre", "2"]), ("sigmoid", "tanh", None), ("erf", "tanh", None), ("exp", "relu", None), ("sqrt", "erf", None)):
        yield "%s read as %s" % (name, op), net, altered(net, name, op, args)
    net = op_nets.products(307)
    net.node("others", "select", "x", net.given("J", (3,), [11, 5, 0]))
    yield "a factor with its entries in another order", net, altered(net, "few", "select", ["x", "J"])


def lies_of_operations():
    for name, net, wrong in faults():
        one = One(net)
        for j in range(net.d_vocab):
            low = one.base.with_(kind="minimize", body="logits(M, t)[last, %d]" % j, where=("t[0] == 1", lambda t: t[0] == 1), fn=lambda t, j=j: one.logits(t)[j])
            f, g = fields(low), fields(low.with_(fn=lambda t, j=j: wrong.run(t)["logits"][one.i][j]))
            if abs(f.value[0] - g.value[0]) > Fraction(1, 2 ** 18):
                yield name, low, g
                break
        else:
            raise SystemExit("the test is wrong: '%s' changes no minimum" % name)
        count = one.right().with_(kind="count")
        f, g = fields(count), fields(count.with_(fn=lambda t: Margin(lead(wrong.run(t)["logits"][one.i], max(t)))))
        if f.number != g.number:
            yield name + ", counted", count, g
    one = One(op_nets.rotary(308))
    f = fields(one.right().with_(kind="count"))
    yield "separable for a network of other operations", one.right().with_(kind="count"), f.with_(rule="separable")
    one = One(op_nets.padded(309))
    f = fields(one.right().with_(kind="count"))
    yield "separable for a padded network", one.right().with_(kind="count"), f.with_(rule="separable")


def lies():
    for net, r in ((transformer(1, d_vocab=4, n_ctx=3, d_model=4, biases=False), "last"), (transformer(2, n_ctx=3, causal=False), "last"),
                   (transformer(8, n_ctx=2, mlp="gelu", norm=("final",)), "last")):
        one = One(net, r, separable=net.nodes[-2][1] != "layernorm")
        for kind in (lies_of_counting, lies_of_proving, lies_of_optimum, lies_of_lists, lies_of_float32):
            yield from kind(one)
    for kind in (lies_of_ties, lies_of_unsettled, lies_of_networks, lies_of_ablations, lies_of_norms, lies_of_classes, lies_of_rules, lies_of_weights, lies_of_operations, lies_of_executions):
        yield from kind()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checker")
    p.add_argument("--keep")
    a = p.parse_args()
    kinds = set()
    with contextlib.ExitStack() as stack:
        folder = a.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        tally = Tally(folder, a.checker)
        for name, claim, f in lies():
            for _, net in claim.models:
                tally.network(net)
            rules = [f.rule] + (["separable"] if claim.separable and f.rule == "enumerate" else [])
            for rule in rules:
                g = f.with_(rule=rule)
                if oracle(claim, g) is True:
                    raise SystemExit("the test is wrong: '%s' is true" % name)
                kinds.add(name)
                tally.case("%s (%s)" % (name, rule), certificate(claim, g, written(claim)), False)
        tally.run()
    print("%d kinds of false claims, %d certificates" % (len(kinds), len(tally.cases)))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
