/* hunt: a statement's document and the solver: inputs one after the other, each evaluated exactly and excluded from then on. */
#ifndef WEIGHTPROOF_VERIFY_SMT_HUNT_H
#define WEIGHTPROOF_VERIFY_SMT_HUNT_H
#include "verify/smt/smt.h"
#include "verify/smt/solver.h"

struct hunt {
    const struct statement *s; const struct limits *l; struct diag *d; struct tiers *tiers; const struct binds *binds;
    struct smt m; enum smt_meaning meaning;
    struct text head, excluded, names; char *reason;
    size_t asked, open;        /* open: inputs that it is not settled for */
};
/* h is cleared by hunt_close, also after a failure. */
enum status hunt_open(struct hunt *h, const struct statement *s, enum smt_goal goal, struct tiers *tiers, const struct limits *l, struct diag *d) MUST_USE;
void hunt_close(struct hunt *h);
/* An input of the document at which `truth` holds besides. SAT: it is bound in the interpreters. UNKNOWN: h->reason. */
enum status hunt_ask(enum solver_word *word, struct hunt *h, const char *truth) MUST_USE;
/* After an input that is not what was sought: lemmas at the arguments that its functions had. */
void hunt_refine(struct hunt *h);
/* The arguments of the enclosed functions: definitions and names for (get-value ...), what the answer says of them, a further point for each; how many that adds. */
void functions_ask(struct text *define, struct text *names, const struct smt *m);
void functions_met(struct smt *m, const char *values);
size_t functions_refine(struct smt *m);
/* A reason for no verdict, with the version. */
enum status hunt_no_verdict(struct outcome *out, const char *what, const char *more) MUST_USE;
/* Can the checker be asked to evaluate all bindings? n: how many there are, when no set depends on another. */
bool hunt_few(mpz_t n, const struct hunt *h);

/* bodies.c: count, list, average, minimize and maximize */
enum status hunt_count(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d) MUST_USE;
enum status hunt_optimum(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d) MUST_USE;
enum status hunt_average(struct outcome *out, const struct statement *s, struct tiers *tiers, const struct limits *l, struct diag *d) MUST_USE;
#endif
