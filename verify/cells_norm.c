/* A final LayerNorm divides the row r, an affine function of averages and relus, by sigma(r) = sqrt(|r|^2 / d + eps), after centring. A line of logits times sigma is N + kappa sigma, N like a line of a network
 * without it. sigma is convex: with any row y and tau = sqrt(|y|^2 / d + eps),
 *     (y.r / d + eps) / tau  <=  sigma(r)  <=  the same  +  |r - y|^2 / (2 d tau)
 * (Cauchy-Schwarz for the left side; sigma <= (sigma^2 + tau^2) / (2 tau) for the right one). |r - y|^2 asks for an interval of every entry; where one tangent is enough, or sigma of the sources' own rows,
 * whose average is above as well, a leaf names a sequence whose row is y. */
#include <math.h>
#include <string.h>

#include "verify/cells.h"

bool cells_normed(const struct cells_room *x, size_t line)
{
    const struct lines_double *l = &x->c->lines;
    return x->s->p->net.norm && l->first[line + 1] > l->first[line];
}

double cells_kappa(const struct cells_room *x, size_t line)
{
    return cells_normed(x, line) ? x->c->lines.c[line] - (x->s->value ? x->s->target : 0) : 0;
}

bool cells_bent(const struct cells_room *x)
{
    bool any = false;
    for (size_t k = 0; k < x->c->lines.K; k++)
        any = any || (cells_normed(x, k) && (x->s->value || x->c->lines.c[k] != 0));
    return any;
}

double cells_sigma(const struct cells_room *x, const double *row)
{
    double sum = 0;
    for (size_t c = 0; c < x->s->p->net.rests; c++)
        sum += row[c] * row[c];
    return sqrt(sum / (double)x->s->p->net.rests + x->s->p->net.net->eps);
}

static double towards_row(const struct cells_room *x, const double *row)
{
    double sum = 0;
    for (size_t c = 0; c < x->s->p->net.rests; c++)
        sum += x->towards[c] * row[c];
    return sum / ((double)x->s->p->net.rests * x->tau);
}

void cells_tangent(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    size_t d = p->net.rests, from = p->net.n_out + p->net.units;
    x->tau = cells_sigma(x, x->towards);
    for (size_t u = 0; u < p->net.units; u++)
        x->tangent_unit[u] = towards_row(x, x->s->centred + u * d);
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            for (size_t h = 0; h < x->heads && x->left[p->first[i] + k]; h++) {
                cells_row(x, x->y, p->tables.J, h, i, (size_t)p->t.sets[i][k]);
                x->tangent[h * x->cells + p->first[i] + k] = towards_row(x, x->y + from) + (h == 0 ? p->net.net->eps / x->tau : 0);
            }
}

void cells_bend(struct cells_room *x)
{
    size_t d = x->s->p->net.rests, H = x->s->p->net.units;
    double sum = 0;
    for (size_t c = 0; c < d; c++) {
        const struct unit_bound *b = &x->unit[H + c];
        double off = (b->hi - b->lo) / 2;
        x->towards[c] = (b->hi + b->lo) / 2;
        for (size_t u = 0; u < H; u++) {
            double low = fmax(0, x->unit[u].lo), high = fmax(0, x->unit[u].hi), by = x->s->centred[u * d + c];
            x->towards[c] += by * (low + high) / 2;
            off += fabs(by) * (high - low) / 2;
        }
        sum += off * off;
    }
    cells_tangent(x);
    x->by_source = false;
    x->bend = sum / (2 * (double)d * x->tau) + 0x1p-38;
}

void cells_row_tangent(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct double_tables *t = &p->tables;
    size_t d = p->net.rests, from = p->net.n_out;
    cells_read_row(x, x->centre);
    memcpy(x->towards, x->row, d * sizeof *x->towards);
    x->tau = cells_sigma(x, x->towards);
    x->bend = 0;
    x->by_source = true;
    const double *D = t->D + (size_t)x->q * t->J + from;
    double along = towards_row(x, D) + p->net.net->eps / x->tau;
    x->far = 0;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            const double *C = t->C + (i * t->V + (size_t)p->t.sets[i][k]) * t->J + from;
            if (!x->left[cell])
                continue;
            x->tangent[cell] = along + towards_row(x, C);
            for (size_t c = 0; c < d && x->falls; c++)
                x->row[c] = D[c] + C[c];
            x->above[cell] = x->falls ? cells_sigma(x, x->row) : 0;
            x->far = fmax(x->far, fmax(fabs(x->tangent[cell]), x->above[cell]));
        }
}

double cells_sigma_term(const struct cells_room *x, double kappa, size_t head, size_t cell)
{
    if (kappa == 0)
        return 0;
    if (kappa < 0 && x->by_source)
        return kappa * x->above[cell];
    return kappa * (x->tangent[head * x->cells + cell] + (head == 0 && kappa < 0 ? x->bend : 0));
}
