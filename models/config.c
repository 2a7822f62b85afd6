#include "models/config.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"

enum { CONFIG_LIMIT = 1 << 24 };

void config_clear(struct config *c)
{
    cJSON_Delete(c->file);
    cJSON_Delete(c->set);
    cJSON_Delete(c->defaults);
    cJSON_Delete(c->derived);
    free(c->how);
    *c = (struct config){ 0 };
}

/* NAME.config.json for NAME.EXTENSION */
static char *sidecar_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t n = dot && (!slash || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);
    struct text t = { 0 };

    text_add_n(&t, path, n);
    text_add(&t, ".config.json");
    if (t.failed) {
        text_clear(&t);
        return NULL;
    }
    return t.data;
}

/* place.file is NULL for text inside the model file: then the message gives an offset. */
static enum status parse(struct config *c, struct diag_place place, struct diag *d)
{
    struct json_fault fault;
    enum status s = json_check(place.text, place.text_size, JSON_ANY_NUMBER, &fault);

    if (s == STATUS_INPUT && !place.file)
        return diag_fail(d, s, "cannot read '%s': %s, offset %zu: %s", c->path, c->entry, fault.offset, fault.what);
    if (s == STATUS_INPUT) {
        place.offset = fault.offset;
        place.length = 1;
        return diag_at(d, s, place, NULL, NULL, "cannot read '%s': %s", place.file, fault.what);
    }
    if (s != STATUS_OK)
        return s;
    c->file = cJSON_ParseWithLength(place.text, place.text_size);
    if (!c->file)
        return STATUS_MEMORY;
    if (!cJSON_IsObject(c->file))
        return diag_fail(d, STATUS_INPUT, "cannot read '%s': the configuration is not a JSON object", place.file ? place.file : c->path);
    return STATUS_OK;
}

static enum status read_file(struct config *c, char sha256[65], const char *path, struct diag *d)
{
    const char *slash = strrchr(path, '/');
    struct text how = { 0 };
    char *text;
    size_t size;
    enum status s = file_read(&text, &size, path, CONFIG_LIMIT, d);

    if (s != STATUS_OK)
        return s;
    sha256_hex(sha256, text, size);
    s = parse(c, (struct diag_place){ .file = path, .text = text, .text_size = size }, d);
    free(text);
    text_addf(&how, "read from %s", slash ? slash + 1 : path);
    c->how = how.data;
    return how.failed ? STATUS_MEMORY : s;
}

/* config.json in the folder of a file that libraries of models call model.safetensors or pytorch_model.bin; NULL for other names. *failed: no memory. */
static char *folder_config_path(const char *path, bool *failed)
{
    static const char *const usual[] = { "model.safetensors", "pytorch_model.bin", "model.pt", "model.pth", "model.bin", "model.npz" };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct text t = { 0 };

    *failed = false;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(name, usual[i]) == 0) {
            text_add_n(&t, path, (size_t)(name - path));
            text_add(&t, "config.json");
            *failed = t.failed;
            if (!t.failed)
                return t.data;
            text_clear(&t);
        }
    return NULL;
}

/* NAME.config.json if it is there, else config.json of the folder; NULL: neither. */
static enum status find_sidecar(char **out, const char *model)
{
    struct stat info;
    bool failed;
    char *path = sidecar_path(model);

    *out = NULL;
    if (!path)
        return STATUS_MEMORY;
    if (stat(path, &info) != 0) {
        free(path);
        path = folder_config_path(model, &failed);
        if (failed)
            return STATUS_MEMORY;
    }
    if (path && stat(path, &info) == 0)
        *out = path;
    else
        free(path);
    return STATUS_OK;
}

static enum status read_sidecar(struct config *c, char sha256[65], struct diag *d)
{
    char *path;
    enum status s = find_sidecar(&path, c->path);

    if (s == STATUS_OK && path)
        s = read_file(c, sha256, path, d);
    free(path);
    return s;
}

static enum status sidecar_differs(const struct config *inside, const struct config *beside, const char *key, const cJSON *own, const cJSON *other, struct diag *d)
{
    char *a = own ? cJSON_PrintUnformatted(own) : mem_string("nothing"), *b = cJSON_PrintUnformatted(other), *path = NULL;
    enum status s = STATUS_MEMORY;

