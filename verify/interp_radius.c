/* interp_radius.c: distances to other answers, as enclosures that the statement's store has or finds. */
#include "verify/interp_parts.h"
#include "verify/radius.h"

static void enclose(double *mid, double *rad, arb_t ball, const fmpq_t lo, const fmpq_t hi, slong prec)
{
    arb_t a, b, x;
    arb_init(a), arb_init(b), arb_init(x);
    arb_set_fmpq(a, lo, prec ? prec : 128);
    arb_set_fmpq(b, hi, prec ? prec : 128);
    arb_union(x, a, b, prec ? prec : 128);
    if (prec) arb_set(ball, x);
    else ball_to_double(mid, rad, x);
    arb_clear(a), arb_clear(b), arb_clear(x);
}

/* An exact vector of n entries; a number for n equal ones where that is allowed. */
static enum status exact_vector(fmpq **out, size_t n, bool spread, struct interp *in, const struct expr *e)
{
    fmpq *v = NULL;
    size_t size = 0;
    bool scalar = false;
    enum status s = interp_exact(&v, &size, &scalar, in, e, in->d);
    if (s == STATUS_UNSUPPORTED || (s == STATUS_OK && (scalar ? !spread : size != n))) s = interp_fail(in, e, "radius takes a vector of %zu exact numbers", n);
    if (s == STATUS_OK) *out = _fmpq_vec_init((slong)n);
    for (size_t i = 0; s == STATUS_OK && i < n; i++) fmpq_set(*out + i, v + (scalar ? 0 : i));
    if (v) _fmpq_vec_clear(v, (slong)size);
    return s;
}

enum status radius_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct model *model = statement_model(in->s, e->args[0]->name);
    fmpq *v[3] = {NULL, NULL, NULL};      /* x, and the corners of the box */
    bool known = true, one = e->n_args % 2 == 1;
    long target = -1;
    double *mid, *rad;
    arb_ptr balls;
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    if (in->s->semantics != SEMANTICS_REAL) return interp_fail(in, e, "radius is of the real function: claim it under real");
    size_t n = model->net.width_in;
    enum status s = one ? eval_int(&target, &known, in, e->args[2]) : STATUS_OK;
    if (s != STATUS_OK) return s;
    if (!known || (one && target < 0)) return interp_fail(in, e, "the third argument of radius is an output of the network");
    s = exact_vector(&v[0], n, false, in, e->args[1]);
    for (size_t i = 1; s == STATUS_OK && e->n_args > 3 && i < 3; i++) s = exact_vector(&v[i], n, true, in, e->args[1 + one + i]);
    for (size_t i = 0; s == STATUS_OK && v[1] && i < n; i++)
        if (fmpq_cmp(v[1] + i, v[2] + i) > 0) s = interp_fail(in, e->args[2 + one], "the box of radius is empty: entry %zu of its lower corner is above that of the upper one", i);
    fmpq_t lo, hi;
    fmpq_init(lo);
    fmpq_init(hi);
    if (s == STATUS_OK) s = radii_find(lo, hi, in->s->radii, e->args[0]->name, &model->net, v[0], target, v[1], v[2], in->d);
    if (s == STATUS_OK && !(value_shape(out, 0, NULL) && value_make_real(out, in->prec, &mid, &rad, &balls))) s = STATUS_MEMORY;
    if (s == STATUS_OK) enclose(mid, rad, balls, lo, hi, in->prec);
    for (size_t i = 0; i < 3; i++)
        if (v[i]) _fmpq_vec_clear(v[i], (slong)n);
    fmpq_clear(lo);
    fmpq_clear(hi);
    return s;
}
