"""Bilinear networks of digits on linf balls: how many pictures are decided within a second each, beside what intervals and CROWN certify.

    python bench/bilinear_linf.py BUILD [--only NAME,...] [--lirpa PYTHON]        networks and options as in bilinear.py

For every eps one claim a picture: all points of the ball answer like its middle. Proved claims must be refuted by no descent, refuted ones certified by no
bound: otherwise the script ends with status 1. Seconds are of processor time, proving and checking together.
"""
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import bilinear
from bilinear import BUILD, LIRPA, complain, lirpa, networks_of_digits, spent
import numpy as np  # noqa: E402

EPS = ("1/50", "1/20", "1/10")


def interval_holds(net, x, a, eps):
    """Do intervals of the hidden products, of the linear part and of each output's difference show the answer?"""
    p = {k: v.astype(float) for k, v in net.p.items()}
    e, r = x, np.full(len(x), eps)
    if "E" in p:
        e, r = x @ p["E"], r @ abs(p["E"])
    u, v = e @ p["L"] + p.get("l", [[0]])[0], e @ p["R"] + p.get("r", [[0]])[0]
    du, dv = r @ abs(p["L"]), r @ abs(p["R"])
    ends = np.stack([(u + s * du) * (v + t * dv) for s in (-1, 1) for t in (-1, 1)])
    lo, hi = ends.min(0), ends.max(0)
    D = p["P"][:, [a]] - np.delete(p["P"], a, 1)
    out = np.where(D > 0, D * lo[:, None], D * hi[:, None]).sum(0)
    if "S" in p:
        S = p["S"][:, [a]] - np.delete(p["S"], a, 1)
        out = out + e @ S - r @ abs(S)
    b = p.get("b", np.zeros((1, len(p["P"][0]))))[0]
    return bool((out + b[a] - np.delete(b, a) > 1e-9).all())


def attack(Q, g, c, x, a, eps, rng):
    """Is there a point of the ball that is answered otherwise? Steps of sign gradients from several starts, then coordinate by coordinate to the corners."""
    others = np.arange(len(Q)) != a
    A, d, m = Q[a] - Q[others], g[a] - g[others], c[a] - c[others]
    u = rng.uniform(-eps, eps, (6, *d.shape))
    u[0] = 0
    for k in range(60):
        grad = d + 2 * (A @ (x + u)[..., None])[..., 0]
        u = np.clip(u - eps / (3 + k) * np.sign(grad), -eps, eps)
    points = np.concatenate([u, np.sign(u) * eps])
    y = x + points
    return bool((m + ((d + (A @ y[..., None])[..., 0]) * y).sum(-1) < -1e-9).any())


def decided(folder, x, answers, eps):
    """The verdict for every row, and seconds to prove and check all."""
    with open(folder + "/c.claims", "w") as f:
        f.write('claims 1\nmodel M = "m.net"\ndata X = "x.npy"\n' + "".join(
            "claim r%d { forall d in ball(0, %s, linf) prove argmax(output(M, X[%d] + d)) == %d timeout 1 s }\n" % (i, eps, i, a) for i, a in enumerate(answers)))
    begin = spent()
    done = subprocess.run([BUILD + "/weightproof", "verify", folder + "/c.claims"], capture_output=True, text=True)
    seconds = spent() - begin
    found = re.findall(r"^(\w+) +r\d+: .*?([0-9.]+) s \+ [0-9.]+ s\]$", done.stdout, re.M)
    complain(len(found) == len(x), "%d of %d claims have a verdict\n%s" % (len(found), len(x), done.stderr[-500:]))
    return [v for v, _ in found], seconds


def measure(name, net, x):
    rng, forms = np.random.default_rng(1), net.forms()
    answers = [int(np.argmax(row)) for row in net.forward(x.astype(float))[3]]
    with tempfile.TemporaryDirectory() as folder:
        net.write(folder + "/m.net")
        np.save(folder + "/x.npy", x)
        bounds = [float(Fraction(e)) for e in EPS]
        peer = lirpa(folder, net, x, norm=np.inf, radii=np.array(bounds))[0] if LIRPA else {}
        for text, eps in zip(EPS, bounds):
            verdicts, seconds = decided(folder, x, answers, text)
            shown = [interval_holds(net, row.astype(float), a, eps) for row, a in zip(x, answers)]
            broken = [attack(*forms, row.astype(float), a, eps, rng) for row, a in zip(x, answers)]
            crown = [bool(r >= eps) for r in peer.get("CROWN", np.zeros(len(x)))]
            for i, (v, s, b, c) in enumerate(zip(verdicts, shown, broken, crown)):
                complain(not (v == "proved" and b) and not (v == "refuted" and (s or c)), "%s, picture %d, eps %s: %s, intervals %s, CROWN %s, attack %s" % (name, i, text, v, s, c, b))
            print("| %-9s | %-5g | %3d | %3d | %3d | %9s | %3d | %3d | %7.1f |" % (name, eps, verdicts.count("proved"), verdicts.count("refuted"), len(x) - verdicts.count("proved") - verdicts.count("refuted"),
                  sum(crown) if peer else "", sum(shown), len(x) - sum(broken), seconds), flush=True)


def main():
    print("| network | eps | proved | refuted | undecided | CROWN certifies | intervals certify | attack leaves | CPU seconds |\n|" + "---|" * 9)
    for name, net, x in networks_of_digits():
        measure(name, net, x)
    return 1 if bilinear.bad else 0


if __name__ == "__main__":
    sys.exit(main())
