/* Any bytes as a PyTorch checkpoint: the zip archive, its members, the pickle, the storages; or as the pickle of one whose storages "0" and "1" are
 * there, stored or deflated as the first byte says. */
#include "models/checkpoint.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const char *data, size_t size)
{
    struct checkpoint c = { 0 };
    struct diag d;

    diag_init(&d);
    if (checkpoint_parse(&c, "x", data, size, &d) == STATUS_OK) {
        for (size_t i = 0; i < c.n; i++)
            if (!tensor_need(&c.tensors[i]) || d.n)
                __builtin_trap();
        checkpoint_clear(&c);
    }
    diag_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char numbers[64] = "0123456789abcdefghijklmnopqrstuv0123456789abcdefghijklmnopqrstu";
    size_t n = 0;
    char *archive = NULL;

    if (size > 1 && data[0] != 'P')
        archive = wrap((struct member[]){ { "m/data.pkl", data + 1, size - 1 }, { "m/data/0", numbers, 8 }, { "m/data/1", numbers, 64 } }, 3, data[0] & 1, &n);
    if (archive)
        read_all(archive, n);
    else
        read_all((const char *)data, size);
    free(archive);
    return 0;
}
