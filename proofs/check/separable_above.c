/* The mean of X^+ / Z over the sequences of a part, X = sum of terms and Z = sum of weights (FORMAT.md, rule count, averages: tables). All in integers:
 *
 *   1/Z is h sum over k of s_k e^(-s_k Z) within 2^-10 of itself, less 2^-15 that is kept for the weights' own errors; h = 3/2 log 2, s_k = 2^(3k/2) times any number.
 *   For one s a table has, for a class and v, the mean over the class's completions of e^(-s Z) times the chance that the sum of the steps is v. A term x at a position whose least one is x0 takes
 *   g or g + 1 steps of d, g = floor((x - x0) / d), the second with chance (x - x0) / d - g: the sum of all x0 and d v is X + xi, xi with mean 0, the positions' parts independent and each within an interval of length d.
 *   So E (X + xi)^+ >= X^+, and with tau = m d^2 / 4, m positions with more than one term, E (X + xi)^+ - E psi(X + xi) <= X^+ for psi(y) = root(tau) e^(-y^2 / 2 tau):
 *   E (x + xi)^+ - x^+ <= E e^(l |xi| - l |x|) / (e l) (one sign of xi) <= root(tau) e^(-1/2 - x^2 / 2 tau) with l = |x| / tau + 1 / root(tau) (Hoeffding), and E psi(x + xi) >= root(tau) e^(-(x^2 + tau) / 2 tau) (Jensen).
 *
 * Tables hold at most what is true, at 2^-32; lost[] bounds by how much all entries of a class are below it together, at 2^-60. */
#include "separable_above.h"
#include "integers.h"
#include <string.h>

#define LOOP __attribute__((optimize("O3"), target_clones("avx2", "default")))
#define STEP 3                           /* from node to node, in halves of an octave */
#define FAR 4                            /* s Z is at least 2^FAR beyond the last node */
#define POWERS 160                       /* nodes k from -POWERS / 2 on, s = 2^(k/2) */
#define WORK_MOST ((uint64_t)1 << 20)    /* FORMAT.md */
#define ROOM_MOST ((uint64_t)1 << 22)
#define CHANCE 30                        /* chances of steps at 2^-CHANCE */
#define FACTOR 33                        /* factors of tokens at 2^-FACTOR; kernels at 2^-(FACTOR + CHANCE), then 2^-31 */
/* h and h root 2, and 1/(2^(3/2) - 1), at 2^-30, rounded down; up: one more */
static const int64_t H[2] = {1116391676, 1578816250}, BEFORE = 587248903;

void above_clear(struct above *a) {
    for (size_t k = 0; a->power != NULL && k < POWERS; k++) mem_free(a->power[k]);
    void *all[] = {a->low, a->range, a->width, a->step, a->part, a->T[0], a->T[1], a->sum, a->kernel, a->lost[0], a->lost[1], a->psi, a->power};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    *a = (struct above){0};
}

#define EACH_CELL(s, i, c) for (uint32_t c = (s)->at[i]; c < (s)->at[(i) + 1]; c++) if ((s)->allowed[c])

/* low, range and width of the positions, and d; false: too much for tables. */
static bool measure(struct above *a, const struct summed *s, uint32_t bins) {
    uint64_t whole = 0, work = 0, room = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        EACH_CELL(s, i, c) {
            if (s->term[c] < least) least = s->term[c];
            if (s->term[c] > most) most = s->term[c];
        }
        a->low[i] = least;
        a->low[s->n + i] = most - least; /* |terms| < 2^60 / n, as their sums fit */
        whole += (uint64_t)(most - least);
    }
    if (whole >> 60 != 0) return false;
    a->d = (int64_t)(whole / bins) + 1;
    a->width[s->n] = 1;
    for (uint32_t i = s->n; i-- > 0;) {
        int64_t spread = a->low[s->n + i];
        a->range[i] = spread > 0 ? (uint32_t)(spread / a->d) + 2 : 1;
        a->width[i] = a->width[i + 1] + a->range[i] - 1;
        work += (uint64_t)s->level[i].classes.n * s->level[i + 1].classes.n * a->range[i];
        room += (uint64_t)s->level[i].classes.n * a->width[i];
    }
    return work <= WORK_MOST && room <= ROOM_MOST;
}

