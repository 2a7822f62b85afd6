#include "verify/types.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/text.h"
#include "verify/resolve.h"

bool is_number(const struct type *x)
{
    return x->base == BASE_INT || x->base == BASE_EXACT || x->base == BASE_REAL || x->base == BASE_NONE;
}

struct type type_of(enum base base, size_t rank, long d0, long d1)
{
    return (struct type){.base = base, .rank = rank, .shape = {d0, d1, -1}};
}

enum base base_join(enum base a, enum base b)
{
    if (a == BASE_NONE || b == BASE_NONE)
        return BASE_NONE;
    return a > b ? a : b;
}

bool same_shape(const struct type *a, const struct type *b)
{
    if (a->base == BASE_NONE || b->base == BASE_NONE)
        return true;
    if (a->rank != b->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->shape[i] >= 0 && b->shape[i] >= 0 && a->shape[i] != b->shape[i])
            return false;
    return true;
}

static const char *base_word(enum base base)
{
    switch (base) {
    case BASE_INT: return "integer";
    case BASE_EXACT: return "rational number";
    case BASE_REAL: return "real number";
    case BASE_BOOL: return "truth value";
    case BASE_STRING: return "string";
    case BASE_MODEL: return "model";
    case BASE_DATA: return "data array";
    case BASE_COMPONENT: return "component";
    case BASE_SET: return "set";
    case BASE_NONE: case BASE_FORMAL: break;
    }
    return "value of unknown type";
}

void type_describe(char *out, size_t size, const struct type *x)
{
    const char *word = base_word(x->base);
    if (x->rank == 0 || x->base == BASE_NONE) {
        (void)snprintf(out, size, "%s %s", word[0] == 'i' ? "an" : "a", word);
        return;
    }
    int n = snprintf(out, size, "an array [");
    for (size_t i = 0; i < x->rank && n > 0 && (size_t)n < size; i++) {
        if (x->shape[i] < 0)
            n += snprintf(out + n, size - (size_t)n, "%s?", i ? ", " : "");
        else
            n += snprintf(out + n, size - (size_t)n, "%s%ld", i ? ", " : "", x->shape[i]);
    }
    if (n > 0 && (size_t)n < size)
        (void)snprintf(out + n, size - (size_t)n, "] of %ss", word);
}

bool type_wrong(struct typer *t, const struct expr *e, const char *wanted, const char *help)
{
    char found[120], label[140];
    type_describe(found, sizeof found, &e->type);
    (void)snprintf(label, sizeof label, "this is %s", found);
    report_at(t->report, e->at, label, help, "wrong type: expected %s", wanted);
    return false;
}

void type_note(struct typer *t, const char *format, ...)
{
    char buf[400];
    va_list args;
    if (t->undecidable)
        return;
    va_start(args, format);
    int n = vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    if (n >= 0)
        t->undecidable = arena_string(t->arena, buf, strlen(buf));
}

bool constant_integer(long *out, const struct expr *e, long last)
{
    mpq_t q;
    mpq_init(q);
    bool ok = expr_constant(q, e, last) && mpz_cmp_ui(mpq_denref(q), 1) == 0 && mpz_fits_slong_p(mpq_numref(q));
    if (ok)
        *out = mpz_get_si(mpq_numref(q));
    mpq_clear(q);
    return ok;
}

bool type_number(struct typer *t, struct expr *e)
{
    if (!type_value(t, e))
        return false;
    return (is_number(&e->type) && e->type.rank == 0) || type_wrong(t, e, "a number", NULL);
}

bool type_integer(struct typer *t, struct expr *e)
{
    if (!type_value(t, e))
        return false;
    return (e->type.rank == 0 && (e->type.base == BASE_INT || e->type.base == BASE_NONE)) || type_wrong(t, e, "an integer", NULL);
}

