"""Models as people save them, with PyTorch's and transformers' own outputs: python tests/data/saved/make_saved.py

Needs torch, transformers and numpy; what it writes is kept here, and tests/models/saved.py reads it without them. Weights are random.
"""
import functools
import os
import sys

import numpy as np
import torch
import transformers as tr
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "..", "examples"))
from make_reference import make_reference  # noqa: E402

torch.manual_seed(4)


def tokens(vocabulary, length, count=6):
    return torch.randint(0, vocabulary, (count, length))


def keep(name, module, inputs, whole=True):
    """State dict and whole module, beside the outputs."""
    torch.save(module.state_dict(), os.path.join(here, name + ".pt"))
    if whole:
        torch.save(module, os.path.join(here, name + ".whole.pt"))
    make_reference(module, inputs, os.path.join(here, name + ".npz"))


def folders():
    sizes = dict(vocab_size=7, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=8)
    models = {
        "llama": tr.LlamaForCausalLM(tr.LlamaConfig(**sizes, num_key_value_heads=1, rope_theta=500.0, rms_norm_eps=1e-3)),
        "tied": tr.LlamaForCausalLM(tr.LlamaConfig(**sizes, tie_word_embeddings=True)),
        "mistral": tr.MistralForCausalLM(tr.MistralConfig(**sizes, num_key_value_heads=2, sliding_window=8)),
        "gpt2": tr.GPT2LMHeadModel(tr.GPT2Config(vocab_size=7, n_embd=8, n_layer=1, n_head=2, n_positions=8, activation_function="gelu", layer_norm_epsilon=1e-3)),
    }
    for name, model in models.items():
        for p in model.parameters():
            nn.init.normal_(p, std=0.4) if p.dim() > 1 else p.data.add_(torch.randn_like(p) * 0.1)
        folder = os.path.join(here, name)
        model.eval().save_pretrained(folder)
        os.remove(os.path.join(folder, "generation_config.json"))
        make_reference(model, tokens(7, 8), os.path.join(here, name + ".npz"))
    # the same weights as older versions wrote them
    folder = os.path.join(here, "gpt2_bin")
    os.makedirs(folder, exist_ok=True)
    torch.save(models["gpt2"].state_dict(), os.path.join(folder, "pytorch_model.bin"))
    with open(os.path.join(here, "gpt2", "config.json")) as f, open(os.path.join(folder, "config.json"), "w") as g:
        g.write(f.read())


def wrapped():
    m = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    make_reference(m, torch.randn(6, 3), os.path.join(here, "wrapped.npz"))
    s = m.state_dict()
    for name, value in {"state_and_step": {"state": s, "step": torch.tensor(5)}, "policy_and_more": {"policy": s, "rng": torch.zeros(4), "loss": torch.tensor([1.0])},
                        "in_a_list": [s, torch.tensor(3)], "two_states": {"ema": s, "now": s and {k: v + 1 for k, v in s.items()}, "step": torch.tensor(5)}}.items():
        torch.save(value, os.path.join(here, name + ".pt"))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.mlp = nn.Sequential(nn.Linear(8, 6), nn.GELU(approximate="tanh"), nn.Dropout(0.1), nn.Linear(6, 7))

    def forward(self, t):
        return self.mlp(self.embed(t).flatten(1))


class Own(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(3, 4), act, nn.Linear(4, 2)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


def modules():
    rows = torch.randn(6, 3)
    chains = {
        "leaky": [nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 4), nn.SiLU(), nn.Linear(4, 2)],
        "normed": [nn.Dropout(0.1), nn.Linear(3, 4), nn.LayerNorm(4, eps=1e-3), nn.GELU(), nn.Linear(4, 2), nn.Softmax(dim=-1)],
        "batch": [nn.Flatten(), nn.Linear(3, 4), nn.BatchNorm1d(4, eps=1e-2), nn.Tanh(), nn.Linear(4, 2), nn.Sigmoid()],
        "elu": [nn.Linear(3, 4), nn.ELU(), nn.Linear(4, 2)],
        "no_bias": [nn.Linear(3, 4), nn.LayerNorm(4, bias=False), nn.Linear(4, 2)],
        "plain": [nn.Linear(3, 4), nn.Linear(4, 2)],
    }
    for name, parts in chains.items():
        keep(name, nn.Sequential(*parts), rows)
    keep("flat", nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 7)), tokens(7, 3))
    keep("each", nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 7)), tokens(7, 3))
    keep("pair", Pair(), tokens(7, 2))
    keep("own", Own(nn.Tanh()), rows)
    keep("own_sigmoid", Own(nn.Sigmoid()), rows)


class Twice(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Beside(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Skips(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.act = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)]), nn.ReLU()

    def forward(self, x):
        for layer in self.layers:
            x = x + self.act(layer(x))
        return x


def doubled(*args):
    return 2 * args[-1]


def misleading():
    """Modules whose function their tensors and the classes of their parts do not tell, or that are not read for another reason."""
    def chain(*between):
        return nn.Sequential(nn.Linear(3, 4), *between, nn.Linear(4, 2))

    models = {
        "hook": chain(nn.ReLU()), "pre_hook": chain(nn.ReLU()), "forward": chain(nn.ReLU()),
        "max_norm": nn.Sequential(nn.Embedding(7, 4, max_norm=1.0), nn.Flatten(), nn.Linear(12, 6)),
        "twice": nn.Sequential(Twice(3, 4), nn.ReLU(), nn.Linear(4, 2)), "beside": Beside(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3)), "skips": Skips(),
        "no_affine": chain(nn.LayerNorm(4, elementwise_affine=False)), "no_statistics": chain(nn.BatchNorm1d(4, track_running_stats=False)),
        "two_acts": chain(nn.ReLU(), nn.Tanh()), "act_first": nn.Sequential(nn.Tanh(), nn.Linear(3, 4), nn.Linear(4, 2)), "softmax_0": chain(nn.Softmax(dim=0)),
        "nested": nn.Sequential(chain(nn.ReLU()), nn.Tanh()), "nested_more": nn.Sequential(chain(nn.ReLU()), nn.Linear(2, 2)),
        "two_eps": nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 4), nn.LayerNorm(4, eps=1e-3), nn.Linear(4, 2)),
    }
    models["hook"][1].register_forward_hook(doubled)
    models["pre_hook"].register_forward_pre_hook(doubled)
    models["forward"][1].forward = functools.partial(doubled, 0)
    for name, model in models.items():
        torch.save(model, os.path.join(here, name + ".whole.pt"))
    keep("rms", chain(nn.RMSNorm(4), nn.ReLU()), torch.randn(6, 3))
    reference = os.path.join(here, "rms.npz")
    with np.load(reference) as kept:  # in float64 its eps is another one
        arrays = {k: v for k, v in kept.items() if not k.endswith("float64")}
    np.savez(reference, **arrays)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, layer_norm_eps=1e-3)
        self.embed, self.pos_embed = nn.Embedding(7, 8), nn.Embedding(4, 8)
        self.encoder, self.head = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(8, 7)

    def forward(self, t):
        return self.head(self.encoder(self.embed(t) + self.pos_embed(torch.arange(t.shape[1]))))


if __name__ == "__main__":
    folders()
    wrapped()
    modules()
    misleading()
    keep("encoder", Encoder(), tokens(7, 4))
    other = Encoder()
    other.encoder.layers[0].norm2.eps = 1e-2
    torch.save(other, os.path.join(here, "encoder_two_eps.whole.pt"))
