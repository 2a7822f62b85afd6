/* The graph of NETWORK.md §4. Declared in models/transformer.h. The shapes were checked before; here they are taken for granted, and
 * node_resolve holds every node against the operation table all the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/transformer_graph.h"

static void copy_tensors(struct builder *b)
{
    const struct transformer *t = b->t;

    for (size_t i = 0; i < t->n_views && b->b.status == STATUS_OK; i++) {
        struct tensor x;
        if (!t->used[i])
            continue;
        b->b.status = canonical_fill(&x, &t->views[i], t->model->shapes_only);
        (void)netbuild_take(&b->b, &x);
    }
    transformer_tables(b);
    for (size_t i = 0; i < b->b.net.n_tensors && b->b.status == STATUS_OK; i++)
        if (!names_add(&b->tensors, b->b.net.tensors[i].name, strlen(b->b.net.tensors[i].name), i, NULL))
            b->b.status = STATUS_MEMORY;
}

size_t graph_tensor(const struct builder *b, const char *name)
{
    long i = name ? names_find(&b->tensors, name, strlen(name)) : -1;

    return i < 0 ? NETBUILD_NONE : (size_t)i;
}

size_t graph_add(struct builder *b, struct netbuild_node p, const char *W, const char *bias, long h)
{
    p.weights[0] = graph_tensor(b, W);
    p.weights[1] = graph_tensor(b, bias);
    p.n_weights = 2;
    p.slice = h + 1;
    return netbuild_add(&b->b, p);
}

size_t graph_one(struct builder *b, const char *name, enum op op, size_t x) { return netbuild_one(&b->b, name, op, x); }
size_t graph_two(struct builder *b, const char *name, enum op op, size_t x, size_t y) { return netbuild_two(&b->b, name, op, x, y); }

size_t graph_linear(struct builder *b, const char *name, size_t x, const char *W, const char *bias, long h)
{
    return graph_add(b, (struct netbuild_node){ .name = name, .op = OP_LINEAR, .inputs = &x, .n_inputs = 1 }, W, bias, h);
}

size_t graph_constant(struct builder *b, const char *name, const char *tensor)
{
    return graph_add(b, (struct netbuild_node){ .name = name, .op = OP_CONSTANT }, tensor, NULL, -1);
}

static size_t table(struct builder *b, const char *name, enum op op, const char *tensor)
{
    return graph_add(b, (struct netbuild_node){ .name = name, .op = op }, tensor, NULL, -1);
}

/* What enters the first layer. */
static size_t embedding(struct builder *b)
{
    const struct transformer *t = b->t;
    size_t x;

    if (t->width_in)
        x = graph_linear(b, "hook_embed", netbuild_add(&b->b, (struct netbuild_node){ .name = "hook_input", .op = OP_INPUT }), "embed.W_E", "embed.b_E", -1);
    else
        x = table(b, "hook_embed", OP_EMBED, "embed.W_E");
    if (t->has_W_pos)
        b->positions = table(b, "hook_pos_embed", OP_POSITION, "pos_embed.W_pos");
    if (t->positions == POSITIONS_ROTARY) {
        b->cosines = table(b, "hook_rotary_cos", OP_POSITION, "rotary.cos");
        b->sines = table(b, "hook_rotary_sin", OP_POSITION, "rotary.sin");
    }
    if (!isnan(t->out_scale))
        b->out_scale = graph_constant(b, "hook_attn_out_scale", "attn_out_scale");
    return t->positions == POSITIONS_STANDARD ? graph_two(b, "blocks.0.hook_resid_pre", OP_ADD, x, b->positions) : x;
}

/* The output. */
static size_t build_nodes(struct builder *b)
{
    const struct transformer *t = b->t;
    size_t x = embedding(b);

    for (size_t l = 0; l < t->n_layers; l++)
        x = transformer_block(b, l, x);
    x = transformer_norm(b, t->final_norm, "ln_final", "ln_final.hook_normalized", x);
    return graph_linear(b, "logits", x, "unembed.W_U", "unembed.b_U", -1);
}

enum status transformer_build(struct transformer *t)
{
    bool normalises = t->norm != NORM_NONE || (t->act == ACT_SOLU_LN && t->layers[0].d_mlp);
    struct builder b = { .t = t, .b = { .d = t->d, .net = { .d_vocab = t->d_vocab, .width_in = t->width_in, .n_ctx = t->n_ctx, .causal = t->causal,
                                                            .pad = t->pad, .eps = normalises ? t->eps : 0 } } };
    enum status s;

    copy_tensors(&b);
    s = netbuild_finish(&t->model->net, &b.b, build_nodes(&b));
    names_clear(&b.tensors);
    return s;
}

static enum status load(struct model *m, const struct config *c, bool reals, struct diag *d)
{
    struct transformer t = { .model = m, .config = c, .d = d, .width_in = reals };
    enum status s;

    if ((s = transformer_strip_prefix(m, d)) == STATUS_OK && (s = transformer_infer(&t)) == STATUS_OK && (s = transformer_leftovers(&t)) == STATUS_OK)
        s = transformer_build(&t);
    transformer_views_clear(&t);
    free(t.layers);
    text_clear(&t.questions);
    return s;
}

enum status transformer_load(struct model *m, const struct config *c, struct diag *d) { return load(m, c, false, d); }
enum status sequence_load(struct model *m, const struct config *c, struct diag *d) { return load(m, c, true, d); }
