/* words: the fields of a line that speaks of points of a network, as `radius` and `changes` do (FORMAT.md §3). */
#ifndef CHECK_WORDS_H
#define CHECK_WORDS_H
#include "certificate.h"

struct words { const char *at, *end; };
bool words_next(struct words *w, const char **s, size_t *n); /* up to a space; false: there is none, or it is empty */
int model_named(const struct stmt *s, const char *name, size_t n); /* -1: none */
bool vector_read(const char *s, size_t size, mpq_t *out, size_t n); /* n canonical numbers and commas between them; one has a comma behind it */
int compare_bytes(const char *a, size_t na, const char *b, size_t nb);
#endif
