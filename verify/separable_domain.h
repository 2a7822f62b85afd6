/* separable_domain: the sequences that a claim quantifies. One binder has token sequences: a product of sets, or an image {E : B where C} of one. An image is the product
 * of the sets that its positions draw on, of which the condition "t is E, and C" leaves those that are in it (docs/methods.md, "One attention layer is separable"). */
#ifndef WEIGHTPROOF_VERIFY_SEPARABLE_DOMAIN_H
#define WEIGHTPROOF_VERIFY_SEPARABLE_DOMAIN_H
#include "verify/features.h"

struct problem;
/* Binders over integers in the order in which their values are substituted, those of an image at its place; t: that of the sequence; source: the image's own sequence, or t. */
struct domain_binds { const struct bind **items; size_t n; const struct bind *t, *source; };
enum status domain_binds_init(struct domain_binds *out, const struct binds *binds, struct text *why) MUST_USE;
void domain_binds_clear(struct domain_binds *d);
/* Fills t, first, cells and image of the problem; integer binders are bound. STATUS_UNSUPPORTED with the reason in why. */
enum status domain_read(struct problem *p, const struct domain_binds *binds, struct interp *in, struct text *why) MUST_USE;
void sequence_clear(struct sequence *t);
#endif
