/* Pictures of bilinear networks: the distances that a claim rests on, and spectrum and eigenvectors of each output. Rounded figures; the angles of eigenvectors are certified where the caption says so. */
#include <fmpq.h>
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
#include "proofs/html_basis.h"
#include "proofs/html_report.h"
#include "proofs/picture.h"
#include "verify/quadratic.h"
#include "verify/radius.h"

#define BINS 40
#define INPUTS_MOST 256        /* for eigenvectors */
#define OUTPUTS_MOST 16
#define TILES 2                /* of each sign */

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void html_distances(struct text *out, const struct result *r)
{
    size_t n = radii_count(r->statement->radii), finite = 0;
    double *x = mem_array(n, sizeof *x), bins[BINS] = {0};
    if (!x || n < 2 || r->evidence == EVIDENCE_NONE) {
        free(x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double d = radii_upper(r->statement->radii, i);
        if (d < exp2(RADIUS_CAP_BITS)) x[finite++] = d;
    }
    qsort(x, finite, sizeof *x, rising);
    double most = finite ? x[finite - 1] : 0;
    for (size_t i = 0; i < finite && most > 0; i++) bins[(size_t)fmin(x[i] / most * BINS, BINS - 1)]++;
    if (most > 0) {
        struct text title;
        text_init(&title);
        text_addf(&title, "distances to the nearest other answer: %zu values, least %.4g, median %.4g, largest %.4g; %d bins from 0 on", finite, x[0], x[finite / 2], most, BINS);
        if (title.data) bars_add(out, title.data, bins, BINS, SIZE_MAX, "", SIZE_MAX, "", NULL);
        text_clear(&title);
    }
    free(x);
}

static void one_output(struct text *out, const struct outputs *o, size_t k, struct shape shape)
{
    size_t n = o->n, tiles = n < 2 * TILES ? n : 2 * TILES;
    struct drawn_basis b;
    char title[80];
    if (!basis_make(&b, o->c + k * o->each, o->scale, n)) return;
    (void)snprintf(title, sizeof title, "output %zu: eigenvalues of its form", k);
    bars_add(out, title, b.q, n, SIZE_MAX, "", SIZE_MAX, "", NULL);
    for (size_t i = 0; n > 3 && i < tiles; i++) {
        size_t at = i % 2 ? i / 2 : n - 1 - i / 2;       /* the largest, the smallest, the next largest, ... */
        struct text words;
        text_init(&words);
        text_addf(&words, "output %zu, ", k);
        basis_say(&words, &b, at);
        text_add(&words, " (its sign is arbitrary)");
        if (words.data) vector_add(out, b.V + at * n, n, shape, false, words.data);
        text_clear(&words);
    }
    basis_clear(&b);
}

void html_forms(struct text *out, const struct run_record *run, const struct net *net)
{
    struct text why;
    struct outputs o = {0};
    size_t n = net->width_in;
    text_init(&why);
    bool takes = n > 0 && n <= INPUTS_MOST && net->n_ctx == 1 && net->nodes[net->output].width <= OUTPUTS_MOST && outputs_possible(net, -1, &why) && outputs_make(&o, net, -1) == STATUS_OK;
    text_clear(&why);
    if (!takes) return;
    bool quadratic = false;
    for (size_t i = 0; !quadratic && i < o.width * o.each; i++) quadratic = i % o.each > n && !fmpz_is_zero(o.c + i);
    if (quadratic) {
        text_add(out, "<details><summary>interaction matrices: spectra and eigenvectors, in the basis of the input</summary><div class='pics'>");
        for (size_t k = 0; k < o.width; k++) one_output(out, &o, k, html_shape(run, n));
        text_add(out, "</div></details>\n");
    }
    outputs_clear(&o);
}
