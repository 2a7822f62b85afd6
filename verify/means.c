#include "verify/means.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "models/run.h"
#include "verify/idle.h"
#include "verify/interp.h"
#include "verify/mean_attention.h"
#include "verify/sweep.h"
#include "verify/types.h"

/* The rows that an ablate names, or more: by what they depend on. own[i], before[i]: some row i that depends on token i, on tokens 0..i; of these and of rows that depend on all, quick ones
 * (mean_attention.h, where quick_too) by themselves. */
struct asked { const struct net *net; const enum reach *reach; size_t n; bool quick_too, all, quick_all, *own, *before, *quick, *kept /* nodes */; };

static void ask(struct asked *a, size_t node, long row)
{
    enum reach r = a->reach[node];
    bool quick = a->quick_too && mean_is_quick(a->net, a->reach, node);
    for (size_t i = 0; i < a->n && !a->kept[node]; i++) {
        if (row >= 0 && (size_t)row != i) continue;
        if (r == REACH_TOKEN) a->own[i] = true;
        if (r == REACH_PREFIX) (quick ? a->quick : a->before)[i] = true;
        if (r > REACH_PREFIX) *(quick ? &a->quick_all : &a->all) = true;
    }
}

/* Nodes whose name begins and ends so. */
static void ask_named(struct asked *a, const char *begin, const char *end, long row)
{
    for (size_t v = 0; v < a->net->n_nodes; v++) {
        const char *name = a->net->nodes[v].name;
        size_t n = strlen(name), m = strlen(end);
        if (strncmp(name, begin, strlen(begin)) == 0 && n >= m && strcmp(name + n - m, end) == 0) ask(a, v, row);
    }
}

static void ask_writers(struct asked *a, long row)
{
    for (size_t v = 0; v < a->net->n_nodes; v++)
        if (writes_residual(a->net->nodes[v].name)) ask(a, v, row);
}

/* A layer, or a head, that is a number; "" begins every name. */
static void ask_call(struct asked *a, const struct expr *e, long row)
{
    char begin[64] = "blocks.", end[64] = "";
    long l, h;
    bool layer = constant_integer(&l, e->args[0], -1);
    if (layer) (void)snprintf(begin, sizeof begin, "blocks.%ld.%s", l, e->function == FUNCTION_HEAD ? "attn.hook_result." : "");
    switch (e->function) {
    case FUNCTION_MLP: ask_named(a, begin, "hook_mlp_out", row); return;
    case FUNCTION_NEURON: ask_named(a, begin, "mlp.hook_post", row); return;
    case FUNCTION_BIAS: return;                   /* depends on no token */
    case FUNCTION_HEAD:
        if (layer && constant_integer(&h, e->args[1], -1)) (void)snprintf(end, sizeof end, ".%ld", h);
        if (layer) ask_named(a, begin, end, row);
        else ask_writers(a, row);
        return;
    default: a->all = true;
    }
}

static void ask_components(struct asked *a, const struct expr *e, long row)
{
    long at;
    switch (e->form) {
    case FORM_INDEX:
        ask_components(a, e->args[0], row < 0 && e->n_args == 2 && e->args[1]->form != FORM_SLICE && constant_integer(&at, e->args[1], (long)a->n - 1) ? at : row);
        return;
    case FORM_STRING: ask_named(a, e->name, e->name, row); return;
    case FORM_NAME:
        if (strcmp(e->name, "embed") == 0) ask_named(a, "hook_embed", "hook_embed", row);
        else if (strcmp(e->name, "pos_embed") == 0) ask_named(a, "hook_pos_embed", "hook_pos_embed", row);
        else ask_writers(a, row);
        return;
    case FORM_CALL:
        if (e->function == FUNCTION_EDGE) ask_components(a, e->args[0], row);
        else ask_call(a, e, row);
        return;
    case FORM_IMAGE: ask_components(a, e->args[0], row); return;
    default:
        for (size_t i = 0; i < e->n_args && (i == 0 || e->form != FORM_BINARY || e->oper != OPER_SUB); i++) ask_components(a, e->args[i], row);
    }
}

static const struct expr *argument(const struct expr *ablate, const char *key)
{
    for (size_t i = 1; i < ablate->n_args; i++)
        if (ablate->args[i]->form == FORM_ASSIGN && ablate->args[i]->args[0]->form == FORM_NAME && strcmp(ablate->args[i]->args[0]->name, key) == 0) return ablate->args[i]->args[1];
    return NULL;
}

static enum status set_size(mpz_t out, const struct statement *s, const struct expr *set, struct diag *d)
{
    struct bind bind = {.name = (char[]){"x"}, .slot = (int)s->n_slots, .set = (struct expr *)set};
    struct binds binds = {&bind, 1};
    return sweep_size(out, s, &binds, d);
}

