/* How far forms may be below the base of a part (separable_least.c): at most anywhere, and on average. */
#include "separable_least.h"
#include "integers.h"
#include <string.h>

int64_t lead_above(const struct tree *t, uint32_t cell, uint32_t base, uint32_t k) {
    const struct walker *w = t->w;
    size_t at = (size_t)cell * w->n_form;
    if (k == base) return 0;
    return w->negated ? w->top[at + k] - w->g[at + base] : w->top[at + base] - w->g[at + k];
}

int64_t least_weight(const struct tree *t) {
    int64_t Z = t->least - 2 * (int64_t)t->w->s.n;
    return t->moved > 0 && Z > 0 ? Z - (int64_t)((__int128)Z * t->moved >> SEP_BITS) - 1 : Z; /* e^-x >= 1 - x */
}

/* ---- squares ----
 *
 * X' >= X = (L_b - L_k) Z but for the radii, and 0 < Z' <= Z, both at 2^-FINE, are sums of integers, and for every a > 0
 *     X^+ / Z <= X'^+ / Z' <= (X' + a Z')^2 / (4 a Z'^2),
 * whose mean is at most that of Y^2, Y = X' + a Z', over 4 a (least Z')^2. Y is a sum as well: the means of Y and Y^2 over the completions go from level to level. Shares of tokens
 * are within 2^-57; mean[] is within `lost` of its own, square[] is at least the mean of Y^2. |Y| < 2^45, as |X'| < 2^43 and a Z' < 2^44. */

#define FINE 24

static int64_t weight_below(const struct tree *t, uint32_t cell) {
    int64_t w = t->w->weight[cell] > 2 ? (t->w->weight[cell] - 2) >> (60 - FINE) : 0;
    return t->moved > 0 ? (int64_t)((__int128)w * (((int64_t)1 << SEP_BITS) - t->moved) >> SEP_BITS) : w;
}

static int64_t term_above(const struct tree *t, uint32_t cell, uint32_t base, uint32_t k) {
    return k == base ? 0 : (lead_above(t, cell, base, k) >> (SEP_BITS - FINE)) + 1;
}

/* One token more: y, a share, and the moments behind it. */
static void add_token(__int128 *mean, wide *square, int64_t y, int64_t share, int64_t after, wide after_square, int64_t lost) {
    __int128 v = (__int128)y * y + 2 * (__int128)y * after + 2 * (__int128)(y < 0 ? -y : y) * lost + (__int128)after_square;
    *mean += (__int128)share * (y + after);
    if (v > 0) *square += (wide)v * (wide)((share >> 30) + 2);
}

/* Of Y of the open forms (base: of Z' alone, when a is NULL), for the first class: square[e]. */
static void squares(struct tree *t, const int64_t *a, uint32_t base, const uint32_t *open, uint32_t n) {
    const struct walker *w = t->w;
    uint32_t at = 0;
    int64_t lost = 0;
    __int128 *mean = mem_get(n, sizeof *mean);
    wide *square = mem_get(n, sizeof *square);
    for (uint32_t e = 0; e < n; e++) t->moment[0].mean[n + e] = 0, t->moment[0].square[n + e] = 0;
    for (uint32_t i = w->s.n; i-- > 0; at = 1 - at) {
        int64_t largest = 0;
        for (size_t c = 1; c < t->level[i].classes.n; c++) {
            if (t->level[i].count[c] == 0) continue;
            memset(mean, 0, n * sizeof *mean);
            memset(square, 0, n * sizeof *square);
            EACH_EDGE(t, i, c, k, next) {
                uint32_t cell = w->s.at[i] + k;
                int64_t share = (int64_t)share_at60(t->level[i + 1].count[next], t->level[i].count[c]), Z = weight_below(t, cell);
                for (uint32_t e = 0; e < n; e++) {
                    int64_t y = a == NULL ? Z : term_above(t, cell, base, open[e]) + (int64_t)((__int128)a[e] * Z >> FINE), after = t->moment[at].mean[(size_t)next * n + e];
                    int64_t size = y + after < 0 ? -(y + after) : y + after;
                    if (size > largest) largest = size;
                    add_token(&mean[e], &square[e], y, share, after, t->moment[at].square[(size_t)next * n + e], lost);
                }
            }
            for (uint32_t e = 0; e < n; e++) {
                t->moment[1 - at].mean[c * n + e] = (int64_t)(mean[e] >> 60);
                t->moment[1 - at].square[c * n + e] = (square[e] >> 30) + 1;
            }
        }
        lost += (int64_t)((wide)t->level[i].tokens * (wide)(largest + lost) >> 56) + 2;
    }
    memcpy(t->square, t->moment[at].square + n, n * sizeof *t->square);
    mem_free(mean);
    mem_free(square);
}

static wide root_above(wide x) {
    wide r = 0;
    for (int bit = 63; bit >= 0; bit--)
        if ((r + ((wide)1 << bit)) * (r + ((wide)1 << bit)) <= x) r += (wide)1 << bit;
    return r + 1;
}

