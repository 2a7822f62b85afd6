/* The tokens that may stand at a position behind one state of a walk, looked at side by side: line by line their sums are rounded to 32 bits, and a token that is clear of what that loses needs no look of its own.
 *
 * A line k has a scale c, a power of 2, so that its sums times c are below 2^28. With the partial sum and radius r so far, the walk calls line k positive behind a token when partial + h + low > r + rad, and not
 * positive when partial + h + high <= -(r + rad), whatever the order in which the terms were added. Integers of c partial, c (h + low) and c (h + high) are at most 2^-19 above these and less than 1 + 2^-19 below, so
 * that a sum of two of them from `margin` = 4 + c R on, or below -margin, settles the same: R is at least r + rad everywhere in the cell. All lines have one margin, as c R is at most 64. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/separable.h"

#define ROOM_MOST ((size_t)1 << 21)     /* integers of all rows */
#define FEW ((tally)1 << 30)            /* units of completions that are added up in 32 bits */
#define VISITS 2                        /* before rows are made */
#define SIZE 28                         /* bits of a sum, and of a margin 7 */
#define NOWHERE ((int32_t)1 << 30)      /* the sum of a token that leads nowhere: clear of everything, and counted 0 times */

static size_t width_of(const struct cell *x, size_t i) { return (x->p->t.n_set[i] + 7) / 8 * 8; }

static bool may_stand(const struct cell *x, size_t i, size_t k)
{
    return x->c->live[x->p->first[i] + k] && (i != x->p->row || x->p->t.sets[i][k] == x->q);
}

static bool make_room(struct siblings *l, const struct cell *x)
{
    const struct problem *p = x->p;
    l->width = 8;
    for (size_t i = 0; i < p->n_src; i++)
        l->width = width_of(x, i) > l->width ? width_of(x, i) : l->width;
    l->room = mem_array(ROOM_MOST, sizeof *l->room);
    l->low = mem_array(p->n_src * l->width, sizeof *l->low);
    l->high = mem_array(p->n_src * l->width, sizeof *l->high);
    l->open = mem_array(p->n_src * l->width, 1);
    l->line = mem_array(x->capacity, sizeof *l->line);
    l->row = mem_array(x->capacity, sizeof *l->row);
    l->scale = mem_array(x->capacity, sizeof *l->scale);
    return l->room && l->low && l->high && l->open && l->line && l->row && l->scale;
}

void siblings_clear(struct siblings *l)
{
    free(l->room);
    free(l->low);
    free(l->high);
    free(l->open);
    free(l->line);
    free(l->row);
    free(l->scale);
    free(l->rows);
    memset(l, 0, sizeof *l);
}

/* Of the largest products of every position, with all radii. */
static double largest_sum(const struct cell *x, size_t line, double radius)
{
    double sum = radius;
    for (size_t i = 0; i < x->p->n_src; i++) {
        double most = 0;
        for (size_t k = 0; k < x->p->t.n_set[i]; k++)
            if (may_stand(x, i, k))
                most = fmax(most, fabs(x->h[(x->p->first[i] + k) * x->Kp + line]));
        sum += most;
    }
    return sum * (1 + 0x1p-40);
}

static double largest_radius(const struct cell *x)
{
    double sum = 0;
    for (size_t i = 0; i < x->p->n_src; i++) {
        double most = 0;
        for (size_t k = 0; k < x->p->t.n_set[i]; k++)
            if (may_stand(x, i, k))
                most = fmax(most, x->rad[x->p->first[i] + k]);
        sum += most;
    }
    return sum * (1 + 0x1p-40);
}

/* What all numbers of completions are multiples of. */
static tally unit_of(const struct cell *x)
{
    size_t from = x->layer[x->p->n_src];
    tally unit = 0;
    for (size_t s = from; s < x->layer[x->p->n_src + 1]; s++) {
        if (unit > 0 && x->count[s] > 0 && x->count[s] != unit)
            return 1;
        unit = x->count[s] > 0 ? x->count[s] : unit;
    }
    return unit > 0 ? unit : 1;
}

