"""Families that are not transformers: every layout of small random models, written here, against a forward pass in numpy that is written here too.

    python tests/models/same_family.py BUILD

selftest must find the forward passes within the certified bounds (and a slip of them outside), and equal networks in different layouts must
convert to the same bytes.
"""
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np

program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0
rng = np.random.default_rng(11)


def R(*shape, scale=1.0):
    return (rng.normal(size=shape) * scale).astype(np.float32)


def write_safetensors(path, tensors, config=None):
    header, data = {}, b""
    if config is not None:
        header["__metadata__"] = {"config": json.dumps(config)}
    for name, x in tensors.items():
        raw = np.ascontiguousarray(x, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


# ---- the forward passes, in the precision of their arguments ----

def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)


ACT = {
    "relu": lambda x: np.maximum(x, 0), "gelu": lambda x: x * (1 + erf(x / np.sqrt(x.dtype.type(2)))) / 2,
    "gelu_new": lambda x: x * (1 + np.tanh(np.sqrt(x.dtype.type(2 / math.pi)) * (x + x.dtype.type(0.044715) * x * x * x))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)), "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "square": lambda x: x * x, "none": lambda x: x,
}


def lin(x, W, b=None):
    """W [out, in], as torch.nn.Linear has it."""
    y = x @ W.T
    return y if b is None else y + b


def topk(x, k):
    y = np.zeros_like(x)
    for row, out in zip(x, y):
        keep = np.argsort(-row, kind="stable")[:k]
        out[keep] = row[keep]
    return y


def batchnorm(x, p):
    eps = x.dtype.type(1e-5)
    return (x - p["running_mean"]) / np.sqrt(p["running_var"] + eps) * p["weight"] + p["bias"]


def rms(x, w, eps):
    return x / np.sqrt((x * x).mean(1, keepdims=True) + x.dtype.type(eps)) * w


def layernorm(x, w, b, eps=1e-5):
    c = x - x.mean(1, keepdims=True)
    return c / np.sqrt((c * c).mean(1, keepdims=True) + x.dtype.type(eps)) * w + b


# ---- one case: tensors of a layout, a forward pass, settings ----

nets = {}


def program_run(*args):
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def count(good, what, output=""):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("%s\n%s" % (what, output))


def cast(f, kind):
    """The forward pass with its arrays in one precision: it reads them through P."""
    return lambda x, P: f(x.astype(kind), {k: v.astype(kind) for k, v in P.items()})


def case(folder, name, tensors, forward, x, settings=(), group=None, config=None, params=None):
    path, ref = os.path.join(folder, name + ".safetensors"), os.path.join(folder, name + ".npz")
    P = params if params is not None else tensors
    write_safetensors(path, tensors, config)
    y64 = cast(forward, np.float64)(x, P) if x.dtype != np.int64 else forward(x, {k: v.astype(np.float64) for k, v in P.items()})
    y32 = cast(forward, np.float32)(x, P) if x.dtype != np.int64 else forward(x, {k: v.astype(np.float32) for k, v in P.items()})
    assert y32.dtype == np.float32 and y64.dtype == np.float64
    sets = [a for s in settings for a in ("--set", s)]
    np.savez(ref, inputs=x, output_float32=y32, output_float64=y64)
    status, text = program_run("selftest", path, "--against", ref, *sets)
    count(status == 0 and text.count("agrees") == 2, "%s: selftest" % name, text)
    y64[-1, -1] += 1e-9 * (1 + abs(y64[-1, -1]))
    np.savez(ref, inputs=x, output_float64=y64)
    status, text = program_run("selftest", path, "--against", ref, *sets)
    count(status == 1 and "FAILED" in text, "%s: a slip of the reference was not seen" % name, text)
    net = os.path.join(folder, name + ".net")
    status, text = program_run("convert", path, "-o", net, *sets)
    count(status == 0, "%s: convert" % name, text)
    if status == 0 and group:
        same = nets.setdefault(group, (name, open(net).read()))
        count(same[1] == open(net).read(), "%s and %s are the same network with different .net files" % (same[0], name))


