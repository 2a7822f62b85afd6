/* mean over S, any over S (STATEMENT.md §3): sums, or hulls, of the rows of all runs on the sequences of S. A row of a node is decided by the tokens at the positions that it
 * looks at, by NETWORK.md §3: where S is a product of sets, its values on the sequences that agree with one of them elsewhere are its values on S, each equally often.
 * Over the reals the mean of a row of sums and linear maps is that of the means of the rows that it reads, which are made in its place, and that of attention over many sequences is made by
 * means_attention.c. */
#include "means.h"
#include <string.h>

/* How a row comes: by going through sequences, from the means of its arguments' rows, or by means_attention.c. */
enum way { WAY_RUNS, WAY_MAPPED, WAY_ATTENTION };
/* row[node * n + i] NULL where none is asked for. kept: nothing that they rest on can change. */
struct means { const struct ex *model, *target; unsigned p; const struct net *net; uint32_t n; struct num **row; enum way *way; uint64_t count; bool kept; };

static enum view *views_of(const struct net *net) {
    enum view *v = mem_get((size_t)net->n_nodes + 1, sizeof *v);
    for (int k = 0; k < net->n_nodes; k++) {
        const struct node *x = &net->nodes[k];
        bool attends = x->op == OP_SCORE || x->op == OP_SOFTMAX || x->op == OP_MIX || x->op == OP_BILINEAR;
        v[k] = x->op == OP_EMBED || x->op == OP_INPUT ? VIEW_OWN : attends ? (net->causal ? VIEW_BEFORE : VIEW_ALL) : x->op == OP_ROW ? VIEW_ALL : VIEW_NONE;
        for (int a = 0; a < x->n_args; a++)
            if (v[x->args[a]] > v[k]) v[k] = v[x->args[a]];
    }
    return v;
}

static bool looks_at(enum view v, uint32_t i, uint32_t position) { return v == VIEW_ALL || (v == VIEW_OWN && position == i) || (v == VIEW_BEFORE && position <= i); }

/* The rows in work: all, or those that look at the positions lo..hi-1. run: of an unchanged model, on the sequence before, n 0: none yet. */
struct work { struct means *s; const enum view *views; bool all; uint32_t lo, hi; struct run run; };

static bool in_work(const struct work *w, size_t k) {
    uint32_t n = w->s->n, i = (uint32_t)(k % n);
    if (w->s->row[k] == NULL || w->s->way[k] != WAY_RUNS) return false;
    if (w->all) return true;
    switch (w->views[k / n]) {
    case VIEW_NONE: return w->lo == 0 && w->hi == 0;
    case VIEW_OWN: return w->lo == i && w->hi == i + 1;
    case VIEW_BEFORE: return w->lo == 0 && w->hi == i + 1;
    default: return w->lo == 0 && w->hi == n;
    }
}

static size_t n_rows(const struct means *s) { return (size_t)s->net->n_nodes * s->n; }

static void means_free(struct means *s) {
    for (size_t k = 0; k < n_rows(s); k++) {
        for (uint32_t j = 0; s->row[k] != NULL && j < s->net->nodes[k / s->n].width; j++) num_clear(&s->row[k][j]);
        mem_free(s->row[k]);
    }
    mem_free(s->row);
    mem_free(s->way);
    mem_free(s);
}

void means_clear(struct eval *e) {
    for (int i = 0; i < e->n_means; i++) means_free(e->means[i]);
    mem_free(e->means);
    e->means = NULL;
    e->n_means = 0;
    attention_clear(e);
}

static void add_entry(const struct means *s, struct num *to, const struct num *x, unsigned p) {
    if (s->target->number == TARGET_MEAN) num_add(to, to, x, p);
    else if (s->count == 0) num_to_real(to, x, p);
    else num_hull(to, to, x, p);
}

/* b: of a changed model, or NULL */
static bool add_run(struct eval *e, const struct work *w, struct run *r, const struct patched *b) {
    struct means *s = w->s;
    for (size_t k = 0; k < n_rows(s); k++) {
        if (!in_work(w, k)) continue;
        int node = (int)(k / s->n);
        const struct num *row = run_row(r, b == NULL ? node : place_of(b, node), (uint32_t)(k % s->n), &e->fail);
        if (row == NULL) return false;
        for (uint32_t j = 0; j < s->net->nodes[k / s->n].width; j++) add_entry(s, &s->row[k][j], &row[j], e->p);
    }
    s->count++;
    return true;
}

