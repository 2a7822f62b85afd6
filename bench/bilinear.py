"""Distances to other answers of bilinear networks: certified exactly, beside what interval bounds certify and what a gradient attack finds.

    python bench/bilinear.py BUILD [--only NAME,...] [--lirpa PYTHON] [--table FILE]

NAME: digits, bias, residual, embedding, all_three, wide. digits: examples/bilinear_digits_s0 and its 397 pictures. bias, residual, embedding, all_three (with all of these): networks trained here on half of these
pictures, measured on the other half. For these the distance among pictures with pixels in [0, 1] stands beside it. --lirpa: a Python with torch and
auto_LiRPA, for its bounds (bilinear_lirpa.py). wide: 784 inputs, 512 hidden units, trained here on synthetic pictures; one input against nine rivals.
--table: the table, in Markdown. For every input interval, CROWN <= certified upper end, certified lower end <= attack, and lower end <= upper end in the box
must hold, and every upper end, in the box too, must have a point at which the answer is another one, in exact arithmetic: otherwise the script ends with
status 1. Needs numpy.
"""
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")        # one thread, so that processor time is what it takes
import numpy as np  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.abspath(sys.argv[1])
ONLY = sys.argv[sys.argv.index("--only") + 1].split(",") if "--only" in sys.argv else []
LIRPA = sys.argv[sys.argv.index("--lirpa") + 1] if "--lirpa" in sys.argv else ""
TABLE = sys.argv[sys.argv.index("--table") + 1] if "--table" in sys.argv else ""
RADII = (0.1, 0.2, 0.4)
bad, table = 0, []


