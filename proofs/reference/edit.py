"""Networks made from a network (proofs/STATEMENT.md, section 3): with parts that have nodes of their own, with other tensors.

A part is (node, reader, entry): a neuron is (hook_post of its layer, None, k), an edge (node of the component, reader, None); reader is the
tuple of the nodes that read. A whole node is (node, None, None). Steers are parts, in order from the innermost: each adds a row of zeros, which
may be given, to that part (of a whole node, to each part of it too).
"""
import copy
import hashlib

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


def with_parts(net, parts, steers=()):
    """(the network in which every part has a node of its own, {part: node}, {node: node of its own operation}, {(steer, part): what it adds}).
    Names of nodes stay. A node that an edge passes through is a part too, as its reader reads it."""
    out, places, own, added = copy.copy(net), {}, {}, {}
    paths = {}
    for node, reader, entry in parts:
        if reader is not None:
            on, read = between(net, node, reader)
            if not read:
                raise ClaimError("the network has no such edge")
            paths[reader] = paths.get(reader, set()) | on
    out.nodes = {}
    for name, node in net.nodes.items():
        inputs = list(node.inputs)
        for reader, on in paths.items():
            if name in reader:
                inputs = [copied(x, reader) if x in on else x for x in inputs]
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
                inputs = [copied(x, reader) if x in on else x for x in node.inputs]
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
    out.sha256 = net.sha256 + " " + hashlib.sha256(repr((sorted(parts, key=repr), steers)).encode()).hexdigest()
    return out, places, own, added


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
