/* One certified forward pass (doubles with radii, models/run.c) against a plain double evaluation of the same graph.
 *     forward MODEL...      medians over random sequences of full length, every position
 * certified: one run for all sequences, which keeps the rows that depend on one token; folded: attention summed from tables as well; new
 * run: everything anew for every sequence, memory and tables included. Operations that only newer formats need are not measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "models/model.h"
#include "models/run.h"

enum { PASSES = 41, BATCH = 20 };
struct plain { const struct net *net; double **rows; size_t n; };

static size_t width_of(const struct net *net, size_t v) { return net->nodes[v].width ? net->nodes[v].width : net->n_ctx; }

static void times_matrix(double *restrict y, const double *restrict x, const double *restrict W, size_t k, size_t m)
{
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < m; j++) y[j] += x[i] * W[i * m + j];
}

static double activation(enum op op, double x)
{
    if (op == OP_RELU) return x > 0 ? x : 0;
    if (op == OP_GELU) return x * (1 + erf(x * M_SQRT1_2)) / 2;
    if (op == OP_GELU_NEW) return x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) / 2;
    return x / (1 + exp(-x));
}

static void layernorm(double *y, const double *x, const struct node *v, double eps)
{
    double mean = 0, q = 0, k = (double)v->width;
    for (size_t j = 0; j < v->width; j++) mean += x[j];
    mean /= k;
    for (size_t j = 0; j < v->width; j++) q += (x[j] - mean) * (x[j] - mean);
    for (size_t j = 0; j < v->width; j++) {
        y[j] = (x[j] - mean) / sqrt(q / k + eps);
        if (v->n_w) y[j] = y[j] * v->w[0].data[j] + v->w[1].data[j];
    }
}

static void attention(struct plain *p, const struct node *v, size_t i, double *y)
{
    size_t sources = p->net->causal ? i + 1 : p->n, d = v->op == OP_SCORE ? width_of(p->net, v->inputs[0]) : v->width, k = width_of(p->net, v->inputs[0]);
    const double *x = p->rows[v->inputs[0]] + i * k;
    double sum = 0, top = -INFINITY;
    for (size_t s = 0; v->op == OP_SCORE && s < sources; s++) {
        double dot = 0;
        for (size_t e = 0; e < d; e++) dot += x[e] * p->rows[v->inputs[1]][s * d + e];
        y[s] = dot / sqrt((double)v->arg[0]);
    }
    for (size_t s = 0; v->op == OP_SOFTMAX && s < sources; s++) top = x[s] > top ? x[s] : top;
    for (size_t s = 0; v->op == OP_SOFTMAX && s < sources; s++) sum += y[s] = exp(x[s] - top);
    for (size_t s = 0; v->op == OP_SOFTMAX && s < sources; s++) y[s] /= sum;
    for (size_t s = 0; v->op == OP_MIX && s < sources; s++)
        for (size_t e = 0; e < d; e++) y[e] += x[s] * p->rows[v->inputs[1]][s * d + e];
}

/* False: an operation that this plain evaluation does not know. */
static bool plain_row(struct plain *p, size_t node, size_t i, const int *t)
{
    const struct node *v = &p->net->nodes[node];
    size_t m = width_of(p->net, node);
    double *y = p->rows[node] + i * m;
    const double *x = v->n_inputs ? p->rows[v->inputs[0]] + i * width_of(p->net, v->inputs[0]) : NULL;
    memset(y, 0, m * sizeof *y);
    switch (v->op) {
    case OP_EMBED: memcpy(y, v->w[0].data + (size_t)t[i] * m, m * sizeof *y); return true;
    case OP_POSITION: memcpy(y, v->w[0].data + i * m, m * sizeof *y); return true;
    case OP_ADD:
    case OP_HEADS:
        if (v->n_w) memcpy(y, v->w[0].data, m * sizeof *y);
        for (size_t a = 0; a < v->n_inputs; a++)
            for (size_t j = 0; j < m; j++) y[j] += p->rows[v->inputs[a]][i * m + j];
        return true;
    case OP_LINEAR:
        if (v->n_w > 1) memcpy(y, v->w[1].data, m * sizeof *y);
        times_matrix(y, x, v->w[0].data, v->w[0].k, m);
        return true;
    case OP_LAYERNORM: layernorm(y, x, v, p->net->eps); return true;
    case OP_SCORE:
    case OP_SOFTMAX:
    case OP_MIX: attention(p, v, i, y); return true;
    case OP_RELU:
    case OP_GELU:
    case OP_GELU_NEW:
    case OP_SILU:
        for (size_t j = 0; j < m; j++) y[j] = activation(v->op, x[j]);
        return true;
    default: return false;
    }
}

