/* interp_network.c: activations. One run a site; only the rows that an index asks for are computed. Which of them are one number. */
#include "verify/interp_parts.h"
#include "models/rows.h"
#include <string.h>

bool is_network_call(const struct expr *e)
{
    return e->form == FORM_CALL && e->function != FUNCTION_RADIUS && !is_truncated_call(e) && function_reads_network(e->function) && function_table[e->function].decided;
}

static const struct expr *tokens_argument(const struct expr *e)
{
    return e->args[e->n_args - 1];
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
