/* Rows in doubles with radii. The bound of each kernel is derived in docs/methods.md, "Rounding"; f.u = 0 gives real semantics. */
#include <math.h>
#include <string.h>
#include "models/rows.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif
#define U 0x1p-53
#define LOW 0x1p-1000

/* Bound for one entry whose size is `size` after n binary32 roundings; 0 under real semantics. +inf when it could overflow. */
static double steps32(struct rounding f, double size, unsigned n)
{
    if (!(f.u > 0)) return 0;
    if (!(size < 0x1p126)) return INFINITY;
    return (double)(n == 1 ? 1 : n + 1) * f.u * size + (double)n * f.eta;
}

/* Rounds a computed bound up, past all roundings of its own computation, and makes it NaN where the value is not finite. */
static double settle(double rad, double value)
{
    return rad * (1 + 0x1p-40) + LOW + (value - value);
}

static void row_add(const struct row_job *j)
{
    size_t m = j->node->width, n = j->node->n_inputs;
    struct kernel_sum s;
    kernel_sum_begin(&s, j->mid, j->rad, NULL, m, 0, n, j->f);
    for (size_t a = 0; a < n; a++) kernel_sum_row(&s, j->in[a].mid, j->in[a].rad);
    kernel_sum_end(&s);
}

static void row_linear(const struct row_job *j)
{
    const struct weight *w = j->node->w;
    kernel_linear(j->mid, j->rad, j->in[0].mid, j->in[0].rad, w[0].data, j->node->n_w > 1 ? w[1].data : NULL, w[0].k, w[0].m, j->f);
}

static void row_heads(const struct row_job *j)
{
    size_t m = j->node->width, n = j->node->n_inputs, products = 0, rows = 0;
    for (size_t a = 0; a < n; a++) {
        products += j->W[a] ? j->W[a]->k : 0;
        rows += !j->W[a];
    }
    struct kernel_sum s;
    kernel_sum_begin(&s, j->mid, j->rad, j->node->n_w ? j->node->w[0].data : NULL, m, products, rows, j->f);
    for (size_t a = 0; a < n; a++) {
        if (j->W[a]) kernel_sum_linear(&s, j->in[a].mid, j->in[a].rad, j->W[a]->data, j->W[a]->k);
        else kernel_sum_row(&s, j->in[a].mid, j->in[a].rad);
    }
    kernel_sum_end(&s);
}

/* The weights of a softmax row add up to 1 but for the roundings of sum and division, so their radii meet only the values'
 * distance from the mean. Replaced patterns promise no such thing. */
static void row_mix(const struct row_job *j)
{
    const double *p = j->in[0].mid, *rp = j->in[0].rad;
    size_t n = j->sources;
    if (j->is_pattern && n <= 4000) {
        double off = (double)(n + 4) * (4 * U + j->f.u * (1 + 0x1p-9)) + (double)n * j->f.eta;
        kernel_mean(j->mid, j->rad, p, rp, j->in + 1, n, j->node->width, off, j->f);
        return;
    }
    struct kernel_sum s;
    kernel_sum_begin(&s, j->mid, j->rad, NULL, j->node->width, n, 0, j->f);
    for (size_t i = 0; i < n; i++) kernel_sum_scaled(&s, p[i], rp[i], j->in[i + 1].mid, j->in[i + 1].rad);
    kernel_sum_end(&s);
}

void score_entry(double *s, double *rs, struct row_view q, struct row_view k, size_t width, size_t d, struct rounding f)
{
    double root = sqrt((double)d), r;
    kernel_dot(s, &r, q.mid, q.rad, k.mid, k.rad, width, f);
    *s /= root;
    r = r / root * (1 + 0x1p-40);
    r += 4 * U * fabs(*s) + steps32(f, fabs(*s) * (1 + 0x1p-40) + r, 3);
    *rs = settle(r, *s);
}

static void row_score(const struct row_job *j)
{
    for (size_t i = 0; i < j->sources; i++)
        score_entry(&j->mid[i], &j->rad[i], j->in[0], j->in[i + 1], j->k_in, j->node->d, j->f);
}

