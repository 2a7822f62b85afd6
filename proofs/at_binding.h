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
#endif
