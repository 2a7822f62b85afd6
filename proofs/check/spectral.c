#include "spectral.h"

#define ROOM 40            /* fractional bits of the bounds beyond those asked for */

/* out = ceil(x 2^F / den) */
static void up(mpz_t out, const mpz_t x, const mpz_t den, unsigned F) {
    mpz_mul_2exp(out, x, F);
    mpz_cdiv_q(out, out, den);
}

/* out = ceil(a b / 2^F), numbers that are not negative */
static void times_up(mpz_t out, const mpz_t a, const mpz_t b, unsigned F) {
    mpz_mul(out, a, b);
    mpz_cdiv_q_2exp(out, out, F);
}

/* D := the diagonal of B rounded; rows of v and entries of d by rising d (insertion: they are few) */
static void set_diagonal(struct spectral *s, mpz_t *b, const mpz_t unit) {
    size_t n = s->n;
    mpz_t t;
    mpz_init(t);
    for (size_t i = 0; i < n; i++) {
        mpz_mul_2exp(t, b[i * n + i], s->F);
        mpz_fdiv_q(s->d[i], t, unit);
        mpz_mul(t, s->d[i], unit); /* what is left of the diagonal of B, times 2^F: kept in b for the sums of its rows */
        mpz_mul_2exp(b[i * n + i], b[i * n + i], s->F);
        mpz_sub(b[i * n + i], b[i * n + i], t);
        mpz_fdiv_q_2exp(t, b[i * n + i], s->F);
        mpz_add_ui(b[i * n + i], t, 1); /* at least its modulus: it is not negative */
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = i; k > 0 && mpz_cmp(s->d[k], s->d[k - 1]) < 0; k--) {
            mpz_swap(s->d[k], s->d[k - 1]);
            for (size_t j = 0; j < n; j++) mpz_swap(s->v[k * n + j], s->v[(k - 1) * n + j]);
        }
    mpz_clear(t);
}

bool spectral_make(struct spectral *s, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    *s = (struct spectral){.n = n, .F = p + ROOM, .v = integers_new(n * n), .d = integers_new(n)};
    mpz_inits(s->eta, s->f, s->top, NULL);
    mpz_t *b = integers_new(n * n), *t = integers_new(n * n), unit, one, zero;
    mpz_inits(unit, one, zero, NULL);
    s->w = approximate_basis(s->v, m, den, n, p);
    mpz_setbit(one, 2 * s->w);
    mpz_mul(unit, den, one); /* B = b / unit */
    row_products(t, (const mpz_t *)s->v, (const mpz_t *)s->v, n);
    largest_row_sum(s->f, (const mpz_t *)t, n, one);
    up(s->f, s->f, one, s->F);
    row_products(t, (const mpz_t *)s->v, m, n);
    row_products(b, (const mpz_t *)t, (const mpz_t *)s->v, n);
    largest_row_sum(s->top, (const mpz_t *)b, n, zero);
    up(s->top, s->top, unit, s->F);
    mpz_add_ui(s->top, s->top, 1); /* and no entry of D is larger */
    set_diagonal(s, b, unit);
    largest_row_sum(s->eta, (const mpz_t *)b, n, zero);
    up(s->eta, s->eta, unit, s->F);
    times_up(t[0], s->f, s->top, s->F);
    mpz_addmul_ui(s->eta, t[0], 3);
    mpz_set_ui(one, 1);
    mpz_mul_2exp(one, one, s->F - 1);
    bool good = mpz_cmp(s->f, one) <= 0;
    integers_free(b, n * n);
    integers_free(t, n * n);
    mpz_clears(unit, one, zero, NULL);
    return good;
}

void spectral_clear(struct spectral *s) {
    if (s->v == NULL) return;
    integers_free(s->v, s->n * s->n);
    integers_free(s->d, s->n);
    mpz_clears(s->eta, s->f, s->top, NULL);
    *s = (struct spectral){0};
}

bool spectral_sine(mpz_t out, const struct spectral *s, const mpz_t g) {
    mpz_t rest;
    mpz_init(rest);
    mpz_sub(rest, g, s->eta);
    bool good = mpz_cmp(rest, s->eta) > 0;
    if (good) {
        mpz_mul_2exp(out, s->eta, s->F);
        mpz_cdiv_q(out, out, rest);
    }
    mpz_clear(rest);
    return good;
}

