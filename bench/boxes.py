"""Boxes of relu networks, decided by the engine `bound`, by Z3 and, where maraboupy is installed, by Marabou.

    python bench/boxes.py BUILD [--shapes 10 20 10x10 20x20] [--networks N] [--seed S] [--marabou PYTHON]

Random networks of one or two layers of relu units on 10 inputs (N seeds of each shape), weights of 24 bits, boxes of radius 1/4. For every network the smallest value of output 0 less output 1 on the box is enclosed to 1/10; then two
claims, one that it is at least the lower end (true) and one that it is at least the upper end and 1/1000 (false), go to each program; the solvers have 15 s. Z3 gets the plain encoding in exact rationals, Marabou its own in doubles. An
answer that differs from the certified one is a failure. Times are elapsed; those of weightproof include the checker.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "reference"))
from op_nets import Maker  # noqa: E402

INPUTS, OUTPUTS, BITS, SECONDS = 10, 2, 23, 15

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--shapes", nargs="+", default=["10", "20", "10x10", "20x20"])
a.add_argument("--networks", type=int, default=2)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a.add_argument("--marabou", help="a Python that has maraboupy")
a.add_argument("--query", help=argparse.SUPPRESS)
a = a.parse_args()


def draw(shape, seed):
    """Weights as integers over 2^23, [input][output], and biases."""
    rng, layers, width = random.Random(seed), [], INPUTS
    for n in [int(h) for h in shape.split("x")] + [OUTPUTS]:
        most = int(2 ** BITS * 1.7 / width ** 0.5)
        layers.append(([[rng.randint(-most, most) for _ in range(n)] for _ in range(width)], [rng.randint(-most // 4, most // 4) for _ in range(n)]))
        width = n
    centre = [Fraction(rng.randint(-8, 8), 16) for _ in range(INPUTS)]
    return layers, [(c - Fraction(1, 4), c + Fraction(1, 4)) for c in centre]


def write_net(path, layers):
    net = Maker(1, d_vocab=None, n_ctx=1, causal=False, reals=INPUTS)
    x = net.node("x", "input")
    for i, (w, b) in enumerate(layers):
        m, n = len(w), len(b)
        last = i + 1 == len(layers)
        x = net.node("logits" if last else "pre%d" % i, "linear", x,
                     net.given("W%d" % i, [m, n], [v / 2 ** BITS for row in w for v in row]), net.given("b%d" % i, [n], [v / 2 ** BITS for v in b]))
        if not last:
            x = net.node("post%d" % i, "relu", x)
    with open(path, "w") as f:
        f.write(net.text())


def word(q):
    """A rational in SMT-LIB."""
    size = "(/ %d.0 %d.0)" % (abs(Fraction(q).numerator), Fraction(q).denominator)
    return size if q >= 0 else "(- %s)" % size


def smt(layers, box, limit):
    """Is there a point with output 0 - output 1 < limit?"""
    out, row = ["(set-logic QF_LRA)"], []
    for i, (lo, hi) in enumerate(box):
        out += ["(declare-const x%d Real)" % i, "(assert (<= %s x%d %s))" % (word(lo), i, word(hi))]
        row.append("x%d" % i)
    for k, (w, b) in enumerate(layers):
        made = []
        for j in range(len(b)):
            terms = " ".join("(* %s %s)" % (word(Fraction(w[i][j], 2 ** BITS)), row[i]) for i in range(len(row)))
            z = "z%d_%d" % (k, j)
            out += ["(declare-const %s Real)" % z, "(assert (= %s (+ %s %s)))" % (z, terms, word(Fraction(b[j], 2 ** BITS)))]
            if k + 1 < len(layers):
                out += ["(declare-const u%s Real)" % z, "(assert (= u%s (ite (>= %s 0.0) %s 0.0)))" % (z, z, z)]
            made.append("u" + z if k + 1 < len(layers) else z)
        row = made
    return "\n".join(out + ["(assert (< (- %s %s) %s))" % (row[0], row[1], word(limit)), "(check-sat)"]) + "\n"


def marabou_query(shape, seed, limit):
    """In the Python that has maraboupy: prints sat, unsat or timeout."""
    from maraboupy import MarabouCore
    layers, box = draw(shape, seed)
    q, n = MarabouCore.InputQuery(), 0
    total = INPUTS + sum(2 * len(b) for _, b in layers[:-1]) + OUTPUTS
    q.setNumberOfVariables(total)
    for lo, hi in box:
        q.setLowerBound(n, float(lo))
        q.setUpperBound(n, float(hi))
        n += 1
    row = list(range(INPUTS))
    for k, (w, b) in enumerate(layers):
        made = []
        for j in range(len(b)):
            e = MarabouCore.Equation()
            for i, v in enumerate(row):
                e.addAddend(w[i][j] / 2 ** BITS, v)
            e.addAddend(-1, n)
            e.setScalar(-b[j] / 2 ** BITS)
            q.addEquation(e)
            made.append(n)
            n += 1
            if k + 1 < len(layers):
                MarabouCore.addReluConstraint(q, n - 1, n)
                made[-1] = n
                n += 1
        row = made
    e = MarabouCore.Equation(MarabouCore.Equation.LE)
    e.addAddend(1, row[0])
    e.addAddend(-1, row[1])
    e.setScalar(float(limit))
    q.addEquation(e)
    options = MarabouCore.Options()
    options._verbosity = 0
    options._timeoutInSeconds = SECONDS
    print("answer", MarabouCore.solve(q, options, "")[0] or "timeout")


def timed(command, **more):
    begin = time.monotonic()
    try:
        p = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60, **more)
        return time.monotonic() - begin, p.stdout, p
    except subprocess.TimeoutExpired:
        return time.monotonic() - begin, "timeout", None


def verify(folder, claim):
    with open(os.path.join(folder, "a.claims"), "w") as f:
        f.write('claims 1\nmodel N = "m.net"\nclaim c { %s }\n' % claim)
    seconds, _, p = timed([os.path.join(a.build, "weightproof"), "verify", os.path.join(folder, "a.claims"), "--engine", "bound", "--quiet", "--json", os.path.join(folder, "a.json")])
    return seconds, json.load(open(os.path.join(folder, "a.json")))["claims"][0]


def compare(folder, shape, seed, limit, rows):
    layers, box = draw(shape, seed)
    corners = ["{%s}" % ", ".join(str(x[k]) for x in box) for k in (0, 1)]
    seconds, r = verify(folder, "forall x in box(%s) prove output(N, x)[0] - output(N, x)[1] >= %s" % (", ".join(corners), limit))
    expected = {"proved": "unsat", "refuted": "sat"}.get(r["verdict"], "undecided")
    row = [seconds, expected]
    with open(os.path.join(folder, "q.smt2"), "w") as f:
        f.write(smt(layers, box, limit))
    t, out, _ = timed([a.z3, "-T:%d" % SECONDS, os.path.join(folder, "q.smt2")])
    row += [t, out.split("\n")[0]]
    if a.marabou:
        t, out, _ = timed([a.marabou, os.path.abspath(__file__), a.build, "--query", "%s:%d:%s" % (shape, seed, limit)])
        found = [line.split()[1] for line in out.split("\n") if line.startswith("answer ")]
        row += [t, found[0].lower() if found else "timeout"]
    wrong = [x for x in row[3::2] if x in ("sat", "unsat") and x != expected]
    print("network %s seed %d, >= %.6f: weightproof %.2f s %s%s" % (shape, seed, limit, seconds, r["verdict"], "".join(", %s %.2f s %s" % (name, t, x) for name, t, x in zip(("Z3", "Marabou"), row[2::2], row[3::2]))), flush=True)
    rows.append(row)
    return not wrong and expected != "undecided"


def one_network(shape, seed, rows):
    good = True
    with tempfile.TemporaryDirectory() as folder:
        layers, box = draw(shape, seed)
        write_net(os.path.join(folder, "m.net"), layers)
        corners = ["{%s}" % ", ".join(str(x[k]) for x in box) for k in (0, 1)]
        seconds, r = verify(folder, "minimize x in box(%s) : output(N, x)[0] - output(N, x)[1]  within 1/10" % ", ".join(corners))
        print("network %s seed %d: smallest value in [%.6f, %.6f] in %.2f s, %s" % (shape, seed, r.get("lo", 0), r.get("hi", 0), seconds, r["verdict"]))
        if r["verdict"] != "bounded":
            sys.exit("not enclosed: %s" % r["reason"])
        for limit in (Fraction(r["lo_exact"]), Fraction(r["hi_exact"]) + Fraction(1, 1000)):
            good = compare(folder, shape, seed, limit, rows) and good
    return good


def main():
    good, names = True, ("weightproof", "Z3", "Marabou")[:3 if a.marabou else 2]
    lines = ["| network | " + " | ".join("%s: answered, seconds" % name for name in names) + " | times weightproof |", "|" + "---|" * (len(names) + 2)]
    for shape in a.shapes:
        rows = []
        for seed in range(a.seed, a.seed + a.networks):
            good = one_network(shape, seed, rows) and good
        cells = ["%d of %d, %.2f" % (sum(row[2 * k + 1] in ("sat", "unsat") for row in rows), len(rows), sum(row[2 * k] for row in rows)) for k in range(len(names))]
        ratios = ["%.1f" % (sum(row[2 * k] for row in rows) / sum(row[0] for row in rows)) for k in range(1, len(names))]
        lines.append("| %s | %s | %s |" % (shape, " | ".join(cells), ", ".join(ratios)))
    print("\n".join(lines))
    sys.exit(0 if good else 1)


if a.query:
    shape, seed, limit = a.query.split(":")
    marabou_query(shape, int(seed), Fraction(limit))
else:
    main()
