"""radius(M, x) of random bilinear networks of dimension 2 to 8 against dense rays and against Z3's decision procedure for polynomials.

    python tests/peers/radius_z3.py BUILD [NETWORKS]

500 networks by default. Rays: along many directions the first other answer, which must not come before the lower end. Z3 (when it is there): no vector
within the lower end makes another output as large, some vector within the upper end does; where it gives up within 0.3 seconds it says nothing.
"""
import os
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference"), os.path.join(HERE, "..", "quadratic")]
from bilinear import random_net, sampled_radius  # noqa: E402
from tally import check, finish  # noqa: E402

try:
    import z3
except ImportError:
    z3 = None

BUILD, NETWORKS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
MILLISECONDS = 300


def number(x):
    return z3.Q(x.numerator, x.denominator)


def polynomials(net, x, u):
    """The outputs at x + u as Z3 terms."""
    v = [number(Fraction(a)) + b for a, b in zip(x, u)]

    def times(w, m, add):
        return [z3.Sum([a * number(Fraction(row[j])) for a, row in zip(w, m)] + [number(Fraction(add[j]))]) for j in range(len(add))]
    out = times([a * b for a, b in zip(times(v, net.L, net.l), times(v, net.R, net.r))], net.P, net.b)
    return [a + b for a, b in zip(out, times(v, net.S, [0] * net.k))] if net.S else out


def z3_says(net, x, a, radius):
    """Is there a vector within the radius at which another output is as large? z3.sat, unsat or unknown."""
    u = [z3.Real("u%d" % i) for i in range(net.n)]
    y = polynomials(net, x, u)
    s = z3.Tactic("qfnra-nlsat").solver()
    s.set("timeout", MILLISECONDS)
    s.add(z3.Sum([b * b for b in u]) <= number(radius * radius), z3.Or([y[k] >= y[a] for k in range(net.k) if k != a]))
    return s.check()


def main():
    rng = random.Random(2026)
    cases, claims, answers = [], ["claims 1"], {"sat": 0, "unsat": 0, "unknown": 0}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(NETWORKS):
            net = random_net(rng, 2 + i % 7)
            x = [Fraction(rng.randint(-16, 16), rng.choice((8, 12))) for _ in range(net.n)]
            with open("%s/n%d.net" % (folder, i), "w") as f:
                f.write(net.text())
            claims += ['model M%d = "n%d.net"' % (i, i), "claim c%d { prove radius(M%d, {%s}) >= -1 }" % (i, i, ", ".join(map(str, x)))]
            cases.append((net, x))
        with open(folder + "/all.claims", "w") as f:
            f.write("\n".join(claims) + "\n")
        done = subprocess.run([BUILD + "/weightproof", "verify", folder + "/all.claims", "--certificates", folder + "/certificates"], capture_output=True, text=True)
        check("%d claims: %d proved; %d certificates accepted" % (NETWORKS, NETWORKS, NETWORKS) in done.stdout, done.stdout[-500:] + done.stderr[-500:])
        widest = 0
        for i, (net, x) in enumerate(cases):
            with open("%s/certificates/c%d.cert" % (folder, i)) as f:
                lo, hi = map(Fraction, re.search(r"^radius M%d \* \S+ (\S+) (\S+) " % i, f.read(), re.M).groups())
            y = net.value(x)
            a = y.index(max(y))
            if sorted(y)[-1] == sorted(y)[-2]:
                check(hi == 0, "network %d: a tie at distance [%g, %g]" % (i, lo, hi))
                continue
            rays = sampled_radius(random.Random(i), net, x, a)
            check(lo <= rays * (1 + 1e-9), "network %d: a ray ends at %g, before %g" % (i, rays, lo))
            check(net.n > 2 or hi <= rays * 1.001 or hi >= 2 ** 64, "network %d: no ray ends before %g, and the distance is said to be at most %g" % (i, rays, hi))
            if hi < 2 ** 64:
                widest = max(widest, float((hi - lo) / hi))
            if z3:
                inside, there = z3_says(net, x, a, lo), z3_says(net, x, a, hi) if hi < 2 ** 64 else z3.unknown
                check(inside != z3.sat, "network %d: Z3 has another answer within %g" % (i, lo))
                check(there != z3.unsat, "network %d: Z3 shows that there is none within %g" % (i, hi))
                for answer in (inside, there):
                    answers[str(answer)] += 1
    check(widest <= 1e-6, "relative width %g" % widest)
    print("%d networks, widest %.1e; Z3: %s" % (NETWORKS, widest, answers if z3 else "is not installed"))
    finish()


if __name__ == "__main__":
    main()
