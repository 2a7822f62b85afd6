/* Activations of a chain: from the settings, else from the classes of a pickled module, else asked for. Declared in models/mlp.h. */
#include <limits.h>
#include <string.h>

#include "core/mem.h"
#include "models/mlp.h"

static const char *const act_keys[] = { "act", "act_fn", "activation", "activation_fn", "activation_function", "hidden_act", NULL };
static const char *const last_keys[] = { "act_out", "output_activation", NULL };

bool mlp_has_gap(const struct mlp_chain *c, size_t i)
{
    return !c->by_module || c->modules[i + 1].number == LONG_MAX || c->modules[i + 1].number - c->modules[i].number > 1;
}

/* Numbers without any gap are those of a list of layers, not of a Sequential. */
static bool has_gaps(const struct mlp_chain *c)
{
    for (size_t i = 0; i + 1 < c->n; i++)
        if (mlp_has_gap(c, i))
            return true;
    return false;
}

/* Numbers the places where an activation may be, and says whether one word tells all of them: between two linear layers there is one place. */
static size_t places(const struct mlp_chain *c, bool *place, bool *one_word)
{
    bool all = !has_gaps(c);
    size_t n = 0, since = 0;

    *one_word = true;
    for (size_t i = 0; i + 1 < c->n; i++) {
        place[i] = all || mlp_has_gap(c, i);
        n += place[i];
        since = c->modules[i].kind == MLP_LINEAR ? place[i] : since + place[i];
        if (since > 1)
            *one_word = false;
    }
    return n;
}

static enum status act_list(struct mlp *k, const bool *place, size_t n, const cJSON *list, const char *how)
{
    int at = 0;

