#include "run.h"
#include <string.h>

void run_init(struct run *r, const struct net *net, bool float32, unsigned p, uint32_t id, const int64_t *tokens, uint32_t n) {
    *r = (struct run){.net = net, .float32 = float32, .p = p, .id = id, .n = n};
    r->tokens = mem_get(n, sizeof *r->tokens);
    memcpy(r->tokens, tokens, n * sizeof *tokens);
    r->rows = mem_get((size_t)net->n_nodes * n, sizeof *r->rows);
}

static struct num *nums_new(size_t n) {
    struct num *x = mem_get(n, sizeof *x);
    for (size_t i = 0; i < n; i++) num_init(&x[i]);
    return x;
}

static void nums_free(struct num *x, size_t n) {
    for (size_t i = 0; x != NULL && i < n; i++) num_clear(&x[i]);
    mem_free(x);
}

uint32_t run_width(const struct run *r, int node) { return r->net->nodes[node].width == 0 ? r->n : r->net->nodes[node].width; }
bool run_allowed(const struct run *r, uint32_t row, uint32_t source) { return source < r->n && (!r->net->causal || source <= row); }

void run_clear(struct run *r) {
    for (int k = 0; r->rows != NULL && k < r->net->n_nodes; k++)
        for (uint32_t i = 0; i < r->n; i++) nums_free(r->rows[(size_t)k * r->n + i], run_width(r, k));
    for (int k = 0; k < r->n_patches; k++) nums_free(r->patches[k].values, (size_t)(r->patches[k].hi - r->patches[k].lo + 1) * r->patches[k].width);
    mem_free(r->patches);
    mem_free(r->rows);
    mem_free(r->tokens);
    *r = (struct run){0};
}

void run_add_patch(struct run *r, int node, int lo, int hi, uint32_t width, const struct num *values) {
    size_t n = (size_t)(hi - lo + 1) * width;
    r->patches = mem_grow(r->patches, (size_t)r->n_patches, (size_t)r->n_patches + 1, sizeof *r->patches);
    struct patch *q = &r->patches[r->n_patches++];
    *q = (struct patch){.node = node, .lo = lo, .hi = hi, .width = width, .values = nums_new(n)};
    for (size_t i = 0; i < n; i++) num_copy(&q->values[i], &values[i]);
}

/* lo += least, hi += largest of a * b, all exact at 2^-2p */
static void add_product(mpz_t lo, mpz_t hi, const struct num *a, const struct num *b) {
    if (mpz_sgn(LO(a)) >= 0) {
        mpz_addmul(lo, mpz_sgn(LO(b)) >= 0 ? LO(a) : HI(a), LO(b));
        mpz_addmul(hi, mpz_sgn(HI(b)) >= 0 ? HI(a) : LO(a), HI(b));
        return;
    }
    mpz_t c[4];
    int least = 0, most = 0;
    for (int i = 0; i < 4; i++) {
        mpz_init(c[i]);
        mpz_mul(c[i], i < 2 ? LO(a) : HI(a), i % 2 == 0 ? LO(b) : HI(b));
        if (mpz_cmp(c[i], c[least]) < 0) least = i;
        if (mpz_cmp(c[i], c[most]) > 0) most = i;
    }
    mpz_add(lo, lo, c[least]);
    mpz_add(hi, hi, c[most]);
    for (int i = 0; i < 4; i++) mpz_clear(c[i]);
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

/* The weighted sum that is being built: lo, hi and (float32) the sum of |w| max |x|, at 2^-(p + scale). */
struct sum { mpz_t lo, hi, magnitude, t; unsigned long products, additions; };

static void sum_init(struct sum *s) { mpz_inits(s->lo, s->hi, s->magnitude, s->t, NULL); s->products = s->additions = 0; }
static void sum_clear(struct sum *s) { mpz_clears(s->lo, s->hi, s->magnitude, s->t, NULL); }

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

static bool sum_finish(struct run *r, struct sum *s, unsigned scale, struct num *out, struct fail *f) {
    out->kind = K_REAL;
    mpz_fdiv_q_2exp(LO(out), s->lo, scale);
    mpz_cdiv_q_2exp(HI(out), s->hi, scale);
    mpz_cdiv_q_2exp(s->magnitude, s->magnitude, scale);
    return r->float32 ? f32_sum(out, s->magnitude, s->products, s->additions, r->p, f) : true;
}

static bool row_linear(struct run *r, const struct node *x, struct num *out, const struct num *in, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct sum s;
        sum_init(&s);
        sum_column(&s, in, &x->w, j, r->float32);
        unsigned scale = sum_bias(&s, x->w.t->scale, &x->b, j, r->p);
        good = sum_finish(r, &s, scale, &out[j], f);
        sum_clear(&s);
    }
    return good;
}