def bilinear(folder):
    n, h, o = 5, 7, 3
    L, Rt, U, bl, br, bu = R(h, n), R(h, n), R(o, h), R(h), R(h), R(o)
    x = R(12, n)

    def plain(x, P):
        return lin(lin(x, P["L"]) * lin(x, P["R"]), P["U"])

    def biased(x, P):
        return lin(lin(x, P["L"], P["bl"]) * lin(x, P["R"], P["br"]), P["U"], P["bu"])

    p, q = {"L": L, "R": Rt, "U": U}, {"L": L, "R": Rt, "U": U, "bl": bl, "br": br, "bu": bu}
    case(folder, "wlr", {"w_l": L, "w_r": Rt, "w_u": U}, plain, x, group="bilinear", params=p)
    case(folder, "leftright", {"left.weight": L, "right.weight": Rt, "head.weight": U}, plain, x, group="bilinear", params=p)
    case(folder, "lrd", {"l.weight": L, "r.weight": Rt, "d.weight": U}, plain, x, group="bilinear", params=p)
    case(folder, "lrd_layers", {"layers.0.l.weight": L, "layers.0.r.weight": Rt, "layers.0.d.weight": U}, plain, x, group="bilinear", params=p)
    case(folder, "lrd_bias", {"l.weight": L, "l.bias": bl, "r.weight": Rt, "r.bias": br, "d.weight": U, "d.bias": bu}, biased, x, group="bilinear_bias", params=q)
    case(folder, "leftright_bias", {"left.weight": L, "left.bias": bl, "right.weight": Rt, "right.bias": br, "head.weight": U, "head.bias": bu}, biased, x,
         group="bilinear_bias", params=q)
    case(folder, "gate", {"left.weight": L, "right.weight": Rt, "head.weight": U},
         lambda x, P: lin(ACT["silu"](lin(x, P["L"])) * lin(x, P["R"]), P["U"]), x, ["gate=silu"], params=p)
    for how, f in {"none": lambda x, y: y, "add": lambda x, y: x + y, "tenth": lambda x, y: x + y * x.dtype.type(0.1), "lerp": lambda x, y: x + (y - x) * x.dtype.type(0.25)}.items():
        stacked(folder, how, f)
    product(folder)


def stacked(folder, how, join):
    n, h, o = 4, 6, 3
    E, U, x = R(h, n), R(o, h), R(12, n)
    blocks, biases = [R(2 * h, h, scale=0.5) for _ in range(2)], [R(2 * h) for _ in range(2)]
    sets = {"none": ["residual=none"], "add": ["residual=add", "residual_scale=1"], "tenth": ["residual=add", "residual_scale=0.1"],
            "lerp": ["residual=lerp", "residual_scale=0.25"]}[how]

    def forward(x, P):
        x = lin(x, P["E"])
        for i in range(2):
            W, b = P["W%d" % i], P["b%d" % i]
            x = join(x, lin(x, W[:h], b[:h]) * lin(x, W[h:], b[h:]))
        return lin(x, P["U"])

    p = {"E": E, "U": U, **{"W%d" % i: blocks[i] for i in range(2)}, **{"b%d" % i: biases[i] for i in range(2)}}
    one = {"embed.weight": E, "head.weight": U}
    two = dict(one)
    for i in range(2):
        one.update({"blocks.%d.weight" % i: blocks[i], "blocks.%d.bias" % i: biases[i]})
        two.update({"blocks.%d.l.weight" % i: blocks[i][:h], "blocks.%d.r.weight" % i: blocks[i][h:], "blocks.%d.l.bias" % i: biases[i][:h], "blocks.%d.r.bias" % i: biases[i][h:]})
    case(folder, "stacked_" + how, one, forward, x, sets, group="stacked_" + how, params=p)
    case(folder, "pairs_" + how, two, forward, x, sets, group="stacked_" + how, params=p)
    case(folder, "config_" + how, one, forward, x, group="stacked_" + how, params=p, config={k: json.loads(v) if v[0].isdigit() else v for k, v in (s.split("=") for s in sets)})


