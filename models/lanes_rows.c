/* Kernels of batches: a row of one node for every lane, with a bound on the Euclidean length of its errors. Derived in docs/methods.md, "Rows in batches"; real semantics. */
#include <string.h>
#include "models/lanes.h"
#include "models/rows_kernel.h"

#define ROUND (1 + 0x1p-20)
#define STEEPEST (77.0 / 64)    /* of gelu, gelu_new, silu */

static double *row_at(const struct lane_job *j, size_t lane) { return j->y + lane * j->width; }

/* The rows of an input, one a lane. */
static void read_lanes(struct lane_view *out, const struct lane_job *j, size_t node)
{
    for (size_t l = 0; l < j->n; l++) out[l] = lane_view(j, node, j->row, l);
}

/* A bound that is computed, past its own roundings, and the length of the row; not finite where an entry is not. */
static void finish(const struct lane_job *j, size_t lane, double radius, size_t n)
{
    double norm = row_norm(row_at(j, lane), n);
    j->norm[lane] = norm;
    j->rad[lane] = radius * ROUND + LOW + (norm - norm);
}

static void start_rows(const struct lane_job *j, const double *bias)
{
    for (size_t l = 0; l < j->n; l++) {
        if (bias) memcpy(row_at(j, l), bias, j->width * sizeof *bias);
        else memset(row_at(j, l), 0, j->width * sizeof *j->y);
    }
}

/* Adds x W, or x, for each lane; *terms counts what is added to an entry, blocks of products as one. rad: the errors of x, norm: the sizes of the terms, of each lane so far. */
static bool add_product(const struct lane_job *j, size_t map, size_t input, size_t *terms)
{
    const struct product_matrix *p = lane_matrix(j, map);
    if (!p) return false;
    read_lanes(j->z->view, j, input);
    for (size_t l = 0; l < j->n; l++) {
        const struct lane_view *v = &j->z->view[l];
        j->z->x[l] = v->mid;
        j->rad[l] += p->norm * v->rad;
        j->norm[l] += p->size * v->norm;
    }
    product_add(j->y, j->width, j->z->x, j->n, p);
    *terms += product_steps(p->k);
    return true;
}

static void add_rows(const struct lane_job *j, size_t input, size_t *terms)
{
    for (size_t l = 0; l < j->n; l++) {
        struct lane_view v = lane_view(j, input, j->row, l);
        double *y = row_at(j, l);
        for (size_t k = 0; k < j->width; k++) y[k] += v.mid[k];
        j->rad[l] += v.rad;
        j->norm[l] += v.norm;
    }
    ++*terms;
}

static void begin_sum(const struct lane_job *j, const double *bias)
{
    double norm = bias ? row_norm(bias, j->width) : 0;
    start_rows(j, bias);
    for (size_t l = 0; l < j->n; l++) {
        j->rad[l] = 0;
        j->norm[l] = norm;
    }
}

static void end_sum(const struct lane_job *j, size_t terms)
{
    for (size_t l = 0; l < j->n; l++) finish(j, l, j->rad[l] + (double)(terms + PRODUCT_BLOCK + 2) * U * j->norm[l], j->width);
}

static bool lane_linear(const struct lane_job *j)
{
    size_t terms = 1;
    begin_sum(j, j->v->n_w > 1 ? j->v->w[1].data : NULL);
    if (!add_product(j, j->node, j->v->inputs[0], &terms)) return false;
    end_sum(j, terms);
    return true;
}

static bool lane_sum(const struct lane_job *j)
{
    size_t terms = 1;
    begin_sum(j, j->v->n_w ? j->v->w[0].data : NULL);
    for (size_t a = 0; a < j->v->n_inputs; a++) {
        size_t u = j->v->inputs[a];
        bool part = j->v->op == OP_HEADS && run_is_part(j->r, u, j->row);
        if (part && !add_product(j, u, j->r->net->nodes[u].inputs[0], &terms)) return false;
        if (!part) add_rows(j, u, &terms);
    }
    end_sum(j, terms);
    return true;
}

/* Sources of an attention row: views in z->source where a row is the same for all lanes. */
static size_t read_sources(const struct lane_job *j, size_t node)
{
    size_t n = row_sources(j->r->net, j->row, j->r->n);
    for (size_t s = 0; s < n; s++) j->z->source[s] = lane_view(j, node, s, 0);
    return n;
}

static struct lane_view source_at(const struct lane_job *j, size_t node, size_t s, size_t lane)
{
    return s == j->b->at || lane_depends(j->r, j->b, node, s) ? lane_view(j, node, s, lane) : j->z->source[s];
}

