/* Modules with names of their own (layout.def): which tensor plays which part, and which way round it is stored. A matrix is [in, out], as x W
 * reads it, or [out, in], as nn.Linear keeps it; one file keeps all of its layers the same way. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/layout.h"
#include "models/transformer.h"

struct layout {
    struct transformer *t;
    const struct tensor **found; /* [layer, n_layers being the top][part][weight, bias] */
    size_t d, in, out;           /* d_model; which of a matrix's axes is which, 0 or 1 */
};
/* How one matrix is cut into heads or halves along its outer axis. */
struct cut_out { size_t heads, size, step, offset; };
struct name { char s[64]; };

#define FAIL(l, ...) diag_fail((l)->t->d, STATUS_INPUT, "cannot read '%s': " __VA_ARGS__)
#define FILE_OF(l) ((l)->t->model->checkpoint.path)

static const struct tensor *found(const struct layout *l, size_t layer, enum part p, bool bias) { return l->found[(layer * N_PARTS + (size_t)p) * 2 + bias]; }
static const struct tensor *at_top(const struct layout *l, enum part p) { return found(l, l->t->n_layers, p, false); }

static struct name in_block(size_t layer, const char *suffix)
{
    struct name n;

    (void)snprintf(n.s, sizeof n.s, "blocks.%zu.%s", layer, suffix);
    return n;
}

static enum status shape_fails(struct layout *l, const struct tensor *x, const char *needed)
{
    struct text shape = { 0 };
    enum status s;

    shape_add(&shape, x->shape, x->rank);
    s = shape.failed ? STATUS_MEMORY : FAIL(l, "tensor '%s' has shape %s, %s is needed", FILE_OF(l), x->name, shape.data, needed);
    text_clear(&shape);
    return s;
}

static enum status count_layers(struct layout *l)
{
    const struct checkpoint *c = &l->t->model->checkpoint;
    long last = -1;
    struct role r;

    for (size_t i = 0; i < c->n; i++)
        if (role_of(&r, c->tensors[i].name) && r.layer > last)
            last = r.layer;
    if (last < 0)
        return FAIL(l, "there is no layer with attention ('weightproof info --families' lists the names that are known)", FILE_OF(l));
    if ((size_t)last >= c->n)
        return FAIL(l, "tensors of block %ld, but blocks before it are missing", FILE_OF(l), last);
    l->t->n_layers = (size_t)last + 1;
    l->found = mem_array((l->t->n_layers + 1) * N_PARTS * 2, sizeof *l->found);
    return l->found ? STATUS_OK : STATUS_MEMORY;
}

static enum status collect(struct layout *l)
{
    const struct checkpoint *c = &l->t->model->checkpoint;
    struct role r;

    for (size_t i = 0; i < c->n; i++) {
        const struct tensor **place;
        if (!role_of(&r, c->tensors[i].name) || r.part == PART_BUFFER || r.part == PART_BUFFER_TOP ||
            config_leaves_out(l->t->config, c->tensors[i].name))
            continue;
        place = &l->found[((r.layer < 0 ? l->t->n_layers : (size_t)r.layer) * N_PARTS + (size_t)r.part) * 2 + r.bias];
        if (*place)
            return FAIL(l, "tensors '%s' and '%s' would both be %s (--set ignore=NAME leaves one out)", FILE_OF(l), (*place)->name, c->tensors[i].name,
                        part_table[r.part].canonical);
        *place = &c->tensors[i];
    }
    /* w1, w2, w3: the first is the gate if there is a third */
    for (size_t k = 0; k < l->t->n_layers; k++)
        for (size_t bias = 0; bias < 2 && found(l, k, PART_W_3, false); bias++) {
            const struct tensor **at = &l->found[k * N_PARTS * 2 + bias];
            at[PART_W_GATE * 2] = at[PART_W_IN * 2];
            at[PART_W_IN * 2] = at[PART_W_3 * 2];
        }
    return STATUS_OK;
}

