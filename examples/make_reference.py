"""Stored outputs of a PyTorch module or a TransformerLens model, for `weightproof selftest MODEL --against FILE`.

    from make_reference import make_reference
    make_reference(model, inputs, "model.reference.npz")                          any module: inputs [N, n] tokens or [N, width] numbers
    make_reference(model, inputs, "model.reference.npz", nodes={"blocks.0.left": lambda m, x: ...})

or, for a module that was saved whole with torch.save(model, ...) by yourself (this executes what the file says):

    python make_reference.py MODEL.pt OUT.npz --tokens V N COUNT | --numbers WIDTH COUNT [--seed S]

The arrays are inputs, output_float32 and output_float64 (the same module in double precision), and NODE_float32, NODE_float64 for further nodes by
the names that `weightproof info` lists. A module that casts to float32 whatever its weights are (Hugging Face's RMSNorm does) has no float64 outputs:
they are left out, and this is said. With TransformerLens, hook names are node names; heads are apart: blocks.0.attn.hook_pattern.1.
"""
import argparse
import copy

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Casts(TorchDispatchMode):
    """Does anything within make a float32 tensor?"""
    seen = False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        y = function(*args, **(kwargs or {}))
        self.seen |= any(isinstance(t, torch.Tensor) and t.dtype == torch.float32 and t.numel() > 0 for t in (y if isinstance(y, (tuple, list)) else [y]))
        return y


def forward(model, x):
    y = model(x)
    return y.logits if hasattr(y, "logits") else y


def make_reference(model, inputs, path, nodes=None):
    model = model.eval()
    x = torch.as_tensor(inputs)
    arrays = {"inputs": x.numpy()}
    with torch.no_grad():
        for name, kind in (("float32", torch.float32), ("float64", torch.float64)):
            m = copy.deepcopy(model).to(kind)
            if hasattr(m, "cfg") and hasattr(m.cfg, "dtype"):
                m.cfg.dtype = kind            # TransformerLens casts to it in its norms
            given = x if not x.is_floating_point() else x.to(torch.float32).to(kind)
            with Casts() as casts:
                y = forward(m, given)
            if kind == torch.float64 and casts.seen:
                print("no float64 outputs: the module computes parts in float32 whatever its weights are")
                break
            arrays["output_" + name] = y.numpy()
            for node, value in (nodes or {}).items():
                arrays["%s_%s" % (node, name)] = value(m, given).numpy()
    np.savez(path, **arrays)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("model")
    p.add_argument("out")
    p.add_argument("--tokens", nargs=3, type=int, metavar=("V", "N", "COUNT"))
    p.add_argument("--numbers", nargs=2, type=int, metavar=("WIDTH", "COUNT"))
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    if not a.tokens and not a.numbers:
        p.error("say --tokens V N COUNT or --numbers WIDTH COUNT")
    g = torch.Generator().manual_seed(a.seed)
    if a.tokens:
        inputs = torch.randint(0, a.tokens[0], (a.tokens[2], a.tokens[1]), generator=g)
    else:
        inputs = torch.randn(a.numbers[1], a.numbers[0], generator=g)
    make_reference(torch.load(a.model, map_location="cpu", weights_only=False), inputs, a.out)


if __name__ == "__main__":
    main()
