/* polynomial: what the files of the engine of that name share. Claims over all real vectors, cones, boxes and intervals, about networks whose outputs are
 * polynomials of degree two: sparse polynomials with exact coefficients, what a statement says as lists of inequalities, weights that exclude one
 * list, and points that satisfy one (docs/methods.md, "Polynomials"). */
#ifndef WEIGHTPROOF_VERIFY_POLYNOMIAL_H
#define WEIGHTPROOF_VERIFY_POLYNOMIAL_H
#include <stdint.h>
#include "verify/engine.h"
#include "verify/quadratic.h"

#define VARIABLES_MOST 65000
#define DEGREE_MOST 4

/* A monomial: the numbers (from 1) of its variables, with repetition, falling, 16 bits each from the top; 0: the constant. */
typedef uint64_t monomial_key;
static inline size_t key_variable(monomial_key k, int i) { return (size_t)(k >> (48 - 16 * i) & 0xffff); }
int key_degree(monomial_key k);
bool key_times(monomial_key *out, monomial_key a, monomial_key b);      /* false: the degree is more than DEGREE_MOST */

/* Terms in rising order of their keys, none zero, after poly_tidy; a failure is kept until poly_status asks. All owned. */
struct poly { struct term { monomial_key key; fmpq c; } *t; size_t n, room, tidy; enum poly_failure { POLY_FINE, POLY_MEMORY, POLY_DEGREE, POLY_SIZE } failed; };
void poly_clear(struct poly *p);
void poly_term(struct poly *p, monomial_key key, const fmpq_t c);       /* p += c key */
void poly_add(struct poly *p, const struct poly *a, const fmpq_t factor);
void poly_times(struct poly *p, const struct poly *a, const struct poly *b); /* p += a b */
void poly_tidy(struct poly *p);
void poly_value(fmpq_t out, const struct poly *p, const fmpq *z);       /* z[i - 1] is the value of variable i */
int poly_degree(const struct poly *p);

/* One or more polynomials: a number, or a vector. */
struct polys { bool vector; size_t n; struct poly *p; };
bool polys_make(struct polys *v, bool vector, size_t n);
void polys_clear(struct polys *v);

struct atom_poly { struct poly p; bool strict; };                       /* p > 0, or p >= 0 */
/* Lists of atoms; at a point one of the lists holds, all of it. List i is ids[ends[i - 1] .. ends[i]). Owned. */
struct lists { size_t *ids, *ends, n, n_ids; };
void lists_clear(struct lists *x);

/* A variable of the statement in a set of reals: its entries as polynomials in the region's variables, numbered from 1. */
struct real_variable { const struct bind *bind; size_t first, count; struct polys value; bool cone; };
/* One variable of the region: bounds are exact. */
struct range { bool has_lo, has_hi; fmpq_t lo, hi; };

struct poly_claim {
    struct binds outer; const struct bind *bound; size_t n_reals;       /* binders of finite sets, then those of sets of reals */
    const struct expr *where, *predicate;
    const struct statement *s;
    struct interp *in; struct diag *d;
    struct real_variable *reals;
    struct range *ranges; size_t n_variables, room_ranges;
    struct atom_poly *atoms; size_t n_atoms, room_atoms;
    struct { const char *model; struct outputs out; } nets[16]; size_t n_nets;
};
bool poly_claim_of(struct poly_claim *out, const struct statement *s, struct text *why);
void poly_claim_clear(struct poly_claim *c);
/* The region at the finite variables that are bound now; forgets all atoms. */
enum status poly_region(struct poly_claim *c) MUST_USE;
void poly_region_clear(struct poly_claim *c);
enum status poly_refuse(struct poly_claim *c, const char *what) MUST_USE;
bool poly_plain(const struct poly_claim *c, const struct expr *e);
/* A number or a vector as polynomials. */
enum status poly_read(struct polys *out, struct poly_claim *c, const struct expr *e) MUST_USE;
enum status poly_status(struct poly_claim *c, const struct poly *p) MUST_USE;

/* polynomial_atoms.c: where e (NULL: true) is true, or false. */
enum status poly_lists(struct lists *out, struct poly_claim *c, const struct expr *e, bool positive) MUST_USE;
enum status lists_both(struct lists *out, struct poly_claim *c, const struct lists *a, const struct lists *b) MUST_USE;
bool list_holds(const struct poly_claim *c, const struct lists *x, size_t i, const fmpq *z);

/* A product of weights: `atom`, or one or two bounds of the region (number 2 (i - 1) of variable i's lower one, 2 (i - 1) + 1 of the upper one; second -1: one bound). */
struct weight_term { long atom, first, second; fmpq w; };
struct weights { struct weight_term *t; size_t n, room; fmpq epsilon; };
void weights_clear(struct weights *w);
void bound_poly(struct poly *out, const struct poly_claim *c, long bound);      /* out += the bound: it is not negative in the region */
/* polynomial_weights.c: *found: no point of the region satisfies list i, as the weights show, exactly. Else start (n_variables doubles at a time, n_starts of
 * them, owned by the caller) are points worth a look. */
struct starts { double *z; size_t n; };
enum status weights_find(bool *found, struct weights *w, struct starts *starts, struct poly_claim *c, const struct lists *x, size_t i, const struct limits *l) MUST_USE;
/* Exactly: the sum of these weights excludes the list. */
enum status weights_hold(bool *holds, struct poly_claim *c, const struct weights *w) MUST_USE;
bool matrix_semidefinite(const struct poly *p, size_t n_variables);             /* p >= 0 everywhere; degree two */

/* polynomial_point.c: a point of the region that satisfies the list, exactly. z: n_variables numbers. */
enum status point_find(bool *found, fmpq *z, struct poly_claim *c, const struct lists *x, size_t i, const struct starts *starts, const struct limits *l) MUST_USE;
#endif
