/* Tables of completions by discretised sums: rounding a sum down over-counts the failures, rounding it up under-counts them. A sum is placed on
 * the grid with EDGE of a step to spare, which outweighs every rounding of its index: the grid is left out (scale 0) where a step is not
 * far above the rounding of the sums. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

#define EDGE 0x1p-24

void bins_clear(struct bins *b)
{
    free(b->line);
    free(b->size);
    free(b->scale);
    free(b->over);
    free(b->under);
    memset(b, 0, sizeof *b);
}

static enum status bins_room(struct bins *b)
{
    size_t want = b->states * b->K * (b->B + 1);
    if (want / (b->B + 1) / b->K != b->states || want > (size_t)1 << 26)
        return STATUS_UNSUPPORTED;
    if (want > b->room) {
        free(b->over);
        free(b->under);
        b->over = mem_array(want, sizeof *b->over);
        b->under = mem_array(want, sizeof *b->under);
        b->room = b->over && b->under ? want : 0;
    }
    if (b->states * b->K > b->room_scale) {
        free(b->scale);
        b->scale = mem_array(b->states * b->K, sizeof *b->scale);
        b->room_scale = b->scale ? b->states * b->K : 0;
    }
    return b->room && b->room_scale ? STATUS_OK : STATUS_MEMORY;
}

void bins_ask(tally *over, tally *under, const struct bins *b, const struct cell *x, size_t at, size_t k, double lo, double hi)
{
    size_t line = at * x->Kp + (size_t)b->line[k], row = at * b->K + k, B = b->B;
    double low = x->low[line], high = x->high[line], scale = b->scale[row];
    double down = (lo + high) * scale - EDGE, up = (hi + high) * scale + EDGE;
    *over = x->count[at];
    *under = 0;
    if (lo + low > 0)
        *over = 0;
    else if (scale > 0 && down >= 0)
        *over = b->over[row * (B + 1) + (down < (double)B ? (size_t)down : B)];
    if (hi + high < 0)
        *under = x->count[at];
    else if (scale > 0 && up <= (double)B)
        *under = b->under[row * (B + 1) + (up > 0 ? (size_t)ceil(up) : 0)];
}

/* Adds the completions through one token: from grid point v of the row to the sum v + h in the next state. */
static void add_token(tally *over, tally *under, const struct bins *b, const struct cell *x, size_t k, double from, double step, size_t next, size_t cell)
{
    size_t line = next * x->Kp + (size_t)b->line[k], row = (next * b->K + k) * (b->B + 1), B = b->B;
    double h = x->h[cell * x->Kp + (size_t)b->line[k]], rad = x->rad[cell], scale = b->scale[next * b->K + k];
    if (scale <= 0) {
        for (size_t e = 0; e <= B; e++) {
            tally o, u;
            double v = from + (double)e * step + h;
            bins_ask(&o, &u, b, x, next, k, v - rad, v + rad);
            over[e] += o;
            under[e] += u;
        }
        return;
    }
    tally all = x->count[next];
    const tally *next_over = b->over + row, *next_under = b->under + row;
    double high = x->high[line], most = (double)B + 2 * EDGE;
    double down = (from + h - rad + high) * scale - EDGE, up = (from + h + rad + high) * scale + EDGE, slope = step * scale;
    for (size_t e = 0; e <= B; e++) {
        double d = down + (double)e * slope, u = up + (double)e * slope;
        if (!(d >= 0))
            over[e] += all;
        else if (!(d > most))  /* beyond: no completion fails */
            over[e] += next_over[d < (double)B ? (size_t)d : B];
        if (u < 0)
            under[e] += all;
        else if (u <= (double)B)
            under[e] += next_under[(size_t)ceil(u)];
    }
}

static void fill_row(struct bins *b, const struct cell *x, size_t i, size_t s, size_t k)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    size_t at = x->layer[i] + s, row = (at * b->K + k) * (b->B + 1), width = a->n_tokens[i], line = at * x->Kp + (size_t)b->line[k];
    double low = x->low[line], high = x->high[line], wide = high - low;
    tally *over = b->over + row, *under = b->under + row;
    memset(over, 0, (b->B + 1) * sizeof *over);
    memset(under, 0, (b->B + 1) * sizeof *under);
    bool fine = isfinite(wide) && wide > 0 && wide / (double)b->B * EDGE > 0x1p-48 * b->size[k];
    b->scale[at * b->K + k] = fine ? (double)b->B / wide : 0;
    for (size_t t = 0; t < width && fine; t++) {
        int to = a->next[i][s * width + t];
        if (to < 0 || (i == p->row && p->t.sets[i][t] != x->q) || x->count[x->layer[i + 1] + (size_t)to] == 0)
            continue;
        add_token(over, under, b, x, k, -high, wide / (double)b->B, x->layer[i + 1] + (size_t)to, p->first[i] + t);
    }
}

/* A bound of every sum of a line, of every end of its windows and of every product, in size. */
static void measure(struct bins *b, const struct cell *x)
{
    const struct problem *p = x->p;
    for (size_t k = 0; k < b->K; k++) {
        double sum = 0;
        for (size_t i = 0; i < p->n_src; i++) {
            double most = 0;
            for (size_t t = 0; t < p->t.n_set[i]; t++) {
                size_t cell = p->first[i] + t;
                if (x->c->live[cell] && (i != p->row || p->t.sets[i][t] == x->q))
                    most = fmax(most, fabs(x->h[cell * x->Kp + (size_t)b->line[k]]) + x->rad[cell]);
            }
            sum += most;
        }
        b->size[k] = 2 * sum;
    }
}

enum status bins_fill(struct bins *b, const struct cell *x, const struct limits *l, bool *expired)
{
    const struct automaton *a = &x->c->a;
    size_t n_src = x->p->n_src;
    b->states = x->layer[n_src + 1];
    enum status s = bins_room(b);
    if (s != STATUS_OK)
        return s;
    measure(b, x);
    for (size_t r = 0; r < a->n_states[n_src] * b->K; r++)
        b->scale[x->layer[n_src] * b->K + r] = 0;
    for (size_t i = n_src; i-- > 0;)
        for (size_t state = 0; state < a->n_states[i]; state++)
            for (size_t k = 0; k < b->K && !*expired; k++) {
                fill_row(b, x, i, state, k);
                *expired = limits_expired(l);
            }
    return STATUS_OK;
}
