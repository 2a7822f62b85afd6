"""ONNX files of other projects, held against ONNX Runtime: python tests/peers/onnx_files.py BUILD

On random inputs, what ONNX Runtime computes must lie in the enclosure of all binary32 executions (tests/models/check_onnx.c does the comparing).
The files are those below $WEIGHTPROOF_DATA (default ../shared/data); a folder that is not there is printed as `absent` and counts neither way.
Needs onnx and onnxruntime (make check-peers installs them). Closes with `N passed, N failed`.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

DATA = os.environ.get("WEIGHTPROOF_DATA", "../shared/data")
FILES = ["real/marabou_onnx/*.onnx", "real/marabou_onnx/*/*.onnx", "real/acasxu/*.onnx", "trained/*.onnx"]
BUILD, passed, failed = sys.argv[1] if len(sys.argv) > 1 else "build", 0, 0


def constant(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def sigmoid(n, x, y):
    p = y + "/definition/"
    return [helper.make_node("Neg", [x], [p + "n"]), helper.make_node("Exp", [p + "n"], [p + "e"]), constant(p + "1", np.float32(1)),
            helper.make_node("Add", [p + "e", p + "1"], [p + "d"]), helper.make_node("Div", [p + "1", p + "d"], [y])]


def batchnorm(n, x, y, rank):
    p, out = y + "/definition/", []
    eps = next((a.f for a in n.attribute if a.name == "epsilon"), 1e-5)
    out += [constant(p + "shape", np.array([1, -1] + [1] * (rank - 2))), constant(p + "eps", np.float32(eps))]
    s, b, m, v = n.input[1:]
    for k, name in zip("sbmv", (s, b, m, v)):
        out.append(helper.make_node("Reshape", [name, p + "shape"], [p + k]))
    return out + [helper.make_node("Sub", [x, p + "m"], [p + "c"]), helper.make_node("Add", [p + "v", p + "eps"], [p + "e"]), helper.make_node("Sqrt", [p + "e"], [p + "d"]),
                  helper.make_node("Div", [p + "c", p + "d"], [p + "q"]), helper.make_node("Mul", [p + "q", p + "s"], [p + "w"]), helper.make_node("Add", [p + "w", p + "b"], [y])]


def by_definition(model):
    """The operators that ONNX Runtime computes by other formulas (docs/onnx.md), written out."""
    g, nodes = model.graph, []
    rank = len(g.input[0].type.tensor_type.shape.dim)
    for n in g.node:
        if n.op_type == "Sigmoid":
            nodes += sigmoid(n, n.input[0], n.output[0])
        elif n.op_type == "BatchNormalization":
            nodes += batchnorm(n, n.input[0], n.output[0], rank)
        else:
            nodes.append(n)
    del g.node[:]
    g.node.extend(nodes)
    return model.SerializeToString()


def hexadecimal(values):
    return " ".join(float(v).hex() for v in np.asarray(values).ravel())


def answers(path):
    """Lines of random inputs and ONNX Runtime's outputs."""
    model, lines = onnx.load(path), []
    info = [i for i in model.graph.input if i.name not in {w.name for w in model.graph.initializer}][0]
    shape = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(by_definition(model), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(len(path))
    for i in range(6):
        x = random.uniform(-1, 1, shape) if i % 2 else random.uniform(0, 1, shape)
        x = x.astype(np.float32)
        lines += ["input " + hexadecimal(x), "output " + hexadecimal(session.run(None, {info.name: x})[0])]
    return lines


def count(good, message=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(message, flush=True)


def main():
    lines = []
    for pattern in FILES:
        folder = os.path.join(DATA, pattern.split("*")[0])
        if not os.path.isdir(folder):
            print("absent: " + folder)
            continue
        for path in sorted(glob.glob(os.path.join(DATA, pattern))):
            done = subprocess.run([os.path.join(BUILD, "weightproof"), "convert", path, "-o", os.devnull], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if b"its result is random" in done.stdout:
                count(done.returncode == 2, "%s: exit %d" % (path, done.returncode))
            elif done.returncode:
                count(False, done.stdout.decode())
            else:
                lines += ["model " + os.path.abspath(path)[1:-5]] + answers(path)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "outputs.txt"), "w") as f:
            f.write("\n".join(lines) + "\n")
        if lines:
            done = subprocess.run([os.path.join(BUILD, "tests/models/check_onnx"), "/", os.path.join(folder, "outputs.txt")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            checks = re.search(rb"Checks: (\d+), Failures: (\d+), Errors: (\d+)", done.stdout)
            n, bad = (int(checks[1]), int(checks[2]) + int(checks[3])) if checks else (1, 1)
            global passed, failed
            passed, failed = passed + n - bad, failed + bad
            print(done.stdout.decode())
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not (passed or not lines) else 0)


if __name__ == "__main__":
    main()
