/* interp_arith.c: arithmetic on values. Integers stay integers while they fit; exact numbers are never rounded. */
#include "verify/interp_parts.h"
#include <limits.h>
#include <math.h>

#define POWER_MAX 4096
#define BITS_MAX 65536

static struct real entry(const struct value *v, size_t i)
{
    return (struct real){v->mid[i], v->rad[i]};
}

static bool int_entry(long *out, enum oper oper, long x, long y)
{
    switch (oper) {
    case OPER_ADD: return !__builtin_add_overflow(x, y, out);
    case OPER_SUB: return !__builtin_sub_overflow(x, y, out);
    case OPER_MUL: return !__builtin_mul_overflow(x, y, out);
    default: return false;
    }
}

/* False: some entry overflows, the exact path takes over. */
static bool int_arith(struct value *out, enum oper oper, const struct value *a, const struct value *b)
{
    if (oper != OPER_ADD && oper != OPER_SUB && oper != OPER_MUL) return false;
    const long *x = a->ints, *y = b->ints;
    bool grow_a = a->rank > 0, grow_b = b->rank > 0;
    size_t n = out->n;
    long probe;
    for (size_t i = 0; i < n; i++)
        if (!int_entry(&probe, oper, x[grow_a ? i : 0], y[grow_b ? i : 0])) return false;
    long *z = value_make_ints(out);
    if (!z) return false;
    for (size_t i = 0; i < n; i++) (void)int_entry(&z[i], oper, x[grow_a ? i : 0], y[grow_b ? i : 0]);
    return true;
}

static enum status modulo(struct value *out, struct interp *in, const struct expr *e, struct value *a, struct value *b)
{
    if (a->kind == KIND_EXACT) value_simplify(a);
    if (b->kind == KIND_EXACT) value_simplify(b);
    if (a->rank || b->rank || a->kind != KIND_INT || b->kind != KIND_INT) return interp_fail(in, e, "'%%' takes two integers");
    if (b->ints[0] <= 0) return interp_fail(in, e, "remainder by %ld, which is not positive", b->ints[0]);
    long r = a->ints[0] % b->ints[0];
    if (r < 0) r += b->ints[0];
    return value_set_int(out, r) ? STATUS_OK : STATUS_MEMORY;
}

/* x / 1 of num[i] / den, scalars broadcast. The result's denominator is common to all entries. */
static enum status exact_sum(struct value *out, struct value *a, struct value *b, bool minus)
{
    fmpz_t x, y, den;
    bool same = fmpz_equal(a->den, b->den);
    size_t step_a = a->rank > 0, step_b = b->rank > 0;
    fmpz_init(x);
    fmpz_init(y);
    fmpz_init(den);
    if (same) fmpz_set(den, a->den);
    else fmpz_mul(den, a->den, b->den);
    fmpz_t scale_a, scale_b;
    fmpz_init_set(scale_a, b->den);
    fmpz_init_set(scale_b, a->den);
    const fmpz *pa = a->num, *pb = b->num;
    fmpz *z = value_make_exact(out);
    for (size_t i = 0; z && i < out->n; i++) {
        const fmpz *p = pa + i * step_a, *q = pb + i * step_b;
        if (same) {
            if (minus) fmpz_sub(z + i, p, q);
            else fmpz_add(z + i, p, q);
            continue;
        }
        fmpz_mul(x, p, scale_a);
        fmpz_mul(y, q, scale_b);
        if (minus) fmpz_sub(z + i, x, y);
        else fmpz_add(z + i, x, y);
    }
    if (z) fmpz_set(out->den, den);
    fmpz_clear(x);
    fmpz_clear(y);
    fmpz_clear(den);
    fmpz_clear(scale_a);
    fmpz_clear(scale_b);
    return z ? STATUS_OK : STATUS_MEMORY;
}

