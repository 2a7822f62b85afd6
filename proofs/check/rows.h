/* rows: one row of one node from rows of earlier nodes (NETWORK.md §3, under float32 §5). Kernels by file: rows_sum.c, rows_attention.c,
 * rows_norm.c, rows_entry.c; rounding in float32.c and float32_entry.c. The rows that a kernel reads are there: see require() in run.c. */
#ifndef CHECK_ROWS_H
#define CHECK_ROWS_H
#include "run.h"

/* out: run_width entries; false with a reason when the row has no value or no enclosure. */
typedef bool row_kernel(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f);
row_kernel row_linear, row_heads, row_add, row_matmul;                       /* rows_sum.c */
row_kernel row_score, row_softmax, row_mix, row_bilinear, row_rowsoftmax;    /* rows_attention.c */
row_kernel row_layernorm, row_rmsnorm;                                       /* rows_norm.c */
row_kernel row_activation, row_function, row_pair, row_jumprelu, row_topk, row_maxpool, row_select, row_concat, row_constant; /* rows_entry.c */

bool activation_value(struct num *out, const struct num *in, enum op op, unsigned p); /* relu, gelu, gelu_new, silu; real semantics */
struct num *row_of(const struct run *r, int node, uint32_t row);             /* NULL when not computed */
bool run_patched(const struct run *r, int node, uint32_t row);
bool run_is_product(const struct run *r, int node, uint32_t row); /* of a heads node: enters its sum as products */
void weight_num(struct num *out, const struct weight *w, size_t at);         /* an entry, exact */
void weight_real(struct num *out, const struct weight *w, size_t at, unsigned p); /* the same as an enclosure */

/* A weighted sum that is being built: lo, hi and (float32) the sum of max |a| max |b|, at 2^-(p + scale). */
struct sum { mpz_t lo, hi, magnitude, t, u; unsigned long products, additions; };
void sum_init(struct sum *s);
void sum_clear(struct sum *s);
void sum_product(struct sum *s, const struct num *a, const struct num *b, bool magnitude); /* += a b; the scale is p */
void sum_dot(struct sum *s, const struct num *a, const struct num *b, size_t n, bool magnitude); /* the sum of n products, of a new sum */
bool sum_finish(struct run *r, struct sum *s, unsigned scale, struct num *out, struct fail *f);
void magnitude_add(mpz_t m, const struct num *x);                            /* m += max |x| */

/* float32: enclosures of every binary32 execution, from enclosures of the real results. u = 2^-24, eta = 2^-149. */
void f32_round(struct num *x, unsigned long k, unsigned p);                  /* k roundings in a row, in units of u relative and eta absolute */
bool f32_nearest(struct num *x, unsigned p, struct fail *f);                 /* the one correctly rounded result; false: it may overflow */
bool f32_sum(struct num *x, const mpz_t magnitude, unsigned long products, unsigned long additions, unsigned p, struct fail *f);
bool f32_softmax(struct num *row, const struct num *scores, const uint32_t *at, uint32_t n, unsigned p, struct fail *f); /* entries at[0..n-1] */
bool f32_layernorm(struct run *r, const struct node *x, struct num *out, const struct num *in, const struct num *by, struct fail *f); /* by: the row whose deviation divides, usually in */
bool f32_rmsnorm(struct run *r, const struct node *x, struct num *out, const struct num *in, const struct num *by, struct fail *f);
bool f32_activation(struct num *out, const struct num *in, enum op op, unsigned p, struct fail *f);
bool f32_function(struct num *x, enum op op, unsigned p, struct fail *f);    /* exp, erf, tanh, sigmoid: the rounding of an enclosed true value */
bool f32_below(const mpz_t m, unsigned bits, unsigned p);                    /* m 2^-p < 2^bits */
void f32_widen(struct num *x, const mpz_t by);
#endif
