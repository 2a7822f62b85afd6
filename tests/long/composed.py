"""Random claims over the whole grammar on random small networks, against brute force: python tests/long/composed.py BUILD [--nets N] [--seed S] [--claims N] [--only K] [--keep DIR]

One to three layers, one to four heads, with and without positions, biases, LayerNorm, MLP and mask; weights that are usual, tiny, large, or exactly tied. Every claim is decided by the portfolio and by
each engine that may take it; what is said must be what brute force says: in doubles with a margin, in rationals where attention is uniform, and under float32 for random executions.
Ends with `N passed, N failed`.
"""
import argparse
import collections
import os
import random
import re
import sys
import tempfile
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "reference")]
from claims import seal                                  # noqa: E402
from decided import ONE_MODEL, REFERENCE, decide, write  # noqa: E402
from grammar import Grammar, Interventions, compare      # noqa: E402
from nets import transformer, with_twins                 # noqa: E402
from tally import check, finish, run                     # noqa: E402
from worlds import Model, World                          # noqa: E402

a = argparse.ArgumentParser()
a.add_argument("build")
a.add_argument("--nets", type=int, default=20)
a.add_argument("--seed", type=int, default=1)
a.add_argument("--claims", type=int, default=9)
a.add_argument("--forged", type=int, default=0, help="networks whose certificates are changed and sealed again")
a.add_argument("--only", type=int, help="this network alone")
a.add_argument("--keep", help="folder for the files of the network (with --only)")
a.add_argument("--timeout", default="5")
a = a.parse_args()
CHECKER = [a.build + "/weightproof-check"]
seen, kinds_seen = collections.Counter(), collections.Counter()


class Case:
    """Networks, models and claims of one number."""

    def __init__(self, k):
        rng = self.rng = random.Random(k * 7919 + a.seed * 104729)
        self.k, self.mode = k, rng.choice(["double"] * 5 + ["exact", "exact", "float32", "float32"])
        self.simple = rng.random() < 0.75                       # one layer, linear behind its attention
        self.v, self.n, self.d = *rng.choice([(2, 3), (2, 4), (3, 3), (3, 3), (4, 2), (5, 2), (2, 5)]), rng.choice([2, 3, 4])
        self.layers, self.heads = (1, rng.choice([1, 1, 1, 1, 1, 2])) if self.simple else (rng.choice([1, 1, 2, 3]), rng.choice([1, 2, 2, 4]))
        self.mlp = rng.choice([None, None, None, "relu"]) if self.simple else rng.choice([None, "relu", "relu", "gelu", "silu"])
        self.norm = () if rng.random() < 0.7 or self.mode == "exact" else rng.choice([("ln1",), ("ln1",), ("ln1", "final"), ("ln1", "ln2", "final")][:2 if self.simple else 4])
        if self.mode == "exact" and self.mlp:
            self.mlp = "relu"
        form = dict(d_vocab=self.v, n_ctx=self.n, layers=self.layers, heads=self.heads, d_model=rng.choice([2, 3, 4]), d_head=rng.choice([1, 2, 3]), d_out=self.d, causal=rng.random() < 0.6,
                    biases=rng.random() < 0.6, positions=rng.random() < 0.7, norm=self.norm, mlp=self.mlp, spread=rng.choice([2, 4, 12, 24, 24]))
        self.nets = [self.shaped(transformer(a.seed * 1000003 + 2 * k + i, **form), rng.choice(["", "", "", "tiny", "large", "twins"])) for i in range(2)]
        self.base, self.other = Model("M", self.nets[0]), Model("M2", self.nets[1])
        self.making = Interventions(rng, self.base, self.other, self.layers, self.heads, self.v, self.n, bool(self.norm))

    def shaped(self, net, how):
        if how == "twins" and self.d > 1:
            net = with_twins(net, 0, self.d - 1)
        for name, (shape, flat) in net.tensors.items():
            if self.mode == "exact" and (".W_Q" in name or ".b_Q" in name):
                net.tensors[name] = (shape, [Fraction(0)] * len(flat))
            if how == "tiny" and name.startswith(("embed", "blocks.0.attn.W_V")):
                net.tensors[name] = (shape, [x / 2 ** 12 for x in flat])
            if how == "large" and name.startswith(("blocks.0.attn.W_V", "unembed")):
                net.tensors[name] = (shape, [x * 2 ** 5 for x in flat])
            if how == "large" and name.startswith("blocks.0.attn.W_K"):
                net.tensors[name] = (shape, [x * 8 for x in flat])
        return net

    def grammar(self):
        rng, models = self.rng, [self.base, self.other]
        self.making.two = rng.random() < 0.25
        for _ in range(rng.choice([0, 1, 1, 2])):
            models.append(self.making.model(self.mode == "float32"))
        g = Grammar(rng, models, self.v, self.n, self.d, rng.random() < 0.2, self.simple)
        g.tame = self.simple and rng.random() < 0.75
        g.first, g.row = rng.choice([0, 0, 0, len(models) - 1, len(models) - 1]), rng.choice([None, None, 0, self.n - 1])
        return g

    def claim(self):
        g, rng = self.grammar(), self.rng
        binds, values = g.domain(["s"] if any("s" in m.reads for m in g.models) else [])
        where = g.truth(2) if rng.random() < 0.4 else None
        c = Claim(rng.choice(["forall", "count", "minimize", "maximize", "list", "average", "average"] if g.tame else ["forall", "forall", "exists", "all", "count", "count", "count", "list", "average", "minimize", "maximize"]), binds, values, where)
        value = c.kind in ("average", "minimize", "maximize")
        c.body = g.real(2) if value else g.predicate(2)
        c.under = " under float32" if self.mode == "float32" else ""
        c.world = World(self.mode, self.k)
        c.finish(rng)
        return c


