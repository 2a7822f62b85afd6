"""The tests that take minutes: python tests/long/run.py BUILD"""
import subprocess
import sys

BUILD, PY = sys.argv[1], sys.executable
JOBS = [
    [PY, "tests/smt/oracle.py", BUILD, "--count", "5000", "--seed", "77"],
    [PY, "tests/smt/leaks.py", BUILD],
    [PY, "tests/long/composed.py", BUILD, "--nets", "300", "--seed", "11"],
    [PY, "tests/scans/run.py", BUILD, "--nets", "320", "--seed", "5", "--certificates", "40"],
    [PY, "tests/examples/run.py", BUILD, "examples/twin.claims", "examples/palindrome.claims"],
    [PY, "tests/reference/random_nets.py", BUILD, "--count", "400", "--seed", "1000"],
    [PY, "tests/quadratic/mutations.py", BUILD, "--all"],
    [PY, "tests/peers/radius_z3.py", BUILD],
    [PY, "tests/reference/agree.py", "--checker", BUILD + "/weightproof-check", "--nets", "40", "--mutations", "30", "--random", "2000"],
]
bad = sum(subprocess.run(job).returncode != 0 for job in JOBS)
print("%d passed, %d failed" % (len(JOBS) - bad, bad))
sys.exit(bad > 0)
