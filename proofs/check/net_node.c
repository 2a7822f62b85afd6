/* The arguments of every operation (NETWORK.md §3). */
#include "net_read.h"
#include <string.h>

/* NAME or NAME[h] as a matrix (rank 2) or vector (rank 1). */
static bool read_weight(struct reader *r, struct net *net, int rank, struct weight *w) {
    const char *s;
    size_t n;
    if (!net_word(r, &s, &n)) return false;
    const char *bracket = memchr(s, '[', n);
    size_t name_n = bracket != NULL ? (size_t)(bracket - s) : n;
    if (!net_is_name(s, name_n)) return net_bad(r, "not a tensor");
    struct tensor *t = net_tensor(net, arena_text(&net->arena, s, name_n));
    if (t == NULL) return net_bad(r, "unknown tensor");
    uint32_t h = 0;
    if (bracket != NULL) {
        if (s[n - 1] != ']' || !net_parse_int(r, bracket + 1, n - name_n - 2, &h)) return net_bad(r, "not a slice");
        if (t->rank == 1 || h >= t->d[0]) return net_bad(r, "slice out of range");
    }
    if (t->rank - (bracket != NULL) != rank) return net_bad(r, "wrong rank");
    w->t = t;
    w->cols = t->d[t->rank - 1];
    w->rows = rank == 2 ? t->d[t->rank - 2] : 1;
    w->at = (size_t)h * w->rows * w->cols;
    t->used = true;
    return true;
}

static bool read_arg(struct reader *r, struct net *net, int *out) {
    char *name;
    if (!net_read_name(r, &net->arena, &name)) return false;
    *out = net_find(net, name);
    return *out >= 0 ? true : net_bad(r, "unknown node");
}

static bool read_vector(struct reader *r, struct net *net, struct weight *w, uint32_t width) {
    if (!read_weight(r, net, 1, w)) return false;
    return w->cols == width ? true : net_bad(r, "wrong width");
}

static bool columns_equal(const struct weight *w, const struct weight *b, uint32_t i, uint32_t j) {
    for (size_t k = 0; k < w->rows; k++)
        if (mpz_cmp(w->t->x[w->at + k * w->cols + i], w->t->x[w->at + k * w->cols + j]) != 0) return false;
    return b->t == NULL || mpz_cmp(b->t->x[b->at + i], b->t->x[b->at + j]) == 0;
}

void node_find_twins(struct arena *a, struct node *x) {
    x->twin = arena_get(a, x->width, sizeof *x->twin);
    for (uint32_t j = 0; j < x->width; j++) {
        x->twin[j] = j;
        for (uint32_t i = 0; i < j && x->twin[j] == j; i++)
            if (x->twin[i] == i && columns_equal(&x->w, &x->b, i, j)) x->twin[j] = i;
    }
}

static bool set_width(struct reader *r, struct node *x, uint64_t width) {
    x->width = (uint32_t)width;
    return width <= INT32_MAX ? true : net_bad(r, "a row of 2^31 entries or more");
}

/* add, concat: two nodes or more; heads: linear nodes and perhaps a bias */
static bool read_many(struct reader *r, struct net *net, struct node *x) {
    int room = 0;
    bool heads = x->op == OP_HEADS;
    uint64_t width = 0;
    while (net_more(r)) {
        if (x->n_args > 0 && heads) { /* the bias stands last and is a tensor */
            struct reader look = *r;
            const char *s;
            size_t n;
            if (!net_word(&look, &s, &n)) return false;
            bool tensor = memchr(s, '[', n) != NULL || net_tensor(net, arena_text(&net->arena, s, n)) != NULL;
            if (tensor) return read_vector(r, net, &x->b, x->width);
        }
        if (x->n_args == room) {
            int *old = x->args;
            room = 2 * room + 4;
            x->args = arena_get(&net->arena, (size_t)room, sizeof *x->args);
            if (old != NULL) memcpy(x->args, old, (size_t)x->n_args * sizeof *old);
        }
        int a;
        if (!read_arg(r, net, &a)) return false;
        const struct node *y = &net->nodes[a];
        if (y->width == 0) return net_bad(r, "an attention pattern has no fixed width");
        if (heads && (y->op != OP_LINEAR || y->b.t != NULL)) return net_bad(r, "heads reads linear nodes without bias");
        if (x->op != OP_CONCAT && x->n_args > 0 && y->width != x->width) return net_bad(r, "widths differ");
        width = x->op == OP_CONCAT ? width + y->width : y->width;
        if (!set_width(r, x, width)) return false;
        x->args[x->n_args++] = a;
    }
    return x->n_args >= (heads ? 1 : 2) ? true : net_bad(r, "too few arguments");
}