    if (a && b && find_sidecar(&path, inside->path) == STATUS_OK && path)
        s = diag_fail(d, STATUS_INPUT, "cannot read '%s': its own configuration (%s) and the one beside it (%s) differ in %s: %.60s and %.60s; say --config '%s' to take the one beside it",
                      inside->path, inside->how, beside->how, key, a, b, path);
    cJSON_free(a);
    cJSON_free(b);
    free(path);
    return s;
}

/* What is inside the file counts; a side-car beside it that says otherwise about a key would be passed over in silence. */
static enum status check_sidecar(const struct config *inside, struct diag *d)
{
    struct config beside = { .path = inside->path };
    char sha256[65];
    enum status s = read_sidecar(&beside, sha256, d);
    const cJSON *entry;

    cJSON_ArrayForEach(entry, beside.file)
    {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(inside->file, entry->string);
        if (s == STATUS_OK && (!other || !cJSON_Compare(entry, other, true)))
            s = sidecar_differs(inside, &beside, entry->string, other, entry, d);
    }
    config_clear(&beside);
    return s;
}

/* `ignore` is a list of tensors: what is given more than once adds up. */
static enum status add_ignored(struct config *c, const char *names)
{
    const char *before = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->set, "ignore"));
    struct text all = { 0 };
    cJSON *value;

    text_addf(&all, "%s%s%s", before ? before : "", before ? "," : "", names);
    value = all.failed ? NULL : cJSON_CreateString(all.data);
    text_clear(&all);
    cJSON_DeleteItemFromObjectCaseSensitive(c->set, "ignore");
    if (!value || !cJSON_AddItemToObject(c->set, "ignore", value)) {
        cJSON_Delete(value);
        return STATUS_MEMORY;
    }
    return STATUS_OK;
}

/* A JSON value, or else the text itself as a string. */
static enum status add_setting(struct config *c, const struct setting *set)
{
    struct json_fault fault;
    size_t n = strlen(set->value);
    enum status s = json_check(set->value, n, JSON_ANY_NUMBER, &fault);
    cJSON *value;

    if (strcmp(set->key, "ignore") == 0)
        return add_ignored(c, set->value);
    if (s == STATUS_MEMORY)
        return s;
    value = s == STATUS_OK ? cJSON_ParseWithLength(set->value, n) : cJSON_CreateString(set->value);
    cJSON_DeleteItemFromObjectCaseSensitive(c->set, set->key); /* the last one given counts */
    if (!value || !cJSON_AddItemToObject(c->set, set->key, value)) {
        cJSON_Delete(value);
        return STATUS_MEMORY;
    }
    return STATUS_OK;
}

static enum status read_all(struct config *c, char sha256[65], const struct checkpoint *from, const struct model_options *o, struct diag *d)
{
    enum status s = STATUS_OK;

    if (o && o->config_path)
        s = read_file(c, sha256, o->config_path, d);
    else if (from->config) {
        bool torch = strcmp(from->format, "torch") == 0;
        if (!(c->how = mem_string(torch ? "read from the file's own configuration" : "read from metadata")))
            return STATUS_MEMORY;
        c->entry = torch ? "its own configuration" : strcmp(from->format, "npz") == 0 ? "its entry 'config'" : "__metadata__, config";
        s = parse(c, (struct diag_place){ .text = from->config, .text_size = strlen(from->config) }, d);
        if (s == STATUS_OK)
            s = check_sidecar(c, d);
    } else
        s = read_sidecar(c, sha256, d);
    for (size_t i = 0; s == STATUS_OK && o && i < o->n_set; i++)
        s = add_setting(c, &o->set[i]);
    return s;
}

