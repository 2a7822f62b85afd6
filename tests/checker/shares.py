"""Enumerations that the checker shares among processes: false certificates of many bindings are rejected, and one is never accepted when a share ends early.

    python tests/checker/shares.py BUILD
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import resealed                 # noqa: E402
from decided import checkers, write_claims  # noqa: E402
from tally import check, finish, run        # noqa: E402

CHECKERS = checkers(BUILD)
LIST = "{%s}" % ", ".join(map(str, range(80)))
CLAIMS = {
    "all": "forall a in 0..9999 where a % 2 == 0 prove a != 4001",
    "never": "forall t in tokens[4] of 0..9 where t[0] < t[1] and distinct(t) prove t[0] + t[3] != t[1] + t[3]",
    "number": "count t in tokens[4] of 0..9 where distinct(t) : t[0] < t[1]",
    "image": "count t in { s : p in 0..2, s in tokens[4] of 0..9 where s[3] == s[p] and s[0] != s[1] } : t[0] == 5",
    "least": "minimize t in tokens[4] of 0..9 where t[1] == t[0] + 1 : t[0] - 2 * t[2] + t[3]",
    "plain": "count t in tokens[4] of 0..9 : t[0] < t[1] + t[3]",
    "less": "count t in tokens[4] of 0..9 where t[0] < t[2] and t[1] <= t[2] + 3 : t[0] + 1 == t[2]",
    "slice": "count t in tokens[4] of 0..9 where distinct(t[1..]) : t[0] == t[1]",
    "two": "count t in tokens[3] of 0..9, a in 0..9 where t[0] != t[1] and t[2] >= a : t[2] == a",
    "ranges": "count a in 0..99, b in 0..a + 49 : a == b",
    "lists": "count a in %s, b in %s : a + 1 == b" % (LIST, LIST),
    "images": "count a in { 2 * x : x in 0..79 }, b in { y : y in 0..79 where y != 3 } : a == b",
    "before": "count p in 0..2, t in tokens[4] of 0..6 where distinct(t[0..2]) and t[3] == t[p] : t[0] < t[p + 1]",
    "pair": "count a in 0..1, b in a + 1..3, t in tokens[4] of 0..6 where t[a] < t[b] and t[0] != 3 : t[2] == t[3] + a",
    "rest": "count p in 0..2, t in tokens[4] of 0..6 where t[0] != t[p + 1] and sum(t) % 2 == p : t[p] == 5",
    "many": "count a in 0..99, t in tokens[2] of 0..9 where t[0] + 9 * t[1] == a : t[1] > 3",
    "long": "forall a in 0..9999 prove a != -1",
}
# the claim, what stands in its certificate, what makes it false (or more than it shows)
FALSE = [
    ("all", r"!= 4001", "!= 4002"), ("all", r"!= 4001", "!= 9998"), ("all", r"!= 4001", "!= 0"), ("all", r" where a % 2 == 0", ""),
    ("never", r"t\[0\] < t\[1\] and distinct\(t\)", "t[0] <= t[1]"), ("never", r"!= t\[1\] \+ t\[3\]$", "!= t[1] + t[2]"),
    ("number", r"^number \d+ \d+$", "number 2521 2521"), ("number", r"^number \d+ \d+$", "number 2519 2519"), ("number", r"^total \d+ \d+$", "total 5041 5041"),
    ("number", r"distinct\(t\)", "distinct(t[0..2])"), ("number", r" where distinct\(t\)", ""), ("image", r"s\[0\] != s\[1\]", "s[0] == s[1]"), ("image", r" and s\[0\] != s\[1\]", ""),
    ("image", r"^number (\d+) \d+$", r"number 1\1 1\1"), ("two", r"^number (\d+) \d+$", r"number 1\1 1\1"), ("ranges", r"^total (\d+) \d+$", r"total 1\1 1\1"),
    ("before", r"^number (\d+) \d+$", r"number 1\1 1\1"), ("before", r"t\[3\] == t\[p\]", "t[3] != t[p]"), ("before", r"p in 0\.\.2", "p in 0..1"), ("pair", r"^total (\d+) \d+$", r"total 1\1 1\1"),
    ("pair", r" and t\[0\] != 3", ""), ("rest", r" and sum\(t\) % 2 == p", ""), ("rest", r"^number (\d+) \d+$", r"number 1\1 1\1"), ("many", r"== a :", "== a + 50 :"),
    ("slice", r"distinct\(t\[1\.\.\]\)", "distinct(t[0..2])"), ("less", r"t\[0\] < t\[2\]", "t[0] <= t[2]"), ("least", r"^value \S+ \S+$", "value -17 -17"), ("least", r"t\[1\] == t\[0\] \+ 1", "t[1] == t[0] + 2"), ("least", r"t\[1\] == t\[0\] \+ 1", "t[0] == t[1] + 1"),
]


def changed(text, pattern, by):
    new = re.sub(pattern, by, text, count=1, flags=re.M)
    assert new != text, pattern
    return resealed(new)


def false_certificates(folder, texts):
    for i, (name, pattern, by) in enumerate(FALSE):
        path = "%s/%d.crt" % (folder, i)
        with open(path, "w") as f:
            f.write(changed(texts[name], pattern, by))
        for checker in CHECKERS:
            status, output = run(*checker, "--quiet", path)
            check(status == 1, "%s: %s with %s for %s ends with %d: %s" % (checker[-1], name, by, pattern, status, output))


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(x) for x in f.read().split()]


def killed_share(folder, text):
    """With one processor there is no share to lose."""
    path = folder + "/long.crt"
    with open(path, "w") as f:
        f.write(changed(text, r"0\.\.9999", "0..49999999"))
    p = subprocess.Popen([BUILD + "/weightproof-check", "--quiet", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    shares = []
    while not shares and p.poll() is None:
        time.sleep(0.01)
        shares = children(p.pid)
    if shares:
        os.kill(shares[0], signal.SIGKILL)
    output, _ = p.communicate()
    if os.cpu_count() > 1:
        check(shares and p.returncode == 1 and "a share of the bindings ended early" in output, "a share was killed, and the check ends with %s: %s" % (p.returncode, output))


with tempfile.TemporaryDirectory() as folder:
    status, output = run(BUILD + "/weightproof", "verify", write_claims(folder, CLAIMS.items(), head=""), "--engine", "enumerate", "--certificates", folder + "/c")
    checked = len(re.findall(r"enumerate, (\d+ orbits for \d+ bindings, )?checked", output))
    check(checked == len(CLAIMS), output)
    if checked < len(CLAIMS):
        finish()
    texts = {name: open("%s/c/%s.cert" % (folder, name)).read() for name in CLAIMS}
    for name in CLAIMS:
        said = [run(*checker, "%s/c/%s.cert" % (folder, name)) for checker in CHECKERS]
        bindings = [re.findall(r"^ *bindings (\d+)$", output, re.M) for _, output in said]
        check(all(status == 0 for status, _ in said) and bindings[0] == bindings[1] != [], "%s: %s" % (name, said))
    false_certificates(folder, texts)
    killed_share(folder, texts["long"])
finish()
