"""The exported documents and the engine smt against enumeration: python tests/smt/oracle.py BUILD [--count N] [--seed S] [--z3 FILE] [--cvc5]

Random networks and claims. What `weightproof smt` writes is given to Z3 (and with --cvc5 to cvc5 as well, in this Python); the claim is decided by the
engine that evaluates every input. `unsat` must go with a claim that no input falsifies (a count of 0), `sat` with one that some input does, except where the document
encloses functions: then `sat` may be wrong, and `unsat` not. The engine smt, and the engine of choice, decide a third of them too; no two that answer contradict each other: verdicts, numbers,
items, values. Ends with `N passed, N failed`.
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import solvers                      # noqa: E402
from decided import verify          # noqa: E402
from random_queries import queries  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--count", type=int, default=300)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a.add_argument("--cvc5", action="store_true")
a.add_argument("--seconds", type=int, default=3, help="for a query; what takes longer is not compared")
a = a.parse_args()
program = os.path.join(a.build, "weightproof")
seen, failed = collections.Counter(), 0
BODIES = ("count", "list", "average", "minimize", "maximize")


def fail(words):
    global failed
    failed += 1
    print("FAILED " + words)


def expected(claim, result):
    """What the solver must say of an exact document, or None when enumeration does not know."""
    verdict, body = result["verdict"], claim.split()[0]
    if body in ("average", "minimize", "maximize"):
        return "unsat" if verdict == "vacuous" else "sat" if verdict == "bounded" else None
    if body in ("count", "list") and verdict == "bounded":
        return "sat" if (int(result["number_hi"]) if body == "count" else len(result["items"])) else "unsat"
    if verdict not in ("proved", "refuted", "vacuous"):
        return None
    exists = claim.startswith("prove exists")
    return ("sat" if verdict == "proved" else "unsat") if exists else ("sat" if verdict == "refuted" else "unsat")


def agree(x, y):
    """No contradiction between two results of engines. An error at some input is met or not, by the order in which inputs are looked at."""
    if "undecided" in (x["verdict"], y["verdict"]) or "error" in (x["verdict"], y["verdict"]):
        return True
    if x["verdict"] != y["verdict"]:
        return False
    for key in ("number_lo", "number_hi", "total"):
        if x.get(key) != y.get(key):
            return False
    if x["kind"] == "list" and x["items_complete"] and y["items_complete"] and x["items"] != y["items"]:
        return False
    if x.get("lo_exact") and y.get("lo_exact"):
        (a0, a1), (b0, b1) = ([Fraction(r["lo_exact"]), Fraction(r["hi_exact"])] for r in (x, y))
        return a0 <= b1 and b0 <= a1
    return True


def decided(path, seconds, *options):
    """{name: result} of the claims of the file."""
    return verify(a.build, path, "--timeout", str(seconds), *options, env=dict(os.environ, WEIGHTPROOF_Z3=a.z3))[2] or {}


def well_formed(folder, claims):
    """Those that the language takes (types, literals out of range), in one file each and all in one."""
    good = []
    for i, claim in enumerate(claims):
        with open(os.path.join(folder, "c%d.claims" % i), "w") as f:
            f.write('claims 1\nmodel M = "m.net"\nclaim c%d { %s }\n' % (i, claim))
        p = subprocess.run([program, "smt", os.path.join(folder, "c%d.claims" % i), "-o", os.path.join(folder, "c%d.smt2" % i)], capture_output=True, text=True, timeout=60)
        good.append(p.returncode)
        if p.returncode not in (0, 2, 3, 4):
            fail("exit status %d, %s: %s" % (p.returncode, p.stderr[:300], claim))
        if p.returncode:
            seen["no encoding" if p.returncode == 2 else "refused"] += 1
    return good


def compare_solvers(name, i, claim, want, path):
    relaxed, words = "perhaps" in open(path).read(4000 + len(claim) * 3), {"Z3": solvers.z3(a.z3, path, a.seconds)}
    if a.cvc5:
        words["cvc5"] = solvers.cvc5(path)
    for solver, word in words.items():
        good = word == "unknown" or want is None or word == want or (relaxed and word == "sat")
        seen[solver + " " + (word if word == want or word == "unknown" else "sat of an enclosure" if good and want else "nothing to compare" if good else "WRONG")] += 1
        if not good:
            fail("%s: %s says %s, enumeration %s%s: %s" % (name, solver, word, want, ", enclosed" if relaxed else "", claim))


with tempfile.TemporaryDirectory() as folder:
    for name, net, claims in queries(a.seed, a.count):
        with open(os.path.join(folder, "m.net"), "w") as f:
            f.write(net)
        codes = well_formed(folder, claims)
        good = [i for i, code in enumerate(codes) if code == 0]
        file = os.path.join(folder, "all.claims")
        for path, chosen in ((file, good), (file + "3", [i for i in good if i % 3 == 0])):
            with open(path, "w") as f:
                f.write('claims 1\nmodel M = "m.net"\n' + "".join("claim c%d { %s }\n" % (i, claims[i]) for i in chosen))
        every = decided(file, 20, "--engine", "enumerate") if good else {}
        if any(i % 3 == 0 for i in good):
            for engine, options in (("smt", ["--engine", "smt"]), ("of choice", [])):
                for c, mine in decided(file + "3", a.seconds, *options).items():
                    if engine == "smt":
                        seen["engine smt " + mine["verdict"]] += 1
                    if not agree(mine, every[c]):
                        fail("%s: engine %s %s, enumerate %s: %s" % (name, engine, mine["verdict"], every[c]["verdict"], claims[int(c[1:])]))
        for i in good:
            compare_solvers(name, i, claims[i], expected(claims[i], every["c%d" % i]), os.path.join(folder, "c%d.smt2" % i))

for what, n in sorted(seen.items()):
    print("%6d %s" % (n, what))
decided = sum(n for what, n in seen.items() if what.endswith((" sat", " unsat")))
if decided < a.count // 3:
    fail("only %d of %d were compared" % (decided, a.count))
print("%d passed, %d failed" % (decided, failed))
sys.exit(1 if failed else 0)
