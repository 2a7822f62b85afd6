/* Operators that compute shapes or move entries: Shape, Reshape, Gather, Slice, ... Exact, for constants of any type, for tokens and for
 * nodes of the network. Semantics by version of the operator set: attributes became inputs at 10 (Slice), 13 (Squeeze, Unsqueeze, Split). */
#include <string.h>

#include "models/onnx_graph.h"

static size_t product(const size_t *dims, size_t n)
{
    size_t p = 1;

    for (size_t i = 0; i < n; i++)
        p *= dims[i];
    return p;
}

static void shape(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    int64_t r = (int64_t)x->rank, start = onnx_int(o, c, "start", 0), end = onnx_int(o, c, "end", r), *ints = onnx_array(o, x->rank, sizeof *ints);
    size_t n = 0;

    start = start < -r ? 0 : start < 0 ? start + r : start > r ? r : start;
    end = end < -r ? 0 : end < 0 ? end + r : end > r ? r : end;
    for (; ints && start < end; start++)
        ints[n++] = (int64_t)x->dims[start];
    c->out[0] = onnx_integer_constant(o, 1, &n, ints);
}

static void size(struct onnx *o, struct call *c)
{
    int64_t *ints = onnx_array(o, 1, sizeof *ints);

    if (ints)
        ints[0] = (int64_t)onnx_needed(o, c, 0)->count;
    c->out[0] = onnx_integer_constant(o, 0, NULL, ints);
}

/* 0 keeps the size of x there, one -1 stands for what is left. */
static void reshape(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t n, dims[ONNX_RANK], rest = SIZE_MAX, known = 1;
    const int64_t *list = onnx_shape_input(o, c, 1, &n);
    bool keep_zero = onnx_int(o, c, "allowzero", 0) != 0;

    if (onnx_ok(o) && n > ONNX_RANK)
        onnx_refuse(o, "a tensor of %zu dimensions, at most %d are read", n, ONNX_RANK);
    for (size_t i = 0; i < n && onnx_ok(o); i++) {
        dims[i] = list[i] > 0 ? (size_t)list[i] : list[i] == 0 && !keep_zero && i < x->rank ? x->dims[i] : 0;
        if (list[i] < -1 || (list[i] == -1 && rest != SIZE_MAX) || (list[i] == 0 && !keep_zero && i >= x->rank))
            onnx_bad(o, "entry %zu of the shape, %lld, has no meaning here", i, (long long)list[i]);
        else if (list[i] == -1)
            rest = i;
        else if (__builtin_mul_overflow(known, dims[i], &known))
            known = SIZE_MAX;
    }
    if (!onnx_ok(o))
        return;
    if (rest != SIZE_MAX)
        dims[rest] = known ? x->count / known : 0;
    if (rest != SIZE_MAX ? known == 0 || x->count % known : known != x->count)
        onnx_bad(o, "%zu entries do not fit the shape %s", x->count, onnx_shape_text(o, n, dims));
    else
        c->out[0] = onnx_reshaped(o, x, n, dims);
}

static void flatten(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    int64_t axis = onnx_int(o, c, "axis", 1), r = (int64_t)x->rank;

    if (axis < -r || axis > r)
        onnx_bad(o, "axis %lld of a tensor of %zu dimensions", (long long)axis, x->rank);
    if (onnx_ok(o)) {
        size_t a = (size_t)(axis < 0 ? axis + r : axis);
        c->out[0] = onnx_reshaped(o, x, 2, (size_t[]){ product(x->dims, a), product(x->dims + a, x->rank - a) });
    }
}

/* Marks axes of a list; false, and said, if one is there twice. */
static bool mark(struct onnx *o, bool *marked, const int64_t *list, size_t n, size_t rank)
{
    for (size_t i = 0; i < n && onnx_ok(o); i++) {
        size_t a = onnx_axis(o, list[i], rank);
        if (onnx_ok(o) && marked[a])
            onnx_bad(o, "axis %zu twice", a);
        else if (onnx_ok(o))
            marked[a] = true;
    }
    return onnx_ok(o);
}

static void squeeze(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t n, m = 0, dims[ONNX_RANK];
    const int64_t *list = onnx_ints_or_input(o, c, "axes", 1, &n);
    bool gone[ONNX_RANK] = { false };

    if (!onnx_ok(o) || !mark(o, gone, list, n, x->rank))
        return;
    for (size_t a = 0; a < x->rank && onnx_ok(o); a++) {
        if (!list)
            gone[a] = x->dims[a] == 1;
        if (gone[a] && x->dims[a] != 1)
            onnx_bad(o, "axis %zu has size %zu, not 1", a, x->dims[a]);
        else if (!gone[a])
            dims[m++] = x->dims[a];
    }
    if (onnx_ok(o))
        c->out[0] = onnx_reshaped(o, x, m, dims);
}

