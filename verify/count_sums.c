/* Tables of completions by discretised sums. A term x of position i becomes the integer floor((x - o) / step), so that the integers of a sequence add up
 * to too little, or ceil((x - o) / step), so that they add up to too much; o is an offset of the position. A state's table gives, for every integer v, how
 * many completions add up to at most v: read at one place it counts the sequences that may fail (side OVER), or that are certain to (side UNDER).
 * The tables are sums of doubles that are not negative: exact below 2^53, beyond that within a factor 1 + spread. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define STEPS_MOST 0x1p44

void sums_clear(struct sums *t)
{
    free(t->mark);
    free(t->N);
    free(t->jump);
    free(t->branch);
    memset(t, 0, sizeof *t);
}

void steps_clear(struct steps *g)
{
    free(g->of);
    memset(g, 0, sizeof *g);
}

/* ---- terms in steps ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The part behind the integer part of the term that is the best offset: the rests of all n terms of the position add up to least. f is sorted. */
static double best_fraction(double *f, size_t n, enum side side)
{
    qsort(f, n, sizeof *f, compare_doubles);
    double best = INFINITY, at = 0;
    for (size_t r = 0; r < n; r++) {
        double rests = side == OVER ? (double)r - (double)n * f[r] : (double)n * f[r] - (double)r;
        if (rests < best) {
            best = rests;
            at = f[r];
        }
    }
    return at;
}

/* A term, in steps: its least value to count too much, its largest to count too little. */
static double term_of(const struct steps *g, const struct cell *x, size_t line, enum side side, size_t cell)
{
    double h = x->h[cell * x->Kp + line], rad = x->rad[cell];
    return (side == OVER ? h - rad : h + rad) / g->step;
}

/* One position; what its integers leave out by rounding is added to g->slack. Any offset serves. */
static bool steps_position(struct steps *g, const struct cell *x, size_t line, enum side side, size_t from, size_t to, double *f)
{
    double offset = 0, slack = 0;
    size_t n = 0;
    for (size_t c = from; c < to; c++)
        if (x->allowed[c]) {
            double steps = term_of(g, x, line, side, c);
            if (!(fabs(steps) < STEPS_MOST))
                return false;
            f[n++] = steps - floor(steps);
        }
    offset = best_fraction(f, n, side);
    for (size_t c = from; c < to; c++)
        if (x->allowed[c]) {
            double steps = term_of(g, x, line, side, c), lost = (fabs(steps) + 2) * 0x1p-50;
            g->of[c] = (int64_t)(side == OVER ? floor(steps - offset) : ceil(steps - offset));
            slack = lost > slack ? lost : slack;
        }
    g->offset += offset;
    g->slack += slack;
    return true;
}

enum status steps_take(struct steps *g, bool *good, const struct cell *x, size_t line, size_t bins, enum side side)
{
    const struct problem *p = x->p;
    size_t cells = p->first[p->n_src];
    double width = x->high[line] - x->low[line], *f = mem_array(cells, sizeof *f);
    g->step = width / (double)bins;
    g->offset = g->slack = 0;
    *good = isfinite(width) && g->step > 0;
    int64_t *of = mem_grow(g->of, &g->room, cells, sizeof *of);
    g->of = of ? of : g->of;
    for (size_t i = 0; of && f && i < p->n_src && *good; i++)
        *good = steps_position(g, x, line, side, p->first[i], p->first[i + 1], f);
    bool made = of && f;
    free(f);
    if (!made)
        return STATUS_MEMORY;
    /* a sum is not positive: its integers are at most -offset, with the slack to spare; it is negative: conversely */
    double spare = g->slack * (1 + 0x1p-40) + (fabs(g->offset) + 1) * (double)(p->n_src + 8) * 0x1p-50;
    double ask = side == OVER ? floor(spare - g->offset) : ceil(-g->offset - spare) - 1;
    *good = *good && fabs(ask) < STEPS_MOST;
    g->ask = *good ? (int64_t)ask : 0;
    return STATUS_OK;
}

/* ---- a table ---- */

