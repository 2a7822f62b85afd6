/* SHA-256 (nettle). */
#ifndef WEIGHTPROOF_CORE_HASH_H
#define WEIGHTPROOF_CORE_HASH_H
#include <stddef.h>
#define SHA256_HEX 65
void sha256_hex(char out[SHA256_HEX], const void *data, size_t size);
#endif
