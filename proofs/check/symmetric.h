/* symmetric: the lines `symmetric` and `exchangeable` of rule enumerate (FORMAT.md §3): positions and tokens that the claim cannot tell apart. */
#ifndef CHECK_SYMMETRIC_H
#define CHECK_SYMMETRIC_H
#include "certificate.h"

/* The binder over sequences: its slot, its token sets, and the number of bindings. */
struct domain { int slot; struct product p; uint64_t size; };
/* The members of a class at a position: the tokens of line `line` that are in its set, rising. */
struct members { const int64_t *v; size_t n; size_t line; };
struct members_list { struct members *of; size_t n; };

/* at: the positions, rising, none (n is 0) without a line `symmetric`; slot: of the sequence, of len tokens; domain: number of bindings; binds: what is to be walked, with least members
 * only; where: that tokens do not fall from one of the positions to the next, and the condition; members: by position. */
struct symmetry { const uint32_t *at; uint32_t n; int slot; uint32_t len; uint64_t domain; const struct binds *binds; const struct ex *where; struct members_list *members; };

static inline bool has_symmetry(const struct certificate *c) { return c->symmetric_line > 0 || c->n_classes > 0; }
/* Do the statement's networks, the domain, the condition and the predicate (NULL: true) allow it? The fail says why not. Memory is the statement's. */
bool symmetry_check(struct symmetry *y, const struct certificate *c, struct eval *e, const struct binds *b, const struct ex *where, const struct ex *predicate, struct fail *f);
/* How many bindings the one that is set stands for: 0 where its tokens fall from one position to the next. */
uint64_t symmetry_weight(const struct symmetry *y, const struct eval *e);

/* exchange.c: fills members of y for the lines of c; the binders with least members only. */
bool exchange_read(struct symmetry *y, const struct certificate *c, const struct domain *d, struct arena *a, struct fail *f);
const struct binds *exchange_binds(const struct symmetry *y, const struct binds *b, const struct domain *d, struct arena *a);
/* exchange_claim.c: is the claim the same for all sequences that are alike? */
bool exchange_check(const struct symmetry *y, const struct certificate *c, struct eval *e, const struct binds *b, const struct domain *d, const struct ex *where, const struct ex *predicate, struct fail *f);
#endif
