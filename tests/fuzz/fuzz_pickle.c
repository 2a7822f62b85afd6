/* Any bytes as the pickle of a PyTorch checkpoint. */
#include <stdint.h>
#include "models/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle p = { 0 };
    struct diag d;
    enum status s;

    diag_init(&d);
    s = pickle_parse(&p, "x", (const char *)data, size, &d);
    if ((s == STATUS_OK) != (d.n == 0) || (s == STATUS_OK && p.root >= p.n))
        __builtin_trap();
    pickle_clear(&p);
    diag_clear(&d);
    return 0;
}
