"""radius(M, x) of random bilinear networks of dimension 2 to 8 against dense rays and against Z3's decision procedure for polynomials.

    python tests/peers/radius_z3.py BUILD [NETWORKS]

500 networks by default. Rays: along many directions, ever denser around the best, the first other answer, which must not come before the lower end and comes
at the upper end in nearly all networks. Z3 (when it is there): no vector within the lower end (cut to seven bits) makes another output as large, some vector within the
upper end (so rounded up) does. It has 0.6 seconds of processor time in two and three dimensions and less in more, where it hardly ever ends, in a process of its own. Where it gives
up it says nothing.
"""
import collections
import math
import multiprocessing
import os
import random
import re
import signal
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


def seconds(n):
    """Of processor time, for one question in n dimensions."""
    return 0.6 if n < 4 else 0.3 if n < 6 else 0.15


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
    s.add(z3.Sum([b * b for b in u]) <= number(radius * radius), z3.Or([y[k] >= y[a] for k in range(net.k) if k != a]))
    return str(s.check())


def answer_to(pipe, net, *more):
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds(net.n))      # ends this process
    pipe.send(z3_says(net, *more))


def z3_in_time(*arguments):
    """What z3_says, or unknown when it does not end in time."""
    here, there = multiprocessing.Pipe(False)
    worker = multiprocessing.Process(target=answer_to, args=(there, *arguments))
    worker.start()
    there.close()
    try:
        return here.recv() if here.poll(20) else "unknown"
    except EOFError:
        return "unknown"
    finally:
        worker.kill()
        worker.join()


def against_rays(i, net, x, a, lo, hi, counts):
    rays = sampled_radius(random.Random(i), net, x, a)
    check(lo <= rays * (1 + 1e-9), "network %d: a ray ends at %g, before %g" % (i, rays, lo))
    none = hi >= 2 ** 64
    check(net.n > 2 or none or rays <= hi * 1.0001, "network %d: no ray ends before %g, and the distance is said to be at most %g" % (i, rays, hi))
    counts["rays"]["none ends" if none else "agrees" if rays <= hi * 1.0001 else "only longer ones"] += 1


def short(x, up):
    """A number of seven bits below or above x > 0: Z3 seldom ends with long ones."""
    step = Fraction(2) ** (math.frexp(x)[1] - 7)
    return (math.ceil(x / step) if up else math.floor(x / step)) * step


def against_z3(i, net, x, a, lo, hi, counts):
    inside, there = z3_in_time(net, x, a, short(lo, False)), z3_in_time(net, x, a, short(hi, True)) if hi < 2 ** 64 else "unknown"
    check(inside != "sat", "network %d: Z3 has another answer within %g" % (i, lo))
    check(there != "unsat", "network %d: Z3 shows that there is none within %g" % (i, hi))
    for name, answer in (("below", inside), ("above", there)):
        counts["Z3 " + name]["no answer" if answer == "unknown" else "agrees"] += 1
    counts["Z3 both"]["agrees" if inside == "unsat" and there == "sat" else "no answer"] += 1


def main():
    rng = random.Random(2026)
    cases, claims, counts = [], ["claims 1"], collections.defaultdict(collections.Counter)
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
            widest = max(widest, float((hi - lo) / hi)) if hi < 2 ** 64 else widest
            against_rays(i, net, x, a, lo, hi, counts)
            if z3:
                against_z3(i, net, x, a, lo, hi, counts)
    check(widest <= 1e-6, "relative width %g" % widest)
    check(counts["rays"]["only longer ones"] <= NETWORKS / 20, "rays: %s" % dict(counts["rays"]))
    print("%d networks, widest %.1e; %s" % (NETWORKS, widest, "; ".join("%s: %s" % (name, ", ".join("%d %s" % (n, what) for what, n in c.items())) for name, c in counts.items())))
    if not z3:
        print("Z3 is not installed")
    finish()


if __name__ == "__main__":
    main()
