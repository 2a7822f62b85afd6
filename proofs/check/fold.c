/* see fold.h */
#include "fold.h"

#define NODES_MOST 2000
#define PRODUCTS_MOST ((uint64_t)1 << 22) /* of two matrices */

/* cost[k]: products a column that a linear map of node k takes, read through it where that is less than its width.
 * wanted[k]: how many columns all that reads node k makes of it. */
struct folding { const struct net *base; struct folded *x; uint32_t n; const unsigned char *kept; bool *token_only, *turned, *idle; uint64_t *cost, *wanted; bool gains; };

/* Terms of a linear map: tables of tokens, nodes, and one constant vector. */
struct terms { int *token, *node; int n_token, n_node; struct weight bias; };

bool node_is_token_only(const struct node *x, const bool *token_only) {
    bool only = x->op != OP_SCORE && x->op != OP_SOFTMAX && x->op != OP_MIX && x->op != OP_BILINEAR && x->op != OP_ROW;
    for (int a = 0; a < x->n_args; a++) only = only && token_only[x->args[a]];
    return only;
}

/* ---- where reading through gains ---- */

static bool is_linear(const struct node *x, int arg) { return x->op == OP_ADD || x->op == OP_HEADS || x->op == OP_LINEAR || (x->op == OP_MIX && arg == 1); }

static void count_wanted(struct folding *m) {
    const struct net *net = m->base;
    m->wanted[net->output] = net->nodes[net->output].width;
    for (int k = net->n_nodes - 1; k >= 0; k--) {
        const struct node *x = &net->nodes[k];
        for (int a = 0; a < x->n_args; a++) {
            uint64_t own = is_linear(x, a) ? (m->wanted[k] < x->width ? m->wanted[k] : x->width) : net->nodes[x->args[a]].width;
            m->wanted[x->args[a]] += own;
        }
    }
}

static uint64_t cost_through(const struct folding *m, int k) {
    const struct node *x = &m->base->nodes[k];
    uint64_t sum = 0;
    if (m->token_only[k]) return 1;
    if (x->op == OP_LINEAR && (uint64_t)x->w.rows * x->w.cols * (m->wanted[k] + 1) <= PRODUCTS_MOST) return m->cost[x->args[0]];
    if (x->op == OP_MIX && m->token_only[x->args[1]]) return m->n + 2;
    if (x->op == OP_MIX && m->wanted[k] <= x->width) return m->n + 2 + m->cost[x->args[1]];
    if (x->op != OP_ADD && x->op != OP_HEADS) return UINT32_MAX;
    for (int a = 0; a < x->n_args; a++) sum += m->cost[x->args[a]];
    return sum;
}

static bool reads_through(const struct folding *m, int k) { return m->kept[k] == KEPT_NOT && !m->turned[k] && cost_through(m, k) < m->base->nodes[k].width; }

static void find_costs(struct folding *m) {
    for (int k = 0; k < m->base->n_nodes; k++) m->token_only[k] = node_is_token_only(&m->base->nodes[k], m->token_only) && m->kept[k] != KEPT_TAKEN;
    m->gains = turns_find(m->turned, m->idle, m->base, m->n, m->kept, m->token_only);
    count_wanted(m);
    for (int k = 0; k < m->base->n_nodes; k++) {
        const struct node *x = &m->base->nodes[k];
        m->cost[k] = reads_through(m, k) ? cost_through(m, k) : x->width;
        m->gains = m->gains || (x->op == OP_LINEAR && !m->token_only[k] && reads_through(m, x->args[0]));
    }
}

/* ---- exact matrices ---- */

static struct weight new_matrix(struct folding *m, uint32_t rows, uint32_t cols, unsigned scale) {
    struct folded *x = m->x;
    struct tensor *t = arena_get(&x->net.arena, 1, sizeof *t);
    *t = (struct tensor){.rank = 2, .d = {rows, cols}, .n = (size_t)rows * cols, .scale = scale};
    t->x = mem_get(t->n, sizeof *t->x);
    for (size_t i = 0; i < t->n; i++) mpz_init(t->x[i]);
    x->made = mem_grow(x->made, x->n_made, x->n_made + 1, sizeof *x->made);
    x->made[x->n_made++] = t;
    return (struct weight){.t = t, .rows = rows, .cols = cols};
}

