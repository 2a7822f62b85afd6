/* Settings that a pickled module tells by its classes and attributes. Declared in models/config.h. */
#include <math.h>
#include <string.h>

#include "models/config.h"

static const char by_attribute[] = "read from the attributes of the pickled module", by_class[] = "read from the classes of the pickled module",
                  by_default[] = "of an RMSNorm without eps: the machine epsilon of float32, the type of input that is assumed",
                  by_guess[] = "assumed: the only activation among the parts of the pickled module";

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Notes key = value (a copy). A second value that differs makes the key untold: null, which stays. */
static bool note(cJSON *out, const char *key, const cJSON *value, const char *how)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(out, key), *entry;

    if (old && !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(old, "value"), value, true))
        return cJSON_ReplaceItemInObjectCaseSensitive(out, key, cJSON_CreateNull());
    if (old)
        return true;
    entry = cJSON_CreateObject();
    if (!entry || !cJSON_AddItemToObject(entry, "value", cJSON_Duplicate(value, true)) || !cJSON_AddStringToObject(entry, "how", how) || !cJSON_AddItemToObject(out, key, entry)) {
        cJSON_Delete(entry);
        return false;
    }
    return true;
}

static bool note_word(cJSON *out, const char *key, const char *word, const char *how)
{
    cJSON *value = cJSON_CreateString(word);
    bool fine = value && note(out, key, value, how);

    cJSON_Delete(value);
    return fine;
}

/* Activation modules, but those that often stand at the end. */
static bool note_activation(cJSON *out, const char *class, const cJSON *module)
{
    static const struct { const char *class, *word; } words[] = { { ".ReLU", "relu" }, { ".SiLU", "silu" }, { ".GELU", "gelu" }, { ".Tanh", "tanh" } };
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(module, "approximate");
    bool tanh_kind = cJSON_IsString(kind) && strcmp(kind->valuestring, "tanh") == 0;

    if (strncmp(class, "torch.nn.modules.activation.", 28) != 0 || ends(class, ".MultiheadAttention"))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ends(class, words[i].class))
            return note_word(out, "act_fn", tanh_kind ? "gelu_new" : words[i].word, by_guess);
    return true;
}

static bool note_encoder_layer(cJSON *out, const cJSON *module)
{
    const cJSON *first = cJSON_GetObjectItemCaseSensitive(module, "norm_first"), *act = cJSON_GetObjectItemCaseSensitive(module, "activation");
    bool fine = !cJSON_IsBool(first) || note(out, "norm_first", first, by_class);

    if (fine && cJSON_IsString(act) && (ends(act->valuestring, ".relu") || ends(act->valuestring, ".gelu")))
        fine = note_word(out, "act_fn", ends(act->valuestring, ".relu") ? "relu" : "gelu", by_class);
    return fine;
}

static bool note_module(cJSON *out, const cJSON *module)
{
    static const char *const heads[] = { "num_heads", "n_heads", "n_head", "nhead", "num_attention_heads", "heads" }, *const epsilons[] = { "eps", "variance_epsilon" };
    const char *class = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(module, "class"));
    bool fine = class && note_activation(out, class, module);

    if (fine && ends(class, ".TransformerEncoderLayer") && strncmp(class, "torch.nn.", 9) == 0)
        fine = note_encoder_layer(out, module);
    for (size_t i = 0; fine && i < sizeof heads / sizeof *heads; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(module, heads[i]);
        if (cJSON_IsNumber(value) && value->valuedouble >= 1 && value->valuedouble == floor(value->valuedouble))
            fine = note(out, "n_heads", value, by_attribute);
    }
    for (size_t i = 0; fine && strstr(class, "Norm") && i < sizeof epsilons / sizeof *epsilons; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(module, epsilons[i]);
        if (cJSON_IsNumber(value))
            fine = note(out, "eps", value, by_attribute);
    }
    if (fine && strcmp(class, "torch.nn.modules.normalization.RMSNorm") == 0 && !cJSON_GetObjectItemCaseSensitive(module, "eps")) {
        cJSON *value = cJSON_CreateNumber(CONFIG_RMS_EPS);
        fine = value && note(out, "eps", value, by_default);
        cJSON_Delete(value);
    }
    return fine;
}

cJSON *config_of_modules(const char *modules)
{
    cJSON *all = cJSON_Parse(modules), *out = all ? cJSON_CreateObject() : NULL;
    const cJSON *module;

    cJSON_ArrayForEach(module, all)
        if (out && !note_module(out, module)) {
            cJSON_Delete(out);
            out = NULL;
        }
    cJSON_Delete(all);
    return out;
}