/* d_model, as the configuration, a norm, the positions or the embedding show it. */
static enum status find_width(struct layout *l)
{
    static const enum part norms[] = { PART_LN1, PART_LN2 };
    const struct tensor *x = at_top(l, PART_LN_F), *W_E = at_top(l, PART_W_E);
    const char *how;
    long stated;
    enum status s = config_int(&stated, &how, l->t->config, "d_model", 0, 0, l->t->d);

    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < 2 && !x; i++)
        x = found(l, 0, norms[i], false);
    x = x ? x : at_top(l, PART_W_POS);
    if (!W_E)
        return FAIL(l, "there is no embedding of the tokens (names like embed, wte, tok_emb, embed_tokens are known)", FILE_OF(l));
    if (W_E->rank != 2)
        return shape_fails(l, W_E, "a matrix");
    l->d = stated > 0 ? (size_t)stated : x && x->rank ? x->shape[x->rank - 1] : W_E->shape[1];
    if (W_E->shape[0] != l->d && W_E->shape[1] != l->d) {
        char needed[64];
        (void)snprintf(needed, sizeof needed, "one side of d_model = %zu", l->d);
        return shape_fails(l, W_E, needed);
    }
    return STATUS_OK;
}

/* +1 [in, out], -1 [out, in], 0 either; an error if neither fits. */
static enum status orientation_of(struct layout *l, int *sign, const struct tensor *x, bool into /* d_model is the input's side */)
{
    size_t a, b;
    char needed[64];

    (void)snprintf(needed, sizeof needed, "a matrix with one side of d_model = %zu", l->d);
    if (x->rank != 2 && x->rank != 3)
        return shape_fails(l, x, needed);
    a = x->shape[x->rank - 2];
    b = x->shape[x->rank - 1];
    if (a != l->d && b != l->d)
        return shape_fails(l, x, needed);
    *sign = a == b ? 0 : (a == l->d) == into ? 1 : -1;
    return STATUS_OK;
}

static bool reads_the_stream(enum part p) { return p != PART_W_O && p != PART_W_OUT; }
static bool is_matrix_part(enum part p) { return part_table[p].place == IN_ATTN || part_table[p].place == IN_MLP; }

/* What the configuration says, by itself or by the model's type; NULL if nothing. */
static enum status stated_layout(struct layout *l, const char **word, const char **how, const char *key)
{
    return config_word(word, how, l->t->config, key, l->t->d);
}

static enum status choose(struct layout *l, int sign, const struct tensor *witness)
{
    const char *word, *how;
    struct text inferred = { 0 };
    enum status s = stated_layout(l, &word, &how, "weight_layout");

    if (s != STATUS_OK)
        return s;
    if (word && strcmp(word, "in_out") != 0 && strcmp(word, "out_in") != 0)
        return transformer_unknown_word(l->t, "weight_layout", word, how, "in_out or out_in");
    if (word && sign && (sign > 0) != (strcmp(word, "in_out") == 0))
        return FAIL(l, "weight_layout is %s (%s), but tensor '%s' has its %s first", FILE_OF(l), word, how, witness->name, sign > 0 ? "inputs" : "outputs");
    if (!word && !sign && (s = transformer_ask(l->t, "all matrices of the layers are square, so their shapes do not tell which way round they are: say "
                                               "--set weight_layout=out_in (nn.Linear) or in_out (x @ W)")) != STATUS_OK)
        return s;
    if (!sign)
        sign = word && strcmp(word, "in_out") == 0 ? 1 : -1;
    l->in = sign > 0 ? 0 : 1;
    l->out = 1 - l->in;
    if (word)
        return model_add_fact(l->t->model, "weight_layout", word, how);
    text_addf(&inferred, "inferred from the shape of %s", witness ? witness->name : "");
    s = inferred.failed ? STATUS_MEMORY : witness ? model_add_fact(l->t->model, "weight_layout", sign > 0 ? "in_out" : "out_in", inferred.data) : STATUS_OK;
    text_clear(&inferred);
    return s;
}

