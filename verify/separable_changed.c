#include "verify/separable_changed.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* What a node's row is as a function of the tokens: TOKEN of its own token and position; AFFINE of that, and affine in the rows of the heads' mix nodes. */
enum shape { SHAPE_NONE, SHAPE_TOKEN, SHAPE_SCORE, SHAPE_SOFTMAX, SHAPE_AFFINE };

struct changed {
    struct changed_at at;
    int *slots; long *values; size_t n_outer;    /* of the integer binders */
    const char *mixes[HEADS_MOST]; size_t n_mixes;
    unsigned char *shape; size_t n_nodes;
    size_t output;
};

/* A run of the changed model. */
struct view { const struct changed *x; struct interp *in; struct site *site; struct diag d; int *tokens; };

/* ---- runs ---- */

static void view_close(struct view *v)
{
    interp_free(v->in);
    free(v->tokens);
    diag_clear(&v->d);
}

static enum status view_open(struct view *v, const struct changed *x, slong prec)
{
    *v = (struct view){ .x = x };
    diag_init(&v->d);
    enum status s = interp_new(&v->in, x->at.s, prec);
    v->tokens = mem_array(x->at.t->n, sizeof *v->tokens);
    if (s != STATUS_OK || !v->tokens)
        return s == STATUS_OK ? STATUS_MEMORY : s;
    for (size_t i = 0; i < x->n_outer; i++)
        interp_bind_int(v->in, x->slots[i], x->values[i]);
    return STATUS_OK;
}

/* On the sequence of equal tokens. */
static enum status view_at(struct view *v, int token)
{
    for (size_t i = 0; i < v->x->at.t->n; i++)
        v->tokens[i] = token;
    sequence_bind(v->x->at.t, v->in, v->tokens);
    return interp_site(&v->site, v->in, v->x->at.model, v->x->at.tokens, &v->d);
}

/* ---- shapes ---- */

static enum shape shape_of(const struct changed *x, const struct net *net, size_t node, bool head)
{
    const struct node *n = &net->nodes[node];
    enum shape most = SHAPE_TOKEN;
    for (size_t a = 0; a < n->n_inputs; a++) {
        enum shape s = (enum shape)x->shape[n->inputs[a]];
        if (s == SHAPE_NONE)
            return SHAPE_NONE;
        most = s > most ? s : most;
    }
    switch (n->op) {
    case OP_EMBED: case OP_POSITION: case OP_CONSTANT: return SHAPE_TOKEN;
    case OP_ADD: case OP_LINEAR: case OP_HEADS: return most == SHAPE_TOKEN || most == SHAPE_AFFINE ? most : SHAPE_NONE;
    case OP_SCORE: return most == SHAPE_TOKEN ? SHAPE_SCORE : SHAPE_NONE;
    case OP_SOFTMAX: return most == SHAPE_SCORE ? SHAPE_SOFTMAX : SHAPE_NONE;
    case OP_MIX: return head && x->shape[n->inputs[0]] == SHAPE_SOFTMAX && x->shape[n->inputs[1]] == SHAPE_TOKEN ? SHAPE_AFFINE : SHAPE_NONE;
    case OP_LAYERNORM: return most == SHAPE_TOKEN && n->n_inputs == 1 ? SHAPE_TOKEN : SHAPE_NONE;
    default: return SHAPE_NONE;
    }
}

static bool is_head(const struct changed *x, const struct site *site, size_t node)
{
    for (size_t h = 0; h < x->n_mixes; h++)
        if (interp_site_node(site, x->mixes[h]) == (long)node)
            return true;
    return false;
}

