/* interp_slack.c: by how much a predicate holds (docs/claims.md, "Verdicts"). Parts that read no network count as infinite when they
 * stand inside a connective, so that the number speaks of the network. */
#include "verify/interp_parts.h"
#include <math.h>

/* inf: +1, -1 for an infinite slack, 0 for the enclosure (d at tier 0, else b). */
struct slack { int inf; struct real d; arb_t b; };

static void slack_init(struct slack *x)
{
    x->inf = 0;
    x->d = (struct real){0, 0};
    arb_init(x->b);
}

static void slack_clear(struct slack *x)
{
    arb_clear(x->b);
}

static void slack_swap(struct slack *x, struct slack *y)
{
    struct slack t = *x;
    *x = *y;
    *y = t;
}

static void slack_negate(struct slack *x)
{
    x->inf = -x->inf;
    x->d.mid = -x->d.mid;
    arb_neg(x->b, x->b);
}

static void slack_unknown(struct slack *x)
{
    x->inf = 0;
    x->d = (struct real){0, INFINITY};
    arb_zero_pm_inf(x->b);
}

static void slack_truth(struct slack *x, enum truth t)
{
    if (t == TRUTH_UNSETTLED) slack_unknown(x);
    else x->inf = t == TRUTH_TRUE ? 1 : -1;
}

/* x = max(x, y); y is used up. */
static void slack_max(struct slack *x, struct slack *y, slong prec)
{
    if (y->inf < 0 || x->inf > 0) return;
    if (x->inf < 0 || y->inf > 0) slack_swap(x, y);
    else if (prec) arb_max(x->b, x->b, y->b, prec);
    else x->d = real_max(x->d, y->d);
}

static void slack_min(struct slack *x, struct slack *y, slong prec)
{
    slack_negate(x);
    slack_negate(y);
    slack_max(x, y, prec);
    slack_negate(x);
}

static enum status slack_of(struct slack *out, struct interp *in, const struct expr *e);

/* Inside a connective. */
static enum status part(struct slack *out, struct interp *in, const struct expr *e)
{
    struct class *c = class_of(in, e);
    enum truth t;
    if (!c) return STATUS_MEMORY;
    if (c->network) return slack_of(out, in, e);
    enum status s = eval_truth(&t, in, e);
    if (s == STATUS_OK) slack_truth(out, t);
    return s;
}

/* a[i] - b[j] */
static bool difference(struct slack *out, struct interp *in, struct value *a, size_t i, struct value *b, size_t j)
{
    if (!value_as_real(a, in->prec) || !value_as_real(b, in->prec)) return false;
    if (a->rank == 0 && b->rank == 0 && same_number(in, &a->origin, a->origin.col, &b->origin, b->origin.col)) return true; /* 0, as initialised */
    if (in->prec) arb_sub(out->b, a->balls + i, b->balls + j, in->prec);
    else out->d = real_sub((struct real){a->mid[i], a->rad[i]}, (struct real){b->mid[j], b->rad[j]});
    return true;
}

static enum status lead(struct slack *out, struct interp *in, struct value *v, long i)
{
    out->inf = -1;
    if (i < 0 || (size_t)i >= v->n) return STATUS_OK;
    if (!value_as_real(v, in->prec)) return STATUS_MEMORY;
    out->inf = 1;
    if (!in->prec) { /* v[i] - max of the others */
        struct real most = {-INFINITY, 0};
        for (size_t j = 0; j < v->n; j++) {
            if (j == (size_t)i) continue;
            struct real x = {v->mid[j], v->rad[j]};
            if (most.mid == -INFINITY) most = x;
            else most = real_max(most, x);
        }
        if (v->n > 1) {
            out->inf = 0;
            out->d = real_sub((struct real){v->mid[i], v->rad[i]}, most);
        }
        return STATUS_OK;
    }
    for (size_t j = 0; j < v->n; j++) {
        struct slack one;
        if (j == (size_t)i) continue;
        slack_init(&one);
        (void)difference(&one, in, v, (size_t)i, v, j);
        slack_min(out, &one, in->prec);
        slack_clear(&one);
    }
    return STATUS_OK;
}

