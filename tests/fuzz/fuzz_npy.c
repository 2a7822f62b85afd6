/* Any bytes as a NumPy array. */
#include <stdint.h>
#include "models/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c = { 0 };
    struct diag d;
    enum status s;

    diag_init(&d);
    s = npy_parse(&c, "x.npy", (const char *)data, size, &d);
    if ((s == STATUS_OK) != (d.n == 0) || (s == STATUS_OK && !tensor_need(&c.tensors[0])))
        __builtin_trap();
    checkpoint_clear(&c);
    diag_clear(&d);
    return 0;
}
