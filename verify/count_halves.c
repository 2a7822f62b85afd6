/* Two forms at once, from both ends (FORMAT.md rule count, step 8). The sequences of a part are cut into a front, one position in the middle and a back. The sums of all fronts that lead to a state
 * are put into a grid of cells, one axis a form, and so are those of all backs that begin at a state; every form is then known up to the size of a cell for each half, where a table made position by
 * position is off by one for each position. A half with many ways is known up to two cells: its grid is made from that of the half without the position at the cut, one token of it after the other, and
 * only tokens that weigh much are put on the ways themselves. Sums beyond the grid are in its first and last cells. All numbers are exact integers. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define WAYS_CELLS 2                         /* no more than so many times as many cells as ways */
#define WALKED_MOST 0x1p27                   /* ways that are followed one by one, of both halves */
#define WAYS_MOST 0x1p31                     /* of both halves */
#define WAYS_DENSE 16                        /* for every cell: with more a half is dense */
#define UNITS_MOST 0x1p29                    /* of a sum */
#define TABLE_WAYS 0x1p-14                   /* tables that a way costs, and a cell of a token at the middle, or of one at a dense position */
#define TABLE_CELLS 0x1p-18

void halves_clear(struct halves *t)
{
    for (size_t h = 0; h < 2; h++) {
        grid_clear(&t->half[h].grid);
        grid_clear(&t->half[h].inner);
    }
    free(t->ends.first);
    free(t->ends.block);
    free(t->of);
    free(t->sorted);
    free(t->hop);
    free(t->fit);
    free(t->row);
    memset(t, 0, sizeof *t);
}

/* ---- which positions ---- */

static double completions(const struct cell *x, const struct edges *edges, size_t layer)
{
    double n = 0;
    for (size_t s = x->layer[layer]; s < x->layer[layer + 1]; s++)
        if (edges->reached[s])
            n += (double)x->count[s];
    return n;
}

static size_t edges_at(const struct cell *x, const struct edges *edges, size_t i) { return edges->first[x->layer[i + 1]] - edges->first[x->layer[i]]; }

bool halves_cut(struct halves *t, const struct cell *x, const struct edges *edges)
{
    size_t n = x->p->n_src;
    double front = 1, walked = 1, least = INFINITY;
    for (size_t cut = 1; cut + 1 < n; cut++) {
        double back = completions(x, edges, cut + 1), wide = 0;
        for (size_t c = x->p->first[cut - 1]; c < x->p->first[cut]; c++)
            wide += x->allowed[c];
        walked = front;
        front *= wide;
        if (front + back < least) {
            least = front + back;
            t->cut[0] = cut;
            t->half[0].ways = front;
            t->half[0].walked = walked;
            t->half[1].ways = back;
            t->half[1].walked = cut + 2 < n ? completions(x, edges, cut + 2) : 0;
        }
    }
    if (!(least <= WAYS_MOST))
        return false;
    t->cut[1] = t->cut[0] + 1;
    t->edges = edges_at(x, edges, t->cut[0]);
    for (size_t h = 0; h < 2; h++) {
        t->half[h].position = h ? t->cut[1] : t->cut[0] - 1;
        t->half[h].edges = edges_at(x, edges, t->half[h].position);
    }
    return true;
}

static bool is_dense(const struct halves *t, size_t h, size_t cells) { return t->half[h].ways > WAYS_DENSE * (double)(cells * cells) && t->half[h].walked > 1; }

size_t halves_cells(const struct halves *t)
{
    size_t cells = CELLS_MOST;
    while (cells > CELLS_LEAST && (double)(cells * cells) > WAYS_CELLS * (t->half[0].ways + t->half[1].ways))
        cells /= 2;
    return cells;
}

