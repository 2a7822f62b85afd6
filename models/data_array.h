/* data_array: a data array of a claim file: exactly known numbers with one to three axes, row-major, and its canonical text (NETWORK.md §6),
 * whose SHA-256 identifies it. Owned by its struct. */
#ifndef WEIGHTPROOF_MODELS_DATA_ARRAY_H
#define WEIGHTPROOF_MODELS_DATA_ARRAY_H
#include <stdbool.h>
#include <stddef.h>
#include "core/diag.h"
#include "core/text.h"

#define ARRAY_MAX_RANK 3
struct data_array {
    size_t rank, shape[ARRAY_MAX_RANK];
    double *data;
    bool whole;             /* every entry is an integer: its type in a claim (STATEMENT.md §3) */
    char sha256[65];        /* of the canonical text */
    char file_sha256[65];   /* of the file that it was read from */
};
size_t data_array_count(const struct data_array *a);
/* Canonical text; data_array_parse(data_array_write(x)) is x. */
enum status data_array_write(struct text *out, const struct data_array *a) MUST_USE;
enum status data_array_parse(struct data_array *out, const char *name, const char *text, size_t size, struct diag *d) MUST_USE;
/* A file: .arr by its first line, else any format that models/npy.h reads. member: which array of a file with several, or NULL. */
enum status data_array_read(struct data_array *out, const char *path, const char *member, struct diag *d) MUST_USE;
/* Are the n numbers integers? */
bool data_array_whole(const double *x, size_t n);
/* Does the file begin like a data array (as opposed to a model)? */
bool data_array_is_text(const char *data, size_t size);
void data_array_clear(struct data_array *a);
#endif
