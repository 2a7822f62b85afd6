/* average: averages of one linear form, or of `if P then a else b` with numbers a and b, over classes of sequences (docs/methods.md,
 * "Averages"; FORMAT.md, separable 7). Private to the engines separable and count. */
#ifndef WEIGHTPROOF_VERIFY_AVERAGE_H
#define WEIGHTPROOF_VERIFY_AVERAGE_H
#include "verify/count.h"

/* An average of `if P then a else b`, P of the network, a and b numbers: it is that of how often P holds. */
bool average_counts(const struct statement *s);
/* |a - b| of such an average: how much the value moves with the fraction. */
void average_step(mpq_t out, const struct statement *s);
/* Its value, from the numbers of the outcome. */
void average_of_count(struct outcome *out, const struct statement *s);

/* The sum of the value over the sequences of all classes is in [lo, hi]; the ends leave a checker room for its own rounding. */
struct average { mpq_t lo, hi; bool expired; };
void average_init(struct average *a);
void average_clear(struct average *a);
/* Every class has one line, fewer than 2^125 sequences in all. STATUS_UNSUPPORTED: a sum of attention weights is too small beside the largest weight of its query. */
enum status problem_average(struct average *out, struct problem *p, const struct limits *l) MUST_USE;
#endif
