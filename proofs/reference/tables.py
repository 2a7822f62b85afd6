"""Rule count (proofs/FORMAT.md, section 3): parts of a cell, tables of sums, bounds and cuts. Everything is exact but the terms, integers lo <= term <= hi.

A table of numbers of completions is one long integer: its digits, in base 2^width, are the numbers with sum least, least + 1, ...; adding two tables, one of
them shifted, is one addition."""
from fractions import Fraction

import named

BINS_MOST, BINS_TOTAL, SKIP, CUT, REFINE, ASIDE = 1 << 18, 1 << 22, 4, 8, 6, 2


class Cell:
    """levels[i]: the classes of position i, each a tuple of the next class (0: none) by token; class 1 of the first level is the start. forms: (lo, hi, strict), lo[i][token].
    reads: how many positions the forms read. tokens[i]: the set of position i; lines: named.Lines of the cell, or None. single(path): the truth of one sequence, given by token indices."""

    def __init__(self, levels, forms, reads, bins, enter, single, tokens, lines):
        self.tokens, self.lines = tokens, lines
        self.levels, self.forms, self.reads, self.bins, self.enter, self.single = levels, forms, reads, bins, enter, single
        self.n, self.yes, self.no, self.open = len(levels), 0, 0, 0
        self.share, self.density = {k: Fraction(1) for k in range(len(forms))}, Fraction(0)

    def count(self):
        """All forms positive (or not negative), not all, not known."""
        allowed = [set(range(len(level[1]))) if len(level) > 1 else set() for level in self.levels]
        self.part(allowed, list(range(len(self.forms))))
        if self.lines is not None:
            self.lines.end()
        return self.yes, self.no, self.open

    # parts

    def completions(self, allowed):
        counts = [None] * self.n + [[0, 1]]
        for i in range(self.n - 1, -1, -1):
            after = counts[i + 1]
            counts[i] = [0] + [sum(after[level[t]] for t in allowed[i]) for level in self.levels[i][1:]]
        return counts

    def reached(self, allowed, counts):
        """The edges of the part, by position and class: [(next class, token)]."""
        edges, now = [], {1}
        for i in range(self.n):
            edges.append({c: [(self.levels[i][c][t], t) for t in sorted(allowed[i]) if counts[i + 1][self.levels[i][c][t]]] for c in sorted(now)})
            now = {to for out in edges[-1].values() for to, _ in out}
        return edges

    def extreme(self, edges, term, pick):
        """The least (most) sum from the start on."""
        values = {1: 0}
        for i in range(self.n - 1, -1, -1):
            row = term[i]
            values = {c: pick(row[t] + values[to] for to, t in out) for c, out in edges[i].items()}
        return values[1]

    def part(self, allowed, forms):
        counts = self.completions(allowed)
        number = counts[0][1] if len(counts[0]) > 1 else 0
        if not number:
            return
        line = None if self.lines is None else self.lines.take()
        edges, left, width = self.reached(allowed, counts), [], {}
        allowed = [{t for out in row.values() for _, t in out} for row in edges]
        for k in forms:
            lo, hi, strict = self.forms[k]
            least, most = self.extreme(edges, lo, min), self.extreme(edges, hi, max)
            if most < 0 or (strict and most == 0):
                self.no += number
                self.decided(line)
                return
            if not (least > 0 or (least == 0 and not strict)):
                left.append(k)
                width[k] = most - least
        if not left:
            self.yes += number
            self.decided(line)
        elif all(len(allowed[i]) == 1 for i in range(self.reads)):
            self.one(edges, number)
            self.decided(line)
        elif line is not None:
            named.part(self, line, allowed, edges, counts, number, left, width)
        else:
            self.undecided(allowed, edges, counts, number, left, width)

    def decided(self, line):
        """The lines of the parts that would be cut from it are not looked at."""
        if line is not None:
            self.lines.skip(line)

    def one(self, edges, number):
        path, c = [], 1
        for row in edges:
            c, t = row[c][0]
            path.append(t)
        truth = self.single(path)
        if truth is None:
            self.open += number
        elif truth:
            self.yes += number
        else:
            self.no += number

    def undecided(self, allowed, edges, counts, number, left, width):
        if number <= len(left) * self.enter:
            self.open += number
            return
        price = CUT * len(left) * self.enter
        if number * self.density > SKIP * price:
            return self.cut(allowed, left, width)
        least, most, ideal, over = self.tables(allowed, edges, counts, number, left, width)
        if least <= most <= least + price:
            self.yes, self.no, self.open = self.yes + number - most, self.no + least, self.open + most - least
            return
        before, yes, no, left_open = (self.density, dict(self.share)), self.yes, self.no, self.open
        self.density = Fraction(ideal, number)
        self.share.update({k: Fraction(over[k], number) for k in left})
        aside = [k for k in left if over[k] <= ASIDE * self.enter]
        self.cut(allowed, [k for k in left if k not in aside], width)
        self.density, self.share = before
        self.set_aside(sum(over[k] for k in aside), yes)
        self.narrow(number, least, most, no, left_open)

    def set_aside(self, fail, yes):
        """Both sides were found all positive but for forms that fail on so many sequences."""
        moved = min(fail, self.yes - yes)
        self.yes, self.open = self.yes - moved, self.open + moved

    def narrow(self, number, least, most, no, left_open):
        """Both sides of a cut were added: the bounds of the whole part hold as well."""
        low, high = max(least, self.no - no), min(most, self.no - no + self.open - left_open)
        self.yes, self.no, self.open = self.yes + self.no - no + self.open - left_open - high, no + low, left_open + high - low

    def cut(self, allowed, left, width):
        best = None
        for i in range(self.reads):
            for k in left if len(allowed[i]) > 1 else ():
                terms = [self.forms[k][0][i][t] for t in allowed[i]]
                score = Fraction(max(terms) - min(terms), max(1, width[k])) * (self.share[k] + Fraction(1, 1 << 30))
                if best is None or score > best[0]:
                    best = score, i, k, min(terms), max(terms)
        _, i, k, low, high = best
        term = self.forms[k][0][i]
        side = {t for t in allowed[i] if 2 * term[t] <= low + high}
        if not side or side == allowed[i]:
            side = {min(allowed[i])}
        for half in (side, allowed[i] - side):
            self.part(allowed[:i] + [half] + allowed[i + 1:], left)

    # tables

    def tables(self, allowed, edges, counts, number, left, width):
        over, under, bins, total = {}, {}, {}, 0

        def fill(k, b):
            step = max(1, width[k] // b)
            over[k] = self.table(self.forms[k][0], True, step, allowed, edges, number)
            under[k] = 0 if over[k] <= ASIDE * self.enter else min(over[k], self.table(self.forms[k][1], False, step, allowed, edges, number))
            bins[k] = b
            return b
        for k in left:
            total += fill(k, self.bins)
        while True:
            middle = [under[k] + (over[k] - under[k]) // 2 for k in left]
            most, least, ideal = min(number, sum(over[k] for k in left)), max(under[k] for k in left), min(number, sum(middle)) - max(middle)
            finer = [k for k in left if min(over[k] - under[k], most - least) > REFINE * bins[k] // self.bins * self.enter and 4 * bins[k] <= BINS_MOST and total + 4 * bins[k] <= BINS_TOTAL]
            if not (most > least and ideal <= CUT * len(left) * self.enter and finer):
                return least, most, ideal, over
            k = max(finer, key=lambda k: over[k] - under[k])
            total += fill(k, 4 * bins[k])

    def table(self, term, down, step, allowed, edges, number):
        """Sequences whose terms, rounded down (up) to steps from the best offsets, allow (prove) a sum that is not positive (negative)."""
        steps, offsets = [], 0
        for i in range(self.n):
            terms = [term[i][t] for t in allowed[i]]
            offset = best_offset([x % step for x in terms], step, down)
            steps.append({t: (term[i][t] - offset) // step if down else -((offset - term[i][t]) // step) for t in allowed[i]})
            offsets += offset
        ask = (-offsets if down else -offsets - 1) // step
        digits = number.bit_length() + 1
        after = {1: (0, 1)}
        for i in range(self.n - 1, -1, -1):
            after = {c: joined([(steps[i][t],) + after[to] for to, t in out], digits) for c, out in edges[i].items()}
        least, numbers = after[1]
        if ask < least:
            return 0
        return (numbers & ((1 << (digits * (ask - least + 1))) - 1)) % ((1 << digits) - 1) if numbers else 0


def best_offset(fractions, step, down):
    fractions = sorted(fractions)
    n, best = len(fractions), None
    for r, f in enumerate(fractions):
        rests = r * step - n * f if down else n * f - r * step
        if best is None or rests < best[0]:
            best = rests, f
    return best[1]


def joined(branches, digits):
    """The sum of tables (least, numbers), each moved by so many steps."""
    least, numbers = min(g + low for g, low, _ in branches), 0
    for g, low, table in branches:
        numbers += table << (digits * (g + low - least))
    return least, numbers
