"""Networks made from a network (proofs/STATEMENT.md, section 3): with parts that have nodes of their own, with other tensors.

A part is (node, reader, entry): a neuron is (hook_post of its layer, None, k), an edge (node of the component, reader, None); reader is the
tuple of the nodes that read. A whole node is (node, None, None). Steers are parts, in order from the innermost: each adds a row of zeros, which
may be given, to that part (of a whole node, to each part of it too).
"""
import copy
import hashlib
from fractions import Fraction

from net import Node, Part, Tensor
from values import ClaimError

PASSES = ("add", "heads", "layernorm", "rmsnorm", "mul")


def between(net, start, reader):
    """The nodes on paths from start through the operations of PASSES that are no nodes of the reader; whether the reader reads one."""
    on, read = {start}, False
    for name, node in net.nodes.items():
        if not on.intersection(node.inputs):
            continue
        if name in reader:
            read = True
        elif node.op in PASSES:
            on.add(name)
    return on, read


def with_steers(out, start, name, part, steers, added):
    """Writes node `name`: what stands at `start`, with the sums of the steers that change this part; added[number, part] is what a steer adds."""
    mine = [k for k, s in enumerate(steers) if s[0] == part[0] and s[1:] in ((None, None), part[1:])]
    for k in mine:
        width = out.nodes[start].width
        zero, here = "%s>+%d" % (name, k), name if k == mine[-1] else "%s>=%d" % (name, k)
        out.nodes[zero] = Node(zero, "constant", [], [Part(Tensor(zero, (width,), [(0, 0)] * width), None)], None, width)
        out.nodes[here] = Node(here, "add", [start, zero], [], None, width)
        added[k, part] = zero
        start = here
    return bool(mine)


def with_parts(net, parts, steers=(), clean=None):
    """(the network in which every part has a node of its own, {part: node}, {node: node of its own operation}, {(steer, part): what it adds}).
    Names of nodes stay. A node that an edge passes through is a part too, as its reader reads it. clean: the unchanged network, from whose run
    norms take their deviation: a second input of theirs."""
    out, places, own, added = copy.copy(net), {}, {}, {}
    paths = {}
    for node, reader, entry in parts:
        if reader is not None:
            on, read = between(net, node, reader)
            if not read:
                raise ClaimError("the network has no such edge")
            paths[reader] = paths.get(reader, set()) | on
    out.nodes = {}
    for name, node in clean.nodes.items() if clean else ():
        out.nodes[kept(name)] = Node(kept(name), node.op, [kept(x) for x in node.inputs], node.parts, node.d, node.width)
    for name, node in net.nodes.items():
        inputs = list(node.inputs)
        more = [kept(inputs[0])] if clean and node.op in ("layernorm", "rmsnorm") else []
        for reader, on in paths.items():
            if name in reader:
                inputs = [copied(x, reader) if x in on else x for x in inputs]
        inputs += more
        neurons = sorted(p[2] for p in parts if p[0] == name and p[2] is not None)
        steered = any(s == (name, None, None) for s in steers)
        own[name] = name + ">own" if neurons or steered else name
        out.nodes[own[name]] = Node(own[name], node.op, inputs, node.parts, node.d, node.width)
        read = name + ">steered" if neurons and steered else name
        if steered:
            with_steers(out, own[name], read, (name, None, None), steers, added)
        elif neurons:
            read = own[name]
        for reader, on in paths.items():
            if name in on:
                inputs = [copied(x, reader) if x in on else x for x in node.inputs] + more
                part, here = (name, reader, None), copied(name, reader)
                places[part] = here + ">own"
                out.nodes[places[part]] = Node(places[part], node.op, inputs, node.parts, node.d, node.width)
                if not with_steers(out, places[part], here, part, steers, added):
                    out.nodes[here] = out.nodes.pop(places[part])
                    out.nodes[here].name = places[part] = here
        if neurons:
            single = []
            for k in neurons:
                x, part = "%s>%d" % (name, k), (name, None, k)
                out.nodes[x] = Node(x, "select", [own[name]], [], [k], 1)
                places[part] = x
                single.append(x + ">" if with_steers(out, x, x + ">", part, steers, added) else x)
            both = name + ">both"
            out.nodes[both] = Node(both, "concat", [read] + single, [], None, node.width + len(single))
            taken = [node.width + neurons.index(k) if k in neurons else k for k in range(node.width)]
            out.nodes[name] = Node(name, "select", [both], [], taken, node.width)
    out.sha256 = net.sha256 + " " + hashlib.sha256(repr((sorted(parts, key=repr), steers, clean and clean.sha256)).encode()).hexdigest()
    return out, places, own, added


