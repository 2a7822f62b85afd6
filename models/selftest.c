/* Comparison. Declared in models/selftest.h. */
#include "models/selftest.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/adjoint.h"
#include "models/checkpoint.h"
#include "models/decode.h"
#include "models/runstate.h"

void selftest_data_clear(struct selftest_data *s)
{
    for (size_t i = 0; i < s->n_arrays; i++) {
        free(s->arrays[i].name);
        free(s->arrays[i].data);
    }
    free(s->arrays);
    free(s->inputs);
    *s = (struct selftest_data){ 0 };
}

static const struct tensor *find(const struct checkpoint *c, const char *const *names)
{
    for (size_t k = 0; names[k]; k++)
        for (size_t i = 0; i < c->n; i++)
            if (strcmp(c->tensors[i].name, names[k]) == 0)
                return &c->tensors[i];
    return NULL;
}

static enum status take_tokens(const struct tensor *t, const char *path, const struct net *net, struct diag *d)
{
    size_t n = tensor_count(t);

    if (t->rank != 2 || t->shape[1] < 1 || t->shape[1] > net->n_ctx)
        return diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' has no shape [inputs, 1 to %zu tokens]", path, t->name, net->n_ctx);
    for (size_t i = 0; i < n; i++)
        if (!(t->data[i] >= 0 && t->data[i] < (double)net->d_vocab && t->data[i] == floor(t->data[i])))
            return diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' holds %g, the model reads tokens 0 to %zu", path, t->name, t->data[i], net->d_vocab - 1);
    return STATUS_OK;
}

static enum status take_reals(const struct tensor *t, const char *path, const struct net *net, struct diag *d)
{
    size_t n = tensor_count(t), width = t->rank ? t->shape[t->rank - 1] : 0;

    if (t->rank < 2 || t->rank > 3 || width != net->width_in || (t->rank == 3 && (t->shape[1] < 1 || t->shape[1] > net->n_ctx)))
        return diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' has no shape [inputs, %zu]%s", path, t->name, net->width_in, net->n_ctx > 1 ? " or [inputs, rows, width]" : "");
    for (size_t i = 0; i < n; i++)
        if (t->data[i] != (double)(float)t->data[i])
            return diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' holds %.17g, which is not a binary32 number", path, t->name, t->data[i]);
    return STATUS_OK;
}

static enum status take_inputs(struct selftest_data *s, const struct checkpoint *c, const char *path, const struct net *net, struct diag *d)
{
    static const char *const names[] = { "inputs", "tokens", "x", "input", "X", NULL };
    const struct tensor *t = find(c, names);
    enum status status;

    if (!t)
        return diag_fail(d, STATUS_INPUT, "cannot use '%s': there is no array 'inputs' (or tokens, x, input)", path);
    status = net->width_in ? take_reals(t, path, net, d) : take_tokens(t, path, net, d);
    if (status != STATUS_OK)
        return status;
    s->count = t->shape[0];
    s->length = net->width_in && t->rank == 2 ? 1 : t->shape[1];
    s->inputs = mem_array(tensor_count(t), sizeof *s->inputs);
    if (!s->inputs)
        return STATUS_MEMORY;
    memcpy(s->inputs, t->data, tensor_count(t) * sizeof *s->inputs);
    return s->count ? STATUS_OK : diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' holds no input", path, t->name);
}

/* The node that an array's name means, or -1. */
static long node_meant(const struct net *net, const char *name)
{
    static const char *const outputs[] = { "logits", "output", "outputs", "y" }, *const endings[] = { "_float32", "_float64" };
    char stem[220];
    size_t n = strlen(name);

    if (n >= sizeof stem)
        return -1;
    memcpy(stem, name, n + 1);
    if (net_node(net, stem) >= 0)
        return net_node(net, stem);
    for (size_t i = 0; i < 2; i++)
        if (n > 8 && strcmp(stem + n - 8, endings[i]) == 0)
            stem[n - 8] = '\0';
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (strcmp(stem, outputs[i]) == 0)
            return (long)net->output;
    return net_node(net, stem);
}

static enum status wrong_shape(const struct selftest_data *s, const struct tensor *t, const char *path, size_t width, struct diag *d)
{
    struct text found = { 0 };
    enum status status;

    shape_add(&found, t->shape, t->rank);
    status = found.failed ? STATUS_MEMORY
                          : diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' has shape %s, [%zu, %zu, %zu] is needed, or [%zu, %zu] for the last position", path,
                                      t->name, found.data, s->count, s->length, width, s->count, width);
    text_clear(&found);
    return status;
}

static enum status take_array(struct selftest_data *s, const struct tensor *t, const char *path, const struct net *net, struct diag *d)
{
    struct selftest_array *a = &s->arrays[s->n_arrays];
    long node = node_meant(net, t->name);
    size_t width;

