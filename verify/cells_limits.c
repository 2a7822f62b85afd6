/* The numbers that rule cells computes with are integers at 2^-40 with room for terms of 2^58 and sums of 2^61 (FORMAT.md, cells 6). A leaf that needs larger ones is not written: another engine is asked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "verify/cells.h"

#define END_MOST 4095.0              /* of an interval of what a unit reads */
#define TERM_MOST (0x1p18 * 0.99)    /* of a term of a sum */
#define SUM_MOST (0x1p21 * 0.99)     /* of such terms, for every position and head and one more */
#define FACTOR_MOST 0x1p21           /* of a unit's coefficient in a form */
#define SCALED 4                     /* the checker's weights of a head are a power of two off ours: a ratio of two heads' is within 4 */

double cells_term_most(const struct cells_room *x) { return fmin(TERM_MOST, SUM_MOST / ((double)(x->s->p->t.n + 1) * (double)x->heads)); }

/* The rule multiplies a form by the least common denominator of its coefficients of logits. */
double cells_scale(const struct cells_room *x, size_t line)
{
    const struct form_line *form = &x->c->d.set.lines[line];
    mpz_t m;
    mpz_init_set_ui(m, 1);
    for (size_t i = 0; i < form->n; i++)
        if (form->terms[i].j < x->s->p->net.n_out && mpz_cmp_ui(mpq_denref(form->terms[i].a), 1) != 0)
            mpz_lcm(m, m, mpq_denref(form->terms[i].a));
    double scale = mpz_get_d(m);
    mpz_clear(m);
    return scale;
}

static bool other_fits(const struct cells_room *x, size_t head, double term)
{
    return SCALED * fmax(1, x->ratio[head][1]) * fabs(term) <= cells_term_most(x);
}

/* What a unit reads of a head at one source, of the first one less the ends of its interval. Entries stand in y. */
static bool unit_fits(const struct cells_room *x, size_t u, size_t head)
{
    const struct unit_bound *b = &x->unit[u];
    double z = x->y[x->s->p->net.n_out + u], lo = b->phase == '~' ? b->lo : 0, hi = b->phase == '~' ? b->hi : 0;
    if (head > 0)
        return other_fits(x, head, z);
    return fabs(lo) <= END_MOST && fabs(hi) <= END_MOST && fabs(z - lo) <= cells_term_most(x) && fabs(z - hi) <= cells_term_most(x);
}

static bool line_fits(const struct cells_room *x, size_t k, size_t head, size_t cell, double sign, double scale)
{
    double v = scale * cells_line_at(x, k, head, cell, sign);
    return head > 0 ? other_fits(x, head, v) : fabs(v) <= cells_term_most(x);
}

/* The same of all sources at once, from the largest entries: most lines are far from the limits. */
static bool line_fits_surely(const struct cells_room *x, size_t k, double scale, const double *largest)
{
    const struct lines_double *l = &x->c->lines;
    double sizes = fabs(cells_kappa(x, k)), constant = fabs(l->c[k]) + (x->s->value ? fabs(x->s->target) : 0) + fabs(x->rest[k]);
    if (l->beta)
        return false;
    if (sizes > 0)      /* a tangent of sigma, or a source's own, is no larger than the source's largest entry, and eps */
        constant += sizes * (sqrt(x->s->p->net.net->eps) + x->bend);
    for (size_t e = l->first[k]; e < l->first[k + 1]; e++)
        sizes += fabs(l->a[e]);
    for (size_t u = 0; u < x->s->p->net.units; u++)
        sizes += fabs(x->slope[k * x->s->p->net.units + u]);
    bool fits = scale * (constant + sizes * largest[0]) * (1 + 0x1p-40) <= cells_term_most(x);
    for (size_t h = 1; h < x->heads; h++)
        fits = fits && other_fits(x, h, scale * sizes * largest[h] * (1 + 0x1p-40));
    return fits;
}

/* At least the size of what a head's tables and middles make of one source. */
static void largest_entries(const struct cells_room *x, double *largest)
{
    const struct double_tables *t = &x->s->p->tables;
    for (size_t h = 0; h < x->heads; h++) {
        largest[h] = x->largest[h] + (h == 0 ? t->D_max[x->q] : 0);
        double middle = 0;
        for (size_t j = 0; j < t->J; j++)
            middle = fmax(middle, fabs(x->middle[h * t->J + j]));
        largest[h] += middle;
    }
}

static bool factors_fit(const struct cells_room *x, size_t k, double scale)
{
    bool fits = true;
    for (size_t u = 0; u < x->s->p->net.units; u++)
        fits = fits && fabs(scale * cells_factor(x, k, u)) <= FACTOR_MOST;
    return fits && fabs(scale * cells_kappa(x, k)) <= END_MOST;
}

/* All units of the MLP, then all lines, at one token of a source. */
static bool source_fits(const struct cells_room *x, size_t i, size_t token, size_t cell, double sign, const double *scale)
{
    bool fits = true;
    for (size_t h = 0; fits && h < x->heads; h++) {
        cells_row(x, x->y, x->s->p->tables.J, h, i, token);
        for (size_t u = 0; fits && u < x->n_read; u++)
            fits = unit_fits(x, u, h);
        for (size_t k = 0; fits && k < x->c->lines.K; k++)
            fits = scale[k] == 0 || line_fits(x, k, h, cell, sign, scale[k]);
    }
    return fits;
}

enum status cells_fit(bool *fits, const struct cells_room *x, double sign)
{
    const struct problem *p = x->s->p;
    bool some = x->n_read > 0;
    double *scale = mem_array(x->c->lines.K + 1, sizeof *scale), largest[HEADS_MOST];
    if (!scale)
        return STATUS_MEMORY;
    *fits = true;
    largest_entries(x, largest);
    for (size_t h = 1; h < x->heads; h++)
        *fits = *fits && x->ratio[h][1] <= 0x1p19;
    for (size_t k = 0; *fits && k < x->c->lines.K; k++) {
        scale[k] = cells_scale(x, k);
        *fits = factors_fit(x, k, scale[k]);
        if (line_fits_surely(x, k, scale[k], largest))
            scale[k] = 0;       /* nothing is left to look at */
        else
            some = true;
    }
    for (size_t i = 0; *fits && some && i < p->n_src; i++)
        for (size_t t = 0; *fits && t < p->t.n_set[i]; t++) {
            size_t token = (size_t)p->t.sets[i][t];
            if (x->left[p->first[i] + t])
                *fits = source_fits(x, i, token, p->first[i] + t, sign, scale);
        }
    free(scale);
    return STATUS_OK;
}
