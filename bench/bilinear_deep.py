"""Two bilinear layers on balls: a network trained here on the digits cut to 4 x 4 pixels (16 inputs, 8 products, 8 entries, 8 products, 10 outputs).

    python bench/bilinear_deep.py BUILD [--norm linf|l2] [--pictures N] [--seconds S]

For each picture a gradient attack finds a distance at which the answer changes; claims are about balls of parts of it, and of a little more. One of the latter
that is proved ends the script with status 1. Needs numpy.
"""
import collections
import re
import subprocess
import sys
import tempfile

import bilinear
from bilinear import BUILD, ROOT, adam, complain, spent, write_net
import numpy as np  # noqa: E402

PARTS = (0.25, 0.5, 0.75, 0.9, 0.99, 1.01)
SIZES = {"aL": (16, 8), "aR": (16, 8), "aP": (8, 8), "bL": (8, 8), "bR": (8, 8), "bP": (8, 10), "al": (1, 8), "ar": (1, 8), "ab": (1, 8), "bl": (1, 8), "br": (1, 8), "bb": (1, 10)}


def option(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def forward(p, x):
    u, v = x @ p["aL"] + p["al"], x @ p["aR"] + p["ar"]
    h = (u * v) @ p["aP"] + p["ab"]
    U, V = h @ p["bL"] + p["bl"], h @ p["bR"] + p["br"]
    return u, v, h, U, V, (U * V) @ p["bP"] + p["bb"]


def backward(p, x, q):
    """Gradients of the sum of q times the outputs: of the parameters and of x."""
    u, v, h, U, V, _ = forward(p, x)
    m = q @ p["bP"].T
    dU, dV = m * V, m * U
    dh = dU @ p["bL"].T + dV @ p["bR"].T
    m = dh @ p["aP"].T
    du, dv = m * v, m * u
    g = {"bP": (U * V).T @ q, "bL": h.T @ dU, "bR": h.T @ dV, "aP": (u * v).T @ dh, "aL": x.T @ du, "aR": x.T @ dv}
    g.update({name: d.sum(0, keepdims=True) for name, d in (("bb", q), ("bl", dU), ("br", dV), ("ab", dh), ("al", du), ("ar", dv))})
    return g, du @ p["aL"].T + dv @ p["aR"].T


def train(x, y, rng):
    p = {k: (rng.normal(0, a ** -0.5, (a, b)) if a > 1 else np.zeros((a, b))).astype(np.float32) for k, (a, b) in SIZES.items()}

    def gradients(some):
        o = forward(p, x[some])[-1]
        q = np.exp(o - o.max(1, keepdims=True))
        q /= q.sum(1, keepdims=True)
        q[np.arange(len(some)), y[some]] -= 1
        return backward(p, x[some], q / len(some))[0]
    adam(p, len(x), gradients, 1500, rng, batch=200)
    return p


def write(p, path):
    write_net(path, 16, p, ["x input", "u linear x aL al", "v linear x aR ar", "m mul u v", "h linear m aP ab", "U linear h bL bl", "V linear h bR br", "M mul U V", "o linear M bP bb"])


def attacked(p, x, a, eps, norm, rng):
    """Do projected gradient steps, 12 starts a rival, find another answer within eps?"""
    rivals = np.repeat([k for k in range(10) if k != a], 12)

    def project(u):
        if norm == "linf":
            return np.clip(u, -eps, eps)
        return u * np.minimum(1, eps / np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-30))
    u, q = project(rng.uniform(-eps, eps, (len(rivals), 16))), np.zeros((len(rivals), 10))
    q[:, a] = 1
    q[np.arange(len(rivals)), rivals] -= 1
    for step in range(60):
        g = backward(p, x + u, q)[1]
        u = project(u - eps / (2 + step / 4) * (np.sign(g) if norm == "linf" else g / np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-30)))
    o = forward(p, x + u)[-1]
    return bool((o[:, a] - o[np.arange(len(u)), rivals] < 0).any())


def distance(p, x, a, norm, rng):
    low, high = 0.0, 4.0
    for _ in range(14):
        mid = (low + high) / 2
        low, high = (low, mid) if attacked(p, x, a, mid, norm, rng) else (mid, high)
    return high


def main():
    x, y = np.load(ROOT + "/examples/digits_x.npy").astype(np.float32), np.load(ROOT + "/examples/digits_y.npy").astype(int)
    x, rng = x.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16).astype(np.float32), np.random.default_rng(0)
    p = train(x[:200], y[:200], rng)
    print("answers %d of the 197 other pictures as they are" % (forward(p, x[200:])[-1].argmax(1) == y[200:]).sum())
    exact = {k: v.astype(float) for k, v in p.items()}
    for norm in [sys.argv[sys.argv.index("--norm") + 1]] if "--norm" in sys.argv else ["linf", "l2"]:
        with tempfile.TemporaryDirectory() as folder:
            write(p, folder + "/m.net")
            np.save(folder + "/x.npy", x)
            lines, far = ["claims 1", 'model M = "m.net"', 'data X = "x.npy"'], []
            for i in range(200, 200 + option("--pictures", 12)):
                a = int(forward(exact, x[i:i + 1])[-1][0].argmax())
                far.append(distance(exact, x[i].astype(float), a, norm, rng))
                lines += ["claim r%d_%d { forall d in ball(0, %.6f, %s) prove argmax(output(M, X[%d] + d)) == %d timeout %d s }" % (i, k, far[-1] * part, norm, i, a, option("--seconds", 5)) for k, part in enumerate(PARTS)]
            with open(folder + "/c.claims", "w") as f:
                f.write("\n".join(lines) + "\n")
            begin = spent()
            done = subprocess.run([BUILD + "/weightproof", "verify", folder + "/c.claims"], capture_output=True, text=True)
            found = collections.Counter((int(k), verdict) for verdict, k in re.findall(r"^(\w+) +r\d+_(\d+): ", done.stdout, re.M))
            complain(sum(found.values()) == len(far) * len(PARTS) and found[len(PARTS) - 1, "proved"] == 0, done.stdout[-2000:] + done.stderr[-500:])
            print("%s, the attack's distance in the median %.3f, %.1f s of processor time" % (norm, np.median(far), spent() - begin))
            for k, part in enumerate(PARTS):
                print("  balls of %-4g of it: %s" % (part, ", ".join("%d %s" % (found[k, v], v) for v in ("proved", "refuted", "undecided") if found[k, v])), flush=True)
    return 1 if bilinear.bad else 0


if __name__ == "__main__":
    sys.exit(main())
