/* A part whose sequences are looked at one by one (FORMAT.md rule cells, `each`): by the lines that no words show. The last positions are taken together: for every state of a layer the sums of all its
 * completions stand side by side, and are added to those of every beginning that leads there. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/cells.h"

#define CLEAR 0x1p-33            /* of the largest term: what doubles tell, and the checker's, whose tables have units of 2^-40 */
#define CLEAR_UNITS 0x1p-36
#define TOGETHER 2048            /* completions that stand side by side, of a state */
#define TOGETHER_ROOM (1u << 18) /* numbers of a layer */

/* fits: the terms are within the rule's limits. */
/* rests: entries of the row that a final LayerNorm centres, where some line has a multiple of sigma; they are the last numbers. */
struct each_lines { size_t n, numbers, layer, longest, rests; double clear, largest /* entry of the row */; bool fits; };

/* ---- terms ---- */

/* Z of every head, then N of every line, head by head. */
static void terms_at(struct cells_room *x, struct each_lines *e, size_t i, size_t token, size_t cell)
{
    double *term = x->each.term + cell * e->numbers;
    for (size_t h = 0; h < x->heads; h++) {
        double w = x->w[h * x->cells + cell];
        term[h] = w;
        cells_row(x, x->y, x->s->p->tables.J, h, i, token);
        for (size_t k = 0, at = x->heads; k < x->c->lines.K; k++) {
            if (x->known[k])
                continue;
            double v = cells_logits_at(x, k, h, cell);
            e->clear = fmax(e->clear, fabs(v));
            e->fits = e->fits && fabs(v) * x->each.scale[k] <= cells_term_most(x);
            term[at + h] = w * v;
            at += x->heads;
        }
        for (size_t c = 0; c < e->rests; c++) {
            double v = x->y[x->s->p->net.n_out + c];
            e->largest = fmax(e->largest, fabs(v));
            term[e->numbers - e->rests + c] = w * v;
        }
    }
}

static enum status terms(struct cells_room *x, struct each_lines *e)
{
    const struct problem *p = x->s->p;
    double alpha = 0, kappa_most = 0, *scale = mem_grow(x->each.scale, &x->each.room_scale, x->c->lines.K, sizeof *scale);
    x->each.scale = scale ? scale : x->each.scale;
    double *kappa = mem_grow(x->each.kappa, &x->each.room_kappa, x->c->lines.K, sizeof *kappa);
    x->each.kappa = kappa ? kappa : x->each.kappa;
    for (size_t k = 0; scale && kappa && k < x->c->lines.K; k++) {
        double sizes = 0;
        if (x->known[k])
            continue;
        kappa[e->n] = cells_kappa(x, k);
        kappa_most = fmax(kappa_most, fabs(kappa[e->n++]));
        scale[k] = cells_scale(x, k);
        for (size_t a = x->c->lines.first[k]; a < x->c->lines.first[k + 1]; a++)
            sizes += fabs(x->c->lines.a[a]);
        alpha = fmax(alpha, sizes);
    }
    e->rests = kappa_most > 0 ? p->net.rests : 0;
    e->numbers = x->heads * (1 + e->n) + e->rests;
    double *term = mem_grow(x->each.term, &x->each.room_term, x->cells * e->numbers, sizeof *term);
    if (!term || !scale || !kappa)
        return STATUS_MEMORY;
    x->each.term = term;
    e->fits = true;
    cells_around(x, NULL);
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            if (x->left[p->first[i] + k])
                terms_at(x, e, i, (size_t)p->t.sets[i][k], p->first[i] + k);
    e->clear = fmax(e->clear, kappa_most * (e->largest + 1)) * CLEAR + (1 + alpha) * (double)x->heads * CLEAR_UNITS;
    return STATUS_OK;
}

/* ---- completions side by side ---- */

