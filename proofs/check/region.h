/* region: where the vector of rule quadratic lies: a ball or a box, cut by linear conditions (FORMAT.md §3, regions). */
#ifndef CHECK_REGION_H
#define CHECK_REGION_H
#include "certificate.h"
#include "linear.h"
#include "quadratic.h"

/* sum v[i] d_i + v[n] is positive, or not negative; alone: one v[i] is not 0, and lo or hi says it */
struct limit { mpq_t *v; bool strict, alone; };
/* l2: |d - centre|^2 <= radius2. lo_i <= d_i <= hi_i in any case. joint: limits that are not alone. */
struct region { size_t n; bool l2; mpq_t *centre, radius, radius2, *lo, *hi, *from, *to; /* from, to: lo and hi of the set alone */ struct limit *limits; size_t n_limits, room, joint; };
void region_init(struct region *g, size_t n);
void region_clear(struct region *g);
bool is_region(const struct ex *set);
/* The truth of the parts of the condition that do not read the vector; where may be NULL. */
enum tri region_where(struct linear *l, const struct ex *where);
/* The set and the parts of the condition that read the vector, at the variables that are bound; whole: all parts must be linear conditions. */
bool region_read(struct region *g, struct linear *l, const struct ex *set, const struct ex *where, bool whole);
bool region_has(const struct region *g, const mpq_t *d);
/* A whole l2 ball, of which one multiplier says all. */
bool region_is_ball(const struct region *g);
bool region_is_point(const struct region *g); /* lo is hi everywhere: nothing but that point can lie in it */
/* Weights, one a limit, show that no vector is in it: the largest value of their weighted sum on the set is negative, or 0 with a weight on a strict one. */
bool region_excluded(const struct region *g, const mpq_t *weights);
/* lo is above hi somewhere */
bool region_is_empty(const struct region *g);

/* region_cells.c: a tree of `split ...` and `leaf ...`, which next() gives one after the other, for the form whose polynomial in shift + d is w->m, times unit. */
struct cells { bool (*next)(struct cells *s, const char **text, size_t *size); void *from; const char *rule; int line; struct fail *f; struct region *g; struct formroom *w; const mpq_t *shift;
    const struct rowpoly *inner; }; /* inner: two layers, deep.h; else NULL */
bool cells_refuse(struct cells *s, const char *what);
bool cells_show(struct cells *s, const mpz_t unit);
size_t leaf_numbers(const struct cells *s);
#endif