/* the nodes x and, for two, y; their rows have a fixed width */
static bool read_rows(struct reader *r, struct net *net, struct node *x, int n) {
    for (x->n_args = 0; x->n_args < n; x->n_args++) {
        if (!read_arg(r, net, &x->args[x->n_args])) return false;
        if (net->nodes[x->args[x->n_args]].width == 0) return net_bad(r, "an attention pattern has no fixed width");
    }
    x->width = net->nodes[x->args[0]].width;
    return true;
}

static bool read_one(struct reader *r, struct net *net, struct node *x) { return read_rows(r, net, x, 1); }

static bool read_two(struct reader *r, struct net *net, struct node *x) {
    if (!read_rows(r, net, x, 2)) return false;
    return net->nodes[x->args[1]].width == x->width ? true : net_bad(r, "widths differ");
}

static bool read_table(struct reader *r, struct net *net, struct node *x) {
    if (x->op == OP_EMBED && net->reals) return net_bad(r, "embed needs tokens");
    if (!read_weight(r, net, 2, &x->w)) return false;
    x->width = x->w.cols;
    if (x->op == OP_EMBED && x->w.rows != net->vocab) return net_bad(r, "rows differ from the vocabulary");
    return x->op == OP_EMBED || x->w.rows >= net->ctx ? true : net_bad(r, "fewer rows than positions");
}

static bool read_linear(struct reader *r, struct net *net, struct node *x) {
    if (!read_one(r, net, x) || !read_weight(r, net, 2, &x->w)) return false;
    if (x->w.rows != x->width) return net_bad(r, "widths differ");
    x->width = x->w.cols;
    if (net_more(r) && !read_vector(r, net, &x->b, x->width)) return false;
    node_find_twins(&net->arena, x);
    return true;
}

static bool read_norm(struct reader *r, struct net *net, struct node *x) {
    if (!read_one(r, net, x)) return false;
    if (!net_more(r)) return true;
    return read_vector(r, net, &x->w, x->width) && (x->op == OP_RMSNORM || read_vector(r, net, &x->b, x->width));
}

static bool read_score(struct reader *r, struct net *net, struct node *x) {
    if (!read_two(r, net, x) || !net_read_int(r, &x->d[0])) return false;
    x->width = 0;
    return x->d[0] >= 1 ? true : net_bad(r, "d is 0");
}

/* softmax of one score node, bilinear of two */
static bool read_pattern(struct reader *r, struct net *net, struct node *x) {
    int n = x->op == OP_SOFTMAX ? 1 : 2;
    for (x->n_args = 0; x->n_args < n; x->n_args++) {
        if (!read_arg(r, net, &x->args[x->n_args])) return false;
        if (net->nodes[x->args[x->n_args]].op != OP_SCORE) return net_bad(r, "a score node was expected");
    }
    return true;
}

static bool read_mix(struct reader *r, struct net *net, struct node *x) {
    if (!read_arg(r, net, &x->args[0]) || !read_arg(r, net, &x->args[1])) return false;
    enum op pattern = net->nodes[x->args[0]].op;
    x->n_args = 2;
    x->width = net->nodes[x->args[1]].width;
    if (x->width == 0) return net_bad(r, "an attention pattern has no fixed width");
    return pattern == OP_SOFTMAX || pattern == OP_BILINEAR ? true : net_bad(r, "mix reads a softmax or bilinear node");
}

static bool read_input(struct reader *r, struct net *net, struct node *x) {
    x->width = net->in_width;
    return net->reals ? true : net_bad(r, "input needs reals");
}

static bool read_row(struct reader *r, struct net *net, struct node *x) {
    if (!read_one(r, net, x) || !net_read_int(r, &x->d[0])) return false;
    return x->d[0] < net->ctx ? true : net_bad(r, "row beyond the context");
}

static bool read_constant(struct reader *r, struct net *net, struct node *x) {
    if (!read_weight(r, net, 1, &x->w)) return false;
    x->width = x->w.cols;
    return true;
}

static bool read_jumprelu(struct reader *r, struct net *net, struct node *x) { return read_one(r, net, x) && read_vector(r, net, &x->w, x->width); }

/* select x I, maxpool x I: the entries of I are integers 0..k-1 */
static bool read_index(struct reader *r, struct net *net, struct node *x) {
    if (!read_one(r, net, x) || !read_weight(r, net, x->op == OP_SELECT ? 1 : 2, &x->w)) return false;
    size_t n = (size_t)x->w.rows * x->w.cols;
    x->index = arena_get(&net->arena, n, sizeof *x->index);
    for (size_t i = 0; i < n; i++) {
        struct dyadic v = x->w.t->v[x->w.at + i]; /* m odd: an integer exactly when e >= 0 */
        if (v.m < 0 || v.e < 0 || v.e > 30 || v.m > INT32_MAX || (v.m << v.e) >= (int64_t)x->width) return net_bad(r, "an index is not an integer in range");
        x->index[i] = (uint32_t)(v.m << v.e);
    }
    x->width = x->op == OP_SELECT ? x->w.cols : x->w.rows;
    x->d[0] = x->w.cols;
    return true;
}

