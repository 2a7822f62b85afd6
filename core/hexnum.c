/* The canonical number of a .net file, both ways. Declared in core/number.h. */
#include "core/number.h"

#include <math.h>
#include <stdint.h>

void number_add_hex(struct text *out, double x)
{
    static const char digits[] = "0123456789abcdef";
    char fraction[14];
    int exponent, n = 0;
    uint64_t bits;

    if (!isfinite(x)) {
        out->failed = true;
        return;
    }
    if (x == 0) {
        text_add_n(out, "0", 1);
        return;
    }
    bits = (uint64_t)ldexp(frexp(fabs(x), &exponent), 53) & 0xfffffffffffffu;
    while (bits) {
        fraction[n++] = digits[bits >> 48];
        bits = bits << 4 & 0xfffffffffffffu;
    }
    fraction[n] = '\0';
    text_addf(out, "%s0x1%s%sp%d", x < 0 ? "-" : "", n ? "." : "", fraction, exponent - 1);
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
