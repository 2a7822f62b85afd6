/* hunt.c: asking the solver, reading its models, excluding them, and lemmas where they are spurious. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/smt/hunt.h"

#define ENUMERATED 1000000UL    /* bindings that the checker can be asked to evaluate */
#define FUNCTIONS_MOST 64       /* whose arguments are asked for */

enum status hunt_open(struct hunt *h, const struct statement *s, enum smt_goal goal, struct tiers *tiers, const struct limits *l, struct diag *d)
{
    struct smt_document doc = {0};
    memset(h, 0, sizeof *h);
    h->s = s, h->l = l, h->d = d, h->tiers = tiers;
    const struct expr *e = s->subject;
    h->binds = s->body != BODY_PROVE ? &s->binds : s->forall.n == 0 && e->form == FORM_QUANT && e->quant == QUANT_EXISTS ? &e->binds : &s->forall;
    text_init(&h->head), text_init(&h->excluded), text_init(&h->names);
    enum status status = smt_init(&h->m, s, d);
    h->m.goal = goal;
    if (status == STATUS_OK) status = smt_write(&doc, &h->m);
    if (status == STATUS_OK) {
        h->meaning = doc.meaning;
        struct smt *m = &h->m;
        for (size_t i = 0; i < m->n_variables; i++)
            for (size_t k = 0; k < m->variables[i].value->n; k++) {
                struct entry x = m->variables[i].value->e[k];
                smt_define(m, smt_format(m, "|value %zu %zu|", i, k), "Real", entry_term_of(m, &x));
                text_addf(&h->names, " |value %zu %zu|", i, k);
            }
        functions_ask(&m->out, &h->names, m);
        status = m->status;
    }
    text_clear(&doc.text);
    return status;
}

void hunt_close(struct hunt *h)
{
    smt_clear(&h->m);
    text_clear(&h->head), text_clear(&h->excluded), text_clear(&h->names);
    free(h->reason);
    h->reason = NULL;
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

static void exclude_case(struct hunt *h, const struct entry *e, long v)
{
    mpq_t q;
    if (!e->table || !e->split) return;
    mpq_init(q);
    mpq_set_si(q, v, 1);
    for (size_t c = 0; c < e->split->n; c++)
        if (mpq_equal(e->lo + c, q)) text_addf(&h->excluded, " %s", split_when(&h->m, e->split, c));
    mpq_clear(q);
}

/* Binds what the model says; excluded: that it is something else. */
static enum status bind_model(struct hunt *h, const char *values)
{
    enum status s = STATUS_OK;
    const struct smt *m = &h->m;
    struct interp *in = tiers_fast(h->tiers);
    text_add(&h->excluded, "(assert (not (and true");
    for (size_t i = 0; s == STATUS_OK && i < m->n_variables; i++) {
        size_t n = m->variables[i].value->n;
        int *t = mem_array(n, sizeof *t);
        long v = 0;
        for (size_t k = 0; t && s == STATUS_OK && k < n; k++) {
            if (!next_value(&values, &v)) s = diag_fail(h->d, STATUS_INTERNAL, "the solver's model cannot be read");
            t[k] = (int)v;
            exclude_case(h, &m->variables[i].value->e[k], v);
        }
        if (!t) s = STATUS_MEMORY;
        else if (s == STATUS_OK && m->variables[i].is_int) interp_bind_int(in, h->binds->items[i].slot, v);
        else if (s == STATUS_OK) interp_bind_tokens(in, h->binds->items[i].slot, t, n);
        free(t);
    }
    text_add(&h->excluded, ")))\n");
    return s;
}

/* 1.5, (- 1.5), (/ 1.0 3.0), (- (/ 1.0 3.0)): as a double near it. false: something else, as an algebraic number. */
static bool read_number(double *out, const char *p)
{
    double x[2] = {0, 1};
    bool minus = false, over = false;
    int n = 0;
    for (; *p && n < 2 && *p != '|'; p++) {
        char *end;
        if (*p == '-') minus = true;
        else if (*p == '/') over = true;
        else if (*p >= '0' && *p <= '9') x[n++] = strtod(p, &end), p = end - 1;
        else if (*p == ')' && n) break;
        else if (*p != '(' && *p != ' ' && *p != '\n') return false;
        if (n == 1 && !over) break;
    }
    *out = (minus ? -1 : 1) * x[0] / x[1];
    return n > 0 && *out >= -1e100 && *out <= 1e100;
}

void functions_ask(struct text *define, struct text *names, const struct smt *m)
{
    for (size_t i = 0; i < m->n_functions && i < FUNCTIONS_MOST; i++) {
        text_addf(define, "(define-fun |at %zu| () Real ", i);
        text_add(define, m->functions[i].x);
        text_add(define, ")\n");
        text_addf(names, " |at %zu|", i);
    }
}

void functions_met(struct smt *m, const char *values)
{
    for (size_t i = 0; i < m->n_functions && i < FUNCTIONS_MOST; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "|at %zu|", i);
        const char *p = strstr(values, name);
        m->functions[i].met = p && read_number(&m->functions[i].met_at, p + strlen(name));
    }
}

