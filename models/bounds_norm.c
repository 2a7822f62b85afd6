/* Bounds of layernorm and rmsnorm: y_i = c_i / sqrt(T / k + eps) with T = a c_i^2 + S_i, where S_i does not depend on c_i: for fixed S_i
 * the quotient rises with c_i. rmsnorm: c = x, a = 1, S_i the others' squares. layernorm: c_i = x_i - mean, a = k / (k - 1), S_i the sum of
 * squared deviations of the other entries from their own mean. */
#include "models/bounds_kernel.h"
#include <string.h>

#define ALL_PAIRS 128   /* up to this width every entry's S_i has a lower bound of its own, for k^2 steps */

/* c_i in lo..hi, S_i in s_lo..s_hi, T at least `least`. An execution's c is off by up to `off`, its quotient by the relative `error`. */
struct norm { double *lo, *hi, *s_lo, *s_hi; size_t k; double a, least, eps, eps_off, off, error; };

static double smallest_square(double lo, double hi)
{
    double c = lo > 0 ? lo : hi < 0 ? -hi : 0;
    return c * c * (1 - 0x1p-50);
}
static double largest_square(double lo, double hi)
{
    double c = larger_size(lo, hi);
    return c * c * (1 + 0x1p-50);
}

/* T / k + eps at least. */
static double under(const struct norm *n, double T) { return T / (double)n->k * (1 - 0x1p-40) + n->eps - n->eps_off; }

/* Upper bound for 0 < c <= top and S >= s. */
static double quotient_above(const struct norm *n, double top, double s)
{
    double below = under(n, fmax(n->least, (n->a * top * top + s) * (1 - 0x1p-40)));
    return below > 0 ? top / sqrt(below) * (1 + 0x1p-40) * (1 + n->error) : INFINITY;
}

/* Lower bound for c >= bottom > 0 and S <= s. */
static double quotient_below(const struct norm *n, double bottom, double s)
{
    double T = (n->a * bottom * bottom + s) * (1 + 0x1p-40);
    return bottom / sqrt(T / (double)n->k * (1 + 0x1p-40) + n->eps + n->eps_off) * (1 - 0x1p-40) * (1 - n->error);
}

static void quotients(const struct norm *n, double *lo, double *hi)
{
    double more = n->off > 0 ? n->off / sqrt(under(n, n->least)) * (1 + 0x1p-40) * (1 + n->error) : 0;
    for (size_t i = 0; i < n->k; i++) {
        double a = n->lo[i], b = n->hi[i];
        hi[i] = b > 0 ? quotient_above(n, b, n->s_lo[i]) : b < 0 ? -quotient_below(n, -b, n->s_hi[i]) : 0;
        lo[i] = a < 0 ? -quotient_above(n, -a, n->s_lo[i]) : a > 0 ? quotient_below(n, a, n->s_hi[i]) : 0;
        if (n->error > 0) lo[i] = step_down(lo[i] - more - 0x1p-140), hi[i] = step_up(hi[i] + more + 0x1p-140);
    }
}

/* Sum of the squared distances from t to the intervals, one of them left out, and half its derivative by t. */
static double distances(double *slope, double t, const double *lo, const double *hi, size_t k, size_t without)
{
    double sum = 0, s = 0;
    for (size_t i = 0; i < k; i++) {
        if (i == without) continue;
        double d = t < lo[i] ? t - lo[i] : t > hi[i] ? t - hi[i] : 0;
        sum += d * d;
        s += d;
    }
    *slope = s;
    return sum;
}

/* Lower bound of the sum of squared deviations from the mean: least over t and the box of sum (x - t)^2, a convex function of t between
 * the smallest and the largest end; what is left of its slope at the t that is found is subtracted. */
static double least_spread(const double *lo, const double *hi, size_t k, size_t without)
{
    double a = lo[0], b = hi[0], slope = 0;
    for (size_t i = 0; i < k; i++) {
        a = fmin(a, lo[i]);
        b = fmax(b, hi[i]);
    }
    double from = a, to = b, t = a / 2 + b / 2;
    for (int step = 0; step < 48; step++) {
        (void)distances(&slope, t, lo, hi, k, without);
        if (slope < 0) from = t;
        else to = t;
        t = from / 2 + to / 2;
    }
    double sum = distances(&slope, t, lo, hi, k, without), n = (double)k;
    double rest = (2 * fabs(slope) + n * n * 0x1p-50 * (b - a)) * (b - a);
    return fmax(sum * (1 - n * 0x1p-50) - rest * (1 + 0x1p-40), 0);
}

/* c_i = x_i - mean, and what an execution's c is off: the roundings of mean and subtraction. False: it could overflow. */
static bool centre(struct norm *n, const struct ends *x, struct rounding f)
{
    double a = 0, b = 0, size = 0, k = (double)n->k, largest = 0;
    for (size_t i = 0; i < n->k; i++) {
        a += x->lo[i];
        b += x->hi[i];
        size += larger_size(x->lo[i], x->hi[i]);
    }
    double slack = (k + 8) * 0x1p-51 * size / k + 0x1p-1000;
    for (size_t i = 0; i < n->k; i++) {
        double own = slack + 0x1p-50 * larger_size(x->lo[i], x->hi[i]);
        n->lo[i] = step_down(x->lo[i] - x->lo[i] / k - (b - x->hi[i]) / k - own);
        n->hi[i] = step_up(x->hi[i] - x->hi[i] / k - (a - x->lo[i]) / k + own);
        largest = fmax(largest, larger_size(n->lo[i], n->hi[i]));
    }
    if (!(f.u > 0)) return true;
    double mean = ((k + 4) * f.u * size / k + 4 * f.eta) * (1 + 0x1p-10);
    n->off = mean + f.u * (largest + mean) * (1 + 0x1p-10);
    return size < 0x1p60;
}

