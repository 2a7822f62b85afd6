/* Positions, mask, scale and padding of attention: read from the configuration, or assumed and said. Declared in models/transformer.h. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/transformer.h"

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }

/* Some checkpoints mask with a large negative number; the network masks with -infinity, and says so. */
static enum status mask_value(struct transformer *t)
{
    const struct tensor *ignore = transformer_tensor(t, "blocks.0.attn.IGNORE");
    struct text shown = { 0 };
    enum status s;

    if (!ignore || tensor_count(ignore) != 1 || tensor_entry(ignore, 0) == -(double)INFINITY)
        return STATUS_OK;
    text_add_double(&shown, tensor_entry(ignore, 0));
    s = shown.failed ? STATUS_MEMORY : model_add_fact(t->model, "masked scores", shown.data, "assumed to be -infinity");
    text_clear(&shown);
    return s;
}

/* attention_dir, or a key causal that is true or false. */
static enum status direction(struct transformer *t)
{
    static const struct { const char *key; bool causal_if; } others[] = { { "causal", true }, { "is_causal", true }, { "bidirectional", false } };
    const struct tensor *q = transformer_tensor(t, "blocks.0.attn.W_Q");
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "attention_dir", t->d);

    for (size_t i = 0; s == STATUS_OK && !word && i < sizeof others / sizeof *others; i++) {
        int stated;
        s = config_bool(&stated, &how, t->config, others[i].key, t->d);
        if (stated >= 0)
            word = (stated == 1) == others[i].causal_if ? "causal" : "bidirectional";
    }
    if (s != STATUS_OK)
        return s;
    if (!word && q && strstr(transformer_shown(t, q), "in_proj_weight"))
        return transformer_ask(t, "nn.MultiheadAttention masks only what it is given: say --set attention_dir=causal or bidirectional");
    t->causal = !word || strcmp(word, "causal") == 0;
    if (!t->causal && strcmp(word, "bidirectional") != 0)
        return transformer_unknown_word(t, "attention_dir", word, how, "causal or bidirectional");
    if ((s = transformer_fact(t, "attention_dir", t->causal ? "causal" : "bidirectional", word ? how : NULL, "bidirectional")) != STATUS_OK)
        return s;
    return t->causal ? mask_value(t) : STATUS_OK;
}

/* Tokens that no position attends to. */
static enum status padding(struct transformer *t)
{
    const char *how, *how_use;
    char number[24];
    long pad;
    int use;
    enum status s = config_int(&pad, &how, t->config, "pad_token", 0, 0, t->d);

    if (s != STATUS_OK || (s = config_bool(&use, &how_use, t->config, "use_padding", t->d)) != STATUS_OK)
        return s;
    t->pad = use == 0 ? -1 : pad;
    if (use == 1 && pad < 0)
        return transformer_ask(t, "use_padding is true: say --set pad_token=TOKEN");
    if (t->pad < 0)
        return STATUS_OK;
    if (t->width_in || (size_t)pad >= t->d_vocab)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': pad_token is %ld (%s), a token of the model is needed", file_of(t), pad, how);
    (void)snprintf(number, sizeof number, "%ld", pad);
    return model_add_fact(t->model, "pad_token", number, how);
}

/* A key of rotary positions in the configuration, or a table of their frequencies in the file. */
static const char *rotary_evidence(const struct transformer *t)
{
    static const char *const keys[] = { "rotary_dim", "rotary_base", "rotary_pct", "rope_parameters" };
    const struct checkpoint *c = &t->model->checkpoint;
    const char *how;

    if (transformer_tensor(t, "blocks.0.attn.rotary_sin"))
        return "inferred from 'blocks.0.attn.rotary_sin'";
    for (size_t i = 0; t->foreign && i < c->n; i++)
        if (strlen(c->tensors[i].name) >= 8 && strcmp(c->tensors[i].name + strlen(c->tensors[i].name) - 8, "inv_freq") == 0)
            return "inferred from a tensor inv_freq";
    for (size_t i = 0; t->foreign && i < sizeof keys / sizeof *keys; i++) {
        const cJSON *value = config_find(t->config, keys[i], &how);
        if (value && !cJSON_IsNull(value))
            return "inferred from the keys of the configuration";
    }
    return NULL;
}

