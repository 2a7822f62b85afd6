#include "verify/features.h"

#include <limits.h>
#include <string.h>

#include "core/mem.h"
#include "verify/residual_read.h"

#define EXPANSIONS_MAX 65536

enum status features_init(struct features *f, const struct sequence *t, struct interp *in, struct text *why)
{
    memset(f, 0, sizeof *f);
    f->t = t;
    f->in = in;
    f->why = why;
    diag_init(&f->diag);
    residual_init(&f->terms, t->sets, t->n_set, t->n);
    f->first = mem_array(t->n + 1, sizeof *f->first);
    if (!f->first)
        return STATUS_MEMORY;
    for (size_t i = 0; i < t->n; i++)
        f->first[i + 1] = f->first[i] + t->n_set[i];
    return STATUS_OK;
}

void features_clear(struct features *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].value);
        free(f->items[i].in);
    }
    free(f->items);
    residual_clear(&f->terms);
    free(f->first);
    diag_clear(&f->diag);
    memset(f, 0, sizeof *f);
}

enum status features_refuse(struct text *why, const char *reason)
{
    if (why->size == 0)
        text_add(why, reason);
    return STATUS_UNSUPPORTED;
}

static enum status refuse(struct features *f, const char *reason) { return features_refuse(f->why, reason); }

void sequence_bind(const struct sequence *t, struct interp *in, const int *tokens) { interp_bind_tokens(in, t->slot, tokens, t->n); }

bool expr_is_slot(const struct expr *e, int slot) { return e->form == FORM_NAME && e->slot == slot; }

/* An evaluation that fails (index out of range, max of nothing) is no reason to stop the program: another engine says what is wrong. */
static enum status soften(struct features *f, enum status s)
{
    if (s == STATUS_OK || s == STATUS_MEMORY || s == STATUS_INTERNAL)
        return s;
    return refuse(f, "a part of the claim cannot be evaluated on the tokens alone");
}

enum status features_truth(bool *out, struct features *f, const struct expr *e)
{
    enum truth t = TRUTH_UNSETTLED;
    enum status s = soften(f, interp_truth(&t, f->in, e, &f->diag));
    if (s == STATUS_OK && t == TRUTH_UNSETTLED)
        return refuse(f, "a condition on tokens is not decided");
    *out = t == TRUTH_TRUE;
    return s;
}

enum status features_int(long *out, struct features *f, const struct expr *e) { return soften(f, interp_int(out, f->in, e, &f->diag)); }

enum status features_index(long *out, struct features *f, const struct expr *e, size_t size)
{
    mpq_t q;
    mpq_init(q);
    bool good = expr_constant(q, e, (long)size - 1) && mpz_cmp_ui(mpq_denref(q), 1) == 0 && mpz_fits_slong_p(mpq_numref(q));
    *out = good ? mpz_get_si(mpq_numref(q)) : 0;
    mpq_clear(q);
    return good ? STATUS_OK : features_int(out, f, e);
}

/* ---- binders over constants ---- */

static enum status each_value(struct features *f, const struct binds *b, size_t k, bind_visit *visit, void *context, long v)
{
    interp_bind_int(f->in, b->items[k].slot, v);
    f->last_bound = v;
    return features_each(f, b, k + 1, visit, context);
}

enum status features_each(struct features *f, const struct binds *b, size_t k, bind_visit *visit, void *context)
{
    if (k == b->n)
        return visit(context);
    const struct expr *set = b->items[k].set;
    enum status s = STATUS_OK;
    if (set->form == FORM_RANGE) {
        long from, to;
        if ((s = features_int(&from, f, set->args[0])) != STATUS_OK || (s = features_int(&to, f, set->args[1])) != STATUS_OK)
            return s;
        if (to >= from && (unsigned long)to - (unsigned long)from > EXPANSIONS_MAX)
            return refuse(f, "a comprehension ranges over too many values");
        for (long v = from; v <= to && s == STATUS_OK; v++)
            s = each_value(f, b, k, visit, context, v);
        return s;
    }
    if (set->form != FORM_LIST)
        return refuse(f, "a comprehension ranges over a set that is neither a range nor a list");
    for (size_t i = 0; i < set->n_args && s == STATUS_OK; i++) {
        long v;
        s = features_int(&v, f, set->args[i]);
        if (s == STATUS_OK)
            s = each_value(f, b, k, visit, context, v);
    }
    return s;
}

/* ---- adding a feature ---- */

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

/* A feature is one scan for all instances of a comprehension over network values: it does not read their variables (the own token of a sum is no feature). */
static bool reads_opened(const struct features *f, const struct expr *e)
{
    for (const struct opened *o = f->opened; o; o = o->outer)
        for (size_t i = 0; i < o->binds->n; i++)
            if (expr_uses_slot(e, o->binds->items[i].slot))
                return true;
    return false;
}

static enum status refuse_opened(struct features *f) { return refuse(f, "what is asked of the tokens depends on the variable of a comprehension over network values"); }

/* The token at one position: the maximum over that position alone. */
static enum status add_token(struct features *f, size_t at, unsigned use)
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

/* max, min, sum, argmax, argmin of the whole sequence, the largest or smallest of that rank; contains when `wanted` is given. */
static enum status add_whole(struct features *f, enum scan scan, unsigned rank, const long *wanted, unsigned use)
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

