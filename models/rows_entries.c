/* Two entries to one in doubles: sub, mul, div, max, min; and jumprelu. */
#include "models/rows_kernel.h"

/* Is x + rx surely at most (or below) y - ry? Decided with a margin for the roundings of the test; exact when nothing is rounded. */
static bool surely_below(double x, double rx, double y, double ry)
{
    return (y - x) * (1 - 0x1p-50) > (rx + ry) * (1 + 0x1p-50);
}

void row_sub(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    for (size_t i = 0; i < j->node->width; i++) {
        double z = x->mid[i] - y->mid[i], r = (x->rad[i] + y->rad[i]) * (1 + 0x1p-40) + 2 * U * fabs(z);
        j->mid[i] = z;
        j->rad[i] = settle(r + steps32(j->f, fabs(z) + r, 1), z);
    }
}

/* x x is not negative: [0, (|x| + r)^2] where x may be 0. */
static void square_entry(double *mid, double *rad, double x, double r, struct rounding f)
{
    double most = (fabs(x) + r) * (fabs(x) + r) * (1 + 0x1p-40) + LOW;
    if (!(r > fabs(x))) {
        product_entry(mid, rad, x, r, x, r, f);
        return;
    }
    most += steps32(f, most, 1);
    *mid = most / 2;
    *rad = most / 2 + (most - most);
}

void row_mul(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    bool square = j->node->inputs[0] == j->node->inputs[1];
    for (size_t i = 0; i < j->node->width; i++) {
        if (square) square_entry(&j->mid[i], &j->rad[i], x->mid[i], x->rad[i], j->f);
        else product_entry(&j->mid[i], &j->rad[i], x->mid[i], x->rad[i], y->mid[i], y->rad[i], j->f);
    }
}

/* |x'/y' - x/y| <= (rx + |x/y| ry) / least |y'| */
void row_div(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    bool same = j->node->inputs[0] == j->node->inputs[1];
    for (size_t i = 0; i < j->node->width; i++) {
        double least = (fabs(y->mid[i]) - y->rad[i]) - 4 * U * fabs(y->mid[i]), q = same ? 1 : x->mid[i] / y->mid[i];
        double r = same ? 0 : (x->rad[i] + fabs(q) * y->rad[i]) / least * (1 + 0x1p-40) + 2 * U * fabs(q) + LOW;
        if (!same) r = settle(r + steps32(j->f, fabs(q) + r, 1), q);
        bool known = least > 0 && q - q == 0;
        j->mid[i] = known ? q : 0;
        j->rad[i] = known ? r : INFINITY;
    }
}

/* The larger of the two: an undecided one is off by no more than the worse of them. */
static void larger(double *mid, double *rad, double x, double rx, double y, double ry)
{
    bool first = surely_below(y, ry, x, rx), second = surely_below(x, rx, y, ry), unknown = !(rx + ry < INFINITY);
    double worse = rx > ry ? rx : ry;
    *mid = x > y ? x : y;
    *rad = unknown ? INFINITY : first ? rx : second ? ry : worse;
}

void row_max(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    for (size_t i = 0; i < j->node->width; i++) larger(&j->mid[i], &j->rad[i], x->mid[i], x->rad[i], y->mid[i], y->rad[i]);
}

void row_min(const struct row_job *j)
{
    const struct row_view *x = &j->in[0], *y = &j->in[1];
    for (size_t i = 0; i < j->node->width; i++) {
        larger(&j->mid[i], &j->rad[i], -x->mid[i], x->rad[i], -y->mid[i], y->rad[i]);
        j->mid[i] = -j->mid[i];
    }
}

/* Where it is open whether x passes: all from the smaller to the larger of 0 and x's ends. */
void row_kept_or_zero(double *mid, double *rad, double x, double r)
{
    double lo = x - r < 0 ? x - r : 0, hi = x + r > 0 ? x + r : 0;
    bool known = hi - lo < INFINITY;
    *mid = known ? lo / 2 + hi / 2 : 0;
    *rad = known ? settle((hi / 2 - lo / 2) + 4 * U * (fabs(x) + r), *mid) : INFINITY;
}

void row_jumprelu(const struct row_job *j)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad, *T = j->node->w[0].data;
    for (size_t i = 0; i < j->node->width; i++) {
        bool above = surely_below(T[i], 0, x[i], r[i]), not_above = (T[i] - x[i]) * (1 - 0x1p-50) >= r[i] * (1 + 0x1p-50);
        j->mid[i] = above ? x[i] : 0;
        j->rad[i] = above ? r[i] : 0;
        if (!above && !not_above) row_kept_or_zero(&j->mid[i], &j->rad[i], x[i], r[i]);
    }
}