/* Steps of every token, and the chance of one more at 2^-CHANCE, rounded down. */
static void take_steps(struct above *a, const struct summed *s) {
    for (uint32_t i = 0; i < s->n; i++)
        EACH_CELL(s, i, c) {
            uint64_t y = (uint64_t)(s->term[c] - a->low[i]), g = y / (uint64_t)a->d;
            a->step[c] = (uint32_t)g;
            a->part[c] = (uint32_t)(((wide)(y - g * (uint64_t)a->d) << CHANCE) / (uint64_t)a->d);
        }
}

/* psi of every sum of the first class, from above, in units of X; returns the largest. y = 2 (X/d)^2 / m at 2^-57, rounded down */
static uint64_t take_psi(struct above *a, const struct summed *s, int64_t first) {
    uint64_t m = 0, tau;
    for (uint32_t i = 0; i < s->n; i++) m += a->range[i] > 1;
    tau = (uint64_t)(((wide)(root_down((wide)m << 60) + 1) * (uint64_t)a->d) >> 31) + 1; /* root(m)/2 d */
    for (uint32_t v = 0; v < a->width[0]; v++) {
        uint64_t x = (uint64_t)size_of(first + (int64_t)v * a->d), steps = (uint64_t)(((wide)x << 16) / (uint64_t)a->d);
        a->psi[v] = 0;
        if (m == 0 || steps >> 16 > 4 * m + 64) continue; /* below: e^-y < 2^-60 would need less */
        wide y = ((wide)steps * steps << 26) / m; /* 2 steps^2 / m at 2^-57, steps at 2^-16 */
        uint64_t e = y >> 57 >= 45 ? 0 : average_exp(s->average, (uint64_t)y);
        a->psi[v] = (uint64_t)(((wide)tau * (e + AVERAGE_EXP)) >> 60) + 1;
    }
    for (uint32_t v = 0; v < a->width[0]; v++)
        if (m > 0 && a->psi[v] == 0) a->psi[v] = (tau >> 50) + 1;
    return m == 0 ? 0 : tau;
}

LOOP static void add_row(uint64_t *restrict to, const uint32_t *restrict from, uint32_t f, size_t n) {
    for (size_t v = 0; v < n; v++) to[v] += (uint64_t)f * from[v];
}

/* to = from at 2^-32, and what all of them lose, at 2^-63 */
LOOP static uint64_t cut_row(uint32_t *restrict to, const uint64_t *restrict from, size_t n) {
    uint64_t lost = 0;
    for (size_t v = 0; v < n; v++) {
        to[v] = (uint32_t)(from[v] >> 31);
        lost += from[v] & 0x7fffffff;
    }
    return lost;
}

/* e^(-s w) of all cells, from below. */
static const uint64_t *power_of(struct above *a, const struct summed *s, int k) {
    size_t cells = s->at[s->n];
    uint64_t **to = &a->power[k + POWERS / 2];
    if (*to != NULL) return *to;
    *to = mem_get(cells, sizeof **to);
    for (size_t c = 0; c < cells; c++) (*to)[c] = average_power(s->average, (uint64_t)s->weight[c], k);
    return *to;
}

/* x / all at 2^-60, from below within 16 */
static uint64_t share_below(wide x, wide all) {
    uint64_t share = share_at60(x, all);
    return share > 6 ? share - 6 : 0;
}

/* Chances of the steps to every class of the next level, times e^(-s w), at 2^-(FACTOR + CHANCE): kernel[to * range + steps]. Adds what is lost, for all classes together, at 2^-60. */
static uint64_t take_kernel(struct above *a, const struct summed *s, const uint64_t *power, uint32_t i, size_t c) {
    const struct level *l = &s->level[i], *after = &s->level[i + 1];
    uint64_t lost = 0;
    memset(a->kernel, 0, after->classes.n * a->range[i] * sizeof *a->kernel);
    for (size_t to = 1; to < after->classes.n; to++) a->kernel[after->classes.n * a->range[i] + to] = 0;
    for (uint32_t t = 0; t < l->tokens; t++) {
        size_t to = (size_t)l->classes.key[c * l->tokens + t], cell = s->at[i] + t;
        if (to == 0) continue;
        uint64_t *share = &a->kernel[after->classes.n * a->range[i] + to];
        if (*share == 0) *share = share_below(after->count[to], l->count[c]);
        uint64_t f = (uint64_t)((wide)*share * power[cell] >> (120 - FACTOR)), part = a->part[cell], *k = a->kernel + to * a->range[i] + a->step[cell];
        k[0] += f * ((1 << CHANCE) - 1 - part + (a->range[i] == 1));
        if (a->range[i] > 1) k[1] += f * part;
        lost += ((uint64_t)1 << (60 - FACTOR)) + 16 + AVERAGE_EXP + (f >> (FACTOR + CHANCE - 60)) + 1; /* f itself; share and power; of the chances 2^-CHANCE of f: 2^(60 - FACTOR - CHANCE) f */
    }
    return lost;
}

