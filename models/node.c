#include "models/node.h"

#include <stdint.h>

#include "core/mem.h"

enum { ANY = -1 };
#define WIDTH_MAX ((size_t)INT32_MAX)

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
    w->data = t->data ? t->data + (size_t)w->slice * w->k * w->m : NULL;
    return true;
}

/* 1 vector, 2 matrix, 3 neither */
static size_t weight_rank(const struct net *net, const struct weight *w)
{
    return net->tensors[w->tensor].rank - (w->slice >= 0);
}

static bool is_attention(const struct node *n) { return n->op == OP_SCORE || n->op == OP_SOFTMAX || n->op == OP_BILINEAR; }

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

static bool has_width(const struct node *x, struct text *why)
{
    if (is_attention(x))
        text_addf(why, "'%s' is a '%s' node, as wide as the sequence is long", x->name, op_table[x->op].name);
    return !is_attention(x);
}

/* All inputs from the given one on are ordinary rows of one width. */
static bool same_width(const struct net *net, const struct node *n, size_t from, struct text *why)
{
    const struct node *first = &net->nodes[n->inputs[from]];

    for (size_t i = from; i < n->n_inputs; i++) {
        const struct node *x = &net->nodes[n->inputs[i]];
        if (!has_width(x, why))
            return false;
        if (x->width != first->width) {
            text_addf(why, "'%s' has width %zu, '%s' has width %zu", first->name, first->width, x->name, x->width);
            return false;
        }
    }
    return true;
}

/* The entries of a vector or matrix are integers below `limit`. */
static bool are_integers(const struct net *net, const struct weight *w, size_t limit, struct text *why)
{
    if (!net->tensors[w->tensor].data)   /* shapes alone were read */
        return true;
    for (size_t i = 0; i < w->k * w->m; i++)
        if (!(w->data[i] >= 0 && w->data[i] < (double)limit && w->data[i] == (double)(size_t)w->data[i])) {
            text_addf(why, "entry %zu of '%s' is %g, an integer from 0 to %zu is needed", i, net->tensors[w->tensor].name, w->data[i], limit - 1);
            return false;
        }
    return true;
}

static const struct node *input(const struct net *net, const struct node *n, size_t i) { return &net->nodes[n->inputs[i]]; }

static bool resolve_embed(const struct net *net, struct node *n, struct text *why)
{
    if (net->width_in)
        return says(why, "reads tokens, the inputs of this network are rows of real numbers");
    n->width = n->w[0].m;
    return is_matrix(net, &n->w[0], net->d_vocab, why);
}

static bool resolve_input(const struct net *net, struct node *n, struct text *why)
{
    n->width = net->width_in;
    return net->width_in > 0 || says(why, "reads rows of real numbers, the inputs of this network are tokens");
}

static bool resolve_position(const struct net *net, struct node *n, struct text *why)
{
    const struct weight *w = &n->w[0];

    if (!is_matrix(net, w, 0, why))
        return false;
    if (w->k < net->n_ctx) {
        text_addf(why, "'%s' has %zu rows, sequences have up to %zu positions", net->tensors[w->tensor].name, w->k, net->n_ctx);
        return false;
    }
    n->width = w->m;
    return true;
}

static bool resolve_constant(const struct net *net, struct node *n, struct text *why)
{
    n->width = n->w[0].m;
    return is_vector(net, &n->w[0], n->w[0].m, why);
}

static bool resolve_linear(const struct net *net, struct node *n, struct text *why)
{
    if (!same_width(net, n, 0, why) || !is_matrix(net, &n->w[0], input(net, n, 0)->width, why) ||
        (n->n_w == 2 && !is_vector(net, &n->w[1], n->w[0].m, why)))
        return false;
    n->width = n->w[0].m;
    return true;
}

/* Entry by entry, with any number of vectors as wide as the row: add, relu, mul, jumprelu, rmsnorm, ... */
static bool resolve_entries(const struct net *net, struct node *n, struct text *why)
{
    if (!same_width(net, n, 0, why))
        return false;
    n->width = input(net, n, 0)->width;
    for (size_t i = 0; i < n->n_w; i++)
        if (!is_vector(net, &n->w[i], n->width, why))
            return false;
    return true;
}

static bool resolve_layernorm(const struct net *net, struct node *n, struct text *why)
{
    if (n->n_w == 1)
        return same_width(net, n, 0, why) && says(why, "takes no weights or both w and b, found 1");
    return resolve_entries(net, n, why);
}

