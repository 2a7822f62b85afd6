/* The sum of the least of several forms (or of the largest, mirrored) over the sequences of one q with one set of final states (FORMAT.md, rule count, averages).
 *
 * For any form b, the base, min_k L_k = L_b - max_k (L_b - L_k)^+: over a part of n sequences the sum of the minimum is that of L_b (separable_average.c) less a number
 * in [0, n u], u at least the largest (L_b - L_k)^+ in the part. The base may change from part to part: the sum of the new one over the part is added, that of the old one taken
 * away. Parts with n u above ENTER are cut in two. Which form is the base, and where parts are cut, decides how narrow the interval is and no more.
 *
 * Terms g, top are w (G -+ errors) at 2^-SEP_BITS, weights at 2^-60 in one scale, each within two units; radius is that of a whole sum (separable_fill.c). */
#include "separable_average.h"
#include <string.h>

struct tree {
    struct walker *w; struct average *to; uint32_t q;
    struct level *level;                 /* of the part: what is on none of its sequences leads to class 0 */
    bool *allowed;                       /* by cell: the part; narrowed to what is on its sequences */
    int64_t *sum[2], *weight[2], *fine[2]; /* by class of a level and of the next one, and open form */
    struct moments { int64_t *mean; wide *square; } moment[2];
    int64_t *slope; wide *square;        /* by open form */
    uint64_t *share[2]; __int128 *mean;
    int64_t *G, widest;                  /* G of every cell and form; the largest G_b - G_k of the part's tokens and open forms, which L_b - L_k is not above */
    int64_t *most, least, least_fine;                /* by form: Z (L_b - L_k) at most; Z at least, in units of 2^-60 */
    int64_t moved;                       /* float32: weights are times e^x, |x| <= this at 2^-SEP_BITS */
    mpz_t gap, enter, t;                 /* in parts of 2^-SEP_BITS of a form */
    bool failed;
};

/* How far another form may be below the base, times the weights' sum: `by` of form `of`. */
struct lead { int64_t by; uint32_t of; };

/* ---- parts ---- */

static void count_part(struct tree *t) {
    const struct walker *w = t->w;
    for (uint32_t i = w->s.n; i-- > 0;) {
        struct level *l = &t->level[i];
        const struct level *whole = &w->level[i], *after = &t->level[i + 1];
        memset(l->count, 0, l->classes.n * sizeof *l->count);
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t k = 0; k < l->tokens; k++) {
                int64_t to = whole->classes.key[c * l->tokens + k];
                if (!t->allowed[w->s.at[i] + k] || after->count[to] == 0) to = 0;
                l->classes.key[c * l->tokens + k] = to;
                if (to != 0) l->count[c] += after->count[to];
            }
    }
}

/* Classes that no sequence of the part comes to lead nowhere; tokens on no sequence are no longer allowed. */
static void reach_part(struct tree *t) {
    const struct sep *s = &t->w->s;
    bool *here = mem_get(1 + 1, sizeof *here);
    here[1] = true;
    memset(t->allowed, 0, s->at[s->n] * sizeof *t->allowed);
    for (uint32_t i = 0; i < s->n; i++) {
        struct level *l = &t->level[i];
        bool *next = mem_get(t->level[i + 1].classes.n, sizeof *next);
        for (size_t c = 1; c < l->classes.n; c++)
            for (uint32_t k = 0; k < l->tokens; k++) {
                int64_t *to = &l->classes.key[c * l->tokens + k];
                if (!here[c]) *to = 0;
                if (*to == 0) continue;
                next[*to] = true;
                t->allowed[s->at[i] + k] = true;
            }
        mem_free(here);
        here = next;
    }
    mem_free(here);
}

static bool single(const struct tree *t) {
    const struct sep *s = &t->w->s;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t n = 0;
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) n += t->allowed[c] && sep_source(s, t->q, c);
        if (n > 1) return false;
    }
    return true;
}

/* ---- how far below the base ---- */

/* w (G_b - G_k), at most; of a largest form w (G_k - G_b). */
static int64_t above(const struct tree *t, uint32_t cell, uint32_t base, uint32_t k) {
    const struct walker *w = t->w;
    size_t at = (size_t)cell * w->n_form;
    if (k == base) return 0;
    return w->negated ? w->top[at + k] - w->g[at + base] : w->top[at + base] - w->g[at + k];
}

