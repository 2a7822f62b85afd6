"""Strict reader of data arrays (proofs/NETWORK.md, section 6): an exact Array of integers when all entries are, else of Fractions."""
import re
from fractions import Fraction

from net import number
from values import Array

DIMENSION = re.compile(r"[1-9][0-9]{0,9}\Z")
MAX_INT = 2 ** 31 - 1


class DataError(Exception):
    """A .arr file breaks a rule; the message says the line and what is wrong."""


def need(condition, line, message):
    if not condition:
        raise DataError("line %d: %s" % (line, message))


def nested(shape, numbers, start=0):
    """The Array of that shape whose entries begin at numbers[start]."""
    if len(shape) == 1:
        return Array(tuple(shape), lambda i: numbers[start + i])
    size = 1
    for n in shape[1:]:
        size *= n
    return Array(tuple(shape), lambda i: nested(shape[1:], numbers, start + i * size))


def read_array(data):
    need(data.endswith(b"\n"), 0, "the file does not end in a line end")
    try:
        lines = data[:-1].decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise DataError("line 0: not ASCII")
    need(lines[0] == "weightproof-array 1", 1, "expected 'weightproof-array 1'")
    need(len(lines) > 1, 2, "the file ends early")
    words = lines[1].split(" ")
    need(words[0] == "shape" and 2 <= len(words) <= 4, 2, "expected 'shape' and 1 to 3 dimensions")
    need(all(DIMENSION.match(w) and int(w) <= MAX_INT for w in words[1:]), 2, "dimensions are integers of at least 1")
    shape = [int(w) for w in words[1:]]
    count = 1
    for n in shape[:-1]:
        count *= n
    need(count == len(lines) - 3, 2, "the shape is not that of the lines")
    numbers = []
    for i, line in enumerate(lines[2:-1], 3):
        row = [number(w) for w in line.split(" ")]
        need(len(row) == shape[-1] and None not in row, i, "expected %d canonical numbers" % shape[-1])
        numbers += [m << e if e >= 0 else Fraction(m, 1 << -e) for m, e in row]
    need(lines[-1] == "end", len(lines), "expected 'end'")
    if all(Fraction(x).denominator == 1 for x in numbers):
        return nested(shape, [int(x) for x in numbers])
    return nested(shape, [Fraction(x) for x in numbers])
