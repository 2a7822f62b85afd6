"""Exact counts of models that are often wrong, whose walks go along the border of right and wrong: the prover's number, and what the checker in C takes for it, against numpy on all sequences.
States are entered many times, so that their tokens are looked at side by side, and what is behind one of them as well (separable_siblings.c, separable_together.c).

    python3 tests/checker/walks.py [BUILD]

Ends with a line `N passed, N failed`.
"""
import itertools
import json
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import seal            # noqa: E402
from nets import transformer       # noqa: E402
from soft import logits            # noqa: E402
from tally import check, finish, run  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
PROVER, CHECKER = os.path.join(BUILD, "weightproof"), os.path.join(BUILD, "weightproof-check")
SHAPES = [(9, 4, 6), (6, 5, 4), (20, 3, 6), (5, 6, 6), (11, 4, 4)]       # d_vocab, n_ctx, d_model
ANSWERS = [("max(t)", lambda t: t.max(1)), ("3", lambda t: np.full(len(t), 3)), ("t[0]", lambda t: t[:, 0]), ("sum(t) % 3", lambda t: t.sum(1) % 3), ("min(t)", lambda t: t.min(1))]
UNREAD = 3                         # values of a token behind the one that is read


class Case:
    def __init__(self, folder, k):
        V, n, d = SHAPES[k % len(SHAPES)]
        self.folder, self.k = folder, k
        self.net = transformer(1700 + k, d_vocab=V, n_ctx=n + 1, d_model=d, d_head=2, causal=True, biases=False, positions=True, spread=2 + k % 3)
        text, answer = ANSWERS[(k + k // len(SHAPES)) % len(ANSWERS)]
        t = np.array(list(itertools.product(range(V), repeat=n)))
        out = logits(self.net, d, t)
        best = np.sort(out, 1)
        self.thin = (best[:, -1] - best[:, -2]).min()
        right = out.argmax(1) == answer(t)
        unread, negated, where = k % 4 == 1, k % 3 == 1, k % 5 == 2
        of = t[:, 0] != t[:, 1] if where else np.full(len(t), True)
        times = UNREAD if unread else 1
        self.right, self.total = times * int((right != negated)[of].sum()), times * int(of.sum())
        text = "(%s)" % text.replace("(t)", "(t[0..%d])" % (n - 1))
        sets = ", ".join(["0..%d" % (V - 1)] * n + ["0..%d" % (UNREAD - 1)] * unread)
        self.claim = "count t in tokens(%s)%s : argmax(logits(M, t)[%d]) %s %s" % (sets, " where t[0] != t[1]" if where else "", n - 1, "!=" if negated else "==", text)
        with open(folder + "/x.net", "w") as f:
            f.write(self.net.text())

    def proved(self):
        with open(self.folder + "/x.claims", "w") as f:
            f.write('claims 1\nmodel M = "x.net"\nclaim c { %s }\n' % self.claim)
        status, output = run(PROVER, "verify", self.folder + "/x.claims", "--engine", "separable", "--certificates", self.folder + "/out", "--json", self.folder + "/x.json", "--quiet")
        check(status == 0, "%d: %s" % (self.k, output))
        with open(self.folder + "/x.json") as f:
            c = json.load(f)["claims"][0]
        check(c["evidence"] == "checked" and c["number_lo"] == c["number_hi"] == str(self.right) and c["total"] == str(self.total), "%d, %s: %s of %s, not %d of %d" % (self.k, self.claim, c["number_lo"], c["total"], self.right, self.total))

    def checked(self):
        with open(self.folder + "/out/c.cert") as f:
            text = f.read()
        line = "number %d %d\n" % (self.right, self.right)
        check(line in text, "%d: no line of the number" % self.k)
        for number in (self.right - 1, self.right + 1):
            path = self.folder + "/out/false.cert"
            with open(path, "w") as f:
                f.write(seal(text[:text.rindex("sha256 ")].replace(line, "number %d %d\n" % (number, number))))
            check(run(CHECKER, "--quiet", path)[0] == 1, "%d: %d is accepted, %d are right" % (self.k, number, self.right))


def main():
    with tempfile.TemporaryDirectory() as folder:
        used = 0
        for k in range(25):
            case = Case(folder, k)
            if case.thin > 1e-9 and 0 < case.right < case.total:
                case.proved()
                case.checked()
                used += 1
        check(used > 15, "too few cases: %d" % used)


main()
finish()
