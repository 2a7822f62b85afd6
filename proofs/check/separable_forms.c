/* The predicate with the query token and the features fixed, as linear forms in logits and attention (FORMAT.md §3.4). */
#include "separable.h"
#include <string.h>

/* c + sum alpha_j logit_j + sum beta_cell p_cell, exact; alpha, beta NULL: all 0 */
struct lf { struct num *c, *alpha, *beta; };
enum skind { S_NUM, S_TRI, S_FORMS, S_TRUTH };
/* S_FORMS: the maximum (sense 1), minimum (-1) or the only one (0) of f[0..n-1]. S_TRUTH: all of f > 0 (strict) or >= 0, or (negated) not all. */
struct sval { enum skind kind; struct num *x; enum tri tri; int sense; bool negated; struct lf *f; bool *strict; size_t n; };

struct compile { struct sep *s; struct arena *a; };
static bool sym(struct compile *c, const struct ex *x, struct sval *out);

static bool refuse(struct compile *c) { return sep_refuse(c->s, "not a comparison of linear forms"); }

static struct num *zeros(struct compile *c, size_t n) {
    struct num *x = pool_get(c->s->e, n);
    for (size_t i = 0; i < n; i++) num_set_int(&x[i], 0);
    return x;
}

/* to += by * from, coefficient by coefficient */
static void gather(struct compile *c, struct num **to, const struct num *from, size_t n, const struct num *by) {
    if (from == NULL) return;
    if (*to == NULL) *to = zeros(c, n);
    struct num t;
    num_init(&t);
    for (size_t i = 0; i < n; i++) {
        if (mpq_sgn(from[i].q) == 0) continue;
        num_mul(&t, &from[i], by, 64);
        num_add(&(*to)[i], &(*to)[i], &t, 64);
    }
    num_clear(&t);
}

static void lf_add(struct compile *c, struct lf *to, const struct lf *from, const struct num *by) {
    if (to->c == NULL) to->c = zeros(c, 1);
    gather(c, &to->c, from->c, 1, by);
    gather(c, &to->alpha, from->alpha, c->s->n_out, by);
    gather(c, &to->beta, from->beta, c->s->at[c->s->n], by);
}

static struct num *small(struct compile *c, int64_t v) {
    struct num *x = zeros(c, 1);
    num_set_int(x, v);
    return x;
}

static void forms_new(struct compile *c, struct sval *out, enum skind kind, size_t n) {
    *out = (struct sval){.kind = kind, .n = n};
    out->f = arena_get(c->a, n, sizeof *out->f);
    out->strict = arena_get(c->a, n, sizeof *out->strict);
    for (size_t i = 0; i < n; i++) out->f[i].c = zeros(c, 1);
}

/* a number as the only form */
static bool as_forms(struct compile *c, struct sval *v) {
    if (v->kind == S_FORMS) return true;
    if (v->kind != S_NUM || v->x->kind == K_REAL) return refuse(c);
    struct num *x = v->x;
    forms_new(c, v, S_FORMS, 1);
    num_copy(v->f[0].c, x);
    return true;
}

static void scale(struct compile *c, const struct sval *a, const struct num *by, struct sval *out) {
    forms_new(c, out, S_FORMS, a->n);
    out->sense = mpq_sgn(by->q) < 0 ? -a->sense : a->sense;
    for (size_t i = 0; i < a->n; i++) lf_add(c, &out->f[i], &a->f[i], by);
}

/* a + by * b; one of them must be a single form, or their senses agree and it is a set of all sums */
static bool sum_forms(struct compile *c, const struct sval *a, const struct sval *b, int by, struct sval *out) {
    struct sval t;
    struct num *one = small(c, 1);
    scale(c, b, small(c, by), &t);
    if (a->n * t.n > 100000 || (a->n > 1 && t.n > 1 && a->sense != t.sense)) return refuse(c);
    forms_new(c, out, S_FORMS, a->n * t.n);
    out->sense = a->n > 1 ? a->sense : t.n > 1 ? t.sense : 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < t.n; k++) {
            lf_add(c, &out->f[i * t.n + k], &a->f[i], one);
            lf_add(c, &out->f[i * t.n + k], &t.f[k], one);
        }
    return true;
}

