/* Double kernels: sums of products with a-priori error radii (docs/methods.md, "Rounding"). Round to nearest, any order
 * of summation, fused or not, so the compiler may vectorise as it likes. */
#include <math.h>
#include "core/number.h"
#include "core/vector.h"

#define U 0x1p-53
#define TINY 0x1p-1022
#define CHUNK 256

#define ABS(x) ((vec)((vec_bits)(x) & 0x7fffffffffffffffLL))

double up_add(double a, double b)
{
    double s = a + b;
    return s + fabs(s) * 0x1p-51;
}

double up_mul(double a, double b)
{
    double p = a * b;
    return p + (fabs(p) * 0x1p-51 + 0x1p-1074);
}

double rounding_factor(size_t n, double u)
{
    double nu = (double)n * u;
    if (n <= 4000) return (double)(n + 1) * u;
    return nu <= 0.25 ? nu * (1 + 2 * nu) * (1 + 0x1p-50) : INFINITY;
}

void kernel_sum_begin(struct kernel_sum *s, double *y, double *ry, const double *b, size_t m, size_t n_products,
                      size_t n_rows, struct rounding f)
{
    size_t n = n_products + n_rows + (b != NULL);
    s->y = y;
    s->ry = ry;
    s->m = m;
    s->n = n;
    s->e = (double)(n + 4) * U;
    if (n_products) s->g = rounding_factor(n, f.u);
    else s->g = n > 1 ? (double)(n - 1) * f.u : 0;
    s->eta = (double)n_products * f.eta;
    double e = s->e + s->g;
    for (size_t j = 0; j < m; j++) {
        y[j] = b ? b[j] : 0;
        ry[j] = b ? fabs(b[j]) * e : 0;
    }
}

/* Four rows of W at a time, along the rows: a matrix that no near cache holds is read in the order of its memory. */
#define NEAR_ENTRIES 4096
WIDE static void sum_far(double *restrict y, double *restrict ry, const double *x, const double *r, const double *W, size_t k, size_t m)
{
    for (size_t i = 0; i + 4 <= k; i += 4) {
        const double *w0 = W + i * m, *w1 = w0 + m, *w2 = w1 + m, *w3 = w2 + m;
        for (size_t j = 0; j + LANES <= m; j += LANES) {
            vec a = LOAD(w0 + j), b = LOAD(w1 + j), c = LOAD(w2 + j), d = LOAD(w3 + j);
            STORE(y + j, LOAD(y + j) + x[i] * a + x[i + 1] * b + x[i + 2] * c + x[i + 3] * d);
            STORE(ry + j, LOAD(ry + j) + r[i] * ABS(a) + r[i + 1] * ABS(b) + r[i + 2] * ABS(c) + r[i + 3] * ABS(d));
        }
    }
}

/* The blocks below are written out for four vectors of columns, one vector, and single columns: the accumulators stay in registers. */
WIDE static void sum_chunk(double *y, double *ry, const double *x, const double *r, const double *W, size_t k, size_t m)
{
    size_t j = 0;
    for (; j + 4 * LANES <= m; j += 4 * LANES) {
        vec a0 = LOAD(y + j), a1 = LOAD(y + j + LANES), a2 = LOAD(y + j + 2 * LANES), a3 = LOAD(y + j + 3 * LANES);
        vec r0 = LOAD(ry + j), r1 = LOAD(ry + j + LANES), r2 = LOAD(ry + j + 2 * LANES), r3 = LOAD(ry + j + 3 * LANES);
        for (size_t i = 0; i < k; i++) {
            const double *w = W + i * m + j;
            vec w0 = LOAD(w), w1 = LOAD(w + LANES), w2 = LOAD(w + 2 * LANES), w3 = LOAD(w + 3 * LANES);
            a0 += x[i] * w0;
            a1 += x[i] * w1;
            a2 += x[i] * w2;
            a3 += x[i] * w3;
            r0 += r[i] * ABS(w0);
            r1 += r[i] * ABS(w1);
            r2 += r[i] * ABS(w2);
            r3 += r[i] * ABS(w3);
        }
        STORE(y + j, a0);
        STORE(y + j + LANES, a1);
        STORE(y + j + 2 * LANES, a2);
        STORE(y + j + 3 * LANES, a3);
        STORE(ry + j, r0);
        STORE(ry + j + LANES, r1);
        STORE(ry + j + 2 * LANES, r2);
        STORE(ry + j + 3 * LANES, r3);
    }
    for (; j + LANES <= m; j += LANES) {
        vec a0 = LOAD(y + j), r0 = LOAD(ry + j);
        for (size_t i = 0; i < k; i++) {
            vec w0 = LOAD(W + i * m + j);
            a0 += x[i] * w0;
            r0 += r[i] * ABS(w0);
        }
        STORE(y + j, a0);
        STORE(ry + j, r0);
    }
    for (; j < m; j++) {
        double a0 = y[j], r0 = ry[j];
        for (size_t i = 0; i < k; i++) {
            double w0 = W[i * m + j];
            a0 += x[i] * w0;
            r0 += r[i] * fabs(w0);
        }
        y[j] = a0;
        ry[j] = r0;
    }
}

