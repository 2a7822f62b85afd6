/* value.c: buffers, kinds and conversions; double arithmetic with radii. */
#include "verify/value.h"
#include "core/mem.h"
#include <limits.h>
#include <math.h>
#include <string.h>

void value_init(struct value *v) {
    memset(v, 0, sizeof *v);
    fmpz_init(v->den);
    fmpz_one(v->den);
    v->n = 1;
}

void value_clear(struct value *v) {
    if (v->num) _fmpz_vec_clear(v->num, (slong)v->room_num);
    if (v->own_balls) _arb_vec_clear(v->own_balls, (slong)v->room_balls);
    free(v->own_ints);
    free(v->own_doubles);
    fmpz_clear(v->den);
    memset(v, 0, sizeof *v);
}

bool value_shape(struct value *v, size_t rank, const size_t *shape) {
    size_t n = 1;
    if (rank > 3) return false;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] > VALUE_MAX || n * shape[i] > VALUE_MAX) return false;
        n *= shape[i];
    }
    for (size_t i = 0; i < rank; i++) v->shape[i] = shape[i];
    v->rank = rank;
    v->n = n;
    v->has_real = false;
    v->origin.site = NULL;
    return true;
}

long *value_make_ints(struct value *v) {
    if (v->n > v->room_ints || !v->own_ints) {
        long *grown = mem_grow(v->own_ints, &v->room_ints, v->n ? v->n : 1, sizeof *grown);
        if (!grown) return NULL;
        v->own_ints = grown;
    }
    v->kind = KIND_INT;
    v->has_real = false;
    v->ints = v->own_ints;
    return v->own_ints;
}

fmpz *value_make_exact(struct value *v) {
    if (v->n > v->room_num || !v->num) {
        size_t want = v->n > 4 ? v->n : 4;
        fmpz *grown = _fmpz_vec_init((slong)want);
        if (v->num) {
            _fmpz_vec_swap(grown, v->num, (slong)v->room_num);
            _fmpz_vec_clear(v->num, (slong)v->room_num);
        }
        v->num = grown;
        v->room_num = want;
    }
    v->kind = KIND_EXACT;
    v->has_real = false;
    fmpz_one(v->den);
    return v->num;
}

static bool room_real(struct value *v, slong prec) {
    if (prec == 0) {
        if (2 * v->n > v->room_doubles || !v->own_doubles) {
            double *grown = mem_grow(v->own_doubles, &v->room_doubles, v->n ? 2 * v->n : 2, sizeof *grown);
            if (!grown) return false;
            v->own_doubles = grown;
        }
        return true;
    }
    if (v->n > v->room_balls || !v->own_balls) {
        size_t want = v->n ? v->n : 1;
        arb_ptr grown = _arb_vec_init((slong)want);
        for (size_t i = 0; i < v->room_balls; i++) arb_swap(grown + i, v->own_balls + i);
        if (v->own_balls) _arb_vec_clear(v->own_balls, (slong)v->room_balls);
        v->own_balls = grown;
        v->room_balls = want;
    }
    return true;
}

bool value_make_real(struct value *v, slong prec, double **mid, double **rad, arb_ptr *balls) {
    if (!room_real(v, prec)) return false;
    v->kind = KIND_REAL;
    v->has_real = true;
    v->origin.site = NULL;
    v->mid = *mid = v->own_doubles;
    v->rad = *rad = v->own_doubles ? v->own_doubles + v->n : NULL;
    v->balls = *balls = v->own_balls;
    return true;
}

void value_set_truth(struct value *v, enum truth t) {
    v->kind = KIND_TRUTH;
    v->rank = 0;
    v->n = 1;
    v->truth = t;
    v->has_real = false;
    v->origin.site = NULL;
}

void value_set_unknown(struct value *v) {
    v->kind = KIND_UNKNOWN;
    v->rank = 0;
    v->n = 1;
    v->has_real = false;
    v->origin.site = NULL;
}

bool value_set_int(struct value *v, long x) {
    v->rank = 0;
    v->n = 1;
    v->origin.site = NULL;
    long *p = value_make_ints(v);
    if (!p) return false;
    *p = x;
    return true;
}

bool value_set_number(struct value *v, const mpq_t q) {
    if (mpz_cmp_ui(mpq_denref(q), 1) == 0 && mpz_fits_slong_p(mpq_numref(q))) return value_set_int(v, mpz_get_si(mpq_numref(q)));
    v->rank = 0;
    v->n = 1;
    v->origin.site = NULL;
    fmpz *num = value_make_exact(v);
    if (!num) return false;
    fmpz_set_mpz(num, mpq_numref(q));
    fmpz_set_mpz(v->den, mpq_denref(q));
    return true;
}

