/* interp_gap.c: how far two arrays are apart. */
#include "verify/interp_parts.h"

enum status interp_gap(struct gap *g, bool *larger, struct interp *in, const struct expr *a, const struct expr *b, struct diag *d)
{
    struct value *x, *y = NULL;
    in->d = d;
    *larger = false;
    enum status s = eval(&x, in, a);
    if (s == STATUS_OK) s = eval(&y, in, b);
    if (s != STATUS_OK) return s;
    if (x->kind == KIND_UNKNOWN || y->kind == KIND_UNKNOWN) return STATUS_OK;
    if (in->prec || x->kind == KIND_TRUTH || y->kind == KIND_TRUTH || x->rank == 0 || x->rank != y->rank || x->n != y->n) return STATUS_UNSUPPORTED;
    if (!value_as_real(x, 0) || !value_as_real(y, 0)) return STATUS_MEMORY;
    size_t width = x->shape[x->rank - 1];
    for (size_t i = 0; i < x->n; i++) {
        double apart = fabs(x->mid[i] - y->mid[i]), unsure = (x->rad[i] + y->rad[i]) * (1 + 0x1p-50);
        double least = apart - unsure - (apart + unsure) * 0x1p-50;   /* what the three operations round */
        if (!(least > g->least) || !isfinite(least)) continue;
        *g = (struct gap){least, i / width, i % width};
        *larger = true;
    }
    return STATUS_OK;
}
