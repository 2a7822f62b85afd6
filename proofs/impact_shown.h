/* impact_shown: what interventions were seen to change. */
#ifndef WEIGHTPROOF_PROOFS_IMPACT_SHOWN_H
#define WEIGHTPROOF_PROOFS_IMPACT_SHOWN_H
#include "proofs/result.h"

/* Fills r->impacts within these limits; one of them in words; all as JSON: nothing, or a key `interventions`. */
void result_impacts(struct result *r, const struct limits *l);
void impact_say(struct text *out, const struct impact *x);
void impacts_json(struct text *out, const struct result *r);
#endif
