/* Terms of the forms over cells, for one query token and the final states of one truth, and their least and largest sums from every class. */
#include "separable_walk.h"
#include <string.h>

/* The cells on some path to y; the others are never read. */
static void mark_live(struct walker *w) {
    struct sep *s = &w->s;
    memset(w->live, 0, s->at[s->n] * sizeof *w->live);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct level *l = &w->level[i];
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t t = 0; t < l->tokens; t++)
                if (l->classes.key[c * l->tokens + t] != 0) w->live[s->at[i] + t] = true;
    }
}

int64_t term_weight(const struct walker *w, uint32_t q, uint32_t cell) {
    size_t at = (size_t)q * w->s.at[w->s.n] + cell;
    int64_t by = (int64_t)w->scale - w->s.shift[at];
    return by >= 0 && by < 63 ? w->s.w[at] >> by : 0;
}

/* Weights of the live cells, over the power of two of the largest: w / 2^(shift - 60). A factor common to all cells does not change the sign of a form. */
void terms_scale(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t cells = s->at[s->n];
    const int64_t *weight = s->w + (size_t)q * cells;
    const int *shift = s->shift + (size_t)q * cells;
    w->scale = INT32_MIN;
    mark_live(w);
    for (uint32_t c = 0; c < cells; c++)
        if (w->live[c] && weight[c] != 0 && shift[c] > w->scale) w->scale = shift[c];
    for (uint32_t c = 0; c < cells; c++) w->weight[c] = w->live[c] && weight[c] != 0 ? term_weight(w, q, c) : 0;
}

/* A term times e^x, |x| <= h <= 1/4: it moves by at most 2 h of its size, to the side given; one unit for its own error, one for rounding. */
static void spread_term(int64_t *term, int64_t h, int side) {
    int64_t size = (*term < 0 ? -*term : *term) + 3;
    *term += side * ((int64_t)((__int128)size * 2 * h >> SEP_BITS) + 1);
}

/* sums of n + 1 terms fit */
static int64_t largest_value(const struct sep *s) { return ((int64_t)1 << 58) / (int64_t)(s->n + 1); }

/* w (G - R) and w (G + R) at 2^-SEP_BITS, with the errors of the weight under float32 */
static void term_ends(int64_t *low, int64_t *high, int64_t weight, int64_t G, int64_t error, int64_t h) {
    *low = (int64_t)((__int128)weight * (G - error) >> 60);
    *high = (int64_t)((__int128)weight * (G + error) >> 60);
    spread_term(low, h, -1);
    spread_term(high, h, 1);
}

/* The logits of the row if all attention were on one cell. */
static void columns_at(const struct sep *s, uint32_t q, uint32_t c, int64_t *E) {
    for (uint32_t j = 0; j < s->cols; j++) E[j] = s->D[(size_t)q * s->cols + j] + s->C[(size_t)c * s->cols + j];
}

/* G of a form at one cell whose logits are E. |alpha| < 2^20, |E| < 2^53, n_out < 2^31: below 2^105; of a narrow form below 2^62 */
static bool form_value(const struct iform *f, const int64_t *E, uint32_t c, int64_t most, int64_t *out) {
    int64_t beta = f->beta != NULL ? f->beta[c] : 0;
    if (f->narrow) {
        int64_t G = f->c + beta;
        for (uint32_t a = 0; a < f->n; a++) G += f->alpha[a] * E[f->j[a]];
        *out = G;
        return G + f->error <= most && G - f->error >= -most;
    }
    __int128 G = (__int128)f->c + beta;
    for (uint32_t a = 0; a < f->n; a++) G += (__int128)f->alpha[a] * E[f->j[a]];
    *out = (int64_t)G;
    return G + f->error <= most && G - f->error >= -most;
}

static bool cell_terms(struct walker *w, uint32_t q, uint32_t c, const int64_t *E) {
    const struct sep *s = &w->s;
    const int64_t most = largest_value(s), weight = w->weight[c];
    int64_t *g = w->g + (size_t)c * w->n_form, *top = w->top + (size_t)c * w->n_form, G;
    for (size_t k = 0; k < w->n_form; k++) {
        if (!form_value(&w->form[k], E, c, most, &G)) return false;
        if (s->h == NULL) g[k] = (int64_t)((__int128)weight * G >> 60);
        else term_ends(&g[k], &top[k], weight, G, w->form[k].error, s->h[(size_t)q * s->at[s->n] + c]);
    }
    return true;
}

/* The usual forms, c + a0 logit_j0 + a1 logit_j1 over the reals, side by side: every number is read once. */
struct pair { int64_t c, a0, a1; uint32_t j0, j1; };

