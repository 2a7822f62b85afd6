/* layernorm and rmsnorm in balls. */
#include <math.h>
#include "models/rowsball_kernel.h"

/* Sum of squares of the centred row in out, whose entries are all off by one and the same delta: sum (c - delta)^2. */
static void squares(arb_t q, const arb_t delta, const struct ball_job *j)
{
    arb_t sum, t;
    mag_t size;
    arb_init(sum);
    arb_init(t);
    mag_init(size);
    arb_zero(q);
    for (size_t i = 0; i < j->width; i++) {
        arb_addmul(q, j->out + i, j->out + i, j->prec);
        arb_add(sum, sum, j->out + i, j->prec);
    }
    arb_mul(sum, sum, delta, j->prec);
    arb_mul_2exp_si(sum, sum, 1);
    arb_sub(q, q, sum, j->prec);
    arb_sqr(t, delta, j->prec);
    arb_addmul_ui(q, t, j->width, j->prec);
    arb_nonnegative_part(q, q);
    arb_get_mag(size, q);
    if (j->float32) ball_rounded_sum(q, size, j->width, j->width);
    arb_clear(sum);
    arb_clear(t);
    mag_clear(size);
}

/* sigma = sqrt(sum (c - delta)^2 / k + eps). */
static void deviation(arb_t sigma, const arb_t delta, const struct ball_job *j)
{
    arb_t t;
    mag_t off;
    arb_init(t);
    mag_init(off);
    squares(sigma, delta, j);
    arb_div_ui(sigma, sigma, j->width, j->prec);
    if (j->float32) ball_rounded(sigma, 1);
    arb_nonnegative_part(sigma, sigma);
    arb_set_d(t, j->net->eps);
    if (j->float32) {
        mag_set_d(off, fabs((double)(float)j->net->eps - j->net->eps));
        arb_add_error_mag(t, off);
    }
    arb_add(sigma, sigma, t, j->prec);
    if (j->float32) ball_rounded(sigma, 1);
    arb_sqrt(sigma, sigma, j->prec);
    if (j->float32) ball_rounded(sigma, 1);
    arb_get_mag_lower(off, sigma);
    if (j->float32 && mag_cmp_2exp_si(off, -60) < 0) arb_zero_pm_inf(sigma);
    arb_clear(t);
    mag_clear(off);
}

/* Centred row into out, less an error delta of the mean that all entries share: out_i - delta is what is meant. */
static void centre(arb_t delta, arb_srcptr x, const struct ball_job *j)
{
    arb_t mean, c;
    mag_t size;
    arb_init(mean);
    arb_init(c);
    mag_init(size);
    for (size_t i = 0; i < j->width; i++) {
        arb_add(mean, mean, x + i, j->prec);
        ball_add_size(size, x + i);
    }
    if (j->float32) ball_rounded_sum(mean, size, j->width, 0);
    arb_div_ui(mean, mean, j->width, j->prec);
    if (j->float32) ball_rounded(mean, 1);
    arb_zero(delta);
    arb_add_error_mag(delta, arb_radref(mean));
    arb_get_mid_arb(mean, mean);
    for (size_t i = 0; i < j->width; i++) {
        arb_sub(j->out + i, x + i, mean, j->prec);
        if (!j->float32) continue;
        arb_sub(c, j->out + i, delta, j->prec);
        arb_get_mag(size, c);
        if (mag_cmp_2exp_si(size, 126) > 0) arb_zero_pm_inf(j->out + i);
        mag_mul_2exp_si(size, size, -24);
        arb_add_error_mag(j->out + i, size);
    }
    arb_clear(mean);
    arb_clear(c);
    mag_clear(size);
}

void ball_layernorm(const struct ball_job *j)
{
    arb_t delta, sigma;
    arb_init(delta);
    arb_init(sigma);
    bool frozen = j->node->n_inputs == 2;   /* sigma is that of the second row (verify/edit.h) */
    centre(delta, j->in[frozen], j);
    deviation(sigma, delta, j);
    if (frozen) centre(delta, j->in[0], j);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        arb_sub(y, y, delta, j->prec);
        arb_div(y, y, sigma, j->prec);
        if (j->float32) ball_rounded(y, 2);
        if (!j->node->n_w) continue;
        arb_mul(y, y, j->weights[0] + i, j->prec);
        if (j->float32) ball_rounded(y, 1);
        arb_add(y, y, j->weights[1] + i, j->prec);
        if (j->float32) ball_rounded(y, 1);
    }
    arb_clear(delta);
    arb_clear(sigma);
}

void ball_rmsnorm(const struct ball_job *j)
{
    arb_t sigma, none;
    arb_init(sigma);
    arb_init(none);
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->in[j->node->n_inputs == 2] + i);
    deviation(sigma, none, j);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        arb_div(y, j->in[0] + i, sigma, j->prec);
        if (j->float32) ball_rounded(y, 5);
        if (!j->node->n_w) continue;
        arb_mul(y, y, j->weights[0] + i, j->prec);
        if (j->float32) ball_rounded(y, 1);
    }
    arb_clear(sigma);
    arb_clear(none);
}
