/* roots.c: ties of outputs along a line. */
#include "verify/roots.h"
#include <math.h>
#include <string.h>
#include "core/mem.h"

void root_init(struct root *x) { fmpq_init(&x->p), fmpq_init(&x->r), x->sign = 0; }
void root_clear(struct root *x) { fmpq_clear(&x->p), fmpq_clear(&x->r); }

void root_copy(struct root *to, const struct root *from)
{
    fmpq_set(&to->p, &from->p);
    fmpq_set(&to->r, &from->r);
    to->sign = from->sign;
}

/* Sign of e + k sqrt(r), r >= 0. */
static int sign_sum(const fmpq_t e, const fmpq_t k, const fmpq_t r)
{
    int a = fmpq_sgn(e), b = fmpq_is_zero(r) ? 0 : fmpq_sgn(k);
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    fmpq_t x, y;
    fmpq_init(x), fmpq_init(y);
    fmpq_mul(x, e, e);
    fmpq_mul(y, k, k);
    fmpq_mul(y, y, r);
    int order = fmpq_cmp(x, y);
    fmpq_clear(x), fmpq_clear(y);
    return order == 0 ? 0 : order > 0 ? a : b;
}

/* p1 + s1 sqrt(r1) against p2 + s2 sqrt(r2) */
int root_compare(const struct root *x, const struct root *y)
{
    fmpq_t d, k, t;
    fmpq_init(d), fmpq_init(k), fmpq_init(t);
    fmpq_sub(d, &x->p, &y->p);
    fmpq_set_si(k, x->sign, 1);
    int left = sign_sum(d, k, &x->r), order;
    if (left != y->sign) order = left < y->sign ? -1 : 1;
    else if (left == 0) order = 0;
    else {                       /* of one sign: the squares decide */
        fmpq_mul(t, d, d);
        fmpq_add(t, t, &x->r);
        fmpq_sub(t, t, &y->r);
        fmpq_mul(k, k, d);
        fmpq_add(k, k, k);
        order = left * sign_sum(t, k, &x->r);
    }
    fmpq_clear(d), fmpq_clear(k), fmpq_clear(t);
    return order;
}

/* A root of a square is a rational number. */
static void make_rational(struct root *x)
{
    if (!fmpz_is_square(fmpq_numref(&x->r)) || !fmpz_is_square(fmpq_denref(&x->r))) return;
    fmpq_t size;
    fmpq_init(size);
    fmpz_sqrt(fmpq_numref(size), fmpq_numref(&x->r));
    fmpz_sqrt(fmpq_denref(size), fmpq_denref(&x->r));
    if (x->sign < 0) fmpq_sub(&x->p, &x->p, size);
    else fmpq_add(&x->p, &x->p, size);
    fmpq_zero(&x->r);
    fmpq_clear(size);
    x->sign = 0;
}

/* The roots of q[0] + q[1] s + q[2] s^2, which is not 0: 0 to 2 of them. */
int roots_of(struct root out[2], const fmpq *q)
{
    fmpq_t t;
    int n = 0;
    if (fmpq_is_zero(q + 2) && fmpq_is_zero(q + 1)) return 0;
    fmpq_init(t);
    if (fmpq_is_zero(q + 2)) {
        fmpq_div(&out[0].p, q, q + 1);
        fmpq_neg(&out[0].p, &out[0].p);
        out[0].sign = 0;
        fmpq_zero(&out[0].r);
        n = 1;
    } else {
        fmpq_div(&out[0].p, q + 1, q + 2);
        fmpq_div_2exp(&out[0].p, &out[0].p, 1);
        fmpq_neg(&out[0].p, &out[0].p);
        fmpq_mul(&out[0].r, &out[0].p, &out[0].p);
        fmpq_div(t, q, q + 2);
        fmpq_sub(&out[0].r, &out[0].r, t);
        n = fmpq_sgn(&out[0].r) < 0 ? 0 : fmpq_is_zero(&out[0].r) ? 1 : 2;
        out[0].sign = n == 2 ? -1 : 0;
        if (n == 2) root_copy(&out[1], &out[0]), out[1].sign = 1;
        if (n == 2) make_rational(&out[0]), make_rational(&out[1]);
    }
    fmpq_clear(t);
    return n;
}

/* Numbers below and above it, within 2^-bits of each other. */
void root_enclose(fmpq_t lo, fmpq_t hi, const struct root *x, ulong bits)
{
    fmpz_t f;
    fmpz_init(f);
    fmpz_mul(f, fmpq_numref(&x->r), fmpq_denref(&x->r));
    fmpz_mul_2exp(f, f, 2 * bits);
    fmpz_sqrt(f, f);             /* sqrt(r) = sqrt(n d) / d */
    if (x->sign < 0) fmpz_neg(f, f), fmpz_sub_ui(f, f, 1);
    if (x->sign == 0) fmpz_zero(f);
    fmpq_set_fmpz_frac(lo, f, fmpq_denref(&x->r));
    if (x->sign != 0) fmpz_add_ui(f, f, 1);
    fmpq_set_fmpz_frac(hi, f, fmpq_denref(&x->r));
    fmpq_div_2exp(lo, lo, bits);
    fmpq_div_2exp(hi, hi, bits);
    fmpq_add(lo, lo, &x->p);
    fmpq_add(hi, hi, &x->p);
    fmpz_clear(f);
}

/* The outputs at x + s v: three coefficients each. */
fmpq *outputs_on_line(const struct outputs *o, const fmpq *x, const fmpq *v)
{
    fmpq *q = _fmpq_vec_init((slong)(3 * o->width));
    fmpq_t one, t, c;
    fmpq_init(one), fmpq_init(t), fmpq_init(c);
    fmpq_one(one);
    for (size_t i = 0; i <= o->n; i++)
        for (size_t j = i; j <= o->n; j++) {
            const fmpq *a = i ? x + i - 1 : one, *b = j ? x + j - 1 : one;
            fmpq p[3];
            for (int m = 0; m < 3; m++) fmpq_init(p + m);
            fmpq_mul(p, a, b);
            if (j) fmpq_mul(p + 1, a, v + j - 1);
            if (i) fmpq_addmul(p + 1, v + i - 1, b);
            if (i) fmpq_mul(p + 2, v + i - 1, v + j - 1);
            for (size_t k = 0; k < o->width; k++) {
                fmpz_set(fmpq_numref(c), o->c + k * o->each + monomial(o->n, i, j));
                fmpz_one(fmpq_denref(c));
                if (fmpz_is_zero(fmpq_numref(c))) continue;
                for (int m = 0; m < 3; m++) fmpq_addmul(q + 3 * k + (size_t)m, c, p + m);
            }
            for (int m = 0; m < 3; m++) fmpq_clear(p + m);
        }
    for (size_t k = 0; k < 3 * o->width; k++) fmpq_div_2exp(q + k, q + k, o->scale);
    fmpq_clear(one), fmpq_clear(t), fmpq_clear(c);
    return q;
}

void difference_on_line(fmpq *d, const fmpq *a, const fmpq *b)
{
    for (int m = 0; m < 3; m++) fmpq_sub(d + m, a + m, b + m);
}
