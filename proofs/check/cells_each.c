/* A line `each` of rule cells (FORMAT.md §3): the part's sequences one by one, in doubles with a radius, and where that does not tell the predicate as it stands. The last positions are taken together: for every
 * class of a level the sums of all its completions stand side by side, and are added to those of every beginning that leads there.
 *
 * With weights w_h of sum Z_h, terms N_h = sum w_h G_h: Z_1 times a form is V = sum over heads of N_h Z_1 / Z_h. Let u = 2^-53, d = 2^-59 (two units of a weight), |G| <= M, G within E. Then w G in doubles is within d M + w E + 3 u w M,
 * a sum of n positions within n d M + Z E + (n + 3) u Z M, Z within n d + (n + 1) u Z. As |N / Z| <= M, the computed N is within 2 n d M + Z (E + (2n + 4) u M) of the computed Z times the true N / Z; times Z_1 / Z_h, which is off by 2 u with the product,
 * and summed over four heads (4 u each): V is within Z_1 sum_h (E_h + (2n + 10) u M_h) + 2 n d sum_h (Z_1 / Z_h) M_h. Twice as much is taken, and more of u. Where a Z_h is 0 the radius is infinite, or no number, and no comparison holds.
 *
 * Behind a final LayerNorm (one head) a form that has a multiple K of sigma = sqrt(sum_c e_c^2 / d + eps) is V + K S, S = Z sigma = sqrt(sum_c R_c^2 / d + eps Z^2) with R_c = sum of w e_c over the sources, in which the tables have e_c within E = 2 units of 2^-40. Every R_c is off as N is, with
 * M the largest |e_c|, and |(x_c / sqrt d)| is at most the largest |x_c|: S computed without rounding from the computed R and Z is within 2 n d M + Z (E + (2n + 4) u M) of the computed Z times sigma. Rounding in d + 6 steps adds (d + 8) u S, S <= Z M', M' = M + 1 + eps; that of K
 * (within 2^-40), its product and sum 2^-40 Z M' + 4 u |K| Z M'. A root is not asked for: of any y > 0 and Q it lies between Q / y and y. Twice as much is taken of this, too. */
#include "cells_leaf.h"
#include <string.h>

#define EACH_MOST ((wide)1 << 20)       /* sequences of a line */
#define TOGETHER ((wide)1 << 11)        /* completions that stand side by side, of a class */
#define TOGETHER_ROOM ((size_t)1 << 18) /* numbers of a level */

/* Numbers of a sequence: Z of every head, then N of every form, head by head. level: from which on completions stand side by side; of class c number k of completion e at together[first[c] + k * length[c] + e]. */
struct each {
    struct leaf *x;
    size_t n_forms, n_numbers;
    double *term;                       /* [cells, numbers] */
    double along, of[HEADS_MOST];       /* the radius: along Z_1, and of Z_1 / Z_h */
    size_t centred; double *kappa, kappa_most, eps; /* numbers R_c, behind those of the forms; by form; 0, NULL and 0 where no form has a multiple of sigma */
    uint32_t level; size_t *first, *length; double *together;
    double *sum;                        /* [levels + 1, numbers] of the beginning */
    double *least, *radius, *rate, *sigma; /* of the completions at hand; Z times sigma */
    uint32_t *cell;                     /* of the sequence */
    const size_t **from;                /* by level: its part of step_from */
    wide yes, no, open;
};

/* ---- terms ---- */

