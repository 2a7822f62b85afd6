"""What checking costs beside proving, in processor time, which does not depend on what else the machine does.

    python bench/checking.py BUILD [FILE.claims] [--only NAME] [--md]

Every claim of the file (without it: of bench/checking.claims) is decided in a process of its own, and its certificate checked again in another one. Proving is the first less the second: reading the model and
starting up stand on both sides. A mark stands where checking takes more than twice the proving (proofs by enumeration: ten times), and more than a tenth of a second.
"""
import json
import os
import re
import sys
import tempfile

import processor

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = [a for a in sys.argv[2:] if a.endswith(".claims")]
BUILD, FILE = os.path.abspath(sys.argv[1]), FLAGS[0] if FLAGS else os.path.join(HERE, "checking.claims")
ONLY = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
MOST, LEAST = {"enumerate": 10, "point": 10}, 0.1


def rows(name):
    with tempfile.TemporaryDirectory() as folder:
        bundle, out = os.path.join(folder, "b"), os.path.join(folder, "a.json")
        whole = processor.of(BUILD + "/weightproof", "verify", FILE, "--only", name, "--json", out, "--certificates", bundle, good=(0, 1, 2))[0]     # refuted, undecided
        for c in json.load(open(out))["claims"]:
            check = processor.of(BUILD + "/weightproof-check", "--quiet", os.path.join(bundle, c["certificate"]))[0] if c.get("certificate") else 0.0
            yield c, whole - check, check


def main():
    claims = re.findall(r"^claim (\w+)", open(FILE).read(), re.M)
    for name in claims:
        if ONLY and ONLY not in name:
            continue
        for c, prove, check in rows(name):
            most = MOST.get(c.get("rule"), 2)
            over = check > max(most * prove, LEAST)
            shape = "| %s | %s, %s | %.2f | %.2f | %.1f%s |" if "--md" in sys.argv else "%-28s %-9s %-10s prove %7.2f s  check %7.2f s  %5.1fx%s"
            print(shape % (c["name"], c["verdict"], c.get("rule") or "-", prove, check, check / max(prove, 0.01), " (more than %dx!)" % most if over else ""), flush=True)


if __name__ == "__main__":
    main()
