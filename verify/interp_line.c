/* interp_line.c: bilinear networks along a line and on average, exactly: distance, flip, changes. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/interp_parts.h"
#include "verify/quadratic.h"
#include "verify/radius.h"

static enum status outputs_of(const struct outputs **o, struct interp *in, const struct expr *e, const struct expr *name)
{
    const struct model *model = statement_model(in->s, name->name);
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    return radii_outputs(o, in->s->radii, name->name, &model->net, -1, false);
}

/* ---- distance ---- */

/* Coefficient `at` of output k of a, less that of b. */
static void difference(fmpq_t out, const struct outputs *a, const struct outputs *b, size_t k, size_t at)
{
    fmpq_t t;
    fmpq_init(t);
    fmpz_set(fmpq_numref(out), a->c + k * a->each + at);
    fmpz_one(fmpq_denref(out));
    fmpq_div_2exp(out, out, a->scale);
    fmpz_set(fmpq_numref(t), b->c + k * b->each + at);
    fmpq_div_2exp(t, t, b->scale);
    fmpq_sub(out, out, t);
    fmpq_clear(t);
}

/* Mean square of x'Ax + g'x + c (docs/methods.md): Gaussian 2 tr A^2 + (tr A)^2 + |g|^2 + 2 c tr A + c^2, on the sphere the parts of degree four over n (n + 2), of two over n. */
static void mean_square(fmpq_t out, const struct outputs *a, const struct outputs *b, size_t k, bool sphere)
{
    size_t n = a->n;
    fmpq_t x, c, four, two, trace;
    fmpq_init(x), fmpq_init(c), fmpq_init(four), fmpq_init(two), fmpq_init(trace);
    difference(c, a, b, k, 0);
    for (size_t i = 1; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            difference(x, a, b, k, monomial(n, i, j));
            if (i == j) fmpq_add(trace, trace, x);
            fmpq_mul(x, x, x);
            if (i == j) fmpq_add(x, x, x);
            fmpq_add(four, four, x);            /* 2 tr A^2: of 2 A_ij^2 counted twice beside the diagonal, where the coefficient is 2 A_ij */
        }
    fmpq_addmul(four, trace, trace);
    for (size_t i = 1; i <= n; i++) {
        difference(x, a, b, k, monomial(n, 0, i));
        fmpq_addmul(two, x, x);
    }
    fmpq_mul(x, c, trace);
    fmpq_add(two, two, x);
    fmpq_add(two, two, x);
    if (sphere) {
        fmpz_t f;
        fmpz_init_set_ui(f, n);
        fmpq_div_fmpz(two, two, f);
        fmpz_mul_ui(f, f, n + 2);
        fmpq_div_fmpz(four, four, f);
        fmpz_clear(f);
    }
    fmpq_add(out, four, two);
    fmpq_addmul(out, c, c);
    fmpq_clear(x), fmpq_clear(c), fmpq_clear(four), fmpq_clear(two), fmpq_clear(trace);
}

enum status distance_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct outputs *a = NULL, *b = NULL;
    enum status s = outputs_of(&a, in, e, e->args[0]);
    if (s == STATUS_OK) s = outputs_of(&b, in, e, e->args[1]);
    if (s == STATUS_OK) s = outputs_of(&a, in, e, e->args[0]);      /* the store may have moved */
    if (s != STATUS_OK) return s;
    if (a->n != b->n || a->width != b->width) return interp_fail(in, e, "distance is of two networks with as many inputs and outputs");
    fmpz *num = value_shape(out, 1, &a->width) ? value_make_exact(out) : NULL;
    if (!num) return STATUS_MEMORY;
    fmpq *v = _fmpq_vec_init((slong)a->width);
    fmpz_one(out->den);
    for (size_t k = 0; k < a->width; k++) {
        mean_square(v + k, a, b, k, strcmp(e->args[2]->name, "sphere") == 0);
        fmpz_lcm(out->den, out->den, fmpq_denref(v + k));
    }
    for (size_t k = 0; k < a->width; k++) {
        fmpz_divexact(num + k, out->den, fmpq_denref(v + k));
        fmpz_mul(num + k, num + k, fmpq_numref(v + k));
    }
    _fmpq_vec_clear(v, (slong)a->width);
    return STATUS_OK;
}

/* ---- along a line ---- */

/* p + sign sqrt(r); r > 0 unless sign is 0 */
struct root { fmpq p, r; int sign; };

static void root_init(struct root *x) { fmpq_init(&x->p), fmpq_init(&x->r), x->sign = 0; }
static void root_clear(struct root *x) { fmpq_clear(&x->p), fmpq_clear(&x->r); }

