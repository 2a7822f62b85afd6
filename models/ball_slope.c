/* Derivatives of the smooth functions of one entry, on balls. Declared in models/rows.h. */
#include <arb_hypgeom.h>
#include "models/rows.h"

/* exp(-x^2 s) r */
static void bell(arb_t out, const arb_t x, double s, const arb_t r, slong prec)
{
    arb_t t, by;
    arb_init(t);
    arb_init(by);
    arb_set_d(by, -s);
    arb_sqr(t, x, prec);
    arb_mul(t, t, by, prec);
    arb_exp(t, t, prec);
    arb_mul(out, t, r, prec);
    arb_clear(t);
    arb_clear(by);
}

/* x s(t): s (1 + x t' (1 - s)), t = x, or sqrt(8/pi) (x + 0.044715 x^3) with t' = sqrt(8/pi) (1 + 0.134145 x^2). */
static void logistic_slope(arb_t out, const arb_t x, bool cubic, slong prec)
{
    arb_t t, by, s, k, square;
    arb_init(t), arb_init(by), arb_init(s), arb_init(k), arb_init(square);
    arb_set(t, x);
    arb_one(by);
    if (cubic) {
        arb_const_pi(k, prec);
        arb_ui_div(k, 8, k, prec);
        arb_sqrt(k, k, prec);
        arb_sqr(square, x, prec);
        arb_mul_ui(by, square, 134145, prec);
        arb_div_ui(by, by, 1000000, prec);
        arb_add_ui(by, by, 1, prec);
        arb_mul(by, by, k, prec);
        arb_mul_ui(t, square, 44715, prec);
        arb_div_ui(t, t, 1000000, prec);
        arb_add_ui(t, t, 1, prec);
        arb_mul(t, t, x, prec);
        arb_mul(t, t, k, prec);
    }
    ball_logistic(s, t, prec);
    arb_sub_ui(k, s, 1, prec);
    arb_neg(k, k);
    arb_mul(k, k, by, prec);
    arb_mul(k, k, x, prec);
    arb_add_ui(k, k, 1, prec);
    arb_mul(out, k, s, prec);
    arb_clear(t), arb_clear(by), arb_clear(s), arb_clear(k), arb_clear(square);
}

/* Phi(x) + x phi(x) */
static void gelu_slope(arb_t out, const arb_t x, slong prec)
{
    arb_t root, phi, y;
    arb_init(root), arb_init(phi), arb_init(y);
    arb_const_pi(root, prec);
    arb_mul_2exp_si(root, root, 1);
    arb_rsqrt(root, root, prec);
    bell(phi, x, 0.5, root, prec);
    arb_mul(phi, phi, x, prec);
    arb_set_ui(root, 2);
    arb_rsqrt(root, root, prec);
    arb_mul(y, x, root, prec);
    arb_hypgeom_erf(y, y, prec);
    arb_add_ui(y, y, 1, prec);
    arb_mul_2exp_si(y, y, -1);
    arb_add(out, y, phi, prec);
    arb_clear(root), arb_clear(phi), arb_clear(y);
}

static void erf_slope(arb_t out, const arb_t x, slong prec)
{
    arb_t r;
    arb_init(r);
    arb_const_sqrt_pi(r, prec);
    arb_ui_div(r, 2, r, prec);
    bell(out, x, 1, r, prec);
    arb_clear(r);
}

void ball_slope(arb_t out, enum op op, const arb_t x, slong prec)
{
    arb_t y;
    arb_init(y);
    switch (op) {
    case OP_EXP: arb_exp(out, x, prec); break;
    case OP_ERF: erf_slope(out, x, prec); break;
    case OP_GELU: gelu_slope(out, x, prec); break;
    case OP_GELU_NEW: logistic_slope(out, x, true, prec); break;
    case OP_SILU: logistic_slope(out, x, false, prec); break;
    case OP_SQRT:
        arb_rsqrt(out, x, prec);
        arb_mul_2exp_si(out, out, -1);
        break;
    case OP_TANH:
        arb_tanh(y, x, prec);
        arb_sqr(y, y, prec);
        arb_sub_ui(y, y, 1, prec);
        arb_neg(out, y);
        break;
    default: /* sigmoid */
        ball_logistic(y, x, prec);
        arb_sqr(out, y, prec);
        arb_sub(out, y, out, prec);
    }
    arb_clear(y);
}
