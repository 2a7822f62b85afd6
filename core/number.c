/* Rational literals, balls as rationals and doubles. The double kernels are in kernel.c and kernelexp.c. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/number.h"
#include "core/mem.h"

#define EXPONENT_MAX 4096

void number_add_text(struct text *out, const mpq_t q)
{
    char *s = mem_array(mpz_sizeinbase(mpq_numref(q), 10) + mpz_sizeinbase(mpq_denref(q), 10) + 4, 1);
    if (!s) {
        out->failed = true;
        return;
    }
    mpq_get_str(s, 10, q);
    text_add(out, s);
    free(s);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

/* Digits of `base` with at most one point; *places counts those after it. False without a digit. */
static bool read_digits(mpz_t out, long *places, const char **s, const char *end, int base)
{
    bool any = false, point = false;
    mpz_set_ui(out, 0);
    *places = 0;
    for (; *s < end; (*s)++) {
        if (**s == '.' && !point) {
            point = true;
            continue;
        }
        int v = digit_value(**s);
        if (v >= base) break;
        mpz_mul_ui(out, out, (unsigned long)base);
        mpz_add_ui(out, out, (unsigned long)v);
        *places += point;
        any = true;
    }
    return any && (*s)[-1] != '.';
}

static bool read_exponent(long *out, const char **s, const char *end)
{
    bool negative = false;
    if (*s < end && (**s == '+' || **s == '-')) negative = *(*s)++ == '-';
    if (*s == end || !isdigit((unsigned char)**s)) return false;
    for (*out = 0; *s < end && isdigit((unsigned char)**s); (*s)++) {
        *out = *out * 10 + (**s - '0');
        if (*out > EXPONENT_MAX) return false;
    }
    if (negative) *out = -*out;
    return true;
}

/* q = digits * base^exponent */
static void scale(mpq_t q, const mpz_t digits, unsigned long base, long exponent)
{
    mpz_t p;
    mpz_init(p);
    mpz_ui_pow_ui(p, base, (unsigned long)labs(exponent));
    mpq_set_z(q, digits);
    if (exponent >= 0) mpz_mul(mpq_numref(q), mpq_numref(q), p);
    else mpz_set(mpq_denref(q), p);
    mpq_canonicalize(q);
    mpz_clear(p);
}

bool number_from_literal(mpq_t out, const char *s, size_t n)
{
    const char *end = s + n;
    bool negative = n > 0 && *s == '-', ok = false;
    if (negative) s++;
    bool hex = end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    if (hex) s += 2;
    long places = 0, exponent = 0;
    mpz_t digits;
    mpz_init(digits);
    if (s == end || *s == '.' || !read_digits(digits, &places, &s, end, hex ? 16 : 10)) goto done;
    if (s < end && (hex ? *s == 'p' || *s == 'P' : *s == 'e' || *s == 'E')) {
        s++;
        if (!read_exponent(&exponent, &s, end)) goto done;
    }
    if (s != end || places > EXPONENT_MAX) goto done;
    if (negative) mpz_neg(digits, digits);
    if (hex) scale(out, digits, 2, exponent - 4 * places);
    else scale(out, digits, 10, exponent - places);
    ok = true;
done:
    mpz_clear(digits);
    return ok;
}

void number_set_double(mpq_t out, double x)
{
    mpq_set_d(out, x);
}

void ball_set_number(arb_t out, const mpq_t q, slong prec)
{
    fmpq_t f;
    fmpq_init(f);
    fmpq_set_mpq(f, q);
    arb_set_fmpq(out, f, prec);
    fmpq_clear(f);
}

/* floor (or ceiling) of x 2^bits, over 2^bits */
static void end_of(mpq_t out, const arf_t x, unsigned bits, arf_rnd_t round)
{
    arf_t scaled;
    fmpz_t z;
    arf_init(scaled);
    fmpz_init(z);
    arf_mul_2exp_si(scaled, x, (slong)bits);
    arf_get_fmpz(z, scaled, round);
    fmpz_get_mpz(mpq_numref(out), z);
    mpz_set_ui(mpq_denref(out), 1);
    mpz_mul_2exp(mpq_denref(out), mpq_denref(out), bits);
    mpq_canonicalize(out);
    fmpz_clear(z);
    arf_clear(scaled);
}

void ball_ends(mpq_t lo, mpq_t hi, const arb_t x, unsigned bits)
{
    arf_t a, b, r;
    arf_init(a);
    arf_init(b);
    arf_init(r);
    arf_set_mag(r, arb_radref(x));
    arf_sub(a, arb_midref(x), r, ARF_PREC_EXACT, ARF_RND_DOWN);
    arf_add(b, arb_midref(x), r, ARF_PREC_EXACT, ARF_RND_DOWN);
    end_of(lo, a, bits, ARF_RND_FLOOR);
    end_of(hi, b, bits, ARF_RND_CEIL);
    arf_clear(a);
    arf_clear(b);
    arf_clear(r);
}

void ball_to_double(double *mid, double *rad, const arb_t x)
{
    *mid = 0;
    *rad = INFINITY;
    if (!arb_is_finite(x)) return;
    double m = arf_get_d(arb_midref(x), ARF_RND_NEAR);
    if (!isfinite(m)) return;
    arb_t d;
    arf_t bound;
    arb_init(d);
    arf_init(bound);
    arf_set_d(bound, m);
    arb_sub_arf(d, x, bound, MAG_BITS);
    arb_get_abs_ubound_arf(bound, d, MAG_BITS);
    *mid = m;
    *rad = arf_get_d(bound, ARF_RND_UP);
    arf_clear(bound);
    arb_clear(d);
}
