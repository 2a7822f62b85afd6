/* fast_loops: the inner loops of the first look (fast.h), over entries of rows. All is in integers that cannot overflow (fnet_init), so that the
 * vectors of a machine and plain loops give the same. */
#ifndef CHECK_FAST_LOOPS_H
#define CHECK_FAST_LOOPS_H
#include "integers.h"

extern int loop_widest; /* 2: vectors of 512 bits where the machine has them, 1: of 256 at most, 0: none, for the loops that stand here for each of these; the tests ask for less */
void loop_multiply(int64_t *acc, const int32_t *x, const int32_t *W, uint32_t rows, uint32_t cols); /* acc = x W */
void loop_add_scaled(int64_t *acc, int32_t x, const int32_t *w, uint32_t n);                        /* acc += x w */
void loop_add_shifted(int64_t *acc, const int32_t *m, int drop, uint32_t n);                        /* acc += m >> drop */
int64_t loop_product(const int32_t *a, const int32_t *b, uint32_t n);                               /* a . b */
void loop_add_mix(int64_t *acc, const int32_t *p, const int32_t *const *v, const int *drop, uint32_t many, uint32_t n); /* acc += sum of p[i] (v[i] >> drop[i]) */
int64_t loop_sum_size(const int32_t *m, uint32_t n);                                                /* sum |m| */
int64_t loop_largest(const int32_t *m, uint32_t n);                                                 /* max |m|, each below 2^31 */
int64_t loop_largest_sum(const int64_t *acc, uint32_t n);
void loop_shift(int32_t *m, const int64_t *acc, uint32_t n, int shift);                             /* m = acc >> shift, which fits */
void loop_scaled(int32_t *m, int32_t by, const int32_t *x, int shift, uint32_t n);                   /* m = by x >> shift, which fits; shift < 64 */
void loop_lower(int32_t *least, int32_t base, const int32_t *p, int sign, const int32_t *after, uint32_t n); /* least = min(least, base + sign p + after); p NULL: 0 */
void loop_add_up(int64_t *acc, const int32_t *m, int up, uint32_t n);                               /* acc += m 2^up */
/* Of fast_lanes.h */
void loop_panels(int64_t *const *acc, const int32_t *const *x, const int32_t *panel, uint32_t rows, uint32_t cols, uint32_t many); /* acc[l] += x[l] W for many rows, W in panels; acc[l]: room for whole panels */
uint64_t loop_squares(const int64_t *acc, uint32_t n, int shift);                                   /* sum (acc >> shift)^2 of entries below 2^31 then, which fits */
void loop_round(int32_t *m, const int64_t *acc, uint32_t n, int shift);                             /* m = acc / 2^shift to the nearest, which fits */
int64_t loop_sum(const int32_t *m, uint32_t n);
void loop_move(int64_t *acc, const int64_t *b, int up, uint32_t n);                                 /* acc = b 2^up, which fits, or b >> -up; acc may be b */
void loop_times(int64_t *acc, const int32_t *m, uint32_t n);                                        /* acc = acc m */
void loop_mirror(int64_t *acc, const int32_t *m, int64_t one, uint32_t n);                          /* acc = one - acc where m < 0 */
void loop_quartic(int64_t *a, const int64_t *c, int64_t last, int shift, int down, int up, int bits, uint32_t n); /* a = c[5 k] + c[5 k + 1] g + ... + c[5 k + 4] g^4, each product shifted by bits; k = a >> shift, or `last`; g: the rest of a, shifted down, then up; 0 there */
void loop_centred(int64_t *acc, const int32_t *m, int64_t K, int64_t plus, int cut, int64_t by, uint32_t n); /* acc = (K m + plus >> cut) by */
void loop_products(int64_t *acc, const int32_t *a, const int32_t *b, uint32_t n);                   /* acc = a b */
void loop_positive(int32_t *y, const int32_t *x, uint32_t n);                                       /* y = x, or 0 where that is less */
#endif
