/* Tables of completions by discretised sums. Every term x of a form is g = floor(x / step) steps and a rest; a state's table gives, for every integer
 * v, how many completions have steps that add up to at most v, and the rests of its completions lie in [low, high]. So a sum s so far is certain to fail
 * where s + step (v + high) < 0, and may fail only where s + step (v + low) <= 0. Any integer g serves, as the rest is enclosed for the g that was taken.
 * The tables are sums of doubles that are not negative: exact below 2^53, beyond that within `spread` relatively. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define STEPS_MOST 0x1p44

void sums_clear(struct sums *t)
{
    free(t->mark);
    free(t->steps);
    free(t->low);
    free(t->high);
    free(t->N);
    memset(t, 0, sizeof *t);
}

static enum status room(struct sums *t, size_t states, size_t cells)
{
    if (states <= t->room_states && cells <= t->room_cells)
        return STATUS_OK;
    double *keep = t->N;
    size_t room_N = t->room_N;
    t->N = NULL;
    sums_clear(t);
    t->N = keep;
    t->room_N = room_N;
    t->mark = mem_array(states, sizeof *t->mark);
    t->steps = mem_array(cells, sizeof *t->steps);
    t->low = mem_array(cells, sizeof *t->low);
    t->high = mem_array(cells, sizeof *t->high);
    if (!t->mark || !t->steps || !t->low || !t->high)
        return STATUS_MEMORY;
    t->room_states = states;
    t->room_cells = cells;
    return STATUS_OK;
}

static bool take_steps(struct sums *t, const struct cell *x, size_t line)
{
    const struct problem *p = x->p;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            if (!x->allowed[cell])
                continue;
            double steps = x->h[cell * x->Kp + line] / t->step, rad = x->rad[cell] / t->step, slack = (fabs(steps) + rad + 1) * 0x1p-50;
            if (!(fabs(steps) + rad < STEPS_MOST))
                return false;
            double whole = floor(steps);
            t->steps[cell] = (int64_t)whole;
            t->low[cell] = steps - whole - rad - slack;
            t->high[cell] = steps - whole + rad + slack;
        }
    return true;
}

static void mark_extrema(struct sums *t, const struct cell *x, const struct edges *edges)
{
    size_t last = x->layer[x->p->n_src];
    for (size_t s = last; s < x->layer[x->p->n_src + 1]; s++)
        t->mark[s] = (struct mark){ 0 };
    for (size_t s = last; s-- > 0;) {
        struct mark m = { .least = INT64_MAX, .most = INT64_MIN, .low = INFINITY, .high = -INFINITY };
        EACH_EDGE(e, edges, s) {
            const struct mark *to = t->mark + e->next;
            int64_t g = t->steps[e->cell], least = g + to->least, most = g + to->most;
            double low = t->low[e->cell] + to->low, high = t->high[e->cell] + to->high;
            m.least = least < m.least ? least : m.least;
            m.most = most > m.most ? most : m.most;
            m.low = low < m.low ? low : m.low;
            m.high = high > m.high ? high : m.high;
        }
        t->mark[s] = m;
    }
}

/* What is read of a state: minus the steps of the prefixes that reach it, with the rests to spare; and of that what is not settled by its extrema. */
static size_t mark_windows(struct sums *t, const struct cell *x, const struct edges *edges)
{
    size_t last = x->layer[x->p->n_src], total = 0;
    for (size_t s = 0; s < x->layer[x->p->n_src + 1]; s++) {
        t->mark[s].from = INT64_MAX;
        t->mark[s].to = INT64_MIN;
    }
    t->mark[0].from = -(int64_t)ceil(t->mark[0].high) - 4;
    t->mark[0].to = 4 - (int64_t)floor(t->mark[0].low);
    for (size_t s = 0; s < last; s++) {
        struct mark *m = t->mark + s;
        if (m->from > m->to)
            continue;
        EACH_EDGE(e, edges, s) {
            struct mark *to = t->mark + e->next;
            int64_t g = t->steps[e->cell];
            to->from = m->from - g < to->from ? m->from - g : to->from;
            to->to = m->to - g > to->to ? m->to - g : to->to;
        }
        m->from = m->from > m->least ? m->from : m->least;
        m->to = m->to < m->most - 1 ? m->to : m->most - 1;
        m->at = total;
        m->n = m->from <= m->to ? (size_t)(m->to - m->from) + 1 : 0;
        total += m->n;
    }
    return total;
}

VECTORS static void add_row(double *restrict to, const double *restrict from, size_t n)
{
    for (size_t v = 0; v < n; v++)
        to[v] += from[v];
}

