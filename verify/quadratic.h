/* quadratic: what the files of the engine of that name share. Outputs of a network of real inputs as polynomials of degree two, exactly; forms,
 * which are linear in the outputs; and the smallest value of a quadratic function on a ball, in doubles (METHODS: the S-lemma, docs/methods.md). */
#ifndef WEIGHTPROOF_VERIFY_QUADRATIC_H
#define WEIGHTPROOF_VERIFY_QUADRATIC_H
#include <fmpq.h>
#include <fmpq_vec.h>
#include <fmpz_vec.h>
#include "core/text.h"
#include "models/net.h"
#include "verify/interp.h"

/* Coefficient of x_u x_v, u <= v <= n, x_0 = 1: constants first, then the linear ones. */
static inline size_t monomial(size_t n, size_t u, size_t v) { return u * (n + 1) - u * (u + 1) / 2 + v; }

/* width polynomials in x_1 .. x_n, `each` coefficients a polynomial, every one times 2^scale; owned. */
struct outputs { size_t n, width, each; ulong scale; fmpz *c; };
/* leaf: the node whose entries are the variables, or -1 for the input. Can every node below the output be a polynomial of degree two or less? why says which cannot, or what is too large. */
bool outputs_possible(const struct net *net, long leaf, struct text *why);
enum status outputs_make(struct outputs *out, const struct net *net, long leaf) MUST_USE;
/* In the place of a quadratic term x_u x_v, u < v: the coefficient of x_u of first and x_v of second factors of products, less that of x_v and x_u. */
enum status outputs_turned(struct outputs *out, const struct net *net, long leaf) MUST_USE;
void outputs_clear(struct outputs *o);

/* sum v[j] output_j + v[width] must be positive, or not negative. */
struct margin { fmpq *v; bool strict; };

/* What a statement says of a ball or a box; pieces of the statement, nothing owned.
 * forall B, d in ball where C prove P | prove all{P : B, d in ball where C} | count B where C : all{P : d in ball where D}
 * where: C; cut: what may read the vector, C or D, of which all parts do so when it is D (whole). */
struct ball_claim { struct binds outer; const struct expr *where, *cut, *predicate, *ball; bool whole; int slot; const char *vector; const struct expr *model; };
bool ball_claim_of(struct ball_claim *out, const struct statement *s, struct text *why);

/* sum v[i] d_i + v[n] is positive, or not negative; alone: one coefficient is not 0, and lo or hi says it. */
struct limit { fmpq *v; bool strict, alone; };

/* One binding of the outer variables: the network reads shift + d, lo <= d <= hi, and |d - centre|^2 <= radius2 when l2; joint: limits that are not alone. */
struct ball_case { size_t n, width; fmpq *shift, *centre, *lo, *hi, *from, *to; /* from, to: as lo, hi, of the set without conditions */ fmpq_t radius, radius2; bool shifted, l2; struct margin *forms; size_t n_forms, room;
    struct limit *limits; size_t n_limits, room_limits, joint; };
enum status ball_case_init(struct ball_case *c, size_t n, size_t width) MUST_USE;
void ball_case_clear(struct ball_case *c);
/* STATUS_UNSUPPORTED with a message when the statement says something else there. */
enum status ball_case_read(struct ball_case *c, const struct ball_claim *b, struct interp *in, struct diag *d) MUST_USE;

/* quadratic_read.c: exact pieces of a case. An exact number (want 0), or a vector of `want` entries; a number for a vector, where that is allowed, is one with equal entries. */
struct reader { struct ball_case *c; const struct ball_claim *b; struct interp *in; struct diag *d; };
typedef enum status entry_read(fmpq *out, struct reader *r, const struct expr *e, const fmpq_t factor);
enum status read_refuse(struct reader *r, const char *what) MUST_USE;
bool read_plain(const struct reader *r, const struct expr *e);                  /* no network in it, no vector */
bool read_is_vector(const struct reader *r, const struct expr *e);
enum status read_exact(fmpq *out, size_t want, bool spread, struct reader *r, const struct expr *e) MUST_USE;
enum status read_index(long *out, struct reader *r, const struct expr *e, size_t width) MUST_USE;
/* out += factor e; entry: of what is indexed and reads the vector; constant: its place in out */
enum status read_linear(fmpq *out, struct reader *r, const struct expr *e, const fmpq_t factor, size_t constant, entry_read *entry) MUST_USE;

