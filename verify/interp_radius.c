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

enum status radius_value(struct value *out, struct interp *in, const struct expr *e)
{
    const struct model *model = statement_model(in->s, e->args[0]->name);
    fmpq *x = NULL;
    size_t n = 0;
    bool scalar = false, known = true;
    long target = -1;
    double *mid, *rad;
    arb_ptr balls;
    if (!model || !in->s->radii) return interp_fail(in, e, "no network for this model");
    if (in->s->semantics != SEMANTICS_REAL) return interp_fail(in, e, "radius is of the real function: claim it under real");
    enum status s = e->n_args == 3 ? eval_int(&target, &known, in, e->args[2]) : STATUS_OK;
    if (s != STATUS_OK) return s;
    if (!known || (e->n_args == 3 && target < 0)) return interp_fail(in, e, "the third argument of radius is an output of the network");
    s = interp_exact(&x, &n, &scalar, in, e->args[1], in->d);
    if (s == STATUS_UNSUPPORTED || (s == STATUS_OK && (scalar || n != model->net.width_in))) s = interp_fail(in, e, "radius takes a vector of %zu exact numbers", model->net.width_in);
    fmpq_t lo, hi;
    fmpq_init(lo);
    fmpq_init(hi);
    if (s == STATUS_OK) s = radii_find(lo, hi, in->s->radii, e->args[0]->name, &model->net, x, target, in->d);
    if (s == STATUS_OK && !(value_shape(out, 0, NULL) && value_make_real(out, in->prec, &mid, &rad, &balls))) s = STATUS_MEMORY;
    if (s == STATUS_OK) enclose(mid, rad, balls, lo, hi, in->prec);
    if (x) _fmpq_vec_clear(x, (slong)n);
    fmpq_clear(lo);
    fmpq_clear(hi);
    return s;
}
