/* Reverse pass through functions of one entry, products, quotients, and the larger of several. Where a function is not differentiable its difference
 * quotients lie in the hull of its derivatives. Where no derivative is known (a jump that is not settled, a root near 0) an entry's whole error is
 * charged. */
#include "models/adjoint_kernel.h"

/* Radii of derivatives times errors of an input's entries. */
static void add_remainder(const struct adjoint_job *j, size_t input, const double *rc)
{
    const double *error = adjoint_error(j, j->node->inputs[input], j->row);
    for (size_t e = 0; e < j->width; e++)
        if (rc[e] != 0) j->local[e] = adjoint_up(j->local[e] + rc[e] * error[e], 4);
}

static void cut_entry(const struct adjoint_job *j, size_t e)
{
    j->c[e] = j->rc[e] = 0;
    j->local[e] = j->error[e];
}

/* The row on the enclosures of what it reads, in real semantics, into work. */
static struct row_view image(const struct adjoint_job *j, struct row_view x)
{
    struct row_job job = { .net = j->a->net, .node = j->node, .row = j->row, .in = &x, .k_in = j->width, .mid = j->a->work, .rad = j->a->work + j->a->widest, .scratch = j->a->scratch };
    row_kernels[j->node->op](&job);
    return (struct row_view){ job.mid, job.rad };
}

/* jumprelu, topk: an entry that stays is x, one that goes is 0; both are settled for the true value and every execution. */
static void jumps(const struct adjoint_job *j, struct row_view x)
{
    struct row_view y = image(j, x);
    for (size_t e = 0; e < j->width; e++) {
        bool stays = y.mid[e] == x.mid[e] && y.rad[e] == x.rad[e], goes = y.mid[e] == 0 && y.rad[e] == 0;
        j->c[e] = stays ? 1 : 0;
        j->rc[e] = j->local[e] = 0;
        if (!stays && !goes) cut_entry(j, e);
    }
}

static void kinks(const struct adjoint_job *j, struct row_view x)
{
    for (size_t e = 0; e < j->width; e++) {
        bool above = x.mid[e] > x.rad[e], below = x.mid[e] <= -x.rad[e];
        j->c[e] = above ? 1 : below ? 0 : 0.5;
        j->rc[e] = above || below ? 0 : 0.5;
        j->local[e] = 0;
    }
}

/* The least and largest derivative on the whole line. */
static void slope_limits(double *lo, double *hi, enum op op)
{
    bool smooth = op == OP_GELU || op == OP_GELU_NEW || op == OP_SILU;
    *lo = smooth ? -77.0 / 64 : 0;
    *hi = smooth ? 77.0 / 64 : op == OP_TANH ? 1 : op == OP_SIGMOID ? 0.25 : op == OP_ERF ? 1.1284 : INFINITY;
}

static double library_error(const struct adjoint_job *j, struct row_view x, size_t e)
{
    enum op op = j->node->op;
    double size = entry_size(j->own, e), in = entry_size(x, e), ulps = op == OP_SIGMOID ? 16 : 8;
    if (op == OP_SQRT) return steps32(j->f, size, 1);
    if (op == OP_EXP || op == OP_ERF || op == OP_TANH || op == OP_SIGMOID) return ulps * j->f.u * size * (1 + 0x1p-10) + 0x1p-122;
    double most = size + smooth32(op, x.mid[e], x.rad[e], in, j->f.u);   /* |f(x)| <= |x| */
    return smooth32(op, x.mid[e], x.rad[e], adjoint_up(most < in ? most : in, 4), j->f.u) * (1 + 0x1p-40);
}

static void smooth(const struct adjoint_job *j, struct row_view x)
{
    double least, largest;
    arb_t b, y;
    arb_init(b);
    arb_init(y);
    slope_limits(&least, &largest, j->node->op);
    for (size_t e = 0; e < j->width; e++) {
        double mid, rad;
        if (!(entry_size(x, e) < INFINITY)) {
            cut_entry(j, e);
            continue;
        }
        arb_set_d(b, x.mid[e]);
        mag_set_d(arb_radref(b), x.rad[e]);
        ball_slope(y, j->node->op, b, 64);
        ball_to_double(&mid, &rad, y);
        double lo = (mid - rad) - 0x1p-50 * (fabs(mid) + rad), hi = (mid + rad) + 0x1p-50 * (fabs(mid) + rad);
        adjoint_hull(&j->c[e], &j->rc[e], lo > least ? lo : least, hi < largest ? hi : largest);
        j->local[e] = adjoint_up(library_error(j, x, e), 4);
        if (!(fabs(j->c[e]) + j->rc[e] < 0x1p500) || !(rad < INFINITY)) cut_entry(j, e);
    }
    arb_clear(b);
    arb_clear(y);
}

void prepare_slope(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row);
    enum op op = j->node->op;
    if (op == OP_JUMPRELU || op == OP_TOPK) jumps(j, x);
    else if (op == OP_RELU) kinks(j, x);
    else smooth(j, x);
    add_remainder(j, 0, j->rc);
}

static void send_entries(const struct adjoint_job *j, size_t input, const double *c, const double *rc)
{
    size_t B = j->a->batch;
    double *m, *r;
    adjoint_of(&m, &r, j, j->node->inputs[input], j->row);
    for (size_t e = 0; e < j->width; e++) adjoint_send(m + e * B, r + e * B, j->M + e * B, j->R + e * B, c[e], j->wide * rc[e], j->batch);
}

void reverse_slope(const struct adjoint_job *j) { send_entries(j, 0, j->c, j->rc); }

static void send_pair(const struct adjoint_job *j)
{
    send_entries(j, 0, j->c, j->rc);
    send_entries(j, 1, j->d, j->rd);
}

