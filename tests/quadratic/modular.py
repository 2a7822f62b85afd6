"""Bilinear networks on finite tasks, trained here: every pair, the least lead and the spectrum of the tables against numpy; a network that is not trained enough is refuted.

    python tests/quadratic/modular.py BUILD
"""
import json
import struct
import subprocess
import sys
import tempfile

sys.path[:0] = ["tests", "tests/reference"]
import numpy as np

from certificates import all_accepted, of, verify
from tally import check, finish

P = 7


def load(path):
    """Tensors of a safetensors file, in doubles."""
    with open(path, "rb") as f:
        raw = f.read()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + size])
    head.pop("__metadata__")
    return {k: np.frombuffer(raw[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], "<f4").reshape(v["shape"]).astype(float) for k, v in head.items()}


def train(folder, name, *options):
    path = "%s/%s.safetensors" % (folder, name)
    p = subprocess.run([sys.executable, "examples/train_bilinear.py", *options, "-o", path], capture_output=True, text=True)
    check(p.returncode == 0, "training %s: %s" % (name, p.stdout + p.stderr))
    return load(path)


def outputs(T, X):
    return (X @ T["w_l"].T * (X @ T["w_r"].T)) @ T["w_u"].T


def number(output, name):
    """The enclosure that the lines print for a claim."""
    line = next(x for x in output.splitlines() if " %s: " % name in x)
    return [float(x) for x in line[line.index("[") + 1:line.index("]")].split(", ")]


def addition(folder):
    T = train(folder, "add", "add", "--p", str(P), "--hidden", "12", "--steps", "1500")
    raw = train(folder, "raw", "add", "--p", str(P), "--hidden", "12", "--steps", "3")
    a, b = [g.reshape(-1) for g in np.meshgrid(np.arange(P), np.arange(P), indexing="ij")]
    X, Y = np.hstack([np.eye(P)[a], np.eye(P)[b]]), (a + b) % P
    z = outputs(T, X)
    lead = z[np.arange(P * P), Y] - np.where(np.eye(P, dtype=bool)[Y], -np.inf, z).max(1)
    right = [int((outputs(t, X).argmax(1) == Y).sum()) for t in (T, raw)]
    check(right[0] == P * P > right[1], "trained and not trained: %s right" % right)
    table = 2 * (lambda F: (F + F.T) / 2)(T["w_l"].T * T["w_u"][3] @ T["w_r"])[:P, P:]
    F = abs(np.fft.fft2(table)) ** 2 / P ** 2
    at = "seq(onehot(a, %d), onehot(b, %d))" % (P, P)
    pair = "a in 0..%d, b in 0..%d" % (P - 1, P - 1)
    power = "fourier(2 * form(A, 3)[0..%d, %d..%d])" % (P - 1, P, 2 * P - 1)
    claims = ['model A = "add.safetensors"', 'model R = "raw.safetensors"',
              "claim right { forall %s prove argmax(output(A, %s)) == (a + b) %% %d }" % (pair, at, P),
              "claim wrong { forall %s prove argmax(output(R, %s)) == (a + b) %% %d }" % (pair, at, P),
              "claim number { count %s : argmax(output(R, %s)) == (a + b) %% %d prove number == %d }" % (pair, at, P, right[1]),
              "claim lead { minimize %s : output(A, %s)[(a + b) %% %d] - max{ output(A, %s)[j] : j in 0..%d where j != (a + b) %% %d } }" % (pair, at, P, at, P - 1, P)]
    claims += ["claim share%d { maximize c in 0..0 : (%s)[%d, %d] / sum(%s) }" % (k, power, k, k, power) for k in range(4)]
    status, output = verify(folder, "add", claims)
    words = {line.split(":")[0].split()[1]: line.split()[0] for line in output.splitlines() if line.split()[0] in ("proved", "refuted", "bounded", "undecided")}
    check((words["right"], words["wrong"], words["number"]) == ("proved", "refuted", "proved"), output)
    lo, hi = number(output, "lead")
    check(lo - 1e-6 <= lead.min() <= hi + 1e-6, "least lead [%.9g, %.9g], by numpy %.9g" % (lo, hi, lead.min()))
    for k in range(4):
        lo, hi = number(output, "share%d" % k)
        check(lo - 1e-6 <= F[k, k] / F.sum() <= hi + 1e-6, "frequency %d: [%.9g, %.9g], by numpy %.9g" % (k, lo, hi, F[k, k] / F.sum()))
    all_accepted(folder + "/add", of(folder, "add"), 7)


def booleans(folder):
    """xor of two bits, and of three: every input, and not the other function."""
    xor, all3 = train(folder, "xor", "xor", "--hidden", "3", "--steps", "1000"), train(folder, "and", "and", "--bits", "3", "--hidden", "4", "--steps", "1000")
    for T, n, f in ((xor, 2, lambda b: sum(b) % 2), (all3, 3, min)):
        for i in range(2 ** n):
            bits = [i >> k & 1 for k in range(n)]
            z = outputs(T, np.array([[1 - 2 * b for b in bits] + [1]], float))[0]
            check(int(z.argmax()) == f(bits), "%d bits %s: numpy answers %d" % (n, bits, z.argmax()))
    two, three = "seq(1 - 2 * a, 1 - 2 * b, 1)", "seq(1 - 2 * a, 1 - 2 * b, 1 - 2 * c, 1)"
    cases = [("forall a in 0..1, b in 0..1 prove argmax(output(X, %s)) == (a + b) %% 2 " % two, "proved"),
             ("forall a in 0..1, b in 0..1 prove argmax(output(X, %s)) == max(a, b) " % two, "refuted"),
             ("forall a in 0..1, b in 0..1, c in 0..1 prove argmax(output(A, %s)) == min(a, b, c) " % three, "proved"),
             ("forall a in 0..1, b in 0..1, c in 0..1 prove argmax(output(A, %s)) == min(a, b) " % three, "refuted")]
    status, output = verify(folder, "bits", ['model X = "xor.safetensors"', 'model A = "and.safetensors"'] + ["claim s%d { %s expect %s }" % (i, t, v) for i, (t, v) in enumerate(cases)], "--expect")
    check(status == 0, output)
    all_accepted(folder + "/bits", of(folder, "bits"), 3)


with tempfile.TemporaryDirectory() as folder:
    addition(folder)
    booleans(folder)
finish()
