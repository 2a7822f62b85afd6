/* Rule count (FORMAT.md §3), the tables of one form: how many sequences of a part have integers that add up to at most what is asked for. All in integers:
 * a term g of position i becomes floor((g - o) / step), o an offset of the position, or that rounded up. Numbers of completions are kept in units of
 * 2^shift of their level; the true number lies between the one kept and `error` units more. */
#include "separable_walk.h"
#include "integers.h"
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MOST ((size_t)1 << 26)
#define TOKENS_MOST ((uint32_t)1 << 15)
#define UNIT_BITS 48                      /* numbers stay below 2^48 units, sums over the tokens below 2^63 */

void sums_clear(struct sums *t) {
    void *all[] = {t->mark, t->of, t->N, t->jump, t->branch, t->fraction};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *t = (struct sums){0};
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

#define EACH_EDGE(c, state, e) for (const struct edge *e = (c)->edge + (c)->out[state]; e < (c)->edge + (c)->out[(state) + 1]; e++)

/* ---- terms in steps ---- */

/* The offset, in 0..step - 1, that leaves the least rests: one of the n terms less its steps. */
static int64_t best_offset(int64_t *fraction, size_t n, int64_t step, bool over) {
    qsort(fraction, n, sizeof *fraction, rising);
    __int128 best = 0;
    int64_t at = 0;
    for (size_t r = 0; r < n; r++) {
        __int128 rests = (__int128)r * step - (__int128)n * fraction[r];
        if (!over) rests = -rests;
        if (r == 0 || rests < best) best = rests, at = fraction[r];
    }
    return at;
}

/* Integers of all allowed cells, of their least terms to count too much and of their largest to count too little; what they are to add up to at most. */
static void take_steps(struct sums *t, const struct cell *c, size_t form, bool over) {
    const int64_t *term = over ? c->g : c->top;
    __int128 offsets = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        size_t n = 0;
        for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++) {
            int64_t g = term[(size_t)x * c->K + form];
            if (c->allowed[x]) t->fraction[n++] = g - floor_div(g, t->step) * t->step;
        }
        int64_t offset = best_offset(t->fraction, n, t->step, over);
        for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++) {
            int64_t g = term[(size_t)x * c->K + form] - offset;
            t->of[x] = over ? floor_div(g, t->step) : -floor_div(-g, t->step);
        }
        offsets += offset;
    }
    /* a sum of terms is at most the radius where the form is not positive, and below minus the radius only where it is negative */
    __int128 room = (over ? (__int128)c->radius[form] : -(__int128)c->radius[form] - 1) - offsets, whole = room / t->step;
    t->ask = (int64_t)(whole - (room % t->step < 0));
}

/* ---- a table ---- */

/* Least and most of the sums of the completions of every state. */
static void extrema(struct sums *t, const struct cell *c) {
    memset(t->mark, 0, c->first[c->n + 1] * sizeof *t->mark);
    for (size_t s = c->first[c->n]; s-- > 0;) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        EACH_EDGE(c, s, e) {
            const struct mark *y = t->mark + e->to;
            if (t->of[e->cell] + y->least < least) least = t->of[e->cell] + y->least;
            if (t->of[e->cell] + y->most > most) most = t->of[e->cell] + y->most;
        }
        t->mark[s].least = least;
        t->mark[s].most = most;
    }
}

/* The window of every state: what may be asked of it, less what its extrema answer. Returns the number of entries in all. */
static size_t windows(struct sums *t, const struct cell *c) {
    size_t total = 0;
    struct mark *root = t->mark + ROOT;
    for (size_t k = 0; k < c->first[c->n + 1]; k++) t->mark[k].from = INT64_MAX, t->mark[k].to = INT64_MIN;
    root->from = root->to = t->ask;
    for (size_t s = 0; s < c->first[c->n]; s++) {
        struct mark *m = t->mark + s;
        if (m->from > m->to) continue;
        EACH_EDGE(c, s, e) {
            struct mark *y = t->mark + e->to;
            int64_t g = t->of[e->cell];
            if (m->from - g < y->from) y->from = m->from - g;
            if (m->to - g > y->to) y->to = m->to - g;
        }
        if (m->from < m->least) m->from = m->least;
        if (m->to > m->most - 1) m->to = m->most - 1;
        m->at = total;
        m->n = m->from <= m->to ? (size_t)(m->to - m->from) + 1 : 0;
        total += m->n;
        if (total > ENTRIES_MOST) return total;
    }
    return total;
}

__attribute__((optimize("O3"))) static void add_row(uint64_t *restrict to, const uint64_t *restrict from, size_t n) {
    for (size_t v = 0; v < n; v++) to[v] += from[v];
}

__attribute__((optimize("O3"))) static void add_row_times(uint64_t *restrict to, const uint64_t *restrict from, uint32_t times, size_t n) {
    for (size_t v = 0; v < n; v++) to[v] += times * from[v];
}

/* number(v) += times that of the next class at v - g; jump: what is added from an entry on, where all of its completions are below */
static void add_branch(struct sums *t, const struct mark *m, const struct branch *b, uint64_t all) {
    const struct mark *y = t->mark + b->to;
    int64_t end = m->from + (int64_t)m->n, first = y->from + b->g, last = y->from + b->g + (int64_t)y->n, full = y->most + b->g;
    if (first < m->from) first = m->from;
    if (last > end) last = end;
    if (y->n > 0 && first < last) {
        uint64_t *to = t->N + m->at + (first - m->from), *from = t->N + y->at + (first - b->g - y->from);
        if (b->times == 1) add_row(to, from, (size_t)(last - first));
        else add_row_times(to, from, b->times, (size_t)(last - first));
    }
    if (full < m->from) full = m->from;
    if (full < end) t->jump[full - m->from] += b->times * all;
}

