#include "proofs/picture.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "proofs/png.h"

#define SVG_SIDE 16          /* largest side drawn cell by cell with its number */
#define PNG_SIDE 256         /* largest side drawn without tiling */

void html_add(struct text *out, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '<': text_add(out, "&lt;"); break;
        case '>': text_add(out, "&gt;"); break;
        case '&': text_add(out, "&amp;"); break;
        case '"': text_add(out, "&quot;"); break;
        default: text_add_n(out, s, 1);
        }
    }
}

/* ColorBrewer RdBu from red (-1) over white to blue (+1), and Blues from white (0) to dark (1), at equal steps. */
static const uint8_t rdbu[9][3] = { { 178, 24, 43 }, { 214, 96, 77 }, { 244, 165, 130 }, { 253, 219, 199 }, { 247, 247, 247 },
    { 209, 229, 240 }, { 146, 197, 222 }, { 67, 147, 195 }, { 33, 102, 172 } };
static const uint8_t blues[5][3] = { { 247, 251, 255 }, { 198, 219, 239 }, { 107, 174, 214 }, { 33, 113, 181 }, { 8, 48, 107 } };

static void colour(uint8_t rgb[3], double x, bool pattern)
{
    const uint8_t (*stops)[3] = pattern ? blues : rdbu;
    int last = pattern ? 4 : 8;
    double place = pattern ? x * last : (x + 1) / 2 * last;
    if (!(place >= 0)) place = 0;
    if (place > last) place = last;
    int i = (int)place;
    if (i == last) i--;
    double f = place - i;
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)lround(stops[i][c] * (1 - f) + stops[i + 1][c] * f);
}

struct range { double least, most, scale; };

static struct range range_of(const struct heatmap *h)
{
    struct range r = { INFINITY, -INFINITY, 0 };
    for (size_t i = 0; i < h->rows * h->columns; i++) {
        double v = h->values[i];
        if (!isfinite(v)) continue;
        r.least = fmin(r.least, v);
        r.most = fmax(r.most, v);
        r.scale = fmax(r.scale, fabs(v));
    }
    if (h->pattern || !(r.scale > 0)) r.scale = 1;
    return r;
}

static void cell_name(struct text *out, const char *const *names, size_t i)
{
    if (names && names[i]) html_add(out, names[i]);
    else text_addf(out, "%zu", i);
}

static void svg_cell(struct text *out, const struct heatmap *h, size_t i, size_t j, double scale)
{
    const int side = 44;
    double v = h->values[i * h->columns + j];
    int x = 60 + (int)j * side, y = 24 + (int)i * 26;
    if (!isfinite(v)) {
        text_addf(out, "<rect x='%d' y='%d' width='%d' height='26' fill='#ddd'/>", x, y, side);
        return;
    }
    uint8_t c[3];
    colour(c, v / scale, h->pattern);
    bool dark = c[0] * 0.3 + c[1] * 0.6 + c[2] * 0.1 < 130;
    text_addf(out, "<rect x='%d' y='%d' width='%d' height='26' fill='rgb(%d,%d,%d)'><title>%.6g</title></rect>"
              "<text x='%d' y='%d' text-anchor='middle' fill='%s'>%.3g</text>",
              x, y, side, c[0], c[1], c[2], v, x + side / 2, y + 17, dark ? "#fff" : "#111", v);
}

#define PLAIN_SIDE 32        /* largest side drawn in small cells */

static void plain_add(struct text *out, const struct heatmap *h, double scale)
{
    const size_t side = h->rows > 16 || h->columns > 16 ? 6 : 12;
    text_addf(out, "<svg role='img' width='%zu' height='%zu' viewBox='0 0 %zu %zu'><title>", h->columns * side, h->rows * side, h->columns * side, h->rows * side);
    html_add(out, h->title);
    text_add(out, "</title>");
    for (size_t i = 0; i < h->rows * h->columns; i++) {
        uint8_t c[3] = { 221, 221, 221 };
        if (isfinite(h->values[i])) colour(c, h->values[i] / scale, h->pattern);
        text_addf(out, "<rect x='%zu' y='%zu' width='%zu' height='%zu' fill='#%02x%02x%02x'><title>%.6g</title></rect>", i % h->columns * side, i / h->columns * side, side, side, c[0], c[1], c[2], h->values[i]);
    }
    text_add(out, "</svg>");
}

static void svg_add(struct text *out, const struct heatmap *h, double scale)
{
    int width = 62 + (int)h->columns * 44, height = 26 + (int)h->rows * 26;
    text_addf(out, "<svg role='img' width='%d' height='%d' viewBox='0 0 %d %d' font-size='11'><title>", width, height, width, height);
    html_add(out, h->title);
    text_add(out, "</title>");
    for (size_t j = 0; j < h->columns; j++) {
        text_addf(out, "<text x='%d' y='16' text-anchor='middle' class='ax'>", 82 + (int)j * 44);
        cell_name(out, h->column_names, j);
        text_add(out, "</text>");
    }
    for (size_t i = 0; i < h->rows; i++) {
        text_addf(out, "<text x='54' y='%d' text-anchor='end' class='ax'>", 41 + (int)i * 26);
        cell_name(out, h->row_names, i);
        text_add(out, "</text>");
        for (size_t j = 0; j < h->columns; j++)
            svg_cell(out, h, i, j, scale);
    }
    text_add(out, "</svg>");
}

/* The entry of largest magnitude in rows i0..i1-1, columns j0..j1-1. */
static double tile(const struct heatmap *h, size_t i0, size_t i1, size_t j0, size_t j1)
{
    double best = 0;
    for (size_t i = i0; i < i1; i++)
        for (size_t j = j0; j < j1; j++)
            if (!(fabs(h->values[i * h->columns + j]) <= fabs(best))) best = h->values[i * h->columns + j];
    return best;
}

