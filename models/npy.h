/* npy: NumPy's array files. A .npy holds one array, a .npz is a zip archive of them. The header is a Python dictionary, read here as three fixed
 * keys with literals; nothing is executed, and arrays of objects are refused. */
#ifndef WEIGHTPROOF_MODELS_NPY_H
#define WEIGHTPROOF_MODELS_NPY_H
#include "models/archive.h"
#include "models/checkpoint.h"

/* One array of exactly known numbers, row-major whatever its order in the file; rank 0 is a single number. Owns its data. */
struct array { size_t rank, shape[TENSOR_MAX_RANK]; double *data; enum dtype dtype; };
/* An array for claims: `data X = "x.npy"`, `data v = "probe.npz"["direction"]`. name: which one of several (a member of an .npz without
 * ".npy", or a tensor of a checkpoint in any format); NULL for a file that holds one only. sha256: of the whole file. Refuses NaN and infinities, naming the
 * entry; a name that is not there with the names that are. */
enum status array_read(struct array *out, char sha256[65], const char *path, const char *name, struct diag *d) MUST_USE;
void array_clear(struct array *a);

/* The bytes of a .npy as a tensor called name: shape, strides, dtype and byte order into *t, whose source.offset is where the numbers begin;
 * checks that size is exactly what the header asks. *words: instead, the text of an array of rank 0 that holds a string (malloc), "" for other strings; NULL for numbers. */
enum status npy_header(struct tensor *t, char **words, const char *path, const char *name, const char *data, size_t size, struct diag *d) MUST_USE;
enum status npy_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d) MUST_USE;
/* Is there a member NAME.npy and no data.pkl? */
bool npz_is(const struct archive *a);
enum status npz_read(struct checkpoint *out, struct archive *a) MUST_USE;
#endif
