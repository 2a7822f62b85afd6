/* result: what one run of `verify` knows about each claim; what the lines, the JSON and the report are made from. A result owns its
 * strings and its outcome; the statement belongs to the claim file. */
#ifndef WEIGHTPROOF_PROOFS_RESULT_H
#define WEIGHTPROOF_PROOFS_RESULT_H
#include "verify/impact.h"

#define EVIDENCE_TABLE(X) X(EVIDENCE_NONE, "none") X(EVIDENCE_CHECKED, "checked") X(EVIDENCE_REPLAYED, "replayed") X(EVIDENCE_SOLVER, "solver")
enum evidence {
#define X(code, name) code,
    EVIDENCE_TABLE(X)
#undef X
};
const char *evidence_name(enum evidence e);

struct answer;
struct result {
    const struct statement *statement;
    struct outcome outcome;         /* what the engine proposed; to be believed only as far as evidence says */
    enum verdict verdict;
    enum evidence evidence;         /* checked: certificate accepted; replayed: counterexample re-evaluated by the checker */
    enum status status;             /* STATUS_OK, or why it ended: memory, limit and internal failures raise the exit status */
    const char *engine;             /* name of the engine whose outcome this is, or NULL */
    double seconds_prove, seconds_check;
    char *certificate_path;         /* kept in a bundle, or NULL */
    char *certificate;              /* its text, or NULL */
    char certificate_sha256[65];    /* of the text, "" without one */
    char *acceptance;               /* the checker's line, or NULL */
    char *reason;                   /* why it is undecided or an error, or NULL */
    char *refused;                  /* engines whose certificates the checker did not accept before another one's was, with its words, or NULL */
    struct answer *answer;          /* of a claim that leaves something open, else NULL; statement, outcome and certificate are then those of an instance that holds */
    struct impacts impacts;         /* what the interventions of the claim were seen to change; no verdict rests on it */
    char *label;                    /* name of the claim with its foreach values: no_trigger[a=3] */
    char *file_label;               /* the same for file names: no_trigger.a.3 */
};
void result_clear(struct result *r);

/* One instance of a claim that leaves something open (statement.h), judged. */
struct instance_result { bool made; struct instance *instance; mpq_t value; size_t condition; struct result result; };
/* What was found: a value for which the claim holds and one for which it fails, or the conditions that are kept. others: the certificates beside the result's own, of
 * the value that fails, or of each condition without which the claim fails. */
struct answer {
    const struct opening *opening;
    mpq_t holds, fails; bool has_holds, has_fails;
    bool *kept;
    struct instance *instance;      /* of the result's own statement, or NULL */
    struct instance_result *others; size_t n_others;
    size_t trials;
};
/* Of the certificate that stands beside the result: the verdict that it was accepted with. */
enum verdict result_certified(const struct result *r);
/* Copies the reason (NULL leaves the old one). */
void result_reason(struct result *r, const char *reason);

struct run_option { const char *name, *value; };
struct run_record {
    const struct claims *claims;
    struct result *results; size_t n;              /* in the order of the file */
    struct run_option *options; size_t n_options;  /* as given; not owned */
    const char *checker;                           /* path of the checker, or NULL */
    const char *bundle;                            /* directory of --certificates, or NULL */
    double seconds;
    bool interrupted, expect;
};
/* Is the verdict the one that the claim expects (proved or bounded without an expect line)? */
bool result_expected(const struct result *r);
/* Exit status of verify: precedence 4, 3, 1, 2, 0; with expect, 0 exactly when every verdict is the expected one. */
int run_exit(const struct run_record *r);
/* "real" assumptions that every verdict rests on, in words; NULL-terminated. */
const char *const *result_assumptions(const struct result *r);
/* Number of bindings of the domain, or false when it cannot be told. */
bool statement_size(mpz_t out, const struct statement *s);
#endif