static bool add_quick(struct eval *e, const struct work *w, const int64_t *sequence) {
    struct means *s = w->s;
    bool good = true;
    for (size_t k = 0; good && k < n_rows(s); k++) {
        uint32_t width = s->net->nodes[k / s->n].width;
        size_t chunk = e->pool.chunk, used = e->pool.used;
        struct num *row = in_work(w, k) ? pool_get(e, width) : NULL;
        if (row != NULL) good = e->quick->row(e->quick, s->net, sequence, s->n, (int)(k / s->n), (uint32_t)(k % s->n), e->p, row);
        for (uint32_t j = 0; good && row != NULL && j < width; j++) add_entry(s, &s->row[k][j], &row[j], e->p);
        e->pool.chunk = chunk;
        e->pool.used = used;
    }
    s->count++;
    return good;
}

/* The run goes on from the sequence before: rows that look at a token that is another one are forgotten. Tag 0: numbers of two sequences are never taken for the same. */
static bool add_next(struct eval *e, struct work *w, const int64_t *sequence, uint32_t n) {
    struct run *r = &w->run;
    if (r->n == 0) run_init(r, w->s->net, e->s->float32, e->p, 0, sequence, n);
    for (uint32_t j = 0; j < n; j++) {
        if (r->tokens[j] == sequence[j]) continue;
        r->tokens[j] = sequence[j];
        for (int k = 0; k < r->net->n_nodes; k++)
            for (uint32_t i = 0; i < n; i++)
                if (looks_at(w->views[k], i, j)) run_drop(r, k, i);
    }
    return add_run(e, w, r, NULL);
}

/* One sequence: a run apart, so that the runs in use stay. */
static bool add_sequence(struct eval *e, struct work *w, const int64_t *sequence, uint32_t n) {
    if (w->s->model->kind == EX_MODEL && n == w->s->n && net_takes(w->s->net, sequence, n)) return e->quick != NULL && !e->s->float32 ? add_quick(e, w, sequence) : add_next(e, w, sequence, n);
    struct patched b = {0};
    struct input in;
    int64_t *tokens = NULL;
    size_t chunk = e->pool.chunk, used = e->pool.used;
    struct val t;
    val_array(e, &t, 1, n, 0, 0);
    for (uint32_t i = 0; i < n; i++) num_set_int(&t.x[i], sequence[i]);
    bool good = model_on(e, w->s->model, &t, w->s->n, &b, &in, &tokens);
    if (good && !w->all && b.n > 0) good = eval_fail(e, "the model of a mean is changed"); /* then views say nothing; is_product has seen to it */
    if (good) {
        struct run r;
        run_init_input(&r, b.net, e->s->float32, e->p, e->next_id, &in);
        eval_next_id(e);
        for (int k = 0; k < b.n; k++) run_add_patch(&r, b.patch[k].node, b.patch[k].lo, b.patch[k].hi, b.patch[k].width, b.patch[k].values);
        good = add_run(e, w, &r, &b);
        run_clear(&r);
    }
    patched_clear(&b);
    mem_free(tokens);
    e->pool.chunk = chunk;
    e->pool.used = used;
    return good;
}

static bool mean_step(struct eval *e, void *arg) {
    struct work *w = arg;
    const struct var *v = &e->env[w->s->target->binds.b[0].slot];
    return v->seq ? add_sequence(e, w, v->s, v->n) : eval_fail(e, "a mean, or any, is over a set of sequences");
}

/* The means get tags of their own: each is one real number. */
static bool divide(struct eval *e, const struct work *w) {
    struct means *s = w->s;
    struct num n;
    bool good = s->count > 0 ? true : eval_fail(e, "a mean, or any, over nothing");
    num_init(&n);
    num_set_int(&n, (int64_t)s->count);
    for (size_t k = 0; good && k < n_rows(s); k++)
        for (uint32_t j = 0; good && in_work(w, k) && j < s->net->nodes[k / s->n].width; j++) {
            good = s->target->number == TARGET_ANY || num_div(&s->row[k][j], &s->row[k][j], &n, e->p);
            s->row[k][j].tag = (struct tag){e->next_id, (uint32_t)(k / s->n) + 1, (uint32_t)(k % s->n), j};
        }
    eval_next_id(e);
    num_clear(&n);
    return good;
}