def kept(name):
    return name + ">kept"


def copied(name, reader):
    return "%s>%s" % (name, reader[0])


def with_tensors(net, tensors):
    """The network with these tensors {name: (numerator and exponent pairs)} in place of its own."""
    out = copy.copy(net)
    out.tensors = dict(net.tensors)
    for name, numbers in tensors.items():
        out.tensors[name] = Tensor(name, net.tensors[name].shape, numbers)
    out.nodes = {}
    for name, node in net.nodes.items():
        parts = []
        for part in node.parts:
            tensor, bracket, index = part.label.partition("[")
            if tensor in tensors and node.op in ("select", "maxpool"):
                raise ClaimError("a tensor of indices is not replaced")
            parts.append(Part(out.tensors[tensor], int(index[:-1]) if bracket else None) if tensor in tensors else part)
        out.nodes[name] = Node(name, node.op, node.inputs, parts, node.d, node.width)
    out.sha256 = net.sha256 + " " + hashlib.sha256(repr(sorted(tensors.items())).encode()).hexdigest()
    return out


def with_biases(net):
    """The network in which the bias of every heads node `blocks.l. ...` is a node of its own, NAME>b, which the heads node reads."""
    out = copy.copy(net)
    out.nodes = {}
    for name, node in net.nodes.items():
        if node.op == "heads" and node.parts and name.startswith("blocks."):
            bias = name + ">b"
            out.nodes[bias] = Node(bias, "constant", [], node.parts, None, node.width)
            node = Node(name, "heads", list(node.inputs) + [bias], [], node.d, node.width)
        out.nodes[name] = node
    out.sha256 = net.sha256 + " biases"
    return out


def nearest(x, digits, least, most):
    """(mantissa, exponent) of the number nearest x with that many bits, none below 2^least, ties to even."""
    if x == 0:
        return 0, 0
    size = abs(x)
    e = size.numerator.bit_length() - size.denominator.bit_length()
    e -= Fraction(2) ** e > size
    last = max(e - digits + 1, least)
    m, rest = divmod(size, Fraction(2) ** last)
    twice = 2 * rest / Fraction(2) ** last
    m += twice > 1 or (twice == 1 and m % 2 == 1)
    if m.bit_length() + last > most:
        raise ClaimError("an entry of a blend is too large")
    return (m if x > 0 else -m), (last if m else 0)


def shape_of(net):
    """What two networks that are blended have in common: everything but the numbers of tensors."""
    nodes = [(name, node.op, node.inputs, [part.label for part in node.parts], node.d, node.width) for name, node in net.nodes.items()]
    return (net.d_vocab, net.real_width, net.n_ctx, net.causal, net.pad, net.eps, net.output, [(t.name, tuple(t.shape)) for t in net.tensors.values()], nodes)


def blend(a, b, alpha, float32):
    """(1 - alpha) a + alpha b, tensor by tensor, each number rounded once."""
    if shape_of(a) != shape_of(b):
        raise ClaimError("the networks of a blend differ in more than numbers")
    limits = (24, -149, 128) if float32 else (53, -1074, 1024)
    tensors = {}
    for name, t in a.tensors.items():
        pairs = [(t.entry(k), b.tensors[name].entry(k)) for k in range(len(t.ints))]
        if any(x != y for x, y in pairs):
            tensors[name] = [nearest((1 - alpha) * x + alpha * y, *limits) for x, y in pairs]
    return with_tensors(a, tensors)


def binary64(x):
    """(mantissa, exponent) of an exact number that is a binary64 number, else an error."""
    if x == 0:
        return 0, 0
    below = x.denominator.bit_length() - 1
    if x.denominator != 1 << below:
        raise ClaimError("an entry of a replaced tensor is no binary64 number")
    m, e = x.numerator, -below
    twos = (m & -m).bit_length() - 1
    m, e = m >> twos, e + twos
    if abs(m).bit_length() > 53 or e < -1074 or abs(m).bit_length() + e > 1024:
        raise ClaimError("an entry of a replaced tensor is no binary64 number")
    return m, e
