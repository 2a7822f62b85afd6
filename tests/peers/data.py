"""Every model under $WEIGHTPROOF_DATA (default ../shared/data), held against outputs of PyTorch or ONNX Runtime: python tests/peers/data.py BUILD [PART OF A PATH]

Outputs that are stored beside a model are taken; for the others they are computed here, from the file's tensors in plain PyTorch, or by ONNX Runtime.
Prints a line a model: the certified bound of a binary32 execution at the entry that deviates most, beside that deviation; their ratio may be at most 1e4.
A folder that is not there is printed as `absent: PATH` and counts neither way. Needs torch, onnx, onnxruntime. Closes with `N passed, N failed`.
"""
import glob
import json
import os
import pickle
import subprocess
import sys
import tempfile
import types

import numpy as np
import onnx
import onnxruntime
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from onnx_files import by_definition  # noqa: E402

DATA = os.environ.get("WEIGHTPROOF_DATA", "../shared/data")
MOST, INPUTS = 1e4, 64


class Data(pickle.Unpickler):
    """Reads a module that was saved whole as data: of its classes only those that rebuild tensors are looked up, the others become empty shells."""

    def find_class(self, module, name):
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"), ("collections", "OrderedDict")) or module == "torch" and name.endswith("Storage"):
            return super().find_class(module, name)
        return type(name, (Shell,), {})


class Shell:
    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, state):
        if isinstance(state, dict):
            self.__dict__.update(state)


def tensors(shell, prefix=""):
    """The state dict of a module."""
    found = dict(getattr(shell, "_parameters", {}) or {}, **(getattr(shell, "_buffers", {}) or {}))
    found = {prefix + k: v for k, v in found.items() if v is not None}
    for name, child in (getattr(shell, "_modules", {}) or {}).items():
        found.update(tensors(child, prefix + name + "."))
    return found


def state_of(path):
    if path.endswith(".safetensors"):
        raw = open(path, "rb").read()
        size = int.from_bytes(raw[:8], "little")
        head = json.loads(raw[8:8 + size])
        return {k: torch.frombuffer(bytearray(raw[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]]), dtype=torch.float32).reshape(v["shape"])
                for k, v in head.items() if k != "__metadata__"}
    module = types.ModuleType("data")
    module.Unpickler, module.load = Data, lambda f, **k: Data(f, **k).load()
    loaded = torch.load(path, map_location="cpu", weights_only=False, pickle_module=module)
    return tensors(loaded) if isinstance(loaded, Shell) else loaded.get("model", loaded)


# ---- what the modules compute, in float32 and float64 ----


def attention(x, W_Q, W_K, W_V, W_O):
    """W_Q, W_K, W_V [heads, d_head, d_model], W_O [d_model, heads d_head]: queries at the rows, as the published code has it."""
    n = x.shape[1]
    q, k, v = (torch.einsum("hed,bnd->bhne", W, x) for W in (W_Q, W_K, W_V))
    s = (q @ k.transpose(-1, -2) / W_Q.shape[1] ** 0.5).masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), float("-inf"))
    return (s.softmax(-1) @ v).transpose(1, 2).flatten(2) @ W_O.T


def two_sat(P, t):
    x = P["embed.W_E"].T[t] + P["pos_embed.W_pos"][:t.shape[1]]
    for b in ("blocks.0.", "blocks.1."):
        x = x + attention(x, *[P[b + "attn.W_" + k] for k in "QKVO"])
        x = x + torch.relu(x @ P[b + "mlp.W_in"].T + P[b + "mlp.b_in"]) @ P[b + "mlp.W_out"].T + P[b + "mlp.b_out"]
    return x @ P["unembed.W_U"]


def induction(P, t):
    x = P["embed.W_E"][t] + P["pos_embed.W_pos"][:t.shape[1]]
    for b in ("blocks.0.attn.", "blocks.1.attn."):
        n = t.shape[1]
        q, k, v = (torch.einsum("hde,bnd->bhne", P[b + "W_" + c], x) + P[b + "b_" + c][:, None] for c in "QKV")
        s = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), float("-inf"))
        x = x + torch.einsum("bhne,hed->bnd", s.softmax(-1) @ v, P[b + "W_O"]) + P[b + "b_O"]
    return x @ P["unembed.W_U"] + P["unembed.b_U"]


def superposition(P, x):
    return torch.relu(x @ P["W"].T @ P["W"] + P["b"])


def by_torch(forward, inputs):
    def make(path, out):
        state, x = state_of(path), inputs()
        kinds = {"float32": torch.float32, "float64": torch.float64}
        outputs = {}
        with torch.no_grad():
            for name, kind in kinds.items():
                P = {k: v.to(kind) for k, v in state.items() if v.is_floating_point()}
                outputs["output_" + name] = forward(P, x.to(kind) if x.is_floating_point() else x).numpy()
        np.savez(out, inputs=x.numpy(), **outputs)
    return make