/* quadratic_set.c: the region of a case: the set and the conditions on the vector. */
bool set_is_region(const struct expr *set);
enum status region_read(struct reader *r) MUST_USE;
void region_drop(struct ball_case *c);
bool region_is_ball(const struct ball_case *c);      /* a whole l2 ball */
bool region_is_empty(const struct ball_case *c);     /* lo above hi somewhere */
bool region_is_point(const struct ball_case *c);     /* lo is hi everywhere: the region is that point, or empty */
bool region_has(const struct ball_case *c, const fmpq *d);
/* quadratic_product.c. sign: 1, or -1 for the terms of x_u of a_k and x_v of b_k with u > v. out += sum_k w[k] (a_k)(b_k), for K linear polynomials a_k, b_k in n variables, n + 1 coefficients each; out is of degree two. */
void products_weighted(fmpz *out, const fmpz *a, const fmpz *b, const fmpz *w, size_t K, size_t n, int sign);

/* quadratic_exact.c. A rational, and a vector of them as a certificate has it: 1/2,3 and with one entry 3, (a comma behind it). */
void fraction_add_text(struct text *out, const fmpq_t x);
void fractions_add_text(struct text *out, const fmpq *v, size_t n);
bool fractions_read(fmpq *v, size_t n, const char *text);      /* what fractions_add_text wrote, up to a space or the end; false: it is not n numbers */
/* X[1..n] / X[0] = a + b, X[0] > 0. */
void homogeneous(fmpz *X, const fmpq *a, const fmpq *b, size_t n);
/* h: gradient of the homogeneous polynomial m (n + 1 variables) at X; twice: 2 m(X). */
void gradient(fmpz *h, fmpz_t twice, const fmpz *m, const fmpz *X, size_t n);
void form_numerators(fmpz *num, const fmpz *m, size_t n);      /* twice the symmetric n x n matrix of the quadratic part of m */
double ratio(const fmpz_t a, const fmpz_t b);   /* a / b as a double, whatever their sizes */
double short_between(double at, double w);      /* the shortest dyadic number in [at + w/4, at + w] */

/* A form around a point: its polynomial m (times unit), the point X, gradient h and twice the value there. */
struct around { size_t n; const fmpz *m, *h; const fmpz *twice; const fmpz *X; const fmpz *unit; };
/* The matrix of FORMAT.md, as balls of 512 bits, for one multiplier: is it positive definite? For multipliers that doubles do not settle. */
bool multiplier_holds(const struct around *f, const fmpq_t radius2, double lambda);

/* quadratic_eigen.c. A symmetric matrix as B' diag(q) B, q rising, B orthogonal: reflectors in the rows of R, then turns (cosine, sine) of neighbouring entries,
 * `count` of them a sweep, from entry from - 1 downwards, then order. Owned. */
struct sweep { size_t from, count; };
struct eigen { size_t n; double *q, *R, *turns; struct sweep *sweeps; size_t n_turns, room_turns, n_sweeps, room_sweeps, *order; };
bool eigen_make(struct eigen *out, double *A, size_t n);                 /* destroys A; false: no memory, nothing to clear */
void eigen_clear(struct eigen *e);
void eigen_into(double *y, const struct eigen *e, double *x);            /* y = B x; destroys x */
void eigen_back(double *x, const struct eigen *e, const double *y);      /* x = B'y */
/* Eigenvalues q (rising) and eigenvectors (columns of V, row-major) of the symmetric n x n matrix A, which is destroyed. false: no memory. */
bool symmetric_eigen(double *q, double *V, double *A, size_t n);
/* min of sum q_i y_i^2 + gamma_i y_i + c over |y| <= r, r > 0: the dual's optimum and its multiplier, and in y a minimiser. */
struct region { double value, lambda; };
struct region region_minimum(double *y, const double *q, const double *gamma, double c, double r, size_t n);
#endif