static bool plain_pass(struct plain *p, const int *t)
{
    for (size_t v = 0; v < p->net->n_nodes; v++)
        for (size_t i = 0; i < p->n; i++)
            if (!plain_row(p, v, i, t)) return false;
    return true;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum mode { PLAIN, COLD, WARM, FOLDED, MODES };
struct bench { const struct net *net; struct plain plain; struct run *runs[MODES]; int t[1000]; double worst, radius; };

static bool certified(struct bench *b, enum mode mode, const double **mid, const double **rad)
{
    struct run *r = b->runs[mode];
    if (mode == COLD && (run_new(&r, b->net, SEMANTICS_REAL) != STATUS_OK)) return false;
    if (mode == COLD) run_plain(r, true);
    run_tokens(r, b->t, b->plain.n);
    for (size_t i = 0; i < b->plain.n; i++) run_row(r, b->net->output, i, mid, rad);
    if (mode == COLD) run_free(r);
    return true;
}

/* Microseconds a pass; the two evaluations are compared. */
static double batch(struct bench *b, enum mode mode, unsigned seed)
{
    double spent = 0;
    size_t width = b->net->nodes[b->net->output].width;
    for (int k = 0; k < BATCH; k++) {
        const double *mid = NULL, *rad = NULL;
        for (size_t i = 0; i < b->plain.n; i++) b->t[i] = (int)(((seed = seed * 1103515245u + 12345u) >> 8) % (unsigned)b->net->d_vocab);
        double begin = now();
        bool ok = mode == PLAIN ? plain_pass(&b->plain, b->t) : certified(b, mode, &mid, &rad);
        spent += now() - begin;
        if (!ok) return NAN;
        if (mode != WARM || k > 0 || !plain_pass(&b->plain, b->t)) continue;
        for (size_t j = 0; j < width; j++) {
            b->worst = fmax(b->worst, fabs(mid[j] - b->plain.rows[b->net->output][(b->plain.n - 1) * width + j]));
            b->radius = fmax(b->radius, rad[j]);
        }
    }
    return spent / BATCH;
}

/* Passes of all modes by turns, so that what else the machine does meets all of them; medians of times and of ratios. */
static bool medians(double us[MODES], double ratio[MODES], struct bench *b)
{
    double times[MODES][PASSES], ratios[MODES][PASSES];
    for (int mode = WARM; mode < MODES; mode++)
        if (run_new(&b->runs[mode], b->net, SEMANTICS_REAL) != STATUS_OK) return false;
    run_plain(b->runs[WARM], true);
    for (int pass = 0; pass < PASSES; pass++)
        for (int mode = 0; mode < MODES; mode++) {
            times[mode][pass] = batch(b, (enum mode)mode, (unsigned)pass);
            ratios[mode][pass] = times[mode][pass] / times[PLAIN][pass];
        }
    for (int mode = 0; mode < MODES; mode++) {
        qsort(times[mode], PASSES, sizeof(double), ascending);
        qsort(ratios[mode], PASSES, sizeof(double), ascending);
        us[mode] = times[mode][PASSES / 2];
        ratio[mode] = ratios[mode][PASSES / 2];
    }
    return us[PLAIN] > 0;
}

static int measure(const char *path)
{
    struct model m = { 0 };
    struct diag d;
    diag_init(&d);
    if (model_load(&m, path, NULL, &d) != STATUS_OK) {
        diag_print(&d, stderr);
        return 1;
    }
    struct bench b = { .net = &m.net, .plain = { &m.net, calloc(m.net.n_nodes, sizeof *b.plain.rows), m.net.n_ctx } };
    double us[MODES], ratio[MODES];
    bool ok = b.plain.rows && m.net.d_vocab && m.net.n_ctx <= 1000;
    for (size_t v = 0; ok && v < m.net.n_nodes; v++) ok = (b.plain.rows[v] = calloc(m.net.n_ctx * width_of(&m.net, v), sizeof(double)));
    ok = ok && medians(us, ratio, &b);
    const char *name = strrchr(path, '/');
    if (ok)
        printf("%-28s plain %7.1f us  certified %7.1f us, %4.1f times  (new run %4.1f times, folded %4.1f)  radius %.0e, off %.0e\n", name ? name + 1 : path,
               us[PLAIN], us[WARM], ratio[WARM], ratio[COLD], ratio[FOLDED], b.radius, b.worst);
    for (int mode = 0; mode < MODES; mode++) run_free(b.runs[mode]);
    for (size_t v = 0; b.plain.rows && v < m.net.n_nodes; v++) free(b.plain.rows[v]);
    free(b.plain.rows);
    model_clear(&m);
    return !ok;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++) failed |= measure(argv[i]);
    return failed;
}
