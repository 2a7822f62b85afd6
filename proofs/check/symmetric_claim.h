/* symmetric_claim: is an expression the same for all orders of the tokens at some positions, whatever they are (FORMAT.md §3, Symmetric positions 2 to 5)? */
#ifndef CHECK_SYMMETRIC_CLAIM_H
#define CHECK_SYMMETRIC_CLAIM_H
#include "eval.h"

/* A variable of a comprehension. positions: its set rests on no variable and holds positions only. apart: none of them is in S; across: all of S is among them;
 * clear: none lies between two of S. number, moved: it stood for itself, for a position of S. */
struct claim_var { int slot; bool positions, apart, across, clear, number, moved; };
/* The positions S (at, rising) of the sequence in `slot`, of len tokens; why: what was not allowed. */
struct claim_walk { struct eval *e; const uint32_t *at; uint32_t n_at; int slot; uint32_t len; struct claim_var v[64]; int n; const char *why; };
bool claim_symmetric(struct claim_walk *w, const struct ex *x);             /* x may be NULL */

/* What else asks so: the integer that literals and `last` make by + and -; the positions of t or t[a..b]; functions of their arguments alone. */
bool whole_position(const struct ex *x, uint32_t len, int64_t *out);
bool stretch_of(const struct ex *x, int slot, uint32_t len, int64_t *lo, int64_t *hi);
bool is_function_of_parts(int fn);

/* symmetric_net.c: is every node of the network permuted with the positions? why not, in words, or NULL */
const char *net_asymmetry(const struct net *net, const uint32_t *at, uint32_t n);
#endif
