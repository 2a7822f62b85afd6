/* Reverse pass through sums of products and moved entries: add, linear, heads, matmul, sub, row, select, concat. */
#include "models/adjoint_kernel.h"

static double term_count_error(struct rounding f, double size, size_t products, size_t plain)
{
    return adjoint_up(rounding_factor(products + plain, f.u) * size + 2 * (double)products * f.eta, products + plain);
}

void prepare_add(const struct adjoint_job *j)
{
    size_t n = j->node->n_inputs;
    for (size_t e = 0; e < j->width; e++) {
        double size = 0;
        for (size_t a = 0; a < n; a++) size += entry_size(adjoint_view(j, j->node->inputs[a], j->row), e);
        j->local[e] = adjoint_up((double)(n - 1) * j->f.u * size, n);
    }
}

void reverse_add(const struct adjoint_job *j)
{
    size_t B = j->a->batch;
    double *m, *r;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        adjoint_of(&m, &r, j, j->node->inputs[a], j->row);
        for (size_t e = 0; e < j->width; e++) adjoint_send(m + e * B, r + e * B, j->M + e * B, j->R + e * B, 1, 0, j->batch);
    }
}

/* size[e] += sum |x_i| |W_ie| */
static void add_sizes(double *size, struct row_view x, const struct weight *W)
{
    for (size_t i = 0; i < W->k; i++) {
        double s = entry_size(x, i);
        for (size_t e = 0; e < W->m; e++) size[e] += s * fabs(W->data[i * W->m + e]);
    }
}

static void finish_sizes(const struct adjoint_job *j, const double *bias, size_t products)
{
    for (size_t e = 0; e < j->width; e++)
        j->local[e] = term_count_error(j->f, j->local[e] + (bias ? fabs(bias[e]) : 0), products, bias != NULL);
}

static void clear_sizes(const struct adjoint_job *j)
{
    for (size_t e = 0; e < j->width; e++) j->local[e] = 0;
}

void prepare_linear(const struct adjoint_job *j)
{
    const struct weight *w = j->node->w;
    clear_sizes(j);
    add_sizes(j->local, adjoint_view(j, j->node->inputs[0], j->row), w);
    finish_sizes(j, j->node->n_w > 1 ? w[1].data : NULL, w->k);
}

/* A heads node is one sum over what its linear nodes read. */
void prepare_heads(const struct adjoint_job *j)
{
    size_t products = 0;
    clear_sizes(j);
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        const struct node *part = &j->a->net->nodes[j->node->inputs[a]];
        add_sizes(j->local, adjoint_view(j, part->inputs[0], j->row), &part->w[0]);
        products += part->w[0].k;
    }
    finish_sizes(j, j->node->n_w ? j->node->w[0].data : NULL, products);
}

/* m_i += sum_e W_ie M_e; the roundings are counted into slack_e = R_e + (m + 8) 2^-52 |M_e| beforehand. */
WIDE static void times_weight(double *m, double *r, const double *M, const double *slack, const double *W, size_t width, size_t B, size_t batch)
{
    double am[ADJOINT_BATCH] = { 0 }, ar[ADJOINT_BATCH] = { 0 }, up = 1 + (double)(width + 16) * 0x1p-52;
    for (size_t e = 0; e < width; e++) {
        double w = W[e], size = fabs(w);
#pragma omp simd
        for (size_t b = 0; b < batch; b++) {
            am[b] += w * M[e * B + b];
            ar[b] += size * slack[e * B + b];
        }
    }
    for (size_t b = 0; b < batch; b++) {
        m[b] += am[b];
        r[b] = (r[b] + ar[b]) * up + 0x1p-51 * fabs(m[b]) + LOW;
    }
}

static void set_slack(const struct adjoint_job *j)
{
    double each = (double)(j->width + 8) * 0x1p-52;
    for (size_t i = 0; i < j->width * j->a->batch; i++) j->a->slack[i] = (j->R[i] + each * fabs(j->M[i])) * (1 + 0x1p-50);
}

static void through(const struct adjoint_job *j, size_t node, const struct weight *W)
{
    size_t B = j->a->batch;
    double *m, *r;
    adjoint_of(&m, &r, j, node, j->row);
    for (size_t i = 0; i < W->k; i++) times_weight(m + i * B, r + i * B, j->M, j->a->slack, W->data + i * W->m, W->m, B, j->batch);
}

