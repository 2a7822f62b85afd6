/* rows.c: the operations of a network (NETWORK.md §3) on rows of entries; attention is in attention.c. */
#include <math.h>
#include <string.h>
#include <arb.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/kernel.h"

#define PREC 192

const char *kernel_name(const struct kernel *k, size_t e) { return smt_format(k->m, "|%s.%s[%zu,%zu]|", k->site->name, k->x->name, k->row, e); }

struct entry *kernel_input(const struct kernel *k, size_t i, size_t row)
{
    size_t width;
    return (struct entry *)smt_row(k->m, k->site, k->x->inputs[i], row, &width);
}

static struct entry dyadic(struct smt *m, double v)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_d(q, v);
    struct entry e = entry_number(m, q);
    mpq_clear(q);
    return e;
}

/* ---- what only moves or adds entries ---- */

static void op_embed(struct kernel *k)
{
    const struct entry *t = &k->site->inputs[k->row];
    size_t n = entry_cases(t);
    for (size_t e = 0; e < k->width; e++) {
        struct entry x = {.table = true, .split = t->split, .lo = smt_numbers(k->m, n)};
        x.hi = x.lo;
        if (!x.lo) return;
        for (size_t i = 0; i < n; i++) mpq_set_d(x.lo + i, k->x->w[0].data[(size_t)mpz_get_ui(mpq_numref(t->lo + i)) * k->x->w[0].m + e]);
        k->out[e] = x;
    }
}

static void op_stored(struct kernel *k)
{
    const double *v = k->x->w[0].data + (k->x->op == OP_POSITION ? k->row * k->width : 0);
    for (size_t e = 0; e < k->width; e++) k->out[e] = dyadic(k->m, v[e]);
}

static void op_input(struct kernel *k)
{
    for (size_t e = 0; e < k->width; e++) k->out[e] = entry_solid(k->m, k->site->inputs[k->row * k->width + e]);
}

static void op_sum(struct kernel *k)
{
    size_t n = k->x->n_inputs;
    const struct entry **rows = smt_array(k->m, n, sizeof *rows);
    struct entry *x = smt_array(k->m, n, sizeof *x);
    for (size_t i = 0; rows && i < n; i++) rows[i] = kernel_input(k, i, k->row);
    for (size_t e = 0; rows && x && e < k->width && k->m->status == STATUS_OK; e++) {
        for (size_t i = 0; i < n; i++) x[i] = rows[i][e];
        k->out[e] = term_linear(k->m, x, NULL, 0, n, k->x->op == OP_HEADS && k->x->n_w ? k->x->w[0].data[e] : 0);
    }
}

static void op_linear(struct kernel *k)
{
    struct entry *x = kernel_input(k, 0, k->row);
    const struct weight *w = &k->x->w[0];
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++)
        k->out[e] = term_linear(k->m, x, w->data + e, w->m, w->k, k->x->n_w > 1 ? k->x->w[1].data[e] : 0);
}

static void op_row(struct kernel *k)
{
    if (k->x->arg[0] >= k->site->n) {
        smt_fail(k->m, STATUS_UNSUPPORTED, "node %s reads a row that the input has not", k->x->name);
        return;
    }
    const struct entry *x = kernel_input(k, 0, k->x->arg[0]);
    if (x) memcpy(k->out, x, k->width * sizeof *x);
}

static void op_select(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row);
    for (size_t e = 0; x && e < k->width; e++) k->out[e] = x[(size_t)k->x->w[0].data[e]];
}

static void op_concat(struct kernel *k)
{
    size_t at = 0, width;
    for (size_t i = 0; i < k->x->n_inputs; i++) {
        const struct entry *x = smt_row(k->m, k->site, k->x->inputs[i], k->row, &width);
        for (size_t e = 0; x && e < width; e++) k->out[at++] = x[e];
    }
}

static void op_pairs(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row), *y = kernel_input(k, 1, k->row);
    for (size_t e = 0; x && y && e < k->width && k->m->status == STATUS_OK; e++) switch (k->x->op) {
        case OP_SUB: k->out[e] = term_add(k->m, x[e], y[e], true); break;
        case OP_MUL: k->out[e] = term_mul(k->m, x[e], y[e]); break;
        case OP_DIV: k->out[e] = term_div(k->m, x[e], y[e]); break;
        default: k->out[e] = entry_solid(k->m, term_max(k->m, x[e], y[e], k->x->op == OP_MIN)); break;
        }
}

