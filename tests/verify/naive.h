/* naive: a network on a sequence in long double, every node at every position, straight from NETWORK.md §3. Shares nothing with the
 * evaluators under test but the graph itself. One row of one node may be replaced. */
#ifndef TESTS_VERIFY_NAIVE_H
#define TESTS_VERIFY_NAIVE_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/net.h"

struct naive { const struct net *net; size_t n; long double **rows; /* [node][position * width + j] */
    long patched_node; size_t patched_row; const long double *patch; };

static inline size_t naive_width(const struct naive *r, size_t node)
{
    return r->net->nodes[node].width ? r->net->nodes[node].width : r->n;
}
static inline const long double *naive_row(const struct naive *r, size_t node, size_t i)
{
    return r->rows[node] + i * naive_width(r, node);
}
static inline void naive_matrix(long double *y, const long double *x, const struct weight *w)
{
    for (size_t j = 0; j < w->m; j++)
        for (size_t k = 0; k < w->k; k++) y[j] += x[k] * (long double)w->data[k * w->m + j];
}
static inline void naive_norm(long double *y, const long double *x, const struct node *v, size_t k, long double eps)
{
    long double mean = 0, var = 0;
    for (size_t j = 0; j < k; j++) mean += x[j] / (long double)k;
    for (size_t j = 0; j < k; j++) var += (x[j] - mean) * (x[j] - mean) / (long double)k;
    for (size_t j = 0; j < k; j++) {
        y[j] = (x[j] - mean) / sqrtl(var + eps);
        if (v->n_w == 2) y[j] = y[j] * (long double)v->w[0].data[j] + (long double)v->w[1].data[j];
    }
}
static inline long double naive_activation(enum op op, long double x)
{
    if (op == OP_RELU) return x > 0 ? x : 0;
    if (op == OP_GELU) return x * (1 + erfl(x / sqrtl(2))) / 2;
    if (op == OP_GELU_NEW) return x * (1 + tanhl(sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x))) / 2;
    return x / (1 + expl(-x));
}
static inline void naive_softmax(long double *y, const long double *x, size_t allowed)
{
    long double top = x[0], sum = 0;
    for (size_t j = 1; j < allowed; j++)
        if (x[j] > top) top = x[j];
    for (size_t j = 0; j < allowed; j++) sum += y[j] = expl(x[j] - top);
    for (size_t j = 0; j < allowed; j++) y[j] /= sum;
}
static inline void naive_node(struct naive *r, size_t node, size_t i, const int *t, long double *y)
{
    const struct node *v = &r->net->nodes[node];
    size_t allowed = r->net->causal ? i + 1 : r->n, m = naive_width(r, node);
    const long double *x = v->n_inputs ? naive_row(r, v->inputs[0], i) : NULL;
    switch (v->op) {
    case OP_EMBED: for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[0].data[(size_t)t[i] * m + j]; break;
    case OP_POSITION: for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[0].data[i * m + j]; break;
    case OP_ADD:
        for (size_t k = 0; k < v->n_inputs; k++)
            for (size_t j = 0; j < m; j++) y[j] += naive_row(r, v->inputs[k], i)[j];
        break;
    case OP_LINEAR:
        if (v->n_w == 2) for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[1].data[j];
        naive_matrix(y, x, &v->w[0]);
        break;
    case OP_LAYERNORM: naive_norm(y, x, v, m, (long double)r->net->eps); break;
    case OP_SCORE:
        for (size_t j = 0; j < allowed; j++) {
            const long double *key = naive_row(r, v->inputs[1], j);
            for (size_t k = 0; k < naive_width(r, v->inputs[0]); k++) y[j] += x[k] * key[k];
            y[j] /= sqrtl((long double)v->arg[0]);
        }
        break;
    case OP_SOFTMAX: naive_softmax(y, x, allowed); break;
    case OP_MIX:
        for (size_t k = 0; k < allowed; k++)
            for (size_t j = 0; j < m; j++) y[j] += x[k] * naive_row(r, v->inputs[1], k)[j];
        break;
    case OP_HEADS:
        if (v->n_w == 1) for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[0].data[j];
        for (size_t k = 0; k < v->n_inputs; k++)
            for (size_t j = 0; j < m; j++) y[j] += naive_row(r, v->inputs[k], i)[j];
        break;
    default: for (size_t j = 0; j < m; j++) y[j] = naive_activation(v->op, x[j]); break;
    }
    if (r->patched_node == (long)node && r->patched_row == i) memcpy(y, r->patch, m * sizeof *y);
}
static inline void naive_clear(struct naive *r)
{
    for (size_t v = 0; r->rows && v < r->net->n_nodes; v++) free(r->rows[v]);
    free(r->rows);
    r->rows = NULL;
}
/* patched_node -1: nothing is replaced. */
static inline void naive_run(struct naive *r, const struct net *net, const int *t, size_t n, long patched_node, size_t row, const long double *patch)
{
    *r = (struct naive){net, n, calloc(net->n_nodes, sizeof *r->rows), patched_node, row, patch};
    for (size_t v = 0; v < net->n_nodes; v++) {
        r->rows[v] = calloc(n * naive_width(r, v) + 1, sizeof **r->rows);
        for (size_t i = 0; i < n; i++) naive_node(r, v, i, t, r->rows[v] + i * naive_width(r, v));
    }
}
#endif
