/* Sizes of a transformer from its tensors, held against the configuration. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/layout.h"
#include "models/transformer.h"

/* blocks.LAYER.SUFFIX */
struct block_name { char s[80]; };
static struct block_name in_block(size_t layer, const char *suffix)
{
    struct block_name name;

    (void)snprintf(name.s, sizeof name.s, "blocks.%zu.%s", layer, suffix);
    return name;
}

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }

enum status transformer_needs(struct transformer *t, const char *name, bool optional, size_t rank, const size_t *shape, const char *meaning)
{
    const struct tensor *x = transformer_tensor(t, name);
    struct text found = { 0 }, needed = { 0 };
    enum status s;

    if (!x && optional)
        return STATUS_OK;
    if (!x)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' is missing", file_of(t), name);
    transformer_use(t, x);
    if (x->rank == rank && memcmp(x->shape, shape, rank * sizeof *shape) == 0)
        return STATUS_OK;
    shape_add(&found, x->shape, x->rank);
    shape_add(&needed, shape, rank);
    s = found.failed || needed.failed
            ? STATUS_MEMORY
            : diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s'%s%s has shape %s, %s is needed (%s)", file_of(t), transformer_shown(t, x),
                        t->foreign ? " as " : "", t->foreign ? name : "", found.data, needed.data, meaning);
    text_clear(&found);
    text_clear(&needed);
    return s;
}

/* A tensor whose sizes are the information: right rank, nothing empty. */
static enum status tells(struct transformer *t, const struct tensor **out, const char *name, size_t rank)
{
    const struct tensor *x = transformer_tensor(t, name);

    if (!x)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' is missing", file_of(t), name);
    if (x->rank != rank)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has rank %zu, rank %zu is needed", file_of(t), transformer_shown(t, x), x->rank, rank);
    for (size_t i = 0; i < rank; i++)
        if (x->shape[i] == 0 || x->shape[i] > 2147483647)
            return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has a dimension of size %zu", file_of(t), transformer_shown(t, x), x->shape[i]);
    *out = x;
    return STATUS_OK;
}

/* A size that the tensors tell: an error if the configuration says otherwise, else a fact. */
static enum status agree(struct transformer *t, const char *key, size_t layer, size_t value, const char *tensor)
{
    const char *how;
    long stated;
    enum status s = config_int(&stated, &how, t->config, key, layer, t->n_layers, t->d);

    if (s == STATUS_OK && stated >= 0 && (size_t)stated != value)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s is %ld (%s), but %zu by the shape of '%s'", file_of(t), key, stated, how, value, tensor);
    return s;
}

static enum status size_fact(struct transformer *t, const char *key, size_t value, const char *tensor)
{
    struct text number = { 0 }, how = { 0 };
    const char *read_from;
    long stated;
    enum status s = config_int(&stated, &read_from, t->config, key, 0, 0, t->d);

    if (s != STATUS_OK)
        return s;
    text_addf(&number, "%zu", value);
    if (stated >= 0)
        text_add(&how, read_from);
    else
        text_addf(&how, "inferred from the shape of %s", tensor);
    s = number.failed || how.failed ? STATUS_MEMORY : model_add_fact(t->model, key, number.data, how.data);
    text_clear(&number);
    text_clear(&how);
    return s;
}

/* [d_model, d_vocab], as configuration or position table show. */
static bool is_transposed(const struct transformer *t, const struct tensor *W_E, long d_vocab, long d_model)
{
    const struct tensor *W_pos = transformer_tensor(t, "pos_embed.W_pos"), *W_U = transformer_tensor(t, "unembed.W_U");

    if (W_E->shape[0] == W_E->shape[1])
        return false;
    if (d_vocab >= 0 && d_model >= 0)
        return d_vocab == (long)W_E->shape[1] && d_model == (long)W_E->shape[0];
    return W_pos && W_U && W_pos->rank == 2 && W_U->rank == 2 && W_pos->shape[1] == W_E->shape[0] && W_U->shape[0] == W_E->shape[0];
}

