"""What tests/reference/agree.py does not ask of the C checker: its first look in 64-bit integers and the separable rule on larger random
networks, --claims, --source, options and exit statuses, and hostile input. Truth is brute force in doubles with clear margins.

    python3 tests/checker/run.py [--checker build/weightproof-check] [--nets N]

Ends with a line `N passed, N failed`.
"""
import argparse
import hashlib
import itertools
import os
import random
import struct
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import seal               # noqa: E402
from nets import transformer          # noqa: E402
import tally                          # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--checker", default="build/weightproof-check")
parser.add_argument("--nets", type=int, default=40)
OPTIONS = parser.parse_args()
CHECKER = os.path.abspath(OPTIONS.checker)


def expect(name, good, seen=""):
    tally.check(good, "%s: %s" % (name, seen))


def check(name, status, *args, says=""):
    """The checker's exit status and, if asked for, a part of what it prints. A crash is a negative status."""
    p = subprocess.run([CHECKER] + list(args), capture_output=True, text=True, timeout=120)
    seen = p.stdout + p.stderr
    expect(name, p.returncode == status and says in seen and "runtime error" not in seen and "Sanitizer" not in seen, "status %d: %s" % (p.returncode, seen[:300]))
    return seen


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def statement(models, *lines, semantics="real"):
    return ["weightproof-statement 1"] + ["model %s %s" % m for m in models] + ["semantics " + semantics] + list(lines)


def cert(path, lines, *evidence):
    return write(path, seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in lines] + list(evidence) + ["end"]) + "\n"))


# ---- random networks: the same counts by both rules, and by brute force ----

SPECIFICATIONS = [
    ("max(t)", max), ("min(t)", min), ("t[0]", lambda t: t[0]), ("sum(t) % len(t)", lambda t: sum(t) % len(t)),
    ("if contains(t, 1) then 0 else max(t)", lambda t: 0 if 1 in t else max(t)),
    ("if t[0] < t[last] then t[last] else t[0]", lambda t: max(t[0], t[-1])),
    ("argmax(t)", lambda t: t.index(max(t))), ("argmin(t)", lambda t: t.index(min(t))),
    ("count{t[i] == 2 : i in 0..2}", lambda t: t[:3].count(2)),
    ("{2, 0, 1, 3}[max(t)]", lambda t: [2, 0, 1, 3][max(t)]),
    ("max{t[i] : i in 0..1}", lambda t: max(t[:2]))]


def lead(v, i):
    return v[i] - max(x for j, x in enumerate(v) if j != i) if 0 <= i < len(v) else -1.0


def random_net(k):
    rng = random.Random(k)
    separable = k % 3 != 0
    shape = dict(d_vocab=4, n_ctx=rng.choice([3, 4]), d_model=rng.choice([2, 4, 6]), d_head=rng.choice([1, 3]), causal=rng.random() < 0.5,
                 biases=rng.random() < 0.5, positions=rng.random() < 0.8, spread=rng.choice([12, 24, 40]))
    if separable:
        shape["norm"] = ("ln1",) if rng.random() < 0.4 else ()
    else:
        shape.update(layers=rng.choice([1, 2]), heads=2, norm=rng.choice([(), ("ln1", "ln2", "final")]), mlp=rng.choice([None, "relu", "gelu", "silu", "gelu_new"]))
    return transformer(k, **shape), separable


