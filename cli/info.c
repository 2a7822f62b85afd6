#include <stdio.h>
#include "cli/command.h"
#include "proofs/write.h"

static const struct { const char *name, *text; } families[] = {
    {"transformer", "token models with TransformerLens keys: any layers and heads, LayerNorm or none, MLP or none, causal or not"},
    {"net", "a canonical network file"},
};

static int list_families(void) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) printf("%-12s %s\n", families[i].name, families[i].text);
    return 0;
}

int command_info(const struct arguments *a) {
    struct model m = {0};
    struct text t;
    struct diag d;
    const char *json = argument_value(a, OPTION_JSON);
    bool loaded = false;
    diag_init(&d);
    text_init(&t);
    if (argument_given(a, OPTION_FAMILIES)) return list_families();
    enum status s = STATUS_OK;
    if (a->n_positional == 0) s = diag_fail(&d, STATUS_INPUT, "info needs MODEL or --families");
    if (s == STATUS_OK) s = command_model(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    if (json) write_info_json(&t, &m);
    else write_info(&t, &m);
    s = t.failed ? STATUS_MEMORY : command_write(json, t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