/* Z is at least that, at 2^-60. */
static int64_t least_weight(const struct tree *t) {
    int64_t Z = t->least - 2 * (int64_t)t->w->s.n;
    return t->moved > 0 && Z > 0 ? Z - (int64_t)((__int128)Z * t->moved >> SEP_BITS) - 1 : Z; /* e^-x >= 1 - x */
}

#define EACH_EDGE(t, i, c, k, next) \
    for (uint32_t k = 0; k < (t)->level[i].tokens; k++) \
        for (int64_t next = (t)->level[i].classes.key[(c) * (t)->level[i].tokens + k]; next != 0; next = 0)

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
    return k == base ? 0 : (above(t, cell, base, k) >> (SEP_BITS - FINE)) + 1;
}

/* x / all at 2^-60; x <= all */
static int64_t share_at60(wide x, wide all) {
    while (all >> 60 > 0) all >>= 1, x >>= 1;
    return (int64_t)((x << 60) / all);
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
                int64_t share = share_at60(t->level[i + 1].count[next], t->level[i].count[c]), Z = weight_below(t, cell);
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

/* Fills most[] of the open forms, least and widest. */
static struct lead lead_of(struct tree *t, uint32_t base, const uint32_t *open, uint32_t n) {
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
                    int64_t v = above(t, cell, base, open[e]) + after[e];
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
    slopes(t, base, open, n);
    squares(t, t->slope, base, open, n);
    for (uint32_t e = 0; e < n; e++) {
        int64_t high = t->most[open[e]];
        if (high <= 0) continue;
        by = by_squares(t, e, high) + w->radius[base] + w->radius[open[e]];
        if (by > high) by = high;
        if (high > most) most = high;
        if (by > largest) largest = by, l.of = open[e];
        sum += (uint64_t)by;
    }
    l.by = sum < (wide)most ? (int64_t)sum : most;
    return l;
}

/* gap = n u, rounded up. */
static void gap_of(struct tree *t, int64_t by) {
    int64_t Z = least_weight(t);
    mpz_set_ui(t->gap, 0);
    if (by <= 0 || t->widest <= 0) return;
    mpz_add_wide(t->gap, t->level[0].count[1]);
    if (Z <= 0 || ((__int128)by << 60) / Z >= t->widest) {
        mpz_mul_ui(t->gap, t->gap, (unsigned long)t->widest);
        return;
    }
    mpz_mul_ui(t->gap, t->gap, (unsigned long)by);
    mpz_mul_2exp(t->gap, t->gap, 60);
    mpz_set_ui(t->t, (unsigned long)Z);
    mpz_cdiv_q(t->gap, t->gap, t->t);
}

static bool may_be_left(struct tree *t, int64_t by) {
    gap_of(t, by);
    return mpz_cmp(t->gap, t->enter) <= 0;
}

/* The form whose sum of w G is least (largest) on average. */
static uint32_t least_on_average(struct tree *t, const uint32_t *open, uint32_t n) {
    const struct walker *w = t->w;
    uint32_t at = 0, best = 0;
    memset(t->mean, 0, n * sizeof *t->mean);
    t->share[0][1] = (uint64_t)1 << SHARE;
    for (uint32_t i = 0; i < w->s.n; i++, at = 1 - at) {
        memset(t->share[1 - at], 0, t->level[i + 1].classes.n * sizeof *t->share[0]);
        for (size_t c = 1; c < t->level[i].classes.n; c++)
            EACH_EDGE(t, i, c, k, next) {
                uint64_t here = t->share[at][c] * share_of(t->level[i + 1].count[next], t->level[i].count[c]) >> SHARE;
                const int64_t *g = w->g + (size_t)(w->s.at[i] + k) * w->n_form;
                t->share[1 - at][next] += here;
                for (uint32_t e = 0; e < n; e++) t->mean[e] += (__int128)here * g[open[e]];
            }
    }
    for (uint32_t e = 1; e < n; e++)
        if (w->negated ? t->mean[e] > t->mean[best] : t->mean[e] < t->mean[best]) best = e;
    return open[best];
}

/* The open forms that may be below the base, and the base. */
static uint32_t below(const struct tree *t, uint32_t *left, const uint32_t *open, uint32_t n, uint32_t base) {
    uint32_t n_left = 0;
    for (uint32_t e = 0; e < n; e++)
        if (open[e] == base || t->most[open[e]] > 0) left[n_left++] = open[e];
    return n_left;
}

/* Another base where that leaves less than half as much, or little enough. */
static bool change_base(struct tree *t, struct lead *l, uint32_t *base, const uint32_t *left, uint32_t n_left) {
    struct walker *w = t->w;
    uint32_t other = least_on_average(t, left, n_left);
    if (other == *base) return true;
    struct lead next = lead_of(t, other, left, n_left);
    if (next.by >= l->by / 2 && !may_be_left(t, next.by)) {
        (void)lead_of(t, *base, left, n_left);
        return true;
    }
    bool good = average_add(t->to, &w->s, t->level, t->q, &w->form[other], 1) && average_add(t->to, &w->s, t->level, t->q, &w->form[*base], -1);
    *base = other;
    *l = next;
    return good;
}

/* ---- cuts ---- */

static void part(struct tree *t, const uint32_t *open, uint32_t n_open, uint32_t base);

/* The position whose allowed tokens differ most, and half way between. */
static uint32_t widest(const struct tree *t, uint32_t base, uint32_t k, int64_t *middle) {
    const struct sep *s = &t->w->s;
    uint32_t at = 0;
    int64_t widest = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        uint32_t n = 0;
        for (uint32_t c = s->at[i]; c < s->at[i + 1]; c++) {
            if (!t->allowed[c] || !sep_source(s, t->q, c)) continue;
            int64_t v = above(t, c, base, k);
            if (v < least) least = v;
            if (v > most) most = v;
            n++;
        }
        if (n < 2 || most - least <= widest) continue;
        widest = most - least;
        *middle = least + (most - least) / 2;
        at = i;
    }
    return at;
}

