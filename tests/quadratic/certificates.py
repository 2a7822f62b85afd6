"""Certificates of the tests in this folder: held against both checkers and their claim files; changed and sealed again; false ones."""
import concurrent.futures
import glob
import os
import re
import sys

from claims import resealed
from decided import checkers
from tally import check, run

BUILD = sys.argv[1]


def literal(x):
    """A vector or matrix of exact numbers in the claim language."""
    return "{%s}" % ", ".join(literal(a) if isinstance(a, (list, tuple)) else str(a) for a in x)


def write(folder, name, net):
    """FOLDER/NAME.net, of a network or of its text."""
    with open("%s/%s.net" % (folder, name), "w") as f:
        f.write(net if isinstance(net, str) else net.text())


def verify(folder, part, claims, *options):
    """(exit status, all output) for FOLDER/PART.claims, which has these lines; certificates into FOLDER/PART."""
    path = "%s/%s" % (folder, part)
    with open(path + ".claims", "w") as f:
        f.write("\n".join(["claims 1"] + claims) + "\n")
    return run(BUILD + "/weightproof", "verify", path + ".claims", "--certificates", path, *options)


def of(folder, part):
    """The paths of the certificates of a part."""
    return sorted(glob.glob("%s/%s/*.cert" % (folder, part)))


def read(folder, part, name):
    with open("%s/%s/%s.cert" % (folder, part, name)) as f:
        return f.read()


def verdict(text):
    return re.search(r"^verdict (\w+)$", text, re.M).group(1)


def expected(folder, part, networks, cases):
    """The certificates of claims s0, s1, ..., pairs (text, expected verdict) about networks given by name, each held against its claim."""
    for name, net in networks.items():
        write(folder, name, net)
    claims = ['model %s = "%s.net"' % (name, name) for name in networks]
    claims += ["claim s%d { %s expect %s }" % (i, text, verdict) for i, (text, verdict) in enumerate(cases)]
    status, output = verify(folder, part, claims, "--expect")
    check(status == 0, "%s cases end with %d\n%s" % (part, status, output))
    return about(folder, part, {name: name for name in networks})


def accepted(folder, paths):
    """What both checkers say: pairs (checker, all its words). Two processes at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [(checker[-1], [pool.submit(run, *checker, "--quiet", "--dir", folder, *paths[i:i + 40]) for i in range(0, len(paths), 40)])
                for checker in checkers(BUILD)]
        return [(name, "".join(job.result()[1] for job in all_of)) for name, all_of in jobs]


def all_accepted(folder, paths, least):
    """Both checkers accept each; there are more than `least`."""
    for checker, output in accepted(folder, paths):
        refused = "\n".join(x for x in output.splitlines() if "accepted" not in x)[-2000:]
        check(output.count("accepted ") == len(paths) > least, "%s: %d of %d\n%s" % (checker, output.count("accepted "), len(paths), refused))


def about(folder, part, models):
    """The certificates of FOLDER/PART, each held against FOLDER/PART.claims; models: of the claim file, by name, in FOLDER."""
    options = [x for name, net in models.items() for x in ("--model", "%s=%s/%s.net" % (name, folder, net))]
    paths = of(folder, part)
    for path in paths:
        name = os.path.basename(path)[:-5]
        status, output = run(BUILD + "/weightproof-check", "--quiet", "--claims", "%s/%s.claims" % (folder, part), "--only", name, *options, path)
        check(status == 0, "%s is not about its claim: %s" % (name, output))
    return paths


def changed(text, pattern, by):
    """The certificate with the first place of the pattern replaced, sealed again."""
    new = re.sub(pattern, by, text, count=1, flags=re.M)
    assert new != text, (pattern, text)
    return resealed(new)


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


def falsifier(folder, some):
    """A function of the pattern of names, a pattern and what takes its first place: every certificate in which that stands is sealed again and added to `some`."""
    def falsify(name, pattern, by):
        for path in sorted(glob.glob("%s/*/%s.cert" % (folder, name))):
            with open(path) as f:
                text = f.read()
            new = re.sub(pattern, by, text, count=1, flags=re.M)
            if new != text:
                some["%s %s" % (os.path.basename(path), len(some))] = resealed(new)
    return falsify
