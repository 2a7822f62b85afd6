/* The forms of a line of rule cells (FORMAT.md §3, cells 4): every relu by a linear bound on its interval, sigma by its tangent or by what is above it, what is left a sum over positions, whose least value decides. */
#include "cells_leaf.h"
#include <string.h>

static __int128 least_of(__int128 a, __int128 b) { return a < b ? a : b; }

static int64_t relu_of(int64_t z) { return z > 0 ? z : 0; }

/* v relu(z) >= slope z + rest for z in the interval, everything at 2^-SEP_BITS: the slope is free, the rest is the least of what is left, which is linear
 * on both sides of 0. */
static void relu_bound(const struct interval *v, int64_t factor, int64_t *slope, __int128 *rest) {
    *slope = 0;
    *rest = 0;
    if (v->high && v->to <= 0) return;
    if (v->low && v->from >= 0) {
        *slope = factor;
        return;
    }
    mpz_t t, by;
    mpz_inits(t, by, NULL);
    mpz_set_si(t, factor);
    if (factor < 0) { /* the chord */
        mpz_set_si(by, v->to);
        mpz_mul(t, t, by);
        mpz_set_si(by, v->to - v->from);
        mpz_fdiv_q(t, t, by);
    } else if (v->sloped) {
        mpz_mul(t, t, mpq_numref(v->slope));
        mpz_fdiv_q(t, t, mpq_denref(v->slope));
    } else if (v->to < -v->from) mpz_set_si(t, 0);
    *slope = mpz_get_si(t);
    mpz_clears(t, by, NULL);
    *rest = least_of(0, least_of(-(__int128)*slope * v->from, (__int128)factor * relu_of(v->to) - (__int128)*slope * v->to));
    *rest >>= SEP_BITS;
}

/* sum of alpha_j (C_j + D_j + more_j), or with sign -1 less_j taken away; small: the |alpha| add up to less than 64, so that with entries below 2^55 (4,095 each, of up to four heads) 64 bits are enough */
static __int128 outputs_of(const struct iform *f, bool small, const int64_t *C, const int64_t *D, const int64_t *more, int sign) {
    if (small) {
        int64_t G = 0;
        for (uint32_t a = 0; a < f->n; a++) G += f->alpha[a] * (C[f->j[a]] + (D != NULL ? D[f->j[a]] : 0) + sign * more[f->j[a]]);
        return G;
    }
    __int128 G = 0;
    for (uint32_t a = 0; a < f->n; a++) G += (__int128)f->alpha[a] * (C[f->j[a]] + (D != NULL ? D[f->j[a]] : 0) + sign * more[f->j[a]]);
    return G;
}

/* Another head's part of a form; adds what it may be off by to the error. */
static bool form_others(struct leaf *x, size_t K, size_t k, size_t width, const struct iform *f, int sign, const int64_t *slope, int head, __int128 *error) {
    const struct sep *s = x->s;
    const bool bent = sigma_counts(x, f);
    __int128 most = 0, off = 1;
    for (uint32_t a = 0; a < f->n; a++) off += f->alpha[a] < 0 ? -f->alpha[a] : f->alpha[a];
    const bool small = off < 65;
    for (uint32_t u = 0; u < s->units; u++) off += ((slope[u] < 0 ? -(__int128)slope[u] : slope[u]) >> SEP_BITS) + 2;
    if (bent) off += sigma_error(x, f);
    for (uint32_t i = 0; i < x->n_source; i++) {
        uint32_t c = x->source[i];
        const int64_t *C = x->s->head[head].C + (size_t)c * s->cols, *less = x->middle + (size_t)head * s->cols;
        __int128 G = sign * outputs_of(f, small, C, NULL, less, -1);
        for (uint32_t u = 0; u < s->units; u++) G += (__int128)slope[u] * (C[s->n_out + u] - less[s->n_out + u]) >> SEP_BITS;
        if (bent) G += sigma_other(x, f, sign, head, c);
        if (!cells_form_other(x, K, k, width, head, c, G)) return false;
        __int128 size = ((G < 0 ? -G : G) >> SEP_BITS) + 1;
        most = size > most ? size : most;
    }
    *error += cells_rate_error(x, head, (int64_t)most, off);
    return true;
}

