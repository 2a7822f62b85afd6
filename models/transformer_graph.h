/* transformer_graph: the network of a transformer while it is built. Tensors go by their names here: a weight that the checkpoint does not have
 * (a bias, a norm's scale) is left out. Used by transformer_build.c, _block.c and _tables.c only. */
#ifndef WEIGHTPROOF_MODELS_TRANSFORMER_GRAPH_H
#define WEIGHTPROOF_MODELS_TRANSFORMER_GRAPH_H
#include "models/netbuild.h"
#include "models/transformer.h"

/* tensors: numbers by name; cosines, sines: nodes of the rotary tables. */
struct builder { struct netbuild b; struct names tensors; const struct transformer *t; size_t cosines, sines, positions, out_scale; };

/* The number of that tensor; NETBUILD_NONE where there is none (or no name). */
size_t graph_tensor(const struct builder *b, const char *name);
/* Adds a node with these weights (NULL: none), slice h of each; h < 0: the whole. p has no weights of its own. */
size_t graph_add(struct builder *b, struct netbuild_node p, const char *W, const char *bias, long h);
/* Common nodes: of one input, of two, x W (+ bias), a vector in every row. */
size_t graph_one(struct builder *b, const char *name, enum op op, size_t x);
size_t graph_two(struct builder *b, const char *name, enum op op, size_t x, size_t y);
size_t graph_linear(struct builder *b, const char *name, size_t x, const char *W, const char *bias, long h);
size_t graph_constant(struct builder *b, const char *name, const char *tensor);

/* transformer_block.c: one layer; x and the result are nodes of the residual stream. */
size_t transformer_block(struct builder *b, size_t l, size_t x);
/* x normalised; x itself for NORM_NONE. prefix names the weights, name the node. */
size_t transformer_norm(struct builder *b, enum norm norm, const char *prefix, const char *name, size_t x);
/* transformer_tables.c: adds the tensors that are not in the file. */
void transformer_tables(struct builder *b);
#endif