    if ((size_t)cJSON_GetArraySize(list) != n)
        return reading_fail(k->r, "act has %d entries (%s), %zu are needed, one for each place between layers", cJSON_GetArraySize(list), how, n);
    for (size_t i = 0; i + 1 < k->c.n; i++) {
        const char *word;
        enum status s;
        if (!place[i])
            continue;
        word = cJSON_GetStringValue(cJSON_GetArrayItem(list, at++));
        if (!word)
            return reading_fail(k->r, "act is a list with an entry that is no word (%s)", how);
        if ((s = reading_activation_word(&k->act[i], k->r, "act", word, how)) != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status act_word(struct mlp *k, const bool *place, const char *word, const char *how)
{
    int act;
    enum status s = reading_activation_word(&act, k->r, "act", word, how);

    for (size_t i = 0; s == STATUS_OK && i + 1 < k->c.n; i++)
        if (place[i])
            k->act[i] = act;
    return s;
}

/* relu,tanh as a list of words; NULL without memory. */
static cJSON *split_words(const char *words)
{
    cJSON *list = cJSON_CreateArray();

    for (const char *at = words; list && at;) {
        size_t n = strcspn(at, ",");
        struct node_name word = node_named("%.*s", (int)(n < 90 ? n : 90), at);
        cJSON *item = cJSON_CreateString(word.s);
        if (!item || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            return NULL;
        }
        at = at[n] ? at + n + 1 : NULL;
    }
    return list;
}

static enum status between_all(struct mlp *k)
{
    return reading_fact(k->r, "act stands", "inferred from the numbers in the names, paths beside the layers assumed to be none", "between all layers");
}

/* The setting `value`: a word for all places, or a list. */
static enum status from_settings(struct mlp *k, const bool *place, size_t n, const cJSON *value, const char *how)
{
    cJSON *words = NULL;
    enum status s;

    if (!cJSON_IsArray(value) && !cJSON_IsString(value))
        return reading_fail(k->r, "act is neither a word nor a list of words (%s)", how);
    if (cJSON_IsString(value) && strchr(value->valuestring, ',')) {
        value = words = split_words(value->valuestring);
        if (!words)
            return STATUS_MEMORY;
    }
    s = cJSON_IsArray(value) ? act_list(k, place, n, value, how) : act_word(k, place, value->valuestring, how);
    if (s == STATUS_OK)
        s = cJSON_IsArray(value) ? reading_fact(k->r, "act", how, "a list of %zu", n) : reading_fact(k->r, "act", how, "%s", value->valuestring);
    cJSON_Delete(words);
    if (s == STATUS_OK && !k->c.by_module)
        s = between_all(k);
    else if (s == STATUS_OK)
        s = has_gaps(&k->c) ? reading_fact(k->r, "act stands", "inferred from the numbers of the modules, other modules assumed to change nothing", "where numbers are left out")
                            : reading_fact(k->r, "act stands", "assumed, as no number is left out (override with a list)", "between all layers");
    return s;
}

/* The activation of the modules numbered from first to last, each a class of its own; at most one of them is an activation. */
static enum status in_sequence(struct mlp *k, int *act, const char *tensor, long first, long last, struct text *words)
{
    bool any = false;
    enum status s = STATUS_OK;

    for (long i = first; s == STATUS_OK && i <= last; i++) {
        struct node_name path = mlp_path_beside(tensor, i);
        struct mlp_class c;
        if (!mlp_class_of(&c, k, path.s))
            return STATUS_OK; /* past the end */
        if (c.role == ROLE_PASS)
            continue;
        if (c.role != ROLE_ACTIVATION || any || !act)
            return mlp_refuse_class(k, path.s, &c, c.role != ROLE_ACTIVATION ? NULL : any ? "two activations in a row are not read" : "an activation before the first layer is not read");
        any = true;
        s = reading_activation_word(act, k->r, "act", c.word, "by its class");
        text_addf(words, "%s%s", words->size ? ", " : "", c.word);
    }
    return s;
}

static const char *tensor_of(const struct mlp_module *m) { return m->weight ? m->weight : m->mean; }

/* A Sequential names every module: what stands before the first layer, between layers, and after the last. */
static enum status from_sequential(struct mlp *k)
{
    static const char how[] = "read from the classes of the pickled module";
    struct text words = { 0 }, last = { 0 };
    const struct mlp_module *m = k->c.modules, *end = &m[k->c.n - 1];
    struct node_name whole = mlp_path_beside(tensor_of(m), 0);
    enum status s = in_sequence(k, NULL, tensor_of(m), k->c.embed ? k->c.embed_number + 1 : 0, m->number - 1, &words);

    for (size_t i = 0; s == STATUS_OK && i + 1 < k->c.n; i++)
        s = in_sequence(k, &k->act[i], tensor_of(&m[i]), m[i].number + 1, m[i + 1].number - 1, &words);
    if (s == STATUS_OK)
        s = in_sequence(k, &k->act[k->c.n - 1], tensor_of(end), end->number + 1, LONG_MAX - 1, &last);
    if (s == STATUS_OK)
        s = words.failed || last.failed ? STATUS_MEMORY : reading_fact(k->r, "act", how, "%s", words.size ? words.data : "none");
    if (s == STATUS_OK)
        s = reading_fact(k->r, "act_out", how, "%s", last.size ? last.data : "none");
    text_clear(&words);
    text_clear(&last);
    if (s == STATUS_OK && strchr(whole.s, '.')) {
        *strrchr(whole.s, '.') = '\0';
        if ((s = mlp_check_around(k, whole.s)) != STATUS_OK)
            return s;
        s = reading_fact(k->r, "forward pass", "assumed: the code of the class around it is not read", "that of '%s'%s", whole.s, k->c.embed ? " after the embedding" : "");
    }
    return s;
}

/* Of another class: the activations among its parts. */
static enum status activations_seen(struct mlp *k, struct text *word)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, k->modules)
    {
        struct mlp_class c;
        if (!mlp_class_of(&c, k, entry->string) || c.role != ROLE_ACTIVATION || (word->size && strcmp(word->data, c.word) == 0))
            continue;
        if (word->size)
            text_add(word, ",");
        text_add(word, c.word);
    }
    return word->failed ? STATUS_MEMORY : STATUS_OK;
}

static enum status ask(struct mlp *k, size_t n, bool one_word)
{
    struct text seen = { 0 };
    enum status s = activations_seen(k, &seen);

