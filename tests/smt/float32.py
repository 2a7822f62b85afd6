"""Documents about executions in float32 against executions: python tests/smt/float32.py BUILD [--seed S] [--z3 FILE]

Random networks over tokens and over reals, each run in binary32 in random orders. That no execution has the value which one had is false, so its document is not `unsat`, be the domain
that input alone or all inputs; that all values are near the value over the reals is true, and `unsat` says so. The engine smt decides claims under float32, with interventions among them, as the engine that
evaluates every input. Ends with `N passed, N failed`.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here] + [os.path.join(here, "..", x) for x in ("reference", "bound", "")]
import boxes                                     # noqa: E402
import op_nets                                   # noqa: E402
import solvers                                   # noqa: E402
from decided import verify, write, write_claims  # noqa: E402
from executions import Execution                 # noqa: E402
from nets import transformer                     # noqa: E402
from tally import check, finish                  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--seed", type=int, default=1)
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a = a.parse_args()
program = os.path.join(a.build, "weightproof")


def answers(folder, claims):
    """What Z3 says of the document of each."""
    path, out = write_claims(folder, claims), []
    for i in range(len(claims)):
        smt2 = os.path.join(folder, "a.smt2")
        p = subprocess.run([program, "smt", path, "--only", "c%d" % i, "-o", smt2], capture_output=True, text=True, timeout=60)
        out.append(solvers.z3(a.z3, smt2) if p.returncode == 0 else "error " + p.stderr[:300])
    return out


def exact(x):
    """A double as a literal of the language."""
    num, den = x.as_integer_ratio()
    return "%d/%d" % (num, den)


def on_tokens():
    s = a.seed
    for name, net in (("attention", transformer(s)), ("gelu", transformer(s + 1, mlp="gelu", d_model=2, spread=12)), ("norm", transformer(s + 2, norm=("ln1", "final"), spread=12)),
                      ("gated", op_nets.gated(s + 3)), ("products", op_nets.products(s + 4)), ("padded", op_nets.padded(s + 5)), ("functions", op_nets.functions(s + 6))):
        yield name, net


def of_tokens(folder, rng):
    for name, net in on_tokens():
        write(os.path.join(folder, "m.net"), net.text())
        t = [rng.randrange(3) for _ in range(2)]
        here = "tokens({%d}, {%d})" % tuple(t)
        run, real = Execution(net, rng.randrange(1000)).run(t)["logits"][-1][0], net.run(t)["logits"][-1][0]
        value = "logits(M, t)[last, 0]"
        claims = ["forall t in %s prove %s != %s under float32" % (d, value, exact(run)) for d in (here, "tokens[2] of 0..2")]
        claims.append("forall t in %s prove abs(%s - %s) <= 1/50 under float32" % (here, value, exact(real)))
        claims.append("forall t in %s prove %s <= %s + 1/50 under float32" % (here, value, exact(real)))
        for word, right, claim in zip(answers(folder, claims), (("sat", "unknown"), ("sat", "unknown"), ("unsat",), ("unsat",)), claims):
            check(word in right, "%s: %s of %s" % (name, word, claim))


def of_boxes(folder, rng):
    for name, net, out in (("piecewise linear", boxes.network(a.seed), 0), ("convolution", op_nets.real_vector(a.seed), 1)):
        write(os.path.join(folder, "m.net"), net.text())
        x = tuple(rng.randrange(-32, 32) / 32 for _ in range(net.reals))
        run, real = Execution(net, rng.randrange(1000)).run([x])["logits"][0][out], net.run([x])["logits"][0][out]
        point, around = "{%s}" % ", ".join(map(exact, x)), "{%s}" % ", ".join(exact(y + 1 / 64) for y in x)
        claims = ["forall x in box(%s, %s) prove output(M, x)[%d] != %s under float32" % (point, end, out, exact(run)) for end in (point, around)]
        claims.append("forall x in box(%s, %s) prove abs(output(M, x)[%d] - %s) <= 1/1000 under float32" % (point, point, out, exact(real)))
        claims.append("forall x in box(%s, %s) prove output(M, x)[%d] - output(M, x)[%d] == 0 under float32" % (point, around, out, out))
        for word, right, claim in zip(answers(folder, claims), (("sat",), ("sat",), ("unsat",), ("unsat",)), claims):
            check(word in right, "%s: %s of %s" % (name, word, claim))


MODELS = ["M", "ablate(M, drop = {head(0, 0)}, to = zero)", "ablate(M, drop = {pos_embed}, to = mean over tokens[2] of 0..2)", "patch(M, head(0, 0)[last] = {1/3, 0, -1/7})",
          'replace(M, "pos_embed.W_pos" = mean_rows(W(M, "pos_embed.W_pos")))']


def engines(folder, rng):
    net = transformer(a.seed + 7)
    net.tensors["pos_embed.W_pos"][1][:] = [x - x % 3 for x in net.tensors["pos_embed.W_pos"][1]]     # whose means are binary32 numbers
    write(os.path.join(folder, "m.net"), net.text())
    claims = []
    for model in MODELS:
        value = "logits(%s, t)[last, %%d]" % model
        claims += ["forall t in tokens[2] of 0..2 prove %s > %s - %d" % (value % 0, value % 1, k) for k in range(5)]
        claims.append("forall t in tokens[2] of 0..2 prove argmax(logits(%s, t)[last]) == argmax(logits(M, t)[last])" % model)
        claims.append("count t in tokens[2] of 0..2 : argmax(logits(%s, t)[last]) == 0" % model)
        claims.append("minimize t in tokens[2] of 0..2 : %s within 1e-2" % (value % 2))
    claims.append("forall t in tokens[2] of 0..2 prove logits(M, t)[last, 0] - logits(M, t)[last, 0] == 0")
    path, results = write_claims(folder, [c + " under float32" for c in claims]), []
    for engine in ("smt", "enumerate"):
        results.append(list(verify(a.build, path, "--engine", engine, "--timeout", "20", env=dict(os.environ, WEIGHTPROOF_Z3=a.z3))[2].values()))
    keys = ("verdict", "number_lo", "number_hi", "total")
    for claim, mine, other in zip(claims, *results):
        check(all(mine.get(k) == other.get(k) for k in keys), "%s: smt %s, enumerate %s (%s)" % (claim, mine["verdict"], other["verdict"], mine.get("reason")))
    seen = {r["verdict"] for r in results[0]}
    check({"proved", "refuted", "bounded"} <= seen, "verdicts %s" % seen)


with tempfile.TemporaryDirectory() as folder:
    rng = random.Random(a.seed)
    of_tokens(folder, rng)
    of_boxes(folder, rng)
    engines(folder, rng)
finish()
