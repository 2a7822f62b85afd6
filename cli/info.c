#include <stdio.h>
#include "cli/command.h"
#include "models/family.h"
#include "proofs/write.h"

static int list_families(void) {
    for (size_t i = 0; i < n_families; i++)
        printf("%-12s %s\n%-12s known by: %s\n", family_table[i].name, family_table[i].meaning, "", family_table[i].keys);
    printf("%-12s graphs over real numbers or tokens; docs/onnx.md lists the operators\n%-12s known by: the ending .onnx, or the first bytes of such a file\n", "onnx", "");
    printf("%-12s a canonical network file\n%-12s known by: its first line, weightproof-net 1\n", "net", "");
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
    if (s == STATUS_OK) s = command_shapes(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    if (json) write_info_json(&t, &m, argument_given(a, OPTION_RANKS));
    else write_info(&t, &m, argument_given(a, OPTION_RANKS));
    s = t.failed ? STATUS_MEMORY : command_write(json, t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