enum status siblings_load(struct siblings *l, const struct cell *x)
{
    size_t states = x->layer[x->p->n_src + 1];
    if (!l->room && !make_room(l, x))
        return STATUS_MEMORY;
    if (states > l->room_rows) {
        free(l->rows);
        l->rows = mem_array(states, sizeof *l->rows);
        l->room_rows = l->rows ? states : 0;
        if (!l->rows)
            return STATUS_MEMORY;
    }
    memset(l->rows, 0, states * sizeof *l->rows);
    l->used = 0;
    l->unit = unit_of(x);
    l->n = x->n_active[0];
    double radius = largest_radius(x), margin = 0;
    for (size_t e = 0; e < l->n; e++) {
        size_t line = (size_t)x->active[e];
        int size = 0, small = 0;
        double most = largest_sum(x, line, radius);
        if (!(most < 0x1p900)) {
            l->n = 0;           /* nothing is looked at */
            break;
        }
        frexp(most, &size);
        frexp(radius, &small);
        int bits = size - SIZE > small - 6 ? size - SIZE : small - 6;
        l->line[e] = line;
        l->row[line] = e;
        l->scale[line] = ldexp(1, bits > -1000 ? -bits : 1000);
        margin = fmax(margin, l->scale[line] * radius);
    }
    l->margin = 4 + (int32_t)margin;
    return STATUS_OK;
}

/* At most 2^-20 above x, |x| <= 2^29, and less than 1 + 2^-20 below. */
static inline int32_t rounded(double x) { return (int32_t)(x + 0x1p30) - ((int32_t)1 << 30); }

/* The integers of token k: one column of the rows. */
static void fill_column(int32_t *low, int32_t *high, const struct siblings *l, const struct cell *x, size_t cell, size_t next, size_t width)
{
    const double *h = x->h + cell * x->Kp, *least = x->low + next * x->Kp, *most = x->high + next * x->Kp;
    for (size_t e = 0; e < l->n; e++) {
        size_t line = l->line[e];
        low[e * width] = rounded(l->scale[line] * (h[line] + least[line]));
        high[e * width] = rounded(l->scale[line] * (h[line] + most[line]));
    }
}

/* What the largest sums are above the least ones, where it is so little that the least ones serve; else -1. */
static int32_t little_gap(const int32_t *low, const int32_t *high, size_t n)
{
    int32_t gap = 0;
    for (size_t j = 0; j < n; j++)
        gap = high[j] - low[j] > gap ? high[j] - low[j] : gap;
    return gap <= 64 ? gap : -1;
}

/* Rows low[e * width + k] and high, by line that is open at the root and token, and units of completions by token. */
static bool make_rows(struct siblings *l, struct sibling_rows *rows, const struct cell *x, size_t i, size_t s)
{
    const struct automaton *a = &x->c->a;
    size_t n = a->n_tokens[i], width = width_of(x, i), block = l->n * width;
    if (l->used + width + 2 * block > ROOM_MOST)
        return false;
    rows->few = x->count[x->layer[i] + s] / l->unit < FEW;
    rows->at = l->used;
    int32_t *count = l->room + rows->at, *low = count + width, *high = low + block;
    for (size_t k = 0; k < width; k++) {
        int to = k < n ? a->next[i][s * n + k] : AUTOMATON_DEAD;
        size_t next = to < 0 ? 0 : x->layer[i + 1] + (size_t)to;
        bool stands = to >= 0 && may_stand(x, i, k) && x->count[next] > 0;
        count[k] = stands ? rows->few ? (int32_t)(x->count[next] / l->unit) : 1 : 0;
        if (stands)
            fill_column(low + k, high + k, l, x, x->p->first[i] + k, next, width);
        for (size_t e = 0; !stands && e < l->n; e++)
            low[e * width + k] = high[e * width + k] = NOWHERE;
    }
    rows->gap = little_gap(low, high, block);
    rows->flat = rows->gap >= 0;
    l->used += width + (rows->flat ? block : 2 * block);
    return rows->made = true;
}

/* least = min(least, from + row) */
static inline __attribute__((always_inline)) void lower(int32_t *restrict least, const int32_t *restrict row, int32_t from, size_t width)
{
    for (size_t k = 0; k < width; k++) {
        int32_t v = from + row[k];
        least[k] = v < least[k] ? v : least[k];
    }
}

/* What a look reads: rows of one state, of `lines` lines; the lines that are open, with their rows, scales and partial sums. */
struct view { const int32_t *count, *rows; size_t width, lines; bool flat; const int *active; size_t n_active; const size_t *row; const double *scale, *partial; int32_t from, to; };

