/* Functions of one entry in balls: relu and the smooth ones. */
#include <arb_hypgeom.h>
#include "models/rowsball_kernel.h"

void ball_relu(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) arb_nonnegative_part(j->out + i, j->in[0] + i);
}

/* The argument t of x / (1 + exp(-t)): x for silu, 2 sqrt(2/pi) (x + 0.044715 x^3) for gelu_new. */
static void logistic_argument(arb_t t, enum op op, const arb_t x, slong prec)
{
    arb_set(t, x);
    if (op == OP_SILU) return;
    arb_t c;
    arb_init(c);
    arb_pow_ui(t, x, 3, prec);
    arb_mul_ui(t, t, 44715, prec);
    arb_div_ui(t, t, 1000000, prec);
    arb_add(t, t, x, prec);
    arb_const_pi(c, prec);
    arb_ui_div(c, 8, c, prec);
    arb_sqrt(c, c, prec);
    arb_mul(t, t, c, prec);
    arb_clear(c);
}

void ball_activation(arb_t out, enum op op, const arb_t x, slong prec)
{
    arb_t mid, t;
    mag_t spread;
    arb_init(mid);
    arb_init(t);
    mag_init(spread);
    arb_get_mid_arb(mid, x);
    mag_mul_ui(spread, arb_radref(x), 77);
    mag_mul_2exp_si(spread, spread, -6);
    if (op == OP_GELU) {
        arb_sqrt_ui(t, 2, prec);
        arb_div(t, mid, t, prec);
        arb_neg(t, t);
        arb_hypgeom_erfc(t, t, prec);
        arb_mul(out, t, mid, prec);
        arb_mul_2exp_si(out, out, -1);
    } else {
        logistic_argument(t, op, mid, prec);
        arb_neg(t, t);
        arb_exp(t, t, prec);
        arb_add_ui(t, t, 1, prec);
        arb_div(out, mid, t, prec);
    }
    arb_add_error_mag(out, spread);
    arb_clear(mid);
    arb_clear(t);
    mag_clear(spread);
}

/* Rounding of the formula step by step: by_x u |x| + by_y u |y| + 2^-124 (1 + |x|). */
static const struct { unsigned by_x, by_y; } activation_error[OP_COUNT] = {
    [OP_GELU] = {8, 3}, [OP_GELU_NEW] = {10, 3}, [OP_SILU] = {0, 12},
};

static void activation32(arb_t y, enum op op, const arb_t x)
{
    mag_t e, m;
    arf_t low;
    mag_init(e);
    mag_init(m);
    arf_init(low);
    arb_get_mag(m, x);
    arb_get_lbound_arf(low, x, 53);
    bool overflow = mag_cmp_2exp_si(m, 40) > 0 || (op == OP_SILU && arf_cmp_si(low, -87) < 0);
    mag_mul_ui(e, m, activation_error[op].by_x);
    mag_mul_2exp_si(e, e, -24);
    mag_add_ui(m, m, 1);
    mag_mul_2exp_si(m, m, -124);
    mag_add(e, e, m);
    arb_get_mag(m, y);
    mag_mul_ui(m, m, activation_error[op].by_y);
    mag_mul_2exp_si(m, m, -24);
    mag_add(e, e, m);
    arb_add_error_mag(y, e);
    if (overflow) arb_zero_pm_inf(y);
    mag_clear(e);
    mag_clear(m);
    arf_clear(low);
}

static void ball_smooth(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        ball_activation(j->out + i, j->node->op, j->in[0] + i, j->prec);
        if (j->float32) activation32(j->out + i, j->node->op, j->in[0] + i);
    }
}

void ball_gelu(const struct ball_job *j) { ball_smooth(j); }
void ball_gelu_new(const struct ball_job *j) { ball_smooth(j); }
void ball_silu(const struct ball_job *j) { ball_smooth(j); }
