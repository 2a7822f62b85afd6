"""Every form of the claim language end to end: forms.claims has an `expect` for every claim; each certificate is then held
against the claim file by the checker's own parser, and accepted by the second checker.

    python tests/claims/run.py BUILD
"""
import glob
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from decided import in_python         # noqa: E402
from tally import check, finish, run  # noqa: E402

BUILD = sys.argv[1]
CLAIMS = "tests/claims/forms.claims"


def about(name, folder, path):
    return run(BUILD + "/weightproof-check", "--quiet", "--claims", CLAIMS, "--model", "M=%s/M.net" % folder, "--data", "X=%s/X.arr" % folder,
               "--data", "Y=%s/Y.arr" % folder, "--only", name, path)     # the others are .net and .arr files already


with tempfile.TemporaryDirectory() as folder:
    status, output = run(BUILD + "/weightproof", "verify", CLAIMS, "--expect", "--certificates", folder)
    check(status == 0, "verify --expect ends with %d\n%s" % (status, output))
    certificates = sorted(glob.glob(folder + "/*.cert"))
    check(len(certificates) >= 120, "%d certificates" % len(certificates))
    for path in certificates:
        name = os.path.basename(path).split(".")[0]
        status, output = about(name, folder, path)
        check(status == 0, "%s is not about its claim: %s" % (name, output))
        other = "p0" if name != "p0" else "p1"
        status, output = about(other, folder, path)
        check(status == 1, "%s passes for %s: %d %s" % (name, other, status, output))
    status, output = in_python("--dir", folder, *certificates)
    check(status == 0 and output.count("accepted ") == len(certificates), "the second checker: %d %s" % (status, output))
finish()
