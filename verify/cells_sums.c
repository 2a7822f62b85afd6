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
    size_t cells = p->first[p->n_src], H = p->net.units + p->net.rests, J = p->tables.J;
    memset(x, 0, sizeof *x);
    x->s = s;
    x->cells = cells;
    x->heads = p->net.n_more + 1;
    x->corners = (size_t)1 << p->net.n_more;
    for (size_t h = 0; h < x->heads; h++)
        for (size_t c = 0; c < p->n_src * p->tables.V; c++)
            x->largest[h] = fmax(x->largest[h], (h ? p->more[h - 1].C_max : p->tables.C_max)[c]);
    x->off = mem_array(cells, 1);
    x->left = mem_array(cells, 1);
    x->may = mem_array(cells, 1);
    x->layer = mem_array(p->n_src + 2, sizeof *x->layer);
    x->w = mem_array(x->heads * cells, sizeof *x->w);
    x->least = mem_array(2 * H + 1, sizeof *x->least);
    x->live = mem_array(2 * (H + 1) + 2 * x->heads, sizeof *x->live);
    x->unit = mem_array(H, sizeof *x->unit);
    x->tokens = mem_array(p->t.n, sizeof *x->tokens);
    x->path = mem_array(p->n_src, sizeof *x->path);
    x->best = mem_array(p->t.n, sizeof *x->best);
    x->seen[0] = mem_array(p->t.n, sizeof *x->seen[0]);
    x->seen[1] = mem_array(p->t.n, sizeof *x->seen[1]);
    x->centre = mem_array(p->t.n, sizeof *x->centre);
    x->middle = mem_array(x->heads * J, sizeof *x->middle);
    x->z = mem_array(H, sizeof *x->z);
    x->row = mem_array(p->net.rests, sizeof *x->row);
    x->towards = mem_array(p->net.rests, sizeof *x->towards);
    x->tangent = mem_array(x->heads * cells, sizeof *x->tangent);
    x->above = mem_array(cells, sizeof *x->above);
    x->tangent_unit = mem_array(H, sizeof *x->tangent_unit);
    x->sigma = 1;
    x->reach = mem_array(H, sizeof *x->reach);
    x->y = mem_array(J, sizeof *x->y);
    if (x->off && x->path && x->may && x->layer && x->w && x->least && x->live && x->unit && x->tokens && x->best && x->seen[0] && x->seen[1] && x->z && x->y && x->reach && x->left && x->centre && x->middle && x->row && x->towards && x->tangent && x->above && x->tangent_unit)
        return STATUS_OK;
    cells_room_clear(x);
    return STATUS_MEMORY;
}

void cells_room_clear(struct cells_room *x)
{
    cells_tables_free(x->tables);
    void *all[] = { x->each.term, x->each.together[0], x->each.together[1], x->each.sum, x->each.row, x->each.scale, x->each.kappa, x->each.n, x->each.first, x->off, x->left, x->may, x->centre, x->middle, x->pairs, x->column, x->slot, x->done, x->plain, x->known, x->at, x->alive, x->reached, x->step_from, x->step, x->layer, x->w, x->g, x->low, x->least, x->live, x->unit, x->slope, x->rest, x->tokens, x->path, x->best, x->seen[0], x->seen[1], x->z, x->y, x->reach, x->row, x->towards, x->tangent, x->above, x->tangent_unit };
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
    return t->D[(size_t)x->q * t->J + column] + t->C[(position * t->V + token) * t->J + column] + x->middle[column];
}

double cells_other(const struct cells_room *x, size_t head, size_t position, size_t token, size_t column)
{
    const struct double_tables *t = &x->s->p->more[head - 1];
    return t->C[(position * t->V + token) * t->J + column] - x->middle[head * t->J + column];
}

void cells_around(struct cells_room *x, const int *tokens)
{
    const struct problem *p = x->s->p;
    size_t J = p->tables.J, V = p->tables.V;
    double Z[HEADS_MOST];
    memset(x->middle, 0, x->heads * J * sizeof *x->middle);
    if (!tokens || x->heads == 1)
        return;
    memmove(x->centre, tokens, p->t.n * sizeof *x->centre);
    cells_sums_of(x, Z, x->centre);
    for (size_t h = 1; h < x->heads; h++)
        for (size_t i = 0; i < p->n_src && Z[h] > 0; i++) {
            double share = cells_weight(x, h, i, x->centre[i]) / Z[h];
            for (size_t j = 0; j < J && share > 0; j++)
                x->middle[h * J + j] += share * p->more[h - 1].C[(i * V + (size_t)x->centre[i]) * J + j];
        }
    for (size_t h = 1; h < x->heads; h++)
        for (size_t j = 0; j < J; j++)
            x->middle[j] += x->middle[h * J + j];
}

