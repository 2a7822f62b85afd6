/* Entries moved and compared in doubles: row, select, concat, maxpool, topk. All exact. */
#include <stdlib.h>
#include <string.h>
#include "models/rows_kernel.h"

/* The caller passes the row that is asked for. */
void row_row(const struct row_job *j)
{
    memcpy(j->mid, j->in[0].mid, j->node->width * sizeof(double));
    memcpy(j->rad, j->in[0].rad, j->node->width * sizeof(double));
}

void row_select(const struct row_job *j)
{
    for (size_t e = 0; e < j->node->width; e++) {
        size_t from = (size_t)j->node->w[0].data[e];
        j->mid[e] = j->in[0].mid[from];
        j->rad[e] = j->in[0].rad[from];
    }
}

void row_concat(const struct row_job *j)
{
    size_t at = 0;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        size_t width = j->net->nodes[j->node->inputs[a]].width;
        memcpy(j->mid + at, j->in[a].mid, width * sizeof(double));
        memcpy(j->rad + at, j->in[a].rad, width * sizeof(double));
        at += width;
    }
}

/* The largest of several: off by no more than the worst of those that may be the largest. */
void row_maxpool(const struct row_job *j)
{
    const struct weight *I = &j->node->w[0];
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    for (size_t e = 0; e < j->node->width; e++) {
        const double *from = I->data + e * I->m;
        double top = -INFINITY, least = -INFINITY, worst = 0;
        bool known = true;
        for (size_t c = 0; c < I->m; c++) {
            double v = x[(size_t)from[c]], rv = r[(size_t)from[c]], low = (v - rv) - 4 * U * fabs(v);
            known = known && rv < INFINITY;
            top = v > top ? v : top;
            least = low > least ? low : least;
        }
        for (size_t c = 0; c < I->m; c++) {
            double v = x[(size_t)from[c]], rv = r[(size_t)from[c]];
            if ((v + rv) + 4 * U * fabs(v) >= least && rv > worst) worst = rv;
        }
        j->mid[e] = top;
        j->rad[e] = known ? worst + (top - top) : INFINITY;
    }
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* How many entries surely, or possibly, stand before entry e. Ends: lo, hi of every entry, rounded outwards where they are rounded. */
static void count_before(size_t *surely, size_t *possibly, size_t e, const double *lo, const double *hi, size_t k)
{
    *surely = *possibly = 0;
    for (size_t f = 0; f < k; f++) {
        if (f == e) continue;
        *surely += lo[f] > hi[e] || (lo[f] >= hi[e] && f < e);
        *possibly += hi[f] > lo[e] || (hi[f] >= lo[e] && f < e);
    }
}

/* An entry stays if fewer than c stand before it. Most are settled by the c-th largest lower end and the next upper end. */
void row_topk(const struct row_job *j)
{
    size_t k = j->node->width, c = j->node->arg[0], surely, possibly;
    const double *x = j->in[0].mid, *r = j->in[0].rad;
    double *lo = j->scratch, *hi = lo + k, *sorted = hi + k, floor, ceiling;
    bool known = true;
    for (size_t i = 0; i < k; i++) {
        double slack = r[i] > 0 ? 4 * U * (fabs(x[i]) + r[i]) + LOW : 0;
        lo[i] = (x[i] - r[i]) - slack;
        hi[i] = (x[i] + r[i]) + slack;
        known = known && hi[i] - lo[i] < INFINITY;
    }
    memcpy(sorted, lo, k * sizeof *lo);
    qsort(sorted, k, sizeof *sorted, descending);
    floor = sorted[c - 1];
    memcpy(sorted, hi, k * sizeof *hi);
    qsort(sorted, k, sizeof *sorted, descending);
    ceiling = c < k ? sorted[c] : -INFINITY;
    for (size_t i = 0; i < k; i++) {
        bool stays = lo[i] > ceiling, goes = hi[i] < floor;
        if (!stays && !goes) {
            count_before(&surely, &possibly, i, lo, hi, k);
            stays = possibly < c;
            goes = surely >= c;
        }
        j->mid[i] = stays ? x[i] : 0;
        j->rad[i] = !known ? INFINITY : stays ? r[i] : 0;
        if (known && !stays && !goes) row_kept_or_zero(&j->mid[i], &j->rad[i], x[i], r[i]);
    }
}
