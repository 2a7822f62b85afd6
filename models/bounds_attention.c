/* Bounds of score, softmax, mix, bilinear and rowsoftmax. */
#include "models/bounds_kernel.h"
#include <stdlib.h>
#include <string.h>

/* q . k over the root of d from intervals: products end by end; the sum, its roundings and an execution's. */
static void score_ends(double *lo, double *hi, struct ends q, struct ends k, size_t width, size_t d, struct rounding f)
{
    double a = 0, b = 0, size = 0, n = (double)width, root = sqrt((double)d);
    for (size_t e = 0; e < width; e++) {
        double p, r;
        product_ends(&p, &r, q.lo[e], q.hi[e], k.lo[e], k.hi[e]);
        a += p;
        b += r;
        size += larger_size(p, r);
    }
    size *= 1 + n * 0x1p-50;
    double slack = (n + 4) * 0x1p-53 * size + (f.u > 0 ? rounding_factor(width, f.u) * size + 2 * n * f.eta : 0);
    *lo = step_down(step_down(a - slack) / root);
    *hi = step_up(step_up(b + slack) / root);
    if (f.u > 0 && !(size < 0x1p126)) *lo = -INFINITY;
    round_ends(lo, hi, f, 3);
}

void bound_score(const struct bound_job *j)
{
    size_t width = j->net->nodes[j->node->inputs[0]].width;
    for (size_t s = 0; s < j->sources; s++) {
        if (j->allowed[s] == ALLOWED_NOT) continue;
        if (!bounds_score_pairs(&j->lo[s], &j->hi[s], j, s)) score_ends(&j->lo[s], &j->hi[s], j->in[0], j->in[s + 1], width, j->node->arg[0], j->f);
    }
}

void bound_bilinear(const struct bound_job *j)
{
    bool same = j->node->inputs[0] == j->node->inputs[1];
    for (size_t s = 0; s < j->sources; s++) {
        if (j->allowed[s] == ALLOWED_NOT) continue;
        if (same) square_ends(&j->lo[s], &j->hi[s], j->in[0].lo[s], j->in[0].hi[s]);
        else product_ends(&j->lo[s], &j->hi[s], j->in[0].lo[s], j->in[0].hi[s], j->in[1].lo[s], j->in[1].hi[s]);
        round_ends(&j->lo[s], &j->hi[s], j->f, 1);
        if (j->allowed[s] == ALLOWED_MAYBE) {
            j->lo[s] = fmin(j->lo[s], 0);
            j->hi[s] = fmax(j->hi[s], 0);
        }
    }
}

/* Upper (or lower) bounds of exp(x - shift) for n entries. */
static void exponentials(double *out, const double *x, double shift, size_t n, bool upper)
{
    double a[16], zero[16] = { 0 }, e[16], re[16];
    for (size_t from = 0; from < n; from += 16) {
        size_t m = n - from < 16 ? n - from : 16;
        for (size_t i = 0; i < m; i++) a[i] = upper ? step_up(x[from + i] - shift) : step_down(x[from + i] - shift);
        kernel_exp(e, re, a, zero, m);
        for (size_t i = 0; i < m; i++) out[from + i] = upper ? step_up(e[i] + re[i]) : fmax(step_down(e[i] - re[i]), 0);
    }
}

/* What an execution changes: its exponentials are off by the factor e^(+-u D) (1 + 8u) (D the largest distance from the maximum), or flushed. */
struct loss { double factor, flat; bool known; };
static struct loss loss_of(const struct ends *s, const unsigned char *allowed, size_t n, struct rounding f)
{
    double top = -INFINITY, bottom = INFINITY;
    if (!(f.u > 0)) return (struct loss){ 1, 0, true };
    for (size_t k = 0; k < n; k++) {
        if (allowed && allowed[k] == ALLOWED_NOT) continue;
        top = fmax(top, s->hi[k]);
        bottom = fmin(bottom, s->lo[k]);
    }
    double x = f.u * (step_up(top - bottom) + 9), terms = (double)n + 4;
    return (struct loss){ 1 + 2 * (x + 2 * x * x), terms * 0x1p-124, x < 0x1p-8 && n <= 4000 };
}

/* p_k is between 1 / (1 + sum over the others of exp(hi - lo_k)) and 1 / (1 + sum of exp(lo - hi_k)); those that are perhaps not allowed
 * count in the first only. */
static void share(double *lo, double *hi, const struct ends *s, size_t k, const unsigned char *allowed, size_t n, const struct loss *loss, struct rounding f,
                  double *scratch)
{
    double least = 0, most = 0, terms = (double)n;
    exponentials(scratch, s->hi, s->lo[k], n, true);
    for (size_t i = 0; i < n; i++)
        if (i != k && (!allowed || allowed[i] != ALLOWED_NOT)) most += scratch[i];
    exponentials(scratch, s->lo, s->hi[k], n, false);
    for (size_t i = 0; i < n; i++)
        if (i != k && (!allowed || allowed[i] == ALLOWED_SURELY)) least += scratch[i];
    most = most * (1 + terms * 0x1p-52) * loss->factor;
    least = least * (1 - terms * 0x1p-52) / loss->factor * (1 - 0x1p-50);
    *lo = most < INFINITY ? step_down(1 / step_up(1 + most)) : 0;
    *hi = step_up(1 / step_down(1 + least));
    if (f.u > 0) {
        *lo = step_down(*lo * (1 - (terms + 4) * f.u * (1 + 0x1p-10)) - loss->flat);
        *hi = step_up(*hi * (1 + (terms + 4) * f.u * (1 + 0x1p-10)) + loss->flat);
    } else if (*hi > 1) {
        *hi = 1;
    }
    if (*lo < 0) *lo = 0;
    if (allowed && allowed[k] == ALLOWED_MAYBE) *lo = 0;
}