static enum status exact_product(struct value *out, struct value *a, const fmpz_t num, const fmpz_t den)
{
    fmpz_t all;
    fmpz_init(all);
    fmpz_mul(all, a->den, den);
    const fmpz *p = a->num;
    fmpz *z = value_make_exact(out);
    for (size_t i = 0; z && i < out->n; i++) fmpz_mul(z + i, p + i, num);
    if (z) {
        fmpz_set(out->den, all);
        if (fmpz_sgn(out->den) < 0) {
            fmpz_neg(out->den, out->den);
            _fmpz_vec_neg(out->num, out->num, (slong)out->n);
        }
    }
    fmpz_clear(all);
    return z ? STATUS_OK : STATUS_MEMORY;
}

/* What is divided by, where the text says it. */
static const struct expr *divisor(const struct expr *e)
{
    return e->form == FORM_BINARY && e->oper == OPER_DIV ? e->args[1] : e;
}

static enum status exact_arith(struct value *out, struct interp *in, const struct expr *e, enum oper oper, struct value *a, struct value *b)
{
    if (oper == OPER_ADD || oper == OPER_SUB) return exact_sum(out, a, b, oper == OPER_SUB);
    if (oper == OPER_MUL && a->rank > 0 && b->rank > 0) return interp_fail(in, e, "'*' takes a number on one side");
    if (oper == OPER_DIV && fmpz_is_zero(b->num)) return interp_fail(in, divisor(e), "division by zero");
    struct value *array = oper == OPER_MUL && b->rank > 0 ? b : a, *scalar = array == a ? b : a;
    fmpz_t num, den;
    fmpz_init_set(num, oper == OPER_DIV ? scalar->den : scalar->num);
    fmpz_init_set(den, oper == OPER_DIV ? scalar->num : scalar->den);
    enum status s = exact_product(out, array, num, den);
    fmpz_clear(num);
    fmpz_clear(den);
    return s;
}