/* Exponentials of the scores less their largest midpoint m, as every execution computes them up to the common factor
 * exp(computed maximum - m), which cancels. widest bounds |computed maximum - m|. */
static void exponentials(double *e, double *re, const struct row_job *j)
{
    const double *s = j->in[0].mid, *r = j->in[0].rad;
    size_t n = j->sources;
    double *x = j->scratch, *rx = j->scratch + n + 1, top = s[0], widest = 0;
    for (size_t i = 0; i < n; i++) {
        top = s[i] > top ? s[i] : top;
        widest = r[i] <= widest ? widest : r[i];
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = s[i] - top;
        double size = fabs(x[i]) * (1 + 4 * U) + r[i] + widest;
        rx[i] = settle(r[i] + U * fabs(x[i]) + j->f.u * size, x[i]);
    }
    x[n] = 0;
    rx[n] = widest;
    kernel_exp(e, re, x, rx, n + 1);
    if (!(j->f.u > 0)) return;
    double flushed = 0x1p-125 * (e[n] + re[n]);
    for (size_t i = 0; i < n; i++) re[i] = settle(re[i] + 8 * j->f.u * (e[i] + re[i]) + flushed, e[i]);
}

/* p = e / S: with E the sum of the others, p' - p = (e' E - e E') / (S S'), so the radii of e and of the others meet only
 * the other's part. The rounding of the sum and of the division is relative. */
static void row_softmax(const struct row_job *j)
{
    size_t n = j->sources;
    double *e = j->scratch + 2 * (n + 1), *re = e + n + 1, S = 0, R = 0, nu = (double)(n + 1) * (2 * U + j->f.u);
    exponentials(e, re, j);
    for (size_t i = 0; i < n; i++) {
        S += e[i];
        R += re[i];
    }
    R = settle(R * (1 + (double)n * 0x1p-50) + (double)n * 2 * U * S, S);
    double least = S - R, slack = (double)n * 0x1p-50;
    for (size_t i = 0; i < n; i++) {
        double p = e[i] / S, others = (S > e[i] ? S - e[i] : 0) + slack * S, radii = (R > re[i] ? R - re[i] : 0) + slack * R;
        double r = (re[i] * others + e[i] * radii) / (S * least) * (1 + 0x1p-30);
        r += (p + r) * nu * (1 + 0x1p-10);
        r += steps32(j->f, p + r, 2);
        j->mid[i] = p;
        j->rad[i] = least > 0x1p-100 && nu < 0x1p-12 ? settle(r, p) : INFINITY;
    }
}

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
static void centre(double *c, double *own, double *common, const struct row_job *j)
{
    size_t k = j->node->width;
    double mean, size, spread, n = (double)k;
    row_sums(&mean, &size, &spread, j->in[0].mid, j->in[0].rad, k);
    mean /= n;
    size = (size + spread) * (1 + n * 0x1p-50);
    double off = (spread + n * (U + (k > 1 ? j->f.u : 0)) * size) / n * (1 + 0x1p-40);
    off += 2 * U * fabs(mean) + steps32(j->f, fabs(mean) * (1 + 4 * U) + off, 1);
    if (j->f.u > 0 && !(size < 0x1p125)) off = INFINITY;
    *common = settle(off * (1 + n * 0x1p-50), mean);
    subtract(c, own, j->in[0].mid, j->in[0].rad, mean, *common, j->f.u, k);
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

static void row_layernorm(const struct row_job *j)
{
    size_t k = j->node->width;
    double *c = j->scratch, *own = j->scratch + k, rs, least, common;
    centre(c, own, &common, j);
    double s = deviation(&rs, &least, c, own, common, j);
    normalise(j->mid, j->rad, c, own, common, s, rs, least, k);
    if (j->f.u > 0 || j->node->n_w) finish_layernorm(j);
    for (size_t i = 0; i < k; i++) j->rad[i] = least > 0 ? settle(j->rad[i], j->mid[i]) : INFINITY;
}

static void row_relu(const struct row_job *j)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    for (size_t i = 0; i < j->node->width; i++) {
        j->mid[i] = x[i] > 0 ? x[i] : 0;
        j->rad[i] = x[i] + r[i] <= 0 ? 0 : r[i];
    }
}

