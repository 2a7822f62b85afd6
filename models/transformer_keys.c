/* Keys of a configuration: what each of them may say. Declared in models/transformer.h. */
#include <string.h>

#include "core/mem.h"
#include "models/transformer.h"

/* READ: some code reads it. OFF, ON, ONE change the function that the tensors compute, so they must be absent, null, or false or a negative
 * number, true, 1 respectively; a WINDOW no narrower than the context changes nothing either. ABOUT, LIBRARY: says nothing about the function in the models that are
 * read here: how they were trained; how a library names, stores, hooks them, and constants of positions of other kinds. */
enum key_kind { KEY_READ, KEY_OFF, KEY_ON, KEY_ONE, KEY_WINDOW, KEY_ABOUT, KEY_LIBRARY };
static const struct { const char *key; enum key_kind kind; } keys[] = {
    { "d_vocab", KEY_READ }, { "d_vocab_out", KEY_READ }, { "n_ctx", KEY_READ }, { "d_model", KEY_READ }, { "n_layers", KEY_READ },
    { "n_heads", KEY_READ }, { "d_head", KEY_READ }, { "d_mlp", KEY_READ }, { "attn_only", KEY_READ }, { "act_fn", KEY_READ },
    { "attention_dir", KEY_READ }, { "normalization_type", KEY_READ }, { "eps", KEY_READ }, { "positional_embedding_type", KEY_READ },
    { "attn_scale", KEY_READ }, { "use_attn_scale", KEY_READ }, { "scale_attn_by_inverse_layer_idx", KEY_READ }, { "parallel_attn_mlp", KEY_READ },
    { "gated_mlp", KEY_READ }, { "final_rms", KEY_READ }, { "n_key_value_heads", KEY_READ }, { "rotary_dim", KEY_READ }, { "rotary_pct", KEY_READ },
    { "rotary_base", KEY_READ }, { "rotary_adjacent_pairs", KEY_READ }, { "rope_parameters", KEY_READ }, { "attention_multiplier", KEY_READ },
    { "norm_first", KEY_READ }, { "pad_token", KEY_READ }, { "use_padding", KEY_READ }, { "attn_out_scale", KEY_READ }, { "weight_layout", KEY_READ },
    { "head_layout", KEY_READ }, { "qkv_order", KEY_READ }, { "input_type", KEY_READ }, { "d_in", KEY_READ }, { "causal", KEY_READ }, { "is_causal", KEY_READ },
    { "bidirectional", KEY_READ }, { "tie_word_embeddings", KEY_READ },
    { "use_local_attn", KEY_OFF }, { "use_qk_norm", KEY_OFF }, { "use_normalization_before_and_after", KEY_OFF }, { "post_embedding_ln", KEY_OFF },
    { "num_experts", KEY_OFF }, { "experts_per_token", KEY_OFF }, { "attn_scores_soft_cap", KEY_OFF },
    { "output_logits_soft_cap", KEY_OFF }, { "attn_types", KEY_OFF }, { "window_size", KEY_WINDOW }, { "sliding_window", KEY_WINDOW },
    { "rope_scaling", KEY_OFF }, { "relative_attention_num_buckets", KEY_OFF },
    { "relative_attention_max_distance", KEY_OFF }, { "final_logit_softcapping", KEY_OFF }, { "attn_logit_softcapping", KEY_OFF },
    { "logit_scale", KEY_ONE }, { "logits_scaling", KEY_ONE }, { "embedding_scale", KEY_ONE }, { "embedding_multiplier", KEY_ONE },
    { "embed_scale", KEY_ONE }, { "residual_multiplier", KEY_ONE }, { "residual_scale", KEY_ONE }, { "temperature", KEY_ONE },
    { "seed", KEY_ABOUT }, { "task", KEY_ABOUT }, { "accuracy", KEY_ABOUT }, { "sampled_accuracy", KEY_ABOUT }, { "loss", KEY_ABOUT },
    { "steps", KEY_ABOUT }, { "epoch", KEY_ABOUT }, { "epochs", KEY_ABOUT }, { "lr", KEY_ABOUT }, { "weight_decay", KEY_ABOUT },
    { "batch_size", KEY_ABOUT }, { "optimizer", KEY_ABOUT }, { "dropout", KEY_ABOUT }, { "model_name", KEY_ABOUT }, { "name", KEY_ABOUT },
    { "description", KEY_ABOUT }, { "tokenizer_name", KEY_LIBRARY }, { "original_architecture", KEY_LIBRARY }, { "from_checkpoint", KEY_LIBRARY },
    { "checkpoint_index", KEY_LIBRARY }, { "checkpoint_label_type", KEY_LIBRARY }, { "checkpoint_value", KEY_LIBRARY }, { "n_params", KEY_LIBRARY },
    { "device", KEY_LIBRARY }, { "n_devices", KEY_LIBRARY }, { "dtype", KEY_LIBRARY }, { "init_mode", KEY_LIBRARY }, { "init_weights", KEY_LIBRARY },
    { "initializer_range", KEY_LIBRARY }, { "use_attn_result", KEY_LIBRARY }, { "use_attn_in", KEY_LIBRARY }, { "use_split_qkv_input", KEY_LIBRARY },
    { "use_hook_mlp_in", KEY_LIBRARY }, { "use_hook_tokens", KEY_LIBRARY }, { "ungroup_grouped_query_attention", KEY_LIBRARY },
    { "default_prepend_bos", KEY_LIBRARY }, { "tokenizer_prepends_bos", KEY_LIBRARY },
    { "decoder_start_token_id", KEY_LIBRARY }, { "load_in_4bit", KEY_OFF }, { "trust_remote_code", KEY_LIBRARY }, 
    { "rotary_base_local", KEY_LIBRARY }, { "use_NTK_by_parts_rope", KEY_OFF }, { "clip_qkv", KEY_OFF }, { "use_logn_attn", KEY_OFF }, { "use_dynamic_ntk_rope", KEY_OFF },
    { "use_yarn_rope", KEY_OFF }, { "use_attention_sinks", KEY_OFF }, { "quantization_method", KEY_OFF }, { "quantization_config", KEY_OFF },
    { "rotary_scaling_factor", KEY_ONE }, { "layer_norm_folding", KEY_LIBRARY }, { "uses_rms_norm", KEY_LIBRARY }, { "train_seq_length", KEY_LIBRARY },
    { "norm_topk_prob", KEY_LIBRARY }, { "yarn_factor", KEY_LIBRARY }, { "yarn_attention_factor", KEY_LIBRARY }, { "yarn_beta_fast", KEY_LIBRARY },
    { "yarn_beta_slow", KEY_LIBRARY }, { "yarn_original_max_position_embeddings", KEY_LIBRARY }, { "yarn_truncate", KEY_LIBRARY }, { "yarn_global_attn_only", KEY_LIBRARY },
    { "NTK_by_parts_low_freq_factor", KEY_LIBRARY }, { "NTK_by_parts_high_freq_factor", KEY_LIBRARY }, { "NTK_by_parts_factor", KEY_LIBRARY },
    { "NTK_original_ctx_len", KEY_LIBRARY },
    { "model_type", KEY_READ }, { "architectures", KEY_LIBRARY }, { "transformers_version", KEY_LIBRARY }, { "torch_dtype", KEY_LIBRARY }, { "use_cache", KEY_LIBRARY },
    { "bos_token_id", KEY_LIBRARY }, { "eos_token_id", KEY_LIBRARY }, { "pad_token_id", KEY_LIBRARY }, { "attn_pdrop", KEY_LIBRARY }, { "embd_pdrop", KEY_LIBRARY },
    { "resid_pdrop", KEY_LIBRARY }, { "attention_dropout", KEY_LIBRARY }, { "hidden_dropout", KEY_LIBRARY }, { "classifier_dropout", KEY_LIBRARY },
    { "attention_bias", KEY_LIBRARY }, { "mlp_bias", KEY_LIBRARY }, { "bias", KEY_LIBRARY }, { "pretraining_tp", KEY_LIBRARY }, { "summary_type", KEY_LIBRARY },
    { "summary_use_proj", KEY_LIBRARY }, { "summary_activation", KEY_LIBRARY }, { "summary_proj_to_labels", KEY_LIBRARY }, { "summary_first_dropout", KEY_LIBRARY },
    { "reorder_and_upcast_attn", KEY_LIBRARY }, { "task_specific_params", KEY_LIBRARY }, { "batch_first", KEY_LIBRARY }, { "_name_or_path", KEY_LIBRARY },
    { "scale_attn_weights", KEY_ON }, { "add_cross_attention", KEY_OFF }, { "use_sliding_window", KEY_OFF }, { "max_window_layers", KEY_LIBRARY },
    { "layer_types", KEY_LIBRARY },
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static bool is_fine(enum key_kind kind, const cJSON *value)
{
    if (kind == KEY_READ || kind == KEY_ABOUT || kind == KEY_LIBRARY || kind == KEY_WINDOW || cJSON_IsNull(value))
        return true;
    if (kind == KEY_ONE)
        return cJSON_IsNumber(value) && value->valuedouble == 1;
    return kind == KEY_ON ? cJSON_IsTrue(value) : cJSON_IsFalse(value) || (cJSON_IsNumber(value) && value->valuedouble < 0);
}

/* Libraries of models write which class it is of, and another class may compute something else from tensors of the same names (Gemma's norms add 1 to
 * their weights). What a person writes as model_type is only a word. */
static enum status known_type(struct transformer *t)
{
    const char *how;
    const cJSON *value = config_find(t->config, "model_type", &how);
    bool set = value && strcmp(how, "given by --set") == 0, library = cJSON_GetObjectItemCaseSensitive(t->config->file, "architectures") ||
               cJSON_GetObjectItemCaseSensitive(t->config->file, "transformers_version");

    if (!cJSON_IsString(value) || config_knows_type(value->valuestring) || !(set || library))
        return STATUS_OK;
    return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': model_type is %.60s (%s), %s are known (--set model_type=llama reads it as if it were that)",
                     t->model->checkpoint.path, value->valuestring, how, config_types);
}