static const struct { const char *other, *key; } aliases[] = {
    { "layer_norm_eps", "eps" }, { "layer_norm_epsilon", "eps" }, { "layernorm_eps", "eps" }, { "layernorm_epsilon", "eps" }, { "ln_eps", "eps" },
    { "norm_eps", "eps" }, { "norm_epsilon", "eps" }, { "rms_norm_eps", "eps" }, { "epsilon", "eps" },
    { "activation", "act_fn" }, { "activation_function", "act_fn" }, { "hidden_act", "act_fn" }, { "act", "act_fn" },
    { "norm_type", "normalization_type" }, { "normalization", "normalization_type" }, { "norm", "normalization_type" },
    { "position_embedding_type", "positional_embedding_type" },
    { "vocab_size", "d_vocab" }, { "n_vocab", "d_vocab" }, { "hidden_size", "d_model" }, { "n_embd", "d_model" }, { "embed_dim", "d_model" },
    { "num_attention_heads", "n_heads" }, { "n_head", "n_heads" }, { "nhead", "n_heads" }, { "num_heads", "n_heads" },
    { "num_hidden_layers", "n_layers" }, { "n_layer", "n_layers" }, { "num_layers", "n_layers" },
    { "max_position_embeddings", "n_ctx" }, { "n_positions", "n_ctx" }, { "block_size", "n_ctx" }, { "max_seq_len", "n_ctx" }, { "context_length", "n_ctx" },
    { "intermediate_size", "d_mlp" }, { "n_inner", "d_mlp" }, { "dim_feedforward", "d_mlp" }, { "d_ff", "d_mlp" }, { "head_dim", "d_head" },
    { "num_key_value_heads", "n_key_value_heads" }, { "n_kv_heads", "n_key_value_heads" }, { "n_kv_head", "n_key_value_heads" },
    { "rope_theta", "rotary_base" }, { "rotary_emb_base", "rotary_base" }, { "rope_base", "rotary_base" }, { "partial_rotary_factor", "rotary_pct" },
    { "use_parallel_residual", "parallel_attn_mlp" }, { "parallel_residual", "parallel_attn_mlp" },
};
enum { N_ALIASES = sizeof aliases / sizeof *aliases };

/* What a model_type of Hugging Face's implies; the configurations leave defaults out. */
#define LLAMA "{\"weight_layout\":\"out_in\",\"normalization_type\":\"RMS\",\"eps\":1e-6,\"act_fn\":\"silu\",\"positional_embedding_type\":\"rotary\"," \
              "\"rotary_base\":10000,\"rotary_adjacent_pairs\":false,\"attention_dir\":\"causal\",\"norm_first\":true,\"head_layout\":\"out_in\"}"
static const struct { const char *type, *how, *settings; } defaults[] = {
    { "gpt2", "implied by model_type gpt2", "{\"weight_layout\":\"in_out\",\"normalization_type\":\"LN\",\"eps\":1e-5,\"act_fn\":\"gelu_new\","
      "\"attention_dir\":\"causal\",\"norm_first\":true,\"head_layout\":\"out_in\",\"qkv_order\":\"together\"}" },
    { "gpt_neox", "implied by model_type gpt_neox", "{\"weight_layout\":\"out_in\",\"normalization_type\":\"LN\",\"eps\":1e-5,\"act_fn\":\"gelu\","
      "\"positional_embedding_type\":\"rotary\",\"rotary_pct\":0.25,\"rotary_base\":10000,\"rotary_adjacent_pairs\":false,\"parallel_attn_mlp\":true,"
      "\"attention_dir\":\"causal\",\"norm_first\":true,\"head_layout\":\"out_in\",\"qkv_order\":\"by_head\"}" },
    { "llama", "implied by model_type llama", LLAMA }, { "mistral", "implied by model_type mistral", LLAMA }, { "qwen2", "implied by model_type qwen2", LLAMA },
};

const char *config_key(const char *name)
{
    for (size_t i = 0; i < N_ALIASES; i++)
        if (strcmp(aliases[i].other, name) == 0)
            return aliases[i].key;
    return name;
}

const char config_types[] = "gpt2, gpt_neox, llama, mistral, qwen2";

bool config_knows_type(const char *type)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].type, type) == 0)
            return true;
    return false;
}

static enum status add_defaults(struct config *c)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->set, "model_type"));

    type = type ? type : cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->file, "model_type"));
    for (size_t i = 0; type && i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].type, type) == 0) {
            c->defaults_how = defaults[i].how;
            c->defaults = cJSON_Parse(defaults[i].settings);
            return c->defaults ? STATUS_OK : STATUS_MEMORY;
        }
    return STATUS_OK;
}

