/* Convolution and pooling over one or two axes. The windows are laid out once as a table of entries (im2col): `select` brings them side by
 * side, with a constant 0 where the padding is; a convolution is then a product of the kernels with them, a pooling a maximum or a mean. */
#include <string.h>

#include "models/onnx_graph.h"

/* Axis 0: height (1 for one-dimensional inputs), axis 1: width. */
struct window {
    size_t n, channels, spatial;                 /* spatial: axes, 1 or 2 */
    size_t in[2], out[2], kernel[2], stride[2], dilation[2], before[2], after[2];
    bool padded, ceil;
};

/* A list of one integer per spatial axis, each at least 1. */
static void per_axis(struct onnx *o, const struct call *c, const char *name, const struct window *w, size_t *list, size_t otherwise)
{
    size_t n;
    const int64_t *given = onnx_ints(o, c, name, &n);

    list[0] = 1;
    list[2 - w->spatial] = list[1] = otherwise;
    if (given && n != w->spatial)
        onnx_bad(o, "%s has %zu entries for %zu axes", name, n, w->spatial);
    for (size_t i = 0; given && i < n && onnx_ok(o); i++) {
        if (given[i] < 1 || given[i] > (int64_t)ONNX_ENTRIES)
            onnx_bad(o, "%s has the entry %lld", name, (long long)given[i]);
        list[i + 2 - w->spatial] = (size_t)given[i];
    }
}

static void read_pads(struct onnx *o, const struct call *c, struct window *w)
{
    size_t n;
    const int64_t *pads = onnx_ints(o, c, "pads", &n);

    if (pads && n != 2 * w->spatial)
        onnx_bad(o, "pads has %zu entries for %zu axes", n, w->spatial);
    for (size_t i = 0; pads && i < n && onnx_ok(o); i++) {
        if (pads[i] < 0 || pads[i] > (int64_t)ONNX_ENTRIES)
            onnx_bad(o, "pads has the entry %lld", (long long)pads[i]);
        (i < w->spatial ? w->before : w->after)[i % w->spatial + 2 - w->spatial] = (size_t)pads[i];
    }
}

/* auto_pad SAME: as many outputs as steps fit into the input; what is odd goes to the end (UPPER) or the begin. */
static void pad_same(struct window *w, bool upper)
{
    for (int a = 0; a < 2; a++) {
        size_t outputs = (w->in[a] + w->stride[a] - 1) / w->stride[a], extent = (w->kernel[a] - 1) * w->dilation[a] + 1;
        size_t reach = (outputs - 1) * w->stride[a] + extent, all = reach > w->in[a] ? reach - w->in[a] : 0;
        w->before[a] = upper ? all / 2 : all - all / 2;
        w->after[a] = all - w->before[a];
    }
}

static void size_outputs(struct onnx *o, struct window *w)
{
    for (int a = 0; a < 2 && onnx_ok(o); a++) {
        size_t extent = (w->kernel[a] - 1) * w->dilation[a] + 1, all = w->in[a] + w->before[a] + w->after[a];
        if (all < extent) {
            onnx_bad(o, "the window is larger than the padded input");
            return;
        }
        w->out[a] = (all - extent + (w->ceil ? w->stride[a] - 1 : 0)) / w->stride[a] + 1;
        if (w->ceil && (w->out[a] - 1) * w->stride[a] >= w->in[a] + w->before[a])
            w->out[a]--; /* a window must begin inside the input or its padding before */
        w->padded = w->padded || w->before[a] || w->after[a] || (w->out[a] - 1) * w->stride[a] + extent > all;
    }
}

