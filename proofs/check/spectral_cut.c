/* A form cut to its eigenvectors of largest |eigenvalue|, at a point. With the places in the order of |d|, S those above the cut, P0 their projector and P
 * that of the eigenvectors of M there, T = M P and T0 = D P0 differ by (M - D) P + D (P - P0): by at most eta + top sine. And V T0 V' = U H T0 H U' differs
 * from U T0 U' by at most 3 f top. So x'(A cut to S)x is sum d_i (v_i.x)^2 within (eta + top sine + 3 f top) |x|^2. */
#include "spectral.h"

/* places by falling |d| */
static size_t *falling(const struct spectral *s) {
    size_t *at = mem_get(s->n, sizeof *at), lo = 0, hi = s->n;
    for (size_t i = 0; i < s->n; i++) at[i] = mpz_cmpabs(s->d[lo], s->d[hi - 1]) > 0 ? lo++ : --hi;
    return at;
}

/* Bound of the sine at the cut before place k of the order, 0 at its ends. false: the modulus there and the next are too near each other to be told apart well. */
static bool cut_sine(mpz_t sine, const struct spectral *s, const size_t *at, size_t k) {
    mpz_set_ui(sine, 0);
    if (k == 0 || k == s->n) return true;
    mpz_t gap, t;
    mpz_inits(gap, t, NULL);
    mpz_abs(gap, s->d[at[k - 1]]);
    mpz_abs(t, s->d[at[k]]);
    mpz_sub(gap, gap, t);
    mpz_mul_2exp(t, s->eta, 2);
    bool good = mpz_cmp(gap, t) > 0;
    mpz_mul(t, t, s->top);
    mpz_submul(t, gap, gap);
    good = good && mpz_sgn(t) < 0 && spectral_sine(sine, s, gap); /* gap^2 > 4 eta top: the error stays below sqrt(eta top) */
    mpz_clears(gap, t, NULL);
    return good;
}

struct sum { mpz_t lo, hi, l, h, t; };

/* t->l, t->h = enclosure of (v_i.x)^2, at 2 (w + p) bits */
static void square(struct sum *k, const struct spectral *s, size_t i, const mpz_t *lo, const mpz_t *hi) {
    mpz_set_ui(k->l, 0);
    mpz_set_ui(k->h, 0);
    for (size_t j = 0; j < s->n; j++) {
        mpz_srcptr v = s->v[i * s->n + j];
        mpz_addmul(k->l, v, mpz_sgn(v) < 0 ? hi[j] : lo[j]);
        mpz_addmul(k->h, v, mpz_sgn(v) < 0 ? lo[j] : hi[j]);
    }
    bool across = mpz_sgn(k->l) < 0 && mpz_sgn(k->h) > 0;
    mpz_mul(k->l, k->l, k->l);
    mpz_mul(k->h, k->h, k->h);
    if (mpz_cmp(k->l, k->h) > 0) mpz_swap(k->l, k->h);
    if (across) mpz_set_ui(k->l, 0);
}

/* upper bound of |x|^2, 2 p bits */
static void norm(mpz_t out, size_t n, const mpz_t *lo, const mpz_t *hi) {
    mpz_set_ui(out, 0);
    for (size_t j = 0; j < n; j++) {
        mpz_srcptr x = mpz_cmpabs(lo[j], hi[j]) > 0 ? lo[j] : hi[j];
        mpz_addmul(out, x, x);
    }
}

/* The places from..to of the order, which are not told apart: whichever are kept, they add between min(0, least) and max(0, most) times the square of
 * the part of x in their space, sum (v_i.x)^2 within (both sines + 3 f) |x|^2. */
static void add_cluster(struct sum *k, const struct spectral *s, const size_t *at, size_t from, size_t to, const mpz_t *lo, const mpz_t *hi, const mpz_t error) {
    mpz_t part, least, most;
    mpz_init_set(part, error); /* F + 2 (w + p) bits, as the sum */
    mpz_inits(least, most, NULL);
    for (size_t i = from; i < to; i++) {
        square(k, s, at[i], lo, hi);
        mpz_mul_2exp(k->h, k->h, s->F);
        mpz_add(part, part, k->h);
        mpz_sub(k->t, s->d[at[i]], s->eta);
        if (mpz_cmp(k->t, least) < 0) mpz_set(least, k->t);
        mpz_add(k->t, s->d[at[i]], s->eta);
        if (mpz_cmp(k->t, most) > 0) mpz_set(most, k->t);
    }
    mpz_mul(least, least, part);
    mpz_fdiv_q_2exp(least, least, s->F);
    mpz_add(k->lo, k->lo, least);
    mpz_mul(most, most, part);
    mpz_cdiv_q_2exp(most, most, s->F);
    mpz_add(k->hi, k->hi, most);
    mpz_clears(part, least, most, NULL);
}

void spectral_cut(struct num *out, const struct spectral *s, size_t k, const mpz_t *lo, const mpz_t *hi, unsigned p) {
    size_t *at = falling(s), from, to;
    struct sum sum;
    mpz_t first, second, error, size;
    mpz_inits(sum.lo, sum.hi, sum.l, sum.h, sum.t, first, second, error, size, NULL);
    if (k > s->n) k = s->n;
    for (from = k; !cut_sine(first, s, at, from); from--) continue; /* the ends of the order are always good */
    for (to = k; !cut_sine(second, s, at, to); to++) continue;
    norm(size, s->n, lo, hi);
    mpz_mul_2exp(size, size, 2 * s->w);
    for (size_t i = 0; i < from; i++) {
        bool minus = mpz_sgn(s->d[at[i]]) < 0;
        square(&sum, s, at[i], lo, hi);
        mpz_addmul(sum.lo, s->d[at[i]], minus ? sum.h : sum.l);
        mpz_addmul(sum.hi, s->d[at[i]], minus ? sum.l : sum.h);
    }
    if (from > 0) {
        mpz_mul_ui(error, s->f, 3);
        mpz_add(error, error, first);
        mpz_mul(error, error, s->top);
        mpz_cdiv_q_2exp(error, error, s->F);
        mpz_add(error, error, s->eta);
        mpz_mul(error, error, size);
        mpz_sub(sum.lo, sum.lo, error);
        mpz_add(sum.hi, sum.hi, error);
    }
    if (from < to) {
        mpz_mul_ui(error, s->f, 3);
        mpz_add(error, error, first);
        mpz_add(error, error, second);
        mpz_mul(error, error, size);
        add_cluster(&sum, s, at, from, to, lo, hi, error);
    }
    spectral_number(out, sum.lo, sum.hi, s->F + 2 * (s->w + p), p);
    mpz_clears(sum.lo, sum.hi, sum.l, sum.h, sum.t, first, second, error, size, NULL);
    mem_free(at);
}
