/* edit_bias: the network in which the bias of attention, which a heads node adds, is a row of its own (STATEMENT.md §3, bias(l)). */
#include "verify/edit.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

struct biased { struct net net; };

static bool has_bias(const struct node *v)
{
    return v->op == OP_HEADS && v->n_w == 1 && strncmp(v->name, "blocks.", 7) == 0;
}

long edit_bias_node(const struct net *net, long layer)
{
    char start[64];
    int n = snprintf(start, sizeof start, "blocks.%ld.", layer);
    for (size_t v = 0; v < net->n_nodes; v++) {
        const char *name = net->nodes[v].name, *tail = strchr(name, '>');
        if (strncmp(name, start, (size_t)n) == 0 && tail && strcmp(tail, ">b") == 0) return (long)v;
    }
    return -1;
}

long edit_bias_width(const struct net *net, long layer)
{
    char start[64];
    int n = snprintf(start, sizeof start, "blocks.%ld.", layer);
    for (size_t v = 0; v < net->n_nodes; v++)
        if (has_bias(&net->nodes[v]) && strncmp(net->nodes[v].name, start, (size_t)n) == 0) return (long)net->nodes[v].width;
    return -1;
}

/* A copy of `old` that owns its name and inputs; extra: room for one more input. */
static bool copy_node(struct node *out, const struct node *old, const size_t *place, const char *tail, size_t extra)
{
    char name[300];
    (void)snprintf(name, sizeof name, "%.200s%s", old->name, tail);
    *out = *old;
    out->name = mem_string(name);
    out->inputs = mem_array(old->n_inputs + extra + 1, sizeof *out->inputs);
    for (size_t a = 0; out->inputs && a < old->n_inputs; a++) out->inputs[a] = place[old->inputs[a]];
    return out->name && out->inputs;
}

enum status biased_new(const struct net **out, const struct net *base)
{
    struct biased *b = mem_array(1, sizeof *b);
    size_t *place = mem_array(base->n_nodes + 1, sizeof *place);
    bool good = b && place;
    if (good) {
        b->net = *base;
        b->net.sha256[0] = '\0';
        b->net.n_nodes = 0;
        good = (b->net.nodes = mem_array(2 * base->n_nodes + 1, sizeof *b->net.nodes)) != NULL;
    }
    for (size_t v = 0; good && v < base->n_nodes; v++) {
        const struct node *old = &base->nodes[v];
        bool split = has_bias(old);
        if (split) {
            struct node *k = &b->net.nodes[b->net.n_nodes++];
            good = copy_node(k, old, place, ">b", 0);
            k->op = OP_CONSTANT;
            k->n_inputs = 0;
        }
        struct node *copy = &b->net.nodes[b->net.n_nodes++];
        good = copy_node(copy, old, place, "", split) && good;
        place[v] = b->net.n_nodes - 1;
        if (!good || !split) continue;
        copy->inputs[copy->n_inputs++] = place[v] - 1;
        copy->n_w = 0;
    }
    if (good) {
        b->net.output = place[base->output];
        *out = &b->net;
    } else if (b)
        biased_free(&b->net);
    free(place);
    return good ? STATUS_OK : STATUS_MEMORY;
}

void biased_free(const struct net *net)
{
    if (!net) return;
    for (size_t v = 0; net->nodes && v < net->n_nodes; v++) {
        free(net->nodes[v].name);
        free(net->nodes[v].inputs);
    }
    free(net->nodes);
    free((struct biased *)(uintptr_t)net);
}
