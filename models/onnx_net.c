/* The network under construction: failures, memory, tensors, nodes. Declared in models/onnx_graph.h. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/node.h"
#include "models/onnx_graph.h"

bool onnx_ok(const struct onnx *o) { return o->status == STATUS_OK; }

void onnx_fail(struct onnx *o, enum status s)
{
    if (o->status == STATUS_OK)
        o->status = s;
}

static void say(struct onnx *o, enum status s, const char *format, va_list args)
{
    char text[600];

    if (!onnx_ok(o))
        return;
    (void)vsnprintf(text, sizeof text, format, args);
    o->status = diag_fail(o->d, s, "cannot read '%s': %s%s%s", o->path, o->call ? o->call->label : "", o->call ? ": " : "", text);
}

void onnx_bad(struct onnx *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(o, STATUS_INPUT, format, args);
    va_end(args);
}

void onnx_refuse(struct onnx *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(o, STATUS_UNSUPPORTED, format, args);
    va_end(args);
}

/* Counts memory that is about to be taken: a small file may ask for much of it. */
static bool afford(struct onnx *o, size_t n, size_t size)
{
    if (onnx_ok(o) && n > (ONNX_BUDGET - o->bytes) / size)
        o->status = diag_fail(o->d, STATUS_LIMIT, "cannot read '%s': the tensors of the graph take more than %zu bytes", o->path, ONNX_BUDGET);
    if (onnx_ok(o))
        o->bytes += n * size;
    return onnx_ok(o);
}

void *onnx_array(struct onnx *o, size_t n, size_t size)
{
    void **grown, *p;

    if (!onnx_ok(o) || !afford(o, n, size))
        return NULL;
    grown = mem_grow(o->blocks, &o->block_room, o->n_blocks + 1, sizeof *grown);
    if (!grown || !(p = mem_array(n, size))) {
        o->blocks = grown ? grown : o->blocks;
        onnx_fail(o, STATUS_MEMORY);
        return NULL;
    }
    o->blocks = grown;
    o->blocks[o->n_blocks++] = p;
    return p;
}

const char *onnx_string(struct onnx *o, const char *format, ...)
{
    char text[600], *s;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s = onnx_array(o, strlen(text) + 1, 1);
    if (s)
        memcpy(s, text, strlen(text) + 1);
    return s ? s : "";
}

const char *onnx_shape_text(struct onnx *o, size_t rank, const size_t *dims)
{
    const char *s = "";

    for (size_t i = 0; i < rank; i++)
        s = onnx_string(o, "%s%s%zu", s, i ? ", " : "", dims[i]);
    return onnx_string(o, "[%s]", s);
}

bool onnx_set_shape(struct onnx *o, struct value *v, size_t rank, const size_t *dims)
{
    size_t n = 1;

    v->rank = rank;
    v->count = 0;
    if (rank > ONNX_RANK) {
        onnx_refuse(o, "a tensor of %zu dimensions, at most %d are read", rank, ONNX_RANK);
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        v->dims[i] = dims[i];
        if (__builtin_mul_overflow(n, dims[i], &n) || n > ONNX_ENTRIES) {
            onnx_refuse(o, "a tensor of more than %zu entries", ONNX_ENTRIES);
            return false;
        }
    }
    v->count = n;
    return onnx_ok(o);
}

/* A name of NETWORK.md §1 that is not taken: other characters become _, a number is added if need be. */
static char *fresh_name(struct onnx *o, const char *wish, size_t index)
{
    const char *begin = wish;
    char name[180], *s = NULL;
    size_t n = 0, length = strlen(wish);
    bool old = true;

    if (!((*wish >= 'a' && *wish <= 'z') || (*wish >= 'A' && *wish <= 'Z') || *wish == '_'))
        name[n++] = '_';
    for (; *wish && n < sizeof name - 1; wish++) {
        bool good = (*wish >= 'a' && *wish <= 'z') || (*wish >= 'A' && *wish <= 'Z') || (*wish >= '0' && *wish <= '9') || *wish == '_' || *wish == '.';
        name[n++] = good ? *wish : '_';
    }
    name[n] = '\0';
    for (size_t try = 1; old && onnx_ok(o); try++) {
        const char *key = onnx_string(o, try > 1 ? "%s.%zu" : "%s", name, try);
        if (onnx_ok(o) && !names_add(&o->net_names, key, strlen(key), index, &old))
            onnx_fail(o, STATUS_MEMORY);
        else if (onnx_ok(o) && !old)
            s = mem_string(key);
    }
    o->n_renamed += n != length || memcmp(name, begin, n) != 0;
    if (!s)
        onnx_fail(o, STATUS_MEMORY);
    return s;
}

static bool numbers_are_finite(struct onnx *o, const char *name, const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(numbers[i])) {
            onnx_bad(o, "tensor '%s': entry %zu is %s", name, i, isnan(numbers[i]) ? "not a number (NaN)" : numbers[i] > 0 ? "+infinity" : "-infinity");
            return false;
        }
    return true;
}