/* topk x c, rowsoftmax x g */
static bool read_count(struct reader *r, struct net *net, struct node *x) {
    if (!read_one(r, net, x) || !net_read_int(r, &x->d[0])) return false;
    if (x->d[0] < 1 || x->d[0] > x->width) return net_bad(r, "not between 1 and the width");
    return x->op == OP_TOPK || x->width % x->d[0] == 0 ? true : net_bad(r, "the width is not a multiple of the group");
}

/* matmul x y B A K C */
static bool read_matmul(struct reader *r, struct net *net, struct node *x) {
    if (!read_rows(r, net, x, 2)) return false;
    for (int i = 0; i < 4; i++) {
        if (!net_read_int(r, &x->d[i])) return false;
        if (x->d[i] == 0) return net_bad(r, "a dimension is 0");
    }
    uint64_t BA = (uint64_t)x->d[0] * x->d[1], BK = (uint64_t)x->d[0] * x->d[2]; /* below 2^62 */
    uint64_t left = x->width, right = net->nodes[x->args[1]].width;
    bool fits = left % BA == 0 && left / BA == x->d[2] && right % BK == 0 && right / BK == x->d[3];
    if (!fits) return net_bad(r, "widths differ from B A K and B K C");
    return BA <= INT32_MAX ? set_width(r, x, BA * x->d[3]) : net_bad(r, "a row of 2^31 entries or more");
}

bool net_read_node(struct reader *r, struct net *net, struct node *x) {
    static const struct { const char *name; bool (*read)(struct reader *r, struct net *net, struct node *x); } ops[OP_COUNT] = {
        [OP_EMBED] = {"embed", read_table}, [OP_POSITION] = {"position", read_table}, [OP_ADD] = {"add", read_many}, [OP_LINEAR] = {"linear", read_linear},
        [OP_LAYERNORM] = {"layernorm", read_norm}, [OP_SCORE] = {"score", read_score}, [OP_SOFTMAX] = {"softmax", read_pattern}, [OP_MIX] = {"mix", read_mix},
        [OP_HEADS] = {"heads", read_many}, [OP_RELU] = {"relu", read_one}, [OP_GELU] = {"gelu", read_one}, [OP_GELU_NEW] = {"gelu_new", read_one}, [OP_SILU] = {"silu", read_one},
        [OP_INPUT] = {"input", read_input}, [OP_ROW] = {"row", read_row}, [OP_SELECT] = {"select", read_index}, [OP_CONCAT] = {"concat", read_many},
        [OP_CONSTANT] = {"constant", read_constant}, [OP_SUB] = {"sub", read_two}, [OP_MUL] = {"mul", read_two}, [OP_DIV] = {"div", read_two}, [OP_MAX] = {"max", read_two},
        [OP_MIN] = {"min", read_two}, [OP_EXP] = {"exp", read_one}, [OP_SQRT] = {"sqrt", read_one}, [OP_ERF] = {"erf", read_one}, [OP_TANH] = {"tanh", read_one},
        [OP_SIGMOID] = {"sigmoid", read_one}, [OP_JUMPRELU] = {"jumprelu", read_jumprelu}, [OP_TOPK] = {"topk", read_count}, [OP_ROWSOFTMAX] = {"rowsoftmax", read_count},
        [OP_MAXPOOL] = {"maxpool", read_index}, [OP_MATMUL] = {"matmul", read_matmul}, [OP_RMSNORM] = {"rmsnorm", read_norm}, [OP_BILINEAR] = {"bilinear", read_pattern}};
    char *op;
    if (!net_read_name(r, &net->arena, &x->name) || !net_read_name(r, &net->arena, &op)) return false;
    if (net_find(net, x->name) >= 0 || net_tensor(net, x->name) != NULL) return net_bad(r, "name used twice");
    for (x->op = 0; x->op < OP_COUNT && strcmp(ops[x->op].name, op) != 0;) x->op++;
    if (x->op == OP_COUNT) return net_bad(r, "unknown operation");
    if (x->op != OP_ADD && x->op != OP_HEADS && x->op != OP_CONCAT) x->args = arena_get(&net->arena, 2, sizeof *x->args);
    return ops[x->op].read(r, net, x) && net_line_done(r);
}