/* Sides of the embedding: [d_vocab, d_model], for real inputs [width, d_model]. */
static enum status infer_inputs(struct transformer *t, const struct tensor *W_E)
{
    bool reals = t->width_in > 0;
    enum status s;

    t->d_model = W_E->shape[1];
    *(reals ? &t->width_in : &t->d_vocab) = W_E->shape[0];
    transformer_use(t, W_E);
    if ((s = agree(t, reals ? "d_in" : "d_vocab", 0, W_E->shape[0], "embed.W_E")) != STATUS_OK || (s = agree(t, "d_model", 0, t->d_model, "embed.W_E")) != STATUS_OK ||
        (reals && (s = transformer_needs(t, "embed.b_E", true, 1, &t->d_model, "d_model")) != STATUS_OK) ||
        (s = size_fact(t, reals ? "d_in" : "d_vocab", W_E->shape[0], "embed.W_E")) != STATUS_OK)
        return s;
    return size_fact(t, "d_model", t->d_model, "embed.W_E");
}

static enum status infer_embedding(struct transformer *t)
{
    const struct tensor *W_E, *W_U;
    enum status s = tells(t, &W_E, "embed.W_E", 2);
    const char *how;
    long d_vocab, d_model;

    if (s != STATUS_OK || (s = config_int(&d_vocab, &how, t->config, "d_vocab", 0, 0, t->d)) != STATUS_OK ||
        (s = config_int(&d_model, &how, t->config, "d_model", 0, 0, t->d)) != STATUS_OK)
        return s;
    if (is_transposed(t, W_E, d_vocab, d_model))
        return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': 'embed.W_E' is [%zu, %zu], transposed, while the other tensors are not", file_of(t),
                         W_E->shape[0], W_E->shape[1]);
    if ((s = infer_inputs(t, W_E)) != STATUS_OK || (s = tells(t, &W_U, "unembed.W_U", 2)) != STATUS_OK)
        return s;
    t->d_vocab_out = W_U->shape[1];
    if ((s = transformer_needs(t, "unembed.W_U", false, 2, (size_t[]){ t->d_model, t->d_vocab_out }, "d_model, d_vocab_out")) != STATUS_OK ||
        (s = transformer_needs(t, "unembed.b_U", true, 1, &t->d_vocab_out, "d_vocab_out")) != STATUS_OK ||
        (s = agree(t, "d_vocab_out", 0, t->d_vocab_out, "unembed.W_U")) != STATUS_OK)
        return s;
    return size_fact(t, "d_vocab_out", t->d_vocab_out, "unembed.W_U");
}

static enum status infer_context(struct transformer *t)
{
    const struct tensor *W_pos = NULL, *table = transformer_tensor(t, "blocks.0.attn.rotary_sin");
    const char *how;
    long n_ctx;
    enum status s = config_int(&n_ctx, &how, t->config, "n_ctx", 0, 0, t->d);

    t->has_W_pos = transformer_tensor(t, "pos_embed.W_pos") != NULL;
    if (s == STATUS_OK && t->has_W_pos)
        s = tells(t, &W_pos, "pos_embed.W_pos", 2);
    if (s != STATUS_OK)
        return s;
    t->n_ctx = 1; /* an answer will be asked for */
    if (!W_pos && n_ctx < 0 && table && table->rank == 2 && table->shape[0]) {
        t->n_ctx = table->shape[0];
        return size_fact(t, "n_ctx", t->n_ctx, "blocks.0.attn.rotary_sin");
    }
    if (!W_pos && n_ctx < 0)
        return transformer_ask(t, "the length of sequences is not known without 'pos_embed.W_pos': say --set n_ctx=N");
    if (n_ctx == 0)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': n_ctx is 0 (%s), at least 1 is needed", file_of(t), how);
    t->n_ctx = n_ctx < 0 ? W_pos->shape[0] : (size_t)n_ctx;
    if (W_pos && t->n_ctx != W_pos->shape[0] && (t->n_ctx > W_pos->shape[0] || strcmp(how, "given by --set") != 0))
        return agree(t, "n_ctx", 0, W_pos->shape[0], "pos_embed.W_pos");
    if (W_pos && (s = transformer_needs(t, "pos_embed.W_pos", false, 2, (size_t[]){ W_pos->shape[0], t->d_model }, "n_ctx, d_model")) != STATUS_OK)
        return s;
    return size_fact(t, "n_ctx", t->n_ctx, "pos_embed.W_pos");
}

