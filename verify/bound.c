/* bound.c: the engine for piecewise linear networks on boxes: a point at which the claim fails, or the cases and multipliers that exclude one. */
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/bound.h"

static const struct net *net_of(const struct statement *s, const struct box_claim *b)
{
    const struct model *m = statement_model(s, b->model->name);
    return m ? &m->net : NULL;
}

static bool bound_takes(const struct statement *s, struct text *why)
{
    struct box_claim b;
    if (s->undecidable || !s->text) {
        text_add(why, s->undecidable ? s->undecidable : "the statement is not complete");
        return false;
    }
    if (!box_claim_of(&b, s, why)) return false;
    if (!net_of(s, &b)) {
        text_add(why, "a model is not loaded");
        return false;
    }
    return pieces_possible(net_of(s, &b), why);
}

static double bound_cost(const struct statement *s)
{
    (void)s;
    return 1e6;
}

static enum status bind(struct binding *out, const struct box_claim *b, mpq_srcptr v)
{
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < b->p.n; i++) {
        if (i) text_add(&t, ",");
        number_add_text(&t, v + i);
    }
    if (b->p.n == 1) text_add(&t, ",");
    enum status s = t.failed ? STATUS_MEMORY : binding_add_vector(out, b->vector, t.data);
    text_clear(&t);
    return s;
}

/* Where the condition and the antecedents hold. */
static enum status premises(struct dnf *out, struct box_claim *b)
{
    struct dnf one, all;
    enum status s = box_dnf(out, b, b->where, true);
    for (const struct expr *e = b->predicate; s == STATUS_OK && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) {
        s = box_dnf(&one, b, e->args[0], true);
        if (s == STATUS_OK) s = dnf_both(&all, b, out, &one);
        if (s == STATUS_OK) *out = all;
    }
    return s;
}

static enum status propose(struct outcome *out, struct box_claim *b, mpq_ptr v, struct text *steps, const struct limits *l)
{
    struct dnf query, where, fails, given;
    struct text unused;
    enum search_end end;
    unsigned long cases = 0;
    enum status s = box_dnf(&where, b, b->where, true);
    if (s == STATUS_OK) s = box_dnf(&fails, b, b->predicate, false);
    if (s == STATUS_OK) s = dnf_both(&query, b, &where, &fails);
    if (s == STATUS_OK) s = box_search(&end, v, steps, &cases, b, &query, l);
    if (s != STATUS_OK) return s;
    out->rule = "farkas";
    mpz_set_ui(out->cases, cases);
    if (end == SEARCH_FOUND) {
        out->proposal = PROPOSAL_FALSE;
        return bind(&out->counterexample, b, v);
    }
    if (end == SEARCH_OPEN) {
        out->reason = mem_string("cases are left that lie too close to a tie, or there are too many of them");
        return out->reason ? STATUS_OK : STATUS_MEMORY;
    }
    text_init(&unused);
    s = premises(&given, b);
    if (s == STATUS_OK) s = box_search(&end, v, &unused, &cases, b, &given, l);
    text_clear(&unused);
    if (s == STATUS_OK && end != SEARCH_FOUND) {
        out->reason = mem_string("no point of the box that satisfies the condition was found");
        return out->reason ? STATUS_OK : STATUS_MEMORY;
    }
    if (s == STATUS_OK) s = bind(&out->witness, b, v);
    if (s != STATUS_OK) return s;
    out->proposal = PROPOSAL_TRUE;
    out->evidence = mem_string(steps->data ? steps->data : "");
    return out->evidence ? STATUS_OK : STATUS_MEMORY;
}

static enum status bound_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct box_claim b;
    struct interp *in = NULL;
    struct text why, steps;
    mpq_ptr v = NULL;
    text_init(&why);
    text_init(&steps);
    enum status status = box_claim_of(&b, s, &why) ? interp_new(&in, s, 0) : STATUS_INTERNAL;
    if (status == STATUS_OK) status = box_claim_read(&b, s, in, d);
    if (status == STATUS_OK && !(v = forms_new(b.p.size))) status = STATUS_MEMORY;
    if (status == STATUS_OK) status = propose(out, &b, v, &steps, l);
    forms_free(v, b.p.size);
    box_claim_clear(&b);
    interp_free(in);
    text_clear(&why);
    text_clear(&steps);
    return status;
}

const struct engine engine_bound = {"bound", "piecewise linear networks on boxes: cases of units, with multipliers of linear programs", bound_takes, bound_cost, bound_decide};
