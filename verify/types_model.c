/* What is read from a model: activations and weights, with the names, layers, heads and shapes it has. */
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "verify/resolve.h"
#include "verify/types.h"

const struct bound_model *model_of(const struct typer *t, const struct expr *e)
{
    while (e->form == FORM_CALL && e->n_args)
        e = e->args[0];
    for (size_t i = 0; e->form == FORM_NAME && e->slot < 0 && i < t->n_models; i++)
        if (strcmp(t->models[i].name, e->name) == 0)
            return &t->models[i];
    return NULL;
}

const struct net *net_of(const struct bound_model *m)
{
    return m && m->loaded == STATUS_OK ? &m->model.net : NULL;
}

static bool type_loaded(struct typer *t, const struct bound_model *m)
{
    if (m && m->loaded != STATUS_OK)
        type_note(t, "%s", m->reason ? m->reason : "the model could not be read");
    return m != NULL;
}

/* First argument: a model; *out NULL never on success. */
bool type_model(struct typer *t, struct expr *e, const struct bound_model **out)
{
    if (!type_value(t, e))
        return false;
    if (e->type.base != BASE_MODEL)
        return type_wrong(t, e, "a model", t->n_models ? NULL : "the file declares none: model M = \"max4.safetensors\"");
    *out = model_of(t, e);
    if (e->form == FORM_CALL && e->function == FUNCTION_TRUNCATE) {
        report_at(t->report, e->at, NULL, "a truncated model has outputs: output(truncate(B, k), x)", "truncate stands as the model of output only");
        return false;
    }
    return type_loaded(t, *out);
}

/* The same for output, of which the model may be truncate(N, k), truncate(N, k, "node"). */
static bool type_output_model(struct typer *t, struct expr *e, const struct bound_model **out)
{
    if (e->form != FORM_CALL || e->function != FUNCTION_TRUNCATE)
        return type_model(t, e, out);
    *out = model_of(t, e);
    return type_value(t, e) && type_loaded(t, *out);
}
static bool out_of(struct typer *t, const struct expr *e, const char *what, const struct bound_model *m, long in_layer, size_t n)
{
    char label[200], place[40] = "";
    if (in_layer >= 0)
        (void)snprintf(place, sizeof place, " in layer %ld", in_layer);
    if (n == 0)
        (void)snprintf(label, sizeof label, "%s has no %ss%s", m->name, what, place);
    else
        (void)snprintf(label, sizeof label, "%s has %zu %s%s%s (0..%zu)", m->name, n, what, n == 1 ? "" : "s", place, n - 1);
    report_at(t->report, e->at, label, NULL, "%s index out of range", what);
    return false;
}

bool type_layer_head(struct typer *t, struct expr *layer, struct expr *head, const struct bound_model *m)
{
    const struct net *net = net_of(m);
    long l, h;
    bool known = constant_integer(&l, layer, -1);
    if (!type_integer(t, layer) || (head && !type_integer(t, head)))
        return false;
    if (!net)
        return true;
    if (known && (l < 0 || (size_t)l >= net_layers(net)))
        return out_of(t, layer, "layer", m, -1, net_layers(net));
    if (!head || !constant_integer(&h, head, -1))
        return true;
    size_t heads = known ? net_heads(net, (size_t)l) : 0;
    for (size_t i = 0; !known && i < net_layers(net); i++)
        heads = net_heads(net, i) > heads ? net_heads(net, i) : heads;
    return (h >= 0 && (size_t)h < heads) || out_of(t, head, "head", m, known ? l : -1, heads);
}

/* "W_E" where there is an "embed.W_E". */
static const char *suggest_longer(char *buf, size_t size, const char *name, const char *const *all, size_t n)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < n && length > 0; i++) {
        size_t whole = strlen(all[i]);
        if (whole > length && all[i][whole - length - 1] == '.' && strcmp(all[i] + whole - length, name) == 0) {
            (void)snprintf(buf, size, "did you mean '%.100s'?", all[i]);
            return buf;
        }
    }
    return NULL;
}

