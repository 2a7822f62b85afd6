"""Enclosures in fixed point: integers lo <= x * 2^p <= hi, and exp, sqrt, erf, tanh with proved remainders.

Every function takes integers that stand for x * 2^p and returns a pair (lo, hi) that encloses f(x) * 2^p.
"""
from math import isqrt

GUARD = 32          # extra bits inside a function: rounding errors of fewer than 2^24 steps stay below one unit
_memo = {}


class NoEnclosure(Exception):
    """A number that cannot be enclosed (at this precision): division by what may be 0, or a power out of range."""


def ceil_div(a, b):
    return -((-a) // b)


def ceil_shift(a, s):
    """a / 2^s rounded up (s >= 0)."""
    return -((-a) >> s)


def sqrt_ratio(num, den, p):
    """Enclosure of sqrt(num / den) for integers num >= 0, den >= 1: a point when the root is found exactly."""
    scaled = num << (2 * p)
    lo = isqrt(scaled // den)
    return lo, lo if lo * lo * den == scaled else lo + 1


def sqrt_down(a, p):
    return isqrt(a << p)


def sqrt_up(a, p):
    n = a << p
    r = isqrt(n)
    return r if r * r == n else r + 1


def ln2(p):
    """ln 2 = 2 artanh(1/3) = sum 2 / ((2k+1) 3^(2k+1)); the tail after term k is less than term k / 8."""
    if ("ln2", p) not in _memo:
        one, total, k, power = 2 << (p + GUARD), 0, 0, 3
        while True:
            term = one // ((2 * k + 1) * power)
            total += term
            if term == 0:
                break
            k, power = k + 1, power * 9
        # k + 1 terms rounded down, the last of them and the tail below one unit each
        _memo["ln2", p] = total >> GUARD, ceil_shift(total + k + 3, GUARD)
    return _memo["ln2", p]


def exp_point(a, p):
    """Enclosure of exp(a / 2^p) * 2^p. exp x = 2^n exp r, r = x - n ln 2, |r| <= 1, Taylor sum for r."""
    n = (a * 10 ** 9 // 693147181) >> p              # |x - n ln 2| <= 1 for |x| <= 2^20; below that the first case
    if n > 2 ** 20:
        raise NoEnclosure("exp of a number above 2^19")
    if n < -(p + 8):
        return 0, 1                                  # x < (n + 1) ln 2 + small, so exp x < 2^-p
    q = p + GUARD + max(n, 0)
    low, high = ln2(q + n.bit_length())
    cut = n.bit_length()
    r = (a << (q - p)) - ((n * low) >> cut)
    slack = abs(n) * (high - low) + 2                # |r - true| in units of 2^-q, before the cut: more than enough
    term = total = 1 << q
    k = 1
    while term:
        term = (term * r) >> q
        term //= k
        total += term
        k += 1
        if -1 <= term <= 1 and k > 4:
            break
    # |r| <= 1 gives: each of k terms is off by at most 3 units (k-fold products shrink), the tail after a term
    # of size <= 1 unit with k > 4 is below 1 unit; |exp r - exp r'| <= 3 |r - r'|.
    error = 4 * k + 4 + 4 * slack
    lo, hi = total - error, total + error
    move = q - p - n
    return max(0, lo >> move), ceil_shift(hi, move)


def exp(lo, hi, p):
    return exp_point(lo, p)[0], exp_point(hi, p)[1]


def pi(p):
    """Machin: pi = 16 arctan(1/5) - 4 arctan(1/239); alternating sums, every term rounded down."""
    if ("pi", p) not in _memo:
        q = p + GUARD

        def arctan_inverse(x):
            term, total, k = (1 << q) // x, 0, 0
            while term:
                total += term // (2 * k + 1) if k % 2 == 0 else -(term // (2 * k + 1))
                term //= x * x
                k += 1
            return total, 2 * k + 2                  # each term off by at most 2 units, tail by at most 1

        (a, da), (b, db) = arctan_inverse(5), arctan_inverse(239)
        middle, error = 16 * a - 4 * b, 16 * da + 4 * db
        _memo["pi", p] = (middle - error) >> GUARD, ceil_shift(middle + error, GUARD)
    return _memo["pi", p]


def erf_point(a, p):
    """erf x = 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, all terms positive for x > 0; erf(-x) = -erf x."""
    if a < 0:
        lo, hi = erf_point(-a, p)
        return -hi, -lo
    if a == 0:
        return 0, 0
    if (a * a) >> (2 * p) > p + 2:
        return (1 << p) - 1, 1 << p                  # 1 - erf x <= exp(-x^2) < 2^-p
    size = (a * a >> (2 * p)) + 4                    # exp(x^2) <= 2^(1.5 size): the sum may be that large
    q = p + GUARD + 4 * size
    x = a << (q - p)
    term, total, n = x, x, 0
    square = (x * x) >> q
    while True:
        n += 1
        term = ((2 * term * square) >> q) // (2 * n + 1)
        total += term
        if term == 0 and 2 * square < (2 * n + 3) << (q - 1):
            break                                    # from here each term is less than half the one before
    # A unit lost in term j grows in later terms by at most exp(x^2), because (2i+1) ... (2j+1) >= 2^m m! for m factors;
    # term j loses at most 2 + x exp(x^2) units; the tail is below the last term: 2 n^2 (2 + x exp(x^2)) exp(x^2) in all.
    error = (2 * n * n + 8) << (4 * size)
    e_lo, e_hi = exp_point(-ceil_shift(x * x, q), q)[0], exp_point(-square, q)[1]
    p_lo, p_hi = pi(q)
    root_lo, root_hi = sqrt_down(p_lo, q), sqrt_up(p_hi, q)
    lo = 2 * total * e_lo // root_hi
    hi = ceil_div(2 * (total + error) * e_hi, root_lo)
    return lo >> (q - p), min(1 << p, ceil_shift(hi, q - p))


def erf(lo, hi, p):
    return erf_point(lo, p)[0], erf_point(hi, p)[1]


def tanh_point(a, p):
    """tanh x = (1 - e) / (1 + e), e = exp(-2x), decreasing in e; odd."""
    if a < 0:
        lo, hi = tanh_point(-a, p)
        return -hi, -lo
    q = p + 8
    one = 1 << q
    lo, hi = exp_point(-2 * (a << 8), q)
    return max(0, ((one - hi) << p) // (one + hi)), ceil_div((one - lo) << p, one + lo)


def tanh(lo, hi, p):
    return tanh_point(lo, p)[0], tanh_point(hi, p)[1]


def sigmoid_point(a, p):
    """1 / (1 + exp(-x)) for x >= 0, exp x / (1 + exp x) below: e / (1 + e) increases in e."""
    one = 1 << p
    lo, hi = exp_point(-abs(a), p)
    if a >= 0:
        return (one << p) // (one + hi), ceil_div(one << p, one + lo)
    return (lo << p) // (one + lo), ceil_div(hi << p, one + hi)


def sigmoid(lo, hi, p):
    return sigmoid_point(lo, p)[0], sigmoid_point(hi, p)[1]


def circle_point(a, p, sine):
    """cos or sin of a / 2^p: reduced by a multiple of 2 pi, then Taylor's series in numbers with q bits."""
    q = p + GUARD + 2 * abs(a).bit_length() + 16
    lo, hi = pi(q)
    x = a << (q - p)
    k = (x + lo) // (2 * lo)
    r = x - 2 * k * lo                               # |r| < 4; off by |k| 2 (hi - lo)
    term = total = r if sine else 1 << q
    square, n = (r * r) >> q, 0
    while n < 7 or abs(term) > 1:
        n += 1
        term = -((term * square) >> q) // (2 * n * (2 * n + 1) if sine else (2 * n - 1) * 2 * n)
        total += term
    # a term loses what the one before lost times r^2 / divisor (at most 16 / 2, 16 / 12, ...), 11 / divisor for r^2 and two roundings: below 16 units, the tail below 20
    error = 16 * n + 36 + abs(k) * 2 * (hi - lo)
    return (total - error) >> (q - p), ceil_shift(total + error, q - p)


def circle(lo, hi, p, sine):
    """On an interval: the value at its lower end, widened by its length (no slope is above 1)."""
    below, above = circle_point(lo, p, sine)
    return max(below - (hi - lo), -(1 << p)), min(above + (hi - lo), 1 << p)


def log_point(a, p):
    """log of a / 2^p > 0, a = 2^(p + e) m with 1 <= m < 2: e ln 2 + 2 atanh((m - 1) / (m + 1))."""
    bits = a.bit_length() - 1
    e, q = bits - p, p + GUARD + 64
    unit = 1 << bits
    z = ((a - unit) << q) // (a + unit)
    square, power, total, n = (z * z) >> q, z, z, 0
    while power:
        n += 1
        power = (power * square) >> q
        total += power // (2 * n + 1)
    low, high = ln2(q)
    error = 6 * n + 20                               # of twice the sum: everything was rounded down
    lo, hi = 2 * total, 2 * total + error
    lo, hi = (lo + e * low, hi + e * high) if e >= 0 else (lo + e * high, hi + e * low)
    return lo >> (q - p), ceil_shift(hi, q - p)


def log(lo, hi, p):
    return log_point(lo, p)[0], log_point(hi, p)[1]
