/* Comprehensions over many sequences inside an expression: refused before anything is evaluated, as one value of them may take hours. */
#include "verify/inner.h"
#include <math.h>

#define INNER_BITS 22

/* log2 of the number of values of a set of integers that is written with constants; 0 where that is not known. */
static double set_bits(const struct expr *set)
{
    double bits = 0;
    if (set->form == FORM_LIST) return set->n_args > 0 ? log2((double)set->n_args) : 0;
    if (set->form != FORM_RANGE) return 0;
    mpq_t from, to;
    mpq_inits(from, to, NULL);
    if (expr_constant(from, set->args[0], -1) && expr_constant(to, set->args[1], -1)) {
        mpq_sub(to, to, from);
        bits = mpq_sgn(to) > 0 ? log2(mpq_get_d(to) + 1) : 0;
    }
    mpq_clears(from, to, NULL);
    return bits;
}

static double sequence_bits(const struct expr *set)
{
    double bits = 0;
    mpq_t n;
    if (set->form == FORM_TOKENS_PRODUCT)
        for (size_t i = 0; i < set->n_args; i++) bits += set_bits(set->args[i]);
    if (set->form != FORM_TOKENS_POWER) return bits;
    mpq_init(n);
    if (expr_constant(n, set->args[0], -1)) bits = mpq_get_d(n) * set_bits(set->args[1]);
    mpq_clear(n);
    return bits;
}

static bool fits(const struct expr *e, void *context)
{
    struct text *why = context;
    double bits = 0;
    bool folds = e->form == FORM_QUANT && (e->quant == QUANT_SUM || e->quant == QUANT_MEAN || e->quant == QUANT_MAX || e->quant == QUANT_MIN || e->quant == QUANT_COUNT);
    if (!folds || !expr_depends_on_network(e->args[0])) return true;
    for (size_t i = 0; i < e->binds.n; i++) bits += sequence_bits(e->binds.items[i].set);
    if (bits <= INNER_BITS) return true;
    text_addf(why, "a comprehension over about 2^%.0f sequences stands inside the claim's expression and would be evaluated for every binding: "
              "a claim of its own, `average t in ... : ...` (or count, minimize, maximize), encloses it, with `foreach` in front for several of them", bits);
    return false;
}

bool inner_fits(const struct statement *s, struct text *why)
{
    return expr_walk(s->subject, fits, why) && (!s->where || expr_walk(s->where, fits, why)) && (!s->forall_where || expr_walk(s->forall_where, fits, why));
}
