/* symmetry: positions whose tokens a claim cannot tell apart, found from the weights and the text (FORMAT.md §3, Symmetric positions). Of all orders of the tokens at
 * these positions one is evaluated, with the number of them. */
#ifndef WEIGHTPROOF_VERIFY_SYMMETRY_H
#define WEIGHTPROOF_VERIFY_SYMMETRY_H
#include <stdint.h>
#include "verify/interp.h"

#define SYMMETRY_MAX_BITS 55     /* domains of up to 2^55 bindings */
#define SYMMETRY_MEAN_BITS 40    /* when values are added up */

/* at: rising, none (n is 0) where no two positions are alike. domain: bindings; orbits: how many of them are evaluated. */
struct symmetry { size_t *at; size_t n; int slot; uint64_t domain, orbits; };
void symmetry_clear(struct symmetry *y);
/* Of a claim over `binds` with the condition (or NULL) and the subject. STATUS_OK also when there is none. */
enum status symmetry_find(struct symmetry *out, const struct statement *s, const struct binds *binds, const struct expr *where, const struct expr *subject) MUST_USE;
/* In how many orders the tokens at the positions stand: 0 when they fall from one to the next. */
uint64_t symmetry_weight(const struct symmetry *y, const int *t);

/* symmetry_claim.c. The positions in S of a sequence of len tokens. What cannot be so with all of S is taken away from it, then `again` is set. */
struct symmetric_var { int slot; const struct expr *set; bool positions, apart, across, clear, number, moved; };   /* as in the rule: a set of positions, with none, with all of S, none between two of S; used as */
struct symmetric { const struct statement *s; struct interp *in; int slot; size_t len; bool *in_s, again; struct symmetric_var v[64]; size_t n; enum status status; };
bool symmetric_expr(struct symmetric *w, const struct expr *e);                 /* e may be NULL */
/* The integers of a..b or {...} of literals, *n of them, the caller's. false: another set, or too large (then *out is NULL), or no memory (w->status) */
bool symmetric_set(long **out, size_t *n, struct symmetric *w, const struct expr *set);
/* symmetry_net.c: does every operation treat positions alike? Where rows of positions differ, S becomes its largest part with equal ones. */
bool symmetric_net(struct symmetric *w, const struct net *net);
#endif
