/* attention.c: scores, shares and averages. */
#include <math.h>
#include <string.h>
#include <arb.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/smt/kernel.h"

#define PREC 192

static bool allowed(const struct kernel *k, size_t source) { return !k->site->net->causal || source <= k->row; }

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
    bool tables = kernel_one_split(&s1, q, n) && kernel_one_split(&s2, key, n);
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

void op_score(struct kernel *k)
{
    size_t width;
    struct entry *q = (struct entry *)smt_row(k->m, k->site, k->x->inputs[0], k->row, &width), root = root_of_d(k->m, k->x->arg[0]);
    for (size_t j = 0; q && j < k->width && k->m->status == STATUS_OK; j++) {
        if (!allowed(k, j)) continue;
        struct entry *key = kernel_input(k, 1, j);
        if (key) k->out[j] = term_mul(k->m, root, dot(k, q, key, width));
    }
}

/* Shares of exponentials, all numbers: an enclosure each. */
static void shares_of_numbers(struct kernel *k, struct entry *out, const struct entry *s, size_t n)
{
    arb_ptr e = _arb_vec_init((slong)n);
    arb_t sum, b;
    arb_init(sum), arb_init(b);
    for (size_t j = 0; j < n; j++) {
        ball_set_number(e + j, s[j].lo, PREC);
        ball_set_number(b, s[j].hi, PREC);
        arb_union(e + j, e + j, b, PREC);
        arb_exp(e + j, e + j, PREC);
        arb_add(sum, sum, e + j, PREC);
    }
    for (size_t j = 0; j < n && k->m->status == STATUS_OK; j++) {
        arb_div(e + j, e + j, sum, PREC);
        out[j] = (struct entry){.table = true, .lo = smt_numbers(k->m, 1), .hi = smt_numbers(k->m, 1)};
        if (!arb_is_finite(e + j)) smt_fail(k->m, STATUS_UNSUPPORTED, "node %s has no finite value", k->x->name);
        else if (k->m->status == STATUS_OK) ball_ends(out[j].lo, out[j].hi, e + j, 128);
    }
    _arb_vec_clear(e, (slong)n);
    arb_clear(sum), arb_clear(b);
}

/* The row of shares at hand. keep[j] is 1 where source j counts and 0 where it is padding; NULL: all count. */
struct shares { struct kernel *k; struct entry *out; const struct entry *s, *keep; size_t n, name; mpq_t shift; };

/* They add up to 1, or to 0 when no source counts. */
static void assert_total(struct smt *m, struct entry *p, const struct entry *keep_of, size_t n)
{
    struct text sum, none;
    text_init(&sum), text_init(&none);
    for (size_t j = 0; j < n; j++) {
        struct entry keep = keep_of ? keep_of[j] : entry_int(m, 1);
        text_addf(&sum, " %s", entry_term_of(m, &p[j]));
        text_addf(&none, " %s", entry_constant(&keep) ? truth_of(entry_is_zero(&keep)) : term_compare(m, OPER_EQ, keep, entry_int(m, 0)));
    }
    const char *total = smt_keep(m, &sum), *all = smt_keep(m, &none);
    if (keep_of) smt_assert(m, smt_format(m, "(= (+ 0.0%s) (ite (and%s) 0.0 1.0))", total, all));
    else smt_assert(m, smt_format(m, "(= (+%s) 1.0)", total));
}

/* Numbers p_j between multiples of one r > 0: no product of variables. */
void shares_say(struct smt *m, struct smt_shares *x)
{
    struct entry r = entry_variable(m, smt_declare(m, smt_fresh(m, "r"), "Real"), 0, INFINITY);
    x->said = true;
    m->relaxed = true;
    smt_assert(m, smt_format(m, "(> %s 0.0)", r.term));
    for (size_t j = 0; j < x->n && m->status == STATUS_OK; j++) {
        const struct entry *e = &x->e[j];
        struct entry lo = {.table = true, .split = e->split, .lo = e->lo, .hi = e->lo}, hi = {.table = true, .split = e->split, .lo = e->hi, .hi = e->hi};
        if (x->keep) lo = term_mul(m, lo, x->keep[j]), hi = term_mul(m, hi, x->keep[j]);
        const char *p = smt_declare(m, x->p[j].parts[0].var->name, "Real");
        lo = term_mul(m, lo, r);
        hi = term_mul(m, hi, r);
        const char *below = entry_term_of(m, &lo), *above = entry_term_of(m, &hi);
        smt_assert(m, smt_format(m, "(and (<= %s %s) (<= %s %s) (%s 0.0 %s))", below, p, p, above, x->keep ? "<=" : "<", p));
    }
    assert_total(m, x->p, x->keep, x->n);
}

