#include "verify/idle.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "verify/idle_rows.h"
#include "verify/interp.h"
#include "verify/types.h"

/* Why rows of a node become what they are, or are not read; NULL: not known. */
enum target { TARGET_OTHER, TARGET_ZERO, TARGET_RUN /* mean, any, from: its own row on other sequences */ };

static bool all_zero(const struct weight *w)
{
    for (size_t i = 0; i < w->k * w->m; i++)
        if (w->data[i] != 0) return false;
    return true;
}

/* Rows that rest on the position alone. */
static bool same_on_all(const struct net *net, size_t node)
{
    bool *same = mem_array(net->n_nodes, sizeof *same);
    if (!same) return false;
    for (size_t v = 0; v <= node; v++) {
        const struct node *x = &net->nodes[v];
        same[v] = x->op != OP_EMBED && x->op != OP_INPUT && x->op != OP_SCORE && x->op != OP_SOFTMAX && x->op != OP_BILINEAR && x->op != OP_MIX;
        for (size_t a = 0; a < x->n_inputs; a++) same[v] = same[v] && same[x->inputs[a]];
    }
    bool answer = same[node];
    free(same);
    return answer;
}

static bool read_by_output(const struct net *net, size_t node)
{
    bool *reads = mem_array(net->n_nodes, sizeof *reads);
    if (!reads) return true;
    reads[node] = true;
    for (size_t v = node + 1; v < net->n_nodes; v++)
        for (size_t a = 0; a < net->nodes[v].n_inputs; a++) reads[v] = reads[v] || reads[net->nodes[v].inputs[a]];
    bool answer = reads[net->output];
    free(reads);
    return answer;
}

static const char *node_idle(const struct net *net, size_t node, enum target to, enum semantics s)
{
    const struct node *x = &net->nodes[node];
    bool table = x->op == OP_EMBED || x->op == OP_POSITION || x->op == OP_LINEAR;
    if (to == TARGET_RUN && (s == SEMANTICS_REAL || x->op == OP_POSITION) && same_on_all(net, node)) return "its rows are the same on all sequences";
    if (to == TARGET_ZERO && table && all_zero(&x->w[0]) && (x->n_w < 2 || all_zero(&x->w[1]))) return "its rows are zero already";
    return read_by_output(net, node) ? NULL : "the output does not read it";
}

long named_node(const struct net *net, const struct expr *e)
{
    char name[128];
    long l, h;
    if (e->form == FORM_STRING) return net_node(net, e->name);
    if (e->form == FORM_NAME && strcmp(e->name, "embed") == 0) return net_node(net, "hook_embed");
    if (e->form == FORM_NAME && strcmp(e->name, "pos_embed") == 0) return net_node(net, "hook_pos_embed");
    if (e->form != FORM_CALL || (e->function != FUNCTION_HEAD && e->function != FUNCTION_MLP) || !constant_integer(&l, e->args[0], -1)) return -1;
    if (e->function == FUNCTION_MLP) (void)snprintf(name, sizeof name, "blocks.%ld.hook_mlp_out", l);
    else if (!constant_integer(&h, e->args[1], -1)) return -1;
    else (void)snprintf(name, sizeof name, "blocks.%ld.attn.hook_result.%ld", l, h);
    return net_node(net, name);
}

static long layer_bias(const struct net *net, long l)
{
    char name[64];
    (void)snprintf(name, sizeof name, "blocks.%ld.attn.b_O", l);
    return net_tensor(net, name);
}

static const char *bias_idle(const struct net *net, const struct expr *e, enum target to)
{
    long l, tensor = constant_integer(&l, e->args[0], -1) ? layer_bias(net, l) : -1;
    if (to == TARGET_RUN) return "its rows are the same on all sequences";
    if (to != TARGET_ZERO || tensor < 0) return NULL;
    const struct tensor *b = &net->tensors[tensor];
    for (size_t i = 0; i < tensor_count(b); i++)
        if (b->data[i] != 0) return NULL;
    return "its rows are zero already";
}

