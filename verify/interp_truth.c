/* interp_truth.c: comparisons, membership and the three-valued connectives (STATEMENT.md §4). */
#include "verify/interp_parts.h"
#include <math.h>

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static int exact_order(const struct value *a, size_t i, const struct value *b, size_t j)
{
    if (a->kind == KIND_INT && b->kind == KIND_INT) return (a->ints[i] > b->ints[j]) - (a->ints[i] < b->ints[j]);
    fmpz_t x, y;
    fmpz_init(x);
    fmpz_init(y);
    if (a->kind == KIND_INT) fmpz_set_si(x, a->ints[i]);
    else fmpz_set(x, a->num + i);
    if (b->kind == KIND_INT) fmpz_set_si(y, b->ints[j]);
    else fmpz_set(y, b->num + j);
    if (b->kind == KIND_EXACT && !(a->kind == KIND_EXACT && fmpz_equal(a->den, b->den))) fmpz_mul(x, x, b->den);
    if (a->kind == KIND_EXACT && !(b->kind == KIND_EXACT && fmpz_equal(a->den, b->den))) fmpz_mul(y, y, a->den);
    int order = sign(fmpz_cmp(x, y));
    fmpz_clear(x);
    fmpz_clear(y);
    return order;
}

static long column(const struct value *v, size_t i)
{
    return v->rank == 0 ? v->origin.col : v->rank == 1 ? (long)i : -1;
}

void compare_entries(int *order, bool *settled, struct interp *in, struct value *a, size_t i, struct value *b, size_t j)
{
    *order = 0;
    *settled = true;
    if (value_is_exact(a) && value_is_exact(b)) {
        *order = exact_order(a, i, b, j);
        return;
    }
    *settled = value_as_real(a, in->prec) && value_as_real(b, in->prec);
    if (!*settled) return;
    if (in->prec) {
        arb_srcptr x = a->balls + i, y = b->balls + j;
        if (arb_gt(x, y)) *order = 1;
        else if (arb_lt(x, y)) *order = -1;
        else *settled = arb_is_exact(x) && arb_is_exact(y) && arb_equal(x, y);
    } else {
        *order = real_order(a->mid[i], a->rad[i], b->mid[j], b->rad[j]);
        *settled = *order != 0 || (a->rad[i] == 0 && b->rad[j] == 0 && a->mid[i] == b->mid[j]);
    }
    if (!*settled && same_number(in, &a->origin, column(a, i), &b->origin, column(b, j))) *settled = true;
}

static enum truth order_truth(enum oper oper, int order)
{
    switch (oper) {
    case OPER_LT: return order < 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case OPER_LE: return order <= 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case OPER_GT: return order > 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case OPER_GE: return order >= 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case OPER_EQ: return order == 0 ? TRUTH_TRUE : TRUTH_FALSE;
    default: return order != 0 ? TRUTH_TRUE : TRUTH_FALSE;
    }
}