static bool as_pairs(const struct walker *w, struct pair *p) {
    for (size_t k = 0; k < w->n_form; k++) {
        const struct iform *f = &w->form[k];
        if (!f->narrow || f->n > 2 || f->beta != NULL || w->s.h != NULL) return false;
        p[k] = (struct pair){.c = f->c};
        if (f->n > 0) p[k].a0 = f->alpha[0], p[k].j0 = f->j[0];
        if (f->n > 1) p[k].a1 = f->alpha[1], p[k].j1 = f->j[1];
    }
    return true;
}

static bool pair_terms(int64_t *g, const struct pair *p, size_t n, const int64_t *E, int64_t weight, int64_t most) {
    uint64_t outside = 0;
    for (size_t k = 0; k < n; k++) {
        int64_t G = p[k].c + p[k].a0 * E[p[k].j0] + p[k].a1 * E[p[k].j1];
        outside |= (uint64_t)(G > most) | (uint64_t)(G < -most);
        g[k] = (int64_t)((__int128)weight * G >> 60);
    }
    return outside == 0;
}

bool forms_at_cells(const struct walker *w, uint32_t q, int64_t *G) {
    const struct sep *s = &w->s;
    bool fit = true;
    int64_t *E = mem_get(s->cols, sizeof *E);
    for (uint32_t c = 0; c < s->at[s->n]; c++) {
        if (!w->live[c] || !sep_source(s, q, c)) continue;
        columns_at(s, q, c, E);
        for (size_t k = 0; k < w->n_form; k++) fit = form_value(&w->form[k], E, c, largest_value(s), &G[(size_t)c * w->n_form + k]) && fit;
    }
    mem_free(E);
    return fit;
}

/* Cells that are not live have the value 0, or, where nothing but the walk reads, any; those that the mask forbids have 0 (terms_fill). */
static void terms_room(struct walker *w, size_t size) {
    if (w->parts.B == 0 && size <= w->room) return;
    if (w->top != w->g) mem_free(w->top);
    mem_free(w->g);
    w->room = size;
    w->g = w->top = mem_get(size, sizeof *w->g);
    if (w->s.h != NULL) w->top = mem_get(size, sizeof *w->top);
}

static void no_terms(struct walker *w, uint32_t c) {
    memset(w->g + (size_t)c * w->n_form, 0, w->n_form * sizeof *w->g);
    memset(w->top + (size_t)c * w->n_form, 0, w->n_form * sizeof *w->top);
}

bool terms_fill(struct walker *w, uint32_t q) {
    struct sep *s = &w->s;
    uint32_t cells = s->at[s->n];
    w->q = q;
    terms_room(w, (size_t)cells * w->n_form);
    int64_t *E = mem_get(s->cols, sizeof *E);
    struct pair *p = mem_get(w->n_form, sizeof *p);
    bool good = true, pairs = as_pairs(w, p);
    for (uint32_t c = 0; good && c < cells; c++) {
        if (!w->live[c]) continue;
        if (!sep_source(s, q, c)) { /* there may be a term of the class before */
            no_terms(w, c);
            continue;
        }
        /* a weight that is too small to show counts: its term must be of bounded size */
        columns_at(s, q, c, E);
        good = pairs ? pair_terms(w->g + (size_t)c * w->n_form, p, w->n_form, E, w->weight[c], largest_value(s)) : cell_terms(w, q, c, E);
    }
    mem_free(E);
    mem_free(p);
    return good ? true : sep_refuse(s, "a form is too large");
}

__attribute__((optimize("O3"))) static void extend_least(int64_t *restrict least, const int64_t *restrict g, const int64_t *restrict after, size_t n) {
    for (size_t k = 0; k < n; k++) {
        int64_t v = g[k] + after[k];
        least[k] = v < least[k] ? v : least[k];
    }
}

__attribute__((optimize("O3"))) static void extend_most(int64_t *restrict most, const int64_t *restrict g, const int64_t *restrict after, size_t n) {
    for (size_t k = 0; k < n; k++) {
        int64_t v = g[k] + after[k];
        most[k] = v > most[k] ? v : most[k];
    }
}

typedef void extend_fn(int64_t *restrict to, const int64_t *restrict g, const int64_t *restrict after, size_t n);

/* Sums of every form from every class of level i; never: of no sequence. */
static int64_t *level_sums(const struct walker *w, uint32_t i, const int64_t *g, const int64_t *after, int64_t never, extend_fn *extend) {
    const struct level *l = &w->level[i];
    size_t K = w->n_form;
    int64_t *sums = mem_get(l->classes.n * K, sizeof *sums);
    if (i == w->s.n) return sums;
    for (size_t x = K; x < l->classes.n * K; x++) sums[x] = never;
    for (size_t c = 1; c < l->classes.n; c++)
        for (uint32_t t = 0; t < l->tokens; t++) {
            size_t to = (size_t)l->classes.key[c * l->tokens + t];
            if (to != 0) extend(sums + c * K, g + (size_t)(w->s.at[i] + t) * K, after + to * K, K);
        }
    return sums;
}

