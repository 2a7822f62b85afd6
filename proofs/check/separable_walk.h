/* separable_walk: what the walk of rule separable and the tables of rule count share. */
#ifndef CHECK_SEPARABLE_WALK_H
#define CHECK_SEPARABLE_WALK_H
#include "separable.h"

typedef unsigned __int128 wide;
/* Distinct tuples of `width` integers, numbered in order of arrival. */
struct table { size_t width, n, room, *slot, slots; int64_t *key; };
/* A level of the minimised automaton of one (q, y): class 0 is dead; next[class * tokens + token] is a class of the next level. */
struct level { struct table classes; uint32_t tokens; wide *count; int64_t *least, *most; };

/* ---- rule count ---- */

#define ROOT 1                           /* state of level 0 */
struct unit { unsigned shift; uint64_t error; };
struct edge { size_t to, cell; };
/* A part of one q with one set of final states: the sequences whose cells are allowed. Cells of position i from at[i]; terms g[cell * K + k] to top[...]; radius[k] of every
 * whole sum. Class k of level i is state first[i] + k; its allowed edges, if it is reached, are edge[out[state]]..., count[state] its allowed completions. */
struct cell {
    const struct level *level; uint32_t n, n_src /* positions before it may be read */; const uint32_t *at; size_t K; const int64_t *g, *top /* largest terms; g in real semantics */, *radius;
    size_t *first, *out; struct edge *edge; struct unit *unit; wide *count; bool *allowed, *reached; int64_t *least, *most; /* [state * K + k] */
};
bool cell_units(struct cell *c);
/* Sums of the completions of a state: least and most; numbers from N[at] for v from..from + n - 1. */
struct mark { int64_t least, most, from, to; size_t at, n; };
/* times tokens with integer g lead to state `to`. */
struct branch { size_t to; int64_t g; uint32_t times; };
struct sums { int64_t step, ask, *of, *fraction; struct mark *mark; struct branch *branch; uint64_t *N, *jump; size_t states, room_N, room_jump; };
void sums_clear(struct sums *t);
/* How many sequences of the part make the form fail, at most and at least. false: too large */
bool sums_count(wide *over, wide *under, struct sums *t, const struct cell *c, size_t form, uint32_t bins);

/* share: by form, how many sequences of the last ancestor with tables make it fail, at most, in parts of 2^30; open: how many were open there */
struct parts {
    uint32_t B; wide enter;
    struct cell cell; const struct iform *form; struct sums sums; wide *over, *under; uint32_t *bins; uint64_t *share, open;
    void (*complete)(void *, const uint32_t *left, uint32_t n_left); void *arg; uint32_t *cells; /* of the one sequence of a part */
    wide yes, no, left_open; bool failed;
};
void parts_clear(struct parts *p);
/* Counts a whole cell, of which level, n, at, K, g and radius are given: all forms positive (yes), not, not known. false: too large. */
bool parts_count(struct parts *p, const struct cell *c, const struct iform *form);

/* ---- rule cells ---- */

/* The certificate's lines `cell`, taken one after the other. */
struct leaves { const struct binding *line; size_t n, next; };
/* The cell of one q and one vector of features, from its lines: adds its sequences to `yes` or `open`, or sets `no` when
 * the predicate is false on some. false: refused. */
bool cells_settle(struct leaves *l, struct sep *s, const struct level *level, uint32_t q, const struct truth *t, wide *yes, wide *open, bool *no);
#endif
