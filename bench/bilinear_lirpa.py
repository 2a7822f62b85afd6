"""What auto_LiRPA certifies of a bilinear network on balls: for every input the largest radius of a list at which its bounds show the answer.

    python bench/bilinear_lirpa.py NETWORK.npz OUT.npz        needs torch and auto_LiRPA

NETWORK.npz: tensors E L R P S l r b as in bilinear.py (those that are there), the inputs x, and, if not l2 and RADII, norm and radii. OUT.npz: CROWN, a radius an input,
in float32 and without any allowance for rounding. auto_LiRPA 0.3 is of the time of torch 1.8: names that have gone since are put back first.
"""
import sys
import types
import warnings

import numpy as np
import torch
import torch.onnx.symbolic_helper
import torch.onnx.utils

warnings.filterwarnings("ignore")
RADII = [0.05 * 2 ** (k / 3) for k in range(16)]


def older_names():
    gone = types.ModuleType("numpy.lib.arraysetops")
    gone.isin = np.isin
    sys.modules.setdefault("numpy.lib.arraysetops", gone)
    if not hasattr(torch.onnx.symbolic_helper, "_set_opset_version"):
        torch.onnx.symbolic_helper._set_opset_version = lambda version: None
    if not hasattr(torch._C.Node, "__getitem__"):
        torch._C.Node.__getitem__ = lambda node, key: getattr(node, node.kindOf(key))(key)


older_names()
from auto_LiRPA import BoundedModule, BoundedTensor  # noqa: E402
from auto_LiRPA.perturbations import PerturbationLpNorm  # noqa: E402

members = BoundedModule._named_members
BoundedModule._named_members = lambda self, *args, remove_duplicate=True, **more: members(self, *args, **more)


def linear(weight, bias=None):
    out = torch.nn.Linear(*weight.shape, bias=bias is not None)
    out.weight.data = torch.tensor(weight.T.copy())
    if bias is not None:
        out.bias.data = torch.tensor(bias.reshape(-1))
    return out


class Network(torch.nn.Module):

    def __init__(self, p):
        super().__init__()
        self.E = linear(p["E"]) if "E" in p else None
        self.S = linear(p["S"]) if "S" in p else None
        self.L, self.R, self.P = (linear(p[a], p.get(b)) for a, b in (("L", "l"), ("R", "r"), ("P", "b")))

    def forward(self, x):
        e = x if self.E is None else self.E(x)
        out = self.P(self.L(e) * self.R(e))
        return out if self.S is None else out + self.S(e)


def main():
    p = dict(np.load(sys.argv[1]))
    x = torch.tensor(p.pop("x").astype(np.float32))
    norm, radii = float(p.pop("norm", 2)), p.pop("radii", RADII)
    module = Network(p)
    with torch.no_grad():
        answers = module(x).argmax(1)
    k = p["P"].shape[1]
    C = torch.zeros(len(x), k - 1, k)
    for i, a in enumerate(answers.tolist()):
        for row, j in enumerate(j for j in range(k) if j != a):
            C[i, row, a], C[i, row, j] = 1, -1
    bounded = BoundedModule(module, x)
    out = {"CROWN": np.zeros(len(x))}
    for radius in radii:
        ball = BoundedTensor(x, PerturbationLpNorm(norm=norm, eps=float(radius)))
        for method, best in out.items():
            lower = bounded.compute_bounds(x=(ball,), C=C, method=method, bound_upper=False)[0].detach().numpy()
            best[lower.min(1) > 0] = radius
    np.savez(sys.argv[2], **out)


if __name__ == "__main__":
    main()
