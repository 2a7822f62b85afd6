/* The lines of a class in doubles, with the bounds that separable_cell.c needs. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/separable.h"

/* Nearest double or its neighbour: mpq_get_d truncates, which is within one unit of 2^-52; the radii charge 8 units for it. */
static double nearest(const mpq_t q) { return mpq_get_d(q); }

static enum status fill(struct lines_double *l, const struct decision *d, size_t n_out)
{
    size_t e = 0;
    for (size_t k = 0; k < l->K; k++) {
        const struct form_line *x = &d->set.lines[k];
        double sum = 0;
        size_t terms = 0;
        l->strict[k] = d->strict && d->strict[k];
        l->c[k] = nearest(x->c);
        l->max_c = fmax(l->max_c, fabs(l->c[k]) * (1 + 0x1p-50));
        l->first[k] = e;
        for (size_t i = 0; i < x->n; i++) {
            double a = nearest(x->terms[i].a);
            if (!(fabs(a) < 0x1p900 && fabs(a) > 0x1p-900))
                return STATUS_UNSUPPORTED;
            if (x->terms[i].j < n_out) {
                l->j[e] = x->terms[i].j;
                l->a[e++] = a;
                sum += fabs(a) * (1 + 0x1p-50);
                terms++;
            } else {
                l->beta[(x->terms[i].j - n_out) * l->Kp + k] = a;
                l->max_beta = fmax(l->max_beta, fabs(a) * (1 + 0x1p-50));
            }
        }
        l->sum_alpha = fmax(l->sum_alpha, sum * (1 + 0x1p-40));
        l->terms = terms > l->terms ? terms : l->terms;
        if (!(fabs(l->c[k]) < 0x1p900) || (mpq_sgn(x->c) != 0 && !(fabs(l->c[k]) > 0x1p-900)) || !(sum < 0x1p900))
            return STATUS_UNSUPPORTED;
    }
    l->first[l->K] = e;
    return STATUS_OK;
}

enum status lines_double_init(struct lines_double *l, const struct decision *d, size_t n_out, size_t cells)
{
    size_t terms = 0;
    bool beta = false;
    memset(l, 0, sizeof *l);
    l->K = d->set.n;
    l->Kp = (l->K + 7) / 8 * 8;
    for (size_t k = 0; k < l->K; k++) {
        terms += d->set.lines[k].n;
        for (size_t i = 0; i < d->set.lines[k].n; i++)
            beta |= d->set.lines[k].terms[i].j >= n_out;
    }
    l->c = mem_array(l->Kp, sizeof *l->c);
    l->first = mem_array(l->K + 1, sizeof *l->first);
    l->j = mem_array(terms, sizeof *l->j);
    l->a = mem_array(terms, sizeof *l->a);
    l->strict = mem_array(l->K, sizeof *l->strict);
    l->beta = beta ? mem_array(cells * l->Kp, sizeof *l->beta) : NULL;
    enum status s = STATUS_MEMORY;
    if (l->c && l->first && l->j && l->a && l->strict && (l->beta || !beta))
        s = fill(l, d, n_out);
    if (s != STATUS_OK)
        lines_double_clear(l);
    return s;
}

void lines_double_clear(struct lines_double *l)
{
    free(l->c);
    free(l->first);
    free(l->j);
    free(l->a);
    free(l->beta);
    free(l->strict);
    memset(l, 0, sizeof *l);
}
