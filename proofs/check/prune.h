/* prune: conditions on the tokens of one sequence, asked as soon as the tokens that they name stand (sets.c). A subtree is left out only
 * where the condition is false for every sequence in it. */
#ifndef CHECK_PRUNE_H
#define CHECK_PRUNE_H
#include "eval.h"

/* A number: t[at] plus value, or value alone (at < 0). */
struct token_term { int64_t at, value; };
/* At depth d, when t[0..d] stand: a comparison of two terms, or t[d] is none of t[from..d-1]. */
struct token_test { uint32_t depth, from; bool distinct; unsigned char op; struct token_term a, b; };
struct prune { struct token_test *test; int n, room; uint32_t *first; uint32_t len; bool whole; }; /* tests by depth: test[first[d]..first[d + 1]); whole: they are all of the condition */

/* where may be NULL. Variables that are set are read now. Terms of `where` are taken from the left as long as they cannot be an error, so that what is left out would not have been one. */
void prune_init(struct prune *p, const struct eval *e, const struct ex *where, int slot, uint32_t n);
void prune_clear(struct prune *p);
/* May t[0..d] be the beginning of a sequence that satisfies the condition? */
bool prune_keeps(const struct prune *p, const int64_t *t, uint32_t d);
#endif
