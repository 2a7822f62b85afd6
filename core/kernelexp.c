/* Certified exp: relative error below 2^-50 on |x| <= 708 (proof: docs/methods.md, "Rounding"), no libm. */
#include <math.h>
#include "core/number.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif
#define LANES 4
typedef double lane __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long lane_bits __attribute__((vector_size(32), aligned(8), may_alias));
#define EXP_LOW (-707.0)
#define EXP_HIGH 708.0

static const double taylor[] = { /* 1/13!, ..., 1/2!, each the nearest double */
    0x1.6124613a86d09p-33, 0x1.1eed8eff8d898p-29, 0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5cp-22, 0x1.71de3a556c734p-19,
    0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10, 0x1.1111111111111p-7, 0x1.5555555555555p-5,
    0x1.5555555555555p-3, 0.5,
};

/* One lane. The argument is reduced to |r| <= 0.3466 by k ln 2 (high part with 21 trailing zeros, so k times it is exact),
 * exp(r) is its Taylor polynomial of degree 13, and 2^k is assembled from bits. */
static inline __attribute__((always_inline)) void exp_lane(double *y, double *ry, const double *x, const double *rx)
{
    lane given = *(const lane *)(const void *)x, r0 = *(const lane *)(const void *)rx;
    lane_bits low = given < EXP_LOW, high = given > EXP_HIGH;
    lane v = (lane)(((lane_bits)given & ~low) | ((lane_bits)((lane){0} + EXP_LOW) & low));
    v = (lane)((lane_bits)v & ~high);
    lane shifted = v * 0x1.71547652b82fep+0 + 0x1.8p52;
    lane k = shifted - 0x1.8p52;
    lane r = (v - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    lane p = r * taylor[0] + taylor[1];
    for (size_t i = 2; i < sizeof taylor / sizeof *taylor; i++) p = p * r + taylor[i];
    p = (p * r + 1) * r + 1;
    lane scale = (lane)(((lane_bits)shifted + 1023) << 52);
    lane e = p * scale;
    lane grown = r0 + r0 * r0; /* exp(r) - 1 <= r + r^2 for 0 <= r <= 1 */
    lane_bits far = ~(r0 <= 1);
    lane inf = (lane){0} + (double)INFINITY;
    lane rad = e * (grown * (1 + 0x1p-48) + 0x1p-49) + 0x1p-1022;
    lane rad_low = e * (grown + 1) * (1 + 0x1p-48) + 0x1p-1022;
    rad = (lane)(((lane_bits)rad & ~low) | ((lane_bits)rad_low & low));
    rad = (lane)(((lane_bits)rad & ~(far | high)) | ((lane_bits)inf & (far | high)));
    *(lane *)(void *)y = (lane)((lane_bits)e & ~low);
    *(lane *)(void *)ry = rad;
}

WIDE void kernel_exp(double *y, double *ry, const double *x, const double *rx, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) exp_lane(y + i, ry + i, x + i, rx + i);
    if (i == n) return;
    double a[LANES] = {0}, b[LANES] = {0}, c[LANES], d[LANES];
    for (size_t j = i; j < n; j++) {
        a[j - i] = x[j];
        b[j - i] = rx[j];
    }
    exp_lane(c, d, a, b);
    for (size_t j = i; j < n; j++) {
        y[j] = c[j - i];
        ry[j] = d[j - i];
    }
}
