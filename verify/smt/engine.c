/* engine.c: the engine smt. Z3 is asked for an input at which the claim fails. What it finds is evaluated exactly, and excluded when it does not fail there; that it
 * finds none is never taken for a proof: the checker then has to evaluate every input (rule enumerate), or the claim stays undecided. */
#include <string.h>
#include "core/mem.h"
#include "verify/smt/hunt.h"

#define ROUNDS 40               /* models that turn out not to be what is sought */

static const struct binds *binders(const struct statement *s)
{
    const struct expr *e = s->subject;
    if (s->body != BODY_PROVE) return &s->binds;
    return s->forall.n == 0 && e->form == FORM_QUANT && e->quant == QUANT_EXISTS ? &e->binds : &s->forall;
}

static bool has_real(const struct statement *s)
{
    for (size_t i = 0; i < binders(s)->n; i++) {
        const struct expr *set = binders(s)->items[i].set;
        if (set->form == FORM_SET_CALL && set->function != FUNCTION_ROWS) return true;
    }
    return false;
}

static bool smt_takes(const struct statement *s, struct text *why)
{
    const char *no = s->undecidable ? s->undecidable : !s->text ? "the statement is not complete" : NULL;
    bool counts = s->body == BODY_COUNT || s->body == BODY_AVERAGE;
    for (size_t i = 0; !no && counts && i < binders(s)->n; i++)
        if (binders(s)->items[i].set->form == FORM_IMAGE) no = "the elements of an image set are counted as often as they occur";
    if (!no && binders(s)->n == 0) no = "the claim has no variable";
    if (no) text_add(why, no);
    if (!no && has_real(s) && !engine_bound.takes(s, why)) return false;
    return !no && solver_version(why) != NULL;
}

static double smt_cost(const struct statement *s)
{
    (void)s;
    return 1e30;   /* after all others */
}

/* Is the input at hand one that refutes (proves an `exists`), or satisfies the premises? *open: that is not settled, as where executions in float32 differ. */
static enum status is_sought(bool *out, bool *open, const struct hunt *h)
{
    const struct expr *e = h->s->subject, *where = h->s->forall_where;
    enum truth t = TRUTH_TRUE;
    bool exists = h->meaning == SMT_PROVES, premises = h->m.goal != SMT_WHOLE;
    if (exists) where = e->where, e = e->args[0];
    enum status s = where ? tiers_truth(&t, h->tiers, where, h->d) : STATUS_OK;
    *out = s == STATUS_OK && t == TRUTH_TRUE;
    *open = s == STATUS_OK && t == TRUTH_UNSETTLED;
    if (!*out) return s;
    if (!premises) {
        s = tiers_truth(&t, h->tiers, e, h->d);
        *out = s == STATUS_OK && t == (exists ? TRUTH_TRUE : TRUTH_FALSE);
        *open = s == STATUS_OK && t == TRUTH_UNSETTLED;
    }
    for (; h->m.goal == SMT_ANTECEDENTS && *out && s == STATUS_OK && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) {
        s = tiers_truth(&t, h->tiers, e->args[0], h->d);
        *out = s == STATUS_OK && t == TRUTH_TRUE;
    }
    return s;
}

/* word SAT: such an input is bound. UNKNOWN: h->reason, if the solver said one. */
static enum status search(enum solver_word *word, struct hunt *h)
{
    bool found = false, open;
    enum status s = STATUS_OK;
    *word = SOLVER_SAT;
    for (int round = 0; s == STATUS_OK && !found && round < ROUNDS; round++) {
        s = hunt_ask(word, h, NULL);
        if (s != STATUS_OK || *word != SOLVER_SAT) return s;
        s = is_sought(&found, &open, h);
        h->open += open;
        if (s == STATUS_OK && !found) hunt_refine(h);
    }
    if (!found) *word = SOLVER_UNKNOWN;
    return s;
}

/* An input that satisfies condition and antecedents; false without a reason when the condition holds nowhere, by the solver's word. */
static enum status find_witness(struct outcome *out, const struct hunt *claim, enum smt_goal goal, enum solver_word *word)
{
    struct hunt h;
    enum status s = hunt_open(&h, claim->s, goal, claim->tiers, claim->l, claim->d);
    if (s == STATUS_OK) s = search(word, &h);
    if (s == STATUS_OK && *word == SOLVER_SAT && goal == SMT_ANTECEDENTS) s = binding_read(&out->witness, h.binds, tiers_fast(h.tiers));
    hunt_close(&h);
    return s;
}

