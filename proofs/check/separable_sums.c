/* Rule count (FORMAT.md §3), the tables of one form: how many sequences of a part have integers that add up to at most what is asked for. All in integers:
 * a term g of position i becomes floor((g - o) / step), o an offset of the position, or that rounded up. Numbers of completions are kept in units of
 * 2^shift of their level; the true number lies between the one kept and `error` units more. */
#include "separable_walk.h"
#include <string.h>

#define ENTRIES_MOST ((size_t)1 << 26)
#define BUCKETS 64
#define TIMES_MOST ((int64_t)1 << 20)       /* integers of a position that lie within so many of each other are counted by an array */
#define TOKENS_MOST ((uint32_t)1 << 15)
#define UNIT_BITS 48                      /* numbers stay below 2^48 units, sums over the tokens below 2^63 */

void sums_clear(struct sums *t) {
    void *all[] = {t->mark, t->whole, t->N, t->jump, t->branch, t->fraction, t->order, t->token, t->kinds, t->from, t->compact, t->head, t->least, t->most, t->times};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *t = (struct sums){0};
}

/* ---- kinds: tokens of a position that lead from every class to the same class ---- */

static bool same_ways(const struct level *l, uint32_t a, uint32_t b) {
    for (size_t k = 1; k < l->classes.n; k++)
        if (l->classes.key[k * l->tokens + a] != l->classes.key[k * l->tokens + b]) return false;
    return true;
}

/* Kinds of position i are kinds[i]..kinds[i + 1] - 1, token[k] a token of kind k; its cells order[from[k]]..order[from[k + 1] - 1]. */
static void take_kinds(struct sums *t, const struct cell *c) {
    size_t n = 0, at = 0;
    uint32_t *kind = mem_get(c->at[c->n], sizeof *kind);
    for (uint32_t i = 0; i < c->n; i++) {
        t->kinds[i] = n;
        for (uint32_t a = 0; a < c->level[i].tokens; a++) {
            size_t k = t->kinds[i];
            while (k < n && !same_ways(&c->level[i], a, t->token[k])) k++;
            if (k == n) t->token[n++] = a;
            kind[c->at[i] + a] = (uint32_t)k;
        }
        for (size_t k = t->kinds[i]; k < n; k++) {
            t->from[k] = at;
            for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++)
                if (kind[x] == k) t->order[at++] = x;
        }
    }
    t->kinds[c->n] = n;
    t->from[n] = at;
    mem_free(kind);
}

/* The class that kind k of position i leads to from the z-th class there; 0: no sequence of the part goes that way. */
static size_t way(const struct sums *t, const struct cell *c, uint32_t i, size_t z, size_t k) {
    size_t to = (size_t)c->level[i].classes.key[z * c->level[i].tokens + t->token[k]];
    return to != 0 && t->head[k] < t->head[k + 1] && c->count[c->first[i + 1] + to] > 0 ? to : 0;
}

/* ---- terms in steps ---- */

/* floor(a / step), 0 <= a < 2^63, by the reciprocal floor(2^64 / step): that gives one less at times. */
static int64_t divide(const struct sums *t, int64_t a, int64_t *rest) {
    int64_t q = t->step == 1 ? a : (int64_t)(((unsigned __int128)(uint64_t)a * t->reciprocal) >> 64);
    *rest = a - q * t->step;
    if (*rest < t->step) return q;
    *rest -= t->step;
    return q + 1;
}

/* The offset, in 0..step - 1, that leaves the least rests, or nearly: one of the n terms less its steps, the first (to count too little: the last) of its bucket. */
static int64_t best_offset(const struct sums *t, size_t n, bool over) {
    int64_t edge[BUCKETS], at = 0;
    size_t in[BUCKETS] = {0}, below = 0;
    unsigned shift = 0;
    __int128 best = 0;
    bool any = false;
    while ((t->step - 1) >> shift >= BUCKETS) shift++;
    for (size_t j = 0; j < n; j++) {
        int64_t f = t->fraction[j], b = f >> shift;
        if (in[b]++ == 0 || (over ? f < edge[b] : f > edge[b])) edge[b] = f;
    }
    for (int b = 0; b < BUCKETS; below += in[b++]) {
        if (in[b] == 0) continue;
        __int128 rests = over ? (__int128)below * t->step - (__int128)n * edge[b] : (__int128)n * edge[b] - (__int128)(below + in[b] - 1) * t->step;
        if (!any || rests < best) best = rests, at = edge[b];
        any = true;
    }
    return at;
}

