/* html_segment.c: a segment between two inputs as a bar, cut where the answer changes. */
#include <stdlib.h>
#include <string.h>
#include "proofs/changes_shown.h"
#include "proofs/html_report.h"

#define WIDTH 640
#define LEFT 12

static const char *const fills[] = {"#2166ac", "#b2182b", "#4d9221", "#762a83", "#b35806", "#01665e", "#c51b7d", "#636363", "#8c510a", "#5ab4ac"};

/* p/q as a double; ends that certificates hold are short. */
static double number(const char **at)
{
    char *end;
    double p = strtod(*at, &end), q = *end == '/' ? strtod(end + 1, &end) : 1;
    *at = end;
    return p / q;
}

static void stretch(struct text *out, double from, double to, const char *set, size_t n)
{
    size_t first = (size_t)strtoul(set, NULL, 10);
    text_addf(out, "<rect x='%.1f' y='8' width='%.1f' height='26' fill='%s'><title>from %.9g to %.9g: %.*s</title></rect>", LEFT + from * WIDTH, (to - from) * WIDTH, fills[first % 10], from, to, (int)n, set);
    if ((to - from) * WIDTH > 8 * (double)n) text_addf(out, "<text x='%.1f' y='26' text-anchor='middle' fill='#fff'>%.*s</text>", LEFT + (from + to) / 2 * WIDTH, (int)n, set);
}

static void bar(struct text *out, const char *rest)
{
    double from = 0;
    text_addf(out, "<figure><svg role='img' width='%d' height='56' viewBox='0 0 %d 56' font-size='11'><title>answers along the segment</title>", WIDTH + 2 * LEFT, WIDTH + 2 * LEFT);
    while (*rest == ' ') {
        const char *set = ++rest;
        size_t n = strcspn(rest, " ");
        rest += n;
        double lo = *rest ? number(&rest) : 1, hi = *rest ? number(&rest) : 1, to = (lo + hi) / 2;
        stretch(out, from, to, set, n);
        from = to;
    }
    text_addf(out, "<text x='%d' y='50' class='ax'>0</text><text x='%d' y='50' text-anchor='end' class='ax'>1</text></svg>", LEFT, LEFT + WIDTH);
}

void html_segments(struct text *out, const struct result *r)
{
    struct changes_shown c[CHANGES_SHOWN];
    size_t n = result_changes(c, r);
    for (size_t i = 0; i < n; i++) {
        bar(out, c[i].rest);
        text_addf(out, "<figcaption><b>answers of %.*s on the way from one input (0) to the other (1)</b><br>each change is the only one between two numbers that the certificate names: <code>",
                  (int)strcspn(c[i].key, " "), c[i].key);
        html_add(out, c[i].rest);
        text_add(out, "</code></figcaption></figure>\n");
    }
    changes_shown_clear(c, n);
}
