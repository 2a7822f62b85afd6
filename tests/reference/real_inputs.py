"""Certificates about data arrays and a bilinear network of real inputs, whose truth is known exactly: see agree.py.

cases() gives (name, certificate, {file name: text}, whether both checkers accept it). A file whose text changed keeps its name, not its hash.
"""
import hashlib
import random
from fractions import Fraction

from claims import canonical, seal
from nets import number, transformer


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def array(rows):
    """The canonical text of a vector or a matrix."""
    flat = not isinstance(rows[0], list)
    lines = [rows] if flat else rows
    shape = [len(rows)] if flat else [len(rows), len(rows[0])]
    return "\n".join(["weightproof-array 1", "shape " + " ".join(map(str, shape))] + [" ".join(number(x) for x in row) for row in lines] + ["end"]) + "\n"


class Bilinear:
    """y = ((x L) * (x R)) P + b"""

    def __init__(self, rng, width=3, hidden=4, out=3):
        def matrix(k, m):
            return [[Fraction(rng.randint(-24, 24), 16) for _ in range(m)] for _ in range(k)]
        self.L, self.R, self.P, self.b = matrix(width, hidden), matrix(width, hidden), matrix(hidden, out), matrix(1, out)[0]

    def text(self):
        out = ["weightproof-net 1", "reals %d 1" % len(self.L), "mask none", "eps 0"]
        for name, rows in (("L", self.L), ("P", self.P), ("R", self.R), ("b", [self.b])):
            shape = [len(rows[0])] if name == "b" else [len(rows), len(rows[0])]
            out += ["tensor %s %s" % (name, " ".join(map(str, shape)))] + [" ".join(number(x) for x in row) for row in rows]
        return "\n".join(out + ["node x input", "node left linear x L", "node right linear x R", "node both mul left right",
                                "node out linear both P b", "output out", "end"]) + "\n"

    def run(self, x):
        def times(v, W):
            return [sum(a * row[j] for a, row in zip(v, W)) for j in range(len(W[0]))]
        both = [a * b for a, b in zip(times(x, self.L), times(x, self.R))]
        return [a + b for a, b in zip(times(both, self.P), self.b)]


def winner(v):
    best = max(v)
    return v.index(best) if v.count(best) == 1 else None


def certificate(names, lines, verdict, rule, semantics="real"):
    """names: (\"model N\", text) and (\"data X\", text) in order."""
    statement = ["weightproof-statement 1"] + ["%s %s" % (name, sha256(text)) for name, text in names] + ["semantics " + semantics] + lines.split("\n")
    return seal("\n".join(["weightproof-certificate 1", "statement"] + ["| " + x for x in statement] + verdict.split("\n") + ["rule " + rule, "end"]) + "\n")


def counted(number, total):
    return "verdict bounded\nnumber %d %d\ntotal %d %d" % (number, number, total, total)


class World:
    def __init__(self, seed):
        rng = self.rng = random.Random(seed)
        self.net = Bilinear(rng)
        self.x = [[Fraction(rng.randint(-32, 32), 16) for _ in range(3)] for _ in range(6)]
        self.y = [rng.randrange(3) for _ in range(6)]
        self.out = [self.net.run(row) for row in self.x]
        self.N, self.X, self.Y = ("model N", self.net.text()), ("data X", array(self.x)), ("data Y", array(self.y))
        self.files = {"n.net": self.N[1], "x.arr": self.X[1], "y.arr": self.Y[1]}


ACCURACY = "count r in rows(X) : argmax(output(N, X[r])) == Y[r]"