/* G of a form and a head, at 2^-SEP_BITS; false when it is too large. Adds what it may be off by. */
static bool form_terms(struct each *e, const struct iform *f, int head, size_t number, double *most, double *off) {
    struct leaf *x = e->x;
    const struct sep *s = x->s;
    double sizes = 1;
    for (uint32_t a = 0; a < f->n; a++) sizes += (double)(f->alpha[a] < 0 ? -f->alpha[a] : f->alpha[a]);
    if (head == 0) sizes = (double)f->radius + 3;
    *off = sizes > *off ? sizes : *off;
    for (uint32_t i = 0; i < x->n_source; i++) {
        const uint32_t c = x->source[i];
        const int64_t *C = (head == 0 ? s->C : s->head[head].C) + (size_t)c * s->cols, *D = s->D + (size_t)x->q * s->cols;
        __int128 G = head == 0 ? (__int128)(sigma_counts(x, f) ? 0 : f->c) + (f->beta != NULL ? f->beta[c] : 0) : 0;
        for (uint32_t a = 0; a < f->n; a++) G += (__int128)f->alpha[a] * (C[f->j[a]] + (head == 0 ? D[f->j[a]] : 0));
        if (G > x->term_most || G < -x->term_most) return cells_refuse_leaf(x, "a form is too large");
        double v = (double)(int64_t)G * 0x1p-40, size = v < 0 ? -v : v;
        *most = size > *most ? size : *most;
        e->term[(size_t)c * e->n_numbers + number] = v * ((double)x->w[(size_t)head * s->at[s->n] + c] * 0x1p-60);
    }
    return true;
}

/* R_c, and what multiples of sigma add to the radius. */
static bool row_terms(struct each *e) {
    struct leaf *x = e->x;
    const struct sep *s = x->s;
    const size_t d = e->centred, at = e->n_numbers - d, n = s->n;
    double most = 0;
    for (uint32_t i = 0; i < x->n_source; i++) {
        const uint32_t c = x->source[i];
        for (size_t k = 0; k < d; k++) {
            int64_t entry = cells_read(x, c, s->n_out + s->units + (uint32_t)k);
            if (entry > x->term_most || entry < -x->term_most) return cells_refuse_leaf(x, "the row before the final LayerNorm is too large");
            double v = (double)entry * 0x1p-40, size = v < 0 ? -v : v;
            most = size > most ? size : most;
            e->term[(size_t)c * e->n_numbers + at + k] = v * ((double)x->w[c] * 0x1p-60);
        }
    }
    e->eps = mpq_get_d(s->eps);
    most = most + 1 + 2 * e->eps;
    e->along += 2 * e->kappa_most * (2 * 0x1p-40 + (double)(2 * n + d + 32) * 0x1p-53 * most) + 2 * 0x1p-40 * most;
    e->of[0] += 8 * e->kappa_most * (double)n * 0x1p-59 * most;
    return true;
}

/* Terms of the forms that are not shown, and the radius. */
static bool terms(struct each *e, const bool *shown) {
    struct leaf *x = e->x;
    const struct sep *s = x->s;
    const size_t heads = (size_t)s->heads, cells = s->at[s->n];
    bool good = true;
    for (uint32_t i = 0; i < x->n_source; i++)
        for (size_t h = 0; h < heads; h++) e->term[(size_t)x->source[i] * e->n_numbers + h] = (double)x->w[h * cells + x->source[i]] * 0x1p-60;
    e->along = 0;
    for (size_t h = 0; good && h < heads; h++) {
        double most = 1, off = 0;
        for (size_t k = 0, at = 0; good && k < x->t->n; k++)
            if (!shown[k]) good = form_terms(e, &x->t->form[k], (int)h, heads * (1 + at++) + h, &most, &off);
        e->along += 2 * (off * 0x1p-40 + (2 * s->n + 32) * 0x1p-53 * most);
        e->of[h] = 8 * s->n * 0x1p-59 * most;
    }
    return good && (e->centred == 0 || row_terms(e));
}

/* ---- completions side by side ---- */

/* Completions of every class of a level; those of the level behind it stand in n. */
static void lengths(const struct each *e, uint32_t i, wide *n, const wide *after) {
    const struct leaf *x = e->x;
    for (size_t c = 0; c < x->level[i].classes.n; c++) {
        n[c] = 0;
        for (size_t k = e->from[i][c]; k < e->from[i][c + 1]; k++) n[c] += after[x->step[k].to];
    }
}

