/* quadratic: outputs of a network of real inputs as polynomials of degree two in its input, exactly, and the test of a matrix (FORMAT.md §3). */
#ifndef CHECK_QUADRATIC_H
#define CHECK_QUADRATIC_H
#include "base.h"
#include "net.h"
#include <gmp.h>

/* Position of the coefficient of x_u x_v, u <= v <= n, where x_0 is 1: constants first, then the linear ones, then the rest. */
static inline size_t monomial(size_t n, size_t u, size_t v) { return u * (n + 1) - u * (u + 1) / 2 + v; }

/* width polynomials in x_1 .. x_n of at most this degree, `each` coefficients a polynomial, every one times 2^scale. */
struct rowpoly { int degree; size_t width, each; unsigned long scale; mpz_t *c; };

/* The output row as polynomials of degree 2 (each = monomial(n, n, n) + 1). false: f says which operation is none of these, or what is too large. */
bool net_rowpoly(struct rowpoly *out, const struct net *net, struct fail *f);
void rowpoly_clear(struct rowpoly *p);

/* Is the symmetric matrix m (n rows, row-major; only the diagonal and what is below it are read) shown to be positive definite? Never true of one that is not. */
bool positive_definite(const mpz_t *m, size_t n);
#endif
