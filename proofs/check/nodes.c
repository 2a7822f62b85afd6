/* Which node a function or component means (NETWORK.md §4), weights, and runs with patches. */
#include "nodes.h"
#include <string.h>

static bool small_int(struct eval *e, const struct ex *x, int *out) {
    int64_t v;
    if (!eval_int(e, x, &v)) return false;
    *out = (int)v;
    return v >= 0 && v < 100000 ? true : eval_fail(e, "layer or head out of range");
}

static bool node_named(struct eval *e, const struct net *net, const char *name, int *node) {
    *node = net_find(net, name);
    return *node >= 0 ? true : fail_at(&e->fail, 0, "the network has no node %.100s", name);
}

static bool component_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    char name[100];
    int l, h;
    if (x->kind == EX_STRING) return node_named(e, net, x->name, node);
    if (x->kind == EX_WORD && strcmp(x->name, "embed") == 0) return node_named(e, net, "hook_embed", node);
    if (x->kind == EX_WORD && strcmp(x->name, "pos_embed") == 0) return node_named(e, net, "hook_pos_embed", node);
    if (x->kind == EX_CALL && x->number == FN_HEAD) {
        if (!small_int(e, x->k[0], &l) || !small_int(e, x->k[1], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.hook_result.%d", l, h);
        return node_named(e, net, name, node);
    }
    if (x->kind == EX_CALL && x->number == FN_MLP) {
        if (!small_int(e, x->k[0], &l)) return false;
        snprintf(name, sizeof name, "blocks.%d.hook_mlp_out", l);
        return node_named(e, net, name, node);
    }
    if (x->kind == EX_CALL && x->number == FN_BIAS) {
        if (!small_int(e, x->k[0], &l)) return false;
        *node = net_bias_node(net, l);
        return *node >= 0 ? true : eval_fail(e, "the attention of this layer has no bias");
    }
    return eval_fail(e, "not a component");
}

/* head(l, h).q, .k, .v, mlp(l), unembed: the first node of the reader */
static bool reader_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    char name[100];
    int l, h;
    if (x->kind == EX_WORD && strcmp(x->name, "unembed") == 0) {
        *node = net->output;
        return strstr(net->nodes[*node].name, ".mlp.") == NULL ? true : eval_fail(e, "the output is a node of an MLP");
    }
    if (x->kind == EX_FIELD && x->k[0]->kind == EX_CALL && x->k[0]->number == FN_HEAD) {
        if (!small_int(e, x->k[0]->k[0], &l) || !small_int(e, x->k[0]->k[1], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.hook_%s.%d", l, x->name, h);
        return node_named(e, net, name, node);
    }
    if (x->kind != EX_CALL || x->number != FN_MLP) return eval_fail(e, "not a reader");
    if (!small_int(e, x->k[0], &l)) return false;
    snprintf(name, sizeof name, "blocks.%d.mlp.", l);
    for (*node = 0; *node < net->n_nodes; ++*node)
        if (strncmp(net->nodes[*node].name, name, strlen(name)) == 0) return true;
    return fail_at(&e->fail, 0, "the network has no node %.100s...", name);
}

bool component_part(struct eval *e, const struct net *base, const struct ex *x, struct part *out) {
    char name[100];
    int l;
    *out = (struct part){.reader = -1, .entry = -1};
    if (x->kind == EX_CALL && x->number == FN_EDGE) {
        if (!component_node(e, base, x->k[0], &out->node) || !reader_node(e, base, x->k[1], &out->reader)) return false;
        return base->nodes[out->node].width > 0 ? true : eval_fail(e, "scores and patterns have no edges");
    }
    if (x->kind != EX_CALL || x->number != FN_NEURON) return component_node(e, base, x, &out->node);
    if (!small_int(e, x->k[0], &l) || !small_int(e, x->k[1], &out->entry)) return false;
    snprintf(name, sizeof name, "blocks.%d.mlp.hook_post", l);
    if (!node_named(e, base, name, &out->node)) return false;
    return (uint32_t)out->entry < base->nodes[out->node].width ? true : eval_fail(e, "neuron out of range");
}

uint32_t part_width(const struct net *base, const struct part *p) { return p->entry >= 0 ? 1 : base->nodes[p->node].width; }

static bool function_node(struct eval *e, const struct net *net, const struct ex *x, int *node) {
    static const char *const layer_names[] = {[FN_RESID_MID - FN_RESID_PRE] = "hook_resid_mid", [FN_RESID_POST - FN_RESID_PRE] = "hook_resid_post",
                                              [FN_MLP_PRE - FN_RESID_PRE] = "mlp.hook_pre", [FN_MLP_POST - FN_RESID_PRE] = "mlp.hook_post"};
    static const char *const head_names[] = {"hook_pattern", "hook_attn_scores", "hook_result"};
    char name[100];
    int l, h;
    if (x->number == FN_LOGITS || x->number == FN_OUTPUT) {
        if (net->reals != (x->number == FN_OUTPUT)) return eval_fail(e, net->reals ? "logits is of a network that reads tokens" : "output is of a network that reads real numbers");
        *node = net->output;
        return true;
    }
    if (x->number == FN_NODE) return component_node(e, net, x->k[1], node); /* the whole of it: a neuron or an edge is no node of its own */
    if (!small_int(e, x->k[1], &l)) return false;
    if (x->number <= FN_HEAD_OUT) {
        if (!small_int(e, x->k[2], &h)) return false;
        snprintf(name, sizeof name, "blocks.%d.attn.%s.%d", l, head_names[x->number - FN_ATTN], h);
    } else if (x->number == FN_RESID_PRE) {
        snprintf(name, sizeof name, "blocks.%d.hook_resid_pre", l);
        if (net_find(net, name) < 0) {
            if (l > 0) snprintf(name, sizeof name, "blocks.%d.hook_resid_post", l - 1);
            else snprintf(name, sizeof name, "hook_embed");
        }
    } else snprintf(name, sizeof name, "blocks.%d.%s", l, layer_names[x->number - FN_RESID_PRE]);
    return node_named(e, net, name, node);
}

bool index_rows(struct eval *e, const struct ex *index, uint32_t n, int *first, int *last_row, bool *single) {
    int64_t lo = 0, hi = (int64_t)n - 1;
    bool had = e->has_last, good = true;
    int64_t last = e->last;
    e->has_last = true;
    e->last = hi;
    *single = false;
    if (index != NULL && index->kind == EX_SLICE) {
        good = (index->k[0] == NULL || eval_int(e, index->k[0], &lo)) && (index->k[1] == NULL || eval_int(e, index->k[1], &hi));
    } else if (index != NULL) {
        good = eval_int(e, index, &lo);
        hi = lo;
        *single = true;
    }
    e->has_last = had;
    e->last = last;
    if (good && (lo < 0 || hi < lo || hi >= (int64_t)n)) good = eval_fail(e, "row of a component out of range");
    *first = (int)lo;
    *last_row = (int)hi;
    return good;
}

static void add_patch(struct patched *m, struct patch q) {
    if ((m->n & (m->n - 1)) == 0) m->patch = mem_grow(m->patch, (size_t)m->n, m->n == 0 ? 1 : 2 * (size_t)m->n, sizeof *m->patch);
    m->patch[m->n++] = q;
}

void patched_clear(struct patched *m) { mem_free(m->patch); }

int place_of(const struct patched *m, int node) { return m->edit != NULL ? m->edit->place[node] : node; }

/* entry k of every row */
static struct num *column(struct eval *e, const struct num *values, uint32_t rows, uint32_t width, uint32_t k) {
    struct num *out = pool_get(e, rows);
    for (uint32_t i = 0; i < rows; i++) num_copy(&out[i], &values[(size_t)i * width + k]);
    return out;
}

/* The part itself, or a part of the whole node that p is. */
static bool belongs(const struct part *p, const struct part *q) {
    bool whole = p->reader < 0 && p->entry < 0;
    return q->node == p->node && (whole || (q->reader == p->reader && q->entry == p->entry));
}

static struct num *zeros(struct eval *e, size_t n) {
    struct num *out = pool_get(e, n);
    for (size_t i = 0; i < n; i++) num_set_int(&out[i], 0);
    return out;
}

void use_rows(struct eval *e, struct patched *m, const struct part *p, int lo, int hi, struct num *values) {
    uint32_t width = part_width(m->base, p), rows = (uint32_t)(hi - lo + 1);
    bool whole = p->reader < 0 && p->entry < 0;
    if (whole && p->steer == 0) add_patch(m, (struct patch){m->edit != NULL ? m->edit->own[p->node] : p->node, lo, hi, width, values});
    for (int i = 0; m->edit != NULL && i < m->edit->n_parts; i++) {
        const struct part *q = &m->edit->part[i];
        if (!belongs(p, q)) continue;
        uint32_t own = part_width(m->base, q);
        bool pick = whole && q->entry >= 0;
        if (q->steer == p->steer) add_patch(m, (struct patch){q->at, lo, hi, own, pick ? column(e, values, rows, width, (uint32_t)q->entry) : values});
        else if (p->steer == 0 && q->steer <= m->steers) add_patch(m, (struct patch){q->at, lo, hi, own, zeros(e, (size_t)rows * own)});
    }
}

/* steer(M, COMPONENT [INDEX], v, alpha): rows of alpha v, which under float32 is rounded once, are added. */
static bool get_steer(struct eval *e, const struct ex *x, uint32_t n, struct patched *m) {
    const struct ex *c = x->k[1], *index = NULL;
    struct part q;
    struct val v, alpha;
    int lo, hi;
    bool single;
    if (c->kind == EX_INDEX) {
        if (c->n != 2) return eval_fail(e, "a component has one index");
        index = c->k[1];
        c = c->k[0];
    }
    if (!component_part(e, m->base, c, &q) || !index_rows(e, index, n, &lo, &hi, &single)) return false;
    if (!need_array(e, x->k[2], &v) || !need_num(e, x->k[3], &alpha)) return false;
    uint32_t width = part_width(m->base, &q), rows = (uint32_t)(hi - lo + 1);
    if (width == 0) return eval_fail(e, "scores and patterns are not steered");
    if (v.rank != 1 || v.d[0] != width) return eval_fail(e, "a steer adds a vector as wide as the rows");
    struct num *values = pool_get(e, (size_t)rows * width);
    for (uint32_t j = 0; j < width; j++) {
        num_mul(&values[j], &v.x[j], &alpha.x[0], e->p);
        for (uint32_t i = 1; i < rows; i++) num_copy(&values[(size_t)i * width + j], &values[j]);
    }
    q.steer = ++m->steers;
    use_rows(e, m, &q, lo, hi, values);
    return true;
}

static bool get_patch(struct eval *e, const struct ex *give, uint32_t n, struct patched *m) {
    const struct ex *c = give->k[0], *index = NULL;
    struct part q;
    int lo, hi;
    if (c->kind == EX_INDEX) {
        if (c->n != 2) return eval_fail(e, "a component has one index");
        index = c->k[1];
        c = c->k[0];
    }
    bool single;
    struct val v;
    if (!component_part(e, m->base, c, &q) || !index_rows(e, index, n, &lo, &hi, &single) || !need_array(e, give->k[1], &v)) return false;
    uint32_t width = part_width(m->base, &q), rows = (uint32_t)(hi - lo + 1);
    if (width == 0) return eval_fail(e, "scores and patterns are not patched");
    if (index == NULL && v.rank == 1 && m->net->reals && m->net->ctx == 1) single = true; /* all its rows are one */
    bool fits = single ? v.rank == 1 && v.d[0] == width : v.rank == 2 && v.d[0] == rows && v.d[1] == width;
    if (!fits) return eval_fail(e, "a patch has the wrong shape");
    use_rows(e, m, &q, lo, hi, v.x);
    return true;
}

bool is_change(const struct ex *x) { return x->kind == EX_CALL && (x->number == FN_PATCH || x->number == FN_ABLATE || x->number == FN_STEER); }

/* "TENSOR" = E: the numbers of E, all of them dyadic */
static bool new_tensor(struct eval *e, const struct ex *give, const struct net *base, struct dyadic **values) {
    const struct tensor *t = give->kind == EX_GIVE && give->k[0]->kind == EX_STRING ? net_tensor(base, give->k[0]->name) : NULL;
    struct val v;
    if (t == NULL) return eval_fail(e, "replace needs \"TENSOR\" = E");
    if (!give->k[1]->constant) return eval_fail(e, "a tensor that rests on a variable");
    size_t k = (size_t)(t - base->tensors);
    if (values[k] != NULL) return eval_fail(e, "a tensor is replaced twice");
    if (!need_array(e, give->k[1], &v)) return false;
    bool fits = v.rank == t->rank;
    for (int i = 0; fits && i < t->rank; i++) fits = v.d[i] == t->d[i];
    if (!fits) return eval_fail(e, "a tensor is replaced by one of another shape");
    values[k] = mem_get(t->n, sizeof **values);
    for (size_t i = 0; i < t->n; i++)
        if (!num_dyadic(&v.x[i], &values[k][i])) return eval_fail(e, "an entry of a replaced tensor is no binary64 number");
    return true;
}

/* replace(M, "TENSOR" = E, ...): made once; E rests on no variable, and every entry is a binary64 number. */
static const struct net *replaced_net(struct eval *e, const struct ex *x) {
    for (int i = 0; i < e->n_replaced; i++)
        if (e->replaced[i].x == x) return e->replaced[i].net;
    const struct net *base = base_net(e, x->k[0]);
    if (base == NULL) return NULL;
    struct dyadic **values = mem_get(base->n_tensors, sizeof *values);
    bool good = !is_change(x->k[0]) ? true : eval_fail(e, "replace is of a network as it stands");
    for (int i = 1; good && i < x->n - x->frozen; i++) good = new_tensor(e, x->k[i], base, values);
    struct net *net = good ? net_with_tensors(base, values, &e->fail) : NULL;
    for (size_t k = 0; k < base->n_tensors; k++) mem_free(values[k]);
    mem_free(values);
    if (net == NULL) return NULL;
    e->replaced = mem_grow(e->replaced, (size_t)e->n_replaced, (size_t)e->n_replaced + 1, sizeof *e->replaced);
    e->replaced[e->n_replaced++] = (struct replaced){x, net, base};
    return net;
}

/* blend(A, B, alpha): made once; alpha rests on no variable. */
static const struct net *blended_net(struct eval *e, const struct ex *x) {
    for (int i = 0; i < e->n_replaced; i++)
        if (e->replaced[i].x == x) return e->replaced[i].net;
    struct val alpha;
    bool good = !is_change(x->k[0]) && !is_change(x->k[1]) ? true : eval_fail(e, "blend is of networks as they stand");
    const struct net *a = good ? base_net(e, x->k[0]) : NULL, *b = a != NULL ? base_net(e, x->k[1]) : NULL;
    if (b == NULL || !need_num(e, x->k[2], &alpha)) return NULL;
    if (!x->k[2]->constant || !num_exact(alpha.x)) {
        eval_fail(e, "the share of a blend is an exact number");
        return NULL;
    }
    struct net *net = net_blend(a, b, alpha.x->q, e->s->float32, &e->fail);
    if (net == NULL) return NULL;
    e->replaced = mem_grow(e->replaced, (size_t)e->n_replaced, (size_t)e->n_replaced + 1, sizeof *e->replaced);
    e->replaced[e->n_replaced++] = (struct replaced){x, net, a};
    return net;
}

/* The network of a model; where the statement names a bias, the one in which biases are nodes. */
const struct net *model_net(struct eval *e, int model) {
    const struct net *net = e->s->models[model].net;
    if (net == NULL || !e->s->names_bias || model >= 64) return net;
    if (e->biased[model] == NULL) e->biased[model] = net_with_biases(net);
    return e->biased[model];
}

const struct net *base_net(struct eval *e, const struct ex *x) {
    while (is_change(x)) x = x->k[0];
    if (x->kind == EX_CALL && x->number == FN_REPLACE) return replaced_net(e, x);
    if (x->kind == EX_CALL && x->number == FN_BLEND) return blended_net(e, x);
    const struct net *net = x->kind == EX_MODEL ? model_net(e, x->number) : NULL;
    if (net == NULL) eval_fail(e, x->kind == EX_MODEL ? "a network is missing" : "a model was expected");
    return net;
}

/* Does a change of the model say `ln = frozen`? */
static bool is_frozen(const struct ex *x) {
    bool frozen = false;
    for (; is_change(x) || (x->kind == EX_CALL && x->number == FN_REPLACE); x = x->k[0]) frozen = frozen || x->frozen;
    return frozen;
}

/* The network of the model without any change. */
static const struct net *clean_net(struct eval *e, const struct ex *x) {
    while (is_change(x) || (x->kind == EX_CALL && x->number == FN_REPLACE)) x = x->k[0];
    return base_net(e, x);
}

static bool has_norms(const struct net *net) {
    bool found = false;
    for (int v = 0; v < net->n_nodes; v++) found = found || net->nodes[v].op == OP_LAYERNORM || net->nodes[v].op == OP_RMSNORM;
    return found;
}

void changed_clear(struct eval *e) {
    for (int i = 0; i < e->n_edited; i++) edited_free(e->edited[i]);
    for (int i = e->n_replaced - 1; i >= 0; i--) net_copy_free(e->replaced[i].net, e->replaced[i].base); /* a base stands before what is made from it */
    for (int i = 0; i < 64; i++)
        if (e->biased[i] != NULL) net_copy_free(e->biased[i], e->s->models[i].net); /* others were made from it */
    mem_free(e->edited);
    mem_free(e->replaced);
}

static bool names_parts(const struct ex *x) {
    if (x->kind == EX_CALL && (x->number == FN_NEURON || x->number == FN_EDGE || x->number == FN_STEER)) return true;
    for (int i = 0; i < x->n; i++)
        if (x->k[i] != NULL && names_parts(x->k[i])) return true;
    return false;
}

/* What a steer adds to, where that is no whole node, and what it adds. */
static bool collect_steer(struct eval *e, const struct ex *x, const struct net *base, int number, struct part_list *out) {
    struct part q;
    if (!component_part(e, base, x->k[1]->kind == EX_INDEX ? x->k[1]->k[0] : x->k[1], &q)) return false;
    if (q.reader >= 0 || q.entry >= 0) list_part(out, &q);
    q.steer = number;
    list_part(out, &q);
    return true;
}

/* The network with the parts that a model expression names, made once. */
static bool get_edit(struct eval *e, const struct ex *x, struct patched *m) {
    struct part_list list = {0};
    const struct net *clean = is_frozen(x) && has_norms(m->base) ? clean_net(e, x) : NULL;
    bool good = !e->fail.set;
    int steers = 0;
    for (const struct ex *y = x; is_change(y); y = y->k[0]) steers += y->number == FN_STEER;
    for (const struct ex *y = x; good && is_change(y); y = y->k[0])
        good = y->number == FN_STEER ? collect_steer(e, y, m->base, steers--, &list) : collect_parts(e, y, m->base, &list);
    for (int i = 0; good && i < e->n_edited && m->edit == NULL; i++) {
        const struct edited *d = e->edited[i];
        bool same = d->base == m->base && d->clean == clean && d->n_asked == list.n;
        for (int k = 0; same && k < list.n; k++) same = part_order(&d->part[k], &list.part[k]) == 0;
        if (same) m->edit = d;
    }
    if (good && m->edit == NULL && (list.n > 0 || clean != NULL)) {
        struct edited *d = e->n_edited == 1000 ? NULL : edited_new(m->base, clean, list.part, list.n, &e->fail);
        good = d != NULL ? true : eval_fail(e, "too many changed networks");
        if (good) {
            e->edited = mem_grow(e->edited, (size_t)e->n_edited, (size_t)e->n_edited + 1, sizeof *e->edited);
            e->edited[e->n_edited++] = d;
            m->edit = d;
        }
    }
    mem_free(list.part);
    if (m->edit != NULL) m->net = &m->edit->net;
    return good;
}

static bool add_changes(struct eval *e, const struct ex *x, uint32_t n, struct patched *m) {
    if (!is_change(x)) return true;
    if (!add_changes(e, x->k[0], n, m)) return false;
    if (x->number == FN_ABLATE) return ablate_model(e, x, n, m);
    if (x->number == FN_STEER) return get_steer(e, x, n, m);
    for (int i = 1; i < x->n - x->frozen; i++) {
        if (x->k[i]->kind != EX_GIVE) return eval_fail(e, "patch needs COMPONENT = VALUE");
        if (!get_patch(e, x->k[i], n, m)) return false;
    }
    return true;
}

bool get_model(struct eval *e, const struct ex *x, uint32_t n, struct patched *m) {
    m->base = m->net = base_net(e, x);
    if (m->base == NULL) return false;
    if ((names_parts(x) || is_frozen(x)) && !get_edit(e, x, m)) return false;
    return add_changes(e, x, n, m);
}

/* Equal patches by their values: an enclosure of one run then encloses the other too. Its tag may be shared only when the values
 * themselves are the same numbers, so values known by enclosures alone (no tag) make runs different. */
static bool same_patches(const struct run *r, const struct patched *m) {
    if (r->n_patches != m->n) return false;
    for (int k = 0; k < m->n; k++) {
        const struct patch *a = &r->patches[k], *b = &m->patch[k];
        if (a->node != b->node || a->lo != b->lo || a->hi != b->hi || a->width != b->width) return false;
        for (size_t i = 0; i < (size_t)(a->hi - a->lo + 1) * a->width; i++) {
            if (!num_identical(&a->values[i], &b->values[i])) return false;
        }
    }
    return true;
}

struct run *get_run(struct eval *e, const struct patched *m, const struct input *in) {
    for (int i = 0; i < RUNS; i++) {
        struct run *r = &e->runs[i];
        if (r->net == m->net && r->p == e->p && run_is_on(r, in) && same_patches(r, m)) return r;
    }
    struct run *r = &e->runs[e->next_run];
    e->next_run = (e->next_run + 1) % RUNS;
    if (r->net != NULL) run_clear(r);
    run_init_input(r, m->net, e->s->float32, e->p, e->next_id, in);
    eval_next_id(e);
    for (int k = 0; k < m->n; k++) run_add_patch(r, m->patch[k].node, m->patch[k].lo, m->patch[k].hi, m->patch[k].width, m->patch[k].values);
    return r;
}

/* The value of the last argument as an input of the network: a sequence of tokens, or rows of real numbers ([n, WIDTH], or [WIDTH] when N_CTX is 1).
 * tokens: memory that the caller gives back. The numbers of rows stay the value's. */
bool get_input(struct eval *e, const struct net *net, const struct val *t, struct input *in, int64_t **tokens) {
    bool vector = t->rank == 1;
    *in = (struct input){.n = net->reals && vector ? 1 : t->d[0]};
    if (net->reals) {
        in->rows = t->x;
        if (t->rank > 2 || (vector && net->ctx != 1)) return eval_fail(e, "rows of an input were expected");
        if (t->d[t->rank - 1] != net->in_width) return eval_fail(e, "the input has the wrong width");
    } else if (!vector) return eval_fail(e, "a sequence was expected");
    if (in->n == 0 || in->n > net->ctx) return eval_fail(e, "the sequence is empty or longer than the context");
    if (net->reals) return true;
    *tokens = mem_get(in->n, sizeof **tokens);
    in->tokens = *tokens;
    for (uint32_t i = 0; i < in->n; i++)
        if (!num_int64(&t->x[i], &(*tokens)[i]) || (*tokens)[i] < 0 || (*tokens)[i] >= (int64_t)net->vocab) return eval_fail(e, "a token is outside the vocabulary");
    return true;
}

/* the one row of a network on a vector, as a vector */
static bool single_row(struct eval *e, struct val *v) {
    struct val t = *v;
    const struct num *row = table_row(e, &t, 0);
    if (row == NULL) return false;
    val_array(e, v, 1, t.d[1], 0, 0);
    for (uint32_t j = 0; j < t.d[1]; j++) {
        if (!table_entry_exists(&t, 0, j)) return eval_fail(e, "a score outside the mask");
        num_copy(&v->x[j], &row[j]);
    }
    return true;
}

/* Tables of rows: logits(M, t), attn(M, l, h, t), ...: the model is the first argument, the input the last. A network of real inputs on a
 * vector gives a vector. */
bool eval_table(struct eval *e, const struct ex *x, struct val *out) {
    struct val t;
    const struct net *net = base_net(e, x->k[0]);
    if (net == NULL || !need_array(e, x->k[x->n - 1], &t)) return false;
    struct patched m = {0};
    struct input in;
    int64_t *tokens = NULL;
    int node = -1;
    bool good = get_input(e, net, &t, &in, &tokens) && get_model(e, x->k[0], in.n, &m);
    if (good && e->s->float32 && !m.net->all_binary32) good = eval_fail(e, "float32: a weight is not a binary32 number");
    good = good && function_node(e, net, x, &node);
    if (good) node = place_of(&m, node);
    if (good) {
        struct run *r = get_run(e, &m, &in);
        *out = (struct val){.type = V_TABLE, .rank = 2, .d = {in.n, run_width(r, node)}, .run = r, .run_id = r->id, .node = node};
    }
    mem_free(tokens);
    patched_clear(&m);
    return good && (net->reals && t.rank == 1 ? single_row(e, out) : true);
}

/* The row of a node of the network itself on one vector. */
bool eval_node_row(struct eval *e, const struct ex *model, const struct val *x, int node, struct val *out) {
    struct patched m = {0};
    struct input in;
    int64_t *tokens = NULL;
    const struct net *net = base_net(e, model);
    if (net == NULL || !get_input(e, net, x, &in, &tokens) || !get_model(e, model, in.n, &m)) return false; /* of real inputs: no tokens were made */
    struct run *r = get_run(e, &m, &in);
    *out = (struct val){.type = V_TABLE, .rank = 2, .d = {in.n, run_width(r, node)}, .run = r, .run_id = r->id, .node = node};
    patched_clear(&m);
    return single_row(e, out);
}

const struct num *table_row(struct eval *e, const struct val *v, uint32_t row) {
    if (v->run->id != v->run_id) {
        eval_fail(e, "too many runs of networks inside one expression");
        return NULL;
    }
    return run_row(v->run, v->node, row, &e->fail);
}

bool table_entry_exists(const struct val *v, uint32_t row, uint32_t col) {
    return v->run->net->nodes[v->node].op != OP_SCORE || run_allowed(v->run, row, col);
}

static bool tensor_value(struct eval *e, const struct tensor *t, struct val *out) {
    val_array(e, out, t->rank, t->d[0], t->d[1], t->d[2]);
    for (size_t i = 0; i < t->n; i++) num_set_dyadic(&out->x[i], t->v[i]);
    return true;
}

/* head h of tensor blocks.l.attn.NAME as a matrix; without that tensor, its group h G / H of the G in blocks.l.attn._NAME, beside H heads in OTHER (NETWORK.md §4) */
static bool head_matrix(struct eval *e, const struct net *net, int l, int h, const char *which, const char *other, struct val *out) {
    char name[100];
    snprintf(name, sizeof name, "blocks.%d.attn.%s", l, other);
    const struct tensor *heads = net_tensor(net, name);
    snprintf(name, sizeof name, "blocks.%d.attn.%s", l, which);
    const struct tensor *t = net_tensor(net, name);
    if (t == NULL && heads != NULL && h >= 0 && (uint32_t)h < heads->d[0]) {
        snprintf(name, sizeof name, "blocks.%d.attn._%s", l, which);
        t = net_tensor(net, name);
        if (t != NULL) h = (int)((uint64_t)h * t->d[0] / heads->d[0]);
    }
    if (t == NULL || t->rank != 3 || (uint32_t)h >= t->d[0]) return fail_at(&e->fail, 0, "the network has no matrix %s of head %d", name, h);
    val_array(e, out, 2, t->d[1], t->d[2], 0);
    for (size_t i = 0; i < val_size(out); i++) num_set_dyadic(&out->x[i], t->v[(size_t)h * val_size(out) + i]);
    return true;
}

bool eval_weights(struct eval *e, const struct ex *x, struct val *out) {
    if (is_change(x->k[0])) return eval_fail(e, "weights are of a model as it stands");
    const struct net *net = base_net(e, x->k[0]);
    int l, h;
    if (net == NULL) return false;
    if (x->number == FN_W) {
        const struct tensor *t = x->k[1]->kind == EX_STRING ? net_tensor(net, x->k[1]->name) : NULL;
        return t != NULL ? tensor_value(e, t, out) : eval_fail(e, "the network has no such tensor");
    }
    struct val a, b, bt;
    if (!small_int(e, x->k[1], &l) || !small_int(e, x->k[2], &h)) return false;
    const char *first = x->number == FN_QK ? "W_Q" : "W_V", *second = x->number == FN_QK ? "W_K" : "W_O";
    if (!head_matrix(e, net, l, h, first, second, &a) || !head_matrix(e, net, l, h, second, first, &b)) return false;
    if (x->number == FN_QK) {
        val_array(e, &bt, 2, b.d[1], b.d[0], 0);
        for (uint32_t i = 0; i < b.d[0]; i++)
            for (uint32_t j = 0; j < b.d[1]; j++) num_copy(&bt.x[(size_t)j * b.d[0] + i], &b.x[(size_t)i * b.d[1] + j]);
        b = bt;
    }
    return mat_mul(e, &a, &b, out);
}
