/* inner: comprehensions over sequences that stand inside a claim's value or predicate, one of which an engine that evaluates would go through for every binding. */
#ifndef WEIGHTPROOF_VERIFY_INNER_H
#define WEIGHTPROOF_VERIFY_INNER_H
#include "verify/statement.h"

/* false, with the reason and what would work, when a sum, mean, count, minimum or maximum of network values over more than 2^22 sequences stands inside. */
bool inner_fits(const struct statement *s, struct text *why);
#endif
