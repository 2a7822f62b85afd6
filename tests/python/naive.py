"""A transformer of TransformerLens names in plain numpy, double precision."""
import numpy as np


def random_transformer(rng, d_vocab, n_ctx, d_model, d_head, heads, n_layers):
    draw = lambda *shape: rng.normal(0, 0.7, shape).astype(np.float32)  # noqa: E731
    state = {"embed.W_E": draw(d_vocab, d_model), "pos_embed.W_pos": draw(n_ctx, d_model), "unembed.W_U": draw(d_model, d_vocab)}
    for layer in range(n_layers):
        for part in "QKV":
            state["blocks.%d.attn.W_%s" % (layer, part)] = draw(heads, d_model, d_head)
        state["blocks.%d.attn.W_O" % layer] = draw(heads, d_head, d_model)
    return state


def forward(state, tokens, heads):
    w = {k: v.astype(np.float64) for k, v in state.items()}
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"][: len(tokens)]
    layer = 0
    while "blocks.%d.attn.W_Q" % layer in w:
        out = np.zeros_like(x)
        for h in range(heads):
            q, k, v = (x @ w["blocks.%d.attn.W_%s" % (layer, p)][h] for p in "QKV")
            s = q @ k.T / np.sqrt(q.shape[1])
            s[np.triu_indices(len(tokens), 1)] = -np.inf
            p = np.exp(s - s.max(1, keepdims=True))
            out += p / p.sum(1, keepdims=True) @ v @ w["blocks.%d.attn.W_O" % layer][h]
        x = x + out
        layer += 1
    return x @ w["unembed.W_U"]


def bilinear(tensors, x):
    """One bilinear block and its head, on one vector."""
    return (x @ tensors["blocks.0.W_left"] * (x @ tensors["blocks.0.W_right"])) @ tensors["head.W"]
