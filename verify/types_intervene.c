/* Interventions: models made from models. */
#include <stdio.h>
#include <string.h>
#include "verify/types.h"

static const char *key_of(const struct expr *arg)
{
    return arg->form == FORM_ASSIGN && arg->args[0]->form == FORM_NAME && arg->args[0]->slot < 0 ? arg->args[0]->name : "";
}

static bool net_normalises(const struct net *net)
{
    for (size_t i = 0; net && i < net->n_nodes; i++)
        if (net->nodes[i].op == OP_LAYERNORM)
            return true;
    return false;
}

static bool has_norms(const struct net *net)
{
    for (size_t i = 0; net && i < net->n_nodes; i++)
        if (net->nodes[i].op == OP_RMSNORM)
            return true;
    return net_normalises(net);
}

/* Two changes of one model treat its norms alike. */
static bool type_one_ln(struct typer *t, const struct expr *e, bool frozen)
{
    const struct expr *inner = e->args[0];
    if (!expr_changes_model(inner) || !has_norms(net_of(model_of(t, inner))) || expr_is_frozen(inner->args[inner->n_args - 1]) == frozen)
        return true;
    report_at(t->report, (struct place){e->at.offset, strlen(function_table[e->function].name)}, NULL, "say ln = live, or ln = frozen, in all of them",
              "one intervention says ln = live, another on the same model ln = frozen");
    return false;
}

/* `ln = live | frozen`: asked for when there is LayerNorm; a statement that does not say it is live. Frozen is taken away while the other
 * arguments are looked at: *frozen. */
static bool type_ln(struct typer *t, struct expr *e, const struct bound_model *m, struct expr **kept)
{
    bool given = false;
    char label[120];
    *kept = NULL;
    for (size_t i = 1; i < e->n_args; i++) {
        if (strcmp(key_of(e->args[i]), "ln") != 0)
            continue;
        const struct expr *word = e->args[i]->args[1];
        bool frozen = word->form == FORM_KEYWORD && strcmp(word->name, "frozen") == 0;
        if (given || (!frozen && !(word->form == FORM_KEYWORD && strcmp(word->name, "live") == 0))) {
            report_at(t->report, e->args[i]->at, NULL, "ln = live, or ln = frozen", given ? "'ln' is given twice" : "unknown word after 'ln ='");
            return false;
        }
        given = true;
        if (frozen) {
            *kept = e->args[i];
            (*kept)->type = (*kept)->args[0]->type = (*kept)->args[1]->type = type_of(BASE_NONE, 0, -1, -1);
        }
        memmove(&e->args[i], &e->args[i + 1], (e->n_args - i - 1) * sizeof *e->args);
        e->n_args--;
        i--;
    }
    if (given || !net_normalises(net_of(m)))
        return type_one_ln(t, e, *kept != NULL);
    (void)snprintf(label, sizeof label, "%s has LayerNorm", m->name);
    report_at(t->report, (struct place){e->at.offset, strlen(function_table[e->function].name)}, label,
              "add ln = live, or ln = frozen (each LayerNorm keeps 1/sigma of the unmodified model's run)",
                      "the intervention does not say what LayerNorm does");
    return false;
}

