/* relaxed: an automaton with fewer states that accepts all sequences of a class, and perhaps others. Some tokens are tracked: they are known where they stand, of any other only that it
 * is none of them; a sequence is accepted when what is left of the feature then may be a value of the class. The more tokens are tracked the fewer sequences are accepted besides; a
 * least sum over the accepted ones is a bound, and it is the least when the sequence that has it is of the class (separable_optimum.c). */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_RELAXED_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_RELAXED_H
#include "verify/features.h"

#define TRACKED_MOST 24
/* The values of a class and the tokens that are tracked for it. */
struct tracking { const long *values; size_t n_values; int tokens[TRACKED_MOST]; size_t n; };
/* Room for one thread: the terms of the feature, and what becomes of them. */
struct relaxed { struct residual terms; int root, settled; size_t n_root; const struct sequence *t; int **some; size_t *n_some; };
enum status relaxed_init(struct relaxed *x, const struct sequence *t, const struct residual *from, int root) MUST_USE;
void relaxed_clear(struct relaxed *x);
/* To begin with, the tokens that are values of the class. */
void tracking_start(struct tracking *k, const struct sequence *t, const long *values, size_t n);
bool is_tracked(const struct tracking *k, int token);
/* STATUS_UNSUPPORTED: too many states. */
enum status relaxed_automaton(struct automaton *out, struct relaxed *x, const struct tracking *k) MUST_USE;
/* What the feature is on a sequence; NONE: an error. */
enum status relaxed_value(long *value, bool *any, struct relaxed *x, const int *tokens) MUST_USE;
/* A sequence that the automaton accepts, of tokens that are as different as can be (alike: the same). */
void relaxed_example(int *tokens, const struct relaxed *x, const struct automaton *a, bool alike);
/* Tracks some more of the tokens of a sequence, on which the feature is no value of the class, so that it is not accepted. STATUS_UNSUPPORTED: too many. */
enum status relaxed_refine(struct tracking *k, struct relaxed *x, const int *tokens) MUST_USE;
#endif
