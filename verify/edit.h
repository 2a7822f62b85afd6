/* edit: networks made in memory from a loaded one (STATEMENT.md §3): every neuron and edge that an intervention names has a node of its own,
 * whose rows can be replaced, and so has what a steer adds; or tensors have other numbers. They borrow from the base, which must outlive them. */
#ifndef WEIGHTPROOF_VERIFY_EDIT_H
#define WEIGHTPROOF_VERIFY_EDIT_H
#include "models/net.h"

/* Of a node of the base: the whole (reader and entry -1), entry number `entry`, or the node as one reader reads it. reader: its first node.
 * at: the node of the part in the edited network. steer: 0, or the part is what the steer of that number adds to it: rows that are 0 unless given. */
struct part { size_t node; long reader, entry; size_t at, steer; };
struct edited {
    const struct net *base;
    struct part *asked; size_t n_asked;     /* in order, no two alike */
    struct part *parts; size_t n_parts;     /* these, every node that lies on the way of an edge as the reader reads it, and the shares of steers in them */
    struct net net;
    size_t *place, *own;                    /* by node of the base: what stands for it; where its own operation is */
    const struct net *clean;                /* or NULL: its nodes come first, and every norm divides by the deviation of its input there */
    size_t n_borrowed;                      /* tensors of the clean network, after those of the base */
};
int part_compare(const struct part *a, const struct part *b);
bool part_whole(const struct part *p);
size_t part_width(const struct net *base, const struct part *p);
/* Is there a path from the part's node to its reader through sums and norms alone? */
enum status edge_exists(bool *out, const struct net *base, const struct part *p) MUST_USE;
/* Edges must exist. parts is copied. clean: the network whose norms are kept (`ln = frozen`), with nodes of the same names; NULL: norms as usual. */
enum status edited_new(struct edited **out, const struct net *base, const struct net *clean, const struct part *parts, size_t n_parts) MUST_USE;
void edited_free(struct edited *e);

/* edit_bias.c: the network with a node of its own for the bias of every heads node `blocks.l. ...`, which reads it in its sum. */
enum status biased_new(const struct net **out, const struct net *base) MUST_USE;
void biased_free(const struct net *net);
long edit_bias_node(const struct net *net, long layer);    /* in such a network; -1: the layer has none */
long edit_bias_width(const struct net *net, long layer);   /* of a network as it was read: how wide its bias is, or -1 */

/* numbers[k]: new numbers of tensor k, or NULL; they change hands, also after a failure. */
struct retensored { struct net net; double **numbers; };
enum status retensored_new(struct retensored **out, const struct net *base, double **numbers) MUST_USE;
void retensored_free(struct retensored *r);
#endif