/* Names of the net's nodes (or tensors) for a suggestion. */
static void unknown_in_net(struct typer *t, const struct expr *at, const struct bound_model *m, const char *name, bool tensor, const char *help)
{
    const struct net *net = net_of(m);
    size_t n = tensor ? net->n_tensors : net->n_nodes;
    const char **all = mem_array(n, sizeof *all);
    char buf[160];
    if (!all) {
        t->arena->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = tensor ? net->tensors[i].name : net->nodes[i].name;
    if (!help) help = suggest_longer(buf, sizeof buf, name, all, n);
    if (!help && !(help = suggest(buf, sizeof buf, name, all, n)))
        help = tensor ? "weightproof info lists the tensors" : "weightproof info lists the nodes";
    report_at(t->report, at->at, NULL, help, "%s has no %s '%s'", m->name, tensor ? "tensor" : "node", name);
    free(all);
}

void type_unknown_tensor(struct typer *t, const struct expr *name, const struct bound_model *m)
{
    unknown_in_net(t, name, m, name->name, true, NULL);
}

bool type_node_name(struct typer *t, const struct expr *at, const struct bound_model *m, const char *name, long n, const char *help, struct type *out)
{
    const struct net *net = net_of(m);
    *out = type_of(BASE_REAL, 2, n, -1);
    if (!net)
        return true;
    long node = net_node(net, name);
    if (node < 0) {
        unknown_in_net(t, at, m, name, false, help);
        return false;
    }
    out->shape[1] = net->nodes[node].width ? (long)net->nodes[node].width : n;
    return true;
}

/* The constant values of a set of tokens, when they are easy to see: their smallest and largest. */
static bool token_bounds(const struct expr *set, long *lo, long *hi)
{
    if (set->form == FORM_RANGE)
        return constant_integer(lo, set->args[0], -1) && constant_integer(hi, set->args[1], -1);
    if (set->form == FORM_TOKENS_POWER)
        return token_bounds(set->args[1], lo, hi);
    bool product = set->form == FORM_TOKENS_PRODUCT;
    if (set->form != FORM_LIST && !product)
        return false;
    for (size_t i = 0; i < set->n_args; i++) {
        long a, b;
        if (product ? !token_bounds(set->args[i], &a, &b) : !constant_integer(&a, set->args[i], -1))
            return false;
        b = product ? b : a;
        *lo = i == 0 || a < *lo ? a : *lo;
        *hi = i == 0 || b > *hi ? b : *hi;
    }
    return set->n_args > 0;
}

/* The input of a token model. */
static bool type_tokens(struct typer *t, struct expr *e, const struct bound_model *m)
{
    const struct net *net = net_of(m);
    char label[120];
    long lo, hi;
    if (!type_value(t, e))
        return false;
    if ((e->type.base != BASE_INT && e->type.base != BASE_NONE) || (e->type.rank != 1 && e->type.base != BASE_NONE))
        return type_wrong(t, e, "a sequence of tokens",
                e->type.rank == 0 && e->type.base == BASE_INT ? "one token is a sequence, too: seq(a)" : NULL);
    if (!net || e->type.base == BASE_NONE)
        return true;
    if (e->type.shape[0] == 0 || e->type.shape[0] > (long)net->n_ctx) {
        (void)snprintf(label, sizeof label, "%s reads 1 to %zu tokens", m->name, net->n_ctx);
        report_at(t->report, e->at, label, NULL, "sequence of %ld tokens", e->type.shape[0]);
        return false;
    }
    const struct expr *set = e->form == FORM_NAME && e->slot >= 0 ? t->variables[e->slot].set : e->form == FORM_LIST ? e : NULL;
    if (!set || !token_bounds(set, &lo, &hi) || (lo >= 0 && hi < (long)net->d_vocab))
        return true;
    (void)snprintf(label, sizeof label, "%s has tokens 0..%zu", m->name, net->d_vocab - 1);
    report_at(t->report, e->at, label, NULL, "token out of range: the domain goes from %ld to %ld", lo, hi);
    return false;
}

/* The input of a model that reads rows of real numbers: [WIDTH] where it reads one row, or [n, WIDTH]. *n: rows, -1 unknown; *vector: one axis. */
static bool type_rows_in(struct typer *t, struct expr *e, const struct bound_model *m, long *n, bool *vector)
{
    const struct net *net = net_of(m);
    char wanted[120], label[120];
    long width = (long)net->width_in;
    if (!type_value(t, e))
        return false;
    const struct type *x = &e->type;
    *vector = x->base != BASE_NONE && x->rank == 1;
    *n = x->base == BASE_NONE ? -1 : *vector ? 1 : x->shape[0];
    if (x->base == BASE_NONE)
        return true;
    if (net->n_ctx == 1)
        (void)snprintf(wanted, sizeof wanted, "a vector of %ld numbers", width);
    else
        (void)snprintf(wanted, sizeof wanted, "a matrix of 1 to %zu rows of %ld numbers", net->n_ctx, width);
    if (!is_number(x) || x->rank < 1 || x->rank > 2 || (*vector && net->n_ctx != 1))
        return type_wrong(t, e, wanted, *vector && is_number(x) ? "one row is a matrix, too: {x}" : NULL);
    if (x->shape[x->rank - 1] >= 0 && x->shape[x->rank - 1] != width)
        return type_wrong(t, e, wanted, NULL);
    if (*n != 0 && *n <= (long)net->n_ctx)
        return true;
    (void)snprintf(label, sizeof label, net->n_ctx == 1 ? "%s reads one row" : "%s reads 1 to %zu rows", m->name, net->n_ctx);
    report_at(t->report, e->at, label, NULL, "an input of %ld rows", *n);
    return false;
}

/* The last argument of an activation: a sequence of tokens or rows of real numbers, as the model reads. *vector: the result is one row. */
static bool type_input(struct typer *t, struct expr *e, enum function f, const struct bound_model *m, long *n, bool *vector)
{
    const struct net *net = net_of(m);
    struct expr *input = e->args[e->n_args - 1];
    *n = -1;
    *vector = false;
    if (!net)   /* what it reads is not known */
        return type_value(t, input) && (is_number(&input->type) || type_wrong(t, input, "an input of the model", NULL));
    if (f == FUNCTION_LOGITS ? net->width_in > 0 : f == FUNCTION_OUTPUT && net->width_in == 0) {
        char label[120];
        (void)snprintf(label, sizeof label, net->width_in ? "%s reads rows of %zu real numbers" : "%s reads tokens 0..%zu", m->name, net->width_in ? net->width_in : net->d_vocab - 1);
        report_at(t->report, e->at, label, net->width_in ? "output(N, x) is the output on a vector x" : "logits(M, t) is the output on a sequence t",
                "%s is of a model that reads %s", net->width_in ? "logits" : "output", net->width_in ? "tokens" : "real numbers");
        return false;
    }
    if (net->width_in)
        return type_rows_in(t, input, m, n, vector);
    if (!type_tokens(t, input, m))
        return false;
    *n = input->type.base == BASE_NONE ? -1 : input->type.shape[0];
    return true;
}

static bool type_weight(struct typer *t, struct expr *e, const struct bound_model *m)
{
    const struct net *net = net_of(m);
    struct expr *name = e->args[1];
    if (!type_value(t, name))
        return false;
    if (name->type.base != BASE_STRING)
        return type_wrong(t, name, "the name of a tensor in quotes", NULL);
    e->type = type_of(net ? BASE_EXACT : BASE_NONE, 0, -1, -1);
    if (!net)
        return true;
    long i = net_tensor(net, name->name);
    if (i < 0) {
        unknown_in_net(t, name, m, name->name, true, NULL);
        return false;
    }
    e->type.rank = net->tensors[i].rank < 3 ? net->tensors[i].rank : 3;
    for (size_t k = 0; k < e->type.rank; k++)
        e->type.shape[k] = (long)net->tensors[i].shape[k];
    return true;
}

static bool type_circuit(struct typer *t, struct expr *e, const struct bound_model *m)
{
    const struct net *net = net_of(m);
    static const char *const qk[] = {"W_Q", "W_K"}, *const ov[] = {"W_V", "W_O"};
    const char *const *parts = e->function == FUNCTION_OV ? ov : qk;
    long l, d = -1;
    if (!type_layer_head(t, e->args[1], e->args[2], m))
        return false;
    if (net && constant_integer(&l, e->args[1], -1)) {
        for (size_t i = 0; i < 2; i++) {
            char name[80];
            (void)snprintf(name, sizeof name, "blocks.%ld.attn.%s", l, parts[i]);
            long tensor = net_tensor(net, name);
            if (tensor < 0 && (strcmp(parts[i], "W_K") == 0 || strcmp(parts[i], "W_V") == 0)) { /* in groups */
                char grouped[80];
                (void)snprintf(grouped, sizeof grouped, "blocks.%ld.attn._%s", l, parts[i]);
                tensor = net_tensor(net, grouped);
            }
            if (tensor < 0) {
                unknown_in_net(t, e, m, name, true, NULL);
                return false;
            }
            d = (long)net->tensors[tensor].shape[strcmp(parts[i], "W_O") == 0 ? 2 : 1];
        }
    }
    e->type = type_of(BASE_EXACT, 2, d, d);
    return true;
}

/* Hook names of functions that name a node by layer and head (head -1: none). */
static const struct { enum function f; const char *hook; bool head; } hooks[] = {
    {FUNCTION_ATTN, "attn.hook_pattern", true}, {FUNCTION_SCORE, "attn.hook_attn_scores", true}, {FUNCTION_HEAD_OUT, "attn.hook_result", true},
    {FUNCTION_RESID_MID, "hook_resid_mid", false}, {FUNCTION_RESID_POST, "hook_resid_post", false}, {FUNCTION_MLP_PRE, "mlp.hook_pre", false},
    {FUNCTION_MLP_POST, "mlp.hook_post", false}};

/* NETWORK.md §4: the residual stream entering a layer has its own node, or is the one that it came from. */
static void resid_pre_name(char *out, size_t size, const struct net *net, long l)
{
    (void)snprintf(out, size, "blocks.%ld.hook_resid_pre", l);
    if (net_node(net, out) >= 0)
        return;
    if (l == 0)
        (void)snprintf(out, size, "hook_embed");
    else
        (void)snprintf(out, size, "blocks.%ld.hook_resid_post", l - 1);
}

static bool type_hooked(struct typer *t, struct expr *e, const struct bound_model *m, long n)
{
    const struct net *net = net_of(m);
    size_t row = 0;
    long l, h = 0;
    char name[120];
    while (row < sizeof hooks / sizeof *hooks && hooks[row].f != e->function)
        row++;
    bool head = row < sizeof hooks / sizeof *hooks && hooks[row].head;
    if (!type_layer_head(t, e->args[1], head ? e->args[2] : NULL, m))
        return false;
    bool square = e->function == FUNCTION_ATTN || e->function == FUNCTION_SCORE;
    e->type = type_of(BASE_REAL, 2, n, square ? n : -1);
    if (!net || !constant_integer(&l, e->args[1], -1) || (head && !constant_integer(&h, e->args[2], -1)))
        return true;
    if (e->function == FUNCTION_RESID_PRE)
        resid_pre_name(name, sizeof name, net, l);
    else if (head)
        (void)snprintf(name, sizeof name, "blocks.%ld.%s.%ld", l, hooks[row].hook, h);
    else
        (void)snprintf(name, sizeof name, "blocks.%ld.%s", l, hooks[row].hook);
    bool needs_mlp = e->function == FUNCTION_RESID_MID || e->function == FUNCTION_MLP_PRE || e->function == FUNCTION_MLP_POST;
    return type_node_name(t, e, m, name, n, needs_mlp ? "its blocks have no MLP" : NULL, &e->type);
}

static bool type_node(struct typer *t, struct expr *e, const struct bound_model *m, long n)
{
    struct expr *what = e->args[1];
    if (what->form == FORM_STRING) {
        what->type = type_of(BASE_STRING, 0, -1, -1);
        return type_node_name(t, what, m, what->name, n, NULL, &e->type);
    }
    const struct bound_model *outer = t->parts_of;
    t->parts_of = m;
    bool ok = type_component(t, what);
    t->parts_of = outer;
    if (!ok)
        return false;
    e->type = type_of(BASE_REAL, 2, n, what->type.shape[1]);
    return true;
}

static bool type_node_rows(struct typer *t, struct expr *e, const struct bound_model *m, long n)
{
    const struct net *net = net_of(m);
    if (e->function == FUNCTION_NODE)
        return type_node(t, e, m, n);
    if (e->function != FUNCTION_LOGITS && e->function != FUNCTION_OUTPUT)
        return type_hooked(t, e, m, n);
    e->type = type_of(BASE_REAL, 2, n, net ? (long)net->nodes[net->output].width : -1);
    return true;
}

bool type_activation(struct typer *t, struct expr *e)
{
    const struct bound_model *m = NULL;
    enum function f = e->function;
    long n;
    bool vector;
    if (!(f == FUNCTION_OUTPUT ? type_output_model : type_model)(t, e->args[0], &m))
        return false;
    if (f == FUNCTION_W)
        return type_weight(t, e, m);
    if (f == FUNCTION_QK || f == FUNCTION_OV)
        return type_circuit(t, e, m);
    if (!type_input(t, e, f, m, &n, &vector) || !type_node_rows(t, e, m, n))
        return false;
    if (!net_of(m) && f != FUNCTION_LOGITS)   /* a matrix, or a vector where the model reads one row */
        e->type = type_of(BASE_NONE, 0, -1, -1);
    else if (vector)
        e->type = type_of(BASE_REAL, 1, e->type.shape[1], -1);
    return true;
}