static bool type_patch_arg(struct typer *t, struct expr *arg, const struct bound_model *m)
{
    if (arg->form != FORM_ASSIGN) {
        report_at(t->report, arg->at, NULL, "patch(M, head(0, 0) = node(M, head(0, 0), s))", "expected COMPONENT = value");
        return false;
    }
    struct expr *left = arg->args[0], *right = arg->args[1];
    t->parts_of = m;
    bool ok = type_component(t, left);
    t->parts_of = NULL;
    if (!ok)
        return false;
    const struct expr *base = left->form == FORM_INDEX ? left->args[0] : left;
    bool one = base->form == FORM_STRING || (base->form == FORM_NAME && strcmp(base->name, "all") != 0 && strcmp(base->name, "unembed") != 0) ||
               base->form == FORM_CALL;
    if (!one || (left->form == FORM_INDEX && left->n_args != 2)) {
        report_at(t->report, left->at, NULL, "several components: patch(M, head(0, 0) = ..., head(0, 1) = ...)",
                one ? "a patch replaces whole rows" : "a patch replaces one component at a time");
        return false;
    }
    const struct net *net = net_of(m);
    long node = net && base->form == FORM_STRING ? net_node(net, base->name) : -1;
    if (node >= 0 && (net->nodes[node].op == OP_SCORE || net->nodes[node].op == OP_SOFTMAX))
        type_note(t, "no rule for patching attention scores and patterns yet");
    if (right->form == FORM_KEYWORD) {
        type_note(t, "no rule for '%s' beside other replacements: one ablate, or one patch around another", right->name);
        return right->n_args == 0 || (strstr(right->name, "over") ? type_set(t, right->args[0]) : type_value(t, right->args[0]));
    }
    if (!type_value(t, right))
        return false;
    bool one_row = net && net->width_in && net->n_ctx == 1 && left->form != FORM_INDEX && right->type.rank == 1;   /* all its rows */
    size_t rank = one_row || (left->form == FORM_INDEX && left->type.rank == 0) ? 1 : 2;
    struct type wanted = rank == 1 ? type_of(BASE_REAL, 1, left->type.shape[1], -1) : type_of(BASE_REAL, 2, -1, left->type.shape[1]);
    if (is_number(&right->type) && same_shape(&wanted, &right->type))
        return true;
    char text[140];
    type_describe(text, sizeof text, &wanted);
    return type_wrong(t, right, text, rank == 1 ? NULL : "one position: head(0, 0)[last] = ...");
}

static bool type_patch(struct typer *t, struct expr *e, const struct bound_model *m)
{
    bool ok = true;
    for (size_t i = 1; i < e->n_args; i++) {
        ok = type_patch_arg(t, e->args[i], m) && ok;
        for (size_t k = 1; k < i; k++)
            if (e->args[k]->form == FORM_ASSIGN && e->args[i]->form == FORM_ASSIGN && expr_equal(e->args[k]->args[0], e->args[i]->args[0])) {
                report_at(t->report, e->args[i]->at, NULL, NULL, "the same component is replaced twice");
                ok = false;
            }
    }
    if (e->n_args < 2) {
        report_at(t->report, e->at, NULL, "patch(M, head(0, 0) = node(M, head(0, 0), s))", "the patch replaces nothing");
        return false;
    }
    return ok;
}

static bool binds_other(const struct expr *e, void *context)
{
    const int *slot = context;
    for (size_t i = 0; i < e->binds.n; i++)
        if (e->binds.items[i].slot == *slot)
            return false;
    return true;
}

static bool bound_inside(const struct expr *e, void *context)
{
    int slot = e->slot;
    return e->form != FORM_NAME || slot < 0 || !expr_walk(context, binds_other, &slot);
}

/* Rests on no variable but those that it binds. */
static bool is_closed(struct expr *e)
{
    return expr_walk(e, bound_inside, e);
}

static bool type_replacement(struct typer *t, struct expr *e)
{
    if (e->form != FORM_KEYWORD)
        return type_value(t, e);
    e->type = type_of(BASE_NONE, 0, -1, -1);
    if (e->n_args == 0)
        return true;
    return strstr(e->name, "over") ? type_set(t, e->args[0]) : type_value(t, e->args[0]);
}

