/* plan: what verify would do: types, domain sizes, engine, estimated cost. Decides nothing. */
#ifndef WEIGHTPROOF_CLI_PLAN_H
#define WEIGHTPROOF_CLI_PLAN_H
#include "core/text.h"
#include "verify/statement.h"
void plan_add(struct text *out, const struct statement *s, const char *engine);
#endif
