/* farkas: a piecewise linear network as forms in its inputs and its units, exactly (FORMAT.md §3). */
#ifndef CHECK_FARKAS_H
#define CHECK_FARKAS_H
#include "base.h"
#include "net.h"
#include <gmp.h>

/* A form is a vector of `size` rationals: coefficients of the n inputs, of the units, and the constant. rows[node][entry]; z[k]: the argument of unit k,
 * which reads earlier units only; unit k is max(0, z[k]). Everything is owned. */
struct pieces { const struct net *net; size_t n, units, size; mpq_t ***rows, **z; };
bool pieces_make(struct pieces *out, const struct net *net, struct fail *f); /* false: what is not piecewise linear, or too large */
void pieces_clear(struct pieces *p);
/* The units' values at the inputs v[0..n-1], into v[n..]; v[size - 1] is 1. */
void pieces_run(const struct pieces *p, mpq_t *v);
void form_value(mpq_t out, const mpq_t *form, const mpq_t *v, size_t size);
#endif
