/* The distance inside a box. Above: the nearest point of the box at which a rival is as large, guessed from the Lagrangian |u|^2 + mu m(u), whose least
 * point on the box is found coordinate by coordinate, and by steps to the linearised boundary; tested exactly. Below: the branch and bound of regions
 * (quadratic_cells.c) on the part of the ball in the box, which also finds nearer points when there are some. */
#include "verify/radius_query.h"
#include <math.h>
#include <string.h>
#include "core/mem.h"
#include "core/number.h"
#include "verify/quadratic_solver.h"

#define SWEEPS 60
#define HALVINGS 60
#define TRIES 40           /* balls that are tried */
#define WORK 4e9           /* of one form: cells times n^3 */
#define NARROW 1e-6        /* relative width of what is tried for */

/* One rival in doubles, u from the input: u'Au + g'u + c, lo <= u <= hi; u, v, w: room */
struct near { size_t n; double *A, *g, c, *lo, *hi, *u, *v, *w, *best, length; };

static void copy_vector(fmpq *to, const fmpq *from, slong n)
{
    for (slong i = 0; i < n; i++) fmpq_set(to + i, from + i);
}

static bool near_init(struct near *t, const struct query *q)
{
    size_t n = q->n;
    fmpq_t x;
    *t = (struct near){.n = n, .A = mem_array(n * n + 7 * n, sizeof *t->A), .length = INFINITY};
    if (!t->A) return false;
    double **vectors[] = {&t->g, &t->lo, &t->hi, &t->u, &t->v, &t->w, &t->best}, *at = t->A + n * n;
    for (size_t i = 0; i < 7; i++) *vectors[i] = at, at += n;
    fmpq_init(x);
    for (size_t i = 0; i < n; i++) {
        fmpq_sub(x, q->low + i, q->x + i);
        t->lo[i] = ratio(fmpq_numref(x), fmpq_denref(x));
        fmpq_sub(x, q->high + i, q->x + i);
        t->hi[i] = ratio(fmpq_numref(x), fmpq_denref(x));
    }
    fmpq_clear(x);
    return true;
}

static void near_form(struct near *t, const struct query *q, const struct rival *r)
{
    fmpz_t unit;
    fmpz_init(unit);
    fmpz_mul(unit, q->unit, q->X);
    for (size_t i = 0; i < t->n; i++) t->g[i] = ratio(r->h + i + 1, unit);
    fmpz_clear(unit);
    form_matrix(t->A, q, r->k);
    t->c = r->c;
}

static double clipped(double x, double lo, double hi) { return fmin(fmax(x, lo), hi); }

/* The value at u; in grad the gradient. */
static double form_at(const struct near *t, double *grad, const double *u)
{
    double sum = t->c;
    for (size_t i = 0; i < t->n; i++) {
        double half = 0;
        for (size_t j = 0; j < t->n; j++) half += t->A[i * t->n + j] * u[j];
        grad[i] = t->g[i] + 2 * half;
        sum += (t->g[i] + half) * u[i];
    }
    return sum;
}

/* u: a least point of |u|^2 + mu m(u) on the box, from where it is. Gives m there. */
static double lagrangian(struct near *t, double *u, double mu)
{
    double size = 0, value = form_at(t, t->w, u);
    for (size_t i = 0; i < t->n; i++) size = fmax(size, fmax(fabs(t->lo[i]), fabs(t->hi[i])));
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double moved = 0;
        for (size_t i = 0; i < t->n; i++) {
            double q = 1 + mu * t->A[i * t->n + i], slope = 2 * u[i] + mu * t->w[i];
            double to = q > 0 ? clipped(u[i] - slope / (2 * q), t->lo[i], t->hi[i]) : slope > 0 ? t->lo[i] : t->hi[i], step = to - u[i];
            if (step == 0) continue;
            moved = fmax(moved, fabs(step));
            u[i] = to;
            for (size_t j = 0; j < t->n; j++) t->w[j] += 2 * t->A[j * t->n + i] * step;
        }
        if (!(moved > 1e-13 * size)) break;
    }
    value = form_at(t, t->w, u);
    return value;
}