static enum status not_settled(struct outcome *out, const struct hunt *h)
{
    struct text t;
    text_init(&t);
    text_addf(&t, "the solver finds no other input, and at %zu that it found %s", h->open, h->s->semantics == SEMANTICS_FLOAT32 ? "executions in float32 may differ" : "it is not settled whether the claim holds");
    enum status s = t.failed ? STATUS_MEMORY : hunt_no_verdict(out, t.data, NULL);
    text_clear(&t);
    return s;
}

static enum status nothing_found(struct outcome *out, struct hunt *h)
{
    enum solver_word word;
    mpz_t n;
    mpz_init(n);
    bool few = hunt_few(n, h), exists = h->meaning == SMT_PROVES;
    mpz_clear(n);
    out->rule = "enumerate";
    if (h->open) return not_settled(out, h);
    if (!few) return hunt_no_verdict(out, exists ? "the solver says that no input satisfies it, which is no proof, and there are too many inputs to evaluate"
                                                 : "the solver says that no input falsifies it, which is no proof, and there are too many inputs to evaluate", NULL);
    if (exists) {
        out->proposal = PROPOSAL_FALSE;
        return STATUS_OK;
    }
    enum status s = find_witness(out, h, SMT_ANTECEDENTS, &word);
    if (s == STATUS_OK && word == SOLVER_SAT) out->proposal = PROPOSAL_TRUE;
    if (s != STATUS_OK || word == SOLVER_SAT) return s;
    if (h->s->forall_where && word == SOLVER_UNSAT) s = find_witness(out, h, SMT_CONDITION, &word);
    if (s == STATUS_OK && h->s->forall_where && word == SOLVER_UNSAT) out->proposal = PROPOSAL_VACUOUS;
    if (s != STATUS_OK || out->proposal == PROPOSAL_VACUOUS) return s;
    return hunt_no_verdict(out, "the solver says that no input falsifies it, and finds none that satisfies the condition", NULL);
}

static enum status decide_prove(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct hunt h;
    enum solver_word word = SOLVER_UNKNOWN;
    enum status status = hunt_open(&h, s, SMT_WHOLE, tiers, l, d);
    if (status == STATUS_OK) status = search(&word, &h);
    bool exists = h.meaning == SMT_PROVES;
    if (status == STATUS_OK && word == SOLVER_UNKNOWN) status = hunt_no_verdict(out, "the solver does not know", h.reason ? h.reason : "its models do not survive exact evaluation");
    else if (status == STATUS_OK && word == SOLVER_UNSAT) status = nothing_found(out, &h);
    else if (status == STATUS_OK) {
        out->rule = "point";
        out->proposal = exists ? PROPOSAL_TRUE : PROPOSAL_FALSE;
        status = binding_read(exists ? &out->witness : &out->counterexample, h.binds, tiers_fast(tiers));
    }
    hunt_close(&h);
    return status;
}

/* Linear claims about boxes: the solver's word, and then the certificate of the engine that makes one. */
static enum status decide_box(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct smt m;
    struct smt_document doc = {0};
    struct solver_answer a = {0};
    enum status status = smt_init(&m, s, d);
    if (status == STATUS_OK) status = smt_write(&doc, &m);
    if (status == STATUS_OK) status = solver_ask(&a, doc.text.data, l, d);
    text_clear(&doc.text);
    smt_clear(&m);
    if (status == STATUS_OK) status = engine_bound.decide(out, s, l, d);
    if (status == STATUS_OK && out->proposal == PROPOSAL_NONE) {
        const char *said = a.word == SOLVER_UNSAT ? "the solver says that no point falsifies it, which is no proof" : a.word == SOLVER_SAT ? "the solver says that some point falsifies it" : "the solver does not know";
        char *why = out->reason;
        out->reason = NULL;
        status = hunt_no_verdict(out, said, a.word == SOLVER_UNKNOWN && a.reason ? a.reason : why);
        free(why);
    }
    solver_answer_clear(&a);
    return status;
}

static enum status smt_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct tiers *tiers = NULL;
    if (has_real(s)) return decide_box(out, s, l, d);
    enum status status = tiers_new(&tiers, s);
    if (status != STATUS_OK) return status;
    switch (s->body) {
    case BODY_PROVE: status = decide_prove(out, s, tiers, l, d); break;
    case BODY_COUNT: case BODY_LIST: status = hunt_count(out, s, tiers, l, d); break;
    case BODY_AVERAGE: status = hunt_average(out, s, tiers, l, d); break;
    default: status = hunt_optimum(out, s, tiers, l, d); break;
    }
    tiers_free(tiers);
    return status;
}

const struct engine engine_smt = {"smt", "Z3 as a search for counterexamples; what it does not find is evaluated by the checker", smt_takes, smt_cost, smt_decide, false};
