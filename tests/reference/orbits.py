"""What the tests of bindings that stand for others share (alike.py, exchangeable.py): claims decided by enumeration, their plain values, certificates that both checkers accept or reject."""
import itertools
import math
import os

import decided
from tally import check, run


def plain(domain, kind, f, c):
    """The value, or (number, total)."""
    chosen = [t for t in domain if c is None or c(t)]
    values = [f(t) for t in chosen]
    if kind == "count":
        return sum(values), len(chosen)
    return min(values) if kind == "minimize" else max(values) if kind == "maximize" else sum(values) / len(values)


def decide(build, folder, *options):
    """What the prover says of the claims of folder/a.claims by name; certificates go to folder/c."""
    status, output, found = decided.verify(build, folder + "/a.claims", "--engine", "enumerate", "--certificates", folder + "/c", *options)
    check(found is not None, output[-500:])
    return found


class Cases:
    """Certificates that both checkers are to accept, or to reject: asked for all at once."""

    def __init__(self, build, folder):
        self.build, self.folder, self.wanted = build, folder, {}

    def add(self, text, good, what):
        file = "x%d.cert" % len(self.wanted)
        self.wanted[file] = good, what
        decided.write(self.folder + "/" + file, text)

    def ask(self):
        for command in decided.checkers(self.build):
            output = run(*command, "--quiet", *self.wanted, cwd=self.folder)[1]
            lines = output.split("\n")
            for file, (good, what) in self.wanted.items():
                mine = [x for x in lines if x.endswith(" " + file) or x.startswith("rejected %s:" % file)]
                check(len(mine) == 1 and mine[0].startswith("accepted" if good else "rejected"), "%s: %s %s" % (what, os.path.basename(command[-1]), mine or output[-300:]))


def answer_of(result):
    if result["kind"] == "count":
        return result["number_lo"], result["number_hi"], result["total"]
    return result["verdict"], result.get("lo"), result.get("hi")


def class_lines(lines):
    """The lines of a certificate for [(positions, tokens)]."""
    return "".join("exchangeable %s %s\n" % tuple(",".join(map(str, x)) for x in line) for line in lines)


def stand_for(sets, lines, alike=()):
    """(sequence, how many it stands for) of those that are evaluated."""
    def members(i, v):
        for positions, tokens in lines:
            if i in positions and v in tokens:
                return [x for x in tokens if x in sets[i]]
        return [v]
    for t in itertools.product(*sets):
        here = [t[i] for i in alike]
        if here == sorted(here) and all(members(i, v)[0] == v for i, v in enumerate(t)):
            orders = math.factorial(len(here)) // math.prod(math.factorial(here.count(v)) for v in set(here))
            yield t, orders * math.prod(len(members(i, v)) for i, v in enumerate(t))
