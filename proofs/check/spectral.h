/* spectral: an exact symmetric matrix A turned into a nearly diagonal one, with bounds that are proved (STATEMENT.md §3, "Eigenvectors").
 *
 * V, approximate eigenvectors, need not be right in any way: B = V'AV and S = V'V are exact. f >= |S - 1|, f <= 1/2. With H = S^(1/2) the matrix
 * U = V H^-1 is orthogonal, |H - 1| <= f and |H^-1 - 1| <= f, so that M = U'AU = H^-1 B H^-1 is within eta = |B - D| + 3 f |B| of the diagonal matrix D.
 * The eigenvalues of A are those of M: in order, each is within eta of one of D. Norms are bounded by the largest sum of absolute values in a row. */
#ifndef CHECK_SPECTRAL_H
#define CHECK_SPECTRAL_H
#include "num.h"
#include "quadratic.h"

/* v: row i is the i-th approximate eigenvector, w fractional bits; d rising, eta, f, top >= |B| and |D|: F fractional bits. */
struct spectral { size_t n; unsigned w, F; mpz_t *v, *d, eta, f, top; };
/* m / den, symmetric, n rows; p: bits asked for. false: f is not small (V is no basis). */
bool spectral_make(struct spectral *s, const mpz_t *m, const mpz_t den, size_t n, unsigned p);
void spectral_clear(struct spectral *s);

/* jacobi.c: row i of v becomes an approximate eigenvector of m, w fractional bits (which it returns); p: bits asked for. */
unsigned approximate_basis(mpz_t *v, const mpz_t *m, const mpz_t den, size_t n, unsigned p);

/* spectrum.c: out[i][j] = row i of a times row j of b; the largest sum of absolute values in a row, the diagonal counting less `one` or, when it is NULL, not. */
void row_products(mpz_t *out, const mpz_t *a, const mpz_t *b, size_t n);
void largest_row_sum(mpz_t out, const mpz_t *m, size_t n, const mpz_t one);

/* Bound (F bits) of |P - P0| where P0 projects to some of the unit vectors and P to the eigenvectors of M in the same places, g: the distance of their
 * diagonal entries from the others, and these lie on one side, or between, or around (P0' M P - P0' D P bounds the sine by eta / (g - eta)).
 * false: g is not more than 2 eta. */
bool spectral_sine(mpz_t out, const struct spectral *s, const mpz_t g);

/* x := [lo, hi] at `from` fractional bits, as a real of p bits */
void spectral_number(struct num *x, const mpz_t lo, const mpz_t hi, unsigned from, unsigned p);

/* Entry j of the i-th unit eigenvector (rising eigenvalues) into out[j], p bits. Its sign: the first entry of modulus above 1 / (2 sqrt n) is positive.
 * What is not isolated, or of no settled sign, comes as the interval that holds whichever it is. */
void spectral_vector(struct num *out, const struct spectral *s, size_t i, unsigned p);

/* x'A_k x for A_k = A cut to k eigenvectors of largest |eigenvalue|, x known by lo[j] <= x_j 2^p <= hi[j]. Where the k-th and the next modulus are not told
 * apart the interval holds every choice. */
void spectral_cut(struct num *out, const struct spectral *s, size_t k, const mpz_t *lo, const mpz_t *hi, unsigned p);
#endif
