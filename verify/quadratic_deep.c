/* Two layers of products on a cell (FORMAT.md §3, rule quadratic 7). Around its middle the row h between the layers is a + G u + e(u), e_j = u'Q_j u. What the
 * outputs have of e linearly is a quadratic form of u; in the rest e_j is a variable of its own between the ends of interval arithmetic, so that what is lost
 * is of third order. In doubles; nothing here is trusted. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/quadratic_solver.h"

#define TOGETHER_MOST 128  /* inputs and entries of the node, as in the checker */

/* h_j = c_j + g_j'v + v'Q_j v, v from the middle of the region; the form p0 + p'h + h'P h. */
struct deep { size_t n, k; double *Q, *g, *c, *P, *p, p0, *a, *G, *slope, *mid, *half, *PG, *M; };

/* ---- the node between the layers ---- */

static bool node_fits(const struct net *net, size_t i)
{
    struct net part = *net;
    struct text why;
    part.output = i;
    text_init(&why);
    bool fits = i != net->output && net->nodes[i].width + net->width_in <= TOGETHER_MOST && outputs_possible(net, (long)i, &why) && outputs_possible(&part, -1, &why);
    text_clear(&why);
    return fits;
}

long deep_node(const struct net *net)
{
    long best = -1;
    for (size_t i = 0; i < net->n_nodes && net->width_in > 0 && net->n_ctx == 1; i++)
        if ((best < 0 || net->nodes[i].width < net->nodes[best].width) && node_fits(net, i)) best = (long)i;
    return best;
}

enum status deep_outputs(struct outputs *outer, struct outputs *inner, const struct net *net)
{
    struct net part = *net;
    long at = deep_node(net);
    if (at < 0) return STATUS_INTERNAL;
    part.output = (size_t)at;
    enum status s = outputs_make(outer, net, at);
    return s == STATUS_OK ? outputs_make(inner, &part, -1) : s;
}

/* h: the row at shift + d, exactly */
void deep_row(fmpq *h, const struct solver *s, const fmpq *d)
{
    const struct outputs *inner = &s->inner;
    size_t n = inner->n;
    fmpz *X = _fmpz_vec_init((slong)n + 1), *slope = _fmpz_vec_init((slong)n + 1);
    fmpz_t twice, den;
    fmpz_init(twice);
    fmpz_init(den);
    homogeneous(X, s->c.shift, d, n);
    fmpz_mul(den, X, X);
    fmpz_mul_2exp(den, den, inner->scale + 1);
    for (size_t j = 0; j < inner->width; j++) {
        gradient(slope, twice, inner->c + j * inner->each, X, n);
        fmpq_set_fmpz_frac(h + j, twice, den);
    }
    _fmpz_vec_clear(X, (slong)n + 1);
    _fmpz_vec_clear(slope, (slong)n + 1);
    fmpz_clear(twice);
    fmpz_clear(den);
}

/* ---- in doubles ---- */

struct deep *deep_new(const struct solver *s)
{
    size_t n = s->inner.n, k = s->inner.width, wide = n + k;
    struct deep *d = mem_array(1, sizeof *d);
    double *x = mem_array(k * n * n + 3 * k * n + k * k + 6 * k + wide * wide, sizeof *x);
    if (!d || !x) {
        free(d), free(x);
        return NULL;
    }
    *d = (struct deep){.n = n, .k = k, .Q = x};
    x += k * n * n;
    double **rows[] = {&d->g, &d->G, &d->PG}, **vectors[] = {&d->c, &d->p, &d->a, &d->slope, &d->mid, &d->half};
    for (size_t i = 0; i < 3; i++) *rows[i] = x, x += k * n;
    d->P = x, x += k * k;
    for (size_t i = 0; i < 6; i++) *vectors[i] = x, x += k;
    d->M = x;
    return d;
}

void deep_free(struct deep *d)
{
    if (d) free(d->Q);
    free(d);
}

/* The node around the point s->point, and the form f of it. */
void deep_around(struct deep *d, struct solver *s, const struct margin *f)
{
    const struct outputs *inner = &s->inner;
    size_t n = d->n, k = d->k;
    fmpz *X = _fmpz_vec_init((slong)n + 1), *h = _fmpz_vec_init((slong)n + 1);
    fmpz_t unit, one, twice;
    fmpz_init(unit);
    fmpz_init(one);
    fmpz_init(twice);
    homogeneous(X, s->c.shift, s->point, n);
    for (size_t j = 0; j < k; j++) {
        const fmpz *m = inner->c + j * inner->each;
        gradient(h, twice, m, X, n);
        fmpz_one(one);
        fmpz_mul_2exp(one, one, inner->scale);
        for (size_t u = 0; u < n; u++)
            for (size_t v = u; v < n; v++) d->Q[(j * n + u) * n + v] = d->Q[(j * n + v) * n + u] = ratio(m + monomial(n, u + 1, v + 1), one) / (u == v ? 1 : 2);
        fmpz_mul(one, one, X);
        for (size_t u = 0; u < n; u++) d->g[j * n + u] = ratio(h + u + 1, one);
        fmpz_mul(one, one, X);
        d->c[j] = ratio(twice, one) / 2;
    }
    form_scale(one, f, s->out.width);
    form_polynomial(s, f, one);
    fmpz_mul_2exp(unit, one, s->out.scale);
    d->p0 = ratio(s->m, unit);
    for (size_t i = 0; i < k; i++) {
        d->p[i] = ratio(s->m + monomial(k, 0, i + 1), unit);
        for (size_t j = i; j < k; j++) d->P[i * k + j] = d->P[j * k + i] = ratio(s->m + monomial(k, i + 1, j + 1), unit) / (i == j ? 1 : 2);
    }
    _fmpz_vec_clear(X, (slong)n + 1);
    _fmpz_vec_clear(h, (slong)n + 1);
    fmpz_clear(unit);
    fmpz_clear(one);
    fmpz_clear(twice);
}

