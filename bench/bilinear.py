"""Distances to other answers of bilinear networks: certified exactly, beside what interval bounds certify and what a gradient attack finds.

    python bench/bilinear.py BUILD [--only digits|bias|residual|embedding|wide] [--lirpa PYTHON]

digits: examples/bilinear_digits_s0 and its 397 pictures. bias, residual, embedding: networks trained here on half of these pictures, measured on the other
half. For these the distance among pictures with pixels in [0, 1] stands beside it. --lirpa: a Python with torch and auto_LiRPA, for its bounds (bilinear_lirpa.py). wide: 784 inputs, 512 hidden units, trained here on synthetic pictures; one input against nine rivals. For every input
interval, CROWN <= certified upper end, certified lower end <= attack, and lower end <= upper end in the box must hold, and every upper end must have a point at which the answer is another one,
in exact arithmetic: otherwise the script ends with status 1. Needs numpy.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.abspath(sys.argv[1])
ONLY = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
LIRPA = sys.argv[sys.argv.index("--lirpa") + 1] if "--lirpa" in sys.argv else ""
RADII = (0.1, 0.2, 0.4)
bad = 0


def complain(condition, what):
    global bad
    if not condition:
        bad += 1
        print("WRONG " + what)


# networks: output = ((x E L + l) o (x E R + r)) P + x E S + b

class Network:
    def __init__(self, rng, n, hidden, embed=0, residual=False, bias=False, outputs=10):
        width = embed or n

        def draw(a, b, size):
            return rng.normal(0, size, (a, b)).astype(np.float32)
        self.p = {"L": draw(width, hidden, width ** -0.5), "R": draw(width, hidden, width ** -0.5), "P": draw(hidden, outputs, hidden ** -0.5)}
        if embed:
            self.p["E"] = draw(n, embed, n ** -0.5)
        if residual:
            self.p["S"] = draw(width, outputs, 0.1 * width ** -0.5)
        if bias:
            self.p.update(l=np.zeros((1, hidden), np.float32), r=np.zeros((1, hidden), np.float32), b=np.zeros((1, outputs), np.float32))
        self.n = n

    def forward(self, x):
        p = self.p
        e = x @ p["E"] if "E" in p else x
        u, v = e @ p["L"] + p.get("l", 0), e @ p["R"] + p.get("r", 0)
        out = (u * v) @ p["P"] + p.get("b", 0)
        return e, u, v, out + e @ p["S"] if "S" in p else out

    def gradients(self, x, y):
        p = self.p
        e, u, v, o = self.forward(x)
        q = np.exp(o - o.max(1, keepdims=True))
        q /= q.sum(1, keepdims=True)
        q[np.arange(len(y)), y] -= 1
        q /= len(y)
        m = q @ p["P"].T
        du, dv = m * v, m * u
        g = {"P": (u * v).T @ q, "L": e.T @ du, "R": e.T @ dv}
        de = du @ p["L"].T + dv @ p["R"].T
        if "S" in p:
            g["S"] = e.T @ q
            de = de + q @ p["S"].T
        if "E" in p:
            g["E"] = x.T @ de
        if "b" in p:
            g.update(b=q.sum(0, keepdims=True), l=du.sum(0, keepdims=True), r=dv.sum(0, keepdims=True))
        return g

    def train(self, x, y, steps, rng, rate=3e-3, decay=0.05):
        first, second = {k: 0 for k in self.p}, {k: 0 for k in self.p}
        for t in range(1, steps + 1):
            some = rng.integers(0, len(x), min(256, len(x)))
            for k, g in self.gradients(x[some], y[some]).items():
                first[k] = 0.9 * first[k] + 0.1 * g
                second[k] = 0.99 * second[k] + 0.01 * g * g
                self.p[k] = (self.p[k] * (1 - rate * decay) - rate * first[k] / (1 - 0.9 ** t) / (np.sqrt(second[k] / (1 - 0.99 ** t)) + 1e-8)).astype(np.float32)

    def write(self, path):
        p, tensors = self.p, dict(self.p)
        e = "e" if "E" in p else "x"
        bias = {k: " " + k if k in p else "" for k in "lrb"}
        nodes = ["x input"] + (["e linear x E"] if "E" in p else []) + ["u linear %s L%s" % (e, bias["l"]), "v linear %s R%s" % (e, bias["r"]), "m mul u v", "p linear m P%s" % bias["b"]]
        if "S" in p:
            nodes += ["s linear %s S" % e, "out add p s"]
        with open(path, "w") as f:
            f.write("weightproof-net 1\nreals %d 1\nmask none\neps 0\n" % self.n)
            for name in sorted(tensors):
                rows = tensors[name]
                f.write("tensor %s %s%d\n" % (name, "" if name in "lrb" else "%d " % len(rows), rows.shape[1]))
                for row in rows:
                    f.write(" ".join(number(float(x)) for x in row) + "\n")
            f.write("".join("node %s\n" % x for x in nodes) + "output %s\nend\n" % nodes[-1].split()[0])

    def forms(self):
        """[outputs, n, n], [outputs, n], [outputs]: quadratic, linear and constant parts in doubles."""
        p = {k: v.astype(float) for k, v in self.p.items()}
        E = p.get("E", np.eye(self.n))
        L, R, l, r = E @ p["L"], E @ p["R"], p.get("l", np.zeros((1, len(p["P"]))))[0], p.get("r", np.zeros((1, len(p["P"]))))[0]
        Q = np.stack([(L * w) @ R.T for w in p["P"].T])
        g = np.stack([(L * w) @ r + (R * w) @ l for w in p["P"].T])
        if "S" in p:
            g = g + (E @ p["S"]).T
        return (Q + Q.transpose(0, 2, 1)) / 2, g, (l * r) @ p["P"] + p.get("b", np.zeros((1, len(g))))[0]

    def exact(self, x):
        """The outputs at a vector of fractions."""
        p = {k: [[Fraction(float(a)) for a in row] for row in v] for k, v in self.p.items()}

        def times(v, m):
            return [sum((a * row[j] for a, row in zip(v, m) if a), Fraction(0)) for j in range(len(m[0]))]
        e = times(x, p["E"]) if "E" in p else x
        u, v = times(e, p["L"]), times(e, p["R"])
        if "l" in p:
            u, v = [a + b for a, b in zip(u, p["l"][0])], [a + b for a, b in zip(v, p["r"][0])]
        out = times([a * b for a, b in zip(u, v)], p["P"])
        if "b" in p:
            out = [a + b for a, b in zip(out, p["b"][0])]
        return [a + b for a, b in zip(out, times(e, p["S"]))] if "S" in p else out


def number(x):
    if x == 0:
        return "0"
    head, exponent = x.hex().replace("0x1.", "0x1|").split("p")
    one, _, rest = head.partition("|")
    rest = rest.rstrip("0")
    return one + ("." + rest if rest else "") + "p%d" % int(exponent)


def digits_network():
    """examples/bilinear_digits_s0.safetensors"""
    with open(ROOT + "/examples/bilinear_digits_s0.safetensors", "rb") as f:
        data = f.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    t = {}
    for name, x in header.items():
        if name != "__metadata__":
            a, b = x["data_offsets"]
            t[name] = np.frombuffer(data[8 + size + a:8 + size + b], np.float32).reshape(x["shape"])
    net = Network(np.random.default_rng(0), 64, 2)
    net.p = {"L": t["w_l"].T, "R": t["w_r"].T, "P": t["w_u"].T}
    return net


# what others certify or find, in doubles

def interval_radius(net, x, a):
    """The largest l2 radius at which intervals of the hidden products, of the linear part and of each output's difference show the answer, by bisection."""
    p = {k: v.astype(float) for k, v in net.p.items()}
    E = p.get("E", np.eye(net.n))
    L, R = E @ p["L"], E @ p["R"]
    u, v = x @ L + p.get("l", np.zeros((1, 1)))[0], x @ R + p.get("r", np.zeros((1, 1)))[0]
    nl, nr = np.linalg.norm(L, axis=0), np.linalg.norm(R, axis=0)
    D = p["P"][:, [a]] - np.delete(p["P"], a, 1)
    S = E @ (p["S"][:, [a]] - np.delete(p["S"], a, 1)) if "S" in p else np.zeros((net.n, D.shape[1]))
    b = p.get("b", np.zeros((1, D.shape[1] + 1)))[0]
    b = b[a] - np.delete(b, a)

    def holds(r):
        ends = np.stack([(u + s * r * nl) * (v + t * r * nr) for s in (-1, 1) for t in (-1, 1)])
        lo, hi = ends.min(0), ends.max(0)
        return (np.where(D > 0, D * lo[:, None], D * hi[:, None]).sum(0) + x @ S - r * np.linalg.norm(S, axis=0) + b > 0).all()
    low, high = 0.0, 4.0
    for _ in range(40):
        mid = (low + high) / 2
        low, high = (mid, high) if holds(mid) else (low, mid)
    return low * (1 - 1e-9)


