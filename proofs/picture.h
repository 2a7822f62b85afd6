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
    bool plain;                /* small cells without numbers */
    const char *title;         /* what it shows, also the alternative text */
    const char *row_axis, *column_axis;
    const char *const *row_names, *const *column_names;   /* or NULL: indices */
};
/* Up to 16 x 16 as SVG with every value printed; larger as a PNG (more than 256 a side: largest magnitude of each tile, and it says so). */
void heatmap_add(struct text *out, const struct heatmap *h);
/* Bars of n values; mark: index drawn darker and named (SIZE_MAX: none), mark2 likewise. */
void bars_add(struct text *out, const char *title, const double *values, size_t n, size_t mark, const char *mark_name, size_t mark2,
              const char *mark2_name, const char *const *names);

/* Rows and columns of inputs that are pictures; 0, 0: they are none. */
struct shape { size_t rows, columns; };
bool shape_read(struct shape *out, const char *text);           /* "8x12"; false: it says something else */
/* A vector of n numbers as a picture of that shape where it has n cells, else as bars. bright: in blues from 0 to 1, when all of them lie there. */
void vector_add(struct text *out, const double *x, size_t n, struct shape shape, bool bright, const char *title);

/* picture_curve.c: how many of `total`, at least and at most, for k = 0 .. n - 1, as a line; sure[k]: that point was checked. */
struct curve { const double *least, *most; const bool *sure; size_t n; double total; const char *title, *axis; };
void curve_add(struct text *out, const struct curve *c);
#endif