static bool patched(const struct run *r, int node, uint32_t row) {
    for (int k = 0; k < r->n_patches; k++)
        if (r->patches[k].node == node && (int64_t)row >= r->patches[k].lo && (int64_t)row <= r->patches[k].hi) return true;
    return false;
}

static struct num *row_of(const struct run *r, int node, uint32_t row) { return r->rows[(size_t)node * r->n + row]; }

/* heads: one sum over the products of all its linear nodes (their inputs are read); a linear node that is patched enters as a value */
static bool row_heads(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct sum s;
        sum_init(&s);
        unsigned scale = 0;
        for (int a = 0; a < x->n_args; a++) {
            const struct node *y = &r->net->nodes[x->args[a]];
            if (patched(r, x->args[a], row)) {
                const struct num *v = &row_of(r, x->args[a], row)[j];
                mpz_mul_2exp(s.t, LO(v), scale);
                mpz_add(s.lo, s.lo, s.t);
                mpz_mul_2exp(s.t, HI(v), scale);
                mpz_add(s.hi, s.hi, s.t);
                mpz_set_ui(s.t, 0);
                magnitude_add(s.t, v);
                mpz_mul_2exp(s.t, s.t, scale);
                mpz_add(s.magnitude, s.magnitude, s.t);
                s.additions++;
                continue;
            }
            unsigned common = scale > y->w.t->scale ? scale : y->w.t->scale;
            struct sum part;
            sum_init(&part);
            sum_column(&part, row_of(r, y->args[0], row), &y->w, j, r->float32);
            sum_shift(&part, common - y->w.t->scale);
            sum_shift(&s, common - scale);
            mpz_add(s.lo, s.lo, part.lo);
            mpz_add(s.hi, s.hi, part.hi);
            mpz_add(s.magnitude, s.magnitude, part.magnitude);
            s.products += part.products;
            scale = common;
            sum_clear(&part);
        }
        scale = sum_bias(&s, scale, &x->b, j, r->p);
        good = sum_finish(r, &s, scale, &out[j], f);
        sum_clear(&s);
    }
    return good;
}

