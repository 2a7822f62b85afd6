/* Small random graphs over the whole operation table, over tokens (with a padding token or none) or real inputs, as .net text that goes
 * through the reader. Values stay of moderate size; divisors and arguments of roots are mostly, not always, positive. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H
#include "tests/models/random_net.h"

#define GRAPH_NODES 120
struct graph { struct pieces p; size_t width[GRAPH_NODES], n, d, n_ctx; bool reals; };

static inline size_t graph_node(struct graph *g, const char *op, size_t width)
{
    text_addf(&g->p.nodes, "node n%zu %s", g->n, op);
    g->width[g->n] = width;
    return g->n++;
}
static inline void graph_end(struct graph *g) { text_add(&g->p.nodes, "\n"); }
static inline void graph_reads(struct graph *g, size_t x) { text_addf(&g->p.nodes, " n%zu", x); }

/* A new tensor, named on the node's line. */
static inline void graph_tensor(struct graph *g, size_t a, size_t c)
{
    char name[32];
    snprintf(name, 32, "T%03zu", g->p.n);
    g->p.scale = a ? 1.5 / sqrt((double)a) : 1;
    add_tensor(&g->p, name, 0, a, c);
    text_addf(&g->p.nodes, " %s", name);
}

static inline void graph_integers(struct graph *g, size_t a, size_t c, size_t limit)
{
    struct text *t = &g->p.tensors[g->p.n];
    snprintf(g->p.names[g->p.n], 128, "T%03zu", g->p.n);
    text_init(t);
    text_addf(t, "tensor T%03zu", g->p.n);
    if (a) text_addf(t, " %zu", a);
    text_addf(t, " %zu\n", c);
    for (size_t i = 0; i < (a ? a : 1) * c; i++) {
        number_add_hex(t, (double)below(limit));
        text_add(t, (i + 1) % c ? " " : "\n");
    }
    text_addf(&g->p.nodes, " T%03zu", g->p.n++);
}

static inline size_t graph_unary(struct graph *g, const char *op, size_t x)
{
    size_t v = graph_node(g, op, g->width[x]);
    graph_reads(g, x);
    graph_end(g);
    return v;
}

static inline size_t graph_binary(struct graph *g, const char *op, size_t x, size_t y)
{
    size_t v = graph_node(g, op, g->width[x]);
    graph_reads(g, x);
    graph_reads(g, y);
    graph_end(g);
    return v;
}

static inline size_t graph_linear(struct graph *g, size_t x, size_t m, bool bias)
{
    size_t v = graph_node(g, "linear", m);
    graph_reads(g, x);
    graph_tensor(g, g->width[x], m);
    if (bias) graph_tensor(g, 0, m);
    graph_end(g);
    return v;
}

static inline size_t graph_vector(struct graph *g, const char *op, size_t rows)
{
    size_t v = graph_node(g, op, g->d);
    graph_tensor(g, rows, g->d);
    graph_end(g);
    return v;
}

static inline size_t graph_any(struct graph *g, size_t width)
{
    size_t x;
    do x = below(g->n);
    while (g->width[x] == 0);
    return g->width[x] == width ? x : graph_linear(g, x, width, below(2));
}

static inline size_t graph_select(struct graph *g, size_t x, size_t m)
{
    size_t v = graph_node(g, "select", m);
    graph_reads(g, x);
    graph_integers(g, 0, m, g->width[x]);
    graph_end(g);
    return v;
}

/* x C + x[I] S with tables by position */
static inline void graph_rotary(struct graph *g)
{
    size_t x = graph_any(g, g->d), y = graph_select(g, x, g->d);
    size_t a = graph_binary(g, "mul", x, graph_vector(g, "position", g->n_ctx)), b = graph_binary(g, "mul", y, graph_vector(g, "position", g->n_ctx + 1));
    graph_binary(g, "add", a, b);
}

static inline void graph_gated(struct graph *g)
{
    static const char *const acts[] = {"silu", "gelu", "relu", "sigmoid"};
    size_t x = graph_any(g, g->d), gate = graph_linear(g, x, 2 * g->d, false);
    gate = graph_unary(g, acts[below(4)], gate);
    size_t up = graph_linear(g, x, 2 * g->d, below(2));
    graph_linear(g, graph_binary(g, "mul", gate, up), g->d, false);
}

static inline size_t graph_score(struct graph *g)
{
    size_t x = graph_any(g, g->d), y = below(2) ? x : graph_any(g, g->d), q = graph_linear(g, x, 3, below(2)), k = graph_linear(g, y, 3, false);
    size_t v = graph_node(g, "score", 0);
    text_addf(&g->p.nodes, " n%zu n%zu 3\n", q, k);
    return v;
}

static inline void graph_attention(struct graph *g)
{
    size_t z[2];
    for (int h = 0; h < 2; h++) {
        size_t s = graph_score(g), p = below(3) ? graph_unary(g, "softmax", s) : graph_binary(g, "bilinear", s, below(2) ? s : graph_score(g));
        size_t v = graph_any(g, 2), m = graph_binary(g, "mix", p, v);
        g->width[m] = 2;
        z[h] = graph_linear(g, m, g->d, false);
    }
    size_t v = graph_binary(g, "heads", z[0], z[1]);
    graph_binary(g, "add", v, graph_any(g, g->d));
}

static inline void graph_divide(struct graph *g)
{
    size_t x = graph_any(g, g->d), y = graph_any(g, g->d);
    if (below(4)) y = graph_unary(g, below(2) ? "sigmoid" : "exp", graph_unary(g, "tanh", y));
    graph_binary(g, "div", x, below(8) ? y : x);
}

