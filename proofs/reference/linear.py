"""Rule separable (proofs/FORMAT.md, section 3): claims that are linear in one row of a one-layer, one-head model.

The page decides such claims by walks over positions; this checker looks at every sequence (its domains are small), but
sees the same linear forms, accepts the same claims, and settles exact ties in the same way:
Z L = sum over sources i of w_i G_i, and L = 0 when the G_i of sources with equal exact q.k add up to 0 in every group.
"""
from fractions import Fraction

from evaluate import Interpreter, names_in
from statement import E
from values import Array, ClaimError, Symbol, conjunction, disjunction, exact, integers, negate, vector

MAX_TERMS = 100000
LINEAR_OPS = {"embed", "position", "add", "linear", "heads"}
OPS = LINEAR_OPS | {"layernorm", "score", "softmax", "mix", "relu", "gelu", "gelu_new", "silu"}
NETWORK = {"logits", "attn", "score", "head_out", "resid_pre", "resid_mid", "resid_post", "mlp_pre", "mlp_post", "node", "output"}


def reads_network(part):
    if isinstance(part, (list, tuple)):
        return any(reads_network(x) for x in part)
    return isinstance(part, E) and ((part.kind == "call" and part.parts[0] in NETWORK) or reads_network(part.parts))


class NotSeparable(ClaimError):
    """The claim or network is not one that the rule takes."""

    def __init__(self, message):
        ClaimError.__init__(self, "not separable: " + message)


class Form(Symbol):
    """The minimum (kind "min"), maximum ("max") of linear forms, or one form ("one").

    A term is (constant, {("logit", j) or ("attn", i): factor}); row = (interpreter, tokens, r) says of which row.
    """

    def __init__(self, kind, terms, row):
        if len(terms) > MAX_TERMS:
            raise NotSeparable("too many forms")
        self.kind, self.terms, self.row = kind, terms, row

    def like(self, x):
        """x as a form of the same row."""
        if isinstance(x, Form):
            if x.row[2] != self.row[2]:
                raise NotSeparable("two rows")
            return x
        if not exact(x):
            raise NotSeparable("a number that is no linear form")
        return Form("one", [(Fraction(x), {})], self.row)

    def scale(self, k):
        flipped = {"one": "one", "min": "max", "max": "min"}[self.kind] if k < 0 else self.kind
        return Form(flipped, [(c * k, {key: x * k for key, x in factors.items()}) for c, factors in self.terms], self.row)

    def join(self, other):
        kinds = {self.kind, other.kind} - {"one"}
        if len(kinds) > 1:
            raise NotSeparable("a minimum and a maximum together")
        return kinds.pop() if kinds else "one"

    def plus(self, other):
        terms = []
        for c, factors in self.terms:
            for d, more in other.terms:
                total = dict(factors)
                for key, x in more.items():
                    total[key] = total.get(key, 0) + x
                terms.append((c + d, total))
        return Form(self.join(other), terms, self.row)

    # the arithmetic of values.py

    def add(self, a, b, sign):
        a, b = self.like(a), self.like(b)
        return a.plus(b.scale(sign))

    def times(self, a, b):
        form, factor = (a, b) if isinstance(a, Form) else (b, a)
        if not exact(factor):
            raise NotSeparable("a product of network values")
        return form.scale(factor)

    def quotient(self, a, b):
        if not exact(b):
            raise NotSeparable("a division by a network value")
        if b == 0:
            raise ClaimError("division by zero")
        return a.scale(1 / Fraction(b))

    def largest(self, a, b, sign):
        a, b, kind = self.like(a), self.like(b), "max" if sign > 0 else "min"
        if {a.kind, b.kind} - {"one", kind}:
            raise NotSeparable("a minimum and a maximum together")
        return Form(kind, a.terms + b.terms, self.row)

    def absolute(self):
        if self.kind != "one":
            raise NotSeparable("abs of a minimum or maximum")
        return self.largest(self, self.scale(-1), 1)

    def compare(self, op, a, b):
        difference = self.like(a).plus(self.like(b).scale(-1))
        interpreter, tokens, r = self.row
        signs = [interpreter.sign(term, tokens, r) for term in difference.terms]
        join = disjunction if difference.kind == "max" else conjunction
        above = join(None if s is None else s > 0 for s in signs)
        reaches = join(None if s is None else s >= 0 for s in signs)
        if op == "==":
            return conjunction([reaches, negate(above)])
        return {">": above, ">=": reaches, "<": negate(reaches), "<=": negate(above)}[op]


