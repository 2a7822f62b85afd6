/* Enclosures of every binary32 execution (NETWORK.md §5). The argument enclosures already hold every computed argument; the real
 * operation is enclosed over them, and here the rounding of the operation itself is added. u = 2^-24, eta = 2^-149. */
#include "rows.h"

void f32_widen(struct num *x, const mpz_t by) {
    mpz_sub(LO(x), LO(x), by);
    mpz_add(HI(x), HI(x), by);
    x->tag = (struct tag){0};
}

/* t = ceil(k u m) + ceil(k eta) in units of 2^-p */
static void error(mpz_t t, const mpz_t m, unsigned long k, unsigned p) {
    mpz_t e;
    mpz_init(e);
    mpz_mul_ui(t, m, k);
    mpz_cdiv_q_2exp(t, t, 24);
    mpz_set_ui(e, k);
    mpz_mul_2exp(e, e, p);
    mpz_cdiv_q_2exp(e, e, 149);
    mpz_add(t, t, e);
    mpz_clear(e);
}

/* k roundings, each (1 + d)(...) + e with |d| <= u, |e| <= eta / 2: (1 + u)^k - 1 <= (k + 1) u for k <= 1000 */
void f32_round(struct num *x, unsigned long k, unsigned p) {
    mpz_t m, t;
    mpz_inits(m, t, NULL);
    magnitude_add(m, x);
    error(t, m, k + 1, p);
    f32_widen(x, t);
    mpz_clears(m, t, NULL);
}

/* |v| 2^-p to nearest even with 24 bits and at most 149 after the point; ends of less than that stay */
static void nearest_end(mpz_t v, unsigned p) {
    mp_bitcnt_t bits = mpz_sizeinbase(v, 2), drop = bits > 24 ? bits - 24 : 0;
    if (p > 149 && drop < p - 149) drop = p - 149;
    if (drop == 0) return;
    mpz_t rest, half;
    mpz_inits(rest, half, NULL);
    bool negative = mpz_sgn(v) < 0;
    mpz_abs(v, v);
    mpz_tdiv_r_2exp(rest, v, drop);
    mpz_tdiv_q_2exp(v, v, drop);
    mpz_set_ui(half, 1);
    mpz_mul_2exp(half, half, drop - 1);
    int c = mpz_cmp(rest, half);
    if (c > 0 || (c == 0 && mpz_odd_p(v))) mpz_add_ui(v, v, 1);
    mpz_mul_2exp(v, v, drop);
    if (negative) mpz_neg(v, v);
    mpz_clears(rest, half, NULL);
}

/* Rounding to nearest is monotone: the rounded ends enclose the rounded value. Overflow is a rounded value of 2^128 or more. */
bool f32_nearest(struct num *x, unsigned p, struct fail *f) {
    nearest_end(LO(x), p);
    nearest_end(HI(x), p);
    x->tag = (struct tag){0};
    return f32_below(LO(x), 128, p) && f32_below(HI(x), 128, p) ? true : fail_at(f, 0, "float32: no bound excludes overflow");
}

bool f32_below(const mpz_t m, unsigned bits, unsigned p) { return mpz_sizeinbase(m, 2) <= (size_t)bits + p; }

/* A sum of N products and B additions in any order, fused or not: error at most (N + B + 1) u magnitude + (N + B) eta for N + B <= 4000.
 * Every partial sum is below magnitude (1 + 2^-10) < 2^128. */
bool f32_sum(struct num *x, const mpz_t magnitude, unsigned long products, unsigned long additions, unsigned p, struct fail *f) {
    unsigned long n = products + additions;
    if (n > 4000) return fail_at(f, 0, "float32: a sum of more than 4000 terms");
    if (!f32_below(magnitude, 126, p)) return fail_at(f, 0, "float32: no bound excludes overflow");
    mpz_t t;
    mpz_init(t);
    error(t, magnitude, n + 1, p);
    f32_widen(x, t);
    mpz_clear(t);
    return true;
}

