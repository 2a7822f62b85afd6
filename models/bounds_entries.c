/* Bounds of operations entry by entry, and of entries moved and compared. */
#include "models/bounds_kernel.h"
#include <stdlib.h>
#include <string.h>
#include "models/rows_kernel.h"

void bound_sub(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        j->lo[e] = step_down(j->in[0].lo[e] - j->in[1].hi[e]);
        j->hi[e] = step_up(j->in[0].hi[e] - j->in[1].lo[e]);
        round_ends(&j->lo[e], &j->hi[e], j->f, 1);
    }
}

void bound_mul(const struct bound_job *j)
{
    bool same = j->node->inputs[0] == j->node->inputs[1];
    for (size_t e = 0; e < j->node->width; e++) {
        if (same) square_ends(&j->lo[e], &j->hi[e], j->in[0].lo[e], j->in[0].hi[e]);
        else product_ends(&j->lo[e], &j->hi[e], j->in[0].lo[e], j->in[0].hi[e], j->in[1].lo[e], j->in[1].hi[e]);
        round_ends(&j->lo[e], &j->hi[e], j->f, 1);
    }
}

void bound_div(const struct bound_job *j)
{
    bool same = j->node->inputs[0] == j->node->inputs[1];
    for (size_t e = 0; e < j->node->width; e++) {
        double a = j->in[0].lo[e], b = j->in[0].hi[e], c = j->in[1].lo[e], d = j->in[1].hi[e];
        double p = a / c, q = a / d, r = b / c, s = b / d;
        bool known = is_known(a, b) && is_known(c, d) && (c > 0 || d < 0);
        j->lo[e] = !known ? -INFINITY : same ? 1 : step_down(fmin(fmin(p, q), fmin(r, s)));
        j->hi[e] = !known ? INFINITY : same ? 1 : step_up(fmax(fmax(p, q), fmax(r, s)));
        if (!same) round_ends(&j->lo[e], &j->hi[e], j->f, 1);
    }
}

/* Exact; what is unknown in one stays unknown. */
void bound_max(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        bool known = is_known(j->in[0].lo[e], j->in[0].hi[e]) && is_known(j->in[1].lo[e], j->in[1].hi[e]);
        j->lo[e] = known ? fmax(j->in[0].lo[e], j->in[1].lo[e]) : -INFINITY;
        j->hi[e] = known ? fmax(j->in[0].hi[e], j->in[1].hi[e]) : INFINITY;
    }
}

void bound_min(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        bool known = is_known(j->in[0].lo[e], j->in[0].hi[e]) && is_known(j->in[1].lo[e], j->in[1].hi[e]);
        j->lo[e] = known ? fmin(j->in[0].lo[e], j->in[1].lo[e]) : -INFINITY;
        j->hi[e] = known ? fmin(j->in[0].hi[e], j->in[1].hi[e]) : INFINITY;
    }
}

void bound_relu(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        bool known = is_known(j->in[0].lo[e], j->in[0].hi[e]);
        j->lo[e] = known ? fmax(j->in[0].lo[e], 0) : -INFINITY;
        j->hi[e] = known ? fmax(j->in[0].hi[e], 0) : INFINITY;
    }
}

/* 0, or x above T. */
void bound_jumprelu(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        double lo = j->in[0].lo[e], hi = j->in[0].hi[e], T = j->node->w[0].data[e];
        j->lo[e] = !is_known(lo, hi) ? -INFINITY : lo > T ? lo : hi <= T ? 0 : fmin(0, T);
        j->hi[e] = !is_known(lo, hi) ? INFINITY : hi <= T ? 0 : lo > T ? hi : fmax(0, hi);
    }
}

/* The row kernel at one end of every entry: below[e] <= f(end[e]) <= above[e]. Three times k doubles of scratch. */
static void at_end(double *below, double *above, const double *end, const struct bound_job *j, struct rounding f)
{
    size_t k = j->node->width;
    double *zero = j->scratch, *mid = zero + k, *rad = mid + k;
    memset(zero, 0, k * sizeof *zero);
    struct row_view in = { end, zero };
    struct row_job job = { .net = j->net, .node = j->node, .row = j->row, .in = &in, .mid = mid, .rad = rad, .f = f };
    row_kernels[j->node->op](&job);
    for (size_t e = 0; e < k; e++) {
        bool known = is_known(j->in[0].lo[e], j->in[0].hi[e]) && rad[e] < INFINITY;
        below[e] = !known ? -INFINITY : rad[e] > 0 ? step_down(mid[e] - rad[e]) : mid[e];
        above[e] = !known ? INFINITY : rad[e] > 0 ? step_up(mid[e] + rad[e]) : mid[e];
    }
}

/* Increasing functions: the error of an execution grows with the result's size, so the two ends bound it too. */
void bound_increasing(const struct bound_job *j)
{
    size_t k = j->node->width;
    double *rest = j->scratch + 3 * k;
    at_end(j->lo, rest, j->in[0].lo, j, j->f);
    at_end(rest, j->hi, j->in[0].hi, j, j->f);
}

