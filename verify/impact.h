/* impact: how large a change of the outputs an intervention was seen to make (docs/claims.md, "Interventions"). For the reader: no verdict rests on it. */
#ifndef WEIGHTPROOF_VERIFY_IMPACT_H
#define WEIGHTPROOF_VERIFY_IMPACT_H
#include "verify/engine.h"

/* model: the changed model as the statement writes it, input: what it reads. |difference| of an output entry between it and the model without the changes that is certain at `at`:
 * at least `gap.least`, which is 0 when none is. looked: at how many inputs; all: these are all of the domain. */
struct impact { char *model, *input; struct gap gap; struct binding at; unsigned long looked; bool all; };
struct impacts { struct impact *items; size_t n; };
/* Every changed model that the statement reads, with each input, in the order of its text, at most IMPACTS_MAX. The inputs are all of a small domain, else random ones and those of
 * `shown` (or NULL). Bounded work and time; what cannot be evaluated (variables in boxes and balls, an error at some input) is left out. */
#define IMPACTS_MAX 16
enum status impacts_measure(struct impacts *out, const struct statement *s, const struct binding *shown, const struct limits *l) MUST_USE;
void impacts_clear(struct impacts *i);
#endif