/* The base is also found in an object rope_parameters; its kind must be the plain one. */
static enum status rotary_base(struct transformer *t, const char **how)
{
    const cJSON *object = config_find(t->config, "rope_parameters", how), *kind = cJSON_GetObjectItemCaseSensitive(object, "rope_type"),
                *inside = cJSON_GetObjectItemCaseSensitive(object, "rope_theta");
    const char *stated;
    enum status s = config_number(&t->rotary.base, &stated, t->config, "rotary_base", t->d);

    if (s != STATUS_OK)
        return s;
    if (kind && (!cJSON_IsString(kind) || strcmp(kind->valuestring, "default") != 0))
        return transformer_not_yet(t, "rope_parameters", "not of rope_type default", *how);
    if (isnan(t->rotary.base) || (strcmp(stated, "given by --set") != 0 && cJSON_IsNumber(inside)))
        t->rotary.base = cJSON_IsNumber(inside) ? inside->valuedouble : (double)NAN;
    else
        *how = stated;
    if (isnan(t->rotary.base)) {
        t->rotary.base = 10000;
        *how = NULL;
    }
    return t->rotary.base > 0 ? STATUS_OK : diag_fail(t->d, STATUS_INPUT, "cannot read '%s': rotary_base is %g, a positive number is needed", file_of(t), t->rotary.base);
}

/* Do models of this model_type turn whole heads, whatever the configuration says? Only gpt_neox among those that are known has a share. */
static bool whole_heads(const struct transformer *t)
{
    const char *how, *type = cJSON_GetStringValue(config_find(t->config, "model_type", &how));

    return type && config_knows_type(type) && strcmp(type, "gpt_neox") != 0;
}

static enum status rotary_dim(struct transformer *t, const char **how)
{
    const struct tensor *table = transformer_tensor(t, "blocks.0.attn.rotary_sin");
    const char *how_share, *how_object;
    const cJSON *inside = cJSON_GetObjectItemCaseSensitive(config_find(t->config, "rope_parameters", &how_object), "partial_rotary_factor");
    double share;
    long dim;
    enum status s = config_int(&dim, how, t->config, "rotary_dim", 0, 0, t->d);

    if (s != STATUS_OK || (s = config_number(&share, &how_share, t->config, "rotary_pct", t->d)) != STATUS_OK)
        return s;
    if (cJSON_IsNumber(inside) && strcmp(how_share, "given by --set") != 0) {
        share = inside->valuedouble;
        how_share = how_object;
    }
    if (share > 0 && share != 1 && strcmp(how_share, "given by --set") != 0 && whole_heads(t))
        return transformer_not_yet(t, "partial_rotary_factor", "not 1, which models of this model_type do not have", how_share);
    t->rotary.dim = dim > 0 ? (size_t)dim : table && table->rank == 2 ? table->shape[1] : t->layers[0].d_head;
    if (dim <= 0 && !table && share > 0 && share <= 1) {
        t->rotary.dim = (size_t)(share * (double)t->layers[0].d_head);
        *how = how_share;
    } else if (dim <= 0)
        *how = table ? "inferred from the shape of blocks.0.attn.rotary_sin" : NULL;
    for (size_t l = 0; l < t->n_layers; l++)
        if (t->layers[l].d_head < t->rotary.dim || t->rotary.dim % 2 || t->layers[l].d_head != t->layers[0].d_head)
            return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': rotary_dim is %zu, an even number of at most d_head, which is the same in all layers, is needed",
                             file_of(t), t->rotary.dim);
    return STATUS_OK;
}

static enum status rotary(struct transformer *t)
{
    bool table = transformer_tensor(t, "blocks.0.attn.rotary_sin") != NULL;
    const char *how;
    char number[32];
    int adjacent;
    enum status s = rotary_dim(t, &how);