static void op_matmul(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row), *y = kernel_input(k, 1, k->row);
    size_t A = k->x->arg[1], K = k->x->arg[2], C = k->x->arg[3];
    struct entry *terms = smt_array(k->m, K, sizeof *terms);
    for (size_t e = 0; x && y && terms && e < k->width && k->m->status == STATUS_OK; e++) {
        size_t g = e / (A * C), i = e / C % A, j = e % C;
        for (size_t c = 0; c < K; c++) terms[c] = term_mul(k->m, x[(g * A + i) * K + c], y[(g * K + c) * C + j]);
        k->out[e] = term_linear(k->m, terms, NULL, 0, K, 0);
    }
}

/* ---- functions ---- */

/* max(0, x): by sign where the ends settle it, else two phases and the line above both. */
static struct entry relu(struct kernel *k, struct entry x, size_t e)
{
    struct smt *m = k->m;
    double low, high;
    if (x.table) return entry_solid(m, term_max(m, x, entry_int(m, 0), false));
    entry_ends(&low, &high, &x);
    if (low >= 0) return x;
    if (high <= 0) return entry_int(m, 0);
    const char *y = smt_declare(m, kernel_name(k, e), "Real"), *t = entry_bounded(m, &x);
    smt_assert(m, smt_format(m, "(and (>= %s 0.0) (>= %s %s) (or (<= %s 0.0) (<= %s %s)))", y, y, t, y, y, t));
    if (isfinite(low) && isfinite(high)) {
        mpq_t l, h;
        mpq_init(l), mpq_init(h);
        mpq_set_d(l, low), mpq_set_d(h, high);
        mpq_sub(l, h, l);       /* (high - low) y <= high (x - low) */
        const char *width = smt_constant(m, l);
        mpq_set_d(l, low);
        smt_assert(m, smt_format(m, "(<= (* %s %s) (* %s (- %s %s)))", width, y, smt_constant(m, h), t, smt_constant(m, l)));
        mpq_clear(l), mpq_clear(h);
    }
    return entry_variable(m, y, 0, high);
}

static void op_relu(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++) k->out[e] = relu(k, x[e], e);
}

static void op_smooth(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++) k->out[e] = smooth_value(k->m, k->x->op, kernel_name(k, e), x[e], NULL);
}

static void op_jumprelu(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++)
        k->out[e] = term_if(k->m, term_compare(k->m, OPER_GT, x[e], dyadic(k->m, k->x->w[0].data[e])), x[e], entry_int(k->m, 0));
}

/* x_e stays when fewer than c entries go before it. */
static void op_topk(struct kernel *k)
{
    struct smt *m = k->m;
    const struct entry *x = kernel_input(k, 0, k->row);
    struct entry *before = smt_array(m, k->width, sizeof *before);
    for (size_t e = 0; x && before && e < k->width && m->status == STATUS_OK; e++) {
        for (size_t j = 0; j < k->width; j++)
            before[j] = j == e ? entry_int(m, 0) : term_if(m, term_compare(m, j < e ? OPER_GE : OPER_GT, x[j], x[e]), entry_int(m, 1), entry_int(m, 0));
        struct entry count = term_linear(m, before, NULL, 0, k->width, 0);
        k->out[e] = term_if(m, term_compare(m, OPER_LT, count, entry_int(m, (long)k->x->arg[0])), x[e], entry_int(m, 0));
    }
}

static void op_maxpool(struct kernel *k)
{
    const struct entry *x = kernel_input(k, 0, k->row);
    const struct weight *w = &k->x->w[0];
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++)
        for (size_t i = 0; i < w->m; i++) {
            struct entry y = x[(size_t)w->data[e * w->m + i]];
            k->out[e] = i ? term_max(k->m, k->out[e], y, false) : y;
            if (i + 1 == w->m) k->out[e] = entry_solid(k->m, k->out[e]);
        }
}

/* ---- norms ---- */

bool kernel_one_split(const struct split **split, const struct entry *x, size_t n)
{
    *split = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!x[i].table || (x[i].split && *split && x[i].split != *split)) return false;
        if (x[i].split) *split = x[i].split;
    }
    return true;
}

