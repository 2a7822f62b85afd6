/* A model argument (STATEMENT.md §3): the network that its changes make, the rows that they replace, and its run. */
#include "nodes.h"

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

bool is_frozen(const struct ex *x) {
    bool frozen = false;
    for (; is_change(x) || (x->kind == EX_CALL && x->number == FN_REPLACE); x = x->k[0]) frozen = frozen || x->frozen;
    return frozen;
}

const struct net *clean_net(struct eval *e, const struct ex *x) {
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