static void unsqueeze(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t n, rank, dims[ONNX_RANK];
    const int64_t *list = onnx_ints_or_input(o, c, "axes", 1, &n);
    bool fresh[ONNX_RANK] = { false };

    if (onnx_ok(o) && !list)
        onnx_bad(o, "the axes are missing");
    rank = x->rank + n;
    if (onnx_ok(o) && rank > ONNX_RANK)
        onnx_refuse(o, "a tensor of %zu dimensions, at most %d are read", rank, ONNX_RANK);
    if (!onnx_ok(o) || !mark(o, fresh, list, n, rank))
        return;
    for (size_t a = 0, from = 0; a < rank; a++)
        dims[a] = fresh[a] ? 1 : x->dims[from++];
    c->out[0] = onnx_reshaped(o, x, rank, dims);
}

static void transpose(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t n, order[ONNX_RANK];
    const int64_t *perm = onnx_ints(o, c, "perm", &n);
    bool seen[ONNX_RANK] = { false };

    if (perm && n != x->rank)
        onnx_bad(o, "perm has %zu entries for %zu dimensions", n, x->rank);
    if (perm && onnx_ok(o))
        (void)mark(o, seen, perm, n, x->rank);
    for (size_t a = 0; a < x->rank && onnx_ok(o); a++)
        order[a] = perm ? onnx_axis(o, perm[a], x->rank) : x->rank - 1 - a;
    if (onnx_ok(o))
        c->out[0] = onnx_transposed(o, x, order, "");
}

/* Shapes alike but for the axis; the size of the result there, or 0. */
static size_t concat_size(struct onnx *o, const struct call *c, size_t axis)
{
    size_t total = 0;

    for (size_t i = 0; i < c->n_in && onnx_ok(o); i++) {
        const struct value *x = onnx_needed(o, c, i), *first = &c->in[0];
        if (x->rank != first->rank)
            onnx_bad(o, "inputs of %zu and %zu dimensions", first->rank, x->rank);
        for (size_t a = 0; a < x->rank && onnx_ok(o); a++)
            if (a != axis && x->dims[a] != first->dims[a])
                onnx_bad(o, "shapes %s and %s differ beside axis %zu", onnx_shape_text(o, first->rank, first->dims), onnx_shape_text(o, x->rank, x->dims), axis);
        if (onnx_ok(o))
            total += x->dims[axis];
    }
    return total;
}

static void concat(struct onnx *o, struct call *c)
{
    size_t rank = onnx_needed(o, c, 0)->rank, axis, dims[ONNX_RANK], outer, inner, *index, at = 0;
    struct value all, shaped = { 0 };

    if (onnx_ok(o) && !onnx_attribute(c, "axis"))
        onnx_bad(o, "attribute 'axis' is missing");
    axis = onnx_ok(o) ? onnx_axis(o, onnx_int(o, c, "axis", 0), rank) : 0;
    if (!onnx_ok(o))
        return;
    memcpy(dims, c->in[0].dims, sizeof dims);
    dims[axis] = concat_size(o, c, axis);
    if (!onnx_ok(o) || !onnx_set_shape(o, &shaped, rank, dims))
        return;
    outer = product(dims, axis);
    inner = product(dims + axis + 1, rank - axis - 1);
    all = onnx_joined(o, c->in, c->n_in, outer == 1 ? "" : ".parts");
    index = onnx_array(o, shaped.count, sizeof *index);
    for (size_t i = 0, first = 0; index && i < c->n_in; first += c->in[i++].count) {
        size_t run = c->in[i].dims[axis] * inner;
        for (size_t r = 0; r < outer; r++)
            for (size_t e = 0; e < run; e++)
                index[r * dims[axis] * inner + at + e] = first + r * run + e;
        at += run;
    }
    if (onnx_ok(o))
        c->out[0] = onnx_take(o, &all, rank, dims, index, "");
}

struct cut { int64_t from, step; size_t n; };

/* First entry and number of entries of start:end:step along an axis of the given size, ends clamped as ONNX says. */
static struct cut cut_of(int64_t start, int64_t end, int64_t step, int64_t size_there)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size_there : size_there - 1;
    uint64_t pace = step > 0 ? (uint64_t)step : -(uint64_t)step;
    struct cut cut = { .step = step };

    start = start < 0 ? start + size_there : start;
    end = end < 0 ? (end < -size_there ? low : end + size_there) : end;
    start = start < 0 ? 0 : start > high ? high : start;
    end = end < low ? low : end > high ? high : end;
    cut.from = start;
    if (step > 0 ? end > start : end < start)
        cut.n = (size_t)(((uint64_t)(step > 0 ? end - start : start - end) + pace - 1) / pace);
    if (cut.n <= 1)
        cut.step = 0; /* may be beyond any size */
    return cut;
}

