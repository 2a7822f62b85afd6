"""Further random transformers for families.py: three or four layers with the weights that PyTorch starts from, and rows of real numbers as inputs."""
import json
import math

import torch
from torch import nn

from transformers_random import Hand, InOut, hand_config, hand_words, randomise, tokens


def ordinary(r):
    """By hand, of ordinary size: as nn.Linear starts."""
    c = hand_config(r)
    c.update(V=r.randint(8, 20), L=r.randint(3, 4), d=r.choice([16, 24]), H=r.choice([2, 4]), dh=r.choice([4, 6]), m=r.choice([24, 32]), n_ctx=r.randint(4, 7), R=4, pad=None)
    c["G"] = r.choice([c["H"], c["H"] // 2]) if not c["by_head"] else c["H"]
    c["out"] = c["d"] + 1 if not c["tied"] else c["V"]
    model = Hand(c)
    for m in model.modules():
        if isinstance(m, InOut):
            nn.init.kaiming_uniform_(m.weight.T, a=math.sqrt(5))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    return [(model, tokens(r, c["V"], c["n_ctx"])[:2], hand_words(c), [])]


def ordinary_lens(r):
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    H = r.choice([2, 4])
    c = dict(n_layers=r.randint(3, 4), d_model=r.choice([16, 24]), n_ctx=r.randint(4, 7), n_heads=H, d_head=r.choice([4, 8]), d_vocab=r.randint(8, 20), act_fn=r.choice(["relu", "gelu", "gelu_new"]),
             d_mlp=32, normalization_type=r.choice(["LN", "LNPre", "RMS", None]), positional_embedding_type=r.choice(["standard", "rotary"]), device="cpu", seed=r.randrange(1000))
    if c["positional_embedding_type"] == "rotary":
        c["rotary_dim"] = c["d_head"]
    if r.random() < 0.5:
        c["n_key_value_heads"] = H // 2
    cfg = HookedTransformerConfig(**c)
    return [(HookedTransformer(cfg, move_to_device=False), tokens(r, c["d_vocab"], c["n_ctx"])[:2], json.loads(json.dumps(cfg.to_dict(), default=str)), [])]


class Sequence(nn.Module):
    """Rows of real numbers under TransformerLens' names: a linear map of them stands for the embedding."""
    def __init__(self, w, d, H, dh, L, m, out, n_ctx, act, causal, positions):
        super().__init__()
        self.causal, self.act, self.m, self.L = causal, act, m, L
        shapes = {"embed.W_E": (w, d), "unembed.W_U": (d, out), "unembed.b_U": (out,)}
        if positions:
            shapes["pos_embed.W_pos"] = (n_ctx, d)
        for l in range(L):
            b = "blocks.%d." % l
            shapes.update({b + "attn.W_" + k: (H, d, dh) for k in "QKV"})
            shapes.update({b + "attn.b_" + k: (H, dh) for k in "QKV"})
            shapes.update({b + "attn.W_O": (H, dh, d), b + "attn.b_O": (d,)})
            if m:
                shapes.update({b + "mlp.W_in": (d, m), b + "mlp.b_in": (m,), b + "mlp.W_out": (m, d), b + "mlp.b_out": (d,)})
        self.names = sorted(shapes)
        self.values = nn.ParameterList(nn.Parameter(torch.empty(shapes[name])) for name in self.names)

    def state_dict(self):
        return {name: v.detach() for name, v in zip(self.names, self.values)}

    def forward(self, x):
        P, n = dict(zip(self.names, self.values)), x.shape[1]
        x = x @ P["embed.W_E"] + (P["pos_embed.W_pos"][:n] if "pos_embed.W_pos" in P else 0)
        for l in range(self.L):
            b = "blocks.%d." % l
            q, k, v = (torch.einsum("bnd,hde->bhne", x, P[b + "attn.W_" + c]) + P[b + "attn.b_" + c][:, None] for c in "QKV")
            s = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            if self.causal:
                s = s.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), float("-inf"))
            x = x + torch.einsum("bhne,hed->bnd", s.softmax(-1) @ v, P[b + "attn.W_O"]) + P[b + "attn.b_O"]
            if self.m:
                x = x + getattr(torch, self.act)(x @ P[b + "mlp.W_in"] + P[b + "mlp.b_in"]) @ P[b + "mlp.W_out"] + P[b + "mlp.b_out"]
        return x @ P["unembed.W_U"] + P["unembed.b_U"]


def sequence(r):
    w, n_ctx, m, act, causal, positions = r.randint(1, 5), r.randint(2, 5), r.choice([0, 7]), r.choice(["relu", "tanh"]), r.random() < 0.5, r.random() < 0.6
    model = Sequence(w, r.choice([4, 6]), r.randint(1, 3), r.choice([2, 3]), r.randint(1, 2), m, r.randint(1, 4), n_ctx, act, causal, positions)
    words = ["input_type=reals", "n_ctx=%d" % n_ctx, "normalization_type=null", "positional_embedding_type=" + ("standard" if positions else "none"),
             "attention_dir=" + ("causal" if causal else "bidirectional")] + (["act_fn=" + act] if m else [])
    return [(randomise(model), torch.randn(4, n_ctx if r.random() < 0.5 else r.randint(1, n_ctx), w), None, words)]


ORDINARY = [(ordinary, 16, True), (ordinary_lens, 12, True), (sequence, 30, True)]
# Of three or four layers with norms there is not always a finite bound: errors of all entries of a layer are taken to fall on one side.
DEEP = [ordinary, ordinary_lens]
