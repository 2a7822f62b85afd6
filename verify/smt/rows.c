/* rows.c: the operations of a network (NETWORK.md §3) on rows of entries. */
#include <math.h>
#include <string.h>
#include <arb.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/smt.h"

#define PREC 192

struct kernel { struct smt *m; struct smt_site *site; const struct node *x; size_t node, row, width; struct entry *out; };

static const char *name_of(const struct kernel *k, size_t e) { return smt_format(k->m, "|%s.%s[%zu,%zu]|", k->site->name, k->x->name, k->row, e); }

static struct entry *input_row(const struct kernel *k, size_t i, size_t row)
{
    size_t width;
    return (struct entry *)smt_row(k->m, k->site, k->x->inputs[i], row, &width);
}

static bool allowed(const struct kernel *k, size_t source) { return !k->site->net->causal || source <= k->row; }

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

static void op_input(struct kernel *k) { memcpy(k->out, k->site->inputs + k->row * k->width, k->width * sizeof *k->out); }

static void op_sum(struct kernel *k)
{
    size_t n = k->x->n_inputs;
    const struct entry **rows = smt_array(k->m, n, sizeof *rows);
    struct entry *x = smt_array(k->m, n, sizeof *x);
    for (size_t i = 0; rows && i < n; i++) rows[i] = input_row(k, i, k->row);
    for (size_t e = 0; rows && x && e < k->width && k->m->status == STATUS_OK; e++) {
        for (size_t i = 0; i < n; i++) x[i] = rows[i][e];
        k->out[e] = term_linear(k->m, x, NULL, 0, n, k->x->op == OP_HEADS && k->x->n_w ? k->x->w[0].data[e] : 0);
    }
}

static void op_linear(struct kernel *k)
{
    struct entry *x = input_row(k, 0, k->row);
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
    const struct entry *x = input_row(k, 0, k->x->arg[0]);
    if (x) memcpy(k->out, x, k->width * sizeof *x);
}

static void op_select(struct kernel *k)
{
    const struct entry *x = input_row(k, 0, k->row);
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
    const struct entry *x = input_row(k, 0, k->row), *y = input_row(k, 1, k->row);
    for (size_t e = 0; x && y && e < k->width && k->m->status == STATUS_OK; e++) switch (k->x->op) {
        case OP_SUB: k->out[e] = term_add(k->m, x[e], y[e], true); break;
        case OP_MUL: k->out[e] = term_mul(k->m, x[e], y[e]); break;
        case OP_DIV: k->out[e] = term_div(k->m, x[e], y[e]); break;
        default: k->out[e] = term_max(k->m, x[e], y[e], k->x->op == OP_MIN); break;
        }
}

static void op_matmul(struct kernel *k)
{
    const struct entry *x = input_row(k, 0, k->row), *y = input_row(k, 1, k->row);
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
    if (x.table) return term_max(m, x, entry_int(m, 0), false);
    entry_ends(&low, &high, &x);
    if (low >= 0) return x;
    if (high <= 0) return entry_int(m, 0);
    const char *y = smt_declare(m, name_of(k, e), "Real"), *t = entry_bounded(m, &x);
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
    const struct entry *x = input_row(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++) k->out[e] = relu(k, x[e], e);
}

static void op_smooth(struct kernel *k)
{
    const struct entry *x = input_row(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++) k->out[e] = smooth_value(k->m, k->x->op, name_of(k, e), x[e], NULL);
}

static void op_jumprelu(struct kernel *k)
{
    const struct entry *x = input_row(k, 0, k->row);
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++)
        k->out[e] = term_if(k->m, term_compare(k->m, OPER_GT, x[e], dyadic(k->m, k->x->w[0].data[e])), x[e], entry_int(k->m, 0));
}

/* x_e stays when fewer than c entries go before it. */
static void op_topk(struct kernel *k)
{
    struct smt *m = k->m;
    const struct entry *x = input_row(k, 0, k->row);
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
    const struct entry *x = input_row(k, 0, k->row);
    const struct weight *w = &k->x->w[0];
    for (size_t e = 0; x && e < k->width && k->m->status == STATUS_OK; e++)
        for (size_t i = 0; i < w->m; i++) {
            struct entry y = x[(size_t)w->data[e * w->m + i]];
            k->out[e] = i ? term_max(k->m, k->out[e], y, false) : y;
        }
}

