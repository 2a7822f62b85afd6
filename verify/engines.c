/* engines.c: the portfolio, cheapest kind first; the cost estimate decides among those that take a statement. */
#include "verify/engine.h"

const struct engine *const engine_list[] = {
    &engine_separable,
    &engine_cells,
    &engine_quadratic,
    &engine_polynomial,
    &engine_bound,
    &engine_smt,
    &engine_count,
    &engine_search,
    &engine_enumerate,
};
const size_t n_engines = sizeof engine_list / sizeof *engine_list;
