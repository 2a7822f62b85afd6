#include "proofs/interval.h"
#include <string.h>

struct range { mpq_t lo, hi; };

static void range_init(struct range *r) {
    mpq_init(r->lo);
    mpq_init(r->hi);
}

static void range_clear(struct range *r) {
    mpq_clear(r->lo);
    mpq_clear(r->hi);
}

void outcome_fraction(mpq_t lo, mpq_t hi, const struct outcome *o) {
    mpz_set(mpq_numref(lo), o->number_lo);
    mpz_set(mpq_denref(lo), o->total_hi);
    mpq_canonicalize(lo);
    mpz_set(mpq_numref(hi), o->number_hi);
    mpz_set(mpq_denref(hi), o->total_lo);
    mpq_canonicalize(hi);
    if (mpq_cmp_ui(hi, 1, 1) > 0) mpq_set_ui(hi, 1, 1);
}

/* false: not one of the names that a prove line may use */
static bool name_range(struct range *out, const char *name, const struct outcome *o) {
    if (o->has_value && strcmp(name, "value") == 0) {
        mpq_set(out->lo, o->lo);
        mpq_set(out->hi, o->hi);
    } else if (strcmp(name, "number") == 0) {
        mpq_set_z(out->lo, o->number_lo);
        mpq_set_z(out->hi, o->number_hi);
    } else if (strcmp(name, "total") == 0) {
        mpq_set_z(out->lo, o->total_lo);
        mpq_set_z(out->hi, o->total_hi);
    } else if (strcmp(name, "fraction") == 0 && mpz_sgn(o->total_lo) > 0) {
        outcome_fraction(out->lo, out->hi, o);
    } else {
        return false;
    }
    return true;
}

static void range_mul(struct range *out, const struct range *a, const struct range *b) {
    mpq_t p;
    mpq_init(p);
    mpq_srcptr x[2] = {a->lo, a->hi}, y[2] = {b->lo, b->hi};
    for (int i = 0; i < 4; i++) {
        mpq_mul(p, x[i / 2], y[i % 2]);
        if (i == 0 || mpq_cmp(p, out->lo) < 0) mpq_set(out->lo, p);
        if (i == 0 || mpq_cmp(p, out->hi) > 0) mpq_set(out->hi, p);
    }
    mpq_clear(p);
}

/* false when the divisor may be zero */
static bool range_div(struct range *out, const struct range *a, struct range *b) {
    if (mpq_sgn(b->lo) <= 0 && mpq_sgn(b->hi) >= 0) return false;
    mpq_inv(b->lo, b->lo);
    mpq_inv(b->hi, b->hi);
    mpq_swap(b->lo, b->hi);
    range_mul(out, a, b);
    return true;
}

static bool range_of(struct range *out, const struct expr *e, const struct outcome *o);

static bool range_binary(struct range *out, const struct expr *e, const struct outcome *o) {
    struct range a, b;
    range_init(&a);
    range_init(&b);
    bool known = e->n_args == 2 && range_of(&a, e->args[0], o) && range_of(&b, e->args[1], o);
    if (known) {
        switch (e->oper) {
        case OPER_ADD:
            mpq_add(out->lo, a.lo, b.lo);
            mpq_add(out->hi, a.hi, b.hi);
            break;
        case OPER_SUB:
            mpq_sub(out->lo, a.lo, b.hi);
            mpq_sub(out->hi, a.hi, b.lo);
            break;
        case OPER_MUL:
            range_mul(out, &a, &b);
            break;
        case OPER_DIV:
            known = range_div(out, &a, &b);
            break;
        default:
            known = false;
        }
    }
    range_clear(&a);
    range_clear(&b);
    return known;
}

static bool range_of(struct range *out, const struct expr *e, const struct outcome *o) {
    if (e->form == FORM_NUMBER && e->has_number) {
        mpq_set(out->lo, e->number);
        mpq_set(out->hi, e->number);
        return true;
    }
    if (e->form == FORM_NAME) return name_range(out, e->name, o);
    if (e->form == FORM_BINARY) return range_binary(out, e, o);
    if (e->form == FORM_UNARY && e->oper == OPER_NEG) {
        if (!range_of(out, e->args[0], o)) return false;
        mpq_swap(out->lo, out->hi);
        mpq_neg(out->lo, out->lo);
        mpq_neg(out->hi, out->hi);
        return true;
    }
    return false;
}

static enum truth truth_not(enum truth a) { return a == TRUTH_TRUE ? TRUTH_FALSE : a == TRUTH_FALSE ? TRUTH_TRUE : TRUTH_UNSETTLED; }

static enum truth truth_and(enum truth a, enum truth b) {
    if (a == TRUTH_FALSE || b == TRUTH_FALSE) return TRUTH_FALSE;
    return a == TRUTH_TRUE && b == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNSETTLED;
}

static enum truth decide(bool always, bool never) { return always ? TRUTH_TRUE : never ? TRUTH_FALSE : TRUTH_UNSETTLED; }

static enum truth compare(enum oper oper, const struct range *a, const struct range *b) {
    switch (oper) {
    case OPER_LT: return decide(mpq_cmp(a->hi, b->lo) < 0, mpq_cmp(a->lo, b->hi) >= 0);
    case OPER_LE: return decide(mpq_cmp(a->hi, b->lo) <= 0, mpq_cmp(a->lo, b->hi) > 0);
    case OPER_GT: return compare(OPER_LT, b, a);
    case OPER_GE: return compare(OPER_LE, b, a);
    case OPER_EQ:
        return decide(mpq_equal(a->lo, a->hi) && mpq_equal(b->lo, b->hi) && mpq_equal(a->lo, b->lo),
                      mpq_cmp(a->hi, b->lo) < 0 || mpq_cmp(b->hi, a->lo) < 0);
    case OPER_NE: return truth_not(compare(OPER_EQ, a, b));
    default: return TRUTH_UNSETTLED;
    }
}

static enum truth chain(const struct expr *e, const struct outcome *o) {
    enum truth all = TRUTH_TRUE;
    struct range a, b;
    range_init(&a);
    range_init(&b);
    for (size_t i = 0; i + 1 < e->n_args; i++) {
        bool known = range_of(&a, e->args[i], o) && range_of(&b, e->args[i + 1], o);
        all = truth_and(all, known ? compare(e->opers[i], &a, &b) : TRUTH_UNSETTLED);
    }
    range_clear(&a);
    range_clear(&b);
    return all;
}

static enum truth truth_of(const struct expr *e, const struct outcome *o) {
    if (e->form == FORM_COMPARE && e->n_args >= 2) return chain(e, o);
    if (e->form == FORM_UNARY && e->oper == OPER_NOT) return truth_not(truth_of(e->args[0], o));
    if (e->form != FORM_BINARY || e->n_args != 2) return TRUTH_UNSETTLED;
    enum truth a = truth_of(e->args[0], o), b = truth_of(e->args[1], o);
    switch (e->oper) {
    case OPER_AND: return truth_and(a, b);
    case OPER_OR: return truth_not(truth_and(truth_not(a), truth_not(b)));
    case OPER_IMPLIES: return truth_not(truth_and(a, truth_not(b)));
    case OPER_IFF: return a == TRUTH_UNSETTLED || b == TRUTH_UNSETTLED ? TRUTH_UNSETTLED : decide(a == b, a != b);
    default: return TRUTH_UNSETTLED;
    }
}

enum truth prove_over(const struct statement *s, const struct outcome *o) {
    return s->prove ? truth_of(s->prove, o) : TRUTH_UNSETTLED;
}