def counts(folder, k):
    net, separable = random_net(k)
    rng = random.Random(1000 + k)
    n, v = net.n_ctx, net.d_vocab
    write(os.path.join(folder, "%d.net" % k), net.text())
    r = rng.choice(["last", "0"]) if not net.causal else "last"
    i = n - 1 if r == "last" else 0
    text, fn = SPECIFICATIONS[k % len(SPECIFICATIONS)]
    domain = list(itertools.product(range(v), repeat=n))
    rows = {t: net.run(t) for t in domain}
    target = {t: fn(list(t)) for t in domain}
    margin = {t: lead(rows[t]["logits"][i], target[t]) for t in domain}
    thin = min(abs(m) for m in margin.values()) < 1e-7
    right = sum(m > 0 for m in margin.values())
    model = [("M", net.sha256())]
    binds = "t in tokens[%d] of 0..%d" % (n, v - 1)
    answer = "argmax(logits(M, t)[%s]) == %s" % (r, "(" + text + ")" if text.startswith("if") else text)
    low = min(domain, key=lambda t: margin[t])
    rivals = "max{logits(M, t)[%s, j] : j in 0..%d where j != %s}" % (r, v - 1, "(" + text + ")" if text.startswith("if") else text)
    value = "logits(M, t)[%s, %s] - %s" % (r, text, rivals)
    mass = {t: sum(p for p, a in zip(rows[t]["blocks.0.attn.hook_pattern.0"][i], t) if a == max(t)) for t in domain}
    light = min(domain, key=lambda t: mass[t])
    share = "sum{attn(M, 0, 0, t)[%s, i] : i in 0..%d where t[i] == max(t)}" % (r, n - 1)
    for rule in ("enumerate", "separable") if separable else ("enumerate",):
        name, path = "net %d %s %s" % (k, rule, text), os.path.join(folder, "x.cert")

        def ask(what, status, lines, *evidence):
            check("%s %s" % (name, what), status, "--quiet", cert(path, lines, *evidence, "rule " + rule))

        def number(c):
            return "number %d %d" % (c, c), "total %d %d" % (len(domain), len(domain))

        if not thin:
            lines = statement(model, "count %s : %s" % (binds, answer))
            ask("count", 0, lines, "verdict bounded", *number(right))
            ask("count + 1", 1, lines, "verdict bounded", *number(right + 1))
            ask("count - 1", 1, lines, "verdict bounded", *number(max(0, right - 1) if right else 1))
        beyond = [lead(rows[t]["logits"][i], 3 * t[0] - t[1]) for t in domain]  # -3 to 9, and there are four logits: no entry is not the largest
        if min(map(abs, beyond)) >= 1e-7:
            best = sum(m > 0 for m in beyond)
            row = "logits(M, t)[%s]" % r
            for body, c in (("argmax(%s) == 3 * t[0] - t[1]" % row, best), ("3 * t[0] - t[1] != argmax(%s)" % row, len(domain) - best), ("3 * t[0] - t[1] in argmaxes(%s)" % row, best),
                            ("argmax(%s) == 4294967298 or argmax(%s) == 3 * t[0] - t[1]" % (row, row), best) if rule == "enumerate" else ("argmax(%s) == 4" % row, 0)):
                ask("index outside the row, " + body, 0, statement(model, "count %s : %s" % (binds, body)), "verdict bounded", *number(c))
                ask("index outside the row + 1, " + body, 1, statement(model, "count %s : %s" % (binds, body)), "verdict bounded", *number(c + 1))
        for what, body, best, x in (("margin", value, low, margin[low]), ("mass", share, light, mass[light])):
            lines = statement(model, "minimize %s : %s" % (binds, body), "within 1/1000")

            def interval(a, b):
                return "verdict bounded", "value %s %s" % (dyadic(x + a), dyadic(x + b)), "attains t=" + ",".join(map(str, best))
            ask(what, 0, lines, *interval(-1e-6, 1e-6))
            ask(what + " too high", 1, lines, *interval(1e-6, 2e-6))
            ask(what + " too low", 1, lines, *interval(-2e-6, -1e-6))


# ---- rule count: the narrowest interval that is accepted contains the number, and is exact without a stop ----

