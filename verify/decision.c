/* Predicates as "every one of these linear forms is positive", or the negation of that. */
#include <string.h>

#include "core/mem.h"
#include "core/number.h"
#include "verify/lines.h"
#include "verify/network_read.h"

void decision_clear(struct decision *d)
{
    form_set_clear(&d->set);
    free(d->strict);
    memset(d, 0, sizeof *d);
}

static enum status refuse(struct linear *l, const char *reason) { return features_refuse(l->f->why, reason); }

static void decide(struct decision *out, bool truth) { *out = (struct decision){ .holds = truth ? HOLDS_ALWAYS : HOLDS_NEVER, .antecedent = true }; }

static void negate(struct form_set *s)
{
    mpq_t minus;
    mpq_init(minus);
    mpq_set_si(minus, -1, 1);
    lines_scale(s, minus);
    mpq_clear(minus);
}

/* Not (L > 0) is -L >= 0. */
static void negate_line(struct decision *d)
{
    negate(&d->set);
    d->strict[0] = !d->strict[0];
}

static void decision_not(struct decision *d)
{
    static const enum holds opposite[] = { HOLDS_ALWAYS, HOLDS_NEVER, HOLDS_NOT_ALL, HOLDS_ALL };
    if (d->set.n == 1 && d->holds == HOLDS_ALL)
        negate_line(d);
    else
        d->holds = opposite[d->holds];
}

/* Takes the lines of s: all > 0, or all >= 0. */
static enum status decide_all(struct decision *out, struct form_set *s, bool strict)
{
    *out = (struct decision){ .holds = HOLDS_ALL, .antecedent = true, .set = *s };
    memset(s, 0, sizeof *s);
    out->strict = mem_array(out->set.n, sizeof *out->strict);
    if (!out->strict) {
        decision_clear(out);
        return STATUS_MEMORY;
    }
    for (size_t i = 0; i < out->set.n; i++)
        out->strict[i] = strict;
    if (out->set.n == 0)
        out->holds = HOLDS_ALWAYS;
    return STATUS_OK;
}

/* a = a and b; b is emptied. */
static enum status decision_and(struct linear *l, struct decision *a, struct decision *b)
{
    if (b->holds == HOLDS_ALWAYS || a->holds == HOLDS_NEVER) {
        decision_clear(b);
        return STATUS_OK;
    }
    if (a->holds == HOLDS_ALWAYS || b->holds == HOLDS_NEVER) {
        decision_clear(a);
        *a = *b;
        memset(b, 0, sizeof *b);
        return STATUS_OK;
    }
    enum status s = STATUS_OK;
    if (a->holds != HOLDS_ALL || b->holds != HOLDS_ALL)
        s = refuse(l, "the claim mixes 'and' and 'or' of network values");
    size_t n = a->set.n, m = b->set.n;
    bool *strict = s == STATUS_OK ? mem_array(n + m, sizeof *strict) : NULL;
    if (s == STATUS_OK && !strict)
        s = STATUS_MEMORY;
    if (s == STATUS_OK) {
        memcpy(strict, a->strict, n * sizeof *strict);
        memcpy(strict + n, b->strict, m * sizeof *strict);
        free(a->strict);
        a->strict = strict;
        /* only the list of lines matters here: every line of both sets must be positive */
        a->set.kind = b->set.kind = FORMS_ONE;
        bool linear;
        s = lines_join(&a->set, &linear, &b->set, FORMS_SMALLEST);
        if (s == STATUS_LIMIT)
            s = refuse(l, "the claim has too many linear forms");
    }
    decision_clear(b);
    return s;
}

/* value > 0 or >= 0, the value being one line, a minimum or a maximum. */
static enum status positive(struct decision *out, struct form_set *s, bool strict)
{
    if (s->kind != FORMS_LARGEST)
        return decide_all(out, s, strict);
    negate(s);
    enum status status = decide_all(out, s, !strict);
    if (status == STATUS_OK)
        decision_not(out);
    return status;
}

/* x - y > 0 or >= 0 */
static enum status exceeds(struct decision *out, struct linear *l, const struct expr *x, const struct expr *y, bool strict)
{
    struct form_set a, b, sum;
    bool linear;
    enum status s = linear_value(&a, l, x);
    if (s != STATUS_OK)
        return s;
    s = linear_value(&b, l, y);
    if (s != STATUS_OK) {
        form_set_clear(&a);
        return s;
    }
    negate(&b);
    s = lines_add(&sum, &linear, &a, &b);
    form_set_clear(&a);
    form_set_clear(&b);
    if (s == STATUS_LIMIT)
        return refuse(l, "the claim has too many linear forms");
    if (s == STATUS_OK && !linear)
        return refuse(l, "a minimum is compared with a minimum of network values");
    return s == STATUS_OK ? positive(out, &sum, strict) : s;
}