/* The table of the first class at one s; returns what it lost. */
static uint64_t fill(struct above *a, const struct summed *s, const uint64_t *power, uint32_t **first) {
    int at = 0;
    a->T[0][1] = UINT32_MAX;
    a->lost[0][1] = (uint64_t)1 << 28;
    for (uint32_t i = s->n; i-- > 0; at = 1 - at) {
        const struct level *l = &s->level[i], *after = &s->level[i + 1];
        size_t width = a->width[i], later = a->width[i + 1];
        for (size_t c = 1; c < l->classes.n; c++) {
            if (l->count[c] == 0) continue;
            memset(a->sum, 0, width * sizeof *a->sum);
            uint64_t lost = take_kernel(a, s, power, i, c);
            for (size_t to = 1; to < after->classes.n; to++) {
                uint64_t whole = 0;
                for (uint32_t g = 0; g < a->range[i]; g++) {
                    uint64_t k = a->kernel[to * a->range[i] + g], f = k >> (FACTOR + CHANCE - 31);
                    whole += k;
                    lost += (k & (((uint64_t)1 << (FACTOR + CHANCE - 31)) - 1)) >> (FACTOR + CHANCE - 60);
                    if (f > 0) add_row(a->sum + g, a->T[at] + to * later, (uint32_t)f, later);
                }
                if (whole > 0) lost += a->range[i] + (uint64_t)((wide)whole * a->lost[at][to] >> (FACTOR + CHANCE)) + 1;
            }
            lost += (cut_row(a->T[1 - at] + c * width, a->sum, width) >> 3) + 1;
            a->lost[1 - at][c] = lost;
        }
    }
    *first = a->T[at] + a->width[0];
    return a->lost[at][1];
}

/* Mean of X^+ e^(-s Z) at 2^-52, at least and at most. */
static void means(__int128 out[2], const struct above *a, const uint32_t *T, uint64_t lost, int64_t first, uint64_t psi_most) {
    __int128 most = 0, less = 0;
    int64_t last = first + (int64_t)(a->width[0] - 1) * a->d;
    for (uint32_t v = 0; v < a->width[0]; v++) {
        int64_t x = first + (int64_t)v * a->d;
        if (x > 0) most += (__int128)x * T[v];
        less += (__int128)a->psi[v] * T[v];
    }
    out[0] = ((most - less) >> 20) - (__int128)((wide)psi_most * lost >> 48) - 2;
    out[1] = (most >> 20) + (last > 0 ? (__int128)((wide)(uint64_t)last * lost >> 48) : 0) + 2;
    if (out[0] < 0) out[0] = 0;
}

/* 2^(k/2) h x of a number x < 2^60 at 2^-52, at the same; false: too large. up: rounded so. */
static bool times_node(__int128 *x, int k, bool up) {
    int odd = k & 1, by = (k - odd) / 2 - 30;
    if (*x >> 62 != 0 || by > 32) return false;
    __int128 y = *x * (H[odd] + up);
    *x = by >= 0 ? y << by : -by < 126 ? (y >> -by) + up : up;
    return *x >> 94 == 0;
}

/* 2^(k/2) Z is at least 2^FAR. */
static bool far(int64_t Z, int k) {
    int s = (k - (k & 1)) / 2; /* of 2^(k/2), from below */
    return s >= 0 ? s > 64 || (wide)Z << s >> (60 + FAR) > 0 : -s < 64 && (wide)Z >> -s >> (60 + FAR) > 0;
}

/* The nodes before the first, s/r + s/r^2 + ... in place of s: their factors are between e^(-s Z) and 1 <= e^(-s Z) e^y with y = s Z < 1/8, Z at most: e^y <= 1 + y + y^2. */
static __int128 before(__int128 node, int from, wide Z, bool up) {
    uint64_t y = (uint64_t)(from >= 0 ? Z << (from / 2) : Z >> (-from / 2)) >> 30, one = (uint64_t)1 << 30;
    if (!up) return node * BEFORE >> 30;
    wide grow = one + (y + 1) + ((y + 1) * (y + 1) >> 30) + 1;
    return (node * (__int128)(((wide)BEFORE + 1) * grow >> 30) >> 30) + (node >> 30) + 2;
}

