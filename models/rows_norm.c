/* layernorm and rmsnorm in doubles. */
#include "models/rows_kernel.h"

/* Sums of a row in any order: of x, of its size, of its radii. */
WIDE static void row_sums(double *sum, double *size, double *spread, const double *x, const double *rx, size_t k)
{
    double a = 0, b = 0, c = 0;
#pragma omp simd reduction(+ : a, b, c)
    for (size_t i = 0; i < k; i++) {
        a += x[i];
        b += fabs(x[i]);
        c += rx[i];
    }
    *sum = a;
    *size = b;
    *spread = c;
}

/* c = x - mean and the radius that is each entry's own. u: unit roundoff of an execution's subtraction, or 0. */
WIDE static void subtract(double *restrict c, double *restrict own, const double *restrict x, const double *restrict rx, double mean,
                          double common, double u, size_t k)
{
#pragma omp simd
    for (size_t i = 0; i < k; i++) {
        double d = x[i] - mean, size = fabs(d), r = rx[i] * (1 + 0x1p-40) + 2 * U * size;
        c[i] = d;
        own[i] = (r + u * (size + r + common)) * (1 + 0x1p-40) + LOW + (d - d);
    }
}

/* Centres the row: c'_i = c_i + a_i + delta with |a_i| <= own_i and |delta| <= *common, the same delta for all entries (the error of
 * the mean), which the variance hardly feels. */
static void centre(double *c, double *own, double *common, struct row_view x, const struct row_job *j)
{
    size_t k = j->node->width;
    double mean, size, spread, n = (double)k;
    row_sums(&mean, &size, &spread, x.mid, x.rad, k);
    mean /= n;
    size = (size + spread) * (1 + n * 0x1p-50);
    double off = (spread + n * (U + (k > 1 ? j->f.u : 0)) * size) / n * (1 + 0x1p-40);
    off += 2 * U * fabs(mean) + steps32(j->f, fabs(mean) * (1 + 4 * U) + off, 1);
    if (j->f.u > 0 && !(size < 0x1p125)) off = INFINITY;
    *common = settle(off * (1 + n * 0x1p-50), mean);
    subtract(c, own, x.mid, x.rad, mean, *common, j->f.u, k);
}

/* Sums of the centred row: q of squares, (2 |c| own + own^2), c, |c|, own. */
WIDE static void centred_sums(double s[5], const double *c, const double *own, size_t k)
{
    double q = 0, r = 0, sum = 0, size = 0, owns = 0;
#pragma omp simd reduction(+ : q, r, sum, size, owns)
    for (size_t i = 0; i < k; i++) {
        q += c[i] * c[i];
        r += (2 * fabs(c[i]) + own[i]) * own[i];
        sum += c[i];
        size += fabs(c[i]);
        owns += own[i];
    }
    s[0] = q;
    s[1] = r;
    s[2] = sum;
    s[3] = size;
    s[4] = owns;
}

/* Radius of the sum of squares q: sum (2 |c| own + own^2) + 2 |delta| (|sum c| + sum own) + k delta^2, and the roundings. */
static double squares(double *radius, const double *c, const double *own, double common, const struct row_job *j)
{
    size_t k = j->node->width;
    double n = (double)k, s[5];
    centred_sums(s, c, own, k);
    double q = s[0], r = s[1] + 2 * common * (fabs(s[2]) + n * U * s[3] + s[4]) + n * common * common;
    r = r * (1 + n * 0x1p-50) + (n + 4) * U * q + n * LOW;
    double all = (q + r) * (1 + n * 0x1p-50);
    if (j->f.u > 0) r += rounding_factor(k, j->f.u) * all + 2 * n * j->f.eta;
    *radius = j->f.u > 0 && !(all < 0x1p126) ? INFINITY : r;
    return q;
}

/* sigma = sqrt(sum c^2 / k + eps) with its radius and a lower bound of every possible value (0: none). */
static double deviation(double *radius, double *least, const double *c, const double *own, double common, const struct row_job *j)
{
    double rq, q = squares(&rq, c, own, common, j), n = (double)j->node->width, eps = j->net->eps;
    double t = q / n, rt = rq / n + 2 * U * t;
    rt += steps32(j->f, t + rt, 1);
    t += eps;
    rt += 2 * U * t;
    if (j->f.u == FLOAT32_U) rt += fabs((double)(float)eps - eps);
    rt += steps32(j->f, t + rt, 1);
    rt = settle(rt, t);
    double low = t - rt, sigma = sqrt(t), below = sqrt(low > 0 ? low : 0) * (1 - 4 * U);
    *radius = settle(rt / (sigma + below) + 2 * U * sigma, sigma);
    double more = steps32(j->f, sigma + *radius, 1);
    *radius += more;
    *least = low > 0 ? (below - more) * (1 - 0x1p-40) : 0;
    if (j->f.u > 0 && *least < 0x1p-60) *least = 0;
    return sigma;
}

