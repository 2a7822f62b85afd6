/* Networks of the first looks (fast.h), changed ones among them: rows that rest on nothing, means over sets made from quick rows, rows of the run on another sequence. */
#include "fast.h"

/* Rows of means: by a network of their own, over the reals. */
struct quick_net { struct quick quick; struct fnet net; const struct net *of; bool wide, good; };

/* m 2^-F within rad 2^-F, at 2^-p */
static void enclose(struct num *x, int64_t m, int64_t rad, int F, unsigned p) {
    x->kind = K_REAL;
    x->tag = (struct tag){0};
    mpz_set_si(LO(x), m - rad);
    mpz_set_si(HI(x), m + rad);
    mpz_mul_2exp(LO(x), LO(x), p - (unsigned)F);
    mpz_mul_2exp(HI(x), HI(x), p - (unsigned)F);
}

static bool quick_row(struct quick *quick, const struct net *net, const int64_t *tokens, uint32_t n, int node, uint32_t i, unsigned p, struct num *out) {
    struct quick_net *q = (struct quick_net *)(void *)quick;
    if (q->of == NULL) {
        q->of = net;
        q->good = fnet_init(&q->net, net, false, q->wide, n, NULL, 0, NULL, NULL);
    }
    if (!q->good || q->of != net || q->net.n != n) return false;
    fnet_tokens(&q->net, tokens);
    const struct frow *r = fnet_row(&q->net, fnet_place(&q->net, node), i);
    if (r == NULL || r->F < 0 || (unsigned)r->F > p) return false;
    for (uint32_t j = 0; j < net->nodes[node].width; j++) enclose(&out[j], frow_at(r, j), frow_rad(r, j), r->F, p);
    return true;
}

/* Means by quick rows where they are available. */
static bool fast_model(const struct fast *f, const struct ex *model, uint32_t n, struct patched *m) {
    struct eval *e = f->e;
    struct quick_net quick = {.quick = {quick_row}, .wide = f->wide};
    struct fail before = e->fail;
    e->quick = &quick.quick;
    bool good = get_model(e, model, n, m);
    e->quick = NULL;
    if (quick.of == NULL) return good;
    fnet_clear(&quick.net);
    if (good) return true;
    patched_clear(m);
    *m = (struct patched){0};
    e->fail = before;
    return get_model(e, model, n, m);
}

/* ---- rows of other runs ---- */

/* ablate(M, drop = COMPS, to = from E) */
static const struct ex *ablated_from(const struct fast *f, const struct ex *model) {
    const struct ex *from = NULL, *which = NULL;
    for (int i = 1; i < 3; i++) {
        const struct ex *g = model->k[i];
        if (g->kind != EX_GIVE) return NULL;
        if (g->k[1]->kind == EX_TARGET && g->k[1]->number == TARGET_FROM) from = g->k[1]->k[0];
        else which = g->k[1];
    }
    return which != NULL && stmt_closed(f->e->s, which) ? from : NULL;
}

/* patch(M, COMP = node(M, COMP, E)), or COMP[INDEX] = node(M, COMP, E)[INDEX]: the same rows of the same component */
static const struct ex *patched_from(const struct fast *f, const struct ex *model) {
    const struct ex *g = model->k[1];
    if (g->kind != EX_GIVE || !stmt_closed(f->e->s, g->k[0])) return NULL;
    const struct ex *to = g->k[0], *from = g->k[1];
    if (to->kind == EX_INDEX) {
        if (from->kind != EX_INDEX || to->n != 2 || from->n != 2 || !same_text(to->k[1], from->k[1])) return NULL;
        to = to->k[0];
        from = from->k[0];
    }
    bool same = from->kind == EX_CALL && from->number == FN_NODE && from->k[0]->kind == EX_MODEL && from->k[0]->number == model->k[0]->number && same_text(to, from->k[1]);
    return same ? from->k[2] : NULL;
}

/* A change of an unchanged M that takes rows from the run of M on one other sequence, which reads no network: that sequence, or NULL. */
static const struct ex *source_of(const struct fast *f, const struct ex *model) {
    if (model->kind != EX_CALL || model->frozen || model->n < 2 || model->k[0]->kind != EX_MODEL) return NULL;
    const struct ex *s = model->number == FN_ABLATE && model->n == 3 ? ablated_from(f, model) : model->number == FN_PATCH && model->n == 2 ? patched_from(f, model) : NULL;
    return s != NULL && !s->network ? s : NULL;
}

