/* fold_value_biases: a softmax row adds up to 1, so what the values' biases add is the same for every row. */
#include <string.h>

#include "core/mem.h"
#include "models/process_pass.h"

/* A value node with a bias: a linear node with one, or `add raw c`, raw linear, where c is the same for every input (what fold_ln leaves). */
struct value { const struct node *node, *raw, *constant; };

static bool is_constant(const struct net *net, size_t v)
{
    const struct node *n = &net->nodes[v];

    if (n->op == OP_CONSTANT)
        return true;
    if (n->op != OP_LINEAR && n->op != OP_ADD)
        return false;
    for (size_t a = 0; a < n->n_inputs; a++)
        if (!is_constant(net, n->inputs[a]))
            return false;
    return true;
}

/* The biased values behind a head's result; .node NULL: none. Patterns add up to 1 only for softmax. */
static struct value biased_value(const struct net *net, const struct node *result)
{
    const struct node *z = result->n_inputs ? &net->nodes[result->inputs[0]] : NULL;

    if (result->op != OP_LINEAR || result->n_w != 1 || z->op != OP_MIX || net->nodes[z->inputs[0]].op != OP_SOFTMAX)
        return (struct value){ 0 };
    const struct node *v = &net->nodes[z->inputs[1]];
    if (v->op == OP_LINEAR && v->n_w > 1)
        return (struct value){ .node = v };
    if (v->op != OP_ADD || v->n_inputs != 2 || !is_constant(net, v->inputs[1]))
        return (struct value){ 0 };
    const struct node *raw = &net->nodes[v->inputs[0]];
    if (raw->op != OP_LINEAR || raw->n_w != 1 || net_readers(net, v->inputs[0]) != 1 || v->inputs[0] == net->output)
        return (struct value){ 0 };
    return (struct value){ .node = v, .raw = raw, .constant = &net->nodes[v->inputs[1]] };
}

static bool reads(const struct node *n, size_t input)
{
    for (size_t a = 0; a < n->n_inputs; a++)
        if (n->inputs[a] == input)
            return true;
    return false;
}

/* Is node r read by heads node h alone? */
static bool only_in(const struct net *net, const struct node *h, size_t r) { return r != net->output && net_readers(net, r) == 1 && reads(h, r); }

/* Values that only mixes read, whose results only heads node h adds up: then their bias can go to h. */
static bool value_is_private(const struct net *net, const struct node *h, size_t value)
{
    for (size_t z = 0; z < net->n_nodes; z++) {
        const struct node *mix = &net->nodes[z];
        if (!reads(mix, value))
            continue;
        if (mix->op != OP_MIX || mix->inputs[0] == value || net_readers(net, z) != 1 || z == net->output)
            return false;
        for (size_t u = z + 1; u < net->n_nodes; u++)
            if (reads(&net->nodes[u], z) && (!biased_value(net, &net->nodes[u]).node || !only_in(net, h, u)))
                return false;
    }
    return value != net->output;
}

/* Who reads a value's result but heads nodes that can take its bias? Nobody: the value may lose it. */
static bool heads_foldable(const struct net *net, const struct node *h)
{
    size_t n = 0;

    if (h->op != OP_HEADS)
        return false;
    for (size_t a = 0; a < h->n_inputs; a++) {
        struct value v = biased_value(net, &net->nodes[h->inputs[a]]);
        n += v.node && value_is_private(net, h, (size_t)(v.node - net->nodes));
    }
    return n == h->n_inputs;
}

/* b_O + sum over heads of b_V W_O, exactly; NULL if an entry is no binary64 number or a bias is a node. */
static double *heads_bias(const struct net *net, const struct node *h, enum status *s)
{
    size_t m = h->width;
    double *bias = mem_array(m, sizeof *bias);
    bool exact = bias != NULL;
    mpq_t sum;

    if (!bias)
        *s = STATUS_MEMORY;
    mpq_init(sum);
    for (size_t j = 0; exact && j < m; j++) {
        mpq_set_d(sum, h->n_w ? h->w[0].data[j] : 0);
        for (size_t a = 0; exact && a < h->n_inputs; a++) {
            const struct node *result = &net->nodes[h->inputs[a]];
            struct value v = biased_value(net, result);
            exact = !v.raw;
            if (exact)
                exact_add_product(sum, v.node->w[1].data, &result->w[0], j);
        }
        exact = exact && exact_double(&bias[j], sum);
    }
    mpq_clear(sum);
    if (exact)
        return bias;
    free(bias);
    return NULL;
}

static void add_heads(struct rewrite *r, const struct node *h, const char *name, size_t bias)
{
    size_t *in = mem_array(h->n_inputs, sizeof *in);

    if (!in)
        r->b.status = STATUS_MEMORY;
    for (size_t a = 0; in && a < h->n_inputs; a++)
        in[a] = r->nodes[h->inputs[a]];
    if (in)
        r->nodes[(size_t)(h - r->old->nodes)] = netbuild_add(&r->b, (struct netbuild_node){ .name = name, .op = OP_HEADS, .inputs = in,
            .n_inputs = h->n_inputs, .weights = { bias }, .n_weights = 1 });
    free(in);
}