bool type_predicate(struct typer *t, struct expr *e)
{
    if (!type_value(t, e))
        return false;
    return (e->type.rank == 0 && e->type.base == BASE_BOOL) || type_wrong(t, e, "a truth value", "a predicate compares: ... >= 1/2");
}

const struct bound_data *data_of(const struct typer *t, const struct expr *e)
{
    for (size_t i = 0; e->form == FORM_NAME && e->slot < 0 && i < t->n_data; i++)
        if (strcmp(t->data[i].name, e->name) == 0)
            return &t->data[i];
    return NULL;
}

static bool type_name(struct typer *t, struct expr *e)
{
    if (e->slot >= 0) {
        e->type = t->variables[e->slot].type;
        return true;
    }
    for (size_t i = 0; i < t->n_models; i++)
        if (strcmp(t->models[i].name, e->name) == 0) {
            e->type = type_of(BASE_MODEL, 0, -1, -1);
            return true;
        }
    bool number = strcmp(e->name, "number") == 0 || strcmp(e->name, "total") == 0, fraction = strcmp(e->name, "fraction") == 0;
    if (number || fraction || strcmp(e->name, "value") == 0) {
        enum result_names needed = number || fraction ? RESULT_NUMBER : RESULT_VALUE;
        e->type = type_of(number ? BASE_INT : fraction ? BASE_EXACT : BASE_REAL, 0, -1, -1);
        if (t->results == needed)
            return true;
        report_at(t->report, e->at, NULL, NULL, "'%s' stands only in the prove line after %s", e->name,
                  needed == RESULT_NUMBER ? "count" : "average, minimize or maximize");
        return false;
    }
    static const char *const parts[] = {"all", "embed", "pos_embed", "unembed"};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(e->name, parts[i]) == 0) {
            e->type = type_of(BASE_COMPONENT, 0, -1, -1);
            return true;
        }
    if (strcmp(e->name, "inf") == 0 || strcmp(e->name, "l1") == 0 || strcmp(e->name, "l2") == 0 || strcmp(e->name, "linf") == 0) {
        report_at(t->report, e->at, NULL, "dist(inf, a, b), norm(2, a), ball(c, r, l2)",
                "'%s' stands only as the norm of dist, norm or ball", e->name);
        return false;
    }
    const struct bound_data *data = data_of(t, e);
    if (!data) {
        report_at(t->report, e->at, NULL, NULL, "unknown name '%s'", e->name);
        return false;
    }
    e->type = type_of(BASE_NONE, 0, -1, -1);
    if (data->loaded != STATUS_OK) {
        type_note(t, "%s", data->reason ? data->reason : "the data could not be read");
        return true;
    }
    e->type = type_of(data->array.whole ? BASE_INT : BASE_EXACT, data->array.rank, -1, -1);
    for (size_t i = 0; i < data->array.rank; i++)
        e->type.shape[i] = (long)data->array.shape[i];
    return true;
}

static bool type_unary(struct typer *t, struct expr *e)
{
    struct expr *x = e->args[0];
    if (e->oper == OPER_NOT) {
        e->type = type_of(BASE_BOOL, 0, -1, -1);
        return type_predicate(t, x);
    }
    if (!type_value(t, x))
        return false;
    e->type = x->type;
    return is_number(&x->type) || type_wrong(t, x, "a number or an array of numbers", NULL);
}

static bool wrong_shapes(struct typer *t, const struct expr *e, const char *help)
{
    char a[120], b[120];
    type_describe(a, sizeof a, &e->args[0]->type);
    type_describe(b, sizeof b, &e->args[1]->type);
    report_at(t->report, e->at, NULL, help, "shapes do not match: %s and %s", a, b);
    return false;
}