size_t halves_price(const struct halves *t, size_t cells)
{
    double ways = 0, edges = (double)t->edges;
    for (size_t h = 0; h < 2; h++) {
        bool dense = is_dense(t, h, cells);
        ways += dense ? t->half[h].walked : t->half[h].ways;
        edges += dense ? (double)t->half[h].edges : 0;
    }
    return (size_t)(ways * TABLE_WAYS + edges * (double)(cells * cells) * TABLE_CELLS) + 1;
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

/* The middle of every position adds to that of its half. */
static void take_middle(struct halves *t, size_t i, size_t k, int64_t middle)
{
    for (size_t h = 0; h < 2; h++) {
        t->half[h].middle[k] += (h ? i >= t->cut[1] : i < t->cut[0]) ? middle : 0;
        if (i == t->half[h].position)
            t->half[h].at[k] = middle;
    }
}

/* Units of form k: of[], the middle of every position, and how far a sum may lie above its units. */
static bool take_units(struct halves *t, const struct cell *x, struct signed_line line, size_t k)
{
    const struct problem *p = x->p;
    double spread = 0;
    for (size_t i = 0; i < p->n_src; i++) {
        size_t n = sorted_terms(t, x, line, i);
        spread += t->sorted[n - 1 - n / 32] - t->sorted[n / 32];
    }
    double unit = spread / (2.0 * FINE * (double)t->cells);
    t->above[k] = t->half[0].middle[k] = t->half[1].middle[k] = 0;
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
        take_middle(t, i, k, (int64_t)middle);
    }
    return true;
}

/* ---- ways, one by one ---- */

/* heavy: at the position at the cut only tokens that weigh much. */
struct walk { struct halves *t; const struct cell *x; const struct edges *edges; size_t half, to; bool heavy; struct grid *grid; uint32_t *cells; };

/* Does a token at the cut weigh so much that it would be put far from the others? */
static bool is_heavy(const struct halves *t, const struct half *h, size_t c)
{
    bool heavy = false;
    for (size_t k = 0; k < PAIR; k++) {
        int64_t far = t->of[c * PAIR + k] - h->at[k], window = FINE * (int64_t)t->cells;
        heavy = heavy || far > window || far < -window;
    }
    return heavy;
}