enum status hunt_ask(enum solver_word *word, struct hunt *h, const char *truth)
{
    struct solver_answer a = {0};
    struct text doc;
    *word = SOLVER_UNKNOWN;
    text_init(&doc);
    text_addf(&doc, "(set-logic %s)\n", smt_logic(&h->m));
    if (h->m.out.data) text_add(&doc, h->m.out.data);
    if (h->excluded.data) text_add(&doc, h->excluded.data);
    if (truth) text_add(&doc, "(assert "), text_add(&doc, truth), text_add(&doc, ")\n");
    text_add(&doc, "(check-sat)\n(get-value (");
    if (h->names.data) text_add(&doc, h->names.data);
    text_add(&doc, "))\n(get-info :reason-unknown)\n");
    enum status s = doc.failed || h->m.out.failed || h->excluded.failed ? STATUS_MEMORY : h->m.status;
    if (s == STATUS_OK) s = solver_ask(&a, doc.data, h->l, h->d);
    h->asked++;
    if (s == STATUS_OK) *word = a.word;
    free(h->reason);
    h->reason = a.reason ? mem_string(a.reason) : NULL;
    if (s == STATUS_OK && a.word == SOLVER_SAT) {
        functions_met(&h->m, a.values);
        s = bind_model(h, a.values);
    }
    solver_answer_clear(&a);
    text_clear(&doc);
    return s;
}

size_t functions_refine(struct smt *m)
{
    size_t before = 0, after = 0;
    mpq_t q;
    mpq_init(q);
    for (size_t i = 0; i < m->n_functions && i < FUNCTIONS_MOST; i++) {
        before += m->functions[i].n;
        if (m->functions[i].met) {
            mpq_set_d(q, m->functions[i].met_at);
            smooth_lemma(m, i, q);
        }
        after += m->functions[i].n;
    }
    mpq_clear(q);
    return after - before;
}

void hunt_refine(struct hunt *h) { (void)functions_refine(&h->m); }

enum status hunt_no_verdict(struct outcome *out, const char *what, const char *more)
{
    struct text t;
    text_init(&t);
    text_addf(&t, "%s (Z3 %s)%s%s", what, solver_version(NULL), more ? ": " : "", more ? more : "");
    free(out->reason);
    out->reason = t.failed ? NULL : mem_string(t.data);
    text_clear(&t);
    return out->reason ? STATUS_OK : STATUS_MEMORY;
}

bool hunt_few(mpz_t n, const struct hunt *h)
{
    struct walk *w = NULL;
    bool few = walk_new(&w, h->binds, tiers_fast(h->tiers), h->d) == STATUS_OK;
    if (few) walk_size(n, w);
    few = few && walk_is_flat(w) && mpz_cmp_ui(n, ENUMERATED) <= 0;
    walk_free(w);
    return few;
}