    (void)snprintf(number, sizeof number, "%zu", t->rotary.dim);
    if (s != STATUS_OK || (s = transformer_fact(t, "rotary_dim", number, how, "NUMBER")) != STATUS_OK ||
        (s = config_bool(&adjacent, &how, t->config, "rotary_adjacent_pairs", t->d)) != STATUS_OK)
        return s;
    t->rotary.adjacent = adjacent == 1;
    if ((s = transformer_fact(t, "rotary_adjacent_pairs", adjacent == 1 ? "true" : "false", adjacent >= 0 ? how : NULL, "true")) != STATUS_OK)
        return s;
    if (table)
        return model_add_fact(t->model, "rotary tables", "read", "the buffers rotary_cos and rotary_sin, bit for bit");
    if ((s = rotary_base(t, &how)) != STATUS_OK)
        return s;
    (void)snprintf(number, sizeof number, "%.17g", t->rotary.base);
    if ((s = transformer_fact(t, "rotary_base", number, how, "NUMBER")) != STATUS_OK)
        return s;
    return model_add_fact(t->model, "rotary tables", "computed", "assumed: the binary32 numbers nearest to the true cosines and sines, as the file has no tables");
}

static enum status positions(struct transformer *t)
{
    static const char *const later[] = { "alibi", "relative_positional_bias", "relative_key", "relative_key_query" };
    static const struct { const char *word; enum positions kind; } words[] = {
        { "standard", POSITIONS_STANDARD }, { "none", POSITIONS_NONE }, { "shortformer", POSITIONS_SHORTFORMER }, { "rotary", POSITIONS_ROTARY },
        { "absolute", POSITIONS_STANDARD }, { "learned", POSITIONS_STANDARD }, { "rope", POSITIONS_ROTARY },
    };
    const char *how, *word, *evidence = rotary_evidence(t);
    enum status s = config_word(&word, &how, t->config, "positional_embedding_type", t->d);
    size_t i = 0;

    if (s != STATUS_OK)
        return s;
    for (size_t k = 0; word && k < sizeof later / sizeof *later; k++)
        if (strcmp(word, later[k]) == 0)
            return transformer_not_yet(t, "positional_embedding_type", word, how);
    if (!word) {
        t->positions = t->has_W_pos ? POSITIONS_STANDARD : evidence ? POSITIONS_ROTARY : POSITIONS_NONE;
        how = t->has_W_pos ? "inferred from the names of the tensors" : evidence ? evidence : "assumed, as there is no 'pos_embed.W_pos'";
        if (t->foreign && t->positions == POSITIONS_NONE)
            return transformer_ask(t, "there is no table of positions: say --set positional_embedding_type=none, or rotary");
        word = words[t->positions == POSITIONS_STANDARD ? 0 : t->positions == POSITIONS_NONE ? 1 : 3].word;
    }
    while (i < sizeof words / sizeof *words && strcmp(word, words[i].word) != 0)
        i++;
    if (i == sizeof words / sizeof *words)
        return transformer_unknown_word(t, "positional_embedding_type", word, how, "standard, none, rotary or shortformer");
    t->positions = words[i].kind;
    bool needs = t->positions == POSITIONS_STANDARD || t->positions == POSITIONS_SHORTFORMER;
    if (needs && !t->has_W_pos)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': positional_embedding_type is %s (%s), but tensor 'pos_embed.W_pos' is missing "
                         "(a model without positions: --set positional_embedding_type=none)", file_of(t), word, how);
    if (!needs && t->has_W_pos)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': positional_embedding_type is %s (%s), but there is a tensor 'pos_embed.W_pos'", file_of(t), word, how);
    if ((s = transformer_fact(t, "positional_embedding_type", word, how, "")) != STATUS_OK)
        return s;
    return t->positions == POSITIONS_ROTARY ? rotary(t) : STATUS_OK;
}

/* The integer whose root x is, exactly or as the nearest binary64; 0 if there is none. */
static size_t square(double x)
{
    double d = nearbyint(x * x);

    if (!(d >= 1 && d <= 2147483647))
        return 0;
    return fma(x, x, -d) == 0 || sqrt(d) == x ? (size_t)d : 0;
}

/* A constant of the network is a binary32 number, as PyTorch multiplies by one. */
static enum status constant(struct transformer *t, double *out, double x, const char *key, const char *how)
{
    float nearest;
    struct text shown = { 0 }, said = { 0 };
    enum status s;

    if (!(x > 0 && x < 1e30))
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s is %g (%s), a positive number is needed", file_of(t), key, x, how);
    nearest = (float)x;
    *out = (double)nearest;
    text_add_double(&shown, x);
    text_addf(&said, "%s%s", how, (double)nearest == x ? "" : ", rounded to binary32");
    s = shown.failed || said.failed ? STATUS_MEMORY : model_add_fact(t->model, key, shown.data, said.data);
    text_clear(&shown);
    text_clear(&said);
    return s;
}

