"""Checkers that lie, hang, crash or are missing: nothing is ever proved on their word. Ends with `N good, N bad`.

The program is copied beside a fake weightproof-check; the claim is true, so that only the checker stands between it and *proved*.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1]
CLAIM = """claims 1
model M = "%s"
claim ok { forall t in tokens[1] of 0..3 prove logits(M, t)[last, 0] <= 1000 }
claim count { count t in tokens[1] of 0..3 : logits(M, t)[last, 0] <= 1000 }
"""
SHAS = "for last; do :; done; c=$last; s=$(sed -n 's/^| //p' \"$c\" | sha256sum | cut -c1-64); k=$(sha256sum < \"$c\" | cut -c1-64); w=$(sed -n 's/^verdict //p' \"$c\");"
FAKES = {
    # name: (script, words that the reason must hold)
    "silent": ("exit 0", "did not say"),
    "says something else": ("echo all fine", "did not say"),
    "accepts another statement": (SHAS + "echo accepted $w $(printf x | sha256sum | cut -c1-64) $k", "did not say"),
    "accepts another certificate": (SHAS + "echo accepted $w $s $(printf x | sha256sum | cut -c1-64)", "did not say"),
    "accepts another verdict": (SHAS + "echo accepted refuted $s $k", "did not say"),
    "swaps the hashes": (SHAS + "echo accepted $w $k $s", "did not say"),
    "accepts and exits 1": (SHAS + "echo accepted $w $s $k; exit 1", "exit status 1"),
    "accepts and is killed": (SHAS + "echo accepted $w $s $k; kill -9 $$", "killed by signal 9"),
    "accepts twice": (SHAS + "echo accepted $w $s $k; echo accepted $w $s $k", "did not say"),
    "says more": (SHAS + "echo accepted $w $s $k but; ", "did not say"),
    "no end of line": (SHAS + "printf 'accepted %s %s %s' $w $s $k", "did not say"),
    "accepts on standard error": (SHAS + "echo accepted $w $s $k >&2", "did not say"),
    "upper case": (SHAS + "echo ACCEPTED $w $s $k", "did not say"),
    "crashes": ("kill -SEGV $$", "killed by signal 11"),
    "rejects": ("echo rejected x: line 3: no; exit 1", "line 3: no"),
    "hangs": ("exec sleep 60", "did not end"),
    "accepts and hangs": (SHAS + "echo accepted $w $s $k; exec sleep 60", "did not end"),
    "closes its output and hangs": (SHAS + "echo accepted $w $s $k; exec >&- 2>&-; exec sleep 60", "did not end"),
    "talks without end": ("exec yes accepted", "more than it should"),
}
good = bad = 0


def say(name, ok, text=""):
    global good, bad
    good, bad = good + bool(ok), bad + (not ok)
    if not ok:
        print("judge: %s: %s" % (name, text))


def verify(folder, *options):
    p = subprocess.run([folder + "/weightproof", "verify", folder + "/x.claims", *options], capture_output=True, timeout=100,
                       env=dict(os.environ, TMPDIR=folder))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def undecided(name, folder, words, *options):
    status, out, err = verify(folder, *options)
    lines = out.splitlines()
    ok = status == 2 and len(lines) == 3 and all(line.startswith("undecided") and words in line for line in lines[:2])
    say(name, ok, out + err)


folder = tempfile.mkdtemp(prefix="judge-")
shutil.copy(BUILD + "/weightproof", folder)
with open(folder + "/x.claims", "w") as f:
    f.write(CLAIM % os.path.abspath("examples/max4_s123.safetensors"))
check = folder + "/weightproof-check"
undecided("missing", folder, "the checker is missing")
for name, (script, words) in FAKES.items():
    with open(check, "w") as f:
        f.write("#!/bin/sh\n" + script + "\n")
    os.chmod(check, 0o755)
    begin = time.monotonic()
    undecided(name, folder, words, "--check-timeout", "1.5")
    say(name + ": in time", time.monotonic() - begin < 20, "took too long")
with open(check, "w") as f:
    f.write("no program\n")
undecided("not executable by its text", folder, "checker")
os.chmod(check, 0o644)
undecided("not executable by its mode", folder, "the checker is missing")

# The real one, found beside the program and in libexec.
shutil.copy(BUILD + "/weightproof-check", check)
for place in ("", "libexec/weightproof/"):
    if place:
        os.makedirs(folder + "/" + place)
        shutil.move(check, folder + "/" + place)
    status, out, err = verify(folder, "--expect")
    lines = out.splitlines()
    say("real checker in '%s'" % place, status == 0 and len(lines) == 3 and lines[0].startswith("proved") and lines[1].startswith("bounded"), out + err)
# A certificate that is refused leaves the claim to the next engine, and a note says so.
place = folder + "/libexec/weightproof/weightproof-check"
os.rename(place, folder + "/real")
for rule, engine, n_notes in (("enumerate", "separable", 2), ("separable", "enumerate", 0)):
    with open(place, "w") as f:
        f.write("#!/bin/sh\nfor last; do :; done; grep -q '^rule %s$' \"$last\" && { echo rejected x: line 3: no; exit 1; }; exec %s \"$@\"\n" % (rule, folder + "/real"))
    os.chmod(place, 0o755)
    status, out, err = verify(folder)
    lines, notes = out.splitlines(), [x for x in err.splitlines() if "after enumerate: the checker did not accept the certificate (exit status 1): line 3: no" in x]
    say("refused " + rule, status == 0 and lines[0].startswith("proved") and "[%s, checked" % engine in lines[0] and len(notes) == n_notes, out + err)
left = [f for f in os.listdir(folder) if f.startswith("weightproof-") and f != "weightproof-check"]
say("temporary folders are removed", not left, str(left))
shutil.rmtree(folder, ignore_errors=True)
print("%d good, %d bad" % (good, bad))
