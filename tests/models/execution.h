/* Executions of a network in binary32 that use every freedom of NETWORK.md §5 at random. */
#ifndef TESTS_EXECUTION_H
#define TESTS_EXECUTION_H
#include "tests/models/random_net.h"
#include "models/rows.h"

/* One execution of a network, as free as NETWORK.md §5 allows, choosing at random. Rows of every node, float [n_nodes][n_ctx][64]. */
#define WIDTH 64
struct execution { const struct net *net; float (*rows)[8][WIDTH]; const int *t; size_t n; const double *given; /* [n][width_in], where inputs are real */ };

/* 4 ulp away from the truth, or flushed. */
static inline float library(double truth)
{
    float y = (float)truth;
    for (size_t k = below(4); k > 0; k--) y = nextafterf(y, uniform() < 0.5 ? -INFINITY : INFINITY);
    return fabsf(y) < 0x1p-126f && below(2) ? 0 : y;
}

struct sum { float a[300], b[300]; bool product[300]; size_t n; };
static inline void add_product(struct sum *s, float a, float b) { s->a[s->n] = a, s->b[s->n] = b, s->product[s->n++] = true; }
static inline void add_plain(struct sum *s, float a) { s->a[s->n] = a, s->product[s->n++] = false; }

/* Takes two parts of the sum and makes them one, until one is left: any order, any grouping, products fused or not. */
static inline float total(struct sum *s)
{
    bool in_order = below(2);
    if (s->n == 0) return 0;
    while (s->n > 1) {
        size_t i = in_order ? 0 : below(s->n), j = in_order ? 1 : (i + 1 + below(s->n - 1)) % s->n;
        if (!s->product[i] && s->product[j] && below(2)) s->a[i] = fmaf(s->a[j], s->b[j], s->a[i]);
        else {
            float x = s->product[i] ? s->a[i] * s->b[i] : s->a[i], y = s->product[j] ? s->a[j] * s->b[j] : s->a[j];
            s->a[i] = x + y;
        }
        s->product[i] = false;
        s->n--;
        size_t gap = in_order ? j : s->n;
        for (; in_order && gap < s->n; gap++) s->a[gap] = s->a[gap + 1], s->b[gap] = s->b[gap + 1], s->product[gap] = s->product[gap + 1];
        if (!in_order) s->a[j] = s->a[s->n], s->b[j] = s->b[s->n], s->product[j] = s->product[s->n];
    }
    return s->product[0] ? s->a[0] * s->b[0] : s->a[0];
}

static inline void execute_heads(float *y, const struct execution *e, const struct node *v, size_t i)
{
    for (size_t j = 0; j < v->width; j++) {
        struct sum s = {.n = 0};
        for (size_t a = 0; a < v->n_inputs; a++) {
            const struct node *u = &e->net->nodes[v->inputs[a]];
            for (size_t k = 0; k < u->w[0].k; k++) add_product(&s, e->rows[u->inputs[0]][i][k], (float)u->w[0].data[k * u->w[0].m + j]);
        }
        if (v->n_w) add_plain(&s, (float)v->w[0].data[j]);
        y[j] = total(&s);
    }
}

static inline void execute_softmax(float *y, const float *x, size_t n)
{
    float top = x[0], e[8];
    struct sum s = {.n = 0};
    bool reciprocal = below(2);
    for (size_t j = 0; j < n; j++) top = x[j] > top ? x[j] : top;
    for (size_t j = 0; j < n; j++) {
        float shifted = x[j] - top;
        e[j] = library(exp((double)shifted));
        add_plain(&s, e[j]);
    }
    float sum = total(&s);
    for (size_t j = 0; j < n; j++) y[j] = reciprocal ? e[j] * (1 / sum) : e[j] / sum;
}

static inline void execute_layernorm(float *y, const float *x, const struct execution *e, const struct node *v)
{
    float k = (float)v->width, c[WIDTH], eps = (float)e->net->eps;
    struct sum s = {.n = 0}, q = {.n = 0};
    bool reciprocal = below(2);
    for (size_t j = 0; j < v->width; j++) add_plain(&s, x[j]);
    float mean = total(&s) / k;
    for (size_t j = 0; j < v->width; j++) {
        c[j] = x[j] - mean;
        add_product(&q, c[j], c[j]);
    }
    float var = total(&q) / k, shifted = var + eps, root = sqrtf(shifted);
    for (size_t j = 0; j < v->width; j++) {
        y[j] = reciprocal ? c[j] * (1 / root) : c[j] / root;
        if (!v->n_w) continue;
        float w = (float)v->w[0].data[j], b = (float)v->w[1].data[j], product = y[j] * w;
        y[j] = below(2) ? fmaf(y[j], w, b) : product + b;
    }
}