    if (s == STATUS_OK && !one_word)
        s = reading_ask(k->r, "there are %zu places between the layers and norms where an activation may be: say --set act=relu,none,... with one word for each", n);
    else if (s == STATUS_OK)
        s = reading_ask(k->r, "the tensors do not tell the activation between the layers%s%.200s%s: say --set act=relu (or another of %s)", seen.size ? ", and the module has " : "",
                        seen.size ? seen.data : "", seen.size ? " among its parts" : "", activation_words);
    text_clear(&seen);
    return s;
}

/* Whatever the settings leave open. A single activation is taken for that between the layers, but not one that often stands after the last. */
static enum status without_settings(struct mlp *k, const bool *place, size_t n, bool one_word)
{
    struct text word = { 0 };
    enum status s = activations_seen(k, &word);
    bool ends = s == STATUS_OK && word.size && (strcmp(word.data, "softmax") == 0 || strcmp(word.data, "sigmoid") == 0);

    if (s == STATUS_OK && one_word && word.size && !ends && !strchr(word.data, ','))
        s = act_word(k, place, word.data, "by its class");
    else if (s == STATUS_OK) {
        text_clear(&word);
        return ask(k, n, one_word);
    }
    if (s == STATUS_OK)
        s = reading_fact(k->r, "act", "assumed: the only activation among the parts of the pickled module (override with --set act=WORD)", "%s", word.data);
    if (s == STATUS_OK && !k->c.by_module)
        s = between_all(k);
    text_clear(&word);
    return s;
}

static enum status last_activation(struct mlp *k)
{
    const char *how, *word;
    enum status s = reading_word(&word, &how, k->r, last_keys);

    k->act[k->c.n - 1] = (int)ACTIVATION_NONE;
    if (s != STATUS_OK)
        return s;
    if (!word)
        return reading_fact(k->r, "act_out", "assumed (override with --set act_out=WORD)", "none");
    s = reading_activation_word(&k->act[k->c.n - 1], k->r, "act_out", word, how);
    return s == STATUS_OK ? reading_fact(k->r, "act_out", how, "%s", word) : s;
}

static enum status all_activations(struct mlp *k, bool *place)
{
    bool one_word;
    size_t n = places(&k->c, place, &one_word);
    const char *how, *how_last;
    const cJSON *value = reading_value(&how, k->r, act_keys), *last = reading_value(&how_last, k->r, last_keys);
    bool stated = value && !cJSON_IsNull(value) && (one_word || cJSON_IsArray(value) || (cJSON_IsString(value) && strchr(value->valuestring, ',')));
    enum status s = STATUS_OK;

    if (!stated && !last && mlp_is_sequential(k))
        return from_sequential(k);
    if (n && stated)
        s = from_settings(k, place, n, value, how);
    else if (n)
        s = without_settings(k, place, n, one_word);
    return s == STATUS_OK ? last_activation(k) : s;
}

enum status mlp_activations(struct mlp *k)
{
    bool *place = mem_array(k->c.n, sizeof *place);
    enum status s;

    k->act = mem_array(k->c.n, sizeof *k->act);
    for (size_t i = 0; k->act && i < k->c.n; i++)
        k->act[i] = (int)ACTIVATION_NONE;
    s = place && k->act ? all_activations(k, place) : STATUS_MEMORY;
    if (s == STATUS_OK && k->modules && !mlp_is_sequential(k))
        s = reading_fact(k->r, "forward pass", "assumed: the code of the classes around the layers is not read, paths beside the layers assumed to be none", "the layers one after another");
    free(place);
    return s;
}
