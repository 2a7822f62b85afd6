/* symmetry.c: see symmetry.h: the domain, the search for the positions, how many orders there are. */
#include "verify/symmetry.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "verify/types.h"

void symmetry_clear(struct symmetry *y)
{
    free(y->at);
    *y = (struct symmetry){0};
}

uint64_t symmetry_weight(const struct symmetry *y, const int *t)
{
    unsigned __int128 ways = 1;
    size_t same = 1;
    for (size_t i = 1; i < y->n; i++) {
        if (t[y->at[i]] < t[y->at[i - 1]]) return 0;
        same = t[y->at[i]] == t[y->at[i - 1]] ? same + 1 : 1;
        ways = ways * (i + 1) / same;
    }
    return (uint64_t)ways;
}

/* The token sets of the sequence, one or one a position, and how many bindings the other variables have. */
struct sets { const struct expr *tokens; long **v; size_t *n; size_t n_sets; uint64_t others; };

static void sets_clear(struct sets *x)
{
    for (size_t i = 0; x->v && i < x->n_sets; i++) free(x->v[i]);
    free(x->v);
    free(x->n);
}

static size_t set_of(const struct sets *x, size_t i) { return x->n_sets == 1 ? 0 : i; }

static uint64_t product(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return p >> (SYMMETRY_MAX_BITS + 1) ? (uint64_t)1 << (SYMMETRY_MAX_BITS + 1) : (uint64_t)p;
}

static bool read_sets(struct sets *x, struct symmetric *w, const struct binds *binds)
{
    long *v;
    size_t n;
    x->others = 1;
    for (size_t i = 0; i < binds->n; i++) {
        const struct expr *set = binds->items[i].set;
        if (set->form == FORM_TOKENS_POWER || set->form == FORM_TOKENS_PRODUCT) {
            if (x->tokens) return false;
            x->tokens = set;
            w->slot = binds->items[i].slot;
            continue;
        }
        if (!symmetric_set(&v, &n, w, set)) return false;
        free(v);
        x->others = product(x->others, n);
    }
    if (!x->tokens) return false;
    bool power = x->tokens->form == FORM_TOKENS_POWER;
    long len = (long)x->tokens->n_args;
    if ((power && !constant_integer(&len, x->tokens->args[0], -1)) || len < 2 || len > 1L << 16) return false;
    w->len = (size_t)len;
    x->n_sets = power ? 1 : w->len;
    x->v = mem_array(x->n_sets, sizeof *x->v);
    x->n = mem_array(x->n_sets, sizeof *x->n);
    if (!x->v || !x->n) return w->status = STATUS_MEMORY, false;
    for (size_t i = 0; i < x->n_sets; i++)
        if (!symmetric_set(&x->v[i], &x->n[i], w, x->tokens->args[power ? 1 : i])) return false;
    return true;
}

static bool holds(const struct sets *x, size_t set, long v)
{
    for (size_t i = 0; i < x->n[set]; i++)
        if (x->v[set][i] == v) return true;
    return false;
}

static bool equal_sets(const struct sets *x, size_t a, size_t b)
{
    if (a == b) return true;
    if (x->n[a] != x->n[b]) return false;
    for (size_t i = 0; i < x->n[a]; i++)
        if (!holds(x, b, x->v[a][i])) return false;
    return true;
}

/* The most positions with one token set. */
static void begin(struct symmetric *w, const struct sets *x)
{
    size_t best = 0, most = 0;
    for (size_t i = 0; i < x->n_sets; i++) {
        size_t n = 0;
        for (size_t k = i; k < x->n_sets; k++) n += equal_sets(x, i, k);
        if (n > most) most = n, best = i;
    }
    for (size_t i = 0; i < w->len; i++) w->in_s[i] = equal_sets(x, set_of(x, best), set_of(x, i));
}

static size_t count_of(const struct symmetric *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->len; i++) n += w->in_s[i];
    return n;
}

/* Numbers of bindings and of those that are evaluated: with k positions of m tokens, m (m + 1) ... (m + k - 1) / k! ways without their order. */
static void measure(struct symmetry *y, const struct symmetric *w, const struct sets *x)
{
    size_t k = 0;
    unsigned __int128 ways = 1;
    const unsigned __int128 most = (unsigned __int128)1 << (SYMMETRY_MAX_BITS + 1);
    y->domain = x->others;
    uint64_t rest = x->others;
    for (size_t i = 0; i < w->len; i++) {
        size_t m = x->n[set_of(x, i)];
        y->domain = product(y->domain, m);
        if (!w->in_s[i]) rest = product(rest, m);
        else if (ways < most) k++, ways = ways * (m + k - 1) / k;
    }
    y->orbits = product(rest, ways < most ? (uint64_t)ways : (uint64_t)1 << (SYMMETRY_MAX_BITS + 1));
}

static enum status keep(struct symmetry *y, const struct symmetric *w, const struct sets *x)
{
    measure(y, w, x);
    if (y->domain >> SYMMETRY_MAX_BITS || y->domain == 0) return STATUS_OK;
    y->at = mem_array(count_of(w), sizeof *y->at);
    if (!y->at) return STATUS_MEMORY;
    y->slot = w->slot;
    for (size_t i = 0; i < w->len; i++)
        if (w->in_s[i]) y->at[y->n++] = i;
    return STATUS_OK;
}

/* Each round takes a position away from S, or ends. */
static bool search(struct symmetric *w, const struct expr *where, const struct expr *subject)
{
    for (;;) {
        w->again = false;
        w->n = 0;
        if (count_of(w) < 2 || w->status != STATUS_OK) return false;
        if (symmetric_expr(w, where) && symmetric_expr(w, subject)) return true;
        if (!w->again) return false;
    }
}

enum status symmetry_find(struct symmetry *out, const struct statement *s, const struct binds *binds, const struct expr *where, const struct expr *subject)
{
    struct symmetric w = {.s = s};
    struct sets x = {0};
    *out = (struct symmetry){0};
    if (s->body == BODY_LIST || !read_sets(&x, &w, binds)) {
        sets_clear(&x);
        return w.status;
    }
    w.in_s = mem_array(w.len, sizeof *w.in_s);
    w.status = w.in_s ? interp_new(&w.in, s, 0) : STATUS_MEMORY;
    if (w.status == STATUS_OK) {
        begin(&w, &x);
        if (search(&w, where, subject)) w.status = keep(out, &w, &x);
    }
    interp_free(w.in);
    free(w.in_s);
    sets_clear(&x);
    return w.status;
}
