/* bound: what the files of the engine of that name share: piecewise linear networks on a box. Inputs x_0 .. x_{n-1} and units u_k = max(0, z_k) are the
 * variables; every entry of a node, and every comparison of the claim, is a form in them, exactly (FORMAT.md §3, rule farkas). Cases of units are searched
 * depth first with linear programs in doubles; what they propose is tested here exactly, and again by the checkers. */
#ifndef WEIGHTPROOF_VERIFY_BOUND_H
#define WEIGHTPROOF_VERIFY_BOUND_H
#include <gmp.h>
#include "core/text.h"
#include "models/net.h"
#include "verify/engine.h"
#include "verify/interp.h"

/* A form: `size` numbers, coefficients of inputs, units, and the constant last; owned. rows[node]: width forms one after the other. */
struct pieces { const struct net *net; size_t n, units, size; mpq_ptr *rows, z; };
bool pieces_possible(const struct net *net, struct text *why);
enum status pieces_make(struct pieces *p, const struct net *net) MUST_USE;
void pieces_clear(struct pieces *p);
void pieces_run(const struct pieces *p, mpq_ptr v);                 /* inputs given: the units, and 1 */
mpq_ptr forms_new(size_t n);                                        /* zeros; NULL without memory */
void forms_free(mpq_ptr f, size_t n);
void pieces_add(mpq_ptr out, mpq_srcptr in, mpq_srcptr factor, size_t size);
void pieces_value(mpq_t out, mpq_srcptr form, mpq_srcptr v, size_t size);

/* The claim: disjuncts of atoms (a form that is positive, or not negative). */
struct atom { mpq_ptr v; bool strict; };
struct disjunct { size_t *atom; size_t n; };
struct dnf { struct disjunct *d; size_t n; };
struct box_claim {
    const struct expr *where, *predicate, *box; int slot; const char *vector; const struct expr *model;
    struct pieces p; mpq_ptr lo, hi;
    struct atom *atoms; size_t n_atoms, room;
    size_t **lists; size_t n_lists, room_lists;                     /* memory of the disjuncts */
    struct interp *in; struct diag *d;
};
bool box_claim_of(struct box_claim *out, const struct statement *s, struct text *why);
enum status box_claim_read(struct box_claim *b, const struct statement *s, struct interp *in, struct diag *d) MUST_USE;
void box_claim_clear(struct box_claim *b);
enum status box_dnf(struct dnf *out, struct box_claim *b, const struct expr *e, bool positive) MUST_USE;   /* e NULL: true */
enum status dnf_both(struct dnf *out, struct box_claim *b, const struct dnf *x, const struct dnf *y) MUST_USE;
bool disjunct_holds(const struct box_claim *b, const struct disjunct *d, mpq_srcptr v);

/* max t with rows a v + b >= t and lo <= v <= hi: the multipliers of the rows (>= 0, they add up to 1), the point. A is m x (n + 1), the constant last. false: no answer. */
bool lp_game(double *t, double *multipliers, double *point, const double *A, const double *lo, const double *hi, size_t m, size_t n);

/* bound_search.c: is there a point of the box in some disjunct? FOUND: v, size numbers; NOWHERE: the lines `step`, added to out. */
enum search_end { SEARCH_OPEN, SEARCH_NOWHERE, SEARCH_FOUND };
enum status box_search(enum search_end *end, mpq_ptr v, struct text *out, unsigned long *cases, const struct box_claim *b, const struct dnf *d, const struct limits *l) MUST_USE;
#endif
