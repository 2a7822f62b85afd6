/* cos, sin and log by own series over integers with a proved remainder, and power spectra (STATEMENT.md §3). */
#include "eval.h"

#define TABLE_MOST 4096    /* entries of a vector or matrix whose spectrum is asked for */

/* ---- cos and sin of an exact x / 2^p ---- */

/* Taylor at w bits for an exact |r| <= 4 2^w: t_n = t_(n-1) r^2 / m, m = (2n - 1) 2n or 2n (2n + 1), each rounded twice. No term is above 11, so the error of
 * t_n (units 2^-w) obeys e_n <= (16 e_(n-1) + 11) / m + 2: at most 8, 14, 10, 6, then less. Once |t_n| <= 1 and n > 6, terms fall by more than a factor of 2:
 * the tail is at most 20. In all 16 units a term and 20. */
static unsigned long taylor(mpz_t out, const mpz_t r, unsigned long w, bool sine) {
    mpz_t t, square;
    mpz_init(t);
    mpz_init(square);
    mpz_mul(square, r, r);
    mpz_fdiv_q_2exp(square, square, w);
    if (sine) mpz_set(t, r);
    else mpz_setbit(t, w);
    mpz_set(out, t);
    unsigned long n = 1;
    for (; n <= 6 || mpz_cmpabs_ui(t, 1) > 0; n++) {
        mpz_mul(t, t, square);
        mpz_fdiv_q_2exp(t, t, w);
        mpz_fdiv_q_ui(t, t, sine ? 2 * n * (2 * n + 1) : (2 * n - 1) * 2 * n);
        mpz_neg(t, t);
        mpz_add(out, out, t);
    }
    mpz_clear(t);
    mpz_clear(square);
    return 16 * n + 20;
}

/* Reduction by a multiple k of 2 pi, with pi from num_pi: off by at most 2 |k| units of its enclosure; |cos'|, |sin'| <= 1. */
static void circle_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p, bool sine) {
    struct num pi;
    mpz_t k, r, error;
    mpz_inits(k, r, error, NULL);
    num_init(&pi);
    unsigned w = p + 64 + 2 * (unsigned)mpz_sizeinbase(x, 2);
    num_pi(&pi, w);
    mpz_mul_2exp(r, x, w - p);
    mpz_add(k, r, LO(&pi)); /* floor((x + pi) / 2 pi): |x - 2 pi k| is at most pi and a little */
    mpz_mul_2exp(error, LO(&pi), 1);
    mpz_fdiv_q(k, k, error);
    mpz_submul(r, k, error);
    mpz_sub(error, HI(&pi), LO(&pi));
    mpz_mul_2exp(error, error, 1);
    mpz_mul(error, error, k);
    mpz_abs(error, error);
    mpz_add_ui(error, error, taylor(lo, r, w, sine));
    mpz_add(hi, lo, error);
    mpz_sub(lo, lo, error);
    mpz_fdiv_q_2exp(lo, lo, w - p);
    mpz_cdiv_q_2exp(hi, hi, w - p);
    num_clear(&pi);
    mpz_clears(k, r, error, NULL);
}

/* The value at the lower end, widened by the length of the enclosure. */
static void circle(struct num *x, const struct num *a, unsigned p, bool sine) {
    struct num u;
    mpz_t lo, hi, one;
    mpz_inits(lo, hi, one, NULL);
    num_init(&u);
    num_to_real(&u, a, p);
    circle_point(lo, hi, LO(&u), p, sine);
    mpz_sub(HI(&u), HI(&u), LO(&u));
    mpz_sub(lo, lo, HI(&u));
    mpz_add(hi, hi, HI(&u));
    mpz_setbit(one, p);
    if (mpz_cmp(hi, one) > 0) mpz_set(hi, one);
    mpz_neg(one, one);
    if (mpz_cmp(lo, one) < 0) mpz_set(lo, one);
    num_set_int(x, 0);
    num_to_real(x, x, p);
    mpz_set(LO(x), lo);
    mpz_set(HI(x), hi);
    num_clear(&u);
    mpz_clears(lo, hi, one, NULL);
}

void num_cos(struct num *x, const struct num *a, unsigned p) { circle(x, a, p, false); }
void num_sin(struct num *x, const struct num *a, unsigned p) { circle(x, a, p, true); }

/* ---- log ---- */

/* 2 atanh(num / den), 0 <= num / den <= 1/3, from below; what it returns is the most (units 2^-w) that is missing: z is rounded down (slope of 2 atanh at most
 * 9/4), every power twice at most, every quotient once, and the tail is below one unit. */
static unsigned long atanh_twice(mpz_t out, const mpz_t num, const mpz_t den, unsigned long w) {
    mpz_t z, square, power, t;
    mpz_inits(z, square, power, t, NULL);
    mpz_mul_2exp(z, num, w);
    mpz_fdiv_q(z, z, den);
    mpz_mul(square, z, z);
    mpz_fdiv_q_2exp(square, square, w);
    mpz_set(power, z);
    mpz_set(out, z);
    unsigned long n = 1;
    for (; mpz_sgn(power) > 0; n++) {
        mpz_mul(power, power, square);
        mpz_fdiv_q_2exp(power, power, w);
        mpz_fdiv_q_ui(t, power, 2 * n + 1);
        mpz_add(out, out, t);
    }
    mpz_mul_2exp(out, out, 1);
    mpz_clears(z, square, power, t, NULL);
    return 6 * n + 16;
}

