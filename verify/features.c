#include "verify/features_parts.h"

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

/* ---- comprehensions over network values ---- */

bool features_read_opened(const struct features *f, const struct expr *e)
{
    for (const struct opened *o = f->opened; o; o = o->outer)
        for (size_t i = 0; i < o->binds->n; i++)
            if (expr_uses_slot(e, o->binds->items[i].slot))
                return true;
    return false;
}

enum status features_refuse_opened(struct features *f) { return features_refuse(f->why, "what is asked of the tokens depends on the variable of a comprehension over network values"); }
