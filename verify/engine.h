/* engine: decides a statement, proposes an outcome. An outcome is a proposal: verify/verdict.c turns it into a verdict after the
 * checker accepted its certificate. Adding an engine: CONTRIBUTING.md. */
#ifndef WEIGHTPROOF_VERIFY_ENGINE_H
#define WEIGHTPROOF_VERIFY_ENGINE_H
#include <stdint.h>
#include "verify/interp.h"

struct limits {
    double deadline;         /* seconds on the monotonic clock, 0: none */
    double patience;         /* without a deadline: processor seconds that an enumeration may be expected to take, 0: two hours */
    int threads; unsigned long seed;
    bool no_symmetry;        /* look at every binding, also where some are known to be alike */
    unsigned long resources; /* steps of another solver for one query, 0: as many as it is given by default */
    volatile int *stop;      /* set by Ctrl-C */
    void (*progress)(void *context, const char *what, double done /* 0..1, <0 unknown */, const char *more /* or NULL */); void *progress_context;
};
bool limits_expired(const struct limits *l);   /* cheap; ask every few thousand steps */

/* vector: of a real vector its canonical text (FORMAT.md BINDING), and n is 0; else NULL. */
struct binding { struct { char *name; bool is_int; int *tokens; size_t n; char *vector; } *parts; size_t n_parts; };
void binding_clear(struct binding *b);
void binding_print(struct text *out, const struct binding *b);      /* FORMAT.md BINDING */
void binding_show(struct text *out, const struct binding *b);       /* the same for readers: long vectors are cut */
enum status binding_read(struct binding *out, const struct binds *b, const struct interp *in) MUST_USE;   /* what is bound now */
void binding_bind(struct interp *in, const struct binds *b, const struct binding *at);   /* the other way: what is no vector */
enum status binding_add_vector(struct binding *b, const char *name, const char *vector) MUST_USE;   /* one more part */
enum status binding_copy(struct binding *out, const struct binding *b) MUST_USE;
int binding_compare(const struct binding *a, const struct binding *b);

enum proposal { PROPOSAL_NONE, PROPOSAL_TRUE, PROPOSAL_FALSE, PROPOSAL_VACUOUS, PROPOSAL_INTERVAL };
struct outcome {
    enum proposal proposal;      /* prove: TRUE, FALSE; the others: INTERVAL (or VACUOUS) */
    const char *rule;            /* "point", "enumerate", "separable", "count", "cells", "quadratic" (FORMAT.md) */
    char *evidence;              /* lines that the rule has in a certificate besides, or NULL */
    size_t bins; mpz_t enter;    /* rule count */
    mpz_t number_lo, number_hi, total_lo, total_hi;   /* count */
    mpq_t lo, hi; bool has_value;   /* value interval, both ends; for prove: enclosure of the slack over the whole domain, when known */
    bool has_lo, has_hi;            /* one end that holds though has_value is false: what was found in time bounds an optimum from one side only */
    struct binding witness;      /* proved: satisfies every where and antecedent */
    struct binding counterexample;
    struct binding attains;      /* optimum; for prove: where the slack is least, when that was looked for */
    struct binding *items; size_t n_items; bool items_complete;
    char *reason;                /* why it is not decided, in words, or NULL */
    mpz_t cases;                 /* bindings covered */
    uint64_t orbits;             /* so many of them were evaluated, each for all that the claim cannot tell from it; 0: each for itself */
};
void outcome_init(struct outcome *o);
void outcome_clear(struct outcome *o);

struct engine {
    const char *name, *summary;
    /* Can it take the statement? If not, `why` says so in words. */
    bool (*takes)(const struct statement *s, struct text *why);
    /* Estimated elementary steps, for the order of the portfolio and --plan. */
    double (*cost)(const struct statement *s);
    /* STATUS_OK: outcome filled (proposal NONE with a reason is fine). STATUS_TIMEOUT: outcome holds the best so far. */
    enum status (*decide)(struct outcome *out, const struct statement *s, const struct limits *l, struct diag *d);
    bool late;               /* takes is dear, and cost may be asked for without it: asked when the engine's turn has come */
};
extern const struct engine engine_enumerate, engine_separable, engine_count, engine_search, engine_quadratic, engine_polynomial, engine_bound, engine_smt, engine_cells;
extern const struct engine *const engine_list[]; extern const size_t n_engines;   /* verify/engines.c: the portfolio table */
#define ENGINES_MAX 16
#endif
