/* prune: conditions on the tokens of one sequence, asked as soon as the tokens that they name stand (walk.c), so that a sequence which
 * begins with 3, 3 is not met under distinct(t). FORMAT.md §3 says which terms of a condition are taken. */
#ifndef WEIGHTPROOF_VERIFY_PRUNE_H
#define WEIGHTPROOF_VERIFY_PRUNE_H
#include "verify/interp.h"

/* A number: t[at] plus value, or value alone (at < 0). */
struct token_term { long at, value; };
/* Once t[0..depth] stand: a comparison of two terms; distinct: t[depth] is none of t[from..depth-1]. */
struct token_test { size_t depth, from; bool distinct; enum oper oper; struct token_term a, b; };
struct prune { struct token_test *tests; size_t n, room; };

/* Adds the terms of a condition on the sequence of n tokens in `slot`, from the left, as far as they cannot be an error; *whole: all of them, so that the tests say what
 * the condition says. Of other variables only those below may be read for which stands[slot]; their values are those bound in `in` now. */
enum status prune_add(bool *whole, struct prune *p, const struct interp *in, const struct expr *where, int slot, size_t n, const bool *stands) MUST_USE;
/* Adds that t[before] <= t[after], before < after. */
enum status prune_order(struct prune *p, size_t before, size_t after) MUST_USE;
/* Orders what was added by depth. */
void prune_sort(struct prune *p);
void prune_clear(struct prune *p);
/* The first depth >= from at which a test fails, n if none does. */
size_t prune_fails(const struct prune *p, const int *t, size_t from, size_t n);
#endif
