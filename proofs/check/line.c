/* distance, flip, changes (STATEMENT.md §3): networks that are polynomials of degree two on average, and along a line, exactly. */
#include "bases.h"
#include "eval.h"
#include "quadratic.h"
#include "vector.h"
#include <stdlib.h>
#include <string.h>

/* The polynomials of the outputs; kept by form.c. */
static const struct rowpoly *outputs_of(struct eval *e, const struct ex *x, size_t *n) {
    if (x->kind != EX_MODEL || e->s->models[x->number].net == NULL) {
        eval_fail(e, "a network of the statement was expected");
        return NULL;
    }
    *n = e->s->models[x->number].net->in_width;
    return eval_polynomials(e, x->number, -1, false);
}

/* ---- distance ---- */

static void coefficient(mpq_t out, const struct rowpoly *p, size_t k, size_t at) {
    mpq_set_z(out, p->c[k * p->each + at]);
    mpq_div_2exp(out, out, p->scale);
}

/* The differences of the coefficients of output k; owned. */
static mpq_t *difference(const struct rowpoly *a, const struct rowpoly *b, size_t k) {
    mpq_t *d = vector_new(a->each), t;
    mpq_init(t);
    for (size_t i = 0; i < a->each; i++) {
        coefficient(d[i], a, k, i);
        coefficient(t, b, k, i);
        mpq_sub(d[i], d[i], t);
    }
    mpq_clear(t);
    return d;
}

/* Of x'Ax + g'x + c: quartic = 2 tr A^2 + (tr A)^2, square = |g|^2 + 2 c tr A. A mean is quartic + square + c^2, on the sphere quartic / (n (n + 2)) + square / n + c^2. */
static void mean_square(mpq_t out, const mpq_t *d, size_t n, bool sphere) {
    mpq_t quartic, square, trace, t;
    mpq_inits(quartic, square, trace, t, NULL);
    for (size_t i = 1; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            const mpq_t *x = &d[monomial(n, i, j)]; /* A_ii, or 2 A_ij */
            mpq_mul(t, *x, *x);
            if (i == j) {
                mpq_add(trace, trace, *x);
                mpq_add(quartic, quartic, t);
            }
            mpq_add(quartic, quartic, t);
        }
    mpq_mul(t, trace, trace);
    mpq_add(quartic, quartic, t);
    mpq_mul(t, trace, d[0]);
    mpq_add(square, square, t);
    mpq_add(square, square, t);
    for (size_t i = 1; i <= n; i++) {
        mpq_mul(t, d[monomial(n, 0, i)], d[monomial(n, 0, i)]);
        mpq_add(square, square, t);
    }
    if (sphere) {
        mpq_set_ui(t, n, 1);
        mpq_div(square, square, t);
        mpq_div(quartic, quartic, t);
        mpq_set_ui(t, n + 2, 1);
        mpq_div(quartic, quartic, t);
    }
    mpq_mul(t, d[0], d[0]);
    mpq_add(out, quartic, square);
    mpq_add(out, out, t);
    mpq_clears(quartic, square, trace, t, NULL);
}

bool eval_distance(struct eval *e, const struct ex *x, struct val *out) {
    size_t n = 0, m = 0;
    bool sphere = x->k[2]->kind == EX_STRING && strcmp(x->k[2]->name, "sphere") == 0;
    if (!sphere && (x->k[2]->kind != EX_STRING || strcmp(x->k[2]->name, "gaussian") != 0)) return eval_fail(e, "distance takes \"gaussian\" or \"sphere\"");
    const struct rowpoly *a = outputs_of(e, x->k[0], &n), *b = a != NULL ? outputs_of(e, x->k[1], &m) : NULL;
    if (a == NULL || b == NULL || (a = outputs_of(e, x->k[0], &n)) == NULL) return false;
    if (a == b && x->k[0]->number != x->k[1]->number) return eval_fail(e, "distance: too many networks"); /* one took the other's place */
    if (n != m || a->width != b->width) return eval_fail(e, "distance is of networks of one shape");
    val_array(e, out, 1, (uint32_t)a->width, 0, 0);
    mpq_t v;
    mpq_init(v);
    for (size_t k = 0; k < a->width; k++) {
        mpq_t *d = difference(a, b, k);
        mean_square(v, (const mpq_t *)d, n, sphere);
        num_set_mpq(&out->x[k], v);
        out->x[k].kind = K_RAT;
        vector_free(d, a->each);
    }
    mpq_clear(v);
    return true;
}