/* x = m 2^e with 1 <= m < 2, as m = (1 + z) / (1 - z): log x = e log 2 + 2 atanh z, log 2 = 2 atanh(1/3) */
static void log_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    size_t bits = mpz_sizeinbase(x, 2) - 1;
    long e = (long)bits - (long)p;
    unsigned long w = p + 96, missing;
    mpz_t unit, a, b, two;
    mpz_inits(unit, a, b, two, NULL);
    mpz_setbit(unit, bits);
    mpz_sub(a, x, unit);
    mpz_add(b, x, unit);
    missing = atanh_twice(lo, a, b, w);
    mpz_add_ui(hi, lo, missing);
    mpz_set_ui(a, 1);
    mpz_set_ui(b, 3);
    missing = atanh_twice(two, a, b, w);
    mpz_add_ui(a, two, missing);
    mpz_set_si(b, e);
    mpz_addmul(lo, b, e >= 0 ? two : a);
    mpz_addmul(hi, b, e >= 0 ? a : two);
    mpz_fdiv_q_2exp(lo, lo, 96);
    mpz_cdiv_q_2exp(hi, hi, 96);
    mpz_clears(unit, a, b, two, NULL);
}

bool num_log(struct num *x, const struct num *a, unsigned p) {
    struct num u;
    mpz_t lo, hi, t;
    num_init(&u);
    num_to_real(&u, a, p);
    bool good = mpz_sgn(LO(&u)) > 0;
    mpz_inits(lo, hi, t, NULL);
    if (good) {
        log_point(lo, t, LO(&u), p);
        log_point(t, hi, HI(&u), p);
        num_set_int(x, 0);
        num_to_real(x, x, p);
        mpz_set(LO(x), lo);
        mpz_set(HI(x), hi);
    }
    num_clear(&u);
    mpz_clears(lo, hi, t, NULL);
    return good;
}

/* ---- in claims ---- */

bool eval_logsoftmax(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    if (v.rank != 1 || v.d[0] == 0) return eval_fail(e, "logsoftmax needs a vector");
    struct num *c = largest_above(e, &v), *t = pool_get(e, 1), *s = pool_get(e, 1);
    num_set_int(s, 0);
    for (uint32_t i = 0; i < v.d[0]; i++) {
        num_sub(t, &v.x[i], c, e->p);
        if (!num_exp(t, t, e->p)) return eval_fail(e, "exp of too large a number");
        num_add(s, s, t, e->p);
    }
    if (!num_log(s, s, e->p)) return eval_fail(e, "logsoftmax not enclosed");
    num_add(s, s, c, e->p);
    val_array(e, out, 1, v.d[0], 0, 0);
    for (uint32_t i = 0; i < v.d[0]; i++) num_sub(&out->x[i], &v.x[i], s, e->p);
    return true;
}

/* cosines and sines of 2 pi t / N */
static void roots_of_one(struct eval *e, struct num *c, struct num *s, uint32_t N) {
    struct num *angle = pool_get(e, 1), *q = pool_get(e, 1);
    mpq_t part;
    mpq_init(part);
    for (uint32_t t = 0; t < N; t++) {
        mpq_set_ui(part, 2ul * t, N);
        mpq_canonicalize(part);
        num_set_mpq(q, part);
        num_pi(angle, e->p);
        num_mul(angle, angle, q, e->p);
        num_cos(&c[t], angle, e->p);
        num_sin(&s[t], angle, e->p);
    }
    mpq_clear(part);
}

/* |sum_a,b v[a, b] exp(-2 pi i (k a / n + l b / m))|^2 / (n m); a vector is a matrix with m = 1 */
bool eval_fourier(struct eval *e, const struct ex *x, struct val *out) {
    struct val v;
    if (!need_array(e, x->k[0], &v)) return false;
    if (v.rank > 2 || val_size(&v) == 0 || val_size(&v) > TABLE_MOST) return eval_fail(e, "fourier takes a vector or matrix of at most 4096 entries");
    uint32_t n = v.d[0], m = v.rank == 2 ? v.d[1] : 1, N = n * m;
    struct num *c = pool_get(e, N), *s = pool_get(e, N), *re = pool_get(e, 1), *im = pool_get(e, 1), *t = pool_get(e, 1), *size = pool_get(e, 1);
    roots_of_one(e, c, s, N);
    num_set_int(size, N);
    val_array(e, out, v.rank, v.d[0], v.rank == 2 ? v.d[1] : 0, 0);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t l = 0; l < m; l++) {
            struct num *to = &out->x[(size_t)k * m + l];
            num_set_int(re, 0);
            num_set_int(im, 0);
            for (uint32_t a = 0; a < n; a++)
                for (uint32_t b = 0; b < m; b++) {
                    uint32_t at = (uint32_t)(((uint64_t)k * a * m + (uint64_t)l * b * n) % N);
                    num_mul(t, &c[at], &v.x[(size_t)a * m + b], e->p);
                    num_add(re, re, t, e->p);
                    num_mul(t, &s[at], &v.x[(size_t)a * m + b], e->p);
                    num_add(im, im, t, e->p);
                }
            num_square(re, re, e->p);
            num_square(im, im, e->p);
            num_add(to, re, im, e->p);
            if (!num_div(to, to, size, e->p)) return eval_fail(e, "a spectrum that is not enclosed");
        }
    return true;
}
