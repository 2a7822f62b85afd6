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

#define PAIRED 8                         /* forms whose pairs have tables */
struct unit { unsigned shift; uint64_t error; };
/* One q with one set of final states: cells of position i from at[i]; terms g[cell * K + k]; radius[k] of every whole sum; class k of level i is mark first[i] + k. */
struct cell { const struct level *level; uint32_t n; const uint32_t *at; size_t K; const int64_t *g, *radius; size_t *first; struct unit *unit; };
/* by[0] (form[0] / 2^drop[0]) + by[1] (form[1] / 2^drop[1]), rounded down: <= its radius wherever both forms may fail */
struct mix { uint32_t form[2]; int64_t by[2]; unsigned drop[2]; };
/* Of the completions of a class: least and most of their steps, low and high of their rests; numbers from N[at] for v from..from + n - 1. */
struct mark { int64_t least, most, low, high, from, to; size_t at, n; };
struct sums { struct mix mix; uint32_t bins; int64_t width, step, radius, *steps, *rest; struct mark *mark; uint64_t *N; };
int64_t mix_at(const struct mix *m, const int64_t *of_forms);
void sums_clear(struct sums *t);
bool cell_units(struct cell *c);
bool sums_fill(struct sums *t, const struct cell *c, const struct mix *mix, uint32_t bins); /* false: too large */
/* From the forms' sums so far: how many completions of a class make the mixture fail, at most and at least. */
void sums_ask(wide *over, wide *under, const struct sums *t, const struct cell *c, uint32_t i, size_t class, const int64_t *part);

struct bins { uint32_t B; wide enter; struct cell cell; struct sums *one, *two; size_t *rank, total; wide *over, *under, two_over[PAIRED * PAIRED]; };
void bins_clear(struct bins *b);
bool bins_fill(struct bins *b, const struct cell *c); /* false: too large */
/* May the walk end at this class? left: the forms that are open, part: their sums. Adds to the counts if so. */
bool bins_settle(struct bins *b, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left, wide *yes, wide *no, wide *open);

/* ---- rule cells ---- */

/* The certificate's lines `cell`, taken one after the other. */
struct leaves { const struct binding *line; size_t n, next; };
/* The cell of one q and one vector of features, from its lines: adds its sequences to `yes` or `open`, or sets `no` when
 * the predicate is false on some. false: refused. */
bool cells_settle(struct leaves *l, struct sep *s, const struct level *level, uint32_t q, const struct truth *t, wide *yes, wide *open, bool *no);
#endif