/* appends the forms of v, which must be a single form or of the given sense */
static bool join(struct compile *c, struct sval *to, struct sval *v, int sense) {
    if (!as_forms(c, v)) return false;
    if (v->n > 1 && v->sense != sense) return refuse(c);
    struct sval old = *to;
    if (old.n + v->n > 100000) return refuse(c);
    *to = (struct sval){.kind = S_FORMS, .sense = sense, .n = old.n + v->n};
    to->f = arena_get(c->a, to->n, sizeof *to->f);
    to->strict = arena_get(c->a, to->n, sizeof *to->strict);
    if (old.n > 0) memcpy(to->f, old.f, old.n * sizeof *old.f);
    memcpy(to->f + old.n, v->f, v->n * sizeof *v->f);
    if (to->n == 1) to->sense = 0;
    return true;
}

/* ---- truth ---- */

static void constant(struct sval *out, enum tri t) { *out = (struct sval){.kind = S_TRI, .tri = t}; }

static void negate(struct sval *v) {
    if (v->kind == S_TRI) v->tri = tri_not(v->tri);
    else v->negated = !v->negated;
}

/* not (L > 0) is -L >= 0: a single form is never negated */
static void normal(struct compile *c, struct sval *v) {
    if (v->kind != S_TRUTH || v->n != 1 || !v->negated) return;
    struct lf minus = {0};
    lf_add(c, &minus, &v->f[0], small(c, -1));
    v->f[0] = minus;
    v->strict[0] = !v->strict[0];
    v->negated = false;
}

static bool conjunction(struct compile *c, struct sval *a, struct sval *b, struct sval *out) {
    if ((a->kind == S_TRI && a->tri == NO) || (b->kind == S_TRI && b->tri == NO)) {
        constant(out, NO);
        return true;
    }
    if (a->kind == S_TRI || b->kind == S_TRI) {
        const struct sval *known = a->kind == S_TRI ? a : b;
        if (known->tri == OPEN) return refuse(c);
        *out = a->kind == S_TRI ? *b : *a;
        return true;
    }
    if (a->kind != S_TRUTH || b->kind != S_TRUTH) return refuse(c);
    normal(c, a);
    normal(c, b);
    if (a->negated || b->negated) return refuse(c);
    struct sval r;
    forms_new(c, &r, S_TRUTH, a->n + b->n);
    memcpy(r.f, a->f, a->n * sizeof *a->f);
    memcpy(r.f + a->n, b->f, b->n * sizeof *b->f);
    memcpy(r.strict, a->strict, a->n);
    memcpy(r.strict + a->n, b->strict, b->n);
    *out = r;
    return true;
}

static bool combine(struct compile *c, enum ex_kind kind, struct sval *a, struct sval *b, struct sval *out) {
    if (kind == EX_AND) return conjunction(c, a, b, out);
    if (kind == EX_IFF) {
        struct sval *known = a->kind == S_TRI ? a : b;
        if (known->kind != S_TRI || known->tri == OPEN) return refuse(c);
        *out = known == a ? *b : *a;
        if (known->tri == NO) negate(out);
        return true;
    }
    if (kind == EX_OR) negate(a); /* a or b = not (not a and not b), a => b = not (a and not b) */
    negate(b);
    if (!conjunction(c, a, b, out)) return false;
    negate(out);
    return true;
}

static bool is_constant(const struct sep *s, const struct lf *f) {
    for (uint32_t j = 0; f->alpha != NULL && j < s->n_out; j++)
        if (mpq_sgn(f->alpha[j].q) != 0) return false;
    for (uint32_t k = 0; f->beta != NULL && k < s->at[s->n]; k++)
        if (mpq_sgn(f->beta[k].q) != 0) return false;
    return true;
}

