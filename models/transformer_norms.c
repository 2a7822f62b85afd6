/* Which norms a transformer has, and where. Folded norms (LNPre, RMSPre) have no tensors, so that only the configuration can tell them from none.
 * Declared in models/transformer.h. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "models/transformer.h"

static const struct { const char *word; enum norm norm; } words[] = {
    { "LN", NORM_LN }, { "LNPre", NORM_LNPRE }, { "RMS", NORM_RMS }, { "RMSPre", NORM_RMSPRE }, { "null", NORM_NONE }, { "none", NORM_NONE },
    { "LayerNorm", NORM_LN }, { "RMSNorm", NORM_RMS },
};
static const char *const shown[] = { [NORM_NONE] = "null", [NORM_LN] = "LN", [NORM_LNPRE] = "LNPre", [NORM_RMS] = "RMS", [NORM_RMSPRE] = "RMSPre" };

static const char *file_of(const struct transformer *t) { return t->model->checkpoint.path; }
static bool has_weights(enum norm n) { return n == NORM_LN || n == NORM_RMS; }

/* Any tensor of a norm with that ending; NULL without one. */
static const struct tensor *norm_tensor(const struct transformer *t, char ending)
{
    static const char *const prefixes[] = { "blocks.0.ln1", "ln_final", "blocks.0.ln2" };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char name[32];
        const struct tensor *x;
        (void)snprintf(name, sizeof name, "%s.%c", prefixes[i], ending);
        if ((x = transformer_tensor(t, name)) != NULL)
            return x;
    }
    return NULL;
}

/* A key that only one kind of norm has says which kind it is. */
static bool by_epsilon(struct transformer *t, const char **how)
{
    static const struct { const char *key, *how; enum norm norm; } keys[] = {
        { "rms_norm_eps", "inferred from the key rms_norm_eps", NORM_RMS }, { "layer_norm_eps", "inferred from the key layer_norm_eps", NORM_LN },
        { "layer_norm_epsilon", "inferred from the key layer_norm_epsilon", NORM_LN },
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (cJSON_GetObjectItemCaseSensitive(t->config->file, keys[i].key)) {
            t->norm = keys[i].norm;
            *how = keys[i].how;
            return true;
        }
    return false;
}

/* Not stated: the names tell a norm with a bias; one without may be of either kind, and a folded one leaves no trace. */
static enum status infer_kind(struct transformer *t)
{
    const char *how = "inferred from the names of the tensors";

    if (!norm_tensor(t, 'w'))
        return transformer_ask(t, "the tensors do not tell whether the model normalises (a folded norm has none): say --set normalization_type=null "
                                  "(or LNPre, RMSPre), or give --config FILE");
    t->norm = NORM_LN;
    if (!norm_tensor(t, 'b') && !by_epsilon(t, &how))
        return transformer_ask(t, "the norms have no bias, which RMSNorm never has and LayerNorm may not have: say --set normalization_type=RMS (or LN)");
    return transformer_fact(t, "normalization_type", shown[t->norm], how, "");
}

static enum status kind(struct transformer *t)
{
    const char *how, *word;
    const cJSON *stated = config_find(t->config, "normalization_type", &how);
    const struct tensor *w = norm_tensor(t, 'w');
    enum status s = config_word(&word, &how, t->config, "normalization_type", t->d);
    size_t i = 0;

    if (s != STATUS_OK)
        return s;
    if (!stated)
        return infer_kind(t);
    word = word ? word : "null";
    while (i < sizeof words / sizeof *words && strcasecmp(word, words[i].word) != 0)
        i++;
    if (i == sizeof words / sizeof *words)
        return transformer_unknown_word(t, "normalization_type", word, how, "null, LN, LNPre, RMS or RMSPre");
    t->norm = words[i].norm;
    if (w && !has_weights(t->norm))
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': normalization_type is %s (%s), but there is a tensor '%s'", file_of(t), shown[t->norm], how,
                         transformer_shown(t, w));
    return transformer_fact(t, "normalization_type", shown[t->norm], how, "");
}

/* The weights of one norm. */
static enum status needs_norm(struct transformer *t, enum norm norm, const char *prefix)
{
    char name[100];
    enum status s;

    if (!has_weights(norm))
        return STATUS_OK;
    (void)snprintf(name, sizeof name, "%s.w", prefix);
    if ((s = transformer_needs(t, name, false, 1, &t->d_model, "d_model")) != STATUS_OK || norm == NORM_RMS)
        return s;
    (void)snprintf(name, sizeof name, "%s.b", prefix);
    if (!transformer_tensor(t, name) && t->foreign)
        return model_add_fact(t->model, name, "0", "assumed, as the tensor is absent");
    return transformer_needs(t, name, false, 1, &t->d_model, "d_model");
}

