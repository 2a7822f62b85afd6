/* at_binding: expressions of a claim at one of its bindings, for those who show a result. */
#ifndef WEIGHTPROOF_PROOFS_AT_BINDING_H
#define WEIGHTPROOF_PROOFS_AT_BINDING_H
#include "proofs/result.h"
#include "verify/interp.h"

/* b: values of the first variables of the claim; those that are integers or sequences are bound in `in`. */
struct at_binding { const struct statement *s; const struct binds *binds; const struct binding *b; struct interp *in; };
bool at_binding_open(struct at_binding *a, const struct statement *s, const struct binding *b);   /* false: there is nothing to evaluate */
void at_binding_close(struct at_binding *a);
bool at_binding_knows(const struct at_binding *a, const struct expr *e);                            /* all its variables are bound so */
const char *at_binding_text(const struct at_binding *a, int slot);                                  /* of a variable that is a real vector, or NULL */
/* The exact vector of n numbers that e is, where `spread` also one number for all; the caller's (_fmpq_vec_clear). NULL: it is none. */
fmpq *at_binding_vector(const struct at_binding *a, const struct expr *e, size_t n, bool spread);

/* The binding that a verdict shows: counterexample, first item, attained, witness; perhaps without parts. */
const struct binding *outcome_binding(const struct outcome *o, enum body body, bool refuted);

/* changes_shown.c: has changes(N, x, y) at the binding that the claim shows kept in the statement's store, for the certificate. */
void changes_note(const struct statement *s, const struct outcome *o, bool refuted);
/* Where they are, for each whose line was checked: " A LO HI A ..." (FORMAT.md §3). */
#define CHANGES_SHOWN 4
struct changes_shown { char *key, *rest; };
size_t result_changes(struct changes_shown out[CHANGES_SHOWN], const struct result *r);
void changes_shown_clear(struct changes_shown *c, size_t n);
/* Words for a verdict's line: "; answers 0 -> 6 at s in [0.31.., 0.31..], ..." */
void changes_say(struct text *out, const struct result *r);
void changes_json(struct text *out, const struct result *r);      /* nothing, or a key `changes` */

/* impact_shown.c: fills r->impacts within these limits; one of them in words; all as JSON: nothing, or a key `interventions`. */
void result_impacts(struct result *r, const struct limits *l);
void impact_say(struct text *out, const struct impact *x);
void impacts_json(struct text *out, const struct result *r);
#endif