/* x / (1 + exp(-t)): t the logistic argument with radius rt; e = exp(-|t|) keeps it from overflowing. */
static void logistic(double *y, double *ry, const double *x, const double *t, const double *rt, size_t n)
{
    double a[16], ra[16], e[16], re[16];
    for (size_t i = 0; i < n; i++) {
        bool far = fabs(t[i]) > 800;   /* then exp(-|t|) is below exp(-707), and that is all that is said of it */
        a[i] = far ? -750 : -fabs(t[i]);
        ra[i] = far ? 1 : rt[i];
    }
    kernel_exp(e, re, a, ra, n);
    for (size_t i = 0; i < n; i++) {
        double below = 1 + e[i] - re[i], s = (t[i] >= 0 ? 1 : e[i]) / (1 + e[i]);
        double rs = 2 * re[i] / below + 4 * U * s;
        y[i] = x[i] * s;
        ry[i] = fabs(x[i]) * rs * (1 + 0x1p-40) + 2 * U * fabs(y[i]);
        if (!(below > 0.5)) ry[i] = INFINITY;
    }
}

/* 2 sqrt(2/pi) and 0.044715 as nearest doubles: with the four operations below 8 u relative. */
static void logistic_part(double *y, double *ry, enum op op, const double *x, size_t n)
{
    double t[16], rt[16];
    for (size_t i = 0; i < n; i++) {
        t[i] = op == OP_SILU ? x[i] : 0x1.9884533d43651p+0 * (x[i] + 0x1.6e4e26d4801f7p-5 * (x[i] * x[i] * x[i]));
        rt[i] = op == OP_SILU ? 0 : 16 * U * fabs(t[i]) + LOW;
    }
    logistic(y, ry, x, t, rt, n);
}

static void gelu_part(double *y, double *ry, const double *x, size_t n)
{
    arb_t b, v;
    arb_init(b);
    arb_init(v);
    for (size_t i = 0; i < n; i++) {
        arb_set_d(b, x[i]);
        ball_activation(v, OP_GELU, b, 64);
        ball_to_double(&y[i], &ry[i], v);
    }
    arb_clear(b);
    arb_clear(v);
}

/* Rounding of the formula step by step, as in rowsball.c. */
static double smooth32(enum op op, double x, double r, double y, double u)
{
    double size = fabs(x) + r;
    if (!(size < 0x1p40) || (op == OP_SILU && !(x - r > -87))) return INFINITY;
    double by_x = op == OP_GELU ? 8 : op == OP_GELU_NEW ? 10 : 0, by_y = op == OP_SILU ? 12 : 3;
    return (by_x * size + by_y * y) * u + 0x1p-124 * (1 + size);
}

/* The derivatives of gelu, gelu_new, silu are at most 1.2 in size (tests/models/check_run.c proves it with balls). */
static void smooth(const struct row_job *j)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    enum op op = j->node->op;
    size_t k = j->node->width;
    for (size_t i = 0; i < k; i += 16) {
        size_t n = k - i < 16 ? k - i : 16;
        if (op == OP_GELU) gelu_part(j->mid + i, j->rad + i, x + i, n);
        else logistic_part(j->mid + i, j->rad + i, op, x + i, n);
    }
    for (size_t i = 0; i < k; i++) {
        double own = (j->rad[i] + 1.2 * r[i]) * (1 + 0x1p-40);
        if (j->f.u > 0) own += smooth32(op, x[i], r[i], fabs(j->mid[i]) + own, j->f.u);
        j->rad[i] = settle(own, j->mid[i]);
    }
}

static void row_gelu(const struct row_job *j) { smooth(j); }
static void row_gelu_new(const struct row_job *j) { smooth(j); }
static void row_silu(const struct row_job *j) { smooth(j); }
/* embed and position rows are the tensor's own: run.c reads them there. */
#define row_embed NULL
#define row_position NULL

row_kernel *const row_kernels[OP_COUNT] = {
#define OP(code, name, evaluate, enclose, meaning) [OP_##code] = row_##evaluate,
#include "models/op.def"
#undef OP
};
