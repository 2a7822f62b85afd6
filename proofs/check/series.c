/* Enclosures of exp, sqrt, erf, tanh, the logistic function and pi, by own series over integers with a proved remainder.
 * Each monotone function is enclosed at the two ends of its argument. */
#include "num.h"

#define EXP_MOST 16384 /* exp of more than this is refused: its integer part alone would take 3 KB */

/* exp(x / 2^p) for one exact x with |x| / 2^p <= EXP_MOST, as lo <= exp * 2^p <= hi.
 * At w bits: r = x / 2^(p + k) is exact (w >= p + k) and |r| < 2^-8. Terms t_i ~ r^i / i!, each rounded down twice:
 * the error e_i of t_i (units 2^-w) obeys e_(i+1) <= (e_i |r| + 1) / (i + 1) + 1 <= e_i / 256 + 2, so e_i <= 3. When |t_N| <= 1 the
 * remainder of the series is at most |r|^N / N! * (1 + 1/2 + ...) <= 2 (1 + 3) = 8. The sum is then squared k times, outward.
 * Squaring at most doubles the relative error, and the result has at most 1.5 EXP_MOST integer bits: w gives both room. */
static void exp_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    if (mpz_sgn(x) == 0) { /* exactly 1: shares of equal scores and the values of sigmoid and tanh at 0 are exact too */
        mpz_set_ui(lo, 1);
        mpz_mul_2exp(lo, lo, p);
        mpz_set(hi, lo);
        return;
    }
    unsigned long whole = 1; /* an integer above |x| / 2^p */
    mpz_t t, sum, r;
    mpz_inits(t, sum, r, NULL);
    mpz_tdiv_q_2exp(t, x, p);
    if (mpz_sgn(x) < 0 && mpz_cmpabs_ui(t, p + 2ul) > 0) { /* e^-(p+2) < 2^-(p+2); before |x| is cut to a machine word */
        mpz_set_ui(lo, 0);
        mpz_set_ui(hi, 1);
        mpz_clears(t, sum, r, NULL);
        return;
    }
    whole += mpz_get_ui(t);
    unsigned k = 8;
    for (unsigned long v = whole; v > 0; v /= 2) k++;
    unsigned long w = p + 2ul * k + 32 + (mpz_sgn(x) > 0 ? whole + whole / 2 : 0);
    mpz_mul_2exp(r, x, (mp_bitcnt_t)(w - p - k));
    mpz_set_ui(t, 1);
    mpz_mul_2exp(t, t, w);
    mpz_set(sum, t);
    unsigned long terms = 1;
    do {
        mpz_mul(t, t, r);
        mpz_fdiv_q_2exp(t, t, w);
        mpz_fdiv_q_ui(t, t, terms++);
        mpz_add(sum, sum, t);
    } while (mpz_cmpabs_ui(t, 1) > 0);
    mpz_sub_ui(lo, sum, 3 * terms + 8);
    mpz_add_ui(hi, sum, 3 * terms + 8);
    for (unsigned i = 0; i < k; i++) {
        mpz_mul(lo, lo, lo);
        mpz_fdiv_q_2exp(lo, lo, w);
        mpz_mul(hi, hi, hi);
        mpz_cdiv_q_2exp(hi, hi, w);
    }
    mpz_fdiv_q_2exp(lo, lo, (mp_bitcnt_t)(w - p));
    mpz_cdiv_q_2exp(hi, hi, (mp_bitcnt_t)(w - p));
    mpz_clears(t, sum, r, NULL);
}

/* lo of the lower end, hi of the upper end, of an increasing function */
typedef void point_function(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p);

static void monotone(struct num *x, const struct num *a, unsigned p, point_function *f) {
    struct num u;
    num_init(&u);
    num_to_real(&u, a, p);
    mpz_t l1, h1, l2, h2;
    mpz_inits(l1, h1, l2, h2, NULL);
    f(l1, h1, LO(&u), p);
    if (mpz_cmp(LO(&u), HI(&u)) == 0) mpz_set(h2, h1);
    else f(l2, h2, HI(&u), p);
    mpz_set(LO(x), l1);
    mpz_set(HI(x), h2);
    x->kind = K_REAL;
    x->tag = (struct tag){0};
    mpz_clears(l1, h1, l2, h2, NULL);
    num_clear(&u);
}

/* e^d <= 1 + d + d^2 for 0 <= d <= 1: the upper end of a narrow enclosure from that of its lower end's value */
static void exp_narrow(struct num *x, const struct num *a, unsigned p) {
    mpz_t lo, hi, d, t;
    mpz_inits(lo, hi, d, t, NULL);
    mpz_sub(d, HI(a), LO(a));
    exp_point(lo, hi, LO(a), p);
    mpz_mul(t, d, d);
    mpz_cdiv_q_2exp(t, t, p);
    mpz_add(t, t, d);
    mpz_mul(t, t, hi);
    mpz_cdiv_q_2exp(t, t, p);
    mpz_add(HI(x), hi, t);
    mpz_set(LO(x), lo);
    x->kind = K_REAL;
    x->tag = (struct tag){0};
    mpz_clears(lo, hi, d, t, NULL);
}

