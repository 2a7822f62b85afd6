/* tensor_facts: what can be said of the numbers of one tensor, certainly. */
#ifndef WEIGHTPROOF_MODELS_TENSOR_FACTS_H
#define WEIGHTPROOF_MODELS_TENSOR_FACTS_H
#include "models/tensor.h"

/* Ranks are exact over the rationals. A rank modulo a prime is never above the true one, so a full one is exact at once; a lower one is settled
 * by FLINT's fmpz_mat_rank. A tensor of three axes has one rank a slice: the least and the largest. */
enum rank_kind { RANK_NONE, RANK_EXACT, RANK_AT_LEAST };  /* a vector or too much work; proved; by a prime, with too much work for the rest */
struct tensor_facts {
    enum rank_kind rank; size_t rank_least, rank_most;
    double norm_lo, norm_hi;                       /* Frobenius norm */
    double largest; size_t largest_at;             /* entry of largest absolute value, the first of these */
};
/* Work is counted in multiplications modulo a prime. *work: what may be spent on ranks, less what was; INFINITY: any. */
#define RANK_WORK 1e8
/* A tensor that is not decoded yet stays so. */
enum status tensor_facts(struct tensor_facts *out, const struct tensor *t, double *work) MUST_USE;
#endif
