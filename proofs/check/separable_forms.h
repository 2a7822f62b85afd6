#ifndef SEPARABLE_FORMS_H
#define SEPARABLE_FORMS_H

/* Linear forms while a predicate or a value is read (FORMAT.md §3.4): rational, in memory of the arena and of eval's pool. Functions that say bool refuse in words when they are false. */
#include "separable.h"

/* c + sum alpha_j logit_j + sum beta_cell p_cell, exact; alpha, beta NULL: all 0 */
struct lf { struct num *c, *alpha, *beta; };
enum skind { S_NUM, S_TRI, S_FORMS, S_TRUTH };
/* S_FORMS: the maximum (sense 1), minimum (-1) or the only one (0) of f[0..n-1]. S_TRUTH: all of f > 0 (strict) or >= 0, or (negated) not all. */
struct sval { enum skind kind; struct num *x; enum tri tri; int sense; bool negated; struct lf *f; bool *strict; size_t n; };
struct compile { struct sep *s; struct arena *a; };

/* separable_algebra.c */
bool forms_refuse(struct compile *c);                                                                     /* false */
struct num *forms_zeros(struct compile *c, size_t n);
struct num *forms_number(struct compile *c, int64_t v);
void forms_new(struct compile *c, struct sval *out, enum skind kind, size_t n);                           /* n forms that are 0 */
bool forms_of_number(struct compile *c, struct sval *v);                                                  /* a number as the only form; forms stay as they are */
void forms_scale(struct compile *c, const struct sval *a, const struct num *by, struct sval *out);
bool forms_sum(struct compile *c, const struct sval *a, const struct sval *b, int by, struct sval *out);  /* a + by * b */
bool forms_join(struct compile *c, struct sval *to, struct sval *v, int sense);                           /* the largest (smallest) of both */
void forms_constant(struct sval *out, enum tri t);
void forms_negate(struct sval *v);
bool forms_conjunction(struct compile *c, struct sval *a, struct sval *b, struct sval *out);
bool forms_combine(struct compile *c, enum ex_kind kind, struct sval *a, struct sval *b, struct sval *out); /* EX_AND, EX_OR, EX_IMPLIES, EX_IFF */
void forms_simplify(struct compile *c, struct sval *v);                                                   /* constants are decided */
bool forms_positive(struct compile *c, const struct sval *d, bool strict, struct sval *out);              /* d > 0 or >= 0 */

/* separable_units.c */
void form_denominators(const struct sep *s, const struct lf *f, mpz_t m);                                 /* m: the least common multiple of it and those of the alphas */
bool form_integer(struct compile *c, const struct lf *f, const mpz_t also, bool strict, struct iform *out); /* times a common multiple of `also` and these */
bool forms_finish(struct compile *c, const struct sval *v, struct truth *out);

#endif
