/* Moving entries: every operator that only moves them is a shape and a table "entry e of the result is entry index[e] of x". A constant
 * moves at once, exactly; a node of the network gets a `select`, or nothing where the order stays. Declared in models/onnx_graph.h. */
#include <string.h>

#include "models/onnx_graph.h"

bool onnx_is_constant(const struct value *v) { return v && (v->kind == VALUE_REALS || v->kind == VALUE_INTS); }

static bool keeps_order(const size_t *index, size_t n, size_t of)
{
    for (size_t i = 0; i < n; i++)
        if (index[i] != i)
            return false;
    return n == of;
}

/* Constants and tokens. */
static void take_numbers(struct onnx *o, struct value *v, const struct value *x, const size_t *index)
{
    if (x->kind == VALUE_REALS) {
        double *reals = onnx_array(o, v->count, sizeof *reals);
        for (size_t i = 0; reals && i < v->count; i++)
            reals[i] = x->reals[index[i]];
        v->reals = reals;
    } else {
        int64_t *ints = onnx_array(o, v->count, sizeof *ints);
        for (size_t i = 0; ints && i < v->count; i++)
            ints[i] = x->ints[index[i]];
        v->ints = ints;
    }
}

struct value onnx_take(struct onnx *o, const struct value *x, size_t rank, const size_t *dims, const size_t *index, const char *suffix)
{
    struct value v = *x;
    size_t t;

    v.open = false;
    if (!onnx_ok(o) || !index || !onnx_set_shape(o, &v, rank, dims))
        return (struct value){ 0 };
    if (keeps_order(index, v.count, x->count))
        return v;
    if (x->kind != VALUE_NODE) {
        take_numbers(o, &v, x, index);
        return onnx_ok(o) ? v : (struct value){ 0 };
    }
    if (v.count == 0) {
        onnx_refuse(o, "its result has no entries");
        return (struct value){ 0 };
    }
    t = onnx_indices(o, suffix, index, v.count, 0);
    return onnx_result(o, rank, dims, (struct part){ .suffix = suffix, .op = OP_SELECT, .inputs = &x->node, .n_inputs = 1, .tensors = { t }, .n_tensors = 1 });
}

size_t *onnx_walk(struct onnx *o, size_t rank, const size_t *dims, const int64_t *strides, int64_t first)
{
    size_t at[ONNX_RANK] = { 0 }, *index;
    struct value shape = { 0 };

    if (!onnx_set_shape(o, &shape, rank, dims) || !(index = onnx_array(o, shape.count, sizeof *index)))
        return NULL;
    for (size_t i = 0; i < shape.count; i++) {
        index[i] = (size_t)first;
        for (size_t a = rank; a-- > 0;) {
            first += strides[a];
            if (++at[a] < dims[a])
                break;
            first -= (int64_t)dims[a] * strides[a];
            at[a] = 0;
        }
    }
    return index;
}

/* Row-major strides of a value. */
static void strides_of(int64_t *strides, const struct value *x)
{
    int64_t stride = 1;

    for (size_t a = x->rank; a-- > 0; stride *= (int64_t)x->dims[a])
        strides[a] = stride;
}

struct value onnx_reshaped(struct onnx *o, const struct value *x, size_t rank, const size_t *dims)
{
    struct value v = *x;

    v.open = false;
    return onnx_ok(o) && onnx_set_shape(o, &v, rank, dims) ? v : (struct value){ 0 };
}

struct value onnx_transposed(struct onnx *o, const struct value *x, const size_t *order, const char *suffix)
{
    int64_t strides[ONNX_RANK], moved[ONNX_RANK];
    size_t dims[ONNX_RANK];

    strides_of(strides, x);
    for (size_t a = 0; a < x->rank; a++) {
        dims[a] = x->dims[order[a]];
        moved[a] = strides[order[a]];
    }
    return onnx_take(o, x, x->rank, dims, onnx_walk(o, x->rank, dims, moved, 0), suffix);
}