def spent():
    """Seconds of processor time of this process and of those that it waited for."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def complain(condition, what):
    global bad
    if not condition:
        bad += 1
        print("WRONG " + what)


def adam(p, n, gradients, steps, rng, batch=256, rate=3e-3, decay=0.05):
    """Moves the tensors p by Adam with decoupled weight decay; gradients: of them on the rows of n that it is given."""
    first, second = dict.fromkeys(p, 0), dict.fromkeys(p, 0)
    for t in range(1, steps + 1):
        for k, g in gradients(rng.integers(0, n, min(batch, n))).items():
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.99 * second[k] + 0.01 * g * g
            p[k] = (p[k] * (1 - rate * decay) - rate * first[k] / (1 - 0.9 ** t) / (np.sqrt(second[k] / (1 - 0.99 ** t)) + 1e-8)).astype(np.float32)


def write_net(path, n, tensors, nodes):
    """A network of n real inputs whose last node is the output; a tensor of one row is a vector."""
    with open(path, "w") as f:
        f.write("weightproof-net 1\nreals %d 1\nmask none\neps 0\n" % n)
        for name, rows in sorted(tensors.items()):
            f.write("tensor %s %s%d\n" % (name, "" if len(rows) == 1 else "%d " % len(rows), rows.shape[1]))
            f.write("".join(" ".join(number(float(x)) for x in row) + "\n" for row in rows))
        f.write("".join("node %s\n" % x for x in nodes) + "output %s\nend\n" % nodes[-1].split()[0])


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
        self.n, self.whole = n, {}

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

    def train(self, x, y, steps, rng, rate=3e-3):
        adam(self.p, len(x), lambda some: self.gradients(x[some], y[some]), steps, rng, rate=rate)

    def write(self, path):
        p = self.p
        e = "e" if "E" in p else "x"
        bias = {k: " " + k if k in p else "" for k in "lrb"}
        nodes = ["x input"] + (["e linear x E"] if "E" in p else []) + ["u linear %s L%s" % (e, bias["l"]), "v linear %s R%s" % (e, bias["r"]), "m mul u v", "p linear m P%s" % bias["b"]]
        if "S" in p:
            nodes += ["s linear %s S" % e, "out add p s"]
        write_net(path, self.n, p, nodes)

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

    def integers(self):
        """Every tensor times a power of two, as integers: {name: (array of them, exponent)}."""
        if not self.whole:
            for k, v in self.p.items():
                scale = max(Fraction(float(a)).denominator for a in v.ravel())
                self.whole[k] = np.array([int(Fraction(float(a)) * scale) for a in v.ravel()], object).reshape(v.shape), scale
        return self.whole

    def exact(self, x):
        """The outputs at a vector of fractions."""
        p = self.integers()

        def affine(v, den, weights, bias=None):        # (v / den) W + b over one denominator
            w, scale = p[weights]
            out, den = v.dot(w), den * scale
            if bias is None or bias not in p:
                return out, den
            b, other = p[bias]
            return out * other + b[0] * den, den * other
        den = math.lcm(*(a.denominator for a in x))
        e, den = np.array([int(a * den) for a in x], object), den
        if "E" in p:
            e, den = affine(e, den, "E")
        (u, du), (v, dv) = affine(e, den, "L", "l"), affine(e, den, "R", "r")
        out, scale = affine(u * v, du * dv, "P", "b")
        out = [Fraction(a, scale) for a in out]
        if "S" not in p:
            return out
        s, scale = affine(e, den, "S")
        return [a + Fraction(b, scale) for a, b in zip(out, s)]


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


def to_planes(grad, want, low, high):
    """For every row the shortest u of the box with grad u <= want, or the best there is: clip(-mu grad) for some mu, by halving."""
    def beyond(mu):
        return (grad * np.clip(-mu[..., None] * grad, low, high)).sum(-1) > want
    least, most = np.zeros(want.shape), np.ones(want.shape)
    for _ in range(60):
        far = beyond(most)
        if not far.any():
            break
        most = np.where(far, 4 * most, most)
    for _ in range(40):
        mid = (least + most) / 2
        far = beyond(mid)
        least, most = np.where(far, mid, least), np.where(far, most, mid)
    return np.clip(-most[..., None] * grad, low, high)


def attack_radius(Q, g, c, x, a, rng, boxed=False):
    """The shortest of many descents, four for every rival: from random starts the nearest point of the linearised boundary (in the box [0, 1]: of the part in it), again and again, then moved beyond it."""
    others, low, high = np.arange(len(Q)) != a, -x, 1 - x
    A, d = Q[a] - Q[others], g[a] - g[others] + 2 * (Q[a] - Q[others]) @ x
    m = (Q[a] - Q[others]) @ x @ x + (g[a] - g[others]) @ x + c[a] - c[others]
    u = rng.normal(0, 0.3 / len(x) ** 0.5, (4, *d.shape))
    u[0] = 0

    def form(u):
        half = (A @ u[..., None])[..., 0]
        return m + ((d + half) * u).sum(-1), d + 2 * half
    for _ in range(40 if boxed else 60):
        value, grad = form(u)
        want = (grad * u).sum(-1) - value
        to = to_planes(grad, want, low, high) if boxed else (want / (grad * grad).sum(-1))[..., None] * grad
        u = 0.5 * u + 0.5 * to
    best = np.inf
    for beyond in (1e-9, 1e-7, 1e-5, 1e-3, 1e-2):
        size = np.linalg.norm(u, axis=-1) / np.linalg.norm(grad, axis=-1)
        w = np.clip(u - beyond * size[..., None] * grad, low, high) if boxed else u * (1 + beyond)
        best = min(best, np.where(form(w)[0] < -1e-13 * abs(m), np.linalg.norm(w, axis=-1), np.inf).min())
    return best


# weightproof

def write_array(path, x):
    np.save(path, x)


def certified(folder, net_path, x, which, box=""):
    """{row: (lo, hi, u)}, seconds to prove and check."""
    write_array(folder + "/x.npy", x)
    claims = 'claims 1\nmodel M = "%s"\ndata X = "x.npy"\nclaim nearest { minimize r in %s : radius(M, X[r]%s) within 2e-6 }\n' % (os.path.basename(net_path), which, box)
    with open(folder + "/c.claims", "w") as f:
        f.write(claims)
    begin = spent()
    done = subprocess.run([BUILD + "/weightproof", "verify", folder + "/c.claims", "--certificates", folder + "/certificates"], capture_output=True, text=True)
    seconds, line = spent() - begin, done.stdout.strip().splitlines()[0]
    print("  " + line)
    complain("checked" in line, done.stdout + done.stderr)
    found = {}
    with open(folder + "/certificates/nearest.cert") as f:
        for words in re.findall(r"^radius M \* (\S+)(?: in \S+ \S+)? (\S+) (\S+) (\S+)", f.read(), re.M):
            u = None if words[3] == "-" else [Fraction(a) for a in words[3].split(",")]
            found[tuple(Fraction(a) for a in words[0].split(","))] = Fraction(words[1]), Fraction(words[2]), u
    return found, seconds


def lirpa(folder, net, x, **options):
    """{method: radius of every input} of auto_LiRPA, and seconds; empty when it fails. options: norm, radii."""
    np.savez(folder + "/lirpa.npz", x=x, **net.p, **options)
    begin = spent()
    done = subprocess.run([LIRPA, HERE + "/bilinear_lirpa.py", folder + "/lirpa.npz", folder + "/out.npz"], capture_output=True, text=True)
    if done.returncode:
        print("  auto_LiRPA: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
        return {}, 0
    return dict(np.load(folder + "/out.npz")), spent() - begin


def another_answer(net, key, u, a, within, boxed):
    """Is u within this length, key + u in the box [0, 1] when there is one, and another output there at least as large as output a? Exactly."""
    there = net.exact([p + q for p, q in zip(key, u)])
    return any(v >= there[a] for k, v in enumerate(there) if k != a) and sum(q * q for q in u) <= within * within and (not boxed or all(0 <= p + q <= 1 for p, q in zip(key, u)))


class Ends:
    """The certified intervals of one network's inputs; what is found otherwise is held against them one by one."""

    def __init__(self, name, found, boxed):
        self.name, self.found, self.boxed, self.rows = name, found, boxed, []

    def take(self, net, key, a):
        lo, hi, u = self.found[key]
        complain(lo <= hi and (u is None or another_answer(net, key, u, a, hi, self.boxed)), "%s: the point of the upper end %g" % (self.name, hi))
        self.rows.append((float(lo), float(hi), 0 if u is None else float((hi - lo) / hi) if hi else 0))
        return lo, hi

    def column(self, i):
        return np.array([r[i] for r in self.rows])