static bool type_matmul(struct typer *t, struct expr *e)
{
    const struct type *a = &e->args[0]->type, *b = &e->args[1]->type;
    enum base base = base_join(a->base, b->base);
    if (base == BASE_NONE) {
        e->type = type_of(BASE_NONE, 0, -1, -1);
        return true;
    }
    if (a->rank == 0 || b->rank == 0 || a->rank > 2 || b->rank > 2 || a->rank + b->rank < 3)
        return wrong_shapes(t, e, "@ multiplies matrices and vectors; two vectors: dot(a, b)");
    long inner = a->shape[a->rank - 1], other = b->shape[0];
    if (inner >= 0 && other >= 0 && inner != other)
        return wrong_shapes(t, e, NULL);
    if (a->rank == 2 && b->rank == 2)
        e->type = type_of(base, 2, a->shape[0], b->shape[1]);
    else
        e->type = type_of(base, 1, a->rank == 2 ? a->shape[0] : b->shape[1], -1);
    return true;
}

static bool type_power(struct typer *t, struct expr *e)
{
    const struct expr *x = e->args[0], *y = e->args[1];
    long k = 0;
    if (x->type.rank || y->type.rank)
        return wrong_shapes(t, e, "powers are of single numbers");
    if (y->type.base != BASE_INT && y->type.base != BASE_NONE) {
        type_note(t, "no rule for powers that are not whole numbers yet");
        e->type = type_of(BASE_REAL, 0, -1, -1);
        return true;
    }
    bool whole = x->type.base == BASE_INT && constant_integer(&k, y, -1) && k >= 0;
    e->type = type_of(whole ? BASE_INT : base_join(x->type.base, BASE_EXACT), 0, -1, -1);
    return true;
}

static bool type_arithmetic(struct typer *t, struct expr *e)
{
    const struct type *a = &e->args[0]->type, *b = &e->args[1]->type;
    enum base base = base_join(a->base, b->base);
    switch (e->oper) {
    case OPER_ADD: case OPER_SUB:
        if (!same_shape(a, b))
            return wrong_shapes(t, e, a->rank == 0 || b->rank == 0 ? "a number is not added to an array" : NULL);
        e->type = a->base == BASE_NONE ? *b : *a;
        break;
    case OPER_MUL:
        if (a->rank && b->rank)
            return wrong_shapes(t, e, "* multiplies by a number; matrices: A @ B; vectors: dot(a, b)");
        e->type = a->rank ? *a : *b;
        break;
    case OPER_DIV:
        if (b->rank)
            return wrong_shapes(t, e, "/ divides by a number");
        if (e->args[1]->form == FORM_NUMBER && mpq_sgn(e->args[1]->number) == 0) {
            report_at(t->report, e->args[1]->at, NULL, NULL, "division by zero");
            return false;
        }
        e->type = *a;
        base = base_join(base, BASE_EXACT);
        break;
    default: /* OPER_MOD */
        for (size_t i = 0; i < 2; i++)
            if (e->args[i]->type.rank || (e->args[i]->type.base != BASE_INT && e->args[i]->type.base != BASE_NONE))
                return type_wrong(t, e->args[i], "an integer", NULL);
        if (e->args[1]->form == FORM_NUMBER && mpq_sgn(e->args[1]->number) <= 0) {
            report_at(t->report, e->args[1]->at, NULL, NULL, "the remainder is by a positive number");
            return false;
        }
        break;
    }
    e->type.base = base;
    return true;
}

static bool type_binary(struct typer *t, struct expr *e)
{
    struct expr *x = e->args[0], *y = e->args[1];
    if (e->oper == OPER_AND || e->oper == OPER_OR || e->oper == OPER_IMPLIES || e->oper == OPER_IFF) {
        bool left = type_predicate(t, x), right = type_predicate(t, y);
        e->type = type_of(BASE_BOOL, 0, -1, -1);
        return left && right;
    }
    bool left = type_value(t, x), right = type_value(t, y);
    if (!left || !right)
        return false;
    if (!is_number(&x->type))
        return type_wrong(t, x, "a number or an array of numbers", NULL);
    if (!is_number(&y->type))
        return type_wrong(t, y, "a number or an array of numbers", NULL);
    return e->oper == OPER_MATMUL ? type_matmul(t, e) : e->oper == OPER_POW ? type_power(t, e) : type_arithmetic(t, e);
}