/* Why every component is idle; NULL: one is not, or it is not known which there are. */
static const char *components_idle(const struct net *net, const struct expr *e, enum target to, enum semantics s)
{
    const char *why = NULL;
    bool sum = e->form == FORM_BINARY && e->oper == OPER_ADD;
    if (e->form == FORM_INDEX) return components_idle(net, e->args[0], to, s);
    if (e->form == FORM_LIST && e->n_args == 0) return "it names no component";
    if (expr_calls(e, FUNCTION_BIAS)) return bias_idle(net, e, to);
    if (e->form == FORM_CALL && e->function == FUNCTION_EDGE) return to == TARGET_RUN ? components_idle(net, e->args[0], to, s) : NULL;
    if (e->form != FORM_LIST && !sum) {
        long node = named_node(net, e);
        return node < 0 ? NULL : node_idle(net, (size_t)node, to, s);
    }
    for (size_t i = 0; i < e->n_args; i++)
        if (!(why = components_idle(net, e->args[i], to, s))) return NULL;
    return why;
}

/* Nodes that a keep names as a whole. */
static void keep_nodes(bool *kept, const struct net *net, const struct expr *e)
{
    long node = named_node(net, e);
    if (node >= 0) kept[node] = true;
    for (size_t v = 0; v < net->n_nodes && e->form == FORM_NAME && strcmp(e->name, "all") == 0; v++) kept[v] = true;
    for (size_t i = 0; i < e->n_args && (e->form == FORM_LIST || (e->form == FORM_BINARY && e->oper == OPER_ADD)); i++) keep_nodes(kept, net, e->args[i]);
}

bool *kept_nodes(const struct net *net, const struct expr *keep)
{
    bool *kept = mem_array(net->n_nodes, sizeof *kept);
    if (kept && keep) keep_nodes(kept, net, keep);
    return kept;
}

static const char *keep_idle(const struct net *net, const struct expr *keep)
{
    bool *kept = kept_nodes(net, keep), all = kept != NULL;
    for (size_t v = 0; kept && v < net->n_nodes; v++) all = all && (kept[v] || !writes_residual(net->nodes[v].name));
    free(kept);
    return all ? "it keeps every component" : NULL;
}

struct look { const struct statement *s; const struct expr *found; const char *why; };

static bool is_zero(const struct expr *e)
{
    mpq_t q;
    mpq_init(q);
    bool zero = expr_constant(q, e, -1) && mpq_sgn(q) == 0;
    mpq_clear(q);
    for (size_t i = 0; e->form == FORM_LIST && i < e->n_args; i++)
        if (!is_zero(e->args[i])) return false;
    return zero || (e->form == FORM_LIST && e->n_args > 0);
}

/* Only that the output does not read a component is sure of a model that is changed already. */
static const char *ablate_idle(const struct expr *e, const struct net *net, enum semantics s)
{
    const struct expr *drop = NULL, *keep = NULL, *value = NULL;
    for (size_t i = 1; i < e->n_args; i++) {
        if (strcmp(e->args[i]->args[0]->name, "drop") == 0) drop = e->args[i]->args[1];
        if (strcmp(e->args[i]->args[0]->name, "keep") == 0) keep = e->args[i]->args[1];
        if (strcmp(e->args[i]->args[0]->name, "to") == 0) value = e->args[i]->args[1];
    }
    if (keep) return keep_idle(net, keep);
    if (!drop || !value || value->form != FORM_KEYWORD) return NULL;
    enum target to = strcmp(value->name, "zero") == 0 ? TARGET_ZERO : strcmp(value->name, "value") == 0 ? TARGET_OTHER : TARGET_RUN;
    return components_idle(net, drop, expr_changes_model(e->args[0]) ? TARGET_OTHER : to, s);
}

