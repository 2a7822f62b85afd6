/* Sums over positions in one cell: their least values by min-plus dynamic programming over (position, state), and the range of what every unit reads by
 * Dinkelbach's method: the least of N/Z is the c at which the least of N - c Z is 0; a sequence that attains a least sum gives the next c. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/cells.h"

#define ROUNDS 40

enum status cells_room_init(struct cells_room *x, const struct cells_shared *s)
{
    const struct problem *p = s->p;
    size_t cells = p->first[p->n_src], H = p->net.units, J = p->tables.J;
    memset(x, 0, sizeof *x);
    x->s = s;
    x->cells = cells;
    x->off = mem_array(cells, 1);
    x->layer = mem_array(p->n_src + 2, sizeof *x->layer);
    x->w = mem_array(cells, sizeof *x->w);
    x->least = mem_array(2 * H + 1, sizeof *x->least);
    x->live = mem_array(2 * H + 1, sizeof *x->live);
    x->unit = mem_array(H, sizeof *x->unit);
    x->tokens = mem_array(p->t.n, sizeof *x->tokens);
    x->best = mem_array(p->t.n, sizeof *x->best);
    x->z = mem_array(H, sizeof *x->z);
    x->reach = mem_array(H, sizeof *x->reach);
    x->y = mem_array(J, sizeof *x->y);
    if (x->off && x->layer && x->w && x->least && x->live && x->unit && x->tokens && x->best && x->z && x->y && x->reach)
        return STATUS_OK;
    cells_room_clear(x);
    return STATUS_MEMORY;
}

void cells_room_clear(struct cells_room *x)
{
    void *all[] = { x->off, x->alive, x->layer, x->w, x->g, x->low, x->least, x->live, x->unit, x->slope, x->rest, x->tokens, x->best, x->z, x->y, x->reach };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    memset(x, 0, sizeof *x);
}

static double *grow(double **x, size_t *room, size_t want)
{
    if (*x && want <= *room)
        return *x;
    free(*x);
    *x = mem_array(want, sizeof **x);
    *room = *x ? want : 0;
    return *x;
}

enum status cells_terms(struct cells_room *x, size_t K)
{
    x->K = K;
    x->Kp = (K + 3) / 4 * 4;
    size_t states = x->layer[x->s->p->n_src + 1];
    if (!grow(&x->g, &x->room_g, x->cells * x->Kp) || !grow(&x->low, &x->room_low, states * x->Kp))
        return STATUS_MEMORY;
    return STATUS_OK;
}

void cells_at(const struct cells_room *x, size_t *position, size_t *token, size_t cell)
{
    const struct problem *p = x->s->p;
    size_t i = 0;
    while (cell >= p->first[i + 1])
        i++;
    *position = i;
    *token = (size_t)p->t.sets[i][cell - p->first[i]];
}

double cells_read(const struct cells_room *x, size_t position, size_t token, size_t column)
{
    const struct double_tables *t = &x->s->p->tables;
    return t->D[(size_t)x->q * t->J + column] + t->C[(position * t->V + token) * t->J + column];
}

/* May token k stand at position i? */
static bool allowed(const struct cells_room *x, size_t i, size_t k)
{
    const struct problem *p = x->s->p;
    return !x->off[p->first[i] + k] && (i != p->row || p->t.sets[i][k] == x->q);
}

bool cells_alive(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    memset(x->alive + x->layer[p->n_src], 1, a->n_states[p->n_src]);
    for (size_t i = p->n_src; i-- > 0;)
        for (size_t s = 0; s < a->n_states[i]; s++) {
            unsigned char alive = 0;
            for (size_t k = 0; k < a->n_tokens[i] && !alive; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                alive = to >= 0 && allowed(x, i, k) && x->alive[x->layer[i + 1] + (size_t)to];
            }
            x->alive[x->layer[i] + s] = alive;
        }
    return a->n_states[0] > 0 && x->alive[0];
}

