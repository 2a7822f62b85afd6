/* html_basis: eigenvectors of forms, for drawing. Up to BASIS_CERTIFIED rows they come with what their gaps show of their angles (verify/spectral.h); above that from doubles. */
#ifndef WEIGHTPROOF_PROOFS_HTML_BASIS_H
#define WEIGHTPROOF_PROOFS_HTML_BASIS_H
#include "core/text.h"
#include "verify/quadratic.h"

#define BASIS_CERTIFIED 128
#define BASIS_MOST 1024

/* q rising; V: row i is eigenvector i; degrees: no more between row i and the true one; 90: not isolated; negative: not certified. */
struct drawn_basis { size_t n; double *q, *V, *degrees; };
/* m: a polynomial of degree two in n variables, times 2^scale; its quadratic part. false: no memory, too large. */
bool basis_make(struct drawn_basis *b, const fmpz *m, ulong scale, size_t n);
void basis_clear(struct drawn_basis *b);
/* "eigenvalue 0.53, within 1e-14 degrees" and so on. */
void basis_say(struct text *out, const struct drawn_basis *b, size_t i);
#endif