void cells_row(const struct cells_room *x, double *y, size_t n, size_t head, size_t position, size_t token)
{
    const struct double_tables *t = head > 0 ? &x->s->p->more[head - 1] : &x->s->p->tables;
    const double *C = t->C + (position * t->V + token) * t->J, *D = x->s->p->tables.D + (size_t)x->q * t->J, *middle = x->middle + head * t->J;
    for (size_t j = 0; j < n && head > 0; j++)
        y[j] = C[j] - middle[j];
    for (size_t j = 0; j < n && head == 0; j++)
        y[j] = D[j] + C[j] + middle[j];
}

double cells_rate(const struct cells_room *x, size_t corner, size_t head) { return x->ratio[head][corner >> (head - 1) & 1]; }

/* May token k stand at position i? */
static bool allowed(const struct cells_room *x, size_t i, size_t k)
{
    const struct problem *p = x->s->p;
    return !x->off[p->first[i] + k] && (i != p->row || p->t.sets[i][k] == x->q);
}

/* The steps from states that the start reaches to states with a completion. */
static void list_steps(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    size_t n = 0;
    memset(x->reached, 0, x->layer[p->n_src + 1]);
    x->reached[0] = x->alive[0];
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t s = 0; s < a->n_states[i]; s++) {
            x->step_from[x->layer[i] + s] = n;
            for (size_t k = 0; k < a->n_tokens[i] && x->reached[x->layer[i] + s]; k++) {
                int next = a->next[i][s * a->n_tokens[i] + k];
                size_t to = x->layer[i + 1] + (size_t)(next < 0 ? 0 : next);
                if (next < 0 || !x->may[p->first[i] + k] || !x->alive[to])
                    continue;
                x->reached[to] = 1;
                x->step[n++] = (struct cells_step){ (unsigned)(p->first[i] + k), (unsigned)to };
            }
        }
    x->step_from[x->layer[p->n_src]] = n;
}

bool cells_alive(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    memset(x->alive + x->layer[p->n_src], 1, a->n_states[p->n_src]);
    memset(x->left, 0, x->cells);
    for (size_t i = p->n_src; i-- > 0;)
        for (size_t k = 0; k < a->n_tokens[i]; k++)
            x->may[p->first[i] + k] = allowed(x, i, k);
    for (size_t i = p->n_src; i-- > 0;)
        for (size_t s = 0; s < a->n_states[i]; s++) {
            const int *next = a->next[i] + s * a->n_tokens[i];
            const unsigned char *may = x->may + p->first[i], *alive = x->alive + x->layer[i + 1];
            unsigned char *left = x->left + p->first[i], any = 0;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                unsigned char goes = next[k] >= 0 && may[k] && alive[next[k]];
                left[k] |= goes;
                any |= goes;
            }
            x->alive[x->layer[i] + s] = any;
        }
    if (a->n_states[0] == 0 || !x->alive[0])
        return false;
    list_steps(x);
    return true;
}

/* Of one head, over the largest that is left. */
static void head_weights(struct cells_room *x, size_t h)
{
    const struct problem *p = x->s->p;
    const double *from = (h ? p->more[h - 1].w : p->tables.w) + (size_t)x->q * p->n_src * p->tables.V;
    double *w = x->w + h * x->cells, most = 0;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t c = p->first[i] + k;
            w[c] = x->left[c] ? from[i * p->tables.V + (size_t)p->t.sets[i][k]] : 0;
            most = w[c] > most ? w[c] : most;
        }
    x->most[h] = most;
    for (size_t c = 0; c < x->cells && most > 0; c++)
        w[c] /= most;
}

void cells_weights(struct cells_room *x)
{
    for (size_t h = 0; h < x->heads; h++)
        head_weights(x, h);
}

/* Of the token at the row, whatever splits take away: once for a cell, when its units or entries are first bounded. */
static void load_reach(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    if (x->has_reach)
        return;
    x->has_reach = true;
    for (size_t u = 0; u < x->n_read; u++) {
        double others = 0;
        x->reach[u] = 0;
        for (size_t h = 1; h < x->heads; h++)
            others += x->largest[h];
        for (size_t i = 0; i < p->n_src; i++)
            for (size_t k = 0; k < p->t.n_set[i]; k++)
                if (i != p->row || p->t.sets[i][k] == x->q)
                    x->reach[u] = fmax(x->reach[u], fabs(cells_read(x, i, (size_t)p->t.sets[i][k], p->net.n_out + u)));
        x->reach[u] += others;
    }
}