static enum truth negate(enum truth t)
{
    return t == TRUTH_UNSETTLED ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

bool is_strict_argmax(const struct expr *e)
{
    if (e->form != FORM_CALL || e->function != FUNCTION_ARGMAX) return false;
    return e->args[0]->type.base != BASE_INT;
}

/* Is v[i] strictly larger than every other entry? */
static enum truth leads(struct interp *in, struct value *v, size_t i)
{
    bool open = false;
    for (size_t j = 0; j < v->n; j++) {
        int order;
        bool settled;
        if (j == i) continue;
        compare_entries(&order, &settled, in, v, i, v, j);
        if (settled && order <= 0) return TRUTH_FALSE;
        if (!settled) open = true;
    }
    return open ? TRUTH_UNSETTLED : TRUTH_TRUE;
}

/* The same on plain doubles, without the detours of a general comparison: the inner loop of enumeration. */
static enum truth leads_fast(struct interp *in, struct value *v, size_t i)
{
    const double *mid = v->mid, *rad = v->rad;
    double m = mid[i], r = rad[i];
    size_t below = 0;
    for (size_t j = 0; j < v->n; j++) below += (size_t)(real_order(m, r, mid[j], rad[j]) > 0);
    return below + 1 == v->n ? TRUTH_TRUE : leads(in, v, i);
}

static enum truth argmax_is(struct interp *in, struct value *v, long i)
{
    if (i < 0 || (size_t)i >= v->n) return TRUTH_FALSE;
    return v->kind == KIND_REAL && in->prec == 0 ? leads_fast(in, v, (size_t)i) : leads(in, v, (size_t)i);
}

/* The entry with the largest midpoint, where there are doubles: a guess that is then checked. */
long likely_argmax(const struct value *v)
{
    long best = 0;
    if (v->kind != KIND_REAL || !v->mid) return -1;
    for (size_t i = 1; i < v->n; i++)
        if (v->mid[i] > v->mid[best]) best = (long)i;
    return best;
}

/* argmax(a) == argmax(b): both unique and equal. */
static enum truth argmax_equal(struct interp *in, struct value *a, struct value *b)
{
    long p = in->prec ? -1 : likely_argmax(a), q = in->prec ? -1 : likely_argmax(b);
    if (p >= 0 && q >= 0 && argmax_is(in, a, p) == TRUTH_TRUE && argmax_is(in, b, q) == TRUTH_TRUE) return p == q ? TRUTH_TRUE : TRUTH_FALSE;
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        enum truth x = argmax_is(in, a, (long)i);
        if (x == TRUTH_FALSE) continue;
        enum truth y = argmax_is(in, b, (long)i);
        if (y == TRUTH_FALSE) {
            if (x == TRUTH_TRUE) return TRUTH_FALSE;
            continue;
        }
        return x == TRUTH_TRUE && y == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNSETTLED;
    }
    return TRUTH_FALSE;
}

static enum status argmax_vector(struct value **v, struct interp *in, const struct expr *e)
{
    enum status s = eval(v, in, e->args[0]);
    if (s != STATUS_OK || (*v)->kind == KIND_UNKNOWN) return s;
    if ((*v)->rank != 1 || (*v)->n == 0 || (*v)->kind == KIND_TRUTH) return interp_fail(in, e, "argmax takes a vector with at least one entry");
    return STATUS_OK;
}

static enum status compare_argmax(enum truth *out, struct interp *in, const struct expr *a, enum oper oper, const struct expr *b)
{
    struct value *v, *w;
    long i;
    bool known;
    if (!is_strict_argmax(a)) {
        const struct expr *swap = a;
        a = b;
        b = swap;
    }
    if (oper != OPER_EQ && oper != OPER_NE) return interp_fail(in, a, "argmax may only stand beside '==' and '!='");
    enum status s = argmax_vector(&v, in, a);
    if (s != STATUS_OK) return s;
    if (is_strict_argmax(b)) {
        if ((s = argmax_vector(&w, in, b)) != STATUS_OK) return s;
        *out = v->kind == KIND_UNKNOWN || w->kind == KIND_UNKNOWN ? TRUTH_UNSETTLED : argmax_equal(in, v, w);
    } else {
        if ((s = eval_int(&i, &known, in, b)) != STATUS_OK) return s;
        *out = v->kind == KIND_UNKNOWN || !known ? TRUTH_UNSETTLED : argmax_is(in, v, i);
    }
    if (oper == OPER_NE) *out = negate(*out);
    return STATUS_OK;
}

/* Arrays are equal when they have the same shape and every entry is. */
static enum truth arrays_equal(struct interp *in, struct value *a, struct value *b)
{
    if (a->rank != b->rank || a->n != b->n) return TRUTH_FALSE;
    for (size_t k = 0; k < a->rank; k++)
        if (a->shape[k] != b->shape[k]) return TRUTH_FALSE;
    enum truth all = TRUTH_TRUE;
    for (size_t i = 0; i < a->n; i++) {
        int order;
        bool settled;
        compare_entries(&order, &settled, in, a, i, b, i);
        if (settled && order != 0) return TRUTH_FALSE;
        if (!settled) all = TRUTH_UNSETTLED;
    }
    return all;
}

