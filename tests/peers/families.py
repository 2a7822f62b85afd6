"""Random modules of PyTorch of every family, saved in every format: selftest must find what PyTorch computes within the certified bound of
a binary32 execution, and what it computes in double precision within that of a binary64 one.

    python tests/peers/families.py BUILD [PART OF A NAME]

A row of FAMILIES (or of transformers_random.py) makes a module, inputs for it and the settings that its tensors do not tell. Needs torch, numpy, transformer_lens.
"""
import contextlib
import copy
import io
import os
import random
import struct
import subprocess
import sys
import tempfile
import json

import numpy as np
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples"))
from make_reference import forward, make_reference  # noqa: E402
from transformers_ordinary import DEEP, ORDINARY  # noqa: E402
from transformers_random import TRANSFORMERS  # noqa: E402

ACTS = {"relu": nn.ReLU, "gelu": nn.GELU, "gelu_new": lambda: nn.GELU(approximate="tanh"), "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def numbers(width, n=20):
    return torch.randn(n, width)


def sequential(r):
    act, widths = r.choice(sorted(ACTS)), [r.randint(1, 9) for _ in range(r.randint(2, 4))]
    return nn.Sequential(*[m for a, b in zip(widths, widths[1:]) for m in (nn.Linear(a, b, bias=r.random() < 0.7), ACTS[act]())][:-1]), numbers(widths[0]), ["act=" + act]


def normed(r):
    act, a, b, c = r.choice(sorted(ACTS)), r.randint(2, 9), r.randint(2, 9), r.randint(1, 9)
    norm = r.choice([nn.BatchNorm1d, nn.LayerNorm])(b)
    with torch.no_grad():
        for p in norm.parameters():
            p.normal_()
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.1, 2)
    middle = [norm, ACTS[act]()] if r.random() < 0.5 else [ACTS[act](), norm]
    return nn.Sequential(nn.Linear(a, b), *middle, nn.Linear(b, c)), numbers(a), ["act=" + act]


class Named(nn.Module):
    """fc1, fc2, ... and a function between them."""
    def __init__(self, r):
        super().__init__()
        widths = [r.randint(1, 9) for _ in range(4)]
        for i, (a, b) in enumerate(zip(widths, widths[1:])):
            self.add_module("fc%d" % (i + 1), nn.Linear(a, b))

    def forward(self, x):
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def named(r):
    m = Named(r)
    return m, numbers(m.fc1.in_features), ["act=relu"]


class Bilinear(nn.Module):
    def __init__(self, n, h, o, bias):
        super().__init__()
        self.left, self.right, self.head = nn.Linear(n, h, bias=bias), nn.Linear(n, h, bias=bias), nn.Linear(h, o, bias=bias)

    def forward(self, x):
        return self.head(self.left(x) * self.right(x))


def bilinear(r):
    n = r.randint(1, 9)
    return Bilinear(n, r.randint(1, 9), r.randint(1, 9), r.random() < 0.5), numbers(n), []


class Stacked(nn.Module):
    def __init__(self, n, h, o, layers, bias, residual):
        super().__init__()
        self.embed, self.head = nn.Linear(n, h, bias=False), nn.Linear(h, o, bias=False)
        self.blocks = nn.ModuleList(nn.Linear(h, 2 * h, bias=bias) for _ in range(layers))
        self.residual = residual

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            left, right = block(x).chunk(2, dim=-1)
            x = x + left * right if self.residual else left * right
        return self.head(x)


def stacked(r):
    n, residual = r.randint(1, 9), r.random() < 0.5
    m = Stacked(n, r.randint(2, 9), r.randint(1, 9), r.randint(1, 3), r.random() < 0.5, residual)
    return m, numbers(n), ["residual=add", "residual_scale=1"] if residual else ["residual=none"]


class Product(nn.Module):
    def __init__(self, a, b, o):
        super().__init__()
        self.a, self.bilinear = a, nn.Bilinear(a, b, o)

    def forward(self, x):
        return self.bilinear(x[:, :self.a], x[:, self.a:])


def product(r):
    a, b = r.randint(1, 6), r.randint(1, 6)
    return Product(a, b, r.randint(1, 6)), numbers(a + b), ["inputs=pair"]


class Toy(nn.Module):
    def __init__(self, m, n):
        super().__init__()
        self.W, self.b = nn.Parameter(torch.randn(m, n)), nn.Parameter(torch.randn(n))

    def forward(self, x):
        return torch.relu(x @ self.W.T @ self.W + self.b)


def toy(r):
    m = r.randint(1, 4)
    n = m + r.randint(1, 5)
    return Toy(m, n), torch.rand(20, n), []


