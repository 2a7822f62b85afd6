/* Names of components, neurons, edges and network functions: the nodes that they mean. */
#include <string.h>

#include "verify/interp_parts.h"

static enum status find_node(long *node, struct interp *in, const struct net *net, const struct expr *e, const char *name)
{
    *node = net_node(net, name);
    return *node < 0 ? interp_fail(in, e, "the model has no node '%s'", name) : STATUS_OK;
}

static enum status small_int(long *out, struct interp *in, const struct expr *e)
{
    bool known;
    enum status s = eval_int(out, &known, in, e);
    if (s == STATUS_OK && !known) return interp_fail(in, e, "a layer or head must not rest on a network value");
    return s;
}

/* Component or node name -> node. */
static enum status component_node(long *node, struct interp *in, const struct net *net, const struct expr *e)
{
    char name[128];
    long l, h;
    enum status s;
    if (e->form == FORM_STRING) return find_node(node, in, net, e, e->name);
    if (e->form == FORM_NAME && e->name && strcmp(e->name, "embed") == 0) return find_node(node, in, net, e, "hook_embed");
    if (e->form == FORM_NAME && e->name && strcmp(e->name, "pos_embed") == 0) return find_node(node, in, net, e, "hook_pos_embed");
    bool bias = e->form == FORM_CALL && e->function == FUNCTION_BIAS;
    if (!bias && (e->form != FORM_CALL || (e->function != FUNCTION_HEAD && e->function != FUNCTION_MLP))) return interp_fail(in, e, "not a component with a node of its own");
    if ((s = small_int(&l, in, e->args[0])) != STATUS_OK) return s;
    if (bias) {
        *node = edit_bias_node(net, l);
        return *node < 0 ? interp_fail(in, e, "the attention of layer %ld has no bias b_O", l) : STATUS_OK;
    }
    if (e->function == FUNCTION_MLP) snprintf(name, sizeof name, "blocks.%ld.hook_mlp_out", l);
    else {
        if ((s = small_int(&h, in, e->args[1])) != STATUS_OK) return s;
        snprintf(name, sizeof name, "blocks.%ld.attn.hook_result.%ld", l, h);
    }
    return find_node(node, in, net, e, name);
}

static enum status find_reader(long *node, struct interp *in, const struct net *net, const struct expr *e)
{
    char name[128];
    long l, h;
    enum status s;
    if (e->form == FORM_NAME && e->name && strcmp(e->name, "unembed") == 0) {
        *node = (long)net->output;
        return strstr(net->nodes[net->output].name, ".mlp.") ? interp_fail(in, e, "the output is a node of an MLP") : STATUS_OK;
    }
    if (e->form == FORM_FIELD) {
        if ((s = small_int(&l, in, e->args[0]->args[0])) != STATUS_OK || (s = small_int(&h, in, e->args[0]->args[1])) != STATUS_OK) return s;
        snprintf(name, sizeof name, "blocks.%ld.attn.hook_%s.%ld", l, e->name, h);
        return find_node(node, in, net, e, name);
    }
    if (e->form != FORM_CALL || e->function != FUNCTION_MLP) return interp_fail(in, e, "readers are head(l, h).q, .k, .v, mlp(l) and unembed");
    if ((s = small_int(&l, in, e->args[0])) != STATUS_OK) return s;
    snprintf(name, sizeof name, "blocks.%ld.mlp.", l);
    for (size_t v = 0; v < net->n_nodes; v++)
        if (strncmp(net->nodes[v].name, name, strlen(name)) == 0) {
            *node = (long)v;
            return STATUS_OK;
        }
    return interp_fail(in, e, "the model has no MLP in layer %ld", l);
}

static enum status edge_part(struct part *out, struct interp *in, const struct net *base, const struct expr *e)
{
    long node = -1, reader = -1;
    bool exists;
    enum status s = component_node(&node, in, base, e->args[0]);
    if (s == STATUS_OK) s = find_reader(&reader, in, base, e->args[1]);
    if (s != STATUS_OK) return s;
    if (base->nodes[node].width == 0) return interp_fail(in, e, "scores and patterns have no edges");
    *out = (struct part){.node = (size_t)node, .reader = reader, .entry = -1};
    if ((s = edge_exists(&exists, base, out)) != STATUS_OK) return s;
    return exists ? STATUS_OK : interp_fail(in, e, "there is no such edge: the reader does not read this component through the residual stream alone");
}

