/* Rule count (FORMAT.md §3): tables of completions by discretised sums, all in integers. A form fails possibly where its integer sum is at most its
 * radius, surely where it is below minus that. From a sum so far v, all completions of a class fail when v < start = -most - radius, and none may
 * when v > -least + radius, which is at most the last grid point start + B step. */
#include "separable_walk.h"

#define ENTRIES_MOST ((size_t)1 << 26)

void bins_clear(struct bins *b) {
    for (uint32_t i = 0; b->at != NULL && i <= b->n; i++) {
        mem_free(b->at[i].start);
        mem_free(b->at[i].step);
        mem_free(b->at[i].over);
        mem_free(b->at[i].under);
    }
    mem_free(b->at);
    b->at = NULL;
}

/* over of the next class at sum v + g for v on this grid, and under likewise */
static void add_token(const struct bins *b, const struct bins_level *here, size_t row, const struct bins_level *next, size_t to, int64_t g, wide all) {
    int64_t step = next->step[to], from = here->start[row] + g - next->start[to], by = here->step[row];
    wide *over = here->over + row * (b->B + 1), *under = here->under + row * (b->B + 1);
    const wide *o = next->over + to * (b->B + 1), *u = next->under + to * (b->B + 1);
    uint32_t e = 0, B = b->B;
    for (; e <= B && from < 0; e++, from += by) {
        over[e] += all;
        under[e] += all;
    }
    int64_t down = from / step, rest = from % step, jump = by / step, more = by % step;
    for (; e <= B && (down < B || (down == B && rest == 0)); e++) { /* beyond: no completion fails */
        over[e] += o[down];
        under[e] += u[down + (rest > 0)];
        down += jump;
        rest += more;
        if (rest >= step) {
            rest -= step;
            down++;
        }
    }
}

static void one_class(struct bins *b, const struct level *l, const struct level *after, uint32_t i, size_t c, const int64_t *g, const int64_t *radius, const int64_t *level0) {
    struct bins_level *here = &b->at[i];
    for (size_t k = 0; k < b->K; k++) {
        size_t row = c * b->K + k;
        if (level0[k] > radius[k]) continue; /* positive everywhere: never asked */
        int64_t window = l->most[row] - l->least[row] + 2 * radius[k];
        here->start[row] = -l->most[row] - radius[k];
        here->step[row] = window / b->B + 1;
        for (uint32_t t = 0; after != NULL && t < l->tokens; t++) {
            size_t to = (size_t)l->classes.key[c * l->tokens + t];
            if (to != 0) add_token(b, here, row, &b->at[i + 1], to * b->K + k, g[t * b->K + k], after->count[to]);
        }
        for (uint32_t e = 0; after == NULL && e <= b->B; e++) here->over[row * (b->B + 1) + e] = l->count[c]; /* complete, and within its radius */
    }
}

bool bins_fill(struct bins *b, const struct level *level, uint32_t n, const uint32_t *at, const int64_t *g, const int64_t *radius, size_t K) {
    bins_clear(b);
    b->n = n;
    b->K = K;
    b->at = mem_get((size_t)n + 1, sizeof *b->at);
    size_t entries = 0;
    for (uint32_t i = 0; i <= n; i++) {
        size_t classes = i == n ? 2 : level[i].classes.n;
        if (classes > ENTRIES_MOST || K > ENTRIES_MOST || classes * K > ENTRIES_MOST / (b->B + 1)) return false;
        entries += classes * K * (b->B + 1);
        if (entries > ENTRIES_MOST) return false;
    }
    for (uint32_t i = n + 1; i-- > 0;) {
        size_t classes = i == n ? 2 : level[i].classes.n, rows = classes * K;
        struct bins_level *x = &b->at[i];
        *x = (struct bins_level){mem_get(rows, sizeof *x->start), mem_get(rows, sizeof *x->step), mem_get(rows * (b->B + 1), sizeof *x->over), mem_get(rows * (b->B + 1), sizeof *x->under)};
        for (size_t c = 1; c < classes; c++) one_class(b, &level[i], i == n ? NULL : &level[i + 1], i, c, i == n ? NULL : g + (size_t)at[i] * K, radius, level[0].least + K);
    }
    return true;
}

/* of one form at the sum v */
static void ask(const struct bins *b, const struct bins_level *x, size_t row, int64_t v, wide all, wide *over, wide *under) {
    *over = *under = 0;
    int64_t from = v - x->start[row];
    if (from < 0) *over = *under = all;
    else if (from <= (int64_t)b->B * x->step[row]) {
        int64_t down = from / x->step[row];
        *over = x->over[row * (b->B + 1) + (size_t)down];
        *under = x->under[row * (b->B + 1) + (size_t)(down + (down * x->step[row] < from))];
    }
}

bool bins_settle(const struct bins *b, const struct level *level, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left, wide *yes, wide *no, wide *open) {
    wide all = level[i].count[class], maybe = 0, surely = 0;
    for (uint32_t a = 0; a < n_left; a++) {
        wide over, under;
        ask(b, &b->at[i], class * b->K + left[a], part[left[a]], all, &over, &under);
        maybe += over; /* at most 2^100 each, and fewer than 2^24 forms */
        if (under > surely) surely = under;
    }
    if (maybe > all) maybe = all;
    if (maybe < surely || maybe - surely > b->enter) return false;
    *yes += all - maybe;
    *no += surely;
    *open += maybe - surely;
    return true;
}
