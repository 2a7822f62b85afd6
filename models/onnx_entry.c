/* Operators that work entry by entry, and arithmetic of constant integers. The order of operations is the operator's own: nothing of float
 * constants is computed here, a constant that is computed from constants stays a node of the network. */
#include <math.h>
#include <string.h>

#include "models/onnx_graph.h"

static bool same_shape(const struct value *x, size_t rank, const size_t *dims)
{
    return x->rank == rank && memcmp(x->dims, dims, rank * sizeof *dims) == 0;
}

/* Node of x spread to a shape. A row of ones before the shape changes nothing. */
static size_t spread_node(struct onnx *o, const struct value *x, size_t rank, const size_t *dims, const char *suffix)
{
    struct value v = same_shape(x, rank, dims) ? *x : onnx_expanded(o, x, rank, dims, suffix);

    return onnx_ok(o) ? onnx_as_node(o, &v) : 0;
}

struct value onnx_binary(struct onnx *o, enum op op, const struct value *x, const struct value *y, const char *suffix)
{
    size_t rank, dims[ONNX_RANK], inputs[2];

    if (!onnx_ok(o) || !onnx_broadcast(o, &rank, dims, x, y))
        return (struct value){ 0 };
    inputs[0] = spread_node(o, x, rank, dims, onnx_string(o, "%s.left", suffix));
    inputs[1] = spread_node(o, y, rank, dims, onnx_string(o, "%s.right", suffix));
    return onnx_result(o, rank, dims, (struct part){ .suffix = suffix, .op = op, .inputs = inputs, .n_inputs = 2 });
}

struct value onnx_unary(struct onnx *o, enum op op, const struct value *x, const char *suffix)
{
    size_t input = onnx_ok(o) ? onnx_as_node(o, x) : 0;

    return onnx_result(o, x->rank, x->dims, (struct part){ .suffix = suffix, .op = op, .inputs = &input, .n_inputs = 1 });
}

/* ---- integers ---- */

static bool add_int(int64_t *z, int64_t x, int64_t y) { return !__builtin_add_overflow(x, y, z); }
static bool sub_int(int64_t *z, int64_t x, int64_t y) { return !__builtin_sub_overflow(x, y, z); }
static bool mul_int(int64_t *z, int64_t x, int64_t y) { return !__builtin_mul_overflow(x, y, z); }
static bool div_int(int64_t *z, int64_t x, int64_t y)
{
    bool good = y != 0 && !(x == INT64_MIN && y == -1);

    *z = good ? x / y : 0; /* towards zero, as ONNX says */
    return good;
}
static bool max_int(int64_t *z, int64_t x, int64_t y) { return *z = x > y ? x : y, true; }
static bool min_int(int64_t *z, int64_t x, int64_t y) { return *z = x < y ? x : y, true; }
static bool equal_int(int64_t *z, int64_t x, int64_t y) { return *z = x == y, true; }
static bool less_int(int64_t *z, int64_t x, int64_t y) { return *z = x < y, true; }
static bool greater_int(int64_t *z, int64_t x, int64_t y) { return *z = x > y, true; }
static bool less_equal_int(int64_t *z, int64_t x, int64_t y) { return *z = x <= y, true; }
static bool greater_equal_int(int64_t *z, int64_t x, int64_t y) { return *z = x >= y, true; }
static bool and_int(int64_t *z, int64_t x, int64_t y) { return *z = x && y, true; }
static bool or_int(int64_t *z, int64_t x, int64_t y) { return *z = x || y, true; }

/* Does x fit into the element type? Runtimes wrap round where it does not. */
static bool fits(int64_t x, int32_t type)
{
    static const struct { int32_t type; int64_t least, most; } ranges[] = { { ONNX_UINT8, 0, UINT8_MAX }, { ONNX_INT8, INT8_MIN, INT8_MAX }, { ONNX_INT16, INT16_MIN, INT16_MAX },
                                                                            { ONNX_INT32, INT32_MIN, INT32_MAX } };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].type == type && (x < ranges[i].least || x > ranges[i].most))
            return false;
    return true;
}