static const char *steer_idle(const struct expr *e, const struct net *net, enum semantics s)
{
    if (is_zero(e->args[3])) return "it adds 0 times the vector";
    if (is_zero(e->args[2])) return "the vector that it adds is zero";
    return components_idle(net, e->args[1], TARGET_OTHER, s);
}

/* node(M, C, t), also [i]: what stands there anyway when the changed model reads t. */
static bool is_own_row(const struct expr *value, const struct expr *model, const struct expr *component, const struct expr *t)
{
    bool indexed = component->form == FORM_INDEX;
    const struct expr *node = value->form == FORM_INDEX && indexed ? value->args[0] : value;
    if (indexed != (value->form == FORM_INDEX) || (indexed && (value->n_args != 2 || component->n_args != 2 || !expr_equal(value->args[1], component->args[1])))) return false;
    return node->form == FORM_CALL && node->function == FUNCTION_NODE && expr_equal(node->args[0], model) && expr_equal(node->args[1], indexed ? component->args[0] : component) &&
           expr_equal(node->args[2], t);
}

/* t: the input of the activation that reads the model. */
static const char *patch_idle(const struct expr *e, const struct net *net, const struct expr *t, enum semantics s)
{
    const char *why = NULL;
    for (size_t i = 1; i < e->n_args; i++) {
        const struct expr *a = e->args[i];
        if (expr_is_frozen(a)) continue;
        why = is_own_row(a->args[1], e->args[0], a->args[0], t) ? "its rows are put back where they are" : components_idle(net, a->args[0], TARGET_OTHER, s);
        if (!why) return NULL;
    }
    return why;
}

/* "T" = W(M, "T") for every tensor of a replace. */
static const char *replace_idle(const struct expr *e)
{
    for (size_t i = 1; i < e->n_args; i++) {
        const struct expr *a = e->args[i], *w = a->args[1];
        if (expr_is_frozen(a)) continue;
        if (w->form != FORM_CALL || w->function != FUNCTION_W || !expr_equal(w->args[0], e->args[0]) || !expr_equal(w->args[1], a->args[0])) return NULL;
    }
    return "its tensors are replaced by themselves";
}

/* The changes of the model that an activation reads, the outermost first. */
static bool look_at(const struct expr *e, void *context)
{
    struct look *l = context;
    if (e->form != FORM_CALL || !function_reads_network(e->function) || e->n_args < 2) return true;
    const struct expr *base = e->args[0], *t = e->args[e->n_args - 1];
    while (expr_changes_model(base)) base = base->args[0];
    const struct model *m = base->form == FORM_NAME ? statement_model(l->s, base->name) : NULL;
    for (const struct expr *x = e->args[0]; m && m->net.n_nodes > 0 && expr_changes_model(x) && !l->found; x = x->args[0]) {
        switch (x->function) {
        case FUNCTION_ABLATE: l->why = ablate_idle(x, &m->net, l->s->semantics); break;
        case FUNCTION_STEER: l->why = steer_idle(x, &m->net, l->s->semantics); break;
        case FUNCTION_PATCH: l->why = patch_idle(x, &m->net, t, l->s->semantics); break;
        default: l->why = replace_idle(x); break;
        }
        if (!l->why && change_is_unread(l->s, x)) l->why = "no row that the claim reads depends on the rows that it changes";
        if (l->why) l->found = x;
    }
    return !l->found;
}

bool statement_idle(struct text *out, const struct statement *s)
{
    struct look l = { .s = s };
    const struct expr *parts[] = { s->subject, s->where, s->forall_where };
    if (s->undecidable) return true;
    for (size_t i = 0; i < 3 && !l.found; i++)
        if (parts[i]) (void)expr_walk(parts[i], look_at, &l);
    if (!l.found) return true;
    expr_print(out, l.found);
    text_addf(out, ": %s", l.why);
    return !out->failed;
}