size_t onnx_weights(struct onnx *o, const char *name, const double *numbers, size_t k, size_t m)
{
    struct tensor *grown, *t;
    size_t n = m ? k * m : k, i = o->net.n_tensors;

    if (!onnx_ok(o) || !numbers_are_finite(o, name, numbers, n))
        return 0;
    grown = mem_grow(o->net.tensors, &o->tensor_room, i + 1, sizeof *grown);
    if (!grown) {
        onnx_fail(o, STATUS_MEMORY);
        return 0;
    }
    o->net.tensors = grown;
    t = &grown[o->net.n_tensors++];
    t->rank = m ? 2 : 1;
    t->shape[0] = k;
    t->shape[1] = m;
    t->name = fresh_name(o, name, i);
    if (!afford(o, n, sizeof *t->data))
        return 0;
    t->data = mem_array(n, sizeof *t->data);
    if (!t->name || !t->data) {
        onnx_fail(o, STATUS_MEMORY);
        return 0;
    }
    for (size_t e = 0; e < n; e++)
        t->data[e] = numbers[e] + 0.0; /* -0 becomes 0 */
    return i;
}

size_t onnx_indices(struct onnx *o, const char *suffix, const size_t *index, size_t k, size_t m)
{
    size_t n = m ? k * m : k;
    double *numbers = onnx_array(o, n, sizeof *numbers);

    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = (double)index[i];
    return numbers ? onnx_weights(o, onnx_string(o, "%s%s.index", o->call->name, suffix), numbers, k, m) : 0;
}

static void add_weights(struct onnx *o, struct node *node, const struct part *p)
{
    struct text why = { 0 };

    for (size_t i = 0; i < p->n_tensors; i++) {
        node->w[i] = (struct weight){ .tensor = p->tensors[i], .slice = -1 };
        if (!weight_resolve(&o->net, &node->w[i], &why))
            onnx_fail(o, STATUS_INTERNAL);
    }
    node->n_w = p->n_tensors;
    for (size_t i = 0; i < p->n_args; i++)
        node->arg[i] = p->args[i];
    node->n_args = p->n_args;
    text_clear(&why);
}

size_t onnx_node(struct onnx *o, struct part p)
{
    struct node *grown, *node;
    struct text why = { 0 };

    if (!onnx_ok(o))
        return 0;
    grown = mem_grow(o->net.nodes, &o->node_room, o->net.n_nodes + 1, sizeof *grown);
    if (!grown) {
        onnx_fail(o, STATUS_MEMORY);
        return 0;
    }
    o->net.nodes = grown;
    node = &grown[o->net.n_nodes++];
    node->op = p.op;
    node->name = fresh_name(o, p.name ? p.name : onnx_string(o, "%s%s", o->call->name, p.suffix), 0);
    node->inputs = mem_array(p.n_inputs, sizeof *node->inputs);
    if (!node->name || !node->inputs) {
        onnx_fail(o, STATUS_MEMORY);
        return 0;
    }
    if (p.n_inputs)
        memcpy(node->inputs, p.inputs, p.n_inputs * sizeof *node->inputs);
    node->n_inputs = p.n_inputs;
    add_weights(o, node, &p);
    if (onnx_ok(o) && !node_resolve(&o->net, node, &why))
        onnx_fail(o, why.failed ? STATUS_MEMORY : diag_fail(o->d, STATUS_INTERNAL, "cannot read '%s': node '%s': %s", o->path, node->name, why.data));
    text_clear(&why);
    return o->net.n_nodes - 1;
}

void onnx_rename(struct onnx *o, size_t node, const char *name)
{
    char *s = fresh_name(o, name, 0);

    if (s) {
        free(o->net.nodes[node].name);
        o->net.nodes[node].name = s;
    }
}

struct value onnx_result(struct onnx *o, size_t rank, const size_t *dims, struct part p)
{
    struct value v = { .kind = VALUE_NODE, .type = ONNX_FLOAT };

    if (!onnx_ok(o) || !onnx_set_shape(o, &v, rank, dims))
        return (struct value){ 0 };
    if (v.count == 0)
        onnx_fail(o, STATUS_INTERNAL); /* what is computed with has entries (onnx_real) */
    v.node = onnx_node(o, p);
    return onnx_ok(o) ? v : (struct value){ 0 };
}

size_t onnx_as_node(struct onnx *o, const struct value *v)
{
    size_t t;

    if (!onnx_ok(o) || v->kind == VALUE_NODE)
        return v->node;
    t = onnx_weights(o, v->name, v->reals, v->count, 0);
    return onnx_node(o, (struct part){ .name = onnx_string(o, "%s.constant", v->name), .op = OP_CONSTANT, .tensors = { t }, .n_tensors = 1 });
}

struct value onnx_constant(struct onnx *o, const char *name, size_t n, double x)
{
    struct value v = { .kind = VALUE_REALS, .type = ONNX_FLOAT, .name = onnx_string(o, "%s.%s", o->call->name, name) };
    double *reals = onnx_array(o, n, sizeof *reals);

    if (!reals || !onnx_set_shape(o, &v, 1, &n))
        return (struct value){ 0 };
    for (size_t i = 0; i < n; i++)
        reals[i] = x;
    v.reals = reals;
    return v;
}
