/* product: several rows times one matrix in doubles, values only. Their errors are bounded by Euclidean norms (docs/methods.md, "Rows in batches"). */
#ifndef WEIGHTPROOF_CORE_PRODUCT_H
#define WEIGHTPROOF_CORE_PRODUCT_H
#include <stdbool.h>
#include <stddef.h>

/* W [k][m] in panels of eight columns, [(m + 7) / 8][k][8]; upper bounds of |x W| / |x| and of the root of the sum of its squares. */
struct product_matrix { size_t k, m; double *panels, norm, size; };
/* False: no memory. Cleared by product_matrix_clear, which all zeros need not. */
bool product_matrix_set(struct product_matrix *p, const double *W, size_t k, size_t m);
void product_matrix_clear(struct product_matrix *p);
/* y[l stride + j] += sum over i of x[l][i] W[i][j], for n rows l: blocks of PRODUCT_BLOCK products are summed, then added to y one after the other. So a product goes
 * through PRODUCT_BLOCK + product_steps(k) roundings at most, what was in y through product_steps(k). */
#define PRODUCT_BLOCK 32
static inline size_t product_steps(size_t k) { return (k + PRODUCT_BLOCK - 1) / PRODUCT_BLOCK; }
void product_add(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p);
/* The same with vectors of four numbers at most, and without fused operations, as on machines that have no more. */
void product_add_fused(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p);
void product_add_plain(double *y, size_t stride, const double *const *x, size_t n, const struct product_matrix *p);
/* An upper bound of |x W| / |x|; infinite where it is not known. */
double product_norm(const double *W, size_t k, size_t m);
/* Upper bound of a row's Euclidean norm; not finite where an entry is not. */
double row_norm(const double *x, size_t k);
/* x . y in doubles: k roundings of each product at most. */
double row_dot(const double *x, const double *y, size_t k);
#endif
