/* residual_read: expressions of the tokens as terms (residual.h). */
#ifndef WEIGHTPROOF_VERIFY_RESIDUAL_READ_H
#define WEIGHTPROOF_VERIFY_RESIDUAL_READ_H
#include "verify/features.h"
#include "verify/residual.h"

/* The term of an integer or a truth that reads the sequence; binders outside it are bound. STATUS_UNSUPPORTED, without a reason, for what terms do not follow. */
enum status residual_read(int *out, struct features *f, const struct expr *e) MUST_USE;
#endif
