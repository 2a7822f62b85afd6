/* Forms on a region that is no whole ball: first a search for a point, then branch and bound: a cell is shown by multipliers (quadratic_dual.c) or split
 * where the conditions of a coordinate lose most. Points are tested exactly here, multipliers by the checkers. */
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/quadratic_solver.h"

#define DEPTH_MOST 300
#define SWEEPS 60
#define THIN 0x1p-30        /* half widths below this part of the widest are taken for it */

/* One form on the region, in doubles around its middle z0: v'Qv + g0'v + c0. lo0, hi0: the region's bounds; lo, hi: the cell's, also exactly; centre, r2: of
 * the ball; inside: a point of the region, where there seems to be one; room for points u, v, w. */
struct search {
    struct solver *s; const struct margin *f; size_t n, k, wide, count; struct deep *deep; struct text *out; double work;
    double *Q, *g0, c0, size, *z0, *lo0, *hi0, *lo, *hi, *centre, r2, *A, *b0, *inside, *u, *v, *w, *slack, *multipliers;
    struct cell cell; struct dual_room *room; fmpq *exact_lo, *exact_hi;
};

static double get_double(const fmpq_t x) { return ratio(fmpq_numref(x), fmpq_denref(x)); }

static enum status search_init(struct search *t, struct solver *s, struct text *out)
{
    size_t n = s->c.n, k = s->c.joint, wide = n + (s->inner.c ? s->inner.width : 0), count = s->c.l2 + wide + k;
    *t = (struct search){.s = s, .n = n, .k = k, .wide = wide, .count = count, .out = out, .room = dual_room_new(wide, k), .deep = s->inner.c ? deep_new(s) : NULL};
    t->exact_lo = _fmpq_vec_init((slong)n);
    t->exact_hi = _fmpq_vec_init((slong)n);
    double **vectors[] = {&t->g0, &t->z0, &t->lo0, &t->hi0, &t->lo, &t->hi, &t->centre, &t->inside, &t->u, &t->v, &t->w, &t->cell.g, &t->cell.h, &t->cell.off};
    size_t some = sizeof vectors / sizeof *vectors;
    double *x = t->Q = mem_array(n * n + k * wide + some * wide + 3 * k + count, sizeof *x);
    if (!x || !t->room || (s->inner.c && !t->deep)) return STATUS_MEMORY;
    x += n * n;
    for (size_t i = 0; i < some; i++) *vectors[i] = x, x += wide;
    t->A = x, x += k * wide;
    t->b0 = x, x += k;
    t->slack = x, x += k;
    t->cell.b = x, x += k;
    t->multipliers = x;
    return STATUS_OK;
}

static void search_clear(struct search *t)
{
    free(t->Q);
    dual_room_free(t->room);
    deep_free(t->deep);
    _fmpq_vec_clear(t->exact_lo, (slong)t->n);
    _fmpq_vec_clear(t->exact_hi, (slong)t->n);
}

/* ---- the region ---- */

/* The cell is the region; s->point is its middle, exactly. */
static void whole_region(struct search *t)
{
    const struct ball_case *c = &t->s->c;
    fmpq_t x;
    fmpq_init(x);
    for (size_t i = 0; i < t->n; i++) {
        fmpq_set(t->exact_lo + i, c->lo + i);
        fmpq_set(t->exact_hi + i, c->hi + i);
        fmpq_add(x, c->lo + i, c->hi + i);
        fmpq_div_2exp(t->s->point + i, x, 1);
        t->z0[i] = get_double(t->s->point + i);
        fmpq_sub(x, c->hi + i, t->s->point + i);
        t->hi[i] = t->hi0[i] = get_double(x);
        t->lo[i] = t->lo0[i] = -t->hi[i];
        fmpq_sub(x, c->centre + i, t->s->point + i);
        t->centre[i] = c->l2 ? get_double(x) : 0;
    }
    t->r2 = c->l2 ? get_double(c->radius2) : INFINITY;
    for (size_t j = 0, at = 0; j < c->n_limits; j++) {
        if (c->limits[j].alone) continue;
        fmpq_set(x, c->limits[j].v + t->n);
        for (size_t i = 0; i < t->n; i++) {
            t->A[at * t->wide + i] = get_double(c->limits[j].v + i);
            fmpq_addmul(x, c->limits[j].v + i, t->s->point + i);
        }
        t->b0[at++] = get_double(x);
    }
    fmpq_clear(x);
}