static bool is_argmax(const struct expr *e)
{
    return (e->form == FORM_CALL && (e->function == FUNCTION_ARGMAX || e->function == FUNCTION_ARGMIN)) ||
           (e->form == FORM_QUANT && (e->quant == QUANT_ARGMAX || e->quant == QUANT_ARGMIN));
}

/* Argument i of a comparison is an array: how to compare its entries. */
static bool array_compared(struct typer *t, const struct expr *e, size_t i)
{
    static const char *const indices[] = {"", "i", "i, j", "i, j, k"};
    const struct type *x = &e->args[i]->type;
    char help[200];
    int n = snprintf(help, sizeof help, "compare entry by entry: all{ a[%s]%s... : ", indices[x->rank], oper_text(e->opers[i ? i - 1 : 0]));
    for (size_t k = 0; k < x->rank && n > 0 && (size_t)n < sizeof help; k++)
        n += x->shape[k] > 0 ? snprintf(help + n, sizeof help - (size_t)n, "%s%c in 0..%ld", k ? ", " : "", "ijk"[k], x->shape[k] - 1)
                             : snprintf(help + n, sizeof help - (size_t)n, "%s%c in 0..len(a) - 1", k ? ", " : "", "ijk"[k]);
    if (n > 0 && (size_t)n < sizeof help)
        (void)snprintf(help + n, sizeof help - (size_t)n, " }");
    return type_wrong(t, e->args[i], "one number to compare", help);
}

/* Vectors of network values beside == and != alone: all entries are equal, or not all. */
static bool vectors_equated(const struct expr *e)
{
    bool real = false, fit = true;
    for (size_t i = 0; i < e->n_args; i++) {
        const struct type *x = &e->args[i]->type;
        real = real || x->base == BASE_REAL;
        fit = fit && x->rank == 1 && is_number(x) && same_shape(&e->args[0]->type, x) && (i == 0 || e->opers[i - 1] >= OPER_EQ);
    }
    return real && fit;
}

/* An argmax of reals gives an index, but one that may not exist: its type is BASE_FORMAL until the comparison has taken it. */
static bool type_compare(struct typer *t, struct expr *e)
{
    bool ok = true, typed = true;
    for (size_t i = 0; i < e->n_args; i++) {
        bool beside_equality = (i == 0 || e->opers[i - 1] >= OPER_EQ) && (i + 1 == e->n_args || e->opers[i] >= OPER_EQ);
        t->comparand = is_argmax(e->args[i]) && beside_equality ? e->args[i] : NULL;
        typed = type_value(t, e->args[i]) && typed;
    }
    for (size_t i = 0; typed && i < e->n_args; i++) {
        if (e->args[i]->type.rank && e->args[i]->type.base != BASE_NONE && !vectors_equated(e))
            ok = array_compared(t, e, i);
        else if (!is_number(&e->args[i]->type) && e->args[i]->type.base != BASE_FORMAL)
            ok = type_wrong(t, e->args[i], "a number to compare", e->args[i]->type.base == BASE_BOOL ? "equivalence of predicates is <=>" : NULL);
    }
    ok = ok && typed;
    for (size_t i = 0; ok && i < e->n_args; i++)
        for (size_t k = i ? i - 1 : 1; k < e->n_args && k <= i + 1; k += 2) {
            enum base base = e->args[k]->type.base;
            if (e->args[i]->type.base == BASE_FORMAL && base != BASE_INT && base != BASE_FORMAL && base != BASE_NONE)
                ok = type_wrong(t, e->args[k], "an integer to compare an argmax with", NULL);
            else if (e->args[i]->type.base == BASE_FORMAL)
                ok = type_entry_of(t, e->args[k], &e->args[i]->args[0]->type) && ok;
        }
    for (size_t i = 0; i < e->n_args; i++)
        if (e->args[i]->type.base == BASE_FORMAL)
            e->args[i]->type.base = BASE_INT;
    e->type = type_of(BASE_BOOL, 0, -1, -1);
    return ok;
}

