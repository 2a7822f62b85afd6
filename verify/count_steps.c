/* The terms of one form as integer numbers of steps (count_sums.c): floor((x - o) / step) or ceil((x - o) / step), o an offset of the position, those of
 * one kind that are equal together. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define STEPS_MOST 0x1p44
#define BUCKETS 64
#define TALLIES_MOST 0x1p20     /* integers of a position that are counted by an array of tallies; where they lie farther apart equal ones stay apart */

void steps_clear(struct steps *g)
{
    free(g->term);
    free(g->of);
    free(g->branch);
    free(g->from);
    free(g->least);
    free(g->most);
    free(g->times);
    memset(g, 0, sizeof *g);
}

static enum status room(struct steps *g, const struct kinds *k)
{
    if (g->cells == k->cells)
        return STATUS_OK;
    steps_clear(g);
    g->term = mem_array(k->cells, sizeof *g->term);
    g->of = mem_array(k->cells, sizeof *g->of);
    g->branch = mem_array(k->cells, sizeof *g->branch);
    g->from = mem_array(k->cells + 1, sizeof *g->from);
    g->least = mem_array(k->cells, sizeof *g->least);
    g->most = mem_array(k->cells, sizeof *g->most);
    g->cells = g->term && g->of && g->branch && g->from && g->least && g->most ? k->cells : 0;
    return g->cells == k->cells ? STATUS_OK : STATUS_MEMORY;
}

/* The part behind the integer part of the terms that is the best offset, or nearly: the rests of all n terms of the position add up to least. The terms
 * are thrown into buckets by that part; only the first of a bucket (counting too little: the last) is tried. */
static double best_fraction(const double *rest, size_t n, enum side side)
{
    double edge[BUCKETS], best = INFINITY, at = 0;
    size_t in[BUCKETS] = { 0 }, below = 0;
    for (int b = 0; b < BUCKETS; b++)
        edge[b] = side == OVER ? 2 : -1;
    for (size_t j = 0; j < n; j++) {
        int b = (int)(rest[j] * BUCKETS);       /* rests lie in 0..1, 1 only by rounding */
        b = b < BUCKETS ? b : BUCKETS - 1;
        in[b]++;
        if (side == OVER ? rest[j] < edge[b] : rest[j] > edge[b])
            edge[b] = rest[j];
    }
    for (int b = 0; b < BUCKETS; b++) {
        if (in[b] == 0)
            continue;
        double rests = side == OVER ? (double)below - (double)n * edge[b] : (double)n * edge[b] - (double)(below + in[b] - 1);
        if (rests < best) {
            best = rests;
            at = edge[b];
        }
        below += in[b];
    }
    return at;
}

/* Terms of n cells, in steps: their least values to count too much (sign -1), their largest to count too little (sign 1), and what lies behind their integer
 * parts. Returns the largest of them by size, infinity where one is too large or no number. */
VECTORS static double terms_row(double *restrict term, double *restrict rest, const size_t *restrict cell, const double *restrict h, size_t stride, const double *restrict rad, double sign, double inverse, size_t n)
{
    double most = 0, wrong = 0;
    for (size_t j = 0; j < n; j++) {
        double steps = (h[cell[j] * stride] + sign * rad[cell[j]]) * inverse;
        term[j] = steps;
        rest[j] = steps - floor(steps);
        most = fabs(steps) > most ? fabs(steps) : most;
        wrong += fabs(steps) < STEPS_MOST ? 0 : 1;
    }
    return wrong > 0 ? INFINITY : most;
}

VECTORS static void row_down(double *restrict of, const double *restrict term, double offset, size_t n)
{
    for (size_t j = 0; j < n; j++)
        of[j] = floor(term[j] - offset);
}

VECTORS static void row_up(double *restrict of, const double *restrict term, double offset, size_t n)
{
    for (size_t j = 0; j < n; j++)
        of[j] = ceil(term[j] - offset);
}