void terms_least(struct walker *w) {
    for (uint32_t i = w->s.n + 1; i-- > 0;) {
        mem_free(w->level[i].least);
        w->level[i].least = level_sums(w, i, w->g, i < w->s.n ? w->level[i + 1].least : NULL, INT64_MAX, extend_least);
    }
}

void terms_most(struct walker *w) {
    for (uint32_t i = w->s.n + 1; i-- > 0;) {
        mem_free(w->level[i].most);
        w->level[i].most = level_sums(w, i, w->top, i < w->s.n ? w->level[i + 1].most : NULL, INT64_MIN, extend_most);
    }
}

/* ---- signs ---- */

signed char sign_of_both(signed char a, signed char b) { return a == b || b == ANY_SIGN ? a : a == ANY_SIGN ? b : 0; }

static void cell_signs(struct walker *w) {
    const struct sep *s = &w->s;
    int64_t *E = mem_get(s->cols, sizeof *E), G;
    for (uint32_t c = 0; c < s->at[s->n]; c++) {
        signed char *sign = w->sign + (size_t)c * w->n_form;
        if (!w->live[c] || !sep_source(s, w->q, c)) {
            memset(sign, ANY_SIGN, w->n_form);
            continue;
        }
        columns_at(s, w->q, c, E);
        for (size_t k = 0; k < w->n_form; k++) {
            const struct iform *f = &w->form[k];
            (void)form_value(f, E, c, largest_value(s), &G); /* it was in range when the terms were filled */
            sign[k] = G - f->error > f->radius ? 1 : G + f->error < -f->radius ? -1 : 0;
        }
    }
    mem_free(E);
}

static void level_signs(struct walker *w, uint32_t i) {
    struct level *l = &w->level[i];
    size_t K = w->n_form;
    mem_free(l->sign);
    l->sign = mem_get(l->classes.n * K, 1);
    memset(l->sign, ANY_SIGN, l->classes.n * K);
    for (size_t c = 1; i < w->s.n && c < l->classes.n; c++)
        for (uint32_t t = 0; t < l->tokens; t++) {
            size_t to = (size_t)l->classes.key[c * l->tokens + t], cell = (size_t)(w->s.at[i] + t) * K;
            for (size_t k = 0; to != 0 && k < K; k++) l->sign[c * K + k] = sign_of_both(l->sign[c * K + k], sign_of_both(w->sign[cell + k], w->level[i + 1].sign[to * K + k]));
        }
}

/* Weights too small to show leave sums that say nothing; but terms of one sign have a sum of that sign. */
void terms_signs(struct walker *w) {
    mem_free(w->sign);
    mem_free(w->before);
    w->sign = mem_get((size_t)w->s.at[w->s.n] * w->n_form, 1);
    w->before = mem_get(((size_t)w->s.n + 1) * w->n_form, 1);
    memset(w->before, ANY_SIGN, w->n_form);
    cell_signs(w);
    for (uint32_t i = w->s.n + 1; i-- > 0;) level_signs(w, i);
}

/* ---- one sequence ---- */

/* The terms over the scale of the sequence's own largest weight: what is small beside other sequences of the class shows here. Their errors are those of terms_fill. */
signed char terms_sign_here(const struct walker *w, size_t k) {
    const struct sep *s = &w->s;
    const struct iform *f = &w->form[k];
    const size_t base = (size_t)w->q * s->at[s->n];
    int most = INT32_MIN;
    int64_t sum = 0;
    if (s->h != NULL) return 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (sep_source(s, w->q, w->cells[i]) && s->w[base + w->cells[i]] != 0 && s->shift[base + w->cells[i]] > most) most = s->shift[base + w->cells[i]];
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t c = w->cells[i];
        if (!sep_source(s, w->q, c)) continue;
        int64_t by = (int64_t)most - s->shift[base + c];
        __int128 G = (__int128)f->c + (f->beta != NULL ? f->beta[c] : 0);
        for (uint32_t a = 0; a < f->n; a++) G += (__int128)f->alpha[a] * (s->D[(size_t)w->q * s->cols + f->j[a]] + s->C[(size_t)c * s->cols + f->j[a]]);
        if (G > largest_value(s) || G < -largest_value(s)) return 0;
        sum += (int64_t)((by >= 0 && by < 63 ? s->w[base + c] >> by : 0) * G >> 60);
    }
    return most == INT32_MIN ? 0 : sum > w->radius[k] ? 1 : sum < -w->radius[k] ? -1 : 0;
}