/* From `from` on, the states of a layer in order: their completions, and where their numbers stand. False: too many. */
static bool lengths(struct cells_room *x, const struct each_lines *e, size_t layer, size_t *longest, size_t *room)
{
    size_t at = 0;
    *longest = 0;
    for (size_t s = x->layer[layer]; s < x->layer[layer + 1]; s++) {
        size_t n = 0;
        for (size_t k = x->step_from[s]; k < x->step_from[s + 1]; k++) {
            n += x->each.n[x->step[k].to];
            if (n > TOGETHER)
                return false;
        }
        x->each.n[s] = n;
        x->each.first[s] = at;
        at += n * e->numbers;
        *longest = n > *longest ? n : *longest;
    }
    *room = at;
    return at <= TOGETHER_ROOM;
}

VECTORS static void add_row(double *restrict to, const double *restrict from, double by, size_t n)
{
    for (size_t b = 0; b < n; b++)
        to[b] = by + from[b];
}

static void put_together(struct cells_room *x, const struct each_lines *e, size_t layer, double *to, const double *after)
{
    for (size_t s = x->layer[layer]; s < x->layer[layer + 1]; s++) {
        size_t length = x->each.n[s], at = 0;
        for (size_t k = x->step_from[s]; k < x->step_from[s + 1]; k++) {
            const double *term = x->each.term + x->step[k].cell * e->numbers;
            size_t next = x->step[k].to, m = x->each.n[next];
            for (size_t v = 0; v < e->numbers; v++)
                add_row(to + x->each.first[s] + v * length + at, after + x->each.first[next] + v * m, term[v], m);
            at += m;
        }
    }
}

/* The layers from the last one on, while their completions are few; in each_together[0] in the end. */
static enum status together(struct cells_room *x, struct each_lines *e)
{
    size_t end = x->layer[x->s->p->n_src], states = x->layer[x->s->p->n_src + 1], room;
    size_t *n = mem_grow(x->each.n, &x->each.room_n, states, sizeof *n);
    x->each.n = n ? n : x->each.n;
    size_t *first = mem_grow(x->each.first, &x->each.room_first, states, sizeof *first);
    x->each.first = first ? first : x->each.first;
    for (int k = 0; k < 2; k++) {
        double *t = mem_grow(x->each.together[k], &x->each.room_together[k], TOGETHER_ROOM, sizeof *t);
        if (!n || !first || !t)
            return STATUS_MEMORY;
        x->each.together[k] = t;
    }
    for (size_t s = end; s < states; s++) {
        n[s] = 1;
        first[s] = 0;
    }
    memset(x->each.together[0], 0, e->numbers * sizeof(double));
    e->layer = x->s->p->n_src;
    e->longest = 1;
    size_t longest;
    while (e->layer > 0 && lengths(x, e, e->layer - 1, &longest, &room)) {
        put_together(x, e, --e->layer, x->each.together[1], x->each.together[0]);
        double *swap = x->each.together[0];
        x->each.together[0] = x->each.together[1];
        x->each.together[1] = swap;
        e->longest = longest;
    }
    size_t wide = e->longest * (3 + x->heads);
    double *sum = mem_grow(x->each.sum, &x->each.room_sum, (x->s->p->n_src + 1) * e->numbers, sizeof *sum), *row = mem_grow(x->each.row, &x->each.room_row, wide, sizeof *row);
    x->each.sum = sum ? sum : x->each.sum;
    x->each.row = row ? row : x->each.row;
    return sum && row ? STATUS_OK : STATUS_MEMORY;
}

/* ---- sequences ---- */

VECTORS static void rates_of(double *restrict rate, const double *restrict first, const double *restrict Z, double z1, double z, size_t n)
{
    for (size_t b = 0; b < n; b++)
        rate[b] = (z1 + first[b]) / (z + Z[b]);
}

VECTORS static void add_rated(double *restrict v, const double *restrict N, double start, const double *restrict rate, size_t n)
{
    for (size_t b = 0; b < n; b++)
        v[b] += (start + N[b]) * rate[b];
}

/* Z times sigma */
VECTORS static void sigma_of(double *restrict sigma, const double *restrict of, const double *restrict sum, double eps, size_t rests, size_t numbers, size_t n)
{
    for (size_t b = 0; b < n; b++)
        sigma[b] = eps * (sum[0] + of[b]) * (sum[0] + of[b]);
    for (size_t c = numbers - rests; c < numbers; c++)
        for (size_t b = 0; b < n; b++) {
            double v = sum[c] + of[c * n + b];
            sigma[b] += v * v / (double)rests;
        }
    for (size_t b = 0; b < n; b++)
        sigma[b] = sqrt(sigma[b]);
}

