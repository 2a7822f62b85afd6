/* Operators that make constants or choose among values: Constant, Cast, Where, Range, Dropout, ... Declared in models/onnx_graph.h. */
#include <math.h>
#include <string.h>

#include "models/onnx_graph.h"

static void identity(struct onnx *o, struct call *c) { c->out[0] = onnx_reshaped(o, onnx_needed(o, c, 0), onnx_needed(o, c, 0)->rank, onnx_needed(o, c, 0)->dims); }

/* Outside training it passes its input on; with a ratio of 0 also in training. */
static void dropout(struct onnx *o, struct call *c)
{
    const struct value *training = onnx_input(c, 2);

    if (training && (training->kind != VALUE_INTS || training->count != 1))
        onnx_refuse(o, "training_mode must be constant");
    else if (training && training->ints[0] && onnx_scalar(o, c, 1, 0.5) != 0)
        onnx_refuse(o, "training_mode is true: its result is random");
    identity(o, c);
}

/* A number of 0 or more axes, all equal. */
static struct value filled(struct onnx *o, const struct value *one, size_t rank, const size_t *dims)
{
    struct value v = { 0 };
    size_t *index;

    if (!onnx_set_shape(o, &v, rank, dims) || !(index = onnx_array(o, v.count, sizeof *index)))
        return (struct value){ 0 };
    return onnx_take(o, one, rank, dims, index, "");
}

static void constant_of_shape(struct onnx *o, struct call *c)
{
    const Onnx__AttributeProto *a = onnx_attribute(c, "value");
    struct value one = a && a->t ? onnx_tensor(o, a->t, c->name) : onnx_constant(o, c->name, 1, 0);
    size_t n, dims[ONNX_RANK];
    const int64_t *list = onnx_shape_input(o, c, 0, &n);

    if (onnx_ok(o) && one.count != 1)
        onnx_bad(o, "attribute 'value' has %zu entries, not one", one.count);
    if (onnx_ok(o) && onnx_to_dims(o, dims, list, n))
        c->out[0] = filled(o, &one, n, dims);
}

static void constant(struct onnx *o, struct call *c)
{
    const Onnx__AttributeProto *a = c->proto->n_attribute == 1 ? c->proto->attribute[0] : NULL;
    struct value v = { .name = c->name };
    double *reals = NULL;
    int64_t *ints = NULL;
    size_t n;

    if (!a || !a->name)
        onnx_bad(o, "a constant has exactly one attribute, its value");
    else if (strcmp(a->name, "value") == 0 && a->t)
        c->out[0] = onnx_tensor(o, a->t, c->name);
    else if (strcmp(a->name, "value_int") == 0 || strcmp(a->name, "value_ints") == 0) {
        bool list = a->name[9] == 's';
        n = list ? a->n_ints : 1;
        if ((ints = onnx_array(o, n, sizeof *ints)) && n)
            memcpy(ints, list ? a->ints : &a->i, n * sizeof *ints);
        c->out[0] = onnx_integer_constant(o, list, &n, ints);
    } else if (strcmp(a->name, "value_float") == 0 || strcmp(a->name, "value_floats") == 0) {
        bool list = a->name[11] == 's';
        n = list ? a->n_floats : 1;
        v.kind = VALUE_REALS;
        v.type = ONNX_FLOAT;
        v.reals = reals = onnx_array(o, n, sizeof *reals);
        for (size_t i = 0; reals && i < n; i++)
            reals[i] = (double)(list ? a->floats[i] : a->f);
        if (onnx_set_shape(o, &v, list, &n))
            c->out[0] = v;
    } else
        onnx_bad(o, "attribute '%s' holds no tensor", a->name);
}

/* Constant numbers of one type in another: only where nothing is rounded, but for a fraction that an integer type cuts off. */
static void cast_constant(struct onnx *o, struct call *c, const struct value *x, int32_t to)
{
    struct value v = *x;
    double *reals = onnx_type_kind(to) == VALUE_REALS ? onnx_array(o, x->count, sizeof *reals) : NULL;
    int64_t *ints = onnx_type_kind(to) == VALUE_REALS ? NULL : onnx_array(o, x->count, sizeof *ints);

    v.type = to;
    v.kind = onnx_type_kind(to);
    v.reals = reals;
    v.ints = ints;
    for (size_t i = 0; i < x->count && onnx_ok(o); i++) {
        double y = x->kind == VALUE_REALS ? x->reals[i] : (double)x->ints[i];
        bool exact = x->kind == VALUE_REALS || (x->ints[i] >= -((int64_t)1 << 53) && x->ints[i] <= (int64_t)1 << 53);
        if (reals) {
            exact = exact && (to == 11 || (to == ONNX_FLOAT && (isinf(y) || (fabs(y) <= 0x1.fffffep127 && (double)(float)y == y))));
            reals[i] = y;
        } else if (to == ONNX_BOOL) {
            exact = true;
            ints[i] = x->kind == VALUE_REALS ? y != 0 : x->ints[i] != 0;
        } else {
            exact = x->kind == VALUE_INTS || (y > -0x1p53 && y < 0x1p53);
            ints[i] = x->kind == VALUE_INTS ? x->ints[i] : exact ? (int64_t)y : 0;
            if (to != ONNX_INT64 && to != ONNX_INT32)
                exact = false;
            if (to == ONNX_INT32 && (ints[i] < INT32_MIN || ints[i] > INT32_MAX))
                exact = false;
        }
        if (!exact)
            onnx_refuse(o, "entry %zu of a constant would be rounded to %s", i, onnx_type_name(to));
    }
    if (onnx_ok(o))
        c->out[0] = v;
}

