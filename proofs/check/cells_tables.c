/* A line `counts` of rule cells (FORMAT.md §3): forms that its words do not show are counted by the tables of rule count. Of a form the lesser terms (of every interval its worse end) give a sum that is at most Z_1 times the form on
 * every sequence of the part, and those of its negative one that is at least that, so that sums of the first that are not positive are those of the sequences that may fail, sums of the second of those that surely do. */
#include "cells_leaf.h"
#include <string.h>

#define BINS_MOST ((uint32_t)1 << 18)
#define BINS_TOTAL ((size_t)1 << 22)

/* What the words say: form form[k] has a table of bins[k] bins. */
struct named { size_t n; uint32_t *form, *bins; };

/* A whole number of at most 7 digits, as it is written in a certificate. */
static bool number(const char **at, const char *end, uint32_t *out) {
    const char *s = *at;
    for (*out = 0; *at < end && **at >= '0' && **at <= '9' && *at - s < 7; ++*at) *out = 10 * *out + (uint32_t)(**at - '0');
    return *at > s && (*s != '0' || *at == s + 1);
}

/* K:B ... , up to the end; shown: of the named forms becomes true, as the words need not show them. Those that words of splits above show, as a checker may more of them than the prover knew of, have no table. */
static bool named_read(struct leaf *x, struct named *t, const char *at, const char *end, bool *shown, bool *named) {
    size_t total = 0, n;
    if (at == end) return cells_refuse_leaf(x, "K:B expected behind 'tables'");
    while (at != end) {
        const char *s = cells_word(&at, end, &n), *stop = s + n;
        uint32_t k, bins;
        if (!number(&s, stop, &k) || s == stop || *s++ != ':' || !number(&s, stop, &bins) || s != stop) return cells_refuse_leaf(x, "K:B expected behind 'tables'");
        if (k >= x->t->n || bins < 1 || bins > BINS_MOST || (total += bins) > BINS_TOTAL) return cells_refuse_leaf(x, "no such form, or too many bins");
        if (named[k]) return cells_refuse_leaf(x, "a form that has a table already");
        named[k] = true;
        if (shown[k]) continue;
        shown[k] = true;
        t->form[t->n] = k;
        t->bins[t->n++] = bins;
    }
    return true;
}

/* Terms of the named forms from below and (turned) above, and what they may be off by. */
static bool terms(struct leaf *x, const struct named *t, bool turned, int64_t *to, int64_t *radius) {
    const size_t n = (size_t)x->s->at[x->s->n] * t->n;
    bool good = true;
    cells_terms_new(x, t->n);
    for (size_t k = 0; good && k < t->n; k++) {
        int64_t off = 0;
        good = cells_form_terms(x, t->n, k, &x->t->form[t->form[k]], turned ? -1 : 1, &off);
        if (off > radius[k]) radius[k] = off;
    }
    for (size_t k = 0; good && k < n; k++) to[k] = turned ? -x->g[k] : x->g[k];
    return good;
}

/* Of the part's sequences at most *most, at least *least have one of the named forms not positive. */
static bool count(struct leaf *x, const struct named *t, struct cell *c, wide *least, wide *most) {
    struct sums sums = {0};
    uint32_t *all = mem_get(t->n, sizeof *all);
    for (size_t k = 0; k < t->n; k++) all[k] = (uint32_t)k;
    bool good = cell_narrow(c, all, (uint32_t)t->n) && cell_units(c);
    *least = *most = 0;
    for (size_t k = 0; good && k < t->n; k++) {
        wide over, under;
        good = sums_over(&over, &sums, c, k, t->bins[k]) && sums_under(&under, &sums, c, k, t->bins[k]);
        if (!good) break;
        *most = capped(*most, over, c->count[ROOT]);
        if (under > *least) *least = under;
    }
    sums_clear(&sums);
    mem_free(all);
    if (*least > *most) *least = *most;
    return good ? true : cells_refuse_leaf(x, "tables that are too large");
}

static bool count_named(struct leaf *x, const struct named *t, wide *least, wide *most) {
    const struct sep *s = x->s;
    const size_t cells = s->at[s->n];
    int64_t *low = mem_get(cells * t->n, sizeof *low), *high = mem_get(cells * t->n, sizeof *high), *radius = mem_get(t->n, sizeof *radius);
    bool good = terms(x, t, false, low, radius) && terms(x, t, true, high, radius);
    struct cell c = {.level = x->level, .n = s->n, .n_src = s->n, .at = s->at, .tokens = s->sets.v, .K = t->n, .g = low, .top = high, .radius = radius};
    if (good) {
        cell_room(&c);
        for (size_t k = 0; k < cells; k++) c.allowed[k] = !x->off[k];
        good = count(x, t, &c, least, most);
        cell_release(&c);
    }
    mem_free(low);
    mem_free(high);
    mem_free(radius);
    return good;
}

bool cells_tables(struct leaf *x, const char *at, const char *end, const bool *shown, bool (*words)(struct leaf *, const char *, const char *, bool *)) {
    static const char here[] = "tables ";
    const struct truth *t = x->t;
    const char *tables = at;
    wide least = 0, most = 0, all;
    while (tables + sizeof here - 1 <= end && memcmp(tables, here, sizeof here - 1) != 0) tables++;
    if (tables + sizeof here - 1 > end || (tables != at && tables[-1] != ' ')) return cells_refuse_leaf(x, "'tables' expected");
    struct named named = {0, mem_get(t->n, sizeof *named.form), mem_get(t->n, sizeof *named.bins)};
    bool *mine = mem_get(t->n, sizeof *mine), *twice = mem_get(t->n, sizeof *twice);
    memcpy(mine, shown, t->n * sizeof *mine);
    bool good = named_read(x, &named, tables + sizeof here - 1, end, mine, twice) && words(x, at, tables == at ? at : tables - 1, mine);
    for (size_t k = 0; good && k < t->n; k++)
        if (!mine[k]) good = cells_refuse_leaf(x, "a form that is not shown has no table");
    good = good && (named.n == 0 || count_named(x, &named, &least, &most));
    if (good) {
        all = cells_sequences(x);
        *x->yes += t->negated ? least : all - most;
        *x->open += most - least;
        if ((t->negated ? all - most : least) > 0) *x->no = true;
    }
    mem_free(named.form);
    mem_free(named.bins);
    mem_free(mine);
    mem_free(twice);
    return good;
}
