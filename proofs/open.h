/* open: claims that leave something open. Each instance is judged like any statement, by an engine and the checker; these functions choose the instances. */
#ifndef WEIGHTPROOF_PROOFS_OPEN_H
#define WEIGHTPROOF_PROOFS_OPEN_H
#include "proofs/judge.h"

/* r was begun for the template. A constant: two values at most `within` apart, the claim proved for one and refuted for the other. */
void judge_constant(struct result *r, const struct judge *j, struct diag *d);
/* Conditions: a list from which none can be taken, the claim proved under it and refuted when any one is taken away. */
void judge_conditions(struct result *r, const struct judge *j, struct diag *d);

/* What both share. One instance judged, in out (zeroed); its seconds are added to r. false: time is up, or memory (r->status). */
bool open_try(struct instance_result *out, struct result *r, const struct judge *j, mpq_srcptr value, const bool *conditions);
void open_clear(struct instance_result *x);
/* The instance becomes the result; verdict and reason stay. x is emptied. */
void open_take(struct result *r, struct instance_result *x, const struct judge *j);
/* One more certificate beside it: its files are called after the label and this word. */
enum status open_add(struct result *r, struct instance_result *x, const char *word, const struct judge *j);
#endif