/* entry e - entry j */
static enum status lead_over(struct form_set *out, struct linear *l, bool attn, size_t e, size_t j)
{
    struct form_set a, b;
    bool linear;
    enum status s = linear_entry(&a, l, attn, e);
    if (s != STATUS_OK)
        return s;
    s = linear_entry(&b, l, attn, j);
    if (s == STATUS_OK) {
        negate(&b);
        s = lines_add(out, &linear, &a, &b);
        form_set_clear(&b);
    }
    form_set_clear(&a);
    return s;
}

/* Entry e of a row of logits, or of the attention pattern, > every other one (>= when not strict). */
static enum status leads(struct decision *out, struct linear *l, const struct expr *row, const struct expr *index, bool strict)
{
    struct network_read r;
    long e;
    if (!network_read(&r, row) || r.column || (r.call->function != FUNCTION_LOGITS && r.call->function != FUNCTION_ATTN))
        return refuse(l, "argmax() is of something that is no row of logits or attention");
    bool attn = r.call->function == FUNCTION_ATTN;
    size_t width = attn ? l->f->t->n : l->n_out;
    if (attn && l->own)
        return refuse(l, "a sum over positions reads the attention to another position");
    enum status s = features_int(&e, l->f, index);
    if (s != STATUS_OK)
        return s;
    memset(out, 0, sizeof *out);
    if (e < 0 || (size_t)e >= width) {
        decide(out, false);
        return STATUS_OK;
    }
    struct form_set all = { 0 };
    all.lines = mem_array(width, sizeof *all.lines);
    s = all.lines ? STATUS_OK : STATUS_MEMORY;
    for (size_t j = 0; j < width && s == STATUS_OK; j++) {
        struct form_set sum;
        if (j == (size_t)e)
            continue;
        s = lead_over(&sum, l, attn, (size_t)e, j);
        if (s == STATUS_OK) {
            all.lines[all.n++] = *sum.lines;
            free(sum.lines);
        }
    }
    if (s == STATUS_OK)
        s = decide_all(out, &all, strict);
    form_set_clear(&all);
    return s;
}

static const struct expr *argmax_of(const struct expr *e)
{
    return e->form == FORM_CALL && e->function == FUNCTION_ARGMAX && expr_depends_on_network(e) ? e->args[0] : NULL;
}

static enum status compare(struct decision *out, struct linear *l, const struct expr *x, enum oper oper, const struct expr *y)
{
    if (argmax_of(x) || argmax_of(y)) {
        if ((argmax_of(x) && argmax_of(y)) || (oper != OPER_EQ && oper != OPER_NE))
            return refuse(l, "two argmaxes are compared");
        enum status s = leads(out, l, argmax_of(x) ? argmax_of(x) : argmax_of(y), argmax_of(x) ? y : x, true);
        if (s == STATUS_OK && oper == OPER_NE)
            decision_not(out);
        return s;
    }
    if (oper == OPER_GT || oper == OPER_GE)
        return exceeds(out, l, x, y, oper == OPER_GT);
    if (oper == OPER_LT || oper == OPER_LE)
        return exceeds(out, l, y, x, oper == OPER_LT);
    struct decision other;
    enum status s = exceeds(out, l, x, y, false);
    if (s != STATUS_OK)
        return s;
    s = exceeds(&other, l, y, x, false);
    if (s == STATUS_OK)
        s = decision_and(l, out, &other);
    if (s != STATUS_OK)
        decision_clear(out);
    else if (oper == OPER_NE)
        decision_not(out);
    return s;
}

static enum status compare_chain(struct decision *out, struct linear *l, const struct expr *e)
{
    decide(out, true);
    enum status s = STATUS_OK;
    for (size_t i = 0; i + 1 < e->n_args && s == STATUS_OK; i++) {
        struct decision d;
        s = compare(&d, l, e->args[i], e->opers[i], e->args[i + 1]);
        if (s == STATUS_OK)
            s = decision_and(l, out, &d);
    }
    if (s != STATUS_OK)
        decision_clear(out);
    return s;
}

struct gather { struct linear *l; const struct expr *e; struct decision *out; bool any; };

static enum status gather_instance(void *context)
{
    struct gather *c = context;
    bool in;
    enum status s = linear_condition(&in, c->l, c->e->where);
    if (s != STATUS_OK || !in)
        return s;
    struct decision d;
    s = linear_decision(&d, c->l, c->e->args[0]);
    if (s == STATUS_OK && c->any)
        decision_not(&d);
    return s == STATUS_OK ? decision_and(c->l, c->out, &d) : s;
}

static enum status decide_quant(struct decision *out, struct linear *l, const struct expr *e)
{
    if (e->quant != QUANT_ALL && e->quant != QUANT_ANY && e->quant != QUANT_EXISTS)
        return refuse(l, "a comprehension over network values is not linear");
    struct gather c = { l, e, out, e->quant != QUANT_ALL };
    decide(out, true);
    enum status s = features_each(l->f, &e->binds, 0, gather_instance, &c);
    if (s != STATUS_OK)
        decision_clear(out);
    else if (c.any)
        decision_not(out);
    return s;
}

