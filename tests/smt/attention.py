"""Claims about a softmax attention model, decided by Z3 with exact replay, against the other engines: python tests/smt/attention.py BUILD [--z3 FILE]

The claims of max3.claims have no variables but tokens, so that what Z3 finds is evaluated exactly, and that it finds nothing is evaluated by the checker. Every claim is decided, with
the verdict that the engine of choice and the one that evaluates every input give. Ends with `N passed, N failed`.
"""
import argparse
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from decided import verify       # noqa: E402
from tally import check, finish  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a = a.parse_args()


def verdicts(path, *options):
    found = verify(a.build, path, *options, env=dict(os.environ, WEIGHTPROOF_Z3=a.z3))[2] or {}
    return {name: (c["verdict"], c.get("engine")) for name, c in found.items()}


with tempfile.TemporaryDirectory() as folder:
    shutil.copy(os.path.join(HERE, "max3_v8_s1.safetensors"), folder)
    path = shutil.copy(os.path.join(HERE, "max3.claims"), folder)
    solver, chosen, every = verdicts(path, "--engine", "smt", "--timeout", "100"), verdicts(path), verdicts(path, "--engine", "enumerate")
for name, (verdict, engine) in solver.items():
    check(verdict in ("proved", "refuted") and engine == "smt" and verdict == chosen[name][0] == every[name][0], "%s: smt %s, chosen %s, enumerate %s" % (name, solver[name], chosen[name], every[name]))
check(len(solver) >= 10 and {v for v, _ in solver.values()} == {"proved", "refuted"}, "few claims, or all alike: %s" % solver)
finish()