def to_plane(grad, want, low, high):
    """The shortest u of the box with grad u <= want, or the best there is: clip(-mu grad) for some mu, by halving."""
    least, most = 0.0, 1.0
    for _ in range(60):
        if grad @ np.clip(-most * grad, low, high) <= want:
            break
        most *= 4
    for _ in range(40):
        mid = (least + most) / 2
        least, most = (least, mid) if grad @ np.clip(-mid * grad, low, high) <= want else (mid, most)
    return np.clip(-most * grad, low, high)


def attack_radius(Q, g, c, x, a, rng, boxed=False):
    """The shortest of many descents: from random starts the nearest point of the linearised boundary (in the box [0, 1]: of the part in it), again and again, then moved beyond it."""
    best, low, high = np.inf, -x, 1 - x
    for k in range(len(Q)):
        if k == a:
            continue
        A, d, m = Q[a] - Q[k], g[a] - g[k] + 2 * (Q[a] - Q[k]) @ x, x @ (Q[a] - Q[k]) @ x + (g[a] - g[k]) @ x + c[a] - c[k]
        for start in range(2 if boxed else 4):
            u = np.zeros(len(x)) if start == 0 else rng.normal(0, 0.3 / len(x) ** 0.5, len(x))
            for _ in range(40 if boxed else 60):
                value, grad = m + d @ u + u @ A @ u, d + 2 * A @ u
                to = to_plane(grad, grad @ u - value, low, high) if boxed else (grad @ u - value) / (grad @ grad) * grad
                u = 0.5 * u + 0.5 * to
            for beyond in (1e-9, 1e-7, 1e-5, 1e-3, 1e-2):
                w = np.clip(u - beyond * np.linalg.norm(u) / np.linalg.norm(grad) * grad, low, high) if boxed else u * (1 + beyond)
                if m + d @ w + w @ A @ w < -1e-13 * abs(m):
                    best = min(best, np.linalg.norm(w))
                    break
    return best


