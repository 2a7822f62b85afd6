"""Random claims over the language of docs/claims.md, each with a plain meaning: pairs (text, function of a world and of the variables).

A number is an int or Fraction, or a float in a world of doubles; a truth is True, False, or None where the world does not tell. Integers never rest on a network.
"""
import itertools
import operator
from fractions import Fraction

from worlds import Edit

COMPARE = {"<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {1, 0}, "==": {0}, "!=": {-1, 1}}
LEAST = {"max": max, "min": min}


def compare(op, sign):
    return None if sign is None else sign in COMPARE[op]


def no(a):
    return None if a is None else not a


def conj(some):
    some = list(some)
    return False if False in some else None if None in some else True


def disj(some):
    return no(conj(no(a) for a in some))


def unique(world, v, i):
    """argmax(v) == i"""
    return conj(compare(">", world.sign(v[i], x)) for k, x in enumerate(v) if k != i) if 0 <= i < len(v) else False


def either(c, a, b):
    """The pair of if c then a else b; c is of tokens."""
    return "(if %s then %s else %s)" % (c[0], a[0], b[0]), lambda w, e: (a if c[1](w, e) else b)[1](w, e)


def smaller_or_larger(op, a, b):
    """The pair of min(a, b) or max(a, b)."""
    return "%s(%s, %s)" % (op, a[0], b[0]), lambda w, e: LEAST[op](a[1](w, e), b[1](w, e))


class Grammar:
    """Of claims about the models of one case: v tokens, n positions, d outputs; rng."""

    def __init__(self, rng, models, v, n, d, deep, simple):
        self.rng, self.models, self.v, self.n, self.d, self.deep, self.simple = rng, models, v, n, d, deep, simple
        self.names, self.fresh, self.positions, self.tame = [], 0, False, False      # tame: of one model at one row, in forms that are linear in it

    def pick(self, *options):
        return self.rng.choice(options)

    # ---- integers ----

    def integer(self, depth=2):
        kinds = ["constant", "token", "token", "scan"] + (["scan", "arithmetic", "if", "count", "fold", "table", "sum", "most", "index"] if depth > 0 else [])
        return getattr(self, "int_" + self.pick(*kinds))(depth - 1)

    def int_constant(self, depth):
        c = self.rng.randint(0, self.v)
        return str(c), lambda w, e: c

    def int_token(self, depth):
        if self.names and self.rng.random() < 0.7:
            x = self.pick(*self.names)
            return ("t[%s]" % x, lambda w, e: e["t"][e[x]]) if self.rng.random() < 0.8 else (x, lambda w, e: e[x])
        if self.rng.random() < 0.25:
            return "t[last]", lambda w, e: e["t"][-1]
        i = self.rng.randrange(self.n)
        return "t[%d]" % i, lambda w, e: e["t"][i]

    def int_scan(self, depth):
        f = {"max": max, "min": min, "sum": sum, "len": len, "argmax": lambda t: t.index(max(t)), "argmin": lambda t: t.index(min(t))}
        if self.rng.random() < 0.25:
            i = self.rng.randrange(self.n)
            return "sort(t)[%d]" % i, lambda w, e: sorted(e["t"])[i]
        name = self.pick(*f)
        if self.rng.random() < 0.2 and name != "len":
            a, b = sorted(self.rng.randrange(self.n) for _ in range(2))
            return "%s(t[%d..%d])" % (name, a, b), lambda w, e: f[name](e["t"][a:b + 1])
        return name + "(t)", lambda w, e: f[name](e["t"])

    def int_arithmetic(self, depth):
        a, b = self.integer(depth), self.integer(depth)
        op = self.pick("+", "-", "*", "%", "max", "min", "abs", "neg")
        if op == "%":
            m = self.rng.randint(2, 4)
            return "(%s %% %d)" % (a[0], m), lambda w, e: a[1](w, e) % m
        if op in ("max", "min"):
            return smaller_or_larger(op, a, b)
        if op == "abs":
            return "abs(%s - %s)" % (a[0], b[0] if b[0].isalnum() else "(%s)" % b[0]), lambda w, e: abs(a[1](w, e) - b[1](w, e))
        if op == "neg":
            return "(-(%s))" % a[0], lambda w, e: -a[1](w, e)
        f = {"+": operator.add, "-": operator.sub, "*": operator.mul}[op]
        return "(%s %s (%s))" % (a[0], op, b[0]), lambda w, e: f(a[1](w, e), b[1](w, e))

    def int_if(self, depth):
        return either(self.truth(depth), self.integer(depth), self.integer(depth))

    def scope(self, make):
        """make(name) with a variable over positions; (name, range text, positions, what it makes)"""
        self.fresh += 1
        name = "i%d" % self.fresh
        a, b = sorted(self.rng.randrange(self.n) for _ in range(2))
        if self.rng.random() < 0.5:
            a, b = 0, self.n - 1
        text, values = "%d..%d" % (a, b), range(a, b + 1)
        if self.rng.random() < 0.15:
            values = self.rng.sample(range(self.n), self.rng.randint(1, self.n))
            text = "{%s}" % ", ".join(map(str, values))
        self.names.append(name)
        made = make(name)
        self.names.pop()
        return name, text, values, made

    def int_count(self, depth):
        name, text, values, c = self.scope(lambda _: self.truth(depth))
        return "count{ %s : %s in %s }" % (c[0], name, text), lambda w, e: sum(c[1](w, {**e, name: i}) for i in values)

    def int_sum(self, depth):
        name, text, values, (x, c) = self.scope(lambda _: (self.integer(depth), self.truth(depth)))
        return "sum{ %s : %s in %s where %s }" % (x[0], name, text, c[0]), lambda w, e: sum(x[1](w, {**e, name: i}) for i in values if c[1](w, {**e, name: i}))

    def int_most(self, depth):
        name, text, values, (x, c) = self.scope(lambda _: (self.integer(depth), self.truth(depth)))
        op = self.pick("max", "min")
        first = min(values)
        return "%s{ %s : %s in %s where %s or %s == %d }" % (op, x[0], name, text, c[0], name, first), lambda w, e: LEAST[op](
            x[1](w, {**e, name: i}) for i in values if i == first or c[1](w, {**e, name: i}))

    def int_fold(self, depth):
        s = self.rng.randint(2, 4)
        table = [[self.rng.randrange(s) for _ in range(self.v)] for _ in range(s)]
        start = self.rng.randrange(s)

        def f(w, e):
            state = start
            for a in e["t"]:
                state = table[state][a]
            return state
        return "fold({%s}, %d, t)" % (", ".join("{%s}" % ", ".join(map(str, row)) for row in table), start), f

    def int_table(self, depth):
        x, m = self.integer(depth), self.rng.randint(2, 4)
        table = [self.rng.randint(-1, self.v) for _ in range(m)]
        return "{%s}[(%s) %% %d]" % (", ".join(map(str, table)), x[0], m), lambda w, e: table[x[1](w, e) % m]

    def int_index(self, depth):
        x = self.integer(depth)
        return "t[(%s) %% %d]" % (x[0], self.n), lambda w, e: e["t"][x[1](w, e) % self.n]

    # ---- truths of tokens ----

    def truth(self, depth=2):
        kinds = ["compare", "compare", "contains", "distinct"] + (["compare", "logic", "logic", "all", "not", "in", "if"] if depth > 0 else [])
        return getattr(self, "tri_" + self.pick(*kinds))(depth - 1)

    def tri_compare(self, depth):
        a, b, op = self.integer(depth), self.integer(depth), self.pick(*COMPARE)
        return "(%s %s %s)" % (a[0], op, b[0]), lambda w, e: compare(op, w.sign(a[1](w, e), b[1](w, e)))

    def tri_contains(self, depth):
        a = self.integer(min(depth, 0))
        return "contains(t, %s)" % a[0], lambda w, e: a[1](w, e) in e["t"]

    def tri_distinct(self, depth):
        a, b = sorted(self.rng.sample(range(self.n), 2))
        if self.rng.random() < 0.5:
            a, b = 0, self.n - 1
        return ("distinct(t)" if b - a == self.n - 1 else "distinct(t[%d..%d])" % (a, b)), lambda w, e: len(set(e["t"][a:b + 1])) == b - a + 1

    def tri_logic(self, depth):
        return self.logic(self.truth(depth), self.truth(depth))

    def logic(self, a, b):
        op = self.pick("and", "or", "=>", "<=>")
        f = {"and": lambda x, y: conj([x, y]), "or": lambda x, y: disj([x, y]), "=>": lambda x, y: disj([no(x), y]), "<=>": lambda x, y: None if None in (x, y) else x == y}[op]
        return "(%s %s %s)" % (a[0], op, b[0]), lambda w, e: f(a[1](w, e), b[1](w, e))

    def tri_not(self, depth):
        a = self.truth(depth)
        return "(not %s)" % a[0], lambda w, e: no(a[1](w, e))

    def tri_in(self, depth):
        a, some = self.integer(depth), self.rng.sample(range(self.v + 1), 2)
        return "(%s in {%d, %d})" % (a[0], *some), lambda w, e: a[1](w, e) in some

    def tri_if(self, depth):
        return either(self.truth(depth), self.truth(depth), self.truth(depth))

    def tri_all(self, depth):
        name, text, values, (x, c) = self.scope(lambda _: (self.truth(depth), self.truth(depth)))
        op = self.pick("all", "any", "exists")
        where = " where %s" % c[0] if self.rng.random() < 0.5 else ""
        f = conj if op == "all" else disj
        of = lambda w, e: f(x[1](w, {**e, name: i}) for i in values if not where or c[1](w, {**e, name: i}))   # noqa: E731
        if op == "exists":
            return "(exists %s in %s%s : %s)" % (name, text, where, x[0]), of
        return "%s{ %s : %s in %s%s }" % (op, x[0], name, text, where), of

    # ---- numbers of a network ----

    def model(self):
        return self.pick(*self.models) if not self.tame and (self.deep or self.rng.random() < 0.2) else self.models[self.first]

    def row_of(self):
        if self.positions and (self.tame or self.rng.random() < 0.8):
            return "p", lambda e: e["p"]
        return ("last", lambda e: self.n - 1) if self.row is None else (str(self.row), lambda e: self.row)

    def logits(self):
        m, (r, row) = self.model(), self.row_of()
        return "logits(%s, t)[%s]" % (m.text, r), lambda w, e: w.run(m, e["t"], e)["logits"][row(e)]

    def entry(self):
        """An output's index: a constant or of the tokens."""
        if self.rng.random() < 0.5:
            c = self.rng.randrange(self.d)
            return str(c), lambda w, e: c
        x = self.integer(1)
        return "(%s) %% %d" % (x[0], self.d), lambda w, e: x[1](w, e) % self.d

    def real(self, depth=2):
        kinds = ["logit", "logit", "logit", "attn"] + (["sum", "times", "least", "if", "attended", "rival", "abs"] if depth > 0 else []) + (["node", "distance", "product"] if depth > 0 and not self.simple else [])
        if self.tame:
            kinds = (["sum", "sum", "times", "attended", "lead", "lead", "if"] if depth > 0 else []) + ["logit", "logit", "attn"]
        return getattr(self, "real_" + self.pick(*kinds))(depth - 1)

    def real_logit(self, depth):
        v, x = self.logits(), self.entry()
        return "%s, %s]" % (v[0][:-1], x[0]), lambda w, e: v[1](w, e)[x[1](w, e)]

    def attention(self):
        m, (r, row) = self.model(), self.row_of()
        return "attn(%s, 0, 0, t)[%s" % (m.text, r), lambda w, e: w.run(m, e["t"], e)["blocks.0.attn.hook_pattern.0"][row(e)]

    def real_attn(self, depth):
        v, i = self.attention(), self.integer(0)
        return "%s, (%s) %% %d]" % (v[0], i[0], self.n), lambda w, e: v[1](w, e)[i[1](w, e) % self.n]

    def real_attended(self, depth):
        v = self.attention()
        name, text, values, (x, c) = self.scope(lambda _: (self.integer(0), self.truth(1)))
        where = " where %s" % c[0] if self.rng.random() < 0.6 else ""
        times = self.rng.random() < 0.5
        return "sum{ %s%s, %s] : %s in %s%s }" % ("(%s) * " % x[0] if times else "", v[0], name, name, text, where), lambda w, e: sum(
            (x[1](w, {**e, name: i}) if times else 1) * v[1](w, e)[i] for i in values if not where or c[1](w, {**e, name: i}))

    def real_sum(self, depth):
        a, b, op = self.real(depth), self.real(depth), self.pick("+", "-")
        return "(%s %s (%s))" % (a[0], op, b[0]), lambda w, e: a[1](w, e) + (b[1](w, e) if op == "+" else -b[1](w, e))

    def real_times(self, depth):
        a, c = self.real(depth), Fraction(self.rng.randint(-6, 6), self.rng.randint(1, 3))
        return "(%s * (%s))" % (c, a[0]), lambda w, e: (c if isinstance(a[1](w, e), (int, Fraction)) else float(c)) * a[1](w, e)

    def real_least(self, depth):
        a, b, op = self.real(depth), self.real(depth), self.pick("min", "max")
        return smaller_or_larger(op, a, b)

    def real_abs(self, depth):
        a = self.real(depth)
        return "abs(%s)" % a[0], lambda w, e: abs(a[1](w, e))

    def real_if(self, depth):
        return either(self.truth(1), self.real(depth), self.real(depth))

    def real_rival(self, depth):
        v, op = self.logits(), self.pick("max", "min")
        f = LEAST[op]
        if self.rng.random() < 0.4:
            return "%s(%s)" % (op, v[0]), lambda w, e: f(v[1](w, e))
        x = self.entry()
        return "%s{ %s, j] : j in 0..%d where j != %s }" % (op, v[0][:-1], self.d - 1, x[0]), lambda w, e: f(a for j, a in enumerate(v[1](w, e)) if j != x[1](w, e))

    def real_lead(self, depth):
        """An output above the largest of the others."""
        v, x = self.logits(), self.entry()
        return "%s, %s] - max{ %s, j] : j in 0..%d where j != %s }" % (v[0][:-1], x[0], v[0][:-1], self.d - 1, x[0]), lambda w, e: v[1](w, e)[x[1](w, e)] - max(
            a for j, a in enumerate(v[1](w, e)) if j != x[1](w, e))

    def real_node(self, depth):
        m, i = self.model(), self.rng.randrange(self.n)
        text, node = self.pick(*[x for x in (("head_out(%s, 0, 0, t)", "blocks.0.attn.hook_result.0"), ("resid_post(%s, 0, t)", "blocks.0.hook_resid_post"), ("mlp_post(%s, 0, t)", "blocks.0.mlp.hook_post"),
                                                            ('node(%s, "hook_embed", t)', "hook_embed")) if x[1] in {y for y, _, _ in m.net.nodes}])
        k = self.rng.randrange(2)
        return "%s[%d, %d]" % (text % m.text, i, k), lambda w, e: w.run(m, e["t"], e)[node][i][k]

    def real_distance(self, depth):
        a, b, k = self.logits(), self.logits(), self.pick("inf", "1")
        return "dist(%s, %s, %s)" % (k, a[0], b[0]), lambda w, e: (max if k == "inf" else sum)(abs(x - y) for x, y in zip(a[1](w, e), b[1](w, e)))

    def real_product(self, depth):
        a, b = self.real(depth), self.real(depth)
        return "(%s) * (%s)" % (a[0], b[0]), lambda w, e: a[1](w, e) * b[1](w, e)

    # ---- predicates ----

    def predicate(self, depth=2):
        kinds = ["argmax"] * 4 + ["real", "real", "constant", "argmaxes"] + (["implies", "implies", "logic", "all", "not", "if", "token", "same"] if depth > 0 else [])
        if self.tame:
            kinds = ["argmax"] * 3 + ["constant", "constant", "argmaxes"] + (["implies", "all", "not", "if"] if depth > 0 else [])
        return getattr(self, "pred_" + self.pick(*kinds))(depth - 1)

    def pred_argmax(self, depth):
        v, x, op = self.logits(), self.integer(2), self.pick("==", "==", "!=")
        if self.rng.random() < 0.5:
            y, x = x, ("(%s) %% %d" % (x[0], self.d), lambda w, e: y[1](w, e) % self.d)
        f = (lambda a: a) if op == "==" else no
        if x[0].lstrip("(-").rstrip(")").isdigit():
            return self.pred_argmaxes(depth)                  # a constant output that is not there is an error
        return "argmax(%s) %s %s" % (v[0], op, x[0]), lambda w, e: f(unique(w, v[1](w, e), x[1](w, e)))

    def pred_argmaxes(self, depth):
        v, x = self.logits(), self.entry()
        return "((%s) in argmaxes(%s))" % (x[0], v[0]), lambda w, e: conj(compare(">=", w.sign(v[1](w, e)[x[1](w, e)], a)) for k, a in enumerate(v[1](w, e)) if k != x[1](w, e))

    def pred_real(self, depth):
        a, b, op = self.real(1), self.real(0), self.pick(*COMPARE)
        return "(%s %s %s)" % (a[0], op, b[0]), lambda w, e: compare(op, w.sign(a[1](w, e), b[1](w, e)))

    def pred_constant(self, depth):
        a, c, op = self.real(1), Fraction(self.rng.randint(-24, 24), 8), self.pick("<", "<=", ">", ">=", "==")
        return "(%s %s %s)" % (a[0], op, c), lambda w, e: compare(op, w.sign(a[1](w, e), c))

    def pred_same(self, depth):
        a, b = self.logits(), self.logits()

        def f(w, e):
            x, y = a[1](w, e), b[1](w, e)
            return disj(conj([unique(w, x, i), unique(w, y, i)]) for i in range(self.d))
        return "argmax(%s) == argmax(%s)" % (a[0], b[0]), f

    def pred_token(self, depth):
        return self.truth(2)

    def pred_implies(self, depth):
        a, b = self.truth(2), self.predicate(depth)
        return "(%s => (%s))" % (a[0], b[0]), lambda w, e: disj([no(a[1](w, e)), b[1](w, e)])

    def pred_logic(self, depth):
        return self.logic(*(("(%s)" % x[0], x[1]) for x in (self.predicate(depth), self.predicate(depth))))

    def pred_not(self, depth):
        a = self.predicate(depth)
        return "(not (%s))" % a[0], lambda w, e: no(a[1](w, e))

    def pred_if(self, depth):
        return either(self.truth(1), self.predicate(depth), self.predicate(depth))

    def pred_all(self, depth):
        v, op, c, x, less = self.logits(), self.pick("all", "any"), Fraction(self.rng.randint(-8, 8), 4), self.entry(), self.pick(*COMPARE)
        f = conj if op == "all" else disj
        return "%s{ %s, j] + %s %s %s, %s] : j in 0..%d where j != %s }" % (op, v[0][:-1], c, less, v[0][:-1], x[0], self.d - 1, x[0]), lambda w, e: f(
            compare(less, w.sign(a + (c if isinstance(a, (int, Fraction)) else float(c)), v[1](w, e)[x[1](w, e)])) for j, a in enumerate(v[1](w, e)) if j != x[1](w, e))

    # ---- domains ----

    def tokens(self, n=None):
        """(set text, list of sequences)"""
        n = n or self.n
        if self.rng.random() < 0.75:
            return "tokens[%d] of 0..%d" % (n, self.v - 1), list(itertools.product(range(self.v), repeat=n))
        sets = [self.rng.sample(range(self.v), self.rng.randint(1, self.v)) for _ in range(n)]
        return "tokens(%s)" % ", ".join("{%s}" % ", ".join(map(str, s)) for s in sets), list(itertools.product(*sets))

    def image(self):
        kind = self.rng.randrange(4)
        if kind == 0:
            text, some = self.tokens()
            return "{ sort(u) : u in %s }" % text, [tuple(sorted(t)) for t in some]
        if kind == 1:
            text, some = self.tokens(self.n - 1)
            a = self.rng.randrange(self.v)
            return "{ seq(u, %d) : u in %s where u[0] != %d }" % (a, text, a), [t + (a,) for t in some if t[0] != a]
        if kind == 2:
            text, some = self.tokens(self.n - 1)
            return "{ seq(u, u[q]) : q in 0..%d, u in %s }" % (self.n - 2, text), [t + (t[q],) for q in range(self.n - 1) for t in some]
        text, some = self.tokens()
        return "{ seq(u[1..last], u[0]) : u in %s where distinct(u[0..1]) }" % text, [t[1:] + t[:1] for t in some if t[0] != t[1]]

    def domain(self, others=()):
        """(binders, list of variables). others: variables that models rest on."""
        text, some = self.image() if self.rng.random() < 0.2 else self.tokens()
        binds, values = ["t in " + text], [{"t": t} for t in some]
        if self.rng.random() < 0.25:
            c = self.pick("0..%d" % (self.n - 1), "{0, %d}" % (self.n - 1))
            ps = range(self.n) if c[0] == "0" else (0, self.n - 1)
            binds, values, self.positions = ["p in " + c] + binds, [{"p": p, **e} for p in ps for e in values], True
        if "s" in others:
            text, some = self.tokens()
            if len(values) * len(some) > 250:
                first = tuple(self.rng.randrange(self.v) for _ in range(self.n - 1))
                text, some = "tokens(%s, {0, 1})" % ", ".join("{%d}" % x for x in first), [first + (x,) for x in (0, 1)]
            binds, values = binds + ["s in " + text], [{**e, "s": s} for e in values for s in some]
        return ", ".join(binds), values


def components(net, layers, heads):
    """(text, node, width)"""
    names = {x for x, _, _ in net.nodes}
    d = net.tensors["embed.W_E"][0][1]
    out = [("embed", "hook_embed", d)] + ([("pos_embed", "hook_pos_embed", d)] if "hook_pos_embed" in names else [])
    for layer in range(layers):
        out += [("head(%d, %d)" % (layer, h), "blocks.%d.attn.hook_result.%d" % (layer, h), d) for h in range(heads)]
        if "blocks.%d.attn.b_O" % layer in net.tensors:
            out.append(("bias(%d)" % layer, "bias blocks.%d.hook_attn_out" % layer, d))
        if "blocks.%d.hook_mlp_out" % layer in names:
            out.append(("mlp(%d)" % layer, "blocks.%d.hook_mlp_out" % layer, d))
    return out


class Interventions:
    """Random changed models of one."""

    def __init__(self, rng, base, other, layers, heads, v, n, norm):
        self.rng, self.base, self.other, self.layers, self.heads, self.v, self.n, self.norm = rng, base, other, layers, heads, v, n, norm
        self.components, self.two = components(base.net, layers, heads), False
        self.how = (("", False) if not norm else rng.choice([(", ln = live", False), (", ln = frozen", True)]))
        self.names = {x for x, _, _ in base.net.nodes}

    def pick(self, *options):
        return self.rng.choice(options)

    def ln(self):
        """(text, frozen): changes of one model say the same."""
        return self.how

    def other_tensors(self, model):
        """replace or blend; the model has no edits."""
        net = self.changed_net(model.net)
        name = self.pick(*[x for x in net.tensors if x.startswith(("blocks.0.attn.W_", "embed", "pos", "unembed.W"))])
        shape, flat = net.tensors[name]
        c = self.pick(Fraction(0), Fraction(1, 2), Fraction(-1))
        net.tensors[name] = (shape, [c * x for x in flat])
        ln, frozen = self.ln()
        text = 'replace(%s, "%s" = %s * W(M, "%s")%s)' % (model.text, name, c, name, ln)
        if model.text != "M":
            return self.blended(model)
        return model.with_net(text, net, model.origin, frozen)

    @staticmethod
    def changed_net(net):
        out = type(net).__new__(type(net))
        out.__dict__.update(net.__dict__)
        out.tensors, out.memo = dict(net.tensors), {}
        return out

    def blended(self, model):
        alpha = self.pick(Fraction(1, 4), Fraction(1, 2), Fraction(3, 2))

        def mixed(net):
            net = self.changed_net(net)
            for name, (shape, flat) in net.tensors.items():
                net.tensors[name] = (shape, [(1 - alpha) * a + alpha * b for a, b in zip(flat, self.other.net.tensors[name][1])])
            return net
        return model.with_net("blend(%s, M2, %s)" % (model.text, alpha), mixed(model.net), mixed(model.origin))

    def place(self):
        """(text, position or None)"""
        return self.pick(("", None), ("", None), ("[last]", -1), ("[%d]" % (self.n - 1), self.n - 1), ("[0]", 0))

    def target(self, model):
        """(text, f(node, entry) -> the edit's function, variables)"""
        kind = self.rng.randrange(4)
        if kind == 0:
            return "zero", lambda node, entry: lambda w, e, t, i, row: [0 * a for a in row], ()
        if kind == 1:
            c = Fraction(self.rng.randint(-4, 4), 4)
            return "value %s" % c, lambda node, entry: lambda w, e, t, i, row: [c if w.mode == "exact" else float(c)] * len(row), ()

        def of(w, e, s, node, entry, i):
            row = w.run(model, s, e)[node][i]
            return list(row) if entry is None else [row[entry]]
        if kind == 2 and self.two:
            return "from s", lambda node, entry: lambda w, e, t, i, row: of(w, e, e["s"], node, entry, i), ("s",)
        if not model.plain or model.text != "M":
            return "zero", lambda node, entry: lambda w, e, t, i, row: [0 * a for a in row], ()
        some, what = list(itertools.product(range(self.v), repeat=self.n)), "tokens[%d] of 0..%d" % (self.n, self.v - 1)
        if self.rng.random() < 0.4:
            some, what = [t for t in some if t[0] != t[1]], "{ u : u in %s where u[0] != u[1] }" % what

        def mean(w, e, node, entry, i):
            key = "mean", id(model), node, entry, i
            if key not in w.memo:
                rows = [of(w, e, s, node, entry, i) for s in some]
                w.memo[key] = [sum(c) / len(rows) for c in zip(*rows)]
            return w.memo[key]
        return "mean over " + what, lambda node, entry: lambda w, e, t, i, row: mean(w, e, node, entry, i), ()

    def parts(self):
        """[(text, node, entry, reader, position)], one to three"""
        return [self.part() for _ in range(self.pick(1, 1, 2, 3))]

    def part(self):
        place, at = self.place()
        kind = self.rng.random()
        if kind < 0.2 and "blocks.0.mlp.hook_post" in self.names:
            layer, k = self.rng.randrange(self.layers), self.rng.randrange(4)
            return "neuron(%d, %d)%s" % (layer, k, place), "blocks.%d.mlp.hook_post" % layer, k, None, at
        if kind < 0.4 and not self.norm:
            edges = list(self.edges())
            text, node, reader = self.pick(*edges)
            return text + place, node, None, reader, at
        text, node, _ = self.pick(*self.components)
        return text + place, node, None, None, at

    def edges(self):
        """(text, node, node that reads)"""
        for text, node, _ in self.components:
            layer = -1 if "embed" in text else 2 * int(text.split("(")[1][0]) + (text[0] == "m")
            if layer < 2 * self.layers:
                yield "edge(%s, unembed)" % text, node, "logits"
            for k in range(self.layers):
                for h in range(self.heads):
                    if layer < 2 * k:
                        x = self.pick("q", "k", "v")
                        yield "edge(%s, head(%d, %d).%s)" % (text, k, h, x), node, "blocks.%d.attn.hook_%s.%d" % (k, x, h)
                if layer <= 2 * k and "blocks.%d.mlp.hook_pre" % k in self.names:
                    yield "edge(%s, mlp(%d))" % (text, k), node, "blocks.%d.mlp.hook_pre" % k

    def ablated(self, model):
        target, f, reads = self.target(model)
        parts = self.parts()
        ln, frozen = self.ln()
        order = sorted(parts, key=lambda x: x[2] is not None or x[3] is not None)
        edits = [Edit(node, f(node, entry), at, entry, reader) for _, node, entry, reader, at in order]
        return model.with_edits("ablate(%s, drop = {%s}, to = %s%s)" % (model.text, ", ".join(x[0] for x in parts), target, ln), edits, frozen, reads)

    def kept(self, model):
        target, f, reads = self.target(model)
        some = [x for x in self.components if not x[0].startswith("bias")]
        keep = self.rng.sample(some, self.rng.randint(1, len(some) - 1)) if len(some) > 1 else some
        ln, frozen = self.ln()
        edits = [Edit(node, f(node, None)) for text, node, _ in some if text not in {x[0] for x in keep}]
        return model.with_edits("ablate(%s, keep = {%s}, to = %s%s)" % (model.text, ", ".join(x[0] for x in keep), target, ln), edits, frozen, reads)

    def vector(self, width):
        v = [Fraction(self.rng.randint(-8, 8), 8) for _ in range(width)]
        return "{%s}" % ", ".join(map(str, v)), v

    def patched(self, model):
        place, at = self.pick(("[last]", -1), ("[0]", 0), ("[%d]" % (self.n - 1), self.n - 1))
        text, node, width = self.pick(*self.components)
        ln, frozen = self.ln()
        if self.two and not text.startswith("bias"):
            i = self.n - 1 if at == -1 else at
            source = "node(M, %s, s)[%d]" % (text, i)
            edit = Edit(node, lambda w, e, t, _, row: list(w.run(self.base, e["s"], e)[node][i]), at)
            return model.with_edits("patch(%s, %s%s = %s%s)" % (model.text, text, place, source, ln), [edit], frozen, ("s",))
        x, v = self.vector(width)
        edit = Edit(node, lambda w, e, t, _, row: [a if w.mode == "exact" else float(a) for a in v], at)
        return model.with_edits("patch(%s, %s%s = %s%s)" % (model.text, text, place, x, ln), [edit], frozen)

    def steered(self, model):
        place, at = self.place()
        text, node, width = self.pick(*self.components)
        (x, v), alpha = self.vector(width), Fraction(self.rng.randint(-4, 4), 2)
        ln, frozen = self.ln()
        edit = Edit(node, lambda w, e, t, _, row: [a + (alpha * b if w.mode == "exact" else float(alpha * b)) for a, b in zip(row, v)], at)
        return model.with_edits("steer(%s, %s%s, %s, %s%s)" % (model.text, text, place, x, alpha, ln), [edit], frozen)

    def model(self, float32, depth=2):
        """A changed model, of models changed up to `depth` times."""
        model = self.base
        if float32:                            # an execution has no edits
            self.how = self.how[0].replace("frozen", "live"), False
            return self.pick(self.other_tensors, self.blended)(model)
        for k in range(self.rng.randint(1, depth)):
            kinds = [self.ablated, self.ablated, self.patched, self.steered, self.kept]
            if model.plain:
                kinds += [self.other_tensors, self.blended]
            model = self.pick(*kinds)(model)
        return model
