"""Write a .net file from a checkpoint, independently of the C program (tests compare the two byte for byte).

    python tests/make_net.py MODEL.safetensors|MODEL.pt OUT.net [CONFIG.json]

Written from proofs/NETWORK.md. Needs numpy; torch only for .pt files.
"""
import json
import os
import struct
import sys

import numpy as np


def num(x):
    """A canonical exact number: 0, or [-]0x1[.h]p[-]e."""
    x = float(x)
    if x == 0:
        return "0"
    assert x == x and abs(x) != float("inf")
    sign, x = ("-", -x) if x < 0 else ("", x)
    m, e = np.frexp(x)                       # x = m 2^e, 1/2 <= m < 1
    mantissa = int(m * 2.0 ** 53) - 2 ** 52  # 52 fraction bits after the leading 1
    digits = ("%013x" % mantissa).rstrip("0")
    return "%s0x1%sp%d" % (sign, "." + digits if digits else "", int(e) - 1)


def read(path):
    """Tensors by name and the configuration, from either format."""
    side = os.path.splitext(path)[0] + ".config.json"
    config = json.load(open(side)) if os.path.exists(side) else None
    if path.endswith(".safetensors"):
        raw = open(path, "rb").read()
        size = struct.unpack("<Q", raw[:8])[0]
        head = json.loads(raw[8:8 + size])
        meta = head.pop("__metadata__", {})
        if "config" in meta:
            config = json.loads(meta["config"])
        kinds = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8"}
        data = raw[8 + size:]
        return {k: np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], kinds[v["dtype"]])
                .reshape(v["shape"]).astype(np.float64) for k, v in head.items()}, config
    import torch
    state = torch.load(path, weights_only=True)
    return {k: v.double().numpy() for k, v in state.items()}, config


def graph(T, cfg):
    """The nodes of a transformer, NETWORK.md section 4."""
    ln = cfg.get("normalization_type") == "LN"
    nodes = []

    def node(name, op, *args):
        nodes.append(" ".join(["node", name, op] + [a for a in args if a]))
        return name

    def norm(name, x):
        return node(name + ".hook_normalized", "layernorm", x, *( [name + ".w", name + ".b"] if name + ".w" in T else [])) if ln else x

    def bias(name, h=None):
        return (name if h is None else "%s[%d]" % (name, h)) if name in T else ""

    x = node("hook_embed", "embed", "embed.W_E")
    if "pos_embed.W_pos" in T:
        p = node("hook_pos_embed", "position", "pos_embed.W_pos")
        x = node("blocks.0.hook_resid_pre", "add", x, p)
    for l in range(cfg["n_layers"]):
        b = "blocks.%d." % l
        y = norm(b + "ln1", x)
        H = T[b + "attn.W_Q"].shape[0]
        results = []
        for h in range(H):
            q, k, v = (node("%sattn.hook_%s.%d" % (b, c.lower(), h), "linear", y, "%sattn.W_%s[%d]" % (b, c, h), bias("%sattn.b_%s" % (b, c), h)) for c in "QKV")
            s = node("%sattn.hook_attn_scores.%d" % (b, h), "score", q, k, str(cfg["d_head"]))
            a = node("%sattn.hook_pattern.%d" % (b, h), "softmax", s)
            z = node("%sattn.hook_z.%d" % (b, h), "mix", a, v)
            results.append(node("%sattn.hook_result.%d" % (b, h), "linear", z, "%sattn.W_O[%d]" % (b, h)))
        out = node(b + "hook_attn_out", "heads", *results, bias(b + "attn.b_O"))
        if b + "mlp.W_in" in T:
            mid = node(b + "hook_resid_mid", "add", x, out)
            pre = node(b + "mlp.hook_pre", "linear", norm(b + "ln2", mid), b + "mlp.W_in", bias(b + "mlp.b_in"))
            post = node(b + "mlp.hook_post", cfg["act_fn"], pre)
            mlp = node(b + "hook_mlp_out", "linear", post, b + "mlp.W_out", bias(b + "mlp.b_out"))
            x = node(b + "hook_resid_post", "add", mid, mlp)
        else:
            x = node(b + "hook_resid_post", "add", x, out)
    node("logits", "linear", norm("ln_final", x), "unembed.W_U", bias("unembed.b_U"))
    return nodes, ln


def net_text(T, cfg):
    nodes, ln = graph(T, cfg)
    lines = ["weightproof-net 1", "tokens %d %d" % (cfg["d_vocab"], cfg["n_ctx"]),
             "mask " + ("causal" if cfg.get("attention_dir", "causal") == "causal" else "none"),
             "eps " + (num(cfg.get("eps", 1e-5)) if ln else "0")]
    for name in sorted(T):
        t = T[name]
        lines.append("tensor %s %s" % (name, " ".join(map(str, t.shape))))
        for row in t.reshape(-1, t.shape[-1]):
            lines.append(" ".join(num(v) for v in row))
    return "\n".join(lines + nodes + ["output logits", "end"]) + "\n"


if __name__ == "__main__":
    tensors, config = read(sys.argv[1])
    if len(sys.argv) > 3:
        config = json.load(open(sys.argv[3]))
    with open(sys.argv[2], "w", newline="\n") as f:
        f.write(net_text(tensors, config))
