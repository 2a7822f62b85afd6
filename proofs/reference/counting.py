"""Rule count (proofs/FORMAT.md, section 3) without enumeration: tables.py on every query token and every set of final states with the same forms."""
import interval
import named
import network
from rows import ends, multiply
from scans import Decision, Scan, has_network, need
from tables import Cell
from values import vector

P = 128             # fractional bits of rows and weights; terms have as many
SEQUENCES_MOST = 1 << 125


class Counting:
    """The numbers of rule count: number [lo, hi], total [lo, hi], and how many bindings there are."""

    def __init__(self, interpreter, statement, bins, enter, parts=()):
        self.x, self.s, self.bins, self.enter, self.trees = interpreter, statement, bins, enter, named.trees(parts)
        need(not interpreter.float32, "float32")
        interpreter.p = 64
        self.domain = self.true = self.open = 0
        self.total = [0, 0]
        self.rows = {}

    def count(self):
        others = [(name, s) for name, s in self.s.binds if name != self.x.tokens]
        power = next(s for name, s in self.s.binds if name == self.x.tokens)
        for env in self.x.bindings(others, {}):
            if power.kind == "power":
                self.n = power.parts[0]
                sets = [power.parts[1]] * self.n
            else:
                sets = power.parts[0]
                self.n = len(sets)
            self.one(env, [list(self.x.elements(s, env)) for s in sets])
        return [self.true, self.true + self.open], self.total, self.domain

    def one(self, env, sets):
        """One value of the other binders."""
        groups = {}
        row, states, moves, finals = self.ends(env, sets)
        for query, state, count, inner in finals:
            decision = Decision(self.x, inner).of(self.s.body)
            if isinstance(decision, bool):
                self.true += count if decision else 0
            else:
                key = query, decision[0], tuple((c, tuple(sorted(factors.items())), strict) for (c, factors), strict in decision[1])
                groups.setdefault(key, (decision, []))[1].append(state)
        for (q, _, _), (decision, finals) in groups.items():
            self.cell(env, sets, row, q, decision, classes(sets, states, moves, finals), self.lines_of(sets, row, q, states, moves, finals))

    def lines_of(self, sets, row, q, states, moves, finals):
        """The lines `part` of the cell of q and these final states: the first whose sequence is in it."""
        for tokens, lines in self.trees:
            named.need(len(tokens) == self.n, "a sequence of another length")
            if tokens[row] != q or any(t not in s for t, s in zip(tokens, sets)):
                continue
            state = next(iter(states[0]))
            for i, t in enumerate(tokens):
                state = moves[i][state][sets[i].index(t)]
            if state in finals:
                return named.Lines(lines)
        return None

    def ends(self, env, sets, attention=False):
        """The row, the automaton, and its final states that satisfy the condition: query token, state, number of sequences, variables of one of them. They are counted here."""
        need(not has_network(self.s.where), "a condition on network values")
        size = 1
        for tokens in sets:
            size *= len(tokens)
        self.domain += size
        need(0 < size < SEQUENCES_MOST, "no sequence, or too many")
        row = self.row_of(dict(env, **{self.x.tokens: vector([tokens[0] for tokens in sets])}))
        scan = Scan(self.x, env, self.n, [self.s.body] + ([self.s.where] if self.s.where is not None else []), attention=attention)
        scan.token(row)
        query = scan.keys.index(("token", row))
        states, moves = scan.levels(sets)
        finals = []
        for state, (count, path) in states[-1].items():
            inner = dict(env, **{self.x.tokens: vector(list(path))})
            condition = True if self.s.where is None else self.x.condition(self.s.where, inner)
            need(condition is not None, "an unsettled condition")
            if condition:
                self.total = [self.total[0] + count, self.total[1] + count]
                finals.append((state[query], state, count, inner))
        return row, states, moves, finals

    def row_of(self, env):
        """The row of the network that the claim reads."""
        self.x.read.clear()
        Decision(self.x, env).of(self.s.body)
        rows = set(self.x.read.values())
        need(len(rows) == 1, "not one row of a network")
        return rows.pop()

    def cell(self, env, sets, row, q, decision, levels, lines):
        word, terms = decision
        if word == "any":
            terms = Decision(self.x, env).negated(decision)[1]
        forms = [(*self.terms(sets, row, q, term, levels), strict) for term, strict in terms]
        if not levels[0][1:]:
            return

        def single(path):
            tokens = vector([tokens[t] for tokens, t in zip(sets, path)])
            truth = self.x.settle(self.s.body, dict(env, **{self.x.tokens: tokens}))
            self.x.p = 64
            return truth if word == "all" or truth is None else not truth
        yes, no, left = Cell(levels, forms, self.x.sources(row, self.n), self.bins, self.enter, single, sets, lines).count()
        self.true += yes if word == "all" else no
        self.open += left

    # numbers

    def terms(self, sets, row, q, term, levels):
        """Z L = sum of w G over the sources: least and most terms by position and token index."""
        constant, factors = term
        need(not self.x.final, "a final LayerNorm")
        need(all(kind == "logit" for kind, _ in factors), "attention weights")
        below = constant.denominator
        for x in factors.values():
            below *= x.denominator
        whole, alpha = int(constant * below), {j: int(x * below) for (_, j), x in factors.items() if x}
        low, high = [], []
        for i, tokens in enumerate(sets):
            lo, hi = {}, {}
            for at, a in enumerate(tokens):
                lo[at] = hi[at] = 0
                if i < self.x.sources(row, self.n) and (i != row or a == q) and any(c[at] for c in levels[i][1:]):
                    G = [whole << P, whole << P]
                    for j, x in alpha.items():
                        logit = self.logit(row, q, i, a, j)
                        G = [G[0] + min(x * logit[0], x * logit[1]), G[1] + max(x * logit[0], x * logit[1])]
                    lo[at], hi[at] = multiply(G, self.weight(row, q, i, a), P) if G != [0, 0] else (0, 0)
            low.append(lo)
            high.append(hi)
        return low, high

    def known(self, key, compute):
        if key not in self.rows:
            self.rows[key] = compute()
        return self.rows[key]

    def run(self, i, a, patches=None):
        """The run on n times one token."""
        evaluator = self.known("evaluator", lambda: network.Evaluator(self.x.net, P, False))
        return network.Run(evaluator, (a,) * self.n, patches)

    def logits(self, row, q, i, a):
        """The logits of the row if its token were q and all attention on source i with token a."""
        def compute():
            value = self.run(i, a).row(self.x.mix.inputs[1], i)
            return ends(self.run(row, q, {self.x.mix.name: {row: value}}).row(self.x.net.output, row))
        return self.known((row, q, i, a), compute)

    def logit(self, row, q, i, a, j):
        """Affine in the token q and in the source: from the logits of the first pair seen, when q is another."""
        first = self.known((row, "first"), lambda: (q, i, a))
        if q == first[0] or (i, a) == first[1:]:
            return self.logits(row, q, i, a)[j]
        own, direct, both = self.logits(row, first[0], i, a)[j], self.logits(row, q, *first[1:])[j], self.logits(row, *first)[j]
        return own[0] + direct[0] - both[1], own[1] + direct[1] - both[0]

    def score(self, row, q, i, a):
        node = self.x.score
        query, key = ends(self.run(row, q).row(node.inputs[0], row)), ends(self.run(i, a).row(node.inputs[1], i))
        products = [multiply(x, y, P) for x, y in zip(query, key)]
        return multiply((sum(x[0] for x in products), sum(x[1] for x in products)), interval.sqrt_ratio(1, node.d, P), P)

    def weight(self, row, q, i, a):
        """exp(score), times the same number for all sources of q: it is above 0 for certain."""
        def compute():
            s = self.known((row, q, i, a, "score"), lambda: self.score(row, q, i, a))
            top = self.known((row, q, "top"), lambda: s[1])
            return interval.exp(s[0] - top, s[1] - top, P)
        return self.known((row, q, i, a, "weight"), compute)


def classes(sets, states, moves, finals):
    """The sequences that end in one of the states: states of a position with the same continuations are one class; class 0 has none."""
    later, levels = {state: 1 for state in finals}, []
    for i in range(len(sets) - 1, -1, -1):
        numbers, now = {(0,) * len(sets[i]): 0}, {}
        for state in states[i]:
            ways = tuple(later.get(to, 0) for to in moves[i][state])
            now[state] = numbers.setdefault(ways, len(numbers))
        levels.insert(0, list(numbers))
        later = now
    return levels
