"""Runs every test of `make check` and closes with `N passed, N failed`.

    python tests/run.py BUILD [--only PART]

A part is a Check program (tests/LAYER/check_*.c) or a script of the table below. Each counts its own cases; a part that
crashes, hangs or counts nothing is one failure.
"""
import glob
import os
import re
import subprocess
import sys
import time

BUILD = sys.argv[1]
ONLY = sys.argv[3] if len(sys.argv) > 3 and sys.argv[2] == "--only" else ""
LIMIT = 600 * (4 if "asan" in BUILD else 1)
PY = sys.executable

# Scripts end with a line `N passed, N failed`.
SCRIPTS = [
    ("same_family", [PY, "tests/models/same_family.py", BUILD]),
    ("make_net", [PY, "tests/models/same_net.py", BUILD]),
    ("same_onnx", [PY, "tests/models/same_onnx.py", BUILD]),
    ("models/saved", [PY, "tests/models/saved.py", BUILD]),
    ("models/families", [PY, "tests/models/families.py", BUILD]),
    ("stored_families", [PY, "tests/families/run.py", BUILD]),
    ("cli", ["sh", "tests/cli/run.sh", BUILD]),
    ("checker_halves", [BUILD + "/tests/checker/halves"]),
    ("checker_walks", [PY, "tests/checker/walks.py", BUILD]),
    ("checker_pairs", [PY, "tests/checker/pairs.py", BUILD]),
    ("checker", [PY, "tests/checker/run.py", "--checker", BUILD + "/weightproof-check"]),
    ("shares", [PY, "tests/checker/shares.py", BUILD]),
    ("named_twice", [PY, "tests/checker/named_twice.py", BUILD]),
    ("checker_float32", [PY, "tests/checker/fast.py", BUILD, "--nets", "12"]),
    ("checker_reals", [PY, "tests/checker/fast.py", BUILD, "--nets", "6", "--real"]),
    ("checker_tokens", [PY, "tests/checker/tokens.py", BUILD, "--claims", "60"]),
    ("checker_rows", [PY, "tests/checker/rows.py", BUILD]),
    ("checker_copied", [PY, "tests/checker/copied.py", BUILD, "4"]),
    ("checker_near", [PY, "tests/checker/near.py", BUILD]),
    ("checker_ops", [PY, "tests/checker/ops.py", "--checker", BUILD + "/weightproof-check"]),
    ("agree", [PY, "tests/reference/agree.py", "--checker", BUILD + "/weightproof-check"]),
    ("counts", [PY, "tests/reference/counts.py", "--checker", BUILD + "/weightproof-check", "--nets", "30"]),
    ("averages", [PY, "tests/reference/averages.py", BUILD, "--nets", "33"]),
    ("random_nets", [PY, "tests/reference/random_nets.py", BUILD, "--count", "8"]),
    ("false_claims", [PY, "tests/reference/false_claims.py", "--checker", BUILD + "/weightproof-check"]),
    ("alike", [PY, "tests/reference/alike.py", BUILD]),
    ("exchangeable", [PY, "tests/reference/exchangeable.py", BUILD]),
    ("told_apart", [PY, "tests/reference/told_apart.py", BUILD]),
    ("means", [PY, "tests/reference/means.py", BUILD, "6"]),
    ("attention_means", [PY, "tests/reference/means_of_attention.py", BUILD, "3"]),
    ("scans", [PY, "tests/scans/run.py", BUILD, "--nets", "60", "--certificates", "6"]),
    ("scans_relaxed", [PY, "tests/scans/relaxed.py", BUILD]),
    ("cells", [PY, "tests/cells/run.py", BUILD, "--nets", "60", "--attacked", "3"]),
    ("cells_counted", [PY, "tests/cells/counted.py", BUILD]),
    ("quadratic", [PY, "tests/quadratic/run.py", BUILD]),
    ("quadratic_boxes", [PY, "tests/quadratic/boxes.py", BUILD]),
    ("quadratic_deep", [PY, "tests/quadratic/deep.py", BUILD]),
    ("radius", [PY, "tests/quadratic/radius.py", BUILD]),
    ("radius_box", [PY, "tests/quadratic/radius_box.py", BUILD]),
    ("forms", [PY, "tests/quadratic/forms.py", BUILD]),
    ("spectra", [PY, "tests/quadratic/spectra.py", BUILD]),
    ("pictures", [PY, "tests/quadratic/pictures.py", BUILD]),
    ("modular", [PY, "tests/quadratic/modular.py", BUILD]),
    ("regions", [PY, "tests/quadratic/regions.py", BUILD]),
    ("reals", [PY, "tests/quadratic/reals.py", BUILD]),
    ("lines", [PY, "tests/quadratic/lines.py", BUILD]),
    ("bilinear_attention", [PY, "tests/quadratic/attention.py", BUILD]),
    ("mutations", [PY, "tests/quadratic/mutations.py", BUILD]),
    ("report", [PY, "tests/proofs/report.py", BUILD]),
    # a library under AddressSanitizer does not load into a Python that is not
    *([] if "asan" in BUILD else [("python", [PY, "tests/python/run.py", BUILD])]),
    ("boxes", [PY, "tests/bound/run.py", BUILD, "--count", "40", "--smooth", "28"]),
    ("smt", [PY, "tests/smt/oracle.py", BUILD]),
    ("smt_forms", [PY, "tests/smt/forms.py", BUILD]),
    ("smt_float32", [PY, "tests/smt/float32.py", BUILD]),
    ("smt_attention", [PY, "tests/smt/attention.py", BUILD]),
    ("smt_solver", [PY, "tests/smt/solver.py", BUILD]),
    ("constructed", [PY, "tests/cells/constructed.py", BUILD]),
    ("claims", [PY, "tests/claims/run.py", BUILD]),
    ("claims_accepted", [PY, "tests/claims/accepted.py", BUILD, "--nets", "24"]),
    ("composed", [PY, "tests/long/composed.py", BUILD, "--nets", "8", "--claims", "5"]),
    ("claims_attention", [PY, "tests/claims/attention.py", BUILD]),
    ("claims_manual", [PY, "tests/claims/manual.py", BUILD]),
    ("claims_out_of_time", [PY, "tests/claims/out_of_time.py", BUILD]),
    ("claims_left_open", [PY, "tests/claims/left_open.py", BUILD]),
    ("interventions", [PY, "tests/examples/interventions.py", BUILD]),
    ("examples", [PY, "tests/examples/run.py", BUILD] + (["examples/backdoor.claims", "examples/running_sum.claims"] if "asan" in BUILD else [])),
]


