/* One layer of a transformer as nodes. Declared in models/transformer_graph.h. */
#include <math.h>

#include "core/mem.h"
#include "models/transformer_graph.h"

size_t transformer_norm(struct builder *b, enum norm norm, const char *prefix, const char *name, size_t x)
{
    struct node_name w = node_named("%s.w", prefix), bias = node_named("%s.b", prefix);

    if (norm == NORM_NONE)
        return x;
    if (norm == NORM_LN && graph_tensor(b, bias.s) == NETBUILD_NONE) {
        size_t y = graph_one(b, node_named("%s.hook_unscaled", prefix).s, OP_LAYERNORM, x);
        return graph_two(b, name, OP_MUL, y, graph_constant(b, node_named("%s.hook_w", prefix).s, w.s));
    }
    return graph_add(b, (struct netbuild_node){ .name = name, .op = norm == NORM_RMS || norm == NORM_RMSPRE ? OP_RMSNORM : OP_LAYERNORM, .inputs = &x, .n_inputs = 1 },
                     norm == NORM_LN || norm == NORM_RMS ? w.s : NULL, norm == NORM_LN ? bias.s : NULL, -1);
}

static size_t block_norm(struct builder *b, size_t l, int which, size_t x)
{
    struct node_name prefix = node_named("blocks.%zu.ln%d", l, which);

    return transformer_norm(b, b->t->norm, prefix.s, node_named("%s.hook_normalized", prefix.s).s, x);
}

/* ---- attention ---- */

/* Queries, keys or values: small is the word of the node's name, large that of the weights', which have a prefix `_` where heads share. */
static size_t projection(struct builder *b, size_t l, size_t h, size_t x, const char *small, const char *prefix, const char *large)
{
    return graph_linear(b, node_named("blocks.%zu.attn.hook_%s.%zu", l, small, h).s, x, node_named("blocks.%zu.attn.%sW_%s", l, prefix, large).s,
                        node_named("blocks.%zu.attn.%sb_%s", l, prefix, large).s, (long)h);
}

/* x turned by its position's angles: x cos + swapped(x) sin. */
static size_t rotated(struct builder *b, size_t l, size_t h, const char *small, size_t x)
{
    size_t straight, swapped;

    if (b->t->positions != POSITIONS_ROTARY)
        return x;
    straight = graph_two(b, node_named("blocks.%zu.attn.hook_%s_cos.%zu", l, small, h).s, OP_MUL, x, b->cosines);
    swapped = graph_add(b, (struct netbuild_node){ .name = node_named("blocks.%zu.attn.hook_%s_swap.%zu", l, small, h).s, .op = OP_SELECT, .inputs = &x, .n_inputs = 1 },
                        "rotary.swap", NULL, -1);
    swapped = graph_two(b, node_named("blocks.%zu.attn.hook_%s_sin.%zu", l, small, h).s, OP_MUL, swapped, b->sines);
    return graph_two(b, node_named("blocks.%zu.attn.hook_rot_%s.%zu", l, small, h).s, OP_ADD, straight, swapped);
}

/* A scale that is no root of an integer is taken on the queries' side. */
static size_t scaled(struct builder *b, size_t l, size_t h, size_t q)
{
    bool divides = !isnan(b->t->score_divisor);
    size_t constant;

    if (!divides && isnan(b->t->score_factor))
        return q;
    constant = graph_constant(b, node_named("blocks.%zu.attn.hook_scale.%zu", l, h).s, node_named("blocks.%zu.attn.scale", l).s);
    return graph_two(b, node_named("blocks.%zu.attn.hook_q_scaled.%zu", l, h).s, divides ? OP_DIV : OP_MUL, q, constant);
}

static size_t score(struct builder *b, size_t l, const char *name, size_t q, size_t k)
{
    return netbuild_add(&b->b, (struct netbuild_node){ .name = name, .op = OP_SCORE, .inputs = (size_t[]){ q, k }, .n_inputs = 2, .arg = { b->t->layers[l].score_d }, .n_args = 1 });
}

/* The pattern of head h: softmax of the scores, or the product of two scores. key: the node of the head's keys. */
static size_t softmax_pattern(struct builder *b, size_t l, size_t h, size_t q, size_t k)
{
    size_t s = score(b, l, node_named("blocks.%zu.attn.hook_attn_scores.%zu", l, h).s, scaled(b, l, h, q), k);

    return graph_one(b, node_named("blocks.%zu.attn.hook_pattern.%zu", l, h).s, OP_SOFTMAX, s);
}