def product(folder):
    def forward(x, y, P):
        z = np.einsum("ni,oij,nj->no", x, P["bilinear.weight"], y) + P["bilinear.bias"]
        return lin(z, P["output.weight"]) if "output.weight" in P else z

    W, b, out = R(3, 4, 5), R(3), R(6, 3)
    case(folder, "product_pair", {"bilinear.weight": W, "bilinear.bias": b}, lambda x, P: forward(x[:, :4], x[:, 4:], P), R(12, 9))
    W = R(3, 4, 4)
    case(folder, "product_same", {"bilinear.weight": W, "bilinear.bias": b, "output.weight": out}, lambda x, P: forward(x, x, P), R(12, 4), ["inputs=same"])
    one_hot = np.eye(4, dtype=np.float32)
    tokens = rng.integers(0, 4, size=(12, 2))
    case(folder, "product_tokens", {"bilinear.weight": W, "bilinear.bias": b, "output.weight": out},
         lambda t, P: forward(one_hot[t[:, 0]].astype(P["bilinear.bias"].dtype), one_hot[t[:, 1]].astype(P["bilinear.bias"].dtype), P), tokens, ["inputs=tokens"])


def mlp(folder):
    W, b = [R(6, 4), R(5, 6), R(3, 5)], [R(6), R(5), R(3)]
    x = R(12, 4)
    p = {"W%d" % i: W[i] for i in range(3)} | {"b%d" % i: b[i] for i in range(3)}

    def forward(act, last="none"):
        def f(x, P):
            for i in range(3):
                x = lin(x, P["W%d" % i], P["b%d" % i])
                x = ACT[act if i < 2 else last](x)
            return x
        return f

    layouts = {
        "sequential": {"%d." % (2 * i): i for i in range(3)}, "net": {"net.%d." % (2 * i): i for i in range(3)}, "list": {"layers.%d." % i: i for i in range(3)},
        "fc": {"fc%d." % (i + 1): i for i in range(3)}, "deep": {"layers.%d.linear." % i: i for i in range(3)}, "head": {"net.0.": 0, "net.2.": 1, "head.": 2},
    }
    for name, layout in layouts.items():
        tensors = {k + "weight": W[i] for k, i in layout.items()} | {k + "bias": b[i] for k, i in layout.items()}
        case(folder, "mlp_" + name, tensors, forward("relu"), x, ["act=relu"], group="mlp", params=p)
    case(folder, "mlp_config", {k + "weight": W[i] for k, i in layouts["fc"].items()} | {k + "bias": b[i] for k, i in layouts["fc"].items()}, forward("relu"), x, group="mlp",
         params=p, config={"activation": "ReLU"})
    case(folder, "mlp_raw", {"W%d" % (i + 1): W[i].T for i in range(3)} | {"b%d" % (i + 1): b[i] for i in range(3)}, forward("relu"), x, ["act=relu"], group="mlp", params=p)
    case(folder, "mlp_flax", {"Dense_%d.kernel" % i: W[i].T for i in range(3)} | {"Dense_%d.bias" % i: b[i] for i in range(3)}, forward("relu"), x, ["act=relu"], group="mlp", params=p)
    tensors = {"%d.weight" % (2 * i): W[i] for i in range(3)} | {"%d.bias" % (2 * i): b[i] for i in range(3)}
    for act in ACT:
        case(folder, "mlp_" + act, tensors, forward(act), x, ["act=" + act], params=p)
    case(folder, "mlp_out", tensors, forward("tanh", "sigmoid"), x, ["act=tanh", "act_out=sigmoid"], params=p)

    def listed(x, P):
        x = ACT["gelu"](lin(x, P["W0"], P["b0"]))
        return lin(lin(x, P["W1"], P["b1"]), P["W2"], P["b2"])
    case(folder, "mlp_listed", tensors, listed, x, ['act=["gelu", "none"]'], params=p)
    square = [R(4, 4), R(4, 4)]
    case(folder, "mlp_square", {"W1": square[0], "W2": square[1]}, lambda x, P: lin(ACT["relu"](lin(x, P["W1"])), P["W2"]), x, ["act=relu", "layout=out_in"])
    norms(folder, W, b, p, x)


