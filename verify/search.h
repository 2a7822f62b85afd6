/* search: private to the engine of that name. What it looks for: a binding at which `where` is true and `subject` is `wanted`. */
#ifndef WEIGHTPROOF_VERIFY_SEARCH_H
#define WEIGHTPROOF_VERIFY_SEARCH_H
#include "verify/engine.h"

struct target { const struct binds *binds; const struct expr *where, *subject; enum truth wanted; };

/* Coordinate ascent on the slack. Random inputs are shown to it one after the other; it keeps the nearest ones, and the values that every coordinate took. */
struct climb;
enum status climb_new(struct climb **out, const struct target *t) MUST_USE;
void climb_free(struct climb *c);
/* What is bound now, at which `where` is true. */
enum status climb_see(struct climb *c, struct tiers *tiers, struct diag *d) MUST_USE;
/* Climbs from the nearest ones; *found: what is bound now is what is looked for. */
enum status climb_run(bool *found, unsigned long *tried, struct climb *c, struct tiers *tiers, const struct limits *l, struct diag *d) MUST_USE;
/* Goes on from inputs near the best ends and from other random ones, for about `more` inputs. */
enum status climb_on(bool *found, unsigned long *tried, struct climb *c, struct tiers *tiers, unsigned long more, const struct limits *l, struct diag *d) MUST_USE;
#endif
