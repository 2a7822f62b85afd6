/* The smallest value of a quadratic function on a ball, in doubles. Nothing here is trusted: what is found is tested exactly. */
#include <math.h>
#include <string.h>
#include "verify/quadratic.h"

#define STEPS 200

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
