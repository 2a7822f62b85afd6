/* Sets, binders and indices. */
#include <stdio.h>
#include <string.h>
#include "verify/types.h"

static bool set_element(struct typer *t, struct expr *set, struct type element)
{
    struct type *x = arena_array(t->arena, 1, sizeof *x);
    if (!x)
        return false;
    *x = element;
    set->type = type_of(BASE_SET, 0, -1, -1);
    set->type.element = x;
    return true;
}

static bool type_range(struct typer *t, struct expr *e)
{
    bool lo = type_integer(t, e->args[0]), hi = type_integer(t, e->args[1]);
    return lo && hi && set_element(t, e, type_of(BASE_INT, 0, -1, -1));
}

/* The set of one position of a token sequence. */
static bool type_token_set(struct typer *t, struct expr *e)
{
    long lo, hi;
    if (!type_set(t, e))
        return false;
    if (e->type.element->rank || (e->type.element->base != BASE_INT && e->type.element->base != BASE_NONE)) {
        report_at(t->report, e->at, NULL, NULL, "tokens are integers");
        return false;
    }
    bool empty = e->form == FORM_LIST ? e->n_args == 0
                                      : e->form == FORM_RANGE && constant_integer(&lo, e->args[0], -1) && constant_integer(&hi, e->args[1],
                                              -1) && lo > hi;
    if (empty)
        report_at(t->report, e->at, NULL, "nothing is true of no input: a claim over it would be vacuous", "empty set of tokens");
    return !empty;
}

static bool type_tokens_power(struct typer *t, struct expr *e)
{
    long n;
    bool length = type_integer(t, e->args[0]), set = type_token_set(t, e->args[1]);
    if (!length || !set)
        return false;
    if (!constant_integer(&n, e->args[0], -1)) {
        report_at(t->report, e->args[0]->at, NULL, "foreach n in 2..4 gives one claim a length",
                "the length of the sequences must be a known number");
        return false;
    }
    if (n < 1 || n > 1000000) {
        report_at(t->report, e->args[0]->at, NULL, NULL, n < 1 ? "a sequence has at least one token" : "sequences of more than 1,000,000 tokens");
        return false;
    }
    return set_element(t, e, type_of(BASE_INT, 1, n, -1));
}

static bool type_tokens_product(struct typer *t, struct expr *e)
{
    bool ok = true;
    for (size_t i = 0; i < e->n_args; i++)
        ok = type_token_set(t, e->args[i]) && ok;
    return ok && set_element(t, e, type_of(BASE_INT, 1, (long)e->n_args, -1));
}

static bool type_set_list(struct typer *t, struct expr *e)
{
    struct type element = type_of(BASE_INT, 0, -1, -1);
    for (size_t i = 0; i < e->n_args; i++) {
        if (!type_value(t, e->args[i]))
            return false;
        if (!is_number(&e->args[i]->type) || e->args[i]->type.base == BASE_REAL)
            return type_wrong(t, e->args[i], "an integer, a rational number or a sequence", NULL);
        enum base base = base_join(element.base, e->args[i]->type.base);
        if (i == 0)
            element = e->args[i]->type;
        else if (!same_shape(&element, &e->args[i]->type))
            return type_wrong(t, e->args[i], "an element like the first of the set", NULL);
        element.base = base;
        for (size_t k = 0; k < i && e->args[i]->form == FORM_NUMBER; k++)
            if (expr_equal(e->args[k], e->args[i])) {
                report_at(t->report, e->args[i]->at, NULL, NULL, "element listed twice in a set");
                return false;
            }
    }
    return set_element(t, e, element);
}

static bool type_image(struct typer *t, struct expr *e)
{
    if (!type_binds(t, &e->binds, true))
        return false;
    bool where = !e->where || type_predicate(t, e->where);
    if (!type_value(t, e->args[0]) || !where)
        return false;
    const struct type *x = &e->args[0]->type;
    if (!is_number(x) || x->rank > 1)
        return type_wrong(t, e->args[0], "a number or a sequence", NULL);
    return set_element(t, e, *x);
}

static bool type_norm_word(struct typer *t, struct expr *e)
{
    e->type = type_of(BASE_STRING, 0, -1, -1);
    if (e->form == FORM_NAME && e->slot < 0 && (strcmp(e->name, "l1") == 0 || strcmp(e->name, "l2") == 0 || strcmp(e->name, "linf") == 0))
        return true;
    report_at(t->report, e->at, NULL, NULL, "the norm of a ball is l1, l2 or linf");
    return false;
}

