/* quadratic: outputs of a network of real inputs as polynomials of degree two in its input, exactly, and the test of a matrix (FORMAT.md §3). */
#ifndef CHECK_QUADRATIC_H
#define CHECK_QUADRATIC_H
#include "base.h"
#include "net.h"
#include "vector.h"

/* Position of the coefficient of x_u x_v, u <= v <= n, where x_0 is 1: constants first, then the linear ones, then the rest. */
static inline size_t monomial(size_t n, size_t u, size_t v) { return u * (n + 1) - u * (u + 1) / 2 + v; }

/* width polynomials in x_1 .. x_n of at most this degree, `each` coefficients a polynomial, every one times 2^scale. */
struct rowpoly { int degree; size_t width, each; unsigned long scale; mpz_t *c;
    const struct rowpoly *left, *right; }; /* not NULL: products of their entries, that only linear nodes read; c is NULL */

/* The output row as polynomials of degree 2 (each = monomial(n, n, n) + 1). false: f says which operation is none of these, or what is too large. */
/* turned: in the place of a quadratic term x_u x_v, u < v, is the coefficient of x_u of first and x_v of second factors of products less that of x_v and x_u. */
bool net_rowpoly_turned(struct rowpoly *out, const struct net *net, int leaf, bool turned, struct fail *f);
bool net_rowpoly(struct rowpoly *out, const struct net *net, int leaf, struct fail *f); /* leaf: the node whose entries are the variables, -1: the input */
void rowpoly_clear(struct rowpoly *p);

/* quadratic_form.c. Room for the work on one form: its polynomial m, a matrix, a point X, a gradient h. */
struct formroom { size_t n; mpz_t *m, *matrix, *X, *h; };
void formroom_init(struct formroom *w, size_t n);
void formroom_clear(struct formroom *w);
/* X[1..n] / X[0] = a + b, X[0] > 0 */
void form_point(mpz_t *X, const mpq_t *a, const mpq_t *b, size_t n);
/* h = gradient of the homogeneous polynomial m at X, h[0] included; twice = 2 m(X), by Euler's identity */
void form_gradient(struct formroom *w, mpz_t twice);
/* The form m / unit is positive on the closed ball of that squared radius around X: the multiplier shows it. */
bool form_positive(struct formroom *w, const mpz_t unit, const mpq_t radius2, const mpq_t lambda);

/* spectrum.c: ends[2 k], ends[2 k + 1] enclose the k-th smallest eigenvalue of m / den times 2^p; m symmetric, n rows. false: not enclosed. */
bool symmetric_spectrum(mpz_t *ends, const mpz_t *m, const mpz_t den, size_t n, unsigned p);

/* quadratic_sum.c; turned: the term of the product of x_u of a and x_v of b, u > v, has a minus. out += sum_k w[k] a_k b_k, a_k and b_k linear polynomials in n variables with n + 1 coefficients each, out one of degree two */
void sum_products(mpz_t *out, const mpz_t *a, const mpz_t *b, const mpz_t *w, size_t count, size_t n, bool turned);

/* form.c: numbers of positive, zero and negative eigenvalues of the symmetric matrix m, which is destroyed */
void matrix_signs(int64_t out[3], mpz_t *m, size_t n);

/* Is the symmetric matrix m (n rows, row-major; only the diagonal and what is below it are read) shown to be positive definite? Never true of one that is not. */
bool positive_definite(const mpz_t *m, size_t n);
#endif