def norms(folder, W, b, p, x):
    bn = {"weight": R(6), "bias": R(6), "running_mean": R(6), "running_var": np.abs(R(6)) + np.float32(0.1)}
    p = p | {"bn." + k: v for k, v in bn.items()} | {"w": R(6)}

    def part(P):
        return {k: P["bn." + k] for k in bn}

    rest = {"3.weight": W[1], "3.bias": b[1], "5.weight": W[2], "5.bias": b[2]}

    def tail(x, P):
        return lin(ACT["relu"](lin(x, P["W1"], P["b1"])), P["W2"], P["b2"])

    first = {"0.weight": W[0], "0.bias": b[0]}
    case(folder, "bn_before", first | {"1." + k: v for k, v in bn.items()} | rest, lambda x, P: tail(ACT["relu"](batchnorm(lin(x, P["W0"], P["b0"]), part(P))), P), x,
         ["act=relu"], params=p)
    case(folder, "bn_after", first | {"2." + k: v for k, v in bn.items()} | rest, lambda x, P: tail(batchnorm(ACT["relu"](lin(x, P["W0"], P["b0"])), part(P)), P), x,
         ["act=relu"], params=p)
    case(folder, "ln", first | {"1.weight": bn["weight"], "1.bias": bn["bias"]} | rest,
         lambda x, P: tail(ACT["relu"](layernorm(lin(x, P["W0"], P["b0"]), P["bn.weight"], P["bn.bias"])), P), x, ["act=relu"], params=p)
    case(folder, "rms", first | {"1.weight": p["w"]} | rest, lambda x, P: tail(ACT["relu"](rms(lin(x, P["W0"], P["b0"]), P["w"], 1e-3)), P), x, ["act=relu", "eps=0.001"], params=p)


def said(folder):
    """What a state dict cannot tell is said: norms that other modules have the tensors of, paths beside layers that only names put in a row."""
    path = os.path.join(folder, "said.safetensors")
    layers = {"fc1.weight": R(4, 4), "fc2.weight": R(4, 4), "out.weight": R(3, 4)}
    for tensors, words in (({"0.weight": R(6, 4), "1.weight": R(6), "1.bias": R(6), "3.weight": R(3, 6)}, "LayerNorm +assumed: GroupNorm"),
                           ({"0.weight": R(6, 4), "1.weight": R(6), "3.weight": R(3, 6)}, "RMSNorm +assumed: PReLU"), (layers, "paths beside the layers assumed to be none")):
        write_safetensors(path, tensors)
        status, text = program_run("info", path, "--set", "act=relu", "--set", "eps=1e-5")
        count(status == 0 and bool(re.search(words, text)), "info says: " + words, text)


def tms(folder):
    W, b, x = R(2, 5), R(5), np.abs(R(12, 5))
    p = {"W": W, "b": b}

    def forward(x, P):
        return ACT["relu"](lin(lin(x, P["W"]), P["W"].T, P["b"]))

    case(folder, "tms_mn", {"W": W, "b": b}, forward, x, group="tms", params=p)
    case(folder, "tms_nm", {"W": W.T, "b_final": b}, forward, x, group="tms", params=p)
    case(folder, "tms_instances", {"W": np.stack([R(2, 5), W]), "b_final": np.stack([R(5), b])}, forward, x, ["instance=1"], group="tms", params=p)
    case(folder, "tms_layers", {"linear1.weight": W, "linear2.weight": W.T, "linear2.bias": b}, forward, x, group="tms", params=p)
    H = R(2, 2)
    case(folder, "tms_hidden", {"linear1.weight": W, "hidden_layers.0.weight": H, "linear2.weight": W.T, "linear2.bias": b},
         lambda x, P: ACT["relu"](lin(lin(lin(x, P["W"]), P["H"]), P["W"].T, P["b"])), x, params=p | {"H": H})