size_t *onnx_spread(struct onnx *o, const struct value *x, size_t rank, const size_t *dims)
{
    int64_t strides[ONNX_RANK], moved[ONNX_RANK] = { 0 };

    strides_of(strides, x);
    for (size_t a = 0; a < x->rank && rank >= x->rank; a++)
        if (x->dims[a] != 1)
            moved[a + rank - x->rank] = strides[a];
    return onnx_walk(o, rank, dims, moved, 0);
}

struct value onnx_expanded(struct onnx *o, const struct value *x, size_t rank, const size_t *dims, const char *suffix)
{
    return onnx_take(o, x, rank, dims, onnx_spread(o, x, rank, dims), suffix);
}

bool onnx_broadcast(struct onnx *o, size_t *rank, size_t *dims, const struct value *x, const struct value *y)
{
    *rank = x->rank > y->rank ? x->rank : y->rank;
    for (size_t a = 0; a < *rank && onnx_ok(o); a++) { /* counted from the last axis */
        size_t p = a < x->rank ? x->dims[x->rank - 1 - a] : 1, q = a < y->rank ? y->dims[y->rank - 1 - a] : 1;
        if (p != q && p != 1 && q != 1)
            onnx_bad(o, "shapes %s and %s do not broadcast", onnx_shape_text(o, x->rank, x->dims), onnx_shape_text(o, y->rank, y->dims));
        dims[*rank - 1 - a] = p == 1 ? q : p;
    }
    return onnx_ok(o);
}

struct value onnx_axes_last(struct onnx *o, const struct value *x, const bool *marked, size_t *order, const char *suffix)
{
    size_t n = 0;

    for (int last = 0; last < 2; last++)
        for (size_t a = 0; a < x->rank; a++)
            if (marked[a] == (last == 1))
                order[n++] = a;
    return onnx_transposed(o, x, order, suffix);
}

/* All of one kind that is known now: the numbers themselves, one value after the other. */
static struct value join_numbers(struct onnx *o, const struct value *x, size_t n, size_t total)
{
    struct value v = x[0];
    double *reals = v.kind == VALUE_REALS ? onnx_array(o, total, sizeof *reals) : NULL;
    int64_t *ints = v.kind == VALUE_REALS ? NULL : onnx_array(o, total, sizeof *ints);

    v.reals = reals;
    v.ints = ints;
    if (!onnx_set_shape(o, &v, 1, &total))
        return (struct value){ 0 };
    for (size_t i = 0, at = 0; i < n; at += x[i++].count) {
        if (reals && x[i].count)
            memcpy(reals + at, x[i].reals, x[i].count * sizeof *reals);
        else if (ints && x[i].count)
            memcpy(ints + at, x[i].ints, x[i].count * sizeof *ints);
    }
    return v;
}

struct value onnx_joined(struct onnx *o, const struct value *x, size_t n, const char *suffix)
{
    size_t total = 0, n_inputs = 0, *inputs = onnx_array(o, n, sizeof *inputs);
    bool same = true, real = true;

    for (size_t i = 0; i < n; i++) {
        total += x[i].count; /* each at most ONNX_ENTRIES */
        same = same && x[i].kind == x[0].kind && x[i].kind != VALUE_NODE;
        real = real && (x[i].kind == VALUE_NODE || x[i].kind == VALUE_REALS);
    }
    if (onnx_ok(o) && !same && !real)
        onnx_refuse(o, "its inputs are of different kinds (tokens, integers, numbers that are computed)");
    if (!onnx_ok(o))
        return (struct value){ 0 };
    if (same)
        return join_numbers(o, x, n, total);
    for (size_t i = 0; i < n && onnx_ok(o); i++)
        if (x[i].count) {
            inputs[n_inputs] = onnx_as_node(o, &x[i]);
            n_inputs++;
        }
    if (n_inputs == 1)
        return (struct value){ .kind = VALUE_NODE, .type = ONNX_FLOAT, .rank = 1, .dims = { total }, .count = total, .node = inputs[0] };
    return onnx_result(o, 1, &total, (struct part){ .suffix = suffix, .op = OP_CONCAT, .inputs = inputs, .n_inputs = n_inputs });
}
