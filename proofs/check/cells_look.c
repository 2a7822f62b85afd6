/* A first look at the forms of one line of rule cells, in doubles: which of them are positive on the whole part, by the sums of the lesser terms (FORMAT.md §3, cells 3). The usual forms of a cell are
 * c + r L_e + s L_j: one part that all of them share, and a logit j of its own with the same s = 1 or -1 in each, so that the terms of all columns j are made side by side, for vectors.
 *
 * Rounding, in units of 2^-SEP_BITS. Tables, weights and rates are off as in rule_cells.c: a term by f->radius + 3 (first head) and cells_rate_error (others), of which the shifts there are not needed here.
 * In doubles a term of the first head has at most 8 roundings, of another one 10, each of at most u = 2^-53 of S, the largest size that |c| + (|r| + 1) |L| and the rates allow; a sum of n positions has
 * n additions of at most n S. So n terms are off by less than n errors and n (n + 16) u S. Sizes are below 2^59: nothing overflows, and no number is NaN.
 *
 * Behind a final LayerNorm (one head) a form has a multiple kappa of sigma in place of c. kappa > 0, within one unit, times sigma's tangent; or kappa <= 0, not above the true one, times what is above sigma: sigma_error is what rule_cells.c takes off such a term. Its seven roundings, of
 * at most u sigma_most, stand with the others: n (n + 32) u S, S with sigma_most. */
#include "cells_leaf.h"
#include "integers.h"
#include <string.h>

#define R_MOST 128
#define NEVER_SUM 0x1p200
#define KAPPA_NONE INT64_MAX

/* What the forms share, and the column of each. normed: they have no c, but a kappa each. */
struct shared { int64_t c, r; uint32_t e; int s; int64_t radius; bool normed; };
/* Columns of C of all heads in doubles, and by cell the largest size. */
struct cells_columns { double *C[HEADS_MOST], *size[HEADS_MOST]; };

LOOP static void first_terms(double *restrict g, const double *restrict C, const double *restrict more, double w, double base, double s, size_t n) {
    for (size_t j = 0; j < n; j++) g[j] = w * (base + s * (C[j] + more[j]));
}

/* What multiples of sigma add: rising ones of its tangent, falling ones of what is above it. */
LOOP static void sigma_add(double *restrict g, const double *restrict rising, const double *restrict falling, double tangent, double above, size_t n) {
    for (size_t j = 0; j < n; j++) g[j] += rising[j] * tangent + falling[j] * above;
}

LOOP static void other_terms(double *restrict g, const double *restrict C, const double *restrict less, double w, double base, double s, double A, double B, size_t n) {
    for (size_t j = 0; j < n; j++) {
        double v = w * (base + s * (C[j] - less[j])), a = A * v, b = B * v;
        g[j] += a < b ? a : b;
    }
}

LOOP static void lower(double *restrict least, const double *restrict g, const double *restrict after, size_t n) {
    for (size_t j = 0; j < n; j++) {
        double v = g[j] + after[j];
        least[j] = v < least[j] ? v : least[j];
    }
}

/* Is form f the shared part and a column of its own? */
static bool has_shape(const struct iform *f, const struct shared *x, uint32_t *own) {
    if (f->beta != NULL || f->n != 2 || f->normed != x->normed || (!x->normed && f->c != x->c)) return false;
    uint32_t at = f->j[0] == x->e && f->alpha[0] == x->r;
    if (at == 0 && (f->j[1] != x->e || f->alpha[1] != x->r)) return false;
    *own = f->j[at];
    return f->alpha[at] == x->s;
}

static bool shape_with(const struct truth *t, const bool *shown, size_t first, uint32_t at, struct shared *x, uint32_t *own) {
    const struct iform *f = &t->form[first];
    *x = (struct shared){.normed = f->normed, .c = f->normed ? 0 : f->c, .r = f->alpha[at], .e = f->j[at], .s = (int)f->alpha[1 - at]};
    if ((f->alpha[1 - at] != 1 && f->alpha[1 - at] != -1) || x->r > R_MOST || x->r < -R_MOST) return false;
    for (size_t k = first; k < t->n; k++) {
        if (shown[k]) continue;
        if (!has_shape(&t->form[k], x, &own[k])) return false;
        if (t->form[k].radius > x->radius) x->radius = t->form[k].radius;
    }
    return true;
}

/* own: by form */
static bool find_shape(const struct truth *t, const bool *shown, struct shared *x, uint32_t *own) {
    size_t first = 0;
    while (first < t->n && shown[first]) first++;
    return first < t->n && t->form[first].n == 2 && (shape_with(t, shown, first, 0, x, own) || shape_with(t, shown, first, 1, x, own));
}

