/* Nodes whose entries depend on few entries of the arguments' row: activations, arithmetic, comparisons, selections. */
#include "rows.h"

bool activation_value(struct num *out, const struct num *in, enum op op, unsigned p) {
    struct num t, c, one;
    num_init(&t);
    num_init(&c);
    num_init(&one);
    num_set_int(&one, 1);
    bool good = true;
    if (op == OP_RELU) {
        num_set_int(&t, 0);
        num_max(out, in, &t, p);
    } else if (op == OP_SILU) {
        num_sigmoid(&t, in, p);
        num_mul(out, in, &t, p);
    } else {
        if (op == OP_GELU) {
            num_set_int(&c, 2);
            good = num_sqrt(&c, &c, p) && num_div(&t, in, &c, p) && num_erf(&t, &t, p);
        } else { /* the cubic is increasing: x + 0.044715 x^3, end by end through x (1 + 0.044715 x^2) would lose that, so cubes are taken of x itself */
            num_square(&t, in, p);
            num_mul(&t, &t, in, p);
            mpq_t q;
            mpq_init(q);
            mpq_set_ui(q, 44715, 1000000);
            mpq_canonicalize(q);
            num_set_mpq(&c, q);
            mpq_clear(q);
            num_mul(&t, &t, &c, p);
            num_add(&t, &t, in, p);
            num_pi(&c, p);
            struct num two;
            num_init(&two);
            num_set_int(&two, 2);
            good = num_div(&c, &two, &c, p) && num_sqrt(&c, &c, p);
            num_clear(&two);
            num_mul(&t, &t, &c, p);
            good = good && num_tanh(&t, &t, p);
        }
        num_add(&t, &t, &one, p);
        num_mul(&t, &t, in, p);
        num_set_int(&c, 2);
        good = good && num_div(out, &t, &c, p);
    }
    num_to_real(out, out, p);
    num_clear(&t);
    num_clear(&c);
    num_clear(&one);
    return good;
}

bool row_activation(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *in = row_of(r, x->args[0], row);
    for (uint32_t j = 0; j < x->width; j++)
        if (!(r->float32 && x->op != OP_RELU ? f32_activation(&out[j], &in[j], x->op, r->p, f) : activation_value(&out[j], &in[j], x->op, r->p))) return false;
    return true;
}

bool row_function(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *in = row_of(r, x->args[0], row);
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        switch (x->op) {
        case OP_SQRT: good = num_sqrt(&out[j], &in[j], r->p) || fail_at(f, 0, "square root of something not proved >= 0"); break;
        case OP_EXP: good = num_exp(&out[j], &in[j], r->p) || fail_at(f, 0, "exp of too large a number"); break;
        case OP_ERF: good = num_erf(&out[j], &in[j], r->p); break;
        case OP_TANH: good = num_tanh(&out[j], &in[j], r->p); break;
        default: good = num_sigmoid(&out[j], &in[j], r->p);
        }
        if (good && r->float32) good = x->op == OP_SQRT ? f32_nearest(&out[j], r->p, f) : f32_function(&out[j], x->op, r->p, f);
    }
    return good;
}

/* sub, mul, div, max, min. The two arguments may be one node: then a product is a square. */
bool row_pair(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *a = row_of(r, x->args[0], row), *b = row_of(r, x->args[1], row);
    bool good = true, one = a == b;
    for (uint32_t j = 0; good && j < x->width; j++) {
        switch (x->op) {
        case OP_SUB: num_sub(&out[j], &a[j], &b[j], r->p); break;
        case OP_MUL:
            if (one) num_square(&out[j], &a[j], r->p);
            else num_mul(&out[j], &a[j], &b[j], r->p);
            break;
        case OP_DIV: good = num_div(&out[j], &a[j], &b[j], r->p) || fail_at(f, 0, "division by something not proved non-zero"); break;
        case OP_MAX: num_max(&out[j], &a[j], &b[j], r->p); break;
        default: num_min(&out[j], &a[j], &b[j], r->p);
        }
        if (good && r->float32 && x->op != OP_MAX && x->op != OP_MIN) good = f32_nearest(&out[j], r->p, f);
    }
    return good;
}

