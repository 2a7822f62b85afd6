"""Strict reader of canonical network files (proofs/NETWORK.md, sections 1 to 3). Integers only.

A tensor keeps its entries as integers over one power of two: entry = rows[i] * 2^-shift, shift >= 0.
"""
import hashlib
import re
from fractions import Fraction

MAX_INT = 2 ** 31 - 1
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}\Z")
INT = re.compile(r"(0|[1-9][0-9]*)\Z")
NUM = re.compile(r"(-?)0x1(?:\.([0-9a-f]{0,12}[1-9a-f]))?p(0|-?[1-9][0-9]*)\Z")
SLICE = re.compile(r"(.*)\[(0|[1-9][0-9]*)\]\Z")


class NetError(Exception):
    """A .net file breaks a rule; the message says the line and what is wrong."""


class Tensor:
    """shape: 1 to 3 sizes; ints: all entries in row-major order, each times 2^-shift."""

    def __init__(self, name, shape, numbers):
        self.name, self.shape = name, shape
        self.shift = max([0] + [-e for m, e in numbers if m])
        self.ints = [m << (e + self.shift) if m else 0 for m, e in numbers]

    def entry(self, k):
        return Fraction(self.ints[k], 1 << self.shift)


class Part:
    """A matrix (shape [k, m]) or vector ([m]) that a node reads: a tensor or a slice of one."""

    def __init__(self, tensor, index):
        self.shift = tensor.shift
        self.label = tensor.name if index is None else "%s[%d]" % (tensor.name, index)
        if index is None:
            self.shape, ints = tensor.shape, tensor.ints
        else:
            self.shape = tensor.shape[1:]
            size = len(tensor.ints) // tensor.shape[0]
            ints = tensor.ints[index * size:(index + 1) * size]
        self.ints = ints
        if len(self.shape) == 2:
            k, m = self.shape
            self.rows = [ints[i * m:(i + 1) * m] for i in range(k)]
            self.columns = [ints[j::m] for j in range(m)]
            self.abs_columns = [[abs(x) for x in c] for c in self.columns]


class Node:
    """op; inputs: names of nodes; parts: matrix and vectors; width: None for score, softmax and bilinear.

    d: the integers of the operation: d of a score, i of a row, c of a topk, g of a rowsoftmax, (B, A, K, C) of a matmul,
    the indices of a select (a list) or maxpool (a list of lists); else None."""

    def __init__(self, name, op, inputs, parts, d, width):
        self.name, self.op, self.inputs, self.parts, self.d, self.width = name, op, inputs, parts, d, width


class Net:
    """d_vocab (None with `reals`), real_width (None with `tokens`), n_ctx, causal, pad (a token or None), eps (Fraction),
    tensors and nodes by name in order of the file, output, sha256."""


def number(text):
    """(mantissa, exponent) of an exact number, or None when the text is not canonical."""
    if text == "0":
        return 0, 0
    found = NUM.match(text)
    if not found:
        return None
    sign, digits, exponent = found.group(1), found.group(2) or "", int(found.group(3))
    if len(found.group(3)) > 5 or not -1074 <= exponent <= 1023:
        return None
    mantissa, exponent = int("1" + digits, 16), exponent - 4 * len(digits)
    twos = (mantissa & -mantissa).bit_length() - 1
    if exponent + twos < -1074:
        return None
    return (-mantissa if sign else mantissa) >> twos, exponent + twos


def integer(text):
    if not INT.match(text) or len(text) > 10 or int(text) > MAX_INT:
        return None
    return int(text)