static double distance2(const struct search *t, const double *v)
{
    double sum = 0;
    for (size_t i = 0; i < t->n; i++) sum += (v[i] - t->centre[i]) * (v[i] - t->centre[i]);
    return sum;
}

static double limit_value(const struct search *t, size_t k, const double *v)
{
    double sum = t->b0[k];
    for (size_t i = 0; i < t->n; i++) sum += t->A[k * t->wide + i] * v[i];
    return sum;
}

static void clip(const struct search *t, double *v)
{
    for (size_t i = 0; i < t->n; i++) v[i] = fmin(fmax(v[i], t->lo0[i]), t->hi0[i]);
}

/* t->inside, by projections on conditions that fail, at first with a little room. */
static void find_inside(struct search *t)
{
    size_t n = t->n;
    double widest = 0;
    for (size_t i = 0; i < n; i++) t->inside[i] = t->centre[i], widest = fmax(widest, t->hi0[i]);
    clip(t, t->inside);
    for (int step = 0; step < 400; step++) {
        bool good = true;
        for (size_t k = 0; k < t->k; k++) {
            double norm = 0, value = limit_value(t, k, t->inside);
            for (size_t i = 0; i < n; i++) norm += t->A[k * t->wide + i] * t->A[k * t->wide + i];
            double room = step < 200 ? sqrt(norm) * widest / 1024 : 0;
            if (value >= room || !(norm > 0)) continue;
            good = false;
            for (size_t i = 0; i < n; i++) t->inside[i] += t->A[k * t->wide + i] * (room - value) / norm;
        }
        double far = distance2(t, t->inside);
        if (far > t->r2) {
            good = false;
            for (size_t i = 0; i < n; i++) t->inside[i] = t->centre[i] + sqrt(t->r2 / far) * (1 - 1e-9) * (t->inside[i] - t->centre[i]);
        }
        clip(t, t->inside);
        if (good) return;
    }
}

/* v := the last point on the way from inside to v that meets the conditions */
static void pull(const struct search *t, double *v)
{
    double part = 1;
    clip(t, v);
    if (isfinite(t->r2) && distance2(t, v) > t->r2) {
        double a = 0, b = 0, c = distance2(t, t->inside) - t->r2;
        for (size_t i = 0; i < t->n; i++) {
            double d = v[i] - t->inside[i];
            a += d * d;
            b += 2 * d * (t->inside[i] - t->centre[i]);
        }
        part = c < 0 && a > 0 ? (-b + sqrt(b * b - 4 * a * c)) / (2 * a) : 0;
    }
    for (size_t k = 0; k < t->k; k++) {
        double at = limit_value(t, k, t->inside), to = limit_value(t, k, v);
        if (to < 0) part = fmin(part, at > 0 ? at / (at - to) : 0);
    }
    for (size_t i = 0; i < t->n && part < 1; i++) v[i] = t->inside[i] + part * (v[i] - t->inside[i]);
}

/* ---- points ---- */

