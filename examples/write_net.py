"""A network of your own as a .net file (proofs/NETWORK.md): python examples/write_net.py OUT.net

Whatever the operation table expresses can be written like this; here a PyTorch module that no family reader knows: two tokens, embedded, their
difference through tanh and a gate. The last lines compare the certified output with PyTorch's own.
"""
import math
import subprocess
import sys

import torch


def num(x):
    """A number exactly, as NETWORK.md writes it: 0x1.8p-3."""
    if x == 0:
        return "0"
    m, e = math.frexp(abs(x))
    digits = float.hex(2 * m)[4:].split("p")[0].rstrip("0").rstrip(".")
    return "%s0x1%sp%d" % ("-" if x < 0 else "", "." + digits.lstrip(".") if digits.lstrip(".") else "", e - 1)


def write_net(path, header, tensors, nodes, output):
    """header: lines; tensors: name -> torch tensor of 1 to 3 axes; nodes: lines 'name op arguments', in order."""
    with open(path, "w") as f:
        f.write("weightproof-net 1\n" + "".join(line + "\n" for line in header))
        for name, t in sorted(tensors.items(), key=lambda item: item[0].encode()):
            f.write("tensor %s %s\n" % (name, " ".join(map(str, t.shape))))
            for row in t.detach().double().reshape(-1, t.shape[-1]).tolist():
                f.write(" ".join(map(num, row)) + "\n")
        f.write("".join("node %s\n" % n for n in nodes) + "output %s\nend\n" % output)


class Compare(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.E, self.A, self.G, self.U = (torch.nn.Parameter(torch.randn(s)) for s in ((7, 4), (4, 6), (4, 6), (6, 3)))

    def forward(self, t):
        d = self.E[t[0]] - self.E[t[1]]
        return (torch.tanh(d @ self.A) * (d @ self.G)) @ self.U


if __name__ == "__main__":
    torch.manual_seed(0)
    path, model = sys.argv[1], Compare()
    write_net(path, ["tokens 7 2", "mask none", "eps 0"], dict(model.named_parameters()), [
        "embed embed E", "first row embed 0", "second row embed 1", "difference sub first second",
        "pre linear difference A", "post tanh pre", "gate linear difference G", "gated mul post gate", "logits linear gated U"], "logits")
    print("PyTorch:", model(torch.tensor([3, 5])).tolist())
    subprocess.run([sys.argv[2] if len(sys.argv) > 2 else "build/weightproof", "run", path, "--tokens", "3,5"], check=True)
