/* Functions of one entry in doubles: relu and the smooth ones. */
#include <arb_hypgeom.h>
#include <pthread.h>
#include "models/rows_kernel.h"

void row_relu(const struct row_job *j)
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

/* Phi(z + d) = sum of c[k] d^k, c[k] = Phi^(k)(z) / k!, around z = i / 32. For |d| <= 1/64: off, a bound on what the sum in doubles is off; slope, on gelu' = Phi + x phi, whose own derivative phi (2 - x^2) is below 0.8. */
#define CELLS 32
#define REACH 8.5
#define HALF 272                      /* REACH CELLS */
#define TERMS 8
struct cell { double c[TERMS + 1], off, slope; };
static struct cell cells[2 * HALF + 1];
static double most_off;               /* the largest */

/* Phi' = phi, phi^(k) = -z phi^(k-1) - (k - 1) phi^(k-2). What eight terms leave is at most max |phi^(8)| d^9 / 9!, by Cramer's bound |phi^(k)| <= 0.44 sqrt(k!) below 2^-65. The sum's last step
 * rounds twice in units of the result, all else is a share of the terms behind the first: at most 18 roundings of each. */
static void fill_cell(struct cell *cell, slong i)
{
    arb_t z, t, d[TERMS];
    arb_init(z);
    arb_init(t);
    for (int k = 0; k < TERMS; k++) arb_init(d[k]);
    arb_set_si(z, i);
    arb_mul_2exp_si(z, z, -5);
    arb_rsqrt_ui(t, 2, 128);
    arb_mul(t, t, z, 128);
    arb_neg(t, t);
    arb_hypgeom_erfc(t, t, 128);
    arb_mul_2exp_si(t, t, -1);
    cell->c[0] = arf_get_d(arb_midref(t), ARF_RND_NEAR);
    arb_mul(t, z, z, 128);
    arb_mul_2exp_si(t, t, -1);
    arb_neg(t, t);
    arb_exp(d[0], t, 128);
    arb_const_pi(t, 128);
    arb_mul_2exp_si(t, t, 1);
    arb_rsqrt(t, t, 128);
    arb_mul(d[0], d[0], t, 128);
    double rest = 0, factorial = 1, power = 1;
    for (int k = 1; k <= TERMS; k++) {
        arb_div_ui(t, d[k - 1], (ulong)(factorial *= k), 128);
        cell->c[k] = arf_get_d(arb_midref(t), ARF_RND_NEAR);
        rest += fabs(cell->c[k]) * (power /= 2 * CELLS);
        if (k == TERMS) break;
        arb_mul(d[k], d[k - 1], z, 128);
        arb_neg(d[k], d[k]);
        if (k > 1) arb_submul_ui(d[k], d[k - 2], (ulong)(k - 1), 128);
    }
    cell->slope = fabs(cell->c[0] + (double)i / CELLS * cell->c[1]) + 0.8 / (2 * CELLS) + 0x1p-40;
    cell->off = (2 * U * (cell->c[0] + rest) + 20 * U * rest + 0x1p-65) * (1 + 0x1p-40);
    for (int k = 0; k < TERMS; k++) arb_clear(d[k]);
    arb_clear(z);
    arb_clear(t);
}

/* most_off also serves beyond REACH, where a value errs by 2^-53. */
static void fill_cells(void)
{
    most_off = 0x1p-53;
    for (int i = 0; i <= 2 * HALF; i++) {
        fill_cell(&cells[i], i - HALF);
        most_off = cells[i].off > most_off ? cells[i].off : most_off;
    }
}

/* x Phi(x). Beyond REACH it is x or 0 within phi(8.5) < 2^-53, by Mills' ratio; what is not finite stays so. x - i / 32 is exact. */
static void gelu_part(double *y, double *ry, double *slope, const double *x, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fill_cells);
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] > 0 ? x[i] : 0 * x[i];
        ry[i] = 0x1p-53;
        slope[i] = (x[i] > 0) + 0x1p-40;   /* within phi(8.5) (1 + 8.5) < 2^-44 of 1 or 0 */
        if (!(fabs(x[i]) <= REACH)) continue;
        double at = nearbyint(x[i] * CELLS), d = x[i] - at / CELLS;
        const struct cell *cell = &cells[(int)at + HALF];
        slope[i] = cell->slope;
        double s = cell->c[TERMS];
        for (int k = TERMS - 1; k >= 0; k--) s = cell->c[k] + s * d;
        y[i] = x[i] * s;
        ry[i] = fabs(x[i]) * cell->off * (1 + 0x1p-40) + 2 * U * fabs(y[i]);
    }
}

