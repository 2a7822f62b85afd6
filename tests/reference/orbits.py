"""What the tests of bindings that stand for others share (alike.py, exchangeable.py): claims decided by enumeration, their plain values, certificates that both checkers accept or reject."""
import json
import os
import subprocess
import sys

from tally import check

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proofs", "reference", "check.py")


def plain(domain, kind, f, c):
    """The value, or (number, total)."""
    chosen = [t for t in domain if c is None or c(t)]
    values = [f(t) for t in chosen]
    if kind == "count":
        return sum(values), len(chosen)
    return min(values) if kind == "minimize" else max(values) if kind == "maximize" else sum(values) / len(values)


def decide(build, folder, *options):
    """What the prover says of the claims of folder/a.claims by name; certificates go to folder/c."""
    command = [build + "/weightproof", "verify", folder + "/a.claims", "--engine", "enumerate", "--json", folder + "/a.json", "--quiet", "--certificates", folder + "/c", *options]
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    check(os.path.exists(folder + "/a.json"), p.stdout.decode()[-500:])
    return {c["name"]: c for c in json.load(open(folder + "/a.json"))["claims"]}


class Cases:
    """Certificates that both checkers are to accept, or to reject: asked for all at once."""

    def __init__(self, build, folder):
        self.checkers = [build + "/weightproof-check"], [sys.executable, os.path.abspath(REFERENCE)]
        self.folder, self.wanted = folder, {}

    def add(self, text, good, what):
        file = "x%d.cert" % len(self.wanted)
        self.wanted[file] = good, what
        with open(self.folder + "/" + file, "w", newline="") as f:
            f.write(text)

    def ask(self):
        for command in self.checkers:
            p = subprocess.run(command + ["--quiet"] + list(self.wanted), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
            lines = p.stdout.split("\n")
            for file, (good, what) in self.wanted.items():
                mine = [x for x in lines if x.endswith(" " + file) or x.startswith("rejected %s:" % file)]
                check(len(mine) == 1 and mine[0].startswith("accepted" if good else "rejected"), "%s: %s %s" % (what, os.path.basename(command[-1]), mine or p.stdout[-300:]))


def answer_of(result):
    if result["kind"] == "count":
        return result["number_lo"], result["number_hi"], result["total"]
    return result["verdict"], result.get("lo"), result.get("hi")
