/* The `prove` line of a count, average, minimize or maximize: exact interval arithmetic over rational ends (FORMAT.md §2). */
#include "certificate.h"

static bool refuse(struct fail *f) { return fail_at(f, 0, "no rule for this form of the prove line"); }

static void span_init(struct span *s) { mpq_inits(s->lo, s->hi, NULL); }
static void span_clear(struct span *s) { mpq_clears(s->lo, s->hi, NULL); }

static void product(struct span *out, const struct span *a, const struct span *b) {
    mpq_t c[4];
    for (int i = 0; i < 4; i++) {
        mpq_init(c[i]);
        mpq_mul(c[i], i < 2 ? a->lo : a->hi, i % 2 == 0 ? b->lo : b->hi);
    }
    mpq_set(out->lo, c[0]);
    mpq_set(out->hi, c[0]);
    for (int i = 0; i < 4; i++) {
        if (mpq_cmp(c[i], out->lo) < 0) mpq_set(out->lo, c[i]);
        if (mpq_cmp(c[i], out->hi) > 0) mpq_set(out->hi, c[i]);
        mpq_clear(c[i]);
    }
}

static bool invert(struct span *a) {
    if (mpq_sgn(a->lo) <= 0 && mpq_sgn(a->hi) >= 0) return false;
    mpq_inv(a->lo, a->lo);
    mpq_inv(a->hi, a->hi);
    mpq_swap(a->lo, a->hi);
    return true;
}

static bool number(const struct ex *x, const struct span r[4], struct span *out, struct fail *f);

static bool binary(const struct ex *x, const struct span r[4], struct span *out, struct fail *f) {
    struct span a, b;
    span_init(&a);
    span_init(&b);
    bool good = number(x->k[0], r, &a, f) && number(x->k[1], r, &b, f);
    if (good && x->kind == EX_ADD) {
        mpq_add(out->lo, a.lo, b.lo);
        mpq_add(out->hi, a.hi, b.hi);
    } else if (good && x->kind == EX_SUB) {
        mpq_sub(out->lo, a.lo, b.hi);
        mpq_sub(out->hi, a.hi, b.lo);
    } else if (good) {
        if (x->kind == EX_DIV) good = invert(&b);
        if (good) product(out, &a, &b);
        else refuse(f);
    }
    span_clear(&a);
    span_clear(&b);
    return good;
}

static bool number(const struct ex *x, const struct span r[4], struct span *out, struct fail *f) {
    switch (x->kind) {
    case EX_LIT:
        mpq_set(out->lo, x->lit->q);
        mpq_set(out->hi, x->lit->q);
        return true;
    case EX_RESULT:
        mpq_set(out->lo, r[x->number].lo);
        mpq_set(out->hi, r[x->number].hi);
        return true;
    case EX_NEG:
        if (!number(x->k[0], r, out, f)) return false;
        mpq_neg(out->lo, out->lo);
        mpq_neg(out->hi, out->hi);
        mpq_swap(out->lo, out->hi);
        return true;
    case EX_ADD:
    case EX_SUB:
    case EX_MUL:
    case EX_DIV: return binary(x, r, out, f);
    default: return refuse(f);
    }
}

static enum tri below(const struct span *a, const struct span *b, bool strict) {
    int far = mpq_cmp(a->hi, b->lo), near = mpq_cmp(a->lo, b->hi);
    if (strict) return far < 0 ? YES : near >= 0 ? NO : OPEN;
    return far <= 0 ? YES : near > 0 ? NO : OPEN;
}

static enum tri compare(const struct span *a, const struct span *b, enum cmp op) {
    switch (op) {
    case CMP_LT: return below(a, b, true);
    case CMP_LE: return below(a, b, false);
    case CMP_GT: return below(b, a, true);
    case CMP_GE: return below(b, a, false);
    case CMP_EQ: return tri_and(below(a, b, false), below(b, a, false));
    default: return tri_not(tri_and(below(a, b, false), below(b, a, false)));
    }
}

static bool chain(const struct ex *x, const struct span r[4], enum tri *out, struct fail *f) {
    struct span a, b;
    span_init(&a);
    span_init(&b);
    *out = YES;
    bool good = number(x->k[0], r, &a, f);
    for (int i = 1; good && i < x->n; i++) {
        good = number(x->k[i], r, &b, f);
        *out = tri_and(*out, compare(&a, &b, (enum cmp)x->ops[i - 1]));
        mpq_set(a.lo, b.lo);
        mpq_set(a.hi, b.hi);
    }
    span_clear(&a);
    span_clear(&b);
    return good;
}

/* Depth is bounded by the parser's. */
bool prove_line(const struct ex *x, const struct span r[4], enum tri *out, struct fail *f) {
    enum tri a, b;
    if (x->kind == EX_CMP) return chain(x, r, out, f);
    if (x->kind == EX_NOT) {
        if (!prove_line(x->k[0], r, &a, f)) return false;
        *out = tri_not(a);
        return true;
    }
    if (x->kind != EX_AND && x->kind != EX_OR && x->kind != EX_IMPLIES && x->kind != EX_IFF) return refuse(f);
    if (!prove_line(x->k[0], r, &a, f) || !prove_line(x->k[1], r, &b, f)) return false;
    if (x->kind == EX_AND) *out = tri_and(a, b);
    else if (x->kind == EX_OR) *out = tri_or(a, b);
    else if (x->kind == EX_IMPLIES) *out = tri_or(tri_not(a), b);
    else *out = tri_and(tri_or(tri_not(a), b), tri_or(tri_not(b), a));
    return true;
}