void reverse_mul(const struct adjoint_job *j) { send_pair(j); }
void reverse_div(const struct adjoint_job *j) { send_pair(j); }
void reverse_larger(const struct adjoint_job *j) { send_pair(j); }

void prepare_mul(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    for (size_t e = 0; e < j->width; e++) {
        j->c[e] = y.mid[e];
        j->rc[e] = y.rad[e];
        j->d[e] = x.mid[e];
        j->rd[e] = x.rad[e];
        j->local[e] = adjoint_up(steps32(j->f, entry_size(j->own, e), 1), 1);
    }
    add_remainder(j, 0, j->rc);
    add_remainder(j, 1, j->rd);
}

/* x'/y' - x/y = (x' - x)/y' - (x/y) (y' - y)/y' */
void prepare_div(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    bool same = j->node->inputs[0] == j->node->inputs[1];
    for (size_t e = 0; e < j->width; e++) {
        double lo = fabs(y.mid[e]) - y.rad[e] - 0x1p-50 * fabs(y.mid[e]), hi = entry_size(y, e) * (1 + 0x1p-50), sign = y.mid[e] < 0 ? -1 : 1, q, rq;
        j->d[e] = j->rd[e] = 0;
        if (same || !(lo > 0x1p-500)) {
            cut_entry(j, e);
            if (same) j->local[e] = 0;
            continue;
        }
        adjoint_hull(&q, &rq, 1 / hi * (1 - 0x1p-50), 1 / lo * (1 + 0x1p-50));
        j->c[e] = sign * q;
        j->rc[e] = rq;
        double most = entry_size(x, e) / lo * (1 + 0x1p-48), middle = x.mid[e] / y.mid[e], wide = (x.rad[e] + fabs(middle) * y.rad[e]) / lo * (1 + 0x1p-40) + 0x1p-50 * fabs(middle) + LOW;
        if (!(wide < most)) middle = 0, wide = most;
        j->d[e] = -(middle * j->c[e]);
        j->rd[e] = adjoint_up(fabs(middle) * rq + wide * (q + rq) + 0x1p-50 * fabs(j->d[e]), 4);
        j->local[e] = adjoint_up(steps32(j->f, entry_size(j->own, e), 1), 1);
    }
    add_remainder(j, 0, j->rc);
    add_remainder(j, 1, j->rd);
}

/* max, min: one of the two if it is settled, else a mean of both with unknown weights. */
void prepare_larger(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row), y = adjoint_view(j, j->node->inputs[1], j->row);
    double sign = j->node->op == OP_MAX ? 1 : -1;
    for (size_t e = 0; e < j->width; e++) {
        double gap = sign * (x.mid[e] - y.mid[e]), wide = (x.rad[e] + y.rad[e]) * (1 + 0x1p-50);
        bool first = gap * (1 - 0x1p-50) > wide, second = -gap * (1 - 0x1p-50) > wide;
        j->c[e] = first ? 1 : second ? 0 : 0.5;
        j->d[e] = 1 - j->c[e];
        j->rc[e] = j->rd[e] = first || second ? 0 : 0.5;
        j->local[e] = 0;
    }
    add_remainder(j, 0, j->rc);
    add_remainder(j, 1, j->rd);
}

/* A window of maxpool: only entries that may be the largest count; one alone counts in full. */
struct window { const double *from; double least; bool several; size_t last; };

static bool may_win(const struct window *w, struct row_view x, size_t c)
{
    size_t at = (size_t)w->from[c];
    return !((x.mid[at] + x.rad[at]) + 0x1p-50 * (fabs(x.mid[at]) + x.rad[at]) < w->least);
}

static struct window window_of(const struct adjoint_job *j, struct row_view x, size_t e)
{
    const struct weight *I = &j->node->w[0];
    struct window w = { I->data + e * I->m, -INFINITY, false, (size_t)I->data[e * I->m] };
    size_t rivals = 0;
    for (size_t c = 0; c < I->m; c++) {
        double v = x.mid[(size_t)w.from[c]], low = (v - x.rad[(size_t)w.from[c]]) - 0x1p-50 * fabs(v);
        w.least = low > w.least ? low : w.least;
    }
    for (size_t c = 0; c < I->m; c++) {
        if (!may_win(&w, x, c)) continue;
        w.several = w.several || (rivals++ > 0 && (size_t)w.from[c] != w.last);
        w.last = (size_t)w.from[c];
    }
    return w;
}

void prepare_maxpool(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row);
    const double *error = adjoint_error(j, j->node->inputs[0], j->row);
    for (size_t e = 0; e < j->width; e++) {
        struct window w = window_of(j, x, e);
        size_t m = j->node->w[0].m;
        double sum = 0;
        for (size_t c = 0; w.several && c < m; c++) sum += may_win(&w, x, c) ? 0.5 * error[(size_t)w.from[c]] : 0;
        j->local[e] = adjoint_up(sum, m);
    }
}

void reverse_maxpool(const struct adjoint_job *j)
{
    struct row_view x = adjoint_view(j, j->node->inputs[0], j->row);
    size_t B = j->a->batch;
    double *m, *r;
    adjoint_of(&m, &r, j, j->node->inputs[0], j->row);
    for (size_t e = 0; e < j->width; e++) {
        struct window w = window_of(j, x, e);
        for (size_t c = 0; w.several && c < j->node->w[0].m; c++) {
            size_t at = (size_t)w.from[c];
            if (may_win(&w, x, c)) adjoint_send(m + at * B, r + at * B, j->M + e * B, j->R + e * B, 0.5, j->wide * 0.5, j->batch);
        }
        if (!w.several) adjoint_send(m + w.last * B, r + w.last * B, j->M + e * B, j->R + e * B, 1, 0, j->batch);
    }
}
