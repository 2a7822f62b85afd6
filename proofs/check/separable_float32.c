/* Rule separable under float32 (FORMAT.md §3.6). Computed: scores within rad of s_i, p_i = shares of exp(fl(s_i - max)), then mix and the linear nodes.
 * Let W_i be the computed exponentials without their absolute error and P_i = W_i / sum W: an average with exact weights. Then
 *   W_i = w_i e^x, |x| <= h_i = rad s_i + u D + 9u       (fl of the difference, D = largest - smallest score of q; exp within 4 ulp: ln(1 + 8u))
 *   computed p_i = P_i (1 + y) + z, |y| <= (n + 12) u, |z| <= 2^-123    (sum, quotient, absolute errors of n exponentials of at most 2^-125 each)
 *   computed logit_j = D_j + sum P_i C_ij + e, |e| <= r  (y and z times the values, errors of the values, rounding of mix and of every linear node after it)
 * so a form is sum P_i G_i within R = sum |alpha| r + max |beta| ((n + 12) u + n 2^-123). */
#include "rows.h"
#include "separable.h"

#define P TABLE_P

/* For one entry of a row: |x| <= size and |computed - exact| <= err, at 2^-P. */
struct bound { mpz_t size, err; };

static struct bound *bounds_new(uint32_t n) {
    struct bound *b = mem_get(n, sizeof *b);
    for (uint32_t j = 0; j < n; j++) mpz_inits(b[j].size, b[j].err, NULL);
    return b;
}

static void bounds_free(struct bound *b, uint32_t n) {
    for (uint32_t j = 0; b != NULL && j < n; j++) mpz_clears(b[j].size, b[j].err, NULL);
    mem_free(b);
}

/* k u m + k eta, rounded up */
static void rounding(mpz_t out, const mpz_t m, unsigned long k) {
    mpz_t t;
    mpz_init(t);
    mpz_mul_ui(out, m, k);
    mpz_cdiv_q_2exp(out, out, 24);
    mpz_set_ui(t, k);
    mpz_mul_2exp(t, t, P - 149);
    mpz_add(out, out, t);
    mpz_clear(t);
}

/* The enclosures of run.c under float32 hold both the exact and the computed value: size is their largest, err their width. */
static void widen_by(struct bound *b, const struct num *x, uint32_t n) {
    mpz_t t;
    mpz_init(t);
    for (uint32_t j = 0; j < n; j++) {
        mpz_set_ui(t, 0);
        magnitude_add(t, &x[j]);
        if (mpz_cmp(t, b[j].size) > 0) mpz_set(b[j].size, t);
        mpz_sub(t, HI(&x[j]), LO(&x[j]));
        if (mpz_cmp(t, b[j].err) > 0) mpz_set(b[j].err, t);
    }
    mpz_clear(t);
}

/* row r of a token-only node over all query tokens */
static bool token_bounds(struct sep *s, int node, struct bound *b) {
    bool good = true;
    for (size_t k = 0; good && k < s->sets.size[s->row]; k++) {
        struct run r;
        sep_run(s, &r, s->sets.v[s->row][k], true);
        const struct num *row = run_row(&r, node, s->row, s->fail);
        good = row != NULL;
        if (good) widen_by(b, row, s->net->nodes[node].width);
        run_clear(&r);
    }
    return good;
}

/* mix: an average of the values of all cells, |v| <= m and within e: y and z move it by at most ((n + 12) u + n 2^-123) m, e is its own error, and the
 * rounding of n products and sums of size at most m (1 + 2^-9) costs (n + 2) u m + n eta */
static void mix_bounds(struct sep *s, const struct num *values, struct bound *b) {
    uint32_t width = s->net->nodes[s->mix].width;
    mpz_t t;
    mpz_init(t);
    for (uint32_t c = 0; c < s->at[s->n]; c++) widen_by(b, values + (size_t)c * width, width);
    for (uint32_t j = 0; j < width; j++) {
        rounding(t, b[j].size, 2ul * s->n + 15); /* (n + 12) + (n + 2) and one more for n 2^-123 */
        mpz_add(b[j].err, b[j].err, t);
    }
    mpz_clear(t);
}

/* A sum that is being bounded: exact size, propagated error, number of terms. */
struct total { mpz_t size, err; unsigned long terms; };

static void total_linear(struct total *t, const struct weight *w, uint32_t j, const struct bound *in) {
    mpz_t a, size, err;
    mpz_inits(a, size, err, NULL);
    for (size_t k = 0; k < w->rows; k++) {
        mpz_abs(a, w->t->x[w->at + k * w->cols + j]);
        mpz_addmul(size, a, in[k].size);
        mpz_addmul(err, a, in[k].err);
    }
    mpz_cdiv_q_2exp(size, size, w->t->scale);
    mpz_cdiv_q_2exp(err, err, w->t->scale);
    mpz_add(t->size, t->size, size);
    mpz_add(t->err, t->err, err);
    t->terms += w->rows;
    mpz_clears(a, size, err, NULL);
}