static inline float execute_activation(enum op op, float x)
{
    if (op == OP_RELU) return x > 0 ? x : 0;
    if (op == OP_SILU) {
        float e = library(exp(-(double)x)), d = 1 + e;
        return x / d;
    }
    float inner, half = 0.5f;
    if (op == OP_GELU) {
        float a = below(2) ? x / (float)sqrt(2) : x * (1 / (float)sqrt(2));
        inner = library(erf((double)a));
    } else {
        float square = x * x, cube = below(2) ? square * x : library((double)x * x * x), scaled = 0.044715f * cube, sum = x + scaled;
        float z = (float)sqrt(2 / acos(-1)) * sum;
        inner = library(tanh((double)z));
    }
    float one = 1 + inner, hx = half * x, y = x * one;
    return below(2) ? hx * one : y / 2;
}

static inline float execute_score(const struct execution *e, const struct node *v, size_t i, size_t j)
{
    struct sum s = {.n = 0};
    float root = (float)sqrt((double)v->arg[0]), inverse = 1 / root;
    for (size_t k = 0; k < e->net->nodes[v->inputs[0]].width; k++) add_product(&s, e->rows[v->inputs[0]][i][k], e->rows[v->inputs[1]][j][k]);
    float dot = total(&s);
    return below(2) ? dot / root : dot * inverse;
}

static inline float execute_sigmoid(float x)
{
    float e = library(exp(-(double)x)), f = library(exp((double)x));
    return x < -80 || below(2) ? (x < 0 ? f / (1 + f) : 1 / (1 + e)) : 1 / (1 + e);
}

static inline void execute_rmsnorm(float *y, const float *x, const struct execution *e, const struct node *v)
{
    struct sum q = {.n = 0};
    bool reciprocal = below(2);
    for (size_t j = 0; j < v->width; j++) add_product(&q, x[j], x[j]);
    float mean = total(&q) / (float)v->width, shifted = mean + (float)e->net->eps, root = sqrtf(shifted), r = (float)(1 / sqrt((double)shifted));
    for (size_t k = below(3); k > 0; k--) r = nextafterf(r, below(2) ? INFINITY : 0);
    for (size_t j = 0; j < v->width; j++) {
        y[j] = reciprocal ? x[j] * r : x[j] / root;
        if (v->n_w) y[j] *= (float)v->w[0].data[j];
    }
}

static inline void execute_topk(float *y, const float *x, size_t k, size_t c)
{
    for (size_t e = 0; e < k; e++) {
        size_t before = 0;
        for (size_t f = 0; f < k; f++) before += x[f] > x[e] || (x[f] == x[e] && f < e);
        y[e] = before < c ? x[e] : 0;
    }
}

static inline float execute_entry(enum op op, float x, float y)
{
    switch (op) {
    case OP_SUB: return x - y;
    case OP_MUL: return x * y;
    case OP_DIV: return x / y;
    case OP_MAX: return x > y ? x : y;
    case OP_MIN: return x < y ? x : y;
    case OP_EXP: return library(exp((double)x));
    case OP_SQRT: return sqrtf(x);
    case OP_ERF: return library(erf((double)x));
    case OP_TANH: return library(tanh((double)x));
    case OP_SIGMOID: return execute_sigmoid(x);
    default: return execute_activation(op, x);
    }
}

static inline void execute_concat(float *y, const struct execution *e, const struct node *v, size_t i)
{
    for (size_t a = 0; a < v->n_inputs; a++)
        for (size_t j = 0; j < e->net->nodes[v->inputs[a]].width; j++) *y++ = e->rows[v->inputs[a]][i][j];
}

static inline void execute_maxpool(float *y, const float *x, const struct weight *I)
{
    for (size_t r = 0; r < I->k; r++) {
        y[r] = x[(size_t)I->data[r * I->m]];
        for (size_t c = 1; c < I->m; c++) y[r] = fmaxf(y[r], x[(size_t)I->data[r * I->m + c]]);
    }
}

static inline float execute_matmul(const float *x, const float *z, const size_t *d, size_t entry)
{
    struct sum s = {.n = 0};
    size_t row = entry / d[3], b = row / d[1];
    for (size_t k = 0; k < d[2]; k++) add_product(&s, x[row * d[2] + k], z[(b * d[2] + k) * d[3] + entry % d[3]]);
    return total(&s);
}