static enum status find_orientation(struct layout *l)
{
    const struct tensor *witness = NULL;
    int all = 0, one = 0;
    enum status s;

    for (size_t k = 0; k < l->t->n_layers; k++)
        for (enum part p = 0; p < N_PARTS; p++) {
            const struct tensor *x = found(l, k, p, false);
            if (!x || !is_matrix_part(p))
                continue;
            if ((s = orientation_of(l, &one, x, reads_the_stream(p))) != STATUS_OK)
                return s;
            if (one && all && one != all)
                return FAIL(l, "tensor '%s' has its %s first, tensor '%s' its %s: a file keeps its matrices one way round", FILE_OF(l), witness->name,
                            all > 0 ? "inputs" : "outputs", x->name, one > 0 ? "inputs" : "outputs");
            if (one && !all)
                witness = x;
            all = all ? all : one;
        }
    return choose(l, all, witness);
}

static size_t in_axis(const struct layout *l, const struct tensor *x) { return x->rank - 2 + l->in; }
static size_t out_axis(const struct layout *l, const struct tensor *x) { return x->rank - 2 + l->out; }

/* [heads, d_model, size] and [heads, size]. A tensor of rank 3 has its heads apart already. */
static enum status add_heads(struct layout *l, size_t layer, const char *W, const char *b, const struct tensor *x, const struct tensor *bias, struct cut_out c)
{
    enum status s;
    size_t in = in_axis(l, x), out = out_axis(l, x);
    struct axis head = x->rank == 3 ? (struct axis){ 0, c.heads, 1 } : (struct axis){ out, c.heads, c.step };

    s = transformer_add_view(l->t, in_block(layer, W).s, x, out, c.offset, (struct axis[]){ head, { in, x->shape[in], 1 }, { out, c.size, 1 } }, 3);
    if (s != STATUS_OK || !bias)
        return s;
    if (bias->rank == 2)
        return transformer_add_view(l->t, in_block(layer, b).s, bias, 0, 0, (struct axis[]){ { 0, bias->shape[0], 1 }, { 1, bias->shape[1], 1 } }, 2);
    if (bias->rank != 1 || (x->rank == 2 && bias->shape[0] != x->shape[out]))
        return shape_fails(l, bias, "one entry for each output of its matrix");
    return transformer_add_view(l->t, in_block(layer, b).s, bias, 0, c.offset, (struct axis[]){ { 0, c.heads, c.step }, { 0, c.size, 1 } }, 2);
}

/* The whole of a vector, or of a matrix turned to [in, out]. */
static enum status add_plain(struct layout *l, const char *name, const struct tensor *x, size_t first, size_t second)
{
    if (!x)
        return STATUS_OK;
    if (x->rank == 1)
        return transformer_add_view(l->t, name, x, 0, 0, &(struct axis){ 0, x->shape[0], 1 }, 1);
    return transformer_add_view(l->t, name, x, 0, 0, (struct axis[]){ { first, x->shape[first], 1 }, { second, x->shape[second], 1 } }, 2);
}

static enum status config_size(struct layout *l, size_t *out, const char *key, size_t layer)
{
    const char *how;
    long stated;
    enum status s = config_int(&stated, &how, l->t->config, key, layer, l->t->n_layers, l->t->d);

    *out = stated > 0 ? (size_t)stated : 0;
    return s;
}

/* Heads, groups of keys, width of a head; x holds `parts` times the queries' share. */
static enum status head_sizes(struct layout *l, size_t layer, const struct tensor *x, bool packed, size_t *H, size_t *groups, size_t *dh)
{
    enum status s;
    size_t width = x->shape[out_axis(l, x)], shares;