def each_input(name, net, x, outside, inside, peer):
    """Fills both kinds of intervals; {label: (radius of every input, seconds)} of interval bounds and attacks. What lies on the wrong side of an end is an error."""
    rng, forms = np.random.default_rng(1), net.forms()
    others = {"interval bounds": ([], []), "attack": ([], []), "attack, in [0, 1]": ([], [])}

    def timed(label, function, *arguments):
        begin = spent()
        radius = function(*arguments)
        others[label][0].append(radius)
        others[label][1].append(spent() - begin)
        return radius
    for i, row in enumerate(x):
        key, point = tuple(Fraction(float(a)) for a in row), row.astype(float)
        value = net.exact(key)
        a = value.index(max(value))
        lo, hi = outside.take(net, key, a)
        below, above = timed("interval bounds", interval_radius, net, point, a), timed("attack", attack_radius, *forms, point, a, rng)
        complain(below <= hi and lo <= above * (1 + 1e-9), "%s: interval %g, certified [%g, %g], attack %g" % (name, below, lo, hi, above))
        for method, radii in peer.items():
            complain(radii[i] <= float(hi) * (1 + 1e-4), "%s: %s certifies %g, an input at %g is answered otherwise" % (name, method, radii[i], hi))
        if inside:
            low, high = inside.take(net, key, a)
            above = timed("attack, in [0, 1]", attack_radius, *forms, point, a, rng, True)
            complain(lo * (1 - Fraction(1, 10 ** 6)) <= high and low <= above * (1 + 1e-9), "%s: in the box [%g, %g], without it [%g, %g], attack %g" % (name, low, high, lo, hi, above))
    return {label: (np.array(radii), sum(seconds)) for label, (radii, seconds) in others.items() if radii}


def put(name, inputs, rows):
    """One network's part of the table: printed, and kept for --table. rows: (label, radius of every input, seconds, relative widths, of which median and largest count, or None)."""
    form = "| %-13s | %-23s | %9s | %s | %12s | %16s |"
    if not table:
        table.extend([form % ("network", "", "median", " | ".join("robust at %-4g" % r for r in RADII), "CPU seconds", "relative width"), "|" + "---|" * (5 + len(RADII))])
        print("\n".join(table))
    for label, radii, seconds, widths in rows:
        counts = " | ".join("%-14s" % ("%d of %d" % ((radii >= r).sum(), inputs)) for r in RADII)
        width = "" if widths is None else "%.1e, %.1e" % (np.median(widths), widths.max())
        table.append(form % (name, label, "%.6f" % np.median(radii), counts, "%.2f" % seconds, width))
        print(table[-1])
        name = ""


