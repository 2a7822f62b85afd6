/* center_writing: LayerNorm(x) = LayerNorm(x - mean x). center_unembed: argmax and differences of logits do not feel a shift of all. */
#include <string.h>

#include "core/mem.h"
#include "models/process_pass.h"

struct centring {
    struct rewrite r;
    const struct net *net;
    bool *stream;               /* per node: part of the residual stream */
    bool *mine;                 /* per node: scratch */
    size_t numbers, nodes;
};

/* The nodes that add up to what the LayerNorms read. */
static void find_stream(struct centring *c)
{
    const struct net *net = c->net;

    for (size_t v = 0; v < net->n_nodes; v++) {
        const struct node *n = &net->nodes[v];
        enum op read = n->op == OP_LAYERNORM ? net->nodes[n->inputs[0]].op : OP_COUNT;
        if (read == OP_ADD || read == OP_EMBED)
            c->stream[n->inputs[0]] = true;
    }
    for (size_t v = net->n_nodes; v-- > 0;)
        if (c->stream[v] && net->nodes[v].op == OP_ADD)
            for (size_t a = 0; a < net->nodes[v].n_inputs; a++)
                c->stream[net->nodes[v].inputs[a]] = true;
}

static enum status stream_check(const struct centring *c, struct diag *d)
{
    const struct net *net = c->net;
    bool any = false;

    for (size_t v = 0; v < net->n_nodes; v++)
        any |= c->stream[v];
    if (!any)
        return diag_fail(d, STATUS_INPUT, "cannot process center_writing: no LayerNorm reads the residual stream");
    if (c->stream[net->output])
        return diag_fail(d, STATUS_INPUT, "cannot process center_writing: the output '%s' is part of the residual stream", net->nodes[net->output].name);
    for (size_t u = 0; u < net->n_nodes; u++)
        for (size_t a = 0; a < net->nodes[u].n_inputs; a++) {
            const struct node *reader = &net->nodes[u];
            bool fine = reader->op == OP_LAYERNORM || (reader->op == OP_ADD && c->stream[u]);
            if (c->stream[reader->inputs[a]] && !fine)
                return diag_fail(d, STATUS_INPUT, "cannot process center_writing: '%s' is read by '%s' ('%s'), not by LayerNorms alone",
                                 net->nodes[reader->inputs[a]].name, reader->name, op_table[reader->op].name);
        }
    return STATUS_OK;
}

/* Centres the last axis of a tensor that only the nodes `mine` read; false if it cannot be done in numbers. */
static bool centre_tensor(struct centring *c, size_t tensor)
{
    const struct tensor *t = &c->net->tensors[tensor];
    size_t d = t->shape[t->rank - 1];
    bool memory = false;

    if (c->r.numbers[tensor])
        return true;
    if (!net_tensor_read_only_by(c->net, tensor, c->mine))
        return false;
    c->r.numbers[tensor] = exact_centred(t->data, tensor_count(t) / d, d, &memory);
    if (memory)
        c->r.b.status = STATUS_MEMORY;
    return c->r.numbers[tensor] != NULL;
}

/* The nodes whose tensors hold what v writes: v itself, or with heads their linear parts. */
static bool writers(struct centring *c, size_t v)
{
    const struct node *n = &c->net->nodes[v];

    memset(c->mine, 0, c->net->n_nodes * sizeof *c->mine);
    c->mine[v] = true;
    for (size_t a = 0; n->op == OP_HEADS && a < n->n_inputs; a++) {
        c->mine[n->inputs[a]] = true;
        if (net_readers(c->net, n->inputs[a]) != 1 || n->inputs[a] == c->net->output)
            return false;
    }
    return n->op == OP_HEADS || n->op == OP_LINEAR || n->op == OP_EMBED || n->op == OP_POSITION;
}

/* Writes what v adds to the stream without its mean, in numbers; false: nothing is changed. */
static bool centre_numbers(struct centring *c, size_t v)
{
    const struct net *net = c->net;
    bool fine = writers(c, v);

    for (size_t u = 0; fine && u < net->n_nodes; u++)
        for (size_t k = 0; c->mine[u] && fine && k < net->nodes[u].n_w; k++)
            fine = centre_tensor(c, net->nodes[u].w[k].tensor);
    for (size_t u = 0; !fine && u < net->n_nodes; u++)
        for (size_t k = 0; c->mine[u] && k < net->nodes[u].n_w; k++) {
            size_t t = net->nodes[u].w[k].tensor;
            if (net_tensor_read_only_by(net, t, c->mine)) {
                free(c->r.numbers[t]);
                c->r.numbers[t] = NULL;
            }
        }
    return fine;
}

static bool is_writer(const struct centring *c, size_t v) { return c->stream[v] && c->net->nodes[v].op != OP_ADD; }

static enum status centring_begin(struct centring *c, const struct net *net, struct diag *d)
{
    enum status s = rewrite_begin(&c->r, net, d);

    c->net = net;
    c->stream = mem_array(net->n_nodes, sizeof *c->stream);
    c->mine = mem_array(net->n_nodes, sizeof *c->mine);
    if (s == STATUS_OK && (!c->stream || !c->mine))
        s = c->r.b.status = STATUS_MEMORY;
    return s;
}

static enum status centring_finish(struct centring *c, struct net *net, bool *as_nodes)
{
    for (size_t v = 0; as_nodes && c->r.b.status == STATUS_OK && v < net->n_nodes; v++) {
        if (!as_nodes[v]) {
            rewrite_copy(&c->r, v, NULL);
        } else {
            rewrite_copy(&c->r, v, node_named("%.80s.raw", net->nodes[v].name).s);
            c->r.nodes[v] = rewrite_centre(&c->r, c->r.nodes[v], net->nodes[v].name);
        }
    }
    free(c->stream);
    free(c->mine);
    free(as_nodes);
    return rewrite_finish(&c->r, net);
}

static enum status centre(struct centring *c, struct net *net, bool (*wanted)(const struct centring *, size_t))
{
    bool *as_nodes = mem_array(net->n_nodes, sizeof *as_nodes);

    if (!as_nodes && c->r.b.status == STATUS_OK)
        c->r.b.status = STATUS_MEMORY;
    for (size_t v = 0; c->r.b.status == STATUS_OK && v < net->n_nodes; v++) {
        if (!wanted(c, v))
            continue;
        as_nodes[v] = !centre_numbers(c, v);
        c->nodes += as_nodes[v];
        c->numbers += !as_nodes[v];
    }
    return centring_finish(c, net, as_nodes);
}

enum status process_center_writing(struct net *net, struct text *done, struct diag *d)
{
    struct centring c = { 0 };

    if (centring_begin(&c, net, d) == STATUS_OK) {
        find_stream(&c);
        c.r.b.status = stream_check(&c, d);
    }
    enum status s = centre(&c, net, is_writer);
    text_addf(done, "%zu writers as numbers, %zu as nodes", c.numbers, c.nodes);
    return s;
}

static bool is_output(const struct centring *c, size_t v) { return v == c->net->output; }

enum status process_center_unembed(struct net *net, struct text *done, struct diag *d)
{
    struct centring c = { 0 };

    c.r.b.status = centring_begin(&c, net, d);
    enum status s = centre(&c, net, is_output);
    text_addf(done, "as %s; logits are shifted, position by position", c.numbers ? "numbers" : "nodes");
    return s;
}
