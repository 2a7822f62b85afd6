/* roots: outputs of a bilinear network along a line, polynomials of degree two in s, and their ties, exactly (STATEMENT.md §3: flip, changes). */
#ifndef WEIGHTPROOF_VERIFY_ROOTS_H
#define WEIGHTPROOF_VERIFY_ROOTS_H
#include <fmpq_vec.h>
#include "verify/quadratic.h"

/* p + sign sqrt(r); r > 0 unless sign is 0 */
struct root { fmpq p, r; int sign; };
void root_init(struct root *x);
void root_clear(struct root *x);
void root_copy(struct root *to, const struct root *from);
int root_compare(const struct root *x, const struct root *y);      /* exactly */
int roots_of(struct root out[2], const fmpq *q);                    /* of q[0] + q[1] s + q[2] s^2, 0 to 2 of them; none of 0 */
/* Numbers below and above it, within 2^-bits of each other. */
void root_enclose(fmpq_t lo, fmpq_t hi, const struct root *x, ulong bits);

/* The outputs at x + s v: three coefficients each; the caller's (3 o->width). */
fmpq *outputs_on_line(const struct outputs *o, const fmpq *x, const fmpq *v);
void difference_on_line(fmpq *d, const fmpq *a, const fmpq *b);

/* The points of (0, 1) at which the set of the largest outputs before is not that after: how many, and into `line` (may be NULL) what a line `changes` of FORMAT.md says
 * of them, " A LO HI A LO HI A". */
enum status count_changes(long *out, struct text *line, const fmpq *q, size_t width) MUST_USE;
/* "MODEL X Y": what the line speaks of. */
void changes_key(struct text *out, const char *model, const fmpq *x, const fmpq *y, size_t n);
#endif