/* The largest over i of the smaller lead of i. Where one entry leads both for certain, every other i has a negative one. */
static enum status two_leads(struct slack *out, struct interp *in, struct value *a, struct value *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    long p = in->prec ? -1 : likely_argmax(a);
    out->inf = -1;
    if (p >= 0 && p == likely_argmax(b)) {
        struct slack x, y;
        slack_init(&x);
        slack_init(&y);
        enum status s = lead(&x, in, a, p);
        if (s == STATUS_OK) s = lead(&y, in, b, p);
        slack_min(&x, &y, in->prec);
        slack_swap(out, &x);
        slack_clear(&x);
        slack_clear(&y);
        if (s != STATUS_OK || out->inf || real_order(out->d.mid, out->d.rad, 0, 0) > 0) return s;
        out->inf = -1;
    }
    for (size_t i = 0; i < n; i++) {
        struct slack x, y;
        slack_init(&x);
        slack_init(&y);
        enum status s = lead(&x, in, a, (long)i);
        if (s == STATUS_OK) s = lead(&y, in, b, (long)i);
        slack_min(&x, &y, in->prec);
        slack_max(out, &x, in->prec);
        slack_clear(&x);
        slack_clear(&y);
        if (s != STATUS_OK) return s;
    }
    return STATUS_OK;
}

static enum status slack_argmax(struct slack *out, struct interp *in, const struct expr *a, enum oper oper, const struct expr *b)
{
    struct value *v, *w;
    long i;
    bool known = true;
    if (!is_strict_argmax(a)) {
        const struct expr *swap = a;
        a = b;
        b = swap;
    }
    enum status s = eval(&v, in, a->args[0]);
    if (s != STATUS_OK) return s;
    bool both = is_strict_argmax(b);
    if (both) s = eval(&w, in, b->args[0]);
    else s = eval_int(&i, &known, in, b);
    if (s != STATUS_OK) return s;
    if (!known || v->kind == KIND_UNKNOWN || (both && w->kind == KIND_UNKNOWN)) {
        slack_unknown(out);
        return STATUS_OK;
    }
    s = both ? two_leads(out, in, v, w) : lead(out, in, v, i);
    if (oper == OPER_NE) slack_negate(out);
    return s;
}

static enum status slack_pair(struct slack *out, struct interp *in, const struct expr *e, size_t i)
{
    const struct expr *a = e->args[i], *b = e->args[i + 1];
    enum oper oper = e->opers[i];
    struct value *x, *y;
    if (is_strict_argmax(a) || is_strict_argmax(b)) return slack_argmax(out, in, a, oper, b);
    enum status s = eval(&x, in, a);
    if (s == STATUS_OK) s = eval(&y, in, b);
    if (s != STATUS_OK) return s;
    if (x->kind == KIND_UNKNOWN || y->kind == KIND_UNKNOWN || x->kind == KIND_TRUTH || y->kind == KIND_TRUTH || x->rank || y->rank) {
        slack_unknown(out);
        return STATUS_OK;
    }
    if (!difference(out, in, x, 0, y, 0)) return STATUS_MEMORY;
    if (oper == OPER_LT || oper == OPER_LE) slack_negate(out);
    if (oper == OPER_EQ || oper == OPER_NE) {
        out->d = real_abs(out->d);
        arb_abs(out->b, out->b);
        if (oper == OPER_EQ) slack_negate(out);
    }
    return STATUS_OK;
}

static enum status slack_chain(struct slack *out, struct interp *in, const struct expr *e)
{
    enum status s = slack_pair(out, in, e, 0);
    for (size_t i = 1; i + 1 < e->n_args && s == STATUS_OK; i++) {
        struct slack next;
        slack_init(&next);
        s = slack_pair(&next, in, e, i);
        slack_min(out, &next, in->prec);
        slack_clear(&next);
    }
    return s;
}

