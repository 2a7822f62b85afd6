/* interval: truth of a `prove` line over the certified intervals of number, total, fraction or value. */
#ifndef WEIGHTPROOF_PROOFS_INTERVAL_H
#define WEIGHTPROOF_PROOFS_INTERVAL_H
#include "verify/engine.h"

/* fraction of a count: [LO(number)/HI(total), HI(number)/LO(total)], cut at 1; total_lo >= 1. */
void outcome_fraction(mpq_t lo, mpq_t hi, const struct outcome *o);
/* TRUTH_TRUE when s->prove is true for every number in the outcome's intervals, TRUTH_FALSE when false for every one; number, total and
 * fraction are taken as independent. What the intervals or this function cannot settle is TRUTH_UNSETTLED. */
enum truth prove_over(const struct statement *s, const struct outcome *o);
#endif
