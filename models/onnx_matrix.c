/* Gemm and MatMul. A product with a constant matrix and one row is a `linear` node, with its bias if there is one; everything else is a
 * `matmul` node over batches. */
#include <string.h>

#include "models/onnx_graph.h"

/* Tensor [k, m] of a constant matrix. */
static size_t matrix(struct onnx *o, const struct value *w) { return onnx_weights(o, w->name, w->reals, w->dims[0], w->dims[1]); }

static struct value flipped(struct onnx *o, const struct value *x, const char *suffix)
{
    size_t order[ONNX_RANK];

    for (size_t a = 0; a < x->rank; a++)
        order[a] = a + 2 < x->rank ? a : a + 2 == x->rank ? a + 1 : a - 1;
    return onnx_transposed(o, x, order, suffix);
}

/* x_i W, one row. */
static struct value linear(struct onnx *o, const struct value *x, const struct value *w, const struct value *bias, size_t rank, const size_t *dims)
{
    struct part p = { .suffix = "", .op = OP_LINEAR, .inputs = &x->node, .n_inputs = 1, .n_tensors = bias ? 2 : 1 };

    p.tensors[0] = matrix(o, w);
    if (bias)
        p.tensors[1] = onnx_weights(o, bias->name, bias->reals, bias->count, 0);
    return onnx_result(o, rank, dims, p);
}

/* B products of [A, K] and [K, C]. */
static struct value products(struct onnx *o, const struct value *x, const struct value *y, const size_t sizes[4], size_t rank, const size_t *dims, const char *suffix)
{
    size_t inputs[2];

    if (!onnx_ok(o))
        return (struct value){ 0 };
    inputs[0] = onnx_as_node(o, x);
    inputs[1] = onnx_as_node(o, y);
    return onnx_result(o, rank, dims, (struct part){ .suffix = suffix, .op = OP_MATMUL, .inputs = inputs, .n_inputs = 2, .n_args = 4,
                                                     .args = { sizes[0], sizes[1], sizes[2], sizes[3] } });
}

static size_t product(const size_t *dims, size_t n)
{
    size_t p = 1;

    for (size_t i = 0; i < n; i++)
        p *= dims[i];
    return p;
}

/* Both [..., A, K] and [..., K, C]. dims: of the result, [..., A, C]. */
static struct value batched(struct onnx *o, struct value x, struct value y, size_t rank, size_t *dims)
{
    size_t A = x.dims[x.rank - 2], K = x.dims[x.rank - 1], C = y.dims[y.rank - 1], batch = rank - 2, B = product(dims, batch);

    if (x.kind == VALUE_NODE && y.kind == VALUE_REALS && y.rank == 2 && A * B == 1)
        return linear(o, &x, &y, NULL, rank, dims);
    if (product(y.dims, y.rank - 2) == 1) /* one matrix for all rows of x */
        return products(o, &x, &y, (size_t[]){ 1, A * B, K, C }, rank, dims, "");
    dims[rank - 2] = A;
    dims[rank - 1] = K;
    if (product(x.dims, x.rank - 2) != B)
        x = onnx_expanded(o, &x, rank, dims, ".left");
    dims[rank - 2] = K;
    dims[rank - 1] = C;
    if (product(y.dims, y.rank - 2) != B)
        y = onnx_expanded(o, &y, rank, dims, ".right");
    dims[rank - 2] = A;
    return products(o, &x, &y, (size_t[]){ B, A, K, C }, rank, dims, "");
}

static void matmul(struct onnx *o, struct call *c)
{
    struct value x = *onnx_real(o, c, 0), y = *onnx_real(o, c, 1), v, tall, wide;
    size_t rank, dims[ONNX_RANK], n = 0, final[ONNX_RANK], xr = x.rank, yr = y.rank;

    if (onnx_ok(o) && (xr == 0 || yr == 0))
        onnx_bad(o, "a product of a tensor without dimensions");
    if (onnx_ok(o) && xr == 1)
        x = onnx_reshaped(o, &x, 2, (size_t[]){ 1, x.dims[0] });
    if (onnx_ok(o) && yr == 1)
        y = onnx_reshaped(o, &y, 2, (size_t[]){ y.dims[0], 1 });
    if (!onnx_ok(o))
        return;
    if (x.dims[x.rank - 1] != y.dims[y.rank - 2]) {
        onnx_bad(o, "shapes %s and %s have no product", onnx_shape_text(o, x.rank, x.dims), onnx_shape_text(o, y.rank, y.dims));
        return;
    }
    tall = onnx_reshaped(o, &x, x.rank - 2, x.dims); /* the batches alone */
    wide = onnx_reshaped(o, &y, y.rank - 2, y.dims);
    if (!onnx_broadcast(o, &rank, dims, &tall, &wide))
        return;
    dims[rank++] = x.dims[x.rank - 2];
    dims[rank++] = y.dims[y.rank - 1];
    v = batched(o, x, y, rank, dims);
    for (size_t a = 0; a < rank; a++)
        if (!(xr == 1 && a + 2 == rank) && !(yr == 1 && a + 1 == rank))
            final[n++] = dims[a];
    if (onnx_ok(o)) {
        c->out[0] = onnx_reshaped(o, &v, n, final);
        c->out[0].open = o->net.nodes[v.node].op == OP_LINEAR && onnx_read_once(o, c->proto->output[0]);
    }
}