/* rows(X): the numbers of the rows of a data array. */
static bool type_rows(struct typer *t, struct expr *e)
{
    if (!type_value(t, e->args[0]))
        return false;
    if (!data_of(t, e->args[0]))
        return type_wrong(t, e->args[0], "the name of a data array", "0..len(a) - 1 are the positions of any array");
    return set_element(t, e, type_of(BASE_INT, 0, -1, -1));
}

/* reals(n), orthant(n): the length is an integer. */
static bool type_space(struct typer *t, struct expr *e)
{
    long n = -1;
    if (!type_integer(t, e->args[0]))
        return false;
    if (constant_integer(&n, e->args[0], -1) && n < 1) {
        report_at(t->report, e->args[0]->at, NULL, NULL, "a vector has at least one entry");
        return false;
    }
    return set_element(t, e, type_of(BASE_REAL, 1, n, -1));
}

/* cone(v, w, ...): vectors of one length */
static bool type_cone(struct typer *t, struct expr *e)
{
    for (size_t i = 0; i < e->n_args; i++) {
        if (!type_value(t, e->args[i]))
            return false;
        if (!is_number(&e->args[i]->type) || (e->args[i]->type.rank != 1 && e->args[i]->type.base != BASE_NONE))
            return type_wrong(t, e->args[i], "a vector that generates the cone", NULL);
        if (!same_shape(&e->args[0]->type, &e->args[i]->type))
            return type_wrong(t, e->args[i], "a vector as long as the first", NULL);
    }
    return set_element(t, e, type_of(BASE_REAL, 1, e->args[0]->type.shape[0], -1));
}

/* reals, orthant, cone, interval, box, ball: real-valued sets. */
static bool type_set_call(struct typer *t, struct expr *e)
{
    if (e->function == FUNCTION_REALS || e->function == FUNCTION_ORTHANT)
        return type_space(t, e);
    if (e->function == FUNCTION_CONE)
        return type_cone(t, e);
    size_t last = e->function == FUNCTION_BALL ? 2 : e->n_args;
    bool vector = e->function == FUNCTION_BOX || e->function == FUNCTION_BALL;
    struct type element = type_of(BASE_REAL, vector ? 1 : 0, -1, -1);
    if (e->function == FUNCTION_ROWS)
        return type_rows(t, e);
    for (size_t i = 0; i < last; i++) {
        struct expr *x = e->args[i];
        if (!type_value(t, x))
            return false;
        if (!is_number(&x->type))
            return type_wrong(t, x, "a number or an array of numbers", NULL);
        if (e->function == FUNCTION_INTERVAL && x->type.rank)
            return type_wrong(t, x, "a number", NULL);
        if (e->function == FUNCTION_BOX && x->type.base != BASE_NONE)
            element.shape[0] = x->type.shape[0];
    }
    if (e->function == FUNCTION_BOX && !same_shape(&e->args[0]->type, &e->args[1]->type)) {
        report_at(t->report, e->at, NULL, NULL, "the two corners of a box have different lengths");
        return false;
    }
    if (e->function == FUNCTION_BALL && !type_norm_word(t, e->args[2]))
        return false;
    if (e->function == FUNCTION_BALL && strcmp(e->args[2]->name, "l1") == 0)
        type_note(t, "no engine for real-valued domains yet");
    return set_element(t, e, element);
}

bool type_set(struct typer *t, struct expr *e)
{
    t->comparand = NULL;
    switch (e->form) {
    case FORM_RANGE: return type_range(t, e);
    case FORM_LIST: return type_set_list(t, e);
    case FORM_TOKENS_POWER: return type_tokens_power(t, e);
    case FORM_TOKENS_PRODUCT: return type_tokens_product(t, e);
    case FORM_IMAGE: return type_image(t, e);
    case FORM_SET_CALL: return type_set_call(t, e);
    case FORM_CALL:
        if (e->function == FUNCTION_ARGMAXES) {
            report_at(t->report, e->at, NULL, "write i in argmaxes(v) as a predicate", "argmaxes stands only after 'in' in a predicate");
            return false;
        }
        break;
    default: break;
    }
    if (!type_value(t, e))
        return false;
    return type_wrong(t, e, "a set", e->type.rank == 1 ? "is a in the sequence t? contains(t, a)" : "sets are 0..3, {1, 2}, tokens[4] of 0..63, ...");
}

