"""False float32 claims about the networks of op_nets.py: bounds that an execution breaks."""
import math
import random

from claims import Claim, Fields
from executions import Execution
from golden import text_of
from op_nets import edges, networks

RUNS, LONGEST = 12, 100


def extremes(net, t, runs, seed):
    """{(node, position, entry): (least, largest value of random executions)}, for the nodes that all of them compute."""
    found, broken = {}, set()
    for k in range(runs):
        execution = Execution(net, 1000 * seed + k)
        for name, rows in execution.partial(t).items():
            for i, row in enumerate(rows):
                for e, x in enumerate(row):
                    if not math.isfinite(x):
                        broken.add(name)
                    lo, hi = found.get((name, i, e), (x, x))
                    found[name, i, e] = min(lo, x), max(hi, x)
    return {key: x for key, x in found.items() if key[0] not in broken}


def lies_of_executions(shift=0):
    """Bounds that some execution reaches, all of one node at once: none of them is true of every execution."""
    rng = random.Random(shift)
    for name, net, inputs in list(networks(shift)) + list(edges(shift)):
        if net.reals is not None:
            continue
        for t in rng.sample(inputs, min(2, len(inputs))):
            ends, atoms = extremes(net, t, RUNS, shift), {}
            for (node, i, e), (lo, hi) in ends.items():
                if dict((x, op) for x, op, _ in net.nodes)[node] in ("score", "softmax", "bilinear"):
                    continue
                value = 'node(M, "%s", {%s})[%d, %d]' % (node, ", ".join(map(str, t)), i, e)
                atoms.setdefault(node, []).extend(["%s < %s" % (value, text_of(hi)), "%s > %s" % (value, text_of(lo))])
            for parts in (x[start:start + LONGEST] for x in atoms.values() for start in range(0, len(x), LONGEST)):
                claim = Claim("prove", [("M", net)], [], body=" or ".join(parts), fn=lambda: False, float32=True)
                yield "float32 bounds that an execution breaks", claim, Fields("proved", "enumerate", witness=())
