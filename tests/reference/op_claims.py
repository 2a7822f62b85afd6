"""Claims about the networks of op_nets.py: golden ones, ones without a meaning, and networks that break a rule.

golden() gives (name, claim), undefined() cases like attacks.cases(), bad_networks() (defect, text).
"""
from fractions import Fraction

import attacks
from claims import Claim, Margin
from golden import One, lead, power
from op_nets import Maker, bilinear_attention, networks, padded, real_vector, rotary, two_tokens


def at_nodes(net, n, base):
    """The smallest value of one entry of every node."""
    v = net.d_vocab
    binder = [("t", "tokens[%d] of 0..%d" % (n, v - 1), lambda: power(range(v), n))]
    for k, (name, op, _) in enumerate(net.nodes):
        if op == "score":
            continue
        width = len(net.run((0,) * n)[name][n - 1])
        e = k * 7 % width
        text = 'node(M, "%s", t)[last, %d]' % (name, e)
        if op in ("softmax", "bilinear"):
            text = 'attn(M, 0, 0, t)[last, %d]' % e if name.endswith("hook_pattern.0") else text
        yield name, base.with_(binders=binder, kind="minimize", body=text, fn=lambda t, name=name, e=e: net.run(t)[name][-1][e])


def golden(shift=0):
    for k, (name, net, _) in enumerate(networks(shift)):
        if net.reals is not None:
            continue
        one = One(net, "last", False)
        wanted = [("right", "count", "minimize-gap"), ("above", "count-wrong", "list"), ("guarded", "maximize", "exists-not")][k % 3]
        for label, claim in one.linear_claims():
            if label in wanted:
                yield "%s.%s" % (name, label), claim
        for label, claim in One(net, "last", False, float32=True, thin=0.02).linear_claims():
            if label in ("above", "count", "list"):
                yield "%s32.%s" % (name, label), claim
        for label, claim in at_nodes(net, net.n_ctx, one.base):
            yield "%s.node.%s" % (name, label), claim
    yield from patched(shift)


def patched(shift):
    """A row of the gate, of the key that two heads share, and of the residual, taken from another run."""
    net = rotary(231 + shift)
    for name in ("k.rot", "resid"):
        binders = [(x, "tokens[2] of 0..2", lambda *given: power(range(3), 2)) for x in "ts"]

        def moved(t, s, name=name):
            return net.run(t, ((name, 0, net.run(s)[name][1]),))["logits"]
        r = 1 if name == "k.rot" else 0
        yield "patched." + name, Claim("count", [("M", net)], binders, body='argmax(logits(patch(M, "%s"[0] = node(M, "%s", s)[1]), t)[%d]) == max(s)' % (name, name, r),
                                       fn=lambda t, s, moved=moved, r=r: Margin(lead(moved(t, s)[r], max(s))))


def single(op, rows, *args, eps=0, tensors=()):
    """Logits that are op of the rows of a table."""
    net = Maker(0, len(rows), 2, eps=eps)
    net.given("E", (len(rows), len(rows[0])), [x for row in rows for x in row])
    for name, numbers in tensors:
        net.given(name, (len(numbers),), numbers)
    net.node("e", "embed", "E")
    net.node("a", op, "e", *args)
    net.node("logits", "max", "a", "a")
    return net