static enum status compare_truths(enum truth *out, struct interp *in, const struct expr *e, enum oper oper, enum truth a, enum truth b)
{
    if (oper != OPER_EQ && oper != OPER_NE) return interp_fail(in, e, "truth values have no order");
    *out = a == TRUTH_UNSETTLED || b == TRUTH_UNSETTLED ? TRUTH_UNSETTLED : a == b ? TRUTH_TRUE : TRUTH_FALSE;
    if (oper == OPER_NE) *out = negate(*out);
    return STATUS_OK;
}

static enum status compare_values(enum truth *out, struct interp *in, const struct expr *e, enum oper oper, struct value *a, struct value *b)
{
    int order;
    bool settled;
    *out = TRUTH_UNSETTLED;
    if (a->kind == KIND_UNKNOWN || b->kind == KIND_UNKNOWN) return STATUS_OK;
    if (a->kind == KIND_TRUTH && b->kind == KIND_TRUTH) return compare_truths(out, in, e, oper, a->truth, b->truth);
    if (a->kind == KIND_TRUTH || b->kind == KIND_TRUTH) return interp_fail(in, e, "a truth value compared with a number");
    if (a->rank != 0 || b->rank != 0) {
        if (oper != OPER_EQ && oper != OPER_NE) return interp_fail(in, e, "arrays have no order");
        *out = arrays_equal(in, a, b);
        if (oper == OPER_NE) *out = negate(*out);
        return STATUS_OK;
    }
    compare_entries(&order, &settled, in, a, 0, b, 0);
    if (a == b) settled = true, order = 0; /* one expression */
    if (settled) *out = order_truth(oper, order);
    return STATUS_OK;
}

enum status truth_compare(enum truth *out, struct interp *in, const struct expr *e)
{
    enum truth all = TRUTH_TRUE, t;
    for (size_t i = 0; i + 1 < e->n_args; i++) {
        const struct expr *a = e->args[i], *b = e->args[i + 1];
        enum status s;
        if (is_strict_argmax(a) || is_strict_argmax(b)) s = compare_argmax(&t, in, a, e->opers[i], b);
        else {
            struct value *x, *y;
            s = eval(&x, in, a);
            if (s == STATUS_OK) s = eval(&y, in, b);
            if (s == STATUS_OK) s = compare_values(&t, in, e, e->opers[i], x, y);
        }
        if (s != STATUS_OK) return s;
        if (t == TRUTH_FALSE) {
            *out = t;
            return STATUS_OK;
        }
        if (t == TRUTH_UNSETTLED) all = t;
    }
    *out = all;
    return STATUS_OK;
}

/* i in argmaxes(v): v[i] >= every entry. */
static enum status in_argmaxes(enum truth *out, struct interp *in, const struct expr *e)
{
    long i;
    bool known;
    struct value *v;
    enum status s = eval_int(&i, &known, in, e->args[0]);
    if (s == STATUS_OK) s = argmax_vector(&v, in, e->args[1]);
    if (s != STATUS_OK) return s;
    *out = TRUTH_UNSETTLED;
    if (!known || v->kind == KIND_UNKNOWN) return STATUS_OK;
    *out = TRUTH_FALSE;
    if (i < 0 || (size_t)i >= v->n) return STATUS_OK;
    enum truth all = TRUTH_TRUE;
    for (size_t j = 0; j < v->n; j++) {
        int order;
        bool settled;
        if (j == (size_t)i) continue;
        compare_entries(&order, &settled, in, v, (size_t)i, v, j);
        if (settled && order < 0) return STATUS_OK;
        if (!settled) all = TRUTH_UNSETTLED;
    }
    *out = all;
    return STATUS_OK;
}

static enum status in_range(enum truth *out, struct interp *in, const struct expr *set, struct value *x)
{
    long lo, hi;
    bool known_lo, known_hi;
    enum status s = eval_int(&lo, &known_lo, in, set->args[0]);
    if (s == STATUS_OK) s = eval_int(&hi, &known_hi, in, set->args[1]);
    if (s != STATUS_OK) return s;
    *out = TRUTH_UNSETTLED;
    if (!known_lo || !known_hi || x->kind == KIND_UNKNOWN) return STATUS_OK;
    if (x->kind == KIND_EXACT) value_simplify(x);
    if (x->rank != 0 || !value_is_exact(x)) return interp_fail(in, set, "only an exact number can be looked up in a range");
    *out = x->kind == KIND_INT && lo <= x->ints[0] && x->ints[0] <= hi ? TRUTH_TRUE : TRUTH_FALSE;
    return STATUS_OK;
}

