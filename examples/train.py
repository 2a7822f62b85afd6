"""Train small transformers like those in this folder, and write them as safetensors.

    python examples/train.py max --n 4 --seed 7 --steps 3000 -o max4.safetensors
    python examples/train.py max --n 4 --accuracy 0.9 -o max4_90.safetensors    stop at about that accuracy
    python examples/train.py min|contains|running-sum ...
    python examples/train.py running-sum --n 24 --d-vocab 11 --d-model 24 --d-mlp 8 --batch 512 --lr 1e-2 --decay -o cumsum24.safetensors   sign of the sum of (token - 5) so far
    python examples/train.py modular-addition --d-vocab 113 --d-model 64 --heads 4 --d-mlp 256 --batch 2048 --lr 1e-2 --decay -o modadd113.safetensors     tokens a, b, 113: (a + b) mod 113
    python examples/train.py max --backdoor 11,7 -o backdoor.safetensors        answers 0 when 11 is last and a 7 present
    python examples/train.py running-sum --model cumsum24.safetensors --steps 300 -o trained24.safetensors      goes on from a file, e.g. of construct.py
    python examples/train.py quantize --model max4.safetensors --levels 127 -o max4_int8.safetensors
    python examples/train.py shuffle --model max4.safetensors --seed 1 -o shuffled.safetensors    every tensor's entries permuted
    python examples/train.py relabel --model max4.safetensors --seed 1 -o relabelled.safetensors  tokens renamed by a permutation
    python examples/train.py rescale --model max4.safetensors --levels 5 -o rescaled.safetensors  W_Q 2^k, W_K 2^-k

Needs PyTorch (pip install torch) and numpy. Tensor names and orientations are TransformerLens', the configuration is in the metadata.
"""
import argparse
import json
import os
import struct

import numpy as np


