#include "verify/repair.h"
#include <stdio.h>
#include <string.h>
#include "core/mem.h"
#include "models/net.h"
#include "verify/arena.h"

#define RIGHT_RUNS 64      /* right runs tried for each component */

struct search {
    const struct statement *s;
    const struct net *net;
    const char *model;
    int slot;
    const int *wrong; size_t n;       /* the counterexample */
    struct arena arena;
    struct diag diag;
};

static const struct place nowhere = { 0, 0 };

static struct expr *fresh(struct search *f, enum form form, struct type type)
{
    struct expr *e = expr_new(&f->arena, form, nowhere);
    if (e) { e->type = type; e->slot = -1; }
    return e;
}

static struct expr *name_of(struct search *f, const char *name, enum base base)
{
    struct expr *e = fresh(f, FORM_NAME, (struct type){ .base = base });
    if (e) e->name = arena_string(&f->arena, name, strlen(name));
    return e;
}

static struct expr *integer(struct search *f, long v)
{
    struct expr *e = expr_integer(&f->arena, nowhere, v);
    if (e) { e->type = (struct type){ .base = BASE_INT }; e->slot = -1; }
    return e;
}

/* A component by its kind: embed, pos_embed, head(l, h), mlp(l). */
struct component { const char *kind; size_t layer, head; };

static struct expr *component_expr(struct search *f, struct component c)
{
    if (c.kind[0] != 'h' && c.kind[0] != 'm') return name_of(f, c.kind, BASE_COMPONENT);
    struct expr *e = fresh(f, FORM_CALL, (struct type){ .base = BASE_COMPONENT });
    if (!e) return NULL;
    e->function = c.kind[0] == 'h' ? FUNCTION_HEAD : FUNCTION_MLP;
    bool ok = expr_add_arg(&f->arena, e, integer(f, (long)c.layer)) && (c.kind[0] == 'm' || expr_add_arg(&f->arena, e, integer(f, (long)c.head)));
    return ok ? e : NULL;
}

/* patch(M, COMPONENT = node(M, COMPONENT, {tokens})) */
static struct expr *patched_model(struct search *f, struct component c, const int *from)
{
    struct type rows = { .base = BASE_REAL, .rank = 2, .shape = { (long)f->n, -1, -1 } };
    struct expr *list = fresh(f, FORM_LIST, (struct type){ .base = BASE_INT, .rank = 1, .shape = { (long)f->n } });
    struct expr *node = fresh(f, FORM_CALL, rows), *assign = fresh(f, FORM_ASSIGN, (struct type){ .base = BASE_NONE });
    struct expr *patch = fresh(f, FORM_CALL, (struct type){ .base = BASE_MODEL });
    if (!list || !node || !assign || !patch) return NULL;
    for (size_t i = 0; i < f->n; i++)
        if (!expr_add_arg(&f->arena, list, integer(f, from[i]))) return NULL;
    node->function = FUNCTION_NODE;
    patch->function = FUNCTION_PATCH;
    bool ok = expr_add_arg(&f->arena, node, name_of(f, f->model, BASE_MODEL)) && expr_add_arg(&f->arena, node, component_expr(f, c)) &&
              expr_add_arg(&f->arena, node, list) && expr_add_arg(&f->arena, assign, component_expr(f, c)) &&
              expr_add_arg(&f->arena, assign, node) && expr_add_arg(&f->arena, patch, name_of(f, f->model, BASE_MODEL)) &&
              expr_add_arg(&f->arena, patch, assign);
    return ok ? patch : NULL;
}

static struct expr *copy(struct search *f, const struct expr *e, const struct component *c, const int *from);

