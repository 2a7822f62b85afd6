"""The functions of STATEMENT.md, section 3, on arrays and numbers. One method call_NAME(env, argument...) a function."""
from fractions import Fraction

import interval
from values import (Array, ClaimError, absolute, add, ends, exact, integer, integers, largest, matrix, number,
                    numbers, power, quotient, real, times, vector)


class ArrayFunctions:
    """Mixed into the Interpreter, which has value() and the precision p."""

    def numbers_of(self, env, arguments):
        """The entries of one array, or several numbers."""
        if len(arguments) == 1:
            return list(numbers(self.value(arguments[0], env)))
        return [number(self.value(a, env)) for a in arguments]

    def call_max(self, env, *arguments):
        return self.reduce("max", self.numbers_of(env, arguments))

    def call_min(self, env, *arguments):
        return self.reduce("min", self.numbers_of(env, arguments))

    def call_sum(self, env, a):
        return self.reduce("sum", self.numbers_of(env, [a]))

    def call_mean(self, env, a):
        return self.reduce("mean", self.numbers_of(env, [a]))

    def call_argmax(self, env, a):
        t = integers(self.value(a, env))
        if not t:
            raise ClaimError("argmax of nothing")
        return t.index(max(t))

    def call_argmin(self, env, a):
        t = integers(self.value(a, env))
        if not t:
            raise ClaimError("argmin of nothing")
        return t.index(min(t))

    def call_abs(self, env, a):
        a = self.value(a, env)
        return self.each(absolute, a) if isinstance(a, Array) else absolute(number(a))

    def each(self, f, a):
        return Array(a.shape, lambda i: self.each(f, a[i]) if isinstance(a[i], Array) else f(number(a[i])))

    def call_len(self, env, a):
        a = self.value(a, env)
        if not isinstance(a, Array):
            raise ClaimError("len of something that is no array")
        return a.shape[0]

    def call_sort(self, env, a):
        entries = list(numbers(self.value(a, env)))
        if not all(exact(x) for x in entries):
            raise ClaimError("sort asks for exact numbers")
        return vector(sorted(entries))

    def call_seq(self, env, *arguments):
        entries = []
        for a in arguments:
            x = self.value(a, env)
            entries += list(integers(x)) if isinstance(x, Array) else [integer(x)]
        return vector(entries)

    def length(self, kind, a):
        entries = list(numbers(a)) if isinstance(a, Array) else [number(a)]
        if kind.kind == "name" and kind.parts[0] == "inf":
            return self.reduce("max", [absolute(x) for x in entries])
        if kind.kind == "num" and kind.parts[0] == 1:
            return self.reduce("sum", [absolute(x) for x in entries])
        if kind.kind == "num" and kind.parts[0] == 2:
            return self.root(self.reduce("sum", [power(x, 2) for x in entries]))
        raise ClaimError("a norm is inf, 1 or 2")

    def call_norm(self, env, kind, a):
        return self.length(kind, self.value(a, env))

    def call_dist(self, env, kind, a, b):
        return self.length(kind, add(self.value(a, env), self.value(b, env), -1))

    def call_transpose(self, env, a):
        a = self.matrix_of(a, env)
        return matrix([list(c) for c in zip(*[list(r) for r in a])])

    def matrix_of(self, a, env):
        a = self.value(a, env)
        if not isinstance(a, Array) or len(a.shape) != 2:
            raise ClaimError("a matrix is asked for")
        return a

    def call_diag(self, env, a):
        a = self.matrix_of(a, env)
        if a.shape[0] != a.shape[1]:
            raise ClaimError("a square matrix is asked for")
        return vector([a[i][i] for i in range(a.shape[0])])

    def call_dot(self, env, a, b):
        a, b = self.value(a, env), self.value(b, env)
        if not isinstance(a, Array) or not isinstance(b, Array) or len(a.shape) != 1 or a.shape != b.shape:
            raise ClaimError("dot asks for two vectors of one length")
        return self.dot(a, b)

    def call_onehot(self, env, i, n):
        i, n = integer(self.value(i, env)), integer(self.value(n, env))
        if not 0 <= i < n:
            raise ClaimError("index out of range")
        return vector([int(j == i) for j in range(n)])

    def call_fold(self, env, table, start, t):
        """The state after the tokens of t: s becomes table[s][token]."""
        rows = [[integer(x) for x in row] for row in self.matrix_of(table, env)]
        state = integer(self.value(start, env))
        for token in integers(self.value(t, env)):
            if not (0 <= state < len(rows) and 0 <= token < len(rows[state])):
                raise ClaimError("fold leaves its table")
            state = rows[state][token]
        return state

    def call_mean_rows(self, env, a):
        a = self.matrix_of(a, env)
        mean = [quotient(self.reduce("sum", list(c)), a.shape[0]) for c in zip(*[list(r) for r in a])]
        return matrix([mean] * a.shape[0])

    # real functions

    def scaled(self, x):
        """Ends of a number as integers at 2^-p, outward."""
        lo, hi = ends(number(x))
        return (lo.numerator << self.p) // lo.denominator, -((-hi.numerator << self.p) // hi.denominator)

    def unscaled(self, lo, hi):
        return real(Fraction(lo, 1 << self.p), Fraction(hi, 1 << self.p))

    def call_exp(self, env, a):
        lo, hi = self.scaled(self.value(a, env))
        return self.unscaled(*interval.exp(lo, hi, self.p))

    def root(self, x):
        lo, hi = ends(x)
        if hi < 0:
            raise ClaimError("square root of a negative number")
        if lo < 0:
            if exact(x):
                raise ClaimError("square root of a negative number")
            raise interval.NoEnclosure("square root of something not proved non-negative")
        lo, hi = interval.sqrt_ratio(lo.numerator, lo.denominator, self.p)[0], interval.sqrt_ratio(hi.numerator, hi.denominator, self.p)[1]
        return self.unscaled(lo, hi)

    def call_sqrt(self, env, a):
        return self.root(number(self.value(a, env)))

    def call_softmax(self, env, a):
        entries = [self.scaled(x) for x in numbers(self.value(a, env))]
        top = max(hi for lo, hi in entries)
        pairs = [interval.exp(lo - top, hi - top, self.p) for lo, hi in entries]
        low, high = sum(lo for lo, hi in pairs), sum(hi for lo, hi in pairs)
        out = []
        for lo, hi in pairs:
            below, above = lo + high - hi, hi + low - lo
            out.append(real(Fraction(lo, below) if below else Fraction(0), Fraction(hi, above) if above else Fraction(1)))
        return vector(out)

    def call_pi(self, env):
        return self.unscaled(*interval.pi(self.p))

    def call_cos(self, env, a):
        return self.unscaled(*interval.circle(*self.scaled(self.value(a, env)), self.p, False))

    def call_sin(self, env, a):
        return self.unscaled(*interval.circle(*self.scaled(self.value(a, env)), self.p, True))

    def logarithm(self, x):
        lo, hi = self.scaled(x)
        if lo <= 0:
            if ends(x)[1] <= 0:
                raise ClaimError("logarithm of a number that is not positive")
            raise interval.NoEnclosure("logarithm of something not proved positive")
        return self.unscaled(*interval.log(lo, hi, self.p))

    def call_log(self, env, a):
        return self.logarithm(number(self.value(a, env)))

    def call_logsoftmax(self, env, a):
        entries = list(numbers(self.value(a, env)))
        pairs = [self.scaled(x) for x in entries]
        top = max(hi for lo, hi in pairs)
        parts = [interval.exp(lo - top, hi - top, self.p) for lo, hi in pairs]
        total = add(self.logarithm(self.unscaled(sum(lo for lo, hi in parts), sum(hi for lo, hi in parts))), Fraction(top, 1 << self.p))
        return vector([add(x, total, -1) for x in entries])

    def call_fourier(self, env, a):
        """|sum v[a, b] exp(-2 pi i (k a / n + l b / m))|^2 / (n m)."""
        a = self.value(a, env)
        if not isinstance(a, Array) or len(a.shape) > 2:
            raise ClaimError("fourier takes a vector or a matrix")
        rows = [list(r) for r in a] if len(a.shape) == 2 else [[x] for x in a]
        n, m = len(rows), len(rows[0])
        if not 1 <= n * m <= 4096:
            raise ClaimError("fourier takes at most 4096 entries")
        circle = self.roots_of_one(n * m)

        def power_at(k, l):
            sums = [0, 0]
            for i, row in enumerate(rows):
                for j, x in enumerate(row):
                    for part, root in enumerate(circle[(k * i * m + l * j * n) % (n * m)]):
                        sums[part] = add(sums[part], times(x, root))
            return quotient(add(power(sums[0], 2), power(sums[1], 2)), n * m)
        table = [[power_at(k, l) for l in range(m)] for k in range(n)]
        return matrix(table) if len(a.shape) == 2 else vector([row[0] for row in table])

    def roots_of_one(self, n):
        """(cos, sin) of 2 pi t / n."""
        out = []
        for t in range(n):
            lo, hi = interval.pi(self.p)
            angle = (2 * t * lo) // n, -((-2 * t * hi) // n)
            out.append([self.unscaled(*interval.circle(*angle, self.p, sine)) for sine in (False, True)])
        return out