/* Computed: m = max score, e_j = exp(fl(s_j - m)) with relative error 8u (4 ulp) and absolute error 2^-125 (flush and subnormal), S = sum in any order,
 * fl(e_j / S) or fl(e_j fl(1/S)). fl(s_j - m) = (s_j - m)(1 + d) changes the exponent by at most u D, D = max - min of the scores.
 * So the computed p_j is p_j F + a: |ln F| <= 2uD + ln((1+8u)/(1-8u)) + 2 ln(1+u) - ln(1-nu) <= 2uD + (n + 20)u, and with n 2^-124 relative from
 * the absolute errors in S (S >= 1 - 8u) <= K = 2uD + (n + 21)u; F in [1 - 2K, 1 + 2K] for K <= 1/2; |a| <= 2^-123 (2^-125 / S, its own rounding, eta). */
bool f32_softmax(struct num *row, const struct num *scores, const uint32_t *at, uint32_t allowed, unsigned p, struct fail *f) {
    mpz_t least, most, k, t;
    mpz_inits(least, most, k, t, NULL);
    mpz_set(least, LO(&scores[at[0]]));
    mpz_set(most, HI(&scores[at[0]]));
    for (uint32_t j = 1; j < allowed; j++) {
        if (mpz_cmp(LO(&scores[at[j]]), least) < 0) mpz_set(least, LO(&scores[at[j]]));
        if (mpz_cmp(HI(&scores[at[j]]), most) > 0) mpz_set(most, HI(&scores[at[j]]));
    }
    mpz_sub(k, most, least);
    bool good = allowed <= 4000 && f32_below(k, 22, p); /* D < 2^22: K <= 2^-1 + ... is checked below */
    mpz_mul_2exp(k, k, 1);
    mpz_set_ui(t, allowed + 21ul);
    mpz_mul_2exp(t, t, p);
    mpz_add(k, k, t);
    mpz_cdiv_q_2exp(k, k, 24); /* K at 2^-p */
    mpz_set_ui(t, 1);
    mpz_mul_2exp(t, t, p - 1);
    if (!good || mpz_cmp(k, t) > 0) good = fail_at(f, 0, "float32: scores too far apart");
    for (uint32_t j = 0; good && j < allowed; j++) {
        mpz_mul(t, HI(&row[at[j]]), k);
        mpz_mul_2exp(t, t, 1);
        mpz_cdiv_q_2exp(t, t, p);
        mpz_add_ui(t, t, 1);
        if (p > 123) {
            mpz_set_ui(least, 1);
            mpz_mul_2exp(least, least, p - 123);
            mpz_add(t, t, least);
        }
        f32_widen(&row[at[j]], t);
        if (mpz_sgn(LO(&row[at[j]])) < 0) mpz_set_ui(LO(&row[at[j]]), 0);
    }
    mpz_clears(least, most, k, t, NULL);
    return good;
}

/* eps rounded to binary32, within half an ulp */
static void eps32(struct num *x, const struct net *net, unsigned p) {
    num_set_dyadic(x, net->eps);
    num_to_real(x, x, p);
    f32_round(x, 1, p);
}

/* mean = sum / k: the sum of k entries errs by at most (k + 1) u A + k eta, A = sum of |x|, the division by one rounding more;
 * c = x - mean, one rounding; var: squares, a sum of k products, a division: (k + 3) roundings of a sum of non-negative terms; var + eps, sqrt, quotient
 * (or reciprocal and product), times w, plus b: one rounding each. */
static bool f32_centre(struct num *out, const struct num *in, const struct num *k, uint32_t width, unsigned p, struct fail *f) {
    struct num mean;
    mpz_t m;
    num_init(&mean);
    mpz_init(m);
    num_to_real(&mean, &mean, p);
    for (uint32_t j = 0; j < width; j++) {
        num_add(&mean, &mean, &in[j], p);
        magnitude_add(m, &in[j]);
    }
    bool good = width <= 4000 && f32_below(m, 60, p) && f32_sum(&mean, m, 0, width, p, f) && num_div(&mean, &mean, k, p);
    f32_round(&mean, 1, p);
    for (uint32_t j = 0; good && j < width; j++) {
        num_sub(&out[j], &in[j], &mean, p);
        f32_round(&out[j], 1, p);
    }
    num_clear(&mean);
    mpz_clear(m);
    return good;
}

