/* bound_lines.c: lines below and above the functions of smooth units, in doubles: edges of the convex hull of points of the graph, moved off it by a little room. What is
 * used of them is shown exactly by curve_line. */
#include <math.h>
#include "verify/bound_search.h"

#define GRID 32

struct graph { double z[GRID + 1], y[GRID + 1], largest, bent; };   /* y: sign f; bent: about |f''| times the width's square */

static void sample(struct graph *g, enum curve f, double lo, double hi, double sign)
{
    g->largest = g->bent = 0;
    for (int i = 0; i <= GRID; i++) {
        g->z[i] = i == GRID ? hi : lo + (hi - lo) * i / GRID;
        g->y[i] = sign * curve_double(f, g->z[i]);
        g->largest = fmax(g->largest, fabs(g->y[i]));
    }
    for (int i = 1; i < GRID; i++) g->bent = fmax(g->bent, fabs(g->y[i - 1] - 2 * g->y[i] + g->y[i + 1]) * GRID * GRID);
}

/* The slope of the lower hull at `at`. */
static double hull_slope(const struct graph *g, double at)
{
    int hull[GRID + 1], n = 0, k = 1;
    for (int i = 0; i <= GRID; i++) {
        while (n > 1) {
            int a = hull[n - 2], b = hull[n - 1];
            if ((g->y[b] - g->y[a]) * (g->z[i] - g->z[a]) < (g->y[i] - g->y[a]) * (g->z[b] - g->z[a])) break;
            n--;
        }
        hull[n++] = i;
    }
    while (k + 1 < n && g->z[hull[k]] < at) k++;
    int a = hull[k - 1], b = hull[k];
    return (g->y[b] - g->y[a]) / (g->z[b] - g->z[a]);
}

/* A number of few bits. */
static double shortened(double x)
{
    int e;
    double m = frexp(x, &e);
    return ldexp(nearbyint(ldexp(m, 20)), e - 20);
}

/* The least of sign f(z) - slope z: on the grid, then by thirds around the least there. */
static double least_gap(const struct graph *g, enum curve f, double sign, double slope)
{
    int at = 0;
    for (int i = 1; i <= GRID; i++)
        if (g->y[i] - slope * g->z[i] < g->y[at] - slope * g->z[at]) at = i;
    double a = g->z[at > 0 ? at - 1 : 0], b = g->z[at < GRID ? at + 1 : GRID], best = g->y[at] - slope * g->z[at];
    for (int k = 0; k < 40; k++) {
        double p = a + (b - a) / 3, q = b - (b - a) / 3, vp = sign * curve_double(f, p) - slope * p, vq = sign * curve_double(f, q) - slope * q;
        best = fmin(best, fmin(vp, vq));
        if (vp < vq) b = q;
        else a = p;
    }
    return best;
}

/* The line that supports the hull at `at`; false: none that doubles can tell. */
static bool line_at(struct line *out, const struct search *s, const struct region *r, size_t k, double at, bool above)
{
    enum curve f = s->p->curve[k];
    double lo = mpq_get_d(r->lo + k), hi = mpq_get_d(r->hi + k), width = hi - lo, sign = above ? -1 : 1;
    struct graph g;
    if (!(width > 0) || !isfinite(width)) return false;
    sample(&g, f, lo, hi, sign);
    double slope = shortened(hull_slope(&g, at)), least = least_gap(&g, f, sign, slope);
    double room = 0x1p-18 * g.bent + 0x1p-20 * width * width * curve_bend_double(f) + 0x1p-46 * (g.largest + fabs(slope) * fmax(fabs(lo), fabs(hi)));
    double unit = exp2(floor(log2(room))), constant = sign * floor((least - room) / unit) * unit;
    if (!isfinite(slope) || !isfinite(constant) || !(unit > 0)) return false;
    *out = (struct line){.unit = k, .above = above, .slope = sign * slope, .constant = constant, .room = 16 * unit};
    return true;
}

static bool add_one(struct search *s, const struct region *r, size_t k, double at, bool above)
{
    size_t n = 0;
    struct line g;
    for (size_t i = 0; i < s->n_lines; i++) n += s->lines[i].unit == k;
    if (n >= LINES_MOST || !line_at(&g, s, r, k, at, above)) return false;
    for (size_t i = 0; i < s->n_lines; i++)
        if (s->lines[i].unit == k && s->lines[i].above == above && s->lines[i].slope == g.slope) return false;
    s->lines[s->n_lines++] = g;
    return true;
}

void case_lines_begin(struct search *s, const struct region *r)
{
    s->n_lines = 0;
    for (size_t k = 0; k < s->p->units && !r->bad; k++) {
        if (case_phase(r, k) != PHASE_SMOOTH) continue;
        double lo = mpq_get_d(r->lo + k), hi = mpq_get_d(r->hi + k);
        for (int i = 1; i < 4; i += 2)
            for (int above = 0; above < 2; above++) add_one(s, r, k, lo + (hi - lo) * i / 4, above);
    }
}

bool case_lines_add(struct search *s, const struct region *r)
{
    bool some = false;
    for (size_t k = 0; k < s->p->units; k++) {
        if (case_phase(r, k) != PHASE_SMOOTH) continue;
        double u = s->point[s->p->n + k], z = fmin(fmax(case_argument(s, k), mpq_get_d(r->lo + k)), mpq_get_d(r->hi + k)), y = curve_double(s->p->curve[k], z);
        if (fabs(u - y) > 1e-9 * (1 + fabs(y))) some = add_one(s, r, k, z, u > y) || some;
    }
    return some;
}
