/* sweep: one pass over every binding of a statement's binders, in parallel chunks of the walk's index range. What it gathers does not
 * depend on the number of threads: sums are integers, and of several equal answers the first in the walk's order wins. */
#ifndef WEIGHTPROOF_VERIFY_SWEEP_H
#define WEIGHTPROOF_VERIFY_SWEEP_H
#include <stdint.h>
#include "verify/engine.h"
#include "verify/symmetry.h"

enum sweep_goal {
    SWEEP_FORALL,    /* ends at the first binding that satisfies the condition and falsifies the subject */
    SWEEP_EXISTS,    /* ends at the first binding that satisfies both */
    SWEEP_COUNT, SWEEP_LIST, SWEEP_AVERAGE, SWEEP_MINIMIZE, SWEEP_MAXIMIZE
};
struct sweep {
    const struct statement *s;
    enum sweep_goal goal;
    const struct binds *binds;
    const struct expr *where, *subject;   /* where may be NULL */
    unsigned long at_most;                /* LIST: 0 for all */
    const struct symmetry *symmetry;      /* NULL: every binding is looked at; else one order of the tokens, for all of them */
};

/* Least value (of minus the value for MAXIMIZE; of the slack for FORALL) and where. */
struct best { bool found, holds; double mid, rad; uint64_t chunk; struct binding at; }; /* holds: FORALL, the antecedents are true there */
struct found_item { uint64_t chunk; struct binding b; };
struct tally {
    uint64_t cases, where_true, where_open;   /* bindings, also those that one stands for */
    uint64_t looked;             /* of them, those that were evaluated */
    uint64_t unsettled;          /* of these, those with condition, subject or value open */
    uint64_t yes, open;          /* condition and subject true; neither true nor false */
    uint64_t stuck; bool gave_up; /* values that the highest precision leaves wide; too many bindings were not settled */
    double hopeless;             /* gave up because it would have taken so many seconds of processor time; 0: not so */
    bool hit; uint64_t hit_chunk; struct binding hit_at;      /* what FORALL and EXISTS look for */
    bool witness; uint64_t witness_chunk; struct binding witness_at;  /* FORALL: satisfies the condition and the antecedents */
    struct best best;
    double least;                /* lower bound of the value (of minus the value, of the slack) at every binding visited */
    bool inexact;                /* some value was not an exactly known number */
    __int128 sum; unsigned __int128 spread; bool overflow;    /* AVERAGE: in units of 2^-SUM_BITS */
    struct found_item *items; size_t n_items, room_items;
    uint64_t size; bool flat;    /* bindings in the index range; flat: there are no others */
    bool cut;                    /* LIST: ended because at_most was reached */
    bool expired;
};
#define SUM_BITS 56
#define SWEEP_MAX_BITS 40        /* domains up to 2^40 bindings */
#define SWEEP_MAX_ITEMS 1000000

void tally_clear(struct tally *t);
/* STATUS_TIMEOUT: the tally holds what was seen until then. */
enum status sweep_run(struct tally *out, const struct sweep *sweep, const struct limits *l, struct diag *d) MUST_USE;
/* Size of the index range, and whether the domain can be walked: symmetry or not; STATUS_INPUT or STATUS_UNSUPPORTED with a message otherwise. */
enum status sweep_size(mpz_t out, const struct statement *s, const struct binds *binds, struct diag *d) MUST_USE;
/* The antecedents of A => (A' => ...): the i-th one, or NULL. */
const struct expr *antecedent(const struct expr *e, size_t i);
#endif
