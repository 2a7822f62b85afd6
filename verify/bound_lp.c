/* bound_lp.c: one linear program in doubles, by the simplex method on a dictionary with bounded variables. Nothing here is trusted. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/bound.h"

#define PIVOTS 4000
#define TINY 1e-9

/* Row r: basic variable = D[r][0..n] . nonbasic + D[r][n + 1]; row m the objective. Variables 0..n-1 are v, n + i the slack of row i, n + m is t. */
struct dictionary { size_t m, n; double *D; size_t *basic, *nonbasic; double *x, *lo, *hi; };

static double *row_of(const struct dictionary *d, size_t r) { return d->D + r * (d->n + 2); }

static void pivot(struct dictionary *d, size_t r, size_t c)
{
    double *p = row_of(d, r), a = p[c];
    size_t out = d->basic[r];
    for (size_t k = 0; k < d->n + 2; k++) p[k] = k == c ? 1 / a : -p[k] / a;
    for (size_t i = 0; i <= d->m; i++) {
        double *q = row_of(d, i), f = q[c];
        if (i == r || f == 0) continue;
        q[c] = 0;
        for (size_t k = 0; k < d->n + 2; k++) q[k] += f * p[k];
    }
    d->basic[r] = d->nonbasic[c];
    d->nonbasic[c] = out;
}

/* Where may the objective rise? Direction 1 or -1; 0: nowhere. */
static int entering(size_t *c, const struct dictionary *d, bool first)
{
    const double *objective = row_of(d, d->m);
    double best = TINY;
    int direction = 0;
    for (size_t k = 0; k <= d->n; k++) {
        size_t v = d->nonbasic[k];
        if (d->hi[v] - d->lo[v] <= 0) continue;
        bool at_low = d->x[v] <= d->lo[v];
        double gain = at_low ? objective[k] : -objective[k];
        if (!(gain > best)) continue;
        *c = k;
        direction = at_low ? 1 : -1;
        if (first) return direction;
        best = gain;
    }
    return direction;
}

/* One step; false at the optimum or when stuck. */
static bool step(struct dictionary *d, bool first)
{
    size_t c = 0, leave = d->m;
    int way = entering(&c, d, first);
    if (way == 0) return false;
    size_t v = d->nonbasic[c];
    double far = d->hi[v] - d->lo[v];
    bool to_low = false;
    for (size_t i = 0; i < d->m; i++) {
        double rate = row_of(d, i)[c] * way;
        size_t b = d->basic[i];
        if (fabs(rate) < 1e-11) continue;
        double room = rate < 0 ? (d->lo[b] - d->x[b]) / rate : (d->hi[b] - d->x[b]) / rate;
        if (room < 0) room = 0;
        if (room < far || (room == far && leave < d->m && fabs(rate) > fabs(row_of(d, leave)[c]))) far = room, leave = i, to_low = rate < 0;
    }
    if (!isfinite(far)) return false;
    for (size_t i = 0; i <= d->m; i++) d->x[d->basic[i]] += row_of(d, i)[c] * way * far;
    d->x[v] += way * far;
    if (leave == d->m) {
        d->x[v] = way > 0 ? d->hi[v] : d->lo[v];
        return true;
    }
    size_t b = d->basic[leave];
    d->x[b] = to_low ? d->lo[b] : d->hi[b];
    pivot(d, leave, c);
    return true;
}

static bool room_for(struct dictionary *d)
{
    size_t all = d->n + d->m + 2;
    d->D = mem_array((d->m + 1) * (d->n + 2), sizeof *d->D);
    d->basic = mem_array(d->m + 1, sizeof *d->basic);
    d->nonbasic = mem_array(d->n + 1, sizeof *d->nonbasic);
    d->x = mem_array(all, sizeof *d->x);
    d->lo = mem_array(all, sizeof *d->lo);
    d->hi = mem_array(all, sizeof *d->hi);
    return d->D && d->basic && d->nonbasic && d->x && d->lo && d->hi;
}

/* t enters where a row is least at v = lo; then every slack is there. rows - 1 slacks are basic, and t is the objective's row. */
static void begin(struct dictionary *d, const double *A, const double *lo, const double *hi, size_t rows)
{
    size_t n = d->n, least = 0, t = n + rows;
    double worst = INFINITY;
    for (size_t j = 0; j < n; j++) d->x[j] = d->lo[j] = lo[j], d->hi[j] = hi[j], d->nonbasic[j] = j;
    for (size_t i = 0; i < rows; i++) {
        double value = A[i * (n + 1) + n];
        for (size_t j = 0; j < n; j++) value += A[i * (n + 1) + j] * lo[j];
        d->x[n + i] = value;
        d->lo[n + i] = 0;
        d->hi[n + i] = INFINITY;
        if (value < worst) worst = value, least = i;
    }
    d->nonbasic[n] = n + least;
    const double *base = A + least * (n + 1);
    size_t r = 0;
    for (size_t i = 0; i < rows; i++) {
        d->x[n + i] -= worst;
        if (i == least) continue;
        double *p = row_of(d, r);
        for (size_t j = 0; j <= n; j++) p[j == n ? n + 1 : j] = A[i * (n + 1) + j] - base[j];
        p[n] = 1;
        d->basic[r++] = n + i;
    }
    double *objective = row_of(d, d->m);
    for (size_t j = 0; j <= n; j++) objective[j == n ? n + 1 : j] = base[j];
    objective[n] = -1;
    d->x[n + least] = 0;
    d->basic[d->m] = t;
    d->x[t] = worst;
    d->lo[t] = -INFINITY;
    d->hi[t] = INFINITY;
}

bool lp_game(double *t, double *multipliers, double *point, const double *A, const double *lo, const double *hi, size_t rows, size_t n)
{
    struct dictionary d = {.m = rows ? rows - 1 : 0, .n = n};
    bool good = rows > 0 && room_for(&d);
    if (good) begin(&d, A, lo, hi, rows);
    size_t steps = 0;
    while (good && steps < PIVOTS && step(&d, steps > PIVOTS / 2)) steps++;
    good = good && steps < PIVOTS;
    if (good) {
        const double *objective = row_of(&d, d.m);
        memset(multipliers, 0, rows * sizeof *multipliers);
        for (size_t k = 0; k <= n; k++)
            if (d.nonbasic[k] >= n && d.nonbasic[k] < n + rows) multipliers[d.nonbasic[k] - n] = fmax(0, -objective[k]);
        for (size_t j = 0; j < n; j++) point[j] = fmin(fmax(d.x[j], lo[j]), hi[j]);
        *t = d.x[n + rows];
        good = isfinite(*t);
    }
    free(d.D), free(d.basic), free(d.nonbasic), free(d.x), free(d.lo), free(d.hi);
    return good;
}
