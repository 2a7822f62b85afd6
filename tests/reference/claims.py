"""Claims about tiny networks with their truth by brute force in doubles (clear margins, or exact twins), and certificates of them.

A Claim holds the statement's pieces next to Python functions that mean the same. oracle(claim, fields) says whether a
certificate with these fields is true: True, False, or None when a margin is too thin to say in doubles.
"""
import hashlib
import itertools
import re
from fractions import Fraction

THIN = 1e-9
ERROR = "error"


class Claim:
    def __init__(self, kind, models, binders=(), body="", fn=None, where=None, closed=False, within=None, prove=None, at_most=None,
                 float32=False, separable=False, thin=THIN, antecedent=None):
        """models [(name, Tiny)]; separable: whether the rule takes it, None for perhaps;
        binders [(name, set text, function of the earlier values)]; body, where (text) and fn, where[1]
        (functions of the values; fn gives a truth value, a margin wrapped in Margin, or a number); prove (text, function)."""
        self.kind, self.models, self.binders, self.body, self.fn = kind, list(models), list(binders), body, fn
        self.where, self.closed, self.within, self.prove, self.at_most = where, closed, within, prove, at_most
        self.float32, self.separable, self.thin, self.antecedent = float32, separable, thin, antecedent
        self.rows = None

    def with_(self, **changes):
        """A copy with other pieces."""
        import copy
        other = copy.copy(self)
        other.rows = None
        for name, value in changes.items():
            assert hasattr(other, name)
            setattr(other, name, value)
        return other

    def text(self):
        binds = ", ".join("%s in %s" % (name, s) for name, s, _ in self.binders)
        if self.where:
            binds += " where " + self.where[0]
        out = ["weightproof-statement 1"] + ["model %s %s" % (name, net.sha256()) for name, net in self.models]
        out.append("semantics " + ("float32" if self.float32 else "real"))
        if self.kind == "prove":
            if self.closed and self.binders:
                out.append("prove exists %s : %s" % (binds, self.body))
            else:
                out += ["forall " + binds] * bool(self.binders) + ["prove " + self.body]
        else:
            out.append("%s %s : %s%s" % (self.kind, binds, self.body, "" if self.at_most is None else " at most %d" % self.at_most))
        if self.within is not None:
            out.append("within %s" % self.within)
        if self.prove:
            out.append("prove " + self.prove[0])
        return "\n".join(out) + "\n"

    def bindings(self, given=()):
        if len(given) == len(self.binders):
            yield given
            return
        for x in self.binders[len(given)][2](*given):
            yield from self.bindings(given + (x,))

    def table(self):
        """[(values, condition, truth or number)]; truth None when it is thin."""
        if self.rows is None:
            self.rows = []
            for given in self.bindings():
                condition = True if not self.where else self.where[1](*given)
                try:
                    value = self.fn(*given) if condition else None
                except IndexError:                     # tokens that the network does not have: an error of the claim
                    value = ERROR
                self.rows.append((given, condition, self.truth(value)))
        return self.rows

    def truth(self, value):
        """A margin m means m > 0; within the thin zone it is unknown."""
        if isinstance(value, Margin):
            return None if abs(value.m) < self.thin else value.m > 0
        return value


class Margin:
    def __init__(self, m):
        self.m = m


def less_all(terms):
    """The margin of "every term is positive"."""
    return Margin(min(terms))


def shown(names, given):
    parts = []
    for name, x in zip(names, given):
        parts.append("%s=%s" % (name, x if isinstance(x, int) else ",".join(map(str, x)) + ("," if len(x) == 1 else "")))
    return " ".join(parts) or "-"


def canonical(x):
    x = Fraction(x)
    return str(x.numerator) if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)


class Fields:
    """The fields of a certificate; None where a line is absent. Bindings are tuples of values."""

    def __init__(self, verdict, rule, number=None, total=None, value=None, attains=None, witness=None, counterexample=None, items=(), complete=None):
        self.verdict, self.rule, self.number, self.total, self.value = verdict, rule, number, total, value
        self.attains, self.witness, self.counterexample, self.items, self.complete = attains, witness, counterexample, list(items), complete

    def with_(self, **changes):
        import copy
        other = copy.copy(self)
        for name, v in changes.items():
            assert hasattr(other, name)
            setattr(other, name, v)
        return other


def seal(body):
    return body + "sha256 %s\n" % hashlib.sha256(body.encode()).hexdigest()


def resealed(text):
    """A certificate that was changed, with its own sum in place of the old one."""
    return seal(text[:text.rindex("sha256 ")])


def recounted(text, by):
    """A certificate of a count with so many more."""
    return resealed(re.sub(r"^number (\d+) (\d+)$", lambda m: "number %d %d" % (int(m.group(1)) + by, int(m.group(2)) + by), text, flags=re.M))


