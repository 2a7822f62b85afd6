"""The report about claims on token models: the sequence that is drawn is the one that the claim reads, changed models stand beside the plain one, intervals are explained.

    python tests/proofs/report.py BUILD
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests"]
from tally import check, finish

WEIGHTPROOF = os.path.join(sys.argv[1], "weightproof")
MODEL = os.path.abspath("examples/max4_s123.safetensors")
CHANGED = "ablate(M, drop = {head(0, 0)}, to = zero)"
CHOSEN = "ablate(M, drop = {head(0, 0)}, to = any over tokens[2] of 0..3)"
CLAIMS = """claims 1
model M = "%s"
claim composed { minimize a in 0..1, s in tokens[3] of 0..2 : logits(M, seq(s, s[a]))[last, 0] }
claim changed { count t in tokens[4] of 60..62 : argmax(logits(%s, t)[last]) == max(t) }
claim first { list t in tokens[3] of 0..2 : argmax(logits(M, t)[1]) != t[0] at most 3 }
claim open { count t in tokens[4] of 0..63 : argmax(logits(M, t)[last]) == max(t) within 1e-4 under float32 }
claim chosen { forall t in tokens[2] of 0..1 prove argmax(logits(%s, t)[last]) == max(t) }
claim pattern { forall t in tokens[2] of 0..1 prove argmax(attn(M, 0, 0, t)[last]) == 0 or t[0] >= 0 }
""" % (MODEL, CHANGED, CHOSEN)
NUMBER = r"\[?(-?[\d.]+(?:e-?\d+)?)"


def run(*arguments):
    return subprocess.run([WEIGHTPROOF, *arguments], capture_output=True, text=True, timeout=120)


def logits(path, claim, at, model, tokens):
    """The last row of `logits(model, tokens)` as eval prints it: its first numbers."""
    out = run("eval", path, "--only", claim, *(x for a in at for x in ("--at", a))).stdout
    for line in out.splitlines():
        if line.startswith("logits(%s, %s)[last] = " % (model, tokens)):
            return [float(x) for x in re.findall(r"\[(-?[\d.]+(?:e-?\d+)?) \+/-", line)]
    return []


def drawn(page, title):
    """Values of the bars of that title, from what the pointer is told."""
    figure = re.search(r"<figure><svg[^>]*><title>%s</title>(.*?)</svg>" % re.escape(title), page, re.S)
    return [float(x) for x in re.findall(r"<title>\d+: (-?[\d.e+-]+)</title>", figure.group(1))] if figure else None


def near(a, b):
    return len(b) > 3 and all(abs(x - y) <= 1e-4 * max(1, abs(y)) for x, y in zip(a, b))


def main():
    with tempfile.TemporaryDirectory() as folder:
        path, report = folder + "/a.claims", folder + "/a.html"
        with open(path, "w") as f:
            f.write(CLAIMS)
        done = run("verify", path, "--report", report)
        check(done.returncode in (0, 1, 2) and "6 claims" in done.stdout, done.stderr)
        sections = {re.search(r"<h3>(\w+)", s).group(1): s for s in re.findall(r"<section class='claim'.*?</section>", open(report).read(), re.S)}
        text = sections["composed"]
        a, s = re.search(r"at a=(\d) s=([\d,]+)", text).groups()
        whole = s + "," + s.split(",")[int(a)]
        check("the sequence read, seq(s, s[a]): <code>%s</code>" % whole in text, "the composed sequence is not shown")
        plain = run("run", MODEL, "--tokens", whole).stdout.split("position 3")[1]
        check(near(drawn(text, "M on seq(s, s[a]): logits at position 3") or [], [float(x) for x in re.findall(r"\d +" + NUMBER, plain)]), "logits of the composed sequence")
        text = sections["changed"]
        at = re.search(r"where the largest change was seen</b> <code>(t=[\d,]+)</code>", text).group(1)
        before, after, by = (drawn(text, x + " at position 3") or [] for x in ("M on t: logits", CHANGED + " on t: logits", CHANGED + " on t: changes of the logits"))
        check(near(after, logits(path, "changed", [at], CHANGED, "t")), "logits of the changed model")
        check(len(by) == 64 and all(abs(y - x - d) <= 1e-3 for x, y, d in zip(before, after, by)), "changes of the logits")
        check("Exact: every input is decided." in text, "an exact count is not called one")
        text = sections["first"]
        check("<b>first item</b>" in text and drawn(text, "M on t: logits at position 1") is not None, "the first item, at the row that is read")
        text = sections["open"]
        lo, hi = (int(x) for x in re.search(r"(\d+)\.\.(\d+) of 16777216", text).groups())
        check("%d inputs make it true in every binary32 execution; for %d more that is not certain" % (lo, hi - lo) in text, "an open count is not explained")
        check(text.count("<title>true, from 0 to ") == 1 and "<title>open, from " in text and "<title>false, from " in text, "the bar of a fraction")
        check(drawn(sections["chosen"], CHOSEN + " on t: logits at position 1") is None, "a box of choices is drawn as a run")
        check("what the claim asks for" not in sections["pattern"], "an argmax of attention is taken for an answer")
        reason = run("verify", path, "--only", "chosen").stdout
        check("counterexample" in reason or "`any over` may choose" in reason, "why a claim about choices is open: " + reason)


main()
finish()
