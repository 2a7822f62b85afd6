/* Any bytes as a zip archive of NumPy arrays; or as the arrays a.npy and b.npy of one, stored or deflated as the first byte says, cut where
 * the second says. */
#include "models/npy.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const char *data, size_t size)
{
    struct checkpoint c = { 0 };
    struct diag d;

    diag_init(&d);
    if (checkpoint_parse(&c, "x.npz", data, size, &d) == STATUS_OK) {
        for (size_t i = 0; i < c.n; i++)
            if (!tensor_need(&c.tensors[i]) || d.n)
                __builtin_trap();
        checkpoint_clear(&c);
    }
    diag_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cut = size > 2 ? (size - 2) * data[1] / 255 : 0, n = 0;
    char *archive = NULL;

    if (size > 2 && data[0] != 'P')
        archive = wrap((struct member[]){ { "a.npy", data + 2, cut }, { "b.npy", data + 2 + cut, size - 2 - cut } }, 2, data[0] & 1, &n);

    if (archive)
        read_all(archive, n);
    else
        read_all((const char *)data, size);
    free(archive);
    return 0;
}
