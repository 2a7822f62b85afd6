"""The same facts from PyTorch in double precision, by brute force: python tests/peers/run.py BUILD

Counts and smallest margins of weightproof against forward passes on every sequence. Needs torch (make check-peers installs it).
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "examples"), os.path.join(ROOT, "bench")]
import torch  # noqa: E402

import peers  # noqa: E402
import train  # noqa: E402

program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0


def brute(path, answer):
    """(wrong, smallest margin) over all sequences."""
    T, cfg = train.load(path)
    P = {k: torch.from_numpy(v).double() for k, v in T.items()}
    wrong, least = 0, float("inf")
    with torch.no_grad():
        for t in peers.sequences(cfg["d_vocab"], cfg["n_ctx"], 1 << 15):
            z, y = train.forward(P, cfg, t)[:, -1], answer(t)
            own = z.gather(1, y[:, None])[:, 0]
            z.scatter_(1, y[:, None], float("-inf"))
            margin = own - z.amax(1)
            wrong += (margin <= 0).sum().item()
            least = min(least, margin.min().item())
    return wrong, least


def proved(path, n, V, classes, target):
    text = '''claims 1
model M = "%s"
claim number { count t in tokens[%d] of 0..%d : argmax(logits(M, t)[last]) != %s }
claim margin { minimize t in tokens[%d] of 0..%d : logits(M, t)[last, %s] - max{ logits(M, t)[last, j] : j in 0..%d where j != %s } within 1e-6 }
''' % (os.path.abspath(path), n, V - 1, target, n, V - 1, target, classes - 1, target)
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/a.claims", "w") as f:
            f.write(text)
        subprocess.run([program, "verify", folder + "/a.claims", "--json", folder + "/a.json", "--quiet"], stdout=subprocess.DEVNULL)
        number, margin = json.load(open(folder + "/a.json"))["claims"]
    return number, margin


def compare(path, answer, target):
    global passed, failed
    cfg = train.load(path)[1]
    number, margin = proved(path, cfg["n_ctx"], cfg["d_vocab"], cfg["d_vocab_out"], target)
    wrong, least = brute(path, answer)
    good = (number["evidence"] == margin["evidence"] == "checked" and int(number["number_lo"]) == int(number["number_hi"]) == wrong and
            margin["lo"] - 1e-9 <= least <= margin["hi"] + 1e-9)
    passed, failed = passed + good, failed + (not good)
    print("%s %s: PyTorch %d wrong, least %.9f; weightproof %s..%s, [%r, %r]" % ("ok    " if good else "FAILED", os.path.basename(path), wrong, least,
          number["number_lo"], number["number_hi"], margin["lo"], margin["hi"]), flush=True)


with tempfile.TemporaryDirectory() as folder:
    compare(os.path.join(ROOT, "examples/max4_s123.safetensors"), lambda t: t.amax(1), "max(t)")
    jobs = [("max", ["--n", "3", "--d-vocab", "32", "--accuracy", a, "--seed", "2"], lambda t: t.amax(1), "max(t)") for a in ("0.5", "0.9", "0.99")]
    jobs += [("max", ["--n", "3", "--d-vocab", "32", "--steps", "0"], lambda t: t.amax(1), "max(t)"),
             ("min", ["--n", "4", "--d-vocab", "16", "--steps", "600"], lambda t: t.amin(1), "min(t)"),
             ("contains", ["--n", "4", "--d-vocab", "16", "--steps", "600", "--biases"], lambda t: (t == 3).any(1).long(), "(if contains(t, 3) then 1 else 0)")]
    for i, (task, options, answer, target) in enumerate(jobs):
        path = "%s/%s%d.safetensors" % (folder, task, i)
        subprocess.run([sys.executable, os.path.join(ROOT, "examples/train.py"), task, "-o", path] + options, check=True, stdout=subprocess.DEVNULL)
        compare(path, answer, target)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
