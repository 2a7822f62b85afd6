/* roots: ties of outputs along a line, exactly (STATEMENT.md §3: flip, changes). A point p + sign sqrt(r), r > 0 unless sign is 0. */
#ifndef CHECK_ROOTS_H
#define CHECK_ROOTS_H
#include "quadratic.h"

struct root { mpq_t p, r; int sign; };
void root_init(struct root *x);
void root_clear(struct root *x);
void root_set(struct root *to, const struct root *from);
int root_compare(const void *a, const void *b);                             /* of two roots; for qsort */
int roots_of(struct root out[2], const mpq_t *q);                           /* of q[0] + q[1] s + q[2] s^2, 0 to 2; none of 0 */
void root_enclose(mpq_t lo, mpq_t hi, const struct root *x, unsigned long bits); /* lo <= x <= hi, hi - lo <= 2^-bits */
mpq_t *outputs_on_line(const struct rowpoly *o, size_t n, const mpq_t *x, const mpq_t *v); /* three coefficients each at x + s v; vector_free */
void difference_on_line(mpq_t *d, const mpq_t *a, const mpq_t *b);

/* changes.c: where the set of the largest outputs changes in (0, 1). n changes; sets: [n + 1, width], before the first, between them, after the last. */
struct changes { size_t n, width, room; struct root *at; bool *sets; };
void changes_find(struct changes *c, const mpq_t *q, size_t width);
void changes_clear(struct changes *c);
#endif
