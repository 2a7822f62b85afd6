/* Sizes of a transformer from its tensors, held against the configuration. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/transformer.h"

const struct tensor *transformer_tensor(const struct transformer *t, const char *name)
{
    long i = names_find(&t->index, name, strlen(name));

    return i < 0 ? NULL : &t->model->checkpoint.tensors[i];
}

/* blocks.LAYER.SUFFIX */
struct block_name { char s[80]; };
static struct block_name in_block(size_t layer, const char *suffix)
{
    struct block_name name;

    (void)snprintf(name.s, sizeof name.s, "blocks.%zu.%s", layer, suffix);
    return name;
}

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }

/* A tensor of the given shape; NULL tensor allowed if optional. Marks it as used. */
static enum status needs(struct transformer *t, const char *name, bool optional, size_t rank, const size_t *shape, const char *meaning)
{
    const struct tensor *x = transformer_tensor(t, name);
    struct text found = { 0 }, needed = { 0 };
    enum status s;

    if (!x && optional)
        return STATUS_OK;
    if (!x)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' is missing", file_of(t), name);
    t->used[x - t->model->checkpoint.tensors] = true;
    if (x->rank == rank && memcmp(x->shape, shape, rank * sizeof *shape) == 0)
        return STATUS_OK;
    shape_add(&found, x->shape, x->rank);
    shape_add(&needed, shape, rank);
    s = found.failed || needed.failed
            ? STATUS_MEMORY
            : diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has shape %s, %s is needed (%s)", file_of(t), name, found.data, needed.data, meaning);
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
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has rank %zu, rank %zu is needed", file_of(t), name, x->rank, rank);
    for (size_t i = 0; i < rank; i++)
        if (x->shape[i] == 0 || x->shape[i] > 2147483647)
            return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has a dimension of size %zu", file_of(t), name, x->shape[i]);
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
        return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': 'embed.W_E' is [%zu, %zu], an older, transposed layout", file_of(t),
                         W_E->shape[0], W_E->shape[1]);
    t->d_vocab = W_E->shape[0];
    t->d_model = W_E->shape[1];
    t->used[W_E - t->model->checkpoint.tensors] = true;
    if ((s = agree(t, "d_vocab", 0, t->d_vocab, "embed.W_E")) != STATUS_OK || (s = agree(t, "d_model", 0, t->d_model, "embed.W_E")) != STATUS_OK ||
        (s = size_fact(t, "d_vocab", t->d_vocab, "embed.W_E")) != STATUS_OK || (s = size_fact(t, "d_model", t->d_model, "embed.W_E")) != STATUS_OK ||
        (s = tells(t, &W_U, "unembed.W_U", 2)) != STATUS_OK)
        return s;
    t->d_vocab_out = W_U->shape[1];
    if ((s = needs(t, "unembed.W_U", false, 2, (size_t[]){ t->d_model, t->d_vocab_out }, "d_model, d_vocab_out")) != STATUS_OK ||
        (s = needs(t, "unembed.b_U", true, 1, &t->d_vocab_out, "d_vocab_out")) != STATUS_OK ||
        (s = agree(t, "d_vocab_out", 0, t->d_vocab_out, "unembed.W_U")) != STATUS_OK)
        return s;
    return size_fact(t, "d_vocab_out", t->d_vocab_out, "unembed.W_U");
}

static enum status infer_context(struct transformer *t)
{
    const struct tensor *W_pos = NULL;
    const char *how;
    long n_ctx;
    enum status s = config_int(&n_ctx, &how, t->config, "n_ctx", 0, 0, t->d);

    t->positions = transformer_tensor(t, "pos_embed.W_pos") != NULL;
    if (s == STATUS_OK && t->positions)
        s = tells(t, &W_pos, "pos_embed.W_pos", 2);
    if (s != STATUS_OK)
        return s;
    t->n_ctx = 1; /* an answer will be asked for */
    if (!W_pos && n_ctx < 0)
        return transformer_ask(t, "the length of sequences is not known without 'pos_embed.W_pos': say --set n_ctx=N");
    if (n_ctx == 0)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': n_ctx is 0 (%s), at least 1 is needed", file_of(t), how);
    t->n_ctx = n_ctx < 0 ? W_pos->shape[0] : (size_t)n_ctx;
    if (W_pos && t->n_ctx != W_pos->shape[0] && (t->n_ctx > W_pos->shape[0] || strcmp(how, "given by --set") != 0))
        return agree(t, "n_ctx", 0, W_pos->shape[0], "pos_embed.W_pos");
    if (W_pos && (s = needs(t, "pos_embed.W_pos", false, 2, (size_t[]){ W_pos->shape[0], t->d_model }, "n_ctx, d_model")) != STATUS_OK)
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

static enum status infer_attention(struct transformer *t, size_t l)
{
    struct block_name W_Q = in_block(l, "attn.W_Q"), W_K = in_block(l, "attn.W_K"), W_V = in_block(l, "attn.W_V"), W_O = in_block(l, "attn.W_O");
    struct layer *layer = &t->layers[l];
    const struct tensor *q, *v;
    size_t H, dh, dv, d = t->d_model;
    enum status s;

