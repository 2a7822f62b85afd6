/* The claim file of a command, with the options that bind it. */
#include "cli/claims.h"
#include <stdlib.h>

enum status command_claims(struct claims *out, const struct arguments *a, struct diag *d) {
    struct setting *models = NULL, *params = NULL, *settings = NULL;
    struct claims_options o = {0};
    enum status s = argument_settings(&models, &o.n_models, a, OPTION_MODEL, d);
    if (s == STATUS_OK) s = argument_settings(&params, &o.n_params, a, OPTION_PARAM, d);
    if (s == STATUS_OK) s = argument_settings(&settings, &o.n_settings, a, OPTION_SET, d);
    o.models = models;
    o.params = params;
    o.settings = settings;
    o.config = argument_value(a, OPTION_CONFIG);
    o.only = a->values[OPTION_ONLY];
    o.n_only = a->n_values[OPTION_ONLY];
    if (s == STATUS_OK) s = claims_read(out, a->positional[0], &o, d);
    if (s == STATUS_OK && out->n_statements == 0) {
        s = diag_fail(d, STATUS_INPUT, "no claim to decide in '%s'", a->positional[0]);
        claims_clear(out);
    }
    free(models);
    free(params);
    free(settings);
    return s;
}