/* N[m](v) += N[to](v - g): 0 below the least of `to`, all of its completions from its most on. `jump` holds what is added from an entry on. */
static void add_edge(struct sums *t, const struct cell *x, const struct mark *m, double *jump, size_t next, int64_t g)
{
    const struct mark *to = t->mark + next;
    int64_t from = m->from, end = m->from + (int64_t)m->n;
    int64_t first = to->from + g > from ? to->from + g : from, last = to->from + g + (int64_t)to->n;
    last = last < end ? last : end;
    if (to->n > 0 && first < last)
        add_row(t->N + m->at + (first - from), t->N + to->at + (first - g - to->from), (size_t)(last - first));
    int64_t full = to->most + g > from ? to->most + g : from;
    if (full < end)
        jump[full - from] += (double)x->count[next];
}

static enum status fill(struct sums *t, const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired)
{
    size_t widest = 0, last = x->layer[x->p->n_src], done = 0;
    for (size_t s = 0; s < last; s++)
        widest = t->mark[s].n > widest ? t->mark[s].n : widest;
    double *jump = mem_array(widest + 1, sizeof *jump);
    if (!jump)
        return STATUS_MEMORY;
    for (size_t s = last; s-- > 0 && !*expired;) {
        const struct mark *m = t->mark + s;
        if (m->n == 0)
            continue;
        double *N = t->N + m->at, all = 0;
        memset(N, 0, m->n * sizeof *N);
        memset(jump, 0, m->n * sizeof *jump);
        EACH_EDGE(e, edges, s)
            add_edge(t, x, m, jump, e->next, t->steps[e->cell]);
        for (size_t v = 0; v < m->n; v++) {
            all += jump[v];
            N[v] += all;
        }
        done += m->n;
        if (done > 100000) {
            done = 0;
            *expired = limits_expired(l);
        }
    }
    free(jump);
    return STATUS_OK;
}

/* Relative error of an entry: every layer adds at most two numbers a token to a sum, of which each may be rounded. */
static double spread_of(const struct cell *x)
{
    double terms = 4;
    for (size_t i = 0; i < x->p->n_src; i++)
        terms += 2 * (double)x->p->t.n_set[i] + 4;
    return x->count[0] < (tally)1 << 53 ? 0 : terms * 0x1p-51;
}

enum status sums_fill(struct sums *t, const struct cell *x, const struct edges *edges, size_t line, size_t bins, const struct limits *l, bool *expired)
{
    enum status s = room(t, x->layer[x->p->n_src + 1], x->p->first[x->p->n_src]);
    if (s != STATUS_OK)
        return s;
    t->bins = 0;
    double width = x->high[line] - x->low[line];
    t->step = width / (double)bins;
    if (!isfinite(width) || !(t->step > 0) || !take_steps(t, x, line))
        return STATUS_OK;
    mark_extrema(t, x, edges);
    size_t entries = mark_windows(t, x, edges);
    if (entries > SUMS_MOST)
        return STATUS_OK;
    if (entries > t->room_N || !t->N) {
        free(t->N);
        t->N = mem_array(entries + 1, sizeof *t->N);
        t->room_N = t->N ? entries : 0;
    }
    if (!t->N)
        return STATUS_MEMORY;
    t->bins = bins;
    t->spread = spread_of(x);
    return fill(t, x, edges, l, expired);
}

/* Sequences whose steps add up to at most v; -1: the table does not say. */
static double completions(const struct sums *t, const struct cell *x, double v)
{
    const struct mark *m = t->mark;
    if (v < (double)m->least)
        return 0;
    if (v >= (double)m->most)
        return (double)x->count[0];
    int64_t at = (int64_t)v - m->from;   /* asked for within the window, or the table says nothing */
    return at >= 0 && (size_t)at < m->n ? t->N[m->at + (size_t)at] : -1;
}

void sums_ask(tally *over, tally *under, const struct sums *t, const struct cell *x)
{
    const struct mark *m = t->mark;
    tally all = x->count[0];
    *over = all;
    *under = 0;
    if (t->bins == 0)
        return;
    double slack = (fabs(m->low) + fabs(m->high) + 1) * ((double)x->p->n_src + 8) * 0x1p-52;
    double most = completions(t, x, floor(slack - m->low)), least = completions(t, x, ceil(-m->high - slack) - 1);
    if (most >= 0 && most * (1 + t->spread) < (double)all)
        *over = (tally)ceil(most * (1 + t->spread));
    if (least > 0)
        *under = (tally)floor(least * (1 - t->spread));
    *over = *over < all ? *over : all;
    *under = *under < *over ? *under : *over;
}