/* `to = ...`: a sequence after from, a set of sequences that is known in advance after mean over. */
static bool type_target(struct typer *t, struct expr *e, const struct expr *model, struct expr *components)
{
    struct type sequence = type_of(BASE_INT, 1, -1, -1);
    if (e->form != FORM_KEYWORD || strcmp(e->name, "live") == 0 || strcmp(e->name, "frozen") == 0) {
        report_at(t->report, e->at, NULL, "to = zero, to = value E, to = from s, to = mean over SET, or to = any over SET", "unknown word after 'to ='");
        return false;
    }
    if (!type_replacement(t, e))
        return false;
    struct expr *part = e->n_args ? e->args[0] : NULL;
    if (strcmp(e->name, "value") == 0 && (!is_number(&part->type) || part->type.rank > 2))
        return type_wrong(t, part, "a number, a vector or a matrix", NULL);
    if (strcmp(e->name, "from") == 0 && (!is_number(&part->type) || !same_shape(&sequence, &part->type)))
        return type_wrong(t, part, "a sequence", "to = from s takes the rows of the run on s");
    if (!strstr(e->name, " over"))
        return true;
    const struct type *element = part->type.element;
    if (element && element->base != BASE_NONE && (element->base != BASE_INT || element->rank != 1))
        return type_wrong(t, part, "a set of sequences", "domain D = tokens[4] of 0..63");
    if (!is_closed(part) || !is_closed(components))
        type_note(t, "no rule yet for a mean or any over a set, or of components, that rests on a variable");
    if (model->form != FORM_NAME)
        type_note(t, "no rule yet for a mean, or any, of a model that is changed already");
    return true;
}

static bool is_whole(const struct expr *e, void *context)
{
    (void)context;
    return e->form != FORM_CALL || (e->function != FUNCTION_NEURON && e->function != FUNCTION_EDGE);
}

/* What `keep` keeps is taken out of `all`, which has whole components. */
static bool keeps_whole(struct typer *t, const struct expr *e)
{
    if (expr_walk(e, is_whole, NULL))
        return true;
    report_at(t->report, e->at, NULL, "drop = {edge(embed, unembed)} names neurons and edges one by one", "keep takes whole components");
    return false;
}

static bool type_ablate(struct typer *t, struct expr *e, const struct bound_model *m)
{
    static const char *const keys[] = {"keep", "drop", "to"};
    size_t given[3] = {0};
    struct expr *target = NULL, *components = NULL;
    bool ok = true;
    for (size_t i = 1; i < e->n_args; i++) {
        struct expr *arg = e->args[i];
        size_t k = 0;
        while (k < 3 && strcmp(key_of(arg), keys[k]) != 0)
            k++;
        if (k == 3 || given[k]++) {
            report_at(t->report, arg->at, NULL, "ablate(M, drop = {head(0, 0)}, to = zero)",
                    k == 3 ? "ablate takes keep =, drop =, to = and ln =" : "'%s' is given twice", k == 3 ? "" : keys[k]);
            return false;
        }
        arg->args[0]->type = type_of(BASE_STRING, 0, -1, -1);
        if (k == 2) {
            target = arg->args[1];
            continue;
        }
        components = arg->args[1];
        t->parts_of = m;
        ok = type_component(t, arg->args[1]) && ok;
        t->parts_of = NULL;
        if (ok && !droppable(arg->args[1], net_of(m)))
            type_note(t, "no rule for ablating unembed, attention scores and patterns yet");
        ok = ok && (k != 0 || keeps_whole(t, arg->args[1]));
    }
    struct place at = {e->at.offset, strlen("ablate")};
    if (given[0] + given[1] != 1) {
        report_at(t->report, at, NULL, "keep = {...} drops all others, drop = {...} keeps all others", "ablate %s",
                given[0] ? "has keep and drop" : "does not say which components");
        ok = false;
    }
    if (!given[2]) {
        report_at(t->report, at, NULL, "add to = zero, to = mean over SET, to = value E, to = from s, or to = any over SET",
                "ablate does not say what the dropped components become");
        ok = false;
    }
    return ok && type_target(t, target, e->args[0], components);
}

