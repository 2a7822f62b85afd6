/* means: how many runs a mean over a set of sequences, or the box of `any over` one, takes. */
#ifndef WEIGHTPROOF_VERIFY_MEANS_H
#define WEIGHTPROOF_VERIFY_MEANS_H
#include "verify/statement.h"

/* More are not gone through: the checker does it once a claim and precision, every thread of an enumeration by itself. */
#define MEAN_MOST (1 << 24)

/* Runs of an ablate whose target is `mean over` or `any over` a set; 0 for any other. At most that many: where S is a product of sets of tokens, the combinations of those
 * tokens that the rows named depend on, for each such group of tokens. STATUS_INPUT and the like with a message when the set cannot be read. */
enum status mean_runs(mpz_t out, const struct statement *s, const struct expr *ablate, struct diag *d) MUST_USE;
/* May all of a statement be taken? Else says in `why` what is over how many, and what would work. */
bool means_fit(const struct statement *s, struct text *why);
#endif