/* Points near z0 + v, from few digits to many, bounds taken as they are; the first in the region at which the form fails (f NULL: the first in it). */
static bool try_point(struct search *t, const double *v)
{
    static const int tries[] = {4, 10, 20, 32, 46};
    struct solver *s = t->s;
    double widest = 0;
    for (size_t i = 0; i < t->n; i++) widest = fmax(widest, t->hi0[i]);
    fmpq *middle = _fmpq_vec_init((slong)t->n);
    bool found = false;
    for (size_t i = 0; i < t->n; i++) {
        fmpq_add(middle + i, s->c.lo + i, s->c.hi + i);
        fmpq_div_2exp(middle + i, middle + i, 1);
    }
    for (size_t k = 0; !found && k < sizeof tries / sizeof *tries && isfinite(widest); k++) {
        double step = widest > 0 ? exp2(floor(log2(widest)) - tries[k]) : 1, back = t->k || isfinite(t->r2) ? exp2(3 - tries[k]) : 0;
        for (size_t i = 0; i < t->n; i++) {
            double x = v[i] + fmin(back, 1) * (t->inside[i] - v[i]), near = 1e-9 * t->hi0[i];
            mpq_t q;
            if (!isfinite(x) || !isfinite(x / step)) goto done;
            mpq_init(q);
            mpq_set_d(q, round(x / step) * step);
            fmpq_set_mpq(s->point + i, q);
            fmpq_add(s->point + i, s->point + i, middle + i);
            mpq_clear(q);
            if (x >= t->hi0[i] - near || fmpq_cmp(s->point + i, s->c.hi + i) > 0) fmpq_set(s->point + i, s->c.hi + i);
            if (x <= t->lo0[i] + near || fmpq_cmp(s->point + i, s->c.lo + i) < 0) fmpq_set(s->point + i, s->c.lo + i);
        }
        found = t->f ? fails_at(s, t->f, s->point) : region_has(&s->c, s->point);
    }
done:
    _fmpq_vec_clear(middle, (slong)t->n);
    return found;
}

bool region_point(struct solver *s)
{
    struct search t;
    bool found = false;
    if (search_init(&t, s, NULL) == STATUS_OK && !region_is_empty(&s->c)) {
        for (size_t i = 0; i < t.n; i++) fmpq_set(s->point + i, s->c.centre + i);
        found = region_has(&s->c, s->point);
        if (!found) {
            whole_region(&t);
            found = region_has(&s->c, s->point);
        }
        if (!found) {
            find_inside(&t);
            found = try_point(&t, t.inside);
        }
    }
    search_clear(&t);
    return found;
}

/* Where coordinate i may move from v_i: x in [*a, *b]. far: distance2; t->slack: of the joint limits. */
static void free_range(double *a, double *b, const struct search *t, const double *v, size_t i, double far)
{
    *a = t->lo0[i] - v[i];
    *b = t->hi0[i] - v[i];
    if (isfinite(t->r2)) {
        double d = v[i] - t->centre[i], reach = sqrt(fmax(0, t->r2 - far + d * d));
        *a = fmax(*a, -reach - d);
        *b = fmin(*b, reach - d);
    }
    for (size_t k = 0; k < t->k; k++) {
        double c = t->A[k * t->wide + i];
        if (c > 0) *a = fmax(*a, -t->slack[k] / c);
        if (c < 0) *b = fmin(*b, -t->slack[k] / c);
    }
}

/* Least of q x^2 + g x on [a, b]. */
static double least_at(double q, double g, double a, double b)
{
    double inner = q > 0 ? fmin(fmax(-g / (2 * q), a), b) : a;
    if (q > 0) return inner;
    return (q * a + g) * a <= (q * b + g) * b ? a : b;
}

/* Coordinate by coordinate downhill from v, which meets the conditions. Gives the value there. */
static double descend(struct search *t, double *v)
{
    size_t n = t->n;
    double *grad = t->w, far = distance2(t, v), value = t->c0;
    for (size_t k = 0; k < t->k; k++) t->slack[k] = limit_value(t, k, v);
    for (size_t i = 0; i < n; i++) {
        grad[i] = t->g0[i];
        for (size_t j = 0; j < n; j++) grad[i] += 2 * t->Q[i * n + j] * v[j];
        value += (t->g0[i] + grad[i]) * v[i] / 2;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double before = value;
        for (size_t i = 0; i < n; i++) {
            double a, b, q = t->Q[i * n + i];
            free_range(&a, &b, t, v, i, far);
            if (!(a <= b)) continue;
            double x = least_at(q, grad[i], a, b), gain = (q * x + grad[i]) * x, d = v[i] - t->centre[i];
            if (!(gain < 0)) continue;
            value += gain;
            far += (2 * d + x) * x;
            v[i] += x;
            for (size_t k = 0; k < t->k; k++) t->slack[k] += t->A[k * t->wide + i] * x;
            for (size_t j = 0; j < n; j++) grad[j] += 2 * t->Q[j * n + i] * x;
        }
        if (!(value < before - 1e-12 * t->size)) break;
    }
    return value;
}

