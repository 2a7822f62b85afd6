/* Rule separable under float32 (FORMAT.md §3.6). Computed: scores within rad of s_i, p_i = shares of exp(fl(s_i - max)), then mix and the linear nodes.
 * Let W_i be the computed exponentials without their absolute error and P_i = W_i / sum W: an average with exact weights. Then
 *   W_i = w_i e^x, |x| <= h_i = rad s_i + u D + 9u       (fl of the difference, D = largest - smallest score of q; exp within 4 ulp: ln(1 + 8u))
 *   computed p_i = P_i (1 + y) + z, |y| <= (n + 12) u, |z| <= 2^-123    (sum, quotient, absolute errors of n exponentials of at most 2^-125 each)
 *   computed logit_j = D_j + sum P_i C_ij + e, |e| <= r  (y and z times the values, errors of the values, rounding of mix and of every linear node after it)
 * so a form is sum P_i G_i within R = sum |alpha| r + max |beta| ((n + 12) u + n 2^-123). */
#include "rows.h"
#include "separable.h"

#define P TABLE_P

/* For one entry of a row: |x| <= size and |computed - exact| <= err, at 2^-P; own: what its operation adds to the error, all of it where the row is a leaf. */
struct bound { mpz_t size, err, own; };

static struct bound *bounds_new(uint32_t n) {
    struct bound *b = mem_get(n, sizeof *b);
    for (uint32_t j = 0; j < n; j++) mpz_inits(b[j].size, b[j].err, b[j].own, NULL);
    return b;
}

static void bounds_free(struct bound *b, uint32_t n) {
    for (uint32_t j = 0; b != NULL && j < n; j++) mpz_clears(b[j].size, b[j].err, b[j].own, NULL);
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
    mpz_set(out->own, r);
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

/* ---- errors through the linear maps after the mix ----
 * What the operations add, `own`, reaches the logits by exact matrices: e_j = sum over rows and entries of A_jc own_c, with A = 1 at the output and A_arg += A W' backwards. Products of the maps are
 * taken before absolute values, so that what cancels in them cancels in the bound. */

/* Exact: x[j * cols + c] 2^-scale; x NULL: nothing yet. */
struct matrix { mpz_t *x; uint32_t rows, cols; mp_bitcnt_t scale; };

static void matrix_clear(struct matrix *a) {
    for (size_t i = 0; a->x != NULL && i < (size_t)a->rows * a->cols; i++) mpz_clear(a->x[i]);
    mem_free(a->x);
}

static void matrix_room(struct matrix *a, uint32_t rows, uint32_t cols) {
    if (a->x != NULL) return;
    *a = (struct matrix){.x = mem_get((size_t)rows * cols, sizeof *a->x), .rows = rows, .cols = cols};
    for (size_t i = 0; i < (size_t)rows * cols; i++) mpz_init(a->x[i]);
}

/* brings the coarser of two scales to the finer; returns what entries of the second are to be multiplied by, as a power of two */
static mp_bitcnt_t common_scale(struct matrix *to, mp_bitcnt_t scale) {
    if (scale <= to->scale) return to->scale - scale;
    for (size_t i = 0; i < (size_t)to->rows * to->cols; i++) mpz_mul_2exp(to->x[i], to->x[i], scale - to->scale);
    to->scale = scale;
    return 0;
}

/* to += from W', or from where w is NULL */
static void matrix_back(struct matrix *to, uint32_t cols, const struct matrix *from, const struct weight *w) {
    matrix_room(to, from->rows, cols);
    mp_bitcnt_t up = common_scale(to, from->scale + (w != NULL ? w->t->scale : 0));
    mpz_t sum;
    mpz_init(sum);
    for (uint32_t j = 0; j < from->rows; j++)
        for (uint32_t i = 0; i < cols; i++) {
            if (w == NULL) mpz_set(sum, from->x[(size_t)j * cols + i]);
            else mpz_set_ui(sum, 0);
            for (uint32_t c = 0; w != NULL && c < from->cols; c++) mpz_addmul(sum, from->x[(size_t)j * from->cols + c], w->t->x[w->at + (size_t)i * w->cols + c]);
            mpz_mul_2exp(sum, sum, up);
            mpz_add(to->x[(size_t)j * cols + i], to->x[(size_t)j * cols + i], sum);
        }
    mpz_clear(sum);
}

static void node_back(const struct net *net, struct matrix *A, int k) {
    const struct node *x = &net->nodes[k];
    for (int a = 0; a < x->n_args; a++) {
        const struct node *y = &net->nodes[x->args[a]];
        int to = x->op == OP_HEADS ? y->args[0] : x->args[a];
        matrix_back(&A[to], net->nodes[to].width, &A[k], x->op == OP_LINEAR ? &x->w : x->op == OP_HEADS ? &y->w : NULL);
    }
}

/* err[j] += sum of |A_jc| own_c, at 2^-P, rounded up */
static void charge(mpz_t *err, const struct matrix *A, const struct bound *b) {
    mpz_t sum, size;
    mpz_inits(sum, size, NULL);
    for (uint32_t j = 0; j < A->rows; j++) {
        mpz_set_ui(sum, 0);
        for (uint32_t c = 0; c < A->cols; c++) {
            mpz_abs(size, A->x[(size_t)j * A->cols + c]);
            mpz_addmul(sum, size, b[c].own);
        }
        mpz_cdiv_q_2exp(sum, sum, A->scale);
        mpz_add(err[j], err[j], sum);
    }
    mpz_clears(sum, size, NULL);
}

/* Lowers the errors of the logits to what reaches them by these matrices. */
static void lower_errors(const struct sep *s, struct bound *const *b) {
    const struct net *net = s->net;
    struct matrix *A = mem_get((size_t)net->n_nodes, sizeof *A);
    mpz_t *err = mem_get(s->n_out, sizeof *err);
    matrix_room(&A[net->output], s->n_out, s->n_out);
    for (uint32_t j = 0; j < s->n_out; j++) {
        mpz_init(err[j]);
        mpz_set_ui(A[net->output].x[(size_t)j * s->n_out + j], 1);
    }
    for (int k = net->output; k >= 0; k--) {
        if (A[k].x == NULL) continue;
        charge(err, &A[k], b[k]);
        if (s->shape[k] == SHAPE_AFFINE && k != s->mix) node_back(net, A, k);
        matrix_clear(&A[k]);
    }
    for (uint32_t j = 0; j < s->n_out; j++) {
        if (mpz_cmp(err[j], b[net->output][j].err) < 0) mpz_set(b[net->output][j].err, err[j]);
        mpz_clear(err[j]);
    }
    mem_free(err);
    mem_free(A);
}

static void leaves_own(struct bound *b, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) mpz_set(b[j].own, b[j].err);
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
        if (s->shape[k] == SHAPE_TOKEN || k == s->mix) leaves_own(b[k], x->width);
    }
    if (good) lower_errors(s, b);
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
