"""What a claim asks about the tokens of a sequence, as an automaton (proofs/FORMAT.md, section 3, separable 3), and its predicate as linear forms (4).

A state is the tuple of the values so far of all features; it is kept with one sequence that leads there, at which the interpreter finds the values of whatever
reads the tokens by features alone."""
from evaluate import names_in
from statement import E
from values import Array, ClaimError, vector
from linear import Form

STATES_MOST = 200000
FOLDS = {"max": max, "min": min, "sum": lambda a, b: a + b}


class Untabled(Exception):
    """Not a claim for tables: it is enumerated."""


def need(condition, why):
    if not condition:
        raise Untabled(why)


def has_network(part):
    if isinstance(part, E):
        return (part.kind == "call" and part.parts[0] in ("logits", "attn")) or has_network(part.parts)
    return isinstance(part, (list, tuple)) and any(has_network(x) for x in part)


class Scan:
    """The features of some expressions over the sequence `tokens` of n tokens from sets[i]. start, and step(value, i, token)."""

    def __init__(self, interpreter, env, n, parts, attention=False):
        self.interpreter, self.env, self.n, self.features, self.keys, self.attention = interpreter, env, n, [], [], attention
        for part in parts:
            self.collect(part)

    def add(self, key, start, step):
        if key not in self.keys:
            self.keys.append(key)
            self.features.append((start, step))

    def constant(self, e):
        need(self.interpreter.tokens not in names_in(e), "an argument that reads the tokens")
        return self.interpreter.value(e, self.env)

    def collect(self, e):
        x = self.interpreter
        if isinstance(e, (list, tuple)):
            for part in e:
                self.collect(part)
        if not isinstance(e, E) or x.tokens not in names_in(e):
            return
        if e.kind == "index" and x.is_sequence(e.parts[0]):
            return self.token(self.place(e.parts[1][0]))
        if e.kind == "call" and e.parts[0] in ("max", "min", "sum", "argmax", "argmin", "contains", "len") and x.is_sequence(e.parts[1][0]):
            return self.of_sequence(e.parts[0], e.parts[1][1:])
        if e.kind == "call" and e.parts[0] in ("logits", "attn"):
            need(self.attention or e.parts[0] == "logits", "attention weights")
            return self.collect(e.parts[1][:-1])
        need(not (self.attention and e.kind in ("quantifier", "exists") and has_network(e)), "a comprehension over network values")
        need(not (e.kind == "call" and e.parts[0] == "sort"), "a sorted sequence")
        if e.kind in ("quantifier", "exists") and not has_network(e) and self.scans(e):
            return
        need(e.kind != "name", "a use of the sequence that is no scan")
        self.collect(e.parts)

    def place(self, e):
        last = vector(list(range(self.n)))
        at = self.interpreter.pick(last, [e], self.env)
        need(isinstance(at, int), "a position that is no number")
        return at

    def token(self, c):
        self.add(("token", c), -1, lambda v, i, t: t if i == c else v)

    def of_sequence(self, name, rest):
        if name in FOLDS:
            need(not rest, "more than one argument")
            fold = FOLDS[name]
            self.add(name, None, lambda v, i, t: t if v is None else fold(v, t))
        elif name == "argmax":
            self.add(name, None, lambda v, i, t: (t, i) if v is None or t > v[0] else v)
        elif name == "argmin":
            self.add(name, None, lambda v, i, t: (t, i) if v is None or t < v[0] else v)
        elif name == "contains":
            wanted = self.constant(rest[0])
            self.add((name, wanted), False, lambda v, i, t: v or t == wanted)

    def scans(self, e):
        """max min sum count all any{ g : i in a..b where c } whose g and c read the sequence as t[i] alone: a sequence of equal tokens gives their values."""
        x = self.interpreter
        name, (body, binds, where) = (e.parts[0] if e.kind == "quantifier" else "any"), e.parts[-3:]
        if len(binds) != 1 or binds[0][1].kind not in ("range", "braces") or x.tokens in names_in(binds[0][1]) or not self.own([body, where], binds[0][0]):
            return False
        values = {}
        for inner in x.bindings(binds, self.env):
            place = inner[binds[0][0]]
            need(isinstance(place, int) and 0 <= place < self.n and place not in values, "positions")
            values[place] = inner
        fold = {"max": max, "min": min, "all": lambda a, b: a and b, "any": lambda a, b: a or b}.get(name, lambda a, b: a + b)

        def step(v, i, t):
            if i not in values:
                return v
            inner = dict(values[i])
            inner[x.tokens] = vector([t] * self.n)
            if where is not None and not x.settle(where, inner):
                return v
            y = x.settle(body, inner) if name in ("all", "any", "count") else x.value(body, inner)
            need(isinstance(y, (bool, int)), "a value that is no integer")
            y = int(y) if name == "count" else y
            return y if v is None else fold(v, y)
        self.add(("scan", id(e)), None, step)
        return True

    def own(self, part, i):
        """The sequence stands in it only as t[i]."""
        x = self.interpreter
        if isinstance(part, (list, tuple)):
            return all(self.own(y, i) for y in part)
        if not isinstance(part, E):
            return True
        if part.kind == "name":
            return part.parts[0] != x.tokens
        if part.kind == "index" and x.is_sequence(part.parts[0]):
            return len(part.parts[1]) == 1 and part.parts[1][0].kind == "name" and part.parts[1][0].parts[0] == i
        return self.own(part.parts, i)

    def levels(self, sets):
        """For every position, the states: [{state: (number of sequences, one of them)}], and the transitions [{state: [next state or None by token]}]."""
        states, moves = [{tuple(start for start, _ in self.features): (1, ())}], []
        for i, tokens in enumerate(sets):
            after, move = {}, {}
            for state, (count, path) in states[-1].items():
                move[state] = [tuple(step(v, i, t) for v, (_, step) in zip(state, self.features)) for t in tokens]
                for t, to in zip(tokens, move[state]):
                    before = after.get(to, (0, path + (t,)))
                    after[to] = before[0] + count, before[1]
            need(len(after) * len(tokens) < STATES_MOST, "%d pairs of a state and a token, less than %d are followed" % (len(after) * len(tokens), STATES_MOST))
            states.append(after)
            moves.append(move)
        return states, moves