/* and, or, => and <=> through "not" and "and". Only the antecedents at the top of the claim are remembered. */
static enum status decide_binary(struct decision *out, struct linear *l, const struct expr *e)
{
    struct decision b;
    bool any = e->oper == OPER_OR;
    if (e->oper == OPER_IMPLIES || e->oper == OPER_IFF) {
        const struct expr *known = e->args[0], *other = e->args[1];
        if (e->oper == OPER_IFF && expr_depends_on_network(known)) {
            known = e->args[1];
            other = e->args[0];
        }
        bool truth;
        if (expr_depends_on_network(known))
            return refuse(l, "a condition of '=>' or '<=>' reads the network");
        enum status s = features_truth(&truth, l->f, known);
        if (s != STATUS_OK)
            return s;
        bool idle = !truth && e->oper == OPER_IMPLIES;
        if (idle && !expr_depends_on_network(other)) {
            decide(out, true);
            out->antecedent = false;
            return STATUS_OK;
        }
        s = linear_decision(out, l, other); /* of an idle one, too: rule separable asks for its forms at every state */
        if (idle && s == STATUS_OK) {
            decision_clear(out);
            decide(out, true);
            out->antecedent = false;
            return STATUS_OK;
        }
        if (s == STATUS_OK && !truth)
            decision_not(out);
        if (e->oper == OPER_IFF)
            out->antecedent = true;
        return s;
    }
    if (e->oper != OPER_AND && e->oper != OPER_OR)
        return refuse(l, "an operator of the claim is not linear");
    enum status s = linear_decision(out, l, e->args[0]);
    if (s != STATUS_OK)
        return s;
    out->antecedent = true;
    s = linear_decision(&b, l, e->args[1]);
    if (s == STATUS_OK) {
        if (any) {
            decision_not(out);
            decision_not(&b);
        }
        s = decision_and(l, out, &b);
        out->antecedent = true;
    }
    if (s != STATUS_OK)
        decision_clear(out);
    else if (any)
        decision_not(out);
    return s;
}

enum status linear_decision(struct decision *out, struct linear *l, const struct expr *e)
{
    memset(out, 0, sizeof *out);
    bool truth;
    enum status s;
    /* `=>` first: its antecedent is looked at even when the whole is about tokens alone */
    if (e->form == FORM_BINARY && e->oper == OPER_IMPLIES)
        return decide_binary(out, l, e);
    if (!expr_depends_on_network(e)) {
        s = features_truth(&truth, l->f, e);
        if (s == STATUS_OK)
            decide(out, truth);
        return s;
    }
    switch (e->form) {
    case FORM_UNARY:
        s = linear_decision(out, l, e->args[0]);
        if (s == STATUS_OK) {
            decision_not(out);
            out->antecedent = true;
        }
        return s;
    case FORM_BINARY: return decide_binary(out, l, e);
    case FORM_COMPARE: return compare_chain(out, l, e);
    case FORM_IN:
        if (e->args[1]->form == FORM_CALL && e->args[1]->function == FUNCTION_ARGMAXES && !expr_depends_on_network(e->args[0]))
            return leads(out, l, e->args[1]->args[0], e->args[0], false);
        return refuse(l, "membership of a network value in a set is not linear");
    case FORM_IF:
        if (expr_depends_on_network(e->args[0]))
            return refuse(l, "a choice depends on a network value");
        s = features_truth(&truth, l->f, e->args[0]);
        if (s == STATUS_OK)
            s = linear_decision(out, l, e->args[truth ? 1 : 2]);
        out->antecedent = true;
        return s;
    case FORM_QUANT: return decide_quant(out, l, e);
    default: return refuse(l, "a predicate is not linear in the attention");
    }
}

void decision_settle(struct decision *d)
{
    if (d->holds != HOLDS_ALL && d->holds != HOLDS_NOT_ALL)
        return;
    size_t kept = 0;
    bool fails = false;
    for (size_t i = 0; i < d->set.n; i++) {
        struct form_line *x = &d->set.lines[i];
        if (x->n > 0) {
            struct form_line swap = d->set.lines[kept];
            d->set.lines[kept] = *x;
            *x = swap;
            d->strict[kept++] = d->strict[i];
        } else
            fails |= d->strict[i] ? mpq_sgn(x->c) <= 0 : mpq_sgn(x->c) < 0;
    }
    bool all = d->holds == HOLDS_ALL, antecedent = d->antecedent;
    struct form_set rest = { .lines = d->set.lines + kept, .n = d->set.n - kept };
    lines_drop(&rest);
    d->set.n = kept;
    if (!fails && kept > 0)
        return;
    decision_clear(d);
    decide(d, all != fails);
    d->antecedent = antecedent;
}

void decision_key(struct text *out, const struct decision *d)
{
    text_addf(out, "%d%d", (int)d->holds, (int)d->antecedent);
    for (size_t i = 0; i < d->set.n; i++) {
        const struct form_line *x = &d->set.lines[i];
        text_add(out, d->strict && d->strict[i] ? ">" : "=");
        number_add_text(out, x->c);
        for (size_t k = 0; k < x->n; k++) {
            text_addf(out, ",%zu:", x->terms[k].j);
            number_add_text(out, x->terms[k].a);
        }
    }
}
