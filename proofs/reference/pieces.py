"""A network of one vector of real inputs as forms in its inputs and units, for rule farkas (proofs/FORMAT.md, section 3, farkas 1)."""
from fractions import Fraction

import curves
from certificate import Rejected
from disjuncts import combined


def need(condition, message):
    if not condition:
        raise Rejected("rule farkas: " + message)


# forms: {variable: coefficient}; a variable is ("x", i), ("u", k) or 1

class Pieces:
    """rows: name of a node -> forms of its entries; z: the argument of each unit; curve: its function, "relu" for max(0, z)."""

    def __init__(self, net):
        need(net.real_width is not None and net.n_ctx == 1, "not a network of one vector of real inputs")
        self.net, self.rows, self.z, self.curve = net, {}, [], []
        for name, node in net.nodes.items():
            rows = [self.rows[x] for x in node.inputs]
            method = getattr(self, "op_" + node.op, None)
            need(method or node.op in curves.SMOOTH, "%s is neither linear nor made of functions of one variable" % node.op)
            self.rows[name] = method(node, rows) if method else [self.unit(form, node.op) for form in rows[0]]
        self.smooth = any(f != "relu" for f in self.curve)

    def constants(self, part, ints):
        return [combined((1, {1: Fraction(x, 1 << part.shift)})) for x in ints]

    def op_input(self, node, rows):
        return [{("x", i): Fraction(1)} for i in range(self.net.real_width)]

    def op_constant(self, node, rows):
        return self.constants(node.parts[0], node.parts[0].ints)

    def op_position(self, node, rows):
        return self.constants(node.parts[0], node.parts[0].rows[0])

    def op_add(self, node, rows):
        return [combined(*[(1, form) for form in forms]) for forms in zip(*rows)]

    def op_sub(self, node, rows):
        return [combined((1, a), (-1, b)) for a, b in zip(*rows)]

    def op_linear(self, node, rows):
        matrix = node.parts[0]
        out = [combined(*[(Fraction(w, 1 << matrix.shift), form) for w, form in zip(column, rows[0])]) for column in matrix.columns]
        if len(node.parts) > 1:
            out = [combined((1, a), (1, b)) for a, b in zip(out, self.constants(node.parts[1], node.parts[1].ints))]
        return out

    def op_select(self, node, rows):
        return [rows[0][i] for i in node.d]

    def op_row(self, node, rows):
        need(node.d == 0, "a row that the input has not")
        return rows[0]

    def op_concat(self, node, rows):
        return [form for row in rows for form in row]

    def unit(self, z, f="relu"):
        self.z.append(z)
        self.curve.append(f)
        return {("u", len(self.z) - 1): Fraction(1)}

    def op_relu(self, node, rows):
        return [self.unit(form) for form in rows[0]]

    def op_max(self, node, rows):
        return [combined((1, b), (1, self.unit(combined((1, a), (-1, b))))) for a, b in zip(*rows)]

    def op_min(self, node, rows):
        return [combined((1, a), (-1, self.unit(combined((1, a), (-1, b))))) for a, b in zip(*rows)]

    # smooth units

    def product(self, a, b):
        """((a + b) / 2)^2 - ((a - b) / 2)^2"""
        half = Fraction(1, 2)
        plus = self.unit(combined((half, a), (half, b)), "square")
        return combined((1, plus), (-1, self.unit(combined((half, a), (-half, b)), "square")))

    def op_mul(self, node, rows):
        if node.inputs[0] == node.inputs[1]:
            return [self.unit(form, "square") for form in rows[0]]
        return [self.product(a, b) for a, b in zip(*rows)]

    def op_div(self, node, rows):
        return [self.product(a, self.unit(b, "reciprocal")) for a, b in zip(*rows)]

    def op_rowsoftmax(self, node, rows):
        out, (row,), g = [], rows, node.d
        for e, form in enumerate(row):
            first = e - e % g
            others = [self.unit(combined((1, row[j]), (-1, form)), "exp") for j in range(first, first + g) if j != e]
            out.append(self.unit(combined((1, {1: Fraction(1)}), *[(1, x) for x in others]), "reciprocal"))
        return out

    def op_layernorm(self, node, rows):
        k = len(rows[0])
        mean = combined(*[(Fraction(1, k), form) for form in rows[0]])
        return self.normed(node, [combined((1, form), (-1, mean)) for form in rows[0]])

    def op_rmsnorm(self, node, rows):
        return self.normed(node, rows[0])

    def normed(self, node, centred):
        k = len(centred)
        squares = [self.unit(form, "square") for form in centred]
        root = self.unit(combined((1, {1: Fraction(self.net.eps)}), *[(Fraction(1, k), x) for x in squares]), "reciprocal_root")
        out = [self.product(form, root) for form in centred]
        if node.parts:
            w = node.parts[0]
            out = [combined((Fraction(x, 1 << w.shift), form)) for x, form in zip(w.ints, out)]
        if len(node.parts) > 1:
            out = [combined((1, a), (1, b)) for a, b in zip(out, self.constants(node.parts[1], node.parts[1].ints))]
        return out
