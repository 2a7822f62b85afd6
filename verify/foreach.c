/* One statement for every value of the foreach variables. Their sets are of numbers and known in advance. */
#include <stdio.h>
#include <string.h>
#include "verify/elaborate.h"

struct values { mpq_ptr *items; size_t n; };
typedef struct { struct elaborator *e; struct values *out; struct place at; } collector;

static bool collect(collector *c, const struct expr *set, const struct scope *env);

static bool add_value(collector *c, const mpq_t q)
{
    struct expr *x = expr_number(c->e->arena, c->at, q);
    mpq_ptr *grown = arena_grow(c->e->arena, c->out->items, c->out->n, sizeof *grown);
    if (!x || !grown)
        return false;
    c->out->items = grown;
    grown[c->out->n++] = x->number;
    if (c->out->n <= STATEMENTS_MAX)
        return true;
    report_at(c->e->report, c->at, NULL, NULL, "foreach over more than 100,000 values");
    return false;
}

static bool add_range(collector *c, const struct expr *set)
{
    long lo, hi;
    mpq_t q;
    bool ok = constant_integer(&lo, set->args[0], -1) && constant_integer(&hi, set->args[1], -1);
    if (!ok)
        report_at(c->e->report, set->at, NULL, NULL, "the values of foreach must be known in advance");
    mpq_init(q);
    for (; ok && lo <= hi; lo++) {
        mpq_set_si(q, lo, 1);
        ok = add_value(c, q);
        if (lo == hi)
            break;
    }
    mpq_clear(q);
    return ok;
}

/* rows(X): data arrays are read before claims are written out. */
static bool add_rows(collector *c, const struct expr *set)
{
    const struct claims *f = c->e->claims;
    const struct expr *name = set->args[0];
    const struct bound_data *x = NULL;
    mpq_t q;
    for (size_t i = 0; i < f->n_data && name->form == FORM_NAME && name->slot < 0; i++)
        if (strcmp(f->data[i].name, name->name) == 0)
            x = &f->data[i];
    if (!x || x->loaded != STATUS_OK) {
        report_at(c->e->report, set->at, NULL, x ? x->reason : "rows(X) is of a data array", "the values of foreach must be known in advance");
        return false;
    }
    bool ok = true;
    mpq_init(q);
    for (size_t r = 0; ok && r < x->array.shape[0]; r++) {
        mpq_set_ui(q, r, 1);
        ok = add_value(c, q);
    }
    mpq_clear(q);
    return ok;
}

static bool add_list(collector *c, const struct expr *set)
{
    mpq_t q;
    bool ok = true;
    mpq_init(q);
    for (size_t i = 0; ok && i < set->n_args; i++) {
        ok = expr_constant(q, set->args[i], -1);
        if (!ok)
            report_at(c->e->report, set->args[i]->at, NULL, "foreach ranges over numbers, as in 0..9 or {1, 3, 5}",
                    "the values of foreach must be known in advance");
        ok = ok && add_value(c, q);
    }
    mpq_clear(q);
    return ok;
}

/* true, false, or not a comparison of constants. */
static bool constant_truth(bool *out, const struct expr *e)
{
    bool a, b;
    if (e->form == FORM_UNARY && e->oper == OPER_NOT && constant_truth(&a, e->args[0])) {
        *out = !a;
        return true;
    }
    if (e->form == FORM_BINARY && (e->oper == OPER_AND || e->oper == OPER_OR) && constant_truth(&a, e->args[0]) && constant_truth(&b, e->args[1])) {
        *out = e->oper == OPER_AND ? a && b : a || b;
        return true;
    }
    if (e->form != FORM_COMPARE)
        return false;
    mpq_t x, y;
    bool ok = true;
    mpq_inits(x, y, NULL);
    *out = true;
    for (size_t i = 0; ok && i + 1 < e->n_args; i++) {
        ok = expr_constant(x, e->args[i], -1) && expr_constant(y, e->args[i + 1], -1);
        int order = ok ? mpq_cmp(x, y) : 0;
        const bool holds[] = {order < 0, order <= 0, order > 0, order >= 0, order == 0, order != 0};
        *out = *out && holds[e->opers[i] - OPER_LT];
    }
    mpq_clears(x, y, NULL);
    return ok;
}