static void root_copy(struct root *to, const struct root *from)
{
    fmpq_set(&to->p, &from->p);
    fmpq_set(&to->r, &from->r);
    to->sign = from->sign;
}

/* Sign of e + k sqrt(r), r >= 0. */
static int sign_sum(const fmpq_t e, const fmpq_t k, const fmpq_t r)
{
    int a = fmpq_sgn(e), b = fmpq_is_zero(r) ? 0 : fmpq_sgn(k);
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    fmpq_t x, y;
    fmpq_init(x), fmpq_init(y);
    fmpq_mul(x, e, e);
    fmpq_mul(y, k, k);
    fmpq_mul(y, y, r);
    int order = fmpq_cmp(x, y);
    fmpq_clear(x), fmpq_clear(y);
    return order == 0 ? 0 : order > 0 ? a : b;
}

/* Exactly: p1 + s1 sqrt(r1) against p2 + s2 sqrt(r2). */
static int compare(const struct root *x, const struct root *y)
{
    fmpq_t d, k, t;
    fmpq_init(d), fmpq_init(k), fmpq_init(t);
    fmpq_sub(d, &x->p, &y->p);
    fmpq_set_si(k, x->sign, 1);
    int left = sign_sum(d, k, &x->r), order;
    if (left != y->sign) order = left < y->sign ? -1 : 1;
    else if (left == 0) order = 0;
    else {                       /* of one sign: the squares decide */
        fmpq_mul(t, d, d);
        fmpq_add(t, t, &x->r);
        fmpq_sub(t, t, &y->r);
        fmpq_mul(k, k, d);
        fmpq_add(k, k, k);
        order = left * sign_sum(t, k, &x->r);
    }
    fmpq_clear(d), fmpq_clear(k), fmpq_clear(t);
    return order;
}

static int by_value(const void *a, const void *b) { return compare(a, b); }

/* The roots of q[0] + q[1] s + q[2] s^2, which is not 0: 0 to 2 of them. */
static int roots_of(struct root out[2], const fmpq *q)
{
    fmpq_t t;
    int n = 0;
    if (fmpq_is_zero(q + 2) && fmpq_is_zero(q + 1)) return 0;
    fmpq_init(t);
    if (fmpq_is_zero(q + 2)) {
        fmpq_div(&out[0].p, q, q + 1);
        fmpq_neg(&out[0].p, &out[0].p);
        out[0].sign = 0;
        fmpq_zero(&out[0].r);
        n = 1;
    } else {
        fmpq_div(&out[0].p, q + 1, q + 2);
        fmpq_div_2exp(&out[0].p, &out[0].p, 1);
        fmpq_neg(&out[0].p, &out[0].p);
        fmpq_mul(&out[0].r, &out[0].p, &out[0].p);
        fmpq_div(t, q, q + 2);
        fmpq_sub(&out[0].r, &out[0].r, t);
        n = fmpq_sgn(&out[0].r) < 0 ? 0 : fmpq_is_zero(&out[0].r) ? 1 : 2;
        out[0].sign = n == 2 ? -1 : 0;
        if (n == 2) root_copy(&out[1], &out[0]), out[1].sign = 1;
    }
    fmpq_clear(t);
    return n;
}

/* Numbers below and above it, within 2^-bits of each other. */
static void enclose(fmpq_t lo, fmpq_t hi, const struct root *x, ulong bits)
{
    fmpz_t f;
    fmpz_init(f);
    fmpz_mul(f, fmpq_numref(&x->r), fmpq_denref(&x->r));
    fmpz_mul_2exp(f, f, 2 * bits);
    fmpz_sqrt(f, f);             /* sqrt(r) = sqrt(n d) / d */
    if (x->sign < 0) fmpz_neg(f, f), fmpz_sub_ui(f, f, 1);
    if (x->sign == 0) fmpz_zero(f);
    fmpq_set_fmpz_frac(lo, f, fmpq_denref(&x->r));
    if (x->sign != 0) fmpz_add_ui(f, f, 1);
    fmpq_set_fmpz_frac(hi, f, fmpq_denref(&x->r));
    fmpq_div_2exp(lo, lo, bits);
    fmpq_div_2exp(hi, hi, bits);
    fmpq_add(lo, lo, &x->p);
    fmpq_add(hi, hi, &x->p);
    fmpz_clear(f);
}