static void slice(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t n, m, n_axes, n_steps, dims[ONNX_RANK];
    const int64_t *starts = onnx_ints_or_input(o, c, "starts", 1, &n), *ends = onnx_ints_or_input(o, c, "ends", 2, &m);
    const int64_t *axes = onnx_ints_or_input(o, c, "axes", 3, &n_axes), *steps = onnx_ints_or_input(o, c, "steps", 4, &n_steps);
    int64_t strides[ONNX_RANK], first = 0;
    bool seen[ONNX_RANK] = { false };

    if (onnx_ok(o) && (!starts || !ends || n != m || (axes && n_axes != n) || (steps && n_steps != n) || n > x->rank))
        onnx_bad(o, "starts, ends, axes and steps are not lists of one length");
    for (size_t a = x->rank, stride = 1; onnx_ok(o) && a-- > 0; stride *= x->dims[a]) {
        dims[a] = x->dims[a];
        strides[a] = (int64_t)stride;
    }
    for (size_t i = 0; i < n && onnx_ok(o); i++) {
        int64_t axis = axes ? axes[i] : (int64_t)i;
        size_t a = onnx_axis(o, axis, x->rank);
        struct cut cut;
        if (!mark(o, seen, &axis, 1, x->rank))
            return;
        if (steps && steps[i] == 0) {
            onnx_bad(o, "a step of 0");
            return;
        }
        cut = cut_of(starts[i], ends[i], steps ? steps[i] : 1, (int64_t)x->dims[a]);
        first += cut.from * strides[a];
        strides[a] *= cut.step;
        dims[a] = cut.n;
    }
    if (onnx_ok(o))
        c->out[0] = onnx_take(o, x, x->rank, dims, onnx_walk(o, x->rank, dims, strides, first), "");
}

/* Sizes of the pieces: given, or equal ones, the last one smaller. */
static const int64_t *split_sizes(struct onnx *o, const struct call *c, size_t along)
{
    size_t n;
    const int64_t *list = onnx_ints_or_input(o, c, "split", 1, &n);
    int64_t each, *equal, sum = 0;

    if (list && n != c->n_out)
        onnx_bad(o, "%zu sizes for %zu outputs", n, c->n_out);
    for (size_t i = 0; list && i < n && onnx_ok(o); i++)
        if (list[i] < 0 || list[i] > (int64_t)along || (sum += list[i]) > (int64_t)along || (i == n - 1 && sum != (int64_t)along))
            onnx_bad(o, "the sizes of the pieces do not add up to %zu", along);
    if (list || !onnx_ok(o))
        return list;
    if (onnx_int(o, c, "num_outputs", (int64_t)c->n_out) != (int64_t)c->n_out || (o->opset < 18 && along % c->n_out))
        onnx_bad(o, "%zu entries along the axis are not split evenly into %zu outputs", along, c->n_out);
    equal = onnx_array(o, c->n_out, sizeof *equal);
    each = (int64_t)((along + c->n_out - 1) / c->n_out);
    for (size_t i = 0; equal && i < c->n_out; i++, sum += each)
        equal[i] = sum + each <= (int64_t)along ? each : sum < (int64_t)along ? (int64_t)along - sum : 0;
    return equal;
}

static void split(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    size_t axis = onnx_axis(o, onnx_int(o, c, "axis", 0), x->rank), dims[ONNX_RANK];
    const int64_t *sizes = onnx_ok(o) ? split_sizes(o, c, x->dims[axis]) : NULL;
    int64_t strides[ONNX_RANK], first = 0;

    for (size_t a = x->rank, stride = 1; onnx_ok(o) && a-- > 0; stride *= x->dims[a]) {
        dims[a] = x->dims[a];
        strides[a] = (int64_t)stride;
    }
    for (size_t i = 0; i < c->n_out && onnx_ok(o); i++) {
        dims[axis] = (size_t)sizes[i];
        if (c->proto->output[i] && *c->proto->output[i]) {
            c->name = c->proto->output[i];
            c->out[i] = onnx_take(o, x, x->rank, dims, onnx_walk(o, x->rank, dims, strides, first), "");
        }
        first += sizes[i] * strides[axis];
    }
}

