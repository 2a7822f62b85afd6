"""The functions of one variable that units of rule farkas apply (proofs/FORMAT.md, section 3, farkas 6): ranges rounded outward, and lines below and above, by rationals."""
from fractions import Fraction
from functools import lru_cache
from math import isqrt

import interval

RANGE_BITS, LINE_BITS, P_MOST, PIECES, DEPTH = 32, 64, 2048, 4096, 40
SMOOTH = ("exp", "sqrt", "erf", "tanh", "sigmoid", "gelu", "gelu_new", "silu")     # of one node, entry by entry
GATES = {"gelu": (Fraction(-19, 25), Fraction(-3, 4), Fraction(-17, 100)), "gelu_new": (Fraction(-19, 25), Fraction(-3, 4), Fraction(-171, 1000)),
         "silu": (Fraction(-13, 10), Fraction(-5, 4), Fraction(-279, 1000))}       # falls up to, rises from, nowhere below
BEND = {"square": Fraction(2), "erf": Fraction(1), "gelu_new": Fraction(1), "tanh": Fraction(4, 5), "gelu": Fraction(4, 5), "sigmoid": Fraction(1, 10), "silu": Fraction(1, 2)}


class NoRange(Exception):
    """The function has no value somewhere, or none that can be rounded."""


def floor_at(q, bits):
    return (q.numerator << bits) // q.denominator


def times(a, b, p):
    """Products of enclosures, outward."""
    ends = [x * y for x in a for y in b]
    return min(ends) >> p, -((-max(ends)) >> p)


def gate(z, inner, p):
    """z (1 + inner) / 2"""
    lo, hi = times(z, (inner[0] + (1 << p), inner[1] + (1 << p)), p)
    return lo >> 1, (hi + 1) >> 1


def enclosure(f, z, p):
    """lo <= 2^p f(z) <= hi"""
    at = floor_at(z, p), -floor_at(-z, p)
    if f in ("exp", "erf", "tanh", "sigmoid"):
        return getattr(interval, f)(at[0], at[1], p)
    if f == "silu":
        return times(at, interval.sigmoid(at[0], at[1], p), p)
    if f == "gelu":
        inside = times(at, interval.sqrt_ratio(1, 2, p), p)
        return gate(at, interval.erf(inside[0], inside[1], p), p)
    pi = interval.pi(p + 8)
    root = interval.sqrt_down((2 << (2 * (p + 8))) // pi[1], p + 8) >> 8, (interval.sqrt_up(interval.ceil_div(2 << (2 * (p + 8)), pi[0]), p + 8) >> 8) + 1
    cubic = z + z ** 3 * Fraction(44715, 10 ** 6)
    inside = times((floor_at(cubic, p), -floor_at(-cubic, p)), root, p)
    return gate(at, interval.tanh(inside[0], inside[1], p), p)


def between(f, z, bits):
    """Integers n with n / 2^bits strictly below and strictly above f(z), z not 0; None: there is no such bound."""
    one = 1 << bits
    if f in GATES:
        return None, -floor_at(-max(z, Fraction(0)), bits)
    return {"exp": (0, None), "sigmoid": (0, one), "tanh": (-one, one), "erf": (-one, one)}[f]


def algebraic(f, z, bits, up):
    q = {"square": lambda: z * z, "reciprocal": lambda: 1 / z, "reciprocal_root": lambda: 1 / z, "sqrt": lambda: z}[f]()
    if f in ("square", "reciprocal"):
        return -floor_at(-q, bits) if up else floor_at(q, bits)
    if not up:
        return isqrt(floor_at(q, 2 * bits))
    n = -floor_at(-q, 2 * bits)
    return isqrt(n - 1) + 1 if n else 0


@lru_cache(maxsize=1 << 17)
def value(f, z, bits, up):
    """f(z) rounded to a multiple of 2^-bits."""
    if f in ("square", "reciprocal", "reciprocal_root", "sqrt"):
        return Fraction(algebraic(f, z, bits, up), 1 << bits)
    if z == 0:
        return {"exp": Fraction(1), "sigmoid": Fraction(1, 2)}.get(f, Fraction(0))
    low, high = between(f, z, bits)
    p = bits + 32
    while p <= P_MOST:
        found = set()
        for x in enclosure(f, z, p):
            n = -((-x) >> (p - bits)) if up else x >> (p - bits)
            if high is not None:
                n = min(n, high if up else high - 1)
            if low is not None:
                n = max(n, low + 1 if up else low)
            found.add(n)
        if len(found) == 1:
            return Fraction(found.pop(), 1 << bits)
        p *= 2
    raise NoRange("no enclosure is narrow enough")


def span(f, lo, hi, bits=RANGE_BITS):
    """The range of f on [lo, hi]."""
    if (f == "reciprocal" and lo <= 0 <= hi) or (f == "reciprocal_root" and lo <= 0) or (f == "sqrt" and lo < 0) or (f == "exp" and hi > 64):
        raise NoRange("%s has no value, or too large a one" % f)
    if f in ("reciprocal", "reciprocal_root"):
        return value(f, hi, bits, False), value(f, lo, bits, True)
    if f != "square" and f not in GATES:
        return value(f, lo, bits, False), value(f, hi, bits, True)
    top = max(value(f, lo, bits, True), value(f, hi, bits, True))
    if f in GATES:
        falls, rises, least = GATES[f]
        return value(f, lo, bits, False) if lo >= rises else value(f, hi, bits, False) if hi <= falls else least, top
    return Fraction(0) if lo <= 0 <= hi else value(f, lo if lo > 0 else hi, bits, False), top


def bend(f, lo, hi):
    """No |f''| on [lo, hi] is above it; None: not known."""
    if f in BEND:
        return BEND[f]
    a, d = span(f, lo, hi)
    if f == "exp":
        return d
    if f == "reciprocal":
        return 2 * max(abs(a), abs(d)) ** 3
    if f == "reciprocal_root":
        return Fraction(3, 4) * d ** 5
    return 1 / (4 * a ** 3) if a > 0 else None


def line_holds(f, lo, hi, slope, constant, above):
    if lo > hi:
        return True
    b = bend(f, lo, hi)
    if b is None:
        return False

    def room(z):
        y = value(f, z, LINE_BITS, above) - slope * z - constant
        return -y if above else y

    todo, count = [(lo, hi, room(lo), room(hi), 1)], 0
    while todo:
        x, y, at_x, at_y, depth = todo.pop()
        count += 1
        if at_x < 0 or at_y < 0 or depth > DEPTH or count > PIECES:
            return False
        if min(at_x, at_y) >= b * (y - x) ** 2 / 8:
            continue
        middle = (x + y) / 2
        at_middle = room(middle)
        todo += [(x, middle, at_x, at_middle, depth + 1), (middle, y, at_middle, at_y, depth + 1)]
    return True
