/* symmetry: positions whose tokens, and tokens which a claim cannot tell apart, found from the weights and the text (FORMAT.md §3, Symmetric positions, Exchangeable tokens). Of all orders
 * of the tokens at these positions, and of all tokens of one class, one is evaluated, with the number of them. */
#ifndef WEIGHTPROOF_VERIFY_SYMMETRY_H
#define WEIGHTPROOF_VERIFY_SYMMETRY_H
#include <stdint.h>
#include "verify/arena.h"
#include "verify/exchange.h"

#define SYMMETRY_MAX_BITS 55     /* domains of up to 2^55 bindings */
#define SYMMETRY_MEAN_BITS 40    /* when values are added up */

/* at: rising, none (n is 0) where no two positions are alike. tokens: classes of tokens, if there are any; then lines are those of the certificate, and binds what is to be walked. domain:
 * bindings; orbits: how many of them are evaluated. */
struct symmetry { size_t *at; size_t n; int slot; struct exchanged tokens; char *lines; struct binds *binds; struct arena arena; uint64_t domain, orbits; };
void symmetry_clear(struct symmetry *y);
bool symmetry_is_none(const struct symmetry *y);
/* Of a claim over `binds` with the condition (or NULL) and the subject. STATUS_OK also when there is none. */
enum status symmetry_find(struct symmetry *out, const struct statement *s, const struct binds *binds, const struct expr *where, const struct expr *subject) MUST_USE;
/* In how many orders the tokens at the positions stand, times the sequences of other tokens of their classes: 0 when tokens fall from one of the positions to the next. */
uint64_t symmetry_weight(const struct symmetry *y, const int *t);

/* symmetry_claim.c. The positions in S of a sequence of len tokens. What cannot be so with all of S is taken away from it, then `again` is set. */
struct symmetric_var { int slot; const struct expr *set; bool positions, apart, across, clear, number, moved; };   /* as in the rule: a set of positions, with none, with all of S, none between two of S; used as */
struct symmetric { const struct statement *s; struct interp *in; int slot; size_t len; bool *in_s, again; struct symmetric_var v[64]; size_t n; enum status status; };
bool symmetric_expr(struct symmetric *w, const struct expr *e);                 /* e may be NULL */
/* The integers of a..b or {...} of literals, *n of them, the caller's. false: another set, or too large (then *out is NULL), or no memory (*status) */
bool symmetric_set(long **out, size_t *n, enum status *status, const struct expr *set);
bool symmetric_closed(const struct statement *s, const struct expr *e);         /* does it rest on no variable? */
bool symmetric_whole(long *out, const struct expr *e, long last);               /* integers and `last` by + and -, as both checkers read a position */
bool symmetric_stretch(long *lo, long *hi, const struct expr *e, int slot, size_t len);   /* t, or t[a..b] */
bool symmetric_without_runs(const struct expr *model);                          /* none, and no rows of other sequences */
bool symmetric_function(enum function f);                                       /* of its arguments alone */
/* symmetry_net.c: does every operation treat positions alike? Where rows of positions differ, S becomes its largest part with equal ones. */
bool symmetric_net(struct symmetric *w, const struct net *net);
#endif
