/* count: certified intervals for counts that an exact walk does not close in time (FORMAT.md rule count; docs/methods.md, "Counting").
 * Private to the engine of that name. */
#ifndef WEIGHTPROOF_VERIFY_COUNT_H
#define WEIGHTPROOF_VERIFY_COUNT_H
#include "verify/separable.h"

/* A part is left when its tables leave at most `enter` of its sequences open. */
struct count_rule { size_t bins; tally enter; };

#define BINS_MOST ((size_t)1 << 18)     /* FORMAT.md: of one form */
#define BINS_TOTAL ((size_t)1 << 22)    /* of the forms of a cell, over all their tables */
#define SUMS_MOST ((size_t)1 << 26)     /* entries of one form's tables */

/* The tables of one form (count_sums.c). least, most: steps of the completions of a state; low, high: their rests; N from `at`: for v in from..from + n - 1. */
struct mark { int64_t least, most, from, to; size_t at, n; double low, high; };
struct sums {
    size_t bins;                        /* 0: no tables */
    double step, spread;
    struct mark *mark;                  /* [states] */
    int64_t *steps; double *low, *high; /* [cells]: a term in steps, and its rest */
    double *N;
    size_t room_states, room_cells, room_N;
};
/* The transitions that some allowed sequence takes; of state s from first[s]. */
struct edges { size_t *first; struct edge { size_t next, cell; } *edge; unsigned char *reached; size_t room_first, room_edge; };
#define EACH_EDGE(e, edges, state) for (const struct edge *e = (edges)->edge + (edges)->first[state]; e < (edges)->edge + (edges)->first[(state) + 1]; e++)
void edges_clear(struct edges *e);
/* Counts, extrema and transitions of the sequences whose tokens are allowed; what is on none of them is no longer allowed. empty: there are none;
 * single: at most one token a source position is left. */
enum status cell_narrow(struct cell *x, struct edges *edges, bool *empty, bool *single) MUST_USE;
void sums_clear(struct sums *t);
enum status sums_fill(struct sums *t, const struct cell *x, const struct edges *edges, size_t line, size_t bins, const struct limits *l, bool *expired) MUST_USE;
/* How many sequences of the part make the line fail, at most and at least. */
void sums_ask(tally *over, tally *under, const struct sums *t, const struct cell *x);

/* All tables of a part (count_cell.c), and what they say together. */
struct tables {
    struct edges edges;
    struct sums *line;
    size_t K, room_K;
    tally *over, *under;                /* [K] sequences on which a line fails, at most and at least */
};
/* At least `least` and at most `most` sequences make one of the lines fail. sum, largest: sum of the least, largest of the most, of one line. */
struct bounds { tally least, most, sum, largest; };
void tables_clear(struct tables *t);
/* open: lines that are not positive everywhere. STATUS_OK with *expired: time is up, nothing is said. */
enum status tables_fill(struct bounds *out, struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, const struct limits *l, bool *expired) MUST_USE;

/* Like problem_walk with WANT_NUMBER; `open` holds what the tables leave open. Real semantics, at most 2^125 sequences. */
enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, const struct limits *l) MUST_USE;

/* One round of the engine: an outcome under the rule; STATUS_TIMEOUT when time was up before all was looked at. */
enum status separable_count(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule) MUST_USE;
#endif
