"""A small sample of the networks of tests/peers/families.py with what PyTorch computes: python tests/data/families/make_families.py

Writes NAME.FORMAT, NAME.npz (inputs and outputs) and index.json, the options of each, beside itself. Needs torch, transformer_lens, transformers.
"""
import contextlib
import io
import json
import os
import random
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "peers")]
import families  # noqa: E402
from transformers_random import TRANSFORMERS  # noqa: E402

r, index = random.Random(7), {}
torch.manual_seed(7)
for make, _, both in TRANSFORMERS + [(make, 0, True) for make in families.FAMILIES]:
    for i in range(3):
        made = make(r)
        model, inputs, config, sets = made[0] if isinstance(made, list) else (made[0], made[1], None, made[2])
        name, ending = "%s_%d" % (make.__name__, i), (".pt", ".safetensors", ".npz")[i]
        reference = os.path.join(HERE, name + ".reference.npz")
        with contextlib.redirect_stdout(io.StringIO()):
            families.make_reference(model, inputs[:2], reference)
        if not both:
            with np.load(reference) as arrays:
                kept = {n: arrays[n] for n in ("inputs", "output_float32")}
            np.savez(reference, **kept)
        families.FORMATS[ending](model.state_dict(), os.path.join(HERE, name + ending), 0)
        index[name + ending] = {"config": config, "set": sets, "inputs": "reals" if np.issubdtype(np.asarray(inputs).dtype, np.floating) else "tokens", "width": int(inputs.shape[1])}
with open(os.path.join(HERE, "index.json"), "w") as f:
    json.dump(index, f, indent=0, sort_keys=True)
