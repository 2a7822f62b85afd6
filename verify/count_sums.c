/* Tables of completions by discretised sums. A term x of position i becomes the integer floor((x - o) / step), so that the integers of a sequence add up
 * to too little, or ceil((x - o) / step), so that they add up to too much; o is an offset of the position. A state's table gives, for every integer v, how
 * many completions add up to at most v: read at one place it counts the sequences that may fail (side OVER), or that are certain to (side UNDER).
 * The tables are sums of doubles that are not negative: exact below 2^53, beyond that within a factor 1 + spread. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void sums_clear(struct sums *t)
{
    free(t->mark);
    free(t->N);
    free(t->jump);
    memset(t, 0, sizeof *t);
}

#define NO_STATE ((size_t)-1)

/* The state that a kind of position i leads to from the z-th state there, NO_STATE where no sequence of the part goes. */
static size_t next_of(const struct cell *x, const struct kinds *k, size_t i, size_t z, size_t kind)
{
    const struct automaton *a = &x->c->a;
    int to = a->next[i][z * a->n_tokens[i] + k->token[kind]];
    size_t next = x->layer[i + 1] + (size_t)to;
    return to >= 0 && x->count[next] > 0 ? next : NO_STATE;
}

static void mark_extrema(struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k)
{
    size_t last = x->layer[x->p->n_src];
    for (size_t s = last; s < x->layer[x->p->n_src + 1]; s++)
        t->mark[s] = (struct mark){ 0 };
    for (size_t i = x->p->n_src; i-- > 0;)
        for (size_t z = 0; z < x->c->a.n_states[i]; z++) {
            struct mark m = { .least = INT64_MAX, .most = INT64_MIN };
            for (size_t kind = k->first[i]; kind < k->first[i + 1]; kind++) {
                size_t next = next_of(x, k, i, z, kind);
                if (next == NO_STATE || g->from[kind] == g->from[kind + 1] || t->mark[next].least > t->mark[next].most)
                    continue;       /* the last: of a state that the part does not come to nothing needs to be allowed */
                int64_t least = g->least[kind] + t->mark[next].least, most = g->most[kind] + t->mark[next].most;
                m.least = least < m.least ? least : m.least;
                m.most = most > m.most ? most : m.most;
            }
            t->mark[x->layer[i] + z] = m;
        }
}

/* What is read of a state: what is asked for less the steps of the prefixes that reach it; and of that what is not settled by its extrema. */
static size_t mark_windows(struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k)
{
    size_t total = 0;
    for (size_t s = 0; s < x->layer[x->p->n_src + 1]; s++) {
        t->mark[s].from = INT64_MAX;
        t->mark[s].to = INT64_MIN;
    }
    t->mark[0].from = t->mark[0].to = g->ask;
    for (size_t i = 0; i < x->p->n_src; i++)
        for (size_t z = 0; z < x->c->a.n_states[i]; z++) {
            struct mark *m = t->mark + x->layer[i] + z;
            if (m->from > m->to)
                continue;
            for (size_t kind = k->first[i]; kind < k->first[i + 1]; kind++) {
                size_t next = next_of(x, k, i, z, kind);
                if (next == NO_STATE || g->from[kind] == g->from[kind + 1])
                    continue;
                struct mark *to = t->mark + next;
                to->from = m->from - g->most[kind] < to->from ? m->from - g->most[kind] : to->from;
                to->to = m->to - g->least[kind] > to->to ? m->to - g->least[kind] : to->to;
            }
            m->from = m->from > m->least ? m->from : m->least;
            m->to = m->to < m->most - 1 ? m->to : m->most - 1;
            m->at = total;
            m->n = m->from <= m->to ? (size_t)(m->to - m->from) + 1 : 0;
            total += m->n;
        }
    return total;
}

VECTORS static void add_row(double *restrict to, const double *restrict from, double times, size_t n)
{
    for (size_t v = 0; v < n; v++)
        to[v] += times * from[v];
}