/* The outputs at x + s v: three coefficients each. */
static fmpq *on_line(const struct outputs *o, const fmpq *x, const fmpq *v)
{
    fmpq *q = _fmpq_vec_init((slong)(3 * o->width));
    fmpq_t one, t, c;
    fmpq_init(one), fmpq_init(t), fmpq_init(c);
    fmpq_one(one);
    for (size_t i = 0; i <= o->n; i++)
        for (size_t j = i; j <= o->n; j++) {
            const fmpq *a = i ? x + i - 1 : one, *b = j ? x + j - 1 : one;
            fmpq p[3];
            for (int m = 0; m < 3; m++) fmpq_init(p + m);
            fmpq_mul(p, a, b);
            if (j) fmpq_mul(p + 1, a, v + j - 1);
            if (i) fmpq_addmul(p + 1, v + i - 1, b);
            if (i) fmpq_mul(p + 2, v + i - 1, v + j - 1);
            for (size_t k = 0; k < o->width; k++) {
                fmpz_set(fmpq_numref(c), o->c + k * o->each + monomial(o->n, i, j));
                fmpz_one(fmpq_denref(c));
                if (fmpz_is_zero(fmpq_numref(c))) continue;
                for (int m = 0; m < 3; m++) fmpq_addmul(q + 3 * k + (size_t)m, c, p + m);
            }
            for (int m = 0; m < 3; m++) fmpq_clear(p + m);
        }
    for (size_t k = 0; k < 3 * o->width; k++) fmpq_div_2exp(q + k, q + k, o->scale);
    fmpq_clear(one), fmpq_clear(t), fmpq_clear(c);
    return q;
}

static void value_at(fmpq_t out, const fmpq *q, const fmpq_t s)
{
    fmpq_mul(out, q + 2, s);
    fmpq_add(out, out, q + 1);
    fmpq_mul(out, out, s);
    fmpq_add(out, out, q);
}

static void minus(fmpq *d, const fmpq *a, const fmpq *b)
{
    for (int m = 0; m < 3; m++) fmpq_sub(d + m, a + m, b + m);
}

/* set[k]: output k is one of the largest at s */
static void largest_at(bool *set, const fmpq *q, size_t width, const fmpq_t s)
{
    fmpq *y = _fmpq_vec_init((slong)width), *best = y;
    for (size_t k = 0; k < width; k++) {
        value_at(y + k, q + 3 * k, s);
        if (fmpq_cmp(y + k, best) > 0) best = y + k;
    }
    for (size_t k = 0; k < width; k++) set[k] = fmpq_equal(y + k, best);
    _fmpq_vec_clear(y, (slong)width);
}

/* Points of (0, 1) at which the set of the largest outputs before is not that after. */
static enum status count_changes(long *out, const fmpq *q, size_t width)
{
    size_t room = width * width + 2, n = 0, distinct = 0;
    struct root *roots = mem_array(room, sizeof *roots), zero, two[2];
    bool *before = mem_array(width, sizeof *before), *now = mem_array(width, sizeof *now);
    fmpq *d = _fmpq_vec_init(3);
    fmpq_t lo, hi, next_lo, next_hi;
    fmpq_init(lo), fmpq_init(hi), fmpq_init(next_lo), fmpq_init(next_hi);
    root_init(&zero), root_init(&two[0]), root_init(&two[1]);
    bool good = roots && before && now;
    *out = 0;
    for (size_t i = 0; good && i < room; i++) root_init(&roots[i]);
    if (good) fmpq_one(&roots[n++].p);                      /* the end of the segment */
    for (size_t i = 0; good && i < width; i++)
        for (size_t j = 0; j < i; j++) {
            minus(d, q + 3 * i, q + 3 * j);
            int some = roots_of(two, d);
            for (int m = 0; m < some; m++)
                if (compare(&two[m], &zero) > 0 && compare(&two[m], &roots[0]) < 0) root_copy(&roots[n++], &two[m]);
        }
    if (good) qsort(roots, n, sizeof *roots, by_value);
    for (size_t i = 0; good && i < n; i++) {                /* one sample before each distinct one, the end among them */
        if (i > 0 && compare(&roots[i], &roots[i - 1]) == 0) continue;
        const struct root *last = i > 0 ? &roots[i - 1] : &zero;
        for (ulong bits = 16;; bits *= 2) {
            enclose(lo, hi, last, bits);
            enclose(next_lo, next_hi, &roots[i], bits);
            if (fmpq_cmp(hi, next_lo) < 0) break;
        }
        fmpq_add(hi, hi, next_lo);
        fmpq_div_2exp(hi, hi, 1);
        largest_at(now, q, width, hi);
        if (distinct++ > 0 && memcmp(before, now, width * sizeof *now) != 0) ++*out;
        memcpy(before, now, width * sizeof *now);
    }
    for (size_t i = 0; roots && good && i < room; i++) root_clear(&roots[i]);
    root_clear(&zero), root_clear(&two[0]), root_clear(&two[1]);
    fmpq_clear(lo), fmpq_clear(hi), fmpq_clear(next_lo), fmpq_clear(next_hi);
    _fmpq_vec_clear(d, 3);
    free(roots), free(before), free(now);
    return good ? STATUS_OK : STATUS_MEMORY;
}

