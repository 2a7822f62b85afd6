/* interp_quant.c: comprehensions max min sum mean count all any exists over finite sets. */
#include "verify/interp_parts.h"

enum status quant_open(struct class **out, struct interp *in, const struct expr *e)
{
    struct class *c = class_of(in, e);
    *out = c;
    if (!c) return STATUS_MEMORY;
    if (c->walk) {
        walk_restart(c->walk);
        return STATUS_OK;
    }
    return walk_new(&c->walk, &c->e->binds, in, in->d);
}

/* Next binding whose condition is not false; *here its truth. */
enum status quant_next(bool *more, enum truth *here, struct interp *in, const struct class *c)
{
    for (;;) {
        enum status s = walk_next(more, c->walk, in->d);
        *here = TRUTH_TRUE;
        if (s != STATUS_OK || !*more) return s;
        if (!c->e->where) return STATUS_OK;
        if ((s = eval_truth(here, in, c->e->where)) != STATUS_OK || *here != TRUTH_FALSE) return s;
    }
}

enum status quant_truth(enum truth *out, struct interp *in, const struct expr *e)
{
    struct class *c;
    bool more;
    enum truth here, t;
    if (e->quant != QUANT_ALL && e->quant != QUANT_ANY && e->quant != QUANT_EXISTS) return interp_fail(in, e, "not a truth value");
    enum status s = quant_open(&c, in, e);
    enum truth found = e->quant == QUANT_ALL ? TRUTH_FALSE : TRUTH_TRUE;
    enum truth none = e->quant == QUANT_ALL ? TRUTH_TRUE : TRUTH_FALSE;
    enum truth result = none;
    while (s == STATUS_OK) {
        s = quant_next(&more, &here, in, c);
        if (s != STATUS_OK || !more) break;
        s = eval_truth(&t, in, c->e->args[0]);
        if (s != STATUS_OK || t == none) continue;
        if (t == found && here == TRUTH_TRUE) {
            *out = found;
            return STATUS_OK;
        }
        result = TRUTH_UNSETTLED;
    }
    *out = result;
    return s;
}

static enum status quant_count(struct value *out, struct interp *in, const struct expr *e)
{
    struct class *c;
    bool more, open = false;
    enum truth here, t;
    long n = 0;
    enum status s = quant_open(&c, in, e);
    while (s == STATUS_OK) {
        s = quant_next(&more, &here, in, c);
        if (s != STATUS_OK || !more) break;
        s = eval_truth(&t, in, c->e->args[0]);
        if (s != STATUS_OK || t == TRUTH_FALSE) continue;
        if (t == TRUTH_TRUE && here == TRUTH_TRUE) n++;
        else open = true;
    }
    if (s != STATUS_OK) return s;
    if (open) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    return value_set_int(out, n) ? STATUS_OK : STATUS_MEMORY;
}

static enum status combine(struct value *out, struct interp *in, const struct expr *e, struct value *v, bool first)
{
    if (e->quant == QUANT_SUM || e->quant == QUANT_MEAN) {
        if (first) return value_copy(out, v, in->prec) ? STATUS_OK : STATUS_MEMORY;
        return arith(out, in, e, OPER_ADD, out, v);
    }
    if (v->kind != KIND_UNKNOWN && (v->rank != 0 || v->kind == KIND_TRUTH)) return interp_fail(in, e, "max and min compare numbers");
    if (first) return value_copy(out, v, in->prec) ? STATUS_OK : STATUS_MEMORY;
    return arith_max(out, in, out, v, e->quant == QUANT_MIN);
}

static enum status finish(struct value *out, struct interp *in, const struct expr *e, long n, bool open)
{
    struct value count;
    if (open) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if (n == 0 && e->quant == QUANT_SUM) return value_set_int(out, 0) ? STATUS_OK : STATUS_MEMORY;
    if (n == 0) return interp_fail(in, e, "nothing to take the %s of", e->quant == QUANT_MAX ? "maximum" : e->quant == QUANT_MIN ? "minimum" : "mean");
    if (e->quant != QUANT_MEAN) return STATUS_OK;
    value_init(&count);
    enum status s = value_set_int(&count, n) ? arith(out, in, e, OPER_DIV, out, &count) : STATUS_MEMORY;
    value_clear(&count);
    return s;
}

enum status quant_value(struct value *out, struct interp *in, const struct expr *e)
{
    struct class *c;
    struct value *v;
    struct origin row = {0};
    bool more, open = false, one_row = e->quant == QUANT_SUM;
    enum truth here;
    long n = 0;
    if (e->quant == QUANT_COUNT) return quant_count(out, in, e);
    if (e->quant == QUANT_ARGMAX || e->quant == QUANT_ARGMIN) return interp_fail(in, e, "no rule for this comprehension");
    enum status s = quant_open(&c, in, e);
    while (s == STATUS_OK) {
        s = quant_next(&more, &here, in, c);
        if (s != STATUS_OK || !more) break;
        if (here == TRUTH_UNSETTLED) {
            open = true;
            continue;
        }
        s = eval(&v, in, c->e->args[0]);
        one_row = one_row && s == STATUS_OK && next_of_row(&row, v, n);
        if (s == STATUS_OK) s = combine(out, in, e, v, n == 0);
        n++;
    }
    if (s == STATUS_OK && !open && one_row && n > 0 && is_whole_softmax(in, &row, (size_t)n)) return value_set_int(out, 1) ? STATUS_OK : STATUS_MEMORY;
    return s == STATUS_OK ? finish(out, in, e, n, open) : s;
}