/* Sums of the tokens, which of them are open, and completions of those that are not. */
VECTORS static void look(int32_t *restrict low, int32_t *restrict high, unsigned char *restrict open, int32_t *yes, int32_t *no, const struct view v)
{
    const size_t width = v.width;
    for (size_t k = 0; k < width; k++)
        low[k] = high[k] = NOWHERE;
    for (size_t e = 0; e < v.n_active; e++) {
        size_t line = (size_t)v.active[e], at = v.row[line] * width;
        int32_t from = rounded(v.scale[line] * v.partial[line]);
        lower(low, v.rows + at, from, width);
        if (!v.flat)
            lower(high, v.rows + v.lines * width + at, from, width);
    }
    const int32_t *most = v.flat ? low : high;
    for (size_t k = 0; k < width; k++)
        open[k] = (low[k] < v.from) & (most[k] >= v.to);
    int32_t y = 0, n = 0;
    for (size_t k = 0; k < width; k++) {
        y += low[k] >= v.from ? v.count[k] : 0;
        n += most[k] < v.to ? v.count[k] : 0;
    }
    *yes = y;
    *no = n;
}

static struct view view_of(const struct siblings *l, const struct cell *x, size_t i, const struct sibling_rows *rows)
{
    size_t width = width_of(x, i), depth = i * x->capacity;
    return (struct view){
        .count = l->room + rows->at, .rows = l->room + rows->at + width, .width = width, .lines = l->n, .flat = rows->flat,
        .active = x->active + depth, .n_active = x->n_active[i], .row = l->row, .scale = l->scale, .partial = x->partial + depth,
        .from = l->margin, .to = -l->margin - (rows->flat ? rows->gap : 0),
    };
}

bool siblings_look(struct siblings *l, const struct cell *x, size_t i, size_t s)
{
    struct sibling_rows *rows = &l->rows[x->layer[i] + s];
    if (!rows->made && (l->n == 0 || rows->visits++ < VISITS || !make_rows(l, rows, x, i, s)))
        return false;
    size_t depth = i * l->width;
    look(l->low + depth, l->high + depth, l->open + depth, &l->yes, &l->no, view_of(l, x, i, rows));
    return true;
}

bool siblings_count(tally *yes, tally *no, const struct siblings *l, const struct cell *x, size_t i, size_t s)
{
    *yes = (tally)l->yes * l->unit;
    *no = (tally)l->no * l->unit;
    return l->rows[x->layer[i] + s].few;
}

/* Token k of `here` stands: what the rows behind it, whose least sums are all sums, say of the tokens there. low: room for these. */
VECTORS static void look_behind(int32_t *restrict low, int32_t *yes, int32_t *no, const struct view here, size_t k, const double *h, const struct view next)
{
    const size_t width = next.width;
    for (size_t t = 0; t < width; t++)
        low[t] = NOWHERE;
    for (size_t e = 0; e < here.n_active; e++) {
        size_t line = (size_t)here.active[e], row = here.row[line];
        int32_t from = rounded(here.scale[line] * here.partial[line]);
        if (from + here.rows[row * here.width + k] < here.from)   /* not positive on all that is behind it */
            lower(low, next.rows + row * width, rounded(here.scale[line] * (here.partial[line] + h[line])), width);
    }
    int32_t y = 0, n = 0;
    for (size_t t = 0; t < width; t++) {
        y += low[t] >= next.from ? next.count[t] : 0;
        n += low[t] < next.to ? next.count[t] : 0;
    }
    *yes = y;
    *no = n;
}

bool siblings_behind(tally *yes, tally *no, struct siblings *l, const struct cell *x, size_t i, size_t s, size_t k, size_t to)
{
    if (i + 1 == x->p->n_src)
        return false;
    const struct sibling_rows *next = &l->rows[x->layer[i + 1] + to];
    if (!next->made || !next->flat || !next->few)
        return false;
    int32_t y, n;
    look_behind(l->low + (i + 1) * l->width, &y, &n, view_of(l, x, i, &l->rows[x->layer[i] + s]), k, x->h + (x->p->first[i] + k) * x->Kp, view_of(l, x, i + 1, next));
    *yes = (tally)y * l->unit;
    *no = (tally)n * l->unit;
    return *yes + *no == x->count[x->layer[i + 1] + to];
}

size_t siblings_next(const struct siblings *l, size_t i, size_t k, size_t width)
{
    const unsigned char *open = l->open + i * l->width;
    while (k < width && !open[k]) {
        uint64_t word;
        memcpy(&word, open + k / 8 * 8, sizeof word);
        k = word ? k + 1 : k / 8 * 8 + 8;
    }
    return k;
}

enum truth siblings_truth(const struct siblings *l, size_t i, size_t k)
{
    if (l->open[i * l->width + k])
        return TRUTH_UNSETTLED;
    return l->low[i * l->width + k] >= l->margin ? TRUTH_TRUE : TRUTH_FALSE;
}