static bool is_narrow(const struct num *a, unsigned p) {
    if (a->kind != K_REAL) return false;
    mpz_t d;
    mpz_init(d);
    mpz_sub(d, HI(a), LO(a));
    bool narrow = mpz_sizeinbase(d, 2) <= p / 2;
    mpz_clear(d);
    return narrow;
}

bool num_exp(struct num *x, const struct num *a, unsigned p) {
    struct num most;
    num_init(&most);
    num_set_int(&most, EXP_MOST);
    bool good = num_le(a, &most, p) == YES;
    num_set_int(&most, -EXP_MOST); /* below, the lower end is 0 in any precision used here */
    struct num b;
    num_init(&b);
    if (good) {
        bool low = num_lt(&most, a, p) != YES;
        num_max(&b, a, &most, p);
        if (is_narrow(&b, p)) exp_narrow(x, &b, p);
        else monotone(x, &b, p, exp_point);
        if (low) mpz_set_ui(LO(x), 0);
    }
    num_clear(&b);
    num_clear(&most);
    return good;
}

bool num_sqrt(struct num *x, const struct num *a, unsigned p) {
    struct num u;
    num_init(&u);
    num_to_real(&u, a, p);
    bool good = mpz_sgn(LO(&u)) >= 0;
    if (good) {
        mpz_mul_2exp(LO(&u), LO(&u), p);
        mpz_mul_2exp(HI(&u), HI(&u), p);
        mpz_sqrt(LO(x), LO(&u));
        if (!mpz_perfect_square_p(HI(&u))) {
            mpz_sqrt(HI(x), HI(&u));
            mpz_add_ui(HI(x), HI(x), 1);
        } else mpz_sqrt(HI(x), HI(&u));
        x->kind = K_REAL;
        x->tag = (struct tag){0};
    }
    num_clear(&u);
    return good;
}

/* num / den of enclosures that are positive, or whose numerator is >= 0, rounded outward to 2^-p */
static void ratio(mpz_t lo, mpz_t hi, const mpz_t nl, const mpz_t nh, const mpz_t dl, const mpz_t dh, unsigned p) {
    mpz_t t;
    mpz_init(t);
    mpz_mul_2exp(t, nl, p);
    mpz_fdiv_q(lo, t, dh);
    mpz_mul_2exp(t, nh, p);
    mpz_cdiv_q(hi, t, dl);
    mpz_clear(t);
}

/* e = exp(-|x|) in [0, 1]; sigmoid(x) = 1 / (1 + e) for x >= 0, e / (1 + e) = 1 - 1 / (1 + e) below. */
static void sigmoid_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    mpz_t m, el, eh, one;
    mpz_inits(m, el, eh, one, NULL);
    mpz_abs(m, x);
    mpz_neg(m, m);
    exp_point(el, eh, m, p);
    if (mpz_sgn(el) < 0) mpz_set_ui(el, 0);
    mpz_set_ui(one, 1);
    mpz_mul_2exp(one, one, p);
    mpz_add(el, el, one);
    mpz_add(eh, eh, one);
    ratio(lo, hi, one, one, el, eh, p);
    if (mpz_sgn(x) < 0) {
        mpz_sub(lo, one, lo);
        mpz_sub(hi, one, hi);
        mpz_swap(lo, hi);
    }
    mpz_clears(m, el, eh, one, NULL);
}

/* tanh(x) = 2 sigmoid(2x) - 1, at one bit more */
static void tanh_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    mpz_t t, one;
    mpz_inits(t, one, NULL);
    mpz_mul_2exp(t, x, 2);
    mpz_set_ui(one, 1);
    mpz_mul_2exp(one, one, p);
    sigmoid_point(lo, hi, t, p + 1); /* value at 2^-(p+1) is 2 * sigmoid at 2^-p */
    mpz_sub(lo, lo, one);
    mpz_sub(hi, hi, one);
    mpz_clears(t, one, NULL);
}

/* atan(1 / n) 2^w for n >= 5, error at most 2 * terms + 2 (each term is rounded twice, the alternating tail is below 1) */
static unsigned long atan_inverse(mpz_t out, unsigned long n, unsigned long w) {
    mpz_t power, term;
    mpz_inits(power, term, NULL);
    mpz_set_ui(power, 1);
    mpz_mul_2exp(power, power, w);
    mpz_tdiv_q_ui(power, power, n);
    mpz_set(out, power);
    unsigned long k = 1;
    while (mpz_sgn(power) > 0) {
        mpz_tdiv_q_ui(power, power, n * n);
        mpz_tdiv_q_ui(term, power, 2 * k + 1);
        if (k % 2 == 1) mpz_sub(out, out, term);
        else mpz_add(out, out, term);
        k++;
    }
    mpz_clears(power, term, NULL);
    return 2 * k + 2;
}

