/* exchange_net.c: tokens that networks tell apart: whose rows of an embedding are different, or that are padding. */
#include <stdlib.h>
#include "core/mem.h"
#include "verify/symmetry.h"

struct token { const struct net *net; size_t v; };

static int by_rows(const void *a, const void *b)
{
    const struct token *i = a, *k = b;
    for (size_t v = 0; v < i->net->n_nodes; v++) {
        const struct weight *w = &i->net->nodes[v].w[0];
        if (i->net->nodes[v].op != OP_EMBED) continue;
        for (size_t e = 0; e < w->m; e++) {
            double x = w->data[i->v * w->m + e], y = w->data[k->v * w->m + e];
            if (x < y || x > y) return x < y ? -1 : 1;
        }
    }
    return 0;
}

/* row[v]: a number that tokens v with equal rows share. false: no memory. */
static bool number_rows(size_t *row, const struct net *net)
{
    struct token *order = mem_array(net->d_vocab, sizeof *order);
    if (!order) return false;
    for (size_t i = 0; i < net->d_vocab; i++) order[i] = (struct token){net, i};
    qsort(order, net->d_vocab, sizeof *order, by_rows);
    for (size_t i = 0; i < net->d_vocab; i++) row[order[i].v] = i > 0 && by_rows(&order[i - 1], &order[i]) == 0 ? row[order[i - 1].v] : i;
    free(order);
    return true;
}

static bool part_rows(struct exchange *x, const struct net *net)
{
    bool parted = true;
    size_t n = net->d_vocab, most = n;
    for (size_t i = 0; i < x->len; i++) {
        parted = parted && exchange_parted(x, i);
        most = x->at[i].n > most ? x->at[i].n : most;
    }
    if (parted) return true;
    size_t *row = mem_array(n, sizeof *row);
    bool good = row && number_rows(row, net);
    size_t *keys = mem_array(most, sizeof *keys);
    good = good && keys;
    if (!good) x->status = STATUS_MEMORY;
    for (size_t i = 0; good && i < x->len; i++) {
        const struct grouped *g = &x->at[i];
        for (size_t k = 0; k < g->n; k++) {
            bool known = g->v[k] >= 0 && (size_t)g->v[k] < n && g->v[k] != net->pad;
            keys[k] = known ? row[g->v[k]] : n + k;
        }
        good = exchange_part(x, i, keys);
    }
    free(keys);
    free(row);
    return good;
}

struct search { struct exchange *x; bool reads; };

static bool look(const struct expr *e, void *context)
{
    struct search *f = context;
    const struct net *net = NULL, *clean = NULL;
    if (e->form != FORM_CALL || !function_reads_network(e->function)) return true;
    if (expr_uses_slot(e->args[0], f->x->slot)) return false;
    struct diag d;
    diag_init(&d);
    enum status s = interp_networks(&net, &clean, f->x->in, e->args[0], &d);
    diag_clear(&d);
    if (s != STATUS_OK || !net || net->d_vocab == 0) return false;
    f->reads = true;
    return part_rows(f->x, net) && (!clean || part_rows(f->x, clean));
}

bool exchange_nets(struct exchange *x, bool *reads, const struct expr *e)
{
    struct search f = {.x = x};
    bool good = expr_walk(e, look, &f);
    *reads = *reads || f.reads;
    return good;
}
