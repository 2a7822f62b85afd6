/* rowsball_kernel: what the files of ball kernels share. Internal to models/rowsball*.c. */
#ifndef WEIGHTPROOF_MODELS_ROWSBALL_KERNEL_H
#define WEIGHTPROOF_MODELS_ROWSBALL_KERNEL_H
#include "models/rows.h"

#define OP(code, name, evaluate, enclose, ...) void ball_##enclose(const struct ball_job *j);
#include "models/op.def"
#undef OP

/* x may have gone through `steps` binary32 roundings: (1+u)^steps - 1 relative, half a subnormal each. */
void ball_rounded(arb_t x, unsigned steps);
/* x is a sum of n terms whose sizes add up to m, `products` of them products: any order, fused or not. */
void ball_rounded_sum(arb_t x, const mag_t size, size_t n, size_t products);
void ball_add_size(mag_t size, arb_srcptr x);
/* size += sum |x_i| |y_i| of n entries with the given steps. */
void ball_add_product_sizes(mag_t size, arb_srcptr x, slong xstep, arb_srcptr y, slong ystep, size_t n);
#endif
