/* Attention and softmax: score, softmax, bilinear, mix, rowsoftmax. */
#include "rows.h"

bool run_score(struct run *r, const struct node *x, struct num *out, const struct num *q, const struct num *k, struct fail *f) {
    struct num root;
    num_init(&root);
    num_set_int(&root, x->d[0]);
    struct sum s;
    sum_init(&s);
    sum_dot(&s, q, k, r->net->nodes[x->args[0]].width, r->float32);
    bool good = sum_finish(r, &s, r->p, out, f) && num_sqrt(&root, &root, r->p) && num_div(out, out, &root, r->p);
    if (r->float32) f32_round(out, 4, r->p); /* root, reciprocal, product, and one for the second order */
    sum_clear(&s);
    num_clear(&root);
    return good;
}

bool row_score(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < r->n; j++)
        if (run_allowed(r, row, j)) good = run_score(r, x, &out[j], row_of(r, x->args[0], row), row_of(r, x->args[1], j), f);
    return good;
}

static void set_zero(struct num *x, unsigned p) {
    num_set_int(x, 0);
    num_to_real(x, x, p);
}

/* The softmax of the entries at[0..n-1] of s, n >= 1. p_j = e_j / (e_j + sum of the others), increasing in e_j and decreasing in the others;
 * e_j = exp(s_j - c) for one exact c. c is the largest upper end: no argument is above 0, and the sum of the upper ends is at least 1. */
static bool softmax(struct run *r, struct num *out, const struct num *s, const uint32_t *at, uint32_t n, struct fail *f) {
    struct num c, e;
    num_init(&c);
    num_init(&e);
    num_copy(&c, &s[at[0]]);
    c.tag = (struct tag){0};
    for (uint32_t j = 0; j < n; j++)
        if (mpz_cmp(HI(&s[at[j]]), HI(&c)) > 0) mpz_set(HI(&c), HI(&s[at[j]]));
    mpz_set(LO(&c), HI(&c));
    mpz_t lo, hi, t, den;
    mpz_inits(lo, hi, t, den, NULL);
    bool good = true;
    for (uint32_t j = 0; good && j < n; j++) {
        num_sub(&e, &s[at[j]], &c, r->p);
        good = num_exp(&out[at[j]], &e, r->p);
        mpz_add(lo, lo, LO(&out[at[j]]));
        mpz_add(hi, hi, HI(&out[at[j]]));
    }
    for (uint32_t j = 0; good && j < n; j++) {
        struct num *y = &out[at[j]];
        mpz_sub(den, hi, HI(y));
        mpz_add(den, den, LO(y));
        mpz_sub(t, lo, LO(y));
        mpz_add(t, t, HI(y));
        mpz_mul_2exp(LO(y), LO(y), r->p);
        if (mpz_sgn(den) > 0) mpz_fdiv_q(LO(y), LO(y), den);
        else mpz_set_ui(LO(y), 0);
        mpz_mul_2exp(HI(y), HI(y), r->p);
        mpz_cdiv_q(HI(y), HI(y), t); /* t >= an upper end of an exponential, at least one unit */
        y->kind = K_REAL;
    }
    mpz_clears(lo, hi, t, den, NULL);
    num_clear(&c);
    num_clear(&e);
    return good && (r->float32 ? f32_softmax(out, s, at, n, r->p, f) : true);
}

/* the sources that the row may read, in order; the caller gives the list back */
static uint32_t *sources(const struct run *r, uint32_t row, uint32_t *n) {
    uint32_t *at = mem_get(r->n, sizeof *at);
    *n = 0;
    for (uint32_t j = 0; j < r->n; j++)
        if (run_allowed(r, row, j)) at[(*n)++] = j;
    return at;
}

bool row_softmax(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    uint32_t n, *at = sources(r, row, &n);
    for (uint32_t j = 0; j < r->n; j++)
        if (!run_allowed(r, row, j)) set_zero(&out[j], r->p);
    bool good = n == 0 || softmax(r, out, row_of(r, x->args[0], row), at, n, f);
    mem_free(at);
    return good;
}

