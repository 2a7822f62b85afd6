/* changes_shown: where answers change along the segments that a claim shows. */
#ifndef WEIGHTPROOF_PROOFS_CHANGES_SHOWN_H
#define WEIGHTPROOF_PROOFS_CHANGES_SHOWN_H
#include "proofs/result.h"

/* Has changes(N, x, y) at the binding that the claim shows kept in the statement's store, for the certificate. */
void changes_note(const struct statement *s, const struct outcome *o, bool refuted);
/* Where they are, for each whose line was checked: " A LO HI A ..." (FORMAT.md §3). */
#define CHANGES_SHOWN 4
struct changes_shown { char *key, *rest; };
size_t result_changes(struct changes_shown out[CHANGES_SHOWN], const struct result *r);
void changes_shown_clear(struct changes_shown *c, size_t n);
/* Words for a verdict's line: "; answers 0 -> 6 at s in [0.31.., 0.31..], ..." */
void changes_say(struct text *out, const struct result *r);
void changes_json(struct text *out, const struct result *r);      /* nothing, or a key `changes` */
#endif
