/* The claim's lines in one cell: relus are replaced by linear bounds over the intervals of what they read, Z_1 / Z_h of every other head by the ends of its interval; what is left are sums over
 * positions, and their least values decide. */
#include <math.h>
#include <string.h>

#include "verify/cells.h"

static size_t n_out_of(const struct cells_room *x) { return x->s->p->net.n_out; }

double cells_factor(const struct cells_room *x, size_t line, size_t u)
{
    const struct lines_double *l = &x->c->lines;
    double sum = 0;
    for (size_t e = l->first[line]; e < l->first[line + 1]; e++)
        sum += l->a[e] * x->s->effect[u * n_out_of(x) + l->j[e]];
    double kappa = cells_kappa(x, line);
    return kappa == 0 ? sum : sum + kappa * x->tangent_unit[u];
}

/* factor relu(z) >= slope z + rest on the unit's interval. */
static void relu_bound(const struct unit_bound *b, double factor, double *slope, double *rest)
{
    *slope = *rest = 0;
    if (b->phase == '-' || b->hi <= 0)
        return;
    *slope = factor;
    if (b->phase == '+' || b->lo >= 0)
        return;
    if (factor < 0)
        *slope = factor * b->hi / (b->hi - b->lo);
    else
        *slope = factor * (b->sloped ? b->slope : b->hi >= -b->lo);
    *rest = fmin(0, fmin(-*slope * b->lo, factor * b->hi - *slope * b->hi));
}

/* What the checker's rounding may take from a line, with weights up to 1 where it has at least 1/2, and a quarter more: per position, in units of 2^-40, as in FORMAT.md rule cells. */
static double spare_of(const struct cells_room *x, size_t line)
{
    const struct lines_double *l = &x->c->lines;
    double alpha = 0, sum = 8;
    for (size_t e = l->first[line]; e < l->first[line + 1]; e++)
        alpha += fabs(l->a[e]);
    for (size_t u = 0; u < x->s->p->net.units; u++)
        sum += 3 + 2 * fabs(x->slope[line * x->s->p->net.units + u]) + alpha * (x->reach[u] + 3);
    double slopes = alpha;
    for (size_t u = 0; u < x->s->p->net.units; u++)
        slopes += fabs(x->slope[line * x->s->p->net.units + u]);
    for (size_t h = 1; h < x->heads; h++)
        sum += (2 * x->ratio[h][1] + 1) * (slopes + 2 * (double)x->s->p->net.units) + 2 * slopes * x->largest[h] + 8;
    double kappa = fabs(cells_kappa(x, line));
    if (kappa > 0) {
        double far = x->by_source ? x->far : 0;          /* sources' tangents are no larger */
        for (size_t u = x->s->p->net.units; u < x->n_read; u++)
            far = fmax(far, x->reach[u]);
        sum += 8 * (kappa + far + x->tau + x->bend + 4);
        for (size_t u = 0; u < x->s->p->net.units; u++)
            sum += (4 * kappa + 2 * fabs(x->tangent_unit[u]) + 4) * (x->reach[u] + 1);
        for (size_t h = 1; h < x->heads; h++)
            sum += (2 * x->ratio[h][1] + 1) * (4 * kappa + 2 * x->largest[h] + 8) + kappa * x->largest[h];
    }
    return 2.5 * (sum + 2 * alpha) * (double)x->s->p->t.n * 0x1p-40;
}

double cells_logits_at(const struct cells_room *x, size_t k, size_t head, size_t cell)
{
    const struct lines_double *l = &x->c->lines;
    double v = head > 0 || cells_normed(x, k) ? 0 : l->c[k] - (x->s->value ? x->s->target : 0) + (l->beta ? l->beta[cell * l->Kp + k] : 0);
    for (size_t e = l->first[k]; e < l->first[k + 1]; e++)
        v += l->a[e] * x->y[l->j[e]];
    return v;
}

double cells_line_at(const struct cells_room *x, size_t k, size_t head, size_t cell, double sign)
{
    size_t H = x->s->p->net.units, n_out = n_out_of(x);
    double v = sign * cells_logits_at(x, k, head, cell) + (head > 0 ? 0 : x->rest[k]) + cells_sigma_term(x, sign * cells_kappa(x, k), head, cell);
    for (size_t u = 0; u < H; u++)
        v += x->slope[k * H + u] * x->y[n_out + u];
    return v;
}

/* With one term a line, the end of the interval that makes this very term smaller: at most what either end makes of the whole sum. */
static void add_terms(struct cells_room *x, double *g, size_t head, double v)
{
    if (head == 0)
        for (size_t c = 0; c < x->width; c++)
            g[c] = v;
    else if (x->width == 1)
        g[0] += x->ratio[head][v < 0] * v;
    else
        for (size_t c = 0; c < x->width; c++)
            g[c] += cells_rate(x, c, head) * v;
}

/* Most lines are differences of two logits: their terms need no search for what a line reads. false: some are more. */
static bool as_pairs(struct cells_room *x, double sign)
{
    const struct lines_double *l = &x->c->lines;
    if (l->beta || x->s->p->net.units > 0)
        return false;
    for (size_t e = 0; e < x->n_columns; e++) {
        size_t k = (size_t)x->column[e], n = l->first[k + 1] - l->first[k];
        if (n > 2)
            return false;
        double kappa = sign * cells_kappa(x, k), constant = cells_normed(x, k) ? 0 : sign * (l->c[k] - (x->s->value ? x->s->target : 0));
        x->pairs[e] = (struct pairs_of){ .c = constant + x->rest[k] + (kappa < 0 && !x->by_source ? kappa * x->bend : 0),
                                         .tangent = kappa < 0 && x->by_source ? 0 : kappa, .above = kappa < 0 && x->by_source ? kappa : 0 };
        for (size_t i = 0; i < n; i++) {
            x->pairs[e].a[i] = sign * l->a[l->first[k] + i];
            x->pairs[e].j[i] = l->j[l->first[k] + i];
        }
    }
    return true;
}

