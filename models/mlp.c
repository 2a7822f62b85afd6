/* Chains of linear layers and norms. The tensors do not tell what stands between the layers: it is read or asked for. */
#include "models/mlp.h"

#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/family.h"

static const char *const eps_keys[] = { "eps", "bn_eps", NULL };
static const char *const layout_keys[] = { "layout", NULL };
static const char *const known[] = { "act", "act_fn", "activation", "activation_fn", "activation_function", "hidden_act", "act_out", "output_activation",
                                     "eps", "bn_eps", "layout", "input_type", "combine", "n_ctx", "seq_len", "block_size", "context_length", NULL };

bool mlp_recognises(const struct checkpoint *c)
{
    struct mlp_chain chain;
    bool failed, is = !tms_recognises(c) && mlp_chain_read(&chain, c, &failed);

    if (is)
        mlp_chain_clear(&chain);
    return is;
}

/* The names of a state dict do not tell these modules from others; the classes of a pickled module do. */
static enum status norm_kinds(struct mlp *k, bool layer, bool rms)
{
    enum status s = STATUS_OK;

    if (layer && !k->modules)
        s = reading_fact(k->r, "norm with weight and bias", "assumed: GroupNorm and InstanceNorm1d, and BatchNorm1d without statistics, have the same tensors", "LayerNorm");
    if (s == STATUS_OK && rms && !k->modules)
        s = reading_fact(k->r, "norm with weight alone", "assumed: PReLU has the same tensor, and LayerNorm without bias", "RMSNorm");
    return s;
}

/* BatchNorm1d, LayerNorm: PyTorch's default 1e-5 is assumed and said. RMSNorm has no usual one: asked for. */
static enum status norms(struct mlp *k)
{
    bool norm = false, rms = false, layer = false;
    enum status s = reading_number(&k->eps, &k->eps_how, k->r, eps_keys);

    for (size_t i = 0; i < k->c.n; i++) {
        norm |= k->c.modules[i].kind != MLP_LINEAR;
        rms |= k->c.modules[i].kind == MLP_RMSNORM;
        layer |= k->c.modules[i].kind == MLP_LAYERNORM;
    }
    if (s != STATUS_OK || !norm || (s = norm_kinds(k, layer, rms)) != STATUS_OK)
        return s;
    if (isnan(k->eps) && (s = mlp_check_eps(k)) != STATUS_OK)
        return s;
    if (isnan(k->eps) && rms)
        return reading_ask(k->r, "the tensors do not tell eps of the RMSNorm: say --set eps=NUMBER");
    if (!isnan(k->eps) && !(k->eps >= 0))
        return reading_fail(k->r, "eps is %g (%s), a number of at least 0 is needed", k->eps, k->eps_how);
    s = isnan(k->eps) ? reading_fact(k->r, "eps", "assumed, PyTorch's default (override with --set eps=NUMBER)", "1e-05") : reading_fact(k->r, "eps", k->eps_how, "%.9g", k->eps);
    k->eps = isnan(k->eps) ? 1e-5 : k->eps;
    if (layer || rms)
        k->r->b.net.eps = k->eps;
    return s;
}

/* [in, out] as the network multiplies: by the name, by the bias, by the width before, else by the setting. */
static enum status orient(struct mlp *k, struct view *W, const struct mlp_module *m, size_t width)
{
    const struct tensor *bias = m->bias ? reading_find(k->r, m->bias) : NULL;
    const char *how, *word;
    enum status s = reading_word(&word, &how, k->r, layout_keys);
    bool out_in = !m->transposed;

    if (s != STATUS_OK)
        return s;
    if (word && strcmp(word, "out_in") != 0 && strcmp(word, "in_out") != 0)
        return reading_fail(k->r, "layout is '%.60s' (%s), out_in or in_out is needed", word, how);
    if (word)
        out_in = strcmp(word, "out_in") == 0;
    else if (m->raw && W->shape[0] != W->shape[1]) {
        if (width ? W->shape[0] != W->shape[1] : bias && bias->rank == 1)
            out_in = width ? W->shape[1] == width : bias->shape[0] == W->shape[0];
        else
            return reading_ask(k->r, "the names do not tell whether '%s' is [out, in] or [in, out]: say --set layout=out_in or in_out", m->weight);
    } else if (m->raw)
        return reading_ask(k->r, "'%s' is square, and its name does not tell whether it is [out, in] or [in, out]: say --set layout=out_in or in_out", m->weight);
    if (out_in)
        *W = view_transposed(*W);
    return STATUS_OK;
}