/* the sign of v 2^-p - w[j], exactly */
static int compare_weight(const mpz_t v, const struct weight *w, uint32_t j, unsigned p) {
    mpz_t a, b;
    mpz_inits(a, b, NULL);
    mpz_mul_2exp(a, v, w->t->scale);
    mpz_mul_2exp(b, w->t->x[w->at + j], p);
    int c = mpz_cmp(a, b);
    mpz_clears(a, b, NULL);
    return c;
}

static void with_zero(struct num *x) { /* the hull with 0 */
    if (mpz_sgn(LO(x)) > 0) mpz_set_ui(LO(x), 0);
    if (mpz_sgn(HI(x)) < 0) mpz_set_ui(HI(x), 0);
}

static void zero(struct num *x) {
    x->kind = K_REAL;
    mpz_set_ui(LO(x), 0);
    mpz_set_ui(HI(x), 0);
}

/* x > T: x; x <= T: 0; else x lies above T or the entry is 0 */
bool row_jumprelu(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    const struct num *in = row_of(r, x->args[0], row);
    struct num t;
    num_init(&t);
    for (uint32_t j = 0; j < x->width; j++) {
        num_copy(&out[j], &in[j]);
        if (compare_weight(LO(&in[j]), &x->w, j, r->p) > 0) continue;
        if (compare_weight(HI(&in[j]), &x->w, j, r->p) <= 0) {
            zero(&out[j]);
            continue;
        }
        weight_real(&t, &x->w, j, r->p);
        if (mpz_cmp(LO(&t), LO(&out[j])) > 0) mpz_set(LO(&out[j]), LO(&t));
        with_zero(&out[j]);
    }
    num_clear(&t);
    return true;
}

/* Does entry i come before entry j: is it larger, or equal with a smaller index? Entries with one tag (twins) are equal. */
static enum tri before(const struct num *in, uint32_t i, uint32_t j) {
    if (num_same(&in[i], &in[j])) return i < j ? YES : NO;
    int surely = mpz_cmp(LO(&in[i]), HI(&in[j])), possibly = mpz_cmp(HI(&in[i]), LO(&in[j]));
    if (i < j ? surely >= 0 : surely > 0) return YES;
    return (i < j ? possibly >= 0 : possibly > 0) ? OPEN : NO;
}

bool row_topk(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    const struct num *in = row_of(r, x->args[0], row);
    for (uint32_t j = 0; j < x->width; j++) {
        uint32_t sure = 0, open = 0;
        for (uint32_t i = 0; i < x->width && sure < x->d[0]; i++) {
            enum tri t = i == j ? NO : before(in, i, j);
            sure += t == YES;
            open += t == OPEN;
        }
        if (sure >= x->d[0]) {
            zero(&out[j]);
            continue;
        }
        num_copy(&out[j], &in[j]);
        if (sure + open >= x->d[0]) with_zero(&out[j]);
    }
    return true;
}

bool row_maxpool(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    const struct num *in = row_of(r, x->args[0], row);
    for (uint32_t j = 0; j < x->width; j++) {
        const uint32_t *at = x->index + (size_t)j * x->d[0];
        num_copy(&out[j], &in[at[0]]);
        for (uint32_t k = 1; k < x->d[0]; k++) num_max(&out[j], &out[j], &in[at[k]], r->p);
    }
    return true;
}

bool row_select(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    const struct num *in = row_of(r, x->args[0], row);
    for (uint32_t j = 0; j < x->width; j++) num_copy(&out[j], &in[x->index[j]]);
    return true;
}

bool row_concat(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)f;
    for (int a = 0; a < x->n_args; a++)
        for (uint32_t j = 0; j < r->net->nodes[x->args[a]].width; j++) num_copy(out++, &row_of(r, x->args[a], row)[j]);
    return true;
}

bool row_constant(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    (void)row, (void)f;
    for (uint32_t j = 0; j < x->width; j++) {
        if (x->w.t != NULL) weight_real(&out[j], &x->w, j, r->p);
        else num_set_int(&out[j], 0); /* edit.h: what a steer adds where it adds nothing */
    }
    return true;
}