/* One binding of an image's variables is complete: its condition, then its value. */
static bool add_image_value(collector *c, const struct expr *raw, const struct scope *env)
{
    struct resolver r = {.arena = c->e->arena, .report = c->e->report, .file = c->e->file};
    bool holds = true, ok = true;
    struct expr *where = raw->where ? resolve(&r, raw->where, env) : NULL, *x;
    if (raw->where && !where)
        return false;
    if (where && !constant_truth(&holds, where)) {
        report_at(c->e->report, raw->where->at, NULL, "comparisons of numbers, joined by and, or, not",
                "this condition of foreach is not known in advance");
        return false;
    }
    if (!holds)
        return true;
    mpq_t q;
    mpq_init(q);
    ok = (x = resolve(&r, raw->args[0], env)) != NULL;
    if (ok && !(ok = expr_constant(q, x, -1)))
        report_at(c->e->report, raw->args[0]->at, NULL, NULL, "the values of foreach must be known in advance");
    ok = ok && add_value(c, q);
    mpq_clear(q);
    return ok;
}

static bool collect_image(collector *c, const struct expr *raw, size_t i, const struct scope *env)
{
    if (i == raw->binds.n)
        return add_image_value(c, raw, env);
    struct values inner = {0};
    collector sub = {c->e, &inner, c->at};
    if (!collect(&sub, raw->binds.items[i].set, env))
        return false;
    for (size_t k = 0; k < inner.n; k++) {
        const struct scope *next = bind_value(c->e, env, raw->binds.items[i].name, inner.items[k], c->at);
        if (!next || !collect_image(c, raw, i + 1, next))
            return false;
    }
    return true;
}

/* All values of a set as written, in order. */
static bool collect(collector *c, const struct expr *set, const struct scope *env)
{
    const struct scope *s;
    while (set->form == FORM_NAME && (s = scope_find(env, set->name)) != NULL && s->kind == SCOPE_DOMAIN) {
        set = s->expr;
        env = s->up;
    }
    if (set->form == FORM_IMAGE)
        return collect_image(c, set, 0, env);
    struct resolver r = {.arena = c->e->arena, .report = c->e->report, .file = c->e->file};
    struct expr *x = resolve(&r, set, env);
    if (!x)
        return false;
    if (x->form == FORM_RANGE)
        return add_range(c, x);
    if (x->form == FORM_LIST)
        return add_list(c, x);
    if (x->form == FORM_SET_CALL && x->function == FUNCTION_ROWS)
        return add_rows(c, x);
    report_at(c->e->report, c->at, NULL, "foreach ranges over numbers, as in 0..9 or {1, 3, 5}", "foreach cannot range over this set");
    return false;
}

static void each(struct elaborator *e, size_t i, const struct scope *env)
{
    const struct binds *b = &e->claim->foreach;
    if (i == b->n) {
        if (e->claim->open || e->claim->assuming)
            statement_open(e, env);
        else
            statement_make(e, env);
        return;
    }
    struct values values = {0};
    collector c = {e, &values, b->items[i].set->at};
    enum status before = e->report->status;
    if (!collect(&c, b->items[i].set, env))
        return;
    if (values.n == 0)
        report_at(e->report, b->items[i].set->at, NULL, NULL, "foreach over nothing makes no claim");
    for (size_t k = 0; k < values.n && !e->arena->failed && (e->report->status == STATUS_OK || before != STATUS_OK); k++) {
        const struct scope *next = bind_value(e, env, b->items[i].name, values.items[k], b->items[i].at);
        if (!next)
            return;
        e->values[i].name = b->items[i].name;
        e->values[i].value = values.items[k];
        e->n_values = i + 1;
        each(e, i + 1, next);
        if (e->report->status != STATUS_OK)   /* the next value would say the same */
            return;
    }
}

void claim_elaborate(struct elaborator *e, const struct claim *c)
{
    e->claim = c;
    e->n_values = 0;
    if (c->foreach.n > FOREACH_MAX) {
        report_at(e->report, c->foreach.items[FOREACH_MAX].at, NULL, NULL, "foreach over more than %d variables", FOREACH_MAX);
        return;
    }
    each(e, 0, e->file);
}
