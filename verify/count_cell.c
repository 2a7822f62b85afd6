/* The tables of a part: which forms get how many bins, and what follows for "one of them fails". */
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void tables_clear(struct tables *t)
{
    sums_clear(&t->sums);
    edges_clear(&t->edges);
    kinds_clear(&t->kinds);
    steps_clear(&t->steps);
    halves_clear(&t->halves);
    free(t->line);
    free(t->order);
    free(t->added);
    free(t->pairs);
    memset(t, 0, sizeof *t);
}

static enum status room(struct tables *t, size_t K)
{
    struct line_count *line = mem_grow(t->line, &t->room_line, K, sizeof *line);
    t->line = line ? line : t->line;
    int *order = mem_grow(t->order, &t->room_order, K, sizeof *order);
    t->order = order ? order : t->order;
    struct added *added = mem_grow(t->added, &t->room_added, K, sizeof *added);
    t->added = added ? added : t->added;
    struct beside *pairs = mem_grow(t->pairs, &t->room_pairs, K * CHAIN_MOST, sizeof *pairs);
    t->pairs = pairs ? pairs : t->pairs;
    return line && order && added && pairs ? STATUS_OK : STATUS_MEMORY;
}

tally tally_capped(tally a, tally b, tally all) { return b < all - a ? a + b : all; }

/* At most the sum of the most fail, at least the largest of the least; ideal: the same, were every number half way between its bounds. */
static void tables_ask(struct bounds *out, const struct tables *t, tally all, const int *open, size_t n_open)
{
    tally sum = 0, largest = 0;
    *out = (struct bounds){ 0 };
    for (size_t e = 0; e < n_open; e++) {
        const struct line_count *l = &t->line[open[e]];
        tally middle = l->under + (l->over - l->under) / 2;
        out->most = tally_capped(out->most, l->over, all);
        out->least = l->under > out->least ? l->under : out->least;
        sum = tally_capped(sum, middle, all);
        largest = middle > largest ? middle : largest;
    }
    out->ideal = sum - largest;
}

/* ---- filling ---- */

struct filler { struct tables *t; const struct cell *x; const struct count_rule *rule; const struct limits *l; bool *expired; size_t bins; };

#define REFINE_TABLES 6         /* four times the bins settle three quarters of what is open */

static enum status fill_line(struct filler *f, size_t k, size_t bins)
{
    struct tables *t = f->t;
    struct line_count *to = &t->line[k];
    enum status s = STATUS_OK;
    bool good;
    *to = (struct line_count){ f->x->count[0], 0, bins, false };
    for (int side = OVER; side <= UNDER && s == STATUS_OK && !to->rare && !*f->expired; side++) {
        s = steps_take(&t->steps, &good, f->x, &t->kinds, k, bins, (enum side)side);
        if (s == STATUS_OK && good)
            s = sums_count(side == OVER ? &to->over : &to->under, &t->sums, &t->steps, f->x, &t->kinds, (enum side)side, f->l, f->expired);
        to->rare = count_within(f->rule, to->over, ASIDE);
    }
    to->under = to->under < to->over ? to->under : to->over;
    f->bins += bins;
    return s;
}

/* Four times the bins where a form leaves most open of the `left` that all of them do; *more false: nowhere is that worth its price. */
static enum status refine(struct filler *f, const int *open, size_t n_open, tally left, bool *more)
{
    const struct line_count *line = f->t->line;
    tally most = 0;
    int best = -1;
    for (size_t e = 0; e < n_open; e++) {
        const struct line_count *l = &line[open[e]];
        size_t price = REFINE_TABLES * (l->bins / f->rule->bins);
        if (l->over - l->under > most && !count_within(f->rule, l->over - l->under < left ? l->over - l->under : left, price) && l->bins * 4 <= BINS_MOST && f->bins + l->bins * 4 <= BINS_TOTAL) {
            most = l->over - l->under;
            best = open[e];
        }
    }
    *more = best >= 0;
    return best < 0 ? STATUS_OK : fill_line(f, (size_t)best, line[best].bins * 4);
}

/* Is what the open forms have in common worth a pair for each that fails often enough to be looked at? */
static bool worth_pairs(const struct filler *f, const struct bounds *b, const int *open, size_t n_open)
{
    size_t often = 0;
    if (n_open < 2 || count_within(f->rule, b->ideal, CUT_TABLES * n_open) || !halves_cut(&f->t->halves, f->x, &f->t->edges))
        return false;
    size_t pair = halves_price(&f->t->halves, CELLS_LEAST);
    for (size_t e = 0; e < n_open; e++)
        often += !count_within(f->rule, f->t->line[open[e]].over, pair);
    return often >= 2 && !count_within(f->rule, b->ideal, often * pair);
}

enum status tables_fill(struct bounds *out, struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, bool pairs, const struct limits *l, bool *expired)
{
    struct filler f = { t, x, rule, l, expired, 0 };
    bool chain = false;
    enum status s = room(t, x->lines);
    t->n_pairs = 0;
    if (s == STATUS_OK)
        s = kinds_take(&t->kinds, x);
    for (size_t e = 0; e < n_open && s == STATUS_OK && !*expired; e++)
        s = fill_line(&f, (size_t)open[e], rule->bins);
    for (bool more = true, first = true; more && s == STATUS_OK && !*expired; first = false) {
        tables_ask(out, t, x->count[0], open, n_open);
        if (first && pairs)
            chain = worth_pairs(&f, out, open, n_open);
        more = out->most > out->least && (chain || count_within(rule, out->ideal, CUT_TABLES * n_open));
        if (more)
            s = refine(&f, open, n_open, out->most - out->least, &more);
    }
    for (size_t e = 0; e < n_open; e++)
        t->order[e] = open[e];
    return s == STATUS_OK && !*expired && chain ? chain_fill(out, t, x, rule, t->order, n_open, l, expired) : s;
}
