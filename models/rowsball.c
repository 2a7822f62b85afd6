/* Rows in balls: the table of kernels, and sums (add, linear, heads, matmul). Real semantics: Arb's operations enclose. float32: after
 * each step the rounding of every execution is added to the radius. */
#include "models/rowsball_kernel.h"

void ball_rounded(arb_t x, unsigned steps)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    if (mag_cmp_2exp_si(m, 126) > 0) arb_zero_pm_inf(x);
    mag_mul_ui(m, m, steps == 1 ? 1 : steps + 1);
    mag_mul_2exp_si(m, m, -24);
    arb_add_error_mag(x, m);
    mag_set_ui_2exp_si(m, steps, -149);
    arb_add_error_mag(x, m);
    mag_clear(m);
}

void ball_rounded_sum(arb_t x, const mag_t size, size_t n, size_t products)
{
    mag_t e;
    mag_init(e);
    if (mag_cmp_2exp_si(size, 126) > 0) arb_zero_pm_inf(x);
    mag_set_d(e, products ? rounding_factor(n, FLOAT32_U) : n > 1 ? (double)(n - 1) * FLOAT32_U : 0);
    mag_mul(e, e, size);
    arb_add_error_mag(x, e);
    mag_set_ui_2exp_si(e, 2 * products, -149);
    arb_add_error_mag(x, e);
    mag_clear(e);
}

void ball_add_size(mag_t size, arb_srcptr x)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    mag_add(size, size, m);
    mag_clear(m);
}

void ball_add_product_sizes(mag_t size, arb_srcptr x, slong xstep, arb_srcptr y, slong ystep, size_t n)
{
    mag_t a, b;
    mag_init(a);
    mag_init(b);
    for (slong i = 0; i < (slong)n; i++) {
        arb_get_mag(a, x + i * xstep);
        arb_get_mag(b, y + i * ystep);
        mag_addmul(size, a, b);
    }
    mag_clear(a);
    mag_clear(b);
}

static void ball_weight_row(const struct ball_job *j, size_t row)
{
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->weights[0] + row * j->width + i);
}

/* The caller passes the token as the row to take. */
void ball_embed(const struct ball_job *j) { ball_weight_row(j, j->row); }
void ball_position(const struct ball_job *j) { ball_weight_row(j, j->row); }

void ball_add(const struct ball_job *j)
{
    size_t n = j->node->n_inputs;
    mag_t size;
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        mag_zero(size);
        arb_zero(y);
        for (size_t a = 0; a < n; a++) {
            arb_add(y, y, j->in[a] + i, j->prec);
            ball_add_size(size, j->in[a] + i);
        }
        if (!j->float32) continue;
        if (n == 2) ball_rounded(y, 1);
        else ball_rounded_sum(y, size, n, 0);
    }
    mag_clear(size);
}

/* Products of every linear part, plain rows, bias: one sum. Serves linear (one part) and heads. */
static void sum_parts(const struct ball_job *j, size_t n_parts, const arb_srcptr *W, const size_t *k, arb_srcptr bias)
{
    size_t terms = bias != NULL, products = 0;
    for (size_t p = 0; p < n_parts; p++) {
        terms += W[p] ? k[p] : 1;
        products += W[p] ? k[p] : 0;
    }
    mag_t size;
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        mag_zero(size);
        if (bias) arb_set(y, bias + i);
        else arb_zero(y);
        if (bias) ball_add_size(size, bias + i);
        for (size_t p = 0; p < n_parts; p++) {
            if (W[p]) {
                arb_dot(y, y, 0, j->in[p], 1, W[p] + i, (slong)j->width, (slong)k[p], j->prec);
                if (j->float32) ball_add_product_sizes(size, j->in[p], 1, W[p] + i, (slong)j->width, k[p]);
            } else {
                arb_add(y, y, j->in[p] + i, j->prec);
                ball_add_size(size, j->in[p] + i);
            }
        }
        if (j->float32) ball_rounded_sum(y, size, terms, products);
    }
    mag_clear(size);
}

void ball_linear(const struct ball_job *j)
{
    sum_parts(j, 1, j->weights, &j->k_in, j->node->n_w > 1 ? j->weights[1] : NULL);
}

void ball_heads(const struct ball_job *j)
{
    sum_parts(j, j->node->n_inputs, j->W, j->k, j->node->n_w ? j->weights[0] : NULL);
}

void ball_constant(const struct ball_job *j) { ball_weight_row(j, 0); }

/* The caller passes the input's row. */
void ball_input(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->in[0] + i);
}

void ball_matmul(const struct ball_job *j)
{
    size_t B = j->node->arg[0], A = j->node->arg[1], K = j->node->arg[2], C = j->node->arg[3];
    mag_t size;
    mag_init(size);
    for (size_t i = 0; i < B * A * C; i++) {
        arb_srcptr x = j->in[0] + i / C * K, y = j->in[1] + i / C / A * K * C + i % C;
        arb_dot(j->out + i, NULL, 0, x, 1, y, (slong)C, (slong)K, j->prec);
        if (!j->float32) continue;
        mag_zero(size);
        ball_add_product_sizes(size, x, 1, y, (slong)C, K);
        ball_rounded_sum(j->out + i, size, K, K);
    }
    mag_clear(size);
}

ball_kernel *const ball_kernels[OP_COUNT] = {
#define OP(code, name, evaluate, enclose, ...) [OP_##code] = ball_##enclose,
#include "models/op.def"
#undef OP
};
