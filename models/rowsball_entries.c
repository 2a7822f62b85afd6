/* Two entries to one, entries moved and compared, in balls. */
#include "models/rowsball_kernel.h"

static bool same_inputs(const struct ball_job *j) { return j->node->inputs[0] == j->node->inputs[1]; }

void ball_sub(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        arb_sub(j->out + i, j->in[0] + i, j->in[1] + i, j->prec);
        if (j->float32) ball_rounded(j->out + i, 1);
    }
}

void ball_mul(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        if (same_inputs(j)) arb_sqr(j->out + i, j->in[0] + i, j->prec);
        else arb_mul(j->out + i, j->in[0] + i, j->in[1] + i, j->prec);
        if (j->float32) ball_rounded(j->out + i, 1);
        if (same_inputs(j)) arb_nonnegative_part(j->out + i, j->out + i);
    }
}

void ball_div(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        arb_ptr q = j->out + i;
        if (arb_contains_zero(j->in[1] + i) || !arb_is_finite(j->in[1] + i)) {
            arb_zero_pm_inf(q);
        } else if (same_inputs(j)) {
            arb_one(q);
        } else {
            arb_div(q, j->in[0] + i, j->in[1] + i, j->prec);
            if (j->float32) ball_rounded(q, 1);
        }
    }
}

/* One of the two as it is where that is settled, else the hull of both maxima. */
static void larger(arb_t out, const arb_t x, const arb_t y, slong prec)
{
    if (!arb_is_finite(x) || !arb_is_finite(y)) arb_zero_pm_inf(out);
    else if (arb_ge(x, y)) arb_set(out, x);
    else if (arb_le(x, y)) arb_set(out, y);
    else arb_max(out, x, y, prec);
}

void ball_max(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) larger(j->out + i, j->in[0] + i, j->in[1] + i, j->prec);
}

void ball_min(const struct ball_job *j)
{
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    for (size_t i = 0; i < j->width; i++) {
        arb_neg(x, j->in[0] + i);
        arb_neg(y, j->in[1] + i);
        larger(j->out + i, x, y, j->prec);
        arb_neg(j->out + i, j->out + i);
    }
    arb_clear(x);
    arb_clear(y);
}

/* The hull of 0 and x. */
static void kept_or_zero(arb_t out, const arb_t x, slong prec)
{
    arb_t zero;
    arb_init(zero);
    arb_union(out, x, zero, prec);
    arb_clear(zero);
}

void ball_jumprelu(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) {
        arb_srcptr x = j->in[0] + i, T = j->weights[0] + i;
        if (arb_gt(x, T)) arb_set(j->out + i, x);
        else if (arb_le(x, T)) arb_zero(j->out + i);
        else kept_or_zero(j->out + i, x, j->prec);
    }
}

/* The caller passes the row that is asked for. */
void ball_row(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->in[0] + i);
}

void ball_select(const struct ball_job *j)
{
    for (size_t i = 0; i < j->width; i++) arb_set(j->out + i, j->in[0] + (size_t)j->node->w[0].data[i]);
}

void ball_concat(const struct ball_job *j)
{
    arb_ptr to = j->out;
    for (size_t a = 0; a < j->node->n_inputs; a++) {
        size_t width = j->net->nodes[j->node->inputs[a]].width;
        for (size_t i = 0; i < width; i++) arb_set(to++, j->in[a] + i);
    }
}

void ball_maxpool(const struct ball_job *j)
{
    const struct weight *I = &j->node->w[0];
    arb_t top;
    arb_init(top);
    for (size_t i = 0; i < j->width; i++) {
        arb_set(top, j->in[0] + (size_t)I->data[i * I->m]);
        for (size_t c = 1; c < I->m; c++) larger(top, top, j->in[0] + (size_t)I->data[i * I->m + c], j->prec);
        arb_set(j->out + i, top);
    }
    arb_clear(top);
}

void ball_topk(const struct ball_job *j)
{
    arb_srcptr x = j->in[0];
    bool known = true;
    for (size_t i = 0; i < j->width; i++) known = known && arb_is_finite(x + i);
    for (size_t i = 0; i < j->width; i++) {
        size_t surely = 0, possibly = 0, c = j->node->arg[0];
        for (size_t f = 0; f < j->width; f++) {
            if (f == i) continue;
            surely += arb_gt(x + f, x + i) || (f < i && arb_ge(x + f, x + i));
            possibly += !(f < i ? arb_lt(x + f, x + i) : arb_le(x + f, x + i));
        }
        if (!known) arb_zero_pm_inf(j->out + i);
        else if (possibly < c) arb_set(j->out + i, x + i);
        else if (surely >= c) arb_zero(j->out + i);
        else kept_or_zero(j->out + i, x + i, j->prec);
    }
}
