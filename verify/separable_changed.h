/* separable_changed: one attention layer with rows replaced, the same on all sequences (patch, ablate, steer). What is left is a softmax average of functions of single tokens as before: the tables are
 * read from runs of the changed model on sequences of equal tokens, and what follows the heads is linear in what they give. */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_CHANGED_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_CHANGED_H
#include "verify/separable_domain.h"
#include "verify/separable_net.h"

struct changed;
struct changed_at { const struct statement *s; const struct expr *model, *tokens; const struct sequence *t; size_t row, n_src; };
/* STATUS_UNSUPPORTED with the reason when the changed network is no such average. Integer binders are bound in `in`. */
enum status changed_new(struct changed **out, const struct changed_at *at, const struct domain_binds *binds, struct interp *in, const struct separable_net *net, struct text *why) MUST_USE;
void changed_free(struct changed *x);
/* Fills the tables of net's (first) head; not finite where a run fails. */
void changed_tables(struct ball_tables *t, const struct separable_net *net);
#endif