/* N[m](v) += times N[to](v - g): 0 below the least of `to`, all of its completions from its most on. `jump` holds what is added from an entry on. */
static void add_branch(struct sums *t, const struct cell *x, const struct mark *m, size_t next, const struct branch *b)
{
    int64_t g = b->g;
    double times = b->times;
    const struct mark *to = t->mark + next;
    int64_t from = m->from, end = m->from + (int64_t)m->n;
    int64_t first = to->from + g > from ? to->from + g : from, last = to->from + g + (int64_t)to->n;
    last = last < end ? last : end;
    if (to->n > 0 && first < last)
        add_row(t->N + m->at + (first - from), t->N + to->at + (first - g - to->from), times, (size_t)(last - first));
    int64_t full = to->most + g > from ? to->most + g : from;
    if (full < end)
        t->jump[full - from] += times * (double)x->count[next];
}

static void fill_state(struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k, size_t i, size_t z)
{
    const struct mark *m = t->mark + x->layer[i] + z;
    double *N = t->N + m->at, all = 0;
    memset(N, 0, m->n * sizeof *N);
    memset(t->jump, 0, m->n * sizeof *t->jump);
    for (size_t kind = k->first[i]; kind < k->first[i + 1]; kind++) {
        size_t next = next_of(x, k, i, z, kind);
        for (size_t b = g->from[kind]; next != NO_STATE && b < g->from[kind + 1]; b++)
            add_branch(t, x, m, next, g->branch + b);
    }
    for (size_t v = 0; v < m->n; v++) {
        all += t->jump[v];
        N[v] += all;
    }
}

static void fill(struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k, const struct limits *l, bool *expired)
{
    size_t done = 0;
    for (size_t i = x->p->n_src; i-- > 0;)
        for (size_t z = 0; z < x->c->a.n_states[i] && !*expired; z++) {
            if (t->mark[x->layer[i] + z].n > 0)
                fill_state(t, g, x, k, i, z);
            done += t->mark[x->layer[i] + z].n;
            if (done > 100000) {
                done = 0;
                *expired = limits_expired(l);
            }
        }
}

/* Relative error of an entry: every layer adds at most two numbers a token to a sum, of which each may be rounded, as may their multiples. */
static double counts_spread(const struct cell *x)
{
    double terms = 4;
    for (size_t i = 0; i < x->p->n_src; i++)
        terms += 4 * (double)x->p->t.n_set[i] + 4;
    return x->count[0] < (tally)1 << 53 ? 0 : terms * 0x1p-51;
}

/* Room for the tables; false in *good: they would be too large. */
static enum status room(struct sums *t, const struct cell *x, size_t entries, bool *good)
{
    size_t widest = 0;
    for (size_t s = 0; s < x->layer[x->p->n_src]; s++)
        widest = t->mark[s].n > widest ? t->mark[s].n : widest;
    *good = entries <= SUMS_MOST;
    if (!*good)
        return STATUS_OK;
    double *jump = mem_grow(t->jump, &t->room_jump, widest + 1, sizeof *jump);
    t->jump = jump ? jump : t->jump;
    if (entries > t->room_N || !t->N) {
        free(t->N);
        t->N = mem_array(entries + 1, sizeof *t->N);
        t->room_N = t->N ? entries : 0;
    }
    return jump && t->N ? STATUS_OK : STATUS_MEMORY;
}

/* Sequences whose integers add up to at most what is asked for. */
static double asked_for(const struct sums *t, const struct steps *g, const struct cell *x)
{
    const struct mark *m = t->mark;
    if (g->ask < m->least)
        return 0;
    return g->ask >= m->most ? (double)x->count[0] : t->N[m->at];
}

static tally count_of(double n, const struct cell *x, enum side side)
{
    tally all = x->count[0];
    n = side == OVER ? ceil(n * (1 + counts_spread(x))) : floor(n * (1 - counts_spread(x)));
    return n < (double)all ? (tally)n : side == OVER || n > (double)all ? all : (tally)n;
}

enum status sums_count(tally *out, struct sums *t, const struct steps *g, const struct cell *x, const struct kinds *k, enum side side, const struct limits *l, bool *expired)
{
    bool good;
    *out = side == OVER ? x->count[0] : 0;
    struct mark *mark = mem_grow(t->mark, &t->room_mark, x->layer[x->p->n_src + 1], sizeof *mark);
    if (!mark)
        return STATUS_MEMORY;
    t->mark = mark;
    mark_extrema(t, g, x, k);
    enum status s = room(t, x, mark_windows(t, g, x, k), &good);
    if (s != STATUS_OK || !good)
        return s;
    fill(t, g, x, k, l, expired);
    if (!*expired)
        *out = count_of(asked_for(t, g, x), x, side);
    return STATUS_OK;
}
