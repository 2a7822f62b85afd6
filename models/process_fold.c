/* fold_ln: (x * w + b) W + c = x (diag(w) W) + (b W + c). */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/process_pass.h"

struct node_name process_bias_name(const char *matrix)
{
    struct node_name n = node_named("%.90s", matrix);
    char *at = strstr(n.s, "W_");

    if (at && (at == n.s || at[-1] == '.')) {
        at[0] = 'b';
        return n;
    }
    return node_named("%.90s.bias", matrix);
}

/* a b if it is a binary64 number: the error of the product is 0 (fma), which is told only where it does not underflow. */
static bool exact_product(double *out, double a, double b)
{
    *out = a * b + 0.0;
    if (a == 0 || b == 0)
        return true;
    return fabs(*out) > 0x1p-900 && fabs(*out) < 0x1p1000 && fma(a, b, -*out) == 0;
}

/* out[j] = b[j] (or 0) + sum_i x[i] W[i, j]; false if one is no binary64 number. */
static bool exact_bias(double *out, const double *x, const struct weight *W, const double *b)
{
    bool exact = true;
    mpq_t sum;

    mpq_init(sum);
    for (size_t j = 0; exact && j < W->m; j++) {
        mpq_set_d(sum, b ? b[j] : 0);
        exact_add_product(sum, x, W, j);
        exact = exact_double(&out[j], sum);
    }
    mpq_clear(sum);
    return exact;
}

struct folding {
    struct rewrite r;
    const struct net *net;
    bool *mine;                 /* per node: the linear readers of the norm at hand */
    size_t norms, as_numbers, as_nodes;
};

static bool is_weighted_norm(const struct node *v) { return (v->op == OP_LAYERNORM || v->op == OP_RMSNORM) && v->n_w > 0; }

/* Is the tensor of a reader's matrix a bias of a reader too (as its slice)? */
static bool is_bias(const struct folding *f, size_t tensor)
{
    for (size_t u = 0; u < f->net->n_nodes; u++)
        if (f->mine[u] && f->net->nodes[u].n_w > 1 && f->net->nodes[u].w[1].tensor == tensor)
            return true;
    return false;
}

/* Norm v is not the output, every reader of it is linear, and reads a matrix that nothing else does. */
static enum status readers_check(struct folding *f, size_t v)
{
    const struct net *net = f->net;

    if (v == net->output)
        return diag_fail(f->r.b.d, STATUS_INPUT, "cannot process fold_ln: '%s' is the output, no linear node takes its weights over", net->nodes[v].name);
    for (size_t u = 0; u < net->n_nodes; u++) {
        f->mine[u] = false;
        for (size_t a = 0; a < net->nodes[u].n_inputs; a++)
            f->mine[u] |= net->nodes[u].inputs[a] == v;
        if (f->mine[u] && net->nodes[u].op != OP_LINEAR)
            return diag_fail(f->r.b.d, STATUS_INPUT, "cannot process fold_ln: '%s' is read by '%s', which is no linear node but '%s'",
                             net->nodes[v].name, net->nodes[u].name, op_table[net->nodes[u].op].name);
    }
    for (size_t u = 0; u < net->n_nodes; u++)
        if (f->mine[u] && (!net_tensor_read_only_by(net, net->nodes[u].w[0].tensor, f->mine) || is_bias(f, net->nodes[u].w[0].tensor)))
            return diag_fail(f->r.b.d, STATUS_INPUT, "cannot process fold_ln: tensor '%s' reads '%s' and something else too",
                             net->tensors[net->nodes[u].w[0].tensor].name, net->nodes[v].name);
    return STATUS_OK;
}

/* The matrix of a reader with its rows times w, for the whole tensor; false if an entry is no binary64 number. */
static bool fold_matrix(struct folding *f, size_t tensor, const double *w, size_t k)
{
    const struct tensor *t = &f->net->tensors[tensor];
    size_t n = tensor_count(t), m = t->shape[t->rank - 1];
    double *x = f->r.numbers[tensor];

    if (x)
        return true;   /* by an earlier reader: another slice */
    if (!(x = mem_array(n, sizeof *x))) {
        f->r.b.status = STATUS_MEMORY;
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!exact_product(&x[i], t->data[i], w[i / m % k])) {
            free(x);
            return false;
        }
    f->r.numbers[tensor] = x;
    return true;
}

