/* Any bytes as an ONNX file, up to the network. */
#include <stdint.h>
#include <stdlib.h>
#include "core/mem.h"
#include "models/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model m = { .path = mem_string("x") };
    struct diag d;
    enum status s;

    diag_init(&d);
    s = onnx_load(&m, (const char *)data, size, NULL, &d);
    if ((s == STATUS_OK && d.n) || ((s == STATUS_INPUT || s == STATUS_UNSUPPORTED || s == STATUS_INTERNAL) && !d.n) || s == STATUS_INTERNAL)
        __builtin_trap();
    model_clear(&m);
    diag_clear(&d);
    return 0;
}