/* What class c of level i has: every step's numbers with those of the completions behind it. */
static void put_together(const struct each *e, double *to, size_t length, uint32_t i, size_t c, const double *after, const size_t *first, const size_t *lengths_after) {
    const struct leaf *x = e->x;
    size_t at = 0;
    for (size_t k = e->from[i][c]; k < e->from[i][c + 1]; k++) {
        const double *term = e->term + x->step[k].cell * e->n_numbers;
        const size_t next = x->step[k].to, m = lengths_after[next];
        for (size_t v = 0; v < e->n_numbers; v++)
            for (size_t b = 0; b < m; b++) to[v * length + at + b] = term[v] + after[first[next] + v * m + b];
        at += m;
    }
}

/* Levels from the last one on, while their completions are few. */
static void together(struct each *e, size_t most) {
    const struct leaf *x = e->x;
    wide *n = mem_get(most, sizeof *n), *after = mem_get(most, sizeof *after);
    e->level = x->s->n;
    e->first = mem_get(most, sizeof *e->first);
    e->length = mem_get(most, sizeof *e->length);
    e->together = mem_get(e->n_numbers, sizeof *e->together); /* class 1 behind the last level: one completion, of sums 0 */
    e->length[1] = 1;
    after[1] = 1;
    while (e->level > 0) {
        const uint32_t i = e->level - 1;
        wide all = 0, largest = 0;
        lengths(e, i, n, after);
        for (size_t c = 0; c < x->level[i].classes.n; c++) {
            all += n[c];
            if (n[c] > largest) largest = n[c];
        }
        if (largest > TOGETHER || all * e->n_numbers > TOGETHER_ROOM) break;
        size_t *first = mem_get(most, sizeof *first), *length = mem_get(most, sizeof *length), at = 0;
        double *now = mem_get((size_t)all * e->n_numbers, sizeof *now);
        for (size_t c = 0; c < x->level[i].classes.n; c++) {
            first[c] = at;
            length[c] = (size_t)n[c];
            put_together(e, now + at, length[c], i, c, e->together, e->first, e->length);
            at += length[c] * e->n_numbers;
        }
        mem_free(e->first), mem_free(e->length), mem_free(e->together);
        e->first = first, e->length = length, e->together = now, e->level = i;
        wide *swap = n;
        n = after, after = swap;
    }
    mem_free(n);
    mem_free(after);
}

/* ---- sequences ---- */

LOOP static void first_head(double *restrict radius, double *restrict rate, const double *restrict Z, double z, double along, double of, size_t n) {
    for (size_t b = 0; b < n; b++) {
        rate[b] = z + Z[b];
        radius[b] = along * rate[b] + of;
    }
}

LOOP static void other_head(double *restrict radius, double *restrict rate, const double *restrict first, const double *restrict Z, double z, double of, size_t n) {
    for (size_t b = 0; b < n; b++) {
        rate[b] = first[b] / (z + Z[b]);
        radius[b] += rate[b] * of;
    }
}

LOOP static void one_head(double *restrict v, const double *restrict N, double start, size_t n) {
    for (size_t b = 0; b < n; b++) v[b] = start + N[b];
}

LOOP static void more_heads(double *restrict v, const double *restrict N, double start, const double *restrict rate, size_t n) {
    for (size_t b = 0; b < n; b++) v[b] += (start + N[b]) * rate[b];
}

LOOP static void add_square(double *restrict q, const double *restrict R, double start, double by, size_t n) {
    for (size_t b = 0; b < n; b++) q[b] += (start + R[b]) * (start + R[b]) * by;
}

/* Roots of q, in its place, by Newton's iteration from half the exponent: from above, and radius grows by `times` what they may be too large. */
LOOP static void take_roots(double *restrict q, double *restrict radius, double times, size_t n) {
    for (size_t b = 0; b < n; b++) {
        uint64_t bits;
        double y;
        memcpy(&bits, &q[b], sizeof bits);
        bits = (bits >> 1) + ((uint64_t)1023 << 51);
        memcpy(&y, &bits, sizeof y);
        for (int step = 0; step < 5; step++) y = (y + q[b] / y) / 2;
        radius[b] += 2 * times * (y - q[b] / y);
        q[b] = y;
    }
}