def valued(text, lo, hi):
    """A certificate of an average, a smallest or a largest value with another interval."""
    return resealed(re.sub(r"^value .*$", "value %s %s" % (lo, hi), text, flags=re.M))


def value_of(text):
    """The interval of such a certificate."""
    return [Fraction(x) for x in re.search(r"^value (\S+) (\S+)$", text, re.M).groups()]


def certificate(claim, f, statement=None):
    out = ["weightproof-certificate 1", "statement"] + ["| " + x for x in (statement or claim.text()).splitlines()] + ["verdict " + f.verdict]
    names = [name for name, _, _ in claim.binders]
    for name in ("number", "total"):
        if getattr(f, name) is not None:
            out.append("%s %d %d" % ((name,) + tuple(getattr(f, name))))
    if f.value is not None:
        out.append("value %s %s" % (canonical(f.value[0]), canonical(f.value[1])))
    for name in ("attains", "witness", "counterexample"):
        if getattr(f, name) is not None:
            out.append("%s %s" % (name, shown(names, getattr(f, name))))
    out += ["item " + shown(names, x) for x in f.items]
    if f.complete is not None:
        out.append("complete " + ("yes" if f.complete else "no"))
    return seal("\n".join(out + ["rule " + f.rule] + (["bins 3 0"] if f.rule == "count" else []) + ["end"]) + "\n")


# what a certificate of these fields asks, in doubles

def all3(values):
    values = list(values)
    return False if False in values else None if None in values else True


def known(x, y, op):
    """x op y for a double x and an exact y."""
    y = float(y)
    return None if abs(x - y) < THIN else (x > y) == (op == ">")


def oracle(claim, f):
    if f.rule == "count" and claim.kind != "count":
        return False
    if f.rule in ("separable", "count") and not claim.separable:
        return claim.separable
    table = claim.table()
    if any(x is ERROR for _, _, x in table):
        if claim.closed:                               # an `exists` may be settled before the error is reached
            return None
        if f.rule != "point":
            return False
        table = [row for row in table if row[2] is not ERROR]
    if f.verdict == "vacuous" and claim.kind != "count":
        return f.rule == "enumerate" and not any(c for _, c, _ in table) and lines_are(f)
    return globals()["oracle_" + claim.kind](claim, f, table)


def lines_are(f, *names):
    there = {x for x in ("number", "total", "value", "attains", "witness", "counterexample", "complete") if getattr(f, x) is not None}
    return there == set(names) and (not f.items or "complete" in names)


def at(table, given):
    for values, c, truth in table:
        if given is not None and values == tuple(given):
            return c, truth
    return False, None


def oracle_prove(claim, f, table):
    exists = claim.closed and claim.binders
    if f.verdict == "proved":
        if exists:
            if f.rule == "point":
                c, truth = at(table, f.witness)
                return all3([lines_are(f, "witness"), c, truth])
            return all3([lines_are(f, "witness"), f.witness == (), f.rule == "enumerate", not all3(not x if x is not None else None for _, c, x in table if c)])
        if f.rule == "point" or not lines_are(f, "witness"):
            return False
        c, truth = at(table, f.witness)
        if claim.antecedent and c:
            c = claim.antecedent(*f.witness)
        return all3([c] + [x for _, good, x in table if good])
    if f.verdict != "refuted":
        return False
    if f.rule == "point":
        if exists:
            return all3([lines_are(f, "counterexample"), f.counterexample == ()] + [not x if x is not None else None for _, c, x in table if c])
        c, truth = at(table, f.counterexample)
        return all3([lines_are(f, "counterexample"), c, None if truth is None else not truth])
    if not lines_are(f) or (claim.binders and not claim.closed):
        return False
    return all3(None if x is None else not x for _, c, x in table if c)


def oracle_count(claim, f, table):
    if not lines_are(f, "number", "total") or f.rule == "point":
        return False
    total = sum(c for _, c, _ in table)
    if any(c and x is None for _, c, x in table):
        return None
    number = sum(bool(c and x) for _, c, x in table)
    inside = f.number[0] <= number <= f.number[1] and f.total[0] <= total <= f.total[1]
    if not inside:
        return False
    if f.verdict == "vacuous":
        return tuple(f.total) == (0, 0) and tuple(f.number) == (0, 0)
    if f.total[0] < 1:
        return False
    fraction = Fraction(f.number[0], f.total[1]), min(Fraction(1), Fraction(f.number[1], f.total[0]))
    if claim.prove:
        return {"proved": True, "refuted": False}.get(f.verdict, 0) is claim.prove[1](f.number, f.total, fraction)
    narrow = (f.number[0] == f.number[1] and f.total[0] == f.total[1]) or (
        claim.within is not None and fraction[1] - fraction[0] <= Fraction(claim.within))
    return f.verdict == "bounded" and narrow


