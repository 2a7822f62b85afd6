/* Tokens of a position that lead from every state to the same state are of one kind: of "the largest token is m" there are two, m and what is below it.
 * A table goes by kinds, not by tokens, so that what it costs for a state does not grow with the vocabulary. */
#include <string.h>

#include "core/mem.h"
#include "verify/count.h"

void kinds_clear(struct kinds *k)
{
    free(k->order);
    free(k->of_order);
    free(k->cell);
    free(k->token);
    free(k->from);
    free(k->first);
    memset(k, 0, sizeof *k);
}

static enum status room(struct kinds *k, size_t positions, size_t cells)
{
    if (k->positions == positions && k->cells == cells)
        return STATUS_OK;
    kinds_clear(k);
    k->order = mem_array(cells, sizeof *k->order);
    k->of_order = mem_array(cells, sizeof *k->of_order);
    k->cell = mem_array(cells, sizeof *k->cell);
    k->token = mem_array(cells, sizeof *k->token);
    k->from = mem_array(cells + 1, sizeof *k->from);
    k->first = mem_array(positions + 1, sizeof *k->first);
    if (!(k->order && k->of_order && k->cell && k->token && k->from && k->first))
        return STATUS_MEMORY;
    k->positions = positions;
    k->cells = cells;
    return STATUS_OK;
}

/* The kinds of position i, numbered from k->n on: that of its a-th token is kind[a]. */
static enum status kinds_of(struct kinds *k, size_t *kind, const struct automaton *a, size_t i)
{
    struct row_index index;
    size_t states = a->n_states[i], tokens = a->n_tokens[i];
    long *column = mem_array(states, sizeof *column);
    enum status s = column ? STATUS_OK : STATUS_MEMORY;
    row_index_init(&index, states);
    for (size_t t = 0; t < tokens && s == STATUS_OK; t++) {
        size_t at = 0;
        for (size_t z = 0; z < states; z++)
            column[z] = a->next[i][z * tokens + t];
        s = row_index_find(&at, &index, column);
        kind[t] = k->n + at;
    }
    for (size_t t = tokens; s == STATUS_OK && t-- > 0;)
        k->token[kind[t]] = t;
    k->n += index.n;
    row_index_clear(&index);
    free(column);
    return s;
}

/* Cells of a position in the order of their kinds. */
static void sort_cells(struct kinds *k, const size_t *kind, size_t from, size_t tokens, size_t first)
{
    size_t at = from;
    for (size_t wanted = first; wanted < k->n; wanted++)
        for (size_t t = 0; t < tokens; t++)
            if (kind[t] == wanted) {
                k->order[at] = from + t;
                k->of_order[at++] = wanted;
            }
}

static enum status kinds_of_class(struct kinds *k, const struct cell *x)
{
    const struct problem *p = x->p;
    enum status s = room(k, p->n_src, p->first[p->n_src]);
    k->n = 0;
    for (size_t i = 0; i < p->n_src && s == STATUS_OK; i++) {
        size_t tokens = x->c->a.n_tokens[i], first = k->n, *kind = mem_array(tokens, sizeof *kind);
        k->first[i] = first;
        s = kind ? kinds_of(k, kind, &x->c->a, i) : STATUS_MEMORY;
        if (s == STATUS_OK)
            sort_cells(k, kind, p->first[i], tokens, first);
        free(kind);
    }
    if (s == STATUS_OK)
        k->first[p->n_src] = k->n;
    k->of = s == STATUS_OK ? x->c : NULL;
    return s;
}

enum status kinds_take(struct kinds *k, const struct cell *x)
{
    enum status s = k->of == x->c ? STATUS_OK : kinds_of_class(k, x);
    size_t n = 0, kind = 0;
    for (size_t c = 0; s == STATUS_OK && c < k->cells; c++) {
        while (kind <= k->of_order[c])
            k->from[kind++] = n;
        if (x->allowed[k->order[c]])
            k->cell[n++] = k->order[c];
    }
    while (s == STATUS_OK && kind <= k->n)
        k->from[kind++] = n;
    return s;
}
