/* picture: heat maps and bars inside an HTML text, no script, no outside file. Signed values are drawn in RdBu centred at 0 (negative red),
 * weights of a pattern in blues from 0 to 1. The values are doubles: drawings, not certified figures. */
#ifndef WEIGHTPROOF_PROOFS_PICTURE_H
#define WEIGHTPROOF_PROOFS_PICTURE_H
#include <stddef.h>
#include <stdbool.h>
#include "core/text.h"

void html_add(struct text *out, const char *s);                 /* escaped */

struct heatmap {
    const double *values;      /* [rows, columns], row-major; NaN is hatched grey */
    size_t rows, columns;
    bool pattern;              /* 0..1 in blues instead of signed */
    const char *title;         /* what it shows, also the alternative text */
    const char *row_axis, *column_axis;
    const char *const *row_names, *const *column_names;   /* or NULL: indices */
};
/* Up to 16 x 16 as SVG with every value printed; larger as a PNG (more than 256 a side: largest magnitude of each tile, and it says so). */
void heatmap_add(struct text *out, const struct heatmap *h);
/* Bars of n values; mark: index drawn darker and named (SIZE_MAX: none), mark2 likewise. */
void bars_add(struct text *out, const char *title, const double *values, size_t n, size_t mark, const char *mark_name, size_t mark2,
              const char *mark2_name, const char *const *names);
#endif
