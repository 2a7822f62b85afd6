/* symmetric: the line `symmetric` of rule enumerate (FORMAT.md §3): positions whose tokens the claim cannot tell apart. */
#ifndef CHECK_SYMMETRIC_H
#define CHECK_SYMMETRIC_H
#include "certificate.h"

/* at: the positions, rising; slot: of the sequence; where: that its tokens do not fall from one position to the next, and the condition; domain: number of bindings. */
struct symmetry { const uint32_t *at; uint32_t n; int slot; const struct ex *where; uint64_t domain; };

/* Do the statement's networks, the domain, the condition and the predicate (NULL: true) allow it? The fail says why not. Memory is the statement's. */
bool symmetry_check(struct symmetry *y, const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, struct fail *f);
/* How many bindings the one that is set stands for: 0 where its tokens fall from one position to the next. */
uint64_t symmetry_weight(const struct symmetry *y, const struct eval *e);
#endif