class Decision:
    """The predicate at one state: a truth value, or "all" (or "any") of (term, strict): the linear form is > 0, or >= 0."""

    def __init__(self, interpreter, env):
        self.interpreter, self.env = interpreter, env

    def of(self, e, env=None):
        env = self.env if env is None else env
        if not has_network(e):
            truth = self.interpreter.settle(e, env)
            need(truth is not None, "an unsettled part")
            return truth
        if e.kind == "not":
            return self.negated(self.of(e.parts[0], env))
        if e.kind == "binary" and e.parts[0] in ("and", "or"):
            return self.join("all" if e.parts[0] == "and" else "any", [self.of(x, env) for x in e.parts[1:]])
        if e.kind == "binary" and e.parts[0] == "=>":
            return self.join("any", [self.negated(self.of(e.parts[1], env)), self.of(e.parts[2], env)])
        if e.kind == "compare":
            return self.links(e.parts[0], [self.interpreter.operand(x, env) for x in e.parts[1]])
        if e.kind == "member" and e.parts[1].kind == "argmaxes":
            return self.leads(self.interpreter.value(e.parts[1].parts[0], env), self.interpreter.value(e.parts[0], env), False)
        word = e.parts[0] if e.kind == "quantifier" else "any" if e.kind == "exists" else None
        need(word in ("all", "any"), "a predicate of another kind")
        body, binds, where = e.parts[-3:]
        need(where is None or not has_network(where), "a condition on network values")
        inner = [x for x in self.interpreter.bindings(binds, env) if where is None or self.interpreter.settle(where, x)]
        return self.join(word, [self.of(body, x) for x in inner])

    def negated(self, d):
        if isinstance(d, bool):
            return not d
        word, terms = d
        return "any" if word == "all" else "all", [((-c, {key: -x for key, x in factors.items()}), not strict) for (c, factors), strict in terms]

    def join(self, word, parts):
        """All (any) of the parts."""
        decisive, open_parts = word == "any", [d for d in parts if not isinstance(d, bool)]
        if decisive in [d for d in parts if isinstance(d, bool)]:
            return decisive
        if len(open_parts) < 2:
            return open_parts[0] if open_parts else not decisive
        need(all(d[0] == word or len(d[1]) == 1 for d in open_parts), "alls and anys together")
        return word, [term for d in open_parts for term in d[1]]

    def links(self, operators, operands):
        return self.join("all", [self.link(op, a, b) for op, a, b in zip(operators, operands, operands[1:])])

    def link(self, op, a, b):
        if isinstance(b, tuple):
            a, b = b, a
        if isinstance(a, tuple):
            need(op in ("==", "!=") and isinstance(b, int), "an argmax beside something else")
            d = self.leads(a[1], b, True)
            return d if op == "==" else self.negated(d)
        need(not isinstance(a, Array) and not isinstance(b, Array), "a comparison of lists")
        if op in ("<", "<="):
            return self.link(">" if op == "<" else ">=", b, a)
        if op == "!=":
            return self.negated(self.link("==", a, b))
        if op == "==":
            return self.join("all", [self.link(">=", a, b), self.link(">=", b, a)])
        form = a if isinstance(a, Form) else b
        need(isinstance(form, Form), "a comparison without the network")
        difference = form.like(a).plus(form.like(b).scale(-1))
        return "any" if difference.kind == "max" else "all", [(term, op == ">") for term in difference.terms]

    def leads(self, v, i, strict):
        need(isinstance(i, int) and isinstance(v, Array), "an index that is no number")
        if not 0 <= i < v.shape[0]:
            return False
        return self.join("all", [self.link(">" if strict else ">=", v[i], v[j]) for j in range(v.shape[0]) if j != i])
