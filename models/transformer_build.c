/* The graph of NETWORK.md §4. Declared in models/transformer.h. The shapes were checked before; here they are taken for granted, and
 * node_resolve holds every node against the operation table all the same. */
#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "models/node.h"
#include "models/transformer.h"

struct builder { struct net net; struct names tensors; size_t room; const struct transformer *t; enum status status; };
/* A node under construction: name and arguments. */
struct part { const char *name; enum op op; const size_t *inputs; size_t n_inputs; const char *weights[2]; long slice; size_t integer; };
struct name { char s[100]; };

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* The checkpoint's own tensor stays undecoded; this one too where only shapes are asked for and its numbers are binary32 by their type. */
static enum status copy_tensor(struct tensor *out, const struct tensor *t, bool shapes_only)
{
    enum dtype type = t->source.dtype;

    *out = *t;
    out->name = mem_string(t->name);
    out->data = NULL;
    if (!out->name)
        return STATUS_MEMORY;
    if (shapes_only && (type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16))
        return STATUS_OK;
    return tensor_need(out) ? STATUS_OK : STATUS_MEMORY;
}

static enum status copy_tensors(struct builder *b)
{
    const struct checkpoint *c = &b->t->model->checkpoint;
    struct net *net = &b->net;

    net->tensors = mem_array(c->n, sizeof *net->tensors);
    if (!net->tensors)
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->n; i++) {
        enum status s;
        if (!b->t->used[i])
            continue;
        s = copy_tensor(&net->tensors[net->n_tensors++], &c->tensors[i], b->t->model->shapes_only);
        if (s != STATUS_OK)
            return s;
    }
    qsort(net->tensors, net->n_tensors, sizeof *net->tensors, by_name);
    for (size_t i = 0; i < net->n_tensors; i++)
        if (!names_add(&b->tensors, net->tensors[i].name, strlen(net->tensors[i].name), i, NULL))
            return STATUS_MEMORY;
    return STATUS_OK;
}

static void fail(struct builder *b, enum status s)
{
    if (b->status == STATUS_OK)
        b->status = s;
}

/* Weights that the checkpoint does not have are left out: biases, norms' scales. */
static void add_weight(struct builder *b, struct node *node, const char *name, long slice)
{
    long i = name ? names_find(&b->tensors, name, strlen(name)) : -1;
    struct text why = { 0 };

    if (i < 0)
        return;
    node->w[node->n_w].tensor = (size_t)i;
    node->w[node->n_w].slice = slice;
    if (!weight_resolve(&b->net, &node->w[node->n_w], &why))
        fail(b, STATUS_INTERNAL);
    text_clear(&why);
    node->n_w++;
}

/* Appends a node; its index. After a failure nothing more is added. */
static size_t add(struct builder *b, struct part p)
{
    struct node *grown, *node;
    struct text why = { 0 };

    if (b->status != STATUS_OK)
        return 0;
    grown = mem_grow(b->net.nodes, &b->room, b->net.n_nodes + 1, sizeof *grown);
    if (!grown) {
        fail(b, STATUS_MEMORY);
        return 0;
    }
    b->net.nodes = grown;
    node = &grown[b->net.n_nodes++];
    node->name = mem_string(p.name);
    node->inputs = mem_array(p.n_inputs, sizeof *node->inputs);
    if (!node->name || !node->inputs) {
        fail(b, STATUS_MEMORY);
        return 0;
    }
    node->op = p.op;
    if (p.n_inputs)
        memcpy(node->inputs, p.inputs, p.n_inputs * sizeof *node->inputs);
    node->n_inputs = p.n_inputs;
    node->arg[0] = p.integer;
    node->n_args = p.op == OP_SCORE;
    add_weight(b, node, p.weights[0], p.slice);
    add_weight(b, node, p.weights[1], p.slice);
    if (b->status == STATUS_OK && !node_resolve(&b->net, node, &why))
        fail(b, why.failed ? STATUS_MEMORY : diag_fail(b->t->d, STATUS_INTERNAL, "node '%s': %s", node->name, why.data));
    text_clear(&why);
    return b->net.n_nodes - 1;
}

static struct name __attribute__((format(printf, 1, 2))) named(const char *format, ...)
{
    struct name n;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(n.s, sizeof n.s, format, args);
    va_end(args);
    return n;
}

static size_t linear(struct builder *b, const char *name, size_t x, const char *W, const char *bias, long slice)
{
    return add(b, (struct part){ .name = name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1, .weights = { W, bias }, .slice = slice });
}

/* The sum of two nodes. */
static size_t sum(struct builder *b, const char *name, size_t x, size_t y)
{
    return add(b, (struct part){ .name = name, .op = OP_ADD, .inputs = (size_t[]){ x, y }, .n_inputs = 2, .slice = -1 });
}

/* x normalised, or x itself in a model without norms. */
static size_t norm(struct builder *b, const char *prefix, size_t x)
{
    if (!b->t->layernorm)
        return x;
    return add(b, (struct part){ .name = named("%s.hook_normalized", prefix).s, .op = OP_LAYERNORM, .inputs = &x, .n_inputs = 1,
                                 .weights = { named("%s.w", prefix).s, named("%s.b", prefix).s }, .slice = -1 });
}

static size_t embedding(struct builder *b)
{
    size_t x = add(b, (struct part){ .name = "hook_embed", .op = OP_EMBED, .weights = { "embed.W_E" }, .slice = -1 }), p;

    if (!b->t->positions)
        return x;
    p = add(b, (struct part){ .name = "hook_pos_embed", .op = OP_POSITION, .weights = { "pos_embed.W_pos" }, .slice = -1 });
    return sum(b, "blocks.0.hook_resid_pre", x, p);
}