static struct weight product(struct folding *m, const struct weight *a, const struct weight *b) {
    struct weight out = new_matrix(m, a->rows, b->cols, a->t->scale + b->t->scale);
    for (uint32_t i = 0; i < a->rows; i++)
        for (uint32_t k = 0; k < a->cols; k++)
            for (uint32_t j = 0; j < b->cols; j++) mpz_addmul(out.t->x[(size_t)i * b->cols + j], a->t->x[a->at + (size_t)i * a->cols + k], b->t->x[b->at + (size_t)k * b->cols + j]);
    return out;
}

/* The sum of two vectors; one may be absent. */
static struct weight sum(struct folding *m, const struct weight *a, const struct weight *b) {
    if (a->t == NULL) return *b;
    if (b->t == NULL) return *a;
    unsigned scale = a->t->scale > b->t->scale ? a->t->scale : b->t->scale;
    struct weight out = new_matrix(m, 1, a->cols, scale);
    mpz_t t;
    mpz_init(t);
    for (uint32_t j = 0; j < a->cols; j++) {
        mpz_mul_2exp(out.t->x[j], a->t->x[a->at + j], scale - a->t->scale);
        mpz_mul_2exp(t, b->t->x[b->at + j], scale - b->t->scale);
        mpz_add(out.t->x[j], out.t->x[j], t);
    }
    mpz_clear(t);
    return out;
}

/* ---- the network in the making ---- */

static int put(struct folding *m, struct node x, const int *args, int n_args) {
    struct net *net = &m->x->net;
    if (net->n_nodes == NODES_MOST) {
        m->gains = false; /* too many: given up at the end */
        return 0;
    }
    x.args = arena_get(&net->arena, (size_t)n_args + 1, sizeof *x.args);
    for (int a = 0; a < n_args; a++) x.args[a] = args[a];
    x.n_args = n_args;
    net->nodes[net->n_nodes] = x;
    return net->n_nodes++;
}

static void push(int **list, int *n, int v) {
    *list = mem_grow(*list, (size_t)*n, (size_t)*n + 1, sizeof **list);
    (*list)[(*n)++] = v;
}

static int put_linear(struct folding *m, int k, const struct weight *W) {
    return put(m, (struct node){.name = "", .op = OP_LINEAR, .w = *W, .width = W->cols}, &m->x->place[k], 1);
}

static int put_sum(struct folding *m, struct terms *t, uint32_t width) {
    struct node sum_of = {.name = "", .op = OP_HEADS, .width = width, .b = t->bias};
    if (t->n_token > 0) { /* one table with the bias */
        push(&t->node, &t->n_node, put(m, sum_of, t->token, t->n_token));
        sum_of.b = (struct weight){0};
    }
    int at = t->n_node == 1 && sum_of.b.t == NULL ? t->node[0] : put(m, sum_of, t->node, t->n_node);
    mem_free(t->token);
    mem_free(t->node);
    return at;
}

/* Adds the terms of (row of node k) W. Recursion is over earlier nodes. */
static void add_terms(struct folding *m, int k, const struct weight *W, struct terms *out) {
    const struct node *x = &m->base->nodes[k];
    if (m->token_only[k]) {
        push(&out->token, &out->n_token, put_linear(m, k, W));
        return;
    }
    if (!reads_through(m, k)) {
        push(&out->node, &out->n_node, put_linear(m, k, W));
        return;
    }
    if (x->op == OP_MIX) {
        struct terms values = {0};
        add_terms(m, x->args[1], W, &values);
        int args[2] = {m->x->place[x->args[0]], put_sum(m, &values, W->cols)};
        push(&out->node, &out->n_node, put(m, (struct node){.name = "", .op = OP_MIX, .width = W->cols}, args, 2));
        return;
    }
    struct weight map = *W, bias = {0};
    if (x->op == OP_LINEAR) map = product(m, &x->w, W);
    if (x->b.t != NULL) bias = product(m, &x->b, W);
    out->bias = sum(m, &out->bias, &bias);
    for (int a = 0; a < x->n_args; a++) add_terms(m, x->args[a], &map, out);
}