static int order(const void *a, const void *b) {
    const struct branch *x = a, *y = b;
    return x->g != y->g ? (x->g > y->g) - (x->g < y->g) : (x->to > y->to) - (x->to < y->to);
}

/* The edges of a state, equal ones together. */
static size_t branches(struct sums *t, const struct cell *c, size_t state) {
    size_t n = 0, kept = 0;
    EACH_EDGE(c, state, e) t->branch[n++] = (struct branch){e->to, t->of[e->cell], 1};
    qsort(t->branch, n, sizeof *t->branch, order);
    for (size_t k = 0; k < n; k++)
        if (kept > 0 && order(&t->branch[kept - 1], &t->branch[k]) == 0) t->branch[kept - 1].times++;
        else t->branch[kept++] = t->branch[k];
    return kept;
}

static void fill(struct sums *t, const struct cell *c) {
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t s = c->first[i]; s < c->first[i + 1]; s++) {
            const struct mark *m = t->mark + s;
            if (m->n == 0) continue;
            unsigned below = c->unit[i + 1].shift, drop = c->unit[i].shift - below;
            uint64_t *N = t->N + m->at, all = 0;
            memset(t->jump, 0, m->n * sizeof *t->jump);
            memset(N, 0, m->n * sizeof *N);
            size_t n = branches(t, c, s);
            for (const struct branch *b = t->branch; b < t->branch + n; b++) add_branch(t, m, b, (uint64_t)(c->count[b->to] >> below));
            for (size_t v = 0; v < m->n; v++) {
                all += t->jump[v];
                N[v] = (N[v] + all) >> drop;
            }
        }
}

/* Units of the levels: numbers below 2^48 of them, with their error. */
bool cell_units(struct cell *c) {
    c->unit[c->n] = (struct unit){0, 0};
    for (uint32_t i = c->n; i-- > 0;) {
        wide most = 0;
        for (size_t s = c->first[i]; s < c->first[i + 1]; s++)
            if (c->count[s] > most) most = c->count[s];
        unsigned shift = c->unit[i + 1].shift, below = shift;
        while (most >> shift >= (wide)1 << UNIT_BITS) shift++;
        uint64_t error = c->unit[i + 1].error;
        c->unit[i] = (struct unit){shift, shift == 0 ? 0 : ((error * c->level[i].tokens) >> (shift - below)) + 2};
        if (c->level[i].tokens > TOKENS_MOST || c->unit[i].error >> UNIT_BITS > 0) return false;
    }
    return true;
}

static void room(struct sums *t, const struct cell *c) {
    size_t states = c->first[c->n + 1];
    if (t->states < states || t->mark == NULL) {
        mem_free(t->mark);
        t->mark = mem_get(states, sizeof *t->mark);
        t->states = states;
    }
    if (t->of != NULL) return;
    t->of = mem_get(c->at[c->n], sizeof *t->of);
    t->fraction = mem_get(c->at[c->n], sizeof *t->fraction);
    t->branch = mem_get(c->at[c->n], sizeof *t->branch);
}

/* The numbers of entries of all tables, and of the largest. */
static void room_for(struct sums *t, const struct cell *c, size_t entries) {
    size_t widest = 0;
    for (size_t k = 0; k < c->first[c->n]; k++)
        if (t->mark[k].n > widest) widest = t->mark[k].n;
    if (entries >= t->room_N) {
        mem_free(t->N);
        t->room_N = entries + 1;
        t->N = mem_get(t->room_N, sizeof *t->N);
    }
    if (widest >= t->room_jump) {
        mem_free(t->jump);
        t->room_jump = widest + 1;
        t->jump = mem_get(t->room_jump, sizeof *t->jump);
    }
}

/* Sequences whose integers add up to at most what is asked for: at least *lo, at most *hi. */
static void number(wide *lo, wide *hi, const struct sums *t, const struct cell *c) {
    const struct mark *m = t->mark + ROOT;
    wide all = c->count[ROOT];
    *lo = *hi = t->ask < m->least ? 0 : all;
    if (m->n == 0) return;
    uint64_t n = t->N[m->at];
    *lo = (wide)n << c->unit[0].shift;
    *hi = (wide)(n + c->unit[0].error) << c->unit[0].shift;
    if (*lo > all) *lo = all;
    if (*hi > all) *hi = all;
}

bool sums_count(wide *over, wide *under, struct sums *t, const struct cell *c, size_t form, uint32_t bins) {
    wide other;
    int64_t width = c->most[ROOT * c->K + form] - c->least[ROOT * c->K + form];
    room(t, c);
    t->step = width / bins > 0 ? width / bins : 1;
    for (int side = 0; side < 2; side++) {
        take_steps(t, c, form, side == 0);
        extrema(t, c);
        size_t entries = windows(t, c);
        if (entries > ENTRIES_MOST) return false;
        room_for(t, c, entries);
        fill(t, c);
        if (side == 0) number(&other, over, t, c);
        else number(under, &other, t, c);
    }
    if (*under > *over) *under = *over;
    return true;
}