class Claim:
    def __init__(self, kind, binds, values, where):
        self.kind, self.binds, self.values, self.where, self.prove = kind, binds, values, where, None

    def finish(self, rng):
        """The text."""
        w = self.binds + (" where " + self.where[0] if self.where else "")
        self.at_most = rng.randint(1, 6) if rng.random() < 0.5 else None
        text = {"forall": "forall %s prove %s", "exists": "prove exists %s : %s", "count": "count %s : %s", "list": "list %s : %s", "average": "average %s : %s", "minimize": "minimize %s : %s",
                "maximize": "maximize %s : %s"}.get(self.kind)
        text = "prove all{ %s : %s }" % (self.body[0], w) if self.kind == "all" else text % (w, self.body[0])
        if self.kind == "list" and self.at_most:
            text += " at most %d" % self.at_most
        if self.kind in ("count", "average", "minimize", "maximize") and rng.random() < 0.4:
            op = rng.choice(["<", "<=", ">", ">="])
            c = rng.randint(0, len(self.values)) if self.kind == "count" else Fraction(rng.randint(-12, 12), 4)
            self.prove = op, c
            text += " prove %s %s %s" % ("number" if self.kind == "count" else "value", op, c)
        if self.kind in ("average", "minimize", "maximize"):
            text += " within 1/1000" if not self.under else " within 1"
        elif self.kind == "count" and rng.random() < 0.5:
            text += " within %s" % rng.choice(["1", "1/4"])
        self.text = text + self.under

    def table(self):
        """[(variables, is the condition true, value)] of the bindings that count."""
        out = []
        for e in self.values:
            if self.where is None or self.where[1](self.world, e) is True:
                out.append((e, self.body[1](self.world, e)))
        return out


def key(e):
    return tuple(sorted((x, tuple(v) if isinstance(v, (list, tuple)) else v) for x, v in e.items()))


def settled(x, truth):
    """A verdict of a closed or universal claim: proved only if it may be true, refuted only if it may be false."""
    return not (x["verdict"] == "proved" and truth is False) and not (x["verdict"] == "refuted" and truth is True)


def prove_line(c, lo, hi, x):
    op, limit = c.prove
    ends = [compare(op, c.world.sign(e, limit)) for e in (lo, hi)]
    truth = ends[0] if ends[0] == ends[1] else None
    return settled(x, truth)


def slack(c, value):
    return Fraction(0) if isinstance(value, (int, Fraction)) else Fraction(1 + abs(value)) / 10 ** 7


def right_truth(c, x, table):
    some = [v for _, v in table]
    if x["verdict"] == "vacuous":
        return not table
    if c.kind == "exists":
        truth = True if True in some else None if None in some else False
    else:
        truth = False if False in some else None if None in some else True
    if c.kind == "forall" and not table:
        return x["verdict"] not in ("proved", "refuted")
    good = settled(x, truth)
    found = {key(e): v for e, v in table}
    if c.kind == "forall" and x["verdict"] == "refuted":
        good = good and found.get(key(x["counterexample"]), True) is not True
    if c.kind == "forall" and x["verdict"] == "proved" and x.get("witness"):
        good = good and key(x["witness"]) in found
    return good


def right_count(c, x, table):
    lo, hi = (sum(v in some for _, v in table) for some in ((True,), (True, None)))
    if x["verdict"] == "vacuous":
        return not table
    good = not c.prove or prove_line(c, lo, hi, x)
    if x.get("number_lo") is None:
        return good
    return good and int(x["number_lo"]) <= hi and lo <= int(x["number_hi"]) and (x.get("total") is None or int(x["total"]) == len(table)) and (c.world.mode == "double" or int(x["number_lo"]) <= lo <= hi <= int(x["number_hi"]))