/* Attention to the last `window` positions, where there are more. */
static enum status windows(struct transformer *t)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        const char *how;
        const cJSON *value = config_find(t->config, keys[i].key, &how);
        char *shown;
        enum status s;
        if (keys[i].kind != KEY_WINDOW || !value || cJSON_IsNull(value) || cJSON_IsFalse(value) || (cJSON_IsNumber(value) && (value->valuedouble < 0 || value->valuedouble >= (double)t->n_ctx)))
            continue;
        shown = cJSON_PrintUnformatted(value);
        s = shown ? diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read this family yet: '%s': %s is %s (%s), less than the context of %zu (--set n_ctx=%s makes it no difference)",
                              t->model->checkpoint.path, keys[i].key, shown, how, t->n_ctx, shown)
                  : STATUS_MEMORY;
        cJSON_free(shown);
        return s;
    }
    return STATUS_OK;
}

enum status transformer_switches(struct transformer *t)
{
    enum status known = known_type(t);

    if (known != STATUS_OK)
        return known;
    for (size_t i = 0; i < N_KEYS; i++) {
        const char *how;
        const cJSON *value = config_find(t->config, keys[i].key, &how);
        char *shown;
        enum status s;
        if (!value || is_fine(keys[i].kind, value))
            continue;
        shown = cJSON_PrintUnformatted(value);
        s = shown ? transformer_not_yet(t, keys[i].key, shown, how) : STATUS_MEMORY;
        cJSON_free(shown);
        return s;
    }
    return STATUS_OK;
}