/* Two layers: steps against the gradient, as long as they help. */
static double descend_deep(struct search *t, double *v)
{
    double *grad = t->w, *next = t->u, value = deep_value(t->deep, grad, v), step = 0, length = 0;
    for (size_t i = 0; i < t->n; i++) length += grad[i] * grad[i], step = fmax(step, t->hi0[i]);
    step = length > 0 ? step / sqrt(length) : 0;
    for (int k = 0; k < SWEEPS && step > 0; k++) {
        for (size_t i = 0; i < t->n; i++) next[i] = v[i] - step * grad[i];
        pull(t, next);
        double there = deep_value(t->deep, NULL, next);
        if (!(there < value)) {
            step /= 3;
            continue;
        }
        memcpy(v, next, t->n * sizeof *v);
        value = deep_value(t->deep, grad, v);
        step *= 1.5;
    }
    return value;
}

/* From v, in place: is there a point where the form fails? */
static bool attack(struct search *t, double *v)
{
    if (t->deep) {
        pull(t, v);
        return descend_deep(t, v) <= UNCLEAR * t->size && try_point(t, v);
    }
    pull(t, v);
    return descend(t, v) <= UNCLEAR * t->size && try_point(t, v);
}

/* ---- one form ---- */

/* t->cell: the form on the cell */
static void cell_form(struct search *t)
{
    size_t n = t->n;
    double widest = 0, *z = t->w;
    struct cell *c = &t->cell;
    *c = (struct cell){.n = t->wide, .k = t->k, .in_ball = n, .l2 = t->s->c.l2, .Q = t->Q, .A = t->A, .g = c->g, .h = c->h, .off = c->off, .b = c->b, .r2 = t->r2, .c = t->c0};
    for (size_t i = 0; i < n; i++) {
        z[i] = (t->lo[i] + t->hi[i]) / 2;
        c->h[i] = (t->hi[i] - t->lo[i]) / 2;
        widest = fmax(widest, c->h[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double half = 0;
        for (size_t j = 0; j < n; j++) half += t->Q[i * n + j] * z[j];
        c->g[i] = t->g0[i] + 2 * half;
        c->c += (t->g0[i] + half) * z[i];
        c->off[i] = z[i] - t->centre[i];
        c->h[i] = fmax(c->h[i], widest > 0 ? THIN * widest : THIN);
    }
    for (size_t k = 0; k < t->k; k++) c->b[k] = limit_value(t, k, z);
    c->l2 = c->l2 && c->r2 > 0;
    if (t->deep) deep_cell(t->deep, c, z);
}

/* The form around z0: exactly, then in doubles. */
static void form_around(struct search *t, const struct margin *f)
{
    struct solver *s = t->s;
    size_t n = t->n;
    fmpz_t scale, unit, twice;
    fmpz *X = _fmpz_vec_init((slong)n + 1);
    fmpz_init(scale);
    fmpz_init(unit);
    fmpz_init(twice);
    if (t->deep) goto done;
    form_scale(scale, f, s->out.width);
    form_polynomial(s, f, scale);
    homogeneous(X, s->c.shift, s->point, n);
    gradient(s->h, twice, s->m, X, n);
    fmpz_mul_2exp(unit, scale, s->out.scale);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) t->Q[i * n + j] = t->Q[j * n + i] = ratio(s->m + monomial(n, i + 1, j + 1), unit) / (i == j ? 1 : 2);
    fmpz_mul(unit, unit, X);
    for (size_t i = 0; i < n; i++) t->g0[i] = ratio(s->h + i + 1, unit);
    fmpz_mul(unit, unit, X);
    t->c0 = ratio(twice, unit) / 2;
    t->size = fabs(t->c0);
    for (size_t i = 0; i < n; i++) {
        t->size += fabs(t->g0[i]) * t->hi0[i];
        for (size_t j = 0; j < n; j++) t->size += fabs(t->Q[i * n + j]) * t->hi0[i] * t->hi0[j];
    }
done:
    t->f = f;
    _fmpz_vec_clear(X, (slong)n + 1);
    fmpz_clear(scale);
    fmpz_clear(unit);
    fmpz_clear(twice);
}

/* Two layers: the form around z0, and the size of its terms there. */
static void deep_form_around(struct search *t, const struct margin *f)
{
    deep_around(t->deep, t->s, f);
    cell_form(t);
    const struct cell *c = &t->cell;
    t->size = fabs(c->c);
    for (size_t i = 0; i < t->wide; i++) {
        t->size += fabs(c->g[i]) * c->h[i];
        for (size_t j = 0; j < t->wide; j++) t->size += fabs(c->Q[i * t->wide + j]) * c->h[i] * c->h[j];
    }
    (void)deep_value(t->deep, t->g0, t->w);
    for (size_t i = 0; i < t->n * t->n; i++) t->Q[i] = 0;
}

/* Starts: the point inside, and what its gradient points to. */
static bool attack_all(struct search *t)
{
    size_t n = t->n;
    for (int start = 0; start < 3; start++) {
        for (size_t i = 0; i < n; i++) {
            double g = t->g0[i];
            for (size_t j = 0; start == 2 && j < n; j++) g += t->Q[i * n + j] * t->v[j];
            t->u[i] = start == 0 ? t->inside[i] : g > 0 ? t->lo0[i] : t->hi0[i];
        }
        memcpy(t->v, t->u, n * sizeof *t->v);
        if (attack(t, t->v)) return true;
    }
    return false;
}

/* The multipliers rounded to short numbers, up, by what the value can spare, and tested again. */
static bool shortened(struct search *t, double value)
{
    const struct cell *c = &t->cell;
    double *m = t->multipliers;
    if (c->l2) m[0] = short_between(m[0], value / (8 * c->r2)), m++;
    for (size_t i = 0; i < t->wide; i++) m[i] = short_between(m[i], value / (4 * (double)t->wide * c->h[i] * c->h[i]));
    for (size_t k = 0; k < t->k; k++) {
        double size = fabs(c->b[k]);
        for (size_t i = 0; i < t->n; i++) size += fabs(t->A[k * t->wide + i]) * c->h[i];
        if (size > 0) m[t->wide + k] = short_between(m[t->wide + k], value / (16 * (double)t->k * size));
    }
    for (size_t i = 0; i < t->count; i++)
        if (!isfinite(t->multipliers[i]) || !(t->multipliers[i] >= 0)) return false;
    return dual_value(t->multipliers, c, t->room) > UNCLEAR * t->size;
}

static void add_number(struct text *out, double x)
{
    mpq_t q;
    mpq_init(q);
    mpq_set_d(q, x);
    text_add(out, " ");
    number_add_text(out, q);
    mpq_clear(q);
}

static void add_leaf(struct search *t)
{
    text_add(t->out, "case leaf");
    if (t->s->c.l2 && !t->cell.l2) text_add(t->out, " 0");
    for (size_t i = 0; i < t->count - (t->s->c.l2 && !t->cell.l2); i++) add_number(t->out, t->multipliers[i]);
    text_add(t->out, "\n");
}

/* What the condition of variable i of the cell loses at the point u: no more than what is curved there. */
static double loss(const struct search *t, size_t i)
{
    const struct cell *c = &t->cell;
    double h = c->h[i], v = t->u[i] / h, curve = 0, D = t->multipliers[c->l2 + i];
    for (size_t j = 0; j < t->wide; j++) curve += fabs(c->Q[i * t->wide + j]) * h * c->h[j];
    return fmin(D * h * h * fmax(0, 1 - v * v), curve) + 1e-3 * curve;
}

/* The coordinate that loses most, with its part of what the entries of the node lose. */
static size_t worst(const struct search *t)
{
    size_t at = 0;
    double most = -1;
    for (size_t j = t->n; j < t->wide; j++) t->v[j] = loss(t, j);
    for (size_t i = 0; i < t->n; i++) {
        double sum = loss(t, i) + 1e-9 * fabs(t->cell.g[i]) * t->cell.h[i];
        for (size_t j = t->n; j < t->wide; j++) sum += t->v[j] * deep_share(t->deep, t->cell.h, j - t->n, i);
        if (sum > most && t->hi[i] > t->lo[i]) most = sum, at = i;
    }
    return at;
}

static enum answer branch(struct search *t, int depth);

static enum answer split(struct search *t, size_t i, int depth)
{
    double lo = t->lo[i], hi = t->hi[i];
    fmpq_t at, low, high;
    fmpq_init(at);
    fmpq_init(low);
    fmpq_init(high);
    fmpq_set(low, t->exact_lo + i);
    fmpq_set(high, t->exact_hi + i);
    fmpq_add(at, low, high);
    fmpq_div_2exp(at, at, 1);
    text_addf(t->out, "case split %zu ", i);
    fraction_add_text(t->out, at);
    text_add(t->out, "\n");
    fmpq_set(t->exact_hi + i, at);
    t->hi[i] = (lo + hi) / 2;
    enum answer a = branch(t, depth + 1);
    t->hi[i] = hi;
    fmpq_set(t->exact_hi + i, high);
    fmpq_set(t->exact_lo + i, at);
    t->lo[i] = (lo + hi) / 2;
    if (a == HOLDS) a = branch(t, depth + 1);
    t->lo[i] = lo;
    fmpq_set(t->exact_lo + i, low);
    fmpq_clear(at);
    fmpq_clear(low);
    fmpq_clear(high);
    return a;
}

static enum answer branch(struct search *t, int depth)
{
    size_t n = t->n;
    t->work += (double)t->wide * (double)t->wide * (double)t->wide + 1000;
    if (depth > DEPTH_MOST || t->work > t->s->work || (t->s->limits && limits_expired(t->s->limits))) return OPEN;
    cell_form(t);
    double value = dual_bound(t->multipliers, t->u, &t->cell, 0.02 * fabs(t->cell.c) + UNCLEAR * t->size, t->room);
    if (value > UNCLEAR * t->size && shortened(t, value)) {
        add_leaf(t);
        return HOLDS;
    }
    size_t at = worst(t);
    if (!(t->hi[at] - t->lo[at] > 1e-13 * t->hi0[at])) return OPEN;
    for (size_t i = 0; i < n; i++) t->v[i] = (t->lo[i] + t->hi[i]) / 2 + t->u[i];
    if (attack(t, t->v)) return FAILS;
    return split(t, at, depth);
}

enum status region_decide(enum answer *a, struct text *out, struct solver *s)
{
    struct search t;
    enum status status = search_init(&t, s, out);
    *a = HOLDS;
    if (status == STATUS_OK && !region_is_empty(&s->c)) {
        whole_region(&t);
        find_inside(&t);
        bool finite = true;
        for (int phase = 0; phase < 2; phase++)
            for (size_t i = 0; i < s->c.n_forms && *a == HOLDS && finite; i++) {
                whole_region(&t);
                form_around(&t, &s->c.forms[i]);
                if (t.deep) deep_form_around(&t, &s->c.forms[i]);
                finite = isfinite(t.size);
                if (phase == 0 && finite && attack_all(&t)) *a = FAILS;
                t.work = 0;
                if (phase == 1 && finite) *a = branch(&t, 0);
            }
        if (!finite) *a = OPEN;
    }
    search_clear(&t);
    return status;
}