def right_list(c, x, table):
    if x["verdict"] == "vacuous":
        return not table
    found, items = collections.defaultdict(list), x.get("items") or []
    for e, v in table:
        found[key(e)].append(v)
    good = all(found.get(key(i)) and found[key(i)][0] is not False for i in items)
    if x.get("items_complete") and x["verdict"] == "bounded":
        told = sum(v is True for _, v in table)
        good = good and told <= len(items) <= told + sum(v is None for _, v in table)
    return good and (not c.at_most or len(items) <= c.at_most)


def right_value(c, x, table):
    if x["verdict"] == "vacuous" or not table:
        return not table or x["verdict"] == "vacuous" and not table
    some = [v for _, v in table]
    f = {"minimize": min, "maximize": max, "average": lambda v: sum(map(Fraction, v)) / len(v)}[c.kind]
    value = f(some)
    d = slack(c, value if c.kind != "average" else max(some, key=abs))
    good = not c.prove or prove_line(c, float(value) if d else value, float(value) if d else value, x)
    if x.get("lo_exact") is None or x.get("hi_exact") is None or x["verdict"] not in ("bounded", "proved", "refuted"):
        return good
    good = good and Fraction(x["lo_exact"]) - d <= Fraction(value) <= Fraction(x["hi_exact"]) + d
    if x.get("attains"):
        found = {key(e): v for e, v in table}
        own = found.get(key(x["attains"]))
        good = good and own is not None and (Fraction(own) <= Fraction(x["hi_exact"]) + d if c.kind == "minimize" else Fraction(own) >= Fraction(x["lo_exact"]) - d)
    return good


RIGHT = {"forall": right_truth, "exists": right_truth, "all": right_truth, "count": right_count, "list": right_list, "average": right_value, "minimize": right_value, "maximize": right_value}


def decided(folder, claims, engine):
    options = (["--engine", engine] if engine else []) + ["--certificates", folder + "/" + (engine or "all"), "--timeout", a.timeout]
    return list(decide(a.build, folder, [c.text for c in claims], *options, head=ONE_MODEL + 'model M2 = "m2.net"\n').values())


def one(k, folder):
    case = Case(k)
    for net, name in zip(case.nets, ("m", "m2")):
        write("%s/%s.net" % (folder, name), net.text())
    claims, tables = [], []
    while len(claims) < a.claims:
        c = case.claim()
        try:
            tables.append(c.table())
        except OverflowError:
            continue
        claims.append(c)
    for engine in (None, "enumerate", "separable", "count", "cells"):
        for c, table, x in zip(claims, tables, decided(folder, claims, engine)):
            kinds_seen[engine or "all", x["verdict"]] += 1
            if x["verdict"] == "error":
                check("numerator" in str(x["reason"]), "net %d, %s: %s\n  %s" % (k, engine, x["reason"], c.text))
                continue
            reason = str(x.get("reason"))       # sizes that FORMAT.md names, and enclosures under float32, may be refused
            check("did not accept" not in reason or "too large" in reason or "ask for a wider `within`" in reason or (case.mode == "float32" and c.kind == "count"), "net %d, %s: %s\n  %s" % (k, engine, reason, c.text))
            said = {y: x.get(y) for y in ("verdict", "number_lo", "number_hi", "total", "lo", "hi", "items", "items_complete", "counterexample", "witness", "attains", "reason") if x.get(y) is not None}
            check(RIGHT[c.kind](c, x, table), "net %d (%s), %s: %s\n  claim c%d { %s }\n  brute force: %s" % (k, case.mode, engine, said, claims.index(c), c.text, [v for _, v in table][:40]))
    if k < a.forged or a.only is not None and a.forged:
        forge(folder, case, claims, tables)


def binding(text):
    """NAME=V parts of a certificate's line."""
    out = {}
    for part in text.split(" ") if text != "-" else []:
        name, v = part.split("=")
        out[name] = tuple(int(x) for x in v.split(",") if x) if "," in v else int(v)
    return out


def evidence(text):
    """What a certificate says, as the JSON of a result says it."""
    x = {"items": [], "verdict": re.search(r"^verdict (\w+)$", text, re.M).group(1)}
    for line in text.split("\nverdict ")[1].split("\n")[1:]:
        word, _, rest = line.partition(" ")
        if word in ("witness", "counterexample", "attains"):
            x[word] = binding(rest)
        elif word == "item":
            x["items"].append(binding(rest))
        elif word == "complete":
            x["items_complete"] = rest == "yes"
        elif word in ("number", "value"):
            x["number_lo" if word == "number" else "lo_exact"], x["number_hi" if word == "number" else "hi_exact"] = rest.split(" ")
        elif word == "total":
            lo, hi = rest.split(" ")
            x["total"] = lo if lo == hi else None
    return x


