/* Two forms at once, from both ends (FORMAT.md rule count, step 8). The sequences of a part are cut into a front, one position in the middle and a back. The sums of all fronts that lead to a state
 * are put into a grid of cells, one axis a form, and so are those of all backs that begin at a state; every form is then known up to the size of a cell for each half, where a table made position by
 * position is off by one for each position. Sums beyond the grid are in its first and last cells. All numbers are exact integers. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define GRID_MOST ((size_t)1 << 23)          /* cells of one half, all states together */
#define CELLS_LEAST 128                      /* on an axis; more only while there are no more than WAYS_CELLS times as many as ways */
#define WAYS_CELLS 2
#define WAYS_MOST 0x1p27                     /* fronts and backs */
#define WAYS_TABLE 0x1p14                    /* what takes as long as a table */
#define CELLS 1024                           /* on an axis */
#define FINE_BITS 10                         /* 2^10 units are a cell */
#define FINE ((int64_t)1 << FINE_BITS)
#define UNITS_MOST 0x1p29                    /* of a sum */

void halves_clear(struct halves *t)
{
    for (size_t h = 0; h < 2; h++)
        free(t->grid[h]);
    free(t->end);
    free(t->of);
    free(t->sorted);
    memset(t, 0, sizeof *t);
}

/* ---- terms in units ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The terms of a position, rising; less one in 32 at either end they span what the grid is to hold. Returns their number. */
static size_t sorted_terms(struct halves *t, const struct cell *x, struct signed_line line, size_t i)
{
    size_t n = 0;
    for (size_t c = x->p->first[i]; c < x->p->first[i + 1]; c++)
        if (x->allowed[c])
            t->sorted[n++] = line.turned ? -x->h[c * x->Kp + line.line] : x->h[c * x->Kp + line.line];
    qsort(t->sorted, n, sizeof *t->sorted, compare_doubles);
    return n;
}

/* Units of form k: of[], the middle of every position, and how far a sum may lie above its units. */
static bool take_units(struct halves *t, const struct cell *x, struct signed_line line, size_t k, size_t cells)
{
    const struct problem *p = x->p;
    double spread = 0;
    for (size_t i = 0; i < p->n_src; i++) {
        size_t n = sorted_terms(t, x, line, i);
        spread += t->sorted[n - 1 - n / 32] - t->sorted[n / 32];
    }
    double unit = spread / (2.0 * FINE * (double)cells);
    t->above[k] = 0;
    t->front[k] = t->back[k] = 0;
    if (!(unit > 0) || !isfinite(unit))
        return false;
    for (size_t i = 0; i < p->n_src; i++) {
        int64_t above = 0;
        size_t n = sorted_terms(t, x, line, i);
        double middle = floor(t->sorted[n / 2] / unit);
        for (size_t c = p->first[i]; c < p->first[i + 1]; c++)
            if (x->allowed[c]) {
                double h = line.turned ? -x->h[c * x->Kp + line.line] : x->h[c * x->Kp + line.line];
                double lo = (h - x->rad[c]) / unit, hi = (h + x->rad[c]) / unit, lost = (fabs(h / unit) + 2) * 0x1p-50;
                if (!(fabs(lo) < UNITS_MOST / (double)p->n_src && fabs(hi) < UNITS_MOST / (double)p->n_src))
                    return false;
                lo = floor(lo - lost);
                hi = ceil(hi + lost);
                t->of[c * PAIR + k] = (int32_t)lo;
                above = (int64_t)(hi - lo) > above ? (int64_t)(hi - lo) : above;
            }
        t->above[k] += above;
        if (i < t->cut[0])
            t->front[k] += (int64_t)middle;
        else if (i >= t->cut[1])
            t->back[k] += (int64_t)middle;
    }
    return true;
}

/* ---- halves ---- */

static int64_t floor_fine(int64_t a) { return a >= 0 ? a / FINE : -((FINE - 1 - a) / FINE); }

/* Where a grid begins: the middle of its half is in the middle. */
static void take_bases(struct halves *t)
{
    for (size_t k = 0; k < PAIR; k++) {
        t->base[0][k] = (int32_t)(floor_fine(t->front[k]) - (int64_t)t->cells / 2);
        t->base[1][k] = (int32_t)(floor_fine(t->back[k]) - (int64_t)t->cells / 2);
    }
}

/* The last positions of a half at once: for every transition of the layer before `to`, its units with those of the only way from there to the end, how often it counts, and its grid. */
static void take_ends(struct halves *t, const struct cell *x, const struct edges *edges, size_t half, size_t to)
{
    size_t first = edges->first[x->layer[to - 1]], end = edges->first[x->layer[to]];
    for (size_t n = first; n < end; n++) {
        const struct edge *e = edges->edge + n;
        struct halves_end *h = t->end + (n - first);
        *h = (struct halves_end){ .grid = half ? 0 : (e->next - x->layer[to]) * t->size, .weight = half ? (uint32_t)x->count[e->next] : 1 };
        memcpy(h->of, t->of + e->cell * PAIR, sizeof h->of);
        for (size_t s = e->next, i = to; half && i < x->p->n_src; i++) {
            const struct edge *only = edges->edge + edges->first[s];
            for (size_t k = 0; k < PAIR; k++)
                h->of[k] += t->of[only->cell * PAIR + k];
            s = only->next;
        }
    }
}

