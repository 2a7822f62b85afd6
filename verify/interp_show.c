/* interp_show.c: values for a reader. Reals as [mid +/- rad] with the rounding of the digits inside rad, short exact numbers as they are. */
#include "verify/interp_parts.h"
#include <math.h>

#define SHOWN_MAX 4096

#define SHOWN_DIGITS 15

static void show_ball(struct text *out, const arb_t x)
{
    char *s = arb_get_str(x, SHOWN_DIGITS, 0);
    text_add(out, s && arb_is_finite(x) ? s : "unknown");
    flint_free(s);
}

static void show_entry(struct text *out, const struct interp *in, const struct value *v, size_t i)
{
    if (v->kind == KIND_INT) {
        text_addf(out, "%ld", v->ints[i]);
        return;
    }
    if (v->kind == KIND_EXACT) {
        mpq_t q;
        mpq_init(q);
        fmpz_get_mpz(mpq_numref(q), v->num + i);
        fmpz_get_mpz(mpq_denref(q), v->den);
        mpq_canonicalize(q);
        if (mpz_sizeinbase(mpq_denref(q), 2) > 40) {
            arb_t x;
            arb_init(x);
            ball_set_number(x, q, 128);
            show_ball(out, x);
            arb_clear(x);
        } else {
            number_add_text(out, q);
        }
        mpq_clear(q);
        return;
    }
    if (in->prec) {
        show_ball(out, v->balls + i);
        return;
    }
    arb_t x;
    arb_init(x);
    arb_set_d(x, v->mid[i]);
    mag_set_d(arb_radref(x), v->rad[i]);
    show_ball(out, x);
    arb_clear(x);
}

static void show_axis(struct text *out, const struct interp *in, const struct value *v, size_t axis, size_t *at)
{
    if (axis == v->rank) {
        show_entry(out, in, v, (*at)++);
        return;
    }
    text_add(out, "{");
    for (size_t i = 0; i < v->shape[axis]; i++) {
        if (i) text_add(out, ", ");
        show_axis(out, in, v, axis + 1, at);
    }
    text_add(out, "}");
}

/* Where a real vector is largest, as `argmax(v) == i` reads it: the entry that leads every other one, and by how much. */
static enum status show_argmax(struct text *out, struct interp *in, const struct expr *e)
{
    struct value *v;
    arb_t lead, least;
    bool any = false;
    enum status s = eval(&v, in, e->args[0]);
    if (s != STATUS_OK) return s;
    if (v->kind == KIND_UNKNOWN || !value_as_real(v, in->prec)) {
        text_add(out, "unsettled");
        return STATUS_OK;
    }
    arb_init(lead);
    arb_init(least);
    for (size_t i = 0; i < v->n && !any; i++) {
        arb_pos_inf(least);
        for (size_t j = 0; j < v->n; j++) {
            if (j == i) continue;
            arb_sub(lead, v->balls + i, v->balls + j, in->prec);
            arb_min(least, least, lead, in->prec);
        }
        any = arb_is_positive(least);
        if (any) text_addf(out, "%zu (lead ", i);
    }
    if (any && v->n == 1) text_add(out, "of the only entry)");
    else if (any) show_ball(out, least), text_add(out, ")");
    else text_add(out, "no single largest entry");
    arb_clear(lead);
    arb_clear(least);
    return STATUS_OK;
}

enum status interp_show(struct text *out, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    size_t at = 0;
    in->d = d;
    if (in->prec && is_strict_argmax(e)) return show_argmax(out, in, e);
    enum status s = eval(&v, in, e);
    if (s != STATUS_OK) return s;
    if (v->kind == KIND_UNKNOWN || (v->kind == KIND_TRUTH && v->truth == TRUTH_UNSETTLED)) text_add(out, "unsettled");
    else if (v->kind == KIND_TRUTH) text_add(out, v->truth == TRUTH_TRUE ? "true" : "false");
    else if (v->n > SHOWN_MAX) {
        text_add(out, "array of");
        for (size_t i = 0; i < v->rank; i++) text_addf(out, "%s%zu", i ? " x " : " ", v->shape[i]);
    } else
        show_axis(out, in, v, 0, &at);
    return out->failed ? STATUS_MEMORY : STATUS_OK;
}
