"""Claims that leave a constant or conditions open: python tests/claims/left_open.py BUILD [--seed S]

Random claims over finite sets, whose answers are worked out here by brute force, and over boxes of random networks, whose answers must agree with the claim's own optimum.
Both certificates of an answer are about the claim with the values that the answer names, by the checker's own reading of the claim file, and about no other value; the
second checker accepts them; re-sealed copies in which the two values change places are rejected.
"""
import argparse
import glob
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, x) for x in ("..", "../bound", "../reference")]
from boxes import Claims, network                       # noqa: E402
from claims import resealed                             # noqa: E402
from decided import decide, in_python, statuses, write  # noqa: E402
from tally import check, finish                         # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--seed", type=int, default=1)
a = a.parse_args()
CHECKER = os.path.join(os.path.abspath(a.build), "weightproof-check")
rng = random.Random(a.seed)


def decided(folder, text):
    """The results by name, from one claim file; its certificates are in folder/b."""
    return decide(a.build, folder, text, "--certificates", os.path.join(folder, "b"), head="")


def ends(result):
    return Fraction(result["constant"]["holds"]), Fraction(result["constant"]["fails"])


# ---- finite sets, by brute force ----

def finite(k):
    """(claim, function: does it hold at c)"""
    p, q, m = rng.randint(2, 9), rng.randint(2, 9), rng.randint(5, 13)
    f = [(i * p + j * q) % m - i for i in range(6) for j in range(6)]
    e, box = "(i * %d + j * %d) %% %d - i" % (p, q, m), "i in 0..5, j in 0..5"
    low = rng.randint(0, 8)
    return [
        ("forall %s prove %s >= ?c" % (box, e), lambda c: min(f) >= c),
        ("forall %s prove ?c > %s within 1/100" % (box, e), lambda c: c > max(f)),
        ("prove exists %s : %s > ?c" % (box, e), lambda c: max(f) > c),
        ("minimize %s : %s prove value >= 2 * ?c" % (box, e), lambda c: min(f) >= 2 * c),
        ("maximize %s : %s prove value < ?c" % (box, e), lambda c: max(f) < c),
        ("count %s : %s >= ?c prove number <= %d" % (box, e, low), lambda c: sum(x >= c for x in f) <= low),
        ("count %s : %s >= 0 prove fraction >= ?c" % (box, e), lambda c: Fraction(sum(x >= 0 for x in f), 36) >= c),
        ("average %s : %s prove value >= ?c" % (box, e), lambda c: Fraction(sum(f), 36) >= c),
        ("let top = ?c / 3  forall %s where i <= top prove %s <= %d" % (box, e, max(f[12:]) if max(f[12:]) < max(f) else max(f) - 1), None),
    ][k % 9]


def test_finite(folder):
    made = [finite(k) for k in range(18)]
    results = decided(folder, "\n".join("claim c%d { %s }" % (i, claim) for i, (claim, _) in enumerate(made)))
    for i, (claim, holds) in enumerate(made):
        r = results["c%d" % i]
        if holds is None:
            continue
        check(r["verdict"] == "bounded", "%s: %s %s" % (claim, r["verdict"], r["reason"]))
        if r["verdict"] != "bounded":
            continue
        yes, no = ends(r)
        within = Fraction(1, 100) if "within" in claim else Fraction(1, 10 ** 6)
        check(holds(yes) and not holds(no) and 0 < abs(yes - no) <= within, "%s: holds at %s, fails at %s" % (claim, yes, no))
        check(Fraction(r["lo_exact"]) == min(yes, no) and Fraction(r["hi_exact"]) == max(yes, no), "%s: lo and hi" % claim)


# ---- conditions ----

def true(word, point):
    return eval(word, dict(zip("ijk", point)))  # noqa: S307


def test_conditions(folder):
    points = list(itertools.product(range(5), range(5), range(5)))
    claims, made = [], []
    for k in range(12):
        words = []
        for _ in range(rng.randint(1, 5)):
            x, y = rng.sample("ijk", 2)
            words.append(rng.choice(["%s < %s" % (x, y), "%s != %d" % (x, rng.randint(0, 4)), "%s + %s <= %d" % (x, y, rng.randint(2, 6)), "%s >= %d" % (x, rng.randint(0, 2))]))
        goal = "i * %d + j - k %s %d" % (rng.randint(1, 3), rng.choice([">=", "<=", "!="]), rng.randint(-2, 8))
        claims.append("claim c%d { forall i in 0..4, j in 0..4, k in 0..4 where i + j != 1 assuming some of { %s } prove %s }" % (k, ", ".join(words), goal))
        made.append((words, goal))
    results = decided(folder, "\n".join(claims))
    for i, (words, goal) in enumerate(made):
        r = results["c%d" % i]

        def holds(chosen):
            return all(true(goal, p) for p in points if p[0] + p[1] != 1 and all(true(words[n], p) for n in chosen))
        all_of_them = list(range(len(words)))
        some = any(p[0] + p[1] != 1 and all(true(w, p) for w in words) for p in points)
        expected = "vacuous" if not some else "proved" if holds(all_of_them) else "refuted"
        check(r["verdict"] == expected, "%s: %s, not %s" % (claims[i], r["verdict"], expected))
        if r["verdict"] != "proved" or expected != "proved":
            continue
        kept = [n for n in all_of_them if r["conditions"][n]["kept"]]
        check(holds(kept), "%s: kept %s" % (claims[i], kept))
        check(not any(holds([n for n in kept if n != out]) for out in kept), "%s: kept too many: %s" % (claims[i], kept))
        check(sorted(x["without"] - 1 for x in r["others"]) == kept and all(x["verdict"] == "refuted" for x in r["others"]), "%s: others" % claims[i])


