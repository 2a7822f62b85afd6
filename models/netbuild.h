/* netbuild: a network under construction. Tensors are cut from a checkpoint (a view: rows of a
 * tensor, one of its slices, transposed) or made; nodes are added in dependency order. The first failure stays in `status`, and then
 * nothing more is added, so that a builder may add a whole graph and ask once. */
#ifndef WEIGHTPROOF_MODELS_NETBUILD_H
#define WEIGHTPROOF_MODELS_NETBUILD_H
#include "models/net.h"

/* Part of a tensor: rank <= 3; strides in elements, of the row-major data and of the bytes in the file. */
struct view { const struct tensor *tensor; size_t rank, shape[3], offset, stride[3], source_offset, source_stride[3]; };
/* The whole tensor (rank 1..3). */
struct view view_of(const struct tensor *t);
struct view view_transposed(struct view v);                           /* last two axes swapped */
struct view view_rows(struct view v, size_t first, size_t n);         /* part of the first axis */
struct view view_slice(struct view v, size_t i);                      /* one entry of the first axis, which goes */
bool view_equal(struct view a, struct view b);                        /* same shape, same numbers */

#define NETBUILD_NONE SIZE_MAX
struct netbuild { struct net net; size_t tensor_room, node_room; enum status status; struct diag *d; };
/* A node: name, operation, earlier nodes, tensors (NETBUILD_NONE ends them), integers. */
struct netbuild_node { const char *name; enum op op; const size_t *inputs; size_t n_inputs, weights[2], n_weights; long slice; size_t arg[4], n_args; };
/* Each adds one thing and returns its number. */
size_t netbuild_cut(struct netbuild *b, const char *name, struct view v);
size_t netbuild_take(struct netbuild *b, struct tensor *t);   /* t as it stands; its name and data change hands and are NULL in *t, also after a failure */
size_t netbuild_vector(struct netbuild *b, const char *name, const double *values, size_t n);
size_t netbuild_matrix(struct netbuild *b, const char *name, const double *values, size_t k, size_t m);
size_t netbuild_fill(struct netbuild *b, const char *name, double value, size_t n);   /* a vector of n times the value */
size_t netbuild_add(struct netbuild *b, struct netbuild_node node);
size_t netbuild_input(struct netbuild *b);                                            /* the node `input` */
size_t netbuild_one(struct netbuild *b, const char *name, enum op op, size_t x);      /* entry by entry: relu, sqrt, ... */
size_t netbuild_two(struct netbuild *b, const char *name, enum op op, size_t x, size_t y);
size_t netbuild_linear(struct netbuild *b, const char *name, size_t x, size_t W, size_t bias);  /* bias may be NETBUILD_NONE */
size_t netbuild_constant(struct netbuild *b, const char *name, size_t v);
size_t netbuild_width(const struct netbuild *b, size_t node);
/* Sorts the tensors, sets output and hash (not where tensors without data stand for their shapes), checks the whole. On success the network is the caller's, else nothing is left. */
enum status netbuild_finish(struct net *out, struct netbuild *b, size_t output) MUST_USE;
/* "layers.3.pre" from a format, for names. */
struct node_name { char s[100]; };
struct node_name node_named(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