# weightproof

def write_array(path, x):
    np.save(path, x)


def certified(folder, net_path, x, which, box=""):
    """[(lo, hi, u)] for the rows, seconds to prove and to check."""
    write_array(folder + "/x.npy", x)
    claims = 'claims 1\nmodel M = "%s"\ndata X = "x.npy"\nclaim nearest { minimize r in %s : radius(M, X[r]%s) within 2e-6 }\n' % (os.path.basename(net_path), which, box)
    with open(folder + "/c.claims", "w") as f:
        f.write(claims)
    begin = time.perf_counter()
    done = subprocess.run([BUILD + "/weightproof", "verify", folder + "/c.claims", "--certificates", folder + "/certificates"], capture_output=True, text=True)
    whole = time.perf_counter() - begin
    line = done.stdout.strip().splitlines()[0]
    print("  " + line)
    complain("checked" in line, done.stdout + done.stderr)
    found = {}
    with open(folder + "/certificates/nearest.cert") as f:
        for words in re.findall(r"^radius M \* (\S+)(?: in \S+ \S+)? (\S+) (\S+) (\S+)", f.read(), re.M):
            u = None if words[3] == "-" else [Fraction(a) for a in words[3].split(",")]
            found[tuple(Fraction(a) for a in words[0].split(","))] = Fraction(words[1]), Fraction(words[2]), u
    times = re.search(r"([0-9.]+) s \+ ([0-9.]+) s", line)
    return found, float(times.group(1)), float(times.group(2)), whole


