"""Claims about boxes of networks: python tests/bound/run.py BUILD [--count N] [--smooth N] [--seed S] [--z3 FILE]

Random networks and claims (forall, exists, minimize, maximize), decided by the engine `bound`. Of piecewise linear networks the verdict must be that of Z3 on exported documents, of smooth ones it must
fit sampled points, other engines and what the document's enclosures say; both checkers must accept its certificate, and reject it after a change that makes it say more than it shows. Claims that are false must not be proved, whatever the steps say. Ends with `N passed, N failed`.
"""
import argparse
import collections
import glob
import os
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "..", "proofs", "reference")]
import hand_made  # noqa: E402
import smooth  # noqa: E402
from boxes import Claims, network  # noqa: E402
from claims import resealed  # noqa: E402
from decided import checkers, in_python, statuses, verify, write, write_claims  # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--count", type=int, default=80)
a.add_argument("--smooth", type=int, default=42)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--z3", default=os.path.join(os.path.dirname(sys.executable), "z3"))
a = a.parse_args()
HEAD = 'model N = "m.net"\n'
seen, failed, passed = collections.Counter(), 0, 0


def wrong(what, claim, more=""):
    global failed
    failed += 1
    print("FAILED %s: %s %s" % (what, claim, more))


def mutants(text, rng):
    """(certificate, must it be rejected): one line of the proof changed."""
    lines = text.split("\n")
    steps = [i for i, line in enumerate(lines) if line.startswith("step ")]
    for i in rng.sample(steps, min(3, len(steps))):
        yield "\n".join(lines[:i] + lines[i + 1:]), True if lines[i].split(" ")[1] in ("leaf", "split") else None     # a step is missing
        terms = lines[i].split(" ")
        if len(terms) > 3 and terms[1] == "leaf":
            yield "\n".join(lines[:i] + [" ".join(terms[:-1])] + lines[i + 1:]), None
        if len(terms) > 2 and ":" in terms[-1]:
            yield "\n".join(lines[:i] + [re.sub(r":.*", ":-1", lines[i][::-1].split(" ", 1)[1][::-1] + " " + terms[-1])] + lines[i + 1:]), None
        if terms[1] in ("below", "above"):
            moved = Fraction(terms[4]) + (1 if terms[1] == "below" else -1)
            yield "\n".join(lines[:i] + [" ".join(terms[:4] + [str(moved)])] + lines[i + 1:]), True
            yield "\n".join(lines[:i] + [lines[i].replace(terms[1], "above" if terms[1] == "below" else "below")] + lines[i + 1:]), True
        if terms[1] == "cut":
            yield "\n".join(lines[:i] + [" ".join(terms[:3] + ["1000"])] + lines[i + 1:]), True
        if terms[1] in ("low", "high", "least", "most"):
            yield "\n".join(lines[:i] + [" ".join(terms[:3] + ["1000" if terms[1] in ("low", "least") else "-1000"] + terms[4:])] + lines[i + 1:]), None
    if steps and "verdict proved" in text:
        yield text.replace("verdict proved", "verdict refuted").replace("witness", "counterexample"), True
    if steps and "verdict vacuous" not in text and "\nattains" not in text:
        yield re.sub(r"verdict .*", "verdict vacuous", re.sub(r"\n(witness|counterexample) .*", "", text)), True
    value = re.search(r"\nvalue (\S+) (\S+)\n(attains .*)", text)
    if value:
        lo, hi, attains = Fraction(value.group(1)), Fraction(value.group(2)), value.group(3)
        least = "| minimize" in text
        for ends in ((lo + 1, hi + 1), (lo - 1, hi - 1), (hi, lo) if lo < hi else (lo + 1, hi)):
            yield text.replace(value.group(0), "\nvalue %s %s\n%s" % (ends + (attains,))), True
        beyond = (lo + (hi - lo) / 2, hi) if least else (lo, lo + (hi - lo) / 2)
        yield text.replace(value.group(0), "\nvalue %s %s\n%s" % (beyond + (attains,))), None
        yield text.replace(attains, re.sub(r"=.*", "=" + ",".join(["100"] * (attains.count(",") + 1 - attains.endswith(","))) + "," * attains.endswith(","), attains)), True
        yield text.replace("\n" + attains, ""), True


def z3_says(folder, claim, seconds=20):
    file, doc = os.path.join(folder, "z3.claims"), os.path.join(folder, "z3.smt2")
    write(file, "claims 1\n" + HEAD + "claim c { %s }\n" % claim)
    p = subprocess.run([os.path.join(a.build, "weightproof"), "smt", file, "-o", doc], capture_output=True, text=True, timeout=60)
    word = subprocess.run([a.z3, "-T:%d" % seconds, doc], capture_output=True, text=True, timeout=60).stdout.split("\n")[0] if p.returncode == 0 else "none: " + p.stderr
    seen["Z3 " + word[:7]] += 1
    return word


