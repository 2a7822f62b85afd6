/* From what a run of the engines separable, count and cells found to its outcome. */
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/separable_run.h"

void separable_reason(struct outcome *out, const char *reason)
{
    free(out->reason);
    out->reason = mem_string(reason);
}

/* No binding satisfies the condition: only enumeration has a rule for that. */
static void propose_vacuous(struct separable_run *r)
{
    if (r->s->body == BODY_COUNT) {
        r->out->proposal = PROPOSAL_VACUOUS;
        r->out->rule = "separable";
        return;
    }
    separable_reason(r->out, "no sequence satisfies the condition");
    r->out->proposal = PROPOSAL_VACUOUS;
    r->out->rule = "enumerate";
}

static void settle_prove(struct separable_run *r)
{
    struct outcome *out = r->out;
    if (r->shape.exists) {
        if (out->witness.n_parts > 0) {
            out->proposal = PROPOSAL_TRUE;
            out->rule = "point";
        } else if (mpz_sgn(r->open) > 0)
            separable_reason(out, "some sequences are not decided at 1024 bits");
        else if (!r->expired) {
            out->proposal = PROPOSAL_FALSE;
            out->rule = "separable";
        }
        return;
    }
    if (out->counterexample.n_parts > 0) {
        out->proposal = PROPOSAL_FALSE;
        out->rule = "point";
        binding_clear(&out->witness);
    } else if (mpz_sgn(r->open) > 0)
        separable_reason(out, r->cells ? "some cells stay open" : "some sequences are not decided at 1024 bits");
    else if (r->expired)
        separable_reason(out, "time is up");
    else if (mpz_sgn(r->total) == 0)
        propose_vacuous(r);
    else if (out->witness.n_parts == 0)
        separable_reason(out, "no sequence satisfies the antecedent");
    else {
        out->proposal = PROPOSAL_TRUE;
        out->rule = "separable";
        out->has_value = r->has_slack && !r->no_slack;
    }
}

/* The checker enters parts that leave a little less open. */
static void take_rule(struct separable_run *r)
{
    mpz_set_ui(r->out->enter, 0);
    tally_add(r->out->enter, r->rule->enter - r->rule->enter / 16);
    r->out->rule = "count";
    r->out->bins = r->rule->bins;
}

/* A checker's sums are rounded in their own way: an interval that is not exact is widened by an eighth. */
static void widen(struct separable_run *r)
{
    struct outcome *out = r->out;
    mpz_t part;
    mpz_init(part);
    mpz_cdiv_q_2exp(part, r->open, 4);
    mpz_sub(out->number_lo, out->number_lo, part);
    if (mpz_sgn(out->number_lo) < 0)
        mpz_set_ui(out->number_lo, 0);
    mpz_add(out->number_hi, out->number_hi, part);
    if (mpz_cmp(out->number_hi, out->total_hi) > 0)
        mpz_set(out->number_hi, out->total_hi);
    mpz_clear(part);
}

static void settle_count(struct separable_run *r)
{
    struct outcome *out = r->out;
    if (mpz_sgn(r->total) == 0 && !r->expired) {
        propose_vacuous(r);
        return;
    }
    mpz_set(out->number_lo, r->yes);
    mpz_sub(out->number_hi, r->total, r->no);
    mpz_set(out->total_lo, r->total);
    mpz_set(out->total_hi, r->total);
    out->rule = "separable";
    if (r->rule || (r->cells && r->cells->tables))
        widen(r);
    if (r->rule)
        take_rule(r);
    if (r->expired)
        separable_reason(out, "time is up");
    else
        out->proposal = PROPOSAL_INTERVAL;
}

