/* symmetry.c: see symmetry.h: the domain, the search for the positions, how many orders there are. */
#include "verify/symmetry.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/text.h"
#include "verify/types.h"

void symmetry_clear(struct symmetry *y)
{
    free(y->at);
    free(y->lines);
    exchanged_clear(&y->tokens);
    arena_clear(&y->arena);
    *y = (struct symmetry){0};
}

bool symmetry_is_none(const struct symmetry *y)
{
    return y->n == 0 && !y->binds;
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
    return (uint64_t)ways * exchanged_weight(&y->tokens, t);
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
        if (!symmetric_set(&v, &n, &w->status, set)) return false;
        free(v);
        x->others = product(x->others, n);
    }
    if (!x->tokens) return false;
    bool power = x->tokens->form == FORM_TOKENS_POWER;
    long len = (long)x->tokens->n_args;
    if ((power && !constant_integer(&len, x->tokens->args[0], -1)) || len < 1 || len > 1L << 16) return false;
    w->len = (size_t)len;
    x->n_sets = power ? 1 : w->len;
    x->v = mem_array(x->n_sets, sizeof *x->v);
    x->n = mem_array(x->n_sets, sizeof *x->n);
    if (!x->v || !x->n) return w->status = STATUS_MEMORY, false;
    for (size_t i = 0; i < x->n_sets; i++)
        if (!symmetric_set(&x->v[i], &x->n[i], &w->status, x->tokens->args[power ? 1 : i])) return false;
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

/* Numbers of bindings and of those that are evaluated: with k positions of m tokens, m (m + 1) ... (m + k - 1) / k! ways without their order. tokens: their groups, or NULL. */
static void measure(struct symmetry *y, const struct sets *x, const struct exchange *tokens, size_t len)
{
    size_t k = 0;
    unsigned __int128 ways = 1;
    const unsigned __int128 most = (unsigned __int128)1 << (SYMMETRY_MAX_BITS + 1);
    y->domain = x->others;
    uint64_t rest = x->others;
    for (size_t i = 0, at = 0; i < len; i++) {
        size_t n = x->n[set_of(x, i)], m = tokens ? tokens->at[i].groups : n;
        bool in_s = at < y->n && y->at[at] == i;
        at += in_s;
        y->domain = product(y->domain, n);
        if (!in_s) rest = product(rest, m);
        else if (ways < most) k++, ways = ways * (m + k - 1) / k;
    }
    y->orbits = product(rest, ways < most ? (uint64_t)ways : (uint64_t)1 << (SYMMETRY_MAX_BITS + 1));
}

static enum status keep(struct symmetry *y, const struct symmetric *w)
{
    y->at = mem_array(count_of(w), sizeof *y->at);
    if (!y->at) return STATUS_MEMORY;
    for (size_t i = 0; i < w->len; i++)
        if (w->in_s[i]) y->at[y->n++] = i;
    return STATUS_OK;
}

/* The binders with those tokens of the sequence that are evaluated. */
static struct binds *fewer_tokens(struct symmetry *y, const struct binds *binds, const struct exchange *x)
{
    struct arena *a = &y->arena;
    struct binds *out = arena_array(a, 1, sizeof *out);
    struct bind *items = arena_array(a, binds->n, sizeof *items);
    struct expr *set = expr_new(a, FORM_TOKENS_PRODUCT, (struct place){0});
    for (size_t i = 0; set && i < x->len; i++)
        if (!expr_add_arg(a, set, exchange_set(a, x, i))) return NULL;
    if (!out || !items || !set) return NULL;
    for (size_t i = 0; i < binds->n; i++) {
        items[i] = binds->items[i];
        if (items[i].slot == y->slot) items[i].set = set;
    }
    *out = (struct binds){items, binds->n};
    return out;
}

static enum status keep_tokens(struct symmetry *y, const struct binds *binds, const struct exchange *x)
{
    struct text t;
    text_init(&t);
    bool good = exchange_result(&y->tokens, x) && exchange_lines(&t, x);
    if (good) y->lines = mem_string(t.data);
    y->binds = good && y->lines ? fewer_tokens(y, binds, x) : NULL;
    text_clear(&t);
    return y->binds ? STATUS_OK : STATUS_MEMORY;
}

/* Classes of tokens: what the networks and the claim leave together. They are worth it where a tenth of the work is saved. */
static enum status find_tokens(struct symmetry *y, const struct symmetric *w, const struct sets *sets, const struct binds *binds, const struct expr *where, const struct expr *subject)
{
    struct exchange x;
    bool reads = false, good = exchange_begin(&x, w->s, w->slot, w->len, sets->v, sets->n, sets->n_sets);
    for (size_t i = 0; good && i < binds->n; i++) good = binds->items[i].slot == w->slot || exchange_add_var(&x, &binds->items[i]);
    good = good && (!where || exchange_nets(&x, &reads, where)) && exchange_nets(&x, &reads, subject) && reads;
    bool parted = true;
    for (size_t i = 0; good && i < x.len; i++) parted = parted && exchange_parted(&x, i);
    good = good && !parted && (!where || exchange_expr(&x, where)) && exchange_expr(&x, subject) && exchange_join(&x, y->at, y->n);
    enum status s = x.status;
    uint64_t before = y->orbits;
    if (good) measure(y, sets, &x, w->len);
    if (good && y->orbits < before && y->orbits <= before - before / 10) s = keep_tokens(y, binds, &x);
    else measure(y, sets, NULL, w->len);
    exchange_clear(&x);
    return s;
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
    arena_init(&out->arena);
    if (s->body == BODY_LIST || !read_sets(&x, &w, binds)) {
        sets_clear(&x);
        return w.status;
    }
    w.in_s = mem_array(w.len, sizeof *w.in_s);
    w.status = w.in_s ? interp_new(&w.in, s, 0) : STATUS_MEMORY;
    out->slot = w.slot;
    measure(out, &x, NULL, w.len);
    bool fits = out->domain > 0 && out->domain >> SYMMETRY_MAX_BITS == 0;
    if (w.status == STATUS_OK && fits) {
        begin(&w, &x);
        if (search(&w, where, subject)) w.status = keep(out, &w);
        measure(out, &x, NULL, w.len);
    }
    if (w.status == STATUS_OK && fits) w.status = find_tokens(out, &w, &x, binds, where, subject);
    interp_free(w.in);
    free(w.in_s);
    sets_clear(&x);
    return w.status;
}
