#include "verify/features_parts.h"

#include <stdlib.h>

#include "core/mem.h"
#include "verify/network_read.h"

static enum status refuse(struct features *f, const char *reason) { return features_refuse(f->why, reason); }

static bool reads_own_token(const struct expr *e, int t_slot, int own)
{
    if (e->form == FORM_INDEX && expr_is_slot(e->args[0], t_slot) && e->n_args == 2 && expr_is_slot(e->args[1], own))
        return true;
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)); i++)
        if (reads_own_token(child, t_slot, own))
            return true;
    return false;
}

static bool reads_attn(const struct expr *e)
{
    if (e->form == FORM_CALL && e->function == FUNCTION_ATTN)
        return true;
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)); i++)
        if (reads_attn(child))
            return true;
    return false;
}

bool sum_over_own_tokens(const struct features *f, const struct expr *e)
{
    return e->form == FORM_QUANT && e->quant == QUANT_SUM && e->binds.n == 1 && reads_attn(e->args[0])
           && reads_own_token(e, f->t->slot, e->binds.items[0].slot);
}

static enum status find(struct features *f, const struct expr *e, unsigned use, int own);

static enum status find_children(struct features *f, const struct expr *e, unsigned use, int own)
{
    const struct expr *child;
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && (child = expr_child(e, i)); i++)
        s = find(f, child, use, own);
    return s;
}

struct find_instance { struct features *f; const struct expr *e; unsigned use; int own; };

static enum status find_instance(void *context)
{
    struct find_instance *c = context;
    enum status s = c->e->where ? find(c->f, c->e->where, c->use, c->own) : STATUS_OK;
    return s == STATUS_OK ? find(c->f, c->e->args[0], c->use, c->own) : s;
}

static enum status find_quant(struct features *f, const struct expr *e, unsigned use, int own)
{
    if (!expr_depends_on_network(e))
        return own >= 0 && reads_own_token(e, f->t->slot, own) ? refuse(f, "a comprehension inside a sum over positions reads the sum's own token")
                                                              : features_add_comprehension(f, e, use);
    if (sum_over_own_tokens(f, e)) {
        if (own >= 0)
            return refuse(f, "sums over positions are nested");
        own = e->binds.items[0].slot;
    }
    struct find_instance c = { f, e, use, own };
    const struct opened here = { &e->binds, f->opened };
    f->opened = &here;
    enum status s = features_each(f, &e->binds, 0, find_instance, &c);
    f->opened = here.outer;
    return s;
}

/* The same rows on all sequences: nothing in it reads t, or a variable that a comprehension binds. */
static bool same_everywhere(const struct features *f, const struct expr *model)
{
    return model_is_plain(model) || (model_is_changed(model) && !expr_uses_slot(model, f->t->slot) && !(f->alias && expr_uses_slot(model, f->alias->slot)) && !features_read_opened(f, model));
}

static enum status find_read(struct features *f, const struct network_read *r, unsigned use, int own)
{
    const struct expr *call = r->call;
    const struct expr *model = call->args[0], *t = call->args[call->n_args - 1];
    bool same = same_everywhere(f, model);
    if (!same || !expr_is_slot(t, f->t->slot))
        return refuse(f, !same ? "the claim is about a network whose activations are changed, and not in the same way on all sequences" : "a network is read on another sequence");
    if (f->model && !expr_equal(f->model, model))
        return refuse(f, "the claim compares two networks");
    f->model = model;
    if (expr_uses_slot(r->row, f->t->slot))
        return refuse(f, "the read-out row depends on the tokens");
    bool opened = features_read_opened(f, r->row);
    for (size_t i = 1; i + 1 < call->n_args; i++)
        opened = opened || features_read_opened(f, call->args[i]);
    if (opened)
        return refuse(f, "the read-out row depends on the variable of a comprehension");
    long row;
    enum status s = features_index(&row, f, r->row, f->t->n);
    if (s != STATUS_OK)
        return s;
    if (row < 0 || (size_t)row >= f->t->n)
        return refuse(f, "the read-out row is outside the sequence");
    if (f->has_row && f->row != (size_t)row)
        return refuse(f, "the network is read at more than one row");
    f->row = (size_t)row;
    f->has_row = true;
    if (call->function == FUNCTION_ATTN) {
        f->attn = true;
        for (size_t i = 1; i <= 2; i++) {
            s = features_index(&row, f, call->args[i], 1);
            if (s != STATUS_OK)
                return s;
            if (row != 0)
                return refuse(f, "the network has one layer and one head");
        }
    }
    return r->column ? find(f, r->column, use, own) : STATUS_OK;
}

static enum status find_call(struct features *f, const struct expr *e, unsigned use, int own)
{
    static const struct { enum function function; enum scan scan; } whole[] = {
        { FUNCTION_MAX, SCAN_MAX }, { FUNCTION_MIN, SCAN_MIN }, { FUNCTION_SUM, SCAN_SUM },
        { FUNCTION_ARGMAX, SCAN_ARGMAX }, { FUNCTION_ARGMIN, SCAN_ARGMIN },
    };
    int slot = f->t->slot;
    if (e->function == FUNCTION_LEN && expr_is_slot(e->args[0], slot))
        return STATUS_OK;
    if (e->n_args == 1 && expr_is_slot(e->args[0], slot))
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            if (whole[i].function == e->function)
                return features_add_whole(f, whole[i].scan, 0, NULL, use);
    if (e->function == FUNCTION_CONTAINS && expr_is_slot(e->args[0], slot)) {
        if (expr_uses_slot(e->args[1], slot))
            return refuse(f, "contains() looks for a token that depends on the sequence");
        if (features_read_opened(f, e->args[1]))
            return features_refuse_opened(f);
        long wanted;
        enum status s = features_int(&wanted, f, e->args[1]);
        return s == STATUS_OK ? features_add_whole(f, SCAN_ANY, 0, &wanted, use) : s;
    }
    if (expr_depends_on_network(e) && e->function != FUNCTION_ARGMAX && e->function != FUNCTION_ARGMAXES && e->function != FUNCTION_MAX
        && e->function != FUNCTION_MIN && e->function != FUNCTION_ABS && e->function != FUNCTION_SUM) {
        text_addf(f->why, "%s() of a network value is not linear in the attention", function_table[e->function].name);
        return STATUS_UNSUPPORTED;
    }
    return find_children(f, e, use, own);
}