/* The allowed cells of kind k, of which whole[from]... are the integers, equal ones together where they lie near each other; the number of branches then. */
static size_t take_branches(struct sums *t, size_t k, size_t from, size_t to, int64_t least, bool near, size_t n) {
    t->head[k] = n;
    for (size_t j = from; j < to; j++) {
        int64_t g = t->whole[j];
        if (!near || t->times[g - least]++ == 0) t->branch[n++] = (struct branch){g, 1};
        if (j == from || g < t->least[k]) t->least[k] = g;
        if (j == from || g > t->most[k]) t->most[k] = g;
    }
    for (size_t b = t->head[k]; near && b < n; b++) {
        uint32_t *times = &t->times[t->branch[b].g - least];
        t->branch[b].times = *times;
        *times = 0;
    }
    return n;
}

/* Position i, its branches from `branches` on: integers of all allowed cells, of their least terms to count too much and of their largest to count too little. Adds the offset. */
static size_t take_position(struct sums *t, const struct cell *c, size_t form, bool over, uint32_t i, size_t branches, __int128 *offsets) {
    const int64_t *term = (over ? c->g : c->top) + form;
    int64_t base = INT64_MAX, least = INT64_MAX, most = 0;
    size_t n = 0;
    for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++)
        if (c->allowed[x] && term[(size_t)x * c->K] < base) base = term[(size_t)x * c->K];
    for (size_t k = t->kinds[i]; k < t->kinds[i + 1]; k++) {
        t->compact[k] = n;
        for (size_t j = t->from[k]; j < t->from[k + 1]; j++)
            if (c->allowed[t->order[j]]) {
                t->whole[n] = divide(t, term[(size_t)t->order[j] * c->K] - base, &t->fraction[n]);
                n++;
            }
    }
    t->compact[t->kinds[i + 1]] = n;
    int64_t offset = best_offset(t, n, over);
    for (size_t j = 0; j < n; j++) {
        t->whole[j] += over ? -(t->fraction[j] < offset) : t->fraction[j] > offset;
        if (t->whole[j] < least) least = t->whole[j];
        if (t->whole[j] > most) most = t->whole[j];
    }
    *offsets += (__int128)base + offset;
    bool near = n > 0 && most - least < TIMES_MOST;
    if (near && (size_t)(most - least) >= t->room_times) {
        mem_free(t->times);
        t->room_times = 2 * (size_t)(most - least) + 1;
        t->times = mem_get(t->room_times, sizeof *t->times);
    }
    for (size_t k = t->kinds[i]; k < t->kinds[i + 1]; k++) branches = take_branches(t, k, t->compact[k], t->compact[k + 1], least, near, branches);
    return branches;
}

static void take_steps(struct sums *t, const struct cell *c, size_t form, bool over) {
    __int128 offsets = 0;
    size_t n = 0;
    t->reciprocal = t->step == 1 ? 0 : (uint64_t)(((unsigned __int128)1 << 64) / (uint64_t)t->step);
    for (uint32_t i = 0; i < c->n; i++) n = take_position(t, c, form, over, i, n, &offsets);
    t->head[t->kinds[c->n]] = n;
    /* a sum of terms is at most the radius where the form is not positive, and below minus the radius only where it is negative */
    __int128 room = (over ? (__int128)c->radius[form] : -(__int128)c->radius[form] - 1) - offsets, whole = room / t->step;
    t->ask = (int64_t)(whole - (room % t->step < 0));
}

/* ---- a table ---- */

/* Least and most of the sums of the completions of every state. */
static void extrema(struct sums *t, const struct cell *c) {
    memset(t->mark, 0, c->first[c->n + 1] * sizeof *t->mark);
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t z = 1; z < c->level[i].classes.n; z++) {
            int64_t least = INT64_MAX, most = INT64_MIN;
            for (size_t k = t->kinds[i]; k < t->kinds[i + 1]; k++) {
                size_t to = way(t, c, i, z, k);
                const struct mark *y = t->mark + c->first[i + 1] + to;
                if (to == 0 || y->least > y->most) continue; /* the part does not come here, nor its tokens on from there */
                if (t->least[k] + y->least < least) least = t->least[k] + y->least;
                if (t->most[k] + y->most > most) most = t->most[k] + y->most;
            }
            t->mark[c->first[i] + z].least = least;
            t->mark[c->first[i] + z].most = most;
        }
}

