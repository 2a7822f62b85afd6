/* interp_site.c: a model expression on a sequence: the network that its changes make, the patches and their rows, the run that is ready to be read. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include <string.h>

void site_free(struct site *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_variants; i++) {
        if (s->variants[i].run) run_free(s->variants[i].run);
        if (s->variants[i].balls) ball_run_free(s->variants[i].balls);
        free(s->variants[i].rows);
    }
    for (size_t i = 0; i < s->n_changes; i++) change_clear(&s->changes[i]);
    free(s->changes);
    value_clear(&s->input);
    free(s->variants);
    free(s->patches);
    free(s->slots);
    free(s->t);
    free(s);
}

/* Bounds the changes of a model expression and finds the model's name. */
static const struct expr *model_base(const struct expr *e, size_t *n_changes)
{
    *n_changes = 0;
    while (expr_patches(e)) {
        *n_changes += e->n_args - 1;
        e = e->args[0];
    }
    return e;
}

/* Innermost first; a later change of the same rows wins. */
static size_t collect_changes(struct change *out, const struct expr *e)
{
    if (!expr_patches(e)) return 0;
    size_t n = collect_changes(out, e->args[0]), steers = n ? out[n - 1].below + (out[n - 1].steer > 0) : 0;
    if (e->function == FUNCTION_STEER) {
        out[n] = (struct change){.call = e, .left = e->args[1], .value = e->args[2], .steer = steers + 1, .below = steers};
        return n + 1;
    }
    if (e->function == FUNCTION_ABLATE) {
        out[n] = (struct change){.call = e, .below = steers};
        for (size_t i = 1; i < e->n_args; i++)
            if (strcmp(e->args[i]->args[0]->name, "to") == 0) out[n].value = e->args[i]->args[1];
        return n + 1;
    }
    for (size_t i = 1; i < e->n_args; i++)
        if (!expr_is_frozen(e->args[i])) out[n++] = (struct change){.call = e, .left = e->args[i]->args[0], .value = e->args[i]->args[1], .below = steers};
    return n;
}

static bool is_no_part(const struct expr *e, void *context)
{
    (void)context;
    return e->form != FORM_CALL || (e->function != FUNCTION_NEURON && e->function != FUNCTION_EDGE && e->function != FUNCTION_STEER);
}

static bool has_norms(const struct net *net)
{
    for (size_t v = 0; v < net->n_nodes; v++)
        if (net->nodes[v].op == OP_LAYERNORM || net->nodes[v].op == OP_RMSNORM) return true;
    return false;
}

static bool names_parts(const struct expr *e)
{
    return !expr_walk(e, is_no_part, NULL);
}

static enum status site_slots(struct site *site, const struct interp *in)
{
    bool *used = mem_array(in->n_slots + 1, sizeof *used);
    bool *more = mem_array(in->n_slots + 1, sizeof *more);
    site->slots = mem_array(in->n_slots + 1, sizeof *site->slots);
    if (!used || !more || !site->slots) {
        free(used);
        free(more);
        return STATUS_MEMORY;
    }
    expr_free_slots(used, in->n_slots, site->model);
    expr_free_slots(more, in->n_slots, site->tokens);
    for (size_t i = 0; i < in->n_slots; i++)
        if (used[i] || more[i]) site->slots[site->n_slots++] = (int)i;
    free(used);
    free(more);
    return STATUS_OK;
}

static enum status networks_of(const struct net **net, const struct net **clean, const struct model **model, size_t *n_changes, struct interp *in, const struct expr *e, const struct expr *at)
{
    *clean = NULL;
    enum status s = model_network(net, model, in, model_base(e, n_changes), at);
    if (s == STATUS_OK && change_frozen(e) && has_norms(*net)) s = model_network(clean, model, in, change_plain(e), at);
    return s;
}

enum status interp_networks(const struct net **net, const struct net **clean, struct interp *in, const struct expr *model, struct diag *d)
{
    const struct model *model_of;
    size_t n_changes;
    in->d = d;
    return networks_of(net, clean, &model_of, &n_changes, in, model, model);
}