def intervals(folder, k):
    net, separable = random_net(k)
    if not separable:
        return
    write(os.path.join(folder, "%d.net" % k), net.text())
    rng = random.Random(5000 + k)
    text, fn = SPECIFICATIONS[k % len(SPECIFICATIONS)]
    domain = list(itertools.product(range(net.d_vocab), repeat=net.n_ctx))
    margins = [lead(net.run(t)["logits"][-1], fn(list(t))) for t in domain]
    if min(abs(m) for m in margins) < 1e-7:
        return
    right, total = sum(m > 0 for m in margins), len(domain)
    answer = "argmax(logits(M, t)[last]) == %s" % ("(" + text + ")" if text.startswith("if") else text)
    lines = statement([("M", net.sha256())], "count t in tokens[%d] of 0..%d : %s" % (net.n_ctx, net.d_vocab - 1, answer), "within 1")
    path = os.path.join(folder, "x.cert")

    def accepted(bins, enter, lo, hi):
        args = [CHECKER, "--quiet", cert(path, lines, "verdict bounded", "number %d %d" % (lo, hi), "total %d %d" % (total, total), "rule count", "bins %d %d" % (bins, enter))]
        return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0

    def narrowest(bins, enter):
        lo, hi, most = 0, 0, total
        while hi < most:
            middle = (hi + most) // 2
            hi, most = (hi, middle) if accepted(bins, enter, 0, middle) else (middle + 1, most)
        most = total
        while lo < most:
            middle = (lo + most + 1) // 2
            lo, most = (middle, most) if accepted(bins, enter, middle, total) else (lo, middle - 1)
        return lo, hi

    name = "count %d " % k
    lo, hi = narrowest(rng.choice([1, 2, 7]), rng.choice([1, 3, 20, 10 ** 20]))
    expect(name + "contains", lo <= right <= hi)
    for bins in (1, 64):
        expect(name + "exact", accepted(bins, 0, right, right))
        expect(name + "not less", not accepted(bins, 0, 0, right - 1))
        expect(name + "not more", not accepted(bins, 0, right + 1, total))
    fine, coarse = narrowest(200, 20), narrowest(1, 20)
    expect(name + "fine", fine[0] <= right <= fine[1])
    if not (fine[0] <= coarse[0] and coarse[1] <= fine[1]):
        expect(name + "fewer bins", not accepted(1, 20, *fine))
    if fine[0] < right:
        expect(name + "shrunk", not accepted(200, 20, fine[0] + 1, fine[1]))


