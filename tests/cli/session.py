"""verify as a whole: bundles, JSON, failing inputs, Ctrl-C, time limits, threads. Ends with `N good, N bad`."""
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
MODEL = os.path.abspath("examples/max4_s123.safetensors")
CLAIMS = """claims 1
model M = "%s"
domain D = tokens[4] of 0..9
claim small "a bound" { forall t in D prove logits(M, t)[last, 0] <= 1000 }
claim right { count t in D : argmax(logits(M, t)[last]) == max(t) prove fraction >= 1/2 }
claim exact { count t in D where t[3] == 1 : argmax(logits(M, t)[last]) == max(t) }
claim least { minimize t in tokens[2] of 0..9 : logits(M, t)[last, 0] }
claim most { maximize t in tokens[2] of 0..9 : attn(M, 0, 0, t)[last, 0] within 1e-3 }
claim mean { average t in tokens[2] of 0..9 : logits(M, t)[last, 1] within 1e-4 }
claim wrong { list t in D : argmax(logits(M, t)[last]) != max(t) at most 5 }
claim always_zero { forall t in D prove argmax(logits(M, t)[last]) == 0 expect refuted }
claim each { foreach a in 2..3 prove exists t in D where t[3] == a : argmax(logits(M, t)[last]) == a + 4 }
claim never { prove exists t in D where t[3] == 1 : argmax(logits(M, t)[last]) == 1 expect refuted }
claim none { forall t in D where t[0] > 20 prove argmax(logits(M, t)[last]) == 0 expect vacuous }
claim weights { prove W(M, "embed.W_E")[0, 0] < 100 }
claim single { forall t in tokens[1] of 0..9, a in 0..2 prove logits(M, t)[last, a] <= 1000 under float32 }
""" % MODEL
LONG = """claims 1
model M = "%s"
claim quick { forall t in tokens[1] of 0..9 prove logits(M, t)[last, 0] <= 1000 }
claim long { minimize t in tokens[4] of 0..63 : dist(2, logits(M, t)[last], logits(M, t)[0]) }
claim after { forall t in tokens[1] of 0..9 prove logits(M, t)[last, 0] <= 1000 }
""" % MODEL
good = bad = 0


def say(name, ok, text=""):
    global good, bad
    good, bad = good + bool(ok), bad + (not ok)
    if not ok:
        print("session: %s: %s" % (name, text))


def run(*args, **kw):
    p = subprocess.run([BUILD + "/" + args[0], *args[1:]], capture_output=True, timeout=110, **kw)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def npy(path):
    data = open(path, "rb").read()
    size = struct.unpack("<H", data[8:10])[0]
    shape = tuple(map(int, re.search(r"'shape': \((\d+), (\d+)\)", data[10:10 + size].decode()).groups()))
    values = struct.unpack("<%dq" % (shape[0] * shape[1]), data[10 + size:])
    return data[:8] == b"\x93NUMPY\x01\x00" and (10 + size) % 64 == 0, shape, values


def bundle(folder, claims):
    b = folder + "/bundle/deep"
    status, out, err = run("weightproof", "verify", claims, "--certificates", b, "--json", folder + "/out.json", "--failures",
                           folder + "/failures", "--expect")
    say("all as expected", status == 0 and out.splitlines()[-1].startswith("14 claims: ") and "all as expected" in out, out + err)
    say("without --expect the refuted one counts", run("weightproof", "verify", claims, "--quiet")[0] == 1)
    sums = dict(reversed(line.split("  ")) for line in open(b + "/MANIFEST").read().splitlines())
    for name, sha in sums.items():
        say("sum of " + name, hashlib.sha256(open(b + "/" + name, "rb").read()).hexdigest() == sha)
    say("the manifest names every file", set(sums) | {"MANIFEST"} == set(os.listdir(b)), str(sorted(os.listdir(b))))
    moved = folder + "/moved"
    shutil.move(b, moved)
    lines = [line.split()[1:] for line in open(moved + "/REPLAY.md") if line.startswith("    weightproof-check --expect")]
    say("every claim has a certificate", len(lines) == 14, str(lines))
    for args in lines:
        say("checks again: " + args[-1], run("weightproof-check", "--quiet", *args, cwd=moved)[0] == 0)
    lines = [line.split()[1:] for line in open(moved + "/REPLAY.md") if line.startswith("    weightproof-check --claims")]
    say("every certificate is held against its claim", len(lines) == 14, str(lines))
    for args in lines:
        status, out, err = run("weightproof-check", "--quiet", *args, cwd=moved)
        say("is about its claim: " + args[-1], status == 0, out + err)
    status, out, err = run("weightproof-check", "--quiet", "--source", MODEL, "small.cert", cwd=moved)
    say("the source is bound", status == 0, out + err)
    return json.load(open(folder + "/out.json")), moved