static bool is_key(const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].key, name) == 0)
            return true;
    return false;
}

bool transformer_configured(const struct transformer *t)
{
    const char *how;

    for (size_t i = 0; i < N_KEYS; i++)
        if (keys[i].kind == KEY_READ && config_find(t->config, keys[i].key, &how) && strcmp(how, "given by --set") != 0)
            return true;
    return false;
}

/* Of the keys that say something about the function. */
static const char *nearest_key(const char *name)
{
    const char *names[N_KEYS];
    size_t n = 0;

    for (size_t i = 0; i < N_KEYS; i++)
        if (keys[i].kind != KEY_ABOUT && keys[i].kind != KEY_LIBRARY)
            names[n++] = keys[i].key;
    return text_suggest(name, names, n);
}

static bool is_of(enum key_kind kind, const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (keys[i].kind == kind && strcmp(keys[i].key, name) == 0)
            return true;
    return false;
}

static bool is_about(const char *name) { return is_of(KEY_ABOUT, name) || is_of(KEY_LIBRARY, name); }

/* Keys that get one line together. */
struct together { struct text unknown, library; size_t n_library; };

static enum status list_key(struct text *list, const char *key)
{
    text_addf(list, "%s%s", list->size ? ", " : "", key);
    return list->failed ? STATUS_MEMORY : STATUS_OK;
}

