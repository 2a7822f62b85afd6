/* Eigenvalues of a symmetric matrix and its eigenbasis, in doubles: Householder's reduction to tridiagonal form, then the QL method with implicit shifts.
 * Nothing here is trusted. The basis is kept as what it is a product of, reflectors and turns of two entries: a vector passes through it in O(n^2) steps, as
 * through a matrix, which in itself costs more than all the rest. Where the matrix is wanted its rows are turned block by block of columns. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic.h"

#define STEPS 80           /* of QL for one eigenvalue */
#define BLOCK 32           /* columns that are turned together */

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

static double dot(const double *restrict a, const double *restrict b, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) s0 += a[i] * b[i], s1 += a[i + 1] * b[i + 1], s2 += a[i + 2] * b[i + 2], s3 += a[i + 3] * b[i + 3];
    for (; i < n; i++) s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

static void add_multiple(double *restrict x, const double *restrict y, double c, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] += c * y[i];
}

/* A := H A H on rows and columns from k + 1 on */
static void reflect(double *A, const double *v, double beta, double *w, size_t n, size_t k)
{
    size_t at = k + 1, rest = n - at;
    for (size_t i = at; i < n; i++) w[i] = beta * dot(A + i * n + at, v + at, rest);
    add_multiple(w + at, v + at, -beta / 2 * dot(w + at, v + at, rest), rest);
    for (size_t i = at; i < n; i++) {
        add_multiple(A + i * n + at, w + at, -v[i], rest);
        add_multiple(A + i * n + at, v + at, -w[i], rest);
    }
}

/* A becomes tridiagonal (e->q, off), in the basis of the reflectors. */
static void tridiagonal(struct eigen *e, double *off, double *A)
{
    size_t n = e->n;
    double *w = e->q;                  /* free until the end */
    for (size_t k = 0; k + 2 < n; k++) {
        double beta, *v = e->R + k * n;
        off[k] = reflector(v, &beta, A, n, k);
        v[0] = beta;                   /* entry 0 of v is not used */
        if (beta > 0) reflect(A, v, beta, w, n, k);
    }
    if (n > 1) off[n - 2] = A[(n - 1) * n + n - 2];
    for (size_t i = 0; i < n; i++) e->q[i] = A[i * n + i];
    off[n - 1] = 0;
}

/* One sweep of QL with a shift from l to m; its turns of entries i and i + 1, from i = m - 1 down, are kept. */
static bool sweep(struct eigen *x, double *e, size_t l, size_t m)
{
    double *d = x->q, g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), c = 1, s = 1, p = 0;
    double *turns = mem_grow(x->turns, &x->room_turns, 2 * (x->n_turns + m - l), sizeof *turns);
    if (turns) x->turns = turns;
    struct sweep *sweeps = mem_grow(x->sweeps, &x->room_sweeps, x->n_sweeps + 1, sizeof *sweeps);
    if (sweeps) x->sweeps = sweeps;
    if (!turns || !sweeps) return false;
    struct sweep *here = &sweeps[x->n_sweeps++];
    *here = (struct sweep){m, 0};
    g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i];
        r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[m] = 0;
            return true;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        turns[2 * x->n_turns] = c, turns[2 * x->n_turns + 1] = s;
        x->n_turns++, here->count++;
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
    return true;
}

static bool ql(struct eigen *x, double *e)
{
    const double *d = x->q;
    for (size_t l = 0; l < x->n; l++)
        for (int step = 0; step < STEPS; step++) {
            size_t m = l;
            while (m + 1 < x->n && fabs(e[m]) > 0x1p-53 * (fabs(d[m]) + fabs(d[m + 1]))) m++;
            if (m == l) break;
            if (!sweep(x, e, l, m)) return false;
        }
    return true;
}

/* The smallest first */
static void sort(struct eigen *e)
{
    for (size_t i = 0; i < e->n; i++) e->order[i] = i;
    for (size_t i = 0; i < e->n; i++) {
        size_t least = i, t = e->order[i];
        for (size_t k = i + 1; k < e->n; k++) least = e->q[k] < e->q[least] ? k : least;
        double x = e->q[i];
        e->q[i] = e->q[least], e->q[least] = x;
        e->order[i] = e->order[least], e->order[least] = t;
    }
}

