"""Write checkpoints as PyTorch saves them, beside the same tensors in safetensors form (tests/models/check_torch.c compares the two).

    python tests/data/torch/make_torch.py          (needs torch 2.x and numpy; the files are in the repository)
"""
import json
import os
import struct
from collections import OrderedDict

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def safetensors(path, tensors):
    header, data = {}, b""
    for k, v in tensors.items():
        raw = v.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if v.numel() else b""
        header[k] = {"dtype": NAMES[v.dtype], "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header = json.dumps(header).encode()
    with open(os.path.join(HERE, path), "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + data)


def save(name, tensors, value=None, **how):
    torch.save(tensors if value is None else value, os.path.join(HERE, name + ".pt"), **how)
    safetensors(name + ".safetensors", tensors)


torch.manual_seed(0)
base = torch.randn(6, 4)
floats = torch.tensor([0.0, -0.0, 1.5, -2.25, 1e-5, 65504.0, 6e-8, -1 / 3])
every = OrderedDict((n, floats.to(t)) for t, n in NAMES.items() if t.is_floating_point)
every.update({"I64": torch.tensor([0, -1, 2**53, -(2**62)]), "I32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
              "I16": torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16), "I8": torch.tensor([-128, 127, -1], dtype=torch.int8),
              "U8": torch.tensor([0, 255], dtype=torch.uint8), "BOOL": torch.tensor([True, False])})
save("dtypes", every)
strided = OrderedDict(transposed=base.T, slice=base[1:5, ::2], row=base[3], expanded=base[:1].expand(3, 4), scalar=base[2, 2], empty=base[:0],
                      same=base, permuted=torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1))
save("strided", strided)
linear = torch.nn.Linear(3, 2)
save("nested", OrderedDict(linear.state_dict()), {"model": linear.state_dict(), "epoch": 3, "loss": 0.25, "name": "a run", "done": True,
                                                  "huge": 2**100, "none": None, "optimizer": {"lr": 1e-3, "betas": (0.9, 0.98), "list": [1, 2, 3]},
                                                  "shape": torch.Size([2, 3]), "dtype": torch.float32, "device": torch.device("cpu")})
save("parameters", OrderedDict(weight=linear.weight, bias=linear.bias))
save("protocol_4", OrderedDict(linear.state_dict()), pickle_protocol=4)
save("buffers", OrderedDict([("blocks.0.attn.IGNORE", torch.tensor(-torch.inf)), ("blocks.0.attn.mask", torch.tril(torch.ones(3, 3)).bool())]))
torch.serialization.set_crc32_options(False)
save("no_checksums", OrderedDict(a=base, b=floats))
torch.serialization.set_crc32_options(True)
save("protocol_5", OrderedDict(a=base), {"state_dict": {"a": base}}, pickle_protocol=5)

# A one-layer model with its configuration beside the state dict, and the same model in a wrapper with the buffers of older versions.
shapes = {"embed.W_E": (3, 2), "pos_embed.W_pos": (2, 2), "blocks.0.attn.W_Q": (1, 2, 2), "blocks.0.attn.W_K": (1, 2, 2), "blocks.0.attn.W_V": (1, 2, 2),
          "blocks.0.attn.W_O": (1, 2, 2), "blocks.0.attn.b_Q": (1, 2), "blocks.0.mlp.W_in": (2, 4), "blocks.0.mlp.W_out": (4, 2), "blocks.0.ln1.w": (2,),
          "blocks.0.ln1.b": (2,), "blocks.0.ln2.w": (2,), "blocks.0.ln2.b": (2,), "ln_final.w": (2,), "ln_final.b": (2,), "unembed.W_U": (2, 3)}
small = OrderedDict((k, torch.randn(v)) for k, v in shapes.items())
config = {"act_fn": "relu", "eps": 0.5, "attention_dir": "bidirectional", "n_heads": 1, "d_mlp": [4], "n_ctx": None, "dtype": torch.float32,
          "device": torch.device("cpu"), "task": 'a "quoted" one', "seed": 7}
torch.save({"state_dict": small, "config": config}, os.path.join(HERE, "own_config.pt"))
wrapped = OrderedDict(("module._orig_mod." + k, v) for k, v in small.items())
wrapped["module._orig_mod.blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)
torch.save({"model": wrapped, "config": config}, os.path.join(HERE, "wrapped.pt"))
torch.save({"state_dict": OrderedDict(wrapped, other=base), "config": config}, os.path.join(HERE, "half_wrapped.pt"))