void reverse_linear(const struct adjoint_job *j)
{
    set_slack(j);
    through(j, j->node->inputs[0], &j->node->w[0]);
}

void reverse_heads(const struct adjoint_job *j)
{
    set_slack(j);
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        const struct node *part = &j->a->net->nodes[j->node->inputs[a]];
        through(j, part->inputs[0], &part->w[0]);
    }
}

void prepare_matmul(const struct adjoint_job *j)
{
    size_t A = j->node->arg[1], K = j->node->arg[2], C = j->node->arg[3];
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    const double *ex = adjoint_error(j, j->node->inputs[0], j->row), *ey = adjoint_error(j, j->node->inputs[1], j->row);
    for (size_t e = 0; e < j->width; e++) {
        size_t line = e / C, b = line / A;
        double size = 0, rest = 0;
        for (size_t k = 0; k < K; k++) {
            size_t p = line * K + k, q = (b * K + k) * C + e % C;
            size += entry_size(x, p) * entry_size(y, q);
            rest += y.rad[q] * ex[p] + x.rad[p] * ey[q];
        }
        j->local[e] = adjoint_up(term_count_error(j->f, size, K, 0) + rest, 4 * K);
    }
}

/* x'y' - xy = sum of (y + y')/2 (x' - x) + (x + x')/2 (y' - y), and the means lie in the enclosures. */
void reverse_matmul(const struct adjoint_job *j)
{
    size_t A = j->node->arg[1], K = j->node->arg[2], C = j->node->arg[3], B = j->a->batch;
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    double *mx, *rx, *my, *ry;
    adjoint_of(&mx, &rx, j, j->node->inputs[0], j->row);
    adjoint_of(&my, &ry, j, j->node->inputs[1], j->row);
    for (size_t e = 0; e < j->width; e++)
        for (size_t k = 0; k < K; k++) {
            size_t p = e / C * K + k, q = (e / C / A * K + k) * C + e % C;
            adjoint_send(mx + p * B, rx + p * B, j->M + e * B, j->R + e * B, y.mid[q], j->wide * y.rad[q], j->batch);
            adjoint_send(my + q * B, ry + q * B, j->M + e * B, j->R + e * B, x.mid[p], j->wide * x.rad[p], j->batch);
        }
}

void prepare_sub(const struct adjoint_job *j)
{
    for (size_t e = 0; e < j->width; e++) j->local[e] = adjoint_up(steps32(j->f, entry_size(j->own, e), 1), 1);
}

void reverse_sub(const struct adjoint_job *j)
{
    size_t B = j->a->batch;
    double *m, *r;
    for (size_t a = 0; a < 2; a++) {
        adjoint_of(&m, &r, j, j->node->inputs[a], j->row);
        for (size_t e = 0; e < j->width; e++) adjoint_send(m + e * B, r + e * B, j->M + e * B, j->R + e * B, a ? -1 : 1, 0, j->batch);
    }
}

void prepare_row(const struct adjoint_job *j) { clear_sizes(j); }
void prepare_select(const struct adjoint_job *j) { clear_sizes(j); }
void prepare_concat(const struct adjoint_job *j) { clear_sizes(j); }

void reverse_row(const struct adjoint_job *j)
{
    size_t B = j->a->batch;
    double *m, *r;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->node->arg[0]);
    for (size_t e = 0; e < j->width; e++) adjoint_send(m + e * B, r + e * B, j->M + e * B, j->R + e * B, 1, 0, j->batch);
}

void reverse_select(const struct adjoint_job *j)
{
    size_t B = j->a->batch;
    double *m, *r;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->row);
    for (size_t e = 0; e < j->width; e++) {
        size_t from = (size_t)j->node->w[0].data[e];
        adjoint_send(m + from * B, r + from * B, j->M + e * B, j->R + e * B, 1, 0, j->batch);
    }
}

void reverse_concat(const struct adjoint_job *j)
{
    size_t B = j->a->batch, at = 0;
    double *m, *r;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        size_t width = j->a->net->nodes[j->node->inputs[a]].width;
        adjoint_of(&m, &r, j, j->node->inputs[a], j->row);
        for (size_t e = 0; e < width; e++) adjoint_send(m + e * B, r + e * B, j->M + (at + e) * B, j->R + (at + e) * B, 1, 0, j->batch);
        at += width;
    }
}