    if ((s = believable(t, &q, W_Q.s, W_K.s, 3, 1, 1)) != STATUS_OK || (s = believable(t, &v, W_V.s, W_O.s, 3, 1, 2)) != STATUS_OK)
        return s;
    H = layer->heads = q->shape[0];
    dh = layer->d_head = q->shape[2];
    dv = layer->d_value = strcmp(v->name, W_O.s) == 0 ? v->shape[1] : v->shape[2];
    if ((s = agree(t, "n_heads", l, H, q->name)) != STATUS_OK || (s = agree(t, "d_head", l, dh, q->name)) != STATUS_OK ||
        (s = agree(t, "d_head", l, dv, v->name)) != STATUS_OK ||
        (s = needs(t, W_Q.s, false, 3, (size_t[]){ H, d, dh }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = needs(t, W_K.s, false, 3, (size_t[]){ H, d, dh }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = needs(t, W_V.s, false, 3, (size_t[]){ H, d, dv }, "n_heads, d_model, d_head")) != STATUS_OK ||
        (s = needs(t, W_O.s, false, 3, (size_t[]){ H, dv, d }, "n_heads, d_head, d_model")) != STATUS_OK ||
        (s = needs(t, in_block(l, "attn.b_Q").s, true, 2, (size_t[]){ H, dh }, "n_heads, d_head")) != STATUS_OK ||
        (s = needs(t, in_block(l, "attn.b_K").s, true, 2, (size_t[]){ H, dh }, "n_heads, d_head")) != STATUS_OK ||
        (s = needs(t, in_block(l, "attn.b_V").s, true, 2, (size_t[]){ H, dv }, "n_heads, d_head")) != STATUS_OK)
        return s;
    return needs(t, in_block(l, "attn.b_O").s, true, 1, &d, "d_model");
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
    if ((s = agree(t, "d_mlp", l, m, from->name)) != STATUS_OK || (s = needs(t, W_in.s, false, 2, (size_t[]){ d, m }, "d_model, d_mlp")) != STATUS_OK ||
        (s = needs(t, in_block(l, "mlp.b_in").s, true, 1, &m, "d_mlp")) != STATUS_OK ||
        (s = needs(t, W_out.s, false, 2, (size_t[]){ m, d }, "d_mlp, d_model")) != STATUS_OK)
        return s;
    return needs(t, in_block(l, "mlp.b_out").s, true, 1, &d, "d_model");
}

static enum status needs_norm(struct transformer *t, const char *prefix)
{
    char name[100];
    enum status s;

    (void)snprintf(name, sizeof name, "%s.w", prefix);
    if ((s = needs(t, name, false, 1, &t->d_model, "d_model")) != STATUS_OK)
        return s;
    (void)snprintf(name, sizeof name, "%s.b", prefix);
    return needs(t, name, false, 1, &t->d_model, "d_model");
}

/* Number of the block in a name like blocks.12.attn.W_Q, or -1. */
static long block_number(const char *name)
{
    char *end;
    long n;

    if (strncmp(name, "blocks.", 7) != 0 || name[7] < '0' || name[7] > '9')
        return -1;
    n = strtol(name + 7, &end, 10);
    return *end == '.' && n < 1000000 ? n : -1;
}

static enum status infer_layers(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    const char *how;
    char number[24];
    long last = -1, stated;
    enum status s;

    for (size_t i = 0; i < c->n; i++)
        if (block_number(c->tensors[i].name) > last)
            last = block_number(c->tensors[i].name);
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
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': attn_only is true (%s), but there is a tensor 'blocks.0.mlp.W_in'", file_of(t), how);
    if (attn_only == 0 && !mlp)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': attn_only is false (%s), but tensor 'blocks.0.mlp.W_in' is missing", file_of(t), how);
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

static enum status infer_norms(struct transformer *t)
{
    enum status s = STATUS_OK;

    for (size_t l = 0; t->layernorm && s == STATUS_OK && l < t->n_layers; l++) {
        s = needs_norm(t, in_block(l, "ln1").s);
        if (s == STATUS_OK && t->layers[l].d_mlp)
            s = needs_norm(t, in_block(l, "ln2").s);
    }
    return s == STATUS_OK && t->layernorm ? needs_norm(t, "ln_final") : s;
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
    const struct checkpoint *c = &t->model->checkpoint;
    enum status s = STATUS_OK;
    bool some = false;

    for (size_t i = 0; i < c->n; i++)
        some |= is_bias(c->tensors[i].name);
    for (size_t l = 0; some && l < t->n_layers; l++)
        for (size_t i = 0; s == STATUS_OK && i < (t->layers[l].d_mlp ? 6 : 4); i++)
            s = absent_bias(t, in_block(l, names[i]).s);
    return s == STATUS_OK && some ? absent_bias(t, "unembed.b_U") : s;
}

enum status transformer_infer(struct transformer *t)
{
    enum status s;

    if ((s = transformer_switches(t)) != STATUS_OK || (s = infer_embedding(t)) != STATUS_OK || (s = infer_context(t)) != STATUS_OK || (s = infer_layers(t)) != STATUS_OK ||
        (s = infer_mlps(t)) != STATUS_OK || (s = layer_fact(t, "n_heads", offsetof(struct layer, heads), "attn.W_Q")) != STATUS_OK ||
        (s = layer_fact(t, "d_head", offsetof(struct layer, d_head), "attn.W_Q")) != STATUS_OK)
        return s;
    if (t->layers[0].d_mlp && (s = layer_fact(t, "d_mlp", offsetof(struct layer, d_mlp), "mlp.W_in")) != STATUS_OK)
        return s;
    return (s = transformer_settings(t)) != STATUS_OK || (s = infer_norms(t)) != STATUS_OK ? s : infer_biases(t);
}
