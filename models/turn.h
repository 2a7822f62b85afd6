/* turn: attention without a causal mask of which few rows are read. Keys and values are new at every position of every sequence; so for the last attention of a network
 * q . (x W + b) is computed as (q W^T) . x, without q . b, which a softmax does not see, and the mix of x W + b as (the mix of x) W + b. */
#ifndef WEIGHTPROOF_MODELS_TURN_H
#define WEIGHTPROOF_MODELS_TURN_H
#include "models/net.h"

/* The nodes of the network, then others that compute its output so: node `output` is that of net.output. Over the reals only; it points into the network. */
struct turned { struct net net; size_t first, output; double **made; size_t n_made; };   /* first: number of nodes of the network */

/* *out is NULL where there is no such attention. */
enum status turned_new(struct turned **out, const struct net *net) MUST_USE;
void turned_free(struct turned *t);
#endif