def z3_complaints(folder, documents):
    def complaints(result):
        for document, holds in documents(result).items():
            word = z3_says(folder, document)
            if word != ("unsat" if holds else "sat"):
                yield "%s, and Z3 says %s of %s" % (result["verdict"], word, document)
    return complaints


def examine(folder, kind, claim, complaints, rng):
    """complaints(result): what speaks against a verdict."""
    global passed
    bundle = os.path.join(folder, "bundle")
    for old in glob.glob(bundle + "/*"):
        os.remove(old)
    status, output, found = verify(a.build, write_claims(folder, [("c", claim)], HEAD), "--engine", "bound", "--certificates", bundle, "--timeout", "10", timeout=120)
    if status >= 3:
        return wrong("exit status %d" % status, claim, output[:300])
    result = found["c"]
    verdict = result["verdict"]
    seen[kind + " " + verdict] += 1
    if verdict == "undecided":
        seen[result["reason"]] += 1
        return wrong("the checker disagrees with the prover", claim, result["reason"]) if "did not accept" in result["reason"] else None
    for complaint in complaints(result):
        return wrong(complaint, claim)
    passed += 1
    cert = os.path.join(bundle, "c.cert")
    text = open(cert).read()
    status, output = in_python(cert)
    if status != 0:
        return wrong("the Python checker rejects a certificate", claim, output[:200])
    if rng.random() < 0.15:
        for mutant, must in mutants(text, rng):
            write(os.path.join(bundle, "mutant.cert"), resealed(mutant))
            both = statuses(a.build, os.path.join(bundle, "mutant.cert"))
            seen["mutants"] += 1
            if both[0] != both[1] or both[0] not in (0, 1) or (must and both[0] == 0):
                wrong("a changed certificate: exit status %d in C, %d in Python" % both, claim, mutant[-600:])


def random_claims():
    k = 0
    while k < a.count:
        rng = random.Random(a.seed * 1000 + k)
        inputs, hidden = rng.choice([(2, (3,)), (3, (4, 4)), (2, (4, 3, 3)), (1, (5,)), (3, (6, 5))])
        net = network(a.seed * 1009 + k, inputs, hidden)
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "m.net"), net.text())
            maker = Claims(a.seed * 7001 + k, inputs)
            for _ in range(5):
                kind, claim, documents = maker.claim()
                examine(folder, kind, claim, z3_complaints(folder, documents), rng)
                k += 1


def others_say(folder, of_products, kind, claim, complaints):
    """What speaks against a verdict of `bound`: sampled points, then engines for products of inputs, then Z3 on the exported document, which encloses functions other than products."""
    def all_complaints(result):
        yield from complaints(result)
        for engine in ("quadratic", "polynomial") if of_products else ():
            found = verify(a.build, os.path.join(folder, "a.claims"), "--engine", engine, "--timeout", "5", timeout=60)[2]
            other = found["c"]["verdict"] if found else "undecided"
            seen["%s %s" % (engine, "undecided" if other == "undecided" else "agrees" if other == result["verdict"] else "DISAGREES")] += 1
            if other not in ("undecided", result["verdict"]):
                yield "engine %s says %s, bound %s" % (engine, other, result["verdict"])
        if kind not in ("forall", "exists"):
            return
        predicate = re.sub(r"^prove exists (.*) : ", r"forall \1 prove not (", claim) + ")" if kind == "exists" else claim
        word = z3_says(folder, predicate, 2)
        exact = "perhaps" not in open(os.path.join(folder, "z3.smt2")).read()
        holds = (result["verdict"] == "proved") == (kind == "forall")
        if (word == "unsat" and not holds) or (word == "sat" and exact and holds):
            yield "Z3 says %s, bound %s" % (word, result["verdict"])
    return all_complaints


def smooth_claims():
    kinds = smooth.ENTRYWISE + smooth.OTHERS
    for k in range(a.smooth):
        rng = random.Random(a.seed * 5003 + k)
        net = smooth.network(a.seed * 3001 + k, kinds[k % len(kinds)], mixed=rng.random() < 0.2)
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "m.net"), net.text())
            of_products = kinds[k % len(kinds)] in ("mul", "square")
            kind, claim, complaints = smooth.Claims(a.seed * 9001 + k, net).claim()
            examine(folder, "smooth " + kind, claim, others_say(folder, of_products, kind, claim, complaints) if k % 2 or of_products else complaints, rng)
    for complaint in smooth.functions(a.seed):
        wrong(complaint, "")


