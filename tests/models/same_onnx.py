"""An MLP that was saved twice, as ONNX and as safetensors: what `weightproof convert` makes of the ONNX file is, byte for byte, the network that
is written here from the safetensors file and proofs/NETWORK.md."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import make_net  # noqa: E402

program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0


def expected(path):
    """Layers 0, 2, 4 of a Sequential, relu between them. PyTorch keeps a weight as [outputs, inputs]."""
    T, lines, nodes, x = make_net.read(path)[0], [], ["node x input"], "x"
    T = {("_" + k): (v.T if k.endswith("weight") else v) for k, v in T.items()}
    lines = ["weightproof-net 1", "reals %d 1" % T["_0.weight"].shape[0], "mask none", "eps 0"]
    for name in sorted(T):
        lines.append("tensor %s %s" % (name, " ".join(map(str, T[name].shape))))
        lines += [" ".join(make_net.num(v) for v in row) for row in T[name].reshape(-1, T[name].shape[-1])]
    for i in range(3):
        nodes.append("node h%d linear %s _%d.weight _%d.bias" % (i, x, 2 * i, 2 * i))
        if i < 2:
            nodes.append("node r%d relu h%d" % (i, i))
        x = "r%d" % i
    return "\n".join(lines + nodes + ["output h2", "end"]) + "\n"


for name in ["relu_digits_s0"]:
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "a.net")
        done = subprocess.run([program, "convert", "tests/data/%s.onnx" % name, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        same = done.returncode == 0 and open(out).read() == expected("tests/data/%s.safetensors" % name)
    passed, failed = passed + same, failed + (not same)
    if not same:
        print("%s: the ONNX file and the safetensors file give different networks (exit %d)\n%s" % (name, done.returncode, done.stdout.decode()))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
