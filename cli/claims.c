/* The claim file of a command, with the options that bind it. */
#include "cli/claims.h"
#include <stdlib.h>

enum status command_claims(struct claims *out, const struct arguments *a, struct diag *d) {
    struct setting *models = NULL, *data = NULL, *params = NULL, *settings = NULL;
    struct claims_options o = {0};
    const char *path = a->positional[0];
    if (command_file_kind(path) == FILE_MODEL)
        return diag_fail(d, STATUS_INPUT, "'%s' is a model file, %s takes a claim file; 'weightproof new %s' writes one", path, a->command->name, path);
    if (command_file_kind(path) == FILE_ARRAY)
        return diag_fail(d, STATUS_INPUT, "'%s' is a data array, %s takes a claim file, which names it: data X = \"%s\"", path, a->command->name, path);
    enum status s = argument_settings(&models, &o.n_models, a, OPTION_MODEL, d);
    if (s == STATUS_OK) s = argument_settings(&data, &o.n_data, a, OPTION_DATA, d);
    if (s == STATUS_OK) s = argument_settings(&params, &o.n_params, a, OPTION_PARAM, d);
    if (s == STATUS_OK) s = argument_settings(&settings, &o.n_settings, a, OPTION_SET, d);
    o.models = models;
    o.data = data;
    o.params = params;
    o.settings = settings;
    o.config = argument_value(a, OPTION_CONFIG);
    o.only = a->values[OPTION_ONLY];
    o.n_only = a->n_values[OPTION_ONLY];
    if (s == STATUS_OK) s = claims_read(out, path, &o, d);
    if (s == STATUS_OK && out->n_statements == 0) {
        s = diag_fail(d, STATUS_INPUT, "no claim to decide in '%s'", path);
        claims_clear(out);
    }
    free(models);
    free(data);
    free(params);
    free(settings);
    return s;
}

enum status command_closed(const struct statement *s, struct diag *d)
{
    if (!s->open) return STATUS_OK;
    if (!s->open->constant) return diag_fail(d, STATUS_INPUT, "claim '%s' leaves conditions open; put those that hold into its where", s->name);
    return diag_fail(d, STATUS_INPUT, "claim '%s' leaves a constant open; give it a value: --param '?%s=1/2'", s->name, s->open->constant);
}
