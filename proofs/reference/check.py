"""The second checker of certificates: slow, readable, integers only. Written from NETWORK.md, STATEMENT.md, FORMAT.md.

    python3 proofs/reference/check.py [--quiet] [--dir DIR]... [--expect VERDICT] CERT...

To read: net, network over interval (what a network is), dataarray, printer and statement (what a claim is), evaluate with values,
functions, models (what it means), certificate, rules, linear, disjuncts, scans with tables and counting (when it is accepted).

Prints one line for each certificate, `accepted VERDICT STATEMENT_SHA256 CERTIFICATE_SHA256` or `rejected FILE: reason`.
Exit status: 0 all accepted, 1 one rejected, 3 one or a network not found, or wrong usage.
"""
import hashlib
import os
import sys

from certificate import Rejected, read_certificate
from dataarray import DataError, read_array
from interval import NoEnclosure
from net import NetError, read_net
from network import NetworkError
from rules import Judge
from values import ClaimError

VERSION = "1"
MAX_NET_BYTES = 1 << 30
ASSUMPTIONS = {
    False: "real numbers, every weight exactly as written, exp sqrt erf tanh the true functions",
    True: "float32: every order of summation with or without fused products, exp erf tanh within 4 units in the last place, no flush to zero",
}


class Missing(Exception):
    """A file that cannot be had."""


def read_file(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as why:
        raise Missing("cannot read '%s': %s" % (path, why.strerror))


class Folders:
    """.net and .arr files by SHA-256."""

    def __init__(self):
        self.files, self.read, self.seen = {}, {}, set()

    def look_in(self, folder):
        if folder in self.seen:
            return
        self.seen.add(folder)
        if not os.path.isdir(folder):
            return
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if name.endswith((".net", ".arr")) and os.path.isfile(path) and os.path.getsize(path) <= MAX_NET_BYTES:
                data = read_file(path)
                self.files.setdefault(hashlib.sha256(data).hexdigest(), data)

    def get(self, sha256, ending, reader):
        """What the reader makes of the file with this SHA-256."""
        if sha256 not in self.files:
            raise Missing("no %s file with SHA-256 %s" % (ending, sha256))
        if sha256 not in self.read:
            try:
                self.read[sha256] = reader(self.files[sha256])
            except (NetError, DataError) as why:
                raise Rejected("%s %s: %s" % (ending, sha256, why))
        return self.read[sha256]


def check(path, dirs, folders, expect):
    """The judge of an accepted certificate; Rejected or Missing otherwise."""
    c = read_certificate(read_file(path))
    for folder in [os.path.dirname(path) or "."] + dirs:
        folders.look_in(folder)
    if expect is not None and c.verdict != expect:
        raise Rejected("the verdict is %s, not %s" % (c.verdict, expect))
    nets = {name: folders.get(sha256, ".net", read_net) for name, sha256 in c.statement.models.items()}
    data = {name: folders.get(sha256, ".arr", read_array) for name, sha256 in c.statement.data.items()}
    judge = Judge(c, nets, data)
    judge.judge()
    return judge


def report(judge, quiet, name):
    c, s = judge.c, judge.s
    print("accepted %s %s %s%s" % (c.verdict, s.sha256, c.sha256, name))
    if quiet:
        return
    for line in s.text.splitlines():
        print("  | " + line)
    for name, sha256 in s.models.items():
        print("  network %s %s" % (name, sha256))
    for name, sha256 in s.data.items():
        print("  data %s %s" % (name, sha256))
    if judge.domain is not None:
        print("  bindings %d" % judge.domain)
    print("  semantics %s" % ("float32" if s.float32 else "real"))
    print("  assumptions %s" % ASSUMPTIONS[s.float32])
    print("  rule %s, reference checker %s" % (c.rule, VERSION))


def examine(path, dirs, folders, expect, quiet, name=""):
    """Print the answer for one certificate; its exit status. name: what ends the line of an accepted one."""
    try:
        report(check(path, dirs, folders, expect), quiet, name)
        return 0
    except (Rejected, ClaimError, NetworkError, NoEnclosure) as why:
        print("rejected %s: %s" % (path, why))
        return 1
    except RecursionError:
        print("rejected %s: nested too deep" % path)
        return 1
    except Missing as why:
        print("rejected %s: %s" % (path, why))
        return 3


def arguments(words):
    quiet, dirs, expect, files = False, [], None, []
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--quiet":
            quiet = True
        elif word in ("--dir", "--expect"):
            if not words:
                raise Missing("%s asks for a value" % word)
            if word == "--dir":
                dirs.append(words.pop(0))
            else:
                expect = words.pop(0)
        elif word.startswith("--"):
            raise Missing("unknown option '%s'" % word)
        else:
            files.append(word)
    if not files:
        raise Missing("usage: check.py [--quiet] [--dir DIR]... [--expect VERDICT] CERT...")
    return quiet, dirs, expect, files


def main(words):
    try:
        quiet, dirs, expect, files = arguments(words)
    except Missing as why:
        print(why, file=sys.stderr)
        return 3
    folders = Folders()
    return max(examine(path, dirs, folders, expect, quiet, " " + path if len(files) > 1 else "") for path in files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
