/* The tokens that may stand at a position behind one class of a walk, looked at together (real semantics): form by form their sums are rounded to 32 bits, and a token that is clear of what that loses is settled.
 *
 * A form k has a shift: all of its sums, rounded down, are below 2^28 behind it. Rounded so, a sum s of what the walk has and least (largest) sums x of a token and all behind it are s' <= s < s' + 1 and x' <= x < x' + 1
 * in units of 2^shift, so that s' + x' >= clear settles that s + x >= radius + 1, and s' + x' < -clear that s + x < -radius, where clear = 3 + (radius >> shift): (s' + x' + 2) 2^shift <= -(1 + (radius >> shift)) 2^shift < -radius. */
#include "integers.h"
#include "loops.h"
#include "separable_walk.h"
#include <string.h>

#define ROOM_MOST ((size_t)1 << 21) /* integers of all rows */
#define FEW ((wide)1 << 30)         /* units of sequences that are added up in 32 bits */
#define VISITS 2                    /* before rows are made */
#define SIZE_BITS 28                /* of a sum; of a radius 6 */
#define NOWHERE ((int32_t)1 << 30)  /* the sum of a token that leads nowhere: clear of everything */

static uint32_t tokens_at(const struct together *l, uint32_t i) { return l->w->s.at[i + 1] - l->w->s.at[i]; }

static uint32_t room_for(const struct walker *w) {
    uint32_t most = 1;
    for (uint32_t i = 0; i < w->s.n; i++)
        if (w->s.at[i + 1] - w->s.at[i] > most) most = w->s.at[i + 1] - w->s.at[i];
    return (most + 7) / 8 * 8;
}

/* Of the largest terms of every position, and of the radius: below 2^59 (separable_fill.c). */
static uint64_t largest_sum(const struct walker *w, size_t k) {
    uint64_t sum = (uint64_t)w->radius[k];
    for (uint32_t i = 0; i < w->s.n; i++) {
        int64_t most = 0;
        for (uint32_t c = w->s.at[i]; c < w->s.at[i + 1]; c++)
            if (w->live[c]) most = size_of(w->g[(size_t)c * w->n_form + k]) > most ? size_of(w->g[(size_t)c * w->n_form + k]) : most;
        sum += (uint64_t)most;
    }
    return sum;
}

static void make_room(struct together *l, const struct walker *w) {
    uint32_t n = w->s.n;
    l->width = room_for(w);
    l->low = mem_get((size_t)n * l->width, sizeof *l->low);
    l->high = mem_get((size_t)n * l->width, sizeof *l->high);
    l->open = mem_get((size_t)n * l->width, 1);
    l->first = mem_get((size_t)n + 1, sizeof *l->first);
    l->room = mem_get(ROOM_MOST, sizeof *l->room);
}

/* What all numbers of sequences from the sources on are multiples of. */
static wide unit_of(const struct walker *w) {
    const struct level *end = &w->level[w->s.net->causal ? w->s.row + 1 : w->s.n];
    wide unit = 0;
    for (size_t c = 1; c < end->classes.n; c++) {
        if (c > 1 && end->count[c] != unit) return 1;
        unit = end->count[c];
    }
    return unit > 0 ? unit : 1;
}

void together_start(struct together *l, const struct walker *w, const uint32_t *form, uint32_t n) {
    l->n = 0;
    if (w->top != w->g) return;
    if (l->room == NULL) make_room(l, w);
    l->w = w;
    size_t classes = 0;
    for (uint32_t i = 0; i < w->s.n; i++) {
        l->first[i] = classes;
        classes += w->level[i].classes.n;
    }
    mem_free(l->rows);
    mem_free(l->row);
    mem_free(l->shift);
    l->rows = mem_get(classes, sizeof *l->rows);
    l->row = mem_get(w->n_form, sizeof *l->row);
    l->shift = mem_get(w->n_form, sizeof *l->shift);
    l->form = form;
    l->n = n;
    l->unit = unit_of(w);
    l->used = 0;
    l->clear = 0;
    for (uint32_t e = 0; e < n; e++) {
        size_t k = form[e];
        int sum = bits_of(largest_sum(w, k)), radius = bits_of((uint64_t)w->radius[k]);
        l->row[k] = e;
        l->shift[k] = sum > SIZE_BITS ? sum - SIZE_BITS : 0;
        if (radius > l->shift[k] + 6) l->shift[k] = radius - 6;
        int32_t clear = 3 + (int32_t)(w->radius[k] >> l->shift[k]);
        if (clear > l->clear) l->clear = clear;
    }
}

