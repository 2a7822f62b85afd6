/* What the files about one distance share: the forms answer - rival around an input. */
#ifndef WEIGHTPROOF_VERIFY_RADIUS_QUERY_H
#define WEIGHTPROOF_VERIFY_RADIUS_QUERY_H
#include <fmpq_vec.h>
#include <fmpz_vec.h>
#include "verify/quadratic.h"
#include "verify/radius.h"

#define SHORT_BITS 40      /* of the ends of the interval */

/* Eigenvalues and eigenvectors of output a - output b. */
struct pair { size_t a, b; struct eigen e; };
struct radius_model { char *name; long leaf; bool turned; struct outputs out; struct pair *pairs; size_t n_pairs, room_pairs; };

/* One output that the answer is compared with. */
struct rival { size_t k; const struct pair *p; double *gamma, *y, c, distance; fmpz *h; fmpz_t twice; };
/* One input: the answer a, per output its gradient there [width, n + 1] and twice its value, the answer's rivals; point: the u that shows the upper end;
 * line: what shows the lower end; low, high: the box, or NULL. */
struct query { struct radius_model *m; size_t n, a; const fmpq *x, *low, *high; fmpq *zero, *point; fmpz *X, *gradients, *values, *work; struct rival *rivals; size_t n_rivals;
    fmpz_t unit; struct text line; };

/* radius_query.c */
enum status query_init(struct query *q, struct radius_model *m, const fmpq *x) MUST_USE;
void query_clear(struct query *q);
enum status rivals_make(struct query *q, long target, struct diag *d) MUST_USE;
bool query_tied(const struct query *q);
void form_matrix(double *A, const struct query *q, size_t k);      /* the quadratic part of answer - output k, n x n */
bool overtakes(struct query *q, size_t k);                          /* is output k at least the answer at x + q->point? Exactly. */
void length_above(fmpq_t out, const struct query *q);               /* a short number that is not below the length of q->point */
void set_double(fmpq_t out, double x);
double shortened_down(double x);                                    /* x cut to SHORT_BITS bits */

/* radius_ball.c, radius_box.c: " LO HI AT L ..." into rest, for what follows the key in the line. */
enum status ball_solve(struct text *rest, fmpq_t lo, fmpq_t hi, struct query *q) MUST_USE;
enum status box_solve(struct text *rest, fmpq_t lo, fmpq_t hi, struct query *q) MUST_USE;
#endif