/* ---- one eigenvector ---- */

void spectral_number(struct num *x, const mpz_t lo, const mpz_t hi, unsigned from, unsigned p) {
    num_set_int(x, 0);
    num_to_real(x, x, p);
    mpz_mul_2exp(LO(x), lo, p);
    mpz_mul_2exp(HI(x), hi, p);
    mpz_fdiv_q_2exp(LO(x), LO(x), from);
    mpz_cdiv_q_2exp(HI(x), HI(x), from);
}

/* 1, -1: the sign that the convention gives the approximate vector, whose entries are within `error` of a unit eigenvector's (both F bits). 0: not settled. */
static int sign_of(const struct spectral *s, const mpz_t *x, const mpz_t error) {
    mpz_t t, edge, one;
    mpz_inits(t, edge, one, NULL);
    mpz_setbit(one, 2 * s->F);
    int sign = 0;
    bool open = false;
    for (size_t j = 0; j < s->n && sign == 0 && !open; j++) {
        mpz_abs(t, x[j]); /* is 4 n x^2 > 1 for all, or for none, that x may be? */
        mpz_sub(edge, t, error);
        mpz_add(t, t, error);
        bool above = mpz_sgn(edge) > 0;
        mpz_mul(edge, edge, edge);
        mpz_mul(t, t, t);
        mpz_mul_ui(edge, edge, 4 * s->n);
        mpz_mul_ui(t, t, 4 * s->n);
        if (above && mpz_cmp(edge, one) > 0) sign = mpz_sgn(x[j]);
        else open = mpz_cmp(t, one) > 0;
    }
    mpz_clears(t, edge, one, NULL);
    return sign;
}

/* error: F bits; |true - row i of v| <= 3/2 sine + f, for one of the two unit eigenvectors: the chord of an angle below a right one is at most sqrt 2 times its sine */
static bool vector_error(mpz_t error, const struct spectral *s, size_t i) {
    mpz_t gap, t;
    mpz_inits(gap, t, NULL);
    bool some = false;
    for (size_t k = i == 0 ? 1 : i; k <= i + 1 && k < s->n; k++) {
        mpz_sub(t, s->d[k], s->d[k - 1]);
        if (!some || mpz_cmp(t, gap) < 0) mpz_set(gap, t);
        some = true;
    }
    mpz_set_ui(error, 0);
    bool good = some ? spectral_sine(error, s, gap) : true;
    mpz_mul_ui(error, error, 3);
    mpz_cdiv_q_2exp(error, error, 1);
    mpz_add(error, error, s->f);
    mpz_add_ui(error, error, 1);
    mpz_clears(gap, t, NULL);
    return good;
}

void spectral_vector(struct num *out, const struct spectral *s, size_t i, unsigned p) {
    size_t n = s->n;
    mpz_t *x = integers_new(n), error, lo, hi, one;
    mpz_inits(error, lo, hi, one, NULL);
    mpz_setbit(one, s->F);
    bool isolated = vector_error(error, s, i);
    for (size_t j = 0; j < n; j++) { /* F bits, less than one unit off */
        mpz_mul_2exp(x[j], s->v[i * n + j], s->F);
        mpz_fdiv_q_2exp(x[j], x[j], s->w);
    }
    mpz_add_ui(error, error, 1);
    int sign = isolated ? sign_of(s, (const mpz_t *)x, error) : 0;
    for (size_t j = 0; j < n; j++) {
        if (sign < 0) mpz_neg(x[j], x[j]);
        mpz_sub(lo, x[j], error);
        mpz_add(hi, x[j], error);
        if (sign == 0) { /* either sign */
            mpz_neg(lo, lo);
            if (mpz_cmp(lo, hi) > 0) mpz_set(hi, lo);
            mpz_neg(lo, hi);
        }
        if (!isolated || mpz_cmp(hi, one) > 0) mpz_set(hi, one);
        mpz_neg(one, one);
        if (!isolated || mpz_cmp(lo, one) < 0) mpz_set(lo, one);
        mpz_neg(one, one);
        spectral_number(&out[j], lo, hi, s->F, p);
    }
    integers_free(x, n);
    mpz_clears(error, lo, hi, one, NULL);
}