class Autoencoder(nn.Module):
    def __init__(self, n, f, k, subtract):
        super().__init__()
        self.W_enc, self.W_dec = nn.Parameter(torch.randn(n, f)), nn.Parameter(torch.randn(f, n))
        self.b_enc, self.b_dec, self.k, self.subtract = nn.Parameter(torch.randn(f)), nn.Parameter(torch.randn(n)), k, subtract

    def forward(self, x):
        z = (x - self.b_dec if self.subtract else x) @ self.W_enc + self.b_enc
        if self.k:
            top = z.topk(self.k, dim=-1)
            z = torch.zeros_like(z).scatter(-1, top.indices, top.values)
        return torch.relu(z) @ self.W_dec + self.b_dec


def autoencoder(r):
    n, f, subtract = r.randint(1, 6), r.randint(7, 15), r.random() < 0.5
    k = r.choice([0, r.randint(1, f)])
    sets = ["act=topk", "k=%d" % k, "relu_after_topk=true"] if k else ["act=relu"]
    return Autoencoder(n, f, k, subtract), numbers(n), sets + ["apply_b_dec_to_input=" + ("true" if subtract else "false")]


class Pair(nn.Module):
    def __init__(self, V, d, h, layers, concat):
        super().__init__()
        self.embed, self.unembed, self.layers, self.concat = nn.Embedding(V, d), nn.Linear(h, V, bias=False), layers, concat
        for i in range(layers):
            self.add_module("l%d" % (i + 1), nn.Linear((2 * d if concat else d) if i == 0 else h, h))

    def forward(self, t):
        e = self.embed(t)
        x = e.flatten(1) if self.concat else e[:, 0] + e[:, 1]
        for i in range(self.layers):
            x = torch.relu(getattr(self, "l%d" % (i + 1))(x))
        return self.unembed(x)


def pair(r):
    V, concat = r.randint(2, 9), r.random() < 0.5
    return Pair(V, r.randint(1, 9), r.randint(1, 9), r.randint(1, 3), concat), torch.randint(0, V, (20, 2)), ["act=relu"] + ([] if concat else ["combine=add"])


class Transcoder(nn.Module):
    def __init__(self, n, f, o, skip):
        super().__init__()
        self.W_enc, self.W_dec, self.b_enc = nn.Parameter(torch.randn(n, f)), nn.Parameter(torch.randn(f, o)), nn.Parameter(torch.randn(f))
        self.b_dec_out = nn.Parameter(torch.randn(o))
        self.W_skip = nn.Parameter(torch.randn(o, n)) if skip else None

    def forward(self, x):
        y = torch.relu(x @ self.W_enc + self.b_enc) @ self.W_dec + self.b_dec_out
        return y + x @ self.W_skip.T if self.W_skip is not None else y


def transcoder(r):
    n, o = r.randint(1, 6), r.randint(1, 6)
    return Transcoder(n, r.randint(7, 15), o, r.random() < 0.5), numbers(n), ["act=relu", "apply_b_dec_to_input=false"]


class Jump(nn.Module):
    def __init__(self, n, f):
        super().__init__()
        self.W_enc, self.W_dec, self.b_enc = nn.Parameter(torch.randn(n, f)), nn.Parameter(torch.randn(f, n)), nn.Parameter(torch.randn(f))
        self.b_dec, self.threshold = nn.Parameter(torch.randn(n)), nn.Parameter(torch.rand(f) + 0.1)

    def forward(self, x):
        z = x @ self.W_enc + self.b_enc
        return z * (z > self.threshold) @ self.W_dec + self.b_dec


def jump(r):
    n = r.randint(1, 6)
    return Jump(n, r.randint(7, 15)), numbers(n), ["apply_b_dec_to_input=false"]


FAMILIES = [sequential, normed, named, bilinear, stacked, product, toy, autoencoder, transcoder, jump, pair]


def raw(v):
    v = v.contiguous()
    return (v.view(torch.int16) if v.dtype == torch.bfloat16 else v).numpy().tobytes()


