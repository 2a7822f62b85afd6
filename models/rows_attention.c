/* Attention in doubles: score, softmax, mix, bilinear; rowsoftmax, which is the same arithmetic on groups of a row. */
#include "models/rows_kernel.h"

/* The weights of a softmax row add up to 1 but for the roundings of sum and division, so their radii meet only the values'
 * distance from the mean. Replaced patterns promise no such thing. */
void row_mix(const struct row_job *j)
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

void row_score(const struct row_job *j)
{
    for (size_t i = 0; i < j->sources; i++)
        score_entry(&j->mid[i], &j->rad[i], j->in[0], j->in[i + 1], j->k_in, j->node->arg[0], j->f);
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
void row_softmax(const struct row_job *j)
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

/* Two scores, one product; entries of the row job are the allowed ones. */
void row_bilinear(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    for (size_t i = 0; i < j->sources; i++) product_entry(&j->mid[i], &j->rad[i], x->mid[i], x->rad[i], y->mid[i], y->rad[i], j->f);
}

void row_rowsoftmax(const struct row_job *j)
{
    struct row_job group = *j;
    size_t g = j->node->arg[0];
    group.sources = g;
    for (size_t from = 0; from < j->node->width; from += g) {
        struct row_view in = { j->in[0].mid + from, j->in[0].rad + from };
        group.in = &in;
        group.mid = j->mid + from;
        group.rad = j->rad + from;
        row_softmax(&group);
    }
}