static enum status site_new(struct site **out, struct interp *in, const struct expr *model_expr, const struct expr *tokens, const struct expr *e)
{
    struct site **grown = mem_grow(in->sites, &in->room_sites, in->n_sites + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    in->sites = grown;
    size_t n_changes;
    const struct model *model;
    const struct net *net, *clean;
    enum status found = networks_of(&net, &clean, &model, &n_changes, in, model_expr, e);
    if (found != STATUS_OK) return found;
    struct site *site = mem_array(1, sizeof *site);
    if (!site) return STATUS_MEMORY;
    value_init(&site->input);
    site->model = model_expr;
    site->tokens = tokens;
    site->model_of = model;
    site->base = site->net = net;
    site->clean = clean;
    site->has_parts = clean || (n_changes > 0 && names_parts(model_expr));
    site->id = in->n_sites;
    site->changes = mem_array(n_changes + 1, sizeof *site->changes);
    site->t = mem_array(site->net->n_ctx, sizeof *site->t);
    if (!site->changes || !site->t || site_slots(site, in) != STATUS_OK) {
        site_free(site);
        return STATUS_MEMORY;
    }
    site->n_changes = collect_changes(site->changes, site->model);
    in->sites[in->n_sites++] = site;
    *out = site;
    return STATUS_OK;
}

/* Equal as text, or names of networks with equal weights. */
static bool same_model(const struct interp *in, const struct expr *a, const struct expr *b)
{
    if (expr_equal(a, b)) return true;
    if (a->form != FORM_NAME || b->form != FORM_NAME || !a->name || !b->name) return false;
    const struct model *x = statement_model(in->s, a->name), *y = statement_model(in->s, b->name);
    return x && y && x->net.sha256[0] && strcmp(x->net.sha256, y->net.sha256) == 0;
}

enum status site_find(struct site **out, struct interp *in, const struct expr *model, const struct expr *tokens, const struct expr *e)
{
    for (size_t i = 0; i < in->n_sites; i++)
        if (expr_equal(in->sites[i]->tokens, tokens) && same_model(in, in->sites[i]->model, model)) {
            *out = in->sites[i];
            return STATUS_OK;
        }
    return site_new(out, in, model, tokens, e);
}

/* The sequence: integers within the vocabulary, no longer than the context. */
static enum status site_sequence(struct site *site, struct interp *in)
{
    struct value *v;
    enum status s = eval(&v, in, site->tokens);
    if (s != STATUS_OK) return s;
    site->unknown = v->kind == KIND_UNKNOWN;
    if (site->unknown) return STATUS_OK;
    if (site->net->width_in) return site_rows(site, in, v);
    if (v->kind != KIND_INT || v->rank != 1) return interp_fail(in, site->tokens, "not a sequence of tokens");
    if (v->n < 1 || v->n > site->net->n_ctx) return interp_fail(in, site->tokens, "sequence of %zu tokens, the model takes 1 to %zu", v->n, site->net->n_ctx);
    for (size_t i = 0; i < v->n; i++) {
        if (v->ints[i] < 0 || (size_t)v->ints[i] >= site->net->d_vocab)
            return interp_fail(in, site->tokens, "token %ld out of range: the model has 0..%zu", v->ints[i], site->net->d_vocab - 1);
        site->t[i] = (int)v->ints[i];
    }
    site->n = v->n;
    return STATUS_OK;
}

size_t site_place(const struct site *site, size_t node)
{
    return site->edit ? site->edit->place[node] : node;
}

static enum status add_patch(struct site *site, struct patch p)
{
    struct patch *grown = mem_grow(site->patches, &site->room_patches, site->n_patches + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    site->patches = grown;
    site->patches[site->n_patches++] = p;
    return STATUS_OK;
}

enum status site_add_rows(struct site *site, struct change *by, struct part of, long first, long count)
{
    const struct edited *edit = site->edit;
    struct patch p = {.by = by, .first = first, .count = count, .of = of, .entry = of.entry};
    enum status s = STATUS_OK;
    if (part_whole(&of) && !by->steer) {
        p.node = edit ? edit->own[of.node] : of.node;
        s = add_patch(site, p);
    }
    for (size_t i = 0; edit && i < edit->n_parts && s == STATUS_OK; i++) {
        const struct part *q = &edit->parts[i];
        bool same = q->reader == of.reader && q->entry == of.entry;
        if (q->node != of.node || (!part_whole(&of) && !same)) continue;
        p.zero = q->steer > 0 && q->steer <= by->below;
        if (!p.zero && q->steer != by->steer) continue;      /* an earlier steer's share in what is steered once more, or a later one's */
        if (p.zero && by->steer) continue;
        p.node = q->at;
        p.entry = q->entry;
        s = add_patch(site, p);
    }
    return s;
}

static enum status resolve_patch(struct site *site, struct interp *in, struct change *c)
{
    const struct expr *left = c->left;
    struct part of;
    enum status s = component_part(&of, in, site->base, left->form == FORM_INDEX ? left->args[0] : left);
    if (s != STATUS_OK || left->form != FORM_INDEX) return s == STATUS_OK ? site_add_rows(site, c, of, 0, -1) : s;
    struct span rows;
    s = eval_span(&rows, in, left->args[1], site->n);
    if (s != STATUS_OK) return s;
    if (rows.unknown) site->unknown = true;
    return site_add_rows(site, c, of, (long)rows.first, (long)rows.count);
}

static enum status resolve_changes(struct site *site, struct interp *in)
{
    enum status s = site_edit(site, in);
    site->n_patches = 0;
    for (size_t i = 0; i < site->n_changes && s == STATUS_OK && !site->unknown; i++)
        s = site->changes[i].left ? resolve_patch(site, in, &site->changes[i]) : ablate_resolve(site, in, &site->changes[i]);
    return s;
}

static enum status patch_variant(struct variant *v, const struct site *site)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; i < site->n_patches && s == STATUS_OK; i++) {
        const struct patch *p = &site->patches[i];
        for (long k = 0; k < (p->count < 0 ? 1 : p->count) && s == STATUS_OK; k++) {
            long row = p->count < 0 ? -1 : p->first + k;
            s = v->run ? run_patch(v->run, p->node, row) : ball_run_patch(v->balls, p->node, row);
        }
    }
    return s;
}