/* u := a point of the box at which the form, made linear at u, is not positive, nearest to 0; false: there is none */
static bool to_boundary(struct near *t, double *u)
{
    double value = form_at(t, t->w, u), want = -value, lo = 0, hi = 1, least = 0;
    for (size_t i = 0; i < t->n; i++) want += t->w[i] * u[i], least += t->w[i] > 0 ? t->w[i] * t->lo[i] : t->w[i] * t->hi[i];
    if (!(least <= want)) return false;
    for (int k = 0; k < 2 * HALVINGS; k++) {       /* v = clip(-mu w): first mu grows, then it is halved in */
        double mu = k < HALVINGS ? hi : (lo + hi) / 2, sum = 0;
        for (size_t i = 0; i < t->n; i++) sum += t->w[i] * clipped(-mu * t->w[i], t->lo[i], t->hi[i]);
        bool far = sum <= want;
        if (k < HALVINGS && far) k = HALVINGS;
        else if (k < HALVINGS) lo = hi, hi *= 4;
        else if (far) hi = mu;
        else lo = mu;
    }
    for (size_t i = 0; i < t->n; i++) u[i] = (u[i] + clipped(-hi * t->w[i], t->lo[i], t->hi[i])) / 2;
    return true;
}

static double length_of(const double *u, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += u[i] * u[i];
    return sqrt(sum);
}

static void set_point(struct query *q, const struct near *t, const double *u, double step)
{
    fmpq_t x;
    fmpq_init(x);
    for (size_t i = 0; i < t->n; i++) {
        set_double(q->point + i, isfinite(u[i]) ? round(u[i] / step) * step : 0);
        fmpq_sub(x, q->low + i, q->x + i);
        if (u[i] <= t->lo[i] || fmpq_cmp(q->point + i, x) < 0) fmpq_set(q->point + i, x);
        fmpq_sub(x, q->high + i, q->x + i);
        if (u[i] >= t->hi[i] || fmpq_cmp(q->point + i, x) > 0) fmpq_set(q->point + i, x);
    }
    fmpq_clear(x);
}

/* Points a little beyond u, along it or towards `deep`, clipped to the box; the first at which the rival is as large, exactly, if it is nearer than the best. */
static void take(struct query *q, struct near *t, const struct rival *r, const double *u, const double *deep, fmpq_t hi, fmpq *best)
{
    static const double beyond[] = {1e-10, 1e-9, 1e-8, 1e-7, 1e-5, 1e-3, 1e-1};
    double length = length_of(u, t->n);
    if (!(length > 0x1p-900) || !(length * (1 - 1e-9) < t->length)) return;
    for (size_t k = 0; k < 2 * (sizeof beyond / sizeof *beyond); k++) {
        double b = beyond[k / 2], step = exp2(floor(log2(length / sqrt((double)t->n) * b / 64)));
        for (size_t i = 0; i < t->n; i++) t->v[i] = clipped(k % 2 ? u[i] + b * (deep[i] - u[i]) : u[i] * (1 + b), t->lo[i], t->hi[i]);
        set_point(q, t, t->v, step);
        if (!overtakes(q, r->k)) continue;
        fmpq_t found;
        fmpq_init(found);
        length_above(found, q);
        if (fmpq_cmp(found, hi) < 0) {
            fmpq_set(hi, found);
            copy_vector(best, q->point, (slong)t->n);
            t->length = ratio(fmpq_numref(found), fmpq_denref(found));
        }
        fmpq_clear(found);
        return;
    }
}

/* From u: steps to the boundary. */
static void polish(struct query *q, struct near *t, const struct rival *r, double *u, fmpq_t hi, fmpq *best)
{
    memcpy(t->best, u, t->n * sizeof *u);
    for (int k = 0; k < 80; k++)
        if (!to_boundary(t, u)) return;
    take(q, t, r, u, t->best, hi, best);
}