void kernel_sum_linear(struct kernel_sum *s, const double *x, const double *rx, const double *W, size_t k)
{
    double r[CHUNK], up = 1 + s->g, e = s->e + s->g;
    for (size_t from = 0; from < k; from += CHUNK) {
        size_t n = k - from < CHUNK ? k - from : CHUNK;
        for (size_t i = 0; i < n; i++) r[i] = rx[from + i] * up + fabs(x[from + i]) * e + 0x1p-1000;
        if (k * s->m > NEAR_ENTRIES && n % 4 == 0 && s->m % LANES == 0) sum_far(s->y, s->ry, x + from, r, W + from * s->m, n, s->m);
        else sum_chunk(s->y, s->ry, x + from, r, W + from * s->m, n, s->m);
    }
}

WIDE static void scaled(double *restrict y, double *restrict ry, double p, double a, double b, const double *restrict v,
                        const double *restrict rv, size_t m)
{
    size_t j = 0;
    for (; j + LANES <= m; j += LANES) {
        vec x = LOAD(v + j);
        STORE(y + j, LOAD(y + j) + p * x);
        STORE(ry + j, LOAD(ry + j) + (a * ABS(x) + b * LOAD(rv + j)));
    }
    for (; j < m; j++) {
        y[j] += p * v[j];
        ry[j] += a * fabs(v[j]) + b * rv[j];
    }
}

void kernel_sum_scaled(struct kernel_sum *s, double p, double rp, const double *v, const double *rv)
{
    double size = fabs(p) + rp;
    double a = rp + s->e * fabs(p) + s->g * size + 0x1p-1000, b = size * (1 + s->g) + 0x1p-1000;
    scaled(s->y, s->ry, p, a, b, v, rv, s->m);
}

void kernel_sum_row(struct kernel_sum *s, const double *v, const double *rv)
{
    scaled(s->y, s->ry, 1, s->e + s->g, 1 + s->g, v, rv, s->m);
}

WIDE void kernel_sum_end(struct kernel_sum *s)
{
    double *restrict y = s->y, *restrict ry = s->ry;
    double up = 1 + (double)(s->n + 24) * U, low = (double)(s->n + 8) * TINY + s->eta * 2;
    /* Overflow in binary32: the sum of absolute values is at most ry / g, and must stay below 2^126. */
    double cap = s->g > 0 ? s->g * 0x1p126 : INFINITY;
    for (size_t j = 0; j < s->m; j++) {
        double r = ry[j] * up + low;
        r += y[j] - y[j];
        ry[j] = r < cap ? r : INFINITY;
    }
}