def dyadic(x):
    p = int(x * 2 ** 40 // 1)
    q = 2 ** 40
    while q > 1 and p % 2 == 0:
        p, q = p // 2, q // 2
    return "%d/%d" % (p, q) if q > 1 else "%d" % p


# ---- ties: twins and constant networks are decided without precision ----

def ties(folder):
    net = transformer(5, d_vocab=4, n_ctx=3, d_model=3, d_head=2)
    shape, flat = net.tensors["unembed.W_U"]
    for i in range(shape[0]):
        flat[i * shape[1] + 3] = flat[i * shape[1] + 2]
    net.tensors["unembed.b_U"][1][3] = net.tensors["unembed.b_U"][1][2]
    write(os.path.join(folder, "twins.net"), net.text())
    lines = statement([("M", net.sha256())], "count t in tokens[3] of 0..3 : argmax(logits(M, t)[last]) == 2 or logits(M, t)[last, 2] != logits(M, t)[last, 3]")
    for rule in ("enumerate", "separable"):
        check("twins " + rule, 0 if rule == "enumerate" else 0, "--quiet", cert(os.path.join(folder, "x.cert"), lines, "verdict bounded", "number 0 0", "total 64 64", "rule " + rule))


def exact_ties(folder, k):
    """Small weights, so that many sequences meet the threshold exactly; in doubles a tie is a difference below 1e-10."""
    rng = random.Random(300 + k)
    net = transformer(k, d_vocab=3, n_ctx=3, d_model=2, d_head=rng.choice([1, 2]), causal=k % 2 == 0, biases=k % 3 == 0, positions=k % 4 == 0)
    for _, flat in net.tensors.values():
        flat[:] = [Fraction(rng.choice([-1, 0, 0, 1, 2]), rng.choice([1, 2])) for _ in flat]
    write(os.path.join(folder, "ties.net"), net.text())
    domain = list(itertools.product(range(3), repeat=3))
    r = rng.randrange(3)
    rows = {t: net.run(t) for t in domain}
    logits = {t: rows[t]["logits"][r] for t in domain}
    own = {t: sum(a * p for a, p in zip(t, rows[t]["blocks.0.attn.hook_pattern.0"][r])) for t in domain}
    for body, value in (("logits(M, t)[%d, 0] - logits(M, t)[%d, 1]" % (r, r), {t: logits[t][0] - logits[t][1] for t in domain}),
                        ("sum{t[i] * attn(M, 0, 0, t)[%d, i] : i in 0..2}" % r, own), ("max(t) * logits(M, t)[%d, 2] / 3" % r, {t: max(t) * logits[t][2] / 3 for t in domain})):
        c = max({Fraction(x).limit_denominator(12) for x in value.values()}, key=lambda c: (c >= 0, sum(abs(x - c) < 1e-10 for x in value.values()), c))
        if c < 0 or any(1e-10 <= abs(x - c) < 1e-6 for x in value.values()):
            continue
        for op, fits in ((">", lambda x: x >= 1e-10), (">=", lambda x: x > -1e-10), ("==", lambda x: abs(x) < 1e-10), ("!=", lambda x: abs(x) >= 1e-10)):
            n = sum(fits(x - c) for x in value.values())
            lines = statement([("M", net.sha256())], "count t in tokens[3] of 0..2 : %s %s %s" % (body, op, c))
            for m in (n - 1, n, n + 1):
                if 0 <= m <= 27:
                    check("ties %d: %s %s %s" % (k, body, op, c), 0 if m == n else 1, "--quiet",
                          cert(os.path.join(folder, "x.cert"), lines, "verdict bounded", "number %d %d" % (m, m), "total 27 27", "rule separable"))


# ---- the claim file ----

CLAIMS = """claims 1
model M = "m.net" sha256 12e98765ab # a comment with "quotes"
model N = "n.safetensors" as transformer with { eps = 1e-5 }
labels M = "vocab.json"
param k = 2
domain D = tokens[k + 1] of 0..3
let big(a) = {-1, 0, 1/2, 3}[a]
let t_max(t) = max(t)
let right(M2, s) = argmax(logits(M2, s)[last]) == max(s)
claim one "a title" { forall t in D prove right(M, t) expect refuted timeout 5 s }
claim two { count t in D where t[0] != t[1] and big(t[0]) < 2.5e-1 : right(M, t) within 1e-3 prove fraction >= 1/10 under float32 because "why" }
claim three { foreach a in 0..1, b in {0, 3} let u = max{ t[i] : i in 0..2 } list t in tokens({a}, 0..3, {b}) : u == a - -b at most 5 }
claim four { forall t in D forall i in 0..2 where i > 0 prove all{ all{ t[i] >= 0 : t in D } : i in 0..1 } and (if i == 1 then t[0] else t[1]) >= 0 }
claim five { minimize t in { seq(l, 1, sort(l)) : l in tokens[1] of 0..2 } : logits(M, t)[last][0] - 2^-8 }
claim six { prove exists t in D where t[0] == 1 : argmax(logits(N, t)[last]) == argmax(logits(M, t)[last]) }
"""


def matches(folder, net):
    for copy in ("m.net", "other.net"):
        write(os.path.join(folder, copy), net.text() if copy == "m.net" else net.text().replace("hook_embed", "hook_embee"))
    other = hashlib.sha256(net.text().replace("hook_embed", "hook_embee").encode()).hexdigest()
    claims = write(os.path.join(folder, "all.claims"), CLAIMS)
    m, n = ("M", net.sha256()), ("N", other)
    best = "argmax(logits(M, t)[last]) == max(t)"
    cases = [
        ("one", statement([m], "forall t in tokens[3] of 0..3", "prove " + best)),
        ("two", statement([m], "count t in tokens[3] of 0..3 where t[0] != t[1] and {-1, 0, 1/2, 3}[t[0]] < 1/4 : " + best, "within 1/1000", "prove fraction >= 1/10", semantics="float32")),
        ("three", statement([], "list t in tokens({1}, 0..3, {3}) : max{t[i] : i in 0..2} == 1 - -3 at most 5")),
        ("three", statement([], "list t in tokens({0}, 0..3, {0}) : max{t[i] : i in 0..2} == 0 - 0 at most 5")),
        ("four", statement([], "forall t in tokens[3] of 0..3, i in 0..2 where i > 0",
                           "prove all{all{t_2[i_2] >= 0 : t_2 in tokens[3] of 0..3} : i_2 in 0..1} and (if i == 1 then t[0] else t[1]) >= 0")),
        ("five", statement([m], "minimize t in {seq(l, 1, sort(l)) : l in tokens[1] of 0..2} : logits(M, t)[last][0] - 1/256")),
        ("six", statement([n, m], "prove exists t in tokens[3] of 0..3 where t[0] == 1 : argmax(logits(N, t)[last]) == argmax(logits(M, t)[last])"))]
    path = os.path.join(folder, "x.cert")
    for k, (name, lines) in enumerate(cases):
        cert(path, lines, "verdict refuted", "rule point")  # the claim is compared before the evidence is judged
        for other_name in ("one", "two", "three", "four", "five", "six"):
            args = ["--claims", claims, "--only", other_name, "--model", "N=" + os.path.join(folder, "other.net"), path]
            seen = check("claim %d is %s" % (k, other_name), 1, *args)
            differs = "is not what claim" in seen
            expect("claim %d against %s" % (k, other_name), differs == (name != other_name), seen)
        if name == "one":
            seen = check("param", 1, "--claims", claims, "--only", "one", "--param", "k=1", path, says="is not what claim")
            check("no such claim", 1, "--claims", claims, "--only", "seven", path, says="has no claim")
        if name == "six":
            check("model not said", 1, "--claims", claims, "--only", "six", path, says="--model N=NET")
    check("no claim file", 3, "--claims", os.path.join(folder, "none.claims"), "--only", "one", path)
    loop = write(os.path.join(folder, "loop.claims"), "claims 1\nlet a = a + 1\nclaim one { prove a == 1 }\n")
    check("let of itself", 1, "--claims", loop, "--only", "one", path)
    for text in ("", "claims 2", "claims 1\nclaim one {", "claims 1\nmodel", "claims 1\nclaim one { prove " + "(" * 5000, "claims 1 \x01"):
        check("claim file %r" % text[:20], 1, "--claims", write(loop, text), "--only", "one", path)


# ---- sources ----

def sources(folder, net):
    raw, offsets = b"head", {}
    kinds = {0: ("F32", "<f"), 1: ("F64", "<d"), 2: ("F16", "<e")}
    for k, name in enumerate(sorted(net.tensors)):
        shape, flat = net.tensors[name]
        dtype, code = kinds[k % 3]
        offsets[name] = (len(raw), dtype, shape)
        transposed = len(shape) == 2 and k % 2 == 0
        order = [flat[i * shape[1] + j] for j in range(shape[1]) for i in range(shape[0])] if transposed else flat
        offsets[name] += ((1, shape[0]) if transposed else tuple(int(__import__("math").prod(shape[i + 1:])) for i in range(len(shape))),)
        raw += b"".join(struct.pack(code, float(x)) for x in order)
    file = os.path.join(folder, "weights.bin")
    with open(file, "wb") as f:
        f.write(raw)
    write(os.path.join(folder, "s.net"), net.text())
    lines = statement([("M", net.sha256())], "prove exists t in tokens[3] of 0..3 : logits(M, t)[last, 0] == logits(M, t)[last, 0]")

    def evidence(change=None, digest=hashlib.sha256(raw).hexdigest()):
        out = ["verdict proved", "witness t=0,0,0", "rule point", "source M %s -" % digest]
        for name in sorted(net.tensors):
            at, dtype, shape, strides = offsets[name]
            row = ["tensor", name, str(at), dtype, "x".join(map(str, shape)), "x".join(map(str, strides))]
            out.append(" ".join(change(row) if change else row))
        return out

    def edit(name, field, value):
        return lambda row: row[:field] + [value] + row[field + 1:] if row[1] == name else row

    path = os.path.join(folder, "x.cert")
    check("source", 0, "--source", file, cert(path, lines, *evidence()), says="compared, byte for byte")
    w = "unembed.W_U"
    for name, change in (("offset", edit(w, 2, str(offsets[w][0] + 4))), ("beyond", edit(w, 2, "99999999999")), ("dtype", edit(w, 3, "I8")), ("unknown", edit(w, 3, "Q8")),
                         ("shape", edit(w, 4, "4x3")), ("name", edit(w, 1, "unembed.W_V")), ("strides", edit(w, 5, "999999999999x1"))):
        check("source " + name, 1, "--source", file, cert(path, lines, *evidence(change)))
    check("source compressed", 0, "--source", file, cert(path, lines, *evidence(lambda r: r[:2] + ["-", r[3], r[4], "-"])), says="not bound")
    check("source not named", 1, "--source", os.path.join(folder, "s.net"), cert(path, lines, *evidence()))
    check("source missing", 3, "--source", os.path.join(folder, "none"), path)
    check("tensors missing", 1, cert(path, lines, *evidence()[:-1]))


# ---- what rule separable must not take: sets that name a value twice, forms that are no feature; memory after a failed set ----

def refusals(folder):
    net = transformer(11, d_vocab=4, n_ctx=2, d_model=3, d_head=2)
    write(os.path.join(folder, "m.net"), net.text())
    path = os.path.join(folder, "x.cert")
    twice = "sum{t[i] * attn(M, 0, 0, t)[last, i] : i in {j % 2 : j in 0..3}}"
    nested = "sum{sum{t[j] * attn(M, 0, 0, t)[last, j] : j in i..i} * t[i] : i in 0..1}"
    for name, body in (("position named twice", "prove %s <= 3/2" % twice), ("t beside numbers", "prove logits(M, t)[last, 0] <= 1000 + max(t, 3, 4)"),
                       ("t beside t", "prove logits(M, t)[last, 0] <= 1000 + min(t, 3, t)"), ("sum in a sum", "prove %s <= 13/2" % nested),
                       ("three indices", "prove logits(M, t)[last][0, 1, 2] <= 1000")):
        lines = statement([("M", net.sha256())], "forall t in tokens[2] of {3, 1, 2}", body)
        check("separable: " + name, 1, "--quiet", cert(path, lines, "verdict proved", "witness t=3,3", "rule separable"))
    for name, tokens, body, number, total in (("count over positions named twice", "tokens[2] of 0..1", twice + " <= 3/2", 4, 4), ("tokens listed twice", "tokens[1] of {0, 0}", "logits(M, t)[0, 0] > 0", 0, 1),
                                              ("too many tokens", "tokens[1] of 0..100000000", "logits(M, t)[0, 0] > 0", 0, 1), ("tokens named twice", "tokens[2] of {j % 2 : j in 0..3}", "logits(M, t)[0, 0] < 1000", 16, 16)):
        lines = statement([("M", net.sha256())], "count t in %s : %s" % (tokens, body))
        check("separable: " + name, 1, "--quiet", cert(path, lines, "verdict bounded", "number %d %d" % (number, number), "total %d %d" % (total, total), "rule separable"))
    lines = statement([("M", net.sha256())], "forall t in tokens[2] of {3, 1, 2}", "prove %s <= 9" % nested)
    check("separable: a sum in a sum that holds", 0, "--quiet", cert(path, lines, "verdict proved", "witness t=3,3", "rule separable"))


# ---- options, statuses, hostile input ----

def statuses(folder, net):
    path = os.path.join(folder, "x.cert")
    write(os.path.join(folder, "m.net"), net.text())
    good = statement([("M", net.sha256())], "prove exists t in tokens[3] of 0..3 : logits(M, t)[last, 0] < 1000")
    evidence = ["verdict proved", "witness t=0,0,0", "rule point"]
    cert(path, good, *evidence)
    check("accepted", 0, path, says="accepted proved")
    check("expected", 0, "--expect", "proved", path)
    check("not expected", 1, "--expect", "refuted", path)
    check("no file", 3, os.path.join(folder, "none.cert"))
    check("goes on after no file", 3, os.path.join(folder, "none.cert"), path, says="accepted proved")
    check("a hundred certificates", 0, *[path] * 100, says="accepted proved")
    check("no arguments", 3)
    check("unknown option", 3, "--fast", path)
    check("one bad of two", 1, path, cert(os.path.join(folder, "y.cert"), good, "verdict refuted", "rule point"))
    empty = os.path.join(folder, "empty")
    os.makedirs(empty, exist_ok=True)
    alone = cert(os.path.join(empty, "z.cert"), good, *evidence)
    check("no network", 3, alone, says="no .net")
    check("network elsewhere", 0, "--dir", folder, alone)
    deep = "(" * 3000 + "1" + ")" * 3000
    for name, body in (("deep", "prove %s == 1" % deep), ("chain", "prove " + "1 + " * 400 + "1 == 1"), ("huge", "prove 10^4096^4096 == 1"), ("exp", "prove exp(99999999) > 0"),
                       ("range", "prove all{i >= 0 : i in 0..99999999999999999999}"), ("index", "prove {1, 2}[99999999999999999999] == 1"), ("text", "prove \"x\" == 1"),
                       ("power", "prove (1 + 1)^4096 > 0 and ((1 + 1)^4096)^4096 > 0"), ("onehot", "prove onehot(0, 99999999)[0] == 1"), ("no end", "prove 1 =="), ("nothing", "prove ")):
        lines = ["weightproof-statement 1", "semantics real", body]
        check("hostile " + name, 1, cert(path, lines, "verdict proved", "witness -", "rule enumerate"))
    for cut in range(0, len(net.text()), 97):  # a network cut short, under its own hash
        part = net.text()[:cut]
        write(os.path.join(folder, "part.net"), part)
        lines = statement([("M", hashlib.sha256(part.encode()).hexdigest())], good[-1])
        check("network cut at %d" % cut, 1, cert(path, lines, *evidence))
    rng = random.Random(3)
    for k in range(150):  # one byte changed, under its own hash: refused, or another network; never a crash
        text = net.text()
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice("0123456789abcdefxp.- \n[]_") + text[at + 1:]
        write(os.path.join(folder, "part.net"), text)
        lines = statement([("M", hashlib.sha256(text.encode()).hexdigest())], good[-1])
        p = subprocess.run([CHECKER, "--quiet", cert(path, lines, *evidence)], capture_output=True, text=True, timeout=60)
        expect("network byte %d" % at, p.returncode in (0, 1) and "Sanitizer" not in p.stderr and "runtime error" not in p.stderr, "%d %s" % (p.returncode, p.stderr[:200]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for k in range(OPTIONS.nets):
            counts(folder, k)
            intervals(folder, k)
            os.remove(os.path.join(folder, "%d.net" % k))
        ties(folder)
        for k in range(16):
            exact_ties(folder, k)
        refusals(folder)
        net = transformer(7, d_vocab=4, n_ctx=3)
        matches(folder, net)
        sources(folder, net)
        statuses(folder, net)


main()
tally.finish()