static void columns_make(struct sep *s) {
    struct cells_columns *x = s->columns = mem_get(1, sizeof *x);
    uint32_t cells = s->at[s->n], J = s->n_out;
    for (int h = 0; h < s->heads; h++) {
        const int64_t *C = h == 0 ? s->C : s->head[h].C;
        x->C[h] = mem_get((size_t)cells * J, sizeof *x->C[h]);
        x->size[h] = mem_get(cells, sizeof *x->size[h]);
        for (uint32_t c = 0; c < cells; c++)
            for (uint32_t j = 0; j < J; j++) {
                double v = (double)C[(size_t)c * s->cols + j], size = v < 0 ? -v : v;
                x->C[h][(size_t)c * J + j] = v;
                if (size > x->size[h][c]) x->size[h][c] = size;
            }
    }
}

void cells_columns_clear(struct sep *s) {
    for (int h = 0; s->columns != NULL && h < HEADS_MOST; h++) {
        mem_free(s->columns->C[h]);
        mem_free(s->columns->size[h]);
    }
    mem_free(s->columns);
}

/* One look. row: of the first head what is added to C (D and the middles), of the others what is taken away; A, B in whole numbers.
 * rising, falling: by column, the multiple of sigma where it is above 0, and where it is not; sigma_most: size of a multiple times what sigma is replaced by. */
struct looking { const struct leaf *x; struct shared f; double *row[HEADS_MOST], A[HEADS_MOST], B[HEADS_MOST], *g, *rising, *falling, sigma_most, radius; __int128 sigma_error; };

/* The largest |C| of the part's sources and the largest number of the row. */
static double size_of_head(const struct looking *k, int h) {
    const struct sep *s = k->x->s;
    double C = 0, row = 0;
    for (uint32_t i = 0; i < k->x->n_source; i++) {
        double v = s->columns->size[h][k->x->source[i]];
        C = v > C ? v : C;
    }
    for (uint32_t j = 0; j < s->n_out; j++) {
        double v = k->row[h][j] < 0 ? -k->row[h][j] : k->row[h][j];
        row = v > row ? v : row;
    }
    return C + row;
}

/* Tangent and above of one source, in whole numbers. */
static double above_of(const struct sigma *z, uint32_t cell) { return (double)(z->above != NULL ? z->above[cell] : z->term[cell] + z->bend) * 0x1p-40; }

/* By column the least kappa of its forms (they may differ in their constants only), below the true one by at most two units; none: KAPPA_NONE. false: there is nothing to replace sigma by */
static bool kappas_find(struct looking *k, const struct leaf *x, int sign, const bool *shown, const uint32_t *own, int64_t *kappa) {
    double most = 0;
    for (size_t f = 0; f < x->t->n; f++) {
        const struct iform *form = &x->t->form[f];
        if (shown[f]) continue;
        int64_t v = 0;
        if (sigma_counts(x, form)) {
            if (x->sigma == NULL) return false;
            const __int128 error = sigma_error(x, form);
            if (error > k->sigma_error) k->sigma_error = error;
            v = sign * form->c - (sign * form->c <= 0); /* the true one is within one of sign c */
        }
        if (v < kappa[own[f]]) kappa[own[f]] = v;
        if ((double)size_of(v) + 1 > most) most = (double)size_of(v) + 1;
    }
    if (x->sigma != NULL) k->sigma_most = most * ((double)x->sigma->size + (x->sigma->above != NULL ? 0 : (double)x->sigma->bend * 0x1p-40) + 2);
    return true;
}

static bool sigma_columns(struct looking *k, struct leaf *x, int sign, const bool *shown, const uint32_t *own) {
    const size_t J = x->s->n_out;
    if (x->s->heads > 1) return false;
    int64_t *kappa = mem_get(J, sizeof *kappa);
    k->rising = mem_get(J, sizeof *k->rising);
    k->falling = mem_get(J, sizeof *k->falling);
    for (size_t j = 0; j < J; j++) kappa[j] = KAPPA_NONE;
    bool good = kappas_find(k, x, sign, shown, own, kappa);
    for (size_t j = 0; j < J; j++) {
        if (kappa[j] == KAPPA_NONE) continue;
        if (kappa[j] > 0) k->rising[j] = (double)kappa[j];
        else k->falling[j] = (double)kappa[j];
    }
    mem_free(kappa);
    return good;
}

/* false: sizes are beyond those that are computed with */
static bool looking_radius(struct looking *k) {
    const struct leaf *x = k->x;
    const double n = x->s->n, r = (double)(k->f.r < 0 ? -k->f.r : k->f.r) + 1;
    double S = (double)(k->f.c < 0 ? -k->f.c : k->f.c) + r * size_of_head(k, 0) + k->sigma_most, error = (double)k->f.radius + 3 + (double)k->sigma_error;
    if (!(S < (double)x->term_most)) return false;
    for (int h = 1; h < x->s->heads; h++) {
        double size = r * size_of_head(k, h), with = (k->B[h] + 1) * size;
        if (!(size < 0x1p58 && with < (double)x->term_most)) return false;
        error += (double)cells_rate_error(x, h, (int64_t)(size * 0x1p-40) + 2, (int64_t)r + 1);
        S += with;
    }
    k->radius = (n * error + n * (n + 32) * 0x1p-53 * S) * (1 + 0x1p-20);
    return true;
}

