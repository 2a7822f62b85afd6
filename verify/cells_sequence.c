/* A part's sequences by themselves, in doubles: what a row, sigma and the lines are at one, and the search for one with a small value. */
#include <math.h>
#include <string.h>

#include "verify/cells.h"

static size_t n_out_of(const struct cells_room *x) { return x->s->p->net.n_out; }

/* ---- one sequence ---- */

static void add_average(struct cells_room *x, const double *w, const double *C, const int *tokens)
{
    const struct problem *p = x->s->p;
    size_t J = p->tables.J, V = p->tables.V;
    double Z = 0;
    w += (size_t)x->q * p->n_src * V;
    for (size_t i = 0; i < p->n_src; i++)
        Z += w[i * V + (size_t)tokens[i]];
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t j = 0; j < J; j++)
            x->y[j] += w[i * V + (size_t)tokens[i]] / Z * C[(i * V + (size_t)tokens[i]) * J + j];
}

/* The row that a final LayerNorm centres, and sigma, from y and z. */
static void read_norm(struct cells_room *x)
{
    const struct separable_net *net = &x->s->p->net;
    size_t d = net->rests;
    for (size_t c = 0; c < d; c++) {
        x->row[c] = x->y[net->n_out + net->units + c];
        for (size_t u = 0; u < net->units; u++)
            x->row[c] += fmax(0, x->z[u]) * x->s->centred[u * d + c];
    }
    x->sigma = cells_sigma(x, x->row);
}

void cells_read_row(struct cells_room *x, const int *tokens)
{
    const struct problem *p = x->s->p;
    size_t n_out = n_out_of(x), J = p->tables.J;
    memcpy(x->y, p->tables.D + (size_t)x->q * J, J * sizeof *x->y);
    add_average(x, p->tables.w, p->tables.C, tokens);
    for (size_t h = 1; h < x->heads; h++)
        add_average(x, p->more[h - 1].w, p->more[h - 1].C, tokens);
    for (size_t u = 0; u < p->net.units; u++) {
        x->z[u] = x->y[n_out + u];
        for (size_t j = 0; j < n_out && x->z[u] > 0; j++)
            x->y[j] += x->z[u] * x->s->effect[u * n_out + j];
    }
    if (p->net.rests > 0)
        read_norm(x);
}

/* The attention to a cell, or 0 when the sequence has another token there. */
static double attention(const struct cells_room *x, const int *tokens, size_t cell)
{
    const struct problem *p = x->s->p;
    size_t position, token;
    double Z = 0;
    const double *w = p->tables.w + (size_t)x->q * p->n_src * p->tables.V;
    cells_at(x, &position, &token, cell);
    for (size_t i = 0; i < p->n_src; i++)
        Z += w[i * p->tables.V + (size_t)tokens[i]];
    return (size_t)tokens[position] == token ? w[position * p->tables.V + token] / Z : 0;
}

double cells_value(struct cells_room *x, size_t *line)
{
    const struct lines_double *l = &x->c->lines;
    double least = INFINITY;
    *line = 0;
    cells_read_row(x, x->tokens);
    for (size_t k = 0; k < l->K; k++) {
        double v = l->c[k] - (x->s->value ? x->s->target : 0), by = cells_normed(x, k) ? x->sigma : 1;
        for (size_t e = l->first[k]; e < l->first[k + 1]; e++)
            v += l->a[e] * x->y[l->j[e]] / by;
        for (size_t c = 0; l->beta && c < x->cells; c++)
            if (l->beta[c * l->Kp + k] != 0)
                v += l->beta[c * l->Kp + k] * attention(x, x->tokens, c);
        if (v < least) {
            least = v;
            *line = k;
        }
    }
    return least;
}

/* ---- a sequence with a small value ---- */

#define CLEAR 1e-9               /* a value in doubles that has this sign */

double cells_keep_best(struct cells_room *x)
{
    size_t line;
    double v = cells_value(x, &line);
    if (x->s->count && fabs(v) > CLEAR) {
        x->has_seen[v > 0] = true;
        memcpy(x->seen[v > 0], x->tokens, x->s->p->t.n * sizeof *x->tokens);
    }
    if (v < x->best_value) {
        x->best_value = v;
        memcpy(x->best, x->tokens, x->s->p->t.n * sizeof *x->best);
    }
    return v;
}

/* The least sum of the line with every relu and every Z_1 / Z_h as it is at the sequence, again while the value falls. */
enum status cells_descend(struct cells_room *x, size_t line)
{
    size_t H = x->s->p->net.units;
    double before = INFINITY, Z[HEADS_MOST], kept[HEADS_MOST][2];
    enum status s = STATUS_OK;
    memcpy(kept, x->ratio, sizeof kept);
    x->n_columns = x->width = 1;
    x->column[0] = (int)line;
    for (int round = 0; round < 8 && s == STATUS_OK; round++) {
        double v = cells_keep_best(x);
        if (!(v < before))
            break;
        before = v;
        cells_around(x, x->tokens);
        cells_sums_of(x, Z, x->tokens);
        for (size_t h = 1; h < x->heads; h++)
            x->ratio[h][0] = x->ratio[h][1] = Z[0] / Z[h];
        x->rest[line] = 0;
        x->bend = 0;
        x->by_source = false;
        if (x->n_bent > 0) {
            memcpy(x->towards, x->row, x->s->p->net.rests * sizeof *x->towards);
            cells_tangent(x);
        }
        for (size_t u = 0; u < H; u++)
            x->slope[line * H + u] = x->z[u] > 0 ? cells_factor(x, line, u) : 0;
        s = cells_lines(x, 1);
        if (s == STATUS_OK)
            cells_path(x, 0);
    }
    memcpy(x->ratio, kept, sizeof kept);
    return s;
}
