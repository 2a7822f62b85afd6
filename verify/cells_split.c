/* Where a cell that stays open is split: by the tokens that move a ratio or what a unit reads, or, in a count, the line itself. */
#include <math.h>

#include "verify/cells.h"

bool cells_has_seen(const struct cells_room *x, bool positive)
{
    bool here = x->has_seen[positive];
    for (size_t i = 0; i < x->s->p->n_src && here; i++)
        here = cells_weight(x, 0, i, x->seen[positive][i]) > 0;
    return here;
}

/* What makes a line loose: a unit that is neither on nor off, by what its chord leaves; behind the units, the interval of a head's Z_1 / Z_h, by its width; then the entries of the row that a final LayerNorm
 * centres, by what their interval adds to the bend; last the line itself, where it has both signs. */
static double loose_by(const struct cells_room *x, size_t line, size_t what)
{
    size_t H = x->s->p->net.units;
    if (what == x->n_read + x->heads - 1)
        return 1;
    if (what < H)
        return cells_free(&x->unit[what]) ? fabs(cells_factor(x, line, what)) : 0;
    if (what >= H + x->heads - 1) {
        const struct unit_bound *b = &x->unit[what - (x->heads - 1)];
        return fabs(cells_kappa(x, line)) * (b->hi - b->lo) / (2 * (double)x->s->p->net.rests * x->tau);
    }
    size_t h = what - H + 1;
    const struct lines_double *l = &x->c->lines;
    double alpha = 0;
    for (size_t e = l->first[line]; e < l->first[line + 1]; e++)
        alpha += fabs(l->a[e]);
    return alpha * x->largest[h] * (x->ratio[h][1] - x->ratio[h][0]) / x->ratio[h][1];
}

/* A line's term at a token, the ratios in the middle of their intervals. */
static double line_term(const struct cells_room *x, size_t line, size_t i, size_t token, size_t cell)
{
    const struct lines_double *l = &x->c->lines;
    size_t H = x->s->p->net.units, n_out = x->s->p->net.n_out;
    double v = 0;
    for (size_t h = 0; h < x->heads; h++) {
        double sum = h > 0 ? 0 : l->c[line] + (l->beta ? l->beta[cell * l->Kp + line] : 0);
        for (size_t e = l->first[line]; e < l->first[line + 1]; e++)
            sum += l->a[e] * (h > 0 ? cells_other(x, h, i, token, l->j[e]) : cells_read(x, i, token, l->j[e]));
        for (size_t u = 0; u < H; u++)
            sum += x->slope[line * H + u] * (h > 0 ? cells_other(x, h, i, token, n_out + u) : cells_read(x, i, token, n_out + u));
        v += (x->ratio[h][0] + x->ratio[h][1]) / 2 * x->w[h * x->cells + cell] * sum;
    }
    return v;
}

/* The term that a token adds to it. */
static double loose_term(const struct cells_room *x, size_t line, size_t what, size_t i, size_t k)
{
    const struct problem *p = x->s->p;
    size_t cell = p->first[i] + k, token = (size_t)p->t.sets[i][k], H = p->net.units;
    if (what == x->n_read + x->heads - 1)
        return line_term(x, line, i, token, cell);
    if (what >= H + x->heads - 1)
        what -= x->heads - 1;    /* an entry is read like a unit */
    else if (what >= H)
        return x->w[cell] - (x->ratio[what - H + 1][0] + x->ratio[what - H + 1][1]) / 2 * x->w[(what - H + 1) * x->cells + cell];
    double v = x->w[cell] * (1e-6 + cells_read(x, i, token, p->net.n_out + what) - (x->unit[what].lo + x->unit[what].hi) / 2);
    for (size_t h = 1; h < x->heads; h++)
        v += (x->ratio[h][0] + x->ratio[h][1]) / 2 * x->w[h * x->cells + cell] * cells_other(x, h, i, token, p->net.n_out + what);
    return v;
}

size_t cells_widest(const struct cells_room *x, size_t line, size_t *what)
{
    const struct problem *p = x->s->p;
    size_t best = 0;
    double most = -1;
    *what = 0;
    size_t n = x->n_read + x->heads - 1 + (x->s->count && cells_has_seen(x, false) && cells_has_seen(x, true));
    for (size_t e = 0; e < n; e++) {
        double by = loose_by(x, line, e) + 1e-9;
        for (size_t i = 0; i < p->n_src; i++) {
            double low = INFINITY, high = -INFINITY;
            for (size_t k = 0; k < p->t.n_set[i]; k++) {
                if (x->off[p->first[i] + k] || x->w[p->first[i] + k] == 0)
                    continue;
                double h = by * loose_term(x, line, e, i, k);
                low = fmin(low, h);
                high = fmax(high, h);
            }
            if (high - low > most) {
                most = high - low;
                best = i;
                *what = e;
            }
        }
    }
    return best;
}

size_t cells_halve(const struct cells_room *x, size_t line, size_t i, size_t what, unsigned char *named)
{
    const struct problem *p = x->s->p;
    double low = INFINITY, high = -INFINITY;
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            named[k] = 0;
            if (x->off[cell] || x->w[cell] == 0)
                continue;
            double h = loose_term(x, line, what, i, k);
            if (pass == 0) {
                low = fmin(low, h);
                high = fmax(high, h);
            } else if (h <= (low + high) / 2)
                named[k] = 1, n++;
        }
    return high > low ? n : 0;
}