static const struct { const char *name; bool (*compute)(int64_t *, int64_t, int64_t); bool truth; } integer_operators[] = {
    { "Add", add_int, false }, { "Sub", sub_int, false }, { "Mul", mul_int, false }, { "Div", div_int, false }, { "Max", max_int, false }, { "Min", min_int, false },
    { "Equal", equal_int, true }, { "Less", less_int, true }, { "Greater", greater_int, true }, { "LessOrEqual", less_equal_int, true },
    { "GreaterOrEqual", greater_equal_int, true }, { "And", and_int, true }, { "Or", or_int, true },
};

bool onnx_integers(struct onnx *o, struct call *c)
{
    struct value v = { .kind = VALUE_INTS, .name = c->name };
    size_t row = 0, n = sizeof integer_operators / sizeof *integer_operators, rank, dims[ONNX_RANK], *left, *right;
    int64_t *ints;

    while (row < n && strcmp(integer_operators[row].name, c->proto->op_type) != 0)
        row++;
    if (row == n || c->n_in != 2 || c->in[0].kind != VALUE_INTS || c->in[1].kind != VALUE_INTS)
        return false;
    v.type = integer_operators[row].truth ? ONNX_BOOL : c->in[0].type;
    if (!onnx_broadcast(o, &rank, dims, &c->in[0], &c->in[1]) || !onnx_set_shape(o, &v, rank, dims))
        return true;
    left = onnx_spread(o, &c->in[0], rank, dims);
    right = onnx_spread(o, &c->in[1], rank, dims);
    ints = onnx_array(o, v.count, sizeof *ints);
    for (size_t i = 0; ints && i < v.count && onnx_ok(o); i++)
        if (!integer_operators[row].compute(&ints[i], c->in[0].ints[left[i]], c->in[1].ints[right[i]]) || !fits(ints[i], v.type))
            onnx_refuse(o, "constant integers overflow, or are divided by 0");
    v.ints = ints;
    c->out[0] = v;
    return true;
}

static void comparison(struct onnx *o, struct call *c)
{
    (void)c;
    onnx_refuse(o, "it is read for constant integers only");
}

/* ---- arithmetic ---- */

/* MatMul whose result nothing else reads, plus a constant as wide: one linear node with a bias. */
static bool join_bias(struct onnx *o, struct call *c, const struct value *y, const struct value *bias)
{
    struct node *node;
    struct text why = { 0 };
    size_t rank, dims[ONNX_RANK], t;

    if (!y->open || bias->kind != VALUE_REALS || y->node != o->net.n_nodes - 1 || !onnx_broadcast(o, &rank, dims, y, bias) || !same_shape(y, rank, dims))
        return false;
    struct value spread = onnx_expanded(o, bias, rank, dims, "");
    t = onnx_ok(o) ? onnx_weights(o, bias->name, spread.reals, spread.count, 0) : 0;
    if (!onnx_ok(o))
        return true;
    node = &o->net.nodes[y->node];
    node->w[1] = (struct weight){ .tensor = t, .slice = -1 };
    node->n_w = 2;
    if (!weight_resolve(&o->net, &node->w[1], &why) || !node_resolve(&o->net, node, &why))
        onnx_fail(o, STATUS_INTERNAL);
    text_clear(&why);
    onnx_rename(o, y->node, c->name);
    c->out[0] = *y;
    c->out[0].open = false;
    return true;
}

static void add(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0), *y = onnx_real(o, c, 1);

    if (onnx_ok(o) && !join_bias(o, c, x, y) && !join_bias(o, c, y, x))
        c->out[0] = onnx_binary(o, OP_ADD, x, y, "");
}

static void two(struct onnx *o, struct call *c, enum op op)
{
    const struct value *x = onnx_real(o, c, 0), *y = onnx_real(o, c, 1);

    c->out[0] = onnx_binary(o, op, x, y, "");
}