/* The mean is of real numbers, over runs of a network as it stands. */
static bool plain_mean(const struct eval *e, const struct means *s) {
    return !e->s->float32 && s->target->number == TARGET_MEAN && !is_change(s->model) && !s->model->frozen && !s->net->reals;
}

static bool is_linear(enum op op) { return op == OP_LINEAR || op == OP_ADD || op == OP_HEADS || op == OP_SUB || op == OP_SELECT || op == OP_CONCAT; }

/* Rows of linear nodes and sums from the means of what they read: not where rows are changed, nor for hulls. */
static void map_linear(const struct eval *e, struct means *s) {
    bool good = plain_mean(e, s);
    for (size_t k = n_rows(s); good && k-- > 0;) { /* what a node reads stands before it */
        const struct node *x = &s->net->nodes[k / s->n];
        if (s->row[k] == NULL || !is_linear(x->op)) continue;
        s->way[k] = WAY_MAPPED;
        for (int a = 0; a < x->n_args; a++) {
            size_t below = (size_t)x->args[a] * s->n + k % s->n;
            if (s->row[below] == NULL) s->row[below] = nums_new(s->net->nodes[x->args[a]].width);
        }
    }
}

static bool take_mapped(struct eval *e, struct means *s) {
    struct run r;
    bool good = true;
    int64_t *any = mem_get(s->n, sizeof *any);
    run_init(&r, s->net, false, e->p, 0, any, s->n);
    for (size_t k = 0; good && k < n_rows(s); k++) {
        if (s->way[k] != WAY_MAPPED) continue;
        int node = (int)(k / s->n), i = (int)(k % s->n);
        for (int a = 0; a < s->net->nodes[node].n_args; a++) {
            int below = s->net->nodes[node].args[a];
            run_add_patch(&r, below, i, i, s->net->nodes[below].width, s->row[(size_t)below * s->n + (uint32_t)i]);
        }
        const struct num *row = run_row(&r, node, (uint32_t)i, &e->fail);
        good = row != NULL;
        for (uint32_t j = 0; good && j < s->net->nodes[node].width; j++) {
            num_copy(&s->row[k][j], &row[j]);
            s->row[k][j].tag = (struct tag){e->next_id, (uint32_t)node + 1, (uint32_t)i, j};
        }
    }
    eval_next_id(e);
    run_clear(&r);
    mem_free(any);
    return good;
}

/* ---- products ---- */

/* Tokens of the network at every position, and an unchanged model; whatever else S is, all of it is gone through. */
static bool is_product(const struct means *s, const struct product *p) {
    bool good = p->n == s->n && !is_change(s->model) && !s->net->reals;
    for (uint32_t i = 0; good && i < p->n; i++) {
        good = p->size[i] > 0;
        for (size_t k = 0; good && k < p->size[i]; k++) good = p->v[i][k] >= 0 && p->v[i][k] < (int64_t)s->net->vocab;
    }
    return good;
}

/* All combinations at the positions lo..hi-1, the first token elsewhere. */
static bool add_combinations(struct eval *e, struct work *w, const struct product *p) {
    size_t *at = mem_get((size_t)p->n + 1, sizeof *at);
    int64_t *t = mem_get((size_t)p->n + 1, sizeof *t);
    bool good = true, more = true;
    while (good && more) {
        for (uint32_t i = 0; i < p->n; i++) t[i] = p->v[i][at[i]];
        good = add_sequence(e, w, t, p->n);
        uint32_t i = w->hi;
        while (i > w->lo && at[i - 1] + 1 == p->size[i - 1]) at[--i] = 0;
        more = i > w->lo;
        if (more) at[i - 1]++;
    }
    mem_free(at);
    mem_free(t);
    return good;
}

static bool take_positions(struct eval *e, struct work *w, const struct product *p, uint32_t lo, uint32_t hi) {
    bool any = false;
    w->lo = lo;
    w->hi = hi;
    w->s->count = 0;
    for (size_t k = 0; k < n_rows(w->s) && !any; k++) any = in_work(w, k);
    return !any || (add_combinations(e, w, p) && divide(e, w));
}