static void both_sides(struct tree *t, const uint32_t *left, uint32_t n_left, uint32_t base, uint32_t k) {
    const struct sep *s = &t->w->s;
    int64_t middle = 0;
    uint32_t at = widest(t, base, k, &middle), from = s->at[at], n = s->at[at + 1] - from;
    int64_t *lead = mem_get(n, sizeof *lead);
    for (uint32_t x = 0; x < n; x++)
        if (t->allowed[from + x]) lead[x] = above(t, from + x, base, k);
    unsigned char *side = cut_sides(lead, t->allowed + from, n, middle);
    mem_free(lead);
    for (unsigned char half = 1; half <= 2 && !t->failed; half++) {
        for (uint32_t x = 0; x < n; x++) t->allowed[from + x] = side[x] == half;
        part(t, left, n_left, base);
    }
    mem_free(side);
}

/* The part is left, with a gap. */
static void leave(struct tree *t) {
    mpz_mul_2exp(t->gap, t->gap, MEAN_BITS - SEP_BITS);
    mpz_cdiv_q_ui(t->gap, t->gap, (unsigned long)t->w->form[0].times);
    if (t->w->negated) mpz_add(t->to->part[1], t->to->part[1], t->gap);
    else mpz_sub(t->to->part[0], t->to->part[0], t->gap);
}

/* The sequences whose tokens are allowed; gives `allowed` back as it was. */
static void part(struct tree *t, const uint32_t *open, uint32_t n_open, uint32_t base) {
    size_t cells = t->w->s.at[t->w->s.n];
    bool *keep = mem_get(cells, sizeof *keep);
    uint32_t *left = mem_get(n_open, sizeof *left);
    memcpy(keep, t->allowed, cells * sizeof *keep);
    count_part(t);
    if (t->level[0].count[1] > 0) {
        reach_part(t);
        struct lead l = lead_of(t, base, open, n_open);
        uint32_t n_left = below(t, left, open, n_open, base);
        bool little = may_be_left(t, l.by);
        if (!little) {
            if (!change_base(t, &l, &base, left, n_left)) t->failed = true;
            n_left = below(t, left, left, n_left, base);
            little = may_be_left(t, l.by);
        }
        if (little || single(t)) leave(t);
        else both_sides(t, left, n_left, base, l.of);
    }
    memcpy(t->allowed, keep, cells * sizeof *keep);
    mem_free(keep);
    mem_free(left);
}