void cells_weights(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    double most = 0;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < a->n_tokens[i]; k++) {
            size_t cell = p->first[i] + k;
            bool live = false;
            for (size_t s = 0; s < a->n_states[i] && !live && allowed(x, i, k); s++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                live = to >= 0 && x->alive[x->layer[i] + s] && x->alive[x->layer[i + 1] + (size_t)to];
            }
            x->w[cell] = live ? p->tables.w[((size_t)x->q * p->n_src + i) * p->tables.V + (size_t)p->t.sets[i][k]] : 0;
            most = fmax(most, x->w[cell]);
        }
    x->most = most;
    for (size_t c = 0; c < x->cells && most > 0; c++)
        x->w[c] /= most;
}

static void load_reach(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    for (size_t u = 0; u < p->net.units; u++) {
        x->reach[u] = 0;
        for (size_t i = 0; i < p->n_src; i++)
            for (size_t k = 0; k < p->t.n_set[i]; k++)
                if (i != p->row || p->t.sets[i][k] == x->q)
                    x->reach[u] = fmax(x->reach[u], fabs(cells_read(x, i, (size_t)p->t.sets[i][k], p->net.n_out + u)));
    }
}

enum status cells_load(struct cells_room *x, bool *empty, const struct class *c, int q)
{
    const struct problem *p = x->s->p;
    size_t total = 0;
    x->c = c;
    x->q = q;
    x->best_value = INFINITY;
    x->tried = 0;
    memset(x->off, 0, x->cells);
    *empty = c->a.n_states[0] == 0;
    if (*empty)
        return STATUS_OK;
    for (size_t i = 0; i <= p->n_src; i++) {
        x->layer[i] = total;
        total += c->a.n_states[i];
    }
    x->layer[p->n_src + 1] = total;
    if (total > x->room_states || !x->alive) {
        free(x->alive);
        x->alive = mem_array(total, 1);
        x->room_states = x->alive ? total : 0;
        if (!x->alive)
            return STATUS_MEMORY;
    }
    *empty = !cells_alive(x);
    if (!*empty) {
        cells_weights(x);
        load_reach(x);
    }
    return STATUS_OK;
}

VECTORS static void least_row(double *restrict low, const double *restrict g, const double *restrict after, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double v = g[k] + after[k];
        low[k] = v < low[k] ? v : low[k];
    }
}

void cells_least(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    size_t Kp = x->Kp;
    memset(x->low + x->layer[p->n_src] * Kp, 0, a->n_states[p->n_src] * Kp * sizeof *x->low);
    for (size_t i = p->n_src; i-- > 0;)
        for (size_t s = 0; s < a->n_states[i]; s++) {
            size_t at = x->layer[i] + s;
            if (!x->alive[at])
                continue;
            double *low = x->low + at * Kp;
            for (size_t k = 0; k < Kp; k++)
                low[k] = INFINITY;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                if (to >= 0 && allowed(x, i, k) && x->alive[x->layer[i + 1] + (size_t)to])
                    least_row(low, x->g + (p->first[i] + k) * Kp, x->low + (x->layer[i + 1] + (size_t)to) * Kp, Kp);
            }
        }
}

/* Walks from the start: at every position the token that `better` likes best, first come. line < 0: the first token. */
static void path(struct cells_room *x, long line)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    size_t s = 0;
    for (size_t i = 0; i < p->t.n; i++) {
        double best = INFINITY;
        size_t to_best = 0;
        bool any = false;
        for (size_t k = 0; k < a->n_tokens[i]; k++) {
            int to = a->next[i][s * a->n_tokens[i] + k];
            if (to < 0 || (i < p->n_src && (!allowed(x, i, k) || !x->alive[x->layer[i + 1] + (size_t)to])))
                continue;
            double v = 0;
            if (i < p->n_src && line >= 0)
                v = x->g[(p->first[i] + k) * x->Kp + (size_t)line] + x->low[(x->layer[i + 1] + (size_t)to) * x->Kp + (size_t)line];
            if (any && !(v < best))
                continue;
            any = true;
            best = v;
            to_best = (size_t)to;
            x->tokens[i] = p->t.sets[i][k];
        }
        s = to_best;
    }
}

void cells_path(struct cells_room *x, size_t k) { path(x, (long)k); }

void cells_first(struct cells_room *x) { path(x, -1); }