/* The layer from which on every state has one way to the end. */
static size_t last_choice(const struct cell *x, const struct edges *edges)
{
    size_t to = x->p->n_src;
    for (bool one = true; one && to > 1; to -= one)
        for (size_t s = x->layer[to - 1]; s < x->layer[to]; s++)
            one = one && edges->first[s + 1] - edges->first[s] <= 1;
    return to;
}

/* All ways from `state` to layer `to`; each goes into the grid of where it ends (front), or of where it began (back), as often as its end counts. */
struct walk { struct halves *t; const struct cell *x; const struct edges *edges; size_t half, to; uint32_t *grid; };

static size_t axis(int32_t sum, int32_t base, int32_t n)
{
    int32_t v = (sum >> FINE_BITS) - base;
    return (size_t)(v < 0 ? 0 : v >= n ? n - 1 : v);
}

static void walk_ends(const struct walk *w, size_t state, const int32_t *sum)
{
    const struct halves *t = w->t;
    size_t first = w->edges->first[w->x->layer[w->to - 1]];
    const struct halves_end *h = t->end + (w->edges->first[state] - first), *end = t->end + (w->edges->first[state + 1] - first);
    int32_t n = (int32_t)t->cells, b0 = t->base[w->half][0], b1 = t->base[w->half][1];
    for (; h < end; h++)
        w->grid[h->grid + axis(sum[0] + h->of[0], b0, n) * t->cells + axis(sum[1] + h->of[1], b1, n)] += h->weight;
}

static void walk_on(const struct walk *w, size_t layer, size_t state, const int32_t *sum)
{
    int32_t next[PAIR] = { 0 };
    if (layer + 1 == w->to) {
        walk_ends(w, state, sum);
        return;
    }
    EACH_EDGE(e, w->edges, state) {
        const int32_t *of = w->t->of + e->cell * PAIR;
        for (size_t k = 0; k < PAIR; k++)
            next[k] = sum[k] + of[k];
        walk_on(w, layer + 1, e->next, next);
    }
}

/* ---- how often the parts of a sequence fit ---- */

/* Numbers of backs whose cells are at least these, in every form. */
static void accumulate(uint32_t *grid, const struct halves *t)
{
    size_t stride = 1;
    for (size_t k = PAIR; k-- > 0; stride *= t->cells)
        for (size_t at = t->size; at-- > 0;)
            if (at / stride % t->cells + 1 < t->cells)
                grid[at] += grid[at + stride];
}

/* With cell v of the front, the cells of the back from `at` - v on are all right in form k, for certain or perhaps; sums beyond the grid: its first cells are below all numbers and its last ones above
 * all where that is the worse case, and as large as their own ends where it is not. */
static int64_t fit_at(const struct halves *t, size_t k, int64_t middle, bool certain)
{
    int64_t least = FINE * ((int64_t)t->base[0][k] + t->base[1][k]) + middle;
    return certain ? floor_fine(-least) + 1 : -floor_fine(least + 2 * (FINE - 1) + t->above[k]);
}

/* The first cell of the back that fits; t->cells: none. */
static size_t first_fit(const struct halves *t, int64_t at, size_t v, bool certain)
{
    int64_t n = (int64_t)t->cells, j = at - (int64_t)v;
    if (certain)
        return v == 0 || j > n - 1 ? t->cells : (size_t)(j < 1 ? 1 : j);
    return v + 1 == t->cells || j < 0 ? 0 : j > n - 1 ? t->cells - 1 : (size_t)j;
}

VECTORS static uint64_t dot_back(const uint32_t *restrict a, const uint32_t *restrict b, size_t n)
{
    uint64_t sum = 0;
    for (size_t v = 0; v < n; v++)
        sum += (uint64_t)a[v] * b[n - 1 - v];
    return sum;
}

VECTORS static uint64_t row_sum(const uint32_t *restrict a, size_t n)
{
    uint64_t sum = 0;
    for (size_t v = 0; v < n; v++)
        sum += a[v];
    return sum;
}

/* The last form. Cells v of the front in three ranges: from where on the first cell that fits is in the grid, and from where on it is the least one. */
static tally fit_line(const struct halves *t, const uint32_t *front, const uint32_t *back, int64_t at, bool certain)
{
    int64_t n = (int64_t)t->cells, least = certain ? 1 : 0, v0 = least, v1 = at - n + 1, v2 = at - least + 1;
    int64_t end = certain ? n : n - 1;
    v1 = v1 < v0 ? v0 : v1 > end ? end : v1;
    v2 = v2 < v1 ? v1 : v2 > end ? end : v2;
    tally sum = certain ? 0 : (tally)row_sum(front, (size_t)v1) * back[n - 1] + (tally)front[n - 1] * back[0];
    if (v2 > v1)
        sum += dot_back(front + v1, back + (at - v2 + 1), (size_t)(v2 - v1));
    return sum + (tally)row_sum(front + v2, (size_t)(end - v2)) * back[least];
}