static bool type_replace(struct typer *t, struct expr *e, const struct bound_model *m)
{
    bool ok = true;
    const struct expr *of = e->args[0];
    if (of->form != FORM_NAME && of->function != FUNCTION_REPLACE && of->function != FUNCTION_BLEND)
        type_note(t, "no rule for replace of a model that is changed already: replace first");
    for (size_t i = 1; i < e->n_args; i++) {
        struct expr *arg = e->args[i], *left = arg->form == FORM_ASSIGN ? arg->args[0] : NULL;
        const struct net *net = net_of(m);
        if (!left) {
            report_at(t->report, arg->at, NULL, "replace(M, \"pos_embed.W_pos\" = mean_rows(W(M, \"pos_embed.W_pos\")))",
                    "expected \"tensor\" = value");
            return false;
        }
        long tensor = net && left->form == FORM_STRING ? net_tensor(net, left->name) : -1;
        if (net && left->form == FORM_STRING && tensor < 0 && net_node(net, left->name) < 0) {
            type_unknown_tensor(t, left, m);
            return false;
        }
        struct type shape = type_of(BASE_NONE, 0, -1, -1);
        if (tensor >= 0) {
            left->type = type_of(BASE_STRING, 0, -1, -1);
            shape = type_of(BASE_EXACT, net->tensors[tensor].rank < 3 ? net->tensors[tensor].rank : 3, -1, -1);
            for (size_t k = 0; k < shape.rank; k++)
                shape.shape[k] = (long)net->tensors[tensor].shape[k];
        } else {
            t->parts_of = m;
            ok = type_component(t, left) && ok;
            t->parts_of = NULL;
            report_at(t->report, left->at, NULL, left->form == FORM_STRING ? "patch(M, \"blocks.0.hook_resid_post\" = ...)" : "patch(replace(M, \"embed.W_E\" = ...), head(0, 0) = ...)",
                      left->form == FORM_STRING ? "a whole node is replaced by patch" : "tensors and components are not replaced in one call");
            return false;
        }
        if (!type_replacement(t, arg->args[1]))
            return false;
        if (!is_closed(arg->args[1]) || arg->args[1]->type.base == BASE_REAL)
            type_note(t, "no rule for a tensor that rests on a variable or an activation");
        char text[140];
        type_describe(text, sizeof text, &shape);
        if (!is_number(&arg->args[1]->type) || !same_shape(&shape, &arg->args[1]->type))
            return type_wrong(t, arg->args[1], text, NULL);
    }
    return ok;
}

static struct expr *word(struct typer *t, const struct expr *at, const char *name)
{
    struct expr *e = expr_new(t->arena, FORM_NAME, at->at);
    if (!e || !(e->name = arena_string(t->arena, name, strlen(name)))) return NULL;
    e->slot = -1;
    return e;
}

/* patch(M, C = zero), ...: ablate(M, drop = C, to = zero) */
static bool into_ablate(struct typer *t, struct expr *e)
{
    struct expr *arg = e->args[1], *to = expr_new(t->arena, FORM_ASSIGN, arg->at), *drop = word(t, arg, "drop"), *key = word(t, arg, "to");
    if (!to || !drop || !key || !expr_add_arg(t->arena, to, key) || !expr_add_arg(t->arena, to, arg->args[1])) return false;
    arg->args[1] = arg->args[0];
    arg->args[0] = drop;
    if (!expr_add_arg(t->arena, e, to)) return false;
    e->function = FUNCTION_ABLATE;
    return true;
}

static bool names_component(const struct expr *arg)
{
    return arg->form == FORM_ASSIGN && arg->args[0]->form != FORM_STRING;
}

/* A replace of components is a patch; a patch of one component by zero, a mean, ... is an ablate. */
static bool type_rewrite(struct typer *t, struct expr *e)
{
    bool components = e->function == FUNCTION_REPLACE && e->n_args > 1;
    for (size_t i = 1; i < e->n_args; i++) components = components && names_component(e->args[i]);
    if (components) e->function = FUNCTION_PATCH;
    bool keyword = e->function == FUNCTION_PATCH && e->n_args == 2 && e->args[1]->form == FORM_ASSIGN && e->args[1]->args[1]->form == FORM_KEYWORD;
    return !keyword || into_ablate(t, e);
}