static void sub(struct onnx *o, struct call *c) { two(o, c, OP_SUB); }
static void mul(struct onnx *o, struct call *c) { two(o, c, OP_MUL); }
static void divide(struct onnx *o, struct call *c) { two(o, c, OP_DIV); }

/* One or more inputs, from the left. */
static void fold(struct onnx *o, struct call *c, enum op op)
{
    struct value v = *onnx_real(o, c, 0);

    if (c->n_in == 1 && onnx_ok(o))
        v = onnx_reshaped(o, &v, v.rank, v.dims);
    for (size_t i = 1; i < c->n_in && onnx_ok(o); i++) {
        const struct value *y = onnx_real(o, c, i);
        v = onnx_binary(o, op, &v, y, i + 1 < c->n_in ? onnx_string(o, ".first.%zu", i + 1) : "");
    }
    c->out[0] = v;
}

static void max(struct onnx *o, struct call *c) { fold(o, c, OP_MAX); }
static void min(struct onnx *o, struct call *c) { fold(o, c, OP_MIN); }
static void sum(struct onnx *o, struct call *c) { fold(o, c, OP_ADD); }

static struct value number(struct onnx *o, const char *name, double x)
{
    struct value v = onnx_constant(o, name, 1, x);

    return onnx_reshaped(o, &v, 0, NULL);
}

static struct value negative(struct onnx *o, const struct value *x, const char *suffix)
{
    struct value zero = number(o, "zero", 0);

    return onnx_binary(o, OP_SUB, &zero, x, suffix);
}

static void neg(struct onnx *o, struct call *c) { c->out[0] = negative(o, onnx_real(o, c, 0), ""); }

static void absolute(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    struct value y = negative(o, x, ".negative");

    c->out[0] = onnx_binary(o, OP_MAX, x, &y, "");
}

static void reciprocal(struct onnx *o, struct call *c)
{
    struct value one = number(o, "one", 1);

    c->out[0] = onnx_binary(o, OP_DIV, &one, onnx_real(o, c, 0), "");
}

/* x, x x, (x x) x, ...: for small whole exponents, and the root. An exponent of more axes, all 1, gives the result as many. */
static void power(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    double p = onnx_scalar(o, c, 1, 1);
    struct value v = *x;
    size_t rank, dims[ONNX_RANK];
    int whole = 0;

    if (!onnx_ok(o) || !onnx_broadcast(o, &rank, dims, x, onnx_needed(o, c, 1)))
        return;
    if (p == 0.5)
        v = onnx_unary(o, OP_SQRT, x, "");
    else if (!(p >= 1 && p <= 8 && p == floor(p)))
        onnx_refuse(o, "the exponent %g; 1 to 8 and 0.5 are read", p);
    else if ((whole = (int)p) == 1)
        v = onnx_reshaped(o, x, x->rank, x->dims);
    for (int i = 2; i <= whole && onnx_ok(o); i++)
        v = onnx_binary(o, OP_MUL, &v, x, i < whole ? onnx_string(o, ".power.%d", i) : "");
    c->out[0] = onnx_reshaped(o, &v, rank, dims);
}

static void one(struct onnx *o, struct call *c, enum op op) { c->out[0] = onnx_unary(o, op, onnx_real(o, c, 0), ""); }

static void relu(struct onnx *o, struct call *c) { one(o, c, OP_RELU); }
static void sigmoid(struct onnx *o, struct call *c) { one(o, c, OP_SIGMOID); }
static void tanh_of(struct onnx *o, struct call *c) { one(o, c, OP_TANH); }
static void erf_of(struct onnx *o, struct call *c) { one(o, c, OP_ERF); }
static void exp_of(struct onnx *o, struct call *c) { one(o, c, OP_EXP); }
static void sqrt_of(struct onnx *o, struct call *c) { one(o, c, OP_SQRT); }