static bool resolve_score(const struct net *net, struct node *n, struct text *why)
{
    n->width = 0;
    return n->arg[0] >= 1 ? same_width(net, n, 0, why) : says(why, "ends with an integer of at least 1");
}

static bool resolve_softmax(const struct net *net, struct node *n, struct text *why)
{
    n->width = 0;
    return input(net, n, 0)->op == OP_SCORE || says(why, "reads a 'score' node");
}

static bool resolve_bilinear(const struct net *net, struct node *n, struct text *why)
{
    n->width = 0;
    return (input(net, n, 0)->op == OP_SCORE && input(net, n, 1)->op == OP_SCORE) || says(why, "reads two 'score' nodes");
}

static bool resolve_mix(const struct net *net, struct node *n, struct text *why)
{
    enum op pattern = input(net, n, 0)->op;

    if (pattern != OP_SOFTMAX && pattern != OP_BILINEAR)
        return says(why, "reads a 'softmax' or 'bilinear' node first");
    n->width = input(net, n, 1)->width;
    return same_width(net, n, 1, why);
}

static bool resolve_heads(const struct net *net, struct node *n, struct text *why)
{
    for (size_t i = 0; i < n->n_inputs; i++) {
        const struct node *r = input(net, n, i);
        if (r->op != OP_LINEAR || r->n_w != 1) {
            text_addf(why, "'%s' is not a 'linear' node without bias", r->name);
            return false;
        }
    }
    n->width = input(net, n, 0)->width;
    return same_width(net, n, 0, why) && (n->n_w == 0 || is_vector(net, &n->w[0], n->width, why));
}

static bool resolve_row(const struct net *net, struct node *n, struct text *why)
{
    if (n->arg[0] >= net->n_ctx) {
        text_addf(why, "row %zu, sequences have rows 0 to %zu", n->arg[0], net->n_ctx - 1);
        return false;
    }
    return resolve_entries(net, n, why);
}

static bool resolve_select(const struct net *net, struct node *n, struct text *why)
{
    n->width = n->w[0].m;
    return same_width(net, n, 0, why) && is_vector(net, &n->w[0], n->w[0].m, why) &&
           are_integers(net, &n->w[0], input(net, n, 0)->width, why);
}

static bool resolve_maxpool(const struct net *net, struct node *n, struct text *why)
{
    n->width = n->w[0].k;
    return same_width(net, n, 0, why) && is_matrix(net, &n->w[0], 0, why) && are_integers(net, &n->w[0], input(net, n, 0)->width, why);
}

static bool resolve_concat(const struct net *net, struct node *n, struct text *why)
{
    size_t width = 0;

    for (size_t i = 0; i < n->n_inputs; i++) {
        const struct node *x = input(net, n, i);
        if (!has_width(x, why))
            return false;
        if ((width += x->width) > WIDTH_MAX)
            return says(why, "the result has more than 2147483647 entries");
    }
    n->width = width;
    return true;
}

static bool resolve_topk(const struct net *net, struct node *n, struct text *why)
{
    if (!resolve_entries(net, n, why))
        return false;
    if (n->arg[0] >= 1 && n->arg[0] <= n->width)
        return true;
    text_addf(why, "keeps %zu entries of %zu, 1 to %zu are possible", n->arg[0], n->width, n->width);
    return false;
}

static bool resolve_rowsoftmax(const struct net *net, struct node *n, struct text *why)
{
    if (!resolve_entries(net, n, why))
        return false;
    if (n->arg[0] >= 1 && n->width % n->arg[0] == 0)
        return true;
    text_addf(why, "groups of %zu entries do not divide the row's %zu", n->arg[0], n->width);
    return false;
}

/* a b c, or 0 beyond WIDTH_MAX */
static size_t product(size_t a, size_t b, size_t c)
{
    if (a * b > WIDTH_MAX || a * b * c > WIDTH_MAX)   /* each below 2^31 */
        return 0;
    return a * b * c;
}

static bool is_block(const struct node *x, size_t a, size_t b, size_t c, struct text *why)
{
    if (!has_width(x, why))
        return false;
    if (a && b && c && x->width == product(a, b, c))
        return true;
    text_addf(why, "'%s' has width %zu, it does not hold %zu matrices of %zu by %zu", x->name, x->width, a, b, c);
    return false;
}