static void png_add_heatmap(struct text *out, const struct heatmap *h, double scale)
{
    size_t step = (h->rows > h->columns ? h->rows : h->columns) / PNG_SIDE + 1;
    size_t rows = (h->rows + step - 1) / step, columns = (h->columns + step - 1) / step;
    uint8_t *pixels = mem_array(rows * columns, 3);
    if (!pixels) { out->failed = true; return; }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            size_t i1 = (i + 1) * step < h->rows ? (i + 1) * step : h->rows, j1 = (j + 1) * step < h->columns ? (j + 1) * step : h->columns;
            double v = tile(h, i * step, i1, j * step, j1);
            uint8_t *p = pixels + 3 * (i * columns + j);
            if (isfinite(v)) colour(p, v / scale, h->pattern);
            else p[0] = p[1] = p[2] = 200;
        }
    text_addf(out, "<img width='%zu' height='%zu' alt='", columns * (columns < 90 ? 4 : 2), rows * (rows < 90 ? 4 : 2));
    html_add(out, h->title);
    text_add(out, "' src='");
    png_add(out, pixels, columns, rows);
    text_add(out, "'>");
    free(pixels);
    if (step > 1) text_addf(out, "<br><small>each pixel is the entry of largest magnitude of a %zu x %zu tile</small>", step, step);
}

void heatmap_add(struct text *out, const struct heatmap *h)
{
    struct range r = range_of(h);
    text_add(out, h->plain ? "<figure class='tile'>" : "<figure>");
    if (h->plain && h->rows <= PLAIN_SIDE && h->columns <= PLAIN_SIDE) plain_add(out, h, r.scale);
    else if (!h->plain && h->rows <= SVG_SIDE && h->columns <= SVG_SIDE) svg_add(out, h, r.scale);
    else png_add_heatmap(out, h, r.scale);
    text_add(out, "<figcaption><b>");
    html_add(out, h->title);
    text_add(out, "</b>");
    if (h->row_axis) {
        text_add(out, "<br>rows: ");
        html_add(out, h->row_axis);
        text_add(out, ", columns: ");
        html_add(out, h->column_axis);
    }
    if (!h->pattern) text_addf(out, "<br><small>least %.4g, largest %.4g; <span class='neg'>red</span> below 0, <span class='pos'>blue</span> above</small>", r.least, r.most);
    text_add(out, "</figcaption></figure>");
}

static void bar(struct text *out, size_t i, double v, double top, double span, int step, const char *fill)
{
    double y0 = 20 + top / span * 120, y = 20 + (top - v) / span * 120;
    text_addf(out, "<rect x='%d' y='%.1f' width='%d' height='%.1f' fill='%s'><title>%zu: %.6g</title></rect>",
              8 + (int)i * step, fmin(y, y0), step > 2 ? step - 1 : step, fmax(fabs(y - y0), 0.5), fill, i, v);
}

void bars_add(struct text *out, const char *title, const double *values, size_t n, size_t mark, const char *mark_name, size_t mark2,
              const char *mark2_name, const char *const *names)
{
    double top = 0, bottom = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) { top = fmax(top, values[i]); bottom = fmin(bottom, values[i]); }
    double span = top - bottom > 0 ? top - bottom : 1;
    int step = n <= 12 ? 40 : n <= 80 ? 9 : 3;
    int width = 16 + (int)(n < 1000 ? n : 1000) * step;
    text_addf(out, "<figure><svg role='img' width='%d' height='170' viewBox='0 0 %d 170' font-size='11'><title>", width, width);
    html_add(out, title);
    text_add(out, "</title>");
    for (size_t i = 0; i < n && i < 1000; i++) {
        const char *fill = i == mark ? "#2166ac" : i == mark2 ? "#b2182b" : "#b8bfc8";
        if (isfinite(values[i])) bar(out, i, values[i], top, span, step, fill);
        if (n <= 12 || i == mark || i == mark2) {
            text_addf(out, "<text x='%d' y='162' text-anchor='middle' class='ax'>", 8 + (int)i * step + step / 2);
            cell_name(out, names, i);
            text_add(out, "</text>");
        }
    }
    text_add(out, "</svg><figcaption><b>");
    html_add(out, title);
    text_add(out, "</b>");
    if (mark < n) { text_addf(out, "<br><small><span class='pos'>blue</span> %s: %.6g", mark_name, values[mark]); }
    if (mark2 < n && mark2 != mark) text_addf(out, "; <span class='neg'>red</span> %s: %.6g", mark2_name, values[mark2]);
    if (mark < n) text_add(out, "</small>");
    text_add(out, "</figcaption></figure>");
}

bool shape_read(struct shape *out, const char *text)
{
    unsigned rows = 0, columns = 0;
    int end = 0;
    bool good = text[0] >= '1' && text[0] <= '9' && strlen(text) < 16 && sscanf(text, "%5ux%5u%n", &rows, &columns, &end) == 2 && text[end] == '\0' && columns > 0;
    *out = good ? (struct shape){ rows, columns } : (struct shape){ 0, 0 };
    return good;
}

void vector_add(struct text *out, const double *x, size_t n, struct shape shape, bool bright, const char *title)
{
    for (size_t i = 0; i < n; i++) bright = bright && x[i] >= 0 && x[i] <= 1;
    if (shape.rows * shape.columns == n && n > 0) heatmap_add(out, &(struct heatmap){ .values = x, .rows = shape.rows, .columns = shape.columns, .pattern = bright, .plain = true, .title = title });
    else bars_add(out, title, x, n, SIZE_MAX, "", SIZE_MAX, "", NULL);
}
