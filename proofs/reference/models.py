"""Weights and runs of networks in expressions: the functions of STATEMENT.md that name a model, and patch."""
from fractions import Fraction

import edit
import network
from printer import show
from values import Array, ClaimError, Real, ends, exact, integer, integers, matrix, number, real, times, vector


class Model:
    """A network with patches [(part, index expression or None, value, environment)], part as in edit.py; key names it; parts: those that the
    patches name and that are no whole nodes; steers: those that steers name, whose patches are (Steer, index, what is added, environment)."""

    def __init__(self, net, patches=(), key=None, parts=frozenset(), steers=(), plain=None, frozen=False):
        self.net, self.patches, self.key, self.parts, self.steers = net, patches, key, parts, steers
        self.plain, self.frozen = plain or net, frozen        # the network without any change; a change says ln = frozen

    def changed(self, patches, key, parts, steers=None):
        return Model(self.net, patches, key, parts, self.steers if steers is None else steers, self.plain, self.frozen)

    def clean(self):
        """The network whose norms are kept, or None."""
        return self.plain if self.frozen and any(x.op in ("layernorm", "rmsnorm") for x in self.net.nodes.values()) else None


class Steer:
    def __init__(self, number, part):
        self.number, self.part = number, part


def radius_key(model, x, target, box=None):
    """The start of the line `radius` that speaks of this value (FORMAT.md, section 3); box: its two corners."""
    def vector(v):
        return ",".join(map(str, v)) + ("," if len(v) == 1 else "")
    return "%s %s %s" % (model, "*" if target is None else target, vector(x)) + (" in %s %s" % tuple(map(vector, box)) if box else "")


