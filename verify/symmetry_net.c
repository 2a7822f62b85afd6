/* symmetry_net.c: networks that treat positions alike. */
#include <stdlib.h>
#include "core/mem.h"
#include "verify/symmetry.h"

/* Is row i of the result made of row i of the arguments and of the allowed rows as a set? */
static bool by_rows(enum op op)
{
    return op != OP_INPUT && op != OP_ROW;
}

static bool equal_rows(const struct weight *w, size_t i, size_t k)
{
    for (size_t e = 0; e < w->m; e++)
        if (w->data[i * w->m + e] != w->data[k * w->m + e]) return false;
    return true;
}

/* S becomes its largest part of positions with equal rows. */
static bool keep_equal(struct symmetric *w, const struct weight *table)
{
    size_t best = 0, most = 0, all = 0;
    for (size_t i = 0; i < w->len; i++) {
        size_t n = 0;
        if (!w->in_s[i]) continue;
        all++;
        for (size_t k = i; k < w->len; k++) n += w->in_s[k] && equal_rows(table, i, k);
        if (n > most) most = n, best = i;
    }
    if (most == all) return true;
    for (size_t i = 0; i < w->len; i++) w->in_s[i] = w->in_s[i] && equal_rows(table, best, i);
    w->again = true;
    return false;
}

bool symmetric_net(struct symmetric *w, const struct net *net)
{
    if (net->d_vocab == 0 || w->len > net->n_ctx) return false;
    bool *attends = mem_array(net->n_nodes, sizeof *attends), good = attends != NULL;
    if (!attends) w->status = STATUS_MEMORY;
    for (size_t v = 0; good && v < net->n_nodes; v++) {
        const struct node *x = &net->nodes[v];
        bool source = (x->op == OP_SCORE || x->op == OP_MIX) && x->n_inputs > 1;
        attends[v] = x->op == OP_SCORE;
        for (size_t i = 0; i < x->n_inputs; i++) attends[v] = attends[v] || attends[x->inputs[i]];
        good = by_rows(x->op) && !(source && net->causal && attends[x->inputs[1]]);
        if (good && x->op == OP_POSITION) good = keep_equal(w, &x->w[0]);
    }
    free(attends);
    return good;
}