def autoencoder(folder):
    n, f = 4, 9
    E, D, be, bd, x = R(n, f), R(f, n), R(f), R(n), R(12, n)
    p = {"E": E, "D": D, "be": be, "bd": bd}

    def forward(act, subtract):
        def g(x, P):
            x = act(lin(x - P["bd"] if subtract else x, P["E"].T, P["be"]), P)
            return lin(x, P["D"].T, P["bd"])
        return g

    relu = lambda x, P: ACT["relu"](x)  # noqa: E731
    sae = {"W_enc": E, "W_dec": D, "b_enc": be, "b_dec": bd}
    modules = {"encoder.weight": E.T, "encoder.bias": be, "decoder.weight": D.T, "bias": bd}
    for subtract in (True, False):
        sets, group = ["act=relu", "apply_b_dec_to_input=" + ("true" if subtract else "false")], "sae_%s" % subtract
        case(folder, "sae_lens_%s" % subtract, sae, forward(relu, subtract), x, sets, group=group, params=p)
        case(folder, "sae_modules_%s" % subtract, modules, forward(relu, subtract), x, sets, group=group, params=p)
        case(folder, "sae_rows_%s" % subtract, sae | {"W_enc": E.T}, forward(relu, subtract), x, sets, group=group, params=p)
    case(folder, "sae_config", sae, forward(relu, True), x, group="sae_True", params=p,
         config={"architecture": "standard", "activation_fn_str": "relu", "apply_b_dec_to_input": True, "normalize_activations": "none", "d_in": n, "d_sae": f})
    top = {"w_enc.weight": E.T, "w_enc.bias": be, "w_dec.weight": D.T, "b_dec": bd}
    sets = ["act=topk", "k=3", "apply_b_dec_to_input=true"]
    case(folder, "sae_topk", top, forward(lambda x, P: topk(x, 3), True), x, sets + ["relu_after_topk=false"], params=p)
    case(folder, "sae_topk_relu", top, forward(lambda x, P: ACT["relu"](topk(x, 3)), True), x, sets + ["relu_after_topk=true"], group="topk_relu", params=p)
    case(folder, "sae_topk_config", sae, forward(lambda x, P: ACT["relu"](topk(x, 3)), True), x, group="topk_relu", params=p,
         config={"architecture": "topk", "k": 3, "apply_b_dec_to_input": True})
    for name, T in {"jump": np.abs(R(f, scale=0.3)), "jump_negative": R(f)}.items():
        jump = lambda x, P: ACT["relu"](x) * (x > P["T"])  # noqa: E731
        case(folder, "sae_" + name, sae | {"threshold": T}, forward(jump, False), x, ["apply_b_dec_to_input=false"], params=p | {"T": T})
    D2, bo, S = R(f, 3), R(3), R(3, n)
    q = {"E": E, "D": D2, "be": be, "bd": bd, "bo": bo, "S": S}
    case(folder, "transcoder", {"W_enc": E, "W_dec": D2, "b_enc": be, "b_dec": bd, "b_dec_out": bo},
         lambda x, P: lin(ACT["relu"](lin(x - P["bd"], P["E"].T, P["be"])), P["D"].T, P["bo"]), x, ["act=relu", "apply_b_dec_to_input=true"], params=q)
    case(folder, "transcoder_skip", {"W_enc": E, "W_dec": D2, "b_enc": be, "b_dec": bo, "W_skip": S},
         lambda x, P: lin(ACT["relu"](lin(x, P["E"].T, P["be"])), P["D"].T, P["bo"]) + lin(x, P["S"]), x, ["act=relu"], params=q)