static void ball_of(arb_t out, const struct entry *x, size_t i)
{
    arb_t b;
    arb_init(b);
    if (!x->split) i = 0;
    ball_set_number(out, x->lo + i, PREC);
    ball_set_number(b, x->hi + i, PREC);
    arb_union(out, out, b, PREC);
    arb_clear(b);
}

static void centre_balls(arb_ptr c, size_t n)
{
    arb_t t;
    arb_init(t);
    for (size_t e = 0; e < n; e++) arb_add(t, t, c + e, PREC);
    arb_div_ui(t, t, n, PREC);
    for (size_t e = 0; e < n; e++) arb_sub(c + e, c + e, t, PREC);
    arb_clear(t);
}

/* 1 / sqrt(mean of c^2 + eps) */
static void scale_of_balls(arb_t scale, arb_srcptr c, size_t n, double eps)
{
    arb_t t;
    arb_init(t);
    arb_zero(scale);
    for (size_t e = 0; e < n; e++) arb_addmul(scale, c + e, c + e, PREC);
    arb_div_ui(scale, scale, n, PREC);
    arb_set_d(t, eps);
    arb_add(scale, scale, t, PREC);
    arb_rsqrt(scale, scale, PREC);
    arb_clear(t);
}

/* z: the row whose deviation divides, mostly x itself */
static void norm_of_tables(struct kernel *k, const struct entry *x, const struct entry *z, const struct split *split, bool centred)
{
    size_t n = k->width, cases = split ? split->n : 1;
    arb_ptr c = _arb_vec_init((slong)n), by = _arb_vec_init((slong)n);
    arb_t scale, t;
    arb_init(scale), arb_init(t);
    for (size_t e = 0; e < n; e++) k->out[e] = (struct entry){.table = true, .split = split, .lo = smt_numbers(k->m, cases), .hi = smt_numbers(k->m, cases)};
    for (size_t i = 0; i < cases && k->m->status == STATUS_OK; i++) {
        for (size_t e = 0; e < n; e++) ball_of(c + e, &x[e], i), ball_of(by + e, &z[e], i);
        if (centred) centre_balls(c, n), centre_balls(by, n);
        scale_of_balls(scale, by, n, k->site->net->eps);
        for (size_t e = 0; e < n && k->m->status == STATUS_OK; e++) {
            arb_mul(c + e, c + e, scale, PREC);
            if (k->x->n_w > 0) arb_set_d(t, k->x->w[0].data[e]), arb_mul(c + e, c + e, t, PREC);
            if (k->x->n_w > 1) arb_set_d(t, k->x->w[1].data[e]), arb_add(c + e, c + e, t, PREC);
            if (!arb_is_finite(c + e)) smt_fail(k->m, STATUS_UNSUPPORTED, "node %s has no value for some tokens", k->x->name);
            else ball_ends(k->out[e].lo + i, k->out[e].hi + i, c + e, 128);
        }
    }
    _arb_vec_clear(c, (slong)n);
    _arb_vec_clear(by, (slong)n);
    arb_clear(scale), arb_clear(t);
}

/* s with s^2 (mean of squares + eps) = 1, s > 0 */
static struct entry scale_of_terms(struct kernel *k, struct entry *c)
{
    struct smt *m = k->m;
    size_t n = k->width;
    struct entry *squares = smt_array(m, n, sizeof *squares);
    double eps = k->site->net->eps;
    if (!(eps > 0)) smt_fail(m, STATUS_UNSUPPORTED, "node %s may have no value: eps is 0", k->x->name);
    if (!squares || m->status != STATUS_OK) return c[0];
    for (size_t e = 0; e < n; e++) squares[e] = term_mul(m, c[e], c[e]);
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 1, n);
    struct entry mean = term_scale(m, term_linear(m, squares, NULL, 0, n, 0), q);
    mpq_clear(q);
    struct entry under = term_add(m, mean, dyadic(m, eps), false);
    const char *s = smt_declare(m, smt_format(m, "|%s.%s[%zu].scale|", k->site->name, k->x->name, k->row), "Real");
    m->products = true;
    smt_assert(m, smt_format(m, "(and (> %s 0.0) (= (* %s %s %s) 1.0))", s, s, s, entry_term_of(m, &under)));
    return entry_variable(m, s, 0, nextafter(1 / sqrt(eps), INFINITY) * (1 + 0x1p-40));
}