/* Reads strides, dilations, pads for x [N, C, (H,) W] and a kernel that is already known. */
static void read_window(struct onnx *o, const struct call *c, struct window *w, bool can_ceil)
{
    const char *automatic = onnx_word(o, c, "auto_pad", "NOTSET");

    per_axis(o, c, "strides", w, w->stride, 1);
    per_axis(o, c, "dilations", w, w->dilation, 1);
    if (!onnx_ok(o))
        return;
    w->ceil = can_ceil && onnx_int(o, c, "ceil_mode", 0);
    if (strcmp(automatic, "NOTSET") == 0)
        read_pads(o, c, w);
    else if (strcmp(automatic, "SAME_UPPER") == 0 || strcmp(automatic, "SAME_LOWER") == 0)
        pad_same(w, automatic[5] == 'U');
    else if (strcmp(automatic, "VALID") != 0)
        onnx_bad(o, "auto_pad '%s'; NOTSET, SAME_UPPER, SAME_LOWER and VALID are known", automatic);
    if (strcmp(automatic, "NOTSET") != 0)
        w->ceil = false;
    if (onnx_ok(o))
        size_outputs(o, w);
}

static bool read_input(struct onnx *o, const struct value *x, struct window *w)
{
    if (onnx_ok(o) && (x->rank < 3 || x->rank > 4))
        onnx_refuse(o, "an input of %zu dimensions; windows over one or two axes are read", x->rank);
    if (!onnx_ok(o))
        return false;
    *w = (struct window){ .n = x->dims[0], .channels = x->dims[1], .spatial = x->rank - 2, .in = { x->rank == 4 ? x->dims[2] : 1, x->dims[x->rank - 1] } };
    return true;
}

static const size_t nowhere = SIZE_MAX; /* in a table of entries: padding */

/* Entry of x at output (i, j) and kernel place (p, q), or nowhere. */
static size_t entry_at(const struct window *w, size_t image, const size_t out[2], const size_t place[2])
{
    size_t at[2];

    for (int a = 0; a < 2; a++) {
        at[a] = out[a] * w->stride[a] + place[a] * w->dilation[a];
        if (at[a] < w->before[a] || at[a] - w->before[a] >= w->in[a])
            return nowhere;
        at[a] -= w->before[a];
    }
    return (image * w->in[0] + at[0]) * w->in[1] + at[1];
}

/* Table of entries: for every image (sample and channel) the windows, outputs outside and places inside, or the other way round. */
static size_t *windows(struct onnx *o, const struct window *w, bool places_inside, size_t *count)
{
    size_t images = w->n * w->channels, places = w->kernel[0] * w->kernel[1], outputs = w->out[0] * w->out[1], *index, at = 0;
    struct value all = { 0 };

    if (!onnx_set_shape(o, &all, 3, (size_t[]){ images, places, outputs }) || !(index = onnx_array(o, all.count, sizeof *index)))
        return NULL;
    *count = all.count;
    for (size_t image = 0; image < images; image++)
        for (size_t i = 0; i < places * outputs; i++) {
            size_t place = places_inside ? i % places : i / outputs, output = places_inside ? i / places : i % outputs;
            index[at++] = entry_at(w, image, (size_t[]){ output / w->out[1], output % w->out[1] }, (size_t[]){ place / w->kernel[1], place % w->kernel[1] });
        }
    return index;
}

/* The windows side by side, 0 for padding, as a vector. */
static struct value laid_out(struct onnx *o, const struct value *x, const struct window *w, size_t *index, size_t count)
{
    struct value both[2] = { *x, onnx_constant(o, "padding", 1, 0) }, all = *x;

    for (size_t i = 0; index && i < count; i++)
        index[i] = index[i] == nowhere ? x->count : index[i];
    if (onnx_ok(o) && w->padded)
        all = onnx_joined(o, both, 2, ".padded");
    return onnx_ok(o) ? onnx_take(o, &all, 1, &count, index, ".windows") : all;
}

/* Shape of the result [n, channels, (height,) width]. */
static size_t result_shape(const struct window *w, size_t channels, size_t *dims)
{
    dims[0] = w->n;
    dims[1] = channels;
    dims[2] = w->out[0];
    dims[w->spatial + 1] = w->out[1];
    return w->spatial + 2;
}

