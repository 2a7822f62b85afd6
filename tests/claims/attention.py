"""Claims about attention: mass on a set of positions, its largest position, independence of content or position, previous-token and induction heads, shares that add up to 1.

    python tests/claims/attention.py BUILD [--seed S]

Random networks of two layers, with and without padding. Every number is computed here by plain loops; a claim with a bound a millionth to one side of it must be proved, to the other side refuted, and
both checkers must accept. A softmax row adds up to exactly 1, its parts do not.
"""
import argparse
import glob
import itertools
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from decided import ONE_MODEL, decide, in_python  # noqa: E402
from nets import transformer                      # noqa: E402
from tally import check, finish                   # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
V, N, EPS = 3, 4, 1e-6


def tables(net):
    """attention[layer][head][t]: the pattern on every sequence without padding tokens, [destination][source]."""
    out = {}
    for t in itertools.product(range(V), repeat=N):
        rows = net.run(list(t))
        for l in range(2):
            for h in range(2):
                out[l, h, t] = rows["blocks.%d.attn.hook_pattern.%d" % (l, h)]
    return out


def bounds(P):
    """(name, binders, left side, smallest or largest value of it)."""
    T = list(itertools.product(range(V), repeat=N))
    mass = min(sum(p for p, x in zip(P[0, 1, t][N - 1], t) if x == max(t)) for t in T)
    yield "mass", "t in D", "sum{ attn(M, 0, 1, t)[last, i] : i in 0..3 where t[i] == max(t) }", ">=", mass
    pairs = max(abs(x - y) for t in T for s in T for x, y in zip(P[0, 0, t][N - 1], P[0, 0, s][N - 1]))
    yield "content", "t in D, s in D", "dist(inf, attn(M, 0, 0, t)[last], attn(M, 0, 0, s)[last])", "<=", pairs
    even = max(abs(x - 1 / N) for t in T for x in P[1, 0, t][N - 1])
    yield "even", "t in D, i in 0..3", "abs(attn(M, 1, 0, t)[last, i] - 1/4)", "<=", even
    swap = max(abs(P[0, 0, t][N - 1][0] - P[0, 0, t][N - 1][1]) for t in T if t[0] == t[1])
    yield "position", "t in D where t[0] == t[1]", "abs(attn(M, 0, 0, t)[last, 0] - attn(M, 0, 0, t)[last, 1])", "<=", swap
    before = min(P[0, 1, t][i][i - 1] for t in T for i in range(1, N))
    yield "previous", "t in D, i in 1..3", "attn(M, 0, 1, t)[i, i - 1]", ">=", before
    again = min(P[1, 1, t][3][p + 1] for p in range(2) for t in T if len(set(t[:3])) == 3 and t[3] == t[p])
    yield "induction", "p in 0..1, t in D where distinct(t[0..2]) and t[3] == t[p]", "attn(M, 1, 1, t)[last, p + 1]", ">=", again


def claims_of(net):
    P, claims = tables(net), []
    for name, binds, left, order, value in bounds(P):
        near, far = (value - EPS, value + EPS) if order == ">=" else (value + EPS, value - EPS)
        claims.append((name, "forall %s prove %s %s %.12f" % (binds, left, order, near), "proved"))
        claims.append((name + "_not", "forall %s prove %s %s %.12f" % (binds, left, order, far), "refuted"))
    places = {t: [i for i in range(N) if all(P[0, 0, t][3][i] > P[0, 0, t][3][j] for j in range(N) if j != i)] for t in itertools.product(range(V), repeat=N)}
    number = sum(x == [0] for x in places.values())
    claims.append(("place", "count t in D : argmax(attn(M, 0, 0, t)[last]) == 0 prove number == %d" % number, "proved"))
    for name, text, verdict in (("rows", "forall t in D prove all{ sum(attn(M, l, h, t)[i]) == 1 : l in 0..1, h in 0..1, i in 0..3 }", "proved"),
                                ("shares", "forall t in D, i in 0..3 prove sum{ attn(M, 1, 0, t)[i, j] : j in 0..i } == 1", "proved"),
                                ("all_but_one", "forall t in D prove sum(attn(M, 1, 0, t)[last, 0..2]) == 1", "refuted"),
                                ("less", "forall t in D prove sum(attn(M, 1, 0, t)[last]) < 1", "refuted"),
                                ("twice", "forall t in D prove sum{ attn(M, 1, 0, t)[last, j % 2] : j in 0..3 } == 1", "refuted"),
                                ("two_heads", "forall t in D prove sum{ attn(M, 1, h, t)[last, j] : h in 0..1, j in 0..3 } > 3/2", "proved")):
        claims.append((name, text, verdict))
    return claims