/* A result that cannot be negative is not, whatever its radius. */
static void not_negative(const struct bound_job *j)
{
    bound_increasing(j);
    for (size_t e = 0; e < j->node->width; e++)
        if (j->lo[e] < 0 && j->lo[e] > -INFINITY) j->lo[e] = 0;
}

void bound_exp(const struct bound_job *j) { not_negative(j); }
void bound_sigmoid(const struct bound_job *j) { not_negative(j); }
void bound_sqrt(const struct bound_job *j) { not_negative(j); }

/* gelu, gelu_new, silu fall to their minimum, somewhere in from..to, and rise after it (tests/models/check_bounds.c proves it). */
struct valley { double from, to, least; };
static const struct valley valleys[OP_COUNT] = {
    [OP_GELU] = { -0.7528, -0.7508, -0.169972 }, [OP_GELU_NEW] = { -0.7535, -0.7515, -0.170041 }, [OP_SILU] = { -1.2795, -1.2775, -0.278465 },
};

void bound_valley(const struct bound_job *j)
{
    const struct valley *v = &valleys[j->node->op];
    size_t k = j->node->width;
    double *first = j->scratch + 3 * k, *second = first + k;
    at_end(j->lo, first, j->in[0].lo, j, (struct rounding){ 0, 0 });
    at_end(second, j->hi, j->in[0].hi, j, (struct rounding){ 0, 0 });
    for (size_t e = 0; e < k; e++) {
        double a = j->in[0].lo[e], b = j->in[0].hi[e], more = 0;
        j->hi[e] = fmax(j->hi[e], first[e]);
        j->lo[e] = b < v->from ? second[e] : a > v->to ? j->lo[e] : v->least;
        if (j->f.u > 0) more = smooth32(j->node->op, a / 2 + b / 2, step_up(b / 2 - a / 2), larger_size(j->lo[e], j->hi[e]), j->f.u);
        if (!is_known(a, b)) more = INFINITY;
        j->lo[e] = more > 0 ? step_down(j->lo[e] - more) : j->lo[e];
        j->hi[e] = more > 0 ? step_up(j->hi[e] + more) : j->hi[e];
    }
}

void bound_select(const struct bound_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        size_t from = (size_t)j->node->w[0].data[e];
        j->lo[e] = j->in[0].lo[from];
        j->hi[e] = j->in[0].hi[from];
    }
}

void bound_row(const struct bound_job *j)
{
    memcpy(j->lo, j->in[0].lo, j->node->width * sizeof(double));
    memcpy(j->hi, j->in[0].hi, j->node->width * sizeof(double));
}

void bound_concat(const struct bound_job *j)
{
    size_t at = 0;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        size_t width = j->net->nodes[j->node->inputs[a]].width;
        memcpy(j->lo + at, j->in[a].lo, width * sizeof(double));
        memcpy(j->hi + at, j->in[a].hi, width * sizeof(double));
        at += width;
    }
}

void bound_maxpool(const struct bound_job *j)
{
    const struct weight *I = &j->node->w[0];
    for (size_t e = 0; e < j->node->width; e++) {
        double lo = -INFINITY, hi = -INFINITY;
        bool known = true;
        for (size_t c = 0; c < I->m; c++) {
            size_t from = (size_t)I->data[e * I->m + c];
            known = known && is_known(j->in[0].lo[from], j->in[0].hi[from]);
            lo = fmax(lo, j->in[0].lo[from]);
            hi = fmax(hi, j->in[0].hi[from]);
        }
        j->lo[e] = known ? lo : -INFINITY;
        j->hi[e] = known ? hi : INFINITY;
    }
}

/* How many entries stand before entry e surely, and possibly. */
static void count_before(size_t *surely, size_t *possibly, size_t e, const double *lo, const double *hi, size_t k)
{
    *surely = *possibly = 0;
    for (size_t f = 0; f < k; f++) {
        *surely += f != e && (lo[f] > hi[e] || (lo[f] >= hi[e] && f < e));
        *possibly += f != e && (hi[f] > lo[e] || (hi[f] >= lo[e] && f < e));
    }
}

void bound_topk(const struct bound_job *j)
{
    size_t k = j->node->width, c = j->node->arg[0], surely, possibly;
    const double *lo = j->in[0].lo, *hi = j->in[0].hi;
    bool known = true;
    for (size_t e = 0; e < k; e++) known = known && is_known(lo[e], hi[e]);
    for (size_t e = 0; e < k; e++) {
        count_before(&surely, &possibly, e, lo, hi, k);
        j->lo[e] = !known ? -INFINITY : possibly < c ? lo[e] : surely >= c ? 0 : fmin(0, lo[e]);
        j->hi[e] = !known ? INFINITY : possibly < c ? hi[e] : surely >= c ? 0 : fmax(0, hi[e]);
    }
}