/* a of every open form, at 2^-FINE: about the root of the mean of X'^2 over that of Z'^2; any will do that is positive. */
static void slopes(struct tree *t, uint32_t base, const uint32_t *open, uint32_t n) {
    const int64_t most = ((int64_t)1 << 44) / (int64_t)(t->w->s.n + 1);
    squares(t, NULL, base, open, 1);
    wide Z = t->square[0] >> FINE;
    memset(t->slope, 0, n * sizeof *t->slope);
    squares(t, t->slope, base, open, n);
    for (uint32_t e = 0; e < n; e++) {
        wide a = root_above((t->square[e] << FINE) / (Z + 1));
        t->slope[e] = a < (wide)most ? (int64_t)a : most;
    }
}

/* Of form e of the open ones: a number that over Z, in place of the largest X, makes the mean of X^+ / Z. none: no such. */
static int64_t by_squares(const struct tree *t, uint32_t e, int64_t none) {
    int64_t Z = t->least_fine, least = least_weight(t) - (Z << (60 - FINE));
    wide root = root_above(t->square[e]) + t->w->s.n + 1;
    if (Z < 256 || root >> 43 > 0) return none;
    wide by = (root * root << SEP_BITS) / ((wide)4 * (wide)t->slope[e] * (wide)Z) + 1;
    if (by >> 60 > 0) return none;
    if (least > 0) by += by * (uint64_t)least / ((wide)Z << (60 - FINE)) + 1; /* over a larger Z */
    return by < (wide)none ? (int64_t)by : none;
}

/* Of G_b - G_k over the part's tokens: G and, in float32, what an execution adds are within radius and error. */
static int64_t widest_of(const struct tree *t, uint32_t base, const uint32_t *open, uint32_t n) {
    const struct walker *w = t->w;
    int64_t widest = 0;
    for (uint32_t c = 0; c < w->s.at[w->s.n]; c++) {
        if (!t->allowed[c] || !sep_source(&w->s, t->q, c)) continue;
        const int64_t *G = t->G + (size_t)c * w->n_form;
        for (uint32_t e = 0; e < n; e++) {
            const struct iform *b = &w->form[base], *f = &w->form[open[e]];
            int64_t d = (w->negated ? G[open[e]] - G[base] : G[base] - G[open[e]]) + b->radius + f->radius + b->error + f->error;
            if (open[e] != base && d > widest) widest = d;
        }
    }
    return widest;
}

uint32_t below(const struct tree *t, uint32_t *left, const uint32_t *open, uint32_t n, uint32_t base) {
    uint32_t n_left = 0;
    for (uint32_t e = 0; e < n; e++)
        if (open[e] == base || t->most[open[e]] > 0) left[n_left++] = open[e];
    return n_left;
}

int64_t over_weight(const struct tree *t, int64_t by) {
    int64_t Z = least_weight(t);
    if (by <= 0 || t->widest <= 0) return 0;
    __int128 mean = Z > 0 ? ((__int128)by << 60) / Z + 1 : t->widest;
    return mean < t->widest ? (int64_t)mean : t->widest;
}

struct lead lead_of(struct tree *t, uint32_t base, const uint32_t *open, uint32_t n) {
    const struct walker *w = t->w;
    uint32_t at = 0;
    memset(t->sum[0], 0, 2 * (size_t)n * sizeof *t->sum[0]);
    t->weight[0][1] = t->fine[0][1] = 0;
    for (uint32_t i = w->s.n; i-- > 0; at = 1 - at)
        for (size_t c = 1; c < t->level[i].classes.n; c++) {
            int64_t *sum = t->sum[1 - at] + c * n, *weight = &t->weight[1 - at][c], *fine = &t->fine[1 - at][c];
            *weight = *fine = INT64_MAX;
            for (uint32_t e = 0; e < n; e++) sum[e] = INT64_MIN;
            EACH_EDGE(t, i, c, k, next) {
                uint32_t cell = w->s.at[i] + k;
                const int64_t *after = t->sum[at] + (size_t)next * n, here = w->weight[cell] + t->weight[at][next];
                if (here < *weight) *weight = here;
                if (weight_below(t, cell) + t->fine[at][next] < *fine) *fine = weight_below(t, cell) + t->fine[at][next];
                for (uint32_t e = 0; e < n; e++) {
                    int64_t v = lead_above(t, cell, base, open[e]) + after[e];
                    if (v > sum[e]) sum[e] = v;
                }
            }
        }
    struct lead l = {0, base};
    t->least = t->weight[at][1];
    t->least_fine = t->fine[at][1];
    t->widest = widest_of(t, base, open, n);
    for (uint32_t e = 0; e < n; e++) t->most[open[e]] = open[e] == base ? 0 : t->sum[at][n + e] + w->radius[base] + w->radius[open[e]];
    int64_t largest = 0, most = 0, by;
    wide sum = 0;
    uint32_t n_near = below(t, t->near, open, n, base);
    memset(t->lead, 0, w->n_form * sizeof *t->lead);
    slopes(t, base, t->near, n_near);
    squares(t, t->slope, base, t->near, n_near);
    for (uint32_t e = 0; e < n_near; e++) {
        uint32_t k = t->near[e];
        int64_t high = t->most[k];
        if (high <= 0) continue;
        by = by_squares(t, e, high) + w->radius[base] + w->radius[k];
        if (by > high) by = high;
        if (high > most) most = high;
        t->lead[k] = over_weight(t, by);
        if (by > largest) largest = by, l.of = k;
        sum += (uint64_t)by;
    }
    l.by = sum < (wide)most ? (int64_t)sum : most;
    return l;
}