/* The first of two tensors whose axis `axis` has d_model entries, so that its other axes may be believed; the first, if neither has. */
static enum status believable(struct transformer *t, const struct tensor **out, const char *first, const char *second, size_t rank, size_t axis, size_t other_axis)
{
    const struct tensor *x, *y;
    enum status s;

    if ((s = tells(t, &x, first, rank)) != STATUS_OK || (s = tells(t, &y, second, rank)) != STATUS_OK)
        return s;
    *out = x->shape[axis] != t->d_model && y->shape[other_axis] == t->d_model ? y : x;
    return STATUS_OK;
}

/* Keys and values: as many heads as there are queries, or fewer, in groups (attn._W_K, attn._W_V). */
static enum status infer_keys(struct transformer *t, size_t l, const struct tensor *q)
{
    bool grouped = transformer_tensor(t, in_block(l, "attn._W_K").s) != NULL;
    struct block_name W_K = in_block(l, grouped ? "attn._W_K" : "attn.W_K"), W_V = in_block(l, grouped ? "attn._W_V" : "attn.W_V"), W_O = in_block(l, "attn.W_O");
    struct layer *layer = &t->layers[l];
    const struct tensor *v, *k = transformer_tensor(t, W_K.s);
    size_t H = layer->heads, G, dh = layer->d_head, dv, d = t->d_model;
    const char *how;
    long groups;
    enum status s;

