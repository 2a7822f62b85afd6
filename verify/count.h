/* count: certified intervals for counts that an exact walk does not close in time (FORMAT.md rule count; docs/methods.md, "Counting").
 * Private to the engine of that name. */
#ifndef WEIGHTPROOF_VERIFY_COUNT_H
#define WEIGHTPROOF_VERIFY_COUNT_H
#include "verify/separable.h"

/* A subtree of the walk is settled by its tables when they leave at most `enter` of its sequences open. */
struct count_rule { size_t bins; tally enter; };

#define BINS_MOST ((size_t)1 << 18)     /* FORMAT.md: of one form */
#define BINS_TOTAL ((size_t)1 << 22)    /* of the forms of a cell, over all their tables */
#define SUMS_MOST ((size_t)1 << 26)     /* entries of one form's tables */
#define PAIRED 8                        /* forms whose pairs have tables */

/* by[0] line[0] + by[1] line[1], by >= 0 and dyadic: a line itself, or a mixture of two that is <= 0 wherever both are. */
struct mix { int line[2]; double by[2]; };
double mix_at(const struct mix *f, const double *of_lines);
double mix_radius(const struct mix *f, const double *of_lines, double rad);   /* rad: of each line; the rounding of mix_at is included */

/* The tables of one form (count_sums.c). least, most: steps of the completions of a state; low, high: their rests; N from `at`: for v in from..from + n - 1. */
struct mark { int64_t least, most, from, to; size_t at, n; double low, high; };
struct sums {
    struct mix form; size_t bins;      /* 0: no tables */
    double step, spread;
    struct mark *mark;                  /* [states] */
    int64_t *steps; double *low, *high; /* [cells]: a term in steps, and its rest */
    double *N;
    size_t room_states, room_cells, room_N;
};
/* The transitions of a cell's states that some completion of its query token takes; of state s from first[s]. */
struct edges { size_t *first; struct edge { size_t next, cell; } *edge; size_t room_first, room_edge; };
void edges_clear(struct edges *e);
enum status edges_fill(struct edges *out, const struct cell *x) MUST_USE;
void sums_clear(struct sums *t);
enum status sums_fill(struct sums *t, const struct cell *x, const struct edges *edges, const struct mix *f, size_t bins, const struct limits *l, bool *expired) MUST_USE;
/* How many completions of a state (counted over all layers) make the form fail, at most and at least, when the lines' sums so far are `sum`, within rad. */
void sums_ask(tally *over, tally *under, const struct sums *t, const struct cell *x, size_t state, const double *sum, double rad);

/* All tables of a cell (count_cell.c), and what they say together. */
struct tables {
    struct edges edges;
    struct sums *line; bool *open;      /* [K] which have tables */
    int *rank;                          /* [K] among the lines with pairs, or -1 */
    struct sums *pair;                  /* [PAIRED * PAIRED] mixtures, by rank, the larger first */
    tally pair_over[PAIRED * PAIRED];   /* by rank: what was asked last */
    size_t K, room_K;
    tally *over, *under;                /* [K] what was asked last */
    int *order;                         /* [PAIRED] scratch */
};
void tables_clear(struct tables *t);
/* open: lines that are not positive everywhere. The first row of x->partial is 0. */
enum status tables_fill(struct tables *t, const struct cell *x, const struct count_rule *rule, const int *open, size_t n_open, const struct limits *l, bool *expired) MUST_USE;
/* At least `surely` and at most `maybe` of a state's completions make one of the lines in `active` fail. */
void tables_ask(tally *surely, tally *maybe, struct tables *t, const struct cell *x, tally enter, size_t state, const double *sum, double rad, const int *active, size_t n_active);

/* Like problem_walk with WANT_NUMBER; `open` holds what the tables leave open. Real semantics, at most 2^125 sequences. */
enum status problem_count(struct walk_result *out, struct problem *p, const struct count_rule *rule, const struct limits *l) MUST_USE;

/* One round of the engine: an outcome under the rule; STATUS_TIMEOUT when time was up before all was looked at. */
enum status separable_count(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d, const struct count_rule *rule) MUST_USE;
#endif
