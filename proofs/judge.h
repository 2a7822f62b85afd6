/* judge: one statement through the portfolio of engines, its certificate through the independent checker, and the verdict from what the
 * checker said. */
#ifndef WEIGHTPROOF_PROOFS_JUDGE_H
#define WEIGHTPROOF_PROOFS_JUDGE_H
#include "proofs/result.h"

struct judge {
    const char *checker;         /* path of weightproof-check, or NULL when there is none: nothing is proved then */
    const char *directory;       /* holds the .net files; the certificates are written here */
    bool keep;                   /* keep accepted certificates (a bundle), else they are removed */
    const char *engine;          /* the only engine to ask, or NULL */
    double timeout;              /* seconds for proving one statement, 0: none */
    double check_timeout;        /* seconds for checking one certificate, > 0 */
    struct limits limits;        /* deadline is set for each statement */
};

/* Fills r (zeroed before) for s. Whatever fails is in r: status, reason; messages with a place are added to d. */
void judge_statement(struct result *r, const struct statement *s, const struct judge *j, struct diag *d);
/* An undecided result with this reason, for statements that are not tried. STATUS_MEMORY leaves r without a label. */
void judge_skip(struct result *r, const struct statement *s, const char *reason);

/* Seconds for proving this statement, 0: no limit. */
double judge_seconds(const struct judge *j, const struct statement *s);
/* Sets the deadline of l to what is left of them; false when nothing is, or all is stopped. */
bool judge_time_left(struct limits *l, const struct result *r, const struct judge *j);

/* The engines that take the statement, cheapest first, at most `room`; why: those that do not, and why, one line each (or NULL). */
size_t judge_engines(const struct engine **out, size_t room, const struct statement *s, const char *only, struct text *why);
const struct engine *engine_find(const char *name);
/* weightproof-check beside the program, in ../libexec/weightproof or libexec/weightproof; malloc, NULL when it is in none of them. */
char *checker_find(void);
#endif
