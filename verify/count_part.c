/* A part of a class: the accepted sequences whose tokens are allowed. Counts backwards, what can be reached forwards, extrema of every line. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void edges_clear(struct edges *e)
{
    free(e->first);
    free(e->edge);
    free(e->reached);
    memset(e, 0, sizeof *e);
}

static tally add_saturated(tally a, tally b) { return a + b < a ? (tally)-1 : a + b; }

/* Completions of every state of the source layers; those of the last stay as they are. */
static void count_back(struct cell *x)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    for (size_t i = p->n_src; i-- > 0;)
        for (size_t s = 0; s < a->n_states[i]; s++) {
            tally n = 0;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][s * a->n_tokens[i] + k];
                if (to >= 0 && x->allowed[p->first[i] + k] && (i != p->row || p->t.sets[i][k] == x->q))
                    n = add_saturated(n, x->count[x->layer[i + 1] + (size_t)to]);
            }
            x->count[x->layer[i] + s] = n;
        }
}

static enum status edges_room(struct edges *e, size_t states, size_t n)
{
    size_t room = e->room_first;
    size_t *first = mem_grow(e->first, &e->room_first, states + 1, sizeof *first);
    if (!first)
        return STATUS_MEMORY;
    e->first = first;
    if (e->room_first != room || !e->reached) {
        free(e->reached);
        e->reached = mem_array(e->room_first, 1);
    }
    struct edge *edge = mem_grow(e->edge, &e->room_edge, n + 1, sizeof *edge);
    e->edge = edge ? edge : e->edge;
    return e->reached && edge ? STATUS_OK : STATUS_MEMORY;
}

/* Transitions between states that are reached and have completions. */
static enum status edges_fill(struct edges *e, const struct cell *x)
{
    const struct problem *p = x->p;
    const struct automaton *a = &x->c->a;
    size_t n = 0, states = x->layer[p->n_src + 1];
    enum status s = edges_room(e, states, 0);
    if (s != STATUS_OK)
        return s;
    memset(e->reached, 0, states);
    e->reached[0] = 1;
    for (size_t i = 0; i < p->n_src; i++)
        for (size_t z = 0; z < a->n_states[i]; z++) {
            e->first[x->layer[i] + z] = n;
            if (!e->reached[x->layer[i] + z])
                continue;
            s = edges_room(e, states, n + a->n_tokens[i]);
            if (s != STATUS_OK)
                return s;
            for (size_t k = 0; k < a->n_tokens[i]; k++) {
                int to = a->next[i][z * a->n_tokens[i] + k];
                size_t next = x->layer[i + 1] + (size_t)to, c = p->first[i] + k;
                if (to < 0 || !x->allowed[c] || (i == p->row && p->t.sets[i][k] != x->q) || x->count[next] == 0)
                    continue;
                e->edge[n++] = (struct edge){ next, c };
                e->reached[next] = 1;
            }
        }
    for (size_t z = x->layer[p->n_src]; z <= states; z++)
        e->first[z] = n;
    return STATUS_OK;
}

static void extrema(struct cell *x, const struct edges *e)
{
    size_t last = x->layer[x->p->n_src], Kp = x->Kp;
    memset(x->low + last * Kp, 0, (x->layer[x->p->n_src + 1] - last) * Kp * sizeof *x->low);
    memset(x->high + last * Kp, 0, (x->layer[x->p->n_src + 1] - last) * Kp * sizeof *x->high);
    for (size_t s = last; s-- > 0;) {
        double *low = x->low + s * Kp, *high = x->high + s * Kp;
        for (size_t k = 0; k < Kp; k++) {
            low[k] = INFINITY;
            high[k] = -INFINITY;
        }
        EACH_EDGE(edge, e, s)
            cell_extend_row(low, high, x->h + edge->cell * Kp, x->rad[edge->cell], x->low + edge->next * Kp, x->high + edge->next * Kp, Kp);
    }
}

enum status cell_edges(struct cell *x, struct edges *e, bool *empty, bool *single)
{
    const struct problem *p = x->p;
    count_back(x);
    *empty = x->count[0] == 0;
    *single = true;
    if (*empty)
        return STATUS_OK;
    enum status s = edges_fill(e, x);
    if (s != STATUS_OK)
        return s;
    memset(x->allowed, 0, p->first[p->n_src]);
    for (size_t n = 0; n < e->first[x->layer[p->n_src]]; n++)
        x->allowed[e->edge[n].cell] = 1;
    for (size_t i = 0; i < p->n_src && *single; i++) {
        size_t n = 0;
        for (size_t c = p->first[i]; c < p->first[i + 1]; c++)
            n += x->allowed[c];
        *single = n <= 1;
    }
    return STATUS_OK;
}

enum status cell_narrow(struct cell *x, struct edges *e, bool *empty, bool *single)
{
    enum status s = cell_edges(x, e, empty, single);
    if (s == STATUS_OK && !*empty)
        extrema(x, e);
    return s;
}

struct span cell_span(const struct cell *x, size_t position, const double *term, size_t stride)
{
    struct span out = { INFINITY, -INFINITY, 0 };
    for (size_t c = x->p->first[position]; c < x->p->first[position + 1]; c++)
        if (x->allowed[c]) {
            double v = term[c * stride];
            out.least = v < out.least ? v : out.least;
            out.most = v > out.most ? v : out.most;
            out.n++;
        }
    return out;
}

void cell_sides(unsigned char *side, const struct cell *x, size_t position, const double *term, size_t stride, double at)
{
    size_t from = x->p->first[position], n = x->p->first[position + 1] - from, low = 0, high = 0;
    for (size_t c = 0; c < n; c++) {
        side[c] = !x->allowed[from + c] ? 0 : term[(from + c) * stride] <= at ? 1 : 2;
        low += side[c] == 1;
        high += side[c] == 2;
    }
    bool alike = low == 0 || high == 0;
    for (size_t c = 0, done = 0; alike && c < n; c++)
        if (side[c])
            side[c] = done++ ? 2 : 1;
}
