"""Write small transformers that solve a task by construction, turned into a random basis and disturbed: no training, numpy alone.

    python examples/construct.py running-sum --n 24 -o cumsum24.safetensors
    python examples/construct.py running-sum --n 24 --heads 2 -o cumsum24_h2.safetensors
    python examples/construct.py modular-addition --p 113 -o modadd113.safetensors
    python examples/train.py running-sum --model cumsum24.safetensors --steps 300 ... goes on from there

running-sum: at every position, does the sum of (token - V/2) so far lie below, at or above 0 (classes 0, 1, 2)? Heads attend evenly, so that they write the mean of the tokens'
worths; relus compare it with 0 from both sides. modular-addition: tokens a, b, p; the answer is (a + b) mod p. Embeddings are points on circles, one a frequency; even attention adds
those of a and b, which gives cos(w (a - b) / 2) times the point at half of the angle; relus of its projections on many directions double the angle, and the unembedding compares with every c
(Zhong et al. 2023, "The Clock and the Pizza").

Every weight gets normal noise of --noise times the tensor's root mean square, that of queries and keys by itself. The share of right answers is printed (of all inputs, or of 20,000).
"""
import argparse
import itertools

import numpy as np

from train import save


def basis(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def blank(cfg):
    V, n, d, H, k, m, out = (cfg[x] for x in ("d_vocab", "n_ctx", "d_model", "n_heads", "d_head", "d_mlp", "d_vocab_out"))
    shapes = {"embed.W_E": (V, d), "pos_embed.W_pos": (n, d), "blocks.0.attn.W_O": (H, k, d), "blocks.0.attn.b_O": (d,), "blocks.0.mlp.W_in": (d, m), "blocks.0.mlp.b_in": (m,),
              "blocks.0.mlp.W_out": (m, d), "blocks.0.mlp.b_out": (d,), "unembed.W_U": (d, out), "unembed.b_U": (out,)}
    for c in "QKV":
        shapes["blocks.0.attn.W_" + c], shapes["blocks.0.attn.b_" + c] = (H, d, k), (H, k)
    return {name: np.zeros(shape) for name, shape in shapes.items()}


def running_sum(cfg, rng):
    """Directions of the stream: 0 worth, 1 mean of worths, 2 above, 3 below."""
    T, V, n, H, m = blank(cfg), cfg["d_vocab"], cfg["n_ctx"], cfg["n_heads"], cfg["d_mlp"]
    T["embed.W_E"][:, 0] = np.arange(V) - V // 2
    shares = rng.dirichlet(np.full(H, 8.0))
    T["blocks.0.attn.W_V"][:, 0, 0] = 1
    T["blocks.0.attn.W_O"][:, 0, 1] = shares
    for u in range(m):                                     # the mean moves in steps of 1/n: kinks within 3/10 of one from 0
        sign = 1 if u % 2 else -1
        T["blocks.0.mlp.W_in"][1, u] = sign * n
        T["blocks.0.mlp.b_in"][u] = rng.uniform(-0.3, 0.3)
        T["blocks.0.mlp.W_out"][u, 2 if u % 2 else 3] = 1 / (m // 2)
    T["unembed.W_U"][2, 2] = T["unembed.W_U"][3, 0] = 8
    T["unembed.b_U"][1] = 4
    return T


def modular_addition(cfg, rng):
    T, p, d, H, m = blank(cfg), cfg["d_vocab_out"], cfg["d_model"], cfg["n_heads"], cfg["d_mlp"]
    F = min(d // 4, m // 16)
    w = 2 * np.pi * rng.choice(np.arange(1, (p + 1) // 2), F, replace=False) / p
    phases = m // F
    for f in range(F):
        for half, wave in enumerate((np.cos, np.sin)):
            T["embed.W_E"][:p, 2 * f + half] = wave(w[f] * np.arange(p))
            h, at = divmod(2 * f + half, cfg["d_head"])    # each head carries some of the directions
            T["blocks.0.attn.W_V"][h, 2 * f + half, at] = 1
            T["blocks.0.attn.W_O"][h, at, 2 * F + 2 * f + half] = 3
        for k in range(phases):
            u, phi = f * phases + k, 2 * np.pi * (k + rng.uniform(-0.02, 0.02)) / phases
            T["blocks.0.mlp.W_in"][2 * F + 2 * f:2 * F + 2 * f + 2, u] = np.cos(phi), np.sin(phi)
            T["blocks.0.mlp.W_out"][u, 2 * f:2 * f + 2] = 8 / phases * np.array([np.cos(2 * phi), np.sin(2 * phi)])
        T["unembed.W_U"][2 * f], T["unembed.W_U"][2 * f + 1] = np.cos(w[f] * np.arange(p)), np.sin(w[f] * np.arange(p))
    return T


def disturb(T, cfg, rng, noise):
    """The stream's directions are turned, heads and units mixed with nothing; then noise."""
    R, d = basis(rng, cfg["d_model"]), cfg["d_model"]
    for name in T:
        x = T[name]
        x = np.einsum("...d,de->...e", x, R) if x.shape[-1] == d and name.split(".")[-1] in ("W_E", "W_pos", "W_O", "b_O", "W_out", "b_out") else x
        x = np.einsum("de,...dk->...ek", R, x) if name.split(".")[-1] in ("W_Q", "W_K", "W_V", "W_in", "W_U") else x
        size = 1 / d if name.split(".")[-1] in ("W_Q", "W_K") else np.sqrt(np.mean(x ** 2)) or 0.1
        T[name] = (x + noise * size * rng.normal(size=x.shape)).astype(np.float32)


def right_share(T, cfg, task, rng):
    """Plain forward pass: the share of inputs whose answers are right at every position that counts."""
    V, n, H = cfg["d_vocab"], cfg["n_ctx"], cfg["n_heads"]
    if task == "modular-addition":
        t = np.array(list(itertools.product(range(V - 1), range(V - 1), [V - 1])))
        y, where = ((t[:, 0] + t[:, 1]) % (V - 1))[:, None], slice(-1, None)
    else:
        t = rng.integers(0, V, (20000, n))
        y, where = 1 + np.sign(np.cumsum(t - V // 2, 1)), slice(None)
    x = T["embed.W_E"][t] + T["pos_embed.W_pos"]
    for h in range(H):
        q, k, v = (x @ T["blocks.0.attn.W_" + c][h] + T["blocks.0.attn.b_" + c][h] for c in "QKV")
        s = np.where(np.tri(n, dtype=bool), q @ k.swapaxes(1, 2) / cfg["d_head"] ** 0.5, -np.inf)
        e = np.exp(s - s.max(-1, keepdims=True))
        z = e / e.sum(-1, keepdims=True) @ v
        x_out = z @ T["blocks.0.attn.W_O"][h] + (x_out if h else T["blocks.0.attn.b_O"])
    x = x + x_out
    x = x + np.maximum(x @ T["blocks.0.mlp.W_in"] + T["blocks.0.mlp.b_in"], 0) @ T["blocks.0.mlp.W_out"] + T["blocks.0.mlp.b_out"]
    return float(((x @ T["unembed.W_U"] + T["unembed.b_U"])[:, where].argmax(-1) == y).all(1).mean())


if __name__ == "__main__":
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("task", choices=["running-sum", "modular-addition"])
    a.add_argument("-o", "--output", required=True)
    a.add_argument("--n", type=int, default=12)
    a.add_argument("--p", type=int, default=113)
    a.add_argument("--d-vocab", type=int, default=11)
    a.add_argument("--d-model", type=int)
    a.add_argument("--heads", type=int)
    a.add_argument("--d-mlp", type=int)
    a.add_argument("--noise", type=float, default=0.002)
    a.add_argument("--seed", type=int, default=0)
    a = a.parse_args()
    adds = a.task == "modular-addition"
    d, heads = a.d_model or (64 if adds else 24), a.heads or (4 if adds else 1)
    config = {"d_vocab": a.p + 1 if adds else a.d_vocab, "n_ctx": 3 if adds else a.n, "d_model": d, "n_heads": heads, "d_head": d // heads, "n_layers": 1, "d_mlp": a.d_mlp or (256 if adds else 8),
              "act_fn": "relu", "attn_only": False, "attention_dir": "causal", "normalization_type": None, "d_vocab_out": a.p if adds else 3, "task": a.task, "seed": a.seed}
    draw = np.random.default_rng(a.seed)
    tensors = (modular_addition if adds else running_sum)(config, draw)
    disturb(tensors, config, draw, a.noise)
    config["sampled_accuracy"] = right_share(tensors, config, a.task, draw)
    save(a.output, tensors, config)
    print("%s: share of right answers %.4f" % (a.output, config["sampled_accuracy"]))