static enum status exact_power(struct value *out, struct interp *in, const struct expr *e, struct value *a, long k)
{
    unsigned long n = k < 0 ? 0UL - (unsigned long)k : (unsigned long)k;
    if (k < 0 && fmpz_is_zero(a->num)) return interp_fail(in, e, "division by zero: a negative power of 0");
    if ((double)n * (double)(fmpz_bits(a->num) + fmpz_bits(a->den)) > BITS_MAX) return interp_fail(in, e, "power too large");
    fmpz_t num, den;
    fmpz_init(num);
    fmpz_init(den);
    fmpz_pow_ui(num, k < 0 ? a->den : a->num, n);
    fmpz_pow_ui(den, k < 0 ? a->num : a->den, n);
    if (fmpz_sgn(den) < 0) {
        fmpz_neg(num, num);
        fmpz_neg(den, den);
    }
    bool ok = value_make_exact(out) != NULL;
    if (ok) {
        fmpz_swap(out->num, num);
        fmpz_swap(out->den, den);
    }
    fmpz_clear(num);
    fmpz_clear(den);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

static struct real double_power(struct real a, unsigned long n)
{
    struct real p = {1, 0};
    for (; n; n >>= 1) {
        if (n & 1) p = real_mul(p, a);
        a = real_mul(a, a);
    }
    return p;
}

static enum status power(struct value *out, struct interp *in, const struct expr *e, struct value *a, struct value *b)
{
    if (b->kind == KIND_EXACT) value_simplify(b);
    if (a->rank || b->rank || b->kind != KIND_INT || b->ints[0] > POWER_MAX || b->ints[0] < -POWER_MAX)
        return interp_fail(in, e, "a power needs a number and an integer exponent of at most %d", POWER_MAX);
    long k = b->ints[0];
    if (value_is_exact(a)) {
        struct value x;
        value_init(&x);
        enum status s = value_copy(&x, a, in->prec) && value_as_exact(&x) && value_shape(out, 0, NULL) ? exact_power(out, in, e, &x, k) : STATUS_MEMORY;
        if (s == STATUS_OK) value_simplify(out);
        value_clear(&x);
        return s;
    }
    double *mid, *rad;
    arb_ptr balls;
    struct real x = in->prec ? (struct real){0, 0} : entry(a, 0);
    arb_t y;
    arb_init(y);
    if (in->prec) arb_set(y, a->balls);
    unsigned long n = k < 0 ? 0UL - (unsigned long)k : (unsigned long)k;
    bool ok = value_shape(out, 0, NULL) && value_make_real(out, in->prec, &mid, &rad, &balls);
    if (ok && in->prec) {
        arb_pow_ui(balls, y, n, in->prec);
        if (k < 0) arb_inv(balls, balls, in->prec);
    } else if (ok) {
        struct real p = double_power(x, n);
        if (k < 0) p = real_div((struct real){1, 0}, p);
        *mid = p.mid;
        *rad = p.rad;
    }
    arb_clear(y);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

static void ball_entry(arb_t z, enum oper oper, const arb_t x, const arb_t y, slong prec)
{
    if (oper == OPER_ADD) arb_add(z, x, y, prec);
    else if (oper == OPER_SUB) arb_sub(z, x, y, prec);
    else if (oper == OPER_MUL) arb_mul(z, x, y, prec);
    else arb_div(z, x, y, prec);
}

static struct real double_entry(enum oper oper, struct real x, struct real y)
{
    if (oper == OPER_ADD) return real_add(x, y);
    if (oper == OPER_SUB) return real_sub(x, y);
    return oper == OPER_MUL ? real_mul(x, y) : real_div(x, y);
}

static bool is_zero(const struct interp *in, const struct value *b)
{
    return in->prec ? arb_is_zero(b->balls) : b->mid[0] == 0 && b->rad[0] == 0;
}

/* Divisors are scalars (checked by the caller); growing precision ends at 1024 bits, and what may then still be 0 is an error. */
static bool may_be_zero(const struct interp *in, const struct value *b)
{
    return is_zero(in, b) || (in->prec >= 1024 && arb_contains_zero(b->balls));
}

/* One entry of a run, or the same rows of it. */
static bool same_entries(const struct interp *in, const struct value *a, const struct value *b)
{
    if (a->rank != b->rank || a->n != b->n) return false;
    if (a->rank == 0) return same_number(in, &a->origin, a->origin.col, &b->origin, b->origin.col);
    return a->shape[a->rank - 1] == b->shape[b->rank - 1] && same_number(in, &a->origin, 0, &b->origin, 0);
}

static enum status real_arith(struct value *out, struct interp *in, const struct expr *e, enum oper oper, struct value *a, struct value *b)
{
    double *mid, *rad;
    arb_ptr balls;
    if (oper == OPER_MUL && a->rank > 0 && b->rank > 0) return interp_fail(in, e, "'*' takes a number on one side");
    if (!value_as_real(a, in->prec) || !value_as_real(b, in->prec)) return STATUS_MEMORY;
    if (oper == OPER_DIV && may_be_zero(in, b))
        return interp_fail(in, divisor(e), is_zero(in, b) ? "division by zero" : "division by something not proved non-zero: it may be 0 at 1024 bits");
    bool same = oper == OPER_SUB && (a == b || same_entries(in, a, b));
    size_t step_a = a->rank > 0, step_b = b->rank > 0;
    const double *am = a->mid, *ar = a->rad, *bm = b->mid, *br = b->rad;
    arb_srcptr ab = a->balls, bb = b->balls;
    if (!value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < out->n; i++) {
        size_t ia = i * step_a, ib = i * step_b;
        if (in->prec) {
            if (same) arb_zero(balls + i);
            else ball_entry(balls + i, oper, ab + ia, bb + ib, in->prec);
            continue;
        }
        struct real z = same ? (struct real){0, 0} : double_entry(oper, (struct real){am[ia], ar[ia]}, (struct real){bm[ib], br[ib]});
        mid[i] = z.mid;
        rad[i] = z.rad;
    }
    return STATUS_OK;
}

static bool same_shape(const struct value *a, const struct value *b)
{
    if (a->rank != b->rank) return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i]) return false;
    return true;
}

