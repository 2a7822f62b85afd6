"""Stored networks of PyTorch in every layout (tests/data/families): outputs within their bounds, certificates that bind the file's bytes, and QK and OV
of grouped keys and values; and rows of real numbers as inputs: python tests/families/run.py BUILD
"""
import hashlib
import json
import os
import sys
import tempfile
from fractions import Fraction

import numpy as np

BUILD, DATA = sys.argv[1], "tests/data/families"
sys.path[:0] = ["tests/models", "tests"]
import families as numpy_families  # noqa: E402
from tally import check, finish, run  # noqa: E402

SIZES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "BOOL": 1, "I64": 8}


def verify(folder, path, options, claims):
    """Writes and verifies the claims; the folder of the certificates."""
    text, out = os.path.join(folder, "a.claims"), os.path.join(folder, "certificates")
    with open(text, "w") as f:
        f.write('claims 1\nmodel M = "%s"\n%s\n' % (os.path.abspath(path), claims))
    status, output = run(BUILD + "/weightproof", "verify", text, "--certificates", out, *options)
    return out, output


def claim(entry):
    """Any claim about the network."""
    if entry["inputs"] == "reals":
        return "claim c { prove exists k in 0..0 : output(M, {%s})[k] < 1000000000 }" % ", ".join(["1"] * entry["width"])
    return "claim c { count t in tokens[%d] of 0..1 : logits(M, t)[last, 0] > 0 }" % (2 if entry["config"] is None else 1)