/* The product of query and key times a number, which is the root of an integer's reciprocal, exactly, or a constant. */
static enum status multiplier(struct transformer *t, double factor, bool by_layer, const char *how)
{
    size_t d = factor > 0 ? square(1 / factor) : 0;
    bool exact = d && fma(factor * factor, (double)d, -1) == 0;

    for (size_t l = 0; l < t->n_layers; l++)
        t->layers[l].score_d = (exact ? d : 1) * (by_layer ? (l + 1) * (l + 1) : 1);
    return exact ? model_add_fact(t->model, "attention_multiplier", "exact", how) : constant(t, &t->score_factor, factor, "attention_multiplier", how);
}

/* What the product of query and key is divided by: the root of d_head unless something is said. Bilinear attention divides each of its two
 * products by d_head. */
static enum status scale(struct transformer *t)
{
    const char *how, *how_off, *how_factor, *how_layer;
    double stated, factor;
    int on, by_layer;
    enum status s;

    if ((s = config_number(&stated, &how, t->config, "attn_scale", t->d)) != STATUS_OK || (s = config_bool(&on, &how_off, t->config, "use_attn_scale", t->d)) != STATUS_OK ||
        (s = config_number(&factor, &how_factor, t->config, "attention_multiplier", t->d)) != STATUS_OK ||
        (s = config_bool(&by_layer, &how_layer, t->config, "scale_attn_by_inverse_layer_idx", t->d)) != STATUS_OK)
        return s;
    for (size_t l = 0; l < t->n_layers; l++) {
        size_t d = t->layers[l].d_head, m = by_layer == 1 ? (l + 1) * (l + 1) : 1;
        t->layers[l].score_d = (on == 0 ? 1 : t->bilinear_attention ? d * d : d) * m;
    }
    if (by_layer == 1 && (s = model_add_fact(t->model, "scale_attn_by_inverse_layer_idx", "true", how_layer)) != STATUS_OK)
        return s;
    if (on == 0)
        return model_add_fact(t->model, "use_attn_scale", "false", how_off);
    if (!isnan(factor))
        return multiplier(t, factor, by_layer == 1, how_factor);
    if (isnan(stated) || stated < 0 || t->bilinear_attention)
        return STATUS_OK;
    for (size_t l = 0; l < t->n_layers; l++) {
        size_t m = by_layer == 1 ? (l + 1) * (l + 1) : 1;
        if (stated != sqrt((double)t->layers[l].d_head) || by_layer == 1)
            t->layers[l].score_d = square(stated) ? square(stated) * m : m;
    }
    if (!square(stated))
        return constant(t, &t->score_divisor, stated, "attn_scale", how);
    char number[40];
    (void)snprintf(number, sizeof number, "%.17g", stated);
    return model_add_fact(t->model, "attn_scale", number, how);
}

/* Some modules scale what attention adds to the stream; the names of one of them are known. */
static enum status out_scale(struct transformer *t)
{
    const struct tensor *gate = transformer_tensor(t, "blocks.0.mlp.W_gate"), *first = transformer_tensor(t, "blocks.0.mlp.W_in");
    const char *how;
    double x;
    enum status s = config_number(&x, &how, t->config, "attn_out_scale", t->d);

    if (s != STATUS_OK)
        return s;
    if (!isnan(x) && x != 1)
        return constant(t, &t->out_scale, x, "attn_out_scale", how);
    if (isnan(x) && t->foreign && gate && first && strcmp(transformer_shown(t, gate), transformer_shown(t, first)) == 0 && strstr(transformer_shown(t, gate), ".mlp.w."))
        return transformer_ask(t, "modules with these names scale the output of attention by a number that is not among the tensors: say --set attn_out_scale=NUMBER "
                                  "(1/sqrt(2 n_layers) in some, 1 for none)");
    return STATUS_OK;
}

enum status transformer_attention(struct transformer *t)
{
    enum status s;

    t->pad = -1;
    t->score_divisor = t->score_factor = t->out_scale = (double)NAN;
    if ((s = direction(t)) != STATUS_OK || (s = padding(t)) != STATUS_OK || (s = positions(t)) != STATUS_OK || (s = out_scale(t)) != STATUS_OK)
        return s;
    return t->questions.size ? STATUS_OK : scale(t);
}
