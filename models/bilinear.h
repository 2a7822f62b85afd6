/* bilinear: the layout of torch.nn.Bilinear, apart from the others (bilinear.c). */
#ifndef WEIGHTPROOF_MODELS_BILINEAR_H
#define WEIGHTPROOF_MODELS_BILINEAR_H
#include "models/reading.h"

/* A linear layer: node NODE, tensors BEFORE W AFTER and BEFORE b AFTER. */
struct piece { const char *node, *before, *after; struct view W, bias; bool has_bias; };
/* Reads a [out, in] matrix that takes `width` numbers (0: any) and, if it is there, its bias. */
enum status piece_take(struct piece *p, struct reading *r, const char *name, size_t width) MUST_USE;
size_t piece_add(struct reading *r, const struct piece *p, size_t x);
/* The whole network from bilinear.weight [out, a, b]. */
enum status bilinear_product(struct reading *r) MUST_USE;
#endif