/* The run for the rows that are patched now. */
static enum status site_variant(struct site *site, struct interp *in)
{
    size_t n = site->n_patches;
    for (size_t i = 0; i < site->n_variants; i++) {
        site->now = &site->variants[i];
        bool same = site->now->n == n && site->now->net == site->net;
        for (size_t k = 0; k < n && same; k++)
            same = site->now->rows[3 * k] == (long)site->patches[k].node && site->now->rows[3 * k + 1] == site->patches[k].first && site->now->rows[3 * k + 2] == site->patches[k].count;
        if (same) return STATUS_OK;
    }
    struct variant *grown = mem_grow(site->variants, &site->room_variants, site->n_variants + 1, sizeof *grown);
    if (!grown) return STATUS_MEMORY;
    site->variants = grown;
    struct variant v = {.net = site->net, .rows = mem_array(3 * n + 1, sizeof *v.rows), .n = n};
    if (!v.rows) return STATUS_MEMORY;
    for (size_t k = 0; k < n; k++) {
        v.rows[3 * k] = (long)site->patches[k].node;
        v.rows[3 * k + 1] = site->patches[k].first;
        v.rows[3 * k + 2] = site->patches[k].count;
    }
    enum status s = in->prec ? ball_run_new(&v.balls, site->net, in->s->semantics, in->prec) : run_new(&v.run, site->net, in->s->semantics);
    if (s == STATUS_OK) s = patch_variant(&v, site);
    site->variants[site->n_variants++] = v;
    site->now = &site->variants[site->n_variants - 1];
    if (s == STATUS_OK) return STATUS_OK;
    site->n_variants--;
    free(v.rows);
    if (v.run) run_free(v.run);
    if (v.balls) ball_run_free(v.balls);
    return s;
}

