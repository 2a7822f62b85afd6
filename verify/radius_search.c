/* Distances in doubles. Nothing here is trusted: points are tested exactly, multipliers by the checker. */
#include <math.h>
#include "core/mem.h"
#include "verify/quadratic.h"
#include "verify/radius.h"

#define STEPS 120
#define TOUCHES 1e-11      /* a smallest value as near to 0 is taken for one */
#define UNCLEAR 1e-11      /* relative to the terms: below it doubles decide nothing */

static double at_lambda(double *y, const struct spectral *f, double lambda)
{
    double sum = f->c;
    for (size_t i = 0; i < f->n; i++) {
        double d = f->q[i] + lambda;
        y[i] = f->gamma[i] == 0 ? 0 : -f->gamma[i] / (2 * d);
        sum += (f->gamma[i] + f->q[i] * y[i]) * y[i];
    }
    return sum;
}

static double length(const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += y[i] * y[i];
    return sqrt(sum);
}

/* The hard case: the best point is completed along the first eigenvector, on which the gradient says nothing. */
static double hard_case(double *y, const struct spectral *f, double floor_at)
{
    double rest = f->c;
    for (size_t i = 0; i < f->n; i++) {
        double d = f->q[i] + floor_at;
        y[i] = i == 0 || f->gamma[i] == 0 || !(d > 0) ? 0 : -f->gamma[i] / (2 * d);
        rest += (f->gamma[i] + f->q[i] * y[i]) * y[i];
    }
    double g = f->gamma[0], a = -f->q[0];     /* rest + g t - a t^2 = 0 */
    double t = (fabs(g) + sqrt(g * g + 4 * a * fmax(rest, 0))) / (2 * a);
    y[0] = g > 0 ? -t : t;
    return length(y, f->n);
}

/* y(lambda) = -gamma / (2 (q + lambda)) is the minimiser on a sphere; the form there falls as lambda falls to max(0, -q_0). */
double nearest_zero(double *y, const struct spectral *f)
{
    double size = 0, g = 0, floor_at = f->q[0] < 0 ? -f->q[0] : 0;
    for (size_t i = 0; i < f->n; i++) size = fmax(size, fabs(f->q[i])), g = fmax(g, fabs(f->gamma[i]));
    if (!(size > 0 || g > 0) || !isfinite(size + g + f->c)) return INFINITY;
    double hi = size + g, lo;
    for (int k = 0; k < 1000 && !(at_lambda(y, f, floor_at + hi) > 0); k++) hi *= 4;
    lo = hi;
    for (int k = 0; k < 1000 && lo > 0 && at_lambda(y, f, floor_at + lo) > 0; k++) lo /= 16;
    double bottom = floor_at == 0 ? at_lambda(y, f, 0) : 1;
    bool zero = bottom <= 0;
    if (!(at_lambda(y, f, floor_at + lo) <= 0) && floor_at == 0 && fabs(bottom) < TOUCHES * f->c) return (at_lambda(y, f, 0), length(y, f->n));
    if (!(at_lambda(y, f, floor_at + lo) <= 0) && !zero) return floor_at > 0 ? hard_case(y, f, floor_at) : INFINITY;
    if (!(at_lambda(y, f, floor_at + lo) <= 0)) lo = 0;
    for (int k = 0; k < STEPS; k++) {
        double mid = lo > 0 && hi > 4 * lo ? sqrt(lo) * sqrt(hi) : (lo + hi) / 2;
        if (at_lambda(y, f, floor_at + mid) > 0) hi = mid;
        else lo = mid;
    }
    double r = (at_lambda(y, f, floor_at + lo), length(y, f->n));
    return isfinite(r) ? r : INFINITY;
}

/* Positive on the whole space, as it seems: the multiplier is as small as the radius is large. */
static double everywhere(const struct spectral *f, double radius, double *room)
{
    double lambda = f->c / 8 / radius / radius, sum = f->c - f->c / 8;
    for (size_t i = 0; i < f->n; i++) {
        if (f->gamma[i] == 0) continue;
        sum -= f->gamma[i] * f->gamma[i] / (4 * (fmax(f->q[i], 0) + lambda));
    }
    *room = 0;
    return f->q[0] + lambda > 0 && sum > f->c / 16 ? exp2(floor(log2(lambda))) : -1;
}

double ball_lambda(const struct spectral *f, double radius, double *room, bool *clear)
{
    double *y = mem_array(f->n, sizeof *y), size = f->c, lambda = -1;
    *clear = false;
    if (!y) return -1;
    struct region m = region_minimum(y, f->q, f->gamma, f->c, radius, f->n);
    for (size_t i = 0; i < f->n; i++) size += fabs(f->gamma[i] * y[i]) + fabs(f->q[i]) * y[i] * y[i];
    *room = m.value / (2 * radius * radius);
    if (m.value > 0 && isfinite(m.lambda)) {
        *clear = m.value > UNCLEAR * size;
        lambda = m.lambda;
    }
    free(y);
    if (!*clear) {
        double r, other = everywhere(f, radius, &r);
        if (other > 0) {
            *room = r;
            *clear = true;
            return other;
        }
    }
    return lambda;
}
