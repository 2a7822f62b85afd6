/* engine.c: the engine smt. Z3 is asked for an input at which the claim fails. What it finds is evaluated exactly, and excluded when it does not fail there; that it
 * finds none is never taken for a proof: the checker then has to evaluate every input (rule enumerate), or the claim stays undecided. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"
#include "verify/smt/solver.h"

#define ROUNDS 40               /* models that turn out not to be what is sought */
#define ENUMERATED 1000000UL    /* bindings that the checker can be asked to evaluate */

static const struct binds *binders(const struct statement *s)
{
    const struct expr *e = s->subject;
    return s->forall.n == 0 && e->form == FORM_QUANT && e->quant == QUANT_EXISTS ? &e->binds : &s->forall;
}

static bool is_real(const struct expr *set) { return set->form == FORM_SET_CALL && set->function != FUNCTION_ROWS; }

static bool smt_takes(const struct statement *s, struct text *why)
{
    const char *no = s->undecidable ? s->undecidable : !s->text ? "the statement is not complete" : NULL;
    if (!no && s->body != BODY_PROVE) no = "only prove";
    if (!no && s->semantics != SEMANTICS_REAL) no = "executions in float32 have no encoding";
    for (size_t i = 0; !no && i < binders(s)->n; i++)
        if (is_real(binders(s)->items[i].set)) no = "a variable is a real vector";
    if (!no && binders(s)->n == 0) no = "the claim has no variable";
    if (no) text_add(why, no);
    return !no && solver_version(why) != NULL;
}

static double smt_cost(const struct statement *s)
{
    (void)s;
    return 1e30;   /* after all others */
}

/* The document with the values of the variables asked for. */
static enum status document(struct text *out, struct smt *m, enum smt_meaning *meaning, const char *excluded)
{
    struct smt_document doc;
    enum status s = smt_write(&doc, m);
    static const char check[] = "(check-sat)\n";
    if (s == STATUS_OK) {
        *meaning = doc.meaning;
        struct text values;
        text_init(&values);
        text_add_n(out, doc.text.data, doc.text.size - strlen(check));
        if (excluded) text_add(out, excluded);
        for (size_t i = 0; i < m->n_variables; i++)
            for (size_t k = 0; k < m->variables[i].value->n; k++) {
                struct entry e = m->variables[i].value->e[k];
                size_t before = m->out.size;
                const char *term = entry_term_of(m, &e);
                if (m->out.data) text_add(out, m->out.data + before);     /* what the term needed */
                text_addf(out, "(define-fun |value %zu %zu| () Real %s)\n", i, k, term);
                text_addf(&values, " |value %zu %zu|", i, k);
            }
        text_addf(out, "%s(get-value (%s))\n(get-info :reason-unknown)\n", check, values.data ? values.data : "");
        if (values.failed || out->failed || m->status != STATUS_OK) s = m->status != STATUS_OK ? m->status : STATUS_MEMORY;
        text_clear(&values);
    }
    text_clear(&doc.text);
    return s;
}

/* "((|value 0 0| 5.0) (|value 0 1| (- 3.0)) ...": the next integer. */
static bool next_value(const char **at, long *out)
{
    const char *p = strstr(*at, "|value ");
    if (!p || !(p = strchr(p + 1, '|'))) return false;
    p++;
    bool minus = false;
    while (*p == ' ' || *p == '(' || *p == '-' || *p == '\n') minus = minus || *p == '-', p++;
    char *end;
    long v = strtol(p, &end, 10);
    if (end == p || strncmp(end, ".0", 2) != 0) return false;
    *out = minus ? -v : v;
    *at = end;
    return *out >= INT_MIN && *out <= INT_MAX;
}

/* Binds what the model says; excluded: that it is something else. */
static enum status bind_model(struct interp *in, struct smt *m, const struct binds *b, const char *values, struct text *excluded)
{
    enum status s = STATUS_OK;
    text_add(excluded, "(assert (not (and true");
    for (size_t i = 0; s == STATUS_OK && i < m->n_variables; i++) {
        size_t n = m->variables[i].value->n;
        int *t = mem_array(n, sizeof *t);
        long v = 0;
        for (size_t k = 0; t && s == STATUS_OK && k < n; k++) {
            if (!next_value(&values, &v)) s = STATUS_INTERNAL;
            t[k] = (int)v;
            struct entry e = m->variables[i].value->e[k];
            if (e.table && e.split) {
                mpq_t q;
                mpq_init(q);
                mpq_set_si(q, v, 1);
                for (size_t c = 0; c < e.split->n; c++)
                    if (mpq_equal(e.lo + c, q)) text_addf(excluded, " %s", split_when(m, e.split, c));
                mpq_clear(q);
            }
        }
        if (!t) s = STATUS_MEMORY;
        else if (s == STATUS_OK && m->variables[i].is_int) interp_bind_int(in, b->items[i].slot, v);
        else if (s == STATUS_OK) interp_bind_tokens(in, b->items[i].slot, t, n);
        free(t);
    }
    text_add(excluded, ")))\n");
    return s;
}

/* What is sought: a point that refutes, one that proves an `exists`, or a witness of the premises. */
struct hunt { const struct statement *s; const struct limits *l; struct diag *d; struct tiers *tiers; bool premises; };

