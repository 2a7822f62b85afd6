#include "models/node.h"

#include "core/mem.h"

enum { ANY = -1 };
/* How many nodes and weights an operation reads; ANY: no upper limit. */
static const struct { int nodes_min, nodes_max, weights_min, weights_max; } arity[OP_COUNT] = {
    [OP_EMBED] = { 0, 0, 1, 1 },     [OP_POSITION] = { 0, 0, 1, 1 }, [OP_ADD] = { 2, ANY, 0, 0 },
    [OP_LINEAR] = { 1, 1, 1, 2 },    [OP_LAYERNORM] = { 1, 1, 0, 2 }, [OP_SCORE] = { 2, 2, 0, 0 },
    [OP_SOFTMAX] = { 1, 1, 0, 0 },   [OP_MIX] = { 2, 2, 0, 0 },      [OP_HEADS] = { 1, ANY, 0, 1 },
    [OP_RELU] = { 1, 1, 0, 0 },      [OP_GELU] = { 1, 1, 0, 0 },     [OP_GELU_NEW] = { 1, 1, 0, 0 },
    [OP_SILU] = { 1, 1, 0, 0 },
};

bool name_valid(const char *s, size_t n)
{
    if (n == 0 || n > 200)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.')))
            return false;
    }
    return true;
}

bool weight_resolve(const struct net *net, struct weight *w, struct text *why)
{
    const struct tensor *t = &net->tensors[w->tensor];

    if (w->slice < 0) {
        w->k = t->rank == 2 ? t->shape[0] : 1;
        w->m = t->shape[t->rank - 1];
        w->data = t->data;
        return true;
    }
    if (t->rank < 2) {
        text_addf(why, "'%s' is a vector, it has no slices", t->name);
        return false;
    }
    if ((size_t)w->slice >= t->shape[0]) {
        text_addf(why, "'%s[%ld]' does not exist, '%s' has slices 0 to %zu", t->name, w->slice, t->name, t->shape[0] - 1);
        return false;
    }
    w->k = t->rank == 3 ? t->shape[1] : 1;
    w->m = t->shape[t->rank - 1];
    w->data = t->data + (size_t)w->slice * w->k * w->m;
    return true;
}

/* 1 vector, 2 matrix, 3 neither */
static size_t weight_rank(const struct net *net, const struct weight *w)
{
    return net->tensors[w->tensor].rank - (w->slice >= 0);
}

static bool is_attention(const struct node *n) { return n->op == OP_SCORE || n->op == OP_SOFTMAX; }

static bool says(struct text *why, const char *what)
{
    text_add(why, what);
    return false;
}

static bool count_is(const char *what, size_t n, int min, int max, struct text *why)
{
    if ((long)n >= min && (max == ANY || (long)n <= max))
        return true;
    if (min == max)
        text_addf(why, "takes %d %s%s, found %zu", min, what, min == 1 ? "" : "s", n);
    else if (max == ANY)
        text_addf(why, "takes %d or more %ss, found %zu", min, what, n);
    else
        text_addf(why, "takes %d to %d %ss, found %zu", min, max, what, n);
    return false;
}

static bool is_matrix(const struct net *net, const struct weight *w, size_t k, struct text *why)
{
    const char *name = net->tensors[w->tensor].name;

    if (weight_rank(net, w) != 2) {
        text_addf(why, "'%s' stands for a matrix but is not one", name);
        return false;
    }
    if (k && w->k != k) {
        text_addf(why, "'%s' has %zu rows, %zu are needed", name, w->k, k);
        return false;
    }
    return true;
}

static bool is_vector(const struct net *net, const struct weight *w, size_t m, struct text *why)
{
    const char *name = net->tensors[w->tensor].name;

    if (weight_rank(net, w) != 1) {
        text_addf(why, "'%s' stands for a vector but is not one", name);
        return false;
    }
    if (w->m != m) {
        text_addf(why, "'%s' has %zu entries, %zu are needed", name, w->m, m);
        return false;
    }
    return true;
}

/* All inputs from the given one on are ordinary rows of one width. */
static bool same_width(const struct net *net, const struct node *n, size_t from, struct text *why)
{
    const struct node *first = &net->nodes[n->inputs[from]];

    for (size_t i = from; i < n->n_inputs; i++) {
        const struct node *x = &net->nodes[n->inputs[i]];
        if (is_attention(x)) {
            text_addf(why, "'%s' is a '%s' node, as wide as the sequence is long", x->name, op_table[x->op].name);
            return false;
        }
        if (x->width != first->width) {
            text_addf(why, "'%s' has width %zu, '%s' has width %zu", first->name, first->width, x->name, x->width);
            return false;
        }
    }
    return true;
}

