/* polynomial: claims about real variables (FORMAT.md §3): sparse polynomials with rational coefficients, the region of the variables, and what a statement says
 * as lists of inequalities. */
#ifndef CHECK_POLYNOMIAL_H
#define CHECK_POLYNOMIAL_H
#include "certificate.h"
#include "quadratic.h"

#define VARIABLES_MOST 65000
#define DEGREE_MOST 4
#define IDS_MOST ((size_t)1 << 20)

/* A monomial: the numbers (from 1) of its variables with repetition, falling, 16 bits each from the top; 0: the constant. */
typedef uint64_t power_product;
static inline size_t product_variable(power_product k, int i) { return (size_t)(k >> (48 - 16 * i) & 0xffff); }
int product_degree(power_product k);

/* Terms in rising order of their keys, none 0, after sparse_tidy. failed: what went wrong, kept. */
struct sparse { struct sparse_term { power_product key; mpq_t c; } *t; size_t n, room, tidy; const char *failed; };
void sparse_clear(struct sparse *p);
void sparse_term(struct sparse *p, power_product key, const mpq_t c);
void sparse_add(struct sparse *p, const struct sparse *a, const mpq_t factor);
void sparse_times(struct sparse *p, const struct sparse *a, const struct sparse *b); /* p += a b */
void sparse_tidy(struct sparse *p);
void sparse_value(mpq_t out, const struct sparse *p, const mpq_t *z);   /* z[i - 1]: variable i */
/* Not negative anywhere, as its matrix shows; of degree two or less. */
bool sparse_semidefinite(const struct sparse *p, size_t n_variables);

struct rowval { bool vector; size_t n; struct sparse *p; };             /* a number, or a vector */
void rowval_clear(struct rowval *v);

/* Lists of atoms: list i is ids[ends[i - 1] .. ends[i]). Owned. */
struct lists { size_t *ids, *ends, n, n_ids; };
void lists_clear(struct lists *x);

struct real_variable { const struct bind *bind; size_t first, count; struct rowval value; bool cone; };
struct reach { bool has_lo, has_hi; mpq_t lo, hi; };
struct sparse_atom { struct sparse p; bool strict; };                   /* p > 0, or p >= 0 */

struct world {
    const struct certificate *c; struct eval *e; struct fail *f; int line;
    struct binds outer; const struct bind *bound; int n_reals;
    struct real_variable *reals; struct reach *reach; size_t n_variables, room;
    struct sparse_atom *atoms; size_t n_atoms, room_atoms;
    struct rowpoly *outputs; bool *known;                                /* by model */
};
bool world_refuse(struct world *w, const char *what);                   /* false */
bool world_says(struct world *w);                                       /* false, with what the evaluation said */
bool world_plain(const struct world *w, const struct ex *x);
bool world_fresh(struct world *w);                                      /* true */
bool world_begin(struct world *w, const struct certificate *c, struct eval *e, struct fail *f); /* the shape of the statement */
bool world_region(struct world *w);                                     /* at the outer variables that are bound; forgets all atoms */
void world_end(struct world *w);
bool read_rowval(struct world *w, const struct ex *x, struct rowval *out);
bool finish(struct world *w, struct rowval *v);

/* polynomial_lists.c: where x (NULL: true) is true, or false */
bool world_lists(struct world *w, const struct ex *x, bool positive, struct lists *out);
bool lists_both(struct world *w, const struct lists *a, const struct lists *b, struct lists *out);
bool lists_hold(const struct world *w, const struct lists *x, const mpq_t *z);  /* some list does */
#endif
