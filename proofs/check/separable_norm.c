/* A LayerNorm before the unembedding (FORMAT.md §3, separable 2): logit_j = N_j / sigma + kappa_j with one sigma = sqrt(var + eps) > 0 for all j. N is linear in the row that
 * the LayerNorm reads: it is the output with the LayerNorm's row replaced by the centred one times w, less the output with that row at 0; kappa the output with it at b. */
#include "rows.h"
#include "separable.h"

/* The output's row with the LayerNorm's row at v, on n times some token: nothing but v reaches it. */
static bool output_with(struct sep *s, const struct num *v, struct num *out) {
    struct run r;
    sep_run(s, &r, s->sets.v[s->row][0], false);
    run_add_patch(&r, s->norm, (int)s->row, (int)s->row, s->net->nodes[s->norm].width, v);
    const struct num *row = run_row(&r, s->net->output, s->row, s->fail);
    for (uint32_t j = 0; row != NULL && j < s->n_out; j++) num_copy(&out[j], &row[j]);
    run_clear(&r);
    return row != NULL;
}

bool sep_numerators(struct sep *s, struct run *r, struct num *out) {
    const struct node *x = &s->net->nodes[s->norm];
    const struct num *in = run_row(r, x->args[0], s->row, s->fail);
    struct num *v = nums_new(x->width), mean, t;
    num_init(&mean), num_init(&t);
    num_set_int(&t, x->width);
    for (uint32_t c = 0; in != NULL && c < x->width; c++) num_add(&mean, &mean, &in[c], TABLE_P);
    bool good = in != NULL && num_div(&mean, &mean, &t, TABLE_P);
    for (uint32_t c = 0; good && c < x->width; c++) {
        num_sub(&v[c], &in[c], &mean, TABLE_P);
        if (s->n_centred > 0) num_copy(&out[s->n_out + s->units + c], &v[c]);
        if (x->w.t == NULL) continue;
        weight_num(&t, &x->w, c);
        num_mul(&v[c], &v[c], &t, TABLE_P);
    }
    good = good && output_with(s, v, out);
    for (uint32_t j = 0; good && j < s->n_out; j++) num_sub(&out[j], &out[j], &s->nought[j], TABLE_P);
    num_clear(&mean), num_clear(&t);
    nums_free(v, x->width);
    return good;
}

bool sep_norm(struct sep *s) {
    if (s->norm < 0) return true;
    const struct node *x = &s->net->nodes[s->norm];
    struct num *v = nums_new(x->width), *out = nums_new(s->n_out), t;
    num_init(&t);
    mpq_init(s->eps);
    dyadic_mpq(s->eps, s->net->eps);
    s->kappa = mem_get(s->n_out, sizeof *s->kappa);
    s->nought = nums_new(s->n_out);
    for (uint32_t j = 0; j < s->n_out; j++) mpq_init(s->kappa[j]);
    for (uint32_t c = 0; c < x->width; c++) num_to_real(&v[c], &t, TABLE_P);
    bool good = output_with(s, v, s->nought);
    for (uint32_t c = 0; c < x->width; c++) {
        num_set_int(&t, 0);
        if (x->w.t != NULL) weight_num(&t, &x->b, c);
        num_to_real(&v[c], &t, TABLE_P);
    }
    good = good && output_with(s, v, out);
    if (good && mpq_sgn(s->eps) <= 0) good = sep_refuse(s, "a final LayerNorm with eps 0");
    for (uint32_t j = 0; good && j < s->n_out; j++) { /* without rounding: sums of these that are 0 are 0 */
        if (out[j].kind != K_REAL || mpz_cmp(LO(&out[j]), HI(&out[j])) != 0) good = sep_refuse(s, "biases behind the final LayerNorm with too many bits");
        if (!good) break;
        mpq_set_z(s->kappa[j], LO(&out[j]));
        mpq_div_2exp(s->kappa[j], s->kappa[j], TABLE_P);
    }
    num_clear(&t);
    nums_free(v, x->width);
    nums_free(out, s->n_out);
    return good;
}

/* c + sum alpha logit = (N + kappa sigma) / sigma, kappa = c + sum alpha kappa_j: the sign is that of N when kappa is 0, for all other kappa rule cells has bounds of sigma. */
bool norm_form(struct sep *s, struct iform *f, struct num *c, const struct num **beta) {
    if (s->norm < 0 || f->n == 0) return true;
    for (uint32_t k = 0; *beta != NULL && k < s->at[s->n]; k++)
        if (mpq_sgn((*beta)[k].q) != 0) return sep_refuse(s, "logits behind a final LayerNorm and attention in one form");
    *beta = NULL;
    mpq_t kappa, t;
    mpq_inits(kappa, t, NULL);
    for (uint32_t a = 0; a < f->n; a++) {
        mpq_set_si(t, f->alpha[a], 1);
        mpq_mul(t, t, s->kappa[f->j[a]]);
        mpq_add(kappa, kappa, t);
    }
    mpq_set_si(t, f->times, 1); /* the alphas are those of the form times this, and c will be */
    mpq_div(kappa, kappa, t);
    mpq_add(kappa, kappa, c->q);
    num_set_mpq(c, kappa);
    f->normed = true;
    bool good = mpq_sgn(kappa) == 0 || s->n_centred > 0 || sep_refuse(s, "a final LayerNorm: only forms whose constants are 0 have the sign of a sum over positions");
    mpq_clears(kappa, t, NULL);
    return good;
}

void sep_norm_clear(struct sep *s) {
    if (s->kappa == NULL) return;
    for (uint32_t j = 0; j < s->n_out; j++) mpq_clear(s->kappa[j]);
    mem_free(s->kappa);
    nums_free(s->nought, s->n_out);
    mpq_clear(s->eps);
}
