/* decode: raw little-endian bytes of a checkpoint to exact binary64 values. */
#ifndef WEIGHTPROOF_MODELS_DECODE_H
#define WEIGHTPROOF_MODELS_DECODE_H
#include "models/tensor.h"

size_t dtype_size(enum dtype t);
const char *dtype_name(enum dtype t);
/* A name like F32 (exactly n characters); false if it is not one of DTYPE_TABLE. */
bool dtype_find(enum dtype *out, const char *name, size_t n);
/* Product of the shape, and that times the element's size, without overflow. */
bool tensor_bytes(size_t *count, size_t *bytes, const struct tensor *t);
/* Row-major strides of the shape into source.strides. */
void tensor_set_contiguous(struct tensor *t);
/* Makes the storage that begins at bytes the tensor's source, by shape, source.strides and source.dtype; the caller has checked that all
 * elements lie inside, and keeps the bytes. Refuses NaN, infinity, BOOL bytes other than 0 and 1, and integers that binary64 does not hold, naming tensor
 * and index (an infinity passes in a buffer, also one whose name has a prefix). path is for the message. Nothing is decoded: tensor_need. */
enum status tensor_view(struct tensor *t, const unsigned char *bytes, const char *path, struct diag *d) MUST_USE;
/* tensor_view, then tensor_need, after which the bytes may go. */
enum status tensor_decode(struct tensor *t, const unsigned char *bytes, const char *path, struct diag *d) MUST_USE;
/* A buffer that TransformerLens keeps beside the weights: blocks.N.attn.mask and blocks.N.attn.IGNORE. It may hold an infinity. */
bool tensor_is_buffer(const char *name);
/* The value of one element, from its bytes. NaN also for an integer that binary64 does not hold and a BOOL that is neither 0 nor 1. */
double decode_element(enum dtype t, const unsigned char *p, bool big_endian);
/* Adds "[2, 3]" */
struct text;
void shape_add(struct text *out, const size_t *shape, size_t rank);
#endif
