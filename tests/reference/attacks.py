"""Hand-made certificates at the edges of the pages, each with what both checkers must say: see agree.py."""
from fractions import Fraction

from nets import Tiny, transformer, with_twins
from claims import seal

# name, lines of the claim, lines of the verdict, rule, whether it is accepted; all without a model
CLOSED = [
    ("at most 0, nothing found", "list a in 0..2 where 0 == 1 : 0 == 0 at most 0", "verdict bounded\ncomplete no", "point", False),
    ("at most 0, nothing in the domain", "list a in 1..0 : 0 == 0 at most 0", "verdict bounded\ncomplete no", "point", False),
    ("at most 0, something in the domain", "list a in 0..2 : 0 == 0 at most 0", "verdict bounded\ncomplete no", "point", False),
    ("more items than at most", "list a in 0..1 : a >= 0 at most 1", "verdict bounded\nitem a=0\nitem a=1\ncomplete yes", "enumerate", False),
    ("more items than at most, at points", "list a in 0..2 : a >= 0 at most 1", "verdict bounded\nitem a=0\nitem a=1\ncomplete no", "point", False),
    ("as many items as at most", "list a in 0..1 : a >= 0 at most 2", "verdict bounded\nitem a=0\nitem a=1\ncomplete yes", "enumerate", True),
    ("vacuous with a number", "count a in 0..2 where 0 == 1 : a >= 0", "verdict vacuous\nnumber 0 5\ntotal 0 0", "enumerate", False),
    ("vacuous with a total", "count a in 0..2 where 0 == 1 : a >= 0", "verdict vacuous\nnumber 0 0\ntotal 0 5", "enumerate", False),
    ("vacuous", "count a in 0..2 where 0 == 1 : a >= 0", "verdict vacuous\nnumber 0 0\ntotal 0 0", "enumerate", True),
    ("a chain that is settled before an error", "prove 0 < 1 < 0 < 1 % 0", "verdict refuted", "enumerate", True),
    ("a chain that is settled before an error, turned round", "prove 0 < 1 < 0 < 1 % 0", "verdict proved\nwitness -", "enumerate", False),
    ("an error in a list, refuted", "prove {1, 1 / (1 - 1)}[0] == 2", "verdict refuted", "enumerate", False),
]

# the same with the model M, one layer and one head
ATTENTION = "sum{t[a] * attn(M, 0, 0, t)[last, a] : a in %s} <= 3/2"
TWICE, ONCE = "{b % 2 : b in 0..3}", "0..1"
WITH_MODEL = [("own tokens, a position twice", "forall t in tokens[2] of 0..1\nprove " + ATTENTION % TWICE, "verdict proved\nwitness t=0,0", "separable", False),
              ("own tokens, a position twice, counted", "count t in tokens[2] of 0..1 : " + ATTENTION % TWICE, "verdict bounded\nnumber 4 4\ntotal 4 4", "separable", False),
              ("own tokens, a position twice, counted right", "count t in tokens[2] of 0..1 : " + ATTENTION % TWICE, "verdict bounded\nnumber 3 3\ntotal 4 4", "separable", False),
              ("own tokens, a position listed twice", "forall t in tokens[2] of 0..1\nprove " + ATTENTION % "{0, 1, 0}", "verdict proved\nwitness t=0,0", "separable", False),
              ("own tokens, every position once", "forall t in tokens[2] of 0..1\nprove " + ATTENTION % ONCE, "verdict proved\nwitness t=0,0", "separable", True),
              ("a constant over a set that names a value twice", "count t in tokens[2] of 0..1 where any{a == 1 : a in {b % 2 : b in 0..3}} : logits(M, t)[last, 0] > -1000",
               "verdict bounded\nnumber 4 4\ntotal 4 4", "separable", True),
              ("tokens listed twice", "count t in tokens[1] of {0, 0} : logits(M, t)[0, 0] > -1000", "verdict bounded\nnumber 1 1\ntotal 1 1", "separable", False)]
WITH_MODEL += [("%s of a sequence beside numbers, %s" % (text, rule), "forall t in tokens[2] of 0..1\nprove logits(M, t)[last, 0] <= 1000 + " + text,
                "verdict proved\nwitness t=0,0", rule, False) for text in ("max(t, 3, 4)", "min(t, 3, t)") for rule in ("separable", "enumerate")]