    if (node < 0)
        return diag_fail(d, STATUS_INPUT, "cannot use '%s': array '%s' is neither the inputs nor a node of the model ('weightproof info MODEL' lists them) nor logits or output",
                         path, t->name);
    width = net->nodes[node].width ? net->nodes[node].width : s->length;
    if (t->rank < 2 || t->rank > 3 || t->shape[0] != s->count || t->shape[t->rank - 1] != width || (t->rank == 3 && t->shape[1] != s->length))
        return wrong_shape(s, t, path, width, d);
    *a = (struct selftest_array){ .name = mem_string(t->name), .node = (size_t)node, .rank = t->rank, .last_only = t->rank == 2, .dtype = t->source.dtype };
    s->n_arrays++;
    memcpy(a->shape, t->shape, t->rank * sizeof *t->shape);
    a->data = mem_array(tensor_count(t), sizeof *a->data);
    if (!a->name || !a->data)
        return STATUS_MEMORY;
    memcpy(a->data, t->data, tensor_count(t) * sizeof *a->data);
    return STATUS_OK;
}

static enum status take_all(struct selftest_data *s, const struct checkpoint *c, const char *path, const struct net *net, struct diag *d)
{
    static const char *const inputs[] = { "inputs", "tokens", "x", "input", "X", NULL };
    enum status status = take_inputs(s, c, path, net, d);

    if (status != STATUS_OK)
        return status;
    s->arrays = mem_array(c->n, sizeof *s->arrays);
    if (!s->arrays)
        return STATUS_MEMORY;
    for (size_t i = 0; status == STATUS_OK && i < c->n; i++)
        if (&c->tensors[i] != find(c, inputs))
            status = take_array(s, &c->tensors[i], path, net, d);
    if (status == STATUS_OK && s->n_arrays == 0)
        return diag_fail(d, STATUS_INPUT, "cannot use '%s': there is no array of outputs (logits_float32, output_float64, or the name of a node)", path);
    return status;
}

enum status selftest_read(struct selftest_data *out, const char *path, const struct net *net, struct diag *d)
{
    struct checkpoint c;
    struct selftest_data s = { 0 };
    enum status status = checkpoint_read(&c, path, d);

    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < c.n; i++)
        if (!tensor_need(&c.tensors[i]))
            status = STATUS_MEMORY;
    if (status == STATUS_OK)
        status = take_all(&s, &c, path, net, d);
    checkpoint_clear(&c);
    if (status == STATUS_OK)
        *out = s;
    else
        selftest_data_clear(&s);
    return status;
}

/* Bounds of executions of binary32 (the adjoint's), or of binary64. */
struct bounds_of { struct adjoint_run *single; struct run *wide; };

static enum status new_bounds(struct bounds_of *r, const struct net *net, bool single)
{
    enum status s = single ? adjoint_run_new(&r->single, net) : run_new(&r->wide, net, SEMANTICS_REAL);

    if (s == STATUS_OK && !single) {
        run_plain(r->wide, true);
        r->wide->f = (struct rounding){ 0x1p-53, 0x1p-1074 };
    }
    return s;
}

static void bounds_row_of(struct bounds_of *r, size_t node, size_t row, const double **mid, const double **rad)
{
    if (r->single)
        adjoint_run_row(r->single, node, row, mid, rad);
    else
        run_row(r->wide, node, row, mid, rad);
}

static void set_input(struct bounds_of *r, const struct selftest_data *s, const struct net *net, size_t input, int *tokens, const double *zeros)
{
    const double *x = s->inputs + input * s->length * (net->width_in ? net->width_in : 1);

    if (!net->width_in) {
        for (size_t i = 0; i < s->length; i++)
            tokens[i] = (int)x[i];
        if (r->single)
            adjoint_run_tokens(r->single, tokens, s->length);
        else
            run_tokens(r->wide, tokens, s->length);
        return;
    }
    if (r->single)
        adjoint_run_length(r->single, s->length);
    else
        run_length(r->wide, s->length);
    for (size_t i = 0; i < s->length; i++) {
        if (r->single)
            adjoint_run_input_row(r->single, i, x + i * net->width_in, zeros);
        else
            run_input_row(r->wide, i, x + i * net->width_in, zeros);
    }
}

static void compare_row(struct selftest_result *out, const struct net *net, size_t node, struct selftest_place at, const double *stored, size_t width, const double *mid,
                        const double *rad)
{
    bool score = net->nodes[node].op == OP_SCORE;

    for (size_t j = 0; j < width; j++) {
        at.entry = j;
        at.stored = stored[j];
        at.mid = mid[j];
        at.deviation = fabs(stored[j] - mid[j]);
        at.bound = rad[j];
        if (score && net->causal && j > at.position)
            continue;
        out->entries++;
        if (!isfinite(at.bound)) {
            if (out->unbounded++ == 0 || !(at.deviation <= out->loose.deviation))
                out->loose = at;
            continue;
        }
        out->outside += !(at.deviation <= at.bound);
        if (!(at.deviation <= out->largest.deviation) || out->entries - out->unbounded == 1)
            out->largest = at;
        if (!(at.deviation * out->worst.bound <= out->worst.deviation * at.bound) || out->entries - out->unbounded == 1)
            out->worst = at;
    }
}

