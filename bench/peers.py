"""Counting the wrong answers of a max-of-n model in PyTorch, the two ways people do it without a prover.

    python bench/peers.py forward MODEL     (a) batches of sequences through the forward pass, float32
    python bench/peers.py tables MODEL      (b) precomputed tables per query, key and position, float32
    python bench/peers.py pair MODEL TWIN   forward passes of two models on every sequence: how often their answers differ

One layer, one head, no biases, no LayerNorm, read at the last position. Prints `wrong N of TOTAL` and the seconds without imports.
"""
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))
import train  # noqa: E402

torch.set_num_threads(os.cpu_count())


def sequences(V, n, size):
    """All V^n sequences in order, in batches."""
    place = V ** torch.arange(n - 1, -1, -1)
    for start in range(0, V ** n, size):
        yield torch.arange(start, min(start + size, V ** n))[:, None] // place % V


def answers(P, cfg, t):
    return train.forward(P, cfg, t)[:, -1].argmax(-1)


def forward(P, cfg):
    wrong = 0
    for t in sequences(cfg["d_vocab"], cfg["n_ctx"], 1 << 14):
        wrong += (answers(P, cfg, t) != t.amax(1)).sum().item()
    return wrong


def tables(P, cfg):
    """Folded weights: w[i][q, a] = exp(score), C[i][a] = value of token a at position i in logits, D[q] = direct path. The loop
    runs over the query token and all but two positions; the last two are broadcast."""
    V, n = cfg["d_vocab"], cfg["n_ctx"]
    E, pos, U = P["embed.W_E"], P["pos_embed.W_pos"], P["unembed.W_U"]
    Q, K, OV = P["blocks.0.attn.W_Q"][0], P["blocks.0.attn.W_K"][0], P["blocks.0.attn.W_V"][0] @ P["blocks.0.attn.W_O"][0]
    x = E[None] + pos[:, None]                                              # [n, V, d]
    w = ((x[-1] @ Q) @ (x @ K).transpose(1, 2) / cfg["d_head"] ** 0.5).exp()  # [n, V query, V key]
    C, D, wrong = x @ OV @ U, x[-1] @ U, 0
    token = torch.arange(V)
    for q in range(V):
        wq = w[:, q]                                                        # [n, V]
        N = wq[..., None] * (C + D[q])                                      # [n, V, V]: Z times the logits, by position and token
        pair = N[n - 3][:, None] + N[n - 2][None] if n > 2 else N[0][None]   # the last two free positions
        for rest in sequences(V, max(n - 3, 0), 1) if n > 3 else [torch.zeros(1, 0, dtype=torch.long)]:
            head = N[n - 1, q] + sum(N[i, rest[0, i]] for i in range(n - 3))
            top = torch.maximum(token[:, None], token[None]).clamp(min=max([q] + rest[0].tolist()))
            wrong += ((pair + head).argmax(-1) != top).sum().item()
    return wrong


if __name__ == "__main__":
    T, config = train.load(sys.argv[2])
    params = {k: torch.from_numpy(v) for k, v in T.items()}
    begin = time.perf_counter()
    with torch.no_grad():
        if sys.argv[1] == "pair":
            twin = {k: torch.from_numpy(v) for k, v in train.load(sys.argv[3])[0].items()}
            count = sum((answers(params, config, t) != answers(twin, config, t)).sum().item()
                        for t in sequences(config["d_vocab"], config["n_ctx"], 1 << 14))
        else:
            count = {"forward": forward, "tables": tables}[sys.argv[1]](params, config)
    print("wrong %d of %d" % (count, config["d_vocab"] ** config["n_ctx"]))
    print("seconds %.2f" % (time.perf_counter() - begin))