def binding(name, folder, path, options, text):
    """Every tensor that the certificate binds: the same bytes are accepted, one changed element is seen, though the hash be the changed file's."""
    out, output = verify(folder, path, options, text)
    cert = os.path.join(out, "c.cert")
    status, said = run(BUILD + "/weightproof-check", "--source", path, cert)
    check(status == 0 and ("byte for byte" in said or "not bound" in said), "%s: --source: %s\n%s" % (name, said, output))
    if status:
        return
    with open(path, "rb") as f:
        data = bytearray(f.read())
    lines = open(cert).read().split("\n")
    bound = [line.split(" ") for line in lines if line.startswith("tensor ") and line.split(" ")[2] != "-"]
    check(len(bound) > 0, "%s: %d tensors are bound" % (name, len(bound)))
    for _, tensor, offset, dtype, shape, strides in (bound[0], bound[len(bound) // 2], bound[-1]):
        last = sum((int(n) - 1) * int(s) for n, s in zip(shape.split("x"), strides.split("x")))
        changed, forged = bytearray(data), os.path.join(out, "forged.cert")
        changed[int(offset) + last * SIZES[dtype]] ^= 1
        other = os.path.join(folder, "changed")
        with open(other, "wb") as f:
            f.write(changed)
        status, said = run(BUILD + "/weightproof-check", "--source", other, cert)
        check(status == 1, "%s: a file with a changed byte in %s passes: %s" % (name, tensor, said))
        with open(forged, "w") as f:
            text = "\n".join(lines[:-2] + [""]).replace(hashlib.sha256(data).hexdigest(), hashlib.sha256(changed).hexdigest())
            f.write(text + "sha256 %s\n" % hashlib.sha256(text.encode()).hexdigest())
        status, said = run(BUILD + "/weightproof-check", "--source", other, forged)
        check(status == 1 and "differs from the source" in said, "%s: a changed byte in %s is not seen: %s" % (name, tensor, said))


def stored(folder):
    index = json.load(open(os.path.join(DATA, "index.json")))
    for name, entry in sorted(index.items()):
        path, config = os.path.join(DATA, name), os.path.join(folder, "config.json")
        json.dump(entry["config"], open(config, "w"))
        options = ([] if entry["config"] is None else ["--config", config]) + [a for s in entry["set"] for a in ("--set", s)]
        status, output = run(BUILD + "/weightproof", "selftest", path, "--against", os.path.join(DATA, name.rsplit(".", 1)[0] + ".reference.npz"), *options)
        check(status == 0, "%s: %s" % (name, output))
        place = os.path.join(folder, name)
        os.mkdir(place)
        binding(name, place, path, options, claim(entry))


def exact(a, b):
    return [[sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def circuits(folder):
    """QK and OV of 4 heads in 2 groups, against exact products in Python; both checkers accept what is true and refuse the other group's."""
    r = numpy_families.random.Random(3)
    c, P = numpy_families.make(r, dict(numpy_families.PLAIN, n_heads=4, groups=2, d_head=2, n_layers=1, pad=None, positions="none", norm=None, d_mlp=5, act="relu", parallel=False))
    path = os.path.join(folder, "grouped.safetensors")
    numpy_families.save(path, *numpy_families.transformer_lens(P, c))
    claims, expected = "", {}
    for h in range(4):
        for g in range(2):
            for kind, a, b in (("QK", P["blocks.0.attn.W_Q"][h], P["blocks.0.attn._W_K"][g].T), ("OV", P["blocks.0.attn._W_V"][g], P["blocks.0.attn.W_O"][h])):
                x = exact(a, b)[1][2]
                expected["%s_%d_%d" % (kind, h, g)] = g == h // 2
                claims += "claim %s_%d_%d { prove %s(M, 0, %d)[1, 2] == %d/%d }\n" % (kind, h, g, kind, h, x.numerator, x.denominator)
    out, output = verify(folder, path, [], claims)
    for name, true in expected.items():
        check(("proved     %s:" % name in output) == true and ("refuted    %s:" % name in output) != true, "%s: %s" % (name, output))
        cert = os.path.join(out, name + ".cert")
        status, said = run(BUILD + "/weightproof-check", cert)
        check(status == 0 and ("accepted proved" in said) == true, "%s: %s" % (name, said))
        status, said = run(sys.executable, "proofs/reference/check.py", "--dir", out, cert)
        check(status == 0 and ("accepted proved" in said) == true, "%s, second checker: %s" % (name, said))


def sequence(folder):
    """Rows of real numbers as inputs: a linear map of them stands for the embedding."""
    rng, w, d, H, dh = np.random.default_rng(4), 3, 4, 2, 2
    P = {"embed.W_E": rng.normal(size=(w, d)), "blocks.0.attn.W_O": rng.normal(size=(H, dh, d)), "unembed.W_U": rng.normal(size=(d, 5))}
    P.update({"blocks.0.attn.W_" + k: rng.normal(size=(H, d, dh)) for k in "QKV"})
    P = {k: v.astype(np.float32) for k, v in P.items()}
    path, reference = os.path.join(folder, "reals.npz"), os.path.join(folder, "reals.reference.npz")
    np.savez(path, **P)
    x, Q = rng.normal(size=(6, 4, w)).astype(np.float32), {k: v.astype(np.float64) for k, v in P.items()}
    e, y = x.astype(np.float64) @ Q["embed.W_E"], 0
    for h in range(H):
        q, k, v = (e @ Q["blocks.0.attn.W_" + n][h] for n in "QKV")
        s = np.where(np.tril(np.ones((4, 4), bool)), q @ k.transpose(0, 2, 1) / dh ** 0.5, -np.inf)
        y = y + numpy_families.softmax(s) @ v @ Q["blocks.0.attn.W_O"][h]
    options = ["--set", "input_type=reals", "--set", "n_ctx=4", "--set", "normalization_type=null", "--set", "positional_embedding_type=none"]
    for good in (True, False):
        np.savez(reference, inputs=x, output_float64=(e + y if good else e) @ Q["unembed.W_U"])
        status, output = run(BUILD + "/weightproof", "selftest", path, "--against", reference, *options)
        check((status == 0) == good and ("FAILED" in output) != good, "rows of real numbers: %s" % output)


with tempfile.TemporaryDirectory() as where:
    circuits(where)
    sequence(where)
    stored(where)
finish()
