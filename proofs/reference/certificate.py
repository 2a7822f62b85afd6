"""Reader of certificates (proofs/FORMAT.md, section 1). Meaning is judged in rules.py."""
import hashlib
import re
from fractions import Fraction

from statement import StatementError, read_statement

INTEGER = re.compile(r"(0|-?[1-9][0-9]*)\Z")
NATURAL = re.compile(r"(0|[1-9][0-9]*)\Z")
RATIONAL = re.compile(r"(0|-?[1-9][0-9]*)(?:/([1-9][0-9]*))?\Z")
HASH = re.compile(r"[0-9a-f]{64}\Z")
DTYPES = set("F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL".split())


class Rejected(Exception):
    """Why a certificate is not accepted."""


class Certificate:
    """statement, verdict, number, total, value (pairs or None), attains, witness, counterexample, items (lists of
    (name, int or tuple)), complete (True, False, None), rule, symmetric (positions or None), exchangeable [(positions, tokens)], cases, radii, changes (the rest of each line `case`, `radius`, `changes`), sources [(model, file, config, tensors)], sha256."""


def rational(text):
    found = RATIONAL.match(text)
    if not found:
        return None
    x = Fraction(int(found.group(1)), int(found.group(2) or 1))
    shown = str(x.numerator) if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)
    return x if shown == text else None


def binding(text):
    """NAME=V NAME=V ... as a list of pairs, or None."""
    if text == "-":
        return []
    out = []
    for part in text.split(" "):
        name, equals, value = part.partition("=")
        if not equals or not re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", name):
            return None
        if "," not in value:
            x = rational(value)
            if x is None:
                return None
            out.append((name, x.numerator if x.denominator == 1 else x))
            continue
        entries = value.split(",")
        if len(entries) == 2 and entries[1] == "":
            entries = entries[:1]
        values = [rational(x) for x in entries]
        if None in values:
            return None
        out.append((name, tuple(x.numerator if x.denominator == 1 else x for x in values)))
    return out


def order(item):
    """Sort key: the values in the order of the binders."""
    return [x if isinstance(x, tuple) else (x,) for name, x in item]


