/* Rows in doubles with radii: the table of kernels, and sums (add, linear, heads, matmul). f.u = 0 gives real semantics. */
#include "models/rows_kernel.h"

void row_add(const struct row_job *j)
{
    size_t m = j->node->width, n = j->node->n_inputs;
    struct kernel_sum s;
    kernel_sum_begin(&s, j->mid, j->rad, NULL, m, 0, n, j->f);
    for (size_t a = 0; a < n; a++) kernel_sum_row(&s, j->in[a].mid, j->in[a].rad);
    kernel_sum_end(&s);
}

void row_linear(const struct row_job *j)
{
    const struct weight *w = j->node->w;
    kernel_linear(j->mid, j->rad, j->in[0].mid, j->in[0].rad, w[0].data, j->node->n_w > 1 ? w[1].data : NULL, w[0].k, w[0].m, j->f);
}

void row_heads(const struct row_job *j)
{
    size_t m = j->node->width, n = j->node->n_inputs, products = 0, rows = 0;
    for (size_t a = 0; a < n; a++) {
        products += j->W[a] ? j->W[a]->k : 0;
        rows += !j->W[a];
    }
    struct kernel_sum s;
    kernel_sum_begin(&s, j->mid, j->rad, j->node->n_w ? j->node->w[0].data : NULL, m, products, rows, j->f);
    for (size_t a = 0; a < n; a++) {
        if (j->W[a]) kernel_sum_linear(&s, j->in[a].mid, j->in[a].rad, j->W[a]->data, j->W[a]->k);
        else kernel_sum_row(&s, j->in[a].mid, j->in[a].rad);
    }
    kernel_sum_end(&s);
}

/* x_i as [B, A, K] times y_i as [B, K, C]. A constant y has no radii, which spares a product an entry. */
void row_matmul(const struct row_job *j)
{
    size_t B = j->node->arg[0], A = j->node->arg[1], K = j->node->arg[2], C = j->node->arg[3];
    struct row_view x = j->in[0], y = j->in[1];
    bool constant = j->net->nodes[j->node->inputs[1]].op == OP_CONSTANT && !j->replaced;
    for (size_t i = 0; i < B * A; i++) {
        struct kernel_sum s;
        size_t b = i / A;
        kernel_sum_begin(&s, j->mid + i * C, j->rad + i * C, NULL, C, K, 0, j->f);
        if (constant) kernel_sum_linear(&s, x.mid + i * K, x.rad + i * K, y.mid + b * K * C, K);
        for (size_t k = 0; !constant && k < K; k++)
            kernel_sum_scaled(&s, x.mid[i * K + k], x.rad[i * K + k], y.mid + (b * K + k) * C, y.rad + (b * K + k) * C);
        kernel_sum_end(&s);
    }
}

/* Rows that are stored: run.c reads them there. */
#define row_stored NULL

row_kernel *const row_kernels[OP_COUNT] = {
#define OP(code, name, evaluate, ...) [OP_##code] = row_##evaluate,
#include "models/op.def"
#undef OP
};