    if ((s = believable(t, &v, W_V.s, W_O.s, 3, 1, 2)) != STATUS_OK)
        return s;
    dv = layer->d_value = strcmp(v->name, W_O.s) == 0 ? v->shape[1] : v->shape[2];
    G = layer->groups = grouped && k && k->rank == 3 ? k->shape[0] : H;
    if (G == 0 || H % G)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %zu heads of queries do not divide into %zu of keys ('%s')", file_of(t), H, G, transformer_shown(t, k));
    if ((s = config_int(&groups, &how, t->config, "n_key_value_heads", l, t->n_layers, t->d)) != STATUS_OK)
        return s;
    if (groups >= 0 && (size_t)groups != G)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': n_key_value_heads is %ld (%s), but %zu by the shape of '%s'", file_of(t), groups, how, G,
                         transformer_shown(t, k ? k : q));
    if ((s = agree(t, "n_heads", l, H, q->name)) != STATUS_OK || (s = agree(t, "d_head", l, dh, q->name)) != STATUS_OK ||
        (s = agree(t, "d_head", l, dv, v->name)) != STATUS_OK ||
        (s = transformer_needs(t, W_K.s, false, 3, (size_t[]){ G, d, dh }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = transformer_needs(t, W_V.s, false, 3, (size_t[]){ G, d, dv }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = transformer_needs(t, W_O.s, false, 3, (size_t[]){ H, dv, d }, "n_heads, d_head, d_model")) != STATUS_OK ||
        (s = transformer_needs(t, in_block(l, grouped ? "attn._b_K" : "attn.b_K").s, true, 2, (size_t[]){ G, dh }, "n_heads, d_head")) != STATUS_OK)
        return s;
    return transformer_needs(t, in_block(l, grouped ? "attn._b_V" : "attn.b_V").s, true, 2, (size_t[]){ G, dv }, "n_heads, d_head");
}

/* Bilinear attention has two pairs of queries and keys. */
static enum status infer_bilinear(struct transformer *t, size_t l, const struct tensor *q)
{
    static const char *const pairs[][2] = { { "attn.W_Q1", "attn.b_Q1" }, { "attn.W_K1", "attn.b_K1" }, { "attn.W_Q2", "attn.b_Q2" }, { "attn.W_K2", "attn.b_K2" } };
    struct layer *layer = &t->layers[l];
    size_t H = layer->heads, dh = layer->d_head, d = t->d_model;
    const struct tensor *v;
    enum status s = tells(t, &v, in_block(l, "attn.W_V").s, 3);

    if (s != STATUS_OK || (s = agree(t, "n_heads", l, H, q->name)) != STATUS_OK || (s = agree(t, "d_head", l, dh, q->name)) != STATUS_OK)
        return s;
    layer->groups = H;
    layer->d_value = v->shape[2];
    for (size_t i = 0; i < 4; i++)
        if ((s = transformer_needs(t, in_block(l, pairs[i][0]).s, false, 3, (size_t[]){ H, d, dh }, "n_heads, d_model, d_head")) != STATUS_OK ||
            (s = transformer_needs(t, in_block(l, pairs[i][1]).s, true, 2, (size_t[]){ H, dh }, "n_heads, d_head")) != STATUS_OK)
            return s;
    if ((s = transformer_needs(t, in_block(l, "attn.W_V").s, false, 3, (size_t[]){ H, d, layer->d_value }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = transformer_needs(t, in_block(l, "attn.b_V").s, true, 2, (size_t[]){ H, layer->d_value }, "n_heads, d_head")) != STATUS_OK)
        return s;
    return transformer_needs(t, in_block(l, "attn.W_O").s, false, 3, (size_t[]){ H, layer->d_value, d }, "n_heads, d_head, d_model");
}

static enum status infer_attention(struct transformer *t, size_t l)
{
    bool bilinear = transformer_tensor(t, in_block(l, "attn.W_Q1").s) != NULL, grouped = transformer_tensor(t, in_block(l, "attn._W_K").s) != NULL;
    struct block_name W_Q = in_block(l, bilinear ? "attn.W_Q1" : "attn.W_Q"), W_K = in_block(l, bilinear ? "attn.W_K1" : grouped ? "attn._W_K" : "attn.W_K");
    struct layer *layer = &t->layers[l];
    const struct tensor *q;
    size_t d = t->d_model;
    enum status s = believable(t, &q, W_Q.s, W_K.s, 3, 1, 1);

    if (s != STATUS_OK)
        return s;
    if (l && bilinear != t->bilinear_attention)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': some layers have bilinear attention, others have not ('%s')", file_of(t), q->name);
    t->bilinear_attention = bilinear;
    layer->heads = grouped ? transformer_tensor(t, W_Q.s)->shape[0] : q->shape[0];
    layer->d_head = q->shape[2];
    if (!bilinear && ((s = transformer_needs(t, W_Q.s, false, 3, (size_t[]){ layer->heads, d, layer->d_head }, "n_heads, d_model, d_head")) != STATUS_OK ||
                      (s = transformer_needs(t, in_block(l, "attn.b_Q").s, true, 2, (size_t[]){ layer->heads, layer->d_head }, "n_heads, d_head")) != STATUS_OK))
        return s;
    if ((s = bilinear ? infer_bilinear(t, l, q) : infer_keys(t, l, q)) != STATUS_OK)
        return s;
    return transformer_needs(t, in_block(l, "attn.b_O").s, true, 1, &d, "d_model");
}

static enum status infer_gate(struct transformer *t, size_t l, size_t m)
{
    const struct tensor *W_gate = transformer_tensor(t, in_block(l, "mlp.W_gate").s);
    const char *how;
    int stated;
    enum status s = config_bool(&stated, &how, t->config, "gated_mlp", t->d);

    t->layers[l].gated = W_gate != NULL;
    if (s == STATUS_OK && stated >= 0 && (stated == 1) != (W_gate != NULL))
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': gated_mlp is %s (%s), but %s tensor '%s'", file_of(t), stated ? "true" : "false", how,
                         W_gate ? "there is a" : "there is no", in_block(l, "mlp.W_gate").s);
    if (s != STATUS_OK || !W_gate)
        return s;
    if ((s = transformer_needs(t, W_gate->name, false, 2, (size_t[]){ t->d_model, m }, "d_model, d_mlp")) != STATUS_OK)
        return s;
    return transformer_needs(t, in_block(l, "mlp.b_gate").s, true, 1, &m, "d_mlp");
}

static enum status infer_mlp(struct transformer *t, size_t l)
{
    struct block_name W_in = in_block(l, "mlp.W_in"), W_out = in_block(l, "mlp.W_out");
    const struct tensor *from;
    enum status s = believable(t, &from, W_in.s, W_out.s, 2, 0, 1);
    size_t m, d = t->d_model;

    if (s != STATUS_OK)
        return s;
    m = t->layers[l].d_mlp = strcmp(from->name, W_out.s) == 0 ? from->shape[0] : from->shape[1];
    if ((s = agree(t, "d_mlp", l, m, from->name)) != STATUS_OK || (s = transformer_needs(t, W_in.s, false, 2, (size_t[]){ d, m }, "d_model, d_mlp")) != STATUS_OK ||
        (s = transformer_needs(t, in_block(l, "mlp.b_in").s, true, 1, &m, "d_mlp")) != STATUS_OK || (s = infer_gate(t, l, m)) != STATUS_OK ||
        (s = transformer_needs(t, W_out.s, false, 2, (size_t[]){ m, d }, "d_mlp, d_model")) != STATUS_OK)
        return s;
    return transformer_needs(t, in_block(l, "mlp.b_out").s, true, 1, &d, "d_model");
}

static enum status infer_layers(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    const char *how;
    char number[24];
    long last = -1, stated;
    enum status s;

    for (size_t i = 0; i < t->n_views; i++)
        if (block_number(t->views[i].t.name) > last)
            last = block_number(t->views[i].t.name);
    if (last < 0)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': there is no block (tensor 'blocks.0.attn.W_Q' is missing)", file_of(t));
    /* every block has tensors, so their number is bounded by the file's before memory is taken */
    if ((size_t)last >= c->n)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensors of block %ld, but blocks before it are missing", file_of(t), last);
    t->n_layers = (size_t)last + 1;
    if ((s = config_int(&stated, &how, t->config, "n_layers", 0, 0, t->d)) != STATUS_OK)
        return s;
    if (stated >= 0 && (size_t)stated != t->n_layers)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': n_layers is %ld (%s), but the last tensors are those of block %ld", file_of(t), stated, how, last);
    (void)snprintf(number, sizeof number, "%zu", t->n_layers);
    if ((s = model_add_fact(t->model, "n_layers", number, stated >= 0 ? how : "inferred from the names of the tensors")) != STATUS_OK)
        return s;
    t->layers = mem_array(t->n_layers, sizeof *t->layers);
    if (!t->layers)
        return STATUS_MEMORY;
    for (size_t l = 0; l < t->n_layers; l++)
        if ((s = infer_attention(t, l)) != STATUS_OK)
            return s;
    return STATUS_OK;
}

/* attn_only says whether there are MLPs; without it, the first block does. */
static enum status infer_mlps(struct transformer *t)
{
    const char *how;
    int attn_only;
    enum status s = config_bool(&attn_only, &how, t->config, "attn_only", t->d);
    bool mlp = transformer_tensor(t, "blocks.0.mlp.W_in") != NULL;

    if (s != STATUS_OK)
        return s;
    if (attn_only == 1 && mlp)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': attn_only is true (%s), but there is a tensor '%s'", file_of(t), how,
                         transformer_shown(t, transformer_tensor(t, "blocks.0.mlp.W_in")));
    if (attn_only == 0 && !mlp)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': attn_only is false (%s), but tensor 'blocks.0.mlp.W_in' is missing", file_of(t), how);
    if (!mlp && (s = infer_gate(t, 0, 0)) != STATUS_OK)
        return s;
    for (size_t l = 0; mlp && l < t->n_layers; l++)
        if ((s = infer_mlp(t, l)) != STATUS_OK)
            return s;
    return model_add_fact(t->model, "attn_only", mlp ? "false" : "true", attn_only >= 0 ? how : "inferred from the names of the tensors");
}