/* Forms that are constants are decided exactly: true ones leave the conjunction, a false one makes it false. */
static void simplify(struct compile *c, struct sval *v) {
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        int sign = mpq_sgn(v->f[i].c->q);
        bool fixed = is_constant(c->s, &v->f[i]);
        if (fixed && (sign > 0 || (sign == 0 && !v->strict[i]))) continue;
        if (fixed) {
            constant(v, v->negated ? YES : NO);
            return;
        }
        v->f[kept] = v->f[i];
        v->strict[kept++] = v->strict[i];
    }
    v->n = kept;
    if (kept == 0) constant(v, v->negated ? NO : YES);
}

/* difference > 0 or >= 0: a minimum of forms asks all, a maximum any, which is not all of the negatives (>= or >) */
static bool positive(struct compile *c, const struct sval *d, bool strict, struct sval *out) {
    bool any = d->n > 1 && d->sense > 0;
    forms_new(c, out, S_TRUTH, d->n);
    out->negated = any;
    struct num *by = small(c, any ? -1 : 1);
    for (size_t i = 0; i < d->n; i++) {
        lf_add(c, &out->f[i], &d->f[i], by);
        out->strict[i] = any ? !strict : strict;
    }
    simplify(c, out);
    return true;
}

/* ---- leaves: logits(M, t)[r, e], attn(M, 0, 0, t)[r, i] ---- */

static const struct ex *vector_of(const struct ex *x) { /* logits(M, t)[r] without an entry: the call */
    return x->kind == EX_INDEX && x->n == 2 && x->k[0]->kind == EX_CALL && x->k[0]->number <= FN_NODE ? x->k[0] : NULL;
}

static bool entry_now(struct compile *c, const struct ex *x, uint32_t size, int64_t *out) {
    struct eval *e = c->s->e;
    e->has_last = true;
    e->last = (int64_t)size - 1;
    bool good = !x->network && eval_int(e, x, out) && *out >= 0 && *out < (int64_t)size;
    e->has_last = false;
    return good ? true : sep_refuse(c->s, "an index of the network is not known");
}

/* Twins, columns with equal weights and bias, are one logit: the first of them stands for all. */
static uint32_t same_logit(const struct sep *s, int64_t j) {
    const uint32_t *twin = s->e->s->float32 ? NULL : s->net->nodes[s->net->output].twin;
    return twin != NULL ? twin[j] : (uint32_t)j;
}

/* f has `by` times the attention to position i besides; outside the mask that is 0. */
static void attention_to(struct compile *c, struct lf *f, uint32_t i, int by) {
    const struct sep *s = c->s;
    if (s->net->causal && i > s->row) return;
    if (f->beta == NULL) f->beta = zeros(c, s->at[s->n]);
    for (uint32_t k = s->at[i]; k < s->at[i + 1]; k++) num_set_int(&f->beta[k], by);
}

static bool leaf(struct compile *c, const struct ex *x, struct sval *out) {
    struct sep *s = c->s;
    const struct ex *call = x->n == 3 ? x->k[0] : x->n == 2 && x->k[0]->kind == EX_INDEX ? vector_of(x->k[0]) : NULL, *entry = x->k[x->n - 1];
    int64_t i;
    if (call == NULL || call->kind != EX_CALL || entry->kind == EX_SLICE) return refuse(c);
    if (!entry_now(c, entry, call->number == FN_LOGITS ? s->n_out : s->n, &i)) return false;
    forms_new(c, out, S_FORMS, 1);
    if (call->number == FN_LOGITS) {
        out->f[0].alpha = zeros(c, s->n_out);
        num_set_int(&out->f[0].alpha[same_logit(s, i)], 1);
    } else attention_to(c, &out->f[0], (uint32_t)i, 1);
    return true;
}

/* ---- comprehensions ---- */

struct sym_fold { struct compile *c; const struct ex *x; struct sval acc; bool started, good; };

static bool where_now(struct compile *c, const struct ex *where, bool *in) {
    struct val v = {.type = V_TRI, .tri = YES};
    if (where != NULL && (where->network || !eval(c->s->e, where, &v) || v.type != V_TRI || v.tri == OPEN)) return refuse(c);
    *in = v.tri == YES;
    return true;
}