def lirpa(folder, net, x):
    """{method: radius of every input} of auto_LiRPA, and seconds; empty when it fails."""
    np.savez(folder + "/lirpa.npz", x=x, **net.p)
    begin = time.perf_counter()
    done = subprocess.run([LIRPA, HERE + "/bilinear_lirpa.py", folder + "/lirpa.npz", folder + "/out.npz"], capture_output=True, text=True)
    if done.returncode:
        print("  auto_LiRPA: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
        return {}, 0
    return dict(np.load(folder + "/out.npz")), time.perf_counter() - begin


def measure(name, net, x, which="rows(X)"):
    print("%s: %s" % (name, ", ".join("%s %s" % (k, "x".join(map(str, v.shape))) for k, v in sorted(net.p.items()))))
    with tempfile.TemporaryDirectory() as folder:
        net.write(folder + "/m.net")
        found, prove, check, _ = certified(folder, folder + "/m.net", x, which)
        inside, prove_in, check_in, _ = certified(folder, folder + "/m.net", x, which, ", 0, 1") if which == "rows(X)" else (None, 0, 0, 0)
        peer, peer_seconds = lirpa(folder, net, x) if LIRPA and which == "rows(X)" else ({}, 0)
    rng, (Q, g, c) = np.random.default_rng(1), net.forms()
    rows, gaps, boxed = [], [], []
    for i, row in enumerate(x if which == "rows(X)" else x[:1]):
        key = tuple(Fraction(float(a)) for a in row)
        lo, hi, u = found[key]
        value = net.exact(list(key)) if u is not None else None
        if u is not None:
            there = net.exact([a + b for a, b in zip(key, u)])
            a = value.index(max(value))
            complain(any(there[k] >= there[a] for k in range(len(there)) if k != a) and sum(b * b for b in u) <= hi * hi, "%s: the point of an upper end" % name)
            gaps.append(float((hi - lo) / hi))
        a = int(np.argmax(net.forward(row[None].astype(float))[3][0]))
        for method, radii in peer.items():
            complain(radii[i] <= float(hi) * (1 + 1e-4), "%s: %s certifies %g, an input at %g is answered otherwise" % (name, method, radii[i], hi))
        if inside:
            low, high, w = inside[key]
            there = net.exact([p + q for p, q in zip(key, w)]) if w is not None and i % 10 == 0 else None     # both checkers test them all
            complain(there is None or (all(0 <= p + q <= 1 for p, q in zip(key, w)) and max(there) >= there[a] and any(there[k] >= there[a] for k in range(len(there)) if k != a) and sum(q * q for q in w) <= high * high),
                     "%s: the point of an upper end in the box" % name)
            found_in = attack_radius(Q, g, c, row.astype(float), a, rng, True)
            complain(lo * (1 - Fraction(1, 10 ** 6)) <= high and low <= found_in * (1 + 1e-9), "%s: in the box [%g, %g], without it [%g, %g], attack %g" % (name, low, high, lo, hi, found_in))
            boxed.append((float(low), float(high), found_in))
        begin = time.perf_counter()
        within = interval_radius(net, row.astype(float), a)
        mid = time.perf_counter()
        outside = attack_radius(Q, g, c, row.astype(float), a, rng)
        rows.append((within, float(lo), float(hi), outside, mid - begin, time.perf_counter() - mid))
        complain(within <= hi and lo <= outside * (1 + 1e-9), "%s: interval %g, certified [%g, %g], attack %g" % (name, within, lo, hi, outside))
    t = np.array(rows)
    print("  %d inputs; relative width: median %.1e, largest %.1e; prove %.2f s, check %.2f s" % (len(t), np.median(gaps), max(gaps), prove, check))
    print("  %-22s %10s %s %9s" % ("", "median", " ".join("robust at %-5g" % r for r in RADII), "seconds"))
    def line(label, radii, seconds):
        print("  %-22s %10.6f %s %9.2f" % (label, np.median(radii), " ".join("%-15d" % (np.array(radii) >= r * (1 - 1e-6)).sum() for r in RADII), seconds))
    for method, radii in peer.items():
        line("auto_LiRPA " + method, radii, peer_seconds / len(peer))
    for label, column, seconds in (("interval bounds", 0, t[:, 4].sum()), ("certified", 1, prove + check), ("attack, not refuted", 3, t[:, 5].sum())):
        line(label, t[:, column], seconds)
    if boxed:
        line("certified, in [0, 1]", [b[0] for b in boxed], prove_in + check_in)
        line("attack, in [0, 1]", [b[2] for b in boxed], 0)
        print("  in [0, 1]: relative width at most %.1e; %.3f times as far as without the box in the median" % (max((b[1] - b[0]) / b[1] for b in boxed), np.median([b[0] for b in boxed] / t[:, 1])))
    print("  the attack's distance is within 1e-6 of the certified one for %d of %d inputs, and up to %.3f times as far" % ((t[:, 3] <= t[:, 2] * (1 + 1e-6)).sum(), len(t), (t[:, 3] / t[:, 2]).max()))


def pictures(rng, count):
    """Synthetic 28x28 pictures: ten smooth prototypes, shifted, scaled and with noise; multiples of 1/256."""
    shapes = rng.normal(0, 1, (10, 28, 28))
    for _ in range(6):
        shapes = sum(np.roll(shapes, s, axis) for s in (-1, 0, 1) for axis in (1, 2)) / 6
    shapes = np.clip(0.5 + shapes / shapes.std() / 3, 0, 1)
    y = rng.integers(0, 10, count)
    x = np.stack([np.roll(shapes[k], tuple(rng.integers(-2, 3, 2)), (0, 1)) * rng.uniform(0.6, 1) for k in y]) + rng.normal(0, 0.05, (count, 28, 28))
    return (np.clip(np.round(x * 256), 0, 256) / 256).reshape(count, 784).astype(np.float32), y


def main():
    x, y = np.load(ROOT + "/examples/digits_x.npy").astype(np.float32), np.load(ROOT + "/examples/digits_y.npy").astype(int)
    for name, options in (("digits", None), ("bias", {"bias": True}), ("residual", {"residual": True}), ("embedding", {"embed": 24})):
        if ONLY not in ("", name):
            continue
        if options is None:
            measure(name, digits_network(), x)
            continue
        rng = np.random.default_rng(0)
        net = Network(rng, 64, 32, **options)
        net.train(x[:200], y[:200], 600, rng)
        print("%s: answers %d of the 197 other pictures as they are" % (name, (net.forward(x[200:])[3].argmax(1) == y[200:]).sum()))
        measure(name, net, x[200:])
    if ONLY in ("", "wide"):
        rng = np.random.default_rng(0)
        x, y = pictures(rng, 1500)
        net = Network(rng, 784, 512)
        net.train(x[:1000], y[:1000], 60, rng, rate=1e-3)
        print("wide: answers %d of 500 other pictures as they are" % (net.forward(x[1000:])[3].argmax(1) == y[1000:]).sum())
        measure("wide", net, x[1000:1001], "0..0")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