static bool looking_init(struct looking *k, struct leaf *x, int sign, const bool *shown, const uint32_t *own) {
    struct sep *s = x->s;
    uint32_t J = s->n_out;
    if (s->columns == NULL) columns_make(s);
    k->x = x;
    k->f.c *= sign, k->f.r *= sign, k->f.s *= sign;
    k->g = mem_get(J, sizeof *k->g);
    for (int h = 0; h < s->heads; h++) {
        const int64_t *middle = x->middle + (size_t)h * s->cols, *D = s->D + (size_t)x->q * s->cols;
        k->row[h] = mem_get(J, sizeof *k->row[h]);
        for (uint32_t j = 0; j < J; j++) k->row[h][j] = (double)(h == 0 ? D[j] + middle[j] : middle[j]);
        k->A[h] = (double)x->ratio[h].rate[0] * 0x1p-40;
        k->B[h] = (double)x->ratio[h].rate[1] * 0x1p-40;
    }
    return (!k->f.normed || sigma_columns(k, x, sign, shown, own)) && looking_radius(k);
}

static void looking_terms(struct looking *k, uint32_t cell) {
    const struct leaf *x = k->x;
    const struct sep *s = x->s;
    const size_t J = s->n_out;
    if (!sep_source(s, x->q, cell)) {
        memset(k->g, 0, J * sizeof *k->g);
        return;
    }
    for (int h = 0; h < s->heads; h++) {
        const double *C = s->columns->C[h] + cell * J, *row = k->row[h], w = (double)x->w[(size_t)h * s->at[s->n] + cell] * 0x1p-60;
        const uint32_t e = k->f.e;
        if (h == 0) first_terms(k->g, C, row, w, (double)k->f.c + (double)k->f.r * (C[e] + row[e]), k->f.s, J);
        if (k->sigma_most > 0) sigma_add(k->g, k->rising, k->falling, w * ((double)x->sigma->term[cell] * 0x1p-40), w * above_of(x->sigma, cell), J);
        if (h > 0 && w > 0) other_terms(k->g, C, row, w, (double)k->f.r * (C[e] - row[e]), k->f.s, k->A[h], k->B[h], J);
    }
}

static void looking_level(struct looking *k, const struct level *l, uint32_t i, double *now, const double *after) {
    const struct leaf *x = k->x;
    const size_t J = x->s->n_out;
    for (size_t v = 0; v < l->classes.n * J; v++) now[v] = NEVER_SUM;
    for (uint32_t t = 0; t < l->tokens; t++) {
        if (!x->left[x->s->at[i] + t]) continue;
        looking_terms(k, x->s->at[i] + t);
        for (size_t c = 1; c < l->classes.n; c++) {
            size_t to = (size_t)l->classes.key[c * l->tokens + t];
            if (to != 0) lower(now + c * J, k->g, after + to * J, J);
        }
    }
}

/* Sums of all columns from the first class, in row_next. */
static void looking_sums(struct looking *k, struct leaf *x) {
    const size_t J = x->s->n_out;
    size_t most = 2;
    for (uint32_t i = 0; i < x->s->n; i++) most = x->level[i].classes.n > most ? x->level[i].classes.n : most;
    mem_free(x->row_here);
    mem_free(x->row_next);
    x->row_here = mem_get(most * J, sizeof *x->row_here);
    x->row_next = mem_get(most * J, sizeof *x->row_next);
    for (uint32_t i = x->s->n; i-- > 0;) {
        looking_level(k, &x->level[i], i, x->row_here, x->row_next);
        double *swap = x->row_here;
        x->row_here = x->row_next, x->row_next = swap;
    }
}

void cells_look(struct leaf *x, int sign, bool *shown, size_t *left) {
    struct looking k = {0};
    if (x->s->units > 0 || 4 * *left < x->s->n_out) return;
    uint32_t *own = mem_get(x->t->n, sizeof *own);
    if (find_shape(x->t, shown, &k.f, own) && looking_init(&k, x, sign, shown, own)) {
        looking_sums(&k, x);
        for (size_t f = 0; f < x->t->n; f++) {
            if (shown[f] || !(x->row_next[x->s->n_out + own[f]] > k.radius)) continue;
            shown[f] = true;
            --*left;
        }
    }
    for (int h = 0; h < HEADS_MOST; h++) mem_free(k.row[h]);
    mem_free(k.g);
    mem_free(k.rising);
    mem_free(k.falling);
    mem_free(own);
}
