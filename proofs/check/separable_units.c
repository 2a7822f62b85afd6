/* Linear forms as integers in units of 2^-SEP_BITS, with radii. */
#include "separable_forms.h"

/* floor(q * m * 2^SEP_BITS), below 2^52 in size */
static bool to_units(struct compile *c, const mpq_t q, const mpz_t m, int64_t *out) {
    mpz_t t;
    mpz_init(t);
    mpz_mul(t, mpq_numref(q), m);
    mpz_mul_2exp(t, t, SEP_BITS);
    mpz_fdiv_q(t, t, mpq_denref(q));
    bool good = mpz_sizeinbase(t, 2) <= SEP_BITS + 12;
    *out = good ? mpz_get_si(t) : 0;
    mpz_clear(t);
    return good ? true : sep_refuse(c->s, "a coefficient is too large");
}

/* R = sum |alpha| r + max |beta| ((n + 12) u + n 2^-123), in units, rounded up */
static bool float32_error(const struct sep *s, struct iform *f, int64_t sizes) {
    int64_t most = 0;
    for (uint32_t k = 0; f->beta != NULL && k < s->at[s->n]; k++) most = (f->beta[k] < 0 ? -f->beta[k] : f->beta[k]) > most ? (f->beta[k] < 0 ? -f->beta[k] : f->beta[k]) : most;
    __int128 r = (__int128)sizes * s->logit_error + (((__int128)(most + 1) * (s->n + 13)) >> 24) + 2;
    f->error = (int64_t)r;
    return r < (__int128)1 << 56;
}

/* m: the least common multiple of it and the denominators of the alphas. */
void form_denominators(const struct sep *s, const struct lf *f, mpz_t m) {
    for (uint32_t j = 0; f->alpha != NULL && j < s->n_out; j++)
        if (mpz_cmp_ui(mpq_denref(f->alpha[j].q), 1) != 0) mpz_lcm(m, m, mpq_denref(f->alpha[j].q));
}

/* The form times the least common denominator of its alphas, and `also`. Radius of one position's term w G: c 1, beta 1, each alpha 2 units (D and C within one),
 * times w <= 1; the error of w, two units of 2^-60 times |G| <= 2^58 units, 1; the last shift 1. */
bool form_integer(struct compile *c, const struct lf *f, const mpz_t also, bool strict, struct iform *out) {
    struct sep *s = c->s;
    mpz_t m, t;
    mpz_inits(m, t, NULL);
    mpz_set(m, also);
    *out = (struct iform){.strict = strict, .radius = 3};
    out->alpha = arena_get(c->a, s->n_out, sizeof *out->alpha);
    out->j = arena_get(c->a, s->n_out, sizeof *out->j);
    form_denominators(s, f, m);
    bool good = mpz_sizeinbase(m, 2) <= 20;
    out->times = good ? mpz_get_si(m) : 1;
    int64_t sizes = 0;
    for (uint32_t j = 0; good && f->alpha != NULL && j < s->n_out; j++) {
        if (mpq_sgn(f->alpha[j].q) == 0) continue;
        mpz_mul(t, mpq_numref(f->alpha[j].q), m);
        mpz_divexact(t, t, mpq_denref(f->alpha[j].q));
        good = mpz_sizeinbase(t, 2) <= 20;
        if (!good) continue;
        out->alpha[out->n] = mpz_get_si(t);
        out->j[out->n++] = j;
        sizes += mpz_get_si(t) * mpz_sgn(t);
    }
    struct num *constant = forms_number(c, 0);
    const struct num *beta = f->beta;
    num_copy(constant, f->c);
    good = good && norm_form(s, out, constant, &beta) && to_units(c, constant->q, m, &out->c);
    if (beta != NULL) {
        out->beta = arena_get(c->a, s->at[s->n], sizeof *out->beta);
        out->radius++;
        for (uint32_t k = 0; good && k < s->at[s->n]; k++) good = to_units(c, beta[k].q, m, &out->beta[k]);
    }
    out->radius += 2 * sizes;
    out->narrow = sizes <= 256; /* c, beta < 2^52, logits < 2^53 */
    if (good && !s->e->s->float32) form_keep(s, out, constant, beta, m);
    if (s->e->s->float32) good = good && float32_error(s, out, sizes);
    mpz_clears(m, t, NULL);
    return good ? true : sep_refuse(s, "a coefficient is too large");
}

bool forms_finish(struct compile *c, const struct sval *v, struct truth *out) {
    *out = (struct truth){.negated = v->negated};
    if (v->kind == S_TRI) {
        out->constant = true;
        out->value = v->tri;
        return v->tri != OPEN ? true : forms_refuse(c);
    }
    if (v->kind != S_TRUTH) return forms_refuse(c);
    out->form = arena_get(c->a, v->n, sizeof *out->form);
    mpz_t one;
    mpz_init_set_ui(one, 1);
    bool good = true;
    for (size_t i = 0; good && i < v->n; i++) {
        struct iform *f = &out->form[out->n++];
        good = form_integer(c, &v->f[i], one, v->strict[i], f);
        f->times = 1; /* no sign rests on it: forms that are the same but for a factor are one */
    }
    mpz_clear(one);
    return good;
}
