"""Certificates of the tests in this folder: held against both checkers and their claim files; changed and sealed again; false ones."""
import glob
import os
import re
import sys

from claims import seal
from tally import check, run

BUILD = sys.argv[1]


def accepted(folder, paths):
    """What both checkers say: pairs (checker, all its words)."""
    for checker in ([BUILD + "/weightproof-check"], [sys.executable, "proofs/reference/check.py"]):
        yield checker[-1], "".join(run(*checker, "--quiet", "--dir", folder, *paths[i:i + 40])[1] for i in range(0, len(paths), 40))


def about(folder, part, models):
    """The certificates of FOLDER/PART, each held against FOLDER/PART.claims; models: of the claim file, by name, in FOLDER."""
    options = [x for name, net in models.items() for x in ("--model", "%s=%s/%s.net" % (name, folder, net))]
    paths = sorted(glob.glob("%s/%s/*.cert" % (folder, part)))
    for path in paths:
        name = os.path.basename(path)[:-5]
        status, output = run(BUILD + "/weightproof-check", "--quiet", "--claims", "%s/%s.claims" % (folder, part), "--only", name, *options, path)
        check(status == 0, "%s is not about its claim: %s" % (name, output))
    return paths


def changed(text, pattern, by):
    """The certificate with the first place of the pattern replaced, sealed again."""
    new = re.sub(pattern, by, text, count=1, flags=re.M)
    assert new != text, (pattern, text)
    return seal(new[:new.rindex("sha256 ")])


def rejected(folder, some):
    """Both checkers reject each of the certificates, given by name."""
    os.mkdir(folder + "/false")
    paths = ["%s/false/%03d.cert" % (folder, i) for i in range(len(some))]
    for path, text in zip(paths, some.values()):
        with open(path, "w") as f:
            f.write(text)
    for checker, output in accepted(folder, paths):
        for name, path in zip(some, paths):
            check("rejected %s:" % path in output, "%s accepts: %s" % (checker, name))
