/* The distance without a box: a point just beyond the nearest zero of any form, and a ball just within it with a multiplier for every form. */
#include "verify/radius_query.h"
#include <math.h>
#include "core/mem.h"

#define BALLS_MOST 160     /* inputs for which a multiplier that doubles leave open is tested in balls here */

/* ---- above: a point ---- */

static bool near_enough(const struct query *q, double most)
{
    fmpq_t sum;
    fmpq_init(sum);
    for (size_t i = 0; i < q->n; i++) fmpq_addmul(sum, q->point + i, q->point + i);
    bool near = sqrt(ratio(fmpq_numref(sum), fmpq_denref(sum))) <= most;
    fmpq_clear(sum);
    return near;
}

static bool usable(double distance) { return distance > 0x1p-900 && distance < exp2(RADIUS_CAP_BITS - 1); }

/* Points a little beyond the nearest zero, from close to far, and at it, rounded, where an output only touches the answer's; the first that is tested to be good. */
static bool point_beyond(struct query *q, const struct rival *r)
{
    static const struct { double beyond, grid; } tries[] = {{1e-10, 1e-10}, {1e-9, 1e-9}, {1e-8, 1e-8}, {1e-7, 1e-7}, {0, 1e-3}, {0, 1e-9}, {1e-5, 1e-5}, {1e-3, 1e-3}, {1e-1, 1e-1}};
    size_t n = q->n;
    double *u = mem_array(n, sizeof *u);
    if (!u) return false;
    eigen_back(u, &r->p->e, r->y);
    bool found = false;
    for (size_t k = 0; !found && k < sizeof tries / sizeof *tries; k++) {
        double step = exp2(floor(log2(r->distance / sqrt((double)n) * tries[k].grid / 64)));
        for (size_t i = 0; i < n; i++) {
            double z = round(u[i] * (1 + tries[k].beyond) / step) * step;
            if (!isfinite(z)) goto done;
            set_double(q->point + i, z);
        }
        found = near_enough(q, r->distance * (1 + 2 * tries[k].beyond + 1e-7)) && overtakes(q, r->k);
    }
done:
    free(u);
    return found;
}

/* Without biases all outputs are 0 at 0: u = -x. */
static bool point_at_origin(struct query *q, const struct rival *r)
{
    for (size_t i = 0; i < q->n; i++) fmpq_neg(q->point + i, q->x + i);
    return overtakes(q, r->k);
}

/* ---- below: a ball ---- */

/* The multipliers of all rivals on the ball of this radius, into q->line. */
static bool ball_holds(struct query *q, double radius)
{
    fmpq_t r2;
    struct text t;
    bool good = true;
    text_init(&t);
    fmpq_init(r2);
    set_double(r2, radius);
    fmpq_mul(r2, r2, r2);
    fmpz *m = _fmpz_vec_init((slong)q->m->out.each);
    for (size_t i = 0; good && i < q->n_rivals; i++) {
        const struct rival *r = &q->rivals[i];
        double room;
        bool clear;
        double lambda = ball_lambda(&(struct spectral){r->p->e.q, r->gamma, r->c, q->n}, radius, &room, &clear);
        good = lambda >= 0 && isfinite(lambda);
        if (good && clear && room > 0) lambda = short_between(lambda, room);
        if (good && !clear) {
            _fmpz_vec_sub(m, q->m->out.c + q->a * q->m->out.each, q->m->out.c + r->k * q->m->out.each, (slong)q->m->out.each);
            good = q->n <= BALLS_MOST && multiplier_holds(&(struct around){q->n, m, r->h, r->twice, q->X, q->unit}, r2, lambda);
        }
        if (!good || !isfinite(lambda)) {
            good = false;
            break;
        }
        fmpq_t l;
        fmpq_init(l);
        set_double(l, lambda);
        text_add(&t, " ");
        fraction_add_text(&t, l);
        fmpq_clear(l);
    }
    if (good) text_add(&q->line, t.data ? t.data : "");
    _fmpz_vec_clear(m, (slong)q->m->out.each);
    fmpq_clear(r2);
    q->line.failed = q->line.failed || t.failed;
    text_clear(&t);
    return good;
}

static double ball_within(struct query *q, double distance)
{
    static const double within[] = {1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2, 0.5}, far[] = {64, 32, 16, 8, 4, 0, -4, -10};
    if (usable(distance))
        for (size_t k = 0; k < sizeof within / sizeof *within; k++) {
            double radius = shortened_down(distance * (1 - within[k]));
            if (radius > 0 && ball_holds(q, radius)) return radius;
        }
    for (size_t k = 0; !usable(distance) && k < sizeof far / sizeof *far; k++)
        if (ball_holds(q, exp2(far[k]))) return exp2(far[k]);
    text_add(&q->line, " -");
    return 0;
}

/* ---- both ---- */

enum status ball_solve(struct text *rest, fmpq_t lo, fmpq_t hi, struct query *q)
{
    const struct rival *near = &q->rivals[0];
    bool tie = query_tied(q), point = tie;
    for (size_t i = 1; i < q->n_rivals; i++)
        if (q->rivals[i].distance < near->distance) near = &q->rivals[i];
    if (!tie) point = (usable(near->distance) && point_beyond(q, near)) || point_at_origin(q, near);
    fmpq_zero(lo);
    fmpq_zero(hi);
    if (point) length_above(hi, q);
    else set_double(hi, exp2(RADIUS_CAP_BITS));
    double ball = tie ? 0 : ball_within(q, near->distance);
    if (tie) text_add(&q->line, " -");
    set_double(lo, ball);
    text_add(rest, " ");
    fraction_add_text(rest, lo);
    text_add(rest, " ");
    fraction_add_text(rest, hi);
    text_add(rest, " ");
    if (point) fractions_add_text(rest, q->point, q->n);
    else text_add(rest, "-");
    text_add(rest, q->line.data ? q->line.data : "");
    return rest->failed || q->line.failed ? STATUS_MEMORY : STATUS_OK;
}
