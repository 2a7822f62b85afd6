/* bases: what form.c and truncate.c share: polynomials of networks, and matrices turned into nearly diagonal ones, kept while a claim is evaluated. */
#ifndef CHECK_BASES_H
#define CHECK_BASES_H
#include "eval.h"
#include "spectral.h"

/* One matrix m / den at p bits. For a form of a network: model, leaf and output say which, and m is not kept. */
struct kept_basis { int model, leaf; size_t output; unsigned p; size_t n; mpz_t *m, den; bool good; struct spectral s; };
struct kept_bases { struct kept_basis *b; size_t n; };
void bases_clear(struct kept_bases *k);
struct kept_bases *eval_bases(struct eval *e);

/* The outputs of a network as polynomials in its input (leaf -1) or in the entries of a node; NULL with a reason. Valid until the next call. */
const struct rowpoly *eval_polynomials(struct eval *e, int model, int leaf, bool turned);
/* Exact entries over one denominator. */
void val_over_one(mpz_t *m, mpz_t den, const struct val *a);
bool integers_symmetric(const mpz_t *m, size_t n);
/* The eigenvalues of m / den, rising, as a vector. */
bool eval_ends(struct eval *e, const mpz_t *m, const mpz_t den, size_t n, struct val *out);
#endif
