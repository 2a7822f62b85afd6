/* spectral: an exact symmetric matrix A turned into a nearly diagonal one, with proved bounds (STATEMENT.md §3, docs/methods.md "Eigenvectors").
 *
 * V holds approximate eigenvectors, taken as exact numbers; B = V'AV and S = V'V are balls. With f >= |S - 1|, f <= 1/2, and H = S^(1/2) the
 * matrix U = V H^-1 is orthogonal and M = U'AU is within eta >= |B - D| + 3 f |B| of the diagonal matrix D, which has the diagonal of B. */
#ifndef WEIGHTPROOF_VERIFY_SPECTRAL_H
#define WEIGHTPROOF_VERIFY_SPECTRAL_H
#include <arb.h>
#include <arb_mat.h>
#include <fmpz.h>
#include <stdbool.h>
#include <stddef.h>

#define SPECTRAL_BITS 192

/* v: row i is the i-th approximate eigenvector; d rising, exact; eta, f and top (>= |B|, |D|) exact upper bounds. good: f <= 1/2 */
struct eigenbasis { size_t n; bool good; arb_ptr v, d; arb_t eta, f, top; };
/* v: approximate eigenvectors as columns, points; a: balls of num / den (both n rows, initialised). false: no memory. */
bool approximate_basis(arb_mat_t v, arb_mat_t a, const fmpz *num, const fmpz_t den, size_t n);
/* num / den, n rows, symmetric. false: no memory. */
bool spectral_make(struct eigenbasis *s, const fmpz *num, const fmpz_t den, size_t n);
void spectral_clear(struct eigenbasis *s);
/* The i-th unit eigenvector (rising eigenvalues), its first entry of modulus above 1 / (2 sqrt n) positive. false: not isolated, every entry is [-1, 1];
 * an unsettled sign makes the entries cover both. */
bool spectral_vector(arb_ptr out, const struct eigenbasis *s, size_t i);
/* x'A_k x for A cut to k eigenvectors of largest |eigenvalue|. false: where to cut is not settled, the ball covers every choice. */
bool spectral_cut(arb_t out, const struct eigenbasis *s, size_t k, arb_srcptr x);

/* The same for every k from 0 to n, n + 1 balls. false: no memory, or the basis is not good; then nothing is known. */
bool spectral_cuts(arb_ptr out, const struct eigenbasis *s, arb_srcptr x);

/* spectral_store.c: what a statement has turned already, shared by its threads; what is found stays where it is. */
struct spectra;
struct outputs;
struct spectra *spectra_new(void);             /* NULL without memory */
void spectra_free(struct spectra *s);
/* The form of output j, and num / den (n rows, symmetric). NULL without memory. */
const struct eigenbasis *spectra_output(struct spectra *s, const struct outputs *o, size_t j);
const struct eigenbasis *spectra_matrix(struct spectra *s, const fmpz *num, const fmpz_t den, size_t n);
/* The first remark is kept: why a value is not as narrow as it might be. */
void spectra_remark(struct spectra *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *spectra_remarked(const struct spectra *s);     /* NULL: none; s may be NULL */
#endif
