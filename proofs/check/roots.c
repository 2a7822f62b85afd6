/* Outputs along a line and their ties (roots.h). */
#include "roots.h"
#include <stdlib.h>

void root_init(struct root *x) {
    mpq_inits(x->p, x->r, NULL);
    x->sign = 0;
}

void root_clear(struct root *x) { mpq_clears(x->p, x->r, NULL); }

void root_set(struct root *to, const struct root *from) {
    mpq_set(to->p, from->p);
    mpq_set(to->r, from->r);
    to->sign = from->sign;
}

/* sign of e + k sqrt(r) */
static int sign_sum(const mpq_t e, const mpq_t k, const mpq_t r) {
    int a = mpq_sgn(e), b = mpq_sgn(r) == 0 ? 0 : mpq_sgn(k);
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    mpq_t x, y;
    mpq_inits(x, y, NULL);
    mpq_mul(x, e, e);
    mpq_mul(y, k, k);
    mpq_mul(y, y, r);
    int order = mpq_cmp(x, y);
    mpq_clears(x, y, NULL);
    return order == 0 ? 0 : order > 0 ? a : b;
}

int root_compare(const void *a, const void *b) {
    const struct root *x = a, *y = b;
    mpq_t d, k, t;
    mpq_inits(d, k, t, NULL);
    mpq_sub(d, x->p, y->p);
    mpq_set_si(k, x->sign, 1);
    int left = sign_sum(d, k, x->r), order = 0; /* of x - p of y, against sign sqrt(r) of y */
    if (left != y->sign) order = left < y->sign ? -1 : 1;
    else if (left != 0) {
        mpq_mul(t, d, d);
        mpq_add(t, t, x->r);
        mpq_sub(t, t, y->r);
        mpq_mul(k, k, d);
        mpq_add(k, k, k);
        order = left * sign_sum(t, k, x->r);
    }
    mpq_clears(d, k, t, NULL);
    return order;
}

/* The root of a square is a rational number. */
static void make_rational(struct root *x) {
    if (!mpz_perfect_square_p(mpq_numref(x->r)) || !mpz_perfect_square_p(mpq_denref(x->r))) return;
    mpz_sqrt(mpq_numref(x->r), mpq_numref(x->r));
    mpz_sqrt(mpq_denref(x->r), mpq_denref(x->r));
    if (x->sign < 0) mpq_sub(x->p, x->p, x->r);
    else mpq_add(x->p, x->p, x->r);
    mpq_set_ui(x->r, 0, 1);
    x->sign = 0;
}

/* roots of q[0] + q[1] s + q[2] s^2, which is not 0 everywhere */
int roots_of(struct root out[2], const mpq_t *q) {
    int n = 0;
    out[0].sign = out[1].sign = 0;
    mpq_set_ui(out[0].r, 0, 1);
    if (mpq_sgn(q[2]) == 0 && mpq_sgn(q[1]) == 0) return 0;
    if (mpq_sgn(q[2]) == 0) {
        mpq_div(out[0].p, q[0], q[1]);
        mpq_neg(out[0].p, out[0].p);
        return 1;
    }
    mpq_t t;
    mpq_init(t);
    mpq_div(out[0].p, q[1], q[2]);
    mpq_div_2exp(out[0].p, out[0].p, 1);
    mpq_neg(out[0].p, out[0].p);
    mpq_mul(out[0].r, out[0].p, out[0].p);
    mpq_div(t, q[0], q[2]);
    mpq_sub(out[0].r, out[0].r, t);
    mpq_clear(t);
    n = mpq_sgn(out[0].r) < 0 ? 0 : mpq_sgn(out[0].r) == 0 ? 1 : 2;
    if (n == 2) {
        out[0].sign = -1;
        root_set(&out[1], &out[0]);
        out[1].sign = 1;
        make_rational(&out[0]);
        make_rational(&out[1]);
    }
    return n;
}

/* lo <= x <= hi, hi - lo <= 2^-bits */
void root_enclose(mpq_t lo, mpq_t hi, const struct root *x, unsigned long bits) {
    mpz_t f;
    mpz_init(f);
    if (x->sign != 0) {
        mpz_mul(f, mpq_numref(x->r), mpq_denref(x->r));
        mpz_mul_2exp(f, f, 2 * bits);
        mpz_sqrt(f, f);
        if (x->sign < 0) {
            mpz_neg(f, f);
            mpz_sub_ui(f, f, 1);
        }
    }
    mpq_set_num(lo, f);
    if (x->sign != 0) mpz_add_ui(f, f, 1);
    mpq_set_num(hi, f);
    for (int k = 0; k < 2; k++) {
        mpq_ptr end = k == 0 ? lo : hi;
        mpz_set(mpq_denref(end), mpq_denref(x->r));
        mpq_canonicalize(end);
        mpq_div_2exp(end, end, bits);
        mpq_add(end, end, x->p);
    }
    mpz_clear(f);
}

/* the outputs at x + s v, three coefficients each */
mpq_t *outputs_on_line(const struct rowpoly *o, size_t n, const mpq_t *x, const mpq_t *v) {
    mpq_t *q = vector_new(3 * o->width), one, zero, c, p[3];
    mpq_inits(one, zero, c, p[0], p[1], p[2], NULL);
    mpq_set_ui(one, 1, 1);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            mpq_srcptr a = i > 0 ? x[i - 1] : one, b = j > 0 ? x[j - 1] : one, da = i > 0 ? v[i - 1] : zero, db = j > 0 ? v[j - 1] : zero;
            mpq_mul(p[0], a, b);
            mpq_mul(p[1], a, db);
            mpq_mul(p[2], da, b);
            mpq_add(p[1], p[1], p[2]);
            mpq_mul(p[2], da, db);
            for (size_t k = 0; k < o->width; k++)
                for (size_t m = 0; m < 3; m++) {
                    mpq_set_z(c, o->c[k * o->each + monomial(n, i, j)]);
                    mpq_div_2exp(c, c, o->scale);
                    mpq_mul(c, c, p[m]);
                    mpq_add(q[3 * k + m], q[3 * k + m], c);
                }
        }
    mpq_clears(one, zero, c, p[0], p[1], p[2], NULL);
    return q;
}

void difference_on_line(mpq_t *d, const mpq_t *a, const mpq_t *b) {
    for (int m = 0; m < 3; m++) mpq_sub(d[m], a[m], b[m]);
}