static bool room_for_states(struct cells_room *x, size_t states, size_t steps)
{
    if (states > x->room_states || steps > x->room_steps || !x->alive) {
        free(x->alive);
        free(x->reached);
        free(x->step_from);
        free(x->step);
        x->alive = mem_array(states, 1);
        x->reached = mem_array(states, 1);
        x->step_from = mem_array(states, sizeof *x->step_from);
        x->step = mem_array(steps, sizeof *x->step);
        x->room_states = states;
        x->room_steps = steps;
    }
    return x->alive && x->reached && x->step_from && x->step;
}

enum status cells_load(struct cells_room *x, bool *empty, const struct class *c, int q)
{
    const struct problem *p = x->s->p;
    size_t total = 0, steps = 0;
    x->c = c;
    x->q = q;
    x->best_value = INFINITY;
    x->tried = 0;
    x->n_bent = cells_bent(x) ? p->net.rests : 0;
    x->n_read = p->net.units + x->n_bent;
    x->by_row = x->n_bent > 0 && x->heads == 1 && p->net.units == 0;
    memset(x->off, 0, x->cells);
    cells_around(x, NULL);
    *empty = c->a.n_states[0] == 0;
    if (*empty)
        return STATUS_OK;
    for (size_t i = 0; i <= p->n_src; i++) {
        x->layer[i] = total;
        total += c->a.n_states[i];
    }
    x->layer[p->n_src + 1] = total;
    for (size_t i = 0; i < p->n_src; i++)
        steps += c->a.n_states[i] * c->a.n_tokens[i];
    if (!room_for_states(x, total, steps))
        return STATUS_MEMORY;
    *empty = !cells_alive(x);
    x->has_reach = false;
    if (!*empty)
        cells_weights(x);
    return STATUS_OK;
}

VECTORS static void least_row(double *restrict low, const double *restrict g, const double *restrict after, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double v = g[k] + after[k];
        low[k] = v < low[k] ? v : low[k];
    }
}

/* All steps of one state, of four terms: they stay in a register. */
VECTORS static void least_four(double *restrict out, const struct cells_step *step, size_t n, const double *restrict g, const double *restrict after)
{
    double low[4] = { INFINITY, INFINITY, INFINITY, INFINITY };
    for (size_t e = 0; e < n; e++)
        for (size_t k = 0; k < 4; k++) {
            double v = g[4 * (size_t)step[e].cell + k] + after[4 * (size_t)step[e].to + k];
            low[k] = v < low[k] ? v : low[k];
        }
    memcpy(out, low, sizeof low);
}

void cells_least(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    size_t Kp = x->Kp, end = x->layer[p->n_src];
    memset(x->low + end * Kp, 0, x->c->a.n_states[p->n_src] * Kp * sizeof *x->low);
    for (size_t at = end; at-- > 0;) {
        const struct cells_step *step = x->step + x->step_from[at];
        size_t n = x->step_from[at + 1] - x->step_from[at];
        double *low = x->low + at * Kp;
        if (n == 0)
            continue;
        if (Kp == 4) {
            least_four(low, step, n, x->g, x->low);
            continue;
        }
        for (size_t k = 0; k < Kp; k++)
            low[k] = INFINITY;
        for (size_t e = 0; e < n; e++)
            least_row(low, x->g + step[e].cell * Kp, x->low + step[e].to * Kp, Kp);
    }
}

/* Walks from the start: at every position the token that has the least sum of the term, first come; term < 0: the first token. */
static void path(struct cells_room *x, long term)
{
    const struct problem *p = x->s->p;
    const struct automaton *a = &x->c->a;
    size_t at = 0;
    for (size_t i = 0; i < p->n_src; i++) {
        const struct cells_step *best = x->step + x->step_from[at], *end = x->step + x->step_from[at + 1];
        double least = INFINITY;
        for (const struct cells_step *e = best; e < end && term >= 0; e++) {
            double v = x->g[e->cell * x->Kp + (size_t)term] + x->low[e->to * x->Kp + (size_t)term];
            if (v < least) {
                least = v;
                best = e;
            }
        }
        x->tokens[i] = p->t.sets[i][best->cell - p->first[i]];
        x->path[i] = best->cell;
        at = best->to;
    }
    size_t s = at - x->layer[p->n_src];
    for (size_t i = p->n_src; i < p->t.n; i++) {       /* behind the row any token does */
        size_t k = 0;
        while (a->next[i][s * a->n_tokens[i] + k] < 0)
            k++;
        x->tokens[i] = p->t.sets[i][k];
        s = (size_t)a->next[i][s * a->n_tokens[i] + k];
    }
}

