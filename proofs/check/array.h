/* array: reader of data arrays (NETWORK.md §6). x[i]: entry i in row-major order, an integer when all entries are integers, else rational. */
#ifndef CHECK_ARRAY_H
#define CHECK_ARRAY_H
#include "num.h"

struct array { int rank; uint32_t d[3]; size_t n; struct num *x; };
bool array_read(struct array *out, const char *text, size_t n, struct fail *f);
void array_clear(struct array *a);
#endif