def counts(w):
    """The right number, and every other one."""
    right = sum(winner(v) == y for v, y in zip(w.out, w.y))
    for n in range(7):
        yield "%d of 6 right" % n, certificate([w.N, w.X, w.Y], ACCURACY, counted(n, 6), "enumerate"), w.files, n == right
    yield "a total of 5", certificate([w.N, w.X, w.Y], ACCURACY, counted(min(right, 5), 5), "enumerate"), w.files, False
    hits = [r for r in range(6) if winner(w.out[r]) == w.y[r]]
    for listed in (hits, hits[1:], hits + [r for r in range(6) if r not in hits][:1]):
        lines = "".join("\nitem r=%d" % r for r in sorted(listed))
        yield "a list of %d" % len(listed), certificate([w.N, w.X, w.Y], "list r in rows(X) : argmax(output(N, X[r])) == Y[r]",
                                                          "verdict bounded%s\ncomplete yes" % lines, "enumerate"), w.files, listed == hits
    for r in range(-1, 8):
        wrong = 0 <= r < 6 and winner(w.out[r]) != w.y[r]
        yield "counterexample r=%d" % r, certificate([w.N, w.X, w.Y], "forall r in rows(X)\nprove argmax(output(N, X[r])) == Y[r]",
                                                     "verdict refuted\ncounterexample r=%d" % r, "point"), w.files, wrong
    swapped = [(y + 1) % 3 for y in w.y]
    now = sum(winner(v) == y for v, y in zip(w.out, swapped))
    other = dict(w.files, **{"y.arr": array(swapped)})
    yield "labels moved by one, counted anew", certificate([w.N, w.X, ("data Y", array(swapped))], ACCURACY, counted(now, 6), "enumerate"), other, True
    yield "labels moved by one, counted as before", certificate([w.N, w.X, ("data Y", array(swapped))], ACCURACY, counted(right, 6), "enumerate"), other, now == right
    yield "data exchanged", certificate([w.N, ("data X", w.Y[1]), ("data Y", w.X[1])], ACCURACY, counted(right, 6), "enumerate"), w.files, False
    for s in ("real", "float32"):
        clear = min(abs(a - b) for v in w.out for i, a in enumerate(v) for b in v[:i]) > Fraction(1, 1000)
        yield "accuracy, " + s, certificate([w.N, w.X, w.Y], ACCURACY, counted(right, 6), "enumerate", s), w.files, True if s == "real" or clear else None


def values(w):
    """Smallest and largest outputs, and sums over rows, exactly."""
    low = min(v[0] for v in w.out)
    at = [v[0] for v in w.out].index(low)
    tick = Fraction(1, 2 ** 24)
    for shift, good in ((0, True), (tick, False), (-tick, False)):
        text = "minimize r in rows(X) : output(N, X[r])[0]"
        # the exact value is a double of few bits: an interval of one point around it may be had or not, one beside it never
        value = low + shift
        if shift:
            yield "minimum off by %s" % shift, certificate([w.N, w.X], text, "verdict bounded\nvalue %s %s\nattains r=%d" % (canonical(value), canonical(value), at), "enumerate"), w.files, good
        wide = "%s %s" % (canonical(value - tick / 4), canonical(value + tick / 4))
        yield "minimum within %s" % shift, certificate([w.N, w.X], text, "verdict bounded\nvalue %s\nattains r=%d" % (wide, at), "enumerate"), w.files, good
        yield "minimum attained elsewhere", certificate([w.N, w.X], text, "verdict bounded\nvalue %s\nattains r=%d" % (wide, (at + 1) % 6), "enumerate"), w.files, False
    mean = sum(v[1] for v in w.out) / 6
    for shift, good in ((0, True), (tick, False)):
        lines = "verdict bounded\nvalue %s %s" % (canonical(mean + shift - tick / 4), canonical(mean + shift + tick / 4))
        yield "mean off by %s" % shift, certificate([w.N, w.X], "average r in rows(X) : output(N, X[r])[1]", lines, "enumerate"), w.files, good


def random_claims(w, count):
    """Comparisons of outputs on sums and multiples of rows, exactly."""
    rng = w.rng
    for _ in range(count):
        k, m = Fraction(rng.choice([-2, -1, 1, 2, 3]), rng.choice([1, 2, 4])), rng.randrange(6)
        j, c = rng.randrange(3), Fraction(rng.randint(-40, 40), 8)
        op = rng.choice(["<", "<=", ">", ">=", "!="])
        factor = "(%s)" % canonical(k) if k.denominator > 1 else canonical(k)      # a fraction stands at the level of `/`
        text = "output(N, X[r] + X[%d] * %s)[%d] %s %s" % (m, factor, j, op, canonical(c))
        outs = [w.net.run([a + b * k for a, b in zip(row, w.x[m])])[j] for row in w.x]
        truths = [{"<": o < c, "<=": o <= c, ">": o > c, ">=": o >= c, "!=": o != c}[op] for o in outs]
        if any(o == c for o in outs):
            continue
        for n in {sum(truths), (sum(truths) + 1) % 7}:
            yield "random: " + text, certificate([w.N, w.X], "count r in rows(X) : " + text, counted(n, 6), "enumerate"), w.files, n == sum(truths)


