"""Train small bilinear networks on finite tasks, every input at once, and write them as safetensors.

    python examples/train_bilinear.py add --p 17 -o bilinear_add17.safetensors         (a + b) mod p from one-hot a and one-hot b
    python examples/train_bilinear.py xor -o bilinear_xor.safetensors                  of two bits, given as 1 and -1 beside a constant 1
    python examples/train_bilinear.py and --bits 3 -o bilinear_and3.safetensors        of a few bits

The network is output = w_u ((w_l x) o (w_r x)), trained with numpy on all inputs at once by Adam with decoupled weight decay; seconds. The parity of more
than two bits is no polynomial of degree two, nor the sign of one, and so out of reach of one layer.
"""
import argparse

import numpy as np

from train import write


def task(a):
    """All inputs, one a row, and their answers."""
    if a.task == "add":
        x, y = [g.reshape(-1) for g in np.meshgrid(np.arange(a.p), np.arange(a.p), indexing="ij")]
        return np.hstack([np.eye(a.p)[x], np.eye(a.p)[y]]), (x + y) % a.p, a.p
    n = a.bits if a.task == "and" else 2
    bits = (np.arange(2 ** n)[:, None] >> np.arange(n)) & 1
    right = bits.all(1) if a.task == "and" else bits.sum(1) % 2
    return np.hstack([1.0 - 2 * bits, np.ones((2 ** n, 1))]), right.astype(int), 2


def train(X, Y, classes, a):
    rng = np.random.default_rng(a.seed)
    n = X.shape[1]
    P = [rng.normal(0, 0.5 / np.sqrt(n), (n, a.hidden)), rng.normal(0, 0.5 / np.sqrt(n), (n, a.hidden)), rng.normal(0, 0.5 / np.sqrt(a.hidden), (a.hidden, classes))]
    m, v = [np.zeros_like(w) for w in P], [np.zeros_like(w) for w in P]
    for step in range(1, a.steps + 1):
        left, right = X @ P[0], X @ P[1]
        z = (left * right) @ P[2]
        z -= z.max(1, keepdims=True)
        g = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        g[np.arange(len(Y)), Y] -= 1
        g /= len(Y)
        back = g @ P[2].T
        for i, d in enumerate((X.T @ (back * right), X.T @ (back * left), (left * right).T @ g)):
            m[i] = 0.9 * m[i] + 0.1 * d
            v[i] = 0.98 * v[i] + 0.02 * d * d
            P[i] -= a.rate * (m[i] / (1 - 0.9 ** step) / (np.sqrt(v[i] / (1 - 0.98 ** step)) + 1e-8) + a.decay * P[i])
    return P


def report_frequencies(P, p):
    """What share of the outputs' tables (a, b) -> output_c is where both frequencies are k or p - k, as functions of a + b are."""
    L, R, D = (w.astype(float) for w in P)
    share = np.zeros((p, p))
    for c in range(p):
        table = (L[:p] * D[:, c]) @ R[p:].T + ((L[p:] * D[:, c]) @ R[:p].T).T
        F = abs(np.fft.fft2(table)) ** 2
        share += F / F.sum() / p
    print("frequencies", " ".join("%d: %.3f" % (k, 2 * share[k, k]) for k in range(1, p // 2 + 1)), "constant: %.3f elsewhere: %.3f" % (share[0, 0], 1 - np.trace(share)))


def main():
    q = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    q.add_argument("task", choices=["add", "xor", "and"])
    q.add_argument("--p", type=int, default=17)
    q.add_argument("--bits", type=int, default=2)
    q.add_argument("--hidden", type=int, default=20)
    q.add_argument("--seed", type=int, default=1)
    q.add_argument("--steps", type=int, default=8000)
    q.add_argument("--rate", type=float, default=5e-3)
    q.add_argument("--decay", type=float, default=0.3)
    q.add_argument("-o", "--output", required=True)
    a = q.parse_args()
    X, Y, classes = task(a)
    P = [w.astype(np.float32) for w in train(X, Y, classes, a)]
    z = (X @ P[0].astype(float)) * (X @ P[1].astype(float)) @ P[2].astype(float)
    lead = z[np.arange(len(Y)), Y] - np.where(np.eye(classes, dtype=bool)[Y], -np.inf, z).max(1)
    size = {"p": a.p} if a.task == "add" else {"bits": X.shape[1] - 1}
    facts = {"task": a.task, **size, "seed": a.seed, "steps": a.steps, "accuracy": float((lead > 0).mean())}
    write(a.output, {"w_l": P[0].T, "w_r": P[1].T, "w_u": P[2].T}, {k: str(v) for k, v in facts.items()})
    print("%s: %d of %d right, least lead %.4g" % (a.output, (lead > 0).sum(), len(Y), lead.min()))
    if a.task == "add":
        report_frequencies(P, a.p)


main()
