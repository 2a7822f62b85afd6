/* Calls of functions on numbers and arrays. A row of the table: what the arguments must be, and what comes out. */
#include <stdio.h>
#include <string.h>
#include "verify/types.h"

static bool is_vector(const struct type *x)
{
    return is_number(x) && (x->rank == 1 || x->base == BASE_NONE);
}

static bool is_matrix(const struct type *x)
{
    return is_number(x) && (x->rank == 2 || x->base == BASE_NONE);
}

static bool is_scalar(const struct type *x)
{
    return is_number(x) && x->rank == 0;
}

static bool exact_only(const struct type *x)
{
    return x->base != BASE_REAL;
}

/* argmax, argmin: the first position for integers; of other numbers an index that a tie takes away. */
static bool type_argmax(struct typer *t, struct expr *e, const struct expr *comparand)
{
    const char *name = function_table[e->function].name;
    char help[160];
    const struct type *v = &e->args[0]->type;
    if (!is_vector(v))
        return type_wrong(t, e->args[0], "a vector", v->rank == 2 ? "take one row: logits(M, t)[last]" : NULL);
    e->type = type_of(BASE_INT, 0, -1, -1);
    if (v->base == BASE_INT || v->base == BASE_NONE)
        return true;
    if (e->function == FUNCTION_ARGMIN)
        type_note(t, "no rule for argmin of real numbers yet: take argmax(-v)");
    if (comparand == e) {
        e->type.base = BASE_FORMAL;
        return true;
    }
    (void)snprintf(help, sizeof help, "%s(v) == i is true when v[i] alone is %s; i in argmaxes(v) asks for one of the largest", name,
                   e->function == FUNCTION_ARGMAX ? "largest" : "smallest");
    report_at(t->report, e->at, "beside == and != only", help, "ambiguous %s: it may be a tie", name);
    return false;
}

static bool type_extreme(struct typer *t, struct expr *e)
{
    enum base base = BASE_INT;
    if (e->n_args == 1) {
        const struct type *x = &e->args[0]->type;
        e->type = type_of(x->base, 0, -1, -1);
        if (x->rank == 1 && x->shape[0] == 0) {
            report_at(t->report, e->at, NULL, NULL, "%s of nothing", function_table[e->function].name);
            return false;
        }
        return (is_number(x) && (x->rank > 0 || x->base == BASE_NONE)) || type_wrong(t, e->args[0], "an array, or several numbers", NULL);
    }
    for (size_t i = 0; i < e->n_args; i++) {
        if (!is_scalar(&e->args[i]->type))
            return type_wrong(t, e->args[i], "a number", NULL);
        base = base_join(base, e->args[i]->type.base);
    }
    e->type = type_of(base, 0, -1, -1);
    return true;
}

static bool type_norm(struct typer *t, struct expr *e)
{
    struct expr *norm = e->args[0];
    bool inf = norm->form == FORM_NAME && norm->slot < 0 && strcmp(norm->name, "inf") == 0, ok = true;
    bool number = norm->form == FORM_NUMBER && (mpq_cmp_ui(norm->number, 1, 1) == 0 || mpq_cmp_ui(norm->number, 2, 1) == 0);
    norm->type = type_of(inf ? BASE_STRING : BASE_INT, 0, -1, -1);
    if (!inf && !number) {
        report_at(t->report, norm->at, NULL, NULL, "the norm of %s is inf, 1 or 2", function_table[e->function].name);
        ok = false;
    }
    enum base base = BASE_INT;
    for (size_t i = 1; i < e->n_args; i++) {
        if (!type_value(t, e->args[i]))
            return false;
        if (!is_vector(&e->args[i]->type))
            return type_wrong(t, e->args[i], "a vector", e->args[i]->type.rank == 2 ? "take one row: A[last]" : NULL);
        base = base_join(base, e->args[i]->type.base);
    }
    if (e->n_args == 3 && !same_shape(&e->args[1]->type, &e->args[2]->type)) {
        report_at(t->report, e->at, NULL, NULL, "vectors of different lengths: %ld and %ld", e->args[1]->type.shape[0], e->args[2]->type.shape[0]);
        return false;
    }
    e->type = type_of(number && mpq_cmp_ui(norm->number, 2, 1) == 0 ? BASE_REAL : base, 0, -1, -1);
    return ok;
}