static void centre_terms(struct smt *m, struct entry *c, size_t n)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 1, n);
    struct entry mean = term_scale(m, term_linear(m, c, NULL, 0, n, 0), q);
    for (size_t e = 0; e < n; e++) c[e] = term_add(m, c[e], mean, true);
    mpq_clear(q);
}

/* A second input is the row whose deviation divides (`ln = frozen`, verify/edit.h). */
static void op_norm(struct kernel *k)
{
    struct smt *m = k->m;
    bool centred = k->x->op == OP_LAYERNORM, frozen = k->x->n_inputs > 1;
    size_t n = k->width;
    struct entry *x = kernel_input(k, 0, k->row), *z = frozen ? kernel_input(k, 1, k->row) : x, *c = smt_array(m, n, sizeof *c), *by = c;
    const struct split *split, *other;
    if (!x || !z || !c || m->status != STATUS_OK) return;
    if (kernel_one_split(&split, x, n) && kernel_one_split(&other, z, n) && (!split || !other || split == other)) {
        norm_of_tables(k, x, z, split ? split : other, centred);
        return;
    }
    memcpy(c, x, n * sizeof *c);
    if (centred) centre_terms(m, c, n);
    if (frozen) {
        if (!(by = smt_array(m, n, sizeof *by))) return;
        memcpy(by, z, n * sizeof *by);
        if (centred) centre_terms(m, by, n);
    }
    struct entry s = scale_of_terms(k, by);
    for (size_t e = 0; e < n && m->status == STATUS_OK; e++) {
        struct entry y = term_mul(m, c[e], s);
        if (k->x->n_w > 0) y = term_mul(m, y, dyadic(m, k->x->w[0].data[e]));
        if (k->x->n_w > 1) y = term_add(m, y, dyadic(m, k->x->w[1].data[e]), false);
        k->out[e] = y;
    }
}

static kernel_function *const kernels[OP_COUNT] = {
    [OP_EMBED] = op_embed, [OP_POSITION] = op_stored, [OP_CONSTANT] = op_stored, [OP_INPUT] = op_input, [OP_ADD] = op_sum, [OP_HEADS] = op_sum,
    [OP_LINEAR] = op_linear, [OP_LAYERNORM] = op_norm, [OP_RMSNORM] = op_norm, [OP_SCORE] = op_score, [OP_SOFTMAX] = op_softmax, [OP_MIX] = op_mix,
    [OP_BILINEAR] = op_bilinear, [OP_RELU] = op_relu, [OP_GELU] = op_smooth, [OP_GELU_NEW] = op_smooth, [OP_SILU] = op_smooth, [OP_EXP] = op_smooth,
    [OP_SQRT] = op_smooth, [OP_ERF] = op_smooth, [OP_TANH] = op_smooth, [OP_SIGMOID] = op_smooth, [OP_ROW] = op_row, [OP_SELECT] = op_select,
    [OP_CONCAT] = op_concat, [OP_SUB] = op_pairs, [OP_MUL] = op_pairs, [OP_DIV] = op_pairs, [OP_MAX] = op_pairs, [OP_MIN] = op_pairs,
    [OP_JUMPRELU] = op_jumprelu, [OP_TOPK] = op_topk, [OP_ROWSOFTMAX] = op_rowsoftmax, [OP_MAXPOOL] = op_maxpool, [OP_MATMUL] = op_matmul,
};

struct entry *row_make(struct smt *m, struct smt_site *site, size_t node, size_t row)
{
    const struct node *x = &site->net->nodes[node];
    struct kernel k = {.m = m, .site = site, .x = x, .node = node, .row = row, .width = x->width ? x->width : site->n};
    k.out = smt_array(m, k.width, sizeof *k.out);
    if (!k.out) return NULL;
    for (size_t e = 0; e < k.width; e++) k.out[e].term = "0.0";
    if (!kernels[x->op]) smt_fail(m, STATUS_UNSUPPORTED, "the operation %s (node %s) has no encoding", op_table[x->op].name, x->name);
    else kernels[x->op](&k);
    return k.out;
}
