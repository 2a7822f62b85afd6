"""The exported documents against enumeration: python tests/smt/oracle.py BUILD [--count N] [--seed S] [--z3 FILE] [--cvc5]

Random networks and claims. What `weightproof smt` writes is given to Z3 (and with --cvc5 to cvc5 as well, in this Python); the claim is decided by the
engine that evaluates every input. `unsat` must go with a claim that no input falsifies, `sat` with one that some input does, except where the document
encloses functions: then `sat` may be wrong, and `unsat` not. The engine smt decides some of them too, and must not contradict. Ends with `N passed, N failed`.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from random_queries import queries  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--count", type=int, default=120)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a.add_argument("--cvc5", action="store_true")
a = a.parse_args()
program = os.path.join(a.build, "weightproof")
seen, failed = collections.Counter(), 0


def z3(path):
    p = subprocess.run([a.z3, "-T:10", "rlimit=20000000", path], capture_output=True, text=True, timeout=60)
    word = p.stdout.split("\n")[0]
    return word if word in ("sat", "unsat") else "error " + p.stdout[:200] if "error" in p.stdout else "unknown"


CVC5 = """
import sys, cvc5 as c
tm = c.TermManager()
solver = c.Solver(tm)
parser = c.InputParser(solver)
parser.setFileInput(c.InputLanguage.SMT_LIB_2_6, sys.argv[1])
symbols, out = parser.getSymbolManager(), ""
while True:
    command = parser.nextCommand()
    if command.isNull():
        break
    out += command.invoke(solver, symbols)
print(out)
"""


def cvc5(path):
    """In a process of its own: cvc5 does not always keep a limit of time."""
    try:
        p = subprocess.run([sys.executable, "-c", CVC5, path], capture_output=True, text=True, timeout=10)
    except subprocess.TimeoutExpired:
        return "unknown"
    return (p.stdout.split() or ["unknown"])[0] if p.returncode == 0 else "error " + p.stderr[-200:]


def expected(claim, text, result):
    """What the solver must say of an exact document, or None when enumeration does not know."""
    verdict = result["verdict"]
    if verdict not in ("proved", "refuted", "vacuous"):
        return None
    exists = claim.startswith("prove exists")
    return ("sat" if verdict == "proved" else "unsat") if exists else ("sat" if verdict == "refuted" else "unsat")


with tempfile.TemporaryDirectory() as folder:
    file, doc, out = (os.path.join(folder, x) for x in ("a.claims", "a.smt2", "a.json"))
    for name, net, claims in queries(a.seed, a.count):
        with open(os.path.join(folder, "m.net"), "w") as f:
            f.write(net)
        for i, claim in enumerate(claims):
            with open(file, "w") as f:
                f.write('claims 1\nmodel M = "m.net"\nclaim c { %s }\n' % claim)
            p = subprocess.run([program, "smt", file, "-o", doc], capture_output=True, text=True, timeout=60)
            if p.returncode != 0:
                seen["no encoding" if p.returncode == 2 else "refused"] += 1
                if p.returncode not in (2, 3, 4):
                    failed += 1
                    print("FAILED %s: exit status %d, %s: %s" % (name, p.returncode, p.stderr[:300], claim))
                continue
            text = open(doc).read()
            relaxed, words = "perhaps" in text, {"Z3": z3(doc)}
            if a.cvc5:
                words["cvc5"] = cvc5(doc)
            subprocess.run([program, "verify", file, "--engine", "enumerate", "--json", out, "--quiet"], capture_output=True, timeout=60)
            want = expected(claim, text, json.load(open(out))["claims"][0])
            if i % 3 == 0 and words["Z3"] in ("sat", "unsat"):
                subprocess.run([program, "verify", file, "--engine", "smt", "--timeout", "20", "--json", out + "2", "--quiet"], capture_output=True, timeout=90, env=dict(os.environ, WEIGHTPROOF_Z3=a.z3))
                mine, theirs = (json.load(open(x))["claims"][0] for x in (out + "2", out))
                # an error at some input is met or not, by the order in which inputs are looked at
                good = mine["verdict"] == theirs["verdict"] or "undecided" in (mine["verdict"], theirs["verdict"]) or mine["verdict"] == "error"
                seen["engine smt " + mine["verdict"]] += 1
                if not good:
                    failed += 1
                    print("FAILED %s: engine smt %s, enumerate %s: %s" % (name, mine["verdict"], theirs["verdict"], claim))
            for solver, word in words.items():
                good = word == "unknown" or want is None or word == want or (relaxed and word == "sat")
                seen[solver + " " + (word if word == want or word == "unknown" else "sat of an enclosure" if good and want else "nothing to compare" if good else "WRONG")] += 1
                if not good:
                    failed += 1
                    print("FAILED %s: %s says %s, enumeration %s%s: %s" % (name, solver, word, want, ", enclosed" if relaxed else "", claim))

for what, n in sorted(seen.items()):
    print("%6d %s" % (n, what))
decided = sum(n for what, n in seen.items() if what.endswith((" sat", " unsat")))
if decided < a.count // 3:
    failed += 1
    print("FAILED: only %d of %d were compared" % (decided, a.count))
print("%d passed, %d failed" % (decided, failed))
sys.exit(1 if failed else 0)
