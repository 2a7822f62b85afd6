/* memo: rows of the output of a run on sequences that it has met before, as in claims about pairs of sequences, where every sequence is met once for each other one.
 * A sequence's row is copied when it is met the second time, so that claims about single sequences cost a mark each. */
#ifndef WEIGHTPROOF_MODELS_MEMO_H
#define WEIGHTPROOF_MODELS_MEMO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memo;
void memo_free(struct memo *m);
/* Where the entries of row `row` of the output on these n tokens are: mid[0..width-1], rad[width..]. NULL: not there; *wanted says whether memo_keep should follow.
 * *m may be NULL and is made; sets that are too large (or no memory) are left alone. */
const double *memo_find(struct memo **m, const int *tokens, size_t n, size_t vocab, size_t row, size_t width, bool *wanted);
/* Copies the row that the last memo_find asked for, if there is room. */
void memo_keep(struct memo *m, const double *mid, const double *rad);
#endif