def undefined():
    """(name, certificate, net, accepted): values that are not there, and values at the edge of being there."""
    def case(name, net, predicate, accepted, semantics="real"):
        return "%s: %s (%s)" % (name, predicate, semantics), attacks.certificate("prove " + predicate, "verdict proved\nwitness -", "enumerate", net, semantics), net, accepted
    tiny = Fraction(1, 2 ** 140)
    both = ("real", "float32")
    pair = two_tokens(240)
    for predicate, good in (("logits(M, {1})[0, 0] > -1000", False), ("logits(M, {1, 2})[0, 0] > -1000", True), ('node(M, "left", {1})[0, 0] > -1000', True),
                            ('node(M, "right", {1})[0, 0] > -1000', False), ("logits(M, {1})[0, 0] > -1000 or 0 == 0", False), ("0 == 0 or logits(M, {1})[0, 0] > -1000", True),
                            ("logits(M, {1, 2, 3})[0, 0] > -1000", False)):
        for s in both:
            yield case("a row that is not there", pair, predicate, good, s)
    below = single("div", [[1, 0], [0, 0]], "e")
    over = single("sqrt", [[4, 2], [0, 1], [-tiny, 1]])
    for s in both:
        yield case("0 over 0", below, "logits(M, {1})[0, 0] < 1000", False, s)
        yield case("0 over 0", below, "logits(M, {1})[0, 0] < 1000 or 0 == 0", False, s)
        yield case("0 over 0", below, "logits(M, {1})[0, 0] > 1000 or 0 == 0", False, s)
        yield case("a root", over, "logits(M, {0})[0, 0] == 2", True, s)
        yield case("a root", over, "logits(M, {0})[0, 1] == 2", False, s)
        yield case("the root of 0", over, "logits(M, {1})[0, 0] == 0", True, s)
        yield case("the root of a negative number", over, "logits(M, {2})[0, 0] < 1000", False, s)
        yield case("the root of a negative number", over, "logits(M, {2})[0, 0] < 1000 or 0 == 0", False, s)
    bare = single("rmsnorm", [[0, 0], [1, 0], [tiny, tiny]])
    yield case("the norm of 0", bare, "logits(M, {0})[0, 0] < 1000", False)
    yield case("a norm", bare, "logits(M, {1})[0, 0] < 3/2", True)
    yield case("a small norm", bare, "logits(M, {2})[0, 0] > 999/1000", True)
    yield case("a norm whose squares vanish", bare, "logits(M, {2})[0, 0] < 1000", False, "float32")
    big = single("exp", [[88, 0], [89, 0], [-200, 0], [Fraction(8872, 100).limit_denominator(64), 0]])
    for row, predicate, real, float32 in ((0, "> 0", True, True), (1, "> 0", True, False), (1, "> %d" % 10 ** 38, True, False), (2, "> 0", True, False), (2, ">= 0", True, True), (2, "== 0", False, False)):
        for s, good in zip(both, (real, float32)):
            yield case("exp", big, "logits(M, {%d})[0, 0] %s" % (row, predicate), good, s)
    product = single("mul", [[2 ** 64, 1], [Fraction(1, 2 ** 80), 1]], "e")
    for row, predicate, real, float32 in ((0, "> 0", True, False), (1, "> 0", True, False), (1, ">= 0", True, True), (1, "== 0", False, True)):
        for s, good in zip(both, (real, float32)):
            if (row, predicate, s) != (1, "== 0", "float32"):    # true of the one rounding; a checker need not see it
                yield case("a product", product, "logits(M, {%d})[0, 0] %s" % (row, predicate), good, s)
    yield from choices(case, both)
    yield from pads(case, both)


def choices(case, both):
    jump = single("jumprelu", [[1, 2], [-1, 3]], "T", tensors=[("T", [1, Fraction(-1, 2)])])
    top = single("topk", [[3, 3, 1], [0, 0, 0], [2, 5, 5]], "1")
    two = single("topk", [[3, 3, 1], [1, 1, 1], [2, 5, 5]], "2")
    group = single("rowsoftmax", [[0, 0, 5, 5], [1, 0, 0, 1]], "2")
    for s in both:
        for predicate, good in (("logits(M, {0})[0, 0] == 0", True), ("logits(M, {0})[0, 0] == 1", False), ("logits(M, {0})[0, 1] == 2", True), ("logits(M, {1})[0, 0] == 0", True)):
            yield case("at the threshold", jump, predicate, good, s)
        for predicate, good in (("logits(M, {0})[0, 0] == 3", True), ("logits(M, {0})[0, 1] == 0", True), ("logits(M, {0})[0, 1] == 3", False), ("logits(M, {2})[0, 1] == 5", True),
                                ("logits(M, {2})[0, 2] == 0", True), ("logits(M, {2})[0, 2] == 5", False)):
            yield case("the first of equals", top, predicate, good, s)
        for predicate, good in (("logits(M, {0})[0, 1] == 3", True), ("logits(M, {1})[0, 1] == 1", True), ("logits(M, {1})[0, 2] == 0", True), ("logits(M, {1})[0, 2] == 1", False),
                                ("logits(M, {2})[0, 0] == 0", True)):
            yield case("two of equals", two, predicate, good, s)
        for predicate, good in (("abs(logits(M, {0})[0, 3] - 1/2) < 1/1000", True), ("logits(M, {1})[0, 1] < 27/100", True), ("logits(M, {1})[0, 1] < 26/100", False),
                                ("logits(M, {0})[0, 0] < 1/100", False)):
            yield case("groups", group, predicate, good, s)


def pads(case, both):
    for causal in (True, False):
        net, product = padded(241, causal, 1), bilinear_attention(242, causal, 1)
        yield case("padded", net, "head_out(M, 0, 0, {1, 1, 1})[last, 1] == 0", True)
        for s in both:
            for predicate, good in (("attn(M, 0, 0, {1, 1})[last, 0] == 0", True), ("attn(M, 0, 0, {1, 1})[last, 0] > 0", False), ("attn(M, 0, 0, {0, 1})[last, 1] == 0", True),
                                    ("attn(M, 0, 0, {0, 1})[last, 0] == 1", None), ("attn(M, 0, 0, {1, 0})[0, 0] == 0", True), ("attn(M, 0, 0, {1, 0})[1, 0] == 0", True),
                                    ("attn(M, 0, 0, {1, 0})[0, 1] > 1/2", not causal),
                                    ("score(M, 0, 0, {0, 1})[last, 1] < 1000", False), ("score(M, 0, 0, {0, 1})[last, 0] < 1000", True),
                                    ('abs(node(M, "blocks.0.attn.hook_z.0", {1})[0, 0]) < 1/1024', True)):
                yield case("padded", net, predicate, good, s)
            for predicate, good in (('attn(M, 0, 0, {1, 1})[last, 0] == 0', True), ('abs(node(M, "blocks.0.attn.hook_z.0", {1, 1})[last, 2]) < 1/1024', True),
                                    ('node(M, "blocks.0.attn.hook_z.0", {1, 1})[last, 2] != 0', False)):
                yield case("padded products", product, predicate, good, s)


