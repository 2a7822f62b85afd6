/* Why a closed claim is false, for the reader: the first comparison that fails, with the values on both sides. */
#include "proofs/falsehood.h"
#include <math.h>
#include <string.h>
#include "core/clock.h"
#include "proofs/write.h"
#include "verify/interp.h"

#define PRECISION 128
#define ELEMENTS 20000     /* of an all{} that are gone through */
#define SECONDS 0.5

struct look { const struct statement *s; struct interp *in; struct diag d; struct text *out; double end; };

static void cut(struct text *t, size_t size) {
    if (t->failed || !t->data || size > t->size) return;
    t->size = size;
    t->data[size] = '\0';
}

static bool is_truth(struct look *l, const struct expr *e, enum truth wanted) {
    enum truth t;
    return interp_truth(&t, l->in, e, &l->d) == STATUS_OK && t == wanted;
}

static bool explain(struct look *l, const struct expr *e);

/* Certainly not a o b, of two enclosures. */
static bool fails(enum oper o, double a, double ra, double b, double rb) {
    double above = (a - b) + (ra + rb), below = (a - b) - (ra + rb);
    switch (o) {
    case OPER_LT: return below >= 0;
    case OPER_LE: return below > 0;
    case OPER_GT: return above <= 0;
    case OPER_GE: return above < 0;
    case OPER_EQ: return below > 0 || above < 0;
    case OPER_NE: return below == 0 && above == 0;
    default: return false;
    }
}

/* argmax(v) == i */
static bool explain_largest(struct look *l, const struct expr *v, const struct expr *i) {
    struct interp_array a;
    long at;
    size_t top = 0;
    if (i->form == FORM_CALL && i->function == FUNCTION_ARGMAX) return false;
    if (interp_int(&at, l->in, i, &l->d) != STATUS_OK || interp_array(&a, l->in, v, &l->d) != STATUS_OK) return false;
    bool good = a.rank == 1 && a.balls && at >= 0 && (size_t)at < a.n && a.n > 1;
    for (size_t k = 1; good && k < a.n; k++)
        if (arf_cmp(arb_midref(a.balls + k), arb_midref(a.balls + top)) > 0) top = k;
    good = good && top != (size_t)at;
    if (good) {
        double x = arf_get_d(arb_midref(a.balls + top), ARF_RND_NEAR), y = arf_get_d(arb_midref(a.balls + at), ARF_RND_NEAR);
        text_addf(l->out, "entry %zu is %.7g, entry %ld only %.7g", top, x, at, y);
    }
    interp_array_clear(&a);
    return good;
}

static bool explain_compare(struct look *l, const struct expr *e) {
    for (size_t i = 0; i + 1 < e->n_args; i++) {
        const struct expr *a = e->args[i], *b = e->args[i + 1];
        double x, rx, y, ry;
        if (e->opers[i] == OPER_EQ && expr_calls(a, FUNCTION_ARGMAX) && a->n_args == 1 && explain_largest(l, a->args[0], b)) return true;
        if (e->opers[i] == OPER_EQ && expr_calls(b, FUNCTION_ARGMAX) && b->n_args == 1 && explain_largest(l, b->args[0], a)) return true;
        if (interp_double(&x, &rx, l->in, a, &l->d) != STATUS_OK || interp_double(&y, &ry, l->in, b, &l->d) != STATUS_OK) return false;
        if (!fails(e->opers[i], x, rx, y, ry)) continue;
        text_addf(l->out, "%.7g%s%.7g fails", x, oper_text(e->opers[i]), y);
        return true;
    }
    return false;
}

/* The first binding that makes an all{} false. */
static bool explain_all(struct look *l, const struct expr *e) {
    struct walk *w = NULL;
    struct binding b = {0};
    bool more = true, found = false;
    if (walk_new(&w, &e->binds, l->in, &l->d) != STATUS_OK) return false;
    for (size_t k = 0; more && !found && k < ELEMENTS && clock_seconds() < l->end; k++) {
        if (walk_next(&more, w, &l->d) != STATUS_OK || !more) break;
        if (e->where && !is_truth(l, e->where, TRUTH_TRUE)) continue;
        found = is_truth(l, e->args[0], TRUTH_FALSE);
    }
    size_t before = l->out->size;
    if (found && binding_read(&b, &e->binds, l->in) == STATUS_OK) {
        text_add(l->out, "at ");
        binding_show(l->out, &b);
        size_t at = l->out->size;
        text_add(l->out, ": ");
        if (!explain(l, e->args[0]) && before < at) cut(l->out, at);
    }
    binding_clear(&b);
    walk_free(w);
    return l->out->size > before;
}

/* e is false */
static bool explain(struct look *l, const struct expr *e) {
    if (e->form == FORM_COMPARE) return explain_compare(l, e);
    if (e->form == FORM_QUANT && e->quant == QUANT_ALL) return explain_all(l, e);
    if (e->form == FORM_IF) return explain(l, e->args[is_truth(l, e->args[0], TRUTH_TRUE) ? 1 : 2]);
    if (e->form != FORM_BINARY) return false;
    if (e->oper == OPER_IMPLIES) return explain(l, e->args[1]);
    if (e->oper == OPER_AND) return explain(l, e->args[is_truth(l, e->args[0], TRUTH_FALSE) ? 0 : 1]);
    if (e->oper != OPER_OR) return false;
    size_t before = l->out->size;
    bool first = explain(l, e->args[0]);
    if (first) text_add(l->out, ", ");
    if (!explain(l, e->args[1])) cut(l->out, before);
    return l->out->size > before;
}

void falsehood_say(struct text *out, const struct result *r) {
    const struct statement *s = r->statement;
    struct text why;
    struct look l = {.s = s, .out = &why, .end = clock_seconds() + SECONDS};
    if (s->body != BODY_PROVE || s->forall.n > 0 || interp_new(&l.in, s, PRECISION) != STATUS_OK) return;
    text_init(&why);
    diag_init(&l.d);
    if (explain(&l, s->subject) && !why.failed) text_addf(out, ": %s", why.data);
    diag_clear(&l.d);
    text_clear(&why);
    interp_free(l.in);
}