static enum status fill_patch(const struct patch *p, struct site *site, struct interp *in)
{
    struct value *given, v;
    size_t width = part_width(site->base, &p->of) ? part_width(site->base, &p->of) : site->n;
    size_t rows = p->count < 0 ? site->n : (size_t)p->count;
    bool scalar_row = p->by->left->form == FORM_INDEX ? p->by->left->args[1]->form != FORM_SLICE : site->net->width_in && site->net->n_ctx == 1;
    enum status s = eval(&given, in, p->by->value);
    if (s != STATUS_OK) return s;
    if (given->kind == KIND_UNKNOWN) {
        site->unknown = true;
        return STATUS_OK;
    }
    bool all_rows = p->by->left->form != FORM_INDEX && given->rank == 2;
    bool fits = scalar_row && !all_rows ? given->rank == 1 && given->n == width : given->rank == 2 && given->shape[0] == rows && given->shape[1] == width;
    if (!fits || given->kind == KIND_TRUTH) return interp_fail(in, p->by->value, "a patch of %zu rows of width %zu needs an array of that shape", rows, width);
    value_init(&v);
    bool ok = value_copy(&v, given, in->prec) && value_as_real(&v, in->prec);
    if (ok && in->s->semantics == SEMANTICS_FLOAT32 && !(given->kind == KIND_REAL && given->origin.site)) interp_round_binary32(&v, in->prec);
    size_t skip = p->entry >= 0 && part_whole(&p->of) ? (size_t)p->entry : 0;
    for (size_t i = 0; ok && i < rows; i++) {
        size_t row = (size_t)p->first + i, at = i * width + skip;
        if (in->prec) ball_run_patch_row(site->now->balls, p->node, row, v.balls + at);
        else run_patch_row(site->now->run, p->node, row, v.mid + at, v.rad + at);
    }
    value_clear(&v);
    return ok ? STATUS_OK : STATUS_MEMORY;
}

enum status site_ready(struct site *site, struct interp *in)
{
    if (class_fresh(in, site->slots, site->n_slots, site->stamp)) return STATUS_OK;
    site->stamp = 0;
    enum status s = site_sequence(site, in);
    if (s == STATUS_OK && !site->unknown) s = resolve_changes(site, in);
    if (s == STATUS_OK && !site->unknown) s = site_variant(site, in);
    if (s != STATUS_OK) return s;
    if (!site->unknown) {
        site_enter(site, in);
        for (size_t i = 0; i < site->n_patches && s == STATUS_OK && !site->unknown; i++) {
            const struct patch *p = &site->patches[i];
            s = p->zero ? zero_fill(p, site, in) : p->by->steer ? steer_fill(p, site, in) : p->by->left ? fill_patch(p, site, in) : ablate_fill(p, site, in);
        }
        if (s != STATUS_OK) return s;
    }
    site->stamp = in->clock;
    return STATUS_OK;
}

enum status interp_site(struct site **out, struct interp *in, const struct expr *model, const struct expr *tokens, struct diag *d)
{
    in->d = d;
    enum status s = site_find(out, in, model, tokens, model);
    if (s == STATUS_OK) s = site_ready(*out, in);
    return s == STATUS_OK && (*out)->unknown ? STATUS_UNSUPPORTED : s;
}

const struct net *interp_site_net(const struct site *site) { return site->net; }

long interp_site_node(const struct site *site, const char *name)
{
    long node = net_node(site->base, name);
    return node < 0 ? node : (long)site_place(site, (size_t)node);
}

bool interp_site_replaces(const struct site *site, size_t node, size_t row)
{
    for (size_t i = 0; i < site->n_patches; i++) {
        const struct patch *p = &site->patches[i];
        if (p->node == node && (p->count < 0 || ((long)row >= p->first && (long)row < p->first + p->count))) return true;
    }
    return false;
}

arb_srcptr interp_site_row(struct site *site, size_t node, size_t row) { return ball_run_row(site->now->balls, node, row); }

const double *interp_site_middles(struct site *site, size_t node, size_t row)
{
    const double *mid, *rad;
    run_row(site->now->run, node, row, &mid, &rad);
    return mid;
}
