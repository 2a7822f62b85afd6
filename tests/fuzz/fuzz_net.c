/* Any bytes as a network file. What is accepted must be what writing it gives: there is one text for a network. */
#include <stdint.h>
#include <string.h>
#include "models/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text again = { 0 };
    struct net net = { 0 };
    struct diag d;

    diag_init(&d);
    if (net_parse(&net, "x", (const char *)data, size, &d) == STATUS_OK) {
        if (net_write(&again, &net) == STATUS_OK && (again.size != size || memcmp(again.data, data, size) != 0))
            __builtin_trap();
        net_clear(&net);
    }
    text_clear(&again);
    diag_clear(&d);
    return 0;
}