static bool type_seq(struct typer *t, struct expr *e)
{
    long n = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        const struct type *x = &e->args[i]->type;
        if ((x->base != BASE_INT && x->base != BASE_NONE) || x->rank > 1)
            return type_wrong(t, e->args[i], "an integer or a sequence of integers", NULL);
        n = n < 0 || (x->rank && x->shape[0] < 0) || x->base == BASE_NONE ? -1 : n + (x->rank ? x->shape[0] : 1);
    }
    e->type = type_of(BASE_INT, 1, n, -1);
    return true;
}

static bool type_onehot(struct typer *t, struct expr *e)
{
    long i, n;
    for (size_t k = 0; k < 2; k++)
        if (e->args[k]->type.rank || (e->args[k]->type.base != BASE_INT && e->args[k]->type.base != BASE_NONE))
            return type_wrong(t, e->args[k], "an integer", NULL);
    if (!constant_integer(&n, e->args[1], -1))
        n = -1;
    if (n >= 0 && constant_integer(&i, e->args[0], -1) && (i < 0 || i >= n)) {
        report_at(t->report, e->args[0]->at, NULL, NULL, "index out of range: the vector has %ld entries", n);
        return false;
    }
    e->type = type_of(BASE_INT, 1, n, -1);
    return true;
}

static bool type_sequence(struct typer *t, struct expr *e)
{
    struct type *x = &e->args[0]->type;
    if (!is_vector(x))
        return type_wrong(t, e->args[0], "a sequence", NULL);
    if (!exact_only(x))
        return type_wrong(t, e->args[0], "a sequence of integers", "values of a network are compared, not sorted or matched");
    e->type = e->function == FUNCTION_SORT ? *x : type_of(BASE_BOOL, 0, -1, -1);
    if (e->function == FUNCTION_CONTAINS && (!is_scalar(&e->args[1]->type) || !exact_only(&e->args[1]->type)))
        return type_wrong(t, e->args[1], "an integer or rational number", NULL);
    return true;
}

/* fold(TABLE, start, t): integers all. */
static bool type_fold(struct typer *t, struct expr *e)
{
    static const char *const wanted[] = { "a matrix of integers, a row a state and a column a token", "an integer", "a sequence of integers" };
    for (size_t k = 0; k < 3; k++) {
        const struct type *x = &e->args[k]->type;
        if (x->base != BASE_NONE && (x->rank != (k == 0 ? 2 : k == 1 ? 0 : 1) || x->base != BASE_INT))
            return type_wrong(t, e->args[k], wanted[k], k == 0 ? "a row a state: {{0, 1}, {1, 0}} is the parity of the 1s" : NULL);
    }
    e->type = type_of(BASE_INT, 0, -1, -1);
    return true;
}

static bool type_matrix(struct typer *t, struct expr *e)
{
    const struct type *x = &e->args[0]->type;
    if (!is_matrix(x))
        return type_wrong(t, e->args[0], "a matrix", NULL);
    e->type = *x;
    if (x->base == BASE_NONE)
        return true;
    bool singular = e->function == FUNCTION_SINGULAR_VALUES || e->function == FUNCTION_EFFECTIVE_RANK;
    bool spectral = singular || e->function == FUNCTION_RANK || e->function == FUNCTION_INERTIA || e->function == FUNCTION_EIGENVALUES;
    if (spectral && !exact_only(x))
        return type_wrong(t, e->args[0], "a matrix of exact numbers", "weights and forms are exact, values of a network are not");
    long a = x->shape[0], b = x->shape[1];
    switch (e->function) {
    case FUNCTION_EFFECTIVE_RANK: e->type = type_of(BASE_REAL, 0, -1, -1); return true;
    case FUNCTION_SINGULAR_VALUES: e->type = type_of(BASE_REAL, 1, a < b ? a : b, -1); return true;
    case FUNCTION_TRANSPOSE: e->type = type_of(x->base, 2, x->shape[1], x->shape[0]); return true;
    case FUNCTION_MEAN_ROWS: e->type.base = base_join(x->base, BASE_EXACT); return true;
    case FUNCTION_RANK: e->type = type_of(BASE_INT, 0, -1, -1); return true;
    case FUNCTION_INERTIA: e->type = type_of(BASE_INT, 1, 3, -1); break;
    default: e->type = type_of(e->function == FUNCTION_DIAG ? x->base : BASE_REAL, 1, x->shape[0], -1); break;
    }
    if (x->shape[0] < 0 || x->shape[1] < 0 || x->shape[0] == x->shape[1])
        return true;
    return type_wrong(t, e->args[0], "a square matrix", NULL);
}

