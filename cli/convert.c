#include "cli/command.h"
#include "core/text.h"

int command_convert(const struct arguments *a) {
    struct model m = {0};
    struct text t;
    struct diag d;
    bool loaded = false;
    diag_init(&d);
    text_init(&t);
    enum status s = command_model(&m, a, a->positional[0], &d);
    if (s != STATUS_OK) goto done;
    loaded = true;
    s = net_write(&t, &m.net);
    if (s == STATUS_OK && t.failed) s = STATUS_MEMORY;
    if (s == STATUS_OK) s = command_write(argument_value(a, OPTION_OUTPUT), t.data, t.size, &d);
done:;
    int code = s == STATUS_OK ? 0 : command_fail(s, &d);
    if (loaded) model_clear(&m);
    text_clear(&t);
    diag_clear(&d);
    return code;
}
