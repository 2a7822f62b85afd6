"""ablate of STATEMENT.md, section 3: the pairs (node, position) that it replaces, and their rows."""
import re
from itertools import product

from attention_means import MANY, AttentionMeans, is_quick
from network import OWN, PAST, reaches
from printer import show
from statement import E
from values import Array, ClaimError, add, hull, number, quotient, vector

ALL = re.compile(r"hook_embed|hook_pos_embed|blocks\.(0|[1-9][0-9]*)\.(attn\.hook_result\.(0|[1-9][0-9]*)|hook_mlp_out)")
OVER = "x over"                                      # the variable of a mean: no name of a claim


def free_names(part, used, bound):
    """Collects the names that a part uses and those that it binds; no name is bound twice in one scope."""
    if isinstance(part, E):
        if part.kind == "name":
            used.add(part.parts[0])
        if part.kind in ("quantifier", "exists", "image"):
            bound.update(name for name, s in part.parts[-2])
        part = part.parts
    if isinstance(part, (list, tuple)):
        for x in part:
            free_names(x, used, bound)


class AblateFunctions:
    """Mixed into the Interpreter."""

    def ablate(self, arguments, env):
        """The model with a patch (None, pairs, rows, None): pairs(n) is a set of (part, position), rows(pairs, n) a dictionary of rows."""
        base, given = self.model(arguments[0], env), {}
        for a in arguments[1:]:
            if a.kind != "set_to" or a.parts[0].kind != "key" or a.parts[0].parts[0] in given:
                raise ClaimError("ablate asks for drop or keep, and to")
            given[a.parts[0].parts[0]] = a.parts[1]
        target = given.pop("to", None)
        if target is None or target.kind != "target" or len(given) != 1:
            raise ClaimError("ablate asks for drop or keep, and to")
        (key, which), = given.items()

        def pairs(n):
            found = self.pairs(which, env, base.net, n)
            if key == "drop":
                return found
            if any(part[1:] != (None, None) for part, i in found):
                raise ClaimError("keep is of whole components")
            return self.pairs(E("name", "all"), env, base.net, n) - found

        def rows(which, n):
            return getattr(self, "rows_" + target.parts[0])(arguments[0], base.net, target.parts[1], which, n, env)
        parts = base.parts | self.parts_of(which, env, base.net)
        return base.changed(base.patches + ((None, pairs, rows, None),), (base.key, object()), parts)

    def parts_of(self, e, env, net):
        """The neurons and edges that components name, wherever they are dropped."""
        if e.kind == "list":
            return frozenset().union(*[self.parts_of(x, env, net) for x in e.parts[0]])
        if e.kind == "binary" and e.parts[0] in ("+", "-"):
            return frozenset().union(*[self.parts_of(x, env, net) for x in e.parts[1:]])
        if e.kind == "image":
            body, binds, where = e.parts
            return frozenset().union(*[self.parts_of(body, inner, net) for inner in self.bindings(binds, env)
                                       if where is None or self.settle_inside(where, inner)])
        if e.kind == "index":
            return self.parts_of(e.parts[0], env, net)
        if e.kind == "name" and e.parts[0] == "all":
            return frozenset()
        part = self.part(e, env, net)
        return frozenset([part] if part[1:] != (None, None) else [])

    def pairs(self, e, env, net, n):
        if e.kind == "list":
            return set().union(*[self.pairs(x, env, net, n) for x in e.parts[0]])
        if e.kind == "binary" and e.parts[0] in ("+", "-"):
            a, b = [self.pairs(x, env, net, n) for x in e.parts[1:]]
            return a | b if e.parts[0] == "+" else a - b
        if e.kind == "image":
            body, binds, where = e.parts
            found = set()
            for inner in self.bindings(binds, env):
                if where is None or self.settle_inside(where, inner):
                    found |= self.pairs(body, inner, net, n)
            return found
        if e.kind == "index":
            if len(e.parts[1]) != 1:
                raise ClaimError("a component has one index")
            lo, hi = self.positions(e.parts[1][0], n, env)
            return {x for x in self.pairs(e.parts[0], env, net, n) if lo <= x[1] <= (lo if hi is None else hi)}
        if e.kind == "name" and e.parts[0] == "all":
            return {((name, None, None), i) for name in net.nodes if ALL.fullmatch(name) for i in range(n)}
        part = self.part(e, env, net)
        if self.width(net, part) is None:
            raise ClaimError("an attention pattern cannot be ablated")
        return {(part, i) for i in range(n)}

    def rows_zero(self, model, net, operand, pairs, n, env):
        return {x: vector([0] * self.width(net, x[0])) for x in pairs}

    def rows_value(self, model, net, operand, pairs, n, env):
        value, out = self.value(operand, env), {}
        for part, i in pairs:
            width = self.width(net, part)
            if not isinstance(value, Array):
                out[part, i] = vector([number(value)] * width)
            elif value.shape == (width,):
                out[part, i] = value
            elif value.shape == (n, width):
                out[part, i] = value[i]
            else:
                raise ClaimError("the value does not have the shape of the rows")
        return out

    def rows_of(self, model, net, t, pairs, n, env):
        """The rows of the run of the model on the sequence t, which has n tokens."""
        given = self.value(t, env)
        if net.d_vocab is None or not isinstance(given, Array) or given.shape != (n,):
            raise ClaimError("rows of a sequence of another length")
        nodes = {name: self.rows(env, model, name, t) for name in {x[0][0] for x in pairs}}
        return {(part, i): nodes[part[0]][i] if part[2] is None else vector([nodes[part[0]][i][part[2]]]) for part, i in pairs}

    def rows_from(self, model, net, operand, pairs, n, env):
        return self.rows_of(model, net, operand, pairs, n, env)

    def rows_mean(self, model, net, operand, pairs, n, env):
        return self.rows_over("mean", model, net, operand, pairs, n, env)

    def rows_any(self, model, net, operand, pairs, n, env):
        """Hulls of the rows on all sequences: each choice lies within."""
        return self.rows_over("any", model, net, operand, pairs, n, env)

    def rows_over(self, word, model, net, operand, pairs, n, env):
        used, bound = set(), set()
        free_names((model, operand), used, bound)
        closed = not used & set(env) - bound
        key = show(E("call", "", [model, E("target", word, operand)])), frozenset(pairs), n, self.p
        if closed and key in self.means:
            return self.means[key]
        means = self.quick_rows(model, net, operand, pairs, n, env) if word == "mean" and closed else {}
        for group, sequences in self.groups(model, net, operand, pairs - set(means), n, env):
            sums, count = {}, 0
            for t in sequences:
                count += 1
                for x, row in self.rows_of(model, net, E("name", OVER), group, n, dict(env, **{OVER: t})).items():
                    sums[x] = [(add if word == "mean" else hull)(a, b) for a, b in zip(sums[x], row)] if x in sums else list(row)
            if not count:
                raise ClaimError("a mean, or any, over nothing")
            means.update({x: vector([quotient(a, count) for a in row] if word == "mean" else row) for x, row in sums.items()})
        if closed:
            self.means[key] = means
        return means

    def token_sets(self, model, net, operand, n, env):
        """The sets of tokens of every position, or None: not of that kind."""
        sets = [operand.parts[1]] * operand.parts[0] if operand.kind == "power" else operand.parts[0] if operand.kind == "product" else []
        sets = [list(self.elements(s, env)) for s in sets]
        plain = model.kind == "name" and net.d_vocab is not None and len(sets) == n
        return sets if plain and all(s and all(isinstance(x, int) and 0 <= x < net.d_vocab for x in s) for s in sets) else None

    def quick_rows(self, model, net, operand, pairs, n, env):
        """The rows that attention_means.py makes: those that rest on many combinations of tokens."""
        sets = None if self.float32 else self.token_sets(model, net, operand, n, env)
        if sets is None:
            return {}
        key, reach, means = (net.sha256, show(E("target", "mean", operand)), n), reaches(net), {}
        for part, i in pairs:
            many = 1
            for j in self.looks(net, reach, part[0], i, n):
                many *= len(sets[j])
            if many > MANY and is_quick(net, reach, part[0]):
                if key not in self.attention_means:
                    self.attention_means[key] = AttentionMeans(net, reach, sets)
                row = self.attention_means[key].row(part[0], i)
                means[part, i] = row if part[2] is None else vector([row[part[2]]])
        return means

    def looks(self, net, reach, node, i, n):
        """The positions that row i of a node looks at."""
        return (i,) if reach[node] == OWN else tuple(range(i + 1 if reach[node] == PAST and net.causal else n))

    def groups(self, model, net, operand, pairs, n, env):
        """[(pairs, sequences)]: the rows of these pairs take each of their values as often on the sequences as on the set. In a product of sets of tokens
        rows have one value for all sequences that agree where they look; elsewhere the first token stands."""
        sets = self.token_sets(model, net, operand, n, env)
        if sets is None:
            return [(pairs, (inner[OVER] for inner in self.bindings([(OVER, operand)], env)))]
        reach, groups = reaches(net), {}
        for part, i in pairs:
            groups.setdefault(self.looks(net, reach, part[0], i, n), set()).add((part, i))
        return [(group, (vector(t) for t in product(*[s if i in at else s[:1] for i, s in enumerate(sets)]))) for at, group in groups.items()]