static double path_weight(const struct cells_room *x)
{
    const struct problem *p = x->s->p;
    double Z = 0;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++)
            if (p->t.sets[i][k] == x->tokens[i])
                Z += x->w[p->first[i] + k];
    return Z;
}

/* Terms of the searches that go on: w (z - c) and w (-z - c). */
static void range_terms(struct cells_room *x, size_t n)
{
    const struct problem *p = x->s->p;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            double *g = x->g + cell * x->Kp;
            memset(g, 0, x->Kp * sizeof *g);
            for (size_t e = 0; e < n && x->w[cell] > 0; e++) {
                size_t unit = (size_t)x->live[e] / 2;
                double z = cells_read(x, i, (size_t)p->t.sets[i][k], p->net.n_out + unit);
                g[e] = x->w[cell] * ((x->live[e] % 2 ? -z : z) - x->least[x->live[e]]);
            }
        }
}

/* least[2u], least[2u + 1]: the least of z and of -z over the cell. */
static enum status ranges(struct cells_room *x)
{
    size_t n = 2 * x->s->p->net.units;
    for (size_t e = 0; e < n; e++)
        x->live[e] = (int)e;
    for (int round = 0; n > 0 && round < ROUNDS; round++) {
        size_t left = 0;
        enum status s = cells_terms(x, n);
        if (s != STATUS_OK)
            return s;
        range_terms(x, n);
        cells_least(x);
        for (size_t e = 0; e < n; e++) {
            double *c = &x->least[x->live[e]], sum = x->low[e];
            cells_path(x, e);
            double next = *c + sum / path_weight(x), change = fabs(next - *c);
            *c = next;
            if (change > 1e-14 * (1 + fabs(next)))
                x->live[left++] = x->live[e];
        }
        n = left;
    }
    return STATUS_OK;
}

static enum status least_weight(struct cells_room *x)
{
    enum status s = cells_terms(x, 1);
    if (s != STATUS_OK)
        return s;
    for (size_t c = 0; c < x->cells; c++)
        x->g[c * x->Kp] = x->w[c];
    cells_least(x);
    x->Z = x->low[0];
    return STATUS_OK;
}

/* Down to a multiple of a power of two that is small beside the interval's width. */
static double rounded_down(double v, double width)
{
    int e;
    frexp(fmax(width, 0x1p-26), &e);
    double step = ldexp(1, e - 11);
    return floor(v / step) * step;
}

enum status cells_bounds(struct cells_room *x)
{
    enum status s = least_weight(x);
    if (s == STATUS_OK)
        s = ranges(x);
    if (s != STATUS_OK)
        return s;
    /* the checker's sums are in units of 2^-40, a few a position, and so is what it asks of them */
    double units = 32 * (double)x->s->p->t.n * 0x1p-40 / x->Z;
    for (size_t u = 0; u < x->s->p->net.units; u++) {
        double lo = x->least[2 * u], hi = -x->least[2 * u + 1], spare = units + (double)x->s->p->t.n * 0x1p-50 * (1 + x->reach[u]) / x->Z;
        struct unit_bound *b = &x->unit[u];
        lo -= spare;
        hi += spare;
        *b = (struct unit_bound){ .phase = lo >= 0 ? '+' : hi <= 0 ? '-' : '~' };
        b->lo = rounded_down(lo, hi - lo);
        b->hi = -rounded_down(-hi, hi - lo);
    }
    return STATUS_OK;
}

enum status cells_count(tally *out, const struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    size_t n = a->n, widest = 1;
    for (size_t i = 0; i <= n; i++)
        widest = a->n_states[i] > widest ? a->n_states[i] : widest;
    tally *here = mem_array(2 * widest, sizeof *here), *after = here ? here + widest : NULL, *base = here;
    if (!here)
        return STATUS_MEMORY;
    for (size_t s = 0; s < a->n_states[n]; s++)
        after[s] = 1;
    for (size_t i = n; i-- > 0;) {
        for (size_t s = 0; s < a->n_states[i]; s++) {
            here[s] = 0;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                if (to >= 0 && (i >= p->n_src || allowed(x, i, k)))
                    here[s] += after[to];
            }
        }
        tally *swap = here;
        here = after;
        after = swap;
    }
    *out = after[0];
    free(base);
    return STATUS_OK;
}
