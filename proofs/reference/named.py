"""Rule count (proofs/FORMAT.md, section 3, steps 7 and 8): cells whose parts are named by lines `part`: cuts, tables, and pairs of forms. Everything is exact but the terms."""
import re
from bisect import bisect_right

from certificate import Rejected

WAYS_MOST = 1 << 18           # fronts and backs of a pair
PLACED_MOST, DEPTH_MOST, BINS_MOST, BINS_TOTAL = 64, 4096, 1 << 18, 1 << 22
N = r"(?:0|[1-9][0-9]{0,8})"
LINE = re.compile(r"(?:of %s(?:,%s)*|open|(?! )(?:(?:^| )%s:%s-?)*(?:(?:^| )%s/%s:%s)*(?:(?:^| )cut %s %s(?:,%s)*)?)\Z" % ((N,) * 10))


def need(condition, why):
    if not condition:
        raise Rejected("line 'part': " + why)


def trees(lines):
    """[(tokens, lines of its parts)]"""
    out = []
    for line in lines:
        need(LINE.match(line) and line, "not one that can be read")
        if line.startswith("of "):
            out.append(([int(t) for t in line[3:].split(",")], []))
        else:
            need(out, "'part of TOKENS' expected first")
            out[-1][1].append(line)
    return out


class Lines:
    """The lines of one cell, taken one after the other."""

    def __init__(self, lines):
        self.lines, self.at, self.depth = lines, 0, 0

    def take(self):
        need(self.at < len(self.lines), "one is missing")
        self.at += 1
        return self.lines[self.at - 1]

    def skip(self, line):
        more = 2 if "cut " in line else 0
        while more:
            more += 1 if "cut " in self.take() else -1

    def end(self):
        need(self.at == len(self.lines), "one too many")


