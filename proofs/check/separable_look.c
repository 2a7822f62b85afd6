/* A first look at the forms of one cell, in 32-bit integers: which of them are positive on all of its sequences by sums that are too coarse to decide anything near 0. The usual
 * forms of a cell are c + r L_e + s L_j: one part that all of them share, and a logit j of its own with the same s = 1 or -1 in each. So the products w L_j of all columns are made once for a query
 * token, and a cell's terms are one sum an entry.
 *
 * Rounding. Logits are integers of 2^-g, below 2^30 in size, weights of 2^-30, at most 1, terms of 2^-f, f <= g - 3 and f <= 24; f is such that the terms of a sequence, and so every |L|, stay below 2^29 units. An entry of `product` is
 * the floor of w L 2^f, with w off by 2^-30 and 2 units of 2^-60 (1/2 unit of 2^-f, and a little), L by 2^-g and 2 units of 2^-40 (1/8 and a little): less than 2 units off. `base` is the floor of w (c + r L_e) 2^f,
 * with w off by 2 units of 2^-60, the rest by 1 + 2 |r| of 2^-40, |r| <= 128: less than 2 units off. So n terms are off by less than 4 n.
 *
 * float32 (FORMAT.md, separable 6). Every execution has the form positive when sum_i w_i G_i exceeds sum_i w_i (|G_i| (e^h_i - 1) + R e^h_i), which is at most n (2 H M + 2 R): w_i <= 1, |G_i| <= M, h_i <= H < 1/4. */
#include "fast_loops.h"
#include "separable_walk.h"
#include <string.h>

#define LEAST_FORMS 2
#define R_MOST 128
#define F_MOST 24

/* The part that the forms share, s, and the column of each form. */
struct shape_of_forms { int64_t c, r; uint32_t e; int s; bool has_e; };

/* Is form f the shared part and a column of its own? */
static bool has_shape(const struct iform *f, const struct shape_of_forms *x, uint32_t *own) {
    uint32_t n = x->has_e ? 2 : 1;
    if (!f->narrow || f->beta != NULL || f->n != n || f->c != x->c) return false;
    uint32_t at = 0;
    if (x->has_e) {
        if (f->j[0] == x->e && f->alpha[0] == x->r) at = 1;
        else if (f->j[1] != x->e || f->alpha[1] != x->r) return false;
    }
    *own = f->j[at];
    return f->alpha[at] == x->s;
}

static bool shape_with(const struct walker *w, int shared, struct shape_of_forms *x, uint32_t *own) {
    const struct iform *f = w->form;
    int64_t s = f->alpha[shared == 0 ? 1 : 0];
    *x = (struct shape_of_forms){.c = f->c, .has_e = shared >= 0, .s = (int)s};
    if (s != 1 && s != -1) return false;
    if (shared >= 0) x->e = f->j[shared], x->r = f->alpha[shared];
    if (x->r > R_MOST || x->r < -R_MOST) return false;
    for (size_t k = 0; k < w->n_form; k++)
        if (!has_shape(&w->form[k], x, &own[k])) return false;
    return true;
}

/* own: by form */
static bool find_shape(const struct walker *w, struct shape_of_forms *x, uint32_t *own) {
    uint32_t n = w->form[0].n;
    if (n == 1) return shape_with(w, -1, x, own);
    return n == 2 && (shape_with(w, 0, x, own) || shape_with(w, 1, x, own));
}

static int64_t logit_at(const struct sep *s, uint32_t q, uint32_t cell, uint32_t j) { return s->D[(size_t)q * s->cols + j] + s->C[(size_t)cell * s->cols + j]; }

/* L of all sources of q, at 2^-g. */
static void look_logits(struct look *l, const struct sep *s, uint32_t q) {
    uint64_t most = 0;
    uint32_t cells = s->at[s->n], J = s->n_out;
    if (l->logit == NULL) {
        l->logit = mem_get((size_t)cells * J, sizeof *l->logit);
        l->product = mem_get((size_t)cells * J, sizeof *l->product);
        l->base = mem_get(cells, sizeof *l->base);
        l->source = mem_get(cells, sizeof *l->source);
    }
    for (uint32_t c = 0; c < cells; c++) {
        l->source[c] = sep_source(s, q, c);
        for (uint32_t j = 0; l->source[c] && j < J; j++) most |= (uint64_t)size_of(logit_at(s, q, c, j)); /* the bits of the largest */
    }
    l->bits = bits_of(most + 1); /* |L| < 2^bits, also with an error of 2 */
    l->g = l->bits > 30 ? SEP_BITS - (l->bits - 30) : SEP_BITS;
    for (uint32_t c = 0; c < cells; c++)
        for (uint32_t j = 0; l->source[c] && j < J; j++) l->logit[(size_t)c * J + j] = (int32_t)(logit_at(s, q, c, j) >> (SEP_BITS - l->g));
    l->q = q;
    l->has_logits = true;
    l->has_products = false;
}

/* No |G| is larger, in units of 2^-40. */
static unsigned __int128 largest_term(const struct look *l, const struct shape_of_forms *x) { return (unsigned __int128)(size_of(x->c) + 2) + ((unsigned __int128)(size_of(x->r) + 1) << l->bits); }

