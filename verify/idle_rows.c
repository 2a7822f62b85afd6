#include "verify/idle_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "verify/idle.h"
#include "verify/types.h"

/* Of a network on n tokens, the rows of each node on which what is read depends: lo..hi, none where hi < lo. */
struct rows { long lo, hi; };

static void add_rows(struct rows *r, long lo, long hi)
{
    if (hi < lo) return;
    *r = r->hi < r->lo ? (struct rows){lo, hi} : (struct rows){lo < r->lo ? lo : r->lo, hi > r->hi ? hi : r->hi};
}

static struct rows *rows_needed(const struct net *net, size_t node, long row, long n)
{
    struct rows *r = mem_array(net->n_nodes, sizeof *r);
    for (size_t v = 0; r && v < net->n_nodes; v++) r[v] = (struct rows){0, -1};
    if (r) r[node] = (struct rows){row, row};
    for (size_t v = net->n_nodes; r && v-- > 0;) {
        const struct node *x = &net->nodes[v];
        for (size_t a = 0; a < x->n_inputs && r[v].lo <= r[v].hi; a++) {
            bool attends = a == 1 && (x->op == OP_SCORE || x->op == OP_MIX);     /* keys and values */
            if (x->op == OP_ROW) add_rows(&r[x->inputs[a]], 0, n - 1);
            else add_rows(&r[x->inputs[a]], attends ? 0 : r[v].lo, attends && !net->causal ? n - 1 : r[v].hi);
        }
    }
    return r;
}

/* The node through which a reader head(l, h).q, mlp(l), unembed reads; -1: not known. */
static long reader_node(const struct net *net, const struct expr *reader)
{
    char name[128];
    long l, h;
    if (reader->form == FORM_NAME && strcmp(reader->name, "unembed") == 0) return (long)net->output;
    const struct expr *of = reader->form == FORM_FIELD ? reader->args[0] : reader;
    if (of->form != FORM_CALL || !constant_integer(&l, of->args[0], -1)) return -1;
    if (reader->form != FORM_FIELD) (void)snprintf(name, sizeof name, "blocks.%ld.mlp.hook_pre", l);
    else if (!constant_integer(&h, of->args[1], -1)) return -1;
    else (void)snprintf(name, sizeof name, "blocks.%ld.attn.hook_%s.%ld", l, reader->name, h);
    return net_node(net, name);
}

/* Do no rows that are read depend on these components? False where that is not known. */
static bool components_unread(const struct net *net, const struct rows *need, const struct expr *e, long lo, long hi, long n)
{
    long node = -1, l;
    if (e->form == FORM_INDEX) {
        const struct expr *at = e->args[1], *ends[2] = {at, at};
        if (at->form == FORM_SLICE) ends[0] = at->args[0], ends[1] = at->args[1];
        long first = 0, last = n - 1;
        if (e->n_args != 2 || (ends[0] && !constant_integer(&first, ends[0], n - 1)) || (ends[1] && !constant_integer(&last, ends[1], n - 1))) return false;
        return components_unread(net, need, e->args[0], first > lo ? first : lo, last < hi ? last : hi, n);
    }
    bool sum = e->form == FORM_BINARY && e->oper == OPER_ADD;
    for (size_t i = 0; (e->form == FORM_LIST || sum) && i < e->n_args; i++)
        if (!components_unread(net, need, e->args[i], lo, hi, n)) return false;
    if (e->form == FORM_LIST || sum) return true;
    if (expr_calls(e, FUNCTION_EDGE)) node = reader_node(net, e->args[1]);
    else if (expr_calls(e, FUNCTION_NEURON) && constant_integer(&l, e->args[0], -1)) {
        char name[64];
        (void)snprintf(name, sizeof name, "blocks.%ld.mlp.hook_post", l);
        node = net_node(net, name);
    } else
        node = named_node(net, e);
    return node >= 0 && (need[node].hi < lo || need[node].lo > hi);
}

static bool change_unread(const struct net *net, const struct rows *need, const struct expr *e, long n)
{
    if (e->function == FUNCTION_STEER) return components_unread(net, need, e->args[1], 0, n - 1, n);
    if (e->function == FUNCTION_REPLACE) return false;
    for (size_t i = 1; i < e->n_args; i++) {
        const struct expr *a = e->args[i];
        bool to = e->function == FUNCTION_ABLATE && a->args[0]->form == FORM_NAME;
        if (expr_is_frozen(a) || (to && strcmp(a->args[0]->name, "to") == 0)) continue;
        if (to && strcmp(a->args[0]->name, "drop") != 0) return false;
        if (!components_unread(net, need, to ? a->args[1] : a->args[0], 0, n - 1, n)) return false;
    }
    return true;
}

/* Every reading of a model in the statement: rows of logits that are numbers, and does none of them depend on what one of its changes, `what`, changes? */
struct readings { const struct statement *s; const struct expr *what; size_t met; bool unread; };

static bool contains_change(const struct expr *model, const struct expr *what)
{
    for (; expr_changes_model(model); model = model->args[0])
        if (expr_equal(model, what)) return true;
    return false;
}

static bool row_unread(const struct readings *r, const struct expr *call, const struct expr *row)
{
    const struct net *net = statement_net(r->s, call->args[0]);
    long at, n = call->type.shape[0];
    if (!net || call->function != FUNCTION_LOGITS || n < 1 || !constant_integer(&at, row, n - 1) || at < 0 || at >= n) return false;
    struct rows *need = rows_needed(net, net->output, at, n);
    bool unread = need && change_unread(net, need, r->what, n);
    free(need);
    return unread;
}

static void look_at(struct readings *r, const struct expr *e)
{
    const struct expr *call = e->form == FORM_INDEX ? e->args[0] : e, *child;
    bool reads = call->form == FORM_CALL && function_reads_network(call->function) && call->n_args >= 2 && contains_change(call->args[0], r->what);
    if (reads) {
        r->met++;
        r->unread = r->unread && call != e && row_unread(r, call, e->args[1]);
    }
    size_t first = reads && call != e ? 1 : 0;
    for (size_t i = 0; first && r->unread && (child = expr_child(call, i)); i++) look_at(r, child);
    for (size_t i = first; r->unread && (child = expr_child(e, i)); i++) look_at(r, child);
}

bool change_is_unread(const struct statement *s, const struct expr *change)
{
    struct readings r = {.s = s, .what = change, .unread = true};
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i]) look_at(&r, parts[i]);
    return r.unread && r.met > 0;
}