void together_clear(struct together *l) {
    void *all[] = {l->rows, l->row, l->shift, l->low, l->high, l->open, l->first, l->room};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

/* A token that leads to class `to` of the next level: one column of the rows. */
static void fill_column(int32_t *low, int32_t *high, const struct together *l, uint32_t i, uint32_t t, size_t to) {
    const struct walker *w = l->w;
    const int64_t *g = w->g + (size_t)(w->s.at[i] + t) * w->n_form, *least = w->level[i + 1].least + to * w->n_form, *most = w->level[i + 1].most + to * w->n_form;
    for (uint32_t e = 0; e < l->n; e++) {
        size_t k = l->form[e];
        low[(size_t)e * l->width] = (int32_t)((g[k] + least[k]) >> l->shift[k]);
        high[(size_t)e * l->width] = (int32_t)((g[k] + most[k]) >> l->shift[k]);
    }
}

/* Units of sequences by token, then rows by form and token of the least sums, and of the largest. */
static bool make_rows(struct together *l, struct together_rows *r, uint32_t i, size_t class) {
    const struct walker *w = l->w;
    const struct level *here = &w->level[i];
    size_t block = (size_t)l->n * l->width;
    if (l->used + l->width + 2 * block > ROOM_MOST) return false;
    r->at = l->used;
    r->few = here->count[class] / l->unit < FEW;
    int32_t *count = l->room + r->at, *low = count + l->width, *high = low + block;
    for (uint32_t t = 0; t < l->width; t++) {
        size_t to = t < here->tokens ? (size_t)here->classes.key[class * here->tokens + t] : 0;
        if (to != 0 && w->level[i + 1].count[to] % l->unit != 0) r->few = false; /* behind the sources */
        count[t] = to != 0 && r->few ? (int32_t)(w->level[i + 1].count[to] / l->unit) : 0;
        if (to != 0) fill_column(low + t, high + t, l, i, t, to);
        for (uint32_t e = 0; to == 0 && e < l->n; e++) low[(size_t)e * l->width + t] = high[(size_t)e * l->width + t] = NOWHERE;
    }
    r->gap = 0;
    for (size_t x = 0; x < block; x++)
        if (high[x] - low[x] > r->gap) r->gap = high[x] - low[x];
    r->flat = r->gap <= 64;
    l->used += l->width + (r->flat ? block : 2 * block);
    return r->made = true;
}

LOOP static void lower(int32_t *restrict low, const int32_t *restrict row, int32_t sum, uint32_t n) {
    for (uint32_t t = 0; t < n; t++) {
        int32_t v = sum + row[t];
        low[t] = v < low[t] ? v : low[t];
    }
}

/* Forms of a depth, with their rows and shifts. */
struct forms { const struct depth *from; const uint32_t *row; const int *shift; };

/* The least sums of all forms, by token; n of them. */
LOOP static void least_sums(int32_t *restrict low, const int32_t *restrict rows, const struct forms f, uint32_t n) {
    for (uint32_t t = 0; t < n; t++) low[t] = NOWHERE;
    for (uint32_t a = 0; a < f.from->n; a++) {
        uint32_t k = f.from->form[a];
        lower(low, rows + (size_t)f.row[k] * n, (int32_t)(f.from->sum[k] >> f.shift[k]), n);
    }
}

/* The same behind a token with terms g, whose column of the rows here is `column`: of the forms that are not positive on all that is behind it. */
LOOP static void least_behind(int32_t *restrict low, const int32_t *restrict rows, const struct forms f, uint32_t n, const int64_t *g, const int32_t *column, int32_t clear) {
    for (uint32_t t = 0; t < n; t++) low[t] = NOWHERE;
    for (uint32_t a = 0; a < f.from->n; a++) {
        uint32_t k = f.from->form[a];
        size_t row = (size_t)f.row[k] * n;
        if ((int32_t)(f.from->sum[k] >> f.shift[k]) + column[row] < clear) lower(low, rows + row, (int32_t)((f.from->sum[k] + g[k]) >> f.shift[k]), n);
    }
}

/* Sequences, `unit` for each one that is counted, behind tokens whose least sum is at least `clear`, and behind those whose other sum is below `below`. */
LOOP static void count_settled(wide *yes, wide *no, const int32_t *low, int32_t clear, const int32_t *high, int32_t below, const int32_t *restrict count, wide unit, uint32_t n) {
    int32_t above = 0, under = 0;
    for (uint32_t t = 0; t < n; t++) {
        above += low[t] >= clear ? count[t] : 0;
        under += high[t] < below ? count[t] : 0;
    }
    *yes = (wide)above * unit;
    *no = (wide)under * unit;
}

LOOP static void mark_open(unsigned char *restrict open, const int32_t *low, int32_t clear, const int32_t *high, int32_t below, uint32_t n) {
    for (uint32_t t = 0; t < n; t++) open[t] = (low[t] < clear) & (high[t] >= below);
}

bool together_look(struct together *l, const struct depth *from, uint32_t i, size_t class) {
    if (l->n == 0) return false;
    struct together_rows *r = &l->rows[l->first[i] + class];
    if (!r->made && (r->visits++ < VISITS || !make_rows(l, r, i, class))) return false;
    int32_t *low = l->low + (size_t)i * l->width, *high = r->flat ? low : l->high + (size_t)i * l->width;
    const int32_t *first = l->room + r->at + l->width;
    const struct forms f = {.from = from, .row = l->row, .shift = l->shift};
    least_sums(low, first, f, l->width);
    if (!r->flat) least_sums(high, first + (size_t)l->n * l->width, f, l->width);
    l->no = -l->clear - (r->flat ? r->gap : 0);
    mark_open(l->open + (size_t)i * l->width, low, l->clear, high, l->no, l->width);
    return true;
}

bool together_count(wide *yes, wide *no, const struct together *l, uint32_t i, size_t class) {
    const struct together_rows *r = &l->rows[l->first[i] + class];
    const int32_t *low = l->low + (size_t)i * l->width, *high = r->flat ? low : l->high + (size_t)i * l->width;
    if (r->few) count_settled(yes, no, low, l->clear, high, l->no, l->room + r->at, l->unit, l->width);
    return r->few;
}

bool together_behind(wide *yes, wide *no, struct together *l, const struct depth *from, uint32_t i, size_t class, uint32_t t, size_t to) {
    const struct walker *w = l->w;
    if (i + 1 == w->s.n) return false;
    const struct together_rows *here = &l->rows[l->first[i] + class], *next = &l->rows[l->first[i + 1] + to];
    if (!next->made || !next->flat || !next->few) return false;
    const int32_t *count = l->room + next->at;
    int32_t *low = l->low + (size_t)(i + 1) * l->width;
    least_behind(low, count + l->width, (struct forms){.from = from, .row = l->row, .shift = l->shift}, l->width, w->g + (size_t)(w->s.at[i] + t) * w->n_form, l->room + here->at + l->width + t, l->clear);
    count_settled(yes, no, low, l->clear, low, -l->clear - next->gap, count, l->unit, l->width);
    return *yes + *no == w->level[i + 1].count[to];
}

uint32_t together_next(const struct together *l, uint32_t i, uint32_t t) {
    const unsigned char *open = l->open + (size_t)i * l->width;
    const uint32_t n = tokens_at(l, i);
    while (t < n && !open[t]) {
        uint64_t word;
        memcpy(&word, open + t / 8 * 8, sizeof word);
        t = word != 0 ? t + 1 : t / 8 * 8 + 8;
    }
    return t < n ? t : n;
}

enum tri together_truth(const struct together *l, uint32_t i, uint32_t t) {
    size_t at = (size_t)i * l->width + t;
    return l->open[at] ? OPEN : l->low[at] >= l->clear ? YES : NO;
}
