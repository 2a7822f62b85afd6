/* Normalisation of a row: layernorm, rmsnorm. */
#include "rows.h"

/* out = in - mean; the sum of its squares */
static bool centre(struct run *r, struct num *out, struct num *squares, const struct num *in, const struct num *k, uint32_t width) {
    struct num mean, t;
    num_init(&mean);
    num_init(&t);
    num_set_int(squares, 0);
    for (uint32_t j = 0; j < width; j++) num_add(&mean, &mean, &in[j], r->p);
    bool good = num_div(&mean, &mean, k, r->p);
    for (uint32_t j = 0; j < width; j++) {
        num_sub(&out[j], &in[j], &mean, r->p);
        num_square(&t, &out[j], r->p);
        num_add(squares, squares, &t, r->p);
    }
    num_clear(&mean);
    num_clear(&t);
    return good;
}

/* c = x - mean, s = sqrt(mean of c^2 + eps), c / s (times w plus b). With a second argument (edit.h) s is that of its row. */
bool row_layernorm(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *in = row_of(r, x->args[0], row), *by = row_of(r, x->args[x->n_args - 1], row);
    if (r->float32) return f32_layernorm(r, x, out, in, by, f);
    unsigned p = r->p;
    struct num k, var, t;
    num_init(&k);
    num_init(&var);
    num_init(&t);
    num_set_int(&k, x->width);
    bool good = centre(r, out, &var, by, &k, x->width);
    num_set_dyadic(&t, r->net->eps);
    good = good && num_div(&var, &var, &k, p);
    num_add(&var, &var, &t, p);
    good = good && num_sqrt(&var, &var, p);
    if (good && by != in) {
        struct num unused;
        num_init(&unused);
        good = centre(r, out, &unused, in, &k, x->width);
        num_clear(&unused);
    }
    for (uint32_t j = 0; good && j < x->width; j++) {
        good = num_div(&out[j], &out[j], &var, p);
        if (!good || x->w.t == NULL) continue;
        weight_num(&t, &x->w, j);
        num_mul(&out[j], &out[j], &t, p);
        weight_num(&t, &x->b, j);
        num_add(&out[j], &out[j], &t, p);
    }
    if (!good) fail_at(f, 0, "the variance of a LayerNorm is not proved positive");
    num_clear(&k);
    num_clear(&var);
    num_clear(&t);
    return good;
}

/* s = sqrt(mean of x^2 + eps), x / s (times w). With a second argument s is that of its row. */
bool row_rmsnorm(struct run *r, const struct node *x, uint32_t row, struct num *out, struct fail *f) {
    const struct num *in = row_of(r, x->args[0], row), *by = row_of(r, x->args[x->n_args - 1], row);
    if (r->float32) return f32_rmsnorm(r, x, out, in, by, f);
    struct num k, s, t;
    num_init(&k);
    num_init(&s);
    num_init(&t);
    num_set_int(&k, x->width);
    for (uint32_t j = 0; j < x->width; j++) {
        num_square(&t, &by[j], r->p);
        num_add(&s, &s, &t, r->p);
    }
    num_set_dyadic(&t, r->net->eps);
    bool good = num_div(&s, &s, &k, r->p);
    num_add(&s, &s, &t, r->p);
    good = good && num_sqrt(&s, &s, r->p);
    for (uint32_t j = 0; good && j < x->width; j++) {
        good = num_div(&out[j], &in[j], &s, r->p);
        if (!good || x->w.t == NULL) continue;
        weight_num(&t, &x->w, j);
        num_mul(&out[j], &out[j], &t, r->p);
    }
    if (!good) fail_at(f, 0, "the mean square of an rmsnorm is not proved positive");
    num_clear(&k);
    num_clear(&s);
    num_clear(&t);
    return good;
}
