"""Networks with two names: runs are shared between names of equal weights, and between no others.

    python tests/checker/named_twice.py BUILD
"""
import itertools
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from decided import decide, in_python, write  # noqa: E402
from nets import transformer                  # noqa: E402
from tally import check, finish               # noqa: E402

BUILD = sys.argv[1]


def answer(v):
    return max(range(len(v)), key=lambda j: v[j])


def main():
    with tempfile.TemporaryDirectory() as folder:
        nets = [transformer(k, d_vocab=4, n_ctx=3, d_model=4, d_head=2, causal=True, biases=True, positions=True, spread=12, norm=("ln1",)) for k in (3, 4)]
        for name, net in zip(("x", "y"), nets):
            write(os.path.join(folder, name + ".net"), net.text())
        domain = list(itertools.product(range(4), repeat=3))
        answers = [[answer(net.run(t)["logits"][-1]) for t in domain] for net in nets]
        alike = sum(a == b for a, b in zip(*answers))
        check(0 < alike < len(domain), "the two networks differ on some sequences: %d" % alike)
        for semantics in ("real", "float32"):
            for second, number in (("N", len(domain)), ("O", alike)):
                claim = "count t in tokens[3] of 0..3 : argmax(logits(M, t)[last]) == argmax(logits(%s, t)[last]) under %s engine enumerate" % (second, semantics)
                found = decide(BUILD, folder, [("a", claim)], "--certificates", os.path.join(folder, "d"), head='model M = "x.net"\nmodel N = "x.net"\nmodel O = "y.net"\n')["a"]
                check(found["evidence"] == "checked" and found["number_lo"] == found["number_hi"] == str(number), "M and %s, %s: %d expected: %s" % (second, semantics, number, found))
                status, output = in_python("--dir", os.path.join(folder, "d"), os.path.join(folder, "d", "a.cert"))
                check(status == 0, "M and %s, %s: the reference checker: %s" % (second, semantics, output))


main()
finish()