static bool fold_matrices(struct folding *f, const double *w, size_t k)
{
    for (size_t u = 0; u < f->net->n_nodes; u++)
        if (f->mine[u] && !fold_matrix(f, f->net->nodes[u].w[0].tensor, w, k)) {
            for (size_t i = 0; i < f->net->n_nodes; i++)
                if (f->mine[i]) {
                    free(f->r.numbers[f->net->nodes[i].w[0].tensor]);
                    f->r.numbers[f->net->nodes[i].w[0].tensor] = NULL;
                }
            return false;
        }
    return true;
}

/* Does an earlier reader of the same matrix add another bias? Then one tensor cannot hold both. */
static bool other_bias(const struct folding *f, size_t u)
{
    const struct node *nodes = f->net->nodes, *v = &nodes[u];
    size_t m = v->w[0].m;

    for (size_t i = 0; i < u; i++) {
        const struct node *w = &nodes[i];
        if (!f->mine[i] || w->w[0].tensor != v->w[0].tensor || w->w[0].slice != v->w[0].slice)
            continue;
        if (w->n_w != v->n_w || (v->n_w > 1 && memcmp(w->w[1].data, v->w[1].data, m * sizeof *v->w[1].data) != 0))
            return true;
    }
    return false;
}

/* Biases of all linear readers of matrix T, slice by slice: b_ln W + b. NULL if an entry is no binary64 number, if two readers of one slice have
 * different b, or without memory. */
static double *fold_biases(struct folding *f, size_t T, const double *b_ln)
{
    const struct tensor *t = &f->net->tensors[T];
    size_t m = t->shape[t->rank - 1], slices = t->rank == 3 ? t->shape[0] : 1;
    double *bias = mem_array(slices * m, sizeof *bias);

    if (!bias)
        f->r.b.status = STATUS_MEMORY;
    for (size_t u = 0; bias && u < f->net->n_nodes; u++) {
        const struct node *v = &f->net->nodes[u];
        if (!f->mine[u] || v->w[0].tensor != T)
            continue;
        size_t slice = v->w[0].slice < 0 ? 0 : (size_t)v->w[0].slice;
        if (other_bias(f, u) || !exact_bias(bias + slice * m, b_ln, &v->w[0], v->n_w > 1 ? v->w[1].data : NULL)) {
            free(bias);
            return NULL;
        }
    }
    return bias;
}

static size_t linear_of(struct folding *f, const char *name, size_t x, size_t W, size_t b, long slice)
{
    return netbuild_add(&f->r.b, (struct netbuild_node){ .name = name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1, .weights = { W, b },
        .n_weights = 2, .slice = slice + 1 });
}

/* A linear reader whose norm had biases; b: the tensor of its new biases, or NETBUILD_NONE where they are computed by nodes. */
static void fold_reader(struct folding *f, size_t u, const double *b_ln, size_t b)
{
    struct rewrite *r = &f->r;
    const struct node *v = &f->net->nodes[u];
    size_t x = r->nodes[v->inputs[0]], W = rewrite_tensor(r, v->w[0].tensor);

    if (b != NETBUILD_NONE) {
        r->nodes[u] = linear_of(f, v->name, x, W, b, v->w[0].slice);
        f->as_numbers++;
        return;
    }
    size_t ln = netbuild_vector(&r->b, node_named("%.80s.ln_b", v->name).s, b_ln, v->w[0].k);
    size_t unfolded = netbuild_matrix(&r->b, node_named("%.80s.unfolded", v->name).s, v->w[0].data, v->w[0].k, v->w[0].m);
    size_t own = v->n_w > 1 ? netbuild_vector(&r->b, node_named("%.80s.own_b", v->name).s, v->w[1].data, v->w[0].m) : NETBUILD_NONE;
    size_t raw = linear_of(f, node_named("%.80s.raw", v->name).s, x, W, NETBUILD_NONE, v->w[0].slice);
    size_t c = netbuild_constant(&r->b, node_named("%.80s.ln", v->name).s, ln);
    size_t through = netbuild_linear(&r->b, node_named("%.80s.bias", v->name).s, c, unfolded, own);
    r->nodes[u] = netbuild_two(&r->b, v->name, OP_ADD, raw, through);
    f->as_nodes++;
}

