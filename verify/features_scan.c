#include "verify/features_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "verify/residual_read.h"

static enum status refuse(struct features *f, const char *reason) { return features_refuse(f->why, reason); }

static struct feature *feature_new(struct features *f, enum scan scan)
{
    struct feature *items = mem_grow(f->items, &f->room, f->n + 1, sizeof *items);
    if (!items)
        return NULL;
    f->items = items;
    struct feature *x = &items[f->n];
    *x = (struct feature){ .scan = scan };
    size_t cells = f->first[f->t->n];
    x->value = mem_array(cells, sizeof *x->value);
    x->in = mem_array(cells, sizeof *x->in);
    if (!x->value || !x->in) {
        free(x->value);
        free(x->in);
        return NULL;
    }
    f->n++;
    return x;
}

/* Drops the last feature when an earlier one is the same. */
static void feature_settle(struct features *f, unsigned use)
{
    struct feature *x = &f->items[f->n - 1];
    size_t cells = f->first[f->t->n];
    x->uses = use;
    for (size_t i = 0; i + 1 < f->n; i++) {
        struct feature *y = &f->items[i];
        if (!y->guard && x->scan == y->scan && x->rank == y->rank && x->term == y->term && memcmp(x->value, y->value, cells * sizeof *x->value) == 0 && memcmp(x->in, y->in, cells) == 0) {
            y->uses |= use;
            free(x->value);
            free(x->in);
            f->n--;
            return;
        }
    }
}

enum status features_add_token(struct features *f, size_t at, unsigned use)
{
    struct feature *x = feature_new(f, SCAN_MAX);
    if (!x)
        return STATUS_MEMORY;
    for (size_t k = 0; k < f->t->n_set[at]; k++) {
        x->value[f->first[at] + k] = f->t->sets[at][k];
        x->in[f->first[at] + k] = 1;
    }
    feature_settle(f, use);
    return STATUS_OK;
}

enum status features_add_whole(struct features *f, enum scan scan, unsigned rank, const long *wanted, unsigned use)
{
    struct feature *x = feature_new(f, scan);
    if (!x)
        return STATUS_MEMORY;
    x->rank = rank;
    for (size_t i = 0; i < f->t->n; i++)
        for (size_t k = 0; k < f->t->n_set[i]; k++) {
            long a = f->t->sets[i][k];
            x->value[f->first[i] + k] = wanted ? a == *wanted : a;
            x->in[f->first[i] + k] = 1;
        }
    feature_settle(f, use);
    return STATUS_OK;
}

static bool only_own_token(const struct expr *e, int t_slot, int own)
{
    if (e->form == FORM_INDEX && expr_is_slot(e->args[0], t_slot))
        return e->n_args == 2 && expr_is_slot(e->args[1], own);
    if (expr_is_slot(e, t_slot))
        return false;
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)); i++)
        if (!only_own_token(child, t_slot, own))
            return false;
    return true;
}

static const struct { enum quant quant; enum scan scan; bool truth; } scan_of_quant[] = {
    { QUANT_MAX, SCAN_MAX, false }, { QUANT_MIN, SCAN_MIN, false }, { QUANT_SUM, SCAN_SUM, false },
    { QUANT_COUNT, SCAN_SUM, true }, { QUANT_ANY, SCAN_ANY, true }, { QUANT_EXISTS, SCAN_ANY, true }, { QUANT_ALL, SCAN_ALL, true },
};

struct scan_fill { struct features *f; const struct expr *e; struct feature *x; bool truth; };

static enum status fill_cell(struct scan_fill *c, const int *tokens, size_t cell)
{
    struct features *f = c->f;
    sequence_bind(f->t, f->in, tokens);
    bool in = true, holds = false;
    enum status s = c->e->where ? features_truth(&in, f, c->e->where) : STATUS_OK;
    if (s != STATUS_OK || !in)
        return s;
    if (!c->truth)
        s = features_int(&c->x->value[cell], f, c->e->args[0]);
    else {
        s = features_truth(&holds, f, c->e->args[0]);
        c->x->value[cell] = holds;
    }
    c->x->in[cell] = 1;
    return s;
}