static void add_channel_bias(struct onnx *o, struct call *c, struct value *v)
{
    struct value bias = *onnx_real(o, c, 2);
    size_t dims[3] = { v->dims[1], 1, 1 };

    if (onnx_ok(o) && (bias.rank != 1 || bias.count != v->dims[1]))
        onnx_bad(o, "a bias of shape %s for %zu channels", onnx_shape_text(o, bias.rank, bias.dims), v->dims[1]);
    if (onnx_ok(o))
        bias = onnx_reshaped(o, &bias, v->rank - 1, dims);
    *v = onnx_binary(o, OP_ADD, v, &bias, "");
}

/* Every group of channels: kernels [M/G, K] times windows [K, outputs]. */
static void conv(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0), *kernels = onnx_real(o, c, 1);
    int64_t group = onnx_int(o, c, "group", 1);
    struct window w;
    size_t count, *index, G, M, K, dims[ONNX_RANK], rank, declared[2];
    struct value v, repeated;

    if (!read_input(o, x, &w))
        return;
    G = group >= 1 && group <= (int64_t)w.channels ? (size_t)group : 0;
    if (!G || w.channels % G || kernels->rank != x->rank || kernels->dims[1] != w.channels / G || kernels->dims[0] % G) {
        onnx_bad(o, "kernels of shape %s in %lld groups for an input of shape %s", onnx_shape_text(o, kernels->rank, kernels->dims), (long long)group,
                 onnx_shape_text(o, x->rank, x->dims));
        return;
    }
    w.kernel[0] = w.spatial == 2 ? kernels->dims[2] : 1;
    w.kernel[1] = kernels->dims[kernels->rank - 1];
    per_axis(o, c, "kernel_shape", &w, declared, 0);
    if (onnx_ok(o) && onnx_attribute(c, "kernel_shape") && (declared[0] != w.kernel[0] || declared[1] != w.kernel[1]))
        onnx_bad(o, "kernel_shape differs from the kernels of shape %s", onnx_shape_text(o, kernels->rank, kernels->dims));
    if (onnx_ok(o))
        read_window(o, c, &w, false);
    index = onnx_ok(o) ? windows(o, &w, false, &count) : NULL;
    if (!index)
        return;
    v = laid_out(o, x, &w, index, count);
    M = kernels->dims[0];
    K = kernels->count / M;
    repeated = onnx_reshaped(o, kernels, 2, (size_t[]){ 1, kernels->count });
    if (w.n > 1)
        repeated = onnx_expanded(o, &repeated, 2, (size_t[]){ w.n, kernels->count }, ".kernels");
    rank = result_shape(&w, M, dims);
    v = onnx_products(o, &repeated, &v, (size_t[]){ w.n * G, M / G, K, w.out[0] * w.out[1] }, rank, dims, onnx_input(c, 2) ? ".sums" : "");
    if (onnx_ok(o) && onnx_input(c, 2))
        add_channel_bias(o, c, &v);
    c->out[0] = v;
}

static bool pool_window(struct onnx *o, struct call *c, struct window *w, bool can_ceil)
{
    if (!read_input(o, onnx_real(o, c, 0), w))
        return false;
    if (!onnx_attribute(c, "kernel_shape"))
        onnx_bad(o, "attribute 'kernel_shape' is missing");
    per_axis(o, c, "kernel_shape", w, w->kernel, 1);
    if (onnx_ok(o))
        read_window(o, c, w, can_ceil);
    return onnx_ok(o);
}

/* Padding is -infinity: a place there names another entry of its window. */
static void max_pool(struct onnx *o, struct call *c)
{
    struct window w;
    size_t count, places, *index, dims[ONNX_RANK], rank, t, input;

    if (!pool_window(o, c, &w, true))
        return;
    if (c->n_out > 1 && onnx_is_read(o, c->proto->output[1]))
        onnx_refuse(o, "its output 1 (Indices) is read");
    index = windows(o, &w, true, &count);
    places = w.kernel[0] * w.kernel[1];
    for (size_t i = 0; index && i < count && onnx_ok(o); i += places) {
        size_t some = nowhere;
        for (size_t p = 0; p < places; p++)
            some = index[i + p] != nowhere ? index[i + p] : some;
        for (size_t p = 0; p < places; p++)
            index[i + p] = index[i + p] == nowhere ? some : index[i + p];
        if (some == nowhere)
            onnx_bad(o, "a window lies in the padding alone");
    }
    if (!onnx_ok(o))
        return;
    rank = result_shape(&w, w.channels, dims);
    input = onnx_as_node(o, onnx_real(o, c, 0));
    t = onnx_indices(o, "", index, count / places, places);
    c->out[0] = onnx_result(o, rank, dims, (struct part){ .suffix = "", .op = OP_MAXPOOL, .inputs = &input, .n_inputs = 1, .tensors = { t }, .n_tensors = 1 });
}

