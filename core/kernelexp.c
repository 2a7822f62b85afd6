/* Certified exp: relative error below 2^-50 on |x| <= 708 (proof: docs/methods.md, "Rounding"), no libm. */
#include <math.h>
#include "core/number.h"
#include "core/vector.h"

#define EXP_LOW (-707.0)
#define EXP_HIGH 708.0

static const double taylor[] = { /* 1/13!, ..., 1/2!, each the nearest double */
    0x1.6124613a86d09p-33, 0x1.1eed8eff8d898p-29, 0x1.ae64567f544e4p-26, 0x1.27e4fb7789f5cp-22, 0x1.71de3a556c734p-19,
    0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-13, 0x1.6c16c16c16c17p-10, 0x1.1111111111111p-7, 0x1.5555555555555p-5,
    0x1.5555555555555p-3, 0.5,
};

/* One vector. The argument is reduced to |r| <= 0.3466 by k ln 2 (high part with 21 trailing zeros, so k times it is exact),
 * exp(r) is its Taylor polynomial of degree 13, and 2^k is assembled from bits. */
static inline __attribute__((always_inline)) void exp_lane(double *y, double *ry, const double *x, const double *rx)
{
    vec given = *(const vec *)(const void *)x, r0 = *(const vec *)(const void *)rx;
    vec_bits low = given < EXP_LOW, high = given > EXP_HIGH;
    vec v = (vec)(((vec_bits)given & ~low) | ((vec_bits)((vec){0} + EXP_LOW) & low));
    v = (vec)((vec_bits)v & ~high);
    vec shifted = v * 0x1.71547652b82fep+0 + 0x1.8p52;
    vec k = shifted - 0x1.8p52;
    vec r = (v - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    vec p = r * taylor[0] + taylor[1];
    for (size_t i = 2; i < sizeof taylor / sizeof *taylor; i++) p = p * r + taylor[i];
    p = (p * r + 1) * r + 1;
    vec scale = (vec)(((vec_bits)shifted + 1023) << 52);
    vec e = p * scale;
    vec grown = r0 + r0 * r0; /* exp(r) - 1 <= r + r^2 for 0 <= r <= 1 */
    vec_bits far = ~(r0 <= 1);
    vec inf = (vec){0} + (double)INFINITY;
    vec rad = e * (grown * (1 + 0x1p-48) + 0x1p-49) + 0x1p-1022;
    vec rad_low = e * (grown + 1) * (1 + 0x1p-48) + 0x1p-1022;
    rad = (vec)(((vec_bits)rad & ~low) | ((vec_bits)rad_low & low));
    rad = (vec)(((vec_bits)rad & ~(far | high)) | ((vec_bits)inf & (far | high)));
    *(vec *)(void *)y = (vec)((vec_bits)e & ~low);
    *(vec *)(void *)ry = rad;
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