#define TURN(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)

/* Four coefficients of four cells: column k of the result holds c[at + k] of each. */
static inline __attribute__((always_inline)) void four_coefficients(vec out[4], const struct cell *const cell[4], size_t at)
{
    vec a = LOAD(cell[0]->c + at), b = LOAD(cell[1]->c + at), c = LOAD(cell[2]->c + at), d = LOAD(cell[3]->c + at);
    vec ab = TURN(a, b, 0, 4, 2, 6), AB = TURN(a, b, 1, 5, 3, 7), cd = TURN(c, d, 0, 4, 2, 6), CD = TURN(c, d, 1, 5, 3, 7);
    out[0] = TURN(ab, cd, 0, 1, 4, 5);
    out[1] = TURN(AB, CD, 0, 1, 4, 5);
    out[2] = TURN(ab, cd, 2, 3, 6, 7);
    out[3] = TURN(AB, CD, 2, 3, 6, 7);
}

/* Four values at a time, by the sums of gelu_part in the same order. */
WIDE static void gelu_fours(double *y, const double *x, size_t n)
{
    const vec far = (vec){ 0 } + REACH;
    for (size_t i = 0; i + 4 <= n; i += 4) {
        vec v = LOAD(x + i), c[TERMS];
        vec_bits within = (v <= far) & (v >= -far);
        vec z = (vec)((vec_bits)v & within), shifted = z * CELLS + 0x1.8p52, d = z - (shifted - 0x1.8p52) / CELLS;
        vec_bits at = (vec_bits)shifted - (vec_bits)((vec){ 0 } + 0x1.8p52) + HALF;
        const struct cell *cell[4] = { &cells[at[0]], &cells[at[1]], &cells[at[2]], &cells[at[3]] };
        four_coefficients(c, cell, 0);
        four_coefficients(c + 4, cell, 4);
        vec s = { cell[0]->c[TERMS], cell[1]->c[TERMS], cell[2]->c[TERMS], cell[3]->c[TERMS] };
        for (int k = TERMS - 1; k >= 0; k--) s = c[k] + s * d;
        vec_bits above = v > 0;                                                                /* x or 0, what is not finite stays so */
        vec outside = (vec)(((vec_bits)v & above) | ((vec_bits)(v * 0) & ~above));
        *(vec *)(void *)(y + i) = (vec)(((vec_bits)(v * s) & within) | ((vec_bits)outside & ~within));
    }
}

void gelu_values(double *y, const double *x, size_t n)
{
    double ry[4], slope[4];
    size_t whole = n / 4 * 4;
    gelu_part(y + whole, ry, slope, x + whole, n - whole);
    gelu_fours(y, x, whole);
}

double gelu_error(double size_x, double size_y) { return (size_x * most_off + 2 * U * size_y) * (1 + 0x1p-30) + LOW; }

double smooth32(enum op op, double x, double r, double y, double u)
{
    double size = fabs(x) + r;
    if (!(size < 0x1p40) || (op == OP_SILU && !(x - r > -87))) return INFINITY;
    double by_x = op == OP_GELU ? 8 : op == OP_GELU_NEW ? 10 : 0, by_y = op == OP_SILU ? 12 : 3;
    return (by_x * size + by_y * y) * u + 0x1p-124 * (1 + size);
}

/* The derivatives of gelu, gelu_new, silu are at most 1.2 in size (tests/models/check_run.c proves it with balls); that of gelu within r of x is at most slope + 0.8 r. */
static void smooth(const struct row_job *j)
{
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    enum op op = j->node->op;
    size_t k = j->node->width;
    for (size_t i = 0; i < k; i += 16) {
        size_t n = k - i < 16 ? k - i : 16;
        double slope[16];
        if (op == OP_GELU) gelu_part(j->mid + i, j->rad + i, slope, x + i, n);
        else logistic_part(j->mid + i, j->rad + i, op, x + i, n);
        for (size_t at = i; at < i + n; at++) {
            double steep = op == OP_GELU && slope[at - i] + 0.8 * r[at] < 1.2 ? slope[at - i] + 0.8 * r[at] : 1.2;
            double own = (j->rad[at] + steep * r[at]) * (1 + 0x1p-40);
            if (j->f.u > 0) own += smooth32(op, x[at], r[at], fabs(j->mid[at]) + own, j->f.u);
            j->rad[at] = settle(own, j->mid[at]);
        }
    }
}

void row_gelu(const struct row_job *j) { smooth(j); }
void row_gelu_new(const struct row_job *j) { smooth(j); }
void row_silu(const struct row_job *j) { smooth(j); }
