/* A point of the region that satisfies a list of inequalities: in doubles the smallest of them, softened, is made larger from many starts; what is found is
 * rounded to short numbers and tested exactly. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "verify/polynomial.h"

#define STEPS 80
#define RANDOM_STARTS 24

struct double_term { size_t v[DEGREE_MOST]; int degree; double c; };
struct double_poly { struct double_term *t; size_t n; bool strict; double value; };
struct hill { struct poly_claim *c; struct double_poly *p; size_t n, N; double *z, *grad, *try; uint64_t random; };

static double uniform(struct hill *h)
{
    h->random ^= h->random << 13, h->random ^= h->random >> 7, h->random ^= h->random << 17;
    return (double)(h->random >> 11) / 4503599627370496.0 - 1;
}

static bool to_doubles(struct double_poly *out, const struct atom_poly *a)
{
    double most = 0;
    *out = (struct double_poly){.t = mem_array(a->p.n, sizeof *out->t), .n = a->p.n, .strict = a->strict};
    for (size_t i = 0; out->t && i < a->p.n; i++) {
        struct double_term *t = &out->t[i];
        t->c = ratio(fmpq_numref(&a->p.t[i].c), fmpq_denref(&a->p.t[i].c));
        t->degree = key_degree(a->p.t[i].key);
        for (int k = 0; k < t->degree; k++) t->v[k] = key_variable(a->p.t[i].key, k) - 1;
        most = fmax(most, fabs(t->c));
    }
    for (size_t i = 0; out->t && most > 0 && i < a->p.n; i++) out->t[i].c /= most;
    return out->t != NULL;
}

static double at(const struct double_poly *p, const double *z)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        double x = p->t[i].c;
        for (int k = 0; k < p->t[i].degree; k++) x *= z[p->t[i].v[k]];
        sum += x;
    }
    return sum;
}

static void add_gradient(double *grad, const struct double_poly *p, const double *z, double f)
{
    for (size_t i = 0; i < p->n; i++)
        for (int k = 0; k < p->t[i].degree; k++) {
            double x = f * p->t[i].c;
            for (int j = 0; j < p->t[i].degree; j++)
                if (j != k) x *= z[p->t[i].v[j]];
            grad[p->t[i].v[k]] += x;
        }
}

static double clipped(const struct poly_claim *c, size_t i, double x)
{
    const struct range *r = &c->ranges[i];
    if (r->has_lo) x = fmax(x, ratio(fmpq_numref(r->lo), fmpq_denref(r->lo)));
    if (r->has_hi) x = fmin(x, ratio(fmpq_numref(r->hi), fmpq_denref(r->hi)));
    return x;
}

static double smallest(struct hill *h, const double *z)
{
    double least = INFINITY;
    for (size_t k = 0; k < h->n; k++) least = fmin(least, h->p[k].value = at(&h->p[k], z));
    return least;
}

/* Is z, with this many bits after its largest entry and moved into the region, a point of the list? */
static bool exact_point(fmpq *out, struct hill *h, const struct lists *x, size_t list, const double *z, int bits)
{
    double most = 0;
    for (size_t i = 0; i < h->N; i++) most = fmax(most, fabs(z[i]));
    double step = exp2(floor(log2(most > 0 ? most : 1)) - bits);
    for (size_t i = 0; i < h->N; i++) {
        const struct range *r = &h->c->ranges[i];
        double v = round(z[i] / step) * step;
        mpq_t q;
        if (!isfinite(v)) return false;
        mpq_init(q);
        mpq_set_d(q, v);
        fmpq_set_mpq(out + i, q);
        mpq_clear(q);
        if (r->has_lo && fmpq_cmp(out + i, r->lo) < 0) fmpq_set(out + i, r->lo);
        if (r->has_hi && fmpq_cmp(out + i, r->hi) > 0) fmpq_set(out + i, r->hi);
    }
    return list_holds(h->c, x, list, out);
}

static bool worth(const struct hill *h)
{
    for (size_t k = 0; k < h->n; k++)
        if (!(h->p[k].value > -1e-12)) return false;
    return true;
}

