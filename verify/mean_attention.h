/* mean_attention: means of rows over all sequences of a product of sets of tokens, without going through them, where attention of one layer is what looks at
 * several tokens (docs/methods.md, "Means over sets"). */
#ifndef WEIGHTPROOF_VERIFY_MEAN_ATTENTION_H
#define WEIGHTPROOF_VERIFY_MEAN_ATTENTION_H
#include <arb.h>
#include "models/run.h"

/* Over more combinations of tokens means of attention are made so, by every checker too. */
#define MEAN_THROUGH 4096

/* Is a row of the node a sum or a linear map of rows of single tokens and of mixes of such rows by the softmax of such scores, without a pad token? reach: of net_reach. */
bool mean_is_quick(const struct net *net, const enum reach *reach, size_t node);

/* The tokens at each of `length` positions, none empty, all of the network. */
struct token_set { const int *items; size_t n; };
struct quick_means;
/* net and sets outlive it. */
enum status quick_means_new(struct quick_means **out, const struct net *net, const enum reach *reach, const struct token_set *sets, size_t length) MUST_USE;
void quick_means_free(struct quick_means *m);
/* The mean of a row of a node for which mean_is_quick; its entries become balls, within about 2^-47 of the largest entry of a value. STATUS_UNSUPPORTED: a sum of attention weights is too small
 * beside the largest weight of its query, or a row cannot be enclosed. */
enum status quick_mean(arb_ptr out, struct quick_means *m, size_t node, size_t row) MUST_USE;
#endif
