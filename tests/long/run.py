"""The tests that take minutes: python tests/long/run.py BUILD [--only random]

random: 320 networks of one or two heads with specifications that scans follow, and 120 of one to four heads, MLPs of relus and a LayerNorm before the unembedding: every claim against brute force,
certificates through both checkers, changed ones rejected."""
import subprocess
import sys

BUILD, PY = sys.argv[1], sys.executable
RANDOM = [
    [PY, "tests/scans/run.py", BUILD, "--nets", "320", "--seed", "5", "--certificates", "40"],
    [PY, "tests/cells/run.py", BUILD, "--nets", "120", "--seed", "3", "--attacked", "20"],
]
JOBS = RANDOM if sys.argv[2:] == ["--only", "random"] else RANDOM + [
    [PY, "tests/smt/oracle.py", BUILD, "--count", "5000", "--seed", "77"],
    [PY, "tests/smt/leaks.py", BUILD],
    [PY, "tests/long/composed.py", BUILD, "--nets", "300", "--seed", "11"],
    [PY, "tests/examples/run.py", BUILD, "examples/twin.claims", "examples/palindrome.claims"],
    [PY, "tests/reference/random_nets.py", BUILD, "--count", "400", "--seed", "1000"],
    [PY, "tests/quadratic/mutations.py", BUILD, "--all"],
    [PY, "tests/peers/radius_z3.py", BUILD],
    [PY, "tests/reference/agree.py", "--checker", BUILD + "/weightproof-check", "--nets", "40", "--mutations", "30", "--random", "2000"],
]
bad = sum(subprocess.run(job).returncode != 0 for job in JOBS)
print("%d passed, %d failed" % (len(JOBS) - bad, bad))
sys.exit(bad > 0)