WITH_MODEL += [("a patched pattern", "forall t in tokens[2] of 0..1\nprove logits(patch(M, \"blocks.0.attn.hook_pattern.0\"[last] = {0, 1}), t)[last, 0] <= 1000",
                "verdict proved\nwitness t=0,0", "enumerate", False),
               ("patched scores", "forall t in tokens[2] of 0..1\nprove logits(patch(M, \"blocks.0.attn.hook_attn_scores.0\"[last] = {0, 1}), t)[last, 0] <= 1000",
                "verdict proved\nwitness t=0,0", "enumerate", False),
               ("a model that no line uses", "prove 0 == 0", "verdict proved\nwitness -", "enumerate", False)]


def certificate(claim, lines, rule, net=None, semantics="real"):
    text = ["weightproof-statement 1"] + (["model M " + net.sha256()] if net else []) + ["semantics " + semantics] + claim.split("\n")
    return seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in text] + lines.split("\n") + ["rule " + rule, "end"]) + "\n")


def one_operation(rows, op, eps=0):
    """Logits that are op of the row of the table for the token."""
    net = Tiny(len(rows), 2, True, eps)
    net.tensors = {"E": ([len(rows), 2], [x for row in rows for x in row]), "U": ([2, 2], [1, 0, 0, 1])}
    net.node("e", "embed", "E")
    net.node("a", op, "e")
    net.node("logits", "linear", "a", "U")
    return net


def always(predicate, truth=True):
    return "prove " + predicate, "verdict proved\nwitness -" if truth else "verdict refuted", "enumerate"


def values():
    """(name, net, claim, lines, rule, semantics, accepted): functions far out, and shares that vanish."""
    tiny, huge = Fraction(1, 2 ** 1000), 2 ** 64
    silu = one_operation([[huge, -huge], [tiny, -tiny], [2 ** 100, -2 ** 100]], "silu")
    for t in range(3):
        for text, good in (("logits(M, {%d})[0, 0] >= 0", True), ("logits(M, {%d})[0, 1] <= 0", True), ("logits(M, {%d})[0, 1] > -1/1000", True),
                           ("logits(M, {%d})[0, 1] > 0", False), ("logits(M, {%d})[0, 0] < 0", False)):
            yield ("silu far out", silu) + always(text % t) + ("real", good)
    yield ("silu far above 0", silu) + always("logits(M, {0})[0, 0] > %d" % (huge - 1)) + ("real", True)
    yield ("a float32 exp that overflows", silu) + always("logits(M, {0})[0, 1] <= 0") + ("float32", False)
    for eps in (2 ** 128, 2 ** 200):
        norm = one_operation([[1, -1], [2, -2]], "layernorm", eps)
        yield ("eps above float32", norm) + always("logits(M, {0})[0, 0] > 0") + ("float32", False)
        yield ("eps above float32", norm) + always("logits(M, {0})[0, 0] >= 0") + ("float32", False)
    steep = transformer(1, spread=24)
    steep.tensors["blocks.0.attn.W_Q"] = ([1, 3, 2], [x * 2 ** 12 for x in steep.tensors["blocks.0.attn.W_Q"][1]])
    for text, good in (("attn(M, 0, 0, t)[last, %d] < 0", False), ("attn(M, 0, 0, t)[last, %d] >= 0", True), ("attn(M, 0, 0, t)[last, %d] <= 1", True),
                       ("2 * attn(M, 0, 0, t)[last, %d] >= 0", True)):
        for i in range(3):
            yield "a share that vanishes", steep, "forall t in tokens[3] of 0..2\nprove " + text % i, "verdict proved\nwitness t=0,0,0", "enumerate", "real", good
    normed = with_twins(transformer(3, norm=("ln1",)), 0, 2)
    for text, good in (("argmax(logits(M, t)[last]) != 0", True), ("logits(M, t)[last, 0] >= logits(M, t)[last, 2]", True), ("logits(M, t)[last, 0] == logits(M, t)[last, 2]", True),
                       ("logits(M, t)[last, 0] > logits(M, t)[last, 2]", False)):
        for semantics in ("real", "float32"):
            for rule in ("enumerate", "separable"):
                yield ("twins behind a LayerNorm", normed, "forall t in tokens[2] of 0..2\nprove " + text, "verdict proved\nwitness t=0,0", rule, semantics,
                       good if semantics == "real" else None if text.startswith("arg") else False)


def cases():
    """(name, certificate, network or None, whether both accept it)"""
    for name, claim, lines, rule, good in CLOSED:
        yield name, certificate(claim, lines, rule), None, good
    net = transformer(1)
    for name, claim, lines, rule, good in WITH_MODEL:
        yield name, certificate(claim, lines, rule, net), net, good
    for name, net, claim, lines, rule, semantics, good in values():
        yield "%s (%s): %s" % (name, semantics, claim), certificate(claim, lines, rule, net, semantics), net, good