/* eigenvector(A, i): eigenvalue 0 is the smallest */
static bool type_eigenvector(struct typer *t, struct expr *e)
{
    if (!type_value(t, e->args[0]))
        return false;
    const struct type *x = &e->args[0]->type;
    long n = x->shape[0], i;
    if (!is_matrix(x) || !exact_only(x))
        return type_wrong(t, e->args[0], "a matrix of exact numbers", "weights and forms are exact, values of a network are not");
    if (x->base == BASE_NONE)
        n = -1;
    else if (n >= 0 && x->shape[1] >= 0 && n != x->shape[1])
        return type_wrong(t, e->args[0], "a square matrix", NULL);
    if (!type_integer(t, e->args[1]))
        return false;
    if (n >= 0 && constant_integer(&i, e->args[1], -1) && (i < 0 || i >= n)) {
        report_at(t->report, e->args[1]->at, NULL, NULL, "index out of range: the matrix has eigenvalues 0..%ld", n - 1);
        return false;
    }
    e->type = type_of(BASE_REAL, 1, n, -1);
    return true;
}

static bool type_vector(struct typer *t, struct expr *e)
{
    for (size_t i = 0; i < e->n_args; i++)
        if (!is_vector(&e->args[i]->type))
            return type_wrong(t, e->args[i], "a vector", e->args[i]->type.rank == 2 ? "take one row: A[last]" : NULL);
    if (e->function != FUNCTION_DOT) {
        e->type = e->args[0]->type;
        e->type.base = BASE_REAL;
        return true;
    }
    e->type = type_of(base_join(e->args[0]->type.base, e->args[1]->type.base), 0, -1, -1);
    if (same_shape(&e->args[0]->type, &e->args[1]->type))
        return true;
    report_at(t->report, e->at, NULL, NULL, "vectors of different lengths: %ld and %ld", e->args[0]->type.shape[0], e->args[1]->type.shape[0]);
    return false;
}

/* sum, mean, abs, len: of any array. */
static bool type_entries(struct typer *t, struct expr *e)
{
    const struct type *x = &e->args[0]->type;
    if (!is_number(x) || (x->rank == 0 && x->base != BASE_NONE && e->function != FUNCTION_ABS))
        return type_wrong(t, e->args[0], e->function == FUNCTION_ABS ? "a number or an array" : "an array", NULL);
    e->type = *x;
    if (e->function == FUNCTION_ABS)
        return true;
    e->type = type_of(e->function == FUNCTION_LEN ? BASE_INT : e->function == FUNCTION_MEAN ? base_join(x->base, BASE_EXACT) : x->base, 0, -1, -1);
    if (e->function != FUNCTION_MEAN || x->base == BASE_NONE || x->shape[0] != 0)
        return true;
    report_at(t->report, e->at, NULL, NULL, "mean of nothing");
    return false;
}

static bool type_real_function(struct typer *t, struct expr *e)
{
    e->type = type_of(BASE_REAL, 0, -1, -1);
    return e->n_args == 0 || is_scalar(&e->args[0]->type) || type_wrong(t, e->args[0], "a number", NULL);
}

static bool type_fourier(struct typer *t, struct expr *e)
{
    const struct type *x = &e->args[0]->type;
    if (!is_number(x) || (x->base != BASE_NONE && (x->rank < 1 || x->rank > 2)))
        return type_wrong(t, e->args[0], "a vector or a matrix", NULL);
    e->type = *x;
    if (x->base != BASE_NONE)
        e->type.base = BASE_REAL;
    return true;
}

static bool type_argmaxes(struct typer *t, struct expr *e)
{
    struct type *element = arena_array(t->arena, 1, sizeof *element);
    if (!element)
        return false;
    if (!is_vector(&e->args[0]->type))
        return type_wrong(t, e->args[0], "a vector", e->args[0]->type.rank == 2 ? "take one row: logits(M, t)[last]" : NULL);
    *element = type_of(BASE_INT, 0, -1, -1);
    e->type = type_of(BASE_SET, 0, -1, -1);
    e->type.element = element;
    return true;
}

/* No rule yet: only names and arities are checked. */
static bool type_later(struct typer *t, struct expr *e)
{
    (void)t;
    e->type = type_of(BASE_NONE, 0, -1, -1);
    return true;
}

static bool type_component_call(struct typer *t, struct expr *e)
{
    report_at(t->report, e->at, "this is a component", "a component stands in ablate, patch or node(M, head(0, 0), t)",
            "wrong type: expected a number or an array");
    return false;
}