bool value_copy(struct value *out, const struct value *a, slong prec) {
    if (out == a) return true;
    out->rank = a->rank;
    out->n = a->n;
    memcpy(out->shape, a->shape, sizeof out->shape);
    double *mid, *rad;
    arb_ptr balls;
    switch (a->kind) {
    case KIND_UNKNOWN: value_set_unknown(out); return true;
    case KIND_TRUTH: value_set_truth(out, a->truth); return true;
    case KIND_INT:
        if (!value_make_ints(out)) return false;
        memcpy(out->own_ints, a->ints, a->n * sizeof *a->ints);
        out->origin.site = NULL;
        return true;
    case KIND_EXACT:
        if (!value_make_exact(out)) return false;
        _fmpz_vec_set(out->num, a->num, (slong)a->n);
        fmpz_set(out->den, a->den);
        out->origin.site = NULL;
        return true;
    case KIND_REAL:
        if (!value_make_real(out, prec, &mid, &rad, &balls)) return false;
        if (prec == 0) {
            memcpy(mid, a->mid, a->n * sizeof *mid);
            memcpy(rad, a->rad, a->n * sizeof *rad);
        } else
            for (size_t i = 0; i < a->n; i++) arb_set(balls + i, a->balls + i);
        out->origin = a->origin;
        return true;
    }
    return false;
}

/* One exact entry as a double: mid correctly scaled to about 53 bits, rad a bound of what was cut. */
static void exact_to_double(double *mid, double *rad, const fmpz_t num, const fmpz_t den) {
    arb_t x;
    arb_init(x);
    arb_set_fmpz(x, num);
    arb_div_fmpz(x, x, den, 64);
    ball_to_double(mid, rad, x);
    arb_clear(x);
}

bool value_as_real(struct value *v, slong prec) {
    if (v->kind == KIND_UNKNOWN || v->kind == KIND_TRUTH) return false;
    if (v->has_real) return true;
    if (!room_real(v, prec)) return false;
    double *mid = v->own_doubles, *rad = v->own_doubles ? v->own_doubles + v->n : NULL;
    for (size_t i = 0; i < v->n; i++) {
        if (prec && v->kind == KIND_INT) arb_set_si(v->own_balls + i, v->ints[i]);
        else if (prec) arb_fmpz_div_fmpz(v->own_balls + i, v->num + i, v->den, prec);
        else if (v->kind == KIND_INT) {
            mid[i] = (double)v->ints[i];
            rad[i] = (mid[i] < 0x1p53 && mid[i] > -0x1p53) ? 0 : 0x1p11;
        } else
            exact_to_double(mid + i, rad + i, v->num + i, v->den);
    }
    v->mid = mid;
    v->rad = rad;
    v->balls = v->own_balls;
    v->has_real = true;
    return true;
}

/* n entries from `from` on, to entry `to` of out, whose room is there. */
static void copy_run(struct value *out, size_t to, const struct value *a, size_t from, size_t n, slong prec) {
    if (a->kind == KIND_INT) memcpy(out->own_ints + to, a->ints + from, n * sizeof *a->ints);
    if (a->kind == KIND_EXACT) _fmpz_vec_set(out->num + to, a->num + from, (slong)n);
    if (!a->has_real) return;
    for (size_t i = 0; prec && i < n; i++) arb_set(out->own_balls + to + i, a->balls + from + i);
    if (prec) return;
    memcpy(out->own_doubles + to, a->mid + from, n * sizeof *a->mid);
    memcpy(out->own_doubles + out->n + to, a->rad + from, n * sizeof *a->rad);
}

bool value_box(struct value *out, const struct value *a, const size_t first[3], const size_t count[3], slong prec) {
    size_t d[3] = {1, 1, 1}, at = 0;
    double *mid, *rad;
    arb_ptr balls;
    for (size_t k = 0; k < a->rank; k++) d[k] = a->shape[k];
    if (a->kind == KIND_UNKNOWN || a->kind == KIND_TRUTH) {
        value_set_unknown(out);
        return true;
    }
    if (a->kind == KIND_INT && !value_make_ints(out)) return false;
    if (a->kind == KIND_EXACT) {
        if (!value_make_exact(out)) return false;
        fmpz_set(out->den, a->den);
    }
    if (a->kind == KIND_REAL && !value_make_real(out, prec, &mid, &rad, &balls)) return false;
    if (a->has_real && !room_real(out, prec)) return false;
    for (size_t i = first[0]; i < first[0] + count[0]; i++)
        for (size_t j = first[1]; j < first[1] + count[1]; j++, at += count[2]) copy_run(out, at, a, (i * d[1] + j) * d[2] + first[2], count[2], prec);
    out->has_real = a->has_real;
    out->mid = out->own_doubles;
    out->rad = out->own_doubles ? out->own_doubles + out->n : NULL;
    out->balls = out->own_balls;
    return true;
}