def by_value(claim, f):
    if f.value[0] > f.value[1]:
        return False
    if claim.prove:
        return {"proved": True, "refuted": False}.get(f.verdict, 0) is claim.prove[1](f.value)
    return f.verdict == "bounded" and f.value[1] - f.value[0] <= Fraction(claim.within or "1/1000000")


def oracle_average(claim, f, table):
    if not lines_are(f, "value") or f.rule != "enumerate":
        return False
    values = [x for _, c, x in table if c]
    if not values:
        return False
    mean = sum(values) / len(values)
    return all3([by_value(claim, f), known(mean, f.value[0], ">"), known(mean, f.value[1], "<")])


def oracle_minimize(claim, f, table):
    if not lines_are(f, "value", "attains") or f.rule == "point":
        return False
    low = min((x for _, c, x in table if c), default=0.0)
    c, x = at(table, f.attains)
    return all3([c, by_value(claim, f), known(low, f.value[0], ">"), c and known(x, f.value[1], "<")])


def oracle_maximize(claim, f, table):
    if not lines_are(f, "value", "attains") or f.rule == "point":
        return False
    high = max((x for _, c, x in table if c), default=0.0)
    c, x = at(table, f.attains)
    return all3([c, by_value(claim, f), known(high, f.value[1], "<"), c and known(x, f.value[0], ">")])


def oracle_list(claim, f, table):
    if not lines_are(f, "complete") or f.verdict != "bounded" or claim.prove:
        return False
    key = [[x if isinstance(x, tuple) else (x,) for x in item] for item in f.items]
    if any(not a < b for a, b in zip(key, key[1:])):
        return False
    good = [at(table, item) for item in f.items]
    if claim.at_most is not None and len(f.items) > claim.at_most:
        return False
    if not f.complete:
        return all3([f.rule == "point", claim.at_most == len(f.items), len(f.items) > 0] + [c and x for c, x in good])
    truths = [x for _, c, x in table if c]
    return all3([f.rule != "point", len(truths) > 0] + [c and x for c, x in good] + [None if None in truths else sum(truths) == len(f.items)])


# the golden fields of a claim

def fields(claim, rule="enumerate"):
    """True fields for the claim, or None when the table is too thin."""
    table = claim.table()
    holding = [(b, x) for b, c, x in table if c]
    if any(x is None for _, x in holding):
        return None
    if not holding and claim.kind != "count":
        return Fields("vacuous", "enumerate")
    return globals()["fields_" + claim.kind](claim, rule, holding)


def fields_prove(claim, rule, holding):
    exists = claim.closed and claim.binders
    good, bad = [b for b, x in holding if x], [b for b, x in holding if not x]
    if exists:
        return Fields("proved", "point", witness=good[0]) if good else Fields("refuted", rule)
    if bad:
        return Fields("refuted", "point", counterexample=bad[0]) if claim.binders else Fields("refuted", rule)
    good = [b for b in good if not claim.antecedent or claim.antecedent(*b)]
    return Fields("proved", rule, witness=good[0]) if good else None


def fields_count(claim, rule, holding):
    number, total = sum(x for _, x in holding), len(holding)
    f = Fields("bounded", rule, number=(number, number), total=(total, total))
    if total == 0:
        f.verdict = "vacuous"
    elif claim.prove:
        truth = claim.prove[1](f.number, f.total, (Fraction(number, total),) * 2)
        f.verdict = {True: "proved", False: "refuted"}[truth]
    return f


def grid(x, up):
    """A multiple of 2^-26 clear of x."""
    return Fraction(int(x * 2 ** 26 // 1) + (4 if up else -3), 2 ** 26)


def by_verdict(claim, f):
    if claim.prove:
        f.verdict = {True: "proved", False: "refuted", None: None}[claim.prove[1](f.value)]
    return f if f.verdict else None


def fields_average(claim, rule, holding):
    mean = sum(x for _, x in holding) / len(holding)
    return by_verdict(claim, Fields("bounded", "enumerate", value=(grid(mean, False), grid(mean, True))))


def fields_minimize(claim, rule, holding):
    b, low = min(holding, key=lambda pair: pair[1])
    return by_verdict(claim, Fields("bounded", rule, value=(grid(low, False), grid(low, True)), attains=b))


def fields_maximize(claim, rule, holding):
    b, high = max(holding, key=lambda pair: pair[1])
    return by_verdict(claim, Fields("bounded", rule, value=(grid(high, False), grid(high, True)), attains=b))


def fields_list(claim, rule, holding):
    items = sorted((b for b, x in holding if x), key=lambda b: [x if isinstance(x, tuple) else (x,) for x in b])
    if claim.at_most is not None and len(items) > claim.at_most:
        return Fields("bounded", "point", items=items[:claim.at_most], complete=False)
    return Fields("bounded", rule, items=items, complete=True)


def power(values, n):
    return list(itertools.product(values, repeat=n))
