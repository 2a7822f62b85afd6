/* vector: rationals and integers in rows, for the rules about real inputs. */
#ifndef CHECK_VECTOR_H
#define CHECK_VECTOR_H
#include <gmp.h>
#include <stddef.h>

/* n zeros, owned; freed with the same n. */
mpq_t *vector_new(size_t n);
void vector_free(mpq_t *v, size_t n);
/* out += factor times in */
void vector_add(mpq_t *out, const mpq_t *in, const mpq_t factor, size_t n);
mpz_t *integers_new(size_t n);
void integers_free(mpz_t *x, size_t n);
#endif
