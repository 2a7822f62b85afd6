/* mean_kept: rows of means of attention that the process has made, so that every interpreter of a claim (a thread's, a precision's, the report's) does not make them anew. */
#ifndef WEIGHTPROOF_VERIFY_MEAN_KEPT_H
#define WEIGHTPROOF_VERIFY_MEAN_KEPT_H
#include "verify/mean_attention.h"

/* Whose row it is: networks are told apart by their sha256 (one without is never kept), sets by their tokens. */
struct mean_key { const struct net *net; const struct token_set *sets; size_t length, node, row; };
/* One thread at a time between these two, which may be long: who comes second finds what the first has made. */
bool mean_kept_find(arb_ptr out, const struct mean_key *k);
void mean_kept_add(const struct mean_key *k, arb_srcptr row);
#endif
