/* bounds: what every row of every node can be on a set of inputs: for each position a set of tokens, or for each entry of a real input an
 * interval. Interval arithmetic over the operation table, with what is cheap and tight where it matters: rows that depend on one token are
 * hulls over the tokens, scores of such rows hulls over pairs of tokens, softmax rows have their exact range by coordinate, mix is an
 * average, layernorm and rmsnorm know that their scale moves with their entries.
 * Sound: for every input of the set, lo <= value <= hi; under float32 for every execution of NETWORK.md §5 as well. -inf, +inf: nothing is
 * known, perhaps there is no value. Ends are doubles rounded outwards (docs/methods.md, "Bounds"). One bounds belongs to one thread. */
#ifndef WEIGHTPROOF_MODELS_BOUNDS_H
#define WEIGHTPROOF_MODELS_BOUNDS_H
#include "models/run.h"

struct bounds;
/* net must outlive the bounds. Status as run_new. */
enum status bounds_new(struct bounds **out, const struct net *net, enum semantics s) MUST_USE;
void bounds_free(struct bounds *b);
/* Sequences of n tokens, n in 1..n_ctx, the i-th one of tokens[i][0..count[i]-1] (at least one, in range; copied). */
enum status bounds_tokens(struct bounds *b, const int *const *tokens, const size_t *count, size_t n) MUST_USE;
/* n rows of reals: entry j of row i in lo[i * width_in + j] .. hi[i * width_in + j] (copied; under float32 the binary32 numbers in it). */
void bounds_box(struct bounds *b, const double *lo, const double *hi, size_t n);
/* Row of a node, bounds_width doubles each; in a score, sources that are surely not allowed are unknown. Valid until the next set of inputs. */
void bounds_row(struct bounds *b, size_t node, size_t row, const double **lo, const double **hi);
size_t bounds_width(const struct bounds *b, size_t node);
#endif
