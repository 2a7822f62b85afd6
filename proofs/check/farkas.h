/* farkas: a network as forms in its inputs and its units, exactly (FORMAT.md §3). */
#ifndef CHECK_FARKAS_H
#define CHECK_FARKAS_H
#include "base.h"
#include "curve.h"
#include "net.h"
#include <gmp.h>

/* A form is a vector of `size` rationals: coefficients of the n inputs, of the units, and the constant. rows[node][entry]; z[k]: the argument of unit k,
 * which reads earlier units only; unit k is curve[k] of z[k]; smooth: one of them is not max(0, z). Everything is owned. */
struct pieces { const struct net *net; size_t n, units, size; mpq_t ***rows, **z; enum curve *curve; bool smooth; };
bool pieces_make(struct pieces *out, const struct net *net, struct fail *f); /* false: what is not made of linear maps and such functions, or too large */
void pieces_clear(struct pieces *p);
/* The least (or largest) value of a form for variables within a[i] .. b[i], the first `units` units among them. */
void form_extreme(mpq_t out, const struct pieces *p, const mpq_t *form, size_t units, const mpq_t *a, const mpq_t *b, bool largest);
/* What the units can be when the inputs are v[0..n-1], into v[n..] (lower ends) and v[size + n..]; the rest of both halves is filled. false: one has no value. */
bool pieces_run(const struct pieces *p, mpq_t *v, unsigned bits);
#endif