VECTORS static void add_multiple(double *restrict v, const double *restrict sigma, double kappa, size_t n)
{
    for (size_t b = 0; b < n; b++)
        v[b] += kappa * sigma[b];
}

VECTORS static void lower(double *restrict least, const double *restrict v, size_t n)
{
    for (size_t b = 0; b < n; b++)
        least[b] = v[b] < least[b] ? v[b] : least[b];
}

VECTORS static void tell(size_t *yes, size_t *no, const double *restrict least, const double *restrict Z, double z, double clear, size_t n)
{
    size_t above = 0, below = 0;
    for (size_t b = 0; b < n; b++) {
        above += least[b] > clear * (z + Z[b]);
        below += least[b] < -clear * (z + Z[b]);
    }
    *yes += above;
    *no += below;
}

/* All completions of a beginning: Z_1 times the least line of each. */
static void settle(struct cells_room *x, const struct each_lines *e, size_t state, size_t *yes, size_t *no)
{
    size_t m = x->each.n[state];
    const double *sum = x->each.sum + e->layer * e->numbers, *of = x->each.together[0] + x->each.first[state];
    double *least = x->each.row, *v = least + m, *sigma = v + m, *rate = sigma + m;
    if (e->rests > 0)
        sigma_of(sigma, of, sum, x->s->p->net.net->eps, e->rests, e->numbers, m);
    for (size_t h = 1; h < x->heads; h++)
        rates_of(rate + (h - 1) * m, of, of + h * m, sum[0], sum[h], m);
    for (size_t k = 0; k < e->n; k++) {
        double *to = k == 0 ? least : v;
        size_t at = x->heads * (k + 1);
        add_row(to, of + at * m, sum[at], m);
        for (size_t h = 1; h < x->heads; h++)
            add_rated(to, of + (at + h) * m, sum[at + h], rate + (h - 1) * m, m);
        if (e->rests > 0)
            add_multiple(to, sigma, x->each.kappa[k], m);
        if (k > 0)
            lower(least, v, m);
    }
    tell(yes, no, least, of, sum[0], e->clear, m);
}

static void beginnings(struct cells_room *x, const struct each_lines *e, size_t layer, size_t state, size_t *yes, size_t *no)
{
    if (layer == e->layer) {
        settle(x, e, state, yes, no);
        return;
    }
    const double *sum = x->each.sum + layer * e->numbers;
    double *next = x->each.sum + (layer + 1) * e->numbers;
    for (size_t k = x->step_from[state]; k < x->step_from[state + 1]; k++) {
        const double *term = x->each.term + x->step[k].cell * e->numbers;
        for (size_t v = 0; v < e->numbers; v++)
            next[v] = sum[v] + term[v];
        beginnings(x, e, layer + 1, x->step[k].to, yes, no);
    }
}

bool cells_each_serves(const struct cells_room *x, const unsigned char *shown, enum each_when when)
{
    static const double work[] = { [EACH_AT_ONCE] = 0x1p15, [EACH_CHEAP] = 0x1p17, [EACH_LAST] = 0x1p20 };     /* numbers that are added */
    size_t left = 0;
    if (!x->s->count || x->s->p->net.units > 0 || (x->n_bent > 0 && x->heads > 1) || x->s->p->n_src < x->s->p->t.n)
        return false;
    for (size_t k = 0; k < x->c->lines.K; k++)
        left += !shown[k];
    return left > 0 && x->part * (double)(x->heads * (1 + left) + x->n_bent) <= work[when];
}

enum status cells_each(bool *done, size_t *yes, size_t *no, struct cells_room *x)
{
    struct each_lines e = { 0 };
    *yes = *no = 0;
    enum status s = terms(x, &e);
    *done = s == STATUS_OK && e.fits;
    if (*done)
        s = together(x, &e);
    if (s != STATUS_OK || !*done)
        return s;
    memset(x->each.sum, 0, e.numbers * sizeof *x->each.sum);
    beginnings(x, &e, 0, 0, yes, no);
    return STATUS_OK;
}
