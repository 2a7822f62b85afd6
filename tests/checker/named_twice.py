"""Networks with two names: runs are shared between names of equal weights, and between no others.

    python tests/checker/named_twice.py BUILD
"""
import itertools
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from nets import transformer       # noqa: E402
from tally import check, finish, run   # noqa: E402

BUILD = sys.argv[1]


def answer(v):
    return max(range(len(v)), key=lambda j: v[j])


def main():
    with tempfile.TemporaryDirectory() as folder:
        nets = [transformer(k, d_vocab=4, n_ctx=3, d_model=4, d_head=2, causal=True, biases=True, positions=True, spread=12, norm=("ln1",)) for k in (3, 4)]
        for name, net in zip(("x", "y"), nets):
            with open(os.path.join(folder, name + ".net"), "w") as f:
                f.write(net.text())
        domain = list(itertools.product(range(4), repeat=3))
        answers = [[answer(net.run(t)["logits"][-1]) for t in domain] for net in nets]
        alike = sum(a == b for a, b in zip(*answers))
        check(0 < alike < len(domain), "the two networks differ on some sequences: %d" % alike)
        for semantics in ("real", "float32"):
            for second, number in (("N", len(domain)), ("O", alike)):
                path = os.path.join(folder, "x.claims")
                with open(path, "w") as f:
                    f.write('claims 1\nmodel M = "x.net"\nmodel N = "x.net"\nmodel O = "y.net"\nclaim a { count t in tokens[3] of 0..3 : argmax(logits(M, t)[last]) == argmax(logits(%s, t)[last])'
                            " under %s engine enumerate }\n" % (second, semantics))
                _, output = run(BUILD + "/weightproof", "verify", path, "--certificates", os.path.join(folder, "d"))
                found = re.search(r"(\d+) of %d" % len(domain), output)
                check(found and int(found.group(1)) == number and "checked" in output, "M and %s, %s: %d expected: %s" % (second, semantics, number, output))
                status, output = run(sys.executable, "proofs/reference/check.py", "--dir", os.path.join(folder, "d"), os.path.join(folder, "d", "a.cert"))
                check(status == 0, "M and %s, %s: the reference checker: %s" % (second, semantics, output))


main()
finish()
