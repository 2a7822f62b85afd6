#include "verify/network_read.h"

#include <string.h>

bool network_read(struct network_read *out, const struct expr *e)
{
    *out = (struct network_read){ 0 };
    if (e->form != FORM_INDEX)
        return false;
    const struct expr *base = e->args[0];
    if (base->form == FORM_INDEX && base->n_args == 2 && e->n_args == 2) {
        out->column = e->args[1];
        e = base;
        base = e->args[0];
    } else if (e->n_args == 3)
        out->column = e->args[2];
    out->call = base;
    out->row = e->args[1];
    return base->form == FORM_CALL && (base->function == FUNCTION_LOGITS || base->function == FUNCTION_ATTN) && e->n_args >= 2
           && out->row->form != FORM_SLICE && (!out->column || out->column->form != FORM_SLICE);
}

bool model_is_plain(const struct expr *model)
{
    if (model->form == FORM_NAME)
        return true;
    if (expr_calls(model, FUNCTION_BLEND))
        return model_is_plain(model->args[0]) && model_is_plain(model->args[1]);
    if (!expr_calls(model, FUNCTION_REPLACE))
        return false;
    for (size_t i = 1; i < model->n_args; i++)
        if (expr_is_frozen(model->args[i]) || model->args[i]->form != FORM_ASSIGN || model->args[i]->args[0]->form != FORM_STRING)
            return false;
    return model_is_plain(model->args[0]);
}

static bool until_read(const struct expr *e, void *context)
{
    const struct expr **out = context;
    if (!expr_calls(e, FUNCTION_LOGITS) && !expr_calls(e, FUNCTION_ATTN))
        return true;
    *out = e;
    return false;
}

const struct expr *network_call(const struct expr *e)
{
    const struct expr *out = NULL;
    expr_walk(e, until_read, &out);
    return out;
}

const struct expr *model_read(const struct expr *e)
{
    const struct expr *call = network_call(e);
    return call ? call->args[0] : NULL;
}

static bool is_any(const struct expr *arg) { return arg->form == FORM_ASSIGN && arg->args[1]->form == FORM_KEYWORD && strncmp(arg->args[1]->name, "any", 3) == 0; }

static bool chooses_nothing(const struct expr *e, void *context)
{
    (void)context;
    for (size_t i = 1; expr_calls(e, FUNCTION_ABLATE) && i < e->n_args; i++)
        if (is_any(e->args[i])) return false;
    return true;
}

bool reads_choices(const struct expr *e) { return !expr_walk(e, chooses_nothing, NULL); }

bool model_is_changed(const struct expr *model)
{
    if (!expr_patches(model))
        return false;
    for (size_t i = 1; i < model->n_args; i++)
        if (expr_is_frozen(model->args[i]) || is_any(model->args[i]))
            return false;
    return model_is_plain(model->args[0]) || model_is_changed(model->args[0]);
}