class Reader:
    def __init__(self, data):
        self.n = 0
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            raise Rejected("line 0: not ASCII")
        self.need(text.endswith("\n"), "the file does not end in a line end")
        self.lines = text[:-1].split("\n")
        self.data = data

    def need(self, condition, message):
        if not condition:
            raise Rejected("line %d: %s" % (self.n, message))

    def line(self, start):
        """The rest of the next line if it starts like that, else None."""
        if self.n < len(self.lines) and self.lines[self.n].startswith(start):
            self.n += 1
            return self.lines[self.n - 1][len(start):]
        return None

    def exactly(self, text):
        self.need(self.line(text) == "", "expected '%s'" % text)

    def pair(self, name, read, message):
        rest = self.line(name + " ")
        if rest is None:
            return None
        parts = [read(x) for x in rest.split(" ")]
        self.need(len(parts) == 2 and None not in parts, message)
        return tuple(parts)

    def one_binding(self, name):
        rest = self.line(name + " ")
        if rest is None:
            return None
        found = binding(rest)
        self.need(found is not None, "not a binding")
        return found

    def read(self):
        c = Certificate()
        c.sha256 = hashlib.sha256(self.data).hexdigest()
        self.check_hash()
        self.exactly("weightproof-certificate 1")
        self.exactly("statement")
        text = ""
        while True:
            rest = self.line("| ")
            if rest is None:
                break
            text += rest + "\n"
        try:
            c.statement = read_statement(text)
        except StatementError as why:
            raise Rejected("line %d: %s" % (self.n, why))
        c.verdict = self.line("verdict ")
        self.need(c.verdict in ("proved", "refuted", "bounded", "vacuous"), "unknown verdict")

        def natural(x):
            return int(x) if NATURAL.match(x) else None

        c.number = self.pair("number", natural, "expected two integers")
        c.total = self.pair("total", natural, "expected two integers")
        c.value = self.pair("value", rational, "expected two numbers")
        c.attains = self.one_binding("attains")
        c.witness = self.one_binding("witness")
        c.counterexample = self.one_binding("counterexample")
        c.items = []
        while True:
            item = self.one_binding("item")
            if item is None:
                break
            self.need(not c.items or order(c.items[-1]) < order(item), "items are not in increasing order")
            c.items.append(item)
        rest = self.line("complete ")
        self.need(rest in (None, "yes", "no"), "complete is yes or no")
        c.complete = None if rest is None else rest == "yes"
        c.rule = self.line("rule ")
        self.need(c.rule in ("point", "enumerate", "separable", "count", "quadratic", "farkas", "cells", "polynomial"), "unknown rule")
        c.cases = []
        while c.rule in ("quadratic", "cells"):
            rest = self.line("cell " if c.rule == "cells" else "case ")
            if rest is None:
                break
            c.cases.append(rest)
        c.steps = []
        while c.rule == "farkas":
            rest = self.line("step ")
            if rest is None:
                break
            c.steps.append(rest)
        c.sums, c.cones = [], []
        for word, lines in (("sum ", c.sums), ("cone ", c.cones)):
            rest = self.line(word) if c.rule == "polynomial" else None
            while rest is not None:
                lines.append(rest)
                rest = self.line(word)
        c.parts = []
        while c.rule == "count":
            rest = self.line("part ")
            if rest is None:
                break
            c.parts.append(rest)
        c.bins = self.pair("bins", natural, "expected two integers") if c.rule == "count" else None
        self.need(c.rule != "count" or (c.bins is not None and 1 <= c.bins[0] <= 65535 and c.bins[1] < 2 ** 126), "line 'bins' expected")
        c.symmetric = self.rising(self.line("symmetric ") if c.rule == "enumerate" else None, 2)
        c.exchangeable = []
        while c.rule == "enumerate":
            rest = self.line("exchangeable ")
            if rest is None:
                break
            words = rest.split(" ")
            self.need(len(words) == 2, "positions and tokens are asked for")
            c.exchangeable.append((self.rising(words[0], 1), self.rising(words[1], 2)))
        c.radii = []
        while c.rule in ("point", "enumerate"):
            rest = self.line("radius ")
            if rest is None:
                break
            c.radii.append(rest)
        c.changes = []
        while c.rule in ("point", "enumerate"):
            rest = self.line("changes ")
            if rest is None:
                break
            c.changes.append(rest)
        c.sources = []
        while self.source(c):
            pass
        self.exactly("end")
        self.need(self.n == len(self.lines) - 1, "text after the end")
        return c

    def rising(self, rest, least):
        """At least so many integers, rising; None without the line."""
        if rest is None:
            return None
        words = rest.split(",")
        self.need(len(words) >= least and all(NATURAL.match(x) and len(x) <= 8 for x in words), "%d or more integers are asked for" % least)
        found = [int(x) for x in words]
        self.need(all(a < b for a, b in zip(found, found[1:])), "the integers do not rise")
        return found

    def check_hash(self):
        self.n = len(self.lines)
        last = self.lines[-1]
        self.need(last.startswith("sha256 ") and HASH.match(last[7:]), "the last line is not a hash")
        body = self.data[:len(self.data) - len(last) - 1]
        self.need(hashlib.sha256(body).hexdigest() == last[7:], "the hash is not that of the certificate")
        self.n = 0

    def source(self, c):
        rest = self.line("source ")
        if rest is None:
            return False
        words = rest.split(" ")
        self.need(len(words) == 3 and HASH.match(words[1]) and (words[2] == "-" or HASH.match(words[2])), "bad source")
        models = list(c.statement.models)
        self.need(words[0] in models, "the source of no model")
        self.need(not c.sources or models.index(c.sources[-1][0]) < models.index(words[0]), "sources are out of order")
        tensors = []
        while True:
            rest = self.line("tensor ")
            if rest is None:
                break
            t = rest.split(" ")
            self.need(len(t) == 5 and t[2] in DTYPES, "bad tensor")
            nothing = t[1] == "-" and t[3] == "-" and t[4] == "-"
            sizes = re.compile(r"(0|[1-9][0-9]*)(x(0|[1-9][0-9]*)){0,2}\Z")
            self.need(nothing or (NATURAL.match(t[1]) and sizes.match(t[3]) and sizes.match(t[4])), "bad tensor")
            tensors.append((t[0], None if nothing else t[3], t[4]))
        c.sources.append((words[0], words[1], words[2], tensors))
        return True


def read_certificate(data):
    return Reader(data).read()
