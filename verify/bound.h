/* bound: what the files of the engine of that name share: networks on a box. Inputs x_0 .. x_{n-1} and units u_k = f(z_k), f max(0, z) or a smooth function, are the
 * variables; every entry of a node, and every comparison of the claim, is a form in them, exactly (FORMAT.md §3, rule farkas). Cases of units are searched
 * depth first with linear programs in doubles; what they propose is tested here exactly, and again by the checkers. */
#ifndef WEIGHTPROOF_VERIFY_BOUND_H
#define WEIGHTPROOF_VERIFY_BOUND_H
#include <gmp.h>
#include "core/text.h"
#include "models/net.h"
#include "verify/engine.h"
#include "verify/bound_curve.h"
#include "verify/interp.h"

/* A form: `size` numbers, coefficients of inputs, units, and the constant last; owned. rows[node]: width forms one after the other. */
struct pieces { const struct net *net; size_t n, units, size; mpq_ptr *rows, z; enum curve *curve; bool smooth; };   /* smooth: a unit is not max(0, z) */
bool pieces_possible(const struct net *net, struct text *why);
bool pieces_smooth(const struct net *net);                          /* not piecewise linear */
enum status pieces_make(struct pieces *p, const struct net *net) MUST_USE;
void pieces_clear(struct pieces *p);
/* A point: 2 size numbers, the lower ends of inputs, units and 1, then the upper ends: equal but for smooth units and what reads them. Inputs given: the rest; false: a
 * unit has no value. */
bool pieces_run(const struct pieces *p, mpq_ptr v);
void pieces_low(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size);   /* of a form at a point: its lower end */
void pieces_extreme(mpq_t out, mpq_srcptr form, size_t units, mpq_srcptr a, mpq_srcptr b, const struct pieces *p, bool largest);   /* over ranges a, b of the variables */
mpq_ptr forms_new(size_t n);                                        /* zeros; NULL without memory */
void forms_free(mpq_ptr f, size_t n);
void pieces_add(mpq_ptr out, mpq_srcptr in, mpq_srcptr factor, size_t size);
void pieces_value(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size);

/* The claim: disjuncts of atoms (a form that is positive, or not negative). moving: the form of an atom of an optimum, whose constant has `level` in it. */
struct atom { mpq_ptr v; bool strict, moving; };
struct disjunct { size_t *atom; size_t n; };
struct dnf { struct disjunct *d; size_t n; };
enum box_kind { BOX_FORALL, BOX_EXISTS, BOX_MINIMUM, BOX_MAXIMUM };
struct box_claim {
    enum box_kind kind;
    struct binds outer;                                             /* variables of finite sets before the vector */
    const struct expr *where, *subject, *box; int slot; const char *vector; const struct expr *model;
    struct pieces p; mpq_ptr lo, hi;
    struct atom *atoms; size_t n_atoms, room;
    void **lists; size_t n_lists, room_lists;                       /* memory of the disjuncts and sides */
    mpq_ptr *vectors; size_t n_vectors, room_vectors;               /* of sides */
    mpq_t level; bool has_level;
    unsigned long nodes_most;                                       /* cases of one search; 0: the usual limit */
    struct interp *in; struct diag *d;
};
bool box_claim_of(struct box_claim *out, const struct statement *s, struct text *why);
enum status box_claim_read(struct box_claim *b, const struct statement *s, struct interp *in, struct diag *d) MUST_USE;
enum status box_corners(struct box_claim *b) MUST_USE;                                                  /* of the box, for what the other variables are now */
void box_forget(struct box_claim *b);                                                                   /* atoms and disjuncts */
void box_claim_clear(struct box_claim *b);
enum status box_dnf(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive) MUST_USE;   /* e NULL: true */
enum status dnf_both(struct dnf *out, struct box_claim *b, const struct dnf *x, const struct dnf *y) MUST_USE;
enum status dnf_join(struct dnf *out, struct box_claim *b, const struct dnf *y, bool both) MUST_USE;       /* out and y, or out or y */
enum status dnf_truth(struct dnf *out, struct box_claim *b, bool truth) MUST_USE;
mpq_ptr dnf_atom(struct dnf *out, struct box_claim *b, bool strict);                                     /* a new atom's form, zeros; NULL: no memory, or too many */
void *box_keep(struct box_claim *b, size_t n, size_t size);                                              /* zeroed memory that lives as long as the claim */
enum status box_refuse(struct box_claim *b, const char *what);
bool box_plain(const struct box_claim *b, const struct expr *e);                                         /* neither the vector nor an activation is in it */
bool disjunct_holds(const struct box_claim *b, const struct disjunct *d, mpq_srcptr v);
bool dnf_holds(const struct box_claim *b, const struct dnf *d, mpq_srcptr v);

/* bound_side.c: a side of a comparison, or a sum of sides: a form and, added to it, the largest (or the smallest) of several sides, for each choice. */
struct side { mpq_ptr v; struct choice *choice; size_t n; };
struct choice { bool largest; struct side *of; size_t n; };
enum status side_new(struct side *out, struct box_claim *b) MUST_USE;
enum status side_add(struct side *out, struct box_claim *b, const struct expr *e, const mpq_t factor) MUST_USE;   /* out += factor e */
enum status side_positive(struct dnf *out, struct box_claim *b, const struct side *s, bool strict) MUST_USE;      /* where it is > 0, or >= 0 */
void side_value(mpq_t out, const struct side *s, mpq_srcptr v, size_t size);
enum status box_rows(mpq_srcptr *rows, size_t *width, struct box_claim *b, const struct expr *e) MUST_USE;        /* of output(M, x) or node(M, "NAME", x) */
enum status box_index(long *out, struct box_claim *b, const struct expr *e, size_t width) MUST_USE;
enum status box_exact(mpq_ptr out, size_t want, struct box_claim *b, const struct expr *e) MUST_USE;              /* a number (want 0) or a vector of that length */

/* max t with rows a v + b >= t and lo <= v <= hi: the multipliers of the rows (>= 0, they add up to 1), the point. A is m x (n + 1), the constant last. false: no answer. */
bool lp_game(double *t, double *multipliers, double *point, const double *A, const double *lo, const double *hi, size_t m, size_t n);

/* bound_search.c: is there a point of the box in some disjunct? FOUND: the point v; NOWHERE: the lines `step`, added to out. */
enum search_end { SEARCH_OPEN, SEARCH_NOWHERE, SEARCH_FOUND };
enum status box_search(enum search_end *end, mpq_ptr v, struct text *out, unsigned long *cases, const struct box_claim *b, const struct dnf *d, const struct limits *l) MUST_USE;
/* bound_descend.c: from the point v, which satisfies the condition, to better ones nearby: the value `least` is the smallest that was found; v is where. */
enum status box_descend(mpq_t least, mpq_ptr v, struct box_claim *b, const struct dnf *where, const struct dnf *query, const struct side *objective, const struct limits *l) MUST_USE;
void box_level(struct box_claim *b, const mpq_t level);   /* moves the atoms of an optimum: value < level */

/* bound_optimum.c: the interval of a minimum or maximum. */
struct outcome;
enum status box_optimum(struct outcome *out, struct box_claim *b, const mpq_t within, mpq_ptr v, const struct limits *l) MUST_USE;
enum status box_bind(struct binding *out, const struct box_claim *b, mpq_srcptr v) MUST_USE;
#endif