/* Norm v without weights; its readers, which the walk over the nodes reaches later, are marked. */
static void fold_norm(struct folding *f, size_t v)
{
    const struct node *n = &f->net->nodes[v];
    const double *w = n->w[0].data;
    size_t x = f->r.nodes[n->inputs[0]];

    f->norms++;
    if (f->r.b.status == STATUS_OK)
        f->r.b.status = readers_check(f, v);
    if (f->r.b.status != STATUS_OK)
        return;
    if (fold_matrices(f, w, n->width)) {
        f->r.nodes[v] = netbuild_one(&f->r.b, n->name, n->op, x);
        return;
    }
    if (f->r.b.status != STATUS_OK)
        return;
    size_t plain = netbuild_one(&f->r.b, node_named("%.80s.plain", n->name).s, n->op, x);
    size_t c = netbuild_constant(&f->r.b, node_named("%.80s.w", n->name).s, netbuild_vector(&f->r.b, node_named("%.80s.scale", n->name).s, w, n->width));
    f->r.nodes[v] = netbuild_two(&f->r.b, n->name, OP_MUL, plain, c);
    f->as_nodes++;
}

/* The first input of u, if it is a norm whose biases u must take over. */
static const struct node *biased_norm(const struct net *net, size_t u)
{
    const struct node *v = &net->nodes[u];

    if (v->op != OP_LINEAR)
        return NULL;
    const struct node *n = &net->nodes[v->inputs[0]];
    if (!is_weighted_norm(n) || n->n_w < 2)
        return NULL;
    for (size_t i = 0; i < n->width; i++)
        if (n->w[1].data[i] != 0)
            return n;
    return NULL;
}

/* New bias tensors by matrix; made at the first reader of the matrix. */
static size_t bias_tensor(struct folding *f, size_t u, const struct node *norm, size_t *made)
{
    const struct node *v = &f->net->nodes[u];
    const struct tensor *t = &f->net->tensors[v->w[0].tensor];
    size_t m = v->w[0].m, b = NETBUILD_NONE;

    if (made[v->w[0].tensor])
        return made[v->w[0].tensor] - 1;
    for (size_t i = 0; i < f->net->n_nodes; i++)
        f->mine[i] = f->net->nodes[i].op == OP_LINEAR && f->net->nodes[i].inputs[0] == v->inputs[0];
    double *bias = fold_biases(f, v->w[0].tensor, norm->w[1].data);
    if (bias) {
        bool replaces = v->n_w > 1 && net_tensor_read_only_by(f->net, v->w[1].tensor, f->mine);
        struct node_name name = rewrite_free_name(&f->r, process_bias_name(t->name).s, replaces ? v->w[1].tensor : SIZE_MAX);
        b = t->rank == 3 ? netbuild_matrix(&f->r.b, name.s, bias, t->shape[0], m) : netbuild_vector(&f->r.b, name.s, bias, m);
    }
    free(bias);
    made[v->w[0].tensor] = b + 1; /* NETBUILD_NONE + 1 is 0: asked again, and answered the same */
    return b;
}

enum status process_fold_ln(struct net *net, struct text *done, struct diag *d)
{
    struct folding f = { .net = net };
    size_t *made = mem_array(net->n_tensors, sizeof *made);
    enum status s = rewrite_begin(&f.r, net, d);

    f.mine = mem_array(net->n_nodes, sizeof *f.mine);
    if (s == STATUS_OK && (!f.mine || !made))
        f.r.b.status = STATUS_MEMORY;
    for (size_t v = 0; f.r.b.status == STATUS_OK && v < net->n_nodes; v++) {
        const struct node *norm = biased_norm(net, v);
        if (is_weighted_norm(&net->nodes[v])) fold_norm(&f, v);
        else if (norm) fold_reader(&f, v, norm->w[1].data, bias_tensor(&f, v, norm, made));
        else rewrite_copy(&f.r, v, NULL);
    }
    if (f.r.b.status == STATUS_OK && f.norms == 0)
        f.r.b.status = diag_fail(d, STATUS_INPUT, "cannot process fold_ln: no norm of this network has weights (they are folded already, or there is none)");
    s = rewrite_finish(&f.r, net);
    free(f.mine);
    free(made);
    text_addf(done, "%zu norm%s; %zu biases as numbers, %zu parts as nodes", f.norms, f.norms == 1 ? "" : "s", f.as_numbers, f.as_nodes);
    return s;
}
