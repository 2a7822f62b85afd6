/* edit: networks with parts (STATEMENT.md §3): a neuron, or an edge from a component to a reader, gets a node of its own whose rows can be
 * replaced; tensors replaced by others. */
#ifndef CHECK_EDIT_H
#define CHECK_EDIT_H
#include "net.h"
#include "num.h"

/* A whole node (reader and entry -1), one entry of it, or the node as one reader reads it. reader: its first node. at: the part's node in the edited network.
 * steer 1, 2, ...: what the steer of that number (inner ones first) adds to such a part, rows that are zero unless they are given. */
struct part { int node, reader, entry, at, steer; };

/* The network with parts. place[k]: the node that stands for node k of the base; own[k]: where its own operation is computed. The first n_asked parts
 * are those that were asked for; then come the nodes on the way of an edge, as its reader reads them, and the shares that they and neurons have in the steers of a whole node. */
struct edited { const struct net *base, *clean; struct part *part; int n_parts, n_asked; struct net net; int *place, *own; };

int part_order(const struct part *a, const struct part *b);
/* The nodes of a reader: by its first node. mlp: all nodes of that name's block. */
bool is_reader_node(const struct net *net, int reader, int node);
bool edge_exists(const struct net *net, const struct part *p);
/* parts: sorted, no two alike. clean: NULL, or the network without changes (`ln = frozen`): its nodes come first, and every norm of the edited network
 * has a second argument, the node there of the name that its first one has in the base. NULL with a reason when the network cannot be made. */
struct edited *edited_new(const struct net *base, const struct net *clean, const struct part *part, int n_parts, struct fail *f);
void edited_free(struct edited *x);

bool num_dyadic(const struct num *x, struct dyadic *out); /* a binary64 number, exactly */
/* The network with the numbers of tensor k replaced by values[k] (NULL: as they are). Numbers that stay are borrowed from the base. */
struct net *net_with_tensors(const struct net *base, struct dyadic *const *values, struct fail *f);
void net_copy_free(struct net *net, const struct net *base);
/* (1 - alpha) a + alpha b, tensor by tensor, rounded to the nearest binary64 (float32: binary32) number, ties to even. The two are one network but for that. */
struct net *net_blend(const struct net *a, const struct net *b, mpq_srcptr alpha, bool float32, struct fail *f);
/* The network in which the bias of a heads node `blocks.l. ...` is a node of its own, which the heads node reads. Freed as a copy. */
struct net *net_with_biases(const struct net *base);
int net_bias_node(const struct net *net, int layer); /* or -1 */
#endif