static bool lane_score(const struct lane_job *j)
{
    size_t keys = j->v->inputs[1], k = j->r->net->nodes[keys].width, n = read_sources(j, keys);
    double root = sqrt((double)j->v->arg[0]);
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        struct lane_view q = j->z->view[l];
        double squares = 0, *y = row_at(j, l);
        memset(y, 0, j->width * sizeof *y);
        for (size_t s = 0; s < n; s++) {
            struct lane_view x = source_at(j, keys, s, l);
            y[s] = row_dot(q.mid, x.mid, k) / root;
            double off = (q.norm * x.rad + x.norm * q.rad + q.rad * x.rad + (double)(k + 4) * U * q.norm * x.norm) / root + 4 * U * fabs(y[s]) + LOW;
            squares += off * off;
        }
        finish(j, l, sqrt(squares) + 0x1p-500, n);
    }
    return true;
}

/* With scores off by at most rho the shares are e^{2 rho} of themselves off at most, beside the roundings of exp (2^-49), sum and quotient. */
static bool lane_softmax(const struct lane_job *j)
{
    size_t n = row_sources(j->r->net, j->row, j->r->n), all = j->n * n;
    double *x = j->z->spare, *e = x + all, *re = e + all;
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        const double *s = j->z->view[l].mid;
        double top = s[0], least = s[0];
        for (size_t i = 1; i < n; i++) {
            top = s[i] > top ? s[i] : top;
            least = s[i] < least ? s[i] : least;
        }
        for (size_t i = 0; i < n; i++) x[l * n + i] = s[i] - top;
        j->rad[l] = j->z->view[l].rad + 2 * U * (top - least);
    }
    kernel_exp(e, re, x, j->z->zeros, all);
    for (size_t l = 0; l < j->n; l++) {
        double sum = 0, rho = j->rad[l], off = (double)(n + 4) * U + 0x1p-47, *y = row_at(j, l);
        memset(y, 0, j->width * sizeof *y);
        for (size_t i = 0; i < n; i++) sum += e[l * n + i];
        for (size_t i = 0; i < n; i++) y[i] = e[l * n + i] / sum;
        double share = rho < 0x1p-6 ? 2 * rho * (1 + 4 * rho) + 2 * off : (double)INFINITY;
        finish(j, l, share * row_norm(y, n) + (double)n * LOW, n);
    }
    return true;
}

/* sum p'v' - sum p v = sum p'(v' - v) + sum (p' - p) v, the second by Cauchy and Schwarz. */
static bool lane_mix(const struct lane_job *j)
{
    size_t values = j->v->inputs[1], n = read_sources(j, values);
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        struct lane_view p = j->z->view[l];
        double errors = 0, sizes = 0, error2 = 0, size2 = 0;
        for (size_t s = 0; s < n; s++) {
            struct lane_view v = source_at(j, values, s, l);
            double w = p.mid[s], size = fabs(w);
            j->z->row[s] = v.mid;
            errors += size * v.rad;
            sizes += size * v.norm;
            error2 += v.rad * v.rad;
            size2 += v.norm * v.norm;
        }
        kernel_combine(row_at(j, l), j->z->zeros, p.mid, j->z->row, n, j->width);
        finish(j, l, errors + p.rad * (sqrt(error2) + sqrt(size2)) + (double)(n + 2) * U * sizes, j->width);
    }
    return true;
}

/* y = x - mean, the sum of a row in any order */
WIDE static void subtract_mean(double *restrict y, const double *restrict x, size_t k)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < k; i++) sum += x[i];
    sum /= (double)k;
    for (size_t i = 0; i < k; i++) y[i] = x[i] - sum;
}

/* y = y w + b; the largest size in w. */
WIDE static double times_plus(double *restrict y, const double *restrict w, const double *restrict b, size_t k)
{
    double most = 0;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < k; i++) {
        double size = fabs(w[i]);
        most = size > most ? size : most;
        y[i] = y[i] * w[i] + b[i];
    }
    return most;
}

WIDE static void scale(double *restrict y, double by, size_t k)
{
#pragma omp simd
    for (size_t i = 0; i < k; i++) y[i] *= by;
}

/* c / sqrt(|c|^2 / k + eps) as a function of c has derivatives of norm 1 / sigma at most, and sigma moves by |c' - c| / sqrt(k) at most; c in y. */
static double scale_row(double *y, size_t k, double radius, double eps)
{
    double n = (double)k, norm = row_norm(y, k), sigma = sqrt(row_dot(y, y, k) / n + eps);
    double least = sigma * (1 - (n + 16) * U) - radius / sqrt(n) * ROUND, by = 1 / sigma;
    scale(y, by, k);
    return least > 0 ? radius / least + (n + 16) * U * norm * by * ROUND : (double)INFINITY;
}