    if ((s = config_size(l, H, "n_heads", layer)) != STATUS_OK || (s = config_size(l, groups, "n_key_value_heads", layer)) != STATUS_OK ||
        (s = config_size(l, dh, "d_head", layer)) != STATUS_OK)
        return s;
    if (x->rank == 3)
        *H = x->shape[0];
    if (x->rank == 3 && !packed)
        *dh = width;
    if (*H == 0 && *dh && !packed && width % *dh == 0)
        *H = width / *dh;
    if (*H == 0) {
        *H = 1;
        if (layer == 0 && (s = transformer_ask(l->t, "the tensors do not tell the number of heads: say --set n_heads=N")) != STATUS_OK)
            return s;
    }
    *groups = *groups ? *groups : *H;
    shares = packed ? *H + 2 * *groups : *H;
    if (x->rank == 2 && (width % shares || (*dh && width != *dh * shares)))
        return FAIL(l, "tensor '%s' has %zu outputs, which %zu heads%s do not divide%s", FILE_OF(l), x->name, width, *H, packed ? " of queries, keys and values" : "",
                    *dh ? " into heads of width d_head" : "");
    *dh = x->rank == 3 ? *dh : width / shares;
    return STATUS_OK;
}

static enum status add_packed(struct layout *l, size_t k)
{
    const struct tensor *x = found(l, k, PART_QKV, false), *b = found(l, k, PART_QKV, true);
    size_t H, G, dh;
    const char *word, *how;
    bool by_head = strstr(x->name, "query_key_value") != NULL;
    enum status s = head_sizes(l, k, x, true, &H, &G, &dh);

    if (s != STATUS_OK || (s = stated_layout(l, &word, &how, "qkv_order")) != STATUS_OK)
        return s;
    if (x->rank != 2)
        return shape_fails(l, x, "a matrix");
    if (word && strcmp(word, "by_head") != 0 && strcmp(word, "together") != 0)
        return transformer_unknown_word(l->t, "qkv_order", word, how, "together or by_head");
    by_head = word ? strcmp(word, "by_head") == 0 : by_head;
    if (by_head && G != H)
        return FAIL(l, "tensor '%s': qkv_order is by_head, which needs as many keys and values as queries", FILE_OF(l), x->name);
    if (k == 0 && (s = model_add_fact(l->t->model, "qkv_order", by_head ? "by_head" : "together", word ? how : by_head
            ? "assumed by the name (override with --set qkv_order=together)" : "assumed: all queries, all keys, all values (override with --set qkv_order=by_head)")) != STATUS_OK)
        return s;
    if ((s = add_heads(l, k, "attn.W_Q", "attn.b_Q", x, b, (struct cut_out){ H, dh, by_head ? 3 * dh : dh, 0 })) != STATUS_OK)
        return s;
    s = add_heads(l, k, G < H ? "attn._W_K" : "attn.W_K", G < H ? "attn._b_K" : "attn.b_K", x, b, (struct cut_out){ G, dh, by_head ? 3 * dh : dh, by_head ? dh : H * dh });
    if (s != STATUS_OK)
        return s;
    return add_heads(l, k, G < H ? "attn._W_V" : "attn.W_V", G < H ? "attn._b_V" : "attn.b_V", x, b,
                     (struct cut_out){ G, dh, by_head ? 3 * dh : dh, by_head ? 2 * dh : (H + G) * dh });
}

/* Keys or values of a layer whose queries have H heads; values may be of another width than keys. */
static enum status add_keys(struct layout *l, size_t k, enum part p, size_t H, size_t dh, size_t *groups)
{
    const struct tensor *x = found(l, k, p, false), *b = found(l, k, p, true);
    const char *W = part_table[p].canonical, *bias = part_table[p].bias;
    struct name grouped_W, grouped_b;
    size_t width, G;

