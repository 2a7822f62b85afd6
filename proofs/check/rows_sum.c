/* Sums of products and sums: linear, heads, add, matmul. */
#include "rows.h"

/* lo += least, hi += largest of a * b, all exact at 2^-2p: by the signs of the ends */
static void add_product(mpz_t lo, mpz_t hi, const struct num *a, const struct num *b, mpz_t t, mpz_t u) {
    bool b_up = mpz_sgn(LO(b)) >= 0, b_down = mpz_sgn(HI(b)) <= 0;
    if (mpz_sgn(LO(a)) >= 0) {
        mpz_addmul(lo, b_up ? LO(a) : HI(a), LO(b));
        mpz_addmul(hi, b_down ? LO(a) : HI(a), HI(b));
    } else if (mpz_sgn(HI(a)) <= 0) {
        mpz_addmul(lo, b_down ? HI(a) : LO(a), HI(b));
        mpz_addmul(hi, b_up ? HI(a) : LO(a), LO(b));
    } else if (b_up) {
        mpz_addmul(lo, LO(a), HI(b));
        mpz_addmul(hi, HI(a), HI(b));
    } else if (b_down) {
        mpz_addmul(lo, HI(a), LO(b));
        mpz_addmul(hi, LO(a), LO(b));
    } else { /* both have both signs */
        mpz_mul(t, LO(a), HI(b));
        mpz_mul(u, HI(a), LO(b));
        mpz_add(lo, lo, mpz_cmp(t, u) < 0 ? t : u);
        mpz_mul(t, LO(a), LO(b));
        mpz_mul(u, HI(a), HI(b));
        mpz_add(hi, hi, mpz_cmp(t, u) > 0 ? t : u);
    }
}

void magnitude_add(mpz_t m, const struct num *x) {
    if (mpz_cmpabs(LO(x), HI(x)) >= 0) {
        if (mpz_sgn(LO(x)) >= 0) mpz_add(m, m, LO(x));
        else mpz_sub(m, m, LO(x));
    } else if (mpz_sgn(HI(x)) >= 0) mpz_add(m, m, HI(x));
    else mpz_sub(m, m, HI(x));
}

/* A weight as an enclosure: exact as a rational number. */
void weight_num(struct num *out, const struct weight *w, size_t at) { num_set_dyadic(out, w->t->v[w->at + at]); }

void weight_real(struct num *out, const struct weight *w, size_t at, unsigned p) {
    const struct tensor *t = w->t;
    out->kind = K_REAL;
    out->tag = (struct tag){0};
    mpz_mul_2exp(HI(out), t->x[w->at + at], p);
    mpz_fdiv_q_2exp(LO(out), HI(out), t->scale);
    mpz_cdiv_q_2exp(HI(out), HI(out), t->scale);
}

void sum_init(struct sum *s) {
    mpz_inits(s->lo, s->hi, s->magnitude, s->t, s->u, NULL);
    s->products = s->additions = 0;
}

void sum_clear(struct sum *s) { mpz_clears(s->lo, s->hi, s->magnitude, s->t, s->u, NULL); }

/* the next sum: the numbers keep their memory */
static void sum_again(struct sum *s) {
    mpz_set_ui(s->lo, 0);
    mpz_set_ui(s->hi, 0);
    mpz_set_ui(s->magnitude, 0);
    s->products = s->additions = 0;
}

void sum_product(struct sum *s, const struct num *a, const struct num *b, bool magnitude) {
    add_product(s->lo, s->hi, a, b, s->t, s->u);
    s->products++;
    if (!magnitude) return;
    mpz_set_ui(s->t, 0);
    mpz_set_ui(s->u, 0);
    magnitude_add(s->t, a);
    magnitude_add(s->u, b);
    mpz_addmul(s->magnitude, s->t, s->u);
}

static bool all_points(const struct num *x, size_t n) {
    for (size_t k = 0; k < n; k++)
        if (mpz_cmp(LO(&x[k]), HI(&x[k])) != 0) return false;
    return true;
}

