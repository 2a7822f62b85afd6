/* Exact and enclosed numbers.
 *  - rational literals and exact arithmetic: GMP mpq_t, written canonically (integer or p/q)
 *  - balls: Arb arb_t
 *  - double kernels: (value, radius) with an a-priori error bound, round to nearest, no rounding-mode change
 *    (refs: Rump 2012, Jeannerod-Rump 2013; computable bound of docs/methods.md). */
#ifndef WEIGHTPROOF_CORE_NUMBER_H
#define WEIGHTPROOF_CORE_NUMBER_H
#include <stddef.h>
#include <stdbool.h>
#include <gmp.h>
#include <arb.h>
#include "core/text.h"

void number_add_text(struct text *out, const mpq_t q);          /* canonical: 12, -3/4 */
bool number_from_literal(mpq_t out, const char *s, size_t n);   /* 12, 0.25, 1e-6, 0x1.8p-3; false if malformed or exponent beyond 4096 */
void number_set_double(mpq_t out, double x);                    /* exact; x finite */
void number_add_hex(struct text *out, double x);                /* canonical num of NETWORK.md */
bool number_from_hex(double *out, const char *s, size_t n);     /* its inverse, strict */
void ball_set_number(arb_t out, const mpq_t q, slong prec);
/* Outward-rounded ends of a ball as rationals with denominators 2^bits. */
void ball_ends(mpq_t lo, mpq_t hi, const arb_t x, unsigned bits);
/* Enclosure as doubles: mid, and rad rounded up with |x - mid| <= rad. */
void ball_to_double(double *mid, double *rad, const arb_t x);

/* y[j] (ry[j]) = sum_i x[i] W[i*m + j] (+ b[j]); x known up to rx. u, eta: 0 for real semantics, FLOAT32_U and FLOAT32_ETA to enclose
 * every binary32 execution as well. b may be NULL. absW: |W| precomputed, or NULL. Finite or the radius is +inf. */
#define FLOAT32_U 0x1p-24
#define FLOAT32_ETA 0x1p-149
struct rounding { double u, eta; };
void kernel_linear(double *y, double *ry, const double *x, const double *rx, const double *W, const double *b,
                   size_t k, size_t m, struct rounding f);
/* The same sum in pieces: begin, any number of terms, end. n_products and n_rows count all products (k a linear, 1 a scaled row) and
 * plain rows that follow; b (or NULL) is one more row. y, ry hold m entries and nothing else may read them before the end. */
struct kernel_sum { double *y, *ry; size_t m, n; double e, g, eta; };
double rounding_factor(size_t n, double u);   /* bound of (1+u)^n - 1: (n+1) u for n <= 4000 */
void kernel_sum_begin(struct kernel_sum *s, double *y, double *ry, const double *b, size_t m, size_t n_products,
                      size_t n_rows, struct rounding f);
void kernel_sum_linear(struct kernel_sum *s, const double *x, const double *rx, const double *W, size_t k);
void kernel_sum_scaled(struct kernel_sum *s, double p, double rp, const double *v, const double *rv);
void kernel_sum_row(struct kernel_sum *s, const double *v, const double *rv);
void kernel_sum_end(struct kernel_sum *s);
/* y = base + sum of n rows with their weights, [m]; no radius: the caller adds (n + 2) 2^-53 (|base| + sum |w| |row|), 2^-1000. */
void kernel_combine(double *y, const double *base, const double *w, const double *const *rows, size_t n, size_t m);
/* A mean of n rows: y = sum p_i v_i [m] where the true weights add up to 1 within `off` (their midpoints too). rows, radii: n pointers.
 * |sum p' v' - sum p v| <= sum (p + rp) rv + sum rp |v - y| + off |y|. */
struct row_view { const double *mid, *rad; };
void kernel_mean(double *y, double *ry, const double *p, const double *rp, const struct row_view *v, size_t n, size_t m,
                 double off, struct rounding f);
/* dot product with the same contract; s = x . y, both with radii. */
void kernel_dot(double *s, double *rs, const double *x, const double *rx, const double *y, const double *ry, size_t k, struct rounding f);
/* Certified exp of a ball in double: own kernel with a proved error, no libm trust. +inf radius on overflow. */
void kernel_exp(double *y, double *ry, const double *x, const double *rx, size_t n);
/* Upper bound of a sum or product in double (result >= exact). */
double up_add(double a, double b);
double up_mul(double a, double b);
#endif