static void softmax_ends(double *lo, double *hi, const struct ends *s, const unsigned char *allowed, size_t n, struct rounding f, double *scratch)
{
    struct loss loss = loss_of(s, allowed, n, f);
    bool known = loss.known;
    for (size_t k = 0; k < n; k++)
        if (!allowed || allowed[k] != ALLOWED_NOT) known = known && is_known(s->lo[k], s->hi[k]);
    for (size_t k = 0; k < n; k++) {
        if (allowed && allowed[k] == ALLOWED_NOT) continue;
        if (known) share(&lo[k], &hi[k], s, k, allowed, n, &loss, f, scratch);
        else lo[k] = -INFINITY, hi[k] = INFINITY;
    }
}

void bound_softmax(const struct bound_job *j) { softmax_ends(j->lo, j->hi, &j->in[0], j->allowed, j->sources, j->f, j->scratch); }

void bound_rowsoftmax(const struct bound_job *j)
{
    size_t g = j->node->arg[0];
    for (size_t from = 0; from < j->node->width; from += g) {
        struct ends s = { j->in[0].lo + from, j->in[0].hi + from };
        softmax_ends(j->lo + from, j->hi + from, &s, NULL, g, j->f, j->scratch);
    }
}

/* A source in the order of its value. */
struct choice { double value, least, room; };
static int by_value(const void *a, const void *b)
{
    double x = ((const struct choice *)a)->value, y = ((const struct choice *)b)->value;
    return (x < y) - (x > y);
}

/* Largest sum of weights times values, weights between least and least + room, of sum 1: the rest goes to the largest values first. */
static double greedy(struct choice *c, size_t n)
{
    double rest = 1, sum = 0;
    for (size_t s = 0; s < n; s++) rest -= c[s].least;
    qsort(c, n, sizeof *c, by_value);
    for (size_t s = 0; s < n; s++) {
        double more = fmin(fmax(rest, 0), c[s].room);
        sum += (c[s].least + more) * c[s].value;
        rest -= more;
    }
    return n ? sum + fmax(rest, 0) * c[0].value : 0;
}

/* A row over all weights that the intervals allow, whose sum is 1 but for an execution's roundings. */
static void average_ends(double *lo, double *hi, const struct bound_job *j, size_t e, struct choice *c, bool may_be_empty)
{
    double size = 0, least = 0, most = 0, terms = (double)j->sources;
    bool known = true;
    for (int end = 0; end < 2; end++) {
        size_t n = 0;
        for (size_t s = 0; s < j->sources; s++) {
            if (j->allowed[s] == ALLOWED_NOT) continue;
            double v = end ? j->in[s + 1].hi[e] : -j->in[s + 1].lo[e], a = j->in[0].lo[s], b = j->in[0].hi[s];
            known = known && is_known(a, b) && is_known(j->in[s + 1].lo[e], j->in[s + 1].hi[e]);
            size = fmax(size, fabs(v));
            c[n++] = (struct choice){ v, a, b - a };
        }
        if (known) *(end ? &most : &least) = greedy(c, n);
    }
    double slack = (terms + 16) * 0x1p-49 * size;
    if (j->f.u > 0) slack += ((2 * terms + 8) * j->f.u * size + 4 * terms * j->f.eta * (1 + size)) * (1 + 0x1p-8);
    *lo = step_down(-least - slack);
    *hi = step_up(most + slack);
    if (may_be_empty) *lo = fmin(*lo, 0), *hi = fmax(*hi, 0);
    if (!known || (j->f.u > 0 && !(size < 0x1p125))) *lo = -INFINITY, *hi = INFINITY;
}

/* Weights of a bilinear pattern, of any sum. */
static void sum_ends(double *lo, double *hi, const struct bound_job *j, size_t e)
{
    double a = 0, b = 0, size = 0, n = (double)j->sources;
    for (size_t s = 0; s < j->sources; s++) {
        double p, r;
        if (j->allowed[s] == ALLOWED_NOT) continue;
        product_ends(&p, &r, j->in[0].lo[s], j->in[0].hi[s], j->in[s + 1].lo[e], j->in[s + 1].hi[e]);
        if (j->allowed[s] == ALLOWED_MAYBE && is_known(p, r)) p = fmin(p, 0), r = fmax(r, 0);
        a += p;
        b += r;
        size += larger_size(p, r);
    }
    size *= 1 + n * 0x1p-50;
    double slack = (n + 4) * 0x1p-53 * size + (j->f.u > 0 ? rounding_factor(j->sources, j->f.u) * size + 2 * n * j->f.eta : 0);
    bool fits = !(j->f.u > 0) || size < 0x1p126;
    *lo = fits ? step_down(a - slack) : -INFINITY;
    *hi = fits ? step_up(b + slack) : INFINITY;
}

void bound_mix(const struct bound_job *j)
{
    struct choice *c = (struct choice *)(void *)j->scratch;   /* 3 doubles a source */
    bool average = j->net->nodes[j->node->inputs[0]].op == OP_SOFTMAX && j->sources <= 4000, empty = true;
    for (size_t s = 0; s < j->sources; s++) empty = empty && j->allowed[s] != ALLOWED_SURELY;
    for (size_t e = 0; e < j->node->width; e++) {
        if (average) average_ends(&j->lo[e], &j->hi[e], j, e, c, empty);
        else sum_ends(&j->lo[e], &j->hi[e], j, e);
    }
}