static bool sum_nodes(__int128 sum[2], struct above *a, const struct summed *s, int64_t first, uint64_t psi_most) {
    wide Z = 2 * (wide)s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        uint64_t most = 0;
        EACH_CELL(s, i, c) if ((uint64_t)s->weight[c] > most) most = (uint64_t)s->weight[c];
        Z += most;
    }
    int from = 2 * (57 - bits_of_wide(Z)); /* 2^(from/2) Z < 2^-3 */
    for (int k = from; !far(s->least, k); k += STEP) {
        if (k < -POWERS / 2 || k >= POWERS / 2) return false;
        __int128 node[2];
        uint32_t *T;
        uint64_t lost = fill(a, s, power_of(a, s, k), &T);
        means(node, a, T, lost, first, psi_most);
        for (int up = 0; up < 2; up++) {
            if (!times_node(&node[up], k, up)) return false;
            sum[up] += node[up];
            if (k == from) sum[up] += before(node[up], from, Z, up);
        }
    }
    return true;
}

static void *grown(void *old, size_t *room, size_t n, size_t size) {
    if (n <= *room) return old;
    mem_free(old);
    *room = n;
    return mem_get(n, size);
}

static void make_room(struct above *a, const struct summed *s) {
    size_t T = 2, kernel = 2, lost = 2;
    for (uint32_t i = 0; i < s->n; i++) {
        size_t here = s->level[i].classes.n, after = i + 1 == s->n ? 2 : s->level[i + 1].classes.n;
        if (here * a->width[i] > T) T = here * a->width[i];
        if (after * (a->range[i] + 1) > kernel) kernel = after * (a->range[i] + 1);
        if (here > lost) lost = here;
    }
    size_t room = a->room_T, room_lost = a->room_lost;
    a->T[0] = grown(a->T[0], &room, T, sizeof *a->T[0]);
    a->T[1] = grown(a->T[1], &a->room_T, T, sizeof *a->T[1]);
    a->lost[0] = grown(a->lost[0], &room_lost, lost, sizeof *a->lost[0]);
    a->lost[1] = grown(a->lost[1], &a->room_lost, lost, sizeof *a->lost[1]);
    a->kernel = grown(a->kernel, &a->room_kernel, kernel, sizeof *a->kernel);
    room = a->room_sum;
    a->sum = grown(a->sum, &room, a->width[0], sizeof *a->sum);
    a->psi = grown(a->psi, &a->room_sum, a->width[0], sizeof *a->psi);
}

bool above_mean(int64_t out[2], struct above *a, const struct summed *s, uint32_t bins) {
    if (s->least >> 20 < (int64_t)s->n) return false; /* weights are within two units, which is 2^-19 of Z at most */
    if (a->low == NULL) {
        a->low = mem_get(2 * (size_t)s->n, sizeof *a->low);
        a->range = mem_get(s->n, sizeof *a->range);
        a->width = mem_get((size_t)s->n + 1, sizeof *a->width);
        a->step = mem_get(s->at[s->n], sizeof *a->step);
        a->part = mem_get(s->at[s->n], sizeof *a->part);
        a->power = mem_get(POWERS, sizeof *a->power);
    }
    if (!measure(a, s, bins)) return false;
    make_room(a, s);
    take_steps(a, s);
    int64_t first = 0;
    for (uint32_t i = 0; i < s->n; i++) first += a->low[i];
    __int128 sum[2] = {0, 0};
    if (!sum_nodes(sum, a, s, first, take_psi(a, s, first))) return false;
    /* at 2^-52; over 1 +- 2^-10 (and 1/(1 - x) <= 1 + x + 2 x^2) */
    sum[0] = sum[0] - (sum[0] >> 10) - 1;
    sum[1] = sum[1] + (sum[1] >> 10) + (sum[1] >> 19) + 2;
    if (sum[1] >> (60 + 52 - SEP_BITS) != 0) return false;
    out[0] = sum[0] > 0 ? (int64_t)(sum[0] >> (52 - SEP_BITS)) : 0;
    out[1] = (int64_t)(sum[1] >> (52 - SEP_BITS)) + 1;
    return true;
}
