/* transformer_graph: the network of a transformer while it is built. Used by transformer_build.c, _block.c and _tables.c only. */
#ifndef WEIGHTPROOF_MODELS_TRANSFORMER_GRAPH_H
#define WEIGHTPROOF_MODELS_TRANSFORMER_GRAPH_H
#include "models/transformer.h"

/* cosines, sines: nodes of the rotary tables. */
struct builder { struct net net; struct names tensors; size_t room, tensor_room; const struct transformer *t; size_t cosines, sines, positions, out_scale; enum status status; };
/* A node under construction: name and arguments. */
struct graph_part { const char *name; enum op op; const size_t *inputs; size_t n_inputs; const char *weights[2]; long slice; size_t integer; };
struct graph_name { char s[100]; };

/* Appends a node; its index. After a failure nothing more is added (b->status). A weight that the network has no tensor for is left out. */
size_t graph_add(struct builder *b, struct graph_part p);
struct graph_name graph_name(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Common nodes: of one input, of two, x W (+ bias). */
size_t graph_one(struct builder *b, const char *name, enum op op, size_t x);
size_t graph_two(struct builder *b, const char *name, enum op op, size_t x, size_t y);
size_t graph_linear(struct builder *b, const char *name, size_t x, const char *W, const char *bias, long slice);
/* The vector of that tensor in every row. */
size_t graph_constant(struct builder *b, const char *name, const char *tensor);
bool graph_has_tensor(const struct builder *b, const char *name);
void graph_fail(struct builder *b, enum status s);

/* transformer_block.c: one layer; x and the result are nodes of the residual stream. */
size_t transformer_block(struct builder *b, size_t l, size_t x);
/* x normalised; x itself for NORM_NONE. prefix names the weights, name the node. */
size_t transformer_norm(struct builder *b, enum norm norm, const char *prefix, const char *name, size_t x);
/* transformer_tables.c: the tensors that are not in the file. Adds them to net->tensors, which has room. */
enum status transformer_tables(struct builder *b) MUST_USE;
enum { TRANSFORMER_TABLES = 4 }; /* at most so many, and one a layer */
#endif