def recognise(net):
    """The softmax, score and mix nodes, whether there is a LayerNorm, and the one before the unembedding or None, of a network of the kind that FORMAT.md section 3, point 2 describes."""
    if net.d_vocab is None or net.pad is not None or not {x.op for x in net.nodes.values()} <= OPS:
        raise NotSeparable("real inputs, a padding token or an operation that the rule does not know")
    mixes = [x for x in net.nodes.values() if x.op == "mix"]
    if len(mixes) != 1 or sum(x.op == "softmax" for x in net.nodes.values()) != 1:
        raise NotSeparable("not one head")
    mix, ops = mixes[0], set()

    def walk(name, allowed):
        node = net.nodes[name]
        if node.op == "mix" and "mix" in allowed:
            return
        if node.op not in allowed:
            raise NotSeparable("a %s node" % node.op)
        ops.add(node.op)
        for x in node.inputs:
            walk(x, allowed)

    last = net.output
    while net.nodes[last].op == "linear":
        last = net.nodes[last].inputs[0]
    final = last if net.nodes[last].op == "layernorm" else None
    if final and not net.eps > 0:
        raise NotSeparable("a final LayerNorm with eps 0")
    walk(net.nodes[final].inputs[0] if final else net.output, LINEAR_OPS | {"mix"})
    softmax = net.nodes[mix.inputs[0]]
    score = net.nodes[softmax.inputs[0]]
    for name in (mix.inputs[1],) + tuple(score.inputs):
        walk(name, LINEAR_OPS | {"layernorm"})
    return softmax.name, score, mix, "layernorm" in ops or final is not None, final


