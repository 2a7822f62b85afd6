/* means: what the files that make means over sets of sequences share. */
#ifndef CHECK_MEANS_H
#define CHECK_MEANS_H
#include "nodes.h"

/* What row i of a node looks at: no token, token i, tokens 0..i, or all. */
enum view { VIEW_NONE, VIEW_OWN, VIEW_BEFORE, VIEW_ALL };

#define GO_THROUGH_MOST 4096 /* combinations of tokens that a row rests on; a mean of attention over more is made without going through them */

/* means_attention.c. Is the node a head's mix of rows of single tokens by their softmax, in a network without pad? */
bool attention_is_plain(const struct net *net, const enum view *views, int node);
/* Its row i, the mean over the product of tokens of the network, which rests on no variable: real numbers at e->p. `target` stands for the product. */
bool attention_mean(struct eval *e, struct num *out, const struct ex *target, const struct product *sets, const struct net *net, int node, uint32_t i);
void attention_clear(struct eval *e);
#endif
