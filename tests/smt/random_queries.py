"""Random small networks and random claims over all token sequences, for comparing ways of deciding them."""
import collections
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import op_nets  # noqa: E402
from nets import transformer, with_twins  # noqa: E402
from random_claims import Maker  # noqa: E402

# A network and what a claim may name: rows, components that can be replaced (width of a row), tensors to replace (an exact array of the shape), heads that have a QK.
Case = collections.namedtuple("Case", "name net heads parts tensors qk norm")


class Claims(Maker):
    """Claims about a bound sequence t of two tokens, beside the closed ones of random_claims."""

    def __init__(self, seed, case, two):
        Maker.__init__(self, seed)
        self.names, self.case, self.two = ["t[0]", "t[1]", "t[last]"], case, two

    def sequence(self, depth):
        return self.pick("t", "t", "t", "sort(t)", "seq(t[1], t)", Maker.sequence(self, depth))

    def other(self):
        """A second sequence of two tokens."""
        return "s" if self.two and self.rng.random() < 0.7 else self.pick("{1, 0}", "seq(t[1], t[0])", "{2, 2}")

    def vector(self, width):
        return "{%s}" % ", ".join("%d/%d" % (self.rng.randint(-6, 6), self.pick(1, 2, 4)) for _ in range(width))

    def target(self, depth):
        kind = self.rng.randrange(6)
        if kind == 0:
            return "value %d/%d" % (self.rng.randint(-4, 4), self.pick(1, 2))
        if kind == 1:
            return "from " + self.other()
        if kind == 2:
            return "mean over " + self.pick("tokens[2] of 0..2", "tokens(0..1, {2})", "{sort(u) : u in tokens[2] of 0..2}")
        if kind == 3:
            return "any over tokens[2] of 0..1" if not self.exists else "zero"
        return "zero"

    def component(self, edges=True):
        return self.pick(*[p for p in self.case.parts if edges or not p.startswith(("edge", "neuron"))])

    def components(self):
        kind = self.rng.randrange(5)
        if kind == 0:
            return "drop", "{%s, %s}" % (self.component(), self.component())
        if kind == 1:
            return "drop", "{%s[%s]}" % (self.component(), self.pick("0", "last", "1..last"))
        if kind == 2 and any(p.startswith("head(0, 1") for p in self.case.parts):
            return "drop", "{head(0, h) : h in 0..1 where h != %s}" % self.pick("0", "1", "7")
        if kind == 3 and "embed" in self.case.parts:
            return self.pick(("keep", "{%s}" % self.component(False)), ("drop", "all - {%s}" % self.component(False)))
        return "drop", "{%s}" % self.component()

    def model(self, depth):
        """M, or M changed."""
        if self.rng.random() < 0.55 or not self.case.parts:
            return "M"
        ln, kind = self.pick(", ln = live", ", ln = frozen") if self.case.norm else "", self.rng.randrange(8)
        if kind == 0 and self.case.tensors:
            name, rows, columns = self.pick(*self.case.tensors)
            return 'replace(M, "%s" = %s%s)' % (name, self.pick('mean_rows(W(M, "%s"))' % name, "{%s}" % ", ".join(self.vector(columns) for _ in range(rows))), ln)
        if kind == 1:
            part = self.component()
            if part.startswith("neuron"):
                return "patch(M, %s[%s] = {%d/2}%s)" % (part, self.pick("0", "last"), self.rng.randint(-4, 4), ln)
            if not part.startswith("edge"):
                return "patch(M, %s[last] = node(M, %s, %s)[%s]%s)" % (part, part, self.other(), self.pick("0", "last"), ln)
        which, parts = self.components()
        inner = "M" if self.rng.random() < 0.8 else "ablate(M, drop = {%s}, to = zero%s)" % (self.component(), ln)
        return "ablate(%s, %s = %s, to = %s%s)" % (inner, which, parts, self.target(depth), ln)

    def rows(self, depth):
        text = self.pick(*self.case.heads)
        return text.replace("(M,", "(%s," % self.model(depth), 1).replace("{s}", self.pick("t", "t", "t", "t", "{1, 0}", "seq(t[1], t[0])"))

    def number(self, depth):
        if depth > 0 and self.case.qk and self.rng.random() < 0.08:
            return "%s(M, 0, 0)[%s, %s]" % (self.pick("QK", "OV"), self.pick("0", "1", "last"), self.pick("0", "last"))
        if depth > 0 and self.case.qk and self.rng.random() < 0.05:
            return "rank(%s(M, 0, 0))" % self.pick("QK", "OV")
        return Maker.number(self, depth)

    def truth(self, depth):
        kind = self.rng.randrange(7) if depth > 0 else 9
        if kind == 0:
            return "argmax(%s[last]) %s %s" % (self.rows(depth), self.pick("==", "!="), self.integer(depth - 1))
        if kind == 1:
            row = self.rows(depth)
            return "%s[last, 0] %s %s[last, 1] + %s" % (row, self.pick("<", "<=", ">", ">="), row, self.pick("0", "1/2", "-1"))
        if kind == 2 and self.case.parts:
            row = self.pick(*self.case.heads).replace("{s}", "t")
            return "argmax(%s[last]) %s argmax(%s[last])" % (row.replace("(M,", "(%s," % self.model(depth), 1), self.pick("==", "!="), row)
        return Maker.truth(self, depth)

    def statement(self):
        """The body of a claim."""
        self.exists = self.rng.random() < 0.25
        where = " where " + self.truth(1) if self.rng.random() < 0.3 else ""
        binders = "t in tokens[2] of 0..2" + (", s in tokens[2] of 0..1" if self.two else "")
        kind = self.rng.randrange(12)
        if kind < 2:
            return "%s %s%s : %s" % (self.pick("count", "list"), binders, where, self.truth(2))
        if kind == 2:
            return "%s %s%s : %s" % (self.pick("average", "minimize", "maximize"), binders, where, self.number(2))
        return ("prove exists %s%s : %s" if self.exists else "forall %s%s prove %s") % (binders, where, self.truth(2))


