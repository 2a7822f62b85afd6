/* residual_terms: the store behind residual.h. A term is kept once, with the least and the largest value it may have; what is kept is in normal form already. */
#ifndef WEIGHTPROOF_VERIFY_RESIDUAL_TERMS_H
#define WEIGHTPROOF_VERIFY_RESIDUAL_TERMS_H
#include "verify/residual.h"

enum { ID_ERROR, ID_NOTHING, ID_FALSE, ID_TRUE };   /* the first four terms, made by residual_basics */
bool residual_basics(struct residual *r);
/* The term with these arguments. REST_NONE: no memory, too many, or a value that long may not hold. */
int residual_keep(struct residual *r, enum rest_op op, long value, const int *args, size_t n);
/* The number of a table with these entries, which are copied. REST_NONE: no memory. */
int residual_table(struct residual *r, const long *table, size_t n);
/* Says why (the first reason stands); REST_NONE. */
int residual_fail(struct residual *r, enum status s);
uint64_t residual_mix(uint64_t h, uint64_t v);
#endif
