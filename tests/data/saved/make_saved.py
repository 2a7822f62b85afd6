"""Models as people save them, with PyTorch's and transformers' own outputs: python tests/data/saved/make_saved.py

Needs torch, transformers and numpy; what it writes is kept here, and tests/models/saved.py reads it without them. Weights are random.
"""
import os
import sys

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


if __name__ == "__main__":
    folders()
    wrapped()
