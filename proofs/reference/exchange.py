"""The lines `exchangeable` of rule enumerate (proofs/FORMAT.md, section 3, Exchangeable tokens): tokens that neither the networks nor the claim tell apart."""
from itertools import product
from math import prod

from ablate import free_names
from interval import NoEnclosure
from statement import COMPONENTS, E
from symmetric import MOST, OF_PARTS, READS, need
from values import Array, ClaimError, Unsettled, exact

FUNCTIONS = OF_PARTS | {"fourier"}
TRUTHS = {"distinct", "contains"}
EVALUATIONS = 2 ** 20


class ExchangeableClaim:
    """lines: [(positions, tokens)]. After check(): slot, the sequence; sets, of its positions; total, the number of bindings; members, by position {least of a class: how many are in the set}."""

    def __init__(self, lines, symmetric, interpreter):
        self.lines, self.symmetric, self.interpreter = lines, symmetric, interpreter
        self.variables, self.done = {}, 0

    def closed(self, e):
        """Does it rest on no variable?"""
        return all(name in self.interpreter.models or name in self.interpreter.data or name in COMPONENTS or name == "inf" for name in self.free(e))

    def free(self, e):
        used, bound = set(), set()
        free_names(e, used, bound)
        return used - bound

    def runs(self, e):
        """Does it read a run of a network?"""
        if isinstance(e, E):
            return (e.kind == "call" and e.parts[0] in READS | {"output", "radius"}) or any(self.runs(x) for x in e.parts)
        return isinstance(e, (list, tuple)) and any(self.runs(x) for x in e)

    def values(self, s):
        """The integers of a..b or {...} that rests on no variable, else None."""
        if s.kind not in ("range", "braces") or not self.closed(s) or self.runs(s):
            return None
        return list(self.interpreter.elements(s, {}))

    def check(self, binds, parts):
        """binds and parts (condition, predicate or value; None: absent) are the claim's."""
        self.interpreter.p = 64
        self.slot, self.total = None, 1
        for name, s in binds or []:
            if s.kind in ("power", "product"):
                need(self.slot is None, "two variables are sequences")
                self.slot = name
                self.sets = [self.values(s.parts[1])] * s.parts[0] if s.kind == "power" else [self.values(x) for x in s.parts[0]]
                need(None not in self.sets, "a set that is no a..b or {...} by itself")
                self.total *= prod(len(x) for x in self.sets)
            else:
                self.variables[name] = self.values(s)
                need(self.variables[name] is not None, "a set that is no a..b or {...} by itself")
                self.total *= len(self.variables[name])
        need(self.slot is not None, "no variable is a sequence")
        need(self.total <= MOST, "more than 2^55 bindings")
        self.length = len(self.sets)
        self.find_classes()
        for part in parts:
            if part is not None:
                self.same(part)

    def find_classes(self):
        self.classes = [[] for _ in self.sets]                    # by position: the members of each class
        self.members = [{} for _ in self.sets]
        self.left_out = [set() for _ in self.sets]
        given = [{} for _ in self.sets]                           # by position: token: number of its line
        for k, (positions, tokens) in enumerate(self.lines):
            need(positions[-1] < self.length, "a position that the sequence has not")
            for i in positions:
                need(not any(v in given[i] for v in tokens), "a token in two classes of a position")
                given[i].update((v, k) for v in tokens)
                found = [v for v in tokens if v in self.sets[i]]
                if found:
                    self.classes[i].append(found)
                    self.members[i][found[0]] = len(found)
                    self.left_out[i].update(found[1:])
        s = self.symmetric or []
        need(all(given[i] == given[s[0]] for i in s), "the symmetric positions have different classes")

    def binds(self, binds):
        """The binders, with the tokens that are evaluated."""
        sets = [E("braces", [E("num", v) for v in x if v not in out]) for x, out in zip(self.sets, self.left_out)]
        return [(name, E("product", sets) if name == self.slot else s) for name, s in binds]

    def weight(self, t):
        """How many sequences are alike with t, which has least members: other members of its classes."""
        return prod(found.get(v, 1) for found, v in zip(self.members, t))

    # runs

    def run(self, name, arguments):
        need(name != "output", "a network that reads real numbers")
        model, t = arguments[0], arguments[-1]
        self.network(model)
        if self.interpreter.float32:
            need(self.is_sequence(t), "under float32, a run on another sequence")
            need(not self.runs(model) and not self.targets(model), "under float32, a model changed by runs")
        else:
            self.copy(t)
        self.all_same(*[x for x in arguments[1:-1] if x.kind != "string"])

    def network(self, model):
        need(self.slot not in self.free(model), "a model that rests on the sequence")
        frozen = self.frozen_norms(model)
        while model.kind == "call" and model.parts[0] in ("ablate", "steer", "patch"):
            model = model.parts[1][0]
        found = self.interpreter.model(model, {})
        for net in [found.net] + [found.plain] * frozen:
            self.embeds(net)

    def frozen_norms(self, e):
        """Does a model say `ln = frozen`, at any depth?"""
        if isinstance(e, E):
            return (e.kind == "key" and e.parts[0] == "frozen") or any(self.frozen_norms(x) for x in e.parts)
        return isinstance(e, (list, tuple)) and any(self.frozen_norms(x) for x in e)

    def embeds(self, net):
        need(net.d_vocab is not None, "a network that reads no tokens")
        for _, tokens in self.lines:
            need(tokens[-1] < net.d_vocab and net.pad not in tokens, "a token that the network has not, or that is its padding")
            for node in net.nodes.values():
                need(node.op != "embed" or len({tuple(node.parts[0].rows[v]) for v in tokens}) == 1, "tokens whose rows of the embedding are different")

    def targets(self, e):
        """Does a model look at runs: `from`, `mean`, `any`?"""
        if isinstance(e, E):
            return (e.kind == "target" and e.parts[0] in ("from", "mean", "any")) or any(self.targets(x) for x in e.parts)
        return isinstance(e, (list, tuple)) and any(self.targets(x) for x in e)

    def is_sequence(self, e):
        return e.kind == "name" and e.parts[0] == self.slot

    def copy(self, e):
        """Refuses what is not t, tokens of it, or lists of such."""
        if self.is_sequence(e):
            return
        if e.kind == "index" and self.is_sequence(e.parts[0]):
            return self.all_same(*e.parts[1])
        if e.kind == "list" or (e.kind == "call" and e.parts[0] == "seq"):
            for x in e.parts[-1]:
                self.copy(x)
            return
        self.same(e)

    # tokens and extrema

    def whole(self, e):
        """The integer that literals and `last` make by + and -, else None."""
        if e.kind == "num":
            return e.parts[0] if isinstance(e.parts[0], int) else None
        if e.kind == "name" and e.parts[0] == "last":
            return self.length - 1
        if e.kind != "binary" or e.parts[0] not in ("+", "-"):
            return None
        a, b = [self.whole(x) for x in e.parts[1:]]
        return None if a is None or b is None else a + b if e.parts[0] == "+" else a - b

    def stretch(self, e):
        """The positions of t or t[a..b], else None."""
        if self.is_sequence(e):
            return range(self.length)
        if e.kind != "index" or not self.is_sequence(e.parts[0]) or len(e.parts[1]) != 1 or e.parts[1][0].kind != "slice":
            return None
        low, high = e.parts[1][0].parts
        low, high = 0 if low is None else self.whole(low), self.length - 1 if high is None else self.whole(high)
        return None if low is None or high is None or not 0 <= low <= high < self.length else range(low, high + 1)

    def uses(self, e, inside):
        """How e uses t: the expressions t[E], and (function, positions) of extrema; None among them for another use. inside: variables bound inside e."""
        if isinstance(e, (list, tuple)):
            for x in e:
                yield from self.uses(x, inside)
        if not isinstance(e, E):
            return
        if self.is_sequence(e):
            yield None
        elif e.kind == "index" and self.is_sequence(e.parts[0]) and len(e.parts[1]) == 1 and e.parts[1][0].kind != "slice" and not self.free(e.parts[1]) & (inside | {self.slot}):
            yield e
        elif e.kind == "call" and e.parts[0] in ("max", "min") and len(e.parts[1]) == 1 and self.stretch(e.parts[1][0]) is not None:
            yield e.parts[0], self.stretch(e.parts[1][0])
        else:
            if e.kind in ("quantifier", "exists", "image"):
                inside = inside | {name for name, _ in e.parts[-2]}
            yield from self.uses(e.parts, inside)

    def environments(self, e):
        """The values of the variables in e, t and `last` left out; None where they are too many or not known."""
        names = [x for x in self.free(e) if x in self.variables]
        sets = [self.variables[x] for x in names]
        if None in sets or prod(map(len, sets)) > EVALUATIONS:
            return None
        return [dict(zip(names, x)) for x in product(*sets)]

    def value_at(self, e, env, v):
        """The exact value of e on equal tokens v, or ClaimError."""
        self.done += 1
        env = dict(env)
        env[self.slot] = Array((self.length,), lambda i: v)
        return self.exact_value(e, env)

    def exact_value(self, e, env):
        if self.is_truth(e):
            answer = self.interpreter.truth(e, env)
            if answer is None:
                raise ClaimError("unsettled")
            return "truth", answer
        return self.frozen(self.interpreter.value(e, env))

    def frozen(self, x):
        if isinstance(x, Array):
            return ("array", x.shape) + tuple(self.frozen(y) for y in x)
        if not exact(x):
            raise ClaimError("no exact value")
        return type(x).__name__, x

    def is_truth(self, e):
        if e.kind in ("compare", "not", "member", "exists"):
            return True
        if e.kind == "if":
            return self.is_truth(e.parts[1])
        return (e.kind == "binary" and e.parts[0] in ("and", "or", "=>", "<=>")) or (e.kind == "quantifier" and e.parts[0] in ("all", "any")) or (e.kind == "call" and e.parts[0] in TRUTHS)

    def of_one(self, e):
        """Is e of one token, or of one extremum, with equal values for what may stand there?"""
        uses = list(self.uses(e, set()))
        if not uses or None in uses or self.runs(e):
            return False
        environments = self.environments(e)
        if environments is None:
            return False
        extrema = [x for x in uses if isinstance(x, tuple)]
        try:
            if extrema:
                return len(extrema) == len(uses) and len(set(extrema)) == 1 and self.of_extremum(e, environments, extrema[0][1])
            return all(self.of_token(e, env, uses) for env in environments)
        except (ClaimError, Unsettled, NoEnclosure):
            return False

    def of_token(self, e, env, uses):
        at = dict(env)
        at[self.slot] = Array((self.length,), lambda i: i)
        where = {self.interpreter.value(x, at) for x in uses}
        need(self.done <= EVALUATIONS, "too many values of expressions")
        return len(where) == 1 and all(len({self.value_at(e, env, v) for v in found}) == 1 for found in self.classes[where.pop()])

    def of_extremum(self, e, environments, positions):
        """If max(T) is m on t and m' > m on t', alike, m' stands where t has a member of its class that is at most m: both lie between its least and largest token."""
        tokens = {v for i in positions for v in self.sets[i]}
        for at, line in self.lines:
            between = [v for v in tokens if line[0] <= v <= line[-1]] if set(at) & set(positions) else []
            for env in environments:
                need(self.done + len(between) <= EVALUATIONS, "too many values of expressions")
                if len({self.value_at(e, env, v) for v in between}) > 1:
                    return False
        return True

    # expressions

    def same(self, e):
        """Refuses an expression that may differ between sequences that are alike."""
        if self.closed(e) and not (self.interpreter.float32 and self.runs(e)):
            return
        if self.of_one(e) or (self.stretch(e) and self.unclassed(self.stretch(e))):
            return
        method = getattr(self, "same_" + e.kind, None)
        need(method is not None, "something that may tell tokens apart")
        method(*e.parts)

    def unclassed(self, positions):
        return all(len(found) == 1 for i in positions for found in self.classes[i])

    def all_same(self, *parts):
        for x in parts:
            if x is not None:
                self.same(x)

    def same_num(self, x):
        pass

    def same_name(self, name):
        need(name != self.slot, "the sequence itself")

    def same_if(self, *parts):
        self.all_same(*parts)

    same_range = same_slice = same_not = same_neg = same_argmaxes = same_if

    def same_binary(self, op, a, b):
        self.all_same(a, b)

    def same_compare(self, ops, operands):
        self.all_same(*operands)

    def same_list(self, items):
        self.all_same(*items)

    same_braces = same_list

    def same_member(self, e, s):
        need(s.kind in ("range", "braces", "argmaxes"), "membership of another set")
        self.all_same(e, s)

    def same_index(self, base, indices):
        need(not self.is_sequence(base), "a token by itself")
        self.all_same(base, *indices)

    def same_call(self, name, arguments):
        if name in READS | {"output"}:
            return self.run(name, arguments)
        if name in ("W", "QK", "OV"):
            need(self.slot not in self.free(arguments[0]), "a model that rests on the sequence")
            return self.all_same(*arguments[1:])
        if name == "len":
            return self.copy(arguments[0])
        if name == "contains" and self.stretch(arguments[0]):
            return self.contains(self.stretch(arguments[0]), arguments[1])
        if name == "fold" and self.stretch(arguments[2]):
            return self.fold(self.stretch(arguments[2]), *arguments[:2])
        need(name in FUNCTIONS, "a function that may tell tokens apart")
        self.all_same(*arguments)

    def contains(self, positions, e):
        environments = self.environments(e)
        need(self.slot not in self.free(e) and not self.runs(e) and environments is not None, "`contains` of something that is not known")
        named = {self.interpreter.value(e, env) for env in environments}
        need(not any(len(found) > 1 and named & set(found) for i in positions for found in self.classes[i]), "`contains` of one token of a class")

    def fold(self, positions, table, start):
        need(self.closed(table) and not self.runs(table), "a table of `fold` that is not known")
        self.same(start)
        columns = list(zip(*[[self.frozen(x) for x in row] for row in self.interpreter.value(table, {})]))
        for i in positions:
            for found in self.classes[i]:
                need(len(found) == 1 or (found[-1] < len(columns) and len({columns[v] for v in found}) == 1), "a `fold` that tells tokens of a class apart")

    def same_exists(self, body, binds, where):
        self.comprehension(body, binds, where)

    def same_quantifier(self, name, body, binds, where):
        self.comprehension(body, binds, where)

    def comprehension(self, body, binds, where):
        for name, s in binds:
            need(s.kind in ("range", "braces"), "a comprehension over another set than a..b or {...}")
            self.same(s) if s.kind == "braces" else self.all_same(*s.parts)
            self.variables[name] = self.values(s)
        self.all_same(body, where)
        for name, _ in binds:
            del self.variables[name]