static bool (*type_rule(enum function f))(struct typer *, struct expr *)
{
    switch (f) {
    case FUNCTION_LOGITS: case FUNCTION_OUTPUT: case FUNCTION_ATTN: case FUNCTION_SCORE: case FUNCTION_RESID_PRE: case FUNCTION_RESID_MID:
    case FUNCTION_RESID_POST: case FUNCTION_MLP_PRE: case FUNCTION_MLP_POST: case FUNCTION_HEAD_OUT: case FUNCTION_NODE: case FUNCTION_W:
    case FUNCTION_QK: case FUNCTION_OV: return type_activation;
    case FUNCTION_PATCH: case FUNCTION_ABLATE: case FUNCTION_REPLACE: case FUNCTION_STEER: case FUNCTION_BLEND: return type_intervention;
    case FUNCTION_HEAD: case FUNCTION_MLP: case FUNCTION_NEURON: case FUNCTION_BIAS: case FUNCTION_EDGE: return type_component_call;
    case FUNCTION_DIST: case FUNCTION_NORM: return type_norm;
    case FUNCTION_MAX: case FUNCTION_MIN: return type_extreme;
    case FUNCTION_SUM: case FUNCTION_MEAN: case FUNCTION_ABS: case FUNCTION_LEN: return type_entries;
    case FUNCTION_SORT: case FUNCTION_DISTINCT: case FUNCTION_CONTAINS: return type_sequence;
    case FUNCTION_SEQ: return type_seq;
    case FUNCTION_FOLD: return type_fold;
    case FUNCTION_ONEHOT: return type_onehot;
    case FUNCTION_TRANSPOSE: case FUNCTION_DIAG: case FUNCTION_MEAN_ROWS: case FUNCTION_RANK: case FUNCTION_EIGENVALUES: case FUNCTION_INERTIA:
    case FUNCTION_SINGULAR_VALUES: case FUNCTION_EFFECTIVE_RANK: return type_matrix;
    case FUNCTION_DOT: case FUNCTION_SOFTMAX: case FUNCTION_LOGSOFTMAX: return type_vector;
    case FUNCTION_EXP: case FUNCTION_LOG: case FUNCTION_SQRT: case FUNCTION_COS: case FUNCTION_SIN: case FUNCTION_PI: return type_real_function;
    case FUNCTION_FOURIER: return type_fourier;
    case FUNCTION_ARGMAXES: return type_argmaxes;
    case FUNCTION_RADIUS: return type_radius;
    case FUNCTION_FORM: case FUNCTION_ANTISYMMETRIC: return type_form;
    case FUNCTION_GRAM: case FUNCTION_HOSVD: return type_gram;
    case FUNCTION_DISTANCE: return type_distance;
    case FUNCTION_FLIP: case FUNCTION_CHANGES: return type_line;
    case FUNCTION_TRUNCATE: return type_truncate;
    case FUNCTION_EIGENVECTOR: return type_eigenvector;
    case FUNCTION_ARGMAX: case FUNCTION_ARGMIN: case FUNCTION_ROWS:
    case FUNCTION_REALS: case FUNCTION_ORTHANT: case FUNCTION_CONE: case FUNCTION_INTERVAL: case FUNCTION_BOX: case FUNCTION_BALL: case FUNCTION_COUNT: break;
    }
    return type_later;
}

/* These look at their arguments themselves: components, words, named arguments among them. */
static bool types_own_arguments(enum function f)
{
    bool (*rule)(struct typer *, struct expr *) = type_rule(f);
    return rule == type_activation || rule == type_radius || rule == type_form || rule == type_gram || rule == type_distance || rule == type_line || rule == type_truncate || rule == type_eigenvector || rule == type_intervention || rule == type_component_call || rule == type_norm;
}

bool type_call(struct typer *t, struct expr *e)
{
    const struct expr *comparand = t->comparand;
    bool ok = true;
    t->comparand = NULL;
    if (!function_table[e->function].decided)
        type_note(t, "no rule for %s yet", function_table[e->function].name);
    for (size_t i = 0; i < e->n_args && !types_own_arguments(e->function); i++)
        ok = type_value(t, e->args[i]) && ok;
    if (!ok)
        return false;
    if (e->function == FUNCTION_ARGMAX || e->function == FUNCTION_ARGMIN)
        return type_argmax(t, e, comparand);
    return type_rule(e->function)(t, e);
}