WIDE void kernel_combine(double *y, const double *base, const double *w, const double *const *rows, size_t n, size_t m)
{
    size_t j = 0;
    for (; j + 4 * LANES <= m; j += 4 * LANES) {
        vec a0 = LOAD(base + j), a1 = LOAD(base + j + LANES), a2 = LOAD(base + j + 2 * LANES), a3 = LOAD(base + j + 3 * LANES);
        for (size_t i = 0; i < n; i++) {
            const double *v = rows[i] + j;
            a0 += w[i] * LOAD(v);
            a1 += w[i] * LOAD(v + LANES);
            a2 += w[i] * LOAD(v + 2 * LANES);
            a3 += w[i] * LOAD(v + 3 * LANES);
        }
        STORE(y + j, a0);
        STORE(y + j + LANES, a1);
        STORE(y + j + 2 * LANES, a2);
        STORE(y + j + 3 * LANES, a3);
    }
    for (; j + LANES <= m; j += LANES) {
        vec a = LOAD(base + j);
        for (size_t i = 0; i < n; i++) a += w[i] * LOAD(rows[i] + j);
        STORE(y + j, a);
    }
    for (; j < m; j++) {
        double a = base[j];
        for (size_t i = 0; i < n; i++) a += w[i] * rows[i][j];
        y[j] = a;
    }
}

WIDE static void add_scaled(double *restrict y, double p, const double *restrict v, size_t m)
{
    size_t j = 0;
    for (; j + LANES <= m; j += LANES) STORE(y + j, LOAD(y + j) + p * LOAD(v + j));
    for (; j < m; j++) y[j] += p * v[j];
}

/* r += a |v - c| + b |v| + d rv */
WIDE static void add_spread(double *restrict r, const double *restrict c, double a, double b, double d, const double *restrict v,
                            const double *restrict rv, size_t m)
{
    size_t j = 0;
    for (; j + LANES <= m; j += LANES) {
        vec x = LOAD(v + j);
        STORE(r + j, LOAD(r + j) + (a * ABS(x - LOAD(c + j)) + b * ABS(x) + d * LOAD(rv + j)));
    }
    for (; j < m; j++) r[j] += a * fabs(v[j] - c[j]) + b * fabs(v[j]) + d * rv[j];
}

void kernel_mean(double *y, double *ry, const double *p, const double *rp, const struct row_view *v, size_t n, size_t m,
                 double off, struct rounding f)
{
    struct kernel_sum s;
    kernel_sum_begin(&s, y, ry, NULL, m, n, 0, f);
    for (size_t i = 0; i < n; i++) add_scaled(y, p[i], v[i].mid, m);
    for (size_t i = 0; i < n; i++) {
        double size = fabs(p[i]) + rp[i];
        add_spread(ry, y, rp[i] + 0x1p-1000, s.e * size + s.g * size, size * (1 + s.g) + 0x1p-1000, v[i].mid, v[i].rad, m);
    }
    for (size_t j = 0; j < m; j++) ry[j] += off * fabs(y[j]) * (1 + 0x1p-40);
    kernel_sum_end(&s);
}

void kernel_linear(double *y, double *ry, const double *x, const double *rx, const double *W, const double *b,
                   size_t k, size_t m, struct rounding f)
{
    struct kernel_sum s;
    kernel_sum_begin(&s, y, ry, b, m, k, 0, f);
    kernel_sum_linear(&s, x, rx, W, k);
    kernel_sum_end(&s);
}

WIDE void kernel_dot(double *s, double *rs, const double *x, const double *rx, const double *y, const double *ry,
                     size_t k, struct rounding f)
{
    vec sum = {0}, known = {0}, size = {0};
    size_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        vec a = LOAD(x + i), b = LOAD(y + i), ra = LOAD(rx + i), rb = LOAD(ry + i);
        vec aa = ABS(a), bb = ABS(b) + rb;
        sum += a * b;
        known += ra * bb + aa * rb;
        size += (aa + ra) * bb;
    }
    double total = 0, r = 0, S = 0;
    for (int l = 0; l < LANES; l++) {
        total += sum[l];
        r += known[l];
        S += size[l];
    }
    for (; i < k; i++) {
        double bb = fabs(y[i]) + ry[i];
        total += x[i] * y[i];
        r += rx[i] * bb + fabs(x[i]) * ry[i];
        S += (fabs(x[i]) + rx[i]) * bb;
    }
    double g = rounding_factor(k, f.u), n = (double)k;
    double all = (r + ((n + 4) * U + g) * S) * (1 + (n + 24) * U) + (n + 8) * 4 * TINY + 2 * n * f.eta + (total - total);
    *s = total;
    *rs = f.u > 0 && !(S < 0x1p126) ? INFINITY : all;
}
