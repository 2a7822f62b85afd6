"""Networks made from a network (proofs/STATEMENT.md, section 3): with parts that have nodes of their own, with other tensors.

A part is (node, reader, entry): a neuron is (hook_post of its layer, None, k), an edge (node of the component, reader, None); reader is the
tuple of the nodes that read. A whole node is (node, None, None).
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


def with_parts(net, parts):
    """(the network in which every part has a node of its own, {part: node}, {node: node of its own operation}). Names of nodes stay."""
    out, places, own = copy.copy(net), {}, {}
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
        own[name] = name + ">own" if neurons else name
        out.nodes[own[name]] = Node(own[name], node.op, inputs, node.parts, node.d, node.width)
        for reader, on in paths.items():
            if name in on:
                inputs = [copied(x, reader) if x in on else x for x in node.inputs]
                out.nodes[copied(name, reader)] = Node(copied(name, reader), node.op, inputs, node.parts, node.d, node.width)
                places[name, reader, None] = copied(name, reader)
        if neurons:
            single = ["%s>%d" % (name, k) for k in neurons]
            for k, x in zip(neurons, single):
                out.nodes[x] = Node(x, "select", [own[name]], [], [k], 1)
                places[name, None, k] = x
            both = name + ">both"
            out.nodes[both] = Node(both, "concat", [own[name]] + single, [], None, node.width + len(single))
            taken = [node.width + neurons.index(k) if k in neurons else k for k in range(node.width)]
            out.nodes[name] = Node(name, "select", [both], [], taken, node.width)
    out.sha256 = net.sha256 + " " + hashlib.sha256(repr(sorted(parts, key=repr)).encode()).hexdigest()
    return out, {p: places[p] for p in parts}, own


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
