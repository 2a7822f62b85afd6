#include "integers.h"
#include <string.h>

int bits_of(uint64_t v) { return v == 0 ? 0 : 64 - __builtin_clzll(v); }
int bits_of_wide(unsigned __int128 v) { return v >> 64 != 0 ? 64 + bits_of((uint64_t)(v >> 64)) : bits_of((uint64_t)v); }

uint64_t root_down(unsigned __int128 v) {
    if (v == 0) return 0;
    int bits = bits_of_wide(v);
    unsigned __int128 x = (unsigned __int128)1 << ((bits + 1) / 2); /* at least the root; Newton from above decreases to its floor */
    for (;;) {
        unsigned __int128 y = (x + v / x) / 2;
        if (y >= x) return (uint64_t)x;
        x = y;
    }
}

uint64_t share_at60(unsigned __int128 x, unsigned __int128 all) {
    while (all >> 60 > 0) all >>= 1, x >>= 1;
    return (uint64_t)((x << 60) / all);
}

int rising(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}