/* One form, or its negative, from below: `width` terms G of its sum, from the k-th, and their error. What every relu adds to it is known within the sum of the |alpha|. */
static bool form_terms(struct leaf *x, size_t K, size_t k, size_t width, const struct iform *f, int sign, int64_t *radius) {
    struct sep *s = x->s;
    int64_t *slope = mem_get(s->units, sizeof *slope), sizes = 0;
    __int128 rest = 0, error = f->radius + 3;
    bool good = true;
    for (uint32_t a = 0; a < f->n; a++) sizes += f->alpha[a] < 0 ? -f->alpha[a] : f->alpha[a];
    const bool small = sizes < 64, bent = sigma_counts(x, f);
    if (bent && x->sigma == NULL) good = cells_refuse_leaf(x, "a sequence, or LO:HI for every entry of the row before the final LayerNorm, expected");
    const __int128 sigma_off = good && bent ? sigma_error(x, f) : 0;
    error += sigma_off;
    for (uint32_t u = 0; good && u < s->units; u++) {
        __int128 factor = 0, t;
        for (uint32_t a = 0; a < f->n; a++) factor += (__int128)f->alpha[a] * s->M[(size_t)u * s->n_out + f->j[a]];
        if (bent) factor += sigma_factor(x, f, u);
        if (factor >= CELLS_LARGE || factor <= -CELLS_LARGE) good = cells_refuse_leaf(x, "a factor is too large");
        if (!good) break;
        relu_bound(&x->unit[u], sign * (int64_t)factor, &slope[u], &t);
        rest += t;
        error += 2 * (((slope[u] < 0 ? -(__int128)slope[u] : slope[u]) >> SEP_BITS) + 1) + 1 + ((__int128)sizes + sigma_off) * x->reach[u];
    }
    for (uint32_t i = 0; good && i < x->n_source; i++) {
        uint32_t c = x->source[i];
        const int64_t *C = s->C + (size_t)c * s->cols, *D = s->D + (size_t)x->q * s->cols, *more = x->middle;
        __int128 G = (__int128)(f->normed ? 0 : f->c) + (f->beta != NULL ? f->beta[c] : 0) + outputs_of(f, small, C, D, more, 1);
        G = sign * G + rest + (bent ? sigma_first(x, f, sign, c) : 0);
        for (uint32_t u = 0, j = s->n_out; u < s->units; u++, j++) G += (__int128)slope[u] * (D[j] + C[j] + more[j]) >> SEP_BITS;
        for (size_t v = 0; good && v < width; v++) good = cells_term_add(x, K, k + v, 0, c, G);
    }
    for (int h = 1; good && h < s->heads; h++) good = form_others(x, K, k, width, f, sign, slope, h, &error);
    mem_free(slope);
    error *= s->n;
    if (good && error >= CELLS_LARGE) good = cells_refuse_leaf(x, "a form is too uncertain");
    *radius = (int64_t)error;
    return good;
}

bool cells_form_terms(struct leaf *x, size_t K, size_t k, const struct iform *f, int sign, int64_t *radius) {
    sigma_terms(x);
    return form_terms(x, K, k, 1, f, sign, radius);
}

/* Sums of the forms that are not shown yet, with `width` terms each; shown: those that are positive (or not negative). */
static bool forms_show(struct leaf *x, size_t width, bool *shown, size_t *left) {
    const struct truth *t = x->t;
    bool negated = t->negated != x->fails, good = true;
    size_t K = *left * width, at = 0;
    int64_t *radius = mem_get(t->n, sizeof *radius);
    cells_terms_new(x, K);
    for (size_t k = 0; good && k < t->n; k++)
        if (!shown[k]) good = form_terms(x, K, width * at++, width, &t->form[k], negated ? -1 : 1, &radius[k]);
    if (good) cells_sums_least(x, K);
    at = 0;
    for (size_t k = 0; good && k < t->n; k++) {
        if (shown[k]) continue;
        bool holds = true;
        for (size_t v = at; v < at + width; v++) holds = holds && (t->form[k].strict != negated ? x->here[v] > radius[k] : x->here[v] >= radius[k]);
        at += width;
        shown[k] = holds;
        *left -= holds;
    }
    mem_free(radius);
    return good;
}

bool cells_forms_find(struct leaf *x, bool *shown, size_t *left, bool corners) {
    const size_t before = *left;
    bool negated = x->t->negated != x->fails, good = true, more = true;
    while (good && more && *left > 0 && !(negated && *left < before)) {
        sigma_terms(x);
        cells_look(x, negated ? -1 : 1, shown, left);
        if (good && *left > 0 && !(negated && *left < before)) good = forms_show(x, 1, shown, left);
        if (good && corners && x->corners > 1 && *left > 0 && !(negated && *left < before)) good = forms_show(x, x->corners, shown, left);
        good = good && cells_centre_next(x, &more);
    }
    return good;
}

bool cells_forms_hold(struct leaf *x) {
    const size_t n = x->t->n;
    bool negated = x->t->negated != x->fails, *shown = mem_get(n, sizeof *shown);
    size_t left = n;
    for (size_t k = 0; !negated && k < n; k++) {
        shown[k] = x->shown[k];
        left -= shown[k];
    }
    bool good = cells_forms_find(x, shown, &left, true);
    mem_free(shown);
    return good && ((negated ? left < n : left == 0) || cells_refuse_leaf(x, "a form is not shown to be positive"));
}