# ---- boxes ----

def test_boxes(folder):
    for k in range(4):
        with open(os.path.join(folder, "m.net"), "w") as f:
            f.write(network(a.seed * 4001 + k, 2, (4, 3)).text())
        maker = Claims(a.seed * 77 + k, 2)
        box, e = maker.box(), maker.folded()
        r = decided(folder, 'model N = "m.net"\nclaim low { minimize %s : %s }\nclaim c { forall %s prove %s >= ?c }\nclaim v { maximize %s : %s prove value <= ?c }\nclaim high { maximize %s : %s }\n'
                   % (box, e, box, e, box, e, box, e))
        lo, hi = (tuple(Fraction(r[name][end + "_exact"]) for end in ("lo", "hi")) for name in ("low", "high"))
        for name, inside in (("c", lambda yes, no: yes <= lo[1] and no > lo[0]), ("v", lambda yes, no: yes >= hi[0] and no < hi[1])):
            check(r[name]["verdict"] == "bounded" and inside(*ends(r[name])), "%s of %s over %s: %s" % (name, e, box, (r[name].get("constant"), lo, hi)))


def test_unsettled(folder):
    """Values at which the engine gives up lie between the two ends: the search ends all the same."""
    model = os.path.abspath(os.path.join(HERE, "..", "..", "examples", "tms_5_2_s0.safetensors"))
    r = decided(folder, 'model S = "%s"\nclaim c { forall x in box({0, 0, 0, 0, 0}, {1, 1, 1, 1, 1}) '
               "prove all{ (x[a] >= ?c and all{ x[j] == 0 : j in 0..4 where j != a }) => argmax(output(S, x)) == a : a in 0..4 } }" % model)["c"]
    check(r["verdict"] in ("bounded", "undecided") and r["trials"] < 100, "many unsettled values: %s after %d" % (r["verdict"], r["trials"]))


# ---- certificates ----

def test_certificates(folder):
    """Of the last test: in the words of REPLAY.md, by the second checker, and mixed up."""
    bundle = os.path.join(folder, "b")
    lines = [line.split("    weightproof-check ")[1] for line in open(bundle + "/REPLAY.md") if line.startswith("    weightproof-check --claims")]
    certificates = sorted(glob.glob(bundle + "/*.cert"))
    check(len(lines) == len(certificates), "%d lines of REPLAY.md, %d certificates" % (len(lines), len(certificates)))
    for line in lines:
        p = subprocess.run("%s --quiet %s" % (CHECKER, line), shell=True, cwd=bundle, capture_output=True, text=True)
        check(p.returncode == 0, "%s: %s" % (line, p.stdout))
        other = re.sub(r"(\?\w+)=[^']*", r"\1=1/77", line)
        p = subprocess.run("%s --quiet %s" % (CHECKER, other), shell=True, cwd=bundle, capture_output=True, text=True)
        check(other == line or p.returncode == 1, "another value passes: %s" % other)
    status, output = in_python("--dir", bundle, *certificates)
    check(status == 0 and output.count("accepted ") == len(certificates), "the second checker: %d %s" % (status, output))
    for path in certificates:
        if not path.endswith(".fails.cert"):
            continue
        holds, fails = open(path.replace(".fails.cert", ".cert")).read(), open(path).read()
        statements = [re.search(r"statement\n((\| .*\n)+)", x).group(1) for x in (holds, fails)]
        for text, old, new in ((holds, statements[0], statements[1]), (fails, statements[1], statements[0])):
            mixed = os.path.join(bundle, "mixed.txt")
            write(mixed, resealed(text.replace(old, new)))
            check(statuses(a.build, "--dir", bundle, mixed) == (1, 1), "the value of the other certificate is accepted")


for test in (test_finite, test_conditions, test_boxes):
    with tempfile.TemporaryDirectory() as folder:
        test(folder)
        test_certificates(folder)
with tempfile.TemporaryDirectory() as folder:
    test_unsettled(folder)
finish()