def part(cell, line, allowed, edges, counts, number, left, width):
    """Adds the part to what the cell counts; bounds of the whole part hold beside those of its two sides."""
    words, _, cut = line.partition("cut ")
    over = {k: number if k in left else 0 for k in range(len(cell.forms))}
    under, added, least = dict.fromkeys(over, 0), {}, 0
    words = [] if line == "open" else words.split()
    numbers = [tuple(map(int, re.split("[:/]", w.rstrip("-")))) for w in words]
    rare = {n[0] for n, w in zip(numbers, words) if w.endswith("-")}
    need(all(max(n[:2]) < len(over) for n, w in zip(numbers, words) if "/" in w) and all(n[0] < len(over) for n in numbers), "a form that is not there")
    bins = [n + (w.endswith("-"),) for n, w in zip(numbers, words) if "/" not in w]
    need(all(1 <= b <= BINS_MOST for _, b, _ in bins) and sum(b for _, b, _ in bins) <= BINS_TOTAL, "a number of bins that is not allowed")
    for k, b, over_only in bins:
        if over[k]:
            step = max(1, width[k] // b)
            over[k] = min(over[k], cell.table(cell.forms[k][0], True, step, allowed, edges, number))
            under[k] = under[k] if over_only else max(under[k], min(over[k], cell.table(cell.forms[k][1], False, step, allowed, edges, number)))
    need(all(8 <= n[2] <= 1024 for n in numbers if len(n) == 3), "a number of cells that is not allowed")
    pairs = [n[:2] for n in numbers if len(n) == 3]
    if pairs:
        least = chain(cell, pairs, edges, counts, over, under, added)
    most = min(number, sum(added.get(k, over[k]) for k in over))
    least = max([least] + list(under.values()))
    if not cut:
        cell.yes, cell.no, cell.open = cell.yes + number - most, cell.no + least, cell.open + most - least
        return
    yes, no, left_open = cell.yes, cell.no, cell.open
    sides(cell, cut, allowed, [k for k in left if k not in rare])
    cell.set_aside(sum(over[k] for k in left if k in rare), yes)
    cell.narrow(number, least, most, no, left_open)


def sides(cell, cut, allowed, left):
    i, tokens = cut.split(" ")
    i, tokens = int(i), {int(t) for t in tokens.split(",")}
    need(i < cell.reads, "a cut at a position that is not read")
    side = {t for t in allowed[i] if cell.tokens[i][t] in tokens}
    need(side and side != allowed[i], "a cut that leaves one part with all tokens")
    need(cell.lines.depth < DEPTH_MOST, "too many cuts inside each other")
    cell.lines.depth += 1
    for half in (side, allowed[i] - side):
        cell.part(allowed[:i] + [half] + allowed[i + 1:], left)
    cell.lines.depth -= 1


def chain(cell, pairs, edges, counts, over, under, added):
    """Sequences with a placed form that fails, at least; added: those with form k and none of those it was counted beside, at most."""
    placed = [pairs[0][1]]
    most = {placed[0]: {}}
    least = under[placed[0]]
    groups = []
    for k, c in pairs:
        if not groups or groups[-1][0] != k:
            groups.append((k, []))
        groups[-1][1].append(c)
    for k, beside in groups:
        need(k not in placed and set(beside) <= set(placed) and len(set(beside)) == len(beside) and len(placed) < PLACED_MOST, "a pair whose forms were not placed in order")
        positive, most[k], added[k] = {}, {}, over[k]
        for c in beside:
            if over[k] and over[c]:
                found = pair(cell, edges, counts, c, k)
                if found is not None:
                    positive[c], most[k][c] = found
                    added[k] = min(added[k], found[1])
        both = {(j, c): min(over[k] - positive.get(j, 0), most[j].get(c, over[j])) for j in placed for c in positive}
        best = max([positive[c] - sum(both[j, c] for j in placed if j != c) for c in positive], default=0)
        least += min(added[k], max(0, best))
        placed.append(k)
    return least


def pair(cell, edges, counts, c, k):
    """Sequences on which form c is positive and form k is not: for certain, and perhaps. None: there are too many."""
    if cell.reads < 3:
        return None
    best = None
    for m in range(1, cell.reads):
        fronts = {1: 1}
        for row in edges[:m]:
            after = {}
            for s, n in fronts.items():
                for to, _ in row[s]:
                    after[to] = after.get(to, 0) + n
            fronts = after
        size = sum(fronts.values()) + sum(counts[m][s] for s in fronts)
        if best is None or size < best[0]:
            best = size, m
    if best[0] > WAYS_MOST:
        return None
    C, K = cell.forms[c], cell.forms[k]
    certain = meet(cell, edges, counts, best[1], C[0], K[1], 1 if C[2] else 0, 0 if K[2] else 1)
    perhaps = meet(cell, edges, counts, best[1], C[1], K[0], 1 if C[2] else 0, 0 if K[2] else 1)
    return certain, perhaps


def meet(cell, edges, counts, m, positive, negative, above, below):
    """Sequences whose sum of `positive` is at least `above`, and that of `negative` at most minus `below`: those before position m with those behind it."""
    fronts = {1: [(-above, -below)]}
    for i in range(m):
        after = {}
        for s, sums in fronts.items():
            for to, t in edges[i][s]:
                after.setdefault(to, []).extend((a + positive[i][t], b - negative[i][t]) for a, b in sums)
        fronts = after
    backs = {s: [(0, 0, n)] for s, n in enumerate(counts[cell.reads]) if n}
    for i in range(cell.reads - 1, m - 1, -1):
        backs = {s: [(a + positive[i][t], b - negative[i][t], n) for to, t in out for a, b, n in backs[to]] for s, out in edges[i].items()}
    return sum(dominance(sums, backs[s]) for s, sums in fronts.items())


def dominance(fronts, backs):
    """The weight of the pairs with both sums not negative: fronts from the least first sum on, backs in a tree of prefix sums by their second."""
    places = {b: at + 1 for at, b in enumerate(sorted({-b for _, b, _ in backs}))}
    ranks, tree, total, size = sorted(places), [0] * (len(places) + 1), 0, len(places)
    backs, at = sorted(backs, reverse=True), 0
    for a, b in sorted(fronts):     # a small front needs a large back: backs are added as the fronts grow
        while at < len(backs) and backs[at][0] + a >= 0:
            place = places[-backs[at][1]]
            while place <= size:
                tree[place] += backs[at][2]
                place += place & -place
            at += 1
        place = bisect_right(ranks, b)                  # -back <= b
        while place:
            total += tree[place]
            place -= place & -place
    return total
