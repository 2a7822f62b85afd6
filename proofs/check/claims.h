/* claims: --claims. Own reader of the claim language, down to the canonical statement of one claim. */
#ifndef CHECK_CLAIMS_H
#define CHECK_CLAIMS_H
#include "stmt.h"

#define OPTIONS_MOST 64
struct named_option { const char *name; size_t name_n; const char *value; };
struct claims_query {
    const char *path, *only;
    struct named_option params[OPTIONS_MOST], models[OPTIONS_MOST], data[OPTIONS_MOST]; /* --param NAME=VALUE, --model NAME=NET, --data NAME=ARR */
    int n_params, n_models, n_data;
};
bool claims_option(struct named_option *list, int *n, const char *text); /* splits at '='; false when it cannot */
/* Is the statement the one that the named claim of the file stands for (for one value of its foreach)? */
bool claims_match(const struct claims_query *q, const struct stmt *s, const char *text, bool *readable, struct fail *f);
#endif
