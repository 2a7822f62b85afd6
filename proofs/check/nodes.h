/* nodes: what nodes.c and ablate.c share: models as networks with rows replaced. */
#ifndef CHECK_NODES_H
#define CHECK_NODES_H
#include "eval.h"

/* A model argument: a network and the patches to make on it. Values are in the pool. */
struct patched { const struct net *net; struct patch *patch; int n; };

bool component_node(struct eval *e, const struct net *net, const struct ex *x, int *node); /* embed, pos_embed, head(l, h), mlp(l) or "name" */
/* The rows lo..hi of a sequence of n positions that an index or slice means. */
bool index_rows(struct eval *e, const struct ex *index, uint32_t n, int *lo, int *hi, bool *single);
bool get_input(struct eval *e, const struct net *net, const struct val *t, struct input *in, int64_t **tokens);
bool get_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m);
struct run *get_run(struct eval *e, const struct patched *m, const struct input *in);
void add_patch(struct patched *m, struct patch q);
void patched_clear(struct patched *m);

/* ablate.c: adds the patches that an ablate makes on sequences of n positions. */
bool ablate_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m);
void means_clear(struct eval *e);
#endif
