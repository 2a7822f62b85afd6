/* separable_average: rule separable on averages (FORMAT.md, separable 7). */
#ifndef CHECK_SEPARABLE_AVERAGE_H
#define CHECK_SEPARABLE_AVERAGE_H
#include "separable_walk.h"

#define MEAN_BITS 96                     /* of sums, which are integers at 2^-MEAN_BITS */

/* The sum of the value over all sequences looked at is in [sum[0], sum[1]]; part: of the share that is at work (shares.h). */
struct average { mpz_t sum[2], part[2]; struct exps *exps; struct query *query; };
void average_init(struct average *a);
void average_clear(struct average *a);
void average_begin(struct average *a);   /* a new share: part is 0 */
/* Adds the sequences of one q with one set of final states, on which the value is the one form f, to part; or takes them away (sign -1). */
bool average_add(struct average *a, struct sep *s, const struct level *level, uint32_t q, const struct iform *f, int sign);
/* Rule count: adds the smallest of the walker's forms (negated: the largest), whose terms are filled (separable_least.c). */
bool average_least(struct average *a, struct walker *w, uint32_t q);
/* e^(-y), y at 2^-57, and e^(-2^(k/2) w), w <= 1 at 2^-60: from below within AVERAGE_EXP at 2^-60. Once something was added. */
#define AVERAGE_EXP 32
uint64_t average_exp(const struct average *a, uint64_t y);
uint64_t average_power(const struct average *a, uint64_t w, int k);
/* part as numbers without pointers; false: it does not fit. And adds such numbers to sum. */
bool average_export(const struct average *a, struct fixed out[2]);
void average_gather(struct average *a, const struct fixed part[2]);
#endif