/* Least and largest integers of the kinds of a position, and of all of them. */
struct ends { double least, most; };
static struct ends take_ends(struct steps *g, const struct kinds *k, size_t i)
{
    struct ends all = { INFINITY, -INFINITY };
    for (size_t kind = k->first[i]; kind < k->first[i + 1]; kind++) {
        double least = INFINITY, most = -INFINITY;
        for (size_t j = k->from[kind]; j < k->from[kind + 1]; j++) {
            least = g->of[j] < least ? g->of[j] : least;
            most = g->of[j] > most ? g->of[j] : most;
        }
        if (k->from[kind] == k->from[kind + 1])     /* no allowed token is of this kind: nothing is read */
            continue;
        g->least[kind] = (int64_t)least;
        g->most[kind] = (int64_t)most;
        all.least = least < all.least ? least : all.least;
        all.most = most > all.most ? most : all.most;
    }
    return all;
}

/* The tokens of a kind, those with equal integers together; returns how many branches there are then. */
static size_t take_branches(struct steps *g, size_t from, size_t to, const double least, bool tallied, size_t n)
{
    size_t first = n;
    for (size_t j = from; j < to; j++)
        if (!tallied || g->times[(size_t)(g->of[j] - least)]++ == 0)
            g->branch[n++] = (struct branch){ (int64_t)g->of[j], 1 };
    for (size_t b = first; tallied && b < n; b++) {
        uint32_t *times = &g->times[(size_t)((double)g->branch[b].g - least)];
        g->branch[b].times = *times;
        *times = 0;
    }
    return n;
}

/* One position. Any offset serves. */
static enum status steps_position(struct steps *g, bool *good, const struct cell *x, const struct kinds *k, size_t line, enum side side, size_t i)
{
    size_t from = k->from[k->first[i]], to = k->from[k->first[i + 1]], n = to - from, branches = g->from[k->first[i]];
    double *of = g->of + from;
    const double *h = side == UNDER && x->top ? x->top : x->h;
    double size = terms_row(g->term + from, of, k->cell + from, h + line, x->Kp, x->rad, side == OVER ? -1 : 1, 1 / g->step, n);
    *good = size < STEPS_MOST;
    if (!*good)
        return STATUS_OK;
    double offset = best_fraction(of, n, side);
    g->offset += offset;
    g->slack += (size + 2) * 0x1p-50;       /* what rounding leaves out of the integers */
    (side == OVER ? row_down : row_up)(of, g->term + from, offset, n);
    struct ends ends = take_ends(g, k, i);
    bool tallied = ends.most - ends.least < TALLIES_MOST;
    uint32_t *times = mem_grow(g->times, &g->room_times, tallied ? (size_t)(ends.most - ends.least) + 1 : 1, sizeof *times);
    if (!times)
        return STATUS_MEMORY;
    g->times = times;
    for (size_t kind = k->first[i]; kind < k->first[i + 1]; kind++) {
        branches = take_branches(g, k->from[kind], k->from[kind + 1], ends.least, tallied, branches);
        g->from[kind + 1] = branches;
    }
    return STATUS_OK;
}

enum status steps_take(struct steps *g, bool *good, const struct cell *x, const struct kinds *k, size_t line, size_t bins, enum side side)
{
    const struct problem *p = x->p;
    double width = x->high[line] - x->low[line];
    enum status s = room(g, k);
    g->step = width / (double)bins;
    g->offset = g->slack = 0;
    *good = isfinite(width) && g->step > 0;
    if (s == STATUS_OK)
        g->from[0] = 0;
    for (size_t i = 0; s == STATUS_OK && i < p->n_src && *good; i++)
        s = steps_position(g, good, x, k, line, side, i);
    if (s != STATUS_OK)
        return s;
    /* a sum is not positive: its integers are at most -offset, with the slack to spare; it is negative: conversely */
    double spare = g->slack * (1 + 0x1p-40) + (fabs(g->offset) + 1) * (double)(p->n_src + 8) * 0x1p-50;
    double ask = side == OVER ? floor(spare - g->offset) : ceil(-g->offset - spare) - 1;
    *good = *good && fabs(ask) < STEPS_MOST;
    g->ask = *good ? (int64_t)ask : 0;
    return STATUS_OK;
}