LOOP static void add_multiple(double *restrict v, const double *restrict sigma, double kappa, size_t n) {
    for (size_t b = 0; b < n; b++) v[b] += kappa * sigma[b];
}

LOOP static void lower(double *restrict least, const double *restrict v, size_t n) {
    for (size_t b = 0; b < n; b++) least[b] = v[b] < least[b] ? v[b] : least[b];
}

/* How many of the completions at hand have all forms positive, by their least one; and how many have one that is negative. */
LOOP static void tell(size_t *yes, size_t *no, const double *restrict least, const double *restrict radius, size_t n) {
    size_t above = 0, below = 0;
    for (size_t b = 0; b < n; b++) {
        above += least[b] > radius[b];
        below += least[b] < -radius[b];
    }
    *yes = above;
    *no = below;
}

/* The cells of completion b of class c of this level. */
static void completion(struct each *e, uint32_t i, size_t c, size_t b, wide *const *n) {
    const struct leaf *x = e->x;
    for (; i < x->s->n; i++) {
        size_t k = e->from[i][c];
        while (b >= n[i + 1][x->step[k].to]) b -= (size_t)n[i + 1][x->step[k++].to];
        e->cell[i] = x->step[k].cell;
        c = x->step[k].to;
    }
}

/* Those that the doubles leave open are evaluated. */
static void evaluate(struct each *e, size_t class, wide *const *n) {
    struct leaf *x = e->x;
    for (size_t b = 0; b < e->length[class]; b++) {
        if (e->least[b] > e->radius[b] || e->least[b] < -e->radius[b]) continue;
        completion(e, e->level, class, b, n);
        enum tri t = walk_at(x->walker, e->cell);
        if (x->t->negated) t = tri_not(t);
        e->yes += t == YES;
        e->no += t == NO;
        e->open += t == OPEN;
    }
}

/* sigma of the completions, and its radius; after first_head, which leaves Z in rate. */
static void find_sigma(struct each *e, const double *sum, const double *of, size_t m) {
    const double by = 1 / (double)e->centred;
    for (size_t b = 0; b < m; b++) e->sigma[b] = e->eps * e->rate[b] * e->rate[b];
    for (size_t c = e->n_numbers - e->centred; c < e->n_numbers; c++) add_square(e->sigma, of + c * m, sum[c], by, m);
    take_roots(e->sigma, e->radius, e->kappa_most, m);
}

/* All completions of the beginning that led to this class. */
static void settle(struct each *e, size_t class, wide *const *n) {
    const size_t m = e->length[class], heads = (size_t)e->x->s->heads;
    const double *sum = e->sum + e->level * e->n_numbers, *of = e->together + e->first[class];
    size_t yes, no;
    first_head(e->radius, e->rate, of, sum[0], e->along, e->of[0], m);
    for (size_t h = 1; h < heads; h++) other_head(e->radius, e->rate + h * m, e->rate, of + h * m, sum[h], e->of[h], m);
    if (e->centred > 0) find_sigma(e, sum, of, m);
    for (size_t k = 0; k < e->n_forms; k++) {
        double *v = k == 0 ? e->least : e->rate + heads * m;
        const size_t at = heads * (k + 1);
        one_head(v, of + at * m, sum[at], m);
        for (size_t h = 1; h < heads; h++) more_heads(v, of + (at + h) * m, sum[at + h], e->rate + h * m, m);
        if (e->centred > 0) add_multiple(v, e->sigma, e->kappa[k], m);
        if (k > 0) lower(e->least, v, m);
    }
    tell(&yes, &no, e->least, e->radius, m);
    e->yes += yes;
    e->no += no;
    if (yes + no < m) evaluate(e, class, n);
}

static void beginnings(struct each *e, uint32_t i, size_t class, wide *const *n) {
    const struct leaf *x = e->x;
    if (i == e->level) {
        settle(e, class, n);
        return;
    }
    const double *sum = e->sum + i * e->n_numbers;
    double *next = e->sum + (i + 1) * e->n_numbers;
    for (size_t k = e->from[i][class]; k < e->from[i][class + 1]; k++) {
        const double *term = e->term + x->step[k].cell * e->n_numbers;
        for (size_t v = 0; v < e->n_numbers; v++) next[v] = sum[v] + term[v];
        e->cell[i] = x->step[k].cell;
        beginnings(e, i + 1, x->step[k].to, n);
    }
}