static void total_bias(struct total *t, const struct weight *b, uint32_t j) {
    if (b->t == NULL) return;
    mpz_t a;
    mpz_init(a);
    mpz_abs(a, b->t->x[b->at + j]);
    mpz_mul_2exp(a, a, P);
    mpz_cdiv_q_2exp(a, a, b->t->scale);
    mpz_add(t->size, t->size, a);
    t->terms++;
    mpz_clear(a);
}

/* err += (N + B + 1) u (size + err) + ...; no partial sum reaches 2^127 */
static bool total_finish(struct total *t, struct bound *out) {
    mpz_t all, r;
    mpz_inits(all, r, NULL);
    mpz_add(all, t->size, t->err);
    bool good = t->terms <= 4000 && mpz_sizeinbase(all, 2) <= 126 + (size_t)P;
    rounding(r, all, t->terms + 1);
    mpz_set(out->size, t->size);
    mpz_add(out->err, t->err, r);
    mpz_clears(all, r, NULL);
    return good;
}

static bool affine_bounds(struct sep *s, const struct node *x, struct bound *const *b, struct bound *out) {
    bool good = true;
    for (uint32_t j = 0; good && j < x->width; j++) {
        struct total t = {.terms = 0};
        mpz_inits(t.size, t.err, NULL);
        for (int a = 0; a < x->n_args; a++) {
            const struct node *y = &s->net->nodes[x->args[a]];
            if (x->op == OP_LINEAR) total_linear(&t, &x->w, j, b[x->args[a]]);
            else if (x->op == OP_HEADS) total_linear(&t, &y->w, j, b[y->args[0]]);
            else {
                mpz_add(t.size, t.size, b[x->args[a]][j].size);
                mpz_add(t.err, t.err, b[x->args[a]][j].err);
                t.terms++;
            }
        }
        total_bias(&t, &x->b, j);
        good = total_finish(&t, &out[j]);
        mpz_clears(t.size, t.err, NULL);
    }
    return good;
}

/* r: the largest error of a logit, in units of 2^-SEP_BITS, rounded up. values: rows of the mix's value node at every cell, under float32. */
bool sep_float32_logits(struct sep *s, const struct num *values) {
    const struct net *net = s->net;
    struct bound **b = mem_get((size_t)net->n_nodes, sizeof *b);
    bool good = true;
    for (int k = 0; good && k <= net->output; k++) {
        const struct node *x = &net->nodes[k];
        if (s->shape[k] != SHAPE_TOKEN && s->shape[k] != SHAPE_AFFINE) continue;
        b[k] = bounds_new(x->width);
        if (s->shape[k] == SHAPE_TOKEN) good = token_bounds(s, k, b[k]);
        else if (k == s->mix) mix_bounds(s, values, b[k]);
        else good = affine_bounds(s, x, b, b[k]);
    }
    mpz_t most;
    mpz_init(most);
    for (uint32_t j = 0; good && j < s->n_out; j++)
        if (mpz_cmp(b[net->output][j].err, most) > 0) mpz_set(most, b[net->output][j].err);
    mpz_cdiv_q_2exp(most, most, P - SEP_BITS);
    good = good && mpz_sizeinbase(most, 2) < 50;
    s->logit_error = good ? mpz_get_si(most) + 1 : 0;
    mpz_clear(most);
    for (int k = 0; k < net->n_nodes; k++) bounds_free(b[k], net->nodes[k].width);
    mem_free(b);
    return good ? true : sep_refuse(s, "no bound under float32");
}

/* Takes the score of a cell to the middle of its enclosure; h_i without the spread: rad + 9u, at 2^-SEP_BITS, rounded up. */
bool sep_float32_score(struct num *score, int64_t *h) {
    mpz_t mid, rad;
    mpz_inits(mid, rad, NULL);
    mpz_add(mid, LO(score), HI(score));
    mpz_fdiv_q_2exp(mid, mid, 1);
    mpz_sub(rad, HI(score), mid);
    mpz_cdiv_q_2exp(rad, rad, P - SEP_BITS);
    bool good = mpz_sizeinbase(rad, 2) < 40;
    *h = good ? mpz_get_si(rad) + ((int64_t)9 << (SEP_BITS - 24)) + 1 : 0;
    mpz_set(LO(score), mid);
    mpz_set(HI(score), mid);
    mpz_clears(mid, rad, NULL);
    return good;
}