void sum_dot(struct sum *s, const struct num *a, const struct num *b, size_t n, bool magnitude) {
    bool points = !magnitude && all_points(a, n) && all_points(b, n);
    for (size_t k = 0; k < n && !points; k++) sum_product(s, &a[k], &b[k], magnitude);
    if (!points) return;
    for (size_t k = 0; k < n; k++) mpz_addmul(s->lo, LO(&a[k]), LO(&b[k]));
    mpz_set(s->hi, s->lo);
    s->products += n;
}

/* s = x W[., j] with the column's scale, x of points only: both ends at once */
static void sum_points(struct sum *s, const struct num *x, const struct weight *w, uint32_t j) {
    mpz_t *e = w->t->x + w->at + j;
    for (size_t k = 0; k < w->rows; k++, e += w->cols) mpz_addmul(s->lo, LO(&x[k]), *e);
    mpz_set(s->hi, s->lo);
    s->products += w->rows;
}

/* s = x W[., j] with the column's scale; a weight keeps or swaps the ends by its sign */
static void sum_column(struct sum *s, const struct num *x, const struct weight *w, uint32_t j, bool magnitude) {
    mpz_t *e = w->t->x + w->at + j;
    for (size_t k = 0; k < w->rows; k++, e += w->cols) {
        int sign = mpz_sgn(*e);
        if (sign == 0) continue;
        mpz_addmul(s->lo, *e, sign > 0 ? LO(&x[k]) : HI(&x[k]));
        mpz_addmul(s->hi, *e, sign > 0 ? HI(&x[k]) : LO(&x[k]));
        if (magnitude) {
            mpz_set_ui(s->t, 0);
            magnitude_add(s->t, &x[k]);
            mpz_abs(s->t, s->t);
            if (sign > 0) mpz_addmul(s->magnitude, *e, s->t);
            else mpz_submul(s->magnitude, *e, s->t);
        }
    }
    s->products += w->rows;
}

static void sum_shift(struct sum *s, mp_bitcnt_t up) {
    mpz_mul_2exp(s->lo, s->lo, up);
    mpz_mul_2exp(s->hi, s->hi, up);
    mpz_mul_2exp(s->magnitude, s->magnitude, up);
}

/* brings the sum, at 2^-(p + scale), and a bias to a common scale and adds it; returns that scale */
static unsigned sum_bias(struct sum *s, unsigned scale, const struct weight *b, uint32_t j, unsigned p) {
    if (b->t == NULL) return scale;
    unsigned common = scale > b->t->scale ? scale : b->t->scale;
    sum_shift(s, common - scale);
    mpz_mul_2exp(s->t, b->t->x[b->at + j], (mp_bitcnt_t)p + common - b->t->scale);
    mpz_add(s->lo, s->lo, s->t);
    mpz_add(s->hi, s->hi, s->t);
    mpz_abs(s->t, s->t);
    mpz_add(s->magnitude, s->magnitude, s->t);
    s->additions++;
    return common;
}

/* One product, or one sum of two numbers, is correctly rounded. */
bool sum_finish(struct run *r, struct sum *s, unsigned scale, struct num *out, struct fail *f) {
    out->kind = K_REAL;
    mpz_fdiv_q_2exp(LO(out), s->lo, scale);
    mpz_cdiv_q_2exp(HI(out), s->hi, scale);
    if (!r->float32) return true;
    if (2 * s->products + s->additions == 2 && s->products * s->additions == 0) return f32_nearest(out, r->p, f);
    mpz_cdiv_q_2exp(s->magnitude, s->magnitude, scale);
    return f32_sum(out, s->magnitude, s->products, s->additions, r->p, f);
}

bool row_linear(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *in = row_of(r, x->args[0], row);
    bool good = true, points = !r->float32 && all_points(in, x->w.rows);
    struct sum s;
    sum_init(&s);
    for (uint32_t j = 0; good && j < x->width; j++) {
        sum_again(&s);
        if (points) sum_points(&s, in, &x->w, j);
        else sum_column(&s, in, &x->w, j, r->float32);
        unsigned scale = sum_bias(&s, x->w.t->scale, &x->b, j, r->p);
        good = sum_finish(r, &s, scale, &out[j], f);
    }
    sum_clear(&s);
    return good;
}