/* ---- along a line ---- */

/* p + sign sqrt(r), r > 0 unless sign is 0 */
struct root { mpq_t p, r; int sign; };

static void root_init(struct root *x) {
    mpq_inits(x->p, x->r, NULL);
    x->sign = 0;
}

static void root_clear(struct root *x) { mpq_clears(x->p, x->r, NULL); }

static void root_set(struct root *to, const struct root *from) {
    mpq_set(to->p, from->p);
    mpq_set(to->r, from->r);
    to->sign = from->sign;
}

/* sign of e + k sqrt(r) */
static int sign_sum(const mpq_t e, const mpq_t k, const mpq_t r) {
    int a = mpq_sgn(e), b = mpq_sgn(r) == 0 ? 0 : mpq_sgn(k);
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    mpq_t x, y;
    mpq_inits(x, y, NULL);
    mpq_mul(x, e, e);
    mpq_mul(y, k, k);
    mpq_mul(y, y, r);
    int order = mpq_cmp(x, y);
    mpq_clears(x, y, NULL);
    return order == 0 ? 0 : order > 0 ? a : b;
}

static int compare(const void *a, const void *b) {
    const struct root *x = a, *y = b;
    mpq_t d, k, t;
    mpq_inits(d, k, t, NULL);
    mpq_sub(d, x->p, y->p);
    mpq_set_si(k, x->sign, 1);
    int left = sign_sum(d, k, x->r), order = 0; /* of x - p of y, against sign sqrt(r) of y */
    if (left != y->sign) order = left < y->sign ? -1 : 1;
    else if (left != 0) {
        mpq_mul(t, d, d);
        mpq_add(t, t, x->r);
        mpq_sub(t, t, y->r);
        mpq_mul(k, k, d);
        mpq_add(k, k, k);
        order = left * sign_sum(t, k, x->r);
    }
    mpq_clears(d, k, t, NULL);
    return order;
}

/* roots of q[0] + q[1] s + q[2] s^2, which is not 0 everywhere */
static int roots_of(struct root out[2], const mpq_t *q) {
    int n = 0;
    out[0].sign = out[1].sign = 0;
    mpq_set_ui(out[0].r, 0, 1);
    if (mpq_sgn(q[2]) == 0 && mpq_sgn(q[1]) == 0) return 0;
    if (mpq_sgn(q[2]) == 0) {
        mpq_div(out[0].p, q[0], q[1]);
        mpq_neg(out[0].p, out[0].p);
        return 1;
    }
    mpq_t t;
    mpq_init(t);
    mpq_div(out[0].p, q[1], q[2]);
    mpq_div_2exp(out[0].p, out[0].p, 1);
    mpq_neg(out[0].p, out[0].p);
    mpq_mul(out[0].r, out[0].p, out[0].p);
    mpq_div(t, q[0], q[2]);
    mpq_sub(out[0].r, out[0].r, t);
    mpq_clear(t);
    n = mpq_sgn(out[0].r) < 0 ? 0 : mpq_sgn(out[0].r) == 0 ? 1 : 2;
    if (n == 2) {
        out[0].sign = -1;
        root_set(&out[1], &out[0]);
        out[1].sign = 1;
    }
    return n;
}

/* lo <= x <= hi, hi - lo <= 2^-bits */
static void enclose(mpq_t lo, mpq_t hi, const struct root *x, unsigned long bits) {
    mpz_t f;
    mpz_init(f);
    if (x->sign != 0) {
        mpz_mul(f, mpq_numref(x->r), mpq_denref(x->r));
        mpz_mul_2exp(f, f, 2 * bits);
        mpz_sqrt(f, f);
        if (x->sign < 0) {
            mpz_neg(f, f);
            mpz_sub_ui(f, f, 1);
        }
    }
    mpq_set_num(lo, f);
    if (x->sign != 0) mpz_add_ui(f, f, 1);
    mpq_set_num(hi, f);
    for (int k = 0; k < 2; k++) {
        mpq_ptr end = k == 0 ? lo : hi;
        mpz_set(mpq_denref(end), mpq_denref(x->r));
        mpq_canonicalize(end);
        mpq_div_2exp(end, end, bits);
        mpq_add(end, end, x->p);
    }
    mpz_clear(f);
}