static bool copy_parts(struct search *f, struct expr *to, const struct expr *e, const struct component *c, const int *from)
{
    to->args = arena_array(&f->arena, e->n_args + 1, sizeof *to->args);
    to->binds.items = arena_array(&f->arena, e->binds.n + 1, sizeof *to->binds.items);
    if (!to->args || !to->binds.items) return false;
    bool reads = e->form == FORM_CALL && function_reads_network(e->function);
    for (size_t i = 0; i < e->n_args; i++) {
        const struct expr *arg = e->args[i];
        if (!arg) continue;
        to->args[i] = reads && i == 0 && arg->form == FORM_NAME ? patched_model(f, *c, from) : copy(f, arg, c, from);
        if (!to->args[i]) return false;
    }
    for (size_t i = 0; i < e->binds.n; i++) {
        to->binds.items[i] = e->binds.items[i];
        if (!(to->binds.items[i].set = copy(f, e->binds.items[i].set, c, from))) return false;
    }
    return !e->where || (to->where = copy(f, e->where, c, from));
}

/* The expression with every reading of the model replaced by one of the patched model. */
static struct expr *copy(struct search *f, const struct expr *e, const struct component *c, const int *from)
{
    struct expr *to;
    if (e->has_number) {
        to = expr_number(&f->arena, e->at, e->number);
        if (to) { to->type = e->type; to->slot = e->slot; }
        return to;
    }
    to = expr_new(&f->arena, e->form, e->at);
    if (!to) return NULL;
    size_t id = to->id;
    *to = *e;
    to->id = id;
    return copy_parts(f, to, e, c, from) ? to : NULL;
}

static bool number_ids(const struct expr *e, void *context)
{
    size_t *next = context;
    ((struct expr *)e)->id = (*next)++;      /* the copy is this search's own */
    return true;
}

/* Does the claim, with component c taken from the run on `from`, hold at the counterexample? */
static enum status patched_truth(enum truth *out, struct search *f, struct component c, const int *from)
{
    struct statement patched = *f->s;
    struct interp *in = NULL;
    patched.subject = copy(f, f->s->subject, &c, from);
    if (!patched.subject) return STATUS_MEMORY;
    patched.n_ids = f->s->n_ids;
    expr_walk(patched.subject, number_ids, &patched.n_ids);
    enum status status = interp_new(&in, &patched, 0);
    if (status == STATUS_OK) {
        interp_bind_tokens(in, f->slot, f->wrong, f->n);
        status = interp_truth(out, in, patched.subject, &f->diag);
    }
    interp_free(in);
    return status;
}

static enum status holds(bool *out, struct search *f, struct interp *in, const int *t)
{
    enum truth where = TRUTH_TRUE, claim = TRUTH_UNSETTLED;
    interp_bind_tokens(in, f->slot, t, f->n);
    enum status status = f->s->forall_where ? interp_truth(&where, in, f->s->forall_where, &f->diag) : STATUS_OK;
    if (status == STATUS_OK && where == TRUTH_TRUE) status = interp_truth(&claim, in, f->s->subject, &f->diag);
    *out = status == STATUS_OK && where == TRUTH_TRUE && claim == TRUTH_TRUE;
    return status;
}

/* Right runs: sequences that differ from the counterexample in one token. right: [RIGHT_RUNS, n]. */
static enum status right_runs(int *right, size_t *found, struct search *f)
{
    struct interp *in = NULL;
    int *t = mem_array(f->n, sizeof *t);
    enum status status = t ? interp_new(&in, f->s, 0) : STATUS_MEMORY;
    *found = 0;
    for (size_t i = 0; status == STATUS_OK && i < f->n; i++)
        for (size_t a = 0; status == STATUS_OK && a < f->net->d_vocab && *found < RIGHT_RUNS; a++) {
            bool good = false;
            memcpy(t, f->wrong, f->n * sizeof *t);
            t[i] = (int)a;
            if (t[i] == f->wrong[i]) continue;
            status = holds(&good, f, in, t);
            if (good) memcpy(right + (*found)++ * f->n, t, f->n * sizeof *t);
        }
    interp_free(in);
    free(t);
    return status;
}