/* Of tables. They are declared when one of them is needed by name. */
static void shares_of_tables(const struct shares *x)
{
    struct smt *m = x->k->m;
    struct smt_shares *s = smt_array(m, 1, sizeof *s);
    struct entry *e = smt_array(m, x->n, sizeof *e), *p = smt_array(m, x->n, sizeof *p);
    if (!s || !e || !p) return;
    *s = (struct smt_shares){.n = x->n, .p = p, .e = e, .keep = (struct entry *)x->keep};
    for (size_t j = 0; j < x->n && m->status == STATUS_OK; j++) {
        e[j] = smooth_value(m, OP_EXP, NULL, x->s[j], x->shift);
        p[j] = entry_variable(m, kernel_name(x->k, x->name + j), 0, 1);
        if (p[j].n_parts == 0) return;
        struct smt_real *v = (struct smt_real *)p[j].parts[0].var;
        v->shares = s;
        v->member = j;
        p[j].term = NULL;
        x->out[j] = p[j];
    }
}

/* e_j = exp(s_j - shift), p_j = e_j r, sum of e_j times r is 1 */
static void shares_of_terms(const struct shares *x)
{
    struct smt *m = x->k->m;
    struct entry r = entry_variable(m, smt_declare(m, smt_fresh(m, "r"), "Real"), 0, INFINITY);
    smt_assert(m, smt_format(m, "(> %s 0.0)", r.term));
    for (size_t j = 0; j < x->n && m->status == STATUS_OK; j++) {
        struct entry e = smooth_value(m, OP_EXP, smt_format(m, "|%s.%s[%zu,%zu].exp|", x->k->site->name, x->k->x->name, x->k->row, x->name + j), x->s[j], x->shift);
        if (x->keep) e = term_mul(m, x->keep[j], e);
        x->out[j] = entry_variable(m, term_name(m, kernel_name(x->k, x->name + j), term_mul(m, e, r)).term, 0, 1);
        smt_assert(m, smt_format(m, "(<= 0.0 %s 1.0)", x->out[j].term));
    }
    assert_total(m, x->out, x->keep, x->n);
}

static void shares(struct kernel *k, struct entry *out, const struct entry *s, const struct entry *keep, size_t n, size_t name)
{
    struct shares x = {.k = k, .out = out, .s = s, .keep = keep, .n = n, .name = name};
    bool tables = true, numbers = !keep;
    double most = -INFINITY, low, high;
    if (n == 1 && !keep) {
        out[0] = entry_int(k->m, 1);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        entry_ends(&low, &high, &s[j]);
        most = fmax(most, high);
        tables = tables && s[j].table;
        numbers = numbers && s[j].table && !s[j].split;
    }
    if (numbers) {
        shares_of_numbers(k, out, s, n);
        return;
    }
    mpq_init(x.shift);
    mpq_set_d(x.shift, isfinite(most) ? ceil(most) : 0);
    (tables ? shares_of_tables : shares_of_terms)(&x);
    mpq_clear(x.shift);
}

/* 1 where the token of source j is not the padding token. */
static struct entry *sources_kept(struct kernel *k, size_t n)
{
    struct smt *m = k->m;
    struct entry *keep = smt_array(m, n, sizeof *keep);
    for (size_t j = 0; keep && j < n; j++)
        keep[j] = term_if(m, term_compare(m, OPER_EQ, k->site->inputs[j], entry_int(m, k->site->net->pad)), entry_int(m, 0), entry_int(m, 1));
    return keep;
}

void op_softmax(struct kernel *k)
{
    const struct entry *s = kernel_input(k, 0, k->row);
    size_t n = k->site->net->causal ? k->row + 1 : k->width;
    const struct entry *keep = k->site->net->pad >= 0 ? sources_kept(k, n) : NULL;
    for (size_t j = n; j < k->width; j++) k->out[j] = entry_int(k->m, 0);
    if (s && k->m->status == STATUS_OK) shares(k, k->out, s, keep, n, 0);
}

void op_rowsoftmax(struct kernel *k)
{
    const struct entry *s = kernel_input(k, 0, k->row);
    size_t g = k->x->arg[0];
    for (size_t at = 0; s && at < k->width && k->m->status == STATUS_OK; at += g) shares(k, k->out + at, s + at, NULL, g, at);
}

void op_bilinear(struct kernel *k)
{
    const struct entry *a = kernel_input(k, 0, k->row), *b = kernel_input(k, 1, k->row);
    const struct entry *keep = k->site->net->pad >= 0 ? sources_kept(k, k->width) : NULL;
    for (size_t j = 0; a && b && j < k->width; j++) {
        k->out[j] = allowed(k, j) ? term_mul(k->m, a[j], b[j]) : entry_int(k->m, 0);
        if (keep && allowed(k, j)) k->out[j] = term_mul(k->m, keep[j], k->out[j]);
    }
}

void op_mix(struct kernel *k)
{
    struct smt *m = k->m;
    size_t n = k->site->n;
    const struct entry *p = kernel_input(k, 0, k->row), **v = smt_array(m, n, sizeof *v);
    struct entry *terms = smt_array(m, n, sizeof *terms);
    for (size_t j = 0; v && j < n; j++) v[j] = allowed(k, j) ? kernel_input(k, 1, j) : NULL;
    for (size_t e = 0; p && v && terms && e < k->width && m->status == STATUS_OK; e++) {
        size_t count = 0;
        for (size_t j = 0; j < n; j++)
            if (allowed(k, j)) terms[count++] = term_mul(m, p[j], v[j][e]);
        k->out[e] = term_linear(m, terms, NULL, 0, count, 0);
    }
}