/* ---- norms ---- */

static bool one_split(const struct split **split, const struct entry *x, size_t n)
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

/* 1 / sqrt(mean of c^2 + eps); c becomes x - mean when centred. */
static void scale_of_balls(arb_t scale, arb_ptr c, size_t n, double eps, bool centred)
{
    arb_t t;
    arb_init(t);
    arb_zero(scale);
    for (size_t e = 0; e < n && centred; e++) arb_add(t, t, c + e, PREC);
    arb_div_ui(t, t, n, PREC);
    for (size_t e = 0; e < n; e++) {
        arb_sub(c + e, c + e, t, PREC);
        arb_addmul(scale, c + e, c + e, PREC);
    }
    arb_div_ui(scale, scale, n, PREC);
    arb_set_d(t, eps);
    arb_add(scale, scale, t, PREC);
    arb_rsqrt(scale, scale, PREC);
    arb_clear(t);
}

static void norm_of_tables(struct kernel *k, const struct entry *x, const struct split *split, bool centred)
{
    size_t n = k->width, cases = split ? split->n : 1;
    arb_ptr c = _arb_vec_init((slong)n);
    arb_t scale, t;
    arb_init(scale), arb_init(t);
    for (size_t e = 0; e < n; e++) k->out[e] = (struct entry){.table = true, .split = split, .lo = smt_numbers(k->m, cases), .hi = smt_numbers(k->m, cases)};
    for (size_t i = 0; i < cases && k->m->status == STATUS_OK; i++) {
        for (size_t e = 0; e < n; e++) ball_of(c + e, &x[e], i);
        scale_of_balls(scale, c, n, k->site->net->eps, centred);
        for (size_t e = 0; e < n && k->m->status == STATUS_OK; e++) {
            arb_mul(c + e, c + e, scale, PREC);
            if (k->x->n_w > 0) arb_set_d(t, k->x->w[0].data[e]), arb_mul(c + e, c + e, t, PREC);
            if (k->x->n_w > 1) arb_set_d(t, k->x->w[1].data[e]), arb_add(c + e, c + e, t, PREC);
            if (!arb_is_finite(c + e)) smt_fail(k->m, STATUS_UNSUPPORTED, "node %s has no value for some tokens", k->x->name);
            else ball_ends(k->out[e].lo + i, k->out[e].hi + i, c + e, 128);
        }
    }
    _arb_vec_clear(c, (slong)n);
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

static void op_norm(struct kernel *k)
{
    struct smt *m = k->m;
    bool centred = k->x->op == OP_LAYERNORM;
    size_t n = k->width;
    struct entry *x = input_row(k, 0, k->row), *c = smt_array(m, n, sizeof *c);
    const struct split *split;
    if (!x || !c) return;
    if (one_split(&split, x, n)) {
        norm_of_tables(k, x, split, centred);
        return;
    }
    memcpy(c, x, n * sizeof *c);
    if (centred) {
        mpq_t q;
        mpq_init(q);
        mpq_set_ui(q, 1, n);
        struct entry mean = term_scale(m, term_linear(m, c, NULL, 0, n, 0), q);
        for (size_t e = 0; e < n; e++) c[e] = term_add(m, c[e], mean, true);
        mpq_clear(q);
    }
    struct entry s = scale_of_terms(k, c);
    for (size_t e = 0; e < n && m->status == STATUS_OK; e++) {
        struct entry y = term_mul(m, c[e], s);
        if (k->x->n_w > 0) y = term_mul(m, y, dyadic(m, k->x->w[0].data[e]));
        if (k->x->n_w > 1) y = term_add(m, y, dyadic(m, k->x->w[1].data[e]), false);
        k->out[e] = y;
    }
}

/* ---- attention ---- */

/* 1 / sqrt(d) */
static struct entry root_of_d(struct smt *m, size_t d)
{
    size_t r = (size_t)llround(sqrt((double)d));
    mpq_t q;
    mpq_init(q);
    mpq_set_ui(q, 1, r ? r : 1);
    struct entry e = entry_number(m, q);
    mpq_clear(q);
    if (r * r == d || !e.table) return e;
    e.hi = smt_numbers(m, 1);
    arb_t x;
    arb_init(x);
    arb_set_ui(x, d);
    arb_rsqrt(x, x, PREC);
    if (e.hi) ball_ends(e.lo, e.hi, x, 128);
    arb_clear(x);
    return e;
}

/* The dot product as a table over the cases of both, or as a sum of products. */
static struct entry dot(struct kernel *k, struct entry *q, struct entry *key, size_t n)
{
    struct smt *m = k->m;
    const struct split *s1, *s2, *both;
    size_t *i1, *i2;
    struct entry a = {.table = true}, b = {.table = true};
    bool tables = one_split(&s1, q, n) && one_split(&s2, key, n);
    if (tables) a.split = s1, b.split = s2, tables = table_pairs(m, &both, &i1, &i2, &a, &b);
    if (!tables) {
        struct entry *terms = smt_array(m, n, sizeof *terms);
        for (size_t c = 0; terms && c < n; c++) terms[c] = term_mul(m, q[c], key[c]);
        return terms ? term_linear(m, terms, NULL, 0, n, 0) : q[0];
    }
    size_t cases = both ? both->n : 1;
    struct entry out = {.table = true, .split = both, .lo = smt_numbers(m, cases), .hi = smt_numbers(m, cases)};
    mpq_t lo, hi, t;
    if (!out.lo || !out.hi) return q[0];
    mpq_init(lo), mpq_init(hi), mpq_init(t);
    for (size_t i = 0; i < cases; i++) {
        for (size_t c = 0; c < n; c++) {
            size_t x = q[c].split ? i1[i] : 0, y = key[c].split ? i2[i] : 0;
            for (int p = 0; p < 4; p++) {
                mpq_mul(t, p & 1 ? q[c].hi + x : q[c].lo + x, p & 2 ? key[c].hi + y : key[c].lo + y);
                if (p == 0 || mpq_cmp(t, lo) < 0) mpq_set(lo, t);
                if (p == 0 || mpq_cmp(t, hi) > 0) mpq_set(hi, t);
            }
            mpq_add(out.lo + i, out.lo + i, lo);
            mpq_add(out.hi + i, out.hi + i, hi);
        }
        round_outward(out.lo + i, out.hi + i);
    }
    mpq_clear(lo), mpq_clear(hi), mpq_clear(t);
    return out;
}

static void op_score(struct kernel *k)
{
    size_t width;
    struct entry *q = (struct entry *)smt_row(k->m, k->site, k->x->inputs[0], k->row, &width), root = root_of_d(k->m, k->x->arg[0]);
    for (size_t j = 0; q && j < k->width && k->m->status == STATUS_OK; j++) {
        if (!allowed(k, j)) continue;
        struct entry *key = input_row(k, 1, j);
        if (key) k->out[j] = term_mul(k->m, root, dot(k, q, key, width));
    }
}

/* Shares of exponentials, of tables: numbers p_j between multiples of one r > 0, which add up to 1. No product of variables. */
static void shares_of_tables(struct kernel *k, struct entry *out, const struct entry *s, size_t n, const mpq_t shift, size_t name)
{
    struct smt *m = k->m;
    struct text sum;
    struct entry r = entry_variable(m, smt_declare(m, smt_fresh(m, "r"), "Real"), 0, INFINITY);
    m->relaxed = true;
    smt_assert(m, smt_format(m, "(> %s 0.0)", r.term));
    text_init(&sum);
    for (size_t j = 0; j < n && m->status == STATUS_OK; j++) {
        struct entry e = smooth_value(m, OP_EXP, NULL, s[j], shift);
        struct entry lo = {.table = true, .split = e.split, .lo = e.lo, .hi = e.lo}, hi = {.table = true, .split = e.split, .lo = e.hi, .hi = e.hi};
        const char *p = smt_declare(m, name_of(k, name + j), "Real");
        lo = term_mul(m, lo, r);
        hi = term_mul(m, hi, r);
        const char *below = entry_term_of(m, &lo), *above = entry_term_of(m, &hi);
        smt_assert(m, smt_format(m, "(and (<= %s %s) (<= %s %s) (< 0.0 %s))", below, p, p, above, p));
        text_addf(&sum, " %s", p);
        out[j] = entry_variable(m, p, 0, 1);
    }
    smt_assert(m, smt_format(m, "(= (+ %s) 1.0)", smt_keep(m, &sum)));
}

/* e_j = exp(s_j - shift), p_j = e_j r, sum of e_j times r is 1 */
static void shares_of_terms(struct kernel *k, struct entry *out, const struct entry *s, size_t n, const mpq_t shift, size_t name)
{
    struct smt *m = k->m;
    struct entry r = entry_variable(m, smt_declare(m, smt_fresh(m, "r"), "Real"), 0, INFINITY), *e = smt_array(m, n, sizeof *e);
    if (!e) return;
    smt_assert(m, smt_format(m, "(> %s 0.0)", r.term));
    for (size_t j = 0; j < n && m->status == STATUS_OK; j++) {
        e[j] = smooth_value(m, OP_EXP, smt_format(m, "|%s.%s[%zu,%zu].exp|", k->site->name, k->x->name, k->row, name + j), s[j], shift);
        out[j] = entry_variable(m, term_name(m, name_of(k, name + j), term_mul(m, e[j], r)).term, 0, 1);
        smt_assert(m, smt_format(m, "(<= 0.0 %s 1.0)", out[j].term));
    }
    struct entry one = term_linear(m, out, NULL, 0, n, 0);
    smt_assert(m, smt_format(m, "(= %s 1.0)", entry_term_of(m, &one)));
}

static void shares(struct kernel *k, struct entry *out, const struct entry *s, size_t n, size_t name)
{
    bool all_tables = true;
    double most = -INFINITY, low, high;
    if (n == 1) {
        out[0] = entry_int(k->m, 1);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        entry_ends(&low, &high, &s[j]);
        most = fmax(most, high);
        all_tables = all_tables && s[j].table;
    }
    mpq_t shift;
    mpq_init(shift);
    mpq_set_d(shift, isfinite(most) ? ceil(most) : 0);
    (all_tables ? shares_of_tables : shares_of_terms)(k, out, s, n, shift, name);
    mpq_clear(shift);
}

static void op_softmax(struct kernel *k)
{
    const struct entry *s = input_row(k, 0, k->row);
    size_t n = k->site->net->causal ? k->row + 1 : k->width;
    if (k->site->net->pad >= 0) smt_fail(k->m, STATUS_UNSUPPORTED, "a padding token has no encoding");
    for (size_t j = n; j < k->width; j++) k->out[j] = entry_int(k->m, 0);
    if (s && k->m->status == STATUS_OK) shares(k, k->out, s, n, 0);
}

static void op_rowsoftmax(struct kernel *k)
{
    const struct entry *s = input_row(k, 0, k->row);
    size_t g = k->x->arg[0];
    for (size_t at = 0; s && at < k->width && k->m->status == STATUS_OK; at += g) shares(k, k->out + at, s + at, g, at);
}

static void op_bilinear(struct kernel *k)
{
    const struct entry *a = input_row(k, 0, k->row), *b = input_row(k, 1, k->row);
    if (k->site->net->pad >= 0) smt_fail(k->m, STATUS_UNSUPPORTED, "a padding token has no encoding");
    for (size_t j = 0; a && b && j < k->width; j++) k->out[j] = allowed(k, j) ? term_mul(k->m, a[j], b[j]) : entry_int(k->m, 0);
}

static void op_mix(struct kernel *k)
{
    struct smt *m = k->m;
    size_t n = k->site->n;
    const struct entry *p = input_row(k, 0, k->row), **v = smt_array(m, n, sizeof *v);
    struct entry *terms = smt_array(m, n, sizeof *terms);
    for (size_t j = 0; v && j < n; j++) v[j] = allowed(k, j) ? input_row(k, 1, j) : NULL;
    for (size_t e = 0; p && v && terms && e < k->width && m->status == STATUS_OK; e++) {
        size_t count = 0;
        for (size_t j = 0; j < n; j++)
            if (allowed(k, j)) terms[count++] = term_mul(m, p[j], v[j][e]);
        k->out[e] = term_linear(m, terms, NULL, 0, count, 0);
    }
}

typedef void kernel_function(struct kernel *k);
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