/* The sequence stands in it as len(t) only. */
static bool only_length(const struct expr *e, int slot)
{
    if (e->form == FORM_CALL && e->function == FUNCTION_LEN && expr_is_slot(e->args[0], slot))
        return true;
    if (expr_is_slot(e, slot))
        return false;
    const struct expr *child;
    for (size_t i = 0; (child = expr_child(e, i)); i++)
        if (!only_length(child, slot))
            return false;
    return true;
}

static bool is_sorted_entry(const struct expr *e, int slot)
{
    return e->form == FORM_INDEX && e->n_args == 2 && e->args[1]->form != FORM_SLICE && e->args[0]->form == FORM_CALL
           && e->args[0]->function == FUNCTION_SORT && expr_is_slot(e->args[0]->args[0], slot);
}

/* sort(t)[c] near one end: the tokens beyond it so far are the state. */
static enum status find_sorted(struct features *f, const struct expr *e, unsigned use)
{
    const struct sequence *t = f->t;
    long at = 0;
    if (features_read_opened(f, e->args[1]))
        return features_refuse_opened(f);
    if (!only_length(e->args[1], t->slot))
        return refuse(f, "the sorted sequence is indexed by something that is no constant");
    int *tokens = mem_array(t->n, sizeof *tokens);   /* any sequence: only its length is read */
    if (!tokens)
        return STATUS_MEMORY;
    for (size_t p = 0; p < t->n; p++)
        tokens[p] = t->n_set[p] ? t->sets[p][0] : 0;
    sequence_bind(t, f->in, tokens);
    enum status s = features_index(&at, f, e->args[1], t->n);
    free(tokens);
    if (s != STATUS_OK)
        return s;
    if (at < 0 || (size_t)at >= t->n)
        return refuse(f, "an index leaves the sequence");
    size_t below = (size_t)at + 1, above = t->n - (size_t)at, rank = above < below ? above : below;
    if (rank > RANK_MOST)
        return refuse(f, "an entry of sort(t) is more than two places from either end");
    return features_add_whole(f, above < below ? SCAN_LARGEST : SCAN_SMALLEST, (unsigned)rank, NULL, use);
}

static enum status find_scans(struct features *f, const struct expr *e, unsigned use, int own)
{
    int slot = f->t->slot;
    if (!expr_uses_slot(e, slot))
        return expr_depends_on_network(e) ? refuse(f, "a network is read on a sequence that is not the binder's") : STATUS_OK;
    struct network_read r;
    if (network_read(&r, e))
        return find_read(f, &r, use, own);
    if (e->form == FORM_NAME)
        return refuse(f, "the sequence is used as a whole");
    if (e->form == FORM_INDEX && expr_is_slot(e->args[0], slot)) {
        if (e->n_args != 2 || e->args[1]->form == FORM_SLICE || expr_uses_slot(e->args[1], slot))
            return refuse(f, "the sequence is indexed by something that is no constant");
        if (own >= 0 && expr_is_slot(e->args[1], own))
            return STATUS_OK;
        if (features_read_opened(f, e->args[1]))
            return features_refuse_opened(f);
        long at;
        enum status s = features_index(&at, f, e->args[1], f->t->n);
        if (s != STATUS_OK)
            return s;
        return at < 0 || (size_t)at >= f->t->n ? refuse(f, "an index leaves the sequence") : features_add_token(f, (size_t)at, use);
    }
    if (is_sorted_entry(e, slot))
        return find_sorted(f, e, use);
    if (e->form == FORM_QUANT)
        return find_quant(f, e, use, own);
    if (e->form == FORM_CALL)
        return find_call(f, e, use, own);
    return find_children(f, e, use, own);
}

static enum status find(struct features *f, const struct expr *e, unsigned use, int own)
{
    size_t n = f->n, said = f->why->size;
    bool whole = f->whole && e->type.rank == 0 && (e->type.base == BASE_INT || e->type.base == BASE_BOOL) && !expr_depends_on_network(e) && expr_uses_slot(e, f->t->slot) && !features_read_opened(f, e);
    enum status s = whole ? STATUS_UNSUPPORTED : find_scans(f, e, use, own);
    if (s != STATUS_UNSUPPORTED || expr_depends_on_network(e) || !expr_uses_slot(e, f->t->slot) || (own >= 0 && reads_own_token(e, f->t->slot, own)) || features_read_opened(f, e))
        return s;
    struct text why = *f->why;       /* the first reason stands if terms do not follow it either */
    text_init(f->why);
    s = features_add_residual(f, e, use);
    if (s == STATUS_UNSUPPORTED) {
        text_clear(f->why);
        *f->why = why;
        return s;
    }
    text_clear(f->why);
    *f->why = why;
    if (said == 0) {
        text_clear(f->why);
        text_init(f->why);
    }
    if (f->n > n + 1) {              /* what the scans had found of it is not needed */
        struct feature last = f->items[--f->n];
        features_drop(f, n);
        f->items[f->n++] = last;
    }
    return s;
}

enum status features_find(struct features *f, const struct expr *e, unsigned use) { return find(f, e, use, -1); }
