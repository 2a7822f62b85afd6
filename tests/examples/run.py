"""The claim files of examples/: every verdict as expected, and every true claim says something.

    python tests/examples/run.py BUILD [FILE.claims ...]

A claim that is proved must fail to be proved on at least one copy of its models with shuffled weights.
Without files: those that take seconds. `make check-long` runs the others.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import shuffle_net  # noqa: E402

QUICK = ["max4", "backdoor", "running_sum", "cumsum12", "sortlist", "digits", "bilinear", "modular", "superposition", "mean_ablation"]
SEEDS = 4
program = os.path.join(sys.argv[1], "weightproof")
files = sys.argv[2:] or ["examples/%s.claims" % name for name in QUICK]
passed = failed = 0


def case(good, words):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAILED: " + words)


def verify(path, *options):
    """(exit status, claims of the JSON, all output)."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run.json")
        p = subprocess.run([program, "verify", path, "--json", out] + list(options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        claims = json.load(open(out))["claims"] if os.path.exists(out) else []
        return p.returncode, claims, p.stdout.decode()


def shuffled_models(path, folder, seed):
    """--model options that bind every model of the file to a shuffled copy."""
    options = []
    for k, (name, model) in enumerate(re.findall(r'^model\s+(\w+)\s*=\s*"([^"]+)"', open(path).read(), re.M)):
        net, copy = os.path.join(folder, name + ".net"), os.path.join(folder, "%s.%d.net" % (name, seed))
        subprocess.run([program, "convert", os.path.join(os.path.dirname(path), model), "-o", net], check=True, stdout=subprocess.DEVNULL)
        with open(copy, "w", newline="\n") as f:
            f.write(shuffle_net.shuffled(open(net).read(), seed + 100 * k))   # each model its own way
        options += ["--model", "%s=%s" % (name, copy)]
    return options


for path in files:
    status, claims, output = verify(path, "--expect")
    case(status == 0, "%s --expect exits %d\n%s" % (path, status, output))
    for c in claims:
        case(c["verdict"] in ("proved", "bounded", "refuted"), "%s: %s is %s" % (path, c["name"], c["verdict"]))
        case(c["evidence"] in ("checked", "replayed"), "%s: evidence of %s is %s" % (path, c["name"], c["evidence"]))
    left = {c["name"] for c in claims if c["verdict"] == "proved"}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, SEEDS + 1):
            if not left:
                break
            options = shuffled_models(path, folder, seed) + [o for name in sorted(left) for o in ("--only", name)]
            left -= {c["name"] for c in verify(path, "--timeout", "20", *options)[1] if c["verdict"] == "refuted"}
    case(not left, "%s: proved on every shuffled copy too: %s" % (path, ", ".join(sorted(left))))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
