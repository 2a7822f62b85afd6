/* Grids of sums of two forms (FORMAT.md rule count, step 8): one axis a form, cells for every state. */
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define GRID_MOST ((size_t)1 << 23)          /* cells of one grid, all states together */
#define BLOCK 256

void grid_clear(struct grid *g)
{
    free(g->at);
    free(g->span);
    memset(g, 0, sizeof *g);
}

enum status grid_room(struct grid *g, size_t states, bool *good)
{
    g->states = states;
    g->size = g->n[0] * g->n[1];
    *good = states <= GRID_MOST / g->size;
    if (!*good)
        return STATUS_OK;
    uint32_t *at = mem_grow(g->at, &g->room, states * g->size, sizeof *at);
    g->at = at ? at : g->at;
    struct columns *span = mem_grow(g->span, &g->room_span, states * g->n[0], sizeof *span);
    g->span = span ? span : g->span;
    if (!at || !span)
        return STATUS_MEMORY;
    memset(at, 0, states * g->size * sizeof *at);
    return STATUS_OK;
}

void grid_spans(struct grid *g)
{
    for (size_t r = 0; r < g->states * g->n[0]; r++) {
        const uint32_t *row = g->at + r * g->n[1];
        uint32_t from = 0, to = (uint32_t)g->n[1];
        while (to > 0 && row[to - 1] == 0)
            to--;
        while (from < to && row[from] == 0)
            from++;
        g->span[r] = (struct columns){ from, to };
    }
}

/* ---- ways ---- */

struct axes { int32_t sum[PAIR], base[PAIR], last[PAIR], columns; };

VECTORS static void cells_of(uint32_t *restrict out, const int32_t *restrict of0, const int32_t *restrict of1, const uint32_t *restrict grid, struct axes a, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        int32_t u = ((a.sum[0] + of0[k]) >> FINE_BITS) - a.base[0], v = ((a.sum[1] + of1[k]) >> FINE_BITS) - a.base[1];
        u = u < 0 ? 0 : u > a.last[0] ? a.last[0] : u;
        v = v < 0 ? 0 : v > a.last[1] ? a.last[1] : v;
        out[k] = grid[k] + (uint32_t)(u * a.columns + v);
    }
}

void grid_put(struct grid *g, uint32_t *cells, const struct way_ends *e, size_t from, size_t to, const int32_t *sum)
{
    uint32_t at[BLOCK];
    struct axes a = { .columns = (int32_t)g->n[1] };
    for (size_t k = 0; k < PAIR; k++) {
        a.sum[k] = sum[k];
        a.base[k] = g->base[k];
        a.last[k] = (int32_t)g->n[k] - 1;
    }
    for (size_t n; from < to; from += n) {
        n = to - from < BLOCK ? to - from : BLOCK;
        cells_of(at, e->of[0] + from, e->of[1] + from, e->grid + from, a, n);
        for (size_t k = 0; k < n; k++)
            cells[at[k]] += e->weight[from + k];
    }
}

/* ---- hops ---- */

VECTORS static void add_row(uint32_t *restrict to, const uint32_t *restrict from, uint32_t times, size_t n)
{
    for (size_t v = 0; v < n; v++)
        to[v] += times * from[v];
}

VECTORS static uint32_t row_sum(const uint32_t *restrict a, size_t n)
{
    uint32_t sum = 0;
    for (size_t v = 0; v < n; v++)
        sum += a[v];
    return sum;
}

static size_t within(int64_t v, size_t lo, size_t hi) { return v < (int64_t)lo ? lo : v > (int64_t)hi ? hi : (size_t)v; }

/* Columns s of a row go to column v - by, or to the first or the last of n. */
static void put_row(uint32_t *to, size_t n, const uint32_t *from, struct columns s, int64_t by, uint32_t times)
{
    size_t low = within(by, s.from, s.to), high = within(by + (int64_t)n, low, s.to);
    to[0] += times * row_sum(from + s.from, low - s.from);
    if (high > low)
        add_row(to + ((int64_t)low - by), from + low, times, high - low);
    to[n - 1] += times * row_sum(from + high, s.to - high);
}

void grid_add(struct grid *to, const struct grid *from, const struct hop *hop, size_t n)
{
    for (size_t r = 0; r < to->n[0]; r++)
        for (size_t h = 0; h < n; h++) {
            size_t a = within((int64_t)r + hop[h].by[0], 0, from->n[0]), b = within((int64_t)r + 1 + hop[h].by[0], 0, from->n[0]);
            a = r == 0 ? 0 : a;
            b = r + 1 == to->n[0] ? from->n[0] : b;
            for (size_t u = a; u < b; u++) {
                struct columns s = from->span[hop[h].from * from->n[0] + u];
                if (s.from < s.to)
                    put_row(to->at + hop[h].to * to->size + r * to->n[1], to->n[1], from->at + hop[h].from * from->size + u * from->n[1], s, hop[h].by[1], hop[h].times);
            }
        }
}

void grid_gather(struct grid *g)
{
    for (size_t s = 0; s < g->states; s++)
        for (size_t r = g->n[0]; r-- > 0;) {
            uint32_t *row = g->at + s * g->size + r * g->n[1], sum = 0;
            for (size_t v = g->n[1]; v-- > 0;)
                row[v] = sum += row[v];
            if (r + 1 < g->n[0])
                add_row(row, row + g->n[1], 1, g->n[1]);
        }
}
