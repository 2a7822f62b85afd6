"""Ten thousand queries in one process: python tests/smt/leaks.py BUILD [--queries N]

A program in the place of Z3 gives one input after the other; every count takes a thousand queries. Meanwhile open files, children and memory of the process are counted: none of them may grow
from one claim to the next, and no file may be left. Ends with `N passed, N failed`.
"""
import argparse
import json
import os
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
from nets import transformer  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--queries", type=int, default=10000)
a = a.parse_args()
FAKE = """#!/bin/sh
[ "$1" = --version ] && echo "Z3 version 5.4.1 - 64 bit" && exit 0
read n < %s
echo $((n + 1)) > %s
echo sat
echo "((|value 0 0| $((n / 100 %% 10)).0) (|value 0 1| $((n / 10 %% 10)).0) (|value 0 2| $((n %% 10)).0) (|value 0 3| 0.0))"
"""


def look(pid):
    """(open files, children, KB of memory) of a process."""
    with open("/proc/%d/status" % pid) as f:
        memory = next((int(line.split()[1]) for line in f if line.startswith("VmRSS")), 0)
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        children = len(f.read().split())
    return len(os.listdir("/proc/%d/fd" % pid)), children, memory


with tempfile.TemporaryDirectory() as folder:
    counter, program, out = (os.path.join(folder, x) for x in ("counter", "z3", "out.json"))
    for path, text in ((counter, "0\n"), (program, FAKE % (counter, counter)), (os.path.join(folder, "m.net"), transformer(5, d_vocab=10, n_ctx=4).text())):
        with open(path, "w") as f:
            f.write(text)
    os.chmod(program, stat.S_IRWXU)
    with open(os.path.join(folder, "a.claims"), "w") as f:
        f.write('claims 1\nmodel M = "m.net"\n')
        f.write("".join("claim c%d { count t in tokens[4] of 0..9 : t[0] + %d >= 0 }\n" % (i, i) for i in range(a.queries // 1000)))
    before = set(os.listdir(folder))
    p = subprocess.Popen([os.path.join(a.build, "weightproof"), "verify", os.path.join(folder, "a.claims"), "--engine", "smt", "--json", out, "--quiet"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, WEIGHTPROOF_Z3=program, TMPDIR=folder))
    seen = {}
    while p.poll() is None:
        try:
            with open(counter) as f:
                claim = int(f.read() or -1) // 1000
            now = look(p.pid)
        except (OSError, ValueError, StopIteration):
            now, claim = (0, 0, 0), -1
        if claim >= 0:
            seen[claim] = tuple(max(x, y) for x, y in zip(seen.get(claim, (0, 0, 0)), now))
        time.sleep(0.02)
    with open(counter) as f:
        queries = int(f.read())
    verdicts = {c["verdict"] for c in json.load(open(out))["claims"]}
    left = set(os.listdir(folder)) - before - {"out.json"}
claims = sorted(seen)[:a.queries // 1000]
first, last = [seen[c] for c in claims[:2]], [seen[c] for c in claims[-2:]]
checks = [
    ("%d queries" % queries, queries >= a.queries),
    ("verdicts %s: a number found one by one is no verdict" % verdicts, verdicts == {"undecided"}),
    ("files left: %s" % left, not left),
    ("open files %s, then %s" % (first, last), max(x[0] for x in last) <= max(x[0] for x in first) + 1),
    ("children: %s" % last, all(x[1] <= 1 for x in seen.values())),
    ("memory %s, then %s" % (first, last), max(x[2] for x in last) <= 1.1 * max(x[2] for x in first) + 2000),
]
for thousand in sorted({1, 5, len(claims)}):
    if thousand <= len(claims):
        print("after %6d queries: %d open files, %d children, %d KB" % ((1000 * thousand,) + seen[claims[thousand - 1]]))
for words, good in checks:
    if not good:
        print("FAILED: " + words)
print("%d passed, %d failed" % (sum(g for _, g in checks), sum(not g for _, g in checks)))
sys.exit(0 if all(g for _, g in checks) else 1)
