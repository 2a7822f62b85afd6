/* Several rows times a matrix: each way within the bound of a plain sum; norms of matrices from both sides. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/product.h"

static unsigned long long state = 88172645463325252ULL;
static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return 2 * ((double)(state >> 11) * 0x1p-53) - 1;
}
static size_t below(size_t n) { return (size_t)((uniform() + 1) / 2 * (double)n); }

enum { MOST = 140, LANES = 13, WAYS = 3 };
static double W[MOST * MOST], x[LANES][MOST], y[WAYS][LANES * MOST], start[MOST];

static void fill(double *to, size_t n, double scale)
{
    for (size_t i = 0; i < n; i++) to[i] = below(9) ? uniform() * scale : 0;
}

START_TEST(products)
{
    for (int round = 0; round < 200; round++) {
        struct product_matrix p;
        size_t k = 1 + below(round % 4 ? 40 : MOST - 1), m = 1 + below(round % 3 ? 30 : MOST - 1), n = 1 + below(LANES), stride = m + below(3);
        const double *rows[LANES];
        fill(W, k * m, 3);
        fill(start, m, 5);
        for (size_t l = 0; l < n; l++) {
            fill(x[l], k, 2);
            rows[l] = x[l];
            for (size_t j = 0; j < stride; j++) y[0][l * stride + j] = y[1][l * stride + j] = y[2][l * stride + j] = j < m ? start[j] : 7;
        }
        ck_assert(product_matrix_set(&p, W, k, m));
        product_add(y[0], stride, rows, n, &p);
        product_add_plain(y[1], stride, rows, n, &p);
        product_add_fused(y[2], stride, rows, n, &p);
        for (size_t l = 0; l < n; l++)
            for (size_t j = 0; j < stride; j++) {
                long double sum = j < m ? (long double)start[j] : 7, size = fabsl(sum);
                for (size_t i = 0; j < m && i < k; i++) {
                    sum += (long double)x[l][i] * W[i * m + j];
                    size += fabsl((long double)x[l][i] * W[i * m + j]);
                }
                double bound = j < m ? (double)size * (double)(PRODUCT_BLOCK + product_steps(k)) * 0x1p-53 : 0;
                for (int way = 0; way < WAYS; way++) ck_assert(fabsl(sum - (long double)y[way][l * stride + j]) <= (long double)bound + 0x1p-60L * size);
            }
        product_matrix_clear(&p);
    }
}
END_TEST

/* By power iteration from below; the bound is at most a little above, where the matrix is small enough. */
START_TEST(norms)
{
    for (int round = 0; round < 60; round++) {
        size_t k = 1 + below(MOST - 1), m = 1 + below(MOST - 1), least = k < m ? k : m;
        double scale = round % 5 ? 1 : ldexp(1, (int)below(60) - 30), v[MOST], w[MOST], reached = 0;
        fill(W, k * m, scale);
        if (round % 7 == 0)      /* of rank one */
            for (size_t i = 0; i < k; i++)
                for (size_t j = 0; j < m; j++) W[i * m + j] = scale * ((double)i + 1) * ((double)j - 3) / (MOST * MOST);
        fill(v, k, 1);
        v[0] += 2;
        for (int step = 0; step < 60; step++) {
            double size = row_norm(v, k);
            for (size_t j = 0; j < m; j++) {
                w[j] = 0;
                for (size_t i = 0; i < k; i++) w[j] += v[i] / size * W[i * m + j];
            }
            reached = row_norm(w, m) * (1 - 0x1p-28);
            for (size_t i = 0; i < k; i++) v[i] = row_dot(W + i * m, w, m);
        }
        double bound = product_norm(W, k, m);
        ck_assert_msg(bound >= reached * (1 - 1e-9), "%zu x %zu: %g below %g", k, m, bound, reached);
        ck_assert_msg(least > 128 || bound <= 1.3 * reached, "%zu x %zu: %g far above %g", k, m, bound, reached);
    }
    W[0] = NAN;
    ck_assert(!(product_norm(W, 3, 4) < INFINITY));
    W[0] = 1e200;
    ck_assert(product_norm(W, 3, 4) >= 1e200);   /* infinite: its square is */
    ck_assert(!(row_norm((double[]){ 1, NAN, 2 }, 3) < INFINITY) && !(row_norm((double[]){ 1, INFINITY }, 2) < INFINITY));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("product");
    SRunner *runner = srunner_create(s);
    TCase *core = tcase_create("Core");
    tcase_add_test(core, products);
    tcase_add_test(core, norms);
    suite_add_tcase(s, core);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
