/* What a predicate is made of while it is read: exact linear forms in logits and attention, the smallest or the largest of some, truth of whether all of them are positive. */
#include "separable_forms.h"
#include <string.h>

bool forms_refuse(struct compile *c) { return sep_refuse(c->s, "not a comparison of linear forms"); }

struct num *forms_zeros(struct compile *c, size_t n) {
    struct num *x = pool_get(c->s->e, n);
    for (size_t i = 0; i < n; i++) num_set_int(&x[i], 0);
    return x;
}

/* to += by * from, coefficient by coefficient */
static void gather(struct compile *c, struct num **to, const struct num *from, size_t n, const struct num *by) {
    if (from == NULL) return;
    if (*to == NULL) *to = forms_zeros(c, n);
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
    if (to->c == NULL) to->c = forms_zeros(c, 1);
    gather(c, &to->c, from->c, 1, by);
    gather(c, &to->alpha, from->alpha, c->s->n_out, by);
    gather(c, &to->beta, from->beta, c->s->at[c->s->n], by);
}

struct num *forms_number(struct compile *c, int64_t v) {
    struct num *x = forms_zeros(c, 1);
    num_set_int(x, v);
    return x;
}

void forms_new(struct compile *c, struct sval *out, enum skind kind, size_t n) {
    *out = (struct sval){.kind = kind, .n = n};
    out->f = arena_get(c->a, n, sizeof *out->f);
    out->strict = arena_get(c->a, n, sizeof *out->strict);
    for (size_t i = 0; i < n; i++) out->f[i].c = forms_zeros(c, 1);
}

/* a number as the only form */
bool forms_of_number(struct compile *c, struct sval *v) {
    if (v->kind == S_FORMS) return true;
    if (v->kind != S_NUM || v->x->kind == K_REAL) return forms_refuse(c);
    struct num *x = v->x;
    forms_new(c, v, S_FORMS, 1);
    num_copy(v->f[0].c, x);
    return true;
}

void forms_scale(struct compile *c, const struct sval *a, const struct num *by, struct sval *out) {
    forms_new(c, out, S_FORMS, a->n);
    out->sense = mpq_sgn(by->q) < 0 ? -a->sense : a->sense;
    for (size_t i = 0; i < a->n; i++) lf_add(c, &out->f[i], &a->f[i], by);
}

/* a + by * b; one of them must be a single form, or their senses agree and it is a set of all sums */
bool forms_sum(struct compile *c, const struct sval *a, const struct sval *b, int by, struct sval *out) {
    struct sval t;
    struct num *one = forms_number(c, 1);
    forms_scale(c, b, forms_number(c, by), &t);
    if (a->n * t.n > 100000 || (a->n > 1 && t.n > 1 && a->sense != t.sense)) return forms_refuse(c);
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
bool forms_join(struct compile *c, struct sval *to, struct sval *v, int sense) {
    if (!forms_of_number(c, v)) return false;
    if (v->n > 1 && v->sense != sense) return forms_refuse(c);
    struct sval old = *to;
    if (old.n + v->n > 100000) return forms_refuse(c);
    *to = (struct sval){.kind = S_FORMS, .sense = sense, .n = old.n + v->n};
    to->f = arena_get(c->a, to->n, sizeof *to->f);
    to->strict = arena_get(c->a, to->n, sizeof *to->strict);
    if (old.n > 0) memcpy(to->f, old.f, old.n * sizeof *old.f);
    memcpy(to->f + old.n, v->f, v->n * sizeof *v->f);
    if (to->n == 1) to->sense = 0;
    return true;
}

/* ---- truth ---- */

void forms_constant(struct sval *out, enum tri t) { *out = (struct sval){.kind = S_TRI, .tri = t}; }

void forms_negate(struct sval *v) {
    if (v->kind == S_TRI) v->tri = tri_not(v->tri);
    else v->negated = !v->negated;
}

/* not (L > 0) is -L >= 0: a single form is never negated */
static void normal(struct compile *c, struct sval *v) {
    if (v->kind != S_TRUTH || v->n != 1 || !v->negated) return;
    struct lf minus = {0};
    lf_add(c, &minus, &v->f[0], forms_number(c, -1));
    v->f[0] = minus;
    v->strict[0] = !v->strict[0];
    v->negated = false;
}

bool forms_conjunction(struct compile *c, struct sval *a, struct sval *b, struct sval *out) {
    if ((a->kind == S_TRI && a->tri == NO) || (b->kind == S_TRI && b->tri == NO)) {
        forms_constant(out, NO);
        return true;
    }
    if (a->kind == S_TRI || b->kind == S_TRI) {
        const struct sval *known = a->kind == S_TRI ? a : b;
        if (known->tri == OPEN) return forms_refuse(c);
        *out = a->kind == S_TRI ? *b : *a;
        return true;
    }
    if (a->kind != S_TRUTH || b->kind != S_TRUTH) return forms_refuse(c);
    normal(c, a);
    normal(c, b);
    if (a->negated || b->negated) return forms_refuse(c);
    struct sval r;
    forms_new(c, &r, S_TRUTH, a->n + b->n);
    memcpy(r.f, a->f, a->n * sizeof *a->f);
    memcpy(r.f + a->n, b->f, b->n * sizeof *b->f);
    memcpy(r.strict, a->strict, a->n);
    memcpy(r.strict + a->n, b->strict, b->n);
    *out = r;
    return true;
}

bool forms_combine(struct compile *c, enum ex_kind kind, struct sval *a, struct sval *b, struct sval *out) {
    if (kind == EX_AND) return forms_conjunction(c, a, b, out);
    if (kind == EX_IFF) {
        struct sval *known = a->kind == S_TRI ? a : b;
        if (known->kind != S_TRI || known->tri == OPEN) return forms_refuse(c);
        *out = known == a ? *b : *a;
        if (known->tri == NO) forms_negate(out);
        return true;
    }
    if (kind == EX_OR) forms_negate(a); /* a or b = not (not a and not b), a => b = not (a and not b) */
    forms_negate(b);
    if (!forms_conjunction(c, a, b, out)) return false;
    forms_negate(out);
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
void forms_simplify(struct compile *c, struct sval *v) {
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        int sign = mpq_sgn(v->f[i].c->q);
        bool fixed = is_constant(c->s, &v->f[i]);
        if (fixed && (sign > 0 || (sign == 0 && !v->strict[i]))) continue;
        if (fixed) {
            forms_constant(v, v->negated ? YES : NO);
            return;
        }
        v->f[kept] = v->f[i];
        v->strict[kept++] = v->strict[i];
    }
    v->n = kept;
    if (kept == 0) forms_constant(v, v->negated ? NO : YES);
}

/* difference > 0 or >= 0: a minimum of forms asks all, a maximum any, which is not all of the negatives (>= or >) */
bool forms_positive(struct compile *c, const struct sval *d, bool strict, struct sval *out) {
    bool any = d->n > 1 && d->sense > 0;
    forms_new(c, out, S_TRUTH, d->n);
    out->negated = any;
    struct num *by = forms_number(c, any ? -1 : 1);
    for (size_t i = 0; i < d->n; i++) {
        lf_add(c, &out->f[i], &d->f[i], by);
        out->strict[i] = any ? !strict : strict;
    }
    forms_simplify(c, out);
    return true;
}
