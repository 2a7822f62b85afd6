/* exp, sqrt, erf, tanh, sigmoid in doubles. */
#include <arb_hypgeom.h>
#include "models/rows_kernel.h"

#define BLOCK 16

/* Library functions of an execution: 4 ulp (8 u) off the truth, results near or below 2^-126 may be flushed. */
static double library32(struct rounding f, double size, double ulps) { return f.u > 0 ? ulps * f.u * size + 0x1p-124 : 0; }

/* exp over a wide argument: from 0 to exp of its upper end. */
static void wide_exp(double *y, double *ry, double x, double r)
{
    double top = up_add(x, r), zero = 0, e, re;
    kernel_exp(&e, &re, &top, &zero, 1);
    *y = re < INFINITY ? (e + re) / 2 : 0;
    *ry = (e + re) / 2 * (1 + 0x1p-40) + LOW;
}

void row_exp(const struct row_job *j)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    kernel_exp(j->mid, j->rad, x, r, j->node->width);
    for (size_t i = 0; i < j->node->width; i++) {
        if (r[i] > 1 && r[i] < INFINITY) wide_exp(&j->mid[i], &j->rad[i], x[i], r[i]);
        double size = j->mid[i] + j->rad[i];
        double own = j->rad[i] + library32(j->f, size, 8) + (r[i] - r[i]);
        j->rad[i] = j->f.u > 0 && !(size < 0x1p126) ? INFINITY : settle(own, j->mid[i]);
    }
}

/* |sqrt x' - sqrt x| = |x' - x| / (sqrt x' + sqrt x) */
void row_sqrt(const struct row_job *j)
{
    for (size_t i = 0; i < j->node->width; i++) {
        double x = j->in[0].mid[i], r = j->in[0].rad[i], s = sqrt(x), low = (x - r) - 4 * U * x;
        double below = s + sqrt(low > 0 ? low : 0), own = r > 0 ? r / below * (1 + 0x1p-30) + LOW : 0;
        own += 2 * U * s;
        own += steps32(j->f, s + own, 1);
        bool known = r <= x;
        j->mid[i] = known ? s : 0;
        j->rad[i] = !known ? INFINITY : x > 0 ? settle(own, s) : 0;
    }
}

/* Upper bounds of exp(-d) for d >= 0, of the distance d between 0 and x +- r (squared for erf). */
static void decay(double *out, const double *x, const double *r, size_t n, bool squared, double factor)
{
    double a[BLOCK] = {0}, zero[BLOCK] = {0}, error[BLOCK];
    for (size_t i = 0; i < n; i++) {
        double d = (fabs(x[i]) - r[i]) - 0x1p-50 * (fabs(x[i]) + r[i]);
        d = d > 0 ? d : 0;
        d = (squared ? d * d : d) * factor * (1 - 0x1p-50);
        a[i] = d < 750 ? -d : -750;
    }
    kernel_exp(out, error, a, zero, n);
    for (size_t i = 0; i < n; i++) out[i] = (out[i] + error[i]) * (1 + 0x1p-50);
}

/* x (1 - x^2/3 + 2 x^4/15), the rest below x^7/18 <= 2^-51 |x| for |x| < 2^-7; elsewhere (1 - e)/(1 + e), e = exp(-2|x|). */
static void tanh_values(double *y, double *ry, const double *x, size_t n)
{
    double a[BLOCK] = {0}, zero[BLOCK] = {0}, e[BLOCK], re[BLOCK];
    for (size_t i = 0; i < n; i++) a[i] = fabs(x[i]) < 400 ? -2 * fabs(x[i]) : -800;
    kernel_exp(e, re, a, zero, n);
    for (size_t i = 0; i < n; i++) {
        double size = fabs(x[i]), square = size * size;
        bool small = size < 0x1p-8;
        double t = small ? size * (1 + square * (square * (2.0 / 15) - 1.0 / 3)) : (1 - e[i]) / (1 + e[i]);
        y[i] = x[i] < 0 ? -t : t;
        ry[i] = small ? 16 * U * size : 2 * re[i] + 8 * U;
    }
}

/* 1 / (1 + e) or e / (1 + e), e = exp(-|x|) */
static void sigmoid_values(double *y, double *ry, const double *x, size_t n)
{
    double a[BLOCK] = {0}, zero[BLOCK] = {0}, e[BLOCK], re[BLOCK];
    for (size_t i = 0; i < n; i++) a[i] = fabs(x[i]) < 800 ? -fabs(x[i]) : -800;
    kernel_exp(e, re, a, zero, n);
    for (size_t i = 0; i < n; i++) {
        y[i] = (x[i] < 0 ? e[i] : 1) / (1 + e[i]);
        ry[i] = re[i] * (1 + 0x1p-40) + 4 * U * y[i] + LOW;
    }
}

static void erf_values(double *y, double *ry, const double *x, size_t n)
{
    arb_t v;
    arb_init(v);
    for (size_t i = 0; i < n; i++) {
        arb_set_d(v, x[i]);
        arb_hypgeom_erf(v, v, 64);
        ball_to_double(&y[i], &ry[i], v);
    }
    arb_clear(v);
}

/* A bounded increasing function: the value at the midpoint, widened by the largest derivative on x +- r, which is the smaller of
 * `slope` and `tail` exp(-d); never wider than its range centre +- half. */
struct bounded { void (*values)(double *, double *, const double *, size_t); double slope, tail; bool squared; double factor, centre, half, ulps; };

static void bounded_row(const struct row_job *j, const struct bounded *g)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    for (size_t from = 0; from < j->node->width; from += BLOCK) {
        size_t n = j->node->width - from < BLOCK ? j->node->width - from : BLOCK;
        double *y = j->mid + from, *ry = j->rad + from, falls[BLOCK];
        g->values(y, ry, x + from, n);
        decay(falls, x + from, r + from, n, g->squared, g->factor);
        for (size_t i = 0; i < n; i++) {
            double slope = g->tail * falls[i] < g->slope ? g->tail * falls[i] : g->slope;
            double own = ry[i] + (r[from + i] > 0 ? slope * r[from + i] * (1 + 0x1p-40) : 0);
            if (!(own < g->half)) {
                y[i] = g->centre;
                own = g->half;
            }
            own += library32(j->f, fabs(y[i]) + own, g->ulps);
            ry[i] = settle(own, y[i]) + (x[from + i] - x[from + i]) + (r[from + i] - r[from + i]);
        }
    }
}

/* tanh' = 4 e / (1 + e)^2 <= 4 e, e = exp(-2|x|); sigmoid' <= exp(-|x|); erf' = 2/sqrt(pi) exp(-x^2), 1.1284 above 2/sqrt(pi) */
void row_tanh(const struct row_job *j) { bounded_row(j, &(struct bounded){ tanh_values, 1, 4, false, 2, 0, 1, 8 }); }
void row_sigmoid(const struct row_job *j) { bounded_row(j, &(struct bounded){ sigmoid_values, 0.25, 1, false, 1, 0.5, 0.5, 16 }); }
void row_erf(const struct row_job *j) { bounded_row(j, &(struct bounded){ erf_values, 1.1284, 1.1284, true, 1, 0, 1, 8 }); }
