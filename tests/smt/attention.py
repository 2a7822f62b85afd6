"""Claims about a softmax attention model, decided by Z3 with exact replay, against the other engines: python tests/smt/attention.py BUILD [--z3 FILE]

The claims of max3.claims have no variables but tokens, so that what Z3 finds is evaluated exactly, and that it finds nothing is evaluated by the checker. Every claim is decided, with
the verdict that the engine of choice and the one that evaluates every input give. Ends with `N passed, N failed`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a = a.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
passed = failed = 0


def verdicts(folder, *options):
    out = os.path.join(folder, "out.json")
    subprocess.run([os.path.join(a.build, "weightproof"), "verify", os.path.join(here, "max3.claims"), "--json", out, "--quiet", *options], capture_output=True, timeout=400, env=dict(os.environ, WEIGHTPROOF_Z3=a.z3))
    return {c["name"]: (c["verdict"], c.get("engine")) for c in json.load(open(out))["claims"]}


with tempfile.TemporaryDirectory() as folder:
    solver, chosen, every = verdicts(folder, "--engine", "smt", "--timeout", "100"), verdicts(folder), verdicts(folder, "--engine", "enumerate")
for name, (verdict, engine) in solver.items():
    good = verdict in ("proved", "refuted") and engine == "smt" and verdict == chosen[name][0] == every[name][0]
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("FAILED %s: smt %s, chosen %s, enumerate %s" % (name, solver[name], chosen[name], every[name]))
good = len(solver) >= 10 and {v for v, _ in solver.values()} == {"proved", "refuted"}
passed, failed = passed + good, failed + (not good)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