/* The nearest points of one rival that the Lagrangian and the boundary give. */
static void nearest(struct query *q, struct near *t, const struct rival *r, fmpq_t hi, fmpq *best)
{
    double q0 = r->p->e.q[0], top = q0 < 0 ? -1 / q0 : INFINITY, lo = 0, mu = isfinite(top) ? top / 2 : 1;
    near_form(t, q, r);
    for (size_t i = 0; i < t->n; i++) t->u[i] = clipped(0, t->lo[i], t->hi[i]);
    double up = INFINITY;
    for (int k = 0; k < HALVINGS; k++) {
        if (lagrangian(t, t->u, mu) <= 0) up = mu;
        else lo = mu;
        if (isfinite(up)) mu = (lo + up) / 2;
        else mu = isfinite(top) ? (mu + top) / 2 : mu * 4;
        if (up - lo < 1e-12 * up) break;
    }
    if (isfinite(up)) {
        (void)lagrangian(t, t->u, up);
        memcpy(t->best, t->u, t->n * sizeof *t->u);
        take(q, t, r, t->u, t->best, hi, best);
    } else      /* no multiplier leads there: downhill on the box, then back to the boundary */
        (void)lagrangian(t, t->u, isfinite(top) ? 64 * top : 0x1p60);
    polish(q, t, r, t->u, hi, best);
}

/* ---- below ---- */

/* The region |u| <= radius, x + u in the box, with the forms answer - rival. */
static enum status region_init(struct solver *s, const struct query *q)
{
    size_t n = q->n;
    *s = (struct solver){.out = q->m->out, .work = WORK, .m = _fmpz_vec_init((slong)q->m->out.each), .h = _fmpz_vec_init((slong)n + 1), .point = _fmpq_vec_init((slong)n)};
    enum status status = ball_case_init(&s->c, n, q->m->out.width);
    s->c.l2 = true;
    copy_vector(s->c.shift, q->x, (slong)n);
    s->c.forms = mem_array(q->n_rivals, sizeof *s->c.forms);
    if (!s->c.forms) return STATUS_MEMORY;
    for (size_t i = 0; i < q->n_rivals; i++) {
        s->c.forms[i] = (struct margin){_fmpq_vec_init((slong)q->m->out.width + 1), true};
        fmpq_set_si(s->c.forms[i].v + q->a, 1, 1);
        fmpq_set_si(s->c.forms[i].v + q->rivals[i].k, -1, 1);
        s->c.n_forms++;
    }
    return status;
}

static void region_clear(struct solver *s, const struct query *q)
{
    ball_case_clear(&s->c);
    _fmpz_vec_clear(s->m, (slong)q->m->out.each);
    _fmpz_vec_clear(s->h, (slong)q->n + 1);
    _fmpq_vec_clear(s->point, (slong)q->n);
}

static void region_of(struct solver *s, const struct query *q, double radius)
{
    fmpq_t minus;
    fmpq_init(minus);
    set_double(s->c.radius, radius);
    fmpq_mul(s->c.radius2, s->c.radius, s->c.radius);
    fmpq_neg(minus, s->c.radius);
    for (size_t i = 0; i < q->n; i++) {
        fmpq_sub(s->c.lo + i, q->low + i, q->x + i);
        fmpq_sub(s->c.hi + i, q->high + i, q->x + i);
        if (fmpq_cmp(s->c.lo + i, minus) < 0) fmpq_set(s->c.lo + i, minus);
        if (fmpq_cmp(s->c.hi + i, s->c.radius) > 0) fmpq_set(s->c.hi + i, s->c.radius);
    }
    fmpq_clear(minus);
}

/* The lines of the cells as words of one line. */
static void add_cells(struct text *out, const char *lines)
{
    for (const char *s = lines; *s;) {
        const char *end = strchr(s, '\n');
        text_add(out, " ");
        text_add_n(out, s + 5, (size_t)(end - s) - 5);      /* behind `case ` */
        s = end + 1;
    }
}

/* Is the answer larger than all rivals at this distance? HOLDS: q->line; FAILS: s->point. */
static enum status try_radius(enum answer *a, struct query *q, struct solver *s, double radius)
{
    struct text lines;
    text_init(&lines);
    region_of(s, q, radius);
    enum status status = region_decide(a, &lines, s);
    if (status == STATUS_OK && *a == HOLDS) {
        text_clear(&q->line);
        text_init(&q->line);
        add_cells(&q->line, lines.data ? lines.data : "");
    }
    if (lines.failed) status = STATUS_MEMORY;
    text_clear(&lines);
    return status;
}

