/* Operators over whole axes: softmax, normalisations, reductions. A group of entries that belong together is brought to consecutive places
 * first; sums of groups are products with ones. */
#include <string.h>

#include "models/onnx_graph.h"

struct value onnx_group_sums(struct onnx *o, const struct value *x, size_t g, const char *suffix)
{
    struct value ones = onnx_constant(o, "ones", g, 1);
    size_t n = g ? x->count / g : 0;

    return onnx_products(o, x, &ones, (size_t[]){ 1, n, g, 1 }, 1, &n, suffix);
}

struct value onnx_over(struct onnx *o, const struct value *x, double n, const char *suffix)
{
    struct value size = onnx_constant(o, "size", 1, n);

    return onnx_binary(o, OP_DIV, x, &size, suffix);
}

/* Where entry e of x goes back to, after onnx_axes_last with that order. */
static struct value axes_back(struct onnx *o, const struct value *x, const size_t *order)
{
    size_t back[ONNX_RANK];

    for (size_t a = 0; a < x->rank; a++)
        back[order[a]] = a;
    return onnx_transposed(o, x, back, "");
}

/* From version 13 along one axis; before, over all axes from that one on. */
static void softmax(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    size_t axis, g = 1, order[ONNX_RANK], input;
    bool last[ONNX_RANK] = { false };
    struct value v;
    int64_t wanted = onnx_int(o, c, "axis", o->opset < 13 ? 1 : -1);

    axis = o->opset < 13 && wanted == (int64_t)x->rank ? x->rank : onnx_ok(o) ? onnx_axis(o, wanted, x->rank) : 0;
    for (size_t a = axis; a < x->rank; a++)
        if (a == axis || o->opset < 13) {
            last[a] = true;
            g *= x->dims[a];
        }
    if (!onnx_ok(o))
        return;
    v = onnx_axes_last(o, x, last, order, ".groups");
    input = onnx_ok(o) ? onnx_as_node(o, &v) : 0;
    bool stays = true;
    for (size_t a = 0; a < x->rank; a++)
        stays = stays && order[a] == a;
    v = onnx_result(o, v.rank, v.dims, (struct part){ .suffix = stays ? "" : ".softmax", .op = OP_ROWSOFTMAX, .inputs = &input, .n_inputs = 1, .args = { g }, .n_args = 1 });
    c->out[0] = onnx_ok(o) ? axes_back(o, &v, order) : v;
}

/* ---- reductions ---- */

/* x with the axes to reduce last; *g: entries of a group. rank, dims: of the result. */
static struct value reduced_groups(struct onnx *o, struct call *c, bool by_input, size_t *g, size_t *rank, size_t *dims)
{
    const struct value *x = onnx_real(o, c, 0);
    bool marked[ONNX_RANK] = { false }, keep = onnx_int(o, c, "keepdims", 1) != 0;
    size_t n = 0, order[ONNX_RANK];
    const int64_t *axes = by_input ? onnx_ints_or_input(o, c, "axes", 1, &n) : onnx_ints(o, c, "axes", &n);

    if (onnx_ok(o) && n == 0 && !onnx_int(o, c, "noop_with_empty_axes", 0))
        for (size_t a = 0; a < x->rank; a++)
            marked[a] = true;
    for (size_t i = 0; i < n && onnx_ok(o); i++)
        marked[onnx_axis(o, axes[i], x->rank)] = true;
    *g = 1;
    *rank = 0;
    for (size_t a = 0; a < x->rank && onnx_ok(o); a++) {
        if (marked[a])
            *g *= x->dims[a];
        if (!marked[a] || keep)
            dims[(*rank)++] = marked[a] ? 1 : x->dims[a];
    }
    return onnx_ok(o) ? onnx_axes_last(o, x, marked, order, ".groups") : (struct value){ 0 };
}

static void reduce(struct onnx *o, struct call *c, bool by_input, bool mean)
{
    size_t g, rank, dims[ONNX_RANK];
    struct value v = reduced_groups(o, c, by_input, &g, &rank, dims);

    if (onnx_ok(o))
        v = onnx_group_sums(o, &v, g, mean ? ".sum" : "");
    if (onnx_ok(o) && mean)
        v = onnx_over(o, &v, (double)g, "");
    c->out[0] = onnx_reshaped(o, &v, rank, dims);
}

static void reduce_sum(struct onnx *o, struct call *c) { reduce(o, c, o->opset >= 13, false); }
static void reduce_mean(struct onnx *o, struct call *c) { reduce(o, c, o->opset >= 18, true); }

/* The largest of each group: maxpool over consecutive entries. */
static struct value largest(struct onnx *o, const struct value *v, size_t g, size_t rank, const size_t *dims, const char *suffix)
{
    size_t *index = onnx_array(o, v->count, sizeof *index), t, input;

