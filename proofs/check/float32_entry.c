/* float32: activations and functions, entry by entry (NETWORK.md §5). u = 2^-24, eta = 2^-149. */
#include "rows.h"

/* within (k + 1) u relative, and a result below 2^-125 may be 0; k = 8 for exp, erf, tanh within 4 ulp */
static void library(struct num *x, unsigned long k, unsigned p) {
    mpz_t t;
    mpz_init_set_ui(t, 1);
    mpz_mul_2exp(t, t, p);
    mpz_cdiv_q_2exp(t, t, 125);
    f32_round(x, k, p);
    f32_widen(x, t);
    mpz_clear(t);
}

/* The true value is enclosed. exp and sigmoid are never negative. */
bool f32_function(struct num *x, enum op op, unsigned p, struct fail *f) {
    library(x, op == OP_SIGMOID ? 15 : 8, p);
    if ((op == OP_EXP || op == OP_SIGMOID) && mpz_sgn(LO(x)) < 0) mpz_set_ui(LO(x), 0);
    return f32_below(HI(x), 127, p) ? true : fail_at(f, 0, "float32: no bound excludes overflow");
}

/* x^3 by products (or a power within 4 ulp: 8 roundings), 0.044715 and its product, the sum, sqrt(2/pi) and its product. */
static bool cubic(struct num *t, const struct num *in, unsigned p) {
    struct num c, two;
    num_init(&c);
    num_init(&two);
    num_square(t, in, p);
    num_mul(t, t, in, p);
    f32_round(t, 9, p);
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 44715, 1000000);
    mpq_canonicalize(q);
    num_set_mpq(&c, q);
    mpq_clear(q);
    num_mul(t, t, &c, p);
    f32_round(t, 2, p);
    num_add(t, t, in, p);
    f32_round(t, 1, p);
    num_pi(&c, p);
    num_set_int(&two, 2);
    bool good = num_div(&c, &two, &c, p) && num_sqrt(&c, &c, p);
    num_mul(t, t, &c, p);
    f32_round(t, 2, p);
    num_clear(&c);
    num_clear(&two);
    return good;
}

/* gelu: x (1 + erf(x / sqrt 2)) / 2: constant and quotient, erf within 4 ulp (8 u), the sum, the product, the half. silu: exp within 4 ulp, sum, quotient. */
bool f32_activation(struct num *out, const struct num *in, enum op op, unsigned p, struct fail *f) {
    struct num t, c, one;
    num_init(&t);
    num_init(&c);
    num_init(&one);
    num_set_int(&one, 1);
    mpz_t m;
    mpz_init(m);
    magnitude_add(m, in);
    bool good = f32_below(m, 30, p); /* x^3 < 2^90 does not overflow */
    if (op == OP_SILU) { /* exp(88) neither */
        num_set_int(&c, -88);
        good = good && num_le(&c, in, p) == YES;
    }
    if (good && op == OP_SILU) {
        num_neg(&t, in);
        good = num_exp(&t, &t, p);
        library(&t, 8, p);
        if (mpz_sgn(LO(&t)) < 0) mpz_set_ui(LO(&t), 0);
        num_add(&t, &t, &one, p);
        f32_round(&t, 1, p);
        good = good && num_div(out, in, &t, p);
        f32_round(out, 2, p);
    } else if (good) {
        if (op == OP_GELU) {
            num_set_int(&c, 2);
            good = num_sqrt(&c, &c, p) && num_div(&t, in, &c, p);
            f32_round(&t, 3, p);
            good = good && num_erf(&t, &t, p);
        } else good = cubic(&t, in, p) && num_tanh(&t, &t, p);
        library(&t, 8, p);
        num_add(&t, &t, &one, p);
        f32_round(&t, 1, p);
        num_mul(&t, &t, in, p);
        f32_round(&t, 2, p);
        num_set_int(&c, 2);
        good = good && num_div(out, &t, &c, p);
        f32_round(out, 1, p);
    }
    if (!good) fail_at(f, 0, "float32: an activation cannot be enclosed");
    mpz_clear(m);
    num_clear(&t);
    num_clear(&c);
    num_clear(&one);
    return good;
}
