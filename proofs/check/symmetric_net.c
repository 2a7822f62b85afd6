/* Which networks treat positions alike (FORMAT.md §3, Symmetric positions 2). */
#include "symmetric_claim.h"

/* Row i of the result rests on row i of the arguments, and on the allowed rows as a set. */
static const bool by_rows[OP_COUNT] = {
    [OP_EMBED] = true, [OP_POSITION] = true, [OP_ADD] = true, [OP_LINEAR] = true, [OP_LAYERNORM] = true, [OP_SCORE] = true, [OP_SOFTMAX] = true, [OP_MIX] = true, [OP_HEADS] = true,
    [OP_RELU] = true, [OP_GELU] = true, [OP_GELU_NEW] = true, [OP_SILU] = true, [OP_SELECT] = true, [OP_CONCAT] = true, [OP_CONSTANT] = true, [OP_SUB] = true, [OP_MUL] = true,
    [OP_DIV] = true, [OP_MAX] = true, [OP_MIN] = true, [OP_EXP] = true, [OP_SQRT] = true, [OP_ERF] = true, [OP_TANH] = true, [OP_SIGMOID] = true, [OP_JUMPRELU] = true, [OP_TOPK] = true,
    [OP_ROWSOFTMAX] = true, [OP_MAXPOOL] = true, [OP_MATMUL] = true, [OP_RMSNORM] = true, [OP_BILINEAR] = true};

static bool equal_rows(const struct weight *w, const uint32_t *at, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (at[i] >= w->rows) return false;
        const struct dyadic *a = w->t->v + w->at + (size_t)at[0] * w->cols, *b = w->t->v + w->at + (size_t)at[i] * w->cols;
        for (uint32_t k = 0; k < w->cols; k++)
            if (a[k].m != b[k].m || a[k].e != b[k].e) return false;
    }
    return true;
}

const char *net_asymmetry(const struct net *net, const uint32_t *at, uint32_t n) {
    const char *why = net->reals ? "a network that reads no tokens" : NULL;
    bool *attends = mem_get((size_t)net->n_nodes + 1, sizeof *attends); /* it rests on a score */
    for (int v = 0; v < net->n_nodes && why == NULL; v++) {
        const struct node *x = &net->nodes[v];
        attends[v] = x->op == OP_SCORE;
        for (int i = 0; i < x->n_args; i++) attends[v] = attends[v] || attends[x->args[i]];
        bool source = x->op == OP_SCORE || x->op == OP_MIX;
        if (!by_rows[x->op]) why = "an operation that is not row by row";
        else if (x->op == OP_POSITION && !equal_rows(&x->w, at, n)) why = "positions of different rows";
        else if (source && net->causal && attends[x->args[1]]) why = "under a causal mask, keys or values that rest on attention";
    }
    mem_free(attends);
    return why;
}
