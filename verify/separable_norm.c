/* The LayerNorm before the unembedding (separable_net.h): the columns of what it centres and of what it makes of that, but for sigma. */
#include "verify/separable_net.h"

void separable_kappa(mpq_t out, const struct separable_net *s, size_t j)
{
    mpq_t b, u;
    mpq_init(b);
    mpq_init(u);
    mpq_set_d(out, s->u.has_b ? s->u.b.data[j] : 0);
    for (size_t c = 0; s->norm_b && c < s->d_model; c++) {
        mpq_set_d(b, s->norm_b[c]);
        mpq_set_d(u, s->u.w.data[c * s->n_out + j]);
        mpq_mul(b, b, u);
        mpq_add(out, out, b);
    }
    mpq_clear(b);
    mpq_clear(u);
}

static void put_columns(arb_mat_t out, size_t from, const arb_mat_t y)
{
    for (slong i = 0; i < arb_mat_nrows(y); i++)
        for (slong j = 0; j < arb_mat_ncols(y); j++)
            arb_set(arb_mat_entry(out, i, (slong)from + j), arb_mat_entry(y, i, j));
}

void separable_normed(arb_mat_t out, const arb_mat_t x, const double *more, const struct separable_net *s, bool bias, slong prec)
{
    slong rows = arb_mat_nrows(x), d = (slong)s->d_model;
    arb_mat_t r, y, z;
    arb_t v;
    arb_init(v);
    arb_mat_init(r, rows, d);
    arb_mat_init(y, rows, (slong)s->n_out);
    arb_mat_init(z, rows, (slong)s->units);
    arb_mat_set(r, x);
    for (slong i = 0; more && i < rows; i++)
        for (slong c = 0; c < d; c++) {
            arb_set_d(v, more[c]);
            arb_add(arb_mat_entry(r, i, c), arb_mat_entry(r, i, c), v, prec);
        }
    for (slong i = 0; i < rows; i++)
        separable_centre(arb_mat_entry(r, i, 0), d, prec);
    if (s->rests > 0)
        put_columns(out, s->n_out + s->units, r);
    for (slong i = 0; s->norm_w && i < rows; i++)
        for (slong c = 0; c < d; c++) {
            arb_set_d(v, s->norm_w[c]);
            arb_mul(arb_mat_entry(r, i, c), arb_mat_entry(r, i, c), v, prec);
        }
    separable_linear(y, r, &s->u, false, prec);
    put_columns(out, 0, y);
    if (s->units > 0) {
        separable_linear(z, x, &s->in, bias, prec);
        put_columns(out, s->n_out, z);
    }
    arb_mat_clear(r);
    arb_mat_clear(y);
    arb_mat_clear(z);
    arb_clear(v);
}