/* One fact about a size of every layer: a number, or a list when layers differ. */
static enum status layer_fact(struct transformer *t, const char *key, size_t offset, const char *suffix)
{
    const char *how;
    const cJSON *stated = config_find(t->config, key, &how);
    struct text value = { 0 }, from = { 0 };
    bool same = true;
    enum status s;

#define SIZE(l) (*(const size_t *)(const void *)((const char *)&t->layers[l] + offset))
    for (size_t l = 1; l < t->n_layers; l++)
        same &= SIZE(l) == SIZE(0);
    for (size_t l = 0; l < (same ? 1 : t->n_layers); l++)
        text_addf(&value, "%s%zu", same ? "" : l ? ", " : "[", SIZE(l));
#undef SIZE
    text_add(&value, same ? "" : "]");
    if (stated && !cJSON_IsNull(stated) && !(cJSON_IsNumber(stated) && stated->valuedouble < 0))
        text_add(&from, how);
    else
        text_addf(&from, "inferred from the shape of %s", in_block(0, suffix).s);
    s = value.failed || from.failed ? STATUS_MEMORY : model_add_fact(t->model, key, value.data, from.data);
    text_clear(&value);
    text_clear(&from);
    return s;
}

/* One bias that the file does not have. */
static enum status absent_bias(struct transformer *t, const char *name)
{
    return transformer_tensor(t, name) ? STATUS_OK : model_add_fact(t->model, name, "0", "assumed, as the tensor is absent");
}