    if (!x)
        return FAIL(l, "layer %zu has queries, but no tensor that is known as %s", FILE_OF(l), k, W);
    width = x->shape[out_axis(l, x)];
    G = x->rank == 3 ? x->shape[0] : *groups ? *groups : dh && width % dh == 0 ? width / dh : H;
    if (G == 0 || H % G || (x->rank == 2 && width % G))
        return FAIL(l, "tensor '%s' has %zu outputs, which do not make groups of %zu heads of width %zu", FILE_OF(l), x->name, width, H, dh);
    *groups = G;
    (void)snprintf(grouped_W.s, sizeof grouped_W.s, "attn._%s", W + 5);
    (void)snprintf(grouped_b.s, sizeof grouped_b.s, "attn._%s", bias + 5);
    width = x->rank == 3 ? width : width / G;
    return add_heads(l, k, G < H ? grouped_W.s : W, G < H ? grouped_b.s : bias, x, b, (struct cut_out){ G, width, width, 0 });
}

static enum status add_W_O(struct layout *l, size_t k, size_t H)
{
    const struct tensor *x = found(l, k, PART_W_O, false);
    size_t in, out;

    if (!x)
        return FAIL(l, "layer %zu has queries, but no tensor that is known as attn.W_O", FILE_OF(l), k);
    in = in_axis(l, x);
    out = out_axis(l, x);
    if (x->rank == 3)
        return transformer_add_view(l->t, in_block(k, "attn.W_O").s, x, 0, 0, (struct axis[]){ { 0, x->shape[0], 1 }, { in, x->shape[in], 1 }, { out, x->shape[out], 1 } }, 3);
    if (H == 0 || x->shape[in] % H)
        return FAIL(l, "tensor '%s' has %zu inputs, which %zu heads do not divide", FILE_OF(l), x->name, x->shape[in], H);
    return transformer_add_view(l->t, in_block(k, "attn.W_O").s, x, 0, 0,
                                (struct axis[]){ { in, H, x->shape[in] / H }, { in, x->shape[in] / H, 1 }, { out, x->shape[out], 1 } }, 3);
}

static enum status add_attention(struct layout *l, size_t k)
{
    static const enum part second[] = { PART_W_K1, PART_W_Q2, PART_W_K2 };
    bool bilinear = found(l, k, PART_W_Q1, false) != NULL;
    enum part p = bilinear ? PART_W_Q1 : PART_W_Q;
    const struct tensor *q = found(l, k, p, false), *packed = found(l, k, PART_QKV, false);
    size_t H = 1, G = 0, dh = 0;
    enum status s;

    if (!q && !packed)
        return FAIL(l, "layer %zu has no tensor that is known as attn.W_Q", FILE_OF(l), k);
    if ((s = head_sizes(l, k, q ? q : packed, !q, &H, &G, &dh)) != STATUS_OK)
        return s;
    if (!q)
        s = add_packed(l, k);
    else
        s = add_heads(l, k, part_table[p].canonical, part_table[p].bias, q, found(l, k, p, true), (struct cut_out){ H, dh, dh, 0 });
    G = 0;
    for (size_t i = 0; bilinear && i < 3 && s == STATUS_OK; i++) {
        s = add_keys(l, k, second[i], H, dh, &G);
        G = s == STATUS_OK && G != H ? 0 : G;
    }
    if (s == STATUS_OK && q && !bilinear)
        s = add_keys(l, k, PART_W_K, H, dh, &G);
    if (s == STATUS_OK && q)
        s = add_keys(l, k, PART_W_V, H, dh, &G);
    if (s == STATUS_OK)
        s = add_W_O(l, k, H);
    return s == STATUS_OK ? add_plain(l, in_block(k, "attn.b_O").s, found(l, k, PART_W_O, true), 0, 0) : s;
}

/* One half of a matrix that holds the gate first, then what it multiplies. */
static enum status add_half(struct layout *l, size_t k, const char *W, const char *b, bool second)
{
    const struct tensor *x = found(l, k, PART_GATE_UP, false), *bias = found(l, k, PART_GATE_UP, true);
    size_t in = in_axis(l, x), out = out_axis(l, x), m = x->shape[out] / 2;
    enum status s;