static bool resolve_table(const struct net *net, struct node *n, struct text *why)
{
    const struct weight *w = &n->w[0];

    if (!is_matrix(net, w, n->op == OP_EMBED ? net->d_vocab : 0, why))
        return false;
    if (n->op == OP_POSITION && w->k < net->n_ctx) {
        text_addf(why, "'%s' has %zu rows, sequences have up to %zu positions", net->tensors[w->tensor].name, w->k, net->n_ctx);
        return false;
    }
    n->width = w->m;
    return true;
}

static bool resolve_linear(const struct net *net, struct node *n, struct text *why)
{
    if (!same_width(net, n, 0, why) || !is_matrix(net, &n->w[0], net->nodes[n->inputs[0]].width, why) ||
        (n->n_w == 2 && !is_vector(net, &n->w[1], n->w[0].m, why)))
        return false;
    n->width = n->w[0].m;
    return true;
}

static bool resolve_layernorm(const struct net *net, struct node *n, struct text *why)
{
    size_t k;

    if (!same_width(net, n, 0, why))
        return false;
    k = net->nodes[n->inputs[0]].width;
    if (n->n_w == 1)
        return says(why, "takes no weights or both w and b, found 1");
    if (n->n_w == 2 && (!is_vector(net, &n->w[0], k, why) || !is_vector(net, &n->w[1], k, why)))
        return false;
    n->width = k;
    return true;
}

static bool resolve_attention(const struct net *net, struct node *n, struct text *why)
{
    const struct node *first = &net->nodes[n->inputs[0]];

    n->width = 0;
    if (n->op == OP_SCORE)
        return n->d >= 1 ? same_width(net, n, 0, why) : says(why, "ends with an integer of at least 1");
    if (n->op == OP_SOFTMAX)
        return first->op == OP_SCORE || says(why, "reads a 'score' node");
    if (first->op != OP_SOFTMAX)
        return says(why, "reads a 'softmax' node first");
    n->width = net->nodes[n->inputs[1]].width;
    return same_width(net, n, 1, why);
}

static bool resolve_heads(const struct net *net, struct node *n, struct text *why)
{
    for (size_t i = 0; i < n->n_inputs; i++) {
        const struct node *r = &net->nodes[n->inputs[i]];
        if (r->op != OP_LINEAR || r->n_w != 1) {
            text_addf(why, "'%s' is not a 'linear' node without bias", r->name);
            return false;
        }
    }
    n->width = net->nodes[n->inputs[0]].width;
    return same_width(net, n, 0, why) && (n->n_w == 0 || is_vector(net, &n->w[0], n->width, why));
}

bool node_resolve(const struct net *net, struct node *n, struct text *why)
{
    if (!count_is("node", n->n_inputs, arity[n->op].nodes_min, arity[n->op].nodes_max, why) ||
        !count_is("weight", n->n_w, arity[n->op].weights_min, arity[n->op].weights_max, why))
        return false;
    switch (n->op) {
    case OP_EMBED:
    case OP_POSITION:
        return resolve_table(net, n, why);
    case OP_LINEAR:
        return resolve_linear(net, n, why);
    case OP_LAYERNORM:
        return resolve_layernorm(net, n, why);
    case OP_SCORE:
    case OP_SOFTMAX:
    case OP_MIX:
        return resolve_attention(net, n, why);
    case OP_HEADS:
        return resolve_heads(net, n, why);
    default:
        n->width = net->nodes[n->inputs[0]].width;
        return same_width(net, n, 0, why);
    }
}

static bool all_used(const struct net *net, struct text *why)
{
    bool *used = mem_array(net->n_tensors, sizeof *used), all = true;

    if (!used) {
        why->failed = true;
        return false;
    }
    for (size_t i = 0; i < net->n_nodes; i++)
        for (size_t j = 0; j < net->nodes[i].n_w; j++)
            used[net->nodes[i].w[j].tensor] = true;
    for (size_t t = 0; t < net->n_tensors && all; t++)
        if (!used[t]) {
            text_addf(why, "no node uses tensor '%s'", net->tensors[t].name);
            all = false;
        }
    free(used);
    return all;
}

bool net_resolve(const struct net *net, struct text *why)
{
    bool normalised = false;

    for (size_t i = 0; i < net->n_nodes; i++)
        normalised |= net->nodes[i].op == OP_LAYERNORM;
    if (!normalised && net->eps != 0)
        return says(why, "eps must be 0 in a network without 'layernorm'");
    if (is_attention(&net->nodes[net->output]))
        return says(why, "the output is as wide as the sequence is long, it must have a fixed width");
    return all_used(net, why);
}

void node_clear(struct node *n)
{
    free(n->name);
    free(n->inputs);
    *n = (struct node){ 0 };
}
