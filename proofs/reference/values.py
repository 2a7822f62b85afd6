"""Numbers and arrays of expressions (proofs/STATEMENT.md, section 3).

int is an integer, Fraction a rational, Real an enclosure; a Symbol (linear.py) is a linear form. Truth values are
True, False, None (unsettled). Arrays know their shape and compute an entry when it is asked for.
"""
from fractions import Fraction

from interval import NoEnclosure


class ClaimError(Exception):
    """The claim has no meaning at this binding, or no rule of this version reads it."""


class Unsettled(Exception):
    """A number cannot be had at this precision."""


class Real:
    """A real number in [lo, hi], Fractions. same: equal for two Reals that are the same network entry, else None. share: (the softmax row that it is an entry of, the entry, how many
    entries of that row have a source), else None."""

    def __init__(self, lo, hi, same=None, share=None):
        self.lo, self.hi, self.same, self.share = lo, hi, same, share


class Symbol:
    """A number that does its own arithmetic: methods add, times, quotient, largest, absolute, compare."""


class Array:
    def __init__(self, shape, get):
        self.shape, self.get, self.known = shape, get, {}

    def __getitem__(self, i):
        if i not in self.known:
            self.known[i] = self.get(i)
        return self.known[i]

    def __iter__(self):
        return (self[i] for i in range(self.shape[0]))


def vector(items):
    return Array((len(items),), list(items).__getitem__)


def matrix(rows):
    rows = [vector(r) for r in rows]
    return Array((len(rows), rows[0].shape[0]), rows.__getitem__)


def exact(x):
    return isinstance(x, (int, Fraction))


def ends(x):
    if isinstance(x, Symbol):
        raise ClaimError("no rule for this function of a linear form")
    return (x.lo, x.hi) if isinstance(x, Real) else (x, x)


