/* Does mid +- rad, rad finite, enclose a ball? */
#ifndef TESTS_MODELS_ENCLOSED_H
#define TESTS_MODELS_ENCLOSED_H
#include <stdbool.h>
#include <arb.h>

static inline bool encloses(double mid, double rad, arb_srcptr x)
{
    arb_t d;
    arf_t bound;
    arb_init(d);
    arf_init(bound);
    arf_set_d(bound, mid);
    arb_sub_arf(d, x, bound, ARF_PREC_EXACT);
    arb_get_abs_ubound_arf(bound, d, 60);
    bool good = arf_cmpabs_d(bound, rad) <= 0;
    arb_clear(d);
    arf_clear(bound);
    return good;
}
#endif