/* += row x W[., j] of one head, brought to a common scale; returns that scale */
static unsigned add_head(struct sum *s, unsigned scale, const struct num *row, bool points, const struct weight *w, uint32_t j, bool magnitude) {
    unsigned common = scale > w->t->scale ? scale : w->t->scale;
    struct sum part;
    sum_init(&part);
    if (points) sum_points(&part, row, w, j);
    else sum_column(&part, row, w, j, magnitude);
    sum_shift(&part, common - w->t->scale);
    sum_shift(s, common - scale);
    mpz_add(s->lo, s->lo, part.lo);
    mpz_add(s->hi, s->hi, part.hi);
    mpz_add(s->magnitude, s->magnitude, part.magnitude);
    s->products += part.products;
    sum_clear(&part);
    return common;
}

static void add_value(struct sum *s, unsigned scale, const struct num *v) {
    mpz_mul_2exp(s->t, LO(v), scale);
    mpz_add(s->lo, s->lo, s->t);
    mpz_mul_2exp(s->t, HI(v), scale);
    mpz_add(s->hi, s->hi, s->t);
    mpz_set_ui(s->t, 0);
    magnitude_add(s->t, v);
    mpz_mul_2exp(s->t, s->t, scale);
    mpz_add(s->magnitude, s->magnitude, s->t);
    s->additions++;
}

/* heads: one sum over the products of all its linear nodes (their inputs are read); what is no linear node (edit.h), or is patched, enters as a value */
bool row_heads(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true, *points = mem_get((size_t)x->n_args, sizeof *points);
    for (int a = 0; a < x->n_args; a++) {
        const struct node *y = &r->net->nodes[x->args[a]];
        points[a] = !r->float32 && run_is_product(r, x->args[a], row) && all_points(row_of(r, y->args[0], row), y->w.rows);
    }
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct sum s;
        sum_init(&s);
        unsigned scale = 0;
        for (int a = 0; a < x->n_args; a++) {
            const struct node *y = &r->net->nodes[x->args[a]];
            if (run_is_product(r, x->args[a], row)) scale = add_head(&s, scale, row_of(r, y->args[0], row), points[a], &y->w, j, r->float32);
            else add_value(&s, scale, &row_of(r, x->args[a], row)[j]);
        }
        scale = sum_bias(&s, scale, &x->b, j, r->p);
        good = sum_finish(r, &s, scale, &out[j], f);
        sum_clear(&s);
    }
    mem_free(points);
    return good;
}

bool row_add(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct sum s;
        sum_init(&s);
        for (int a = 0; a < x->n_args; a++) {
            const struct num *v = &row_of(r, x->args[a], row)[j];
            mpz_add(s.lo, s.lo, LO(v));
            mpz_add(s.hi, s.hi, HI(v));
            magnitude_add(s.magnitude, v);
            s.additions++;
        }
        good = sum_finish(r, &s, 0, &out[j], f);
        sum_clear(&s);
    }
    return good;
}

/* entry (b, a, c) = sum over k of x[b, a, k] y[b, k, c] */
bool row_matmul(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *left = row_of(r, x->args[0], row), *right = row_of(r, x->args[1], row);
    size_t A = x->d[1], K = x->d[2], C = x->d[3];
    struct sum s;
    sum_init(&s);
    bool good = true;
    for (size_t i = 0; good && i < x->width; i++) {
        const struct num *a = left + i / C * K, *b = right + i / C / A * K * C + i % C;
        sum_again(&s);
        for (size_t k = 0; k < K; k++) sum_product(&s, &a[k], &b[k * C], r->float32);
        good = sum_finish(r, &s, r->p, &out[i], f);
    }
    sum_clear(&s);
    return good;
}