static void cast(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    int64_t to = onnx_int(o, c, "to", 0);
    const char *name = to > 0 && to < 100 ? onnx_type_name((int32_t)to) : NULL;

    if (onnx_ok(o) && (!name || onnx_type_kind((int32_t)to) == VALUE_NONE))
        onnx_refuse(o, "a cast to %s", name ? name : "no element type");
    else if (x->kind == VALUE_NODE ? to != ONNX_FLOAT : x->kind == VALUE_TOKENS && to != ONNX_INT32 && to != ONNX_INT64)
        onnx_refuse(o, "%s cast to %s", x->kind == VALUE_NODE ? "numbers that are computed" : "tokens", name);
    else if (onnx_is_constant(x))
        cast_constant(o, c, x, (int32_t)to);
    else
        identity(o, c);
}

/* Entries of one or the other: exact, so a node reads both. */
static void where(struct onnx *o, struct call *c)
{
    const struct value *which = onnx_needed(o, c, 0);
    struct value both[2] = { *onnx_needed(o, c, 1), *onnx_needed(o, c, 2) }, shaped = { 0 }, all;
    size_t rank, dims[ONNX_RANK], *index, *other, *choice;

    if (onnx_ok(o) && which->kind != VALUE_INTS)
        onnx_refuse(o, "the condition must be constant");
    if (!onnx_ok(o) || !onnx_broadcast(o, &rank, dims, &both[0], &both[1]))
        return;
    (void)onnx_set_shape(o, &shaped, rank, dims);
    if (!onnx_ok(o) || !onnx_broadcast(o, &rank, dims, &shaped, which) || !onnx_set_shape(o, &shaped, rank, dims))
        return;
    index = onnx_spread(o, &both[0], rank, dims);
    other = onnx_spread(o, &both[1], rank, dims);
    choice = onnx_spread(o, which, rank, dims);
    for (size_t i = 0; index && other && choice && i < shaped.count; i++)
        index[i] = which->ints[choice[i]] ? index[i] : both[0].count + other[i];
    all = onnx_joined(o, both, 2, ".both");
    if (onnx_ok(o))
        c->out[0] = onnx_take(o, &all, rank, dims, index, "");
}

/* Entry [.., r, c] of the last two axes is kept where c - r >= k (upper), or <= k; the others are 0. */
static void trilu(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0), *diagonal = onnx_input(c, 1);
    bool upper = onnx_int(o, c, "upper", 1) != 0;
    int64_t k = 0;
    struct value both[2] = { *x, { 0 } }, all;
    size_t one = 1, rows, columns, *index = onnx_array(o, x->count, sizeof *index);

    if (onnx_ok(o) && diagonal && (diagonal->kind != VALUE_INTS || diagonal->count != 1 || diagonal->ints[0] > 1 << 30 || diagonal->ints[0] < -(1 << 30)))
        onnx_refuse(o, "k must be a constant integer");
    if (onnx_ok(o) && x->rank < 2)
        onnx_bad(o, "its input has shape %s, two axes are needed", onnx_shape_text(o, x->rank, x->dims));
    if (!onnx_ok(o))
        return;
    k = diagonal ? diagonal->ints[0] : 0;
    rows = x->dims[x->rank - 2];
    columns = x->dims[x->rank - 1];
    for (size_t i = 0; i < x->count; i++) {
        int64_t apart = (int64_t)(i % columns) - (int64_t)(i / columns % rows);
        index[i] = (upper ? apart >= k : apart <= k) ? i : x->count;
    }
    both[1] = x->kind == VALUE_INTS ? onnx_integer_constant(o, 1, &one, onnx_array(o, 1, sizeof(int64_t))) : onnx_constant(o, onnx_string(o, "%s.zero", c->name), 1, 0);
    both[1].type = x->type;
    all = onnx_joined(o, both, 2, ".both");
    if (onnx_ok(o))
        c->out[0] = onnx_take(o, &all, x->rank, x->dims, index, "");
}

static void range(struct onnx *o, struct call *c)
{
    int64_t v[3], *ints;
    size_t n = 0;

    for (size_t i = 0; i < 3; i++) {
        const struct value *x = onnx_needed(o, c, i);
        if (onnx_ok(o) && (x->kind != VALUE_INTS || x->count != 1 || x->ints[0] > 1 << 30 || x->ints[0] < -(1 << 30)))
            onnx_refuse(o, "start, limit and delta must be constant integers");
        v[i] = onnx_ok(o) ? x->ints[0] : 0;
    }
    if (onnx_ok(o) && v[2] == 0)
        onnx_bad(o, "a step of 0");
    if (onnx_ok(o) && (v[2] > 0 ? v[1] > v[0] : v[1] < v[0]))
        n = (size_t)((v[1] - v[0] + v[2] - (v[2] > 0 ? 1 : -1)) / v[2]);
    if (n > ONNX_ENTRIES)
        onnx_refuse(o, "a tensor of more than %zu entries", ONNX_ENTRIES);
    ints = onnx_array(o, n, sizeof *ints);
    for (size_t i = 0; ints && i < n; i++)
        ints[i] = v[0] + (int64_t)i * v[2];
    c->out[0] = onnx_integer_constant(o, 1, &n, ints);
}

const struct onnx_operator onnx_constant_operators[] = {
    { "Cast", 1, 1, cast, " to saturate round_mode " },
    { "Constant", 0, 0, constant, " value value_int value_ints value_float value_floats " },
    { "ConstantOfShape", 1, 1, constant_of_shape, " value " },
    { "Dropout", 1, 3, dropout, " ratio seed " },
    { "Identity", 1, 1, identity, "" },
    { "Range", 3, 3, range, "" },
    { "Trilu", 1, 2, trilu, " upper " },
    { "Where", 3, 3, where, "" },
    { NULL, 0, 0, NULL, NULL },
};
