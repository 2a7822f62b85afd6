"""The solver as a child process: python tests/smt/solver.py BUILD [--z3 FILE]

Versions that are too old, no version, no program; programs that hang, die, print nonsense or lie about `sat` and `unsat`: none of these ends in a wrong verdict, each in a reason.
The same query twice gives the same answer. The query that Z3 4.8.12 says unsat of, and which has a solution, is answered sat by the version in use. Ends with `N passed, N failed`.
"""
import argparse
import os
import stat
import subprocess
import sys
import tempfile

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a = a.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", x) for x in ("reference", "")]
from decided import verify, write_claims  # noqa: E402
from nets import transformer              # noqa: E402
from tally import check, finish           # noqa: E402

FALSE, TRUE = "forall t in tokens[2] of 0..2 prove logits(M, t)[last, 0] > 100", "forall t in tokens[2] of 0..2 prove logits(M, t)[last, 0] < 1000"
LARGE = "forall t in tokens[13] of 0..2 prove logits(M, t)[last, 0] < 1000"


def fake(folder, body):
    """A program in the place of Z3."""
    path = os.path.join(folder, "z3fake")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + body + "\n")
    os.chmod(path, stat.S_IRWXU)
    return path


def decided(folder, claim, z3, timeout="5"):
    """The result, and why it is none."""
    found = verify(a.build, write_claims(folder, [claim]), "--engine", "smt", "--timeout", timeout, timeout=60, env=dict(os.environ, WEIGHTPROOF_Z3=z3, TMPDIR=folder))[2]["c0"]
    return found, found.get("reason") or ""


def left_over(folder):
    return [x for x in os.listdir(folder) if x.startswith("weightproof-")]


VERSION = 'case "$1" in --version) echo "Z3 version %s - 64 bit"; exit 0;; esac\n'
# what stands in the place of Z3, the claim, the verdicts that are right, words of the output
CASES = [
    ("too old", VERSION % "4.12.6" + "echo unsat", TRUE, ["undecided"], "too old"),
    ("far too old", VERSION % "4.8.12" + "echo unsat", TRUE, ["undecided"], "4.8.12"),
    ("no version", "echo unsat", TRUE, ["undecided"], "does not say which Z3"),
    ("hangs", VERSION % "5.4.1" + "sleep 1000", FALSE, ["undecided"], "time"),
    ("dies", VERSION % "5.4.1" + "kill -9 $$", FALSE, ["undecided"], "killed by a signal"),
    ("out of memory", VERSION % "5.4.1" + "echo '(error \"out of memory\")'; exit 101", FALSE, ["undecided"], "out of memory"),
    ("nonsense", VERSION % "5.4.1" + "echo maybe", FALSE, ["undecided"], "maybe"),
    ("unknown with its reason", VERSION % "5.4.1" + "echo unknown; echo '(:reason-unknown \"max. resource limit exceeded\")'", FALSE, ["undecided"], "max. resource limit exceeded"),
    ("talks too much", VERSION % "5.4.1" + "yes", FALSE, ["undecided"], "too much"),
    ("says unsat of what is false", VERSION % "5.4.1" + "echo unsat", FALSE, ["undecided"], ""),
    ("says sat of what is true", VERSION % "5.4.1" + "echo sat; echo '((|value 0 0| 1.0) (|value 0 1| 2.0))'", TRUE, ["undecided"], "do not survive"),
    ("a model that is none", VERSION % "5.4.1" + "echo sat; echo '((|value 0 0| banana))'", TRUE, ["undecided", "error"], ""),
    ("a token that is none", VERSION % "5.4.1" + "echo sat; echo '((|value 0 0| 77.0) (|value 0 1| 2.0))'", FALSE, ["undecided", "error"], ""),
]
OLD = """(set-logic QF_NRA)
(declare-const m Real) (declare-const v Real) (declare-const a Real) (declare-const b Real)
(assert (> m 0.0)) (assert (= (+ 1.0 (* v v)) (* a a))) (assert (= (+ 1.0 (* v v)) (* b b))) (assert (= (+ 1.0 (* m b)) (* m a)))
(check-sat)
"""

with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "m.net"), "w") as f:
        f.write(transformer(5).text())
    for name, body, claim, right, words in CASES:
        result, reason = decided(folder, claim, fake(folder, body), "2")
        check(result["verdict"] in right and words in reason, "%s: %s: %s" % (name, result["verdict"], reason[:300]))
        check(not left_over(folder), "%s: files are left: %s" % (name, left_over(folder)))
    result, reason = decided(folder, TRUE, os.path.join(folder, "nothing"))
    check(result["verdict"] == "undecided", "no program: %s" % reason[:300])
    for claim, verdict in ((FALSE, "refuted"), (TRUE, "proved")):
        twice = [decided(folder, claim, a.z3)[0] for _ in range(2)]
        check(all(r["verdict"] == verdict for r in twice), "%s: %s" % (claim, [r["verdict"] for r in twice]))
        keys = [k for k in twice[0] if k in ("verdict", "counterexample", "witness", "certificate_sha256")]
        check(all(twice[0][k] == twice[1][k] for k in keys), "another answer the second time: %s" % claim)
    with open(os.path.join(folder, "old.smt2"), "w") as f:
        f.write(OLD)
    p = subprocess.run([a.z3, "-T:20", os.path.join(folder, "old.smt2")], capture_output=True, text=True, timeout=60)
    check(p.stdout.strip() == "sat", "1 + v^2 = a^2 = b^2, 1 + m b = m a has a solution, and Z3 says %s" % p.stdout)
finish()
