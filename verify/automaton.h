/* automaton: a layered deterministic automaton over token sequences of a fixed length. Layer i holds the states before position i
 * was read (i = 0..n; layer 0 is the single state 0); next[i][state * n_tokens[i] + k] is the state after the k-th token of the set of
 * position i, or AUTOMATON_DEAD. output[state] of layer n is a class >= 0. The struct owns its arrays; n_tokens is copied. */
#ifndef WEIGHTPROOF_VERIFY_AUTOMATON_H
#define WEIGHTPROOF_VERIFY_AUTOMATON_H
#include <stddef.h>
#include <gmp.h>
#include "core/status.h"

#define AUTOMATON_DEAD (-1)
struct automaton {
    size_t n;            /* positions */
    size_t *n_tokens;    /* [n] sizes of the token sets */
    size_t *n_states;    /* [n + 1] */
    int **next;          /* [n] */
    int *output;         /* [n_states[n]]; AUTOMATON_DEAD: not accepted */
};
/* Empty: n positions, no states yet (all pointers of next NULL). */
enum status automaton_init(struct automaton *a, size_t n, const size_t *n_tokens) MUST_USE;
void automaton_clear(struct automaton *a);
/* The smallest layered automaton with the same outputs, where output[s] of `from` is replaced by new_output[s] (AUTOMATON_DEAD rejects):
 * states that reject everything become AUTOMATON_DEAD, equivalent ones are merged (Hopcroft's partition is one backward pass here,
 * since every transition goes to the next layer), unreachable ones are left out. Layer 0 keeps one state, or none if nothing is accepted.
 * O(transitions) expected. */
enum status automaton_minimise(struct automaton *out, const struct automaton *from, const int *new_output) MUST_USE;
/* Number of accepted sequences. */
enum status automaton_count(mpz_t out, const struct automaton *a) MUST_USE;

/* Hash map from fixed-width rows of long to dense indices, used to number states. */
struct row_index { size_t width, n, room; long *rows; size_t *slots; size_t n_slots; };
void row_index_init(struct row_index *r, size_t width);
void row_index_clear(struct row_index *r);
/* Index of the row, adding it when it is new. */
enum status row_index_find(size_t *out, struct row_index *r, const long *row) MUST_USE;
#endif