/* One instance of the binder: the scan reads position i under every token it may hold. */
static enum status fill_instance(void *context)
{
    struct scan_fill *c = context;
    struct features *f = c->f;
    const struct sequence *t = f->t;
    long i = f->last_bound;
    int *tokens = mem_array(t->n, sizeof *tokens);
    if (!tokens)
        return STATUS_MEMORY;
    for (size_t p = 0; p < t->n; p++)
        tokens[p] = t->n_set[p] ? t->sets[p][0] : 0;
    enum status s = STATUS_OK;
    if (i < 0 || (size_t)i >= t->n)
        s = refuse(f, "a comprehension leaves the sequence");
    for (size_t k = 0; s == STATUS_OK && k < t->n_set[i]; k++) {
        tokens[i] = t->sets[i][k];
        size_t cell = f->first[i] + k;
        if (c->x->in[cell])
            s = refuse(f, "a comprehension visits a position twice");
        else
            s = fill_cell(c, tokens, cell);
    }
    free(tokens);
    return s;
}

enum status features_add_comprehension(struct features *f, const struct expr *e, unsigned use)
{
    size_t n = sizeof scan_of_quant / sizeof *scan_of_quant, i = 0;
    while (i < n && scan_of_quant[i].quant != e->quant)
        i++;
    if (features_read_opened(f, e))
        return features_refuse_opened(f);
    if (i == n || e->binds.n != 1 || expr_uses_slot(e->binds.items[0].set, f->t->slot))
        return refuse(f, "a comprehension over tokens is no single scan");
    int own = e->binds.items[0].slot;
    if (!only_own_token(e->args[0], f->t->slot, own) || (e->where && !only_own_token(e->where, f->t->slot, own)))
        return refuse(f, "a comprehension over tokens compares tokens with each other");
    struct feature *x = feature_new(f, scan_of_quant[i].scan);
    if (!x)
        return STATUS_MEMORY;
    struct scan_fill c = { f, e, x, scan_of_quant[i].truth };
    enum status s = features_each(f, &e->binds, 0, fill_instance, &c);
    feature_settle(f, use);
    return s;
}

void features_drop(struct features *f, size_t n)
{
    while (f->n > n) {
        f->n--;
        free(f->items[f->n].value);
        free(f->items[f->n].in);
    }
}

enum status features_add_residual(struct features *f, const struct expr *e, unsigned use)
{
    int term;
    enum status s = residual_read(&term, f, e);
    if (s != STATUS_OK)
        return s;
    struct feature *x = feature_new(f, SCAN_RESIDUAL);
    if (!x)
        return STATUS_MEMORY;
    x->term = term;
    feature_settle(f, use);
    return STATUS_OK;
}

enum status features_guard(struct features *f, const struct expr *image, const struct expr *where)
{
    int guard = rest_const(&f->terms, 1), term;
    enum status s = image ? residual_image(&guard, f, image) : STATUS_OK;
    if (s == STATUS_UNSUPPORTED)
        return refuse(f, "the condition of an image set is not followed");
    f->guards_where = s == STATUS_OK && where && residual_read(&term, f, where) == STATUS_OK;
    if (f->guards_where)
        guard = rest_then(&f->terms, true, guard, term);
    if (s != STATUS_OK || (!image && !f->guards_where))
        return s;
    struct feature *x = guard == REST_NONE ? NULL : feature_new(f, SCAN_RESIDUAL);
    if (!x)
        return f->terms.failed == STATUS_LIMIT ? refuse(f, "the condition distinguishes too many cases") : STATUS_MEMORY;
    x->term = guard;
    x->guard = true;
    x->uses = USE_CONDITION;
    return STATUS_OK;
}