static bool type_blend(struct typer *t, struct expr *e)
{
    if (!type_value(t, e->args[1]) || !type_number(t, e->args[2])) return false;
    if (e->args[1]->type.base != BASE_MODEL) return type_wrong(t, e->args[1], "a model", NULL);
    const struct bound_model *other = model_of(t, e->args[1]);
    if (other && other->loaded != STATUS_OK) type_note(t, "%s", other->reason ? other->reason : "the model could not be read");
    for (size_t i = 0; i < 2; i++)
        if (e->args[i]->form != FORM_NAME && e->args[i]->function != FUNCTION_REPLACE && e->args[i]->function != FUNCTION_BLEND)
            type_note(t, "no rule for blend of a model that is changed already: blend first");
    if (!is_closed(e->args[2]) || e->args[2]->type.base == BASE_REAL)
        type_note(t, "no rule for a blend whose share rests on a variable or an activation: foreach makes a claim for each share");
    return true;
}

static bool type_steer(struct typer *t, struct expr *e, const struct bound_model *m)
{
    if (e->n_args != 4) {
        report_at(t->report, e->at, NULL, "steer(M, \"blocks.0.hook_resid_post\"[last], vector, alpha)",
                "steer takes a model, a node, a vector and a number");
        return false;
    }
    t->parts_of = m;
    bool ok = type_component(t, e->args[1]);
    t->parts_of = NULL;
    const struct expr *what = e->args[1]->form == FORM_INDEX ? e->args[1]->args[0] : e->args[1];
    if (ok && e->args[1]->form == FORM_INDEX && e->args[1]->n_args != 2) {
        report_at(t->report, e->args[1]->at, NULL, NULL, "a steer adds to whole rows");
        return false;
    }
    if (ok && !is_one_part(what)) {
        report_at(t->report, what->at, NULL, "several components: steer(steer(M, head(0, 0), v, 2), head(0, 1), v, 2)", "steer adds to one component at a time");
        return false;
    }
    if (ok && !droppable(what, net_of(m)))
        type_note(t, "no rule for steering unembed, attention scores and patterns");
    struct type wanted = type_of(BASE_REAL, 1, e->args[1]->type.shape[1], -1);
    if (!type_value(t, e->args[2]) || !type_number(t, e->args[3]))
        return false;
    if (!is_number(&e->args[2]->type) || (ok && !same_shape(&wanted, &e->args[2]->type)))
        return type_wrong(t, e->args[2], "a vector as wide as the node", NULL);
    return ok;
}

bool type_intervention(struct typer *t, struct expr *e)
{
    const struct bound_model *m = model_of(t, e->args[0]), *outer = t->parts_of;
    if (!type_value(t, e->args[0]))
        return false;
    if (e->args[0]->type.base != BASE_MODEL || !m)
        return type_wrong(t, e->args[0], "a model", NULL);
    if (m->loaded != STATUS_OK)
        type_note(t, "%s", m->reason ? m->reason : "the model could not be read");
    e->type = type_of(BASE_MODEL, 0, -1, -1);
    bool ok = true;
    struct expr *frozen = NULL;
    if (e->function != FUNCTION_BLEND && !type_ln(t, e, m, &frozen))
        return false;
    if (!type_rewrite(t, e))
        return false;
    switch (e->function) {
    case FUNCTION_PATCH: ok = type_patch(t, e, m) && ok; break;
    case FUNCTION_ABLATE: ok = type_ablate(t, e, m) && ok; break;
    case FUNCTION_REPLACE: ok = type_replace(t, e, m) && ok; break;
    case FUNCTION_STEER: ok = type_steer(t, e, m) && ok; break;
    default: ok = type_blend(t, e); break;
    }
    t->parts_of = outer;
    return ok && (!frozen || expr_add_arg(t->arena, e, frozen));
}
