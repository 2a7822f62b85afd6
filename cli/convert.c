/* The canonical text of a model or of a data array. */
#include "cli/command.h"
#include <string.h>
#include "core/text.h"
#include "models/data_array.h"

static enum status convert_model(struct text *t, const struct arguments *a, struct diag *d) {
    struct model m = {0};
    enum status s = command_model(&m, a, a->positional[0], d);
    if (s != STATUS_OK) return s;
    s = net_write(t, &m.net);
    model_clear(&m);
    return s;
}

static enum status convert_array(struct text *t, const struct arguments *a, struct diag *d) {
    struct data_array x = {0};
    enum status s = data_array_read(&x, a->positional[0], NULL, d);
    if (s != STATUS_OK) return s;
    s = data_array_write(t, &x);
    data_array_clear(&x);
    return s;
}

int command_convert(const struct arguments *a) {
    struct text t;
    struct diag d;
    diag_init(&d);
    text_init(&t);
    enum status s = command_file_kind(a->positional[0]) == FILE_ARRAY ? convert_array(&t, a, &d) : convert_model(&t, a, &d);
    if (s == STATUS_OK && t.failed) s = STATUS_MEMORY;
    if (s == STATUS_OK) s = command_write(argument_value(a, OPTION_OUTPUT), t.data, t.size, &d);
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
