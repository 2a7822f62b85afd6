/* nodes: what nodes.c, patched.c and ablate.c share: models as networks with rows replaced. */
#ifndef CHECK_NODES_H
#define CHECK_NODES_H
#include "edit.h"
#include "eval.h"

/* A model argument: a network, as the file has it (base) and with parts (net), and the patches to make on it. Values are in the pool. */
struct patched { const struct net *base, *net; const struct edited *edit; struct patch *patch; int n, steers; /* met so far */ };

/* What a component is: embed, pos_embed, head(l, h), mlp(l) or "name", neuron(l, k), edge(C, R). */
bool component_part(struct eval *e, const struct net *base, const struct ex *x, struct part *out);
bool is_change(const struct ex *x);      /* patch, ablate or steer */
const struct net *base_net(struct eval *e, const struct ex *x);
bool is_frozen(const struct ex *x);      /* does a change of the model say `ln = frozen`? */
const struct net *clean_net(struct eval *e, const struct ex *x); /* the network of the model without any change, whose norms are kept then */
/* Where node k of the base stands in the network. */
int place_of(const struct patched *m, int node);
/* The rows lo..hi of a sequence of n positions that an index or slice means. */
bool index_rows(struct eval *e, const struct ex *index, uint32_t n, int *lo, int *hi, bool *single);
bool get_input(struct eval *e, const struct net *net, const struct val *t, struct input *in, int64_t **tokens);
bool get_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m);
struct run *get_run(struct eval *e, const struct patched *m, const struct input *in);
/* Rows lo..hi of a part become the values (width entries a row): rows of a node also where neurons and edges are taken from it. What steers inside
 * of this change added to them is zero then. */
void use_rows(struct eval *e, struct patched *m, const struct part *p, int lo, int hi, struct num *values);
void patched_clear(struct patched *m);

/* ablate.c: adds the patches that an ablate makes on sequences of n positions. */
bool ablate_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m);
/* The parts that are no whole nodes, among the components of an ablate or a patch: added to a list of them, in order, each once. */
struct part_list { struct part *part; int n; };
void list_part(struct part_list *out, const struct part *q);
bool collect_parts(struct eval *e, const struct ex *x, const struct net *base, struct part_list *out);
uint32_t part_width(const struct net *base, const struct part *p);
/* The model of an ablate, without it, on the sequence t, which has n tokens. */
bool model_on(struct eval *e, const struct ex *model, const struct val *t, uint32_t n, struct patched *b, struct input *in, int64_t **tokens);
/* means.c: rows of means over a set of sequences, or hulls over them, of the pairs (node, i) with asked[node * n + i]; NULL: failed. means_leave after use. */
struct means;
struct means *means_get(struct eval *e, const struct ex *model, const struct ex *target, const struct net *net, uint32_t n, const unsigned char *asked);
const struct num *means_row(const struct means *s, int node, uint32_t i);
void means_leave(struct means *s);
void means_clear(struct eval *e);
#endif