/* How many places of each window count: all, or those inside the input. */
static struct value window_sizes(struct onnx *o, const size_t *index, size_t count, size_t places, bool all)
{
    struct value v = onnx_constant(o, "size", count / places, (double)places);
    double *sizes = onnx_array(o, v.count, sizeof *sizes);

    for (size_t i = 0; sizes && i < v.count; i++)
        for (size_t p = 0; p < places; p++)
            sizes[i] += all || index[i * places + p] != nowhere;
    for (size_t i = 0; sizes && i < v.count; i++)
        if (sizes[i] == 0)
            onnx_bad(o, "a window lies in the padding alone");
    v.reals = sizes;
    return v;
}

static void average_pool(struct onnx *o, struct call *c)
{
    struct window w;
    size_t count, places, *index, dims[ONNX_RANK], rank, floor_out[2];
    struct value v, sizes;

    if (!pool_window(o, c, &w, false))
        return;
    memcpy(floor_out, w.out, sizeof floor_out);
    w.ceil = onnx_int(o, c, "ceil_mode", 0) && strcmp(onnx_word(o, c, "auto_pad", "NOTSET"), "NOTSET") == 0;
    size_outputs(o, &w);
    if (onnx_ok(o) && memcmp(floor_out, w.out, sizeof floor_out) != 0)
        onnx_refuse(o, "ceil_mode 1 where it changes the shape");
    index = onnx_ok(o) ? windows(o, &w, true, &count) : NULL;
    if (!index)
        return;
    places = w.kernel[0] * w.kernel[1];
    sizes = window_sizes(o, index, count, places, onnx_int(o, c, "count_include_pad", 0) != 0);
    v = laid_out(o, onnx_real(o, c, 0), &w, index, count);
    if (!onnx_ok(o))
        return;
    v = onnx_group_sums(o, &v, places, ".sum");
    v = onnx_binary(o, OP_DIV, &v, &sizes, "");
    rank = result_shape(&w, w.channels, dims);
    c->out[0] = onnx_reshaped(o, &v, rank, dims);
}

/* All spatial axes at once. */
static void global_average(struct onnx *o, struct call *c)
{
    const struct value *x = onnx_real(o, c, 0);
    size_t g = 1, dims[ONNX_RANK];
    struct value v;

    if (onnx_ok(o) && x->rank < 3)
        onnx_bad(o, "an input of %zu dimensions", x->rank);
    for (size_t a = 0; a < x->rank; a++) {
        dims[a] = a < 2 ? x->dims[a] : 1;
        g *= a < 2 ? 1 : x->dims[a];
    }
    if (!onnx_ok(o))
        return;
    v = onnx_group_sums(o, x, g, ".sum");
    v = onnx_over(o, &v, (double)g, "");
    c->out[0] = onnx_reshaped(o, &v, x->rank, dims);
}

const struct onnx_operator onnx_window_operators[] = {
    { "AveragePool", 1, 1, average_pool, " kernel_shape strides dilations pads auto_pad ceil_mode count_include_pad " },
    { "Conv", 2, 3, conv, " kernel_shape strides dilations pads auto_pad group " },
    { "GlobalAveragePool", 1, 1, global_average, "" },
    { "MaxPool", 1, 1, max_pool, " kernel_shape strides dilations pads auto_pad ceil_mode storage_order " },
    { NULL, 0, 0, NULL, NULL },
};
