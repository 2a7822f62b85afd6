/* interp_network.c: activations. One run a site; only the rows that an index asks for are computed. */
#include "verify/interp_parts.h"
#include "core/mem.h"
#include "models/rows.h"
#include <math.h>
#include <string.h>

bool is_network_call(const struct expr *e)
{
    return e->form == FORM_CALL && e->function != FUNCTION_RADIUS && !is_truncated_call(e) && function_reads_network(e->function) && function_table[e->function].decided;
}

static const struct expr *tokens_argument(const struct expr *e)
{
    return e->args[e->n_args - 1];
}

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

static enum status site_of(struct site **out, struct interp *in, const struct expr *e)
{
    struct class *c = class_of(in, e);
    if (!c) return STATUS_MEMORY;
    if (!c->site) {
        enum status s = site_find(&c->site, in, e->args[0], tokens_argument(e), e);
        if (s != STATUS_OK) return s;
    }
    *out = c->site;
    return STATUS_OK;
}

static enum status call_node(size_t *out, struct interp *in, const struct site *site, const struct expr *e)
{
    enum status s = base_node(out, in, site, e);
    if (s == STATUS_OK) *out = site_place(site, *out);
    return s;
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

/* One row in place. */
static void point_at_row(struct value *out, struct interp *in, struct site *site, size_t node, size_t row)
{
    if (in->prec) out->balls = ball_run_row(site->now->balls, node, row);
    else run_row(site->now->run, node, row, &out->mid, &out->rad);
    out->kind = KIND_REAL;
    out->has_real = true;
    out->origin = (struct origin){site, node, row, -1};
}

enum status copy_rows(struct value *out, struct interp *in, struct site *site, size_t node, struct span rows, struct span cols)
{
    double *mid, *rad;
    arb_ptr balls;
    size_t shape[2] = {rows.count, cols.count};
    bool one = cols.scalar;
    if (!value_shape(out, one ? 1 : 2, shape) || !value_make_real(out, in->prec, &mid, &rad, &balls)) return STATUS_MEMORY;
    for (size_t i = 0; i < rows.count; i++) {
        const double *m, *r;
        arb_srcptr b = NULL;
        if (in->prec) b = ball_run_row(site->now->balls, node, rows.first + i);
        else run_row(site->now->run, node, rows.first + i, &m, &r);
        for (size_t j = 0; j < cols.count; j++) {
            if (b) arb_set(balls + i * cols.count + j, b + cols.first + j);
            else {
                mid[i * cols.count + j] = m[cols.first + j];
                rad[i * cols.count + j] = r[cols.first + j];
            }
        }
    }
    if (!one && cols.first == 0) out->origin = (struct origin){site, node, rows.first, -1};
    return STATUS_OK;
}

/* Scores that the mask hides have no value. */
static enum status check_scores(struct interp *in, const struct expr *e, const struct site *site, size_t node, struct span rows, struct span cols)
{
    const struct net *net = site->net;
    if (net->nodes[node].op != OP_SCORE || rows.count == 0 || cols.count == 0) return STATUS_OK;
    bool hidden = net->causal && cols.first + cols.count - 1 > rows.first;
    for (size_t j = cols.first; net->pad >= 0 && j < cols.first + cols.count; j++) hidden = hidden || site->t[j] == net->pad;
    if (hidden) return interp_fail(in, e, "a score outside the mask has no value");
    return STATUS_OK;
}

enum status network_value(struct value *out, struct interp *in, const struct expr *e)
{
    struct site *site;
    size_t node;
    enum status s = site_of(&site, in, e);
    if (s == STATUS_OK) s = site_ready(site, in);
    if (s != STATUS_OK) return s;
    if (site->unknown) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if ((s = call_node(&node, in, site, e)) != STATUS_OK) return s;
    size_t width = site->net->nodes[node].width ? site->net->nodes[node].width : site->n;
    struct span rows = {0, site->n, false, false}, cols = {0, width, false, false};
    if ((s = check_scores(in, e, site, node, rows, cols)) != STATUS_OK) return s;
    if (!site->vector) return copy_rows(out, in, site, node, rows, cols);
    if (!value_shape(out, 1, &width)) return STATUS_MEMORY;
    point_at_row(out, in, site, node, 0);
    return STATUS_OK;
}

enum status network_index(struct value *out, struct interp *in, const struct expr *e)
{
    struct site *site;
    size_t node;
    enum status s = site_of(&site, in, e->args[0]);
    if (s == STATUS_OK) s = site_ready(site, in);
    if (s != STATUS_OK) return s;
    if (site->unknown) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if ((s = call_node(&node, in, site, e->args[0])) != STATUS_OK) return s;
    size_t width = site->net->nodes[node].width ? site->net->nodes[node].width : site->n;
    struct span rows = {0, 1, true, false}, cols = {0, width, false, false};
    size_t axes = site->vector ? 1 : 2;
    if (axes == 2) s = eval_span(&rows, in, e->args[1], site->n);
    if (s == STATUS_OK && e->n_args > axes) s = eval_span(&cols, in, e->args[axes], width);
    if (s != STATUS_OK) return s;
    if (e->n_args > axes + 1) return interp_fail(in, e, "this activation has %zu ax%s", axes, axes == 1 ? "is" : "es");
    if (rows.unknown || cols.unknown) {
        value_set_unknown(out);
        return STATUS_OK;
    }
    if ((s = check_scores(in, e, site, node, rows, cols)) != STATUS_OK) return s;
    if (!rows.scalar) return copy_rows(out, in, site, node, rows, cols);
    if (!value_shape(out, cols.scalar ? 0 : 1, &cols.count)) return STATUS_MEMORY;
    point_at_row(out, in, site, node, rows.first);
    if (in->prec) out->balls += cols.first;
    else {
        out->mid += cols.first;
        out->rad += cols.first;
    }
    if (cols.scalar) out->origin.col = (long)cols.first;
    else if (cols.first > 0) out->origin.site = NULL;
    return STATUS_OK;
}

static bool same_run(const struct site *a, const struct site *b);

/* Equal exact numbers, or the same rows of one run. Enclosures of anything else may stand for two numbers. */
static bool same_input(const struct site *a, const struct site *b)
{
    const struct value *x = &a->input, *y = &b->input;
    if (a->n != b->n) return false;
    if (value_is_exact(x) && value_is_exact(y)) return value_equal(x, y);
    if (x->kind != KIND_REAL || y->kind != KIND_REAL || !a->from.site || !b->from.site) return false;
    return a->from.node == b->from.node && a->from.row == b->from.row && same_run(a->from.site, b->from.site);
}

static bool same_run(const struct site *a, const struct site *b)
{
    if (a->net != b->net || (a != b && (a->n_patches || b->n_patches))) return false;
    if (a->net->width_in) return same_input(a, b);
    return a == b || (a->n == b->n && memcmp(a->t, b->t, a->n * sizeof *a->t) == 0);
}

static bool node_is_patched(const struct site *s, size_t node)
{
    for (size_t i = 0; i < s->n_patches; i++)
        if (s->patches[i].node == node) return true;
    return false;
}

bool is_whole_softmax(const struct interp *in, const struct origin *row, size_t n)
{
    const struct site *s = row->site;
    bool any = false;
    if (!s || in->s->semantics != SEMANTICS_REAL || s->net->nodes[row->node].op != OP_SOFTMAX || node_is_patched(s, row->node)) return false;
    for (size_t j = 0; j < row_sources(s->net, row->row, s->n); j++) {
        bool allowed = s->net->pad < 0 || s->t[j] != s->net->pad;
        if (allowed && j >= n) return false;
        any |= allowed;
    }
    return any;
}

bool next_of_row(struct origin *row, const struct value *v, long count)
{
    const struct origin *o = &v->origin;
    if (v->kind != KIND_REAL || v->rank != 0 || !o->site || o->col != count) return false;
    if (count == 0) *row = *o;
    return o->site == row->site && o->node == row->node && o->row == row->row;
}

/* Under float32 every entry is rounded on its own: only an entry and itself are one number. */
bool same_number(const struct interp *in, const struct origin *a, long col_a, const struct origin *b, long col_b)
{
    if (!a->site || !b->site || a->node != b->node || a->row != b->row || !same_run(a->site, b->site)) return false;
    if (col_a < 0 || col_b < 0) return false;
    if (col_a == col_b) return true;
    if (in->s->semantics != SEMANTICS_REAL || node_is_patched(a->site, a->node)) return false;
    return net_twins(a->site->net, a->node, (size_t)col_a, (size_t)col_b);
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