def measure(name, net, x, which="rows(X)"):
    print("%s: %s" % (name, ", ".join("%s %s" % (k, "x".join(map(str, v.shape))) for k, v in sorted(net.p.items()))))
    all_rows, inside, peer, peer_seconds = which == "rows(X)", None, {}, 0
    with tempfile.TemporaryDirectory() as folder:
        net.write(folder + "/m.net")
        found, seconds = certified(folder, folder + "/m.net", x, which)
        outside = Ends(name, found, False)
        if all_rows:
            found, seconds_in = certified(folder, folder + "/m.net", x, which, ", 0, 1")
            inside = Ends(name + " in the box", found, True)
        if all_rows and LIRPA:
            peer, peer_seconds = lirpa(folder, net, x)
    others = each_input(name, net, x if all_rows else x[:1], outside, inside, peer)
    rows = [("interval bounds", *others["interval bounds"], None)]
    rows += [("auto_LiRPA " + method, radii, peer_seconds / len(peer), None) for method, radii in peer.items()]
    rows += [("certified", outside.column(0), seconds, outside.column(2)), ("attack, not refuted", *others["attack"], None)]
    if inside:
        rows += [("in [0, 1]: certified", inside.column(0), seconds_in, inside.column(2)), ("in [0, 1]: attack", *others["attack, in [0, 1]"], None)]
    put(name, len(outside.rows), rows)
    attack, hi = others["attack"][0], outside.column(1)
    print("  the attack's distance is within 1e-6 of the certified one for %d of %d inputs, and up to %.3f times as far" % ((attack <= hi * (1 + 1e-6)).sum(), len(hi), (attack / hi).max()))


def pictures(rng, count):
    """Synthetic 28x28 pictures: ten smooth prototypes, shifted, scaled and with noise; multiples of 1/256."""
    shapes = rng.normal(0, 1, (10, 28, 28))
    for _ in range(6):
        shapes = sum(np.roll(shapes, s, axis) for s in (-1, 0, 1) for axis in (1, 2)) / 6
    shapes = np.clip(0.5 + shapes / shapes.std() / 3, 0, 1)
    y = rng.integers(0, 10, count)
    x = np.stack([np.roll(shapes[k], tuple(rng.integers(-2, 3, 2)), (0, 1)) * rng.uniform(0.6, 1) for k in y]) + rng.normal(0, 0.05, (count, 28, 28))
    return (np.clip(np.round(x * 256), 0, 256) / 256).reshape(count, 784).astype(np.float32), y


def networks_of_digits():
    """(name, network, pictures)"""
    x, y = np.load(ROOT + "/examples/digits_x.npy").astype(np.float32), np.load(ROOT + "/examples/digits_y.npy").astype(int)
    for name, options in (("digits", None), ("bias", {"bias": True}), ("residual", {"residual": True}), ("embedding", {"embed": 24}),
                          ("all_three", {"bias": True, "residual": True, "embed": 24})):
        if ONLY and name not in ONLY:
            continue
        if options is None:
            yield name, digits_network(), x
            continue
        rng = np.random.default_rng(0)
        net = Network(rng, 64, 32, **options)
        net.train(x[:200], y[:200], 600, rng)
        print("%s: answers %d of the 197 other pictures as they are" % (name, (net.forward(x[200:])[3].argmax(1) == y[200:]).sum()))
        yield name, net, x[200:]


def main():
    for name, net, x in networks_of_digits():
        measure(name, net, x)
    if not ONLY or "wide" in ONLY:
        rng = np.random.default_rng(0)
        x, y = pictures(rng, 1500)
        net = Network(rng, 784, 512)
        net.train(x[:1000], y[:1000], 60, rng, rate=1e-3)
        print("wide: answers %d of 500 other pictures as they are" % (net.forward(x[1000:])[3].argmax(1) == y[1000:]).sum())
        measure("wide", net, x[1000:1001], "0..0")
    if TABLE:
        with open(TABLE, "w") as f:
            f.write("\n".join(table) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
