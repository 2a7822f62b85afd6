/* Rule count (FORMAT.md §3), the tables of one form: how many sequences of a part have steps that add up to at most v. All in integers. A term is
 * steps * step and a rest in 0..step - 1. Numbers of completions are kept in units of 2^shift of their level; the true number lies between the one
 * kept and `error` units more. */
#include "separable_walk.h"
#include <string.h>

#define ENTRIES_MOST ((size_t)1 << 26)
#define TOKENS_MOST ((uint32_t)1 << 15)
#define UNIT_BITS 48                      /* numbers stay below 2^48 units, sums over the tokens below 2^63 */

void sums_clear(struct sums *t) {
    void *all[] = {t->mark, t->steps, t->rest, t->N};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *t = (struct sums){0};
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

#define EACH_EDGE(c, state, e) for (const struct edge *e = (c)->edge + (c)->out[state]; e < (c)->edge + (c)->out[(state) + 1]; e++)

/* Least and most of the sums of x over the completions of every state. */
static void extrema(const struct sums *t, const struct cell *c, const int64_t *x, bool rests) {
    for (size_t s = c->first[c->n]; s-- > 0;) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        EACH_EDGE(c, s, e) {
            const struct mark *y = t->mark + e->to;
            int64_t lo = x[e->cell] + (rests ? y->low : y->least), hi = x[e->cell] + (rests ? y->high : y->most);
            if (lo < least) least = lo;
            if (hi > most) most = hi;
        }
        if (rests) t->mark[s].low = least, t->mark[s].high = most;
        else t->mark[s].least = least, t->mark[s].most = most;
    }
}

/* The window of every state: what may be asked of it, less what its extrema answer. Returns the number of entries in all. */
static size_t windows(struct sums *t, const struct cell *c) {
    size_t total = 0;
    struct mark *root = t->mark + ROOT;
    for (size_t k = 0; k < c->first[c->n + 1]; k++) t->mark[k].from = INT64_MAX, t->mark[k].to = INT64_MIN;
    root->from = floor_div(-2 * t->radius - root->high, t->step) - 3;
    root->to = floor_div(2 * t->radius - root->low, t->step) + 2;
    for (size_t s = 0; s < c->first[c->n]; s++) {
        struct mark *m = t->mark + s;
        if (m->from > m->to) continue;
        EACH_EDGE(c, s, e) {
            struct mark *y = t->mark + e->to;
            int64_t g = t->steps[e->cell];
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

/* number(v) += that of the next class at v - g; jump: what is added from an entry on, where all of its completions are below */
static void add_edge(struct sums *t, const struct mark *m, const struct mark *y, uint64_t *jump, int64_t g, uint64_t all) {
    int64_t end = m->from + (int64_t)m->n, first = y->from + g, last = y->from + g + (int64_t)y->n, full = y->most + g;
    if (first < m->from) first = m->from;
    if (last > end) last = end;
    if (y->n > 0 && first < last) add_row(t->N + m->at + (first - m->from), t->N + y->at + (first - g - y->from), (size_t)(last - first));
    if (full < m->from) full = m->from;
    if (full < end) jump[full - m->from] += all;
}

static void fill(struct sums *t, const struct cell *c) {
    size_t widest = 0;
    for (size_t k = 0; k < c->first[c->n + 1]; k++)
        if (t->mark[k].n > widest) widest = t->mark[k].n;
    uint64_t *jump = mem_get(widest + 1, sizeof *jump);
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t s = c->first[i]; s < c->first[i + 1]; s++) {
            const struct mark *m = t->mark + s;
            if (m->n == 0) continue;
            unsigned below = c->unit[i + 1].shift, drop = c->unit[i].shift - below;
            uint64_t *N = t->N + m->at, all = 0;
            memset(jump, 0, m->n * sizeof *jump);
            EACH_EDGE(c, s, e) add_edge(t, m, t->mark + e->to, jump, t->steps[e->cell], (uint64_t)(c->count[e->to] >> below));
            for (size_t v = 0; v < m->n; v++) {
                all += jump[v];
                N[v] = (N[v] + all) >> drop;
            }
        }
    mem_free(jump);
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

bool sums_fill(struct sums *t, const struct cell *c, size_t form, uint32_t bins) {
    uint32_t cells = c->at[c->n];
    size_t states = c->first[c->n + 1];
    t->radius = c->radius[form];
    if (t->states < states || t->mark == NULL) {
        mem_free(t->mark);
        t->mark = mem_get(states, sizeof *t->mark);
        t->states = states;
    }
    memset(t->mark, 0, states * sizeof *t->mark);
    if (t->steps == NULL) t->steps = mem_get(cells, sizeof *t->steps), t->rest = mem_get(cells, sizeof *t->rest);
    for (uint32_t x = 0; x < cells; x++) t->steps[x] = c->g[(size_t)x * c->K + form];
    extrema(t, c, t->steps, false);
    const struct mark *root = t->mark + ROOT;
    int64_t width = root->most - root->least;
    t->step = width / bins > 0 ? width / bins : 1;
    for (uint32_t x = 0; x < cells; x++) {
        int64_t g = floor_div(t->steps[x], t->step);
        t->rest[x] = t->steps[x] - g * t->step;
        t->steps[x] = g;
    }
    extrema(t, c, t->steps, false);
    extrema(t, c, t->rest, true);
    size_t entries = windows(t, c);
    if (entries > ENTRIES_MOST) return false;
    if (entries + 1 > t->room || t->N == NULL) {
        mem_free(t->N);
        t->room = entries + 1;
        t->N = mem_get(t->room, sizeof *t->N);
    } else memset(t->N, 0, entries * sizeof *t->N);
    t->bins = bins;
    fill(t, c);
    return true;
}

/* Sequences whose steps add up to at most v: at least *lo, at most *hi. */
static void number(wide *lo, wide *hi, const struct sums *t, const struct cell *c, int64_t v) {
    const struct mark *m = t->mark + ROOT;
    wide all = c->count[ROOT];
    *lo = 0;
    *hi = all;
    if (v < m->least) *hi = 0;
    else if (v >= m->most) *lo = all;
    else if (v >= m->from && v - m->from < (int64_t)m->n) {
        uint64_t n = t->N[m->at + (size_t)(v - m->from)];
        *lo = (wide)n << c->unit[0].shift;
        *hi = (wide)(n + c->unit[0].error) << c->unit[0].shift;
        if (*lo > all) *lo = all;
        if (*hi > all) *hi = all;
    }
}

void sums_ask(wide *over, wide *under, const struct sums *t, const struct cell *c) {
    const struct mark *m = t->mark + ROOT;
    wide other;
    number(&other, over, t, c, floor_div(t->radius - m->low, t->step));
    number(under, &other, t, c, -floor_div(t->radius + m->high, t->step) - 1);
    if (*under > *over) *under = *over;
}