static size_t bilinear_pattern(struct builder *b, size_t l, size_t h, size_t x)
{
    static const char *const words[2][4] = { { "q1", "Q1", "k1", "K1" }, { "q2", "Q2", "k2", "K2" } };
    size_t s[2];

    for (int i = 0; i < 2; i++) {
        size_t q = rotated(b, l, h, words[i][0], projection(b, l, h, x, words[i][0], "", words[i][1]));
        size_t k = rotated(b, l, h, words[i][2], projection(b, l, h, x, words[i][2], "", words[i][3]));
        s[i] = score(b, l, node_named("blocks.%zu.attn.hook_attn_scores%d.%zu", l, i + 1, h).s, q, k);
    }
    return graph_two(b, node_named("blocks.%zu.attn.hook_pattern.%zu", l, h).s, OP_BILINEAR, s[0], s[1]);
}

/* x_qk is what queries and keys read; keys and values are made for the first head of a group. */
static size_t head(struct builder *b, size_t l, size_t h, size_t x_qk, size_t x, size_t *k, size_t *v)
{
    const struct layer *layer = &b->t->layers[l];
    size_t share = layer->heads / layer->groups, q = 0, p, z;
    const char *prefix = share > 1 ? "_" : "";

    if (!b->t->bilinear_attention)
        q = rotated(b, l, h, "q", projection(b, l, h, x_qk, "q", "", "Q"));
    if (h % share == 0 && !b->t->bilinear_attention)
        *k = rotated(b, l, h / share, "k", projection(b, l, h / share, x_qk, "k", prefix, "K"));
    if (h % share == 0)
        *v = projection(b, l, h / share, x, "v", prefix, "V");
    p = b->t->bilinear_attention ? bilinear_pattern(b, l, h, x_qk) : softmax_pattern(b, l, h, q, *k);
    z = graph_two(b, node_named("blocks.%zu.attn.hook_z.%zu", l, h).s, OP_MIX, p, *v);
    return graph_linear(b, node_named("blocks.%zu.attn.hook_result.%zu", l, h).s, z, node_named("blocks.%zu.attn.W_O", l).s, NULL, (long)h);
}

static size_t attention(struct builder *b, size_t l, size_t x)
{
    size_t H = b->t->layers[l].heads, out, k = 0, v = 0, x_qk = x, *results = mem_array(H, sizeof *results);
    bool scales = !isnan(b->t->out_scale);

    if (!results) {
        b->b.status = STATUS_MEMORY;
        return 0;
    }
    if (b->t->positions == POSITIONS_SHORTFORMER)
        x_qk = graph_two(b, node_named("blocks.%zu.attn.hook_qk_input", l).s, OP_ADD, x, b->positions);
    for (size_t h = 0; h < H; h++)
        results[h] = head(b, l, h, x_qk, x, &k, &v);
    out = graph_add(b, (struct netbuild_node){ .name = node_named("blocks.%zu.%shook%s_out", l, scales ? "attn." : "", scales ? "" : "_attn").s, .op = OP_HEADS,
                                               .inputs = results, .n_inputs = H }, node_named("blocks.%zu.attn.b_O", l).s, NULL, -1);
    free(results);
    return scales ? graph_two(b, node_named("blocks.%zu.hook_attn_out", l).s, OP_MUL, out, b->out_scale) : out;
}

/* ---- MLP ---- */

static enum op plain_op(enum activation a)
{
    static const enum op ops[] = { [ACT_RELU] = OP_RELU, [ACT_GELU] = OP_GELU, [ACT_GELU_NEW] = OP_GELU_NEW, [ACT_SILU] = OP_SILU, [ACT_TANH] = OP_TANH,
                                   [ACT_SIGMOID] = OP_SIGMOID, [ACT_SOLU] = OP_COUNT, [ACT_SOLU_LN] = OP_COUNT, [ACT_RELU2] = OP_COUNT, [ACT_NONE] = OP_COUNT };

    return ops[a];
}

/* x times its own softmax. */
static size_t solu(struct builder *b, size_t l, const char *name, size_t x)
{
    size_t s = netbuild_add(&b->b, (struct netbuild_node){ .name = node_named("blocks.%zu.mlp.hook_softmax", l).s, .op = OP_ROWSOFTMAX, .inputs = &x, .n_inputs = 1,
                                                           .arg = { b->t->layers[l].d_mlp }, .n_args = 1 });

    return graph_two(b, name, OP_MUL, x, s);
}

static size_t activated(struct builder *b, size_t l, const char *name, size_t x)
{
    struct node_name ln = node_named("blocks.%zu.mlp.ln", l);
    size_t y;

    switch (b->t->act) {
    case ACT_NONE:
        return x;
    case ACT_SOLU:
        return solu(b, l, name, x);
    case ACT_SOLU_LN:
        y = solu(b, l, node_named("blocks.%zu.mlp.hook_mid", l).s, x);
        return transformer_norm(b, b->t->norm == NORM_LN ? NORM_LN : NORM_LNPRE, ln.s, name, y);
    case ACT_RELU2:
        y = graph_one(b, node_named("blocks.%zu.mlp.hook_relu", l).s, OP_RELU, x);
        return graph_two(b, name, OP_MUL, y, y);
    default:
        return graph_one(b, name, plain_op(b->t->act), x);
    }
}

