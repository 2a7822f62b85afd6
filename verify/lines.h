/* lines: arithmetic on sets of linear forms (linear.h). Outputs are initialised by the call unless it fails. */
#ifndef WEIGHTPROOF_VERIFY_LINES_H
#define WEIGHTPROOF_VERIFY_LINES_H
#include "verify/linear.h"

/* Frees what the lines hold, not the array. */
void lines_drop(struct form_set *s);
/* One line: the constant c. */
enum status lines_constant(struct form_set *out, const mpq_t c) MUST_USE;
/* One line: the sum of the terms j = from..from + n - 1, each with factor 1. */
enum status lines_terms(struct form_set *out, size_t from, size_t n) MUST_USE;
bool lines_is_constant(const struct form_set *s);     /* one line, no terms */
/* s = factor * s; a negative factor turns a minimum into a maximum. */
void lines_scale(struct form_set *s, const mpq_t factor);
/* a + b. false in *linear when one is a minimum and the other a maximum. */
enum status lines_add(struct form_set *out, bool *linear, const struct form_set *a, const struct form_set *b) MUST_USE;
/* a = the smallest (kind FORMS_SMALLEST) or largest of a and b; b is emptied. */
enum status lines_join(struct form_set *a, bool *linear, struct form_set *b, enum forms kind) MUST_USE;
#define LINES_MAX ((size_t)1 << 16)
#endif