    for (size_t i = 0; index && i < v->count; i++)
        index[i] = i;
    if (!index)
        return (struct value){ 0 };
    input = onnx_as_node(o, v);
    t = onnx_indices(o, suffix, index, v->count / g, g);
    return onnx_result(o, rank, dims, (struct part){ .suffix = suffix, .op = OP_MAXPOOL, .inputs = &input, .n_inputs = 1, .tensors = { t }, .n_tensors = 1 });
}

static void reduce_max(struct onnx *o, struct call *c)
{
    size_t g, rank, dims[ONNX_RANK];
    struct value v = reduced_groups(o, c, o->opset >= 18, &g, &rank, dims);

    if (onnx_ok(o))
        c->out[0] = largest(o, &v, g, rank, dims, "");
}

/* -max(-x), exactly. */
static void reduce_min(struct onnx *o, struct call *c)
{
    size_t g, rank, dims[ONNX_RANK];
    struct value v = reduced_groups(o, c, o->opset >= 18, &g, &rank, dims), zero = onnx_constant(o, "zero", 1, 0);

    zero = onnx_reshaped(o, &zero, 0, NULL);
    v = onnx_binary(o, OP_SUB, &zero, &v, ".negative");
    if (onnx_ok(o))
        v = largest(o, &v, g, rank, dims, ".largest");
    c->out[0] = onnx_binary(o, OP_SUB, &zero, &v, "");
}

/* ---- normalisations ---- */

static struct value epsilon(struct onnx *o, double eps)
{
    struct value v = onnx_constant(o, "epsilon", 1, eps);

    return v;
}

/* Refuses outputs beside the first: they belong to training. */
static void only_first_output(struct onnx *o, const struct call *c)
{
    for (size_t i = 1; i < c->n_out && onnx_ok(o); i++)
        if (c->proto->output[i] && *c->proto->output[i] && onnx_is_read(o, c->proto->output[i]))
            onnx_refuse(o, "its output %zu ('%s') is read", i, c->proto->output[i]);
}

/* (x - mean) / sqrt(var + eps) * scale + B, channel by channel. */
static void batch_normalization(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    struct value part[4], v, eps = epsilon(o, onnx_float(o, c, "epsilon", (double)1e-5f));
    size_t dims[ONNX_RANK] = { 0 }, channels = x->rank > 1 ? x->dims[1] : 1, rank = x->rank > 1 ? x->rank - 1 : 1;

    if (onnx_int(o, c, "training_mode", 0) || !onnx_int(o, c, "spatial", 1))
        onnx_refuse(o, "training_mode 1 and spatial 0 are not read");
    for (size_t i = 1; i < c->n_out && o->opset < 14 && onnx_ok(o); i++) /* which says that it is training, whoever reads them */
        if (c->proto->output[i] && *c->proto->output[i])
            onnx_refuse(o, "more than one output: before operator set 14 that is training, by the statistics of the batch");
    only_first_output(o, c);
    for (size_t i = 0; i < 4 && onnx_ok(o); i++) { /* [channels, 1, ...], to broadcast from axis 1 on */
        part[i] = *onnx_real(o, c, i + 1);
        if (onnx_ok(o) && (part[i].rank != 1 || part[i].count != channels))
            onnx_bad(o, "input %zu has shape %s for %zu channels", i + 1, onnx_shape_text(o, part[i].rank, part[i].dims), channels);
        dims[0] = channels;
        for (size_t a = 1; a < rank; a++)
            dims[a] = 1;
    }
    if (!onnx_ok(o))
        return;
    v = onnx_binary(o, OP_ADD, &part[3], &eps, ".variance");
    part[3] = onnx_unary(o, OP_SQRT, &v, ".deviation");
    for (size_t i = 0; i < 4 && onnx_ok(o); i++)
        part[i] = onnx_reshaped(o, &part[i], rank, dims);
    v = onnx_binary(o, OP_SUB, x, &part[2], ".centred");
    v = onnx_binary(o, OP_DIV, &v, &part[3], ".normalized");
    v = onnx_binary(o, OP_MUL, &v, &part[0], ".scaled");
    c->out[0] = onnx_binary(o, OP_ADD, &v, &part[1], "");
}

struct normal { struct value x, scale, bias; bool has_bias, centre; size_t groups, d; double eps; size_t rank, dims[ONNX_RANK]; };

/* Scale and bias as vectors of d entries that one node can read. */
static bool is_vector(const struct value *v, size_t d) { return v->kind == VALUE_REALS && v->count == d; }

/* One group of all entries: the operation of the table. */
static struct value whole_norm(struct onnx *o, const struct normal *n)
{
    struct part p = { .suffix = "", .op = n->centre ? OP_LAYERNORM : OP_RMSNORM };
    size_t input = onnx_as_node(o, &n->x);
    struct value zero = n->has_bias || !n->centre ? n->bias : onnx_constant(o, "bias", n->d, 0);

