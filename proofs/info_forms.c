/* What `info` says of bilinear networks. */
#include "proofs/write.h"
#include "verify/quadratic.h"

#define INPUTS_MOST 256

/* Sum over all outputs of the squares of the quadratic coefficients, times 2 or 4 where the matrices count them so (twice a_ii, a_ij and a_ji). */
static void squares(fmpz_t out, const struct outputs *o, bool diagonal)
{
    fmpz_zero(out);
    for (size_t k = 0; k < o->width; k++)
        for (size_t u = 1; u <= o->n; u++)
            for (size_t v = u; v <= o->n; v++) {
                const fmpz *c = o->c + k * o->each + monomial(o->n, u, v);
                if (u != v || diagonal) fmpz_addmul(out, c, c);
                if (u == v && diagonal) fmpz_addmul(out, c, c);
            }
}

bool invisible_share(double *share, const struct net *net)
{
    struct outputs seen = {0}, unseen = {0};
    struct text why;
    text_init(&why);
    bool good = net->width_in > 0 && net->width_in <= INPUTS_MOST && outputs_possible(net, -1, &why) && outputs_make(&seen, net, -1) == STATUS_OK &&
                outputs_turned(&unseen, net, -1) == STATUS_OK;
    text_clear(&why);
    if (good) {
        fmpz_t a, b;
        fmpz_init(a), fmpz_init(b);
        squares(a, &seen, true);
        squares(b, &unseen, false);
        fmpz_add(a, a, b);
        good = !fmpz_is_zero(a);
        if (good) *share = ratio(b, a);
        fmpz_clear(a), fmpz_clear(b);
    }
    outputs_clear(&seen);
    outputs_clear(&unseen);
    return good;
}
