/* radius: the distance from an input to the nearest one at which another output of a bilinear network is as large, enclosed, with what proves it
 * (FORMAT.md §3, radius). One store belongs to a statement and is shared by its threads; what is found there stays. */
#ifndef WEIGHTPROOF_VERIFY_RADIUS_H
#define WEIGHTPROOF_VERIFY_RADIUS_H
#include <fmpq.h>
#include "core/diag.h"
#include "core/text.h"
#include "models/net.h"

#define RADIUS_CAP_BITS 64    /* a larger distance, or none at all, counts as 2^64 */

struct radii;
struct radii *radii_new(void);                 /* NULL without memory */
void radii_free(struct radii *r);
/* lo <= radius(M, x) <= hi, or radius(M, x, target) when target >= 0; x has net->width_in entries; low, high: corners of the box, or NULL. model: its name in the statement.
 * STATUS_UNSUPPORTED when the network's outputs are no polynomials of degree two, STATUS_INPUT when the target is the answer itself. */
enum status radii_find(fmpq_t lo, fmpq_t hi, struct radii *r, const char *model, const struct net *net, const fmpq *x, long target, const fmpq *low, const fmpq *high, struct diag *d) MUST_USE;
/* The u behind the upper end that radii_find answered for the same question. false: it was not asked, or there is none. */
bool radii_point(fmpq *u, const struct radii *r, const char *model, size_t n, const fmpq *x, long target, const fmpq *low, const fmpq *high);
struct spectra;
struct spectra *radii_spectra(const struct radii *r);      /* spectral.h; r may be NULL */
/* How many were found, and the upper end of each; r may be NULL. */
size_t radii_count(const struct radii *r);
double radii_upper(const struct radii *r, size_t i);
/* The outputs as polynomials in the input, or in the entries of node `leaf` when it is not -1; made once. turned: as outputs_turned. */
struct outputs;
enum status radii_outputs(const struct outputs **out, struct radii *r, const char *model, const struct net *net, long leaf, bool turned) MUST_USE;
/* Changes along segments are kept for the certificate while that is asked for: key "MODEL X Y", rest as count_changes writes it (roots.h). What is kept stays. */
void radii_note_changes(struct radii *r, bool on);
bool radii_notes_changes(const struct radii *r);
enum status radii_keep_changes(struct radii *r, const char *key, const char *rest) MUST_USE;
const char *radii_changes(const struct radii *r, const char *key);      /* rest, or NULL */
/* The lines `radius ...` of everything found, in their order, and `changes ...`. */
enum status radii_lines(struct text *out, struct radii *r) MUST_USE;

/* radius_search.c: what doubles say of one form q, gamma, c in the basis of its eigenvectors (n entries each), q rising, c > 0. */
struct spectral { const double *q, *gamma; double c; size_t n; };
/* The least |y| with sum q_i y_i^2 + gamma_i y_i + c <= 0, and such a y; INFINITY when there seems to be none. */
double nearest_zero(double *y, const struct spectral *f);
/* A multiplier that shows the form positive on the ball of this radius; negative when doubles see none. *clear: they are sure of it. */
double ball_lambda(const struct spectral *f, double radius, double *room, bool *clear);
#endif