def refused(w):
    """What is no statement, or has no meaning."""
    good = counted(sum(winner(v) == y for v, y in zip(w.out, w.y)), 6)
    tokens = transformer(1)
    M, files = ("model M", tokens.text()), dict(w.files, **{"m.net": tokens.text()})
    yield "data before models", certificate([w.X, w.N, w.Y], ACCURACY, good, "enumerate"), w.files, False
    yield "data in another order", certificate([w.N, w.Y, w.X], ACCURACY, good, "enumerate"), w.files, False
    yield "data missing", certificate([w.N, w.X], ACCURACY, good, "enumerate"), w.files, False
    yield "data that no line uses", certificate([w.N, w.X, w.Y, ("data Z", w.Y[1])], ACCURACY, good, "enumerate"), w.files, False
    yield "data named twice", certificate([w.N, w.X, w.X, w.Y], ACCURACY, good, "enumerate"), w.files, False
    yield "data named as the model", certificate([w.N, ("data N", w.X[1])], "count r in rows(N) : output(N, N[r])[0] < 9", counted(0, 6), "enumerate"), w.files, False
    yield "data named as a function", certificate([("data rows", w.X[1])], "count r in rows(rows) : rows[r, 0] < 99", counted(6, 6), "enumerate"), w.files, False
    yield "a binder named as the data", certificate([w.X], "count X in rows(X) : X < 9", counted(6, 6), "enumerate"), w.files, False
    yield "a hash of no file", certificate([("data X", "other")], "count r in rows(X) : X[r, 0] < 99", counted(6, 6), "enumerate"), w.files, False
    yield "an array of its own", certificate([w.X], "count r in rows(X) : X[r, 0] < 99", counted(6, 6), "enumerate"), w.files, True
    for rule, ok in (("separable", False), ("enumerate", True)):
        yield "data in rule " + rule, certificate([M, w.Y], "count t in tokens[2] of 0..1 : logits(M, t)[last, Y[0]] < 1000", counted(4, 4), rule), files, ok
    for text in ("X[6, 0] < 99", "X[0, 3] < 99", "X[0, 0, 0] < 99", "X[1/2, 0] < 99", "rows(X) < 99", "output(N, X)[0, 0] < 99", "output(N, X[0, 0..1])[0] < 9999", "output(N, X[0])[3] < 99",
                 "output(N, X[0])[0, 0] < 9999", "node(N, \"none\", X[0])[0] < 9999", "output(N, Y)[0] < 9999", "0 in rows({1, 2})", "logits(N, X[0])[0] < 9999", "output(patch(N, \"both\"[1] = {0, 0, 0, 0}), X[0])[0] < 99"):
        names = [p for p in (w.N, w.X, w.Y) if p[0][-1] + "[" in text or p[0][-1] + "," in text or p[0][-1] + ")" in text]
        yield "without meaning: " + text, certificate(names, "prove " + text, "verdict proved\nwitness -", "enumerate"), w.files, False
    yield "tokens of data, one out of the vocabulary", certificate([M, w.Y], "prove logits(M, {Y[0], Y[0] + 3})[0, 0] < 1000", "verdict proved\nwitness -", "enumerate"), files, False
    yield "output of a model of tokens", certificate([M], "prove output(M, {0, 1})[0, 0] < 1000", "verdict proved\nwitness -", "enumerate"), files, False
    bad = w.X[1].replace("\nend\n", " 0\nend\n")
    yield "an array with a row too long", certificate([("data X", bad)], "count r in rows(X) : X[r, 0] < 99", counted(6, 6), "enumerate"), dict(w.files, **{"bad.arr": bad}), False


def breaks(w):
    """Canonical arrays with one defect, each under its own hash."""
    text = w.X[1]
    shapes = [("shape 6 3", x) for x in ("shape 3 6", "shape 18", "shape 6 3 1", "shape 06 3", "shape 6  3", "shape 0 3", "shape 7 3", "shape", "shapes 6 3", "shape 1 1 6 3")]
    for old, new in shapes + [("array 1", "array 2"), ("\nend\n", "\n"), ("\nend\n", "\nend"), ("\nend\n", "\nend\n\n"), ("\nend\n", "\r\nend\n"), ("0x1", "0X1"), ("p-", "p-0"), ("0x1", "0x2")]:
        other = text.replace(old, new, 1)
        if other == text:
            continue
        yield "array: %r for %r" % (new, old), certificate([("data X", other)], "count r in rows(X) : 0 == 0", counted(6, 6), "enumerate"), dict(w.files, **{"other.arr": other}), False


def cases(seeds=(1, 2, 3)):
    for seed in seeds:
        w = World(seed)
        for part in (counts(w), values(w), random_claims(w, 12), refused(w) if seed == 1 else (), breaks(w) if seed == 1 else ()):
            for name, text, files, good in part:
                yield "data %d: %s" % (seed, name), text, files, good
