/* exp, sqrt, erf, tanh, sigmoid in balls. */
#include <arb_hypgeom.h>
#include "models/rowsball_kernel.h"

/* Library functions of an execution: `ulps` u relative, results near or below 2^-126 may be flushed. */
static void library32(arb_t y, ulong ulps)
{
    mag_t e;
    mag_init(e);
    arb_get_mag(e, y);
    mag_mul_ui(e, e, ulps);
    mag_mul_2exp_si(e, e, -24);
    arb_add_error_mag(y, e);
    mag_set_ui_2exp_si(e, 1, -124);
    arb_add_error_mag(y, e);
    mag_clear(e);
}

static bool overflows32(const arb_t y)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, y);
    bool beyond = mag_cmp_2exp_si(m, 126) > 0;
    mag_clear(m);
    return beyond;
}

void ball_exp(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        arb_exp(y, j->in[0] + i, j->prec);
        if (!j->float32) continue;
        if (overflows32(y)) arb_zero_pm_inf(y);
        else library32(y, 8);
    }
}

void ball_sqrt(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        if (!arb_is_nonnegative(j->in[0] + i) || !arb_is_finite(j->in[0] + i)) {
            arb_zero_pm_inf(y);
            continue;
        }
        arb_sqrt(y, j->in[0] + i, j->prec);
        if (j->float32) ball_rounded(y, 1);
    }
}

/* An increasing function with |g'| <= slope / 64 and <= tail exp(-factor d) (or exp(-factor d^2)) at distance d from 0, d the distance
 * between 0 and the ball; values centre +- half. */
struct bounded { void (*value)(arb_t, const arb_t, slong); ulong slope, tail; bool squared; ulong factor; double centre, half; ulong ulps; };

static void slope_bound(mag_t out, const arb_t x, const struct bounded *g)
{
    arb_t d;
    arf_t least;
    mag_t m;
    arb_init(d);
    arf_init(least);
    mag_init(m);
    arb_get_abs_lbound_arf(least, x, MAG_BITS);
    arb_set_arf(d, least);
    if (g->squared) arb_sqr(d, d, MAG_BITS);
    arb_mul_ui(d, d, g->factor, MAG_BITS);
    arb_neg(d, d);
    arb_exp(d, d, MAG_BITS);
    arb_mul_ui(d, d, g->tail, MAG_BITS);
    arb_get_mag(out, d);
    mag_set_ui_2exp_si(m, g->slope, -6);
    mag_min(out, out, m);
    arb_clear(d);
    arf_clear(least);
    mag_clear(m);
}

static void bounded_row(const struct ball_job *j, const struct bounded *g)
{
    arb_t mid;
    mag_t m;
    arb_init(mid);
    mag_init(m);
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr y = j->out + i;
        if (!arb_is_finite(j->in[0] + i)) {
            arb_zero_pm_inf(y);
            continue;
        }
        slope_bound(m, j->in[0] + i, g);
        mag_mul(m, m, arb_radref(j->in[0] + i));
        arb_get_mid_arb(mid, j->in[0] + i);
        g->value(y, mid, j->prec);
        arb_add_error_mag(y, m);
        mag_set_d(m, g->half);
        if (mag_cmp(arb_radref(y), m) > 0) {
            arb_set_d(y, g->centre);
            mag_set(arb_radref(y), m);
        }
        if (j->float32) library32(y, g->ulps);
    }
    arb_clear(mid);
    mag_clear(m);
}

void ball_logistic(arb_t y, const arb_t x, slong prec)
{
    arb_neg(y, x);
    arb_exp(y, y, prec);
    arb_add_ui(y, y, 1, prec);
    arb_inv(y, y, prec);
}

static void error_function(arb_t y, const arb_t x, slong prec) { arb_hypgeom_erf(y, x, prec); }
static void hyperbolic_tangent(arb_t y, const arb_t x, slong prec) { arb_tanh(y, x, prec); }

void ball_tanh(const struct ball_job *j) { bounded_row(j, &(struct bounded){ hyperbolic_tangent, 64, 4, false, 2, 0, 1, 8 }); }
void ball_sigmoid(const struct ball_job *j) { bounded_row(j, &(struct bounded){ ball_logistic, 16, 1, false, 1, 0.5, 0.5, 16 }); }
void ball_erf(const struct ball_job *j) { bounded_row(j, &(struct bounded){ error_function, 73, 2, true, 1, 0, 1, 8 }); }