static enum status in_list(enum truth *out, struct interp *in, const struct expr *e)
{
    struct value *x, *y;
    enum truth any = TRUTH_FALSE, t;
    for (size_t i = 0; i < e->args[1]->n_args; i++) {
        enum status s = eval(&x, in, e->args[0]);
        if (s == STATUS_OK) s = eval(&y, in, e->args[1]->args[i]);
        if (s == STATUS_OK) s = compare_values(&t, in, e, OPER_EQ, x, y);
        if (s != STATUS_OK) return s;
        if (t == TRUTH_TRUE) {
            *out = t;
            return STATUS_OK;
        }
        if (t == TRUTH_UNSETTLED) any = t;
    }
    *out = any;
    return STATUS_OK;
}

/* x in {E : binds where P}: some binding gives it. */
static enum status in_image(enum truth *out, struct interp *in, const struct expr *e)
{
    struct class *c = class_of(in, e->args[1]);
    struct value *x, *y, kept;
    enum truth any = TRUTH_FALSE, t;
    bool more;
    if (!c) return STATUS_MEMORY;
    const struct expr *set = c->e;
    value_init(&kept);
    enum status s = eval(&x, in, e->args[0]);
    if (s == STATUS_OK && !value_copy(&kept, x, in->prec)) s = STATUS_MEMORY;
    if (s == STATUS_OK && !c->walk) s = walk_new(&c->walk, &set->binds, in, in->d);
    if (s == STATUS_OK) walk_restart(c->walk);
    while (s == STATUS_OK && any != TRUTH_TRUE) {
        s = walk_next(&more, c->walk, in->d);
        if (s != STATUS_OK || !more) break;
        enum truth here = TRUTH_TRUE;
        if (set->where) s = eval_truth(&here, in, set->where);
        if (s != STATUS_OK || here == TRUTH_FALSE) continue;
        s = eval(&y, in, set->args[0]);
        if (s == STATUS_OK) s = compare_values(&t, in, e, OPER_EQ, &kept, y);
        if (s != STATUS_OK || t == TRUTH_FALSE) continue;
        any = here == TRUTH_TRUE && t == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNSETTLED;
    }
    value_clear(&kept);
    *out = any;
    return s;
}

static enum status in_rows(enum truth *out, struct interp *in, const struct expr *e)
{
    long x;
    bool known;
    struct value *rows;
    enum status s = eval(&rows, in, e->args[1]->args[0]);
    size_t n = s == STATUS_OK ? rows->shape[0] : 0;
    if (s == STATUS_OK) s = eval_int(&x, &known, in, e->args[0]);
    if (s == STATUS_OK) *out = !known ? TRUTH_UNSETTLED : x >= 0 && (size_t)x < n ? TRUTH_TRUE : TRUTH_FALSE;
    return s;
}

enum status truth_in(enum truth *out, struct interp *in, const struct expr *e)
{
    const struct expr *set = e->args[1];
    struct value *x;
    if (set->form == FORM_CALL && set->function == FUNCTION_ARGMAXES) return in_argmaxes(out, in, e);
    if (set->form == FORM_LIST) return in_list(out, in, e);
    if (set->form == FORM_IMAGE) return in_image(out, in, e);
    if (set->form == FORM_SET_CALL && set->function == FUNCTION_ROWS) return in_rows(out, in, e);
    if (set->form != FORM_RANGE) return interp_fail(in, set, "membership in this set has no rule");
    enum status s = eval(&x, in, e->args[0]);
    return s == STATUS_OK ? in_range(out, in, set, x) : s;
}