/* Attention: sources that are allowed, in order; what is not allowed is 0. */
static inline void execute_attention(float *y, struct execution *e, const struct node *v, size_t i)
{
    size_t source[8], n = row_allowed(source, e->net, e->t, i, e->n);
    float (*x)[WIDTH] = e->rows[v->inputs[0]], (*z)[WIDTH] = v->n_inputs > 1 ? e->rows[v->inputs[1]] : NULL, a[8], p[8];
    for (size_t j = 0; v->op != OP_MIX && j < e->n; j++) y[j] = 0;
    for (size_t s = 0; s < n; s++) {
        if (v->op == OP_SCORE) y[source[s]] = execute_score(e, v, i, source[s]);
        if (v->op == OP_BILINEAR) y[source[s]] = x[i][source[s]] * z[i][source[s]];
        if (v->op == OP_SOFTMAX) a[s] = x[i][source[s]];
    }
    if (v->op == OP_SOFTMAX && n) execute_softmax(p, a, n);
    for (size_t s = 0; v->op == OP_SOFTMAX && s < n; s++) y[source[s]] = p[s];
    for (size_t j = 0; v->op == OP_MIX && j < v->width; j++) {
        struct sum sum = {.n = 0};
        for (size_t s = 0; s < n; s++) add_product(&sum, x[i][source[s]], z[source[s]][j]);
        y[j] = total(&sum);
    }
}

/* One entry of an operation that computes entry by entry. */
static inline float execute_one(const struct execution *e, const struct node *v, size_t i, size_t j)
{
    const struct weight *w = v->w;
    const float *x = v->n_inputs ? e->rows[v->inputs[0]][i] : NULL, *z = v->n_inputs > 1 ? e->rows[v->inputs[1]][i] : NULL;
    struct sum s = {.n = 0};
    switch (v->op) {
    case OP_EMBED: return (float)w[0].data[(size_t)e->t[i] * v->width + j];
    case OP_POSITION: return (float)w[0].data[i * v->width + j];
    case OP_CONSTANT: return (float)w[0].data[j];
    case OP_INPUT: return (float)e->given[i * v->width + j];
    case OP_ROW: return v->arg[0] < e->n ? e->rows[v->inputs[0]][v->arg[0]][j] : NAN;
    case OP_SELECT: return x[(size_t)w[0].data[j]];
    case OP_JUMPRELU: return x[j] > (float)w[0].data[j] ? x[j] : 0;
    case OP_MATMUL: return execute_matmul(x, z, v->arg, j);
    case OP_ADD:
        for (size_t a = 0; a < v->n_inputs; a++) add_plain(&s, e->rows[v->inputs[a]][i][j]);
        return total(&s);
    case OP_LINEAR:
        for (size_t k = 0; k < w[0].k; k++) add_product(&s, x[k], (float)w[0].data[k * w[0].m + j]);
        if (v->n_w > 1) add_plain(&s, (float)w[1].data[j]);
        return total(&s);
    default: return execute_entry(v->op, x[j], z ? z[j] : 0);
    }
}

static inline void execute_row(struct execution *e, size_t node, size_t i)
{
    const struct node *v = &e->net->nodes[node];
    float *y = e->rows[node][i], *x = v->n_inputs ? e->rows[v->inputs[0]][i] : NULL;
    if (op_attends(v->op)) execute_attention(y, e, v, i);
    else if (v->op == OP_HEADS) execute_heads(y, e, v, i);
    else if (v->op == OP_LAYERNORM) execute_layernorm(y, x, e, v);
    else if (v->op == OP_RMSNORM) execute_rmsnorm(y, x, e, v);
    else if (v->op == OP_TOPK) execute_topk(y, x, v->width, v->arg[0]);
    else if (v->op == OP_CONCAT) execute_concat(y, e, v, i);
    else if (v->op == OP_MAXPOOL) execute_maxpool(y, x, &v->w[0]);
    else
        for (size_t j = 0; j < v->width; j++) {
            if (v->op == OP_ROWSOFTMAX && j % v->arg[0] == 0) execute_softmax(y + j, x + j, v->arg[0]);
            if (v->op != OP_ROWSOFTMAX) y[j] = execute_one(e, v, i, j);
        }
}

static inline void execute(struct execution *e)
{
    for (size_t v = 0; v < e->net->n_nodes; v++)
        for (size_t i = 0; i < e->n; i++) execute_row(e, v, i);
}
#endif
