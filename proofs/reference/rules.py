"""What each verdict asks (proofs/FORMAT.md, section 2) under the rules point, enumerate, separable, count and cells (section 3).
Rule count makes the tables (counting.py) or, for claims that they do not read and under float32, evaluates every binding, as under cells: an interval is accepted
when it contains what is found, however wide the lines `cell` would leave it."""
from copy import copy
from fractions import Fraction

import named
from averaging import Averaging
from certificate import Rejected
from counting import Counting
from edit import with_biases
from evaluate import Interpreter
from exchange import ExchangeableClaim
from linear import LinearInterpreter
from farkas import BoxClaim
from least import Least
from polynomial import RealClaim
from quadratic import EMPTY, BallClaim
from line import check_changes
from radius import Radii
from scans import Untabled, has_network
from symmetric import Asymmetric, check, weight
from values import ClaimError, Real, compare, ends, exact, vector


ONE_BY_ONE = 1 << 32        # bindings: more would take this checker weeks


def need(condition, message):
    if not condition:
        raise Rejected(message)


class Judge:
    """One certificate, the networks of its models and its data arrays. domain counts the bindings that were looked at, None under point."""

    def __init__(self, certificate, nets, data):
        self.c, self.s = certificate, certificate.statement
        self.domain, self.symmetry, self.exchange, self.no_tables = None, None, None, None
        if certificate.rule == "count":
            need(self.s.kind in ("count", "average"), "rule count only counts")
        if certificate.rule == "cells":
            need(not self.s.float32 and not data, "rule cells reads no data array, and takes real semantics only")
            words = [line.split(" ")[0] for line in certificate.cases]
            need(set(words) <= {"bounds", "fails", "split", "each", "counts", "open"}, "a line 'cell' that is none of bounds, fails, split, each, counts and open")
        self.counted_if = self.s.kind == "average" and choice(self.s.body)
        if certificate.rule in ("separable", "count"):
            need(not data, "rule separable reads no data array")
        if certificate.rule in ("separable", "count") and not self.enumerated():
            self.interpreter = LinearInterpreter(nets, self.s)
        else:
            names_bias = "bias(" in self.s.text               # then biases of attention are nodes of their own
            self.interpreter = Interpreter({m: with_biases(x) if names_bias else x for m, x in nets.items()}, self.s.float32, data)
        need(not (certificate.radii and self.s.float32), "radius: real semantics only")
        self.interpreter.radii = Radii(certificate.radii, nets).found
        check_changes(certificate.changes, self.interpreter)
        self.sources(nets)

    def enumerated(self):
        """Networks with other tensors or rows, and image sets: every binding is evaluated as under enumerate."""
        binds = self.s.body.parts[1] if self.s.kind == "prove" and self.s.forall is None and self.s.body.kind == "exists" else self.s.binds
        return any(word + "(" in self.s.text for word in ("replace", "blend", "patch", "ablate", "steer")) or any(s.kind == "image" for _, s in binds or [])

    def sources(self, nets):
        for model, _, _, tensors in self.c.sources:
            net = nets[model].tensors
            need([t[0] for t in tensors] == list(net), "a source does not list the tensors of the network")
            for name, shape, strides in tensors:
                if shape is not None:
                    need(shape == "x".join(str(n) for n in net[name].shape), "a source's shape is not the tensor's")
                    need(strides.count("x") == shape.count("x"), "a source's strides do not fit its shape")

    # bindings

    def environment(self, given, binds):
        """The environment of a BINDING, every value in its binder's set."""
        need([name for name, _ in given] == [name for name, _ in binds], "a binding does not name the binders in order")
        env = {}
        for (name, value), (_, s) in zip(given, binds):
            need(self.interpreter.contains(s, value, env), "the value of '%s' is not in its set" % name)
            env[name] = vector(value) if isinstance(value, tuple) else value
        return env

    def condition(self, env, where):
        return True if where is None else self.interpreter.condition(where, env)

    def every(self):
        """(environment, truth of the condition) of every binding whose condition is not false; of symmetric ones, those that stand for others (stands_for)."""
        self.domain = 0
        binds = self.looked_at(self.s.binds)
        self.few(binds)
        for env in self.interpreter.bindings(binds, {}):
            times = self.stands_for(env)
            self.domain += times
            c = self.condition(env, self.s.where) if times else False
            if c is not False:
                yield env, c

    def few(self, binds):
        """Refuses what would never end."""
        size = 1
        for _, s in binds:
            size *= self.interpreter.least_size(s)
        need(size <= ONE_BY_ONE, "this checker would evaluate %d bindings one by one, it takes at most %d%s; weightproof-check decides it"
             % (size, ONE_BY_ONE, " (no tables: %s)" % self.no_tables if self.no_tables else ""))

    def stands_for(self, env):
        times = weight(list(env[self.symmetry.slot]), self.symmetry.positions) if self.symmetry else 1
        return times * self.exchange.weight(env[self.exchange.slot]) if times and self.exchange else times

    def looked_at(self, binds):
        return self.exchange.binds(binds) if self.exchange else binds

    def has_symmetry(self):
        return bool(self.c.symmetric or self.c.exchangeable)

    def find_symmetry(self, binds, *parts):
        """The lines `symmetric` and `exchangeable` of the certificate, for the claim that has these binders and parts."""
        need(self.s.kind != "list", "a line 'symmetric' or 'exchangeable' is out of place")
        word = "symmetric"
        try:
            if self.c.symmetric:
                self.symmetry = check(self.c.symmetric, self.interpreter, binds, parts)
            word = "exchangeable"
            if self.c.exchangeable:
                self.exchange = ExchangeableClaim(self.c.exchangeable, self.c.symmetric, self.interpreter)
                self.exchange.check(binds, parts)
        except (Asymmetric, ClaimError) as why:
            raise Rejected("%s: %s" % (word, why))

    # verdicts

    def lines(self, **expected):
        """Exactly these lines are there."""
        for name in ("number", "total", "value", "attains", "witness", "counterexample", "complete"):
            there = getattr(self.c, name) is not None
            need(there == expected.get(name, False), "a line '%s' is %s" % (name, "out of place" if there else "missing"))
        need(not self.c.items or expected.get("complete", False), "an item is out of place")

    def judge(self):
        if self.has_symmetry() and not self.refutes_exists():
            self.find_symmetry(self.s.binds, self.s.where, self.s.body)
        if self.c.rule == "quadratic":
            self.judge_balls()
        elif self.c.rule == "farkas":
            self.judge_box()
        elif self.c.rule == "polynomial":
            need(self.s.kind == "prove" and self.c.verdict in ("proved", "refuted", "vacuous"), "rule polynomial decides no such claim")
            self.lines(witness=self.c.verdict == "proved", counterexample=self.c.verdict == "refuted")
            RealClaim(self.s, self.interpreter).judge(self.c)
        elif self.c.verdict == "vacuous" and self.s.kind != "count":
            self.lines()
            need(self.c.rule == "enumerate", "vacuous asks for rule enumerate")
            need(not any(True for _ in self.every()), "a binding satisfies the condition, or may")
        else:
            getattr(self, "judge_" + self.s.kind)()

    def judge_prove(self):
        c, s = self.c, self.s
        need(c.verdict in ("proved", "refuted"), "not a verdict of prove")
        closed = s.forall is None
        if c.verdict == "proved":
            self.lines(witness=True)
        else:
            self.lines(counterexample=c.rule == "point")
        if c.rule != "point":
            return self.proved_everywhere() if c.verdict == "proved" else self.refuted_closed()
        if c.verdict == "refuted":
            env = self.environment(c.counterexample, s.binds)
            need(self.condition(env, s.where) is True, "the counterexample does not satisfy the condition")
            need(self.interpreter.settle(s.body, env) is False, "the predicate is not false at the counterexample")
        else:
            need(closed and s.body.kind == "exists", "rule point proves only a closed claim that is 'exists'")
            body, binds, where = s.body.parts
            env = self.environment(c.witness, binds)
            need(self.condition(env, where) is True, "the witness does not satisfy the condition")
            need(self.interpreter.settle(body, env) is True, "the predicate is not true at the witness")

    def proved_everywhere(self):
        s = self.s
        need(s.forall is not None or self.c.rule == "enumerate", "rule separable proves no closed claim")
        for env, _ in self.every():
            need(self.interpreter.settle(s.body, env) is True, "the predicate is not true at %s" % shown(env, s.binds))
        env = self.environment(self.c.witness, s.binds)
        need(self.condition(env, s.where) is True, "the witness does not satisfy the condition")
        body = s.body
        while body.kind == "binary" and body.parts[0] == "=>":
            need(self.interpreter.settle(body.parts[1], env) is True, "the witness does not satisfy an antecedent")
            body = body.parts[2]

    def refutes_exists(self):
        s = self.s
        return s.kind == "prove" and s.forall is None and s.body.kind == "exists" and self.c.verdict == "refuted"

    def refuted_closed(self):
        need(self.s.forall is None, "only a closed claim is refuted so")
        self.domain = 1
        if self.has_symmetry():
            body, binds, where = self.s.body.parts
            self.find_symmetry(binds, where, body)
            for env in self.interpreter.bindings(self.looked_at(binds), {}):
                if self.stands_for(env) and self.condition(env, where) is not False:
                    need(self.interpreter.settle(body, env) is False, "the predicate is not false at %s" % shown(env, binds))
            self.domain = (self.symmetry or self.exchange).total
            return
        if self.s.body.kind == "exists":
            self.few(self.s.body.parts[1])
        need(self.interpreter.settle(self.s.body, {}) is False, "the predicate is not false")

    def judge_box(self):
        """Rule farkas: forall and exists over a box, and optima."""
        c, s = self.c, self.s
        optimum = s.kind in ("minimize", "maximize")
        need(optimum or s.kind == "prove", "rule farkas proves, refutes and bounds optima")
        if c.verdict == "vacuous" or not optimum:
            need(c.verdict in ("proved", "refuted", "vacuous"), "not a verdict of prove")
            self.lines(witness=c.verdict == "proved", counterexample=c.verdict == "refuted" and s.forall is not None)
            return BoxClaim(s, self.interpreter).judge(c, self.environment)
        self.lines(value=True, attains=True)
        need(c.value[0] <= c.value[1], "the interval is empty")
        BoxClaim(s, self.interpreter).optimum(c, 1 if s.kind == "minimize" else -1, self.environment)
        self.by_value()

    def judge_balls(self):
        """Rule quadratic: forall and all{} over a ball here, a count with the other counts."""
        c, s = self.c, self.s
        need(s.kind in ("prove", "count"), "rule quadratic decides no such claim")
        if s.kind == "count":
            return self.judge_count()
        universal = s.forall is not None
        need(c.verdict in ("proved", "refuted") or (c.verdict == "vacuous" and universal), "not a verdict of prove")
        self.lines(witness=c.verdict == "proved", counterexample=c.verdict == "refuted" and universal)
        claim = BallClaim(s, self.interpreter)
        if c.verdict == "refuted" and universal:
            need(not c.cases, "a line 'case' is out of place")
            env, d = claim.point(c.counterexample, self.environment)
            need(claim.condition(env) is True, "the counterexample does not satisfy the condition")
            need(claim.fails(env, d), "the predicate is not false at the counterexample")
            return
        truths = list(self.cases(claim))
        if c.verdict == "vacuous":
            need(not truths, "a binding satisfies the condition, or may")
        elif c.verdict == "refuted":
            need((True, False) in truths, "no case fails")
        else:
            need(all(truth is True for _, truth in truths), "a case is not proved")
            need(not universal or self.domain, "the domain is empty")
            if not universal:
                return need(c.witness == [], "the witness of a closed claim is -")
            env, d = claim.point(c.witness, self.environment)
            need(claim.condition(env) is True, "the witness does not satisfy the condition")
            claim.inside(env, d)

    def cases(self, claim):
        """(condition, truth of the predicate on the whole ball) of every binding whose condition is not false, by its line."""
        lines, self.domain = list(self.c.cases), 0
        for env in self.interpreter.bindings(claim.outer, {}):
            self.domain += 1
            condition = claim.condition(env)
            if condition is not False:
                need(lines, "a line 'case' is missing")
                truth = claim.case(lines, env)
                if truth != EMPTY:
                    yield condition, truth
        need(not lines, "a line 'case' too many")

    def tabled(self):
        """Rule count by its tables; None for claims that they do not read."""
        named.trees(self.c.parts)
        if not isinstance(self.interpreter, LinearInterpreter):
            return None
        try:
            answer = Counting(self.interpreter, self.s, *self.c.bins, self.c.parts).count()
        except Untabled as why:
            self.no_tables = why
            return None
        self.domain = answer[2]
        return answer[:2]

    def counted(self):
        """Every binding, or every line 'case'."""
        s, number, total = self.s, [0, 0], [0, 0]
        if self.c.rule == "quadratic":
            found = ((condition, truth, 1) for condition, truth in self.cases(BallClaim(s, self.interpreter)))
        else:
            found = ((condition, self.interpreter.settle(s.body, env), self.stands_for(env)) for env, condition in self.every())
        for condition, truth, times in found:
            total = [total[0] + times * (condition is True), total[1] + times]
            number = [number[0] + times * (condition is True and truth is True), number[1] + times * (truth is not False)]
        return number, total

    def judge_count(self):
        c, s = self.c, self.s
        self.lines(number=True, total=True)
        need(c.rule != "point", "rule point does not count")
        number, total = (self.tabled() if c.rule == "count" else None) or self.counted()
        for found, claimed, name in ((number, c.number, "number"), (total, c.total, "total")):
            need(claimed[0] <= found[0] and found[1] <= claimed[1],
                 "%s is in [%d, %d], not in [%d, %d]" % ((name,) + tuple(found) + claimed))
        if c.verdict == "vacuous":
            need(c.total == (0, 0) and c.number == (0, 0), "not vacuous")
            return
        need(c.total[0] >= 1, "total may be 0")
        fraction = Fraction(c.number[0], c.total[1]), min(Fraction(1), Fraction(c.number[1], c.total[0]))
        if s.prove is None:
            need(c.verdict == "bounded", "not the verdict of a count")
            single = c.number[0] == c.number[1] and c.total[0] == c.total[1]
            need(single or (s.within is not None and fraction[1] - fraction[0] <= s.within.parts[0]), "the interval is too wide")
        else:
            self.by_prove(number=c.number, total=c.total, fraction=fraction)

    def by_prove(self, **intervals):
        env = {}
        for name, (lo, hi) in intervals.items():
            env[name] = lo if lo == hi else Real(Fraction(lo), Fraction(hi))
        truth = self.interpreter.settle(self.s.prove, env)
        wanted = {"proved": True, "refuted": False}.get(self.c.verdict)
        need(wanted is not None and truth is wanted, "the prove line is not %s for every number in the interval" % self.c.verdict)

    def by_value(self):
        """The verdict of average, minimize, maximize from the certified interval."""
        lo, hi = self.c.value
        need(lo <= hi, "the interval is empty")
        if self.s.prove is not None:
            return self.by_prove(value=(lo, hi))
        need(self.c.verdict == "bounded", "not a verdict of this claim")
        within = Fraction(1, 1000000) if self.s.within is None else self.s.within.parts[0]
        need(hi - lo <= within, "the interval is too wide")

    def judge_average(self):
        self.lines(value=True)
        if self.c.rule != "enumerate":
            need(self.c.rule in ("separable", "count"), "an average asks for rule enumerate, separable or count")
            low, high = self.average_of_count() if self.counted_if else self.average_of_form()
            need(self.c.value[0] <= low and high <= self.c.value[1], "the mean is not in the interval")
            return self.by_value()
        envs = []
        for env, condition in self.every():
            need(condition is True, "the condition is unsettled at %s" % shown(env, self.s.binds))
            envs.append(env)
        need(envs, "no binding satisfies the condition")
        lo, hi = self.c.value
        times = [self.stands_for(env) for env in envs]
        # the mean at growing precision, until it is inside or outside
        for bits in (64, 128, 256, 512):
            low = high = Fraction(0)
            for env, n in zip(envs, times):
                a, b = self.interpreter.enclose(self.s.body, env, lambda x: self.narrow(x, bits))
                low, high = low + n * a, high + n * b
            low, high = low / sum(times), high / sum(times)
            if lo <= low and high <= hi:
                return self.by_value()
            if high < lo or hi < low:
                break
        need(False, "the mean is not in the interval")

    def average_of_count(self):
        """Of `if P then a else b`, a and b numbers."""
        predicate, yes, no = self.s.body.parts
        yes, no, mean = Fraction(yes.parts[0]), Fraction(no.parts[0]), self.s
        self.s = copy(mean)
        self.s.body = predicate
        number, total = (self.tabled() if self.c.rule == "count" else None) or self.counted()
        self.s = mean
        need(total[0] == total[1] > 0, "no binding satisfies the condition, or it is unsettled")
        ends = [no + (yes - no) * Fraction(x, total[0]) for x in number]
        return min(ends), max(ends)

    def average_of_form(self):
        count = self.c.rule == "count"
        need(not count or not self.c.parts and (self.c.bins[0] == 1 or not self.s.float32), "an average of a minimum or maximum has no line `part`, and under float32 `bins 1 ENTER`")
        try:
            if not isinstance(self.interpreter, LinearInterpreter):
                raise Untabled("other tensors")
            low, high, total, self.domain = (Least if count else Averaging)(self.interpreter, self.s, *(self.c.bins if count else (0, 0))).mean()
        except Untabled as why:
            self.no_tables = why
            self.interpreter = Interpreter({m: x.net for m, x in self.interpreter.models.items()}, self.s.float32)
            low, high, total = Fraction(0), Fraction(0), 0
            for env, condition in self.every():
                need(condition is True, "the condition is unsettled at %s" % shown(env, self.s.binds))
                a, b = self.interpreter.enclose(self.s.body, env, lambda x: self.narrow(x, 64))
                low, high, total = low + a, high + b, total + 1
        need(total > 0, "no binding satisfies the condition")
        return low / total, high / total

    def narrow(self, x, bits):
        """The ends of x once the interpreter's precision is at least `bits`."""
        return ends(x) if exact(x) or self.interpreter.p >= bits else None

    def judge_minimize(self):
        self.optimum(1)

    def judge_maximize(self):
        self.optimum(-1)

    def optimum(self, sign):
        """sign 1: LO <= value everywhere, value <= HI at attains; -1: mirrored."""
        self.lines(value=True, attains=True)
        need(self.c.rule != "point", "rule point does not minimize")
        lo, hi = self.c.value
        for env, _ in self.every():
            bound = self.side(env, lo, 1) if sign > 0 else self.side(env, hi, -1)
            need(bound is True, "the value at %s is not in the interval" % shown(env, self.s.binds))
        env = self.environment(self.c.attains, self.s.binds)
        need(self.condition(env, self.s.where) is True, "attains does not satisfy the condition")
        reached = self.side(env, hi, -1) if sign > 0 else self.side(env, lo, 1)
        need(reached is True, "attains does not attain")
        self.by_value()

    def side(self, env, limit, sign):
        """Whether value >= limit (sign 1) or value <= limit (sign -1)."""
        return self.interpreter.enclose(self.s.body, env, lambda x: compare(">=" if sign > 0 else "<=", x, limit))

    def judge_list(self):
        c, s = self.c, self.s
        self.lines(complete=True)
        need(c.verdict == "bounded" and s.prove is None, "not a verdict of list")
        need(s.at_most is None or len(c.items) <= s.at_most, "more items than asked for")
        for item in c.items:
            env = self.environment(item, s.binds)
            need(self.condition(env, s.where) is True and self.interpreter.settle(s.body, env) is True, "an item does not satisfy the claim")
        if not c.complete:
            need(c.rule == "point" and s.at_most == len(c.items) and c.items, "the list is not as long as asked for")
            return
        need(c.rule != "point", "rule point does not complete a list")
        found, some = 0, False
        for env, condition in self.every():
            truth = self.interpreter.settle(s.body, env)
            need(truth is False or (condition is True and truth is True), "unsettled at %s" % shown(env, s.binds))
            some, found = some or condition is True, found + (truth is True)
        need(some, "no binding satisfies the condition")
        need(found == len(c.items), "%d bindings satisfy the claim, %d are listed" % (found, len(c.items)))


def choice(e):
    """Is it `if P then a else b`, P of the network, a and b numbers?"""
    return e.kind == "if" and has_network(e.parts[0]) and e.parts[1].kind == e.parts[2].kind == "num"


def shown(env, binds):
    parts = []
    for name, _ in binds:
        x = env[name]
        parts.append("%s=%s" % (name, x if exact(x) else ",".join(str(y) for y in x) + ("," if x.shape[0] == 1 else "")))
    return " ".join(parts) or "-"