def pair(folder):
    V, d, h = 6, 4, 7
    E, E2, U, t = R(V, d), R(V, d), R(V, h), rng.integers(0, V, size=(20, 2))
    W1, b1, W2, b2, Wa = R(h, 2 * d), R(h), R(h, h), R(h), R(h, d)

    def forward(join, act="relu"):
        def f(t, P):
            x = join(P["E"][t[:, 0]], P.get("F", P["E"])[t[:, 1]])
            for i in "12":
                if "W" + i in P:
                    x = lin(x, P["W" + i], P["b" + i])
                    x = ACT[act](x)
            return lin(x if "W1" in P else ACT[act](x), P["U"])
        return f

    concat = forward(lambda a, b: np.concatenate([a, b], 1))
    p = {"E": E, "U": U, "W1": W1, "b1": b1, "W2": W2, "b2": b2}
    base = {"embed.weight": E, "unembed.weight": U}
    case(folder, "pair_l", base | {"l1.weight": W1, "l1.bias": b1, "l2.weight": W2, "l2.bias": b2}, concat, t, ["act=relu"], group="pair", params=p)
    case(folder, "pair_fc", base | {"fc1.weight": W1, "fc1.bias": b1, "fc2.weight": W2, "fc2.bias": b2}, concat, t, ["act=relu"], group="pair", params=p)
    one = {"E": E, "U": U, "W1": W1, "b1": b1}
    case(folder, "pair_linear", {"embedding.weight": E, "linear.weight": W1, "linear.bias": b1, "unembedding.weight": U}, concat, t, ["act=relu"], group="pair1", params=one)
    case(folder, "pair_plain", {"W_E": E, "W_in": W1.T, "b_in": b1, "W_U": U.T}, concat, t, ["act=relu"], group="pair1", params=one)
    two = one | {"F": E2}
    case(folder, "pair_tables", {"embedding_left.weight": E, "embedding_right.weight": E2, "linear.weight": W1, "linear.bias": b1, "unembedding.weight": U}, concat, t,
         ["act=relu"], params=two)
    q = {"E": E, "U": U, "W1": Wa, "b1": b1}
    for word, join in {"add": np.add, "mul": np.multiply}.items():
        case(folder, "pair_" + word, base | {"l1.weight": Wa, "l1.bias": b1}, forward(join, "gelu"), t, ["act=gelu", "combine=" + word], params=q)
    case(folder, "pair_group", {"W_x": R(V, h), "W_y": R(V, h), "W_U": U.T}, lambda t, P: ACT["relu"](P["W_x"][t[:, 0]] + P["W_y"][t[:, 1]]) @ P["W_U"], t,
         ["act=relu", "combine=add"])


def tokens(folder):
    """Chains after an embedding: rows one after the other, added, multiplied, or each position for itself; and activations of their own."""
    own = np.random.default_rng(8)

    def new(*shape):
        return own.normal(size=shape).astype(np.float32)

    V, d, h = 7, 4, 6
    E, W, b, U = new(V, d), {k: new(h, k * d) for k in (1, 2, 3)}, new(h), new(V, h)
    first = {"embed": "embed.weight", "embedding": "embedding.weight"}
    for k, layouts in {2: (("embed", "mlp.%d", (0, 2)), ("embedding", "fc%d", (1, 2)), ("0", "%d", (2, 4))), 3: (("embed", "mlp.%d", (0, 2)), ("embedding", "fc%d", (1, 2)), ("0", "%d", (2, 4)))}.items():
        t, p = own.integers(0, V, size=(9, k)), {"E": E, "W": W[k], "b": b, "U": U}

        def flat(t, P):
            return lin(ACT["relu"](lin(P["E"][t].reshape(len(t), -1), P["W"], P["b"])), P["U"])
        for table, pattern, (i, j) in layouts:
            names = {first.get(table, "0.weight"): E, (pattern % i) + ".weight": W[k], (pattern % i) + ".bias": b, (pattern % j) + ".weight": U}
            case(folder, "tokens_%d_%s" % (k, table), names, flat, t, ["act=relu"], group="tokens_%d" % k, params=p)
    base = {"embed.weight": E, "mlp.0.weight": W[1], "mlp.0.bias": b, "mlp.2.weight": U}
    t, p = own.integers(0, V, size=(9, 3)), {"E": E, "W": W[1], "b": b, "U": U}
    for word, join in {"add": lambda x: x[:, 0] + x[:, 1] + x[:, 2], "mul": lambda x: x[:, 0] * x[:, 1] * x[:, 2], "none": lambda x: x}.items():
        case(folder, "tokens_" + word, base, lambda t, P: lin(np.tanh(lin(join(P["E"][t]), P["W"], P["b"])), P["U"]), t, ["act=tanh", "n_ctx=3", "combine=" + word], params=p)
    case(folder, "tokens_one", base, lambda t, P: lin(np.tanh(lin(P["E"][t[:, 0]], P["W"], P["b"])), P["U"]), t[:, :1], ["act=tanh", "n_ctx=1"], params=p)
    # words of their own
    A, x = {"0.weight": new(h, d), "2.weight": new(h, h), "4.weight": new(3, h)}, new(12, d)

    def chain(acts):
        def f(x, P):
            for i, act in enumerate(acts):
                x = act(lin(x, P["%d.weight" % (2 * i)]))
            return x
        return f

    def leaky(slope):
        return lambda x: np.where(x < 0, x * x.dtype.type(slope), x)

    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    case(folder, "words_leaky", A, chain((leaky(0.2), leaky(0.01), ACT["none"])), x, ["act=leaky_relu(0.2),leaky_relu(0.01)"])
    case(folder, "words_negative", A, chain((leaky(-1.5), leaky(0), ACT["none"])), x, ["act=leaky_relu(-1.5),leaky_relu(0)"])
    case(folder, "words_softmax", A, chain((ACT["relu"], ACT["tanh"], softmax)), x, ["act=relu,tanh", "act_out=softmax"])