/* The tokens of a variable, or of a sequence that is made, until the next one is. */
bool fast_tokens(struct fast *f, const struct ex *x, const int64_t **s, int64_t *n) { return x->kind == EX_VAR ? fast_sequence(f, x, s, n) : fast_compose(f, x, s, n); }

/* The network of a changed model, made once: with rows that rest on nothing, or, with a source, with rows of the run on it. */
static bool changed_network(struct fast *f, size_t at, const struct ex *model, uint32_t n) {
    struct eval *e = f->e;
    struct fnet *w = &f->nets[at];
    struct patched m = {0};
    struct fail before = e->fail;
    unsigned p = e->p;
    bool had = e->has_last;
    const struct ex *s = f->source[at] = source_of(f, model);
    const int64_t *tokens;
    int64_t length;
    struct fnet *other = s != NULL && fast_tokens(f, s, &tokens, &length) && length == (int64_t)n ? fast_network(f, model->k[0], s, n) : NULL;
    struct fsource *from = NULL;
    if (s == NULL ? !stmt_closed(f->e->s, model) : other == NULL) return false;
    e->p = 128;
    e->has_last = false;
    bool good = fast_model(f, model, n, &m);
    if (good && s != NULL) from = mem_get((size_t)m.net->n_nodes * n, sizeof *from);
    for (int k = 0; good && s != NULL && k < m.n; k++) {
        int node = m.patch[k].node;
        for (int i = 0; m.edit != NULL && i < m.edit->n_parts; i++) {
            good = good && m.edit->part[i].entry < 0; /* entries of rows are not taken here */
            if (m.edit->part[i].at == m.patch[k].node) node = m.edit->own[m.edit->part[i].node];
        }
        int base = -1;
        for (int i = 0; i < m.base->n_nodes; i++)
            if ((m.edit != NULL ? m.edit->own[i] : i) == node) base = i;
        good = good && base >= 0;
        for (int i = m.patch[k].lo; good && i <= m.patch[k].hi; i++) from[(size_t)m.patch[k].node * n + (uint32_t)i] = (struct fsource){other, fnet_place(other, base), (uint32_t)i};
    }
    if (good) good = fnet_init(w, m.net, false, f->wide, n, s != NULL ? NULL : m.patch, s != NULL ? 0 : m.n, from, other);
    else mem_free(from);
    patched_clear(&m);
    e->fail = before;
    e->p = p;
    e->has_last = had;
    return good;
}

/* The network of a model (names with the same .net are one, main.c) on the sequence `on`, of n tokens: one for each variable, and for each place in the text that makes a sequence. */
struct fnet *fast_network(struct fast *f, const struct ex *model, const struct ex *on, uint32_t n) {
    for (int i = 0; i < f->n_nets; i++) {
        const struct ex *x = f->model[i], *t = f->on[i];
        bool same = x == model || (x->kind == EX_MODEL && model->kind == EX_MODEL && model_net(f->e, x->number) == model_net(f->e, model->number));
        if (same && (t == on || (t->kind == EX_VAR && on->kind == EX_VAR && t->number == on->number))) return f->nets[i].net != NULL && f->nets[i].n == n ? &f->nets[i] : NULL;
    }
    if (f->n_nets == NETS_MOST) return NULL;
    size_t at = (size_t)f->n_nets++;
    f->model[at] = model;
    f->on[at] = on;
    struct fnet *w = &f->nets[at];
    bool good = model->kind == EX_MODEL ? fnet_init(w, model_net(f->e, model->number), f->e->s->float32, f->wide, n, NULL, 0, NULL, NULL) : changed_network(f, at, model, n);
    if (!good) fnet_clear(w);
    return w->net != NULL ? w : NULL;
}

/* The run that rows are taken from has to stand on its own sequence. */
bool fast_source(struct fast *f, const struct fnet *w) {
    const int64_t *tokens;
    int64_t n;
    if (!fast_tokens(f, f->source[w - f->nets], &tokens, &n) || n != w->n || !net_takes(w->other->net, tokens, n)) return false;
    fnet_tokens(w->other, tokens);
    return true;
}
