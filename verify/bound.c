/* bound.c: the engine for networks on boxes: a point at which the claim fails, or the cases and multipliers that exclude one. */
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

/* Products and squares alone are rather for quadratic, which is exact. */
static double bound_cost(const struct statement *s)
{
    struct box_claim b;
    struct text why;
    text_init(&why);
    const struct net *net = box_claim_of(&b, s, &why) ? net_of(s, &b) : NULL;
    text_clear(&why);
    return net && pieces_smooth(net) ? 3e6 : 1e6;
}

enum status box_bind(struct binding *out, const struct box_claim *b, mpq_srcptr v)
{
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < b->p.n; i++) {
        if (i) text_add(&t, ",");
        number_add_text(&t, v + i);
    }
    if (b->p.n == 1) text_add(&t, ",");
    enum status s = b->outer.n ? binding_read(out, &b->outer, b->in) : STATUS_OK;
    if (s == STATUS_OK) s = t.failed ? STATUS_MEMORY : binding_add_vector(out, b->vector, t.data);
    text_clear(&t);
    return s;
}

/* Where the condition and the antecedents hold. */
static enum status premises(struct dnf *out, struct box_claim *b)
{
    struct dnf one, all;
    enum status s = box_dnf(out, b, b->where, true);
    for (const struct expr *e = b->subject; s == STATUS_OK && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) {
        s = box_dnf(&one, b, e->args[0], true);
        if (s == STATUS_OK) s = dnf_both(&all, b, out, &one);
        if (s == STATUS_OK) *out = all;
    }
    return s;
}

static enum status say(struct outcome *out, const char *reason)
{
    out->reason = mem_string(reason);
    return out->reason ? STATUS_OK : STATUS_MEMORY;
}

static enum status propose(struct outcome *out, enum proposal p, const struct text *steps)
{
    out->proposal = p;
    if (steps) out->evidence = mem_string(steps->data ? steps->data : "");
    return !steps || out->evidence ? STATUS_OK : STATUS_MEMORY;
}

/* Is there a point that satisfies the condition? When not, that is the proposal; FOUND leaves it in v. */
static enum status look(enum search_end *end, struct outcome *out, struct box_claim *b, const struct dnf *where, mpq_ptr v, const struct limits *l)
{
    struct text steps;
    unsigned long cases = 0;
    text_init(&steps);
    enum status s = box_search(end, v, &steps, &cases, b, where, l);
    if (s == STATUS_OK && *end == SEARCH_NOWHERE) s = propose(out, PROPOSAL_VACUOUS, &steps);
    if (s == STATUS_OK && *end == SEARCH_OPEN) s = say(out, "no point of the box that satisfies the condition was found");
    text_clear(&steps);
    return s;
}

/* What the bindings of the other variables have shown so far. empty: steps that the condition holds nowhere, of all of them while there is no witness. */
struct shown { struct text steps, empty; bool ends, witness, no_condition, open; unsigned long cases; const char *lacks; };

/* A universal claim needs a point that satisfies the condition and the antecedents, in one binding of the other variables. */
static enum status seek_witness(struct shown *k, struct outcome *out, struct box_claim *b, mpq_ptr v, const struct limits *l)
{
    struct dnf where, given;
    enum search_end end;
    unsigned long cases = 0;
    struct text unused;
    text_init(&unused);
    enum status s = box_dnf(&where, b, b->where, true);
    if (s == STATUS_OK) s = premises(&given, b);
    if (s == STATUS_OK) s = box_search(&end, v, &unused, &cases, b, &given, l);
    if (s == STATUS_OK && end == SEARCH_FOUND) {
        k->witness = true;
        s = box_bind(&out->witness, b, v);
    } else if (s == STATUS_OK) {
        if (k->no_condition) s = box_search(&end, v, &k->empty, &cases, b, &where, l);
        if (end != SEARCH_NOWHERE) k->no_condition = false;
        k->lacks = end == SEARCH_FOUND ? "no point of the box that satisfies the antecedents was found" : "no point of the box that satisfies the condition was found";
    }
    text_clear(&unused);
    return s;
}

