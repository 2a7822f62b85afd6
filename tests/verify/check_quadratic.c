/* Sums of products of linear polynomials against the same sums term by term, and eigenbases against the matrices they are of. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "verify/quadratic.h"

static void draw(fmpz *x, size_t n, flint_rand_t state, int bits)
{
    for (size_t i = 0; i < n; i++) fmpz_randbits(x + i, state, (flint_bitcnt_t)bits);       /* exactly so many, either sign */
}

static void one_sum(flint_rand_t state, size_t n, size_t K, int bits_a, int bits_b, int bits_w, int sign)
{
    size_t side = n + 1, each = monomial(n, n, n) + 1;
    fmpz *a = _fmpz_vec_init((slong)(K * side)), *b = _fmpz_vec_init((slong)(K * side)), *w = _fmpz_vec_init((slong)K), *out = _fmpz_vec_init((slong)each), *want = _fmpz_vec_init((slong)each);
    fmpz_t t;
    fmpz_init(t);
    draw(a, K * side, state, bits_a);
    draw(b, K * side, state, bits_b);
    draw(w, K, state, bits_w);
    draw(out, each, state, 100);       /* what was there stays */
    _fmpz_vec_set(want, out, (slong)each);
    for (size_t k = 0; k < K; k++)
        for (size_t u = 0; u <= n; u++)
            for (size_t v = 0; v <= n; v++) {
                fmpz_mul(t, w + k, a + k * side + u);
                fmpz_mul(t, t, b + k * side + v);
                if (u > v && sign < 0) fmpz_neg(t, t);
                fmpz *to = want + monomial(n, u < v ? u : v, u < v ? v : u);
                fmpz_add(to, to, t);
            }
    products_weighted(out, a, b, w, K, n, sign);
    ck_assert_msg(_fmpz_vec_equal(out, want, (slong)each), "%zu variables, %zu terms, %d, %d and %d bits, sign %d", n, K, bits_a, bits_b, bits_w, sign);
    _fmpz_vec_clear(a, (slong)(K * side));
    _fmpz_vec_clear(b, (slong)(K * side));
    _fmpz_vec_clear(w, (slong)K);
    _fmpz_vec_clear(out, (slong)each);
    _fmpz_vec_clear(want, (slong)each);
    fmpz_clear(t);
}

/* Numbers of all sizes: those that fit words, those that do not, and those that just do or do not. */
START_TEST(sums_of_products)
{
    static const int bits[][3] = {{1, 1, 1}, {20, 24, 24}, {44, 44, 44}, {54, 61, 54}, {53, 61, 54}, {54, 60, 54}, {47, 61, 1}, {60, 62, 48}, {60, 61, 49}, {61, 61, 49}, {30, 63, 30}, {90, 20, 90}, {20, 200, 3}};
    flint_rand_t state;
    flint_randinit(state);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        for (size_t n = 1; n < 22; n += 5)
            for (size_t K = 1; K < 40; K = 3 * K + 1)
                for (int sign = -1; sign < 2; sign += 2) one_sum(state, n, K, bits[i][0], bits[i][1], bits[i][2], sign);
    flint_randclear(state);
}
END_TEST

static double entry(const double *A, size_t n, size_t i, size_t j) { return A[(i < j ? i : j) * n + (i < j ? j : i)]; }

/* kind 0: random; 1: of rank 2; 2: diagonal with equal entries; 3: 0 */
static void matrix(double *A, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) {
            double x = (double)(rand() % 2001 - 1000) / 1000;
            if (kind == 1) x = sin((double)i) * sin((double)j) - cos(2.0 * (double)i) * cos(2.0 * (double)j);
            if (kind == 2) x = i == j ? (double)(i % 3) : 0;
            A[i * n + j] = A[j * n + i] = kind == 3 ? 0 : x;
        }
}

/* max |A x - B' diag(q) B x| over unit vectors x, |B'B x - x|, and what the matrix of eigenvectors says */
static void one_matrix(size_t n, int kind)
{
    double *A = mem_array(n * n, sizeof *A), *copy = mem_array(n * n, sizeof *copy), *V = mem_array(n * n, sizeof *V), *q = mem_array(n, sizeof *q), *x = mem_array(3 * n, sizeof *x);
    double *y = x + n, *z = y + n, bound = 1e-13 * (double)n;
    struct eigen e;
    matrix(A, n, kind);
    for (size_t i = 0; i < n * n; i++) copy[i] = A[i];
    ck_assert(eigen_make(&e, copy, n));
    for (size_t i = 0; i < n * n; i++) copy[i] = A[i];
    ck_assert(symmetric_eigen(q, V, copy, n));
    for (size_t k = 0; k < n; k++) {
        ck_assert(k == 0 || q[k - 1] <= q[k]);
        ck_assert(q[k] == e.q[k]);
        for (size_t i = 0; i < n; i++) x[i] = i == k;
        eigen_into(y, &e, x);
        for (size_t i = 0; i < n; i++) ck_assert(fabs(y[i] - V[k * n + i]) <= bound);
        eigen_back(z, &e, y);
        for (size_t i = 0; i < n; i++) ck_assert(fabs(z[i] - (i == k)) <= bound);
        for (size_t i = 0; i < n; i++) y[i] *= q[i];
        eigen_back(z, &e, y);
        for (size_t i = 0; i < n; i++) ck_assert(fabs(z[i] - entry(A, n, k, i)) <= bound);
    }
    eigen_clear(&e);
    free(A), free(copy), free(V), free(q), free(x);
}

START_TEST(eigenbases)
{
    srand(3);
    for (int kind = 0; kind < 4; kind++)
        for (size_t n = 1; n < 100; n += n < 6 ? 1 : 31) one_matrix(n, kind);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("quadratic");
    TCase *t = tcase_create("quadratic");
    tcase_add_test(t, sums_of_products);
    tcase_add_test(t, eigenbases);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