void cells_path(struct cells_room *x, size_t k) { path(x, (long)k); }

void cells_first(struct cells_room *x) { path(x, -1); }

double cells_weight(const struct cells_room *x, size_t head, size_t position, int token)
{
    const struct problem *p = x->s->p;
    const int *set = p->t.sets[position];
    size_t n = p->t.n_set[position], k = (size_t)(token - set[0]);      /* where the set is a range */
    if (k >= n || set[k] != token)
        for (k = 0; k < n && set[k] != token;)
            k++;
    return k < n ? x->w[head * x->cells + p->first[position] + k] : 0;
}

void cells_sums_of(const struct cells_room *x, double *Z, const int *tokens)
{
    for (size_t h = 0; h < x->heads; h++) {
        Z[h] = 0;
        for (size_t i = 0; i < x->s->p->n_src; i++)
            Z[h] += cells_weight(x, h, i, tokens[i]);
    }
}

/* The same on the last path. */
static void path_sums(const struct cells_room *x, double *Z)
{
    for (size_t h = 0; h < x->heads; h++) {
        Z[h] = 0;
        for (size_t i = 0; i < x->s->p->n_src; i++)
            Z[h] += x->w[h * x->cells + x->path[i]];
    }
}

/* Terms of the searches for the least of z and of -z that go on: Z_1 (z - c), of the other heads the end that makes this term smaller. */
static void range_terms_at(struct cells_room *x, size_t n, size_t cell, size_t at)
{
    const struct problem *p = x->s->p;
    const size_t J = p->tables.J, n_out = p->net.n_out;
    const double *D = p->tables.D + (size_t)x->q * J + n_out, *C = p->tables.C + at * J + n_out, *middle = x->middle + n_out, w = x->w[cell];
    double *g = x->g + cell * x->Kp;
    for (size_t e = 0; e < n; e++) {
        size_t which = (size_t)x->live[e], u = which / 2;
        double z = D[u] + C[u] + middle[u];
        g[e] = w * ((which % 2 ? -z : z) - x->least[which]);
    }
    for (size_t h = 1; h < x->heads; h++) {
        const double low = x->ratio[h][0], high = x->ratio[h][1], by = x->w[h * x->cells + cell];
        C = p->more[h - 1].C + at * J + n_out;
        middle = x->middle + h * J + n_out;
        for (size_t e = 0; e < n; e++) {
            size_t u = (size_t)x->live[e] / 2;
            double v = x->live[e] % 2 ? by * (middle[u] - C[u]) : by * (C[u] - middle[u]);
            g[e] += v < 0 ? high * v : low * v;
        }
    }
}

static void range_terms(struct cells_room *x, size_t n)
{
    const struct problem *p = x->s->p;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t k = 0; k < p->t.n_set[i]; k++) {
            size_t cell = p->first[i] + k;
            memset(x->g + cell * x->Kp, 0, x->Kp * sizeof *x->g);
            if (x->left[cell])
                range_terms_at(x, n, cell, i * p->tables.V + (size_t)p->t.sets[i][k]);
        }
}

/* Terms of the searches for the least of Z_1 / Z_h and of Z_h / Z_1. */
static void ratio_terms(struct cells_room *x, size_t n, const double *least)
{
    for (size_t c = 0; c < x->cells; c++) {
        double *g = x->g + c * x->Kp;
        memset(g, 0, x->Kp * sizeof *g);
        for (size_t e = 0; e < n; e++) {
            double one = x->w[c], other = x->w[(1 + (size_t)x->live[e] / 2) * x->cells + c];
            g[e] = x->live[e] % 2 ? other - least[x->live[e]] * one : one - least[x->live[e]] * other;
        }
    }
}

#define CLOSE 0x1p-13            /* of the width of an interval, whose ends have 11 bits */
#define CLOSE_ENTRY 0x1p-3       /* of the interval of an entry that a LayerNorm centres, whose square alone counts */
#define CLOSE_RATIO 0x1p-23      /* of a ratio, which is made 2^-20 wider */

/* One step: sum is the least of N - c Z, Z the denominator there. Every quotient is at least *bound; true: no search will raise that by much. */
static bool step(double *c, double *bound, double sum, double Z, double Z_least, double close)
{
    *bound = sum > 0 ? *c : *c + sum / Z_least;
    *c += sum / Z;
    return *c - *bound <= close;
}

