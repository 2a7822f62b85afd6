/* What the files of the engine share about the case at hand. */
#ifndef WEIGHTPROOF_VERIFY_QUADRATIC_SOLVER_H
#define WEIGHTPROOF_VERIFY_QUADRATIC_SOLVER_H
#include "verify/engine.h"
#include "verify/quadratic.h"

#define UNCLEAR 1e-11    /* relative to the terms: below it doubles decide nothing */

enum answer { HOLDS, FAILS, OPEN, EMPTY };       /* EMPTY: no vector lies in the region */
struct kept { fmpq *v; struct eigen e; };
struct solver {
    double work;                           /* most of one form on a region: cells times n^3 */
    struct ball_claim b; struct outputs out, inner; struct ball_case c; /* inner.c not NULL: two layers, out in the entries of the node between them */
    const struct limits *limits;
    struct kept *kept; size_t n_kept;      /* decompositions of quadratic parts */
    fmpz *X, *gradients, *values, *h;      /* the centre, homogeneous; per output its gradient there [width, n + 1] and twice its value; of a form */
    fmpz *m; double *A, *gamma, *g, *y, *u;
    fmpq *point; struct text cases;
};

/* Common denominator of a form's coefficients. */
void form_scale(fmpz_t out, const struct margin *f, size_t width);
/* s->m = unit times the form, unit = scale 2^out.scale */
void form_polynomial(struct solver *s, const struct margin *f, const fmpz_t scale);
/* Is the vector d in the region, and does the form fail there? Exactly. */
bool fails_at(struct solver *s, const struct margin *f, const fmpq *d);

/* quadratic_cells.c: the forms on a region that is no whole ball. HOLDS: the lines of all forms are added to out; FAILS: s->point is in the region. */
enum status region_decide(enum answer *a, struct text *out, struct solver *s) MUST_USE;
/* quadratic_empty.c: no vector lies in the region: adds the line `case empty ...` without its end. false: that is not shown. */
bool region_empty(struct text *line, const struct ball_case *c);
/* A point of the region, exactly, in s->point; false: none was found. */
bool region_point(struct solver *s);

/* quadratic_dual.c: one cell in doubles, d = z + u, |u_i| <= h_i, h_i > 0: the form u'Qu + g'u + c; the ball |u + off|^2 <= r2 when l2; joint limits
 * A u + b >= 0, k of them. */
struct cell { size_t n, k, in_ball; bool l2; /* in_ball: how many of the coordinates the ball is about */
    const double *Q, *A; double *g, c, *h, *off, r2, *b; };
struct dual_room;
struct dual_room *dual_room_new(size_t n, size_t k);      /* NULL without memory */
void dual_room_free(struct dual_room *w);
/* A lower bound of the form on the cell, the multipliers that show it (of the ball when l2, of every coordinate, of the joint limits), and in u the point
 * at which the form less what they multiply is least. Stops early above `enough`, or where 0 is out of reach. Nothing here is trusted. */
double dual_bound(double *multipliers, double *u, const struct cell *c, double enough, struct dual_room *w);
/* The bound of these multipliers; -INFINITY when they are none. */
double dual_value(const double *multipliers, const struct cell *c, struct dual_room *w);

/* quadratic_deep.c: two layers. The node between them, or -1; the outputs in its entries, and it in the inputs. */
long deep_node(const struct net *net);
enum status deep_outputs(struct outputs *outer, struct outputs *inner, const struct net *net) MUST_USE;
void deep_row(fmpq *h, const struct solver *s, const fmpq *d);
struct deep;
struct deep *deep_new(const struct solver *s);      /* NULL without memory */
void deep_free(struct deep *d);
void deep_around(struct deep *d, struct solver *s, const struct margin *f);
double deep_value(struct deep *d, double *grad, const double *v);      /* of the form, v from s->point; grad may be NULL */
void deep_cell(struct deep *d, struct cell *c, const double *z);
double deep_share(const struct deep *d, const double *h, size_t j, size_t i);      /* what coordinate i has of the range of e_j, of the last cell */
#endif
