/* interp_function.c: sums, extrema, norms and transcendental functions of values. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include <math.h>

static enum status unknown(struct value *out)
{
    value_set_unknown(out);
    return STATUS_OK;
}

/* max, min of all entries of an array. */
static enum status extremum(struct value *out, struct interp *in, const struct expr *e, struct value *a, bool min)
{
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH || a->n == 0) return interp_fail(in, e, "nothing to take the %s of", min ? "minimum" : "maximum");
    if (a->kind == KIND_INT) {
        long best = a->ints[0];
        for (size_t i = 1; i < a->n; i++)
            if (min ? a->ints[i] < best : a->ints[i] > best) best = a->ints[i];
        return value_set_int(out, best) ? STATUS_OK : STATUS_MEMORY;
    }
    struct value item;
    value_init(&item);
    enum status s = arith_pick(out, in, a, 0);
    for (size_t i = 1; i < a->n && s == STATUS_OK; i++) {
        s = arith_pick(&item, in, a, i);
        if (s == STATUS_OK) s = arith_max(out, in, out, &item, min);
    }
    value_clear(&item);
    return s;
}

static enum status extremum_call(struct value *out, struct interp *in, const struct expr *e)
{
    bool min = e->function == FUNCTION_MIN;
    struct value *v;
    enum status s = eval(&v, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (e->n_args == 1) return extremum(out, in, e, v, min);
    for (size_t i = 0; i < e->n_args; i++) {
        s = eval(&v, in, e->args[i]);
        if (s != STATUS_OK) return s;
        if (v->kind == KIND_TRUTH || (v->kind != KIND_UNKNOWN && v->rank != 0)) return interp_fail(in, e, "max and min of several arguments compare numbers");
        if (i == 0) s = value_copy(out, v, in->prec) ? STATUS_OK : STATUS_MEMORY;
        else s = arith_max(out, in, out, v, min);
        if (s != STATUS_OK) return s;
    }
    return STATUS_OK;
}

/* First position of the largest or smallest exact entry. */
static enum status position_call(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *v;
    enum status s = eval(&v, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (v->kind == KIND_UNKNOWN) return unknown(out);
    if (v->rank != 1 || v->n == 0 || !value_is_exact(v) || is_strict_argmax(e)) return interp_fail(in, e, "a position of the largest entry is defined for integers only; write i in argmaxes(v)");
    size_t best = 0;
    for (size_t i = 1; i < v->n; i++) {
        int order;
        bool settled;
        compare_entries(&order, &settled, in, v, i, v, best);
        if (e->function == FUNCTION_ARGMIN ? order < 0 : order > 0) best = i;
    }
    return value_set_int(out, (long)best) ? STATUS_OK : STATUS_MEMORY;
}

static enum status sum_entries(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    double *mid, *rad;
    arb_ptr balls;
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH) return interp_fail(in, e, "a sum takes numbers");
    if (a->n == 0) return value_set_int(out, 0) ? STATUS_OK : STATUS_MEMORY;
    struct value item;
    value_init(&item);
    enum status s = STATUS_OK;
    if (value_is_exact(a)) {
        s = arith_pick(out, in, a, 0);
        for (size_t i = 1; i < a->n && s == STATUS_OK; i++) {
            s = arith_pick(&item, in, a, i);
            if (s == STATUS_OK) s = arith(out, in, e, OPER_ADD, out, &item);
        }
        value_clear(&item);
        return s;
    }
    value_clear(&item);
    if (!value_shape(out, 0, NULL) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    struct real sum = {0, 0};
    if (in->prec) arb_zero(balls);
    for (size_t i = 0; i < a->n; i++) {
        if (in->prec) arb_add(balls, balls, a->balls + i, in->prec);
        else sum = real_add(sum, (struct real){a->mid[i], a->rad[i]});
    }
    if (!in->prec) {
        *mid = sum.mid;
        *rad = sum.rad;
    }
    return STATUS_OK;
}

static enum status sum_call(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a, count;
    enum status s = eval(&a, in, e->args[0]);
    if (s != STATUS_OK) return s;
    size_t n = a->n;
    bool whole = a->kind == KIND_REAL && a->rank == 1 && a->origin.col < 0 && is_whole_softmax(in, &a->origin, n);
    s = !whole ? sum_entries(out, in, e, a) : value_set_int(out, 1) ? STATUS_OK : STATUS_MEMORY;
    if (s != STATUS_OK || e->function == FUNCTION_SUM || out->kind == KIND_UNKNOWN) return s;
    if (n == 0) return interp_fail(in, e, "nothing to take the mean of");
    value_init(&count);
    s = value_set_int(&count, (long)n) ? arith(out, in, e, OPER_DIV, out, &count) : STATUS_MEMORY;
    value_clear(&count);
    return s;
}

static enum status abs_entries(struct value *out, struct interp *in, struct value *a)
{
    if (!value_copy(out, a, in->prec)) return STATUS_MEMORY;
    out->origin.site = NULL;
    out->has_real = out->kind == KIND_REAL;
    for (size_t i = 0; i < out->n; i++) {
        if (out->kind == KIND_INT && out->own_ints[i] < 0) out->own_ints[i] = -out->own_ints[i];
        if (out->kind == KIND_EXACT) fmpz_abs(out->num + i, out->num + i);
        if (out->kind != KIND_REAL) continue;
        if (in->prec) {
            arb_abs(out->own_balls + i, out->own_balls + i);
            continue;
        }
        struct real x = real_abs((struct real){out->mid[i], out->rad[i]});
        out->own_doubles[i] = x.mid;
        out->own_doubles[out->n + i] = x.rad;
    }
    return STATUS_OK;
}

static enum status root(struct value *out, struct interp *in, const struct expr *e, struct value *a, bool never_negative)
{
    double *mid, *rad;
    arb_ptr balls;
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH || a->rank != 0 || !value_as_real(a, in->prec)) return interp_fail(in, e, "sqrt takes a number");
    struct real x = in->prec ? (struct real){0, 0} : (struct real){a->mid[0], a->rad[0]};
    arb_t y;
    arb_init(y);
    if (in->prec) arb_set(y, a->balls);
    bool negative = in->prec ? arb_is_negative(y) : x.mid + x.rad < 0;
    bool ok = value_shape(out, 0, NULL) && value_make_real(out, in->prec, &mid, &rad, &balls);
    if (ok && in->prec) {
        if (never_negative) arb_sqrtpos(balls, y, in->prec);
        else arb_sqrt(balls, y, in->prec);
    } else if (ok) {
        x = real_sqrt(x, never_negative);
        *mid = x.mid;
        *rad = x.rad;
    }
    arb_clear(y);
    if (negative) return interp_fail(in, e, "square root of a negative number");
    return ok ? STATUS_OK : STATUS_MEMORY;
}

static enum status exponential(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    double *mid, *rad;
    arb_ptr balls;
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH || a->rank != 0 || !value_as_real(a, in->prec)) return interp_fail(in, e, "exp takes a number");
    if (!value_shape(out, 0, NULL) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    if (in->prec) arb_exp(balls, a->balls, in->prec);
    else kernel_exp(mid, rad, a->mid, a->rad, 1);
    return STATUS_OK;
}

static bool softmax_doubles(double *mid, double *rad, const struct value *a)
{
    double shift = a->mid[0];
    struct real sum = {0, 0};
    double *x = mem_array(a->n, 2 * sizeof *x);
    if (!x) return false;
    for (size_t i = 1; i < a->n; i++)
        if (a->mid[i] > shift) shift = a->mid[i];
    for (size_t i = 0; i < a->n; i++) {
        struct real y = real_sub((struct real){a->mid[i], a->rad[i]}, (struct real){shift, 0});
        x[i] = y.mid;
        x[a->n + i] = y.rad;
    }
    kernel_exp(mid, rad, x, x + a->n, a->n);
    for (size_t i = 0; i < a->n; i++) sum = real_add(sum, (struct real){mid[i], rad[i]});
    for (size_t i = 0; i < a->n; i++) {
        struct real p = real_div((struct real){mid[i], rad[i]}, sum);
        mid[i] = p.mid;
        rad[i] = p.rad;
    }
    free(x);
    return true;
}

static enum status softmax(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    double *mid, *rad;
    arb_ptr balls;
    arb_t sum;
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH || a->rank != 1 || a->n == 0 || !value_as_real(a, in->prec)) return interp_fail(in, e, "softmax takes a vector");
    if (!value_shape(out, 1, &a->n) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    if (!in->prec) return softmax_doubles(mid, rad, a) ? STATUS_OK : STATUS_MEMORY;
    arb_init(sum);
    for (size_t i = 0; i < a->n; i++) {
        arb_exp(balls + i, a->balls + i, in->prec);
        arb_add(sum, sum, balls + i, in->prec);
    }
    for (size_t i = 0; i < a->n; i++) arb_div(balls + i, balls + i, sum, in->prec);
    arb_clear(sum);
    return STATUS_OK;
}

static enum status dot_product(struct value *out, struct interp *in, const struct expr *e, struct value *a, struct value *b)
{
    if (a->kind == KIND_UNKNOWN || b->kind == KIND_UNKNOWN) return unknown(out);
    if (a->kind == KIND_TRUTH || b->kind == KIND_TRUTH || a->rank == 0 || a->rank != b->rank || a->n != b->n) return interp_fail(in, e, "dot takes two arrays of one shape");
    struct value x, y;
    size_t shape[2] = {1, a->n}, turned[2] = {a->n, 1};
    value_init(&x);
    value_init(&y);
    enum status s = STATUS_MEMORY;
    if (value_copy(&x, a, in->prec) && value_copy(&y, b, in->prec)) {
        x.rank = y.rank = 2;
        x.shape[0] = shape[0], x.shape[1] = shape[1];
        y.shape[0] = turned[0], y.shape[1] = turned[1];
        s = array_matmul(out, in, e, &x, &y);
        out->rank = 0;
        value_simplify(out);
    }
    value_clear(&x);
    value_clear(&y);
    return s;
}

enum norm_kind { NORM_INF, NORM_ONE, NORM_TWO, NORM_BAD };

static enum norm_kind norm_of(const struct expr *e)
{
    if (e->form == FORM_NAME && e->name && e->name[0] == 'i') return NORM_INF;
    if (e->form == FORM_KEYWORD && e->name && e->name[0] == 'i') return NORM_INF;
    if (e->form == FORM_STRING && e->name && e->name[0] == 'i') return NORM_INF;
    if (e->form == FORM_NUMBER && mpq_cmp_ui(e->number, 1, 1) == 0) return NORM_ONE;
    if (e->form == FORM_NUMBER && mpq_cmp_ui(e->number, 2, 1) == 0) return NORM_TWO;
    return NORM_BAD;
}

static enum status norm(struct value *out, struct interp *in, const struct expr *e, struct value *a)
{
    struct value x;
    enum norm_kind kind = norm_of(e->args[0]);
    if (a->kind == KIND_UNKNOWN) return unknown(out);
    if (kind == NORM_BAD || a->kind == KIND_TRUTH || a->rank == 0 || a->n == 0) return interp_fail(in, e, "a norm is inf, 1 or 2, of a vector");
    value_init(&x);
    enum status s;
    if (kind == NORM_TWO) {
        s = dot_product(&x, in, e, a, a);
        if (s == STATUS_OK) s = root(out, in, e, &x, true);
    } else {
        s = abs_entries(&x, in, a);
        if (s == STATUS_OK) s = kind == NORM_INF ? extremum(out, in, e, &x, false) : sum_entries(out, in, e, &x);
    }
    value_clear(&x);
    return s;
}

static enum status norm_call(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a, *b, d;
    enum status s = eval(&a, in, e->args[1]);
    if (s != STATUS_OK || e->function == FUNCTION_NORM) return s == STATUS_OK ? norm(out, in, e, a) : s;
    s = eval(&b, in, e->args[2]);
    if (s != STATUS_OK) return s;
    value_init(&d);
    s = arith(&d, in, e, OPER_SUB, a, b);
    if (s == STATUS_OK) s = norm(out, in, e, &d);
    value_clear(&d);
    return s;
}

enum status function_call(struct value *out, struct interp *in, const struct expr *e)
{
    struct value *a, *b;
    enum status s;
    switch (e->function) {
    case FUNCTION_MAX: case FUNCTION_MIN: return extremum_call(out, in, e);
    case FUNCTION_ARGMAX: case FUNCTION_ARGMIN: return position_call(out, in, e);
    case FUNCTION_SUM: case FUNCTION_MEAN: return sum_call(out, in, e);
    case FUNCTION_DIST: case FUNCTION_NORM: return norm_call(out, in, e);
    case FUNCTION_ABS: case FUNCTION_EXP: case FUNCTION_SQRT: case FUNCTION_SOFTMAX: case FUNCTION_DOT: break;
    default: return interp_fail(in, e, "no rule for '%s' as a value", function_table[e->function].name);
    }
    if ((s = eval(&a, in, e->args[0])) != STATUS_OK) return s;
    switch (e->function) {
    case FUNCTION_ABS:
        if (a->kind == KIND_TRUTH) return interp_fail(in, e, "abs takes numbers");
        return abs_entries(out, in, a);
    case FUNCTION_EXP: return exponential(out, in, e, a);
    case FUNCTION_SQRT: return root(out, in, e, a, false);
    case FUNCTION_SOFTMAX: return softmax(out, in, e, a);
    default:
        if ((s = eval(&b, in, e->args[1])) != STATUS_OK) return s;
        return dot_product(out, in, e, a, b);
    }
}