/* ---- the whole ---- */

static void tree_clear(struct tree *t) {
    for (uint32_t i = 0; i <= t->w->s.n; i++) {
        mem_free(t->level[i].classes.key);
        mem_free(t->level[i].count);
    }
    void *all[] = {t->level, t->allowed, t->sum[0], t->sum[1], t->weight[0], t->weight[1], t->share[0], t->share[1], t->mean, t->most, t->fine[0], t->fine[1], t->moment[0].mean, t->moment[1].mean, t->moment[0].square, t->moment[1].square, t->slope, t->square, t->G};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    mpz_clears(t->gap, t->enter, t->t, NULL);
}

static void tree_init(struct tree *t) {
    const struct walker *w = t->w;
    const struct sep *s = &w->s;
    size_t states = 2, K = w->n_form;
    t->level = mem_get((size_t)s->n + 1, sizeof *t->level);
    for (uint32_t i = 0; i <= s->n; i++) {
        const struct level *from = &w->level[i];
        struct level *l = &t->level[i];
        size_t n = i == s->n ? 2 : from->classes.n;
        l->classes.n = n;
        l->tokens = i == s->n ? 0 : from->tokens;
        l->classes.key = mem_get(n * l->tokens + 1, sizeof *l->classes.key);
        l->count = mem_get(n, sizeof *l->count);
        if (n > states) states = n;
    }
    t->level[s->n].count[1] = 1;
    t->allowed = mem_get(s->at[s->n], sizeof *t->allowed);
    for (uint32_t c = 0; c < s->at[s->n]; c++) t->allowed[c] = true;
    for (int k = 0; k < 2; k++) {
        t->sum[k] = mem_get(states * K, sizeof *t->sum[k]);
        t->weight[k] = mem_get(states, sizeof *t->weight[k]);
        t->fine[k] = mem_get(states, sizeof *t->fine[k]);
        t->moment[k].mean = mem_get(states * K, sizeof *t->moment[k].mean);
        t->moment[k].square = mem_get(states * K, sizeof *t->moment[k].square);
        t->share[k] = mem_get(states, sizeof *t->share[k]);
    }
    t->mean = mem_get(K, sizeof *t->mean);
    t->most = mem_get(K, sizeof *t->most);
    t->slope = mem_get(K, sizeof *t->slope);
    t->square = mem_get(K, sizeof *t->square);
    t->G = mem_get((size_t)s->at[s->n] * K, sizeof *t->G);
    forms_at_cells(w, t->q, t->G);
    mpz_inits(t->gap, t->enter, t->t, NULL);
    mpz_add_wide(t->enter, w->parts.enter);
    mpz_mul_2exp(t->enter, t->enter, SEP_BITS);
    mpz_mul_ui(t->enter, t->enter, (unsigned long)w->form[0].times);
    const int64_t *h = s->h == NULL ? NULL : s->h + (size_t)t->q * s->at[s->n];
    for (uint32_t c = 0; h != NULL && c < s->at[s->n]; c++)
        if (sep_source(s, t->q, c) && h[c] > t->moved) t->moved = h[c];
}

bool average_least(struct average *to, struct walker *w, uint32_t q) {
    struct tree t = {.w = w, .to = to, .q = q};
    if (w->level[0].classes.n < 2) return true;
    uint32_t *all = mem_get(w->n_form, sizeof *all);
    for (uint32_t k = 0; k < w->n_form; k++) all[k] = k;
    tree_init(&t);
    count_part(&t);
    reach_part(&t);
    uint32_t base = least_on_average(&t, all, (uint32_t)w->n_form);
    if (average_add(to, &w->s, t.level, q, &w->form[base], 1)) part(&t, all, (uint32_t)w->n_form, base);
    else t.failed = true;
    tree_clear(&t);
    mem_free(all);
    return t.failed ? sep_refuse(&w->s, "the attention weights of a sequence are all too small, or a value is too large, for an average") : true;
}