/* What is asked of the classes behind class z of position i. */
static void ask_further(struct sums *t, const struct cell *c, uint32_t i, size_t z) {
    const struct mark *m = t->mark + c->first[i] + z;
    for (size_t k = t->kinds[i]; k < t->kinds[i + 1]; k++) {
        size_t to = way(t, c, i, z, k);
        if (to == 0) continue;
        struct mark *y = t->mark + c->first[i + 1] + to;
        if (m->from - t->most[k] < y->from) y->from = m->from - t->most[k];
        if (m->to - t->least[k] > y->to) y->to = m->to - t->least[k];
    }
}

/* The window of every state: what may be asked of it, less what its extrema answer. Returns the number of entries in all. */
static size_t windows(struct sums *t, const struct cell *c) {
    size_t total = 0;
    for (size_t k = 0; k < c->first[c->n + 1]; k++) t->mark[k].from = INT64_MAX, t->mark[k].to = INT64_MIN;
    t->mark[ROOT].from = t->mark[ROOT].to = t->ask;
    for (uint32_t i = 0; i < c->n; i++)
        for (size_t z = 1; z < c->level[i].classes.n; z++) {
            struct mark *m = t->mark + c->first[i] + z;
            if (m->from > m->to) continue;
            ask_further(t, c, i, z);
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

/* number(v) += times that of the next class, a state, at v - g; jump: what is added from an entry on, where all of its completions are below */
static void add_branch(struct sums *t, const struct mark *m, size_t state, const struct branch *b, uint64_t all) {
    const struct mark *y = t->mark + state;
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

static void fill_state(struct sums *t, const struct cell *c, uint32_t i, size_t z) {
    const struct mark *m = t->mark + c->first[i] + z;
    unsigned below = c->unit[i + 1].shift, drop = c->unit[i].shift - below;
    uint64_t *N = t->N + m->at, all = 0;
    memset(t->jump, 0, m->n * sizeof *t->jump);
    memset(N, 0, m->n * sizeof *N);
    for (size_t k = t->kinds[i]; k < t->kinds[i + 1]; k++) {
        size_t to = way(t, c, i, z, k), state = c->first[i + 1] + to;
        for (size_t b = t->head[k]; to != 0 && b < t->head[k + 1]; b++) add_branch(t, m, state, t->branch + b, (uint64_t)(c->count[state] >> below));
    }
    for (size_t v = 0; v < m->n; v++) {
        all += t->jump[v];
        N[v] = (N[v] + all) >> drop;
    }
}

static void fill(struct sums *t, const struct cell *c) {
    for (uint32_t i = c->n; i-- > 0;)
        for (size_t z = 1; z < c->level[i].classes.n; z++)
            if (t->mark[c->first[i] + z].n > 0) fill_state(t, c, i, z);
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
    if (t->order != NULL) return;
    size_t cells = c->at[c->n];
    t->order = mem_get(cells, sizeof *t->order);
    t->token = mem_get(cells, sizeof *t->token);
    t->kinds = mem_get((size_t)c->n + 1, sizeof *t->kinds);
    t->from = mem_get(cells + 1, sizeof *t->from);
    t->compact = mem_get(cells + 1, sizeof *t->compact);
    t->head = mem_get(cells + 1, sizeof *t->head);
    t->least = mem_get(cells, sizeof *t->least);
    t->most = mem_get(cells, sizeof *t->most);
    t->whole = mem_get(cells, sizeof *t->whole);
    t->fraction = mem_get(cells, sizeof *t->fraction);
    t->branch = mem_get(cells, sizeof *t->branch);
    take_kinds(t, c);
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

/* The table of one side. */
static bool count(wide *lo, wide *hi, struct sums *t, const struct cell *c, size_t form, uint32_t bins, bool over) {
    int64_t width = c->most[ROOT * c->K + form] - c->least[ROOT * c->K + form];
    room(t, c);
    t->step = width / bins > 0 ? width / bins : 1;
    take_steps(t, c, form, over);
    extrema(t, c);
    size_t entries = windows(t, c);
    if (entries > ENTRIES_MOST) return false;
    room_for(t, c, entries);
    fill(t, c);
    number(lo, hi, t, c);
    return true;
}

bool sums_over(wide *over, struct sums *t, const struct cell *c, size_t form, uint32_t bins) {
    wide other;
    return count(&other, over, t, c, form, bins, true);
}

bool sums_under(wide *under, struct sums *t, const struct cell *c, size_t form, uint32_t bins) {
    wide other;
    return count(under, &other, t, c, form, bins, false);
}