bool row_bilinear(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *a = row_of(r, x->args[0], row), *b = row_of(r, x->args[1], row);
    bool good = true;
    for (uint32_t j = 0; good && j < r->n; j++) {
        if (!run_allowed(r, row, j)) {
            set_zero(&out[j], r->p);
            continue;
        }
        if (a == b) num_square(&out[j], &a[j], r->p);
        else num_mul(&out[j], &a[j], &b[j], r->p);
        good = !r->float32 || f32_nearest(&out[j], r->p, f);
    }
    return good;
}

/* [1 - e, 1 + e]: the shares of a binary32 softmax over n <= 4000 sources add up to 1 but for the roundings of the sum (n - 1), of the quotient (2) and their second order, and underflows */
static void all_shares(struct num *one, uint32_t n, unsigned p) {
    mpz_t e;
    mpz_init(e);
    mpz_set_ui(e, n + 4ul);
    mpz_mul_2exp(e, e, p);
    mpz_cdiv_q_2exp(e, e, 24);
    mpz_add_ui(e, e, p > 149 ? 0 : n);
    if (p > 149) {
        mpz_t t;
        mpz_init_set_ui(t, n);
        mpz_mul_2exp(t, t, p - 149);
        mpz_add(e, e, t);
        mpz_clear(t);
    }
    num_set_int(one, 1);
    num_to_real(one, one, p);
    f32_widen(one, e);
    mpz_clear(e);
}

/* sum p v = sum p (v - c) + c sum p for every c: about the middle of what is known the errors of the shares meet the spread of the values and not their size. v: entry j of the sources */
static void mix_about_middle(struct sum *s, const struct num *pattern, const uint32_t *at, const struct num **v, uint32_t n, uint32_t j, unsigned p) {
    struct sum about;
    struct num c, t;
    sum_init(&about);
    num_init(&c);
    num_init(&t);
    c.kind = K_REAL;
    mpz_add(LO(&c), s->lo, s->hi);
    mpz_fdiv_q_2exp(LO(&c), LO(&c), p + 1ul);
    mpz_set(HI(&c), LO(&c));
    for (uint32_t k = 0; k < n; k++) {
        num_sub(&t, &v[k][j], &c, p);
        sum_product(&about, &pattern[at[k]], &t, false);
    }
    all_shares(&t, n, p);
    sum_product(&about, &c, &t, false);
    if (mpz_cmp(about.lo, s->lo) > 0) mpz_set(s->lo, about.lo);
    if (mpz_cmp(about.hi, s->hi) < 0) mpz_set(s->hi, about.hi);
    sum_clear(&about);
    num_clear(&c);
    num_clear(&t);
}

bool row_mix(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *pattern = row_of(r, x->args[0], row);
    uint32_t n, *at = sources(r, row, &n);
    bool good = true, shares = r->float32 && r->net->nodes[x->args[0]].op == OP_SOFTMAX && !run_patched(r, x->args[0], row) && n > 0 && n <= 4000;
    const struct num **v = mem_get(n, sizeof *v);
    for (uint32_t k = 0; k < n; k++) v[k] = row_of(r, x->args[1], at[k]);
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct sum s;
        sum_init(&s);
        for (uint32_t k = 0; k < n; k++) sum_product(&s, &pattern[at[k]], &v[k][j], r->float32);
        if (shares) mix_about_middle(&s, pattern, at, v, n, j, r->p);
        good = sum_finish(r, &s, r->p, &out[j], f);
        sum_clear(&s);
    }
    mem_free(v);
    mem_free(at);
    return good;
}

bool row_rowsoftmax(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    uint32_t *at = mem_get(x->d[0], sizeof *at);
    bool good = true;
    for (uint32_t first = 0; good && first < x->width; first += x->d[0]) {
        for (uint32_t j = 0; j < x->d[0]; j++) at[j] = first + j;
        good = softmax(r, out, row_of(r, x->args[0], row), at, x->d[0], f);
    }
    mem_free(at);
    return good;
}
