/* features_parts: the adding of features (features_scan.c), shared with what finds them in a claim (features_find.c). All add to f->items, or nothing when an earlier feature
 * is the same; STATUS_UNSUPPORTED with f->why when the expression is no scan. `use` is a set of USE_. */
#ifndef WEIGHTPROOF_VERIFY_FEATURES_PARTS_H
#define WEIGHTPROOF_VERIFY_FEATURES_PARTS_H
#include "verify/features.h"

/* The token at one position: the maximum over that position alone. */
enum status features_add_token(struct features *f, size_t at, unsigned use) MUST_USE;
/* max, min, sum, argmax, argmin of the whole sequence, the largest or smallest of that rank; contains when `wanted` is given. */
enum status features_add_whole(struct features *f, enum scan scan, unsigned rank, const long *wanted, unsigned use) MUST_USE;
/* A comprehension over positions whose body and condition read the token at its own position only. */
enum status features_add_comprehension(struct features *f, const struct expr *e, unsigned use) MUST_USE;
/* What no single scan computes is followed by what is left of the expression after each token. */
enum status features_add_residual(struct features *f, const struct expr *e, unsigned use) MUST_USE;
/* Leaves the first n features. */
void features_drop(struct features *f, size_t n);
/* Does e read a variable of a comprehension over network values? A feature is one scan for all instances of it (the own token of a sum is no feature). */
bool features_read_opened(const struct features *f, const struct expr *e);
enum status features_refuse_opened(struct features *f) MUST_USE;
#endif