static enum status is_sought(bool *out, const struct hunt *h, enum smt_meaning meaning)
{
    const struct expr *e = h->s->subject, *where = h->s->forall_where;
    enum truth t = TRUTH_TRUE;
    if (meaning == SMT_PROVES) where = e->where, e = e->args[0];
    enum status s = where ? tiers_truth(&t, h->tiers, where, h->d) : STATUS_OK;
    *out = s == STATUS_OK && t == TRUTH_TRUE;
    if (!*out) return s;
    if (!h->premises) {
        s = tiers_truth(&t, h->tiers, e, h->d);
        *out = s == STATUS_OK && t == (meaning == SMT_PROVES ? TRUTH_TRUE : TRUTH_FALSE);
    }
    for (; h->premises && *out && s == STATUS_OK && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) {
        s = tiers_truth(&t, h->tiers, e->args[0], h->d);
        *out = s == STATUS_OK && t == TRUTH_TRUE;
    }
    return s;
}

/* word SAT: the point is in *point; UNSAT; UNKNOWN: reason. */
static enum status search(enum solver_word *word, struct binding *point, char **reason, enum smt_meaning *meaning, const struct hunt *h)
{
    struct text excluded;
    enum status s = STATUS_OK;
    *word = SOLVER_UNKNOWN;
    text_init(&excluded);
    for (int round = 0; s == STATUS_OK && round < ROUNDS; round++) {
        struct smt m;
        struct text doc;
        struct solver_answer a = {0};
        bool found = false;
        text_init(&doc);
        s = smt_init(&m, h->s, h->d);
        m.premises = h->premises;
        if (s == STATUS_OK) s = document(&doc, &m, meaning, excluded.data);
        if (s == STATUS_OK) s = solver_ask(&a, doc.data, h->l, h->d);
        if (s == STATUS_OK && a.word == SOLVER_SAT) {
            s = bind_model(tiers_fast(h->tiers), &m, binders(h->s), a.values, &excluded);
            if (s == STATUS_OK) s = is_sought(&found, h, *meaning);
            if (s == STATUS_OK && found) s = binding_read(point, binders(h->s), tiers_fast(h->tiers));
        }
        bool ended = s != STATUS_OK || a.word != SOLVER_SAT || found;
        if (s == STATUS_OK && ended) *word = a.word;
        if (s == STATUS_OK && a.reason) *reason = mem_string(a.reason);
        solver_answer_clear(&a);
        text_clear(&doc);
        smt_clear(&m);
        if (ended) break;
    }
    text_clear(&excluded);
    return s;
}

static enum status no_verdict(struct outcome *out, const char *what, const char *more)
{
    struct text t;
    text_init(&t);
    text_addf(&t, "%s (Z3 %s)%s%s", what, solver_version(NULL), more ? ": " : "", more ? more : "");
    out->reason = t.failed ? NULL : mem_string(t.data);
    text_clear(&t);
    return out->reason ? STATUS_OK : STATUS_MEMORY;
}

static bool few_bindings(const struct hunt *h)
{
    struct walk *w = NULL;
    mpz_t n;
    mpz_init(n);
    bool few = walk_new(&w, binders(h->s), tiers_fast(h->tiers), h->d) == STATUS_OK;
    if (few) walk_size(n, w);
    few = few && walk_is_flat(w) && mpz_cmp_ui(n, ENUMERATED) <= 0;
    walk_free(w);
    mpz_clear(n);
    return few;
}

static enum status conclude(struct outcome *out, enum solver_word word, enum smt_meaning meaning, char *reason, struct hunt *h)
{
    bool exists = meaning == SMT_PROVES;
    out->rule = word == SOLVER_SAT ? "point" : "enumerate";
    if (word == SOLVER_UNKNOWN) return no_verdict(out, "the solver does not know", reason ? reason : "its models do not survive exact evaluation");
    if (word == SOLVER_SAT) {
        out->proposal = exists ? PROPOSAL_TRUE : PROPOSAL_FALSE;
        return STATUS_OK;
    }
    if (!few_bindings(h)) return no_verdict(out, "the solver says that no input falsifies it, which is no proof, and there are too many inputs to evaluate", NULL);
    if (exists) {
        out->proposal = PROPOSAL_FALSE;
        return STATUS_OK;
    }
    h->premises = true;
    char *more = NULL;
    enum status s = search(&word, &out->witness, &more, &meaning, h);
    free(more);
    if (s != STATUS_OK) return s;
    if (word != SOLVER_SAT) return no_verdict(out, "the solver says that no input falsifies it, and finds none that satisfies the condition", NULL);
    out->proposal = PROPOSAL_TRUE;
    return STATUS_OK;
}

static enum status smt_decide(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d)
{
    struct hunt h = {.s = s, .l = l, .d = d};
    enum solver_word word = SOLVER_UNKNOWN;
    enum smt_meaning meaning = SMT_REFUTES;
    struct binding point = {0};
    char *reason = NULL;
    enum status status = tiers_new(&h.tiers, s);
    if (status == STATUS_OK) status = search(&word, &point, &reason, &meaning, &h);
    if (status == STATUS_OK) status = conclude(out, word, meaning, reason, &h);
    if (status == STATUS_OK && word == SOLVER_SAT) status = binding_copy(meaning == SMT_PROVES ? &out->witness : &out->counterexample, &point);
    binding_clear(&point);
    free(reason);
    tiers_free(h.tiers);
    return status;
}

const struct engine engine_smt = {"smt", "Z3 as a search for counterexamples; what it does not find is evaluated by the checker", smt_takes, smt_cost, smt_decide};