/* Sum of the largest squared distances from t, one entry left out. */
static double most_spread(const struct ends *x, size_t k, size_t without, double t)
{
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        if (i != without) sum += largest_square(step_down(x->lo[i] - t), step_up(x->hi[i] - t));
    return sum * (1 + (double)k * 0x1p-50);
}

/* Squared deviations of the other entries: from the best point at least, from any one at most. An execution's mean adds k off^2. */
static void spreads(struct norm *n, const struct ends *x)
{
    double sum = 0, k = (double)n->k, all;
    for (size_t i = 0; i < n->k; i++) sum += x->lo[i] / 2 + x->hi[i] / 2;
    all = most_spread(x, n->k, n->k, sum / k);
    for (size_t i = 0; i < n->k; i++) {
        double t = n->k > 1 ? (sum - (x->lo[i] / 2 + x->hi[i] / 2)) / (k - 1) : 0;
        bool own = n->k <= ALL_PAIRS;
        n->s_lo[i] = own ? least_spread(x->lo, x->hi, n->k, i) * (1 - n->error) : 0;
        n->s_hi[i] = (own ? most_spread(x, n->k, i, t) : all) + k * n->off * n->off * (1 + 0x1p-40);
    }
}

static void affine(const struct bound_job *j)
{
    for (size_t i = 0; i < j->node->width; i++) {
        if (j->node->n_w == 0) continue;
        double w = j->node->w[0].data[i];
        product_ends(&j->lo[i], &j->hi[i], j->lo[i], j->hi[i], w, w);
        round_ends(&j->lo[i], &j->hi[i], j->f, 1);
        if (j->node->n_w == 1) continue;
        j->lo[i] = step_down(j->lo[i] + j->node->w[1].data[i]);
        j->hi[i] = step_up(j->hi[i] + j->node->w[1].data[i]);
        round_ends(&j->lo[i], &j->hi[i], j->f, 1);
    }
}

/* The ends of the midpoint and radius form, where they are better: it knows more of narrow boxes. */
static void meet_middle(const struct bound_job *j)
{
    size_t k = j->node->width;
    double *lo = j->scratch, *hi = lo + k;
    struct bound_job middle = *j;
    middle.lo = lo;
    middle.hi = hi;
    bound_middle(&middle);
    for (size_t i = 0; i < k; i++) {
        j->lo[i] = fmax(j->lo[i], lo[i]);
        j->hi[i] = fmin(j->hi[i], hi[i]);
    }
}

static bool all_known(const struct ends *x, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (!is_known(x->lo[i], x->hi[i])) return false;
    return true;
}

static void unknown(const struct bound_job *j)
{
    for (size_t i = 0; i < j->node->width; i++) j->lo[i] = -INFINITY, j->hi[i] = INFINITY;
}

/* Sums, division by k, eps, root, quotient and reciprocal: relative (k + 24) u. */
static struct norm norm_of(const struct bound_job *j)
{
    size_t k = j->node->width;
    double *from = j->scratch + 2 * k;
    struct norm n = { .lo = from, .hi = from + k, .s_lo = from + 2 * k, .s_hi = from + 3 * k, .k = k, .a = 1, .eps = j->net->eps };
    if (!(j->f.u > 0)) return n;
    n.eps_off = fabs((double)(float)n.eps - n.eps) * (1 + 0x1p-40) + ((double)k + 4) * 0x1p-147;
    n.error = ((double)k + 24) * j->f.u * (1 + 0x1p-8);
    return n;
}

static void finish(const struct bound_job *j, const struct norm *n, bool fits)
{
    double biggest = 0, below = under(n, n->least);
    for (size_t i = 0; i < n->k; i++) biggest = fmax(biggest, larger_size(n->lo[i], n->hi[i]));
    bool known = fits && below > 0 && biggest < 0x1p300;
    if (j->f.u > 0) known = known && biggest < 0x1p60 && n->k <= 4000 && below > 0x1p-100;
    if (known) {
        quotients(n, j->lo, j->hi);
        affine(j);
    } else {
        unknown(j);
    }
    meet_middle(j);
}

void bound_layernorm(const struct bound_job *j)
{
    struct norm n = norm_of(j);
    if (!all_known(&j->in[0], n.k)) {
        unknown(j);
        return;
    }
    if (n.k > 1) n.a = (double)n.k / ((double)n.k - 1);
    bool fits = centre(&n, &j->in[0], j->f);
    n.least = least_spread(j->in[0].lo, j->in[0].hi, n.k, n.k) * (1 - n.error);
    spreads(&n, &j->in[0]);
    finish(j, &n, fits);
}

void bound_rmsnorm(const struct bound_job *j)
{
    struct norm n = norm_of(j);
    if (!all_known(&j->in[0], n.k)) {
        unknown(j);
        return;
    }
    double small = 0, large = 0, slack = (double)n.k * 0x1p-48;
    for (size_t i = 0; i < n.k; i++) {
        n.lo[i] = j->in[0].lo[i];
        n.hi[i] = j->in[0].hi[i];
        small += smallest_square(n.lo[i], n.hi[i]);
        large += largest_square(n.lo[i], n.hi[i]);
    }
    for (size_t i = 0; i < n.k; i++) {
        n.s_lo[i] = fmax(small - smallest_square(n.lo[i], n.hi[i]) - small * slack, 0);
        n.s_hi[i] = fmax(large - largest_square(n.lo[i], n.hi[i]), 0) + large * slack;
    }
    n.least = small * (1 - slack);
    finish(j, &n, true);
}
