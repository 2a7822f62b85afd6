/* interp_input.c: what networks read: rows of real numbers, and numbers that enter a float32 network. */
#include "verify/interp_parts.h"
#include <math.h>

/* A point is rounded exactly when it is a double, as entries of data arrays are; anything else gets the radius of one rounding. */
static void round_ball(arb_t x)
{
    double d = arf_get_d(arb_midref(x), ARF_RND_NEAR);
    if (arb_is_exact(x) && isfinite(d) && arf_cmp_d(arb_midref(x), d) == 0) {
        if (isfinite((float)d)) arb_set_d(x, (double)(float)d);
        else arb_zero_pm_inf(x);
        return;
    }
    mag_t r, eta;
    mag_init(r);
    mag_init(eta);
    mag_set_ui_2exp_si(eta, 1, -149);
    arb_get_mag(r, x);
    mag_mul_2exp_si(r, r, -24);
    mag_add(r, r, eta);
    mag_add(arb_radref(x), arb_radref(x), r);
    mag_clear(r);
    mag_clear(eta);
}

/* What claim arithmetic feeds into a float32 network is rounded once; entries of a run are binary32 already. */
void interp_round_binary32(struct value *v, slong prec)
{
    double *mid = v->own_doubles, *rad = v->own_doubles + v->n;
    for (size_t i = 0; i < v->n && prec; i++) round_ball(v->own_balls + i);
    for (size_t i = 0; i < v->n && !prec; i++) {
        if (rad[i] == 0) {
            mid[i] = (double)(float)mid[i];
            if (!isfinite(mid[i])) rad[i] = INFINITY;
        } else
            rad[i] = (rad[i] + FLOAT32_U * (fabs(mid[i]) + rad[i]) + FLOAT32_ETA) * (1 + 0x1p-48);
    }
}

/* Over reals: one row, or a matrix of rows, kept as numbers that enter the network. */
enum status site_rows(struct site *site, struct interp *in, const struct value *v)
{
    const struct net *net = site->net;
    site->vector = v->rank == 1;
    if (v->kind == KIND_TRUTH || v->rank < 1 || v->rank > 2 || v->shape[v->rank - 1] != net->width_in || (site->vector && net->n_ctx != 1))
        return interp_fail(in, site->tokens, "not an input of the model, which reads %s of %zu numbers", net->n_ctx == 1 ? "a vector" : "a matrix with rows", net->width_in);
    site->n = site->vector ? 1 : v->shape[0];
    if (site->n < 1 || site->n > net->n_ctx) return interp_fail(in, site->tokens, "input of %zu rows, the model takes 1 to %zu", site->n, net->n_ctx);
    size_t first[3] = {0, 0, 0}, count[3] = {v->shape[0], site->vector ? 1 : v->shape[1], 1};
    struct value *x = &site->input;
    site->from = v->kind == KIND_REAL ? v->origin : (struct origin){0};
    if (!value_shape(x, v->rank, v->shape) || !value_box(x, v, first, count, in->prec) || !value_as_real(x, in->prec)) return STATUS_MEMORY;
    if (in->s->semantics == SEMANTICS_FLOAT32 && !site->from.site) interp_round_binary32(x, in->prec);
    return STATUS_OK;
}

void site_enter(struct site *site, struct interp *in)
{
    size_t width = site->net->width_in;
    if (width == 0) {
        if (in->prec) ball_run_tokens(site->now->balls, site->t, site->n);
        else run_tokens(site->now->run, site->t, site->n);
        return;
    }
    if (in->prec) ball_run_length(site->now->balls, site->n);
    else run_length(site->now->run, site->n);
    for (size_t i = 0; i < site->n; i++) {
        if (in->prec) ball_run_input_row(site->now->balls, i, site->input.balls + i * width);
        else run_input_row(site->now->run, i, site->input.mid + i * width, site->input.rad + i * width);
    }
}
