/* Components of a model, what reads them, and parts of them: their shape is [positions, width] (-1: not known). */
#include <stdio.h>
#include <string.h>
#include "verify/edit.h"
#include "verify/types.h"

static bool component_node(struct typer *t, struct expr *e, const char *name, const char *help)
{
    struct type shape;
    if (!type_node_name(t, e, t->parts_of, name, -1, help, &shape))
        return false;
    e->type.shape[1] = shape.shape[1];
    return true;
}

static bool component_word(struct typer *t, struct expr *e)
{
    if (e->slot < 0 && strcmp(e->name, "embed") == 0)
        return component_node(t, e, "hook_embed", NULL);
    if (e->slot < 0 && strcmp(e->name, "pos_embed") == 0)
        return component_node(t, e, "hook_pos_embed", "the model has no learned positions");
    if (e->slot < 0 && (strcmp(e->name, "all") == 0 || strcmp(e->name, "unembed") == 0))
        return true;
    if (!type_value(t, e))
        return false;
    return type_wrong(t, e, "a component", "components are embed, pos_embed, head(l, h), mlp(l), ...");
}

/* A component that is one node: no set, no part of one. */
static bool is_node(const struct expr *e)
{
    if (e->form == FORM_STRING) return true;
    if (e->form == FORM_NAME) return strcmp(e->name, "embed") == 0 || strcmp(e->name, "pos_embed") == 0;
    return e->form == FORM_CALL && (e->function == FUNCTION_HEAD || e->function == FUNCTION_MLP || e->function == FUNCTION_BIAS);
}

/* A node, or a part of one. */
bool is_one_part(const struct expr *e)
{
    return is_node(e) || (e->form == FORM_CALL && (e->function == FUNCTION_NEURON || e->function == FUNCTION_EDGE));
}

/* The two ends of an edge: a component and its reader head(l, h).q, .k, .v, mlp(l) or unembed. */
static bool component_edge(struct typer *t, struct expr *e)
{
    struct expr *reader = e->args[1];
    bool ok = type_component(t, e->args[0]);
    e->type.shape[1] = e->args[0]->type.shape[1];
    if (ok && !is_node(e->args[0])) {
        report_at(t->report, e->args[0]->at, NULL, "edge(head(0, 0), unembed); a set of edges: {edge(head(0, h), unembed) : h in 0..3}", "an edge begins at one component");
        return false;
    }
    bool whole = (reader->form == FORM_NAME && reader->slot < 0 && strcmp(reader->name, "unembed") == 0) || (reader->form == FORM_CALL && reader->function == FUNCTION_MLP);
    if (whole)
        return type_component(t, reader) && ok;
    if (reader->form != FORM_FIELD) {
        report_at(t->report, reader->at, NULL, "readers are head(l, h).q, head(l, h).k, head(l, h).v, mlp(l) and unembed", "unknown reader");
        return false;
    }
    reader->type = type_of(BASE_COMPONENT, 0, -1, -1);
    bool head = reader->args[0]->form == FORM_CALL && reader->args[0]->function == FUNCTION_HEAD;
    if (!head || (strcmp(reader->name, "q") != 0 && strcmp(reader->name, "k") != 0 && strcmp(reader->name, "v") != 0)) {
        report_at(t->report, reader->at, NULL, "readers are head(l, h).q, head(l, h).k, head(l, h).v, mlp(l) and unembed", "unknown reader");
        return false;
    }
    return type_component(t, reader->args[0]) && ok;
}

static bool component_bias(struct typer *t, struct expr *e)
{
    long l;
    const struct net *net = net_of(t->parts_of);
    if (!type_layer_head(t, e->args[0], NULL, t->parts_of)) return false;
    if (!net || !constant_integer(&l, e->args[0], -1)) return true;
    e->type.shape[1] = edit_bias_width(net, l);
    if (e->type.shape[1] >= 0) return true;
    report_at(t->report, e->at, NULL, "the bias of an MLP is part of mlp(l), that of the logits of no component", "the attention of layer %ld has no bias b_O", l);
    return false;
}

static bool component_call(struct typer *t, struct expr *e)
{
    char name[80];
    long l, h;
    if (!function_table[e->function].decided)
        type_note(t, "no rule for %s yet", function_table[e->function].name);
    switch (e->function) {
    case FUNCTION_HEAD:
        if (!type_layer_head(t, e->args[0], e->args[1], t->parts_of))
            return false;
        if (!constant_integer(&l, e->args[0], -1) || !constant_integer(&h, e->args[1], -1))
            return true;
        (void)snprintf(name, sizeof name, "blocks.%ld.attn.hook_result.%ld", l, h);
        return component_node(t, e, name, NULL);
    case FUNCTION_MLP:
        if (!type_layer_head(t, e->args[0], NULL, t->parts_of))
            return false;
        if (!constant_integer(&l, e->args[0], -1))
            return true;
        (void)snprintf(name, sizeof name, "blocks.%ld.hook_mlp_out", l);
        return component_node(t, e, name, "its blocks have no MLP");
    case FUNCTION_NEURON:
        e->type.shape[1] = 1;
        return type_layer_head(t, e->args[0], NULL, t->parts_of) && type_integer(t, e->args[1]);
    case FUNCTION_BIAS: return component_bias(t, e);
    case FUNCTION_EDGE: return component_edge(t, e);
    default: break;
    }
    return type_value(t, e) && type_wrong(t, e, "a component", "components are embed, pos_embed, head(l, h), mlp(l), ...");
}

static bool component_parts(struct typer *t, struct expr *e)
{
    bool ok = true;
    if (e->form == FORM_IMAGE) {
        if (!type_binds(t, &e->binds, true))
            return false;
        ok = !e->where || type_predicate(t, e->where);
    }
    for (size_t i = 0; i < e->n_args; i++)
        ok = type_component(t, e->args[i]) && ok;
    return ok;
}

bool type_component(struct typer *t, struct expr *e)
{
    e->type = type_of(BASE_COMPONENT, 0, -1, -1);
    switch (e->form) {
    case FORM_NAME: return component_word(t, e);
    case FORM_STRING: return component_node(t, e, e->name, NULL);
    case FORM_CALL: return component_call(t, e);
    case FORM_LIST: case FORM_IMAGE: return component_parts(t, e);
    case FORM_BINARY:
        if (e->oper == OPER_ADD || e->oper == OPER_SUB)
            return component_parts(t, e);
        break;
    case FORM_INDEX: {
        struct type rows = type_of(BASE_INT, 1, -1, -1);
        if (!type_component(t, e->args[0]))
            return false;
        long width = e->args[0]->type.shape[1];
        bool ok = type_index_list(t, e, &rows);
        size_t kept = e->type.rank;
        e->type = type_of(BASE_COMPONENT, kept, -1, width);   /* rank 0: one row; 1: some rows */
        return ok;
    }
    default: break;
    }
    report_at(t->report, e->at, NULL, "components are embed, pos_embed, head(l, h), mlp(l), ...", "wrong type: expected a component");
    return false;
}

/* Components that no rule can drop: what reads and does not write, and patterns. */
bool droppable(const struct expr *e, const struct net *net)
{
    long node = net && e->form == FORM_STRING ? net_node(net, e->name) : -1;
    if (e->form == FORM_NAME && e->slot < 0 && strcmp(e->name, "unembed") == 0) return false;
    if (node >= 0 && net->nodes[node].width == 0) return false;
    size_t n = e->form == FORM_CALL ? 0 : e->form == FORM_INDEX ? 1 : e->n_args;
    for (size_t i = 0; i < n; i++)
        if (!droppable(e->args[i], net)) return false;
    return true;
}