static bool sym_step(struct eval *e, void *arg) {
    (void)e;
    struct sym_fold *f = arg;
    struct sval v, t;
    bool in;
    f->good = where_now(f->c, f->x->where, &in);
    if (!f->good || !in) return f->good;
    int q = f->x->kind == EX_EXISTS ? Q_ANY : f->x->number;
    f->good = sym(f->c, f->x->k[0], &v);
    if (!f->good) return false;
    if (q == Q_ALL || q == Q_ANY) {
        f->good = combine(f->c, q == Q_ALL ? EX_AND : EX_OR, &f->acc, &v, &t);
        f->acc = t;
    } else if (q == Q_MAX || q == Q_MIN) f->good = join(f->c, &f->acc, &v, q == Q_MAX ? 1 : -1);
    else {
        f->good = as_forms(f->c, &v) && (!f->started || sum_forms(f->c, &f->acc, &v, 1, &t));
        f->acc = f->started ? t : v;
    }
    f->started = true;
    return f->good;
}

/* Own tokens of the binder of a sum: the coefficient of p at position i and token a is that of p_i in the body with t[i] = a;
 * nothing else may stand in the body. */
static bool own_sum_position(struct compile *c, const struct ex *x, uint32_t i, struct lf *acc) {
    struct sep *s = c->s;
    s->own_value = (struct val){.type = V_NUM, .x = zeros(c, 1)};
    for (int k = 0; k < s->n_own; k++)
        if (s->own_slot[k] == x->binds.b[0].slot) s->own[k]->cache = &s->own_value;
    for (uint32_t cell = s->at[i]; cell < s->at[i + 1]; cell++) {
        bool in;
        struct sval v;
        num_set_int(s->own_value.x, s->sets.v[i][cell - s->at[i]]);
        if (!where_now(c, x->where, &in)) return false;
        if (!in) continue;
        if (!sym(c, x->k[0], &v) || !as_forms(c, &v)) return false;
        if (v.n != 1 || mpq_sgn(v.f[0].c->q) != 0) return refuse(c);
        for (uint32_t j = 0; v.f[0].alpha != NULL && j < s->n_out; j++)
            if (mpq_sgn(v.f[0].alpha[j].q) != 0) return refuse(c);
        for (uint32_t k = 0; v.f[0].beta != NULL && k < s->at[s->n]; k++)
            if ((k < s->at[i] || k >= s->at[i + 1]) && mpq_sgn(v.f[0].beta[k].q) != 0) return refuse(c);
        if (v.f[0].beta != NULL) num_copy(&acc->beta[cell], &v.f[0].beta[cell]);
    }
    return true;
}

static bool own_sum(struct compile *c, const struct ex *x, struct sval *out) {
    struct sep *s = c->s;
    int64_t *positions;
    size_t n;
    int slot = x->binds.b[0].slot;
    if (x->binds.b[0].set->network || !eval_set_values(s->e, x->binds.b[0].set, &positions, &n)) return refuse(c);
    forms_new(c, out, S_FORMS, 1);
    out->f[0].beta = zeros(c, s->at[s->n]);
    const struct val outer = s->own_value; /* of a sum around this one */
    bool good = sep_distinct(s, positions, n);
    for (size_t k = 0; good && k < n; k++) {
        good = positions[k] >= 0 && positions[k] < (int64_t)s->n ? true : refuse(c);
        s->e->env[slot] = (struct var){.set = true, .v = positions[k]};
        good = good && own_sum_position(c, x, (uint32_t)positions[k], &out->f[0]);
    }
    s->e->env[slot].set = false;
    for (int k = 0; k < s->n_own; k++)
        if (s->own_slot[k] == slot) s->own[k]->cache = NULL;
    s->own_value = outer;
    mem_free(positions);
    return good;
}

