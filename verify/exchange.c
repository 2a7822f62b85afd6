/* exchange.c: see exchange.h: groups, and what is made of them. */
#include "verify/exchange.h"
#include <stdlib.h>
#include <string.h>
#include "core/mem.h"
#include "core/text.h"
#include "verify/arena.h"

static int by_value(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return x < y ? -1 : x > y;
}

static bool begin_position(struct grouped *g, const long *set, size_t n)
{
    g->v = mem_array(n, sizeof *g->v);
    g->group = mem_array(n, sizeof *g->group);
    if (!g->v || !g->group) return false;
    memcpy(g->v, set, n * sizeof *set);
    qsort(g->v, n, sizeof *g->v, by_value);
    g->n = n;
    g->groups = n > 0;
    return true;
}

bool exchange_begin(struct exchange *x, const struct statement *s, int slot, size_t len, long *const *sets, const size_t *sizes, size_t n_sets)
{
    *x = (struct exchange){.s = s, .slot = slot, .len = len};
    x->at = mem_array(len, sizeof *x->at);
    x->equal = mem_array(len, sizeof *x->equal);
    bool good = x->at && x->equal;
    for (size_t i = 0; good && i < len; i++) good = begin_position(&x->at[i], sets[n_sets == 1 ? 0 : i], sizes[n_sets == 1 ? 0 : i]);
    if (good) x->status = interp_new(&x->in, s, 0);
    else x->status = STATUS_MEMORY;
    return x->status == STATUS_OK;
}

void exchange_clear(struct exchange *x)
{
    for (size_t i = 0; x->at && i < x->len; i++) {
        free(x->at[i].v);
        free(x->at[i].group);
    }
    for (size_t i = 0; i < x->n_vars; i++) free(x->vars[i].v);
    free(x->at);
    free(x->equal);
    interp_free(x->in);
    *x = (struct exchange){0};
}

bool exchange_parted(const struct exchange *x, size_t at)
{
    return x->at[at].groups == x->at[at].n;
}

struct pair { size_t group, key, i; };

static int by_group_and_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

bool exchange_part(struct exchange *x, size_t at, const size_t *keys)
{
    struct grouped *g = &x->at[at];
    struct pair *pairs = mem_array(g->n, sizeof *pairs);
    if (!pairs) return x->status = STATUS_MEMORY, false;
    for (size_t i = 0; i < g->n; i++) pairs[i] = (struct pair){g->group[i], keys[i], i};
    qsort(pairs, g->n, sizeof *pairs, by_group_and_key);
    g->groups = 0;
    for (size_t i = 0; i < g->n; i++) {
        bool new = i == 0 || pairs[i].group != pairs[i - 1].group || pairs[i].key != pairs[i - 1].key;
        g->groups += new;
        g->group[pairs[i].i] = g->groups - 1;
    }
    free(pairs);
    return true;
}

void exchange_part_all(struct exchange *x, size_t first, size_t last)
{
    for (size_t i = first; i <= last; i++) {
        struct grouped *g = &x->at[i];
        for (size_t k = 0; k < g->n; k++) g->group[k] = k;
        g->groups = g->n;
    }
}

bool exchange_join(struct exchange *x, const size_t *at, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (!exchange_part(x, at[0], x->at[at[i]].group)) return false;
    for (size_t i = 1; i < n; i++)
        if (!exchange_part(x, at[i], x->at[at[0]].group)) return false;
    return true;
}

/* Numbers of tokens in the groups of a position; the caller's. */
static size_t *group_sizes(const struct grouped *g)
{
    size_t *n = mem_array(g->groups, sizeof *n);
    for (size_t i = 0; n && i < g->n; i++) n[g->group[i]]++;
    return n;
}

bool exchange_result(struct exchanged *out, const struct exchange *x)
{
    size_t room = 0, n = 0;
    *out = (struct exchanged){.len = x->len};
    for (size_t i = 0; i < x->len; i++) room += x->at[i].groups;
    out->first = mem_array(x->len + 1, sizeof *out->first);
    out->classes = mem_array(room, sizeof *out->classes);
    if (!out->first || !out->classes) return false;
    for (size_t i = 0; i < x->len; i++) {
        const struct grouped *g = &x->at[i];
        size_t *size = group_sizes(g);
        if (!size) return false;
        for (size_t k = 0; k < g->n; k++) {
            if (size[g->group[k]] < 2) continue;
            out->classes[n++] = (struct token_class){g->v[k], size[g->group[k]]};
            size[g->group[k]] = 0;
        }
        out->first[i + 1] = n;
        free(size);
    }
    return true;
}

void exchanged_clear(struct exchanged *e)
{
    free(e->classes);
    free(e->first);
    *e = (struct exchanged){0};
}

uint64_t exchanged_weight(const struct exchanged *e, const int *t)
{
    uint64_t ways = 1;
    for (size_t i = 0; e->classes && i < e->len; i++)
        for (size_t k = e->first[i]; k < e->first[i + 1]; k++)
            if (e->classes[k].least == t[i]) ways *= e->classes[k].n;
    return ways;
}

static bool same_groups(const struct grouped *a, const struct grouped *b)
{
    return a->n == b->n && a->groups == b->groups && memcmp(a->v, b->v, a->n * sizeof *a->v) == 0 && memcmp(a->group, b->group, a->n * sizeof *a->group) == 0;
}

/* One line for each group of position i of two tokens or more, with the positions that have the same groups. */
static bool add_lines(struct text *out, const struct exchange *x, size_t i)
{
    const struct grouped *g = &x->at[i];
    size_t *size = group_sizes(g);
    if (!size) return false;
    for (size_t k = 0; k < g->n; k++) {
        size_t group = g->group[k];
        if (size[group] < 2) continue;
        size[group] = 0;
        text_addf(out, "exchangeable %zu", i);
        for (size_t j = i + 1; j < x->len; j++)
            if (same_groups(g, &x->at[j])) text_addf(out, ",%zu", j);
        for (size_t j = k; j < g->n; j++)
            if (g->group[j] == group) text_addf(out, "%c%ld", j == k ? ' ' : ',', g->v[j]);
        text_add(out, "\n");
    }
    free(size);
    return true;
}

bool exchange_lines(struct text *out, const struct exchange *x)
{
    for (size_t i = 0; i < x->len; i++) {
        bool met = false;
        for (size_t j = 0; j < i; j++) met = met || same_groups(&x->at[j], &x->at[i]);
        if (!met && !add_lines(out, x, i)) return false;
    }
    return !out->failed;
}

struct expr *exchange_set(struct arena *a, const struct exchange *x, size_t at)
{
    const struct grouped *g = &x->at[at];
    bool *met = mem_array(g->groups, sizeof *met), good = met != NULL;
    struct expr *set = met ? expr_new(a, FORM_LIST, (struct place){0}) : NULL;
    for (size_t i = 0; good && set && i < g->n; i++) {
        if (met[g->group[i]]) continue;
        met[g->group[i]] = true;
        struct expr *v = expr_integer(a, (struct place){0}, g->v[i]);
        if (v) v->type.base = BASE_INT, v->id = SIZE_MAX;
        good = v && expr_add_arg(a, set, v);
    }
    free(met);
    return good ? set : NULL;
}
