/* Pictures of bilinear networks: the distances that a claim rests on, and spectrum and eigenvectors of each output. Doubles: drawings, not certified figures. */
#include <fmpq.h>
#include <math.h>
#include <stdlib.h>
#include "core/mem.h"
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

static void tile(struct text *out, const double *V, size_t n, size_t column, size_t side, double eigenvalue)
{
    char title[80];
    double *x = mem_array(n, sizeof *x);
    if (!x) return;
    for (size_t i = 0; i < n; i++) x[i] = V[i * n + column];
    (void)snprintf(title, sizeof title, "eigenvector of %.4g (its sign is arbitrary)", eigenvalue);
    heatmap_add(out, &(struct heatmap){.values = x, .rows = side, .columns = side, .title = title, .row_axis = "input row", .column_axis = "input column"});
    free(x);
}

static void one_output(struct text *out, const struct outputs *o, size_t k, double *A, double *q, double *V)
{
    size_t n = o->n, side = (size_t)lround(sqrt((double)n));
    char title[80];
    fmpz_t unit;
    fmpz_init(unit);
    fmpz_one(unit);
    fmpz_mul_2exp(unit, unit, o->scale);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) A[i * n + j] = A[j * n + i] = ratio(o->c + k * o->each + monomial(n, i + 1, j + 1), unit) / (i == j ? 1 : 2);
    fmpz_clear(unit);
    if (!symmetric_eigen(q, V, A, n)) return;
    (void)snprintf(title, sizeof title, "output %zu: eigenvalues of its form", k);
    bars_add(out, title, q, n, SIZE_MAX, "", SIZE_MAX, "", NULL);
    for (size_t i = 0; side * side == n && n > 3 && i < TILES; i++) {
        tile(out, V, n, n - 1 - i, side, q[n - 1 - i]);
        tile(out, V, n, i, side, q[i]);
    }
}

void html_forms(struct text *out, const struct net *net)
{
    struct text why;
    struct outputs o = {0};
    size_t n = net->width_in;
    text_init(&why);
    bool takes = n > 0 && n <= INPUTS_MOST && net->nodes[net->output].width <= OUTPUTS_MOST && outputs_possible(net, -1, &why) && outputs_make(&o, net, -1) == STATUS_OK;
    text_clear(&why);
    if (!takes) return;
    double *A = mem_array(n * n, sizeof *A), *q = mem_array(n, sizeof *q), *V = mem_array(n * n, sizeof *V);
    bool quadratic = false;
    for (size_t i = 0; !quadratic && i < o.width * o.each; i++) quadratic = i % o.each > n && !fmpz_is_zero(o.c + i);
    if (A && q && V && quadratic) {
        text_add(out, "<details><summary>interaction matrices: spectra and eigenvectors, in the basis of the input</summary><div class='pics'>");
        for (size_t k = 0; k < o.width; k++) one_output(out, &o, k, A, q, V);
        text_add(out, "</div></details>\n");
    }
    free(A), free(q), free(V);
    outputs_clear(&o);
}
