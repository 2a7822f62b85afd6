"""The line `symmetric` of rule enumerate (proofs/FORMAT.md, section 3, Symmetric positions): what a claim may be, and how many bindings one stands for."""
from math import factorial

from ablate import free_names
from statement import COMPONENTS, E
from values import ClaimError

READS = {"logits", "attn", "score", "head_out", "resid_pre", "resid_mid", "resid_post", "mlp_pre", "mlp_post", "node"}
OF_SEQUENCE = {"max", "min", "sum", "mean", "sort", "distinct", "contains", "len"}
OF_PARTS = OF_SEQUENCE | set("argmax argmin argmaxes abs dist norm seq onehot transpose diag dot mean_rows exp sqrt softmax log cos sin logsoftmax fold".split())
HARMLESS = {"max", "min", "sum", "len", "contains"}
ATTENTION = {"score", "softmax", "bilinear"}
BY_ROWS = ATTENTION | set("embed position add linear layernorm mix heads relu gelu gelu_new silu select concat constant sub mul div max min exp sqrt erf tanh sigmoid jumprelu topk rowsoftmax "
                          "maxpool matmul rmsnorm".split())
MOST = 2 ** 55


class Asymmetric(Exception):
    """Why a claim may tell the positions apart."""


def need(condition, message):
    if not condition:
        raise Asymmetric(message)


def weight(t, positions):
    """The number of orders of the tokens at the positions; 0 when they fall."""
    tokens = [t[i] for i in positions]
    if tokens != sorted(tokens):
        return 0
    ways = factorial(len(tokens))
    for a in set(tokens):
        ways //= factorial(tokens.count(a))
    return ways


class Variable:
    """Of a comprehension. values: of its set, when that rests on no variable, else None."""

    def __init__(self, values):
        self.values, self.number, self.moved = values, False, False