static void release(struct each *e) {
    void *all[] = {e->term, e->first, e->length, e->together, e->sum, e->least, e->radius, e->rate, e->sigma, e->kappa, e->cell, e->from};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
}

/* Steps stand last level first; n: completions of every class of every level, for the sequences that are looked at by themselves. */
static void go_through(struct each *e) {
    const struct leaf *x = e->x;
    const uint32_t levels = x->s->n;
    size_t most = 2;
    wide **n = mem_get((size_t)levels + 1, sizeof *n);
    const size_t *from = x->step_from;
    e->from = mem_get((size_t)levels + 1, sizeof *e->from);
    for (uint32_t i = levels; i-- > 0; from += x->level[i].classes.n) {
        e->from[i] = from;
        if (x->level[i].classes.n > most) most = x->level[i].classes.n;
    }
    n[levels] = mem_get(2, sizeof **n);
    n[levels][1] = 1;
    for (uint32_t i = levels; i-- > 0;) {
        n[i] = mem_get(x->level[i].classes.n, sizeof **n);
        lengths(e, i, n[i], n[i + 1]);
    }
    together(e, most);
    size_t longest = 1;
    for (size_t c = 0; c < (e->level == levels ? 2 : x->level[e->level].classes.n); c++) longest = e->length[c] > longest ? e->length[c] : longest;
    e->sum = mem_get((size_t)(levels + 1) * e->n_numbers, sizeof *e->sum);
    e->least = mem_get(longest, sizeof *e->least);
    e->radius = mem_get(longest, sizeof *e->radius);
    e->rate = mem_get(longest * (HEADS_MOST + 1), sizeof *e->rate);
    e->sigma = mem_get(longest, sizeof *e->sigma);
    e->cell = mem_get(levels, sizeof *e->cell);
    beginnings(e, 0, 1, n);
    for (uint32_t i = 0; i <= levels; i++) mem_free(n[i]);
    mem_free(n);
}

static void find_kappa(struct each *e, const bool *shown) {
    const struct truth *t = e->x->t;
    e->kappa = mem_get(e->n_forms, sizeof *e->kappa);
    for (size_t k = 0, at = 0; k < t->n; k++) {
        if (shown[k]) continue;
        double v = sigma_counts(e->x, &t->form[k]) ? (double)t->form[k].c * 0x1p-40 : 0, size = v < 0 ? -v : v;
        e->kappa[at++] = v;
        e->kappa_most = size > e->kappa_most ? size : e->kappa_most;
    }
}

bool cells_each(struct leaf *x, const bool *shown, wide all) {
    struct each e = {.x = x};
    if (all > EACH_MOST) return cells_refuse_leaf(x, "a part that is too large for 'each'");
    if (x->s->units > 0) return cells_refuse_leaf(x, "'each' of a network with an MLP");
    for (size_t k = 0; k < x->t->n; k++) {
        bool bent = !shown[k] && sigma_counts(x, &x->t->form[k]);
        if (bent && x->s->heads > 1) return cells_refuse_leaf(x, "'each' of several heads, and a form with a multiple of sigma");
        if (bent) e.centred = x->s->n_centred;
        e.n_forms += !shown[k];
    }
    if (e.n_forms == 0) e.yes = all; /* the words show them */
    else {
        e.n_numbers = (size_t)x->s->heads * (1 + e.n_forms) + e.centred;
        find_kappa(&e, shown);
        e.term = mem_get((size_t)x->s->at[x->s->n] * e.n_numbers, sizeof *e.term);
        if (!terms(&e, shown)) {
            release(&e);
            return false;
        }
        go_through(&e);
        release(&e);
    }
    *x->yes += x->t->negated ? e.no : e.yes;
    *x->open += e.open;
    if ((x->t->negated ? e.yes : e.no) > 0) *x->no = true;
    return true;
}
