/* The canonical number of a .net file, both ways. Declared in core/number.h. */
#include "core/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Decimal digits of a small integer; returns the end. */
static char *put_exponent(char *p, int e)
{
    char digits[4];
    int n = 0;

    if (e < 0)
        *p++ = '-';
    for (e = abs(e); n == 0 || e; e /= 10)
        digits[n++] = (char)('0' + e % 10);
    while (n)
        *p++ = digits[--n];
    return p;
}

/* By hand: a network is written each time a model is loaded, to know its hash, and printf takes ten times as long. */
void number_add_hex(struct text *out, double x)
{
    static const char digits[] = "0123456789abcdef";
    const uint64_t one = (uint64_t)1 << 52;
    char buffer[32], *p = buffer;
    uint64_t bits;
    int exponent;

    if (!isfinite(x)) {
        out->failed = true;
        return;
    }
    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52 & 2047) - 1023;
    bits &= one - 1;
    if (exponent == -1023) { /* subnormal: shift the leading bit into its place */
        if (bits == 0) {
            text_add_n(out, "0", 1);
            return;
        }
        for (exponent = -1022; bits < one; bits <<= 1)
            exponent--;
        bits &= one - 1;
    }
    if (x < 0)
        *p++ = '-';
    memcpy(p, "0x1.", 4);
    p += bits ? 4 : 3;
    for (; bits; bits = bits << 4 & (one - 1))
        *p++ = digits[bits >> 48];
    *p++ = 'p';
    p = put_exponent(p, exponent);
    text_add_n(out, buffer, (size_t)(p - buffer));
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* Decimal exponent without leading zeros or plus sign, to the end of the string. */
static bool read_exponent(int *out, const char *s, const char *end)
{
    bool negative = s < end && *s == '-';
    int e = 0;

    if (negative)
        s++;
    if (s == end || end - s > 4 || (*s == '0' && (negative || end - s > 1)))
        return false;
    for (; s < end; s++) {
        if (*s < '0' || *s > '9')
            return false;
        e = 10 * e + (*s - '0');
    }
    *out = negative ? -e : e;
    return *out >= -1074 && *out <= 1023;
}

bool number_from_hex(double *out, const char *s, size_t n)
{
    const char *end = s + n;
    uint64_t bits = 1;
    int fraction = 0, exponent, digit = 0;
    bool negative = n && *s == '-';

    if (n == 1 && *s == '0') {
        *out = 0;
        return true;
    }
    s += negative;
    if (end - s < 5 || s[0] != '0' || s[1] != 'x' || s[2] != '1')
        return false;
    s += 3;
    if (*s == '.') {
        for (s++; s < end && (digit = hex_digit(*s)) >= 0; s++) {
            if (++fraction > 13)
                return false;
            bits = bits << 4 | (uint64_t)digit;
        }
        if (fraction == 0 || s == end || (s[-1] == '0'))
            return false;
    }
    if (*s != 'p' || !read_exponent(&exponent, s + 1, end))
        return false;
    /* below the normal range fewer bits are left: the lowest one set must be a multiple of 2^-1074 */
    if (exponent - 4 * fraction + __builtin_ctzll(bits) < -1074)
        return false;
    *out = ldexp((double)bits, exponent - 4 * fraction);
    if (negative)
        *out = -*out;
    return true;
}