class SymmetricClaim:
    """positions: of the line. After check(): slot, the name of the sequence; total, the number of bindings."""

    def __init__(self, positions, interpreter):
        self.positions, self.interpreter, self.variables = positions, interpreter, {}

    def closed(self, e):
        """Does it rest on no variable?"""
        models, data, used, bound = self.interpreter.models, self.interpreter.data, set(), set()
        free_names(e, used, bound)
        return all(name in models or name in data or name in COMPONENTS or name == "inf" for name in used - bound)

    def runs(self, e):
        """Does it read a run of a network?"""
        if isinstance(e, E):
            return (e.kind == "call" and e.parts[0] in READS | {"output", "radius"}) or any(self.runs(x) for x in e.parts)
        return isinstance(e, (list, tuple)) and any(self.runs(x) for x in e)

    def values(self, s):
        """The integers of a..b or {...} that rests on no variable."""
        need(s.kind in ("range", "braces") and self.closed(s) and not self.runs(s), "a set that is no a..b or {...} by itself")
        return list(self.interpreter.elements(s, {}))

    def check(self, binds, parts):
        """binds and parts (condition, predicate or value; None: absent) are the claim's."""
        self.interpreter.p = 64
        self.slot, self.total = None, 1
        for name, s in binds:
            if s.kind not in ("power", "product"):
                self.total *= len(self.values(s))
                continue
            need(self.slot is None, "two variables are sequences")
            sets = [self.values(s.parts[1])] * s.parts[0] if s.kind == "power" else [self.values(x) for x in s.parts[0]]
            self.slot, self.length = name, len(sets)
            for x in sets:
                self.total *= len(x)
            need(self.positions[-1] < self.length, "a position that the sequence has not")
            need(len({tuple(sorted(sets[i])) for i in self.positions}) == 1, "the token sets of these positions are not the same")
        need(self.slot is not None, "no variable is a sequence")
        need(self.total <= MOST, "more than 2^55 bindings")
        for part in parts:
            if part is not None:
                self.same(part)

    # networks

    def network(self, e):
        """The network of a model, without its changes, that treats the positions alike as these do."""
        used, bound = set(), set()
        free_names(e, used, bound)
        need(self.slot not in used, "a model that rests on the sequence")
        frozen = self.frozen(e)
        for name in used & set(self.variables):
            self.variables[name].number = True
        changes = []
        while e.kind == "call" and e.parts[0] in ("ablate", "steer", "patch"):
            changes.append(e)
            e = e.parts[1][0]
        found = self.interpreter.model(e, {})
        net = found.net
        for x in [net] + [found.plain] * frozen:
            self.alike(x)
        for change in changes:
            need(not self.interpreter.float32 or not self.looks_at_runs(change), "under float32, a model changed by runs")
            given = [x for x in change.parts[1][1:] if not (x.kind == "set_to" and x.parts[1].kind == "key")]
            getattr(self, "change_" + change.parts[0])(net.causal, *given)
        return net

    def looks_at_runs(self, e):
        if isinstance(e, E):
            return (e.kind == "target" and e.parts[0] not in ("zero", "value")) or self.runs(e) or any(self.looks_at_runs(x) for x in e.parts)
        return isinstance(e, (list, tuple)) and any(self.looks_at_runs(x) for x in e)

    def change_steer(self, rows, component, *rest):
        self.components(component, rows)

    def change_ablate(self, rows, *arguments):
        given = {a.parts[0].parts[0]: a.parts[1] for a in arguments}
        target = given.pop("to")
        whole = [self.components(x, rows) for x in given.values()]
        equal = target.parts[0] == "zero" or (target.parts[0] == "value" and target.parts[1].kind == "num")
        need(equal or ("drop" in given and whole == [False]), "an ablate of whole components, and not to zero or a number")

    def change_patch(self, rows, *arguments):
        for a in arguments:
            need(a.kind == "set_to" and not self.components(a.parts[0], rows), "a patch of all rows")

    def components(self, e, rows):
        """Does it name whole components? Those that are indexed are at positions outside of S."""
        if e.kind == "index":
            need(len(e.parts[1]) == 1 and e.parts[0].kind != "index", "components that are not known")
            self.components(e.parts[0], rows)
            i = e.parts[1][0]
            if i.kind != "slice":
                self.position(i, rows)
                need(self.whole(i) is not None or not self.variables[i.parts[0]].moved, "rows of a component at the positions")
                return False
            low, high = 0 if i.parts[0] is None else self.whole(i.parts[0]), self.length - 1 if i.parts[1] is None else self.whole(i.parts[1])
            need(low is not None and high is not None and 0 <= low <= high < self.length, "rows of a component that are not known")
            for k in range(low, high + 1):
                self.position(E("num", k), rows)
            return False
        if e.kind == "list":
            return any([self.components(x, rows) for x in e.parts[0]])
        if e.kind == "binary" and e.parts[0] in ("+", "-"):
            return any([self.components(x, rows) for x in e.parts[1:]])
        if e.kind == "image":
            return self.components(e.parts[0], rows)
        need(e.kind in ("name", "string", "call"), "components that are not known")
        return True

    def frozen(self, e):
        if isinstance(e, E):
            return (e.kind == "key" and e.parts[0] == "frozen") or self.frozen(e.parts)
        return isinstance(e, (list, tuple)) and any(self.frozen(x) for x in e)

    def alike(self, net):
        need(net.d_vocab is not None and self.length <= net.n_ctx, "a network that does not read the sequence")
        attends = {}
        for name, node in net.nodes.items():
            need(node.op in BY_ROWS, "an operation that is not row by row")
            attends[name] = node.op == "score" or any(attends[x] for x in node.inputs)
            if node.op == "position":
                need(len({tuple(node.parts[0].rows[i]) for i in self.positions}) == 1, "positions of different rows")
            if net.causal and node.op in ("score", "mix"):
                need(not attends[node.inputs[1]], "under a causal mask, keys or values that rest on attention")

    # positions

    def whole(self, e):
        """The integer that literals and `last` make by + and -, else None."""
        if e.kind == "num":
            return e.parts[0] if isinstance(e.parts[0], int) else None
        if e.kind == "name" and e.parts[0] == "last":
            return self.length - 1
        if e.kind == "neg" or e.kind != "binary" or e.parts[0] not in ("+", "-"):
            return None
        a, b = [self.whole(x) for x in e.parts[1:]]
        return None if a is None or b is None else a + b if e.parts[0] == "+" else a - b

    def position(self, e, causal_row=False):
        low, high = (self.positions[0], self.positions[-1]) if causal_row else (0, -1)

        def untouched(i):
            return i not in self.positions and not low <= i <= high
        i = self.whole(e)
        if i is not None:
            need(0 <= i < self.length and untouched(i), "a position of S, between two of it, or beyond the sequence")
            return
        v = self.variables.get(e.parts[0]) if e.kind == "name" else None
        need(v is not None and v.values is not None and all(0 <= i < self.length for i in v.values), "not a position")
        if not all(untouched(i) for i in v.values):
            need(not causal_row and set(self.positions) <= set(v.values), "a variable that stands for some of the positions only")
            v.moved = True

    def part(self, e):
        """Of t or t[a..b]: "all" when it has all of S, "none", or None."""
        if self.is_sequence(e):
            return "all"
        if e.kind != "index" or not self.is_sequence(e.parts[0]) or len(e.parts[1]) != 1 or e.parts[1][0].kind != "slice":
            return None
        low, high = e.parts[1][0].parts
        low, high = 0 if low is None else self.whole(low), self.length - 1 if high is None else self.whole(high)
        if low is None or high is None or not 0 <= low <= high < self.length:
            return None
        inside = {low <= i <= high for i in self.positions}
        return None if len(inside) > 1 else "all" if True in inside else "none"

    def is_sequence(self, e):
        return e.kind == "name" and e.parts[0] == self.slot

    # expressions

    def same(self, e):
        """Refuses an expression that may differ from one order of the tokens to another."""
        if self.closed(e) and not self.runs(e):
            return
        method = getattr(self, "same_" + e.kind, None)
        need(method is not None, "something that may tell positions apart")
        method(*e.parts)

    def all_same(self, *parts):
        for x in parts:
            if x is not None:
                self.same(x)

    def same_num(self, x):
        pass

    def same_name(self, name):
        need(name != self.slot, "the sequence itself")
        if name in self.variables:
            self.variables[name].number = True

    def same_not(self, a):
        self.same(a)

    same_neg = same_not

    def same_if(self, *parts):
        self.all_same(*parts)

    same_range = same_slice = same_if

    def same_binary(self, op, a, b):
        self.all_same(a, b)

    def same_compare(self, ops, operands):
        self.all_same(*operands)

    def same_list(self, items):
        self.all_same(*items)

    same_braces = same_list

    def same_argmaxes(self, e):
        self.same(e)

    def same_member(self, e, s):
        need(s.kind in ("range", "braces", "argmaxes"), "membership of another set")
        self.all_same(e, s)

    def same_index(self, base, indices):
        if self.is_sequence(base):
            need(len(indices) == 1, "an index of a sequence")
            if indices[0].kind == "slice":
                need(self.part(E("index", base, indices)) == "none", "a slice with some of the positions")
            else:
                self.position(indices[0])
            return
        if base.kind == "index" and len(base.parts[1]) == len(indices) == 1 and self.is_read(base.parts[0]):
            base, indices = base.parts[0], base.parts[1] + indices
        if self.is_read(base):
            need(len(indices) <= 2, "an index of a node")
            return self.read(base.parts[0], base.parts[1], *indices)
        self.all_same(base, *indices)

    def is_read(self, e):
        return e.kind == "call" and e.parts[0] in READS

    def read(self, name, arguments, row, entry=None):
        need(self.is_sequence(arguments[-1]), "a run on something else than the sequence")
        net, attention = self.network(arguments[0]), name in ("attn", "score")
        if name == "node":
            which = arguments[1]
            if which.kind == "string":
                need(which.parts[0] in net.nodes, "a node that the network has not")
                attention = net.nodes[which.parts[0]].op in ATTENTION
            else:
                need(self.closed(which) and not self.runs(which), "a node that rests on a variable")
        else:
            self.all_same(*arguments[1:-1])
        need(row.kind != "slice", "rows of a node")
        self.position(row, net.causal)
        if attention:
            need(entry is not None and entry.kind != "slice", "a whole row of attention")
            self.position(entry)
        elif entry is not None:
            self.same(entry)

    def same_call(self, name, arguments):
        if name in ("W", "QK", "OV"):
            need(self.closed(arguments[0]), "a model that rests on a variable")
            return self.all_same(*arguments[1:])
        if name in OF_SEQUENCE and self.part(arguments[0]) == "all":
            return self.all_same(*arguments[1:])
        need(name in OF_PARTS, "a function that may tell positions apart")
        self.all_same(*arguments)

    # comprehensions

    def same_exists(self, body, binds, where):
        self.comprehension(True, body, binds, where)

    def same_quantifier(self, name, body, binds, where):
        self.comprehension(name in ("all", "any"), body, binds, where)

    def comprehension(self, settles, body, binds, where):
        mine = {}
        for name, s in binds:
            need(s.kind in ("range", "braces"), "a comprehension over another set than a..b or {...}")
            self.same(s) if s.kind == "braces" else self.all_same(*s.parts)
            mine[name] = self.variables[name] = Variable(self.values(s) if self.closed(s) and not self.runs(s) else None)
        self.all_same(body, where)
        need(not any(v.moved and v.number for v in mine.values()), "a variable that is a position and a number")
        if settles and any(v.moved for v in mine.values()):
            need(self.harmless(body) and (where is None or self.harmless(where)), "all{}, any{} or exists over the positions of something that may be an error")
        for name in mine:
            del self.variables[name]

    def harmless(self, e):
        """Made of what cannot be an error."""
        kind = e.kind
        if kind == "num":
            return True
        if kind == "name":
            return e.parts[0] in self.variables
        if kind == "index":
            return self.is_sequence(e.parts[0]) and len(e.parts[1]) == 1 and e.parts[1][0].kind != "slice"
        if kind == "call":
            name, arguments = e.parts
            if name == "abs":
                return self.harmless(arguments[0])
            return name in HARMLESS and self.part(arguments[0]) == "all" and len(arguments) <= 2 and all(self.harmless(x) for x in arguments[1:])
        if kind == "binary" and e.parts[0] in ("+", "-", "*", "and", "or", "=>", "<=>"):
            return self.harmless(e.parts[1]) and self.harmless(e.parts[2])
        if kind in ("neg", "not", "if"):
            return all(self.harmless(x) for x in e.parts)
        return kind == "compare" and all(self.harmless(x) for x in e.parts[1])


def check(positions, interpreter, binds, parts):
    """The SymmetricClaim, or Asymmetric."""
    claim = SymmetricClaim(positions, interpreter)
    try:
        claim.check(binds, parts)
    except ClaimError as why:
        raise Asymmetric(str(why))
    return claim
