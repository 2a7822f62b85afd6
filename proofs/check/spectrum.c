/* Eigenvalues of a symmetric matrix, enclosed. V, approximate eigenvectors (jacobi.c, where they are rows), need not be right in any way: what counts are
 * B = V'AV and S = V'V, computed exactly. With f >= |S - 1| < 1 and E >= |B - its diagonal| (largest sums of absolute values in a row), the k-th eigenvalue
 * of A is one of B in the same place over a number in [1 - f, 1 + f] (Ostrowski), and that of B is within E of the k-th smallest diagonal entry (Weyl). */
#include "spectral.h"
#include <stdlib.h>

/* out[i][j] = row i of a times row j of b */
void row_products(mpz_t *out, const mpz_t *a, const mpz_t *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            mpz_set_ui(out[i * n + j], 0);
            for (size_t l = 0; l < n; l++) mpz_addmul(out[i * n + j], a[i * n + l], b[j * n + l]);
        }
}

void largest_row_sum(mpz_t out, const mpz_t *m, size_t n, const mpz_t one) {
    mpz_t sum, t;
    mpz_inits(sum, t, NULL);
    mpz_set_ui(out, 0);
    for (size_t i = 0; i < n; i++) {
        mpz_set_ui(sum, 0);
        for (size_t j = 0; j < n; j++) {
            if (i == j && one == NULL) continue;
            mpz_set(t, m[i * n + j]);
            if (i == j) mpz_sub(t, t, one);
            mpz_abs(t, t);
            mpz_add(sum, sum, t);
        }
        if (mpz_cmp(sum, out) > 0) mpz_set(out, sum);
    }
    mpz_clears(sum, t, NULL);
}

static int rising(const void *a, const void *b) { return mpz_cmp(*(const mpz_t *)a, *(const mpz_t *)b); }

/* floor or ceiling of x 2^p / (den (one + or - f)), the sign that makes it a lower or an upper end */
static void end_of(mpz_t out, const mpz_t x, const mpz_t den, const mpz_t one, const mpz_t f, unsigned p, bool up) {
    mpz_t below;
    mpz_init(below);
    if ((mpz_sgn(x) >= 0) == up) mpz_sub(below, one, f);
    else mpz_add(below, one, f);
    mpz_mul(below, below, den);
    mpz_mul_2exp(out, x, p);
    if (up) mpz_cdiv_q(out, out, below);
    else mpz_fdiv_q(out, out, below);
    mpz_clear(below);
}

static bool enclose(mpz_t *ends, const mpz_t *m, const mpz_t den, const mpz_t *v, size_t n, unsigned w, unsigned p) {
    mpz_t *t = integers_new(n * n), *b = integers_new(n * n), one, E, f;
    mpz_inits(one, E, f, NULL);
    mpz_setbit(one, 2 * w);
    row_products(t, v, m, n); /* m is symmetric */
    row_products(b, (const mpz_t *)t, v, n);
    row_products(t, v, v, n);
    largest_row_sum(E, (const mpz_t *)b, n, NULL);
    largest_row_sum(f, (const mpz_t *)t, n, one);
    bool good = mpz_cmp(f, one) < 0;
    for (size_t i = 0; i < n; i++) mpz_set(t[i], b[i * n + i]);
    qsort(t, n, sizeof *t, rising);
    for (size_t k = 0; good && k < n; k++) {
        mpz_sub(b[0], t[k], E);
        end_of(ends[2 * k], b[0], den, one, f, p, false);
        mpz_add(b[0], t[k], E);
        end_of(ends[2 * k + 1], b[0], den, one, f, p, true);
    }
    integers_free(t, n * n);
    integers_free(b, n * n);
    mpz_clears(one, E, f, NULL);
    return good;
}

bool symmetric_spectrum(mpz_t *ends, const mpz_t *m, const mpz_t den, size_t n, unsigned p) {
    mpz_t *v = integers_new(n * n);
    unsigned w = approximate_basis(v, m, den, n, p);
    bool good = enclose(ends, m, den, (const mpz_t *)v, n, w, p);
    integers_free(v, n * n);
    return good;
}