static bool comprehension(struct compile *c, const struct ex *x, struct sval *out) {
    int q = x->kind == EX_EXISTS ? Q_ANY : x->number;
    if (q == Q_MEAN || q == Q_COUNT || q == Q_ARGMAX || q == Q_ARGMIN) return refuse(c);
    for (int k = 0; k < c->s->n_own; k++)
        if (q == Q_SUM && x->binds.n == 1 && c->s->own_slot[k] == x->binds.b[0].slot) return own_sum(c, x, out);
    struct sym_fold f = {.c = c, .x = x, .good = true};
    if (q == Q_ALL || q == Q_ANY) constant(&f.acc, q == Q_ALL ? YES : NO);
    else forms_new(c, &f.acc, S_FORMS, q == Q_SUM ? 1 : 0);
    if (!eval_each(c->s->e, &x->binds, sym_step, &f) && (!f.good || c->s->e->fail.set)) return refuse(c);
    if (!f.started && (q == Q_MAX || q == Q_MIN)) return sep_refuse(c->s, "max or min over nothing");
    *out = f.acc;
    return true;
}

/* max(a, b, ...), min(a, b, ...), max(logits(M, t)[r]) */
static bool extreme(struct compile *c, const struct ex *x, struct sval *out) {
    int sense = x->number == FN_MAX || x->number == FN_ABS ? 1 : -1;
    if (x->number == FN_ABS) { /* max(x, -x) */
        struct sval v, minus;
        if (!sym(c, x->k[0], &v) || !as_forms(c, &v) || v.n != 1) return refuse(c);
        scale(c, &v, small(c, -1), &minus);
        forms_new(c, out, S_FORMS, 0);
        return join(c, out, &v, sense) && join(c, out, &minus, sense);
    }
    if (x->number != FN_MAX && x->number != FN_MIN) return refuse(c);
    forms_new(c, out, S_FORMS, 0);
    const struct ex *v = x->n == 1 ? vector_of(x->k[0]) : NULL;
    if (x->n == 1 && (v == NULL || v->number != FN_LOGITS)) return refuse(c);
    for (int i = 0; x->n > 1 && i < x->n; i++) {
        struct sval a;
        if (!sym(c, x->k[i], &a) || !join(c, out, &a, sense)) return false;
    }
    if (v == NULL) return true;
    forms_new(c, out, S_FORMS, c->s->n_out);
    out->sense = c->s->n_out > 1 ? sense : 0;
    for (uint32_t j = 0; j < c->s->n_out; j++) {
        out->f[j].alpha = zeros(c, c->s->n_out);
        num_set_int(&out->f[j].alpha[same_logit(c->s, j)], 1);
    }
    return true;
}

/* ---- comparisons ---- */

static const struct ex *argmax_of(const struct ex *x) { return x->kind == EX_CALL && x->number == FN_ARGMAX && x->network ? x->k[0] : NULL; }

/* the entry is larger (strict) than every other, or at least every other */
static bool argmax_equals(struct compile *c, const struct ex *vector, const struct ex *index, bool strict, struct sval *out) {
    struct sep *s = c->s;
    const struct ex *call = vector_of(vector);
    int64_t e;
    if (call == NULL || (call->number != FN_LOGITS && call->number != FN_ATTN) || index->network || !eval_int(s->e, index, &e)) return refuse(c);
    const uint32_t width = call->number == FN_ATTN ? s->n : s->n_out;
    if (e < 0 || e >= (int64_t)width) { /* no entry, so not the largest */
        constant(out, NO);
        return true;
    }
    forms_new(c, out, S_TRUTH, width - 1);
    for (uint32_t j = 0, k = 0; j < width; j++) {
        if ((int64_t)j == e) continue;
        if (call->number == FN_ATTN) {
            attention_to(c, &out->f[k], (uint32_t)e, 1);
            attention_to(c, &out->f[k], j, -1);
        } else {
            out->f[k].alpha = zeros(c, s->n_out);
            num_set_int(&out->f[k].alpha[same_logit(s, e)], 1);
            struct num *rival = &out->f[k].alpha[same_logit(s, j)];
            num_set_int(rival, same_logit(s, e) == same_logit(s, j) ? 0 : -1);
        }
        out->strict[k++] = strict;
    }
    simplify(c, out);
    return true;
}