/* All of them at one token of a source, read where they stand in the tables. */
static void pair_terms(struct cells_room *x, double *g, size_t i, size_t token, size_t head, size_t cell, double w)
{
    const struct double_tables *t = head > 0 ? &x->s->p->more[head - 1] : &x->s->p->tables;
    const double *C = t->C + (i * t->V + token) * t->J, *D = x->s->p->tables.D + (size_t)x->q * t->J, *middle = x->middle + head * t->J;
    const double low = x->ratio[head][0], high = x->ratio[head][1], tangent = x->tangent[head * x->cells + cell], above = x->above[cell];
    for (size_t e = 0; e < x->n_columns; e++) {
        const struct pairs_of *p = &x->pairs[e];
        size_t a = p->j[0], b = p->j[1];
        double v = head == 0 ? p->a[0] * (D[a] + C[a] + middle[a]) + p->a[1] * (D[b] + C[b] + middle[b]) + p->c + p->above * above : p->a[0] * (C[a] - middle[a]) + p->a[1] * (C[b] - middle[b]);
        v = w * (v + p->tangent * tangent);
        if (x->width == 1)
            g[e] += head == 0 ? v : v < 0 ? high * v : low * v;
        else
            add_terms(x, g + e * x->width, head, v);
    }
}

static void line_terms(struct cells_room *x, size_t i, size_t token, size_t cell, double sign, bool pairs)
{
    double *g = x->g + cell * x->Kp;
    memset(g, 0, x->Kp * sizeof *g);
    for (size_t h = 0; h < x->heads && x->left[cell]; h++) {
        double w = x->w[h * x->cells + cell];
        if (w == 0)
            continue;
        if (pairs) {
            pair_terms(x, g, i, token, h, cell, w);
            continue;
        }
        cells_row(x, x->y, x->s->p->tables.J, h, i, token);
        for (size_t e = 0; e < x->n_columns; e++)
            add_terms(x, g + e * x->width, h, w * cells_line_at(x, (size_t)x->column[e], h, cell, sign));
    }
}

enum status cells_lines(struct cells_room *x, double sign)
{
    const struct problem *p = x->s->p;
    bool dense;
    enum status s = cells_dense(&dense, x, sign);
    if (s == STATUS_OK && !dense)
        s = cells_terms(x, x->n_columns * x->width);
    if (s != STATUS_OK)
        return s;
    bool pairs = !dense && as_pairs(x, sign);
    for (size_t e = 0; e < x->n_columns && !dense; e++)
        x->slot[e] = e * x->width;
    for (size_t i = 0; i < p->n_src && !dense; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            line_terms(x, i, (size_t)p->t.sets[i][k], p->first[i] + k, sign, pairs);
    cells_least(x);
    return STATUS_OK;
}

/* Sums of the lines that are not shown, with `width` terms each; those that are above their spare are. */
static enum status show(struct cells_room *x, size_t width, bool negated, double *margin)
{
    size_t worst = 0;
    x->n_columns = 0;
    x->width = width;
    for (size_t k = 0; k < x->c->lines.K; k++)
        if (!x->done[k])
            x->column[x->n_columns++] = (int)k;
    if (x->n_columns == 0)
        return STATUS_OK;
    enum status s = cells_lines(x, negated ? -1 : 1);
    for (size_t e = 0; s == STATUS_OK && e < x->n_columns; e++) {
        size_t at = x->slot[e], k = (size_t)x->column[e], end = at + width;
        for (size_t c = at; c < end; c++)
            at = x->low[c] < x->low[at] ? c : at;
        double v = x->low[at] - spare_of(x, k);
        x->done[k] = v > 0;
        x->plain[k] |= v > 0 && width == 1;
        if (e == 0 || (negated ? v > *margin : v < *margin)) {
            *margin = v;
            x->line = k;
            worst = at;
        }
    }
    if (s == STATUS_OK && *margin <= 0)
        cells_path(x, worst);
    return s;
}

void cells_slopes(struct cells_room *x, double sign)
{
    size_t H = x->s->p->net.units;
    for (size_t k = 0; k < x->c->lines.K; k++) {
        x->rest[k] = 0;
        for (size_t u = 0; u < H; u++) {
            double rest;
            relu_bound(&x->unit[u], sign * cells_factor(x, k, u), &x->slope[k * H + u], &rest);
            x->rest[k] += rest;
        }
    }
}

enum status cells_relaxed(struct cells_room *x, bool negated, double *margin)
{
    if (x->n_read > x->s->p->net.units)
        cells_bend(x);
    else if (x->n_bent > 0)
        cells_row_tangent(x);
    cells_slopes(x, negated ? -1 : 1);
    *margin = INFINITY;
    enum status s = show(x, 1, negated, margin);
    if (s == STATUS_OK && x->corners > 1 && !x->coarse && *margin <= 0 && (negated || !cells_each_serves(x, x->done, EACH_CHEAP)))
        s = show(x, x->corners, negated, margin);
    return s;
}