static const char *output_name(const struct mlp *k) { return k->c.embed ? "logits" : "output"; }

/* Names of the module's part in the graph: layers.0.pre is node and prefix alike. */
static size_t linear(struct mlp *k, const struct mlp_module *m, size_t layer, size_t x, bool last, enum status *s)
{
    struct reading *r = k->r;
    struct view W, bias;
    bool first = !r->b.net.width_in && !r->b.net.d_vocab;
    size_t width = first ? 0 : netbuild_width(&r->b, x), w, b = NETBUILD_NONE;

    if ((*s = reading_take(&W, r, m->weight, 2)) != STATUS_OK || (*s = orient(k, &W, m, width)) != STATUS_OK || r->questions.size)
        return 0;
    if (width && W.shape[0] != width) {
        *s = reading_fail(r, "tensor '%s' takes %zu numbers, the layer before gives %zu", m->weight, W.shape[0], width);
        return 0;
    }
    if (m->bias && (*s = reading_take_shape(&bias, r, m->bias, 1, &W.shape[1], "out")) != STATUS_OK)
        return 0;
    if (!width) {
        r->b.net.width_in = W.shape[0];
        x = netbuild_input(&r->b);
    }
    w = netbuild_cut(&r->b, node_named("layers.%zu.W", layer).s, W);
    if (m->bias)
        b = netbuild_cut(&r->b, node_named("layers.%zu.b", layer).s, bias);
    return netbuild_linear(&r->b, last ? output_name(k) : node_named("layers.%zu.pre", layer).s, x, w, b);
}

/* Norm number `number`; result: the name of the node that it ends in. */
struct norm { const struct mlp_module *m; size_t number; struct node_name result; };

/* A vector of the module as a constant node. */
static size_t constant(struct mlp *k, size_t number, const char *node, const char *what, const char *tensor, size_t width, enum status *s)
{
    struct view v;

    if (*s != STATUS_OK || (*s = reading_take_shape(&v, k->r, tensor, 1, &width, "width of the layer before")) != STATUS_OK)
        return 0;
    return netbuild_constant(&k->r->b, node_named("norms.%zu.%s", number, node).s, netbuild_cut(&k->r->b, node_named("norms.%zu.%s", number, what).s, v));
}

/* ((x - mean) / sqrt(var + eps)) w + b */
static size_t batchnorm(struct mlp *k, const struct norm *n, size_t x, enum status *s)
{
    struct netbuild *b = &k->r->b;
    const struct mlp_module *m = n->m;
    size_t j = n->number, width = netbuild_width(b, x), mean = constant(k, j, "mean", "running_mean", m->mean, width, s),
           var = constant(k, j, "var", "running_var", m->var, width, s), terms[4], n_terms = 0, y;
    double parts[3];

    if (*s != STATUS_OK)
        return 0;
    terms[0] = var;
    for (size_t i = 0, many = reading_split(parts, k->eps); i < many; i++)
        terms[++n_terms] = netbuild_constant(b, node_named("norms.%zu.epsilon.%zu", j, i).s, netbuild_fill(b, node_named("norms.%zu.eps.%zu", j, i).s, parts[i], width));
    y = netbuild_add(b, (struct netbuild_node){ .name = node_named("norms.%zu.var_eps", j).s, .op = OP_ADD, .inputs = terms, .n_inputs = n_terms + 1 });
    y = netbuild_one(b, node_named("norms.%zu.std", j).s, OP_SQRT, y);
    x = netbuild_two(b, node_named("norms.%zu.centred", j).s, OP_SUB, x, mean);
    y = netbuild_two(b, m->weight || m->bias ? node_named("norms.%zu.normalized", j).s : n->result.s, OP_DIV, x, y);
    if (m->weight) {
        size_t w = constant(k, j, "gain", "w", m->weight, width, s);
        y = netbuild_two(b, m->bias ? node_named("norms.%zu.scaled", j).s : n->result.s, OP_MUL, y, w);
    }
    if (m->bias) {
        size_t c = constant(k, j, "offset", "b", m->bias, width, s);
        y = netbuild_two(b, n->result.s, OP_ADD, y, c);
    }
    return y;
}