/* The bias of a head's values as a node of the new network. */
static size_t constant_of(struct rewrite *r, const struct node *result, struct value v)
{
    if (v.constant)
        return r->nodes[(size_t)(v.constant - r->old->nodes)];
    size_t b = netbuild_vector(&r->b, node_named("%.80s.value_b", result->name).s, v.node->w[1].data, result->w[0].k);
    return netbuild_constant(&r->b, node_named("%.80s.value", result->name).s, b);
}

/* The constants b_V W_O as nodes, added to the heads. */
static void heads_as_nodes(struct rewrite *r, const struct node *h)
{
    const struct net *net = r->old;
    size_t *parts = mem_array(h->n_inputs + 1, sizeof *parts);

    if (!parts) {
        r->b.status = STATUS_MEMORY;
        return;
    }
    add_heads(r, h, node_named("%.80s.raw", h->name).s, h->n_w ? rewrite_tensor(r, h->w[0].tensor) : NETBUILD_NONE);
    parts[0] = r->nodes[(size_t)(h - net->nodes)];
    for (size_t a = 0; a < h->n_inputs; a++) {
        const struct node *result = &net->nodes[h->inputs[a]];
        size_t c = constant_of(r, result, biased_value(net, result));
        parts[a + 1] = netbuild_add(&r->b, (struct netbuild_node){ .name = node_named("%.80s.bias", result->name).s, .op = OP_LINEAR, .inputs = &c,
            .n_inputs = 1, .weights = { rewrite_tensor(r, result->w[0].tensor) }, .n_weights = 1, .slice = result->w[0].slice + 1 });
    }
    r->nodes[(size_t)(h - net->nodes)] = netbuild_add(&r->b, (struct netbuild_node){ .name = h->name, .op = OP_ADD, .inputs = parts,
        .n_inputs = h->n_inputs + 1 });
    free(parts);
}

/* Does only this node read the tensor? */
static bool reads_alone(const struct net *net, const struct node *h, size_t tensor)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        for (size_t k = 0; k < net->nodes[v].n_w; k++)
            if (net->nodes[v].w[k].tensor == tensor && &net->nodes[v] != h)
                return false;
    return true;
}

/* What the new bias of the heads is called: as the old one, or after the matrix. */
static struct node_name new_bias_name(const struct rewrite *r, const struct node *h)
{
    const struct node *first = &r->old->nodes[h->inputs[0]];

    if (!h->n_w)
        return rewrite_free_name(r, process_bias_name(r->old->tensors[first->w[0].tensor].name).s, SIZE_MAX);
    return rewrite_free_name(r, r->old->tensors[h->w[0].tensor].name, reads_alone(r->old, h, h->w[0].tensor) ? h->w[0].tensor : SIZE_MAX);
}

static void fold_heads(struct rewrite *r, const struct node *h, size_t *numbers, size_t *nodes)
{
    double *bias = heads_bias(r->old, h, &r->b.status);

    if (bias) {
        add_heads(r, h, h->name, netbuild_vector(&r->b, new_bias_name(r, h).s, bias, h->width));
        ++*numbers;
    } else if (r->b.status == STATUS_OK) {
        heads_as_nodes(r, h);
        ++*nodes;
    }
    free(bias);
}

/* Is v a value node whose bias goes with the heads that are folded, or (raw) the linear part of one? */
static struct value loses_bias(const struct net *net, size_t v, bool *raw)
{
    for (size_t u = v + 1; u < net->n_nodes; u++)
        for (size_t a = 0; heads_foldable(net, &net->nodes[u]) && a < net->nodes[u].n_inputs; a++) {
            struct value found = biased_value(net, &net->nodes[net->nodes[u].inputs[a]]);
            *raw = found.raw == &net->nodes[v];
            if (found.node == &net->nodes[v] || *raw)
                return found;
        }
    return (struct value){ 0 };
}

static void plain_value(struct rewrite *r, size_t v, struct value value)
{
    const struct node *n = value.raw ? value.raw : value.node;
    size_t x = r->nodes[n->inputs[0]];

    r->nodes[v] = netbuild_add(&r->b, (struct netbuild_node){ .name = value.node->name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1,
        .weights = { rewrite_tensor(r, n->w[0].tensor) }, .n_weights = 1, .slice = n->w[0].slice + 1 });
}

enum status process_fold_value_biases(struct net *net, struct text *done, struct diag *d)
{
    struct rewrite r;
    size_t numbers = 0, nodes = 0;
    enum status s = rewrite_begin(&r, net, d);

    if (s == STATUS_OK && net->pad >= 0)
        r.b.status = diag_fail(d, STATUS_INPUT, "cannot process fold_value_biases: with a padding token a row may attend to nothing, and its pattern does not add up to 1");
    for (size_t v = 0; r.b.status == STATUS_OK && v < net->n_nodes; v++) {
        bool raw = false;
        struct value value = loses_bias(net, v, &raw);
        if (raw) continue;
        if (value.node) plain_value(&r, v, value);
        else if (heads_foldable(net, &net->nodes[v])) fold_heads(&r, &net->nodes[v], &numbers, &nodes);
        else rewrite_copy(&r, v, NULL);
    }
    if (r.b.status == STATUS_OK && numbers + nodes == 0)
        r.b.status = diag_fail(d, STATUS_INPUT, "cannot process fold_value_biases: no attention layer of this network has value biases that only its heads read");
    s = rewrite_finish(&r, net);
    text_addf(done, "%zu layer%s as numbers, %zu as nodes", numbers, numbers == 1 ? "" : "s", nodes);
    return s;
}