static size_t projection(struct builder *b, size_t l, size_t h, size_t x, const char *small, const char *large)
{
    return linear(b, named("blocks.%zu.attn.hook_%s.%zu", l, small, h).s, x, named("blocks.%zu.attn.W_%s", l, large).s,
                  named("blocks.%zu.attn.b_%s", l, large).s, (long)h);
}

static size_t head(struct builder *b, size_t l, size_t h, size_t x)
{
    size_t q = projection(b, l, h, x, "q", "Q"), k = projection(b, l, h, x, "k", "K"), v = projection(b, l, h, x, "v", "V"), s, p, z;

    s = add(b, (struct part){ .name = named("blocks.%zu.attn.hook_attn_scores.%zu", l, h).s, .op = OP_SCORE, .inputs = (size_t[]){ q, k },
                              .n_inputs = 2, .slice = -1, .integer = b->t->layers[l].d_head });
    p = add(b, (struct part){ .name = named("blocks.%zu.attn.hook_pattern.%zu", l, h).s, .op = OP_SOFTMAX, .inputs = &s, .n_inputs = 1, .slice = -1 });
    z = add(b, (struct part){ .name = named("blocks.%zu.attn.hook_z.%zu", l, h).s, .op = OP_MIX, .inputs = (size_t[]){ p, v }, .n_inputs = 2, .slice = -1 });
    return linear(b, named("blocks.%zu.attn.hook_result.%zu", l, h).s, z, named("blocks.%zu.attn.W_O", l).s, NULL, (long)h);
}

static size_t attention(struct builder *b, size_t l, size_t x)
{
    size_t H = b->t->layers[l].heads, out, *results = mem_array(H, sizeof *results);

    if (!results) {
        fail(b, STATUS_MEMORY);
        return 0;
    }
    for (size_t h = 0; h < H; h++)
        results[h] = head(b, l, h, x);
    out = add(b, (struct part){ .name = named("blocks.%zu.hook_attn_out", l).s, .op = OP_HEADS, .inputs = results, .n_inputs = H,
                                .weights = { named("blocks.%zu.attn.b_O", l).s }, .slice = -1 });
    free(results);
    return out;
}

static size_t mlp(struct builder *b, size_t l, size_t x)
{
    size_t pre = linear(b, named("blocks.%zu.mlp.hook_pre", l).s, x, named("blocks.%zu.mlp.W_in", l).s, named("blocks.%zu.mlp.b_in", l).s, -1);
    size_t post = add(b, (struct part){ .name = named("blocks.%zu.mlp.hook_post", l).s, .op = b->t->act, .inputs = &pre, .n_inputs = 1, .slice = -1 });

    return linear(b, named("blocks.%zu.hook_mlp_out", l).s, post, named("blocks.%zu.mlp.W_out", l).s, named("blocks.%zu.mlp.b_out", l).s, -1);
}

static size_t block(struct builder *b, size_t l, size_t x)
{
    size_t out = attention(b, l, norm(b, named("blocks.%zu.ln1", l).s, x)), mid;

    if (!b->t->layers[l].d_mlp)
        return sum(b, named("blocks.%zu.hook_resid_post", l).s, x, out);
    mid = sum(b, named("blocks.%zu.hook_resid_mid", l).s, x, out);
    return sum(b, named("blocks.%zu.hook_resid_post", l).s, mid, mlp(b, l, norm(b, named("blocks.%zu.ln2", l).s, mid)));
}

static void build_nodes(struct builder *b)
{
    size_t x = embedding(b);

    for (size_t l = 0; l < b->t->n_layers && b->status == STATUS_OK; l++)
        x = block(b, l, x);
    b->net.output = linear(b, "logits", norm(b, "ln_final", x), "unembed.W_U", "unembed.b_U", -1);
}

enum status transformer_build(struct transformer *t)
{
    struct builder b = { .t = t, .net = { .d_vocab = t->d_vocab, .n_ctx = t->n_ctx, .causal = t->causal, .pad = -1, .eps = t->layernorm ? t->eps : 0 } };

    b.status = copy_tensors(&b);
    if (b.status == STATUS_OK)
        build_nodes(&b);
    if (b.status == STATUS_OK && !t->model->shapes_only)
        b.status = net_identify(&b.net);
    names_clear(&b.tensors);
    if (b.status == STATUS_OK)
        t->model->net = b.net;
    else
        net_clear(&b.net);
    return b.status;
}

static enum status load(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    enum status s;

    t->used = mem_array(c->n, sizeof *t->used);
    if (!t->used)
        return STATUS_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        if (!names_add(&t->index, c->tensors[i].name, strlen(c->tensors[i].name), i, NULL))
            return STATUS_MEMORY;
    if ((s = transformer_infer(t)) != STATUS_OK || (s = transformer_leftovers(t)) != STATUS_OK)
        return s;
    return transformer_build(t);
}

enum status transformer_load(struct model *m, const struct config *c, struct diag *d)
{
    struct transformer t = { .model = m, .config = c, .d = d };
    enum status s = transformer_strip_prefix(m, d);

    if (s == STATUS_OK)
        s = load(&t);
    names_clear(&t.index);
    free(t.used);
    free(t.layers);
    text_clear(&t.questions);
    return s;
}