static bool is_bias(const char *name)
{
    const char *last = strrchr(name, '.');

    return last && strncmp(last, ".b_", 3) == 0;
}

/* A model without any bias is one kind of model; one with some of them may have lost the others. */
static enum status infer_biases(struct transformer *t)
{
    static const char *const names[] = { "attn.b_Q", "attn.b_K", "attn.b_V", "attn.b_O", "mlp.b_in", "mlp.b_out" };
    enum status s = STATUS_OK;
    bool some = false;

    for (size_t i = 0; i < t->n_views; i++)
        some |= is_bias(t->views[i].t.name);
    for (size_t l = 0; some && l < t->n_layers; l++)
        for (size_t i = 0; s == STATUS_OK && i < (t->layers[l].d_mlp ? 6 : 4); i++)
            if (!(t->bilinear_attention && i < 2) && !(t->layers[l].groups < t->layers[l].heads && (i == 1 || i == 2)))
                s = absent_bias(t, in_block(l, names[i]).s);
    return s == STATUS_OK && some ? absent_bias(t, "unembed.b_U") : s;
}

/* Tokens, unless the configuration or the family says that the inputs are vectors of real numbers. */
static enum status infer_input_type(struct transformer *t)
{
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "input_type", t->d);

    if (s != STATUS_OK || !word)
        return s;
    if (strcmp(word, "tokens") != 0 && strcmp(word, "reals") != 0)
        return transformer_unknown_word(t, "input_type", word, how, "tokens or reals");
    t->width_in = strcmp(word, "reals") == 0; /* the width itself is read from embed.W_E */
    return model_add_fact(t->model, "input_type", word, how);
}

enum status transformer_infer(struct transformer *t)
{
    enum status s;

    if ((s = transformer_switches(t)) != STATUS_OK || (s = infer_input_type(t)) != STATUS_OK || (s = transformer_views(t)) != STATUS_OK || (s = infer_embedding(t)) != STATUS_OK || (s = infer_context(t)) != STATUS_OK || (s = infer_layers(t)) != STATUS_OK ||
        (s = infer_mlps(t)) != STATUS_OK || (s = layer_fact(t, "n_heads", offsetof(struct layer, heads), t->bilinear_attention ? "attn.W_Q1" : "attn.W_Q")) != STATUS_OK ||
        (s = layer_fact(t, "d_head", offsetof(struct layer, d_head), t->bilinear_attention ? "attn.W_Q1" : "attn.W_Q")) != STATUS_OK)
        return s;
    if (t->layers[0].groups < t->layers[0].heads && (s = layer_fact(t, "n_key_value_heads", offsetof(struct layer, groups), "attn._W_K")) != STATUS_OK)
        return s;
    if (t->layers[0].d_mlp && (s = layer_fact(t, "d_mlp", offsetof(struct layer, d_mlp), "mlp.W_in")) != STATUS_OK)
        return s;
    return (s = transformer_settings(t)) != STATUS_OK ? s : infer_biases(t);
}