def causes(folder):
    """References of a network that differs in one thing: the thing is named."""
    W, b, x = [R(6, 6), R(6, 6), R(3, 6)], [R(6), R(6), R(3)], R(12, 6)
    tensors = {"%d.weight" % (2 * i): W[i] for i in range(3)} | {"%d.bias" % (2 * i): b[i] for i in range(3)}
    path, ref = os.path.join(folder, "c.safetensors"), os.path.join(folder, "c.npz")
    write_safetensors(path, tensors)

    def forward(act=("relu", "relu"), W=W, b=b, last=lambda y: y):
        y = x.astype(np.float64)
        for i in range(3):
            y = lin(y, W[i].astype(np.float64), b[i])
            y = ACT[act[i]](y) if i < 2 else last(y)
        return y

    def softmax(y):
        e = np.exp(y - y.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    none = [np.zeros_like(v) for v in b]
    wrong = {
        "the activation: would agree with --set act=gelu": forward(("gelu", "gelu")),
        "transposed weights: would agree with tensor 'layers.1.W' transposed": forward(W=[W[0], W[1].T, W[2]]),
        "transposed weights: would agree with every square matrix transposed": forward(W=[W[0].T, W[1].T, W[2]]),
        "would agree without node 'layers.1.post'": forward(("relu", "none")),
        "a bias: would agree without 'layers.1.b'": forward(b=[b[0], none[1], b[2]]),
        "the stored rows are softmax": forward(last=softmax),
        "the stored rows are log-softmax": forward(last=lambda y: np.log(softmax(y))),
        "center_unembed": forward(last=lambda y: y - y.mean(1, keepdims=True)),
        "a scale at the end": forward(last=lambda y: y * 3),
        "--set act_out=sigmoid": forward(last=ACT["sigmoid"]),
        "none of the changes": forward(W=[W[0] + 1, W[1], W[2]]),
    }
    for words, y in wrong.items():
        np.savez(ref, x=x, y=y)
        status, text = program_run("selftest", path, "--against", ref, "--set", "act=relu")
        count(status == 1 and "likely cause" in text and words in text, "cause %r" % words, text)


def doubts(folder):
    """Entries without a finite bound are no agreement; and a reading that wide bounds let pass, while another is far nearer, is doubted."""
    path, ref = os.path.join(folder, "doubt.safetensors"), os.path.join(folder, "doubt.npz")
    own = np.random.default_rng(5)

    def answer(status, words, *sets):
        found, text = program_run("selftest", path, "--against", ref, *(a for s in sets for a in ("--set", s)))
        count(found == status and words in text and ("likely cause" in text) == (status == 1), "doubt %s %r" % (sets, words), text)

    # the third input makes a constant row, whose variance float32 cannot tell from 0
    P = {"0.weight": np.array([[1, 1], [1, 2], [1, 3], [1, 4]], np.float32), "1.weight": own.normal(size=4).astype(np.float32),
         "1.bias": own.normal(size=4).astype(np.float32), "3.weight": own.normal(size=(3, 4)).astype(np.float32)}
    x = own.normal(size=(6, 2)).astype(np.float32)
    x[2] = [1e4, 0]
    y = lin(np.maximum(layernorm(lin(x, P["0.weight"]), P["1.weight"], P["1.bias"], 1e-12), 0), P["3.weight"])
    write_safetensors(path, P, {"act": "relu", "eps": 1e-12})
    np.savez(ref, x=x, y=y)
    answer(2, "agrees where bounded  y ")
    answer(2, "3 of 18 entries have no finite float32 bound")
    np.savez(ref, x=x[2:3], y=y[2:3])
    answer(2, "no bound  y ")
    done = subprocess.run([program, "selftest", path, "--against", ref, "--json", "-"], stdout=subprocess.PIPE)
    place = json.loads(done.stdout)["arrays"][0]["without_bound"]
    count(done.returncode == 2 and place["bound"] is None and place["deviation"] < 1, "no bound in JSON", place)
    y[0] += 1
    np.savez(ref, x=x, y=y)
    answer(1, "3 entries outside")

    # a bound under gelu_new becomes so wide in many layers that the outputs of gelu lie within; one under gelu does not
    D = {"%d.weight" % (2 * i): (own.normal(size=(12, 12)) * 0.65).astype(np.float32) for i in range(30)}
    x = own.normal(size=(10, 12)).astype(np.float32)
    for act, other, layers, status, words in (("gelu", "gelu_new", 30, 2, "doubt: one change lies ten times nearer to the stored numbers, at least: "), ("gelu_new", "gelu", 18, 1, "likely cause: ")):
        y, P = x, {k: v for k, v in D.items() if int(k.split(".")[0]) < 2 * layers}
        for i in range(layers):
            y = lin(y, P["%d.weight" % (2 * i)])
            y = ACT[act](y) if i < layers - 1 else y
        write_safetensors(path, P)
        np.savez(ref, x=x, y=y)
        answer(0, "agrees", "act=" + act)
        answer(status, words + "the activation: would agree with --set act=" + act, "act=" + other)

    # a float64 run that rounds to float32 on its way
    W, P = own.normal(size=(4, 3)).astype(np.float32), {"V": own.normal(size=(2, 4)).astype(np.float32)}
    y = lin(np.tanh(lin(x[:, :3].astype(np.float64), W)).astype(np.float32).astype(np.float64), P["V"])
    write_safetensors(path, {"0.weight": W, "2.weight": P["V"]})
    np.savez(ref, x=x[:, :3], y=y)
    answer(1, "likely cause: float32 inside the float64 run", "act=tanh")
    answer(1, "likely cause: the activation: would agree with --set act=tanh", "act=sigmoid")


def references():
    """Stored outputs of PyTorch for the trained models; those outside the repository where $WEIGHTPROOF_DATA has them."""
    data = os.environ.get("WEIGHTPROOF_DATA", "../shared/data")
    pizza = os.path.join(data, "real", "pizza_modadd59")
    rows = [("examples/%s.safetensors" % n, "tests/data/%s.reference.npz" % n, []) for n in ("bilinear_digits_s0", "relu_digits_s0")]
    rows += [(os.path.join(data, "trained", n), os.path.join(data, "trained", n.rsplit(".", 1)[0] + ".reference.npz"), []) for n in
             ("max4_s123.safetensors", "max4_s123_int8.safetensors", "max5_s50.safetensors", "max10_s50.safetensors", "modadd29.safetensors", "cumsum12_s1.pt",
              "induction_v16_n8_s1.pt", "palindrome_v6_n8_s1.pt", "sortlist_v12_n5_s1.pt", "backdoor_max4_v32_s1.pt")]
    rows += [(os.path.join(pizza, "model_%s.pt" % n), os.path.join(pizza, "model_%s.reference.npz" % n), ["--config", os.path.join(pizza, "config_%s.json" % n), "--set", "act=relu"] + s)
             for n, s in (("7r4zst7evs", []), ("amw6ox6bzn", ["--set", "combine=add"]))]
    for model, reference, options in rows:
        if not os.path.exists(model) or not os.path.exists(reference):
            print("absent: %s" % model)
            continue
        status, text = program_run("selftest", model, "--against", reference, "--json", "-", *options)
        count(status == 0, "%s: selftest" % model, text)
        if status == 0:
            for a in json.loads(text)["arrays"]:
                ratio = a["largest"]["bound"] / a["largest"]["deviation"] if a["largest"]["deviation"] else float("nan")
                print("%-32s %-16s deviation %.3g, bound %.3g, ratio %.3g" % (os.path.basename(model), a["name"], a["largest"]["deviation"], a["largest"]["bound"], ratio))


with tempfile.TemporaryDirectory() as where:
    causes(where)
    doubts(where)
    tokens(where)
    references()
    for family in (bilinear, mlp, said, tms, autoencoder, pair):
        family(where)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