/* the outputs at x + s v, three coefficients each */
static mpq_t *on_line(const struct rowpoly *o, size_t n, const mpq_t *x, const mpq_t *v) {
    mpq_t *q = vector_new(3 * o->width), one, zero, c, p[3];
    mpq_inits(one, zero, c, p[0], p[1], p[2], NULL);
    mpq_set_ui(one, 1, 1);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            mpq_srcptr a = i > 0 ? x[i - 1] : one, b = j > 0 ? x[j - 1] : one, da = i > 0 ? v[i - 1] : zero, db = j > 0 ? v[j - 1] : zero;
            mpq_mul(p[0], a, b);
            mpq_mul(p[1], a, db);
            mpq_mul(p[2], da, b);
            mpq_add(p[1], p[1], p[2]);
            mpq_mul(p[2], da, db);
            for (size_t k = 0; k < o->width; k++)
                for (size_t m = 0; m < 3; m++) {
                    coefficient(c, o, k, monomial(n, i, j));
                    mpq_mul(c, c, p[m]);
                    mpq_add(q[3 * k + m], q[3 * k + m], c);
                }
        }
    mpq_clears(one, zero, c, p[0], p[1], p[2], NULL);
    return q;
}

static void minus(mpq_t *d, const mpq_t *a, const mpq_t *b) {
    for (int m = 0; m < 3; m++) mpq_sub(d[m], a[m], b[m]);
}

/* set[k]: output k is one of the largest at s */
static void largest_at(bool *set, const mpq_t *q, size_t width, const mpq_t s) {
    mpq_t *y = vector_new(width);
    size_t best = 0;
    for (size_t k = 0; k < width; k++) {
        mpq_mul(y[k], q[3 * k + 2], s);
        mpq_add(y[k], y[k], q[3 * k + 1]);
        mpq_mul(y[k], y[k], s);
        mpq_add(y[k], y[k], q[3 * k]);
        if (mpq_cmp(y[k], y[best]) > 0) best = k;
    }
    for (size_t k = 0; k < width; k++) set[k] = mpq_equal(y[k], y[best]) != 0;
    vector_free(y, width);
}

/* a rational between two roots, the first below the second */
static void between(mpq_t out, const struct root *a, const struct root *b) {
    mpq_t lo, hi;
    mpq_inits(lo, hi, NULL);
    for (unsigned long bits = 16; ; bits *= 2) {
        enclose(lo, out, a, bits);
        enclose(lo, hi, b, bits);
        if (mpq_cmp(out, lo) < 0) break;
    }
    mpq_add(out, out, lo);
    mpq_div_2exp(out, out, 1);
    mpq_clears(lo, hi, NULL);
}

static int64_t count_changes(const mpq_t *q, size_t width) {
    size_t room = width * width + 2, n = 1, samples = 0;
    struct root *roots = mem_get(room, sizeof *roots), zero, two[2];
    bool *before = mem_get(width, sizeof *before), *now = mem_get(width, sizeof *now);
    mpq_t *d = vector_new(3), s;
    int64_t changes = 0;
    mpq_init(s);
    root_init(&zero);
    root_init(&two[0]);
    root_init(&two[1]);
    for (size_t i = 0; i < room; i++) root_init(&roots[i]);
    mpq_set_ui(roots[0].p, 1, 1); /* the end of the segment */
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < i; j++) {
            minus(d, q + 3 * i, q + 3 * j);
            int some = roots_of(two, (const mpq_t *)d);
            for (int m = 0; m < some; m++)
                if (compare(&two[m], &zero) > 0 && compare(&two[m], &roots[0]) < 0) root_set(&roots[n++], &two[m]);
        }
    qsort(roots, n, sizeof *roots, compare);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare(&roots[i], &roots[i - 1]) == 0) continue;
        between(s, i > 0 ? &roots[i - 1] : &zero, &roots[i]);
        largest_at(now, q, width, s);
        changes += samples++ > 0 && memcmp(before, now, width * sizeof *now) != 0;
        memcpy(before, now, width * sizeof *now);
    }
    for (size_t i = 0; i < room; i++) root_clear(&roots[i]);
    root_clear(&zero);
    root_clear(&two[0]);
    root_clear(&two[1]);
    mpq_clear(s);
    vector_free(d, 3);
    mem_free(roots);
    mem_free(before);
    mem_free(now);
    return changes;
}