static bool resolve_matmul(const struct net *net, struct node *n, struct text *why)
{
    const size_t *d = n->arg;

    if (!is_block(input(net, n, 0), d[0], d[1], d[2], why) || !is_block(input(net, n, 1), d[0], d[2], d[3], why))
        return false;
    n->width = product(d[0], d[1], d[3]);
    return n->width > 0 || says(why, "the result has more than 2147483647 entries");
}

/* How many nodes, weights and integers an operation reads (ANY: no upper limit), and the rest of its conditions. */
static const struct {
    int nodes_min, nodes_max, weights_min, weights_max, integers;
    bool (*resolve)(const struct net *, struct node *, struct text *);
} rules[OP_COUNT] = {
    [OP_EMBED] = { 0, 0, 1, 1, 0, resolve_embed },         [OP_POSITION] = { 0, 0, 1, 1, 0, resolve_position },
    [OP_ADD] = { 2, ANY, 0, 0, 0, resolve_entries },       [OP_LINEAR] = { 1, 1, 1, 2, 0, resolve_linear },
    [OP_LAYERNORM] = { 1, 1, 0, 2, 0, resolve_layernorm }, [OP_SCORE] = { 2, 2, 0, 0, 1, resolve_score },
    [OP_SOFTMAX] = { 1, 1, 0, 0, 0, resolve_softmax },     [OP_MIX] = { 2, 2, 0, 0, 0, resolve_mix },
    [OP_HEADS] = { 1, ANY, 0, 1, 0, resolve_heads },       [OP_RELU] = { 1, 1, 0, 0, 0, resolve_entries },
    [OP_GELU] = { 1, 1, 0, 0, 0, resolve_entries },        [OP_GELU_NEW] = { 1, 1, 0, 0, 0, resolve_entries },
    [OP_SILU] = { 1, 1, 0, 0, 0, resolve_entries },        [OP_INPUT] = { 0, 0, 0, 0, 0, resolve_input },
    [OP_ROW] = { 1, 1, 0, 0, 1, resolve_row },             [OP_SELECT] = { 1, 1, 1, 1, 0, resolve_select },
    [OP_CONCAT] = { 2, ANY, 0, 0, 0, resolve_concat },     [OP_CONSTANT] = { 0, 0, 1, 1, 0, resolve_constant },
    [OP_SUB] = { 2, 2, 0, 0, 0, resolve_entries },         [OP_MUL] = { 2, 2, 0, 0, 0, resolve_entries },
    [OP_DIV] = { 2, 2, 0, 0, 0, resolve_entries },         [OP_MAX] = { 2, 2, 0, 0, 0, resolve_entries },
    [OP_MIN] = { 2, 2, 0, 0, 0, resolve_entries },         [OP_EXP] = { 1, 1, 0, 0, 0, resolve_entries },
    [OP_SQRT] = { 1, 1, 0, 0, 0, resolve_entries },        [OP_ERF] = { 1, 1, 0, 0, 0, resolve_entries },
    [OP_TANH] = { 1, 1, 0, 0, 0, resolve_entries },        [OP_SIGMOID] = { 1, 1, 0, 0, 0, resolve_entries },
    [OP_JUMPRELU] = { 1, 1, 1, 1, 0, resolve_entries },    [OP_TOPK] = { 1, 1, 0, 0, 1, resolve_topk },
    [OP_ROWSOFTMAX] = { 1, 1, 0, 0, 1, resolve_rowsoftmax }, [OP_MAXPOOL] = { 1, 1, 1, 1, 0, resolve_maxpool },
    [OP_MATMUL] = { 2, 2, 0, 0, 4, resolve_matmul },       [OP_RMSNORM] = { 1, 1, 0, 1, 0, resolve_entries },
    [OP_BILINEAR] = { 2, 2, 0, 0, 0, resolve_bilinear },
};

bool node_resolve(const struct net *net, struct node *n, struct text *why)
{
    return count_is("node", n->n_inputs, rules[n->op].nodes_min, rules[n->op].nodes_max, why) &&
           count_is("weight", n->n_w, rules[n->op].weights_min, rules[n->op].weights_max, why) &&
           count_is("integer", n->n_args, rules[n->op].integers, rules[n->op].integers, why) && rules[n->op].resolve(net, n, why);
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
        normalised |= net->nodes[i].op == OP_LAYERNORM || net->nodes[i].op == OP_RMSNORM;
    if (!normalised && net->eps != 0)
        return says(why, "eps must be 0 in a network without 'layernorm' and 'rmsnorm'");
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
