/* separable_run: what the engines separable, count and cells find on one statement, and the outcome that follows. Used by separable*.c only. */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_RUN_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_RUN_H
#include "verify/average.h"
#include "verify/cells.h"

/* The parts of a statement that every body has: forall or the binders; a closed `exists` is decided through its binders, an average of `if P then a else b` through P. */
struct shape { const struct binds *binds; struct domain_binds domain; /* the same, one sequence and integers */ const struct expr *where, *subject; bool exists; };

struct separable_run {
    struct outcome *out; const struct statement *s; const struct limits *limits; struct diag *diag;
    struct shape shape; struct interp *in; struct text why;
    const struct count_rule *rule; /* engine count */
    struct cells_search *cells;  /* engine cells */
    bool first_only, tables;     /* takes: look at the first problem, without numbers */
    bool several;                /* average: also of a smallest or largest of lines */
    mpz_t yes, no, open, total;
    struct average sum;          /* of the values */
    bool again;                  /* the relaxed automata of an optimum left it open: all states, then */
    bool expired, capped, has_best, done;   /* done: nothing more is looked for */
    double slack_lo;             /* prove: smallest certified slack, and the tightest input in out->witness */
    bool has_slack, no_slack;
};

/* separable_answer.c: one problem, into the outcome and the numbers of the run. */
enum status separable_take(struct separable_run *r, struct problem *p);
double separable_within(const struct statement *s);   /* of an optimum, 1e-6 when the statement does not say */
/* The outcome's verdict, intervals and reason, once every problem was looked at or time is up. */
void separable_settle(struct separable_run *r);
void separable_reason(struct outcome *out, const char *reason);   /* copied */
#endif