def change(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


def bad_networks():
    text = padded(250).text()
    for name, line in (("pad beyond the vocabulary", "mask causal pad 3"), ("pad without a token", "mask causal pad"), ("a negative pad", "mask causal pad -1"), ("pad and more", "mask causal pad 0 0"),
                       ("another word than pad", "mask causal fill 0"), ("pad with a leading zero", "mask causal pad 00")):
        yield name, change(text, "mask causal pad 0", line)
    yield "input with tokens", change(text, "node hook_embed", "node x input\nnode hook_embed")
    real = real_vector(251).text()
    for name, old, new in (("reals of width 0", "reals 6 1", "reals 0 1"), ("reals without n_ctx", "reals 6 1", "reals 6"), ("no n_ctx", "reals 6 1", "reals 6 0"),
                           ("pad with reals", "mask causal", "mask causal pad 0"), ("input with an argument", "node x input", "node x input K"), ("tokens and reals", "reals 6 1", "reals 6 1\ntokens 3 1"),
                           ("embed with reals", "node x input\n", "node x input\nnode e embed P\n"), ("matmul with a wrong width", "1 6 3 2", "1 6 2 2"), ("matmul with 0", "1 6 3 2", "0 6 3 2"), ("matmul without C", "1 6 3 2", "1 6 3"), ("matmul with a sign", "1 6 3 2", "+1 6 3 2"),
                           ("maxpool with a vector", "maxpool act P", "maxpool act im2col"), ("select with a matrix", "select padded im2col", "select padded P"), ("concat of one", "concat x zero", "concat x"),
                           ("constant of a matrix", "constant nil", "constant P"), ("constant of a node", "constant nil", "constant x"), ("an operation called max_", "relu conv", "max_ conv")):
        yield name, change(real, old, new)
    for tensor, index in (("im2col", 7), ("P", 12), ("P", Fraction(1, 2)), ("im2col", -1)):
        net = real_vector(251)
        net.tensors[tensor][1][3] = Fraction(index)
        yield "%s with the index %s" % (tensor, index), net.text()
    end = "node logits "
    turned = rotary(252).text()
    for name, line in (("row beyond n_ctx", "row k 3"), ("row with a negative int", "row k -1"), ("row without an int", "row k"), ("mul of two widths", "mul k hook_embed"), ("mul of one", "mul k"),
                       ("mul of three", "mul k k k"), ("sub of a pattern", "sub blocks.0.attn.hook_pattern.0 blocks.0.attn.hook_pattern.0"), ("select of a fraction", "select v cos[1]"), ("select below 0", "select v sin[2]"),
                       ("topk of none", "topk k 0"), ("topk of more than there are", "topk k 3"), ("groups that do not divide", "rowsoftmax hook_embed 3"), ("groups of none", "rowsoftmax k 0"),
                       ("jumprelu without a threshold", "jumprelu k"), ("jumprelu with a long threshold", "jumprelu k logits.b"), ("rmsnorm with b", "rmsnorm k swap swap"),
                       ("bilinear of one", "bilinear blocks.0.attn.hook_attn_scores.0"), ("bilinear of a pattern", "bilinear blocks.0.attn.hook_attn_scores.0 blocks.0.attn.hook_pattern.0"),
                       ("exp of a pattern", "exp blocks.0.attn.hook_pattern.1"), ("exp of two", "exp k k"), ("rotate", "rotate k"), ("position of a vector", "position swap")):
        yield name, change(turned, end, "node extra %s\n%s" % (line, end))
    yield "eps without a norm", change(turned, "eps 0", "eps 0x1p-17")
    yield "mix of two patterns", change(turned, "mix blocks.0.attn.hook_pattern.0 v", "mix blocks.0.attn.hook_pattern.0 blocks.0.attn.hook_pattern.1")
    product = bilinear_attention(253).text()
    yield "softmax of a bilinear", change(product, end, "node extra softmax blocks.0.attn.hook_pattern.0\n" + end)
    yield "output of a bilinear", change(product, "output logits", "output blocks.0.attn.hook_pattern.0")