enum status arith(struct value *out, struct interp *in, const struct expr *e, enum oper oper, struct value *a, struct value *b)
{
    if (a->kind == KIND_UNKNOWN || b->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (a->kind == KIND_TRUTH || b->kind == KIND_TRUTH) return interp_fail(in, e, "arithmetic on a truth value");
    if (oper == OPER_MOD) return modulo(out, in, e, a, b);
    if (oper == OPER_POW) return power(out, in, e, a, b);
    if (a->rank > 0 && b->rank > 0 && !same_shape(a, b)) return interp_fail(in, e, "arrays of different shapes");
    if (oper == OPER_DIV && b->rank > 0) return interp_fail(in, e, "division by an array");
    const struct value *shape = a->rank > 0 ? a : b;
    struct origin keep = a->origin;
    bool exact = value_is_exact(a) && value_is_exact(b), has_real = a->has_real;
    if (!value_shape(out, shape->rank, shape->shape)) return interp_fail(in, e, "array too large");
    if (out == a) {
        a->origin = keep;
        a->has_real = has_real;
    }
    if (a->kind == KIND_INT && b->kind == KIND_INT && int_arith(out, oper, a, b)) return STATUS_OK;
    if (!exact) {
        return real_arith(out, in, e, oper, a, b);
    }
    /* Copies: integer operands may be bound sequences, which stay integers. */
    struct value x, y;
    value_init(&x);
    value_init(&y);
    enum status s = STATUS_MEMORY;
    struct value *p = a, *q = b;
    if (a->kind == KIND_INT) p = value_copy(&x, a, in->prec) && value_as_exact(&x) ? &x : NULL;
    if (b->kind == KIND_INT) q = value_copy(&y, b, in->prec) && value_as_exact(&y) ? &y : NULL;
    if (p && q) s = exact_arith(out, in, e, oper, p, q);
    if (s == STATUS_OK) value_simplify(out);
    out->origin.site = NULL;
    value_clear(&x);
    value_clear(&y);
    return s;
}

enum status arith_neg(struct value *out, struct interp *in, struct value *a)
{
    if (!value_copy(out, a, in->prec)) return STATUS_MEMORY;
    out->origin.site = NULL;
    out->has_real = out->kind == KIND_REAL;
    if (out->kind == KIND_INT) {
        for (size_t i = 0; i < out->n; i++)
            if (out->own_ints[i] == LONG_MIN) {
                if (!value_as_exact(out)) return STATUS_MEMORY;
                break;
            }
        if (out->kind == KIND_INT)
            for (size_t i = 0; i < out->n; i++) out->own_ints[i] = -out->own_ints[i];
    }
    if (out->kind == KIND_EXACT) _fmpz_vec_neg(out->num, out->num, (slong)out->n);
    if (out->kind == KIND_REAL && in->prec) _arb_vec_neg(out->own_balls, out->own_balls, (slong)out->n);
    if (out->kind == KIND_REAL && !in->prec)
        for (size_t i = 0; i < out->n; i++) out->own_doubles[i] = -out->own_doubles[i];
    return STATUS_OK;
}

/* Not settled which is larger: the larger of the two lies in the hull taken entry by entry. */
static enum status max_hull(struct value *out, struct interp *in, struct value *a, struct value *b, bool min)
{
    double *mid, *rad;
    arb_ptr balls;
    arb_t x;
    if (!value_as_real(a, in->prec) || !value_as_real(b, in->prec)) return STATUS_MEMORY;
    if (in->prec) {
        arb_init(x);
        if (min) arb_min(x, a->balls, b->balls, in->prec);
        else arb_max(x, a->balls, b->balls, in->prec);
        bool ok = value_make_real(out, in->prec, &mid, &rad, &balls);
        if (ok) arb_swap(balls, x);
        arb_clear(x);
        return ok ? STATUS_OK : STATUS_MEMORY;
    }
    struct real p = entry(a, 0), q = entry(b, 0), z;
    if (min) p.mid = -p.mid, q.mid = -q.mid;
    z = real_max(p, q);
    if (!value_make_real(out, 0, &mid, &rad, &balls)) return STATUS_MEMORY;
    *mid = min ? -z.mid : z.mid;
    *rad = z.rad;
    return STATUS_OK;
}

enum status arith_max(struct value *out, struct interp *in, struct value *a, struct value *b, bool min)
{
    if (a->kind == KIND_UNKNOWN || b->kind == KIND_UNKNOWN) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    int order;
    bool settled;
    compare_entries(&order, &settled, in, a, 0, b, 0);
    if (!settled) return max_hull(out, in, a, b, min);
    const struct value *take = (order >= 0) != min || order == 0 ? a : b;
    return value_copy(out, take, in->prec) ? STATUS_OK : STATUS_MEMORY;
}

static enum status hull_entry(struct value *out, struct interp *in, struct value *a, struct value *b)
{
    double *mid, *rad;
    arb_ptr balls;
    if (!value_shape(out, a->rank, a->shape) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < out->n; i++) {
        if (in->prec) {
            arb_union(balls + i, a->balls + i, b->balls + i, in->prec);
            continue;
        }
        double gap = fabs(a->mid[i] - b->mid[i]) * (1 + 0x1p-50);
        mid[i] = a->mid[i];
        rad[i] = (gap + a->rad[i] + b->rad[i]) * (1 + 0x1p-50);
    }
    return STATUS_OK;
}

enum status arith_hull(struct value *out, struct interp *in, struct value *a, struct value *b)
{
    bool numbers = (a->kind == KIND_REAL || value_is_exact(a)) && (b->kind == KIND_REAL || value_is_exact(b));
    if (a->kind == KIND_TRUTH && b->kind == KIND_TRUTH) {
        value_set_truth(out, a->truth == b->truth ? a->truth : TRUTH_UNSETTLED);
        return STATUS_OK;
    }
    /* Integers that differ have no enclosure as integers: what is built on them waits for a settled condition. */
    bool ints = a->kind == KIND_INT && b->kind == KIND_INT;
    if (ints && a->rank == 0 && b->rank == 0 && a->ints[0] == b->ints[0]) return value_copy(out, a, in->prec) ? STATUS_OK : STATUS_MEMORY;
    if (!numbers || ints || !same_shape(a, b)) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (!value_as_real(a, in->prec) || !value_as_real(b, in->prec)) return STATUS_MEMORY;
    return hull_entry(out, in, a, b);
}

enum status arith_pick(struct value *out, struct interp *in, const struct value *a, size_t i)
{
    double *mid, *rad;
    arb_ptr balls;
    value_shape(out, 0, NULL);
    switch (a->kind) {
    case KIND_INT: return value_set_int(out, a->ints[i]) ? STATUS_OK : STATUS_MEMORY;
    case KIND_EXACT:
        if (!value_make_exact(out)) return STATUS_MEMORY;
        fmpz_set(out->num, a->num + i);
        fmpz_set(out->den, a->den);
        return STATUS_OK;
    case KIND_REAL:
        if (!value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
        if (in->prec) arb_set(balls, a->balls + i);
        else {
            *mid = a->mid[i];
            *rad = a->rad[i];
        }
        out->origin = a->origin;
        if (a->rank == 1) out->origin.col = (long)i;
        else if (a->rank != 0) out->origin.site = NULL;
        return STATUS_OK;
    default:
        value_set_unknown(out);
        return STATUS_OK;
    }
}