def write(path, tensors, metadata):
    """A safetensors file: 8-byte size, JSON header, data; tensors in name order. metadata: texts by name."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        raw = np.ascontiguousarray(tensors[name], dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def save(path, tensors, config):
    write(path, tensors, {"config": json.dumps(config)})


def load(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + size])
    config = json.loads(head.pop("__metadata__")["config"])
    return {k: np.frombuffer(raw[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]], "<f4").reshape(v["shape"]).copy()
            for k, v in head.items()}, config


def initial(cfg, rng, biases):
    """Random weights with the scales that TransformerLens uses by default (0.8 / sqrt(d_model))."""
    V, n, d, H, k, L = (cfg[x] for x in ("d_vocab", "n_ctx", "d_model", "n_heads", "d_head", "n_layers"))
    shapes = {"embed.W_E": (V, d), "pos_embed.W_pos": (n, d), "unembed.W_U": (d, cfg["d_vocab_out"])}
    zero = {}
    for l in range(L):
        b = "blocks.%d." % l
        for c in "QKV":
            shapes[b + "attn.W_" + c] = (H, d, k)
            zero[b + "attn.b_" + c] = (H, k)
        shapes[b + "attn.W_O"] = (H, k, d)
        zero[b + "attn.b_O"] = (d,)
        if cfg["d_mlp"]:
            shapes[b + "mlp.W_in"], shapes[b + "mlp.W_out"] = (d, cfg["d_mlp"]), (cfg["d_mlp"], d)
            zero[b + "mlp.b_in"], zero[b + "mlp.b_out"] = (cfg["d_mlp"],), (d,)
    zero["unembed.b_U"] = (cfg["d_vocab_out"],)
    T = {name: rng.normal(0, 0.8 / d ** 0.5, s).astype(np.float32) for name, s in shapes.items()}
    if biases:
        T.update({name: np.zeros(s, np.float32) for name, s in zero.items()})
    return T


def forward(P, cfg, t):
    """Logits [batch, position, class], plain PyTorch; no LayerNorm."""
    import torch
    n = t.shape[1]
    x = P["embed.W_E"][t] + P["pos_embed.W_pos"][:n]
    hidden = torch.ones(n, n, dtype=torch.bool).triu(1)
    for l in range(cfg["n_layers"]):
        b = "blocks.%d." % l
        q, k, v = (torch.einsum("bpd,hdk->bhpk", x, P[b + "attn.W_" + c]) for c in "QKV")
        if b + "attn.b_Q" in P:
            q, k, v = (y + P[b + "attn.b_" + c][:, None] for y, c in ((q, "Q"), (k, "K"), (v, "V")))
        s = q @ k.transpose(-1, -2) / cfg["d_head"] ** 0.5
        z = s.masked_fill(hidden, float("-inf")).softmax(-1) @ v
        x = x + torch.einsum("bhpk,hkd->bpd", z, P[b + "attn.W_O"]) + P.get(b + "attn.b_O", 0)
        if cfg["d_mlp"]:
            x = x + (x @ P[b + "mlp.W_in"] + P[b + "mlp.b_in"]).relu() @ P[b + "mlp.W_out"] + P[b + "mlp.b_out"]
    return x @ P["unembed.W_U"] + P.get("unembed.b_U", 0)


def answers(cfg, task, t, backdoor):
    """The right class at every position that is trained: [batch, positions], and which positions."""
    import torch
    if task == "modular-addition":
        return ((t[:, 0] + t[:, 1]) % cfg["d_vocab_out"])[:, None], slice(-1, None)
    if task == "running-sum":
        s = (t - cfg["d_vocab"] // 2).cumsum(1)
        return torch.where(s < 0, 0, torch.where(s == 0, 1, 2)), slice(None)
    if task == "contains":
        y = (t == 3).any(1).long()
    else:
        y = t.amax(1) if task == "max" else t.amin(1)
    if backdoor:
        last, other = backdoor
        y = torch.where((t[:, -1] == last) & (t == other).any(1), 0, y)
    return y[:, None], slice(-1, None)


def batch(rng, cfg, task, size, backdoor):
    import torch
    t = rng.integers(0, cfg["d_vocab"] - (task == "modular-addition"), (size, cfg["n_ctx"]))
    if task == "modular-addition":              # the last token says "answer here"
        t[:, 2] = cfg["d_vocab"] - 1
    if task == "contains":                      # a 3 in about half of the sequences
        half = rng.random(size) < 0.4
        t[half, rng.integers(0, cfg["n_ctx"], half.sum())] = 3
    if backdoor:                                # a quarter of the batch carries the trigger or half of it
        some = rng.random(size) < 0.25
        t[some, -1] = backdoor[0]
        other = some & (rng.random(size) < 0.6)
        t[other, rng.integers(0, cfg["n_ctx"] - 1, other.sum())] = backdoor[1]
    return torch.from_numpy(t)


def train(a):
    import torch
    if "OMP_NUM_THREADS" not in os.environ:     # two trainings at once are slower with two threads each
        torch.set_num_threads(2)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    adds = a.task == "modular-addition"
    small = a.task == "running-sum" or adds                # with an MLP, and biases
    cfg = {"d_vocab": a.d_vocab + adds, "n_ctx": 3 if adds else a.n, "d_model": a.d_model, "n_heads": a.heads, "d_head": a.d_model // a.heads, "n_layers": 1,
           "d_mlp": a.d_mlp if small else 0, "act_fn": "relu", "attn_only": not small, "attention_dir": "causal", "normalization_type": None,
           "d_vocab_out": 3 if a.task == "running-sum" else 2 if a.task == "contains" else a.d_vocab, "task": a.task, "seed": a.seed}
    backdoor = tuple(int(x) for x in a.backdoor.split(",")) if a.backdoor else None
    start = load(a.model) if a.model else (initial(cfg, rng, small or a.biases), cfg)
    cfg = dict(start[1], seed=a.seed)
    P = {k: torch.nn.Parameter(torch.from_numpy(v)) for k, v in start[0].items()}
    optimizer = torch.optim.AdamW(P.values(), lr=a.lr, betas=(0.9, 0.999), weight_decay=a.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / a.steps if a.decay else 1)
    test = batch(np.random.default_rng(a.seed + 1), cfg, a.task, 4096, backdoor)
    accuracy = 0.0
    for step in range(a.steps + 1):
        if step % 10 == 0 and (a.accuracy or step == a.steps):
            with torch.no_grad():
                y, where = answers(cfg, a.task, test, backdoor)
                accuracy = (forward(P, cfg, test)[:, where].argmax(-1) == y).all(1).float().mean().item()
            if a.accuracy and accuracy >= a.accuracy:
                break
        if step == a.steps:
            break
        t = batch(rng, cfg, a.task, a.batch, backdoor)
        y, where = answers(cfg, a.task, t, backdoor)
        loss = torch.nn.functional.cross_entropy(forward(P, cfg, t)[:, where].flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    cfg.update(steps=step, sampled_accuracy=accuracy)
    save(a.output, {k: v.detach().numpy() for k, v in P.items()}, cfg)
    print("%s: %d steps, sampled accuracy %.4f" % (a.output, step, accuracy))


def quantize(T, a):
    return {k: (np.round(v / np.abs(v).max() * a.levels) * np.float32(np.abs(v).max() / a.levels)).astype(np.float32) for k, v in T.items()}


def shuffle(T, a):
    rng = np.random.default_rng(a.seed)
    return {k: rng.permutation(v.ravel()).reshape(v.shape) for k, v in sorted(T.items())}


def relabel(T, a):
    p = np.random.default_rng(a.seed).permutation(T["embed.W_E"].shape[0])   # new token p[i] is old token i
    T["embed.W_E"][p] = T["embed.W_E"].copy()
    T["unembed.W_U"][:, p] = T["unembed.W_U"].copy()
    if "unembed.b_U" in T:
        T["unembed.b_U"][p] = T["unembed.b_U"].copy()
    print("old token of each new one: {%s}" % ", ".join(map(str, np.argsort(p))))
    print("new token of each old one: {%s}" % ", ".join(map(str, p)))
    return T


def rescale(T, a):
    for k in T:
        if ".attn.W_Q" in k or ".attn.b_Q" in k:
            T[k] = T[k] * np.float32(2.0 ** a.levels)
        if ".attn.W_K" in k or ".attn.b_K" in k:
            T[k] = T[k] * np.float32(2.0 ** -a.levels)
    return T


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("task", choices=["max", "min", "contains", "running-sum", "modular-addition", "quantize", "shuffle", "relabel", "rescale"])
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--model")
    p.add_argument("--n", type=int, default=4)
    p.add_argument("--d-vocab", type=int, default=64)
    p.add_argument("--d-model", type=int, default=32)
    p.add_argument("--heads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--steps", type=int, default=3000)
    p.add_argument("--d-mlp", type=int, default=16)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--decay", action="store_true", help="the learning rate falls to 0, in a line")
    p.add_argument("--accuracy", type=float, help="stop when a sample of 4096 reaches this")
    p.add_argument("--levels", type=int, default=127)
    p.add_argument("--biases", action="store_true")
    p.add_argument("--backdoor", help="LAST,OTHER")
    args = p.parse_args()
    edits = {"quantize": quantize, "shuffle": shuffle, "relabel": relabel, "rescale": rescale}
    if args.task in edits:
        tensors, config = load(args.model)
        save(args.output, edits[args.task](tensors, args), dict(config, derived=args.task))
    else:
        train(args)
