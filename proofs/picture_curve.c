/* picture_curve.c: a number that is enclosed, over 0, 1, 2, ..., as a line with dots. */
#include <math.h>
#include "proofs/picture.h"

#define WIDTH 560
#define HEIGHT 180
#define LEFT 52
#define TOP 14

struct frame { double step, scale, most; };

static double across(const struct frame *f, size_t k) { return LEFT + f->step * (double)k; }
static double up(const struct frame *f, double v) { return TOP + (f->most - v) * f->scale; }

static void axes(struct text *out, const struct curve *c, const struct frame *f)
{
    for (int i = 0; i <= 4; i++) {
        double v = f->most * i / 4;
        text_addf(out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#b8bfc8' stroke-width='0.5'/><text x='%d' y='%.1f' text-anchor='end' class='ax'>%.4g</text>",
                  LEFT, up(f, v), LEFT + WIDTH, up(f, v), LEFT - 6, up(f, v) + 4, v);
    }
    size_t every = c->n > 12 ? (c->n + 7) / 8 : 1;
    for (size_t k = 0; k < c->n; k += every) text_addf(out, "<text x='%.1f' y='%d' text-anchor='middle' class='ax'>%zu</text>", across(f, k), TOP + HEIGHT + 16, k);
    text_addf(out, "<text x='%d' y='%d' text-anchor='middle' class='ax'>", LEFT + WIDTH / 2, TOP + HEIGHT + 32);
    html_add(out, c->axis);
    text_add(out, "</text>");
}

static void dot(struct text *out, const struct curve *c, const struct frame *f, size_t k)
{
    const char *fill = c->sure && c->sure[k] ? "#2166ac" : "#fff";
    text_addf(out, "<circle cx='%.1f' cy='%.1f' r='%s' fill='%s' stroke='#2166ac'><title>", across(f, k), up(f, c->most[k]), c->n > 40 ? "2.5" : "4", fill);
    if (c->least[k] == c->most[k]) text_addf(out, "%zu: %.9g", k, c->most[k]);
    else text_addf(out, "%zu: between %.9g and %.9g", k, c->least[k], c->most[k]);
    text_add(out, "</title></circle>");
}

void curve_add(struct text *out, const struct curve *c)
{
    struct frame f = { (double)WIDTH / (double)(c->n > 1 ? c->n - 1 : 1), HEIGHT / fmax(c->total, 1), fmax(c->total, 1) };
    text_addf(out, "<figure><svg role='img' width='%d' height='%d' viewBox='0 0 %d %d' font-size='11'><title>", LEFT + WIDTH + 12, TOP + HEIGHT + 38, LEFT + WIDTH + 12, TOP + HEIGHT + 38);
    html_add(out, c->title);
    text_add(out, "</title>");
    axes(out, c, &f);
    text_add(out, "<polyline fill='none' stroke='#2166ac' points='");
    for (size_t k = 0; k < c->n; k++) text_addf(out, "%.1f,%.1f ", across(&f, k), up(&f, c->most[k]));
    text_add(out, "'/>");
    for (size_t k = 0; k < c->n; k++) {
        if (c->least[k] < c->most[k]) text_addf(out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#2166ac' stroke-width='3'/>", across(&f, k), up(&f, c->least[k]), across(&f, k), up(&f, c->most[k]));
        dot(out, c, &f, k);
    }
    text_add(out, "</svg><figcaption><b>");
    html_add(out, c->title);
    text_add(out, "</b></figcaption></figure>");
}