/* factor x, entry by entry. */
static struct value scaled(struct onnx *o, const struct value *x, const char *name, double factor, const char *suffix)
{
    struct value f = onnx_constant(o, name, 1, factor);

    f = onnx_reshaped(o, &f, 0, NULL);
    return onnx_binary(o, OP_MUL, &f, x, suffix);
}

static struct value gemm_operand(struct onnx *o, struct call *c, size_t i, const char *flag)
{
    struct value x = *onnx_real(o, c, i);

    if (onnx_ok(o) && x.rank != 2)
        onnx_bad(o, "input %zu has %zu dimensions, not 2", i, x.rank);
    if (onnx_int(o, c, flag, 0) && onnx_ok(o))
        x = flipped(o, &x, i ? ".B" : ".A");
    return x;
}

/* alpha A B + beta C. */
static void gemm(struct onnx *o, struct call *c)
{
    struct value a = gemm_operand(o, c, 0, "transA"), b = gemm_operand(o, c, 1, "transB"), bias = { 0 }, v;
    double alpha = onnx_float(o, c, "alpha", 1), beta = onnx_float(o, c, "beta", 1);
    bool more = onnx_input(c, 2) != NULL;
    size_t dims[2] = { a.dims[0], b.dims[1] }, rank, joint[ONNX_RANK];

    if (onnx_ok(o) && a.dims[1] != b.dims[0])
        onnx_bad(o, "shapes %s and %s have no product", onnx_shape_text(o, a.rank, a.dims), onnx_shape_text(o, b.rank, b.dims));
    if (more && onnx_ok(o))
        bias = *onnx_real(o, c, 2);
    if (!onnx_ok(o))
        return;
    v = (struct value){ .rank = 2, .dims = { dims[0], dims[1] } };
    if (more && (!onnx_broadcast(o, &rank, joint, &v, &bias) || rank != 2 || joint[0] != dims[0] || joint[1] != dims[1])) {
        onnx_bad(o, "C of shape %s does not broadcast to %s", onnx_shape_text(o, bias.rank, bias.dims), onnx_shape_text(o, 2, dims));
        return;
    }
    if (a.kind == VALUE_NODE && b.kind == VALUE_REALS && dims[0] == 1 && alpha == 1 && (!more || (bias.kind == VALUE_REALS && beta == 1))) {
        if (more)
            bias = onnx_expanded(o, &bias, 2, dims, "");
        c->out[0] = onnx_ok(o) ? linear(o, &a, &b, more ? &bias : NULL, 2, dims) : v;
        return;
    }
    v = products(o, &a, &b, (size_t[]){ 1, dims[0], a.dims[1], dims[1] }, 2, dims, alpha == 1 && !more ? "" : ".product");
    if (alpha != 1)
        v = scaled(o, &v, "alpha", alpha, more ? ".scaled" : "");
    if (more && beta != 1)
        bias = scaled(o, &bias, "beta", beta, ".C");
    c->out[0] = more ? onnx_binary(o, OP_ADD, &v, &bias, "") : v;
}

struct value onnx_products(struct onnx *o, const struct value *x, const struct value *y, const size_t sizes[4], size_t rank, const size_t *dims, const char *suffix)
{
    return products(o, x, y, sizes, rank, dims, suffix);
}

const struct onnx_operator onnx_matrix_operators[] = {
    { "Gemm", 2, 3, gemm, " alpha beta transA transB " },
    { "MatMul", 2, 2, matmul, "" },
    { NULL, 0, 0, NULL, NULL },
};