class Reader:
    def __init__(self, data):
        self.n = 0
        if not data.endswith(b"\n"):
            raise NetError("line 0: the file does not end in a line end")
        try:
            self.lines = data[:-1].decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NetError("line 0: not ASCII")
        self.net = Net()
        self.net.sha256 = hashlib.sha256(data).hexdigest()
        self.net.tensors, self.net.nodes = {}, {}
        self.used = set()

    def need(self, condition, message):
        if not condition:
            raise NetError("line %d: %s" % (self.n, message))

    def words(self):
        """The tokens of the next line."""
        self.n += 1
        self.need(self.n <= len(self.lines), "the file ends early")
        line = self.lines[self.n - 1]
        words = line.split(" ")
        self.need(all(words) and all(33 <= ord(c) <= 126 for w in words for c in w), "not tokens separated by single spaces")
        return words

    def fixed(self, first, count):
        words = self.words()
        self.need(words[0] == first and len(words) == count, "expected '%s'" % first)
        return words

    def read(self):
        net = self.net
        self.need(self.fixed("weightproof-net", 2)[1] == "1", "unknown version")
        self.inputs(self.words())
        self.mask(self.words())
        eps = number(self.fixed("eps", 2)[1])
        self.need(eps is not None and eps[0] >= 0, "eps is not a canonical non-negative number")
        net.eps = Fraction(eps[0]) * Fraction(2) ** eps[1]
        words = self.words()
        while words[0] == "tensor":
            self.tensor(words)
            words = self.words()
        while words[0] == "node":
            self.node(words)
            words = self.words()
        self.need(words[0] == "output" and len(words) == 2, "expected 'output'")
        self.need(words[1] in net.nodes and net.nodes[words[1]].width is not None, "the output is not a node with rows of fixed width")
        net.output = words[1]
        self.fixed("end", 1)
        self.need(self.n == len(self.lines), "text after the end")
        self.need(self.used == set(net.tensors), "a tensor that no node uses")
        self.need(not eps[0] or any(x.op in ("layernorm", "rmsnorm") for x in net.nodes.values()), "eps without a layernorm or rmsnorm node")
        return net

    def inputs(self, words):
        """tokens D_VOCAB N_CTX or reals WIDTH N_CTX"""
        net = self.net
        self.need(words[0] in ("tokens", "reals") and len(words) == 3, "expected 'tokens' or 'reals'")
        size, net.n_ctx = integer(words[1]), integer(words[2])
        self.need(size and net.n_ctx, "integers of at least 1 are asked for")
        net.d_vocab, net.real_width = (size, None) if words[0] == "tokens" else (None, size)

    def mask(self, words):
        """mask causal|none [pad TOKEN]"""
        net = self.net
        self.need(words[0] == "mask" and len(words) in (2, 4), "expected 'mask'")
        self.need(words[1] in ("causal", "none"), "mask is causal or none")
        net.causal, net.pad = words[1] == "causal", None
        if len(words) == 4:
            self.need(words[2] == "pad" and net.d_vocab is not None, "after the mask stands nothing, or pad and a token")
            net.pad = integer(words[3])
            self.need(net.pad is not None and net.pad < net.d_vocab, "pad is no token")

    def tensor(self, words):
        net = self.net
        self.need(3 <= len(words) <= 5, "a tensor has a name and 1 to 3 dimensions")
        name = words[1]
        self.need(NAME.match(name), "bad name")
        self.need(not net.tensors or name > next(reversed(net.tensors)), "tensors are not sorted by unique names")
        shape = [integer(w) for w in words[2:]]
        self.need(all(shape), "dimensions are integers of at least 1")
        lines = 1
        for size in shape[:-1]:
            lines *= size
        self.need(lines <= len(self.lines), "more lines than the file has")
        numbers = []
        for _ in range(lines):
            row = self.words()
            self.need(len(row) == shape[-1], "a row of %d numbers" % shape[-1])
            row = [number(w) for w in row]
            self.need(None not in row, "not a canonical number")
            numbers += row
        net.tensors[name] = Tensor(name, shape, numbers)

    def part(self, text, rank):
        """The matrix (rank 2) or vector (rank 1) that an argument names."""
        tensors, index = self.net.tensors, None
        found = SLICE.match(text)
        if found:
            text, index = found.group(1), integer(found.group(2))
        self.need(text in tensors, "'%s' is not a tensor" % text)
        tensor = tensors[text]
        self.need(len(tensor.shape) == rank + (found is not None), "'%s' has the wrong rank" % text)
        self.need(not found or (index is not None and index < tensor.shape[0]), "slice out of range")
        self.used.add(text)
        return Part(tensor, index)

    def rows(self, text):
        """An earlier node with rows of fixed width."""
        self.need(text in self.net.nodes, "'%s' is not an earlier node" % text)
        node = self.net.nodes[text]
        self.need(node.width is not None, "'%s' has no rows of fixed width" % text)
        return node

    def attention(self, text, *ops):
        self.need(text in self.net.nodes and self.net.nodes[text].op in ops, "'%s' is not an earlier %s node" % (text, " or ".join(ops)))

    def node(self, words):
        net = self.net
        self.need(len(words) >= 3, "a node has a name, an operation and arguments")
        name, op, args = words[1], words[2], words[3:]
        self.need(NAME.match(name), "bad name")
        self.need(name not in net.nodes and name not in net.tensors, "the name is taken")
        method = getattr(self, "op_" + op, None)
        self.need(re.match(r"[a-z_]+\Z", op) and method, "unknown operation '%s'" % op)
        inputs, parts, d, width = method(args)
        net.nodes[name] = Node(name, op, inputs, parts, d, width)

    def count(self, args, *sizes):
        self.need(len(args) in sizes, "wrong number of arguments")

    def vector(self, text, width):
        part = self.part(text, 1)
        self.need(part.shape[0] == width, "'%s' has the wrong length" % text)
        return part

    def op_embed(self, args):
        self.count(args, 1)
        self.need(self.net.d_vocab is not None, "embed in a network of real inputs")
        part = self.part(args[0], 2)
        self.need(part.shape[0] == self.net.d_vocab, "the rows are not those of the vocabulary")
        return [], [part], None, part.shape[1]

    def op_position(self, args):
        self.count(args, 1)
        part = self.part(args[0], 2)
        self.need(part.shape[0] >= self.net.n_ctx, "fewer rows than positions")
        return [], [part], None, part.shape[1]

    def op_add(self, args):
        self.need(len(args) >= 2, "wrong number of arguments")
        nodes = [self.rows(a) for a in args]
        self.need(len({x.width for x in nodes}) == 1, "widths differ")
        return args, [], None, nodes[0].width

    def op_linear(self, args):
        self.count(args, 2, 3)
        matrix = self.part(args[1], 2)
        self.need(matrix.shape[0] == self.rows(args[0]).width, "the matrix does not fit the node")
        return args[:1], [matrix] + [self.vector(a, matrix.shape[1]) for a in args[2:]], None, matrix.shape[1]

    def op_layernorm(self, args):
        self.count(args, 1, 3)
        width = self.rows(args[0]).width
        return args[:1], [self.vector(a, width) for a in args[1:]], None, width

    def op_score(self, args):
        self.count(args, 3)
        self.need(self.rows(args[0]).width == self.rows(args[1]).width, "widths differ")
        d = integer(args[2])
        self.need(d, "d is an integer of at least 1")
        return args[:2], [], d, None

    def op_softmax(self, args):
        self.count(args, 1)
        self.attention(args[0], "score")
        return args, [], None, None

    def op_mix(self, args):
        self.count(args, 2)
        self.attention(args[0], "softmax", "bilinear")
        return args, [], None, self.rows(args[1]).width

    def op_heads(self, args):
        inputs = [a for a in args if a in self.net.nodes]
        rest = args[len(inputs):]
        self.need(inputs and args[:len(inputs)] == inputs and len(rest) <= 1, "heads reads linear nodes, then at most a bias")
        nodes = [self.rows(a) for a in inputs]
        self.need(all(x.op == "linear" and len(x.parts) == 1 for x in nodes), "heads reads linear nodes without bias")
        self.need(len({x.width for x in nodes}) == 1, "widths differ")
        return inputs, [self.vector(a, nodes[0].width) for a in rest], None, nodes[0].width

    def pointwise(self, args):
        self.count(args, 1)
        return args, [], None, self.rows(args[0]).width

    op_relu = op_gelu = op_gelu_new = op_silu = pointwise
    op_exp = op_sqrt = op_erf = op_tanh = op_sigmoid = pointwise

    def pairwise(self, args):
        self.count(args, 2)
        x, y = [self.rows(a) for a in args]
        self.need(x.width == y.width, "widths differ")
        return args, [], None, x.width

    op_sub = op_mul = op_div = op_max = op_min = pairwise

    def size(self, text, least=1):
        """An int of a node line."""
        n = integer(text)
        self.need(n is not None and n >= least, "'%s' is not an integer of at least %d" % (text, least))
        return n

    def indices(self, text, rank, below):
        """The entries of an integer tensor, as rows for a matrix."""
        part = self.part(text, rank)
        self.need(all(x & ((1 << part.shift) - 1) == 0 and 0 <= x >> part.shift < below for x in part.ints),
                  "'%s' has an entry that is not an integer from 0 to %d" % (text, below - 1))
        entries = [x >> part.shift for x in part.ints]
        c = part.shape[-1]
        return entries if rank == 1 else [entries[i:i + c] for i in range(0, len(entries), c)]

    def op_input(self, args):
        self.count(args, 0)
        self.need(self.net.real_width is not None, "input in a network of tokens")
        return [], [], None, self.net.real_width

    def op_row(self, args):
        self.count(args, 2)
        width, i = self.rows(args[0]).width, self.size(args[1], 0)
        self.need(i < self.net.n_ctx, "a row beyond n_ctx")
        return args[:1], [], i, width

    def op_select(self, args):
        self.count(args, 2)
        chosen = self.indices(args[1], 1, self.rows(args[0]).width)
        return args[:1], [], chosen, len(chosen)

    def op_maxpool(self, args):
        self.count(args, 2)
        chosen = self.indices(args[1], 2, self.rows(args[0]).width)
        return args[:1], [], chosen, len(chosen)

    def op_concat(self, args):
        self.need(len(args) >= 2, "wrong number of arguments")
        return args, [], None, self.width(sum(self.rows(a).width for a in args))

    def width(self, n):
        self.need(n <= MAX_INT, "a row that is too wide")
        return n

    def op_constant(self, args):
        self.count(args, 1)
        part = self.part(args[0], 1)
        return [], [part], None, part.shape[0]

    def op_jumprelu(self, args):
        self.count(args, 2)
        width = self.rows(args[0]).width
        return args[:1], [self.vector(args[1], width)], None, width

    def op_topk(self, args):
        self.count(args, 2)
        width, c = self.rows(args[0]).width, self.size(args[1])
        self.need(c <= width, "more entries than the row has")
        return args[:1], [], c, width

    def op_rowsoftmax(self, args):
        self.count(args, 2)
        width, g = self.rows(args[0]).width, self.size(args[1])
        self.need(width % g == 0, "the groups do not divide the row")
        return args[:1], [], g, width

    def op_matmul(self, args):
        self.count(args, 6)
        x, y = [self.rows(a).width for a in args[:2]]
        b, a, k, c = [self.size(text) for text in args[2:]]
        self.need(x == b * a * k and y == b * k * c, "the widths are not those of the matrices")
        return args[:2], [], (b, a, k, c), self.width(b * a * c)

    def op_rmsnorm(self, args):
        self.count(args, 1, 2)
        width = self.rows(args[0]).width
        return args[:1], [self.vector(a, width) for a in args[1:]], None, width

    def op_bilinear(self, args):
        self.count(args, 2)
        for a in args:
            self.attention(a, "score")
        return args, [], None, None


def read_net(data):
    """The network in the bytes of a .net file; NetError when a rule is broken."""
    return Reader(data).read()
