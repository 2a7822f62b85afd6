"""Operations on rows (proofs/NETWORK.md, section 3) that read no other position: arithmetic, functions, choices, matrices.

Every method encloses row i of a node; in float32 the results of all executions (section 5).
"""
import interval
from interval import NoEnclosure, ceil_div, ceil_shift
from rows import UNIT, NetworkError, divide, ends, from_ends, from_ints, multiply, nearest_units, shifted


def square(x):
    """Least and largest square at twice the scale."""
    low = 0 if x[0] <= 0 <= x[1] else min(x[0] * x[0], x[1] * x[1])
    return low, max(x[0] * x[0], x[1] * x[1])


class RowOperations:
    """Mixed into the Evaluator, which has the precision p, float32, eps, tiny and the roundings."""

    def once(self, pair):
        """The results of one correct rounding of numbers in the pair: rounding is monotone, so its ends are rounded."""
        if not self.float32:
            return pair
        lo, hi = nearest_units(pair[0], self.p), nearest_units(pair[1], self.p)
        self.bounded(max(abs(lo), abs(hi)))
        return lo, hi

    def within_one(self, pair):
        """The pair, such that an end at 1 or -1 is an end of the row that from_ends makes of it."""
        lo, hi = pair
        one = 1 << self.p
        return (lo - (lo & 1) if hi == one else lo), (hi + (hi & 1) if lo == -one else hi)

    # inputs and choices: exact

    def input_row(self, entries):
        """The row of real inputs [(lo, hi, rounded)]: Fractions, and whether float32 rounds the number to the nearest binary32 first."""
        p, pairs = self.p, []
        for lo, hi, rounded in entries:
            pair = (lo.numerator << p) // lo.denominator, ceil_div(hi.numerator << p, hi.denominator)
            pairs.append(self.nearest_ends(lo, hi) if rounded and self.float32 else pair)
        return from_ends(pairs)

    def nearest_ends(self, lo, hi):
        """The pair that encloses the binary32 numbers nearest lo and hi, Fractions."""
        p, q, out = self.p, 152, []                           # ties are multiples of 2^-150: what is cut away shows in one more place
        for x in (lo, hi):
            cut, rest = divmod(x.numerator << q, x.denominator)
            out.append(nearest_units((cut << 1) + (rest != 0), q + 1))
        pair = (out[0] << p) >> (q + 1), ceil_shift(out[1] << p, q + 1)
        self.bounded(max(abs(pair[0]), abs(pair[1])))
        return pair

    def input(self, run, node, i):
        return run.inputs[i]

    def constant(self, run, node, i):
        return from_ints(node.parts[0].ints, node.parts[0].shift, self.p)

    def row(self, run, node, i):
        if node.d >= run.n:
            raise NetworkError("row %d of a sequence of length %d" % (node.d, run.n))
        return run.row(node.inputs[0], node.d)

    def select(self, run, node, i):
        mid, rad = run.row(node.inputs[0], i)
        return [mid[e] for e in node.d], [rad[e] for e in node.d]

    def concat(self, run, node, i):
        mid, rad = [], []
        for x in node.inputs:
            row = run.row(x, i)
            mid, rad = mid + row[0], rad + row[1]
        return mid, rad

    def maxpool(self, run, node, i):
        pairs = ends(run.row(node.inputs[0], i))
        return from_ends([(max(pairs[e][0] for e in chosen), max(pairs[e][1] for e in chosen)) for chosen in node.d])

    def jumprelu(self, run, node, i):
        part, out = node.parts[0], []
        for (lo, hi), t in zip(ends(run.row(node.inputs[0], i)), part.ints):
            t <<= self.p                                      # t and the ends over 2^(p + shift)
            if lo << part.shift > t:
                out.append((lo, hi))
            elif hi << part.shift <= t:
                out.append((0, 0))
            else:
                out.append((min(0, max(lo, t >> part.shift)), max(0, hi)))
        return from_ends(out)

    def topk(self, run, node, i):
        pairs, out = ends(run.row(node.inputs[0], i)), []
        for e, (lo, hi) in enumerate(pairs):
            certain = sum(f != e and (a > hi or (a == hi and f < e)) for f, (a, b) in enumerate(pairs))
            possible = sum(f != e and (b > lo or (b == lo and f < e)) for f, (a, b) in enumerate(pairs))
            out.append((0, 0) if certain >= node.d else (lo, hi) if possible < node.d else (min(0, lo), max(0, hi)))
        return from_ends(out)

    # arithmetic, entry by entry: one rounding

    def two(self, f, run, node, i):
        x, y = [ends(run.row(name, i)) for name in node.inputs]
        return from_ends([f(a, b) for a, b in zip(x, y)])

    def max(self, run, node, i):
        return self.two(lambda a, b: (max(a[0], b[0]), max(a[1], b[1])), run, node, i)

    def min(self, run, node, i):
        return self.two(lambda a, b: (min(a[0], b[0]), min(a[1], b[1])), run, node, i)

    def sub(self, run, node, i):
        return self.two(lambda a, b: self.once((a[0] - b[1], a[1] - b[0])), run, node, i)

    def product(self, a, b, node):
        """a times b, which are one number when the node reads one node twice."""
        if node.inputs[0] == node.inputs[1]:
            low, high = square(a)
            return low >> self.p, ceil_shift(high, self.p)
        return multiply(a, b, self.p)

    def mul(self, run, node, i):
        return self.two(lambda a, b: self.once(self.product(a, b, node)), run, node, i)

    def div(self, run, node, i):
        def quotient(a, b):
            if b == (0, 0):
                raise NetworkError("node %s divides by 0" % node.name)
            q = divide(a, b, self.p)
            if node.inputs[0] == node.inputs[1]:       # one number by itself
                return 1 << self.p, 1 << self.p
            return self.once(q)
        return self.two(quotient, run, node, i)

    # functions, entry by entry

    def one(self, f, run, node, i):
        return from_ends([f(x) for x in ends(run.row(node.inputs[0], i))])

    def sqrt(self, run, node, i):
        def root(x):
            if x[1] < 0:
                raise NetworkError("node %s has the root of a negative number" % node.name)
            if x[0] < 0:
                raise NoEnclosure("the root of what may be negative")
            return self.once((interval.sqrt_down(x[0], self.p), interval.sqrt_up(x[1], self.p)))
        return self.one(root, run, node, i)

    def exp(self, run, node, i):
        def power(x):
            if self.float32 and x[0] > 128 << self.p:         # before a large power is computed
                raise NetworkError("a float32 exp overflows")
            if self.float32 and x[1] > 128 << self.p:
                raise NoEnclosure("a float32 exp may overflow")
            lo, hi = self.library(interval.exp(x[0], x[1], self.p))
            return max(0, lo), hi
        return self.one(power, run, node, i)

    def erf(self, run, node, i):
        return self.one(lambda x: self.library(self.within_one(interval.erf(x[0], x[1], self.p))), run, node, i)

    def tanh(self, run, node, i):
        return self.one(lambda x: self.library(self.within_one(interval.tanh(x[0], x[1], self.p))), run, node, i)

    def sigmoid(self, run, node, i):
        def logistic(x):
            lo, hi = interval.sigmoid(x[0], x[1], self.p)
            if not self.float32:
                return self.within_one((lo, hi))
            # relative 16 U; tiny is 2^-120, and a result is flushed below 2^-125
            return max(0, lo - ceil_div(lo * 16, UNIT) - self.tiny), hi + ceil_div(hi * 16, UNIT) + self.tiny
        return self.one(logistic, run, node, i)

    # whole rows

    def rowsoftmax(self, run, node, i):
        pairs, out = ends(run.row(node.inputs[0], i)), []
        for start in range(0, len(pairs), node.d):
            out += self.shares(pairs[start:start + node.d])
        return from_ends(out)

    def matmul(self, run, node, i):
        (x, x_rad), (y, y_rad) = [run.row(name, i) for name in node.inputs]
        matrices, a, k, c = node.d
        mids, rads, sizes = [], [], []
        for r in range(matrices * a):
            left, left_rad = x[r * k:r * k + k], x_rad[r * k:r * k + k]
            start = r // a * k * c
            for j in range(start, start + c):
                right, right_rad = y[j:j + k * c:c], y_rad[j:j + k * c:c]
                mids.append(sum(m * v for m, v in zip(left, right)))
                rads.append(sum(abs(m) * s + r * abs(v) + r * s for m, r, v, s in zip(left, left_rad, right, right_rad)))
                if self.float32:
                    sizes.append(sum((abs(m) + r) * (abs(v) + s) for m, r, v, s in zip(left, left_rad, right, right_rad)))
        mid, rad = shifted(mids, rads, self.p)
        if self.float32:
            rad = [r + self.sum_error(ceil_shift(s, self.p), k) for r, s in zip(rad, sizes)]
        return mid, rad

    def rmsnorm(self, run, node, i):
        p, pairs, by = self.p, ends(run.row(node.inputs[0], i)), ends(run.row(node.inputs[-1], i))
        k = len(pairs)
        squares = [square(x) for x in by]                     # at 2^-2p; with a second input the deviation is that of its row
        root = self.root_of_mean(sum(lo for lo, hi in squares), sum(hi for lo, hi in squares), k)
        # x / s: one rounding; x r: r off by 2 units in the last place (4 U), and one rounding
        pairs = [self.rounded(divide(x, root, p), 6) for x in pairs]
        for part in node.parts:
            pairs = [self.once(self.scaled(x, w, part.shift)) for x, w in zip(pairs, part.ints)]
        return from_ends(pairs)

    def scaled(self, x, w, shift):
        """x times the number w * 2^-shift."""
        a, b = sorted((x[0] * w, x[1] * w))
        return a >> shift, ceil_shift(b, shift)

    def root_of_mean(self, low, high, k):
        """sqrt(sum of squares / k + eps) for a sum of k squares from low to high at 2^-2p, as a pair at 2^-p."""
        eps = self.eps.numerator << (2 * self.p)
        low, high = low // k + eps // self.eps.denominator, ceil_div(high, k) + ceil_div(eps, self.eps.denominator)
        if self.float32:                                      # squares, sum, / k, + eps: k + 3 roundings of positive terms
            more = ceil_div(high * (k + 3), UNIT - k - 3) + ((k + 3) * self.eta << self.p)
            low, high = max(0, low - more), high + more
            self.bounded(high >> self.p)
        return self.rounded((interval.isqrt(low), interval.isqrt(high) + 1), 1)
