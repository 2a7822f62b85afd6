/* repair: which single component, taken from a run where the claim holds, makes it hold at a counterexample. Activation patching as people
 * do it by hand, with the truth of the patched claim decided by certified enclosures. For `forall` claims over one token sequence and one model. */
#ifndef WEIGHTPROOF_VERIFY_REPAIR_H
#define WEIGHTPROOF_VERIFY_REPAIR_H
#include "verify/engine.h"

struct repair {
    char *component;      /* "head(0, 0)" as the language writes it */
    bool repairs;         /* some right run's output, put in place of its own, makes the claim true at the counterexample */
    int *from; size_t n;  /* the run it was taken from, or NULL */
};
struct repairs {
    struct repair *items; size_t n;
    size_t n_right;       /* right runs that were tried: the sequences one token away at which the claim holds */
};
/* STATUS_UNSUPPORTED without a message when the claim is not of that form. */
enum status repairs_find(struct repairs *out, const struct statement *s, const struct binding *counterexample) MUST_USE;
void repairs_clear(struct repairs *r);
#endif
