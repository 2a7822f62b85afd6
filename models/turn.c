/* see turn.h */
#include <stdlib.h>
#include <string.h>
#include "models/turn.h"
#include "models/rows.h"
#include "core/mem.h"

/* token_only: rows that are functions of one token. place[v]: what stands for node v in the new part, v itself where it does not rest on a turned mix. */
struct turning { const struct net *net; bool *token_only, *on; struct turned *t; size_t *place, room; };

static void find_token_only(struct turning *m)
{
    for (size_t v = 0; v < m->net->n_nodes; v++) {
        const struct node *x = &m->net->nodes[v];
        m->token_only[v] = !op_attends(x->op) && x->op != OP_ROW;
        for (size_t a = 0; a < x->n_inputs; a++) m->token_only[v] = m->token_only[v] && m->token_only[x->inputs[a]];
    }
}

static bool is_map(const struct turning *m, size_t v)
{
    return m->net->nodes[v].op == OP_LINEAR && !m->token_only[v];
}

/* Does attention rest on node v? */
static bool feeds_attention(const struct net *net, size_t v, bool *on)
{
    memset(on, 0, net->n_nodes * sizeof *on);
    on[v] = true;
    for (size_t i = v + 1; i < net->n_nodes; i++) {
        const struct node *x = &net->nodes[i];
        for (size_t a = 0; a < x->n_inputs; a++) on[i] = on[i] || on[x->inputs[a]];
        if (on[i] && op_attends(x->op)) return true;
    }
    return false;
}

static bool turns(const struct turning *m, size_t v)
{
    const struct net *net = m->net;
    const struct node *x = &net->nodes[v];
    if (x->op != OP_MIX || !is_map(m, x->inputs[1])) return false;
    const struct node *pattern = &net->nodes[x->inputs[0]];
    if (pattern->op != OP_SOFTMAX || net->nodes[pattern->inputs[0]].op != OP_SCORE) return false;
    return is_map(m, net->nodes[pattern->inputs[0]].inputs[1]) && !feeds_attention(net, v, m->on);
}

/* Appends a node like x with other inputs. SIZE_MAX: no memory. */
static size_t put(struct turning *m, struct node x, const size_t *inputs, size_t n)
{
    struct net *net = &m->t->net;
    struct node *grown = mem_grow(net->nodes, &m->room, net->n_nodes + 1, sizeof *grown);
    if (!grown) return SIZE_MAX;
    net->nodes = grown;
    x.inputs = mem_array(n + 1, sizeof *x.inputs);
    if (!x.inputs) return SIZE_MAX;
    memcpy(x.inputs, inputs, n * sizeof *inputs);
    x.n_inputs = n;
    net->nodes[net->n_nodes] = x;
    return net->n_nodes++;
}

static bool transposed(struct weight *out, struct turning *m, const struct weight *w)
{
    struct turned *t = m->t;
    double *x = mem_array(w->k * w->m, sizeof *x), **grown = x ? realloc(t->made, (t->n_made + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(x);
        return false;
    }
    t->made = grown;
    t->made[t->n_made++] = x;
    for (size_t i = 0; i < w->k; i++)
        for (size_t j = 0; j < w->m; j++) x[j * w->k + i] = w->data[i * w->m + j];
    *out = (struct weight){ .tensor = w->tensor, .slice = w->slice, .k = w->m, .m = w->k, .data = x };
    return true;
}

static size_t put_turned(struct turning *m, const struct node *mix)
{
    const struct node *pattern = &m->net->nodes[mix->inputs[0]], *score = &m->net->nodes[pattern->inputs[0]];
    const struct node *keys = &m->net->nodes[score->inputs[1]], *values = &m->net->nodes[mix->inputs[1]];
    struct node map = { .name = keys->name, .op = OP_LINEAR, .n_w = 1, .width = keys->w[0].k }, mean = *mix;
    if (!transposed(&map.w[0], m, &keys->w[0])) return SIZE_MAX;
    mean.width = values->w[0].k;
    size_t query = put(m, map, &score->inputs[0], 1);
    size_t scores = query == SIZE_MAX ? SIZE_MAX : put(m, *score, (size_t[]){ query, keys->inputs[0] }, 2);
    size_t softmax = scores == SIZE_MAX ? SIZE_MAX : put(m, *pattern, &scores, 1);
    size_t mixed = softmax == SIZE_MAX ? SIZE_MAX : put(m, mean, (size_t[]){ softmax, values->inputs[0] }, 2);
    return mixed == SIZE_MAX ? SIZE_MAX : put(m, *values, &mixed, 1);
}

static size_t put_copy(struct turning *m, size_t v)
{
    const struct node *x = &m->net->nodes[v];
    size_t *inputs = mem_array(x->n_inputs + 1, sizeof *inputs), at = v;
    bool same = true;
    if (!inputs) return SIZE_MAX;
    for (size_t a = 0; a < x->n_inputs; a++) {
        inputs[a] = m->place[x->inputs[a]];
        same = same && inputs[a] == x->inputs[a];
    }
    if (!same) at = put(m, *x, inputs, x->n_inputs);
    free(inputs);
    return at;
}

static bool turned_build(struct turning *m)
{
    struct turned *t = m->t;
    t->net = *m->net;
    t->first = m->net->n_nodes;
    t->net.nodes = mem_grow(NULL, &m->room, 2 * t->first, sizeof *t->net.nodes);
    if (!t->net.nodes) return false;
    memcpy(t->net.nodes, m->net->nodes, t->first * sizeof *t->net.nodes);
    for (size_t v = 0; v < t->first; v++) {
        m->place[v] = turns(m, v) ? put_turned(m, &m->net->nodes[v]) : put_copy(m, v);
        if (m->place[v] == SIZE_MAX) return false;
    }
    t->output = m->place[m->net->output];
    return true;
}

enum status turned_new(struct turned **out, const struct net *net)
{
    struct turning m = { .net = net, .token_only = mem_array(net->n_nodes, sizeof *m.token_only), .on = mem_array(net->n_nodes, sizeof *m.on), .place = mem_array(net->n_nodes, sizeof *m.place) };
    bool any = false, good = m.token_only && m.on && m.place;
    *out = NULL;
    if (good) find_token_only(&m);
    for (size_t v = 0; good && !net->causal && net->pad < 0 && v < net->n_nodes; v++) any = any || turns(&m, v);
    if (any) {
        m.t = mem_array(1, sizeof *m.t);
        good = m.t && turned_build(&m);
    }
    free(m.token_only);
    free(m.on);
    free(m.place);
    if (good) *out = m.t;
    else turned_free(m.t);
    return good ? STATUS_OK : STATUS_MEMORY;
}

void turned_free(struct turned *t)
{
    if (!t) return;
    for (size_t v = t->first; t->net.nodes && v < t->net.n_nodes; v++) free(t->net.nodes[v].inputs);
    free(t->net.nodes);
    for (size_t i = 0; i < t->n_made; i++) free(t->made[i]);
    free(t->made);
    free(t);
}