def mutants(rng, text, statements):
    """Pairs (index of the claim, changed certificate): other numbers, verdicts, rules and lines, and the evidence under another statement of the case."""
    i, lines = text.index("\nverdict ") + 1, text[text.index("\nverdict ") + 1:text.rindex("end\n")].split("\n")[:-1]
    head = text[:i]
    numbers = [(k, m) for k, line in enumerate(lines) for m in re.finditer(r"(?<![\w/.])-?\d+(?:/\d+)?", line)]
    for k, m in rng.sample(numbers, min(6, len(numbers))):
        x = Fraction(m.group(0))
        x = rng.choice([x + 1, x - 1, x + 1, x - 1, -x, 2 * x, x + Fraction(1, 3) if "/" in m.group(0) else x + 2, 0])
        yield None, head, lines[:k] + [lines[k][:m.start()] + str(x) + lines[k][m.end():]] + lines[k + 1:]
    for k in rng.sample(range(len(lines)), min(3, len(lines))):
        yield None, head, lines[:k] + lines[k + 1:]
        yield None, head, lines[:k] + [lines[k]] + lines[k:]
    for verdict in ("proved", "refuted", "bounded", "vacuous"):
        yield None, head, ["verdict " + verdict] + lines[1:]
    for rule in ("enumerate", "separable", "cells", "count"):
        k = next(k for k, line in enumerate(lines) if line.startswith("rule "))
        yield None, head, lines[:k] + ["rule " + rule] + (["bins 4 3"] if rule == "count" else []) + [x for x in lines[k + 1:] if not x.startswith("bins")]
    for other, statement in statements.items():
        yield other, statement, lines


def forge(folder, case, claims, tables):
    """Certificates that are accepted say what is so."""
    texts = {}
    for engine in ("all", "enumerate", "separable", "count", "cells"):
        for i in range(len(claims)):
            path = "%s/%s/c%d.cert" % (folder, engine, i)
            if os.path.exists(path):
                text = open(path).read()
                texts[text] = i
    heads = {i: text[:text.index("\nverdict ") + 1] for text, i in texts.items()}
    made = []
    for text, i in texts.items():
        others = {j: h for j, h in heads.items() if j != i and claims[j].kind == claims[i].kind}
        for j, head, lines in mutants(case.rng, text, others):
            forged = head + "".join(line + "\n" for line in lines) + "end\n"
            if forged != text[:text.rindex("sha256 ")]:
                made.append((i if j is None else j, seal(forged)))
    paths = ["%s/f%05d.crt" % (folder, k) for k in range(len(made))]
    for path, (_, text) in zip(paths, made):
        write(path, text)
    some = {x for x in paths if case.rng.random() < 0.2}
    for checker in (CHECKER, REFERENCE):
        mine = [x for x in paths if checker is CHECKER or x in some]
        for at in range(0, len(mine), 200):
            status, output = run("sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh", *checker, "--quiet", *mine[at:at + 200])
            check(status in (0, 1), "net %d: %s ends with %d: %s" % (case.k, checker[-1], status, output[-500:]))
            said = dict(re.findall(r"^rejected (\S+\.crt)(:)", output, re.M))
            said.update((path, "yes") for path in re.findall(r"^accepted .* (\S+\.crt)$", output, re.M))
            if len(mine) == 1 and status == 0:
                said[mine[0]] = "yes"
            for path in mine[at:at + 200]:
                i, text = made[paths.index(path)]
                kinds_seen["forged", "accepted" if said.get(path) == "yes" else "rejected"] += 1
                check(path in said, "net %d: %s says nothing of\n%s" % (case.k, checker[-1], text))
                good = path not in said or (said[path] != "yes" or RIGHT[claims[i].kind](claims[i], evidence(text), tables[i]))
                check(good, "net %d: %s accepts\n%s  brute force: %s" % (case.k, checker[-1], text, [v for _, v in tables[i]][:40]))
            some |= {path for path in mine if said.get(path) == "yes"}


def main():
    for k in range(a.nets) if a.only is None else [a.only]:
        with tempfile.TemporaryDirectory() as folder:
            if a.keep:
                os.makedirs(a.keep, exist_ok=True)
            one(k, a.keep or folder)
    for engine in ("all", "enumerate", "separable", "count", "cells", "forged"):
        print("%-10s %s" % (engine, "  ".join("%s %d" % (v, n) for (e, v), n in sorted(kinds_seen.items()) if e == engine)))


if __name__ == "__main__":
    main()
    finish()