class ModelFunctions:
    """Mixed into the Interpreter, which has value(), models, float32 and the precision p."""

    def tensor(self, model, name):
        if model.patches or name not in model.net.tensors:
            raise ClaimError("no tensor '%s'" % name)
        t = model.net.tensors[name]

        def part(shape, start):
            if not shape:
                return t.entry(start)
            size = 1
            for n in shape[1:]:
                size *= n
            return Array(tuple(shape), lambda i: part(shape[1:], start + i * size))
        return part(list(t.shape), 0)

    def string(self, e):
        if e.kind != "string":
            raise ClaimError("a string is asked for")
        return e.parts[0]

    def call_W(self, env, m, name):
        return self.tensor(self.model(m, env), self.string(name))

    def weights(self, env, m, layer, head, names):
        """W[head] of the two tensors of a layer; where keys or values come in groups, that of the group which the head reads."""
        model, out = self.model(m, env), []
        layer, head = integer(self.value(layer, env)), integer(self.value(head, env))
        names = ["blocks.%d.attn.%s" % (layer, name) for name in names]
        grouped = [n.replace("attn.W_", "attn._W_") if n not in model.net.tensors else n for n in names]
        tensors = [self.tensor(model, g if g in model.net.tensors else n) for n, g in zip(names, grouped)]
        if any(len(w.shape) != 3 for w in tensors):
            raise ClaimError("no such head")
        heads = [w.shape[0] for w, n, g in zip(tensors, names, grouped) if n == g]
        for w, n, g in zip(tensors, names, grouped):
            if not heads or not 0 <= head < heads[0]:
                raise ClaimError("no such head")
            index = head if n == g else head * w.shape[0] // heads[0]
            if index >= w.shape[0]:
                raise ClaimError("no such head")
            out.append(w[index])
        return out

    def call_QK(self, env, m, layer, head):
        q, k = self.weights(env, m, layer, head, ("W_Q", "W_K"))
        if q.shape[1] != k.shape[1]:
            raise ClaimError("W_Q and W_K do not fit")
        return matrix([[self.dot(a, b) for b in k] for a in q])

    def call_OV(self, env, m, layer, head):
        v, o = self.weights(env, m, layer, head, ("W_V", "W_O"))
        return self.matmul(v, o)

    def call_radius(self, env, m, x, *rest):
        target = rest[0] if len(rest) % 2 else None
        if self.float32 or m.kind != "name" or m.parts[0] not in self.models:
            raise ClaimError("radius is of the real function of a network")
        x = self.exact_numbers(self.value(x, env), None)
        box = [self.exact_numbers(self.value(e, env), len(x)) for e in rest[len(rest) % 2:]]
        name = radius_key(m.parts[0], x, None if target is None else integer(self.value(target, env)), box)
        if name not in self.radii:
            raise ClaimError("no line 'radius' for a value that the claim reads")
        return real(*self.radii[name])

    def exact_numbers(self, x, n):
        """A vector of exact numbers; of n entries, or a number for n equal ones, when n is given."""
        if n is not None and exact(x):
            return [Fraction(x)] * n
        if not isinstance(x, Array) or len(x.shape) != 1 or not all(exact(a) for a in x) or n not in (None, x.shape[0]):
            raise ClaimError("radius asks for vectors of exact numbers, of one length")
        return [Fraction(a) for a in x]

    # networks

    def model(self, e, env):
        changes = {"patch": self.patch, "ablate": self.ablate, "steer": self.steer, "replace": lambda arguments, env: self.replace(arguments)}
        if e.kind == "call" and e.parts[0] in changes:
            arguments = e.parts[1]
            frozen = arguments[-1].kind == "set_to" and arguments[-1].parts[1].kind == "key"
            out = changes[e.parts[0]](arguments[:-1] if frozen else arguments, env)
            return Model(out.net, out.patches, (out.key, "frozen"), out.parts, out.steers, out.plain, True) if frozen else out
        if e.kind == "call" and e.parts[0] == "blend":
            return self.blend(e.parts[1])
        if e.kind == "name" and e.parts[0] in self.models:
            return self.models[e.parts[0]]
        raise ClaimError("a model is asked for")

    def component(self, e, env, net):
        """The node of head(l, h), mlp(l), embed, pos_embed or "name"."""
        name = None
        if e.kind == "string":
            name = e.parts[0]
        elif e.kind == "name":
            name = {"embed": "hook_embed", "pos_embed": "hook_pos_embed"}.get(e.parts[0])
        elif e.kind == "call" and e.parts[0] in ("head", "mlp"):
            where = tuple(integer(self.value(x, env)) for x in e.parts[1])
            name = "blocks.%d.attn.hook_result.%d" % where if len(where) == 2 else "blocks.%d.hook_mlp_out" % where
        elif e.kind == "call" and e.parts[0] == "bias":
            start = "blocks.%d." % integer(self.value(e.parts[1][0], env))
            name = next((x for x in net.nodes if x.startswith(start) and x.endswith(">b")), None)
        if name not in net.nodes:
            raise ClaimError("no such node")
        return name

    def reader(self, e, env, net):
        """The nodes of head(l, h).q, .k, .v, mlp(l) or unembed."""
        if e.kind == "name" and e.parts[0] == "unembed":
            if ".mlp." in net.output:
                raise ClaimError("the output is a node of an MLP")
            return (net.output,)
        if e.kind == "field" and e.parts[0].kind == "call" and e.parts[0].parts[0] == "head":
            where = tuple(integer(self.value(x, env)) for x in e.parts[0].parts[1])
            names = ["blocks.%d.attn.hook_%s.%d" % (where[0], e.parts[1], where[1])]
        elif e.kind == "call" and e.parts[0] == "mlp":
            start = "blocks.%d.mlp." % integer(self.value(e.parts[1][0], env))
            names = [x for x in net.nodes if x.startswith(start)]
        else:
            raise ClaimError("not a reader")
        if not names or any(x not in net.nodes for x in names):
            raise ClaimError("no such reader")
        return tuple(names)

    def part(self, e, env, net):
        """(node, reader, entry) of a component, a neuron or an edge."""
        if e.kind == "call" and e.parts[0] == "edge":
            start = self.component(e.parts[1][0], env, net)
            if net.nodes[start].width is None:
                raise ClaimError("scores and patterns have no edges")
            return start, self.reader(e.parts[1][1], env, net), None
        if e.kind == "call" and e.parts[0] == "neuron":
            layer, k = (integer(self.value(x, env)) for x in e.parts[1])
            name = "blocks.%d.mlp.hook_post" % layer
            if name not in net.nodes or not 0 <= k < net.nodes[name].width:
                raise ClaimError("no such neuron")
            return name, None, k
        return self.component(e, env, net), None, None

    def width(self, net, part):
        return 1 if part[2] is not None else net.nodes[part[0]].width

    def edited(self, model):
        """The network of a changed model, {part: node}, {node: node of its own operation}, {(steer, part): node of what it adds}."""
        clean = model.clean()
        key = model.net.sha256, model.parts, model.steers, clean and clean.sha256
        if key not in self.edits:
            edits = model.parts or model.steers or clean
            self.edits[key] = edit.with_parts(model.net, model.parts, model.steers, clean) if edits else (model.net, {}, {}, {})
        return self.edits[key]

    def replace(self, arguments):
        """replace(M, "TENSOR" = E, ...): E names nothing but models and data."""
        key = " ".join(show(a) for a in arguments)
        if key not in self.replaced:
            base, tensors = self.model(arguments[0], {}), {}
            if base.patches:
                raise ClaimError("replace is of a network as it stands")
            for a in arguments[1:]:
                if a.kind != "set_to" or a.parts[0].kind != "string" or a.parts[0].parts[0] not in base.net.tensors or a.parts[0].parts[0] in tensors:
                    raise ClaimError("replace asks for a tensor, once")
                name = a.parts[0].parts[0]
                value = self.value(a.parts[1], {})
                if not isinstance(value, Array) or tuple(value.shape) != tuple(base.net.tensors[name].shape):
                    raise ClaimError("a tensor is replaced by one of another shape")
                tensors[name] = [edit.binary64(x) for x in self.entries(value)]
            net = edit.with_tensors(base.net, tensors)
            self.replaced[key] = Model(net, (), net.sha256, plain=base.plain, frozen=base.frozen)
        return self.replaced[key]

    def blend(self, arguments):
        """blend(A, B, alpha): alpha names nothing but models and data."""
        key = " ".join(show(a) for a in arguments)
        if key not in self.replaced:
            a, b, alpha = self.model(arguments[0], {}), self.model(arguments[1], {}), self.value(arguments[2], {})
            if a.patches or b.patches or not exact(alpha):
                raise ClaimError("blend is of two networks as they stand, and an exact number")
            net = edit.blend(a.net, b.net, Fraction(alpha), self.float32)
            self.replaced[key] = Model(net, (), net.sha256)
        return self.replaced[key]

    def entries(self, value):
        """The exact numbers of an array, row-major."""
        for x in value:
            if isinstance(x, Array):
                yield from self.entries(x)
            elif isinstance(x, (int, Fraction)):
                yield Fraction(x)
            else:
                raise ClaimError("a tensor of numbers that are not exact")

    def indexed(self, left):
        """COMPONENT or COMPONENT [INDEX]: the component, and the index or None."""
        if left.kind != "index":
            return left, None
        if len(left.parts[1]) != 1:
            raise ClaimError("a component has one index")
        return left.parts[0], left.parts[1][0]

    def steer(self, arguments, env):
        """steer(M, COMPONENT [INDEX], v, alpha)"""
        base = self.model(arguments[0], env)
        left, index = self.indexed(arguments[1])
        part = self.part(left, env, base.net)
        width = self.width(base.net, part)
        v, alpha = self.value(arguments[2], env), number(self.value(arguments[3], env))
        if width is None or not isinstance(v, Array) or v.shape != (width,):
            raise ClaimError("a steer adds a vector as wide as the rows")
        more = vector([times(number(x), alpha) for x in v])
        patches = base.patches + ((Steer(len(base.steers), part), index, more, env),)
        parts = base.parts | ({part} if part[1:] != (None, None) else set())
        return base.changed(patches, (base.key, part, id(index), object()), frozenset(parts), base.steers + (part,))

    def patch(self, arguments, env):
        base = self.model(arguments[0], env)
        patches, key, parts = list(base.patches), [base.key], set(base.parts)
        for a in arguments[1:]:
            if a.kind != "set_to":
                raise ClaimError("patch asks for COMPONENT = E")
            left, index = self.indexed(a.parts[0])
            part = self.part(left, env, base.net)
            if self.width(base.net, part) is None:
                raise ClaimError("an attention pattern cannot be patched")
            value = self.value(a.parts[1], env)
            patches.append((part, index, value, env))
            key.append((part, id(index), object()))
            parts.update([part] if part[1:] != (None, None) else [])
        return base.changed(tuple(patches), tuple(key), frozenset(parts))

    def patched_rows(self, model, n):
        """{node: {position: row}} of a patched model on a sequence of length n; the nodes are those of its edited network."""
        rows, steered = {}, 0
        net, places, own, added = self.edited(model)

        def share(part, q, row):
            return row if q[2] is None or part[2] is not None else ([row[0][q[2]]], [row[1][q[2]]])

        def put(part, i, row):
            row = self.entering(model, row)
            for (k, q), place in added.items():               # what steers inside of this change add is gone
                if k < steered and q[0] == part[0] and part[1:] in ((None, None), q[1:]):
                    width = self.width(model.net, q)
                    rows.setdefault(place, {})[i] = [0] * width, [0] * width
            if part[1:] != (None, None):
                rows.setdefault(places[part], {})[i] = row
                return
            rows.setdefault(own.get(part[0], part[0]), {})[i] = row
            for q, place in places.items():                   # a node's row is that of its parts as well
                if q[0] == part[0]:
                    rows.setdefault(place, {})[i] = share(part, q, row)

        def steer(s, index, value, env):
            lo, hi = (0, n - 1) if index is None else self.positions(index, n, env)
            row = self.entering(model, value)
            for (k, q), place in added.items():
                for i in range(lo, (lo if hi is None else hi) + 1):
                    if k == s.number:
                        rows.setdefault(place, {})[i] = share(s.part, q, row)

        for part, index, value, env in model.patches:
            if isinstance(part, Steer):
                steer(part, index, value, env)
                steered += 1
                continue
            if part is None:                                  # an ablate: index is the pairs, value their rows
                for pair, row in value(index(n), n).items():
                    put(pair[0], pair[1], row)
                continue
            lo, hi = (0, n - 1) if index is None else self.positions(index, n, env)
            width = self.width(model.net, part)
            if index is None and model.net.d_vocab is None and model.net.n_ctx == 1 and isinstance(value, Array) and len(value.shape) == 1:
                hi = None                                     # its only row
            shape = (width,) if hi is None else (max(0, hi - lo + 1), width)
            if not isinstance(value, Array) or value.shape != shape:
                raise ClaimError("the patch does not have the shape of the rows")
            for i in range(lo, (lo if hi is None else hi) + 1):
                row = value if hi is None else value[i - lo]
                put(part, i, row)
        return rows

    def entering(self, model, row):
        """A row as it enters a network."""
        pairs = [self.scaled(x) for x in row]
        if self.float32:
            pairs = [self.evaluator(model.net).rounded(x, 1) for x in pairs]
        return network.from_ends(pairs)

    def evaluator(self, net):
        key = net.sha256, self.p
        if key not in self.evaluators:
            self.evaluators[key] = network.Evaluator(net, self.p, self.float32)
        return self.evaluators[key]

    def run(self, model, given):
        """The run on a sequence of tokens or an input of rows of numbers, and what tells it from other runs of the model."""
        net = model.net
        if net.d_vocab is None:
            rows = self.input_rows(net, given)
            which = tuple(self.identity(x) for row in rows for x in row)
        else:
            which = integers(given)
            if not 1 <= len(which) <= net.n_ctx or not all(0 <= x < net.d_vocab for x in which):
                raise ClaimError("not a sequence of tokens of the model")
        key = model.key, which, self.p
        if key not in self.runs or model.patches:
            if len(self.runs) > 1000:
                self.runs.clear()
            e = self.evaluator(self.edited(model)[0])
            if net.d_vocab is None:
                inputs = [e.input_row([ends(x) + (not self.is_entry(x),) for x in row]) for row in rows]
                self.runs[key] = network.Run(e, None, self.patched_rows(model, len(inputs)), inputs)
            else:
                self.runs[key] = network.Run(e, which, self.patched_rows(model, len(which)))
        return self.runs[key], which

    def input_rows(self, net, given):
        """The rows of numbers that a network of real inputs reads: of a matrix, or the one row of a vector."""
        if not isinstance(given, Array) or len(given.shape) not in (1, 2):
            raise ClaimError("a vector or a matrix is asked for")
        if len(given.shape) == 1 and net.n_ctx != 1:
            raise ClaimError("the network reads a matrix of rows")
        rows = [list(given)] if len(given.shape) == 1 else [list(row) for row in given]
        if not 1 <= len(rows) <= net.n_ctx or given.shape[-1] != net.real_width:
            raise ClaimError("not an input of the network")
        for row in rows:
            for x in row:
                number(x)
        return rows

    def is_entry(self, x):
        """Is it an entry of a network, which enters another one as it is?"""
        return isinstance(x, Real) and x.same is not None

    def identity(self, x):
        """Equal for two numbers that are known to be the same."""
        if self.is_entry(x):
            return "entry", x.same
        lo, hi = ends(x)
        return Fraction(lo) if lo == hi else object()

    def twin(self, net, name):
        """For every entry of a linear node, the first entry with the same column and bias."""
        key = net.sha256, name
        if key not in self.twins:
            node, first = net.nodes[name], {}
            self.twins[key] = list(range(node.width))
            if node.op == "linear" and not self.float32:
                self.twins[key] = []
                for j in range(node.width):
                    content = tuple(node.parts[0].columns[j]), node.parts[1].ints[j] if len(node.parts) > 1 else 0
                    self.twins[key].append(first.setdefault(content, j))
        return self.twins[key]

    def rows(self, env, m, name, t):
        """The array [len, width] of a node on sequence t; [width] on a vector of real inputs."""
        model, given = self.model(m, env), self.value(t, env)
        net = model.net
        if name not in net.nodes:
            raise ClaimError("the network has no node '%s'" % name)
        (run, which), node, p = self.run(model, given), net.nodes[name], self.p
        n = run.n
        width = n if node.width is None else node.width
        twin = None if node.width is None else self.twin(net, name)
        key = model.key if run.replaced() or model.parts or model.steers or model.clean() else net.sha256     # without a replaced row it is the network itself

        def row(i):
            mid, rad = run.row(name, i)
            places = range(width) if node.width is not None else run.sources(i)
            at = {j: k for k, j in enumerate(places)}         # the entry of a source that is allowed
            classes = range(width) if twin is None or run.patched(name, i) else twin
            shares = node.op == "softmax" and not self.float32 and not run.patched(name, i)

            def entry(j):
                if j not in at:
                    if node.op == "score":
                        raise ClaimError("a score outside the mask has no value")
                    return Real(Fraction(0), Fraction(0))
                k = at[j]
                return Real(Fraction(mid[k] - rad[k], 1 << p), Fraction(mid[k] + rad[k], 1 << p), (key, which, name, i, classes[j]), ((key, which, name, i), j, len(at)) if shares else None)
            return Array((width,), entry)
        return row(0) if net.d_vocab is None and len(given.shape) == 1 else Array((n, width), row)

    def call_logits(self, env, m, t):
        net = self.model(m, env).net
        if net.d_vocab is None:
            raise ClaimError("logits is of a network that reads tokens")
        return self.rows(env, m, net.output, t)

    def call_output(self, env, m, x):
        if m.kind == "call" and m.parts[0] == "truncate":
            return self.truncated(env, m.parts[1], x)
        net = self.model(m, env).net
        if net.d_vocab is not None:
            raise ClaimError("output is of a network that reads real numbers")
        return self.rows(env, m, net.output, x)

    def layer_rows(self, env, m, pattern, where, t):
        where = tuple(integer(self.value(x, env)) for x in where)
        return self.rows(env, m, pattern % where, t)

    def call_attn(self, env, m, layer, head, t):
        return self.layer_rows(env, m, "blocks.%d.attn.hook_pattern.%d", (layer, head), t)

    def call_score(self, env, m, layer, head, t):
        return self.layer_rows(env, m, "blocks.%d.attn.hook_attn_scores.%d", (layer, head), t)

    def call_head_out(self, env, m, layer, head, t):
        return self.layer_rows(env, m, "blocks.%d.attn.hook_result.%d", (layer, head), t)

    def call_resid_pre(self, env, m, layer, t):
        nodes, i = self.model(m, env).net.nodes, integer(self.value(layer, env))
        name = "blocks.%d.hook_resid_pre" % i
        if name not in nodes:
            name = "hook_embed" if i == 0 else "blocks.%d.hook_resid_post" % (i - 1)
        return self.rows(env, m, name, t)

    def call_resid_mid(self, env, m, layer, t):
        return self.layer_rows(env, m, "blocks.%d.hook_resid_mid", (layer,), t)

    def call_resid_post(self, env, m, layer, t):
        return self.layer_rows(env, m, "blocks.%d.hook_resid_post", (layer,), t)

    def call_mlp_pre(self, env, m, layer, t):
        return self.layer_rows(env, m, "blocks.%d.mlp.hook_pre", (layer,), t)

    def call_mlp_post(self, env, m, layer, t):
        return self.layer_rows(env, m, "blocks.%d.mlp.hook_post", (layer,), t)

    def call_node(self, env, m, component, t):
        return self.rows(env, m, self.component(component, env, self.model(m, env).net), t)
