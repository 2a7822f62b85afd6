#include "core/hash.h"

void sha256_begin(struct sha256 *h) { sha256_init(&h->state); }

void sha256_add(struct sha256 *h, const void *data, size_t size)
{
    if (size)
        sha256_update(&h->state, size, data);
}

void sha256_end(char out[SHA256_HEX], struct sha256 *h)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_digest(&h->state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[SHA256_HEX - 1] = '\0';
}

void sha256_hex(char out[SHA256_HEX], const void *data, size_t size)
{
    struct sha256 h;

    sha256_begin(&h);
    sha256_add(&h, data, size);
    sha256_end(out, &h);
}