static void gelu(struct onnx *o, struct call *c)
{
    const char *how = onnx_word(o, c, "approximate", "none");

    if (strcmp(how, "none") != 0 && strcmp(how, "tanh") != 0)
        onnx_bad(o, "approximate '%s'; none and tanh are known", how);
    one(o, c, strcmp(how, "tanh") == 0 ? OP_GELU_NEW : OP_GELU);
}

/* relu x + slope min(x, 0): one of the two is 0. */
static void leak(struct onnx *o, struct call *c, const struct value *slope)
{
    const struct value *x = onnx_real(o, c, 0);
    struct value zero = number(o, "zero", 0), up = onnx_unary(o, OP_RELU, x, ".positive"), down = onnx_binary(o, OP_MIN, x, &zero, ".negative");

    down = onnx_binary(o, OP_MUL, slope, &down, ".slope");
    if (onnx_ok(o) && !same_shape(&down, x->rank, x->dims))
        onnx_bad(o, "the slope does not broadcast to shape %s", onnx_shape_text(o, x->rank, x->dims));
    c->out[0] = onnx_binary(o, OP_ADD, &up, &down, "");
}

static void leaky_relu(struct onnx *o, struct call *c)
{
    struct value slope = number(o, "alpha", onnx_float(o, c, "alpha", (double)0.01f));

    leak(o, c, &slope);
}

static void prelu(struct onnx *o, struct call *c) { leak(o, c, onnx_real(o, c, 1)); }

/* min(max(x, low), high); a bound that is left out or infinite does nothing. */
static void clip(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    double low = onnx_scalar(o, c, 1, onnx_float(o, c, "min", -(double)INFINITY)), high = onnx_scalar(o, c, 2, onnx_float(o, c, "max", (double)INFINITY));
    bool has_low = !(low == -(double)INFINITY), has_high = !(high == (double)INFINITY);
    struct value v = *x, bound;

    if (onnx_ok(o) && has_low) {
        bound = number(o, "min", low);
        v = onnx_binary(o, OP_MAX, &v, &bound, has_high ? ".above" : "");
    }
    if (onnx_ok(o) && has_high) {
        bound = number(o, "max", high);
        v = onnx_binary(o, OP_MIN, &v, &bound, "");
    }
    c->out[0] = has_low || has_high ? v : onnx_reshaped(o, x, x->rank, x->dims);
}

const struct onnx_operator onnx_entry_operators[] = {
    { "Abs", 1, 1, absolute, "" },
    { "Add", 2, 2, add, "" },
    { "And", 2, 2, comparison, "" },
    { "Clip", 1, 3, clip, " min max " },
    { "Div", 2, 2, divide, "" },
    { "Equal", 2, 2, comparison, "" },
    { "Erf", 1, 1, erf_of, "" },
    { "Exp", 1, 1, exp_of, "" },
    { "Gelu", 1, 1, gelu, " approximate " },
    { "Greater", 2, 2, comparison, "" },
    { "GreaterOrEqual", 2, 2, comparison, "" },
    { "LeakyRelu", 1, 1, leaky_relu, " alpha " },
    { "Less", 2, 2, comparison, "" },
    { "LessOrEqual", 2, 2, comparison, "" },
    { "Max", 1, SIZE_MAX, max, "" },
    { "Min", 1, SIZE_MAX, min, "" },
    { "Mul", 2, 2, mul, "" },
    { "Neg", 1, 1, neg, "" },
    { "Or", 2, 2, comparison, "" },
    { "PRelu", 2, 2, prelu, "" },
    { "Pow", 2, 2, power, "" },
    { "Reciprocal", 1, 1, reciprocal, "" },
    { "Relu", 1, 1, relu, "" },
    { "Sigmoid", 1, 1, sigmoid, "" },
    { "Sqrt", 1, 1, sqrt_of, "" },
    { "Sub", 2, 2, sub, "" },
    { "Sum", 1, SIZE_MAX, sum, "" },
    { "Tanh", 1, 1, tanh_of, "" },
    { NULL, 0, 0, NULL, NULL },
};