bool eigen_make(struct eigen *out, double *A, size_t n)
{
    *out = (struct eigen){.n = n, .q = mem_array(n, sizeof *out->q), .R = mem_array(n * n, sizeof *out->R), .order = mem_array(n, sizeof *out->order)};
    double *off = mem_array(n + 1, sizeof *off);
    bool good = out->q && out->R && out->order && off;
    if (good) {
        tridiagonal(out, off, A);
        good = ql(out, off);
        sort(out);
    }
    free(off);
    if (!good) eigen_clear(out);
    return good;
}

void eigen_clear(struct eigen *e)
{
    free(e->q), free(e->R), free(e->turns), free(e->sweeps), free(e->order);
    *e = (struct eigen){0};
}

/* x := H_k x */
static void reflect_vector(const struct eigen *e, double *x, size_t k)
{
    const double *v = e->R + k * e->n, beta = v[0];
    if (beta > 0) add_multiple(x + k + 1, v + k + 1, -beta * dot(v + k + 1, x + k + 1, e->n - k - 1), e->n - k - 1);
}

void eigen_into(double *y, const struct eigen *e, double *x)
{
    const double *t = e->turns;
    for (size_t k = 0; k + 2 < e->n; k++) reflect_vector(e, x, k);
    for (size_t j = 0; j < e->n_sweeps; j++)
        for (size_t k = 1; k <= e->sweeps[j].count; k++, t += 2) {
            double *a = x + e->sweeps[j].from - k, f = a[1];
            a[1] = t[1] * a[0] + t[0] * f;
            a[0] = t[0] * a[0] - t[1] * f;
        }
    for (size_t i = 0; i < e->n; i++) y[i] = x[e->order[i]];
}

void eigen_back(double *x, const struct eigen *e, const double *y)
{
    const double *t = e->turns + 2 * e->n_turns;
    for (size_t i = 0; i < e->n; i++) x[e->order[i]] = y[i];
    for (size_t j = e->n_sweeps; j-- > 0;)
        for (size_t k = e->sweeps[j].count; k > 0; k--) {
            double *a = x + e->sweeps[j].from - k, f = a[1];
            t -= 2;
            a[1] = t[0] * f - t[1] * a[0];
            a[0] = t[0] * a[0] + t[1] * f;
        }
    for (size_t k = e->n; k-- > 0;)
        if (k + 2 < e->n) reflect_vector(e, x, k);
}

/* ---- as a matrix ---- */

static void turn(double *restrict x, double *restrict y, double c, double s, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double f = y[k];
        y[k] = s * x[k] + c * f;
        x[k] = c * x[k] - s * f;
    }
}

/* The rows of Z: the basis in which the matrix is tridiagonal. */
static void reflected_rows(double *Z, const struct eigen *e)
{
    size_t n = e->n;
    memset(Z, 0, n * n * sizeof *Z);
    for (size_t i = 0; i < n; i++) Z[i * n + i] = 1;
    for (size_t k = n; k-- > 0;)                   /* Z := Z H, rows from k + 1 on, where the rest is still 1 */
        for (size_t i = k + 1; k + 2 < n && i < n; i++) reflect_vector(e, Z + i * n, k);
}

bool symmetric_eigen(double *q, double *V, double *A, size_t n)
{
    struct eigen e;
    double *Z = mem_array(n * n, sizeof *Z);
    bool good = Z && eigen_make(&e, A, n);
    if (good) {
        reflected_rows(Z, &e);
        for (size_t at = 0; at < n; at += BLOCK) {
            const double *t = e.turns;
            for (size_t j = 0; j < e.n_sweeps; j++)
                for (size_t k = 1; k <= e.sweeps[j].count; k++, t += 2) {
                    double *row = Z + (e.sweeps[j].from - k) * n + at;
                    turn(row, row + n, t[0], t[1], n - at < BLOCK ? n - at : BLOCK);
                }
        }
        memcpy(q, e.q, n * sizeof *q);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++) V[i * n + k] = Z[e.order[k] * n + i];
        eigen_clear(&e);
    }
    free(Z);
    return good;
}