bool f32_layernorm(struct run *r, const struct node *x, struct num *out, const struct num *in, const struct num *by, struct fail *f) {
    unsigned p = r->p;
    struct num k, var, t;
    num_init(&k);
    num_init(&var);
    num_init(&t);
    mpz_t m;
    mpz_init(m);
    num_set_int(&k, x->width);
    bool good = f32_centre(out, by, &k, x->width, p, f);
    num_to_real(&var, &var, p);
    for (uint32_t j = 0; good && j < x->width; j++) {
        num_square(&t, &out[j], p);
        num_add(&var, &var, &t, p);
    }
    good = good && num_div(&var, &var, &k, p);
    f32_round(&var, x->width + 3ul, p);
    if (mpz_sgn(LO(&var)) < 0) mpz_set_ui(LO(&var), 0); /* squares and sums of them are never below 0 */
    eps32(&t, r->net, p);
    num_add(&var, &var, &t, p);
    f32_round(&var, 1, p);
    good = good && f32_below(HI(&var), 126, p); /* var + eps32 does not overflow, eps32 <= var + eps32 neither; the root stays below 2^63, its reciprocal normal */
    good = good && num_sqrt(&var, &var, p);
    f32_round(&var, 1, p);
    if (by != in) good = good && f32_centre(out, in, &k, x->width, p, f);
    for (uint32_t j = 0; good && j < x->width; j++) {
        good = num_div(&out[j], &out[j], &var, p);
        if (!good) break;
        f32_round(&out[j], 2, p);
        if (x->w.t == NULL) continue;
        weight_num(&t, &x->w, j);
        num_mul(&out[j], &out[j], &t, p);
        f32_round(&out[j], 1, p);
        weight_num(&t, &x->b, j);
        num_add(&out[j], &out[j], &t, p);
        f32_round(&out[j], 1, p);
        mpz_set_ui(m, 0);
        magnitude_add(m, &out[j]);
        good = f32_below(m, 100, p);
    }
    if (!good) fail_at(f, 0, "float32: a LayerNorm cannot be enclosed");
    mpz_clear(m);
    num_clear(&k);
    num_clear(&var);
    num_clear(&t);
    return good;
}

/* m = (sum of x^2) / k: rounded products, a sum, a division: (k + 3) roundings of non-negative terms; m + eps32 one. s = sqrt, x / s: two roundings. Or r within
 * 2 ulp (4u) of the reciprocal of the root, and a product. Either way within 6 roundings of x / sqrt(m + eps32). Times w, one more. */
bool f32_rmsnorm(struct run *r, const struct node *x, struct num *out, const struct num *in, const struct num *by, struct fail *f) {
    unsigned p = r->p;
    struct num k, s, t;
    num_init(&k);
    num_init(&s);
    num_init(&t);
    mpz_t m;
    mpz_init(m);
    num_set_int(&k, x->width);
    num_to_real(&s, &s, p);
    for (uint32_t j = 0; j < x->width; j++) {
        magnitude_add(m, &by[j]);
        num_square(&t, &by[j], p);
        num_add(&s, &s, &t, p);
    }
    bool good = x->width <= 4000 && f32_below(m, 60, p) && num_div(&s, &s, &k, p); /* squares and their sum stay below 2^120 */
    f32_round(&s, x->width + 3ul, p);
    if (mpz_sgn(LO(&s)) < 0) mpz_set_ui(LO(&s), 0);
    eps32(&t, r->net, p);
    num_add(&s, &s, &t, p);
    f32_round(&s, 1, p);
    good = good && f32_below(HI(&s), 126, p) && mpz_sgn(LO(&s)) > 0 && num_sqrt(&s, &s, p);
    for (uint32_t j = 0; good && j < x->width; j++) {
        good = num_div(&out[j], &in[j], &s, p);
        if (!good) break;
        f32_round(&out[j], 6, p);
        if (x->w.t != NULL) {
            weight_num(&t, &x->w, j);
            num_mul(&out[j], &out[j], &t, p);
            f32_round(&out[j], 1, p);
        }
        mpz_set_ui(m, 0);
        magnitude_add(m, &out[j]);
        good = f32_below(m, 100, p);
    }
    if (!good) fail_at(f, 0, "float32: an rmsnorm cannot be enclosed");
    mpz_clear(m);
    num_clear(&k);
    num_clear(&s);
    num_clear(&t);
    return good;
}
