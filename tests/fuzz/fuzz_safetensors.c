/* Any bytes as a safetensors file. */
#include <stdint.h>
#include "models/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c = { 0 };
    struct diag d;

    diag_init(&d);
    if (safetensors_parse(&c, "x", (const char *)data, size, &d) == STATUS_OK)
        for (size_t i = 0; i < c.n; i++)
            if (!tensor_need(&c.tensors[i]) || d.n)
                __builtin_trap();
    checkpoint_clear(&c);
    diag_clear(&d);
    return 0;
}
