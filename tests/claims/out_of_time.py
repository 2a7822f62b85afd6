"""Time that is up is never "there is none": python tests/claims/out_of_time.py BUILD

Claims for every engine are decided in full, and then again with so little time that the search stops at its start, or somewhere on its way. A verdict must be the full one or undecided, no certificate may
have been refused by the checker (what an engine gives out for shown when it had stopped looking), and the interval of an undecided claim must contain what the full run found.
"""
import os
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(HERE, x) for x in ("..", "../bound", "../reference")]
from boxes import network        # noqa: E402
from decided import decide       # noqa: E402
from tally import check, finish  # noqa: E402

BUILD = sys.argv[1]
TIMES = ["0.001", "0.004", "0.02"]
MODELS = {"M": "examples/max4_s123.safetensors", "C": "examples/cumsum12_s1.pt"}
LEAD = "logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..63 where j != max(t) }"
D, SMALL = "t in tokens[4] of 0..63", "t in tokens[4] of 0..7"
BOX = "box({%s}, {%s})" % (", ".join(["-1/2"] * 6), ", ".join(["1/2"] * 6))
CLAIMS = [
    ("separable", "count %s : argmax(logits(M, t)[last]) == max(t)" % D),
    ("separable", "list %s : argmax(logits(M, t)[last]) != max(t)" % SMALL),
    ("separable", "minimize %s : %s" % (D, LEAD)),
    ("separable", "forall %s where t[0] > 50 prove argmax(logits(M, t)[last]) == max(t)" % D),
    ("separable", "prove exists %s where t[0] > 40 : logits(M, t)[last, 0] > 45" % D),
    ("enumerate", "minimize %s : %s" % (SMALL, LEAD)),
    ("enumerate", "prove exists %s : logits(M, t)[last, 0] > 100" % SMALL),
    ("cells", "forall t in tokens[12] of 0..10 where t[0] == 3 let s = sum{ t[i] - 5 : i in 0..6 } prove argmax(logits(C, t)[6]) == if s < 0 then 0 else if s == 0 then 1 else 2"),
    ("bound", "forall x in " + BOX + " prove output(N, x)[0] - output(N, x)[1] > %s"),
    ("bound", "prove exists x in " + BOX + " : output(N, x)[0] - output(N, x)[1] < %s"),
    ("bound", "minimize x in " + BOX + " : output(N, x)[0] - output(N, x)[1] within 1/16"),
]


def decided(folder, claims, *options):
    """The results by number."""
    models = "".join('model %s = "%s"\n' % (n, os.path.abspath(os.path.join(ROOT, p))) for n, p in MODELS.items()) + 'model N = "N.net"\n'
    found = decide(BUILD, folder, [("c%d" % i, "%s engine %s" % (text, engine)) for i, engine, text in claims], *options, head=models)
    return {int(name[1:]): c for name, c in found.items()}


def ends(r):
    """What is known of the number or value: (least, largest), None where nothing is."""
    if "number_lo" in r:
        return Fraction(r["number_lo"]), Fraction(r["number_hi"])
    return tuple(Fraction(r[k + "_exact"]) if k + "_exact" in r else None for k in ("lo", "hi"))


def agrees(full, r):
    """Does an interval that is left when time is up contain what the full run found?"""
    (a, b), (lo, hi) = ends(full), ends(r)
    return r["kind"] == "prove" or a is None or ((lo is None or lo <= b) and (hi is None or hi >= a))


def main():
    folder = tempfile.mkdtemp()
    net = network(5, inputs=6, hidden=(9, 9), outputs=2)
    with open(os.path.join(folder, "N.net"), "w") as f:
        f.write(net.text())
    value = ends(decided(folder, [(0, "bound", next(text for _, text in CLAIMS if text.startswith("minimize x")))])[0])
    claims = [(i, engine, text % (value[0] - Fraction(1, 8)) if "%s" in text else text) for i, (engine, text) in enumerate(CLAIMS)]
    full = decided(folder, claims)
    for i, engine, text in claims:
        check(i in full and full[i]["verdict"] not in ("undecided", "error", "vacuous"), "%s: %s %s" % (text, full.get(i, {}).get("verdict"), full.get(i, {}).get("reason")))
    stopped = 0
    for seconds in TIMES:
        for i, r in decided(folder, claims, "--timeout", seconds).items():
            where = "%s s, %s: " % (seconds, claims[i][2])
            stopped += r["verdict"] == "undecided"
            check(r["verdict"] in ("undecided", full[i]["verdict"]), where + "%s, in full %s" % (r["verdict"], full[i]["verdict"]))
            check("did not accept" not in (r.get("reason") or "") and not r.get("refused"), where + "the checker refused: %s" % (r.get("reason") or r.get("refused")))
            check(agrees(full[i], r), where + "%s does not contain %s" % (ends(r), ends(full[i])))
    check(stopped >= 10, "only %d runs were stopped" % stopped)
    finish()


if __name__ == "__main__":
    main()
