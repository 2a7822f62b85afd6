"""Every operation of proofs/NETWORK.md on enclosures, in real and float32 semantics, with patches.

float32 (NETWORK.md, section 5): a row encloses the results of all executions. U = 2^-24 is the rounding unit.
The operations on one row or two that have nothing to do with attention are in operations.py.
"""
from fractions import Fraction
from operator import add, mul

import interval
from interval import NoEnclosure, ceil_div, ceil_shift
from operations import RowOperations, square
from rows import UNIT, NetworkError, divide, ends, from_ends, from_ints, is_binary32, multiply, nearest32, shifted

CACHE_ROWS = 200000
OWN, PAST, ALL = 0, 1, 2                                      # a row depends on its own position, on those it may read, on all


def reaches(net):
    """What the rows of each node depend on."""
    found = {}
    for name, node in net.nodes.items():
        own = {"score": PAST, "row": ALL}.get(node.op, OWN)
        found[name] = max([own] + [found[x] for x in node.inputs])
    return found


class Evaluator(RowOperations):
    """One network at one precision p (fractional bits) and one semantics; rows are shared between sequences."""

    def __init__(self, net, p, float32):
        self.net, self.p, self.float32 = net, p, float32
        self.cache = {}
        self.eta = 1 if p < 149 else 1 << (p - 149)           # 2^-149, rounded up
        self.tiny = 1 if p < 120 else 1 << (p - 120)          # more than any underflow of exp, erf, tanh
        self.reach = reaches(net)
        self.eps = net.eps
        if float32:
            for tensor in net.tensors.values():
                if not all(is_binary32(m, tensor.shift) for m in tensor.ints):
                    raise NetworkError("tensor %s has an entry that is no binary32 number" % tensor.name)
            self.eps = nearest32(net.eps)

    # rounding: identities in real semantics

    def rounded(self, pair, count):
        """pair, after up to count roundings to binary32 (relative count / (2^24 - count), and underflow)."""
        if not self.float32:
            return pair
        size = max(abs(pair[0]), abs(pair[1]))
        self.bounded(size)
        more = ceil_div(size * count, UNIT - count) + 4 * self.eta
        return pair[0] - more, pair[1] + more

    def library(self, pair):
        """pair, as exp, erf, tanh within 4 units in the last place (8 U relative) give it."""
        if not self.float32:
            return pair
        size = max(abs(pair[0]), abs(pair[1]))
        self.bounded(size)
        more = ceil_div(size * 8, UNIT) + self.tiny
        return pair[0] - more, pair[1] + more

    def bounded(self, size):
        if size >> self.p >= 1 << 127:
            raise NoEnclosure("a float32 intermediate value may overflow")

    def sum_error(self, size, terms):
        """|computed - exact| of a sum with `terms` products and additions whose absolute values add up to size."""
        self.bounded(size)
        if terms + 1 >= UNIT:
            raise NetworkError("a float32 sum is too long")
        return ceil_div(size * (terms + 1), UNIT - terms) + terms * self.eta

    # one operation each; run gives the rows of the inputs

    def embed(self, run, node, i):
        part = node.parts[0]
        return from_ints(part.rows[run.tokens[i]], part.shift, self.p)

    def position(self, run, node, i):
        part = node.parts[0]
        return from_ints(part.rows[i], part.shift, self.p)

    def add(self, run, node, i):
        rows = [run.row(x, i) for x in node.inputs]
        mid, rad = rows[0]
        for row in rows[1:]:
            mid, rad = list(map(add, mid, row[0])), list(map(add, rad, row[1]))
        if self.float32:
            sizes = [sum(abs(row[0][j]) + row[1][j] for row in rows) for j in range(len(mid))]
            rad = [r + self.sum_error(s, len(rows)) for r, s in zip(rad, sizes)]
        return mid, rad

    def products(self, row, part):
        """row times the matrix, exactly: mid, rad at 2^-(p + shift), and sums of |w| |x| at the same scale."""
        mid, rad = row
        mids = [sum(map(mul, mid, c)) for c in part.columns]
        rads = [sum(map(mul, rad, c)) for c in part.abs_columns] if any(rad) else [0] * len(mids)
        sizes = None
        if self.float32:
            largest = [abs(m) + r for m, r in zip(mid, rad)]
            sizes = [sum(map(mul, largest, c)) for c in part.abs_columns]
        return mids, rads, sizes

    def linear(self, run, node, i):
        part = node.parts[0]
        mid, rad, sizes = self.products(run.row(node.inputs[0], i), part)
        terms = part.shape[0]
        return self.finish(mid, rad, sizes, part.shift, node.parts[1:], terms)

    def finish(self, mid, rad, sizes, shift, bias, terms):
        """Add the bias to sums at 2^-(p + shift), go back to 2^-p, and round."""
        for part in bias:
            common = max(shift, part.shift)
            up, more = common - shift, common - part.shift + self.p
            b = [x << more for x in part.ints]
            mid = [(m << up) + x for m, x in zip(mid, b)]
            rad = [r << up for r in rad]
            if self.float32:
                sizes = [(s << up) + abs(x) for s, x in zip(sizes, b)]
            shift, terms = common, terms + 1
        mid, rad = shifted(mid, rad, shift)
        if self.float32:
            rad = [r + self.sum_error(ceil_shift(s, shift), terms) for r, s in zip(rad, sizes)]
        return mid, rad

    def heads(self, run, node, i):
        """One sum over the products of every linear node read and the bias; a row that is patched, or is of no linear node, is one more addition."""
        shift = max([self.net.nodes[x].parts[0].shift for x in node.inputs if self.net.nodes[x].op == "linear"] + [0])
        total, terms = None, 0
        for name in node.inputs:
            source = self.net.nodes[name]
            patched = run.row(name, i) if source.op != "linear" else run.patched(name, i)
            if patched:
                up, found = shift, (patched[0], patched[1], [abs(m) + r for m, r in zip(*patched)])
                terms += 1
            else:
                part = source.parts[0]
                up, found = shift - part.shift, self.products(run.row(source.inputs[0], i), part)
                terms += part.shape[0]
            found = [[x << up for x in one] if one is not None else None for one in found]
            if total is None:
                total = found
            else:
                total = [list(map(add, a, b)) if a is not None and b is not None else None for a, b in zip(total, found)]
        return self.finish(total[0], total[1], total[2], shift, node.parts, terms)

    def layernorm(self, run, node, i):
        """With a second input (edit.py) the deviation is that of its row."""
        p, row, by = self.p, run.row(node.inputs[0], i), run.row(node.inputs[-1], i)
        k = len(row[0])
        centred, others = self.centred(row), self.centred(by)
        low = high = 0                                        # sums of squares at 2^-2p
        for lo, hi in others:
            least, largest = square((lo, hi))
            low, high = low + least, high + largest
        root = self.root_of_mean(low, high, k)
        pairs = [self.rounded(divide(c, root, p), 2) for c in centred]
        if node.parts:
            w, b = [list(zip(part.ints, [part.shift] * k)) for part in node.parts]
            for j in range(k):
                scaled = sorted((end * w[j][0] for end in pairs[j]))
                pairs[j] = self.rounded((scaled[0] >> w[j][1], ceil_shift(scaled[1], w[j][1])), 1)
                lo, hi = b[j][0] << p, b[j][0] << p
                pairs[j] = self.rounded((pairs[j][0] + (lo >> b[j][1]), pairs[j][1] + ceil_shift(hi, b[j][1])), 1)
        return from_ends(pairs)

    def centred(self, row):
        """The row less its mean, as pairs."""
        k = len(row[0])
        middle, radius = sum(row[0]), sum(row[1])
        if self.float32:
            radius += self.sum_error(sum(abs(m) + r for m, r in zip(*row)), k)
        mean = self.rounded(((middle - radius) // k, ceil_div(middle + radius, k)), 1)
        return [self.rounded((lo - mean[1], hi - mean[0]), 1) for lo, hi in ends(row)]

    def score(self, run, node, i):
        p = self.p
        q, q_rad = run.row(node.inputs[0], i)
        inverse = interval.sqrt_ratio(1, node.d, p + 32)
        root = interval.isqrt(node.d)
        mids, rads = [], []
        for j in run.sources(i):
            key, key_rad = run.row(node.inputs[1], j)
            mid = sum(map(mul, q, key))
            rad = sum(abs(a) * s + r * abs(b) + r * s for a, r, b, s in zip(q, q_rad, key, key_rad) if r or s)
            if self.float32:
                size = sum((abs(a) + r) * (abs(b) + s) for a, r, b, s in zip(q, q_rad, key, key_rad))
                rad += self.sum_error(ceil_shift(size, p), len(q)) << p
            if root * root == node.d:
                mid, inexact = divmod(mid, root)
                rad = ceil_div(rad, root) + (inexact != 0)
                (mid,), (rad,) = shifted([mid], [rad], p)
            else:
                lo, hi = multiply((mid - rad, mid + rad), inverse, p + 32)
                (mid,), (rad,) = from_ends([(lo >> p, ceil_shift(hi, p))])
            if self.float32:                                  # sqrt rounded, perhaps its reciprocal, the product
                lo, hi = self.rounded((mid - rad, mid + rad), 4)
                (mid,), (rad,) = from_ends([(lo, hi)])
            mids.append(mid)
            rads.append(rad)
        return mids, rads

    def softmax(self, run, node, i):
        return from_ends(self.shares(ends(run.row(node.inputs[0], i))))

    def shares(self, pairs):
        """exp(s) / sum of exp(s). Share j is increasing in score j and decreasing in the others: both ends of an enclosure are attained."""
        if not pairs:
            return []
        p, top = self.p, max(hi for lo, hi in pairs)
        low = [interval.exp_point(lo - top, p)[0] for lo, hi in pairs]
        high = [interval.exp_point(hi - top, p)[1] for lo, hi in pairs]
        low_sum, high_sum = sum(low), sum(high)
        out = []
        for a, b in zip(low, high):
            below, above = a + high_sum - b, b + low_sum - a
            out.append(((a << p) // below if below else 0, min(1 << p, ceil_div(b << p, above)) if above else 1 << p))
        if self.float32:
            return [self.softmax_error(pair, top - min(lo for lo, hi in pairs), len(pairs)) for pair in out]
        return [(lo - (lo & 1), hi) if hi == 1 << p else (lo, hi) for lo, hi in out]      # an end at 1 stays there, as one at 0 does

    def softmax_error(self, pair, spread, count):
        """Every computed exp is exp(s - max) (1 + rho) and an underflow: s - max is off by U spread at most, exp
        by 8 U; the sum by (1 + U)^(count - 1), the division by 2 U with a rounded reciprocal. The sum is at least 1/2."""
        spread = (spread >> self.p) + 1
        if spread > 1 << 19 or count > 1 << 19:
            raise NetworkError("float32 scores too far apart")
        rho = Fraction(9 + 2 * spread, UNIT)                  # (1 + 8U) exp(U spread) - 1, as U spread <= 1/32
        factor = (1 + rho) / (1 - rho) / (1 - Fraction(count, UNIT)) * (1 + Fraction(4, UNIT))
        lo = pair[0] * factor.denominator // factor.numerator
        hi = ceil_div(pair[1] * factor.numerator, factor.denominator)
        more = (count + 2) * self.tiny                        # tiny is 2^-120, underflow below 2^-125 an entry
        return max(0, lo - more), hi + more

    def mix(self, run, node, i):
        weight, weight_rad = run.row(node.inputs[0], i)
        if not weight:
            return [0] * node.width, [0] * node.width
        rows = [run.row(node.inputs[1], j) for j in run.sources(i)]
        mids = [sum(map(mul, weight, column)) for column in zip(*[m for m, r in rows])]
        rads, sizes = [], []
        for values, radii in zip(zip(*[m for m, r in rows]), zip(*[r for m, r in rows])):
            rads.append(sum((abs(w) + a) * r + a * abs(v) for w, a, v, r in zip(weight, weight_rad, values, radii)))
            sizes.append(sum((abs(w) + a) * (abs(v) + r) for w, a, v, r in zip(weight, weight_rad, values, radii)))
        mid, rad = shifted(mids, rads, self.p)
        if self.float32:
            if self.net.nodes[node.inputs[0]].op == "softmax" and not run.patched(node.inputs[0], i) and len(weight) <= 4000:
                rad = list(map(min, rad, self.about_middle(mid, weight, weight_rad, rows)))
            rad = [r + self.sum_error(ceil_shift(s, self.p), len(weight)) for r, s in zip(rad, sizes)]
        return mid, rad

    def about_middle(self, mid, weight, weight_rad, rows):
        """Another bound of a mix by shares of a softmax. An execution's p', v' have sum p' v' - sum p v = sum p' (v' - v) + sum (p' - p) (v - c) + c (sum p' - sum p)
        for every c; c is the middle. The sum of its p' is 1 but for roundings: count - 1 of the sum, 2 of a quotient, underflows; sum p is not exactly 1 either."""
        count = len(weight)
        lack = abs(sum(weight) - (1 << self.p)) + ceil_div((count + 4) << self.p, UNIT) + count * self.tiny
        rads = []
        for c, values, radii in zip(mid, zip(*[m for m, r in rows]), zip(*[r for m, r in rows])):
            spread = sum((w + a) * r + a * abs(v - c) for w, a, v, r in zip(weight, weight_rad, values, radii))
            rads.append(ceil_shift(spread + abs(c) * lack, self.p) + 1)
        return rads

    def bilinear(self, run, node, i):
        one, two = [ends(run.row(x, i)) for x in node.inputs]
        return from_ends([self.once(self.product(a, b, node)) for a, b in zip(one, two)])

    def relu(self, run, node, i):
        return from_ends([(max(0, lo), max(0, hi)) for lo, hi in ends(run.row(node.inputs[0], i))])

    def gate(self, x, inner):
        """x (1 + inner) / 2"""
        one = 1 << self.p
        y = multiply(x, self.rounded((one + inner[0], one + inner[1]), 1), self.p)
        return self.rounded((y[0] >> 1, ceil_shift(y[1], 1)), 2)

    def gelu(self, run, node, i):
        p, out = self.p, []
        half = interval.sqrt_ratio(1, 2, p)
        for x in ends(run.row(node.inputs[0], i)):
            a = self.rounded(multiply(x, half, p), 4)
            out.append(self.gate(x, self.library(interval.erf(a[0], a[1], p))))
        return from_ends(out)

    def gelu_new(self, run, node, i):
        p, out = self.p, []
        pi = interval.pi(p + 8)
        root = interval.sqrt_down((2 << (2 * (p + 8))) // pi[1], p + 8), interval.sqrt_up(ceil_div(2 << (2 * (p + 8)), pi[0]), p + 8)
        root = root[0] >> 8, ceil_shift(root[1], 8)
        for x in ends(run.row(node.inputs[0], i)):
            cube = [end ** 3 * 44715 for end in x]
            cube = cube[0] // (10 ** 6 << (2 * p)), ceil_div(cube[1], 10 ** 6 << (2 * p))
            cube = self.rounded(cube, 14)                     # the constant, the power, the product
            inside = self.rounded((x[0] + cube[0], x[1] + cube[1]), 1)
            a = self.rounded(multiply(inside, root, p), 4)
            out.append(self.gate(x, self.library(interval.tanh(a[0], a[1], p))))
        return from_ends(out)

    def silu(self, run, node, i):
        p, out = self.p, []
        for x in ends(run.row(node.inputs[0], i)):
            far = -p << p                                     # -1 < 2^p x exp x < 0 below -p, as p (2 / e)^p < 1 for p >= 64
            if x[0] >= far or self.float32:
                out.append(self.silu_of(x))
            elif x[1] <= far:
                out.append((-1, 0))
            else:
                lo, hi = self.silu_of((far, x[1]))
                out.append((min(-1, lo), max(0, hi)))
        return from_ends(out)

    def silu_of(self, x):
        """x has the sign of the result, whatever is rounded."""
        p = self.p
        if self.float32 and x[0] < -128 << p:
            raise NoEnclosure("a float32 intermediate value may overflow")
        e = self.library(interval.exp(-x[1], -x[0], p))
        e = max(0, e[0]), e[1]
        bottom = self.rounded(((1 << p) + e[0], (1 << p) + e[1]), 1)
        lo, hi = self.rounded(divide(x, bottom, p), 3)
        return max(0, lo) if x[0] >= 0 else lo, min(0, hi) if x[1] <= 0 else hi


class Run:
    """The network on one sequence: tokens, a tuple, or inputs, rows of a network of real inputs (Evaluator.input_row).

    patches: {node: {position: row}}, rows at the evaluator's precision."""

    def __init__(self, evaluator, tokens=None, patches=None, inputs=None):
        self.evaluator, self.tokens, self.inputs, self.patches = evaluator, tokens, inputs, patches or {}
        self.n = len(tokens if inputs is None else inputs)
        self.cache = {} if patches or inputs is not None else evaluator.cache
        if len(self.cache) > CACHE_ROWS:
            self.cache.clear()

    def sources(self, i):
        """The positions that row i of an attention pattern may read, in order."""
        net = self.evaluator.net
        reach = range(i + 1 if net.causal else self.n)
        return reach if net.pad is None else [j for j in reach if self.tokens[j] != net.pad]

    def patched(self, name, i):
        return self.patches.get(name, {}).get(i)

    def replaced(self):
        """Is any row replaced?"""
        return any(self.patches.values())

    def key(self, name, i):
        """What the row depends on."""
        if self.patches or self.inputs is not None:
            return name, i
        reach = self.evaluator.reach[name]
        if reach == OWN:
            return name, i, self.tokens[i]
        return name, i, self.tokens[:i + 1] if reach == PAST and self.evaluator.net.causal else self.tokens

    def row(self, name, i):
        patched = self.patched(name, i)
        if patched:
            return patched
        key = self.key(name, i)
        if key not in self.cache:
            node = self.evaluator.net.nodes[name]
            self.cache[key] = getattr(self.evaluator, node.op)(self, node, i)
        return self.cache[key]
