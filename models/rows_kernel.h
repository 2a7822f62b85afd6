/* rows_kernel: what the files of double kernels share. Internal to models/rows*.c. Bounds: docs/methods.md, "Rounding". */
#ifndef WEIGHTPROOF_MODELS_ROWS_KERNEL_H
#define WEIGHTPROOF_MODELS_ROWS_KERNEL_H
#include <math.h>
#include "core/vector.h"
#include "models/rows.h"

#define U 0x1p-53
#define LOW 0x1p-1000

#define OP(code, name, evaluate, ...) void row_##evaluate(const struct row_job *j);
#include "models/op.def"
#undef OP

/* Bound for one entry whose size is `size` after n binary32 roundings; 0 under real semantics. +inf when it could overflow. */
static inline double steps32(struct rounding f, double size, unsigned n)
{
    if (!(f.u > 0)) return 0;
    if (!(size < 0x1p126)) return INFINITY;
    return (double)(n == 1 ? 1 : n + 1) * f.u * size + (double)n * f.eta;
}

/* Rounds a computed bound up, past all roundings of its own computation, and makes it NaN where the value is not finite. */
static inline double settle(double rad, double value)
{
    return rad * (1 + 0x1p-40) + LOW + (value - value);
}

/* gelu at n points, values only; and, for these, what a row of them with lengths |x|, |y| errs at most, in Euclidean length (rows_smooth.c). */
void gelu_values(double *y, const double *x, size_t n);
double gelu_error(double size_x, double size_y);
/* What an execution of gelu, gelu_new, silu errs at arguments x +- r with results up to y in size (rows_smooth.c). */
double smooth32(enum op op, double x, double r, double y, double u);
/* The hull of 0 and x +- r (rows_entries.c). */
void row_kept_or_zero(double *mid, double *rad, double x, double r);

/* x y rounded at most once. */
static inline void product_entry(double *mid, double *rad, double x, double rx, double y, double ry, struct rounding f)
{
    double z = x * y, r = (fabs(x) * ry + fabs(y) * rx + rx * ry) * (1 + 0x1p-40) + 2 * U * fabs(z) + LOW;
    *mid = z;
    *rad = settle(r + steps32(f, fabs(z) + r, 1), z);
}
#endif