static void mark_extrema(struct sums *t, const struct steps *g, const struct cell *x, const struct edges *edges)
{
    size_t last = x->layer[x->p->n_src];
    for (size_t s = last; s < x->layer[x->p->n_src + 1]; s++)
        t->mark[s] = (struct mark){ 0 };
    for (size_t s = last; s-- > 0;) {
        struct mark m = { .least = INT64_MAX, .most = INT64_MIN };
        EACH_EDGE(e, edges, s) {
            int64_t least = g->of[e->cell] + t->mark[e->next].least, most = g->of[e->cell] + t->mark[e->next].most;
            m.least = least < m.least ? least : m.least;
            m.most = most > m.most ? most : m.most;
        }
        t->mark[s] = m;
    }
}

/* What is read of a state: what is asked for less the steps of the prefixes that reach it; and of that what is not settled by its extrema. */
static size_t mark_windows(struct sums *t, const struct steps *g, const struct cell *x, const struct edges *edges)
{
    size_t last = x->layer[x->p->n_src], total = 0;
    for (size_t s = 0; s < x->layer[x->p->n_src + 1]; s++) {
        t->mark[s].from = INT64_MAX;
        t->mark[s].to = INT64_MIN;
    }
    t->mark[0].from = t->mark[0].to = g->ask;
    for (size_t s = 0; s < last; s++) {
        struct mark *m = t->mark + s;
        if (m->from > m->to)
            continue;
        EACH_EDGE(e, edges, s) {
            struct mark *to = t->mark + e->next;
            int64_t steps = g->of[e->cell];
            to->from = m->from - steps < to->from ? m->from - steps : to->from;
            to->to = m->to - steps > to->to ? m->to - steps : to->to;
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
static void add_edge(struct sums *t, const struct cell *x, const struct mark *m, size_t next, int64_t g, double times)
{
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

static int compare_branches(const void *a, const void *b)
{
    const struct branch *x = a, *y = b;
    return x->g != y->g ? (x->g > y->g) - (x->g < y->g) : (x->next > y->next) - (x->next < y->next);
}

static size_t branches_of(struct branch *out, const struct edges *edges, size_t state, const struct steps *g)
{
    size_t n = 0, kept = 0;
    EACH_EDGE(e, edges, state)
        out[n++] = (struct branch){ .next = e->next, .g = g->of[e->cell], .times = 1 };
    qsort(out, n, sizeof *out, compare_branches);
    for (size_t k = 0; k < n; k++)
        if (kept > 0 && compare_branches(&out[kept - 1], &out[k]) == 0)
            out[kept - 1].times += 1;
        else
            out[kept++] = out[k];
    return kept;
}

static void fill(struct sums *t, const struct steps *g, const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired)
{
    size_t last = x->layer[x->p->n_src], done = 0;
    for (size_t s = last; s-- > 0 && !*expired;) {
        const struct mark *m = t->mark + s;
        if (m->n == 0)
            continue;
        double *N = t->N + m->at, all = 0;
        memset(N, 0, m->n * sizeof *N);
        memset(t->jump, 0, m->n * sizeof *t->jump);
        size_t n = branches_of(t->branch, edges, s, g);
        for (const struct branch *b = t->branch; b < t->branch + n; b++)
            add_edge(t, x, m, b->next, b->g, b->times);
        for (size_t v = 0; v < m->n; v++) {
            all += t->jump[v];
            N[v] += all;
        }
        done += m->n;
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
    struct branch *branch = mem_grow(t->branch, &t->room_branch, x->p->first[x->p->n_src], sizeof *branch);
    t->jump = jump ? jump : t->jump;
    t->branch = branch ? branch : t->branch;
    if (entries > t->room_N || !t->N) {
        free(t->N);
        t->N = mem_array(entries + 1, sizeof *t->N);
        t->room_N = t->N ? entries : 0;
    }
    return jump && branch && t->N ? STATUS_OK : STATUS_MEMORY;
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

enum status sums_count(tally *out, struct sums *t, const struct steps *g, const struct cell *x, const struct edges *edges, enum side side, const struct limits *l, bool *expired)
{
    bool good;
    *out = side == OVER ? x->count[0] : 0;
    struct mark *mark = mem_grow(t->mark, &t->room_mark, x->layer[x->p->n_src + 1], sizeof *mark);
    if (!mark)
        return STATUS_MEMORY;
    t->mark = mark;
    mark_extrema(t, g, x, edges);
    enum status s = room(t, x, mark_windows(t, g, x, edges), &good);
    if (s != STATUS_OK || !good)
        return s;
    fill(t, g, x, edges, l, expired);
    if (!*expired)
        *out = count_of(asked_for(t, g, x), x, side);
    return STATUS_OK;
}
