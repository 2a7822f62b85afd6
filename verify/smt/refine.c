#include "verify/smt/refine.h"
#include "verify/smt/hunt.h"

static enum status ask(struct solver_answer *a, struct smt *m, const struct limits *l)
{
    struct text doc, names;
    text_init(&doc), text_init(&names);
    text_addf(&doc, "(set-logic %s)\n", smt_logic(m));
    text_add(&doc, m->out.data ? m->out.data : "");
    functions_ask(&doc, &names, m);
    text_addf(&doc, "(check-sat)\n(get-value (%s))\n(get-info :reason-unknown)\n", names.data ? names.data : " true");
    enum status s = doc.failed || names.failed || m->out.failed ? STATUS_MEMORY : solver_ask(a, doc.data, l, m->d);
    text_clear(&doc), text_clear(&names);
    return s;
}

enum status smt_refine(struct smt_document *out, struct text *said, struct smt *m, size_t rounds, const struct limits *l)
{
    static const char *const words[] = {[SOLVER_UNKNOWN] = "unknown", [SOLVER_SAT] = "sat", [SOLVER_UNSAT] = "unsat"};
    struct solver_answer a = {0};
    struct text why;
    enum status s = STATUS_OK;
    size_t round = 0, more = 1;
    text_init(&why);
    if (!solver_version(&why)) s = diag_fail(m->d, STATUS_UNSUPPORTED, "--rounds asks Z3: %s", why.data ? why.data : "there is none");
    for (; s == STATUS_OK && round < rounds && more > 0; round++) {
        solver_answer_clear(&a);
        if ((s = ask(&a, m, l)) == STATUS_TIMEOUT) s = STATUS_OK;     /* unknown then */
        if (s != STATUS_OK || a.word != SOLVER_SAT) break;
        functions_met(m, a.values);
        smt_comment(m, "lemmas of model %zu", round + 1);
        m->lemmas += more = functions_refine(m);
    }
    if (s == STATUS_OK) text_addf(said, "%zu lemmas after %zu models; the last answer of Z3 %s: %s%s%s", m->lemmas, round, solver_version(NULL), words[a.word], a.reason ? ", " : "", a.reason ? a.reason : "");
    solver_answer_clear(&a);
    text_clear(&why);
    if (s == STATUS_OK) s = m->status;
    return s == STATUS_OK ? smt_print(out, m) : s;
}