enum status selftest_compare(struct selftest_result *out, const struct selftest_data *s, size_t array, const struct net *net, size_t most, struct diag *d)
{
    const struct selftest_array *a = &s->arrays[array];
    struct selftest_result result = { 0 };
    struct bounds_of r = { NULL, NULL };
    int *tokens = mem_array(s->length, sizeof *tokens);
    double *zeros = mem_array(net->width_in, sizeof *zeros);
    const char *wide = selftest_double(a) ? NULL : net_not_binary32(net);
    enum status status = tokens && zeros ? STATUS_OK : STATUS_MEMORY;
    size_t width = a->shape[a->rank - 1], rows = a->last_only ? 1 : s->length;

    if (wide)
        status = diag_fail(d, STATUS_INPUT, "array '%s' is %s, but tensor '%s' of the model is not binary32: only outputs in float64 can be compared", a->name, dtype_name(a->dtype), wide);
    if (status == STATUS_OK)
        status = new_bounds(&r, net, !selftest_double(a));
    for (size_t i = 0; status == STATUS_OK && i < s->count && i < most; i++) {
        set_input(&r, s, net, i, tokens, zeros);
        for (size_t k = 0; k < rows; k++) {
            const double *mid, *rad;
            size_t position = a->last_only ? s->length - 1 : k;
            bounds_row_of(&r, a->node, position, &mid, &rad);
            compare_row(&result, net, a->node, (struct selftest_place){ .input = i, .position = position }, a->data + (i * rows + k) * width, width, mid, rad);
        }
    }
    adjoint_run_free(r.single);
    run_free(r.wide);
    free(tokens);
    free(zeros);
    if (status == STATUS_OK)
        *out = result;
    return status;
}

enum status selftest_rows(double *out, const struct selftest_data *s, size_t array, const struct net *net, size_t most)
{
    const struct selftest_array *a = &s->arrays[array];
    struct bounds_of r = { NULL, NULL };
    int *tokens = mem_array(s->length, sizeof *tokens);
    double *zeros = mem_array(net->width_in, sizeof *zeros);
    enum status status = tokens && zeros ? run_new(&r.wide, net, SEMANTICS_REAL) : STATUS_MEMORY;
    size_t width = a->shape[a->rank - 1], rows = a->last_only ? 1 : s->length;

    for (size_t i = 0; status == STATUS_OK && i < s->count && i < most; i++) {
        set_input(&r, s, net, i, tokens, zeros);
        for (size_t k = 0; k < rows; k++) {
            const double *mid, *rad;
            run_row(r.wide, a->node, a->last_only ? s->length - 1 : k, &mid, &rad);
            memcpy(out + (i * rows + k) * width, mid, width * sizeof *mid);
        }
    }
    run_free(r.wide);
    free(tokens);
    free(zeros);
    return status;
}

static double array_misfit(size_t *entries, const struct selftest_data *s, size_t array, const struct net *net, size_t most, double *mid)
{
    const struct selftest_array *a = &s->arrays[array];
    size_t width = a->shape[a->rank - 1], rows = a->last_only ? 1 : s->length;
    bool score = net->nodes[a->node].op == OP_SCORE;
    double far = 0, size = 0;

    if (selftest_rows(mid, s, array, net, most) != STATUS_OK)
        return (double)INFINITY;
    for (size_t i = 0; i < most * rows; i++)
        for (size_t j = 0; j < width; j++) {
            double deviation = fabs(a->data[i * width + j] - mid[i * width + j]);
            if (score && net->causal && j > i % rows)
                continue;
            if (!isfinite(deviation))
                return (double)INFINITY;
            far = fmax(far, deviation);
            size = fmax(size, fabs(a->data[i * width + j]));
            ++*entries;
        }
    return far == 0 ? 0 : far / (size * (selftest_double(a) ? 0x1p-53 : 0x1p-24));
}

double selftest_misfit(size_t *entries, const struct selftest_data *s, const struct net *net, size_t most)
{
    double worst = 0;

    *entries = 0;
    most = most < s->count ? most : s->count;
    for (size_t a = 0; a < s->n_arrays; a++) {
        const struct selftest_array *x = &s->arrays[a];
        double *mid = mem_array(most * (x->last_only ? 1 : s->length) * x->shape[x->rank - 1], sizeof *mid);
        worst = mid ? fmax(worst, array_misfit(entries, s, a, net, most, mid)) : (double)INFINITY;
        free(mid);
    }
    return worst;
}