enum status config_read(struct config *out, char sha256[65], const struct checkpoint *from, const struct model_options *o, struct diag *d)
{
    struct config c = { .path = from->path, .set = cJSON_CreateObject() };
    enum status s = c.set ? STATUS_OK : STATUS_MEMORY;

    sha256[0] = '\0';
    if (s == STATUS_OK)
        s = read_all(&c, sha256, from, o, d);
    if (s == STATUS_OK)
        s = add_defaults(&c);
    if (s == STATUS_OK && from->modules && !(c.derived = config_of_modules(from->modules)))
        s = STATUS_MEMORY;
    if (s == STATUS_OK)
        *out = c;
    else
        config_clear(&c);
    return s;
}

/* Under its own name, else under another library's. */
static const cJSON *find_in(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

    for (size_t i = 0; !value && i < N_ALIASES; i++)
        if (strcmp(aliases[i].key, key) == 0)
            value = cJSON_GetObjectItemCaseSensitive(object, aliases[i].other);
    return value;
}

const cJSON *config_find(const struct config *c, const char *key, const char **how)
{
    const cJSON *value = find_in(c->set, key);

    *how = "given by --set";
    if (value)
        return value;
    *how = c->how;
    if ((value = find_in(c->file, key)) != NULL)
        return value;
    *how = c->defaults ? c->defaults_how : c->how;
    if ((value = cJSON_GetObjectItemCaseSensitive(c->defaults, key)) != NULL)
        return value;
    value = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(c->derived, key), "value");
    if (value)
        *how = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(c->derived, key), "how"));
    return value;
}

static enum status wrong_type(const struct config *c, const char *key, const char *how, const cJSON *value, const char *needed, struct diag *d)
{
    char *shown = cJSON_PrintUnformatted(value);
    enum status s = shown ? diag_fail(d, STATUS_INPUT, "cannot read '%s': %s is %.100s (%s), %s is needed", c->path, key, shown, how, needed)
                          : STATUS_MEMORY;

    cJSON_free(shown);
    return s;
}

enum status config_int(long *out, const char **how, const struct config *c, const char *key, size_t item, size_t n_items, struct diag *d)
{
    const cJSON *all = config_find(c, key, how), *value = all;

    *out = -1;
    if (cJSON_IsArray(all) && n_items) {
        if ((size_t)cJSON_GetArraySize(all) != n_items)
            return wrong_type(c, key, *how, all, "one entry for each layer", d);
        value = cJSON_GetArrayItem(all, (int)item);
    }
    if (!value || cJSON_IsNull(value))
        return STATUS_OK;
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= -1 && value->valuedouble <= 2147483647) || value->valuedouble != floor(value->valuedouble))
        return wrong_type(c, key, *how, value, "an integer", d);
    *out = (long)value->valuedouble;
    return STATUS_OK;
}

enum status config_word(const char **out, const char **how, const struct config *c, const char *key, struct diag *d)
{
    const cJSON *value = config_find(c, key, how);

    *out = NULL;
    if (!value || cJSON_IsNull(value))
        return STATUS_OK;
    if (!cJSON_IsString(value))
        return wrong_type(c, key, *how, value, "a word", d);
    *out = value->valuestring;
    return STATUS_OK;
}

enum status config_bool(int *out, const char **how, const struct config *c, const char *key, struct diag *d)
{
    const cJSON *value = config_find(c, key, how);

    *out = -1;
    if (!value || cJSON_IsNull(value))
        return STATUS_OK;
    if (!cJSON_IsBool(value))
        return wrong_type(c, key, *how, value, "true or false", d);
    *out = cJSON_IsTrue(value) ? 1 : 0;
    return STATUS_OK;
}

enum status config_number(double *out, const char **how, const struct config *c, const char *key, struct diag *d)
{
    const cJSON *value = config_find(c, key, how);

    *out = (double)NAN;
    if (!value || cJSON_IsNull(value))
        return STATUS_OK;
    if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble))
        return wrong_type(c, key, *how, value, "a number", d);
    *out = value->valuedouble;
    return STATUS_OK;
}

bool config_leaves_out(const struct config *c, const char *name)
{
    return text_list_has(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->set, "ignore")), ',', name, strlen(name));
}
