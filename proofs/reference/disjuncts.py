"""Predicates over real variables as lists of lists of atoms, for rules farkas and polynomial (proofs/FORMAT.md, section 3): one list holds when all its atoms do. And sums of terms."""
from fractions import Fraction


def combined(*parts):
    """The sum of factor times form over pairs; a form is {what: coefficient}."""
    out = {}
    for factor, form in parts:
        for v, c in form.items():
            out[v] = out.get(v, 0) + factor * c
    return {v: c for v, c in out.items() if c}


def at(p, x):
    """The value of a polynomial, {variables with repetition: coefficient}."""
    total = Fraction(0)
    for m, c in p.items():
        for v in m:
            c = c * x[v]
        total += c
    return total


class Disjuncts:
    """What a rule adds: `interpreter`, need(condition, message), plain(e) (no variable is read), comparison and largest(row, index, strict, positive, env), the words
    `read_by` for the variables, and the most atoms there may be."""

    most = None

    def both(self, parts):
        out = [[]]
        for p in parts:
            self.need(self.most is None or (sum(map(len, out)) * (len(p) + 1) <= self.most and len(out) * len(p) <= self.most), "too many lists")
            out = [x + y for x in out for y in p]
        return out

    def join(self, both, parts):
        return self.both(parts) if both else [x for p in parts for x in p]

    def lists(self, e, positive, env):
        """Where e is true (or false): at a point where all atoms of some list hold."""
        if e is None:
            return [[]] if positive else []
        if self.plain(e):
            truth = self.interpreter.settle(e, env)
            self.need(truth is not None, "a condition is unsettled")
            return [[]] if truth == positive else []
        if e.kind == "not":
            return self.lists(e.parts[0], not positive, env)
        if e.kind == "binary" and e.parts[0] in ("and", "or"):
            return self.join((e.parts[0] == "and") == positive, [self.lists(x, positive, env) for x in e.parts[1:]])
        if e.kind == "binary" and e.parts[0] == "=>":
            return self.implication(e.parts[1], e.parts[2], positive, env)
        if e.kind == "compare":
            return self.comparison(e, positive, env)
        if e.kind == "member" and e.parts[1].kind == "argmaxes":
            return self.largest(e.parts[1].parts[0], e.parts[0], False, positive, env)
        return self.quantifier(e, positive, env)

    def implication(self, a, b, positive, env):
        return self.join(not positive, [self.lists(a, not positive, env), self.lists(b, positive, env)])

    def quantifier(self, e, positive, env):
        word = e.parts[0] if e.kind == "quantifier" else "any" if e.kind == "exists" else None
        self.need(word in ("all", "any"), "a predicate of another kind")
        body, binds, where = e.parts[-3:]
        return self.join((word == "all") == positive, [self.lists(body, positive, inner) for inner in self.inner(binds, where, env)])

    def inner(self, binds, where, env):
        """The bindings of a quantifier whose condition is true."""
        self.need(where is None or self.plain(where), "the condition of a quantifier reads " + self.read_by)
        for inner in self.interpreter.bindings(binds, env):
            c = True if where is None else self.interpreter.settle(where, inner)
            self.need(c is not None, "the condition of a quantifier is unsettled")
            if c:
                yield inner
