#include "models/checkpoint.h"
enum status torch_parse(struct checkpoint *out, const char *path, const char *data, size_t size, struct diag *d)
{
    (void)out; (void)data; (void)size;
    return diag_fail(d, STATUS_UNSUPPORTED, "cannot read this format yet: '%s' is a PyTorch file", path);
}