/* a, G, slope at v; gives the form there */
static double expand(struct deep *d, const double *v)
{
    size_t n = d->n, k = d->k;
    double value = d->p0;
    for (size_t j = 0; j < k; j++) {
        d->a[j] = d->c[j];
        for (size_t u = 0; u < n; u++) {
            double half = 0;
            for (size_t w = 0; w < n; w++) half += d->Q[(j * n + u) * n + w] * v[w];
            d->G[j * n + u] = d->g[j * n + u] + 2 * half;
            d->a[j] += (d->g[j * n + u] + half) * v[u];
        }
    }
    for (size_t i = 0; i < k; i++) {
        double half = 0;
        for (size_t j = 0; j < k; j++) half += d->P[i * k + j] * d->a[j];
        d->slope[i] = d->p[i] + 2 * half;
        value += (d->p[i] + half) * d->a[i];
    }
    return value;
}

double deep_value(struct deep *d, double *grad, const double *v)
{
    double value = expand(d, v);
    for (size_t u = 0; grad && u < d->n; u++) {
        grad[u] = 0;
        for (size_t j = 0; j < d->k; j++) grad[u] += d->slope[j] * d->G[j * d->n + u];
    }
    return value;
}

/* At least |u|^2 on the cell: by its half widths, or by the ball, |u|^2 = |u + off|^2 - 2 (u + off)'off + |off|^2 */
static double squared_length(const struct cell *c)
{
    double by_box = 0, by_ball = c->r2;
    for (size_t i = 0; i < c->in_ball; i++) {
        by_box += c->h[i] * c->h[i];
        by_ball += (2 * c->h[i] - fabs(c->off[i])) * fabs(c->off[i]);
    }
    return fmin(by_box, by_ball);
}

/* mid, half of e on the cell, and the quadratic form of u that is linear in e into M */
static void inner_forms(struct deep *d, const struct cell *c)
{
    size_t n = d->n, wide = n + d->k;
    const double *h = c->h;
    double R = c->l2 ? squared_length(c) : INFINITY;
    for (size_t j = 0; j < d->k; j++) {
        double lo = 0, hi = 0, size2 = 0;
        for (size_t u = 0; u < n; u++)
            for (size_t v = 0; v < n; v++) {
                double q = d->Q[(j * n + u) * n + v], size = q * h[u] * h[v];
                d->M[u * wide + v] += d->slope[j] * q;
                size2 += q * q;
                lo += u == v ? fmin(size, 0) : -fabs(size);
                hi += u == v ? fmax(size, 0) : fabs(size);
            }
        d->mid[j] = (lo + hi) / 2;
        d->half[j] = (hi - lo) / 2;
        if (!(c->l2 && size2 * R * R < d->half[j] * d->half[j])) continue;
        d->mid[j] = 0;                  /* |u'Q_j u| <= |Q_j| |u|^2 */
        d->half[j] = sqrt(size2) * R;
    }
}

/* The cell of (u, e - mid): z its middle, c->h[0 .. n-1] half widths; sets Q, g, c, h of the rest. */
void deep_cell(struct deep *d, struct cell *c, const double *z)
{
    size_t n = d->n, k = d->k, wide = n + k;
    c->c = expand(d, z);
    memset(d->M, 0, wide * wide * sizeof *d->M);
    inner_forms(d, c);
    for (size_t u = 0; u < wide; u++) c->g[u] = 0;
    for (size_t i = 0; i < k; i++) {
        double Pm = 0;
        for (size_t u = 0; u < n; u++) d->PG[i * n + u] = 0;
        for (size_t j = 0; j < k; j++) {
            Pm += d->P[i * k + j] * d->mid[j];
            d->M[(n + i) * wide + n + j] = d->P[i * k + j];
            for (size_t u = 0; u < n; u++) d->PG[i * n + u] += d->P[i * k + j] * d->G[j * n + u];
        }
        c->c += Pm * d->mid[i];
        c->g[n + i] = 2 * Pm;
        c->h[n + i] = fmax(d->half[i], 1e-300);
        for (size_t u = 0; u < n; u++) {
            c->g[u] += (d->slope[i] + 2 * Pm) * d->G[i * n + u];
            d->M[u * wide + n + i] = d->M[(n + i) * wide + u] = d->PG[i * n + u];
        }
    }
    double widest = 0;
    for (size_t i = 0; i < k; i++) widest = fmax(widest, d->half[i]);
    for (size_t i = 0; i < k; i++) c->h[n + i] = fmax(c->h[n + i], widest > 0 ? 0x1p-30 * widest : 0x1p-60);
    for (size_t u = 0; u < n; u++)
        for (size_t v = 0; v < n; v++)
            for (size_t i = 0; i < k; i++) d->M[u * wide + v] += d->G[i * n + u] * d->PG[i * n + v];
    c->Q = d->M;
}

double deep_share(const struct deep *d, const double *h, size_t j, size_t i)
{
    double part = 0;
    for (size_t v = 0; v < d->n; v++) part += fabs(d->Q[(j * d->n + i) * d->n + v]) * h[i] * h[v];
    return d->half[j] > 0 ? fmin(part / d->half[j], 1) : 0;
}