static bool pair(struct compile *c, const struct ex *x, const struct ex *y, enum cmp op, struct sval *out) {
    if (argmax_of(x) != NULL || argmax_of(y) != NULL) {
        if (op != CMP_EQ && op != CMP_NE) return refuse(c);
        if (!(argmax_of(x) != NULL ? argmax_equals(c, argmax_of(x), y, true, out) : argmax_equals(c, argmax_of(y), x, true, out))) return false;
        if (op == CMP_NE) negate(out);
        return true;
    }
    struct sval a, b, d;
    if (!sym(c, x, &a) || !sym(c, y, &b)) return false;
    if (a.kind == S_NUM && b.kind == S_NUM && a.x->kind != K_REAL && b.x->kind != K_REAL) {
        int k = mpq_cmp(a.x->q, b.x->q);
        bool t = op == CMP_LT ? k < 0 : op == CMP_LE ? k <= 0 : op == CMP_GT ? k > 0 : op == CMP_GE ? k >= 0 : op == CMP_EQ ? k == 0 : k != 0;
        constant(out, t ? YES : NO);
        return true;
    }
    if (!as_forms(c, &a) || !as_forms(c, &b)) return refuse(c);
    if (op == CMP_EQ || op == CMP_NE) { /* both >= and <= */
        struct sval ge, le;
        if (!sum_forms(c, &a, &b, -1, &d) || !positive(c, &d, false, &ge) || !sum_forms(c, &b, &a, -1, &d) || !positive(c, &d, false, &le) || !conjunction(c, &ge, &le, out)) return refuse(c);
        if (op == CMP_NE) negate(out);
        return true;
    }
    bool less = op == CMP_LT || op == CMP_LE;
    return sum_forms(c, less ? &b : &a, less ? &a : &b, -1, &d) && positive(c, &d, op == CMP_LT || op == CMP_GT, out);
}

static bool chain(struct compile *c, const struct ex *x, struct sval *out) {
    constant(out, YES);
    for (int i = 1; i < x->n; i++) {
        struct sval t, r;
        if (!pair(c, x->k[i - 1], x->k[i], (enum cmp)x->ops[i - 1], &t) || !conjunction(c, out, &t, &r)) return false;
        *out = r;
    }
    return true;
}

static bool binary(struct compile *c, const struct ex *x, struct sval *out) {
    struct sval a, b;
    if (!sym(c, x->k[0], &a) || !sym(c, x->k[1], &b)) return false;
    if (x->kind == EX_ADD || x->kind == EX_SUB) return as_forms(c, &a) && as_forms(c, &b) && sum_forms(c, &a, &b, x->kind == EX_ADD ? 1 : -1, out);
    if (x->kind == EX_AND || x->kind == EX_OR || x->kind == EX_IMPLIES || x->kind == EX_IFF) return combine(c, x->kind, &a, &b, out);
    struct sval *number = b.kind == S_NUM ? &b : &a, *other = number == &b ? &a : &b;
    if (number->kind != S_NUM || number->x->kind == K_REAL || (x->kind == EX_DIV && number == &a) || !as_forms(c, other)) return refuse(c);
    struct num *by = small(c, 1);
    if (x->kind == EX_MUL) num_copy(by, number->x);
    else if (x->kind != EX_DIV || !num_div(by, by, number->x, 64)) return refuse(c);
    scale(c, other, by, out);
    return true;
}

static bool plain(struct compile *c, const struct ex *x, struct sval *out) {
    struct val v;
    if (!eval(c->s->e, x, &v) || v.type == V_ARRAY || v.type == V_TABLE) return sep_refuse(c->s, "an expression without a value");
    if (v.type == V_TRI) constant(out, v.tri);
    else *out = (struct sval){.kind = S_NUM, .x = v.x};
    return true;
}