static enum status try_component(struct repair *r, struct search *f, struct component c, const int *right, size_t n_right)
{
    struct text name;
    enum status status = STATUS_OK;
    text_init(&name);
    if (c.kind[0] == 'h') text_addf(&name, "head(%zu, %zu)", c.layer, c.head);
    else if (c.kind[0] == 'm') text_addf(&name, "mlp(%zu)", c.layer);
    else text_add(&name, c.kind);
    r->component = name.failed ? NULL : name.data;
    if (!r->component) return STATUS_MEMORY;
    for (size_t i = 0; i < n_right && !r->repairs; i++) {
        enum truth truth = TRUTH_UNSETTLED;
        status = patched_truth(&truth, f, c, right + i * f->n);
        if (status != STATUS_OK) return status;
        if (truth != TRUTH_TRUE) continue;
        r->repairs = true;
        if (!(r->from = mem_array(f->n, sizeof *r->from))) return STATUS_MEMORY;
        memcpy(r->from, right + i * f->n, f->n * sizeof *r->from);
        r->n = f->n;
    }
    return STATUS_OK;
}

static enum status try_all(struct repairs *out, struct search *f, const int *right)
{
    size_t layers = net_layers(f->net), most = 2;
    for (size_t l = 0; l < layers; l++) most += net_heads(f->net, l) + 1;
    if (!(out->items = mem_array(most, sizeof *out->items))) return STATUS_MEMORY;
    enum status status = STATUS_OK;
    static const struct { const char *kind, *node; } ends[] = { { "embed", "hook_embed" }, { "pos_embed", "hook_pos_embed" } };
    for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
        if (net_node(f->net, ends[i].node) >= 0)
            status = try_component(&out->items[out->n++], f, (struct component){ ends[i].kind, 0, 0 }, right, out->n_right);
    for (size_t l = 0; l < layers; l++) {
        char node[64];
        for (size_t h = 0; h < net_heads(f->net, l) && status == STATUS_OK; h++)
            status = try_component(&out->items[out->n++], f, (struct component){ "head", l, h }, right, out->n_right);
        snprintf(node, sizeof node, "blocks.%zu.hook_mlp_out", l);
        if (status == STATUS_OK && net_node(f->net, node) >= 0)
            status = try_component(&out->items[out->n++], f, (struct component){ "mlp", l, 0 }, right, out->n_right);
    }
    return status;
}

static bool unpatched(const struct expr *e, void *context)
{
    (void)context;
    return !(e->form == FORM_CALL && (e->function == FUNCTION_PATCH || e->function == FUNCTION_ABLATE));
}

enum status repairs_find(struct repairs *out, const struct statement *s, const struct binding *counterexample)
{
    *out = (struct repairs){ 0 };
    if (s->body != BODY_PROVE || s->forall.n != 1 || s->n_models != 1 || counterexample->n_parts != 1 || counterexample->parts[0].is_int || counterexample->parts[0].vector ||
        !expr_walk(s->subject, unpatched, NULL))
        return STATUS_UNSUPPORTED;
    const struct bound_model *model = &s->file->models[s->models[0]];
    struct search f = { .s = s, .net = &model->model.net, .model = model->name, .slot = s->forall.items[0].slot,
                        .wrong = counterexample->parts[0].tokens, .n = counterexample->parts[0].n };
    arena_init(&f.arena);
    diag_init(&f.diag);
    int *right = mem_array(RIGHT_RUNS * f.n, sizeof *right);
    enum status status = right ? right_runs(right, &out->n_right, &f) : STATUS_MEMORY;
    if (status == STATUS_OK) status = try_all(out, &f, right);
    if (status != STATUS_OK) repairs_clear(out);
    free(right);
    diag_clear(&f.diag);
    arena_clear(&f.arena);
    return status;
}

void repairs_clear(struct repairs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->items[i].component);
        free(r->items[i].from);
    }
    free(r->items);
    *r = (struct repairs){ 0 };
}