static tally fit_grid(const struct halves *t, const uint32_t *front, const uint32_t *back, const int64_t *at, bool certain)
{
    tally sum = 0;
    for (size_t v = 0; v < t->cells; v++) {
        size_t j = first_fit(t, at[0], v, certain);
        if (j < t->cells)
            sum += fit_line(t, front + v * t->cells, back + j * t->cells, at[1], certain);
    }
    return sum;
}

/* ---- which positions ---- */

size_t halves_tables(struct halves *t, const struct cell *x, const struct edges *edges)
{
    size_t n = x->p->n_src;
    double front = 1;
    t->ways = INFINITY;
    for (size_t cut = 1; cut + 1 < n; cut++) {
        double back = 0, wide = 0;
        for (size_t s = x->layer[cut + 1]; s < x->layer[cut + 2]; s++)
            if (edges->reached[s])
                back += (double)x->count[s];
        for (size_t c = x->p->first[cut - 1]; c < x->p->first[cut]; c++)
            wide += x->allowed[c];
        front *= wide;
        if (front + back < t->ways) {
            t->ways = front + back;
            t->cut[0] = cut;
        }
    }
    t->cut[1] = t->cut[0] + 1;
    return t->ways <= WAYS_MOST ? (size_t)(t->ways / WAYS_TABLE) + 1 : 0;
}

static enum status room(struct halves *t, const struct cell *x, size_t n_edges)
{
    size_t cells = x->p->first[x->p->n_src];
    int32_t *of = mem_grow(t->of, &t->room_of, cells * PAIR, sizeof *of);
    t->of = of ? of : t->of;
    struct halves_end *end = mem_grow(t->end, &t->room_end, n_edges, sizeof *end);
    t->end = end ? end : t->end;
    double *sorted = mem_grow(t->sorted, &t->room_sorted, cells, sizeof *sorted);
    t->sorted = sorted ? sorted : t->sorted;
    return of && sorted && end ? STATUS_OK : STATUS_MEMORY;
}

static enum status grid_room(struct halves *t, const struct cell *x, bool *good)
{
    for (size_t h = 0; h < 2; h++) {
        size_t states = x->layer[t->cut[h] + 1] - x->layer[t->cut[h]];
        *good = *good && states * t->size <= GRID_MOST;
        if (!*good)
            return STATUS_OK;
        uint32_t *grid = mem_grow(t->grid[h], &t->room[h], states * t->size, sizeof *grid);
        if (!grid)
            return STATUS_MEMORY;
        t->grid[h] = grid;
        memset(grid, 0, states * t->size * sizeof *grid);
    }
    return STATUS_OK;
}

enum status halves_count(struct line_count *out, struct halves *t, const struct signed_line lines[PAIR], const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired)
{
    *out = (struct line_count){ .over = x->count[0] };
    for (t->cells = CELLS; t->cells > CELLS_LEAST && (double)(t->cells * t->cells) > WAYS_CELLS * t->ways;)
        t->cells /= 2;
    t->size = t->cells * t->cells;
    enum status s = room(t, x, edges->first[x->layer[x->p->n_src]]);
    bool good = s == STATUS_OK;
    for (size_t k = 0; k < PAIR && good; k++)
        good = take_units(t, x, lines[k], k, t->cells);
    if (s == STATUS_OK && good)
        s = grid_room(t, x, &good);
    if (s != STATUS_OK || !good)
        return s;
    take_bases(t);
    int32_t zero[PAIR] = { 0 };
    struct walk w = { t, x, edges, 0, t->cut[0], t->grid[0] };
    take_ends(t, x, edges, 0, w.to);
    walk_on(&w, 0, 0, zero);
    w.half = 1;
    w.to = last_choice(x, edges);
    w.to = w.to > t->cut[1] + 1 ? w.to : t->cut[1] + 1;
    take_ends(t, x, edges, 1, w.to);
    for (size_t s1 = x->layer[t->cut[1]]; s1 < x->layer[t->cut[1] + 1]; s1++)
        if (edges->reached[s1]) {
            w.grid = t->grid[1] + (s1 - x->layer[t->cut[1]]) * t->size;
            walk_on(&w, t->cut[1], s1, zero);
            accumulate(w.grid, t);
        }
    tally sum[2] = { 0, 0 };
    for (size_t s0 = x->layer[t->cut[0]]; s0 < x->layer[t->cut[0] + 1] && !(*expired |= limits_expired(l)); s0++)
        EACH_EDGE(e, edges, s0) {
            for (int certain = 0; certain < 2; certain++) {
                int64_t at[PAIR];
                for (size_t k = 0; k < PAIR; k++)
                    at[k] = fit_at(t, k, t->of[e->cell * PAIR + k], certain != 0);
                sum[certain] += fit_grid(t, t->grid[0] + (s0 - x->layer[t->cut[0]]) * t->size, t->grid[1] + (e->next - x->layer[t->cut[1]]) * t->size, at, certain != 0);
            }
        }
    out->over = sum[0];
    out->under = sum[1];
    return s;
}