/* Depth is bounded by the parser's. */
static bool sym(struct compile *c, const struct ex *x, struct sval *out) {
    struct sval a;
    if (!x->network) return plain(c, x, out);
    switch (x->kind) {
    case EX_INDEX: return leaf(c, x, out);
    case EX_CALL: return extreme(c, x, out);
    case EX_QUANT:
    case EX_EXISTS: return comprehension(c, x, out);
    case EX_CMP: return chain(c, x, out);
    case EX_IN:
        if (x->k[1]->kind != EX_CALL || x->k[1]->number != FN_ARGMAXES) return refuse(c);
        return argmax_equals(c, x->k[1]->k[0], x->k[0], false, out);
    case EX_NOT:
        if (!sym(c, x->k[0], out) || (out->kind != S_TRI && out->kind != S_TRUTH)) return refuse(c);
        negate(out);
        return true;
    case EX_NEG:
        if (!sym(c, x->k[0], &a) || !as_forms(c, &a)) return refuse(c);
        scale(c, &a, small(c, -1), out);
        return true;
    case EX_IF:
        if (x->k[0]->network || !plain(c, x->k[0], &a) || a.kind != S_TRI || a.tri == OPEN) return refuse(c);
        return sym(c, x->k[a.tri == YES ? 1 : 2], out);
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_DIV:
    case EX_AND:
    case EX_OR:
    case EX_IMPLIES:
    case EX_IFF: return binary(c, x, out);
    default: return refuse(c);
    }
}

/* ---- to integers ---- */

/* floor(q * m * 2^SEP_BITS), below 2^52 in size */
static bool to_units(struct compile *c, const mpq_t q, const mpz_t m, int64_t *out) {
    mpz_t t;
    mpz_init(t);
    mpz_mul(t, mpq_numref(q), m);
    mpz_mul_2exp(t, t, SEP_BITS);
    mpz_fdiv_q(t, t, mpq_denref(q));
    bool good = mpz_sizeinbase(t, 2) <= SEP_BITS + 12;
    *out = good ? mpz_get_si(t) : 0;
    mpz_clear(t);
    return good ? true : sep_refuse(c->s, "a coefficient is too large");
}

/* R = sum |alpha| r + max |beta| ((n + 12) u + n 2^-123), in units, rounded up */
static bool float32_error(const struct sep *s, struct iform *f, int64_t sizes) {
    int64_t most = 0;
    for (uint32_t k = 0; f->beta != NULL && k < s->at[s->n]; k++) most = (f->beta[k] < 0 ? -f->beta[k] : f->beta[k]) > most ? (f->beta[k] < 0 ? -f->beta[k] : f->beta[k]) : most;
    __int128 r = (__int128)sizes * s->logit_error + (((__int128)(most + 1) * (s->n + 13)) >> 24) + 2;
    f->error = (int64_t)r;
    return r < (__int128)1 << 56;
}

/* m: the least common multiple of it and the denominators of the alphas. */
static void denominators(const struct sep *s, const struct lf *f, mpz_t m) {
    for (uint32_t j = 0; f->alpha != NULL && j < s->n_out; j++)
        if (mpz_cmp_ui(mpq_denref(f->alpha[j].q), 1) != 0) mpz_lcm(m, m, mpq_denref(f->alpha[j].q));
}

/* The form times the least common denominator of its alphas, and `also`. Radius of one position's term w G: c 1, beta 1, each alpha 2 units (D and C within one),
 * times w <= 1; the error of w, two units of 2^-60 times |G| <= 2^58 units, 1; the last shift 1. */
