/* tiers.c: near ties are decided by growing precision, never by a tolerance. */
#include "core/mem.h"
#include "verify/interp_parts.h"

static const slong precisions[] = {0, 128, 256, 512, 1024};
#define TIERS (sizeof precisions / sizeof *precisions)

struct tiers { const struct statement *s; struct interp *at[TIERS]; size_t top; };

enum status tiers_new(struct tiers **out, const struct statement *s)
{
    struct tiers *t = mem_array(1, sizeof *t);
    if (!t) return STATUS_MEMORY;
    t->s = s;
    /* The radius of a float32 enclosure is the spread of the executions: precision does not shrink it. */
    t->top = s->semantics == SEMANTICS_FLOAT32 ? 2 : TIERS;
    enum status status = interp_new(&t->at[0], s, 0);
    if (status == STATUS_OK) *out = t;
    else tiers_free(t);
    return status;
}

void tiers_limit(struct tiers *t, const struct limits *l) { t->at[0]->limits = l; }

void tiers_free(struct tiers *t)
{
    if (!t) return;
    for (size_t i = 0; i < TIERS; i++) interp_free(t->at[i]);
    free(t);
}

struct interp *tiers_fast(struct tiers *t)
{
    return t->at[0];
}

static enum status tier(struct interp **out, struct tiers *t, size_t i)
{
    struct interp *low = t->at[0];
    if (!t->at[i]) {
        enum status s = interp_new(&t->at[i], t->s, precisions[i]);
        if (s != STATUS_OK) return s;
        t->at[i]->limits = low->limits;
    }
    struct interp *in = t->at[i];
    for (size_t k = 0; k < low->n_slots; k++) {
        const struct slot *from = &low->slots[k];
        if (!from->bound) in->slots[k].bound = false;
        else if (from->is_int) interp_bind_int(in, (int)k, from->value.ints[0]);
        else interp_bind_tokens(in, (int)k, from->tokens, from->n);
        if (from->bound && !in->slots[k].bound) return STATUS_MEMORY;
    }
    in->last = low->last;
    *out = in;
    return STATUS_OK;
}

enum status tiers_truth(enum truth *out, struct tiers *t, const struct expr *e, struct diag *d)
{
    enum status s = interp_truth(out, t->at[0], e, d);
    for (size_t i = 1; i < t->top && s == STATUS_OK && *out == TRUTH_UNSETTLED; i++) {
        struct interp *in;
        s = tier(&in, t, i);
        if (s == STATUS_OK) s = interp_truth(out, in, e, d);
    }
    return s;
}

enum status tiers_real(arb_t out, struct tiers *t, const struct expr *e, long bits, struct diag *d)
{
    enum status s = interp_real(out, t->at[0], e, d);
    for (size_t i = 1; i < t->top && s == STATUS_OK && mag_cmp_2exp_si(arb_radref(out), -bits) > 0; i++) {
        struct interp *in;
        s = tier(&in, t, i);
        if (s == STATUS_OK) s = interp_real(out, in, e, d);
    }
    return s;
}