static enum status need_all(struct transformer *t)
{
    enum status s = STATUS_OK;
    char prefix[48];

    for (size_t l = 0; s == STATUS_OK && l < t->n_layers; l++) {
        (void)snprintf(prefix, sizeof prefix, "blocks.%zu.ln1", l);
        s = needs_norm(t, t->norm, prefix);
        (void)snprintf(prefix, sizeof prefix, "blocks.%zu.ln2.w", l);
        if (t->parallel && t->foreign && !transformer_tensor(t, prefix))
            continue; /* attention and MLP read the same norm */
        prefix[strlen(prefix) - 2] = '\0';
        if (s == STATUS_OK && t->layers[l].d_mlp)
            s = needs_norm(t, t->norm, prefix);
    }
    return s == STATUS_OK ? needs_norm(t, t->final_norm, "ln_final") : s;
}

/* The norm before the unembedding: as in the layers, or RMS by final_rms; a module of other names may have none. */
static enum status final_norm(struct transformer *t)
{
    const char *how;
    int rms;
    enum status s = config_bool(&rms, &how, t->config, "final_rms", t->d);

    if (s != STATUS_OK)
        return s;
    t->final_norm = t->norm;
    if (rms == 1 && t->norm != NORM_NONE) {
        t->final_norm = has_weights(t->norm) ? NORM_RMS : NORM_RMSPRE;
        return model_add_fact(t->model, "final_rms", "true", how);
    }
    if (t->foreign && has_weights(t->norm) && !transformer_tensor(t, "ln_final.w")) {
        t->final_norm = NORM_NONE;
        return model_add_fact(t->model, "ln_final", "none", "assumed, as no tensor is known as a final norm");
    }
    return STATUS_OK;
}

/* x + f(norm(x)), or norm(x + f(x)): the tensors are the same. */
static enum status order(struct transformer *t)
{
    const char *how;
    const struct tensor *w = transformer_tensor(t, "blocks.0.ln1.w");
    int first;
    enum status s = config_bool(&first, &how, t->config, "norm_first", t->d);

    t->norm_first = first != 0;
    if (s != STATUS_OK || t->norm == NORM_NONE)
        return s;
    if (first >= 0)
        return model_add_fact(t->model, "norm_first", first ? "true" : "false", how);
    if (!t->foreign)
        return STATUS_OK;
    if (w && strstr(transformer_shown(t, w), "norm1"))
        return transformer_ask(t, "the names norm1, norm2 do not tell whether a norm comes before its layer or after the sum: say --set norm_first=true or false "
                                  "(nn.TransformerEncoderLayer's default is false)");
    return transformer_fact(t, "norm_first", "true", NULL, "false");
}

enum status transformer_epsilon(struct transformer *t, bool inner)
{
    const char *how;
    double eps;
    struct text text = { 0 };
    enum status s = config_number(&eps, &how, t->config, "eps", t->d);

    if (s != STATUS_OK || (t->norm == NORM_NONE && !inner))
        return s;
    if (isnan(eps) && cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(t->config->derived, "eps")))
        return diag_fail(t->d, STATUS_UNSUPPORTED, "cannot read '%s': the norms of the pickled module have different eps, only one for all is read (--set eps=NUMBER takes that one for all)",
                         file_of(t));
    if (isnan(eps) && t->foreign && t->norm != NORM_LN)
        return transformer_ask(t, "the tensors do not tell the epsilon of the norms: say --set eps=NUMBER");
    t->eps = isnan(eps) ? 1e-5 : eps;
    if (!(t->eps >= 0))
        return diag_fail(t->d, STATUS_INPUT, "cannot read '%s': eps is %g (%s), a number of at least 0 is needed", file_of(t), eps, how);
    text_add_double(&text, t->eps);
    s = text.failed ? STATUS_MEMORY : transformer_fact(t, "eps", text.data, isnan(eps) ? NULL : how, "NUMBER");
    text_clear(&text);
    return s;
}

enum status transformer_norms(struct transformer *t)
{
    enum status s;

    if ((s = kind(t)) != STATUS_OK || (s = final_norm(t)) != STATUS_OK || (s = order(t)) != STATUS_OK || (s = transformer_epsilon(t, false)) != STATUS_OK)
        return s;
    return t->questions.size ? STATUS_OK : need_all(t);
}