def real(lo, hi):
    """A Real; ends with long fractions are rounded outward."""
    if hi.denominator.bit_length() > 4096 or lo.denominator.bit_length() > 4096:
        lo, hi = Fraction((lo.numerator << 2048) // lo.denominator, 1 << 2048), Fraction(-((-hi.numerator << 2048) // hi.denominator), 1 << 2048)
    return Real(Fraction(lo), Fraction(hi))


def symbol(a, b):
    return a if isinstance(a, Symbol) else b if isinstance(b, Symbol) else None


def whole_row(values):
    """Are these all entries of one softmax row that have a source, each once (others of it are 0)?"""
    shares = [x.share for x in values if isinstance(x, Real) and x.share]
    others = [x for x in values if not (isinstance(x, Real) and x.share)]
    return bool(shares) and len({s[0] for s in shares}) == 1 and len({s[1] for s in shares}) == len(shares) == shares[0][2] and all(isinstance(x, Real) and x.lo == x.hi == 0 for x in others)


def same(a, b):
    return isinstance(a, Real) and isinstance(b, Real) and a.same is not None and a.same == b.same


def compare(op, a, b):
    """a op b, three-valued."""
    if op in (">", ">="):
        return compare("<" if op == ">" else "<=", b, a)
    if op == "!=":
        return negate(compare("==", a, b))
    if isinstance(a, Array) or isinstance(b, Array):
        if op != "==" or not (isinstance(a, Array) and isinstance(b, Array)) or len(a.shape) != 1 or a.shape != b.shape:
            raise ClaimError("a number is asked for")
        return conjunction([compare("==", x, y) for x, y in zip(a, b)])
    number(a), number(b)
    if symbol(a, b):
        return symbol(a, b).compare(op, a, b)
    if same(a, b):
        return op != "<"
    (a_lo, a_hi), (b_lo, b_hi) = ends(a), ends(b)
    if op == "<":
        return True if a_hi < b_lo else False if a_lo >= b_hi else None
    if op == "<=":
        return True if a_hi <= b_lo else False if a_lo > b_hi else None
    if a_hi < b_lo or b_hi < a_lo:
        return False
    return True if a_lo == a_hi == b_lo == b_hi else None


def negate(a):
    return None if a is None else not a


def conjunction(values):
    """Kleene's and of an iterator, which is left as soon as one is False."""
    result = True
    for x in values:
        if x is False:
            return False
        if x is None:
            result = None
    return result


def disjunction(values):
    return negate(conjunction(negate(x) for x in values))


def add(a, b, sign=1):
    if isinstance(a, Array) or isinstance(b, Array):
        if not (isinstance(a, Array) and isinstance(b, Array) and a.shape == b.shape):
            raise ClaimError("sum of arrays of different shapes")
        return Array(a.shape, lambda i: add(a[i], b[i], sign))
    if symbol(a, b):
        return symbol(a, b).add(a, b, sign)
    if exact(a) and exact(b):
        return a + sign * b
    if sign < 0 and same(a, b):
        return Real(Fraction(0), Fraction(0))
    (a_lo, a_hi), (b_lo, b_hi) = ends(a), ends(b)
    return real(a_lo + b_lo, a_hi + b_hi) if sign > 0 else real(a_lo - b_hi, a_hi - b_lo)


def times(a, b):
    if isinstance(a, Array) and isinstance(b, Array):
        raise ClaimError("product of two arrays")
    if isinstance(b, Array):
        a, b = b, a
    if isinstance(a, Array):
        return Array(a.shape, lambda i: times(a[i], b))
    if symbol(a, b):
        return symbol(a, b).times(a, b)
    if exact(a) and exact(b):
        return a * b
    products = [Fraction(x) * y for x in ends(a) for y in ends(b)]
    return real(min(products), max(products))


def quotient(a, b):
    if isinstance(b, Array):
        raise ClaimError("division by an array")
    if isinstance(a, Array):
        return Array(a.shape, lambda i: quotient(a[i], b))
    if symbol(a, b):
        return symbol(a, b).quotient(a, b)
    lo, hi = ends(b)
    if exact(b) and b == 0:
        raise ClaimError("division by zero")
    if lo <= 0 <= hi:
        raise NoEnclosure("division by something not proved non-zero")
    if exact(a) and exact(b):
        return Fraction(a) / b
    quotients = [Fraction(x) / y for x in ends(a) for y in (lo, hi)]
    return real(min(quotients), max(quotients))


def power(a, n):
    if not isinstance(n, int) or abs(n) > 4096:
        raise ClaimError("no rule for this power")
    if exact(a):
        if a == 0 and n < 0:
            raise ClaimError("division by zero")
        if max(abs(Fraction(a).numerator), Fraction(a).denominator).bit_length() * abs(n) > 1 << 20:
            raise ClaimError("number too long")
        return Fraction(a) ** n if n < 0 else a ** n
    if not isinstance(a, Real):
        raise ClaimError("no rule for this power")
    if n < 0:
        return quotient(1, power(a, -n))
    lo, hi = a.lo ** n, a.hi ** n
    if n % 2 == 0 and n > 0 and a.lo < 0:
        return real(Fraction(0) if a.hi > 0 else min(lo, hi), max(lo, hi))
    return real(lo, hi)


def largest(a, b, sign=1):
    """max (sign 1) or min (sign -1) of two numbers."""
    if symbol(a, b):
        return symbol(a, b).largest(a, b, sign)
    if exact(a) and exact(b):
        return max(a, b) if sign > 0 else min(a, b)
    if same(a, b):
        return a
    for x, y in ((a, b), (b, a)):               # one of them is it
        if not exact(x) and (ends(x)[0] >= ends(y)[1] if sign > 0 else ends(x)[1] <= ends(y)[0]):
            return x
    pick = max if sign > 0 else min
    return real(pick(ends(a)[0], ends(b)[0]), pick(ends(a)[1], ends(b)[1]))


def absolute(a):
    if exact(a):
        return abs(a)
    if isinstance(a, Symbol):
        return a.absolute()
    if a.lo >= 0:
        return a
    return real(-a.hi if a.hi <= 0 else Fraction(0), max(-a.lo, a.hi))


def hull(a, b):
    if isinstance(a, (int, Fraction, Real)) and isinstance(b, (int, Fraction, Real)):
        if exact(a) and exact(b) and a == b:
            return a
        return real(min(ends(a)[0], ends(b)[0]), max(ends(a)[1], ends(b)[1]))
    raise Unsettled()


def numbers(a):
    """All entries of an array, in order."""
    if not isinstance(a, Array):
        raise ClaimError("an array is asked for")
    for x in a:
        if isinstance(x, Array):
            yield from numbers(x)
        else:
            yield x


def number(x):
    if not isinstance(x, (int, Fraction, Real, Symbol)):
        raise ClaimError("a number is asked for")
    return x


def integer(x):
    if not isinstance(x, int):
        raise ClaimError("an integer is asked for")
    return x


def integers(a):
    """An integer array with one axis, as a tuple."""
    if not isinstance(a, Array) or len(a.shape) != 1:
        raise ClaimError("a sequence is asked for")
    return tuple(integer(x) for x in a)


def is_integers(a):
    return isinstance(a, Array) and len(a.shape) == 1 and all(isinstance(x, int) for x in a)