def parts():
    for layer in ("core", "models", "verify", "proofs"):
        for source in sorted(glob.glob("tests/%s/check_*.c" % layer)):
            yield source[6:-2], [os.path.join(BUILD, source[:-2])]
    yield from SCRIPTS


def counts(output):
    """(passed, failed) from Check's closing line or the plain one."""
    checks = re.findall(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)", output)
    if checks:
        n = sum(int(a) for a, _, _ in checks)
        bad = sum(int(b) + int(c) for _, b, c in checks)
        return n - bad, bad
    plain = re.findall(r"^(\d+) passed, (\d+) failed", output, re.M)
    return (int(plain[-1][0]), int(plain[-1][1])) if plain else (0, 0)


def run(name, command):
    begin = time.monotonic()
    try:
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, stdin=subprocess.DEVNULL)
        output, status = p.stdout.decode("utf-8", "replace"), p.returncode
    except subprocess.TimeoutExpired as e:
        output, status = (e.stdout or b"").decode("utf-8", "replace") + "\nno end after %d s" % LIMIT, -1
    except OSError as e:
        output, status = str(e), -1
    passed, failed = counts(output)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    if failed:
        print(output.rstrip()[-6000:])
    print("%-34s %5d passed %4d failed %7.1f s" % (name, passed, failed, time.monotonic() - begin), flush=True)
    return passed, failed


total = [0, 0]
for name, command in parts():
    if ONLY in name:
        result = run(name, command)
        total = [total[0] + result[0], total[1] + result[1]]
print("%d passed, %d failed" % tuple(total))
sys.exit(1 if total[1] or not total[0] else 0)