def facts(j, moved):
    c = {x["name"] + "".join("%s" % v for v in x["foreach"].values()): x for x in j["claims"]}
    for name, verdict in [("small", "proved"), ("right", "proved"), ("exact", "bounded"), ("least", "bounded"), ("most", "bounded"),
                          ("mean", "bounded"), ("wrong", "bounded"), ("always_zero", "refuted"), ("each2", "proved"), ("each3", "proved"),
                          ("never", "refuted"), ("none", "vacuous"), ("weights", "proved"), ("single", "proved")]:
        say("verdict of " + name, c[name]["verdict"] == verdict, json.dumps(c[name], indent=1))
    say("totals", c["right"]["total"] == "10000" and c["exact"]["total"] == "1000", str(c["right"]))
    say("numbers are strings", isinstance(c["exact"]["number_lo"], str) and c["exact"]["number_lo"] == c["exact"]["number_hi"])
    say("intervals are ordered and narrow", 0 <= c["least"]["hi"] - c["least"]["lo"] <= 1.001e-6 and c["mean"]["hi"] - c["mean"]["lo"] <= 1.001e-4)
    say("attained", len(c["least"]["attains"]["t"]) == 2 and len(c["most"]["attains"]["t"]) == 2)
    say("counterexample", len(c["always_zero"]["counterexample"]["t"]) == 4 and c["always_zero"]["evidence"] == "replayed", str(c["always_zero"]))
    say("semantics", c["single"]["semantics"] == "float32" and c["small"]["semantics"] == "real")
    for x in j["claims"]:
        say("hash of the statement of " + x["name"], hashlib.sha256(x["statement"].encode()).hexdigest() == x["statement_sha256"])
        say("hash of the certificate of " + x["name"],
            hashlib.sha256(open(moved + "/" + os.path.basename(x["certificate"]), "rb").read()).hexdigest() == x["certificate_sha256"])
        say("acceptance of " + x["name"], x["accepted"] == "accepted %s %s %s" % (x["verdict"], x["statement_sha256"], x["certificate_sha256"]))
    m = j["models"][0]
    say("model", m["sha256"] == hashlib.sha256(open(MODEL, "rb").read()).hexdigest() and m["name"] == "M")
    say("net", m["net_sha256"] == hashlib.sha256(open(moved + "/M.net", "rb").read()).hexdigest())
    return c


def failures(folder, c):
    f = folder + "/failures"
    for name in ("always_zero", "right", "wrong"):
        if not os.path.exists(f + "/" + name + ".npy"):
            say("failing inputs of " + name, False, str(os.listdir(f)))
            continue
        ok, shape, values = npy(f + "/" + name + ".npy")
        say("failing inputs of " + name, ok and shape[1] == 4 and all(0 <= v <= 9 for v in values), str(shape))
        source = open(f + "/" + name + ".py").read()
        compile(source, name, "exec")
        say("lines for " + name, MODEL in source and c[name]["statement_sha256"] in source)
    say("as many as were counted", npy(f + "/right.npy")[1][0] == 10000 - int(c["right"]["number_lo"]))
    say("nothing for what is proved", not os.path.exists(f + "/small.npy"))


def same_certificates(folder, claims):
    made = []
    for threads in ("1", "2", "3"):
        b = folder + "/threads" + threads
        run("weightproof", "verify", claims, "--certificates", b, "--threads", threads, "--quiet")
        made.append({n: open(b + "/" + n, "rb").read() for n in sorted(os.listdir(b)) if n.endswith(".cert")})
    say("certificates do not depend on threads", made[0] == made[1] == made[2] and len(made[0]) == 14,
        str([n for n in made[0] if made[0][n] != made[1].get(n) or made[0][n] != made[2].get(n)]))


def limits(folder):
    claims = write(folder + "/long.claims", LONG)
    begin = time.monotonic()
    status, out, err = run("weightproof", "verify", claims, "--timeout", "1")
    lines = out.splitlines()
    say("time limit", status == 2 and lines[1].startswith("undecided  long: time is up") and lines[2].startswith("proved"), out + err)
    say("time limit is kept", time.monotonic() - begin < 15)
    p = subprocess.Popen([BUILD + "/weightproof", "verify", claims, "--json", folder + "/int.json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = p.stdout.readline().decode()
    time.sleep(0.7)
    begin = time.monotonic()
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    lines = [first] + out.decode().splitlines()
    say("Ctrl-C leaves what was decided", p.returncode == 2 and lines[0].startswith("proved     quick") and
        lines[1].startswith("undecided  long: interrupted") and lines[2].startswith("undecided  after: interrupted before") and
        "interrupted" in lines[3], "\n".join(lines) + err.decode())
    say("Ctrl-C is quick", time.monotonic() - begin < 5)
    j = json.load(open(folder + "/int.json"))
    say("JSON after Ctrl-C", j["interrupted"] and [x["verdict"] for x in j["claims"]] == ["proved", "undecided", "undecided"])


def unwritable(folder, claims):
    for option, path in [("--json", "/no/such/x.json"), ("--report", "/no/such/x.html"), ("--certificates", "/proc/no"), ("--failures", "/proc/no")]:
        status, out, err = run("weightproof", "verify", claims, "--only", "small", option, path)
        say("unwritable " + option, status == 3 and err.startswith("error: cannot "), out + err)
    with open("/dev/full", "w") as full:
        p = subprocess.run([BUILD + "/weightproof", "verify", claims, "--only", "small"], stdout=full, stderr=subprocess.PIPE)
    say("full disk", p.returncode == 3 and b"standard output" in p.stderr, str(p))


folder = tempfile.mkdtemp(prefix="session-")
os.environ["TMPDIR"] = folder
claims = write(folder + "/x.claims", CLAIMS)
try:
    j, moved = bundle(folder, claims)
    failures(folder, facts(j, moved))
    same_certificates(folder, claims)
    limits(folder)
    unwritable(folder, claims)
    say("nothing is left behind", not [n for n in os.listdir(folder) if n.startswith("weightproof-")])
except Exception as e:
    say("ran to the end", False, repr(e))
shutil.rmtree(folder, ignore_errors=True)
print("%d good, %d bad" % (good, bad))