static enum status recognise(struct changed *x, struct site *site, struct text *why)
{
    const struct net *net = interp_site_net(site);
    x->n_nodes = net->n_nodes;
    x->output = net->output;
    x->shape = mem_array(net->n_nodes, 1);
    if (!x->shape)
        return STATUS_MEMORY;
    for (size_t v = 0; v < net->n_nodes; v++)
        x->shape[v] = (unsigned char)shape_of(x, net, v, is_head(x, site, v));
    bool good = x->shape[net->output] == SHAPE_AFFINE && net->nodes[net->output].op == OP_LINEAR && !interp_site_replaces(site, net->output, x->at.row);
    for (size_t h = 0; h < x->n_mixes && good; h++) {
        long mix = interp_site_node(site, x->mixes[h]);
        good = mix >= 0 && x->shape[mix] == SHAPE_AFFINE;
    }
    return good ? STATUS_OK : features_refuse(why, "the changed network is no longer one attention layer, linear behind it");
}

static bool copy_outer(struct changed *x, const struct domain_binds *binds, const struct interp *in)
{
    const int *v;
    size_t n;
    bool is_int;
    x->slots = mem_array(binds->n, sizeof *x->slots);
    x->values = mem_array(binds->n, sizeof *x->values);
    if (!x->slots || !x->values)
        return false;
    for (size_t i = 0; i < binds->n; i++) {
        if (!interp_bound(in, binds->items[i]->slot, &v, &n, &is_int) || !is_int)
            return false;
        x->slots[i] = binds->items[i]->slot;
        x->values[i] = v[0];
    }
    x->n_outer = binds->n;
    return true;
}

enum status changed_new(struct changed **out, const struct changed_at *at, const struct domain_binds *binds, struct interp *in, const struct separable_net *net, struct text *why)
{
    struct changed *x = *out = mem_array(1, sizeof *x);
    struct view v;
    if (!x)
        return STATUS_MEMORY;
    x->at = *at;
    x->mixes[x->n_mixes++] = net->net->nodes[net->mix].name;
    for (size_t h = 0; h < net->n_more; h++)
        x->mixes[x->n_mixes++] = net->net->nodes[net->more[h].mix].name;
    if (!copy_outer(x, binds, in))
        return features_refuse(why, "an integer binder is not bound");
    enum status s = view_open(&v, x, 128);
    if (s == STATUS_OK)
        s = view_at(&v, at->t->n_set[at->row] ? at->t->sets[at->row][0] : 0);
    if (s == STATUS_OK)
        s = recognise(x, v.site, why);
    view_close(&v);
    return s == STATUS_OK || s == STATUS_MEMORY ? s : features_refuse(why, "the changed network cannot be evaluated");
}

void changed_free(struct changed *x)
{
    if (!x)
        return;
    free(x->slots);
    free(x->values);
    free(x->shape);
    free(x);
}

/* ---- what follows the heads ---- */

/* Rows of the nodes at the row that is read, as far as they are affine. */
struct tail { struct view *v; arb_ptr *rows; slong prec; };

static bool tail_init(struct tail *t, struct view *v, slong prec)
{
    *t = (struct tail){ v, mem_array(v->x->n_nodes, sizeof *t->rows), prec };
    return t->rows != NULL;
}

static void tail_clear(struct tail *t, const struct net *net)
{
    for (size_t n = 0; t->rows && n < t->v->x->n_nodes; n++)
        if (t->rows[n])
            _arb_vec_clear(t->rows[n], (slong)net->nodes[n].width);
    free(t->rows);
}

static void add_linear(arb_ptr out, const struct node *n, arb_srcptr in, bool bias, slong prec)
{
    arb_t w;
    arb_init(w);
    for (size_t j = 0; j < n->width; j++) {
        for (size_t i = 0; i < n->w[0].k; i++) {
            arb_set_d(w, n->w[0].data[i * n->w[0].m + j]);
            arb_addmul(out + j, in + i, w, prec);
        }
        if (bias && n->n_w > 1) {
            arb_set_d(w, n->w[1].data[j]);
            arb_add(out + j, out + j, w, prec);
        }
    }
    arb_clear(w);
}