    if (x->rank != 2 || x->shape[out] % 2)
        return shape_fails(l, x, "a matrix with an even number of outputs, the gate's and the others,");
    s = transformer_add_view(l->t, in_block(k, W).s, x, out, second ? m : 0, (struct axis[]){ { in, x->shape[in], 1 }, { out, m, 1 } }, 2);
    if (s != STATUS_OK || !bias)
        return s;
    if (bias->rank != 1 || bias->shape[0] != 2 * m)
        return shape_fails(l, bias, "one entry for each output of its matrix");
    return transformer_add_view(l->t, in_block(k, b).s, bias, 0, second ? m : 0, &(struct axis){ 0, m, 1 }, 1);
}

static enum status add_mlp(struct layout *l, size_t k)
{
    static const enum part parts[] = { PART_W_IN, PART_W_OUT, PART_W_GATE };
    enum status s = STATUS_OK;

    for (size_t i = 0; s == STATUS_OK && i < 3; i++) {
        const struct tensor *x = found(l, k, parts[i], false), *b = found(l, k, parts[i], true);
        if (x && x->rank != 2)
            return shape_fails(l, x, "a matrix");
        s = add_plain(l, in_block(k, part_table[parts[i]].canonical).s, x, l->in, l->out);
        if (s == STATUS_OK)
            s = add_plain(l, in_block(k, part_table[parts[i]].bias).s, b, 0, 0);
    }
    if (s != STATUS_OK || !found(l, k, PART_GATE_UP, false))
        return s;
    if (found(l, k, PART_W_IN, false) || found(l, k, PART_W_GATE, false))
        return FAIL(l, "layer %zu has tensor '%s' beside a gate of its own", FILE_OF(l), k, found(l, k, PART_GATE_UP, false)->name);
    s = add_half(l, k, "mlp.W_gate", "mlp.b_gate", false);
    return s == STATUS_OK ? add_half(l, k, "mlp.W_in", "mlp.b_in", true) : s;
}

static enum status add_norm(struct layout *l, const char *prefix, size_t layer, enum part p)
{
    enum status s = STATUS_OK;

    for (int bias = 0; bias < 2 && s == STATUS_OK; bias++) {
        struct name n;
        const struct tensor *x = found(l, layer, p, bias);
        (void)snprintf(n.s, sizeof n.s, "%s%s", prefix, bias ? part_table[p].bias : part_table[p].canonical);
        if (x && x->rank != 1)
            return shape_fails(l, x, "a vector of d_model entries");
        s = add_plain(l, n.s, x, 0, 0);
    }
    return s;
}

static enum status add_positions(struct layout *l)
{
    const struct tensor *x = at_top(l, PART_W_POS);

    if (!x)
        return STATUS_OK;
    if (x->rank == 3 && x->shape[2] == l->d && (x->shape[0] == 1 || x->shape[1] == 1))
        return add_plain(l, "pos_embed.W_pos", x, x->shape[0] == 1 ? 1 : 0, 2);
    return x->rank == 2 ? add_plain(l, "pos_embed.W_pos", x, 0, 1) : shape_fails(l, x, "[n_ctx, d_model]");
}

/* [d_vocab_out, d_model] of nn.Linear, or [d_model, d_vocab_out]; without a head, the embedding turned round. */
static enum status add_unembedding(struct layout *l)
{
    const struct tensor *x = at_top(l, PART_W_U), *W_E = at_top(l, PART_W_E);
    const char *word, *how;
    int tied;
    enum status s = config_bool(&tied, &how, l->t->config, "tie_word_embeddings", l->t->d);

