"""Lines `radius` of proofs/FORMAT.md, section 3: what a certificate shows of radius(M, x) and radius(M, x, j)."""
import re
from fractions import Fraction

from certificate import Rejected, rational
from models import radius_key
from quadratic import Polynomials, ball_matrix, positive_definite

CAP = Fraction(2) ** 64


def need(condition, message):
    if not condition:
        raise Rejected("radius: " + message)


class Radii:
    """The enclosures that the lines of a certificate show, each tested when it is read. nets: {model name: Net}."""

    def __init__(self, lines, nets):
        self.nets, self.networks, self.found = nets, {}, {}
        before = None
        for line in lines:
            name = self.read(line.split(" "))
            need(before is None or before.encode() < name.encode(), "lines are not in order, or one stands twice")
            before = name

    def network(self, name):
        """(width of the input, [polynomial of each output], what these are multiplied with) of a model."""
        need(name in self.nets, "no such model")
        if name not in self.networks:
            net = self.nets[name]
            row = Polynomials(net).rows[net.output]
            self.networks[name] = net.real_width, row.entries, 1 << row.shift
        return self.networks[name]

    def vector(self, text, n):
        entries = text.split(",")
        if n == 1:
            need(len(entries) == 2 and entries.pop() == "", "not a vector of the network's inputs")
        out = [rational(x) for x in entries]
        need(len(out) == n and None not in out, "not a vector of the network's inputs")
        return out

    def read(self, words):
        need(len(words) >= 7, "a field is missing")
        model, target, x, lo, hi, point = words[:6]
        n, outputs, unit = self.network(model)
        need(len(outputs) > 1, "a network of one output has no other answer")
        need(target == "*" or re.match(r"(0|[1-9][0-9]{0,8})\Z", target), "'*' or an output expected")
        x, lo, hi = self.vector(x, n), rational(lo), rational(hi)
        need(lo is not None and hi is not None and 0 <= lo <= hi <= CAP, "the ends are not in order")
        values = [at(p, x) for p in outputs]
        answer = values.index(max(values))
        rivals = [k for k in range(len(outputs)) if k != answer]
        if target != "*":
            need(int(target) < len(outputs) and int(target) != answer, "the output is the answer itself, or there is none")
            rivals = [int(target)]
        self.above(hi, point, x, outputs, answer, rivals)
        self.below(lo, words[6:], x, outputs, unit, answer, rivals)
        name = radius_key(model, x, None if target == "*" else int(target))
        self.found[name] = lo, hi
        return name

    def above(self, hi, point, x, outputs, answer, rivals):
        if point == "-":
            return need(hi == CAP, "a point is missing")
        u = self.vector(point, len(x))
        need(sum(a * a for a in u) <= hi * hi, "the point is farther than the upper end")
        y = [a + b for a, b in zip(x, u)]
        need(any(at(outputs[k], y) >= at(outputs[answer], y) for k in rivals), "the answer is the same at the point")

    def below(self, lo, words, x, outputs, unit, answer, rivals):
        if lo == 0:
            return need(words == ["-"], "a lower end of 0 has no multipliers")
        multipliers = [rational(w) for w in words]
        need(len(words) == len(rivals) and None not in multipliers and min(multipliers) >= 0, "not one multiplier for each rival")
        for k, multiplier in zip(rivals, multipliers):
            form = dict(outputs[answer])
            for m, c in outputs[k].items():
                form[m] = form.get(m, 0) - c
            need(positive_definite(ball_matrix(form, unit, x, lo * lo, multiplier)), "a multiplier does not show the answer larger on the ball")


def at(p, x):
    """The value of a polynomial, times the same positive number for all outputs of a network."""
    total = Fraction(0)
    for m, c in p.items():
        for i in m:
            c = c * x[i]
        total += c
    return total

