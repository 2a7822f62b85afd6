"""Write checkpoints in the shapes that people save them in, beside the same tensors in safetensors form (tests/models/check_torch.c).

    python tests/data/torch/make_shapes.py          (needs torch 2.x and numpy; the files are in the repository)
"""
import argparse
import collections
import json
import os
import struct

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {torch.float32: "F32", torch.float64: "F64", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.bool: "BOOL", torch.int64: "I64"}


def save(name, tensors, value, **how):
    torch.save(value, os.path.join(HERE, name + ".pt"), **how)
    header, data = {}, b""
    for k, v in tensors.items():
        raw = v.detach().cpu().numpy().tobytes()
        header[k] = {"dtype": NAMES[v.dtype], "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header = json.dumps(header).encode()
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + data)


class Part(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(3)
        self.lin = torch.nn.Linear(3, 2)
        self.tied = torch.nn.Linear(3, 2, bias=False)
        self.tied.weight = self.lin.weight
        self.register_buffer("kept", torch.arange(4).reshape(2, 2).T)
        self.register_buffer("passing", torch.ones(2), persistent=False)
        self.register_parameter("none", None)
        self.act, self.kind, self.sizes = torch.nn.functional.relu, np.float64(0.5), {1, 2}


class Ordered(collections.OrderedDict):
    pass


torch.manual_seed(1)
part = Part()
whole = torch.nn.Sequential(collections.OrderedDict(first=part, blocks=torch.nn.ModuleList([Part(), torch.nn.Identity(), torch.nn.GELU()])))
opt = torch.optim.Adam(whole.parameters())
sum(p.sum() for p in whole.parameters()).backward()
opt.step()
save("module", whole.state_dict(), whole)
save("module_protocol_5", part.state_dict(), part, pickle_protocol=5)
wrapped = torch.nn.DataParallel(part)
save("module_beside_optimizer", wrapped.state_dict(), {"net": wrapped, "optimizer": opt.state_dict(), "epoch": np.int64(7), "loss": np.float32(0.25), "losses": np.arange(3.0),
                                                       "args": argparse.Namespace(lr=0.1), "history": collections.defaultdict(list, a=[1]), "when": collections.deque([1, 2])})
save("losses_beside", part.state_dict(), {"model": part.state_dict(), "train_loss": torch.ones(3), "optimizer_state_dict": opt.state_dict(), "ema": {"x": torch.ones(2)}})
save("ordered", part.state_dict(), Ordered(part.state_dict()))
odd = torch.nn.Parameter(torch.randn(2, 2))
odd.note = "an attribute"
plain = torch.randn(3).double()
plain.note = "another"
typed = {"u16": torch.tensor([0, 1, 65535], dtype=torch.uint16), "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32), "u64": torch.tensor([7, 2**40], dtype=torch.uint64),
         "parameter": odd, "tensor": plain, "buffer": torch.nn.Buffer(torch.ones(2))}
save("typed", typed, typed)
save("chosen", {"a": torch.ones(2)}, {"G": {"a": torch.zeros(2)}, "runs": [{"a": torch.zeros(3)}, {"a": torch.ones(2)}]})