static bool type_in(struct typer *t, struct expr *e)
{
    struct expr *x = e->args[0], *set = e->args[1];
    bool left = type_value(t, x), maxes = set->form == FORM_CALL && set->function == FUNCTION_ARGMAXES;
    e->type = type_of(BASE_BOOL, 0, -1, -1);
    if (maxes ? !type_call(t, set) : !type_set(t, set))
        return false;
    if (!left)
        return false;
    if (maxes)
        return ((x->type.rank == 0 && (x->type.base == BASE_INT || x->type.base == BASE_NONE)) || type_wrong(t, x, "an integer", NULL)) &&
               type_entry_of(t, x, &set->args[0]->type);
    if (!is_number(&x->type))
        return type_wrong(t, x, "a number", NULL);
    if (x->type.rank) {
        type_note(t, "no rule for membership of sequences yet");
        return same_shape(&x->type, set->type.element) || type_wrong(t, x, "an element like those of the set", NULL);
    }
    if (set->type.element->rank && set->type.element->base != BASE_NONE)
        return type_wrong(t, x, "a sequence, as the set has sequences", NULL);
    return x->type.base != BASE_REAL || set->type.element->base == BASE_REAL || set->type.element->base == BASE_NONE ||
           type_wrong(t, x, "an integer or rational number", "a real number lies between two others: 0 <= x <= 3");
}

static bool type_if(struct typer *t, struct expr *e)
{
    bool p = type_predicate(t, e->args[0]), a = type_value(t, e->args[1]), b = type_value(t, e->args[2]);
    if (!p || !a || !b)
        return false;
    const struct type *x = &e->args[1]->type, *y = &e->args[2]->type;
    if (!is_number(x) && x->base != BASE_BOOL)
        return type_wrong(t, e->args[1], "a number or a truth value", NULL);
    if (!same_shape(x, y) || (x->base == BASE_BOOL) != (y->base == BASE_BOOL) || !(is_number(y) || y->base == BASE_BOOL))
        return type_wrong(t, e->args[2], "the type of the other branch", NULL);
    e->type = *x;
    e->type.base = base_join(x->base, y->base);
    return true;
}

static bool type_quant(struct typer *t, struct expr *e)
{
    bool truth = e->quant >= QUANT_COUNT, counted = e->quant == QUANT_COUNT || e->quant == QUANT_SUM || e->quant == QUANT_MEAN;
    const struct expr *comparand = t->comparand;
    struct expr *body = e->args[0];
    if (!type_binds(t, &e->binds, counted))
        return false;
    t->comparand = NULL;
    bool where = !e->where || type_predicate(t, e->where);
    if (!(truth ? type_predicate(t, body) : type_value(t, body)) || !where)
        return false;
    if (truth) {
        e->type = type_of(e->quant == QUANT_COUNT ? BASE_INT : BASE_BOOL, 0, -1, -1);
        return true;
    }
    if (!is_number(&body->type))
        return type_wrong(t, body, "a number", NULL);
    if (body->type.rank && e->quant != QUANT_SUM && e->quant != QUANT_MEAN)
        return type_wrong(t, body, "a number", NULL);
    if (body->type.rank)
        type_note(t, "no rule for sums of arrays yet");
    e->type = body->type;
    if (e->quant == QUANT_MEAN)
        e->type.base = base_join(e->type.base, BASE_EXACT);
    if (e->quant != QUANT_ARGMAX && e->quant != QUANT_ARGMIN)
        return true;
    type_note(t, "no rule for %s{ } yet: take argmax of an array", e->quant == QUANT_ARGMAX ? "argmax" : "argmin");
    if (e->binds.n != 1 || e->binds.items[0].set->type.element->base != BASE_INT || e->binds.items[0].set->type.element->rank) {
        report_at(t->report, e->at, NULL, NULL, "argmax{} and argmin{} are over one variable with whole numbers as values");
        return false;
    }
    if ((body->type.base == BASE_REAL || body->type.base == BASE_EXACT) && comparand != e) {
        report_at(t->report, e->at, NULL, "argmax{ ... } == j is true when one j alone attains the maximum", "ambiguous argmax: it may be a tie");
        return false;
    }
    e->type = type_of(body->type.base == BASE_INT ? BASE_INT : BASE_FORMAL, 0, -1, -1);
    return true;
}

