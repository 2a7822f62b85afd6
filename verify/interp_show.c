/* interp_show.c: values for a reader. Reals as mid +- rad, exact numbers as they are. */
#include "verify/interp_parts.h"
#include <math.h>

#define SHOWN_MAX 4096

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
        if (mpz_sizeinbase(mpq_denref(q), 2) > 40) text_addf(out, "%.12g", mpq_get_d(q));
        else number_add_text(out, q);
        mpq_clear(q);
        return;
    }
    double mid = 0, rad = INFINITY;
    if (in->prec) ball_to_double(&mid, &rad, v->balls + i);
    else {
        mid = v->mid[i];
        rad = v->rad[i];
    }
    if (rad == 0) text_addf(out, "%.12g", mid);
    else if (rad < INFINITY) text_addf(out, "%.12g +- %.1e", mid, rad * 1.06);
    else text_add(out, "unknown");
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

enum status interp_show(struct text *out, struct interp *in, const struct expr *e, struct diag *d)
{
    struct value *v;
    size_t at = 0;
    in->d = d;
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
