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
struct edited { const struct net *base; struct part *part; int n_parts, n_asked; struct net net; int *place, *own; };

int part_order(const struct part *a, const struct part *b);
/* The nodes of a reader: by its first node. mlp: all nodes of that name's block. */
bool is_reader_node(const struct net *net, int reader, int node);
bool edge_exists(const struct net *net, const struct part *p);
/* parts: sorted, no two alike. NULL with a reason when the network cannot be made. */
struct edited *edited_new(const struct net *base, const struct part *part, int n_parts, struct fail *f);
void edited_free(struct edited *x);

bool num_dyadic(const struct num *x, struct dyadic *out); /* a binary64 number, exactly */
/* The network with the numbers of tensor k replaced by values[k] (NULL: as they are). Numbers that stay are borrowed from the base. */
struct net *net_with_tensors(const struct net *base, struct dyadic *const *values, struct fail *f);
void net_copy_free(struct net *net, const struct net *base);
#endif
