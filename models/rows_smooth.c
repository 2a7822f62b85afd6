/* Functions of one entry in doubles: relu and the smooth ones. */
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

double smooth32(enum op op, double x, double r, double y, double u)
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

void row_gelu(const struct row_job *j) { smooth(j); }
void row_gelu_new(const struct row_job *j) { smooth(j); }
void row_silu(const struct row_job *j) { smooth(j); }
