"""Rows of runs on other sequences, as patches and ablates, that the checker's first looks take: python tests/checker/copied.py BUILD [NETS]

Counts of random networks of one and two layers against a plain evaluation in doubles; the checker accepts them and rejects copies with another count. Among the forms are some that look like rows
of the same place and are none (another row, another component); the last row is read by name, or by an entry of a sequence that is sorted for it. Ends with a line `N passed, N failed`.
"""
import itertools
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "..", "proofs", "reference")]
from claims import recounted             # noqa: E402
from decided import decide, in_c, write  # noqa: E402
from nets import transformer             # noqa: E402
from tally import check, finish          # noqa: E402

BUILD = sys.argv[1]
NETS = int(sys.argv[2]) if len(sys.argv) > 2 else 6
HEAD, LAST = "blocks.0.attn.hook_result.0", 2

# the model, the sequence that is read, the source sequence of t and s, and the replaced rows: (node, row, node of the source, row of the source)
FORMS = [
    ("patch(M, head(0, 0) = node(M, head(0, 0), seq(t[1], t[0], 2)))", "t", lambda t, s: (t[1], t[0], 2), [(HEAD, i, HEAD, i) for i in range(3)]),
    ("patch(M, head(0, 0)[last] = node(M, head(0, 0), seq(t[0..1], 0))[last])", "t", lambda t, s: (t[0], t[1], 0), [(HEAD, 2, HEAD, 2)]),
    ("patch(M, head(0, 0)[1..2] = node(M, head(0, 0), s)[1..2])", "t", lambda t, s: s, [(HEAD, i, HEAD, i) for i in (1, 2)]),
    ("patch(M, embed[0..1] = node(M, embed, sort(t))[0..1])", "t", lambda t, s: sorted(t), [("hook_embed", i, "hook_embed", i) for i in (0, 1)]),
    ("patch(M, head(0, 0)[last] = node(M, head(0, 0), seq(t[2], s[1], t[0]))[last])", "seq(t[1], t[0], s[2])", lambda t, s: (t[2], s[1], t[0]), [(HEAD, 2, HEAD, 2)]),
    ("ablate(M, drop = {head(0, 0)[last], embed[0]}, to = from seq(s[0], t[0..1]))", "t", lambda t, s: (s[0], t[0], t[1]), [(HEAD, 2, HEAD, 2), ("hook_embed", 0, "hook_embed", 0)]),
    ("patch(M, head(0, 0)[last] = node(M, head(0, 0), s)[1])", "t", lambda t, s: s, [(HEAD, 2, HEAD, 1)]),
    ("patch(M, head(0, 0) = node(M, head(0, 1), seq(t[1], t[0], 2)))", "t", lambda t, s: (t[1], t[0], 2), [(HEAD, i, HEAD[:-1] + "1", i) for i in range(3)]),
    ("patch(M, head(0, 0)[0..1] = node(M, head(0, 0), t)[1..2])", "t", lambda t, s: t, [(HEAD, i, HEAD, i + 1) for i in (0, 1)]),
]


def values(net, form, pairs):
    _, read, source, rows = form
    out = []
    for t, s in pairs:
        run = net.run(source(t, s))
        on = t if read == "t" else (t[1], t[0], s[2])
        out.append(net.run(on, [(node, i, run[other][j]) for node, i, other, j in rows])["logits"][LAST][0])
    return out


def between(numbers):
    """A number with the widest gap around it in the middle half of them."""
    numbers = sorted(numbers)
    quarter = numbers[len(numbers) // 4:3 * len(numbers) // 4 + 1]
    gap, i = max((b - a, i) for i, (a, b) in enumerate(zip(quarter, quarter[1:])))
    return (quarter[i] + quarter[i + 1]) / 2 if gap > 1e-5 else None


def main():
    for seed in range(NETS):
        rng = random.Random(seed)
        net = transformer(9300 + seed, d_vocab=3, n_ctx=3, d_out=3, layers=1 + seed % 2, heads=2, causal=seed % 3 != 0, mlp=rng.choice((None, "relu", "gelu")), norm=rng.choice(((), ("ln1", "ln2", "final"))))
        ln = ", ln = live" if any(op == "layernorm" for _, op, _ in net.nodes) else ""
        pairs = [(t, s) for t in itertools.product(range(3), repeat=3) for s in itertools.product(range(2), repeat=3)]
        claims, right = [], {}
        for k, form in enumerate(FORMS):
            found = values(net, form, pairs)
            bound = between(set(round(v, 9) for v in found)) if len(set(round(v, 9) for v in found)) > 4 else None
            if bound is not None:
                right["c%d" % k] = sum(v > bound for v in found)
                claims.append(("c%d" % k, "count t in tokens[3] of 0..2, s in tokens[3] of 0..1 : logits(%s, %s)[%s, 0] > %r" % (form[0][:-1] + ln + ")", form[1], ("last", "sort(seq(2, t[0]))[1]")[(seed + k) % 2], bound)))
        with tempfile.TemporaryDirectory() as folder:
            for name, c in decide(BUILD, folder, claims, "--certificates", folder + "/c", net=net).items():
                words = "net %d, %s: %r %r, here %d" % (seed, FORMS[int(name[1:])][0], c.get("number_lo"), c["evidence"], right[name])
                good = c["evidence"] == "checked" and int(c["number_lo"]) == int(c["number_hi"]) == right[name]
                check(good, words)
                if good:
                    with open(folder + "/c/%s.cert" % name) as file:
                        write(folder + "/c/lie.cert", recounted(file.read(), -1))
                    check(in_c(BUILD, folder + "/c/lie.cert")[0] == 1, words + ": one less is accepted")
    finish()


if __name__ == "__main__":
    main()
