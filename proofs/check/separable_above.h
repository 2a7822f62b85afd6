/* separable_above: the mean of X^+ / Z over a part (FORMAT.md, rule count, averages: tables). Private to separable_least.c. */
#ifndef CHECK_SEPARABLE_ABOVE_H
#define CHECK_SEPARABLE_ABOVE_H
#include "separable_average.h"

/* A part: terms of X at 2^-SEP_BITS, weights at 2^-60, of the cells that are allowed and count; Z at least `least`, after the weights' errors. */
struct summed { const struct level *level; const uint32_t *at; uint32_t n; const bool *allowed; const int64_t *term, *weight; int64_t least; const struct average *average; };
/* Room, and exponentials of one class and query, kept from table to table. */
struct above { int64_t *low, d; uint32_t *range, *width, *step, *part, *T[2]; uint64_t *sum, *kernel, *lost[2], *psi, **power; size_t room_T, room_kernel, room_lost, room_sum; };
void above_clear(struct above *a);
/* out[0] <= mean of X^+ / Z <= out[1] at 2^-SEP_BITS, by tables of `bins` bins. false: they say nothing. */
bool above_mean(int64_t out[2], struct above *a, const struct summed *s, uint32_t bins);
#endif
