/* falsehood: why a closed claim is false, as the prover reads it; no verdict rests on it. */
#ifndef WEIGHTPROOF_PROOFS_FALSEHOOD_H
#define WEIGHTPROOF_PROOFS_FALSEHOOD_H
#include "proofs/result.h"

/* Adds ": " and the first comparison that fails, with the values of both sides; nothing where that is not a comparison of numbers. */
void falsehood_say(struct text *out, const struct result *r);
#endif
