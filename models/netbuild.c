/* Declared in models/netbuild.h. Shapes were checked before; node_resolve holds every node against the operation table all the same. */
#include "models/netbuild.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "core/names.h"
#include "models/decode.h"
#include "models/node.h"

struct view view_of(const struct tensor *t)
{
    struct view v = { .tensor = t, .rank = t->rank, .source_offset = 0 };

    for (size_t i = t->rank, stride = 1; i-- > 0; stride *= t->shape[i]) {
        v.shape[i] = t->shape[i];
        v.stride[i] = stride;
        v.source_stride[i] = t->source.strides[i];
    }
    return v;
}

struct view view_transposed(struct view v)
{
    struct view t = v;
    size_t a = v.rank - 2, b = v.rank - 1;

    t.shape[a] = v.shape[b], t.shape[b] = v.shape[a];
    t.stride[a] = v.stride[b], t.stride[b] = v.stride[a];
    t.source_stride[a] = v.source_stride[b], t.source_stride[b] = v.source_stride[a];
    return t;
}

struct view view_rows(struct view v, size_t first, size_t n)
{
    v.shape[0] = n;
    v.offset += first * v.stride[0];
    v.source_offset += first * v.source_stride[0];
    return v;
}

struct view view_slice(struct view v, size_t i)
{
    v = view_rows(v, i, 1);
    v.rank--;
    for (size_t k = 0; k < v.rank; k++) {
        v.shape[k] = v.shape[k + 1];
        v.stride[k] = v.stride[k + 1];
        v.source_stride[k] = v.source_stride[k + 1];
    }
    return v;
}

static size_t view_count(struct view v)
{
    size_t n = 1;

    for (size_t i = 0; i < v.rank; i++)
        n *= v.shape[i];
    return n;
}

/* Element number i of the view in row-major order. */
static double view_at(struct view v, size_t i)
{
    size_t at = v.offset;

    for (size_t k = v.rank; k-- > 0; i /= v.shape[k])
        at += i % v.shape[k] * v.stride[k];
    return tensor_entry(v.tensor, at);
}

