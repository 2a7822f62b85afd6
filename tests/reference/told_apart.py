"""Random claims about tokens under random lines `exchangeable`: python tests/reference/told_apart.py BUILD [--claims N] [--seed S]

Claims of tables, orders, extrema, comprehensions, automata and errors, without a network. What a claim says is evaluated on every sequence by the reference checker's own expressions: lines are right when it says the same, errors included, of sequences
that are alike. Both checkers get the certificate with the numbers of the least tokens: they must agree, and accept no wrong lines. Ends with `N passed, N failed`.
"""
import itertools
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "proofs", "reference")]
import tally                                          # noqa: E402
from attacks import certificate                       # noqa: E402
from evaluate import Interpreter                      # noqa: E402
from exchange import ExchangeableClaim                # noqa: E402
from orbits import class_lines, stand_for             # noqa: E402
from printer import show_statement                    # noqa: E402
from statement import StatementError, parse_statement  # noqa: E402
from symmetric import Asymmetric                      # noqa: E402
from tally import check                               # noqa: E402
from values import ClaimError, Unsettled, vector      # noqa: E402


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


BUILD = os.path.abspath(sys.argv[1])
V, N = 5, 3
ALL = list(itertools.product(range(V), repeat=N))


class Grammar:
    """Expressions of a depth over the variables that are bound."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def among(self, *words):
        return self.rng.choice(words)

    def entries(self, n, below):
        return "{%s}" % ", ".join(str(self.rng.randrange(below)) for _ in range(n))

    def stretch(self):
        return self.among("t", "t", "t[0..1]", "t[1..last]", "t[2..2]")

    def token(self, bound):
        return "t[%s]" % self.among(str(self.rng.randrange(N)), "last", *bound * 2)

    def values_of(self, bound):
        return self.among("0..2", "0..1", "1..2", "{0, 2}", "{1, 3, 4}", *["0..%s" % x for x in bound[-1:]])

    def comprehension(self, words, body, depth, bound):
        name = "abcdefgh"[len(bound)]
        return "%s{%s : %s in %s}" % (self.among(*words), body(depth - 1, bound + [name]), name, self.values_of(bound))

    def number(self, depth, bound):
        kind = self.rng.randrange(14) if depth > 0 else self.rng.randrange(4)
        if kind == 0:
            return str(self.rng.randrange(6))
        if kind in (1, 2):
            return self.token(bound)
        if kind == 3:
            return self.among(*bound) if bound else self.token(bound)
        if kind == 4:
            return "(%s %s %s)" % (self.number(depth - 1, bound), self.among(*"+-*"), self.number(depth - 1, bound))
        if kind == 5:
            return "(%s %% %d)" % (self.number(depth - 1, bound), self.rng.randrange(2, 4))
        if kind == 6:
            return "(if %s then %s else %s)" % (self.truth(depth - 1, bound), self.number(depth - 1, bound), self.number(depth - 1, bound))
        if kind in (7, 8):
            return "%s(%s)" % (self.among("max", "min"), self.stretch())
        if kind == 9:
            return "%s[%s]" % (self.entries(self.among(5, 6, 8), 3), self.number(depth - 1, bound))
        if kind == 10:
            return "fold({%s, %s}, %d, %s)" % (self.entries(V, 2), self.entries(V, 2), self.rng.randrange(2), self.stretch())
        if kind == 11:
            return self.comprehension(("sum", "max", "min"), self.number, depth, bound)
        if kind == 12:
            return self.comprehension(("count",), self.truth, depth, bound)
        return self.among("sum(%s)", "len(%s)", "argmax(%s)", "sort(%s)[0]") % self.stretch()

    def truth(self, depth, bound):
        kind = self.rng.randrange(9) if depth > 0 else 0
        if kind < 3:
            return "%s %s %s" % (self.number(max(depth - 1, 0), bound), self.among("<", "<=", "==", "!=", ">"), self.number(max(depth - 1, 0), bound))
        if kind == 3:
            return "(%s %s %s)" % (self.truth(depth - 1, bound), self.among("and", "or"), self.truth(depth - 1, bound))
        if kind == 4:
            return "not (%s)" % self.truth(depth - 1, bound)
        if kind == 5:
            return "contains(%s, %s)" % (self.stretch(), self.number(depth - 1, bound))
        if kind == 6:
            return "%s in {%s}" % (self.number(depth - 1, bound), ", ".join(map(str, self.rng.sample(range(6), 2))))
        if kind == 7:
            return "distinct(%s)" % self.stretch()
        return self.comprehension(("all", "any"), self.truth, depth, bound)

    def lines(self):
        out, used = [], set()
        for _ in range(self.among(1, 1, 1, 2)):
            positions = tuple(sorted(self.rng.sample(range(N), self.rng.randrange(1, N + 1))))
            tokens = tuple(sorted(self.rng.sample(range(V), self.among(2, 2, 3))))
            here = set(itertools.product(positions, tokens))
            if not used & here:
                out.append((positions, tokens))
                used |= here
        return out


def said(statement):
    """By sequence: True, False, or "error"."""
    interpreter, out = Interpreter({}, False, {}), {}
    for t in ALL:
        try:
            out[t] = interpreter.settle(statement.body, {"t": vector(t)})
        except (ClaimError, Unsettled):
            out[t] = "error"
    return out


def least(t, lines):
    return tuple(next((tokens[0] for positions, tokens in lines if i in positions and v in tokens), v) for i, v in enumerate(t))


def allowed(statement, lines):
    try:
        ExchangeableClaim(lines, None, Interpreter({}, False, {})).check(statement.binds, (statement.where, statement.body))
        return True
    except (Asymmetric, ClaimError):
        return False


def cases(number, seed):
    """(claim, certificate, whether lines are right, whether the reference checker allows them)"""
    grammar = Grammar(seed)
    while number > 0:
        body = grammar.truth(3, [])
        try:
            s = parse_statement("weightproof-statement 1\nsemantics real\ncount t in tokens[%d] of 0..%d : %s\n" % (N, V - 1, body))
        except StatementError:
            continue
        lines, value = grammar.lines(), said(s)
        number -= 1
        right = all(value[t] == value[least(t, lines)] for t in ALL)
        evaluated = list(stand_for([range(V)] * N, lines))
        yes = sum(n for t, n in evaluated if value[t] is True)
        claim = show_statement(s).split("\n", 2)[2].rstrip("\n")
        text = certificate(claim, "verdict bounded\nnumber %d %d\ntotal %d %d" % (yes, yes, V ** N, V ** N), "enumerate\n" + class_lines(lines).rstrip("\n"))
        yield "%s, %s" % (body, lines), text, right, allowed(s, lines), "error" in [value[t] for t, _ in evaluated]


def main():
    accepted = 0
    with tempfile.TemporaryDirectory() as folder:
        found = list(cases(option("--claims", 400), option("--seed", 1)))
        for k, (name, text, right, may, errors) in enumerate(found):
            with open("%s/x%d.cert" % (folder, k), "w", newline="") as f:
                f.write(text)
        p = subprocess.run([BUILD + "/weightproof-check", "--quiet"] + ["x%d.cert" % k for k in range(len(found))], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        good = {x.split(" ")[-1] for x in p.stdout.split("\n") if x.startswith("accepted")}
        for k, (name, text, right, may, errors) in enumerate(found):
            is_good = "x%d.cert" % k in good
            accepted += is_good
            check(right or not (is_good or may), "wrong lines are accepted (%s, %s): %s" % (is_good, may, name))
            check(is_good == (may and not errors), "weightproof-check %s, the reference checker %s: %s" % (is_good, may, name))
    check(accepted * 8 > len(found), "only %d of %d are accepted" % (accepted, len(found)))


main()
tally.finish()