/* Rows of a constant table by token: the embeddings of the positions, one after the other. */
static void embed(struct onnx *o, struct call *c, const struct value *table, const struct value *tokens)
{
    size_t d = table->dims[1], t, node, dims[ONNX_RANK], *rows = onnx_array(o, tokens->count, sizeof *rows);

    if (table->kind != VALUE_REALS || table->rank != 2 || onnx_int(o, c, "axis", 0) != 0 || tokens->rank + 1 > ONNX_RANK || tokens->count == 0 || table->count == 0)
        onnx_refuse(o, "tokens may only choose rows of a constant table [vocabulary, width]");
    else if (o->net.d_vocab && o->net.d_vocab != table->dims[0])
        onnx_refuse(o, "tables of %zu and %zu tokens in one model", o->net.d_vocab, table->dims[0]);
    if (!onnx_ok(o))
        return;
    o->net.d_vocab = table->dims[0];
    t = onnx_weights(o, table->name, table->reals, table->dims[0], d);
    node = onnx_node(o, (struct part){ .suffix = ".embed", .op = OP_EMBED, .tensors = { t }, .n_tensors = 1 });
    for (size_t i = 0; i < tokens->count && onnx_ok(o); i++)
        rows[i] = onnx_node(o, (struct part){ .suffix = tokens->count == 1 ? "" : onnx_string(o, ".row.%zu", i), .op = OP_ROW, .inputs = &node, .n_inputs = 1,
                                              .args = { (size_t)tokens->ints[i] }, .n_args = 1 });
    memcpy(dims, tokens->dims, sizeof tokens->dims);
    dims[tokens->rank] = d;
    if (onnx_ok(o) && tokens->count == 1) {
        c->out[0] = (struct value){ .kind = VALUE_NODE, .type = ONNX_FLOAT, .node = rows[0] };
        (void)onnx_set_shape(o, &c->out[0], tokens->rank + 1, dims);
    } else
        c->out[0] = onnx_result(o, tokens->rank + 1, dims, (struct part){ .suffix = "", .op = OP_CONCAT, .inputs = rows, .n_inputs = tokens->count });
}

static void gather(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0), *at = onnx_needed(o, c, 1);
    size_t axis = onnx_ok(o) ? onnx_axis(o, onnx_int(o, c, "axis", 0), x->rank) : 0, outer, inner, along, rank, dims[2 * ONNX_RANK], *index;
    struct value v = { 0 };

    if (!onnx_ok(o))
        return;
    if (at->kind == VALUE_TOKENS) {
        embed(o, c, x, at);
        return;
    }
    if (at->kind != VALUE_INTS) {
        onnx_refuse(o, "the indices must be constant, or the tokens of the input");
        return;
    }
    along = x->dims[axis];
    rank = x->rank - 1 + at->rank;
    memcpy(dims, x->dims, axis * sizeof *dims);
    memcpy(dims + axis, at->dims, at->rank * sizeof *dims);
    memcpy(dims + axis + at->rank, x->dims + axis + 1, (x->rank - axis - 1) * sizeof *dims);
    if (!onnx_set_shape(o, &v, rank, dims) || !(index = onnx_array(o, v.count, sizeof *index)))
        return;
    outer = product(x->dims, axis);
    inner = product(x->dims + axis + 1, x->rank - axis - 1);
    for (size_t g = 0; g < at->count && onnx_ok(o); g++) {
        int64_t i = at->ints[g] < 0 ? at->ints[g] + (int64_t)along : at->ints[g];
        if (i < 0 || i >= (int64_t)along)
            onnx_bad(o, "index %lld along an axis of size %zu", (long long)at->ints[g], along);
        for (size_t r = 0; onnx_ok(o) && r < outer; r++)
            for (size_t e = 0; e < inner; e++)
                index[(r * at->count + g) * inner + e] = (r * along + (size_t)i) * inner + e;
    }
    if (onnx_ok(o))
        c->out[0] = onnx_take(o, x, rank, dims, index, "");
}

static void expand(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_needed(o, c, 0);
    struct value wanted = { 0 };
    size_t n, rank, dims[ONNX_RANK];
    const int64_t *list = onnx_shape_input(o, c, 1, &n);

    if (onnx_ok(o) && onnx_to_dims(o, wanted.dims, list, n)) {
        wanted.rank = n;
        if (onnx_broadcast(o, &rank, dims, x, &wanted))
            c->out[0] = onnx_expanded(o, x, rank, dims, "");
    }
}

const struct onnx_operator onnx_shape_operators[] = {
    { "Concat", 1, SIZE_MAX, concat, " axis " },
    { "Expand", 2, 2, expand, "" },
    { "Flatten", 1, 1, flatten, " axis " },
    { "Gather", 2, 2, gather, " axis " },
    { "Reshape", 2, 2, reshape, " allowzero " },
    { "Shape", 1, 1, shape, " start end " },
    { "Size", 1, 1, size, "" },
    { "Slice", 1, 5, slice, " starts ends axes steps " },
    { "Split", 1, 2, split, " axis split num_outputs " },
    { "Squeeze", 1, 2, squeeze, " axes " },
    { "Transpose", 1, 1, transpose, " perm " },
    { "Unsqueeze", 1, 2, unsqueeze, " axes " },
    { NULL, 0, 0, NULL, NULL },
};
