/* tensor: a named array of exactly known numbers. Every supported dtype's values are binary64 values (an integer beyond 2^53 that
 * is not one is refused by the reader). tensors: the content of one checkpoint, in file order. Owned by their struct. */
#ifndef WEIGHTPROOF_MODELS_TENSOR_H
#define WEIGHTPROOF_MODELS_TENSOR_H
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "core/diag.h"

#define DTYPE_TABLE(X) X(DTYPE_F64, "F64", 8) X(DTYPE_F32, "F32", 4) X(DTYPE_F16, "F16", 2) X(DTYPE_BF16, "BF16", 2) \
    X(DTYPE_I64, "I64", 8) X(DTYPE_I32, "I32", 4) X(DTYPE_I16, "I16", 2) X(DTYPE_I8, "I8", 1) \
    X(DTYPE_U64, "U64", 8) X(DTYPE_U32, "U32", 4) X(DTYPE_U16, "U16", 2) X(DTYPE_U8, "U8", 1) X(DTYPE_BOOL, "BOOL", 1)
enum dtype {
#define X(code, name, size) code,
    DTYPE_TABLE(X)
#undef X
};
#define TENSOR_MAX_RANK 8
/* Where the numbers come from: element strides; bound: raw bytes are in the file, at offset. bytes: the first element in memory, or NULL; borrowed.
 * Of a tensor of a network: of, the tensor of the checkpoint that it is cut from, when its name differs (NULL: the same name, or a .net); made: it is
 * from no tensor, a constant of the family. */
struct tensor_source { size_t offset; bool bound; size_t strides[TENSOR_MAX_RANK]; enum dtype dtype; bool big_endian; const unsigned char *bytes; const char *of; bool made; };
/* data: row-major, owned; NULL in a tensor of a checkpoint until tensor_need. The readers have checked every element, so decoding cannot fail
 * but for memory. Zero has no sign. */
struct tensor { char *name; size_t rank; size_t shape[TENSOR_MAX_RANK]; double *data; struct tensor_source source; };
size_t tensor_count(const struct tensor *t);
/* Fills data from source.bytes if it is not there yet; false without memory. */
bool tensor_need(struct tensor *t) MUST_USE;
/* Entry i in row-major order, decoded or not. */
double tensor_entry(const struct tensor *t, size_t i);

struct checkpoint {
    char *path, sha256[65];
    const char *format;           /* "safetensors", "torch", "npz", "npy" */
    struct tensor *tensors; size_t n;
    char *config;                 /* JSON text found inside the file, or NULL */
    char *modules;                /* JSON text: classes and attributes of a pickled module's parts (torch_state.h), or NULL */
    struct { char *key, *value; } *facts; size_t n_facts; /* other metadata strings: stated by the file, not checked */
    char *file;                   /* the bytes that the tensors' sources point into, where the checkpoint owns them */
    char **unpacked; size_t n_unpacked; /* likewise, of compressed members */
};
/* Reads by content (magic), not by name. STATUS_INPUT with a message that names file, offset or key, what was found and what would be right. */
enum status checkpoint_read(struct checkpoint *out, const char *path, struct diag *d) MUST_USE;
void checkpoint_clear(struct checkpoint *c);
#endif