/* y w + b, or y w, with w the node's own vectors. */
static double times_own(const struct lane_job *j, double *y, double radius)
{
    double size = row_norm(y, j->width);
    if (!j->v->n_w) return radius;
    double steepest = times_plus(y, j->v->w[0].data, j->v->n_w > 1 ? j->v->w[1].data : j->z->zeros, j->width);
    return steepest * (radius + 2 * U * size * ROUND) + 2 * U * row_norm(y, j->width);
}

static bool lane_layernorm(const struct lane_job *j)
{
    size_t k = j->width;
    double n = (double)k;
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        double *y = row_at(j, l), radius = j->z->view[l].rad;
        subtract_mean(y, j->z->view[l].mid, k);
        /* the mean errs by (k + 2) u sum |x| / k, which is at most (k + 2) u |x| / root k, in each of k entries */
        radius += ((n + 4) * U * j->z->view[l].norm + 2 * U * row_norm(y, k)) * ROUND;
        finish(j, l, times_own(j, y, scale_row(y, k, radius, j->r->net->eps)), k);
    }
    return true;
}

static bool lane_rmsnorm(const struct lane_job *j)
{
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        double *y = row_at(j, l);
        memcpy(y, j->z->view[l].mid, j->width * sizeof *y);
        finish(j, l, times_own(j, y, scale_row(y, j->width, j->z->view[l].rad, j->r->net->eps)), j->width);
    }
    return true;
}

WIDE static void positive(double *restrict y, const double *restrict x, size_t k)
{
#pragma omp simd
    for (size_t i = 0; i < k; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

static bool lane_relu(const struct lane_job *j)
{
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        positive(row_at(j, l), j->z->view[l].mid, j->width);
        finish(j, l, j->z->view[l].rad, j->width);
    }
    return true;
}

static bool lane_gelu(const struct lane_job *j)
{
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        struct lane_view x = j->z->view[l];
        gelu_values(row_at(j, l), x.mid, j->width);
        finish(j, l, STEEPEST * x.rad + gelu_error(x.norm, row_norm(row_at(j, l), j->width)), j->width);
    }
    return true;
}

/* The errors of the values themselves are those of the kernel with a radius for each entry. */
static bool lane_smooth(const struct lane_job *j)
{
    read_lanes(j->z->view, j, j->v->inputs[0]);
    for (size_t l = 0; l < j->n; l++) {
        struct row_view in = { j->z->view[l].mid, j->z->zeros };
        double *own = j->z->spare;
        struct row_job job = { .net = j->r->net, .node = j->v, .in = &in, .k_in = j->width, .mid = row_at(j, l), .rad = own, .f = j->r->f };
        row_kernels[j->v->op](&job);
        finish(j, l, STEEPEST * j->z->view[l].rad + row_norm(own, j->width), j->width);
    }
    return true;
}

static double largest(const double *x, size_t k)
{
    double most = 0;
    for (size_t i = 0; i < k; i++) most = fabs(x[i]) <= most ? most : fabs(x[i]);
    return most;
}

static bool lane_mul(const struct lane_job *j)
{
    read_lanes(j->z->view, j, j->v->inputs[0]);
    read_lanes(j->z->other, j, j->v->inputs[1]);
    for (size_t l = 0; l < j->n; l++) {
        struct lane_view a = j->z->view[l], b = j->z->other[l];
        double *y = row_at(j, l);
        for (size_t i = 0; i < j->width; i++) y[i] = a.mid[i] * b.mid[i];
        finish(j, l, largest(a.mid, j->width) * b.rad + largest(b.mid, j->width) * a.rad + a.rad * b.rad + 2 * U * row_norm(y, j->width), j->width);
    }
    return true;
}

lane_kernel *const lane_kernels[OP_COUNT] = {
    [OP_ADD] = lane_sum, [OP_HEADS] = lane_sum, [OP_LINEAR] = lane_linear, [OP_LAYERNORM] = lane_layernorm, [OP_RMSNORM] = lane_rmsnorm, [OP_SCORE] = lane_score, [OP_SOFTMAX] = lane_softmax,
    [OP_MIX] = lane_mix, [OP_RELU] = lane_relu, [OP_GELU] = lane_gelu, [OP_GELU_NEW] = lane_smooth, [OP_SILU] = lane_smooth, [OP_MUL] = lane_mul,
};
