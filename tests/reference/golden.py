"""The golden set: claims of every body on tiny networks of every operation, and what their mutations change.

claims() yields (name, claim); statement_changes(claim) yields (name, other claim) with a changed meaning;
field_changes(fields) yields (name, other fields).
"""
import copy
from fractions import Fraction

from claims import Claim, Margin, fields, power
from nets import transformer as random_transformer, with_twins


def text_of(x):
    x = Fraction(x)
    return "%d" % x if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)


def below(x):
    """A number with a short denominator clearly below x."""
    return Fraction(int(x * 64 // 1) - 1, 64)


def lead(v, i):
    """The margin of argmax(v) == i."""
    return min(v[i] - x for j, x in enumerate(v) if j != i)


def on_tokens(net, n):
    v = net.d_vocab
    return "t", "tokens[%d] of 0..%d" % (n, v - 1), lambda *given: power(range(v), n)


class One:
    """Claims about one network M on sequences of full length n, read at position r."""

    def __init__(self, net, r="last", separable=False, float32=False, thin=1e-9):
        self.net, self.n, self.v = net, net.n_ctx, net.d_vocab
        self.r, self.i = r, self.n - 1 if r == "last" else int(r)
        self.base = Claim("prove", [("M", net)], [on_tokens(net, self.n)], separable=separable, float32=float32, thin=thin)
        self.logits = lambda t: net.run(t)["logits"][self.i]
        self.attn = lambda t: net.run(t)["blocks.0.attn.hook_pattern.0"][self.i]
        self.row = "logits(M, t)[%s]" % r

    def right(self):
        return self.base.with_(body="argmax(%s) == max(t)" % self.row, fn=lambda t: Margin(lead(self.logits(t), max(t))))

    def wrong(self):
        return self.base.with_(body="argmax(%s) != min(t)" % self.row, fn=lambda t: Margin(-lead(self.logits(t), min(t))))

    def lowest(self, j):
        return min(self.logits(t)[j] for t in power(range(self.v), self.n))

    def threshold(self, shift=0):
        c = below(self.lowest(0)) + shift
        return self.base.with_(body="logits(M, t)[%s, 0] > %s" % (self.r, text_of(c)), fn=lambda t: Margin(self.logits(t)[0] - float(c)))

    def guarded(self):
        return self.base.with_(body="t[0] == 1 => %s" % self.right().body, antecedent=lambda t: t[0] == 1,
                               fn=lambda t: t[0] != 1 or Margin(lead(self.logits(t), max(t))))

    def gap(self):
        """logit 1 minus the largest of the others: a number"""
        return ("%s[1] - max{logits(M, t)[%s, j] : j in 0..%d where j != 1}" % (self.row, self.r, len(self.logits((0,) * self.n)) - 1),
                lambda t: lead(self.logits(t), 1))

    def mass(self):
        return ("sum{attn(M, 0, 0, t)[%s, i] : i in 0..%d where t[i] == max(t)}" % (self.r, self.n - 1),
                lambda t: sum(p for p, a in zip(self.attn(t), t) if a == max(t)))

    def linear_claims(self):
        """Claims that rule separable takes where the network allows it."""
        b = self.base
        yield "right", self.right()
        yield "right-where", self.right().with_(where=("t[0] != 1", lambda t: t[0] != 1))
        yield "right-nowhere", self.right().with_(where=("t[0] > %d" % self.v, lambda t: False))
        yield "above", self.threshold()
        yield "not-above", self.threshold(Fraction(1, 2))
        yield "guarded", self.guarded()
        yield "count", self.right().with_(kind="count")
        yield "count-wrong", self.wrong().with_(kind="count", where=("t[0] <= t[1]" if self.n > 1 else "t[0] >= 0", lambda t: self.n == 1 or t[0] <= t[1]))
        yield "count-fraction", self.right().with_(kind="count", prove=("fraction >= 1/3", lambda a, t, f: True if f[0] >= Fraction(1, 3) else False if f[1] < Fraction(1, 3) else None))
        yield "count-number", self.wrong().with_(kind="count", within="1/10", prove=("number * 2 > total", number_over_half))
        yield "count-empty", self.right().with_(kind="count", where=("max(t) > %d" % self.v, lambda t: False))
        for name, (text, fn) in (("gap", self.gap()), ("mass", self.mass())):
            if name == "mass" and (self.r != "last" or "blocks.0.attn.hook_pattern.0" not in {x for x, _, _ in self.net.nodes}):
                continue
            limit = below(sorted(fn(t) for t in power(range(self.v), self.n))[2])
            yield name, b.with_(body="%s >= %s" % (text, text_of(limit)), fn=lambda t, fn=fn, limit=limit: Margin(fn(t) - float(limit)))
            if not b.float32:
                yield "minimize-" + name, b.with_(kind="minimize", body=text, fn=fn)
                yield "minimize-prove-" + name, b.with_(kind="minimize", body=text, fn=fn, within="1/1000", prove=(
                    "value >= %s" % text_of(limit), lambda v, limit=limit: True if v[0] >= limit else False if v[1] < limit else None))
        if not b.float32:
            yield "maximize", b.with_(kind="maximize", body="logits(M, t)[%s, 1]" % self.r, fn=lambda t: self.logits(t)[1],
                                      where=("t[0] == t[%d]" % (self.n - 1), lambda t: t[0] == t[-1]))
        yield "list", self.right().with_(kind="list")
        yield "list-some", self.wrong().with_(kind="list", at_most=3)
        yield "second", b.with_(kind="count", body="argmax(%s) == sort(t)[%s]" % (self.row, "len(t) - 2" if self.n > 1 else "0"),
                                fn=lambda t: Margin(lead(self.logits(t), sorted(t)[max(self.n - 2, 0)])))
        yield "exists", self.right().with_(closed=True, where=("t[0] == 2", lambda t: t[0] == 2))
        yield "exists-not", b.with_(closed=True, body="logits(M, t)[%s, 0] < %s" % (self.r, text_of(below(self.lowest(0)))),
                                    fn=lambda t: self.logits(t)[0] < float(below(self.lowest(0))))

    def other_claims(self):
        """Claims for rule enumerate only."""
        b = self.base.with_(separable=None if self.base.separable else False)
        if not b.float32:
            yield "average", b.with_(kind="average", body="logits(M, t)[%s, 0]" % self.r, fn=lambda t: self.logits(t)[0])
            yield "average-prove", b.with_(kind="average", body="abs(logits(M, t)[%s, 0])" % self.r, fn=lambda t: abs(self.logits(t)[0]),
                                           within="1/100", prove=("value > -1", lambda v: v[0] > -1), where=("t[0] in {0, 2}", lambda t: t[0] in (0, 2)))
            yield "softmax", b.with_(kind="minimize", body="softmax(%s)[0] + exp(-%s[1]^2) - sqrt(2) / 3" % (self.row, self.row), fn=self.soft)
            yield "norms", b.with_(kind="maximize", body="norm(2, %s) + norm(1, %s) / 2 - norm(inf, %s)" % (self.row, self.row, self.row), fn=self.norms)
        yield "table", b.with_(kind="count", body="argmax(%s) == {2, 0, 1}[t[0] %% 3] or contains(t, 2) and not distinct(t)" % self.row, fn=self.table)
        yield "product", b.with_(body="logits(M, t)[%s, 0] * logits(M, t)[%s, 1] < 1000" % (self.r, self.r),
                                fn=lambda t: Margin(1000 - self.logits(t)[0] * self.logits(t)[1]))
        yield "every-position", b.with_(kind="count", binders=[("p", "0..%d" % (self.n - 1), lambda: range(self.n)), b.binders[0]],
                                        body="argmax(logits(M, t)[p]) == t[p]",
                                        fn=lambda p, t: Margin(lead(self.net.run(t)["logits"][p], t[p])))
        yield "sorted", b.with_(kind="list", binders=[("t", "{seq(l, 0, sort(l)) : l in tokens[1] of 0..%d}" % (self.v - 1),
                                                       lambda: [(a, 0, a)[:self.n] for a in range(self.v)])] if self.n == 3 else b.binders,
                                body="0 in argmaxes(%s)" % self.row,
                                fn=lambda t: Margin(lead(self.logits(t), 0)))
        yield "short", b.with_(kind="count", binders=[("t", "tokens(0..1, {2, 0})", lambda: [(a, c) for a in (0, 1) for c in (2, 0)])],
                               body="logits(M, t)[last, 0] > logits(M, t)[0, 0]",
                               fn=lambda t: Margin(self.net.run(t)["logits"][1][0] - self.net.run(t)["logits"][0][0])) if self.n > 1 else self.right()

    def soft(self, t):
        import math
        x = self.logits(t)
        return math.exp(x[0]) / sum(map(math.exp, x)) + math.exp(-x[1] ** 2) - math.sqrt(2) / 3

    def norms(self, t):
        x = self.logits(t)
        return sum(a * a for a in x) ** 0.5 + sum(map(abs, x)) / 2 - max(map(abs, x))

    def table(self, t):
        if 2 in t and len(set(t)) < len(t):
            return True
        return Margin(lead(self.logits(t), (2, 0, 1)[t[0] % 3]))


def number_over_half(a, t, f):
    return True if 2 * a[0] > t[1] else False if 2 * a[1] <= t[0] else None


def weights(net):
    """Closed claims about weights, exactly."""
    def matrix(name):
        shape, flat = net.tensors[name.partition("[")[0]]
        if "[" in name:
            h, size = int(name.partition("[")[2][:-1]), len(flat) // shape[0]
            shape, flat = shape[1:], flat[h * size:(h + 1) * size]
        return [flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]

    def times(a, b):
        return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]

    c = times(times(times(matrix("embed.W_E"), matrix("blocks.0.attn.W_V[0]")), matrix("blocks.0.attn.W_O[0]")), matrix("unembed.W_U"))
    text = '(W(M, "embed.W_E") @ OV(M, 0, 0) @ W(M, "unembed.W_U"))'
    low = min(c[a][a] for a in range(net.d_vocab))
    base = Claim("prove", [("M", net)])
    yield "ov-tight", base.with_(body="all{%s[a, a] >= %s : a in 0..%d}" % (text, text_of(low), net.d_vocab - 1), fn=lambda: True)
    yield "ov-strict", base.with_(body="all{%s[a, a] > %s : a in 0..%d}" % (text, text_of(low), net.d_vocab - 1), fn=lambda: False)
    yield "trace", base.with_(body="sum(diag(%s)) == %s" % (text, text_of(sum(c[a][a] for a in range(net.d_vocab)))), fn=lambda: True)
    q = times(matrix("blocks.0.attn.W_Q[0]"), list(zip(*matrix("blocks.0.attn.W_K[0]"))))
    yield "qk", base.with_(body="transpose(QK(M, 0, 0))[0, 1] == %s" % text_of(q[1][0]), fn=lambda: True)
    yield "qk-count", base.with_(kind="count", binders=[("a", "0..2", lambda: range(3)), ("b", "0..a", lambda a: range(a + 1))],
                                 body="QK(M, 0, 0)[a, b] < 0", fn=lambda a, b: q[a][b] < 0)
    mean = [sum(column) / net.d_vocab for column in zip(*matrix("embed.W_E"))]
    e = matrix("embed.W_E")
    yield "mean-rows", base.with_(kind="minimize", binders=[("a", "0..%d" % (net.d_vocab - 1), lambda: range(net.d_vocab))],
                                  body='dist(1, W(M, "embed.W_E")[a], mean_rows(W(M, "embed.W_E"))[0])',
                                  fn=lambda a: float(sum(abs(x - y) for x, y in zip(e[a], mean))))


def two_nets(one, two):
    binder = on_tokens(one, one.n_ctx)
    base = Claim("count", [("M", one), ("M2", two)], [binder])

    def same(t):
        a, b = one.run(t)["logits"][-1], two.run(t)["logits"][-1]
        i, j = max(range(len(a)), key=a.__getitem__), max(range(len(b)), key=b.__getitem__)
        return Margin(min(lead(a, i), lead(b, j)) * (1 if i == j else -1))

    def distance(t):
        return max(abs(x - y) for x, y in zip(one.run(t)["logits"][-1], two.run(t)["logits"][-1]))
    yield "twin-agree", base.with_(body="argmax(logits(M, t)[last]) == argmax(logits(M2, t)[last])", fn=same)
    yield "twin-list", base.with_(kind="list", body="argmax(logits(M, t)[last]) != argmax(logits(M2, t)[last])",
                                  fn=lambda t: Margin(-same(t).m))
    yield "twin-distance", base.with_(kind="maximize", body="dist(inf, logits(M, t)[last], logits(M2, t)[last])", fn=distance)


def patches(net, head="blocks.0.attn.hook_result.0"):
    """The output of head 0.0 at the last position taken from the run on s."""
    n, v = 2, net.d_vocab
    binders = [("t", "tokens[2] of 0..%d" % (v - 1), lambda: power(range(v), n)), ("s", "tokens[2] of 0..%d" % (v - 1), lambda t: power(range(v), n))]
    model = "patch(M, head(0, 0)[last] = node(M, head(0, 0), s)[last])"

    def logits(t, s):
        return net.run(t, ((head, n - 1, net.run(s)[head][n - 1]),))["logits"][n - 1]

    def whole(t, s):
        rows = tuple((head, i, [x * 2 for x in net.run(s)[head][i]]) for i in range(n))
        return net.run(t, rows)["logits"][n - 1]
    base = Claim("count", [("M", net)], binders)
    yield "patch", base.with_(body="argmax(logits(%s, t)[last]) == max(s)" % model, fn=lambda t, s: Margin(lead(logits(t, s), max(s))))
    yield "patch-all", base.with_(kind="minimize", body='logits(patch(M, "%s" = 2 * head_out(M, 0, 0, s)), t)[last, 0]' % head,
                                  fn=lambda t, s: whole(t, s)[0])
    embed = "hook_embed"

    def moved(t, s):
        return net.run(t, ((embed, 0, net.run(s)[embed][1]),))["logits"][n - 1]
    yield "patch-embed", base.with_(body="argmax(logits(patch(M, embed[0] = node(M, embed, s)[1]), t)[last]) == t[0]",
                                    fn=lambda t, s: Margin(lead(moved(t, s), t[0])))


def ablations(net, twin=None):
    """Every target of ablate and every way to name components; twin: the network in which head 0.0 writes nothing."""
    n, v = 2, net.d_vocab
    names = [name for name, _, _ in net.nodes]
    heads = [name for name in names if name.startswith("blocks.0.attn.hook_result.")]
    every = [name for name in names if name in ("hook_embed", "hook_pos_embed") or "hook_result" in name or "hook_mlp_out" in name]
    sequences = list(power(range(v), n))
    diagonal = [(a, a) for a in range(v)]
    one = [("t", "tokens[2] of 0..%d" % (v - 1), lambda: power(range(v), n))]
    two = one + [("s", "tokens[2] of 0..%d" % (v - 1), lambda t: power(range(v), n))]

    def logits(t, pairs, row):
        return net.run(t, tuple((name, i, row(name, i)) for name, i in pairs))["logits"][n - 1]

    def mean(over):
        return lambda name, i: [sum(c) / len(over) for c in zip(*[net.run(x)[name][i] for x in over])]

    def of(names, positions=range(n)):
        return [(name, i) for name in names for i in positions]

    def width(name):
        return len(net.run((0,) * n)[name][0])
    cases = [
        ("zero-heads", "drop = {head(0, h) : h in 0..%d}, to = zero" % (len(heads) - 1), of(heads), lambda name, i: [0.0] * width(name)),
        ("mean-last", "drop = {head(0, 0)[last], pos_embed}, to = mean over tokens[2] of 0..%d" % (v - 1),
         of(heads[:1], [n - 1]) + of(["hook_pos_embed"]), mean(sequences)),
        ("mean-image", "drop = embed + {}, to = mean over {seq(a, a) : a in 0..%d}" % (v - 1), of(["hook_embed"]), mean(diagonal)),
        ("keep", "keep = all - {head(0, 0), embed[0]}, to = mean over tokens[2] of 0..%d" % (v - 1), of(heads[:1]) + [("hook_embed", 0)], mean(sequences)),
        ("keep-one", "keep = {embed}, to = value 1/4", of([x for x in every if x != "hook_embed"]), lambda name, i: [0.25] * width(name)),
        ("value-rows", 'drop = {"hook_embed"[..0]}, to = value 2 * node(M, embed, t)', [("hook_embed", 0)], None),
    ]
    base = Claim("count", [("M", net)], one)
    for name, text, pairs, row in cases:
        def value(t, pairs=pairs, row=row):
            return logits(t, pairs, row or (lambda node, i: [2 * x for x in net.run(t)[node][i]]))
        yield "ablate-" + name, base.with_(kind="minimize", body="logits(ablate(M, %s), t)[last, 0]" % text, fn=lambda t, f=value: f(t)[0])
        yield "ablate-count-" + name, base.with_(body="argmax(logits(ablate(M, %s), t)[last]) == max(t)" % text, fn=lambda t, f=value: Margin(lead(f(t), max(t))))
    yield "ablate-from", base.with_(binders=two, body="argmax(logits(ablate(M, drop = {head(0, 0)}, to = from s), t)[last]) == max(s)",
                                    fn=lambda t, s: Margin(lead(logits(t, of(heads[:1]), lambda name, i: net.run(s)[name][i]), max(s))))
    nested = "ablate(ablate(M, drop = {head(0, 0)}, to = zero), drop = {pos_embed}, to = from seq(t[1], t[0]))"
    yield "ablate-nested", base.with_(kind="minimize", body="logits(%s, t)[last, 0]" % nested,
                                      fn=lambda t: logits(t, of(heads[:1] + ["hook_pos_embed"]), lambda name, i: [0.0] * width(name) if "head" in name or "result" in name
                                                          else net.run((t[1], t[0]))[name][i])[0])
    yield from parts(net, base)
    yield from steers(net, base)
    yield from biases(net, base)
    if any(op == "layernorm" for _, op, _ in net.nodes):
        yield from norms_kept(net, base)
    if twin:
        away = "logits(ablate(M, drop = {head(0, 0)}, to = zero), t)[last, 0] - logits(M2, t)[last, 0]"
        yield "ablate-twin", Claim("prove", [("M", net), ("M2", twin)], one, body="-1/1000000 < %s and %s < 1/1000000" % (away, away), fn=lambda t: bool(twin.run(t)))


def frozen_logits(net, t, patches):
    """The last logits with rows replaced, every layernorm dividing by the deviation of its input in the unchanged run."""
    clean, values, n = net.run(t), {}, len(t)
    for name, op, args in net.nodes:
        x = [values[a] if a in values else net.part(a) if not a.isdigit() else int(a) for a in args]
        if op == "layernorm":
            rows = []
            for row, kept in zip(x[0], clean[args[0]]):
                mean, old = sum(row) / len(row), sum(kept) / len(kept)
                sigma = (sum((a - old) ** 2 for a in kept) / len(kept) + float(net.eps)) ** 0.5
                rows.append([(a - mean) / sigma * (x[1][j] if len(x) > 1 else 1) + (x[2][j] if len(x) > 1 else 0) for j, a in enumerate(row)])
        else:
            rows = getattr(net, "op_" + op)(t, n, args, x)
        for node, i, row in patches:
            rows = [list(row) if node == name and j == i else r for j, r in enumerate(rows)]
        values[name] = rows
    return values["logits"][n - 1]


def norms_kept(net, base):
    """ln = frozen, in each kind of change."""
    d, half = len(net.run((0, 0))["hook_embed"][0]), [0.5, 0.25, -1.0]
    head, other = "blocks.0.attn.hook_result.0", copy.deepcopy(net)
    other.memo = {}
    other.tensors["embed.W_E"] = (net.tensors["embed.W_E"][0], [2 * x for x in net.tensors["embed.W_E"][1]])
    cases = [("zero", "ablate(M, drop = {head(0, 0)}, to = zero, ln = frozen)", lambda t: frozen_logits(net, t, [(head, i, [0.0] * d) for i in (0, 1)])),
             ("patch", "patch(M, embed[last] = {1/2, 1/4, -1}, ln = frozen)", lambda t: frozen_logits(net, t, [("hook_embed", 1, half)])),
             ("steer", "steer(M, embed[0], {1/2, 1/4, -1}, 2, ln = frozen)",
              lambda t: frozen_logits(net, t, [("hook_embed", 0, [x + 2 * a for x, a in zip(net.run(t)["hook_embed"][0], half)])])),
             ("replace", 'replace(M, "embed.W_E" = 2 * W(M, "embed.W_E"), ln = frozen)', lambda t: frozen_logits(net, t, [("hook_embed", i, other.run(t)["hook_embed"][i]) for i in (0, 1)]))]
    for name, model, f in cases:
        yield "ablate-kept-" + name, base.with_(kind="minimize", body="logits(%s, t)[last, 0]" % model, fn=lambda t, f=f: f(t)[0])
        yield "ablate-count-kept-" + name, base.with_(body="argmax(logits(%s, t)[last]) == max(t)" % model, fn=lambda t, f=f: Margin(lead(f(t), max(t))))


def biases(net, base):
    """bias(l), and weights between two models."""
    other, wide = copy.deepcopy(net), copy.deepcopy(net)
    for x in (other, wide):
        x.memo = {}
    shape, flat = net.tensors["blocks.0.attn.b_O"]
    other.tensors["blocks.0.attn.b_O"] = (shape, [Fraction(0)] * len(flat))
    shape, flat = net.tensors["embed.W_E"]
    wide.tensors["embed.W_E"] = (shape, [x * Fraction(3, 4) + Fraction(1, 4) * -x for x in flat])
    cases = [("bias", "ablate(M, drop = {bias(0)}, to = zero)", other), ("bias-keep", "steer(ablate(M, drop = {bias(0)}, to = mean over tokens[2] of 0..1), bias(0), W(M, \"blocks.0.attn.b_O\"), -1)", other),
             ("blend", 'blend(M, replace(M, "embed.W_E" = -1 * W(M, "embed.W_E")), 1/4)', wide)]
    for name, model, as_if in cases:
        yield "ablate-" + name, base.with_(kind="minimize", body="logits(%s, t)[last, 0]" % model, fn=lambda t, x=as_if: x.run(t)["logits"][1][0])
        yield "ablate-count-" + name, base.with_(body="argmax(logits(%s, t)[last]) == max(t)" % model, fn=lambda t, x=as_if: Margin(lead(x.run(t)["logits"][1], max(t))))


def steers(net, base):
    """What steers add: to rows of a node, to rows that another change gives, on top of another steer."""
    d = len(net.run((0, 0))["hook_embed"][0])
    v = [Fraction(k + 1, 4) * (-1) ** k for k in range(d)]
    text = "{%s}" % ", ".join("%d/%d" % (x.numerator, x.denominator) for x in v)
    head = "blocks.0.attn.hook_result.0"

    def moved(t, name, rows, by):
        """The last logits with `by` times v added to rows of a node."""
        old = net.run(t)[name]
        return net.run(t, tuple((name, i, [x + by * float(a) for x, a in zip(old[i], v)]) for i in rows))["logits"][1]
    cases = [
        ("last", "steer(M, embed[last], %s, 3)" % text, lambda t: moved(t, "hook_embed", [1], 3)),
        ("all-rows", "steer(M, head(0, 0), %s, -1/2)" % text, lambda t: moved(t, head, [0, 1], -0.5)),
        ("by-token", "steer(M, embed[0..0], %s, t[1])" % text, lambda t: moved(t, "hook_embed", [0], t[1])),
        ("twice", "steer(steer(M, embed, %s, 2), embed[last], %s, -1)" % (text, text),
         lambda t: net.run(t, tuple(("hook_embed", i, [x + by * float(a) for x, a in zip(net.run(t)["hook_embed"][i], v)]) for i, by in ((0, 2), (1, 1))))["logits"][1]),
        ("ablated", "steer(ablate(M, drop = {head(0, 0)}, to = zero), head(0, 0)[last], %s, 1)" % text, lambda t: net.run(t, ((head, 0, [0.0] * d), (head, 1, [float(a) for a in v])))["logits"][1]),
        ("then-ablated", "ablate(steer(M, head(0, 0), %s, 5), drop = {head(0, 0)[last]}, to = value 1/2)" % text,
         lambda t: net.run(t, ((head, 1, [0.5] * d), (head, 0, [x + 5 * float(a) for x, a in zip(net.run(t)[head][0], v)])))["logits"][1]),
    ]
    for name, model, f in cases:
        yield "ablate-steer-" + name, base.with_(kind="minimize", body="logits(%s, t)[last, 0]" % model, fn=lambda t, f=f: f(t)[0])
        yield "ablate-count-steer-" + name, base.with_(body="argmax(logits(%s, t)[last]) == max(t)" % model, fn=lambda t, f=f: Margin(lead(f(t), max(t))))


def parts(net, base):
    """Edges to the read-out, neurons, and other tensors, where nothing stands between the residual stream and the logits."""
    out = {name: (op, args) for name, op, args in net.nodes}
    if out["logits"][0] != "linear" or "normalized" in out["logits"][1][0]:
        return
    U = net.part("unembed.W_U")

    def less(t, row, scale=1.0):
        """The logits without `scale` times the row, as the last position of the read-out has it."""
        return [x - scale * sum(a * u[j] for a, u in zip(row, U)) for j, x in enumerate(net.run(t)["logits"][1])]
    half = "ablate(M, drop = {edge(embed, unembed)[last]}, to = value 1/2 * node(M, embed, t))"
    cases = [("edge", "ablate(M, drop = {edge(embed, unembed)}, to = zero)", lambda t: less(t, net.run(t)["hook_embed"][1])),
             ("edge-half", half, lambda t: less(t, net.run(t)["hook_embed"][1], 0.5)),
             ("edge-other-row", "ablate(M, drop = {edge(embed, unembed)[0]}, to = zero)", lambda t: net.run(t)["logits"][1])]
    if "blocks.0.mlp.hook_post" in out:
        W = net.part("blocks.0.mlp.W_out")
        post = [net.run(t)["blocks.0.mlp.hook_post"][1] for t in power(range(net.d_vocab), 2)]
        k = max(range(len(W)), key=lambda k: sum(abs(row[k]) for row in post))      # one that is not off
        cases.append(("neuron", "ablate(M, drop = {neuron(0, %d)}, to = zero)" % k, lambda t: less(t, W[k], net.run(t)["blocks.0.mlp.hook_post"][1][k])))
        cases.append(("edge-mlp", "patch(M, edge(mlp(0), unembed)[last] = 0 * node(M, mlp(0), t)[last])", lambda t: less(t, net.run(t)["blocks.0.hook_mlp_out"][1])))
    if len(out["logits"][1]) == 2:
        cases.append(("replace", 'replace(M, "unembed.W_U" = -2 * W(M, "unembed.W_U"))', lambda t: [-2 * x for x in net.run(t)["logits"][1]]))
    for name, text, f in cases:
        yield "ablate-" + name, base.with_(kind="minimize", body="logits(%s, t)[last, 0]" % text, fn=lambda t, f=f: f(t)[0])
        yield "ablate-count-" + name, base.with_(body="argmax(logits(%s, t)[last]) == max(t)" % text, fn=lambda t, f=f: Margin(lead(f(t), max(t))))


def without_head(net):
    """The network with W_O of head 0.0 set to 0."""
    shape, flat = net.tensors["blocks.0.attn.W_O"]
    size = len(flat) // shape[0]
    net.tensors["blocks.0.attn.W_O"] = (shape, [Fraction(0)] * size + flat[size:])
    return net


def ties(shift=0):
    """Columns 1 and 2 of the unembedding are equal: exact ties."""
    net = with_twins(random_transformer(71 + shift, d_vocab=3, n_ctx=2), 1, 2)
    b = One(net, separable=True).base
    yield "tie", b.with_(body="logits(M, t)[last, 1] >= logits(M, t)[last, 2]", fn=lambda t: bool(net.run(t)))
    yield "tie-strict", b.with_(body="logits(M, t)[last, 1] > logits(M, t)[last, 2]", fn=lambda t: not net.run(t))
    yield "tie-argmax", b.with_(kind="count", body="argmax(logits(M, t)[last]) == 1", fn=lambda t: not net.run(t))
    yield "tie-argmaxes", b.with_(kind="count", body="1 in argmaxes(logits(M, t)[last])",
                                  fn=lambda t: Margin(net.run(t)["logits"][-1][1] - net.run(t)["logits"][-1][0]))


def nets(shift=0):
    """(name, network, r, separable?); shift changes every seed."""
    def transformer(seed, **shape):
        return random_transformer(seed + shift, **shape)
    yield "plain", transformer(1, d_vocab=4, n_ctx=3, d_model=4, biases=False), "last", True
    yield "biased", transformer(2, d_vocab=3, n_ctx=4, causal=False), "last", True
    yield "row0", transformer(3, d_vocab=3, n_ctx=3, causal=False, positions=False), "0", True
    yield "one-token", transformer(4, d_vocab=5, n_ctx=1), "last", True
    yield "ln1", transformer(5, d_vocab=3, n_ctx=3, norm=("ln1",)), "last", True
    yield "two-heads", transformer(6, d_vocab=3, n_ctx=2, heads=2), "last", False
    yield "relu", transformer(7, d_vocab=3, n_ctx=2, mlp="relu", biases=False), "last", False
    yield "gelu", transformer(8, d_vocab=3, n_ctx=3, mlp="gelu", norm=("final",)), "last", False
    yield "gelu-new", transformer(9, d_vocab=3, n_ctx=2, mlp="gelu_new", norm=("ln2",)), "last", False
    yield "silu", transformer(10, d_vocab=3, n_ctx=2, mlp="silu", layers=2), "last", False
    yield "deep", transformer(11, d_vocab=2, n_ctx=3, d_out=3, layers=2, heads=2, norm=("ln1", "ln2", "final"), mlp="gelu", causal=False), "last", False


def claims(shift=0):
    def transformer(seed, **shape):
        return random_transformer(seed + shift, **shape)
    for name, net, r, separable in nets(shift):
        one = One(net, r, separable)
        found = list(one.linear_claims())
        if not separable:
            found = [x for x in found if x[0] in ("right", "above", "count", "minimize-gap", "list", "exists", "guarded", "right-nowhere")]
        if name != "deep" and name != "row0":
            found += list(one.other_claims())
        for label, claim in found:
            if net.d_vocab == 2 and label in ("table", "exists"):
                continue
            yield "%s.%s" % (name, label), claim
    for name, net, r, separable in list(nets(shift))[:3] + list(nets(shift))[6:8]:
        for label, claim in One(net, r, separable, float32=True, thin=0.02).linear_claims():
            if label in ("right", "above", "count", "mass", "gap", "list", "exists", "right-where"):
                yield "%s32.%s" % (name, label), claim
    plain = transformer(1, d_vocab=4, n_ctx=3, d_model=4, biases=False)
    for label, claim in weights(plain):
        yield "weights." + label, claim
    for label, claim in two_nets(transformer(21, n_ctx=2), transformer(22, n_ctx=2, mlp="relu")):
        yield "two." + label, claim
    for label, claim in patches(transformer(31, n_ctx=2)):
        yield "patch1." + label, claim
    for label, claim in patches(transformer(32, n_ctx=2, layers=2, heads=2, mlp="relu", biases=False)):
        yield "patch2." + label, claim
    for label, claim in ablations(transformer(31, n_ctx=2, heads=2), without_head(transformer(31, n_ctx=2, heads=2))):
        yield "ablate1." + label, claim
    for label, claim in ablations(transformer(33, n_ctx=2, layers=2, heads=2, mlp="relu", norm=("ln1", "final"))):
        yield "ablate2." + label, claim
    for label, claim in ties(shift):
        yield "ties." + label, claim


# mutations

def has_twins(net):
    """Twins tie in real numbers only."""
    shape, flat = net.tensors.get("unembed.W_U", ([0, 0], []))
    columns = [flat[j::shape[1]] for j in range(shape[1])]
    return any(a == b for i, a in enumerate(columns) for b in columns[:i])


def statement_changes(claim):
    """Claims that a careless or lying prover might have meant instead."""
    body, fn = claim.body, claim.fn
    if claim.where:
        yield "where-dropped", claim.with_(where=None)
    elif claim.binders and claim.binders[0][0] == "t" and "[last" in body + "[last":
        yield "where-added", claim.with_(where=("t[0] == 0", lambda t, *rest: t[0] == 0))
    if " == max(t)" in body and "argmax" in body and "=>" not in body and "or" not in body and "attn" not in body:
        yield "negated", claim.with_(body=body.replace("==", "!="), fn=lambda *b: Margin(-fn(*b).m))
    name, s, values = claim.binders[0] if claim.binders else (None, "", None)
    if s.startswith("tokens["):
        head, _, top = s.rpartition("..")
        n = int(s[7:s.index("]")])
        for label, k in (("domain-smaller", int(top)), ("domain-larger", int(top) + 2)):
            known = claim.separable if k <= claim.models[0][1].d_vocab else False
            yield label, claim.with_(separable=known, binders=[(name, "%s..%d" % (head, k - 1), lambda *g, k=k, n=n: power(range(k), n))] + claim.binders[1:])
    if claim.prove and "fraction >= 1/3" in claim.prove[0]:
        yield "prove-more", claim.with_(prove=("fraction >= 99/100", lambda a, t, f: True if f[0] >= Fraction(99, 100) else False if f[1] < Fraction(99, 100) else None))
    if " where j != 1}" in body:
        top = int(body.split("j in 0..")[1].split(" ")[0])
        net = claim.models[0][1]
        if top > 2 and claim.kind == "minimize":
            last = net.n_ctx - 1 if "[last" in body else int(body.split("[")[1].split("]")[0])
            yield "rival-left-out", claim.with_(body=body.replace("0..%d where j != 1" % top, "0..%d where j != 1" % (top - 1)),
                                                fn=lambda t: lead(net.run(t)["logits"][last][:-1], 1))
    if claim.kind in ("prove", "count", "list"):
        if claim.float32:
            yield "real", claim.with_(float32=False)
        else:
            other = claim.with_(float32=True, thin=0.02)
            clear = all(op != "layernorm" for _, op, _ in claim.models[0][1].nodes) and not has_twins(claim.models[0][1])
            if clear and fields(other) is not None:
                yield "float32", other
    if claim.kind == "minimize":
        yield "maximize", claim.with_(kind="maximize")
    if claim.kind == "maximize":
        yield "minimize", claim.with_(kind="minimize")


def moved(given):
    """Bindings near a given one."""
    given = list(given)
    for k, x in enumerate(given):
        if isinstance(x, tuple):
            for j in (0, len(x) - 1):
                for step in (1, -1):
                    yield tuple(given[:k] + [x[:j] + (x[j] + step,) + x[j + 1:]] + given[k + 1:])
            yield tuple(given[:k] + [x + (0,)] + given[k + 1:])
        else:
            for step in (1, -1):
                yield tuple(given[:k] + [x + step] + given[k + 1:])


def field_changes(f):
    for verdict in ("proved", "refuted", "bounded", "vacuous"):
        if verdict != f.verdict:
            yield "verdict-" + verdict, f.with_(verdict=verdict)
    for rule in ("point", "enumerate", "separable"):
        if rule != f.rule:
            yield "rule-" + rule, f.with_(rule=rule)
    for name in ("number", "total"):
        pair = getattr(f, name)
        if pair:
            for label, (a, b) in (("plus", (1, 1)), ("minus", (-1, -1)), ("wider", (0, 1)), ("lower", (-1, 0)), ("empty", (1, 0))):
                if pair[0] + a >= 0 and pair[1] + b >= 0:
                    yield "%s-%s" % (name, label), f.with_(**{name: (pair[0] + a, pair[1] + b)})
    if f.value:
        lo, hi = f.value
        width = hi - lo
        for label, value in (("lo-inward", (lo + width, hi)), ("hi-inward", (lo, hi - width)), ("up", (lo + width, hi + width)), ("down", (lo - width, hi - width)),
                             ("wide", (lo - 1, hi)), ("negated", (-hi, -lo)), ("swapped", (hi, lo))):
            yield "value-" + label, f.with_(value=value)
    for name in ("attains", "witness", "counterexample"):
        if getattr(f, name) is not None:
            for k, other in enumerate(moved(getattr(f, name))):
                yield "%s-%d" % (name, k), f.with_(**{name: other})
            yield name + "-gone", f.with_(**{name: None})
    if f.complete is not None:
        yield "complete-flipped", f.with_(complete=not f.complete)
        if f.items:
            yield "item-dropped", f.with_(items=f.items[1:])
            yield "item-twice", f.with_(items=f.items[:1] + f.items)
            yield "items-reversed", f.with_(items=f.items[::-1])
            for k, other in enumerate(moved(f.items[-1])):
                yield "item-%d" % k, f.with_(items=f.items[:-1] + [other])