/* act(x W_gate) times x W_in. TransformerLens adds b_in to the product, others to the factor. */
static size_t gated(struct builder *b, size_t l, size_t x)
{
    struct node_name b_in = node_named("blocks.%zu.mlp.b_in", l), post = node_named("blocks.%zu.mlp.hook_post", l);
    bool after = !b->t->foreign && graph_tensor(b, b_in.s) != NETBUILD_NONE;
    size_t gate, up, y;

    gate = graph_linear(b, node_named("blocks.%zu.mlp.hook_pre", l).s, x, node_named("blocks.%zu.mlp.W_gate", l).s, node_named("blocks.%zu.mlp.b_gate", l).s, -1);
    up = graph_linear(b, node_named("blocks.%zu.mlp.hook_pre_linear", l).s, x, node_named("blocks.%zu.mlp.W_in", l).s, after ? NULL : b_in.s, -1);
    gate = activated(b, l, node_named("blocks.%zu.mlp.hook_gate", l).s, gate);
    y = graph_two(b, after ? node_named("blocks.%zu.mlp.hook_product", l).s : post.s, OP_MUL, gate, up);
    return after ? graph_two(b, post.s, OP_ADD, y, graph_constant(b, node_named("blocks.%zu.mlp.hook_b_in", l).s, b_in.s)) : y;
}

static size_t mlp(struct builder *b, size_t l, size_t x)
{
    size_t post;

    if (b->t->layers[l].gated) {
        post = gated(b, l, x);
    } else {
        post = graph_linear(b, node_named("blocks.%zu.mlp.hook_pre", l).s, x, node_named("blocks.%zu.mlp.W_in", l).s, node_named("blocks.%zu.mlp.b_in", l).s, -1);
        post = activated(b, l, node_named("blocks.%zu.mlp.hook_post", l).s, post);
    }
    return graph_linear(b, node_named("blocks.%zu.hook_mlp_out", l).s, post, node_named("blocks.%zu.mlp.W_out", l).s, node_named("blocks.%zu.mlp.b_out", l).s, -1);
}

/* ---- the layer ---- */

/* Attention and MLP read the same stream. A layer with one norm has it for both. */
static size_t parallel(struct builder *b, size_t l, size_t x)
{
    size_t y = block_norm(b, l, 1, x), out = attention(b, l, y), terms[3] = { x, out };
    bool second = (b->t->norm != NORM_LN && b->t->norm != NORM_RMS) || graph_tensor(b, node_named("blocks.%zu.ln2.w", l).s) != NETBUILD_NONE;

    terms[2] = mlp(b, l, second ? block_norm(b, l, 2, x) : y);
    return netbuild_add(&b->b, (struct netbuild_node){ .name = node_named("blocks.%zu.hook_resid_post", l).s, .op = OP_ADD, .inputs = terms, .n_inputs = 3 });
}

/* The norm comes after the sum. What enters the next layer is named so. */
static size_t post_norm(struct builder *b, size_t l, size_t x)
{
    size_t out = attention(b, l, x), last = b->t->n_layers - 1;
    bool has_mlp = b->t->layers[l].d_mlp > 0;
    struct node_name next = l == last ? node_named("blocks.%zu.hook_normalized_resid_post", l) : node_named("blocks.%zu.hook_resid_pre", l + 1),
                      ln1 = node_named("blocks.%zu.ln1", l), ln2 = node_named("blocks.%zu.ln2", l);

    x = graph_two(b, node_named("blocks.%zu.hook_resid_%s", l, has_mlp ? "mid" : "post").s, OP_ADD, x, out);
    x = transformer_norm(b, b->t->norm, ln1.s, has_mlp ? node_named("%s.hook_normalized", ln1.s).s : next.s, x);
    if (!has_mlp)
        return x;
    x = graph_two(b, node_named("blocks.%zu.hook_resid_post", l).s, OP_ADD, x, mlp(b, l, x));
    return transformer_norm(b, b->t->norm, ln2.s, next.s, x);
}

size_t transformer_block(struct builder *b, size_t l, size_t x)
{
    size_t out, mid;

    if (!b->t->norm_first)
        return post_norm(b, l, x);
    if (b->t->parallel && b->t->layers[l].d_mlp)
        return parallel(b, l, x);
    out = attention(b, l, block_norm(b, l, 1, x));
    if (!b->t->layers[l].d_mlp)
        return graph_two(b, node_named("blocks.%zu.hook_resid_post", l).s, OP_ADD, x, out);
    mid = graph_two(b, node_named("blocks.%zu.hook_resid_mid", l).s, OP_ADD, x, out);
    return graph_two(b, node_named("blocks.%zu.hook_resid_post", l).s, OP_ADD, mid, mlp(b, l, block_norm(b, l, 2, mid)));
}