/* lo..hi is empty, one position i, or 0..i. */
static bool take_product(struct eval *e, struct work *w, const struct product *p) {
    bool good = take_positions(e, w, p, 0, 0);
    for (uint32_t i = 0; good && i < p->n; i++) good = take_positions(e, w, p, 0, i + 1) && (i == 0 || take_positions(e, w, p, i, i + 1));
    return good;
}

/* Are the combinations of the tokens that row k looks at more than GO_THROUGH_MOST? */
static bool rests_on_many(const struct work *w, const struct product *p, size_t k) {
    uint64_t n = 1;
    for (uint32_t j = 0; j < p->n && n <= GO_THROUGH_MOST; j++)
        if (looks_at(w->views[k / w->s->n], (uint32_t)(k % w->s->n), j)) n *= p->size[j];
    return n > GO_THROUGH_MOST;
}

static bool take_attention(struct eval *e, struct work *w, const struct product *p) {
    struct means *s = w->s;
    bool good = true, may = plain_mean(e, s) && stmt_closed(e->s, s->model) && stmt_closed(e->s, s->target);
    for (size_t k = 0; good && may && k < n_rows(s); k++) {
        int node = (int)(k / s->n);
        if (s->row[k] == NULL || s->way[k] != WAY_RUNS || !attention_is_plain(s->net, w->views, node) || !rests_on_many(w, p, k)) continue;
        s->way[k] = WAY_ATTENTION;
        good = attention_mean(e, s->row[k], s->target, p, s->net, node, (uint32_t)(k % s->n));
        for (uint32_t j = 0; good && j < s->net->nodes[node].width; j++) s->row[k][j].tag = (struct tag){e->next_id, (uint32_t)node + 1, (uint32_t)(k % s->n), j};
    }
    eval_next_id(e);
    return good;
}

static bool take(struct eval *e, struct means *s) {
    const struct ex *set = s->target->binds.b[0].set;
    struct product p = {0};
    bool product = set->kind == EX_TOKENS || set->kind == EX_PRODUCT;
    if (product && !product_init(e, &p, set)) return false;
    enum view *views = views_of(s->net);
    struct work w = {.s = s, .views = views, .all = !product || !is_product(s, &p)};
    bool good = w.all ? eval_each(e, &s->target->binds, mean_step, &w) && divide(e, &w) : take_attention(e, &w, &p) && take_product(e, &w, &p);
    run_clear(&w.run);
    mem_free(views);
    product_clear(&p);
    return good;
}

static bool usable(const struct means *s, const struct eval *e, const struct ex *target, const struct net *net, uint32_t n, const unsigned char *asked) {
    if (s->target != target || s->p != e->p || s->net != net || s->n != n) return false;
    for (size_t k = 0; k < n_rows(s); k++)
        if (asked[k] && s->row[k] == NULL) return false;
    return true;
}

struct means *means_get(struct eval *e, const struct ex *model, const struct ex *target, const struct net *net, uint32_t n, const unsigned char *asked) {
    for (int i = 0; i < e->n_means; i++)
        if (usable(e->means[i], e, target, net, n, asked)) return e->means[i];
    struct means *s = mem_get(1, sizeof *s);
    *s = (struct means){.model = model, .target = target, .p = e->p, .net = net, .n = n};
    s->row = mem_get(n_rows(s) + 1, sizeof *s->row);
    s->way = mem_get(n_rows(s) + 1, sizeof *s->way);
    for (size_t k = 0; k < n_rows(s); k++)
        if (asked[k]) s->row[k] = nums_new(net->nodes[k / n].width);
    map_linear(e, s);
    if (!take(e, s) || !take_mapped(e, s)) {
        means_free(s);
        return NULL;
    }
    s->kept = e->quick == NULL && stmt_closed(e->s, model) && stmt_closed(e->s, target); /* quick rows are too coarse for growing precision */
    if (s->kept) {
        e->means = mem_grow(e->means, (size_t)e->n_means, (size_t)e->n_means + 1, sizeof *e->means);
        e->means[e->n_means++] = s;
    }
    return s;
}

const struct num *means_row(const struct means *s, int node, uint32_t i) { return s->row[(size_t)node * s->n + i]; }

void means_leave(struct means *s) {
    if (!s->kept) means_free(s);
}
