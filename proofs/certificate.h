/* certificate: writes what FORMAT.md says, from a statement and an outcome. Nothing here decides anything. */
#ifndef WEIGHTPROOF_PROOFS_CERTIFICATE_H
#define WEIGHTPROOF_PROOFS_CERTIFICATE_H
#include "verify/engine.h"
/* The verdict word that the outcome proposes ("proved", ..., or NULL when it proposes none), by the table of FORMAT.md §2. */
const char *certificate_verdict(const struct statement *s, const struct outcome *o);
enum status certificate_write(struct text *out, const struct statement *s, const struct outcome *o, struct diag *d) MUST_USE;
#endif
