"""Claims that the program under test decides, and what the two checkers say of certificates: files are written, programs run, their answers read."""
import json
import os
import sys

from tally import check, run

REFERENCE = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "proofs", "reference", "check.py")]
ONE_MODEL = 'model M = "m.net"\n'


def checkers(build):
    """Their commands: the one in C, the one in Python."""
    return [os.path.join(os.path.abspath(build), "weightproof-check")], REFERENCE


def in_c(build, *words, **how):
    """(exit status, output) of the one in C."""
    return run(*checkers(build)[0], "--quiet", *words, **how)


def in_python(*words, **how):
    """The same of the one in Python."""
    return run(*REFERENCE, "--quiet", *words, **how)


def statuses(build, *words):
    """How both end, the one in C first: 0 when all certificates are accepted, 1 when one is rejected."""
    return in_c(build, *words)[0], in_python(*words)[0]


def write(path, text):
    with open(path, "w", newline="") as f:
        f.write(text)


def write_claims(folder, claims, head=ONE_MODEL):
    """The path of folder/a.claims: `head`, then the claims, pairs of a name and what stands between the braces (or that alone: c0, c1, ...), or a text."""
    if not isinstance(claims, str):
        claims = "".join("claim %s { %s }\n" % (("c%d" % i, c) if isinstance(c, str) else c) for i, c in enumerate(claims))
    write(folder + "/a.claims", "claims 1\n" + head + claims)
    return folder + "/a.claims"


def verify(build, path, *options, **how):
    """(exit status, output, the claims' objects of the JSON by name; None without JSON) of a claim file. how: of subprocess.run."""
    out = path + ".json"
    if os.path.exists(out):
        os.remove(out)
    status, output = run(os.path.join(build, "weightproof"), "verify", path, "--json", out, "--quiet", *options, **how)
    if not os.path.exists(out):
        return status, output, None
    with open(out) as f:
        return status, output, {c["name"]: c for c in json.load(f)["claims"]}


def decide(build, folder, claims, *options, head=ONE_MODEL, net=None, **how):
    """The claims' objects of the JSON by name, as write_claims and verify have them; `net`, if any, is written as m.net. That the program ends well is checked: {} if not."""
    if net is not None:
        write(folder + "/m.net", net.text())
    status, output, found = verify(build, write_claims(folder, claims, head), *options, **how)
    good = 0 <= status < 3 and found is not None
    check(good, "verify %s ends with %d: %s" % (" ".join(options), status, output[:3000]))
    return found if good else {}