bool value_as_exact(struct value *v) {
    if (v->kind == KIND_EXACT) return true;
    if (v->kind != KIND_INT) return false;
    const long *ints = v->ints;
    fmpz *num = value_make_exact(v);
    if (!num) return false;
    for (size_t i = 0; i < v->n; i++) fmpz_set_si(num + i, ints[i]);
    return true;
}

void value_simplify(struct value *v) {
    if (v->kind != KIND_EXACT || v->rank != 0) return;
    fmpz_t g;
    fmpz_init(g);
    fmpz_gcd(g, v->num, v->den);
    if (!fmpz_is_one(g)) {
        fmpz_divexact(v->num, v->num, g);
        fmpz_divexact(v->den, v->den, g);
    }
    fmpz_clear(g);
    if (fmpz_is_one(v->den) && fmpz_fits_si(v->num)) (void)value_set_int(v, fmpz_get_si(v->num));
}

/* x / x_den of entry i. */
static void entry(fmpz_t x, fmpz_t x_den, const struct value *v, size_t i) {
    if (v->kind == KIND_INT) {
        fmpz_set_si(x, v->ints[i]);
        fmpz_one(x_den);
    } else {
        fmpz_set(x, v->num + i);
        fmpz_set(x_den, v->den);
    }
}

bool value_equal(const struct value *a, const struct value *b) {
    if (a->n != b->n) return false;
    if (a->kind == KIND_INT && b->kind == KIND_INT) return memcmp(a->ints, b->ints, a->n * sizeof *a->ints) == 0;
    fmpz_t x, y, x_den, y_den;
    bool equal = true;
    fmpz_init(x);
    fmpz_init(y);
    fmpz_init(x_den);
    fmpz_init(y_den);
    for (size_t i = 0; i < a->n && equal; i++) {
        entry(x, x_den, a, i);
        entry(y, y_den, b, i);
        fmpz_mul(x, x, y_den);
        fmpz_mul(y, y, x_den);
        equal = fmpz_equal(x, y);
    }
    fmpz_clear(x);
    fmpz_clear(y);
    fmpz_clear(x_den);
    fmpz_clear(y_den);
    return equal;
}

bool value_is_exact(const struct value *v) { return v->kind == KIND_INT || v->kind == KIND_EXACT; }

/* Radii: every line sums a few non-negative terms; GROW covers the roundings of that sum, u |mid| that of mid. */
#define GROW (1 + 0x1p-48)
#define U 0x1p-53
#define ETA 0x1p-1074

struct real real_add(struct real a, struct real b) {
    double m = a.mid + b.mid;
    return (struct real){m, (a.rad + b.rad + fabs(m) * U) * GROW};
}

struct real real_sub(struct real a, struct real b) {
    double m = a.mid - b.mid;
    return (struct real){m, (a.rad + b.rad + fabs(m) * U) * GROW};
}

struct real real_mul(struct real a, struct real b) {
    double m = a.mid * b.mid;
    double r = fabs(a.mid) * b.rad + fabs(b.mid) * a.rad + a.rad * b.rad + fabs(m) * U;
    return (struct real){m, a.rad == 0 && b.rad == 0 && m == 0 && (a.mid == 0 || b.mid == 0) ? 0 : r * GROW + 8 * ETA};
}

/* |a/b - am/bm| <= (ar + |am/bm| br) / (|bm| - br). */
struct real real_div(struct real a, struct real b) {
    double q = a.mid / b.mid, low = (fabs(b.mid) - b.rad) * (1 - 0x1p-48);
    if (!(low > 0x1p-1000)) return (struct real){0, INFINITY};
    double r = (a.rad + (fabs(q) * GROW + 8 * ETA) * b.rad) / low;
    return (struct real){q, (r + fabs(q) * U) * GROW + 8 * ETA};
}

struct real real_abs(struct real a) {
    if (fabs(a.mid) >= a.rad) return (struct real){fabs(a.mid), a.rad};
    double hi = (fabs(a.mid) + a.rad) * GROW; /* the value lies in [0, hi] */
    return (struct real){hi / 2, hi / 2 * GROW + 8 * ETA};
}

/* |sqrt x - sqrt m| = |x - m| / (sqrt x + sqrt m). */
struct real real_sqrt(struct real a, bool never_negative) {
    double low = (a.mid - a.rad) * (1 - 0x1p-48) - 0x1p-1000;
    if (!(low > 0)) {
        if (a.mid == 0 && a.rad == 0) return a;
        if (!never_negative) return (struct real){0, INFINITY};
        double hi = sqrt((fabs(a.mid) + a.rad) * GROW) * GROW + 0x1p-500;
        return (struct real){hi / 2, hi / 2 * GROW};
    }
    double m = sqrt(a.mid);
    return (struct real){m, (a.rad / (sqrt(low) * (1 - 0x1p-48) + m * (1 - 0x1p-48)) + m * U) * GROW + 0x1p-1000};
}
