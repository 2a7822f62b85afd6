/* The smallest value of a quadratic function on a ball, in doubles. Nothing here is trusted: what is found is tested exactly. */
#include <math.h>
#include <string.h>
#include "verify/quadratic.h"

#define SWEEPS 30
#define STEPS 200

static void rotate(double *A, double *V, size_t n, size_t p, size_t r)
{
    double theta = (A[r * n + r] - A[p * n + p]) / (2 * A[p * n + r]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t k = 0; k < n; k++) {
        double x = A[p * n + k], y = A[r * n + k];
        A[p * n + k] = c * x - s * y;
        A[r * n + k] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        double x = A[k * n + p], y = A[k * n + r];
        A[k * n + p] = c * x - s * y;
        A[k * n + r] = s * x + c * y;
        x = V[k * n + p], y = V[k * n + r];
        V[k * n + p] = c * x - s * y;
        V[k * n + r] = s * x + c * y;
    }
}

void symmetric_eigen(double *q, double *V, double *A, size_t n)
{
    double all = 0;
    memset(V, 0, n * n * sizeof *V);
    for (size_t i = 0; i < n; i++) V[i * n + i] = 1;
    for (size_t i = 0; i < n * n; i++) all += A[i] * A[i];
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0;
        for (size_t p = 0; p < n; p++)
            for (size_t r = p + 1; r < n; r++) off += A[p * n + r] * A[p * n + r];
        if (!(off > 1e-31 * all)) break;
        for (size_t p = 0; p < n; p++)
            for (size_t r = p + 1; r < n; r++)
                if (fabs(A[p * n + r]) > 1e-300) rotate(A, V, n, p, r);
    }
    for (size_t i = 0; i < n; i++) q[i] = A[i * n + i];
    for (size_t i = 0; i < n; i++) {           /* smallest first */
        size_t least = i;
        for (size_t k = i + 1; k < n; k++) least = q[k] < q[least] ? k : least;
        double x = q[i];
        q[i] = q[least], q[least] = x;
        for (size_t k = 0; k < n; k++) x = V[k * n + i], V[k * n + i] = V[k * n + least], V[k * n + least] = x;
    }
}

/* |y(lambda)|^2 with y_i = -gamma_i / (2 (q_i + lambda)) */
static double length2(const double *q, const double *gamma, double lambda, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double y = gamma[i] == 0 ? 0 : gamma[i] / (2 * (q[i] + lambda));
        sum += y * y;
    }
    return sum;
}

static double dual(const double *q, const double *gamma, double c, double r, double lambda, size_t n)
{
    double sum = c - lambda * r * r;
    for (size_t i = 0; i < n; i++) sum -= gamma[i] == 0 ? 0 : gamma[i] * gamma[i] / (4 * (q[i] + lambda));
    return sum;
}

/* The dual is concave for lambda > floor = max(0, -q_0); its optimum is where |y(lambda)| = r, or at the floor: inside the ball, or, in the hard case,
 * anywhere on the sphere along the first eigenvector. */
struct region region_minimum(double *y, const double *q, const double *gamma, double c, double r, size_t n)
{
    double size = 0, g = 0, floor_at = q[0] < 0 ? -q[0] : 0;
    for (size_t i = 0; i < n; i++) size = fmax(size, fabs(q[i])), g += gamma[i] * gamma[i];
    double lo = 1e-14 * size, hi = sqrt(g) / (2 * r) + lo, lambda = floor_at + hi;
    bool inside = q[0] > 0 && length2(q, gamma, 0, n) <= r * r;
    if (inside) lambda = 0;
    else if (g == 0) lambda = floor_at + lo;
    for (int k = 0; !inside && g > 0 && k < STEPS; k++) {
        double mid = k < STEPS / 2 && hi > 4 * lo && lo > 0 ? sqrt(lo * hi) : (lo + hi) / 2;
        if (length2(q, gamma, floor_at + mid, n) > r * r) lo = mid;
        else hi = mid, lambda = floor_at + mid;
    }
    double length = 0;
    for (size_t i = 0; i < n; i++) {
        double d = q[i] + lambda;
        y[i] = gamma[i] == 0 || !(d > 0) ? 0 : -gamma[i] / (2 * d);
        length += y[i] * y[i];
    }
    if (!inside && floor_at > 0 && length < r * r) {
        double others = length - y[0] * y[0], along = sqrt(fmax(0, r * r - others));
        y[0] = gamma[0] > 0 ? -along : along;
    }
    return (struct region){inside || lambda > floor_at || g == 0 ? dual(q, gamma, c, r, lambda, n) : -INFINITY, lambda};
}
