/* Averages that are counts: of `if P then a else b`. */
#include "verify/average.h"

bool average_counts(const struct statement *s)
{
    const struct expr *e = s->subject;
    return s->body == BODY_AVERAGE && e->form == FORM_IF && expr_depends_on_network(e->args[0]) && e->args[1]->form == FORM_NUMBER && e->args[2]->form == FORM_NUMBER;
}

void average_step(mpq_t out, const struct statement *s)
{
    mpq_sub(out, s->subject->args[1]->number, s->subject->args[2]->number);
    mpq_abs(out, out);
}

/* b + (a - b) number / total */
static void value_at(mpq_t out, const struct statement *s, const mpz_t number, const mpz_t total)
{
    mpq_t step;
    mpq_init(step);
    mpq_sub(step, s->subject->args[1]->number, s->subject->args[2]->number);
    mpz_set(mpq_numref(out), number);
    mpz_set(mpq_denref(out), total);
    mpq_canonicalize(out);
    mpq_mul(out, out, step);
    mpq_add(out, out, s->subject->args[2]->number);
    mpq_clear(step);
}

void average_of_count(struct outcome *out, const struct statement *s)
{
    if (mpz_sgn(out->total_lo) <= 0)
        return;
    value_at(out->lo, s, out->number_lo, out->total_lo);
    value_at(out->hi, s, out->number_hi, out->total_lo);
    if (mpq_cmp(out->lo, out->hi) > 0)
        mpq_swap(out->lo, out->hi);
    out->has_value = true;
}