class LinearInterpreter(Interpreter):
    def __init__(self, nets, statement):
        Interpreter.__init__(self, nets, statement.float32)
        if len(nets) != 1:
            raise NotSeparable("not one model")
        self.net = next(iter(nets.values()))
        self.pattern, self.score, self.mix, self.normed, self.final = recognise(self.net)
        if self.final and self.float32:
            raise NotSeparable("a final LayerNorm under float32")
        self.condition_only, self.signs, self.ties, self.read = False, {}, {}, {}
        body, binds, where = statement.body, statement.binds, statement.where
        if statement.kind == "prove" and statement.forall is None:
            if body.kind != "exists":
                raise NotSeparable("no binder")
            body, binds, where = body.parts
        self.binders(binds)
        for part in (body, where):
            self.uses(part)
            self.mark(part)

    def binders(self, binds):
        tokens = [name for name, s in binds if s.kind in ("power", "product")]
        if len(tokens) != 1:
            raise NotSeparable("not one binder over tokens")
        self.tokens = tokens[0]
        for name, s in binds:
            sets = [s.parts[1]] if s.kind == "power" else s.parts[0] if s.kind == "product" else [s]
            if any(x.kind not in ("range", "braces") or list(names_in(x)) for x in sets):
                raise NotSeparable("a set that is no constant range or list")
            if s.kind in ("power", "product"):
                sequence = next(iter(self.elements(s, {})), None)
                if sequence is not None and sequence.shape[0] > self.net.n_ctx:
                    raise NotSeparable("sequences that are too long")
                if not all(0 <= a < self.net.d_vocab for x in sets for a in self.elements(x, {})):
                    raise NotSeparable("tokens outside the vocabulary")
        self.others = [name for name, _ in binds if name != self.tokens]

    def mark(self, part):
        """The sets of comprehensions that read the sequence; one without it is a constant and may name a value twice."""
        if isinstance(part, (list, tuple)):
            for x in part:
                self.mark(x)
        elif isinstance(part, E):
            if part.kind in ("quantifier", "exists") and self.tokens in names_in(part.parts):
                for _, s in part.parts[-2]:
                    s.of_tokens = True
            self.mark(part.parts)

    def uses(self, part):
        """Beside the network the sequence stands in expressions without network values only: each of these is a feature, whatever it computes,
        and what is left of it after the first tokens does not matter to one who looks at every sequence."""
        if isinstance(part, (list, tuple)):
            for x in part:
                self.uses(x)
        if not isinstance(part, E):
            return
        if part.kind == "name" and part.parts[0] == self.tokens:
            raise NotSeparable("a use of the sequence as a whole")
        inner = list(part.parts)
        if part.kind == "call" and part.parts[0] in ("logits", "attn") and self.is_sequence(part.parts[1][-1]):
            inner = part.parts[1][:-1]
        elif not reads_network(part):
            return
        self.uses(inner)

    def is_sequence(self, e):
        return e.kind == "name" and e.parts[0] == self.tokens

    def bindings(self, binds, env):
        if binds and binds[0][1].kind == "image" and hasattr(binds[0][1], "of_tokens"):
            values = [integers(x) if isinstance(x, Array) else x for x in self.elements(binds[0][1], env)]
            if len(set(values)) != len(values):
                raise NotSeparable("a set that names a value twice")
        yield from Interpreter.bindings(self, binds, env)

    def condition(self, where, env):
        self.condition_only = True
        try:
            return self.settle(where, env)
        finally:
            self.condition_only = False

    def truth_exists(self, env, body, binds, where):
        if where is not None:
            where = E("token_only", where)
        return Interpreter.truth_exists(self, env, body, binds, where)

    def truth_token_only(self, env, where):
        before, self.condition_only = self.condition_only, True
        try:
            return self.truth(where, env)
        finally:
            self.condition_only = before

    def rows(self, env, m, name, t):
        if self.condition_only:
            raise NotSeparable("a condition on network values")
        if m.kind != "name" or not self.is_sequence(t) or name not in (self.net.output, self.pattern):
            raise NotSeparable("a network value that is no logit and no attention")
        plain = Interpreter.rows(self, env, m, name, t)
        n, width = plain.shape
        tokens = tuple(env[self.tokens])
        place = tuple(env[x] for x in self.others)
        kind = "attn" if name == self.pattern else "logit"
        classes = range(width) if kind == "attn" else self.twin(self.net, name)

        def row(i):
            if self.read.setdefault(place, i) != i:
                raise NotSeparable("two rows")
            allowed = self.sources(i, n)
            return Array((width,), lambda j: Form(
                "one", [(Fraction(0), {} if kind == "attn" and j >= allowed else {(kind, classes[j]): Fraction(1)})], (self, tokens, i)))
        return Array((n, width), row)

    def sources(self, i, n):
        return i + 1 if self.net.causal else n

    def sign(self, term, tokens, r):
        """1, -1, 0, or None at this precision."""
        self.comparison(term)
        constant, factors = term
        model = next(iter(self.models.values()))
        (run, _), lo, hi = self.run(model, vector(tokens)), constant, constant
        for (kind, j), factor in factors.items():
            mid, rad = run.row(self.net.output if kind == "logit" else self.pattern, r)
            pair = [factor * Fraction(x, 1 << self.p) for x in (mid[j] - rad[j], mid[j] + rad[j])]
            lo, hi = lo + min(pair), hi + max(pair)
        if lo > 0:
            return 1
        if hi < 0:
            return -1
        return 0 if self.tie(term, tokens, r) else None

    def comparison(self, term):
        """Behind a final LayerNorm logit_j = N_j / sigma + kappa_j: a form of logits has the sign of a sum over positions when its constant and kappas add up to 0."""
        constant, factors = term
        logits = {j: x for (kind, j), x in factors.items() if kind == "logit" and x}
        if not self.final or not logits:
            return
        kappa = self.exact_row(self.net.output, None, 0, 0)
        if any(kind == "attn" and x for (kind, _), x in factors.items()) or constant + sum(x * kappa[j] for j, x in logits.items()) != 0:
            raise NotSeparable("a constant, a bias or attention behind a final LayerNorm")

    # exact ties

    def tie(self, term, tokens, r):
        """Whether the form is exactly 0."""
        constant, factors = term
        if not any(factors.values()):
            return constant == 0
        if self.float32 or self.normed:
            return False
        groups = {}
        for i in range(self.sources(r, len(tokens))):
            logits, exponent = self.source(tokens, r, i)
            g = constant + factors.get(("attn", i), 0)
            for (kind, j), factor in factors.items():
                if kind == "logit":
                    g += factor * logits[j]
            groups[exponent] = groups.get(exponent, 0) + g
        return not any(groups.values())

    def source(self, tokens, r, i):
        """The logits of row r if all attention were on source i, and q_r . k_i, exactly."""
        key = tokens, r, i
        if key not in self.ties:
            q, k = self.exact_row(self.score.inputs[0], tokens, r, r), self.exact_row(self.score.inputs[1], tokens, i, i)
            self.ties[key] = self.exact_row(self.net.output, tokens, r, i), sum(a * b for a, b in zip(q, k))
        return self.ties[key]

    def exact_row(self, name, tokens, i, source):
        node = self.net.nodes[name]
        parts = [[Fraction(x, 1 << part.shift) for x in part.ints] for part in node.parts]
        if name == self.final:
            return parts[1] if len(parts) > 1 else [Fraction(0)] * node.width
        if node.op in ("embed", "position"):
            at, width = tokens[i] if node.op == "embed" else i, node.width
            return parts[0][at * width:(at + 1) * width]
        if node.op == "mix":
            return self.exact_row(node.inputs[1], tokens, source, source)
        rows = [self.exact_row(x, tokens, i, source) for x in node.inputs]
        if node.op == "linear":
            width = node.width
            rows = [[sum(x * parts[0][a * width + j] for a, x in enumerate(rows[0])) for j in range(width)]] + parts[1:]
        else:
            rows += parts
        return [sum(column) for column in zip(*rows)]
