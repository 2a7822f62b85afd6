/* What the shapes of a transformer do not tell: read from the configuration, or assumed and said. Declared in models/transformer.h. */
#include <math.h>
#include <string.h>

#include "core/mem.h"
#include "models/decode.h"
#include "models/transformer.h"

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }

enum status transformer_not_yet(struct transformer *t, const char *key, const char *value, const char *how)
{
    return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': %s is %s (%s)", file_of(t), key, value, how);
}

/* Fact of a setting that was found, or assumed. */
static enum status fact(struct transformer *t, const char *key, const char *value, const char *how, const char *alternative)
{
    char assumed[160];

    if (how)
        return model_add_fact(t->model, key, value, how);
    (void)snprintf(assumed, sizeof assumed, "assumed (override with --set %s=%s)", key, alternative);
    return model_add_fact(t->model, key, value, assumed);
}

static bool one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static enum status unknown_word(struct transformer *t, const char *key, const char *word, const char *how, const char *allowed)
{
    return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s is '%s' (%s), %s is needed", file_of(t), key, word, how, allowed);
}

static enum status normalization(struct transformer *t)
{
    static const char *const later[] = { "LNPre", "RMS", "RMSPre" };
    const char *how, *word;
    const cJSON *stated = config_find(t->config, "normalization_type", &how);
    enum status s = config_word(&word, &how, t->config, "normalization_type", t->d);
    const char *tensor = transformer_tensor(t, "blocks.0.ln1.w") ? "blocks.0.ln1.w" : transformer_tensor(t, "ln_final.w") ? "ln_final.w" : NULL;
    bool bias = transformer_tensor(t, "blocks.0.ln1.b") || transformer_tensor(t, "ln_final.b");

    if (s != STATUS_OK)
        return s;
    if (word && one_of(word, later, 3))
        return transformer_not_yet(t, "normalization_type", word, how);
    if (word && strcmp(word, "LN") != 0 && strcmp(word, "null") != 0 && strcmp(word, "none") != 0)
        return unknown_word(t, "normalization_type", word, how, "null or LN");
    t->layernorm = word ? strcmp(word, "LN") == 0 : !stated && tensor;
    if (stated && !t->layernorm && tensor)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': normalization_type is null (%s), but there is a tensor '%s'", file_of(t), how, tensor);
    if (!stated && tensor && !bias)
        return transformer_not_yet(t, "normalization_type", "RMS", "inferred from a norm without bias");
    if (stated)
        return fact(t, "normalization_type", t->layernorm ? "LN" : "null", how, "");
    if (tensor)
        return fact(t, "normalization_type", "LN", "inferred from the names of the tensors", "");
    if (!transformer_configured(t))
        return transformer_ask(t, "there is no configuration, and the tensors do not tell whether the model normalises: "
                                  "say --set normalization_type=null, or give --config FILE");
    return fact(t, "normalization_type", "null", NULL, "LN");
}

static enum status epsilon(struct transformer *t)
{
    const char *how;
    double eps;
    struct text shown = { 0 };
    enum status s = config_number(&eps, &how, t->config, "eps", t->d);

    if (s != STATUS_OK || !t->layernorm)
        return s;
    t->eps = isnan(eps) ? 1e-5 : eps;
    if (!(t->eps >= 0))
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': eps is %g (%s), a number of at least 0 is needed", file_of(t), eps, how);
    text_add_double(&shown, t->eps);
    s = shown.failed ? STATUS_MEMORY : fact(t, "eps", shown.data, isnan(eps) ? NULL : how, "NUMBER");
    text_clear(&shown);
    return s;
}

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

static enum status direction(struct transformer *t)
{
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "attention_dir", t->d);

    if (s != STATUS_OK)
        return s;
    t->causal = !word || strcmp(word, "causal") == 0;
    if (!t->causal && strcmp(word, "bidirectional") != 0)
        return unknown_word(t, "attention_dir", word, how, "causal or bidirectional");
    if ((s = fact(t, "attention_dir", t->causal ? "causal" : "bidirectional", word ? how : NULL, "bidirectional")) != STATUS_OK)
        return s;
    return t->causal ? mask_value(t) : STATUS_OK;
}

static enum status positions(struct transformer *t)
{
    static const char *const later[] = { "rotary", "shortformer", "alibi", "relative_positional_bias" };
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "positional_embedding_type", t->d);

    if (s != STATUS_OK)
        return s;
    if (word && one_of(word, later, 4))
        return transformer_not_yet(t, "positional_embedding_type", word, how);
    if (transformer_tensor(t, "blocks.0.attn.rotary_sin"))
        return transformer_not_yet(t, "positional_embedding_type", "rotary", "inferred from 'blocks.0.attn.rotary_sin'");
    if (word && strcmp(word, "standard") != 0 && strcmp(word, "none") != 0)
        return unknown_word(t, "positional_embedding_type", word, how, "standard or none");
    if (word && strcmp(word, "standard") == 0 && !t->positions)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': positional_embedding_type is standard (%s), but tensor 'pos_embed.W_pos' is missing "
                         "(a model without positions: --set positional_embedding_type=none)", file_of(t), how);
    if (word && strcmp(word, "none") == 0 && t->positions)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': positional_embedding_type is none (%s), but there is a tensor 'pos_embed.W_pos'",
                         file_of(t), how);
    if (t->positions)
        return fact(t, "positional_embedding_type", "standard", word ? how : "inferred from the names of the tensors", "");
    return fact(t, "positional_embedding_type", "none", word ? how : "assumed, as there is no 'pos_embed.W_pos'", "");
}

