/* export.c: a statement as an SMT-LIB 2 document. */
#include <string.h>
#include "core/mem.h"
#include "verify/smt/smt.h"

static void add_commented(struct text *out, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        text_add(out, ";   ");
        text_add_n(out, p, n);
        text_add(out, "\n");
        p += n + (p[n] == '\n');
    }
}

static const char *say(enum smt_meaning meaning, bool relaxed)
{
    if (meaning == SMT_REFUTES)
        return relaxed ? "; unsat: the claim holds. sat: perhaps not, since functions are enclosed between bounds; the model is to be evaluated exactly.\n"
                       : "; unsat: the claim holds. sat: the model refutes it.\n";
    if (meaning == SMT_PROVES)
        return relaxed ? "; unsat: the claim is false. sat: perhaps true, since functions are enclosed between bounds; the model is to be evaluated exactly.\n"
                       : "; sat: the claim holds, the model shows it. unsat: it is false.\n";
    return relaxed ? "; unsat: there is no such binding. sat: perhaps there is one, since functions are enclosed between bounds.\n" : "; sat: there is such a binding. unsat: there is none.\n";
}

const char *smt_logic(const struct smt *m) { return m->products ? "QF_NRA" : "QF_LRA"; }

/* What the document says of claims that ask for a number. */
static const char *const body_notes[] = {
    [BODY_PROVE] = "",
    [BODY_COUNT] = "; The predicate of a count. A model is one binding; assert the negation of its choices and ask again for the next: as many as there are is the number.\n",
    [BODY_LIST] = "; The predicate of a list. A model is one binding; assert the negation of its choices and ask again for the next.\n",
    [BODY_AVERAGE] = "; The value that is averaged, at one binding; assert the negation of a model's choices and ask again for the next.\n",
    [BODY_MINIMIZE] = "; Assert (<= value C) beside it: unsat says that the least value is above C.\n",
    [BODY_MAXIMIZE] = "; Assert (>= value C) beside it: unsat says that the largest value is below C.\n",
};

static void head(struct text *out, const struct smt *m, enum smt_meaning meaning)
{
    const struct statement *s = m->s;
    text_addf(out, "; weightproof smt: claim %s, statement %s\n", s->name, s->sha256);
    add_commented(out, s->text ? s->text : "");
    for (size_t i = 0; i < s->n_models; i++) {
        const struct bound_model *b = &s->file->models[s->models[i]];
        text_addf(out, "; model %s: network %s\n", b->name, b->model.net.sha256);
    }
    text_add(out, "; |t[0]=5| says that token 0 of t is 5; |M.NODE[i,e]| is entry e of row i of a node. Numbers are exact.\n");
    if (s->semantics == SEMANTICS_FLOAT32) text_add(out, "; float32: |....err| is what an execution, in whatever order it adds, has there less the real value.\n");
    text_add(out, say(meaning, m->relaxed));
    text_add(out, body_notes[s->body]);
    if (m->lemmas) text_addf(out, "; with %zu lemmas at arguments that functions had in models of a solver: more pieces that enclose them\n", m->lemmas);
    text_addf(out, "(set-logic %s)\n", smt_logic(m));
}

static void assert_condition(struct smt *m, const struct expr *where)
{
    if (!where || m->status != STATUS_OK) return;
    smt_comment(m, "the condition");
    smt_assert(m, smt_truth(m, where));
}

static void assert_claim(struct smt *m, const struct expr *predicate, bool negated)
{
    if (m->status != STATUS_OK) return;
    const char *t = smt_truth(m, predicate);
    smt_comment(m, negated ? "the claim is false, or something in it has no value" : "the predicate is true");
    smt_assert(m, negated ? truth_or(m, truth_not(m, t), truth_not(m, m->required)) : truth_and(m, t, m->required));
}

/* prove: with forall, its negation; exists, itself. */
static enum smt_meaning prove(struct smt *m)
{
    const struct statement *s = m->s;
    const struct expr *e = s->subject;
    if (s->forall.n > 0 || e->form != FORM_QUANT || e->quant != QUANT_EXISTS) {
        (void)smt_bind(m, &s->forall, true);
        assert_condition(m, s->forall_where);
        for (; m->goal == SMT_ANTECEDENTS && e->form == FORM_BINARY && e->oper == OPER_IMPLIES; e = e->args[1]) smt_assert(m, smt_truth(m, e->args[0]));
        if (m->goal == SMT_WHOLE) assert_claim(m, e, true);
        return SMT_REFUTES;
    }
    (void)smt_bind(m, &e->binds, true);
    assert_condition(m, e->where);
    if (m->goal == SMT_WHOLE) assert_claim(m, e->args[0], false);
    return SMT_PROVES;
}

static enum smt_meaning other(struct smt *m)
{
    const struct statement *s = m->s;
    struct entry value;
    (void)smt_bind(m, &s->binds, true);
    assert_condition(m, s->where);
    if (m->goal == SMT_CONDITION) return SMT_EXISTS;
    if (s->body == BODY_COUNT || s->body == BODY_LIST) assert_claim(m, s->subject, false);
    else if (m->status == STATUS_OK && sym_scalar(m, &value, smt_eval(m, s->subject), s->subject)) {
        m->value = value;
        smt_assert(m, m->required);
        if (m->goal == SMT_VALUE) return SMT_EXISTS;
        smt_comment(m, "the value; a bound is asserted beside it");
        smt_define(m, "value", "Real", entry_term_of(m, &value));
    }
    return SMT_EXISTS;
}

enum status smt_write(struct smt_document *out, struct smt *m)
{
    memset(out, 0, sizeof *out);
    text_init(&out->text);
    if (m->status == STATUS_OK) out->meaning = m->s->body == BODY_PROVE ? prove(m) : other(m);
    return m->status == STATUS_OK ? smt_print(out, m) : m->status;
}

enum status smt_print(struct smt_document *out, struct smt *m)
{
    text_clear(&out->text);
    text_init(&out->text);
    out->products = m->products;
    out->relaxed = m->relaxed;
    head(&out->text, m, out->meaning);
    text_add_n(&out->text, m->out.data ? m->out.data : "", m->out.size);
    text_add(&out->text, "(check-sat)\n");
    if (m->out.failed || out->text.failed || m->arena.failed) m->status = STATUS_MEMORY;
    if (m->status != STATUS_OK) text_clear(&out->text);
    return m->status;
}