/* The mean, with ends of at most 60 fractional bits. */
static void settle_average(struct separable_run *r)
{
    struct outcome *out = r->out;
    if (average_counts(r->s)) {
        settle_count(r);
        average_of_count(out, r->s);
        return;
    }
    if (r->expired)
        separable_reason(out, "time is up");
    else if (mpz_sgn(r->total) == 0)
        propose_vacuous(r);
    if (mpz_sgn(r->total) == 0 || (r->expired && r->shape.domain.n > 0)) /* of other values of the binders nothing is known */
        return;
    mpz_ptr ends[2] = { mpq_numref(out->lo), mpq_numref(out->hi) };
    mpq_srcptr sums[2] = { r->sum.lo, r->sum.hi };
    mpz_t below;
    mpz_init(below);
    for (int end = 0; end < 2; end++) {
        mpz_mul_2exp(ends[end], mpq_numref(sums[end]), 60);
        mpz_mul(below, mpq_denref(sums[end]), r->total);
        (end == 0 ? mpz_fdiv_q : mpz_cdiv_q)(ends[end], ends[end], below);
    }
    mpz_clear(below);
    mpq_div_2exp(out->lo, out->lo, 60);
    mpq_div_2exp(out->hi, out->hi, 60);
    out->rule = "separable";
    if (r->rule)
        take_rule(r);
    out->has_lo = out->has_hi = r->expired;
    out->has_value = !r->expired;
    if (!r->expired)
        out->proposal = PROPOSAL_INTERVAL;
}

static int by_binding(const void *a, const void *b) { return binding_compare(a, b); }

static void settle_list(struct separable_run *r)
{
    struct outcome *out = r->out;
    size_t most = r->s->has_at_most ? r->s->at_most : SIZE_MAX;
    qsort(out->items, out->n_items, sizeof *out->items, by_binding);
    bool more = out->n_items > most;
    while (out->n_items > most)
        binding_clear(&out->items[--out->n_items]);
    out->items_complete = !more && !r->capped && mpz_sgn(r->open) == 0 && !r->expired;
    if (mpz_sgn(r->total) == 0 && !r->expired)
        propose_vacuous(r);
    else if (out->items_complete || (r->s->has_at_most && out->n_items == most)) {
        out->proposal = PROPOSAL_INTERVAL;
        out->rule = out->items_complete ? "separable" : "point";
    } else
        separable_reason(out, r->expired ? "time is up" : mpz_sgn(r->open) > 0 ? "some sequences are not decided at 1024 bits" : "the list is too long");
}

static void settle_optimum(struct separable_run *r)
{
    struct outcome *out = r->out;
    if (!r->has_best) {
        if (!r->expired && mpz_sgn(r->total) == 0)
            propose_vacuous(r);
        return;
    }
    if (r->s->body == BODY_MAXIMIZE) {
        mpq_swap(out->lo, out->hi);
        mpq_neg(out->lo, out->lo);
        mpq_neg(out->hi, out->hi);
    }
    out->rule = "separable";
    bool end = (r->expired || r->capped) && r->s->semantics == SEMANTICS_REAL; /* float32: not widened by the spread of the executions */
    out->has_hi = end && r->s->body == BODY_MINIMIZE;
    out->has_lo = end && r->s->body == BODY_MAXIMIZE;
    if (r->expired)
        separable_reason(out, "time is up");
    else if (r->capped)
        separable_reason(out, r->cells ? "some cells stay open" : "the bound is narrower than double arithmetic certifies");
    else {
        out->has_value = true;
        out->proposal = PROPOSAL_INTERVAL;
    }
}

/* What the cells left open, and their lines. */
static void settle_cells(struct separable_run *r)
{
    struct cells_search *c = r->cells;
    mpz_add(r->yes, r->yes, c->yes);
    mpz_add(r->open, r->open, c->open);
    mpz_sub(r->no, r->total, r->yes);
    mpz_sub(r->no, r->no, r->open);
    if (c->value) {
        number_set_double(r->out->lo, c->target);
        r->capped = mpz_sgn(c->open) > 0;
    }
    if (c->count)
        r->expired = false;   /* what was not looked at is open */
}

static void finish_cells(struct separable_run *r)
{
    struct outcome *out = r->out;
    if (!out->rule || strcmp(out->rule, "separable") != 0)
        return;
    out->rule = "cells";
    out->evidence = mem_string(r->cells->lines.data ? r->cells->lines.data : "");
    if (!out->evidence)
        out->proposal = PROPOSAL_NONE;
}

void separable_settle(struct separable_run *r)
{
    mpz_set(r->out->cases, r->total);
    if (r->cells)
        settle_cells(r);
    switch (r->s->body) {
    case BODY_PROVE: settle_prove(r); break;
    case BODY_COUNT: settle_count(r); break;
    case BODY_LIST: settle_list(r); break;
    case BODY_AVERAGE: settle_average(r); break;
    default: settle_optimum(r);
    }
    if (r->cells)
        finish_cells(r);
}