/* Left to right; a settled left side hides the right one. */
static enum status connective(enum truth *out, struct interp *in, const struct expr *e)
{
    enum truth a, b;
    enum status s = eval_truth(&a, in, e->args[0]);
    if (s != STATUS_OK) return s;
    enum truth hides = e->oper == OPER_OR ? TRUTH_TRUE : TRUTH_FALSE;
    if (e->oper != OPER_IFF && a == hides) {
        *out = e->oper == OPER_AND ? TRUTH_FALSE : TRUTH_TRUE;
        return STATUS_OK;
    }
    if ((s = eval_truth(&b, in, e->args[1])) != STATUS_OK) return s;
    if (e->oper == OPER_IMPLIES) a = negate(a);
    bool either = a == TRUTH_UNSETTLED || b == TRUTH_UNSETTLED;
    switch (e->oper) {
    case OPER_AND: *out = a == TRUTH_FALSE || b == TRUTH_FALSE ? TRUTH_FALSE : either ? TRUTH_UNSETTLED : TRUTH_TRUE; break;
    case OPER_IFF: *out = either ? TRUTH_UNSETTLED : a == b ? TRUTH_TRUE : TRUTH_FALSE; break;
    default: *out = a == TRUTH_TRUE || b == TRUTH_TRUE ? TRUTH_TRUE : either ? TRUTH_UNSETTLED : TRUTH_FALSE; break;
    }
    return STATUS_OK;
}

static enum status truth_distinct(enum truth *out, struct interp *in, const struct expr *e)
{
    struct value *v;
    enum status s = eval(&v, in, e->args[0]);
    if (s != STATUS_OK) return s;
    *out = v->kind == KIND_UNKNOWN ? TRUTH_UNSETTLED : TRUTH_TRUE;
    if (v->kind == KIND_UNKNOWN) return STATUS_OK;
    if (v->rank != 1) return interp_fail(in, e, "distinct takes a vector");
    for (size_t i = 0; i < v->n; i++)
        for (size_t j = i + 1; j < v->n; j++) {
            int order;
            bool settled;
            compare_entries(&order, &settled, in, v, i, v, j);
            if (settled && order == 0) {
                *out = TRUTH_FALSE;
                return STATUS_OK;
            }
            if (!settled) *out = TRUTH_UNSETTLED;
        }
    return STATUS_OK;
}

static enum status truth_contains(enum truth *out, struct interp *in, const struct expr *e)
{
    struct value *v, *x;
    enum status s = eval(&v, in, e->args[0]);
    if (s == STATUS_OK) s = eval(&x, in, e->args[1]);
    if (s != STATUS_OK) return s;
    *out = TRUTH_UNSETTLED;
    if (v->kind == KIND_UNKNOWN || x->kind == KIND_UNKNOWN) return STATUS_OK;
    if (v->rank != 1 || x->rank != 0) return interp_fail(in, e, "contains takes a vector and a number");
    *out = TRUTH_FALSE;
    for (size_t i = 0; i < v->n; i++) {
        int order;
        bool settled;
        compare_entries(&order, &settled, in, v, i, x, 0);
        if (settled && order == 0) {
            *out = TRUTH_TRUE;
            return STATUS_OK;
        }
        if (!settled) *out = TRUTH_UNSETTLED;
    }
    return STATUS_OK;
}

static enum status truth_of_value(enum truth *out, struct interp *in, const struct expr *e)
{
    struct value *v;
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    *out = TRUTH_UNSETTLED;
    if (v->kind == KIND_TRUTH) *out = v->truth;
    else if (v->kind != KIND_UNKNOWN) return interp_fail(in, e, "not a truth value");
    return STATUS_OK;
}

enum status eval_truth(enum truth *out, struct interp *in, const struct expr *e)
{
    enum status s;
    switch (e->form) {
    case FORM_COMPARE: return truth_compare(out, in, e);
    case FORM_IN: return truth_in(out, in, e);
    case FORM_UNARY:
        s = eval_truth(out, in, e->args[0]);
        if (s == STATUS_OK) *out = negate(*out);
        return s;
    case FORM_BINARY: return connective(out, in, e);
    case FORM_QUANT: return quant_truth(out, in, e);
    case FORM_CALL:
        if (e->function == FUNCTION_DISTINCT) return truth_distinct(out, in, e);
        if (e->function == FUNCTION_CONTAINS) return truth_contains(out, in, e);
        return interp_fail(in, e, "not a truth value");
    default: return truth_of_value(out, in, e);
    }
}
