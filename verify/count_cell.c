/* The tables of one class with one query token: which forms get how many bins, which pairs of lines are looked at together, and what follows for
 * "one of them fails". For any lines, the sum of their counts is at least the number of sequences on which one fails; their sum less that of both
 * failing, over all pairs of any set of lines, is at most it (Bonferroni). Both fail only where their
 * sum fails, and where their sum is negative, one of the two is. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void tables_clear(struct tables *t)
{
    for (size_t k = 0; t->line && k < t->room_K; k++)
        sums_clear(&t->line[k]);
    for (size_t k = 0; t->pair && k < PAIRED * PAIRED; k++)
        sums_clear(&t->pair[k]);
    edges_clear(&t->edges);
    free(t->line);
    free(t->open);
    free(t->pair);
    free(t->rank);
    free(t->over);
    free(t->under);
    free(t->order);
    memset(t, 0, sizeof *t);
}

static enum status room(struct tables *t, size_t K)
{
    if (K > t->room_K) {
        tables_clear(t);
        t->line = mem_array(K, sizeof *t->line);
        t->open = mem_array(K, sizeof *t->open);
        t->pair = mem_array(PAIRED * PAIRED, sizeof *t->pair);
        t->rank = mem_array(K, sizeof *t->rank);
        t->over = mem_array(K, sizeof *t->over);
        t->under = mem_array(K, sizeof *t->under);
        t->order = mem_array(PAIRED, sizeof *t->order);
        t->room_K = K;
        if (!t->line || !t->open || !t->pair || !t->rank || !t->over || !t->under || !t->order)
            return STATUS_MEMORY;
    }
    t->K = K;
    for (size_t k = 0; k < K; k++) {
        t->rank[k] = -1;
        t->open[k] = false;
    }
    return STATUS_OK;
}

/* Completions on which a and b fail, at most. */
static tally both(const struct tables *t, int a, int b)
{
    tally most = t->over[a] < t->over[b] ? t->over[a] : t->over[b];
    int i = t->rank[a], j = t->rank[b];
    if (i < 0 || j < 0)
        return most;
    tally over = t->pair_over[i > j ? i * PAIRED + j : j * PAIRED + i];
    return over < most ? over : most;
}

/* Asks the mixtures of the lines in `active`; where one is negative, one of its lines is: the largest of their under-counts. */
static tally ask_pairs(struct tables *t, const struct cell *x, size_t state, const double *sum, double rad, const int *active, size_t n_active)
{
    tally most = 0, under;
    int ranks[PAIRED];
    size_t n = 0;
    for (size_t e = 0; e < n_active && n < PAIRED; e++)
        if (t->rank[active[e]] >= 0)
            ranks[n++] = t->rank[active[e]];
    for (size_t e = 1; e < n; e++)
        for (size_t f = 0; f < e; f++) {
            int at = ranks[e] > ranks[f] ? ranks[e] * PAIRED + ranks[f] : ranks[f] * PAIRED + ranks[e];
            sums_ask(&t->pair_over[at], &under, &t->pair[at], x, state, sum, rad);
            most = under > most ? under : most;
        }
    return most;
}

/* The PAIRED lines with the largest of `by`, falling, of equal ones the first; returns how many there are with k. */
static size_t insert(int *order, size_t n, const tally *by, int k)
{
    if (n == PAIRED && by[order[n - 1]] >= by[k])
        return n;
    size_t at = n < PAIRED ? n++ : n - 1;
    for (; at > 0 && by[order[at - 1]] < by[k]; at--)
        order[at] = order[at - 1];
    order[at] = k;
    return n;
}

/* Bonferroni: lines by falling under-count, each as long as it adds something. */
static tally greedy(struct tables *t, const int *active, size_t n_active)
{
    size_t n = 0, taken = 0;
    tally total = 0;
    for (size_t e = 0; e < n_active; e++)
        n = insert(t->order, n, t->under, active[e]);
    for (size_t e = 0; e < n; e++) {
        int k = t->order[e];
        tally gain = t->under[k], loss = 0;
        for (size_t f = 0; f < taken && loss < gain; f++)
            loss += both(t, t->order[f], k);
        if (loss >= gain)
            continue;
        total += gain - loss;
        t->order[taken++] = k;
    }
    return total;
}

