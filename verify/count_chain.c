/* One of several forms that fail together (FORMAT.md rule count, step 8): forms are chosen one after the other, and each adds the sequences on which it fails and none of those before it does. */
#include "verify/count.h"

/* Of link[k], at least `under` and at most `over` sequences make it fail and none of those before it. Of the others, line[k].over says how many fail beside those. */
struct chain {
    struct tables *t; const struct cell *x; const struct count_rule *rule; const struct limits *l; bool *expired;
    int form[CHAIN_MOST]; struct line_count link[CHAIN_MOST]; size_t n;
    int *rest; size_t n_rest; tally all;
};

/* The one that adds most. */
static void choose(struct chain *c)
{
    size_t best = 0;
    tally most = 0;
    for (size_t e = 0; e < c->n_rest; e++) {
        const struct line_count *l = &c->t->line[c->rest[e]];
        if (l->under + l->over > most) {
            most = l->under + l->over;
            best = e;
        }
    }
    c->form[c->n] = c->rest[best];
    c->link[c->n++] = c->t->line[c->rest[best]];
    c->rest[best] = c->rest[--c->n_rest];
}

static void chain_bounds(struct bounds *b, const struct chain *c)
{
    tally most = 0, least = 0;
    for (size_t k = 0; k < c->n; k++) {
        most = tally_capped(most, c->link[k].over, c->all);
        least = tally_capped(least, c->link[k].under, c->all);
    }
    for (size_t e = 0; e < c->n_rest; e++)
        most = tally_capped(most, c->t->line[c->rest[e]].over, c->all);
    b->most = most < b->most ? most : b->most;
    b->least = least > b->least ? least : b->least;
    b->ideal = b->most > b->least ? b->most - b->least : 0;
}

/* At least: fails beside one of the d chosen forms, less where another one of them fails as well: no more than that one adds beside the first. */
static tally least_added(const struct chain *c, const struct added *a, size_t d)
{
    tally most = 0;
    for (size_t i = 0; i < d; i++) {
        tally left = a->beside[i];
        for (size_t j = 0; j < d && left > 0; j++) {
            tally both = a->fails > a->beside[j] ? a->fails - a->beside[j] : 0, other = c->t->added[c->form[j]].most[i];
            both = j == i ? 0 : both < other ? both : other;
            left = left > both ? left - both : 0;
        }
        most = left > most ? left : most;
    }
    return most;
}

static void first_added(struct added *a, tally fails)
{
    *a = (struct added){ .fails = fails };
    for (size_t i = 0; i < CHAIN_MOST; i++)
        a->most[i] = fails;
}

/* How many cells are worth their price where numbers that differ by `open` would come nearer, with cells that are half as large by half; 0: not more than `cells`. */
static size_t finer(const struct chain *c, tally open, size_t cells)
{
    size_t most = halves_cells(&c->t->halves), best = 0;
    for (size_t n = cells ? 2 * cells : CELLS_LEAST; n <= most; n *= 2) {
        open /= n > CELLS_LEAST ? 2 : 1;
        if (count_within(c->rule, open, halves_price(&c->t->halves, n)))
            break;
        best = n;
        if (cells == 0)
            break;
    }
    return best;
}

/* Form k is counted beside the last of those that are chosen. */
static enum status count_beside(struct chain *c, int k, size_t cells)
{
    size_t d = c->n - 1;
    struct line_count *l = &c->t->line[k], now;
    struct added *a = &c->t->added[k];
    const struct signed_line lines[PAIR] = { { (size_t)c->form[d], false }, { (size_t)k, true } };
    enum status s = halves_count(&now, &c->t->halves, lines, cells, c->x, &c->t->edges, c->l, c->expired);
    if (s != STATUS_OK || *c->expired)
        return s;
    a->beside[d] = now.under > a->beside[d] ? now.under : a->beside[d];
    a->most[d] = now.over < a->most[d] ? now.over : a->most[d];
    a->cells[d] = cells;
    if (now.over < l->over) {
        l->over = now.over;
        a->best = (unsigned)d + 1;
    }
    return s;
}

/* What form k adds to those that are chosen: fails beside the last of them, with few cells first, and with more where what these leave open is worth it. */
static enum status add(struct chain *c, int k)
{
    size_t d = c->n - 1;
    struct line_count *l = &c->t->line[k];
    struct added *a = &c->t->added[k];
    tally common = l->over < c->link[d].over ? l->over : c->link[d].over;   /* what they have in common may not be worth a pair */
    enum status s = STATUS_OK;
    a->beside[d] = 0;
    for (size_t cells = l->rare ? 0 : finer(c, common, 0); cells > 0 && s == STATUS_OK && !*c->expired;) {
        s = count_beside(c, k, cells);
        cells = a->best == d + 1 ? finer(c, l->over - a->beside[d], cells) : 0;
    }
    l->under = least_added(c, a, c->n);
    l->under = l->under < l->over ? l->under : l->over;
    return s;
}

/* What the bounds rest on: a chosen form beside every one before it, any other beside the one that leaves least of it. */
static void note_pairs(const struct chain *c)
{
    struct tables *t = c->t;
    for (size_t k = 0; k < c->n; k++)
        for (size_t i = 0; i < k; i++)
            if (t->added[c->form[k]].cells[i] > 0)
                t->pairs[t->n_pairs++] = (struct beside){ c->form[k], c->form[i], t->added[c->form[k]].cells[i] };
    for (size_t e = 0; e < c->n_rest; e++) {
        const struct added *a = &t->added[c->rest[e]];
        if (a->best > 0)
            t->pairs[t->n_pairs++] = (struct beside){ c->rest[e], c->form[a->best - 1], a->cells[a->best - 1] };
    }
}

enum status chain_fill(struct bounds *b, struct tables *t, const struct cell *x, const struct count_rule *rule, int *rest, size_t n_rest, const struct limits *l, bool *expired)
{
    struct chain c = { .t = t, .x = x, .rule = rule, .l = l, .expired = expired, .rest = rest, .n_rest = n_rest, .all = x->count[0] };
    enum status s = STATUS_OK;
    for (size_t e = 0; e < n_rest; e++)
        first_added(&t->added[rest[e]], t->line[rest[e]].over);
    choose(&c);
    while (c.n < CHAIN_MOST && c.n_rest > 0 && s == STATUS_OK && !*expired) {
        for (size_t e = 0; e < c.n_rest && s == STATUS_OK && !*expired; e++)
            s = add(&c, c.rest[e]);
        choose(&c);
    }
    if (s == STATUS_OK && !*expired) {
        chain_bounds(b, &c);
        note_pairs(&c);
    }
    return s;
}
