"""The claim file at the head of docs/claims.md (§1), with models of the repository in place of its names: python tests/claims/manual.py BUILD

What is decided on the whole domains of the page, and by which engine; what enumerates 16,777,216 sequences there is asked on two tokens here, and its certificates are checked by the second checker too.
Ends with `N passed, N failed`.
"""
import glob
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, ".."))
from decided import in_python, verify, write  # noqa: E402
from tally import check, finish               # noqa: E402

BUILD = sys.argv[1]
NAMES = {"max4.safetensors": "examples/max4_s123.safetensors", "max4_int8.safetensors": "examples/max4_s123_int8.safetensors", "bilinear_digits.safetensors": "examples/bilinear_digits_s0.safetensors",
         "cumsum12.pt": "examples/cumsum12_s1.pt", "cumsum12.config.json": "examples/cumsum12_s1.config.json", "net.onnx": "tests/data/claims/three.net", "digits_x.npy": "examples/digits_x.npy",
         "digits_y.npy": "examples/digits_y.npy"}
WHOLE = {"mean_attention": ("separable", "bounded"), "answers_max": ("separable", "refuted"), "how_often": ("separable", "proved"), "which_ones": ("separable", "bounded"), "smallest_margin": ("separable", "refuted"),
         "attends_to_max": ("separable", "refuted"), "no_trigger": ("separable", "proved"), "running_sum": ("cells", "proved"), "digit_robust": ("quadratic", "refuted"), "robust_digits": ("quadratic", "proved")}
PART = {"ov_copies": "refuted", "positions_hardly_matter": "refuted", "direct_path_idle": "proved", "answer_travels_through_the_head": "proved", "quantised_agrees": "proved"}


def page():
    text = re.search(r"```claims\n(.*?)```", open(os.path.join(ROOT, "docs", "claims.md")).read(), re.S).group(1)
    text = "".join(line + "\n" for line in text.split("\n") if not line.startswith(("data  v", "labels")))     # files of no model here
    for name, there in NAMES.items():
        text = text.replace('"%s"' % name, '"%s"' % os.path.abspath(os.path.join(ROOT, there)))
    return text


def decide(folder, text, names, extra=()):
    write(folder + "/page.claims", text)
    status, output, found = verify(BUILD, folder + "/page.claims", *extra, *[x for name in names for x in ("--only", name)])
    check(0 <= status < 3, "verify ends with %d: %s" % (status, output[:800]))
    return found.values()


with tempfile.TemporaryDirectory() as folder:
    for x in decide(folder, page().replace("foreach a in 1..63", "foreach a in 61..63"), list(WHOLE)):
        engine, verdict = WHOLE[x["name"].split("[")[0]]
        check((x["engine"], x["verdict"]) == (engine, verdict), "%s: %s by %s: %s" % (x["name"], x["verdict"], x["engine"], x.get("reason")))
    point = page().replace("box({-0.1, 0.2}, {0.1, 0.4})", "box({-0.1, 0.2, 0}, {0.1, 0.4, 0})")        # the network here has three inputs
    x, = decide(folder, point, ["box_property"])
    check(x["verdict"] == "undecided" and "only in real semantics" in x["reason"], "box_property under float32: %s: %s" % (x["verdict"], x.get("reason")))
    x, = decide(folder, point.replace("  under float32", ""), ["box_property"])
    check((x["engine"], x["verdict"]) == ("bound", "refuted"), "box_property: %s by %s: %s" % (x["verdict"], x["engine"], x.get("reason")))
    small = page().replace("domain D = tokens[4] of 0..63", "domain D = tokens[4] of {21, 63}")
    for x in decide(folder, small, list(PART), ("--certificates", folder + "/c")):
        check(x["verdict"] == PART[x["name"]], "%s: %s by %s: %s" % (x["name"], x["verdict"], x["engine"], x.get("reason")))
    certificates = sorted(glob.glob(folder + "/c/*.cert"))
    status, output = in_python("--dir", folder + "/c", *certificates)
    check(status == 0 and len(certificates) == len(PART), "the second checker: %d %s" % (status, output))
finish()
