/* Rule count (FORMAT.md §3), all tables of one q and one set of final states: which forms get how many bins, which pairs are looked at together, and
 * what follows for "one of the forms is not positive". */
#include "separable_walk.h"
#include <string.h>

#define BINS_MOST ((uint32_t)1 << 18)
#define BINS_TOTAL ((size_t)1 << 22)

void bins_clear(struct bins *b) {
    for (size_t k = 0; b->one != NULL && k < b->cell.K; k++) sums_clear(&b->one[k]);
    for (size_t k = 0; b->two != NULL && k < PAIRED * PAIRED; k++) sums_clear(&b->two[k]);
    void *all[] = {b->one, b->two, b->rank, b->over, b->under, b->cell.first, b->cell.unit};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) mem_free(all[k]);
    *b = (struct bins){.B = b->B, .enter = b->enter};
}

/* Keeps the PAIRED forms with the largest `by`, falling, of equal ones the first; returns how many there are with k. */
static size_t insert(uint32_t *order, size_t n, const wide *by, uint32_t k) {
    if (n == PAIRED && by[order[n - 1]] >= by[k]) return n;
    size_t at = n < PAIRED ? n++ : n - 1;
    for (; at > 0 && by[order[at - 1]] < by[k]; at--) order[at] = order[at - 1];
    order[at] = k;
    return n;
}

/* at most: completions on which x and y are not positive */
static wide both(const struct bins *b, uint32_t x, uint32_t y) {
    wide most = b->over[x] < b->over[y] ? b->over[x] : b->over[y];
    size_t p = b->rank[x], q = b->rank[y];
    if (p == PAIRED || q == PAIRED) return most;
    wide over = b->two_over[p > q ? p * PAIRED + q : q * PAIRED + p];
    return over < most ? over : most;
}

/* Asks the mixtures of the forms left; where one is negative, one of its forms is: the largest of their under-counts. */
static wide ask_pairs(struct bins *b, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left) {
    size_t rank[PAIRED], n = 0;
    wide most = 0, under;
    for (uint32_t a = 0; a < n_left && n < PAIRED; a++)
        if (b->rank[left[a]] < PAIRED) rank[n++] = b->rank[left[a]];
    for (size_t a = 1; a < n; a++)
        for (size_t c = 0; c < a; c++) {
            size_t at = rank[a] > rank[c] ? rank[a] * PAIRED + rank[c] : rank[c] * PAIRED + rank[a];
            sums_ask(&b->two_over[at], &under, &b->two[at], &b->cell, i, class, part);
            if (under > most) most = under;
        }
    return most;
}

/* Bonferroni: forms by falling under-count, each as long as it adds something. */
static wide greedy(const struct bins *b, const uint32_t *left, uint32_t n_left) {
    uint32_t order[PAIRED];
    size_t n = 0, taken = 0;
    wide total = 0;
    for (uint32_t a = 0; a < n_left; a++) n = insert(order, n, b->under, left[a]);
    for (size_t a = 0; a < n; a++) {
        uint32_t k = order[a];
        wide gain = b->under[k], loss = 0;
        for (size_t x = 0; x < taken && loss < gain; x++) loss += both(b, order[x], k);
        if (loss >= gain) continue;
        total += gain - loss;
        order[taken++] = k;
    }
    return total;
}

/* At least *surely and at most *maybe completions have one of the forms left that is not positive. */
static void ask(struct bins *b, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left, wide *surely, wide *maybe) {
    wide all = b->cell.level[i].count[class];
    *maybe = *surely = 0;
    for (uint32_t a = 0; a < n_left; a++) {
        uint32_t k = left[a];
        sums_ask(&b->over[k], &b->under[k], &b->one[k], &b->cell, i, class, part);
        *maybe = b->over[k] < all - *maybe ? *maybe + b->over[k] : all;
        if (b->under[k] > *surely) *surely = b->under[k];
    }
    if (*maybe - *surely <= b->enter || n_left < 2) return;
    wide mixed = ask_pairs(b, i, class, part, left, n_left), least = greedy(b, left, n_left);
    if (mixed > least) least = mixed;
    if (least > *surely) *surely = least;
}

