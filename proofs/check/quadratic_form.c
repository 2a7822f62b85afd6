/* One quadratic form around a point: its value, gradient, and the matrix of FORMAT.md §3. */
#include "quadratic.h"
#include <string.h>

void formroom_init(struct formroom *w, size_t n) {
    *w = (struct formroom){n, integers_new(monomial(n, n, n) + 1), integers_new((n + 1) * (n + 1)), integers_new(n + 1), integers_new(n + 1)};
}

void formroom_clear(struct formroom *w) {
    integers_free(w->m, monomial(w->n, w->n, w->n) + 1);
    integers_free(w->matrix, (w->n + 1) * (w->n + 1));
    integers_free(w->X, w->n + 1);
    integers_free(w->h, w->n + 1);
}

void form_point(mpz_t *X, const mpq_t *a, const mpq_t *b, size_t n) {
    mpq_t t;
    mpq_init(t);
    mpz_set_ui(X[0], 1);
    for (size_t i = 0; i < n; i++) {
        mpq_add(t, a[i], b[i]);
        mpz_lcm(X[0], X[0], mpq_denref(t));
    }
    for (size_t i = 0; i < n; i++) {
        mpq_add(t, a[i], b[i]);
        mpz_divexact(X[i + 1], X[0], mpq_denref(t));
        mpz_mul(X[i + 1], X[i + 1], mpq_numref(t));
    }
    mpq_clear(t);
}

void form_gradient(struct formroom *w, mpz_t twice) {
    size_t at = 0;
    for (size_t i = 0; i <= w->n; i++) mpz_set_ui(w->h[i], 0);
    for (size_t u = 0; u <= w->n; u++)
        for (size_t v = u; v <= w->n; v++, at++) {
            mpz_addmul(w->h[u], w->m[at], w->X[v]); /* twice when u = v */
            mpz_addmul(w->h[v], w->m[at], w->X[u]);
        }
    mpz_set_ui(twice, 0);
    for (size_t i = 0; i <= w->n; i++) mpz_addmul(twice, w->h[i], w->X[i]);
}

/* The matrix of FORMAT.md §3 times 2 unit den(lambda), its last row and column times X[0] den(radius2) besides. */
bool form_positive(struct formroom *w, const mpz_t unit, const mpq_t radius2, const mpq_t lambda) {
    size_t n = w->n, side = n + 1;
    mpz_srcptr num = mpq_numref(lambda), den = mpq_denref(lambda), a = mpq_numref(radius2), b = mpq_denref(radius2);
    mpz_t t, corner;
    mpz_inits(t, corner, NULL);
    form_gradient(w, corner);
    mpz_mul(t, num, unit);
    mpz_mul_2exp(t, t, 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            mpz_ptr to = w->matrix[i * side + j];
            mpz_mul(to, w->m[monomial(n, j + 1, i + 1)], den);
            if (i != j) continue;
            mpz_mul_2exp(to, to, 1);
            mpz_add(to, to, t);
        }
    for (size_t j = 0; j < n; j++) {
        mpz_mul(w->matrix[n * side + j], w->h[j + 1], den);
        mpz_mul(w->matrix[n * side + j], w->matrix[n * side + j], b);
    }
    mpz_mul(corner, corner, den); /* 2 m(X) b^2 den - 2 num unit a b X[0]^2 */
    mpz_mul(corner, corner, b);
    mpz_mul(t, t, a);
    mpz_mul(t, t, w->X[0]);
    mpz_mul(t, t, w->X[0]);
    mpz_sub(corner, corner, t);
    mpz_mul(w->matrix[n * side + n], corner, b);
    mpz_clears(t, corner, NULL);
    return positive_definite((const mpz_t *)w->matrix, side);
}
