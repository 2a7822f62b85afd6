/* node: what a node may read and how wide it is (NETWORK.md §3). Used by the reader of .net files and by the builders. */
#ifndef WEIGHTPROOF_MODELS_NODE_H
#define WEIGHTPROOF_MODELS_NODE_H
#include "models/net.h"

/* A name of NETWORK.md §1. */
bool name_valid(const char *s, size_t n);
/* Fills k, m and data of a weight from its tensor and slice; false (and why) if the slice is not there. */
bool weight_resolve(const struct net *net, struct weight *w, struct text *why);
/* Checks number, kind and shapes of a node's arguments (all of them resolved, inputs earlier than the node) and sets its width.
 * False: why says what is wrong, without the node's name. */
bool node_resolve(const struct net *net, struct node *node, struct text *why);
/* Conditions on the whole: output, used tensors, eps. False: why. */
bool net_resolve(const struct net *net, struct text *why);
void node_clear(struct node *node);
#endif
