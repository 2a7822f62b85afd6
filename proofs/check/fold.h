/* fold: a network in memory that computes the same real functions as another one with fewer products. A linear map of a sum is the sum of the linear maps of its terms, one of a
 * head's mix is the mix of the mapped values, and of two linear maps in a row the product of their matrices is exact: so that what a second layer reads of the first
 * is tables of tokens weighted by patterns. The last attention without a causal mask is turned (fold_turn.c). Only over the reals: binary32 executions (NETWORK.md §5) are those of the network as it stands. */
#ifndef CHECK_FOLD_H
#define CHECK_FOLD_H
#include "net.h"

/* place[k]: the node that computes what node k of the base does; names are the base's. It points into the base's tensors, so it lives no longer. */
struct folded { struct net net; int *place; struct tensor **made; size_t n_made; };

/* n: length of the sequences. kept: [n_nodes], which nodes are read as they are, since rows of them are replaced. NULL where nothing is gained. */
enum kept { KEPT_NOT, KEPT_GIVEN, KEPT_TAKEN }; /* rows are given, or are those of another run */
struct folded *fold_new(const struct net *base, uint32_t n, const unsigned char *kept);
void fold_free(struct folded *x);
/* fold_turn.c: turned[k]: softmax and mix nodes that are computed with their keys' or values' map moved to the other side, idle[k]: nodes that nothing reads then; both zeroed by the caller. false: none */
bool turns_find(bool *turned, bool *idle, const struct net *net, uint32_t n, const unsigned char *kept, const bool *token_only);
bool node_is_token_only(const struct node *x, const bool *token_only); /* row i is a function of t[i] and i, if that is so of the arguments' */
#endif
