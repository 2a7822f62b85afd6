/* count: certified intervals for counts that an exact walk does not close in time (FORMAT.md rule count; docs/methods.md, "Counting").
 * Private to the engine of that name. */
#ifndef WEIGHTPROOF_VERIFY_COUNT_H
#define WEIGHTPROOF_VERIFY_COUNT_H
#include "verify/separable.h"

/* A subtree of the walk is settled by its tables when they leave at most `enter` of its sequences open. */
struct count_rule { size_t bins; tally enter; };

/* By position, automaton state and line: how many completions make the line fail, at least and at most, when the sum so far is at a grid point.
 * The grid of a (state, line) has bins + 1 points from -high, where all completions fail, to -low, where none does. */
struct bins {
    size_t B, K, states; int *line;     /* [K] lines of the class that are not positive everywhere */
    double *size;                       /* [K] */
    double *scale;                      /* [states, K] points a unit, 0: no table */
    tally *over, *under;                /* [states, K, B + 1] */
    size_t room, room_scale;
};
void bins_clear(struct bins *b);
enum status bins_fill(struct bins *b, const struct cell *x, const struct limits *l, bool *expired) MUST_USE;
/* Line b->line[k] in state `at` (counted over all layers), its sum so far in [lo, hi]. */
void bins_ask(tally *over, tally *under, const struct bins *b, const struct cell *x, size_t at, size_t k, double lo, double hi);

/* Like problem_walk with WANT_NUMBER; `open` holds what the tables leave open. Real semantics, at most 2^100 sequences. */
enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, const struct limits *l) MUST_USE;

/* One round of the engine: an outcome under the rule; STATUS_TIMEOUT when time was up before all was looked at. */
enum status separable_count(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule) MUST_USE;
#endif
