/* Questions about a network's graph that evaluation asks. */
#include <fenv.h>
#include <string.h>
#include "models/rows.h"
#include "core/mem.h"

enum status net_depth(size_t *out, const struct net *net)
{
    size_t *depth = mem_array(net->n_nodes, sizeof *depth);
    if (!depth) return STATUS_MEMORY;
    *out = 0;
    for (size_t v = 0; v < net->n_nodes; v++) {
        for (size_t a = 0; a < net->nodes[v].n_inputs; a++)
            if (depth[net->nodes[v].inputs[a]] >= depth[v]) depth[v] = depth[net->nodes[v].inputs[a]] + 1;
        if (depth[v] > *out) *out = depth[v];
    }
    free(depth);
    return *out > NET_DEPTH_MAX ? STATUS_LIMIT : STATUS_OK;
}

bool arithmetic_is_ieee(void)
{
    volatile double least = 0x1p-1074, normal = 0x1p-1022, half = 0.5, big = 0x1p60;
    return fegetround() == FE_TONEAREST && normal * half > 0 && least * big == 0x1p-1014;
}

static bool same_columns(const struct weight *w, size_t i, size_t j)
{
    for (size_t row = 0; row < w->k; row++)
        if (w->data[row * w->m + i] != w->data[row * w->m + j]) return false;
    return true;
}

/* Entry i depends on the inputs' entries i in one way for all i, given equal columns of the weights. */
static const bool entrywise[OP_COUNT] = {
    [OP_ADD] = true, [OP_LAYERNORM] = true, [OP_MIX] = true, [OP_HEADS] = true, [OP_RELU] = true, [OP_GELU] = true, [OP_GELU_NEW] = true,
    [OP_SILU] = true, [OP_SUB] = true, [OP_MUL] = true, [OP_DIV] = true, [OP_MAX] = true, [OP_MIN] = true, [OP_EXP] = true, [OP_SQRT] = true,
    [OP_ERF] = true, [OP_TANH] = true, [OP_SIGMOID] = true, [OP_JUMPRELU] = true, [OP_RMSNORM] = true, [OP_ROW] = true,
};

/* One node, given the answers for the earlier ones. */
static bool twins_here(const struct node *v, const unsigned char *twin, size_t i, size_t j)
{
    if (v->width == 0 || i >= v->width || j >= v->width) return false;
    bool by_weights = v->op == OP_EMBED || v->op == OP_POSITION || v->op == OP_CONSTANT || v->op == OP_LINEAR || v->op == OP_SELECT;
    if (!by_weights && !entrywise[v->op]) return false;
    for (size_t w = 0; w < v->n_w; w++)
        if (!same_columns(&v->w[w], i, j)) return false;
    if (by_weights) return true;
    for (size_t a = v->op == OP_MIX; a < v->n_inputs; a++)
        if (!twin[v->inputs[a]]) return false;
    return true;
}

bool net_twins(const struct net *net, size_t node, size_t i, size_t j)
{
    if (i == j) return true;
    unsigned char *twin = mem_array(net->n_nodes, 1);
    bool answer = false;
    if (!twin) return false;
    for (size_t v = 0; v <= node; v++) twin[v] = twins_here(&net->nodes[v], twin, i, j);
    answer = twin[node];
    free(twin);
    return answer;
}

/* Row 0 stands in every sequence and in every prefix; another row may be missing, or come later than the row that reads it. */
static enum reach reach_of_row(enum reach x, size_t row)
{
    if (x == REACH_ANY || x == REACH_ALL || row > 0) return x == REACH_ANY ? REACH_ANY : REACH_ALL;
    return x == REACH_TOKEN ? REACH_PREFIX : x;
}

enum reach node_reach(const struct net *net, size_t node, enum reach inputs)
{
    const struct node *v = &net->nodes[node];
    enum reach reach = v->op == OP_EMBED || v->op == OP_INPUT ? REACH_TOKEN : REACH_NOTHING;
    if (v->op == OP_ROW) return reach_of_row(inputs, v->arg[0]);
    if (op_attends(v->op)) reach = net->causal ? REACH_PREFIX : REACH_ALL;
    return inputs > reach ? inputs : reach;
}

void net_reach(enum reach *out, const struct net *net)
{
    for (size_t v = 0; v < net->n_nodes; v++) {
        enum reach inputs = REACH_NOTHING;
        for (size_t a = 0; a < net->nodes[v].n_inputs; a++)
            if (out[net->nodes[v].inputs[a]] > inputs) inputs = out[net->nodes[v].inputs[a]];
        out[v] = node_reach(net, v, inputs);
    }
}

void reach_range(size_t *first, size_t *end, enum reach r, size_t row, size_t n)
{
    *first = r == REACH_TOKEN ? row : 0;
    *end = r == REACH_NOTHING ? 0 : r == REACH_TOKEN || r == REACH_PREFIX ? row + 1 : n;
}