/* y = c / sigma. An entry's own error also moves sigma, the other way: together they count |1 - f y^2 / k| with
 * f = 2 sigma / (sigma + sigma') in [f_lo, f_hi]; what the others do to sigma counts |y|. */
WIDE static void normalise(double *restrict y, double *restrict ry, const double *restrict c, const double *restrict own, double common,
                           double sigma, double rs, double least, size_t k)
{
    double n = (double)k, f_lo = 2 * sigma / (2 * sigma + rs) * (1 - 8 * U) / n, f_hi = 2 * sigma / (sigma + least) * (1 + 8 * U) / n;
    double share = 1 / (n * sigma) * (1 - 32 * U), up = 1 / least * (1 + 0x1p-30), slack = 4 * U * rs;
#pragma omp simd
    for (size_t i = 0; i < k; i++) {
        double z = c[i] / sigma, size = fabs(z), square = z * z;
        double a = fabs(1 - f_lo * square), b = fabs(1 - f_hi * square), self = (a > b ? a : b) + 64 * U;
        double others = rs - fabs(c[i]) * own[i] * share;
        others = (others > 0 ? others : 0) + slack;
        y[i] = z;
        ry[i] = ((own[i] * self + common + size * others) * up + 2 * U * size) * (1 + 0x1p-40) + LOW;
    }
}

/* The same where sigma is that of another row: |c' / sigma' - c / sigma| <= (|c' - c| + |c / sigma| |sigma' - sigma|) / sigma'. */
WIDE static void normalise_by(double *restrict y, double *restrict ry, const double *restrict c, const double *restrict own, double common, double sigma, double rs, double least, size_t k)
{
    double up = 1 / least * (1 + 0x1p-30);
#pragma omp simd
    for (size_t i = 0; i < k; i++) {
        double z = c[i] / sigma, size = fabs(z);
        y[i] = z;
        ry[i] = ((own[i] + common + size * rs) * up + 2 * U * size) * (1 + 0x1p-40) + LOW;
    }
}

/* Roundings of an execution's quotient, and the product with w and the sum with b. */
static void finish_layernorm(const struct row_job *j)
{
    double *y = j->mid, *ry = j->rad;
    for (size_t i = 0; i < j->node->width; i++) {
        ry[i] += steps32(j->f, fabs(y[i]) + ry[i], 2);
        if (!j->node->n_w) continue;
        double w = j->node->w[0].data[i], b = j->node->w[1].data[i];
        ry[i] = ry[i] * fabs(w) * (1 + 0x1p-40);
        y[i] *= w;
        ry[i] += 2 * U * fabs(y[i]) + LOW;
        ry[i] += steps32(j->f, fabs(y[i]) + ry[i], 1);
        y[i] += b;
        ry[i] += 2 * U * fabs(y[i]) + steps32(j->f, fabs(y[i]) + ry[i], 1);
    }
}

void row_layernorm(const struct row_job *j)
{
    size_t k = j->node->width;
    double *c = j->scratch, *own = j->scratch + k, rs, least, common;
    bool frozen = j->node->n_inputs == 2;   /* sigma is that of the second row (verify/edit.h) */
    centre(c, own, &common, j->in[frozen], j);
    double s = deviation(&rs, &least, c, own, common, j);
    if (frozen) {
        centre(c, own, &common, j->in[0], j);
        normalise_by(j->mid, j->rad, c, own, common, s, rs, least, k);
    } else
        normalise(j->mid, j->rad, c, own, common, s, rs, least, k);
    if (j->f.u > 0 || j->node->n_w) finish_layernorm(j);
    for (size_t i = 0; i < k; i++) j->rad[i] = least > 0 ? settle(j->rad[i], j->mid[i]) : INFINITY;
}

/* x / sqrt(mean of x^2 + eps): the arithmetic of layernorm on the row as it is. An execution may multiply by a reciprocal root that is
 * 2 ulp (4 u) off: with the product's own rounding five steps. */
void row_rmsnorm(const struct row_job *j)
{
    size_t k = j->node->width;
    bool frozen = j->node->n_inputs == 2;
    double rs, least, s = deviation(&rs, &least, j->in[frozen].mid, j->in[frozen].rad, 0, j);
    (frozen ? normalise_by : normalise)(j->mid, j->rad, j->in[0].mid, j->in[0].rad, 0, s, rs, least, k);
    for (size_t i = 0; i < k; i++) {
        double y = j->mid[i], r = j->rad[i] + steps32(j->f, fabs(j->mid[i]) + j->rad[i], 5);
        if (j->node->n_w) product_entry(&y, &r, y, r, j->node->w[0].data[i], 0, j->f);
        j->mid[i] = y;
        j->rad[i] = least > 0 ? settle(r, y) : INFINITY;
    }
}
