/* What the walk of rule count did in a class with one query, as the lines `part` of a certificate (FORMAT.md rule count, step 7). */
#include <string.h>

#include "verify/count.h"

/* The token of the first way on from a state that has completions; -1: there is none. */
static int way_on(const struct cell *x, size_t i, size_t state)
{
    const struct automaton *a = &x->c->a;
    const struct problem *p = x->p;
    for (size_t k = 0; k < a->n_tokens[i]; k++) {
        int to = a->next[i][state * a->n_tokens[i] + k];
        if (to < 0 || (i == p->row && p->t.sets[i][k] != x->q) || (i < p->n_src && x->count[x->layer[i + 1] + (size_t)to] == 0))
            continue;
        return (int)k;
    }
    return -1;
}

void notes_begin(struct text *out, const struct cell *x)
{
    const struct automaton *a = &x->c->a;
    size_t state = 0;
    text_add(out, "part of ");
    for (size_t i = 0; i < a->n; i++) {
        int k = way_on(x, i, state);
        if (k < 0)
            break;
        text_addf(out, i ? ",%d" : "%d", x->p->t.sets[i][k]);
        state = (size_t)a->next[i][state * a->n_tokens[i] + (size_t)k];
    }
    text_add(out, "\n");
}

void notes_less(struct text *out, size_t from, size_t to)
{
    if (out->failed || to == from)
        return;
    memmove(out->data + from, out->data + to, out->size - to + 1);
    out->size -= to - from;
}

void notes_rare(struct text *out, const struct tables *t, const int *open, size_t n_open, const int *name)
{
    for (size_t e = 0; e < n_open; e++)
        if (t->line[open[e]].rare)
            text_addf(out, " %d:%zu-", name[open[e]], t->line[open[e]].bins);
}

void notes_tables(struct text *out, const struct tables *t, const int *open, size_t n_open, const int *name)
{
    for (size_t e = 0; e < n_open; e++)
        if (!t->line[open[e]].rare)
            text_addf(out, " %d:%zu", name[open[e]], t->line[open[e]].bins);
    for (size_t k = 0; k < t->n_pairs; k++)
        text_addf(out, " %d/%d:%zu", name[t->pairs[k].line], name[t->pairs[k].other], t->pairs[k].cells);
}

unsigned char notes_cut(struct text *out, const struct cell *x, size_t position, const unsigned char *side)
{
    size_t from = x->p->first[position], n = x->p->first[position + 1] - from, in[3] = { 0 };
    for (size_t c = 0; c < n; c++)
        in[side[c]]++;
    unsigned char first = in[2] < in[1] ? 2 : 1;
    const char *comma = "";
    text_addf(out, " cut %zu ", position);
    for (size_t c = 0; c < n; c++)
        if (side[c] == first) {
            text_addf(out, "%s%d", comma, x->p->t.sets[position][c]);
            comma = ",";
        }
    text_add(out, "\n");
    return first;
}