/* Machin: pi = 16 atan(1/5) - 4 atan(1/239) */
void num_pi(struct num *x, unsigned p) {
    unsigned long w = p + 64ul;
    mpz_t a, b;
    mpz_inits(a, b, NULL);
    unsigned long error = 16 * atan_inverse(a, 5, w);
    error += 4 * atan_inverse(b, 239, w);
    mpz_mul_ui(a, a, 16);
    mpz_mul_ui(b, b, 4);
    mpz_sub(a, a, b);
    mpz_sub_ui(b, a, error);
    mpz_fdiv_q_2exp(LO(x), b, 64);
    mpz_add_ui(b, a, error);
    mpz_cdiv_q_2exp(HI(x), b, 64);
    x->kind = K_REAL;
    x->tag = (struct tag){0};
    mpz_clears(a, b, NULL);
}

/* S = sum over n >= 0 of 2^n x^(2n+1) / (2n+1)!! for exact x >= 0, so that erf(x) = 2 / sqrt(pi) exp(-x^2) S. All terms are positive
 * and rounded down (lo) or up (hi); from the first n with 4 x^2 <= 2n + 3 a term is at most half of the one before, so the tail is at most the last term. */
static void erf_sum(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    mpz_t square, tl, th, four;
    mpz_inits(square, tl, th, four, NULL);
    mpz_mul(square, x, x); /* exact at 2^-2p */
    mpz_mul_ui(four, square, 4);
    mpz_cdiv_q_2exp(four, four, 2ul * p);
    unsigned long enough = mpz_get_ui(four);
    mpz_set(tl, x);
    mpz_set(th, x);
    mpz_set(lo, x);
    mpz_set(hi, x);
    for (unsigned long n = 0;; n++) {
        mpz_mul(tl, tl, square);
        mpz_mul_ui(tl, tl, 2);
        mpz_fdiv_q_2exp(tl, tl, 2ul * p);
        mpz_fdiv_q_ui(tl, tl, 2 * n + 3);
        mpz_mul(th, th, square);
        mpz_mul_ui(th, th, 2);
        mpz_cdiv_q_2exp(th, th, 2ul * p);
        mpz_cdiv_q_ui(th, th, 2 * n + 3);
        mpz_add(lo, lo, tl);
        mpz_add(hi, hi, th);
        if (2 * n + 3 >= enough && mpz_cmp_ui(th, 1) <= 0) break;
    }
    mpz_add(hi, hi, th);
    mpz_clears(square, tl, th, four, NULL);
}

/* erf of an exact x >= 0 with x^2 <= 2 p, at p bits, through w bits. exp(-x^2) is enclosed at both ends of a rounded x^2. */
static void erf_positive(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    unsigned w = 2 * p + p + 64; /* S <= exp(x^2) < 2^(3p): relative precision of exp(-x^2) has to cover it */
    struct num s, e, root, two;
    num_init(&s);
    num_init(&e);
    num_init(&root);
    num_init(&two);
    mpz_t y;
    mpz_init(y);
    mpz_mul_2exp(y, x, w - p);
    s.kind = e.kind = K_REAL;
    erf_sum(LO(&s), HI(&s), y, w);
    mpz_mul(y, y, y);
    mpz_neg(y, y);
    mpz_fdiv_q_2exp(LO(&e), y, w);
    mpz_cdiv_q_2exp(HI(&e), y, w);
    num_exp(&e, &e, w);
    num_mul(&s, &s, &e, w);
    num_pi(&root, w);
    num_sqrt(&root, &root, w);
    num_set_int(&two, 2);
    num_mul(&s, &s, &two, w);
    num_div(&s, &s, &root, w);
    mpz_fdiv_q_2exp(lo, LO(&s), w - p);
    mpz_cdiv_q_2exp(hi, HI(&s), w - p);
    mpz_clear(y);
    num_clear(&s);
    num_clear(&e);
    num_clear(&root);
    num_clear(&two);
}

static void erf_point(mpz_t lo, mpz_t hi, const mpz_t x, unsigned p) {
    mpz_t m, square, one;
    mpz_inits(m, square, one, NULL);
    mpz_abs(m, x);
    mpz_mul(square, m, m);
    mpz_fdiv_q_2exp(square, square, 2ul * p);
    mpz_set_ui(one, 1);
    mpz_mul_2exp(one, one, p);
    if (mpz_cmp_ui(square, 2ul * p) > 0) { /* 1 - erf(x) <= exp(-x^2) < 2^-p */
        mpz_sub_ui(lo, one, 1);
        mpz_set(hi, one);
    } else erf_positive(lo, hi, m, p);
    if (mpz_cmp(hi, one) > 0) mpz_set(hi, one);
    if (mpz_sgn(x) < 0) {
        mpz_neg(lo, lo);
        mpz_neg(hi, hi);
        mpz_swap(lo, hi);
    }
    mpz_clears(m, square, one, NULL);
}

bool num_sigmoid(struct num *x, const struct num *a, unsigned p) {
    monotone(x, a, p, sigmoid_point);
    return true;
}

bool num_tanh(struct num *x, const struct num *a, unsigned p) {
    monotone(x, a, p, tanh_point);
    return true;
}

bool num_erf(struct num *x, const struct num *a, unsigned p) {
    monotone(x, a, p, erf_point);
    return true;
}