static enum status activation(struct transformer *t)
{
    static const struct { const char *name; enum op op; } known[] = { { "relu", OP_RELU }, { "gelu", OP_GELU }, { "gelu_new", OP_GELU_NEW }, { "silu", OP_SILU } };
    static const char *const later[] = { "solu", "solu_ln", "gelu_fast", "gelu_pytorch_tanh", "xielu" };
    const char *how, *word;
    enum status s = config_word(&word, &how, t->config, "act_fn", t->d);

    if (s != STATUS_OK || !t->layers[0].d_mlp)
        return s;
    if (!word)
        return transformer_ask(t, "the tensors do not tell the activation of the MLP: say --set act_fn=relu (or gelu, gelu_new, silu)");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i].name) == 0) {
            t->act = known[i].op;
            return fact(t, "act_fn", word, how, "");
        }
    return one_of(word, later, sizeof later / sizeof *later) ? transformer_not_yet(t, "act_fn", word, how)
                                                              : unknown_word(t, "act_fn", word, how, "relu, gelu, gelu_new or silu");
}

static enum status scale(struct transformer *t)
{
    const char *how;
    double stated;
    enum status s = config_number(&stated, &how, t->config, "attn_scale", t->d);

    for (size_t l = 0; s == STATUS_OK && stated >= 0 && l < t->n_layers; l++)
        if (stated != sqrt((double)t->layers[l].d_head))
            return transformer_not_yet(t, "attn_scale", "not the root of d_head", how);
    return s;
}

enum status transformer_ask(struct transformer *t, const char *question)
{
    text_addf(&t->questions, "%s%s", t->questions.size ? "; " : "", question);
    return t->questions.failed ? STATUS_MEMORY : STATUS_OK;
}

enum status transformer_settings(struct transformer *t)
{
    enum status s;

    if ((s = normalization(t)) != STATUS_OK || (s = epsilon(t)) != STATUS_OK || (s = direction(t)) != STATUS_OK ||
        (s = positions(t)) != STATUS_OK || (s = activation(t)) != STATUS_OK)
        return s;
    if (t->questions.size)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %s", file_of(t), t->questions.data);
    return scale(t);
}

/* Is the name in the comma-separated list? */
static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    while (list && *list) {
        size_t m = strcspn(list, ",");
        if (m == n && memcmp(list, name, n) == 0)
            return true;
        list += m + (list[m] == ',');
    }
    return false;
}

/* Refuses a model for a tensor that tells what kind it is. */
static enum status later_kind(struct transformer *t, const char *name)
{
    static const struct { const char *part, *what; } later[] = {
        { ".W_gate", "a gated MLP" }, { "._W_K", "grouped-query attention" }, { "._W_V", "grouped-query attention" }, { ".rotary_", "rotary positions" },
        { ".q_norm.", "normalised queries" }, { ".rel_pos_bias", "relative positions" }, { ".mlp.experts.", "a mixture of experts" },
        { ".ln1_post.", "a norm after attention" }, { ".mlp.ln.", "a norm inside the MLP" },
    };

    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strstr(name, later[i].part))
            return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': %s (tensor '%s')", file_of(t), later[i].what, name);
    return STATUS_OK;
}

/* One message for all tensors without a place. */
static enum status unused_tensors(struct transformer *t, const char *first, size_t n, const char *list)
{
    if (n == 1)
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': tensor '%s' has no place in this transformer (--set ignore=%s leaves it out)", file_of(t), first, list);
    return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': %zu tensors have no place in this transformer, the first is '%s' (--set ignore=%s leaves them out)",
                     file_of(t), n, first, list);
}

static enum status leftover_tensors(struct transformer *t)
{
    const struct checkpoint *c = &t->model->checkpoint;
    /* only the user may leave tensors out, not the file */
    const char *ignore = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(t->config->set, "ignore")), *first = NULL;
    struct text list = { 0 };
    size_t n = 0;
    enum status s = STATUS_OK;

    t->model->ignored = mem_array(c->n, sizeof *t->model->ignored);
    if (!t->model->ignored)
        return STATUS_MEMORY;
    for (size_t i = 0; s == STATUS_OK && i < c->n; i++) {
        const char *name = c->tensors[i].name;
        if (t->used[i])
            continue;
        if (!tensor_is_buffer(name) && !listed(ignore, name)) {
            first = first ? first : name;
            text_addf(&list, "%s%s", n++ ? "," : "", name);
            s = later_kind(t, name);
        } else if (!(t->model->ignored[t->model->n_ignored] = mem_string(name)))
            s = STATUS_MEMORY;
        else
            t->model->n_ignored++;
    }
    if (s == STATUS_OK && n)
        s = list.failed ? STATUS_MEMORY : unused_tensors(t, first, n, list.data);
    text_clear(&list);
    return s;
}

enum status transformer_leftovers(struct transformer *t)
{
    enum status s = leftover_tensors(t);

    return s == STATUS_OK ? transformer_keys(t) : s;
}