/* The combinations of every group of tokens. size[i]: of the set at position i. Of quick rows the tokens alone where their combinations are many: they are read once. */
static void add_up(mpz_t out, const struct asked *a, const mpz_t *size)
{
    mpz_t product, sum;
    mpz_init_set_ui(product, 1);
    mpz_init(sum);
    mpz_set_ui(out, 1);                           /* rows that depend on no token */
    for (size_t i = 0; i < a->n; i++) {
        bool last = i + 1 == a->n, slow = a->before[i] || (a->all && last);
        mpz_mul(product, product, size[i]);
        mpz_add(sum, sum, size[i]);
        if (a->own[i]) mpz_add(out, out, size[i]);
        if (slow) mpz_add(out, out, product);
        if (!slow && (a->quick[i] || (a->quick_all && last))) mpz_add(out, out, mpz_cmp_ui(product, MEAN_THROUGH) > 0 ? sum : product);
    }
    mpz_clear(product);
    mpz_clear(sum);
}

static enum status product_runs(mpz_t out, const struct statement *s, const struct net *net, const struct expr *ablate, const struct expr *to, size_t n, struct diag *d)
{
    const struct expr *set = to->args[0];
    bool to_mean = to->name[0] == 'm';
    const struct expr *drop = argument(ablate, "drop"), *keep = argument(ablate, "keep");
    bool power = set->form == FORM_TOKENS_POWER;
    enum reach *reach = mem_array(net->n_nodes, sizeof *reach);
    mpz_t *size = mem_array(n, sizeof *size);
    struct asked a = {.net = net, .reach = reach, .n = n, .own = mem_array(n, sizeof *a.own), .before = mem_array(n, sizeof *a.before), .quick = mem_array(n, sizeof *a.quick),
                      .kept = kept_nodes(net, keep), .quick_too = to_mean && s->semantics == SEMANTICS_REAL && ablate->args[0]->form == FORM_NAME};
    enum status status = reach && size && a.own && a.before && a.quick && a.kept ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; size && i < n; i++) mpz_init(size[i]);
    if (status == STATUS_OK) net_reach(reach, net);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        if (power && i > 0) mpz_set(size[i], size[0]);
        else status = set_size(size[i], s, set->args[power ? 1 : i], d);
    }
    if (status == STATUS_OK && drop) ask_components(&a, drop, -1);
    else if (status == STATUS_OK) ask_writers(&a, -1);
    if (status == STATUS_OK) add_up(out, &a, size);
    for (size_t i = 0; size && i < n; i++) mpz_clear(size[i]);
    free(size);
    free(reach);
    free(a.own);
    free(a.before);
    free(a.quick);
    free(a.kept);
    return status;
}

enum status mean_runs(mpz_t out, const struct statement *s, const struct expr *ablate, struct diag *d)
{
    const struct expr *to = argument(ablate, "to");
    mpz_set_ui(out, 0);
    if (!to || to->form != FORM_KEYWORD || !strstr(to->name, " over")) return STATUS_OK;
    const struct expr *set = to->args[0];
    const struct net *net = statement_net(s, ablate->args[0]);
    long n = (long)set->n_args;
    bool product = set->form == FORM_TOKENS_PRODUCT || (set->form == FORM_TOKENS_POWER && constant_integer(&n, set->args[0], -1));
    if (!net || !product || n < 1 || (size_t)n > net->n_ctx) return set_size(out, s, set, d);
    return product_runs(out, s, net, ablate, to, (size_t)n, d);
}

struct fit { const struct statement *s; struct text *why; };

static bool fits(const struct expr *e, void *context)
{
    const struct fit *f = context;
    if (!expr_calls(e, FUNCTION_ABLATE)) return true;
    struct diag d;
    mpz_t runs;
    diag_init(&d);
    mpz_init(runs);
    bool small = mean_runs(runs, f->s, e, &d) != STATUS_OK || mpz_cmp_ui(runs, MEAN_MOST) <= 0;   /* an error in the set is for an engine to report, with its place */
    if (!small && f->why)
        text_addf(f->why, "a mean, or any, is over the %.4g combinations of tokens that its rows depend on; at most %d are gone through: name rows that depend on fewer tokens "
                  "(embed, an earlier position: head(0, 0)[1]), or a smaller set, or give numbers (to = value E); over the reals the mean of a head of the first layer needs no runs where the set is tokens[n] of S or "
                  "tokens(S0, ...) without a condition (a token that is given is a set of one: tokens({5}, 0..63))", mpz_get_d(runs), MEAN_MOST);
    mpz_clear(runs);
    diag_clear(&d);
    return small;
}

bool means_fit(const struct statement *s, struct text *why)
{
    const struct expr *parts[] = {s->subject, s->where, s->forall_where};
    struct fit f = {s, why};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && !expr_walk(parts[i], fits, &f)) return false;
    return true;
}