static bool integer_form(struct compile *c, const struct lf *f, const mpz_t also, bool strict, struct iform *out) {
    struct sep *s = c->s;
    mpz_t m, t;
    mpz_inits(m, t, NULL);
    mpz_set(m, also);
    *out = (struct iform){.strict = strict, .radius = 3};
    out->alpha = arena_get(c->a, s->n_out, sizeof *out->alpha);
    out->j = arena_get(c->a, s->n_out, sizeof *out->j);
    denominators(s, f, m);
    bool good = mpz_sizeinbase(m, 2) <= 20;
    out->times = good ? mpz_get_si(m) : 1;
    int64_t sizes = 0;
    for (uint32_t j = 0; good && f->alpha != NULL && j < s->n_out; j++) {
        if (mpq_sgn(f->alpha[j].q) == 0) continue;
        mpz_mul(t, mpq_numref(f->alpha[j].q), m);
        mpz_divexact(t, t, mpq_denref(f->alpha[j].q));
        good = mpz_sizeinbase(t, 2) <= 20;
        if (!good) continue;
        out->alpha[out->n] = mpz_get_si(t);
        out->j[out->n++] = j;
        sizes += mpz_get_si(t) * mpz_sgn(t);
    }
    struct num *constant = small(c, 0);
    const struct num *beta = f->beta;
    num_copy(constant, f->c);
    good = good && norm_form(s, out, constant, &beta) && to_units(c, constant->q, m, &out->c);
    if (beta != NULL) {
        out->beta = arena_get(c->a, s->at[s->n], sizeof *out->beta);
        out->radius++;
        for (uint32_t k = 0; good && k < s->at[s->n]; k++) good = to_units(c, beta[k].q, m, &out->beta[k]);
    }
    out->radius += 2 * sizes;
    out->narrow = sizes <= 256; /* c, beta < 2^52, logits < 2^53 */
    if (good && !s->e->s->float32) form_keep(s, out, constant, beta, m);
    if (s->e->s->float32) good = good && float32_error(s, out, sizes);
    mpz_clears(m, t, NULL);
    return good ? true : sep_refuse(s, "a coefficient is too large");
}

static bool finish(struct compile *c, const struct sval *v, struct truth *out) {
    *out = (struct truth){.negated = v->negated};
    if (v->kind == S_TRI) {
        out->constant = true;
        out->value = v->tri;
        return v->tri != OPEN ? true : refuse(c);
    }
    if (v->kind != S_TRUTH) return refuse(c);
    out->form = arena_get(c->a, v->n, sizeof *out->form);
    mpz_t one;
    mpz_init_set_ui(one, 1);
    bool good = true;
    for (size_t i = 0; good && i < v->n; i++) {
        struct iform *f = &out->form[out->n++];
        good = integer_form(c, &v->f[i], one, v->strict[i], f);
        f->times = 1; /* no sign rests on it: forms that are the same but for a factor are one */
    }
    mpz_clear(one);
    return good;
}

/* The features' values are where eval() finds them. */
bool sep_compile(struct sep *s, const struct ex *predicate, struct arena *a, struct truth *out) {
    struct compile c = {.s = s, .a = a};
    struct sval v;
    if (predicate == NULL) constant(&v, YES);
    else if (!sym(&c, predicate, &v)) return sep_refuse(s, "the predicate");
    return finish(&c, &v, out);
}

bool sep_compile_value(struct sep *s, const struct ex *value, struct arena *a, bool several, struct truth *out) {
    struct compile c = {.s = s, .a = a};
    struct sval v;
    if (!sym(&c, value, &v) || !as_forms(&c, &v)) return sep_refuse(s, "the value");
    if (v.n != 1 && !several) return sep_refuse(s, "an average of a minimum or a maximum of network values");
    if (v.n == 0) return sep_refuse(s, "max or min over nothing");
    for (size_t i = 0; i < v.n; i++)
        if (s->norm >= 0 && v.f[i].alpha != NULL) return sep_refuse(s, "an average of logits behind a final LayerNorm");
    *out = (struct truth){.negated = v.n > 1 && v.sense > 0, .form = arena_get(a, v.n, sizeof *out->form)};
    mpz_t times; /* all forms of a value have one factor */
    mpz_init_set_ui(times, 1);
    for (size_t i = 0; i < v.n; i++) denominators(s, &v.f[i], times);
    bool good = true;
    for (size_t i = 0; good && i < v.n; i++) good = integer_form(&c, &v.f[i], times, false, &out->form[out->n++]);
    mpz_clear(times);
    return good;
}