/* forall: a point at which the predicate fails, or none; exists: one at which it holds, or none. */
static enum status decide_case(struct shown *k, struct outcome *out, struct box_claim *b, mpq_ptr v, const struct limits *l)
{
    struct dnf query, where, sought;
    enum search_end end;
    bool some = b->kind == BOX_EXISTS;
    box_forget(b);
    enum status s = box_corners(b);
    if (s == STATUS_OK) s = box_dnf(&where, b, b->where, true);
    if (s == STATUS_OK) s = box_dnf(&sought, b, b->subject, some);
    if (s == STATUS_OK) s = dnf_both(&query, b, &where, &sought);
    if (s == STATUS_OK) s = box_search(&end, v, &k->steps, &k->cases, b, &query, l);
    if (s != STATUS_OK) return s;
    k->open = k->open || end == SEARCH_OPEN;
    k->ends = end == SEARCH_FOUND || (k->open && !some);
    if (end != SEARCH_FOUND) return end == SEARCH_NOWHERE && !some && !k->witness ? seek_witness(k, out, b, v, l) : STATUS_OK;
    s = box_bind(some ? &out->witness : &out->counterexample, b, v);
    return s == STATUS_OK ? propose(out, some ? PROPOSAL_TRUE : PROPOSAL_FALSE, NULL) : s;
}

static enum status each_case(struct shown *k, struct outcome *out, struct box_claim *b, mpq_ptr v, const struct limits *l)
{
    struct walk *w = NULL;
    bool more = true;
    if (b->outer.n == 0) return decide_case(k, out, b, v, l);
    enum status s = walk_new(&w, &b->outer, b->in, b->d);
    while (s == STATUS_OK && !k->ends) {
        s = walk_next(&more, w, b->d);
        if (s != STATUS_OK || !more) break;
        s = decide_case(k, out, b, v, l);
    }
    walk_free(w);
    return s;
}

static enum status decide_truth(struct outcome *out, struct box_claim *b, mpq_ptr v, const struct limits *l)
{
    struct shown k = {.no_condition = true};
    text_init(&k.steps), text_init(&k.empty);
    enum status s = each_case(&k, out, b, v, l);
    mpz_set_ui(out->cases, k.cases);
    if (s != STATUS_OK || out->proposal != PROPOSAL_NONE) goto done;
    if (k.open) s = say(out, "cases are left that lie too close to a tie, or there are too many of them");
    else if (b->kind == BOX_EXISTS) s = propose(out, PROPOSAL_FALSE, &k.steps);
    else if (k.witness) s = propose(out, PROPOSAL_TRUE, &k.steps);
    else if (k.no_condition) s = propose(out, PROPOSAL_VACUOUS, &k.empty);
    else s = say(out, k.lacks);
done:
    text_clear(&k.steps), text_clear(&k.empty);
    return s;
}

static enum status decide_value(struct outcome *out, struct box_claim *b, const struct statement *st, mpq_ptr v, const struct limits *l)
{
    struct dnf where;
    enum search_end end;
    mpq_t within;
    enum status s = box_corners(b);
    if (s == STATUS_OK) s = box_dnf(&where, b, b->where, true);
    if (s == STATUS_OK) s = look(&end, out, b, &where, v, l);
    if (s != STATUS_OK || end != SEARCH_FOUND) return s;
    mpq_init(within);
    if (st->has_within) mpq_set(within, st->within);
    else mpq_set_ui(within, 1, 1000000);
    s = box_optimum(out, b, within, v, l);
    mpq_clear(within);
    return s;
}

static enum status bound_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct box_claim b;
    struct interp *in = NULL;
    struct text why;
    mpq_ptr v = NULL;
    text_init(&why);
    enum status status = box_claim_of(&b, s, &why) ? interp_new(&in, s, 0) : STATUS_INTERNAL;
    if (status == STATUS_OK) status = box_claim_read(&b, s, in, d);
    if (status == STATUS_OK && !(v = forms_new(2 * b.p.size))) status = STATUS_MEMORY;
    out->rule = "farkas";
    bool truth = b.kind == BOX_FORALL || b.kind == BOX_EXISTS;
    if (status == STATUS_OK) status = truth ? decide_truth(out, &b, v, l) : decide_value(out, &b, s, v, l);
    forms_free(v, 2 * b.p.size);
    box_claim_clear(&b);
    interp_free(in);
    text_clear(&why);
    return status;
}

const struct engine engine_bound = {"bound", "networks of real inputs on boxes: cases of units and of the box, with multipliers of linear programs", bound_takes, bound_cost, bound_decide, false};
