"""Rows of enclosures and single enclosures, in integers.

A row is a pair of lists (mid, rad) of integers: entry j lies in [mid[j] - rad[j], mid[j] + rad[j]] * 2^-p. A pair (lo, hi) is one
entry in [lo, hi] * 2^-p. The row of a score, softmax or bilinear node has one entry for each allowed source, in order of position.
"""
from fractions import Fraction

from interval import NoEnclosure, ceil_div, ceil_shift

UNIT = 1 << 24


class NetworkError(Exception):
    """A network value that does not exist, or cannot be had under float32; the message says why."""


def from_ints(ints, shift, p):
    """The row of the exact numbers ints * 2^-shift."""
    if shift <= p:
        return [x << (p - shift) for x in ints], [0] * len(ints)
    return from_ends([(x >> (shift - p), ceil_shift(x, shift - p)) for x in ints])


def shifted(mid, rad, s):
    """mid, rad times 2^-s: floors lose less than one unit, nothing when they are exact."""
    mask = (1 << s) - 1
    return [x >> s for x in mid], [ceil_shift(r, s) + (x & mask != 0) for x, r in zip(mid, rad)]


def from_ends(pairs):
    """An odd unit goes to the side away from 0, so that an end at 0 stays there."""
    mid = [(lo + hi + (lo >= 0)) >> 1 for lo, hi in pairs]
    return mid, [max(hi - m, m - lo) for m, (lo, hi) in zip(mid, pairs)]


def ends(row):
    return [(m - r, m + r) for m, r in zip(*row)]


def multiply(a, b, p):
    """Product of two enclosures."""
    products = [x * y for x in a for y in b]
    return min(products) >> p, ceil_shift(max(products), p)


def divide(a, b, p):
    """a / b; b must not reach 0."""
    if b[1] < 0:
        a, b = (-a[1], -a[0]), (-b[1], -b[0])
    if b[0] <= 0:
        raise NoEnclosure("a division by what may be 0")
    return (a[0] << p) // (b[1] if a[0] >= 0 else b[0]), ceil_div(a[1] << p, b[0] if a[1] >= 0 else b[1])


def nearest32(x):
    """The binary32 number nearest the rational x >= 0, ties to even (no overflow in the uses here)."""
    if x == 0:
        return x
    e = x.numerator.bit_length() - x.denominator.bit_length()
    e -= Fraction(2) ** e > x
    step = Fraction(2) ** max(e - 23, -149)
    q, rest = divmod(x, step)
    return (q + (rest * 2 > step or (rest * 2 == step and q % 2 == 1))) * step


def is_binary32(m, shift):
    """Whether m * 2^-shift is a binary32 number."""
    if m == 0:
        return True
    twos = (m & -m).bit_length() - 1
    m, e = abs(m) >> twos, twos - shift
    return m < UNIT and e >= -149 and m.bit_length() + e <= 128


def nearest_units(x, p):
    """The binary32 number nearest x * 2^-p, ties to even and without an end of the range, in the same units: an integer again."""
    s = max(abs(x).bit_length() - 24, p - 149)                # the place of its last bit
    if s <= 0:
        return x
    q, rest = divmod(abs(x), 1 << s)
    q += rest * 2 > 1 << s or (rest * 2 == 1 << s and q % 2 == 1)
    return q << s if x >= 0 else -(q << s)
