/* Rule count (FORMAT.md §3), the tables of one form: how many completions of a class have steps that add up to at most v. All in integers. A term is
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

/* c0 times form 0 over 2^e0, rounded down, plus c1 times form 1 likewise */
int64_t mix_at(const struct mix *m, const int64_t *of_forms) {
    int64_t x = m->by[0] * (of_forms[m->form[0]] >> m->drop[0]);
    return m->by[1] == 0 ? x : x + m->by[1] * (of_forms[m->form[1]] >> m->drop[1]);
}

/* of a whole sum of n terms and a sum so far: every rounding down is less than one unit */
static int64_t mix_radius(const struct mix *m, const int64_t *radius, uint32_t n) {
    if (m->by[1] == 0) return radius[m->form[0]];
    int64_t sum = 0;
    for (int i = 0; i < 2; i++) sum += m->by[i] * ((radius[m->form[i]] >> m->drop[i]) + 2 + n);
    return sum;
}

#define EACH_EDGE(c, i, class, t, to) \
    for (uint32_t t = 0; t < (c)->level[i].tokens; t++) \
        for (size_t to = (size_t)(c)->level[i].classes.key[(class) * (c)->level[i].tokens + t]; to != 0; to = 0)

static struct mark *marks(const struct sums *t, const struct cell *c, uint32_t i) { return t->mark + c->first[i]; }

/* Least and most of the sums of x over the completions of every class. */
static void extrema(const struct sums *t, const struct cell *c, const int64_t *x, bool rests) {
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t k = 1; k < c->level[i].classes.n; k++) {
            struct mark *m = marks(t, c, i) + k;
            int64_t least = INT64_MAX, most = INT64_MIN;
            EACH_EDGE(c, i, k, a, to) {
                const struct mark *y = marks(t, c, i + 1) + to;
                int64_t lo = x[c->at[i] + a] + (rests ? y->low : y->least), hi = x[c->at[i] + a] + (rests ? y->high : y->most);
                if (lo < least) least = lo;
                if (hi > most) most = hi;
            }
            if (rests) m->low = least, m->high = most;
            else m->least = least, m->most = most;
        }
}

/* The window of every class: what may be asked of it, less what its extrema answer. Returns the number of entries in all. */
static size_t windows(struct sums *t, const struct cell *c) {
    size_t total = 0;
    struct mark *root = marks(t, c, 0) + 1;
    for (size_t k = 0; k < c->first[c->n + 1]; k++) t->mark[k].from = INT64_MAX, t->mark[k].to = INT64_MIN;
    root->from = floor_div(-2 * t->radius - root->high, t->step) - 3;
    root->to = floor_div(2 * t->radius - root->low, t->step) + 2;
    for (uint32_t i = 0; i < c->n; i++)
        for (size_t k = 1; k < c->level[i].classes.n; k++) {
            struct mark *m = marks(t, c, i) + k;
            if (m->from > m->to) continue;
            EACH_EDGE(c, i, k, a, to) {
                struct mark *y = marks(t, c, i + 1) + to;
                int64_t g = t->steps[c->at[i] + a];
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
        for (size_t k = 1; k < c->level[i].classes.n; k++) {
            const struct mark *m = marks(t, c, i) + k;
            if (m->n == 0) continue;
            unsigned below = c->unit[i + 1].shift, drop = c->unit[i].shift - below;
            uint64_t *N = t->N + m->at, all = 0;
            memset(jump, 0, m->n * sizeof *jump);
            EACH_EDGE(c, i, k, a, to) add_edge(t, m, marks(t, c, i + 1) + to, jump, t->steps[c->at[i] + a], (uint64_t)(c->level[i + 1].count[to] >> below));
            for (size_t v = 0; v < m->n; v++) {
                all += jump[v];
                N[v] = (N[v] + all) >> drop;
            }
        }
    mem_free(jump);
}

/* Units of the levels: numbers below 2^48 of them, with their error. */
bool cell_units(struct cell *c) {
    c->first[0] = 0;
    for (uint32_t i = 0; i <= c->n; i++) c->first[i + 1] = c->first[i] + (i == c->n ? 2 : c->level[i].classes.n);
    c->unit[c->n] = (struct unit){0, 0};
    for (uint32_t i = c->n; i-- > 0;) {
        wide most = 0;
        for (size_t k = 1; k < c->level[i].classes.n; k++)
            if (c->level[i].count[k] > most) most = c->level[i].count[k];
        unsigned shift = c->unit[i + 1].shift, below = shift;
        while (most >> shift >= (wide)1 << UNIT_BITS) shift++;
        uint64_t error = c->unit[i + 1].error;
        c->unit[i] = (struct unit){shift, shift == 0 ? 0 : ((error * c->level[i].tokens) >> (shift - below)) + 2};
        if (c->level[i].tokens > TOKENS_MOST || c->unit[i].error >> UNIT_BITS > 0) return false;
    }
    return true;
}

bool sums_fill(struct sums *t, const struct cell *c, const struct mix *mix, uint32_t bins) {
    uint32_t cells = c->at[c->n];
    sums_clear(t);
    t->mix = *mix;
    t->radius = mix_radius(mix, c->radius, c->n);
    t->mark = mem_get(c->first[c->n + 1], sizeof *t->mark);
    t->steps = mem_get(cells, sizeof *t->steps);
    t->rest = mem_get(cells, sizeof *t->rest);
    for (uint32_t x = 0; x < cells; x++) t->steps[x] = mix_at(mix, c->g + (size_t)x * c->K);
    extrema(t, c, t->steps, false);
    const struct mark *root = marks(t, c, 0) + 1;
    t->width = root->most - root->least;
    t->step = t->width / bins > 0 ? t->width / bins : 1;
    for (uint32_t x = 0; x < cells; x++) {
        int64_t g = floor_div(t->steps[x], t->step);
        t->rest[x] = t->steps[x] - g * t->step;
        t->steps[x] = g;
    }
    extrema(t, c, t->steps, false);
    extrema(t, c, t->rest, true);
    size_t entries = windows(t, c);
    if (entries > ENTRIES_MOST) return false;
    t->N = mem_get(entries + 1, sizeof *t->N);
    t->bins = bins;
    fill(t, c);
    return true;
}

/* Completions of a class whose steps add up to at most v: at least *lo, at most *hi. */
static void number(wide *lo, wide *hi, const struct sums *t, const struct cell *c, uint32_t i, size_t class, int64_t v) {
    const struct mark *m = marks(t, c, i) + class;
    wide all = c->level[i].count[class];
    *lo = 0;
    *hi = all;
    if (v < m->least) *hi = 0;
    else if (v >= m->most) *lo = all;
    else if (v >= m->from && v - m->from < (int64_t)m->n) {
        uint64_t n = t->N[m->at + (size_t)(v - m->from)];
        *lo = (wide)n << c->unit[i].shift;
        *hi = (wide)(n + c->unit[i].error) << c->unit[i].shift;
        if (*lo > all) *lo = all;
        if (*hi > all) *hi = all;
    }
}

void sums_ask(wide *over, wide *under, const struct sums *t, const struct cell *c, uint32_t i, size_t class, const int64_t *part) {
    const struct mark *m = marks(t, c, i) + class;
    int64_t s = mix_at(&t->mix, part);
    wide other;
    number(&other, over, t, c, i, class, floor_div(t->radius - s - m->low, t->step));
    number(under, &other, t, c, i, class, -floor_div(t->radius + s + m->high, t->step) - 1);
    if (*under > *over) *under = *over;
}