static enum status add_comprehension(struct features *f, const struct expr *e, unsigned use)
{
    size_t n = sizeof scan_of_quant / sizeof *scan_of_quant, i = 0;
    while (i < n && scan_of_quant[i].quant != e->quant)
        i++;
    if (reads_opened(f, e))
        return refuse_opened(f);
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

/* ---- finding ---- */

bool network_read(struct network_read *out, const struct expr *e)
{
    *out = (struct network_read){ 0 };
    if (e->form != FORM_INDEX)
        return false;
    const struct expr *base = e->args[0];
    if (base->form == FORM_INDEX && base->n_args == 2 && e->n_args == 2) {
        out->column = e->args[1];
        e = base;
        base = e->args[0];
    } else if (e->n_args == 3)
        out->column = e->args[2];
    out->call = base;
    out->row = e->args[1];
    return base->form == FORM_CALL && (base->function == FUNCTION_LOGITS || base->function == FUNCTION_ATTN) && e->n_args >= 2
           && out->row->form != FORM_SLICE && (!out->column || out->column->form != FORM_SLICE);
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
                                                              : add_comprehension(f, e, use);
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

bool model_is_plain(const struct expr *model)
{
    if (model->form == FORM_NAME)
        return true;
    if (expr_calls(model, FUNCTION_BLEND))
        return model_is_plain(model->args[0]) && model_is_plain(model->args[1]);
    if (!expr_calls(model, FUNCTION_REPLACE))
        return false;
    for (size_t i = 1; i < model->n_args; i++)
        if (expr_is_frozen(model->args[i]) || model->args[i]->form != FORM_ASSIGN || model->args[i]->args[0]->form != FORM_STRING)
            return false;
    return model_is_plain(model->args[0]);
}

static bool until_read(const struct expr *e, void *context)
{
    const struct expr **out = context;
    if (!expr_calls(e, FUNCTION_LOGITS) && !expr_calls(e, FUNCTION_ATTN))
        return true;
    *out = e;
    return false;
}

const struct expr *network_call(const struct expr *e)
{
    const struct expr *out = NULL;
    expr_walk(e, until_read, &out);
    return out;
}

const struct expr *model_read(const struct expr *e)
{
    const struct expr *call = network_call(e);
    return call ? call->args[0] : NULL;
}

static bool is_any(const struct expr *arg) { return arg->form == FORM_ASSIGN && arg->args[1]->form == FORM_KEYWORD && strncmp(arg->args[1]->name, "any", 3) == 0; }

static bool chooses_nothing(const struct expr *e, void *context)
{
    (void)context;
    for (size_t i = 1; expr_calls(e, FUNCTION_ABLATE) && i < e->n_args; i++)
        if (is_any(e->args[i])) return false;
    return true;
}

bool reads_choices(const struct expr *e) { return !expr_walk(e, chooses_nothing, NULL); }

bool model_is_changed(const struct expr *model)
{
    if (!expr_patches(model))
        return false;
    for (size_t i = 1; i < model->n_args; i++)
        if (expr_is_frozen(model->args[i]) || is_any(model->args[i]))
            return false;
    return model_is_plain(model->args[0]) || model_is_changed(model->args[0]);
}

/* The same rows on all sequences: nothing in it reads t, or a variable that a comprehension binds. */
static bool same_everywhere(const struct features *f, const struct expr *model)
{
    return model_is_plain(model) || (model_is_changed(model) && !expr_uses_slot(model, f->t->slot) && !(f->alias && expr_uses_slot(model, f->alias->slot)) && !reads_opened(f, model));
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
    bool opened = reads_opened(f, r->row);
    for (size_t i = 1; i + 1 < call->n_args; i++)
        opened = opened || reads_opened(f, call->args[i]);
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
                return add_whole(f, whole[i].scan, 0, NULL, use);
    if (e->function == FUNCTION_CONTAINS && expr_is_slot(e->args[0], slot)) {
        if (expr_uses_slot(e->args[1], slot))
            return refuse(f, "contains() looks for a token that depends on the sequence");
        if (reads_opened(f, e->args[1]))
            return refuse_opened(f);
        long wanted;
        enum status s = features_int(&wanted, f, e->args[1]);
        return s == STATUS_OK ? add_whole(f, SCAN_ANY, 0, &wanted, use) : s;
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
    if (reads_opened(f, e->args[1]))
        return refuse_opened(f);
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
    return add_whole(f, above < below ? SCAN_LARGEST : SCAN_SMALLEST, (unsigned)rank, NULL, use);
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
        if (reads_opened(f, e->args[1]))
            return refuse_opened(f);
        long at;
        enum status s = features_index(&at, f, e->args[1], f->t->n);
        if (s != STATUS_OK)
            return s;
        return at < 0 || (size_t)at >= f->t->n ? refuse(f, "an index leaves the sequence") : add_token(f, (size_t)at, use);
    }
    if (is_sorted_entry(e, slot))
        return find_sorted(f, e, use);
    if (e->form == FORM_QUANT)
        return find_quant(f, e, use, own);
    if (e->form == FORM_CALL)
        return find_call(f, e, use, own);
    return find_children(f, e, use, own);
}

static void features_drop(struct features *f, size_t n)
{
    while (f->n > n) {
        f->n--;
        free(f->items[f->n].value);
        free(f->items[f->n].in);
    }
}

/* What no single scan computes is followed by what is left of the expression after each token. */
static enum status add_residual(struct features *f, const struct expr *e, unsigned use)
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

static enum status find(struct features *f, const struct expr *e, unsigned use, int own)
{
    size_t n = f->n, said = f->why->size;
    enum status s = find_scans(f, e, use, own);
    if (s != STATUS_UNSUPPORTED || expr_depends_on_network(e) || !expr_uses_slot(e, f->t->slot) || (own >= 0 && reads_own_token(e, f->t->slot, own)) || reads_opened(f, e))
        return s;
    struct text why = *f->why;       /* the first reason stands if terms do not follow it either */
    text_init(f->why);
    s = add_residual(f, e, use);
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

enum status features_find(struct features *f, const struct expr *e, unsigned use) { return find(f, e, use, -1); }
