/* separable_walk: what the walk of rule separable and the tables of rule count share. */
#ifndef CHECK_SEPARABLE_WALK_H
#define CHECK_SEPARABLE_WALK_H
#include "separable.h"

typedef unsigned __int128 wide;
/* Distinct tuples of `width` integers, numbered in order of arrival. */
struct table { size_t width, n, room, *slot, slots; int64_t *key; };
/* A level of the minimised automaton of one (q, y): class 0 is dead; next[class * tokens + token] is a class of the next level. */
struct level { struct table classes; uint32_t tokens; wide *count; int64_t *least, *most; };

/* separable_bins.c: for every class of every level and every form, from a grid of bins + 1 sums so far: how many completions make the form fail,
 * at most (over) and at least (under). */
struct bins { uint32_t B; wide enter; uint32_t n; size_t K; struct bins_level { int64_t *start, *step; wide *over, *under; } *at; };
void bins_clear(struct bins *b);
/* g[cell * K + k]: terms; radius[k]: of every whole sum; cells of position i from at[i]. false: too large. */
bool bins_fill(struct bins *b, const struct level *level, uint32_t n, const uint32_t *at, const int64_t *g, const int64_t *radius, size_t K);
/* May the walk end at this class? left: the forms that are open, part: their sums. Adds to the counts if so. */
bool bins_settle(const struct bins *b, const struct level *level, uint32_t i, size_t class, const int64_t *part, const uint32_t *left, uint32_t n_left, wide *yes, wide *no, wide *open);
#endif
