/* distance, flip, changes (STATEMENT.md §3): networks that are polynomials of degree two on average, and along a line, exactly. */
#include "bases.h"
#include "eval.h"
#include "roots.h"
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
        difference_on_line(d, q + 3 * answer, q + 3 * k);
        int n = roots_of(two, (const mpq_t *)d);
        if (mpq_sgn(d[0]) == 0) { /* a tie at 0 */
            root_set(&two[0], &zero);
            n = 1;
        }
        for (int m = 0; m < n; m++)
            if (root_compare(&two[m], &zero) >= 0 && (!found || root_compare(&two[m], best) < 0)) {
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

static void set_flip(struct eval *e, struct val *out, const mpq_t *q, size_t width) {
    struct root x;
    mpq_t lo, hi, cap;
    root_init(&x);
    mpq_inits(lo, hi, cap, NULL);
    mpq_set_ui(cap, 1, 1);
    mpq_mul_2exp(cap, cap, 64);
    bool some = first_flip(&x, q, width), rational = !some || x.sign == 0;
    if (some) root_enclose(lo, hi, &x, e->p + 8);
    if (!some || mpq_cmp(lo, cap) > 0) mpq_set(lo, cap);
    if (!some || mpq_cmp(hi, cap) > 0) mpq_set(hi, cap);
    *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
    if (rational) {
        num_set_mpq(out->x, lo);
        out->x->kind = K_RAT;
    } else num_set_between(out->x, lo, hi, e->p);
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
        mpq_t *q = outputs_on_line(o, n, (const mpq_t *)a, (const mpq_t *)v);
        if (x->number == FN_FLIP) set_flip(e, out, (const mpq_t *)q, o->width);
        else {
            struct changes c;
            changes_find(&c, (const mpq_t *)q, o->width);
            *out = (struct val){.type = V_NUM, .x = pool_get(e, 1)};
            num_set_int(out->x, (int64_t)c.n);
            changes_clear(&c);
        }
        vector_free(q, 3 * o->width);
    }
    if (a != NULL) vector_free(a, n);
    if (v != NULL) vector_free(v, n);
    return good;
}