static struct weight transposed(struct folding *m, const struct weight *w) {
    struct weight out = new_matrix(m, w->cols, w->rows, w->t->scale);
    for (uint32_t i = 0; i < w->rows; i++)
        for (uint32_t j = 0; j < w->cols; j++) mpz_set(out.t->x[(size_t)j * w->rows + i], w->t->x[w->at + (size_t)i * w->cols + j]);
    return out;
}

/* softmax of (q W^T) . x, without the keys x W + b */
static int put_turned_pattern(struct folding *m, const struct node *x) {
    const struct node *score = &m->base->nodes[x->args[0]], *keys = &m->base->nodes[score->args[1]];
    struct weight map = transposed(m, &keys->w);
    int args[2] = {put_linear(m, score->args[0], &map), m->x->place[keys->args[0]]};
    struct node of_rows = *score;
    of_rows.name = "";
    args[0] = put(m, of_rows, args, 2);
    return put(m, *x, args, 1);
}

/* (sum p x) W + b, without the values x W + b */
static int put_turned_mix(struct folding *m, const struct node *x) {
    const struct node *values = &m->base->nodes[x->args[1]];
    int args[2] = {m->x->place[x->args[0]], m->x->place[values->args[0]]};
    struct node map = *values;
    map.name = x->name;
    args[0] = put(m, (struct node){.name = "", .op = OP_MIX, .width = values->w.rows}, args, 2);
    return put(m, map, args, 1);
}

static int fold_node(struct folding *m, int k) {
    const struct node *x = &m->base->nodes[k];
    if (m->turned[k]) return x->op == OP_MIX ? put_turned_mix(m, x) : put_turned_pattern(m, x);
    if (x->op == OP_LINEAR && !m->idle[k] && !m->token_only[k] && reads_through(m, x->args[0])) {
        struct terms t = {.bias = x->b};
        add_terms(m, x->args[0], &x->w, &t);
        int at = put_sum(m, &t, x->width);
        m->x->net.nodes[at].name = x->name;
        return at;
    }
    int *args = mem_get((size_t)x->n_args, sizeof *args);
    for (int a = 0; a < x->n_args; a++) args[a] = m->x->place[x->args[a]];
    int at = put(m, *x, args, x->n_args);
    mem_free(args);
    return at;
}

struct folded *fold_new(const struct net *base, uint32_t n, const unsigned char *kept) {
    size_t nodes = (size_t)base->n_nodes;
    struct folding m = {.base = base, .n = n, .kept = kept};
    m.token_only = mem_get(nodes, sizeof *m.token_only);
    m.cost = mem_get(nodes, sizeof *m.cost);
    m.wanted = mem_get(nodes, sizeof *m.wanted);
    m.turned = mem_get(nodes, sizeof *m.turned);
    m.idle = mem_get(nodes, sizeof *m.idle);
    find_costs(&m);
    if (m.gains) {
        m.x = mem_get(1, sizeof *m.x);
        m.x->place = mem_get(nodes, sizeof *m.x->place);
        m.x->net = *base;
        m.x->net.arena = (struct arena){0};
        m.x->net.n_nodes = 0;
        m.x->net.nodes = arena_get(&m.x->net.arena, NODES_MOST, sizeof *m.x->net.nodes);
        for (int k = 0; m.gains && k < base->n_nodes; k++) m.x->place[k] = fold_node(&m, k);
        m.x->net.output = m.x->place[base->output];
    }
    mem_free(m.token_only);
    mem_free(m.turned);
    mem_free(m.idle);
    mem_free(m.cost);
    mem_free(m.wanted);
    if (m.gains) return m.x;
    fold_free(m.x);
    return NULL;
}

void fold_free(struct folded *x) {
    if (x == NULL) return;
    for (size_t k = 0; k < x->n_made; k++) {
        for (size_t i = 0; i < x->made[k]->n; i++) mpz_clear(x->made[k]->x[i]);
        mem_free(x->made[k]->x);
    }
    arena_free(&x->net.arena);
    mem_free(x->made);
    mem_free(x->place);
    mem_free(x);
}
