"""Random transformers of PyTorch for families.py: by hand in the layouts and under the names that people use, nn.TransformerEncoder, TransformerLens,
and the modules of Hugging Face.

A maker takes a random.Random and returns a list of files of one network, each (module, tokens, configuration, --set words): the file's own
state dict is what is saved, the module's forward pass what selftest must find.
"""
import json
import math

import torch
from torch import nn
from torch.nn import functional as F

ACTS = {"relu": F.relu, "gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "relu2": lambda x: F.relu(x) ** 2, "none": lambda x: x}


def randomise(model):
    """Every parameter away from its usual start: biases and the weights of norms too."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(std=0.25)
            if p.dim() == 1 and name.endswith(("weight", ".w")):
                p.mul_(0.6).add_(1)
    return model


def tokens(r, V, n_ctx):
    return torch.randint(0, V, (4, r.randint(2, n_ctx)))


# ---- by hand ----


class RMSNorm(nn.Module):
    def __init__(self, d, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return x / torch.sqrt((x ** 2).mean(-1, keepdim=True) + self.eps) * self.weight


class InOut(nn.Module):
    """x @ W, as Conv1D of GPT-2 has it."""
    def __init__(self, a, b, bias):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(a, b)), nn.Parameter(torch.empty(b)) if bias else None

    def forward(self, x):
        return x @ self.weight + self.bias if self.bias is not None else x @ self.weight


def linear(c, a, b):
    return InOut(a, b, c["bias"]) if c["in_out"] else nn.Linear(a, b, bias=c["bias"])


def norm(c):
    return RMSNorm(c["d"], c["eps"]) if c["norm"] == "RMS" else nn.LayerNorm(c["d"], eps=c["eps"])


def heads(x, n):
    return x.unflatten(-1, (n, -1)).transpose(1, 2)


def rotate(x, c):
    """Each pair of entries turned by pos * base^(-2k/R), from tables that are nearest to the true ones."""
    R, n = c["R"], x.shape[2]
    angle = torch.arange(n, dtype=torch.float64)[:, None] * c["base"] ** (-torch.arange(0, R, 2, dtype=torch.float64) / R)
    cos, sin = (t.to(torch.float32).to(x.dtype) for t in (angle.cos(), angle.sin()))
    if c["adjacent"]:
        a, b = x[..., 0:R:2], x[..., 1:R:2]
        turned = torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    else:
        a, b = x[..., :R // 2], x[..., R // 2:R]
        turned = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
    return torch.cat([turned, x[..., R:]], -1)


class Attention(nn.Module):
    """Under the names of a row of QKV; one word: all three in one matrix, by head or one after another."""
    def __init__(self, c):
        super().__init__()
        self.c, (H, G, dh) = c, (c["H"], c["G"], c["dh"])
        if len(c["qkv"]) == 2:
            self.add_module(c["qkv"][0], linear(c, c["d"], (H + 2 * G) * dh))
        else:
            for name, n in zip(c["qkv"], (H, G, G)):
                self.add_module(name, linear(c, c["d"], n * dh))
        self.add_module(c["qkv"][-1], linear(c, H * dh, c["d"]))

    def queries_keys_values(self, x):
        c = self.c
        if len(c["qkv"]) == 4:
            return [heads(getattr(self, name)(x), n) for name, n in zip(c["qkv"], (c["H"], c["G"], c["G"]))]
        y = getattr(self, c["qkv"][0])(x)
        if c["by_head"]:
            return heads(y, c["H"]).chunk(3, dim=-1)
        return [heads(part, n) for part, n in zip(y.split([c["H"] * c["dh"], c["G"] * c["dh"], c["G"] * c["dh"]], dim=-1), (c["H"], c["G"], c["G"]))]

    def forward(self, x, allowed):
        c = self.c
        q, k, v = self.queries_keys_values(x)
        k, v = (y.repeat_interleave(c["H"] // c["G"], dim=1) for y in (k, v))
        if c["positions"] == "rotary":
            q, k = rotate(q, c), rotate(k, c)
        s = (q @ k.transpose(-1, -2) / math.sqrt(c["dh"]) if c["scaled"] else q @ k.transpose(-1, -2)).masked_fill(~allowed, -math.inf)
        p = s.softmax(-1).masked_fill(~allowed.any(-1, keepdim=True), 0)
        return getattr(self, c["qkv"][-1])((p @ v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.act, self.names = ACTS[c["act"]], c["ffn"]
        for name in c["ffn"][:-1]:
            self.add_module(name, linear(c, c["d"], c["m"]))
        self.add_module(c["ffn"][-1], linear(c, c["m"], c["d"]))

    def forward(self, x):
        parts = [getattr(self, name) for name in self.names]
        y = self.act(parts[0](x))
        return parts[-1](y * parts[1](x) if len(parts) == 3 else y)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.add_module(c["attn"], Attention(c))
        if c["m"]:
            self.add_module(c["mlp"], MLP(c))
        for name in c["norms"][:2 if c["m"] else 1] if c["norm"] else []:
            self.add_module(name, norm(c))

    def forward(self, x, allowed):
        c = self.c
        n1, n2 = [getattr(self, name, nn.Identity()) for name in c["norms"]]
        attn, mlp = getattr(self, c["attn"]), getattr(self, c["mlp"]) if c["m"] else lambda x: 0
        if not c["norm_first"]:
            x = n1(x + attn(x, allowed))
            return n2(x + mlp(x)) if c["m"] else x
        if c["parallel"]:
            return x + attn(n1(x), allowed) + mlp(n2(x))
        x = x + attn(n1(x), allowed)
        return x + mlp(n2(x)) if c["m"] else x


class Hand(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.add_module(c["tok"], nn.Embedding(c["V"], c["d"]))
        if c["positions"] == "standard":
            self.add_module(c["pos"], nn.Embedding(c["n_ctx"], c["d"]))
        self.add_module(c["blocks"], nn.ModuleList(Block(c) for _ in range(c["L"])))
        if c["norm"] and c["final"]:
            self.add_module(c["lnf"], norm(c))
        if not c["tied"]:
            self.add_module(c["head"], nn.Linear(c["d"], c["out"], bias=c["head_bias"]))

    def forward(self, t):
        c, n = self.c, t.shape[1]
        E = getattr(self, c["tok"])
        x = E(t)
        if c["positions"] == "standard":
            x = x + getattr(self, c["pos"])(torch.arange(n))
        allowed = torch.ones(n, n, dtype=torch.bool)
        allowed = (allowed.tril() if c["causal"] else allowed)[None, None]
        if c["pad"] is not None:
            allowed = allowed & (t != c["pad"])[:, None, None, :]
        for block in getattr(self, c["blocks"]):
            x = block(x, allowed)
        x = getattr(self, c["lnf"])(x) if c["norm"] and c["final"] else x
        return x @ E.weight.T if c["tied"] else getattr(self, c["head"])(x)


SEPARATE = [("q_proj", "k_proj", "v_proj", "out_proj"), ("q_proj", "k_proj", "v_proj", "o_proj"), ("wq", "wk", "wv", "wo"), ("query", "key", "value", "proj"),
            ("to_q", "to_k", "to_v", "to_out"), ("W_Q", "W_K", "W_V", "W_O"), ("q", "k", "v", "o"), ("q_lin", "k_lin", "v_lin", "out_lin"), ("queries", "keys", "values", "unify_heads")]
PACKED = [("c_attn", "c_proj"), ("qkv", "proj"), ("qkv_proj", "o_proj"), ("in_proj", "out_proj"), ("query_key_value", "dense"), ("to_qkv", "to_out")]
PLAIN = [("c_fc", "c_proj"), ("fc1", "fc2"), ("linear1", "linear2"), ("w_in", "w_out"), ("up_proj", "down_proj"), ("lin1", "lin2"), ("dense_h_to_4h", "dense_4h_to_h")]
GATED = [("gate_proj", "up_proj", "down_proj"), ("w1", "w3", "w2"), ("gate", "up", "down")]


def hand_config(r):
    c = dict(V=r.randint(3, 9), out=r.randint(2, 9), n_ctx=r.randint(2, 6), H=r.choice([1, 2, 3, 4]), dh=r.choice([2, 3, 4]), L=r.randint(1, 2), m=r.choice([0, 5, 9, 11]),
             norm=r.choice([None, "LN", "RMS"]), eps=r.choice([1e-5, 1e-6, 1e-3]), norm_first=r.random() < 0.7, final=r.random() < 0.8, act=r.choice(sorted(ACTS)),
             positions=r.choice(["standard", "standard", "rotary", "none"]), parallel=r.random() < 0.2, causal=r.random() < 0.6, bias=r.random() < 0.6, scaled=r.random() < 0.8,
             head_bias=r.random() < 0.5, tied=r.random() < 0.25, by_head=False, in_out=r.random() < 0.3, adjacent=r.random() < 0.5, base=r.choice([10000.0, 100.0]),
             blocks=r.choice(["blocks", "layers", "h", "transformer_blocks"]), attn=r.choice(["attn", "self_attn", "attention", "mha"]),
             mlp=r.choice(["mlp", "ffn", "feed_forward", "ff"]), norms=r.choice([("ln1", "ln2"), ("norm1", "norm2"), ("ln_1", "ln_2"), ("attn_norm", "ffn_norm")]),
             lnf=r.choice(["ln_f", "norm", "final_norm", "ln_final"]), tok=r.choice(["tok_emb", "wte", "embed_tokens", "embed", "token_embedding"]),
             pos=r.choice(["pos_emb", "wpe", "pos_embed", "position_embedding"]), head=r.choice(["head", "lm_head", "unembed", "output", "fc_out"]))
    c["d"] = r.choice([4, 6, 7, 8])
    c["qkv"] = r.choice(SEPARATE if r.random() < 0.6 else PACKED)
    c["G"] = r.choice([g for g in (1, 2, 3, 4) if c["H"] % g == 0]) if r.random() < 0.4 else c["H"]
    c["by_head"] = len(c["qkv"]) == 2 and c["G"] == c["H"] and r.random() < 0.4
    c["ffn"] = r.choice(GATED if r.random() < 0.3 else PLAIN)
    c["pad"] = r.randrange(c["V"]) if r.random() < 0.2 else None
    c["R"] = r.choice([2, c["dh"] // 2 * 2])
    c["norm_first"] = c["norm_first"] or not c["norm"]
    c["parallel"] = c["parallel"] and c["norm_first"] and c["m"] > 0
    return c


def hand_words(c):
    """The settings of a network by hand, all of them: the tensors tell some of them, which must agree."""
    words = dict(n_heads=c["H"], n_ctx=c["n_ctx"], d_model=c["d"], attention_dir="causal" if c["causal"] else "bidirectional", positional_embedding_type=c["positions"],
                 weight_layout="in_out" if c["in_out"] else "out_in", normalization_type=c["norm"], parallel_attn_mlp=c["parallel"])
    if not c["tied"]:
        words["head_layout"] = "out_in"
    if c["G"] < c["H"]:
        words["n_key_value_heads"] = c["G"]
    if c["m"]:
        words["act_fn"] = c["act"]
    if c["norm"]:
        words.update(eps=c["eps"], norm_first=c["norm_first"])
    if c["positions"] == "rotary":
        words.update(rotary_dim=c["R"], rotary_base=c["base"], rotary_adjacent_pairs=c["adjacent"])
    if c["pad"] is not None:
        words["pad_token"] = c["pad"]
    if not c["scaled"]:
        words["use_attn_scale"] = False
    if len(c["qkv"]) == 2:
        words["qkv_order"] = "by_head" if c["by_head"] else "together"
    return words


def hand(r):
    c = hand_config(r)
    return [(randomise(Hand(c)), tokens(r, c["V"], c["n_ctx"]), hand_words(c), [])]


def hand_set(r):
    """The same, said on the command line."""
    [(model, t, words, _)] = hand(r)
    return [(model, t, None, ["%s=%s" % (k, json.dumps(v) if not isinstance(v, str) else v) for k, v in words.items()])]


class BilinearAttention(nn.Module):
    def __init__(self, d, H, dh, bias, rotary):
        super().__init__()
        self.H, self.dh, self.rotary = H, dh, rotary
        for name in ("q1", "k1", "q2", "k2", "v"):
            self.add_module(name, nn.Linear(d, H * dh, bias=bias))
        self.o = nn.Linear(H * dh, d, bias=bias)

    def forward(self, x):
        n = x.shape[1]
        q1, k1, q2, k2, v = [heads(getattr(self, name)(x), self.H) for name in ("q1", "k1", "q2", "k2", "v")]
        if self.rotary:
            q1, k1, q2, k2 = (rotate(y, self.rotary) for y in (q1, k1, q2, k2))
        p = (q1 @ k1.transpose(-1, -2) / self.dh) * (q2 @ k2.transpose(-1, -2) / self.dh)
        return self.o((p * torch.ones(n, n).tril().to(x.dtype) @ v).transpose(1, 2).flatten(2))


class BilinearTransformer(nn.Module):
    def __init__(self, V, n_ctx, d, H, dh, m, L, bias, rotary, scale):
        super().__init__()
        self.embed, self.head, self.m, self.scale = nn.Embedding(V, d), nn.Linear(d, V, bias=False), m, scale
        self.pos_embed = None if rotary else nn.Embedding(n_ctx, d)
        self.blocks = nn.ModuleList()
        for _ in range(L):
            block = nn.ModuleDict({"attn": BilinearAttention(d, H, dh, bias, rotary)})
            if m:
                block["mlp"] = nn.ModuleDict({"w": nn.Linear(d, 2 * m, bias=False), "p": nn.Linear(m, d, bias=False)})
            self.blocks.append(block)

    def forward(self, t):
        x = self.embed(t)
        x = x if self.pos_embed is None else x + self.pos_embed(torch.arange(t.shape[1]))
        for b in self.blocks:
            x = x + self.scale * b["attn"](x) if self.scale != 1 else x + b["attn"](x)
            if self.m:
                left, right = b["mlp"]["w"](x).chunk(2, -1)
                x = x + b["mlp"]["p"](left * right)
        return self.head(x)


def bilinear_attention(r):
    V, n_ctx, H, dh, m, scale = r.randint(3, 9), r.randint(2, 6), r.randint(1, 3), r.choice([2, 4]), r.choice([0, 5, 9]), r.choice([1, 0.5, 2.0])
    d = r.choice([5, 6, 7])
    if V == d:
        V += 1
    rotary = {"R": dh, "base": 10000.0, "adjacent": r.random() < 0.5} if r.random() < 0.5 else None
    words = dict(n_heads=H, n_ctx=n_ctx, positional_embedding_type="rotary" if rotary else "standard", attention_dir="causal", normalization_type=None, attn_out_scale=scale,
                 weight_layout="out_in")
    if rotary:
        words.update(rotary_dim=dh, rotary_base=10000, rotary_adjacent_pairs=rotary["adjacent"])
    if m:
        words["act_fn"] = "none"
    return [(randomise(BilinearTransformer(V, n_ctx, d, H, dh, m, r.randint(1, 2), r.random() < 0.5, rotary, scale)), tokens(r, V, n_ctx), words, [])]


# ---- nn.TransformerEncoder ----


class Encoder(nn.Module):
    def __init__(self, V, out, n_ctx, d, H, m, L, act, first, final, causal, eps, sums):
        super().__init__()
        self.embed, self.pos_embed, self.head, self.causal = nn.Embedding(V, d), nn.Embedding(n_ctx, d), nn.Linear(d, out), causal
        layer = nn.TransformerEncoderLayer(d, H, m, dropout=0.0, activation=act, norm_first=first, layer_norm_eps=eps, batch_first=True, bias=sums)
        self.encoder = nn.TransformerEncoder(layer, L, norm=nn.LayerNorm(d, eps=eps) if final else None, enable_nested_tensor=False)

    def forward(self, t):
        n = t.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n, dtype=self.head.weight.dtype) if self.causal else None
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return self.head(self.encoder(self.embed(t) + self.pos_embed(torch.arange(n)), mask=mask))


def encoder(r):
    V, n_ctx, H, act, first, causal, eps = r.randint(3, 9), r.randint(2, 6), r.randint(1, 3), r.choice(["relu", "gelu"]), r.random() < 0.5, r.random() < 0.5, r.choice([1e-5, 1e-6])
    d = H * r.choice([2, 3, 4])
    out = d + r.randint(1, 3)
    model = Encoder(V, out, n_ctx, d, H, r.randint(3, 11), r.randint(1, 2), act, first, r.random() < 0.5, causal, eps, r.random() < 0.8)
    return [(randomise(model), tokens(r, V, n_ctx), None, ["n_heads=%d" % H, "act_fn=" + act, "norm_first=" + str(first).lower(), "eps=%r" % eps, "normalization_type=LN",
             "attention_dir=" + ("causal" if causal else "bidirectional")])]


# ---- TransformerLens ----


class Older(nn.Module):
    """Parameters of a TransformerLens model as its oldest versions kept them; it computes what that model computes."""
    def __init__(self, model):
        super().__init__()
        self.model, self.cfg = model, model.cfg

    def forward(self, t):
        return self.model(t)

    def state_dict(self):
        turn = {"W_Q": lambda v: v.transpose(1, 2), "W_K": lambda v: v.transpose(1, 2), "W_V": lambda v: v.transpose(1, 2), "W_O": lambda v: v.flatten(0, 1).T,
                "W_in": lambda v: v.T, "W_out": lambda v: v.T, "W_E": lambda v: v.T}
        return {k: turn.get(k.split(".")[-1], lambda v: v)(v).contiguous() for k, v in self.model.state_dict().items()}


def transformer_lens(r):
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    H, dh, attn_only, positions = r.randint(1, 4), r.choice([2, 4, 6]), r.random() < 0.3, r.choice(["standard", "rotary", "shortformer"])
    kind = r.choice(["LN", "LNPre", "RMS", "RMSPre", None])
    c = dict(n_layers=r.randint(1, 2), d_model=r.choice([4, 6, 8, 9]), n_ctx=r.randint(2, 7), n_heads=H, d_head=dh, d_vocab=r.randint(3, 9), d_vocab_out=r.randint(2, 9),
             attn_only=attn_only, normalization_type=kind, positional_embedding_type=positions, attention_dir=r.choice(["causal", "causal", "bidirectional"]),
             eps=r.choice([1e-5, 1e-6, 1e-3]), use_attn_scale=r.random() < 0.8, scale_attn_by_inverse_layer_idx=r.random() < 0.2, device="cpu", seed=r.randrange(1000))
    if not attn_only:
        c.update(d_mlp=r.randint(3, 11), act_fn=r.choice(["relu", "gelu", "gelu_new", "silu", "solu", "solu_ln"]), gated_mlp=r.random() < 0.3, parallel_attn_mlp=r.random() < 0.2)
        if c["gated_mlp"] and c["act_fn"] == "solu_ln":
            c["act_fn"] = "solu"
    if r.random() < 0.4:
        c["n_key_value_heads"] = r.choice([g for g in (1, 2, 3, 4) if H % g == 0])
    if positions == "rotary":
        c.update(rotary_dim=r.choice([2, dh]), rotary_base=r.choice([10000, 500]), rotary_adjacent_pairs=r.random() < 0.5)
    if c["use_attn_scale"] and r.random() < 0.2:
        c["attn_scale"] = r.choice([1.0, 3.0, 2.5])
    cfg = HookedTransformerConfig(**c)
    model = randomise(HookedTransformer(cfg, move_to_device=False))
    config = json.loads(json.dumps(cfg.to_dict(), default=str))
    t = tokens(r, c["d_vocab"], c["n_ctx"])
    grouped = c.get("n_key_value_heads", H) < H
    return [(model, t, config, [])] + ([(Older(model), t, config, [])] if not grouped and not c.get("gated_mlp") else [])


# ---- Hugging Face ----


def hugging_face(model, t, extra=None):
    model = randomise(model.eval())
    return [(model, t, json.loads(model.config.to_json_string(use_diff=False)) | (extra or {}), [])]


def gpt2(r):
    from transformers import GPT2Config, GPT2LMHeadModel
    H, V, n_ctx = r.randint(1, 3), r.randint(3, 9), r.randint(2, 6)
    d = H * r.choice([2, 3, 4])
    c = GPT2Config(vocab_size=V, n_positions=n_ctx, n_embd=d, n_layer=r.randint(1, 2), n_head=H, n_inner=r.choice([None, 7]), resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                   activation_function=r.choice(["gelu_new", "gelu", "relu", "silu", "tanh"]), layer_norm_epsilon=r.choice([1e-5, 1e-6]), tie_word_embeddings=r.random() < 0.5,
                   scale_attn_by_inverse_layer_idx=r.random() < 0.3, attn_implementation="eager", bos_token_id=0, eos_token_id=0)
    return hugging_face(GPT2LMHeadModel(c), tokens(r, V, n_ctx))


def llama(r):
    from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM
    H, dh, V, n_ctx = r.randint(1, 4), r.choice([2, 4, 6]), r.randint(3, 9), r.randint(2, 6)
    config, model = r.choice([(LlamaConfig, LlamaForCausalLM), (MistralConfig, MistralForCausalLM), (Qwen2Config, Qwen2ForCausalLM)])
    more = {"mlp_bias": r.random() < 0.3, "attention_bias": r.random() < 0.3} if config is LlamaConfig else {}
    if config is not Qwen2Config:
        more["head_dim"] = dh
    else:
        more["use_sliding_window"] = False
    if config is MistralConfig:
        more["sliding_window"] = None
    c = config(vocab_size=V, hidden_size=H * dh, intermediate_size=r.randint(3, 11), num_hidden_layers=r.randint(1, 2), num_attention_heads=H,
               num_key_value_heads=r.choice([g for g in (1, 2, 3, 4) if H % g == 0]), hidden_act=r.choice(["silu", "gelu", "relu"]), max_position_embeddings=n_ctx,
               rms_norm_eps=r.choice([1e-6, 1e-5]), tie_word_embeddings=r.random() < 0.5, rope_theta=r.choice([10000.0, 500.0]), attn_implementation="eager",
               bos_token_id=0, eos_token_id=0, pad_token_id=None, **more)
    return hugging_face(model(c), tokens(r, V, n_ctx))


def gpt_neox(r):
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
    H, V, n_ctx = r.randint(1, 3), r.randint(3, 9), r.randint(2, 6)
    d = H * r.choice([4, 8])
    c = GPTNeoXConfig(vocab_size=V, hidden_size=d, num_hidden_layers=r.randint(1, 2), num_attention_heads=H, intermediate_size=r.randint(3, 11), hidden_act=r.choice(["gelu", "relu", "silu"]),
                      rotary_pct=r.choice([0.25, 0.5, 1.0]) if d // H == 8 else r.choice([0.5, 1.0]), rotary_emb_base=10000, max_position_embeddings=n_ctx, layer_norm_eps=r.choice([1e-5, 1e-6]),
                      use_parallel_residual=r.random() < 0.6, attention_bias=r.random() < 0.7, hidden_dropout=0.0, attention_dropout=0.0, tie_word_embeddings=False,
                      attn_implementation="eager", bos_token_id=0, eos_token_id=0)
    return hugging_face(GPTNeoXForCausalLM(c), tokens(r, V, n_ctx))


# maker, how many networks, whether the float64 outputs are those of the same numbers: Hugging Face makes its rotary tables anew, in binary32
TRANSFORMERS = [(hand, 70, True), (hand_set, 50, True), (bilinear_attention, 40, True), (encoder, 60, True), (transformer_lens, 130, True), (gpt2, 40, True), (llama, 50, False),
                (gpt_neox, 30, False)]