/* The point that the branch and bound found is nearer; from there on to the boundary of every rival that is as large. */
static void nearer(struct query *q, struct near *t, const fmpq *point, fmpq_t hi, fmpq *best)
{
    copy_vector(q->point, point, (slong)q->n);
    copy_vector(best, point, (slong)q->n);
    length_above(hi, q);
    t->length = ratio(fmpq_numref(hi), fmpq_denref(hi));
    for (size_t i = 0; i < q->n_rivals; i++) {
        copy_vector(q->point, point, (slong)q->n);
        if (!overtakes(q, q->rivals[i].k)) continue;
        near_form(t, q, &q->rivals[i]);
        for (size_t j = 0; j < q->n; j++) t->u[j] = ratio(fmpq_numref(point + j), fmpq_denref(point + j));
        polish(q, t, &q->rivals[i], t->u, hi, best);
    }
}

/* Balls within the best point: the first a hair smaller; where one stays open, between what is shown and that. */
static enum status narrow_down(fmpq_t lo, fmpq_t hi, struct query *q, struct near *t, struct solver *s, fmpq *best, double guess)
{
    double shown = 0, open = INFINITY;
    enum status status = STATUS_OK;
    for (int k = 0; status == STATUS_OK && k < TRIES; k++) {
        double top = isfinite(t->length) ? t->length * (1 - NARROW / 8) : exp2(RADIUS_CAP_BITS), radius = top;
        enum answer a = OPEN;
        if (open <= top && shown == 0) radius = guess < open && guess > 0 ? guess : open / 2;
        else if (open <= top) radius = sqrt(shown) * sqrt(open);
        radius = shortened_down(radius);
        if (!(radius > 0x1p-900) || !(radius > shown)) break;
        status = try_radius(&a, q, s, radius);
        if (status != STATUS_OK) break;
        if (a == FAILS) nearer(q, t, s->point, hi, best);
        else if (a == HOLDS) shown = radius;
        else open = radius, guess /= 2;
        if (a == HOLDS && (radius >= top * (1 - NARROW / 8) || !(open > radius * (1 + NARROW)))) break;
        if (shown > 0 && t->length <= shown * (1 + NARROW)) break;
        if (open <= top && shown > 0 && open < shown * 1.01) break;
    }
    set_double(lo, shown);
    return status;
}

static bool inside_box(const struct query *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (fmpq_cmp(q->x + i, q->low + i) < 0 || fmpq_cmp(q->x + i, q->high + i) > 0) return false;
    return true;
}

enum status box_solve(struct text *rest, fmpq_t lo, fmpq_t hi, struct query *q)
{
    struct near t;
    struct solver s = {0};
    fmpq *best = _fmpq_vec_init((slong)q->n);
    bool tie = query_tied(q) && inside_box(q), ready = near_init(&t, q);
    enum status status = ready ? region_init(&s, q) : STATUS_MEMORY;
    double guess = INFINITY;
    fmpq_zero(lo);
    set_double(hi, tie ? 0 : exp2(RADIUS_CAP_BITS));
    for (size_t i = 0; status == STATUS_OK && !tie && i < q->n_rivals; i++) {
        nearest(q, &t, &q->rivals[i], hi, best);
        guess = fmin(guess, q->rivals[i].distance * (1 - 1e-8));
    }
    if (status == STATUS_OK && !tie) status = narrow_down(lo, hi, q, &t, &s, best, guess);
    bool point = tie || isfinite(t.length);
    text_add(rest, " ");
    fraction_add_text(rest, lo);
    text_add(rest, " ");
    fraction_add_text(rest, hi);
    text_add(rest, " ");
    if (point) fractions_add_text(rest, best, q->n);
    else text_add(rest, "-");
    text_add(rest, fmpq_is_zero(lo) ? " -" : q->line.data ? q->line.data : "");
    if (s.c.forms) region_clear(&s, q);
    free(t.A);
    _fmpq_vec_clear(best, (slong)q->n);
    return status == STATUS_OK && (rest->failed || q->line.failed) ? STATUS_MEMORY : status;
}