void tables_ask(tally *surely, tally *maybe, struct tables *t, const struct cell *x, tally enter, size_t state, const double *sum, double rad, const int *active, size_t n_active)
{
    tally all = x->count[state];
    *maybe = *surely = 0;
    for (size_t e = 0; e < n_active; e++) {
        int k = active[e];
        sums_ask(&t->over[k], &t->under[k], &t->line[k], x, state, sum, rad);
        *maybe = t->over[k] < all - *maybe ? *maybe + t->over[k] : all;
        *surely = t->under[k] > *surely ? t->under[k] : *surely;
    }
    if (*maybe - *surely <= enter || n_active < 2)
        return;
    tally mixed = ask_pairs(t, x, state, sum, rad, active, n_active), least = greedy(t, active, n_active);
    least = mixed > least ? mixed : least;
    *surely = least > *surely ? least : *surely;
}

/* ---- filling ---- */

struct filler { struct tables *t; const struct cell *x; const struct count_rule *rule; const struct limits *l; bool *expired; size_t bins; };

static enum status fill_line(struct filler *f, size_t k, size_t bins)
{
    struct mix form = { { (int)k, (int)k }, { 1, 0 } };
    struct tables *t = f->t;
    enum status s = sums_fill(&t->line[k], f->x, &t->edges, &form, bins, f->l, f->expired);
    if (s == STATUS_OK && !*f->expired)
        sums_ask(&t->over[k], &t->under[k], &t->line[k], f->x, 0, f->x->partial, 0);
    f->bins += bins;
    return s;
}

/* Four times the bins, as long as the form leaves more than four times `enter` open by itself. */
static enum status refine_line(struct filler *f, size_t k)
{
    const struct tables *t = f->t;
    enum status s = STATUS_OK;
    for (size_t bins = f->rule->bins * 4; s == STATUS_OK && !*f->expired && bins <= BINS_MOST && f->bins + bins <= BINS_TOTAL; bins *= 4) {
        if (t->over[k] - t->under[k] <= f->rule->enter * 4)
            break;
        s = fill_line(f, k, bins);
    }
    return s;
}

static int exponent_of(const struct sums *t)
{
    int e = 0;
    frexp(t->step * (double)t->bins, &e);
    return e;
}

/* The sum of two lines, made equally wide up to a factor of two. */
static enum status fill_pair(struct filler *f, struct sums *out, int a, int b)
{
    const struct sums *x = &f->t->line[a], *y = &f->t->line[b];
    int e = exponent_of(x) - exponent_of(y);
    size_t bins = (x->bins < y->bins ? x->bins : y->bins) / 4 + 1;
    struct mix form = { { a, b }, { ldexp(1, e > 0 ? -e : 0), ldexp(1, e < 0 ? e : 0) } };
    return sums_fill(out, f->x, &f->t->edges, &form, bins, f->l, f->expired);
}

/* The PAIRED lines with the largest over-counts, in t->order; how many. */
static size_t largest(struct tables *t, tally above)
{
    size_t n = 0;
    for (size_t k = 0; k < t->K; k++)
        if (t->open[k] && t->line[k].bins > 0 && t->over[k] > above)
            n = insert(t->order, n, t->over, (int)k);
    return n;
}

static enum status fill_pairs(struct filler *f)
{
    struct tables *t = f->t;
    size_t n = largest(t, f->rule->enter * 4);
    enum status s = STATUS_OK;
    for (size_t a = 1; a < n; a++)
        for (size_t b = 0; b < a && s == STATUS_OK && !*f->expired; b++)
            s = fill_pair(f, &t->pair[a * PAIRED + b], t->order[a], t->order[b]);
    for (size_t a = 0; a < n; a++)
        t->rank[t->order[a]] = (int)a;
    return s;
}

enum status tables_fill(struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, const struct limits *l, bool *expired)
{
    struct filler f = { t, x, rule, l, expired, 0 };
    enum status s = room(t, x->c->lines.K);
    if (s == STATUS_OK)
        s = edges_fill(&t->edges, x);
    tally surely, maybe;
    for (size_t e = 0; e < n_open && s == STATUS_OK && !*expired; e++) {
        t->open[open[e]] = true;
        s = fill_line(&f, (size_t)open[e], rule->bins);
    }
    if (s != STATUS_OK || *expired)
        return s;
    tables_ask(&surely, &maybe, t, x, rule->enter, 0, x->partial, 0, open, n_open);
    if (maybe - surely <= rule->enter)
        return s;
    for (size_t e = 0; e < n_open && s == STATUS_OK && !*expired; e++)
        s = refine_line(&f, (size_t)open[e]);
    if (s == STATUS_OK && !*expired)
        tables_ask(&surely, &maybe, t, x, rule->enter, 0, x->partial, 0, open, n_open);
    if (s == STATUS_OK && !*expired && maybe - surely > rule->enter)
        s = fill_pairs(&f);
    return s;
}
