/* certify: the certificate of one outcome through the independent checker. */
#ifndef WEIGHTPROOF_PROOFS_CERTIFY_H
#define WEIGHTPROOF_PROOFS_CERTIFY_H
#include "proofs/judge.h"

/* Writes the certificate into the judge's folder, runs the checker on it, and sets verdict, evidence or reason. word: the verdict that the
 * outcome proposes. True when the checker looked at it and did not accept: another engine's certificate may fare better. */
bool certify(struct result *r, const char *word, const struct judge *j, struct diag *d);
#endif