static void add_inputs(struct tail *t, const struct net *net, size_t node, bool constants)
{
    const struct node *n = &net->nodes[node];
    for (size_t a = 0; a < n->n_inputs; a++) {
        size_t from = n->inputs[a];
        bool affine = t->v->x->shape[from] == SHAPE_AFFINE;
        if (!affine && !constants)
            continue;
        arb_srcptr in = affine ? t->rows[from] : interp_site_row(t->v->site, from, t->v->x->at.row);
        if (n->op == OP_LINEAR)
            add_linear(t->rows[node], n, in, constants, t->prec);
        else
            _arb_vec_add(t->rows[node], t->rows[node], in, (slong)n->width, t->prec);
    }
    arb_t b;
    arb_init(b);
    for (size_t j = 0; constants && n->op == OP_HEADS && n->n_w > 0 && j < n->width; j++) {
        arb_set_d(b, n->w[0].data[j]);
        arb_add(t->rows[node] + j, t->rows[node] + j, b, t->prec);
    }
    arb_clear(b);
}

/* The output with the mix node of one head at `given` (NULL: 0) and the others at 0. constants: with everything that does not rest on the heads, else without it (then what a
 * change replaces is 0, as it is no matter of the heads). */
static bool tail_run(arb_ptr out, struct tail *t, long mix, arb_srcptr given, bool constants)
{
    const struct changed *x = t->v->x;
    const struct net *net = interp_site_net(t->v->site);
    for (size_t n = 0; n <= x->output; n++) {
        slong width = (slong)net->nodes[n].width;
        if (x->shape[n] != SHAPE_AFFINE)
            continue;
        if (!t->rows[n] && !(t->rows[n] = _arb_vec_init(width)))
            return false;
        _arb_vec_zero(t->rows[n], width);
        if (interp_site_replaces(t->v->site, n, x->at.row)) {
            if (constants)
                _arb_vec_set(t->rows[n], interp_site_row(t->v->site, n, x->at.row), width);
        } else if (net->nodes[n].op != OP_MIX)
            add_inputs(t, net, n, constants);
        else if ((long)n == mix && given)
            _arb_vec_set(t->rows[n], given, width);
    }
    _arb_vec_set(out, t->rows[x->output], (slong)net->nodes[x->output].width);
    return true;
}

/* ---- tables ---- */

static bool token_tables(struct ball_tables *t, struct view *v, struct tail *tail, const char *name, int token)
{
    const struct changed *x = v->x;
    if (view_at(v, token) != STATUS_OK)
        return false;
    const struct net *net = interp_site_net(v->site);
    size_t mix = (size_t)interp_site_node(v->site, name), value = net->nodes[mix].inputs[1];
    const struct node *score = &net->nodes[net->nodes[net->nodes[mix].inputs[0]].inputs[0]];
    _arb_vec_set(arb_mat_entry(t->q, token, 0), interp_site_row(v->site, score->inputs[0], x->at.row), (slong)t->d_head);
    if (!tail_run(arb_mat_entry(t->D, token, 0), tail, -1, NULL, true))
        return false;
    for (size_t i = 0; i < t->n_src; i++) {
        slong cell = (slong)(i * t->V) + token;
        _arb_vec_set(arb_mat_entry(t->k, cell, 0), interp_site_row(v->site, score->inputs[1], i), (slong)t->d_head);
        if (!tail_run(arb_mat_entry(t->C, cell, 0), tail, (long)mix, interp_site_row(v->site, value, i), false))
            return false;
    }
    return true;
}

void changed_tables(struct ball_tables *t, const struct separable_net *net)
{
    const char *name = net->net->nodes[net->mix].name;
    struct view v;
    struct tail tail = { 0 };
    bool good = view_open(&v, net->changed, t->prec) == STATUS_OK && tail_init(&tail, &v, t->prec);
    for (size_t a = 0; a < t->V && good; a++)
        good = token_tables(t, &v, &tail, name, (int)a);
    if (!good)
        for (slong a = 0; a < arb_mat_nrows(t->D); a++)
            for (slong j = 0; j < arb_mat_ncols(t->D); j++)
                arb_indeterminate(arb_mat_entry(t->D, a, j));
    if (tail.rows && v.site)
        tail_clear(&tail, interp_site_net(v.site));
    view_close(&v);
}