def pads():
    """Padding: a row with a source that is left adds up to 1, a row without one to 0."""
    for text, verdict in (("forall t in tokens[3] of 0..2 where t[0] != 2 prove sum(attn(M, 0, 0, t)[last]) == 1", "proved"),
                          ("forall t in tokens[3] of 0..2 where t[0] == 2 prove sum(attn(M, 0, 0, t)[0]) == 0", "proved"),
                          ("forall t in tokens[3] of 0..2 prove sum(attn(M, 0, 0, t)[0]) == 1", "refuted")):
        yield text.replace("forall ", "pad "), text, verdict


def one_layer(net):
    """Without enumeration: every number of a count by engine separable, and one more or less refuted."""
    T = list(itertools.product(range(V), repeat=N))
    row = {(t, i): net.run(list(t))["blocks.0.attn.hook_pattern.0"][i] for t in T for i in (2, N - 1)}

    def largest(p, i, strict=True):
        return 0 <= i < N and all(p[i] > x if strict else p[i] >= x - 1e-12 for j, x in enumerate(p) if j != i)
    counts = [("argmax(attn(M, 0, 0, t)[last]) == argmax(t)", lambda t: largest(row[t, N - 1], t.index(max(t)))),
              ("argmax(attn(M, 0, 0, t)[last]) != t[1]", lambda t: not largest(row[t, N - 1], t[1])),
              ("argmax(attn(M, 0, 0, t)[2]) == 3", lambda t: largest(row[t, 2], 3)),
              ("argmax(attn(M, 0, 0, t)[last]) == sum(t)", lambda t: largest(row[t, N - 1], sum(t))),
              ("argmax(t) in argmaxes(attn(M, 0, 0, t)[last])", lambda t: largest(row[t, N - 1], t.index(max(t)), False)),
              ("argmax(attn(M, 0, 0, t)[2]) != t[0] or attn(M, 0, 0, t)[2, 1] < 1/3", lambda t: not largest(row[t, 2], t[0]) or row[t, 2][1] < 1 / 3),
              ("all{ abs(attn(M, 0, 0, t)[last, i] - 1/4) <= 1/5 : i in 0..3 }", lambda t: all(abs(x - 0.25) <= 0.2 for x in row[t, N - 1])),
              ("attn(M, 0, 0, t)[last, last - 1] >= sum{ attn(M, 0, 0, t)[last, i] : i in 0..3 where t[i] == max(t) }",
               lambda t: row[t, N - 1][N - 2] >= sum(p for p, x in zip(row[t, N - 1], t) if x == max(t)) - 1e-12)]
    claims = []
    for k, (body, holds) in enumerate(counts):
        number = sum(holds(t) for t in T)
        claims.append(("one%d" % k, "count t in D : %s prove number == %d engine separable" % (body, number), "proved"))
        claims.append(("one%d_not" % k, "count t in D : %s prove number == %d engine separable" % (body, number + 1), "refuted"))
    return claims


def right(net, claims):
    """Every claim has its verdict, and a certificate that the second checker accepts."""
    with tempfile.TemporaryDirectory() as folder:
        found = decide(a.build, folder, [x[:2] for x in claims], "--certificates", folder + "/c", head=ONE_MODEL + "domain D = tokens[4] of 0..2\n", net=net)
        for (name, text, verdict), result in zip(claims, found.values()):
            check(result["verdict"] == verdict, "%s: %s, not %s: %s (%s)" % (name, result["verdict"], verdict, text, result.get("reason")))
        certificates = glob.glob(folder + "/c/*.cert")
        check(len(certificates) == len(claims), "%d certificates of %d claims" % (len(certificates), len(claims)))
        status, output = in_python(*certificates)
        check(status == 0, "the second checker: " + output)


if __name__ == "__main__":
    for k in range(2):
        net = transformer(a.seed * 101 + k, d_vocab=V, n_ctx=N, layers=2, heads=2, causal=k == 0, norm=(), spread=16)
        right(net, [x for x in claims_of(net) if k == 0 or x[0] != "shares"])
    for k in range(4):
        net = transformer(a.seed * 101 + 20 + k, d_vocab=V, n_ctx=N, layers=1, heads=1, causal=k % 2 == 0, positions=k != 1, norm=("ln1",) if k == 3 else (), spread=16)
        right(net, one_layer(net))
    net = transformer(a.seed * 101 + 7, d_vocab=3, n_ctx=3, layers=1)
    net.pad = 2
    right(net, [("pad%d" % i, text, verdict) for i, (_, text, verdict) in enumerate(pads())])
    finish()
