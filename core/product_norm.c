/* Upper bounds of Euclidean norms, of rows and of matrices; see product.h. */
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "core/product.h"
#include "core/vector.h"

#define U 0x1p-53
#define NEAR_ROWS 128      /* up to here a matrix's norm is worth a few cubes of its rows */
#define SQUARINGS 3

WIDE double row_dot(const double *x, const double *y, size_t k)
{
    vec a = { 0 }, b = { 0 };
    double sum = 0;
    size_t i = 0;
    for (; i + 8 <= k; i += 8) {
        a += LOAD(x + i) * LOAD(y + i);
        b += LOAD(x + i + 4) * LOAD(y + i + 4);
    }
    for (; i < k; i++) sum += x[i] * y[i];
    a += b;
    return sum + ((a[0] + a[1]) + (a[2] + a[3]));
}

/* Entries below 2^-537 have squares that vanish; sums of fewer than 2^22 squares err by less than 2^-30 of themselves. */
double row_norm(const double *x, size_t k)
{
    double sum = row_dot(x, x, k);
    return k < (size_t)1 << 22 && sum - sum == 0 ? sqrt(sum) * (1 + 0x1p-30) + (double)k * 0x1p-530 : (double)INFINITY;
}

/* The root of the largest sum of a row times that of a column. */
static double by_sums(const double *W, size_t k, size_t m)
{
    double rows = 0, columns = 0;
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = 0; j < m; j++) sum += fabs(W[i * m + j]);
        rows = sum <= rows ? rows : sum;
    }
    for (size_t j = 0; j < m; j++) {
        double sum = 0;
        for (size_t i = 0; i < k; i++) sum += fabs(W[i * m + j]);
        columns = sum <= columns ? columns : sum;
    }
    return sqrt(rows * columns) * (1 + 0x1p-30) + 0x1p-500;
}

/* out = A A^T for A [n][k], both triangles the same numbers. */
static void gram(double *out, const double *A, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) out[i * n + j] = out[j * n + i] = row_dot(A + i * k, A + j * k, k);
}

/* What a computed A A^T is off, in Euclidean norm: at most k u |row i| |row j| an entry. */
static double gram_error(const double *A, size_t n, size_t k)
{
    double size = row_norm(A, n * k);
    return (double)(k + 2) * U * size * size * (1 + 0x1p-20) + 0x1p-500;
}

/* |G|^2 = |G G| <= |computed G G| + its error, for symmetric G [n][n]; in the end a norm is at most the largest sum of a row. */
static double symmetric_norm(double *G, double *spare, size_t n, int squarings)
{
    if (squarings == 0) return by_sums(G, n, n);
    double error = gram_error(G, n, n);
    gram(spare, G, n, n);
    return sqrt(symmetric_norm(spare, G, n, squarings - 1) + error) * (1 + 0x1p-40);
}

double product_norm(const double *W, size_t k, size_t m)
{
    size_t n = k < m ? k : m, wide = k < m ? m : k;
    double size = row_norm(W, k * m), sums = by_sums(W, k, m), best = size <= sums ? size : sums;
    if (!(size < INFINITY)) return (double)INFINITY;
    if (!(best < 0x1p60) || !(best > 0x1p-60) || n > NEAR_ROWS) return best;
    double *A = mem_array(k * m, sizeof *A), *G = mem_array(2 * n * n, sizeof *G);
    if (A && G) {
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < m; j++) A[k < m ? i * m + j : j * k + i] = W[i * m + j];
        gram(G, A, n, wide);
        double norm = sqrt(symmetric_norm(G, G + n * n, n, SQUARINGS) + gram_error(A, n, wide)) * (1 + 0x1p-40);
        best = norm <= best ? norm : best;
    }
    free(A);
    free(G);
    return best;
}
