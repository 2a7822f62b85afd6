"""Rule farkas of proofs/FORMAT.md, section 3: predicates on a box of real inputs of a network, by cases and multipliers."""
import re
from fractions import Fraction

import curves
from certificate import rational
from disjuncts import Disjuncts, combined
from models import Model
from quadratic import NETWORK, calls, names
from pieces import Pieces, need
from values import Array, exact, integer

DEPTH = 4096            # cuts and splits inside each other
TERM = re.compile(r"([gqtabl])(0|[1-9][0-9]*):(.*)\Z")
OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


class Region:
    """ranges of inputs and units; lo[k] <= z[k] <= hi[k]; lines shown: (unit, above, slope, constant). Where a unit has no value somewhere `bad` says so; `empty`: some lo[k] > hi[k]."""

    def __init__(self, pieces, low, high, bits=curves.RANGE_BITS):
        self.pieces, self.bits, self.lo, self.hi, self.lines, self.bad, self.empty = pieces, bits, [], [], [], False, False
        self.ranges = {1: (1, 1), **{("x", i): pair for i, pair in enumerate(zip(low, high))}}
        self.propagate(0)

    def copy(self):
        other = Region.__new__(Region)
        other.pieces, other.bits, other.bad, other.empty = self.pieces, self.bits, self.bad, self.empty
        other.lo, other.hi, other.lines, other.ranges = list(self.lo), list(self.hi), list(self.lines), dict(self.ranges)
        return other

    def phase(self, k):
        if self.pieces.curve[k] != "relu":
            return "smooth"
        return "on" if self.lo[k] >= 0 else "off" if self.hi[k] <= 0 else "free"

    def bounded(self, k):
        """The range of unit k from the bounds of z[k]."""
        phase = self.phase(k)
        self.empty = self.empty or self.lo[k] > self.hi[k]
        if phase == "smooth" and self.empty:
            self.ranges["u", k] = (0, 0)
            return
        if phase != "smooth":
            self.ranges["u", k] = (0, 0) if phase == "off" else (self.lo[k] if phase == "on" else 0, self.hi[k])
            return
        try:
            self.ranges["u", k] = curves.span(self.pieces.curve[k], self.lo[k], self.hi[k], self.bits)
        except curves.NoRange:
            self.bad = True

    def ends(self, form):
        lo = hi = Fraction(0)
        for v, c in form.items():
            a, b = self.ranges[v]
            lo, hi = (lo + c * a, hi + c * b) if c > 0 else (lo + c * b, hi + c * a)
        return lo, hi

    def propagate(self, first):
        for k in range(first, len(self.pieces.z)):
            if self.bad:
                return
            lo, hi = self.ends(self.pieces.z[k])
            if k < len(self.lo):
                self.lo[k], self.hi[k] = max(lo, self.lo[k]), min(hi, self.hi[k])
            else:
                self.lo.append(lo)
                self.hi.append(hi)
            self.bounded(k)

    def narrowed(self, kind, k, low=None, high=None):
        """With one end of the range of an input, or of the bounds of a z, set."""
        self.bad = False
        if kind == "x":
            a, b = self.ranges["x", k]
            self.ranges["x", k] = (a if low is None else low, b if high is None else high)
        else:
            self.lo[k] = self.lo[k] if low is None else low
            self.hi[k] = self.hi[k] if high is None else high
            self.bounded(k)
        self.propagate(0 if kind == "x" else k + 1)
        return self