    p.inputs = &input;
    p.n_inputs = 1;
    p.tensors[p.n_tensors++] = onnx_weights(o, n->scale.name, n->scale.reals, n->d, 0);
    if (n->centre && onnx_ok(o))
        p.tensors[p.n_tensors++] = onnx_weights(o, zero.name, zero.reals, n->d, 0);
    o->net.eps = n->eps;
    o->has_eps = true;
    return onnx_result(o, n->rank, n->dims, p);
}

/* Step by step, as the operator is defined: mean, difference, mean of squares, plus epsilon, root, quotient, scale, bias. */
static struct value group_norm(struct onnx *o, const struct normal *n)
{
    size_t each[2] = { n->groups, n->d }, one[2] = { n->groups, 1 };
    struct value x = onnx_reshaped(o, &n->x, 2, each), eps = epsilon(o, n->eps), v;

    if (n->centre) {
        v = onnx_group_sums(o, &x, n->d, ".sum");
        v = onnx_over(o, &v, (double)n->d, ".mean");
        v = onnx_reshaped(o, &v, 2, one);
        x = onnx_binary(o, OP_SUB, &x, &v, ".centred");
    }
    v = onnx_binary(o, OP_MUL, &x, &x, ".squares");
    v = onnx_group_sums(o, &v, n->d, ".squares.sum");
    v = onnx_over(o, &v, (double)n->d, ".variance");
    v = onnx_binary(o, OP_ADD, &v, &eps, ".variance.eps");
    v = onnx_unary(o, OP_SQRT, &v, ".deviation");
    v = onnx_reshaped(o, &v, 2, one);
    v = onnx_binary(o, OP_DIV, &x, &v, ".normalized");
    v = onnx_reshaped(o, &v, n->rank, n->dims);
    v = onnx_binary(o, OP_MUL, &v, &n->scale, n->has_bias ? ".scaled" : "");
    return n->has_bias ? onnx_binary(o, OP_ADD, &v, &n->bias, "") : v;
}

static void normalization(struct onnx *o, struct call *c, bool centre)
{
    struct normal n = { .x = *onnx_real(o, c, 0), .scale = *onnx_real(o, c, 1), .centre = centre, .groups = 1, .d = 1 };
    size_t axis = onnx_ok(o) ? onnx_axis(o, onnx_int(o, c, "axis", -1), n.x.rank) : 0, rank, dims[ONNX_RANK];

    if (onnx_int(o, c, "stash_type", 1) != 1)
        onnx_refuse(o, "stash_type is not FLOAT");
    n.eps = onnx_float(o, c, "epsilon", (double)1e-5f);
    if (!(n.eps >= 0))
        onnx_bad(o, "epsilon is negative");
    only_first_output(o, c);
    n.has_bias = centre && onnx_input(c, 2);
    if (n.has_bias)
        n.bias = *onnx_real(o, c, 2);
    n.rank = n.x.rank;
    memcpy(n.dims, n.x.dims, sizeof n.dims);
    for (size_t a = 0; a < n.rank; a++)
        *(a < axis ? &n.groups : &n.d) *= n.dims[a];
    for (int i = 0; i < 1 + n.has_bias && onnx_ok(o); i++)
        if (onnx_broadcast(o, &rank, dims, &n.x, i ? &n.bias : &n.scale) && (rank != n.rank || memcmp(dims, n.dims, rank * sizeof *dims) != 0))
            onnx_bad(o, "scale or bias does not broadcast to shape %s", onnx_shape_text(o, n.rank, n.dims));
    if (!onnx_ok(o))
        return;
    bool whole = n.groups == 1 && is_vector(&n.scale, n.d) && (!n.has_bias || is_vector(&n.bias, n.d)) && (!o->has_eps || o->net.eps == n.eps);
    c->out[0] = whole ? whole_norm(o, &n) : group_norm(o, &n);
}

static void layer_normalization(struct onnx *o, struct call *c) { normalization(o, c, true); }
static void rms_normalization(struct onnx *o, struct call *c) { normalization(o, c, false); }

const struct onnx_operator onnx_norm_operators[] = {
    { "BatchNormalization", 5, 5, batch_normalization, " epsilon momentum training_mode spatial " },
    { "LayerNormalization", 2, 3, layer_normalization, " axis epsilon stash_type " },
    { "RMSNormalization", 2, 2, rms_normalization, " axis epsilon stash_type " },
    { "ReduceMax", 1, 2, reduce_max, " axes keepdims noop_with_empty_axes " },
    { "ReduceMean", 1, 2, reduce_mean, " axes keepdims noop_with_empty_axes " },
    { "ReduceMin", 1, 2, reduce_min, " axes keepdims noop_with_empty_axes " },
    { "ReduceSum", 1, 2, reduce_sum, " axes keepdims noop_with_empty_axes " },
    { "Softmax", 1, 1, softmax, " axis " },
    { NULL, 0, 0, NULL, NULL },
};
