"""make bench: the same work by weightproof and by PyTorch, in one run, as ratios.

    python bench/run.py BUILD [--models DIR] [--only PART]

Times are whole processes (start, reading, proving or checking, writing), without Python's imports for the PyTorch rows. DIR holds
max5_s50.safetensors and other models of the family; without it they are trained here (half a minute each).
"""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import processor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.abspath(sys.argv[1])
argument = lambda name, default: sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default  # noqa: E731
MODELS = argument("--models", os.path.join(ROOT, "examples"))
ONLY = argument("--only", "")

COUNT = 'claims 1\nmodel M = "%s"\nclaim c { count t in tokens[%d] of 0..%d : argmax(logits(M, t)[last]) == %s %s }\n'
MARGIN = '''claims 1
model M = "%s"
claim margin { minimize t in tokens[%d] of 0..%d : logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..%d where j != max(t) } within 1e-6 }
claim attention { minimize t in tokens[%d] of 0..%d : sum{ attn(M, 0, 0, t)[last, i] : i in 0..%d where t[i] == max(t) } within 1e-6 }
'''


def verify(path, *options):
    """Seconds of the whole process, and the claims with their own times."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run.json")
        begin = time.perf_counter()
        p = subprocess.run([BUILD + "/weightproof", "verify", path, "--json", out] + list(options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds = time.perf_counter() - begin
        if not os.path.exists(out):
            sys.exit("verify %s failed (exit %d):\n%s" % (path, p.returncode, p.stdout.decode()))
        return seconds, json.load(open(out))["claims"]


def verify_text(text, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".claims") as f:
        f.write(text)
        f.flush()
        return verify(f.name, *options)


def peer(*arguments):
    out = subprocess.run([sys.executable, HERE + "/peers.py"] + list(arguments), stdout=subprocess.PIPE, check=True).stdout.decode()
    return float(re.search(r"seconds (\S+)", out).group(1)), int(re.search(r"wrong (\d+)", out).group(1))


def model(name, *training):
    """A model of the folder, else one trained now."""
    path = os.path.join(MODELS, name)
    if not os.path.exists(path):
        path = os.path.join(tempfile.gettempdir(), "weightproof-bench-" + name)
        if not os.path.exists(path):
            subprocess.run([sys.executable, ROOT + "/examples/train.py"] + list(training) + ["-o", path], check=True, stdout=subprocess.DEVNULL)
    return path


def wrong(claim):
    return int(claim["total"]) - int(claim["number_lo"]), int(claim["number_unsettled"])


MOST = {"enumerate": 10, "search": 10}     # how many times the proving a check may take; engines not named: twice
LEAST = 0.1                                # seconds: of less, reading and starting are most


def ratio(claim):
    """Seconds of checking over those of proving, marked where it is more than it may be."""
    times = claim["seconds_check"] / max(claim["seconds_prove"], 0.01)
    over = claim["seconds_check"] > max(MOST.get(claim["engine"], 2) * claim["seconds_prove"], LEAST)
    return "%5.1fx%s" % (times, " (more than %dx!)" % MOST.get(claim["engine"], 2) if over else "")


def row(what, claim, seconds, extra=""):
    print("%-34s %-9s prove %7.2f s  check %7.2f s  %s  process %7.2f s  %s" %
          (what, claim["verdict"] + ("" if claim["evidence"] != "none" else "!"), claim["seconds_prove"], claim["seconds_check"], ratio(claim), seconds, extra), flush=True)


def max_of(name, n, peers, *training):
    path = model(name, *training)
    seconds, claims = verify_text(COUNT % (path, n, 63, "max(t)", "prove fraction >= 0"))
    row("%s: count" % name, claims[0], seconds, "wrong %d (+%d unsettled) of %s" % (*wrong(claims[0]), claims[0]["total"]))
    for way in peers:
        t, w = peer(way, path)
        print("    PyTorch %-8s %8.2f s, wrong %d: %.0f times the proving, %.1f times the whole process" % (way, t, w, t / claims[0]["seconds_prove"], t / seconds), flush=True)
    return path


def part_max4():
    path = max_of("max4_s123.safetensors", 4, ["forward", "tables"])
    seconds, claims = verify_text(MARGIN % (path, 4, 63, 63, 4, 63, 3))
    for c in claims:
        row("max4: smallest " + c["name"], c, seconds, "[%.9g, %.9g] at %s" % (c["lo"], c["hi"], c.get("witness") or c.get("attains")))


def part_max5():
    max_of("max5_s50.safetensors", 5, [], "max", "--n", "5", "--seed", "50")


def stretched(path, n):
    """A model of n positions from one of fewer: the last position stays, the others are repeated in order."""
    sys.path.insert(0, os.path.join(ROOT, "examples"))
    from train import load, save
    tensors, config = load(path)
    old = config["n_ctx"]
    tensors["pos_embed.W_pos"] = tensors["pos_embed.W_pos"][[i * (old - 1) // (n - 1) for i in range(n - 1)] + [old - 1]]
    out = os.path.join(tempfile.gettempdir(), "weightproof-bench-max%d.safetensors" % n)
    save(out, tensors, dict(config, n_ctx=n))
    return out


def part_count():
    max10 = os.path.join(ROOT, "tests", "data", "max10_s50.safetensors")
    for what, path, n, within in (("max10_s50", max10, 10, "1e-6"), ("the same, stretched to 20 positions", stretched(max10, 20), 20, "1e-5")):
        seconds, claims = verify_text(COUNT % (path, n, 63, "max(t)", "within " + within), "--timeout", "120")
        c = claims[0]
        row("%s: count" % what, c, seconds, "fraction [%.9f, %.9f], width %.2e" % (c["lo"], c["hi"], c["hi"] - c["lo"]))
        seconds, claims = verify_text(MARGIN % (path, n, 63, 63, n, 63, n - 1), "--only", "margin")
        c = claims[0]
        row("%s: smallest margin" % what, c, seconds, "[%.9g, %.9g] at %s" % (c["lo"], c["hi"], c.get("attains")))


def part_averages():
    path = os.path.join(ROOT, "tests", "data", "max10_s50.safetensors")
    for what, value in (("answer's logit", "logits(M, t)[last, max(t)]"), ("attention to copies of the largest token", "sum{ attn(M, 0, 0, t)[last, i] : i in 0..9 where t[i] == max(t) }"),
                        ("margin over all rivals", "logits(M, t)[last, max(t)] - max{ logits(M, t)[last, j] : j in 0..63 where j != max(t) } within 1e-2")):
        seconds, claims = verify_text('claims 1\nmodel M = "%s"\nclaim a { average t in tokens[10] of 0..63 : %s }\n' % (path, value))
        c = claims[0]
        row("max10_s50: average of the " + what, c, seconds, "[%.10g, %.10g]" % (c["lo"], c["hi"]))


def part_larger():
    print("larger families, trained here (minutes each): certified accuracy in at most 120 s")
    for name, n, last, within in (("max10_v128.safetensors", 10, 127, "1e-4"), ("max20_s50.safetensors", 20, 63, "1e-5")):
        path = model(name, "max", "--n", str(n), "--d-vocab", str(last + 1), "--seed", "50", "--steps", "10000")
        seconds, claims = verify_text(COUNT % (path, n, last, "max(t)", "within " + within), "--timeout", "120")
        c = claims[0]
        row(name + ": count", c, seconds, "fraction [%.9f, %.9f], width %.2e" % (c["lo"], c["hi"], c["hi"] - c["lo"]))


def part_float32():
    path = os.path.join(ROOT, "tests", "data", "max10_s50.safetensors")
    seconds, claims = verify_text(COUNT % (path, 10, 63, "max(t)", "within 1e-4 under float32"), "--timeout", "120")
    c = claims[0]
    row("max10_s50: count under float32", c, seconds, "fraction [%.9f, %.9f], width %.2e" % (c["lo"], c["hi"], c["hi"] - c["lo"]))


def badly_trained(accuracy):
    training = ["--steps", "0"] if accuracy == "untrained" else ["--accuracy", accuracy, "--steps", "20000"]
    return model("max10_acc%s.safetensors" % accuracy, "max", "--n", "10", "--seed", "11", *training)


def part_badly_trained():
    print("max of 10, 64 tokens, one seed stopped at several accuracies: certified accuracy within 1e-3, at most 120 s")
    for accuracy in ("0.99", "0.9", "0.5", "untrained"):
        path = badly_trained(accuracy)
        before = processor.seconds()
        seconds, claims = verify_text(COUNT % (path, 10, 63, "max(t)", "within 1/1000"), "--timeout", "120")
        c = claims[0]
        row("max10, accuracy %s: count" % accuracy, c, seconds, "fraction [%.6f, %.6f], width %.2e, %.1f s of CPU" % (c["lo"], c["hi"], c["hi"] - c["lo"], processor.seconds() - before))


def part_narrowing():
    print("max of 10, 64 tokens, stopped at several accuracies: width of the prover's interval against time")
    for accuracy in ("0.99", "0.9", "0.5", "untrained"):
        path, widths = badly_trained(accuracy), []
        for seconds in ("10", "30", "60", "120"):
            before = processor.seconds()
            c = verify_text(COUNT % (path, 10, 63, "max(t)", "within 1/1000"), "--engine", "count", "--timeout", seconds)[1][0]
            widths.append("%s (%.0f s of CPU)" % ("%.2e" % (c["hi"] - c["lo"]) if "hi" in c else "-", processor.seconds() - before))
        print("accuracy %-10s 10, 30, 60, 120 s: %s" % (accuracy, ", ".join(widths)), flush=True)


def part_twin():
    seconds, claims = verify(ROOT + "/examples/twin.claims")
    for c in claims:
        row("max4 and its int8 twin: " + c["name"], c, seconds, "number %s" % c.get("number_lo", ""))
    t, w = peer("pair", ROOT + "/examples/max4_s123.safetensors", ROOT + "/examples/max4_s123_int8.safetensors")
    print("    PyTorch forward  %8.2f s, different %d" % (t, w))


def part_examples():
    for name in ("backdoor", "palindrome", "sortlist", "running_sum", "cumsum12"):
        seconds, claims = verify(ROOT + "/examples/%s.claims" % name)
        for c in claims:
            if not c.get("foreach"):
                row("%s: %s" % (name, c["name"]), c, seconds)


SIGN = """claims 1
model M = "%s"
let worth(a) = a - 5
claim every_position {
  forall p in 0..%d, t in tokens[%d] of 0..10
  let s = sum{ worth(t[i]) : i in 0..p }
  prove argmax(logits(M, t)[p]) == if s < 0 then 0 else if s == 0 then 1 else 2
}
"""
SUM = """claims 1
model M = "%s"
domain A = tokens(0..%d, 0..%d, {%d})
let right(t) = (t[0] + t[1]) %% %d
claim count { count t in A : argmax(logits(M, t)[last]) == right(t) prove fraction >= 0 under %s }
claim list { list t in A : argmax(logits(M, t)[last]) != right(t) at most 1000 under %s }
claim margin { minimize t in A : logits(M, t)[last, right(t)] - max{ logits(M, t)[last, j] : j in 0..%d where j != right(t) } within %s under %s }
"""


def constructed(name, *words):
    path = os.path.join(tempfile.gettempdir(), "weightproof-bench-" + name)
    subprocess.run([sys.executable, ROOT + "/examples/construct.py"] + list(words) + ["-o", path], check=True, stdout=subprocess.DEVNULL)
    return path


def rows_of(name, text, *options):
    before = processor.seconds()
    seconds, claims = verify_text(text, *options)
    for c in claims:
        row("%s: %s" % (name, c["name"]), c, seconds)
    print("    %.1f s of CPU in all" % (processor.seconds() - before), flush=True)


def part_running_sum():
    print("sign of the running sum at every position, constructed models (examples/construct.py), engine cells: 11^24 and 11^12 sequences")
    for n, heads in ((24, 1), (12, 2), (24, 2)):
        path = constructed("sum%d_%d.safetensors" % (n, heads), "running-sum", "--n", str(n), "--heads", str(heads))
        rows_of("n_ctx %d, %d head(s)" % (n, heads), SIGN % (path, n - 1, n), "--engine", "cells")


def part_trained_sum():
    print("the same, trained: 300 steps of AdamW from the constructed weights (needs PyTorch), 11^24 sequences, every position; smallest margin at the last one")
    for heads in (1, 2):
        start = constructed("sum24_%d.safetensors" % heads, "running-sum", "--n", "24", "--heads", str(heads))
        path = model("sum24_%d_trained.safetensors" % heads, "running-sum", "--model", start, "--steps", "300")
        right = "let s = sum{ worth(t[i]) : i in 0..23 } let a = if s < 0 then 0 else if s == 0 then 1 else 2"
        margin = "claim margin { %s minimize t in tokens[24] of 0..10 : logits(M, t)[last, a] - max{ logits(M, t)[last, j] : j in 0..2 where j != a } within 1e-6 }\n" % right
        rows_of("n_ctx 24, %d head(s), trained" % heads, SIGN % (path, 23, 24) + margin, "--engine", "cells")


def part_modular_addition():
    trained = model("modadd113.safetensors", "modular-addition", "--d-vocab", "113", "--d-model", "64", "--heads", "4", "--d-mlp", "256", "--batch", "2048", "--lr", "1e-2", "--decay")
    for name, p, path, within in (("modadd29", 29, ROOT + "/examples/modadd29.safetensors", "1/10"), ("p = 113, constructed", 113, constructed("modadd113_constructed.safetensors", "modular-addition", "--p", "113"), "1/2"),
                                  ("p = 113, trained", 113, trained, "7/10")):
        for semantics, width in (("real", "1e-6"), ("float32", within)):
            rows_of("%s, %s" % (name, semantics), SUM % (path, p - 1, p - 1, p, p, semantics, semantics, p - 1, width, semantics))


def part_interventions():
    print("twenty interventions on max4, modadd29 and palindrome, each decided on its whole domain (examples/interventions.claims); to reach: 60 s in all")
    before = processor.seconds()
    seconds, claims = verify(ROOT + "/examples/interventions.claims")
    for c in claims:
        row(c["name"] + "".join(" %s=%s" % v for v in c["foreach"].items()), c, c["seconds"], "largest change seen %.4g" % max([x["change_at_least"] for x in c["interventions"]] or [0]))
    print("    %d of %d decided and checked; prove %.2f s, check %.2f s, in all %.2f s (%.1f s of CPU)" %
          (sum(c["verdict"] != "undecided" and c["evidence"] != "none" for c in claims), len(claims), sum(c["seconds_prove"] for c in claims), sum(c["seconds_check"] for c in claims), seconds,
           processor.seconds() - before), flush=True)


def part_induction():
    if ONLY == "induction":
        seconds, claims = verify(HERE + "/induction.claims", "--check-timeout", "7200")
        for c in claims:
            row("induction: " + c["name"], c, seconds)


def two_layers(act, norm, mask, unused=0):
    """A random two-layer model of width 64 with the scales that TransformerLens begins with: 16 tokens, 6 positions, 4 heads, 256 units; unused: more tokens, whose rows of the embedding are 0."""
    sys.path.insert(0, os.path.join(ROOT, "examples"))
    import numpy as np
    from train import initial, save
    cfg = {"d_vocab": 16 + unused, "n_ctx": 6, "d_model": 64, "n_heads": 4, "d_head": 16, "n_layers": 2, "d_mlp": 256 if act else 0, "d_vocab_out": 16, "attn_only": not act, "act_fn": act or "relu",
           "attention_dir": mask, "normalization_type": "LN" if norm else None, "eps": 1e-5}
    tensors = initial(cfg, np.random.default_rng(7), True)
    for name in ["blocks.%d.ln%d" % (l, k) for l in (0, 1) for k in ((1, 2) if act else (1,))] + ["ln_final"] if norm else []:
        tensors[name + ".w"], tensors[name + ".b"] = np.ones(64, np.float32), np.zeros(64, np.float32)
    tensors["embed.W_E"][16:] = 0
    path = os.path.join(tempfile.gettempdir(), "weightproof-bench-two-layers.safetensors")
    save(path, tensors, cfg)
    return path


def part_enumerate():
    print("enumeration of two layers of width 64, processor time a sequence: the difference of two domains, so without start and tables")
    sizes = {"t[1] == t[0] and t[2] == t[0] and t[3] == t[0]": 4096, "t[1] == t[0] and t[2] == t[0]": 65536}
    for mask in ("causal", "bidirectional"):
        for act, norm in ((None, False), (None, True), ("relu", False), ("relu", True), ("gelu", True)):
            path, seconds = two_layers(act, norm, mask), []
            for where in sizes:
                with tempfile.TemporaryDirectory() as folder:
                    with open(folder + "/c.claims", "w") as f:
                        f.write('claims 1\nmodel M = "%s"\nclaim c { count t in tokens[6] of 0..15 where %s : argmax(logits(M, t)[last]) == t[0] }\n' % (path, where))
                    both = processor.of(BUILD + "/weightproof", "verify", folder + "/c.claims", "--engine", "enumerate", "--certificates", folder + "/out")[0]
                    check = processor.of(BUILD + "/weightproof-check", "--quiet", folder + "/out/c.cert")[0]
                    seconds.append((both - check, check))
            few, many = sizes.values()
            prove, check = ((b - a) / (many - few) * 1e6 for a, b in zip(*seconds))
            print("%-13s %-9s %-8s prove %6.1f us, check %6.1f us; 1e9 sequences on two cores: prove %5.1f h, check %5.1f h" %
                  (mask, "LayerNorm" if norm else "", "MLP " + act if act else "", prove, check, prove / 7.2, check / 7.2), flush=True)


def part_exchangeable():
    print("two layers of width 64 with an MLP and LayerNorms, 64 tokens of which 48 have rows of zeros: by least tokens of the classes, and by all tokens")
    path = two_layers("relu", True, "causal", unused=48)
    for n, options in ((2, ("--no-symmetry",)), (2, ()), (3, ()), (4, ())):
        rows_of("%d tokens%s" % (n, ", all" if options else ""), 'claims 1\nmodel M = "%s"\nclaim ahead { count t in tokens[%d] of 0..63 : logits(M, t)[last, 0] > logits(M, t)[last, 1] }\n' % (path, n),
                "--engine", "enumerate", *options)


def part_smt():
    print("claims about a softmax attention model (d_vocab 8, three tokens): Z3 with exact replay, and the engine of choice; seconds to prove and to check")
    os.environ.setdefault("WEIGHTPROOF_Z3", os.path.join(os.path.dirname(sys.executable), "z3"))
    runs = [verify(ROOT + "/tests/smt/max3.claims", *options) for options in (["--engine", "smt", "--timeout", "100"], [])]
    for z3, other in zip(*(claims for _, claims in runs)):
        print("%-26s %-8s Z3 %6.2f + %.2f s   %s %6.2f + %.2f s" % (z3["name"], z3["verdict"], z3["seconds_prove"], z3["seconds_check"], other["engine"], other["seconds_prove"], other["seconds_check"]))
    print("in all %.1f s, %.1f s" % tuple(seconds for seconds, _ in runs))


def part_forward():
    print("one certified forward pass (double with radius) against a plain double evaluation of the same graph")
    for name in ("max4_s123.safetensors", "modadd29.safetensors", "palindrome_v6_n8_s1.pt", "sortlist_v12_n5_s1.pt", "induction_v16_n8_s1.pt", "cumsum12_s1.pt"):
        subprocess.run([BUILD + "/bench/forward", os.path.join(ROOT, "examples", name)], check=True)


def part_accuracy():
    print("time against accuracy: max of 4, 64 tokens, one seed stopped at several accuracies")
    for accuracy in ("0.5", "0.9", "0.99"):
        max_of("max4_acc%s.safetensors" % accuracy, 4, ["tables"], "max", "--accuracy", accuracy, "--seed", "11")
    max_of("max4_untrained.safetensors", 4, ["tables"], "max", "--steps", "0", "--seed", "11")


def part_variants():
    base = model("max4_s123.safetensors")
    relabelled, rescaled = (os.path.join(tempfile.gettempdir(), "weightproof-bench-%s.safetensors" % w) for w in ("relabelled", "rescaled"))
    names = subprocess.run([sys.executable, ROOT + "/examples/train.py", "relabel", "--model", base, "--seed", "1", "-o", relabelled],
                           check=True, stdout=subprocess.PIPE).stdout.decode()
    old, new = re.findall(r"\{[^}]*\}", names)
    subprocess.run([sys.executable, ROOT + "/examples/train.py", "rescale", "--model", base, "--levels", "5", "-o", rescaled], check=True)
    spec = "%s[max{ %s[t[i]] : i in 0..3 }]" % (new, old)
    for what, path, target in (("tokens relabelled", relabelled, spec), ("W_Q 2^5, W_K 2^-5", rescaled, "max(t)")):
        seconds, claims = verify_text(COUNT % (path, 4, 63, target, "prove fraction >= 0"))
        row("max4, " + what, claims[0], seconds, "wrong %d (+%d)" % wrong(claims[0]))
    for task, target, training in (("min", "min(t)", ["min", "--seed", "5"]),
                                   ("contains", "if contains(t, 3) then 1 else 0", ["contains", "--seed", "5", "--steps", "1500"])):
        path = model("%s4_s5.safetensors" % task, *training)
        seconds, claims = verify_text(COUNT % (path, 4, 63, target, "prove fraction >= 0"))
        row("%s of 4, trained now" % task, claims[0], seconds, "wrong %d (+%d)" % wrong(claims[0]))


if __name__ == "__main__":
    for name, part in list(globals().items()):
        if name.startswith("part_") and ONLY in name:
            print("--- " + name[5:], flush=True)
            part()
    print("largest process: %.0f MB" % (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
