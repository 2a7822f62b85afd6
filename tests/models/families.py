"""Transformers of every kind in every layout, against a forward pass in plain numpy: python tests/models/families.py BUILD

random_config and random_weights make a network under the canonical names (NETWORK.md section 4); LAYOUTS write it as the modules of
other libraries keep it; forward computes it in float64. What `weightproof run` encloses must hold the numpy values, and one network in
all its layouts must become one .net, byte for byte.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from math import erf

import numpy as np

# ---- networks ----


def random_config(r, **fixed):
    c = dict(d_vocab=r.randint(3, 7), d_vocab_out=r.randint(2, 6), n_ctx=r.randint(2, 5), n_heads=r.choice([1, 2, 3, 4]), d_head=r.choice([2, 4, 6]), n_layers=r.randint(1, 2),
             d_mlp=r.choice([None, 5, 9]), norm=r.choice([None, "LN", "LNPre", "RMS", "RMSPre"]), eps=r.choice([1e-5, 1e-6, 1e-3]), norm_first=True,
             act=r.choice(["relu", "gelu", "gelu_new", "silu", "tanh", "sigmoid", "solu", "solu_ln", "relu2", "none"]), gated=r.random() < 0.3,
             positions=r.choice(["standard", "none", "rotary", "shortformer"]), parallel=r.random() < 0.2, causal=r.random() < 0.7, pad=None, biases=r.random() < 0.6,
             attn_scale=None, tied=False, bilinear=r.random() < 0.15, out_scale=None, adjacent=r.random() < 0.5, base=r.choice([10000, 100]), rotary_tables=False,
             final_norm=True, by_layer=False)
    c["d_model"] = r.choice([4, 6, 8])
    c["groups"] = r.choice([g for g in (1, 2, 3, 4) if c["n_heads"] % g == 0])
    if r.random() < 0.2:
        c["pad"] = r.randrange(c["d_vocab"])
    if r.random() < 0.3:
        c["attn_scale"] = r.choice([1.0, 3.0, 2.5, 1.7, 8 ** 0.5, False])
    if r.random() < 0.15:
        c["by_layer"] = True
    c.update(fixed)
    if c["bilinear"]:
        c.update(groups=c["n_heads"], attn_scale=None, by_layer=False)
    if not c["d_mlp"]:
        c.update(parallel=False, gated=False)
    c["rotary_dim"] = fixed.get("rotary_dim", r.choice([2, c["d_head"]]))
    return c


def random_weights(c, r):
    g = np.random.default_rng(r.randrange(1 << 30))
    d, H, G, dh, m = c["d_model"], c["n_heads"], c["groups"], c["d_head"], c["d_mlp"]
    P = {}

    def add(name, *shape):
        P[name] = (g.normal(size=shape) * 0.7).astype(np.float32)

    def norm(name, k=d, kind=c["norm"]):
        if kind in ("LN", "RMS"):
            P[name + ".w"] = (1 + 0.3 * g.normal(size=k)).astype(np.float32)
        if kind == "LN":
            add(name + ".b", k)
    add("embed.W_E", c["d_vocab"], d)
    if c["positions"] in ("standard", "shortformer"):
        add("pos_embed.W_pos", c["n_ctx"], d)
    for l in range(c["n_layers"]):
        b = "blocks.%d." % l
        for x in (("Q1", "K1", "Q2", "K2") if c["bilinear"] else "Q"):
            add(b + "attn.W_" + x, H, d, dh)
            if c["biases"]:
                add(b + "attn.b_" + x, H, dh)
        for x in ("V" if c["bilinear"] else "KV"):
            u = "_" if G < H else ""
            add(b + "attn.%sW_%s" % (u, x), G, d, dh)
            if c["biases"]:
                add(b + "attn.%sb_%s" % (u, x), G, dh)
        add(b + "attn.W_O", H, dh, d)
        norm(b + "ln1")
        if c["biases"]:
            add(b + "attn.b_O", d)
        if m:
            norm(b + "ln2")
            add(b + "mlp.W_in", d, m)
            add(b + "mlp.W_out", m, d)
            if c["gated"]:
                add(b + "mlp.W_gate", d, m)
            if c["biases"]:
                add(b + "mlp.b_in", m)
                add(b + "mlp.b_out", d)
            if c["act"] == "solu_ln" and c["norm"] == "LN":
                norm(b + "mlp.ln", m, "LN")
    if c["final_norm"]:
        norm("ln_final")
    if c["tied"]:
        P["unembed.W_U"] = P["embed.W_E"].T.copy()
    else:
        add("unembed.W_U", d, c["d_vocab_out"])
        if c["biases"]:
            add("unembed.b_U", c["d_vocab_out"])
    if c["rotary_tables"]:
        for l in range(c["n_layers"]):
            for name, table in zip(("cos", "sin"), tables(c)):
                P["blocks.%d.attn.rotary_%s" % (l, name)] = (table + 1e-3).astype(np.float32)
    return P


def tables(c):
    R = c["rotary_dim"]
    angle = np.arange(c["n_ctx"])[:, None] * float(c["base"]) ** (-2 * np.arange(R // 2) / R)[None, :]
    angle = np.repeat(angle, 2, 1) if c["adjacent"] else np.tile(angle, (1, 2))
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


# ---- the forward pass ----

ERF = np.vectorize(erf)
ACT = {"relu": lambda x: np.maximum(x, 0), "gelu": lambda x: x * (1 + ERF(x / 2 ** 0.5)) / 2,
       "gelu_new": lambda x: x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x ** 3))) / 2, "silu": lambda x: x / (1 + np.exp(-x)), "tanh": np.tanh,
       "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu2": lambda x: np.maximum(x, 0) ** 2, "none": lambda x: x}


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def forward(P, c, t, after=True):
    """Logits [n, d_vocab_out]. after: b_in of a gated MLP is added to the product."""
    P = {k: v.astype(np.float64) for k, v in P.items()}
    n, H, G, dh = len(t), c["n_heads"], c["groups"], c["d_head"]

    def norm(x, name, kind=c["norm"]):
        if kind is None:
            return x
        if kind.startswith("LN"):
            x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x ** 2).mean(-1, keepdims=True) + c["eps"])
        return x * P.get(name + ".w", 1.0) + P.get(name + ".b", 0.0)

    def rotate(x, l):
        if c["positions"] != "rotary":
            return x
        R = c["rotary_dim"]
        cos, sin = (P["blocks.%d.attn.rotary_%s" % (l, k)] for k in ("cos", "sin")) if c["rotary_tables"] else (k.astype(np.float64) for k in tables(c))
        y = x[:, :R].copy()
        if c["adjacent"]:
            y[:, ::2], y[:, 1::2] = -x[:, 1:R:2], x[:, :R:2]
        else:
            y[:, :R // 2], y[:, R // 2:] = -x[:, R // 2:R], x[:, :R // 2]
        return np.concatenate([x[:, :R] * cos[:n] + y * sin[:n], x[:, R:]], 1)

    def act(x, l):
        if c["act"].startswith("solu"):
            x = x * softmax(x)
            return norm(x, "blocks.%d.mlp.ln" % l, "LN") if c["act"] == "solu_ln" else x
        return ACT[c["act"]](x)

    def attention(l, y, y_qk):
        b, out = "blocks.%d.attn." % l, P.get("blocks.%d.attn.b_O" % l, 0.0) + np.zeros((n, c["d_model"]))
        allowed = np.tril(np.ones((n, n), bool)) if c["causal"] else np.ones((n, n), bool)
        if c["pad"] is not None:
            allowed = allowed & (np.array(t) != c["pad"])[None, :]

        def project(x, kind, h):
            for u in ("", "_"):
                if b + u + "W_" + kind in P:
                    h = h * G // H if u else h
                    return x @ P[b + u + "W_" + kind][h] + (P[b + u + "b_" + kind][h] if b + u + "b_" + kind in P else 0)
        for h in range(H):
            v = project(y, "V", h)
            if c["bilinear"]:
                s = [rotate(project(y_qk, "Q" + i, h), l) @ rotate(project(y_qk, "K" + i, h), l).T / dh for i in "12"]
                p = np.where(allowed, s[0] * s[1], 0)
            else:
                scale = dh ** 0.5 if c["attn_scale"] is None else c["attn_scale"] or 1.0
                if c["attn_scale"] not in (None, False) and float(scale) ** 2 != round(float(scale) ** 2) and scale != 8 ** 0.5:
                    scale = float(np.float32(scale))
                if c["by_layer"]:
                    scale = scale * (l + 1)
                s = rotate(project(y_qk, "Q", h), l) @ rotate(project(y_qk, "K", h), l).T / scale
                p = np.zeros((n, n))
                for i in range(n):
                    if allowed[i].any():
                        p[i, allowed[i]] = softmax(s[i, allowed[i]])
            out = out + (p @ v) @ P[b + "W_O"][h]
        return out * (float(np.float32(c["out_scale"])) if c["out_scale"] else 1)

    def mlp(l, y):
        b = "blocks.%d.mlp." % l
        pre, b_in = y @ P[b + "W_in"], P.get(b + "b_in", 0.0)
        if c["gated"]:
            gate = act(y @ P[b + "W_gate"] + P.get(b + "b_gate", 0.0), l)
            post = gate * pre + b_in if after else gate * (pre + b_in)
        else:
            post = act(pre + b_in, l)
        return post @ P[b + "W_out"] + P.get(b + "b_out", 0.0)

    x = P["embed.W_E"][t]
    pos = P["pos_embed.W_pos"][:n] if "pos_embed.W_pos" in P else 0
    if c["positions"] == "standard":
        x = x + pos
    for l in range(c["n_layers"]):
        b = "blocks.%d." % l
        if not c["norm_first"]:
            x = norm(x + attention(l, x, x), b + "ln1")
            if c["d_mlp"]:
                x = norm(x + mlp(l, x), b + "ln2")
            continue
        y = norm(x, b + "ln1")
        out = attention(l, y, y + pos if c["positions"] == "shortformer" else y)
        if c["d_mlp"] and c["parallel"]:
            x = x + out + mlp(l, norm(x, b + "ln2") if c["norm"] in (None, "LNPre", "RMSPre") or b + "ln2.w" in P else y)
        else:
            x = x + out
            if c["d_mlp"]:
                x = x + mlp(l, norm(x, b + "ln2"))
    if c["final_norm"]:
        x = norm(x, "ln_final")
    return x @ P["unembed.W_U"] + P.get("unembed.b_U", 0.0)


# ---- layouts ----


def settings(c):
    """The configuration that any layout needs."""
    s = dict(n_layers=c["n_layers"], n_ctx=c["n_ctx"], normalization_type=c["norm"], eps=c["eps"], attention_dir="causal" if c["causal"] else "bidirectional",
             positional_embedding_type=c["positions"], parallel_attn_mlp=c["parallel"])
    if c["d_mlp"]:
        s["act_fn"] = c["act"]
    if c["pad"] is not None:
        s["pad_token"] = c["pad"]
    if c["attn_scale"] is False:
        s["use_attn_scale"] = False
    elif c["attn_scale"] is not None:
        s["attn_scale"] = c["attn_scale"]
    if c["by_layer"]:
        s["scale_attn_by_inverse_layer_idx"] = True
    if c["positions"] == "rotary":
        s.update(rotary_dim=c["rotary_dim"], rotary_base=c["base"], rotary_adjacent_pairs=c["adjacent"])
    if not c["norm_first"]:
        s["norm_first"] = False
    if c["out_scale"]:
        s["attn_out_scale"] = c["out_scale"]
    return s


def transformer_lens(P, c):
    T = dict(P)
    for l in range(c["n_layers"]):
        T["blocks.%d.attn.mask" % l] = np.tril(np.ones((c["n_ctx"], c["n_ctx"]), bool))
    return T, settings(c)


def ungrouped(P, c):
    """n_key_value_heads given, and as many as there are queries: the names of groups all the same."""
    T, config = transformer_lens(P, c)
    return {re.sub(r"attn\.([Wb]_[KV])$", r"attn._\1", k): v for k, v in T.items()}, dict(config, n_key_value_heads=c["n_heads"])


def older(P, c):
    T = {}
    for k, v in P.items():
        if k.endswith(("W_Q", "W_K", "W_V")):
            v = v.transpose(0, 2, 1)
        elif k.endswith("W_O"):
            v = v.reshape(-1, v.shape[2]).T
        elif k.endswith(("W_in", "W_out", "W_E")):
            v = v.T
        T[k] = v
    return T, settings(c)


def flat(W):
    """[H, d, dh] to [d, H dh]."""
    return W.transpose(1, 0, 2).reshape(W.shape[1], -1)


def rename(P, c, words, turn, fused=None, prefix="", blocks="layers", suffix=True):
    """A module whose matrices are turn(x W's W); words: canonical to local names; fused: joins queries, keys and values."""
    T = {}
    w, b = (".weight", ".bias") if suffix else ("", "_bias")

    def put(name, v):
        if v is not None:
            T[prefix + name] = np.ascontiguousarray(v)
    for k, v in P.items():
        m = re.match(r"blocks\.(\d+)\.(.*)\.(_?)(W|b|w)_?(\w*)$", k)
        if not m:
            continue
        l, part, _, kind, which = m.groups()
        base = "%s.%s." % (blocks, l)
        if part in ("ln1", "ln2"):
            put(base + words[part] + (w if kind == "w" else b), v)
        elif part == "attn" and which in "QKV" and fused:
            continue
        elif part == "attn":
            v = v.reshape(-1, v.shape[2]) if which == "O" and kind == "W" else flat(v) if kind == "W" else v.reshape(-1)
            put(base + words[which] + (w if kind == "W" else b), turn(v) if kind == "W" else v)
        elif part == "mlp":
            put(base + words[which] + (w if kind == "W" else b), turn(v) if kind == "W" else v)
    for l in range(c["n_layers"]):
        if fused and not c["bilinear"]:
            fused(put, "%s.%d." % (blocks, l), *[[P.get("blocks.%d.attn.%s%s_%s" % (l, u, kind, x)) for x, u in
                  (("Q", ""), ("K", "_" if c["groups"] < c["n_heads"] else ""), ("V", "_" if c["groups"] < c["n_heads"] else ""))] for kind in "Wb"])
    put(words["E"] + w, P["embed.W_E"])
    put(words["pos"] + w, P.get("pos_embed.W_pos"))
    put(words["lnf"] + w, P.get("ln_final.w"))
    put(words["lnf"] + b, P.get("ln_final.b"))
    if not c["tied"]:
        put(words["U"] + w, P["unembed.W_U"].T)
        put(words["U"] + b, P.get("unembed.b_U"))
    return T


def gpt2(P, c):
    def fused(put, base, W, b):
        put(base + "attn.c_attn.weight", np.concatenate([flat(x) for x in W], 1))
        put(base + "attn.c_attn.bias", np.concatenate([x.reshape(-1) for x in b]) if b[0] is not None else None)
    words = dict(E="wte", pos="wpe", lnf="ln_f", U="lm_head", ln1="ln_1", ln2="ln_2", O="attn.c_proj", out="mlp.c_proj")
    words["in"] = "mlp.c_fc"
    T = rename(P, c, words, lambda W: W, fused, blocks="h")
    T = {"lm_head.weight" if k == "lm_head.weight" else "lm_head.bias" if k == "lm_head.bias" else "transformer." + k: v for k, v in T.items()}
    for l in range(c["n_layers"]):
        T["transformer.h.%d.attn.bias" % l] = np.tril(np.ones((1, 1, c["n_ctx"], c["n_ctx"]), bool))
        T["transformer.h.%d.attn.masked_bias" % l] = np.array(-1e4, np.float32)
    s = dict(settings(c), n_head=c["n_heads"], n_embd=c["d_model"], n_positions=c["n_ctx"], layer_norm_epsilon=c["eps"], num_key_value_heads=c["groups"])
    for k in ("eps", "n_ctx", "normalization_type"):
        if k != "normalization_type" or c["norm"] == "LN":
            s.pop(k)
    if c["norm"] != "LN":
        s.update(eps=s.pop("layer_norm_epsilon"))
    return T, s


def neox(P, c):
    def fused(put, base, W, b):
        x = np.stack([W[i] for i in range(3)], 1)         # H 3 d dh
        put(base + "attention.query_key_value.weight", x.transpose(0, 1, 3, 2).reshape(-1, x.shape[2]))
        put(base + "attention.query_key_value.bias", np.stack(b, 1).reshape(-1) if b[0] is not None else None)
    words = dict(E="embed_in", pos="embed_pos", lnf="final_layer_norm", U="embed_out", ln1="input_layernorm", ln2="post_attention_layernorm", O="attention.dense",
                 out="mlp.dense_4h_to_h", gate="mlp.gate_proj")
    words["in"] = "mlp.dense_h_to_4h"
    T = {("embed_out" + k[9:] if k.startswith("embed_out") else "gpt_neox." + k): v for k, v in rename(P, c, words, lambda W: W.T, fused).items()}
    for l in range(c["n_layers"]):
        T["gpt_neox.layers.%d.attention.rotary_emb.inv_freq" % l] = np.ones(1, np.float32)
    return T, dict(settings(c), num_attention_heads=c["n_heads"], hidden_size=c["d_model"])


def llama(P, c):
    words = dict(E="embed_tokens", pos="embed_positions", lnf="norm", U="lm_head", ln1="input_layernorm", ln2="post_attention_layernorm", Q="self_attn.q_proj", K="self_attn.k_proj",
                 V="self_attn.v_proj", O="self_attn.o_proj", out="mlp.down_proj", gate="mlp.gate_proj")
    words["in"] = "mlp.up_proj"
    T = {(k if k.startswith("lm_head") else "model." + k): v for k, v in rename(P, c, words, lambda W: W.T).items()}
    return T, dict(settings(c), num_attention_heads=c["n_heads"], num_key_value_heads=c["groups"], hidden_size=c["d_model"], head_dim=c["d_head"], weight_layout="out_in")


def torch_encoder(P, c):
    def fused(put, base, W, b):
        put(base + "self_attn.in_proj_weight", np.concatenate([flat(x).T for x in W]))
        put(base + "self_attn.in_proj_bias", np.concatenate([x.reshape(-1) for x in b]) if b[0] is not None else None)
    words = dict(E="embedding", pos="pos_embedding", lnf="transformer.norm", U="fc_out", ln1="norm1", ln2="norm2", O="self_attn.out_proj", out="linear2")
    words["in"] = "linear1"
    return rename(P, c, words, lambda W: W.T, fused, blocks="transformer.layers"), dict(settings(c), nhead=c["n_heads"], norm_first=c["norm_first"], n_key_value_heads=c["groups"])


def by_hand(P, c):
    words = dict(E="tok_emb", pos="pos_emb", lnf="ln_f", U="head", ln1="ln1", ln2="ln2", Q="attn.q", K="attn.k", V="attn.v", O="attn.o", out="mlp.fc2", gate="mlp.w_gate",
                 Q1="attn.q1", K1="attn.k1", Q2="attn.q2", K2="attn.k2")
    words["in"] = "mlp.fc1"
    return rename(P, c, words, lambda W: W.T, blocks="blocks"), dict(settings(c), n_heads=c["n_heads"], n_key_value_heads=c["groups"], weight_layout="out_in")


def in_out(P, c):
    words = dict(E="token_embedding", pos="position_embedding", lnf="final_norm", U="to_logits", ln1="attn_norm", ln2="mlp_norm", Q="attention.wq", K="attention.wk",
                 V="attention.wv", O="attention.wo", out="ffn.w2", gate="ffn.gate")
    words["in"] = "ffn.w_in" if c["gated"] else "ffn.w1"
    return rename(P, c, words, lambda W: W, prefix="module."), dict(settings(c), n_heads=c["n_heads"], n_kv_heads=c["groups"], weight_layout="in_out")


def linears(P, c):
    """nn.Linear modules under the names that TransformerLens gives its parameters."""
    words = dict(E="embed", pos="pos_embed", lnf="ln_final", U="unembed", ln1="ln1", ln2="ln2", Q="attn.W_Q", K="attn.W_K", V="attn.W_V", O="attn.W_O", out="mlp.W_out", gate="mlp.W_gate")
    words["in"] = "mlp.W_in"
    return rename(P, c, words, lambda W: W.T, blocks="blocks"), dict(settings(c), n_heads=c["n_heads"], n_key_value_heads=c["groups"], weight_layout="out_in")


def bilinear_names(P, c):
    """qkv in one, the two factors of the MLP in one, norms without parameters."""
    T = {"transformer.wte.weight": P["embed.W_E"], "lm_head.weight": P["unembed.W_U"].T}
    for l in range(c["n_layers"]):
        a, b = "blocks.%d." % l, "transformer.h.%d." % l
        T[b + "attn.qkv.weight"] = np.concatenate([flat(P[a + "attn.W_" + x]).T for x in "QKV"])
        T[b + "attn.o.weight"] = P[a + "attn.W_O"].reshape(-1, c["d_model"]).T
        T[b + "attn.rotary.inv_freq"] = np.ones(1, np.float32)
        T[b + "mlp.w.weight"] = np.concatenate([P[a + "mlp.W_gate"].T, P[a + "mlp.W_in"].T])
        T[b + "mlp.p.weight"] = P[a + "mlp.W_out"].T
    return T, dict(settings(c), n_head=c["n_heads"])


# ---- files ----


def save(path, tensors, config, r=None):
    """Safetensors with the configuration inside, or npz with a side-car."""
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    if path.endswith(".npz"):
        np.savez(path, **tensors)
        with open(path[:-4] + ".config.json", "w") as f:
            json.dump(config, f)
        return
    header, data = {"__metadata__": {"config": json.dumps(config)}}, b""
    for k, v in tensors.items():
        raw = v.tobytes()
        header[k] = {"dtype": {"float32": "F32", "bool": "BOOL"}[str(v.dtype)], "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def enclosures(program, path, tokens, *more):
    """(middle, radius) of the logits [n, width], or the error's text."""
    p = subprocess.run([program, "run", path, "--tokens", ",".join(map(str, tokens)), "--digits", "17"] + list(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode:
        return p.stderr.decode()
    rows = []
    for line in p.stdout.decode().split("\n"):
        if line.startswith("position"):
            rows.append([])
        elif line.startswith("  "):
            m = re.match(r"\s+\d+  \[?(?:(-?[\d.]+(?:e[-+]?\d+)?) ?)?(?:\+/- ([\d.]+(?:e[-+]?\d+)?)\])?$", line)
            if not m:
                return "cannot read " + line
            rows[-1].append((float(m.group(1) or 0), float(m.group(2) or 0)))
    x = np.array(rows)
    return x[..., 0], x[..., 1]


def agrees(program, path, P, c, r, after=True):
    """None, or what is wrong."""
    for n in (1, c["n_ctx"]):
        t = [r.randrange(c["d_vocab"]) for _ in range(n)]
        found, y = enclosures(program, path, t), forward(P, c, t, after)
        if isinstance(found, str):
            return found
        middle, radius = found
        if middle.shape != y.shape or not (np.abs(middle - y) <= radius + 1e-9 * max(1, np.abs(y).max())).all():
            return "tokens %r\nnumpy %r\nfound %r" % (t, y, middle)
    return None


# Which networks a layout can hold.
PLAIN = dict(gated=False, bilinear=False, rotary_tables=False, tied=False)
KINDS = [
    ("transformer_lens", transformer_lens, {}, 40), ("transformer_lens", transformer_lens, dict(positions="rotary", rotary_tables=True), 6),
    ("ungrouped", ungrouped, dict(PLAIN, groups=None), 3),
    ("transformer_lens", transformer_lens, dict(PLAIN, by_layer=True, attn_scale=False, n_layers=2), 2), ("transformer_lens", transformer_lens, dict(PLAIN, by_layer=True, attn_scale=1.7, n_layers=2), 2),
    ("older", older, dict(PLAIN, groups=None, biases=False, act="relu"), 6),
    ("gpt2", gpt2, dict(PLAIN, norm="LN", positions="standard", biases=True, d_mlp=9, act="gelu_new", by_layer=False), 8),
    ("gpt2", gpt2, dict(PLAIN, norm="LN", positions="standard", biases=True, d_mlp=9, act="gelu_new", tied=True, by_layer=False), 4),
    ("neox", neox, dict(PLAIN, groups=None, norm="LN", biases=True, d_mlp=9, act="gelu", positions="rotary"), 8),
    ("llama", llama, dict(PLAIN, gated=True, norm="RMS", act="silu", positions="rotary", adjacent=False, biases=False, d_mlp=9), 8),
    ("torch_encoder", torch_encoder, dict(PLAIN, groups=None, norm="LN", norm_first=False, parallel=False, positions="standard", d_mlp=9, biases=True, act="relu", final_norm=False), 8),
    ("torch_encoder", torch_encoder, dict(PLAIN, groups=None, norm="LN", positions="standard", d_mlp=9, biases=True, act="gelu", parallel=False), 4),
    ("by_hand", by_hand, dict(rotary_tables=False, act="silu"), 12), ("by_hand", by_hand, dict(bilinear=True, rotary_tables=False, act="none", gated=True, d_mlp=5, norm="RMSPre"), 6),
    ("in_out", in_out, dict(PLAIN), 8), ("linears", linears, dict(PLAIN, act="silu"), 4),
    ("bilinear_names", bilinear_names, dict(PLAIN, gated=True, groups=None, act="none", norm="RMSPre", eps=1e-8, positions="rotary", adjacent=False, biases=False, d_mlp=5,
                                            out_scale=0.5 ** 0.5, parallel=False), 6),
]


def make(r, fixed):
    c = random_config(r, **{k: v for k, v in fixed.items() if v is not None or k == "norm"})
    if "groups" in fixed and fixed["groups"] is None:
        c["groups"] = c["n_heads"]
    if c["tied"]:
        c["d_vocab_out"] = c["d_vocab"]
    if not c["d_mlp"] and c["norm"] is None:
        c["act"] = "relu"
    while c["d_vocab_out"] == c["d_model"] or c["d_vocab"] == c["d_model"]:
        c["d_model"] += 2
    return c, random_weights(c, r)


def main(build):
    program, passed, failed, r = os.path.join(build, "weightproof"), 0, 0, random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        for name, layout, fixed, count in KINDS:
            for _ in range(count):
                c, P = make(r, fixed)
                number += 1
                path = os.path.join(folder, "%s_%d.%s" % (name, number, r.choice(["safetensors", "npz"])))
                save(path, *layout(P, c))
                wrong = agrees(program, path, P, c, r, after=layout in (transformer_lens, ungrouped, older))
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                if wrong:
                    print("%s: %s\n%s" % (name, json.dumps(c), wrong))
        for i in range(6):        # one network, every layout that holds it
            c, P = make(r, dict(PLAIN, norm="LN", positions="standard", biases=True, d_mlp=9, act="gelu", groups=None, pad=None, attn_scale=None, parallel=False, by_layer=False))
            c["attn_scale"], c["pad"] = None, None
            texts = {}
            for layout in (transformer_lens, ungrouped, gpt2, neox, llama, torch_encoder, by_hand, in_out, linears):
                path = os.path.join(folder, "%s_same%d.safetensors" % (layout.__name__, i))
                save(path, *layout(P, c))
                done = subprocess.run([program, "convert", path, "-o", path + ".net"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                texts[layout.__name__] = done.stdout if done.returncode else open(path + ".net", "rb").read()
            for k, v in texts.items():
                same = v == texts["transformer_lens"] and v.startswith(b"weightproof-net")
                passed, failed = passed + same, failed + (not same)
                if not same:
                    print("layout %s of one network: not the same .net\n%s" % (k, v[:300].decode()))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