def by_runtime(path, out):
    model = onnx.load(path)
    info = [i for i in model.graph.input if i.name not in {w.name for w in model.graph.initializer}][0]
    shape = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(by_definition(model), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(len(path)).uniform(-1, 1, [INPUTS] + shape).astype(np.float32)
    x[::2] = np.abs(x[::2])
    y = np.stack([session.run(None, {info.name: row})[0].reshape(-1) for row in x])
    np.savez(out, inputs=x.reshape(INPUTS, -1), output_float32=y.astype(np.float32))


# Pattern, --set words, a side-car configuration, maker of outputs (None: those stored beside the file). The first row that fits a file is taken.
MODELS = [
    ("trained/tms_5_2_s0.safetensors", [], None, by_torch(superposition, lambda: torch.rand(64, 5))),
    ("trained/relu_digits_s0.safetensors", ["act=relu"], None, None),
    ("trained/*.safetensors", [], None, None),
    ("trained/*.pt", [], None, None),
    ("trained/*.onnx", [], None, None),
    ("real/axiomatic_2sat/900.pth", [], "900.tl.config.json", by_torch(two_sat, lambda: torch.randint(0, 16, (3, 6)))),
    ("real/gbmi_indhead/l_2_2_model.pth", [], "l_2_2_model.config.json", by_torch(induction, lambda: torch.randint(0, 26, (32, 8)))),
    ("real/pizza_modadd59/model_7r4zst7evs.pt", ["act=relu"], None, None),
    ("real/pizza_modadd59/model_amw6ox6bzn.pt", ["act=relu", "combine=add"], None, None),
    ("real/acasxu/*.onnx", [], None, by_runtime),
    ("real/marabou_onnx/*.onnx", [], None, by_runtime),
    ("real/marabou_onnx/*/*.onnx", [], None, by_runtime),
]


class Tally:
    def __init__(self, build):
        self.program, self.passed, self.failed = os.path.join(build, "weightproof"), 0, 0

    def count(self, good, what):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print("FAILED " + what, flush=True)

    def call(self, *words):
        done = subprocess.run([self.program] + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()

    def model(self, path, options, make, folder):
        shown = os.path.relpath(path, DATA)
        status, said = self.call("convert", path, "-o", os.path.join(folder, "m.net"), *options)
        if "its result is random" in said:
            return self.count(status == 2, "%s: exit %d: %s" % (shown, status, said))
        beside = os.path.splitext(path)[0] + ".reference.npz"
        references = [beside] if os.path.exists(beside) else []
        if make:
            references.append(os.path.join(folder, "made.npz"))
            make(path, references[-1])
        self.count(references, "%s: no outputs to compare with" % shown)
        for reference in references:
            self.compare(shown, path, reference, options)

    def compare(self, shown, path, reference, options):
        status, said = self.call("selftest", path, "--against", reference, "--json", "-", *options)
        self.count(status == 0, "%s: %s" % (shown, said))
        for a in json.loads(said)["arrays"] if status == 0 else []:
            at = a["largest"]
            ratio = at["bound"] / at["deviation"] if at["deviation"] > 0 else 0.0
            print("%-52s %-16s %6d entries  deviation %-9.3g bound %-9.3g %s" % (shown, a["name"], a["entries"], at["deviation"], at["bound"],
                  "ratio %.3g" % ratio if ratio else "no deviation"), flush=True)
            if a["bound_of"] == "float32":
                self.count(ratio <= MOST, "%s: the bound is %.3g times the deviation" % (shown, ratio))


def main(build, only=""):
    tally, seen, absent = Tally(build), set(), set()
    torch.manual_seed(6)
    with tempfile.TemporaryDirectory() as folder:
        for pattern, sets, config, make in MODELS:
            place = os.path.dirname(os.path.join(DATA, pattern.split("*")[0]))
            paths = sorted(glob.glob(os.path.join(DATA, pattern)))
            missing = os.path.join(DATA, pattern) if os.path.isdir(place) else place
            if not paths and missing not in absent:
                absent.add(missing)
                print("absent: " + missing)
            for path in paths:
                if path not in seen and only in path:
                    seen.add(path)
                    options = [a for s in sets for a in ("--set", s)] + (["--config", os.path.join(os.path.dirname(path), config)] if config else [])
                    tally.model(path, options, make, folder)
        every = {p for e in ("safetensors", "pt", "pth", "onnx") for p in glob.glob(os.path.join(DATA, "**", "*." + e), recursive=True)}
        if every and not only:
            tally.count(every == seen, "models without a row of this table: %s" % sorted(every - seen))
    print("%d models" % len(seen))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
