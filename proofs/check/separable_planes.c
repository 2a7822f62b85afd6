/* Rule count (FORMAT.md §3, step 8): grids of sums of two forms, how one is moved by a token, and how often the cells of two fit. */
#include "separable_walk.h"
#include <string.h>

#define GRID_MOST ((size_t)1 << 23)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define LOOP __attribute__((optimize("O3"), target_clones("avx2", "default")))
#else
#define LOOP
#endif

void plane_clear(struct plane *p) {
    mem_free(p->at);
    mem_free(p->used);
    *p = (struct plane){0};
}

bool plane_room(struct plane *p, size_t states) {
    const size_t need = states * p->rows * p->columns, rows = states * p->rows;
    p->states = states;
    if (need > GRID_MOST) return false;
    if (need > p->room) {
        mem_free(p->at);
        p->at = mem_get(need, sizeof *p->at);
        p->room = need;
    }
    if (rows > p->room_used) {
        mem_free(p->used);
        p->used = mem_get(2 * rows, sizeof *p->used);
        p->room_used = rows;
    }
    memset(p->at, 0, need * sizeof *p->at);
    return true;
}

void plane_used(struct plane *p) {
    for (size_t r = 0; r < p->states * p->rows; r++) {
        const uint32_t *row = p->at + r * p->columns;
        uint32_t first = 0, end = p->columns;
        while (end > 0 && row[end - 1] == 0) end--;
        while (first < end && row[first] == 0) first++;
        p->used[2 * r] = first;
        p->used[2 * r + 1] = end;
    }
}

LOOP static void add(uint32_t *restrict to, const uint32_t *restrict from, size_t n) {
    for (size_t v = 0; v < n; v++) to[v] += from[v];
}

LOOP static uint32_t total(const uint32_t *restrict x, size_t n) {
    uint32_t sum = 0;
    for (size_t v = 0; v < n; v++) sum += x[v];
    return sum;
}

static int64_t clip(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

void plane_move(struct plane *to, size_t state, const struct plane *from, size_t other, const int64_t *down) {
    for (uint32_t u = 0; u < from->rows; u++) {
        const size_t r = other * from->rows + u;
        const int64_t first = from->used[2 * r], end = from->used[2 * r + 1];
        if (end == 0) continue;
        const uint32_t *x = from->at + r * from->columns;
        uint32_t *y = to->at + (state * to->rows + (size_t)clip((int64_t)u - down[0], 0, (int64_t)to->rows - 1)) * to->columns;
        /* columns that come before the first one, inside, and behind the last one */
        const int64_t a = clip(down[1], first, end), b = clip(down[1] + (int64_t)to->columns, a, end);
        if (a > first) y[0] += total(x + first, (size_t)(a - first));
        if (b > a) add(y + (a - down[1]), x + a, (size_t)(b - a));
        if (end > b) y[to->columns - 1] += total(x + b, (size_t)(end - b));
    }
}

void plane_gather(struct plane *p) {
    for (size_t s = 0; s < p->states; s++)
        for (uint32_t u = p->rows; u-- > 0;) {
            uint32_t *row = p->at + (s * p->rows + u) * p->columns;
            for (uint32_t v = p->columns - 1; v-- > 0;) row[v] += row[v + 1];
            if (u + 1 < p->rows) add(row, row + p->columns, p->columns);
        }
}

/* ---- fronts with backs ---- */

LOOP static uint64_t product(const uint32_t *restrict a, const uint32_t *restrict b, size_t n) {
    uint64_t sum = 0;
    for (size_t v = 0; v < n; v++) sum += (uint64_t)a[v] * b[v];
    return sum;
}

void plane_row(uint32_t *line, const struct plane *p, size_t row) {
    const uint32_t *x = p->at + row * p->columns, n = p->columns;
    uint32_t *before = line + n;
    before[0] = 0;
    for (uint32_t v = 0; v < n; v++) {
        line[n - 1 - v] = x[v];
        before[v + 1] = before[v] + x[v];
    }
}

/* The first cell of the back that fits with cell v of the front, or their number. In the worse case the first cells hold sums below all bounds, in the better one the last cells hold sums above all. */
static int64_t fits(int64_t n, int64_t from, int64_t v, bool certain) {
    const int64_t j = from - v;
    if (certain) return v == 0 || j >= n ? n : j < 1 ? 1 : j;
    return v == n - 1 || j < 0 ? 0 : j >= n ? n - 1 : j;
}

void planes_meet(wide *sum, const struct halves *h, size_t row, const uint32_t *line, size_t back, const int64_t *from, bool certain) {
    const struct plane *p = &h->half[0].plane, *q = &h->half[1].plane;
    const int64_t n = h->cells, u = fits(n, from[0], (int64_t)(row % h->cells), certain), at = from[1], lowest = certain ? 1 : 0;
    if (u == n) return;
    const size_t r = back * h->cells + (size_t)u;
    const uint32_t *y = q->at + r * h->cells, *before = line + n;
    const int64_t filled = q->used[2 * r + 1]; /* y is 0 from there on */
    if (filled == 0) return;
    /* v in [a, b): the back's first cell is at - v; before them it is the last cell, or there is none; behind them it is the lowest */
    const int64_t first = certain ? 1 : 0, last = certain ? n : n - 1;
    const int64_t a = clip(at - (n - 1), first, last), b = clip(at - lowest + 1, a, last);
    if (!certain) {
        *sum += (wide)before[a] * y[n - 1];
        *sum += (wide)(before[n] - before[n - 1]) * y[0];
    }
    *sum += (wide)(before[last] - before[b]) * y[lowest];
    const int64_t used = p->used[2 * row], end = p->used[2 * row + 1];
    const int64_t from_v = clip(at - filled + 1, used > a ? used : a, b), to_v = clip(end, from_v, b);
    if (to_v > from_v) *sum += product(line + (n - to_v), y + (at - to_v + 1), (size_t)(to_v - from_v));
}