bool type_binds(struct typer *t, struct binds *b, bool counted)
{
    bool ok = true;
    for (size_t i = 0; i < b->n; i++) {
        struct bind *x = &b->items[i];
        if (!type_set(t, x->set)) {
            ok = false;
            continue;
        }
        t->variables[x->slot] = (struct variable){*x->set->type.element, x->set};
        if (counted && x->set->type.element->base == BASE_REAL) {
            report_at(t->report, x->at, NULL, "they can be quantified (forall, exists, all{}, any{}) and minimised over",
                    "real-valued '%s' cannot be counted, listed or averaged over", x->name);
            ok = false;
        }
    }
    return ok;
}

static bool out_of_range(struct typer *t, const struct expr *e, long n)
{
    char label[80];
    long value;
    bool negative = constant_integer(&value, e, -1) && value < 0;
    (void)snprintf(label, sizeof label, "this axis has %ld entr%s (0..%ld)", n, n == 1 ? "y" : "ies", n - 1);
    report_at(t->report, e->at, n >= 0 ? label : "indices count from 0", negative ? "from the end: last, last - 1, ..." : NULL, "index out of range");
    return false;
}

bool type_entry_of(struct typer *t, const struct expr *e, const struct type *v)
{
    long value, n = v->rank == 1 ? v->shape[0] : -1;
    char label[80];
    if (!constant_integer(&value, e, -1) || (value >= 0 && (n < 0 || value < n)))
        return true;
    (void)snprintf(label, sizeof label, "this axis has %ld entr%s (0..%ld)", n, n == 1 ? "y" : "ies", n - 1);
    report_at(t->report, e->at, n >= 0 ? label : "indices count from 0", NULL, "index out of range: it is never that of the largest entry");
    return false;
}

/* One index of an axis of n entries (-1: not known): *kept is the length of what it leaves, 0 with scalar true. */
static bool type_one_index(struct typer *t, struct expr *e, long n, bool *scalar, long *kept)
{
    long value[2] = {0, n - 1};
    bool known[2] = {true, n >= 0};
    *scalar = e->form != FORM_SLICE;
    *kept = -1;
    if (*scalar) {
        if (!type_integer(t, e))
            return false;
        return !constant_integer(&value[0], e, n - 1) || n < 0 ? !(constant_integer(&value[0], e, -1) && value[0] < 0) || out_of_range(t, e, n)
               : (value[0] >= 0 && value[0] < n) || out_of_range(t, e, n);
    }
    e->type = type_of(BASE_INT, 1, -1, -1);
    for (size_t i = 0; i < 2; i++) {
        if (!e->args[i])
            continue;
        if (!type_integer(t, e->args[i]))
            return false;
        known[i] = constant_integer(&value[i], e->args[i], n >= 0 ? n - 1 : -1);
        if (known[i] && n >= 0 && value[0] <= value[1] && (value[i] < 0 || value[i] >= n))
            return out_of_range(t, e->args[i], n);
    }
    if (known[0] && known[1])
        *kept = value[1] >= value[0] ? value[1] - value[0] + 1 : 0;
    return true;
}

bool type_index_list(struct typer *t, struct expr *e, const struct type *base)
{
    struct type out = type_of(base->base, 0, -1, -1);
    size_t n = e->n_args - 1;
    bool ok = true, scalar;
    long kept;
    if (!is_number(base)) {
        return type_wrong(t, e->args[0], "an array", NULL);
    }
    if (base->base != BASE_NONE && n > base->rank) {
        char found[120];
        type_describe(found, sizeof found, base);
        report_at(t->report, e->at, NULL, NULL, "too many indices: %s takes %zu", found, base->rank);
        return false;
    }
    t->index_depth++;
    for (size_t i = 0; i < n || (base->base != BASE_NONE && i < base->rank); i++) {
        if (i >= n) {
            out.shape[out.rank++] = base->shape[i];
            continue;
        }
        if (!type_one_index(t, e->args[i + 1], i < base->rank && i < 3 ? base->shape[i] : -1, &scalar, &kept))
            ok = false;
        else if (!scalar && base->base != BASE_NONE)
            out.shape[out.rank++] = kept;
    }
    t->index_depth--;
    e->type = out;
    return ok;
}
