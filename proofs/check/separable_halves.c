/* Rule count (FORMAT.md §3, step 8): how many sequences of a part make two signed forms positive. The sequences are a front, one middle position and a back; fronts and backs
 * are put into grids by their sums, an axis a form. A cell of 1024 units holds the sums from its own start to that of the next; the first cell also all below, the last all above. In a half with many
 * ways sums lie up to two cells above the start of their own: the ways without the position beside the middle have a grid, and each token there moves it by whole cells. Integers throughout. */
#include "separable_walk.h"
#include "integers.h"
#include <stdlib.h>

#define WAYS_MOST ((wide)1 << 31)
#define FOLLOWED_MOST ((wide)1 << 27)
#define DENSE 16
#define UNITS_MOST ((int64_t)1 << 29)

void halves_clear(struct halves *h) {
    void *all[] = {h->unit, h->sorted, h->row, h->step, h->first_step};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    for (int side = 0; side < 2; side++) plane_clear(&h->half[side].plane), plane_clear(&h->half[side].inner);
    *h = (struct halves){0};
}

static int64_t down(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t up(int64_t a, int64_t b) { return -down(-a, b); }

/* The terms of a position in rising order; their number. */
static uint32_t sort_terms(struct halves *h, const struct cell *c, size_t form, uint32_t i) {
    uint32_t n = 0;
    for (uint32_t x = c->at[i]; x < c->at[i + 1]; x++)
        if (c->allowed[x]) h->sorted[n++] = c->g[(size_t)x * c->K + form];
    qsort(h->sorted, n, sizeof *h->sorted, rising);
    return n;
}

/* Terms of axis k in units; the middles; how far a sum may lie above its units, with the radius of the form. */
static bool take_axis(struct halves *h, const struct cell *c, size_t k, struct sign s) {
    int64_t spread = 0;
    for (uint32_t i = 0; i < c->n_src; i++) {
        uint32_t n = sort_terms(h, c, s.form, i);
        spread += h->sorted[n - 1 - n / 32] - h->sorted[n / 32];
    }
    int64_t unit = spread / (2 * CELL * (int64_t)h->cells), above = 0;
    if (unit < 1) unit = 1;
    h->half[0].centre[k] = h->half[1].centre[k] = 0;
    for (uint32_t i = 0; i < c->n_src; i++) {
        uint32_t n = sort_terms(h, c, s.form, i);
        int64_t most = 0, middle = down(s.turned ? -h->sorted[n - 1 - n / 2] : h->sorted[n / 2], unit);
        if (i != h->cut) h->half[i > h->cut].centre[k] += middle;
        for (int side = 0; side < 2; side++)
            if (i == h->half[side].beside) h->half[side].near[k] = middle;
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
    return true;
}

/* ---- fronts and backs, one by one ---- */

/* Ways on to level `end`, into `plane`, at `at` that of the first state. far: at the position beside the middle only tokens that are far from the others. */
struct ways { struct halves *h; const struct cell *c; int side; uint32_t end; bool far; struct plane *plane; uint32_t *at; };

/* Is the token more than N cells from the middle of its position? */
static bool is_far(const struct halves *h, const struct half *half, size_t x) {
    bool far = false;
    for (size_t k = 0; k < PAIR; k++) {
        int64_t away = h->unit[x * PAIR + k] - half->near[k];
        far = far || away > CELL * (int64_t)h->cells || -away > CELL * (int64_t)h->cells;
    }
    return far;
}

static bool passed_over(const struct ways *w, uint32_t level, size_t x) {
    const struct half *half = &w->h->half[w->side];
    return w->far && level == half->beside && !is_far(w->h, half, x);
}

/* The last step of the walk from every state; of backs, with the only way from there to the end. */
static void take_steps(const struct ways *w) {
    struct halves *h = w->h;
    const struct cell *c = w->c;
    const uint32_t last = w->end - 1;
    size_t n = 0;
    for (size_t s = c->first[last]; s < c->first[w->end]; s++) {
        h->first_step[s - c->first[last]] = n;
        for (size_t e = c->out[s]; e < c->out[s + 1]; e++) {
            if (passed_over(w, last, c->edge[e].cell)) continue;
            struct way_step *to = &h->step[n++];
            size_t z = c->edge[e].to, size = (size_t)w->plane->rows * w->plane->columns;
            for (size_t k = 0; k < PAIR; k++) to->unit[k] = h->unit[c->edge[e].cell * PAIR + k];
            to->plane = w->side == 0 ? (uint32_t)((z - c->first[w->end]) * size) : 0;
            to->times = w->side == 0 ? 1 : (uint32_t)c->count[z];
            for (uint32_t i = w->end; w->side == 1 && i < c->n_src; i++) {
                const struct edge *only = c->edge + c->out[z];
                for (size_t k = 0; k < PAIR; k++) to->unit[k] += h->unit[only->cell * PAIR + k];
                z = only->to;
            }
        }
    }
    h->first_step[c->first[w->end] - c->first[last]] = n;
}

static uint32_t on_axis(int32_t sum, int32_t base, uint32_t cells) {
    int32_t v = (sum >= 0 ? sum / CELL : -((CELL - 1 - sum) / CELL)) - base;
    return v < 0 ? 0 : v >= (int32_t)cells ? cells - 1 : (uint32_t)v;
}

static void follow(const struct ways *w, uint32_t level, size_t state, const int32_t *sum) {
    const struct cell *c = w->c;
    const struct halves *h = w->h;
    if (level + 1 == w->end) {
        const struct plane *p = w->plane;
        const size_t *first = h->first_step + (state - c->first[level]);
        for (const struct way_step *s = h->step + first[0], *end = h->step + first[1]; s < end; s++)
            w->at[s->plane + on_axis(sum[0] + s->unit[0], p->base[0], p->rows) * p->columns + on_axis(sum[1] + s->unit[1], p->base[1], p->columns)] += s->times;
        return;
    }
    for (size_t e = c->out[state]; e < c->out[state + 1]; e++) {
        if (passed_over(w, level, c->edge[e].cell)) continue;
        const int32_t *unit = h->unit + c->edge[e].cell * PAIR;
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

/* Fronts up to a level, or backs from there on. */
static void follow_all(struct ways *w, struct plane *p, uint32_t level, bool far) {
    const struct cell *c = w->c;
    const int32_t zero[PAIR] = {0};
    w->plane = p;
    w->far = far;
    w->end = w->side == 0 ? level : last_choice(c, level + (far ? 2 : 1));
    w->at = p->at;
    take_steps(w);
    if (w->side == 0) follow(w, 0, ROOT, zero);
    for (size_t s = c->first[level]; w->side == 1 && s < c->first[level + 1]; s++) {
        w->at = p->at + (s - c->first[level]) * p->rows * p->columns;
        if (c->reached[s]) follow(w, level, s, zero);
    }
}

/* ---- halves ---- */

static int64_t cells_of(const struct halves *h, size_t x, size_t k) { return down(h->unit[x * PAIR + k], CELL); }

/* The grid of the ways without the position beside the middle: so large that no token which is near takes what is beyond its ends into the grid of the half. Returns what has to be followed there. */
static wide inner_ends(int64_t *most, const struct halves *h, struct half *half, const struct cell *c) {
    wide ways = half->apart;
    uint32_t size[PAIR];
    for (size_t k = 0; k < PAIR; k++) {
        int64_t least = down(half->near[k], CELL);
        most[k] = least;
        for (uint32_t x = c->at[half->beside]; x < c->at[half->beside + 1]; x++) {
            if (!c->allowed[x]) continue;
            if (is_far(h, half, x)) {
                ways += k == 0 ? half->apart : 0;
                continue;
            }
            int64_t at = cells_of(h, x, k);
            least = at < least ? at : least;
            most[k] = at > most[k] ? at : most[k];
        }
        half->inner.base[k] = (int32_t)(half->plane.base[k] - most[k]);
        size[k] = h->cells + (uint32_t)(most[k] - least);
    }
    half->inner.rows = size[0];
    half->inner.columns = size[1];
    return ways;
}

/* Every token beside the middle that is not far. */
static void move_tokens(struct halves *h, struct half *half, const struct cell *c, bool back, const int64_t *most) {
    const uint32_t i = half->beside;
    for (size_t s = c->first[i]; s < c->first[i + 1]; s++)
        for (size_t e = c->out[s]; e < c->out[s + 1]; e++) {
            const size_t x = c->edge[e].cell, before = s - c->first[i], behind = c->edge[e].to - c->first[i + 1];
            int64_t lower[PAIR];
            if (is_far(h, half, x)) continue;
            for (size_t k = 0; k < PAIR; k++) lower[k] = most[k] - cells_of(h, x, k);
            plane_move(&half->plane, back ? before : behind, &half->inner, back ? behind : before, lower);
        }
}

static bool take_half(struct halves *h, const struct cell *c, int side) {
    struct half *half = &h->half[side];
    struct ways w = {.h = h, .c = c, .side = side};
    const uint32_t level = h->cut + (uint32_t)side, inside = side == 0 ? level - 1 : level + 1;
    int64_t most[PAIR];
    for (size_t k = 0; k < PAIR; k++) half->plane.base[k] = (int32_t)(down(half->centre[k], CELL) - (int64_t)h->cells / 2);
    half->plane.rows = half->plane.columns = h->cells;
    if (!plane_room(&half->plane, c->first[level + 1] - c->first[level])) return false;
    wide followed = half->dense ? inner_ends(most, h, half, c) : half->ways;
    if (followed > FOLLOWED_MOST || (half->dense && !plane_room(&half->inner, c->first[inside + 1] - c->first[inside]))) return false;
    follow_all(&w, &half->plane, level, half->dense);
    if (!half->dense) return true;
    follow_all(&w, &half->inner, inside, false);
    plane_used(&half->inner);
    move_tokens(h, half, c, side == 1, most);
    return true;
}

/* From there, less the front's cell, on the cells of the back make the sum positive: for certain, or perhaps. */
static int64_t fits_from(const struct halves *h, size_t k, int64_t middle, bool certain) {
    int64_t least = CELL * ((int64_t)h->half[0].plane.base[k] + h->half[1].plane.base[k]) + middle, cells = 2 + h->half[0].dense + h->half[1].dense;
    return certain ? down(h->radius[k] - least, CELL) + 1 : -down(least + cells * (CELL - 1) + h->above[k], CELL);
}

/* All fronts with all tokens of the middle and all backs; sum[1]: for certain, sum[0]: perhaps. */
static void meet_all(wide *sum, const struct halves *h, const struct cell *c) {
    const struct plane *p = &h->half[0].plane;
    for (size_t row = 0; row < p->states * h->cells; row++) {
        if (p->used[2 * row + 1] == 0) continue;
        size_t s = c->first[h->cut] + row / h->cells;
        plane_row(h->row, p, row);
        for (size_t e = c->out[s]; e < c->out[s + 1]; e++)
            for (int certain = 0; certain < 2; certain++) {
                int64_t from[PAIR];
                for (size_t k = 0; k < PAIR; k++) from[k] = fits_from(h, k, h->unit[c->edge[e].cell * PAIR + k], certain != 0);
                planes_meet(&sum[certain], h, row, h->row, c->edge[e].to - c->first[h->cut + 1], from, certain != 0);
            }
    }
}

/* ---- */

static wide completions(const struct cell *c, uint32_t level) {
    wide n = 0;
    for (size_t s = c->first[level]; s < c->first[level + 1]; s++)
        if (c->reached[s]) n += c->count[s] > WAYS_MOST || n > WAYS_MOST ? WAYS_MOST + 1 : c->count[s];
    return n;
}

/* The middle position is that with the fewest fronts and backs. */
bool halves_middle(struct halves *h, const struct cell *c) {
    wide fronts = 1, best = WAYS_MOST + 1;
    for (uint32_t i = 1; i + 1 < c->n_src; i++) {
        wide tokens = 0, before = fronts, backs = completions(c, i + 1);
        for (uint32_t x = c->at[i - 1]; x < c->at[i]; x++) tokens += c->allowed[x];
        if (fronts <= WAYS_MOST) fronts *= tokens;
        if (fronts + backs >= best) continue;
        best = fronts + backs;
        h->cut = i;
        h->half[0].ways = fronts, h->half[0].apart = i > 1 ? before : 0, h->half[0].beside = i - 1;
        h->half[1].ways = backs, h->half[1].apart = i + 2 < c->n_src ? completions(c, i + 2) : 0, h->half[1].beside = i + 1;
    }
    return best <= WAYS_MOST;
}

static void take_room(struct halves *h, const struct cell *c) {
    const size_t edges = c->out[c->first[c->n_src]], states = c->first[c->n_src + 1];
    if (h->unit == NULL) {
        h->unit = mem_get((size_t)c->at[c->n] * PAIR, sizeof *h->unit);
        h->sorted = mem_get(c->at[c->n], sizeof *h->sorted);
        h->row = mem_get(2 * CELLS_MOST + 1, sizeof *h->row);
    }
    if (edges > h->room_step) {
        mem_free(h->step);
        h->step = mem_get(edges, sizeof *h->step);
        h->room_step = edges;
    }
    if (states + 1 > h->room_first) {
        mem_free(h->first_step);
        h->first_step = mem_get(states + 1, sizeof *h->first_step);
        h->room_first = states + 1;
    }
}

void halves_count(wide *least, wide *most, struct halves *h, const struct cell *c, const struct sign signs[PAIR], uint32_t cells) {
    *least = 0;
    *most = c->count[ROOT];
    h->cells = cells;
    take_room(h, c);
    for (size_t k = 0; k < PAIR; k++)
        if (!take_axis(h, c, k, signs[k])) return;
    for (int side = 0; side < 2; side++) {
        struct half *half = &h->half[side];
        half->dense = half->apart > 0 && half->ways > DENSE * (wide)cells * cells;
        if (!take_half(h, c, side)) return;
    }
    plane_gather(&h->half[1].plane);
    for (int side = 0; side < 2; side++) plane_used(&h->half[side].plane);
    wide sum[2] = {0, 0};
    meet_all(sum, h, c);
    if (sum[0] < *most) *most = sum[0];
    *least = sum[1] < *most ? sum[1] : *most;
}