/* The least s >= 0 at which another output is as large as the answer at s = 0; false: none. */
static bool first_flip(struct root *best, const fmpq *q, size_t width)
{
    struct root zero, two[2];
    size_t answer = 0;
    bool found = false;
    fmpq *d = _fmpq_vec_init(3);
    root_init(&zero), root_init(&two[0]), root_init(&two[1]);
    for (size_t k = 1; k < width; k++)
        if (fmpq_cmp(q + 3 * k, q + 3 * answer) > 0) answer = k;
    for (size_t k = 0; k < width; k++) {
        if (k == answer) continue;
        minus(d, q + 3 * answer, q + 3 * k);
        bool always = fmpq_is_zero(d) && fmpq_is_zero(d + 1) && fmpq_is_zero(d + 2);
        int n = always ? 1 : roots_of(two, d);
        if (always) root_copy(&two[0], &zero);
        for (int m = 0; m < n; m++) {
            if (compare(&two[m], &zero) < 0 || (found && compare(&two[m], best) >= 0)) continue;
            root_copy(best, &two[m]);
            found = true;
        }
    }
    root_clear(&zero), root_clear(&two[0]), root_clear(&two[1]);
    _fmpq_vec_clear(d, 3);
    return found;
}

static enum status set_flip(struct value *out, struct interp *in, const fmpq *q, size_t width)
{
    struct root x;
    double *mid, *rad;
    arb_ptr balls;
    arb_t y;
    slong prec = in->prec ? in->prec : 128;
    root_init(&x);
    arb_init(y);
    bool some = first_flip(&x, q, width);
    if (some && x.sign) {
        arb_set_fmpq(y, &x.r, prec + 20);
        arb_sqrt(y, y, prec + 20);
        if (x.sign < 0) arb_neg(y, y);
    }
    if (some) {
        arb_t p;
        arb_init(p);
        arb_set_fmpq(p, &x.p, prec + 20);
        arb_add(y, y, p, prec);
        arb_clear(p);
    }
    arb_t cap;
    arb_init(cap);
    arb_one(cap);
    arb_mul_2exp_si(cap, cap, 64);
    if (some) arb_min(y, y, cap, prec);
    else arb_set(y, cap);
    enum status s = value_shape(out, 0, NULL) && value_make_real(out, in->prec, &mid, &rad, &balls) ? STATUS_OK : STATUS_MEMORY;
    if (s == STATUS_OK && in->prec) arb_set(balls, y);
    else if (s == STATUS_OK) ball_to_double(mid, rad, y);
    arb_clear(cap);
    arb_clear(y);
    root_clear(&x);
    return s;
}

static enum status exact_vector(fmpq **out, size_t n, struct interp *in, const struct expr *e)
{
    size_t size = 0;
    bool scalar = false;
    enum status s = interp_exact(out, &size, &scalar, in, e, in->d);
    return s == STATUS_UNSUPPORTED || (s == STATUS_OK && (scalar || size != n)) ? interp_fail(in, e, "a vector of %zu exact numbers was expected", n) : s;
}

/* flip(N, x, v), changes(N, x, y) */
enum status line_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct outputs *o = NULL;
    fmpq *x = NULL, *v = NULL;
    long changes = 0;
    enum status s = outputs_of(&o, in, e, e->args[0]);
    size_t n = s == STATUS_OK ? o->n : 0;
    if (s == STATUS_OK) s = exact_vector(&x, n, in, e->args[1]);
    if (s == STATUS_OK) s = exact_vector(&v, n, in, e->args[2]);
    if (s == STATUS_OK) s = outputs_of(&o, in, e, e->args[0]);
    if (s == STATUS_OK) {
        for (size_t i = 0; e->function == FUNCTION_CHANGES && i < n; i++) fmpq_sub(v + i, v + i, x + i);
        fmpq *q = on_line(o, x, v);
        if (e->function == FUNCTION_FLIP) s = set_flip(out, in, q, o->width);
        else s = count_changes(&changes, q, o->width);
        if (s == STATUS_OK && e->function == FUNCTION_CHANGES) s = value_set_int(out, changes) ? STATUS_OK : STATUS_MEMORY;
        _fmpq_vec_clear(q, (slong)(3 * o->width));
    }
    if (x) _fmpq_vec_clear(x, (slong)n);
    if (v) _fmpq_vec_clear(v, (slong)n);
    return s;
}
