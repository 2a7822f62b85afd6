/* Rule count (FORMAT.md §3, step 8): how many sequences of a part make two signed forms positive. The sequences are a front, one middle position and a back; fronts and backs
 * are put into grids by their sums, an axis a form. A cell of 1024 units holds the sums from its own start to that of the next; the first cell also all below, the last all above. Integers throughout. */
#include "separable_walk.h"
#include <stdlib.h>
#include <string.h>

#define WAYS_MOST ((wide)1 << 27)
#define GRID_MOST ((size_t)1 << 23)
#define CELLS_LEAST 128
#define WAYS_CELLS 2
#define CELLS_MOST 1024
#define CELL 1024
#define UNITS_MOST ((int64_t)1 << 29)

void halves_clear(struct halves *h) {
    void *all[] = {h->unit, h->sorted, h->grid[0], h->grid[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    *h = (struct halves){0};
}

static int64_t down(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t up(int64_t a, int64_t b) { return -down(-a, b); }

static int rising(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The terms of a position in rising order; their number. */
static uint32_t sort_terms(struct halves *h, const struct cell *c, size_t form, uint32_t i) {
    uint32_t n = 0;
    for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++)
        if (c->allowed[x]) h->sorted[n++] = c->g[(size_t)x * c->K + form];
    qsort(h->sorted, n, sizeof *h->sorted, rising);
    return n;
}

/* Terms of axis k in units; where the grids begin; how far a sum may lie above its units, with the radius of the form. */
static bool take_axis(struct halves *h, const struct cell *c, size_t k, struct sign s) {
    int64_t spread = 0, middle[2] = {0, 0};
    for (uint32_t i = 0; i < c->n_src; i++) {
        uint32_t n = sort_terms(h, c, s.form, i);
        spread += h->sorted[n - 1 - n / 32] - h->sorted[n / 32];
    }
    int64_t unit = spread / (2 * CELL * (int64_t)h->cells), above = 0;
    if (unit < 1) unit = 1;
    for (uint32_t i = 0; i < c->n_src; i++) {
        int64_t most = 0;
        uint32_t n = sort_terms(h, c, s.form, i);
        if (i != h->cut) middle[i > h->cut] += down(s.turned ? -h->sorted[n - 1 - n / 2] : h->sorted[n / 2], unit);
        for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++) {
            if (!c->allowed[x]) continue;
            int64_t g = c->g[(size_t)x * c->K + s.form], top = c->top[(size_t)x * c->K + s.form];
            int64_t lo = down(s.turned ? -top : g, unit), hi = up(s.turned ? -g : top, unit);
            if (lo <= -UNITS_MOST / c->n_src || hi >= UNITS_MOST / c->n_src) return false;
            h->unit[(size_t)x * PAIR + k] = (int32_t)lo;
            if (hi - lo > most) most = hi - lo;
        }
        above += most;
    }
    h->radius[k] = up(c->radius[s.form], unit);
    h->above[k] = above + h->radius[k];
    for (int side = 0; side < 2; side++) h->base[side][k] = (int32_t)(down(middle[side], CELL) - (int64_t)h->cells / 2);
    return true;
}

/* ---- fronts and backs ---- */

static size_t on_axis(int32_t sum, int32_t base, int32_t cells) {
    int32_t v = (sum >= 0 ? sum / CELL : -((CELL - 1 - sum) / CELL)) - base;
    return (size_t)(v < 0 ? 0 : v >= cells ? cells - 1 : v);
}

static size_t in_grid(const struct halves *h, int side, const int32_t *sum) {
    size_t at = 0;
    for (size_t k = 0; k < PAIR; k++) at = at * h->cells + on_axis(sum[k], h->base[side][k], (int32_t)h->cells);
    return at;
}

/* Ways from a state on to level `end`; `grid` of a front is that of the first state of its last level. tail: of a back, the units of the only way from each state of level `end` on. */
struct ways { struct halves *h; const struct cell *c; int side; uint32_t end; uint32_t *grid; const int32_t *tail; };

static void last_step(const struct ways *w, size_t state, const int32_t *sum) {
    const struct halves *h = w->h;
    const struct cell *c = w->c;
    for (size_t e = c->out[state]; e < c->out[state + 1]; e++) {
        const int32_t *unit = h->unit + c->edge[e].cell * PAIR;
        size_t to = c->edge[e].to, from = to - c->first[w->end];
        int32_t all[PAIR];
        for (size_t k = 0; k < PAIR; k++) all[k] = sum[k] + unit[k] + (w->side == 0 ? 0 : w->tail[from * PAIR + k]);
        if (w->side == 0) w->grid[from * h->size + in_grid(h, 0, all)]++;
        else w->grid[in_grid(h, 1, all)] += (uint32_t)c->count[to];
    }
}

static void follow(const struct ways *w, uint32_t level, size_t state, const int32_t *sum) {
    const struct cell *c = w->c;
    if (level + 1 == w->end) {
        last_step(w, state, sum);
        return;
    }
    for (size_t e = c->out[state]; e < c->out[state + 1]; e++) {
        const int32_t *unit = w->h->unit + c->edge[e].cell * PAIR;
        int32_t next[PAIR];
        for (size_t k = 0; k < PAIR; k++) next[k] = sum[k] + unit[k];
        follow(w, level + 1, c->edge[e].to, next);
    }
}

/* The level from which on every state that is reached has one way to the end of what is read; not before `from`. */
static uint32_t last_choice(const struct cell *c, uint32_t from) {
    for (uint32_t end = c->n_src; end > from; end--)
        for (size_t s = c->first[end - 1]; s < c->first[end]; s++)
            if (c->out[s + 1] - c->out[s] > 1) return end;
    return from;
}

static int32_t *take_tails(const struct halves *h, const struct cell *c, uint32_t end) {
    size_t n = c->first[end + 1] - c->first[end];
    int32_t *tail = mem_get(n * PAIR, sizeof *tail);
    for (size_t s = 0; s < n; s++) {
        size_t at = c->first[end] + s;
        for (uint32_t i = end; i < c->n_src && c->out[at + 1] > c->out[at]; i++) {
            const struct edge *only = c->edge + c->out[at];
            for (size_t k = 0; k < PAIR; k++) tail[s * PAIR + k] += h->unit[only->cell * PAIR + k];
            at = only->to;
        }
    }
    return tail;
}

/* Every cell becomes the number of backs in it and in those that are not below it on any axis. */
static void gather(const struct halves *h, uint32_t *grid) {
    for (size_t k = 0, stride = h->size / h->cells; k < PAIR; k++, stride /= h->cells)
        for (size_t at = h->size; at-- > 0;)
            if (at / stride % h->cells + 1 < h->cells) grid[at] += grid[at + stride];
}

/* ---- fronts with backs ---- */

/* From `at` less the front's cell on, the cells of the back make the sum positive: for certain, or perhaps. */
static int64_t fits_from(const struct halves *h, size_t k, int64_t middle, bool certain) {
    int64_t least = CELL * ((int64_t)h->base[0][k] + h->base[1][k]) + middle;
    return certain ? down(h->radius[k] - least, CELL) + 1 : -down(least + 2 * (CELL - 1) + h->above[k], CELL);
}

/* The first such cell of the back, or h->cells. In the worse case the first cells hold sums below all bounds, in the better one the last cells hold sums above all. */
static size_t fits(const struct halves *h, int64_t from, size_t v, bool certain) {
    int64_t n = (int64_t)h->cells, j = from - (int64_t)v;
    if (certain) return v == 0 || j >= n ? h->cells : j < 1 ? 1 : (size_t)j;
    return v == h->cells - 1 || j < 0 ? 0 : j >= n ? h->cells - 1 : (size_t)j;
}

__attribute__((optimize("O3"))) static uint64_t meet(const uint32_t *restrict front, const uint32_t *restrict back, size_t n) {
    uint64_t sum = 0;
    for (size_t v = 0; v < n; v++) sum += (uint64_t)front[v] * back[n - 1 - v];
    return sum;
}

static wide pairs_line(const struct halves *h, const uint32_t *front, const uint32_t *back, int64_t from, bool certain) {
    size_t n = h->cells, v = 0;
    wide sum = 0;
    while (v < n) {
        size_t j = fits(h, from, v, certain);
        /* the run of cells in which the back's first cell falls by one with every cell of the front */
        bool falls = j < n && (int64_t)j == from - (int64_t)v && !(certain ? v == 0 : v == n - 1);
        if (!falls) {
            if (j < n && front[v] > 0) sum += (wide)front[v] * back[j];
            v++;
            continue;
        }
        size_t run = j - (certain ? 1 : 0) + 1, left = n - v - (certain ? 0 : 1);
        if (run > left) run = left;
        sum += meet(front + v, back + (j + 1 - run), run);
        v += run;
    }
    return sum;
}

static wide pairs(const struct halves *h, const uint32_t *front, const uint32_t *back, const int64_t *from, bool certain) {
    wide sum = 0;
    for (size_t v = 0; v < h->cells; v++) {
        size_t j = fits(h, from[0], v, certain);
        if (j < h->cells) sum += pairs_line(h, front + v * h->cells, back + j * h->cells, from[1], certain);
    }
    return sum;
}

/* ---- */

/* The middle position is that with the fewest fronts and backs. */
bool halves_middle(struct halves *h, const struct cell *c) {
    wide fronts = 1;
    h->ways = WAYS_MOST + 1;
    for (uint32_t i = 1; i + 1 < c->n_src; i++) {
        wide backs = 0, tokens = 0;
        for (uint32_t x = c->at[i - 1]; x < c->at[i]; x++) tokens += c->allowed[x];
        for (size_t s = c->first[i + 1]; s < c->first[i + 2]; s++)
            if (c->reached[s]) {
                if (c->count[s] > WAYS_MOST) backs = WAYS_MOST + 1;
                else if (backs <= WAYS_MOST) backs += c->count[s];
            }
        if (fronts <= WAYS_MOST) fronts *= tokens;
        if (fronts + backs < h->ways) h->ways = fronts + backs, h->cut = i;
    }
    return h->ways <= WAYS_MOST;
}

static bool take_room(struct halves *h, const struct cell *c) {
    if (h->unit == NULL) {
        h->unit = mem_get((size_t)c->at[c->n] * PAIR, sizeof *h->unit);
        h->sorted = mem_get(c->at[c->n], sizeof *h->sorted);
    }
    for (uint32_t side = 0; side < 2; side++) {
        size_t need = (c->first[h->cut + side + 1] - c->first[h->cut + side]) * h->size;
        if (need > GRID_MOST) return false;
        if (need > h->room[side]) {
            mem_free(h->grid[side]);
            h->grid[side] = mem_get(need, sizeof *h->grid[side]);
            h->room[side] = need;
        }
        memset(h->grid[side], 0, need * sizeof *h->grid[side]);
    }
    return true;
}

static void take_halves(struct halves *h, const struct cell *c) {
    int32_t zero[PAIR] = {0};
    struct ways w = {h, c, 0, h->cut, h->grid[0], NULL};
    follow(&w, 0, ROOT, zero);
    w.side = 1;
    w.end = last_choice(c, h->cut + 2);
    int32_t *tail = take_tails(h, c, w.end);
    w.tail = tail;
    for (size_t s = c->first[h->cut + 1]; s < c->first[h->cut + 2]; s++) {
        if (!c->reached[s]) continue;
        w.grid = h->grid[1] + (s - c->first[h->cut + 1]) * h->size;
        follow(&w, h->cut + 1, s, zero);
        gather(h, w.grid);
    }
    mem_free(tail);
}

void halves_count(wide *least, wide *most, struct halves *h, const struct cell *c, const struct sign signs[PAIR]) {
    *least = 0;
    *most = c->count[ROOT];
    for (h->cells = CELLS_MOST; h->cells > CELLS_LEAST && h->cells * h->cells > WAYS_CELLS * h->ways;) h->cells /= 2;
    h->size = h->cells * h->cells;
    if (!take_room(h, c)) return;
    for (size_t k = 0; k < PAIR; k++)
        if (!take_axis(h, c, k, signs[k])) return;
    take_halves(h, c);
    wide sum[2] = {0, 0};
    for (size_t s = c->first[h->cut]; s < c->first[h->cut + 1]; s++)
        for (size_t e = c->out[s]; e < c->out[s + 1]; e++)
            for (int certain = 0; certain < 2; certain++) {
                int64_t from[PAIR];
                const uint32_t *front = h->grid[0] + (s - c->first[h->cut]) * h->size, *back = h->grid[1] + (c->edge[e].to - c->first[h->cut + 1]) * h->size;
                for (size_t k = 0; k < PAIR; k++) from[k] = fits_from(h, k, h->unit[c->edge[e].cell * PAIR + k], certain != 0);
                sum[certain] += pairs(h, front, back, from, certain != 0);
            }
    if (sum[0] < *most) *most = sum[0];
    *least = sum[1] < *most ? sum[1] : *most;
}