static bool look(fmpq *out, struct hill *h, const struct lists *x, size_t list)
{
    static const int bits[] = {2, 5, 10, 20, 36, 52};
    (void)smallest(h, h->z);
    for (size_t k = 0; worth(h) && k < sizeof bits / sizeof *bits; k++)
        if (exact_point(out, h, x, list, h->z, bits[k])) return true;
    return false;
}

/* Uphill from h->z on the least atom, softened: weights exp(-value / width). */
static bool climb(fmpq *out, struct hill *h, const struct lists *x, size_t list)
{
    double length = 0;
    if (look(out, h, x, list)) return true;
    for (size_t i = 0; i < h->N; i++) length += h->z[i] * h->z[i];
    double step = 0.5 * (1 + sqrt(length));
    for (int k = 0; k < STEPS && step > 1e-9; k++) {
        double least = smallest(h, h->z), spread = 0, sum = 0, size = 0;
        for (size_t j = 0; j < h->n; j++) spread = fmax(spread, h->p[j].value - least);
        memset(h->grad, 0, h->N * sizeof *h->grad);
        for (size_t j = 0; j < h->n; j++) sum += exp(-(h->p[j].value - least) / (0.1 * spread + 1e-300));
        for (size_t j = 0; j < h->n; j++) add_gradient(h->grad, &h->p[j], h->z, exp(-(h->p[j].value - least) / (0.1 * spread + 1e-300)) / sum);
        for (size_t i = 0; i < h->N; i++) size += h->grad[i] * h->grad[i];
        if (!(size > 0) || !isfinite(size)) break;
        for (size_t i = 0; i < h->N; i++) h->try[i] = clipped(h->c, i, h->z[i] + step * h->grad[i] / sqrt(size));
        if (!(smallest(h, h->try) > least)) {
            step /= 2;
            continue;
        }
        memcpy(h->z, h->try, h->N * sizeof *h->z);
        step *= 1.3;
        if (look(out, h, x, list)) return true;
    }
    return false;
}

/* Start number k: what the caller has, then 0 (or the corner next to it), then random points of growing size. */
static void start(struct hill *h, const struct starts *s, size_t k)
{
    double size = k < s->n ? 0 : exp2((double)((k - s->n) % 8) - 3);
    for (size_t i = 0; i < h->N; i++) {
        const struct range *r = &h->c->ranges[i];
        double z = k < s->n ? s->z[k * h->N + i] : k == s->n ? 0 : size * uniform(h);
        if (k > s->n && r->has_lo && r->has_hi) {
            double lo = clipped(h->c, i, -INFINITY), hi = clipped(h->c, i, INFINITY);
            z = lo + (hi - lo) * (uniform(h) + 1) / 2;
        } else if (k > s->n && (r->has_lo || r->has_hi)) z = clipped(h->c, i, r->has_lo ? -INFINITY : INFINITY) + (r->has_lo ? fabs(z) : -fabs(z));
        h->z[i] = clipped(h->c, i, z);
    }
}

enum status point_find(bool *found, fmpq *z, struct poly_claim *c, const struct lists *x, size_t i, const struct starts *starts, const struct limits *l)
{
    size_t from = i ? x->ends[i - 1] : 0, n = x->ends[i] - from, N = c->n_variables;
    struct hill h = {.c = c, .n = n, .N = N, .random = 88172645463325252u};
    h.p = mem_array(n, sizeof *h.p), h.z = mem_array(N, sizeof *h.z), h.grad = mem_array(N, sizeof *h.grad), h.try = mem_array(N, sizeof *h.try);
    bool good = h.p && h.z && h.grad && h.try;
    *found = false;
    for (size_t k = 0; good && k < n; k++) good = to_doubles(&h.p[k], &c->atoms[x->ids[from + k]]);
    for (size_t k = 0; good && !*found && k < starts->n + RANDOM_STARTS && !limits_expired(l); k++) {
        start(&h, starts, k);
        *found = climb(z, &h, x, i);
    }
    for (size_t k = 0; h.p && k < n; k++) free(h.p[k].t);
    free(h.p), free(h.z), free(h.grad), free(h.try);
    return good ? STATUS_OK : STATUS_MEMORY;
}
