"""`weightproof convert` against the independent writer tests/make_net.py, byte for byte, on every model of
examples/ and on random transformers of every kind, these also as NumPy archives."""
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import make_net  # noqa: E402

KINDS = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8"}


def shapes(c, random):
    """Names and shapes of the tensors of a configuration; a bias is there or not."""
    d, h, m = c["d_model"], c["n_heads"], c["d_mlp"]
    yes = [("embed.W_E", c["d_vocab"], d), ("unembed.W_U", d, c["d_vocab_out"])]
    maybe = [("unembed.b_U", c["d_vocab_out"])]
    if random.random() < 0.7:
        yes.append(("pos_embed.W_pos", c["n_ctx"], d))
    norms = ["ln_final"]
    for l in range(c["n_layers"]):
        b = "blocks.%d." % l
        yes += [(b + "attn.W_" + x, h, d, c["d_head"]) for x in "QKV"] + [(b + "attn.W_O", h, c["d_head"], d)]
        maybe += [(b + "attn.b_" + x, h, c["d_head"]) for x in "QKV"] + [(b + "attn.b_O", d)]
        norms.append(b + "ln1")
        if not c["attn_only"]:
            yes += [(b + "mlp.W_in", d, m), (b + "mlp.W_out", m, d)]
            maybe += [(b + "mlp.b_in", m), (b + "mlp.b_out", d)]
            norms.append(b + "ln2")
    if c["normalization_type"]:
        yes += [(n + x, d) for n in norms for x in (".w", ".b")]
    return [(x[0], x[1:]) for x in yes + [x for x in maybe if random.random() < 0.6]]


def random_model(path, random):
    c = {k: random.randint(1, 6) for k in ("d_vocab", "d_vocab_out", "n_ctx", "d_model", "n_heads", "d_head", "d_mlp")}
    c.update(n_layers=random.randint(1, 3), normalization_type=random.choice(["LN", None]), attn_only=random.choice([True, False]),
             act_fn=random.choice(["relu", "gelu", "gelu_new", "silu"]), attention_dir=random.choice(["causal", "bidirectional"]))
    if random.random() < 0.5:
        c["eps"] = random.choice([1e-5, 1e-6, 1e-12, 0.1])
    header, data, arrays = {"__metadata__": {"config": json.dumps(c)}}, b"", {}
    tensors = shapes(c, random)
    random.shuffle(tensors)
    for name, shape in tensors:
        kind = random.choice(sorted(KINDS))
        values = [random.gauss(0, 1) * random.choice([0, 1, 1e-3, 1e4]) for _ in range(int(np.prod(shape)))]
        raw = np.array(values).clip(-60000, 60000).astype(KINDS[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
        arrays[name] = np.frombuffer(raw, KINDS[kind]).reshape(shape).astype(random.choice("<>") + KINDS[kind][1:], order=random.choice("CF"))
    random.choice([np.savez, np.savez_compressed])(path + ".npz", config=json.dumps(c), **arrays)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0
chosen = random.Random(7)
with tempfile.TemporaryDirectory() as folder:
    paths = sorted(p for p in glob.glob("examples/*.safetensors") if b"embed.W_E" in open(p, "rb").read())
    for i in range(60):
        paths.append(os.path.join(folder, "random%d.safetensors" % i))
        random_model(paths[-1], chosen)
        paths.append(paths[-1] + ".npz")
    for path in paths:
        out = os.path.join(folder, "a.net")
        done = subprocess.run([program, "convert", path, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        same = done.returncode == 0 and open(out).read() == make_net.net_text(*make_net.read(path.removesuffix(".npz")))
        passed, failed = passed + same, failed + (not same)
        if not same:
            print("%s: convert (exit %d) and make_net differ\n%s" % (path, done.returncode, done.stdout.decode()))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