class BoxClaim(Disjuncts):
    need, read_by = staticmethod(need), "the vector"

    def __init__(self, s, interpreter):
        need(not s.float32, "real semantics only")
        some = s.kind == "prove" and s.forall is None
        need(not some or s.body.kind == "exists", "a closed claim that is not 'exists'")
        self.body, binds, self.where = s.body.parts if some else (s.body, s.binds, s.where)
        need(len(binds) == 1 or (binds and s.kind == "prove"), "not one variable")
        self.some, self.s, self.interpreter, self.outer = some, s, interpreter, binds[:-1]
        self.vector, self.box = binds[-1]
        need(self.box.kind == "box", "the last variable is not in a box")
        readers = [e for part in (self.body, self.where) for e in calls(part, []) if e.parts[0] in ("output", "node") and self.vector in names(e.parts[1][-1])]
        need(readers and readers[0].parts[1][0].kind == "name", "no activation of a network that reads the vector")
        self.model = readers[0].parts[1][0].parts[0]
        model = interpreter.models.get(self.model)
        need(isinstance(model, Model), "no network")
        self.pieces = Pieces(model.net)
        self.n, self.depth = model.net.real_width, 0

    def at_binding(self, env):
        """The box for values of the other variables."""
        self.env = env
        self.low, self.high = (self.corner(e) for e in self.box.parts)
        need(all(a <= b for a, b in zip(self.low, self.high)), "the box is empty")

    # exact values

    def plain(self, e):
        return self.vector not in names(e) and not any(x.parts[0] in NETWORK for x in calls(e, []))

    def corner(self, e):
        need(self.plain(e), "an exact vector was expected")
        x = self.interpreter.value(e, self.env)
        need(isinstance(x, Array) and x.shape == (self.n,) and all(exact(y) for y in x), "a corner of the box is no exact vector of the network's inputs")
        return [Fraction(y) for y in x]

    def number(self, e, env):
        need(self.plain(e), "an exact number was expected")
        x = self.interpreter.value(e, env)
        need(exact(x), "a number is not exact")
        return Fraction(x)

    # forms

    def is_vector(self, e):
        return e.kind == "name" and e.parts[0] == self.vector

    def table(self, e):
        need(e.kind == "call" and e.parts[0] in ("output", "node"), "not linear in activations of the network")
        arguments = e.parts[1]
        need(arguments[0].kind == "name" and arguments[0].parts[0] == self.model, "more than one network, or a patched one")
        need(self.is_vector(arguments[-1]), "the network reads something else than the vector of the box")
        name = self.pieces.net.output if e.parts[0] == "output" else arguments[1].parts[0] if arguments[1].kind == "string" else None
        need(name in self.pieces.rows, "no node of this name")
        return self.pieces.rows[name]

    def index(self, e, env, width):
        if e.kind == "name" and e.parts[0] == "last":
            return width - 1
        need(self.plain(e), "an index rests on the vector")
        i = integer(self.interpreter.value(e, env))
        need(0 <= i < width, "index out of range")
        return i

    def linear(self, e, env):
        need(e.kind == "index" and len(e.parts[1]) == 1, "not linear in activations of the network")
        if self.is_vector(e.parts[0]):
            return {("x", self.index(e.parts[1][0], env, self.n)): Fraction(1)}
        row = self.table(e.parts[0])
        return row[self.index(e.parts[1][0], env, len(row))]

    # sides: (form, [choice, ...]); a choice is (largest, [side, ...]), and the side is the form plus the largest or the smallest of each

    def side(self, e, env, factor=1):
        if self.plain(e):
            return combined((factor, {1: self.number(e, env)})), []
        if e.kind == "neg":
            return self.side(e.parts[0], env, -factor)
        if e.kind == "binary" and e.parts[0] in ("+", "-"):
            return self.total([self.side(e.parts[1], env, factor), self.side(e.parts[2], env, factor if e.parts[0] == "+" else -factor)])
        if e.kind == "binary" and e.parts[0] in ("*", "/"):
            op, a, b = e.parts
            if op == "*" and not self.plain(b):
                a, b = b, a
            number = self.number(b, env)
            need(op == "*" or number != 0, "division by 0")
            return self.side(a, env, factor * (number if op == "*" else 1 / number))
        if e.kind == "index":
            return combined((factor, self.linear(e, env))), []
        name = e.parts[0] if e.kind in ("quantifier", "call") else None
        need(name in ("max", "min", "sum", "abs"), "not linear in activations of the network")
        if e.kind == "quantifier":
            sides = [self.side(e.parts[1], inner, factor) for inner in self.inner(e.parts[2], e.parts[3], env)]
            if name == "sum":
                return self.total(sides)
        elif name == "abs":
            sides = [self.side(e.parts[1][0], env, factor), self.side(e.parts[1][0], env, -factor)]
        else:
            need(name != "sum", "not linear in activations of the network")
            sides = self.arguments(e.parts[1], env, factor)
        need(sides, "the largest or smallest of nothing")
        return {}, [((name != "min") == (factor >= 0), sides)]

    def arguments(self, arguments, env, factor):
        """The sides that max(...) or min(...) chooses from."""
        if len(arguments) == 1 and arguments[0].kind == "call":
            return [(combined((factor, form)), []) for form in self.table(arguments[0])]
        if len(arguments) == 1:
            need(arguments[0].kind == "list", "the largest or smallest of something that is no list and no row of the network")
            arguments = arguments[0].parts[0]
        return [self.side(x, env, factor) for x in arguments]

    def total(self, sides):
        return combined(*[(1, form) for form, _ in sides]), [choice for _, choices in sides for choice in choices]

    def positive(self, side, strict):
        """Where it is > 0 or >= 0."""
        form, choices = side
        if not choices:
            return [[(form, strict)]]
        (largest, sides), rest = choices[0], choices[1:]
        return self.join(not largest, [self.positive((combined((1, form), (1, f)), more + rest), strict) for f, more in sides])

    # disjuncts: lists of lists of atoms (form, strict); the form is > 0 or >= 0

    def comparison(self, e, positive, env):
        operators, operands = e.parts
        if len(operators) == 1 and operators[0] in ("==", "!="):
            for k in (0, 1):
                if operands[k].kind == "call" and operands[k].parts[0] == "argmax":
                    return self.largest(operands[k].parts[1][0], operands[1 - k], True, positive == (operators[0] == "=="), env)
        parts = []
        for op, a, b in zip(operators, operands, operands[1:]):
            op = op if positive else OPPOSITE[op]
            strict = op in ("<", ">", "!=")
            ways = [self.positive(self.total([self.side(a, env, sign), self.side(b, env, -sign)]), strict) for sign in {"<": (-1,), "<=": (-1,), ">": (1,), ">=": (1,)}.get(op, (1, -1))]
            parts.append(self.join(op == "==", ways))
        return self.join(positive, parts)

    def largest(self, rows, which, strict, positive, env):
        row = self.table(rows)
        i = self.index(which, env, len(row))
        sign = 1 if positive else -1
        return self.join(positive, [[[(combined((sign, row[i]), (-sign, row[j])), strict == positive)]] for j in range(len(row)) if j != i])

    def holds(self, dnf, x):
        """Some disjunct holds at the input x, as far as enclosures of the units show."""
        for bits in (64, 128, 256, 512) if self.pieces.smooth else (64,):
            there = Region(self.pieces, x, x, bits)
            need(not there.bad, "a unit has no value at the point")
            if any(all(there.ends(f)[0] > 0 if strict else there.ends(f)[0] >= 0 for f, strict in d) for d in dnf):
                return True
        return False

    # steps

    def contradiction(self, region, atoms, words, total, strict):
        need(not region.bad, "a unit has no value somewhere in the case")
        for word in words:
            found = TERM.match(word)
            need(found, "a term was expected")
            letter, k, x = found.group(1), int(found.group(2)), rational(found.group(3))
            need(x is not None, "a multiplier is not a canonical number")
            if letter == "g":
                need(k < len(atoms), "no atom of this number")
                need(x >= 0, "a multiplier is negative")
                total, strict = combined((1, total), (x, atoms[k][0])), strict or (atoms[k][1] and x > 0)
                continue
            if letter == "l":
                need(k < len(region.lines), "no line of this number")
                need(x >= 0, "a multiplier is negative")
                unit, above, slope, constant = region.lines[k]
                x = -x if above else x
                total = combined((1, total), (x, {("u", unit): Fraction(1)}), (-x * slope, self.pieces.z[unit]), (-x * constant, {1: Fraction(1)}))
                continue
            need(k < len(self.pieces.z), "no unit of this number")
            u, z, phase = {("u", k): Fraction(1)}, self.pieces.z[k], region.phase(k)
            need(x >= 0 or (letter == "q" and phase == "on"), "a multiplier is negative")
            need(phase != "smooth" or letter in "ab", "a term of max(0, z) for a unit that is another function")
            if letter == "a":
                total = combined((1, total), (x, z), (-x * region.lo[k], {1: Fraction(1)}))
            elif letter == "b":
                total = combined((1, total), (-x, z), (x * region.hi[k], {1: Fraction(1)}))
            elif letter == "q":
                total = combined((1, total), (x, u), (-x, z))
            else:
                need(phase == "free", "the line above a unit whose sign is known")
                lo, hi = region.lo[k], region.hi[k]
                total = combined((1, total), (x * hi / (hi - lo), combined((1, z), (-lo, {1: Fraction(1)}))), (-x, u))
        most = region.ends(total)[1]
        need(most < 0 or (most == 0 and strict), "the multipliers show no contradiction")

    def unit(self, text):
        need(re.match(r"(0|[1-9][0-9]*)\Z", text) and int(text) < len(self.pieces.z), "no unit of this number")
        return int(text)

    def input(self, text):
        need(re.match(r"(0|[1-9][0-9]*)\Z", text) and int(text) < self.n, "no input of this number")
        return int(text)

    def case(self, region, atoms):
        """Takes the lines of one case."""
        while True:
            need(self.steps, "a line 'step' is missing")
            word, *rest = self.steps.pop(0).split(" ")
            if word == "leaf":
                return self.contradiction(region, atoms, rest, {}, False)
            if word in ("split", "cut"):
                self.divide(region, atoms, word, rest)
                continue
            need(word in ("low", "high", "least", "most", "below", "above") and len(rest) >= 2, "'leaf', 'split', 'cut', 'low', 'high', 'least', 'most', 'below' or 'above' expected")
            kind = "x" if word in ("least", "most") else "z"
            k, v = self.input(rest[0]) if kind == "x" else self.unit(rest[0]), rational(rest[1])
            need(v is not None, "a bound is not a canonical number")
            if word in ("below", "above"):
                self.line(region, k, word == "above", v, rest[2:])
                continue
            low = word in ("low", "least")
            form, sign = {("x", k): Fraction(1)} if kind == "x" else self.pieces.z[k], 1 if low else -1
            self.contradiction(region, atoms, rest[2:], combined((sign, {1: v}), (-sign, form)), True)
            lo, hi = region.ranges["x", k] if kind == "x" else (region.lo[k], region.hi[k])
            region.narrowed(kind, k, **({"low": max(lo, v)} if low else {"high": min(hi, v)}))

    def divide(self, region, atoms, word, rest):
        """Takes the lines of one side of a cut or split; the region becomes the other side."""
        need(self.depth < DEPTH, "more than 4,096 cuts and splits inside each other")
        smooth = word == "cut" or (rest and self.pieces.curve[self.unit(rest[0])] != "relu")
        need(len(rest) == (2 if smooth else 1), "the number of an input or a unit, and where it is cut, were expected")
        kind, v = "z", Fraction(0)
        if word == "cut":
            kind, k = "x", self.input(rest[0])
            lo, hi = region.ranges["x", k]
        else:
            k = self.unit(rest[0])
            need(not region.bad, "a unit has no value somewhere in the case")
            lo, hi = region.lo[k], region.hi[k]
        if smooth:
            v = rational(rest[1])
            need(v is not None and lo <= v <= hi, "a cut outside of the case")
        else:
            need(region.phase(k) == "free", "a split of a unit whose sign is known")
        self.depth += 1
        self.case(region.copy().narrowed(kind, k, high=v), atoms)
        self.depth -= 1
        region.narrowed(kind, k, low=v)

    def line(self, region, k, above, slope, rest):
        constant = rational(rest[0]) if len(rest) == 1 else None
        need(constant is not None, "a line is a unit, a slope and a constant")
        need(region.phase(k) == "smooth" and not region.bad, "a line of a unit that is max(0, z), or that has no value somewhere in the case")
        try:
            good = curves.line_holds(self.pieces.curve[k], region.lo[k], region.hi[k], slope, constant, above)
        except curves.NoRange:
            good = False
        need(good, "the line is not shown to be on that side of the unit's function")
        region.lines.append((k, above, slope, constant))

    def point(self, given, environment):
        """The vector of a BINDING, whose other variables have their values from here on."""
        need(given and given[-1][0] == self.vector and isinstance(given[-1][1], tuple) and len(given[-1][1]) == self.n, "not a binding of the vector")
        self.at_binding(environment(given[:-1], self.outer))
        x = [Fraction(a) for a in given[-1][1]]
        need(all(a <= b <= c for a, b, c in zip(self.low, x, self.high)), "the vector is not in the box")
        return x

    def excluded(self, c, predicate):
        """The steps show that no point satisfies the condition and one of the disjuncts, predicate(), whatever the other variables are."""
        self.steps = list(c.steps)
        for env in self.interpreter.bindings(self.outer, {}):
            self.at_binding(env)
            root = Region(self.pieces, self.low, self.high)
            for atoms in self.both([self.lists(self.where, True, env), predicate()]):
                self.case(root.copy(), atoms)
        need(not self.steps, "a line 'step' too many")

    def at(self, given, environment, predicate):
        x = self.point(given, environment)
        need(self.holds(self.lists(self.where, True, self.env), x), "the condition does not hold there")
        need(self.holds(predicate(), x), "the predicate is not what it has to be there")
        return x

    def judge(self, c, environment):
        """Of a claim with prove, and of a vacuous one."""
        everywhere = lambda: [[]]  # noqa: E731
        body = lambda: self.lists(self.body, self.some, self.env)  # noqa: E731
        if c.verdict == "vacuous":
            need(not self.some, "vacuous needs a binder")
            return self.excluded(c, everywhere)
        if (c.verdict == "proved") != self.some:
            self.excluded(c, body)
        else:
            need(not c.steps, "a line 'step' is out of place")
        if self.some and c.verdict == "refuted":
            return
        if self.some or c.verdict == "refuted":
            self.at(c.witness if self.some else c.counterexample, environment, body)
            return
        x, e = self.at(c.witness, environment, everywhere), self.body
        while e.kind == "binary" and e.parts[0] == "=>":
            need(self.holds(self.lists(e.parts[1], True, self.env), x), "an antecedent does not hold at the witness")
            e = e.parts[2]

    def optimum(self, c, sign, environment):
        """sign 1: no value is below LO, the one at attains is at most HI; -1: mirrored."""
        lo, hi = c.value
        self.env = {}
        below = lambda limit, strict: self.positive(self.total([({1: Fraction(limit)}, []), self.side(self.body, {}, -1)]), strict)  # noqa: E731
        above = lambda limit, strict: self.positive(self.total([self.side(self.body, {}, 1), ({1: -Fraction(limit)}, [])]), strict)  # noqa: E731
        self.excluded(c, lambda: below(lo, True) if sign > 0 else above(hi, True))
        self.at(c.attains, environment, lambda: below(hi, False) if sign > 0 else above(lo, False))
