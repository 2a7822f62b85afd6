/* The tables of a part: which forms get how many bins, and what follows for "one of them fails": at most the sum of the most, at least the largest of the least. */
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void tables_clear(struct tables *t)
{
    for (size_t k = 0; t->line && k < t->room_K; k++)
        sums_clear(&t->line[k]);
    edges_clear(&t->edges);
    free(t->line);
    free(t->over);
    free(t->under);
    memset(t, 0, sizeof *t);
}

static enum status room(struct tables *t, size_t K)
{
    if (K > t->room_K) {
        struct edges keep = t->edges;
        t->edges = (struct edges){ 0 };
        tables_clear(t);
        t->edges = keep;
        t->line = mem_array(K, sizeof *t->line);
        t->over = mem_array(K, sizeof *t->over);
        t->under = mem_array(K, sizeof *t->under);
        t->room_K = K;
        if (!t->line || !t->over || !t->under)
            return STATUS_MEMORY;
    }
    t->K = K;
    return STATUS_OK;
}

static void tables_ask(struct bounds *out, const struct tables *t, const struct cell *x, const int *active, size_t n_active)
{
    tally all = x->count[0];
    *out = (struct bounds){ 0 };
    for (size_t e = 0; e < n_active; e++) {
        int k = active[e];
        out->most = t->over[k] < all - out->most ? out->most + t->over[k] : all;
        out->sum = t->under[k] < all - out->sum ? out->sum + t->under[k] : all;
        out->least = t->under[k] > out->least ? t->under[k] : out->least;
        out->largest = t->over[k] > out->largest ? t->over[k] : out->largest;
    }
}

/* ---- filling ---- */

struct filler { struct tables *t; const struct cell *x; const struct count_rule *rule; const struct limits *l; bool *expired; size_t bins; };

static enum status fill_line(struct filler *f, size_t k, size_t bins)
{
    struct tables *t = f->t;
    enum status s = sums_fill(&t->line[k], f->x, &t->edges, k, bins, f->l, f->expired);
    if (s == STATUS_OK && !*f->expired)
        sums_ask(&t->over[k], &t->under[k], &t->line[k], f->x);
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

enum status tables_fill(struct bounds *out, struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, const struct limits *l, bool *expired)
{
    struct filler f = { t, x, rule, l, expired, 0 };
    enum status s = room(t, x->lines);
    for (size_t e = 0; e < n_open && s == STATUS_OK && !*expired; e++)
        s = fill_line(&f, (size_t)open[e], rule->bins);
    if (s != STATUS_OK || *expired)
        return s;
    tables_ask(out, t, x, open, n_open);
    if (out->most - out->least <= rule->enter || (out->sum > out->largest && out->sum - out->largest > rule->enter))
        return s;
    for (size_t e = 0; e < n_open && s == STATUS_OK && !*expired; e++)
        s = refine_line(&f, (size_t)open[e]);
    tables_ask(out, t, x, open, n_open);
    return s;
}