bool bins_settle(struct bins *b, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left, wide *yes, wide *no, wide *open) {
    wide surely, maybe;
    ask(b, i, class, part, left, n_left, &surely, &maybe);
    if (maybe < surely || maybe - surely > b->enter) return false;
    *yes += b->cell.level[i].count[class] - maybe;
    *no += surely;
    *open += maybe - surely;
    return true;
}

/* ---- filling ---- */

static bool fill_one(struct bins *b, uint32_t k, uint32_t bins, const int64_t *zero) {
    const struct mix mix = {.form = {k, k}, .by = {1, 0}};
    b->total += bins;
    if (!sums_fill(&b->one[k], &b->cell, &mix, bins)) return false;
    sums_ask(&b->over[k], &b->under[k], &b->one[k], &b->cell, 0, 1, zero);
    return true;
}

/* Four times the bins, as long as the form leaves more than four times `enter` open by itself. */
static bool refine_one(struct bins *b, uint32_t k, const int64_t *zero) {
    for (uint32_t bins = 4 * b->B; bins <= BINS_MOST && b->total + bins <= BINS_TOTAL; bins *= 4) {
        if (b->over[k] - b->under[k] <= 4 * b->enter) return true;
        if (!fill_one(b, k, bins, zero)) return false;
    }
    return true;
}

static int bits(int64_t x) {
    int n = 0;
    for (; x > 0; x >>= 1) n++;
    return n;
}

/* The sum of two forms, made equally wide up to a factor of two. */
static bool fill_two(struct bins *b, struct sums *out, uint32_t x, uint32_t y) {
    const struct sums *a = &b->one[x], *c = &b->one[y];
    int e = bits(a->width) - bits(c->width);
    uint32_t bins = (a->bins < c->bins ? a->bins : c->bins) / 4 + 1;
    const struct mix mix = {.form = {x, y}, .by = {1, 1}, .drop = {e > 0 ? (unsigned)e : 0, e < 0 ? (unsigned)-e : 0}};
    return sums_fill(out, &b->cell, &mix, bins);
}

static bool fill_pairs(struct bins *b, const uint32_t *open, uint32_t n_open) {
    uint32_t order[PAIRED];
    size_t n = 0;
    for (uint32_t a = 0; a < n_open; a++)
        if (b->over[open[a]] > 4 * b->enter) n = insert(order, n, b->over, open[a]);
    for (size_t a = 1; a < n; a++)
        for (size_t c = 0; c < a; c++)
            if (!fill_two(b, &b->two[a * PAIRED + c], order[a], order[c])) return false;
    for (size_t a = 0; a < n; a++) b->rank[order[a]] = a;
    return true;
}

bool bins_fill(struct bins *b, const struct cell *c) {
    size_t K = c->K;
    bins_clear(b);
    b->cell = *c;
    b->cell.first = mem_get((size_t)c->n + 2, sizeof *b->cell.first);
    b->cell.unit = mem_get((size_t)c->n + 1, sizeof *b->cell.unit);
    b->one = mem_get(K, sizeof *b->one);
    b->two = mem_get(PAIRED * PAIRED, sizeof *b->two);
    b->rank = mem_get(K, sizeof *b->rank);
    b->over = mem_get(K, sizeof *b->over);
    b->under = mem_get(K, sizeof *b->under);
    if (!cell_units(&b->cell)) return false;
    int64_t *zero = mem_get(K, sizeof *zero);
    uint32_t *open = mem_get(K, sizeof *open), n_open = 0;
    wide surely, maybe;
    bool good = true, settled = false;
    for (uint32_t k = 0; k < K; k++) {
        b->rank[k] = PAIRED;
        if (c->level[0].most[K + k] < -c->radius[k]) settled = true; /* never positive */
        if (c->level[0].least[K + k] <= c->radius[k]) open[n_open++] = k;
    }
    for (uint32_t a = 0; good && !settled && a < n_open; a++) good = fill_one(b, open[a], b->B, zero);
    if (good && !settled) ask(b, 0, 1, zero, open, n_open, &surely, &maybe);
    if (good && !settled && maybe - surely > b->enter) {
        for (uint32_t a = 0; good && a < n_open; a++) good = refine_one(b, open[a], zero);
        if (good) ask(b, 0, 1, zero, open, n_open, &surely, &maybe);
        if (good && maybe - surely > b->enter) good = fill_pairs(b, open, n_open);
    }
    mem_free(zero);
    mem_free(open);
    return good;
}
