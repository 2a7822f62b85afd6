/* Lines of a cell side by side. The usual lines are c + r logit_e + s logit_j: one part that all share, and a logit j of its own with the same s in each. Their terms are then made for every column j, with vectors, and
 * a line reads the sum of its column. */
#include <string.h>

#include "verify/cells.h"

struct shared { double c, r, s; size_t e; };

static bool line_shape(const struct cells_room *x, size_t line, const struct shared *f, size_t *own)
{
    const struct lines_double *l = &x->c->lines;
    size_t at = l->first[line];
    if (l->first[line + 1] - at != 2 || l->c[line] != f->c)
        return false;
    size_t of_e = l->j[at] == f->e && l->a[at] == f->r ? at : at + 1, other = 2 * at + 1 - of_e;
    *own = l->j[other];
    return l->j[of_e] == f->e && l->a[of_e] == f->r && l->a[other] == f->s;
}

/* The shape with the shared logit at place `of_e` of the first line; x->slot: the columns. */
static bool shape_with(struct cells_room *x, size_t of_e, struct shared *f)
{
    const struct lines_double *l = &x->c->lines;
    size_t first = (size_t)x->column[0], at = l->first[first];
    if (l->first[first + 1] - at != 2)
        return false;
    *f = (struct shared){ .c = l->c[first], .r = l->a[at + of_e], .s = l->a[at + 1 - of_e], .e = l->j[at + of_e] };
    for (size_t k = 0; k < x->n_columns; k++)
        if (!line_shape(x, (size_t)x->column[k], f, &x->slot[k]))
            return false;
    return true;
}

VECTORS static void first_terms(double *restrict g, const double *restrict C, const double *restrict more, double w, double base, double s, size_t n)
{
    for (size_t j = 0; j < n; j++)
        g[j] = w * (base + s * (C[j] + more[j]));
}

VECTORS static void other_terms(double *restrict g, const double *restrict C, const double *restrict less, double w, double base, double s, double low, double high, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double v = w * (base + s * (C[j] - less[j])), a = low * v, b = high * v;
        g[j] += a < b ? a : b;
    }
}

static void terms_at(struct cells_room *x, const struct shared *f, size_t cell, size_t at)
{
    const struct problem *p = x->s->p;
    const size_t J = p->tables.J, n = p->net.n_out;
    double *g = x->g + cell * x->Kp;
    memset(g, 0, x->Kp * sizeof *g);
    for (size_t h = 0; h < x->heads && x->left[cell]; h++) {
        const double *C = (h > 0 ? &p->more[h - 1] : &p->tables)->C + at * J, *row = h > 0 ? x->middle + h * J : x->y, w = x->w[h * x->cells + cell];
        if (h == 0)
            first_terms(g, C, row, w, f->c + f->r * (C[f->e] + row[f->e]), f->s, n);
        else if (w > 0)
            other_terms(g, C, row, w, f->r * (C[f->e] - row[f->e]), f->s, x->ratio[h][0], x->ratio[h][1], n);
    }
}

enum status cells_dense(bool *done, struct cells_room *x, double sign)
{
    const struct problem *p = x->s->p;
    struct shared f;
    *done = false;
    if (x->width > 1 || 4 * x->n_columns < p->net.n_out || x->c->lines.beta || p->net.units > 0 || p->net.norm || (!shape_with(x, 0, &f) && !shape_with(x, 1, &f)))
        return STATUS_OK;
    enum status s = cells_terms(x, p->net.n_out);
    if (s != STATUS_OK)
        return s;
    f = (struct shared){ .c = sign * (f.c - (x->s->value ? x->s->target : 0)), .r = sign * f.r, .s = sign * f.s, .e = f.e };
    for (size_t j = 0; j < p->net.n_out; j++)
        x->y[j] = p->tables.D[(size_t)x->q * p->tables.J + j] + x->middle[j];
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            terms_at(x, &f, p->first[i] + k, i * p->tables.V + (size_t)p->t.sets[i][k]);
    *done = true;
    return STATUS_OK;
}