bool view_equal(struct view a, struct view b)
{
    size_t n = view_count(a);

    if (a.rank != b.rank || memcmp(a.shape, b.shape, a.rank * sizeof *a.shape) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (view_at(a, i) != view_at(b, i))
            return false;
    return true;
}

static void fail(struct netbuild *b, enum status s)
{
    if (b->status == STATUS_OK)
        b->status = s;
}

/* Room for one more tensor, zeroed; NULL after a failure. */
static struct tensor *tensor_room(struct netbuild *b)
{
    struct tensor *grown;

    if (b->status != STATUS_OK)
        return NULL;
    grown = mem_grow(b->net.tensors, &b->tensor_room, b->net.n_tensors + 1, sizeof *grown);
    if (!grown) {
        fail(b, STATUS_MEMORY);
        return NULL;
    }
    b->net.tensors = grown;
    grown[b->net.n_tensors] = (struct tensor){ 0 };
    return &grown[b->net.n_tensors++];
}

/* One more tensor of that name and shape, all 0; NULL after a failure. */
static struct tensor *new_tensor(struct netbuild *b, const char *name, size_t rank, const size_t *shape)
{
    struct tensor *t = tensor_room(b);

    if (!t)
        return NULL;
    *t = (struct tensor){ .name = mem_string(name), .rank = rank, .source = { .dtype = DTYPE_F64, .made = true } };
    memcpy(t->shape, shape, rank * sizeof *shape);
    t->data = mem_array(tensor_count(t), sizeof *t->data);
    if (t->name && t->data)
        return t;
    fail(b, STATUS_MEMORY);
    return NULL;
}

size_t netbuild_take(struct netbuild *b, struct tensor *t)
{
    struct tensor *to = tensor_room(b);

    if (to) {
        *to = *t;
    } else {
        free(t->name);
        free(t->data);
    }
    t->name = NULL;
    t->data = NULL;
    return b->net.n_tensors - 1;
}

size_t netbuild_cut(struct netbuild *b, const char *name, struct view v)
{
    struct tensor *t = new_tensor(b, name, v.rank, v.shape);
    size_t n = view_count(v);

    for (size_t i = 0; t && i < n; i++)
        t->data[i] = view_at(v, i) + 0.0; /* -0 becomes 0 */
    if (t) {
        t->source = v.tensor->source;
        t->source.of = v.tensor->name;
        t->source.bytes = NULL;
        t->source.offset += v.source_offset * dtype_size(t->source.dtype);
        memset(t->source.strides, 0, sizeof t->source.strides);
        memcpy(t->source.strides, v.source_stride, v.rank * sizeof *v.source_stride);
    }
    return b->net.n_tensors - 1;
}

size_t netbuild_matrix(struct netbuild *b, const char *name, const double *values, size_t k, size_t m)
{
    struct tensor *t = new_tensor(b, name, 2, (size_t[]){ k, m });

    if (t)
        memcpy(t->data, values, k * m * sizeof *values);
    return b->net.n_tensors - 1;
}

size_t netbuild_vector(struct netbuild *b, const char *name, const double *values, size_t n)
{
    struct tensor *t = new_tensor(b, name, 1, &n);

    if (t)
        memcpy(t->data, values, n * sizeof *values);
    return b->net.n_tensors - 1;
}

size_t netbuild_fill(struct netbuild *b, const char *name, double value, size_t n)
{
    struct tensor *t = new_tensor(b, name, 1, &n);

    for (size_t i = 0; t && i < n; i++)
        t->data[i] = value;
    return b->net.n_tensors - 1;
}

static bool fill_node(struct netbuild *b, struct node *node, const struct netbuild_node *p, struct text *why)
{
    node->name = mem_string(p->name);
    node->inputs = mem_array(p->n_inputs, sizeof *node->inputs);
    if (!node->name || !node->inputs) {
        fail(b, STATUS_MEMORY);
        return true;
    }
    node->op = p->op;
    if (p->n_inputs)
        memcpy(node->inputs, p->inputs, p->n_inputs * sizeof *node->inputs);
    node->n_inputs = p->n_inputs;
    memcpy(node->arg, p->arg, sizeof node->arg);
    node->n_args = p->n_args;
    for (size_t i = 0; i < p->n_weights; i++)
        if (p->weights[i] != NETBUILD_NONE) {
            struct weight *w = &node->w[node->n_w++];
            w->tensor = p->weights[i];
            w->slice = p->slice - 1; /* 0 in a zeroed description: the whole */
            if (!weight_resolve(&b->net, w, why))
                return false;
        }
    return node_resolve(&b->net, node, why);
}

size_t netbuild_add(struct netbuild *b, struct netbuild_node p)
{
    struct node *grown;
    struct text why = { 0 };

    if (b->status != STATUS_OK)
        return 0;
    grown = mem_grow(b->net.nodes, &b->node_room, b->net.n_nodes + 1, sizeof *grown);
    if (!grown) {
        fail(b, STATUS_MEMORY);
        return 0;
    }
    b->net.nodes = grown;
    if (!fill_node(b, &grown[b->net.n_nodes++], &p, &why))
        fail(b, why.failed ? STATUS_MEMORY : diag_fail(b->d, STATUS_INTERNAL, "node '%s': %s", p.name, why.data));
    text_clear(&why);
    return b->net.n_nodes - 1;
}

size_t netbuild_input(struct netbuild *b)
{
    return netbuild_add(b, (struct netbuild_node){ .name = "input", .op = OP_INPUT });
}

size_t netbuild_one(struct netbuild *b, const char *name, enum op op, size_t x)
{
    return netbuild_add(b, (struct netbuild_node){ .name = name, .op = op, .inputs = &x, .n_inputs = 1 });
}

size_t netbuild_two(struct netbuild *b, const char *name, enum op op, size_t x, size_t y)
{
    return netbuild_add(b, (struct netbuild_node){ .name = name, .op = op, .inputs = (size_t[]){ x, y }, .n_inputs = 2 });
}

size_t netbuild_linear(struct netbuild *b, const char *name, size_t x, size_t W, size_t bias)
{
    return netbuild_add(b, (struct netbuild_node){ .name = name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1, .weights = { W, bias }, .n_weights = 2 });
}

size_t netbuild_constant(struct netbuild *b, const char *name, size_t v)
{
    return netbuild_add(b, (struct netbuild_node){ .name = name, .op = OP_CONSTANT, .weights = { v }, .n_weights = 1 });
}

size_t netbuild_width(const struct netbuild *b, size_t node)
{
    return b->status == STATUS_OK ? b->net.nodes[node].width : 1;
}

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* The nodes name tensors by number: they follow the tensors into the order of names. */
static bool sort_tensors(struct net *net, const char **twice)
{
    char **old = mem_array(net->n_tensors, sizeof *old);
    struct names order = { 0 };
    bool fine = old != NULL, known;
    struct text why = { 0 };

    for (size_t i = 0; fine && i < net->n_tensors; i++)
        old[i] = net->tensors[i].name;
    if (fine && net->n_tensors)
        qsort(net->tensors, net->n_tensors, sizeof *net->tensors, by_name);
    for (size_t i = 0; fine && i < net->n_tensors; i++)
        if ((fine = names_add(&order, net->tensors[i].name, strlen(net->tensors[i].name), i, &known)) && known)
            *twice = net->tensors[i].name;
    for (size_t v = 0; fine && v < net->n_nodes; v++)
        for (size_t k = 0; fine && k < net->nodes[v].n_w; k++) {
            struct weight *w = &net->nodes[v].w[k];
            w->tensor = (size_t)names_find(&order, old[w->tensor], strlen(old[w->tensor]));
            fine = weight_resolve(net, w, &why);
        }
    text_clear(&why);
    names_clear(&order);
    free(old);
    return fine;
}

static bool has_numbers(const struct net *net)
{
    for (size_t i = 0; i < net->n_tensors; i++)
        if (!net->tensors[i].data)
            return false;
    return true;
}

enum status netbuild_finish(struct net *out, struct netbuild *b, size_t output)
{
    struct text why = { 0 };
    const char *twice = NULL;

    b->net.output = output;
    if (b->status == STATUS_OK && !sort_tensors(&b->net, &twice))
        fail(b, STATUS_MEMORY);
    if (b->status == STATUS_OK && twice)
        fail(b, diag_fail(b->d, STATUS_INTERNAL, "the network: two tensors '%s'", twice));
    if (b->status == STATUS_OK && !net_resolve(&b->net, &why))
        fail(b, why.failed ? STATUS_MEMORY : diag_fail(b->d, STATUS_INTERNAL, "the network: %s", why.data));
    if (b->status == STATUS_OK && has_numbers(&b->net))
        fail(b, net_identify(&b->net));
    text_clear(&why);
    if (b->status == STATUS_OK)
        *out = b->net;
    else
        net_clear(&b->net);
    b->net = (struct net){ 0 };
    return b->status;
}

struct node_name node_named(const char *format, ...)
{
    struct node_name n;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(n.s, sizeof n.s, format, args);
    va_end(args);
    return n;
}
