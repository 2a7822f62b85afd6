/* config: the settings of a model, from JSON in or beside its file, overlaid with KEY=VALUE settings. */
#ifndef WEIGHTPROOF_MODELS_CONFIG_H
#define WEIGHTPROOF_MODELS_CONFIG_H
#include <cjson/cJSON.h>
#include "models/model.h"

struct config {
    cJSON *file;               /* object, or NULL without configuration */
    char *how;                 /* "read from metadata", "read from 'x.config.json'" */
    cJSON *set;                /* object of the KEY=VALUE settings */
    cJSON *defaults; const char *defaults_how; /* object of what the model_type of the configuration implies, or NULL */
    cJSON *derived;            /* what a pickled module tells: KEY: { value, how }, or null where its parts tell different things; or NULL */
    const char *path;          /* of the model, for messages */
    const char *entry;         /* where in the model's file the configuration is, likewise */
};
/* Finds and reads the configuration of a checkpoint: o->config_path, else the text inside the file (a side-car that says otherwise is then
 * an error), else NAME.config.json beside it, else
 * config.json beside a file with one of the names that libraries give (model.safetensors, pytorch_model.bin); then o->set.
 * sha256: of the side-car file, or "". */
enum status config_read(struct config *out, char sha256[65], const struct checkpoint *c, const struct model_options *o, struct diag *d) MUST_USE;
void config_clear(struct config *c);
/* Value of a key and where it comes from, or NULL; a JSON null is a value. Names that other libraries have for the key are tried too
 * (layer_norm_epsilon for eps, n_embd for d_model), then what the model_type implies. */
const cJSON *config_find(const struct config *c, const char *key, const char **how);
/* The key that is read here for a name of another library's; the name itself for all others. */
const char *config_key(const char *name);
/* The object `derived` from checkpoint.modules (config_module.c); NULL without memory. */
cJSON *config_of_modules(const char *modules);
/* torch.nn.RMSNorm(eps=None) takes the machine epsilon of its input's type, float32 here. */
#define CONFIG_RMS_EPS 0x1p-23
/* Is there a row of defaults for this model_type? config_types: the list of those, for messages. */
bool config_knows_type(const char *type);
extern const char config_types[];
/* Did the user (only the user, not the file) say that this tensor of the file is to be left out: --set ignore=NAME,...? */
bool config_leaves_out(const struct config *c, const char *name);
/* *out: the integer of a key, -1 if there is none (absent, null or -1). item: which entry when the value is a list with one per layer. */
enum status config_int(long *out, const char **how, const struct config *c, const char *key, size_t item, size_t n_items, struct diag *d) MUST_USE;
/* *out: the string, NULL if there is none. */
enum status config_word(const char **out, const char **how, const struct config *c, const char *key, struct diag *d) MUST_USE;
/* *out: 1, 0, or -1 if there is none. */
enum status config_bool(int *out, const char **how, const struct config *c, const char *key, struct diag *d) MUST_USE;
/* *out: the number, NaN if there is none. */
enum status config_number(double *out, const char **how, const struct config *c, const char *key, struct diag *d) MUST_USE;
#endif
