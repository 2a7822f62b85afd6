/* residual_read: expressions of the tokens as terms (residual.h). */
#ifndef WEIGHTPROOF_VERIFY_RESIDUAL_READ_H
#define WEIGHTPROOF_VERIFY_RESIDUAL_READ_H
#include "verify/features.h"
#include "verify/residual.h"

/* The term of an integer or a truth that reads the sequence; binders outside it are bound. STATUS_UNSUPPORTED, without a reason, for what terms do not follow. */
enum status residual_read(int *out, struct features *f, const struct expr *e) MUST_USE;
/* The terms of the tokens of a sequence: the caller's array, to be freed. */
enum status residual_sequence(int **out, size_t *n, struct features *f, const struct expr *e) MUST_USE;
/* t is the sequence of the image set {E : B where C} that f->alias tells: t is E, and C, a truth. */
enum status residual_image(int *out, struct features *f, const struct expr *image) MUST_USE;
#endif
