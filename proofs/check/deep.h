/* deep: two layers of products: outputs of degree two in the row h of one node, which has degree two in the input (FORMAT.md §3, rule quadratic 7). */
#ifndef CHECK_DEEP_H
#define CHECK_DEEP_H
#include "region.h"

#define DEEP_MOST 128 /* inputs and entries of the node */

/* The narrowest such node, the first of several; outer: in its entries, inner: it in the inputs. false: there is none, nothing is kept. */
bool deep_find(struct rowpoly *outer, struct rowpoly *inner, const struct net *net);
/* h: the entries of the node at a + b */
void deep_row(mpq_t *h, const struct rowpoly *inner, const mpq_t *a, const mpq_t *b, size_t n);
/* The form w->m / unit of h is positive on the cell: multipliers of the ball (when l2), the coordinates, the entries of h, the joint limits. */
bool deep_holds(const struct region *g, const struct formroom *w, const struct rowpoly *inner, const mpq_t *shift, const mpz_t unit, const mpq_t *multipliers);
#endif