/* f, such that the terms of a sequence add up to less than 2^29; false: they are too large for a look */
static bool look_unit(const struct look *l, const struct sep *s, const struct shape_of_forms *x, int *f) {
    unsigned __int128 size = largest_term(l, x) * s->n;
    if (size >> 62 != 0) return false;
    *f = 29 + SEP_BITS - bits_of((uint64_t)size);
    if (*f > F_MOST) *f = F_MOST;
    if (*f > l->g - 3) *f = l->g - 3;
    return *f >= 4 && l->g - *f <= 32; /* shifts by at most 62 */
}

static void look_products(struct look *l, const struct walker *w, int f) {
    const struct sep *s = &w->s;
    uint32_t J = s->n_out;
    for (uint32_t c = 0; c < s->at[s->n]; c++)
        if (l->source[c]) loop_scaled(l->product + (size_t)c * J, (int32_t)(term_weight(w, l->q, c) >> 30), l->logit + (size_t)c * J, 30 + l->g - f, J);
    l->f = f;
    l->scale = w->scale;
    l->has_products = true;
}

static void look_bases(struct look *l, const struct walker *w, const struct shape_of_forms *x) {
    const struct sep *s = &w->s;
    for (uint32_t c = 0; c < s->at[s->n]; c++) {
        if (!l->source[c] || !w->live[c]) continue;
        int64_t part = x->c + (x->has_e ? x->r * logit_at(s, l->q, c, x->e) : 0);
        l->base[c] = (int32_t)((__int128)w->weight[c] * part >> (60 + SEP_BITS - l->f));
    }
}

/* Least sums of every column from the classes of level i. */
static int32_t *look_level(const struct look *l, const struct walker *w, uint32_t i, const int32_t *after, int s) {
    const struct level *v = &w->level[i];
    uint32_t J = w->s.n_out;
    int32_t *least = mem_get(v->classes.n * J, sizeof *least);
    for (size_t x = J; x < v->classes.n * J; x++) least[x] = INT32_MAX;
    for (size_t c = 1; c < v->classes.n; c++)
        for (uint32_t t = 0; t < v->tokens; t++) {
            size_t to = (size_t)v->classes.key[c * v->tokens + t], cell = w->s.at[i] + t;
            if (to != 0) loop_lower(least + c * J, l->source[cell] ? l->base[cell] : 0, l->source[cell] ? l->product + cell * J : NULL, s, after + to * J, J);
        }
    return least;
}

/* Sums from the first class; caller frees. */
static int32_t *look_sums(const struct look *l, const struct walker *w, int s) {
    uint32_t n = w->s.n;
    int32_t *after = mem_get(2 * (size_t)w->s.n_out, sizeof *after);
    for (uint32_t i = n; i-- > 0;) {
        int32_t *now = look_level(l, w, i, after, s);
        mem_free(after);
        after = now;
    }
    return after;
}

/* What a sum has to exceed for the form to be positive, in units of 2^-f. */
static int64_t look_threshold(const struct look *l, const struct walker *w, const struct shape_of_forms *x) {
    const struct sep *s = &w->s;
    int64_t H = 0, R = 0;
    if (s->h == NULL) return 4 * (int64_t)s->n;
    for (uint32_t c = 0; c < s->at[s->n]; c++)
        if (w->live[c] && l->source[c] && s->h[(size_t)l->q * s->at[s->n] + c] > H) H = s->h[(size_t)l->q * s->at[s->n] + c];
    for (size_t k = 0; k < w->n_form; k++)
        if (w->form[k].error > R) R = w->form[k].error;
    unsigned __int128 lost = (2 * (unsigned __int128)H * largest_term(l, x) >> SEP_BITS) + 2 * (unsigned __int128)R + 1;
    lost = (lost * s->n >> (SEP_BITS - l->f)) + 1;
    return lost < INT32_MAX ? (int64_t)lost + 4 * (int64_t)s->n : INT64_MAX;
}

bool look_open(struct walker *w, uint32_t q, bool *open) {
    struct look *l = &w->look;
    struct shape_of_forms x;
    int f;
    if (w->n_form < LEAST_FORMS || 4 * w->n_form < w->s.n_out || w->level[0].classes.n < 2) return false;
    uint32_t *own = mem_get(w->n_form, sizeof *own);
    bool good = find_shape(w, &x, own);
    if (good && (!l->has_logits || l->q != q)) look_logits(l, &w->s, q);
    good = good && look_unit(l, &w->s, &x, &f);
    if (good) {
        if (!l->has_products || l->f != f || l->scale != w->scale) look_products(l, w, f);
        look_bases(l, w, &x);
        int32_t *sums = look_sums(l, w, x.s);
        const int64_t least = look_threshold(l, w, &x);
        for (size_t k = 0; k < w->n_form; k++) open[k] = sums[w->s.n_out + own[k]] <= least;
        mem_free(sums);
    }
    mem_free(own);
    return good;
}

void look_clear(struct look *l) {
    mem_free(l->logit);
    mem_free(l->product);
    mem_free(l->base);
    mem_free(l->source);
}
