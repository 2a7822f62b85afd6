"""Lines `radius` of proofs/FORMAT.md, section 3: what a certificate shows of radius(M, x) and radius(M, x, j)."""
import re
from fractions import Fraction

from certificate import Rejected, rational
from disjuncts import at
from models import radius_key
from quadratic import Polynomials, ball_matrix, positive_definite
from region import Region, cell_matrix, cells

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
        model, target, x = words[:3]
        boxed = words[3] == "in"
        need(len(words) >= 9 or not boxed, "a field is missing")
        corners, (lo, hi, point), rest = words[4:6] if boxed else [], words[6:9] if boxed else words[3:6], words[9:] if boxed else words[6:]
        n, outputs, unit = self.network(model)
        need(len(outputs) > 1, "a network of one output has no other answer")
        need(target == "*" or re.match(r"(0|[1-9][0-9]{0,8})\Z", target), "'*' or an output expected")
        x, lo, hi, box = self.vector(x, n), rational(lo), rational(hi), [self.vector(corner, n) for corner in corners]
        need(not box or all(a <= b for a, b in zip(*box)), "the box is empty")
        need(lo is not None and hi is not None and 0 <= lo <= hi <= CAP, "the ends are not in order")
        values = [at(p, x) for p in outputs]
        answer = values.index(max(values))
        rivals = [k for k in range(len(outputs)) if k != answer]
        if target != "*":
            need(int(target) < len(outputs) and int(target) != answer, "the output is the answer itself, or there is none")
            rivals = [int(target)]
        self.above(hi, point, x, box, outputs, answer, rivals)
        self.below(lo, rest, x, box, outputs, unit, answer, rivals)
        name = radius_key(model, x, None if target == "*" else int(target), box)
        self.found[name] = lo, hi
        return name

    def above(self, hi, point, x, box, outputs, answer, rivals):
        if point == "-":
            return need(hi == CAP, "a point is missing")
        u = self.vector(point, len(x))
        need(sum(a * a for a in u) <= hi * hi, "the point is farther than the upper end")
        y = [a + b for a, b in zip(x, u)]
        need(not box or all(a <= b <= c for a, b, c in zip(box[0], y, box[1])), "the point is not in the box")
        need(any(at(outputs[k], y) >= at(outputs[answer], y) for k in rivals), "the answer is the same at the point")

    def below(self, lo, words, x, box, outputs, unit, answer, rivals):
        if lo == 0:
            return need(words == ["-"], "a lower end of 0 has no multipliers")
        if box:
            return self.below_in_box(lo, words, x, box, [difference(outputs[answer], outputs[k]) for k in rivals], unit)
        multipliers = [rational(w) for w in words]
        need(len(words) == len(rivals) and None not in multipliers and min(multipliers) >= 0, "not one multiplier for each rival")
        for k, multiplier in zip(rivals, multipliers):
            need(positive_definite(ball_matrix(difference(outputs[answer], outputs[k]), unit, x, lo * lo, multiplier)), "a multiplier does not show the answer larger on the ball")


    def below_in_box(self, lo, words, x, box, forms, unit):
        region = Region([max(a - b, -lo) for a, b in zip(box[0], x)], [min(a - b, lo) for a, b in zip(box[1], x)], ([Fraction(0)] * len(x), lo * lo), [])
        lines = []
        while words:
            size = 3 if words[0] == "split" else 1 + region.multipliers()
            lines.append(" ".join(words[:size]))
            words = words[size:]
        for form in forms if region.possible() else []:
            cells(lines, region, rational, lambda a, b, m: need(positive_definite(cell_matrix(form, unit, x, region, a, b, m)), "the multipliers do not show the answer larger"), need)
        need(not lines, "too many cells")


def difference(p, q):
    out = dict(p)
    for m, c in q.items():
        out[m] = out.get(m, 0) - c
    return out