enum status component_part(struct part *out, struct interp *in, const struct net *base, const struct expr *e)
{
    char name[128];
    long node, l, k;
    enum status s;
    if (e->form == FORM_CALL && e->function == FUNCTION_EDGE) return edge_part(out, in, base, e);
    if (e->form != FORM_CALL || e->function != FUNCTION_NEURON) {
        if ((s = component_node(&node, in, base, e)) == STATUS_OK) *out = (struct part){.node = (size_t)node, .reader = -1, .entry = -1};
        return s;
    }
    if ((s = small_int(&l, in, e->args[0])) != STATUS_OK || (s = small_int(&k, in, e->args[1])) != STATUS_OK) return s;
    snprintf(name, sizeof name, "blocks.%ld.mlp.hook_post", l);
    if ((s = find_node(&node, in, base, e, name)) != STATUS_OK) return s;
    if (k < 0 || (size_t)k >= base->nodes[node].width) return interp_fail(in, e, "neuron %ld out of range: layer %ld has 0..%zu", k, l, base->nodes[node].width - 1);
    *out = (struct part){.node = (size_t)node, .reader = -1, .entry = k};
    return STATUS_OK;
}

static enum status resid_pre_node(long *node, struct interp *in, const struct net *net, const struct expr *e, long l)
{
    char name[128];
    snprintf(name, sizeof name, "blocks.%ld.hook_resid_pre", l);
    if ((*node = net_node(net, name)) >= 0) return STATUS_OK;
    snprintf(name, sizeof name, "blocks.%ld.hook_resid_post", l - 1);
    return find_node(node, in, net, e, l == 0 ? "hook_embed" : name);
}

static enum status layer_node(long *node, struct interp *in, const struct net *net, const struct expr *e, long l, long h)
{
    char name[128];
    const char *tail;
    switch (e->function) {
    case FUNCTION_ATTN: tail = "attn.hook_pattern"; break;
    case FUNCTION_SCORE: tail = "attn.hook_attn_scores"; break;
    case FUNCTION_HEAD_OUT: tail = "attn.hook_result"; break;
    case FUNCTION_RESID_MID: tail = "hook_resid_mid"; break;
    case FUNCTION_RESID_POST: tail = "hook_resid_post"; break;
    case FUNCTION_MLP_PRE: tail = "mlp.hook_pre"; break;
    case FUNCTION_MLP_POST: tail = "mlp.hook_post"; break;
    default: return resid_pre_node(node, in, net, e, l);
    }
    if (h >= 0) snprintf(name, sizeof name, "blocks.%ld.%s.%ld", l, tail, h);
    else snprintf(name, sizeof name, "blocks.%ld.%s", l, tail);
    return find_node(node, in, net, e, name);
}

enum status base_node(size_t *out, struct interp *in, const struct site *site, const struct expr *e)
{
    struct class *c = class_of(in, e);
    long l = 0, h = -1, node;
    enum status s = STATUS_OK;
    if (!c) return STATUS_MEMORY;
    if (e->function == FUNCTION_LOGITS || e->function == FUNCTION_OUTPUT) {
        *out = site->base->output;
        return STATUS_OK;
    }
    if (e->function == FUNCTION_NODE) {
        if (c->key.node < 0 || e->args[1]->form == FORM_CALL) s = component_node(&c->key.node, in, site->base, e->args[1]);
        if (s == STATUS_OK) *out = (size_t)c->key.node;
        return s;
    }
    if ((s = small_int(&l, in, e->args[1])) != STATUS_OK) return s;
    if (e->n_args == 4 && (s = small_int(&h, in, e->args[2])) != STATUS_OK) return s;
    if (e->n_args == 4 && h < 0) return interp_fail(in, e, "head %ld out of range", h);
    if (c->key.node < 0 || c->key.layer != l || c->key.head != h) {
        if ((s = layer_node(&node, in, site->base, e, l, h)) != STATUS_OK) return s;
        c->key = (struct node_key){l, h, node};
    }
    *out = (size_t)c->key.node;
    return STATUS_OK;
}