    if (s != STATUS_OK)
        return s;
    if (!x && tied == 0)
        return FAIL(l, "tie_word_embeddings is false (%s), but there is no tensor that is known as unembed.W_U (names like lm_head, head, unembed are known)", FILE_OF(l), how);
    if (!x) {
        s = model_add_fact(l->t->model, "unembed.W_U", "tied", tied == 1 ? how : "assumed to be embed.W_E transposed, as there is no tensor of a head");
        return s == STATUS_OK ? add_plain(l, "unembed.W_U", W_E, W_E->shape[1] == l->d ? 1 : 0, W_E->shape[1] == l->d ? 0 : 1) : s;
    }
    if (x->rank != 2 || (x->shape[0] != l->d && x->shape[1] != l->d))
        return shape_fails(l, x, "[d_vocab_out, d_model] or [d_model, d_vocab_out]");
    if ((s = stated_layout(l, &word, &how, "head_layout")) != STATUS_OK)
        return s;
    if (word && strcmp(word, "in_out") != 0 && strcmp(word, "out_in") != 0)
        return transformer_unknown_word(l->t, "head_layout", word, how, "in_out or out_in");
    if (x->shape[0] == x->shape[1] && !word &&
        (s = transformer_ask(l->t, "the matrix of the head is square, so its shape does not tell which way round it is: say --set head_layout=out_in (nn.Linear) or in_out")) != STATUS_OK)
        return s;
    bool out_in = x->shape[0] == x->shape[1] ? word && strcmp(word, "out_in") == 0 : x->shape[1] == l->d;
    if (x->shape[0] != x->shape[1] && word && (strcmp(word, "out_in") == 0) != out_in)
        return FAIL(l, "head_layout is %s (%s), but tensor '%s' has its %s first", FILE_OF(l), word, how, x->name, out_in ? "outputs" : "inputs");
    s = add_plain(l, "unembed.W_U", x, out_in ? 1 : 0, out_in ? 0 : 1);
    return s == STATUS_OK ? add_plain(l, "unembed.b_U", found(l, l->t->n_layers, PART_W_U, true), 0, 0) : s;
}

/* nn.Embedding is [d_vocab, d_model]; a map of real inputs lies as the other matrices do. */
static enum status add_embedding(struct layout *l)
{
    const struct tensor *x = at_top(l, PART_W_E);
    bool turned = l->t->width_in ? x->shape[0] == x->shape[1] ? l->in == 1 : x->shape[0] == l->d : x->shape[1] != l->d;
    enum status s = add_plain(l, "embed.W_E", x, turned ? 1 : 0, turned ? 0 : 1);

    return s == STATUS_OK ? add_plain(l, "embed.b_E", found(l, l->t->n_layers, PART_W_E, true), 0, 0) : s;
}

/* Which tensor became what. */
static enum status tell(struct layout *l)
{
    enum status s = STATUS_OK;

    for (size_t i = 0; i < l->t->n_views && s == STATUS_OK; i++) {
        const struct canonical *v = &l->t->views[i];
        struct text how = { 0 };
        text_add(&how, "by its name; its shape is ");
        shape_add(&how, v->from->shape, v->from->rank);
        s = how.failed ? STATUS_MEMORY : model_add_fact(l->t->model, v->t.name, v->from->name, how.data);
        text_clear(&how);
    }
    return s;
}

enum status transformer_layout(struct transformer *t)
{
    struct layout l = { .t = t };
    enum status s = count_layers(&l);

    if (s != STATUS_OK || (s = collect(&l)) != STATUS_OK || (s = find_width(&l)) != STATUS_OK || (s = find_orientation(&l)) != STATUS_OK ||
        (s = add_embedding(&l)) != STATUS_OK || (s = add_positions(&l)) != STATUS_OK)
        goto done;
    for (size_t k = 0; k < t->n_layers; k++) {
        struct name block = in_block(k, "");
        if ((s = add_attention(&l, k)) != STATUS_OK || (s = add_mlp(&l, k)) != STATUS_OK || (s = add_norm(&l, block.s, k, PART_LN1)) != STATUS_OK ||
            (s = add_norm(&l, block.s, k, PART_LN2)) != STATUS_OK)
            goto done;
    }
    if ((s = add_norm(&l, "", t->n_layers, PART_LN_F)) == STATUS_OK && (s = add_unembedding(&l)) == STATUS_OK)
        s = tell(&l);
done:
    free(l.found);
    return s;
}
