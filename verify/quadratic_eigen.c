/* Eigenvectors of a symmetric matrix, in doubles: Householder's reduction to tridiagonal form, then the QL method with implicit shifts. Nothing here is
 * trusted. Rows are what is added to rows, so that memory is walked in order: eigenvectors are rows until the end. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic.h"

#define STEPS 80           /* of QL for one eigenvalue */

/* Reflector k: v (entries k + 1 .. n - 1) and beta, so that column k of (1 - beta v v') A ends below entry k + 1. Gives that entry. */
static double reflector(double *v, double *beta, const double *A, size_t n, size_t k)
{
    double largest = 0, sum = 0;
    for (size_t i = k + 1; i < n; i++) largest = fmax(largest, fabs(A[i * n + k]));
    memset(v, 0, n * sizeof *v);
    *beta = 0;
    if (!(largest > 0) || !isfinite(largest)) return 0;
    for (size_t i = k + 1; i < n; i++) v[i] = A[i * n + k] / largest, sum += v[i] * v[i];
    double length = v[k + 1] > 0 ? -sqrt(sum) : sqrt(sum);
    v[k + 1] -= length;
    *beta = 1 / (sum - length * (v[k + 1] + length));       /* 2 / v'v */
    return length * largest;
}

/* A := H A H on rows and columns from k + 1 on */
static void reflect(double *A, const double *v, double beta, double *w, size_t n, size_t k)
{
    double half = 0;
    for (size_t i = k + 1; i < n; i++) {
        double sum = 0;
        for (size_t j = k + 1; j < n; j++) sum += A[i * n + j] * v[j];
        w[i] = beta * sum;
        half += w[i] * v[i];
    }
    half *= beta / 2;
    for (size_t i = k + 1; i < n; i++) w[i] -= half * v[i];
    for (size_t i = k + 1; i < n; i++)
        for (size_t j = k + 1; j < n; j++) A[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

/* A becomes tridiagonal (d, e); the rows of Z the basis in which it is. R: room for n reflectors. */
static void tridiagonal(double *d, double *e, double *Z, double *R, double *A, size_t n)
{
    double *w = d;                     /* free until the end */
    for (size_t k = 0; k + 2 < n; k++) {
        double beta;
        e[k] = reflector(R + k * n, &beta, A, n, k);
        R[k * n] = beta;               /* entry 0 of v is not used */
        if (beta > 0) reflect(A, R + k * n, beta, w, n, k);
    }
    if (n > 1) e[n - 2] = A[(n - 1) * n + n - 2];
    for (size_t i = 0; i < n; i++) d[i] = A[i * n + i];
    memset(Z, 0, n * n * sizeof *Z);
    for (size_t i = 0; i < n; i++) Z[i * n + i] = 1;
    for (size_t k = n - 1; k-- > 0;) {             /* Z := Z H, rows from k + 1 on, where the rest is still 1 */
        double *v = R + k * n, beta = k + 2 < n ? v[0] : 0;
        for (size_t i = k + 1; beta > 0 && i < n; i++) {
            double sum = 0;
            for (size_t j = k + 1; j < n; j++) sum += Z[i * n + j] * v[j];
            for (size_t j = k + 1; j < n; j++) Z[i * n + j] -= beta * sum * v[j];
        }
    }
}

static void turn(double *x, double *y, double c, double s, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double f = y[k];
        y[k] = s * x[k] + c * f;
        x[k] = c * x[k] - s * f;
    }
}

/* One sweep of QL with a shift from l to m. */
static void sweep(double *d, double *e, double *Z, size_t n, size_t l, size_t m)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), c = 1, s = 1, p = 0;
    g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        turn(Z + i * n, Z + (i + 1) * n, c, s, n);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

static void ql(double *d, double *e, double *Z, size_t n)
{
    for (size_t l = 0; l < n; l++)
        for (int step = 0; step < STEPS; step++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > 0x1p-53 * (fabs(d[m]) + fabs(d[m + 1]))) m++;
            if (m == l) break;
            sweep(d, e, Z, n, l, m);
        }
}

bool symmetric_eigen(double *q, double *V, double *A, size_t n)
{
    double *Z = mem_array(n * n, sizeof *Z), *R = mem_array(n * n, sizeof *R), *e = mem_array(n + 1, sizeof *e);
    bool good = Z && R && e;
    if (good) {
        tridiagonal(q, e, Z, R, A, n);
        e[n - 1] = 0;
        ql(q, e, Z, n);
        for (size_t i = 0; i < n; i++) {           /* smallest first */
            size_t least = i;
            for (size_t k = i + 1; k < n; k++) least = q[k] < q[least] ? k : least;
            double x = q[i];
            q[i] = q[least], q[least] = x;
            for (size_t k = 0; k < n && least != i; k++) x = Z[i * n + k], Z[i * n + k] = Z[least * n + k], Z[least * n + k] = x;
        }
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++) V[i * n + k] = Z[k * n + i];
    }
    free(Z), free(R), free(e);
    return good;
}
