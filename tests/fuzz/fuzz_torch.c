/* Any bytes as a PyTorch checkpoint: the zip archive, its members, the pickle, the storages. */
#include <stdint.h>
#include "models/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c = { 0 };
    struct diag d;

    diag_init(&d);
    if (checkpoint_parse(&c, "x", (const char *)data, size, &d) == STATUS_OK && d.n)
        __builtin_trap();
    checkpoint_clear(&c);
    diag_clear(&d);
    return 0;
}