/* LayerNorm, RMSNorm. */
static size_t row_norm(struct mlp *k, const struct norm *n, size_t x, enum status *s)
{
    struct netbuild *b = &k->r->b;
    const struct mlp_module *m = n->m;
    size_t width = netbuild_width(b, x), w, bias = NETBUILD_NONE;
    struct view v;

    if ((*s = reading_take_shape(&v, k->r, m->weight, 1, &width, "width of the layer before")) != STATUS_OK)
        return 0;
    w = netbuild_cut(b, node_named("norms.%zu.w", n->number).s, v);
    if (m->bias && (*s = reading_take_shape(&v, k->r, m->bias, 1, &width, "width of the layer before")) != STATUS_OK)
        return 0;
    if (m->bias)
        bias = netbuild_cut(b, node_named("norms.%zu.b", n->number).s, v);
    else if (m->kind == MLP_LAYERNORM)
        bias = netbuild_fill(b, node_named("norms.%zu.b", n->number).s, 0.0, width);
    return netbuild_add(b, (struct netbuild_node){ .name = n->result.s, .op = m->kind == MLP_LAYERNORM ? OP_LAYERNORM : OP_RMSNORM, .inputs = &x, .n_inputs = 1,
                                                   .weights = { w, bias }, .n_weights = 2 });
}

/* layer, norm: how many of each came before. An activation takes the number of the linear layer before it. */
struct counts { size_t layer, norm; };

static size_t module(struct mlp *k, size_t i, struct counts *n, size_t x, enum status *s)
{
    const struct mlp_module *m = &k->c.modules[i];
    bool end = i + 1 == k->c.n, last = end && k->act[i] == (int)ACTIVATION_NONE;

    if (m->kind == MLP_LINEAR)
        x = linear(k, m, n->layer++, x, last, s);
    else {
        struct norm norm = { m, n->norm, last ? node_named("%s", output_name(k)) : node_named("norms.%zu.out", n->norm) };
        x = m->kind == MLP_BATCHNORM ? batchnorm(k, &norm, x, s) : row_norm(k, &norm, x, s);
        n->norm++;
    }
    if (*s != STATUS_OK)
        return 0;
    return reading_activate(k->r, end ? output_name(k) : node_named("layers.%zu.post", n->layer ? n->layer - 1 : 0).s, k->act[i], x);
}

static enum status modules_of(struct mlp *k)
{
    struct counts n = { 0, 0 };
    size_t x = 0;
    enum status s = STATUS_OK;

    if (k->c.embed)
        s = mlp_embed(k, &x);
    else if (k->c.modules[0].kind != MLP_LINEAR) {
        const struct tensor *first = reading_find(k->r, k->c.modules[0].weight ? k->c.modules[0].weight : k->c.modules[0].mean);
        k->r->b.net.width_in = tensor_count(first);
        x = netbuild_input(&k->r->b);
    }
    for (size_t i = 0; s == STATUS_OK && !k->r->questions.size && i < k->c.n; i++)
        x = module(k, i, &n, x, &s);
    return s == STATUS_OK ? reading_done(k->r, x, known) : s;
}

static enum status build(struct reading *r)
{
    struct mlp k = { .r = r };
    const char *modules = r->model->checkpoint.modules;
    bool failed;
    enum status s;

    if (!mlp_chain_read(&k.c, &r->model->checkpoint, &failed))
        return failed ? STATUS_MEMORY : reading_fail(r, "the names of the tensors are not those of numbered layers (0.weight, net.2.weight, fc1.weight, W1), the first is '%s'",
                                                     r->model->checkpoint.n ? r->model->checkpoint.tensors[0].name : "");
    s = modules && !(k.modules = cJSON_Parse(modules)) ? STATUS_MEMORY : mlp_find_table(&k);
    if (s == STATUS_OK)
        s = mlp_check_classes(&k);
    if (s == STATUS_OK)
        s = mlp_activations(&k);
    if (s == STATUS_OK)
        s = norms(&k);
    if (s == STATUS_OK)
        s = modules_of(&k);
    mlp_chain_clear(&k.c);
    cJSON_Delete(k.modules);
    free(k.act);
    return s;
}

enum status mlp_load(struct model *m, const struct config *c, struct diag *d) { return reading_load(m, c, "mlp", build, d); }
