/* naive: a network on a sequence in long double, every node at every position, straight from NETWORK.md §3. Shares nothing with the
 * evaluators under test but the graph itself. One row of one node may be replaced. */
#ifndef TESTS_MODELS_NAIVE_H
#define TESTS_MODELS_NAIVE_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/net.h"

struct naive { const struct net *net; size_t n; long double **rows; /* [node][position * width + j] */
    long patched_node; size_t patched_row; const long double *patch;
    const double *given; /* [n][width_in], where inputs are real */ };

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
static inline bool naive_allowed(const struct naive *r, const int *t, size_t i, size_t j)
{
    return (!r->net->causal || j <= i) && (r->net->pad < 0 || t[j] != r->net->pad);
}
/* allowed NULL: all n */
static inline void naive_softmax(long double *y, const long double *x, size_t n, const bool *allowed)
{
    long double top = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        if ((!allowed || allowed[j]) && x[j] > top) top = x[j];
    for (size_t j = 0; j < n; j++) sum += y[j] = !allowed || allowed[j] ? expl(x[j] - top) : 0;
    for (size_t j = 0; j < n && sum > 0; j++) y[j] /= sum;
}
static inline void naive_topk(long double *y, const long double *x, size_t k, size_t c)
{
    for (size_t e = 0; e < k; e++) {
        size_t before = 0;
        for (size_t f = 0; f < k; f++) before += x[f] > x[e] || (x[f] == x[e] && f < e);
        y[e] = before < c ? x[e] : 0;
    }
}
static inline void naive_matmul(long double *y, const long double *x, const long double *z, const size_t *d)
{
    for (size_t b = 0; b < d[0]; b++)
        for (size_t a = 0; a < d[1]; a++)
            for (size_t c = 0; c < d[3]; c++)
                for (size_t k = 0; k < d[2]; k++) y[(b * d[1] + a) * d[3] + c] += x[(b * d[1] + a) * d[2] + k] * z[(b * d[2] + k) * d[3] + c];
}
/* Operations of one or two entries. */
static inline long double naive_entry(enum op op, long double x, long double y)
{
    switch (op) {
    case OP_SUB: return x - y;
    case OP_MUL: return x * y;
    case OP_DIV: return x / y;
    case OP_MAX: return x > y ? x : y;
    case OP_MIN: return x < y ? x : y;
    case OP_EXP: return expl(x);
    case OP_SQRT: return sqrtl(x);
    case OP_ERF: return erfl(x);
    case OP_TANH: return tanhl(x);
    case OP_SIGMOID: return 1 / (1 + expl(-x));
    default: return naive_activation(op, x);
    }
}
static inline void naive_concat(struct naive *r, const struct node *v, size_t i, long double *y)
{
    for (size_t a = 0; a < v->n_inputs; a++) {
        size_t width = naive_width(r, v->inputs[a]);
        memcpy(y, naive_row(r, v->inputs[a], i), width * sizeof *y);
        y += width;
    }
}
static inline void naive_maxpool(long double *y, const long double *x, const struct weight *I)
{
    for (size_t e = 0; e < I->k; e++) {
        y[e] = -INFINITY;
        for (size_t c = 0; c < I->m; c++) y[e] = fmaxl(y[e], x[(size_t)I->data[e * I->m + c]]);
    }
}
static inline void naive_rmsnorm(long double *y, const long double *x, const struct node *v, size_t k, long double eps)
{
    long double q = 0;
    for (size_t j = 0; j < k; j++) q += x[j] * x[j] / (long double)k;
    for (size_t j = 0; j < k; j++) y[j] = x[j] / sqrtl(q + eps) * (v->n_w ? (long double)v->w[0].data[j] : 1);
}
static inline void naive_node(struct naive *r, size_t node, size_t i, const int *t, long double *y)
{
    const struct node *v = &r->net->nodes[node];
    size_t m = naive_width(r, node);
    const long double *x = v->n_inputs ? naive_row(r, v->inputs[0], i) : NULL, *z = v->n_inputs > 1 && m ? naive_row(r, v->inputs[1], i) : NULL;
    bool allowed[64] = {0};
    for (size_t j = 0; j < r->n; j++) allowed[j] = naive_allowed(r, t, i, j);
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
        for (size_t j = 0; j < r->n; j++) {
            const long double *key = naive_row(r, v->inputs[1], j);
            for (size_t k = 0; k < naive_width(r, v->inputs[0]); k++) y[j] += x[k] * key[k];
            y[j] /= sqrtl((long double)v->arg[0]);
        }
        break;
    case OP_SOFTMAX: naive_softmax(y, x, r->n, allowed); break;
    case OP_BILINEAR: for (size_t j = 0; j < r->n; j++) y[j] = allowed[j] ? x[j] * z[j] : 0; break;
    case OP_MIX:
        for (size_t k = 0; k < r->n; k++)
            for (size_t j = 0; j < m; j++) y[j] += x[k] * naive_row(r, v->inputs[1], k)[j];
        break;
    case OP_HEADS:
        if (v->n_w == 1) for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[0].data[j];
        for (size_t k = 0; k < v->n_inputs; k++)
            for (size_t j = 0; j < m; j++) y[j] += naive_row(r, v->inputs[k], i)[j];
        break;
    case OP_INPUT: for (size_t j = 0; j < m; j++) y[j] = (long double)r->given[i * m + j]; break;
    case OP_ROW: for (size_t j = 0; j < m; j++) y[j] = v->arg[0] < r->n ? naive_row(r, v->inputs[0], v->arg[0])[j] : (long double)NAN; break;
    case OP_SELECT: for (size_t j = 0; j < m; j++) y[j] = x[(size_t)v->w[0].data[j]]; break;
    case OP_CONCAT: naive_concat(r, v, i, y); break;
    case OP_CONSTANT: for (size_t j = 0; j < m; j++) y[j] = (long double)v->w[0].data[j]; break;
    case OP_JUMPRELU: for (size_t j = 0; j < m; j++) y[j] = x[j] > (long double)v->w[0].data[j] ? x[j] : 0; break;
    case OP_TOPK: naive_topk(y, x, m, v->arg[0]); break;
    case OP_ROWSOFTMAX: for (size_t j = 0; j < m; j += v->arg[0]) naive_softmax(y + j, x + j, v->arg[0], NULL); break;
    case OP_MAXPOOL: naive_maxpool(y, x, &v->w[0]); break;
    case OP_MATMUL: naive_matmul(y, x, z, v->arg); break;
    case OP_RMSNORM: naive_rmsnorm(y, x, v, m, (long double)r->net->eps); break;
    default: for (size_t j = 0; j < m; j++) y[j] = naive_entry(v->op, x[j], z ? z[j] : 0); break;
    }
    if (r->patched_node == (long)node && r->patched_row == i) memcpy(y, r->patch, m * sizeof *y);
}
static inline void naive_clear(struct naive *r)
{
    for (size_t v = 0; r->rows && v < r->net->n_nodes; v++) free(r->rows[v]);
    free(r->rows);
    r->rows = NULL;
}
static inline void naive_fill(struct naive *r, const int *t)
{
    const struct net *net = r->net;
    size_t n = r->n;
    r->rows = calloc(net->n_nodes, sizeof *r->rows);
    for (size_t v = 0; v < net->n_nodes; v++) {
        r->rows[v] = calloc(n * naive_width(r, v) + 1, sizeof **r->rows);
        for (size_t i = 0; i < n; i++) naive_node(r, v, i, t, r->rows[v] + i * naive_width(r, v));
    }
}
/* patched_node -1: nothing is replaced. */
static inline void naive_run(struct naive *r, const struct net *net, const int *t, size_t n, long patched_node, size_t row, const long double *patch)
{
    *r = (struct naive){net, n, NULL, patched_node, row, patch, NULL};
    naive_fill(r, t);
}
/* given: [n][width_in] */
static inline void naive_run_reals(struct naive *r, const struct net *net, const double *given, size_t n)
{
    *r = (struct naive){net, n, NULL, -1, 0, NULL, given};
    naive_fill(r, NULL);
}
#endif