/* A null says nothing. */
static enum status stated_fact(struct transformer *t, const cJSON *entry, struct together *together)
{
    const char *near = is_about(entry->string) ? NULL : nearest_key(entry->string);
    struct text shown = { 0 }, how = { 0 };
    char *printed = NULL;
    enum status s;

    if (cJSON_IsNull(entry))
        return STATUS_OK;
    if (is_of(KEY_LIBRARY, entry->string))
        return ++together->n_library > 3 ? STATUS_OK : list_key(&together->library, entry->string);
    if (!near && !is_about(entry->string))
        return list_key(&together->unknown, entry->string);
    if (cJSON_IsString(entry))
        text_add(&shown, entry->valuestring);
    else if (cJSON_IsNumber(entry))
        text_add_double(&shown, entry->valuedouble);
    else if ((printed = cJSON_PrintUnformatted(entry)) != NULL)
        text_add(&shown, printed);
    else
        shown.failed = true;
    text_add(&how, is_about(entry->string) ? "stated by the file" : "assumed to change nothing: an unknown key");
    if (near)
        text_addf(&how, ", did you mean %s?", near);
    if (shown.failed || how.failed)
        s = STATUS_MEMORY;
    else
        s = model_add_fact(t->model, entry->string, shown.data, how.data);
    cJSON_free(printed);
    text_clear(&shown);
    text_clear(&how);
    return s;
}

/* A key that is there twice, under its own name and another library's, must say the same. */
static enum status same_as_alias(struct transformer *t, const cJSON *entry, const char *key)
{
    const char *how;
    const cJSON *counts = config_find(t->config, key, &how);

    if (strcmp(how, "given by --set") == 0 || cJSON_Compare(entry, counts, true) || cJSON_IsNull(entry))
        return STATUS_OK;
    return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': the configuration says %s in two ways, as %s and as %s (--set %s=VALUE decides)",
                     t->model->checkpoint.path, key, counts->string, entry->string, key);
}

/* Keys that nothing knows are passed over, and said; from the command line they are mistakes. */
enum status transformer_keys(struct transformer *t)
{
    const cJSON *entry;
    struct together together = { .n_library = 0 };
    enum status s = windows(t);

    cJSON_ArrayForEach(entry, t->config->set)
    {
        const char *near = nearest_key(entry->string);
        if (s != STATUS_OK)
            return s;
        if ((is_key(config_key(entry->string)) && !is_about(entry->string)) || strcmp(entry->string, "ignore") == 0)
            continue;
        if (near)
            return diag_fail(t->d, STATUS_INPUT, "--set %s: unknown setting, did you mean %s?", entry->string, near);
        return diag_fail(t->d, STATUS_INPUT, "--set %s: unknown setting", entry->string);
    }
    cJSON_ArrayForEach(entry, t->config->file)
    {
        const char *key = config_key(entry->string);
        if (s == STATUS_OK)
            s = is_key(key) && !is_about(key) ? same_as_alias(t, entry, key) : stated_fact(t, entry, &together);
    }
    if (together.n_library > 3)
        text_addf(&together.library, ", ... (%zu)", together.n_library);
    if (s == STATUS_OK && together.library.size)
        s = model_add_fact(t->model, "library's keys", together.library.data, "stated by the file, about other things than the function");
    if (s == STATUS_OK && together.unknown.size)
        s = model_add_fact(t->model, "other keys", together.unknown.data, "assumed to change nothing: unknown keys");
    text_clear(&together.library);
    text_clear(&together.unknown);
    return s;
}