def save_safetensors(state, path, _):
    types = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64", torch.bool: "BOOL"}
    header, data = {}, b""
    for k, v in state.items():
        header[k] = {"dtype": types[v.dtype], "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw(v))]}
        data += raw(v)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def save_npz(state, path, number):
    """As numpy writes it; or big-endian and in Fortran's order; or compressed. numpy has no bfloat16."""
    arrays = {k: (v.float() if v.dtype == torch.bfloat16 else v).numpy() for k, v in state.items()}
    if number % 3 == 1:
        arrays = {k: np.asfortranarray(v.astype(v.dtype.newbyteorder(">"))) for k, v in arrays.items()}
    (np.savez_compressed if number % 3 == 2 else np.savez)(path, **arrays)


FORMATS = {".pt": lambda state, path, _: torch.save(state, path), ".safetensors": save_safetensors, ".npz": save_npz}
# What the numbers of a network are rounded to and saved as, in turn; None: binary32.
HALVES = [None, torch.bfloat16, None, torch.float16, None]


def rounded(model, kind):
    """Every number of the module as one of the kind."""
    with torch.no_grad():
        for t in list(model.parameters()) + list(model.buffers()):
            if t.is_floating_point():
                t.copy_(t.to(kind))


class Tally:
    def __init__(self, build):
        self.program, self.passed, self.failed, self.networks, self.widest = os.path.join(build, "weightproof"), 0, 0, 0, 0.0
        self.unbounded = 0

    def count(self, good, what):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(what)

    def selftest(self, path, reference, options, what, deep):
        """The hash of the network when the outputs lie within their bounds, else None. deep: some outputs may have none."""
        done = subprocess.run([self.program, "selftest", path, "--against", reference, "--json", "-"] + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        answer = json.loads(done.stdout) if done.stdout else {"arrays": []}
        none = [a for a in answer["arrays"] if a["unbounded"] and a["outside"] == 0]
        near = all(a["without_bound"]["deviation"] < 1e-11 for a in none if a["bound_of"] == "float64")
        good = done.returncode == 0 or deep and done.returncode == 2 and near and all(a["agrees"] or a in none for a in answer["arrays"])
        self.count(good, "%s\n%s%s" % (what, done.stdout.decode(), done.stderr.decode()))
        if not good:
            return None
        self.unbounded += bool(none)
        for a in answer["arrays"]:
            if a["dtype"] == "F32" and a not in none and a["largest"]["deviation"] > 0:
                self.widest = max(self.widest, a["largest"]["bound"] / a["largest"]["deviation"])
        return answer["net_sha256"]

    def network(self, name, files, folder, both=True, deep=False):
        """One network in one or more files, each in every format: all agree with PyTorch and are one network. both: in float64 too."""
        nets, reference, beside = set(), os.path.join(folder, "r.npz"), os.path.join(folder, "m.json")
        kind = HALVES[self.networks % len(HALVES)] if both else None
        self.networks += 1
        for k, (model, inputs, config, sets) in enumerate(files):
            if kind:
                rounded(model, kind)
            with contextlib.redirect_stdout(io.StringIO()):     # TransformerLens says that it changes the type
                make_reference(model, inputs, reference)
            if deep:
                x = torch.as_tensor(inputs)
                with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
                    single, double = (forward(copy.deepcopy(model).to(t), x) for t in (torch.float32, torch.float64))
                self.count(torch.allclose(single.double(), double, rtol=1e-4, atol=1e-4), "%s: PyTorch's two precisions" % name)
            if not both:
                with np.load(reference) as arrays:
                    kept = {n: arrays[n] for n in ("inputs", "output_float32")}
                np.savez(reference, **kept)
            with open(beside, "w") as f:
                json.dump(config, f)
            options = ([] if config is None else ["--config", beside]) + [a for s in sets for a in ("--set", s)]
            for ending, save in FORMATS.items():
                path = os.path.join(folder, "m" + ending)
                save({k: v.to(kind) if kind and v.is_floating_point() else v for k, v in model.state_dict().items()}, path, self.networks)
                nets.add(self.selftest(path, reference, options, "%s, file %d %s %s %s %s" % (name, k, ending, kind, sets, config), deep))
        self.count(len(nets) == 1, "%s: its files are %d networks" % (name, len(nets)))


def main(build, rounds=8, only=""):
    tally, r = Tally(build), random.Random(5)
    torch.manual_seed(5)
    makers = [(make, rounds, True) for make in FAMILIES] + TRANSFORMERS + ORDINARY
    with tempfile.TemporaryDirectory() as folder:
        for make, times, both in makers:
            if only not in make.__name__:
                continue
            for i in range(times):
                files = make(r)
                files = files if isinstance(files, list) else [(files[0], files[1], None, files[2])]
                tally.network("%s %d" % (make.__name__, i), files, folder, both, make in DEEP)
    print("families: %d networks, largest ratio of certified bound to observed deviation %.3g; %d files of deep networks with entries without a bound"
          % (tally.networks, tally.widest, tally.unbounded))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return tally.failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], only=sys.argv[2] if len(sys.argv) > 2 else "") > 0)