/* The last positions of a half at once: every transition of the layer before `to`, with the units of the only way from there to the end, how often it counts, and its grid. */
static void take_ends(const struct walk *w)
{
    struct halves *t = w->t;
    const struct cell *x = w->x;
    struct way_ends *to = &t->ends;
    size_t n = 0, layer = x->layer[w->to - 1];
    for (size_t s = layer; s < x->layer[w->to]; s++) {
        to->first[s - layer] = n;
        EACH_EDGE(e, w->edges, s) {
            if (w->heavy && w->half == 0 && !is_heavy(t, &t->half[0], e->cell))
                continue;
            for (size_t k = 0; k < PAIR; k++)
                to->of[k][n] = t->of[e->cell * PAIR + k];
            for (size_t z = e->next, i = w->to; w->half && i < x->p->n_src; i++) {
                const struct edge *only = w->edges->edge + w->edges->first[z];
                for (size_t k = 0; k < PAIR; k++)
                    to->of[k][n] += t->of[only->cell * PAIR + k];
                z = only->next;
            }
            to->grid[n] = w->half ? 0 : (uint32_t)((e->next - x->layer[w->to]) * w->grid->size);
            to->weight[n++] = w->half ? (uint32_t)x->count[e->next] : 1;
        }
    }
    to->first[x->layer[w->to] - layer] = n;
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

/* All ways from `state` on; each goes into the grid of where it ends (front), or of where it began (back), as often as its end counts. */
static void walk_on(const struct walk *w, size_t layer, size_t state, const int32_t *sum)
{
    int32_t next[PAIR] = { 0 };
    if (layer + 1 == w->to) {
        const size_t *first = w->t->ends.first + (state - w->x->layer[layer]);
        grid_put(w->grid, w->cells, &w->t->ends, first[0], first[1], sum);
        return;
    }
    EACH_EDGE(e, w->edges, state) {
        if (w->heavy && layer == w->t->cut[1] && !is_heavy(w->t, &w->t->half[1], e->cell))
            continue;
        const int32_t *of = w->t->of + e->cell * PAIR;
        for (size_t k = 0; k < PAIR; k++)
            next[k] = sum[k] + of[k];
        walk_on(w, layer + 1, e->next, next);
    }
}

/* Of the half, into the grid: fronts up to layer `at`, or backs from there on. */
static void walk_half(struct walk *w, struct grid *g, size_t at, bool heavy, const struct limits *l, bool *expired)
{
    const int32_t zero[PAIR] = { 0 };
    const struct cell *x = w->x;
    size_t last = w->half ? last_choice(x, w->edges) : at, least = at + 1 + (heavy ? 1 : 0);
    w->grid = g;
    w->heavy = heavy;
    w->to = w->half && last < least ? least : last;
    w->cells = g->at;
    take_ends(w);
    if (w->half == 0)
        walk_on(w, 0, 0, zero);
    for (size_t s = x->layer[at]; w->half && s < x->layer[at + 1] && !(*expired |= limits_expired(l)); s++)
        if (w->edges->reached[s]) {
            w->cells = g->at + (s - x->layer[at]) * g->size;
            walk_on(w, at, s, zero);
        }
}

/* ---- halves ---- */

static int compare_hops(const void *a, const void *b)
{
    const struct hop *x = a, *y = b;
    size_t k = 0;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    while (k + 1 < PAIR && x->by[k] == y->by[k])
        k++;
    return (x->by[k] > y->by[k]) - (x->by[k] < y->by[k]);
}

/* Hops of the same shift become one. Returns how many are left. */
static size_t merge_hops(struct hop *hop, size_t n)
{
    size_t to = 0;
    qsort(hop, n, sizeof *hop, compare_hops);
    for (size_t k = 0; k < n; k++) {
        if (to > 0 && compare_hops(hop + to - 1, hop + k) == 0)
            hop[to - 1].times += hop[k].times;
        else
            hop[to++] = hop[k];
    }
    return to;
}

/* Ways through the tokens at the cut that weigh much, at most. */
static double heavy_ways(const struct halves *t, const struct half *h, const struct cell *x)
{
    double n = 0;
    for (size_t c = x->p->first[h->position]; c < x->p->first[h->position + 1]; c++)
        n += x->allowed[c] && is_heavy(t, h, c) ? h->walked : 0;
    return n;
}

/* Tokens at the cut that do not weigh much, as hops from the inner grid, whose ends are far enough out that what is in its first cells belongs into the first cells of the other. Returns how many. */
static size_t light_hops(struct halves *t, struct half *h, const struct cell *x, const struct edges *edges)
{
    size_t n = 0, i = h->position;
    bool back = i >= t->cut[1];
    int64_t most[PAIR], least[PAIR];
    for (size_t k = 0; k < PAIR; k++)
        most[k] = least[k] = floor_fine(h->at[k]);
    for (size_t s = x->layer[i]; s < x->layer[i + 1]; s++)
        EACH_EDGE(e, edges, s)
            if (!is_heavy(t, h, e->cell)) {
                struct hop *to = t->hop + n++;
                *to = (struct hop){ s - x->layer[i], e->next - x->layer[i + 1], { 0 }, 1 };
                if (back)
                    *to = (struct hop){ to->to, to->from, { 0 }, 1 };
                for (size_t k = 0; k < PAIR; k++) {
                    to->by[k] = floor_fine(t->of[e->cell * PAIR + k]);
                    most[k] = to->by[k] > most[k] ? to->by[k] : most[k];
                    least[k] = to->by[k] < least[k] ? to->by[k] : least[k];
                }
            }
    for (size_t k = 0; k < PAIR; k++) {
        h->inner.base[k] = (int32_t)(h->grid.base[k] - most[k]);
        h->inner.n[k] = t->cells + (size_t)(most[k] - least[k]);
        for (size_t e = 0; e < n; e++)
            t->hop[e].by[k] = most[k] - t->hop[e].by[k];
    }
    return merge_hops(t->hop, n);
}

static enum status fill_half(struct halves *t, size_t which, const struct cell *x, const struct edges *edges, const struct limits *l, bool *good, bool *expired)
{
    struct half *h = t->half + which;
    struct walk w = { .t = t, .x = x, .edges = edges, .half = which };
    size_t at = t->cut[which], inside = which ? at + 1 : at - 1, n = 0;
    for (size_t k = 0; k < PAIR; k++) {
        h->grid.base[k] = (int32_t)(floor_fine(h->middle[k]) - (int64_t)t->cells / 2);
        h->grid.n[k] = t->cells;
    }
    enum status s = grid_room(&h->grid, x->layer[at + 1] - x->layer[at], good);
    *good = *good && !(h->dense && heavy_ways(t, h, x) > WALKED_MOST);
    if (s == STATUS_OK && *good && h->dense) {
        n = light_hops(t, h, x, edges);
        s = grid_room(&h->inner, x->layer[inside + 1] - x->layer[inside], good);
    }
    if (s != STATUS_OK || !*good)
        return s;
    walk_half(&w, &h->grid, at, h->dense, l, expired);
    if (h->dense) {
        walk_half(&w, &h->inner, inside, false, l, expired);
        grid_spans(&h->inner);
        grid_add(&h->grid, &h->inner, t->hop, n);
    }
    return s;
}

/* ---- how often the parts of a sequence fit ---- */

/* With cell v of the front, the cells of the back from `at` - v on are all right in form k, for certain or perhaps; sums beyond the grid: its first cells are below all numbers and its last ones above
 * all where that is the worse case, and as large as their own ends where it is not. */
static int64_t fit_at(const struct halves *t, size_t k, int64_t middle, bool certain)
{
    int64_t least = FINE * ((int64_t)t->half[0].grid.base[k] + t->half[1].grid.base[k]) + middle, cells = 2 + t->half[0].dense + t->half[1].dense;
    return certain ? floor_fine(-least) + 1 : -floor_fine(least + cells * (FINE - 1) + t->above[k]);
}

/* The first cell of the back that fits; t->cells: none. */
static size_t first_fit(const struct halves *t, int64_t at, size_t v, bool certain)
{
    int64_t n = (int64_t)t->cells, j = at - (int64_t)v;
    if (certain)
        return v == 0 || j > n - 1 ? t->cells : (size_t)(j < 1 ? 1 : j);
    return v + 1 == t->cells || j < 0 ? 0 : j > n - 1 ? t->cells - 1 : (size_t)j;
}

VECTORS static uint64_t dot(const uint32_t *restrict a, const uint32_t *restrict b, size_t n)
{
    uint64_t sum = 0;
    for (size_t v = 0; v < n; v++)
        sum += (uint64_t)a[v] * b[v];
    return sum;
}

/* A row of the front: its cells from the last to the first, the columns with something in them, and sums of the cells before each. */
struct front { const uint32_t *turned, *before; struct columns span; };

/* The last form. Cells v of the front in three ranges: from where on the first cell that fits is in the grid, and from where on it is the least one. top: the back's cells from there on are empty. */
static tally fit_line(const struct front *f, size_t cells, const uint32_t *back, size_t top, int64_t at, bool certain)
{
    int64_t n = (int64_t)cells, least = certain ? 1 : 0, from = least, v1 = at - n + 1, v2 = at - least + 1, end = certain ? n : n - 1;
    v1 = v1 < from ? from : v1 > end ? end : v1;
    v2 = v2 < v1 ? v1 : v2 > end ? end : v2;
    tally sum = (tally)(f->before[end] - f->before[v2]) * back[least];
    if (!certain)
        sum += (tally)f->before[v1] * back[n - 1] + (tally)(f->before[n] - f->before[n - 1]) * back[0];
    v1 = v1 > at - (int64_t)top + 1 ? v1 : at - (int64_t)top + 1;
    v1 = v1 > f->span.from ? v1 : f->span.from;
    v2 = v2 < f->span.to ? v2 : f->span.to;
    return v2 > v1 ? sum + dot(f->turned + (n - v2), back + (at - v2 + 1), (size_t)(v2 - v1)) : sum;
}

static void front_row(struct front *f, uint32_t *room, const struct grid *g, size_t row)
{
    size_t n = g->n[1];
    const uint32_t *a = g->at + row * n;
    uint32_t *turned = room, *before = room + n;
    before[0] = 0;
    for (size_t v = 0; v < n; v++) {
        turned[n - 1 - v] = a[v];
        before[v + 1] = before[v] + a[v];
    }
    *f = (struct front){ turned, before, g->span[row] };
}

static int compare_fits(const void *a, const void *b)
{
    const struct fit *x = a, *y = b;
    int by = (x->to > y->to) - (x->to < y->to);
    for (size_t k = 0; k < 2 * PAIR && by == 0; k++)
        by = (x->at[k / PAIR][k % PAIR] > y->at[k / PAIR][k % PAIR]) - (x->at[k / PAIR][k % PAIR] < y->at[k / PAIR][k % PAIR]);
    return by;
}

/* The tokens of the middle, from a state; those that fit alike are one. Returns how many are left. */
static size_t take_fits(struct halves *t, const struct cell *x, const struct edges *edges, size_t state)
{
    size_t n = 0, to = 0;
    EACH_EDGE(e, edges, state) {
        struct fit *f = t->fit + n++;
        *f = (struct fit){ .to = e->next - x->layer[t->cut[1]], .times = 1 };
        for (size_t k = 0; k < 2 * PAIR; k++)
            f->at[k / PAIR][k % PAIR] = fit_at(t, k % PAIR, t->of[e->cell * PAIR + k % PAIR], k / PAIR != 0);
    }
    qsort(t->fit, n, sizeof *t->fit, compare_fits);
    for (size_t k = 0; k < n; k++) {
        if (to > 0 && compare_fits(t->fit + to - 1, t->fit + k) == 0)
            t->fit[to - 1].times++;
        else
            t->fit[to++] = t->fit[k];
    }
    return to;
}

static void meet_row(tally sum[2], const struct halves *t, const struct front *f, size_t v, size_t n)
{
    const struct grid *back = &t->half[1].grid;
    for (const struct fit *x = t->fit; x < t->fit + n; x++)
        for (int certain = 0; certain < 2; certain++) {
            size_t j = first_fit(t, x->at[certain][0], v, certain != 0), row = x->to * t->cells + j;
            if (j < t->cells && back->span[row].to > 0)
                sum[certain] += x->times * fit_line(f, t->cells, back->at + row * t->cells, back->span[row].to, x->at[certain][1], certain != 0);
        }
}

/* Fronts of every state with all tokens of the middle and all backs. */
static void meet(tally sum[2], struct halves *t, const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired)
{
    const struct grid *front = &t->half[0].grid;
    size_t at = x->layer[t->cut[0]];
    for (size_t s = 0; s < front->states; s++) {
        size_t n = take_fits(t, x, edges, at + s);
        for (size_t v = 0; v < t->cells && n > 0 && !(*expired |= limits_expired(l)); v++) {
            struct front f;
            if (front->span[s * t->cells + v].to == 0)
                continue;
            front_row(&f, t->row, front, s * t->cells + v);
            meet_row(sum, t, &f, v, n);
        }
    }
}

/* ---- */

static enum status ends_room(struct way_ends *e, size_t states, size_t edges)
{
    size_t *first = mem_grow(e->first, &e->room_first, states + 1, sizeof *first);
    e->first = first ? first : e->first;
    int32_t *block = mem_grow(e->block, &e->room, edges * (PAIR + 2), sizeof *block);
    e->block = block ? block : e->block;
    if (!first || !block)
        return STATUS_MEMORY;
    for (size_t k = 0; k < PAIR; k++)
        e->of[k] = block + k * edges;
    e->grid = (uint32_t *)(block + PAIR * edges);
    e->weight = e->grid + edges;
    return STATUS_OK;
}

static enum status room(struct halves *t, const struct cell *x, const struct edges *edges)
{
    size_t cells = x->p->first[x->p->n_src], states = x->layer[x->p->n_src + 1], all = edges->first[x->layer[x->p->n_src]];
    int32_t *of = mem_grow(t->of, &t->room_of, cells * PAIR, sizeof *of);
    t->of = of ? of : t->of;
    double *sorted = mem_grow(t->sorted, &t->room_sorted, cells, sizeof *sorted);
    t->sorted = sorted ? sorted : t->sorted;
    struct hop *hop = mem_grow(t->hop, &t->room_hop, all, sizeof *hop);
    t->hop = hop ? hop : t->hop;
    struct fit *fit = mem_grow(t->fit, &t->room_fit, all, sizeof *fit);
    t->fit = fit ? fit : t->fit;
    uint32_t *row = mem_grow(t->row, &t->room_row, 2 * CELLS_MOST + 1, sizeof *row);
    t->row = row ? row : t->row;
    return of && sorted && hop && fit && row ? ends_room(&t->ends, states, all) : STATUS_MEMORY;
}

enum status halves_count(struct line_count *out, struct halves *t, const struct signed_line lines[PAIR], size_t cells, const struct cell *x, const struct edges *edges, const struct limits *l, bool *expired)
{
    *out = (struct line_count){ .over = x->count[0] };
    t->cells = cells;
    double walked = 0;
    for (size_t h = 0; h < 2; h++) {
        t->half[h].dense = is_dense(t, h, cells);
        walked += t->half[h].dense ? t->half[h].walked : t->half[h].ways;
    }
    enum status s = room(t, x, edges);
    bool good = s == STATUS_OK && walked <= WALKED_MOST;
    for (size_t k = 0; k < PAIR && good; k++)
        good = take_units(t, x, lines[k], k);
    for (size_t h = 0; h < 2 && s == STATUS_OK && good && !*expired; h++)
        s = fill_half(t, h, x, edges, l, &good, expired);
    if (s != STATUS_OK || !good || *expired)
        return s;
    grid_gather(&t->half[1].grid);
    for (size_t h = 0; h < 2; h++)
        grid_spans(&t->half[h].grid);
    tally sum[2] = { 0, 0 };
    meet(sum, t, x, edges, l, expired);
    out->over = sum[0];
    out->under = sum[1];
    return s;
}