static bool type_list(struct typer *t, struct expr *e)
{
    enum base base = BASE_INT;
    bool ok = true;
    for (size_t i = 0; i < e->n_args; i++) {
        if (!type_value(t, e->args[i]))
            return false;
        if (!is_number(&e->args[i]->type) || e->args[i]->type.rank > 2)
            ok = type_wrong(t, e->args[i], "a number", e->args[i]->type.base == BASE_COMPONENT ? "components stand in ablate, patch and node" : NULL);
        else if (!same_shape(&e->args[0]->type, &e->args[i]->type))
            ok = type_wrong(t, e->args[i], "an element like the first of the list", NULL);
        base = base_join(base, e->args[i]->type.base);
    }
    const struct type *x = e->n_args ? &e->args[0]->type : NULL;
    e->type = type_of(base, x ? x->rank + 1 : 1, (long)e->n_args, x ? x->shape[0] : -1);
    if (x && x->rank == 2)
        e->type.shape[2] = x->shape[1];
    return ok;
}

static bool type_value_form(struct typer *t, struct expr *e)
{
    switch (e->form) {
    case FORM_NUMBER:
        e->type = type_of(mpz_cmp_ui(mpq_denref(e->number), 1) == 0 ? BASE_INT : BASE_EXACT, 0, -1, -1);
        return true;
    case FORM_STRING: e->type = type_of(BASE_STRING, 0, -1, -1); return true;
    case FORM_NAME: return type_name(t, e);
    case FORM_LAST:
        e->type = type_of(BASE_INT, 0, -1, -1);
        if (!t->index_depth)
            report_at(t->report, e->at, NULL, "it is the last position of the axis that an index stands for: v[last]",
                    "'last' stands only inside [ ]");
        return t->index_depth > 0;
    case FORM_UNARY: return type_unary(t, e);
    case FORM_BINARY: return type_binary(t, e);
    case FORM_COMPARE: return type_compare(t, e);
    case FORM_IN: return type_in(t, e);
    case FORM_IF: return type_if(t, e);
    case FORM_QUANT: return type_quant(t, e);
    case FORM_CALL: return type_call(t, e);
    case FORM_LIST: return type_list(t, e);
    case FORM_INDEX: return type_value(t, e->args[0]) && type_index_list(t, e, &e->args[0]->type);
    case FORM_FIELD:
        report_at(t->report, e->at, NULL, "q, k and v of a head are readers: edge(embed, head(0, 0).q)", "only an edge has readers");
        return false;
    case FORM_ASSIGN:
        report_at(t->report, e->at, NULL, "equality is ==", "this function takes its arguments by place, not by name");
        return false;
    case FORM_RANGE: case FORM_TOKENS_POWER: case FORM_TOKENS_PRODUCT: case FORM_IMAGE: case FORM_SET_CALL:
        report_at(t->report, e->at, "this is a set", "a set stands after 'in'", "wrong type: expected a number or an array");
        return false;
    case FORM_KEYWORD: case FORM_SLICE: break;
    }
    report_at(t->report, e->at, NULL, NULL, "this has no place here");
    return false;
}

bool type_value(struct typer *t, struct expr *e)
{
    const struct expr *comparand = t->comparand;
    if (comparand != e)
        t->comparand = NULL;
    bool ok = type_value_form(t, e);
    t->comparand = NULL;
    return ok;
}