static enum status slack_binary(struct slack *out, struct interp *in, const struct expr *e)
{
    struct slack right;
    enum status s = part(out, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (e->oper == OPER_IMPLIES) slack_negate(out);
    if (e->oper != OPER_IFF && out->inf == (e->oper == OPER_AND ? -1 : 1)) return STATUS_OK;
    slack_init(&right);
    s = part(&right, in, e->args[1]);
    if (e->oper == OPER_IFF && s == STATUS_OK) {
        /* max(min(a, b), min(-a, -b)); with one side infinite it is the other, signed */
        struct slack x, y;
        slack_init(&x);
        slack_init(&y);
        x.inf = out->inf, x.d = out->d;
        y.inf = right.inf, y.d = right.d;
        arb_set(x.b, out->b);
        arb_set(y.b, right.b);
        slack_min(out, &right, in->prec);
        slack_negate(&x);
        slack_negate(&y);
        slack_min(&x, &y, in->prec);
        slack_max(out, &x, in->prec);
        slack_clear(&x);
        slack_clear(&y);
    } else if (s == STATUS_OK && e->oper == OPER_AND)
        slack_min(out, &right, in->prec);
    else if (s == STATUS_OK)
        slack_max(out, &right, in->prec);
    slack_clear(&right);
    return s;
}

static enum status slack_quant(struct slack *out, struct interp *in, const struct expr *e)
{
    struct class *c = class_of(in, e);
    bool more, all = e->quant == QUANT_ALL;
    enum status s = STATUS_OK;
    if (!c) return STATUS_MEMORY;
    if (c->walk) walk_restart(c->walk);
    else s = walk_new(&c->walk, &c->e->binds, in, in->d);
    out->inf = all ? 1 : -1;
    while (s == STATUS_OK) {
        struct slack one;
        enum truth t = TRUTH_TRUE;
        s = walk_next(&more, c->walk, in->d);
        if (s != STATUS_OK || !more) break;
        if (c->e->where) s = eval_truth(&t, in, c->e->where);
        if (s != STATUS_OK || t == TRUTH_FALSE) continue;
        slack_init(&one);
        s = part(&one, in, c->e->args[0]);
        if (t == TRUTH_UNSETTLED) slack_unknown(&one);
        if (all) slack_min(out, &one, in->prec);
        else slack_max(out, &one, in->prec);
        slack_clear(&one);
    }
    return s;
}

static enum status slack_if(struct slack *out, struct interp *in, const struct expr *e)
{
    enum truth t;
    enum status s = eval_truth(&t, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (t != TRUTH_UNSETTLED) return part(out, in, e->args[t == TRUTH_TRUE ? 1 : 2]);
    slack_unknown(out);
    return STATUS_OK;
}

static enum status slack_of(struct slack *out, struct interp *in, const struct expr *e)
{
    enum truth t;
    enum status s;
    switch (e->form) {
    case FORM_COMPARE: return slack_chain(out, in, e);
    case FORM_UNARY:
        s = part(out, in, e->args[0]);
        slack_negate(out);
        return s;
    case FORM_BINARY: return slack_binary(out, in, e);
    case FORM_IF: return slack_if(out, in, e);
    case FORM_QUANT: return slack_quant(out, in, e);
    default:
        s = eval_truth(&t, in, e);
        if (s == STATUS_OK) slack_truth(out, t);
        return s;
    }
}

enum status interp_slack_double(double *mid, double *rad, struct interp *in, const struct expr *e, struct diag *d)
{
    struct slack x;
    in->d = d;
    slack_init(&x);
    enum status s = in->prec ? STATUS_INTERNAL : slack_of(&x, in, e);
    *mid = x.inf ? (double)INFINITY * x.inf : x.d.mid;
    *rad = x.inf ? 0 : x.d.rad;
    slack_clear(&x);
    return s;
}

enum status interp_slack(arb_t out, struct interp *in, const struct expr *e, struct diag *d)
{
    struct slack x;
    in->d = d;
    slack_init(&x);
    enum status s = slack_of(&x, in, e);
    if (x.inf > 0) arb_pos_inf(out);
    else if (x.inf < 0) arb_neg_inf(out);
    else if (in->prec) arb_set(out, x.b);
    else {
        arb_set_d(out, x.d.mid);
        mag_t r;
        mag_init(r);
        mag_set_d(r, x.d.rad >= 0 ? x.d.rad : INFINITY);
        mag_add(arb_radref(out), arb_radref(out), r);
        mag_clear(r);
    }
    slack_clear(&x);
    return s;
}
