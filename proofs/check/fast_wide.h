/* fast_wide: the rows of a second look, for networks of many steps, where 28 bits do not settle much. As in fast.h a row is a block of integers with one scale and one radius, here of up to 54 bits, kept
 * in frow.wide; a radius is at most 2^44. Sums are made in 128 bits. Beside the radius of each entry stands a bound on the
 * Euclidean length of the errors of a row: a matrix lengthens them by its norm, which is much less than what it makes of the largest entry. Only over the reals. */
#ifndef CHECK_FAST_WIDE_H
#define CHECK_FAST_WIDE_H
#include "fast.h"

#define WRADIUS_MOST ((int64_t)1 << 44)

/* entries w with w <= the true entry < w + 1, at 2^-F: of a matrix as high 2^half + low with 0 <= low < 2^half; column: largest column sum of |w|; norm: no less than the spectral norm of the true matrix, in units 2^-F, or -1: not known. inverse (score): 2^50 / sqrt(d), down, within 2 units */
struct wweight { int32_t *high, *low; int64_t *entry, *b; int F, bF; __int128 column, norm; uint32_t rows, cols; int64_t inverse; };
struct wide {
    int half, bits;               /* bits = 2 half: |m| <= 2^bits of rows and weights */
    struct wweight *weight;       /* by node */
    __int128 *acc;                /* a row in the making */
    int64_t *part;                /* [the widest row, or the length]: limbs of it, centred entries, scores */
    int32_t *high, *low;          /* [the same]: halves of the row that a matrix is applied to */
    uint32_t nodes;
};

/* fast_wide.c */
bool wide_init(struct fnet *w);                                                     /* false: sums do not fit, or float32 */
bool wide_weights(struct fnet *w, int node);
void wide_free(struct wide *d);
bool wide_row(struct fnet *w, int node, uint32_t row, struct frow *out);            /* one row from rows of earlier nodes, or false */
bool wide_from_nums(const struct fnet *w, struct frow *r, const struct num *x, uint32_t n, unsigned p); /* enclosures with p fractional bits */
/* acc at 2^-F: each entry is within err, all errors together have at most the length err2; -1: not known */
bool wide_store(struct fnet *w, struct frow *r, uint32_t n, int F, __int128 err, __int128 err2);
int64_t wide_root(uint32_t n);                                                      /* of n, rounded up */
int64_t wide_length(struct frow *r, uint32_t n);                                    /* Euclidean length of a row's integers, rounded up */
int wide_lowered(const struct frow *r, int F, uint32_t n, int64_t *rad, int64_t *rad2); /* a row at scale F, no finer: entries are m >> the result, *rad and *rad2 what they are off then */
/* fast_wide_attention.c */
bool wide_pattern(struct fnet *w, const struct node *x, uint32_t row, struct frow *out);
bool wide_mix(struct fnet *w, const struct node *x, uint32_t row, struct frow *out);
bool wide_score(__int128 dot, __int128 err, int F, int64_t inverse, int64_t *out, int64_t *rad); /* a product at 2^-F, within err, times 1 / sqrt(d): at 2^-48 */
/* fast_smooth.c */
const int64_t *normal_coefficients(uint32_t i);                                     /* Phi^(k)(i / 64) / k! at 2^-60, k = 0..8, each within 2 units, i < 512; NULL: not available */
#define EXP_UNITS 24
uint64_t fixed_exp_minus(uint64_t x);                                               /* exp(-x / 2^48) at 2^-60, within EXP_UNITS */
bool wide_smooth(struct fnet *w, const struct node *x, struct frow *out, const struct frow *in); /* gelu, gelu_new, silu, tanh, sigmoid */
#endif