/* Dinkelbach's method for n quotients at once, from `least`, until that is a lower bound of each; ratios: of sums of weights, else of what the units read. */
static enum status quotients(struct cells_room *x, size_t n, double *least, bool ratios)
{
    double Z[HEADS_MOST];
    for (size_t e = 0; e < n; e++)
        x->live[e] = (int)e;
    for (int round = 0; n > 0 && round < ROUNDS; round++) {
        size_t left = 0;
        enum status s = cells_terms(x, n);
        if (s != STATUS_OK)
            return s;
        if (ratios)
            ratio_terms(x, n, least);
        else
            range_terms(x, n);
        cells_least(x);
        for (size_t e = 0; e < n; e++) {
            size_t which = (size_t)x->live[e], head = ratios && which % 2 == 0 ? 1 + which / 2 : 0;
            double bound, close = ratios ? CLOSE_RATIO * least[which] : (which / 2 < x->s->p->net.units ? CLOSE : CLOSE_ENTRY) * fmax(-least[which] - least[which ^ 1], 0x1p-24);
            cells_path(x, e);
            path_sums(x, Z);
            if (step(&least[which], &bound, x->low[e], Z[head], x->Z[head], close))
                least[which] = bound;
            else
                x->live[left++] = x->live[e];
        }
        n = left;
    }
    return STATUS_OK;
}

static enum status least_weights(struct cells_room *x)
{
    enum status s = cells_terms(x, x->heads);
    if (s != STATUS_OK)
        return s;
    for (size_t c = 0; c < x->cells; c++)
        for (size_t h = 0; h < x->Kp; h++)
            x->g[c * x->Kp + h] = h < x->heads ? x->w[h * x->cells + c] : 0;
    cells_least(x);
    memcpy(x->Z, x->low, x->heads * sizeof *x->Z);
    return STATUS_OK;
}

/* v with 24 bits, not above it (or, up, not below it). */
static double short_number(double v, bool up)
{
    int e;
    double m = ldexp(frexp(v, &e), 24);
    return ldexp(up ? ceil(m) : floor(m), e - 24);
}

/* Intervals of Z_1 / Z_h, a little wider than they are; the certificate's are those of the true weights. */
static enum status ratios(struct cells_room *x)
{
    const struct problem *p = x->s->p;
    double least[2 * HEADS_MOST];
    x->ratio[0][0] = x->ratio[0][1] = 1;
    for (size_t e = 0; e < 2 * HEADS_MOST; e++)
        least[e] = 1;
    enum status s = quotients(x, 2 * (x->heads - 1), least, true);
    for (size_t h = 1; h < x->heads && s == STATUS_OK; h++) {
        double spare = 0x1p-20 + 32 * (double)p->t.n * 0x1p-40 / fmin(x->Z[0], x->Z[h]);
        double scale = exp(p->tables.score_max[x->q] - p->more[h - 1].score_max[x->q]) * x->most[0] / x->most[h];
        x->shown[h][0] = short_number(least[2 * h - 2] * (1 - fmin(spare, 0.5)) * scale, false);
        x->shown[h][1] = short_number((1 + spare) / least[2 * h - 1] * scale, true);
        for (int end = 0; end < 2; end++)
            x->ratio[h][end] = x->shown[h][end] / scale;
    }
    return s;
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
    const struct problem *p = x->s->p;
    load_reach(x);
    enum status s = least_weights(x);
    if (s == STATUS_OK && x->heads > 1)
        s = ratios(x);
    if (s == STATUS_OK)
        s = quotients(x, 2 * x->n_read, x->least, false);
    if (s != STATUS_OK)
        return s;
    /* the checker's sums are in units of 2^-40, a few a position, and so is what it asks of them */
    double units = 32;
    for (size_t h = 1; h < x->heads; h++)
        units += 4 * (2 * x->ratio[h][1] + 2 * x->largest[h] + 6);
    units *= (double)p->t.n * 0x1p-40 / x->Z[0];
    for (size_t u = 0; u < x->n_read; u++) {
        double lo = x->least[2 * u], hi = -x->least[2 * u + 1];
        double spare = units + (double)p->t.n * 0x1p-50 * (1 + x->reach[u]) / x->Z[0];
        struct unit_bound *b = &x->unit[u];
        lo -= spare;
        hi += spare;
        bool both = x->n_read > p->net.units && (lo >= 0 || u >= p->net.units);   /* the bend asks for both ends */
        *b = (struct unit_bound){ .phase = both ? '~' : lo >= 0 ? '+' : hi <= 0 ? '-' : '~' };
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
                if (to >= 0 && (i >= p->n_src || x->may[p->first[i] + k]))
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