def more_inputs():
    """Twelve units on four inputs: smallest values are found, also where the search first meets points at which the claim holds with next to no slack."""
    global passed
    for k in range(3):
        net = smooth.network(a.seed * 4001 + k, "gelu" if k else "tanh", inputs=4, hidden=12)
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "m.net"), net.text())
            claim = "minimize x in box({0, 0, 0, 0}, {1, 1, 1, 1}) : output(N, x)[0] - max(output(N, x)[1], output(N, x)[2]) within 1/2"
            c = verify(a.build, write_claims(folder, [claim], HEAD), timeout=120)[2]["c0"]
        rng = random.Random(k)
        least = min(o[0] - max(o[1:]) for o in (net.run([tuple(rng.random() if rng.random() < 0.5 else float(rng.randrange(2)) for _ in range(4))])["logits"][0] for _ in range(2000)))
        passed += 1
        if c["verdict"] != "bounded" or not c["lo"] <= least + 1e-9 or c["hi"] - c["lo"] > 0.5:
            wrong("four inputs: %s, sampled %.6f" % (c, least), net.text()[:80])


def false_steps():
    """The steps of a proved claim under a claim that is false: neither checker may accept."""
    global passed
    net = network(77, 2, (4, 4))
    with tempfile.TemporaryDirectory() as folder:
        write(os.path.join(folder, "m.net"), net.text())
        claim = "forall x in box({-1, -1}, {1, 1}) prove output(N, x)[0] < %s"
        bounds = {}
        for value in range(-40, 200, 4):
            found = verify(a.build, write_claims(folder, [("c", claim % value)], HEAD), "--certificates", os.path.join(folder, "b"))[2]
            bounds[value] = found["c"]["verdict"]
            if bounds[value] == "proved":
                break
        text = open(os.path.join(folder, "b", "c.cert")).read()
        for other in sorted(bounds):
            if bounds[other] == "proved":
                continue
            old, new = "< %d\n" % value, "< %d\n" % other
            write(os.path.join(folder, "b", "m.cert"), resealed(text.replace(old, new)))
            both = statuses(a.build, os.path.join(folder, "b", "m.cert"))
            passed += 1
            if old not in text or both != (1, 1):
                wrong("false claim with the steps of a true one: %d, %d" % both, "%s < %d" % (bounds[other], other))


def hand_made_steps():
    """Certificates by hand, all given to each checker at once."""
    global passed
    cases = list(hand_made.cases())
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(cases):
            for ending, text in zip(("net", "cert"), case.texts()):
                with open(os.path.join(folder, "%d.%s" % (i, ending)), "w") as f:
                    f.write(text)
        for name, words in zip(("C", "Python"), checkers(a.build)):
            p = subprocess.run(words + ["--quiet"] + ["%d.cert" % i for i in range(len(cases))], cwd=folder, capture_output=True, text=True, timeout=120)
            rejected = set(map(int, re.findall(r"^rejected (\d+)\.cert: ", p.stdout + p.stderr, re.M)))
            if p.returncode != 1:
                wrong("exit status %d of the checker in %s" % (p.returncode, name), "hand-made certificates")
            for i, case in enumerate(cases):
                passed += 1
                if (i in rejected) == case.accepted:
                    wrong("hand-made certificate %s by the checker in %s" % ("rejected" if case.accepted else "accepted", name), case.texts()[1][:600])


def ties():
    """The claims of hand-made certificates that hold have these verdicts by the engine too, also where values are equal to a limit or to each other."""
    global passed
    for case in [*hand_made.verdicts(), *hand_made.rows()]:
        if not case.accepted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "m.net"), case.texts()[0])
            claim = case.statement.replace("\n| ", " ")
            verdict = verify(a.build, write_claims(folder, [("c", claim)], HEAD), "--engine", "bound", timeout=60)[2]["c"]["verdict"]
        passed += 1
        if verdict != case.verdict.split()[0]:
            wrong("engine bound says %s, not %s" % (verdict, case.verdict.split()[0]), case.statement)


def beyond_doubles():
    """Boxes and widths that doubles do not hold: verdicts, no signal."""
    global passed
    for net in (network(5, 2, (4,)), smooth.network(3, "tanh", inputs=2, hidden=3)):
        with tempfile.TemporaryDirectory() as folder:
            write(os.path.join(folder, "m.net"), net.text())
            for within in ("1e400", "1e-400"):
                for box in ("box({-1, -1}, {1, 1})", "box({-1e300, -1}, {1e300, 1})", "box({-1e400, 0}, {1e400, 0})", "box({0, 0}, {0, 0})"):
                    claims = ["minimize x in %s : output(N, x)[0] within %s" % (box, within), "forall x in %s prove output(N, x)[0] < 1e9" % box, "prove exists x in %s : output(N, x)[0] - output(N, x)[1] > 1e-300" % box]
                    status, output, found = verify(a.build, write_claims(folder, claims, HEAD), "--timeout", "2", timeout=120)
                    passed += 1
                    if not 0 <= status < 3 or any("did not accept" in str(c.get("reason")) for c in found.values()):
                        wrong("exit status %d" % status, "%s within %s" % (box, within), output[:300])


random_claims()
smooth_claims()
more_inputs()
beyond_doubles()
false_steps()
hand_made_steps()
ties()
for what, n in sorted(seen.items()):
    print("%6d %s" % (n, what))
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