/* the least s >= 0 at which another output is as large as the first of the largest at 0; false: there is none */
static bool first_flip(struct root *best, const mpq_t *q, size_t width) {
    struct root zero, two[2];
    mpq_t *d = vector_new(3);
    size_t answer = 0;
    bool found = false;
    root_init(&zero);
    root_init(&two[0]);
    root_init(&two[1]);
    for (size_t k = 1; k < width; k++)
        if (mpq_cmp(q[3 * k], q[3 * answer]) > 0) answer = k;
    for (size_t k = 0; k < width; k++) {
        if (k == answer) continue;
        minus(d, q + 3 * answer, q + 3 * k);
        int n = roots_of(two, (const mpq_t *)d);
        if (mpq_sgn(d[0]) == 0) { /* a tie at 0 */
            root_set(&two[0], &zero);
            n = 1;
        }
        for (int m = 0; m < n; m++)
            if (compare(&two[m], &zero) >= 0 && (!found || compare(&two[m], best) < 0)) {
                root_set(best, &two[m]);
                found = true;
            }
    }
    root_clear(&zero);
    root_clear(&two[0]);
    root_clear(&two[1]);
    vector_free(d, 3);
    return found;
}

/* 2^p times an end, rounded outward */
static void scaled_end(mpz_t out, const mpq_t x, unsigned p, bool up) {
    mpz_mul_2exp(out, mpq_numref(x), p);
    if (up) mpz_cdiv_q(out, out, mpq_denref(x));
    else mpz_fdiv_q(out, out, mpq_denref(x));
}

static void set_flip(struct eval *e, struct val *out, const mpq_t *q, size_t width) {
    struct root x;
    mpq_t lo, hi, cap;
    root_init(&x);
    mpq_inits(lo, hi, cap, NULL);
    mpq_set_ui(cap, 1, 1);
    mpq_mul_2exp(cap, cap, 64);
    if (first_flip(&x, q, width)) enclose(lo, hi, &x, e->p + 8);
    else {
        mpq_set(lo, cap);
        mpq_set(hi, cap);
    }
    if (mpq_cmp(lo, cap) > 0) mpq_set(lo, cap);
    if (mpq_cmp(hi, cap) > 0) mpq_set(hi, cap);
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    num_set_int(out->x, 0);
    num_to_real(out->x, out->x, e->p);
    scaled_end(LO(out->x), lo, e->p, false);
    scaled_end(HI(out->x), hi, e->p, true);
    mpq_clears(lo, hi, cap, NULL);
    root_clear(&x);
}

static mpq_t *exact_vector(struct eval *e, const struct ex *x, size_t n) {
    struct val v;
    if (!need_array(e, x, &v)) return NULL;
    bool good = v.rank == 1 && v.d[0] == n;
    for (size_t i = 0; good && i < n; i++) good = num_exact(&v.x[i]);
    if (!good) {
        eval_fail(e, "an exact vector of the network's inputs was expected");
        return NULL;
    }
    mpq_t *out = vector_new(n);
    for (size_t i = 0; i < n; i++) {
        mpq_set(out[i], v.x[i].q);
        mpq_canonicalize(out[i]);
    }
    return out;
}

bool eval_line(struct eval *e, const struct ex *x, struct val *out) {
    size_t n = 0;
    const struct rowpoly *o = outputs_of(e, x->k[0], &n);
    mpq_t *a = o != NULL ? exact_vector(e, x->k[1], n) : NULL, *v = a != NULL ? exact_vector(e, x->k[2], n) : NULL;
    bool good = v != NULL && (o = outputs_of(e, x->k[0], &n)) != NULL;
    for (size_t i = 0; good && x->number == FN_CHANGES && i < n; i++) mpq_sub(v[i], v[i], a[i]);
    if (good) {
        mpq_t *q = on_line(o, n, (const mpq_t *)a, (const mpq_t *)v);
        if (x->number == FN_FLIP) set_flip(e, out, (const mpq_t *)q, o->width);
        else {
            *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
            num_set_int(out->x, count_changes((const mpq_t *)q, o->width));
        }
        vector_free(q, 3 * o->width);
    }
    if (a != NULL) vector_free(a, n);
    if (v != NULL) vector_free(v, n);
    return good;
}