static inline void graph_root(struct graph *g)
{
    size_t x = graph_any(g, g->d);
    if (below(4)) x = below(2) ? graph_unary(g, "sigmoid", x) : graph_binary(g, "mul", x, x);
    graph_unary(g, "sqrt", x);
}

static inline void graph_matmul(struct graph *g)
{
    size_t B = 1 + below(2), A = 1 + below(3), K = 1 + below(3), C = 1 + below(3), x = graph_any(g, B * A * K), y;
    if (below(2)) {
        y = graph_node(g, "constant", B * K * C);
        graph_tensor(g, 0, B * K * C);
        graph_end(g);
    } else {
        y = graph_any(g, B * K * C);
    }
    size_t v = graph_node(g, "matmul", B * A * C);
    text_addf(&g->p.nodes, " n%zu n%zu %zu %zu %zu %zu\n", x, y, B, A, K, C);
    (void)v;
}

static inline void graph_groups(struct graph *g)
{
    size_t n = 1 + below(3), size = 1 + below(4), x = graph_any(g, n * size), v;
    if (below(2)) {
        v = graph_node(g, "rowsoftmax", n * size);
        text_addf(&g->p.nodes, " n%zu %zu\n", x, size);
    } else {
        v = graph_node(g, "topk", n * size);
        text_addf(&g->p.nodes, " n%zu %zu\n", x, 1 + below(n * size));
    }
    (void)v;
}

static inline void graph_pool(struct graph *g)
{
    size_t x = graph_any(g, g->d), m = 1 + below(4);
    graph_node(g, "maxpool", m);
    graph_reads(g, x);
    graph_integers(g, m, 1 + below(3), g->d);
    graph_end(g);
}

static inline void graph_norm(struct graph *g)
{
    size_t x = graph_any(g, g->d), weights = below(2);
    bool rms = below(2);
    graph_node(g, rms ? "rmsnorm" : "layernorm", g->d);
    graph_reads(g, x);
    for (size_t i = 0; i < (rms ? 1u : 2u) * weights; i++) graph_tensor(g, 0, g->d);
    graph_end(g);
}

static inline void graph_more(struct graph *g, size_t kind)
{
    static const char *const unary[] = {"tanh", "sigmoid", "erf", "relu", "gelu", "gelu_new", "silu"};
    static const char *const binary[] = {"sub", "mul", "max", "min", "add", "sub"};
    size_t x = graph_any(g, g->d), y;
    switch (kind) {
    case 0: graph_unary(g, unary[below(7)], x); break;
    case 1: graph_binary(g, binary[below(6)], x, below(6) ? graph_any(g, g->d) : x); break;
    case 2: graph_node(g, "row", g->d); text_addf(&g->p.nodes, " n%zu %zu\n", x, below(3) ? 0 : below(g->n_ctx)); break;
    case 3: graph_select(g, x, 1 + below(2 * g->d)); break;
    case 4: y = graph_any(g, 1 + below(4)); x = graph_binary(g, "concat", x, y); g->width[x] += g->width[y]; break;
    case 5: graph_vector(g, "constant", 0); break;
    case 6: graph_unary(g, "exp", graph_unary(g, "tanh", x)); break;
    case 7: graph_node(g, "jumprelu", g->d); graph_reads(g, x); graph_tensor(g, 0, g->d); graph_end(g); break;
    case 8: graph_divide(g); break;
    case 9: graph_root(g); break;
    case 10: graph_matmul(g); break;
    case 11: graph_groups(g); break;
    case 12: graph_pool(g); break;
    case 13: graph_norm(g); break;
    case 14: graph_gated(g); break;
    case 15: graph_rotary(g); break;
    default: graph_attention(g); break;
    }
}

/* vocab 0: real inputs of width d. */
static inline void random_graph(struct net *net, size_t vocab, size_t n_ctx, size_t d, size_t steps)
{
    static struct graph g;
    struct text out;
    struct diag diag;
    memset(&g, 0, sizeof g);
    g.d = d, g.n_ctx = n_ctx;
    text_init(&g.p.nodes);
    text_init(&out);
    diag_init(&diag);
    if (vocab) graph_vector(&g, "embed", vocab);
    else (void)graph_node(&g, "input", d), graph_end(&g);
    if (below(2)) graph_binary(&g, "add", 0, graph_vector(&g, "position", n_ctx));
    for (size_t i = 0; i < steps && g.n + 16 < GRAPH_NODES; i++) graph_more(&g, below(19));
    size_t last = graph_unary(&g, "rmsnorm", graph_any(&g, d));
    graph_linear(&g, last, d, true);
    text_addf(&out, "weightproof-net 1\n%s %zu %zu\nmask %s", vocab ? "tokens" : "reals", vocab ? vocab : d, n_ctx, below(2) ? "causal" : "none");
    if (vocab && below(2)) text_addf(&out, " pad %zu", below(vocab));
    text_add(&out, "\neps ");
    number_add_hex(&out, below(4) ? 1e-5 : 0x1p-10);
    text_add(&out, "\n");
    write_sorted(&out, &g.p);
    text_add(&out, g.p.nodes.data);
    text_addf(&out, "output n%zu\nend\n", g.n - 1);
    text_clear(&g.p.nodes);
    enum status status = net_parse(net, "random.net", out.data, out.size, &diag);
    if (status != STATUS_OK) diag_print(&diag, stderr), fprintf(stderr, "%s", out.data);
    ck_assert_int_eq(status, STATUS_OK);
    text_clear(&out);
    diag_clear(&diag);
}

/* Binary32 numbers of size at most 1, some of them 0. */
static inline void random_reals(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = below(8) ? (double)(float)(2 * uniform() - 1) : 0;
}
#endif