static bool row_add(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
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

/* Sum of products of two rows of enclosures, at 2^-p. */
static bool row_product(struct run *r, struct num *out, const struct num *a, const struct num *const *b, uint32_t n, const struct num *b_row, uint32_t j, struct fail *f) {
    struct sum s;
    sum_init(&s);
    mpz_t ma, mb;
    mpz_inits(ma, mb, NULL);
    for (uint32_t k = 0; k < n; k++) {
        const struct num *y = b_row != NULL ? &b_row[k] : &b[k][j];
        add_product(s.lo, s.hi, &a[k], y);
        if (!r->float32) continue;
        mpz_set_ui(ma, 0);
        mpz_set_ui(mb, 0);
        magnitude_add(ma, &a[k]);
        magnitude_add(mb, y);
        mpz_addmul(s.magnitude, ma, mb);
    }
    s.products = n;
    bool good = sum_finish(r, &s, r->p, out, f);
    mpz_clears(ma, mb, NULL);
    sum_clear(&s);
    return good;
}

bool run_score(struct run *r, const struct node *x, struct num *out, const struct num *q, const struct num *k, struct fail *f) {
    struct num root;
    num_init(&root);
    num_set_int(&root, x->d);
    bool good = num_sqrt(&root, &root, r->p) && row_product(r, out, q, NULL, r->net->nodes[x->args[0]].width, k, 0, f) && num_div(out, out, &root, r->p);
    if (r->float32) f32_round(out, 4, r->p); /* root, reciprocal, product, and one for the second order */
    num_clear(&root);
    return good;
}

static bool row_score(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    bool good = true;
    for (uint32_t j = 0; good && j < r->n; j++)
        if (run_allowed(r, row, j)) good = run_score(r, x, &out[j], row_of(r, x->args[0], row), row_of(r, x->args[1], j), f);
    return good;
}

/* p_j = e_j / (e_j + sum of the others), increasing in e_j and decreasing in the others; e_j = exp(s_j - c) for one exact c.
 * c is the largest upper end: no argument is above 0, and the sum of the upper ends is at least 1. */
static bool row_softmax(struct run *r, uint32_t row, struct num *out, const struct num *s, struct fail *f) {
    uint32_t n = r->net->causal ? row + 1 : r->n;
    struct num c, e;
    num_init(&c);
    num_init(&e);
    num_copy(&c, &s[0]);
    c.tag = (struct tag){0};
    for (uint32_t j = 0; j < n; j++)
        if (mpz_cmp(HI(&s[j]), HI(&c)) > 0) mpz_set(HI(&c), HI(&s[j]));
    mpz_set(LO(&c), HI(&c));
    mpz_t lo, hi, t, den;
    mpz_inits(lo, hi, t, den, NULL);
    for (uint32_t j = 0; j < n; j++) {
        num_sub(&e, &s[j], &c, r->p);
        num_exp(&out[j], &e, r->p);
        mpz_add(lo, lo, LO(&out[j]));
        mpz_add(hi, hi, HI(&out[j]));
    }
    for (uint32_t j = 0; j < n; j++) {
        mpz_sub(den, hi, HI(&out[j]));
        mpz_add(den, den, LO(&out[j]));
        mpz_sub(t, lo, LO(&out[j]));
        mpz_add(t, t, HI(&out[j]));
        mpz_mul_2exp(LO(&out[j]), LO(&out[j]), r->p);
        if (mpz_sgn(den) > 0) mpz_fdiv_q(LO(&out[j]), LO(&out[j]), den);
        else mpz_set_ui(LO(&out[j]), 0);
        mpz_mul_2exp(HI(&out[j]), HI(&out[j]), r->p);
        mpz_cdiv_q(HI(&out[j]), HI(&out[j]), t); /* t >= an upper end of an exponential, at least one unit */
        out[j].kind = K_REAL;
    }
    for (uint32_t j = n; j < r->n; j++) {
        num_set_int(&out[j], 0);
        num_to_real(&out[j], &out[j], r->p);
    }
    mpz_clears(lo, hi, t, den, NULL);
    num_clear(&c);
    num_clear(&e);
    return r->float32 ? f32_softmax(out, s, n, r->p, f) : true;
}

static bool row_mix(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    uint32_t n = r->net->causal ? row + 1 : r->n;
    const struct num **v = mem_get(n, sizeof *v);
    for (uint32_t j = 0; j < n; j++) v[j] = row_of(r, x->args[1], j);
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) good = row_product(r, &out[j], row_of(r, x->args[0], row), v, n, NULL, j, f);
    mem_free(v);
    return good;
}

/* c = x - mean, s = sqrt(mean of c^2 + eps), c / s (times w plus b) */
static bool row_layernorm(struct run *r, const struct node *x, struct num *out, const struct num *in, struct fail *f) {
    if (r->float32) return f32_layernorm(r, x, out, in, f);
    unsigned p = r->p;
    struct num k, mean, var, t;
    num_init(&k);
    num_init(&mean);
    num_init(&var);
    num_init(&t);
    num_set_int(&k, x->width);
    for (uint32_t j = 0; j < x->width; j++) num_add(&mean, &mean, &in[j], p);
    bool good = num_div(&mean, &mean, &k, p);
    for (uint32_t j = 0; j < x->width; j++) {
        num_sub(&out[j], &in[j], &mean, p);
        num_square(&t, &out[j], p);
        num_add(&var, &var, &t, p);
    }
    num_set_dyadic(&t, r->net->eps);
    good = good && num_div(&var, &var, &k, p);
    num_add(&var, &var, &t, p);
    good = good && num_sqrt(&var, &var, p);
    for (uint32_t j = 0; good && j < x->width; j++) {
        good = num_div(&out[j], &out[j], &var, p);
        if (!good || x->w.t == NULL) continue;
        weight_num(&t, &x->w, j);
        num_mul(&out[j], &out[j], &t, p);
        weight_num(&t, &x->b, j);
        num_add(&out[j], &out[j], &t, p);
    }
    if (!good) fail_at(f, 0, "the variance of a LayerNorm is not proved positive");
    num_clear(&k);
    num_clear(&mean);
    num_clear(&var);
    num_clear(&t);
    return good;
}