PLAIN = ["logits(M, {s})", "attn(M, 0, 0, {s})", "head_out(M, 0, 0, {s})", "resid_post(M, 0, {s})", 'node(M, "hook_embed", {s})', "score(M, 0, 0, {s})"]
PARTS = ["embed", "pos_embed", "head(0, 0)", "edge(embed, unembed)", "edge(embed, head(0, 0).k)"]


def plain(name, net, more=(), parts=(), norm=False):
    shape = net.tensors["pos_embed.W_pos"][0]
    return Case(name, net, PLAIN + list(more), PARTS + list(parts), [("pos_embed.W_pos", shape[0], shape[1])], True, norm)


def other(name, net, heads=(), parts=()):
    return Case(name, net, ["logits(M, {s})"] + list(heads), list(parts), [], False, False)


def networks(seed):
    """Networks with at most a dozen units that matter."""
    rng = random.Random(seed)
    mlp = ["mlp(0)", "neuron(0, 1)", "edge(head(0, 0), mlp(0))"]
    yield plain("attention", transformer(seed, causal=rng.random() < 0.5))
    yield plain("twins", with_twins(transformer(seed + 1, causal=True, d_out=4), 1, 3))
    yield plain("relu", transformer(seed + 2, mlp="relu", d_model=2, spread=16), ["mlp_post(M, 0, {s})"], mlp)
    yield plain("gelu", transformer(seed + 3, mlp=rng.choice(["gelu", "silu", "gelu_new"]), d_model=2, spread=12), [], mlp)
    yield plain("two heads", transformer(seed + 4, heads=2, d_vocab=4, d_model=2), [], ["head(0, 1)", "edge(head(0, 1), unembed)"])
    yield plain("norm", transformer(seed + 5, norm=("ln1",), d_model=3), norm=True)
    yield plain("final norm", transformer(seed + 6, norm=("final",), d_model=2, spread=12), norm=True)
    yield other("bilinear MLP", op_nets.bilinear_mlp(seed + 7), ['node(M, "post", {s})'], ['"post"', '"left"', "embed"])
    yield other("gated", op_nets.gated(seed + 8), ['node(M, "post", {s})', 'node(M, "gate", {s})'], ['"post"', '"up"', "embed"])
    yield other("padded", op_nets.padded(seed + 9, rng.random() < 0.5, rng.randrange(3)), ["attn(M, 0, 0, {s})", 'node(M, "q", {s})'], ["embed", '"v"', "head(0, 0)"])
    yield other("bilinear attention", op_nets.bilinear_attention(seed + 10, rng.random() < 0.5, rng.choice([None, 1])), ["attn(M, 0, 0, {s})", 'node(M, "o", {s})'], ["embed", '"v"', '"q0"'])
    yield other("rotary", op_nets.rotary(seed + 11), ["attn(M, 0, 1, {s})"], ["embed", '"v"'])
    yield other("rmsnorm", op_nets.normed(seed + 12), ['node(M, "norm", {s})'], [])
    yield other("functions", op_nets.functions(seed + 13), ['node(M, "top", {s})', 'node(M, "groups", {s})', 'node(M, "div", {s})', 'node(M, "tanh", {s})', 'node(M, "pool", {s})'], ['"y"', '"jump"'])
    yield other("products", op_nets.products(seed + 14), ['node(M, "inner", {s})'], ['"x"'])


def queries(seed, count):
    """(name, text of the network, statements of claims), `count` claims in all."""
    made, k = 0, 0
    while made < count:
        for case in networks(1000 * seed + 17 * k):
            n = min(6, count - made)
            if n <= 0:
                return
            yield case.name, case.net.text(), [Claims(seed * 1000003 + made + i, case, (made + i) % 5 == 4).statement() for i in range(n)]
            made += n
        k += 1
