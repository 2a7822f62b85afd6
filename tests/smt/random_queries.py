"""Random small networks and random claims over all token sequences, for comparing ways of deciding them."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import op_nets  # noqa: E402
from nets import transformer, with_twins  # noqa: E402
from random_claims import Maker  # noqa: E402


class Claims(Maker):
    """Claims about a bound sequence t of two tokens, beside the closed ones of random_claims."""

    def __init__(self, seed, heads):
        Maker.__init__(self, seed)
        self.names, self.heads = ["t[0]", "t[1]", "t[last]"], heads

    def sequence(self, depth):
        return self.pick("t", "t", "t", "sort(t)", "seq(t[1], t)", Maker.sequence(self, depth))

    def rows(self, depth):
        return self.pick(*self.heads).replace("{s}", self.pick("t", "t", "t", "t", "{1, 0}", "seq(t[1], t[0])"))

    def truth(self, depth):
        kind = self.rng.randrange(6) if depth > 0 else 9
        if kind == 0:
            return "argmax(%s[last]) %s %s" % (self.rows(depth), self.pick("==", "!="), self.integer(depth - 1))
        if kind == 1:
            row = self.rows(depth)
            return "%s[last, 0] %s %s[last, 1] + %s" % (row, self.pick("<", "<=", ">", ">="), row, self.pick("0", "1/2", "-1"))
        return Maker.truth(self, depth)


PLAIN = ["logits(M, {s})", "attn(M, 0, 0, {s})", "head_out(M, 0, 0, {s})", "resid_post(M, 0, {s})", 'node(M, "hook_embed", {s})']


def networks(seed):
    """(name, net, heads) of networks with at most a dozen units that matter."""
    rng = random.Random(seed)
    yield "attention", transformer(seed, causal=rng.random() < 0.5), PLAIN
    yield "twins", with_twins(transformer(seed + 1, causal=True, d_out=4), 1, 3), PLAIN
    yield "relu", transformer(seed + 2, mlp="relu", d_model=2, spread=16), PLAIN + ["mlp_post(M, 0, {s})"]
    yield "gelu", transformer(seed + 3, mlp=rng.choice(["gelu", "silu", "gelu_new"]), d_model=2, spread=12), PLAIN
    yield "two heads", transformer(seed + 4, heads=2, d_vocab=4, d_model=2), PLAIN
    yield "norm", transformer(seed + 5, norm=("ln1",), d_model=3), PLAIN
    yield "final norm", transformer(seed + 6, norm=("final",), d_model=2, spread=12), PLAIN
    yield "bilinear MLP", op_nets.bilinear_mlp(seed + 7), ["logits(M, {s})", 'node(M, "post", {s})']
    yield "gated", op_nets.gated(seed + 8), ["logits(M, {s})", 'node(M, "post", {s})', 'node(M, "gate", {s})']


def queries(seed, count):
    """(name, text of the network, statements of claims), `count` claims in all."""
    made, k = 0, 0
    while made < count:
        for name, net, heads in networks(1000 * seed + 17 * k):
            rng, n = random.Random(seed * 7919 + made), min(6, count - made)
            if n <= 0:
                return
            claims = []
            for i in range(n):
                maker = Claims(seed * 1000003 + made + i, heads)
                where = " where " + maker.truth(1) if rng.random() < 0.3 else ""
                form = "forall t in tokens[2] of 0..2%s prove %s" if rng.random() < 0.75 else "prove exists t in tokens[2] of 0..2%s : %s"
                claims.append(form % (where, maker.truth(2)))
            yield name, net.text(), claims
            made += n
        k += 1