static bool activation(struct num *out, const struct num *in, enum op op, unsigned p) {
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

static bool row_activation(struct run *r, const struct node *x, struct num *out, const struct num *in, struct fail *f) {
    for (uint32_t j = 0; j < x->width; j++)
        if (!(r->float32 && x->op != OP_RELU ? f32_activation(&out[j], &in[j], x->op, r->p, f) : activation(&out[j], &in[j], x->op, r->p))) return false;
    return true;
}

static void row_table(struct run *r, const struct node *x, struct num *out, uint32_t row) {
    size_t at = x->op == OP_EMBED ? (size_t)r->tokens[row] : row;
    for (uint32_t j = 0; j < x->width; j++) {
        weight_num(&out[j], &x->w, at * x->w.cols + j);
        num_to_real(&out[j], &out[j], r->p);
    }
}

static bool row_compute(struct run *r, int node, uint32_t row, struct num *out, struct fail *f) {
    const struct node *x = &r->net->nodes[node];
    const struct num *in = x->n_args > 0 ? row_of(r, x->args[0], row) : NULL;
    switch (x->op) {
    case OP_EMBED:
    case OP_POSITION: row_table(r, x, out, row); return true;
    case OP_ADD: return row_add(r, x, row, out, f);
    case OP_LINEAR: return row_linear(r, x, out, in, f);
    case OP_LAYERNORM: return row_layernorm(r, x, out, in, f);
    case OP_SCORE: return row_score(r, x, row, out, f);
    case OP_SOFTMAX: return row_softmax(r, row, out, in, f);
    case OP_MIX: return row_mix(r, x, row, out, f);
    case OP_HEADS: return row_heads(r, x, row, out, f);
    default: return row_activation(r, x, out, in, f);
    }
}

static bool row_patch(struct run *r, int node, uint32_t row, struct num *out) {
    bool found = false; /* the last of several patches of one row counts */
    for (int k = 0; k < r->n_patches; k++) {
        const struct patch *q = &r->patches[k];
        if (q->node != node || (int64_t)row < q->lo || (int64_t)row > q->hi) continue;
        for (uint32_t j = 0; j < q->width; j++) {
            num_to_real(&out[j], &q->values[(size_t)((int64_t)row - q->lo) * q->width + j], r->p);
            out[j].tag = (struct tag){0};
            if (r->float32) f32_round(&out[j], 1, r->p);
        }
        found = true;
    }
    return found;
}

/* Which rows of earlier nodes a row reads. */
static void require(const struct run *r, int node, uint32_t row, unsigned char *need) {
    const struct node *x = &r->net->nodes[node];
    for (int a = 0; a < x->n_args; a++) {
        int y = x->args[a];
        if ((x->op == OP_SCORE || x->op == OP_MIX) && a == 1) {
            for (uint32_t j = 0; j < r->n; j++)
                if (run_allowed(r, row, j)) need[(size_t)y * r->n + j] = 1;
        } else if (x->op == OP_HEADS && !patched(r, y, row)) need[(size_t)r->net->nodes[y].args[0] * r->n + row] = 1;
        else need[(size_t)y * r->n + row] = 1;
    }
}

static bool row_make(struct run *r, int node, uint32_t row, struct fail *f) {
    uint32_t width = run_width(r, node);
    struct num *out = nums_new(width);
    if (!row_patch(r, node, row, out)) {
        if (!row_compute(r, node, row, out, f)) {
            nums_free(out, width);
            return fail_at(f, 0, "node %.80s cannot be enclosed", r->net->nodes[node].name);
        }
        /* twins are one real number; their float32 executions are independent */
        const uint32_t *twin = r->float32 ? NULL : r->net->nodes[node].twin;
        for (uint32_t j = 0; j < width; j++) out[j].tag = (struct tag){r->id, (uint32_t)node + 1, row, twin != NULL ? twin[j] : j};
    }
    r->rows[(size_t)node * r->n + row] = out;
    return true;
}

const struct num *run_row(struct run *r, int node, uint32_t row, struct fail *f) {
    if (row_of(r, node, row) != NULL) return row_of(r, node, row);
    size_t n = r->n;
    unsigned char *need = mem_get((size_t)(node + 1) * n, 1);
    need[(size_t)node * n + row] = 1;
    for (int k = node; k >= 0; k--)
        for (uint32_t i = 0; i < r->n; i++)
            if (need[(size_t)k * n + i] && row_of(r, k, i) == NULL && !patched(r, k, i)) require(r, k, i, need);
    bool good = true;
    for (int k = 0; good && k <= node; k++)
        for (uint32_t i = 0; good && i < r->n; i++)
            if (need[(size_t)k * n + i] && row_of(r, k, i) == NULL) good = row_make(r, k, i, f);
    mem_free(need);
    return good ? row_of(r, node, row) : NULL;
}
